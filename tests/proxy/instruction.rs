//! `token_instruction`: a model is told what tokens are, where there are any, and nothing else of a request changes.

use std::io::{Read, Write};

use serde_json::{Value, json};

use crate::audit::record_of;
use crate::support::{TestProxy, Upstream};

const RULES: &str = "version = 1\npacks = [\"contact\"]\n[actions]\nEMAIL = { request = \"tokenize\", response = \"mask-domain\" }\n\
                     PHONE = \"stand-in\"\n";
const SAID: &str = "Keep what stands in brackets.";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_is_told_where_there_are_tokens() {
    let mut upstream = Upstream::echo().await;
    let proxy = TestProxy::new().audited().workspace("acme", RULES);
    let proxy = proxy.route_settings(&format!("token_instruction = \"{SAID}\"\n")).upstream(&upstream).start();
    let mut client = proxy.client().await;
    let chat = |text: &str| {
        json!({"model": "m", "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": text}]}).to_string()
    };
    let url = "/v1/chat/completions";
    // Without tokens the request is what it was; a stand-in needs no words.
    for text in ["hello", "call (212) 555-0123"] {
        let answer = client.post(url, "application/json", chat(text)).await;
        let received = upstream.request().await;
        assert!(!received.text().contains(SAID) && received.body.len() == chat(text).len(), "{}", received.text());
        assert_eq!(record_of(&proxy, answer.header("x-request-id"))["instruction_bytes"], Value::Null);
    }
    let body = chat("write to jane@example.com");
    let answer = client.post(url, "application/json", &body).await;
    let received = upstream.request().await;
    let sent: Value = serde_json::from_slice(&received.body).unwrap();
    assert_eq!(sent["messages"][0]["content"], format!("Be kind.\n\n{SAID}"));
    let content = sent["messages"][1]["content"].as_str().unwrap();
    assert!(content.starts_with("write to [EMAIL_"), "{content}");
    // The receipt balances: what was put in is told apart.
    let record = record_of(&proxy, answer.header("x-request-id"));
    let receipt = &record["request"];
    let number = |name: &str| receipt[name].as_u64().unwrap_or_default();
    assert_eq!((number("bytes_in"), number("bytes_out")), (body.len() as u64, received.body.len() as u64));
    assert_eq!((number("length"), number("scanned")), (body.len() as u64, body.len() as u64));
    assert_eq!(record["instruction_bytes"].as_u64(), Some(SAID.len() as u64 + 4), "with the escaped line ends");

    // In its coding.
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(body.as_bytes()).unwrap();
    let zipped = encoder.finish().unwrap();
    let head = format!(
        "POST {url} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        zipped.len()
    );
    client.send([head.as_bytes(), &zipped].concat()).await;
    let received = upstream.request().await;
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(&received.body[..]).read_to_end(&mut plain).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&plain).unwrap(), sent);
    // What has no place for it goes on as ever.
    client.post("/v1/embeddings", "application/json", r#"{"input":"jane@example.com"}"#).await;
    assert!(!upstream.request().await.text().contains(SAID));
}
