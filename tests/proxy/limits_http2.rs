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

/// So many requests that the proxy has to reset, for a field that HTTP/2 has not.
fn malformed(count: usize) -> Vec<u8> {
    let bad = fields("GET", &[("connection", "x")]);
    let streams = (0..count as u32).map(|at| 1 + 2 * at);
    let frames = streams.flat_map(|stream| frame(HEADERS, END_HEADERS | END_STREAM, stream, &bad));
    frames.chain(get(1 + 2 * count as u32)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_connection_may_send_is_bounded() {
    let upstream = Upstream::echo().await;
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    let limits: [Bound; 4] = [
        ("the size of a frame", data, 16 << 10, FRAME_SIZE_ERROR),
        ("CONTINUATION frames that end nothing", continued, 5, ENHANCE_YOUR_CALM),
        ("requests that are taken back", taken_back, 20, ENHANCE_YOUR_CALM),
        ("requests that are reset", malformed, 1024, ENHANCE_YOUR_CALM),
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
