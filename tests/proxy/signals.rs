//! The process: SIGHUP and changed files reload, SIGTERM drains, a second one ends.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;

use blackbar::policy::PolicyStore;
use blackbar::proxy::{Address, Proxy};
use blackbar::telemetry::Telemetry;

use crate::support::client::connect;
use crate::support::proxy::ACME;
use crate::support::{Client, Pki, Reply, TestProxy, Upstream, within};

const RULES: &str = "version = 1\npacks = [\"pci\", \"us-pii\", \"contact\"]\n";
const BLOCK: &str = "version = 1\npacks = [\"pci\", \"us-pii\", \"contact\"]\n[actions]\nEMAIL = \"block\"\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the process of the tests below"]
async fn serving() {
    let Ok(config) = std::env::var("BLACKBAR_TEST_CONFIG") else { return };
    let (store, _) = PolicyStore::load(config.as_ref()).unwrap();
    let bound = Proxy::bind(store.current(), Arc::new(Telemetry::new())).unwrap();
    let Address::Tcp(address) = bound.addresses()[0].clone() else { panic!("no TCP") };
    println!("\nat {address}");
    println!("ended {:?}", bound.run_until_signalled(Arc::new(store)).await.unwrap());
}

struct Process {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
    address: std::net::SocketAddr,
}

impl Process {
    fn start(config: &std::path::Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "signals::serving", "--ignored", "--nocapture"])
            .env("BLACKBAR_TEST_CONFIG", config)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = next(&mut lines, "at ").parse().unwrap();
        Self { child, lines, address }
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    fn ended(mut self) -> String {
        let ending = next(&mut self.lines, "ended ");
        self.child.wait().unwrap();
        ending
    }

    async fn client(&self, pki: &Pki) -> Client {
        let config = pki.client_config(Some(pki.client(&[ACME])), &["http/1.1"]);
        Client::new(connect(self.address, "localhost", config).await.unwrap())
    }

    /// Asks until the rules in force give this status.
    async fn until_status(&self, pki: &Pki, status: u16) {
        within(async {
            while self.client(pki).await.post("/", "text/plain", "jane@example.com").await.status != status {}
        })
        .await;
    }
}

fn next(lines: &mut std::io::Lines<BufReader<ChildStdout>>, begins: &str) -> String {
    loop {
        let line = lines.next().expect("the process ended").unwrap();
        if let Some(rest) = line.strip_prefix(begins) {
            return rest.to_owned();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reloads_and_drains() {
    let upstream = Upstream::echo().await;
    let test = TestProxy::new().workspace("acme", RULES).upstream(&upstream);
    let process = Process::start(&test.write());
    let rules = test.pki.file("acme.toml");
    process.until_status(&test.pki, 200).await;
    std::fs::write(&rules, BLOCK).unwrap();
    process.signal("-HUP");
    process.until_status(&test.pki, 403).await;
    // Without a signal the change is seen within seconds.
    std::fs::write(&rules, RULES).unwrap();
    process.until_status(&test.pki, 200).await;
    std::fs::write(&rules, "version = 1\npacks = [\"defualt\"]\n").unwrap();
    process.signal("-HUP");
    process.until_status(&test.pki, 200).await;
    process.signal("-TERM");
    assert_eq!(process.ended(), "Drained");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_does_not_wait() {
    let mut upstream = Upstream::answering(|_| Reply::Silence).await;
    let test = TestProxy::new().workspace("acme", RULES).upstream(&upstream);
    let process = Process::start(&test.write());
    let mut client = process.client(&test.pki).await;
    client.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    upstream.request().await;
    process.signal("-TERM");
    // The listener is gone once the first signal has been taken.
    within(async { while tokio::net::TcpStream::connect(process.address).await.is_ok() {} }).await;
    process.signal("-TERM");
    assert_eq!(process.ended(), "Stopped");
}
