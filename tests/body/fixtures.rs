//! Bodies with planted values, and an inspector under the default packs.

use std::io::Write;
use std::sync::{Arc, OnceLock};

use blackbar::body::{
    Beside, BodyErrorKind, BodyInspector, BodyLimits, BodySpec, ContentCoding, Dialect, Direction, Edits, MediaType,
    Scopes,
};
use blackbar::policy;

/// None of these may be in what leaves.
pub(crate) const PLANTED: [&str; 6] =
    ["4111 1111", "4111111111111111", "078-05-1120", "212) 555", "example.com", "E\u{58}AMPLE2EXAMPLE2"];

pub(crate) const TEXT: &str = "Card 4111 1111 1111 1111, number 078-05-1120, phone (212) 555-0123; mail jane@example.com, key AKIAE\u{58}AMPLE2EXAMPLE2.";

pub(crate) fn scopes() -> Arc<Scopes> {
    static SCOPES: OnceLock<Arc<Scopes>> = OnceLock::new();
    let load = || {
        let rules = policy::load_rules(None).expect("the default packs load");
        Arc::clone(rules.scopes(Direction::Response))
    };
    Arc::clone(SCOPES.get_or_init(load))
}

/// An answer of this type, under the default packs and defaults.
pub(crate) fn spec(kind: &str) -> BodySpec {
    BodySpec {
        media_type: MediaType::of(kind.as_bytes()),
        codings: Vec::new(),
        dialect: Dialect::Plain,
        beside: Beside::Nothing,
        direction: Direction::Response,
        scopes: scopes(),
        limits: BodyLimits::default(),
        on_fault_pass: false,
        opaque: Arc::default(),
        edits: Edits::default(),
        batch: None,
        keep_dropped: false,
    }
}

pub(crate) fn inspector(kind: &str, codings: &[ContentCoding]) -> BodyInspector {
    BodyInspector::new(BodySpec { codings: codings.to_vec(), ..spec(kind) }).expect("the body can be inspected")
}

/// What of a body leaves when it comes in two pieces, and how it ends.
pub(crate) fn outcome(mut inspector: BodyInspector, body: &[u8]) -> (Vec<u8>, Result<(), BodyErrorKind>) {
    let mut out = Vec::new();
    let (first, second) = body.split_at(body.len() / 2);
    let pushed = [first, second].into_iter().try_for_each(|piece| inspector.push(piece, &mut out));
    let end = pushed.and_then(|()| inspector.finish(&mut out));
    (out, end.map_err(|error| error.kind))
}

pub(crate) fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::MultiGzDecoder::new(bytes), &mut text).unwrap();
    text
}

/// The text as an OpenAI chat stream, in deltas of so many characters, for two choices and a tool call.
pub(crate) fn openai(text: &str, size: usize) -> String {
    let mut stream = String::new();
    let characters: Vec<char> = text.chars().collect();
    for part in characters.chunks(size) {
        let part = serde_json::to_string(&part.iter().collect::<String>()).unwrap();
        for delta in [
            format!(r#"{{"index":0,"delta":{{"content":{part}}},"logprobs":null,"finish_reason":null}}"#),
            format!(r#"{{"index":1,"delta":{{"reasoning_content":{part}}},"finish_reason":null}}"#),
        ] {
            stream.push_str(&format!(
                "data: {{\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"choices\":[{delta}]}}\n\n"
            ));
        }
    }
    for index in 0..2 {
        stream.push_str(&format!(
            "data: {{\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"choices\":[{{\"index\":{index},\"delta\":{{}},\"finish_reason\":\"stop\"}}]}}\n\n"
        ));
    }
    stream.push_str("data: [DONE]\n\n");
    stream
}

/// The text as an Anthropic stream: a text block, and the same text in a tool's input.
pub(crate) fn anthropic(text: &str, size: usize) -> String {
    let mut stream = String::new();
    let mut event = |kind: &str, rest: String| {
        stream.push_str(&format!("event: {kind}\ndata: {{\"type\":\"{kind}\"{rest}}}\n\n"));
    };
    let input = serde_json::to_string(&serde_json::json!({ "note": text, "card": 4_111_111_111_111_111_u64 })).unwrap();
    for (index, block, text, kind, field) in [
        (0, r#"{"type":"text","text":""}"#, text, "text_delta", "text"),
        (
            1,
            r#"{"type":"tool_use","id":"t","name":"f","input":{}}"#,
            input.as_str(),
            "input_json_delta",
            "partial_json",
        ),
    ] {
        event("content_block_start", format!(",\"index\":{index},\"content_block\":{block}"));
        let characters: Vec<char> = text.chars().collect();
        for part in characters.chunks(size) {
            let part = serde_json::to_string(&part.iter().collect::<String>()).unwrap();
            event(
                "content_block_delta",
                format!(",\"index\":{index},\"delta\":{{\"type\":\"{kind}\",\"{field}\":{part}}}"),
            );
        }
        event("content_block_stop", format!(",\"index\":{index}"));
    }
    event("message_stop", String::new());
    stream
}

/// Every string that an event stream's JSON holds, added up by the place where it stands.
pub(crate) fn texts(stream: &[u8]) -> String {
    let mut by_place = std::collections::BTreeMap::<String, String>::new();
    for line in String::from_utf8_lossy(stream).lines().filter_map(|line| line.strip_prefix("data: ")) {
        if let Ok(value) = serde_json::from_str::<serde_json::Value>(line) {
            let mut open = vec![(String::new(), &value)];
            while let Some((place, value)) = open.pop() {
                match value {
                    serde_json::Value::String(text) => by_place.entry(place).or_default().push_str(text),
                    serde_json::Value::Object(members) => {
                        let index = members.get("index").map(ToString::to_string).unwrap_or_default();
                        open.extend(members.iter().map(|(key, value)| (format!("{place}/{index}{key}"), value)));
                    }
                    serde_json::Value::Array(elements) => {
                        open.extend(elements.iter().map(|value| (place.clone(), value)))
                    }
                    _ => {}
                }
            }
        }
    }
    by_place.into_values().collect::<Vec<_>>().join("\n")
}

/// The places where a body of so many bytes is cut in two: one of so many, and every one with `BLACKBAR_LONG`.
pub(crate) fn cuts(length: usize, step: usize) -> impl Iterator<Item = usize> {
    (0..=length).step_by(if std::env::var_os("BLACKBAR_LONG").is_some() { 1 } else { step })
}

pub(crate) fn clean(what: &str, text: &str) {
    for value in PLANTED {
        assert!(!text.contains(value), "{what}: {value} is in clear");
    }
}
