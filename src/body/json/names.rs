//! Names of members, as readers may take them that are less strict than JSON is.
//!
//! Enters: a decoded key, and a name that decides something. Leaves: whether some reader takes the one for the other:
//! Go's `encoding/json`, and .NET's and Java's readers where they are told so, read members in either case, Go also `ſ`
//! (U+017F) for `s` and the Kelvin sign (U+212A) for `k`; readers in C end a name at a NUL.

const LONG_S: &[u8] = "\u{17f}".as_bytes();
const KELVIN: &[u8] = "\u{212a}".as_bytes();

/// Whether some reader takes this key for this name, which is ASCII. A key is always like itself.
pub(in crate::body) fn is_like(key: &[u8], name: &[u8]) -> bool {
    let mut name = name.iter();
    letters(key).all(|letter| name.next().is_some_and(|wanted| wanted.to_ascii_lowercase() == letter))
        && name.next().is_none()
}

/// A key as such readers compare it with others.
pub(super) fn folded(key: &[u8]) -> Vec<u8> {
    let ended = key.split(|byte| *byte == 0).next().unwrap_or_default();
    // Both ways: `ſ` is a capital's small letter, and the Kelvin sign a small one's capital.
    String::from_utf8_lossy(ended).to_uppercase().to_lowercase().into_bytes()
}

fn letters(key: &[u8]) -> impl Iterator<Item = u8> + '_ {
    let mut rest = key;
    std::iter::from_fn(move || {
        let (letter, len) = match rest {
            [] | [0, ..] => return None,
            _ if rest.starts_with(LONG_S) => (b's', LONG_S.len()),
            _ if rest.starts_with(KELVIN) => (b'k', KELVIN.len()),
            [first, ..] => (first.to_ascii_lowercase(), 1),
        };
        rest = rest.get(len..).unwrap_or_default();
        Some(letter)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_take_other_spellings_for_a_name() {
        for key in ["params", "Params", "PARAMS", "param\u{17f}", "params\0", "params\0name"] {
            assert!(is_like(key.as_bytes(), b"params"), "{key:?}");
        }
        assert!(is_like("to\u{212a}en".as_bytes(), b"token") && is_like(b"FUNCTIONCALL", b"functionCall"));
        for key in ["", "param", "paramss", "\0params", "p\0arams", "p\u{e4}rams", "par_ams", " params"] {
            assert!(!is_like(key.as_bytes(), b"params"), "{key:?}");
        }
        assert_eq!(folded("To\u{212a}en\u{17f}\0x".as_bytes()), b"tokens");
        assert_eq!(folded("\u{c9}".as_bytes()), "\u{e9}".as_bytes());
    }
}
