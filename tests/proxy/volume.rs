//! Much at once, and much in one body.

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::client::exchange2;
use crate::support::{Reply, TestProxy, Upstream, within};

// Two packs: what is weighed here is memory, not the cost of rules.
const RULES: &str = "version = 1\npacks = [\"pci\", \"contact\"]\n";
const MIB: usize = 1 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_exchanges_at_once_never_mix() {
    let upstream = Upstream::echo().await;
    let proxy = std::sync::Arc::new(TestProxy::new().workspace("acme", RULES).upstream(&upstream).start());
    let mut all = tokio::task::JoinSet::new();
    for number in 0..16 {
        let proxy = proxy.clone();
        all.spawn(async move {
            let mut client = proxy.client().await;
            for turn in 0..25 {
                let own = format!("<{number}-{turn}> ").repeat(1 + (number * turn) % 400);
                let answer = client.post("/", "text/plain", format!("{own}jane@example.com ")).await;
                assert_eq!((answer.status, answer.text()), (200, format!("{own}jane@*** ")));
            }
        });
    }
    let client = proxy.client2().await;
    for number in 0..200 {
        let mut client = client.clone();
        all.spawn(async move {
            let own = format!("({number}) ").repeat(1 + number * 7 % 900);
            let request = Request::post("https://localhost/")
                .header("content-type", "text/plain")
                .body(Full::<Bytes>::from(format!("{own}4111 1111 1111 1111 ")))
                .unwrap();
            let answer = exchange2(&mut client, request).await;
            assert_eq!((answer.status, answer.text()), (200, format!("{own}**** **** **** 1111 ")));
        });
    }
    while let Some(done) = all.join_next().await {
        done.unwrap();
    }
    assert_eq!(proxy.metric("blackbar_requests_total{route=\"root\",status=\"2xx\",workspace=\"acme\"}"), 600.0);
}

/// The highest that this process's resident memory has been.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

#[test]
fn a_body_of_any_size_takes_constant_memory() {
    let weighing = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "volume::weigh_a_long_body", "--ignored", "--nocapture"])
        .output()
        .unwrap();
    assert!(weighing.status.success(), "{weighing:?}");
}

/// An upstream that sends back what it gets, as it gets it, and keeps nothing.
async fn mirror() -> std::net::SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut piece = vec![0; 64 << 10];
        let mut head = Vec::new();
        let body = loop {
            let count = stream.read(&mut piece).await.unwrap();
            head.extend_from_slice(&piece[..count]);
            if let Some(at) = head.windows(4).position(|window| window == b"\r\n\r\n") {
                break head.split_off(at + 4);
            }
        };
        let answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n";
        stream.write_all(answer).await.unwrap();
        // The request is chunked as well: its framing is sent back with it.
        stream.write_all(&body).await.unwrap();
        while let Ok(count) = stream.read(&mut piece).await {
            if count == 0 || stream.write_all(&piece[..count]).await.is_err() {
                break;
            }
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "weighs its whole process: run by a_body_of_any_size_takes_constant_memory"]
async fn weigh_a_long_body() {
    let size = if std::env::var("BLACKBAR_LONG").is_ok() { 2048 * MIB } else { 256 * MIB };
    let upstream = mirror().await;
    let proxy = TestProxy::new().workspace("acme", RULES).route("/", upstream, |_| {}).start();
    let client = proxy.client().await;
    let (mut reader, mut writer) = tokio::io::split(client.stream);
    let line = "2026-11-21 03:00:00 user jane@example.com paid 10 with 4111 1111 1111 1111, order 12345 shipped\n";
    let block = line.repeat(MIB / line.len());
    let rounds = size / block.len();
    let chunk = format!("{:x}\r\n{block}\r\n", block.len());
    let started = std::time::Instant::now();
    let before = peak();
    let writing = tokio::spawn(async move {
        let head =
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n";
        writer.write_all(head.as_bytes()).await.unwrap();
        for _ in 0..rounds {
            writer.write_all(chunk.as_bytes()).await.unwrap();
        }
        writer.write_all(b"0\r\n\r\n").await.unwrap();
        writer.flush().await.unwrap();
        writer
    });
    let mut piece = vec![0; 64 << 10];
    let mut tail = Vec::new();
    let mut received = 0;
    loop {
        let count =
            tokio::time::timeout(std::time::Duration::from_secs(30), reader.read(&mut piece)).await.unwrap().unwrap();
        received += count;
        assert!(!piece[..count].windows(9).any(|window| window == b"4111 1111"));
        tail.extend_from_slice(&piece[..count]);
        tail.drain(..tail.len().saturating_sub(5));
        if count == 0 || tail == b"0\r\n\r\n" {
            break;
        }
    }
    drop(writing.await);
    let grown = peak() - before;
    let seconds = started.elapsed().as_secs_f64();
    println!("{} MiB there and back in {seconds:.1} s, {} MiB more memory", size / MIB, grown / MIB);
    assert!(received > size / 2, "{received} bytes came back");
    assert!(grown < 64 * MIB, "{grown} bytes more than at the start");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_answer_waits_for_its_reader() {
    // 64 MiB are offered; a client that reads nothing lets only a little of it be taken from the upstream.
    let (taken, mut progress) = tokio::sync::watch::channel(0_usize);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 4096]).await;
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n", 64 * MIB);
        stream.write_all(head.as_bytes()).await.unwrap();
        let piece = "some words of clean text ".repeat(MIB / 25);
        while stream.write_all(piece.as_bytes()).await.is_ok() {
            taken.send_modify(|taken| *taken += piece.len());
        }
    });
    let proxy = TestProxy::new().workspace("acme", RULES).route("/", address, |_| {}).start();
    let mut client = proxy.client().await;
    client.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    within(client.head()).await.unwrap();
    // Whatever the kernel's buffers take, it stops.
    within(async {
        while tokio::time::timeout(std::time::Duration::from_millis(500), progress.changed()).await.is_ok() {}
    })
    .await;
    assert!(*progress.borrow() < 48 * MIB, "{} MiB were taken", *progress.borrow() / MIB);
    let _ = Reply::Silence;
}
