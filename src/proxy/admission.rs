//! How much may be under way at once, and how long a connection may wait.
//!
//! Enters: connections and requests. Leaves: permits, or a refusal at once (nothing queues here). A connection's
//! [`Activity`] says what it is waiting for, so that one timer per connection covers the head of a request and the time
//! between two requests.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use rustls::pki_types::CertificateDer;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;

use crate::policy::{Limits, Quota, Timeouts, Workspace};
use crate::telemetry;

use super::certificates::{CertificatePlace, Certificates};
use super::memory::MemoryBudget;
use super::pressure;
use super::shared_limits::SharedPlace;

/// Counts what is under way.
pub(crate) struct Admission {
    connections: Arc<Semaphore>,
    requests: Arc<Semaphore>,
    /// How many requests may be under way.
    most: u32,
    /// How short memory is: what is admitted no more.
    strain: AtomicU8,
    /// The connections of each client certificate.
    certificates: Arc<Certificates>,
    /// What may be held back by all that is under way.
    pub(crate) memory: Arc<MemoryBudget>,
    /// Whether what is still under way ends because the proxy does.
    pub(crate) cut: Arc<AtomicBool>,
}

/// How short memory is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Strain {
    /// It is not.
    None,
    /// No connection is kept alive behind its answer.
    KeepAlive,
    /// No new request is admitted.
    Requests,
    /// No new connection either: what one may send before its first request takes memory too.
    Connections,
}

/// A connection's place, until its last byte.
pub(crate) struct ConnectionPermit {
    _place: OwnedSemaphorePermit,
}

/// A request's place, until the last byte of its answer.
pub(crate) struct RequestPermit {
    _place: OwnedSemaphorePermit,
    _underway: Underway,
}

impl Admission {
    pub(crate) fn new(limits: &Limits) -> Self {
        let places = |count: usize| Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS)));
        Self {
            connections: places(limits.connections),
            requests: places(limits.requests),
            most: u32::try_from(limits.requests.min(Semaphore::MAX_PERMITS)).unwrap_or(u32::MAX),
            strain: AtomicU8::new(Strain::None as u8),
            certificates: Arc::default(),
            memory: MemoryBudget::new(pressure::held_memory(limits)),
            cut: Arc::default(),
        }
    }

    pub(crate) fn connection(&self) -> Option<ConnectionPermit> {
        if self.is_at_least(Strain::Connections) {
            return None;
        }
        place(&self.connections).map(|place| ConnectionPermit { _place: place })
    }

    /// A place for a connection among those of its client's certificate, if it presented one.
    pub(crate) fn certificate(
        &self,
        chain: Option<&[CertificateDer<'_>]>,
        limits: &Limits,
    ) -> Option<CertificatePlace> {
        self.certificates.enter(chain, limits.certificate_connections)
    }

    /// Resolves when no request is under way.
    pub(crate) async fn quiet(&self) {
        let _ = self.requests.acquire_many(self.most).await;
    }

    /// What is refused because memory is short.
    pub(crate) fn strain(&self, strain: Strain) {
        self.strain.store(strain as u8, Ordering::Relaxed);
    }

    /// Whether no connection is kept alive behind its answer.
    pub(crate) fn is_crowded(&self) -> bool {
        self.is_at_least(Strain::KeepAlive)
    }

    fn is_at_least(&self, strain: Strain) -> bool {
        self.strain.load(Ordering::Relaxed) >= strain as u8
    }

    pub(crate) fn request(&self, activity: &Arc<Activity>) -> Option<RequestPermit> {
        if self.is_at_least(Strain::Requests) {
            return None;
        }
        let place = place(&self.requests)?;
        Some(RequestPermit { _place: place, _underway: Underway::begin(activity) })
    }
}

/// What a workspace has asked of late, held against its [`Quota`]. A reload that leaves the quota as it is keeps it.
pub(crate) struct WorkspaceQuota {
    name: String,
    quota: Quota,
    opened: Instant,
    /// Nanoseconds after `opened` at which all that was admitted is paid for at the quota's rate.
    paid: AtomicU64,
    in_flight: Option<Arc<Semaphore>>,
    spent: Mutex<Spent>,
}

/// What a window of a budget has cost.
#[derive(Clone, Copy, Default)]
struct Spent {
    /// The window, by its number since 1970.
    window: u64,
    tokens: u64,
}

/// A request's place among its workspace's.
pub(crate) struct Place {
    _in_flight: Option<OwnedSemaphorePermit>,
    _shared: Option<SharedPlace>,
}

impl Place {
    /// The same, and a place among those of all replicas.
    pub(crate) fn shared(self, place: SharedPlace) -> Self {
        Self { _shared: Some(place), ..self }
    }
}

impl WorkspaceQuota {
    pub(crate) fn new(workspace: &Workspace) -> Self {
        Self::of(workspace.name.clone(), workspace.quota)
    }

    /// One of this name, which is a workspace's or a key's.
    pub(crate) fn of(name: String, quota: Quota) -> Self {
        let in_flight = quota.in_flight.map(|places| Arc::new(Semaphore::new(places as usize)));
        let spent = Mutex::default();
        Self { name, quota, opened: telemetry::now(), paid: AtomicU64::new(0), in_flight, spent }
    }

    /// One that admits everything: what the proxy asks of itself is not charged to the workspace.
    pub(crate) fn unbounded(workspace: &Workspace) -> Self {
        Self::of(workspace.name.clone(), Quota::default())
    }

    pub(crate) fn is_of(&self, workspace: &Workspace) -> bool {
        self.is(&workspace.name, workspace.quota)
    }

    pub(crate) fn is(&self, name: &str, quota: Quota) -> bool {
        self.name == name && self.quota == quota
    }

    /// Its name and bounds, where it has any.
    pub(crate) fn bounds(&self) -> Option<(&str, Quota)> {
        let bounded = self.quota.rate.is_some() || self.quota.in_flight.is_some();
        bounded.then_some((self.name.as_str(), self.quota))
    }

    /// Whether tokens are counted against it.
    pub(crate) fn counts_tokens(&self) -> bool {
        self.quota.tokens.is_some()
    }

    /// The seconds until its budget of tokens begins anew, where it is used up at this time in seconds since 1970.
    pub(crate) fn used_up(&self, now: u64) -> Option<u64> {
        let budget = self.quota.tokens?;
        let per = budget.per.as_secs().max(1);
        let spent = self.spent(now / per);
        (spent.tokens >= budget.tokens).then_some(per - now % per)
    }

    /// Counts tokens at this time. What is under way when a budget is used up may go on, so more can be spent than it has.
    pub(crate) fn spend(&self, tokens: u64, now: u64) {
        let Some(budget) = self.quota.tokens else { return };
        let mut spent = self.spent(now / budget.per.as_secs().max(1));
        spent.tokens = spent.tokens.saturating_add(tokens);
    }

    fn spent(&self, window: u64) -> MutexGuard<'_, Spent> {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back opens no window a second time.
        if window > spent.window {
            *spent = Spent { window, tokens: 0 };
        }
        spent
    }

    /// A place for a request that comes now, or none.
    pub(crate) fn admit(&self, now: Instant) -> Option<Place> {
        let in_flight = match &self.in_flight {
            Some(places) => Some(place(places)?),
            None => None,
        };
        (self.is_within_rate(now)).then_some(Place { _in_flight: in_flight, _shared: None })
    }

    /// The generic cell rate algorithm: each request costs a second's share, and `burst` of them may be owed.
    fn is_within_rate(&self, now: Instant) -> bool {
        let Some(rate) = self.quota.rate else { return true };
        let cost = 1_000_000_000 / u64::from(rate.max(1));
        let owed = cost * u64::from(self.quota.burst);
        let now = u64::try_from(now.saturating_duration_since(self.opened).as_nanos()).unwrap_or(u64::MAX);
        let pay = |paid: u64| Some(paid.max(now).saturating_add(cost)).filter(|paid| *paid <= now.saturating_add(owed));
        self.paid.fetch_update(Ordering::Relaxed, Ordering::Relaxed, pay).is_ok()
    }
}

fn place(places: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    Arc::clone(places).try_acquire_owned().ok()
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (connections, requests) = (self.connections.available_permits(), self.requests.available_permits());
        write!(f, "Admission({connections} connections and {requests} requests more)")
    }
}

/// How long a connection may be idle while the proxy drains.
const DRAINING_IDLE: Duration = Duration::from_millis(500);
/// The same for one that has not asked yet: its client has just made it, and has nobody's word that it is not served.
const DRAINING_NEW: Duration = Duration::from_secs(1);

/// What a connection is doing.
pub(crate) struct Activity {
    opened: Instant,
    /// Exchanges under way.
    underway: AtomicU64,
    /// Requests begun.
    requests: AtomicU64,
    /// Microseconds after `opened` when it last became idle.
    idle_since: AtomicU64,
    /// Microseconds after `opened` when the first byte of a head came, plus one; 0 while none has come.
    head_since: AtomicU64,
    /// Why the guard took the bytes for no HTTP/1.1, or for a flood of HTTP/2's frames.
    fault: OnceLock<&'static str>,
    /// What follows is another protocol's.
    upgraded: AtomicBool,
    /// The client is trusted no more, or its workspace is stopped.
    revoked: AtomicBool,
    /// The client takes nothing on its connection.
    stalled: AtomicBool,
    /// The connection has seen so much that another one is better.
    worn: AtomicBool,
}

impl Activity {
    pub(crate) fn begin() -> Arc<Self> {
        Arc::new(Self {
            opened: telemetry::now(),
            underway: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            idle_since: AtomicU64::new(0),
            head_since: AtomicU64::new(0),
            fault: OnceLock::new(),
            upgraded: AtomicBool::new(false),
            revoked: AtomicBool::new(false),
            stalled: AtomicBool::new(false),
            worn: AtomicBool::new(false),
        })
    }

    fn micros(&self) -> u64 {
        self.micros_at(telemetry::now())
    }

    fn micros_at(&self, moment: Instant) -> u64 {
        u64::try_from(moment.saturating_duration_since(self.opened).as_micros()).unwrap_or(u64::MAX)
    }

    /// A request's head begins to arrive.
    pub(crate) fn head_begins(&self) {
        self.head_since.store(self.micros() + 1, Ordering::Relaxed);
    }

    /// A request's head has arrived.
    pub(crate) fn head_ends(&self) {
        self.head_since.store(0, Ordering::Relaxed);
    }

    /// Counts a request and gives its number, from 1.
    pub(crate) fn request(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The bytes are no HTTP/1.1, or a flood: nothing more is read.
    pub(crate) fn malformed(&self, reason: &'static str) {
        self.fault.get_or_init(|| reason);
    }

    /// Why nothing more was read of them.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        self.fault.get().copied()
    }

    /// What follows the request at hand is no HTTP/1.1 any more.
    pub(crate) fn upgrade(&self) {
        self.upgraded.store(true, Ordering::Release);
    }

    /// What is under way ends because of who the client is.
    pub(crate) fn revoke(&self) {
        self.revoked.store(true, Ordering::Release);
    }

    pub(crate) fn is_revoked(&self) -> bool {
        self.revoked.load(Ordering::Acquire)
    }

    /// What is under way ends because the client takes nothing.
    pub(crate) fn stall(&self) {
        self.stalled.store(true, Ordering::Release);
    }

    pub(crate) fn is_stalled(&self) -> bool {
        self.stalled.load(Ordering::Acquire)
    }

    /// Its client does well to take another connection.
    pub(crate) fn wear(&self) {
        self.worn.store(true, Ordering::Release);
    }

    pub(crate) fn is_worn(&self) -> bool {
        self.worn.load(Ordering::Acquire)
    }

    /// Whether it has been asked anything.
    pub(crate) fn has_served(&self) -> bool {
        self.requests.load(Ordering::Relaxed) > 0
    }

    pub(crate) fn is_upgraded(&self) -> bool {
        self.upgraded.load(Ordering::Acquire)
    }

    /// Whether an exchange is under way, from the end of its head on.
    pub(crate) fn is_serving(&self) -> bool {
        self.underway.load(Ordering::Relaxed) > 0
    }

    /// When to look again, or `None` where the connection has waited too long. Since the proxy drains, an idle connection
    /// waits for what its client has sent meanwhile, and no longer.
    pub(crate) fn patience(&self, timeouts: &Timeouts, draining: Option<Instant>) -> Option<Duration> {
        self.patience_at(self.micros(), timeouts, draining.map(|since| self.micros_at(since)))
    }

    /// The same, so many microseconds after the connection was opened; those of the drain are told likewise.
    fn patience_at(&self, now: u64, timeouts: &Timeouts, draining: Option<u64>) -> Option<Duration> {
        let last = match draining {
            None => Duration::MAX,
            Some(_) if self.requests.load(Ordering::Relaxed) == 0 => DRAINING_NEW,
            Some(_) => DRAINING_IDLE,
        };
        let keep_alive = last.min(timeouts.keep_alive);
        let idle_since = self.idle_since.load(Ordering::Relaxed).max(draining.unwrap_or(0));
        let left = |since: u64, bound: Duration| {
            bound.checked_sub(Duration::from_micros(now.saturating_sub(since))).filter(|left| !left.is_zero())
        };
        if self.underway.load(Ordering::Relaxed) > 0 {
            return Some(timeouts.header.min(keep_alive));
        }
        match self.head_since.load(Ordering::Relaxed) {
            0 => {
                let left = left(idle_since, keep_alive)?;
                // A head may begin in between, and its bound is another.
                Some(left.min(timeouts.header))
            }
            since => left(since, timeouts.header),
        }
    }
}

/// Marks a connection as busy while it lives.
struct Underway {
    activity: Arc<Activity>,
}

impl Underway {
    fn begin(activity: &Arc<Activity>) -> Self {
        activity.underway.fetch_add(1, Ordering::Relaxed);
        Self { activity: Arc::clone(activity) }
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.activity.idle_since.store(self.activity.micros(), Ordering::Relaxed);
        self.activity.underway.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Ends a connection whose peer takes nothing for too long.
#[derive(Debug)]
pub(crate) struct Stall {
    bound: Duration,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Stall {
    pub(crate) fn new(bound: Duration) -> Self {
        Self { bound, timer: None }
    }

    /// Whether the peer has taken nothing for too long.
    pub(crate) fn is_over(&self) -> bool {
        self.timer.as_ref().is_some_and(|timer| timer.is_elapsed())
    }

    /// Judges what a write gave: one that waits starts the timer, one that does not stops it.
    pub(crate) fn watch<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.timer = None;
            return written;
        }
        let bound = self.bound;
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(bound)));
        match timer.as_mut().poll(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::TokenBudget;

    #[test]
    fn a_budget_is_used_up_and_begins_anew() {
        let tokens = Some(TokenBudget { tokens: 100, per: Duration::from_secs(60) });
        let quota = WorkspaceQuota::of("acme".to_owned(), Quota { tokens, ..Quota::default() });
        assert_eq!(quota.used_up(600), None);
        quota.spend(99, 600);
        assert_eq!(quota.used_up(659), None);
        quota.spend(1, 659);
        assert_eq!((quota.used_up(600), quota.used_up(659)), (Some(60), Some(1)));
        assert_eq!(quota.used_up(660), None);
        // What ends in the next window is of that one; a clock that was set back opens none again.
        quota.spend(u64::MAX, 661);
        quota.spend(u64::MAX, 661);
        assert_eq!((quota.used_up(661), quota.used_up(600)), (Some(59), Some(60)));
        let free = WorkspaceQuota::of("acme".to_owned(), Quota::default());
        free.spend(u64::MAX, 0);
        assert_eq!((free.used_up(0), free.counts_tokens()), (None, false));
    }

    #[test]
    fn a_rate_is_kept_to_the_nanosecond() {
        let (second, tick) = (Duration::from_secs(1), Duration::from_nanos(1));
        let of =
            |rate, burst| WorkspaceQuota::of("acme".to_owned(), Quota { rate: Some(rate), burst, ..Quota::default() });
        for burst in 1..=5 {
            let quota = of(1, burst);
            let at = |time: Duration| quota.admit(quota.opened + time).is_some();
            let taken = (0..burst + 1).filter(|_| at(Duration::ZERO)).count();
            assert_eq!(taken, burst as usize, "at once");
            // Then one each second, and not a nanosecond earlier.
            for number in 1..4 {
                assert_eq!(
                    (at(second * number - tick), at(second * number), at(second * number)),
                    (false, true, false)
                );
            }
            // Who asks nothing for long has no more than the burst.
            let taken = (0..burst + 1).filter(|_| at(second * 1000)).count();
            assert_eq!(taken, burst as usize, "after a while");
        }
        // A rate that does not divide a second costs no more than its share.
        let quota = of(3, 1);
        let admitted = (0..3000).filter(|ms| quota.admit(quota.opened + Duration::from_millis(*ms)).is_some());
        assert_eq!(admitted.count(), 9);
    }

    #[test]
    fn places_are_given_until_there_are_none() {
        let limits = Limits { connections: 1, requests: 2, ..Limits::default() };
        let admission = Admission::new(&limits);
        let activity = Activity::begin();
        let first = admission.request(&activity);
        let second = admission.request(&activity);
        assert!(first.is_some() && second.is_some() && admission.request(&activity).is_none());
        drop(first);
        let third = admission.request(&activity);
        assert!(third.is_some());
        drop(third);
        admission.strain(Strain::KeepAlive);
        assert!(admission.request(&activity).is_some() && admission.connection().is_some() && admission.is_crowded());
        admission.strain(Strain::Requests);
        assert!(admission.request(&activity).is_none() && admission.connection().is_some());
        admission.strain(Strain::Connections);
        assert!(admission.request(&activity).is_none() && admission.connection().is_none());
        assert!(admission.is_crowded());
        admission.strain(Strain::None);
        assert!(!admission.is_crowded());
        let connection = admission.connection();
        assert!(connection.is_some() && admission.connection().is_none());
    }

    #[test]
    fn patience_ends_with_the_microsecond() {
        let timeouts =
            Timeouts { keep_alive: Duration::from_secs(60), header: Duration::from_secs(10), ..Timeouts::default() };
        let activity = Activity::begin();
        let left = |now: u64, draining| activity.patience_at(now, &timeouts, draining).map(|left| left.as_micros());
        // An idle one; a look is taken as often as a head may take.
        assert_eq!(
            [0, 59_999_999, 60_000_000, 60_000_001].map(|now| left(now, None)),
            [Some(10_000_000), Some(1), None, None]
        );
        // Since a drain it waits for less, from there; for a first request a little longer.
        assert_eq!([999_999, 1_000_000].map(|now| left(now, Some(0))), [Some(1), None]);
        assert_eq!([50_999_999, 51_000_000].map(|now| left(now, Some(50_000_000))), [Some(1), None]);
        activity.request();
        assert_eq!([499_999, 500_000].map(|now| left(now, Some(0))), [Some(1), None]);
        assert_eq!([50_499_999, 50_500_000].map(|now| left(now, Some(50_000_000))), [Some(1), None]);
        // A head that began five seconds after the connection.
        activity.head_since.store(5_000_001, Ordering::Relaxed);
        assert_eq!([14_999_999, 15_000_000, 15_000_001].map(|now| left(now, None)), [Some(2), Some(1), None]);
    }

    #[test]
    fn a_busy_connection_has_patience_and_an_idle_one_has_not() {
        let timeouts = Timeouts { keep_alive: Duration::ZERO, ..Timeouts::default() };
        let activity = Activity::begin();
        assert_eq!(activity.patience(&timeouts, None), None);
        let admission = Admission::new(&Limits::default());
        let permit = admission.request(&activity);
        assert!(activity.patience(&timeouts, None).is_some());
        drop(permit);
        assert_eq!(activity.patience(&timeouts, None), None);
        activity.head_begins();
        assert!(activity.patience(&timeouts, None).is_some(), "a head has its own bound");
    }
}
