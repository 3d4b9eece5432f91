//! A body on its way through: an [`http_body::Body`] over a [`BodyInspector`].
//!
//! Enters: the frames that hyper received. Leaves: the frames that may be sent. It is pulled: no task and no channel, so
//! what the receiver does not take is not read (backpressure end to end), and a poll does a bounded piece of work. Held
//! text leaves only when it is decided: a pause flushes the coding, never the hold-back; a fault, a timeout or a lost
//! peer ends the body with an error, which hyper shows as a missing last chunk or a reset stream. The [`Inspection`] is
//! handed over once, at the end or when the body is dropped.

use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::task::JoinHandle;
use tokio::time::Sleep;
use zeroize::Zeroizing;

use crate::body::batch::Letter;
use crate::body::{BodyError, BodyErrorKind, BodyInspector, Dialect, Direction, Inspection, Scopes, llm, mcp};
use crate::policy::{Injected, Route};
use crate::telemetry;

use super::headers::{self, TextScan};
use super::ledger::{Flow, Ledger};
use super::letters::Keeper;
use super::memory::{Charge, FREE, MemoryBudget, NoRoom};
use super::pace::Pace;
use super::reply::{self, ErrorKind, ProxyError, Side};
use super::together::Together;

/// The most bytes that one step gives out, or a little more.
const STEP: usize = 64 << 10;

/// How long an error event may take to leave: breaking off throws away what hyper has not written yet.
const PARTING: Duration = Duration::from_millis(50);

fn deadline(after: Duration) -> tokio::time::Instant {
    tokio::time::Instant::from_std(telemetry::now()) + after
}

/// How a body is read.
pub(crate) struct Terms {
    pub(crate) direction: Direction,
    pub(crate) scopes: Arc<Scopes>,
    /// Between two reads.
    pub(crate) idle: Duration,
    /// Bytes per second that must come over as much waiting.
    pub(crate) rate: Option<u64>,
    /// A trailer section.
    pub(crate) trailer_bytes: usize,
    /// Fields that the route gives its requests: none of these names may come as a trailer.
    pub(crate) route: Arc<Route>,
    /// The length that the sender declared, where the bytes pass as they are.
    pub(crate) declared: Option<u64>,
    /// The most bytes that may come.
    pub(crate) most: Option<u64>,
    /// Whether what comes is kept as it came: the body may have to be held.
    pub(crate) copies: bool,
    /// Who keeps the records that are dropped.
    pub(crate) keeper: Option<Keeper>,
}

/// How long, and how much, of a request that nobody wants any more is still taken in.
const LEFTOVER: Duration = Duration::from_secs(5);
const LEFTOVER_BYTES: usize = 16 << 20;

/// A body as hyper received it. What is left of one that lingers is taken in for a moment and thrown away: over HTTP/2
/// a stream that is reset behind a whole answer loses some clients the answer (over HTTP/1.1 the connection lingers).
pub(crate) struct Received {
    body: Option<Incoming>,
    /// What was received before, where it was held meanwhile.
    held: Option<Bytes>,
    lingers: bool,
}

impl Received {
    pub(crate) fn new(body: Incoming, lingers: bool) -> Self {
        Self { body: Some(body), held: None, lingers }
    }

    /// A body that came whole at another time.
    pub(crate) fn held(body: Bytes) -> Self {
        Self { body: None, held: Some(body).filter(|body| !body.is_empty()), lingers: false }
    }

    pub(crate) fn is_end_stream(&self) -> bool {
        self.held.is_none() && self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    pub(crate) fn declared(&self) -> Option<u64> {
        if let Some(held) = &self.held {
            return Some(held.len() as u64);
        }
        self.body.as_ref().and_then(|body| body.size_hint().exact())
    }

    fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if let Some(held) = self.held.take() {
            return Poll::Ready(Some(Ok(Frame::data(held))));
        }
        self.body.as_mut().map_or(Poll::Ready(None), |body| Pin::new(body).poll_frame(context))
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        let lingers = self.lingers;
        let Some(mut body) = self.body.take().filter(|body| lingers && !body.is_end_stream()) else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            let taking = async {
                let mut left = LEFTOVER_BYTES;
                while let Some(Ok(frame)) =
                    std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await
                {
                    let Some(less) = left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) else { return };
                    left = less;
                }
            };
            let _ = tokio::time::timeout(LEFTOVER, taking).await;
        });
    }
}

/// Writes a failure of this code and message as a protocol's streams have it.
type LastWords = fn(Dialect, &str, &str) -> Vec<u8>;

/// A body that is inspected while it streams.
pub(crate) struct InspectedBody {
    source: Received,
    inspector: Option<BodyInspector>,
    terms: Terms,
    ledger: Arc<Ledger>,
    /// The protocol whose error event or record ends a stream that fails, and what writes it.
    last_words: Option<(Dialect, LastWords)>,
    /// A fault is told in trailers, as gRPC has them, and not by breaking off.
    tells_status: bool,
    state: State,
    /// The rest of the last frame.
    input: Bytes,
    /// The inspector has more to give of what it was given.
    unread: bool,
    /// Output exists that the coding has not been asked to let go.
    unflushed: bool,
    /// What came out before its head was sent.
    ahead: VecDeque<Bytes>,
    /// What may leave and is put together.
    together: Together,
    trailers: Option<HeaderMap>,
    trailers_seen: Inspection,
    idle: Pin<Box<Sleep>>,
    waiting: Option<Instant>,
    waited: Duration,
    pace: Option<Pace>,
    held_since: Option<Instant>,
    /// Bytes that have come.
    came: u64,
    /// They themselves, where they are kept.
    copied: Zeroizing<Vec<u8>>,
    /// The beginning of a request whose identifier is looked for.
    probe: Option<Vec<u8>>,
    /// Records that were dropped and are not kept yet.
    letters: Vec<Letter>,
    /// What came, where it is to be kept, and how much of it may be.
    original: Option<(Vec<u8>, usize)>,
    /// They are being kept; the bytes leave after that.
    keeping: Option<(JoinHandle<Result<(), ProxyError>>, Bytes)>,
    /// What waits here takes so much of the memory for all.
    charge: Charge,
}

/// Where a body is.
enum State {
    /// Frames are read.
    Reading,
    /// The inspector is finished; trailers may follow.
    Finished,
    /// The error is to be shown.
    Failing(ProxyError),
    /// The error event is on its way out; the error follows.
    Parting(ProxyError),
    /// Nothing follows.
    Over,
}

impl InspectedBody {
    pub(crate) fn new(source: Received, inspector: BodyInspector, terms: Terms, ledger: &Arc<Ledger>) -> Self {
        let idle = Box::pin(tokio::time::sleep(terms.idle));
        let pace = terms.rate.map(|rate| Pace::new(rate, terms.idle));
        if terms.direction == Direction::Request {
            ledger.upload.begin();
        }
        Self {
            source,
            inspector: Some(inspector),
            terms,
            ledger: Arc::clone(ledger),
            last_words: None,
            tells_status: false,
            state: State::Reading,
            input: Bytes::new(),
            unread: false,
            unflushed: false,
            ahead: VecDeque::new(),
            together: Together::default(),
            trailers: None,
            trailers_seen: Inspection::default(),
            idle,
            waiting: None,
            waited: Duration::ZERO,
            pace,
            held_since: None,
            came: 0,
            copied: Zeroizing::default(),
            probe: None,
            letters: Vec::new(),
            original: None,
            keeping: None,
            charge: Charge::new(&ledger.memory),
        }
    }

    /// What comes is kept: another service reads it. More than this is refused.
    pub(crate) fn keeps_original(&mut self, limit: usize) {
        self.original = Some((Vec::new(), limit));
    }

    /// What came so far, where it was kept.
    pub(crate) fn take_original(&mut self) -> Result<Option<Bytes>, ProxyError> {
        let Some((original, _)) = self.original.take() else { return Ok(None) };
        Ok(Some(self.charge.part(original.len()).over(original.into())?))
    }

    /// It is an event stream: a fault is told in an event of this protocol before the stream breaks off.
    pub(crate) fn ends_with_event(&mut self, dialect: Dialect) {
        self.last_words = Some((dialect, llm::error_event));
    }

    /// It is an event stream as AWS frames them: a fault is told in an exception.
    pub(crate) fn ends_with_message(&mut self, dialect: Dialect) {
        self.last_words = Some((dialect, llm::error_frame));
    }

    /// It is a stream of one JSON record a line: a fault is told in a record of this protocol.
    pub(crate) fn ends_with_record(&mut self, dialect: Dialect) {
        self.last_words = Some((dialect, llm::error_record));
    }

    /// It is a request that a refusal answers to by its identifier.
    pub(crate) fn tells_identifier(&mut self) {
        self.probe = Some(Vec::new());
    }

    /// Looks for the identifier in what has come.
    fn probe(&mut self, data: &[u8]) {
        let Some(probe) = &mut self.probe else { return };
        if probe.len() + data.len() > mcp::PROBED {
            self.probe = None;
            return;
        }
        probe.extend_from_slice(data);
        if let Some(id) = mcp::request_id(probe) {
            self.ledger.asked_as(id);
            self.probe = None;
        }
    }

    /// It is gRPC's, over HTTP/2: a fault is the call's status. It ends the stream, and no reader takes it for success.
    pub(crate) fn ends_with_status(&mut self) {
        self.tells_status = true;
    }

    /// The records that were dropped, where nobody keeps them while the body is read.
    pub(crate) fn take_letters(&mut self) -> Vec<Letter> {
        std::mem::take(&mut self.letters)
    }

    /// What came, as it came, and what it takes of the memory for all.
    pub(crate) fn take_copy(&mut self) -> (Zeroizing<Vec<u8>>, Charge) {
        let copied = std::mem::take(&mut self.copied);
        let charge = self.charge.part(copied.len());
        (copied, charge)
    }

    /// The next frame.
    pub(crate) async fn next(&mut self) -> Option<Result<Frame<Bytes>, ProxyError>> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_frame(context)).await
    }

    /// Reads on until the body ends or more than `limit` bytes have come out.
    pub(crate) async fn gather(&mut self, gathered: &mut Gathered, limit: usize) -> Result<(), ProxyError> {
        while !gathered.complete && gathered.length <= limit {
            gathered.take(self.next().await)?;
            gathered.weigh(&self.ledger.memory)?;
        }
        Ok(())
    }

    /// Reads on until a record of a batch goes on or more than `limit` bytes have come out: they come first then. All that
    /// comes out, where the body ends before.
    pub(crate) async fn ends_without_record(&mut self, limit: usize) -> Result<Option<Bytes>, ProxyError> {
        let mut gathered = Gathered::default();
        let goes_on = |inspector: &BodyInspector| inspector.records().kept > 0;
        while gathered.length <= limit && !self.inspector.as_ref().is_some_and(goes_on) {
            gathered.take(self.next().await)?;
            gathered.weigh(&self.ledger.memory)?;
            if gathered.complete {
                let whole = gathered.join();
                return Ok(Some(gathered.charged(whole)?));
            }
        }
        self.ahead = gathered.chunks;
        Ok(None)
    }

    /// Whether it was left before its end. Where the length was declared, hyper asks for no end.
    pub(crate) fn is_abandoned(&self) -> bool {
        !matches!(self.state, State::Over) && self.terms.declared.is_none()
    }

    /// Time spent waiting for the peer.
    pub(crate) fn waited(&self) -> Duration {
        self.waited
    }

    fn poll_step(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ProxyError>>> {
        if let Some(out) = self.ahead.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(out))));
        }
        let mut worked = 0;
        loop {
            match self.kept(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(out)) if !out.is_empty() => return self.leave(out),
                Poll::Ready(_) => {}
            }
            if !matches!(self.state, State::Reading) && !self.together.is_empty() {
                let out = self.together.take();
                return self.leave(out);
            }
            match std::mem::replace(&mut self.state, State::Reading) {
                State::Reading => {}
                State::Finished => {
                    self.state = State::Over;
                    return Poll::Ready(self.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))));
                }
                State::Failing(error) => {
                    let words = self.last_words(&error);
                    if !words.is_empty() {
                        self.state = State::Parting(error);
                        self.idle.as_mut().reset(deadline(PARTING));
                        return Poll::Ready(Some(Ok(Frame::data(words))));
                    }
                    self.hand_over();
                    self.state = State::Over;
                    return Poll::Ready(Some(self.told(error)));
                }
                State::Parting(error) => {
                    if self.idle.as_mut().poll(context).is_pending() {
                        self.state = State::Parting(error);
                        return Poll::Pending;
                    }
                    self.state = State::Failing(error);
                    continue;
                }
                State::Over => {
                    self.state = State::Over;
                    return Poll::Ready(None);
                }
            }
            if worked >= STEP {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            let out = if self.input.is_empty() && !self.unread {
                match self.read(context) {
                    Poll::Ready(()) => self.close_if_ended(),
                    Poll::Pending => {
                        if self.together.waits() {
                            context.waker().wake_by_ref();
                            return Poll::Pending;
                        }
                        let flushed = self.flush();
                        if flushed.is_empty() && matches!(self.state, State::Reading) {
                            if self.together.is_empty() {
                                return self.wait(context);
                            }
                            let out = self.together.take();
                            return self.leave(out);
                        }
                        flushed
                    }
                }
            } else {
                worked += self.input.len().max(1);
                self.push()
            };
            if self.begin_keeping(&out) {
                continue;
            }
            if out.is_empty() {
                continue;
            }
            if self.terms.direction == Direction::Request || self.terms.keeper.is_some() {
                return self.leave(out);
            }
            if let Some(out) = self.together.add(out) {
                return self.leave(out);
            }
        }
    }

    fn leave(&mut self, out: Bytes) -> Poll<Option<Result<Frame<Bytes>, ProxyError>>> {
        self.released();
        Poll::Ready(Some(Ok(Frame::data(out))))
    }

    /// How a fault is shown at the end.
    fn told(&self, error: ProxyError) -> Result<Frame<Bytes>, ProxyError> {
        if !self.tells_status {
            return Err(error);
        }
        self.ledger.failed(&error);
        Ok(Frame::trailers(reply::grpc_status(&error, &self.ledger.request_id)))
    }

    /// Takes the next frame of the source, or its end, into `self`.
    fn read(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let upload = self.terms.direction == Direction::Request;
        if upload {
            match self.ledger.upload.flow(context) {
                Flow::Flowing => {}
                Flow::Paused => return Poll::Pending,
                Flow::Stopped => {
                    self.fail(ErrorKind::Gone);
                    return Poll::Ready(());
                }
            }
        }
        let frame = match self.source.poll_frame(context) {
            Poll::Ready(frame) => frame,
            Poll::Pending => return Poll::Pending,
        };
        if let Some(since) = self.waiting.take() {
            self.waited += telemetry::now().saturating_duration_since(since);
        }
        if upload {
            self.ledger.upload.step();
        }
        match frame {
            None => {
                if upload {
                    self.ledger.upload.read_whole();
                }
                self.state = State::Finished;
            }
            Some(Err(error)) => match self.ledger.request_fault() {
                // The upstream broke off because its request did: the request's reason is the true one.
                Some(fault) if !upload => self.fail_with(fault),
                _ => self.fail(self.broken(&error)),
            },
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => {
                    self.came += data.len() as u64;
                    if self.terms.most.is_some_and(|most| self.came > most) {
                        self.fail(ErrorKind::BodySize);
                        return Poll::Ready(());
                    }
                    if self.terms.copies {
                        self.copied.extend_from_slice(&data);
                    }
                    self.probe(&data);
                    if let Some((original, limit)) = &mut self.original {
                        if original.len() + data.len() > *limit {
                            self.fail(ErrorKind::BodySize);
                            return Poll::Ready(());
                        }
                        original.extend_from_slice(&data);
                    }
                    self.held_since.get_or_insert_with(telemetry::now);
                    self.input = data;
                }
                Err(frame) => {
                    if let Ok(trailers) = frame.into_trailers() {
                        self.take_trailers(trailers);
                    }
                }
            },
        }
        Poll::Ready(())
    }

    /// Why the source broke off.
    fn broken(&self, error: &hyper::Error) -> ErrorKind {
        if self.terms.direction == Direction::Request && self.ledger.activity.fault().is_some() {
            return ErrorKind::Framing;
        }
        let mut cause = std::error::Error::source(error);
        while let Some(error) = cause {
            let kind = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
            if let Some(std::io::ErrorKind::InvalidInput | std::io::ErrorKind::InvalidData) = kind {
                return match self.terms.direction {
                    Direction::Request => ErrorKind::Framing,
                    Direction::Response => ErrorKind::UpstreamProtocol,
                };
            }
            cause = error.source();
        }
        ErrorKind::Gone
    }

    /// Nothing can be done before the source has more: the idle bound runs, and the one on its pace.
    fn wait(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ProxyError>>> {
        let since = match self.waiting {
            Some(since) => since,
            None => {
                self.alarm(Duration::ZERO);
                *self.waiting.insert(telemetry::now())
            }
        };
        let upload = self.terms.direction == Direction::Request;
        if upload && self.ledger.upload.flow(context) == Flow::Paused {
            return Poll::Pending;
        }
        while self.idle.as_mut().poll(context).is_ready() {
            let own = telemetry::now().saturating_duration_since(since);
            let (came, waited) = (self.came, self.waited + own);
            if own >= self.terms.idle || self.pace.as_mut().is_some_and(|pace| pace.is_slow(came, waited)) {
                return self.time_out(context);
            }
            self.alarm(own);
        }
        Poll::Pending
    }

    /// Sets the clock for when this wait, of which so much is over, is too long by itself or with those before it.
    fn alarm(&mut self, own: Duration) {
        let left = self.terms.idle.saturating_sub(own);
        let of_pace = self.pace.map(|pace| pace.left(self.waited + own));
        self.idle.as_mut().reset(deadline(of_pace.map_or(left, |of_pace| of_pace.min(left))));
    }

    fn time_out(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ProxyError>>> {
        let upload = self.terms.direction == Direction::Request;
        self.fail(if upload { ErrorKind::BodyTimeout } else { ErrorKind::UpstreamTimeout });
        self.poll_step(context)
    }

    /// The fields that the route sets in this direction.
    fn injected(&self) -> &[Injected] {
        match self.terms.direction {
            Direction::Request => &self.terms.route.inject,
            Direction::Response => &[],
        }
    }

    fn take_trailers(&mut self, mut trailers: HeaderMap) {
        let scopes = Arc::clone(&self.terms.scopes);
        let mut scan = TextScan::new(&scopes);
        let taken = headers::forward_trailers(&mut trailers, self.terms.trailer_bytes, self.injected(), &mut scan);
        self.trailers_seen = scan.into_seen();
        match taken {
            Ok(()) => self.trailers = Some(trailers).filter(|trailers| !trailers.is_empty()),
            Err(error) => self.fail_with(ProxyError { side: self.side(&error), ..error }),
        }
    }

    /// Charges for what waits here; without room for it the body ends.
    fn weigh(&mut self) {
        if !matches!(self.state, State::Reading | State::Finished) {
            return;
        }
        let waiting = self.inspector.as_ref().map_or(0, BodyInspector::weight);
        let kept = self.copied.len() + self.original.as_ref().map_or(0, |(original, _)| original.len());
        let ahead: usize = self.ahead.iter().map(Bytes::len).sum();
        if let Err(no_room) = self.charge.set(waiting + kept + ahead) {
            self.fail_with(no_room.into());
        }
    }

    fn push(&mut self) -> Bytes {
        let Some(inspector) = &mut self.inspector else { return Bytes::new() };
        let mut out = Vec::new();
        let mut rest = &self.input[..];
        let pushed = caught(|| inspector.push_some(&mut rest, &mut out, STEP));
        self.letters.append(&mut inspector.take_letters());
        let used = self.input.len() - rest.len();
        self.input.advance(used);
        self.unflushed = true;
        self.unread = self.settle(pushed).is_some_and(|all| !all);
        self.weigh();
        out.into()
    }

    /// Lets go what is decided; what is held back stays.
    fn flush(&mut self) -> Bytes {
        let unflushed = std::mem::take(&mut self.unflushed);
        let Some(inspector) = self.inspector.as_mut().filter(|_| unflushed) else { return Bytes::new() };
        let mut out = Vec::new();
        let flushed = caught(|| inspector.flush(&mut out));
        self.settle(flushed);
        out.into()
    }

    /// Where records were dropped, has them kept before `out` leaves.
    fn begin_keeping(&mut self, out: &Bytes) -> bool {
        let Some(keeper) = self.terms.keeper.clone().filter(|_| !self.letters.is_empty()) else { return false };
        let letters = std::mem::take(&mut self.letters);
        self.keeping = Some((tokio::task::spawn_blocking(move || keeper.keep(&letters)), out.clone()));
        true
    }

    /// What may leave once the records are kept.
    fn kept(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let Some((mut keeping, out)) = self.keeping.take() else { return Poll::Ready(None) };
        match Pin::new(&mut keeping).poll(context) {
            Poll::Pending => {
                self.keeping = Some((keeping, out));
                Poll::Pending
            }
            Poll::Ready(Ok(Ok(()))) => Poll::Ready(Some(out)),
            Poll::Ready(Ok(Err(error))) => {
                self.fail_with(error);
                Poll::Ready(None)
            }
            Poll::Ready(Err(_)) => {
                self.fail_with(ProxyError::internal(ErrorKind::Fault));
                Poll::Ready(None)
            }
        }
    }

    /// Where the source has ended, ends the inspection.
    fn close_if_ended(&mut self) -> Bytes {
        if !matches!(self.state, State::Finished) {
            return Bytes::new();
        }
        let mut out = Vec::new();
        if let Some(inspector) = &mut self.inspector {
            let finished = caught(|| inspector.finish(&mut out));
            self.letters.append(&mut inspector.take_letters());
            if self.settle(finished).is_some() {
                self.hand_over();
            }
        }
        out.into()
    }

    fn settle<T>(&mut self, result: Result<T, Fault>) -> Option<T> {
        let error = match result {
            Ok(done) => return Some(done),
            Err(Fault::Panic) => ProxyError::internal(ErrorKind::Fault),
            Err(Fault::Body(error)) => {
                let rule = match error.kind {
                    BodyErrorKind::Blocked { rule } => self.terms.scopes.rules.rules().get(rule),
                    _ => None,
                };
                let rule = rule.map(|rule| rule.id.clone());
                ProxyError { side: self.own_side(), kind: ErrorKind::Body(error.kind), rule }
            }
        };
        self.fail_with(error);
        None
    }

    fn own_side(&self) -> Side {
        match self.terms.direction {
            Direction::Request => Side::Client,
            Direction::Response => Side::Upstream,
        }
    }

    fn side(&self, error: &ProxyError) -> Side {
        if error.kind == ErrorKind::Blocked { Side::Policy } else { self.own_side() }
    }

    fn fail(&mut self, kind: ErrorKind) {
        let side = self.own_side();
        self.fail_with(ProxyError { side, kind, rule: None });
    }

    fn fail_with(&mut self, error: ProxyError) {
        self.input.clear();
        self.unread = false;
        self.trailers = None;
        if self.terms.direction == Direction::Request {
            self.ledger.request_faulted(&error);
        }
        self.state = State::Failing(error);
    }

    /// Something left: what waited for it has waited this long.
    fn released(&mut self) {
        if let Some(since) = self.held_since.take() {
            self.ledger.held_for(self.terms.direction, telemetry::now().saturating_duration_since(since));
        }
    }

    /// Gives the inspection away; further calls have no effect.
    fn hand_over(&mut self) {
        let Some(inspector) = self.inspector.take() else { return };
        self.weigh();
        self.ledger.inspected(self.terms.direction, inspector.into_inspection());
        self.ledger.inspected(self.terms.direction, std::mem::take(&mut self.trailers_seen));
        if self.terms.direction == Direction::Request {
            if self.source.is_end_stream() {
                self.ledger.upload.read_whole();
            }
            self.ledger.upload.end();
        }
    }

    /// What ends a stream in its provider's own way, in the body's coding; once.
    fn last_words(&mut self, error: &ProxyError) -> Bytes {
        let mut out = Vec::new();
        if let (Some((dialect, write)), Some(inspector)) = (self.last_words.take(), &mut self.inspector) {
            let words = llm::addressed(write(dialect, error.code(), error.message()), self.ledger.rpc_id().as_deref());
            // Without them the stream breaks off all the same.
            let _ = caught(|| inspector.interject(&words, &mut out));
        }
        out.into()
    }
}

impl Body for InspectedBody {
    type Data = Bytes;
    type Error = ProxyError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ProxyError>>> {
        self.get_mut().poll_step(context)
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.state, State::Over) && self.ahead.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        self.terms.declared.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl Drop for InspectedBody {
    fn drop(&mut self) {
        self.hand_over();
    }
}

impl fmt::Debug for InspectedBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InspectedBody({}, {} bytes to look at)", self.terms.direction.name(), self.input.len())
    }
}

/// Why the inspector stopped.
pub(crate) enum Fault {
    Body(BodyError),
    Panic,
}

/// Runs a step of the inspector; a panic in it ends this body alone.
pub(crate) fn caught<T>(step: impl FnOnce() -> Result<T, BodyError>) -> Result<T, Fault> {
    // The inspector gives nothing more after a fault, so a state half-way is never seen.
    match catch_unwind(AssertUnwindSafe(step)) {
        Ok(result) => result.map_err(Fault::Body),
        Err(_) => Err(Fault::Panic),
    }
}

/// The beginning of a body, read before the head that goes with it is sent.
#[derive(Default)]
pub(crate) struct Gathered {
    pub(crate) chunks: VecDeque<Bytes>,
    pub(crate) length: usize,
    pub(crate) trailers: Option<HeaderMap>,
    /// The body has ended.
    pub(crate) complete: bool,
    /// What of the memory for all its chunks take.
    charge: Option<Charge>,
}

impl Gathered {
    pub(crate) fn take(&mut self, next: Option<Result<Frame<Bytes>, ProxyError>>) -> Result<(), ProxyError> {
        let Some(frame) = next.transpose()? else {
            self.complete = true;
            return Ok(());
        };
        match frame.into_data() {
            Ok(data) => {
                self.length += data.len();
                self.chunks.push_back(data);
            }
            Err(frame) => self.trailers = frame.into_trailers().ok(),
        }
        Ok(())
    }

    /// Charges for the chunks.
    fn weigh(&mut self, budget: &Arc<MemoryBudget>) -> Result<(), NoRoom> {
        if self.length <= FREE && self.charge.is_none() {
            return Ok(());
        }
        self.charge.get_or_insert_with(|| Charge::new(budget)).set(self.length)
    }

    /// The next chunk, which is charged for no more.
    pub(crate) fn pop(&mut self) -> Option<Bytes> {
        let chunk = self.chunks.pop_front()?;
        self.length = self.length.saturating_sub(chunk.len());
        if let Some(charge) = &mut self.charge {
            // There is room for less.
            let _ = charge.set(self.length);
        }
        Some(chunk)
    }

    /// What the chunks have become, charged for in their place until it is gone.
    ///
    /// # Errors
    /// It is more than they were, and there is no room for that.
    pub(crate) fn charged(&mut self, whole: Bytes) -> Result<Bytes, NoRoom> {
        match self.charge.take() {
            Some(charge) => charge.over(whole),
            None => Ok(whole),
        }
    }

    /// The whole as one piece.
    pub(crate) fn join(&mut self) -> Bytes {
        if self.chunks.len() == 1 {
            return self.chunks.pop_front().unwrap_or_default();
        }
        let mut whole = Vec::with_capacity(self.length);
        for chunk in self.chunks.drain(..) {
            whole.extend_from_slice(&chunk);
        }
        whole.into()
    }
}

impl fmt::Debug for Gathered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Gathered({} bytes)", self.length)
    }
}
