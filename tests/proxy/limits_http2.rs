//! Limits of HTTP/2, each at one below, at, and one above.

use http_body_util::Full;
use hyper::Request;

use crate::support::client::exchange2;
use crate::support::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, FrameClient, GOAWAY, HEADERS, RST_STREAM, fields, frame, get,
};
use crate::support::{Reply, TestProxy, Upstream, within};

const RULES: &str = "version = 1\npacks = [\"pci\", \"us-pii\", \"contact\"]\n";
/// 200 in the static table of HPACK.
const OK: u8 = 0x88;

/// What comes of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    /// Its last request is answered.
    Served,
    /// The connection ends with this code.
    Away(u32),
}

const FRAME_SIZE_ERROR: End = End::Away(6);
const ENHANCE_YOUR_CALM: End = End::Away(11);

/// What is bounded, frames with so many of it, how many may be, and what comes of one more.
type Bound = (&'static str, fn(usize) -> Vec<u8>, usize, End);

/// A body in a frame of this size.
fn data(size: usize) -> Vec<u8> {
    let head = fields("POST", &[("content-type", "text/plain")]);
    [frame(HEADERS, END_HEADERS, 1, &head), frame(DATA, END_STREAM, 1, &vec![b' '; size])].concat()
}

/// A header section in a frame of its own and so many more, and one that ends it.
fn continued(count: usize) -> Vec<u8> {
    let mut frames = frame(HEADERS, END_STREAM, 1, &fields("GET", &[]));
    frames.extend(frame(CONTINUATION, 0, 1, &[]).repeat(count));
    frames.extend(frame(CONTINUATION, END_HEADERS, 1, &[]));
    frames
}

/// So many requests that are taken back at once, before anybody could look at them.
fn taken_back(count: usize) -> Vec<u8> {
    let pairs = (0..count as u32).map(|at| 1 + 2 * at);
    let pairs = pairs.flat_map(|stream| [get(stream), frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])].concat());
    pairs.chain(get(1 + 2 * count as u32)).collect()
}

/// A request that the proxy has to reset, for a field that HTTP/2 has not.
fn malformed(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &fields("GET", &[("connection", "x")]))
}

/// Sends these, and waits for the reset that each brings; gives the code of the connection's end where that comes first.
async fn has_reset(client: &mut FrameClient, streams: impl Iterator<Item = u32>) -> Option<u32> {
    for stream in streams {
        client.write(malformed(stream)).await;
        let ends = |frame: &crate::support::frames::Frame| {
            frame.kind == RST_STREAM || frame.kind == GOAWAY && frame.code() != Some(0)
        };
        let end = within(client.until(ends)).await?;
        if end.kind == GOAWAY {
            return end.code();
        }
    }
    None
}

/// What makes us reset costs a peer nothing and us work ("MadeYouReset"). From half of what is borne on, clients are told to
/// take another connection; who stays is cut off.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_are_reset_for_a_client_are_bounded() {
    let upstream = Upstream::echo().await;
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    let streams = |from: u32, count: u32| (from..from + count).map(|at| 1 + 2 * at);
    let mut client = FrameClient::connect(&proxy, &[]).await;
    assert_eq!(has_reset(&mut client, streams(0, 250)).await, None);
    client.write(get(501)).await;
    let first = within(client.until(|frame| matches!(frame.kind, HEADERS | GOAWAY))).await.unwrap();
    assert_eq!((first.kind, first.stream), (HEADERS, 501), "nobody is told to go yet");
    assert_eq!(has_reset(&mut client, streams(251, 1)).await, None);
    let away = within(client.until(|frame| frame.kind == GOAWAY)).await.unwrap();
    assert_eq!(away.code(), Some(0), "in peace");

    // One that does not take the hint, nor answers the PING behind it.
    for (count, expected) in [(499, None), (500, None), (501, Some(11))] {
        let mut client = FrameClient::connect(&proxy, &[]).await;
        client.write(streams(0, count).flat_map(malformed).collect::<Vec<u8>>()).await;
        let mut left = count;
        while left > 0 {
            left -= u32::from(within(client.unanswered()).await.unwrap().kind == RST_STREAM);
        }
        let last = 1 + 2 * count;
        client.write(get(last)).await;
        let end = loop {
            let frame = within(client.unanswered()).await.unwrap();
            if frame.kind == HEADERS && frame.stream == last || frame.kind == GOAWAY && frame.code() != Some(0) {
                break frame;
            }
        };
        assert_eq!(end.code(), expected, "{count}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_a_client_resets_are_bounded() {
    const CANCEL: [u8; 4] = [0, 0, 0, 8];
    let upstream = Upstream::echo().await;
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    // One stream, reset again and again: what is closed may be so, and each is a frame to be read.
    for (count, expected) in [(9_999, None), (10_000, None), (10_001, Some(11))] {
        let mut client = FrameClient::connect(&proxy, &[]).await;
        client.write(get(1)).await;
        assert_eq!(within(client.next()).await.unwrap().kind, HEADERS);
        client.write(frame(RST_STREAM, 0, 1, &CANCEL).repeat(count)).await;
        client.write(get(3)).await;
        let told = |frame: &crate::support::frames::Frame| {
            frame.kind == HEADERS && frame.stream == 3 || frame.kind == GOAWAY && frame.code() != Some(0)
        };
        let end = within(client.until(told)).await.unwrap();
        assert_eq!(end.code(), expected, "{count}");
    }
    assert_eq!(proxy.metric("blackbar_rejected_total{reason=\"h2_resets\",workspace=\"none\"}"), 1.0);
}

/// hyper ends these by itself, and they are counted all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_end_in_an_error_are_counted() {
    let upstream = Upstream::echo().await;
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    let open = frame(HEADERS, 0, 1, &[0x83]);
    let cases = [
        // DATA of no stream; headers that cannot be decoded; a header section without end; one of a stream that is reset.
        (frame(DATA, 0, 0, b"x"), "h2_connection"),
        (frame(HEADERS, 4, 1, &[0xff; 20]), "h2_connection"),
        ([open, frame(CONTINUATION, 0, 1, b"").repeat(3_000)].concat(), "h2_flood"),
    ];
    let metric =
        |reason: &str| proxy.metric(&format!("blackbar_rejected_total{{reason=\"{reason}\",workspace=\"none\"}}"));
    for (bytes, reason) in cases {
        let before = metric(reason);
        let mut client = FrameClient::connect(&proxy, &[]).await;
        client.write(bytes).await;
        within(async {
            while metric(reason) <= before {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
    assert!(upstream.is_untouched());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_connection_may_send_is_bounded() {
    let upstream = Upstream::echo().await;
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    let limits: [Bound; 3] = [
        ("the size of a frame", data, 16 << 10, FRAME_SIZE_ERROR),
        ("CONTINUATION frames that end nothing", continued, 5, ENHANCE_YOUR_CALM),
        ("requests that are taken back", taken_back, 20, ENHANCE_YOUR_CALM),
    ];
    for (what, frames, most, fault) in limits {
        for (count, expected) in [(most - 1, End::Served), (most, End::Served), (most + 1, fault)] {
            let mut client = FrameClient::connect(&proxy, &[]).await;
            client.write(frames(count)).await;
            let end = |frame: &crate::support::frames::Frame| matches!(frame.kind, HEADERS | GOAWAY);
            let end = within(client.until(end)).await.unwrap_or_else(|| panic!("{what} {count}: closed"));
            let came = match end.code() {
                Some(code) => End::Away(code),
                None => {
                    assert_eq!(end.payload.first(), Some(&OK), "{what} {count}");
                    End::Served
                }
            };
            assert_eq!(came, expected, "{what} {count}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_at_once_are_bounded() {
    const REFUSED_STREAM: u32 = 7;
    let mut upstream = Upstream::answering(|_| Reply::Silence).await;
    let proxy = TestProxy::new()
        .workspace("acme", RULES)
        .upstream(&upstream)
        .policy(|policy| policy.limits.h2_streams = 3)
        .start();
    for (count, refused) in [(2, None), (3, None), (4, Some(7))] {
        let mut client = FrameClient::connect(&proxy, &[]).await;
        client.write((0..count).flat_map(|at| get(1 + 2 * at)).collect::<Vec<u8>>()).await;
        for _ in 0..count.min(3) {
            upstream.head().await;
        }
        if let Some(stream) = refused {
            let reset = within(client.next()).await.unwrap();
            assert_eq!((reset.kind, reset.stream, reset.code()), (RST_STREAM, stream, Some(REFUSED_STREAM)));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn header_lists_are_bounded() {
    let upstream = Upstream::echo().await;
    let proxy = TestProxy::new()
        .workspace("acme", RULES)
        .upstream(&upstream)
        .policy(|policy| policy.limits.header_fields = 10)
        .start();
    let mut client = proxy.client2().await;
    for (fields, status) in [(9, 200), (10, 200), (11, 431)] {
        let request = (0..fields)
            .fold(Request::get("https://localhost/"), |request, number| request.header(format!("x-{number}"), "y"));
        let answer = exchange2(&mut client, request.body(Full::default()).unwrap()).await;
        assert_eq!(answer.status, status, "{fields}");
    }
    // As RFC 9113 section 6.5.2 counts: 32 more for each field, those of the request's line among them.
    let rest: usize = [":method", "GET", ":scheme", "https", ":authority", "localhost", ":path", "/", "x"]
        .iter()
        .map(|text| text.len())
        .sum::<usize>()
        + 5 * 32;
    let most = (32 << 10) - 1;
    for (size, status) in [(most - 1, 200), (most, 200), (most + 1, 431)] {
        let request = Request::get("https://localhost/").header("x", "y".repeat(size - rest));
        let answer = exchange2(&mut client, request.body(Full::default()).unwrap()).await;
        assert_eq!(answer.status, status, "{size}");
    }
}
