//! HTTP/2 through the proxy.

use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http2::Builder;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::client::{connect, exchange2};
use crate::support::proxy::ACME;
use crate::support::upstream::SecureUpstream;
use crate::support::{Pki, Reply, TestProxy, Upstream, within};

const RULES: &str = "version = 1\npacks = [\"pci\", \"us-pii\", \"contact\"]\n";

fn post(body: &'static str) -> Request<Full<Bytes>> {
    Request::post("https://localhost/v1/x").header("content-type", "application/json").body(body.into()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_is_redacted_both_ways() {
    let mut upstream = Upstream::echo().await;
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    let mut client = proxy.client2().await;
    let answer = exchange2(&mut client, post(r#"{"ssn": "078-05-1120"}"#)).await;
    assert_eq!((answer.status, answer.complete), (200, true));
    assert_eq!(upstream.request().await.text(), r#"{"ssn": "***-**-****"}"#);
    assert_eq!(answer.text(), r#"{"ssn": "***-**-****"}"#);
    assert!(answer.header("x-request-id").is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_authority_other_than_the_server_name_is_misdirected() {
    let upstream = Upstream::echo().await;
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    let mut client = proxy.client2().await;
    let request = Request::get("https://other.example/").body(Full::default()).unwrap();
    let answer = exchange2(&mut client, request).await;
    assert_eq!((answer.status, answer.code().as_str()), (421, "misdirected"));
    let request = Request::get("https://localhost/").header("host", "other.example").body(Full::default()).unwrap();
    assert_eq!(exchange2(&mut client, request).await.status, 400);
    assert!(upstream.is_untouched());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn upstreams_behind_tls_are_verified_and_speak_what_they_choose() {
    let test = TestProxy::new().workspace("acme", RULES);
    test.pki.write_server("elsewhere", &["elsewhere.example"]);
    let ca = Some(test.pki.file("ca.crt"));
    let foreign = Pki::named("another CA");
    let second = SecureUpstream::start(&test.pki, "server", &["h2", "http/1.1"]).await;
    let first = SecureUpstream::start(&test.pki, "server", &["http/1.1"]).await;
    let wrong_name = SecureUpstream::start(&test.pki, "elsewhere", &["h2"]).await;
    let untrusted = SecureUpstream::start(&foreign, "server", &["h2"]).await;
    let mut test = test;
    for (path, upstream) in
        [("/second", &second), ("/first", &first), ("/wrong-name", &wrong_name), ("/untrusted", &untrusted)]
    {
        let ca = ca.clone();
        test = test.route(path, upstream.address, |route| {
            route.upstream.tls = true;
            route.upstream.ca = ca;
            route.upstream.path = "/base".to_owned();
        });
    }
    let proxy = test.start();
    let mut client = proxy.client2().await;
    let request = |path: &str| {
        Request::post(format!("https://localhost{path}"))
            .header("content-type", "application/json")
            .body(Full::from(r#"{"mail":"jane@example.com"}"#))
            .unwrap()
    };
    for path in ["/second/x", "/second/y", "/first/x", "/second"] {
        let answer = exchange2(&mut client, request(path)).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, r#"{"mail":"jane@***"}"#), "{path}");
    }
    let seen = second.requests.lock().unwrap().clone();
    let paths: Vec<&str> = seen.iter().map(|(_, path, _)| path.as_str()).collect();
    assert_eq!(paths, ["/base/x", "/base/y", "/base"]);
    assert!(seen.iter().all(|(version, _, body)| *version == hyper::Version::HTTP_2 && !body.contains("example")));
    assert_eq!(second.connections.load(std::sync::atomic::Ordering::SeqCst), 1, "streams share a connection");
    assert_eq!(first.requests.lock().unwrap()[0].0, hyper::Version::HTTP_11);
    for path in ["/wrong-name", "/untrusted"] {
        let answer = exchange2(&mut client, request(path)).await;
        assert_eq!((answer.status, answer.code().as_str()), (502, "upstream_connect"), "{path}");
    }
    assert!(wrong_name.requests.lock().unwrap().is_empty() && untrusted.requests.lock().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_in_one_stream_leaves_the_others() {
    let upstream = Upstream::answering(|received| {
        Reply::Bytes(match received.request_line() {
            line if line.contains("cut") => {
                b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 99\r\n\r\ndata: a\n\n".to_vec()
            }
            _ => crate::support::upstream::ok("text/plain", "whole"),
        })
    })
    .await;
    let proxy = TestProxy::new()
        .workspace("acme", RULES)
        .upstream(&upstream)
        .policy(|policy| policy.timeouts.upstream_idle = std::time::Duration::from_millis(200))
        .start();
    let mut client = proxy.client2().await;
    let mut other = client.clone();
    let get = |path: &str| Request::get(format!("https://localhost{path}")).body(Full::default()).unwrap();
    let (cut, whole) = tokio::join!(exchange2(&mut client, get("/cut")), exchange2(&mut other, get("/whole")));
    assert_eq!((cut.status, cut.complete), (200, false), "a reset stream is no end");
    assert!(cut.text().contains("upstream_timeout"), "{}", cut.text());
    assert_eq!((whole.text().as_str(), whole.complete), ("whole", true));
    assert_eq!(exchange2(&mut client, get("/whole")).await.status, 200, "the connection goes on");
}

/// HTTP/1.1 refuses a target with a fragment. Of HTTP/2's path what stands behind the mark is none of the request's: it goes
/// nowhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fragment_goes_nowhere() {
    let mut upstream = Upstream::echo().await;
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    let config = proxy.pki.client_config(Some(proxy.pki.client(&[ACME])), &["h2"]);
    let mut stream = connect(proxy.address, "localhost", config).await.unwrap();
    // GET, https, and literals for the authority and the path (RFC 7541, 6.2.1).
    let mut fields = vec![0x82, 0x87];
    for (name, value) in [(0x41, "localhost"), (0x44, "/a?b=c#4111-1111-1111-1111")] {
        fields.extend([name, value.len() as u8]);
        fields.extend(value.as_bytes());
    }
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    bytes.extend([0, 0, fields.len() as u8, 1, 5, 0, 0, 0, 1]);
    bytes.extend(fields);
    tokio::io::AsyncWriteExt::write_all(&mut stream, &bytes).await.unwrap();
    assert_eq!(upstream.request().await.request_line(), "GET /a?b=c HTTP/1.1");
    assert!(!upstream.saw("4111"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_header_list_is_refused() {
    let upstream = Upstream::echo().await;
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    let mut client = proxy.client2().await;
    let request = Request::get("https://localhost/").header("x", "y".repeat(40 << 10)).body(Full::default()).unwrap();
    if let Ok(answer) = client.send_request(request).await {
        assert_eq!(answer.status(), 431);
    }
    assert!(upstream.is_untouched());
}

/// An HTTP/2 frame (RFC 9113 section 4.1).
fn frame(kind: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0, 0, payload.len() as u8, kind, 0, 0, 0, 0, stream];
    frame.extend_from_slice(payload);
    frame
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_of_frames_end_the_connection() {
    const GOAWAY: u8 = 7;
    const ENHANCE_YOUR_CALM: [u8; 4] = [0, 0, 0, 11];
    let upstream = Upstream::echo().await;
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    let floods = [
        frame(6, 0, &[0; 8]),
        frame(4, 0, &[]),
        frame(4, 0, &[0, 4, 0, 0, 255, 255]),
        frame(8, 0, &[0, 0, 0, 1]),
        frame(2, 3, &[0, 0, 0, 0, 1]),
        frame(0xBB, 0, &[0; 50]),
    ];
    for (count, flood) in floods.iter().enumerate() {
        let config = proxy.pki.client_config(Some(proxy.pki.client(&[ACME])), &["h2"]);
        let mut stream = connect(proxy.address, "localhost", config).await.unwrap();
        let mut sent = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(4, 0, &[])].concat();
        sent.extend(flood.repeat(3_000));
        // The connection may be closed before all of it is written.
        let _ = within(stream.write_all(&sent)).await;
        let mut got = Vec::new();
        let _ = within(stream.read_to_end(&mut got)).await;
        let (mut rest, mut code) = (got.as_slice(), None);
        while let [first, second, third, kind, _, _, _, _, _, payload @ ..] = rest {
            let length = usize::from(*first) << 16 | usize::from(*second) << 8 | usize::from(*third);
            if *kind == GOAWAY {
                code = payload.get(4..8).map(<[u8]>::to_vec);
            }
            rest = payload.get(length..).unwrap_or_default();
        }
        assert_eq!(code.as_deref(), Some(&ENHANCE_YOUR_CALM[..]), "{count}");
        let refused = "blackbar_rejected_total{reason=\"h2_flood\",workspace=\"none\"}";
        within(async {
            while proxy.metric(refused) < (count + 1) as f64 {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
    let mut client = proxy.client2().await;
    assert_eq!(exchange2(&mut client, post("{}")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crumbs_of_a_cookie_are_joined_for_an_upstream_of_http1() {
    let mut upstream = Upstream::echo().await;
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    let mut sender = proxy.client2().await;
    let mut request = post("{}");
    for crumb in ["a=1", "b=2"] {
        request.headers_mut().append("cookie", http::HeaderValue::from_static(crumb));
    }
    assert_eq!(exchange2(&mut sender, request).await.status, 200);
    assert_eq!(upstream.request().await.header("cookie"), Some("a=1; b=2"));
}

/// A body of a mebibyte that tells when all of it was taken.
struct Told(usize, Option<tokio::sync::oneshot::Sender<()>>);

impl hyper::body::Body for Told {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
        self.0 += 1;
        if self.0 <= 64 {
            return std::task::Poll::Ready(Some(Ok(hyper::body::Frame::data(vec![b' '; 16 << 10].into()))));
        }
        if let Some(told) = self.1.take() {
            let _ = told.send(());
        }
        std::task::Poll::Ready(None)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_lets_the_client_end_its_body() {
    let upstream = Upstream::echo().await;
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    for (path, coding) in [("/", "unknown"), ("/jane@example.com", "identity")] {
        let config = proxy.pki.client_config(Some(proxy.pki.client(&[ACME])), &["h2"]);
        let stream = connect(proxy.address, "localhost", config).await.unwrap();
        let (mut sender, connection) =
            Builder::new(TokioExecutor::new()).handshake::<_, Told>(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let (told, taken) = tokio::sync::oneshot::channel();
        let request = Request::post(format!("https://localhost{path}")).header("content-encoding", coding);
        let response = within(sender.send_request(request.body(Told(0, Some(told))).unwrap())).await.unwrap();
        assert!(response.status().is_client_error());
        within(taken).await.expect("the rest of the body is taken in");
        drop(response);
    }
    assert!(upstream.is_untouched());
}
