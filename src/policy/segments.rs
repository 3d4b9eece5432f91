//! The segments of a path, as whoever reads it could have them.
//!
//! Enters: a path as it came, or what stands behind a route's. Leaves: its segments with nothing left encoded, however
//! often it was (RFC 3986 section 2.1), cut at every sign that some reader takes for `/`, and without those that are
//! empty then. They are for comparing alone: what goes up stays as it came.

/// An octet, and whether a percent sign stood for it.
#[derive(Clone, Copy)]
struct Octet {
    byte: u8,
    encoded: bool,
}

/// The segments of a path, decoded. Parameters still stand behind their segments ([`plain`]); a segment that is all
/// parameters is an empty one. `None` where readers who cut before they decode, and those who cut after it, could
/// differ on which segments there are and neither has more of them: a `/` is encoded within parameters.
pub(crate) fn segments(path: &str) -> Option<Vec<Vec<u8>>> {
    let mut segments = vec![Vec::new()];
    let mut has_parameters = false;
    for Octet { byte, encoded } in decoded(path.as_bytes()) {
        match byte {
            b'/' | b'\\' if has_parameters && (encoded || byte == b'\\') => return None,
            b'/' | b'\\' => {
                has_parameters = false;
                segments.push(Vec::new());
            }
            _ => {
                has_parameters |= begins_parameters(byte);
                segments.last_mut()?.push(byte);
            }
        }
    }
    segments.retain(|segment| !plain(segment).is_empty());
    Some(segments)
}

/// A segment without its parameters (RFC 3986 section 3.3), or what else a reader takes for its end that decodes first.
pub(crate) fn plain(segment: &[u8]) -> &[u8] {
    segment.split(|byte| begins_parameters(*byte)).next().unwrap_or_default()
}

/// Whether some reader could find a segment to be this one: in letters of either case, with parameters or without.
pub(super) fn is_like(segment: &[u8], name: &[u8]) -> bool {
    let rest = segment.split_at_checked(name.len()).filter(|(head, _)| head.eq_ignore_ascii_case(name));
    rest.is_some_and(|(_, rest)| rest.first().is_none_or(|byte| begins_parameters(*byte)))
}

/// What of a path stands behind this prefix, as it came: empty, or beginning with `/`. Signs of the prefix may be encoded,
/// once, as clients do that encode names before they put them in a path (`:` as `%3A`); letters, digits and `/` may not.
pub(super) fn behind<'a>(prefix: &str, path: &'a str) -> Option<&'a str> {
    let mut rest = path;
    for wanted in prefix.trim_end_matches('/').bytes() {
        let hex = rest.strip_prefix('%').and_then(|rest| rest.get(..2));
        let (byte, len) = match hex.and_then(|hex| octet(hex.as_bytes())) {
            Some(byte) if byte != b'/' && !byte.is_ascii_alphanumeric() => (byte, 3),
            Some(_) | None => (*rest.as_bytes().first()?, 1),
        };
        rest = rest.get(len..).filter(|_| byte == wanted)?;
    }
    Some(rest).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn begins_parameters(byte: u8) -> bool {
    matches!(byte, b';' | b'?' | b'#' | 0)
}

/// A path in which no octet is encoded any more. What is decoded may complete what stands before it.
fn decoded(path: &[u8]) -> Vec<Octet> {
    let mut out: Vec<Octet> = Vec::with_capacity(path.len());
    for byte in path {
        out.push(Octet { byte: *byte, encoded: false });
        while let Some([Octet { byte: b'%', .. }, high, low]) = out.last_chunk::<3>()
            && let Some(byte) = octet(&[high.byte, low.byte])
        {
            out.truncate(out.len() - 3);
            out.push(Octet { byte, encoded: true });
        }
    }
    out
}

fn octet(hex: &[u8]) -> Option<u8> {
    let digit = |at: usize| hex.get(at).and_then(|digit| char::from(*digit).to_digit(16));
    u8::try_from(digit(0)? << 4 | digit(1)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_what_some_reader_has() {
        let of = |path: &str| {
            let text = |segment: Vec<u8>| String::from_utf8(segment).expect("it is text");
            segments(path).map(|all| all.into_iter().map(text).collect::<Vec<_>>().join("|"))
        };
        for (path, expected) in [
            ("/a/b", "a|b"),
            ("//a///b/", "a|b"),
            ("/%61/%2562", "a|b"),
            ("/%25%32%35%36%31", "a"),
            ("/%%361", "a"),
            ("/a%2Fb%255cc", "a|b|c"),
            ("/a;x=1/;y/b%3Bz", "a;x=1|b;z"),
            ("/a%3fx/b", "a?x|b"),
            ("/a%zz%2", "a%zz%2"),
            ("/", ""),
            ("", ""),
        ] {
            assert_eq!(of(path).as_deref(), Some(expected), "{path}");
        }
        for doubtful in ["/a;x%2Fb/c", "/a%3Bx%252fb", "/a;x\\b", "/a%23%5Cb"] {
            assert_eq!(of(doubtful), None, "{doubtful}");
        }
        assert_eq!(plain(b"a;x"), b"a");
        assert!(is_like(b"Admin;x", b"admin") && is_like(b"admin", b"admin") && is_like(b"a;b", b"a;b"));
        assert!(!is_like(b"admins", b"admin") && !is_like(b"admi", b"admin"));
    }

    #[test]
    fn signs_of_a_prefix_may_be_encoded() {
        for (path, rest) in [
            ("/a/b:0", Some("")),
            ("/a/b%3A0/c%2Fd", Some("/c%2Fd")),
            ("/a/b%3a0/", Some("/")),
            ("/%61/b:0/", None),
            ("/a/b:0x", None),
            ("/a%2Fb:0", None),
            ("/a//b:0", None),
            ("/a/b%253A0", None),
            ("/a/b%3", None),
            ("/a", None),
            ("/\u{e9}\u{e9}\u{e9}", None),
        ] {
            assert_eq!(behind("/a/b:0", path), rest, "{path}");
        }
        assert_eq!(behind("/", "/x"), Some("/x"));
    }
}
