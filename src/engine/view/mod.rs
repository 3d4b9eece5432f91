//! Other spellings of plain text: what is encoded, and what stands for something else.
//!
//! Enters: a text and a place. Leaves: the character or the bytes that are meant there, and how they are written. The scan
//! makes views of a text from these (`scan::view`), so that rules see what a reader of the text would get.

mod blob;
mod element;
mod emphasis;
mod fold;
mod query;
mod reference;
mod soft;

pub(super) use blob::Blob;
pub(super) use element::Encoding;

use super::byte_set::ByteSet;
use super::prefilter::Window;

pub(super) use blob::{Beginning, Group, write as write_blob};
pub(super) use element::{Element, LONGEST, Parsed, may_begin, parse, write};

/// How many bytes before an encoded character say what it is, at most.
pub(super) const NEAR: usize = if query::REACH > element::BEFORE { query::REACH } else { element::BEFORE };

/// What stands round every place where an encoded character begins.
pub(super) fn windows() -> Vec<Window> {
    let any = ByteSet::ALL;
    let set = |bytes: &[u8]| ByteSet::new(|byte| bytes.contains(&byte));
    let hex = ByteSet::new(|byte| byte.is_ascii_hexdigit());
    let octal = ByteSet::new(|byte| (b'0'..=b'7').contains(&byte));
    let name = ByteSet::new(|byte| byte.is_ascii_alphabetic() || byte == b'#');
    let reference = ByteSet::new(|byte| byte.is_ascii_alphanumeric() || byte == b';');
    let upper = ByteSet::new(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte));
    let tag = ByteSet::new(|byte| byte.is_ascii_lowercase() || byte == b'>');
    let lead = ByteSet::new(fold::is_lead);
    let tail = ByteSet::new(|byte| (0x80..0xC0).contains(&byte));
    let [opening, closing] = emphasis::windows();
    vec![
        [any, set(b"%"), hex, hex, any],
        [any, set(b"%"), set(b"u"), hex, hex],
        [any, set(b"&"), name, reference, reference],
        [any, set(b"\\"), set(b"\\uUx"), any, any],
        [any, set(b"\\"), set(b"01"), octal, octal],
        [any, set(b"="), set(b"234567ABCDEF"), upper, any],
        [any, set(b"="), set(b"\r\n"), any, any],
        [any, set(b"<"), set(b"befimsuw"), tag, any],
        [any, lead, tail, any, any],
        query::window(),
        opening,
        closing,
    ]
}
