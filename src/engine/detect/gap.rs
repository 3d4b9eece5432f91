//! What people put between the groups of one number: a separator, two spaces, a dash with spaces round it, the end of
//! a line.
//!
//! Wider than [`separator`]: for values whose arithmetic or structure says that they are whole.

use super::{Separator, separator};

/// The kind of a gap that ends a line. It goes with every other kind, once in a value.
pub(super) const BREAK: u8 = b'\n';

/// Most space-like characters side by side.
const SPACES: usize = 2;
/// Most spaces and tabs at the beginning of the next line.
const INDENT: usize = 8;

/// The longest gap in bytes: spaces of three bytes round a dash of three, the end of a line, an indent; a hyphen stands
/// before the end of the line or behind the indent.
pub(super) const MAX_GAP: usize = SPACES * 3 + 3 + SPACES * 3 + 2 + INDENT + 1;

/// Reads the gap at `at`.
pub(super) fn gap(text: &[u8], at: usize, last: bool) -> Separator {
    // Mostly one sign stands between two digits.
    if let Some(kind) = single(text, at) {
        return Separator::Found { len: 1, kind };
    }
    let mut here = at;
    let before = match spaces(text, &mut here, last) {
        Ok(count) => count,
        Err(other) => return other,
    };
    let mut found = if before > 0 { Some(0) } else { None };
    match separator(text, here, last) {
        Separator::Found { len, kind: 1 } => {
            here += len;
            found = Some(1);
            let after = match spaces(text, &mut here, last) {
                Ok(count) => count,
                Err(other) => return other,
            };
            if (before > 0) != (after > 0) && !matches!(text.get(here), Some(b'\r' | b'\n')) {
                return Separator::None;
            }
        }
        Separator::Found { len, kind } if before == 0 => return Separator::Found { len, kind },
        Separator::Found { .. } => return Separator::None,
        Separator::None => {}
        Separator::More => return Separator::More,
    }
    match (text.get(here), text.get(here + 1)) {
        (Some(b'\n'), _) => here += 1,
        (Some(b'\r'), Some(b'\n')) => here += 2,
        (Some(b'\r'), None) if !last => return Separator::More,
        _ => return found.map_or(Separator::None, |kind| Separator::Found { len: here - at, kind }),
    }
    for _ in 0..INDENT {
        match text.get(here) {
            Some(b' ' | b'\t') => here += 1,
            None if !last => return Separator::More,
            _ => break,
        }
    }
    // A value may be broken before its hyphen as well.
    if found.is_none() && text.get(here) == Some(&b'-') {
        match text.get(here + 1) {
            Some(byte) if byte.is_ascii_digit() => here += 1,
            None if !last => return Separator::More,
            _ => {}
        }
    }
    Separator::Found { len: here - at, kind: BREAK }
}

/// The kind of a gap of one byte, where a digit follows it.
#[inline]
pub(super) fn single(text: &[u8], at: usize) -> Option<u8> {
    let kind = match text.get(at)? {
        b' ' => 0,
        b'-' => 1,
        other @ (b'.' | b'/' | b'_') => *other,
        _ => return None,
    };
    text.get(at + 1).is_some_and(u8::is_ascii_digit).then_some(kind)
}

/// Passes over spaces and counts them; too many are no gap.
fn spaces(text: &[u8], here: &mut usize, last: bool) -> Result<usize, Separator> {
    let mut count = 0;
    loop {
        match separator(text, *here, last) {
            Separator::Found { .. } if count == SPACES => {
                return if is_dash_or_end(text, *here, last) { Ok(count) } else { Err(Separator::None) };
            }
            Separator::Found { len, kind: 0 } => {
                *here += len;
                count += 1;
            }
            Separator::Found { .. } | Separator::None => return Ok(count),
            Separator::More => return Err(Separator::More),
        }
    }
}

/// Whether what stands at `here` is no third space.
fn is_dash_or_end(text: &[u8], here: usize, last: bool) -> bool {
    !matches!(separator(text, here, last), Separator::Found { kind: 0, .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_between_groups() {
        for (text, len, kind) in [
            (" 1", 1, 0),
            ("  1", 2, 0),
            ("\u{a0}1", 2, 0),
            ("-1", 1, 1),
            (" - 1", 3, 1),
            (" \u{2013} 1", 5, 1),
            ("/1", 1, b'/'),
            ("_1", 1, b'_'),
            ("\n1", 1, BREAK),
            ("\r\n    1", 6, BREAK),
            ("-\n1", 2, BREAK),
            (" \n 1", 3, BREAK),
            ("\n-1", 2, BREAK),
            ("\r\n  -1", 5, BREAK),
        ] {
            assert_eq!(gap(text.as_bytes(), 0, true), Separator::Found { len, kind }, "{text:?}");
            for cut in 1..len {
                assert_eq!(gap(&text.as_bytes()[..cut], 0, false), Separator::More, "{text:?} at {cut}");
            }
        }
        for text in ["   1", "- 1", " -1", "x", ". 1", "\n- 1", "-\n-1"] {
            let found = gap(text.as_bytes(), 0, true);
            let next = match found {
                Separator::Found { len, .. } => text.as_bytes().get(len).is_some_and(u8::is_ascii_digit),
                _ => false,
            };
            assert!(!next, "{text:?} {found:?}");
        }
    }
}
