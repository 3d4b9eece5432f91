//! Places in a streamed text: where a replacement is longer or shorter they move, in the events that tell them while
//! the text grows and in the copies that follow.

#![allow(clippy::string_slice, reason = "a panic here is a failed test")]

use super::{fragments, json, quote, run};
use crate::body::Dialect;

const CAME: &str = "Ask jane@example.com or j\u{e9}r\u{f4}me@example.com, as \u{6f22}\u{5b57} says. ";
const LEFT: &str = "Ask jane@*** or j\u{e9}r\u{f4}me@***, as \u{6f22}\u{5b57} says. ";
const NEEDLES: [(&str, &str); 4] = [
    ("Ask", "Ask"),
    ("jane@example.com", "jane@***"),
    ("\u{6f22}\u{5b57} says.", "\u{6f22}\u{5b57} says."),
    ("or", "or"),
];

fn characters(text: &str) -> usize {
    text.chars().count()
}

/// The places of the needles in both texts.
fn places(count: fn(&str) -> usize) -> [Vec<(usize, usize)>; 2] {
    let of = |text: &str, needle: &str| {
        let at = text.find(needle).expect("is there");
        (count(&text[..at]), count(&text[..at + needle.len()]))
    };
    [NEEDLES.iter().map(|(came, _)| of(CAME, came)).collect(), NEEDLES.iter().map(|(_, left)| of(LEFT, left)).collect()]
}

fn assert_moved(dialect: Dialect, bytes: bool, body: impl Fn(&str, &[(usize, usize)]) -> Vec<String>, find: [&str; 2]) {
    let [came, left] = places(if bytes { str::len } else { characters });
    let sse: String = body(CAME, &came).iter().map(|data| format!("data: {data}\n\n")).collect();
    let out = run(dialect, sse.as_bytes());
    let mut found = Vec::new();
    for (_, data) in super::events(&out) {
        collect(&json(&data), find, &mut found);
    }
    let wanted: Vec<_> = left.iter().copied().cycle().take(found.len()).collect();
    assert!(found.len() >= left.len() && found.len() % left.len() == 0, "{out}");
    assert_eq!(found, wanted, "{out}");
}

fn collect(value: &serde_json::Value, find: [&str; 2], found: &mut Vec<(usize, usize)>) {
    if let (Some(begin), Some(end)) = (value.get(find[0]), value.get(find[1])) {
        found.push((begin.as_u64().expect("a number") as usize, end.as_u64().expect("a number") as usize));
    }
    match value {
        serde_json::Value::Array(elements) => elements.iter().for_each(|element| collect(element, find, found)),
        serde_json::Value::Object(members) => members.values().for_each(|member| collect(member, find, found)),
        _ => {}
    }
}

#[test]
fn of_chat_completions() {
    for len in [1, 3, 200] {
        let body = |text: &str, places: &[(usize, usize)]| {
            let mut events: Vec<String> = fragments(text, len)
                .iter()
                .map(|part| format!("{{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":{}}}}}]}}", quote(part)))
                .collect();
            let notes: Vec<String> = places
                .iter()
                .map(|(begin, end)| {
                    format!(
                        "{{\"type\":\"url_citation\",\"url_citation\":{{\"start_index\":{begin},\"end_index\":{end}}}}}"
                    )
                })
                .collect();
            events.push(format!(
                "{{\"choices\":[{{\"index\":0,\"delta\":{{\"annotations\":[{}]}},\"finish_reason\":\"stop\"}}]}}",
                notes.join(",")
            ));
            events
        };
        assert_moved(Dialect::Plain, false, body, ["start_index", "end_index"]);
    }
}

#[test]
fn of_responses() {
    for len in [1, 3, 200] {
        let body = |text: &str, places: &[(usize, usize)]| {
            let at = "\"item_id\":\"m\",\"output_index\":2,\"content_index\":0";
            let mut events: Vec<String> = fragments(text, len)
                .iter()
                .map(|part| format!("{{\"type\":\"response.output_text.delta\",{at},\"delta\":{}}}", quote(part)))
                .collect();
            let notes: Vec<String> = places
                .iter()
                .map(|(begin, end)| {
                    format!("{{\"type\":\"url_citation\",\"start_index\":{begin},\"end_index\":{end}}}")
                })
                .collect();
            for note in &notes {
                events
                    .push(format!("{{\"type\":\"response.output_text.annotation.added\",{at},\"annotation\":{note}}}"));
            }
            let text = quote(text);
            let part = format!(
                "{{\"type\":\"output_text\",\"annotations\":[{}],\"logprobs\":[],\"text\":{text}}}",
                notes.join(",")
            );
            events.push(format!("{{\"type\":\"response.output_text.done\",{at},\"text\":{text},\"logprobs\":[]}}"));
            events.push(format!("{{\"type\":\"response.content_part.done\",{at},\"part\":{part}}}"));
            events.push(format!(
                "{{\"type\":\"response.completed\",\"response\":{{\"output\":[{{\"content\":[{part}]}}]}}}}"
            ));
            events
        };
        assert_moved(Dialect::Plain, false, body, ["start_index", "end_index"]);
    }
}

#[test]
fn of_gemini_in_bytes() {
    for len in [1, 3, 200] {
        let body = |text: &str, places: &[(usize, usize)]| {
            let parts = fragments(text, len);
            let (last, before) = parts.split_last().expect("a text");
            let message = |part: &str, more: &str| {
                format!("{{\"candidates\":[{{\"content\":{{\"parts\":[{{\"text\":{}}}]}}{more}}}]}}", quote(part))
            };
            let mut events: Vec<String> = before.iter().map(|part| message(part, "")).collect();
            let supports: Vec<String> = places
                .iter()
                .map(|(begin, end)| format!("{{\"segment\":{{\"startIndex\":{begin},\"endIndex\":{end}}}}}"))
                .collect();
            let more = format!(
                ",\"finishReason\":\"STOP\",\"groundingMetadata\":{{\"groundingSupports\":[{}]}}",
                supports.join(",")
            );
            events.push(message(last, &more));
            events
        };
        assert_moved(Dialect::Plain, true, body, ["startIndex", "endIndex"]);
    }
}

#[test]
fn of_cohere() {
    for len in [1, 3, 200] {
        let body = |text: &str, places: &[(usize, usize)]| {
            let mut events: Vec<String> = fragments(text, len)
                .iter()
                .map(|part| format!("{{\"type\":\"content-delta\",\"index\":1,\"delta\":{{\"message\":{{\"content\":{{\"text\":{}}}}}}}}}", quote(part)))
                .collect();
            events.push("{\"type\":\"content-end\",\"index\":1}".to_owned());
            for (at, (begin, end)) in places.iter().enumerate() {
                events.push(format!("{{\"type\":\"citation-start\",\"index\":{at},\"delta\":{{\"message\":{{\"citations\":{{\"start\":{begin},\"end\":{end},\"content_index\":1}}}}}}}}"));
            }
            events
        };
        assert_moved(Dialect::Plain, false, body, ["start", "end"]);
    }
}
