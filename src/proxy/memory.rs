//! How much may wait in memory for all that is under way, and who has what of it.
//!
//! Enters: what bodies, heads and messages hold back, as they grow and shrink. Leaves: whether there is room for it; where there is
//! none, whoever asked for it ends, as one that is over a bound of its own. A stream that holds little is never counted, so
//! that it costs nothing to count, and an ordinary one goes on while others fill the memory. One number, and no lock.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use super::reply::{ErrorKind, ProxyError};

/// What holds no more than this holds nothing.
pub(crate) const FREE: usize = 16 << 10;

/// What all charges may be together.
pub(crate) struct MemoryBudget {
    held: AtomicU64,
    most: AtomicU64,
}

impl MemoryBudget {
    /// One of so many bytes.
    pub(crate) fn new(most: u64) -> Arc<Self> {
        Arc::new(Self { held: AtomicU64::new(0), most: AtomicU64::new(most) })
    }

    /// It is of so many bytes from now on; what is held stays.
    pub(crate) fn bound(&self, most: u64) {
        self.most.store(most, Ordering::Relaxed);
    }

    /// Bytes that are held, and how many may be.
    pub(crate) fn state(&self) -> (u64, u64) {
        (self.held.load(Ordering::Relaxed), self.most.load(Ordering::Relaxed))
    }

    fn take(&self, bytes: u64) -> bool {
        let most = self.most.load(Ordering::Relaxed);
        let more = |held: u64| held.checked_add(bytes).filter(|held| *held <= most);
        self.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }
}

impl fmt::Debug for MemoryBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (held, most) = self.state();
        write!(f, "MemoryBudget({held} of {most} bytes)")
    }
}

/// There is no room for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct NoRoom;

impl From<NoRoom> for ProxyError {
    fn from(_: NoRoom) -> Self {
        Self::internal(ErrorKind::Memory)
    }
}

/// What one holder has of the budget, until it is dropped.
#[derive(Debug)]
pub(crate) struct Charge {
    budget: Arc<MemoryBudget>,
    bytes: u64,
}

impl Charge {
    /// Of a holder that holds nothing yet.
    pub(crate) fn new(budget: &Arc<MemoryBudget>) -> Self {
        Self { budget: Arc::clone(budget), bytes: 0 }
    }

    /// It holds so many bytes now.
    ///
    /// # Errors
    /// There is no room for more than it held before; that stays charged.
    pub(crate) fn set(&mut self, bytes: usize) -> Result<(), NoRoom> {
        let bytes = if bytes <= FREE { 0 } else { bytes as u64 };
        if bytes > self.bytes {
            if !self.budget.take(bytes - self.bytes) {
                return Err(NoRoom);
            }
        } else if bytes < self.bytes {
            self.budget.held.fetch_sub(self.bytes - bytes, Ordering::Relaxed);
        }
        self.bytes = bytes;
        Ok(())
    }

    /// What of it so many bytes take, to be charged apart from now on.
    pub(crate) fn part(&mut self, bytes: usize) -> Self {
        let bytes = self.bytes.min(bytes as u64);
        self.bytes -= bytes;
        Self { budget: Arc::clone(&self.budget), bytes }
    }

    /// These bytes, charged for until the last of them is dropped.
    ///
    /// # Errors
    /// There is no room for them.
    pub(crate) fn over(mut self, bytes: Bytes) -> Result<Bytes, NoRoom> {
        self.set(bytes.len())?;
        Ok(if self.bytes == 0 { bytes } else { Bytes::from_owner(Charged { bytes, _charge: self }) })
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.budget.held.fetch_sub(self.bytes, Ordering::Relaxed);
        }
    }
}

/// Bytes and what they are charged with.
struct Charged {
    bytes: Bytes,
    _charge: Charge,
}

impl AsRef<[u8]> for Charged {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_bounded_to_the_byte_and_free_again() {
        let most = 3 * FREE;
        let budget = MemoryBudget::new(most as u64);
        let mut one = Charge::new(&budget);
        assert_eq!(one.set(FREE), Ok(()));
        assert_eq!(budget.state(), (0, most as u64), "little is nothing");
        assert_eq!((one.set(most - 1), one.set(most), one.set(most + 1)), (Ok(()), Ok(()), Err(NoRoom)));
        assert_eq!(budget.state().0, most as u64, "what it has stays its own");
        let mut other = Charge::new(&budget);
        assert_eq!((other.set(FREE), other.set(FREE + 1)), (Ok(()), Err(NoRoom)));
        assert_eq!(one.set(most - FREE - 1), Ok(()));
        assert_eq!((other.set(FREE + 2), other.set(FREE + 1)), (Err(NoRoom), Ok(())));
        drop(one);
        assert_eq!(budget.state().0, FREE as u64 + 1);
        // A smaller budget takes nothing away.
        budget.bound(1);
        assert_eq!((other.set(FREE + 1), other.set(FREE + 2)), (Ok(()), Err(NoRoom)));
        drop(other);
        assert_eq!(budget.state().0, 0);
    }

    #[test]
    fn bytes_are_charged_for_until_the_last_is_dropped() {
        let budget = MemoryBudget::new(1 << 20);
        let whole = Charge::new(&budget).over(vec![7; 2 * FREE].into()).expect("there is room");
        let part = whole.slice(3..5);
        drop(whole);
        assert_eq!((budget.state().0, &part[..]), (2 * FREE as u64, &[7, 7][..]));
        drop(part);
        assert_eq!(budget.state().0, 0);
        let mut charge = Charge::new(&budget);
        charge.set(5 * FREE).expect("there is room");
        let part = charge.part(2 * FREE);
        drop(charge);
        assert_eq!(budget.state().0, 2 * FREE as u64);
        drop(part);
        assert!(Charge::new(&budget).over(vec![7; (1 << 20) + 1].into()).is_err());
        assert_eq!(budget.state().0, 0);
    }
}
