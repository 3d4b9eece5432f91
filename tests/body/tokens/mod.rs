//! Tokens in answers of every dialect, whole and in fragments of any size: what the reader adds up is what the client
//! sent, and what may not be opened is not.

mod joined;

use std::sync::Arc;

use blackbar::body::{
    BodyError, BodyErrorKind, BodyInspector, BodySpec, Dialect, Direction, JsonPath, Restore, Scopes,
};
use blackbar::engine::{Action, ActionTable, HashKey, TokenMap, TokenSpec, ToolRule, ToolRules, ToolVerdict};
use blackbar::policy;
use serde_json::{Value, json};

use super::fixtures::{anthropic, openai, spec};
use super::latency::assert_fifty;

const TEXT: &str =
    "Write to jane@example.com, \"bob@example.org\" or call (212) 555-0123.\nThen jane@example.com again: \u{2713}";

/// The rules of the default packs; a request that tokenizes, an answer that opens and has no rules on.
struct Exchange {
    map: Arc<TokenMap>,
    request: Arc<Scopes>,
    response: Arc<Scopes>,
}

impl Exchange {
    fn new() -> Self {
        Self::with(Restore { tools: vec!["f".into()], ..Restore::default() })
    }

    fn with(restore: Restore) -> Self {
        let rules = policy::load_rules(None).unwrap().rules;
        let tokens = TokenSpec { key: HashKey::new([3; 32]), workspace: "acme".into(), entities: None, seal: None };
        let map = Arc::new(TokenMap::new(Arc::new(tokens), None, true));
        let table = |action: Action| Arc::new(ActionTable::new(vec![action; rules.rules().len()], None));
        let scopes = |action| Scopes {
            rules: Arc::clone(&rules),
            actions: table(action),
            paths: Vec::new(),
            tools: None,
            restore: None,
        };
        Self {
            request: Arc::new(scopes(Action::Tokenize).in_exchange(&map, true, None)),
            response: Arc::new(scopes(Action::Redact).in_exchange(&map, false, Some(Arc::new(restore)))),
            map,
        }
    }

    /// What the upstream has of a text.
    fn sent(&self, text: &str) -> String {
        let body = json!({ "messages": [{ "role": "user", "content": text }] }).to_string();
        let spec =
            BodySpec { direction: Direction::Request, scopes: Arc::clone(&self.request), ..spec("application/json") };
        let mut out = Vec::new();
        let mut inspector = BodyInspector::new(spec).unwrap();
        inspector.push(body.as_bytes(), &mut out).unwrap();
        inspector.finish(&mut out).unwrap();
        let sent: Value = serde_json::from_slice(&out).unwrap();
        sent["messages"][0]["content"].as_str().unwrap().to_owned()
    }

    /// What the client has of an answer that comes in pieces of this size.
    fn read(&self, dialect: Dialect, kind: &str, body: &str, size: usize) -> String {
        self.answer(&self.response, dialect, kind, body, size).unwrap()
    }

    /// As [`Exchange::read`], under other scopes.
    fn answer(
        &self,
        scopes: &Arc<Scopes>,
        dialect: Dialect,
        kind: &str,
        body: &str,
        size: usize,
    ) -> Result<String, BodyError> {
        let spec = BodySpec { dialect, scopes: Arc::clone(scopes), ..spec(kind) };
        let mut inspector = BodyInspector::new(spec).unwrap();
        let mut out = Vec::new();
        for piece in body.as_bytes().chunks(size) {
            inspector.push(piece, &mut out)?;
        }
        inspector.finish(&mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    /// What holds for the answer where tools are guarded.
    fn guarded(&self, rules: Vec<ToolRule>, otherwise: ToolVerdict) -> Arc<Scopes> {
        Arc::new(Scopes {
            rules: Arc::clone(&self.response.rules),
            actions: Arc::clone(&self.response.actions),
            paths: Vec::new(),
            tools: Some(Arc::new(ToolRules::new(rules, otherwise))),
            restore: self.response.restore.clone(),
        })
    }
}

fn parts(text: &str, size: usize) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    letters.chunks(size).map(|part| part.iter().collect()).collect()
}

fn events(events: impl IntoIterator<Item = Value>) -> String {
    events
        .into_iter()
        .map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or("message")))
        .collect()
}

fn responses(text: &str, size: usize) -> String {
    let arguments = json!({ "to": text }).to_string();
    let call = |arguments: &str| json!({"type": "function_call", "id": "i", "call_id": "c", "name": "f", "arguments": arguments});
    let content = json!({"type": "output_text", "text": text});
    let item = json!({"type": "message", "id": "m", "content": [content]});
    let mut all = Vec::new();
    for part in parts(text, size) {
        all.push(json!({"type": "response.output_text.delta", "item_id": "m", "output_index": 0, "content_index": 0, "delta": part}));
    }
    all.push(json!({"type": "response.output_text.done", "item_id": "m", "output_index": 0, "content_index": 0, "text": text}));
    all.push(json!({"type": "response.output_item.done", "output_index": 0, "item": item}));
    all.push(json!({"type": "response.output_item.added", "output_index": 1, "item": call("")}));
    for part in parts(&arguments, size) {
        all.push(
            json!({"type": "response.function_call_arguments.delta", "item_id": "i", "output_index": 1, "delta": part}),
        );
    }
    all.push(json!({"type": "response.function_call_arguments.done", "item_id": "i", "output_index": 1, "arguments": arguments}));
    all.push(json!({"type": "response.output_item.done", "output_index": 1, "item": call(&arguments)}));
    all.push(json!({"type": "response.completed", "response": {"id": "r", "output": [item, call(&arguments)]}}));
    events(all)
}

/// Streams of each dialect, and what of them a reader adds up: a place for each event, and the text there.
fn streams(text: &str, size: usize) -> Vec<(Dialect, &'static str, String, &'static [&'static str])> {
    let gemini =
        |part: String| json!({"candidates": [{"content": {"parts": [{"text": part}], "role": "model"}, "index": 0}]});
    let cohere =
        |part: String| json!({"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": part}}}});
    let ollama = |part: String| json!({"model": "m", "message": {"role": "assistant", "content": part}, "done": false});
    let mut lines: String = parts(text, size).into_iter().map(|part| format!("{}\n", ollama(part))).collect();
    lines.push_str("{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":true}\n");
    let kind = "text/event-stream";
    vec![
        (Dialect::OpenAi, kind, openai(text, size), &["/choices/0/delta/content"]),
        (Dialect::Anthropic, kind, anthropic(text, size), &["/delta/text"]),
        (Dialect::OpenAi, kind, responses(text, size), &["/delta"]),
        (
            Dialect::Gemini,
            kind,
            events(
                parts(text, size)
                    .into_iter()
                    .map(gemini)
                    .chain([json!({"candidates": [{"finishReason": "STOP", "index": 0}]})]),
            ),
            &["/candidates/0/content/parts/0/text"],
        ),
        (
            Dialect::Cohere,
            kind,
            events(parts(text, size).into_iter().map(cohere).chain([json!({"type": "content-end", "index": 0})])),
            &["/delta/message/content/text"],
        ),
        (Dialect::Ollama, "application/x-ndjson", lines, &["/message/content"]),
    ]
}

/// The strings at a place of all events, joined; those of events of this type alone, where one is given.
fn added(stream: &str, place: &str, kind: Option<&str>) -> String {
    let data = stream
        .lines()
        .filter_map(|line| line.strip_prefix("data: ").or(Some(line).filter(|line| line.starts_with('{'))));
    let events = data.filter_map(|data| serde_json::from_str::<Value>(data).ok());
    let events = events.filter(|event| kind.is_none_or(|kind| event["type"] == kind));
    events.filter_map(|event| Some(event.pointer(place)?.as_str()?.to_owned())).collect()
}

#[test]
fn streams_of_every_dialect_read_as_the_client_wrote() {
    let exchange = Exchange::new();
    let sent = exchange.sent(TEXT);
    assert!(!sent.contains("example") && !sent.contains("555"), "{sent}");
    for size in [1, 2, 3, 5, 17, 1000] {
        for (dialect, kind, body, places) in streams(&sent, size) {
            for cut in [1, 7, 1 << 20] {
                let read = exchange.read(dialect, kind, &body, cut);
                for place in places {
                    let only = (*place == "/delta").then_some("response.output_text.delta");
                    assert_eq!(added(&read, place, only), TEXT, "{dialect:?} {size} {cut}");
                }
            }
        }
    }
    assert!(exchange.map.tally().restored > 0);
}

/// What takes a string of JSON for an address takes all of it.
#[test]
fn values_that_begin_as_an_address_stay_closed_to_their_end() {
    for blank in [" ", "\t", "\n"] {
        let exchange = Exchange::with(Restore { tools: vec!["f".into()], ..Restore::default() });
        let token = exchange.sent("jane@example.com");
        let text = format!("https://evil.example/c?d={blank}{token}");
        for size in [1, 4, 1000] {
            let read = exchange.read(Dialect::Anthropic, "text/event-stream", &anthropic(&text, size), 50);
            let input: Value = serde_json::from_str(&added(&read, "/delta/partial_json", None)).unwrap();
            assert_eq!(input["note"], json!(text), "{blank:?} {size}");
            let read = exchange.read(Dialect::OpenAi, "text/event-stream", &responses(&text, size), 50);
            assert!(added(&read, "/delta", Some("response.output_text.delta")).ends_with("jane@example.com"), "prose");
            for (place, kind) in [
                ("/delta", Some("response.function_call_arguments.delta")),
                ("/arguments", None),
                ("/item/arguments", None),
            ] {
                let arguments = added(&read, place, kind);
                assert_eq!(serde_json::from_str::<Value>(&arguments).unwrap()["to"], json!(text), "{place} {size}");
            }
        }
        // An answer that is JSON, whole and in pieces, and members of JSON.
        let answer = json!({ "image_url": text, "to": token }).to_string();
        let opened = json!({ "image_url": text, "to": "jane@example.com" });
        for size in [1, 4, 1000] {
            let read = exchange.read(Dialect::OpenAi, "text/event-stream", &openai(&answer, size), 50);
            let read = added(&read, "/choices/0/delta/content", None);
            assert_eq!(serde_json::from_str::<Value>(&read).unwrap(), opened, "{blank:?} {size}");
        }
        let whole = json!({"choices": [{"message": {"content": answer}}]}).to_string();
        let read = exchange.read(Dialect::OpenAi, "application/json", &whole, 3);
        let content = serde_json::from_str::<Value>(&read).unwrap()["choices"][0]["message"]["content"].clone();
        assert_eq!(serde_json::from_str::<Value>(content.as_str().unwrap()).unwrap(), opened, "{blank:?}");
        // The name comes first.
        let input = json!({ "url": text, "to": token });
        let call = format!("{{\"content\":[{{\"type\":\"tool_use\",\"name\":\"f\",\"input\":{input}}}]}}");
        let read = exchange.read(Dialect::Anthropic, "application/json", &call, 3);
        let input = serde_json::from_str::<Value>(&read).unwrap()["content"][0]["input"].clone();
        assert_eq!(input, json!({ "url": text, "to": "jane@example.com" }), "{blank:?}");
        // Fields that are spelled out; those that are texts for a reader stay such.
        let fields = ["$..answer", "$.choices[*].message.content"];
        let fields = fields.map(|path| JsonPath::parse(path).unwrap()).to_vec();
        let exchange = Exchange::with(Restore { fields, ..Restore::default() });
        assert_eq!(exchange.sent("jane@example.com"), token);
        let answer = json!({"answer": text, "b": {"answer": token}, "choices": [{"message": {"content": text}}]});
        let read = exchange.read(Dialect::OpenAi, "application/json", &answer.to_string(), 3);
        let read: Value = serde_json::from_str(&read).unwrap();
        assert_eq!((&read["answer"], &read["b"]["answer"]), (&json!(text), &json!("jane@example.com")), "{blank:?}");
        assert!(read["choices"][0]["message"]["content"].as_str().unwrap().ends_with("jane@example.com"));
    }
}

#[test]
fn arguments_are_opened_for_tools_that_are_named() {
    for (tool, opened) in [("f", true), ("g", false)] {
        let exchange = Exchange::with(Restore { tools: vec![tool.into()], ..Restore::default() });
        let sent = exchange.sent(TEXT);
        let expected = if opened { TEXT } else { sent.as_str() };
        for size in [1, 4, 1000] {
            let read = exchange.read(Dialect::Anthropic, "text/event-stream", &anthropic(&sent, size), 50);
            let input: Value = serde_json::from_str(&added(&read, "/delta/partial_json", None)).unwrap();
            assert_eq!(input["note"], json!(expected), "{tool} {size}");
            let read = exchange.read(Dialect::OpenAi, "text/event-stream", &responses(&sent, size), 50);
            let arguments = added(&read, "/delta", Some("response.function_call_arguments.delta"));
            let copies = [
                arguments,
                added(&read, "/arguments", Some("response.function_call_arguments.done")),
                added(&read, "/item/arguments", Some("response.output_item.done")),
                added(&read, "/response/output/1/arguments", None),
            ];
            for copy in copies {
                assert_eq!(serde_json::from_str::<Value>(&copy).unwrap()["to"], json!(expected), "{tool} {size}");
            }
            // The texts beside it are opened either way, wherever they are repeated.
            for place in ["/text", "/item/content/0/text", "/response/output/0/content/0/text"] {
                assert_eq!(added(&read, place, None), TEXT, "{place}");
            }
        }
        for (dialect, call, place) in [
            (
                Dialect::Anthropic,
                format!(
                    "{{\"content\":[{{\"type\":\"tool_use\",\"name\":\"f\",\"input\":{{\"to\":[{}]}}}}]}}",
                    json!(sent)
                ),
                "/content/0/input/to/0",
            ),
            (
                Dialect::Gemini,
                format!(
                    "{{\"candidates\":[{{\"content\":{{\"parts\":[{{\"functionCall\":{{\"name\":\"f\",\"args\":{{\"to\":{}}}}}}}]}}}}]}}",
                    json!(sent)
                ),
                "/candidates/0/content/parts/0/functionCall/args/to",
            ),
            (
                Dialect::Ollama,
                format!(
                    "{{\"message\":{{\"tool_calls\":[{{\"function\":{{\"name\":\"f\",\"arguments\":{{\"to\":{}}}}}}}]}},\"done\":true}}",
                    json!(sent)
                ),
                "/message/tool_calls/0/function/arguments/to",
            ),
            (
                Dialect::Bedrock,
                format!(
                    "{{\"output\":{{\"message\":{{\"content\":[{{\"toolUse\":{{\"name\":\"f\",\"input\":{{\"to\":{}}}}}}}]}}}}}}",
                    json!(sent)
                ),
                "/output/message/content/0/toolUse/input/to",
            ),
        ] {
            let read: Value = serde_json::from_str(&exchange.read(dialect, "application/json", &call, 5)).unwrap();
            assert_eq!(read.pointer(place), Some(&json!(expected)), "{dialect:?} {tool}");
            // Two names, of which readers take one or the other.
            for second in ["name", "Name", "NAME", "name\\u0000"] {
                let twice = call.replace("\"name\":\"f\"", &format!("\"name\":\"f\",\"{second}\":\"h\""));
                let read: Value = serde_json::from_str(&exchange.read(dialect, "application/json", &twice, 5)).unwrap();
                assert_eq!(read.pointer(place), Some(&json!(sent)), "{dialect:?} {tool} {second}");
                let read = exchange.read(dialect, "text/event-stream", &format!("data: {twice}\n\n"), 5);
                assert!(!read.contains("jane@example.com"), "{dialect:?} {tool} {second}");
            }
        }
    }
}

#[test]
fn arguments_are_judged_as_the_tool_gets_them() {
    use ToolVerdict::{Allow, Block};
    let arguments = |exchange: &Exchange, to: &str| json!({"to": exchange.sent(to)}).to_string();
    let call = |name: &str, arguments: &str| {
        let of = |function: Value| json!({"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "function": function}]}}]});
        let stream = events([of(json!({"name": name, "arguments": ""})), of(json!({"arguments": arguments}))]);
        // A tool's arguments are opened where its name stands before them.
        let function = format!("{{\"name\":\"{name}\",\"arguments\":{}}}", json!(arguments));
        let whole = format!("{{\"choices\":[{{\"message\":{{\"tool_calls\":[{{\"function\":{function}}}]}}}}]}}");
        [("text/event-stream", stream), ("application/json", whole)]
    };
    for (restore, name, given) in [
        (Restore { tools: vec!["mail".into()], ..Restore::default() }, "mail", true),
        (Restore { tools: vec!["other".into()], ..Restore::default() }, "mail", false),
    ] {
        let exchange = Exchange::with(restore);
        for (pattern, verdict, otherwise, to, refused) in [
            (r"competitor\.example\.com", Block, Allow, "jane@competitor.example.com", given),
            (r"competitor\.example\.com", Block, Allow, "jane@example.com", false),
            (r#"^\{"to":"[a-z]+@example\.com"\}$"#, Allow, Block, "jane@example.com", !given),
        ] {
            let rule = ToolRule::new(name, Some(pattern), verdict).unwrap();
            let scopes = exchange.guarded(vec![rule], otherwise);
            for (kind, body) in call(name, &arguments(&exchange, to)) {
                for size in [1, 1000] {
                    let restored = exchange.map.tally().restored;
                    let answer = exchange.answer(&scopes, Dialect::OpenAi, kind, &body, size);
                    match answer {
                        Err(error) => assert_eq!((error, refused), (BodyErrorKind::Tool.into(), true), "{body}"),
                        Ok(out) => {
                            assert!(!refused && out.contains(to) == given, "{out}");
                            // What is only looked at is not counted.
                            assert_eq!(exchange.map.tally().restored, restored + u64::from(given), "{body}");
                        }
                    }
                }
            }
        }
    }
}

/// Calls at one place: what belongs to which, by identifiers and names.
#[test]
fn another_call_at_the_same_place_is_not_opened_for_the_one_before() {
    let exchange = Exchange::new();
    let token = exchange.sent("jane@example.com");
    let to = json!({ "to": token }).to_string();
    let call = |kind: &str, id: Option<&str>, name: Option<&str>, arguments: &str| {
        let member = if kind == "custom" { "input" } else { "arguments" };
        let mut call = json!({"index": 0, "type": kind, kind: {member: arguments}});
        if let Some(id) = id {
            call["id"] = json!(id);
        }
        if let Some(name) = name {
            call[kind]["name"] = json!(name);
        }
        json!({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]})
    };
    let f = |id, name, arguments: &str| call("function", id, name, arguments);
    let (half, rest) = to.split_at(9);
    for (calls, opened) in [
        (vec![f(Some("a"), Some("f"), ""), f(None, None, &to)], true),
        (vec![f(Some("a"), Some("f"), ""), f(Some("b"), None, half), f(Some("c"), None, rest)], true),
        (vec![f(Some("a"), Some("f"), half), f(Some("b"), Some("f"), rest)], true),
        (vec![f(Some("a"), Some("evil"), "{}"), f(Some("b"), Some("f"), &to)], true),
        (vec![f(Some("a"), Some("evil"), "null"), f(Some("b"), Some("f"), &to)], true),
        (vec![f(Some("a"), Some("f"), "{\"a\":\"x\""), f(Some("b"), Some("evil"), ""), f(None, None, &to)], false),
        (vec![f(Some("a"), Some("f"), half), f(None, Some("evil"), rest)], false),
        (vec![f(Some("a"), Some("f"), "null"), f(Some("b"), Some("evil"), &to)], false),
        (vec![f(Some("a"), Some("f"), ""), f(Some("b"), Some("evil"), &to)], false),
        (vec![f(Some("a"), Some("f"), "{}"), f(Some("b"), None, &to)], false),
        (vec![call("custom", Some("a"), Some("f"), "x"), call("custom", Some("b"), Some("evil"), &token)], false),
        (vec![f(Some("a"), Some("f"), "{"), call("custom", Some("b"), Some("evil"), &token)], false),
    ] {
        let body = events(calls.iter().cloned()) + "data: [DONE]\n\n";
        let read = exchange.read(Dialect::OpenAi, "text/event-stream", &body, 50);
        assert_eq!(read.contains("jane@example.com"), opened, "{calls:?} {read}");
    }
}

#[test]
fn a_call_without_a_name_is_not_opened_for_the_one_before() {
    let exchange = Exchange::new();
    let sent = exchange.sent("jane@example.com");
    let arguments = json!({"to": sent}).to_string();
    let chunk = |call: Value| json!({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]});
    let first = || chunk(json!({"index": 0, "id": "c0", "function": {"name": "f", "arguments": "{}"}}));
    let evil = || chunk(json!({"index": 0, "function": {"name": "evil"}}));
    let mut streams = Vec::new();
    for function in [json!({"arguments": arguments}), json!({"name": "", "arguments": arguments})] {
        streams.push(events([first(), chunk(json!({"index": 0, "id": "c1", "function": function})), evil()]));
        let chunks =
            [chunk(json!({"index": 0, "id": "c1", "function": {}})), chunk(json!({"index": 0, "function": function}))];
        streams.push(events([first()].into_iter().chain(chunks).chain([evil()])));
    }
    let block = |block: Value| json!({"type": "content_block_start", "index": 0, "content_block": block});
    let delta = json!({"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": arguments}});
    for nameless in
        [json!({"type": "tool_use", "id": "u", "input": {}}), json!({"type": "tool_use", "name": "", "input": {}})]
    {
        let named = block(json!({"type": "tool_use", "id": "t", "name": "f", "input": {}}));
        streams.push(events([named, block(nameless), delta.clone()]));
    }
    for stream in streams {
        for size in [1, 1000] {
            let read = exchange.read(Dialect::Plain, "text/event-stream", &stream, size);
            assert!(!read.contains("jane@example.com") && read.contains(&sent), "{read}");
        }
    }
    // The same identifier again is the same call.
    let same = chunk(json!({"index": 0, "id": "c0", "function": {"arguments": arguments}}));
    let begin = chunk(json!({"index": 0, "id": "c0", "function": {"name": "f", "arguments": ""}}));
    let read = exchange.read(Dialect::OpenAi, "text/event-stream", &events([begin, same]), 1);
    assert!(read.contains("jane@example.com"), "{read}");
    let input = block(json!({"type": "tool_use", "id": "t", "name": "f", "input": {"to": sent}}));
    let read = exchange.read(Dialect::Anthropic, "text/event-stream", &events([input.clone()]), 1);
    assert!(read.contains("jane@example.com"), "a block that starts with its input: {read}");
    let other = events([input]).replace("\"f\"", "\"g\"");
    assert!(!exchange.read(Dialect::Anthropic, "text/event-stream", &other, 1).contains("jane@example.com"));
    // Another name behind what has been opened.
    let whole =
        format!("{{\"content\":[{{\"type\":\"tool_use\",\"name\":\"f\",\"input\":{arguments},\"name\":\"evil\"}}]}}");
    for size in [1, 1000] {
        let answer = exchange.answer(&exchange.response, Dialect::Anthropic, "application/json", &whole, size);
        assert_eq!(answer, Err(BodyErrorKind::JsonSyntax.into()));
    }
}

#[test]
fn whole_answers_are_opened_in_their_texts_alone() {
    let exchange = Exchange::new();
    let sent = exchange.sent(TEXT);
    for (dialect, body, place) in [
        (Dialect::OpenAi, json!({"choices": [{"message": {"content": sent}}]}), "/choices/0/message/content"),
        (
            Dialect::OpenAi,
            json!({"output": [{"content": [{"type": "output_text", "text": sent}]}]}),
            "/output/0/content/0/text",
        ),
        (Dialect::Anthropic, json!({"content": [{"type": "text", "text": sent}]}), "/content/0/text"),
        (
            Dialect::Gemini,
            json!({"candidates": [{"content": {"parts": [{"text": sent}]}}]}),
            "/candidates/0/content/parts/0/text",
        ),
        (Dialect::Cohere, json!({"message": {"content": [{"text": sent}]}}), "/message/content/0/text"),
        (Dialect::Ollama, json!({"message": {"content": sent}, "done": true}), "/message/content"),
        (
            Dialect::Bedrock,
            json!({"output": {"message": {"content": [{"text": sent}]}}}),
            "/output/message/content/0/text",
        ),
    ] {
        let mut body = body;
        body["id"] = json!(sent);
        body["metadata"] = json!({ "text": sent, sent.as_str(): 1 });
        for cut in [1, 9, 1 << 20] {
            let read: Value =
                serde_json::from_str(&exchange.read(dialect, "application/json", &body.to_string(), cut)).unwrap();
            let mut expected = body.clone();
            *expected.pointer_mut(place).unwrap() = json!(TEXT);
            assert_eq!(read, expected, "{dialect:?} {cut}");
        }
    }
    // What begins like JSON and is none.
    for begin in ["[1] ", "[1]\n", "[1] see ", "{\"a\": 1} ", "{\"a\": \"", "[\"x\"] "] {
        let text = format!("{begin}{sent} end");
        let body = json!({"choices": [{"message": {"content": text}}]}).to_string();
        for cut in [1, 9, 1 << 20] {
            let read = exchange.read(Dialect::OpenAi, "application/json", &body, cut);
            let read: Value = serde_json::from_str(&read).unwrap();
            let content = read.pointer("/choices/0/message/content").unwrap();
            assert_eq!(content, &json!(format!("{begin}{TEXT} end")), "{cut}");
        }
        for size in [1, 3, 1000] {
            let read = exchange.read(Dialect::OpenAi, "text/event-stream", &openai(&text, size), 1 << 20);
            assert_eq!(added(&read, "/choices/0/delta/content", None), format!("{begin}{TEXT} end"), "{size}");
        }
    }
    // JSON in a text: the value stands in it with its escapes.
    let inner = json!({ "a\"b": [sent] }).to_string();
    let body = json!({"choices": [{"message": {"content": inner}}]}).to_string();
    let read: Value = serde_json::from_str(&exchange.read(Dialect::OpenAi, "application/json", &body, 3)).unwrap();
    let text = read.pointer("/choices/0/message/content").unwrap().as_str().unwrap();
    assert_eq!(serde_json::from_str::<Value>(text).unwrap(), json!({ "a\"b": [TEXT] }));
}

/// Structured output: a program takes its strings for addresses with the blanks that are in them.
#[test]
fn a_string_of_json_in_a_text_that_is_an_address_is_opened_nowhere() {
    let exchange = Exchange::new();
    let token = exchange.sent("jane@example.com");
    for (string, opened) in [("https://evil.example/a.png?q= @T@", false), ("write to @T@", true)] {
        let inner = json!({ "image": { "url": string }, "to": "@T@" }).to_string().replace("@T@", &token);
        let expected = if opened { string.replace("@T@", "jane@example.com") } else { string.replace("@T@", &token) };
        let check = |text: &str| {
            let read: Value = serde_json::from_str(text).unwrap();
            assert_eq!(read["image"]["url"], json!(expected), "{text}");
            assert_eq!(read["to"], json!("jane@example.com"), "{text}");
        };
        for size in [1, 3, 1000] {
            let read = exchange.read(Dialect::OpenAi, "text/event-stream", &openai(&inner, size), 50);
            check(&added(&read, "/choices/0/delta/content", None));
        }
        let body = json!({"choices": [{"message": {"content": inner}}]}).to_string();
        let read: Value = serde_json::from_str(&exchange.read(Dialect::OpenAi, "application/json", &body, 9)).unwrap();
        check(read.pointer("/choices/0/message/content").unwrap().as_str().unwrap());
    }
}

#[test]
fn a_stream_that_breaks_off_gives_no_more_than_it_had() {
    let exchange = Exchange::new();
    let sent = exchange.sent("mail jane@example.com");
    let body = openai(&sent, 1);
    for end in (0..body.len()).step_by(97) {
        let spec =
            BodySpec { dialect: Dialect::OpenAi, scopes: Arc::clone(&exchange.response), ..spec("text/event-stream") };
        let mut inspector = BodyInspector::new(spec).unwrap();
        let mut out = Vec::new();
        inspector.push(&body.as_bytes()[..end], &mut out).unwrap();
        let read = added(&String::from_utf8(out).unwrap(), "/choices/0/delta/content", None);
        assert!("mail jane@example.com".starts_with(&read), "{read}");
    }
}

#[test]
fn a_token_is_not_found_again() {
    let exchange = Exchange::new();
    let mut found = Vec::new();
    for at in 0..4000 {
        let sent = exchange.sent(&format!("mail user{at}@example.com and (212) 555-{:04}, please", 100 + at % 100));
        let again = exchange.sent(&sent);
        if sent != again {
            found.push((sent, again));
        }
    }
    assert!(found.is_empty(), "{} {:?}", found.len(), found.first());
}

#[test]
fn without_a_token_an_answer_is_as_it_was() {
    let exchange = Exchange::new();
    let other = Exchange::new();
    let token = other.sent("jane@example.com");
    let text = format!("It was {token} the best of EMAIL_ times [ \\ & e em");
    for size in [1, 3] {
        for (dialect, kind, body, _) in streams(&text, size) {
            let plain = Scopes { restore: None, ..(*exchange.response).clone() };
            let opened = exchange.read(dialect, kind, &body, 1 << 20);
            let same = Exchange { response: Arc::new(plain), ..Exchange::new() }.read(dialect, kind, &body, 1 << 20);
            assert_eq!(opened, same);
        }
    }
    assert_eq!(exchange.map.tally().restored, 0);
}

/// The time that one event takes, a token in every twentieth word, p99 under 50 microseconds; printed with `--nocapture`.
#[test]
fn an_event_is_restored_in_less_than_fifty_microseconds() {
    let exchange = Exchange::new();
    let prose = "It was the best of times, it was the worst of times, it was the age of wisdom; write to jane@example.com now. ";
    for at in 0..500 {
        exchange.sent(&format!("user{at}@example.com"));
    }
    let stream = openai(&exchange.sent(prose).repeat(100), 3);
    let events: Vec<&str> = stream.split_inclusive("\n\n").filter(|event| !event.contains("\"index\":1")).collect();
    assert_fifty(", 500 live tokens", &events, || {
        let spec =
            BodySpec { dialect: Dialect::OpenAi, scopes: Arc::clone(&exchange.response), ..spec("text/event-stream") };
        BodyInspector::new(spec).unwrap()
    });
}
