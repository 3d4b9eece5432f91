//! Messages in frames of gRPC, and in a block of snappy.

use blackbar::body::{BodyErrorKind, BodyLimits, BodySpec, ContentCoding, Dialect};

use super::super::fixtures::{TEXT, gunzip, gzip};
use super::wire::Field::{self, Bytes, Fixed64, Message, Varint};
use super::wire::{decode_like, encode, text};
use super::{LOGS, PROTOBUF, gzipped, otlp, redacted, run, shows, spec};

const GRPC: &str = "application/grpc";

fn frame(flag: u8, message: &[u8]) -> Vec<u8> {
    [&[flag][..], &(message.len() as u32).to_be_bytes(), message].concat()
}

/// The frames of a body: flags and messages.
fn frames(mut body: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut frames = Vec::new();
    while !body.is_empty() {
        let len = u32::from_be_bytes(body[1..5].try_into().unwrap()) as usize;
        frames.push((body[0], body[5..5 + len].to_vec()));
        body = &body[5 + len..];
    }
    frames
}

#[test]
fn frames_get_the_length_of_what_they_hold() {
    let message = otlp::logs(TEXT);
    let bytes = encode(&message);
    let zipped = gzip(&bytes);
    let untouched = gzip(&encode(&otlp::logs("nothing")));
    let body = [frame(0, &bytes), frame(1, &zipped), frame(0, b""), frame(1, &untouched), frame(1, b"")].concat();
    let whole = redacted(gzipped(spec(GRPC, LOGS)), &body);
    let after = frames(&whole);
    assert_eq!(after.iter().map(|(flag, _)| *flag).collect::<Vec<_>>(), [0, 1, 0, 1, 1]);
    let plain = &after[0].1;
    decode_like(&message, plain);
    assert!(!shows(plain));
    assert_eq!(&gunzip(&after[1].1), plain);
    assert!(after[2].1.is_empty() && after[4].1.is_empty());
    assert_eq!(after[3].1, untouched, "what nothing was found in stays as it was compressed");

    for size in [1, 4, 5, 6, 99] {
        assert_eq!(run(gzipped(spec("application/grpc+proto", LOGS)), body.chunks(size)).0, whole);
    }
    for cut in 0..body.len() {
        let (first, second) = body.split_at(cut);
        assert_eq!(run(gzipped(spec(GRPC, LOGS)), [first, second]).0, whole);
        let (out, fault, _) = run(gzipped(spec(GRPC, LOGS)), [first]);
        assert!(!shows(&out) && whole.starts_with(&out));
        // It may end between two frames.
        let mut at = 0;
        let between = frames(&body).iter().any(|(_, message)| {
            at += 5 + message.len();
            at == cut
        });
        assert_eq!(fault, (cut > 0 && !between).then_some(BodyErrorKind::Truncated), "{cut}");
    }
}

#[test]
fn frames_that_are_none_are_refused() {
    let bytes = encode(&otlp::logs(TEXT));
    let zipped = gzip(&bytes);
    for (spec, body, expected) in [
        (spec(GRPC, LOGS), frame(2, &bytes), BodyErrorKind::ProtobufSyntax),
        (spec(GRPC, LOGS), frame(0x80, &bytes), BodyErrorKind::ProtobufSyntax),
        (spec(GRPC, LOGS), frame(1, &zipped), BodyErrorKind::CodingUnsupported),
        (gzipped(spec(GRPC, LOGS)), frame(1, &bytes), BodyErrorKind::CodingInvalid),
        (gzipped(spec(GRPC, LOGS)), frame(0, &zipped), BodyErrorKind::ProtobufSyntax),
        (gzipped(spec(GRPC, LOGS)), frame(1, &zipped[..zipped.len() - 1]), BodyErrorKind::CodingInvalid),
        (gzipped(spec(GRPC, LOGS)), frame(1, &[&zipped[..], b"x"].concat()), BodyErrorKind::CodingInvalid),
        (spec(GRPC, LOGS), frame(0, &bytes[..bytes.len() - 1]), BodyErrorKind::ProtobufSyntax),
        (spec(GRPC, LOGS), b"\x00\xff\xff\xff\xff".to_vec(), BodyErrorKind::TooLarge),
        (gzipped(spec(GRPC, LOGS)), frame(1, &gzip(&vec![0; 32 << 20])), BodyErrorKind::Expansion),
    ] {
        let (out, fault, _) = run(spec, [body.as_slice()]);
        assert_eq!((fault, out.len()), (Some(expected), 0));
    }
    for (room, expected) in [(0, None), (1, Some(BodyErrorKind::TooLarge))] {
        let limits = BodyLimits { protobuf_message: bytes.len() - room, ..BodyLimits::default() };
        for body in [frame(0, &bytes), frame(1, &zipped)] {
            let spec = BodySpec { limits: limits.clone(), ..gzipped(spec(GRPC, LOGS)) };
            assert_eq!(run(spec, [body.as_slice()]).1, expected);
        }
    }
}

fn snappy(bytes: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(bytes).unwrap()
}

fn unsnappy(bytes: &[u8]) -> Vec<u8> {
    snap::raw::Decoder::new().decompress_vec(bytes).unwrap()
}

fn push(string: &str) -> Vec<Field> {
    let time = Message(1, vec![Varint(1, 1_700_000_000), Varint(2, 5)]);
    let entry = Message(2, vec![time, text(2, string), Message(3, vec![text(1, "user"), text(2, string)])]);
    let labels = text(1, "{job=\"x\", mail=\"jane@example.com\"}");
    vec![Message(1, vec![labels, entry.clone(), entry, Varint(3, 17)]), Message(1, vec![text(1, "{}")])]
}

#[test]
fn lines_of_loki_are_scanned_and_labels_stay() {
    let message = push(TEXT);
    let body = snappy(&encode(&message));
    for codings in [vec![], vec![ContentCoding::Snappy]] {
        let spec = || BodySpec { codings: codings.clone(), ..spec(PROTOBUF, Dialect::Loki) };
        let (out, fault, seen) = run(spec(), [body.as_slice()]);
        assert_eq!(fault, None);
        assert_eq!(seen.unscanned, [("labels", 34 + 2)]);
        let after = decode_like(&message, &unsnappy(&out));
        let (Message(1, before), Message(1, after)) = (&message[0], &after[0]) else { panic!("streams") };
        assert_eq!((&before[0], &before[3]), (&after[0], &after[3]), "labels and hash stay");
        assert!(!shows(&encode(&after[1..])));
        assert!(encode(&after[1..]).windows(5).any(|window| window == b"Card "));
        assert_eq!(run(spec(), body.chunks(3)).0, out);
        for end in 1..body.len() {
            let (out, fault, _) = run(spec(), [&body[..end]]);
            assert_eq!((out.len(), fault), (0, Some(BodyErrorKind::CodingInvalid)), "{end}");
        }
    }
    let body = snappy(&encode(&push("nothing")));
    assert_eq!(redacted(spec(PROTOBUF, Dialect::Loki), &body), body);
    // Under gzip.
    let body = gzip(&snappy(&encode(&message)));
    let codings = vec![ContentCoding::Snappy, ContentCoding::Gzip];
    let out = redacted(BodySpec { codings, ..spec(PROTOBUF, Dialect::Loki) }, &body);
    decode_like(&message, &unsnappy(&gunzip(&out)));
}

#[test]
fn blocks_of_snappy_have_limits() {
    let loki = || spec(PROTOBUF, Dialect::Loki);
    // Says that it opens to 4 GiB; opens to zeros; is no block; is gzip.
    let bomb = snappy(&vec![0; 9 << 20]);
    for (body, expected) in [
        (&b"\xff\xff\xff\xff\x0f\x00"[..], BodyErrorKind::TooLarge),
        (&bomb, BodyErrorKind::TooLarge),
        (b"\x05\xf0", BodyErrorKind::CodingInvalid),
        (&gzip(b"x"), BodyErrorKind::CodingInvalid),
        (&snappy(b"no message"), BodyErrorKind::ProtobufSyntax),
    ] {
        assert_eq!(run(loki(), [body]).1, Some(expected));
    }
    let limits = BodyLimits { expansion_free: 1 << 10, expansion_ratio: 10, ..BodyLimits::default() };
    let body = snappy(&vec![0; 1 << 20]);
    assert_eq!(run(BodySpec { limits, ..loki() }, [body.as_slice()]).1, Some(BodyErrorKind::Expansion));
    // No one else opens snappy.
    for dialect in [Dialect::Plain, LOGS] {
        let spec = BodySpec { codings: vec![ContentCoding::Snappy], ..spec("text/plain", dialect) };
        assert_eq!(run(spec, [&b"x"[..]]).1, Some(BodyErrorKind::CodingUnsupported));
    }
}

#[test]
fn series_of_remote_write_pass_and_help_does_not() {
    let label = |value: &str| Message(1, vec![text(1, "__name__"), text(2, value)]);
    let sample = Message(2, vec![Fixed64(1, 0), Varint(2, 1_700_000_000_000)]);
    let histogram = Message(4, vec![Varint(1, 1), Message(8, vec![Varint(1, 1)]), Bytes(9, vec![1, 2])]);
    let first = vec![
        Message(1, vec![label("jane@example.com"), sample, Message(3, vec![label("x")]), histogram]),
        Message(3, vec![Varint(1, 1), text(2, "requests"), text(4, TEXT), text(5, "s")]),
    ];
    let second = vec![text(4, ""), text(4, "jane@example.com"), Message(5, vec![Bytes(1, vec![1, 2])])];
    for (message, help) in [(first, true), (second, false)] {
        let body = snappy(&encode(&message));
        let spec = BodySpec { codings: vec![ContentCoding::Snappy], ..spec(PROTOBUF, Dialect::RemoteWrite) };
        let (out, fault, seen) = run(spec, [body.as_slice()]);
        assert_eq!(fault, None);
        assert!(seen.unscanned.iter().any(|(reason, _)| *reason == "labels"));
        let after = decode_like(&message, &unsnappy(&out));
        assert_eq!(after[0], message[0], "a series is what its labels say");
        assert_eq!(out == body, !help);
        assert!(!help || !shows(&encode(&after[1..])));
    }
}

const TRAILERS: &[u8] = b"grpc-status:3\r\ngrpc-message:bad value jane@example.com 4111%201111%201111%201111\r\n";

#[test]
fn frames_of_the_web_end_with_trailers() {
    let message = encode(&otlp::logs(TEXT));
    let body = [frame(0, &message), frame(1, &gzip(&message)), frame(0x80, TRAILERS)].concat();
    let whole = redacted(gzipped(spec("application/grpc-web+proto", LOGS)), &body);
    let after = frames(&whole);
    assert_eq!(after.iter().map(|(flag, _)| *flag).collect::<Vec<_>>(), [0, 1, 0x80]);
    assert!(!shows(&after[0].1) && gunzip(&after[1].1) == after[0].1);
    let trailers = String::from_utf8(after[2].1.clone()).unwrap();
    assert!(trailers.starts_with("grpc-status:3\r\ngrpc-message:bad value jane@***"), "{trailers}");
    assert!(trailers.ends_with("1111\r\n") && !trailers.contains("4111"), "{trailers}");

    // As text, padded where its sender flushed; any chunking gives one result.
    let text = |bytes: &[u8]| {
        let mut text = Vec::new();
        base64_of(bytes, &mut text);
        text
    };
    let flushed: Vec<u8> = [&body[..7], &body[7..300], &body[300..]].into_iter().flat_map(text).collect();
    for kind in ["application/grpc-web-text", "application/grpc-web-text+proto"] {
        let out = redacted(gzipped(spec(kind, LOGS)), &flushed);
        let expected: Vec<u8> = after.iter().flat_map(|(flag, message)| text(&frame(*flag, message))).collect();
        assert_eq!(out, expected);
        for size in [1, 2, 3, 5, 77] {
            assert_eq!(run(gzipped(spec(kind, LOGS)), flushed.chunks(size)).0, out);
        }
        let (out, fault, _) = run(gzipped(spec(kind, LOGS)), [&flushed[..flushed.len() - 2]]);
        assert_eq!((fault, shows(&out)), (Some(BodyErrorKind::Truncated), false));
        let (_, fault, _) = run(gzipped(spec(kind, LOGS)), [b"AAA!".as_slice()]);
        assert_eq!(fault, Some(BodyErrorKind::ProtobufSyntax));
    }
    // Nothing follows the trailers, and they are not compressed.
    for bad in [[frame(0x80, TRAILERS), frame(0, &message)].concat(), frame(0x81, &gzip(TRAILERS))] {
        let (out, fault, _) = run(gzipped(spec("application/grpc-web", LOGS)), [bad.as_slice()]);
        assert_eq!((fault, shows(&out)), (Some(BodyErrorKind::ProtobufSyntax), false));
    }
}

fn base64_of(bytes: &[u8], out: &mut Vec<u8>) {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        out.extend(
            (0..4).map(|at| if at > group.len() { b'=' } else { LETTERS[(bits >> (18 - 6 * at) & 63) as usize] }),
        );
    }
}
