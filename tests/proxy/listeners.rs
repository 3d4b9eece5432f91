//! Listeners without client certificates, Unix sockets, named hosts, and what one connection costs.

use blackbar::policy::{ClientAuth, ListenAddress};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use crate::support::client::connect;
use crate::support::{Client, TestProxy, Upstream, within};

const RULES: &str = "version = 1\npacks = [\"pci\", \"us-pii\", \"contact\"]\n";
const REQUEST: &[u8] =
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 16\r\nConnection: close\r\n\r\njane@example.com";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fixed_workspace_serves_clients_without_certificates() {
    let upstream = Upstream::echo().await;
    let test = TestProxy::new().workspace("acme", RULES).upstream(&upstream);
    let path = test.pki.file("proxy.sock");
    let proxy = test
        .policy(move |policy| {
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
    let upstream = Upstream::echo().await;
    let test = || TestProxy::new().workspace("acme", RULES).upstream(&upstream);
    let (_pki, policy) = test().policy(move |policy| policy.listeners[0].address = ListenAddress::Tcp(at)).build();
    let telemetry = std::sync::Arc::new(blackbar::telemetry::Telemetry::new());
    let error = blackbar::proxy::Proxy::bind(policy.into(), telemetry.clone()).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot listen on {at}"));
    let (pki, policy) = test().build();
    std::fs::write(pki.file("server.key"), "not a key").unwrap();
    let error = blackbar::proxy::Proxy::bind(policy.into(), telemetry).unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.ends_with("server.key holds no private key in PEM that can be used"), "{source}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_socket_that_nobody_listens_on_gives_way() {
    use blackbar::proxy::listen_unix;
    let upstream = Upstream::echo().await;
    let test = TestProxy::new().workspace("acme", RULES).upstream(&upstream);
    let (socket, file, link) = (test.pki.file("proxy.sock"), test.pki.file("precious.txt"), test.pki.file("link"));
    let listening = listen_unix(&socket).unwrap();
    assert!(listen_unix(&socket).is_err(), "somebody listens");
    drop(listening);
    drop(listen_unix(&socket).expect("nobody listens"));
    std::fs::write(&file, "precious").unwrap();
    std::os::unix::fs::symlink(&socket, &link).unwrap();
    for path in [&file, &link] {
        let error = listen_unix(path).unwrap_err();
        assert_eq!(error.to_string(), "there is a file that is no socket", "{}", path.display());
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
    assert!(link.is_symlink());
    let config = test.write();
    let text = std::fs::read_to_string(&config).unwrap();
    let load = |path: &str| {
        std::fs::write(&config, text.replacen("127.0.0.1:0", &format!("unix:{path}"), 1)).unwrap();
        let found = blackbar::policy::load(&config).err().unwrap_or_default();
        found.iter().any(|found| found.to_string().contains("is there, and is no socket"))
    };
    assert!(load("precious.txt") && load("link") && !load("proxy.sock") && !load("none.sock"));
}

const IDLE: usize = 1_000;

/// Resident bytes of this process.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap();
    status.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// The clients of the test below live in a process of their own, so that only the proxy's side is weighed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the clients of weigh_idle_connections"]
async fn idle_clients() {
    let Ok(told) = std::env::var("BLACKBAR_TEST_IDLE") else { return };
    let (address, folder) = told.split_once(' ').unwrap();
    let mut held = Vec::new();
    for protocol in ["http/1.1", "h2"] {
        let config = crate::support::pki::client_config_from(std::path::Path::new(folder), &[protocol]);
        for _ in 0..IDLE {
            let stream = connect(address.parse().unwrap(), "localhost", config.clone()).await.unwrap();
            let mut client = Client::new(stream);
            if protocol == "http/1.1" {
                assert_eq!(client.get("/").await.status, 200);
            }
            held.push(client);
        }
        println!("\nheld");
        std::io::stdin().read_line(&mut String::new()).unwrap();
    }
}

#[test]
fn idle_connections_are_cheap() {
    let weighing = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "listeners::weigh_idle_connections", "--ignored", "--nocapture"])
        .output()
        .unwrap();
    assert!(weighing.status.success(), "{}", String::from_utf8_lossy(&weighing.stdout));
}

#[test]
#[ignore = "weighs its whole process: run by idle_connections_are_cheap"]
fn weigh_idle_connections() {
    use std::io::{BufRead, BufReader, Write};
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (_upstream, proxy) = runtime.block_on(async {
        let upstream = Upstream::echo().await;
        let proxy = TestProxy::new()
            .workspace("acme", RULES)
            .upstream(&upstream)
            .policy(|policy| policy.limits.certificate_connections = policy.limits.connections)
            .start();
        assert_eq!(proxy.client().await.get("/").await.status, 200);
        proxy.pki.write_client(&[crate::support::proxy::ACME]);
        (upstream, proxy)
    });
    let told = format!("{} {}", proxy.address, proxy.pki.folder.path().display());
    let mut child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "listeners::idle_clients", "--ignored", "--nocapture"])
        .env("BLACKBAR_TEST_IDLE", told)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut before = resident();
    for protocol in ["http/1.1", "h2"] {
        while said.next().expect("the clients failed").unwrap() != "held" {}
        let each = resident().saturating_sub(before) / IDLE;
        println!("{protocol}: {each} bytes for each idle connection");
        assert!(each < 32 << 10, "{protocol}: {each} bytes for each idle connection");
        before = resident();
        child.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    }
    assert!(child.wait().unwrap().success());
}
