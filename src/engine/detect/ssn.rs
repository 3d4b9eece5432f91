//! US social security numbers and individual taxpayer numbers, written with separators.
//!
//! Areas, groups and serials by the SSA's rules since 2011 (20 CFR 422, POMS RM 10201.030): area 001-665, 667-899;
//! group 01-99; serial 0001-9999. ITINs by IRS Publication 1915: 9xx, group 50-65, 70-88, 90-92, 94-99.

use super::{Separator, Step, continues_number, is_digit, separator};

/// Nine digits, two separators of three bytes, and the joint and digit that would make it a longer number.
pub(in crate::engine) const MAX_LEN: usize = 9 + 2 * 3 + 2;

/// Looks for a social security number whose first digit is at `at`.
pub(in crate::engine) fn ssn(text: &[u8], at: usize, last: bool) -> Step {
    grouped(text, at, last, |area, group, serial| area != 0 && area != 666 && area < 900 && group != 0 && serial != 0)
}

/// Looks for an individual taxpayer identification number whose first digit is at `at`.
pub(in crate::engine) fn itin(text: &[u8], at: usize, last: bool) -> Step {
    grouped(text, at, last, |area, group, _| area >= 900 && matches!(group, 50..=65 | 70..=88 | 90..=92 | 94..=99))
}

fn grouped(text: &[u8], at: usize, last: bool, accepts: impl Fn(u32, u32, u32) -> bool) -> Step {
    if continues_number(text, at, b"-.,") {
        return Step::None;
    }
    let mut parts = [0_u32; 3];
    let mut here = at;
    let mut separator_kind = None;
    for (index, (part, width)) in parts.iter_mut().zip([3, 2, 4]).enumerate() {
        if index > 0 {
            match separator(text, here, last) {
                Separator::Found { len, kind } if *separator_kind.get_or_insert(kind) == kind => here += len,
                Separator::Found { .. } | Separator::None => return Step::None,
                Separator::More => return Step::More,
            }
        }
        for _ in 0..width {
            match text.get(here) {
                Some(byte) if byte.is_ascii_digit() => *part = *part * 10 + u32::from(byte - b'0'),
                Some(_) => return Step::None,
                None if last => return Step::None,
                None => return Step::More,
            }
            here += 1;
        }
    }
    let [area, group, serial] = parts;
    if !accepts(area, group, serial) {
        return Step::None;
    }
    match text.get(here) {
        None if !last => Step::More,
        Some(b'-' | b'.') if here + 1 == text.len() && !last => Step::More,
        Some(b'-' | b'.') if is_digit(text, here + 1) => Step::None,
        Some(byte) if byte.is_ascii_digit() => Step::None,
        _ => Step::Match(here),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_groups_and_serials() {
        for good in
            ["078-05-1120", "123 45 6789", "899-99-9999", "001.01.0001", "219\u{2013}09\u{2013}9999", "665-01-0001x"]
        {
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
            "123-45-6789-1",
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
}
