//! What all that is under way may hold back together: at one below, at, and one above, and free again behind it.

use std::time::Duration;

use blackbar::policy::{HeldMemory, Mode, Policy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc::{self, UnboundedSender};

use crate::audit::record_of;
use crate::support::proxy::Running;
use crate::support::upstream::ok;
use crate::support::{Client, Reply, TestProxy, Upstream, within};
use crate::websocket::{self, AGREED, open, read_frame};

const RULES: &str = "version = 1\npacks = [\"pci\", \"us-pii\", \"contact\"]\n";
/// It says that its connection ends, so that no other request is sent along it.
const HEAD: &str =
    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
const GET: &str = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
/// What may be held.
const MOST: usize = 60_000;

fn bounded(policy: &mut Policy) {
    policy.limits.held_memory = HeldMemory::Bytes(MOST as u64);
}

fn proxy(upstream: &Upstream) -> Running {
    TestProxy::new().audited().workspace("acme", RULES).upstream(upstream).policy(bounded).start()
}

/// An upstream whose answers are told in pieces, each by the next of these.
async fn streaming() -> (Upstream, mpsc::UnboundedReceiver<UnboundedSender<Vec<u8>>>) {
    let (told, streams) = mpsc::unbounded_channel();
    let upstream = Upstream::answering(move |_| {
        let (pieces, script) = mpsc::unbounded_channel();
        pieces.send(HEAD.as_bytes().to_vec()).unwrap();
        let _ = told.send(pieces);
        Reply::Pieces(script)
    })
    .await;
    (upstream, streams)
}

/// A chunk with the beginning of an event, which has so many bytes.
fn event(bytes: usize) -> Vec<u8> {
    let begun = format!("data: {}", "y".repeat(bytes - 6));
    format!("{bytes:x}\r\n{begun}\r\n").into_bytes()
}

/// The end of that event, and of the answer.
const END: &[u8] = b"2\r\n\n\n\r\n0\r\n\r\n";

fn held(proxy: &Running) -> usize {
    proxy.handle.refresh_metrics();
    proxy.metric("blackbar_memory_held_bytes") as usize
}

/// Waits until so much is held.
async fn holds(proxy: &Running, bytes: usize) {
    let reached = tokio::time::timeout(Duration::from_secs(20), async {
        while held(proxy) != bytes {
            tokio::task::yield_now().await;
        }
    });
    assert!(reached.await.is_ok(), "{} are held, not {bytes}", held(proxy));
}

fn shed(proxy: &Running, workspace: &str) -> f64 {
    proxy.metric(&format!("blackbar_rejected_total{{reason=\"overloaded\",workspace=\"{workspace}\"}}"))
}

/// A stream whose event has so many bytes and no end.
async fn begins(
    proxy: &Running,
    streams: &mut mpsc::UnboundedReceiver<UnboundedSender<Vec<u8>>>,
    bytes: usize,
) -> (Client, UnboundedSender<Vec<u8>>) {
    let mut client = proxy.client().await;
    client.write(GET).await;
    let pieces = within(streams.recv()).await.unwrap();
    pieces.send(event(bytes)).unwrap();
    (client, pieces)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_waits_is_bounded() {
    let (upstream, mut streams) = streaming().await;
    let proxy = proxy(&upstream);
    for bytes in [MOST - 1, MOST] {
        let (mut client, pieces) = begins(&proxy, &mut streams, bytes).await;
        holds(&proxy, bytes).await;
        pieces.send(END.to_vec()).unwrap();
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.complete, answer.body.len()), (200, true, bytes + 2));
        holds(&proxy, 0).await;
    }
    assert_eq!(shed(&proxy, "acme"), 0.0);
    let (mut client, _pieces) = begins(&proxy, &mut streams, MOST + 1).await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.complete), (200, false));
    assert!(answer.text().contains("overloaded"), "{}", answer.text());
    assert!(!answer.text().contains("yyy"), "nothing of it leaves");
    holds(&proxy, 0).await;
    assert_eq!(shed(&proxy, "acme"), 1.0);
    let record = record_of(&proxy, answer.header("x-request-id"));
    assert_eq!((&record["outcome"], &record["reason"]), (&"failed".into(), &"overloaded".into()), "{record}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_asks_for_more_than_others_leave_ends_and_they_go_on() {
    let (upstream, mut streams) = streaming().await;
    let proxy = proxy(&upstream);
    let (mut first, first_pieces) = begins(&proxy, &mut streams, 40_000).await;
    holds(&proxy, 40_000).await;
    // Little is no matter.
    let (mut small, small_pieces) = begins(&proxy, &mut streams, 16 << 10).await;
    let (mut second, _second_pieces) = begins(&proxy, &mut streams, 20_001).await;
    let answer = second.answer().await;
    assert!(!answer.complete && answer.text().contains("overloaded"), "{}", answer.text());
    let (mut third, third_pieces) = begins(&proxy, &mut streams, 20_000).await;
    holds(&proxy, 60_000).await;
    for (client, pieces, bytes) in [
        (&mut first, first_pieces, 40_002),
        (&mut third, third_pieces, 20_002),
        (&mut small, small_pieces, (16 << 10) + 2),
    ] {
        pieces.send(END.to_vec()).unwrap();
        let answer = client.answer().await;
        assert_eq!((answer.complete, answer.body.len()), (true, bytes));
    }
    holds(&proxy, 0).await;
    // One whose client leaves leaves nothing either.
    let (client, _pieces) = begins(&proxy, &mut streams, 50_000).await;
    holds(&proxy, 50_000).await;
    drop(client);
    holds(&proxy, 0).await;
    assert_eq!(shed(&proxy, "acme"), 1.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_read_whole_is_refused_before_it_goes_on() {
    for (bytes, status) in [(MOST - 1, 200), (MOST, 200), (MOST + 1, 503)] {
        let mut upstream = Upstream::fixed(ok("text/plain", "taken")).await;
        let proxy = TestProxy::new()
            .workspace("acme", RULES)
            .route("/", upstream.address, |route| route.request = Mode::Buffer { limit: 1 << 20 })
            .policy(bounded)
            .start();
        let answer = proxy.client().await.post("/", "text/plain", "y".repeat(bytes)).await;
        assert_eq!(answer.status, status, "{bytes}");
        if status == 200 {
            assert_eq!(upstream.request().await.body.len(), bytes);
        } else {
            assert_eq!(answer.code(), "overloaded");
            assert!(answer.header("retry-after").is_some() && upstream.is_untouched());
        }
        holds(&proxy, 0).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_coding_needs_counts() {
    use std::io::Write;
    let upstream = Upstream::fixed(ok("text/plain", "taken")).await;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(b"words").unwrap();
    let body = encoder.finish().unwrap();
    let head = format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let proxy = proxy(&upstream);
    let answer = proxy.client().await.send([head.as_bytes(), &body].concat()).await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "overloaded"));
    assert!(upstream.is_untouched());
    holds(&proxy, 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_that_does_not_end_counts_twice() {
    let upstream = Upstream::fixed(ok("text/plain", "taken")).await;
    let proxy = proxy(&upstream);
    let begun = |bytes: usize| {
        let head = "GET / HTTP/1.1\r\nHost: localhost\r\nX: ";
        format!("{head}{}", "y".repeat(bytes - head.len()))
    };
    for bytes in [MOST / 2 - 1, MOST / 2] {
        let mut client = proxy.client().await;
        client.write(begun(bytes)).await;
        holds(&proxy, 2 * bytes).await;
        let answer = client.send("\r\n\r\n").await;
        assert_eq!(answer.status, 200);
        holds(&proxy, 0).await;
    }
    let mut client = proxy.client().await;
    client.write(begun(MOST / 2 + 1)).await;
    let mut rest = Vec::new();
    let _ = within(client.stream.read_to_end(&mut rest)).await;
    assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
    holds(&proxy, 0).await;
    assert_eq!(shed(&proxy, "none"), 1.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_does_not_end_closes_its_connection() {
    let (address, mut peers) = websocket::upstream(AGREED).await;
    let proxy = TestProxy::new().workspace("acme", RULES).route("/", address, |_| {}).policy(bounded).start();
    let (mut client, mut peer) = open(&proxy, &mut peers, "").await;
    // The first fragment of a text.
    peer.stream.write_all(&websocket::frame(0x01, &vec![b'y'; MOST], false)).await.unwrap();
    holds(&proxy, MOST).await;
    peer.stream.write_all(&[0x00, 1, b'y']).await.unwrap();
    let mut closed = None;
    while let Some((first, _, payload)) = within(read_frame(&mut client.stream)).await {
        if first == 0x88 {
            closed = Some(u16::from_be_bytes([payload[0], payload[1]]));
            break;
        }
        assert!(!payload.contains(&b'y') || payload.len() < 1000, "nothing of it leaves");
    }
    assert_eq!(closed, Some(1013));
    drop((client, peer));
    holds(&proxy, 0).await;
    assert_eq!(shed(&proxy, "acme"), 1.0);
}
