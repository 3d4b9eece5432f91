//! Half a gibibyte (two with `BLACKBAR_LONG`) through `blackbar redact`, and through the proxy in each direction, in constant
//! memory; and what a proxy needs that has nothing to do.
//!
//! The processes are weighed from outside, by what the kernel counts of their resident memory (Linux).
#![cfg(target_os = "linux")]
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test may stop")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};

/// Bytes that go through: many times what is [`ALLOWED`].
fn total() -> u64 {
    if std::env::var_os("BLACKBAR_LONG").is_some() { 2 << 30 } else { 512 << 20 }
}

/// What a process may need above what it had at its start, in bytes.
const ALLOWED: u64 = 64 << 20;
/// What an idle proxy may need for itself, with the default packs and with a small one. Pages of the program come on top: the
/// kernel shares them among processes, and how many are there is up to it.
const IDLE: [(&str, u64); 2] = [("[\"default\"]", 32 << 20), ("[\"pci\"]", 9 << 20)];

/// Four mebibytes of chat, with a value in every two kilobytes.
fn block() -> Vec<u8> {
    let words = ["please", "look", "at", "the", "order", "that", "our", "customer", "sent", "last", "week", "again"];
    let mut text = String::new();
    for number in 0_usize.. {
        text.push_str(words[number * 7 % words.len()]);
        text.push(if number % 14 == 0 { '\n' } else { ' ' });
        if number % 360 == 0 {
            text.push_str("4111 1111 1111 1111 jane@example.com ");
        }
        if text.len() >= 4 << 20 {
            break;
        }
    }
    text.into_bytes()
}

fn memory(process: u32, field: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

struct Weighed {
    child: Child,
    before: u64,
}

impl Weighed {
    fn new(child: Child) -> Self {
        let before = memory(child.id(), "VmRSS");
        Self { child, before }
    }

    fn check(&self, what: &str) {
        let peak = memory(self.child.id(), "VmHWM");
        let above = peak.saturating_sub(self.before);
        assert!(above < ALLOWED, "{what}: {above} bytes above {} at the start", self.before);
    }
}

impl Drop for Weighed {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads to the end; counts the bytes, and looks for the planted value across reads.
fn drain(mut from: impl Read) -> u64 {
    let mut buffer = vec![0; 1 << 20];
    let mut count = 0;
    let mut kept = 0;
    loop {
        let read = from.read(&mut buffer[kept..]).unwrap();
        if read == 0 {
            return count;
        }
        count += read as u64;
        let seen = &buffer[..kept + read];
        assert!(memchr::memmem::find(seen, b"4111 1111").is_none(), "a planted value is in clear");
        let tail = seen.len().min(8);
        let end = kept + read;
        buffer.copy_within(end - tail..end, 0);
        kept = tail;
    }
}

#[test]
fn gibibytes_through_redact() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_blackbar"))
        .arg("redact")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let block = block();
    let weighed = Weighed::new(child);
    let reader = thread::spawn(move || drain(output));
    for _ in 0..total() / block.len() as u64 {
        input.write_all(&block).unwrap();
    }
    weighed.check("redact");
    drop(input);
    assert!(reader.join().unwrap() > total() / 10 * 9);
}

struct Proxy {
    weighed: Weighed,
    port: u16,
    client: Arc<rustls::ClientConfig>,
    _folder: tempfile::TempDir,
}

fn proxy(upstream: u16) -> Proxy {
    proxy_with(upstream, "[\"default\"]")
}

fn proxy_with(upstream: u16, packs: &str) -> Proxy {
    configured(upstream, packs, "")
}

/// One with more tables.
fn configured(upstream: u16, packs: &str, more: &str) -> Proxy {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let binary = env!("CARGO_BIN_EXE_blackbar");
    let certs = Command::new(binary)
        .args(["certs", "--out"])
        .arg(path)
        .args(["--client", "one", "--san", "dns:one.example.com"])
        .output()
        .unwrap();
    assert!(certs.status.success());
    let config = format!(
        "version = 1\n[[listener]]\naddress = \"127.0.0.1:0\"\ncertificate = \"server.crt\"\nprivate_key = \"server.key\"\n\
         client_ca = \"ca.crt\"\n[[workspace]]\nname = \"acme\"\nclients = [\"dns:one.example.com\"]\n\
         rules = \"rules.toml\"\n[[route]]\nname = \"sink\"\npath = \"/\"\nupstream = \"http://127.0.0.1:{upstream}\"\n{more}"
    );
    fs::write(path.join("blackbar.toml"), config).unwrap();
    fs::write(path.join("rules.toml"), format!("version = 1\npacks = {packs}\n")).unwrap();
    let mut child = Command::new(binary)
        .args(["serve", "--config"])
        .arg(path.join("blackbar.toml"))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let port = log
        .by_ref()
        .find_map(|line| line.unwrap().split_once("127.0.0.1:").map(|(_, rest)| rest.to_owned()))
        .and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next().and_then(|port| port.parse().ok()))
        .expect("the proxy says where it listens");
    thread::spawn(move || log.for_each(drop));
    Proxy { weighed: Weighed::new(child), port, client: client(path), _folder: folder }
}

fn client(folder: &Path) -> Arc<rustls::ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(folder.join("ca.crt")).unwrap()).unwrap();
    let chain = CertificateDer::pem_file_iter(folder.join("one.crt")).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(folder.join("one.key")).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    Arc::new(config.with_root_certificates(roots).with_client_auth_cert(chain, key).unwrap())
}

impl Proxy {
    fn connect(&self) -> rustls::StreamOwned<rustls::ClientConnection, TcpStream> {
        let name = ServerName::try_from("localhost").unwrap();
        let connection = rustls::ClientConnection::new(Arc::clone(&self.client), name).unwrap();
        rustls::StreamOwned::new(connection, TcpStream::connect(("127.0.0.1", self.port)).unwrap())
    }
}

/// Reads a head, byte by byte so that nothing of the body is taken.
fn head(stream: &mut impl Read) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap().to_lowercase()
}

fn chunk(stream: &mut impl Write, data: &[u8]) {
    write!(stream, "{:x}\r\n", data.len()).unwrap();
    stream.write_all(data).unwrap();
    stream.write_all(b"\r\n").unwrap();
}

#[test]
fn gibibytes_up_through_the_proxy() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = proxy(listener.local_addr().unwrap().port());
    let upstream = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        assert!(head(&mut stream).starts_with("post /up"));
        let mut body = Vec::with_capacity(1 << 20);
        let mut count = 0_u64;
        let mut reader = BufReader::with_capacity(1 << 20, &mut stream);
        loop {
            let mut size = String::new();
            reader.read_line(&mut size).unwrap();
            let size = u64::from_str_radix(size.trim(), 16).unwrap();
            body.clear();
            reader.by_ref().take(size + 2).read_to_end(&mut body).unwrap();
            count += size;
            assert!(memchr::memmem::find(&body, b"4111 1111").is_none(), "a planted value is in clear");
            if size == 0 {
                break;
            }
        }
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
        count
    });
    let mut stream = proxy.connect();
    stream
        .write_all(
            b"POST /up HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n",
        )
        .unwrap();
    let block = block();
    for _ in 0..total() / block.len() as u64 {
        chunk(&mut stream, &block);
    }
    stream.write_all(b"0\r\n\r\n").unwrap();
    assert!(head(&mut stream).starts_with("http/1.1 204"));
    proxy.weighed.check("the proxy, upwards");
    assert!(upstream.join().unwrap() > total() / 10 * 9);
}

#[test]
fn gibibytes_down_through_the_proxy() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = proxy(listener.local_addr().unwrap().port());
    let upstream = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        head(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
        let block = block();
        for _ in 0..total() / block.len() as u64 {
            chunk(&mut stream, &block);
        }
        stream.write_all(b"0\r\n\r\n").unwrap();
        // The connection stays until the other side closes it.
        let _ = stream.read(&mut [0]);
    });
    let mut stream = proxy.connect();
    stream.write_all(b"GET /down HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    assert!(head(&mut stream).starts_with("http/1.1 200"));
    let count = drain(&mut stream);
    proxy.weighed.check("the proxy, downwards");
    assert!(count > total() / 10 * 9);
    drop(proxy);
    upstream.join().unwrap();
}

#[test]
fn an_idle_proxy_needs_little() {
    for (packs, allowed) in IDLE {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = proxy_with(listener.local_addr().unwrap().port(), packs);
        let upstream = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            head(&mut stream);
            stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").unwrap();
        });
        // Every part of it has been at work once.
        let mut stream = proxy.connect();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        assert!(head(&mut stream).starts_with("http/1.1 204"));
        upstream.join().unwrap();
        let own = memory(proxy.weighed.child.id(), "RssAnon");
        assert!(own < allowed, "{packs}: {own} bytes");
    }
}

/// Each may hold a mebibyte of an event that does not end; all of them may not.
#[test]
fn streams_that_wait_share_a_bound() {
    const STREAMS: usize = 100;
    const EVENT: usize = 1_000_000;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = configured(listener.local_addr().unwrap().port(), "[\"pci\"]", "[limits]\nheld_memory = \"12MiB\"\n");
    let (sent, all_sent) = std::sync::mpsc::channel();
    let (stay, until) = std::sync::mpsc::channel::<()>();
    let until = Arc::new(std::sync::Mutex::new(until));
    thread::spawn(move || {
        for stream in listener.incoming().map(Result::unwrap) {
            let (sent, until) = (sent.clone(), Arc::clone(&until));
            thread::spawn(move || {
                let mut stream = stream;
                head(&mut stream);
                let answer = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
                let event = [b"data: ".to_vec(), vec![b'y'; EVENT]].concat();
                // One that is shed is not taken whole.
                let _ = stream.write_all(answer.as_bytes()).and_then(|()| {
                    write!(stream, "{:x}\r\n", event.len())?;
                    stream.write_all(&event)
                });
                let _ = sent.send(());
                let _ = until.lock().map(|until| until.recv());
            });
        }
    });
    let mut clients = Vec::new();
    for _ in 0..STREAMS {
        let mut client = proxy.connect();
        client.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        clients.push(client);
    }
    for _ in 0..STREAMS {
        all_sent.recv_timeout(std::time::Duration::from_secs(60)).expect("an event is taken, or its stream has ended");
    }
    // The last word of those that were shed; the others hold what they have.
    let shed = clients.iter_mut().filter_map(|client| {
        client.sock.set_read_timeout(Some(std::time::Duration::from_millis(50))).unwrap();
        let mut said = Vec::new();
        let _ = client.read_to_end(&mut said);
        memchr::memmem::find(&said, b"overloaded")
    });
    let shed = shed.count();
    assert!((STREAMS - 13..STREAMS).contains(&shed), "{shed} of {STREAMS}");
    proxy.weighed.check("streams that wait");
    drop(stay);
}
