//! Held requests: what enters is a request that a person must judge, what leaves is what became of it.
//!
//! A held request is on the disk, sealed, before its client is told of it. What may become of it is in [`item`]; this room
//! keeps it, bounds how much there is, and lets time end what nobody decides. Who sends a released request, and who may ask
//! for it, are questions of the floors above. The format is specified in `README.md` beside this file.

mod directory;
pub mod item;
mod replicated;
mod scripts;
mod seal;

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;
use zeroize::Zeroizing;

use crate::policy::{HeldStore, QuarantineSettings};
use crate::redis_client::{self, Demands, Dial, RedisClient};
use directory::Directory;
use item::{Delivery, Facts, Item, State};
use replicated::Replicated;
use seal::Keys;

/// Why something is not held, not found or not changed.
#[derive(Debug)]
pub enum Fault {
    /// There is no room for it.
    Full,
    /// There is no such item.
    Unknown,
    /// It has changed meanwhile.
    Conflict,
    /// It is not as it was written, or was written under another key.
    Tampered,
    /// It cannot be sealed.
    Seal,
    /// More is to be remembered of it than an item may have.
    Large,
    /// Another process has the store.
    Locked,
    /// The store holds items of another key.
    OtherKey,
    /// The server that keeps the store has no answer.
    Away(redis_client::Fault),
    /// The store cannot be read or written.
    Io(io::Error),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "there is no room for more held requests",
            Self::Unknown => "there is no such item",
            Self::Conflict => "the item has changed meanwhile",
            Self::Tampered => "an item is not as it was written, or was written under another key",
            Self::Seal => "cannot be sealed",
            Self::Large => "more is to be remembered of a request than an item may have",
            Self::Locked => "the store is in use by another process",
            Self::OtherKey => "the store holds items of another key",
            Self::Away(_) | Self::Io(_) => "the store of held requests cannot be used",
        })
    }
}

impl std::error::Error for Fault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(source) => Some(source),
            Self::Away(source) => Some(source),
            _ => None,
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<redis_client::Fault> for Fault {
    fn from(fault: redis_client::Fault) -> Self {
        Self::Away(fault)
    }
}

/// What time has made of a store.
#[derive(Default)]
struct Passing {
    /// What items become.
    next: Vec<Item>,
    /// Items that were decided long ago.
    forget: Vec<String>,
}

/// When an item came to its end, or will at the latest.
fn ended(item: &Item) -> u64 {
    item.verdict.as_ref().map_or(item.facts.expires, |verdict| verdict.time)
}

/// How much may be held.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    items: u64,
    bytes: u64,
    workspace_items: u64,
    workspace_bytes: u64,
}

/// How much is held: items and bytes of each workspace.
#[derive(Clone, Default, Debug)]
pub struct Usage {
    workspaces: HashMap<String, (u64, u64)>,
}

impl Usage {
    /// Items and bytes of every workspace that ever held one.
    pub fn workspaces(&self) -> impl Iterator<Item = (&str, u64, u64)> {
        self.workspaces.iter().map(|(name, (items, bytes))| (name.as_str(), *items, *bytes))
    }

    fn reserve(&mut self, workspace: &str, bytes: u64, bounds: &Bounds) -> Result<(), Fault> {
        let all = self.workspaces.values().fold((0_u64, 0_u64), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        let own = self.workspaces.get(workspace).copied().unwrap_or_default();
        let fits = all.0 < bounds.items
            && all.1.saturating_add(bytes) <= bounds.bytes
            && own.0 < bounds.workspace_items
            && own.1.saturating_add(bytes) <= bounds.workspace_bytes;
        if !fits {
            return Err(Fault::Full);
        }
        self.add(workspace, bytes);
        Ok(())
    }

    fn add(&mut self, workspace: &str, bytes: u64) {
        let own = self.workspaces.entry(workspace.to_owned()).or_default();
        *own = (own.0 + 1, own.1.saturating_add(bytes));
    }

    fn remove(&mut self, workspace: &str, bytes: u64) {
        let own = self.workspaces.entry(workspace.to_owned()).or_default();
        *own = (own.0.saturating_sub(1), own.1.saturating_sub(bytes));
    }
}

/// Where items are kept.
enum Store {
    Directory(Directory),
    Replicated(Box<Replicated>),
}

/// The held requests of one configuration.
pub struct Quarantine {
    settings: QuarantineSettings,
    keys: Keys,
    store: Arc<Store>,
    /// Something became of an item.
    changed: Arc<Notify>,
    /// The store can be used, as far as is known.
    usable: Arc<AtomicBool>,
}

impl Quarantine {
    /// Opens the store; `dial` reaches its server, where it has one. Waits for the disk, and not for a server: that is
    /// asked when it is needed.
    ///
    /// # Errors
    /// What keeps it from being used.
    pub fn open(settings: &QuarantineSettings, dial: Option<Dial>) -> Result<Arc<Self>, Fault> {
        let keys = Keys::new(settings.key.clone());
        let store = match &settings.store {
            HeldStore::Directory(path) => Store::Directory(Directory::open(path, &keys)?),
            HeldStore::Redis { server, may_forget } => {
                let dial = dial.ok_or(redis_client::Fault::Connect)?;
                let demands = if *may_forget { Demands::NoEviction } else { Demands::Durable };
                let client = RedisClient::new((**server).clone(), dial, demands);
                Store::Replicated(Box::new(Replicated::new(client)?))
            }
        };
        let usable = AtomicBool::new(matches!(store, Store::Directory(_)));
        Ok(Arc::new(Self {
            settings: settings.clone(),
            keys,
            store: Arc::new(store),
            changed: Arc::default(),
            usable: Arc::new(usable),
        }))
    }

    /// The same store under other settings; none where it is another store, or has another key.
    #[must_use]
    pub fn under(&self, settings: &QuarantineSettings) -> Option<Arc<Self>> {
        let same = self.settings.store == settings.store && self.settings.key == settings.key;
        same.then(|| {
            Arc::new(Self {
                settings: settings.clone(),
                keys: Keys::new(settings.key.clone()),
                store: Arc::clone(&self.store),
                changed: Arc::clone(&self.changed),
                usable: Arc::clone(&self.usable),
            })
        })
    }

    /// What the configuration says of it.
    #[must_use]
    pub fn settings(&self) -> &QuarantineSettings {
        &self.settings
    }

    /// Whether the store could be used when it was last looked at.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.usable.load(Ordering::Relaxed)
    }

    /// Items that were set aside because they are not as they were written.
    #[must_use]
    pub fn damaged(&self) -> u64 {
        match &*self.store {
            Store::Directory(directory) => directory.damaged(),
            Store::Replicated(replicated) => replicated.damaged(),
        }
    }

    /// Holds a request. It survives whatever happens once this is done.
    ///
    /// # Errors
    /// It is not held, and nothing of it is kept.
    pub async fn hold(self: &Arc<Self>, facts: Facts, content: Zeroizing<Vec<u8>>) -> Result<(), Fault> {
        let sealed = self.keys.seal(&facts, &content).map_err(|_| Fault::Seal)?;
        drop(content);
        let item = Item {
            facts,
            turn: 0,
            key: Some(sealed.key),
            sealed: sealed.bytes.len() as u64,
            sealed_sha256: sealed.sha256,
            state: State::Held,
            verdict: None,
            delivery: Delivery::None,
        };
        let bytes = sealed.bytes;
        let QuarantineSettings { max_items, max_bytes, workspace_items, workspace_bytes, .. } = self.settings;
        let bounds = Bounds { items: max_items, bytes: max_bytes, workspace_items, workspace_bytes };
        if let Store::Replicated(replicated) = &*self.store {
            return replicated.put(&self.keys, &item, &bytes, &bounds).await;
        }
        self.on_disk(move |directory, keys| directory.put(keys, &item, &bytes, &bounds)).await
    }

    /// An item.
    ///
    /// # Errors
    /// There is none, or the store cannot be read.
    pub async fn item(self: &Arc<Self>, id: &str) -> Result<Item, Fault> {
        match &*self.store {
            Store::Directory(directory) => directory.item(id).ok_or(Fault::Unknown),
            Store::Replicated(replicated) => replicated.item(&self.keys, id).await,
        }
    }

    /// Every item, the oldest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn items(self: &Arc<Self>) -> Result<Vec<Item>, Fault> {
        let mut items = match &*self.store {
            Store::Directory(directory) => directory.pick(|_| true),
            Store::Replicated(replicated) => replicated.all(&self.keys).await?,
        };
        items.sort_by(|one, other| (one.facts.time, &one.facts.id).cmp(&(other.facts.time, &other.facts.id)));
        Ok(items)
    }

    /// The items whose end is still to be told, the oldest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn untold(self: &Arc<Self>) -> Result<Vec<Item>, Fault> {
        let mut items = match &*self.store {
            Store::Directory(directory) => directory.pick(|item| item.delivery == Delivery::Due),
            Store::Replicated(replicated) => replicated.untold(&self.keys).await?,
        };
        items.sort_by_key(|item| item.facts.time);
        Ok(items)
    }

    /// How much is held.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn usage(self: &Arc<Self>) -> Result<Usage, Fault> {
        match &*self.store {
            Store::Directory(directory) => Ok(directory.usage()),
            Store::Replicated(replicated) => replicated.usage().await,
        }
    }

    /// What an item holds.
    ///
    /// # Errors
    /// It is erased, is not as it was written, or cannot be read.
    pub async fn content(self: &Arc<Self>, item: &Item) -> Result<Zeroizing<Vec<u8>>, Fault> {
        let bytes = match &*self.store {
            Store::Replicated(replicated) => replicated.body(item).await?,
            Store::Directory(_) => {
                let item = item.clone();
                self.on_disk(move |directory, _| directory.body(&item)).await?
            }
        };
        let (this, item) = (Arc::clone(self), item.clone());
        // A large one takes its time.
        let opening = tokio::task::spawn_blocking(move || this.keys.open(&item, &bytes).map_err(|_| Fault::Tampered));
        // One that was not tried, because the process ends, says nothing of the content.
        opening.await.unwrap_or_else(|_| Err(Fault::Io(io::ErrorKind::Other.into())))
    }

    /// Makes an item what it has become. It is so, whatever happens, once this is done; where the outcome is final, or a
    /// person lets an answer pass, and there is a webhook, it is to be told.
    ///
    /// # Errors
    /// It has changed meanwhile, or the store cannot be written: then it is what it was, or, where a server did not
    /// answer, what it would have become without anything having been sent.
    pub async fn change(self: &Arc<Self>, after: Item) -> Result<Item, Fault> {
        let decided = after.state.is_final() || after.state == State::Cleared;
        let tells = decided && after.delivery == Delivery::None && self.settings.webhook.is_some();
        let after = if tells { Item { delivery: Delivery::Due, ..after } } else { after };
        let result = match &*self.store {
            Store::Replicated(replicated) => replicated.change(&self.keys, &after).await.map(|()| after),
            Store::Directory(_) => {
                self.on_disk(move |directory, keys| directory.change(keys, &after).map(|()| after)).await
            }
        };
        self.changed.notify_waiters();
        result
    }

    /// Resolves when something became of an item after this was called; what other replicas do is not told.
    pub fn changing(&self) -> tokio::sync::futures::Notified<'_> {
        self.changed.notified()
    }

    /// Lets time pass: gives the items of which it has made something else. What was decided long ago is forgotten.
    ///
    /// # Errors
    /// The store cannot be used.
    pub async fn sweep(self: &Arc<Self>, now: u64) -> Result<Vec<Item>, Fault> {
        let result = self.sweep_once(now).await;
        self.usable.store(result.is_ok(), Ordering::Relaxed);
        result
    }

    async fn sweep_once(self: &Arc<Self>, now: u64) -> Result<Vec<Item>, Fault> {
        let keep = u64::try_from(self.settings.keep.as_millis()).unwrap_or(u64::MAX);
        let records = self.settings.max_records;
        let passing = match &*self.store {
            Store::Directory(directory) => directory.passing(now, keep, records),
            Store::Replicated(replicated) => replicated.passing(&self.keys, now, keep, records).await?,
        };
        let mut aged = Vec::new();
        for next in passing.next {
            match self.change(next).await {
                Ok(item) => aged.push(item),
                // Somebody decided in the same moment.
                Err(Fault::Conflict | Fault::Unknown) => {}
                Err(error) => return Err(error),
            }
        }
        for id in passing.forget {
            match &*self.store {
                Store::Replicated(replicated) => replicated.forget(&id).await?,
                Store::Directory(_) => self.on_disk(move |directory, _| directory.forget(&id)).await?,
            }
        }
        Ok(aged)
    }

    /// Runs what waits for a disk where nobody else waits behind it.
    async fn on_disk<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Directory, &Keys) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let this = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || match &*this.store {
            Store::Directory(directory) => work(directory, &this.keys),
            Store::Replicated(_) => Err(Fault::Unknown),
        });
        done.await.unwrap_or_else(|_| Err(Fault::Io(io::ErrorKind::Other.into())))
    }
}

impl fmt::Debug for Quarantine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Quarantine({:?})", self.settings.store)
    }
}

#[cfg(test)]
mod tests;
