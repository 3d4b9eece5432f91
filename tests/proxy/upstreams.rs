//! Upstreams that misbehave (reliability table 7.5): never a fake end, never another's answer.

use std::time::Duration;

use crate::support::proxy::Running;
use crate::support::upstream::ok;
use crate::support::{Reply, TestProxy, Upstream};

const RULES: &str = "version = 1\npacks = [\"pci\", \"us-pii\", \"contact\"]\n";

fn start(upstream: &Upstream) -> Running {
    TestProxy::new()
        .workspace("acme", RULES)
        .upstream(upstream)
        .policy(|policy| policy.timeouts.upstream_idle = Duration::from_secs(5))
        .start()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_that_is_not_there_is_502() {
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let proxy = TestProxy::new()
        .audited()
        .workspace("acme", RULES)
        .route("/refused", nobody, |_| {})
        .route("/unknown", nobody, |route| "no-such-name.invalid".clone_into(&mut route.upstream.host))
        .start();
    for path in ["/refused", "/unknown"] {
        let answer = proxy.client().await.get(path).await;
        assert_eq!((answer.status, answer.code().as_str()), (502, "upstream_connect"), "{path}");
        assert!(!answer.text().contains("invalid") && !answer.text().contains("127.0.0.1"));
    }
    // Why is in the audit.
    proxy.handle.close_audit();
    let records = blackbar::audit::read::Records::open(&proxy.pki.file("audit")).unwrap();
    let records = records.map(|record| serde_json::from_slice::<serde_json::Value>(&record.unwrap().1).unwrap());
    let causes: Vec<String> = records.filter_map(|record| Some(record["cause"].as_str()?.to_owned())).collect();
    assert_eq!(causes, ["refused", "dns"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_cut_at_any_byte_is_never_taken_for_whole() {
    let whole = [
        ok("text/plain", "card 4111 1111 1111 1111, and some words behind it"),
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n8\r\ncard 411\r\n\
        10\r\n1 1111 1111 1111\r\n0\r\n\r\n"
            .to_vec(),
    ];
    for whole in whole {
        for reset in [false, true] {
            let cuts = std::sync::Mutex::new((1..whole.len()).step_by(7));
            let bytes = whole.clone();
            let upstream = Upstream::answering(move |_| {
                let cut = bytes[..cuts.lock().unwrap().next().unwrap()].to_vec();
                if reset { Reply::Reset(cut) } else { Reply::Close(cut) }
            })
            .await;
            let proxy = start(&upstream);
            let mut client = proxy.client().await;
            for cut in (1..whole.len()).step_by(7) {
                let answer = client.get("/").await;
                assert_eq!(answer.status, 502, "{cut}");
                assert!(matches!(answer.code().as_str(), "upstream_reset" | "upstream_protocol"), "{}", answer.code());
                assert!(!answer.text().contains("4111 "));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_http_is_502() {
    for bytes in [
        &b"garbage\r\n\r\n"[..],
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX\0: y\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: gzip\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Type: c/d\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-1/5\r\nContent-Length: 2\r\n\r\nab",
    ] {
        let upstream = Upstream::answering(|_| Reply::Close(bytes.to_vec())).await;
        let proxy = start(&upstream);
        let answer = proxy.client().await.get("/").await;
        assert_eq!(answer.status, 502, "{}", bytes.escape_ascii());
        assert!(answer.code().starts_with("upstream_"), "{}", answer.code());
    }
    for size in [66 << 10, 300 << 10] {
        let huge = format!("HTTP/1.1 200 OK\r\nX: {}\r\nContent-Length: 0\r\n\r\n", "y".repeat(size));
        let upstream = Upstream::answering(move |_| Reply::Close(huge.clone().into_bytes())).await;
        assert_eq!(start(&upstream).client().await.get("/").await.status, 502, "{size}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn interim_answers_are_dropped() {
    let upstream = Upstream::fixed(
        "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n\
        HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    )
    .await;
    let answer = start(&upstream).client().await.get("/").await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "ok"));
    assert_eq!(answer.header("link"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_behind_an_answer_are_nobodys() {
    let upstream = Upstream::answering(|received| {
        let mut bytes = ok("text/plain", received.request_line());
        bytes.extend_from_slice(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison");
        Reply::Bytes(bytes)
    })
    .await;
    let proxy = start(&upstream);
    let mut client = proxy.client().await;
    for number in 0..10 {
        let answer = client.get(&format!("/{number}")).await;
        assert_eq!((answer.status, answer.text()), (200, format!("GET /{number} HTTP/1.1")));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redirects_are_passed_and_not_followed() {
    let upstream = Upstream::fixed(
        "HTTP/1.1 302 Found\r\nLocation: https://other.example/?mail=jane@example.com\r\nContent-Length: 0\r\n\r\n",
    )
    .await;
    let answer = start(&upstream).client().await.get("/").await;
    assert_eq!(answer.status, 302);
    assert_eq!(answer.header("location"), Some("https://other.example/?mail=jane@***"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_reused_within_a_workspace_and_never_across() {
    let upstream = Upstream::echo().await;
    let proxy = TestProxy::new().workspace("acme", RULES).workspace("other", RULES).upstream(&upstream).start();
    for _ in 0..3 {
        assert_eq!(proxy.client().await.post("/", "text/plain", "a").await.status, 200);
    }
    assert_eq!(upstream.connections.load(std::sync::atomic::Ordering::SeqCst), 1);
    let mut other = proxy.client_named(&[crate::support::Name::Uri("spiffe://other.example/agent")]).await;
    assert_eq!(other.post("/", "text/plain", "a").await.status, 200);
    assert_eq!(upstream.connections.load(std::sync::atomic::Ordering::SeqCst), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_say_that_a_machine_speaks() {
    let upstream = Upstream::answering(|received| {
        let status = if received.head.contains("/gone") { "404 Not Found" } else { "200 OK" };
        let fields = "AI-Disclosure: none\r\nAI-Disclosure: twice\r\nContent-Length: 0\r\n";
        Reply::Bytes(format!("HTTP/1.1 {status}\r\n{fields}\r\n").into_bytes())
    })
    .await;
    let test = TestProxy::new().workspace("acme", "version = 1\npacks = [\"pci\"]\n");
    let proxy = test.route_settings("disclosure = \"mode=ai-originated\"\n").upstream(&upstream).start();
    let mut client = proxy.client().await;
    for path in ["/", "/gone"] {
        let answer = client.get(path).await;
        assert_eq!(answer.header("ai-disclosure"), Some("mode=ai-originated"), "{path}");
        assert_eq!(answer.head.to_lowercase().matches("ai-disclosure").count(), 1, "{}", answer.head);
    }
    let refused = client.get("/4111111111111111").await;
    assert_eq!((refused.status, refused.header("ai-disclosure")), (403, None));
}
