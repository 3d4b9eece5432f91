//! Fields that no table names are read by their looks, and keep their bytes.

use blackbar::body::BodyErrorKind;

use super::super::fixtures::TEXT;
use super::wire::Field::{self, Bytes, Fixed32, Fixed64, Group, Message, Varint};
use super::wire::{decode_like, encode, text};
use super::{LOGS, PROTOBUF, redacted, run, shows, spec};

/// A log record with these fields besides its own.
fn record(fields: Vec<Field>) -> Vec<Field> {
    let own = Message(5, vec![text(1, "known")]);
    let fields = std::iter::once(own).chain(fields).collect();
    vec![Message(1, vec![Message(2, vec![Message(2, fields)])])]
}

fn content(after: &[Field]) -> &[Field] {
    let [Message(1, logs)] = after else { panic!("one field") };
    let [Message(2, scope)] = logs.as_slice() else { panic!("one field") };
    let [Message(2, fields)] = scope.as_slice() else { panic!("one field") };
    &fields[1..]
}

#[test]
fn strings_are_scanned_and_all_else_is_kept() {
    let fields = vec![
        text(100, TEXT),
        Varint(101, u64::MAX),
        Fixed64(102, u64::MAX),
        Fixed32(103, 7),
        Bytes(104, b"\xff\x00\xfe4111 1111 1111 1111\x00".to_vec()),
        Bytes(105, Vec::new()),
        Message(106, vec![Varint(1, 5), text(2, TEXT), Message(3, vec![text(4, TEXT), Bytes(5, vec![0xff, 0])])]),
        Group(107, vec![text(1, TEXT), Group(2, vec![Varint(1, 1)])]),
    ];
    let message = record(fields.clone());
    let body = encode(&message);
    let (out, fault, seen) = run(spec(PROTOBUF, LOGS), [body.as_slice()]);
    assert_eq!(fault, None);
    let after = decode_like(&message, &out);
    let after = content(&after);
    for at in [1, 2, 3, 4, 5] {
        assert_eq!(after[at], fields[at]);
    }
    for at in [0, 6, 7] {
        let bytes = encode(&after[at..=at]);
        assert!(!shows(&bytes) && bytes.windows(5).any(|window| window == b"Card "));
    }
    // What no one read is counted.
    assert_eq!(seen.unscanned, [("bytes", 23 + 2)]);
}

/// `078-05-1120` is four fields with numbers, and no text in them.
#[test]
fn a_text_that_is_a_message_by_its_form_is_read_as_text_too() {
    let like = [Varint(6, 0x37), Varint(7, 0x2d), Varint(6, 0x35), Fixed32(5, u32::from_le_bytes(*b"1120"))];
    assert_eq!(encode(&like), b"078-05-1120");
    let message = record(vec![text(100, "078-05-1120")]);
    let out = redacted(spec(PROTOBUF, LOGS), &encode(&message));
    decode_like(&message, &out);
    assert!(!shows(&out));
    // The same in a message that is one.
    let message = record(vec![Message(100, vec![text(1, "078-05-1120")])]);
    let out = redacted(spec(PROTOBUF, LOGS), &encode(&message));
    decode_like(&message, &out);
    assert!(!shows(&out));
}

#[test]
fn bytes_are_scanned_where_they_read_as_text() {
    for (bytes, scanned) in [
        (&b"card 4111 1111 1111 1111"[..], true),
        (b"caf\xe9 4111 1111 1111 1111", true),
        (b"\x1b[31m 4111 1111 1111 1111", true),
        (b"\xff\xfe\x00\x014111 1111 1111 1111", false),
    ] {
        let value = Message(2, vec![Bytes(7, bytes.to_vec())]);
        for field in [Message(6, vec![text(1, "k"), value]), Bytes(50, bytes.to_vec())] {
            let message = record(vec![field]);
            let out = redacted(spec(PROTOBUF, LOGS), &encode(&message));
            decode_like(&message, &out);
            assert_eq!(shows(&out), !scanned, "{}", bytes.escape_ascii());
        }
    }
}

#[test]
fn ids_of_another_length_are_no_ids() {
    let message = record(vec![text(9, "mail jane@example.com"), text(10, "jane@example.com")]);
    let out = redacted(spec(PROTOBUF, LOGS), &encode(&message));
    decode_like(&message, &out);
    assert!(!shows(&out));
}

/// Known fields with another wire type than theirs.
#[test]
fn a_field_of_another_type_is_unknown() {
    let odd = vec![Varint(5, 1), Fixed64(6, 2), Group(3, vec![text(1, TEXT)]), text(2, TEXT), text(1, TEXT)];
    let message = record(odd);
    let out = redacted(spec(PROTOBUF, LOGS), &encode(&message));
    decode_like(&message, &out);
    assert!(!shows(&out));
    // But a message that is none is no message.
    let message = record(vec![text(5, "no message")]);
    let fault = run(spec(PROTOBUF, LOGS), [encode(&message).as_slice()]).1;
    assert_eq!(fault, Some(BodyErrorKind::ProtobufSyntax));
}

#[test]
fn unknown_depth_is_no_way_past() {
    for depth in [1, 7, 8, 9, 20, 60, 90] {
        let nested = (0..depth).fold(text(1, TEXT), |inner, _| Message(1, vec![inner]));
        let message = record(vec![Message(100, vec![nested])]);
        let out = redacted(spec(PROTOBUF, LOGS), &encode(&message));
        assert!(!shows(&out), "{depth}");
    }
    let nested = (0..300).fold(text(1, TEXT), |inner, _| Message(1, vec![inner]));
    let (out, fault, _) = run(spec(PROTOBUF, LOGS), [encode(&record(vec![nested])).as_slice()]);
    assert_eq!((fault, out.len()), (Some(BodyErrorKind::ProtobufDepth), 0));
}
