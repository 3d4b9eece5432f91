//! Whether digits are a part of a number that goes on before them: behind its point, or behind a comma that is one.
//!
//! Looks back over a bounded number of bytes, and ahead only where a number and a comma stand before: what stands round a
//! comma tells the point of a decimal (`0,4111…;0,5105…`) from the mark between two members of a list (`[1,4111…]`).

use super::is_digit;

/// How far back the point of a number may stand whose digits are grouped.
const GROUPED: usize = 32;
/// The most digits of a whole part, with what groups them.
const WHOLE: usize = 12;
/// The most bytes of a neighbour that is looked at.
const NEIGHBOUR: usize = 20;

/// Whether the digits at `at` are grouped by underscores behind a number's point: `1.67638_48301_83803`.
pub(super) fn behind_point(text: &[u8], at: usize) -> bool {
    let head = text.get(at.saturating_sub(GROUPED)..at).unwrap_or_default();
    let run = head.iter().rev().take_while(|byte| byte.is_ascii_digit() || **byte == b'_').count();
    let point = head.len() - run;
    head.ends_with(b"_")
        && matches!(head.get(..point), Some([.., whole, b'.']) if whole.is_ascii_digit() || *whole == b'_')
        && !head.windows(2).any(|pair| pair == b"__")
}

/// Whether a number and a point right before `at` are no number of a list's item, which counts from one.
pub(super) fn behind_whole(text: &[u8], at: usize) -> bool {
    let head = text.get(at.saturating_sub(GROUPED)..at).unwrap_or_default();
    let Some(head) = head.strip_suffix(b".") else { return false };
    let digits = head.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let (head, whole) = head.split_at(head.len() - digits);
    let blanks = head.iter().rev().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    // What assigns or reckons has numbers behind it.
    let reckons = head.split_at(head.len() - blanks).0.last().is_some_and(|byte| b"=(+*/<~^".contains(byte));
    digits > 0 && (whole.starts_with(b"0") || digits > 3 || reckons)
}

/// Whether the comma before `at` is the point of a decimal that ends at `end`. `None` where text that has not come yet
/// decides.
///
/// It is where a semicolon or a tab stands on one side, and that or the line's end on the other, or a blank or a bar and
/// behind that another decimal: there commas part nothing.
pub(super) fn behind_comma(text: &[u8], at: usize, end: usize, last: bool) -> Option<bool> {
    let Some(head) = text.get(..at).and_then(|head| head.strip_suffix(b",")) else { return Some(false) };
    let near = head.get(head.len().saturating_sub(WHOLE)..).unwrap_or_default();
    let digits = near.iter().rev().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
    let signed = |head: &[u8]| usize::from(matches!(head.last(), Some(b'-' | b'+')));
    // What is longer is a number of its own.
    if digits == 0 || digits == WHOLE || !is_digit(head, head.len() - 1) {
        return Some(false);
    }
    let head = head.get(..head.len() - digits).unwrap_or_default();
    let head = head.get(..head.len() - signed(head)).unwrap_or_default();
    let (before, behind) = (head.last(), text.get(end));
    let parts = |byte: Option<&u8>| matches!(byte, Some(b';' | b'\t'));
    let ends = |byte: Option<&u8>| byte.is_none_or(|byte| b";\t\r\n\"".contains(byte));
    if (parts(before) || parts(behind)) && ends(before) && ends(behind) {
        return Some(true);
    }
    if decimal_ends(head) {
        return Some(true);
    }
    decimal_follows(text, end, last)
}

/// Whether a decimal with a comma ends before the blank or the bar that a text ends with.
fn decimal_ends(head: &[u8]) -> bool {
    let near = head.get(head.len().saturating_sub(NEIGHBOUR)..).unwrap_or_default();
    let parts = near.iter().rev().take_while(|byte| matches!(byte, b' ' | b'|')).count();
    let near = near.get(..near.len() - parts).unwrap_or_default();
    let digits = near.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let before = near.len() - digits;
    (1..=3).contains(&parts)
        && is_fraction(near.get(before..).unwrap_or_default())
        && matches!(near.get(..before), Some([.., b'0'..=b'9', b',']))
}

/// As [`decimal_ends`] of what begins behind the blank or the bar at `end`.
fn decimal_follows(text: &[u8], end: usize, last: bool) -> Option<bool> {
    let mut here = end;
    let parts = |byte: &u8| matches!(byte, b' ' | b'|');
    while here < end + 3 && text.get(here).is_some_and(parts) {
        here += 1;
    }
    if here > end && matches!(text.get(here), Some(b'-' | b'+')) {
        here += 1;
    }
    let whole = here;
    let limit = end + NEIGHBOUR;
    while here < limit && is_digit(text, here) {
        here += 1;
    }
    let comma = here;
    if whole > end && here > whole && text.get(here) == Some(&b',') {
        here += 1;
        while here < limit && is_digit(text, here) {
            here += 1;
        }
    }
    if here >= text.len() && here < limit && !last {
        return None;
    }
    Some(here > comma + 1 && whole > end && is_fraction(text.get(comma + 1..here).unwrap_or_default()))
}

/// Whether digits behind a comma are no card's, which would be the second of a pair.
fn is_fraction(digits: &[u8]) -> bool {
    let card = (13..=19).contains(&digits.len())
        && super::super::validate::luhn(digits.iter().map(|digit| digit.wrapping_sub(b'0')));
    !digits.is_empty() && !card
}

/// Whether an exponent stands at `at`: `e-13`, `E+00`.
pub(super) fn exponent(text: &[u8], at: usize) -> bool {
    matches!(text.get(at..at + 3), Some([b'e' | b'E', b'+' | b'-', b'0'..=b'9']))
}

#[cfg(test)]
mod tests {
    use super::super::super::rule::Detector;
    use super::super::{Step, find};
    use super::*;

    #[test]
    fn groups_behind_a_point() {
        for (text, inside) in [
            ("1.67638_8301", true),
            ("0.4111_1111", true),
            ("0.1111", false),
            ("58.5925_0096_1464", true),
            ("1_000.25_0096", true),
            ("x_0096", false),
            ("v.25_0096", false),
            ("4111_0096", false),
            ("2.5_0 0096", false),
        ] {
            assert_eq!(behind_point(text.as_bytes(), text.len() - 4), inside, "{text}");
        }
    }

    #[test]
    fn no_number_of_any_kind_in_a_fraction() {
        for (detector, text) in [
            (Detector::UsSsn, "93.629_603_368_078_05_1120"),
            (Detector::Phone, "58.5925_212_555_0123"),
            (Detector::PhoneAny, "863,0030816704921 0,6423"),
        ] {
            for at in 2..text.len() {
                let place = text.as_bytes();
                if is_digit(place, at) && !is_digit(place, at - 1) {
                    assert_eq!(find(detector, place, at, true), Step::None, "{text} at {at}");
                }
            }
        }
        assert_ne!(find(Detector::UsSsn, b"a_1 078_05_1120", 4, true), Step::None);
    }
}
