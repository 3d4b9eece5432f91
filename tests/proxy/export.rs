//! The audit log is sent on: real targets that are away, break off in the middle of a batch, refuse, and come back.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use blackbar::audit::read::Records;
use blackbar::policy;
use blackbar::proxy::{Address, Handle, Proxy};
use blackbar::telemetry::Telemetry;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::support::client::{self, Client};
use crate::support::proxy::ACME;
use crate::support::{Pki, TestProxy, Upstream, within};

const RULES: &str = "version = 1\npacks = [\"contact\"]\n";

/// A proxy from the files of a folder.
struct Served {
    handle: Handle,
    telemetry: Arc<Telemetry>,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    running: tokio::task::JoinHandle<bool>,
}

fn served(config: &Path) -> Served {
    let telemetry = Arc::new(Telemetry::new());
    let policy = policy::load(config).unwrap_or_else(|faults| panic!("{faults:?}")).policy;
    let bound = Proxy::bind(Arc::new(policy), Arc::clone(&telemetry)).unwrap();
    let [Address::Tcp(address), ..] = bound.addresses() else { panic!() };
    let (address, handle) = (*address, bound.handle());
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(bound.run(async move { drop(stopped.await) }));
    Served { handle, telemetry, address, stop, running }
}

impl Served {
    async fn ask(&self, pki: &Pki, times: usize) {
        let config = pki.client_config(Some(pki.client(&[ACME])), &["http/1.1"]);
        let mut client = Client::new(client::connect(self.address, "localhost", config).await.unwrap());
        for _ in 0..times {
            assert_eq!(client.post("/", "text/plain", "jane@example.com").await.status, 200);
        }
    }

    fn metric(&self, line: &str) -> f64 {
        self.handle.refresh_metrics();
        let text = self.telemetry.render();
        text.lines().find_map(|known| known.strip_prefix(line)?.trim().parse().ok()).unwrap_or(0.0)
    }

    async fn until(&self, holds: impl Fn(&Self) -> bool) {
        within(async {
            while !holds(self) {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    async fn end(self) {
        drop(self.stop);
        assert!(within(self.running).await.unwrap());
        self.handle.close_audit();
    }
}

const LAG: &str = "blackbar_audit_export_lag_records{target=\"siem\"}";

/// The files, with this target.
fn written(upstream: &Upstream, export: &str) -> (TestProxy, std::path::PathBuf) {
    let test = TestProxy::new().audited().workspace("acme", RULES).upstream(upstream);
    let config = test.write();
    let mut text = std::fs::read_to_string(&config).unwrap();
    text = text.replace("signing_key = \"audit.key\"", "signing_key = \"audit.key\"\nsegment_size = \"8KiB\"");
    text.push_str(&format!("[[audit.export]]\nname = \"siem\"\n{export}\n"));
    std::fs::write(&config, text).unwrap();
    (test, config)
}

fn logged(test: &TestProxy) -> Vec<Vec<u8>> {
    Records::open(&test.pki.file("audit")).unwrap().map(|record| record.unwrap().1).collect()
}

/// What came, in the order of first arrival: it must be the log as far as it was sent, without a gap.
fn in_order(came: &[Vec<u8>], log: &[Vec<u8>]) -> usize {
    let mut seen = BTreeSet::new();
    let mut first = Vec::new();
    for line in came {
        let record: Value = serde_json::from_slice(line).unwrap();
        if seen.insert(record["seq"].as_u64().unwrap()) {
            first.push(line.clone());
        }
    }
    assert!(first.len() <= log.len());
    assert_eq!(first, log[..first.len()], "records are sent as they stand in the log, none is left out");
    first.len()
}

/// How a collector treats its connections, one after another.
#[derive(Clone, Copy, PartialEq)]
enum Mood {
    /// Reads some of it and goes away.
    Breaks,
    /// Says that it is overloaded.
    Refuses,
    Takes,
}

/// A collector for HTTP at this address; gives the lines of the bodies that it confirmed, and heads.
async fn collector(at: SocketAddr, moods: Vec<Mood>) -> (Arc<Mutex<Vec<Vec<u8>>>>, Arc<Mutex<Vec<String>>>) {
    let (lines, heads) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
    let listener = TcpListener::bind(at).await.unwrap();
    let (taken, told) = (Arc::clone(&lines), Arc::clone(&heads));
    tokio::spawn(async move {
        let mut moods = moods.into_iter();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mood = moods.next().unwrap_or(Mood::Takes);
            if mood == Mood::Breaks {
                let mut some = [0; 300];
                let _ = stream.read_exact(&mut some).await;
                continue;
            }
            let mut buffer = Vec::new();
            loop {
                let head = loop {
                    if let Some(at) = buffer.windows(4).position(|end| end == b"\r\n\r\n") {
                        break at + 4;
                    }
                    if stream.read_buf(&mut buffer).await.unwrap_or(0) == 0 {
                        break 0;
                    }
                };
                if head == 0 {
                    break;
                }
                let text = String::from_utf8(buffer[..head].to_vec()).unwrap();
                let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
                let whole = head + length.unwrap();
                while buffer.len() < whole {
                    assert!(stream.read_buf(&mut buffer).await.unwrap() > 0);
                }
                told.lock().unwrap().push(text);
                if mood == Mood::Refuses {
                    let _ = stream.write_all(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n").await;
                    break;
                }
                let body = &buffer[head..whole];
                taken
                    .lock()
                    .unwrap()
                    .extend(body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec));
                buffer.drain(..whole);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await;
            }
        }
    });
    (lines, heads)
}

async fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_http_target_gets_every_record_through_outages_and_a_restart() {
    let upstream = Upstream::echo().await;
    let at = free().await;
    let export = format!(
        "kind = \"http\"\nupstream = \"http://{at}/in\"\ninject = {{ Authorization = {{ file = \"token\", prefix = \"Bearer \" }} }}"
    );
    let (test, config) = written(&upstream, &export);
    std::fs::write(test.pki.file("token"), "canary-token\n").unwrap();
    let proxy = served(&config);
    // Nobody is there: requests go through all the same, and the lag grows.
    proxy.ask(&test.pki, 20).await;
    assert!(proxy.metric(LAG) >= 20.0);
    proxy
        .until(|proxy| proxy.metric("blackbar_audit_export_failures_total{reason=\"connect\",target=\"siem\"}") > 0.0)
        .await;
    let (lines, heads) = collector(at, vec![Mood::Breaks, Mood::Refuses]).await;
    proxy.until(|proxy| proxy.metric(LAG) == 0.0).await;
    for reason in ["broken", "refused"] {
        let metric = format!("blackbar_audit_export_failures_total{{reason=\"{reason}\",target=\"siem\"}}");
        assert!(proxy.metric(&metric) > 0.0, "{}", proxy.telemetry.render());
    }
    assert!(
        heads.lock().unwrap().iter().all(|head| head.starts_with("POST /in ") && head.contains("Bearer canary-token"))
    );
    assert!(!proxy.telemetry.render().contains("canary"));
    proxy.ask(&test.pki, 20).await;
    proxy.until(|proxy| proxy.metric(LAG) == 0.0).await;
    proxy.end().await;
    let before = lines.lock().unwrap().len();
    assert!(in_order(&lines.lock().unwrap(), &logged(&test)) > 40);
    // The next process goes on behind what was confirmed.
    let proxy = served(&config);
    proxy.ask(&test.pki, 5).await;
    proxy.until(|proxy| proxy.metric(LAG) == 0.0).await;
    proxy.end().await;
    let (lines, log) = (lines.lock().unwrap().clone(), logged(&test));
    in_order(&lines, &log);
    let again = lines[before..].iter().filter(|line| lines[..before].contains(line)).count();
    assert_eq!(again, 0, "what was confirmed is not sent again");
    assert!(log.iter().filter(|line| line.windows(14).any(|part| part == b"\"segment_open\"")).count() > 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn splunk_gets_events() {
    let upstream = Upstream::echo().await;
    let at = free().await;
    let (lines, heads) = collector(at, Vec::new()).await;
    let export = format!("kind = \"http\"\nupstream = \"http://{at}/services/collector/event\"\nformat = \"splunk\"");
    let (test, config) = written(&upstream, &export);
    let proxy = served(&config);
    proxy.ask(&test.pki, 3).await;
    proxy.until(|proxy| proxy.metric(LAG) == 0.0).await;
    proxy.end().await;
    assert!(heads.lock().unwrap()[0].contains("application/json"));
    let lines = lines.lock().unwrap();
    let events: Vec<Value> = lines.iter().map(|line| serde_json::from_slice(line).unwrap()).collect();
    assert!(events.iter().all(|event| event["sourcetype"] == "blackbar:audit" && event["event"]["h"].is_string()));
    assert_eq!(events.iter().filter(|event| event["event"]["kind"] == "exchange").count(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_syslog_target_over_tls_that_dies_in_a_batch_gets_it_again() {
    let upstream = Upstream::echo().await;
    let at = free().await;
    let export = format!("kind = \"syslog\"\nupstream = \"tls://{at}\"\nupstream_ca = \"ca.crt\"");
    let (test, config) = written(&upstream, &export);
    let acceptor = tokio_rustls::TlsAcceptor::from(test.pki.server_config("server", &[]));
    let listener = TcpListener::bind(at).await.unwrap();
    let came = Arc::new(Mutex::new(Vec::<Vec<u8>>::new()));
    let taken = Arc::clone(&came);
    tokio::spawn(async move {
        let mut first = true;
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            if std::mem::take(&mut first) {
                let mut some = [0; 400];
                let _ = stream.read_exact(&mut some).await;
                continue;
            }
            let mut all = Vec::new();
            stream.read_to_end(&mut all).await.unwrap();
            taken.lock().unwrap().push(all);
            let _ = stream.shutdown().await;
        }
    });
    let proxy = served(&config);
    proxy.ask(&test.pki, 10).await;
    proxy.until(|proxy| proxy.metric(LAG) == 0.0).await;
    assert!(proxy.metric("blackbar_audit_export_failures_total{reason=\"broken\",target=\"siem\"}") > 0.0);
    proxy.end().await;
    let mut records = Vec::new();
    for stream in came.lock().unwrap().iter() {
        let mut rest = stream.as_slice();
        while !rest.is_empty() {
            let blank = rest.iter().position(|byte| *byte == b' ').unwrap();
            let count: usize = std::str::from_utf8(&rest[..blank]).unwrap().parse().unwrap();
            let message = std::str::from_utf8(&rest[blank + 1..blank + 1 + count]).unwrap();
            let parts: Vec<&str> = message.splitn(8, ' ').collect();
            assert_eq!((parts[0], parts[2], parts[3], parts[5], parts[6]), ("<110>1", "-", "blackbar", "audit", "-"));
            let record: Value = serde_json::from_str(parts[7]).unwrap();
            assert_eq!(record["ts"], parts[1]);
            records.push(parts[7].as_bytes().to_vec());
            rest = &rest[blank + 1 + count..];
        }
    }
    assert!(in_order(&records, &logged(&test)) > 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_gets_lines_and_may_be_moved_away() {
    let upstream = Upstream::echo().await;
    let (test, config) = written(&upstream, "kind = \"file\"\npath = \"copy/audit.ndjson\"");
    let proxy = served(&config);
    proxy.ask(&test.pki, 3).await;
    // Its folder is missing.
    proxy
        .until(|proxy| proxy.metric("blackbar_audit_export_failures_total{reason=\"disk\",target=\"siem\"}") > 0.0)
        .await;
    std::fs::create_dir(test.pki.file("copy")).unwrap();
    proxy.until(|proxy| proxy.metric(LAG) == 0.0).await;
    std::fs::rename(test.pki.file("copy/audit.ndjson"), test.pki.file("copy/1")).unwrap();
    proxy.ask(&test.pki, 3).await;
    proxy.until(|proxy| proxy.metric(LAG) == 0.0).await;
    proxy.end().await;
    let text =
        [test.pki.file("copy/1"), test.pki.file("copy/audit.ndjson")].map(|path| std::fs::read(path).unwrap()).concat();
    let lines: Vec<Vec<u8>> =
        text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect();
    let log = logged(&test);
    assert_eq!(in_order(&lines, &log), lines.len(), "none came twice");
    assert!(lines.len() > 6);
}
