//! How much a workspace may ask, at once and in a time.

use tokio::sync::mpsc;

use crate::support::proxy::Running;
use crate::support::{Name, Reply, TestProxy, Upstream, within};

const RULES: &str = "version = 1\npacks = [\"pci\"]\n";

fn limited(upstream: &Upstream, limits: &str) -> Running {
    let proxy = TestProxy::new().workspace("acme", RULES).workspace("other", RULES).upstream(upstream).start();
    proxy.reload(|config| config.replace("name = \"acme\"", &format!("name = \"acme\"\nlimits = {{ {limits} }}")));
    proxy
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_too_often_is_429_and_others_are_not_held_to_it() {
    let upstream = Upstream::echo().await;
    // One in a second, and three at once above that: no machine is slow enough for a fifth.
    let proxy = limited(&upstream, "requests_per_second = 1, burst = 3");
    let mut client = proxy.client().await;
    let mut statuses = Vec::new();
    for _ in 0..20 {
        let answer = client.get("/").await;
        statuses.push(answer.status);
        if answer.status == 429 {
            assert_eq!((answer.code().as_str(), answer.header("retry-after")), ("rate", Some("1")));
        }
    }
    assert_eq!(statuses[..3], [200, 200, 200]);
    assert!(statuses.contains(&429), "{statuses:?}");
    let mut other = proxy.client_named(&[Name::Uri("spiffe://other.example/agent")]).await;
    for _ in 0..20 {
        assert_eq!(other.get("/").await.status, 200);
    }
    // A reload that leaves the limits alone forgives nothing.
    proxy.reload(|config| config + "\n");
    let again = [client.get("/").await.status, client.get("/").await.status, client.get("/").await.status];
    assert!(again.contains(&429), "{again:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_flight_is_counted_to_its_last_byte() {
    let (pieces, script) = mpsc::unbounded_channel();
    let script = std::sync::Mutex::new(Some(script));
    let upstream = Upstream::answering(move |_| match script.lock().unwrap().take() {
        Some(script) => Reply::Pieces(script),
        None => Reply::Bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec()),
    })
    .await;
    let proxy = limited(&upstream, "requests = 1");
    let mut busy = proxy.client().await;
    busy.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    pieces
        .send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 22\r\n\r\ndata: one\n\n".to_vec())
        .unwrap();
    assert_eq!(within(busy.head()).await.unwrap().status, 200);
    let mut client = proxy.client().await;
    assert_eq!(client.get("/").await.status, 429);
    pieces.send(b"data: two\n\n".to_vec()).unwrap();
    within(busy.until(b"0\r\n\r\n")).await.unwrap();
    drop(pieces);
    within(async {
        while client.get("/").await.status == 429 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
