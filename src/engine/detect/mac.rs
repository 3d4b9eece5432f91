//! Hardware addresses of 48 and 64 bits (IEEE 802, EUI-48 and EUI-64): pairs with colons or hyphens, groups of four with
//! dots.
//!
//! No address: longer rows of bytes (fingerprints, dumps), all zeros, all ones, and with hyphens or dots digits only,
//! which are numbers of something else.

use super::Step;

/// Eight pairs with seven joints, then a joint and a digit that would make it longer.
pub(in crate::engine) const MAX_LEN: usize = 8 * 3 - 1 + 2;

/// Whether an address may begin with `first` behind `before`: a hexadecimal digit behind what is no letter, digit or
/// dot.
pub(in crate::engine) fn may_begin(before: Option<u8>, first: u8) -> bool {
    first.is_ascii_hexdigit() && before.is_none_or(|byte| !byte.is_ascii_alphanumeric() && byte != b'.')
}

/// Whether the first groups leave an address over: two pairs with the same joint, or two groups of four.
#[inline]
pub(in crate::engine) fn may_be_mac(text: &[u8], at: usize) -> bool {
    let Some(near) = text.get(at..).and_then(|rest| rest.first_chunk::<9>()) else { return true };
    let hexadecimal = |bytes: &[u8]| bytes.iter().all(u8::is_ascii_hexdigit);
    match near {
        [_, _, joint @ (b':' | b'-'), third, fourth, next, ..] => next == joint && hexadecimal(&[*third, *fourth]),
        [_, _, _, _, b'.', rest @ ..] => hexadecimal(rest),
        _ => false,
    }
}

/// Looks for an address whose first digit is at `at`.
pub(in crate::engine) fn mac(text: &[u8], at: usize, last: bool) -> Step {
    if inside_row(text, at) {
        return Step::None;
    }
    let hexadecimal = |place: usize| text.get(place).is_some_and(u8::is_ascii_hexdigit);
    let missing = |place: usize| place >= text.len() && !last;
    // The joint tells the size of the groups.
    let mut size = 0;
    while size <= 4 && hexadecimal(at + size) {
        size += 1;
    }
    if missing(at + size) {
        return if size <= 4 { Step::More } else { Step::None };
    }
    let joint = match (size, text.get(at + size)) {
        (2, Some(joint @ (b':' | b'-'))) | (4, Some(joint @ b'.')) => *joint,
        _ => return Step::None,
    };
    let most = if size == 2 { 8 } else { 4 };
    let mut count = 1;
    let mut end = at + size;
    while count <= most && text.get(end) == Some(&joint) {
        if let Some(place) = (end + 1..=end + size).find(|place| !hexadecimal(*place)) {
            if missing(place) {
                return Step::More;
            }
            break;
        }
        end += 1 + size;
        count += 1;
    }
    let whole = matches!((size, count), (2, 6 | 8) | (4, 3 | 4));
    if count > most {
        return Step::None;
    }
    match text.get(end) {
        None if !last => return Step::More,
        Some(byte) if byte.is_ascii_alphanumeric() => return Step::None,
        Some(byte) if *byte == joint => {
            if missing(end + 1) {
                return Step::More;
            }
            if hexadecimal(end + 1) {
                return Step::None;
            }
        }
        _ => {}
    }
    let value = text.get(at..end).unwrap_or_default();
    let digits = || value.iter().filter(|byte| **byte != joint);
    let all = |digit: u8| digits().all(|byte| byte.eq_ignore_ascii_case(&digit));
    let number = joint != b':' && digits().all(u8::is_ascii_digit);
    let word = digits().all(u8::is_ascii_alphabetic);
    if !whole || all(b'0') || all(b'f') || number || word { Step::None } else { Step::Match(end) }
}

/// Whether a joint with one or two hexadecimal digits stands before the place, so that it is inside a row of bytes.
fn inside_row(text: &[u8], at: usize) -> bool {
    let Some((b':' | b'-', head)) = text.get(..at).and_then(<[u8]>::split_last) else { return false };
    let run = head.iter().rev().take(3).take_while(|byte| byte.is_ascii_alphanumeric());
    run.clone().all(u8::is_ascii_hexdigit) && matches!(run.count(), 1 | 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        for text in [
            "00:1a:2b:3c:4d:5e",
            "00-1A-2B-3C-4D-5E",
            "001a.2b3c.4d5e",
            "00:1a:2b:ff:fe:3c:4d:5e",
            "00:1A:2B:3C:4D:5E,",
            "52:54:00:12:34:56",
        ] {
            let len = text.trim_end_matches(',').len();
            assert_eq!(mac(text.as_bytes(), 0, true), Step::Match(len), "{text}");
        }
        assert_eq!(mac(b"mac:00:1a:2b:3c:4d:5e", 4, true), Step::Match(21));
    }

    #[test]
    fn what_is_no_address() {
        for text in [
            "00:00:00:00:00:00",
            "FF:FF:FF:FF:FF:FF",
            "00:1a:2b:3c:4d",
            "00:1a:2b:3c:4d:5e:6f",
            "00:1a:2b:3c:4d:5e:6f:70:81",
            "16:27:ac:a5:76:28:2d:36:63:1b:56:4d:eb:df:a6:48",
            "12-34-56-78-90-12",
            "1234.5678.9012",
            "001a.2b3c.4d5e.6f",
            "00:1a-2b:3c:4d:5e",
            "00:1a:2b:3c:4d:5ef",
            "12:34:56",
        ] {
            assert_eq!(mac(text.as_bytes(), 0, true), Step::None, "{text}");
        }
        assert_eq!(mac(b"16:27:ac:a5:76:28:2d:36", 3, true), Step::None);
    }

    #[test]
    fn an_answer_never_changes_with_more_text() {
        for text in
            ["00:1a:2b:3c:4d:5e: x", "00:1a:2b:3c:4d:5e:6f:70:81", "001a.2b3c.4d5e.6f70.8", "00-1a-2b-3c-4d-5e-x"]
        {
            let bytes = text.as_bytes();
            let whole = mac(bytes, 0, true);
            for cut in 1..bytes.len() {
                let early = mac(&bytes[..cut], 0, false);
                assert!(early == Step::More || early == whole, "{text} at {cut}: {early:?} {whole:?}");
            }
        }
    }
}
