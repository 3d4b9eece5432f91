//! US social security numbers and individual taxpayer numbers, written with separators.
//!
//! Areas, groups and serials by the SSA's rules since 2011 (20 CFR 422, POMS RM 10201.030): area 001-665, 667-899;
//! group 01-99; serial 0001-9999. ITINs by IRS Publication 1915: 9xx, group 50-65, 70-88, 90-92, 94-99.

use super::gap::{BREAK, MAX_GAP, gap};
use super::{Separator, Step, continues_number, glued_to_code, is_digit};

/// Nine digits, eight gaps of which one is the end of a line, and one more gap with the digit that would make it a row
/// of numbers.
pub(in crate::engine) const MAX_LEN: usize = 9 + 7 * 15 + 2 * MAX_GAP + 1;

/// Looks for a social security number whose first digit is at `at`.
pub(in crate::engine) fn ssn(text: &[u8], at: usize, last: bool) -> Step {
    grouped(text, at, last, |area, group, serial| area != 0 && area != 666 && area < 900 && group != 0 && serial != 0)
}

/// Looks for an individual taxpayer identification number whose first digit is at `at`.
pub(in crate::engine) fn itin(text: &[u8], at: usize, last: bool) -> Step {
    grouped(text, at, last, |area, group, _| area >= 900 && matches!(group, 50..=65 | 70..=88 | 90..=92 | 94..=99))
}

/// Digits with gaps of one kind after the third and the fifth, or after every one. Where hyphens part the groups a line
/// may end anywhere behind the first of them.
fn grouped(text: &[u8], at: usize, last: bool, accepts: impl Fn(u32, u32, u32) -> bool) -> Step {
    if continues_number(text, at, b"-") || glued_to_code(text, at) {
        return Step::None;
    }
    let mut digits = [0_u8; 9];
    let mut here = at;
    let mut kind_of_all = None;
    let mut broken = false;
    let mut spaced = false;
    for (place, slot) in digits.iter_mut().enumerate() {
        if place == 1 {
            match text.get(here) {
                None if !last => return Step::More,
                byte => spaced = !byte.is_some_and(u8::is_ascii_digit),
            }
        }
        if place == 3 || place == 5 || (spaced && place > 0) {
            let (len, kind) = match gap(text, here, last) {
                // A tab parts the columns of a table.
                Separator::Found { .. } if text.get(here) == Some(&b'\t') => return Step::None,
                Separator::Found { len, kind } => (len, kind),
                Separator::None => return Step::None,
                Separator::More => return Step::More,
            };
            // A hyphen behind the end of a line is of the value's own kind: no sign of the next line's number.
            let kind =
                if kind == BREAK && text.get(here + len - 1) == Some(&b'-') && !std::mem::replace(&mut broken, true) {
                    1
                } else {
                    kind
                };
            if kind == BREAK {
                if std::mem::replace(&mut broken, true) || spaced {
                    return Step::None;
                }
            } else if *kind_of_all.get_or_insert(kind) != kind {
                return Step::None;
            }
            here += len;
        } else if place > 3 && !broken && kind_of_all == Some(1) && matches!(text.get(here), Some(b'\n' | b'\r')) {
            match gap(text, here, last) {
                Separator::Found { len, kind: BREAK } if text.get(here + len - 1) != Some(&b'-') => here += len,
                Separator::More => return Step::More,
                Separator::Found { .. } | Separator::None => return Step::None,
            }
            broken = true;
        }
        match text.get(here) {
            Some(byte) if byte.is_ascii_digit() => *slot = byte - b'0',
            Some(_) => return Step::None,
            None if last => return Step::None,
            None => return Step::More,
        }
        here += 1;
    }
    let number = |digits: &[u8]| digits.iter().fold(0_u32, |number, digit| number * 10 + u32::from(*digit));
    let [area @ .., _, _, _, _, _, _] = digits;
    let [_, _, _, group @ .., _, _, _, _] = digits;
    let [_, _, _, _, _, serial @ ..] = digits;
    let Some(kind) = kind_of_all else { return Step::None };
    // Behind a number and a dot only hyphens begin another one: `1.078-05-1120`, an item of a list.
    if (spaced && kind > 1) || (kind != 1 && continues_number(text, at, b".")) {
        return Step::None;
    }
    if !accepts(number(&area), number(&group), number(&serial)) || (spaced && !is_drawn(&digits)) {
        return Step::None;
    }
    if stands_in_row(text, at, kind, spaced) {
        return Step::None;
    }
    match text.get(here) {
        None if !last => Step::More,
        Some(b'-' | b'.') if here + 1 == text.len() && !last => Step::More,
        Some(b'-' | b'.') if is_digit(text, here + 1) => Step::None,
        Some(byte) if byte.is_ascii_digit() => Step::None,
        Some(b'/' | b'_') if text.get(here) == Some(&kind) => Step::None,
        Some(b'\n' | b'\r') if spaced => Step::None,
        _ if !spaced && kind != 0 => Step::Match(here),
        // In a row of numbers another one follows.
        _ => match gap(text, here, last) {
            Separator::Found { len, .. } if spaced || has_two_spaces(text, at, here) => match text.get(here + len) {
                None if !last => Step::More,
                Some(byte) if byte.is_ascii_digit() => Step::None,
                _ => Step::Match(here),
            },
            Separator::Found { len: 1, kind: 0 } => match leads_to_group(text, here + 1, last) {
                None => Step::More,
                Some(true) => Step::None,
                Some(false) => Step::Match(here),
            },
            Separator::Found { .. } | Separator::None => Step::Match(here),
            Separator::More => Step::More,
        },
    }
}

/// Whether three or four digits stand at the place and no date, time or amount goes on behind them: one more group of a
/// telephone number.
fn leads_to_group(text: &[u8], at: usize, last: bool) -> Option<bool> {
    let digits = text.get(at..).unwrap_or_default().iter().take(5).take_while(|byte| byte.is_ascii_digit()).count();
    match text.get(at + digits) {
        None if !last => None,
        Some(b'-' | b'/' | b'.' | b':' | b',') => Some(false),
        _ => Some(matches!(digits, 3 | 4)),
    }
}

/// Whether nine digits by themselves look drawn and not counted out: four kinds or more, not each once.
fn is_drawn(digits: &[u8; 9]) -> bool {
    let seen = digits.iter().fold(0_u16, |seen, digit| seen | 1 << digit).count_ones();
    (4..9).contains(&seen)
}

/// Whether what stands before the place says that the groups are part of a row: of a path, a name, a version, a table.
fn stands_in_row(text: &[u8], at: usize, kind: u8, spaced: bool) -> bool {
    let head = text.get(at.saturating_sub(3)..at).unwrap_or_default();
    let spaces = head.iter().rev().take_while(|byte| **byte == b' ').count();
    let before_spaces = head.len().checked_sub(spaces + 1).and_then(|place| head.get(place));
    match (kind, head.last()) {
        (b'/' | b'_', Some(byte)) if *byte == kind => true,
        (b'.', Some(byte)) if byte.is_ascii_alphabetic() || *byte == b'/' => true,
        (_, Some(b'\n')) if spaced => true,
        (0, Some(b' ')) if spaced || spaces > 1 => before_spaces.is_some_and(u8::is_ascii_digit),
        _ => false,
    }
}

/// Whether the first gap of a value is two spaces, as in a table.
fn has_two_spaces(text: &[u8], at: usize, end: usize) -> bool {
    let value = text.get(at..end).unwrap_or_default();
    value.windows(2).any(|pair| pair == b"  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_groups_and_serials() {
        for good in [
            "078-05-1120",
            "123 45 6789",
            "899-99-9999",
            "001.01.0001",
            "219\u{2013}09\u{2013}9999",
            "665-01-0001x",
            "078/05/1120",
            "078_05_1120",
            "078  05  1120",
            "078 - 05 - 1120",
            "078-05-\n1120",
            "078 05\r\n   1120",
            "078-05\n-1120",
            "078-0\n5-1120",
            "078-05-11\r\n  20",
            "0 7 8 0 5 1 1 2 0",
            "0-7-8-0-5-1-1-2-0",
            "078-05-1120_v2",
        ] {
            assert_ne!(ssn(good.as_bytes(), 0, true), Step::None, "{good}");
        }
        for bad in [
            "000-12-3456",
            "666-12-3456",
            "900-12-3456",
            "123-00-4567",
            "123-45-0000",
            "123-45-67890",
            "123-45 6789",
            "12\n3-45-6789",
            "123 4\n5 6789",
            "123-4\n5-67\n89",
            "123-45-6789-1",
            "123 45-6789",
            "123\t45\t6789",
            "1 2 3 4 5 6 7 8 9",
            "0 1 0 0 1 0 0 1 0",
            "0 7 8 0 5 1 1 2 0 4",
            "123  45  6789  12",
            "123\n45\n6789",
            "123456789",
            "123/45/6789/1",
            "045 55 1234 5678",
            "3.6.1.5.5.7.0.1.1",
        ] {
            assert_eq!(ssn(bad.as_bytes(), 0, true), Step::None, "{bad}");
        }
    }

    #[test]
    fn every_serial_passes() {
        for serial in 1..=9999 {
            let text = format!("123-45-{serial:04}");
            assert_eq!(ssn(text.as_bytes(), 0, true), Step::Match(11), "{text}");
        }
    }

    #[test]
    fn taxpayer_numbers() {
        assert_ne!(itin(b"912-70-1234", 0, true), Step::None);
        assert_eq!(itin(b"912-49-1234", 0, true), Step::None);
        assert_eq!(itin(b"912-93-1234", 0, true), Step::None);
        assert_eq!(ssn(b"912-70-1234", 0, true), Step::None);
    }

    #[test]
    fn what_stands_before_counts() {
        for (text, at) in [
            ("a/078/05/1120", 2),
            ("x_078_05_1120", 2),
            ("v078.05.1120", 1),
            ("12  078  05  1120", 4),
            ("x4b078-05-1120", 3),
            ("4 0 7 8 0 5 1 1 2 0", 2),
            ("1-078-05-1120", 2),
            ("3.078 05 1120", 2),
        ] {
            assert_eq!(ssn(text.as_bytes(), at, true), Step::None, "{text}");
        }
        for (text, at) in [
            ("file_078-05-1120_v2", 5),
            ("ref078-05-1120", 3),
            ("see  078 05 1120", 5),
            ("42,078-05-1120", 3),
            ("1.078-05-1120", 2),
            ("[1,078 05 1120", 3),
        ] {
            assert_ne!(ssn(text.as_bytes(), at, true), Step::None, "{text}");
        }
    }

    #[test]
    fn an_answer_never_changes_with_more_text() {
        for text in [
            "078-05-1120-1",
            "078 05\r\n   1120 x",
            "078  05  1120  4",
            "0 7 8 0 5 1 1 2 0 4",
            "078\u{2013}05\u{2013}1120.",
            "078-05-1120. x",
            "078 05 1120 1234 x",
            "078 05 1120 12:34",
        ] {
            let bytes = text.as_bytes();
            let whole = ssn(bytes, 0, true);
            for cut in 1..bytes.len() {
                let early = ssn(&bytes[..cut], 0, false);
                assert!(early == Step::More || early == whole, "{text:?} at {cut}");
            }
        }
    }
}
