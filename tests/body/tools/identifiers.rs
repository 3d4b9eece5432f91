//! Calls whose identifier changes from fragment to fragment: one call as long as it is unfinished and not named anew.

use serde_json::{Value, json};

use super::{refused, rules};
use blackbar::engine::ToolVerdict::{Allow, Block};

fn call(id: Option<&str>, name: Option<&str>, arguments: &str) -> Value {
    let mut function = json!({"arguments": arguments});
    if let Some(name) = name {
        function["name"] = json!(name);
    }
    let mut call = json!({"index": 0, "function": function});
    if let Some(id) = id {
        call["id"] = json!(id);
    }
    json!({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]})
}

#[test]
fn a_call_goes_on_under_other_identifiers() {
    let ours = r#"^\{"to":"[^"]*@acme\.com"\}$"#;
    let tools = rules(&[("send_email", Some(ours), Allow), ("find_*", None, Allow)], Block);
    let (email, half, rest) = (Some("send_email"), "{\"to\":\"bo", "ss@acme.com\"}");
    let theirs = "ss@evil.example\"}";
    let whole = [half, rest].concat();
    for (calls, refuse) in [
        (vec![call(Some("a"), email, half), call(Some("b"), None, rest)], false),
        (vec![call(Some("a"), email, half), call(Some("b"), email, rest)], false),
        (vec![call(Some("a"), email, half), call(Some("b"), Some(""), rest)], false),
        (vec![call(Some("a"), email, ""), call(Some("b"), None, half), call(Some("c"), None, rest)], false),
        (vec![call(Some("a"), email, half), call(Some("b"), email, ""), call(Some("c"), None, rest)], false),
        (vec![call(Some("a"), email, &whole), call(Some("b"), email, half), call(Some("c"), None, rest)], false),
        (vec![call(Some("a"), Some("find_x"), "{\"q\":"), call(Some("b"), None, "1}")], false),
        // What it adds up to is judged.
        (vec![call(Some("a"), email, half), call(Some("b"), None, theirs)], true),
        (vec![call(Some("a"), email, half), call(Some("b"), None, rest), call(Some("c"), None, theirs)], true),
        (vec![call(Some("a"), email, half)], true),
        // Another name, at once or later, is another call's.
        (vec![call(Some("a"), email, half), call(Some("b"), Some("wire"), rest)], true),
        (vec![call(Some("a"), email, half), call(Some("b"), None, rest), call(None, Some("wire"), "")], true),
        (vec![call(Some("a"), email, ""), call(Some("b"), None, ""), call(None, Some("wire"), &whole)], true),
        (vec![call(Some("a"), Some("find_x"), "{\"q\":"), call(Some("b"), Some("wire"), "1}")], true),
        (
            vec![call(Some("a"), Some("find_x"), "{\"q\":"), call(Some("b"), None, ""), call(None, Some("wire"), "1}")],
            true,
        ),
        (
            vec![call(Some("a"), Some("find_x"), "{}"), call(Some("b"), None, &whole), call(None, Some("wire"), "")],
            true,
        ),
        // What is no JSON has no end: the next call is another.
        (vec![call(Some("a"), email, "null"), call(Some("b"), None, &whole)], true),
        (vec![call(Some("a"), email, "to bo"), call(Some("b"), None, rest)], true),
    ] {
        let all = [&calls[..], &[json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})]];
        assert_eq!(refused(&tools, &all.concat()), refuse, "{calls:?}");
    }
}

#[test]
fn a_piece_that_is_a_call_under_its_own_identifier_is_judged_by_itself_as_well() {
    let tools = rules(&[("send_email", Some(r#""to":"[^"]*@acme\.com""#), Allow)], Block);
    let email = Some("send_email");
    let theirs = r#"{"to":"boss@evil.example"}"#;
    for (pieces, refuse) in [
        (vec![(Some("b"), email, theirs)], true),
        (vec![(Some("b"), None, theirs)], true),
        (vec![(Some("b"), None, r#"{"to":"boss@acme.com"}"#)], false),
        // It may come in pieces itself.
        (vec![(Some("b"), email, r#"{"to":"boss"#), (None, None, r#"@evil.example"}"#)], true),
        (vec![(Some("b"), None, r#"{"to":"boss"#), (Some("b"), None, r#"@evil.example"}"#)], true),
        (vec![(Some("b"), email, ""), (Some("b"), None, theirs)], true),
        // What is no call by itself is not judged by itself.
        (vec![(Some("b"), None, r#"{"to":"boss@evil.example""#), (Some("c"), None, "}")], false),
        (vec![(Some("b"), None, r#"{"to":"boss@evil.example"},"x":1"#)], false),
        (vec![(None, None, theirs)], false),
        (vec![(Some("a"), None, theirs)], false),
    ] {
        let mut all = vec![call(Some("a"), email, r#"{"k":"#)];
        all.extend(pieces.iter().map(|(id, name, arguments)| call(*id, *name, arguments)));
        all.push(call(Some("z"), None, r#","to":"x@acme.com"}"#));
        all.push(json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}));
        assert_eq!(refused(&tools, &all), refuse, "{pieces:?}");
    }
}

#[test]
fn each_piece_of_what_a_custom_tool_is_called_with_is_judged_under_its_own_identifier() {
    let tools = rules(&[("run", Some("^ls"), Allow)], Block);
    let call = |id: &str, name: Option<&str>, input: &str| {
        let mut custom = json!({"input": input});
        if let Some(name) = name {
            custom["name"] = json!(name);
        }
        json!({"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "id": id, "type": "custom", "custom": custom}]}}]})
    };
    let end = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]});
    assert!(!refused(&tools, &[call("a", Some("run"), "ls "), call("a", None, "x"), end.clone()]));
    assert!(refused(&tools, &[call("a", Some("run"), "ls "), call("b", None, "rm"), end]));
}
