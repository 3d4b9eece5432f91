//! Answers that are there and are not taken: who reads nothing, or grants no window (RFC 9113 section 6.9), keeps an exchange,
//! its place and its upstream as long as it likes.
//!
//! Enters: an answer's body. Leaves: the same body in pieces that know when they have left, and which exchanges of a
//! connection are to end, since too little of what was there went out over a stretch of waiting for that. A piece is there
//! from when the transport has asked for it until its bytes are written, wherever it waits in between: for a window, in a
//! queue, for the socket. Of an upstream that is silent no piece is there, so nobody waits for the client. The connection
//! looks: hyper asks a body for nothing more while a piece of it waits, so nothing within the body could.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use hyper::rt::Executor;
use tokio::task::AbortHandle;

use crate::policy::{Limits, Timeouts};
use crate::telemetry;

use super::answer::AnswerBody;
use super::pace::Pace;
use super::reply::ProxyError;

/// Bytes of a piece. What the transport has taken of an answer is no longer the exchange's, so it gets little at once.
const PIECE: usize = 64 << 10;
/// How many outlets are kept before those are looked for that are needed no more.
const SWEEP: usize = 64;

tokio::task_local! {
    /// Where the stream that the task serves leaves.
    static OUTLET: Arc<Outlet>;
}

/// Where the answers of a stream, or those of a connection of HTTP/1.1 one after the other, leave.
pub(super) struct Outlet {
    flow: Mutex<Flow>,
    /// Too little leaves: what is under way is to end.
    stalled: AtomicBool,
    /// The task that serves the stream, where there are streams.
    stream: OnceLock<AbortHandle>,
}

struct Flow {
    /// Bytes that are there.
    there: usize,
    /// Since when there are any.
    since: Option<Instant>,
    /// How long there were, before that.
    waited: Duration,
    /// Bytes that have left.
    left: u64,
    pace: Pace,
}

impl Outlet {
    fn new(rate: u64, stretch: Duration) -> Arc<Self> {
        let pace = Pace::new(rate, stretch);
        let flow = Flow { there: 0, since: None, waited: Duration::ZERO, left: 0, pace };
        Arc::new(Self { flow: Mutex::new(flow), stalled: AtomicBool::new(false), stream: OnceLock::new() })
    }

    fn flow(&self) -> MutexGuard<'_, Flow> {
        // Every holder leaves it whole.
        self.flow.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn comes(&self, bytes: usize) {
        let mut flow = self.flow();
        flow.there += bytes;
        if flow.there > 0 {
            flow.since.get_or_insert_with(telemetry::now);
        }
    }

    /// So many bytes are there no more: they were sent, or nobody wants them.
    fn goes(&self, bytes: usize, sent: bool) {
        let mut flow = self.flow();
        flow.there = flow.there.saturating_sub(bytes);
        if sent {
            flow.left += bytes as u64;
        }
        if flow.there == 0
            && let Some(since) = flow.since.take()
        {
            flow.waited += telemetry::now().saturating_duration_since(since);
        }
    }

    fn is_empty(&self) -> bool {
        self.flow().there == 0
    }

    /// Whether bytes are there, or may come.
    fn is_needed(&self) -> bool {
        !self.stream.get().is_some_and(AbortHandle::is_finished) || !self.is_empty()
    }

    /// The waiting that is left at this time until the next judgement, or none where it is over and brought too little.
    /// Where nobody waits, nothing is known of when.
    fn left(&self, now: Instant) -> Option<Duration> {
        let mut flow = self.flow();
        let Some(since) = flow.since else { return Some(Duration::MAX) };
        let waited = flow.waited + now.saturating_duration_since(since);
        let left = flow.left;
        (!flow.pace.is_slow(left, waited)).then(|| flow.pace.left(waited))
    }

    /// Ends the stream: it is reset. Gives whether it is one.
    pub(super) fn end(&self) -> bool {
        self.stream.get().inspect(|stream| stream.abort()).is_some()
    }

    fn is_stalled(&self) -> bool {
        self.stalled.load(Ordering::Acquire)
    }
}

/// The outlets of a connection.
pub(super) struct Outlets {
    stretch: Duration,
    rate: u64,
    open: Mutex<Vec<Arc<Outlet>>>,
}

/// What a look at the outlets has shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Look {
    /// When to look again.
    pub(super) again: Duration,
    /// Bytes are there that nothing but the connection's end takes away.
    pub(super) stuck: bool,
}

impl Outlets {
    pub(super) fn new(limits: &Limits, timeouts: &Timeouts) -> Arc<Self> {
        let (stretch, rate) = (timeouts.client_stall, limits.body_rate);
        Arc::new(Self { stretch, rate, open: Mutex::default() })
    }

    /// The one of a connection that has no streams.
    pub(super) fn single(&self) -> Arc<Outlet> {
        self.add(|_| {})
    }

    fn add(&self, serve: impl FnOnce(&Arc<Outlet>)) -> Arc<Outlet> {
        let outlet = Outlet::new(self.rate, self.stretch);
        serve(&outlet);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= SWEEP && open.len() == open.capacity() {
            open.retain(|outlet| outlet.is_needed());
        }
        open.push(Arc::clone(&outlet));
        outlet
    }

    /// Ends the streams that stall: they are reset, and what they hold is free.
    pub(super) fn look(&self) -> Look {
        let now = telemetry::now();
        let mut look = Look { again: self.stretch / 4, stuck: false };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|outlet| {
            match (outlet.left(now), outlet.stream.get()) {
                (Some(left), _) => look.again = look.again.min(left),
                (None, Some(stream)) if !stream.is_finished() => {
                    outlet.stalled.store(true, Ordering::Release);
                    stream.abort();
                }
                (None, _) => {
                    outlet.stalled.store(true, Ordering::Release);
                    look.stuck = true;
                }
            }
            outlet.is_needed()
        });
        look
    }
}

/// Runs the streams of a connection, each in a task of its own.
#[derive(Clone)]
pub(super) struct Streams(pub(super) Arc<Outlets>);

impl<F> Executor<F> for Streams
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, stream: F) {
        self.0.add(|outlet| {
            let task = tokio::spawn(OUTLET.scope(Arc::clone(outlet), stream));
            let _ = outlet.stream.set(task.abort_handle());
        });
    }
}

/// Where the stream leaves that the task at hand serves.
pub(super) fn of_stream() -> Option<Arc<Outlet>> {
    OUTLET.try_with(Arc::clone).ok()
}

/// An answer's body on its way out.
pub(super) struct LeavingBody {
    body: AnswerBody,
    outlet: Option<Arc<Outlet>>,
    /// What follows the last piece.
    rest: Bytes,
}

impl LeavingBody {
    pub(super) fn new(body: AnswerBody, outlet: Option<Arc<Outlet>>) -> Self {
        Self { body, outlet, rest: Bytes::new() }
    }

    fn piece(&mut self) -> Leaving {
        let bytes = self.rest.split_to(self.rest.len().min(PIECE));
        if let Some(outlet) = &self.outlet {
            outlet.comes(bytes.len());
        }
        Leaving { bytes, outlet: self.outlet.clone() }
    }
}

impl Body for LeavingBody {
    type Data = Leaving;
    type Error = ProxyError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Leaving>, ProxyError>>> {
        let this = self.get_mut();
        if !this.rest.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(this.piece()))));
        }
        Pin::new(&mut this.body).poll_frame(context).map_ok(|frame| {
            frame.map_data(|bytes| {
                this.rest = bytes;
                this.piece()
            })
        })
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (mut hint, rest) = (self.body.size_hint(), self.rest.len() as u64);
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper + rest);
        }
        hint.set_lower(hint.lower() + rest);
        hint
    }
}

impl Drop for LeavingBody {
    fn drop(&mut self) {
        if self.outlet.as_ref().is_some_and(|outlet| outlet.is_stalled()) {
            self.body.stalls();
        }
    }
}

impl fmt::Debug for LeavingBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LeavingBody")
    }
}

/// A piece of an answer, until it has left.
pub(super) struct Leaving {
    bytes: Bytes,
    outlet: Option<Arc<Outlet>>,
}

impl Leaving {
    fn goes(&self, bytes: usize, sent: bool) {
        if let Some(outlet) = self.outlet.as_ref().filter(|_| bytes > 0) {
            outlet.goes(bytes, sent);
        }
    }
}

impl Buf for Leaving {
    fn remaining(&self) -> usize {
        self.bytes.len()
    }

    fn chunk(&self) -> &[u8] {
        &self.bytes
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        self.goes(count, true);
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.goes(self.bytes.len(), false);
    }
}

impl fmt::Debug for Leaving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Leaving({} bytes)", self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRETCH: Duration = Duration::from_secs(30);

    fn leaving(outlet: &Arc<Outlet>, bytes: usize) -> Leaving {
        outlet.comes(bytes);
        Leaving { bytes: vec![b' '; bytes].into(), outlet: Some(Arc::clone(outlet)) }
    }

    #[test]
    fn nobody_waits_for_a_client_where_nothing_is_there() {
        let outlet = Outlet::new(500, STRETCH);
        let later = |after: Duration| outlet.left(telemetry::now() + after);
        assert_eq!(later(STRETCH * 100), Some(Duration::MAX));
        // An empty frame, and pieces that were sent or thrown away.
        drop(leaving(&outlet, 0));
        leaving(&outlet, 10).advance(10);
        drop(leaving(&outlet, 10));
        assert_eq!(later(STRETCH * 100), Some(Duration::MAX));
        assert!(outlet.is_empty());
        let mut piece = leaving(&outlet, 10);
        assert!(later(STRETCH / 2).is_some_and(|left| left <= STRETCH / 2));
        assert_eq!(later(STRETCH), None);
        piece.advance(10);
        assert_eq!(later(STRETCH * 100), Some(Duration::MAX));
    }

    #[test]
    fn a_stretch_of_waiting_must_take_its_bytes() {
        for (taken, slow) in [(14_999, true), (15_000, false), (15_001, false)] {
            let outlet = Outlet::new(500, STRETCH);
            let mut piece = leaving(&outlet, 100_000);
            piece.advance(taken);
            assert_eq!(outlet.left(telemetry::now() + STRETCH).is_none(), slow, "{taken}");
            // What went before does not count for the next one.
            assert_eq!(outlet.left(telemetry::now() + STRETCH * 3), None);
        }
    }

    #[tokio::test]
    async fn streams_that_are_over_are_forgotten() {
        let timeouts = Timeouts::default();
        let outlets = Outlets::new(&Limits::default(), &timeouts);
        for _ in 0..50 * SWEEP {
            Streams(Arc::clone(&outlets)).execute(std::future::ready(()));
            tokio::task::yield_now().await;
        }
        assert!(outlets.open.lock().unwrap_or_else(PoisonError::into_inner).len() <= 2 * SWEEP);
        assert_eq!(outlets.look(), Look { again: timeouts.client_stall / 4, stuck: false });
        assert!(outlets.open.lock().unwrap_or_else(PoisonError::into_inner).is_empty());
    }
}
