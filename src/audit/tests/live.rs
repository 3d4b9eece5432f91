//! A log that is read while it is written: its segments end, and are removed, under the reader's hands.

use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::thread;

use super::*;

#[test]
fn a_log_is_read_while_its_segments_end() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let small = AuditSettings { segment_bytes: 1024, ..settings(folder.path()) };
    let log = open(&small);
    let (done, read) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let reading = scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                let all: Result<Vec<_>, _> = Records::open(folder.path()).unwrap().collect();
                let all = all.unwrap();
                assert!(all.iter().enumerate().all(|(place, (seq, _))| place as u64 == *seq), "none is missing");
                Prover::read(folder.path()).unwrap();
                match check(folder.path()) {
                    Ok(_) => {}
                    Err(fault) => panic!("{fault}"),
                }
                read.fetch_add(1, Ordering::AcqRel);
            }
        });
        // As often as it takes until it was read a few times meanwhile, or its reader has stopped for a fault.
        for number in 0.. {
            let slot = runtime.block_on(log.slot()).unwrap();
            runtime.block_on(slot.record(exchange(number))).unwrap();
            if reading.is_finished() || (number >= 150 && read.load(Ordering::Acquire) >= 3) {
                break;
            }
        }
        done.store(true, Ordering::Release);
        reading.join().unwrap();
    });
    log.close();
    assert_eq!(verdict(folder.path(), &trust()), Verdict::Clean);
}

/// Between the two files of a new segment a writer may be stopped, or looked at.
#[test]
fn a_segment_that_is_being_begun_is_none_yet() {
    let folder = tempfile::tempdir().unwrap();
    let small = AuditSettings { segment_bytes: 1024, ..settings(folder.path()) };
    (0..3).for_each(|_| log_of(&small, 6));
    let active = |path: &PathBuf| path.file_name().unwrap().len() == "audit-.jsonl".len() + 20;
    let own: Vec<PathBuf> = files(folder.path()).into_iter().filter(|path| active(path)).collect();
    let [open] = own.as_slice() else { panic!("{own:?}") };
    write(open, b"");
    fs::remove_file(open.with_extension("ckpt")).unwrap();
    assert_eq!(verdict(folder.path(), &trust()), Verdict::Clean);
    // Where it holds a record there are checkpoints.
    write(open, b"{");
    assert_eq!(verdict(folder.path(), &trust()), Verdict::Broken);
    write(open, b"");
    log_of(&small, 1);
    assert_eq!(verdict(folder.path(), &trust()), Verdict::Clean);
}

#[test]
fn a_segment_that_ends_or_goes_after_the_listing_is_found_or_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let small = AuditSettings { segment_bytes: 1024, ..settings(folder.path()) };
    (0..4).for_each(|_| log_of(&small, 6));
    let all = Records::open(folder.path()).unwrap().count();
    let segments: Vec<PathBuf> = files(folder.path())
        .into_iter()
        .filter(|path| path.extension().is_some_and(|ending| ending == "jsonl"))
        .collect();
    assert!(segments.len() >= 3, "{segments:?}");
    // The last one ends: it has the same beginning and another name.
    let records = Records::open(folder.path()).unwrap();
    let last = segments.last().unwrap();
    let closed = PathBuf::from(last.to_str().unwrap().replace(".jsonl", &format!("-{:020}.jsonl", all - 1)));
    fs::rename(last, &closed).unwrap();
    assert_eq!(records.map(Result::unwrap).count(), all);
    // The first one is removed.
    let records = Records::open(folder.path()).unwrap();
    let first = lines(&segments[0]).len();
    fs::remove_file(&segments[0]).unwrap();
    assert_eq!(records.map(Result::unwrap).count(), all - first);
}
