//! A new configuration takes over between two requests, never within one.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::support::{Reply, TestProxy, Upstream, within};

const RULES: &str = "version = 1\npacks = [\"default\"]\n";
const BLOCK: &str = "[actions]\nEMAIL = \"block\"\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_request_is_judged_anew_and_the_one_under_way_is_not() {
    let (pieces, script) = mpsc::unbounded_channel();
    let script = std::sync::Mutex::new(Some(script));
    let upstream = Upstream::answering(move |received| match script.lock().unwrap().take() {
        Some(script) => Reply::Pieces(script),
        None => Reply::Bytes(crate::support::upstream::ok("text/plain", &received.body)),
    })
    .await;
    let first = TestProxy::new().workspace("acme", RULES).upstream(&upstream);
    let proxy = first.start();
    let mut busy = proxy.client().await;
    busy.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    pieces
        .send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 35\r\n\r\ndata: one\n\n".to_vec())
        .unwrap();
    assert_eq!(within(busy.head()).await.unwrap().status, 200);

    let mut next = TestProxy::new().workspace("acme", BLOCK).upstream(&upstream).policy;
    next.version = "0000000000000002".to_owned();
    let tls = proxy.pki.file("server.crt");
    for listener in &mut next.listeners {
        let settings = listener.tls.as_mut().unwrap();
        settings.certificate.clone_from(&tls);
        settings.private_key = proxy.pki.file("server.key");
        settings.client_ca = Some(proxy.pki.file("ca.crt"));
    }
    proxy.handle.replace(Arc::new(next)).unwrap();
    assert_eq!(proxy.metric("blackbar_config_info{version=\"0000000000000002\"}"), 1.0);

    let mut client = proxy.client().await;
    assert_eq!(client.post("/", "text/plain", "jane@example.com").await.status, 403);
    pieces.send(b"data: jane@example.com\n\n".to_vec()).unwrap();
    let rest = within(busy.until(b"0\r\n\r\n")).await.unwrap();
    assert!(String::from_utf8(rest).unwrap().contains("jane@***"), "the old rules hold to the end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_configuration_that_cannot_serve_changes_nothing() {
    let upstream = Upstream::echo().await;
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    let bad = TestProxy::new().workspace("acme", BLOCK).upstream(&upstream);
    std::fs::remove_file(bad.pki.file("server.key")).unwrap();
    assert!(proxy.handle.replace(Arc::new(bad.policy)).is_err());
    let other = TestProxy::new()
        .workspace("acme", BLOCK)
        .upstream(&upstream)
        .policy(|policy| policy.listeners.push(policy.listeners[0].clone()));
    assert!(proxy.handle.replace(Arc::new(other.policy)).is_err(), "listeners need a restart");
    let answer = proxy.client().await.post("/", "text/plain", "jane@example.com").await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "jane@***"));
    assert_eq!(proxy.handle.version(), "0000000000000001");
}
