//! What a blocking rule does, and where an answer to a fault can still be clean.

use blackbar::policy::Mode;

use crate::support::upstream::ok;
use crate::support::{Reply, TestProxy, Upstream};

const RULES: &str = "version = 1\npacks = [\"pci\", \"us-pii\", \"contact\"]\n";
const BLOCK_UP: &str = "version = 1\npacks = [\"pci\", \"us-pii\", \"contact\"]\n[actions]\nCREDIT_CARD = { request = \"block\", response = \"redact\" }\n";
const BLOCK_DOWN: &str = "version = 1\npacks = [\"pci\", \"us-pii\", \"contact\"]\n[actions]\nCREDIT_CARD = { request = \"redact\", response = \"block\" }\n";
const CARD: &str = "4111 1111 1111 1111";

fn chunked(target: &str, body: &str) -> String {
    format!(
        "POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n\
        {:x}\r\n{body}\r\n0\r\n\r\n",
        body.len()
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocked_request_never_reaches_the_upstream() {
    let upstream = Upstream::echo().await;
    let proxy = TestProxy::new().workspace("acme", BLOCK_UP).upstream(&upstream).start();
    let mut client = proxy.client().await;
    let answer = client.post("/", "text/plain", CARD).await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "policy_blocked"));
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let problem: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(problem["rule"], "pci.card");
    assert_eq!(problem["request_id"].as_str(), answer.header("x-request-id"));
    assert!(!answer.text().contains("1111 "));
    // The body had been read: the connection goes on.
    let answer = client.post("/", "text/plain", "clean").await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "clean"));
    assert!(!upstream.saw("4111 "));
    let line = "blackbar_findings_total{action=\"block\",direction=\"request\",entity=\"CREDIT_CARD\",rule=\"pci.card\",workspace=\"acme\"}";
    assert_eq!(proxy.metric(line), 1.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_every_split_of_a_body_nothing_of_a_blocked_value_reaches_the_upstream() {
    let upstream = Upstream::echo().await;
    let proxy = TestProxy::new().workspace("acme", BLOCK_UP).upstream(&upstream).start();
    for body in [format!("pay {CARD} now"), format!("{{\"n\":\"{CARD}\"}}")] {
        let kind = if body.starts_with('{') { "application/json" } else { "text/plain" };
        for at in 1..body.len() {
            let mut client = proxy.client().await;
            let (left, right) = body.split_at(at);
            let head = format!(
                "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n"
            );
            client.write(format!("{head}{:x}\r\n{left}\r\n", left.len())).await;
            client.write(format!("{:x}\r\n{right}\r\n0\r\n\r\n", right.len())).await;
            let answer = client.answer().await;
            assert_eq!((answer.status, answer.code().as_str()), (403, "policy_blocked"), "at {at} of {body}");
        }
    }
    // Not even its beginning.
    assert!(!upstream.saw("4111 ") && !upstream.saw("1111"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_in_flight_breaks_the_request_and_answers() {
    let mut upstream = Upstream::echo().await;
    let proxy = TestProxy::new().workspace("acme", BLOCK_UP).upstream(&upstream).start();
    let answer = proxy.client().await.send(chunked("/", &format!("some words first, then {CARD} and more"))).await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "policy_blocked"));
    if !upstream.is_untouched() {
        upstream.gone().await;
    }
    assert!(!upstream.saw("4111 ") && !upstream.saw("0\r\n\r\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocked_answer_is_a_clean_refusal_up_to_256_kib() {
    let long = format!("{}{CARD}", "clean text of some words. ".repeat(8_000));
    assert!(long.len() > 200 << 10 && long.len() < 256 << 10);
    for body in [CARD.to_owned(), long] {
        let upstream = Upstream::fixed(ok("text/plain", &body)).await;
        let proxy = TestProxy::new().workspace("acme", BLOCK_DOWN).upstream(&upstream).start();
        let answer = proxy.client().await.get("/").await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "policy_blocked"));
        assert!(answer.complete && !answer.text().contains("4111 "));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_behind_the_head_breaks_the_answer() {
    let body = format!("{}{CARD} and more", "clean text of some words. ".repeat(40_000));
    let upstream = Upstream::fixed(ok("text/plain", &body)).await;
    let proxy = TestProxy::new().workspace("acme", BLOCK_DOWN).upstream(&upstream).start();
    let answer = proxy.client().await.get("/").await;
    assert_eq!(answer.status, 200);
    assert!(!answer.complete && !answer.text().contains("4111 "));
    let buffered = TestProxy::new()
        .workspace("acme", BLOCK_DOWN)
        .route("/", upstream.address, |route| route.response = Mode::Buffer { limit: 4 << 20 })
        .start();
    let answer = buffered.client().await.get("/").await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "policy_blocked"), "buffer mode decides first");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn buffer_mode_sends_nothing_before_it_has_decided() {
    let mut upstream = Upstream::echo().await;
    let proxy = TestProxy::new()
        .workspace("acme", BLOCK_UP)
        .route("/", upstream.address, |route| route.request = Mode::Buffer { limit: 1 << 20 })
        .start();
    let body = format!("{}{CARD}", "clean text of some words. ".repeat(10_000));
    let mut client = proxy.client().await;
    let answer = client.send(chunked("/", &body)).await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "policy_blocked"));
    assert!(upstream.is_untouched());
    assert_eq!(answer.header("connection"), None, "the body was read to its end");
    let answer = client.send(chunked("/", "clean")).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "clean"));
    assert_eq!(upstream.request().await.header("content-length"), Some("5"));
    for (length, status) in [(1 << 20, 200), ((1 << 20) + 1, 413)] {
        let answer = proxy.client().await.post("/", "text/plain", &"x ".repeat(length).as_bytes()[..length]).await;
        assert_eq!(answer.status, status, "{length}");
        let answer = proxy.client().await.send(chunked("/", &"x ".repeat(length)[..length])).await;
        assert_eq!(answer.status, status, "{length}, undeclared");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn off_passes_and_is_counted() {
    let mut upstream = Upstream::echo().await;
    let proxy = TestProxy::new()
        .workspace("acme", BLOCK_UP)
        .route("/", upstream.address, |route| {
            route.request = Mode::Off;
            route.response = Mode::Off;
        })
        .start();
    let answer = proxy.client().await.post("/", "text/plain", CARD).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, CARD));
    assert_eq!(upstream.request().await.header("content-length"), Some("19"), "bytes that stay keep their length");
    for direction in ["request", "response"] {
        let labels = format!("{{direction=\"{direction}\",reason=\"mode_off\",workspace=\"acme\"}}");
        assert_eq!(proxy.metric(&format!("blackbar_unscanned_bytes_total{labels}")), 19.0);
        assert_eq!(proxy.metric(&format!("blackbar_unscanned_bodies_total{labels}")), 1.0);
    }
}

/// As in a path: no other name can stand for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_finding_in_a_headers_name_is_refused() {
    let upstream = Upstream::fixed(
        "HTTP/1.1 200 OK\r\nX-4111111111111111: a\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok",
    )
    .await;
    let proxy =
        TestProxy::new().workspace("acme", "version = 1\npacks = [\"pci\", \"contact\"]\n").upstream(&upstream).start();
    let mut client = proxy.client().await;
    let request = |name: &str| format!("GET / HTTP/1.1\r\nHost: localhost\r\n{name}: a\r\n\r\n");
    for name in ["X-4111-1111-1111-1111", "4111111111111111"] {
        let answer = proxy.client().await.send(request(name)).await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "policy_blocked"), "{name}");
    }
    assert!(upstream.is_untouched());
    let answer = client.send(request("X-Note")).await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "policy_blocked"), "an answer's");
    assert!(!answer.head.contains("4111") && upstream.saw("GET"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocking_finding_in_query_or_header_is_refused() {
    let upstream = Upstream::echo().await;
    let proxy = TestProxy::new().workspace("acme", BLOCK_UP).upstream(&upstream).start();
    for request in [
        "GET /?q=4111%201111+1111%201111 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nX-Note: 4111 1111 1111 1111\r\n\r\n",
    ] {
        let answer = proxy.client().await.send(request).await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "policy_blocked"));
    }
    assert!(upstream.is_untouched());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn codings_that_are_not_known_are_refused_on_either_side() {
    let upstream = Upstream::answering(|_| {
        Reply::Bytes(b"HTTP/1.1 200 OK\r\nContent-Encoding: exi\r\nContent-Length: 5\r\n\r\nhello".to_vec())
    })
    .await;
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    let mut client = proxy.client().await;
    let answer = client
        .send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: exi\r\nContent-Length: 5\r\n\r\nhello")
        .await;
    assert_eq!((answer.status, answer.code().as_str()), (415, "coding"));
    assert!(answer.header("accept-encoding").is_some());
    assert!(upstream.is_untouched());
    let answer = proxy.client().await.get("/").await;
    assert_eq!((answer.status, answer.code().as_str()), (502, "coding"));
}
