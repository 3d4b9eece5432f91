//! A real Redis server of one test: its own port, its own folder, its data on the disk before it answers.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};

/// A server; killed when it is dropped.
pub struct RedisServer {
    child: Option<Child>,
    pub port: u16,
    folder: tempfile::TempDir,
    options: Vec<String>,
    tls: bool,
}

impl RedisServer {
    /// One that keeps what it was told, whatever becomes of it.
    pub fn start() -> Self {
        Self::with(&["--appendonly", "yes", "--appendfsync", "always"])
    }

    /// One with these options.
    pub fn with(options: &[&str]) -> Self {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let options: Vec<String> = options.iter().map(|option| (*option).to_owned()).collect();
        let tls = options.iter().any(|option| option.starts_with("--tls"));
        let mut server = Self { child: None, port, folder: tempfile::tempdir().unwrap(), options, tls };
        server.restart();
        server
    }

    /// Ends it at once, as the lack of power does.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Starts it on what it kept.
    pub fn restart(&mut self) {
        let port = if self.tls { "--tls-port" } else { "--port" };
        let mut child = Command::new("redis-server")
            .args([port, &self.port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"])
            .arg(self.folder.path())
            .args(if self.tls { ["--port", "0"].as_slice() } else { &[] })
            .args(&self.options)
            .stdout(Stdio::piped())
            .spawn()
            .expect("these tests need redis-server: apt-get install redis-server, or tests/run, which does it");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = lines.any(|line| line.unwrap().contains("Ready to accept connections"));
        assert!(ready, "redis-server does not start with {:?}", self.options);
        std::thread::spawn(move || lines.for_each(drop));
        self.child = Some(child);
    }

    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    pub fn url(&self) -> String {
        format!("{}://localhost:{}", if self.tls { "rediss" } else { "redis" }, self.port)
    }

    /// All that is on its disk.
    pub fn files(&self) -> Vec<u8> {
        fn read(folder: &std::path::Path, into: &mut Vec<u8>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { read(&path, into) } else { into.extend(std::fs::read(&path).unwrap()) }
            }
        }
        let mut bytes = Vec::new();
        read(self.folder.path(), &mut bytes);
        bytes
    }

    /// What it says to a command in its inline form.
    pub async fn ask(&self, command: &str) -> String {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = tokio::net::TcpStream::connect(self.address()).await.unwrap();
        stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}
