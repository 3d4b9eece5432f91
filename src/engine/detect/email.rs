//! E-mail addresses (RFC 5321 section 4.1.2 as used): a dot-atom local part of at most 64 bytes, and a domain of two
//! labels or more whose last one begins with two letters.
//!
//! ASCII letters, digits and `._%+-` make a local part, and so do the letters of the alphabets below U+2E80
//! (RFC 6531); ideographs do not, since they stand beside addresses without a space.

use super::Step;

/// Longest local part in bytes.
const LOCAL_MAX: usize = 64;
/// Longest domain in bytes.
const DOMAIN_MAX: usize = 255;
/// Local part, `@`, domain, and a character to see the end.
pub(in crate::engine) const MAX_LEN: usize = LOCAL_MAX + 1 + DOMAIN_MAX + 4;

/// Whether an ASCII byte may stand in a local part.
pub(in crate::engine) fn is_atom(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'%' | b'+' | b'-')
}

/// The character that ends before `end`, if it is a letter that local parts and labels may hold.
fn letter_before(text: &[u8], end: usize) -> Option<usize> {
    let tail = text.get(end.saturating_sub(4)..end)?;
    let width = tail.iter().rev().position(|byte| byte & 0xC0 != 0x80)? + 1;
    let start = end - width;
    let letter = std::str::from_utf8(text.get(start..end)?).ok()?.chars().next()?;
    is_letter(letter).then_some(start)
}

fn is_letter(letter: char) -> bool {
    !letter.is_ascii() && (letter as u32) < 0x2E80 && letter.is_alphanumeric()
}

/// Where the run of local-part characters that ends at `end` begins, not before `floor`, at most 64 bytes back.
pub(in crate::engine) fn local_start(text: &[u8], end: usize, floor: usize) -> usize {
    let floor = floor.max(end.saturating_sub(LOCAL_MAX));
    let mut start = end;
    while start > floor {
        match text.get(start - 1) {
            Some(byte) if byte.is_ascii() => {
                if !is_atom(*byte) {
                    break;
                }
                start -= 1;
            }
            _ => match letter_before(text, start) {
                Some(before) if before >= floor => start = before,
                _ => break,
            },
        }
    }
    start
}

/// As [`local_start`] for text that may go on: an incomplete character at the end counts as part of the run.
pub(in crate::engine) fn trailing_atoms(text: &[u8], floor: usize) -> usize {
    let mut end = text.len();
    let tail = text.get(end.saturating_sub(3)..).unwrap_or_default();
    if let Some(back) = tail.iter().rev().position(|byte| *byte >= 0xC0) {
        let lead = tail.get(tail.len() - 1 - back).copied().unwrap_or_default();
        let width = if lead >= 0xF0 {
            4
        } else if lead >= 0xE0 {
            3
        } else {
            2
        };
        if back + 1 < width {
            end -= back + 1;
        }
    }
    local_start(text, end, floor)
}

/// Looks for an address whose `@` is at `at`, with a local part that is not empty; the answer is its end.
pub(in crate::engine) fn email(text: &[u8], at: usize, last: bool) -> Step {
    let mut best = Step::None;
    let mut here = at + 1;
    let limit = here + DOMAIN_MAX;
    for label in 0.. {
        let start = here;
        let mut letters = 0;
        let mut leading = true;
        loop {
            match label_char(text, here, last) {
                Label::Char { len, letter } => {
                    leading &=
                        letter && (letters == 0 || len == 1 || text.get(start).is_some_and(|byte| !byte.is_ascii()));
                    if leading {
                        letters += 1;
                        if label > 0 && letters >= 2 && here + len <= limit {
                            best = Step::Match(here + len);
                        }
                    }
                    here += len;
                }
                Label::End => break,
                Label::More => return if here > limit { best } else { Step::More },
            }
            if here > limit {
                return best;
            }
        }
        if here == start || text.get(here) != Some(&b'.') {
            return best;
        }
        here += 1;
    }
    best
}

/// What stands at a place of a domain label.
enum Label {
    Char { len: usize, letter: bool },
    End,
    More,
}

fn label_char(text: &[u8], at: usize, last: bool) -> Label {
    match text.get(at) {
        None if last => Label::End,
        None => Label::More,
        Some(byte) if byte.is_ascii() => {
            if byte.is_ascii_alphanumeric() || *byte == b'-' {
                Label::Char { len: 1, letter: byte.is_ascii_alphabetic() }
            } else {
                Label::End
            }
        }
        Some(lead) => {
            let width = if *lead >= 0xF0 {
                4
            } else if *lead >= 0xE0 {
                3
            } else {
                2
            };
            let Some(bytes) = text.get(at..at + width) else {
                return if last { Label::End } else { Label::More };
            };
            match std::str::from_utf8(bytes).ok().and_then(|s| s.chars().next()) {
                Some(c) if c.is_alphanumeric() => Label::Char { len: width, letter: true },
                _ => Label::End,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(text: &str) -> Option<&str> {
        let at = text.find('@')?;
        let start = local_start(text.as_bytes(), at, 0);
        match email(text.as_bytes(), at, true) {
            Step::Match(end) if start < at => text.get(start..end),
            _ => None,
        }
    }

    #[test]
    fn addresses_and_their_edges() {
        for (text, wanted) in [
            ("mail jane@example.com now", Some("jane@example.com")),
            ("jane.doe+tag@mail.example.co.uk.", Some("jane.doe+tag@mail.example.co.uk")),
            ("<jane@example.com>", Some("jane@example.com")),
            ("jane@example.com1", Some("jane@example.com")),
            ("jane@example.com-x", Some("jane@example.com")),
            ("邮箱是jane@example.com请", Some("jane@example.com")),
            ("josé@example.com", Some("josé@example.com")),
            ("jane@münchen.de", Some("jane@münchen.de")),
            ("jane@xn--mnchen-3ya.de", Some("jane@xn--mnchen-3ya.de")),
            ("jane@localhost", None),
            ("jane@example.c", None),
            ("@example.com", None),
            ("a@b..com", None),
        ] {
            assert_eq!(find(text), wanted, "{text}");
        }
    }

    #[test]
    fn an_answer_never_changes_with_more_text() {
        for text in ["jane@mail.example.co.uk, x", "j@münchen.de请", "a@b.c.d1.ee."] {
            let bytes = text.as_bytes();
            let at = text.find('@').unwrap_or(0);
            let whole = email(bytes, at, true);
            for cut in at + 1..bytes.len() {
                let early = email(&bytes[..cut], at, false);
                assert!(early == Step::More || early == whole, "{text} at {cut}");
            }
        }
    }
}
