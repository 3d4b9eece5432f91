//! How a proxy ends: nothing new, nothing lost.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::support::client::{connect, exchange2};
use crate::support::proxy::ACME;
use crate::support::{Client, Reply, TestProxy, Upstream, within};

const RULES: &str = "version = 1\npacks = [\"pci\", \"us-pii\", \"contact\"]\n";

async fn streaming() -> (Upstream, mpsc::UnboundedSender<Vec<u8>>) {
    let (pieces, script) = mpsc::unbounded_channel();
    let script = std::sync::Mutex::new(Some(script));
    let upstream = Upstream::answering(move |_| match script.lock().unwrap().take() {
        Some(script) => Reply::Pieces(script),
        None => Reply::Bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec()),
    })
    .await;
    (upstream, pieces)
}

const EVENTS: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 22\r\n\r\ndata: one\n\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_under_way_ends_and_nothing_new_begins() {
    let (_upstream, pieces) = streaming().await;
    let mut proxy = TestProxy::new().workspace("acme", RULES).upstream(&_upstream).start();
    let mut busy = proxy.client().await;
    busy.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    pieces.send(EVENTS.to_vec()).unwrap();
    assert_eq!(within(busy.head()).await.unwrap().status, 200);
    let mut idle = proxy.client().await;
    assert_eq!(idle.get("/").await.status, 200);
    let mut idle2 = proxy.client2().await;
    let request = hyper::Request::get("https://localhost/").body(Default::default()).unwrap();
    assert_eq!(exchange2(&mut idle2, request).await.status, 200);
    assert!(!proxy.handle.is_draining());
    proxy.stop();
    assert!(idle.is_closed().await);
    within(async {
        while idle2.ready().await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(proxy.handle.is_draining());
    assert!(TcpStream::connect(proxy.address).await.is_err(), "nothing is accepted any more");
    pieces.send(b"data: two\n\n".to_vec()).unwrap();
    within(busy.until(b"0\r\n\r\n")).await.expect("the stream ends as it should");
    assert!(busy.is_closed().await);
    assert!(proxy.ended().await, "everything ended in time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_has_not_begun_says_that_the_connection_closes() {
    let (mut upstream, pieces) = streaming().await;
    let mut proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    let mut client = proxy.client().await;
    client.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    upstream.request().await;
    proxy.stop();
    within(async {
        while !proxy.handle.is_draining() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    pieces.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec()).unwrap();
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "ok"));
    assert_eq!(answer.header("connection"), Some("close"));
    assert!(proxy.ended().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_connected_may_ask_once_more() {
    let upstream = Upstream::echo().await;
    let mut proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    let mut new = proxy.client().await;
    let mut known = proxy.client().await;
    assert_eq!(known.get("/").await.status, 200);
    let mut silent = proxy.client().await;
    proxy.stop();
    within(async {
        while !proxy.handle.is_draining() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    // The one that has asked before is waited for less.
    for client in [&mut known, &mut new] {
        let answer = client.post("/", "text/plain", "hello").await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "hello"));
        assert_eq!(answer.header("connection"), Some("close"));
        assert!(client.is_closed().await);
    }
    assert!(silent.is_closed().await, "nobody is waited for long");
    assert!(proxy.ended().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_that_has_begun_is_read_to_its_end() {
    let upstream = Upstream::echo().await;
    let mut proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    let mut client = proxy.client().await;
    assert_eq!(client.get("/").await.status, 200);
    client.write("GET / HTTP/1.1\r\nHost: local").await;
    // By the time that another one has been answered these bytes have been read.
    let mut other = proxy.client().await;
    assert_eq!(other.get("/").await.status, 200);
    proxy.stop();
    within(async {
        while !proxy.handle.is_draining() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    client.write("host\r\n\r\n").await;
    let head = within(client.head()).await.unwrap();
    assert_eq!((head.status, head.header("connection")), (200, Some("close")));
    assert!(proxy.ended().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_drain_is_bounded() {
    let (_upstream, pieces) = streaming().await;
    let mut proxy = TestProxy::new()
        .workspace("acme", RULES)
        .upstream(&_upstream)
        .policy(|policy| policy.timeouts.drain = Duration::from_millis(100))
        .start();
    let mut busy = proxy.client().await;
    busy.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    pieces.send(EVENTS.to_vec()).unwrap();
    assert_eq!(within(busy.head()).await.unwrap().status, 200);
    let telemetry = std::sync::Arc::clone(&proxy.telemetry);
    proxy.stop();
    assert!(!proxy.ended().await, "a stream without end is left behind");
    // What ends from now on does so because the proxy does, and not by its client.
    drop(busy);
    let cut = "blackbar_rejected_total{reason=\"draining\",workspace=\"acme\"} 1\n";
    within(async {
        while !telemetry.render().contains(cut) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(telemetry.render().contains("{reason=\"client_abort\",workspace=\"acme\"} 0\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_the_process_at_once() {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    let (mut upstream, _pieces) = streaming().await;
    let files = TestProxy::new().workspace("acme", RULES).upstream(&upstream);
    let config = files.write();
    let mut process = Command::new(env!("CARGO_BIN_EXE_blackbar"))
        .args(["serve", "--config"])
        .arg(&config)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(process.stderr.take().unwrap()).lines().map(Result::unwrap);
    let listening = log.find(|line| line.contains("listening")).unwrap();
    let port = listening.split("127.0.0.1:").nth(1).unwrap().split('"').next().unwrap().parse::<u16>().unwrap();
    let tls = files.pki.client_config(Some(files.pki.client(&[ACME])), &["http/1.1"]);
    let mut client = Client::new(connect(([127, 0, 0, 1], port).into(), "localhost", tls).await.unwrap());
    client.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    upstream.request().await;
    let id = process.id().to_string();
    let terminate = || assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    terminate();
    log.find(|line| line.contains("draining")).unwrap();
    terminate();
    // The drain has 30 seconds, as long as this test.
    let status = within(tokio::task::spawn_blocking(move || process.wait().unwrap())).await.unwrap();
    assert_eq!(status.code(), Some(2));
}
