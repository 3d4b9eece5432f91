//! The program as a process: a log that nobody reads, and files that may grow no more.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};

use crate::support::client::connect;
use crate::support::proxy::ACME;
use crate::support::{Client, Pki, TestProxy, Upstream, within};

const RULES: &str = "version = 1\npacks = [\"contact\"]\n";

struct Process {
    child: Child,
    log: Lines<BufReader<ChildStderr>>,
    address: std::net::SocketAddr,
}

impl Process {
    /// Serves this configuration, behind what a shell does first.
    fn start(first: &str, config: &std::path::Path) -> Self {
        let mut child = Command::new("sh")
            .args(["-c", &format!("{first} exec \"$0\" serve --config \"$1\""), env!("CARGO_BIN_EXE_blackbar")])
            .arg(config)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let listening = log.find_map(|line| line.ok().filter(|line| line.contains("listening"))).unwrap();
        let port = listening.split("127.0.0.1:").nth(1).unwrap().split('"').next().unwrap();
        let address = ([127, 0, 0, 1], port.parse().unwrap()).into();
        Self { child, log, address }
    }

    async fn client(&self, pki: &Pki) -> Client {
        let config = pki.client_config(Some(pki.client(&[ACME])), &["http/1.1"]);
        Client::new(connect(self.address, "localhost", config).await.unwrap())
    }

    /// Ends it, and gives what its log says then.
    async fn ended(mut self) -> (ExitStatus, Vec<String>) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let mut child = self.child;
        let status = within(tokio::task::spawn_blocking(move || child.wait().unwrap())).await.unwrap();
        (status, self.log.by_ref().map_while(Result::ok).collect())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_nobody_reads_stops_nothing() {
    let upstream = Upstream::echo().await;
    let test = TestProxy::new().workspace("acme", RULES).upstream(&upstream);
    let process = Process::start("", &test.write());
    let mut client = process.client(&test.pki).await;
    // A line each: more than a pipe takes.
    for _ in 0..800 {
        assert_eq!(client.send("PURGE / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.code(), "method");
    }
    assert_eq!(client.get("/").await.status, 200);
    assert_eq!(process.client(&test.pki).await.get("/").await.status, 200);
    drop(client);
    let (status, log) = process.ended().await;
    assert_eq!(status.code(), Some(0), "{:?}", log.last());
    assert!(log.len() > 50, "what the pipe takes is written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_read_is_whole() {
    let upstream = Upstream::echo().await;
    let test = TestProxy::new().workspace("acme", RULES).upstream(&upstream);
    let process = Process::start("", &test.write());
    let mut client = process.client(&test.pki).await;
    for _ in 0..20 {
        assert_eq!(client.send("PURGE / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.code(), "method");
    }
    drop(client);
    let (status, log) = process.ended().await;
    assert_eq!(status.code(), Some(0));
    assert_eq!(log.iter().filter(|line| line.contains("\"code\":\"method\"")).count(), 20, "{log:?}");
    assert!(log.last().is_some_and(|line| line.contains("stopped")), "{log:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_may_grow_no_more_is_as_a_full_disk() {
    let upstream = Upstream::echo().await;
    let test = TestProxy::new().audited().workspace("acme", RULES).upstream(&upstream);
    // Blocks of 512 bytes, or of 1,024.
    let process = Process::start("ulimit -f 40;", &test.write());
    let refused = within(async {
        loop {
            let answer = process.client(&test.pki).await.get("/").await;
            if answer.status != 200 {
                return answer;
            }
        }
    })
    .await;
    assert_eq!((refused.status, refused.code().as_str()), (503, "audit_unavailable"));
    let again = process.client(&test.pki).await.get("/").await;
    assert_eq!(again.code(), "audit_unavailable", "and it stays up");
    let (status, log) = process.ended().await;
    assert!(status.code().is_some(), "no signal ended it: {status:?} {log:?}");
}
