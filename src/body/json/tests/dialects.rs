use super::*;
use crate::body::BodyErrorKind;

const CARD: &str = "4111111111111111";
const MASKED: &str = "************1111";
const SIGNATURE: &str = "EqQBCkYIBxgCKkBGz0+aWxRFnZ1yx/ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz==";

/// `skip_thought_signature_validator`
const UNCHECKED: &str = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=";

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
fn logprobs_go_when_the_text_was_changed_or_never_comes() {
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
    assert_eq!(valid(&setting, &before), before);
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

/// Writes an answer with a text and its token details.
type Write<'a> = &'a dyn Fn(&str, &str) -> String;

#[test]
fn stored_answers_and_those_in_batches_show_no_copy() {
    let copy = r#"{"content":[{"token":"41","bytes":[52,49]}]}"#;
    let choices = |text: &str, copy: &str| {
        format!(r#"{{"choices":[{{"index":0,"message":{{"content":"{text}"}},"logprobs":{copy}}}]}}"#)
    };
    let part = |text: &str, copy: &str| format!(r#"[{{"type":"output_text","text":"{text}","logprobs":{copy}}}]"#);
    let files = Setting {
        beside: Beside::Files,
        framing: Framing::Sequence,
        ..Setting::dialect(Dialect::Plain, Direction::Response)
    };
    let stored = openai(Direction::Response);
    let line = |body: &str| format!(r#"{{"custom_id":"a","response":{{"status_code":200,"body":{body}}}}}"#);
    let listed = |text: &str, copy: &str| format!(r#"{{"object":"list","data":[{}]}}"#, choices(text, copy));
    let item = |text: &str, copy: &str| format!(r#"{{"id":"m","content":{}}}"#, part(text, copy));
    let output = |text: &str, copy: &str| format!(r#"{{"output":[{{"content":{}}}]}}"#, part(text, copy));
    let write: [(&Setting, Write<'_>); 5] = [
        (&stored, &listed),
        (&stored, &item),
        (&stored, &output),
        (&files, &|text, copy| line(&choices(text, copy))),
        (&files, &|text, copy| line(&output(text, copy))),
    ];
    for (setting, write) in write {
        assert_eq!(valid(setting, &write("hello", copy)), write("hello", copy));
        assert_eq!(valid(setting, &write(CARD, copy)), write(MASKED, "null"));
    }
    let lines = format!("{}\n{}\n", line(&choices("hello", copy)), line(&choices(CARD, copy)));
    let expected = format!("{}\n{}\n", line(&choices("hello", copy)), line(&choices(MASKED, "null")));
    assert_eq!(files.redact(&lines), expected);
    let noted = |mail: &str, end: usize| {
        format!(r#"{{"content":[{{"text":"{mail} now","annotations":[{{"start_index":0,"end_index":{end}}}]}}]}}"#)
    };
    assert_eq!(valid(&stored, &noted("jane@example.com", 20)), noted("jane@***", 12));
}

#[test]
fn lines_of_a_batch_are_read_as_the_bodies_that_they_hold() {
    let files = |direction| Setting {
        beside: Beside::Files,
        framing: Framing::Sequence,
        ..Setting::dialect(Dialect::Plain, direction)
    };
    let line = |url: &str, body: &str| format!(r#"{{"custom_id":"a","method":"POST","url":"{url}","body":{body}}}"#);
    for (url, body) in [
        ("/v1/completions", r#"{"prompt":[9906,1917]}"#),
        ("/v1/embeddings", r#"{"input":[[9906,1917]]}"#),
        ("/detokenize", r#"{"tokens":[9906,1917]}"#),
    ] {
        assert_eq!(files(Direction::Request).refuse(line(url, body).as_bytes(), "").kind, BodyErrorKind::TokenIds);
    }
    // What is no batch is no request.
    let data = r#"{"prompt":[9906,1917],"input":[1,2]}"#;
    assert_eq!(valid(&files(Direction::Request), data), data);
    let image = format!(
        r#"{{"messages":[{{"content":[{{"type":"image_url","image_url":{{"url":"data:image/png;base64,{}"}}}}]}}]}}"#,
        SIGNATURE.repeat(20)
    );
    let image = line("/v1/chat/completions", &image);
    let (_, _, seen) = files(Direction::Request).run(&[image.as_bytes()]);
    assert_eq!(seen.unscanned.first().map(|(reason, _)| *reason), Some("media"));
    let thought = |text: &str, signature: &str| {
        format!(r#"{{"content":[{{"type":"thinking","thinking":"{text}","signature":"{signature}"}}]}}"#)
    };
    let result = |message: &str| format!(r#"{{"custom_id":"a","result":{{"type":"succeeded","message":{message}}}}}"#);
    for setting in [files(Direction::Response), anthropic(Direction::Response)] {
        assert_eq!(valid(&setting, &result(&thought("hm", SIGNATURE))), result(&thought("hm", SIGNATURE)));
        assert_eq!(valid(&setting, &result(&thought(CARD, SIGNATURE))), result(&thought(MASKED, "")));
    }
}

/// A gateway has one route for what several providers speak.
#[test]
fn the_rows_of_a_path_hold_beside_those_of_its_route() {
    let setting = Setting {
        beside: Beside::Dialect(Dialect::Anthropic),
        ..Setting::dialect(Dialect::OpenAi, Direction::Response)
    };
    let answer = |text: &str, signature: &str| {
        format!(r#"{{"content":[{{"type":"thinking","thinking":"{text}","signature":"{signature}"}}]}}"#)
    };
    assert_eq!(valid(&setting, &answer("hm", SIGNATURE)), answer("hm", SIGNATURE));
    assert_eq!(valid(&setting, &answer(CARD, SIGNATURE)), answer(MASKED, ""));
    let choice = |text: &str, copy: &str| format!(r#"{{"choices":[{{"text":"{text}","logprobs":{copy}}}]}}"#);
    assert_eq!(valid(&setting, &choice(CARD, "[4]")), choice(MASKED, "null"));
}

#[test]
fn other_copies_of_a_text_go_with_it() {
    let setting = openai(Direction::Response);
    for (text, expected) in [
        // vLLM: the prompt is not in the answer.
        (
            r#"{"choices":[{"text":"hi","prompt_logprobs":[{"1":{"decoded_token":"41"}}]}],"prompt_logprobs":null}"#,
            r#"{"choices":[{"text":"hi","prompt_logprobs":null}],"prompt_logprobs":null}"#,
        ),
        (r#"{"prompt_logprobs":[{"1":{"decoded_token":"41"}}]}"#, r#"{"prompt_logprobs":null}"#),
        (r#"{"count":2,"token_strs":["41","11"]}"#, r#"{"count":2,"token_strs":null}"#),
        // llama.cpp
        (
            r#"{"content":"CARD","tokens":[4,1],"completion_probabilities":[{"token":"4"}]}"#,
            r#"{"content":"MASKED","tokens":[],"completion_probabilities":[]}"#,
        ),
        (
            r#"{"content":"hi","tokens":[4,1],"completion_probabilities":[{"token":"4"}]}"#,
            r#"{"content":"hi","tokens":[4,1],"completion_probabilities":[{"token":"4"}]}"#,
        ),
        // Text Generation Inference
        (
            r#"{"generated_text":"CARD","details":{"seed":1,"prefill":[{"text":"4"}],"tokens":[{"text":"4"}]}}"#,
            r#"{"generated_text":"MASKED","details":{"seed":1,"prefill":null,"tokens":[]}}"#,
        ),
        (
            r#"[{"generated_text":"CARD","details":{"tokens":[{"text":"4"}]}}]"#,
            r#"[{"generated_text":"MASKED","details":{"tokens":[]}}]"#,
        ),
        // SGLang
        (
            r#"{"text":"CARD","output_ids":[4],"meta_info":{"output_token_logprobs":[[0,4,"4"]]}}"#,
            r#"{"text":"MASKED","output_ids":[],"meta_info":{"output_token_logprobs":null}}"#,
        ),
    ] {
        let spelled = |text: &str| text.replace("CARD", CARD).replace("MASKED", MASKED);
        assert_eq!(valid(&setting, &spelled(text)), spelled(expected));
    }
    assert_eq!(setting.refuse(br#"{"count":2,"tokens":[4,1]}"#, "").kind, BodyErrorKind::TokenIds);
    let request = openai(Direction::Request);
    for body in [r#"{"tokens":[4,1]}"#, r#"{"input_ids":[[4,1]]}"#, r#"{"token_ids":[4]}"#] {
        assert_eq!(request.refuse(body.as_bytes(), "").kind, BodyErrorKind::TokenIds, "{body}");
    }
}

#[test]
fn a_part_that_is_changed_is_not_signed_any_more() {
    for direction in [Direction::Request, Direction::Response] {
        let setting = Setting::dialect(Dialect::Gemini, direction);
        let body = |parts: &str| format!(r#"{{"contents":[{{"parts":[{parts}]}}],"x":1}}"#);
        let spelled =
            |text: &str, said: &str, signature: &str| body(&text.replace("SAID", said).replace("SIGNATURE", signature));
        for parts in [
            r#"{"text":"SAID","thought":true,"thoughtSignature":"SIGNATURE"},{"text":"ok"}"#,
            r#"{"functionCall":{"args":{"n":"SAID"}},"thought_signature":"SIGNATURE"}"#,
            r#"{"thoughtSignature":"SIGNATURE","functionCall":{"args":{"n":"SAID"}}}, {"text":"ok"}"#,
            r#"{"thought":true,"thoughtSignature" : "SIGNATURE" ,"text":"SAID"}"#,
        ] {
            let same = spelled(parts, "hm", SIGNATURE);
            assert_eq!(valid(&setting, &same), same);
            // A call without a signature would be refused by its model.
            let instead = if parts.contains("functionCall") { UNCHECKED } else { "" };
            assert_eq!(valid(&setting, &spelled(parts, CARD, SIGNATURE)), spelled(parts, MASKED, instead));
            assert_eq!(valid(&setting, &spelled(parts, CARD, UNCHECKED)), spelled(parts, MASKED, instead));
        }
        // Another part's finding leaves it alone.
        let other = |said: &str| {
            body(&format!(r#"{{"text":"{said}"}},{{"functionCall":{{"name":"f"}},"thoughtSignature":"{SIGNATURE}"}}"#))
        };
        assert_eq!(valid(&setting, &other(CARD)), other(MASKED));
        let image = body(&format!(
            r#"{{"thoughtSignature":"{SIGNATURE}","inlineData":{{"data":"{}"}}}}"#,
            SIGNATURE.repeat(5000)
        ));
        let (out, ended, _) = setting.run(&[image.as_bytes()]);
        assert_eq!((String::from_utf8(out), ended), (Ok(image), Ok(())));
    }
}

/// Providers write the token details of a text before it: they wait for it, as long as they may.
#[test]
fn logprobs_wait_for_the_text_that_follows() {
    let setting = openai(Direction::Response);
    let copy = r#"[{"token":"41","bytes":[52,49],"top_logprobs":[]}]"#;
    let part = |text: &str, copy: &str| {
        format!(r#"{{"output":[{{"content":[{{"annotations":[],"logprobs":{copy},"text":"{text}","x":1}}]}}],"y":1}}"#)
    };
    let choice = |text: &str, copy: &str| {
        format!(
            r#"{{"choices":[{{"logprobs":{{"content":{copy}}},"token_ids":{copy} ,"message":{{"content":"{text}","refusal":null}}}},{{"logprobs":null,"message":{{"content":"ok"}}}}]}}"#
        )
    };
    for copy in [copy, "[]", "null", "[ ]"] {
        assert_eq!(valid(&setting, &part("hello", copy)), part("hello", copy));
        assert_eq!(valid(&setting, &choice("hello", copy)), choice("hello", copy));
    }
    assert_eq!(valid(&setting, &part(CARD, copy)), part(MASKED, "null"));
    let gone = choice(MASKED, "GONE").replace(r#"{"content":GONE}"#, "null").replace("GONE", "null");
    assert_eq!(valid(&setting, &choice(CARD, copy)), gone);
    // No text comes, or one of something else.
    for (came, left) in [
        (
            r#"{"choices":[{"logprobs":COPY},{"text":"ok","logprobs":COPY}]}"#,
            r#"{"choices":[{"logprobs":null},{"text":"ok","logprobs":COPY}]}"#,
        ),
        (
            r#"{"logprobs":COPY,"choices":[{"text":"CARD"},{"text":"ok"}]}"#,
            r#"{"logprobs":null,"choices":[{"text":"MASKED"},{"text":"ok"}]}"#,
        ),
        (
            r#"{"choices":[{"logprobs":COPY,"prompt_logprobs":[1],"text":"CARD"}]}"#,
            r#"{"choices":[{"logprobs":null,"prompt_logprobs":null,"text":"MASKED"}]}"#,
        ),
        (r#"{"choices":[{"text":"CARD","logprobs":[]}]}"#, r#"{"choices":[{"text":"MASKED","logprobs":[]}]}"#),
    ] {
        let spelled = |text: &str| text.replace("COPY", copy).replace("CARD", CARD).replace("MASKED", MASKED);
        assert_eq!(valid(&setting, &spelled(came)), spelled(left));
    }
    // With offsets into the same text before and behind.
    let noted = |end: usize, text: &str, copy: &str| {
        let note = format!(r#"{{"type":"url_citation","start_index":0,"end_index":{end},"url":"u"}}"#);
        format!(
            r#"{{"output":[{{"content":[{{"annotations":[{note}],"logprobs":{copy},"notes":[{note}],"text":"{text}"}}]}}]}}"#
        )
    };
    assert_eq!(valid(&setting, &noted(9, "see there", copy)), noted(9, "see there", copy));
    // More than may wait goes, whole or while it comes.
    let long = format!("[{}1]", r#"{"token":"41"},"#.repeat((BodyLimits::default().json_hold / 14) + 1));
    let (said, little) = ("so it is. ".repeat(BodyLimits::default().json_hold / 5), copy);
    for (text, copy) in [("hello", long.as_str()), (said.as_str(), little)] {
        for chunk in [4096, usize::MAX] {
            let body = part(text, copy);
            let (out, ended, _) = setting.run(&body.as_bytes().chunks(chunk).collect::<Vec<_>>());
            assert_eq!(ended, Ok(()));
            let out = String::from_utf8(out).unwrap();
            // What comes in one piece need not wait.
            assert!(out == part(text, "null") || chunk == usize::MAX && out == body, "{chunk}");
        }
    }
}
