//! UUIDs as they are written (RFC 9562 section 4): no number that begins in one is anybody's.
//!
//! Exactly that form counts: 8-4-4-4-12 hexadecimal digits with a version and the variant of the standard, and no letter or
//! digit on either side, so that digits in other groups hide behind nothing.

/// Characters of a UUID.
const LEN: usize = 36;

/// Whether a UUID stands round the place, which holds a digit; `None` where text that has not come yet decides.
pub(super) fn around(text: &[u8], at: usize, last: bool) -> Option<bool> {
    let head = text.get(..at).unwrap_or_default();
    let run = head.iter().rev().take(LEN - 1).take_while(|byte| byte.is_ascii_hexdigit() || **byte == b'-').count();
    let mut open = false;
    for back in 0..=run {
        match begins(text, at - back, last) {
            Some(true) => return Some(true),
            Some(false) => {}
            None => open = true,
        }
    }
    if open { None } else { Some(false) }
}

/// Whether a UUID begins here.
fn begins(text: &[u8], start: usize, last: bool) -> Option<bool> {
    let mut before = text.get(..start).unwrap_or_default().iter().rev();
    // A time in Zulu may stand right before one, as in LangSmith's order of runs.
    let parted = match before.next() {
        Some(b'Z') => before.next().is_some_and(u8::is_ascii_digit),
        Some(byte) => !byte.is_ascii_alphanumeric(),
        None => true,
    };
    if !parted {
        return Some(false);
    }
    for place in 0..LEN {
        match text.get(start + place) {
            Some(byte) if fits(place, *byte) => {}
            None if !last => return None,
            _ => return Some(false),
        }
    }
    match text.get(start + LEN) {
        None if !last => None,
        behind => Some(!behind.is_some_and(u8::is_ascii_alphanumeric)),
    }
}

/// Whether a UUID may have this character there.
fn fits(place: usize, byte: u8) -> bool {
    match place {
        8 | 13 | 18 | 23 => byte == b'-',
        14 => matches!(byte, b'1'..=b'8'),
        19 => matches!(byte, b'8' | b'9' | b'a' | b'b' | b'A' | b'B'),
        _ => byte.is_ascii_hexdigit(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exact_form_counts() {
        let text = b"65163932-1773-4469-80d7-4cce032bedc6";
        for at in 0..LEN {
            assert_eq!(around(text, at, true), Some(true), "{at}");
            assert_eq!(around(text, at, false), None, "{at}");
            for cut in at + 1..LEN {
                assert_eq!(around(&text[..cut], at, false), None, "{at} {cut}");
                assert_eq!(around(&text[..cut], at, true), Some(false), "{at} {cut}");
            }
        }
        for (text, at, inside) in [
            ("id-65163932-1773-4469-80d7-4cce032bedc6.", 3, true),
            ("20261129T070000123456Z65163932-1773-4469-80d7-4cce032bedc6", 22, true),
            ("\"65163932-1773-4469-80D7-4CCE032BEDC6\"", 10, true),
            // None of the standard's versions and variants, other groups, glued to something.
            ("65163932-1773-9469-80d7-4cce032bedc6", 0, false),
            ("65163932-1773-4469-10d7-4cce032bedc6", 0, false),
            ("4111-1111-1111-1111-1111-111111111111", 0, false),
            ("41111111-1111-1111-1111-111111111111", 0, false),
            ("65163932-1773-4469-80d7-4cce032bedc60", 0, false),
            ("x65163932-1773-4469-80d7-4cce032bedc6", 1, false),
            ("4111 1111 1111 1111", 0, false),
            ("4111111111111111", 0, false),
        ] {
            assert_eq!(around(text.as_bytes(), at, true), Some(inside), "{text}");
        }
    }
}
