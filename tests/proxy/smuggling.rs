//! Requests that two readers could understand differently (reliability table 7.2): none reaches the upstream.

use crate::support::proxy::Running;
use crate::support::{TestProxy, Upstream};

const RULES: &str = "version = 1\npacks = [\"pci\", \"us-pii\", \"contact\"]\n";
const HIDDEN: &str = "GET /hidden HTTP/1.1\r\nHost: localhost\r\n\r\n";

fn start(upstream: &Upstream) -> Running {
    TestProxy::new().workspace("acme", RULES).upstream(upstream).start()
}

/// A head with these fields and a second request behind it.
fn with_fields(fields: &str) -> String {
    format!("POST /a HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n\r\n0\r\n\r\n{HIDDEN}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doubtful_framing_is_refused_and_the_connection_closes() {
    let upstream = Upstream::echo().await;
    let proxy = start(&upstream);
    let table = [
        ("Content-Length: 5\r\nTransfer-Encoding: chunked", 400),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5", 400),
        ("Content-Length: 5\r\nContent-Length: 6", 400),
        ("Content-Length: 5\r\nContent-Length: 5", 400),
        ("Content-Length: 5, 5", 400),
        ("Content-Length: +5", 400),
        ("Content-Length: -5", 400),
        ("Content-Length: 0x5", 400),
        ("Content-Length: 5 ", 0),
        ("Content-Length: 1 0", 400),
        ("Content-Length:", 400),
        ("Content-Length: 99999999999999999999999", 400),
        ("Content-Length: 18446744073709551616", 400),
        ("Transfer-Encoding: gzip, chunked", 501),
        ("Transfer-Encoding: chunked, identity", 400),
        ("Transfer-Encoding: chunked, chunked", 400),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 400),
        ("Transfer-Encoding: identity", 400),
        ("Transfer-Encoding: xchunked", 400),
        ("Transfer-Encoding: \"chunked\"", 400),
        ("Transfer-Encoding: chunked;q=1", 400),
        ("Transfer-Encoding : chunked", 400),
        ("Transfer-Encoding\t: chunked", 400),
        (" Transfer-Encoding: chunked", 400),
        ("X: y\r\n Transfer-Encoding: chunked", 400),
        ("X: y\r\n\tfolded", 400),
        ("Transfer-Encoding:\u{b}chunked", 400),
        ("X: a\0b", 400),
        ("X: a\rb", 400),
        ("X: a\nTransfer-Encoding: chunked", 400),
        ("X\0: a", 400),
        (": a", 400),
        ("X Y: a", 400),
        ("no colon", 400),
        ("Host: localhost", 400),
        ("Expect: 200-maybe", 417),
        ("Upgrade: websocket\r\nConnection: upgrade", 501),
        ("Content-Type: text/plain\r\nContent-Type: text/plain", 400),
    ];
    for (fields, status) in table {
        if status == 0 {
            continue;
        }
        let mut client = proxy.client().await;
        let answer = client.send(with_fields(fields)).await;
        assert_eq!(answer.status, status, "{fields:?}");
        assert!(client.is_closed().await, "{fields:?}");
    }
    assert!(upstream.is_untouched(), "{}", String::from_utf8_lossy(&upstream.bytes.lock().unwrap()));
    assert!(proxy.metric("blackbar_rejected_total{reason=\"framing_cl_te\",workspace=\"none\"}") >= 2.0);
    assert!(proxy.metric("blackbar_rejected_total{reason=\"framing_te\",workspace=\"acme\"}") >= 1.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doubtful_lines_are_refused() {
    let upstream = Upstream::echo().await;
    let proxy = start(&upstream);
    let table = [
        ("GET /\r\n\r\n", 400),
        ("GET / HTTP/0.9\r\nHost: localhost\r\n\r\n", 400),
        ("GET / HTTP/1.9\r\nHost: localhost\r\n\r\n", 400),
        ("GET / HTTP/2.0\r\nHost: localhost\r\n\r\n", 400),
        ("GET / HTTP/9.9\r\nHost: localhost\r\n\r\n", 400),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        ("GET  / HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        ("GET /a b HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        ("GET /a\0b HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        ("GET /a\rb HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        ("GET /a%00b HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        ("GET /a?x=%00 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        ("GET /a#b HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        ("GET /a\\b HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        ("GET /a/../b HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        ("GET /a/%2e%2e/b HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        ("GET //evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost:\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: user@localhost\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: localhost:x\r\n\r\n", 400),
        ("GET http://other.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 421),
        ("GET http://other.example/ HTTP/1.1\r\nHost: other.example\r\n\r\n", 421),
        ("CONNECT localhost:443 HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
        ("TRACE / HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
        ("BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
        ("POST / HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("G\u{e9}T / HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        ("\n\nGET / HTTP/1.1\nHost: localhost\n\n", 400),
    ];
    for (request, status) in table {
        let answer = proxy.client().await.send(request).await;
        assert_eq!(answer.status, status, "{request:?}");
        if status == 405 {
            assert!(answer.header("allow").is_some());
        }
    }
    assert!(upstream.is_untouched(), "{}", String::from_utf8_lossy(&upstream.bytes.lock().unwrap()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doubtful_chunks_end_the_request_at_the_upstream() {
    let table = [
        "5 \r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        "\r\nhello\r\n0\r\n\r\n",
        "ffffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        "5\nhello\r\n0\r\n\r\n",
        "5\r\nhelloX0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhello\r\n0\r\nX y\r\n\r\n",
    ];
    for chunks in table {
        let mut upstream = Upstream::echo().await;
        let proxy = start(&upstream);
        let mut client = proxy.client().await;
        let request = format!(
            "POST /a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n{chunks}{HIDDEN}"
        );
        let answer = client.send(request).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "framing"), "{chunks:?}");
        assert!(client.is_closed().await, "{chunks:?}");
        if !upstream.is_untouched() {
            upstream.gone().await;
        }
        assert!(!upstream.saw("0\r\n\r\n"), "the request was never ended: {chunks:?}");
        assert!(!upstream.saw("hidden"), "{chunks:?}");
    }
    let upstream = Upstream::echo().await;
    let proxy = start(&upstream);
    let request = format!(
        "POST /a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5;{}\r\nhello\r\n0\r\n\r\n",
        "x".repeat(300)
    );
    assert_eq!(proxy.client().await.send(request).await.status, 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pipelined_requests_are_served_in_order() {
    let mut upstream = Upstream::echo().await;
    let proxy = start(&upstream);
    let mut client = proxy.client().await;
    let many: String = (0..100).map(|number| format!("GET /{number} HTTP/1.1\r\nHost: localhost\r\n\r\n")).collect();
    client.write(many).await;
    for number in 0..100 {
        assert_eq!(client.answer().await.status, 200);
        assert_eq!(upstream.request().await.request_line(), format!("GET /{number} HTTP/1.1"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_follows_an_upgrade_is_another_request() {
    let mut upstream = Upstream::echo().await;
    let proxy = start(&upstream);
    let mut client = proxy.client().await;
    client
        .write(
            "GET /one HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\
            HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\nGET /two HTTP/1.1\r\nHost: localhost\r\n\r\n",
        )
        .await;
    assert_eq!(client.answer().await.status, 200);
    assert_eq!(client.answer().await.status, 200);
    let first = upstream.request().await;
    assert_eq!((first.header("upgrade"), first.header("http2-settings")), (None, None));
    assert_eq!(upstream.request().await.request_line(), "GET /two HTTP/1.1");
}
