//! What a sink's answer tells of records that were dropped, at every split of the answer.

use std::sync::Arc;

use blackbar::body::batch::{Asked, Sink, Tally};
use blackbar::body::{BodyInspector, BodySpec, Dialect, Direction, Edits, Signal};

use super::fixtures;
use super::records::{CARD, spec as batch};

/// The tally of a batch that goes this way.
fn tally(sink: Sink, body: &str) -> Tally {
    let mut inspector = BodyInspector::new(batch(sink, "application/json")).unwrap();
    let mut out = Vec::new();
    inspector.push(body.as_bytes(), &mut out).unwrap();
    inspector.finish(&mut out).unwrap();
    inspector.inspection().records.clone()
}

fn spec(sink: Sink, kind: &str, tally: &Tally, asked: &Asked) -> BodySpec {
    let dialect = match sink {
        Sink::Otlp(signal) => Dialect::Otlp(Some(signal)),
        _ => Dialect::Plain,
    };
    let told = Some(Arc::new(sink.told(tally, asked).unwrap()));
    BodySpec {
        direction: Direction::Response,
        dialect,
        edits: Edits { told, ..Edits::default() },
        ..fixtures::spec(kind)
    }
}

/// One result at every split.
fn answer(spec: &BodySpec, body: &[u8]) -> Vec<u8> {
    let run = |pieces: &[&[u8]]| {
        let mut inspector = BodyInspector::new(spec.clone()).unwrap();
        let mut out = Vec::new();
        pieces.iter().for_each(|piece| inspector.push(piece, &mut out).unwrap());
        inspector.finish(&mut out).unwrap();
        out
    };
    let whole = run(&[body]);
    for cut in 1..body.len() {
        let (first, second) = body.split_at(cut);
        assert_eq!(run(&[first, second]), whole, "{} at {cut}", String::from_utf8_lossy(body));
    }
    assert_eq!(run(&body.chunks(1).collect::<Vec<_>>()), whole);
    whole
}

fn text(spec: &BodySpec, body: &str) -> String {
    String::from_utf8(answer(spec, body.as_bytes())).unwrap()
}

const REASON: &str = "The content was blocked by a redaction policy.";

fn item(name: &str, index: &str, id: &str) -> String {
    format!(
        r#"{{"{name}":{{"_index":{index},"_id":{id},"status":400,"error":{{"type":"document_redaction_blocked_exception","reason":"{REASON}"}}}}}}"#
    )
}

/// A batch of five actions of which the first, third and last are dropped.
fn five() -> Tally {
    let bad = format!("{{\"a\":\"{CARD}\"}}");
    tally(
        Sink::Bulk,
        &format!(
            "{{\"index\":{{\"_index\":\"a\",\"_id\":\"\\\"1\"}}}}\n{bad}\n{{\"delete\":{{\"_id\":\"2\"}}}}\n{{\"create\":{{}}}}\n{bad}\n\
             {{\"index\":{{}}}}\n{{}}\n{{\"update\":{{\"_id\":\"jane@example.com\"}}}}\n{bad}\n"
        ),
    )
}

#[test]
fn bulk_items_stand_in_their_places() {
    let tally = five();
    let (first, third, last) =
        (item("index", "\"a\"", r#""\"1""#), item("create", "\"p\"", "null"), item("update", "\"p\"", "null"));
    let asked = Asked { index: Some("p".to_owned()), filter: None };
    let spec = spec(Sink::Bulk, "application/json", &tally, &asked);
    for (body, expected) in [
        (
            r#"{"took":3,"errors":false,"items":[{"delete":{"status":200}},{"index":{"status":201}}]}"#,
            format!(
                r#"{{"took":3,"errors":true,"items":[{first},{{"delete":{{"status":200}}}},{third},{{"index":{{"status":201}}}},{last}]}}"#
            ),
        ),
        (
            "{ \"items\" : [ 1 , 2 ] , \"errors\" : false }\n",
            format!("{{ \"items\" : [{first}, 1,{third} , 2,{last} ] , \"errors\" : true }}\n"),
        ),
        (
            r#"{"errors":true,"items":[{"items":[1],"errors":false},{}]}"#,
            format!(r#"{{"errors":true,"items":[{first},{{"items":[1],"errors":false}},{third},{{}},{last}]}}"#),
        ),
        (r#"{"items":[]}"#, format!(r#"{{"items":[{first},{third},{last}]}}"#)),
        // No answer of `_bulk`: nothing is put in.
        (r#"{"acknowledged":true}"#, r#"{"acknowledged":true}"#.to_owned()),
        (r#"{"items":{"a":1}}"#, r#"{"items":{"a":1}}"#.to_owned()),
        ("[1,2]", "[1,2]".to_owned()),
    ] {
        assert_eq!(text(&spec, body), expected, "{body}");
    }
}

#[test]
fn coded_answers_are_opened() {
    let tally = five();
    let plain = spec(Sink::Bulk, "application/json", &tally, &Asked::default());
    let body = r#"{"errors":false,"items":[1,2]}"#;
    let expected = text(&plain, body);
    let body = fixtures::gzip(body.as_bytes());
    for cut in 0..body.len() {
        let mut inspector = BodyInspector::new(super::protobuf::gzipped(plain.clone())).unwrap();
        let mut out = Vec::new();
        let (first, second) = body.split_at(cut);
        [first, second].iter().for_each(|piece| inspector.push(piece, &mut out).unwrap());
        inspector.finish(&mut out).unwrap();
        assert_eq!(String::from_utf8(fixtures::gunzip(&out)).unwrap(), expected);
    }
}

/// Any text that is put together from pieces of JSON: no panic, and one result for each split.
mod hostile {
    use proptest::prelude::*;

    use super::*;

    const PIECES: [&str; 26] = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\n",
        " ",
        "\"a\"",
        "\"items\"",
        "\"errors\"",
        "false",
        "null",
        "12",
        "-",
        "\"partialSuccess\"",
        "\"rejectedLogRecords\"",
        "{\"index\":{}}\n",
        "{\"delete\":{}}\n",
        "\"logs\"",
        "\\u00",
        "\"streams\":[{\"values\":[",
        "card 4111 1111 1111 1111 x ",
        "{\"records\":[",
        "\u{e9}",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn texts(picks in prop::collection::vec(0..PIECES.len(), 0..24), which in 0..12_usize, cut: prop::sample::Index, lenient: bool) {
            let body: String = picks.iter().map(|pick| PIECES[*pick]).collect();
            let sinks = [
                Sink::Bulk, Sink::HecEvent, Sink::HecRaw, Sink::Datadog, Sink::Loki, Sink::NewRelic, Sink::KafkaV2, Sink::KafkaV3,
                Sink::Unknown, Sink::Otlp(Signal::Logs), Sink::Sumo, Sink::Azure,
            ];
            let sink = sinks[which];
            let request = BodySpec {
                on_fault_pass: lenient,
                edits: Edits { drop: [blackbar::body::JsonPath::parse("$..a").unwrap()].into(), ..Edits::default() },
                ..batch(sink, "application/json")
            };
            let tally = five();
            let answers = sink.told(&tally, &Asked::default()).map(|_| spec(sink, "application/json", &tally, &Asked::default()));
            for spec in std::iter::once(request).chain(answers) {
                let run = |pieces: &[&[u8]]| {
                    let mut inspector = BodyInspector::new(spec.clone()).unwrap();
                    let mut out = Vec::new();
                    let end = pieces.iter().try_for_each(|piece| inspector.push(piece, &mut out));
                    let end = end.and_then(|()| inspector.finish(&mut out));
                    if spec.batch.is_some() {
                        assert!(!String::from_utf8_lossy(&out).contains("4111 1111"));
                    }
                    // Where two things are wrong, which is met first may differ.
                    end.is_ok().then_some(out)
                };
                let (first, second) = body.as_bytes().split_at(cut.index(body.len() + 1));
                prop_assert_eq!(run(&[body.as_bytes()]), run(&[first, second]));
            }
        }
    }
}

#[test]
fn filters_of_the_answer_hold_for_its_items() {
    let tally = five();
    let filtered = |filter: &str| {
        let asked = Asked { index: None, filter: Some(filter.to_owned()) };
        spec(Sink::Bulk, "application/json", &tally, &asked)
    };
    let status = |name: &str| format!(r#"{{"{name}":{{"status":400}}}}"#);
    let kind = |name: &str| format!(r#"{{"{name}":{{"error":{{"type":"document_redaction_blocked_exception"}}}}}}"#);
    for (filter, body, expected) in [
        (
            "items.*.status",
            r#"{"items":[{"delete":{"status":200}},{"index":{"status":201}}]}"#,
            format!(
                r#"{{"items":[{},{{"delete":{{"status":200}}}},{},{{"index":{{"status":201}}}},{}]}}"#,
                status("index"),
                status("create"),
                status("update")
            ),
        ),
        // Items without an error are not there, so the places of the others are not known.
        (
            "errors,items.*.error.type",
            r#"{"errors":true,"items":[{"delete":{"error":{"type":"x"}}}]}"#,
            format!(
                r#"{{"errors":true,"items":[{{"delete":{{"error":{{"type":"x"}}}}}},{},{},{}]}}"#,
                kind("index"),
                kind("create"),
                kind("update")
            ),
        ),
        (
            "errors,items.*.error.type",
            r#"{"errors":false}"#,
            format!(r#"{{"errors":true,"items":[{},{},{}]}}"#, kind("index"), kind("create"), kind("update")),
        ),
        ("took", r#"{"took":1}"#, r#"{"took":1}"#.to_owned()),
        ("errors", r#"{"errors":false}"#, r#"{"errors":true}"#.to_owned()),
        ("-items", r#"{"took":1,"errors":false}"#, r#"{"took":1,"errors":true}"#.to_owned()),
    ] {
        assert_eq!(text(&filtered(filter), body), expected, "{filter} {body}");
    }
}

#[test]
fn other_places_are_told_too() {
    let asked = Asked::default();
    let v2 = tally(Sink::KafkaV2, &format!(r#"{{"records":[{{"v":1}},{{"v":"{CARD}"}},{{"v":2}}]}}"#));
    let spec2 = spec(Sink::KafkaV2, "application/vnd.kafka.v2+json", &v2, &asked);
    assert_eq!(
        text(&spec2, r#"{"key_schema_id":null,"offsets":[{"offset":1},{"offset":2}]}"#),
        format!(
            r#"{{"key_schema_id":null,"offsets":[{{"offset":1}},{{"partition":null,"offset":null,"error_code":1,"error":"{REASON}"}},{{"offset":2}}]}}"#
        )
    );
    let v3 = tally(Sink::KafkaV3, &format!(r#"{{"v":"{CARD}"}}{{"v":1}}{{"v":"{CARD}"}}"#));
    let spec3 = spec(Sink::KafkaV3, "application/json", &v3, &asked);
    let told = format!("{{\"error_code\":403,\"message\":\"{REASON}\"}}\n");
    assert_eq!(text(&spec3, "{\"error_code\":200}\n"), format!("{told}{{\"error_code\":200}}\n{told}"));
}

#[test]
fn rejected_records_are_added_up() {
    let logs = Sink::Otlp(Signal::Logs);
    let record = format!(r#"{{"body":{{"stringValue":"{CARD}"}}}}"#);
    let body = format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{record},{{}},{record}]}}]}}]}}"#);
    let tally = tally(logs, &body);
    assert_eq!((tally.kept, tally.dropped()), (1, 2));
    let json = spec(logs, "application/json", &tally, &Asked::default());
    let partial =
        |count: u64| format!(r#""partialSuccess":{{"rejectedLogRecords":"{count}","errorMessage":"{REASON}"}}"#);
    for (body, expected) in [
        ("{}", format!("{{{}}}", partial(2))),
        (r#"{"partialSuccess":{}}"#, format!("{{{}}}", partial(2))),
        (r#"{"partialSuccess":null}"#, format!("{{{}}}", partial(2))),
        (r#"{"a":1}"#, format!(r#"{{"a":1,{}}}"#, partial(2))),
        (r#"{"partialSuccess":{"rejectedLogRecords":"3"}}"#, format!("{{{}}}", partial(5))),
        (r#"{"partialSuccess":{"rejectedLogRecords":3}}"#, format!("{{{}}}", partial(5))),
        (r#"{"partialSuccess":{"rejectedLogRecords":"\u0033"}}"#, format!("{{{}}}", partial(5))),
        (
            r#"{"partial_success":{"errorMessage":"full","rejected_log_records":"3"},"x":[]}"#,
            r#"{"partial_success":{"errorMessage":"full","rejectedLogRecords":"5"},"x":[]}"#.to_owned(),
        ),
    ] {
        assert_eq!(text(&json, body), expected, "{body}");
    }
    let told = logs.told(&tally, &Asked::default()).unwrap();
    assert_eq!(told.by_itself(true).unwrap(), format!("{{{}}}", partial(2)).into_bytes());

    let written = |count: u8, message: bool| {
        let mut inner = vec![8, count];
        if message {
            inner.extend([0x12, REASON.len() as u8]);
            inner.extend(REASON.as_bytes());
        }
        [vec![0x0a, inner.len() as u8], inner].concat()
    };
    let protobuf = spec(logs, "application/x-protobuf", &tally, &Asked::default());
    assert_eq!(told.by_itself(false).unwrap(), written(2, true));
    let theirs = [0x0a, 6, 8, 3, 0x12, 2, b'n', b'o'];
    assert_eq!(answer(&protobuf, &theirs), [&theirs[..], &written(5, false)].concat());
    assert_eq!(answer(&protobuf, &[0x0a, 0]), [&[0x0a, 0][..], &written(2, true)].concat());

    let grpc = spec(logs, "application/grpc", &tally, &Asked::default());
    let frame = |flag: u8, message: &[u8]| [&[flag][..], &(message.len() as u32).to_be_bytes(), message].concat();
    assert_eq!(answer(&grpc, &frame(0, &[])), frame(0, &written(2, true)));
    assert_eq!(answer(&grpc, &frame(1, &[])), frame(0, &written(2, true)));
    assert_eq!(answer(&grpc, &frame(0, &theirs)), frame(0, &[&theirs[..], &written(5, false)].concat()));
    let coded = super::protobuf::gzipped(grpc);
    let out = answer(&coded, &frame(1, &fixtures::gzip(&theirs)));
    assert_eq!(fixtures::gunzip(&out[5..]), [&theirs[..], &written(5, false)].concat());
}

#[test]
fn nothing_left_is_answered_as_the_sink_would() {
    let asked = Asked::default();
    let bad = format!(r#"{{"a":"{CARD}"}}"#);
    for (sink, body, status, expected) in [
        (Sink::HecEvent, bad.clone(), 200, r#"{"text":"Success","code":0}"#.to_owned()),
        (Sink::Datadog, format!("[{bad}]"), 202, "{}".to_owned()),
        (Sink::NewRelic, format!("[{bad}]"), 202, r#"{"requestId":"id"}"#.to_owned()),
        (Sink::Azure, format!("[{bad}]"), 204, String::new()),
        (Sink::Loki, format!(r#"{{"streams":[{{"values":[["1","{CARD}"]]}}]}}"#), 204, String::new()),
        (
            Sink::Bulk,
            format!("{{\"index\":{{}}}}\n{bad}\n{{\"create\":{{}}}}\n{bad}\n"),
            200,
            format!(
                r#"{{"took":0,"errors":true,"items":[{},{}]}}"#,
                item("index", "null", "null"),
                item("create", "null", "null")
            ),
        ),
    ] {
        let tally = tally(sink, &body);
        assert_eq!(tally.kept, 0, "{sink:?}");
        let (found, _, answer) = sink.alone(&tally, &asked, "id").unwrap();
        assert_eq!((found, String::from_utf8(answer).unwrap()), (status, expected), "{sink:?}");
    }
    assert!(Sink::Otlp(Signal::Logs).alone(&Tally::default(), &asked, "id").is_none());
    assert!(Sink::Datadog.told(&Tally::default(), &asked).is_none());
}
