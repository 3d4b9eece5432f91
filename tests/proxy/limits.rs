//! Limits, each at one below, at, and one above where that can be told apart.

use std::io::Write;
use std::sync::Arc;

use blackbar::policy::{Mode, Route};
use rustls::ClientConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::client;
use crate::support::proxy::{ACME, Running};
use crate::support::upstream::ok;
use crate::support::{Client, Reply, TestProxy, Upstream, within};

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
    // The request line counts, as does the line that ends the section.
    for (size, status) in [((16 << 10) - 1, 200), (16 << 10, 200), ((16 << 10) + 1, 431), (17 << 10, 431)] {
        let head = "GET / HTTP/1.1\r\nHost: localhost\r\nX: \r\n\r\n";
        let head = head.replace("X: ", &format!("X: {}", "y".repeat(size - head.len())));
        let answer = proxy.client().await.send(head).await;
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
        .policy(|policy| policy.limits.connections = 2)
        .start();
    let (mut client, mut second) = (proxy.client().await, proxy.client().await);
    assert_eq!((client.get("/").await.status, second.get("/").await.status), (200, 200));
    let config = proxy.pki.client_config(Some(proxy.pki.client(&[crate::support::proxy::ACME])), &[]);
    assert!(within(crate::support::client::connect(proxy.address, "localhost", config)).await.is_err());
    assert_eq!(proxy.metric("blackbar_rejected_total{reason=\"conn_limit\",workspace=\"none\"}"), 1.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_of_one_certificate_are_bounded() {
    let upstream = Upstream::echo().await;
    let proxy = TestProxy::new()
        .workspace("acme", RULES)
        .upstream(&upstream)
        .policy(|policy| policy.limits.certificate_connections = 3)
        .start();
    let config = |certificate| proxy.pki.client_config(Some(certificate), &["http/1.1"]);
    let [one, other] = [(); 2].map(|()| config(proxy.pki.client(&[ACME])));
    let connect = |config: &Arc<ClientConfig>| client::connect(proxy.address, "localhost", Arc::clone(config));
    let refused = || proxy.metric("blackbar_rejected_total{reason=\"conn_limit\",workspace=\"none\"}");
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut client = Client::new(within(connect(&one)).await.unwrap());
        assert_eq!(client.get("/").await.status, 200);
        clients.push(client);
    }
    // The handshake is done before the certificate is known, and then nothing is served.
    let mut fourth = within(connect(&one)).await.unwrap();
    let mut answer = Vec::new();
    assert_eq!(within(fourth.read_to_end(&mut answer)).await.ok(), Some(0), "it ends in order");
    assert_eq!(refused(), 1.0);
    let mut another = Client::new(within(connect(&other)).await.unwrap());
    assert_eq!(another.get("/").await.status, 200, "another certificate has places of its own");
    clients.pop();
    // A place is free once its connection has ended.
    within(async {
        loop {
            let mut client = Client::new(connect(&one).await.unwrap());
            let _ = client.stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
            if client.head().await.is_some_and(|head| head.status == 200) {
                break;
            }
        }
    })
    .await;
    assert_eq!(clients[0].get("/").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trailers_are_bounded() {
    // Of 8 KiB five are the name's, the colon's and the line's.
    for (size, complete) in [((8 << 10) - 6, true), ((8 << 10) - 5, true), ((8 << 10) - 4, false), (9 << 10, false)] {
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

/// The statuses of requests with these bodies, each with head lines of its own.
async fn statuses(proxy: &Running, requests: impl IntoIterator<Item = (String, Vec<u8>)>) -> Vec<u16> {
    let mut statuses = Vec::new();
    for (lines, body) in requests {
        let length = body.len();
        let head = format!("POST / HTTP/1.1\r\nHost: localhost\r\n{lines}\r\nContent-Length: {length}\r\n\r\n");
        statuses.push(proxy.client().await.send([head.as_bytes(), &body].concat()).await.status);
    }
    statuses
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_are_held_whole_are_bounded() {
    let upstream = Upstream::echo().await;
    let change = |route: &mut Route| route.request = Mode::Buffer { limit: 100 };
    let proxy = TestProxy::new().workspace("acme", RULES).route("/", upstream.address, change).start();
    let plain = |length| ("Content-Type: text/plain".to_owned(), vec![b'y'; length]);
    assert_eq!(statuses(&proxy, [99, 100, 101].map(plain)).await, [200, 200, 413]);
    for (length, status) in [(99, 200), (100, 200), (101, 413)] {
        let head =
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n";
        let body = format!("{length:x}\r\n{}\r\n0\r\n\r\n", "y".repeat(length));
        assert_eq!(proxy.client().await.send(format!("{head}{body}")).await.status, status, "{length}");
    }
    let change = |route: &mut Route| route.response = Mode::Buffer { limit: 100 };
    let proxy = TestProxy::new().workspace("acme", RULES).route("/", upstream.address, change).start();
    assert_eq!(statuses(&proxy, [99, 100, 101].map(plain)).await, [200, 200, 502]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn codings_and_parts_are_bounded() {
    let upstream = Upstream::fixed(ok("text/plain", "taken")).await;
    let proxy = TestProxy::new()
        .workspace("acme", RULES)
        .upstream(&upstream)
        .policy(|policy| (policy.body_limits.multipart_parts, policy.body_limits.multipart_head) = (3, 100))
        .start();
    let zipped = |layers: usize| {
        let body = (0..layers).fold(b"words".to_vec(), |body, _| {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(&body).unwrap();
            encoder.finish().unwrap()
        });
        (format!("Content-Type: text/plain\r\nContent-Encoding: {}", vec!["gzip"; layers].join(", ")), body)
    };
    assert_eq!(statuses(&proxy, [2, 3, 4].map(zipped)).await, [200, 200, 415]);
    let form = |body: String| ("Content-Type: multipart/form-data; boundary=b".to_owned(), body.into_bytes());
    let parts = |count: usize| {
        let part = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nwords\r\n";
        form(part.repeat(count) + "--b--\r\n")
    };
    assert_eq!(statuses(&proxy, [2, 3, 4].map(parts)).await, [200, 200, 400]);
    let nested = |depth: usize| {
        let within = |body, level| {
            let kind = format!("Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n");
            let outer = level + 1;
            format!("--b{outer}\r\n{kind}{body}\r\n--b{outer}--\r\n")
        };
        let innermost = "--b1\r\nContent-Type: text/plain\r\n\r\nwords\r\n--b1--\r\n".to_owned();
        let body = (1..depth).fold(innermost, within);
        (format!("Content-Type: multipart/mixed; boundary=b{depth}"), body.into_bytes())
    };
    assert_eq!(statuses(&proxy, [2, 3, 4].map(nested)).await, [200, 200, 415]);
    let head = |length: usize| {
        let head = "Content-Disposition: form-data; name=\"a\"\r\nX: \r\n\r\n";
        let head = head.replace("X: ", &format!("X: {}", "y".repeat(length - head.len())));
        form(format!("--b\r\n{head}words\r\n--b--\r\n"))
    };
    assert_eq!(statuses(&proxy, [99, 100, 101].map(head)).await, [200, 200, 413]);
}

/// Up to the buffer a body is decided before the upstream hears of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_decided_whole_is_bounded() {
    let mut upstream = Upstream::echo().await;
    let proxy = TestProxy::new()
        .workspace("acme", "version = 1\npacks = [\"us-pii\"]\n[actions]\nUS_SSN = \"block\"\n")
        .upstream(&upstream)
        .policy(|policy| policy.limits.decision_buffer = 1000)
        .start();
    for (length, whole) in [(999, true), (1000, true), (1001, false)] {
        let mut client = proxy.client().await;
        let head = format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\r\n"
        );
        client.write(head + &"y ".repeat(200)).await;
        if !whole {
            upstream.head().await;
        }
        let answer = client.send(format!("{} 078-05-1120", "y".repeat(length - 412))).await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "policy_blocked"), "{length}");
        assert_eq!(upstream.is_untouched(), whole, "{length}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_are_bounded() {
    let upstream = Upstream::fixed(ok("text/plain", "taken")).await;
    let proxy = TestProxy::new()
        .workspace("acme", RULES)
        .upstream(&upstream)
        .policy(|policy| (policy.body_limits.json_depth, policy.body_limits.json_hold) = (5, 100))
        .start();
    let json = |text: String| ("Content-Type: application/json".to_owned(), text.into_bytes());
    let deep = |depth: usize| json("[".repeat(depth) + &"]".repeat(depth));
    assert_eq!(statuses(&proxy, [4, 5, 6].map(deep)).await, [200, 200, 400]);
    let number = |length: usize| json(format!("[{}]", "3".repeat(length)));
    assert_eq!(statuses(&proxy, [99, 100, 101].map(number)).await, [200, 200, 413]);
    let key = |length: usize| json(format!("{{\"{}\":1}}", "k".repeat(length)));
    assert_eq!(statuses(&proxy, [99, 100, 101].map(key)).await, [200, 200, 413]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn texts_that_are_open_at_once_are_bounded() {
    for (count, complete) in [(2, true), (3, true), (4, false)] {
        // Each holds what may become a card number.
        let choice = |index| format!("{{\"index\":{index},\"delta\":{{\"content\":\"4111 1111 11\"}}}}");
        let event =
            |index| format!("data: {{\"object\":\"chat.completion.chunk\",\"choices\":[{}]}}\n\n", choice(index));
        let stream = (0..count).map(event).collect::<String>() + "data: [DONE]\n\n";
        let upstream = Upstream::fixed(ok("text/event-stream", stream)).await;
        let proxy = TestProxy::new()
            .workspace("acme", RULES)
            .upstream(&upstream)
            .policy(|policy| policy.body_limits.logical_texts = 3)
            .start();
        let answer = proxy.client().await.post("/v1/chat/completions", "application/json", "{}").await;
        assert_eq!((answer.status, answer.complete), (200, complete), "{count}: {}", answer.text());
        assert_eq!(answer.text().contains("texts_limit"), !complete, "{}", answer.text());
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
