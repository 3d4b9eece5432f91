//! Telemetry in protobuf through the proxy: what a body is follows from the path at the upstream, or the route.

use std::sync::Mutex;

use blackbar::body::Dialect;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use tokio::sync::mpsc;

use crate::support::client::exchange2;
use crate::support::upstream::ok;
use crate::support::{Reply, TestProxy, Upstream};

const RULES: &str = "version = 1\npacks = [\"pci\", \"us-pii\", \"contact\"]\n";
const PROTOBUF: &str = "application/x-protobuf";

/// A field with a length below 128.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, u8::try_from(content.len()).unwrap()], content].concat()
}

/// A request with one log record, whose body is this text.
fn logs(text: &str) -> Vec<u8> {
    [5, 2, 2, 1].into_iter().fold(field(1, text.as_bytes()), |inner, number| field(number, &inner))
}

fn snappy(content: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(content).unwrap()
}

fn post(path: &str, coding: &str, body: &[u8]) -> Vec<u8> {
    let coding = if coding.is_empty() { String::new() } else { format!("Content-Encoding: {coding}\r\n") };
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {PROTOBUF}\r\n{coding}Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_path_or_the_route_says_what_a_body_is() {
    let mut upstream = Upstream::fixed(ok(PROTOBUF, field(1, &field(2, b"no card 4111 1111 1111 1111")))).await;
    let address = upstream.address;
    let proxy = TestProxy::new()
        .workspace("acme", RULES)
        .upstream(&upstream)
        .route("/short", address, |route| route.upstream.path = String::from("/otlp/v1/logs"))
        .route("/otlp", address, |route| route.dialect = Some(Dialect::Otlp(None)))
        .route("/plain", address, |route| route.dialect = Some(Dialect::Plain))
        .start();
    let mut client = proxy.client().await;
    let body = logs("card 4111 1111 1111 1111");
    for path in ["/v1/logs", "/any/thing/v1/logs?x=1", "/short", "/otlp/v1/logs"] {
        let answer = client.send(post(path, "", &body)).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(upstream.request().await.body, logs("card **** **** **** 1111"), "{path}");
        assert_eq!(answer.body, field(1, &field(2, b"no card **** **** **** 1111")), "{path}");
    }
    for path in ["/v1/other", "/otlp/ingest", "/plain/v1/logs", "/v1/chat/completions"] {
        let mut client = proxy.client().await;
        let answer = client.send(post(path, "", &body)).await;
        assert_eq!((answer.status, answer.code().as_str()), (415, "media_type"), "{path}");
    }
    assert!(!upstream.saw("4111 "));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_and_deep_messages_are_refused() {
    let upstream = Upstream::echo().await;
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    for (body, code) in [(&b"\x00\x01"[..], "protobuf_syntax"), (b"\x0a\x05ab", "truncated")] {
        let answer = proxy.client().await.send(post("/v1/logs", "", body)).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, code));
    }
    let answer = proxy.client().await.send(post("/v1/logs", "", b"\x0a\xff\xff\xff\x7f")).await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "value_size"));
    assert!(upstream.is_untouched());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn snappy_is_opened_where_it_holds_a_push() {
    let mut upstream = Upstream::answering(|_| Reply::Bytes(ok("text/plain", ""))).await;
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    let stream =
        |line: &str| field(1, &[field(1, b"{a=\"jane@example.com\"}"), field(2, &field(2, line.as_bytes()))].concat());
    let body = snappy(&stream("SSN 078-05-1120"));
    let mut client = proxy.client().await;
    for coding in ["", "snappy"] {
        assert_eq!(client.send(post("/loki/api/v1/push", coding, &body)).await.status, 200);
        let received = upstream.request().await;
        let plain = snap::raw::Decoder::new().decompress_vec(&received.body).unwrap();
        assert_eq!(plain, stream("SSN ***-**-****"));
        assert_eq!(received.header("content-encoding").unwrap_or_default(), coding);
    }
    let labels = "{direction=\"request\",reason=\"labels\",workspace=\"acme\"}";
    assert_eq!(proxy.metric(&format!("blackbar_unscanned_bytes_total{labels}")), 44.0);
    let answer = proxy.client().await.send(post("/v1/logs", "snappy", &body)).await;
    assert_eq!((answer.status, answer.code().as_str()), (415, "coding"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grpc_is_framed_and_offered_what_can_be_opened() {
    let mut upstream = Upstream::fixed(ok("application/grpc", b"\0\0\0\0\0")).await;
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    let mut client = proxy.client2().await;
    let frame = |message: &[u8]| [&[0][..], &(message.len() as u32).to_be_bytes(), message].concat();
    let request = |path: &str, coding: &str| {
        Request::post(format!("https://localhost{path}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header("grpc-accept-encoding", "identity, deflate, snappy, gzip")
            .header(coding, "gzip")
            .body(Full::from(frame(&logs("mail jane@example.com"))))
            .unwrap()
    };
    let export = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
    let answer = exchange2(&mut client, request(export, "grpc-encoding")).await;
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"\0\0\0\0\0"[..]));
    let received = upstream.request().await;
    assert_eq!(received.body, frame(&logs("mail jane@***")));
    assert_eq!(received.header("grpc-accept-encoding"), Some("deflate, gzip"));
    assert_eq!(received.header("te"), Some("trailers"));
    // No coding around frames, and no other service.
    for (path, coding) in [(export, "content-encoding"), ("/some.Service/Call", "grpc-encoding")] {
        let answer = exchange2(&mut client, request(path, coding)).await;
        assert_eq!((answer.status, answer.header("grpc-status")), (200, Some("12")), "{path} {coding}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_are_statuses_of_grpc() {
    let (pieces, half) = mpsc::unbounded_channel();
    let half = Mutex::new(Some(half));
    let mut upstream = Upstream::answering(move |received| match received.header("x-wanted") {
        Some("half") => Reply::Pieces(half.lock().unwrap().take().unwrap()),
        Some("bad") => Reply::Bytes(ok("application/grpc", b"\0\0\0\0\x02\0\0")),
        _ => Reply::Bytes(ok("application/grpc", b"\0\0\0\0\0")),
    })
    .await;
    let rules =
        "version = 1\npacks = [\"pci\"]\n[actions]\nCREDIT_CARD = { request = \"block\", response = \"mask\" }\n";
    let proxy = TestProxy::new().workspace("acme", rules).upstream(&upstream).start();
    let mut client = proxy.client2().await;
    let frame = |message: &[u8]| [&[0][..], &(message.len() as u32).to_be_bytes(), message].concat();
    let request = |wanted: &str, message: &[u8]| {
        Request::post("https://localhost/opentelemetry.proto.collector.logs.v1.LogsService/Export")
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header("x-wanted", wanted)
            .body(Full::from(message.to_vec()))
            .unwrap()
    };
    let resource =
        field(1, &field(1, &field(1, &[field(1, b"a"), field(2, &field(1, b"4111 1111 1111 1111"))].concat())));
    for (wanted, message, status) in [
        ("", frame(&resource), "7"),
        ("", frame(b"\0\x01"), "3"),
        ("", b"\0\xff\xff\xff\xff".to_vec(), "8"),
        ("bad", frame(b""), "13"),
    ] {
        let answer = exchange2(&mut client, request(wanted, &message)).await;
        assert_eq!((answer.status, answer.header("grpc-status")), (200, Some(status)));
        assert_eq!(answer.header("content-type"), Some("application/grpc"));
        assert!(answer.body.is_empty() && answer.complete);
        assert!(!answer.head.contains("4111 1111"));
    }
    pieces.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\nContent-Length: 100\r\n\r\n".to_vec()).unwrap();
    pieces.send([frame(b""), vec![0]].concat()).unwrap();
    let answer = client.send_request(request("half", &frame(b""))).await.unwrap();
    assert_eq!(answer.headers().get("grpc-status"), None);
    drop(pieces);
    let collected = answer.into_body().collect().await.expect("the stream is not reset");
    let trailers = collected.trailers().cloned().unwrap_or_default();
    assert_eq!(trailers["grpc-status"], "14");
    assert!(trailers["grpc-message"].to_str().unwrap().contains("upstream_reset"));
    assert_eq!(collected.to_bytes(), frame(b""));
    assert_eq!(upstream.request().await.header("x-wanted"), Some("bad"));
    let refused = "blackbar_requests_total{route=\"root\",status=\"4xx\",workspace=\"acme\"}";
    assert_eq!(proxy.metric(refused), 3.0);
}
