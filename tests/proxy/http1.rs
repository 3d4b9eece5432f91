//! HTTP/1.1 through the proxy: bodies both ways, headers, query, path.

use std::sync::Arc;

use blackbar::policy::OnFault;

use crate::support::upstream::ok;
use crate::support::{Reply, TestProxy, Upstream, within};

const RULES: &str = "version = 1\npacks = [\"pci\", \"us-pii\", \"contact\"]\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_is_redacted_on_the_way_up() {
    let mut upstream = Upstream::echo().await;
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    let mut client = proxy.client().await;
    let answer = client.post("/v1/x", "application/json", r#"{"card": "4111 1111 1111 1111"}"#).await;
    assert_eq!(answer.status, 200);
    assert!(answer.complete);
    assert_eq!(answer.text(), r#"{"card": "**** **** **** 1111"}"#);
    assert_eq!(answer.header("content-length"), Some("31"), "what was decided whole has its length");
    let received = upstream.request().await;
    assert_eq!(received.text(), r#"{"card": "**** **** **** 1111"}"#);
    assert_eq!(received.header("content-length"), Some("31"));
    assert_eq!(received.request_line(), "POST /v1/x HTTP/1.1");
    assert_eq!(received.header("host"), Some(upstream.address.to_string().as_str()));
    assert_eq!(answer.header("x-request-id").map(str::len), Some(32));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_is_redacted_on_the_way_down() {
    let upstream = Upstream::fixed(ok("application/json", r#"{"mail": "jane@example.com"}"#)).await;
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    let answer = proxy.client().await.get("/").await;
    assert_eq!((answer.status, answer.complete), (200, true));
    assert_eq!(answer.text(), r#"{"mail": "jane@***"}"#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chunked_body_streams_and_is_redacted_across_chunks() {
    let mut upstream = Upstream::echo().await;
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    let mut client = proxy.client().await;
    let request = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n\
        9\r\ncall 4111\r\n6\r\n 1111 \r\n9\r\n1111 1111\r\n0\r\n\r\n";
    let answer = client.send(request).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "call **** **** **** 1111"));
    assert_eq!(upstream.request().await.text(), "call **** **** **** 1111");
    assert!(!upstream.saw("call 4111"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_and_query_are_redacted_and_credentials_pass() {
    let mut upstream = Upstream::answering(|_| {
        Reply::Bytes(
            b"HTTP/1.1 200 OK\r\nX-Note: jane@example.com\r\nETag: \"strong\"\r\nContent-MD5: x\r\nAccept-Ranges: bytes\r\n\
            Connection: x-gone\r\nX-Gone: 1\r\nX-Request-Id: theirs\r\nContent-Length: 0\r\n\r\n"
                .to_vec(),
        )
    })
    .await;
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    let mut client = proxy.client().await;
    let answer = client
        .send(
            "GET /a?mail=jane%40example.com&key=4111111111111111&q=a+b%20c HTTP/1.1\r\nHost: localhost\r\n\
            Authorization: Bearer 4111111111111111\r\nX-Customer: 4111 1111 1111 1111\r\nAccept-Language: 5555555555554444\r\nX-Forwarded-For: 1.2.3.4\r\n\
            Range: bytes=0-1\r\nAccept-Encoding: gzip, exi\r\nConnection: x-mine, host\r\nX-Mine: 1\r\n\r\n",
        )
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("x-note"), Some("jane@***"));
    assert_eq!(answer.header("x-upstream-request-id"), Some("theirs"));
    for gone in ["etag", "content-md5", "accept-ranges", "x-gone"] {
        assert_eq!(answer.header(gone), None, "{gone}");
    }
    let received = upstream.request().await;
    assert_eq!(received.request_line(), "GET /a?mail=jane%40%2A%2A%2A&key=4111111111111111&q=a+b%20c HTTP/1.1");
    assert_eq!(received.header("authorization"), Some("Bearer 4111111111111111"));
    assert_eq!(received.header("x-customer"), Some("**** **** **** 1111"));
    assert_eq!(received.header("accept-language"), Some("************4444"));
    assert_eq!(received.header("accept-encoding"), Some("gzip"));
    for gone in ["x-forwarded-for", "range", "x-mine"] {
        assert_eq!(received.header(gone), None, "{gone}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_headers_and_queries_hold_percent_encoded_is_redacted_in_place() {
    let mut upstream = Upstream::fixed(
        "HTTP/1.1 302 Found\r\nLocation: https://x.example/u/jane%40example.com?c=4111+1111+1111+1111&n=1#f\r\n\
        Link: </p?m=jane%2540example.com&n=a%2520b>; rel=next\r\nETag: W/\"4111111111111111\"\r\n\
        Refresh: 5; url=/p?c=4111+1111+1111+1111\r\nSet-Cookie: sid=4111111111111111; Path=/\r\n\
        WWW-Authenticate: Bearer realm=\"4111111111111111\"\r\n\
        Content-Disposition: attachment; filename*=UTF-8''jane%40example.com\r\n\
        Content-Type: text/plain; charset=utf-8; name=\"jane@example.com\"\r\nContent-Length: 0\r\n\r\n",
    )
    .await;
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    let mut client = proxy.client().await;
    let answer = client
        .send(
            "POST /a?m=x%2526y%253D1%2520jane%2540example.com%26z HTTP/1.1\r\nHost: localhost\r\n\
            Referer: https://a.example/b?m=jane%40example.com&n=%26\r\nX-Plus: a+b%20c\r\n\
            Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n\
            0\r\nX-T: m=jane%40example.com\r\n\r\n",
        )
        .await;
    let location = "https://x.example/u/jane%40%2A%2A%2A?c=****+****+****+1111&n=1#f";
    assert_eq!(answer.header("location"), Some(location));
    assert_eq!(answer.header("link"), Some("</p?m=jane%2540%252A%252A%252A&n=a%2520b>; rel=next"));
    assert_eq!(answer.header("refresh"), Some("5; url=/p?c=****+****+****+1111"));
    // What a login hangs on.
    assert_eq!(answer.header("set-cookie"), Some("sid=4111111111111111; Path=/"));
    assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"4111111111111111\""));
    assert_eq!(answer.header("etag"), Some("W/\"************1111\""));
    assert_eq!(answer.header("content-disposition"), Some("attachment; filename*=UTF-8''jane%40%2A%2A%2A"));
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8; name=\"jane@***\""));
    let received = upstream.request().await;
    let line = "POST /a?m=x%2526y%253D1%2520jane%2540%252A%252A%252A%26z HTTP/1.1";
    assert_eq!(received.request_line(), line);
    assert_eq!(received.header("referer"), Some("https://a.example/b?m=jane%40%2A%2A%2A&n=%26"));
    assert_eq!(received.header("x-plus"), Some("a+b%20c"));
    assert_eq!(received.trailers, "x-t: m=jane%40%2A%2A%2A\r\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_finding_in_the_path_is_refused() {
    let upstream = Upstream::echo().await;
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    for path in ["/users/jane@example.com", "/users/jane%40example.com", "/users/jane%2540example.com"] {
        let answer = proxy.client().await.get(path).await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "policy_blocked"), "{path}");
        assert!(!answer.text().contains("jane"));
    }
    assert!(upstream.is_untouched());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn head_and_bodiless_answers_have_no_body_and_no_length() {
    let upstream = Upstream::answering(|received| {
        Reply::Bytes(match received.request_line().split(' ').next() {
            Some("HEAD") => b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n".to_vec(),
            Some("PUT") => b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
            _ => b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\nETag: W/\"1\"\r\n\r\n".to_vec(),
        })
    })
    .await;
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    let mut client = proxy.client().await;
    client.write("HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let answer = client.head().await.unwrap();
    assert_eq!((answer.status, answer.header("content-length")), (200, None));
    let answer = client.send("PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(answer.status, 204);
    let answer = client.get("/").await;
    assert_eq!((answer.status, answer.header("etag")), (304, Some("W/\"1\"")));
    assert_eq!(proxy.metric("blackbar_connections_total"), 1.0, "one connection carried all three");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expected_continue_comes_once_the_head_is_accepted() {
    let mut upstream = Upstream::echo().await;
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    let mut client = proxy.client().await;
    client
        .write("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        .await;
    assert!(within(client.until(b"\r\n\r\n")).await.unwrap().starts_with(b"HTTP/1.1 100"));
    assert_eq!(client.send("hello").await.text(), "hello");
    assert_eq!(upstream.request().await.header("expect"), None);
    let answer = client
        .send("POST /jane@example.com HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        .await;
    assert_eq!(answer.status, 403);
    assert!(client.is_closed().await, "the body was never asked for");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_1_0_clients_get_a_length_and_an_end() {
    let upstream = Upstream::echo().await;
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    let mut client = proxy.client().await;
    let answer = client
        .send("POST / HTTP/1.0\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 16\r\n\r\njane@example.com")
        .await;
    assert_eq!((answer.status, answer.text().as_str(), answer.complete), (200, "jane@***", true));
    assert!(client.is_closed().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_scanned_passes_only_where_the_workspace_says_so_and_is_counted() {
    let image = [&b"\x89PNG\r\n\x1a\n"[..], &[0, 1, 2, 0xff, 0xfe, 0]].concat();
    for (on_fault, status) in [(OnFault::Block, 415), (OnFault::Pass, 200)] {
        let upstream = Upstream::fixed(ok("text/plain", "thanks")).await;
        let proxy = TestProxy::new()
            .workspace("acme", RULES)
            .upstream(&upstream)
            .policy(move |policy| Arc::get_mut(&mut policy.workspaces[0]).unwrap().on_fault = on_fault)
            .start();
        let answer = proxy.client().await.post("/", "image/png", &image).await;
        assert_eq!(answer.status, status, "{}", answer.code());
        let metrics = proxy.telemetry.render();
        let mut lines =
            metrics.lines().filter(|line| line.starts_with("blackbar_unscanned_bytes_total{direction=\"request\""));
        let counted = lines.any(|line| !line.ends_with(" 0"));
        assert_eq!(counted, on_fault == OnFault::Pass, "{metrics}");
        assert_eq!(upstream.is_untouched(), on_fault == OnFault::Block);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_field_with_a_form_is_scanned_where_its_value_has_another() {
    let mut upstream = Upstream::echo().await;
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    let ask = async |fields: &str| {
        let head = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n");
        assert_eq!(proxy.client().await.send(head).await.status, 200);
    };
    let honest = [
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ("if-modified-since", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ("age", "31536000"),
        ("expires", "0"),
    ];
    ask(&honest.map(|(name, value)| format!("{name}: {value}\r\n")).concat()).await;
    let received = upstream.request().await;
    for (name, value) in honest {
        assert_eq!(received.header(name), Some(value));
    }
    for name in
        ["traceparent", "Date", "Age", "Expires", "Last-Modified", "If-Modified-Since", "Retry-After", "Trailer"]
    {
        ask(&format!("{name}: jane@example.com\r\n")).await;
        assert!(!upstream.saw("jane@example.com"), "{name}");
    }
}
