//! The open connections of the admin listener, and which of them gives way to the next.
//!
//! Enters: connections as they are accepted. Leaves: a place for each. Where there is none, the connection that has asked for
//! nothing for longest goes, so that whoever holds connections open keeps no probe waiting. One whose answer is being
//! made stays until that has left; one that does not take it goes as well.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;

/// How long a connection has to go before another is asked.
const NEXT: Duration = Duration::from_millis(100);
/// How long an answer may take to leave.
const TAKEN: Duration = Duration::from_secs(10);

/// All of them.
#[derive(Debug)]
pub(super) struct Guests {
    places: Arc<Semaphore>,
    /// Those that ask for nothing, the idlest first.
    idle: Mutex<Vec<Arc<Presence>>>,
}

/// One connection, while it lives.
#[derive(Debug)]
pub(super) struct Guest {
    all: Arc<Guests>,
    presence: Arc<Presence>,
    _place: OwnedSemaphorePermit,
}

/// What a connection does.
#[derive(Default, Debug)]
struct Presence {
    leave: Notify,
    /// Its place is another's.
    told: AtomicBool,
    doing: watch::Sender<Doing>,
}

/// How far a connection is with what it asks.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
enum Doing {
    /// It asks for nothing.
    #[default]
    Waiting,
    /// Its answer is being made.
    Asking,
    /// The answer is on its way.
    Taking,
}

impl Guests {
    pub(super) fn new(most: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(most)), idle: Mutex::default() }
    }

    /// A place for a connection, another's if need be.
    pub(super) async fn enter(self: &Arc<Self>) -> Guest {
        let place = loop {
            if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
                break place;
            }
            if let Some(idlest) = self.idlest() {
                idlest.told.store(true, Ordering::Release);
                idlest.leave.notify_one();
            }
            if let Ok(Ok(place)) = timeout(NEXT, Arc::clone(&self.places).acquire_owned()).await {
                break place;
            }
        };
        let presence = Arc::new(Presence::default());
        self.idle().push(Arc::clone(&presence));
        Guest { all: Arc::clone(self), presence, _place: place }
    }

    fn idlest(&self) -> Option<Arc<Presence>> {
        let mut idle = self.idle();
        if idle.is_empty() { None } else { Some(idle.remove(0)) }
    }

    fn forget(&self, presence: &Arc<Presence>) {
        self.idle().retain(|known| !Arc::ptr_eq(known, presence));
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Arc<Presence>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Guest {
    /// Resolves when its place is another's, and it is not being answered.
    pub(super) async fn asked_to_go(&self) {
        loop {
            self.presence.leave.notified().await;
            if *self.presence.doing.borrow() == Doing::Waiting {
                return;
            }
        }
    }

    /// Resolves when it has not taken an answer for too long.
    pub(super) async fn stuck(&self) {
        let mut doing = self.presence.doing.subscribe();
        // The sender lives as long as this.
        while doing.wait_for(|doing| *doing == Doing::Taking).await.is_ok() {
            if timeout(TAKEN, doing.wait_for(|doing| *doing != Doing::Taking)).await.is_err() {
                return;
            }
        }
    }

    /// It is being answered until what this gives is dropped.
    pub(super) fn asks(&self) -> Asking {
        self.presence.doing.send_replace(Doing::Asking);
        self.all.forget(&self.presence);
        Asking { all: Arc::clone(&self.all), presence: Arc::clone(&self.presence) }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.all.forget(&self.presence);
    }
}

/// A connection that is being answered, to the last byte; it waits again, as the last of all, when this is dropped.
pub(super) struct Asking {
    all: Arc<Guests>,
    presence: Arc<Presence>,
}

impl Asking {
    /// The answer is made, and leaves.
    pub(super) fn answers(&self) {
        self.presence.doing.send_replace(Doing::Taking);
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.presence.doing.send_replace(Doing::Waiting);
        if self.presence.told.load(Ordering::Acquire) {
            self.presence.leave.notify_one();
        } else {
            self.all.idle().push(Arc::clone(&self.presence));
        }
    }
}
