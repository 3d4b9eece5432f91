//! Phone numbers: the North American plan with separators, and international numbers with a `+`.
//!
//! NANP by the numbering plan's public rules: area and office codes begin with 2-9 and are not N11. International by
//! ITU-T E.164: an assigned country code and at most 15 digits.

use super::{Separator, Step, continues_number, glued_to_code, is_digit, separator};

/// 15 digits, two separators of three bytes after each, and the joint and digit that would make it a longer number.
pub(in crate::engine) const MAX_LEN: usize = 1 + 15 + 14 * 6 + 2;

/// Assigned country codes (ITU-T E.164 list of assigned codes) that are not covered by a shorter one; 1 and 7 stand
/// for themselves.
const COUNTRY_CODES: &[(u32, u32)] = &[
    (20, 20),
    (27, 27),
    (30, 34),
    (36, 36),
    (39, 41),
    (43, 49),
    (51, 58),
    (60, 66),
    (81, 82),
    (84, 84),
    (86, 86),
    (90, 95),
    (98, 98),
    (211, 213),
    (216, 216),
    (218, 218),
    (220, 258),
    (260, 269),
    (290, 291),
    (297, 299),
    (350, 359),
    (370, 378),
    (380, 383),
    (385, 387),
    (389, 389),
    (420, 421),
    (423, 423),
    (500, 509),
    (590, 599),
    (670, 670),
    (672, 683),
    (685, 692),
    (800, 800),
    (808, 808),
    (850, 850),
    (852, 853),
    (855, 856),
    (870, 870),
    (878, 878),
    (880, 883),
    (886, 886),
    (888, 888),
    (960, 968),
    (970, 977),
    (979, 979),
    (992, 996),
    (998, 998),
];

/// Looks for a phone number at `at`, which holds a `+`, a `(` or the first of a run of digits.
pub(in crate::engine) fn phone(text: &[u8], at: usize, last: bool) -> Step {
    let before = at.checked_sub(1).and_then(|index| text.get(index));
    match text.get(at) {
        Some(b'+') if before.is_some_and(u8::is_ascii_alphanumeric) => Step::None,
        Some(b'+') => international(text, at + 1, last),
        Some(b'(') => north_american(text, at, last),
        Some(_) if matches!(before, Some(b'+' | b'(')) && !text_before_is_open(text, at) => Step::None,
        Some(_) if continues_number(text, at, b"-.,/") || glued_to_code(text, at) => Step::None,
        Some(_) => north_american(text, at, last),
        None => Step::More,
    }
}

/// Whether the `+` or `(` before `at` could not itself begin the number, so that the digits may.
fn text_before_is_open(text: &[u8], at: usize) -> bool {
    at.checked_sub(1).and_then(|index| text.get(index)) == Some(&b'(')
}

/// Reads digits one at a time and remembers where the text ran out.
struct Cursor<'text> {
    text: &'text [u8],
    at: usize,
    last: bool,
}

/// Why a number cannot be read on.
enum Stop {
    Mismatch,
    More,
}

impl Cursor<'_> {
    fn digit(&mut self) -> Result<u8, Stop> {
        match self.text.get(self.at) {
            Some(byte) if byte.is_ascii_digit() => {
                self.at += 1;
                Ok(byte - b'0')
            }
            None if !self.last => Err(Stop::More),
            _ => Err(Stop::Mismatch),
        }
    }

    fn byte(&mut self, wanted: u8) -> Result<bool, Stop> {
        match self.text.get(self.at) {
            Some(byte) if *byte == wanted => {
                self.at += 1;
                Ok(true)
            }
            None if !self.last => Err(Stop::More),
            _ => Ok(false),
        }
    }

    fn separator(&mut self) -> Result<bool, Stop> {
        match separator(self.text, self.at, self.last) {
            Separator::Found { kind: b'/' | b'_', .. } | Separator::None => Ok(false),
            Separator::Found { len, .. } => {
                self.at += len;
                Ok(true)
            }
            Separator::More => Err(Stop::More),
        }
    }

    /// Three digits of which the first is 2-9 and the last two are not 11.
    fn code(&mut self) -> Result<(), Stop> {
        let code = [self.digit()?, self.digit()?, self.digit()?];
        if code[0] < 2 || (code[1] == 1 && code[2] == 1) { Err(Stop::Mismatch) } else { Ok(()) }
    }

    /// The end of a number: no digit follows, nor a dash or dot with one behind it.
    fn end(&self) -> Step {
        match self.text.get(self.at) {
            None if !self.last => Step::More,
            Some(b'-' | b'.') if self.at + 1 == self.text.len() && !self.last => Step::More,
            Some(b'-' | b'.') if is_digit(self.text, self.at + 1) => Step::None,
            Some(byte) if byte.is_ascii_digit() => Step::None,
            _ => Step::Match(self.at),
        }
    }
}

fn north_american(text: &[u8], at: usize, last: bool) -> Step {
    let mut cursor = Cursor { text, at, last };
    match subscriber(&mut cursor) {
        Ok(()) => cursor.end(),
        Err(Stop::Mismatch) => Step::None,
        Err(Stop::More) => Step::More,
    }
}

fn subscriber(cursor: &mut Cursor<'_>) -> Result<(), Stop> {
    if cursor.byte(b'1')? {
        cursor.separator()?;
    }
    if cursor.byte(b'(')? {
        cursor.code()?;
        if !cursor.byte(b')')? {
            return Err(Stop::Mismatch);
        }
        cursor.separator()?;
    } else {
        cursor.code()?;
        if !cursor.separator()? {
            return Err(Stop::Mismatch);
        }
    }
    cursor.code()?;
    if !cursor.separator()? {
        return Err(Stop::Mismatch);
    }
    for _ in 0..4 {
        cursor.digit()?;
    }
    Ok(())
}

fn international(text: &[u8], at: usize, last: bool) -> Step {
    let mut digits = [0_u8; 15];
    let mut count = 0;
    let mut best = Step::None;
    let mut here = at;
    loop {
        let group = here;
        while let Some(digit) = text.get(here).filter(|byte| byte.is_ascii_digit()) {
            let Some(slot) = digits.get_mut(count) else {
                return best;
            };
            *slot = digit - b'0';
            count += 1;
            here += 1;
        }
        if here >= text.len() && !last {
            return if country_possible(digits.get(..count).unwrap_or_default()) { Step::More } else { best };
        }
        if here == group || !country_possible(digits.get(..count).unwrap_or_default()) {
            return best;
        }
        if is_number(digits.get(..count).unwrap_or_default()) {
            best = Step::Match(here);
        }
        // A bracket is put around an area code or a trunk zero; one further on begins another number.
        match joint(text, here, count <= 4, last) {
            Ok(next) if next == here => return best,
            Ok(next) => here = next,
            Err(Stop::Mismatch) => return best,
            Err(Stop::More) => return Step::More,
        }
    }
}

/// What may stand between two groups: a separator, or a bracket with or without one.
fn joint(text: &[u8], at: usize, may_open: bool, last: bool) -> Result<usize, Stop> {
    let mut cursor = Cursor { text, at, last };
    if cursor.byte(b')')? {
        cursor.separator()?;
    } else if may_open && cursor.byte(b'(')? {
    } else if cursor.separator()? && may_open {
        cursor.byte(b'(')?;
    }
    match text.get(cursor.at) {
        Some(byte) if byte.is_ascii_digit() => Ok(cursor.at),
        None if !last => Err(Stop::More),
        _ => Err(Stop::Mismatch),
    }
}

fn country_possible(digits: &[u8]) -> bool {
    let value = |len: usize| digits.iter().take(len).fold(0_u32, |value, digit| value * 10 + u32::from(*digit));
    match digits {
        [] => true,
        [1 | 7, ..] => true,
        [0, ..] => false,
        [_] => true,
        [_, _] => COUNTRY_CODES.iter().any(|(low, high)| {
            if *low < 100 { (*low..=*high).contains(&value(2)) } else { (low / 10..=high / 10).contains(&value(2)) }
        }),
        _ => COUNTRY_CODES.iter().any(|(low, high)| (*low..=*high).contains(&value(if *low < 100 { 2 } else { 3 }))),
    }
}

fn is_number(digits: &[u8]) -> bool {
    match digits {
        [1, rest @ ..] => match rest {
            [2..=9, a, b, 2..=9, c, d, _, _, _, _] => (*a, *b) != (1, 1) && (*c, *d) != (1, 1),
            _ => false,
        },
        _ => (8..=15).contains(&digits.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_their_forms() {
        for text in [
            "212-555-0123",
            "(212) 555-0123",
            "(212)555-0123",
            "212.555.0123",
            "212 555 0123",
            "1-800-555-0199",
            "1 (212) 555-0123",
            "+1 212 555 0123",
            "+12125550123",
            "+1(212)555-0123",
            "+44 20 7946 0958",
            "+442079460958",
            "+49 30 901820",
            "+81-3-1234-5678",
            "212\u{2011}555\u{2011}0123",
            "212-555-0123x45",
            "+33 (0)1 23 45 67 89",
        ] {
            assert!(matches!(phone(text.as_bytes(), 0, true), Step::Match(_)), "{text}");
        }
    }

    #[test]
    fn what_is_no_number() {
        for text in [
            "2125550123",
            "112-555-0123",
            "211-555-0123",
            "212-155-0123",
            "2025-11-21",
            "212-555-01234",
            "212-555-0123-4",
            "+1 112 555 0123",
            "+210 123 456 789",
            "+0123456789",
            "+1234567",
            "192.168.10.1000",
        ] {
            assert_eq!(phone(text.as_bytes(), 0, true), Step::None, "{text}");
        }
        assert_eq!(phone(b"xyz+12125550123", 3, true), Step::None);
    }

    #[test]
    fn an_answer_never_changes_with_more_text() {
        for text in ["+44 20 7946 0958 2024 was", "(212) 555-0123 call", "+1 (212) 555-0123-9", "1-800-555-0199."] {
            let bytes = text.as_bytes();
            let whole = phone(bytes, 0, true);
            for cut in 1..bytes.len() {
                let early = phone(&bytes[..cut], 0, false);
                assert!(early == Step::More || early == whole, "{text} at {cut}");
            }
        }
    }
}
