//! Planted values, searched for in everything that the proxy says of itself.

use std::io::Write;
use std::sync::{Arc, Mutex};

use tracing_subscriber::fmt::MakeWriter;

use crate::support::upstream::ok;
use crate::support::{Reply, TestProxy, Upstream};

const RULES: &str = "version = 1\npacks = [\"default\"]\n[actions]\nUS_SSN = \"block\"\n";

/// Values that no rule knows are planted too: a log shows nothing of a message, found or not.
const PLANTED: &[&str] = &[
    "4111 1111 1111 1111",
    "4111111111111111",
    "078-05-1120",
    "jane@example.com",
    "jane%40example.com",
    "canary-body",
    "canary-header",
    "canary-query",
    "canary-path",
    "canary-credential",
    "canary-host",
    "canary-upstream",
];

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_planted_shows_in_logs_metrics_or_errors() {
    let logs = Captured::default();
    // The finest level of this crate's own lines; what the program writes by default is a part of it.
    let ours = tracing_subscriber::filter::Targets::new().with_target("blackbar", tracing::Level::TRACE);
    {
        use tracing_subscriber::layer::SubscriberExt;
        use tracing_subscriber::util::SubscriberInitExt;
        let layer = tracing_subscriber::fmt::layer().with_writer(logs.clone());
        tracing_subscriber::registry().with(ours).with(layer).init();
    }
    let upstream = Upstream::answering(|received| {
        Reply::Bytes(match received.request_line() {
            line if line.contains("broken") => b"HTTP/1.1 canary-upstream\r\n\r\n".to_vec(),
            line if line.contains("coded") => {
                b"HTTP/1.1 200 canary-upstream\r\nContent-Encoding: canary-upstream\r\nContent-Length: 1\r\n\r\nx"
                    .to_vec()
            }
            _ => ok("text/plain", "canary-body 078-05-1120"),
        })
    })
    .await;
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    let requests = [
        "GET /canary-path/jane@example.com HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /canary-path?canary-query=jane%40example.com&key=canary-credential HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /broken HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer canary-credential\r\n\r\n",
        "GET /coded HTTP/1.1\r\nHost: localhost\r\nCookie: canary-credential=4111111111111111\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nX-Note: canary-header 078-05-1120\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: canary-host.example\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: canary-host@x\r\n\r\n",
        "CANARY-header / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 34\r\n\r\ncanary-body 078-05-1120 canary-body",
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: canary-header\r\nContent-Encoding: canary-header\r\nContent-Length: 1\r\n\r\nx",
        "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nc\r\ncanary-body \r\nzz canary-body\r\n",
        "GET / HTTP/1.1\r\ncanary-header\0: canary-header\r\n\r\n",
        "GET /canary-path/../x HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ];
    let mut said = String::new();
    for request in requests {
        let answer = proxy.client().await.send(request).await;
        assert!(answer.status >= 400 || answer.status == 0, "{request}: {answer:?}");
        said.push_str(&answer.head);
        said.push_str(&answer.text());
    }
    said.push_str(&proxy.telemetry.render());
    said.push_str(&String::from_utf8_lossy(&logs.0.lock().unwrap()));
    assert!(said.contains("policy_blocked") && said.contains("refused"), "the log was captured");
    for planted in PLANTED {
        assert!(!said.to_ascii_lowercase().contains(planted), "{planted} shows in {said}");
    }
    assert!(!format!("{:?} {:?}", proxy.handle, proxy.telemetry).contains("canary"));
}

#[test]
fn a_panic_is_reported_by_its_place_alone() {
    // The hook is the process's own, so this runs in one of its own.
    let panicking = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "leaks::panicking", "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let said = format!("{panicking:?}");
    assert!(panicking.status.success(), "{said}");
    assert!(said.contains("leaks.rs") && said.contains("panic") && !said.contains("canary"), "{said}");
}

#[test]
#[ignore = "the process of a_panic_is_reported_by_its_place_alone"]
fn panicking() {
    blackbar::telemetry::init_logging(blackbar::telemetry::LogFormat::Json, tracing::Level::INFO);
    blackbar::telemetry::install_panic_hook();
    assert!(std::panic::catch_unwind(|| panic!("canary-body")).is_err());
    let text = blackbar::telemetry::Telemetry::new().render();
    assert!(text.contains("blackbar_panics_total 1"));
    assert!(blackbar::telemetry::flush_logging());
}
