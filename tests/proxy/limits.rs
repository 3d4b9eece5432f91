//! Limits, each at one below, at, and one above where that can be told apart.

use crate::support::{Reply, TestProxy, Upstream, within};

const RULES: &str = "version = 1\npacks = [\"pci\", \"us-pii\", \"contact\"]\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn targets_are_bounded() {
    let upstream = Upstream::echo().await;
    let proxy = TestProxy::new()
        .workspace("acme", RULES)
        .upstream(&upstream)
        .policy(|policy| policy.limits.target_bytes = 100)
        .start();
    for (length, status) in [(99, 200), (100, 200), (101, 414)] {
        let target = format!("/{}", "a".repeat(length - 1));
        let answer = proxy.client().await.get(&target).await;
        assert_eq!(answer.status, status, "{length}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn header_sections_are_bounded() {
    let upstream = Upstream::echo().await;
    let proxy = TestProxy::new()
        .workspace("acme", RULES)
        .upstream(&upstream)
        .policy(|policy| {
            policy.limits.header_fields = 10;
            policy.limits.header_bytes = 16 << 10;
        })
        .start();
    for (fields, status) in [(9, 200), (10, 200), (11, 431)] {
        let more: String = (1..fields).map(|number| format!("X-{number}: y\r\n")).collect();
        let answer = proxy.client().await.send(format!("GET / HTTP/1.1\r\nHost: localhost\r\n{more}\r\n")).await;
        assert_eq!(answer.status, status, "{fields}");
    }
    for (size, status) in [(15 << 10, 200), (17 << 10, 431)] {
        let big = "y".repeat(size);
        let answer = proxy.client().await.send(format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {big}\r\n\r\n")).await;
        assert!(answer.status == status || (status == 431 && answer.status == 400), "{size}: {}", answer.status);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_serve_so_many_requests() {
    let upstream = Upstream::echo().await;
    let proxy = TestProxy::new()
        .workspace("acme", RULES)
        .upstream(&upstream)
        .policy(|policy| policy.limits.requests_per_connection = 3)
        .start();
    let mut client = proxy.client().await;
    for close in [None, None, Some("close")] {
        assert_eq!(client.get("/").await.header("connection"), close);
    }
    assert!(client.is_closed().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_in_flight_are_bounded_and_the_place_is_kept_to_the_last_byte() {
    let (pieces, script) = tokio::sync::mpsc::unbounded_channel();
    let script = std::sync::Mutex::new(Some(script));
    let mut upstream = Upstream::answering(move |_| match script.lock().unwrap().take() {
        Some(script) => Reply::Pieces(script),
        None => Reply::Bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec()),
    })
    .await;
    let proxy = TestProxy::new()
        .workspace("acme", RULES)
        .upstream(&upstream)
        .policy(|policy| policy.limits.requests = 1)
        .start();
    let mut first = proxy.client().await;
    first.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    pieces
        .send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 11\r\n\r\ndata: a\n".to_vec())
        .unwrap();
    assert_eq!(within(first.head()).await.unwrap().status, 200);
    let mut second = proxy.client().await;
    let refused = second.get("/").await;
    assert_eq!((refused.status, refused.code().as_str()), (503, "overloaded"));
    assert!(refused.header("retry-after").is_some());
    pieces.send(b"\n\n\n".to_vec()).unwrap();
    within(first.until(b"0\r\n\r\n")).await.unwrap();
    drop(pieces);
    upstream.gone().await;
    // The place is free once the answer's last byte has been taken.
    within(async {
        while second.get("/").await.status != 200 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(proxy.metric("blackbar_requests_in_flight"), 0.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_bounded() {
    let upstream = Upstream::echo().await;
    let proxy = TestProxy::new()
        .workspace("acme", RULES)
        .upstream(&upstream)
        .policy(|policy| policy.limits.connections = 1)
        .start();
    let mut client = proxy.client().await;
    assert_eq!(client.get("/").await.status, 200);
    let config = proxy.pki.client_config(Some(proxy.pki.client(&[crate::support::proxy::ACME])), &[]);
    assert!(within(crate::support::client::connect(proxy.address, "localhost", config)).await.is_err());
    assert_eq!(proxy.metric("blackbar_rejected_total{reason=\"conn_limit\",workspace=\"none\"}"), 1.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trailers_are_bounded() {
    for (size, complete) in [(1 << 10, true), (9 << 10, false)] {
        let upstream = Upstream::fixed(format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTrailer: X\r\nTransfer-Encoding: chunked\r\n\r\n\
            9\r\ndata: a\n\n\r\n0\r\nX: {}\r\n\r\n",
            "y".repeat(size)
        ))
        .await;
        let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
        let mut client = proxy.client().await;
        let answer = client.send("GET / HTTP/1.1\r\nHost: localhost\r\nTE: trailers\r\nConnection: TE\r\n\r\n").await;
        assert_eq!((answer.status, answer.complete), (200, complete), "{size}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_mebibytes_pass_both_ways() {
    let upstream = Upstream::echo().await;
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    let body = "clean text of some words, nothing to find. ".repeat(250_000);
    let answer = proxy.client().await.post("/", "text/plain", &body).await;
    assert_eq!((answer.status, answer.complete), (200, true));
    assert!(answer.text() == body);
}
