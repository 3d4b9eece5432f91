//! What may not pass, and that nothing of a value shows before it is known.

use blackbar::body::{BodyErrorKind, BodyLimits, BodySpec, Dialect, Direction};

use super::super::fixtures::TEXT;
use super::wire::Field::{self, Message};
use super::wire::{encode, text};
use super::{LOGS, METRICS, PROTOBUF, TRACES, gzipped, otlp, run, shows, spec};

fn fault(body: &[u8]) -> Option<BodyErrorKind> {
    run(spec(PROTOBUF, LOGS), [body]).1
}

#[test]
fn a_body_that_ends_anywhere_else_is_an_error_and_shows_nothing() {
    for (dialect, message) in [(LOGS, otlp::logs(TEXT)), (TRACES, otlp::traces(TEXT)), (METRICS, otlp::metrics(TEXT))] {
        let body = encode(&message);
        for end in 1..body.len() {
            let (out, fault, _) = run(spec(PROTOBUF, dialect), [&body[..end]]);
            assert_eq!(fault, Some(BodyErrorKind::Truncated), "{dialect:?} at {end}");
            assert!(out.is_empty());
        }
        // Behind a whole message the whole one has left.
        let whole = run(spec(PROTOBUF, dialect), [body.as_slice()]).0;
        let twice = body.repeat(2);
        for end in (body.len() + 1..twice.len()).step_by(7) {
            let (out, fault, _) = run(spec(PROTOBUF, dialect), [&twice[..end]]);
            assert_eq!(fault, Some(BodyErrorKind::Truncated));
            assert_eq!(out, whole);
        }
    }
}

#[test]
fn what_is_no_protobuf_is_refused() {
    for body in [
        &b"\x00\x01"[..],
        b"\x0f",
        b"\x0c",
        b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x0a\x80\x80\x80\x80\x08",
        b"\x0a\x03\x0a\x05a", // a length beyond the message around it
        b"\x0a\x04\x0a\x02\x0a\x05",
    ] {
        assert_eq!(fault(body), Some(BodyErrorKind::ProtobufSyntax), "{}", body.escape_ascii());
    }
    // JSON under the wrong name begins a group.
    assert_eq!(fault(br#"{"resourceLogs":[]}"#), Some(BodyErrorKind::Truncated));
}

#[test]
fn depth_and_size_have_limits() {
    // A body's value is the third message around the lists, and each list is two more.
    let nested = |lists: usize| {
        let value = (0..lists).fold(vec![text(1, TEXT)], |inner, _| vec![Message(5, vec![Message(1, inner)])]);
        encode(&[Message(1, vec![Message(2, vec![Message(2, vec![Message(5, value)])])])])
    };
    let limits = BodyLimits::default();
    let run_limited = |body: &[u8], limits: &BodyLimits| {
        let (out, fault, _) = run(BodySpec { limits: limits.clone(), ..spec(PROTOBUF, LOGS) }, [body]);
        assert!(!shows(&out));
        fault
    };
    assert_eq!(run_limited(&nested(48), &limits), None);
    assert_eq!(run_limited(&nested(49), &limits), Some(BodyErrorKind::ProtobufDepth));
    assert_eq!(run_limited(&nested(2000), &limits), Some(BodyErrorKind::ProtobufDepth));
    let exact = BodyLimits { protobuf_depth: 10, ..limits.clone() };
    assert_eq!(run_limited(&nested(3), &exact), None);
    assert_eq!(run_limited(&nested(4), &exact), Some(BodyErrorKind::ProtobufDepth));

    let body = encode(&otlp::logs(TEXT));
    for (room, expected) in [(0, None), (1, Some(BodyErrorKind::TooLarge))] {
        let limits = BodyLimits { protobuf_message: body.len() - room, ..limits.clone() };
        assert_eq!(run_limited(&body, &limits), expected);
        assert_eq!(run_limited(&body.repeat(3), &limits), expected, "the limit is of one field");
    }
    // Said to be large, before any of it is there.
    assert_eq!(fault(b"\x0a\xff\xff\xff\x7f"), Some(BodyErrorKind::TooLarge));
    // A group tells no length.
    let endless: Vec<u8> = std::iter::once(0x0b).chain(std::iter::repeat_n([0x08, 0x01], 1 << 20).flatten()).collect();
    let small = BodySpec { limits: BodyLimits { protobuf_message: 1 << 20, ..limits }, ..spec(PROTOBUF, LOGS) };
    assert_eq!(run(small, endless.chunks(10)).1, Some(BodyErrorKind::TooLarge));
    assert_eq!(fault(&[0x0b; 1000]), Some(BodyErrorKind::ProtobufSyntax));
}

#[test]
fn protobuf_is_refused_where_nothing_says_what_it_is() {
    let body = encode(&otlp::logs("nothing"));
    let response = |dialect| BodySpec { direction: Direction::Response, ..spec(PROTOBUF, dialect) };
    for spec in [
        spec(PROTOBUF, Dialect::Plain),
        spec(PROTOBUF, Dialect::OpenAi),
        spec(PROTOBUF, Dialect::Otlp(None)),
        spec("application/grpc", Dialect::Plain),
        spec("application/grpc", Dialect::Loki),
        spec("application/grpc-web+proto", Dialect::Plain),
        response(Dialect::Loki),
        response(Dialect::RemoteWrite),
    ] {
        let (out, fault, _) = run(spec, [body.as_slice()]);
        assert_eq!((fault, out.len()), (Some(BodyErrorKind::MediaType), 0));
    }
    // JSON stays JSON.
    let json = br#"{"resourceLogs":[{"x":"4111 1111 1111 1111"}]}"#;
    let (out, fault, _) = run(spec("application/json", LOGS), [json.as_slice()]);
    assert!(fault.is_none() && !shows(&out) && out.starts_with(br#"{"resourceLogs":[{"x":""#));
}

#[test]
fn a_lenient_workspace_gets_the_rest_as_it_is() {
    let good = encode(&otlp::logs(TEXT));
    let clean = run(spec(PROTOBUF, LOGS), [good.as_slice()]).0;
    for (rest, reason) in [(&b"\x00no field"[..], "protobuf_syntax"), (b"\x0a\x05ab", "truncated")] {
        let body = [&good, rest].concat();
        for size in [1, 10, 10_000] {
            let lenient = BodySpec { on_fault_pass: true, ..spec(PROTOBUF, LOGS) };
            let (out, fault, seen) = run(lenient, body.chunks(size));
            assert_eq!((fault, out), (None, [&clean, rest].concat()));
            assert!(seen.unscanned.contains(&(reason, rest.len() as u64)), "{:?}", seen.unscanned);
        }
    }
    // What a coding of its messages says does not matter to a body that is not read.
    let body = b"\x01\0\0\0\x05hello".as_slice();
    let unread = BodySpec { on_fault_pass: true, ..gzipped(spec("application/grpc", Dialect::Plain)) };
    let (out, fault, seen) = run(unread, [body]);
    assert_eq!((fault, out.as_slice(), seen.unscanned), (None, body, vec![("media_type", 10)]));
    let deep: Vec<Field> = (0..200).fold(Vec::new(), |inner, _| vec![Message(5, vec![Message(1, inner)])]);
    let deep = encode(&[Message(1, vec![Message(2, vec![Message(2, vec![Message(5, deep)])])])]);
    let lenient = BodySpec { on_fault_pass: true, ..spec(PROTOBUF, LOGS) };
    assert_eq!(run(lenient, [deep.as_slice()]).1, Some(BodyErrorKind::ProtobufDepth));
}
