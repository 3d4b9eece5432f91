//! Listeners without client certificates, Unix sockets, named hosts, and what one connection costs.

use blackbar::policy::{ClientAuth, ListenAddress};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use crate::support::client::connect;
use crate::support::{Client, TestProxy, Upstream, within};

const RULES: &str = "version = 1\npacks = [\"default\"]\n";
const REQUEST: &[u8] =
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 16\r\nConnection: close\r\n\r\njane@example.com";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fixed_workspace_serves_clients_without_certificates() {
    let upstream = Upstream::echo().await;
    let test = TestProxy::new().workspace("acme", RULES).upstream(&upstream);
    let path = test.pki.file("proxy.sock");
    let proxy = test
        .policy(|policy| {
            let mut plain = policy.listeners[0].clone();
            plain.tls = None;
            plain.workspace = Some("acme".to_owned());
            let unix = blackbar::policy::Listener { address: ListenAddress::Unix(path.clone()), ..plain.clone() };
            policy.listeners = vec![plain, unix];
        })
        .start();
    let mut answer = String::new();
    let mut stream = TcpStream::connect(proxy.address).await.unwrap();
    stream.write_all(REQUEST).await.unwrap();
    within(stream.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("jane@***"), "{answer}");
    let mut answer = String::new();
    let mut stream = UnixStream::connect(proxy.pki.file("proxy.sock")).await.unwrap();
    stream.write_all(REQUEST).await.unwrap();
    within(stream.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.ends_with("jane@***"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn optional_certificates_decide_where_there_is_one() {
    let upstream = Upstream::echo().await;
    let proxy = TestProxy::new()
        .workspace("acme", RULES)
        .upstream(&upstream)
        .policy(|policy| {
            policy.listeners[0].workspace = Some("acme".to_owned());
            policy.listeners[0].tls.as_mut().unwrap().client_auth = ClientAuth::Optional;
        })
        .start();
    let config = proxy.pki.client_config(None, &[]);
    let mut client = Client::new(connect(proxy.address, "localhost", config).await.unwrap());
    assert_eq!(client.get("/").await.status, 200);
    let stranger = proxy.pki.client(&[crate::support::Name::Dns("stranger.example")]);
    let config = proxy.pki.client_config(Some(stranger), &[]);
    let mut client = Client::new(connect(proxy.address, "localhost", config).await.unwrap());
    assert_eq!(client.get("/").await.status, 403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_listed_hosts_are_served() {
    let upstream = Upstream::echo().await;
    let proxy = TestProxy::new()
        .workspace("acme", RULES)
        .upstream(&upstream)
        .policy(|policy| policy.listeners[0].hosts = vec!["localhost".to_owned()])
        .start();
    let config = proxy.pki.client_config(Some(proxy.pki.client(&[crate::support::proxy::ACME])), &[]);
    let mut client = Client::new(connect(proxy.address, "127.0.0.1", config.clone()).await.unwrap());
    assert_eq!(client.send("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").await.status, 421);
    let mut client = Client::new(connect(proxy.address, "127.0.0.1", config).await.unwrap());
    assert_eq!(client.send("GET / HTTP/1.1\r\nHost: LOCALHOST:8443\r\n\r\n").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_taken_port_and_a_bad_file_are_named() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = taken.local_addr().unwrap();
    let test = TestProxy::new().policy(|policy| policy.listeners[0].address = ListenAddress::Tcp(at));
    let telemetry = std::sync::Arc::new(blackbar::telemetry::Telemetry::new());
    let error = blackbar::proxy::Proxy::bind(test.policy.into(), telemetry.clone()).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot listen on {at}"));
    let test = TestProxy::new();
    std::fs::write(test.pki.file("server.key"), "not a key").unwrap();
    let error = blackbar::proxy::Proxy::bind(test.policy.into(), telemetry).unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.ends_with("server.key holds no private key in PEM that can be used"), "{source}");
}
