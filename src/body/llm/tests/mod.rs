//! Model answers: whatever the fragments and the chunking, what a reader adds up is the redaction of the whole text.

mod anthropic;
mod citations;
mod cohere;
mod cohere_v1;
mod gemini;
mod grown;
mod live;
mod mold;
mod ollama;
mod opaque;
mod openai;
mod others;
mod past;
mod properties;
mod responses;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::body::json::{LogicalText, TextOut};
use crate::body::series::Series;
use crate::body::sse::EventStream;
use crate::body::{BodyErrorKind, BodyLimits, Dialect, Direction, Inspection, Scopes, Transform};
use crate::engine::{Action, ActionTable, Detector, EntityType, Pattern, RuleId, RuleSet, RuleSpec};

/// Digits and addresses that must not be in what comes out.
const PLANTED: [&str; 6] =
    ["4111 1111 1111 1111", "4111111111111111", "378282246310005", "078-05-1120", "555-0123", "jane@example.com"];

const PROSE: &str = "Pay with 4111 1111 1111 1111 now, or call (212) 555-0123; jane@example.com knows 078-05-1120 \u{2014} d\u{e9}j\u{e0} vu \u{1F600}";

fn rules(actions: &[(&str, Detector, Action)]) -> Arc<Scopes> {
    let specs = actions.iter().map(|(entity, detector, _)| RuleSpec {
        id: RuleId::new(&format!("test.{}", entity.to_ascii_lowercase())),
        entity: EntityType::new(entity),
        pattern: Pattern::Detector(*detector),
        validator: None,
        keywords: None,
        suppressions: Vec::new(),
        priority: 0,
        confidence: 80,
    });
    let rules = RuleSet::build(specs.collect()).expect("the detectors compile");
    let table = ActionTable::new(actions.iter().map(|(_, _, action)| action.clone()).collect(), None);
    Arc::new(Scopes { rules: Arc::new(rules), actions: Arc::new(table), paths: Vec::new(), tools: None, restore: None })
}

fn scopes() -> Arc<Scopes> {
    let entities = [
        ("CREDIT_CARD", Detector::Card),
        ("US_SSN", Detector::UsSsn),
        ("PHONE", Detector::Phone),
        ("EMAIL", Detector::Email),
    ];
    rules(&entities.map(|(entity, detector)| (entity, detector, Action::default_for(&EntityType::new(entity)))))
}

fn blocking() -> Arc<Scopes> {
    rules(&[("CREDIT_CARD", Detector::Card, Action::Block)])
}

fn stream(scopes: &Arc<Scopes>, dialect: Dialect) -> EventStream {
    EventStream::new(Arc::clone(scopes), &BodyLimits::default(), dialect, Direction::Response)
}

/// Pushes the parts one by one: what left with each, then at the end.
fn run_parts<'a>(
    dialect: Dialect,
    parts: impl IntoIterator<Item = &'a [u8]>,
) -> Result<(Vec<Vec<u8>>, Inspection), BodyErrorKind> {
    transform_parts(&mut stream(&scopes(), dialect), parts)
}

/// As [`run_parts`], for a body of records.
fn run_series<'a>(
    dialect: Dialect,
    parts: impl IntoIterator<Item = &'a [u8]>,
) -> Result<(Vec<Vec<u8>>, Inspection), BodyErrorKind> {
    transform_parts(&mut Series::new(scopes(), &BodyLimits::default(), dialect), parts)
}

fn transform_parts<'a>(
    stream: &mut impl Transform,
    parts: impl IntoIterator<Item = &'a [u8]>,
) -> Result<(Vec<Vec<u8>>, Inspection), BodyErrorKind> {
    let mut seen = Inspection::default();
    let mut outs = Vec::new();
    for part in parts {
        let mut out = Vec::new();
        stream.push(part, &mut out, &mut seen).map_err(|error| error.kind)?;
        outs.push(out);
    }
    let mut out = Vec::new();
    stream.finish(&mut out, &mut seen).map_err(|error| error.kind)?;
    outs.push(out);
    Ok((outs, seen))
}

fn run(dialect: Dialect, body: &[u8]) -> String {
    let (outs, _) = run_parts(dialect, [body]).expect("passes");
    String::from_utf8(outs.concat()).expect("UTF-8")
}

/// What leaves of a stream that ends here, and how it ends.
fn early_end(dialect: Dialect, body: &str) -> (String, Result<(), BodyErrorKind>) {
    let mut stream = stream(&scopes(), dialect);
    let (mut out, mut seen) = (Vec::new(), Inspection::default());
    stream.push(body.as_bytes(), &mut out, &mut seen).expect("passes");
    let end = stream.finish(&mut out, &mut seen).map_err(|error| error.kind);
    (String::from_utf8(out).expect("UTF-8"), end)
}

/// Every way to cut the body in two, and byte by byte, gives the same; what left by then is the beginning of it.
fn assert_any_chunking<F>(body: &str, whole: &str, mut run: F)
where
    F: FnMut(&[&[u8]]) -> Vec<Vec<u8>>,
{
    let bytes = body.as_bytes();
    assert_eq!(run(&bytes.chunks(1).collect::<Vec<_>>()).concat(), whole.as_bytes());
    for at in (0..bytes.len()).step_by(1 + bytes.len() / 300) {
        let (a, b) = bytes.split_at(at);
        assert_eq!(run(&[a, b]).concat(), whole.as_bytes(), "split at {at}");
    }
}

/// What the values and prose of a stream may show at most: whatever left before each byte is the beginning of what
/// leaves in the end, so that a cut shows nothing that was held.
fn assert_cuts_show_nothing(body: &str, whole: &str, stream: impl Fn() -> Box<dyn Transform>) {
    let mut stream = stream();
    let (mut out, mut seen) = (Vec::new(), Inspection::default());
    for byte in body.as_bytes() {
        stream.push(std::slice::from_ref(byte), &mut out, &mut seen).expect("passes");
        assert!(whole.as_bytes().starts_with(&out), "what left is not the beginning of what leaves");
    }
}

/// The text redacted at once, as the protocol's part is read.
fn redacted(text: &str, arguments: bool) -> String {
    let scopes = scopes();
    let limits = BodyLimits::default();
    let mut logical = if arguments {
        LogicalText::arguments(&scopes.rules, &scopes.actions, &limits)
    } else {
        LogicalText::sniffing(&scopes.rules, &scopes.actions, &limits)
    };
    let (mut out, mut seen) = (TextOut::default(), Inspection::default());
    logical.push(text.as_bytes(), &mut out, &mut seen).expect("nothing blocks");
    logical.finish(&mut out, &mut seen).expect("nothing blocks");
    String::from_utf8(out.bytes).expect("UTF-8")
}

/// Name and data of each event, by the simplest reader: one `data` line each, LF.
fn events(body: &str) -> Vec<(String, String)> {
    let mut events = Vec::new();
    for block in body.split("\n\n").filter(|block| !block.is_empty()) {
        let field = |name: &str| {
            block.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).collect::<Vec<_>>().join("\n")
        };
        if !field("data").is_empty() {
            events.push((field("event"), field("data")));
        }
    }
    events
}

fn json(data: &str) -> serde_json::Value {
    serde_json::from_str(data).unwrap_or_else(|error| panic!("{error} in {data}"))
}

/// What a reader adds up, by choice or block and the member's path.
type Sums = BTreeMap<String, String>;

/// Adds up every string below `value` under its path; elements of arrays go by their own `index` where they have one.
fn add_strings(path: &str, value: &serde_json::Value, sums: &mut Sums) {
    match value {
        serde_json::Value::String(text) => sums.entry(path.to_owned()).or_default().push_str(text),
        serde_json::Value::Array(elements) => {
            for (place, element) in elements.iter().enumerate() {
                let place = element.get("index").and_then(serde_json::Value::as_u64).unwrap_or(place as u64);
                add_strings(&format!("{path}[{place}]"), element, sums);
            }
        }
        serde_json::Value::Object(members) => {
            for (key, member) in members {
                add_strings(&format!("{path}.{key}"), member, sums);
            }
        }
        _ => {}
    }
}

/// The sums of an OpenAI stream. Panics where a choice speaks after its end, or the stream goes on after `[DONE]`.
fn openai_sums(body: &str) -> Sums {
    let mut sums = Sums::new();
    let mut finished = Vec::new();
    let mut done = false;
    for (_, data) in events(body) {
        assert!(!done, "an event after the last one");
        if data == "[DONE]" {
            done = true;
            continue;
        }
        let chunk = json(&data);
        for choice in chunk["choices"].as_array().expect("choices") {
            let index = choice["index"].as_u64().expect("an index");
            assert!(!finished.contains(&index), "choice {index} goes on after its end: {data}");
            for part in ["delta", "text"] {
                add_strings(&format!("{index}.{part}"), &choice[part], &mut sums);
            }
            if choice["finish_reason"].is_string() {
                finished.push(index);
            }
        }
    }
    sums
}

/// The sums of an Anthropic stream. Panics where names disagree or a block speaks after its end.
fn anthropic_sums(body: &str) -> Sums {
    let mut sums = Sums::new();
    let mut open = Vec::new();
    for (name, data) in events(body) {
        let event = json(&data);
        assert_eq!(event["type"], name, "the event's name and its type");
        let index = event["index"].as_u64();
        match name.as_str() {
            "content_block_start" => open.push(index),
            "content_block_stop" => open.retain(|block| *block != index),
            "content_block_delta" => {
                assert!(open.contains(&index), "a delta outside of its block: {data}");
                add_strings(&format!("{}", index.expect("an index")), &event["delta"], &mut sums);
            }
            _ => {}
        }
    }
    sums
}

fn assert_clean(body: &str) {
    for planted in PLANTED {
        assert!(!body.contains(planted), "a planted value came through: {body}");
    }
}

/// A JSON string literal.
fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Fragments of `len` characters.
fn fragments(text: &str, len: usize) -> Vec<String> {
    text.chars().collect::<Vec<_>>().chunks(len).map(|part| part.iter().collect()).collect()
}
