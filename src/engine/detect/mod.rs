//! Hand-written detectors: a text and a place in it, in; whether a value begins there, out.
//!
//! Each looks at a bounded window and answers [`Step::More`] while text that has not come yet could change its answer;
//! any other answer stays the same whatever follows. That is what *Split* rests on.

mod card;
mod email;
mod phone;
mod ssn;

pub(super) use card::card;
pub(super) use email::{email, local_start, trailing_atoms};
pub(super) use phone::phone;
pub(super) use ssn::{itin, ssn};

use super::rule::Detector;

/// The most bytes a detector looks at from a value's first byte on.
pub(super) fn max_len(detector: Detector) -> usize {
    match detector {
        Detector::Card => card::MAX_LEN,
        Detector::UsSsn | Detector::UsItin => ssn::MAX_LEN,
        Detector::Phone => phone::MAX_LEN,
        Detector::Email => email::MAX_LEN,
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
/// Unicode hyphens and dashes that typography and PDF text put in their place.
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
        _ => Separator::None,
    }
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
