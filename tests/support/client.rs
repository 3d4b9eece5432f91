//! A client that sends exactly the bytes it is told to, and reads answers without being forgiving.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::within;

/// One TLS connection to the proxy.
pub struct Client {
    pub stream: TlsStream<TcpStream>,
    unread: Vec<u8>,
}

/// An answer as it came.
#[derive(Debug, Default)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
    pub trailers: String,
    /// It ended as its framing says.
    pub complete: bool,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The `code` of a problem, or of a provider's error object.
    pub fn code(&self) -> String {
        let body: serde_json::Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let code = if body["code"].is_null() { &body["error"]["code"] } else { &body["code"] };
        code.as_str().unwrap_or_default().to_owned()
    }
}

pub async fn connect(to: SocketAddr, name: &str, config: Arc<ClientConfig>) -> io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(to).await?;
    stream.set_nodelay(true)?;
    let name = ServerName::try_from(name.to_owned()).unwrap();
    TlsConnector::from(config).connect(name, stream).await
}

impl Client {
    pub fn new(stream: TlsStream<TcpStream>) -> Self {
        Self { stream, unread: Vec::new() }
    }

    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// Sends and reads one answer.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> Answer {
        // The peer may answer and close before it has taken everything.
        let _ = within(self.stream.write_all(bytes.as_ref())).await;
        let _ = within(self.stream.flush()).await;
        self.answer().await
    }

    /// A GET.
    pub async fn get(&mut self, target: &str) -> Answer {
        self.send(format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await
    }

    /// A POST with a declared length.
    pub async fn post(&mut self, target: &str, media_type: &str, body: impl AsRef<[u8]>) -> Answer {
        let body = body.as_ref();
        let length = body.len();
        let mut bytes = format!(
            "POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {media_type}\r\nContent-Length: {length}\r\n\r\n"
        )
        .into_bytes();
        bytes.extend_from_slice(body);
        self.send(bytes).await
    }

    /// Reads one answer to a request that was not HEAD.
    pub async fn answer(&mut self) -> Answer {
        within(self.read_answer()).await
    }

    async fn more(&mut self) -> bool {
        let mut piece = [0; 16 << 10];
        match self.stream.read(&mut piece).await {
            Ok(0) | Err(_) => false,
            Ok(count) => {
                self.unread.extend_from_slice(&piece[..count]);
                true
            }
        }
    }

    /// The bytes up to and with `mark`.
    pub async fn until(&mut self, mark: &[u8]) -> Option<Vec<u8>> {
        loop {
            if let Some(at) = self.unread.windows(mark.len()).position(|window| window == mark) {
                return Some(self.unread.drain(..at + mark.len()).collect());
            }
            if !self.more().await {
                return None;
            }
        }
    }

    async fn exactly(&mut self, count: usize, into: &mut Vec<u8>) -> bool {
        while self.unread.len() < count {
            if !self.more().await {
                into.append(&mut self.unread);
                return false;
            }
        }
        into.extend(self.unread.drain(..count));
        true
    }

    /// Reads a head; `None` where the connection ended first.
    pub async fn head(&mut self) -> Option<Answer> {
        let head = String::from_utf8(self.until(b"\r\n\r\n").await?).unwrap();
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some(Answer { status, head, ..Answer::default() })
    }

    async fn read_answer(&mut self) -> Answer {
        let Some(mut answer) = self.head().await else { return Answer::default() };
        if answer.status == 100 {
            return Box::pin(self.read_answer()).await;
        }
        if matches!(answer.status, 204 | 304) {
            answer.complete = true;
        } else if answer.header("transfer-encoding") == Some("chunked") {
            answer.complete = self.chunks(&mut answer).await.is_some();
        } else if let Some(length) = answer.header("content-length") {
            let length = length.parse().unwrap();
            answer.complete = self.exactly(length, &mut answer.body).await;
        } else {
            while self.more().await {}
            answer.body.append(&mut self.unread);
        }
        answer
    }

    async fn chunks(&mut self, answer: &mut Answer) -> Option<()> {
        loop {
            let line = self.until(b"\r\n").await?;
            let size = usize::from_str_radix(std::str::from_utf8(&line).unwrap().trim(), 16).unwrap();
            if size == 0 {
                loop {
                    let line = self.until(b"\r\n").await?;
                    if line == b"\r\n" {
                        return Some(());
                    }
                    answer.trailers.push_str(&String::from_utf8(line).unwrap());
                }
            }
            if !self.exactly(size, &mut answer.body).await {
                return None;
            }
            self.until(b"\r\n").await?;
        }
    }

    /// Whether the peer has closed: nothing more comes.
    pub async fn is_closed(&mut self) -> bool {
        within(async {
            while self.more().await {}
            true
        })
        .await
    }
}

/// An HTTP/2 connection.
pub async fn http2(stream: TlsStream<TcpStream>) -> SendRequest<Full<Bytes>> {
    let (sender, connection) = Builder::new(TokioExecutor::new()).handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(async move {
        let _ = connection.await;
    });
    sender
}

/// Sends a request over HTTP/2 and reads the answer; `complete` is false where the stream was reset.
pub async fn exchange2(sender: &mut SendRequest<Full<Bytes>>, request: hyper::Request<Full<Bytes>>) -> Answer {
    within(async {
        let response = sender.send_request(request).await.unwrap();
        let status = response.status().as_u16();
        let head = format!(
            "\n{}",
            response
                .headers()
                .iter()
                .map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap()))
                .collect::<String>()
        );
        let mut answer = Answer { status, head, complete: true, ..Answer::default() };
        let mut body = response.into_body();
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => match frame.into_data() {
                    Ok(data) => answer.body.extend_from_slice(&data),
                    Err(frame) => answer.trailers = format!("{:?}", frame.into_trailers().unwrap_or_default()),
                },
                Err(_) => {
                    answer.complete = false;
                    break;
                }
            }
        }
        answer
    })
    .await
}
