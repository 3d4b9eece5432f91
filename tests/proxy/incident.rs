//! A workspace that is stopped: at once, with what is under way, and until it may go on.

use tokio::sync::mpsc;

use crate::support::{Name, Reply, TestProxy, Upstream, within};

const RULES: &str = "version = 1\npacks = [\"contact\"]\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_workspace_is_refused_at_once_and_the_others_go_on() {
    let (pieces, script) = mpsc::unbounded_channel();
    let script = std::sync::Mutex::new(Some(script));
    let upstream = Upstream::answering(move |received| match script.lock().unwrap().take() {
        Some(script) => Reply::Pieces(script),
        None => Reply::Bytes(crate::support::upstream::ok("text/plain", &received.body)),
    })
    .await;
    let test = TestProxy::new().audited().workspace("acme", RULES).workspace("beta", RULES).upstream(&upstream);
    let proxy = test.start();
    let mut busy = proxy.client().await;
    busy.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    pieces
        .send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 99\r\n\r\ndata: one\n\n".to_vec())
        .unwrap();
    assert_eq!(within(busy.head()).await.unwrap().status, 200);
    let folder = proxy.pki.file("incident");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("acme.frozen"), "").unwrap();
    let refused = within(async {
        loop {
            let answer = proxy.client().await.post("/", "text/plain", "x").await;
            if answer.status != 200 {
                return answer;
            }
        }
    })
    .await;
    assert_eq!((refused.status, refused.code().as_str()), (403, "workspace_frozen"));
    assert!(within(busy.until(b"0\r\n\r\n")).await.is_none(), "what is under way breaks off");
    assert_eq!(proxy.metric("blackbar_workspace_frozen{workspace=\"acme\"}"), 1.0);
    let mut beta = proxy.client_named(&[Name::Uri("spiffe://beta.example/agent")]).await;
    assert_eq!(beta.post("/", "text/plain", "x").await.status, 200);
    // A connection that is told so may stay, and goes on when the workspace does.
    std::fs::rename(folder.join("acme.frozen"), folder.join("acme.thawed")).unwrap();
    within(async { while proxy.client().await.post("/", "text/plain", "x").await.status != 200 {} }).await;
    proxy.handle.close_audit();
    let records = blackbar::audit::read::Records::open(&proxy.pki.file("audit")).unwrap();
    let records: Vec<serde_json::Value> =
        records.map(|record| serde_json::from_slice(&record.unwrap().1).unwrap()).collect();
    let reasons: Vec<&str> = records.iter().filter_map(|record| record["reason"].as_str()).collect();
    assert!(reasons.contains(&"revoked") && reasons.contains(&"workspace_frozen"), "{reasons:?}");
    assert!(!reasons.contains(&"client_abort"), "{reasons:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_stays_stopped_through_a_restart() {
    let upstream = Upstream::echo().await;
    let test = TestProxy::new().workspace("acme", RULES).upstream(&upstream);
    std::fs::create_dir(test.pki.file("incident")).unwrap();
    std::fs::write(test.pki.file("incident/acme.frozen"), "").unwrap();
    let proxy = test.start();
    assert_eq!(proxy.client().await.post("/", "text/plain", "x").await.code(), "workspace_frozen");
    assert!(upstream.is_untouched());
}

/// The folder may be away: another file system, another working directory.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_stays_stopped_through_a_restart_without_the_folder() {
    let upstream = Upstream::echo().await;
    let test = TestProxy::new().audited().workspace("acme", RULES).upstream(&upstream);
    std::fs::create_dir(test.pki.file("incident")).unwrap();
    std::fs::write(test.pki.file("incident/acme.frozen"), "").unwrap();
    let proxy = test.start();
    let kept = proxy.pki.file("audit/stopped");
    within(async {
        while !kept.exists() {
            tokio::task::yield_now().await
        }
    })
    .await;
    let kept = std::fs::read(&kept).unwrap();
    let again = TestProxy::new().audited().workspace("acme", RULES).upstream(&upstream);
    std::fs::create_dir(again.pki.file("audit")).unwrap();
    std::fs::write(again.pki.file("audit/stopped"), kept).unwrap();
    let proxy = again.start();
    assert_eq!(proxy.client().await.post("/", "text/plain", "x").await.code(), "workspace_frozen");
    assert!(upstream.is_untouched());
    // An empty folder lets nobody go on; what `incident thaw` writes there does.
    std::fs::create_dir(proxy.pki.file("incident")).unwrap();
    let looked = tokio::time::Instant::now() + std::time::Duration::from_millis(600);
    while tokio::time::Instant::now() < looked {
        assert_eq!(proxy.client().await.post("/", "text/plain", "x").await.code(), "workspace_frozen");
    }
    std::fs::write(proxy.pki.file("incident/acme.thawed"), "").unwrap();
    within(async { while proxy.client().await.post("/", "text/plain", "x").await.status != 200 {} }).await;
}
