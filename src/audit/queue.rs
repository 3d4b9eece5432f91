//! The way to the thread that writes: records are laid out for it, and it is called once for all that are there.
//!
//! Waking a thread and putting it to sleep again costs as much as the record itself. So whoever hands a record over lets the
//! tasks that are ready go first, and calls for what all of them have laid out by then; where nobody else is ready, that
//! is at once. Whoever does not wait for the record calls when it lets go of the [`Ack`].

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::mpsc::{SyncSender, TrySendError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::{Entry, Unavailable, writer};

/// A word to the thread that writes.
pub(super) enum Message {
    /// Records are laid out.
    Records,
    /// Another key is to sign.
    Key(Box<writer::Change>),
    /// What waits is the last.
    Stop,
}

/// A record that waits to be written.
pub(super) struct Waiting {
    pub(super) entry: Entry,
    pub(super) ack: oneshot::Sender<Result<(), Unavailable>>,
    pub(super) _slot: OwnedSemaphorePermit,
}

/// What is laid out, and the way to call.
pub(super) struct Queue {
    sender: SyncSender<Message>,
    laid: Mutex<Laid>,
}

#[derive(Default)]
struct Laid {
    /// In the order in which they are to be written.
    records: Vec<Waiting>,
    /// The writer has been called, and has not taken all of them since.
    called: bool,
    /// Nobody writes any more.
    closed: bool,
}

impl Queue {
    pub(super) fn new(sender: SyncSender<Message>) -> Self {
        Self { sender, laid: Mutex::default() }
    }

    fn laid(&self) -> MutexGuard<'_, Laid> {
        self.laid.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says a word, if there is room for it.
    pub(super) fn say(&self, message: Message) -> Result<(), TrySendError<Message>> {
        self.sender.try_send(message)
    }

    /// Lays a record out.
    pub(super) fn lay(self: &Arc<Self>, entry: Entry, slot: OwnedSemaphorePermit) -> Ack {
        let (ack, written) = oneshot::channel();
        let mut laid = self.laid();
        // Where nobody writes, whoever waits hears of it: what they wait for is dropped.
        if !laid.closed {
            laid.records.push(Waiting { entry, ack, _slot: slot });
        }
        drop(laid);
        Ack { written, queue: Arc::clone(self), waits: Waits::Others }
    }

    /// Calls for what is laid out, where that has not been done.
    fn call(&self) {
        let mut laid = self.laid();
        if laid.called || laid.records.is_empty() {
            return;
        }
        // One call is under way at most, for which there is always room; and the writer looks by itself now and then.
        laid.called = self.sender.try_send(Message::Records).is_ok();
    }

    /// Lets go of what is laid out, and of what comes, when what this gives is dropped: the writer holds it while it runs.
    pub(super) fn open(&self) -> Open<'_> {
        Open(self)
    }

    /// Takes as many records as there are up to `most`, into an empty list; whether there are more.
    pub(super) fn take(&self, batch: &mut Vec<Waiting>, most: usize) -> bool {
        let mut laid = self.laid();
        if laid.records.len() <= most {
            std::mem::swap(&mut laid.records, batch);
            laid.called = false;
            return false;
        }
        batch.extend(laid.records.drain(..most));
        true
    }
}

/// See [`Queue::open`].
pub(super) struct Open<'a>(&'a Queue);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        let mut laid = self.0.laid();
        laid.closed = true;
        laid.records.clear();
    }
}

/// Resolves when the record is written as the durability says, or cannot be.
#[must_use = "the end of what the record is of waits for it"]
pub struct Ack {
    written: oneshot::Receiver<Result<(), Unavailable>>,
    queue: Arc<Queue>,
    waits: Waits,
}

/// What an [`Ack`] waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waits {
    /// Tasks that are ready and may have records as well.
    Others,
    /// Its turn behind them.
    Turn,
    /// The thread that writes.
    Writer,
}

impl Future for Ack {
    type Output = Result<(), Unavailable>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.waits {
            Waits::Others => {
                self.waits = Waits::Turn;
                // Whoever is woken while it runs goes behind the tasks that are ready.
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            Waits::Turn => {
                self.waits = Waits::Writer;
                self.queue.call();
            }
            Waits::Writer => {}
        }
        Pin::new(&mut self.written).poll(context).map(|written| written.unwrap_or(Err(Unavailable)))
    }
}

impl Drop for Ack {
    fn drop(&mut self) {
        if self.waits != Waits::Writer {
            self.queue.call();
        }
    }
}

impl fmt::Debug for Ack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ack")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, sync_channel};
    use std::task::Waker;

    use tokio::sync::Semaphore;

    use super::super::Kind;
    use super::*;

    struct Desk {
        queue: Arc<Queue>,
        calls: Receiver<Message>,
        slots: Arc<Semaphore>,
    }

    impl Desk {
        fn new() -> Self {
            let (sender, calls) = sync_channel(4);
            Self { queue: Arc::new(Queue::new(sender)), calls, slots: Arc::new(Semaphore::new(16)) }
        }

        fn lay(&self) -> Ack {
            let slot = Arc::clone(&self.slots).try_acquire_owned().unwrap();
            self.queue.lay(Entry::new(Kind::Exchange), slot)
        }

        fn calls(&self) -> usize {
            self.calls.try_iter().count()
        }
    }

    fn poll(ack: &mut Ack) -> Poll<Result<(), Unavailable>> {
        Pin::new(ack).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn one_call_is_for_all_that_are_ready() {
        let desk = Desk::new();
        let mut acks: Vec<Ack> = (0..3).map(|_| desk.lay()).collect();
        assert!(acks.iter_mut().all(|ack| poll(ack).is_pending()));
        assert_eq!(desk.calls(), 0);
        assert!(acks.iter_mut().all(|ack| poll(ack).is_pending()));
        assert_eq!(desk.calls(), 1);
        let mut batch = Vec::new();
        assert!(desk.queue.take(&mut batch, 2));
        assert_eq!(batch.drain(..).count(), 2);
        assert!(!desk.queue.take(&mut batch, 2));
        assert_eq!(batch.drain(..).count(), 1);
        // What comes now is called for anew.
        drop(desk.lay());
        assert_eq!(desk.calls(), 1);
    }

    #[test]
    fn whoever_waits_hears_that_nobody_writes() {
        let desk = Desk::new();
        let open = desk.queue.open();
        let mut early = desk.lay();
        assert!(poll(&mut early).is_pending() && poll(&mut early).is_pending());
        drop(open);
        assert_eq!(poll(&mut early), Poll::Ready(Err(Unavailable)));
        let mut late = desk.lay();
        assert!(poll(&mut late).is_pending());
        assert_eq!(poll(&mut late), Poll::Ready(Err(Unavailable)));
        assert_eq!(desk.slots.available_permits(), 16);
    }
}
