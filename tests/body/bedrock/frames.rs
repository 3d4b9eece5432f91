//! The framing: lengths, sums, headers, payloads of every kind, cuts and damage.

use blackbar::body::{BodyErrorKind, Dialect, llm};
use proptest::prelude::*;

use super::super::fixtures::{TEXT, clean};
use super::{Header, event, framed, inspector, limited, messages, redacted, run, section, string};

/// What becomes of one message of this section and payload.
fn one(section: &[u8], payload: &[u8]) -> Result<super::Message, BodyErrorKind> {
    let (out, end) = run(&mut inspector(), [framed(section, payload).as_slice()]);
    end.map(|()| messages(&out).remove(0))
}

#[test]
fn every_type_of_header_stays_where_nothing_is_found() {
    let header = |name: &str, kind, value: &[u8]| Header { name: name.into(), kind, value: value.to_vec() };
    let headers = [
        header("true", 0, &[]),
        header("false", 1, &[]),
        header("byte", 2, &[0x80]),
        header("short", 3, &[0xff, 0x00]),
        header("int", 4, &[1, 2, 3, 4]),
        header("long", 5, &[0xff; 8]),
        header("bytes", 6, &[0, 3, 0, 1, 2]),
        header("text bytes", 6, b"\0\x03abc"),
        string(":event-type", "d\u{e9}j\u{e0} vu"),
        header("time", 8, &[0, 0, 1, 0x8f, 0, 0, 0, 0]),
        header("uuid", 9, &[7; 16]),
    ];
    let bytes = framed(&section(&headers), b"");
    assert_eq!(redacted(&bytes), bytes);
    assert_eq!(messages(&bytes)[0].headers, headers);
}

#[test]
fn headers_are_scanned_by_what_they_are() {
    let long = Header { name: b"note".to_vec(), kind: 5, value: 4_111_111_111_111_111_u64.to_be_bytes().to_vec() };
    let bytes = Header { name: b"raw".to_vec(), kind: 6, value: b"\0\x10jane@example.com".to_vec() };
    let headers = [
        string(":message-type", "error"),
        string(":error-code", "429"),
        string(":error-message", "no such card: 4111 1111 1111 1111"),
        long,
        bytes,
        string("jane@example.com", "x"),
        string("last", "stays"),
    ];
    let out = one(&section(&headers), b"").unwrap();
    assert_eq!(out.string(":error-message"), "no such card: **** **** **** 1111");
    assert_eq!(out.string("note"), "************1111");
    assert_eq!(out.headers[4], Header { name: b"raw".to_vec(), kind: 6, value: b"\0\x08jane@***".to_vec() });
    assert_eq!(out.string("jane@***"), "x");
    assert_eq!((out.headers.len(), out.string("last")), (7, "stays"));
}

#[test]
fn what_is_no_section_of_headers_is_refused() {
    let good = section(&[string("a", "b"), string("c", "d")]);
    assert!(one(&good, b"").is_ok());
    for cut in 1..good.len() {
        // Where a header ends a section may.
        if cut != good.len() / 2 {
            assert_eq!(one(&good[..cut], b""), Err(BodyErrorKind::FrameSyntax), "{cut}");
        }
    }
    for bad in [
        section(&[string("a", "b"), string("a", "c")]),
        section(&[string("", "b")]),
        section(&[Header { name: b"a".to_vec(), kind: 10, value: Vec::new() }]),
        section(&[Header { name: b"a".to_vec(), kind: 7, value: b"\0\x02\xff\xfe".to_vec() }]),
    ] {
        assert_eq!(one(&bad, b""), Err(BodyErrorKind::FrameSyntax), "{bad:?}");
    }
}

#[test]
fn payloads_of_every_kind_are_scanned_or_refused() {
    let card = "card 4111 1111 1111 1111";
    let masked = "card **** **** **** 1111";
    let typed = |kind: &str| section(&[string(":event-type", "unheardOf"), string(":content-type", kind)]);
    let payload = |kind: &str, payload: &str| String::from_utf8(one(&typed(kind), payload.as_bytes()).unwrap().payload);
    assert_eq!(payload("text/plain", card).unwrap(), masked);
    assert_eq!(payload("application/octet-stream", card).unwrap(), masked);
    let json = format!("{{\"new\":[{{\"{card}\":\"{card}\"}},4111111111111111]}}");
    let redacted = format!("{{\"new\":[{{\"{masked}\":\"{masked}\"}},\"************1111\"]}}");
    assert_eq!(payload("application/json", &json).unwrap(), redacted);
    assert_eq!(payload("", &json).unwrap(), redacted);
    assert_eq!(one(&typed("application/json"), b"{\"a\":"), Err(BodyErrorKind::JsonSyntax));
    for binary in [&b"\x89PNG\r\n"[..], b"a\0b", b"\xff\xfe4\0"] {
        assert_eq!(one(&typed("application/octet-stream"), binary), Err(BodyErrorKind::MediaType));
    }
    let chunk = |payload: &str| one(&section(&[string(":event-type", "chunk")]), payload.as_bytes());
    for bad in ["{\"bytes\":\"e30\"}", "{\"bytes\":\"e30=\\n\"}", "{\"bytes\":\"e31=\"}"] {
        assert_eq!(chunk(bad), Err(BodyErrorKind::FrameSyntax), "{bad}");
    }
    assert_eq!(chunk("{\"bytes\":\"/w==\"}"), Err(BodyErrorKind::MediaType));
    assert_eq!(chunk("{\"bytes\":\"e30=\",\"bytes\":\"e30=\"}"), Err(BodyErrorKind::JsonSyntax));
    // What stands beside an event is scanned, and what a chunk of none has.
    let beside = format!("{{\"bytes\":\"e30=\",\"note\":\"{card}\"}}");
    assert_eq!(chunk(&beside).unwrap().payload, beside.replace(card, masked).into_bytes());
    let other = format!("{{\"octets\":\"{card}\"}}");
    assert_eq!(chunk(&other).unwrap().payload, other.replace(card, masked).into_bytes());
}

#[test]
fn lengths_are_bounded_before_anything_is_held() {
    let prelude = |total: u32, headers: u32| {
        let mut bytes = [total.to_be_bytes(), headers.to_be_bytes()].concat();
        bytes.extend(super::crc(&bytes));
        run(&mut inspector(), [bytes.as_slice()]).1
    };
    for (total, headers, expected) in [
        (15, 0, BodyErrorKind::FrameSyntax),
        (16, 1, BodyErrorKind::FrameSyntax),
        (0, 0, BodyErrorKind::FrameSyntax),
        (100, u32::MAX, BodyErrorKind::FrameSyntax),
        ((16 << 20) + 1, 0, BodyErrorKind::TooLarge),
        (u32::MAX, 0, BodyErrorKind::TooLarge),
        (1 << 20, (128 << 10) + 1, BodyErrorKind::TooLarge),
        (1 << 20, 128 << 10, BodyErrorKind::Truncated),
    ] {
        assert_eq!(prelude(total, headers), Err(expected), "{total} {headers}");
    }
    let message = event("messageStart", "{\"role\":\"assistant\"}");
    let with = |limit| run(&mut limited(|limits| limits.sse_event = limit), [message.as_slice()]).1;
    assert_eq!(with(message.len()), Ok(()));
    assert_eq!(with(message.len() - 1), Err(BodyErrorKind::TooLarge));
}

/// Every byte is covered by a sum: a changed one ends the stream, and nothing of its message leaves.
#[test]
fn damage_anywhere_is_seen() {
    let first = event("messageStart", "{\"role\":\"assistant\"}");
    let second = event("contentBlockDelta", "{\"contentBlockIndex\":0,\"delta\":{\"text\":\"pay 4111\"}}");
    let stream = [first.as_slice(), &second].concat();
    for at in 0..stream.len() {
        for bit in [1, 0x80] {
            let mut damaged = stream.clone();
            damaged[at] ^= bit;
            let (out, end) = run(&mut inspector(), [damaged.as_slice()]);
            assert_eq!(end, Err(BodyErrorKind::FrameSyntax), "byte {at}");
            assert_eq!(out, if at < first.len() { &[][..] } else { &first }, "byte {at}");
        }
    }
}

#[test]
fn the_message_that_ends_a_stream_is_bedrocks_exception() {
    for (code, name) in [
        ("policy_blocked", "validationException"),
        ("truncated", "modelStreamErrorException"),
        ("upstream_timeout", "modelStreamErrorException"),
    ] {
        let bytes = llm::error_frame(Dialect::Bedrock, code, "a \"rule\"");
        let [message] = &messages(&bytes)[..] else { panic!("one message") };
        assert_eq!(message.string(":message-type"), "exception");
        assert_eq!(message.string(":exception-type"), name);
        assert_eq!(message.string(":content-type"), "application/json");
        assert_eq!(message.json(), serde_json::json!({ "message": "a \"rule\"" }));
    }
}

#[test]
fn exceptions_are_scanned() {
    let headers = [
        string(":exception-type", "validationException"),
        string(":content-type", "application/json"),
        string(":message-type", "exception"),
    ];
    let out = one(&section(&headers), format!("{{\"message\":\"bad input: {TEXT}\"}}").as_bytes()).unwrap();
    clean("exception", &String::from_utf8(out.payload).unwrap());
    assert_eq!(out.headers, headers);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Bytes of any kind, and messages with sound sums around bytes of any kind: no panic, one result in any chunking.
    #[test]
    fn anything_may_come(
        parts in prop::collection::vec(
            prop_oneof![
                3 => (prop::collection::vec(any::<u8>(), 0..24), prop::collection::vec(any::<u8>(), 0..40))
                    .prop_map(|(section, payload)| framed(&section, &payload)),
                4 => ("(chunk|contentBlockDelta|x)", "[ -~]{0,60}").prop_map(|(kind, json)| event(&kind, &json)),
                4 => "[0-9 -]{0,20}".prop_map(|text| event(
                    "contentBlockDelta",
                    &format!("{{\"contentBlockIndex\":0,\"delta\":{{\"text\":\"{text}\"}}}}"),
                )),
                1 => prop::collection::vec(any::<u8>(), 0..20),
            ],
            0..6,
        ),
        cuts in prop::collection::vec(any::<usize>(), 0..12),
    ) {
        let body = parts.concat();
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut % (body.len() + 1)).chain([0, body.len()]).collect();
        places.sort_unstable();
        let pieces = places.windows(2).map(|pair| &body[pair[0]..pair[1]]);
        let whole = run(&mut inspector(), [body.as_slice()]);
        prop_assert_eq!(&run(&mut inspector(), pieces), &whole);
        messages(&whole.0);
    }
}
