//! Calls of tools, in answers of every protocol and in MCP's requests: what is refused never leaves whole, at any
//! chunking, and what may be called leaves as it came.

mod identifiers;

use std::sync::Arc;

use blackbar::body::{BodyError, BodyErrorKind, BodyInspector, BodyLimits, BodySpec, Dialect, Direction, Scopes};
use blackbar::engine::{ActionTable, RuleSet, ToolRule, ToolRules, ToolVerdict};
use serde_json::json;

const BODY: BodySpecOf = BodySpecOf { limit: 1 << 20 };

struct BodySpecOf {
    limit: usize,
}

/// Rules that hold calls, and how many.
type Told = Vec<(Arc<str>, u64)>;

impl BodySpecOf {
    fn run(&self, tools: &Arc<ToolRules>, case: &Case, chunk: usize) -> (Result<(), BodyError>, String) {
        let (ended, out, _) = self.told(tools, case, chunk);
        (ended, out)
    }

    fn told(&self, tools: &Arc<ToolRules>, case: &Case, chunk: usize) -> (Result<(), BodyError>, String, Told) {
        let rules = Arc::new(RuleSet::build(Vec::new()).unwrap());
        let actions = Arc::new(ActionTable::new(Vec::new(), None));
        let scopes =
            Arc::new(Scopes { rules, actions, paths: Vec::new(), tools: Some(Arc::clone(tools)), restore: None });
        let limits = BodyLimits { tool_calls: self.limit, ..BodyLimits::default() };
        let direction = case.direction;
        let spec = BodySpec { dialect: case.dialect, direction, scopes, limits, ..super::fixtures::spec(case.kind) };
        let mut inspector = BodyInspector::new(spec).unwrap();
        let mut out = Vec::new();
        let pushed = case.body.as_bytes().chunks(chunk).try_for_each(|part| inspector.push(part, &mut out));
        let ended = pushed.and_then(|()| inspector.finish(&mut out));
        let told = inspector.inspection().held_calls.clone();
        (ended, String::from_utf8(out).unwrap(), told)
    }
}

/// An answer in which a tool is called, or a request that calls one.
struct Case {
    what: &'static str,
    kind: &'static str,
    dialect: Dialect,
    direction: Direction,
    body: String,
}

fn rules(given: &[(&str, Option<&str>, ToolVerdict)], otherwise: ToolVerdict) -> Arc<ToolRules> {
    let rule = |(name, arguments, verdict): &(&str, Option<&str>, ToolVerdict)| {
        ToolRule::new(name, *arguments, *verdict).unwrap()
    };
    Arc::new(ToolRules::new(given.iter().map(rule).collect(), otherwise))
}

fn events(events: &[serde_json::Value]) -> String {
    let event = |event: &serde_json::Value| match event["type"].as_str() {
        Some(kind) => format!("event: {kind}\ndata: {event}\n\n"),
        None => format!("data: {event}\n\n"),
    };
    events.iter().map(event).collect()
}

/// The fragments of arguments that models send, the last of which makes them whole.
fn fragments(to: &str) -> [String; 4] {
    ["{\"to\"".to_owned(), format!(": \"{to}"), "\", \"n\": [1, {}]".to_owned(), "}".to_owned()]
}

#[allow(clippy::too_many_lines, reason = "a table of protocols")]
fn cases(name: &str, to: &str) -> Vec<Case> {
    let arguments = json!({"to": to, "n": [1, {}]});
    let text = fragments(to).concat();
    let parts = fragments(to);
    let mut cases = Vec::new();
    let mut stream = |what, dialect, body: Vec<serde_json::Value>| {
        let (kind, direction) = ("text/event-stream", Direction::Response);
        cases.push(Case { what, kind, dialect, direction, body: events(&body) });
    };
    let chunk = |delta: serde_json::Value| json!({"id": "1", "choices": [{"index": 0, "delta": delta}]});
    let call = |rest: serde_json::Value| chunk(json!({"tool_calls": [rest]}));
    let mut chat =
        vec![call(json!({"index": 0, "id": "c1", "type": "function", "function": {"name": name, "arguments": ""}}))];
    chat.extend(parts.iter().map(|part| call(json!({"index": 0, "function": {"arguments": part}}))));
    chat.push(json!({"id": "1", "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}));
    stream("openai chat", Dialect::OpenAi, chat.clone());
    stream("a route without a dialect", Dialect::Plain, chat);
    let (head, tail) = name.split_at(name.len() / 2);
    let start = |name| call(json!({"index": 0, "id": "c1", "function": {"name": name}}));
    let mut split = vec![start(head), call(json!({"index": 0, "function": {"name": tail}}))];
    split.extend(parts.iter().map(|part| call(json!({"index": 0, "function": {"arguments": part}}))));
    stream("openai chat, a name in two", Dialect::OpenAi, split);
    let mut old = vec![chunk(json!({"function_call": {"name": name, "arguments": ""}}))];
    old.extend(parts.iter().map(|part| chunk(json!({"function_call": {"arguments": part}}))));
    stream("openai function_call", Dialect::OpenAi, old);
    let item = |arguments: &str| json!({"type": "function_call", "id": "fc", "call_id": "c", "name": name, "arguments": arguments});
    let mut responses = vec![json!({"type": "response.output_item.added", "output_index": 1, "item": item("")})];
    responses.extend(parts.iter().map(|part| {
        json!({"type": "response.function_call_arguments.delta", "item_id": "fc", "output_index": 1, "delta": part})
    }));
    responses.push(
        json!({"type": "response.function_call_arguments.done", "item_id": "fc", "output_index": 1, "arguments": text}),
    );
    responses.push(json!({"type": "response.output_item.done", "output_index": 1, "item": item(&text)}));
    responses.push(json!({"type": "response.completed", "response": {"output": [item(&text)]}}));
    stream("openai responses", Dialect::OpenAi, responses);
    let block = json!({"type": "tool_use", "id": "t", "name": name, "input": {}});
    let mut messages = vec![json!({"type": "content_block_start", "index": 1, "content_block": block})];
    messages.extend(parts.iter().map(|part| {
        json!({"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": part}})
    }));
    messages.push(json!({"type": "content_block_stop", "index": 1}));
    messages.push(json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}}));
    stream("anthropic", Dialect::Anthropic, messages);
    let candidate =
        json!({"candidates": [{"content": {"parts": [{"functionCall": {"name": name, "args": arguments}}]}}]});
    stream("gemini", Dialect::Gemini, vec![candidate.clone()]);
    let cohere = |kind: &str, function: serde_json::Value| json!({"type": kind, "index": 0, "delta": {"message": {"tool_calls": {"id": "c", "type": "function", "function": function}}}});
    let mut calls = vec![cohere("tool-call-start", json!({"name": name, "arguments": ""}))];
    calls.extend(parts.iter().map(|part| {
        json!({"type": "tool-call-delta", "index": 0, "delta": {"message": {"tool_calls": {"function": {"arguments": part}}}}})
    }));
    calls.push(json!({"type": "tool-call-end", "index": 0}));
    stream("cohere", Dialect::Cohere, calls);
    let mut converse = vec![json!({"contentBlockIndex": 0, "start": {"toolUse": {"toolUseId": "t", "name": name}}})];
    converse.extend(parts.iter().map(|part| json!({"contentBlockIndex": 0, "delta": {"toolUse": {"input": part}}})));
    converse.push(json!({"stopReason": "tool_use"}));
    stream("bedrock's events", Dialect::Bedrock, converse);

    let mut document = |what, dialect, direction, body: serde_json::Value| {
        cases.push(Case { what, kind: "application/json", dialect, direction, body: body.to_string() });
    };
    let function = json!({"id": "c", "type": "function", "function": {"name": name, "arguments": text}});
    let said = |message: serde_json::Value| json!({"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]});
    document(
        "chat, whole",
        Dialect::OpenAi,
        Direction::Response,
        said(json!({"content": null, "tool_calls": [function]})),
    );
    document("responses, whole", Dialect::OpenAi, Direction::Response, json!({"output": [item(&text)]}));
    let block = json!({"type": "tool_use", "id": "t", "name": name, "input": arguments});
    document(
        "messages, whole",
        Dialect::Anthropic,
        Direction::Response,
        json!({"content": [{"type": "text", "text": "x"}, block]}),
    );
    document("gemini, whole", Dialect::Gemini, Direction::Response, candidate);
    let use_ = json!({"toolUse": {"toolUseId": "t", "name": name, "input": arguments}});
    document(
        "converse, whole",
        Dialect::Bedrock,
        Direction::Response,
        json!({"output": {"message": {"content": [use_]}}}),
    );
    let ollama =
        json!({"message": {"role": "assistant", "tool_calls": [{"function": {"name": name, "arguments": arguments}}]}});
    document("ollama, whole", Dialect::Ollama, Direction::Response, ollama);
    let message =
        json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}});
    document("mcp", Dialect::Plain, Direction::Request, message.clone());
    document("mcp, a batch", Dialect::Plain, Direction::Request, json!([{"method": "ping"}, message]));
    cases
}

const CHUNKS: [usize; 5] = [1, 7, 64, 301, 1 << 20];

#[test]
fn a_refused_name_never_leaves() {
    use ToolVerdict::{Allow, Block};
    for tools in [rules(&[("send_*", None, Block)], Allow), rules(&[("read_mail", None, Allow)], Block)] {
        for case in cases("send_email", "a@acme.example") {
            for chunk in CHUNKS {
                let (ended, out) = BODY.run(&tools, &case, chunk);
                assert_eq!(ended, Err(BodyErrorKind::Tool.into()), "{} by {chunk}", case.what);
                // Of one JSON document the beginning may be on its way; its end, and so the call, is not.
                let whole =
                    if case.kind == "text/event-stream" { out.contains("send_email") } else { out == case.body };
                assert!(!whole, "{} by {chunk}: {out}", case.what);
            }
        }
    }
}

#[test]
fn a_call_that_may_be_made_leaves_as_it_came() {
    use ToolVerdict::{Allow, Block};
    let by_name = rules(&[("send_*", None, Allow), ("send_money", None, Block)], Block);
    let by_arguments = rules(&[("send_email", Some(r#""to":"[^"]*@acme\.example""#), Allow)], Block);
    for tools in [by_name, by_arguments] {
        for case in cases("send_email", "a@acme.example") {
            for chunk in CHUNKS {
                assert_eq!(BODY.run(&tools, &case, chunk), (Ok(()), case.body.clone()), "{} by {chunk}", case.what);
            }
        }
    }
}

#[test]
fn refused_arguments_never_leave_whole() {
    use ToolVerdict::{Allow, Block};
    let mine = rules(&[("send_email", Some(r#""to":"[^"]*@acme\.example""#), Allow)], Block);
    let foreign = rules(&[("*", Some("evil"), Block)], Allow);
    for tools in [mine, foreign] {
        // The name of the domain is what the rule looks for, written so that the arguments must be unescaped.
        for case in cases("send_email", "a@evil.example") {
            let closing = serde_json::to_string(&fragments("a@evil.example")[3]).unwrap();
            for chunk in CHUNKS {
                let (ended, out) = BODY.run(&tools, &case, chunk);
                assert_eq!(ended, Err(BodyErrorKind::Tool.into()), "{} by {chunk}", case.what);
                assert!(!out.contains(&format!(":{closing}")) && out != case.body, "{} by {chunk}: {out}", case.what);
            }
        }
    }
}

#[test]
fn what_is_held_is_told_in_every_protocol_and_refused_where_nobody_holds_it() {
    use ToolVerdict::{Allow, Hold};
    for given in [("send_email", None, Hold), ("send_email", Some(r#""to":"a@evil"#), Hold)] {
        let plain = rules(&[given], Allow);
        let holding = Arc::new(plain.holding(Vec::new()));
        let seen = Arc::new(plain.holding(vec!["tool.send_email".into()]));
        for case in cases("send_email", "a@evil.example") {
            assert_eq!(BODY.run(&plain, &case, 1 << 20).0, Err(BodyErrorKind::Tool.into()), "{}", case.what);
            for chunk in [3, 1 << 20] {
                let (ended, out, told) = BODY.told(&holding, &case, chunk);
                assert_eq!((ended, &out), (Ok(()), &case.body), "{} by {chunk}", case.what);
                assert_eq!(told.first().map(|(id, _)| &**id), Some("tool.send_email"), "{} by {chunk}", case.what);
            }
            // A person has seen it.
            let (ended, out, told) = BODY.told(&seen, &case, 1 << 20);
            assert_eq!((ended, &out, told.is_empty()), (Ok(()), &case.body, true), "{}", case.what);
        }
        for case in cases("send_email", "a@acme.example") {
            let told = BODY.told(&holding, &case, 100).2;
            assert_eq!(told.is_empty(), given.1.is_some(), "{}", case.what);
        }
    }
    // Of what nobody can name, nobody can be asked.
    let holding = Arc::new(rules(&[("send_email", None, Hold)], Allow).holding(Vec::new()));
    let nameless = json!({"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "id": "c", "function": {"arguments": "{}"}}]}}]});
    assert!(refused(&holding, &[nameless]));
}

#[test]
fn a_held_call_is_told_whatever_comes_behind_it() {
    use ToolVerdict::{Allow, Hold};
    let holding = Arc::new(rules(&[("pay", None, Hold)], Allow).holding(Vec::new()));
    let call = |index: usize, id: &str, name: &str, arguments: &str| {
        let function = json!({"name": name, "arguments": arguments});
        json!({"choices": [{"index": 0, "delta": {"tool_calls": [{"index": index, "id": id, "function": function}]}}]})
    };
    let texts = BodyLimits::default().logical_texts;
    let crowded =
        (0..texts + 20).map(|index| call(index, &format!("c{index}"), if index == 0 { "pay" } else { "look" }, "{}"));
    let renamed = [call(0, "c", "pay", "{}"), call(0, "", "_x", "")];
    for given in [crowded.collect(), renamed.to_vec()] {
        let (kind, direction) = ("text/event-stream", Direction::Response);
        let case = Case { what: "", kind, dialect: Dialect::Plain, direction, body: events(&given) };
        for chunk in [1 << 20, 7] {
            let told = BODY.told(&holding, &case, chunk).2;
            assert_eq!(told.iter().map(|(id, count)| (&**id, *count)).collect::<Vec<_>>(), [("tool.pay", 1)]);
        }
    }
}

#[test]
fn escapes_and_blanks_hide_nothing() {
    use ToolVerdict::{Allow, Block};
    let tools = rules(&[("send_email", Some(r#""to":"a@evil"#), Block)], Allow);
    let message = r#"{"choices":[{"message":{"tool_c\u0061lls":[{"function":{"n\u0061me":"send\u005femail","arguments":"{ \"to\" :\n\"a\\u0040evil.example\"}"}}]}}]}"#;
    let request =
        r#"{"method":"tools\/call","params":{"arguments":{"t\u006f": "a@evil.example"},"name":"send_email"}}"#;
    for (direction, body) in [(Direction::Response, message), (Direction::Request, request)] {
        let case = Case { what: "", kind: "application/json", dialect: Dialect::OpenAi, direction, body: body.into() };
        for chunk in CHUNKS {
            assert_eq!(BODY.run(&tools, &case, chunk).0, Err(BodyErrorKind::Tool.into()), "{body} by {chunk}");
        }
    }
}

#[test]
fn what_is_no_call_is_not_judged() {
    let tools = rules(&[], ToolVerdict::Block);
    let answers = [
        (
            Direction::Response,
            json!({"tools": [{"type": "function", "name": "send_email", "parameters": {}}], "output": []}),
        ),
        (Direction::Response, json!({"choices": [{"message": {"content": "call send_email", "tool_calls": []}}]})),
        (Direction::Response, json!({"data": [{"embedding": [0.1, 0.2]}], "object": "list"})),
        (
            Direction::Request,
            json!({"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}]}),
        ),
        (
            Direction::Response,
            json!({"records": [{"type": "phone_call", "name": "Jane"}], "input": {"type": "phone_call"}}),
        ),
        (Direction::Request, json!({"method": "tools/list", "params": {"name": "f"}})),
    ];
    for (direction, body) in answers {
        let body = body.to_string();
        let case = Case { what: "", kind: "application/json", dialect: Dialect::OpenAi, direction, body };
        assert_eq!(BODY.run(&tools, &case, 9), (Ok(()), case.body.clone()));
    }
}

#[test]
fn a_providers_own_tools_are_named_by_their_type() {
    use ToolVerdict::{Allow, Block};
    let shell = json!({"output": [{"type": "local_shell_call", "action": {"command": ["rm", "-rf", "/"]}}]});
    let (kind, dialect, direction) = ("application/json", Dialect::OpenAi, Direction::Response);
    let case = Case { what: "", kind, dialect, direction, body: shell.to_string() };
    assert_eq!(BODY.run(&rules(&[("local_shell", None, Block)], Allow), &case, 9).0, Err(BodyErrorKind::Tool.into()));
    let careful = rules(&[("local_shell", Some(r#""rm""#), Block)], Allow);
    assert_eq!(BODY.run(&careful, &case, 9).0, Err(BodyErrorKind::Tool.into()));
    assert_eq!(BODY.run(&rules(&[("web_search", None, Block)], Allow), &case, 9).0, Ok(()));
}

#[test]
fn calls_side_by_side_are_told_apart() {
    use ToolVerdict::{Allow, Block};
    let tools = rules(&[("a", Some("^\\{\"x\":1\\}$"), Allow), ("b", Some("^\\{\"x\":2\\}$"), Allow)], Block);
    let call = |index: u8, function: serde_json::Value| json!({"choices": [{"index": 0, "delta": {"tool_calls": [{"index": index, "function": function}]}}]});
    let stream = |last: &str| {
        let mut all = vec![
            call(0, json!({"name": "a", "arguments": "{\"x\""})),
            call(1, json!({"name": "b", "arguments": "{\"x\":"})),
        ];
        all.extend([call(0, json!({"arguments": ":1}"})), call(1, json!({"arguments": last}))]);
        let (kind, dialect, direction) = ("text/event-stream", Dialect::OpenAi, Direction::Response);
        Case { what: "", kind, dialect, direction, body: events(&all) }
    };
    assert_eq!(BODY.run(&tools, &stream("2}"), 50).0, Ok(()));
    assert_eq!(BODY.run(&tools, &stream("1}"), 50).0, Err(BodyErrorKind::Tool.into()));
    assert_eq!(BODY.run(&tools, &stream("2"), 50).0, Err(BodyErrorKind::Tool.into()), "never whole");
}

#[test]
fn arguments_are_bounded() {
    let tools = rules(&[("send_email", Some("zzz"), ToolVerdict::Block)], ToolVerdict::Allow);
    let length = fragments("a@acme.example").concat().len();
    let [case, ..] = &cases("send_email", "a@acme.example")[..] else { panic!("no case") };
    assert_eq!(BodySpecOf { limit: length }.run(&tools, case, 100).0, Ok(()));
    assert_eq!(BodySpecOf { limit: length - 1 }.run(&tools, case, 100).0, Err(BodyErrorKind::TooLarge.into()));
}

/// `danger` is refused by name, `shell` by what its arguments say.
fn guarded() -> Arc<ToolRules> {
    use ToolVerdict::{Allow, Block};
    rules(&[("danger", None, Block), ("shell", Some("rm -rf"), Block)], Allow)
}

/// Whether a stream of these events is refused, whole and byte by byte.
fn refused(tools: &Arc<ToolRules>, all: &[serde_json::Value]) -> bool {
    let (kind, direction) = ("text/event-stream", Direction::Response);
    let case = Case { what: "", kind, dialect: Dialect::Plain, direction, body: events(all) };
    let outcomes = [1 << 20, 1].map(|chunk| BODY.run(tools, &case, chunk));
    assert_eq!(outcomes[0].0, outcomes[1].0, "{}", case.body);
    if let Err(error) = &outcomes[0].0 {
        assert_eq!(*error, BodyErrorKind::Tool.into(), "{}", case.body);
    }
    outcomes[0].0.is_err()
}

#[test]
fn events_that_end_a_call_are_judged() {
    let tools = guarded();
    let added = |kind: &str, name: &str, what: &str| {
        let item = json!({"type": kind, "id": "i", "call_id": "c", "name": name, what: ""});
        json!({"type": "response.output_item.added", "output_index": 0, "item": item})
    };
    let event = |kind: &str, what: &str, text: &str| json!({"type": format!("response.{kind}"), "item_id": "i", "output_index": 0, what: text});
    for (item, kind) in [
        ("function_call", "function_call_arguments"),
        ("mcp_call", "mcp_call_arguments"),
        ("mcp_call", "mcp_call.arguments"),
    ] {
        for (arguments, blocked) in [("{\"c\":\"rm -rf /\"}", true), ("{\"c\":\"ls\"}", false)] {
            let begin = added(item, "shell", "arguments");
            let done = event(&format!("{kind}.done"), "arguments", arguments);
            assert_eq!(refused(&tools, &[begin.clone(), done.clone()]), blocked, "{kind}");
            let delta = event(&format!("{kind}.delta"), "delta", arguments);
            assert_eq!(refused(&tools, &[begin.clone(), delta.clone(), done.clone()]), blocked, "{kind}");
            // What comes behind the end is more than was judged.
            assert!(refused(&tools, &[begin, done.clone(), delta]), "{kind}");
            // Of a call that has no beginning nothing tells what it is.
            assert!(refused(&tools, &[done]), "{kind}");
        }
    }
    for (name, blocked) in [("danger", true), ("harmless", false)] {
        let done =
            json!({"type": "response.function_call_arguments.done", "name": name, "call_id": "c", "arguments": "{}"});
        assert_eq!(refused(&tools, &[done]), blocked);
    }
    for (text, blocked) in [("rm -rf /", true), ("{ rm -rf", true), ("ls {", false)] {
        let begin = added("custom_tool_call", "shell", "input");
        let delta = event("custom_tool_call_input.delta", "delta", text);
        let done = event("custom_tool_call_input.done", "input", text);
        assert_eq!(refused(&tools, &[begin.clone(), delta, done.clone()]), blocked, "{text}");
        assert_eq!(refused(&tools, &[begin, done]), blocked, "{text}");
    }
}

#[test]
fn a_call_in_pieces_that_are_not_read_goes_on_by_its_name_alone() {
    let tools = guarded();
    let call = |call: serde_json::Value| json!({"candidates": [{"content": {"parts": [{"functionCall": call}]}}]});
    let pieces = || call(json!({"partialArgs": [{"jsonPath": "$.c", "stringValue": "rm -rf"}]}));
    let begins = |name: &str| call(json!({"name": name, "willContinue": true}));
    assert!(refused(&tools, &[begins("shell"), pieces()]));
    assert!(refused(&tools, &[begins("danger"), pieces()]));
    assert!(refused(&tools, &[pieces()]));
    assert!(!refused(&tools, &[begins("harmless"), pieces(), pieces(), call(json!({}))]));
    assert!(refused(&tools, &[begins("harmless"), call(json!({"name": "shell", "args": {"c": "ls"}})), pieces()]));
    let live = |args: &str| json!({"toolCall": {"functionCalls": [{"id": "1", "name": "shell", "args": {"c": args}}]}});
    assert!(refused(&tools, &[live("rm -rf /")]) && !refused(&tools, &[live("ls")]));
}

#[test]
fn arguments_that_readers_may_read_otherwise_are_refused_where_they_decide() {
    let deep = format!("{{\"c\":\"r\\u006d -rf /\",\"x\":{}{}}}", "[".repeat(256), "]".repeat(256));
    let texts = [
        deep.as_str(),
        r#"{"c":"r\u006d -rf /","x":NaN}"#,
        "{\"c\":\"r\\u006d -rf /\n\"}",
        r#"{"c":"r\u006d -rf /",}"#,
        r#""{\"c\":\"r\\u006d -rf /\"}""#,
        r#"{}{"c":"r\u006d -rf /"}"#,
        r#"{"c":"r\u006d -rf /","c":"ls"}"#,
        r#"{"c":"ls","\u0063":"r\u006d -rf /"}"#,
        r#"{"c":"r\u006d -rf /"}"#,
        r#"{"c":"#,
    ];
    let call = |name: &str, parts: &[&str]| {
        let of = |function: serde_json::Value| json!({"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "function": function}]}}]});
        let mut all = vec![of(json!({"name": name, "arguments": ""}))];
        all.extend(parts.iter().map(|part| of(json!({"arguments": part}))));
        all
    };
    let tools = guarded();
    for text in texts {
        let letters: Vec<String> = text.chars().map(String::from).collect();
        let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
        for parts in [&[text][..], &letters] {
            assert!(refused(&tools, &call("shell", parts)), "{text}");
            assert!(!refused(&tools, &call("harmless", parts)), "{text}");
        }
        let message =
            json!({"choices": [{"message": {"tool_calls": [{"function": {"name": "shell", "arguments": text}}]}}]});
        let (kind, direction) = ("application/json", Direction::Response);
        let case = Case { what: "", kind, dialect: Dialect::OpenAi, direction, body: message.to_string() };
        for chunk in [1, 1 << 20] {
            assert_eq!(BODY.run(&tools, &case, chunk).0, Err(BodyErrorKind::Tool.into()), "{text}");
        }
    }
    for text in ["", "{}", "{\"c\": \"ls\"}\n", "null"] {
        assert!(!refused(&tools, &call("shell", &[text])), "{text}");
    }
}

#[test]
fn a_place_keeps_the_name_of_its_call() {
    let tools = guarded();
    let call = |call: serde_json::Value| json!({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]});
    let bad = "{\"c\":\"rm -rf /\"}";
    let begin = || call(json!({"index": 0, "id": "c1", "function": {"name": "shell", "arguments": ""}}));
    for index in ["0", "0.0", "0e3"] {
        let rest = format!(
            r#"{{"choices":[{{"index":0,"delta":{{"tool_calls":[{{"index":{index},"function":{{"arguments":{}}}}}]}}}}]}}"#,
            json!(bad)
        );
        let body = events(&[begin()]) + &format!("data: {rest}\n\n");
        let (kind, direction) = ("text/event-stream", Direction::Response);
        let case = Case { what: "", kind, dialect: Dialect::Plain, direction, body };
        for chunk in [1, 1 << 20] {
            assert_eq!(BODY.run(&tools, &case, chunk).0, Err(BodyErrorKind::Tool.into()), "{index}");
        }
    }
    let nameless =
        |id: &str, arguments: &str| call(json!({"index": 0, "id": id, "function": {"arguments": arguments}}));
    let ends = || json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]});
    assert!(refused(&tools, &[begin(), nameless("c2", bad)]));
    assert!(!refused(&tools, &[begin(), nameless("c2", "{\"c\":\"ls\"}")]));
    assert!(refused(&tools, &[begin(), ends(), nameless("c1", bad)]), "behind the end");
    assert!(refused(&tools, &[nameless("c1", bad)]), "never named");
    let harmless = || call(json!({"index": 0, "id": "c1", "function": {"name": "harmless", "arguments": "{}"}}));
    let late = || call(json!({"index": 0, "function": {"name": "shell"}}));
    assert!(refused(&tools, &[harmless(), nameless("c2", bad), late()]), "named behind its arguments");
    // What one choice says of its end says nothing of another's calls.
    let half = |choice: u8, arguments: &str| json!({"choices": [{"index": choice, "delta": {"tool_calls": [{"index": 0, "function": {"arguments": arguments}}]}}]});
    let named = || json!({"choices": [{"index": 1, "delta": {"tool_calls": [{"index": 0, "id": "d", "function": {"name": "shell"}}]}}]});
    assert!(!refused(&tools, &[named(), half(1, "{\"c\":"), ends(), half(1, "\"ls\"}")]));
    assert!(refused(&tools, &[named(), half(1, "{\"c\":"), ends(), half(1, "\"rm -rf\"}")]));
}

#[test]
fn a_call_that_asks_for_approval_is_a_call() {
    let item = |name: &str| json!({"type": "mcp_approval_request", "id": "m", "name": name, "server_label": "s", "arguments": "{}"});
    let tools = guarded();
    for (name, blocked) in [("danger", true), ("harmless", false)] {
        let done = json!({"type": "response.output_item.done", "output_index": 0, "item": item(name)});
        assert_eq!(refused(&tools, &[done]), blocked);
        assert_eq!(
            refused(&tools, &[json!({"type": "response.completed", "response": {"output": [item(name)]}})]),
            blocked
        );
    }
}

#[test]
fn calls_that_have_ended_make_room_for_others() {
    let tools = guarded();
    let call = |of: usize| {
        let item = json!({"type": "function_call", "name": "shell", "arguments": ""});
        let response = format!("r{of}");
        [
            json!({"type": "response.output_item.added", "response_id": response, "output_index": 0, "item": item}),
            json!({"type": "response.function_call_arguments.done", "output_index": 0, "response_id": response, "arguments": "{}"}),
        ]
    };
    let all: Vec<_> = (0..=BodyLimits::default().logical_texts).flat_map(call).collect();
    assert!(!refused(&tools, &all));
}

/// How a document is refused, whole and byte by byte, whatever it calls itself; none where it leaves as it came.
fn judged(tools: &Arc<ToolRules>, direction: Direction, body: &str) -> Option<BodyErrorKind> {
    let outcome = |kind, chunk| {
        let case = Case { what: "", kind, dialect: Dialect::Plain, direction, body: body.to_owned() };
        let (ended, out) = BODY.run(tools, &case, chunk);
        assert!(ended.is_err() || out == body, "{body}");
        ended.err().map(|error| error.kind)
    };
    let first = outcome("application/json", 1 << 20);
    for (kind, chunk) in [("application/json", 1), ("text/plain", 1), ("text/plain", 1 << 20)] {
        assert_eq!(outcome(kind, chunk), first, "{body} as {kind} by {chunk}");
    }
    first
}

#[test]
fn a_message_that_some_reader_takes_for_another_call_is_refused() {
    use ToolVerdict::{Allow, Block};
    let tools = rules(&[("search_x", None, Allow)], Block);
    let judged = |body: &str| judged(&tools, Direction::Request, body);
    for body in [
        r#"{"method":"tools/call","params":{"name":"search_x","Name":"delete_all"}}"#,
        r#"{"method":"tools/call","params":{"NAME":"delete_all","name":"search_x"}}"#,
        r#"{"method":"tools/call","params":{"name":"search_x","name\u0000":"delete_all"}}"#,
        r#"{"method":"tools/call","params":{"name":"search_x","name\u0000x":"delete_all"}}"#,
        r#"{"method":"tools/call","params":{"name":"search_x","name":"delete_all"}}"#,
        r#"{"method":"tools/call","params":{"name":"search_x","name":["delete_all"]}}"#,
        r#"{"method":"tools/call","params":{"name":"search_x","arguments":{},"Arguments":{"a":1}}}"#,
        r#"{"method":"tools/call","params":{"name":"search_x","argument\u017f":{"a":1}}}"#,
        r#"{"method":"tools/call","params":{"name":"search_x"},"Params":{"name":"delete_all"}}"#,
        r#"{"method":"tools/call","params":{"name":"search_x"},"params":["delete_all"]}"#,
        r#"{"method":"tools/call","param\u017f":{"name":"delete_all"},"params":{"name":"search_x"}}"#,
        r#"{"method":"ping","METHOD":"tools/call","params":{"name":"delete_all"}}"#,
        r#"{"METHOD":"tools/call","method":"ping","params":{"name":"search_x"}}"#,
        r#"{"method":"ping","method":"tools/call","params":{"name":"delete_all"}}"#,
        r#"{"Method":"tools/call","Params":{"Name":"search_x"}}"#,
        r#"{"method":"tools/call","method\u0000":"ping","params":{"name":"search_x"}}"#,
        r#"[{"method":"ping"},{"method":"ping","metHod":"tools\/call","params":{"name":"delete_all"}}]"#,
    ] {
        assert_eq!(judged(body), Some(BodyErrorKind::JsonSyntax), "{body}");
    }
    for body in [
        r#"{"method":"tools/call","params":["delete_all",{}]}"#,
        r#"{"method":"tools/call","params":{"name":["delete_all"]}}"#,
        r#"{"method":"tools/call","params":{"name":{"a":"delete_all"}}}"#,
        r#"{"method":"tools/call","params":null}"#,
        r#"{"method":"tools/call"}"#,
    ] {
        assert_eq!(judged(body), Some(BodyErrorKind::Tool), "{body}");
    }
    for body in [
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search_x","_meta":{"Name":"n"},"arguments":{"name":"a","Name":"b","params":[],"method":"tools/call","Method":1}}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"p","arguments":{"method":"tools/call","params":{"name":"delete_all"}}}}"#,
        r#"{"Method":"GET","method":"get","Params":{"Name":"delete_all"},"params":[{"name":"x"}]}"#,
        r#"{"data":{"method":"tools/call","Method":"x"},"methods":["tools/call"],"METHODS":1}"#,
    ] {
        assert_eq!(judged(body), None, "{body}");
    }
}

#[test]
fn a_call_that_some_reader_takes_for_another_is_refused() {
    use ToolVerdict::{Allow, Block};
    let tools = rules(&[("search_x", None, Allow), ("mail", Some(r#"^\{"to":"a"\}$"#), Allow)], Block);
    let answers = |with: &str, without: &str| {
        [
            // OpenAI's, Anthropic's, Gemini's, Bedrock's, Responses'.
            format!(
                r#"{{"choices":[{{"message":{{"tool_calls":[{{"type":"function","function":{{"name":"search_x",{with}"arguments":"{{}}"}}}}]}}}}]}}"#
            ),
            format!(r#"{{"content":[{{"type":"tool_use","name":"search_x",{with}"input":{{}}}}]}}"#),
            format!(
                r#"{{"candidates":[{{"content":{{"parts":[{{"functionCall":{{"name":"search_x",{with}"args":{{}}}}}}]}}}}]}}"#
            ),
            format!(
                r#"{{"output":{{"message":{{"content":[{{"toolUse":{{"name":"search_x",{with}"input":{{}}}}}}]}}}}}}"#
            ),
            format!(r#"{{"output":[{{"type":"function_call","name":"search_x",{with}"arguments":"{{}}"}}]}}"#),
            format!(
                r#"{{"message":{{"tool_calls":[{{"function":{{"name":"search_x",{with}"arguments":{{}}}}}}]}},"x":{{{without}}}}}"#
            ),
        ]
    };
    let outcome = |body: &str| {
        let event = Case {
            what: "",
            kind: "text/event-stream",
            dialect: Dialect::Plain,
            direction: Direction::Response,
            body: format!("data: {body}\n\n"),
        };
        let outcomes = [1, 1 << 20].map(|chunk| BODY.run(&tools, &event, chunk).0.err().map(|error| error.kind));
        assert_eq!(outcomes[0], outcomes[1], "{body}");
        assert_eq!(outcomes[0], judged(&tools, Direction::Response, body), "{body}");
        outcomes[0].clone()
    };
    for with in [r#""Name":"delete_all","#, r#""NAME":"search_x","#, r#""name\u0000":"delete_all","#] {
        for body in answers(with, "") {
            assert_eq!(outcome(&body), Some(BodyErrorKind::JsonSyntax), "{body}");
        }
    }
    for body in
        answers(r#""title":"t","#, r#""Name":"n","name":"m","Type":"t","type":"u","Id":1,"id":2,"Input":{"Name":1}"#)
    {
        assert_eq!(outcome(&body), None, "{body}");
    }
    for body in [
        // A call to those readers alone, or more of one.
        r#"{"choices":[{"message":{"Tool_Calls":[{"function":{"name":"delete_all","arguments":"{}"}}]}}]}"#,
        r#"{"choices":[{"message":{"tool_calls":[{"Function":{"Name":"delete_all","Arguments":"{}"}}]}}]}"#,
        r#"{"choices":[{"message":{"tool_calls":[{"function":{"name":"search_x"},"FUNCTION":{"name":"delete_all"}}]}}]}"#,
        r#"{"content":[{"type":"text","Type":"tool_use","name":"delete_all","input":{}}]}"#,
        r#"{"content":[{"Type":"tool_use","Name":"delete_all","Input":{}}]}"#,
        r#"{"content":[{"type":"tool_u\u017fe","type\u0000":"tool_use","name":"delete_all","input":{}}]}"#,
        r#"{"content":[{"type":"tool_use","name":"mail","input":{"to":"a"},"Input":{"to":"b"}}]}"#,
        r#"{"content":[{"type":"tool_use","name":"mail","input":{"to":"a"},"Arguments":{"to":"b"}}]}"#,
        r#"{"candidates":[{"content":{"parts":[{"functioncall":{"name":"delete_all","args":{}}}]}}]}"#,
        r#"{"output":{"message":{"content":[{"tooluse":{"name":"delete_all","input":{}}}]}}}"#,
    ] {
        assert_eq!(outcome(body), Some(BodyErrorKind::JsonSyntax), "{body}");
    }
    // Arguments that decide, with a member in both spellings.
    let mail = |arguments: &str| {
        outcome(&format!(r#"{{"content":[{{"type":"tool_use","name":"mail","input":{arguments}}}]}}"#))
    };
    assert_eq!(mail(r#"{"to":"a"}"#), None);
    assert_eq!(mail(r#"{"to":"a","To":"b"}"#), Some(BodyErrorKind::Tool));
}

#[test]
fn a_delta_that_some_reader_adds_to_another_call_is_refused() {
    use ToolVerdict::{Allow, Block};
    let tools = rules(&[("search_x", None, Allow), ("mail", Some(r#"^\{"to":"a"\}$"#), Allow)], Block);
    let run = |all: &[serde_json::Value]| {
        let (kind, direction) = ("text/event-stream", Direction::Response);
        let case = Case { what: "", kind, dialect: Dialect::Plain, direction, body: events(all) };
        let outcomes = [1 << 20, 1].map(|chunk| BODY.run(&tools, &case, chunk).0.err().map(|error| error.kind));
        assert_eq!(outcomes[0], outcomes[1], "{}", case.body);
        outcomes[0].clone()
    };
    let call = |call: serde_json::Value| json!({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]});
    let begins = || call(json!({"index": 0, "id": "c", "function": {"name": "mail", "arguments": "{\"to\":"}}));
    assert_eq!(run(&[begins(), call(json!({"index": 0, "function": {"arguments": "\"a\"}"}}))]), None);
    for more in [
        call(json!({"index": 0, "Index": 1, "function": {"arguments": "\"a\"}"}})),
        call(json!({"index": 0, "function": {"arguments": "\"a\"}", "Arguments": "\"b\"}"}})),
        call(json!({"index": 0, "Function": {"Arguments": "\"b\"}"}})),
        json!({"choices": [{"index": 0, "Delta": {"tool_calls": [{"index": 0, "Id": "d", "function": {"arguments": "\"a\"}"}}]}}]}),
    ] {
        assert_eq!(run(&[begins(), more]), Some(BodyErrorKind::JsonSyntax));
    }
    // An end that some reader sees is one: what has come by then is judged.
    let ends = json!({"choices": [{"index": 0, "delta": {}, "Finish_Reason": "tool_calls"}]});
    assert_eq!(run(&[begins(), ends]), Some(BodyErrorKind::Tool));
    let block = json!({"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "id": "t", "name": "mail", "input": {}}});
    let delta = |delta: serde_json::Value| json!({"type": "content_block_delta", "index": 1, "delta": delta});
    let whole = "{\"to\":\"a\"}";
    assert_eq!(run(&[block.clone(), delta(json!({"type": "input_json_delta", "partial_json": whole}))]), None);
    let odd = delta(json!({"type": "input_json_delta", "partial_json": whole, "Partial_JSON": "{}"}));
    assert_eq!(run(&[block, odd]), Some(BodyErrorKind::JsonSyntax));
}
