//! Held requests: what enters is a request that a person must judge, what leaves is what became of it.
//!
//! A held request is on the disk, sealed, before its client is told of it. What may become of it is in [`item`]; this room
//! keeps it, bounds how much there is, and lets time end what nobody decides. Who sends a released request, and who may ask
//! for it, are questions of the floors above. The format is specified in `README.md` beside this file.

mod directory;
pub mod item;
mod seal;

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::Arc;

use tokio::sync::Notify;
use zeroize::Zeroizing;

use crate::policy::{HeldStore, QuarantineSettings};
use directory::Directory;
use item::{Delivery, Facts, Item, State};
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
    /// Another process has the store.
    Locked,
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
            Self::Locked => "the store is in use by another process",
            Self::Io(_) => "the store of held requests cannot be used",
        })
    }
}

impl std::error::Error for Fault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(source) => Some(source),
            _ => None,
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
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
}

/// The held requests of one configuration.
pub struct Quarantine {
    settings: QuarantineSettings,
    keys: Keys,
    store: Arc<Store>,
    /// Something became of an item.
    changed: Arc<Notify>,
}

impl Quarantine {
    /// Opens the store. Waits for the disk.
    ///
    /// # Errors
    /// What keeps it from being used.
    pub fn open(settings: &QuarantineSettings) -> Result<Arc<Self>, Fault> {
        let keys = Keys::new(settings.key.clone());
        let store = match &settings.store {
            HeldStore::Directory(path) => Store::Directory(Directory::open(path, &keys)?),
        };
        Ok(Arc::new(Self { settings: settings.clone(), keys, store: Arc::new(store), changed: Arc::default() }))
    }

    /// The same store under other settings; none where it is another store, or has another key.
    #[must_use]
    pub fn under(&self, settings: &QuarantineSettings) -> Option<Arc<Self>> {
        let same = self.settings.store == settings.store && self.settings.key == settings.key;
        let (store, changed) = (Arc::clone(&self.store), Arc::clone(&self.changed));
        let keys = Keys::new(settings.key.clone());
        same.then(|| Arc::new(Self { settings: settings.clone(), keys, store, changed }))
    }

    /// What the configuration says of it.
    #[must_use]
    pub fn settings(&self) -> &QuarantineSettings {
        &self.settings
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
        self.apart(move |this| match &*this.store {
            Store::Directory(directory) => directory.put(&this.keys, &item, &bytes, &bounds),
        })
        .await
    }

    /// An item.
    ///
    /// # Errors
    /// There is none, or the store cannot be read.
    pub async fn item(self: &Arc<Self>, id: &str) -> Result<Item, Fault> {
        match &*self.store {
            Store::Directory(directory) => directory.item(id).ok_or(Fault::Unknown),
        }
    }

    /// Every item, the oldest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn items(self: &Arc<Self>) -> Result<Vec<Item>, Fault> {
        let mut items = match &*self.store {
            Store::Directory(directory) => directory.pick(|_| true),
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
        }
    }

    /// What an item holds.
    ///
    /// # Errors
    /// It is erased, is not as it was written, or cannot be read.
    pub async fn content(self: &Arc<Self>, item: &Item) -> Result<Zeroizing<Vec<u8>>, Fault> {
        let item = item.clone();
        self.apart(move |this| {
            let bytes = match &*this.store {
                Store::Directory(directory) => directory.body(&item)?,
            };
            this.keys.open(&item, &bytes).map_err(|_| Fault::Tampered)
        })
        .await
    }

    /// Makes an item what it has become. It is so, whatever happens, once this is done; where the outcome is final and
    /// there is a webhook, it is to be told.
    ///
    /// # Errors
    /// It has changed meanwhile, or the store cannot be written: then it is what it was.
    pub async fn change(self: &Arc<Self>, after: Item) -> Result<Item, Fault> {
        let tells = after.state.is_final() && after.delivery == Delivery::None && self.settings.webhook.is_some();
        let after = if tells { Item { delivery: Delivery::Due, ..after } } else { after };
        let result = self
            .apart(move |this| match &*this.store {
                Store::Directory(directory) => directory.change(&this.keys, &after).map(|()| after),
            })
            .await;
        self.changed.notify_waiters();
        result
    }

    /// Resolves when something became of an item after this was called.
    pub fn changing(&self) -> tokio::sync::futures::Notified<'_> {
        self.changed.notified()
    }

    /// Lets time pass: gives the items of which it has made something else. What was decided long ago is forgotten.
    ///
    /// # Errors
    /// The store cannot be used.
    pub async fn sweep(self: &Arc<Self>, now: u64) -> Result<Vec<Item>, Fault> {
        let mut aged = Vec::new();
        let keep = u64::try_from(self.settings.keep.as_millis()).unwrap_or(u64::MAX);
        let ended = |item: &Item| item.verdict.as_ref().map_or(item.facts.expires, |verdict| verdict.time);
        let over = |item: &Item| item.state.is_final() && item.delivery != Delivery::Due;
        let (mut items, count) = match &*self.store {
            Store::Directory(directory) => {
                let count = directory.count();
                let all = count > self.settings.max_records;
                let old = |item: &Item| over(item) && (all || ended(item).saturating_add(keep) < now);
                (directory.pick(|item| item.aged(now).is_some() || old(item)), count)
            }
        };
        items.sort_by_key(ended);
        let mut surplus = count.saturating_sub(self.settings.max_records);
        for item in items {
            if let Some(next) = item.aged(now) {
                match self.change(next).await {
                    Ok(item) => aged.push(item),
                    // Somebody decided in the same moment.
                    Err(Fault::Conflict | Fault::Unknown) => {}
                    Err(error) => return Err(error),
                }
                continue;
            }
            if over(&item) && (ended(&item).saturating_add(keep) < now || surplus > 0) {
                surplus = surplus.saturating_sub(1);
                let id = item.facts.id;
                self.apart(move |this| match &*this.store {
                    Store::Directory(directory) => directory.forget(&id),
                })
                .await?;
            }
        }
        Ok(aged)
    }

    /// Runs what waits for a disk where nobody else waits behind it.
    async fn apart<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let this = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || work(&this)).await;
        done.unwrap_or_else(|_| Err(Fault::Io(io::ErrorKind::Other.into())))
    }
}

impl fmt::Debug for Quarantine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Quarantine({:?})", self.settings.store)
    }
}

#[cfg(test)]
mod tests;
