//! Parts whose heads name content codings.

use super::*;

const FORM: &str = "multipart/form-data; boundary=b";

/// A part, and the end of its body.
fn part(head: &str, body: &[u8]) -> Vec<u8> {
    [b"--b\r\n", head.as_bytes(), b"\r\n\r\n", body, b"\r\n--b--\r\n"].concat()
}

/// The bytes of the only part.
fn body(out: &[u8]) -> &[u8] {
    let start = ::memchr::memmem::find(out, b"\r\n\r\n").unwrap() + 4;
    out[start..].strip_suffix(b"\r\n--b--\r\n").unwrap()
}

/// Runs a body whole, at every split and byte by byte, flushed or not; what left must decode to the same.
fn run_part(spec: &BodySpec, codings: &[ContentCoding], sent: &[u8]) -> Run {
    let whole = run_in(spec, [sent]);
    let opened = |run: &Run| run.end.is_ok().then(|| decode(codings, body(&decode(&spec.codings, &run.out))));
    let mut others: Vec<_> = (0..=sent.len()).map(|at| run_in(spec, [&sent[..at], &sent[at..]])).collect();
    others.push(run_in(spec, sent.chunks(1)));
    for other in others {
        assert_eq!((&other.end, opened(&other)), (&whole.end, opened(&whole)));
        assert_eq!(other.seen.findings, whole.seen.findings);
        assert_eq!(other.seen.length, whole.seen.length);
    }
    whole
}

#[test]
fn a_part_is_opened_from_the_codings_that_its_head_names() {
    let text = b"badge EMP-123456, card 4111 1111 1111 1111; EMP-12 stays";
    let clean = "badge [EMPLOYEE], card **** **** **** 1111; EMP-12 stays";
    for (head, codings) in [
        ("Content-Encoding: gzip", &CODINGS[..1]),
        ("content-encoding:deflate", &CODINGS[1..2]),
        ("CONTENT-ENCODING : Br", &CODINGS[2..3]),
        ("Content-Encoding: identity, zstd", &CODINGS[3..]),
        ("Content-Encoding: deflate, br", &CODINGS[1..3]),
        ("Content-Encoding: identity", &[]),
        ("Content-Encoding:", &[]),
        ("Content-Encoding: identity\r\nContent-Encoding: identity", &[]),
    ] {
        for kind in ["text/plain", "application/octet-stream"] {
            let head = format!("{head}\r\nContent-Type: {kind}");
            let sent = part(&head, &encode(codings, text));
            let done = run_part(&spec(FORM, &[]), codings, &sent);
            assert_eq!(done.end, Ok(()), "{head}");
            assert_eq!(String::from_utf8(decode(codings, body(&done.out))).unwrap(), clean, "{head}");
            assert!(done.out.starts_with(format!("--b\r\n{head}\r\n\r\n").as_bytes()), "{head}");
            assert_eq!(done.seen.findings, [(0, "redact", 1), (1, "keep-last-4", 1)], "{head}");
            let around = (part(&head, b"").len() + text.len()) as u64;
            assert_eq!((done.seen.scanned, done.seen.length), (around, around), "{head}");
        }
    }
}

#[test]
fn other_kinds_of_multipart_hold_parts_in_codings_too() {
    let text = b"badge EMP-123456";
    for coding in CODINGS {
        let codings = [coding];
        let head = format!("Content-Encoding: {}\r\nContent-Type: text/plain", coding.name());
        for kind in
            ["multipart/mixed; boundary=b", "multipart/related; boundary=\"b\"", "multipart/x-other; boundary=b"]
        {
            let done = run_part(&spec(kind, &[]), &codings, &part(&head, &encode(&codings, text)));
            assert_eq!(decode(&codings, body(&done.out)), b"badge [EMPLOYEE]", "{kind}");
        }
        // Within another one, within codings around the whole, and the other way round.
        let inner = part(&head, &encode(&codings, text)).replace(b"--b", b"--c");
        let outer = "Content-Type: multipart/mixed; boundary=c";
        for (head, nested, around) in [
            (outer.to_owned(), inner.clone(), &[][..]),
            (outer.to_owned(), inner.clone(), &CODINGS[..2]),
            (format!("{outer}\r\nContent-Encoding: br"), encode(&CODINGS[2..3], &inner), &[]),
        ] {
            let done = run_in(&spec(FORM, around), [encode(around, &part(&head, &nested)).as_slice()]);
            assert_eq!(done.end, Ok(()), "{head}");
            let plain = decode(around, &done.out);
            let within = if head.contains("br") { decode(&CODINGS[2..3], body(&plain)) } else { body(&plain).to_vec() };
            let within = within.as_slice().replace(b"--c", b"--b");
            assert_eq!(decode(&codings, body(&within)), b"badge [EMPLOYEE]", "{head}");
        }
    }
}

#[test]
fn a_transfer_encoding_is_around_the_codings_of_a_part() {
    for coding in CODINGS {
        let codings = [coding];
        let encoded = encode(&codings, b"badge EMP-123456, and words that stay");
        let mut base64 = Vec::new();
        crate::body::base64::encode(&encoded, &mut base64);
        let name = coding.name();
        let head = format!("Content-Transfer-Encoding: base64\r\nContent-Encoding: {name}\r\nContent-Type: text/plain");
        let sent = part(&head, &base64);
        let whole = run_in(&spec(FORM, &[]), [sent.as_slice()]);
        for size in 1..sent.len() {
            let done = run_in(&spec(FORM, &[]), sent.chunks(size));
            assert_eq!(done.end, Ok(()), "{name}");
            assert_eq!(done.seen.findings, [(0, "redact", 1)]);
            assert_eq!(done.out, whole.out);
        }
        let letters: Vec<u8> = body(&whole.out).iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
        let mut opened = Vec::new();
        for group in letters.chunks(4) {
            let bits = group.iter().filter_map(|letter| crate::body::base64::sextet(*letter));
            let (bits, count) = bits.fold((0, 0), |(bits, count), value| (bits << 6 | value, count + 1));
            let bytes: [u8; 4] = (bits << (6 * (4 - count))).to_be_bytes();
            opened.extend_from_slice(&bytes[1..count as usize]);
        }
        assert_eq!(decode(&codings, &opened), b"badge [EMPLOYEE], and words that stay", "{name}");
    }
}

#[test]
fn codings_of_a_part_that_are_not_known_or_not_clear_are_refused() {
    let raw = encode(&CODINGS[1..2], b"badge EMP-123456");
    for head in [
        "Content-Encoding: lz4",
        "Content-Encoding: snappy",
        "Content-Encoding: base64",
        "Content-Encoding: gzip deflate",
        "Content-Encoding: \"deflate\"",
        "Content-Encoding: gzip, gzip, gzip, gzip",
        // One reader takes the first, one the last, one both.
        "Content-Encoding: identity\r\nContent-Encoding: deflate",
        "Content-Encoding: deflate\r\ncontent-encoding: identity",
        "Content-Encoding: deflate\r\nContent-Encoding: deflate",
        "Content-Encoding: deflate\r\nX-Between: a\r\nContent-Encoding:",
        // And some know no line that goes on.
        "Content-Encoding: identity,\r\n deflate",
        "Content-Encoding:\r\n\tdeflate",
    ] {
        let everything = Arc::new([MediaRange::all()]);
        for spec in [spec(FORM, &[]), lenient(FORM), BodySpec { opaque: everything, ..spec(FORM, &[]) }] {
            let done = run(&spec, &part(head, &raw));
            assert_eq!(done.end, Err(BodyErrorKind::CodingUnsupported), "{head}");
            assert!(!done.out.ends_with(&raw), "{head}");
        }
    }
    // As many as the limit allows, around the whole and around the part together.
    let gzip = [ContentCoding::Gzip];
    let sent = part("Content-Encoding: gzip, gzip, gzip", b"x");
    let done = run_in(&spec(FORM, &gzip), [encode(&gzip, &sent).as_slice()]);
    assert_eq!(done.end, Err(BodyErrorKind::CodingUnsupported));
}

#[test]
fn a_part_that_does_not_decode_is_refused() {
    for coding in CODINGS {
        let encoded = encode(&[coding], &b"badge EMP-123456 ".repeat(20));
        let head = format!("Content-Encoding: {}\r\nContent-Type: text/plain", coding.name());
        for (sent, kind) in [
            (encoded[..encoded.len() - 1].to_vec(), BodyErrorKind::Truncated),
            ([&encoded[..], b"badge EMP-123456"].concat(), BodyErrorKind::CodingInvalid),
        ] {
            for spec in [spec(FORM, &[]), lenient(FORM)] {
                let done = run(&spec, &part(&head, &sent));
                assert_eq!(done.end, Err(kind.clone()), "{head}");
                assert!(!done.text().contains("EMP-123456"), "{head}");
            }
        }
        // One of no bytes is whole whatever its head says.
        let empty = part(&head, b"");
        assert_eq!(run(&spec(FORM, &[]), &empty).out, empty);
    }
}

#[test]
fn what_is_no_text_passes_opened_where_the_policy_lets_it() {
    let picture = b"\x89PNG\r\n\x1a\n EMP-123456 \0\xff";
    let sent = part("Content-Encoding: deflate\r\nContent-Type: image/png", &encode(&CODINGS[1..2], picture));
    assert_eq!(run(&spec(FORM, &[]), &sent).end, Err(BodyErrorKind::MediaType));
    let opaque = BodySpec { opaque: Arc::new([MediaRange::parse("image/*").unwrap()]), ..spec(FORM, &[]) };
    let done = run_part(&opaque, &CODINGS[1..2], &sent);
    assert_eq!(done.seen.unscanned, [("media_type", picture.len() as u64)]);
    assert_eq!(decode(&CODINGS[1..2], body(&done.out)), picture);
}

#[test]
fn parts_do_not_multiply_what_a_body_may_expand_to() {
    let zeros = |size: usize| vec![b'.'; size];
    let limits = BodyLimits { expansion_ratio: 10, expansion_free: 4096, ..BodyLimits::default() };
    let limited = |codings: &[ContentCoding]| BodySpec { limits: limits.clone(), ..spec(FORM, codings) };
    for coding in CODINGS {
        let head = format!("Content-Encoding: {}\r\nContent-Type: text/plain", coding.name());
        let packed = |size: usize| encode(&[coding], &zeros(size));
        // One part by itself.
        assert_eq!(run_in(&limited(&[]), [part(&head, &packed(4096)).as_slice()]).end, Ok(()), "{coding:?}");
        let done = run_in(&limited(&[]), [part(&head, &packed(40_000)).as_slice()]);
        assert_eq!(done.end, Err(BodyErrorKind::Expansion), "{coding:?}");
        // Many of them, each of which could stand alone.
        let one = part(&head, &packed(4096));
        let one = one.strip_suffix(b"--b--\r\n").unwrap();
        let many = [one.repeat(40), b"--b--\r\n".to_vec()].concat();
        for size in [1, 100, many.len()] {
            assert_eq!(run_in(&limited(&[]), many.chunks(size)).end, Err(BodyErrorKind::Expansion), "{coding:?}");
        }
        // One in another coding around the whole.
        let around = [ContentCoding::Gzip];
        let mut dice = 0x9e37_79b9_7f4a_7c15_u64;
        let noise = std::iter::repeat_with(|| {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            b' ' + (dice >> 58) as u8
        });
        let incompressible: Vec<u8> = noise.take(4000).collect();
        let text = [incompressible, zeros(20_000)].concat();
        let sent = encode(&around, &part(&head.replace("text/plain", "text/x"), &encode(&[coding], &text)));
        assert_eq!(run_in(&limited(&around), [sent.as_slice()]).end, Ok(()), "{coding:?}");
        let sent = encode(&around, &part(&head, &packed(60_000)));
        assert_eq!(run_in(&limited(&around), [sent.as_slice()]).end, Err(BodyErrorKind::Expansion), "{coding:?}");
    }
}

#[test]
fn a_flush_gives_out_what_a_parts_encoder_holds() {
    for coding in CODINGS {
        let head = format!("--b\r\nContent-Encoding: {}\r\nContent-Type: text/plain\r\n\r\n", coding.name());
        let text = "badge EMP-123456 and many words that are none ".repeat(40);
        let encoded = encode(&[coding], text.as_bytes());
        let mut inspector = BodyInspector::new(spec(FORM, &[])).unwrap();
        let mut out = Vec::new();
        inspector.push(head.as_bytes(), &mut out).unwrap();
        inspector.push(&encoded, &mut out).unwrap();
        inspector.flush(&mut out).unwrap();
        let left = out[head.len()..].to_vec();
        let mut plain = Vec::new();
        let mut decoding = Decoding::new(&[coding], &BodyLimits::default()).unwrap();
        let mut rest = left.as_slice();
        while let Some(piece) = decoding.next_piece(&mut rest).unwrap() {
            plain.extend_from_slice(piece);
        }
        assert!(plain.trim_ascii_end().ends_with(b"that are none"), "{coding:?} {}", String::from_utf8_lossy(&plain));
        inspector.push(b"\r\n--b--\r\n", &mut out).unwrap();
        inspector.finish(&mut out).unwrap();
        let wanted = text.replace("EMP-123456", "[EMPLOYEE]");
        assert_eq!(String::from_utf8(decode(&[coding], body(&out))).unwrap(), wanted);
    }
}

/// Replacement in bytes.
trait Replace {
    fn replace(&self, from: &[u8], to: &[u8]) -> Vec<u8>;
}

impl Replace for [u8] {
    fn replace(&self, from: &[u8], to: &[u8]) -> Vec<u8> {
        let (mut out, mut rest) = (Vec::new(), self);
        while let Some(at) = ::memchr::memmem::find(rest, from) {
            out.extend_from_slice(&rest[..at]);
            out.extend_from_slice(to);
            rest = &rest[at + from.len()..];
        }
        out.extend_from_slice(rest);
        out
    }
}
