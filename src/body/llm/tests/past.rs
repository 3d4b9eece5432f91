//! A text that goes on behind its end marker: a value that has begun before it is not completed behind it.

use super::{assert_clean, run};
use crate::body::Dialect;

/// Writes a stream in which the second text comes behind the end of the first.
type Write = fn(&str, &str) -> String;

fn event(data: &str) -> String {
    format!("data: {data}\n\n")
}

const STREAMS: [(&str, Write); 6] = [
    ("anthropic", |first, second| {
        let delta = |text: &str| {
            event(&format!(
                r#"{{"type":"content_block_delta","index":0,"delta":{{"type":"text_delta","text":"{text}"}}}}"#
            ))
        };
        let stop = event(r#"{"type":"content_block_stop","index":0}"#);
        let start = event(r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#);
        start + &delta(first) + &stop + &delta(second) + &stop + &event(r#"{"type":"message_stop"}"#)
    }),
    ("responses", |first, second| {
        let at = r#""output_index":0,"content_index":0"#;
        let delta = |text: &str| event(&format!(r#"{{"type":"response.output_text.delta",{at},"delta":"{text}"}}"#));
        let done = event(&format!(r#"{{"type":"response.output_text.done",{at}}}"#));
        delta(first) + &done + &delta(second) + &done
    }),
    ("chat", |first, second| {
        let delta = |text: &str| event(&format!(r#"{{"choices":[{{"index":0,"delta":{{"content":"{text}"}}}}]}}"#));
        let other = event(r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#);
        let usage = event(r#"{"choices":[{"index":0,"delta":{}}],"usage":{}}"#);
        delta(first) + &other + &usage + &delta(second) + &other + "data: [DONE]\n\n"
    }),
    ("cohere", |first, second| {
        let delta = |text: &str| {
            event(&format!(
                r#"{{"type":"content-delta","index":0,"delta":{{"message":{{"content":{{"text":"{text}"}}}}}}}}"#
            ))
        };
        let end = event(r#"{"type":"content-end","index":0}"#);
        delta(first) + &end + &delta(second) + &end
    }),
    ("ollama", |first, second| {
        let record = |text: &str, done: bool| {
            event(&format!(r#"{{"model":"m","message":{{"role":"assistant","content":"{text}"}},"done":{done}}}"#))
        };
        record(first, true) + &record(second, true)
    }),
    ("bedrock", |first, second| {
        let delta = |text: &str| event(&format!(r#"{{"contentBlockIndex":0,"delta":{{"text":"{text}"}}}}"#));
        let stop = event(r#"{"contentBlockIndex":0}"#);
        delta(first) + &stop + &delta(second) + &stop
    }),
];

#[test]
fn a_value_that_begins_before_an_end_is_not_completed_behind_it() {
    for (name, write) in STREAMS {
        for value in ["4111 1111 1111 1111", "jane@example.com", "(212) 555-0123"] {
            for at in 1..value.len() {
                let (first, second) = value.split_at(at);
                let body = write(&format!("it is {first}"), &format!("{second} as told. "));
                let out = run(Dialect::Plain, body.as_bytes());
                assert_clean(&out);
                let said = said(&out);
                assert!(said.starts_with("it is ") && said.ends_with(" as told. "), "{name} {at}: {out}");
                assert!(!said.contains(value), "{name} {at}: {out}");
            }
        }
    }
}

#[test]
fn what_is_no_value_leaves_as_it_came() {
    for (name, write) in STREAMS {
        let out = run(Dialect::Plain, write("so it", " is, and so").as_bytes());
        assert_eq!(said(&out), "so it is, and so", "{name}");
    }
}

/// What a reader adds up.
fn said(out: &str) -> String {
    let mut all = String::new();
    for (_, data) in super::events(out).iter().filter(|(_, data)| data != "[DONE]") {
        strings(&super::json(data), &mut all);
    }
    all
}

/// The texts of an event, one behind the other.
fn strings(value: &serde_json::Value, all: &mut String) {
    match value {
        serde_json::Value::Array(elements) => elements.iter().for_each(|element| strings(element, all)),
        serde_json::Value::Object(members) => {
            for (key, member) in members {
                match member {
                    serde_json::Value::String(text) if ["text", "content", "delta"].contains(&key.as_str()) => {
                        all.push_str(text);
                    }
                    member => strings(member, all),
                }
            }
        }
        _ => {}
    }
}

#[test]
fn a_text_that_begins_anew_is_another() {
    let start = event(r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#);
    let delta = |text: &str| {
        event(&format!(r#"{{"type":"content_block_delta","index":0,"delta":{{"type":"text_delta","text":"{text}"}}}}"#))
    };
    let stop = event(r#"{"type":"content_block_stop","index":0}"#);
    let body = [&start, &delta("4111 1111 "), &stop, &start, &delta("1111 1111 "), &stop].map(String::as_str).concat();
    let out = run(Dialect::Plain, body.as_bytes());
    assert!(!out.contains('*'), "{out}");
}
