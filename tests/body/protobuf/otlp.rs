//! OTLP: every place where a text may stand, and those that stay.

use blackbar::body::{BodySpec, Dialect, Direction};

use super::super::fixtures::{TEXT, cuts, gunzip, gzip};
use super::wire::Field::{self, Bytes, Fixed32, Fixed64, Message, Varint};
use super::wire::{decode_like, encode, text};
use super::{LOGS, METRICS, PROTOBUF, TRACES, gzipped, redacted, run, shows, spec};

const TRACE_ID: [u8; 16] = *b"\x01\x02\xff\xfe4111\0\x805120z\x90";
const SPAN_ID: [u8; 8] = *b"\xaa078-05\xbb";

fn value(string: &str) -> Field {
    Message(2, vec![text(1, string)])
}

fn attribute(number: u32, key: &str, string: &str) -> Field {
    Message(number, vec![text(1, key), value(string)])
}

fn resource(string: &str) -> Field {
    Message(1, vec![attribute(1, "service.name", "shop"), attribute(1, "host", string), Varint(2, 1)])
}

fn scope(string: &str) -> Field {
    Message(1, vec![text(1, "lib"), text(2, string), attribute(3, "k", string), Varint(4, 0)])
}

pub(crate) fn logs(string: &str) -> Vec<Field> {
    let nested = Message(
        5,
        vec![Message(
            6,
            vec![
                Message(1, vec![text(1, "list"), Message(2, vec![Message(5, vec![value(string), value("x")])])]),
                Message(1, vec![text(1, "flag"), Message(2, vec![Varint(2, 1)])]),
                Message(1, vec![text(1, "bytes"), Message(2, vec![Bytes(7, string.into())])]),
                Message(1, vec![text(1, "raw"), Message(2, vec![Bytes(7, vec![0xff, 0, 1, 0xfe])])]),
            ],
        )],
    );
    // `values` of an ArrayValue has field number 1.
    let nested = relist(nested);
    let record = |body: Field| {
        Message(
            2,
            vec![
                Fixed64(1, 1_700_000_000_000_000_000),
                Varint(2, 9),
                text(3, "INFO"),
                body,
                attribute(6, "user.mail", string),
                Varint(7, 2),
                Fixed32(8, 1),
                Bytes(9, TRACE_ID.into()),
                Bytes(10, SPAN_ID.into()),
                Fixed64(11, 1_700_000_000_000_000_001),
                text(12, string),
            ],
        )
    };
    let records = vec![scope(string), record(Message(5, vec![text(1, string)])), record(nested), text(3, "https://x")];
    vec![Message(1, vec![resource(string), Message(2, records), text(3, "https://schema")])]
}

/// `value` above writes field 2; the elements of a list stand in field 1.
fn relist(field: Field) -> Field {
    match field {
        Message(5, fields) if fields.iter().all(|field| matches!(field, Message(2, _))) => {
            let elements = fields.into_iter().map(|field| match field {
                Message(_, fields) => Message(1, fields),
                other => other,
            });
            Message(5, elements.collect())
        }
        Message(number, fields) => Message(number, fields.into_iter().map(relist).collect()),
        other => other,
    }
}

pub(crate) fn traces(string: &str) -> Vec<Field> {
    let span = Message(
        2,
        vec![
            Bytes(1, TRACE_ID.into()),
            Bytes(2, SPAN_ID.into()),
            text(3, "a=b"),
            Bytes(4, SPAN_ID.into()),
            text(5, string),
            Varint(6, 2),
            Fixed64(7, 1),
            Fixed64(8, 2),
            attribute(9, "http.url", string),
            Varint(10, 0),
            Message(11, vec![Fixed64(1, 3), text(2, string), attribute(3, "exception.message", string)]),
            Message(13, vec![Bytes(1, TRACE_ID.into()), Bytes(2, SPAN_ID.into()), attribute(4, "l", string)]),
            Message(15, vec![text(2, string), Varint(3, 2)]),
            Fixed32(16, 257),
        ],
    );
    vec![Message(1, vec![resource(string), Message(2, vec![scope(string), span])])]
}

pub(crate) fn metrics(string: &str) -> Vec<Field> {
    let exemplar = |number| {
        let fields = vec![Fixed64(2, 1), Fixed64(3, 2), Bytes(4, SPAN_ID.into()), Bytes(5, TRACE_ID.into())];
        Message(number, [fields, vec![attribute(7, "who", string)]].concat())
    };
    let numbers = |kind| {
        Message(kind, vec![Message(1, vec![Fixed64(3, 5), Fixed64(6, 9), exemplar(5), attribute(7, "k", string)])])
    };
    let packed: Vec<u8> = b"4111 1111 1111 1111_____".to_vec();
    let histogram = Message(
        9,
        vec![Message(1, vec![Bytes(6, packed.clone()), Bytes(7, packed), exemplar(8), attribute(9, "k", string)])],
    );
    let buckets = Message(8, vec![Varint(1, 3), Bytes(2, vec![1, 2, 3])]);
    let exponential = Message(10, vec![Message(1, vec![attribute(1, "k", string), buckets, exemplar(11)])]);
    let quantile = Message(6, vec![Fixed64(1, 1), Fixed64(2, 2)]);
    let summary = Message(11, vec![Message(1, vec![Fixed64(4, 1), quantile, attribute(7, "k", string)])]);
    let metrics = [numbers(5), numbers(7), histogram, exponential, summary]
        .into_iter()
        .map(|data| Message(2, vec![text(1, "m"), text(2, string), text(3, "By"), data, attribute(12, "k", string)]));
    let metrics: Vec<Field> = std::iter::once(scope(string)).chain(metrics).collect();
    vec![Message(1, vec![resource(string), Message(2, metrics)])]
}

fn cases(string: &str) -> [(Dialect, Vec<Field>); 3] {
    [(LOGS, logs(string)), (TRACES, traces(string)), (METRICS, metrics(string))]
}

/// Every string of a message, wherever it stands.
fn strings(fields: &[Field], out: &mut Vec<Vec<u8>>) {
    for field in fields {
        match field {
            Message(_, fields) | Field::Group(_, fields) => strings(fields, out),
            Bytes(_, bytes) => out.push(bytes.clone()),
            Varint(..) | Fixed64(..) | Fixed32(..) => {}
        }
    }
}

#[test]
fn values_go_and_everything_else_stays() {
    for (dialect, message) in cases(TEXT) {
        let body = encode(&message);
        let out = redacted(spec(PROTOBUF, dialect), &body);
        let after = decode_like(&message, &out);
        let (mut before_strings, mut after_strings) = (Vec::new(), Vec::new());
        strings(&message, &mut before_strings);
        strings(&after, &mut after_strings);
        let mut changed = 0;
        for (before, after) in before_strings.iter().zip(&after_strings) {
            if before == TEXT.as_bytes() {
                assert!(!shows(after), "{dialect:?}");
                assert!(after.starts_with(b"Card ") && after.ends_with(b"."), "the words around stay");
                changed += 1;
            } else {
                assert_eq!(before, after);
            }
        }
        assert!(changed >= 8, "{changed} texts of {dialect:?}");
    }
}

#[test]
fn what_holds_nothing_leaves_byte_for_byte() {
    for (dialect, message) in cases("nothing to be found") {
        let body = encode(&message);
        let (out, fault, seen) = run(spec(PROTOBUF, dialect), [body.as_slice()]);
        assert_eq!((fault, &out), (None, &body));
        assert!(seen.findings.is_empty());
        let exempt: u64 = seen.unscanned.iter().map(|(_, bytes)| bytes).sum();
        assert_eq!(seen.scanned + exempt, body.len() as u64);
        assert!(seen.unscanned.iter().all(|(reason, _)| ["id", "bytes"].contains(reason)));
        // Numbers in more bytes than they need, tags and lengths alike, stay as they are.
        let long = [&b"\x8a\x80\x00\x82\x00\x10\x01\x90\x00\x81\x80\x00"[..], &body].concat();
        assert_eq!(redacted(spec(PROTOBUF, dialect), &long), long);
    }
}

#[test]
fn any_chunking_gives_the_same_bytes() {
    for (dialect, message) in cases(TEXT) {
        let body = encode(&message).repeat(2);
        let whole = redacted(spec(PROTOBUF, dialect), &body);
        for cut in cuts(body.len(), 5) {
            let (first, second) = body.split_at(cut);
            assert_eq!(run(spec(PROTOBUF, dialect), [first, second]).0, whole, "{dialect:?} at {cut}");
        }
        for size in [1, 2, 7, 100] {
            assert_eq!(run(spec(PROTOBUF, dialect), body.chunks(size)).0, whole, "{dialect:?} by {size}");
        }
        let zipped = gzip(&body);
        let (out, fault, _) = run(gzipped(spec(PROTOBUF, dialect)), zipped.chunks(11));
        assert_eq!((fault, gunzip(&out)), (None, whole));
    }
}

#[test]
fn a_key_is_the_label_of_its_value() {
    let record = |key: &str, string: &str, key_first: bool| {
        let mut fields = vec![text(1, key), value(string)];
        if !key_first {
            fields.reverse();
        }
        let list = Message(2, vec![Message(5, vec![Message(1, vec![text(1, string)])])]);
        vec![Message(
            1,
            vec![Message(2, vec![Message(2, vec![Message(6, fields), Message(6, vec![text(1, key), list])])])],
        )]
    };
    for (key, found) in [("customer.ssn", true), ("build", false)] {
        for key_first in [true, false] {
            let message = record(key, "078051120", key_first);
            let body = encode(&message);
            let out = redacted(spec(PROTOBUF, LOGS), &body);
            decode_like(&message, &out);
            let count = out.windows(9).filter(|window| *window == b"078051120").count();
            assert_eq!(count, if found { 0 } else { 2 }, "{key}");
        }
    }
}

#[test]
fn numbers_of_attributes_are_read_and_become_texts() {
    let card = 4_111_111_111_111_111_u64;
    let body = |number: Field| {
        let attribute = Message(6, vec![text(1, "n"), Message(2, vec![number])]);
        vec![Message(1, vec![Message(2, vec![Message(2, vec![attribute])])])]
    };
    for number in [Varint(3, card), Varint(3, (card as i64).wrapping_neg() as u64), Fixed64(4, (card as f64).to_bits())]
    {
        let message = body(number);
        let after = decode_like(&message, &redacted(spec(PROTOBUF, LOGS), &encode(&message)));
        let mut found = Vec::new();
        strings(&after, &mut found);
        assert_eq!(found.len(), 2, "the number is a text now");
        assert!(!shows(&found[1]));
    }
    for number in [Varint(3, 42), Varint(3, u64::MAX), Fixed64(4, f64::NAN.to_bits()), Fixed64(4, 0.25_f64.to_bits())] {
        let body = encode(&body(number));
        assert_eq!(redacted(spec(PROTOBUF, LOGS), &body), body);
    }
}

#[test]
fn json_in_a_string_stays_json() {
    let json = r#"[{"role":"user","parts":[{"type":"text","content":"card 4111 1111 1111 1111"}],"ssn":"078051120"}]"#;
    let span = Message(2, vec![attribute(9, "gen_ai.input.messages", json)]);
    let message = vec![Message(1, vec![Message(2, vec![span])])];
    let after = decode_like(&message, &redacted(spec(PROTOBUF, TRACES), &encode(&message)));
    let mut found = Vec::new();
    strings(&after, &mut found);
    let value: serde_json::Value = serde_json::from_slice(&found[1]).unwrap();
    assert_eq!(value[0]["role"], "user");
    assert!(!shows(&found[1]) && !value[0]["ssn"].as_str().unwrap().contains("078051120"));
}

#[test]
fn answers_are_read_in_both_their_forms() {
    let partial = vec![Message(1, vec![Varint(1, 3), text(2, TEXT)])];
    let any = Message(3, vec![text(1, "type.googleapis.com/x"), Message(2, vec![text(1, TEXT)])]);
    let status = vec![Varint(1, 3), text(2, TEXT), any];
    for message in [partial, status] {
        for dialect in [LOGS, TRACES, METRICS] {
            let spec = BodySpec { direction: Direction::Response, ..spec("application/x-protobuf", dialect) };
            let out = redacted(spec, &encode(&message));
            decode_like(&message, &out);
            assert!(!shows(&out));
        }
    }
}
