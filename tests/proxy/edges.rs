//! Bounds on time, a millisecond before and behind each: the clock stands still but where a test moves it. A millisecond is
//! the least that timers tell; what happens at the bound itself is told by either.

use std::net::SocketAddr;
use std::time::Duration;

use blackbar::policy::{Mode, Policy, Route};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::support::proxy::{ACME, Running};
use crate::support::upstream::ok;
use crate::support::{Client, Reply, TestProxy, Upstream, within};
use crate::websocket;

const RULES: &str = "version = 1\npacks = [\"pci\"]\n";
/// The bound of each test.
const BOUND: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(1);

/// A clock that stands still though nothing is left to do.
struct Clock {
    /// Without bounds: a path whose exchanges show that what came before them has been taken.
    beside: Upstream,
    _hold: std::sync::mpsc::Sender<()>,
}

impl Clock {
    /// Stops it, until this is dropped.
    async fn stopped() -> Self {
        tokio::time::pause();
        let (hold, held) = std::sync::mpsc::channel();
        // It does not move by itself while a blocking task is under way; a test that hangs is ended by it after all.
        tokio::task::spawn_blocking(move || held.recv_timeout(Duration::from_secs(60)));
        Self { beside: Upstream::echo().await, _hold: hold }
    }

    fn proxy(&self, test: TestProxy, bound: impl FnOnce(&mut Policy) + 'static) -> Running {
        test.workspace("acme", RULES).route("/beside", self.beside.address, |_| {}).policy(bound).start()
    }

    /// Lets time pass once what is on its way has come.
    async fn pass(&self, proxy: &Running, time: Duration) {
        assert_eq!(proxy.client().await.get("/beside").await.status, 200);
        tokio::time::advance(time).await;
        assert_eq!(proxy.client().await.get("/beside").await.status, 200);
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        tokio::time::resume();
    }
}

fn to(address: SocketAddr, change: impl FnOnce(&mut Route) + 'static) -> TestProxy {
    TestProxy::new().route("/", address, change)
}

/// An upstream whose answer is sent from here.
async fn scripted() -> (Upstream, UnboundedSender<Vec<u8>>) {
    let (pieces, script): (_, UnboundedReceiver<Vec<u8>>) = mpsc::unbounded_channel();
    let script = std::sync::Mutex::new(Some(script));
    (Upstream::answering(move |_| Reply::Pieces(script.lock().unwrap().take().unwrap())).await, pieces)
}

async fn head(stream: &mut (impl AsyncReadExt + Unpin)) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(within(stream.read_u8()).await.unwrap());
    }
}

#[tokio::test]
async fn a_handshake_has_its_time() {
    for (passed, served) in [(BOUND - TICK, true), (BOUND + TICK, false)] {
        let clock = Clock::stopped().await;
        let proxy = clock.proxy(TestProxy::new(), |policy| policy.timeouts.handshake = BOUND);
        let stream = TcpStream::connect(proxy.address).await.unwrap();
        clock.pass(&proxy, passed).await;
        let config = proxy.pki.client_config(Some(proxy.pki.client(&[ACME])), &["http/1.1"]);
        let name = ServerName::try_from("localhost").unwrap();
        let stream = within(TlsConnector::from(config).connect(name, stream)).await;
        assert_eq!(stream.is_ok(), served, "{passed:?}");
        if let Ok(stream) = stream {
            assert_eq!(Client::new(stream).get("/beside").await.status, 200);
        }
    }
}

#[tokio::test]
async fn a_connection_to_an_upstream_has_its_time() {
    for (passed, status) in [(BOUND - TICK, 200), (BOUND + TICK, 504)] {
        let clock = Clock::stopped().await;
        let slow = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let test = TestProxy::new();
        let (ca, config) = (Some(test.pki.file("ca.crt")), test.pki.server_config("server", &["http/1.1"]));
        let test = test.route("/", slow.local_addr().unwrap(), |route| {
            route.upstream.tls = true;
            route.upstream.ca = ca;
        });
        let proxy = clock.proxy(test, |policy| policy.timeouts.connect = BOUND);
        let mut client = proxy.client().await;
        client.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        let (stream, _) = within(slow.accept()).await.unwrap();
        clock.pass(&proxy, passed).await;
        if status == 200 {
            let mut stream = within(TlsAcceptor::from(config).accept(stream)).await.unwrap();
            head(&mut stream).await;
            stream.write_all(&ok("text/plain", "late")).await.unwrap();
            assert_eq!(client.answer().await.text(), "late");
        } else {
            let answer = client.answer().await;
            assert_eq!((answer.status, answer.code().as_str()), (status, "upstream_timeout"));
        }
    }
}

#[tokio::test]
async fn an_answer_has_its_time_to_begin() {
    for (passed, status) in [(BOUND - TICK, 200), (BOUND + TICK, 504)] {
        let clock = Clock::stopped().await;
        let (mut upstream, pieces) = scripted().await;
        let proxy = clock.proxy(to(upstream.address, |_| {}), |policy| policy.timeouts.first_byte = BOUND);
        let mut client = proxy.client().await;
        client.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        upstream.request().await;
        clock.pass(&proxy, passed).await;
        let _ = pieces.send(ok("text/plain", "late"));
        let answer = client.answer().await;
        assert_eq!(answer.status, status, "{passed:?}");
        assert_eq!(answer.code(), if status == 200 { "" } else { "upstream_timeout" });
    }
}

#[tokio::test]
async fn a_websocket_handshake_has_its_time() {
    let agreed = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                  Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    for (passed, status) in [(BOUND - TICK, 101), (BOUND + TICK, 504)] {
        let clock = Clock::stopped().await;
        let slow = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let test = to(slow.local_addr().unwrap(), |_| {});
        let proxy = clock.proxy(test, |policy| policy.timeouts.first_byte = BOUND);
        let mut client = proxy.client().await;
        client
            .write(
                "GET /v1/realtime?model=gpt-realtime HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
                 Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                 Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            )
            .await;
        let (mut stream, _) = within(slow.accept()).await.unwrap();
        head(&mut stream).await;
        clock.pass(&proxy, passed).await;
        let _ = stream.write_all(agreed.as_bytes()).await;
        assert_eq!(within(client.head()).await.unwrap().status, status, "{passed:?}");
    }
}

#[tokio::test]
async fn a_session_has_its_time_without_a_word() {
    let word = websocket::frame(0x81, b"{}", true);
    for (passed, open) in [(BOUND - TICK, true), (BOUND + TICK, false)] {
        let clock = Clock::stopped().await;
        let (address, mut peers) = websocket::upstream(websocket::AGREED).await;
        let proxy = clock.proxy(to(address, |_| {}), |policy| policy.timeouts.total = BOUND);
        let (mut client, mut peer) = websocket::open(&proxy, &mut peers, "").await;
        // Each word begins it anew.
        for _ in 0..2 {
            clock.pass(&proxy, BOUND - TICK).await;
            client.write(&word).await;
            assert_eq!(within(websocket::read_frame(&mut peer.stream)).await, Some((0x81, true, b"{}".to_vec())));
        }
        clock.pass(&proxy, passed).await;
        if open {
            client.write(&word).await;
            assert!(within(websocket::read_frame(&mut peer.stream)).await.is_some_and(|(first, ..)| first == 0x81));
        } else {
            let (_, _, error) = within(websocket::read_frame(&mut client.stream)).await.unwrap();
            assert!(String::from_utf8_lossy(&error).contains("upstream_timeout"));
        }
    }
}

#[tokio::test]
async fn a_request_that_is_held_whole_has_its_time() {
    for (passed, status) in [(BOUND - TICK, 200), (BOUND + TICK, 408)] {
        let clock = Clock::stopped().await;
        let upstream = Upstream::echo().await;
        let test = to(upstream.address, |route| route.request = Mode::Buffer { limit: 100 });
        let proxy = clock.proxy(test, |policy| policy.timeouts.total = BOUND);
        let mut client = proxy.client().await;
        let head = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nhalf ";
        client.write(head).await;
        clock.pass(&proxy, passed).await;
        let answer = client.send("half").await;
        assert_eq!(answer.status, status, "{passed:?}");
        assert_eq!(answer.code(), if status == 200 { "" } else { "body_timeout" });
    }
}

#[tokio::test]
async fn an_answer_that_is_held_whole_has_its_time() {
    for (passed, status) in [(BOUND - TICK, 200), (BOUND + TICK, 504)] {
        let clock = Clock::stopped().await;
        let (mut upstream, pieces) = scripted().await;
        let test = to(upstream.address, |route| route.response = Mode::Buffer { limit: 100 });
        let proxy = clock.proxy(test, |policy| policy.timeouts.total = BOUND);
        let mut client = proxy.client().await;
        client.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        upstream.request().await;
        pieces.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nhalf ".to_vec()).unwrap();
        clock.pass(&proxy, passed).await;
        let _ = pieces.send(b"half".to_vec());
        let answer = client.answer().await;
        assert_eq!(answer.status, status, "{passed:?}");
        assert_eq!(answer.code(), if status == 200 { "" } else { "upstream_timeout" });
    }
}

#[tokio::test]
async fn what_is_under_way_has_its_time_to_end() {
    for (passed, whole) in [(BOUND - TICK, true), (BOUND + TICK, false)] {
        let clock = Clock::stopped().await;
        let (mut upstream, pieces) = scripted().await;
        let mut proxy = clock.proxy(to(upstream.address, |_| {}), |policy| policy.timeouts.drain = BOUND);
        let mut client = proxy.client().await;
        client.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        upstream.request().await;
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 22\r\n\r\n";
        pieces.send(format!("{head}data: one\n\n").into_bytes()).unwrap();
        within(client.until(b"data: one\n\n")).await.unwrap();
        proxy.stop();
        while TcpStream::connect(proxy.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        // Nothing tells that its time has begun; it does as soon as no one accepts any more.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        tokio::time::advance(passed).await;
        if whole {
            pieces.send(b"data: two\n\n".to_vec()).unwrap();
            within(client.until(b"data: two\n\n")).await.unwrap();
            drop(client);
        }
        assert_eq!(proxy.ended().await, whole, "{passed:?}");
    }
}
