//! OTLP in JSON: a number of an attribute becomes its string, numbers that are typed stay, ids stay; at every split.

use blackbar::body::batch::Sink;
use blackbar::body::{BodySpec, Dialect, Direction, Signal};

use super::fixtures;
use super::protobuf::{LOGS, METRICS, TRACES, run};
use super::records;

fn spec(dialect: Dialect) -> BodySpec {
    BodySpec { dialect, direction: Direction::Request, ..fixtures::spec("application/json") }
}

/// What leaves, the same at every split in two and byte by byte.
fn redacted(spec: &BodySpec, body: &str) -> String {
    let (whole, fault, _) = run(spec.clone(), [body.as_bytes()]);
    assert_eq!(fault, None, "{body}");
    for cut in 1..body.len() {
        let (first, second) = body.as_bytes().split_at(cut);
        let (out, fault, _) = run(spec.clone(), [first, second]);
        assert_eq!((String::from_utf8_lossy(&out), fault), (String::from_utf8_lossy(&whole), None), "{body} at {cut}");
    }
    let (out, ..) = run(spec.clone(), body.as_bytes().chunks(1));
    assert_eq!(out, whole, "{body} byte by byte");
    String::from_utf8(whole).unwrap()
}

fn log(body: &str, value: &str) -> String {
    format!(
        r#"{{"resourceLogs":[{{"resource":{{"attributes":[{{"key":"n","value":{value}}}]}},"scopeLogs":[{{"logRecords":[{{"timeUnixNano":"1544712660000000000","body":{body},"attributes":[{{"key":"order","value":{value}}}]}},{{"body":{{"stringValue":"x"}}}}]}}]}}]}}"#
    )
}

#[test]
fn a_number_of_an_attribute_becomes_its_string() {
    let masked = r#""************1111""#;
    for (value, expected) in [
        (r#"{"intValue":"4111111111111111"}"#, format!(r#"{{"stringValue":{masked}}}"#)),
        (r#"{"intValue":4111111111111111}"#, format!(r#"{{"stringValue":{masked}}}"#)),
        (r#"{ "intValue" : 4111111111111111 }"#, format!(r#"{{ "stringValue" : {masked} }}"#)),
        (r#"{"int\u0056alue":4111111111111111}"#, format!(r#"{{"stringValue":{masked}}}"#)),
        (r#"{"int_value":"4111111111111111"}"#, format!(r#"{{"string_value":{masked}}}"#)),
        (r#"{"doubleValue":4111111111111111}"#, format!(r#"{{"stringValue":{masked}}}"#)),
        (r#"{"double_value":4.111111111111111e15}"#, r#"{"string_value":"************1111"}"#.to_owned()),
        (r#"{"intValue":"12"}"#, r#"{"intValue":"12"}"#.to_owned()),
        (r#"{"intValue":-12}"#, r#"{"intValue":-12}"#.to_owned()),
        (r#"{"doubleValue":"NaN"}"#, r#"{"doubleValue":"NaN"}"#.to_owned()),
        (r#"{"boolValue":true}"#, r#"{"boolValue":true}"#.to_owned()),
        (
            r#"{"arrayValue":{"values":[{"intValue":4111111111111111},{"intValue":1},{"stringValue":"4111 1111 1111 1111"}]}}"#,
            format!(
                r#"{{"arrayValue":{{"values":[{{"stringValue":{masked}}},{{"intValue":1}},{{"stringValue":"**** **** **** 1111"}}]}}}}"#
            ),
        ),
        (
            r#"{"kvlistValue":{"values":[{"key":"k","value":{"intValue":"4111111111111111"}}]}}"#,
            format!(r#"{{"kvlistValue":{{"values":[{{"key":"k","value":{{"stringValue":{masked}}}}}]}}}}"#),
        ),
    ] {
        for body in [value, r#"{"stringValue":"fine"}"#] {
            let out = redacted(&spec(LOGS), &log(body, value));
            assert_eq!(out, log(if body == value { &expected } else { body }, &expected), "{value}");
            serde_json::from_str::<serde_json::Value>(&out).unwrap();
        }
    }
}

#[test]
fn it_does_so_in_records_with_verdicts_of_their_own() {
    let batch = BodySpec { limits: spec(LOGS).limits, ..records::spec(Sink::Otlp(Signal::Logs), "application/json") };
    let mail = r#"{"stringValue":"jane@example.com"}"#;
    assert_eq!(
        redacted(&batch, &log(mail, r#"{"intValue":3}"#)),
        log(r#"{"stringValue":"jane@***"}"#, r#"{"intValue":3}"#)
    );
    // The resource is common to all records, so that only a record's own attribute is blocked alone.
    let body = |record: &str| {
        format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{record}{{"body":{{"intValue":"5"}}}}]}}]}}]}}"#)
    };
    let bad = r#"{"body":{"intValue":"4111111111111111"}},"#;
    assert_eq!(redacted(&batch, &body(bad)), body(""));
}

#[test]
fn numbers_that_are_typed_and_ids_stay() {
    let metrics = r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[
        {"name":"a","gauge":{"dataPoints":[{"timeUnixNano":"4111111111111111","asInt":"4111111111111111"},{"asInt":4111111111111111},{"asDouble":4111111111111111},{"as_double":4.111111111111111e15,"exemplars":[{"asInt":"4111111111111111","spanId":"4374264008498190","traceId":"43742640084981904374264008498190"}]}]}},
        {"name":"b","sum":{"dataPoints":[{"asInt":"4111111111111111"}]}},
        {"name":"c","histogram":{"dataPoints":[{"startTimeUnixNano":1544712660000000000,"count":"4111111111111111","sum":4111111111111111,"min":4111111111111111,"max":4111111111111111,"bucketCounts":["4111111111111111","1"],"explicitBounds":[4111111111111111,5]}]}},
        {"name":"d","exponentialHistogram":{"dataPoints":[{"count":"4111111111111111","zeroCount":"4111111111111111","positive":{"bucketCounts":["4111111111111111"]}}]}},
        {"name":"e","summary":{"dataPoints":[{"quantileValues":[{"quantile":0.5,"value":4111111111111111}]}]}}
    ]}]}]}"#;
    assert_eq!(redacted(&spec(METRICS), metrics), metrics);
    let spans = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"43742640084981904374264008498190","spanId":"4374264008498190","parentSpanId":"4374264008498190","startTimeUnixNano":"1544712660000000000","links":[{"traceId":"43742640084981904374264008498190","span_id":"4374264008498190"}]},{"traceId":"","parentSpanId":""}]}]}]}"#;
    assert_eq!(redacted(&spec(TRACES), spans), spans);
    // What is none of these is scanned, in their places too.
    for (body, expected) in [
        (r#"{"asInt":"4111 1111 1111 1111"}"#, r#"{"asInt":"**** **** **** 1111"}"#),
        (r#"{"traceId":"jane@example.com"}"#, r#"{"traceId":"jane@***"}"#),
        (r#"{"spanId":"4111111111111111."}"#, r#"{"spanId":"************1111."}"#),
        (r#"{"other":4111111111111111}"#, r#"{"other":"************1111"}"#),
        (r#"{"bucketCounts":[{"x":4111111111111111}]}"#, r#"{"bucketCounts":[{"x":"************1111"}]}"#),
    ] {
        assert_eq!(redacted(&spec(METRICS), body), expected);
    }
}

#[test]
fn what_passes_is_counted() {
    let (_, fault, seen) = run(spec(METRICS), [&br#"{"asInt":"4111111111111111","spanId":"4374264008498190"}"#[..]]);
    assert_eq!(fault, None);
    assert_eq!(seen.unscanned, [("number", 16), ("id", 16)]);
}
