//! The log against clocks that are set.

use std::sync::Mutex;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;

/// What a wall clock does: at each look it is set by the next of these, in milliseconds, over and over.
struct Script {
    steps: Vec<i64>,
    looks: usize,
    wall: i64,
}

static SCRIPT: Mutex<Script> = Mutex::new(Script { steps: Vec::new(), looks: 0, wall: 1_796_000_000_000 });

fn scripted() -> Moment {
    let mut script = SCRIPT.lock().unwrap();
    let step = script.steps.get(script.looks % script.steps.len().max(1)).copied().unwrap_or_default();
    script.looks += 1;
    // From 1970 to 2200.
    script.wall = (script.wall + step).clamp(0, 7_258_000_000_000);
    Moment { unix_ms: script.wall as u64, mono_ns: script.looks as u64 * 1_000_000 }
}

/// Mostly no step, small ones that sum up, an age of a segment, days, years; forwards and backwards.
fn steps() -> impl Strategy<Value = Vec<i64>> {
    const SIZES: [i64; 11] = [0, 0, 0, 1, 700, 1_900, 2_001, 61_000, 3_600_001, 3 * 86_400_000, 3_650 * 86_400_000];
    let step = (prop::sample::select(&SIZES[..]), any::<bool>());
    prop::collection::vec(step.prop_map(|(size, back)| if back { -size } else { size }), 1..40)
}

#[test]
fn however_the_clock_is_set_the_log_holds() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let cases = if std::env::var_os("BLACKBAR_LONG").is_some() { 5_000 } else { 60 };
    let config = Config { failure_persistence: None, ..Config::with_cases(cases) };
    let ran = TestRunner::new_with_rng(config, prop::test_runner::TestRng::deterministic_rng(Default::default())).run(
        &(steps(), any::<bool>(), any::<bool>()),
        |(steps, disk, ages)| {
            *SCRIPT.lock().unwrap() = Script { steps, looks: 0, wall: 1_796_000_000_000 };
            let folder = tempfile::tempdir().unwrap();
            let settings = AuditSettings {
                durability: if disk { Durability::Disk } else { Durability::Os },
                segment_bytes: if ages { 64 << 20 } else { 2048 },
                segment_age: Duration::from_secs(3_600),
                ..settings(folder.path())
            };
            for _ in 0..3 {
                let log = AuditLog::open(&settings, 100, scripted, Entry::new(Kind::Start)).unwrap();
                for number in 0..8 {
                    let slot = runtime.block_on(log.slot()).unwrap();
                    prop_assert_eq!(runtime.block_on(slot.record(exchange(number))), Ok(()));
                }
                // While it is written, too.
                let report = check(folder.path());
                prop_assert!(report.is_ok(), "{:?}", report);
                log.close();
                let report = check(folder.path());
                prop_assert!(report.as_ref().is_ok_and(|report| report.unsealed() == 0), "{:?}", report);
            }
            Ok(())
        },
    );
    if let Err(error) = ran {
        panic!("{error}");
    }
}

/// A closed segment that says another number of records: a log that goes on no more.
#[test]
fn a_log_whose_closed_segments_do_not_hold_is_not_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let small = AuditSettings { segment_bytes: 2048, ..settings(folder.path()) };
    (0..4).for_each(|_| log_of(&small, 10));
    let closed: Vec<PathBuf> = files(folder.path())
        .into_iter()
        .filter(|path| path.extension().is_some_and(|ending| ending == "jsonl") && path.to_str().unwrap().len() > 60)
        .filter(|path| path.file_stem().unwrap().to_str().unwrap().matches('-').count() == 2)
        .collect();
    assert!(closed.len() >= 2);
    let refused = |directory: &Path| {
        let own = AuditSettings { segment_bytes: 2048, ..settings(directory) };
        matches!(AuditLog::open(&own, 1, clock, Entry::new(Kind::Start)), Err(OpenError::Broken(..)))
    };
    let name = |directory: &Path, path: &Path| directory.join(path.file_name().unwrap());
    for path in &closed {
        let (other, missing) = (copy(folder.path()), copy(folder.path()));
        let own = lines(path);
        write(
            &name(other.path(), path),
            &rechained(&own, |place, record| {
                if place + 1 == own.len() {
                    record["count"] = (own.len() - 1).into();
                }
            }),
        );
        assert!(refused(other.path()), "{}", path.display());
        fs::remove_file(name(missing.path(), path)).unwrap();
        assert!(refused(missing.path()), "{}", path.display());
    }
    // So is one in which something else is called as its files are, or whose open segment has gone.
    let strange = copy(folder.path());
    fs::write(strange.path().join("audit-copy.ndjson"), "{}\n").unwrap();
    assert!(refused(strange.path()));
    let gone = copy(folder.path());
    let open = files(gone.path()).into_iter().rfind(|path| path.extension().is_some_and(|ending| ending == "jsonl"));
    fs::remove_file(open.unwrap()).unwrap();
    assert!(refused(gone.path()));
    assert!(!refused(folder.path()));
}
