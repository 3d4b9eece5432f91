//! Assistants and interactions: texts at their places in objects that grow.

use std::collections::BTreeMap;

use super::{PROSE, assert_clean, early_end, events, fragments, json, quote, redacted, run};
use crate::body::Dialect;

const ARGUMENTS: &str = "{\"to\": \"jane@example.com\", \"n\": 4111111111111111}";

fn thread(kind: &str, id: &str, members: &str) -> String {
    format!("event: thread.{kind}\ndata: {{\"id\":\"{id}\",\"object\":\"thread.{kind}\",{members}}}\n\n")
}

fn said(text: &str) -> String {
    let content =
        format!("{{\"index\":0,\"type\":\"text\",\"text\":{{\"value\":{},\"annotations\":[]}}}}", quote(text));
    thread("message.delta", "msg_1", &format!("\"delta\":{{\"content\":[{content}]}}"))
}

fn step(code: &str, arguments: &str) -> String {
    let code =
        format!("{{\"index\":0,\"type\":\"code_interpreter\",\"code_interpreter\":{{\"input\":{}}}}}", quote(code));
    let call = format!("{{\"index\":1,\"type\":\"function\",\"function\":{{\"arguments\":{}}}}}", quote(arguments));
    let calls = format!("\"delta\":{{\"step_details\":{{\"type\":\"tool_calls\",\"tool_calls\":[{code},{call}]}}}}");
    thread("run.step.delta", "step_1", &calls)
}

/// Adds up the strings of a delta by their places.
fn add(path: &str, value: &serde_json::Value, sums: &mut BTreeMap<String, String>) {
    super::add_strings(path, value, sums);
}

#[test]
fn assistants_texts_add_up_to_their_redaction_in_every_fragment_size() {
    for len in 1..=6 {
        let mut body = String::new();
        let (prose, arguments) = (fragments(PROSE, len), fragments(ARGUMENTS, len));
        for at in 0..prose.len().max(arguments.len()) {
            let part = |parts: &[String]| parts.get(at).cloned().unwrap_or_default();
            body += &said(&part(&prose));
            body += &step(&part(&prose), &part(&arguments));
        }
        let end = thread("message", "msg_1", "\"status\":\"completed\"")
            + &thread("run.step", "step_1", "\"status\":\"completed\"")
            + "event: done\ndata: [DONE]\n\n";
        for dialect in [Dialect::Plain, Dialect::OpenAi] {
            let out = run(dialect, (body.clone() + &end).as_bytes());
            assert_clean(&out);
            assert!(out.ends_with(&end), "{out}");
            let mut sums = BTreeMap::new();
            for (_, data) in events(&out).iter().filter(|(name, _)| name.ends_with("delta")) {
                add(&json(data)["id"].to_string(), &json(data)["delta"], &mut sums);
            }
            assert_eq!(sums["\"msg_1\".content[0].text.value"], redacted(PROSE, false), "fragments of {len}");
            let calls = "\"step_1\".step_details.tool_calls";
            assert_eq!(sums[&format!("{calls}[0].code_interpreter.input")], redacted(PROSE, false));
            assert_eq!(sums[&format!("{calls}[1].function.arguments")], redacted(ARGUMENTS, true));
        }
    }
}

#[test]
fn interactions_texts_add_up_to_their_redaction_in_every_fragment_size() {
    let event =
        |kind: &str, members: &str| format!("data: {{\"event_type\":\"{kind}\",\"event_id\":\"x\"{members}}}\n\n");
    for len in 1..=6 {
        for (name, end) in [("content", "content.stop"), ("step", "step.stop")] {
            let mut body = event(&format!("{name}.start"), &format!(",\"index\":0,\"{name}\":{{\"type\":\"text\"}}"));
            for part in fragments(PROSE, len) {
                for at in 0..2 {
                    let text = quote(&part);
                    let delta = format!(",\"index\":{at},\"delta\":{{\"type\":\"text\",\"text\":{text}}}");
                    body += &event(&format!("{name}.delta"), &delta);
                    let delta =
                        format!("{{\"type\":\"thought_summary\",\"content\":{{\"type\":\"text\",\"text\":{text}}}}}");
                    body += &event(&format!("{name}.delta"), &format!(",\"index\":{at},\"delta\":{delta}"));
                }
            }
            body += &event(end, ",\"index\":0");
            body += &event("interaction.complete", ",\"interaction\":{\"status\":\"completed\"}");
            for dialect in [Dialect::Plain, Dialect::Gemini] {
                let out = run(dialect, body.as_bytes());
                assert_clean(&out);
                let mut sums = BTreeMap::new();
                for (_, data) in events(&out) {
                    add(&json(&data)["index"].to_string(), &json(&data)["delta"], &mut sums);
                }
                for place in ["0.text", "1.text", "0.content.text", "1.content.text"] {
                    assert_eq!(sums[place], redacted(PROSE, false), "{place} in fragments of {len}");
                }
            }
        }
    }
}

#[test]
fn what_is_held_never_leaves_where_a_run_fails() {
    let left = said("to ");
    for end in [
        thread("run", "run_1", "\"status\":\"failed\"") + "event: done\ndata: [DONE]\n\n",
        "event: error\ndata: {\"message\":\"x\"}\n\n".to_owned(),
    ] {
        let out = run(Dialect::Plain, (said("to 4111 1111 1111 111") + &end).as_bytes());
        assert_eq!(out, left.clone() + &end);
    }
    // What is known by its events' names alone may end without a word of it.
    assert_eq!(early_end(Dialect::Plain, &said("to mary")).1, Ok(()));
}
