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

pub(super) use blob::{Beginning, Fold, Group, write as write_blob};
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the pass stops must be wherever an encoded character is read, else how a text comes would decide.
    #[test]
    fn every_encoded_character_has_a_window() {
        const PARTS: &[&[u8]] = &[
            b"&#",
            b"&#x",
            b"&",
            b"&amp;",
            b"&lt",
            b"lt",
            b"&shy",
            b"&gt;",
            b"%",
            b"%25",
            b"%u",
            b"\\",
            b"\\u",
            b"\\x",
            b"\\U000000",
            b"\\u{",
            b"}",
            b"=",
            b"=3",
            b"=\r\n",
            b"<wbr>",
            b"<b></b>",
            b"<i>",
            b"+",
            b"**",
            b"__",
            b"~~",
            b"`",
            b"*",
            b"_",
            b"?q=",
            b"a",
            b"Z",
            b"@",
            b".",
            b";",
            b" ",
            b"\n",
            b"0",
            b"1",
            b"2",
            b"3",
            b"40",
            b"41",
            b"34",
            b"0034",
            b"\xEF\xB8\x8F",
            b"\xE2\x83\xA3",
            b"\xE2\x80\x8B",
            b"\xEF\xBC\x94",
            b"\xC3\xA9",
            b"\xC2\xA0",
        ];
        let windows = windows();
        let mut random = 0x9E37_79B9_7F4A_7C15_u64;
        let mut next = |below: usize| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) as usize % below
        };
        let mut text = Vec::new();
        for _ in 0..200_000 {
            text.clear();
            for _ in 0..4 + next(12) {
                text.extend_from_slice(PARTS[next(PARTS.len())]);
            }
            for at in 0..text.len().saturating_sub(3) {
                let read = parse(&text, at, true);
                let fits = |window: &Window| {
                    let before = at.checked_sub(1).map_or(b' ', |before| text[before]);
                    let bytes = [before, text[at], text[at + 1], text[at + 2], text[at + 3]];
                    window.iter().zip(bytes).all(|(set, byte)| set.contains(byte))
                };
                assert!(
                    !matches!(read, Parsed::Element(_)) || windows.iter().any(fits),
                    "{} at {at}: {read:?}",
                    text.escape_ascii()
                );
            }
        }
    }
}
