//! One client connection: handshake, protocol, end.
//!
//! Enters: an accepted socket. Leaves: its requests, each with who the client is. ALPN decides the protocol: a client that
//! chose none speaks HTTP/1.1. A listener for syslog has a room of its own.

use std::convert::Infallible;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http::uri::Authority;
use http::{Version, header};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::audit::record::bounded;
use crate::policy::{ApiKey, Limits, Policy};
use crate::telemetry::{self, NO_WORKSPACE};

use super::admission::{Activity, ConnectionPermit, Stall};
use super::audited::Party;
use super::exchange;
use super::frames::{self, Frames};
use super::guard::{Checked, Guard, SPOIL};
use super::ledger::Ledger;
use super::memory::Charge;
use super::peer::{Entrance, Peer};
use super::reply::{ErrorKind, ProxyError};
use super::shown::Shown;
use super::stall::{self, LeavingBody, Outlets, Streams};
use super::websocket::Session;
use super::{Door, Generation, Shared, syslog, tls};

/// How long a closed connection's input is still taken in, so that the answer is not lost to a reset.
const LINGER: Duration = Duration::from_secs(1);
/// How much of it.
const LINGER_BYTES: usize = 256 << 10;
/// How long a connection that has waited too long may take to say goodbye.
const FAREWELL: Duration = Duration::from_millis(100);
/// Between two PING frames on an HTTP/2 connection.
const H2_PING: Duration = Duration::from_secs(20);
const H2_PONG: Duration = Duration::from_secs(20);

/// An accepted socket.
pub(crate) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    /// The address of the other end, without port.
    pub(crate) fn peer(&self) -> String {
        match self {
            Self::Tcp(stream) => stream.peer_addr().map_or_else(|_| String::new(), |address| address.ip().to_string()),
            Self::Unix(_) => "unix".to_owned(),
        }
    }
}

/// A connection, as its exchanges see it.
pub(crate) struct Connection {
    pub(crate) shared: Arc<Shared>,
    pub(crate) activity: Arc<Activity>,
    peer: Peer,
    /// Who it is, as the audit tells it.
    pub(crate) party: Arc<Party>,
    /// The server name that it asked for, in lower case.
    server_name: Option<String>,
    /// The keys that what is under way rests on.
    shown: Shown,
    /// What the connection becomes once the answer at hand is written.
    session: Mutex<Option<Box<Session>>>,
}

impl Connection {
    pub(crate) fn new(shared: Arc<Shared>, peer: Peer, address: String, server_name: Option<String>) -> Arc<Self> {
        let activity = Activity::begin();
        let party = Arc::new(peer.party(&shared, address));
        let (shown, session) = (Shown::default(), Mutex::default());
        Arc::new(Self { shared, activity, peer, party, server_name, shown, session })
    }

    /// What a request that was held comes from when this person releases it.
    pub(crate) fn inside(shared: Arc<Shared>, person: &str) -> Arc<Self> {
        let peer = Peer::new(Entrance { index: usize::MAX, serial: 0 }, None);
        let party = peer.party(&shared, "admin".to_owned());
        let party = Arc::new(Party { names: vec![bounded(&format!("person:{person}")).into_owned()], ..party });
        let activity = Activity::begin();
        let (shown, session) = (Shown::default(), Mutex::default());
        Arc::new(Self { shared, activity, peer, party, server_name: None, shown, session })
    }

    /// Whether the proxy tests a way over it.
    pub(crate) fn is_probe(&self) -> bool {
        self.peer.is_probe()
    }

    /// Who the client is, as held requests tell it: names, and the certificate's SHA-256.
    pub(crate) fn sender(&self) -> (Vec<String>, Option<String>) {
        self.peer.sender()
    }

    /// The workspace that the client belongs to under this configuration.
    pub(crate) fn workspace(&self, generation: &Generation) -> Result<usize, ProxyError> {
        self.peer.workspace(generation)
    }

    /// The header field in which the listener takes keys, if it does.
    pub(crate) fn key_field<'p>(&self, policy: &'p Policy) -> Option<&'p str> {
        self.peer.listener(policy).and_then(|listener| listener.api_keys.as_deref())
    }

    /// The workspace that the listener gives whoever comes without a certificate.
    pub(crate) fn fixed_workspace<'p>(&self, policy: &'p Policy) -> Option<&'p str> {
        self.peer.listener(policy).and_then(|listener| listener.workspace.as_deref())
    }

    /// The exchange of this ledger rests on a key of a workspace, as a generation has it: when the key holds no more, it ends.
    /// Whether the workspace is stopped is to be asked behind this.
    pub(crate) fn rests_on(&self, key: &ApiKey, workspace: &str, ledger: &Arc<Ledger>, generation: &Arc<Generation>) {
        self.shown.add(ledger, workspace, key, self.party.address.parse().ok());
        // What came into force meanwhile has been told of already; and a key may end before anyone looks again.
        let horizon = telemetry::unix_seconds().saturating_add(generation.policy.timeouts.recheck.as_secs());
        let ends_soon = key.expires.is_some_and(|expires| expires <= horizon);
        if ends_soon || !Arc::ptr_eq(&self.shared.generation(), generation) {
            self.shown.look_sooner();
        }
    }

    /// Whether it does well to end behind what is under way: it is worn, or it has been of use and memory is short.
    fn is_outlived(&self) -> bool {
        self.activity.is_worn() || (self.shared.admission.is_crowded() && self.activity.has_served())
    }

    /// Resolves when the connection is to take no more than what is under way.
    async fn asked_to_end(&self, drain: &mut watch::Receiver<bool>) {
        // Looked at whenever the connection is polled, and that is now and then: nobody need wake it for this.
        let outlived = |_: &mut Context<'_>| if self.is_outlived() { Poll::Ready(()) } else { Poll::Pending };
        tokio::select! {
            () = drained(drain) => {}
            () = std::future::poll_fn(outlived) => {}
        }
    }

    /// Resolves when the client is trusted no more.
    async fn revoked(&self) {
        self.peer.revoked(&self.shared, &self.shown).await;
    }

    /// Whether the client presented a certificate.
    pub(crate) fn has_certificate(&self) -> bool {
        self.peer.has_certificate()
    }

    /// After the answer at hand the connection is a WebSocket connection.
    pub(crate) fn becomes(&self, session: Session) {
        *self.session.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(session));
        self.activity.upgrade();
    }

    /// It does not become one after all.
    pub(crate) fn stays(&self) {
        drop(self.session());
    }

    fn session(&self) -> Option<Box<Session>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Whether the request's authority is one that this connection serves (RFC 9110 section 7.2).
    pub(crate) fn check_host(&self, policy: &Policy, head: &http::request::Parts) -> Result<(), ProxyError> {
        let http1 = head.version < Version::HTTP_2;
        let mut fields = head.headers.get_all(header::HOST).iter();
        let field = match (fields.next(), fields.next()) {
            (None, _) if http1 => return Err(ProxyError::client(ErrorKind::Host)),
            (_, Some(_)) => return Err(ProxyError::client(ErrorKind::Host)),
            (field, None) => field,
        };
        let field = match field {
            Some(value) => Some(host_field(value.as_bytes()).ok_or(ProxyError::client(ErrorKind::Host))?),
            None => None,
        };
        let authority = match (head.uri.authority(), field) {
            (Some(target), Some(field)) if !same_authority(target, &field) => {
                let kind = if http1 { ErrorKind::Misdirected } else { ErrorKind::Host };
                return Err(ProxyError::client(kind));
            }
            (Some(target), _) if target.as_str().contains('@') => return Err(ProxyError::client(ErrorKind::Host)),
            (_, Some(field)) => field,
            (Some(target), None) => target.clone(),
            (None, None) => return Err(ProxyError::client(ErrorKind::Host)),
        };
        let named =
            |name: &str| name.eq_ignore_ascii_case(authority.as_str()) || name.eq_ignore_ascii_case(authority.host());
        let hosts = self.peer.listener(policy).map(|listener| listener.hosts.as_slice()).unwrap_or_default();
        let listed = hosts.is_empty() || hosts.iter().any(|host| named(host));
        let asked = self.server_name.as_deref().is_none_or(|name| name.eq_ignore_ascii_case(authority.host()));
        if listed && asked { Ok(()) } else { Err(ProxyError::client(ErrorKind::Misdirected)) }
    }
}

/// `uri-host [ ":" port ]`: no user, no blanks.
fn host_field(value: &[u8]) -> Option<Authority> {
    if value.contains(&b'@') {
        return None;
    }
    let authority = Authority::try_from(value).ok()?;
    let port = authority.as_str().strip_prefix(authority.host())?;
    let port = port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    (port && !authority.host().is_empty()).then_some(authority)
}

fn same_authority(left: &Authority, right: &Authority) -> bool {
    left.as_str().eq_ignore_ascii_case(right.as_str())
}

/// Serves a socket to its end.
pub(crate) async fn serve(
    shared: Arc<Shared>,
    entrance: Entrance,
    door: Door,
    socket: Socket,
    permit: ConnectionPermit,
) {
    let telemetry = Arc::clone(&shared.telemetry);
    telemetry.shift("blackbar_connections", &[], 1);
    telemetry.add("blackbar_connections_total", &[], 1);
    let drain = shared.draining();
    let address = socket.peer();
    match door {
        Door { sink: Some(sink), config, .. } => Box::pin(syslog::serve(shared, entrance, config, &sink, socket)).await,
        Door { config: None, .. } => {
            let connection = Connection::new(shared, Peer::new(entrance, None), address, None);
            Box::pin(http1(connection, socket, drain)).await;
        }
        Door { config: Some(config), .. } => {
            // Boxed apart: a handshake needs far more room than the connection after it.
            let handshake = Box::pin(handshake(&shared, config, socket)).await;
            if let Some(mut stream) = handshake {
                let limits = shared.generation().policy.limits.clone();
                let chain = stream.get_ref().1.peer_certificates();
                let Some(_place) = shared.admission.certificate(chain, &limits) else {
                    telemetry.rejected(NO_WORKSPACE, "conn_limit");
                    tracing::debug!("a certificate has all the connections that it may");
                    let _ = tokio::time::timeout(FAREWELL, stream.shutdown()).await;
                    return telemetry.shift("blackbar_connections", &[], -1);
                };
                let (_, session) = stream.get_ref();
                let peer = Peer::new(entrance, session.peer_certificates());
                let server_name = session.server_name().map(str::to_ascii_lowercase);
                let h2 = session.alpn_protocol() == Some(b"h2");
                let connection = Connection::new(shared, peer, address, server_name);
                if h2 {
                    Box::pin(http2(connection, stream, drain)).await;
                } else {
                    Box::pin(http1(connection, stream, drain)).await;
                }
            }
        }
    }
    telemetry.shift("blackbar_connections", &[], -1);
    drop(permit);
}

async fn handshake(shared: &Shared, config: Arc<ServerConfig>, socket: Socket) -> Option<Box<TlsStream<Socket>>> {
    let within = shared.generation().policy.timeouts.handshake;
    let reason = match tokio::time::timeout(within, TlsAcceptor::from(config).accept(socket)).await {
        Ok(Ok(stream)) => return Some(Box::new(stream)),
        Ok(Err(error)) => tls::handshake_reason(&error),
        Err(_) => "tls_timeout",
    };
    shared.telemetry.add("blackbar_tls_handshake_failures_total", &[reason], 1);
    shared.telemetry.rejected(NO_WORKSPACE, reason);
    tracing::debug!(reason, "handshake failed");
    None
}

pub(crate) async fn http1<S>(connection: Arc<Connection>, stream: S, mut drain: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let generation = connection.shared.generation();
    let limits = generation.policy.limits.clone();
    let outlets = Outlets::new(&generation.policy.limits, &generation.policy.timeouts);
    drop(generation);
    let guard = Guard::new(limits.header_bytes, limits.trailer_bytes);
    let io = TokioIo::new(ClientIo::new(stream, &connection, Reader::Http1(guard)));
    let (serving, outlet) = (Arc::clone(&connection), outlets.single());
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let (connection, outlet) = (Arc::clone(&serving), Some(Arc::clone(&outlet)));
        Box::pin(async move {
            let response = exchange::serve(connection, request).await;
            Ok::<_, Infallible>(response.map(|body| LeavingBody::new(body, outlet)))
        })
    });
    let mut served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_buf_size(limits.header_bytes.max(8 << 10))
        .max_headers(limits.header_fields)
        .serve_connection(io, service);
    let (mut closing, mut told, mut cut) = (false, None, false);
    let mut revoked = pin!(connection.revoked());
    let ended = loop {
        let look = outlets.look();
        if look.stuck {
            break None;
        }
        let wait = match patience(&connection, told).filter(|_| !cut) {
            Some(wait) => wait,
            None if closing => break None,
            None => {
                closing = true;
                Pin::new(&mut served).graceful_shutdown();
                FAREWELL
            }
        };
        tokio::select! {
            ended = std::future::poll_fn(|context| served.poll_without_shutdown(context)) => break Some(ended),
            () = connection.asked_to_end(&mut drain), if told.is_none() => {
                told = Some(telemetry::now());
                // One that waits, or has a part of a head, is closed by hyper with what its client has sent already. It may ask
                // once more, and soon: the answer says that it was the last.
                if connection.activity.is_serving() {
                    Pin::new(&mut served).graceful_shutdown();
                }
            }
            () = &mut revoked, if !cut => {
                connection.activity.revoke();
                cut = true;
            }
            () = tokio::time::sleep(wait.min(look.again)) => {}
        }
    };
    refused(&connection, matches!(&ended, Some(Err(error)) if error.is_parse()));
    // An answer that broke off must look so: no close_notify, no last chunk.
    if let Some(Ok(())) = ended {
        if let Some(session) = connection.session() {
            let parts = served.into_parts();
            // Boxed apart, as every connection has room for what stands here.
            return Box::pin(session.run(parts.io.into_inner().stream, &parts.read_buf, drain, revoked)).await;
        }
        Box::pin(linger(served.into_parts().io.into_inner().stream)).await;
    }
}

async fn http2(connection: Arc<Connection>, stream: Box<TlsStream<Socket>>, mut drain: watch::Receiver<bool>) {
    let serving = Arc::clone(&connection);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let connection = Arc::clone(&serving);
        Box::pin(async move {
            let response = exchange::serve(connection, request).await;
            Ok::<_, Infallible>(response.map(|body| LeavingBody::new(body, stall::of_stream())))
        })
    });
    let generation = connection.shared.generation();
    let Limits { h2_streams, .. } = generation.policy.limits;
    let outlets = Outlets::new(&generation.policy.limits, &generation.policy.timeouts);
    drop(generation);
    let mut served = pin!(
        http2::Builder::new(Streams(Arc::clone(&outlets)))
            .timer(TokioTimer::new())
            .max_concurrent_streams(h2_streams)
            .initial_stream_window_size(64 << 10)
            .initial_connection_window_size(1 << 20)
            .max_frame_size(16 << 10)
            .max_header_list_size(32 << 10)
            .max_pending_accept_reset_streams(20)
            .max_send_buf_size(64 << 10)
            .keep_alive_interval(H2_PING)
            .keep_alive_timeout(H2_PONG)
            .serve_connection(TokioIo::new(ClientIo::new(stream, &connection, Reader::Http2(Frames::new()))), service)
    );
    let (mut closing, mut told, mut cut, mut stuck) = (false, None, false, false);
    let mut revoked = pin!(connection.revoked());
    loop {
        let look = outlets.look();
        if look.stuck && !stuck {
            // What streams that are over have left behind cannot be taken back. The others end in peace.
            stuck = true;
            told.get_or_insert_with(telemetry::now);
            served.as_mut().graceful_shutdown();
        }
        let wait = match patience(&connection, told).filter(|_| !cut) {
            Some(wait) => wait,
            None if closing => break,
            None => {
                closing = true;
                served.as_mut().graceful_shutdown();
                FAREWELL
            }
        };
        tokio::select! {
            _ = &mut served => break,
            () = connection.asked_to_end(&mut drain), if told.is_none() => {
                told = Some(telemetry::now());
                served.as_mut().graceful_shutdown();
            }
            () = &mut revoked, if !cut => {
                connection.activity.revoke();
                cut = true;
            }
            () = tokio::time::sleep(wait.min(look.again)) => {}
        }
    }
    refused(&connection, false);
}

fn patience(connection: &Connection, draining: Option<Instant>) -> Option<Duration> {
    connection.activity.patience(&connection.shared.generation().policy.timeouts, draining)
}

/// Resolves when the proxy begins to drain.
pub(super) async fn drained(drain: &mut watch::Receiver<bool>) {
    if drain.wait_for(|draining| *draining).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Counts what was refused before it became a request.
fn refused(connection: &Connection, unparsed: bool) {
    let reason = match connection.activity.fault() {
        Some(reason) => reason,
        None if unparsed => "http_syntax",
        None => return,
    };
    connection.shared.telemetry.rejected(NO_WORKSPACE, reason);
    tracing::debug!(reason, "connection refused");
}

/// Ends a connection whose last answer is written: says so, then takes in what the client still sends for a moment.
async fn linger<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) {
    let draining = async {
        if stream.shutdown().await.is_err() {
            return;
        }
        let mut left = LINGER_BYTES;
        let mut sink = [0_u8; 1024];
        while let Ok(count) = stream.read(&mut sink).await {
            if count == 0 || left < count {
                return;
            }
            left -= count;
        }
    };
    let _ = tokio::time::timeout(LINGER, draining).await;
}

/// What reads along.
enum Reader {
    Http1(Guard),
    Http2(Frames),
    /// The connection is another protocol's.
    None,
}

/// A connection as hyper sees it: over HTTP/1.1 its bytes have passed the [`Guard`], over HTTP/2 they are not floods of
/// [`Frames`], and a client that takes nothing for long is gone.
struct ClientIo<S> {
    stream: S,
    reader: Reader,
    stall: Stall,
    activity: Arc<Activity>,
    /// What is still to be read in place of what was not taken.
    spoil: &'static [u8],
    /// Nothing more is read of the stream.
    ended: bool,
    /// What a head that has not ended takes of the memory for all.
    head: Charge,
}

impl<S> ClientIo<S> {
    fn new(stream: S, connection: &Connection, reader: Reader) -> Self {
        let stall = Stall::new(connection.shared.generation().policy.timeouts.client_stall);
        let head = Charge::new(&connection.shared.admission.memory);
        Self { stream, reader, stall, activity: Arc::clone(&connection.activity), spoil: &[], ended: false, head }
    }

    /// Counts what left of these pieces.
    fn note(&mut self, pieces: &[IoSlice<'_>], written: &Poll<io::Result<usize>>) {
        if let (Reader::Http2(frames), Poll::Ready(Ok(bytes))) = (&mut self.reader, written) {
            let mut left = *bytes;
            for piece in pieces {
                let sent = piece.get(..left.min(piece.len())).unwrap_or_default();
                frames.sent(sent);
                left -= sent.len();
            }
            if let Some(reason) = frames.ended() {
                self.activity.malformed(reason);
            }
            if frames.is_worn() {
                self.activity.wear();
            }
        }
    }

    /// Judges what a write gave.
    fn judge<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        let judged = self.stall.watch(context, written);
        if self.stall.is_over() {
            self.activity.stall();
        }
        judged
    }

    /// What stands in place of a faulty head's rest; behind it, the end.
    fn give_spoil(&mut self, buffer: &mut ReadBuf<'_>) {
        let (now, later) = self.spoil.split_at(self.spoil.len().min(buffer.remaining()));
        buffer.put_slice(now);
        self.spoil = later;
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ClientIo<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.ended {
            this.give_spoil(buffer);
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        match Pin::new(&mut this.stream).poll_read(context, buffer) {
            Poll::Ready(Ok(())) => {}
            other => return other,
        }
        if this.activity.is_upgraded() {
            this.reader = Reader::None;
        }
        let bytes = buffer.filled().get(before..).unwrap_or_default();
        let good = match &mut this.reader {
            Reader::None => return Poll::Ready(Ok(())),
            Reader::Http1(guard) => match guard.check(bytes, &this.activity) {
                // The guard has it and hyper has it. Without room for it there is no answer either.
                Checked::Good if this.head.set(2 * guard.unfinished()).is_err() => {
                    this.activity.malformed("overloaded");
                    0
                }
                Checked::Good => return Poll::Ready(Ok(())),
                Checked::BadHead(good) => {
                    this.spoil = SPOIL;
                    good
                }
                Checked::BadBody(good) => good,
            },
            Reader::Http2(reader) => {
                let checked = reader.check(bytes);
                if reader.is_worn() {
                    this.activity.wear();
                }
                let Some(good) = checked else { return Poll::Ready(Ok(())) };
                this.activity.malformed(reader.fault().unwrap_or("h2_flood"));
                this.spoil = &frames::SPOIL;
                good
            }
        };
        this.ended = true;
        buffer.set_filled(before + good);
        if good == 0 {
            this.give_spoil(buffer);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ClientIo<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.note(&[IoSlice::new(bytes)], &written);
        this.judge(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(context, pieces);
        this.note(pieces, &written);
        this.judge(context, written)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.stream).poll_flush(context);
        this.judge(context, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Unix(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Unix(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    // rustls queues an alert behind what it has begun to send; one write must take both.
    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(context, pieces),
            Self::Unix(stream) => Pin::new(stream).poll_write_vectored(context, pieces),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(context),
            Self::Unix(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
