//! The program's log lines on their way to stderr.
//!
//! Enters: lines, from threads that carry bytes and wait for nobody. Leaves: the same lines in their order, written by a thread of
//! its own. What reads stderr may stop reading: then lines are dropped where the queue is full, and counted; once there is
//! room again a line says how many. At the end of the process what is queued is still written, for three seconds at most.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// Lines that wait, and their bytes.
const LINES: usize = 8192;
const BYTES: usize = 4 << 20;
/// How long the end of the process waits for one more line to be taken, and how often.
const PATIENCE: Duration = Duration::from_millis(500);
const WAITS: usize = 6;
/// Between two attempts where stderr takes nothing and says so.
const AGAIN: Duration = Duration::from_millis(20);

/// The one queue of the process.
pub(super) static LINES_OUT: Queue = Queue::new();

/// Lines that are to be written.
pub(super) struct Queue {
    state: Mutex<State>,
    /// A line has come.
    filled: Condvar,
    /// A line was written.
    written: Condvar,
    /// Lines that were dropped.
    dropped: AtomicU64,
    /// A thread writes what comes.
    runs: AtomicBool,
}

struct State {
    lines: VecDeque<Box<[u8]>>,
    bytes: usize,
    /// A line is out of the queue and not written.
    writing: bool,
    /// Lines that were written.
    count: u64,
    /// Lines that were dropped, of which nothing has been said.
    untold: u64,
}

impl Queue {
    const fn new() -> Self {
        let state = State { lines: VecDeque::new(), bytes: 0, writing: false, count: 0, untold: 0 };
        let (filled, written) = (Condvar::new(), Condvar::new());
        Self { state: Mutex::new(state), filled, written, dropped: AtomicU64::new(0), runs: AtomicBool::new(false) }
    }

    /// Lets a thread write to stderr what comes from now on. Gives whether there is one.
    pub(super) fn start(&'static self) -> bool {
        static STARTED: Once = Once::new();
        STARTED.call_once(|| {
            let write = || {
                self.write(&mut io::stderr(), |dropped| {
                    tracing::warn!(dropped, "log lines were dropped: stderr was not read");
                });
            };
            let runs = std::thread::Builder::new().name("log".to_owned()).spawn(write).is_ok();
            self.runs.store(runs, Ordering::Release);
        });
        self.runs.load(Ordering::Acquire)
    }

    /// A last line is to be written, behind what is queued; where no thread writes, at once and to `out`.
    pub(super) fn push_last(&self, line: &[u8], out: &mut impl Write) {
        if self.runs.load(Ordering::Acquire) {
            self.push(line);
        } else {
            write_whole(out, line);
        }
    }

    /// A line is to be written. Waits for nothing.
    pub(super) fn push(&self, line: &[u8]) {
        let line: Box<[u8]> = line.into();
        let mut state = self.state();
        if state.lines.len() >= LINES || state.bytes + line.len() > BYTES {
            state.untold += 1;
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        state.bytes += line.len();
        state.lines.push_back(line);
        drop(state);
        self.filled.notify_one();
    }

    /// Lines that were dropped so far.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Waits until everything is written, or nobody takes it. Gives whether it was.
    pub(super) fn flush(&self) -> bool {
        let mut state = self.state();
        for _ in 0..WAITS {
            let before = state.count;
            let waits = |state: &mut State| state.writing || !state.lines.is_empty();
            let (after, waited) =
                self.written.wait_timeout_while(state, PATIENCE, waits).unwrap_or_else(PoisonError::into_inner);
            state = after;
            if !waited.timed_out() {
                return true;
            }
            if state.count == before {
                break;
            }
        }
        false
    }

    /// Writes what comes, and tells how many lines were dropped once there is room again. Never ends.
    fn write(&self, out: &mut impl Write, tell: impl Fn(u64)) {
        loop {
            let line = self.next();
            write_whole(out, &line);
            let untold = self.untold();
            if untold > 0 {
                tell(untold);
            }
            let mut state = self.state();
            state.writing = false;
            state.count += 1;
            drop(state);
            self.written.notify_all();
        }
    }

    fn next(&self) -> Box<[u8]> {
        let mut state = self.state();
        loop {
            if let Some(line) = state.lines.pop_front() {
                state.bytes -= line.len();
                state.writing = true;
                return line;
            }
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// How many lines were dropped of which nothing has been said, if there is room to say it.
    fn untold(&self) -> u64 {
        let mut state = self.state();
        let roomy = state.lines.len() <= LINES / 2 && state.bytes <= BYTES / 2;
        if roomy { std::mem::take(&mut state.untold) } else { 0 }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every holder leaves it whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes a line as far as it can be written: of one that fails nobody can be told.
fn write_whole(out: &mut impl Write, mut line: &[u8]) {
    while !line.is_empty() {
        match out.write(line) {
            Ok(0) => return,
            Ok(count) => line = line.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::sleep(AGAIN),
            Err(_) => return,
        }
    }
}

/// Where a line is written to: each call is one line.
pub(super) struct Sink;

impl Write for Sink {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        LINES_OUT.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Sink {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        Self
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic here is a failed test")]

    use std::sync::Arc;
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// A reader that takes a line when it is let.
    struct Reader {
        may: Receiver<()>,
        lines: Sender<Vec<u8>>,
    }

    impl Write for Reader {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            // Whoever lets nothing more is not there any more, and everything may go.
            let _ = self.may.recv();
            let _ = self.lines.send(line.to_vec());
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn who_does_not_read_is_not_waited_for_and_told_later_how_much_was_dropped() {
        let queue: &'static Queue = Box::leak(Box::new(Queue::new()));
        let ((let_go, may), (lines, read)) = (channel(), channel());
        let told = Arc::new(AtomicU64::new(0));
        let tells = Arc::clone(&told);
        std::thread::spawn(move || {
            queue.write(&mut Reader { may, lines }, |dropped| {
                tells.fetch_add(dropped, Ordering::SeqCst);
                queue.push(b"told");
            });
        });
        queue.push(b"first");
        while !queue.state().writing {
            std::thread::yield_now();
        }
        // None of these waits, though nobody reads.
        for number in 0..LINES + 7 {
            queue.push(number.to_string().as_bytes());
        }
        assert_eq!(queue.dropped(), 7);
        assert!(!queue.flush(), "nobody takes it, and the end does not wait for it");
        drop(let_go);
        assert!(queue.flush(), "what is queued is written");
        let read: Vec<Vec<u8>> = read.try_iter().collect();
        assert_eq!(read.len(), 1 + LINES + 1);
        assert_eq!(told.load(Ordering::SeqCst), 7);
        assert_eq!((&*read[0], &*read[LINES]), (&b"first"[..], (LINES - 1).to_string().as_bytes()));
        // Many bytes are as many lines.
        queue.push(&vec![b' '; BYTES + 1]);
        assert_eq!(queue.dropped(), 8);
    }

    #[test]
    fn the_last_line_is_written_where_no_thread_could_be_had() {
        let (queue, mut out) = (Queue::new(), Vec::new());
        queue.push_last(b"cannot start\n", &mut out);
        assert_eq!(out, b"cannot start\n");
        assert!(queue.flush(), "and nobody waits for it");
        queue.runs.store(true, Ordering::Release);
        queue.push_last(b"last\n", &mut out);
        assert_eq!((out.len(), queue.state().lines.len()), (13, 1));
    }

    #[test]
    fn a_line_is_written_in_pieces_and_one_that_fails_is_let_go() {
        struct Bad(Vec<io::Result<usize>>);
        impl Write for Bad {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                self.0.pop().unwrap()
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let failed = |kind: io::ErrorKind| Err(kind.into());
        let mut pieces = Bad(vec![Ok(3), failed(io::ErrorKind::WouldBlock), failed(io::ErrorKind::Interrupted), Ok(2)]);
        write_whole(&mut pieces, b"12345");
        assert!(pieces.0.is_empty());
        let mut closed = Bad(vec![failed(io::ErrorKind::BrokenPipe), Ok(2)]);
        write_whole(&mut closed, b"12345");
        assert!(closed.0.is_empty());
    }
}
