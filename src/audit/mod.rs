//! The audit log: what enters are entries, what leaves are files that prove what was written and that nothing is missing.
//!
//! One thread writes. A [`Slot`] is taken before an exchange begins, so that its record always has a place in the queue;
//! the answer's end waits for the [`Ack`] of the record. A log that cannot be written gives no slots. The format is in
//! `README.md` beside this file; [`verify`] checks it and shares nothing with the writer but the hashes ([`chain`]),
//! the signatures ([`note`]) and the form of times.

pub mod acts;
pub mod chain;
mod files;
pub mod keys;
pub mod note;
mod open;
mod progress;
mod queue;
pub mod read;
pub mod record;
mod segment;
pub mod tail;
pub mod verify;
mod writer;

#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::policy::AuditSettings;

use progress::Progress;
pub use queue::Ack;
use queue::{Message, Queue};
pub use record::{Entry, Kind, Receipt};

/// Records that may wait to be written, besides one for each request that may be in flight.
pub const QUEUE: usize = 8192;
/// How long a request waits for a slot before it is refused.
const SLOT_WAIT: Duration = Duration::from_secs(1);
/// How long a change of keys may take.
const KEY_WAIT: Duration = Duration::from_secs(30);

/// A reading of the clocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moment {
    /// Milliseconds since 1970.
    pub unix_ms: u64,
    /// Nanoseconds of a clock that is never set.
    pub mono_ns: u64,
}

/// Reads the clocks; whoever opens a log lends it theirs.
pub type Clock = fn() -> Moment;

/// The log cannot be written now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unavailable;

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the audit log cannot be written")
    }
}

impl std::error::Error for Unavailable {}

/// Why a log cannot be opened.
#[derive(Debug)]
pub enum OpenError {
    /// The file system's fault.
    Io(PathBuf, io::Error),
    /// Another process writes it.
    Locked(PathBuf),
    /// It was begun with another key.
    OtherKey(PathBuf),
    /// The signing key is none.
    Key,
    /// It is not what was written: what is wrong, and where.
    Broken(PathBuf, String),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(path, _) => write!(f, "audit: cannot use {}", path.display()),
            Self::Locked(path) => write!(f, "audit: {} is in use by another process", path.display()),
            Self::OtherKey(path) => {
                write!(
                    f,
                    "audit: the log in {} belongs to another signing key (`blackbar audit rotate-key` changes it)",
                    path.display()
                )
            }
            Self::Key => f.write_str("audit: the signing key is no Ed25519 key"),
            Self::Broken(path, what) => write!(f, "audit: {} is broken: {what}", path.display()),
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(_, source) => Some(source),
            Self::Locked(_) | Self::OtherKey(_) | Self::Key | Self::Broken(..) => None,
        }
    }
}

/// Why a log is not signed with another key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyFault {
    /// It is no Ed25519 key.
    Key,
    /// The log cannot be written now; nothing is changed, or the change is written as soon as it can be.
    Unavailable,
    /// The log does not take this key, and why.
    Refused(&'static str),
}

impl fmt::Display for KeyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key => write!(f, "{}", OpenError::Key),
            Self::Unavailable => write!(f, "audit: the signing key is not changed: {Unavailable}"),
            Self::Refused(why) => write!(f, "audit: the signing key is not changed: {why}"),
        }
    }
}

impl std::error::Error for KeyFault {}

/// How a log is, for metrics and readiness.
#[derive(Default, Debug)]
pub struct Health {
    failing: AtomicBool,
    records: AtomicU64,
    failures: AtomicU64,
    /// Slots that were refused and that no record tells of yet.
    refused: AtomicU64,
    sealed: AtomicU64,
    sealed_at_ms: AtomicU64,
    progress: Progress,
}

impl Health {
    /// Whether it cannot be written now: a write failed, or one has not ended for five seconds.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Acquire) || self.progress.is_stalled()
    }

    /// Records in the log.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.records.load(Ordering::Relaxed)
    }

    /// Writes and syncs that failed since the start.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Records under a checkpoint.
    #[must_use]
    pub fn sealed(&self) -> u64 {
        self.sealed.load(Ordering::Relaxed)
    }

    /// When the last checkpoint was written, in milliseconds since 1970; 0 before the first of this process.
    #[must_use]
    pub fn sealed_at_ms(&self) -> u64 {
        self.sealed_at_ms.load(Ordering::Relaxed)
    }
}

/// An open log.
pub struct AuditLog {
    queue: Arc<Queue>,
    slots: Arc<Semaphore>,
    health: Arc<Health>,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// As long as it is there, somebody looks whether the writer goes on.
    _watch: SyncSender<()>,
}

/// A place in the queue, for one record.
pub struct Slot {
    queue: Arc<Queue>,
    permit: OwnedSemaphorePermit,
}

impl AuditLog {
    /// Opens the log in the directory of `settings`, or begins one. A tail that a crash has torn is put aside; whatever
    /// else is not as it was written is an error. `in_flight` is how many slots may be held at once beyond [`QUEUE`];
    /// `start` is the first record.
    ///
    /// # Errors
    /// What keeps the log from being written.
    pub fn open(settings: &AuditSettings, in_flight: usize, clock: Clock, start: Entry) -> Result<Self, OpenError> {
        let health = Arc::new(Health::default());
        let writer = open::open(settings, clock, Arc::clone(&health), start)?;
        let slots = QUEUE.saturating_add(in_flight).min(Semaphore::MAX_PERMITS);
        // A word for each change of keys, which takes a slot, one that records are there, and the one that ends it.
        let (sender, receiver) = sync_channel(slots.saturating_add(2));
        let queue = Arc::new(Queue::new(sender));
        let failed = |error| OpenError::Io(settings.directory.clone(), error);
        let watch = progress::follow(Arc::clone(&health)).map_err(failed)?;
        let laid = Arc::clone(&queue);
        let thread = std::thread::Builder::new().name("audit".to_owned()).spawn(move || {
            let _open = laid.open();
            writer.run(&receiver, &laid);
        });
        let thread = Mutex::new(Some(thread.map_err(failed)?));
        Ok(Self { queue, slots: Arc::new(Semaphore::new(slots)), health, thread, _watch: watch })
    }

    /// A place for one record, waited for a moment.
    ///
    /// # Errors
    /// The log cannot be written, or is too far behind.
    pub async fn slot(&self) -> Result<Slot, Unavailable> {
        let slot = self.free_slot().await;
        if slot.is_err() {
            self.health.refused.fetch_add(1, Ordering::Relaxed);
        }
        slot
    }

    async fn free_slot(&self) -> Result<Slot, Unavailable> {
        if self.health.is_failing() {
            return Err(Unavailable);
        }
        let permit = match Arc::clone(&self.slots).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => tokio::time::timeout(SLOT_WAIT, Arc::clone(&self.slots).acquire_owned())
                .await
                .map_err(|_| Unavailable)?
                .map_err(|_| Unavailable)?,
        };
        Ok(Slot { queue: Arc::clone(&self.queue), permit })
    }

    /// Writes a record of the program itself; a log that is behind or failing gets it as soon as it can.
    pub fn note(&self, entry: Entry) {
        if let Ok(permit) = Arc::clone(&self.slots).try_acquire_owned() {
            drop(self.queue.lay(entry, permit));
        }
    }

    /// Lets another key (PKCS#8 in DER) sign from here on; the one in force signs that it does. Nothing where it is in
    /// force already. Blocks until the new key has signed what is there.
    ///
    /// # Errors
    /// Why it does not. A key that was in force before does not come back.
    pub fn change_key(&self, der: &[u8]) -> Result<(), KeyFault> {
        let key = note::SigningKey::from_pkcs8(der).map_err(|_| KeyFault::Key)?;
        let slot = Arc::clone(&self.slots).try_acquire_owned().map_err(|_| KeyFault::Unavailable)?;
        let (done, changed) = sync_channel(1);
        let change = writer::Change { key, done, _slot: slot };
        self.queue.say(Message::Key(Box::new(change))).map_err(|_| KeyFault::Unavailable)?;
        changed.recv_timeout(KEY_WAIT).unwrap_or(Err(KeyFault::Unavailable))
    }

    /// How it is.
    #[must_use]
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// Writes what waits and a last record, signs, and ends. Blocks.
    pub fn close(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // There is always room for it; where the thread has gone, there is nothing to end.
            let _ = self.queue.say(Message::Stop);
            let _ = thread.join();
        }
    }
}

impl Drop for AuditLog {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for AuditLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuditLog({:?})", self.health)
    }
}

impl Slot {
    /// Hands the record over. It will be written, also where nobody waits for it.
    pub fn record(self, entry: Entry) -> Ack {
        self.queue.lay(entry, self.permit)
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Slot")
    }
}
