//! Hand-written detectors: a text and a place in it, in; whether a value begins there, out.
//!
//! Each looks at a bounded window and answers [`Step::More`] while text that has not come yet could change its answer;
//! any other answer stays the same whatever follows. That is what *Split* rests on.

mod card;
mod email;
mod email_spelled;
mod fraction;
mod gap;
mod iban;
mod ip;
mod mac;
mod number;
mod phone;
mod ssn;
mod uuid;

pub(super) use email::{local_start, trailing_atoms};
pub(super) use email_spelled::{cut_off as spelled_cut_off, email_spelled, next_sign};
pub(super) use ip::may_be_ipv6;
pub(super) use mac::may_be_mac;
pub(super) use number::Numbers;
pub(super) use phone::EXTENSION_WORDS;
pub use phone::Regions;

use super::byte_set::ByteSet;
use super::prefilter::Window;
use super::rule::Detector;

/// Looks for a value that begins at `at`; of an address, one whose `@` stands there.
pub(super) fn find(detector: Detector, text: &[u8], at: usize, last: bool) -> Step {
    match detector {
        Detector::Card => by_itself(text, at, last, card::card(text, at, last)),
        Detector::UsSsn => by_itself(text, at, last, ssn::ssn(text, at, last)),
        Detector::UsItin => by_itself(text, at, last, ssn::itin(text, at, last)),
        Detector::Phone => by_itself(text, at, last, phone::phone(text, at, last)),
        Detector::PhoneAny => by_itself(text, at, last, phone::any(text, at, last)),
        Detector::PhoneNational(regions) => by_itself(text, at, last, phone::national(text, at, last, regions)),
        Detector::Email => email::email(text, at, last),
        Detector::EmailSpelled => email_spelled(text, at, 0, last).1,
        Detector::Iban => iban::iban(text, at, last),
        Detector::Ipv4 => ip::ipv4(text, at, last),
        Detector::Ipv6 => ip::ipv6(text, at, last),
        Detector::Mac => mac::mac(text, at, last),
    }
}

/// Digits of a fraction that are no number of their own.
const FRACTION: usize = 9;

/// What a number is that may begin in a UUID or in a fraction, and is none there.
fn by_itself(text: &[u8], at: usize, last: bool, found: Step) -> Step {
    let Step::Match(end) = found else { return found };
    let run = text.get(at..end).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_digit()).count();
    if run > 0 && fraction::behind_point(text, at) {
        return Step::None;
    }
    let decimal = if run < FRACTION { Some(false) } else { fraction::behind_comma(text, at, at + run, last) };
    let uuid = uuid::around(text, at, last);
    match decimal.zip(uuid).map(|(decimal, uuid)| decimal || uuid) {
        Some(true) => Step::None,
        Some(false) => found,
        None => Step::More,
    }
}

/// What stands round every place that a detector must be tried at: the byte before it, its own, three behind. A text that
/// is too short for a window may still hold a value.
pub(super) fn windows(detector: Detector) -> Vec<Window> {
    let digit = ByteSet::new(|byte| byte.is_ascii_digit());
    let no_digit = ByteSet::new(|byte| !byte.is_ascii_digit());
    // Digits, and whatever may stand between two of them.
    let number = ByteSet::new(|byte| !byte.is_ascii() || byte.is_ascii_digit() || b" \t\r\n-./_()+".contains(&byte));
    let any = ByteSet::ALL;
    match detector {
        // Of no region there are no numbers.
        Detector::PhoneNational(regions) if regions == Regions::NONE => Vec::new(),
        Detector::Card | Detector::UsSsn | Detector::UsItin => vec![[no_digit, digit, number, number, number]],
        Detector::Phone | Detector::PhoneAny | Detector::PhoneNational(_) => {
            let sign = ByteSet::new(|byte| b"+(".contains(&byte));
            vec![[no_digit, digit, number, number, number], [any, sign, digit, number, number]]
        }
        Detector::Email => {
            let at = ByteSet::new(|byte| byte == b'@');
            let before = ByteSet::new(|byte| !byte.is_ascii_whitespace());
            let domain =
                ByteSet::new(|byte| !byte.is_ascii() || byte.is_ascii_alphanumeric() || b"-.[:".contains(&byte));
            vec![[before, at, domain, domain, domain]]
        }
        Detector::EmailSpelled => {
            let one = |bytes: &[u8]| ByteSet::new(|byte| bytes.contains(&byte.to_ascii_lowercase()));
            vec![[any, one(b"@"), any, any, any], [any, one(b" ([{<"), one(b"a"), one(b"t"), one(b" )]}>")]]
        }
        Detector::Iban => iban::windows(),
        Detector::Ipv4 => {
            let before = ByteSet::new(|before| ip::ipv4_may_begin(Some(before), b'1'));
            let part = ByteSet::new(|byte| byte.is_ascii_digit() || byte == b'.');
            vec![[before, digit, part, part, part]]
        }
        Detector::Ipv6 => {
            let before =
                ByteSet::new(|before| ip::ipv6_may_begin(Some(before), b'1') || ip::ipv6_may_begin(Some(before), b':'));
            let first = ByteSet::new(|byte| ip::ipv6_may_begin(None, byte));
            let part = ByteSet::new(|byte| byte.is_ascii_hexdigit() || b":.".contains(&byte));
            vec![[before, first, part, part, part]]
        }
        Detector::Mac => {
            let before = ByteSet::new(|before| mac::may_begin(Some(before), b'a'));
            let hex = ByteSet::new(|byte| byte.is_ascii_hexdigit());
            let joint = ByteSet::new(|byte| byte.is_ascii_hexdigit() || b":-".contains(&byte));
            vec![[before, hex, hex, joint, hex]]
        }
    }
}

/// How many bytes before a value decide on it.
pub(in crate::engine) fn look_behind(detector: Detector) -> usize {
    match detector {
        Detector::EmailSpelled => email_spelled::LOOK_BEHIND,
        Detector::Email => email::LOOK_BEHIND,
        _ => 0,
    }
}

/// The least bytes that a value has from the place of its window on, or less.
pub(in crate::engine) fn least(detector: Detector) -> usize {
    match detector {
        Detector::Card | Detector::UsSsn | Detector::UsItin | Detector::Iban | Detector::Ipv4 | Detector::Mac => 7,
        Detector::Phone | Detector::PhoneAny | Detector::PhoneNational(_) => 5,
        Detector::Email | Detector::EmailSpelled | Detector::Ipv6 => 2,
    }
}

/// The most bytes a detector looks at from a value's first byte on.
pub(super) fn max_len(detector: Detector) -> usize {
    match detector {
        Detector::Card => card::MAX_LEN,
        Detector::UsSsn | Detector::UsItin => ssn::MAX_LEN,
        Detector::Phone | Detector::PhoneAny | Detector::PhoneNational(_) => phone::MAX_LEN,
        Detector::Email => email::MAX_LEN,
        Detector::Iban => iban::MAX_LEN,
        Detector::Ipv4 => ip::IPV4_MAX_LEN,
        Detector::Ipv6 => ip::IPV6_MAX_LEN,
        Detector::Mac => mac::MAX_LEN,
        Detector::EmailSpelled => email_spelled::MAX_LEN,
    }
}

/// What a detector knows at a place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// No value begins here.
    None,
    /// A value ends before this index.
    Match(usize),
    /// The text ends too early to tell.
    More,
}

/// A separator between groups of digits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Separator {
    /// One that is so many bytes long, of a kind that groups must share.
    Found {
        /// Length in bytes.
        len: usize,
        /// Space-like 0, dash-like 1, others their own byte.
        kind: u8,
    },
    /// No separator here.
    None,
    /// The text ends within one, or before it.
    More,
}

/// Reads one separator at `at`: space, dash, dot, slash or underscore in ASCII, the no-break and thin spaces and the
/// Unicode hyphens and dashes that typography and PDF text put in their place, the no-break space and the hyphens also as
/// Windows-1252 has them: behind ASCII those bytes are no part of a character in UTF-8.
pub(super) fn separator(text: &[u8], at: usize, last: bool) -> Separator {
    let Some(&first) = text.get(at) else {
        return if last { Separator::None } else { Separator::More };
    };
    let found = |len, kind| Separator::Found { len, kind };
    match first {
        b' ' | b'\t' => found(1, 0),
        b'-' => found(1, 1),
        b'.' | b'/' | b'_' => found(1, first),
        0xC2 => match text.get(at + 1) {
            Some(0xA0) => found(2, 0),
            Some(_) => Separator::None,
            None if last => Separator::None,
            None => Separator::More,
        },
        0xE2 => match (text.get(at + 1), text.get(at + 2)) {
            (Some(0x80), Some(0x80..=0x8A | 0xAF)) => found(3, 0),
            (Some(0x80), Some(0x90..=0x95)) | (Some(0x88), Some(0x92)) => found(3, 1),
            (None | Some(0x80 | 0x88), None) if !last => Separator::More,
            _ => Separator::None,
        },
        0xA0 if is_behind_ascii(text, at) => found(1, 0),
        0x96 | 0x97 | 0xAD if is_behind_ascii(text, at) => found(1, 1),
        _ => Separator::None,
    }
}

fn is_behind_ascii(text: &[u8], at: usize) -> bool {
    at.checked_sub(1).and_then(|before| text.get(before)).is_some_and(u8::is_ascii)
}

pub(super) fn is_digit(text: &[u8], at: usize) -> bool {
    text.get(at).is_some_and(u8::is_ascii_digit)
}

/// Whether the digits at `at` are the tail of a longer number: a decimal fraction, or a group after a dash or dot.
pub(super) fn continues_number(text: &[u8], at: usize, joints: &[u8]) -> bool {
    at >= 2 && text.get(at - 1).is_some_and(|byte| joints.contains(byte)) && is_digit(text, at - 2)
}

/// Whether the letters directly before `at` belong to a token that has digits too: a hash, a UUID, a part number.
/// Looks at most 32 bytes back.
pub(super) fn glued_to_code(text: &[u8], at: usize) -> bool {
    text.get(..at)
        .unwrap_or_default()
        .iter()
        .rev()
        .take(32)
        .take_while(|byte| byte.is_ascii_alphanumeric())
        .any(u8::is_ascii_digit)
}
