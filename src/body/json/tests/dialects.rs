use super::*;
use crate::body::BodyErrorKind;

const CARD: &str = "4111111111111111";
const MASKED: &str = "************1111";
const SIGNATURE: &str = "EqQBCkYIBxgCKkBGz0+aWxRFnZ1yx/ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz==";

fn anthropic(direction: Direction) -> Setting {
    Setting::dialect(Dialect::Anthropic, direction)
}

fn openai(direction: Direction) -> Setting {
    Setting::dialect(Dialect::OpenAi, direction)
}

fn valid(setting: &Setting, text: &str) -> String {
    let out = setting.redact(text);
    assert!(serde_json::from_str::<serde_json::Value>(&out).is_ok(), "{out}");
    out
}

/// A request whose last message has this content.
fn request(content: &str) -> String {
    format!(
        r#"{{"model":"m","messages":[{{"role":"user","content":"hi"}},{{"role":"assistant","content":{content}}}]}}"#
    )
}

fn thinking(text: &str) -> String {
    format!(r#"{{"signature":"{SIGNATURE}","thinking":"{text}","type":"thinking"}}"#)
}

#[test]
fn signed_thinking_that_no_finding_touches_leaves_byte_for_byte() {
    let setting = anthropic(Direction::Request);
    let text = r#"{"citations":null,"text":"hello","type":"text"}"#;
    let tool = r#"{"type":"tool_use","id":"t","name":"n","input":{"a":[1]}}"#;
    let redacted = format!(r#"{{"type":"redacted_thinking","data":"{SIGNATURE}"}}"#);
    for content in [
        format!("[{},{text}]", thinking("hm")),
        format!("[ {} , {text} ]", thinking("hm")),
        format!(r#"[{{"type":"thinking","thinking":"","signature":"{SIGNATURE}"}}]"#),
        format!("[{redacted},{text},{tool}]"),
        format!("[\"odd\",3,{text},null]"),
        "[]".to_owned(),
        " [ ] ".to_owned(),
    ] {
        assert_eq!(valid(&setting, &request(&content)), request(&content));
    }
}

#[test]
fn thinking_with_a_finding_or_without_a_signature_is_removed_from_a_request() {
    let setting = anthropic(Direction::Request);
    let text = r#"{"type":"text","text":"hello"}"#;
    let bad = thinking(&format!("my card {CARD}"));
    let unsigned = r#"{"type":"thinking","thinking":"hm","signature":""}"#;
    let missing = r#"{"type":"thinking","thinking":"hm","cache_control":{"type":"ephemeral"}}"#;
    let good = thinking("hm");
    for (content, expected) in [
        (format!("[{bad},{text}]"), format!("[{text}]")),
        (format!("[{text},{bad}]"), format!("[{text}]")),
        (format!("[{text},{bad},{good}]"), format!("[{text},{good}]")),
        (format!("[{bad},{bad},{text}]"), format!("[{text}]")),
        (format!("[{bad},{text},{bad},{text}]"), format!("[{text},{text}]")),
        (format!("[{unsigned},{text},{missing}]"), format!("[{text}]")),
        (format!("[{bad}]"), r#"[{"type":"text","text":"[thinking removed]"}]"#.to_owned()),
        (format!("[{bad},{unsigned}]"), r#"[{"type":"text","text":"[thinking removed]"}]"#.to_owned()),
        (format!("[ {bad} , {text} ]"), format!("[  {text} ]")),
        (format!("[{text} , {bad} ]"), format!("[{text}  ]")),
    ] {
        assert_eq!(valid(&setting, &request(&content)), request(&expected));
    }
    let batch = format!(r#"{{"requests":[{{"params":{}}}]}}"#, request(&format!("[{bad},{text}]")));
    assert_eq!(valid(&setting, &batch), format!(r#"{{"requests":[{{"params":{}}}]}}"#, request(&format!("[{text}]"))));
}

#[test]
fn a_finding_in_another_block_changes_only_that_block() {
    let setting = anthropic(Direction::Request);
    let with = |text: &str| request(&format!(r#"[{},{{"type":"text","text":"{text}"}}]"#, thinking("hm")));
    assert_eq!(valid(&setting, &with(CARD)), with(MASKED));
    let input = |text: &str| request(&format!(r#"[{{"type":"tool_use","input":{{"type":"thinking","n":{text}}}}}]"#));
    assert_eq!(valid(&setting, &input(CARD)), input(&format!("\"{MASKED}\"")));
}

#[test]
fn a_block_that_may_be_thinking_is_held_no_longer_than_the_limit() {
    let limits = BodyLimits { json_hold: 200, ..BodyLimits::default() };
    let setting = Setting { limits, ..anthropic(Direction::Request) };
    let long = request(&format!("[{}]", thinking(&"x".repeat(200))));
    assert_eq!(setting.refuse(long.as_bytes(), "").kind, BodyErrorKind::TooLarge);
    let text = request(&format!(r#"[{{"type":"text","text":"{}"}}]"#, "x ".repeat(200)));
    assert_eq!(setting.redact(&text), text);
}

#[test]
fn an_answers_thinking_leaves_redacted_and_unsigned() {
    let setting = anthropic(Direction::Response);
    let answer = |block: &str| format!(r#"{{"id":"msg","content":[{block},{{"type":"text","text":"ok"}}],"x":1}}"#);
    for (block, expected) in [
        (thinking("hm"), thinking("hm")),
        (thinking(CARD), format!(r#"{{"signature":"","thinking":"{MASKED}","type":"thinking"}}"#)),
        (
            format!(r#"{{"type":"thinking","thinking":"{CARD}","signature":"{SIGNATURE}"}}"#),
            format!(r#"{{"type":"thinking","thinking":"{MASKED}","signature":""}}"#),
        ),
        (
            format!(r#"{{"type":"thinking","signature":"{SIGNATURE}","thinking":"{CARD}"}}"#),
            format!(r#"{{"type":"thinking","signature":"","thinking":"{MASKED}"}}"#),
        ),
        (
            format!(r#"{{"thinking":"{CARD}","signature":"{SIGNATURE}","type":"thinking"}}"#),
            format!(r#"{{"thinking":"{MASKED}","signature":"","type":"thinking"}}"#),
        ),
        (
            format!(r#"{{"type":"thinking","thinking":"hm","signature":"{SIGNATURE}"}}"#),
            format!(r#"{{"type":"thinking","thinking":"hm","signature":"{SIGNATURE}"}}"#),
        ),
    ] {
        assert_eq!(valid(&setting, &answer(&block)), answer(&expected));
    }
}

#[test]
fn exempt_values_pass_only_when_they_look_like_it() {
    let setting = anthropic(Direction::Response);
    let block = |value: &str| format!(r#"{{"content":[{{"type":"text","text":"","signature":"{value}"}}]}}"#);
    let long = SIGNATURE.repeat(50);
    assert_eq!(valid(&setting, &block(&long)), block(&long));
    let (_, _, seen) = setting.run(&[block(&long).as_bytes()]);
    assert_eq!(seen.unscanned, [("signature", long.len() as u64)]);
    // Short, not of the alphabet, or with a number in it: scanned like any other text.
    assert_eq!(valid(&setting, &block(CARD)), block(MASKED));
    let spaced = format!("{long} {CARD} {long}");
    assert_eq!(valid(&setting, &block(&spaced)), block(&spaced.replace(CARD, MASKED)));
    let hidden = format!("{long}/4111-1111-1111-1111/{long}");
    assert!(!valid(&setting, &block(&hidden)).contains("4111-1111"));
    let elsewhere = format!(r#"{{"signature":"{CARD}{long}","x":1}}"#);
    let (_, _, seen) = setting.run(&[elsewhere.as_bytes()]);
    assert!(seen.unscanned.is_empty());

    let setting = openai(Direction::Request);
    let image =
        |url: &str| format!(r#"{{"messages":[{{"content":[{{"type":"image_url","image_url":{{"url":"{url}"}}}}]}}]}}"#);
    let uri = format!("data:image/png;base64,{long}");
    assert_eq!(valid(&setting, &image(&uri)), image(&uri));
    let (_, _, seen) = setting.run(&[image(&uri).as_bytes()]);
    assert_eq!(seen.unscanned, [("media", uri.len() as u64)]);
    let link = format!("https://example.com/?card={CARD}&x={long}");
    assert_eq!(valid(&setting, &image(&link)), image(&link.replace(CARD, MASKED)));
    for text in
        [format!("data:text/plain,{CARD}"), format!("data:;base64 {CARD}"), format!("data:{CARD};base64,{long}")]
    {
        assert!(!valid(&setting, &image(&text)).contains(CARD), "{text}");
    }
}

#[test]
fn vectors_pass_unless_a_number_is_too_large_for_one() {
    let setting = openai(Direction::Response);
    let text = r#"{"data":[{"embedding":[0.01,-0.5e-3,1,-0,4111111111111111,4.111111111111111e15]}],"usage":{"n":4111111111111111}}"#;
    let expected = r#"{"data":[{"embedding":[0.01,-0.5e-3,1,-0,"************1111","************1111"]}],"usage":{"n":"************1111"}}"#;
    assert_eq!(valid(&setting, text), expected);
    let (_, _, seen) = setting.run(&[text.as_bytes()]);
    assert_eq!(seen.unscanned, [("media", 14)]);
}

#[test]
fn logprobs_go_when_the_text_was_changed_or_is_not_known() {
    let setting = openai(Direction::Response);
    let copy = r#"{"content":[{"token":"41","bytes":[52,49],"top_logprobs":[]}]}"#;
    let choice = |message: &str, logprobs: &str| {
        format!(r#"{{"choices":[{{"index":0,"message":{{"content":"{message}"}},"logprobs":{logprobs} ,"x":1}}]}}"#)
    };
    assert_eq!(valid(&setting, &choice("hello", copy)), choice("hello", copy));
    assert_eq!(valid(&setting, &choice(CARD, copy)), choice(MASKED, "null"));
    assert_eq!(valid(&setting, &choice("hello", "null")), choice("hello", "null"));
    assert_eq!(valid(&setting, &choice("SEEN-1234", copy)), choice("SEEN-1234", copy));
    let before = format!(r#"{{"choices":[{{"logprobs":{copy},"message":{{"content":"hi"}}}}]}}"#);
    assert_eq!(valid(&setting, &before), before.replace(copy, "null"));
    let two = format!(
        r#"{{"choices":[{{"text":"{CARD}","logprobs":{copy}}},{{"text":"fine","logprobs":{copy}}},{{"logprobs":{copy}}}]}}"#
    );
    let expected = format!(
        r#"{{"choices":[{{"text":"{MASKED}","logprobs":null}},{{"text":"fine","logprobs":{copy}}},{{"logprobs":null}}]}}"#
    );
    assert_eq!(valid(&setting, &two), expected);
    assert_eq!(openai(Direction::Request).redact(&before), before);
    let part = |text: &str, copy: &str| {
        format!(r#"{{"output":[{{"content":[{{"type":"output_text","text":"{text}","logprobs":{copy}}}]}}]}}"#)
    };
    assert_eq!(valid(&setting, &part("hello", copy)), part("hello", copy));
    assert_eq!(valid(&setting, &part(CARD, copy)), part(MASKED, "null"));
}

#[test]
fn tool_arguments_are_json() {
    let text =
        format!(r#"{{"messages":[{{"tool_calls":[{{"function":{{"name":"f","arguments":"{{\"c\": {CARD}}}"}}}}]}}]}}"#);
    let expected = text.replace(CARD, &format!(r#"\"{MASKED}\""#));
    assert_eq!(valid(&openai(Direction::Request), &text), expected);
}
