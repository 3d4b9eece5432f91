//! What workspaces and keys may ask, counted by all replicas together.
//!
//! Enters: a request that its replica's own count lets pass, and a Redis server. Leaves: a place among those of all
//! replicas, or a refusal; where the server does not answer in time, what the configuration says: the replica's own count
//! alone, or 503, counted either way. A place is a lease that its replica renews, so that those of a replica that died are
//! free again soon; a server that forgot them is told of them again.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use redis::Script;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::policy::{Policy, Quota, SharedLimits, UncountedRequests};
use crate::redis_client::{Demands, Fault, RedisClient};
use crate::telemetry::{self, Telemetry};

use super::admission::{Place, WorkspaceQuota};
use super::reply::{ErrorKind, ProxyError};
use super::{Generation, Shared, dial};

/// How long a place is a replica's that does not renew it, and how often it does.
const LEASE: Duration = Duration::from_secs(15);
const RENEWAL: Duration = Duration::from_secs(5);
/// How long nobody asks after there was no answer.
const AWAY: Duration = Duration::from_millis(500);
/// Places of a command that renews or frees them.
const BATCH: usize = 1_000;
/// Most freed places that are remembered while the server is away; what is beyond lapses by itself.
const FREED: usize = 100_000;

/// KEYS: rate, places. ARGV: requests a second and burst, places (0: any), the place, its lease in microseconds. The rate is
/// the generic cell rate algorithm by the server's clock, as [`super::admission`] has it by the replica's.
const ADMIT: &str = r"
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local places = tonumber(ARGV[3])
if places > 0 then
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
  if redis.call('ZCARD', KEYS[2]) >= places then return 0 end
end
local rate = tonumber(ARGV[1])
if rate > 0 then
  local cost = 1000000 / rate
  local paid = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now) + cost
  if paid > now + cost * tonumber(ARGV[2]) + 0.5 then return 0 end
  redis.call('SET', KEYS[1], string.format('%.3f', paid), 'PX', math.ceil((paid - now) / 1000) + 1000)
end
if places > 0 then
  redis.call('ZADD', KEYS[2], now + tonumber(ARGV[5]), ARGV[4])
  redis.call('PEXPIRE', KEYS[2], math.ceil(tonumber(ARGV[5]) / 500))
end
return 1
";

/// KEYS: places. ARGV: the lease in microseconds, and places that are taken still.
const RENEW: &str = r"
local time = redis.call('TIME')
local lapses = tonumber(time[1]) * 1000000 + tonumber(time[2]) + tonumber(ARGV[1])
for at = 2, #ARGV do redis.call('ZADD', KEYS[1], lapses, ARGV[at]) end
redis.call('PEXPIRE', KEYS[1], math.ceil(tonumber(ARGV[1]) / 500))
return 1
";

/// The count that this replica shares with others.
pub(crate) struct SharedCount {
    settings: SharedLimits,
    client: RedisClient,
    admit: Script,
    renew: Script,
    /// This replica, until it ends.
    replica: String,
    places: Mutex<Places>,
    /// A place was freed.
    freed: Notify,
    opened: Instant,
    /// Milliseconds after `opened` until when nobody asks.
    away: AtomicU64,
    /// The last question had an answer.
    up: AtomicBool,
}

#[derive(Default)]
struct Places {
    next: u64,
    taken: HashMap<String, HashSet<u64>>,
    freed: Vec<(String, u64)>,
}

/// A place among those of all replicas.
pub(crate) struct SharedPlace {
    count: Arc<SharedCount>,
    name: String,
    number: u64,
    /// The server may have it among those that are taken.
    listed: bool,
}

impl Drop for SharedPlace {
    fn drop(&mut self) {
        if !self.listed {
            return;
        }
        let mut places = self.count.places();
        if let Some(taken) = places.taken.get_mut(&self.name) {
            taken.remove(&self.number);
            if taken.is_empty() {
                places.taken.remove(&self.name);
            }
        }
        if places.freed.len() < FREED {
            places.freed.push((std::mem::take(&mut self.name), self.number));
        }
        drop(places);
        self.count.freed.notify_one();
    }
}

impl SharedPlace {
    /// It is renewed from now on.
    fn taken(&self) {
        if self.listed {
            self.count.places().taken.entry(self.name.clone()).or_default().insert(self.number);
        }
    }
}

impl SharedCount {
    /// The count that a policy asks for; the one at hand where it is the same.
    pub(super) fn prepare(policy: &Policy, before: Option<&Arc<Self>>) -> Option<Arc<Self>> {
        let settings = policy.shared_limits.as_ref()?;
        if let Some(kept) = before.filter(|before| before.settings == *settings) {
            return Some(Arc::clone(kept));
        }
        let mut bits = [0_u8; 16];
        // Without randomness there is no TLS either.
        getrandom::fill(&mut bits).ok()?;
        Some(Arc::new(Self {
            client: RedisClient::new(settings.server.clone(), dial::to(&settings.server.server), Demands::Nothing),
            settings: settings.clone(),
            admit: Script::new(ADMIT),
            renew: Script::new(RENEW),
            replica: crate::audit::chain::hex(&bits),
            places: Mutex::default(),
            freed: Notify::new(),
            opened: telemetry::now(),
            away: AtomicU64::new(0),
            up: AtomicBool::new(true),
        }))
    }

    /// A place for a request of this name that comes now; none where it may not come, by what all replicas have let in.
    async fn admitted(
        self: &Arc<Self>,
        name: &str,
        quota: Quota,
        telemetry: &Telemetry,
    ) -> Result<SharedPlace, ProxyError> {
        let count = |result| telemetry.add("blackbar_shared_limits_total", &[result], 1);
        // Dropped from here on, it is freed there too, whether it was given or not.
        let mut place = self.asking(name, quota.in_flight.is_some());
        match (self.asked(&place, quota).await, self.settings.on_error) {
            (Some(true), _) => {
                count("admitted");
                place.taken();
                Ok(place)
            }
            (Some(false), _) => {
                count("refused");
                place.listed = false;
                Err(ProxyError::client(ErrorKind::Rate))
            }
            (None, UncountedRequests::Local) => {
                count("local");
                place.taken();
                Ok(place)
            }
            (None, UncountedRequests::Block) => {
                count("blocked");
                Err(ProxyError::internal(ErrorKind::Overload))
            }
        }
    }

    /// Whether the replicas together have room; none where there is no answer.
    async fn asked(&self, place: &SharedPlace, quota: Quota) -> Option<bool> {
        if self.millis() < self.away.load(Ordering::Relaxed) {
            return None;
        }
        let mut call = self.admit.prepare_invoke();
        call.key(self.client.key(&format!("rate:{}", place.name)));
        call.key(self.places_key(&place.name));
        call.arg(quota.rate.unwrap_or(0)).arg(quota.burst).arg(quota.in_flight.unwrap_or(0));
        call.arg(self.member(place.number)).arg(micros(LEASE));
        let call = &call;
        let asking = self.client.run(|mut line| async move { call.invoke_async::<i64>(&mut line).await });
        let answer = timeout(self.settings.wait, asking).await.unwrap_or(Err(Fault::Lost));
        self.told(answer.as_ref().err().copied());
        answer.ok().map(|answer| answer == 1)
    }

    /// Remembers whether there was an answer.
    fn told(&self, fault: Option<Fault>) {
        let is_up = fault.is_none();
        if let Some(fault) = fault {
            let until = self.millis().saturating_add(u64::try_from(AWAY.as_millis()).unwrap_or(u64::MAX));
            self.away.store(until, Ordering::Relaxed);
            if self.up.swap(false, Ordering::Relaxed) {
                tracing::error!(%fault, "limits are not shared: each replica counts by itself");
            }
        }
        if is_up && !self.up.swap(true, Ordering::Relaxed) {
            tracing::info!("limits are shared again");
        }
    }

    fn asking(self: &Arc<Self>, name: &str, listed: bool) -> SharedPlace {
        let mut places = self.places();
        places.next += 1;
        SharedPlace { count: Arc::clone(self), name: name.to_owned(), number: places.next, listed }
    }

    /// Tells the server which places are free, and, where it is time, which are taken still.
    async fn tell(&self, renews: bool) {
        let freed = std::mem::take(&mut self.places().freed);
        for freed in freed.chunks(BATCH) {
            let mut pipeline = redis::pipe();
            for (name, number) in freed {
                pipeline.cmd("ZREM").arg(self.places_key(name)).arg(self.member(*number)).ignore();
            }
            let pipeline = &pipeline;
            let told = self.client.run(|mut line| async move { pipeline.query_async::<()>(&mut line).await }).await;
            self.told(told.as_ref().err().copied());
            if told.is_err() {
                // Their leases end.
                return;
            }
        }
        if !renews {
            return;
        }
        let taken: Vec<(String, Vec<u64>)> = {
            let places = self.places();
            places.taken.iter().map(|(name, taken)| (name.clone(), taken.iter().copied().collect())).collect()
        };
        let pinged =
            self.client.run(|mut line| async move { redis::cmd("PING").query_async::<()>(&mut line).await }).await;
        self.told(pinged.err());
        for (name, taken) in taken {
            for taken in taken.chunks(BATCH) {
                let mut call = self.renew.prepare_invoke();
                call.key(self.places_key(&name)).arg(micros(LEASE));
                for number in taken {
                    call.arg(self.member(*number));
                }
                let call = &call;
                let told = self.client.run(|mut line| async move { call.invoke_async::<()>(&mut line).await }).await;
                self.told(told.as_ref().err().copied());
                if told.is_err() {
                    return;
                }
            }
        }
    }

    fn places_key(&self, name: &str) -> String {
        self.client.key(&format!("places:{name}"))
    }

    fn member(&self, number: u64) -> String {
        format!("{}:{number}", self.replica)
    }

    fn millis(&self) -> u64 {
        u64::try_from(telemetry::now().saturating_duration_since(self.opened).as_millis()).unwrap_or(u64::MAX)
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

impl Generation {
    /// A place for a request that comes now, among those of this replica, and of all where they count together.
    pub(crate) async fn place(&self, quota: &WorkspaceQuota, telemetry: &Telemetry) -> Result<Place, ProxyError> {
        let place = quota.admit(telemetry::now()).ok_or(ProxyError::client(ErrorKind::Rate))?;
        match (&self.shared_count, quota.bounds()) {
            (Some(count), Some((name, bounds))) => Ok(place.shared(count.admitted(name, bounds, telemetry).await?)),
            (Some(_) | None, _) => Ok(place),
        }
    }
}

/// Renews and frees places, until it is dropped.
pub(super) async fn follow(shared: Arc<Shared>) {
    let mut turns = shared.turns();
    let mut renewed = telemetry::now();
    loop {
        let Some(count) = shared.generation().shared_count.clone() else {
            if turns.changed().await.is_err() {
                return;
            }
            continue;
        };
        // Before anybody asks: who asks waits for less than a connection may take.
        count.client.begin();
        // A request that ends meanwhile is told at the next turn, and the turn comes at once.
        let _ = timeout(RENEWAL / 5, count.freed.notified()).await;
        let renews = telemetry::now().saturating_duration_since(renewed) >= RENEWAL;
        if renews {
            renewed = telemetry::now();
        }
        count.tell(renews).await;
        shared.telemetry.set("blackbar_shared_limits_up", &[], i64::from(count.up.load(Ordering::Relaxed)));
    }
}

impl fmt::Debug for SharedCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SharedCount({:?})", self.settings.server)
    }
}
