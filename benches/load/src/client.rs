//! The load client: connections with a client certificate, each a closed loop of one request at a time.
//!
//! Enters: a proxy's address, a case. Leaves: how many answers came, how long each took, and the proxy's CPU time
//! between the first and the last of them. One thread; connections are opened and warmed before the clock starts.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::{http1, http2};
use hyper::{Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::machine;

/// Requests of a connection before the clock starts.
const WARM: usize = 10;
/// Answers of a connection that a slice has at least.
const FEWEST: usize = 5;
/// How long an answer, and a slice, may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a case sends, and how.
#[derive(Clone)]
pub struct Load {
    /// What the upstream is to answer.
    pub answer: &'static str,
    pub body: Bytes,
    pub connections: usize,
    pub h2: bool,
}

/// What came of a slice.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Of the proxy, in microseconds, for a request.
    pub cpu: f64,
    /// Answers a second.
    pub rate: f64,
    /// Of the whole answer, in microseconds.
    pub p50: f64,
    pub p99: f64,
    /// Of the answer's first bytes.
    pub first_p50: f64,
}

/// The two protocols, each with its configuration of TLS.
#[derive(Clone)]
pub struct Client {
    http1: TlsConnector,
    http2: TlsConnector,
}

impl Client {
    /// With what `blackbar certs` wrote.
    pub fn new(directory: &Path) -> Result<Self, String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_file(directory.join("ca.crt")).map_err(|error| text(&error))?;
        roots.add(root).map_err(|error| text(&error))?;
        let chain: Result<Vec<_>, _> =
            CertificateDer::pem_file_iter(directory.join("client.crt")).map_err(|error| text(&error))?.collect();
        let chain = chain.map_err(|error| text(&error))?;
        let key = directory.join("client.key");
        let of = |protocol: &[u8]| -> Result<TlsConnector, String> {
            let key = PrivateKeyDer::from_pem_file(&key).map_err(|error| text(&error))?;
            let config = ClientConfig::builder_with_protocol_versions(&[&rustls::version::TLS13]);
            let config = config.with_root_certificates(roots.clone()).with_client_auth_cert(chain.clone(), key);
            let mut config = config.map_err(|error| text(&error))?;
            config.alpn_protocols = vec![protocol.to_vec()];
            Ok(TlsConnector::from(Arc::new(config)))
        };
        Ok(Self { http1: of(b"http/1.1")?, http2: of(b"h2")? })
    }

    async fn connect(&self, address: SocketAddr, h2: bool) -> Result<Box<TlsStream<TcpStream>>, String> {
        let socket = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        socket.set_nodelay(true).map_err(|error| error.to_string())?;
        let name = ServerName::try_from("localhost").expect("a name");
        let connector = if h2 { &self.http2 } else { &self.http1 };
        connector.connect(name, socket).await.map(Box::new).map_err(|error| format!("handshake: {error}"))
    }

    async fn open(&self, address: SocketAddr, h2: bool) -> Result<Connection, String> {
        let stream = TokioIo::new(self.connect(address, h2).await?);
        if h2 {
            let made = http2::Builder::new(TokioExecutor::new())
                .initial_stream_window_size(1 << 20)
                .initial_connection_window_size(8 << 20)
                .handshake(stream);
            let (sender, connection) = made.await.map_err(|error| error.to_string())?;
            tokio::task::spawn_local(connection);
            return Ok(Connection::Http2(sender));
        }
        let (sender, connection) = http1::handshake(stream).await.map_err(|error| error.to_string())?;
        tokio::task::spawn_local(connection);
        Ok(Connection::Http1(sender))
    }

    /// One request on a connection of its own; gives what was answered.
    pub async fn once(&self, address: SocketAddr, load: &Load) -> Result<Bytes, String> {
        let mut connection = self.open(address, load.h2).await?;
        let (body, _) = connection.ask(load, true).await?;
        Ok(body)
    }

    /// Connections that ask nothing.
    pub async fn idle(&self, address: SocketAddr, count: usize) -> Result<Vec<Box<TlsStream<TcpStream>>>, String> {
        let mut open = Vec::with_capacity(count);
        while open.len() < count {
            open.push(self.connect(address, false).await.map_err(|error| format!("at {}: {error}", open.len()))?);
        }
        Ok(open)
    }

    /// Runs a case for so long; must be called on a local set.
    pub async fn run(&self, address: SocketAddr, pid: u32, load: &Load, time: Duration) -> Result<Sample, String> {
        let counted = Rc::new(Counted::default());
        let mut connections = Vec::new();
        for _ in 0..load.connections {
            let mut connection = self.open(address, load.h2).await?;
            for _ in 0..WARM {
                connection.ask(load, false).await?;
            }
            connections.push(connection);
        }
        let loops: Vec<_> = connections
            .into_iter()
            .map(|connection| tokio::task::spawn_local(drive(connection, load.clone(), Rc::clone(&counted))))
            .collect();
        // All of them run before the clock starts.
        tokio::time::sleep(Duration::from_millis(30)).await;
        let (cpu, start) = (machine::cpu_nanos(pid), Instant::now());
        counted.counts.set(true);
        tokio::time::sleep(time).await;
        // A slow proxy gets longer: the requests on their way at either end are to be few among all.
        while counted.times.borrow().len() < FEWEST * load.connections && start.elapsed() < PATIENCE {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        counted.counts.set(false);
        let (cpu, took) = (machine::cpu_nanos(pid) - cpu, start.elapsed());
        counted.ends.set(true);
        for ended in loops {
            tokio::time::timeout(PATIENCE, ended)
                .await
                .map_err(|_| "an answer did not come")?
                .map_err(|error| error.to_string())??;
        }
        let mut times = counted.times.take();
        let count = times.len() as f64;
        if times.is_empty() {
            return Err("no answer came in time".to_owned());
        }
        let mut first: Vec<u64> = times.iter().map(|(first, _)| *first).collect();
        first.sort_unstable();
        times.sort_unstable_by_key(|(_, whole)| *whole);
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].1 as f64 / 1e3;
        Ok(Sample {
            cpu: cpu as f64 / 1e3 / count,
            rate: count / took.as_secs_f64(),
            p50: at(0.5),
            p99: at(0.99),
            first_p50: first[(first.len() - 1) / 2] as f64 / 1e3,
        })
    }
}

#[derive(Default)]
struct Counted {
    counts: Cell<bool>,
    ends: Cell<bool>,
    /// Nanoseconds to the first bytes of an answer and to its end.
    times: RefCell<Vec<(u64, u64)>>,
}

async fn drive(mut connection: Connection, load: Load, counted: Rc<Counted>) -> Result<(), String> {
    while !counted.ends.get() {
        let start = Instant::now();
        let (_, first) = connection.ask(&load, false).await?;
        if counted.counts.get() {
            let nanos = |time: Duration| time.as_nanos() as u64;
            counted.times.borrow_mut().push((nanos(first - start), nanos(start.elapsed())));
        }
    }
    Ok(())
}

enum Connection {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl Connection {
    /// Asks, and reads the answer to its end; keeps it where it is wanted. And when the first bytes of its body came.
    async fn ask(&mut self, load: &Load, keep: bool) -> Result<(Bytes, Instant), String> {
        let text = |error: hyper::Error| format!("{error:?}");
        let answer = match self {
            Self::Http1(sender) => {
                sender.ready().await.map_err(text)?;
                sender.send_request(request(load, "/v1/chat/completions")).await
            }
            Self::Http2(sender) => {
                sender.ready().await.map_err(text)?;
                sender.send_request(request(load, "https://localhost/v1/chat/completions")).await
            }
        };
        let answer = answer.map_err(text)?;
        let status = answer.status();
        let (mut body, mut kept, mut first) = (answer.into_body(), Vec::new(), None);
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(text)?;
            first.get_or_insert_with(Instant::now);
            if let Some(data) = frame.data_ref().filter(|_| keep || status != StatusCode::OK) {
                kept.extend_from_slice(data);
            }
        }
        if status != StatusCode::OK {
            return Err(format!("{status}: {}", String::from_utf8_lossy(&kept)));
        }
        Ok((Bytes::from(kept), first.unwrap_or_else(Instant::now)))
    }
}

/// With the fields that SDKs send.
fn request(load: &Load, uri: &'static str) -> Request<Full<Bytes>> {
    let mut request = Request::post(uri);
    if !load.h2 {
        request = request.header("host", "localhost");
    }
    request
        .header("accept", "application/json")
        .header("accept-encoding", "gzip, deflate")
        .header("content-type", "application/json")
        .header("user-agent", "OpenAI/Python 2.8.0")
        .header("x-stainless-lang", "python")
        .header("x-stainless-package-version", "2.8.0")
        .header("x-stainless-os", "Linux")
        .header("x-stainless-arch", "x64")
        .header("x-stainless-runtime", "CPython")
        .header("x-stainless-runtime-version", "3.13.1")
        .header("x-stainless-async", "false")
        .header("x-stainless-retry-count", "0")
        .header("x-stainless-read-timeout", "600")
        .header("authorization", "Bearer load-bench-0123456789")
        .header("x-case", load.answer)
        .body(Full::new(load.body.clone()))
        .expect("valid")
}
