//! The admin listener.

use std::sync::Arc;

use blackbar::admin::Admin;
use blackbar::policy::ListenAddress;
use blackbar::proxy::Address;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use crate::support::{TestProxy, Upstream, within};

const RULES: &str = "version = 1\npacks = [\"pci\", \"us-pii\", \"contact\"]\n";

async fn ask(address: &Address, request: &str) -> String {
    let request = format!("{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let mut answer = String::new();
    match address {
        Address::Tcp(at) => {
            let mut stream = TcpStream::connect(at).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            within(stream.read_to_string(&mut answer)).await.unwrap();
        }
        Address::Unix(path) => {
            let mut stream = UnixStream::connect(path).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            within(stream.read_to_string(&mut answer)).await.unwrap();
        }
    }
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_readiness_and_metrics() {
    let upstream = Upstream::echo().await;
    let mut proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    let folder = tempfile::tempdir().unwrap();
    for address in
        [ListenAddress::Tcp("127.0.0.1:0".parse().unwrap()), ListenAddress::Unix(folder.path().join("admin.sock"))]
    {
        let admin = Admin::bind(&address).unwrap();
        let at = admin.address().clone();
        tokio::spawn(admin.run(proxy.handle.clone(), Arc::clone(&proxy.telemetry)));
        assert!(ask(&at, "GET /healthz").await.starts_with("HTTP/1.1 200"));
        assert!(ask(&at, "GET /readyz").await.starts_with("HTTP/1.1 200"));
        assert!(ask(&at, "GET /other").await.starts_with("HTTP/1.1 404"));
        assert!(ask(&at, "POST /metrics").await.starts_with("HTTP/1.1 405"));
        proxy.client().await.post("/", "text/plain", "jane@example.com").await;
        let metrics = ask(&at, "GET /metrics").await;
        for line in [
            "blackbar_findings_total{action=\"mask-domain\",direction=\"request\",entity=\"EMAIL\",rule=\"contact.email\",workspace=\"acme\"}",
            "blackbar_config_info{version=",
            "blackbar_tls_cert_not_after_seconds{listener=\"127.0.0.1:0\"}",
            "blackbar_audit_enabled 0",
        ] {
            assert!(metrics.contains(line), "{line}\n{metrics}");
        }
    }
    let admin = Admin::bind(&ListenAddress::Tcp("127.0.0.1:0".parse().unwrap())).unwrap();
    let at = admin.address().clone();
    tokio::spawn(admin.run(proxy.handle.clone(), Arc::clone(&proxy.telemetry)));
    proxy.stop();
    within(async {
        while !ask(&at, "GET /readyz").await.starts_with("HTTP/1.1 503") {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(ask(&at, "GET /healthz").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_connections_keep_no_probe_waiting() {
    let upstream = Upstream::echo().await;
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    let admin = Admin::bind(&ListenAddress::Tcp("127.0.0.1:0".parse().unwrap())).unwrap();
    let at = admin.address().clone();
    tokio::spawn(admin.run(proxy.handle.clone(), Arc::clone(&proxy.telemetry)));
    let Address::Tcp(tcp) = &at else { panic!("no TCP") };
    let mut idle = Vec::new();
    for _ in 0..200 {
        idle.push(TcpStream::connect(tcp).await.unwrap());
    }
    // Each of them may wait for ten seconds.
    let answer = tokio::time::timeout(std::time::Duration::from_secs(5), ask(&at, "GET /readyz")).await;
    assert!(answer.expect("the probe is not kept waiting").starts_with("HTTP/1.1 200"));
}

/// A connection gives way to another once its answer has been taken, be that slow.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_on_its_way_is_not_cut_off() {
    let upstream = Upstream::echo().await;
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    // More than sockets hold.
    for number in 0..40_000 {
        proxy.telemetry.rejected(&format!("{number:0300}"), "host");
    }
    let admin = Admin::bind(&ListenAddress::Tcp("127.0.0.1:0".parse().unwrap())).unwrap();
    let at = admin.address().clone();
    tokio::spawn(admin.run(proxy.handle.clone(), Arc::clone(&proxy.telemetry)));
    let Address::Tcp(tcp) = &at else { panic!("no TCP") };
    let mut slow = TcpStream::connect(tcp).await.unwrap();
    slow.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    within(slow.readable()).await.unwrap();
    let mut idle = Vec::new();
    for _ in 0..100 {
        idle.push(TcpStream::connect(tcp).await.unwrap());
    }
    assert!(ask(&at, "GET /readyz").await.starts_with("HTTP/1.1 200"));
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(within(slow.read_u8()).await.unwrap());
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length = head.split("content-length: ").nth(1).unwrap().lines().next().unwrap().parse().unwrap();
    assert!(length > 10 << 20, "{length}");
    let mut body = vec![0; length];
    within(slow.read_exact(&mut body)).await.expect("the answer comes whole");
    drop(body);
    // It waits as the others do now.
    for _ in 0..100 {
        idle.push(TcpStream::connect(tcp).await.unwrap());
    }
    assert!(ask(&at, "GET /readyz").await.starts_with("HTTP/1.1 200"));
    assert_eq!(within(slow.read(&mut [0; 1])).await.unwrap_or(0), 0, "and gives way");
}
