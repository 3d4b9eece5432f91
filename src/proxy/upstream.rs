//! Where requests go: one pool of connections for each workspace and upstream.
//!
//! Enters: a request with an absolute target. Leaves: the upstream's answer, or a [`ProxyError`] that says only which
//! kind of fault it was. Connections of one workspace never carry another's requests. A body is sent once: only a request
//! of which no byte was written may take a second connection.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Uri};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::client::legacy::{Client, ResponseFuture};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use sha2::{Digest, Sha256};
use tokio::io::DuplexStream;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower_service::Service;

use crate::policy::{Egress, FileHash, Limits, Policy, Timeouts, Upstream, UpstreamIdentity};

use super::admission::Stall;
use super::inspect::InspectedBody;
use super::ledger::Ledger;
use super::reply::{ErrorKind, ProxyError};
use super::tls::{self, TlsFault};

/// How long an unused connection to an upstream is kept.
const IDLE: Duration = Duration::from_secs(60);
/// Bytes on their way to the sink of the self-test.
const SINK_BUFFER: usize = 64 << 10;

/// Every pool of one configuration.
#[derive(Debug)]
pub(crate) struct Upstreams {
    /// By workspace and route.
    pools: HashMap<(usize, usize), Arc<Pool>>,
}

/// The connections of one workspace to one upstream.
pub(crate) struct Pool {
    client: Client<Connector, UpstreamBody>,
    /// For connections that become another protocol's: HTTP/1.1, none of them used again.
    upgrading: Client<Connector, UpstreamBody>,
    workspace: String,
    upstream: Upstream,
    /// Of the files that its TLS rests on.
    files: FileHash,
    timeouts: Timeouts,
}

impl Upstreams {
    /// The pools that `policy` asks for; those that `before` has and that did not change are kept.
    ///
    /// # Errors
    /// A bundle of roots cannot be read.
    pub(crate) fn prepare(policy: &Policy, before: Option<&Self>) -> Result<Self, TlsFault> {
        let mut configs: HashMap<Trusting, Shown> = HashMap::new();
        let mut pools: HashMap<(usize, usize), Arc<Pool>> = HashMap::new();
        for (index, route) in policy.routes.iter().enumerate() {
            let roots = match &route.upstream {
                Upstream { tls: false, .. } => None,
                upstream @ Upstream { ca, identity, pins, .. } => {
                    let trusting = (ca.clone(), identity.clone(), pins.clone());
                    if !configs.contains_key(&trusting) {
                        configs.insert(trusting.clone(), client_config(upstream, &[b"h2", b"http/1.1"])?);
                    }
                    configs.get(&trusting)
                }
            };
            for workspace_index in &route.workspaces {
                let Some(workspace) = policy.workspaces.get(*workspace_index) else { continue };
                let same = |pool: &&Arc<Pool>| pool.serves(&workspace.name, &route.upstream, roots, policy);
                let old = before.into_iter().flat_map(|before| before.pools.values());
                let pool = match pools.values().chain(old).find(same) {
                    Some(pool) => Arc::clone(pool),
                    None => Arc::new(Pool::new(&workspace.name, &route.upstream, roots, policy)),
                };
                pools.insert((*workspace_index, index), pool);
            }
        }
        Ok(Self { pools })
    }

    /// Pools that lead nowhere but to a sink within the process: no name is looked up, no socket opened, no file read.
    pub(crate) fn to_sink(policy: &Policy, sink: &mpsc::Sender<DuplexStream>) -> Self {
        let routes = policy.routes.iter().enumerate();
        let ways = routes.flat_map(|(index, route)| route.workspaces.iter().map(move |one| (*one, index, route)));
        let pools = ways.filter_map(|(one, index, route)| {
            let workspace = policy.workspaces.get(one)?;
            let pool = Pool::build(&workspace.name, &route.upstream, None, policy, Some(sink.clone()));
            Some(((one, index), Arc::new(pool)))
        });
        Self { pools: pools.collect() }
    }

    /// The pool of a workspace and route, by their indices in the policy.
    pub(crate) fn pool(&self, workspace: usize, route: usize) -> Option<&Arc<Pool>> {
        self.pools.get(&(workspace, route))
    }
}

/// Roots (none: the system's), the proxy's own certificate, and pins.
type Trusting = (Option<PathBuf>, Option<UpstreamIdentity>, Vec<[u8; 32]>);
/// The hash of the files behind it, and the configuration.
pub(crate) type Shown = (FileHash, Arc<ClientConfig>);

/// How a connection to an upstream is made sure of, for these protocols (ALPN).
pub(crate) fn client_config(upstream: &Upstream, protocols: &[&[u8]]) -> Result<Shown, TlsFault> {
    let Upstream { ca, identity, pins, .. } = upstream;
    let mut store = RootCertStore::empty();
    let mut files = Sha256::new();
    match ca {
        Some(path) => {
            let (pem, certificates) = tls::read_certificates(path)?;
            files.update(&pem);
            for certificate in certificates {
                store.add(certificate).map_err(|_| TlsFault::new(path, "holds a certificate that cannot be a root"))?;
            }
        }
        None => {
            let found = rustls_native_certs::load_native_certs();
            if store.add_parsable_certificates(found.certs).0 == 0 {
                tracing::warn!("the system has no roots: no upstream behind TLS can be verified without upstream_ca");
            }
        }
    }
    let builder = ClientConfig::builder_with_provider(tls::provider())
        .with_safe_default_protocol_versions()
        .map_err(|_| TlsFault::new(Path::new("tls"), "has no usable protocol version"))?;
    let builder = if pins.is_empty() {
        builder.with_root_certificates(store)
    } else {
        let pinned = tls::pinned(store, pins);
        let of = ca.as_deref().unwrap_or(Path::new("the system"));
        let pinned = pinned.map_err(|_| TlsFault::new(of, "has no usable root"))?;
        builder.dangerous().with_custom_certificate_verifier(pinned)
    };
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let (pem, chain) = tls::read_certificates(&identity.certificate)?;
            let (key_pem, key) = tls::read_private_key(&identity.private_key)?;
            files.update(&pem);
            files.update(&key_pem);
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|_| TlsFault::new(&identity.private_key, "does not belong to the certificate"))?
        }
    };
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    Ok((files.finalize().into(), Arc::new(config)))
}

impl Pool {
    fn new(workspace: &str, upstream: &Upstream, roots: Option<&Shown>, policy: &Policy) -> Self {
        Self::build(workspace, upstream, roots, policy, None)
    }

    fn build(
        workspace: &str,
        upstream: &Upstream,
        roots: Option<&Shown>,
        policy: &Policy,
        sink: Option<mpsc::Sender<DuplexStream>>,
    ) -> Self {
        let Limits { header_bytes, header_fields, .. } = policy.limits;
        let connector = Connector { sink, ..Connector::beside(upstream, roots, policy) };
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .http1_max_buf_size(header_bytes.max(8 << 10))
            .http1_max_headers(header_fields)
            .http2_initial_stream_window_size(64 << 10)
            .http2_initial_connection_window_size(1 << 20)
            .http2_max_header_list_size(u32::try_from(header_bytes).unwrap_or(u32::MAX))
            .build(connector.clone());
        let http1 = connector.tls.as_deref().map(|config| {
            let mut config = config.clone();
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
            Arc::new(config)
        });
        let upgrading = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_max_idle_per_host(0)
            .http1_max_buf_size(header_bytes.max(8 << 10))
            .http1_max_headers(header_fields)
            .build(Connector { tls: http1, ..connector });
        let files = roots.map(|(files, _)| *files).unwrap_or_default();
        let (workspace, upstream) = (workspace.to_owned(), upstream.clone());
        Self { client, upgrading, workspace, upstream, files, timeouts: policy.timeouts.clone() }
    }

    /// Connections to something that is no route's upstream.
    ///
    /// # Errors
    /// Its roots cannot be read.
    pub(crate) fn apart(upstream: &Upstream, policy: &Policy) -> Result<Self, TlsFault> {
        let roots = if upstream.tls { Some(client_config(upstream, &[b"http/1.1"])?) } else { None };
        Ok(Self::new("", upstream, roots.as_ref(), policy))
    }

    /// Whether its connections are those that would be made anew.
    fn serves(&self, workspace: &str, upstream: &Upstream, roots: Option<&Shown>, policy: &Policy) -> bool {
        self.workspace == workspace
            && self.upstream == *upstream
            && self.timeouts == policy.timeouts
            && self.files == roots.map(|(files, _)| *files).unwrap_or_default()
    }

    /// Sends a request; dropping the future or the answer's body cancels it at the upstream.
    pub(crate) fn send(&self, request: Request<UpstreamBody>) -> ResponseFuture {
        self.client.request(request)
    }

    /// Sends a request that asks for another protocol, on a connection of its own.
    pub(crate) fn upgrade(&self, request: Request<UpstreamBody>) -> ResponseFuture {
        self.upgrading.request(request)
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pool")
    }
}

/// The authority of an upstream as it stands in a URI.
pub(crate) fn authority(upstream: &Upstream) -> String {
    let host = if upstream.host.contains(':') { format!("[{}]", upstream.host) } else { upstream.host.clone() };
    let default = if upstream.tls { 443 } else { 80 };
    if upstream.port == default { host } else { format!("{host}:{}", upstream.port) }
}

/// What a failed request says of the upstream. Details stay out: they can name what was being sent.
pub(crate) fn fault(error: &hyper_util::client::legacy::Error) -> ProxyError {
    let kind = if find::<io::Error>(error).is_some_and(|cause| cause.kind() == io::ErrorKind::TimedOut) {
        ErrorKind::UpstreamTimeout
    } else if error.is_connect() {
        ErrorKind::Connect(find::<io::Error>(error).map_or("other", cause))
    } else if find::<hyper::Error>(error).is_some_and(hyper::Error::is_parse) {
        ErrorKind::UpstreamProtocol
    } else {
        ErrorKind::Gone
    };
    ProxyError::upstream(kind)
}

/// Why there is no connection.
#[derive(Clone, Copy, Debug)]
enum NoWay {
    /// The name of the host is not known.
    Dns,
    /// The proxy on the way lets nothing through, or is away.
    Proxy,
}

impl fmt::Display for NoWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dns => "the name is not known",
            Self::Proxy => "no way through the proxy",
        })
    }
}

impl std::error::Error for NoWay {}

/// Why there is no connection, of a closed set: nothing of what the other end said.
pub(crate) fn cause(error: &io::Error) -> &'static str {
    use rustls::{CertificateError, Error};
    let inner = error.get_ref();
    match inner.and_then(|inner| inner.downcast_ref::<NoWay>()) {
        Some(NoWay::Dns) => return "dns",
        Some(NoWay::Proxy) => return "proxy",
        None => {}
    }
    match inner.and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure)) => return "pin",
        Some(Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        )) => return "tls_name",
        Some(Error::InvalidCertificate(
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. },
        )) => return "tls_expired",
        Some(Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature)) => {
            return "tls_untrusted";
        }
        Some(_) => return "tls",
        None => {}
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "refused",
        io::ErrorKind::TimedOut => "timeout",
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::UnexpectedEof => "reset",
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => "unreachable",
        _ => "other",
    }
}

fn find<'e, E: std::error::Error + 'static>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e E> {
    std::iter::successors(Some(error), |error| error.source()).find_map(|error| error.downcast_ref())
}

/// A client of an origin beside the routes: its connections carry nothing else.
pub(crate) type Beside = Client<Connector, Full<Bytes>>;

/// A client of an origin beside the routes.
pub(crate) fn beside(upstream: &Upstream, roots: Option<&Shown>, policy: &Policy) -> Beside {
    Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .http1_max_buf_size(policy.limits.header_bytes.max(8 << 10))
        .http1_max_headers(policy.limits.header_fields)
        .build(Connector::beside(upstream, roots, policy))
}

/// Opens connections to one upstream.
#[derive(Clone)]
pub(crate) struct Connector {
    host: String,
    port: u16,
    tls: Option<Arc<ClientConfig>>,
    /// What it is reached through.
    proxy: Option<Egress>,
    within: Duration,
    /// How long it may take nothing of what is sent.
    stall: Duration,
    /// What takes the place of the upstream, where the proxy tests itself.
    sink: Option<mpsc::Sender<DuplexStream>>,
}

impl Connector {
    /// Connections to an origin beside the routes.
    pub(crate) fn beside(upstream: &Upstream, roots: Option<&Shown>, policy: &Policy) -> Self {
        Self {
            host: upstream.host.clone(),
            port: upstream.port,
            tls: roots.map(|(_, config)| Arc::clone(config)),
            proxy: upstream.proxy.clone(),
            within: policy.timeouts.connect,
            stall: policy.timeouts.upstream_idle,
            sink: None,
        }
    }

    pub(crate) async fn connect(self) -> io::Result<UpstreamIo> {
        let connecting = async {
            if let Some(sink) = &self.sink {
                let (near, far) = tokio::io::duplex(SINK_BUFFER);
                sink.send(far).await.map_err(|_| io::Error::from(io::ErrorKind::ConnectionRefused))?;
                return Ok(Stream::Sink(TokioIo::new(near)));
            }
            let stream = dial(&self.host, self.port, self.proxy.as_ref()).await?;
            let Some(config) = self.tls else { return Ok(Stream::Plain(TokioIo::new(stream))) };
            let name = ServerName::try_from(self.host)
                .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "not a server name"))?;
            let stream = TlsConnector::from(config).connect(name, stream).await?;
            Ok::<_, io::Error>(Stream::Tls(Box::new(TokioIo::new(stream))))
        };
        match tokio::time::timeout(self.within, connecting).await {
            Ok(connected) => Ok(UpstreamIo { stream: connected?, stall: Stall::new(self.stall) }),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

/// A connection to an upstream, or through the proxy on the way to it.
pub(crate) async fn dial(host: &str, port: u16, proxy: Option<&Egress>) -> io::Result<TcpStream> {
    let stream = match proxy {
        None => {
            let found = tokio::net::lookup_host((host, port)).await.map_err(|_| io::Error::other(NoWay::Dns))?;
            TcpStream::connect(&found.collect::<Vec<_>>()[..]).await?
        }
        Some(proxy) => tunnel(proxy, host, port).await?,
    };
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A connection through a proxy (RFC 9110 section 9.3.6). What the proxy says against it is not passed on.
async fn tunnel(proxy: &Egress, host: &str, port: u16) -> io::Result<TcpStream> {
    let authority = |host: &str, port| {
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        Uri::builder().scheme("http").authority(format!("{host}:{port}")).path_and_query("/").build()
    };
    let refused = || io::Error::other(NoWay::Proxy);
    let (through, to) = (authority(&proxy.host, proxy.port), authority(host, port));
    let mut tunnel = Tunnel::new(through.map_err(|_| refused())?, HttpConnector::new());
    if let Some(authorization) = &proxy.authorization {
        tunnel = tunnel.with_auth(HeaderValue::from_str(authorization).map_err(|_| refused())?);
    }
    std::future::poll_fn(|context| tunnel.poll_ready(context)).await.map_err(|_| refused())?;
    let stream = tunnel.call(to.map_err(|_| refused())?).await.map_err(|_| refused())?;
    Ok(stream.into_inner())
}

impl Service<Uri> for Connector {
    type Response = UpstreamIo;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<UpstreamIo>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        Box::pin(self.clone().connect())
    }
}

/// A connection to an upstream.
pub(crate) struct UpstreamIo {
    stream: Stream,
    stall: Stall,
}

enum Stream {
    Plain(TokioIo<TcpStream>),
    Tls(Box<TokioIo<TlsStream<TcpStream>>>),
    Sink(TokioIo<DuplexStream>),
}

impl Connection for UpstreamIo {
    fn connected(&self) -> Connected {
        match &self.stream {
            Stream::Tls(stream) if stream.inner().get_ref().1.alpn_protocol() == Some(b"h2") => {
                Connected::new().negotiated_h2()
            }
            Stream::Tls(_) | Stream::Plain(_) | Stream::Sink(_) => Connected::new(),
        }
    }
}

impl Read for UpstreamIo {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Stream::Sink(stream) => Pin::new(stream).poll_read(context, buffer),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_read(context, buffer),
        }
    }
}

impl Write for UpstreamIo {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = match &mut this.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Stream::Sink(stream) => Pin::new(stream).poll_write(context, bytes),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_write(context, bytes),
        };
        this.stall.watch(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = match &mut this.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write_vectored(context, pieces),
            Stream::Sink(stream) => Pin::new(stream).poll_write_vectored(context, pieces),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_write_vectored(context, pieces),
        };
        this.stall.watch(context, written)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = match &mut this.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(context),
            Stream::Sink(stream) => Pin::new(stream).poll_flush(context),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(context),
        };
        this.stall.watch(context, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Stream::Sink(stream) => Pin::new(stream).poll_shutdown(context),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(context),
        }
    }
}

/// What a request carries upward.
#[derive(Debug)]
pub(crate) enum UpstreamBody {
    /// Nothing.
    Empty,
    /// A body that was decided whole; its length is declared.
    Whole(Option<Bytes>),
    /// The same, which tells when the upstream takes it.
    Told(Option<Bytes>, Arc<Ledger>),
    /// A body in flight.
    Stream(Box<InspectedBody>),
}

impl Body for UpstreamBody {
    type Data = Bytes;
    type Error = ProxyError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ProxyError>>> {
        match self.get_mut() {
            Self::Empty => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Told(bytes, ledger) => {
                ledger.given();
                Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes))))
            }
            Self::Stream(body) => Pin::new(body.as_mut()).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty | Self::Whole(None) | Self::Told(None, _) => true,
            Self::Whole(Some(_)) | Self::Told(Some(_), _) => false,
            Self::Stream(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty | Self::Whole(None) | Self::Told(None, _) => SizeHint::with_exact(0),
            Self::Whole(Some(bytes)) | Self::Told(Some(bytes), _) => SizeHint::with_exact(bytes.len() as u64),
            Self::Stream(body) => body.size_hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::CertificateError;

    #[test]
    fn causes_are_told_apart() {
        let tls = |error: CertificateError| io::Error::new(io::ErrorKind::InvalidData, rustls::Error::from(error));
        let table = [
            (io::Error::other(NoWay::Dns), "dns"),
            (io::Error::other(NoWay::Proxy), "proxy"),
            (tls(CertificateError::ApplicationVerificationFailure), "pin"),
            (tls(CertificateError::UnknownIssuer), "tls_untrusted"),
            (tls(CertificateError::NotValidForName), "tls_name"),
            (tls(CertificateError::Expired), "tls_expired"),
            (tls(CertificateError::BadEncoding), "tls"),
            (io::ErrorKind::ConnectionRefused.into(), "refused"),
            (io::ErrorKind::UnexpectedEof.into(), "reset"),
            (io::ErrorKind::Other.into(), "other"),
        ];
        for (error, expected) in table {
            assert_eq!(cause(&error), expected, "{error:?}");
        }
    }
}
