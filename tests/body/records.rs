//! Batches in which a record is blocked: it alone goes, at any split, wherever in the batch it stands.

use std::sync::{Arc, OnceLock};

use blackbar::body::batch::Sink;
use blackbar::body::{
    BodyErrorKind, BodyInspector, BodyLimits, BodySpec, ContentCoding, Dialect, Direction, Scopes, Signal,
};
use proptest::prelude::*;

use super::fixtures;

pub(crate) const CARD: &str = "4111 1111 1111 1111";

/// Cards block, addresses lose their domain, and `BEGIN … END` blocks over lines.
pub(crate) fn blocking() -> Arc<Scopes> {
    static SCOPES: OnceLock<Arc<Scopes>> = OnceLock::new();
    let load = || {
        let rules = "version = 1\npacks = [\"pci\", \"contact\"]\n[actions]\nCREDIT_CARD = \"block\"\n\
            [[rule]]\nid = \"t.pem\"\nentity = \"PEM\"\npattern = '(?s)BEGIN.{0,60}?END'\naction = \"block\"\n\
            [[rule]]\nid = \"t.wide\"\nentity = \"WIDE\"\npattern = 'WIDE .{0,40}? EDIW'\naction = \"redact\"\n\
            [[rule]]\nid = \"t.grow\"\nentity = \"GROW\"\npattern = 'GROW'\naction = { replace = \""
            .to_owned()
            + &"y".repeat(99)
            + "\" }\n";
        let folder = std::env::temp_dir().join(format!("blackbar-records-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("rules.toml");
        std::fs::write(&file, rules).unwrap();
        let rules = blackbar::policy::load_rules(Some(&file)).expect("the rules load");
        std::fs::remove_dir_all(&folder).unwrap();
        Arc::clone(rules.scopes(Direction::Request))
    };
    Arc::clone(SCOPES.get_or_init(load))
}

pub(crate) fn spec(sink: Sink, kind: &str) -> BodySpec {
    let dialect = match sink {
        Sink::Otlp(signal) => Dialect::Otlp(Some(signal)),
        Sink::Loki => Dialect::Loki,
        _ => Dialect::Plain,
    };
    BodySpec { direction: Direction::Request, scopes: blocking(), batch: Some(sink), dialect, ..fixtures::spec(kind) }
}

/// What came out, how it ended, records kept, records dropped, and their places.
type Outcome = (Vec<u8>, Result<(), BodyErrorKind>, u64, u64, Vec<u64>);

fn run<'a>(spec: &BodySpec, pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut inspector = BodyInspector::new(spec.clone()).unwrap();
    let mut out = Vec::new();
    let end = pieces.into_iter().try_for_each(|piece| inspector.push(piece, &mut out));
    let end = end.and_then(|()| inspector.finish(&mut out)).map_err(|error| error.kind);
    let tally = &inspector.inspection().records;
    (out, end, tally.kept, tally.dropped(), tally.places.iter().map(|gone| gone.index).collect())
}

/// One result at every split in two and byte by byte.
fn everywhere(spec: &BodySpec, body: &[u8]) -> Outcome {
    let whole = run(spec, [body]);
    for cut in 1..body.len() {
        let (first, second) = body.split_at(cut);
        assert!(run(spec, [first, second]) == whole, "{} at {cut}", String::from_utf8_lossy(body));
    }
    assert!(run(spec, body.chunks(1)) == whole, "{} byte by byte", String::from_utf8_lossy(body));
    whole
}

/// It is refused for a value outside of all records, at every split.
fn refused(spec: &BodySpec, body: &[u8]) {
    for cut in 0..body.len() {
        let (first, second) = body.split_at(cut);
        let (out, end, ..) = run(spec, [first, second]);
        assert!(matches!(end, Err(BodyErrorKind::Blocked { .. })), "{} at {cut}", String::from_utf8_lossy(body));
        assert!(!String::from_utf8_lossy(&out).contains("4111"));
    }
}

fn passes(spec: &BodySpec, body: &str, expected: &str, kept: u64, dropped: u64) {
    let (out, end, went, gone, _) = everywhere(spec, body.as_bytes());
    assert_eq!((String::from_utf8(out).unwrap().as_str(), end), (expected, Ok(())), "{body}");
    assert_eq!((went, gone), (kept, dropped), "{body}");
}

#[test]
fn texts_of_a_sequence_go_with_their_line() {
    let bad = format!(r#"{{"event":"card {CARD}"}}"#);
    for kind in ["application/json", "application/x-ndjson", "text/plain", "application/x-www-form-urlencoded"] {
        let hec = spec(Sink::HecEvent, kind);
        for (body, expected, kept, dropped) in [
            (format!(r#"{{"event":1}}{bad}{{"event":"x"}}"#), r#"{"event":1}{"event":"x"}"#, 2, 1),
            (format!("{bad}\n{{\"event\":1}}\n"), "{\"event\":1}\n", 1, 1),
            (format!("{{\"event\":1}}\n{bad}\n"), "{\"event\":1}\n", 1, 1),
            (format!("{{\"event\":1}}\r\n{bad}\r\n{{\"event\":2}}"), "{\"event\":1}\r\n{\"event\":2}", 2, 1),
            (format!("{{\"event\":1}} {bad}  {{\"event\":2}}"), "{\"event\":1} {\"event\":2}", 2, 1),
            (format!("{bad}{bad}\n{bad}\n\n"), "\n", 0, 3),
            (bad.clone(), "", 0, 1),
            (format!("[{{\"event\":1}},{bad}]"), "[{\"event\":1}]", 1, 1),
            (
                r#"{"event":"jane@example.com"}{"time":1.5,"event":{"a":[1,{"b":"c"}]}}"#.to_owned(),
                r#"{"event":"jane@***"}{"time":1.5,"event":{"a":[1,{"b":"c"}]}}"#,
                2,
                0,
            ),
        ] {
            passes(&hec, &body, expected, kept, dropped);
        }
        // The value as a key, as a number, escaped, and in JSON in a string.
        for bad in [
            format!(r#"{{"{CARD}":1}}"#),
            r#"{"n":4111111111111111}"#.to_owned(),
            r#"{"n":"4111\u0020111\u0031 1111 1111"}"#.to_owned(),
            format!(r#"{{"n":"{{\"a\":\"{CARD}\"}}"}}"#),
            format!(r#"{{"n":"WIDE {CARD} EDIW"}}"#),
        ] {
            passes(&hec, &format!("{{\"a\":1}}\n{bad}\n{{\"b\":2}}\n"), "{\"a\":1}\n{\"b\":2}\n", 2, 1);
        }
    }
}

#[test]
fn elements_go_with_a_comma() {
    let bad = format!(r#"{{"message":"card {CARD}"}}"#);
    for sink in [Sink::Datadog, Sink::Azure, Sink::Unknown, Sink::NewRelic] {
        let spec = spec(sink, "application/json");
        for (body, expected, kept, dropped) in [
            (format!(r#"[{bad},{{"a":1}}]"#), r#"[{"a":1}]"#, 1, 1),
            (format!(r#"[{{"a":1}},{bad}]"#), r#"[{"a":1}]"#, 1, 1),
            (format!(r#"[{{"a":1}},{bad},{{"b":[2,"x"]}}]"#), r#"[{"a":1},{"b":[2,"x"]}]"#, 2, 1),
            (format!("[ {bad} , {bad} , {{\"a\":1}} ]\n"), "[    {\"a\":1} ]\n", 1, 2),
            (format!("[\n  {{\"a\":1}},\n  {bad}\n]"), "[\n  {\"a\":1}\n]", 1, 1),
            (format!("[{bad},{bad}]"), "[]", 0, 2),
            (format!("[{bad}]"), "[]", 0, 1),
            (format!(r#"[1,"{CARD}",4111111111111111,[2]]"#), "[1,[2]]", 2, 2),
            ("[4111111111111111]".to_owned(), "[]", 0, 1),
            (format!(r#"[["{CARD}"],[[],{{}}]]"#), "[[[],{}]]", 1, 1),
        ] {
            passes(&spec, &body, expected, kept, dropped);
        }
        if sink != Sink::Azure {
            passes(&spec, &bad, "", 0, 1);
        }
    }
}

#[test]
fn records_within_what_is_around_them() {
    let relic = spec(Sink::NewRelic, "application/json");
    let bad = format!(r#"{{"message":"{CARD}"}}"#);
    for (body, expected, kept, dropped) in [
        (
            format!(r#"[{{"common":{{"a":1}},"logs":[{bad},{{"message":"x"}}]}},{{"logs":[{bad}]}}]"#),
            r#"[{"common":{"a":1},"logs":[{"message":"x"}]},{"logs":[]}]"#,
            1,
            2,
        ),
        (format!(r#"{{"logs":[{{"m":1}},{bad}]}}"#), r#"{"logs":[{"m":1}]}"#, 1, 1),
        (format!(r#"[{{"m":"{CARD}"}},{{"logs":[]}}]"#), r#"[{"logs":[]}]"#, 1, 1),
    ] {
        passes(&relic, &body, expected, kept, dropped);
    }
    // What is common to records is in none of them, before or behind them.
    for before in [
        format!(r#"[{{"common":{{"attributes":{{"m":"{CARD}"}}}},"logs":[{{"m":1}}]}},{{"logs":[{{"m":2}}]}}]"#),
        format!(r#"{{"common":{{"attributes":{{"m":"{CARD}"}}}},"logs":[{{"m":1}}]}}"#),
    ] {
        refused(&relic, before.as_bytes());
    }
    let behind = format!(r#"[{{"logs":[{{"m":1}}],"common":"{CARD}"}}]"#);
    refused(&relic, behind.as_bytes());

    let loki = spec(Sink::Loki, "application/json");
    let body = format!(
        r#"{{"streams":[{{"stream":{{"app":"x"}},"values":[["1","a"],["2","{CARD}"],["3","c",{{"m":"d"}}]]}},{{"values":[["4","{CARD}"]]}}]}}"#
    );
    let expected = r#"{"streams":[{"stream":{"app":"x"},"values":[["1","a"],["3","c",{"m":"d"}]]},{"values":[]}]}"#;
    passes(&loki, &body, expected, 2, 2);
    let labels = format!(r#"{{"streams":[{{"stream":{{"app":"{CARD}"}},"values":[["1","a"]]}}]}}"#);
    refused(&loki, labels.as_bytes());

    let logs = spec(Sink::Otlp(Signal::Logs), "application/json");
    let record = |text: &str| format!(r#"{{"timeUnixNano":"1","body":{{"stringValue":"{text}"}}}}"#);
    let (good, bad) = (record("ok"), record(CARD));
    let wrap = |records: &str| {
        format!(r#"{{"resourceLogs":[{{"resource":{{}},"scopeLogs":[{{"scope":{{}},"logRecords":[{records}]}}]}}]}}"#)
    };
    passes(&logs, &wrap(&format!("{good},{bad},{good}")), &wrap(&format!("{good},{good}")), 2, 1);
    passes(&logs, &wrap(&format!("{bad},{bad}")), &wrap(""), 0, 2);
    for common in ["\"resource\":{}", "\"scope\":{}"] {
        let name = common.split(':').next().unwrap();
        let blocked = format!("{name}:{{\"attributes\":[{{\"key\":\"k\",\"value\":{{\"stringValue\":\"{CARD}\"}}}}]}}");
        refused(&logs, wrap(&good).replace(common, &blocked).as_bytes());
    }
    let points = spec(Sink::Otlp(Signal::Metrics), "application/json");
    let wrap = |points: &str| {
        format!(
            r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{"name":"m","sum":{{"dataPoints":[{points}]}}}}]}}]}}]}}"#
        )
    };
    let point = |text: &str| format!(r#"{{"attributes":[{{"key":"a","value":{{"stringValue":"{text}"}}}}]}}"#);
    passes(&points, &wrap(&format!("{},{}", point(CARD), point("x"))), &wrap(&point("x")), 1, 1);

    let kafka = spec(Sink::KafkaV2, "application/vnd.kafka.json.v2+json");
    let body = format!(r#"{{"records":[{{"value":"{CARD}"}},{{"key":"k","value":{{"a":1}}}},{{"value":"{CARD}"}}]}}"#);
    let (out, end, kept, dropped, places) = everywhere(&kafka, body.as_bytes());
    assert_eq!((out.as_slice(), end), (&br#"{"records":[{"key":"k","value":{"a":1}}]}"#[..], Ok(())));
    assert_eq!((kept, dropped, places), (1, 2, vec![0, 2]));
}

#[test]
fn bulk_pairs_go_together() {
    let bad = format!(r#"{{"message":"card {CARD}"}}"#);
    let index = |id: u32| format!("{{\"index\":{{\"_index\":\"i\",\"_id\":\"{id}\"}}}}\n");
    let good = "{\"message\":\"jane@example.com\"}\n";
    let kept = "{\"message\":\"jane@***\"}\n";
    for kind in
        ["application/x-ndjson", "application/json", "application/vnd.elasticsearch+x-ndjson; compatible-with=9"]
    {
        let bulk = spec(Sink::Bulk, kind);
        for (body, expected, places) in [
            (format!("{}{bad}\n{}{good}", index(0), index(1)), format!("{}{kept}", index(1)), vec![0]),
            (format!("{}{good}{}{bad}\n", index(0), index(1)), format!("{}{kept}", index(0)), vec![1]),
            (
                format!("{{\"delete\":{{\"_id\":\"9\"}}}}\n{}{bad}\n{{\"delete\":{{\"_id\":\"8\"}}}}\n", index(1)),
                "{\"delete\":{\"_id\":\"9\"}}\n{\"delete\":{\"_id\":\"8\"}}\n".to_owned(),
                vec![1],
            ),
            (
                format!("{{\"update\":{{\"_id\":\"1\"}}}}\n{{\"doc\":{bad}}}\n{{\"create\":{{}}}}\n{good}"),
                format!("{{\"create\":{{}}}}\n{kept}"),
                vec![0],
            ),
            // The value stands in the action.
            (
                format!("{{\"index\":{{\"_id\":\"{CARD}\"}}}}\n{good}{}{good}", index(1)),
                format!("{}{kept}", index(1)),
                vec![0],
            ),
            (
                format!("{{\"delete\":{{\"_id\":\"{CARD}\"}}}}\n{}{good}", index(1)),
                format!("{}{kept}", index(1)),
                vec![0],
            ),
            (format!("{}{bad}\n{}{bad}\n", index(0), index(1)), String::new(), vec![0, 1]),
            (
                format!("{}{good}{}{bad}\r\n\r\n{}{good}", index(0), index(1), index(2)),
                { format!("{}{kept}\r\n{}{kept}", index(0), index(2)) },
                vec![1],
            ),
            (format!("{}{bad}", index(0)), String::new(), vec![0]),
        ] {
            let (out, end, _, dropped, found) = everywhere(&bulk, body.as_bytes());
            assert_eq!((String::from_utf8(out).unwrap(), end), (expected, Ok(())), "{body}");
            assert_eq!((dropped, found), (places.len() as u64, places), "{body}");
        }
        // What the sink would cut otherwise than we do.
        for (body, fault) in [
            (format!("{}\n{good}", index(0)), BodyErrorKind::JsonSyntax),
            (format!("{{\"index\":{{}}}} {good}"), BodyErrorKind::JsonSyntax),
            ("{\"index\":\n{}}\n{}\n".to_owned(), BodyErrorKind::JsonSyntax),
            ("{\"index\":{}}\n{\"a\":\n1}\n".to_owned(), BodyErrorKind::JsonSyntax),
            ("{\"index\":{}}\n{}{\"index\":{}}\n{}\n".to_owned(), BodyErrorKind::JsonSyntax),
            ("{\"other\":{}}\n{}\n".to_owned(), BodyErrorKind::JsonSyntax),
            ("{\"index\":{},\"delete\":{}}\n{}\n".to_owned(), BodyErrorKind::JsonSyntax),
            ("{}\n{}\n".to_owned(), BodyErrorKind::JsonSyntax),
            ("[]\n{}\n".to_owned(), BodyErrorKind::JsonSyntax),
            (index(0), BodyErrorKind::Truncated),
        ] {
            for cut in 0..body.len() {
                let (first, second) = body.as_bytes().split_at(cut);
                assert_eq!(run(&bulk, [first, second]).1, Err(fault.clone()), "{body} at {cut}");
            }
        }
    }
}

/// An action's line leaves as it came or not at all: another name would be another document's.
#[test]
fn actions_of_bulk_are_never_rewritten() {
    let masking = BodySpec { scopes: fixtures::scopes(), ..spec(Sink::Bulk, "application/x-ndjson") };
    let good = "{\"message\":\"jane@example.com\"}\n";
    let kept = "{\"message\":\"jane@***\"}\n";
    let uuid = "{\"index\":{\"_id\":\"65163932-1773-4469-80d7-4cce032bedc6\",\"routing\":\"r1\"}}\n";
    for (what, action) in [
        ("index", r#"{"index":{"_index":"people","_id":"anna@example.com"}}"#),
        ("create", r#"{"create":{"_id":4012888888881881}}"#),
        ("update", r#"{"update":{"_id":"1","routing":"anna@example.com"}}"#),
        ("delete", r#"{"delete":{"_id":"(212) 555-0123"}}"#),
        ("index", r#"{"index":{"_id":"2","pipeline":"078-05-1120"}}"#),
    ] {
        let source = if what == "delete" { "" } else { good };
        for (before, after) in [("", ""), (uuid, uuid)] {
            let around = |pair: &str| if pair.is_empty() { String::new() } else { format!("{pair}{good}") };
            let left = |pair: &str| if pair.is_empty() { String::new() } else { format!("{pair}{kept}") };
            let body = format!("{}{action}\n{source}{}", around(before), around(after));
            let (out, end, went, gone, places) = everywhere(&masking, body.as_bytes());
            assert_eq!((String::from_utf8(out).unwrap(), end), (left(before) + &left(after), Ok(())), "{body}");
            let pairs = u64::from(!before.is_empty());
            assert_eq!((went, gone, places), (2 * pairs, 1, vec![pairs]), "{body}");
        }
    }
    // Without a rule that blocks no source waits for its end.
    let mut inspector = BodyInspector::new(masking).unwrap();
    let mut out = Vec::new();
    inspector.push(b"{\"index\":{\"_id\":\"1\"}}\n{\"a\":\"many words of", &mut out).unwrap();
    assert!(out.ends_with(b"many words "), "{}", String::from_utf8_lossy(&out));
}

#[test]
fn records_of_traces_and_of_security_logs() {
    let runs = |names: &[&str]| {
        names.iter().map(|name| format!(r#"{{"id":"1","name":"{name}"}}"#)).collect::<Vec<_>>().join(",")
    };
    let (all, left) = (&["a", CARD, "b"][..], &["a", "b"][..]);
    for (sink, around) in [
        (Sink::Langfuse, r#"{"batch":[@],"metadata":{"n":3}}"#),
        (Sink::LangSmith, r#"{"post":[@],"patch":[]}"#),
        (Sink::LangSmith, r#"{"post":[],"patch":[@]}"#),
        (Sink::Chronicle, r#"{"customer_id":"c","log_type":"X","entries":[@]}"#),
        (Sink::Chronicle, r#"{"customer_id":"c","events":[@]}"#),
        (Sink::Chronicle, r#"{"inlineSource":{"logs":[@]}}"#),
    ] {
        let (body, expected) = (around.replace('@', &runs(all)), around.replace('@', &runs(left)));
        passes(&spec(sink, "application/json"), &body, &expected, 2, 1);
        refused(
            &spec(sink, "application/json"),
            around.replace('@', "").replacen(":[", &format!(":\"{CARD}\",\"x\":["), 1).as_bytes(),
        );
    }
}

/// curl calls any data a form.
#[test]
fn lines_that_are_called_a_form_are_lines() {
    let line = "user jane@example.com paid 100% & more=1 with 5555 5555 5555 4444\n";
    for sink in [Sink::HecRaw, Sink::Sumo, Sink::Datadog] {
        let form = "application/x-www-form-urlencoded";
        let masking = BodySpec { scopes: fixtures::scopes(), ..spec(sink, form) };
        let (out, end, ..) = everywhere(&masking, line.as_bytes());
        let expected = "user jane@*** paid 100% & more=1 with **** **** **** 4444\n";
        assert_eq!((String::from_utf8(out).unwrap().as_str(), end), (expected, Ok(())));
    }
}

#[test]
fn lines_go_whole() {
    for (sink, kind) in [(Sink::HecRaw, "text/plain"), (Sink::Sumo, ""), (Sink::Datadog, "text/plain")] {
        let lines = spec(sink, kind);
        for (body, expected, kept, dropped) in [
            (format!("one\ncard {CARD}\ntwo\n"), "one\ntwo\n", 2, 1),
            (format!("{CARD}\r\none\r\n"), "one\r\n", 1, 1),
            (format!("one\nlast {CARD} here"), "one\n", 1, 1),
            (format!("a {CARD} b {CARD}\n"), "", 0, 1),
            ("mail jane@example.com\n\nx\n".to_owned(), "mail jane@***\n\nx\n", 2, 0),
            // One value over several lines takes all of them.
            ("a\nx BEGIN secret\nmore\nEND y\nb\n".to_owned(), "a\nb\n", 2, 1),
            // What blocks lies wholly in what another rule redacts.
            (format!("a\nWIDE {CARD} EDIW\nb\n"), "a\nb\n", 2, 1),
            ("a\nWIDE x EDIW\nb\n".to_owned(), "a\n[WIDE]\nb\n", 3, 0),
            ("a\nBEGIN not\nover\nb\n".to_owned(), "a\nBEGIN not\nover\nb\n", 4, 0),
        ] {
            passes(&lines, &body, expected, kept, dropped);
        }
        // JSON a line is cut into texts.
        if sink != Sink::Datadog {
            passes(&lines, &format!("{{\"a\":1}}\n{{\"a\":\"{CARD}\"}}\n"), "{\"a\":1}\n", 1, 1);
        }
    }
}

#[test]
fn a_record_is_bounded() {
    let limits = BodyLimits { record: 100, ..BodyLimits::default() };
    let of = |length: usize, bad: bool| {
        let text = format!("{}{}", "x ".repeat(length), if bad { CARD } else { "" });
        format!("{{\"a\":\"{text:.*}\"}}", length - 8)
    };
    for sink in [Sink::HecEvent, Sink::Datadog] {
        let (open, close) = if sink == Sink::Datadog { ("[", "]") } else { ("", "") };
        let strict = BodySpec { limits: limits.clone(), ..spec(sink, "application/json") };
        let lenient = BodySpec { on_fault_pass: true, ..strict.clone() };
        for (length, fits) in [(100, true), (101, false), (300, false)] {
            let body = format!("{open}{}{close}", of(length, false));
            let (_, end, ..) = everywhere(&strict, body.as_bytes());
            assert_eq!(end, if fits { Ok(()) } else { Err(BodyErrorKind::TooLarge) }, "{sink:?} {length}");
            let (out, end, ..) = everywhere(&lenient, body.as_bytes());
            assert_eq!((String::from_utf8(out).unwrap(), end), (body, Ok(())), "{sink:?} {length}");
        }
        // Where it may not wait any more, what blocks refuses the request.
        let long = format!("{open}{{\"a\":\"{}\",\"b\":\"{CARD}\"}}{close}", "x ".repeat(100));
        for cut in 0..long.len() {
            let (first, second) = long.as_bytes().split_at(cut);
            assert!(matches!(run(&lenient, [first, second]).1, Err(BodyErrorKind::Blocked { .. })), "{sink:?} {cut}");
            assert_eq!(run(&strict, [first, second]).1, Err(BodyErrorKind::TooLarge), "{sink:?} {cut}");
        }
    }
    // What takes the place of a record's values is bounded too.
    let grown = BodySpec { limits: limits.clone(), ..spec(Sink::HecEvent, "application/json") };
    for (count, fits) in [(15, true), (18, false)] {
        let body = format!("{{\"a\":\"{}\"}}", "GROW ".repeat(count));
        let end = everywhere(&grown, body.as_bytes()).1;
        assert_eq!(end, if fits { Ok(()) } else { Err(BodyErrorKind::TooLarge) }, "{count}");
    }
    let lines = BodySpec { limits: limits.clone(), ..spec(Sink::HecRaw, "text/plain") };
    for (length, fits) in [(99, true), (100, false)] {
        let text: String = "x ".chars().cycle().take(length).collect();
        let body = format!("{text}\n");
        let end = everywhere(&lines, body.as_bytes()).1;
        assert_eq!(end, if fits { Ok(()) } else { Err(BodyErrorKind::TooLarge) }, "{length}");
    }
    let bulk = BodySpec {
        limits: BodyLimits { dropped_records: 2, ..BodyLimits::default() },
        ..spec(Sink::Bulk, "application/x-ndjson")
    };
    let pair = format!("{{\"index\":{{}}}}\n{{\"a\":\"{CARD}\"}}\n");
    assert_eq!(run(&bulk, [pair.repeat(2).as_bytes()]).1, Ok(()));
    assert_eq!(run(&bulk, [pair.repeat(3).as_bytes()]).1, Err(BodyErrorKind::TooLarge));
}

/// A record leaves as soon as it is judged.
#[test]
fn records_leave_when_they_are_judged() {
    for (sink, pieces) in [
        (Sink::HecEvent, ["{\"a\":1}", "{\"a\":2}", "{\"a\":3}"]),
        (Sink::Datadog, ["[{\"a\":1}", ",{\"a\":2}", ",{\"a\":3}"]),
        (Sink::Bulk, ["{\"index\":{}}\n{}", "\n{\"index\":{}}\n{}", "\n{\"index\":{}}\n{}"]),
    ] {
        let mut inspector = BodyInspector::new(spec(sink, "application/json")).unwrap();
        let mut out = Vec::new();
        let mut came = 0;
        for piece in pieces {
            came += piece.len();
            inspector.push(piece.as_bytes(), &mut out).unwrap();
            assert_eq!(out.len(), came, "{sink:?}");
        }
    }
}

#[test]
fn codings_and_clean_batches_are_as_ever() {
    let coded = BodySpec { codings: vec![ContentCoding::Gzip], ..spec(Sink::HecEvent, "application/json") };
    let body = format!("{{\"a\":1}}\n{{\"a\":\"{CARD}\"}}\n");
    let (out, end, ..) = run(&coded, [fixtures::gzip(body.as_bytes()).as_slice()]);
    assert_eq!((fixtures::gunzip(&out).as_slice(), end), (&b"{\"a\":1}\n"[..], Ok(())));
    // Without a batch a block refuses the request.
    let whole = BodySpec { batch: None, ..spec(Sink::HecEvent, "application/json") };
    assert!(matches!(run(&whole, [body.as_bytes()]).1, Err(BodyErrorKind::Blocked { .. })));
}

fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut out = vec![number << 3 | 2];
    if length < 128 {
        out.push(length as u8);
    } else {
        out.extend([length as u8 | 0x80, (length >> 7) as u8]);
    }
    out.extend_from_slice(content);
    out
}

#[test]
fn messages_are_records_too() {
    let record = |text: &str| field(2, &field(5, &field(1, text.as_bytes())));
    let logs = |records: &[Vec<u8>]| field(1, &field(2, &[field(1, &field(1, b"scope")), records.concat()].concat()));
    let (good, bad) = (record("fine"), record(CARD));
    let otlp = spec(Sink::Otlp(Signal::Logs), "application/x-protobuf");
    for (records, left) in [
        (vec![bad.clone(), good.clone()], vec![good.clone()]),
        (vec![good.clone(), bad.clone()], vec![good.clone()]),
        (vec![good.clone(), bad.clone(), good.clone(), bad.clone()], vec![good.clone(), good.clone()]),
        (vec![bad.clone(), bad.clone()], vec![]),
        (vec![good.clone()], vec![good.clone()]),
    ] {
        let (out, end, kept, dropped, _) = everywhere(&otlp, &logs(&records));
        assert_eq!((out, end), (logs(&left), Ok(())));
        assert_eq!((kept, dropped), (left.len() as u64, (records.len() - left.len()) as u64));
        let frame = |message: &[u8]| [&[0][..], &(message.len() as u32).to_be_bytes(), message].concat();
        let grpc = BodySpec { media_type: fixtures::spec("application/grpc").media_type, ..otlp.clone() };
        let (out, end, ..) = everywhere(&grpc, &frame(&logs(&records)));
        assert_eq!((out, end), (frame(&logs(&left)), Ok(())));
    }
    let outside = field(1, &field(1, &field(1, &[field(1, b"a"), field(2, &field(1, CARD.as_bytes()))].concat())));
    refused(&otlp, &[outside, logs(&[good])].concat());

    let entry = |line: &str| field(2, &field(2, line.as_bytes()));
    let stream = |entries: &[Vec<u8>]| field(1, &[field(1, b"{a=\"b\"}"), entries.concat()].concat());
    let snappy = |plain: &[u8]| snap::raw::Encoder::new().compress_vec(plain).unwrap();
    let loki = spec(Sink::Loki, "application/x-protobuf");
    let (out, end, kept, dropped, _) = run(&loki, [snappy(&stream(&[entry("a"), entry(CARD), entry("b")])).as_slice()]);
    let plain = snap::raw::Decoder::new().decompress_vec(&out).unwrap();
    assert_eq!((plain, end, kept, dropped), (stream(&[entry("a"), entry("b")]), Ok(()), 2, 1));
}

#[test]
fn paths_tell_the_sink() {
    let kafka = fixtures::spec("application/vnd.kafka.json.v2+json").media_type;
    for (path, media_type, sink) in [
        ("/_bulk", None, Some(Sink::Bulk)),
        ("/logs-1/_bulk", None, Some(Sink::Bulk)),
        ("/services/collector", None, Some(Sink::HecEvent)),
        ("/splunk/services/collector/event/1.0", None, Some(Sink::HecEvent)),
        ("/services/collector/raw", None, Some(Sink::HecRaw)),
        ("/api/v2/logs", None, Some(Sink::Datadog)),
        ("/log/v1", None, Some(Sink::NewRelic)),
        ("/receiver/v1/http/abc==", None, Some(Sink::Sumo)),
        ("/dataCollectionRules/dcr-1/streams/Custom-x", None, Some(Sink::Azure)),
        ("/topics/t", kafka.as_ref(), Some(Sink::KafkaV2)),
        ("/topics/t", None, None),
        ("/v3/clusters/c/topics/t/records", None, Some(Sink::KafkaV3)),
        ("/api/public/ingestion", None, Some(Sink::Langfuse)),
        ("/api/v1/runs/batch", None, Some(Sink::LangSmith)),
        ("/v2/unstructuredlogentries:batchCreate", None, Some(Sink::Chronicle)),
        ("/v2/udmevents:batchCreate", None, Some(Sink::Chronicle)),
        ("/v1alpha/projects/p/locations/us/instances/i/logTypes/OKTA/logs:import", None, Some(Sink::Chronicle)),
        ("/_search", None, None),
        ("/", None, None),
        ("", None, None),
    ] {
        assert_eq!(Sink::of(Dialect::Plain, path, media_type), sink, "{path}");
    }
    assert_eq!(Sink::of(Dialect::OpenAi, "/_bulk", None), None);
    assert_eq!(Sink::of(Dialect::Otlp(None), "/x", None), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_is_left_is_what_was_good(
        bad in prop::collection::vec(any::<bool>(), 1..9),
        style in 0..3_usize,
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let record = |at: usize, bad: bool| format!(r#"{{"n":{at},"m":["{}",{{"x":null}}]}}"#, if bad { CARD } else { "fine \\u0041" });
        let records: Vec<(bool, String)> = bad.iter().enumerate().map(|(at, bad)| (*bad, record(at, *bad))).collect();
        let left: Vec<&String> = records.iter().filter(|(bad, _)| !bad).map(|(_, text)| text).collect();
        let all: Vec<&String> = records.iter().map(|(_, text)| text).collect();
        let write = |texts: &[&String]| match style {
            0 => texts.iter().map(|text| format!("{text}\n")).collect::<String>(),
            1 => format!("[{}]", texts.iter().map(|text| text.as_str()).collect::<Vec<_>>().join(",")),
            _ => texts.iter().map(|text| format!("{{\"index\":{{}}}}\n{text}\n")).collect(),
        };
        let sink = [Sink::HecEvent, Sink::Datadog, Sink::Bulk][style];
        let body = write(&all);
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).chain([0, body.len()]).collect();
        places.sort_unstable();
        let pieces = places.windows(2).map(|pair| &body.as_bytes()[pair[0]..pair[1]]);
        let (out, end, kept, dropped, _) = run(&spec(sink, "application/json"), pieces);
        prop_assert_eq!(end, Ok(()));
        prop_assert_eq!(String::from_utf8(out).unwrap(), write(&left));
        prop_assert_eq!((kept, dropped), (left.len() as u64, (all.len() - left.len()) as u64));
    }
}

/// The records that were handed over, taken as the body goes on.
fn letters<'a>(spec: &BodySpec, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
    let mut inspector = BodyInspector::new(spec.clone()).unwrap();
    let (mut out, mut letters) = (Vec::new(), Vec::new());
    for piece in pieces {
        inspector.push(piece, &mut out).unwrap();
        letters.extend(inspector.take_letters());
    }
    inspector.finish(&mut out).unwrap();
    letters.extend(inspector.take_letters());
    assert!(!format!("{letters:?}").contains("4111"));
    letters.into_iter().map(|letter| String::from_utf8_lossy(&letter.content).into_owned()).collect()
}

#[test]
fn what_is_dropped_is_handed_over_as_it_came() {
    let event = format!(r#"{{"event":"card {CARD}, mail jane@example.com", "n" : 1}}"#);
    let bulk = format!("{{\"index\":{{\"_id\":\"1\"}}}}\n{event}");
    let (line, wide) = (format!("one {CARD} jane@example.com\n"), "BEGIN\nx\nEND\r\n");
    for (sink, kind, body, expected) in [
        (
            Sink::HecEvent,
            "application/json",
            format!("{{\"event\":1}}{event}\n{{\"event\":2}} {event}"),
            vec![&event, &event],
        ),
        (
            Sink::Datadog,
            "application/json",
            format!("[ {event} , {{\"m\":1}},\n {event},{event}]"),
            vec![&event, &event, &event],
        ),
        (
            Sink::Bulk,
            "application/x-ndjson",
            format!("{{\"delete\":{{}}}}\n{bulk}\n{{\"delete\":{{}}}}\n"),
            vec![&bulk],
        ),
        (
            Sink::HecRaw,
            "text/plain",
            format!("fine jane@example.com\n{line}fine\n{wide}{line}x"),
            vec![&line, &wide.to_owned(), &line],
        ),
        (Sink::HecRaw, "text/plain", line.trim_end().to_owned(), vec![&line.trim_end().to_owned()]),
    ] {
        let spec = BodySpec { keep_dropped: true, ..spec(sink, kind) };
        for cut in 0..body.len() {
            let (first, second) = body.as_bytes().split_at(cut);
            assert_eq!(letters(&spec, [first, second]).iter().collect::<Vec<_>>(), expected, "{sink:?} at {cut}");
        }
        assert_eq!(letters(&spec, body.as_bytes().chunks(1)).len(), expected.len());
        let nothing = BodySpec { keep_dropped: false, ..spec };
        assert!(letters(&nothing, [body.as_bytes()]).is_empty());
    }
}
