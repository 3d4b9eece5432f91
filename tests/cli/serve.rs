//! `serve` and `health`: a process that starts, is ready, reloads and drains.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use crate::{Folder, blackbar, configuration, run};

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args(["-s", name, &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn serve_is_ready_reloads_and_drains() {
    let folder = Folder::new();
    let config = configuration::sample(&folder, "");
    let mut command = blackbar(["serve".as_ref(), "--config".as_ref(), config.as_os_str()]);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut wait_for = |word: &str| log.by_ref().map(Result::unwrap).find(|line| line.contains(word)).unwrap();
    let admin = wait_for("admin listener");
    let at = admin.find("127.0.0.1:").unwrap();
    let address: String =
        admin[at..].chars().take_while(|letter| letter.is_ascii_digit() || ".:".contains(*letter)).collect();
    wait_for("listening");
    let url = format!("http://{address}/readyz");
    let ready = run(["health", &url]);
    assert_eq!((ready.code, ready.text()), (0, "ready\n"), "{}", ready.stderr);
    signal(&child, "HUP");
    wait_for("configuration unchanged");
    let text = std::fs::read_to_string(&config).unwrap();
    // Nobody need tell it that a file is another one now.
    std::fs::write(&config, text.replace("path = \"/up\"", "path = \"/down\"")).unwrap();
    wait_for("configuration in force");
    std::fs::write(&config, text.replace("path = ", "pfad = ")).unwrap();
    wait_for("in force stays");
    assert_eq!(run(["health", &url]).code, 0);
    signal(&child, "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(run(["health", &url]).code, 2);
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
