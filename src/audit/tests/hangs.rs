//! A writer that does not go on, as at a disk that hangs.

use std::sync::{Condvar, Mutex};
use std::thread;

use super::*;
use crate::audit::progress::{LOOKS, Seen};

static GATE: (Mutex<bool>, Condvar) = (Mutex::new(true), Condvar::new());

/// A clock at which the writer stays, as it would at a disk that hangs, until it is let go on.
fn gated() -> Moment {
    if thread::current().name() == Some("audit") {
        let open = GATE.0.lock().unwrap();
        drop(GATE.1.wait_while(open, |open| !*open).unwrap());
    }
    clock()
}

#[test]
fn a_writer_that_hangs_takes_no_more_until_it_goes_on() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let log = AuditLog::open(&settings(folder.path()), 100, gated, Entry::new(Kind::Start)).unwrap();
    let progress = &log.health().progress;
    let set = |open: bool| {
        *GATE.0.lock().unwrap() = open;
        GATE.1.notify_all();
    };
    set(false);
    let slot = runtime.block_on(log.slot()).unwrap();
    let ack = slot.record(exchange(0));
    while !progress.is_at_work() {
        thread::yield_now();
    }
    let mut seen = Seen::default();
    (0..LOOKS).for_each(|_| progress.look(&mut seen));
    assert!(!log.health().is_failing());
    // It may have gone from what it was at to where it stays.
    (0..=LOOKS).for_each(|_| progress.look(&mut seen));
    assert!(log.health().is_failing());
    assert!(runtime.block_on(log.slot()).is_err());
    set(true);
    assert_eq!(runtime.block_on(ack), Ok(()));
    while log.health().is_failing() {
        progress.look(&mut seen);
        thread::yield_now();
    }
    assert!(runtime.block_on(log.slot()).is_ok());
    log.close();
    assert_eq!(verdict(folder.path(), &trust()), Verdict::Clean);
    let (_, last) = Records::open(folder.path()).unwrap().last().unwrap().unwrap();
    let stop: Value = serde_json::from_slice(&last).unwrap();
    assert_eq!((&stop["kind"], &stop["refused"]), (&"stop".into(), &1.into()));
}
