//! Clients that take nothing of their answers lose them; slow ones, and silent upstreams, are left in peace.

use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt;
use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::time::{interval, timeout};

use crate::audit::record_of;
use crate::support::frames::{DATA, FrameClient, GOAWAY, HEADERS, PING, RST_STREAM, frame, get, window_update};
use crate::support::proxy::Running;
use crate::support::upstream::ok;
use crate::support::{Reply, TestProxy, Upstream, within};

const RULES: &str = "version = 1\npacks = [\"pci\", \"us-pii\", \"contact\"]\n";
const STALL: Duration = Duration::from_millis(400);
/// SETTINGS_INITIAL_WINDOW_SIZE.
const INITIAL_WINDOW: u16 = 4;
const CANCEL: u32 = 8;
/// More than sockets hold.
const MUCH: usize = 24 << 20;
const EVENT: &[u8] = b"data: one\n\n";

fn proxy(upstream: &Upstream, rate: u64) -> Running {
    TestProxy::new()
        .audited()
        .workspace("acme", RULES)
        .upstream(upstream)
        .policy(move |policy| {
            policy.timeouts.client_stall = STALL;
            policy.limits.body_rate = rate;
        })
        .start()
}

/// The first answer is an event stream, which begins; others are short.
async fn streaming() -> (Upstream, UnboundedSender<Vec<u8>>) {
    let (pieces, script) = mpsc::unbounded_channel();
    let script = std::sync::Mutex::new(Some(script));
    let upstream = Upstream::answering(move |_| match script.lock().unwrap().take() {
        Some(script) => Reply::Pieces(script),
        None => Reply::Bytes(ok("text/plain", "words")),
    })
    .await;
    let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    pieces.send(head.to_vec()).unwrap();
    pieces.send(chunk(EVENT)).unwrap();
    (upstream, pieces)
}

fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

fn stalls(proxy: &Running) -> f64 {
    proxy.metric("blackbar_rejected_total{reason=\"client_stall\",workspace=\"acme\"}")
}

/// Waits until nothing is under way.
async fn quiet(proxy: &Running) {
    within(async {
        while proxy.metric("blackbar_requests_in_flight") > 0.0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_without_a_window_is_reset_and_its_connection_goes_on() {
    let (mut upstream, pieces) = streaming().await;
    let proxy = proxy(&upstream, 500);
    let mut client = FrameClient::connect(&proxy, &[(INITIAL_WINDOW, 0)]).await;
    client.write(get(1)).await;
    let head = within(client.next()).await.unwrap();
    assert_eq!((head.kind, head.stream, head.ends_stream()), (HEADERS, 1, false));
    // It lives, and says so.
    client.write(frame(PING, 0, 0, &[0; 8])).await;
    let reset = within(client.until(|frame| frame.kind != DATA)).await.unwrap();
    assert_eq!((reset.kind, reset.stream, reset.code()), (RST_STREAM, 1, Some(CANCEL)));
    upstream.gone().await;
    quiet(&proxy).await;
    assert_eq!(stalls(&proxy), 1.0);
    assert!(pieces.is_closed(), "nobody reads of the upstream");
    client.write([get(3), window_update(3, 1000)].concat()).await;
    let data = within(client.until(|frame| frame.kind == DATA && !frame.payload.is_empty())).await.unwrap();
    assert_eq!((data.stream, data.payload.as_slice()), (3, &b"words"[..]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drained_window_of_a_connection_resets_what_waits_for_it() {
    let mut upstream = Upstream::fixed(ok("text/plain", "words ".repeat(1 << 18))).await;
    let proxy = proxy(&upstream, 500);
    let mut client = FrameClient::connect(&proxy, &[(INITIAL_WINDOW, 1 << 24)]).await;
    client.write([get(1), get(3)].concat()).await;
    let (mut came, mut reset) = (0, Vec::new());
    while reset.len() < 2 {
        let frame = within(client.next()).await.unwrap();
        match frame.kind {
            DATA => came += frame.payload.len(),
            RST_STREAM => reset.push((frame.stream, frame.code())),
            _ => assert_eq!(frame.kind, HEADERS),
        }
    }
    reset.sort_unstable();
    assert_eq!((came, reset), (65_535, vec![(1, Some(CANCEL)), (3, Some(CANCEL))]));
    upstream.gone().await;
    upstream.gone().await;
    quiet(&proxy).await;
    assert_eq!(stalls(&proxy), 2.0);
}

/// What is left of an answer that is over is the connection's, and nothing but its end takes that away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rest_of_an_answer_that_is_not_taken_ends_the_connection() {
    let upstream = Upstream::fixed(ok("text/plain", "w".repeat(64 << 10))).await;
    let proxy = proxy(&upstream, 500);
    let mut client = FrameClient::connect(&proxy, &[]).await;
    client.write(get(1)).await;
    let away = within(client.until(|frame| frame.kind == GOAWAY)).await.unwrap();
    assert_eq!(away.code(), Some(0));
    assert_eq!(within(client.until(|frame| frame.kind != GOAWAY)).await, None, "nothing more comes");
    quiet(&proxy).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_reads_nothing_is_cut_off() {
    let mut upstream = Upstream::fixed(ok("text/plain", "words ".repeat(MUCH / 6))).await;
    let proxy = proxy(&upstream, 500);
    let mut client = proxy.client().await;
    client.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let head = within(client.head()).await.unwrap();
    upstream.gone().await;
    quiet(&proxy).await;
    assert_eq!(stalls(&proxy), 1.0);
    let mut rest = Vec::new();
    let read = within(client.stream.read_to_end(&mut rest)).await;
    assert!(read.is_err() || !rest.ends_with(b"0\r\n\r\n"), "it does not look whole");

    let window = (1 << 31) - 1;
    let mut client = FrameClient::connect(&proxy, &[(INITIAL_WINDOW, window)]).await;
    client.write([window_update(0, window - 65_535), get(1)].concat()).await;
    assert_eq!(within(client.next()).await.unwrap().kind, HEADERS);
    upstream.gone().await;
    quiet(&proxy).await;
    assert_eq!(stalls(&proxy), 2.0);
    // Nobody waited for its record.
    proxy.handle.close_audit();
    let record = record_of(&proxy, head.header("x-request-id"));
    assert_eq!((&record["outcome"], &record["reason"]), (&"failed".into(), &"client_stall".into()), "{record}");
}

/// Of a connection that gives small windows, always as soon as the last one is used, for longer than a stall may be.
async fn sips(proxy: &Running) -> Option<u32> {
    let mut client = FrameClient::connect(proxy, &[(INITIAL_WINDOW, 100)]).await;
    let begun = Instant::now();
    client.write(get(1)).await;
    while begun.elapsed() < 4 * STALL {
        let frame = within(client.until(|frame| frame.kind != HEADERS)).await.unwrap();
        if frame.kind != DATA {
            return frame.code();
        }
        let more = frame.payload.len() as u32;
        client.write([window_update(1, more), window_update(0, more)].concat()).await;
    }
    client.write([window_update(1, MUCH as u32), window_update(0, MUCH as u32)].concat()).await;
    let last = within(client.until(|frame| frame.kind != DATA || frame.ends_stream())).await.unwrap();
    last.code()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_readers_read_on_and_those_that_drip_do_not() {
    for (rate, code) in [(500, None), (u64::from(u32::MAX), Some(CANCEL))] {
        let upstream = Upstream::fixed(ok("text/plain", "words ".repeat(MUCH / 6))).await;
        let proxy = proxy(&upstream, rate);
        assert_eq!(sips(&proxy).await, code, "{rate}");
        quiet(&proxy).await;
        assert_eq!(stalls(&proxy), if code.is_some() { 1.0 } else { 0.0 });
    }
    let upstream = Upstream::fixed(ok("text/plain", "words ".repeat(MUCH / 6))).await;
    let proxy = proxy(&upstream, 500);
    let mut client = proxy.client().await;
    client.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let head = within(client.head()).await.unwrap();
    // It is the reader that has a pace.
    let (mut pace, mut piece, begun) = (interval(STALL / 8), vec![0; 1 << 20], Instant::now());
    while begun.elapsed() < 2 * STALL {
        pace.tick().await;
        within(client.stream.read_exact(&mut piece)).await.unwrap();
    }
    let mut rest = Vec::new();
    let read = async { while !rest.ends_with(b"0\r\n\r\n") && client.stream.read_buf(&mut rest).await.unwrap() > 0 {} };
    within(read).await;
    quiet(&proxy).await;
    assert_eq!(stalls(&proxy), 0.0);
    let record = record_of(&proxy, head.header("x-request-id"));
    assert_eq!(record["outcome"], "forwarded", "{record}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_upstream_is_no_stall() {
    let (_upstream, pieces) = streaming().await;
    let proxy = proxy(&_upstream, 500);
    let mut client = FrameClient::connect(&proxy, &[]).await;
    client.write(get(1)).await;
    let data = within(client.until(|frame| frame.kind == DATA)).await.unwrap();
    assert_eq!(data.payload, EVENT);
    assert!(timeout(3 * STALL, client.next()).await.is_err(), "nothing comes, and nothing ends");
    pieces.send([chunk(EVENT), b"0\r\n\r\n".to_vec()].concat()).unwrap();
    let data = within(client.until(|frame| frame.kind != HEADERS)).await.unwrap();
    assert_eq!((data.kind, data.payload.as_slice()), (DATA, EVENT));
    let last = if data.ends_stream() { data } else { within(client.next()).await.unwrap() };
    assert!(last.ends_stream(), "{last:?}");
    quiet(&proxy).await;
    assert_eq!(stalls(&proxy), 0.0);
}
