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

/// A segment of a path, decoded. Parameters still stand behind it ([`plain`]).
pub(crate) struct Segment {
    pub(crate) name: Vec<u8>,
    /// Whether it stands behind an encoded `/` within parameters: a segment for readers who decode before they cut, a part
    /// of those parameters for the others.
    pub(crate) may_be_parameters: bool,
}

/// The segments of a path, decoded: all that some reader has. One that is all parameters is an empty one.
pub(crate) fn segments(path: &str) -> Vec<Segment> {
    let (mut segments, mut name) = (Vec::new(), Vec::new());
    let (mut has_parameters, mut may_be_parameters) = (false, false);
    let mut end = |name: &mut Vec<u8>, may_be_parameters| {
        let name = std::mem::take(name);
        if !plain(&name).is_empty() {
            segments.push(Segment { name, may_be_parameters });
        }
    };
    for Octet { byte, encoded } in decoded(path.as_bytes()) {
        if matches!(byte, b'/' | b'\\') {
            end(&mut name, may_be_parameters);
            // What is a `/` for everybody ends parameters for everybody.
            has_parameters &= encoded || byte == b'\\';
            may_be_parameters = has_parameters;
        } else {
            has_parameters |= begins_parameters(byte);
            name.push(byte);
        }
    }
    end(&mut name, may_be_parameters);
    segments
}

/// Whether some reader of these segments finds the names of a route, beginning with `/`, at their beginning.
pub(super) fn leads_to(segments: &[Segment], route: &str) -> bool {
    let names: Vec<&str> = route.split('/').skip(1).collect();
    // How many of the names may have been read behind each segment: a reader that has parameters there passes it over.
    let mut read = vec![0_usize];
    for segment in segments {
        let next = read.iter().filter(|at| names.get(**at).is_some_and(|name| is_like(&segment.name, name.as_bytes())));
        let mut next: Vec<usize> = next.map(|at| at + 1).collect();
        if next.contains(&names.len()) {
            return true;
        }
        let may_be_empty = plain(&segment.name).iter().all(|byte| is_dropped(*byte));
        if segment.may_be_parameters || may_be_empty {
            next.append(&mut read);
            next.sort_unstable();
            next.dedup();
        }
        read = next;
    }
    false
}

/// A segment without its parameters (RFC 3986 section 3.3), or what else a reader takes for its end that decodes first.
pub(crate) fn plain(segment: &[u8]) -> &[u8] {
    segment.split(|byte| begins_parameters(*byte)).next().unwrap_or_default()
}

/// Whether some reader could find a segment to be this one: in letters of either case, with parameters or without, with
/// what files' names lose at their end.
fn is_like(segment: &[u8], name: &[u8]) -> bool {
    let rest = segment.split_at_checked(name.len()).filter(|(head, _)| head.eq_ignore_ascii_case(name));
    rest.is_some_and(|(_, rest)| plain(rest).iter().all(|byte| is_dropped(*byte)))
}

/// Whether some reader takes a segment for the one that it is in, or for the one above.
pub(super) fn is_dots(segment: &[u8]) -> bool {
    let name = plain(segment);
    let end = name.iter().rposition(|byte| *byte == b'.' || !is_dropped(*byte)).map_or(0, |last| last + 1);
    matches!(name.get(..end), Some(b"." | b".."))
}

/// Whether Windows drops this at the end of a file's name (dots and blanks), or some reader of paths (controls).
fn is_dropped(byte: u8) -> bool {
    matches!(byte, b'.' | b' ') || byte.is_ascii_control()
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
            let text = |segment: Segment| {
                let before = if segment.may_be_parameters { "~" } else { "" };
                format!("{before}{}", String::from_utf8(segment.name).expect("it is text"))
            };
            segments(path).into_iter().map(text).collect::<Vec<_>>().join("|")
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
            ("/a;x%2Fb/c", "a;x|~b|c"),
            ("/a%3Bx%252fb%2Fc/d%2Fe", "a;x|~b|~c|d|e"),
            ("/a;x\\b", "a;x|~b"),
            ("/a%23%5Cb", "a#|~b"),
            ("/", ""),
            ("", ""),
        ] {
            assert_eq!(of(path), expected, "{path}");
        }
        assert_eq!(plain(b"a;x"), b"a");
        assert!(is_like(b"Admin;x", b"admin") && is_like(b"admin", b"admin") && is_like(b"a;b", b"a;b"));
        assert!(!is_like(b"admins", b"admin") && !is_like(b"admi", b"admin"));
        assert!(is_like(b"admin.", b"admin") && is_like(b"admin. .\t;x", b"admin") && is_like(b"v1.", b"v1."));
        assert!(!is_like(b"admin.x", b"admin") && !is_like(b" admin", b"admin"));
        assert!(is_dots(b".") && is_dots(b".. ") && is_dots(b"..\t;x") && is_dots(b". "));
        assert!(!is_dots(b"...") && !is_dots(b"..x") && !is_dots(b" ") && !is_dots(b". ."));
    }

    #[test]
    fn a_route_is_found_by_each_reader() {
        for (path, found) in [
            ("/a/b", true),
            ("/a;x%2Fb", true),
            ("/a;x%2Fy%2Fz/b", true),
            ("/a;x%2Fa/b", true),
            ("/a./b%20", true),
            ("/a/%20/b", true),
            ("/a/.../b", true),
            ("/a/. x/b", false),
            ("/a;x/y/b", false),
            ("/a%2Fy/b", false),
            ("/x;y%2Fa/b", false),
            ("/b/a", false),
            ("/a", false),
            ("/files/notes%3B1%2F2", false),
        ] {
            assert_eq!(leads_to(&segments(path), "/a/b"), found, "{path}");
        }
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
