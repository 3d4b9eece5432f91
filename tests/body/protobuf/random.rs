//! Random messages, written and read again by a reader of the test's own.

use blackbar::body::Dialect;
use proptest::prelude::*;

use super::super::fixtures::PLANTED;
use super::wire::Field::{self, Bytes, Fixed32, Fixed64, Group, Message, Varint};
use super::wire::{decode_like, encode};
use super::{LOGS, METRICS, PROTOBUF, TRACES, run, shows, spec};

/// Values that are found wherever they stand between words.
const VALUES: [&str; 3] = ["4111 1111 1111 1111", "078-05-1120", "jane@example.com"];
/// Words that no rule finds, too long and too plain to be fields.
const WORDS: [&str; 6] = ["nothing", "to", "see", "here", "übrigens", "go on"];

fn prose() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![4 => prop::sample::select(&WORDS[..]), 1 => prop::sample::select(&VALUES[..])];
    prop::collection::vec(word, 0..12).prop_map(|words| format!("zz {} zz", words.join(" ")).into_bytes())
}

fn leaf() -> impl Strategy<Value = Field> {
    let number = 1_u32..20;
    prop_oneof![
        (number.clone(), 0_u64..1000).prop_map(|(number, value)| Varint(number, value)),
        (number.clone(), any::<u8>()).prop_map(|(number, value)| Fixed64(number, u64::from(value) << 56)),
        (number.clone(), any::<u8>()).prop_map(|(number, value)| Fixed32(number, u32::from(value) << 24)),
        (200_u32..300, prose()).prop_map(|(number, bytes)| Bytes(number, bytes)),
        (200_u32..300, prop::collection::vec(any::<u8>(), 0..9)).prop_map(|(number, mut bytes)| {
            bytes.extend_from_slice(b"\0\xff\0");
            Bytes(number, bytes)
        }),
    ]
}

/// A message in which every type that is known stands where it may, or nothing that is.
fn fields() -> impl Strategy<Value = Vec<Field>> {
    let inner = leaf().prop_recursive(5, 40, 6, |inner| {
        let many = prop::collection::vec(inner, 0..6);
        prop_oneof![
            (200_u32..300, many.clone()).prop_map(|(number, fields)| Message(number, fields)),
            (200_u32..300, many).prop_map(|(number, fields)| Group(number, fields)),
        ]
    });
    prop::collection::vec(inner, 0..8)
}

/// An attribute with a value of some depth.
fn attribute() -> impl Strategy<Value = Vec<Field>> {
    let value = prose().prop_map(|bytes| Bytes(1, bytes)).prop_recursive(6, 20, 4, |inner| {
        let list = prop::collection::vec(inner.clone().prop_map(|value| Message(1, vec![value])), 0..4);
        let pair = inner.prop_map(|value| Message(1, vec![Bytes(1, b"zz".to_vec()), Message(2, vec![value])]));
        let pairs = prop::collection::vec(pair, 0..4);
        prop_oneof![list.prop_map(|values| Message(5, values)), pairs.prop_map(|values| Message(6, values))]
    });
    (prose(), value).prop_map(|(key, value)| vec![Bytes(1, key), Message(2, vec![value])])
}

fn body() -> impl Strategy<Value = (Dialect, Vec<Field>)> {
    let dialects = prop::sample::select(&[(LOGS, 6), (TRACES, 9), (METRICS, 12)][..]);
    (dialects, prop::collection::vec(attribute(), 0..4), fields(), fields()).prop_map(
        |((dialect, number), attributes, unknown, outer)| {
            let known = attributes.into_iter().map(|attribute| Message(number, attribute));
            let record = Message(2, known.chain(unknown.into_iter().filter(is_unknown)).collect());
            let scope = Message(1, vec![Message(2, vec![record])]);
            (dialect, std::iter::once(scope).chain(outer.into_iter().filter(is_unknown)).collect())
        },
    )
}

fn is_unknown(field: &Field) -> bool {
    !matches!(field, Bytes(number, _) | Message(number, _) if *number < 200)
}

/// Texts without a value stay, values go, numbers and bytes stay.
fn compare(before: &[Field], after: &[Field]) {
    assert_eq!(before.len(), after.len());
    for pair in before.iter().zip(after) {
        match pair {
            (Message(_, before), Message(_, after)) | (Group(_, before), Group(_, after)) => compare(before, after),
            (Bytes(_, before), Bytes(_, after)) if shows(before) && !before.contains(&0) => assert!(!shows(after)),
            (before, after) => assert_eq!(before, after),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn values_go_and_all_else_stays((dialect, message) in body(), sizes in prop::collection::vec(1_usize..60, 1..30)) {
        let body = encode(&message);
        let (out, fault, _) = run(spec(PROTOBUF, dialect), [body.as_slice()]);
        prop_assert_eq!(fault, None);
        compare(&message, &decode_like(&message, &out));

        let mut rest = body.as_slice();
        let mut sizes = sizes.iter().cycle();
        let pieces = std::iter::from_fn(|| {
            let (piece, others) = rest.split_at(rest.len().min(*sizes.next()?));
            rest = others;
            (!piece.is_empty()).then_some(piece)
        });
        prop_assert_eq!(run(spec(PROTOBUF, dialect), pieces).0, out);
    }

    #[test]
    fn no_bytes_are_a_way_out_or_a_panic(
        (dialect, message) in body(),
        cut in any::<prop::sample::Index>(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let mut body = encode(&message);
        for (at, byte) in flips {
            let at = at.index(body.len());
            body[at] = byte;
        }
        let end = cut.index(body.len() + 1);
        for (kind, dialect) in [(PROTOBUF, dialect), ("application/grpc", dialect), (PROTOBUF, Dialect::Loki)] {
            let whole = run(spec(kind, dialect), [body.as_slice()]);
            let parts = run(spec(kind, dialect), [&body[..end], &body[end..]]);
            prop_assert_eq!((&whole.0, &whole.1), (&parts.0, &parts.1));
            let cut = run(spec(kind, dialect), [&body[..end]]);
            prop_assert!(whole.0.starts_with(&cut.0) || cut.1.is_none());
        }
    }

    #[test]
    fn any_bytes_at_all(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for dialect in [LOGS, TRACES, METRICS, Dialect::Loki, Dialect::RemoteWrite] {
            for kind in [PROTOBUF, "application/grpc"] {
                let (out, fault, _) = run(spec(kind, dialect), [bytes.as_slice()]);
                let (parts, parted, _) = run(spec(kind, dialect), bytes.chunks(1));
                prop_assert_eq!((out, fault), (parts, parted));
            }
        }
    }
}

#[test]
fn the_values_are_among_the_planted() {
    assert!(VALUES.iter().all(|value| PLANTED.iter().any(|planted| value.contains(planted))));
}
