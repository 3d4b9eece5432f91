//! Whole documents: requests and answers of Converse, of models that are invoked, and of what counts tokens.

use blackbar::body::Direction;
use serde_json::{Value, json};

use super::super::fixtures::{PLANTED, TEXT, clean};
use super::{base64, document, from_base64};

const SIGNATURE: &str = "EqoBCkgIAhABGAIiQL2m8Q1d7aTqZQ0xY3mN5n9v6k4pWw8cB1rTz0s5uVXyZgAbCdEfGhIjKlMnOpQrStUvWxYz==";

fn request(body: &Value) -> Value {
    serde_json::from_str(&document(Direction::Request, &body.to_string())).unwrap()
}

fn answer(body: &Value) -> Value {
    serde_json::from_str(&document(Direction::Response, &body.to_string())).unwrap()
}

fn thought(text: &str, signature: Option<&str>) -> Value {
    let mut inside = json!({ "text": text });
    if let Some(signature) = signature {
        inside["signature"] = signature.into();
    }
    json!({ "reasoningContent": { "reasoningText": inside } })
}

#[test]
fn a_converse_request_is_redacted_wherever_text_stands() {
    let body = json!({
        "system": [{ "text": TEXT }],
        "messages": [
            { "role": "user", "content": [{ "text": TEXT }] },
            { "role": "assistant", "content": [{ "toolUse": { "toolUseId": "t", "name": "f", "input": { "card": 4_111_111_111_111_111_u64, "note": TEXT } } }] },
            { "role": "user", "content": [{ "toolResult": { "toolUseId": "t", "content": [{ "text": TEXT }, { "json": { "a": TEXT } }] } }] },
        ],
        "toolConfig": { "tools": [{ "toolSpec": { "name": "f", "description": TEXT, "inputSchema": { "json": { "enum": [TEXT] } } } }] },
        "additionalModelRequestFields": { "user": "jane@example.com" },
        "somethingNew": { "deep": [TEXT] },
    });
    let out = request(&body);
    clean("converse", &out.to_string());
    assert_eq!(out["messages"][1]["content"][0]["toolUse"]["input"]["card"], "************1111");
    assert_eq!(out["messages"][2]["content"][0]["toolResult"]["toolUseId"], "t");
}

#[test]
fn every_models_own_body_is_scanned() {
    for body in [
        json!({ "anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "system": TEXT, "messages": [{ "role": "user", "content": TEXT }] }),
        json!({ "inputText": TEXT, "textGenerationConfig": { "stopSequences": [TEXT] } }),
        json!({ "prompt": TEXT, "max_gen_len": 1 }),
        json!({ "message": TEXT, "chat_history": [{ "role": "USER", "message": TEXT }] }),
        json!({ "texts": [TEXT], "input_type": "search_query" }),
        json!({ "schemaVersion": "messages-v1", "messages": [{ "role": "user", "content": [{ "text": TEXT }] }] }),
        json!({ "never heard of": { TEXT: [TEXT] } }),
        json!({ "input": { "converse": { "messages": [{ "role": "user", "content": [{ "text": TEXT }] }] } } }),
    ] {
        clean("invoke", &request(&body).to_string());
        clean("invoke", &answer(&body).to_string());
    }
    for body in [
        json!({ "results": [{ "outputText": TEXT, "completionReason": "FINISH" }] }),
        json!({ "generation": TEXT, "stop_reason": "stop" }),
        json!({ "outputs": [{ "text": TEXT, "stop_reason": "stop" }] }),
        json!({ "text": TEXT, "generations": [{ "text": TEXT }] }),
        json!({ "output": { "message": { "role": "assistant", "content": [{ "text": TEXT }, thought(TEXT, None)] } }, "stopReason": "end_turn" }),
    ] {
        clean("answer", &answer(&body).to_string());
    }
}

/// What counts tokens of an invocation has its body in base64.
#[test]
fn a_body_in_base64_is_opened() {
    let inside = json!({ "inputText": TEXT }).to_string();
    let out = request(&json!({ "input": { "invokeModel": { "body": base64(inside.as_bytes()) } } }));
    let inside = from_base64(out["input"]["invokeModel"]["body"].as_str().unwrap());
    let inside: Value = serde_json::from_slice(&inside).unwrap();
    clean("count-tokens", &inside.to_string());
}

#[test]
fn files_that_are_text_are_scanned_and_media_pass() {
    let file = |bytes: &[u8]| json!({ "messages": [{ "role": "user", "content": [{ "document": { "format": "txt", "name": "d", "source": { "bytes": base64(bytes) } } }] }] });
    let sent = |bytes: &[u8]| {
        let out = request(&file(bytes));
        from_base64(out["messages"][0]["content"][0]["document"]["source"]["bytes"].as_str().unwrap())
    };
    let prose = "It was a bright cold day in April, and the clocks were striking thirteen.\n";
    for text in [
        format!("{TEXT}\n"),
        format!("{prose}{TEXT}\n{prose}"),
        format!("{}{TEXT}", prose.repeat(200)),
        "short 4111 1111 1111 1111".to_owned(),
    ] {
        let out = String::from_utf8(sent(text.as_bytes())).unwrap();
        clean("document", &out);
        assert!(out.contains("1111"), "{out}");
    }
    let picture: Vec<u8> =
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".iter().copied().chain((0..4000).map(|at: u32| (at * at / 7) as u8)).collect();
    assert_eq!(sent(&picture), picture);
    let pictures = json!({
        "imageVariationParams": { "text": "a card, 4111 1111 1111 1111", "images": [base64(&picture)] },
        "inPaintingParams": { "image": base64(&picture), "maskImage": base64(&picture) },
    });
    let masked = pictures.to_string().replace("4111 1111 1111 1111", "**** **** **** 1111");
    assert_eq!(document(Direction::Request, &pictures.to_string()), masked);
    let pdf = [b"%PDF-1.3\n1 0 obj << /Type /Catalog /Pages 2 0 R >> endobj ".as_slice(), &picture].concat();
    assert_eq!(sent(&pdf), pdf);
}

#[test]
fn signed_thoughts_go_up_as_they_came_or_not_at_all() {
    let body = |blocks: &[Value]| json!({ "messages": [{ "role": "assistant", "content": blocks }] });
    let text = json!({ "text": "hello" });
    let encrypted = json!({ "reasoningContent": { "redactedContent": SIGNATURE } });
    let good = thought("nothing personal", Some(SIGNATURE));
    let bad = thought(TEXT, Some(SIGNATURE));
    let emptied = thought("masked **** 1111", Some(""));
    let unsigned = thought("nobody signs here", None);
    for blocks in
        [vec![good.clone(), text.clone()], vec![encrypted.clone(), good.clone()], vec![unsigned.clone(), text.clone()]]
    {
        let before = body(&blocks).to_string();
        assert_eq!(document(Direction::Request, &before), before);
    }
    for removed in [bad.clone(), emptied] {
        assert_eq!(request(&body(&[removed.clone(), text.clone()])), body(std::slice::from_ref(&text)));
        assert_eq!(request(&body(&[good.clone(), removed.clone()])), body(std::slice::from_ref(&good)));
        assert_eq!(request(&body(&[removed])), body(&[json!({ "text": "[thinking removed]" })]));
    }
    // Keys in another order, and what no signature covers.
    let turned = format!(
        "{{\"messages\":[{{\"content\":[{{\"reasoningContent\":{{\"reasoningText\":{{\"signature\":\"{SIGNATURE}\",\"text\":\"4111 1111 1111 1111\"}}}}}},{{\"text\":\"x\"}}]}}]}}"
    );
    assert_eq!(document(Direction::Request, &turned), "{\"messages\":[{\"content\":[{\"text\":\"x\"}]}]}");
    let out = request(&body(&[thought(TEXT, None)])).to_string();
    clean("unsigned", &out);
    assert!(out.contains("reasoningText"));
}

#[test]
fn a_thought_that_changes_on_its_way_down_loses_its_signature() {
    let body = |text: &str, signature: &str| json!({ "output": { "message": { "role": "assistant", "content": [thought(text, Some(signature)), { "text": "x" }] } } });
    let clean = body("nothing personal", SIGNATURE).to_string();
    assert_eq!(document(Direction::Response, &clean), clean);
    let out = answer(&body("card 4111 1111 1111 1111", SIGNATURE));
    assert_eq!(out, body("card **** **** **** 1111", ""));
    let turned = clean.replace("\"signature\"", "\"x\"").replace("nothing personal", PLANTED[1]);
    assert!(document(Direction::Response, &turned).contains("************1111"));
    // An Anthropic model's own answer, as it is invoked.
    let own = format!(
        "{{\"content\":[{{\"type\":\"thinking\",\"thinking\":\"4111 1111 1111 1111\",\"signature\":\"{SIGNATURE}\"}}]}}"
    );
    assert!(document(Direction::Response, &own).contains("\"signature\":\"\""));
}
