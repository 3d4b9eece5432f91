//! AWS Bedrock through the proxy: whose signature goes up, what goes where byte for byte, and how a stream ends.

use std::sync::Arc;

use blackbar::policy::{AwsCredentials, Mode, Route, Signing};
use tokio::sync::mpsc;

use crate::support::proxy::Running;
use crate::support::{Reply, TestProxy, Upstream, within};

const RULES: &str = "version = 1\npacks = [\"default\"]\n";
const BLOCK: &str = "version = 1\npacks = [\"default\"]\n[actions]\nCREDIT_CARD = \"block\"\n";
const STREAM: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.amazon.eventstream\r\nTransfer-Encoding: chunked\r\n\r\n";
/// No key of anyone's.
const SECRET: &str = "not-a-key-of-anyone";

fn signed(route: &mut Route) {
    let credentials = AwsCredentials::new("AKIDEXAMPLE", SECRET, Some("not-a-token")).unwrap();
    let signing = Signing { region: "us-east-1".to_owned(), service: "bedrock".to_owned(), credentials };
    route.sign = Some(Arc::new(signing));
    route.request = Mode::Buffer { limit: 1000 };
}

fn proxy(upstream: &Upstream, rules: &str) -> Running {
    TestProxy::new().workspace("acme", rules).route("/", upstream.address, signed).start()
}

fn crc(bytes: &[u8]) -> [u8; 4] {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum().to_be_bytes()
}

pub(crate) fn event(kind: &str, json: &str) -> Vec<u8> {
    let header = |name: &str, value: &str| {
        [
            &[u8::try_from(name.len()).unwrap()],
            name.as_bytes(),
            &[7, 0, u8::try_from(value.len()).unwrap()],
            value.as_bytes(),
        ]
        .concat()
    };
    let section =
        [header(":event-type", kind), header(":content-type", "application/json"), header(":message-type", "event")]
            .concat();
    let length = |bytes: usize| u32::try_from(bytes).unwrap().to_be_bytes();
    let mut bytes = [length(16 + section.len() + json.len()), length(section.len())].concat();
    bytes.extend(crc(&bytes));
    bytes.extend_from_slice(&section);
    bytes.extend_from_slice(json.as_bytes());
    bytes.extend(crc(&bytes));
    bytes
}

fn delta(text: &str) -> Vec<u8> {
    event("contentBlockDelta", &format!("{{\"contentBlockIndex\":0,\"delta\":{{\"text\":\"{text}\"}}}}"))
}

/// Header sections and payloads of messages whose lengths and sums are right.
pub(crate) fn messages(mut bytes: &[u8]) -> Vec<(String, String)> {
    let mut messages = Vec::new();
    while !bytes.is_empty() {
        let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        let (total, head) = (number(0), number(4));
        assert_eq!(crc(&bytes[..8]), bytes[8..12]);
        assert_eq!(crc(&bytes[..total - 4]), bytes[total - 4..total]);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        messages.push((text(&bytes[12..12 + head]), text(&bytes[12 + head..total - 4])));
        bytes = &bytes[total..];
    }
    messages
}

fn said(body: &[u8]) -> String {
    let texts = messages(body).into_iter().map(|(_, payload)| {
        let payload: serde_json::Value = serde_json::from_str(&payload).unwrap();
        payload["delta"]["text"].as_str().unwrap_or_default().to_owned()
    });
    texts.collect()
}

fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_goes_up_under_our_signature_and_its_path_as_it_came() {
    let mut upstream = Upstream::echo().await;
    let proxy = proxy(&upstream, RULES);
    let body = r#"{"messages":[{"role":"user","content":[{"text":"my card is 4111 1111 1111 1111"}]}]}"#;
    for model in [
        "anthropic.claude-3-haiku-20240307-v1%3A0",
        "anthropic.claude-3-haiku-20240307-v1:0",
        "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.anthropic.claude-3-haiku-20240307-v1%3A0",
    ] {
        let path = format!("/model/{model}/converse");
        let head = format!(
            "POST {path}?X-Amz-Signature=theirs&a=1 HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=theirs\r\nX-Amz-Date: 20000101T000000Z\r\nX-Amz-Security-Token: theirs\r\n\
             X-Amz-Content-Sha256: theirs\r\nX-Amz-Target: x\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        assert_eq!(proxy.client().await.send(head).await.status, 200);
        let received = upstream.request().await;
        assert_eq!(received.request_line(), format!("POST {path}?a=1 HTTP/1.1"));
        assert_eq!(received.text(), body.replace("4111 1111 1111 1111", "**** **** **** 1111"));
        let authorization = received.header("authorization").unwrap();
        let moment = received.header("x-amz-date").unwrap();
        let day = &moment[..8];
        let expected = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{day}/us-east-1/bedrock/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, Signature="
        );
        assert!(authorization.starts_with(&expected), "{authorization}");
        assert!(moment > "20260101T000000Z" && moment.len() == 16, "{moment}");
        assert_eq!(received.header("x-amz-security-token"), Some("not-a-token"));
        assert!(!received.head.contains("theirs") && received.header("x-amz-content-sha256").is_none());
        // The length that was hashed is the length that was sent.
        assert_eq!(received.header("content-length"), Some(received.body.len().to_string().as_str()));
    }
    let without = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    let head = "POST /model/m/converse HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer theirs\r\nContent-Length: 2\r\n\r\n{}";
    without.client().await.send(head).await;
    assert_eq!(upstream.request().await.header("authorization"), Some("Bearer theirs"), "unless the route signs");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_signed_is_refused_in_awss_words() {
    let upstream = Upstream::echo().await;
    let proxy = proxy(&upstream, BLOCK);
    let card = r#"{"inputText":"4111 1111 1111 1111"}"#;
    let large = format!("{{\"inputText\":\"{}\"}}", "word ".repeat(300));
    for (media_type, body, status, kind) in [
        ("application/json", card, 403, "AccessDeniedException"),
        ("application/json", &large, 413, "ValidationException"),
        ("application/vnd.amazon.eventstream", "", 415, "ValidationException"),
        ("application/json", "{\"a\":", 400, "ValidationException"),
    ] {
        let body = if media_type.contains("eventstream") { event("x", "{}") } else { body.as_bytes().to_vec() };
        let answer = proxy.client().await.post("/model/m/invoke", media_type, body).await;
        assert_eq!((answer.status, answer.header("x-amzn-errortype")), (status, Some(kind)));
        assert_eq!(answer.header("x-amzn-requestid"), answer.header("x-request-id"));
        let error: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert!(error["message"].is_string(), "{error}");
    }
    // A length that nobody declared is bounded as well.
    let chunked = format!(
        "POST /model/m/invoke HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{large}\r\n0\r\n\r\n",
        large.len()
    );
    assert_eq!(proxy.client().await.send(chunked).await.status, 413);
    assert!(upstream.is_untouched());
}

async fn streaming(rules: &str) -> (Upstream, mpsc::UnboundedSender<Vec<u8>>, Running) {
    let (pieces, script) = mpsc::unbounded_channel();
    let script = std::sync::Mutex::new(Some(script));
    let upstream = Upstream::answering(move |_| Reply::Pieces(script.lock().unwrap().take().unwrap())).await;
    let proxy = proxy(&upstream, rules);
    (upstream, pieces, proxy)
}

const ASK: &str = "POST /model/m/converse-stream HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
const ANSWER: &str = "Sure! Your card 4111 1111 1111 1111 is ready.";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_redacted_while_it_is_open() {
    let (_upstream, pieces, proxy) = streaming(RULES).await;
    let mut client = proxy.client().await;
    client.write(ASK).await;
    pieces.send(STREAM.to_vec()).unwrap();
    for part in ANSWER.as_bytes().chunks(3) {
        let message = delta(std::str::from_utf8(part).unwrap());
        let (first, second) = message.split_at(message.len() / 2);
        pieces.send([chunk(first), chunk(second)].concat()).unwrap();
    }
    // The first words arrive while the stream is open: nothing waits for its end.
    let first = within(client.until(b"{\"text\":\"S")).await.unwrap();
    let begin = first.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    assert!(String::from_utf8_lossy(&first[..begin]).contains("200 OK"));
    pieces.send(chunk(&event("contentBlockStop", "{\"contentBlockIndex\":0}"))).unwrap();
    pieces.send(chunk(&event("messageStop", "{\"stopReason\":\"end_turn\"}"))).unwrap();
    pieces.send(b"0\r\n\r\n".to_vec()).unwrap();
    let rest = within(client.until(b"\r\n0\r\n\r\n")).await.unwrap();
    let (mut body, mut rest) = (Vec::new(), [&first[begin + 4..], &rest].concat());
    while let Some(end) = rest.windows(2).position(|window| window == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        body.extend_from_slice(&rest[end + 2..end + 2 + size]);
        rest.drain(..end + 4 + size);
    }
    assert_eq!(said(&body), "Sure! Your card **** **** **** 1111 is ready.");
    assert!(messages(&body).last().unwrap().0.contains("messageStop"));
}

/// How a stream of these messages ends at the client: what was said, and the last message.
async fn broken(rules: &str, last: Vec<u8>) -> (String, (String, String)) {
    let (_upstream, pieces, proxy) = streaming(rules).await;
    let mut client = proxy.client().await;
    client.write(ASK).await;
    pieces.send(STREAM.to_vec()).unwrap();
    for part in ANSWER.as_bytes().chunks(3) {
        pieces.send(chunk(&delta(std::str::from_utf8(part).unwrap()))).unwrap();
    }
    pieces.send(last).unwrap();
    drop(pieces);
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.complete), (200, false), "a clean end is a lie");
    let mut messages = messages(&answer.body);
    (said(&answer.body), messages.pop().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_in_a_stream_is_an_exception_and_a_broken_end() {
    let (said, (headers, payload)) = broken(BLOCK, Vec::new()).await;
    assert_eq!(said, "Sure! Your card ");
    assert!(headers.contains("exception") && headers.contains("validationException"), "{headers}");
    assert_eq!(payload, "{\"message\":\"The content was blocked by a redaction policy.\"}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_damaged_or_cut_is_seen_to_be_broken() {
    let mut damaged = delta("and 4111 1111 1111 1111");
    let at = damaged.len() - 9;
    damaged[at] ^= 1;
    let whole = delta("and more");
    for last in [chunk(&damaged), chunk(&whole[..whole.len() - 1]), chunk(&whole[..5]), b"0\r\n".to_vec()] {
        let (said, (headers, payload)) = broken(RULES, last).await;
        assert!("Sure! Your card **** **** **** 1111 is ready.".starts_with(&said), "{said}");
        assert!(headers.contains("modelStreamErrorException"), "{headers}");
        assert!(payload.starts_with("{\"message\":\"The upstream"), "{payload}");
    }
    // A message that breaks off although the body ends as it should.
    let (said, (headers, _)) = broken(RULES, [chunk(&whole[..30]), b"0\r\n\r\n".to_vec()].concat()).await;
    assert!(!said.contains("and") && headers.contains("modelStreamErrorException"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_key_takes_over_between_two_requests() {
    let mut upstream = Upstream::echo().await;
    let first = TestProxy::new().workspace("acme", RULES).route("/", upstream.address, signed);
    let proxy = first.start();
    let (_, mut next) = TestProxy::new()
        .workspace("acme", RULES)
        .route("/", upstream.address, |route| {
            signed(route);
            let sign = Arc::get_mut(route.sign.as_mut().unwrap()).unwrap();
            sign.credentials = AwsCredentials::new("AKIDOTHER", SECRET, None).unwrap();
        })
        .build();
    for listener in &mut next.listeners {
        let settings = listener.tls.as_mut().unwrap();
        settings.certificate = proxy.pki.file("server.crt");
        settings.private_key = proxy.pki.file("server.key");
        settings.client_ca = Some(proxy.pki.file("ca.crt"));
    }
    let mut client = proxy.client().await;
    client.post("/model/m/invoke", "application/json", "{}").await;
    assert!(upstream.request().await.head.contains("AKIDEXAMPLE"));
    proxy.handle.replace(Arc::new(next)).unwrap();
    client.post("/model/m/invoke", "application/json", "{}").await;
    let received = upstream.request().await;
    assert!(received.head.contains("AKIDOTHER") && received.header("x-amz-security-token").is_none());
}
