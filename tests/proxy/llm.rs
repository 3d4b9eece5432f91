//! Model providers' protocols through the proxy, and bodies in their codings.

use std::io::{Read, Write};

use tokio::sync::mpsc;

use crate::support::upstream::ok;
use crate::support::{Reply, TestProxy, Upstream, within};

const RULES: &str = "version = 1\npacks = [\"pci\", \"us-pii\", \"contact\"]\n";
const BLOCK: &str = "version = 1\npacks = [\"pci\", \"us-pii\", \"contact\"]\n[actions]\nCREDIT_CARD = \"block\"\n";
const EVENTS: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
const ANSWER: &str = "Sure! Your card 4111 1111 1111 1111 is ready, jane@example.com will confirm.";
const REDACTED: &str = "Sure! Your card **** **** **** 1111 is ready, jane@*** will confirm.";

fn delta(text: &str) -> String {
    let delta = serde_json::json!({
        "id": "1", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]
    });
    format!("data: {delta}\n\n")
}

/// The text that the deltas of a chat stream spell.
fn spelled(stream: &str) -> String {
    let events = stream.lines().filter_map(|line| line.strip_prefix("data: "));
    let events = events.filter_map(|data| serde_json::from_str::<serde_json::Value>(data).ok());
    events.map(|event| event["choices"][0]["delta"]["content"].as_str().unwrap_or_default().to_owned()).collect()
}

fn chunk(text: &str) -> Vec<u8> {
    format!("{:x}\r\n{text}\r\n", text.len()).into_bytes()
}

async fn streaming(rules: &str) -> (Upstream, mpsc::UnboundedSender<Vec<u8>>, crate::support::proxy::Running) {
    let (pieces, script) = mpsc::unbounded_channel();
    let script = std::sync::Mutex::new(Some(script));
    let upstream = Upstream::answering(move |_| Reply::Pieces(script.lock().unwrap().take().unwrap())).await;
    let proxy = TestProxy::new().workspace("acme", rules).upstream(&upstream).start();
    (upstream, pieces, proxy)
}

const CHAT: &str = r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"my SSN is 078-05-1120"}]}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chat_in_three_character_deltas_is_redacted_and_never_stalls() {
    let (mut upstream, pieces, proxy) = streaming(RULES).await;
    let mut client = proxy.client().await;
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{CHAT}",
        CHAT.len()
    );
    client.write(head).await;
    assert!(upstream.request().await.text().contains("***-**-****"));
    pieces.send(EVENTS.to_vec()).unwrap();
    for part in ANSWER.as_bytes().chunks(3) {
        pieces.send(chunk(&delta(std::str::from_utf8(part).unwrap()))).unwrap();
    }
    // The first words arrive while the stream is open: nothing waits for its end.
    within(client.until(b"Sur")).await.unwrap();
    let end =
        "data: {\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    pieces.send(chunk(end)).unwrap();
    pieces.send(b"0\r\n\r\n".to_vec()).unwrap();
    let rest = within(client.until(b"\r\n0\r\n\r\n")).await.unwrap();
    let text = format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"Sur{}", String::from_utf8(rest).unwrap());
    assert_eq!(spelled(&text), REDACTED, "{text}");
    assert!(text.contains("[DONE]"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_in_a_chat_stream_is_the_providers_error_event() {
    let (_upstream, pieces, proxy) = streaming(BLOCK).await;
    let mut client = proxy.client().await;
    client.write(format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{CHAT}",
        CHAT.len()
    )).await;
    pieces.send(EVENTS.to_vec()).unwrap();
    for part in ANSWER.as_bytes().chunks(3) {
        pieces.send(chunk(&delta(std::str::from_utf8(part).unwrap()))).unwrap();
    }
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.complete), (200, false));
    let last = answer.text().trim_end().rsplit("data: ").next().unwrap().to_owned();
    let error: serde_json::Value = serde_json::from_str(&last).unwrap();
    assert_eq!(error["error"]["code"], "policy_blocked", "{last}");
    assert!(!answer.text().contains("4111 ") && !spelled(&answer.text()).contains('4'));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_have_the_providers_shape() {
    let upstream = Upstream::echo().await;
    let proxy = TestProxy::new().workspace("acme", BLOCK).upstream(&upstream).start();
    let body = r#"{"messages":[{"role":"user","content":"4111 1111 1111 1111"}]}"#;
    let answer = proxy.client().await.post("/v1/chat/completions", "application/json", body).await;
    let error: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!((answer.status, error["error"]["code"].as_str()), (403, Some("policy_blocked")));
    let answer = proxy.client().await.post("/v1/messages", "application/json", body).await;
    let error: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!((answer.status, error["error"]["type"].as_str()), (403, Some("permission_error")));
    let answer = proxy.client().await.post("/v1beta/models/m:generateContent", "application/json", body).await;
    let error: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!((answer.status, error["error"]["status"].as_str()), (403, Some("PERMISSION_DENIED")));
    for path in ["/v2/chat", "/api/chat"] {
        let answer = proxy.client().await.post(path, "application/json", body).await;
        let error: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert!(answer.status == 403 && (error["message"].is_string() || error["error"].is_string()), "{error}");
    }
    assert!(upstream.is_untouched());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_of_a_model_stream_and_end_in_its_own_words() {
    let record =
        |text: &str, done: bool| format!("{}\n", serde_json::json!({"model": "m", "response": text, "done": done}));
    let head = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (rules, blocked) in [(RULES, false), (BLOCK, true)] {
        let (_upstream, pieces, proxy) = streaming(rules).await;
        let mut client = proxy.client().await;
        let body = r#"{"model":"m","prompt":"hi"}"#;
        client.write(format!(
            "POST /api/generate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )).await;
        pieces.send(head.to_vec()).unwrap();
        for part in ANSWER.as_bytes().chunks(3) {
            pieces.send(chunk(&record(std::str::from_utf8(part).unwrap(), false))).unwrap();
        }
        // The first words arrive while the stream is open.
        let first = within(client.until(b"Sur")).await.unwrap();
        pieces.send(chunk(&record("", true))).unwrap();
        pieces.send(b"0\r\n\r\n".to_vec()).unwrap();
        let end: &[u8] = if blocked { b"\"error\":" } else { b"\r\n0\r\n\r\n" };
        let rest = within(client.until(end)).await.unwrap();
        let text = String::from_utf8([first, rest].concat()).unwrap();
        let records = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let spelled: String =
            records.map(|record| record["response"].as_str().unwrap_or_default().to_owned()).collect();
        assert_eq!(spelled.contains(REDACTED), !blocked, "{text}");
        assert!(!spelled.contains("4111"), "{text}");
    }
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn gunzip(bytes: &[u8]) -> String {
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(bytes).read_to_string(&mut text).unwrap();
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gzip_is_opened_and_made_again_both_ways() {
    let mut upstream = Upstream::answering(|_| {
        let body = gzip("{\"mail\": \"jane@example.com\"}");
        let mut bytes = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        bytes.extend_from_slice(&body);
        Reply::Bytes(bytes)
    })
    .await;
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    let body = gzip("{\"card\": \"4111 1111 1111 1111\"}");
    let mut request = format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n\
        Accept-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(&body);
    let answer = proxy.client().await.send(request).await;
    assert_eq!((answer.status, answer.header("content-encoding")), (200, Some("gzip")));
    assert_eq!(gunzip(&answer.body), "{\"mail\": \"jane@***\"}");
    let received = upstream.request().await;
    assert_eq!(received.header("content-encoding"), Some("gzip"));
    assert_eq!(gunzip(&received.body), "{\"card\": \"**** **** **** 1111\"}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_is_refused_and_reaches_nobody() {
    let upstream = Upstream::echo().await;
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    let coded = |coding: &str, body: &[u8]| {
        let mut request = format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        request
    };
    let whole = gzip("{\"a\": 1}");
    let mut trailing = whole.clone();
    trailing.extend_from_slice(b"GARBAGE 4111 1111 1111 1111");
    let bomb = gzip(&" ".repeat(8 << 20));
    for (request, status) in [
        (coded("gzip", &whole[..whole.len() - 4]), 400),
        (coded("gzip", b"not gzip at all"), 400),
        (coded("gzip", &trailing), 400),
        (coded("gzip, gzip, gzip, gzip", &whole), 415),
        (coded("snappy", &whole), 415),
        (coded("gzip", &bomb), 413),
        (coded("identity", b"{\"a\": "), 400),
        (coded("identity", "[".repeat(1000).as_bytes()), 400),
    ] {
        let answer = proxy.client().await.send(request).await;
        assert_eq!(answer.status, status, "{}", answer.code());
    }
    assert!(upstream.is_untouched());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_cannot_be_read_are_502() {
    for body in ["{\"a\": ", "{\"a\": \"4111 1111 1111 1111"] {
        let upstream = Upstream::fixed(ok("application/json", body)).await;
        let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
        let answer = proxy.client().await.get("/").await;
        assert_eq!(answer.status, 502, "{}", answer.code());
        assert!(!answer.text().contains("4111 "));
    }
}

/// A text that came as the numbers of its tokens is refused with what to do about it, or passes where the route says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn token_ids_are_refused_unless_the_route_lets_them_pass() {
    let mut upstream = Upstream::echo().await;
    let proxy = TestProxy::new()
        .workspace("acme", RULES)
        .route("/ids", upstream.address, |route| {
            route.opaque = [blackbar::body::MediaRange::parse("application/x-token-ids").unwrap()].into();
        })
        .upstream(&upstream)
        .start();
    let mut client = proxy.client().await;
    let body = r#"{"model":"e","input":[[9906,25,3786],[1]]}"#;
    let answer = client.post("/v1/embeddings", "application/json", body).await;
    let said: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!((answer.status, &said["error"]["code"]), (415, &"token_ids".into()), "{said}");
    assert!(said["error"]["message"].as_str().unwrap().contains("check_embedding_ctx_length=False"), "{said}");
    assert!(!upstream.saw("9906"));
    let answer = client.post("/ids/v1/embeddings", "application/json", body).await;
    assert_eq!((answer.status, upstream.request().await.text().ends_with(body)), (200, true));
    let labels = "{direction=\"request\",reason=\"token_ids\",workspace=\"acme\"}";
    assert_eq!(proxy.metric(&format!("blackbar_unscanned_bytes_total{labels}")), 11.0);
}
