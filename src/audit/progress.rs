//! Whether the writer goes on: a disk that hangs gives no error, and whoever writes to it cannot say so.
//!
//! Enters: the writer's word that it begins something, or rests. Leaves: whether it has been at one thing for too long,
//! which a thread of its own looks for. Told in looks, not in time: the clocks of a log may be set, this may not.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use super::Health;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(500);
/// So many looks that find the writer at the same thing make five seconds.
pub(super) const LOOKS: u64 = 10;

/// What the writer is at.
#[derive(Default, Debug)]
pub(super) struct Progress {
    /// Counts what it begins; even while it rests.
    step: AtomicU64,
    /// It has been at one thing for too long.
    stalled: AtomicBool,
}

/// What a look found last, and how often.
#[derive(Default, Debug)]
pub(super) struct Seen {
    step: u64,
    times: u64,
}

impl Progress {
    /// The writer begins something, be it the next thing.
    pub(super) fn works(&self) {
        self.step(1);
    }

    /// The writer waits for something to do.
    pub(super) fn rests(&self) {
        self.step(0);
    }

    fn step(&self, parity: u64) {
        let before = self.step.load(Ordering::Acquire);
        let by = if before % 2 == parity { 2 } else { 1 };
        self.step.store(before.wrapping_add(by), Ordering::Release);
    }

    /// Whether it is at something.
    #[cfg(test)]
    pub(super) fn is_at_work(&self) -> bool {
        self.step.load(Ordering::Acquire) % 2 == 1
    }

    /// Whether it has been at one thing for too long.
    pub(super) fn is_stalled(&self) -> bool {
        self.stalled.load(Ordering::Acquire)
    }

    /// Looks at it, and says in the log what has changed.
    pub(super) fn look(&self, seen: &mut Seen) {
        let step = self.step.load(Ordering::Acquire);
        let same = step % 2 == 1 && step == seen.step;
        *seen = Seen { step, times: if same { seen.times.saturating_add(1) } else { 0 } };
        let stalled = seen.times >= LOOKS;
        if self.stalled.swap(stalled, Ordering::AcqRel) == stalled {
            return;
        }
        if stalled {
            tracing::error!(
                "the audit log has not been written for five seconds: the disk hangs, requests are refused"
            );
        } else {
            tracing::warn!("the audit log goes on");
        }
    }
}

/// Looks at the writer until what this gives is dropped.
pub(super) fn follow(health: Arc<Health>) -> io::Result<SyncSender<()>> {
    let (alive, gone) = sync_channel::<()>(0);
    std::thread::Builder::new().name("audit-watch".to_owned()).spawn(move || {
        let mut seen = Seen::default();
        while gone.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
            health.progress.look(&mut seen);
        }
    })?;
    Ok(alive)
}
