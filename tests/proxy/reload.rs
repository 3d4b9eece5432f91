//! A new configuration takes over between two requests, never within one.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::support::{Reply, TestProxy, Upstream, within};

const RULES: &str = "version = 1\npacks = [\"pci\", \"us-pii\", \"contact\"]\n";
const BLOCK: &str = "version = 1\npacks = [\"pci\", \"us-pii\", \"contact\"]\n[actions]\nEMAIL = \"block\"\n";

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

    let (_, mut next) = TestProxy::new().workspace("acme", BLOCK).upstream(&upstream).build();
    for listener in &mut next.listeners {
        let settings = listener.tls.as_mut().unwrap();
        settings.certificate = proxy.pki.file("server.crt");
        settings.private_key = proxy.pki.file("server.key");
        settings.client_ca = Some(proxy.pki.file("ca.crt"));
    }
    let (before, after) = (proxy.handle.version(), next.version.clone());
    assert_ne!(before, after);
    proxy.handle.replace(Arc::new(next)).unwrap();
    let metric = |version: &str| proxy.metric(&format!("blackbar_config_info{{version=\"{version}\"}}"));
    assert_eq!((metric(&before), metric(&after)), (0.0, 1.0));

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
    let version = proxy.handle.version();
    let (pki, bad) = TestProxy::new().workspace("acme", BLOCK).upstream(&upstream).build();
    std::fs::remove_file(pki.file("server.key")).unwrap();
    assert!(proxy.handle.replace(Arc::new(bad)).is_err());
    let (_pki, other) = TestProxy::new()
        .workspace("acme", BLOCK)
        .upstream(&upstream)
        .policy(|policy| policy.listeners.push(policy.listeners[0].clone()))
        .build();
    assert!(proxy.handle.replace(Arc::new(other)).is_err(), "listeners need a restart");
    let answer = proxy.client().await.post("/", "text/plain", "jane@example.com").await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "jane@***"));
    assert_eq!(proxy.handle.version(), version);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_followed_and_a_bad_one_keeps_the_last_good() {
    use blackbar::policy::PolicyStore;
    use blackbar::proxy::Proxy;
    use blackbar::telemetry::Telemetry;

    let upstream = Upstream::echo().await;
    let test = TestProxy::new().workspace("acme", RULES).upstream(&upstream);
    let (store, _) = PolicyStore::load(&test.write()).unwrap();
    let telemetry = Arc::new(Telemetry::new());
    let bound = Proxy::bind(store.current(), Arc::clone(&telemetry)).unwrap();
    let handle = bound.handle();
    let reloads =
        |result: &str| telemetry.render().contains(&format!("blackbar_config_reload_total{{result=\"{result}\"}} 1"));

    std::fs::write(
        test.pki.file("acme.toml"),
        "version = 1\npacks = [\"pci\", \"us-pii\", \"contact\"]\n[actions]\nEMAIL = \"blokc\"\n",
    )
    .unwrap();
    assert!(store.changed_on_disk());
    assert!(!handle.reload(&store));
    assert!(reloads("error") && !reloads("ok"));
    assert_eq!(handle.version(), store.current().version);

    let before = handle.version();
    std::fs::write(test.pki.file("acme.toml"), BLOCK).unwrap();
    assert!(handle.reload(&store));
    assert!(reloads("ok"));
    assert_ne!(handle.version(), before);
}
