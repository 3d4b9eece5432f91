//! Held requests in files of one proxy.
//!
//! Enters: items and their sealed content. Leaves: the same, whenever the process or the machine died. Each file is written
//! beside its place, synced, renamed, and its directory synced, before anyone is told; so each name always holds a whole
//! file. The content comes before its item and goes after it: an item that waits has its content. One process owns the
//! directory, by a lock that dies with it, and what was being sent when the last owner died may have been sent. What is not
//! as it was written is set aside, under another name, and nothing becomes of it.

use std::collections::HashMap;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::item::{Delivery, Item, State};
use super::seal::{ITEM_BYTES, Keys};
use super::{Bounds, Fault, Passing, Usage, ended};

/// How files are called.
const ITEM: &str = "item";
const BODY: &str = "body";
const PART: &str = "part";
const DAMAGED: &str = "damaged";
/// The file that tells whose key the items are of, and the most that is read of it.
const KEY: &str = "key";
const KEY_BYTES: u64 = 1 << 10;

/// The files, and what is in them.
pub(super) struct Directory {
    path: PathBuf,
    _lock: File,
    shelf: Mutex<Shelf>,
    damaged: AtomicU64,
}

#[derive(Default)]
struct Shelf {
    items: HashMap<String, Item>,
    usage: Usage,
}

impl Directory {
    /// Takes the directory over; it is made if it is missing.
    pub(super) fn open(path: &Path, keys: &Keys) -> Result<Self, Fault> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path.join("lock"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Fault::Locked),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let directory =
            Self { path: path.to_owned(), _lock: lock, shelf: Mutex::default(), damaged: AtomicU64::new(0) };
        directory.take_over(keys)?;
        Ok(directory)
    }

    /// Reads what is there, ends what was under way, and sweeps up what no item speaks of.
    fn take_over(&self, keys: &Keys) -> Result<(), Fault> {
        let (mut items, mut bodies) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(&self.path)? {
            let path = entry?.path();
            let stem = path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned);
            match (path.extension().and_then(|extension| extension.to_str()), stem) {
                (Some(PART), _) => fs::remove_file(&path)?,
                (Some(ITEM), Some(id)) => items.push((id, path)),
                (Some(BODY), Some(id)) => bodies.push(id),
                _ => {}
            }
        }
        let mut read_items = Vec::new();
        for (id, path) in items {
            match read(&path, ITEM_BYTES as u64) {
                Ok(bytes) => read_items.push((keys.read(&bytes).ok().filter(|item| item.facts.id == id), id)),
                Err(error) if error.kind() == io::ErrorKind::InvalidData => read_items.push((None, id)),
                Err(error) => return Err(error.into()),
            }
        }
        self.belongs_to(keys, read_items.is_empty() || read_items.iter().any(|(item, _)| item.is_some()))?;
        for (item, id) in read_items {
            let Some(item) = item else {
                self.set_aside(&id, bodies.contains(&id))?;
                bodies.retain(|body| *body != id);
                continue;
            };
            let has_body = bodies.contains(&id);
            let next = match item.state {
                _ if item.has_content() && !has_body => {
                    tracing::error!(item = id, "the content of a held request is gone");
                    Some(item.becoming(State::Failed { code: "content_gone".to_owned() }))
                }
                State::Releasing { .. } => Some(item.becoming(State::Uncertain)),
                _ => None,
            };
            let item = match next {
                Some(next) => {
                    self.write(&name(&id, ITEM), &keys.write(&next)?)?;
                    next
                }
                None => item,
            };
            let mut shelf = self.shelf();
            if item.has_content() {
                shelf.usage.add(&item.facts.workspace, item.sealed);
            }
            shelf.items.insert(id, item);
        }
        for id in bodies {
            if !self.shelf().items.get(&id).is_some_and(Item::has_content) {
                fs::remove_file(self.path.join(name(&id, BODY)))?;
            }
        }
        self.sync()?;
        Ok(())
    }

    /// Whether the items are of this key. A directory that does not say is of the key that opens one of its items.
    fn belongs_to(&self, keys: &Keys, opens: bool) -> Result<(), Fault> {
        let own = keys.fingerprint().map_err(|_| Fault::Seal)?;
        match read(&self.path.join(KEY), KEY_BYTES) {
            Ok(theirs) if theirs.trim_ascii() == own.as_bytes() => Ok(()),
            Ok(_) => Err(Fault::OtherKey),
            Err(error) if error.kind() == io::ErrorKind::NotFound && opens => {
                self.write(KEY, own.as_bytes())?;
                Ok(self.sync()?)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Fault::OtherKey),
            Err(error) => Err(error.into()),
        }
    }

    /// Puts an item that does not hold where it is not read again. Nobody could be told whose it was.
    fn set_aside(&self, id: &str, has_body: bool) -> io::Result<()> {
        for kind in [ITEM, BODY].into_iter().take(1 + usize::from(has_body)) {
            let name = name(id, kind);
            fs::rename(self.path.join(&name), self.path.join(format!("{name}.{DAMAGED}")))?;
        }
        self.damaged.fetch_add(1, Ordering::Relaxed);
        tracing::error!("a held request is not as it was written: it is set aside");
        Ok(())
    }

    /// Items that were set aside since the start.
    pub(super) fn damaged(&self) -> u64 {
        self.damaged.load(Ordering::Relaxed)
    }

    /// What time has made of items.
    pub(super) fn passing(&self, now: u64, keep: u64, records: u64) -> Passing {
        let shelf = self.shelf();
        let surplus = usize::try_from((shelf.items.len() as u64).saturating_sub(records)).unwrap_or(usize::MAX);
        let is_old = |ended: u64| ended.saturating_add(keep) < now;
        let (mut next, mut over) = (Vec::new(), Vec::new());
        for item in shelf.items.values() {
            if let Some(aged) = item.aged(now) {
                next.push(aged);
            } else if item.state.is_final() && item.delivery != Delivery::Due && (surplus > 0 || is_old(ended(item))) {
                over.push((ended(item), item.facts.id.clone()));
            }
        }
        drop(shelf);
        next.sort_by_key(ended);
        over.sort_unstable();
        let over = over.into_iter().enumerate().filter(|(at, (ended, _))| *at < surplus || is_old(*ended));
        Passing { next, forget: over.map(|(_, (_, id))| id).collect() }
    }

    /// Keeps an item and its content. It is on the disk when this returns.
    pub(super) fn put(&self, keys: &Keys, item: &Item, body: &[u8], bounds: &Bounds) -> Result<(), Fault> {
        let workspace = &item.facts.workspace;
        self.shelf().usage.reserve(workspace, item.sealed, bounds)?;
        let written = keys.write(item).and_then(|record| {
            self.write(&name(&item.facts.id, BODY), body)?;
            self.write(&name(&item.facts.id, ITEM), &record)?;
            self.sync()?;
            Ok(())
        });
        let mut shelf = self.shelf();
        match written {
            Ok(()) => {
                shelf.items.insert(item.facts.id.clone(), item.clone());
                Ok(())
            }
            Err(error) => {
                shelf.usage.remove(workspace, item.sealed);
                drop(shelf);
                // What was written of it would be held without anybody knowing.
                for kind in [ITEM, BODY] {
                    let _ = fs::remove_file(self.path.join(name(&item.facts.id, kind)));
                }
                Err(error)
            }
        }
    }

    /// Makes an item another one, if it still is what `after` follows. It is on the disk when this returns.
    pub(super) fn change(&self, keys: &Keys, after: &Item) -> Result<(), Fault> {
        let id = &after.facts.id;
        // Held over the writing: two changes of one item would follow the same one.
        let mut shelf = self.shelf();
        let Some(before) = shelf.items.get(id) else { return Err(Fault::Unknown) };
        if before.turn + 1 != after.turn {
            return Err(Fault::Conflict);
        }
        let erased = before.has_content() && !after.has_content();
        self.write(&name(id, ITEM), &keys.write(after)?)?;
        self.sync()?;
        if erased {
            shelf.usage.remove(&after.facts.workspace, after.sealed);
        }
        shelf.items.insert(id.clone(), after.clone());
        drop(shelf);
        if erased {
            // Its key is gone already; a file that stays is swept up at the next start.
            let _ = fs::remove_file(self.path.join(name(id, BODY)));
        }
        Ok(())
    }

    pub(super) fn item(&self, id: &str) -> Option<Item> {
        self.shelf().items.get(id).cloned()
    }

    /// The items that `wanted` takes.
    pub(super) fn pick(&self, wanted: impl Fn(&Item) -> bool) -> Vec<Item> {
        self.shelf().items.values().filter(|item| wanted(item)).cloned().collect()
    }

    pub(super) fn usage(&self) -> Usage {
        self.shelf().usage.clone()
    }

    /// The sealed content of an item.
    pub(super) fn body(&self, item: &Item) -> Result<Vec<u8>, Fault> {
        read(&self.path.join(name(&item.facts.id, BODY)), item.sealed).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => Fault::Tampered,
            _ => error.into(),
        })
    }

    /// Forgets an item of which nothing will become.
    pub(super) fn forget(&self, id: &str) -> Result<(), Fault> {
        fs::remove_file(self.path.join(name(id, ITEM)))?;
        self.shelf().items.remove(id);
        Ok(())
    }

    /// The file is whole under its name, or not there; the directory is still to be synced.
    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let part = self.path.join(format!("{name}.{PART}"));
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&part, self.path.join(name))
    }

    fn sync(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        // Whoever holds it leaves it as the disk is.
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn name(id: &str, kind: &str) -> String {
    format!("{id}.{kind}")
}

fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "larger than it was written"));
    }
    Ok(bytes)
}
