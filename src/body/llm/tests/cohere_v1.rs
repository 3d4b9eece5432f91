//! Cohere's records of version 1.

use super::{
    assert_any_chunking, assert_clean, assert_cuts_show_nothing, fragments, json, quote, redacted, run_series, scopes,
};
use crate::body::series::Series;
use crate::body::{BodyLimits, Dialect};

const TEXT: &str = "Pay with 4111 1111 1111 1111 now; jane@example.com knows d\u{e9}j\u{e0} vu, the end.";
const ARGUMENTS: &str = "{\"card\": \"4111 1111 1111 1111\", \"n\": [4111111111111111, 12]}";

fn record(kind: &str, members: &str) -> String {
    format!("{{\"is_finished\":{},\"event_type\":\"{kind}\"{members}}}\n", kind == "stream-end")
}

/// A plan, two calls and a text, in fragments of `len`.
fn answer(len: usize) -> String {
    let mut body = record("stream-start", ",\"generation_id\":\"g\"");
    for part in fragments(TEXT, len) {
        body += &record("tool-calls-chunk", &format!(",\"tool_call_delta\":{{\"text\":{}}}", quote(&part)));
    }
    for call in 0..2 {
        body += &record("tool-calls-chunk", &format!(",\"tool_call_delta\":{{\"index\":{call},\"name\":\"pay\"}}"));
        for part in fragments(ARGUMENTS, len) {
            let delta = format!("{{\"index\":{call},\"parameters\":{}}}", quote(&part));
            body += &record("tool-calls-chunk", &format!(",\"tool_call_delta\":{delta}"));
        }
    }
    let call = "{\"name\":\"pay\",\"parameters\":{\"card\":\"4111 1111 1111 1111\"}}";
    body += &record("tool-calls-generation", &format!(",\"text\":{},\"tool_calls\":[{call}]", quote(TEXT)));
    for part in fragments(TEXT, len) {
        body += &record("text-generation", &format!(",\"text\":{}", quote(&part)));
    }
    let text = quote(TEXT);
    body + &record(
        "stream-end",
        &format!(
            ",\"finish_reason\":\"COMPLETE\",\"response\":{{\"text\":{text},\"chat_history\":[{{\"message\":{text}}}]}}"
        ),
    )
}

fn run(body: &str) -> String {
    let (outs, _) = run_series(Dialect::Cohere, [body.as_bytes()]).expect("passes");
    String::from_utf8(outs.concat()).expect("UTF-8")
}

#[test]
fn texts_are_joined_over_records() {
    for len in [1, 3, 7, 500] {
        let body = answer(len);
        let out = run(&body);
        assert_clean(&out);
        let (mut said, mut plan, mut calls) = (String::new(), String::new(), [String::new(), String::new()]);
        let mut last = String::new();
        for line in out.lines() {
            let event = json(line);
            let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
            last = text(&event["event_type"]);
            match last.as_str() {
                "text-generation" => said += &text(&event["text"]),
                "tool-calls-chunk" => {
                    let delta = &event["tool_call_delta"];
                    plan += &text(&delta["text"]);
                    calls[delta["index"].as_u64().unwrap_or(0) as usize] += &text(&delta["parameters"]);
                }
                "tool-calls-generation" => assert_eq!(text(&event["text"]), plan),
                "stream-end" => assert_eq!(text(&event["response"]["text"]), said),
                _ => {}
            }
        }
        assert_eq!(last, "stream-end");
        assert_eq!(said, redacted(TEXT, false));
        assert_eq!(plan, said);
        assert_eq!(calls, [redacted(ARGUMENTS, true), redacted(ARGUMENTS, true)]);
        if len == 3 {
            assert_any_chunking(&body, &out, |parts| {
                run_series(Dialect::Cohere, parts.iter().copied()).expect("passes").0
            });
            assert_cuts_show_nothing(&body, &out, || {
                Box::new(Series::new(scopes(), &BodyLimits::default(), Dialect::Cohere))
            });
        }
    }
}

#[test]
fn what_nothing_is_found_in_leaves_byte_for_byte() {
    let body = record("text-generation", ",\"text\": \"no\\u0020thing \" ")
        + &record("stream-end", ",\"response\":{\"text\":\"no thing \"}");
    assert_eq!(run(&body), body);
}
