//! Held requests in a Redis server that any number of proxies share.
//!
//! Enters: items and their sealed content. Leaves: the same, on every replica. What becomes of an item is decided by the
//! server alone, one step at a time ([`super::scripts`]): two replicas that release one item at once follow the same turn,
//! and one of them does. A replica shows that it lives; what one was sending that has not shown itself for
//! [`LEASE`] and [`DOUBT`] may have been sent. Where the server is away everything fails, and nothing is remembered here but
//! what must be undone once it is back.

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::rand;
use redis::RedisResult;
use redis::aio::MultiplexedConnection;
use tokio::time::Instant;

use crate::redis_client::{self, RedisClient};

use super::item::{Delivery, Item, State};
use super::scripts::{CONFLICT, FULL, Scripts, UNKNOWN};
use super::seal::{Keys, hex};
use super::{Bounds, Fault, Passing, Usage, ended};

/// How long a replica is alive without saying so again.
const LEASE: Duration = Duration::from_secs(10);
/// How long one must have been seen to be gone besides: the server may have been away for longer than the lease.
const DOUBT: Duration = Duration::from_secs(5);
/// How long it is tried to have an answer, where the first was lost; and where something was sent meanwhile.
const PATIENCE: Duration = Duration::from_secs(4);
const SETTLING: Duration = Duration::from_secs(30);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(50);
/// Items of a look at what time has made of them.
const BATCH: usize = 256;
/// Items of a pipeline that reads: each may be as large as a reply.
const RECORDS: usize = 32;
/// Ids of a page.
const PAGE: usize = 1000;
/// Bytes of a piece of a content.
const PIECE: u64 = 1 << 20;
/// Most things to be undone that are remembered. What is beyond them waits for a person, or for its time.
const REGRETS: usize = 1024;
/// How long it is remembered that an item was withdrawn, in milliseconds.
const WITHDRAWN: u64 = 60 * 60 * 1000;
/// How long beyond its time the server keeps a content that no replica erases, in milliseconds.
const GRACE: u64 = 60 * 1000;

/// The server, and what this replica must not forget.
pub(super) struct Replicated {
    client: RedisClient,
    scripts: Scripts,
    /// This replica, until it ends.
    owner: String,
    /// The server holds items of this key.
    known: AtomicBool,
    damaged: AtomicU64,
    local: Mutex<Local>,
}

#[derive(Default)]
struct Local {
    /// Items that may be held though their clients were told otherwise.
    withdrawn: Vec<String>,
    /// Items that may be on their way to be sent though nothing was sent, with the word of that change.
    unsent: Vec<(Item, String)>,
    /// Replicas that do not show themselves, and since when.
    missing: HashMap<String, Instant>,
}

/// What the server says of what time has made of its items.
type Look = (Vec<String>, HashMap<String, String>, Vec<String>, u64);

impl Replicated {
    pub(super) fn new(client: RedisClient) -> Result<Self, Fault> {
        Ok(Self {
            client,
            scripts: Scripts::new(),
            owner: word()?,
            known: AtomicBool::new(false),
            damaged: AtomicU64::new(0),
            local: Mutex::default(),
        })
    }

    /// Items that did not hold, since this replica's start.
    pub(super) fn damaged(&self) -> u64 {
        self.damaged.load(Ordering::Relaxed)
    }

    /// Keeps an item and its content. The server has it when this returns.
    pub(super) async fn put(&self, keys: &Keys, item: &Item, body: &[u8], bounds: &Bounds) -> Result<(), Fault> {
        self.belongs_to(keys).await?;
        let (record, word) = (keys.write(item)?, word()?);
        let facts = &item.facts;
        let mut call = self.scripts.put.prepare_invoke();
        for key in [self.item_key(&facts.id), self.body_key(&facts.id)] {
            call.key(key);
        }
        for name in ["all", "due", "usage"] {
            call.key(self.client.key(name));
        }
        call.key(self.client.key(&format!("withdrawn:{}", facts.id)));
        call.arg(&facts.id).arg(&word).arg(record).arg(body).arg(&facts.workspace).arg(item.sealed);
        call.arg(facts.time).arg(facts.expires).arg(facts.expires.saturating_add(GRACE));
        call.arg(bounds.items).arg(bounds.bytes).arg(bounds.workspace_items).arg(bounds.workspace_bytes);
        let call = &call;
        let answer: Result<i64, _> =
            self.insist(PATIENCE, |mut line| async move { call.invoke_async(&mut line).await }).await;
        if matches!(answer, Err(redis_client::Fault::Lost)) {
            // It may be there, and its client is told that it is not.
            let mut local = self.local();
            if local.withdrawn.len() < REGRETS {
                local.withdrawn.push(facts.id.clone());
            }
        }
        done(answer?)
    }

    /// Makes an item another one, if it still is what `after` follows. The server has it so when this returns.
    pub(super) async fn change(&self, keys: &Keys, after: &Item) -> Result<(), Fault> {
        self.belongs_to(keys).await?;
        let word = word()?;
        // What was sent is sent: it is better written late than not.
        let patience = match after.state {
            State::Released { .. } | State::Uncertain | State::Held => SETTLING,
            State::Cleared | State::Releasing { .. } | State::Failed { .. } | State::Rejected | State::Expired => {
                PATIENCE
            }
        };
        let answer = self.change_after(keys, after, (&word, ""), patience).await;
        if let (Err(Fault::Away(redis_client::Fault::Lost)), State::Releasing { .. }) = (&answer, &after.state) {
            // Nothing is sent after this.
            let mut local = self.local();
            if local.unsent.len() < REGRETS {
                local.unsent.push((after.unsent(), word));
            }
        }
        answer
    }

    /// A change with a word of its own, that follows the one with the other word, or any.
    async fn change_after(
        &self,
        keys: &Keys,
        after: &Item,
        (word, follows): (&str, &str),
        patience: Duration,
    ) -> Result<(), Fault> {
        let record = keys.write(after)?;
        let id = &after.facts.id;
        let mut call = self.scripts.change.prepare_invoke();
        for key in [self.item_key(id), self.body_key(id)] {
            call.key(key);
        }
        for name in ["due", "over", "untold", "usage", "releasing"] {
            call.key(self.client.key(name));
        }
        let told = after.delivery != Delivery::Due;
        let score = |is: bool, score: u64| if is { score.to_string() } else { String::new() };
        let (due, owner) = match after.state {
            State::Held | State::Cleared | State::Uncertain => (score(true, after.facts.expires), ""),
            State::Releasing { until } => (score(true, until.saturating_add(1)), self.owner.as_str()),
            State::Released { .. } | State::Failed { .. } | State::Rejected | State::Expired => (String::new(), ""),
        };
        call.arg(id).arg(after.turn).arg(word).arg(record).arg(due);
        call.arg(score(after.state.is_final() && told, ended(after))).arg(score(!told, after.facts.time));
        call.arg(u8::from(after.has_content())).arg(owner).arg(follows);
        let call = &call;
        let answer: i64 = self.insist(patience, |mut line| async move { call.invoke_async(&mut line).await }).await?;
        done(answer)
    }

    pub(super) async fn item(&self, keys: &Keys, id: &str) -> Result<Item, Fault> {
        // What is no id is no part of a key's name.
        if id.len() != 32 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(Fault::Unknown);
        }
        self.items_of(keys, &[id.to_owned()]).await?.pop().ok_or(Fault::Unknown)
    }

    pub(super) async fn all(&self, keys: &Keys) -> Result<Vec<Item>, Fault> {
        self.listed(keys, "all").await
    }

    pub(super) async fn untold(&self, keys: &Keys) -> Result<Vec<Item>, Fault> {
        self.listed(keys, "untold").await
    }

    async fn listed(&self, keys: &Keys, set: &str) -> Result<Vec<Item>, Fault> {
        let mut ids = Vec::new();
        // By score, and by place among those of one score: what is forgotten meanwhile moves nothing else.
        let (mut from, mut skipped) = ("-inf".to_owned(), 0);
        loop {
            let mut command = redis::cmd("ZRANGEBYSCORE");
            command.arg(self.client.key(set)).arg(&from).arg("+inf").arg("WITHSCORES");
            command.arg("LIMIT").arg(skipped).arg(PAGE);
            let command = &command;
            let page: Vec<(String, String)> =
                self.client.run(|mut line| async move { command.query_async(&mut line).await }).await?;
            let count = page.len();
            if let Some((_, last)) = page.last().filter(|_| count == PAGE) {
                let alike = page.iter().rev().take_while(|(_, score)| score == last).count();
                skipped = if *last == from { skipped + alike } else { alike };
                from.clone_from(last);
            }
            ids.extend(page.into_iter().map(|(id, _)| id));
            if count < PAGE {
                break;
            }
        }
        self.items_of(keys, &ids).await
    }

    /// The items of these ids that there are. What does not hold is kept apart.
    async fn items_of(&self, keys: &Keys, ids: &[String]) -> Result<Vec<Item>, Fault> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.belongs_to(keys).await?;
        let mut items = Vec::with_capacity(ids.len());
        for ids in ids.chunks(RECORDS) {
            let mut pipeline = redis::pipe();
            for id in ids {
                pipeline.cmd("HGET").arg(self.item_key(id)).arg("record");
            }
            let pipeline = &pipeline;
            let records: Vec<Option<Vec<u8>>> =
                self.client.run(|mut line| async move { pipeline.query_async(&mut line).await }).await?;
            for (id, record) in ids.iter().zip(records) {
                let Some(record) = record else { continue };
                match keys.read(&record) {
                    Ok(item) if item.facts.id == *id => items.push(item),
                    Ok(_) | Err(_) => self.keep_apart(id).await?,
                }
            }
        }
        Ok(items)
    }

    async fn keep_apart(&self, id: &str) -> Result<(), Fault> {
        if self.remove(id, "damage", WITHDRAWN.saturating_mul(24 * 30)).await == Ok(1) {
            self.damaged.fetch_add(1, Ordering::Relaxed);
            tracing::error!(item = id, "a held request is not as it was written: it is kept apart");
        }
        Ok(())
    }

    pub(super) async fn usage(&self) -> Result<Usage, Fault> {
        let key = self.client.key("usage");
        let fields: HashMap<String, i64> = self
            .client
            .run(|mut line| async move { redis::cmd("HGETALL").arg(key).query_async(&mut line).await })
            .await?;
        let mut usage = Usage::default();
        let number = |name: String| fields.get(&name).copied().and_then(|count| u64::try_from(count).ok()).unwrap_or(0);
        for workspace in fields.keys().filter_map(|name| name.strip_prefix("items:")) {
            let (items, bytes) = (number(format!("items:{workspace}")), number(format!("bytes:{workspace}")));
            usage.workspaces.insert(workspace.to_owned(), (items, bytes));
        }
        Ok(usage)
    }

    /// The sealed content of an item.
    pub(super) async fn body(&self, item: &Item) -> Result<Vec<u8>, Fault> {
        let key = self.body_key(&item.facts.id);
        let mut body = Vec::with_capacity(usize::try_from(item.sealed).unwrap_or_default().min(1 << 30));
        // In pieces, none of which is larger than a reply may be. Whether they are of one content is told by its hash.
        while (body.len() as u64) < item.sealed {
            let from = body.len() as u64;
            let to = (from + PIECE).min(item.sealed) - 1;
            let mut command = redis::cmd("GETRANGE");
            command.arg(&key).arg(from).arg(to);
            let command = &command;
            let piece: Vec<u8> =
                self.client.run(|mut line| async move { command.query_async(&mut line).await }).await?;
            if piece.len() as u64 != to - from + 1 {
                return Err(Fault::Tampered);
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }

    /// Forgets an item of which nothing will become.
    pub(super) async fn forget(&self, id: &str) -> Result<(), Fault> {
        self.remove(id, "forget", 1).await?;
        Ok(())
    }

    /// What time has made of items, here and on replicas that are gone. Shows that this replica lives.
    pub(super) async fn passing(&self, keys: &Keys, now: u64, keep: u64, records: u64) -> Result<Passing, Fault> {
        self.belongs_to(keys).await?;
        let (due, releasing, over, count) = self.look(now, keep).await?;
        self.undo(keys).await?;
        let mut next = Vec::new();
        for item in self.items_of(keys, &due).await? {
            next.extend(item.aged(now));
        }
        let orphans = self.orphans(releasing).await?;
        for item in self.items_of(keys, &orphans).await? {
            if matches!(item.state, State::Releasing { .. }) && !due.contains(&item.facts.id) {
                next.push(item.becoming(State::Uncertain));
            }
        }
        let mut forget = over;
        let surplus = usize::try_from(count.saturating_sub(records)).unwrap_or(usize::MAX).min(BATCH);
        if surplus > forget.len() {
            let key = self.client.key("over");
            forget = self
                .client
                .run(|mut line| async move {
                    redis::cmd("ZRANGE").arg(key).arg(0).arg(surplus - 1).query_async(&mut line).await
                })
                .await?;
        }
        Ok(Passing { next, forget })
    }

    async fn look(&self, now: u64, keep: u64) -> Result<Look, Fault> {
        let lease = u64::try_from(LEASE.as_millis()).unwrap_or(u64::MAX);
        let mut pipeline = redis::pipe();
        pipeline.cmd("SET").arg(self.alive_key(&self.owner)).arg(1).arg("PX").arg(lease).ignore();
        let until = |pipeline: &mut redis::Pipeline, set: &str, time: String| {
            pipeline.cmd("ZRANGEBYSCORE").arg(self.client.key(set)).arg("-inf").arg(time);
            pipeline.arg("LIMIT").arg(0).arg(BATCH);
        };
        until(&mut pipeline, "due", now.to_string());
        pipeline.cmd("HGETALL").arg(self.client.key("releasing"));
        until(&mut pipeline, "over", format!("({}", now.saturating_sub(keep)));
        pipeline.cmd("ZCARD").arg(self.client.key("all"));
        let pipeline = &pipeline;
        Ok(self.client.run(|mut line| async move { pipeline.query_async(&mut line).await }).await?)
    }

    /// Of the items that are being sent, those whose replica is gone.
    async fn orphans(&self, releasing: HashMap<String, String>) -> Result<Vec<String>, Fault> {
        let others: Vec<&String> = releasing.values().filter(|owner| **owner != self.owner).collect();
        if others.is_empty() {
            self.local().missing.clear();
            return Ok(Vec::new());
        }
        let mut command = redis::cmd("MGET");
        for owner in &others {
            command.arg(self.alive_key(owner));
        }
        let command = &command;
        let alive: Vec<Option<String>> =
            self.client.run(|mut line| async move { command.query_async(&mut line).await }).await?;
        let gone: Vec<&String> =
            others.into_iter().zip(alive).filter(|(_, alive)| alive.is_none()).map(|(owner, _)| owner).collect();
        let now = Instant::now();
        let mut local = self.local();
        local.missing.retain(|owner, _| gone.contains(&owner));
        let dead: Vec<&String> = gone
            .into_iter()
            .filter(|owner| now.duration_since(*local.missing.entry((*owner).clone()).or_insert(now)) >= DOUBT)
            .collect();
        Ok(releasing.iter().filter(|(_, owner)| dead.contains(owner)).map(|(id, _)| id.clone()).collect())
    }

    /// Takes back what may have been done though it was given up.
    async fn undo(&self, keys: &Keys) -> Result<(), Fault> {
        let (withdrawn, unsent) = {
            let local = self.local();
            (local.withdrawn.clone(), local.unsent.clone())
        };
        for id in withdrawn {
            self.remove(&id, "withdraw", WITHDRAWN).await?;
            self.local().withdrawn.retain(|known| *known != id);
        }
        for (item, follows) in unsent {
            match self.change_after(keys, &item, (&word()?, &follows), PATIENCE).await {
                Ok(()) | Err(Fault::Conflict | Fault::Unknown) => {}
                Err(fault) => return Err(fault),
            }
            self.local().unsent.retain(|(_, known)| *known != follows);
        }
        Ok(())
    }

    async fn remove(&self, id: &str, why: &str, stays: u64) -> Result<i64, redis_client::Fault> {
        let mut call = self.scripts.remove.prepare_invoke();
        for key in [self.item_key(id), self.body_key(id)] {
            call.key(key);
        }
        for name in ["all", "due", "over", "untold", "releasing", "usage"] {
            call.key(self.client.key(name));
        }
        for kind in ["withdrawn", "damaged:item", "damaged:body"] {
            call.key(self.client.key(&format!("{kind}:{id}")));
        }
        call.arg(id).arg(why).arg(stays);
        let call = &call;
        self.client.run(|mut line| async move { call.invoke_async(&mut line).await }).await
    }

    /// Whether the server's items are of this key; the first that comes says which they are of.
    async fn belongs_to(&self, keys: &Keys) -> Result<(), Fault> {
        if self.known.load(Ordering::Relaxed) {
            return Ok(());
        }
        let (key, own) = (self.client.key("key"), keys.fingerprint().map_err(|_| Fault::Seal)?);
        let mut pipeline = redis::pipe();
        pipeline.cmd("SETNX").arg(&key).arg(&own).ignore().cmd("GET").arg(&key);
        let pipeline = &pipeline;
        let (theirs,): (String,) =
            self.client.run(|mut line| async move { pipeline.query_async(&mut line).await }).await?;
        if theirs != own {
            return Err(Fault::OtherKey);
        }
        self.known.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Asks until there is an answer, as long as it may have been carried out or `patience` is that of something sent.
    async fn insist<T, W: Future<Output = RedisResult<T>>>(
        &self,
        patience: Duration,
        ask: impl Fn(MultiplexedConnection) -> W,
    ) -> Result<T, redis_client::Fault> {
        let end = Instant::now() + patience;
        let mut asked = patience == SETTLING;
        loop {
            let fault = match self.client.run(&ask).await {
                Ok(answer) => return Ok(answer),
                Err(fault @ (redis_client::Fault::Denied | redis_client::Fault::Unfit(_))) if !asked => {
                    return Err(fault);
                }
                Err(fault) => fault,
            };
            asked |= fault == redis_client::Fault::Lost;
            if !asked {
                return Err(fault);
            }
            if Instant::now() >= end {
                return Err(redis_client::Fault::Lost);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn item_key(&self, id: &str) -> String {
        self.client.key(&format!("item:{id}"))
    }

    fn body_key(&self, id: &str) -> String {
        self.client.key(&format!("body:{id}"))
    }

    fn alive_key(&self, owner: &str) -> String {
        self.client.key(&format!("alive:{owner}"))
    }

    fn local(&self) -> MutexGuard<'_, Local> {
        self.local.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// 128 random bits.
fn word() -> Result<String, Fault> {
    let mut bits = [0_u8; 16];
    rand::fill(&mut bits).map_err(|_| Fault::Seal)?;
    Ok(hex(&bits))
}

fn done(answer: i64) -> Result<(), Fault> {
    match answer {
        1 => Ok(()),
        FULL => Err(Fault::Full),
        UNKNOWN => Err(Fault::Unknown),
        CONFLICT => Err(Fault::Conflict),
        _ => Err(Fault::Away(redis_client::Fault::Refused)),
    }
}
