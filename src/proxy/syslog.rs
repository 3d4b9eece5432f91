//! One client connection that speaks syslog: its upstream first, then the handshake, then messages until one side ends.
//!
//! Enters: an accepted socket. Leaves: its messages, each judged under the rules in force when it ends, on a connection to
//! the upstream that is this client's alone. A client is only answered once the upstream is there, so that its sender
//! keeps what it has while there is none. Nothing is queued: what the upstream does not take is not read. Whichever side
//! ends, the other is ended; a message that did not come whole never leaves. What the upstream says is thrown away: syslog
//! has no answers. With an audit log, what one read has brought (one TLS record, or 16 KiB) leaves once its record is written.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf, split};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tokio_rustls::{LazyConfigAcceptor, TlsConnector};

use crate::audit::{Entry, Kind};
use crate::body::syslog::{Messages, Terms};
use crate::body::{BodyErrorKind, Direction, Inspection, Scopes, Transform};
use crate::policy::{Listener, OnBlock, OnFault, Policy, Syslog, Timeouts, Upstream, Workspace};
use crate::telemetry::{self, NO_WORKSPACE};

use super::audited::{Facts, Party};
use super::connection::Socket;
use super::inspect::{Fault, caught};
use super::ledger::{self, request_id};
use super::letters::Keeper;
use super::memory::Charge;
use super::peer::{Entrance, Peer};
use super::reply::{ErrorKind, ProxyError};
use super::shown::Shown;
use super::tls::{self, TlsFault};
use super::{Generation, Shared, upstream};

/// Bytes read at once.
const PIECE: usize = 16 << 10;
/// How long messages wait for their record.
const ACK_WAIT: Duration = Duration::from_secs(30);
/// How long the other side may take to take a farewell.
const FAREWELL: Duration = Duration::from_secs(5);
/// The same for a client that is trusted no more.
const CUT: Duration = Duration::from_millis(100);
/// How long the rest of a message may take while the proxy drains.
const DRAINING_IDLE: Duration = Duration::from_secs(5);

/// Where the messages of a listener go.
#[derive(Debug)]
pub(crate) struct Sink {
    upstream: Upstream,
    tls: Option<Arc<ClientConfig>>,
}

/// A connection to it.
enum Wire {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Sink {
    /// # Errors
    /// A file that TLS needs cannot be used.
    pub(crate) fn prepare(syslog: &Syslog) -> Result<Self, TlsFault> {
        let tls = match &syslog.upstream {
            Upstream { tls: false, .. } => None,
            upstream => Some(upstream::client_config(upstream, &[])?.1),
        };
        Ok(Self { upstream: syslog.upstream.clone(), tls })
    }

    async fn connect(&self, within: Duration) -> Result<Wire, ProxyError> {
        let failed = |cause| ProxyError::upstream(ErrorKind::Connect(cause));
        let from = |error: std::io::Error| failed(upstream::cause(&error));
        let connecting = async {
            let host = self.upstream.host.as_str();
            let dialing = upstream::dial(host, self.upstream.port, self.upstream.proxy.as_ref());
            let stream = dialing.await.map_err(from)?;
            let Some(config) = &self.tls else { return Ok(Wire::Plain(stream)) };
            let name = ServerName::try_from(host.to_owned()).map_err(|_| failed("tls_name"))?;
            let stream = TlsConnector::from(Arc::clone(config)).connect(name, stream).await.map_err(from)?;
            Ok(Wire::Tls(Box::new(stream)))
        };
        timeout(within, connecting).await.unwrap_or_else(|_| Err(failed("timeout")))
    }
}

/// Serves a socket to its end.
pub(crate) async fn serve(
    shared: Arc<Shared>,
    entrance: Entrance,
    config: Option<Arc<ServerConfig>>,
    sink: &Sink,
    socket: Socket,
) {
    let generation = shared.generation();
    let timeouts = generation.policy.timeouts.clone();
    let Some(listener) = generation.policy.listeners.get(entrance.index).cloned() else { return };
    drop(generation);
    let address = socket.peer();
    // A sender keeps what it has while nothing can be recorded.
    if shared.audit.as_ref().is_some_and(|audit| audit.health().is_failing()) {
        return refused(&shared, NO_WORKSPACE, &listener, &ProxyError::internal(ErrorKind::Audit));
    }
    match config {
        None => match sink.connect(timeouts.connect).await {
            Ok(wire) => Session::run(shared, Peer::new(entrance, None), address, listener, socket, wire).await,
            Err(error) => refused(&shared, NO_WORKSPACE, &listener, &error),
        },
        Some(config) => {
            // Boxed apart: a handshake needs far more room than the connection after it.
            let Some((client, wire)) = Box::pin(handshake(&shared, &listener, config, socket, sink, &timeouts)).await
            else {
                return;
            };
            let chain = client.get_ref().1.peer_certificates();
            let limits = shared.generation().policy.limits.clone();
            let Some(_place) = shared.admission.certificate(chain, &limits) else {
                return shared.telemetry.rejected(NO_WORKSPACE, "conn_limit");
            };
            let peer = Peer::new(entrance, chain);
            Session::run(shared, peer, address, listener, *client, wire).await;
        }
    }
}

type Client = Box<tokio_rustls::server::TlsStream<Socket>>;

/// Hears the client out, connects to the upstream, and only then answers.
async fn handshake(
    shared: &Shared,
    listener: &Listener,
    config: Arc<ServerConfig>,
    socket: Socket,
    sink: &Sink,
    timeouts: &Timeouts,
) -> Option<(Client, Wire)> {
    let failed = |reason: &'static str| {
        shared.telemetry.add("blackbar_tls_handshake_failures_total", &[reason], 1);
        shared.telemetry.rejected(NO_WORKSPACE, reason);
        tracing::debug!(reason, "handshake failed");
    };
    let hello = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), socket);
    let begun = match timeout(timeouts.handshake, hello).await {
        Ok(Ok(begun)) => begun,
        Ok(Err(error)) => {
            failed(tls::handshake_reason(&error));
            return None;
        }
        Err(_) => {
            failed("tls_timeout");
            return None;
        }
    };
    let wire = match sink.connect(timeouts.connect).await {
        Ok(wire) => wire,
        Err(error) => {
            refused(shared, NO_WORKSPACE, listener, &error);
            return None;
        }
    };
    match timeout(timeouts.handshake, begun.into_stream(config)).await {
        Ok(Ok(stream)) => return Some((Box::new(stream), wire)),
        Ok(Err(error)) => failed(tls::handshake_reason(&error)),
        Err(_) => failed("tls_timeout"),
    }
    None
}

/// Carries messages of the proxy's own from one end within the process to another, by a listener's way behind its
/// handshakes; gives why they ended early, if they did.
pub(super) async fn probe(
    shared: Arc<Shared>,
    peer: Peer,
    listener: Listener,
    client: DuplexStream,
    upstream: DuplexStream,
) -> Option<ProxyError> {
    let generation = shared.generation();
    let party = peer.party(&shared, String::new());
    match Session::open(shared, peer, party, listener, generation) {
        Ok(session) => session.serve(client, upstream).await,
        Err(stranger) => Some(stranger.0),
    }
}

/// Counts and logs why a connection is not served, or no longer.
fn refused(shared: &Shared, workspace: &str, listener: &Listener, error: &ProxyError) {
    shared.telemetry.rejected(workspace, error.code());
    let route = listener.syslog.as_ref().map_or("", |syslog| syslog.name.as_str());
    let rule = error.rule.as_ref().map_or("", |rule| rule.as_str());
    tracing::warn!(
        workspace,
        route,
        side = error.side.name(),
        code = error.code(),
        cause = error.cause().unwrap_or(""),
        rule,
        "refused"
    );
}

/// A connection whose client is known.
struct Session {
    shared: Arc<Shared>,
    peer: Arc<Peer>,
    listener: Listener,
    syslog: Arc<Syslog>,
    generation: Arc<Generation>,
    workspace: Arc<Workspace>,
    scopes: Arc<Scopes>,
    /// Who keeps the messages that are dropped.
    keeper: Option<Keeper>,
    messages: Messages,
    id: String,
    /// Who it is, as the audit tells it.
    party: Party,
    opened: Instant,
    /// What was seen since the last record.
    seen: Inspection,
    /// Of that, bytes that had come before the last record and were not judged then.
    carried: u64,
}

/// How a session ends.
enum End {
    /// The client has said all, or the proxy wants no more.
    Done,
    /// By what may not pass, or because a side went away.
    Fault(ProxyError),
}

impl Session {
    async fn run<S>(shared: Arc<Shared>, peer: Peer, address: String, listener: Listener, client: S, wire: Wire)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let generation = shared.generation();
        let party = peer.party(&shared, address);
        match Self::open(shared.clone(), peer, party, listener.clone(), generation) {
            Err(stranger) => {
                let (error, party) = *stranger;
                refused(&shared, NO_WORKSPACE, &listener, &error);
                if let Some(audit) = &shared.audit {
                    let generation = shared.generation();
                    let id = request_id();
                    let stranger = Stranger { id: &id, party: &party, policy: &generation.policy, error: &error };
                    audit.note(told(&stranger.facts(), &listener));
                }
            }
            Ok(session) => match wire {
                Wire::Plain(upstream) => drop(Box::pin(session.serve(client, upstream)).await),
                Wire::Tls(upstream) => drop(Box::pin(session.serve(client, *upstream)).await),
            },
        }
    }

    fn open(
        shared: Arc<Shared>,
        peer: Peer,
        party: Party,
        listener: Listener,
        generation: Arc<Generation>,
    ) -> Result<Self, Box<(ProxyError, Party)>> {
        let Some(syslog) = listener.syslog.clone() else {
            return Err(Box::new((ProxyError::client(ErrorKind::Identity), party)));
        };
        let Admitted { workspace, scopes, keeper } = match admitted(&shared, &generation, &peer, &syslog) {
            Ok(admitted) => admitted,
            Err(error) => return Err(Box::new((error, party))),
        };
        let terms = Terms {
            framing: syslog.framing,
            per_record: syslog.on_block == OnBlock::Record,
            lenient: workspace.on_fault == OnFault::Pass,
            keep_dropped: keeper.is_some(),
        };
        let messages = Messages::new(&scopes, &generation.policy.body_limits, terms);
        let id = request_id();
        let peer = Arc::new(peer);
        let (opened, seen, carried) = (telemetry::now(), Inspection::default(), 0);
        Ok(Self {
            shared,
            peer,
            listener,
            syslog,
            generation,
            workspace,
            scopes,
            keeper,
            messages,
            id,
            party,
            opened,
            seen,
            carried,
        })
    }

    /// Serves to the end; gives why it came early, if it did.
    async fn serve<S, U>(mut self, mut client: S, upstream: U) -> Option<ProxyError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
        U: AsyncRead + AsyncWrite + Unpin,
    {
        let (mut from_upstream, mut to_upstream) = split(upstream);
        let mut end = self.pump(&mut client, &mut from_upstream, &mut to_upstream).await;
        if !self.messages.is_between() && matches!(end, End::Done) {
            // What did not come whole stays here.
            end = End::Fault(ProxyError::client(ErrorKind::Body(BodyErrorKind::Truncated)));
        }
        let fault = match end {
            End::Done => None,
            End::Fault(error) => Some(error),
        };
        let upstream_ended = fault.as_ref().is_some_and(|error| error.side == super::reply::Side::Upstream);
        if let Some(error) = &fault {
            refused(&self.shared, &self.workspace.name, &self.listener, error);
            // Where the log is what failed there is nothing to be told.
            let _ = self.record(Some(error)).await;
        }
        // Who is trusted no more must not take what it still writes for sent.
        if fault.as_ref().is_some_and(|error| matches!(error.kind, ErrorKind::Identity | ErrorKind::Frozen)) {
            let _ = timeout(CUT, client.shutdown()).await;
            drop(client);
            farewell(&mut from_upstream, &mut to_upstream).await;
            return fault;
        }
        if !upstream_ended {
            farewell(&mut from_upstream, &mut to_upstream).await;
            let _ = timeout(FAREWELL, client.shutdown()).await;
        }
        fault
    }

    /// Carries messages until there are no more.
    async fn pump<S, U>(
        &mut self,
        client: &mut S,
        from_upstream: &mut ReadHalf<U>,
        to_upstream: &mut WriteHalf<U>,
    ) -> End
    where
        S: AsyncRead + Unpin,
        U: AsyncRead + AsyncWrite,
    {
        let mut drain = self.shared.draining();
        let (peer, shared) = (Arc::clone(&self.peer), Arc::clone(&self.shared));
        // Nobody shows a key here.
        let keyless = Shown::default();
        let mut revoked = pin!(peer.revoked(&shared, &keyless));
        let (mut piece, mut out) = (vec![0; PIECE], Vec::new());
        let mut charge = Charge::new(&shared.admission.memory);
        let mut ending = *drain.borrow_and_update();
        loop {
            let between = self.messages.is_between();
            if ending && between {
                return End::Done;
            }
            let timeouts = &self.generation.policy.timeouts;
            let patience = match (ending, between) {
                (true, _) => DRAINING_IDLE.min(timeouts.body_idle),
                (false, true) => timeouts.syslog_idle,
                (false, false) => timeouts.body_idle,
            };
            let room = if ending { self.messages.wanted().min(PIECE) } else { PIECE };
            let room = piece.get_mut(..room).unwrap_or_default();
            let read = tokio::select! {
                () = left(from_upstream) => return End::Fault(ProxyError::upstream(ErrorKind::Gone)),
                () = &mut revoked => return End::Fault(ProxyError::client(ErrorKind::Identity)),
                read = timeout(patience, client.read(room)) => read,
                _ = drain.changed(), if !ending => {
                    ending = true;
                    continue;
                }
            };
            let stall = timeouts.upstream_idle;
            match self.renew() {
                Ok(same) => ending |= !same,
                Err(error) => return End::Fault(error),
            }
            let judged = match read {
                Ok(Ok(0)) => self.judge(None, &mut out).await.map(|()| false),
                Ok(Ok(count)) => self.judge(piece.get(..count), &mut out).await.map(|()| true),
                Ok(Err(_)) if between => return End::Done,
                Ok(Err(_)) => return End::Fault(ProxyError::client(ErrorKind::Gone)),
                Err(_) if between => return End::Done,
                Err(_) => return End::Fault(ProxyError::client(ErrorKind::BodyTimeout)),
            };
            // What leaves has its record before.
            if (judged.is_ok() && self.has_judged() || !out.is_empty())
                && let Err(error) = self.record(None).await
            {
                return End::Fault(error);
            }
            if !out.is_empty() {
                let writing = async {
                    to_upstream.write_all(&out).await?;
                    to_upstream.flush().await
                };
                match timeout(stall, writing).await {
                    Ok(Ok(())) => out.clear(),
                    Ok(Err(_)) => return End::Fault(ProxyError::upstream(ErrorKind::Gone)),
                    Err(_) => return End::Fault(ProxyError::upstream(ErrorKind::UpstreamTimeout)),
                }
            }
            match judged {
                Ok(true) => {}
                Ok(false) => return End::Done,
                Err(error) => return End::Fault(error),
            }
            let pending = usize::try_from(self.messages.pending()).unwrap_or(usize::MAX);
            if let Err(no_room) = charge.set(pending) {
                return End::Fault(no_room.into());
            }
        }
    }

    /// Judges what has come, or with nothing the end, counts it, and keeps what is to be kept of what was dropped.
    async fn judge(&mut self, piece: Option<&[u8]>, out: &mut Vec<u8>) -> Result<(), ProxyError> {
        let mut seen = Inspection::default();
        let messages = &mut self.messages;
        let judged = caught(|| match piece {
            Some(piece) => messages.push(piece, out, &mut seen),
            None => messages.finish(out, &mut seen),
        });
        let letters = std::mem::take(&mut seen.records.letters);
        let telemetry = &self.shared.telemetry;
        let route = (self.workspace.name.as_str(), self.syslog.name.as_str());
        telemetry.add("blackbar_syslog_messages_total", &[route.0, route.1], seen.records.kept);
        ledger::count(telemetry, &self.id, Direction::Request, &seen, self.workspace.rules.rules(), route);
        self.seen.add(seen);
        if let Some(keeper) = self.keeper.clone().filter(|_| !letters.is_empty()) {
            // One that is not kept ends the connection; what stood beside it has been judged and goes on.
            let kept = tokio::task::spawn_blocking(move || keeper.keep(&letters)).await;
            kept.unwrap_or_else(|_| Err(ProxyError::internal(ErrorKind::Fault)))?;
        }
        judged.map_err(|fault| match fault {
            Fault::Panic => ProxyError::internal(ErrorKind::Fault),
            Fault::Body(error) => {
                let rule = match error.kind {
                    BodyErrorKind::Blocked { rule } => self.scopes.rules.rules().get(rule),
                    _ => None,
                };
                let rule = rule.map(|rule| rule.id.clone());
                ProxyError { rule, ..ProxyError::client(ErrorKind::Body(error.kind)) }
            }
        })
    }

    /// Whether a message has been judged since the last record.
    fn has_judged(&self) -> bool {
        self.seen.records.kept > 0 || self.seen.records.dropped() > 0
    }

    /// Writes what was seen since the last record, and what ended the connection if it has ended. What is still to be
    /// judged stands in the next one, or was withheld.
    async fn record(&mut self, ended: Option<&ProxyError>) -> Result<(), ProxyError> {
        let Some(audit) = &self.shared.audit else {
            self.seen = Inspection::default();
            return Ok(());
        };
        let unavailable = || ProxyError::internal(ErrorKind::Audit);
        let slot = audit.slot().await.map_err(|_| unavailable())?;
        let (mut seen, pending) = (std::mem::take(&mut self.seen), self.messages.pending());
        let withheld = if ended.is_some() { pending } else { 0 };
        seen.length = (self.carried + seen.bytes_in + withheld).saturating_sub(pending);
        seen.balance(withheld);
        self.carried = pending;
        let facts = Facts {
            request_id: &self.id,
            party: &self.party,
            key: None,
            cause: ended.and_then(ProxyError::cause),
            item: None,
            consulted: &[],
            compared: None,
            elsewhere: None,
            instructed: 0,
            model_tokens: 0,
            policy: &self.generation.policy,
            workspace: Some(&self.workspace),
            route: None,
            method: None,
            status: None,
            fault: ended.map(|error| (error.code(), error.side.name(), error.rule.as_ref())),
            request: Some(&seen),
            response: None,
            pending: false,
            looked_at: false,
            unsent: [false; 2],
            took: telemetry::now().saturating_duration_since(self.opened),
        };
        let entry = told(&facts, &self.listener).number("messages", seen.records.kept);
        match timeout(ACK_WAIT, slot.record(entry)).await {
            Ok(Ok(())) => Ok(()),
            Ok(_) | Err(_) => Err(unavailable()),
        }
    }

    /// Where a reload has brought other rules, they hold from here on. Gives whether the connection still leads where the
    /// configuration says.
    fn renew(&mut self) -> Result<bool, ProxyError> {
        let current = self.shared.generation();
        if Arc::ptr_eq(&current, &self.generation) {
            return Ok(true);
        }
        let listener = self.peer.listener(&current.policy);
        if listener.is_none_or(|listener| listener.tls != self.listener.tls || listener.syslog != self.listener.syslog)
        {
            return Ok(false);
        }
        let Admitted { workspace, scopes, keeper } = admitted(&self.shared, &current, &self.peer, &self.syslog)?;
        self.messages.change(&scopes, &current.policy.body_limits, keeper.is_some());
        (self.workspace, self.scopes, self.keeper, self.generation) = (workspace, scopes, keeper, current);
        Ok(true)
    }
}

/// A client that may not use the listener.
struct Stranger<'s> {
    id: &'s str,
    party: &'s Party,
    policy: &'s Policy,
    error: &'s ProxyError,
}

impl<'s> Stranger<'s> {
    fn facts(&self) -> Facts<'s> {
        Facts {
            request_id: self.id,
            party: self.party,
            key: None,
            cause: self.error.cause(),
            item: None,
            consulted: &[],
            compared: None,
            elsewhere: None,
            instructed: 0,
            model_tokens: 0,
            policy: self.policy,
            workspace: None,
            route: None,
            method: None,
            status: None,
            fault: Some((self.error.code(), self.error.side.name(), None)),
            request: None,
            response: None,
            pending: false,
            looked_at: false,
            unsent: [false; 2],
            took: Duration::ZERO,
        }
    }
}

/// A record of a connection of this listener.
fn told(facts: &Facts<'_>, listener: &Listener) -> Entry {
    let entry = facts.entry(Kind::Syslog);
    match &listener.syslog {
        Some(syslog) => entry.text("route", &syslog.name).text("upstream", &syslog.upstream.host),
        None => entry,
    }
}

/// A client that may use the listener: its workspace, what holds for it, and who keeps what it drops.
struct Admitted {
    workspace: Arc<Workspace>,
    scopes: Arc<Scopes>,
    keeper: Option<Keeper>,
}

/// Whether a client may use the listener.
fn admitted(shared: &Shared, generation: &Generation, peer: &Peer, syslog: &Syslog) -> Result<Admitted, ProxyError> {
    let index = peer.workspace(generation)?;
    let workspace = generation.policy.workspaces.get(index).filter(|_| syslog.workspaces.contains(&index));
    let scopes = workspace.and_then(|workspace| workspace.scopes(syslog.scope, Direction::Request));
    let (Some(workspace), Some(scopes)) = (workspace, scopes) else {
        return Err(ProxyError::client(ErrorKind::Identity));
    };
    if shared.frozen.has(&workspace.name) {
        return Err(ProxyError { side: super::reply::Side::Policy, kind: ErrorKind::Frozen, rule: None });
    }
    let letters = generation.letters.get(&index);
    let keeper = letters.map(|letters| Keeper::new(letters, &shared.telemetry, workspace, &syslog.name));
    Ok(Admitted { workspace: Arc::clone(workspace), scopes: Arc::clone(scopes), keeper })
}

/// Resolves when the upstream has ended its side; what it says is thrown away.
async fn left<U: AsyncRead>(from_upstream: &mut ReadHalf<U>) {
    let mut sink = [0_u8; 512];
    while matches!(from_upstream.read(&mut sink).await, Ok(count) if count > 0) {}
}

/// Ends the connection to the upstream so that it gets all that was sent.
async fn farewell<U: AsyncRead + AsyncWrite>(from_upstream: &mut ReadHalf<U>, to_upstream: &mut WriteHalf<U>) {
    let ending = async {
        if to_upstream.shutdown().await.is_ok() {
            left(from_upstream).await;
        }
    };
    let _ = timeout(FAREWELL, ending).await;
}
