//! What comes too late. Bounds are set tiny; nothing here waits for longer than they say.

use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

use crate::support::frames::{SETTINGS, frame};
use crate::support::{Reply, TestProxy, Upstream, within};

const RULES: &str = "version = 1\npacks = [\"pci\", \"us-pii\", \"contact\"]\n";
const SHORT: Duration = Duration::from_millis(100);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_handshake_ends() {
    let upstream = Upstream::echo().await;
    let proxy = TestProxy::new()
        .workspace("acme", RULES)
        .upstream(&upstream)
        .policy(|policy| policy.timeouts.handshake = SHORT)
        .start();
    let mut stream = TcpStream::connect(proxy.address).await.unwrap();
    assert_eq!(within(stream.read(&mut [0; 1])).await.unwrap_or(0), 0);
    // The socket is closed before the failure is counted.
    within(async {
        while proxy.metric("blackbar_tls_handshake_failures_total{reason=\"tls_timeout\"}") != 1.0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_that_drips_ends_the_connection() {
    let upstream = Upstream::echo().await;
    let proxy = TestProxy::new()
        .workspace("acme", RULES)
        .upstream(&upstream)
        .policy(|policy| policy.timeouts.header = SHORT)
        .start();
    let mut client = proxy.client().await;
    client.write("GET / HTTP/1.1\r\nHost: loc").await;
    assert!(client.is_closed().await);
    assert!(upstream.is_untouched());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_connection_ends_and_a_busy_one_does_not() {
    let upstream = Upstream::echo().await;
    let proxy = TestProxy::new()
        .workspace("acme", RULES)
        .upstream(&upstream)
        .policy(|policy| {
            policy.timeouts.keep_alive = SHORT;
            policy.timeouts.header = SHORT;
        })
        .start();
    let mut client = proxy.client().await;
    assert_eq!(client.get("/").await.status, 200);
    assert!(client.is_closed().await);
    let mut client = proxy.client2().await;
    let request = hyper::Request::get("https://localhost/").body(Default::default()).unwrap();
    assert_eq!(crate::support::client::exchange2(&mut client, request).await.status, 200);
    within(async {
        while client.ready().await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_stops_is_answered_408_and_never_ends_upstream() {
    let mut upstream = Upstream::echo().await;
    let proxy = TestProxy::new()
        .workspace("acme", RULES)
        .upstream(&upstream)
        .policy(|policy| policy.timeouts.body_idle = SHORT)
        .start();
    for framing in ["Content-Length: 100", "Content-Length: 1000000", "Transfer-Encoding: chunked"] {
        let mut client = proxy.client().await;
        let piece = if framing.starts_with('T') { "5\r\nhello\r\n" } else { "hello" };
        let head =
            format!("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n{framing}\r\n\r\n{piece}");
        let answer = client.send(head).await;
        assert_eq!((answer.status, answer.code().as_str()), (408, "body_timeout"), "{framing}");
        assert!(client.is_closed().await);
    }
    upstream.gone().await;
    assert!(!upstream.saw("0\r\n\r\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_drips_is_answered_408_and_one_that_brings_enough_is_not() {
    for (rate, status) in [(u64::from(u32::MAX), 408), (100, 200)] {
        let mut upstream = Upstream::echo().await;
        let proxy = TestProxy::new()
            .workspace("acme", RULES)
            .upstream(&upstream)
            .policy(move |policy| {
                policy.timeouts.body_idle = SHORT;
                policy.limits.body_rate = rate;
            })
            .start();
        let mut client = proxy.client().await;
        let head =
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n";
        client.write(head).await;
        // Each word is sent when the last one has come through, so that the body never idles.
        let (begun, came) = (Instant::now(), std::sync::Arc::clone(&upstream.bytes));
        let words = || came.lock().unwrap().windows(6).filter(|window| window == b"words ").count();
        let mut broken_off = false;
        while !broken_off && (status == 408 || begun.elapsed() < 4 * SHORT) {
            let sent = words() + 1;
            client.write("6\r\nwords \r\n").await;
            let through = async {
                while words() < sent {
                    tokio::task::yield_now().await;
                }
            };
            tokio::select! {
                () = through => {}
                () = upstream.gone() => broken_off = true,
            }
        }
        assert_eq!(broken_off, status == 408);
        let answer = if broken_off { client.answer().await } else { client.send("0\r\n\r\n").await };
        assert_eq!(answer.status, status, "{}", answer.text());
        assert_eq!(answer.text().contains("body_timeout"), broken_off);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_that_never_answers_is_504() {
    let mut upstream = Upstream::answering(|_| Reply::Silence).await;
    let proxy = TestProxy::new()
        .workspace("acme", RULES)
        .upstream(&upstream)
        .policy(|policy| policy.timeouts.first_byte = SHORT)
        .start();
    let answer = proxy.client().await.get("/").await;
    assert_eq!((answer.status, answer.code().as_str()), (504, "upstream_timeout"));
    upstream.gone().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_stops_is_504_or_broken_off() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: TYPE\r\nContent-Length: 100\r\n\r\n";
    for (media_type, status) in [("text/plain", 504), ("text/event-stream", 200)] {
        let head = head.replace("TYPE", media_type);
        let (pieces, script) = tokio::sync::mpsc::unbounded_channel();
        let script = std::sync::Mutex::new(Some(script));
        let mut upstream = Upstream::answering(move |_| Reply::Pieces(script.lock().unwrap().take().unwrap())).await;
        let proxy = TestProxy::new()
            .workspace("acme", RULES)
            .upstream(&upstream)
            .policy(|policy| policy.timeouts.upstream_idle = SHORT)
            .start();
        pieces.send(head.into_bytes()).unwrap();
        let answer = proxy.client().await.get("/").await;
        assert_eq!(answer.status, status, "{media_type}");
        assert!(answer.text().contains("upstream_timeout"), "{}", answer.text());
        assert_eq!(answer.complete, status == 504);
        upstream.gone().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_that_takes_nothing_is_504() {
    let deaf = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = TestProxy::new()
        .workspace("acme", RULES)
        .route("/", deaf.local_addr().unwrap(), |_| {})
        .policy(|policy| {
            policy.timeouts.upstream_idle = SHORT;
            policy.timeouts.first_byte = SHORT;
        })
        .start();
    let body = "clean text of some words ".repeat(1 << 20);
    let mut client = proxy.client().await;
    let (read, answer) = {
        let head = format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        client.write(head).await;
        let (mut reader, mut writer) = tokio::io::split(client.stream);
        let writing =
            tokio::spawn(async move { tokio::io::AsyncWriteExt::write_all(&mut writer, body.as_bytes()).await });
        let mut answer = Vec::new();
        let read = within(reader.read_to_end(&mut answer)).await;
        writing.abort();
        (read, String::from_utf8_lossy(&answer).into_owned())
    };
    assert!(answer.starts_with("HTTP/1.1 504"), "{read:?} {answer}");
}

/// One of HTTP/2 that grants no window, and answers nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_that_grants_no_window_is_504() {
    let deaf = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let test = TestProxy::new().workspace("acme", RULES);
    let (ca, config) = (Some(test.pki.file("ca.crt")), test.pki.server_config("server", &["h2"]));
    let proxy = test
        .route("/", deaf.local_addr().unwrap(), |route| {
            route.upstream.tls = true;
            route.upstream.ca = ca;
        })
        .policy(|policy| {
            policy.timeouts.upstream_idle = SHORT;
            policy.timeouts.body_idle = SHORT;
        })
        .start();
    let serving = tokio::spawn(async move {
        let (stream, _) = deaf.accept().await.unwrap();
        let mut stream = tokio_rustls::TlsAcceptor::from(config).accept(stream).await.unwrap();
        // SETTINGS_INITIAL_WINDOW_SIZE of 0.
        let settings = [frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]), frame(SETTINGS, 1, 0, &[])].concat();
        tokio::io::AsyncWriteExt::write_all(&mut stream, &settings).await.unwrap();
        let mut came = Vec::new();
        while stream.read_buf(&mut came).await.is_ok_and(|count| count > 0) {}
        came
    });
    let body = "clean text of some words ".repeat(1 << 14);
    let answer = proxy.client().await.post("/", "text/plain", &body).await;
    assert_eq!((answer.status, answer.code().as_str()), (504, "upstream_timeout"));
    drop(proxy);
    serving.abort();
}
