//! `serve` and `health`: a process that starts, is ready, reloads and drains.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use crate::{Folder, blackbar, configuration, run};

/// A proxy that runs, and goes with the test whatever becomes of it.
struct Serving {
    child: Child,
    log: Receiver<String>,
}

impl Serving {
    fn start(config: &Path) -> Self {
        let mut command = blackbar(["serve".as_ref(), "--config".as_ref(), config.as_os_str()]);
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let (lines, log) = sync_channel(1024);
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| lines.send(line)));
        Self { child, log }
    }

    /// The next line of the log with these words.
    fn wait_for(&self, words: &str) -> String {
        loop {
            match self.log.recv_timeout(Duration::from_secs(60)) {
                Ok(line) if line.contains(words) => return line,
                Ok(_) => {}
                Err(error) => panic!("{words}: {error}"),
            }
        }
    }

    fn signal(&self, name: &str) {
        assert!(Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap().success());
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn serve_is_ready_reloads_and_drains() {
    let folder = Folder::new();
    let config = configuration::sample(&folder, "");
    let audited = "\n[audit]\ndirectory = \"audit\"\nsigning_key = \"certs/audit.key\"\n";
    std::fs::write(&config, std::fs::read_to_string(&config).unwrap() + audited).unwrap();
    let mut serving = Serving::start(&config);
    let admin = serving.wait_for("admin listener");
    let at = admin.find("127.0.0.1:").unwrap();
    let address: String =
        admin[at..].chars().take_while(|letter| letter.is_ascii_digit() || ".:".contains(*letter)).collect();
    serving.wait_for("listening");
    let url = format!("http://{address}/readyz");
    let ready = run(["health", &url]);
    assert_eq!((ready.code, ready.text()), (0, "ready\n"), "{}", ready.stderr);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", serving.child.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "no core is ever written");
    serving.signal("HUP");
    serving.wait_for("configuration in force");
    let text = std::fs::read_to_string(&config).unwrap();
    // Nobody need tell it that a file is another one now.
    std::fs::write(&config, text.replace("path = \"/up\"", "path = \"/down\"")).unwrap();
    serving.wait_for("configuration in force");
    // The key of its log gives way to another while it runs.
    let log = folder.path().join("audit");
    let key = std::fs::read_to_string(folder.path().join("certs/audit.key")).unwrap();
    let rotated = run(["audit".as_ref(), "rotate-key".as_ref(), "--config".as_ref(), config.as_os_str()]);
    assert_eq!(rotated.code, 0, "{}", rotated.stderr);
    assert_ne!(std::fs::read_to_string(folder.path().join("certs/audit.key")).unwrap(), key);
    assert!(!folder.path().join("certs/audit.key.old").exists());
    serving.wait_for("another key signs the audit log");
    std::fs::write(&config, text.replace("path = ", "pfad = ")).unwrap();
    serving.wait_for("in force stays");
    assert_eq!(run(["health", &url]).code, 0);
    serving.signal("TERM");
    assert_eq!(serving.child.wait().unwrap().code(), Some(0));
    assert_eq!(run(["health", &url]).code, 2);
    let report = run(["audit".as_ref(), "verify".as_ref(), log.as_os_str(), "--json".as_ref(), "--sealed".as_ref()]);
    let report: serde_json::Value = serde_json::from_str(report.text()).unwrap();
    assert_eq!((&report["status"], &report["rotations"]), (&"ok".into(), &1.into()), "{report}");
}

#[test]
fn an_address_in_use_is_a_start_failure() {
    let folder = Folder::new();
    let config = configuration::sample(&folder, "");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replacen("127.0.0.1:0", &taken.local_addr().unwrap().to_string(), 1)).unwrap();
    let ran = run(["serve".as_ref(), "--config".as_ref(), config.as_os_str()]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.lines().last().unwrap().starts_with("cannot listen on 127.0.0.1:"), "{}", ran.stderr);
}

#[test]
fn health_tells_ready_from_not_ready_and_from_nobody() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        for answer in
            ["HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "HTTP/1.1 503 Service Unavailable\r\n\r\n", "SSH-2.0\r\n"]
        {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let count = stream.read(&mut request).unwrap();
            assert!(request[..count].starts_with(b"GET /readyz HTTP/1.1\r\nhost: "));
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    let url = format!("http://{address}");
    let codes: Vec<i32> = (0..3).map(|_| run(["health", &url]).code).collect();
    server.join().unwrap();
    assert_eq!(codes, [0, 1, 2]);
    assert_eq!(run(["health", &url]).code, 2);
    assert_eq!(run(["health", "https://localhost"]).code, 2);
    assert_eq!(run(["health", "unix:/no/such/socket"]).code, 2);
}
