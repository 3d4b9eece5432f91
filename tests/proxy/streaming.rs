//! Bodies in flight: promptness, backpressure, cancellation, visible ends.

use tokio::sync::mpsc;

use crate::support::proxy::Running;
use crate::support::{Client, Reply, TestProxy, Upstream, within};

const RULES: &str = "version = 1\npacks = [\"pci\", \"us-pii\", \"contact\"]\n";
const BLOCK: &str = "version = 1\npacks = [\"pci\", \"us-pii\", \"contact\"]\n[actions]\nCREDIT_CARD = \"block\"\n";
const EVENTS: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

/// An upstream whose answers are sent piece by piece by the test.
async fn by_hand() -> (Upstream, mpsc::UnboundedSender<mpsc::UnboundedReceiver<Vec<u8>>>) {
    let (scripts, queue) = mpsc::unbounded_channel();
    let queue = std::sync::Mutex::new(queue);
    let upstream = Upstream::answering(move |_| {
        Reply::Pieces(queue.lock().unwrap().try_recv().expect("one script for each request"))
    })
    .await;
    (upstream, scripts)
}

fn chunk(text: &str) -> Vec<u8> {
    format!("{:x}\r\n{text}\r\n", text.len()).into_bytes()
}

fn start(upstream: &Upstream, rules: &str) -> Running {
    TestProxy::new().workspace("acme", rules).upstream(upstream).start()
}

/// The content of the next chunk.
async fn next_chunk(client: &mut Client) -> Option<String> {
    within(async {
        let size = client.until(b"\r\n").await?;
        let size = usize::from_str_radix(std::str::from_utf8(&size).unwrap().trim(), 16).unwrap();
        if size == 0 {
            return None;
        }
        let text = client.until(b"\r\n").await?;
        // Fixtures have no CRLF inside.
        assert_eq!(text.len(), size + 2);
        Some(String::from_utf8(text[..size].to_vec()).unwrap())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_leave_one_by_one_and_split_values_are_held() {
    let (upstream, scripts) = by_hand().await;
    let proxy = start(&upstream, RULES);
    let (pieces, script) = mpsc::unbounded_channel();
    scripts.send(script).unwrap();
    let mut client = proxy.client().await;
    client.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    pieces.send(EVENTS.to_vec()).unwrap();
    let head = within(client.head()).await.unwrap();
    assert_eq!((head.status, head.header("transfer-encoding")), (200, Some("chunked")), "the head waits for no event");
    pieces.send(chunk("data: hello\n\n")).unwrap();
    assert_eq!(next_chunk(&mut client).await.as_deref(), Some("data: hello\n\n"));
    pieces.send(b"0\r\n\r\n".to_vec()).unwrap();
    assert_eq!(next_chunk(&mut client).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn text_leaves_as_soon_as_it_is_decided() {
    let (upstream, scripts) = by_hand().await;
    let proxy = start(&upstream, RULES);
    let (pieces, script) = mpsc::unbounded_channel();
    scripts.send(script).unwrap();
    let mut client = proxy.client().await;
    client.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    pieces.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec()).unwrap();
    pieces.send(chunk("my card is 4111 11")).unwrap();
    assert_eq!(within(client.head()).await.unwrap().status, 200);
    let first = next_chunk(&mut client).await.unwrap();
    assert!("my card is ".starts_with(&first), "{first:?}");
    pieces.send(chunk("11 1111 1111, thanks ")).unwrap();
    let mut rest = first;
    while !rest.ends_with("1111, ") && !rest.contains("thanks") {
        rest.push_str(&next_chunk(&mut client).await.unwrap());
    }
    assert!(rest.starts_with("my card is **** **** **** 1111,"), "{rest:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_that_comes_word_by_word_is_not_gathered() {
    let (upstream, scripts) = by_hand().await;
    let proxy = start(&upstream, RULES);
    let (pieces, script) = mpsc::unbounded_channel();
    scripts.send(script).unwrap();
    let mut client = proxy.client().await;
    client.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n";
    pieces.send(head.to_vec()).unwrap();
    let mut ticks = tokio::time::interval(std::time::Duration::from_millis(5));
    let head = client.head();
    tokio::pin!(head);
    let mut words = 0;
    loop {
        tokio::select! {
            head = &mut head => break assert_eq!(head.unwrap().status, 200),
            _ = ticks.tick() => {
                words += 1;
                assert!(words < 1000, "the head waits for the whole answer");
                pieces.send(chunk("word ")).unwrap();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_in_an_event_stream_is_an_error_event_and_a_broken_end() {
    let (upstream, scripts) = by_hand().await;
    let proxy = start(&upstream, BLOCK);
    let (pieces, script) = mpsc::unbounded_channel();
    scripts.send(script).unwrap();
    let mut client = proxy.client().await;
    client.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    pieces.send(EVENTS.to_vec()).unwrap();
    pieces.send(chunk("data: hello\n\n")).unwrap();
    pieces.send(chunk("data: 4111 1111 1111 1111\n\n")).unwrap();
    pieces.send(b"0\r\n\r\n".to_vec()).unwrap();
    let answer = client.answer().await;
    assert_eq!(answer.status, 200);
    assert!(!answer.complete, "never a clean end");
    let text = answer.text();
    assert!(text.contains("hello") && text.contains("error") && text.contains("policy_blocked"), "{text}");
    assert!(!text.contains("4111 "));
    assert_eq!(proxy.metric("blackbar_rejected_total{reason=\"policy_blocked\",workspace=\"acme\"}"), 1.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_truncated_answer_is_visible_and_nothing_held_leaves() {
    let (mut upstream, scripts) = by_hand().await;
    let proxy = start(&upstream, RULES);
    for head in [
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 1000\r\n\r\n",
    ] {
        let (pieces, script) = mpsc::unbounded_channel();
        scripts.send(script).unwrap();
        let mut client = proxy.client().await;
        client.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        pieces.send(head.as_bytes().to_vec()).unwrap();
        let event = "data: one\n\ndata: 4111 1111 1111 11";
        pieces.send(if head.contains("chunked") { chunk(event) } else { event.into() }).unwrap();
        assert_eq!(within(client.head()).await.unwrap().status, 200);
        drop(pieces);
        let mut rest = Vec::new();
        within(async {
            while let Some(piece) = client.until(b"\n").await {
                rest.extend(piece);
            }
        })
        .await;
        let rest = String::from_utf8(rest).unwrap();
        assert!(!rest.contains("4111 "), "{rest}");
        assert!(!rest.ends_with("0\r\n\r\n"), "{rest}");
        assert!(rest.contains("upstream_reset"), "{rest}");
        upstream.gone().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_leaves_cancels_the_upstream() {
    for early in [true, false] {
        let (mut upstream, scripts) = by_hand().await;
        let proxy = start(&upstream, RULES);
        let (pieces, script) = mpsc::unbounded_channel();
        scripts.send(script).unwrap();
        let mut client = proxy.client().await;
        client.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        upstream.request().await;
        if !early {
            pieces.send(EVENTS.to_vec()).unwrap();
            assert_eq!(within(client.head()).await.unwrap().status, 200);
        }
        drop(client);
        upstream.gone().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_leaves_in_its_body_never_ends_it() {
    let mut upstream = Upstream::echo().await;
    let proxy = start(&upstream, RULES);
    let mut client = proxy.client().await;
    client
        .write("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await;
    client.write(chunk("some text. 4111 1111 1111 11")).await;
    upstream.head().await;
    drop(client);
    upstream.gone().await;
    assert!(!upstream.saw("0\r\n\r\n") && !upstream.saw("4111 "));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_that_reads_slowly_stops_the_client() {
    let mut upstream = Upstream::answering_early(|_| Reply::Silence).await;
    // Silence reads everything; an upstream that reads nothing at all is a listener that is never accepted from.
    let deaf = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = TestProxy::new()
        .workspace("acme", RULES)
        .route("/deaf", deaf.local_addr().unwrap(), |_| {})
        .route("/", upstream.address, |_| {})
        .start();
    let mut client = proxy.client().await;
    client
        .write(
            "POST /deaf HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n",
        )
        .await;
    let piece = chunk(&"clean text of some words ".repeat(1000));
    let mut sent = 0_usize;
    let stalled = tokio::time::timeout(std::time::Duration::from_secs(2), async {
        loop {
            tokio::io::AsyncWriteExt::write_all(&mut client.stream, &piece).await.unwrap();
            sent += piece.len();
        }
    })
    .await;
    assert!(stalled.is_err());
    assert!(sent < 16 << 20, "{sent} bytes were taken for an upstream that takes nothing");
    let _ = &mut upstream;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trailers_are_scanned_and_come_last() {
    let upstream = Upstream::fixed(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTrailer: X-Sum, X-Note, Content-MD5\r\n\
        Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-Note: jane@example.com\r\nContent-MD5: x\r\n\r\n",
    )
    .await;
    let proxy = start(&upstream, RULES);
    let mut client = proxy.client().await;
    let answer = client.send("GET / HTTP/1.1\r\nHost: localhost\r\nTE: trailers\r\nConnection: TE\r\n\r\n").await;
    assert_eq!((answer.text().as_str(), answer.complete), ("hello", true));
    let trailers = answer.trailers.to_ascii_lowercase();
    assert!(trailers.contains("x-sum: 1") && trailers.contains("x-note: jane@***"), "{trailers}");
    assert!(!trailers.contains("content-md5"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_early_refusal_stops_the_request() {
    let mut upstream = Upstream::answering_early(|_| {
        Reply::Bytes(b"HTTP/1.1 413 Payload Too Large\r\nContent-Length: 8\r\n\r\ntoo much".to_vec())
    })
    .await;
    let proxy = start(&upstream, RULES);
    let mut client = proxy.client().await;
    client
        .write("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await;
    client.write(chunk("first ")).await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.text().as_str(), answer.complete), (413, "too much", true));
    assert_eq!(answer.header("connection"), Some("close"));
    upstream.gone().await;
    assert!(!upstream.saw("0\r\n\r\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_may_stream_while_the_request_does() {
    let (pieces, script) = mpsc::unbounded_channel();
    let script = std::sync::Mutex::new(Some(script));
    let upstream = Upstream::answering_early(move |_| Reply::Pieces(script.lock().unwrap().take().unwrap())).await;
    let proxy = start(&upstream, RULES);
    let mut client = proxy.client().await;
    client
        .write("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await;
    pieces.send(EVENTS.to_vec()).unwrap();
    assert_eq!(within(client.head()).await.unwrap().status, 200);
    for word in ["one ", "two ", "three "] {
        client.write(chunk(word)).await;
        within(async {
            while !upstream.saw(word.trim()) {
                tokio::task::yield_now().await;
            }
        })
        .await;
        let event = format!("data: {word}\n\n");
        pieces.send(chunk(&event)).unwrap();
        assert_eq!(next_chunk(&mut client).await, Some(event));
    }
}
