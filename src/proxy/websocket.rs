//! WebSocket connections (RFC 6455): the handshake's rules, and the pump between client and upstream after it.
//!
//! Enters: both connections once they have changed their protocol. Leaves: every message, judged by a [`Half`] for each
//! direction, and at the end a close on both sides that says why. No extension is offered upstream: messages would come
//! compressed. A side that takes nothing holds the other back; nothing is queued. The exchange's ledger and permit live
//! as long as the session.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Version};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::body::websocket::Half;
use crate::body::{BodyErrorKind, BodySpec, Dialect, Direction, Scopes, estimate, llm};
use crate::policy::Timeouts;

use super::headers;
use super::ledger::Ledger;
use super::memory::Charge;
use super::reply::{ErrorKind, ProxyError, Side};

/// Bytes read at once.
const PIECE: usize = 16 << 10;
/// How long the other side may take to answer a close (RFC 6455 section 7.1.1 leaves it open).
const FAREWELL: Duration = Duration::from_secs(5);
/// How long nothing must have come before a session is ended so that the proxy can drain.
const DRAINING_IDLE: Duration = Duration::from_secs(5);

/// Whether a request is a whole handshake (RFC 6455 section 4.1).
pub(crate) fn is_handshake(head: &http::request::Parts) -> bool {
    let only = |name| {
        let mut values = head.headers.get_all(name).iter();
        values.next().filter(|_| values.next().is_none()).map(HeaderValue::as_bytes)
    };
    head.method == Method::GET
        && head.version == Version::HTTP_11
        && only(header::UPGRADE).is_some_and(|value| value.eq_ignore_ascii_case(b"websocket"))
        && head.headers.get_all(header::CONNECTION).iter().any(|value| headers::names(value, "upgrade"))
        && only(header::SEC_WEBSOCKET_VERSION) == Some(b"13")
        // 16 bytes in base64.
        && only(header::SEC_WEBSOCKET_KEY).is_some_and(|key| key.len() == 24 && key.ends_with(b"=="))
}

/// Makes the request's headers those of a handshake again, without extensions.
pub(crate) fn ask(headers: &mut HeaderMap) {
    headers.remove(header::SEC_WEBSOCKET_EXTENSIONS);
    agree(headers);
}

/// Whether an answer agrees to what was asked for. Its proof (`Sec-WebSocket-Accept`) is the client's to check: it made
/// the key.
pub(crate) fn is_agreed(headers: &HeaderMap) -> bool {
    let websocket = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"websocket");
    headers.get(header::UPGRADE).is_some_and(websocket)
        && headers.get_all(header::CONNECTION).iter().any(|value| headers::names(value, "upgrade"))
        && headers.contains_key(header::SEC_WEBSOCKET_ACCEPT)
        && !headers.contains_key(header::SEC_WEBSOCKET_EXTENSIONS)
}

/// Names the protocol that follows.
pub(crate) fn agree(headers: &mut HeaderMap) {
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
}

/// A connection to an upstream that has agreed, and what holds for it.
pub(crate) struct Session {
    upstream: Upgraded,
    halves: [Half; 2],
    scopes: [Arc<Scopes>; 2],
    dialect: Dialect,
    ledger: Arc<Ledger>,
    /// How long neither side may say anything.
    idle: Duration,
    /// How long a side may take nothing.
    stall: Duration,
}

/// How a direction ended.
enum End {
    /// By a close that went through.
    Closed,
    /// Because a side went away.
    Gone(ProxyError),
    /// By what may not pass.
    Fault(ProxyError),
}

/// One direction.
struct Way<R, W> {
    from: R,
    to: W,
    half: Half,
    /// A frame has been written in part.
    torn: bool,
    /// What waits takes so much of the memory for all.
    charge: Charge,
}

/// When something last came, in milliseconds of the session.
struct Pulse {
    began: Instant,
    last: AtomicU64,
    tail: Mutex<Tail>,
}

/// What was asked and answered on a connection, and how much of it came before the provider last said what it cost.
#[derive(Default)]
struct Tail {
    asked: u64,
    answers: u64,
    said: u64,
    paid: (u64, u64),
}

/// So many messages may follow the provider's word on cost that are no answer: limits, a part's end.
const AFTERWARDS: u64 = 8;

impl Tail {
    /// What is asked behind the last word on cost counts a token for each four bytes, and one for each message that came
    /// since, but for a few where nothing was asked: the provider may have worked on it.
    fn unsaid(&self) -> u64 {
        let (asked, answers) = (self.asked.saturating_sub(self.paid.0), self.answers.saturating_sub(self.paid.1));
        estimate(asked).saturating_add(if asked == 0 { answers.saturating_sub(AFTERWARDS) } else { answers })
    }
}

impl Pulse {
    fn beat(&self) {
        self.last.store(u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn since(&self) -> Duration {
        self.began.elapsed().saturating_sub(Duration::from_millis(self.last.load(Ordering::Relaxed)))
    }

    fn note(&self, direction: Direction, half: &Half) {
        let mut tail = self.tail();
        let (messages, bytes) = half.spoken();
        match direction {
            Direction::Request => tail.asked = bytes,
            Direction::Response => {
                tail.answers = messages;
                if half.said() > tail.said {
                    tail.said = half.said();
                    tail.paid = (tail.asked, messages);
                }
            }
        }
    }

    fn tail(&self) -> MutexGuard<'_, Tail> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    /// A session whose directions, requests first, are read by these specifications, or not at all.
    pub(crate) fn new(
        upstream: Upgraded,
        [request, response]: [BodySpec; 2],
        scanned: [bool; 2],
        ledger: Arc<Ledger>,
        timeouts: &Timeouts,
    ) -> Self {
        let dialect = request.dialect;
        let scopes = [Arc::clone(&request.scopes), Arc::clone(&response.scopes)];
        let half = |spec, scanned| {
            let half = Half::new(spec, Box::new(mask_key));
            if scanned { half } else { half.unscanned("mode_off") }
        };
        let answers = half(response, scanned[1]);
        let answers = if ledger.is_metered() { answers.counting() } else { answers };
        let halves = [half(request, scanned[0]), answers];
        Self { upstream, halves, scopes, dialect, ledger, idle: timeouts.total, stall: timeouts.upstream_idle }
    }

    /// Carries messages until one side ends, or `revoked` resolves. `early` is what the client sent right behind its
    /// handshake.
    pub(crate) async fn run<S>(
        self,
        client: S,
        early: &[u8],
        mut drain: watch::Receiver<bool>,
        mut revoked: Pin<&mut impl Future<Output = ()>>,
    ) where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let Self { upstream, halves: [request, response], scopes, dialect, ledger, idle, stall } = self;
        let (from_client, to_client) = split(client);
        let (from_upstream, to_upstream) = split(TokioIo::new(upstream));
        let pulse = Pulse { began: Instant::now(), last: AtomicU64::new(0), tail: Mutex::default() };
        let charge = || Charge::new(&ledger.memory);
        let mut up =
            Way { from: early.chain(from_client), to: to_upstream, half: request, torn: false, charge: charge() };
        let mut down = Way { from: from_upstream, to: to_client, half: response, torn: false, charge: charge() };
        let fault = {
            let mut upward = std::pin::pin!(up.pump(Direction::Request, &scopes[0], stall, &pulse));
            let mut downward = std::pin::pin!(down.pump(Direction::Response, &scopes[1], stall, &pulse));
            loop {
                let draining = *drain.borrow_and_update();
                let patience = if draining { DRAINING_IDLE.min(idle) } else { idle };
                let Some(left) = patience.checked_sub(pulse.since()).filter(|left| !left.is_zero()) else {
                    break (!draining).then(|| ProxyError::upstream(ErrorKind::UpstreamTimeout));
                };
                let (end, other_end) = tokio::select! {
                    end = &mut upward => (end, None),
                    end = &mut downward => (end, Some(())),
                    () = &mut revoked => break Some(ProxyError::client(ErrorKind::Identity)),
                    _ = drain.changed(), if !draining => continue,
                    () = tokio::time::sleep(left) => continue,
                };
                break match end {
                    End::Fault(error) | End::Gone(error) => Some(error),
                    End::Closed => {
                        let answered = match other_end {
                            None => timeout(FAREWELL, &mut downward).await,
                            Some(()) => timeout(FAREWELL, &mut upward).await,
                        };
                        match answered {
                            // The client has closed in the middle of an answer.
                            Ok(End::Fault(error)) if other_end.is_none() && breaks_off(&error) => None,
                            Ok(End::Fault(error)) => Some(error),
                            Ok(End::Closed | End::Gone(_)) | Err(_) => None,
                        }
                    }
                };
            }
        };
        let (code, reason) = fault.as_ref().map_or((1001, "going away"), |error| (close_code(error), error.code()));
        let message = fault.as_ref().and_then(|error| llm::error_message(dialect, error.code(), error.message()));
        if let Some(error) = &fault {
            ledger.failed(error);
        }
        ledger.inspected(Direction::Request, up.half.take_inspection());
        let mut answered = down.half.take_inspection();
        answered.usage.unsaid = pulse.tail().unsaid();
        ledger.inspected(Direction::Response, answered);
        // The session ends when its record is written.
        if let Err(error) = ledger.settle().await {
            ledger.failed(&error);
        }
        down.close(message.as_deref(), code, reason).await;
        up.close(None, 1001, "going away").await;
    }
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Way<R, W> {
    async fn pump(&mut self, direction: Direction, scopes: &Scopes, stall: Duration, pulse: &Pulse) -> End {
        let mut piece = vec![0; PIECE];
        let mut out = Vec::new();
        loop {
            let count = match self.from.read(&mut piece).await {
                Ok(0) | Err(_) => return End::Gone(gone(direction)),
                Ok(count) => count,
            };
            pulse.beat();
            let judged = self.half.push(piece.get(..count).unwrap_or_default(), &mut out);
            pulse.note(direction, &self.half);
            let weighed = self.charge.set(self.half.weight());
            if !out.is_empty() {
                self.torn = true;
                let writing = async {
                    self.to.write_all(&out).await?;
                    self.to.flush().await
                };
                match timeout(stall, writing).await {
                    Ok(Ok(())) => self.torn = false,
                    Ok(Err(_)) | Err(_) => return End::Gone(gone(direction.other())),
                }
                out.clear();
                pulse.beat();
            }
            if let Err(fault) = judged {
                return End::Fault(refusal(&fault.kind, direction, scopes));
            }
            if self.half.is_closed() {
                return End::Closed;
            }
            if let Err(no_room) = weighed {
                return End::Fault(no_room.into());
            }
        }
    }

    /// Says farewell, where no frame has been left half written, and ends the connection's output.
    async fn close(&mut self, message: Option<&[u8]>, code: u16, reason: &str) {
        let mut last = Vec::new();
        if !self.torn {
            self.half.close(message, code, reason, &mut last);
        }
        let farewell = async {
            self.to.write_all(&last).await?;
            self.to.shutdown().await
        };
        let _ = timeout(FAREWELL, farewell).await;
    }
}

/// Four random bytes. Without the system's random source frames are masked with zeros, as no mask at all.
fn mask_key() -> [u8; 4] {
    let mut key = [0; 4];
    let _ = getrandom::fill(&mut key);
    key
}

/// The side that sends in a direction went away.
fn gone(direction: Direction) -> ProxyError {
    match direction {
        Direction::Request => ProxyError::client(ErrorKind::Gone),
        Direction::Response => ProxyError::upstream(ErrorKind::Gone),
    }
}

fn refusal(kind: &BodyErrorKind, direction: Direction, scopes: &Scopes) -> ProxyError {
    if let BodyErrorKind::Blocked { rule } = kind {
        return ProxyError::blocked(scopes.rules.rules().get(*rule).map(|rule| rule.id.clone()));
    }
    let kind = ErrorKind::Body(kind.clone());
    match direction {
        Direction::Request => ProxyError::client(kind),
        Direction::Response => ProxyError::upstream(kind),
    }
}

/// Whether the upstream has closed within a text.
fn breaks_off(error: &ProxyError) -> bool {
    error.side == Side::Upstream && matches!(error.kind, ErrorKind::Body(BodyErrorKind::Truncated))
}

/// The code of a close (RFC 6455 section 7.4.1).
fn close_code(error: &ProxyError) -> u16 {
    match &error.kind {
        ErrorKind::Identity
        | ErrorKind::Blocked
        | ErrorKind::Body(BodyErrorKind::Blocked { .. } | BodyErrorKind::Tool) => 1008,
        _ if breaks_off(error) => 1011,
        ErrorKind::Body(kind) => match kind {
            BodyErrorKind::TooLarge | BodyErrorKind::TooManyTexts | BodyErrorKind::Expansion => 1009,
            BodyErrorKind::MediaType => 1003,
            BodyErrorKind::WebSocket | BodyErrorKind::Truncated => 1002,
            _ => 1007,
        },
        ErrorKind::UpstreamTimeout => 1001,
        // Try again later, as the registry has it.
        ErrorKind::Memory => 1013,
        _ => 1011,
    }
}
