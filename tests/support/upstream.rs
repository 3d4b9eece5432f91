//! An upstream that records exactly what it received and answers exactly what it is told.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::within;

/// A request as the upstream understood it.
#[derive(Clone, Debug, Default)]
pub struct Received {
    pub head: String,
    /// Without its framing.
    pub body: Vec<u8>,
    pub trailers: String,
}

impl Received {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub fn request_line(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// What is done once a request is there.
pub enum Reply {
    /// These bytes, then the connection waits for another request.
    Bytes(Vec<u8>),
    /// These bytes, then the end of the stream.
    Close(Vec<u8>),
    /// These bytes, then a reset.
    Reset(Vec<u8>),
    /// Pieces, each sent when it is received here; the connection closes when the sender is gone.
    Pieces(mpsc::UnboundedReceiver<Vec<u8>>),
    /// Nothing, ever.
    Silence,
}

/// What happened at the upstream.
#[derive(Debug)]
pub enum Event {
    /// The head of a request is there.
    Head(Received),
    /// A request is there with its body.
    Request(Received),
    /// A connection has ended.
    Gone,
}

type Responder = Arc<dyn Fn(&Received) -> Reply + Send + Sync>;

/// When an upstream answers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    AtEnd,
    AtHead,
}

/// A running upstream.
pub struct Upstream {
    pub address: SocketAddr,
    /// Every byte that ever came.
    pub bytes: Arc<Mutex<Vec<u8>>>,
    pub connections: Arc<AtomicUsize>,
    events: mpsc::UnboundedReceiver<Event>,
}

/// `HTTP/1.1 200 OK` with this body.
pub fn ok(media_type: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut bytes =
        format!("HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

impl Upstream {
    /// Answers with the body and media type that it received.
    pub async fn echo() -> Self {
        Self::answering(|received| {
            let media_type = received.header("content-type").unwrap_or("text/plain");
            Reply::Bytes(ok(media_type, &received.body))
        })
        .await
    }

    /// Answers every request with these bytes.
    pub async fn fixed(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self::answering(move |_| Reply::Bytes(bytes.clone())).await
    }

    /// Answers when a request has ended.
    pub async fn answering(responder: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        Self::start(Arc::new(responder), When::AtEnd).await
    }

    /// Answers when a request's head is there, and reads no further by itself.
    pub async fn answering_early(responder: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        Self::start(Arc::new(responder), When::AtHead).await
    }

    async fn start(responder: Responder, when: When) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (happened, events) = mpsc::unbounded_channel();
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(AtomicUsize::new(0));
        let (all, count) = (Arc::clone(&bytes), Arc::clone(&connections));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let served = Served { stream, unread: Vec::new(), all: Arc::clone(&all), happened: happened.clone() };
                tokio::spawn(served.serve(Arc::clone(&responder), when));
            }
        });
        Self { address, bytes, connections, events }
    }

    pub async fn event(&mut self) -> Event {
        within(self.events.recv()).await.unwrap()
    }

    /// The next request, with its body.
    pub async fn request(&mut self) -> Received {
        loop {
            if let Event::Request(received) = self.event().await {
                return received;
            }
        }
    }

    /// The next head.
    pub async fn head(&mut self) -> Received {
        loop {
            if let Event::Head(received) = self.event().await {
                return received;
            }
        }
    }

    /// Waits until a connection has ended.
    pub async fn gone(&mut self) {
        loop {
            if let Event::Gone = self.event().await {
                return;
            }
        }
    }

    /// Whether nothing has ever come.
    pub fn is_untouched(&self) -> bool {
        self.bytes.lock().unwrap().is_empty()
    }

    /// Whether these bytes ever came.
    pub fn saw(&self, text: &str) -> bool {
        let bytes = self.bytes.lock().unwrap();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

struct Served {
    stream: TcpStream,
    unread: Vec<u8>,
    all: Arc<Mutex<Vec<u8>>>,
    happened: mpsc::UnboundedSender<Event>,
}

impl Served {
    async fn serve(mut self, responder: Responder, when: When) {
        self.requests(&responder, when).await;
        let _ = self.happened.send(Event::Gone);
    }

    async fn requests(&mut self, responder: &Responder, when: When) -> Option<()> {
        loop {
            let head = String::from_utf8(self.until(b"\r\n\r\n").await?).unwrap();
            let mut received = Received { head, ..Received::default() };
            let _ = self.happened.send(Event::Head(received.clone()));
            if when == When::AtEnd {
                self.body(&mut received).await?;
                let _ = self.happened.send(Event::Request(received.clone()));
            }
            match responder(&received) {
                Reply::Bytes(bytes) => self.write(&bytes).await?,
                Reply::Close(bytes) => {
                    self.write(&bytes).await?;
                    let _ = self.stream.shutdown().await;
                    while self.more().await.is_some() {}
                    return None;
                }
                Reply::Reset(bytes) => {
                    self.write(&bytes).await?;
                    self.stream.set_zero_linger().unwrap();
                    return None;
                }
                Reply::Pieces(mut pieces) => loop {
                    tokio::select! {
                        piece = pieces.recv() => match piece {
                            Some(piece) => self.write(&piece).await?,
                            None => return None,
                        },
                        more = self.more() => more?,
                    }
                },
                Reply::Silence => while self.more().await.is_some() {},
            }
            if when == When::AtHead {
                while self.more().await.is_some() {}
                return None;
            }
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> Option<()> {
        self.stream.write_all(bytes).await.ok()
    }

    async fn more(&mut self) -> Option<()> {
        let mut piece = [0; 64 << 10];
        match self.stream.read(&mut piece).await {
            Ok(0) | Err(_) => None,
            Ok(count) => {
                self.unread.extend_from_slice(&piece[..count]);
                let mut all = self.all.lock().unwrap();
                if all.len() < 16 << 20 {
                    all.extend_from_slice(&piece[..count]);
                }
                Some(())
            }
        }
    }

    async fn until(&mut self, mark: &[u8]) -> Option<Vec<u8>> {
        loop {
            if let Some(at) = self.unread.windows(mark.len()).position(|window| window == mark) {
                return Some(self.unread.drain(..at + mark.len()).collect());
            }
            self.more().await?;
        }
    }

    async fn exactly(&mut self, count: usize, into: &mut Vec<u8>) -> Option<()> {
        while self.unread.len() < count {
            self.more().await?;
        }
        into.extend(self.unread.drain(..count));
        Some(())
    }

    async fn body(&mut self, received: &mut Received) -> Option<()> {
        if let Some(length) = received.header("content-length") {
            let length = length.parse().unwrap();
            return self.exactly(length, &mut received.body).await;
        }
        if received.header("transfer-encoding").is_none() {
            return Some(());
        }
        loop {
            let line = self.until(b"\r\n").await?;
            let size = usize::from_str_radix(std::str::from_utf8(&line).unwrap().trim(), 16).unwrap();
            if size == 0 {
                loop {
                    let line = self.until(b"\r\n").await?;
                    if line == b"\r\n" {
                        return Some(());
                    }
                    received.trailers.push_str(&String::from_utf8(line).unwrap());
                }
            }
            self.exactly(size, &mut received.body).await?;
            self.until(b"\r\n").await?;
        }
    }
}

/// An upstream behind TLS that speaks HTTP/2 where it is asked to, and echoes.
pub struct SecureUpstream {
    pub address: SocketAddr,
    /// Version, path and body of every request.
    pub requests: Arc<Mutex<Vec<(hyper::Version, String, String)>>>,
    pub connections: Arc<AtomicUsize>,
}

impl SecureUpstream {
    /// `name` is the server certificate's; `protocols` are those of ALPN.
    pub async fn start(pki: &super::Pki, name: &str, protocols: &[&str]) -> Self {
        Self::start_as(pki.server_config(name, protocols)).await
    }

    /// One that shakes hands like this.
    pub async fn start_as(config: Arc<rustls::ServerConfig>) -> Self {
        use http_body_util::{BodyExt, Full};
        use hyper::body::{Bytes, Incoming};
        use hyper::{Request, Response};
        use hyper_util::rt::{TokioExecutor, TokioIo};

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(AtomicUsize::new(0));
        let (seen, count) = (Arc::clone(&requests), Arc::clone(&connections));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (seen, count) = (Arc::clone(&seen), Arc::clone(&count));
                let acceptor = tokio_rustls::TlsAcceptor::from(Arc::clone(&config));
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    count.fetch_add(1, Ordering::SeqCst);
                    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
                        let seen = Arc::clone(&seen);
                        async move {
                            let (head, body) = request.into_parts();
                            let body = body.collect().await?.to_bytes();
                            let text = String::from_utf8_lossy(&body).into_owned();
                            seen.lock().unwrap().push((head.version, head.uri.path().to_owned(), text));
                            let mut response = Response::new(Full::<Bytes>::new(body));
                            if let Some(media_type) = head.headers.get("content-type") {
                                response.headers_mut().insert("content-type", media_type.clone());
                            }
                            Ok::<_, hyper::Error>(response)
                        }
                    });
                    let _ = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self { address, requests, connections }
    }
}
