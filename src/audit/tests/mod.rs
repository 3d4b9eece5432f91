//! The log against crashes, faults of the disk, and everyone who would change it.

mod clocks;
mod hangs;
mod keys;
mod live;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use zeroize::Zeroizing;

use super::chain::{Domain, hex, tagged};
use super::note::{PublicKey, SigningKey, notes};
use super::read::{Prover, Records, check_extract, last_note};
use super::verify::{Fault, Report, Trust, verify};
use super::{AuditLog, Entry, Kind, Moment, OpenError, Receipt};
use crate::policy::{AuditSettings, Durability};

/// A clock that moves a millisecond at each look, and by what a test adds.
static CLOCK: AtomicU64 = AtomicU64::new(1_796_000_000_000);

fn clock() -> Moment {
    let ms = CLOCK.fetch_add(1, Ordering::Relaxed);
    Moment { unix_ms: ms, mono_ns: (ms - 1_700_000_000_000) * 1_000_000 }
}

/// A clock that moves on so much at each look that nothing waits long.
fn quick() -> Moment {
    static QUICK: AtomicU64 = AtomicU64::new(1_796_000_000_000);
    let ms = QUICK.fetch_add(100, Ordering::Relaxed);
    Moment { unix_ms: ms, mono_ns: (ms - 1_796_000_000_000) * 1_000_000 }
}

/// The same clock, three days on.
fn later() -> Moment {
    let now = clock();
    Moment { unix_ms: now.unix_ms + 3 * 86_400_000, mono_ns: now.mono_ns + 3 * 86_400_000_000_000 }
}

fn pkcs8(seed: u8) -> Zeroizing<Vec<u8>> {
    let head = [0x30, 46, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 34, 4, 32];
    Zeroizing::new([head.as_slice(), &[seed; 32]].concat())
}

fn public(seed: u8) -> PublicKey {
    SigningKey::from_pkcs8(&pkcs8(seed)).unwrap().public()
}

fn settings(directory: &Path) -> AuditSettings {
    AuditSettings {
        directory: directory.to_owned(),
        key: pkcs8(1),
        key_file: PathBuf::new(),
        name: "test".to_owned(),
        durability: Durability::Os,
        segment_bytes: 64 << 20,
        segment_age: Duration::from_secs(86_400),
        retention_days: None,
        exports: Vec::new(),
    }
}

fn exchange(number: u64) -> Entry {
    let receipt = Receipt {
        bytes_in: number,
        bytes_out: number,
        length: number + 7,
        scanned: number,
        unscanned: vec![("media", 4), ("signature", 2)],
        withheld: 1,
    };
    Entry::new(Kind::Exchange)
        .text("ws", if number.is_multiple_of(3) { "acme" } else { "beta" })
        .text("req", &format!("{number:032x}"))
        .value("request", receipt)
}

fn open(settings: &AuditSettings) -> AuditLog {
    AuditLog::open(settings, 100, clock, Entry::new(Kind::Start)).unwrap()
}

/// A log of so many exchanges that was ended in order.
fn log_of(settings: &AuditSettings, count: u64) {
    let log = open(settings);
    (0..count).for_each(|number| log.note(exchange(number)));
}

fn check(directory: &Path) -> Result<Report, Fault> {
    verify(directory, &Trust { key: Some(public(1)), anchors: Vec::new() })
}

/// What a verifier says: nothing wrong at all, something to tell, or broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    Clean,
    Told,
    Broken,
}

fn verdict(directory: &Path, trust: &Trust) -> Verdict {
    match verify(directory, trust) {
        Ok(report) if report.unsealed() == 0 && report.torn == 0 && !report.torn_checkpoint => Verdict::Clean,
        Ok(_) => Verdict::Told,
        Err(Fault::Broken { .. }) => Verdict::Broken,
        Err(Fault::Io(path, error)) => panic!("{}: {error}", path.display()),
    }
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all
}

fn file(directory: &Path, ending: &str) -> PathBuf {
    files(directory).into_iter().find(|path| path.to_str().unwrap().ends_with(ending)).unwrap()
}

fn copy(from: &Path) -> TempDir {
    let to = tempfile::tempdir().unwrap();
    for path in files(from) {
        fs::copy(&path, to.path().join(path.file_name().unwrap())).unwrap();
    }
    to
}

/// Writes over a file that may be read-only.
fn write(path: &Path, bytes: &[u8]) {
    let _ = fs::remove_file(path);
    fs::write(path, bytes).unwrap();
}

fn lines(path: &Path) -> Vec<Vec<u8>> {
    fs::read(path).unwrap().split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

fn trust() -> Trust {
    Trust { key: Some(public(1)), anchors: Vec::new() }
}

/// How many bytes apart a test looks; each with `BLACKBAR_LONG`.
fn stride(short: usize) -> usize {
    if std::env::var_os("BLACKBAR_LONG").is_some() { 1 } else { short }
}

#[test]
fn a_log_that_was_ended_in_order_holds_and_is_all_sealed() {
    for durability in [Durability::Os, Durability::Disk] {
        let folder = tempfile::tempdir().unwrap();
        let settings = AuditSettings { durability, ..settings(folder.path()) };
        log_of(&settings, 50);
        log_of(&settings, 30);
        let report = check(folder.path()).unwrap();
        // One segment's first, two starts, two stops.
        assert_eq!((report.records, report.unsealed(), report.unknown), (85, 0, 0), "{report:?}");
        let read: Vec<_> = Records::open(folder.path()).unwrap().map(Result::unwrap).collect();
        assert_eq!(read.len(), 85);
        assert!(read.iter().enumerate().all(|(place, (seq, _))| place as u64 == *seq));
    }
}

#[test]
fn every_changed_byte_is_found() {
    let folder = tempfile::tempdir().unwrap();
    log_of(&settings(folder.path()), 200);
    assert_eq!(verdict(folder.path(), &trust()), Verdict::Clean);
    for (ending, step) in [(".jsonl", stride(61)), (".ckpt", 1), ("genesis.json", 1)] {
        let path = file(folder.path(), ending);
        let bytes = fs::read(&path).unwrap();
        for at in (0..bytes.len()).step_by(step) {
            for bit in [0_u8, 5] {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                write(&path, &changed);
                assert_ne!(verdict(folder.path(), &trust()), Verdict::Clean, "{ending}, byte {at}, bit {bit}");
            }
        }
        write(&path, &bytes);
    }
    assert_eq!(verdict(folder.path(), &trust()), Verdict::Clean);
}

#[test]
fn every_cut_is_found() {
    let folder = tempfile::tempdir().unwrap();
    log_of(&settings(folder.path()), 200);
    let path = file(folder.path(), ".jsonl");
    let bytes = fs::read(&path).unwrap();
    for length in (0..bytes.len()).step_by(stride(211)).chain([bytes.len() - 1]) {
        write(&path, &bytes[..length]);
        assert_eq!(verdict(folder.path(), &trust()), Verdict::Broken, "cut to {length}");
    }
    write(&path, &bytes);
    let path = file(folder.path(), ".ckpt");
    let bytes = fs::read(&path).unwrap();
    for length in 0..bytes.len() {
        write(&path, &bytes[..length]);
        assert_ne!(verdict(folder.path(), &trust()), Verdict::Clean, "checkpoints cut to {length}");
    }
    fs::remove_file(&path).unwrap();
    assert_eq!(verdict(folder.path(), &trust()), Verdict::Broken);
}

#[test]
fn records_taken_out_put_in_or_moved_are_found() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    log_of(&settings(folder.path()), 200);
    log_of(&settings(other.path()), 200);
    let path = file(folder.path(), ".jsonl");
    let (own, theirs) = (lines(&path), lines(&file(other.path(), ".jsonl")));
    for at in 0..own.len() {
        let mut attacks: Vec<Vec<Vec<u8>>> = Vec::new();
        let changed = |change: &dyn Fn(&mut Vec<Vec<u8>>)| {
            let mut all = own.clone();
            change(&mut all);
            all
        };
        attacks.push(changed(&|all| drop(all.remove(at))));
        attacks.push(changed(&|all| all.insert(at, own[at].clone())));
        attacks.push(changed(&|all| all[at] = theirs[at].clone()));
        attacks.push(changed(&|all| all.truncate(at)));
        attacks.push(changed(&|all| all.extend_from_slice(&own[at..=at])));
        if at + 1 < own.len() {
            attacks.push(changed(&|all| all.swap(at, at + 1)));
            attacks.push([&own[..at], &theirs[at..]].concat());
        }
        for (number, attack) in attacks.iter().enumerate() {
            write(&path, &attack.concat());
            assert_eq!(verdict(folder.path(), &trust()), Verdict::Broken, "attack {number} at {at}");
        }
    }
}

/// Makes the chain fit again behind a change, as someone without the key can.
fn rechained(lines: &[Vec<u8>], change: impl Fn(usize, &mut Value)) -> Vec<u8> {
    let (mut prev, mut out) = (None::<String>, Vec::new());
    for (place, line) in lines.iter().enumerate() {
        let mut record: Value = serde_json::from_slice(line).unwrap();
        change(place, &mut record);
        let fields = record.as_object_mut().unwrap();
        if let Some(prev) = prev.take() {
            fields.insert("prev".to_owned(), prev.into());
        }
        fields.remove("h");
        let hash = hex(&tagged(Domain::Record, &[&serde_json::to_vec(&*fields).unwrap()]));
        fields.insert("h".to_owned(), hash.clone().into());
        prev = Some(hash);
        out.extend(serde_json::to_vec(&record).unwrap());
        out.push(b'\n');
    }
    out
}

#[test]
fn a_chain_made_anew_is_not_what_was_signed() {
    let folder = tempfile::tempdir().unwrap();
    log_of(&settings(folder.path()), 40);
    let path = file(folder.path(), ".jsonl");
    let own = lines(&path);
    write(&path, &rechained(&own, |_, _| {}));
    assert_eq!(verdict(folder.path(), &trust()), Verdict::Clean, "the test makes chains as the writer does");
    for at in 2..own.len() {
        write(
            &path,
            &rechained(&own, |place, record| {
                if place == at {
                    record["ws"] = "other".into()
                }
            }),
        );
        assert_eq!(verdict(folder.path(), &trust()), Verdict::Broken, "{at}");
    }
}

/// Adds records that fit to the chain and that nobody signed, so many milliseconds apart.
fn invented(path: &Path, count: u64, apart_ms: u64, change: impl Fn(u64, &mut Value)) {
    let mut all = fs::read(path).unwrap();
    let mut last: Value = serde_json::from_slice(lines(path).last().unwrap()).unwrap();
    let begun = super::open::unix_ms(last["ts"].as_str().unwrap()).unwrap();
    for number in 0..count {
        let mut record = last.clone();
        record["prev"] = last["h"].clone();
        record["seq"] = (last["seq"].as_u64().unwrap() + 1).into();
        record["kind"] = "exchange".into();
        record["ts"] = super::record::rfc3339(begun + number * apart_ms).into();
        change(number, &mut record);
        record.as_object_mut().unwrap().remove("h");
        record["h"] = hex(&tagged(Domain::Record, &[&serde_json::to_vec(&record).unwrap()])).into();
        all.extend(serde_json::to_vec(&record).unwrap());
        all.push(b'\n');
        last = record;
    }
    write(path, &all);
}

/// The verdict without a key: what a pinned key breaks is told at least.
fn unpinned(directory: &Path) -> Option<&'static str> {
    verify(directory, &Trust::default()).unwrap().unsigned
}

#[test]
fn a_log_that_no_signature_covers_does_not_hold() {
    let folder = tempfile::tempdir().unwrap();
    log_of(&settings(folder.path()), 3);
    let path = file(folder.path(), ".ckpt");
    let signed = fs::read_to_string(&path).unwrap();
    write(&path, b"");
    assert_eq!(verdict(folder.path(), &trust()), Verdict::Broken);
    assert!(unpinned(folder.path()).is_some());
    // A note that was cut off is none, and nothing else may stand in its place.
    write(&path, &signed.as_bytes()[..150]);
    assert_eq!(verdict(folder.path(), &trust()), Verdict::Broken);
    assert!(unpinned(folder.path()).is_some());
    let last = format!("{}\r\n", signed.strip_suffix('\n').unwrap());
    for other in [signed.replace('\n', "\r\n"), last, format!("{signed}test"), format!("{signed}x")] {
        write(&path, other.as_bytes());
        let wanted = if other.ends_with("test") { Verdict::Told } else { Verdict::Broken };
        assert_eq!((verdict(folder.path(), &trust()), verdict(folder.path(), &Trust::default())), (wanted, wanted));
    }
    // Five thousand invented ones, by someone who knows the public key alone.
    write(&path, b"");
    invented(&file(folder.path(), ".jsonl"), 5000, 0, |_, _| {});
    assert_eq!(verdict(folder.path(), &trust()), Verdict::Broken);
    assert!(unpinned(folder.path()).is_some());
}

#[test]
fn no_more_is_unsealed_than_a_writer_leaves() {
    let folder = tempfile::tempdir().unwrap();
    log_of(&settings(folder.path()), 0);
    let most = super::verify::UNSEALED_MAX;
    let attempt = |count: u64, apart: u64, change: &dyn Fn(u64, &mut Value)| {
        let attacked = copy(folder.path());
        invented(&file(attacked.path(), ".jsonl"), count, apart, change);
        let pinned = verdict(attacked.path(), &trust());
        assert_eq!(unpinned(attacked.path()).is_some(), pinned == Verdict::Broken);
        pinned
    };
    let as_is = |_: u64, _: &mut Value| {};
    assert_eq!(attempt(most, 0, &as_is), Verdict::Told);
    assert_eq!(attempt(most + 1, 0, &as_is), Verdict::Broken);
    assert_eq!(attempt(61, 1_000, &as_is), Verdict::Told);
    assert_eq!(attempt(2, 60_001, &as_is), Verdict::Broken);
    let mono = |by: u64| {
        move |place: u64, record: &mut Value| {
            record["boot"] = "0123456789abcdef".into();
            record["mono_ns"] = (place * by).into();
        }
    };
    assert_eq!(attempt(2, 0, &mono(60_000_000_000)), Verdict::Told);
    assert_eq!(attempt(2, 0, &mono(60_000_000_001)), Verdict::Broken);
    // A clock that was set, and another start, begin anew.
    assert_eq!(
        attempt(2, 3_600_000, &|at, one| if at == 1 {
            one["kind"] = "clock_jump".into()
        }),
        Verdict::Told
    );
    let restarted = |at, one: &mut Value| {
        if at == 1 {
            one["boot"] = "0123456789abcdef".into()
        }
    };
    assert_eq!(attempt(2, 3_600_000, &restarted), Verdict::Told);
}

#[test]
fn a_killed_writer_leaves_a_log_that_holds() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    for durability in [Durability::Os, Durability::Disk] {
        let log = open(&AuditSettings { durability, ..settings(folder.path()) });
        let begun = copy(folder.path());
        assert_eq!(verdict(begun.path(), &trust()), Verdict::Clean, "as soon as it is open");
        for number in 0..5_000 {
            let slot = runtime.block_on(log.slot()).unwrap();
            let ack = slot.record(exchange(number));
            if number % 500 == 499 {
                assert_eq!(runtime.block_on(ack), Ok(()));
                let killed = copy(folder.path());
                let held = verdict(killed.path(), &trust());
                assert_ne!(held, Verdict::Broken);
                log_of(&settings(killed.path()), 1);
                assert_eq!(verdict(killed.path(), &trust()), Verdict::Clean);
            }
        }
        log.close();
    }
}

#[test]
fn a_receipt_that_does_not_balance_is_refused_whoever_signs_it() {
    let whole =
        Receipt { length: 10, scanned: 6, unscanned: vec![("media", 3)], withheld: 1, bytes_in: 4, bytes_out: 5 };
    let sound = serde_json::to_value(&whole).unwrap();
    let mut wrong: Vec<Value> = ["length", "scanned", "withheld"]
        .iter()
        .flat_map(|name| {
            let mut more = sound.clone();
            more[*name] = (sound[*name].as_u64().unwrap() + 1).into();
            let mut none = sound.clone();
            none.as_object_mut().unwrap().remove(*name);
            let mut text = sound.clone();
            text[*name] = "6".into();
            [more, none, text]
        })
        .collect();
    wrong.extend([
        json!({"length": 10, "scanned": 6, "unscanned": {"media": 3, "other": 1}, "withheld": 1}),
        json!({"length": 10, "scanned": 6, "unscanned": [3], "withheld": 1}),
        json!({"length": 10, "scanned": 6, "unscanned": {"media": "3"}, "withheld": 1}),
        json!({"length": 0, "scanned": 9_007_199_254_740_991_u64, "unscanned": {"a": 9_007_199_254_740_991_u64}}),
        json!([10, 10]),
    ]);
    for (ways, receipts, verdict_of) in [("sound", vec![sound], Verdict::Clean), ("wrong", wrong, Verdict::Broken)] {
        for receipt in receipts {
            for way in ["request", "response"] {
                let folder = tempfile::tempdir().unwrap();
                let log = open(&settings(folder.path()));
                log.note(Entry::new(Kind::Exchange).value(way, receipt.clone()));
                log.close();
                assert_eq!(verdict(folder.path(), &trust()), verdict_of, "{ways}: {way} {receipt}");
            }
        }
    }
}

#[test]
fn other_keys_and_other_logs_are_told_apart() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    log_of(&settings(folder.path()), 10);
    log_of(&AuditSettings { key: pkcs8(2), ..settings(other.path()) }, 10);
    assert_eq!(verdict(folder.path(), &Trust { key: Some(public(2)), anchors: Vec::new() }), Verdict::Broken);
    for ending in ["genesis.json", ".ckpt", ".jsonl"] {
        let attacked = copy(folder.path());
        write(&file(attacked.path(), ending), &fs::read(file(other.path(), ending)).unwrap());
        assert_eq!(verdict(attacked.path(), &trust()), Verdict::Broken, "{ending}");
    }
    let wrong =
        AuditLog::open(&AuditSettings { key: pkcs8(2), ..settings(folder.path()) }, 1, clock, Entry::new(Kind::Start));
    assert!(matches!(wrong, Err(OpenError::OtherKey(_))));
    let held = open(&settings(folder.path()));
    let second = AuditLog::open(&settings(folder.path()), 1, clock, Entry::new(Kind::Start));
    assert!(matches!(second, Err(OpenError::Locked(_))));
    drop(held);
}

#[test]
fn a_rollback_is_found_by_an_anchor_alone() {
    let folder = tempfile::tempdir().unwrap();
    log_of(&settings(folder.path()), 10);
    let earlier = copy(folder.path());
    log_of(&settings(folder.path()), 10);
    let anchor = last_note(folder.path()).unwrap();
    assert_eq!(verdict(earlier.path(), &trust()), Verdict::Clean);
    let anchored = Trust { anchors: vec![anchor.clone(), last_note(earlier.path()).unwrap()], ..trust() };
    assert_eq!(verify(folder.path(), &anchored).unwrap().anchors, 2);
    assert_eq!(verdict(earlier.path(), &anchored), Verdict::Broken);
    // Another history of the same length, signed by the same key.
    log_of(&settings(earlier.path()), 10);
    assert_eq!(verdict(earlier.path(), &trust()), Verdict::Clean);
    assert_eq!(verdict(earlier.path(), &anchored), Verdict::Broken);
    let forged = Trust { anchors: vec![anchor.replacen('\n', "\n1", 1)], ..trust() };
    assert_eq!(verdict(folder.path(), &forged), Verdict::Broken);
}

#[test]
fn a_checkpoint_taken_from_between_others_is_missed() {
    let folder = tempfile::tempdir().unwrap();
    (0..4).for_each(|_| log_of(&settings(folder.path()), 5));
    let path = file(folder.path(), ".ckpt");
    let text = fs::read_to_string(&path).unwrap();
    let (all, _) = notes(&text);
    // One at each start, one at each stop.
    assert_eq!(all.len(), 8);
    for at in 0..all.len() {
        let kept: Vec<&str> = all.iter().enumerate().filter(|(place, _)| *place != at).map(|(_, note)| *note).collect();
        write(&path, kept.concat().as_bytes());
        let wanted = if at == 7 { Verdict::Told } else { Verdict::Broken };
        assert_eq!(verdict(folder.path(), &trust()), wanted, "{at}");
    }
}

#[test]
fn segments_follow_each_other_and_none_may_be_missing() {
    let folder = tempfile::tempdir().unwrap();
    let small = AuditSettings { segment_bytes: 4096, ..settings(folder.path()) };
    // Each run ends with what it has written, so that a segment can be full at the next.
    (0..8).for_each(|_| log_of(&small, 20));
    let segments: Vec<PathBuf> = files(folder.path())
        .into_iter()
        .filter(|path| path.extension().is_some_and(|ending| ending == "jsonl"))
        .collect();
    assert!(segments.len() >= 4, "{segments:?}");
    let report = check(folder.path()).unwrap();
    assert_eq!(report.unsealed(), 0);
    for path in files(folder.path()).iter().filter(|path| path.file_name().unwrap() != "lock") {
        let attacked = copy(folder.path());
        fs::remove_file(attacked.path().join(path.file_name().unwrap())).unwrap();
        assert_ne!(verdict(attacked.path(), &trust()), Verdict::Clean, "{}", path.display());
    }
    // An old segment in a newer one's place.
    let attacked = copy(folder.path());
    let name = |path: &PathBuf| attacked.path().join(path.file_name().unwrap());
    write(&name(&segments[1]), &fs::read(&segments[0]).unwrap());
    assert_eq!(verdict(attacked.path(), &trust()), Verdict::Broken);
    let mut prover = Prover::read(folder.path()).unwrap();
    let mut extract = prover.header() + "\n";
    for record in Records::open(folder.path()).unwrap() {
        let (seq, line) = record.unwrap();
        if String::from_utf8_lossy(&line).contains("\"ws\":\"acme\"") {
            extract.push_str(&prover.line(seq, &line).unwrap());
            extract.push('\n');
        }
    }
    let proven = check_extract(extract.as_bytes(), Some(public(1))).unwrap();
    assert_eq!(proven.len(), 8 * 7);
    assert!(check_extract(extract.as_bytes(), Some(public(2))).is_err());
    assert!(check_extract(extract.replace("\\\"ws\\\":\\\"acme", "\\\"ws\\\":\\\"beta").as_bytes(), None).is_err());
    assert!(check_extract(extract.replacen("\"seq\":5", "\"seq\":6", 1).as_bytes(), None).is_err());
}

#[test]
fn an_extract_is_read_in_one_way_alone() {
    let folder = tempfile::tempdir().unwrap();
    log_of(&settings(folder.path()), 4);
    let mut prover = Prover::read(folder.path()).unwrap();
    let header = prover.header();
    let own: Vec<String> = Records::open(folder.path())
        .unwrap()
        .map(Result::unwrap)
        .map(|(seq, line)| prover.line(seq, &line).unwrap())
        .collect();
    let checked = |lines: &[&str]| {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        check_extract(text.as_bytes(), Some(public(1)))
    };
    assert_eq!(checked(&[&header, &own[1], &own[3]]).unwrap(), [1, 3]);
    let twice = format!("{{\"record\":\"{{}}\",{}", own[1].strip_prefix('{').unwrap());
    let more = own[1].replace("{\"path\"", "{\"note\":\"forged\",\"path\"");
    let blank = own[1].replacen(':', ": ", 1);
    let carriage = format!("{}\r", own[1]);
    let second = header.replace("\"extract\":1", "\"extract\":2");
    let longer = header.replace("\"extract\":1", "\"extract\":1,\"from\":\"acme\"");
    for (place, attack) in [
        &[header.as_str()][..],
        &[&header, &twice],
        &[&header, &more],
        &[&header, &blank],
        &[&header, &carriage],
        &[&header, &own[1], &own[1]],
        &[&header, &own[3], &own[1]],
        &[&header, &own[1], ""],
        &[&second, &own[1]],
        &[&longer, &own[1]],
    ]
    .iter()
    .enumerate()
    {
        assert!(checked(attack).is_err(), "attack {place}");
    }
    assert!(check_extract(format!("{header}\n{}", own[1]).as_bytes(), None).is_err(), "a line without an end");
}

#[test]
fn names_that_no_file_of_a_log_has_are_faults() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    log_of(&settings(folder.path()), 1);
    let zeros = "0".repeat(20);
    fs::write(folder.path().join(format!("audit-{zeros}.torn")), b"{").unwrap();
    fs::write(folder.path().join("other"), b"").unwrap();
    assert_eq!(verdict(folder.path(), &trust()), Verdict::Clean);
    let doubled = format!("audit-audit-{zeros}.ckpt");
    let ranged = format!("audit-{zeros}-{zeros}.torn");
    let names: [&[u8]; 6] =
        [doubled.as_bytes(), ranged.as_bytes(), b"audit-x.torn", b"audit-.torn", b"audit-\xff.jsonl", b"audit-\xff"];
    for name in names {
        let path = folder.path().join(std::ffi::OsStr::from_bytes(name));
        fs::write(&path, b"").unwrap();
        assert_eq!(verdict(folder.path(), &trust()), Verdict::Broken, "{}", path.display());
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn what_retention_removes_leaves_a_signed_word() {
    let folder = tempfile::tempdir().unwrap();
    let small = AuditSettings { segment_bytes: 4096, retention_days: Some(1), ..settings(folder.path()) };
    (0..4).for_each(|_| log_of(&small, 20));
    let before = check(folder.path()).unwrap();
    assert_eq!(before.removed, 0);
    AuditLog::open(&small, 100, later, Entry::new(Kind::Start)).unwrap().close();
    let report = check(folder.path()).unwrap();
    assert!(report.removed > 0 && report.records > before.records && report.unsealed() == 0, "{report:?}");
    let stubs: Vec<PathBuf> = files(folder.path())
        .into_iter()
        .filter(|path| path.extension().is_some_and(|ending| ending == "stub"))
        .collect();
    for stub in &stubs {
        let bytes = fs::read(stub).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            write(stub, &changed);
            assert_eq!(verdict(folder.path(), &trust()), Verdict::Broken, "byte {at}");
        }
        fs::remove_file(stub).unwrap();
        assert_eq!(verdict(folder.path(), &trust()), Verdict::Broken);
        write(stub, &bytes);
    }
    let mut prover = Prover::read(folder.path()).unwrap();
    let (seq, line) = Records::open(folder.path()).unwrap().last().unwrap().unwrap();
    let extract = format!("{}\n{}\n", prover.header(), prover.line(seq, &line).unwrap());
    assert_eq!(check_extract(extract.as_bytes(), Some(public(1))).unwrap(), [seq]);
    // The log goes on where only stubs and the last segment are left.
    log_of(&small, 5);
    assert_eq!(verdict(folder.path(), &trust()), Verdict::Clean);
}

#[test]
fn a_torn_end_is_put_aside_wherever_it_was_torn() {
    let folder = tempfile::tempdir().unwrap();
    log_of(&settings(folder.path()), 3);
    let path = file(folder.path(), ".jsonl");
    let whole = fs::read(&path).unwrap();
    let next = lines(&path).pop().unwrap();
    for length in (1..next.len()).step_by(stride(7)) {
        let torn = copy(folder.path());
        write(&file(torn.path(), ".jsonl"), &[whole.as_slice(), &next[..length]].concat());
        assert_eq!(verdict(torn.path(), &trust()), Verdict::Told);
        log_of(&settings(torn.path()), 1);
        let report = check(torn.path()).unwrap();
        assert_eq!((report.healed, report.torn), (1, 0), "{length}");
        let kept = fs::read(file(torn.path(), ".torn")).unwrap();
        assert_eq!(kept, next[..length]);
    }
    // What a checkpoint has seen is no torn end.
    for length in [0, whole.len() / 2, whole.len() - 1] {
        let cut = copy(folder.path());
        write(&file(cut.path(), ".jsonl"), &whole[..length]);
        let opened = AuditLog::open(&settings(cut.path()), 1, clock, Entry::new(Kind::Start));
        assert!(matches!(opened, Err(OpenError::Broken(..))), "{length}");
    }
}

#[test]
fn a_log_that_cannot_be_written_gives_no_slots_and_recovers() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (place, away) = (folder.path().join("log"), folder.path().join("away"));
    let log = open(&AuditSettings { segment_bytes: 16 << 10, ..settings(&place) });
    runtime.block_on(log.slot()).unwrap();
    fs::rename(&place, &away).unwrap();
    let mut written = 0;
    // The segment becomes full, and the next cannot be begun.
    while !log.health().is_failing() {
        log.note(exchange(written));
        written += 1;
        std::thread::yield_now();
        assert!(written < 1_000_000);
    }
    (0..3).for_each(|_| assert!(runtime.block_on(log.slot()).is_err()));
    log.note(exchange(written));
    written += 1;
    fs::rename(&away, &place).unwrap();
    while log.health().is_failing() {
        std::thread::yield_now();
    }
    let slot = runtime.block_on(log.slot()).unwrap();
    assert_eq!(runtime.block_on(slot.record(exchange(written))), Ok(()));
    written += 1;
    log.close();
    assert_eq!(verdict(&place, &trust()), Verdict::Clean);
    let (mut exchanges, mut recovered, mut refused) = (0, 0, 0);
    for record in Records::open(&place).unwrap() {
        let value: Value = serde_json::from_slice(&record.unwrap().1).unwrap();
        exchanges += u64::from(value["kind"] == "exchange");
        recovered += u64::from(value["kind"] == "recovered");
        refused += value["refused"].as_u64().unwrap_or_default();
    }
    assert_eq!(exchanges, written);
    assert!(recovered >= 1);
    assert_eq!(refused, 3, "requests that were refused are counted");
    assert!(log.health().failures() >= 1);
}

#[test]
fn files_that_are_taken_away_are_missed_and_made_anew() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    for (durability, replaced) in [(Durability::Os, false), (Durability::Disk, false), (Durability::Disk, true)] {
        let folder = tempfile::tempdir().unwrap();
        let settings = AuditSettings { durability, ..settings(folder.path()) };
        let log = AuditLog::open(&settings, 100, quick, Entry::new(Kind::Start)).unwrap();
        let record = |number| {
            let slot = runtime.block_on(log.slot()).ok()?;
            runtime.block_on(slot.record(exchange(number))).ok()
        };
        record(0).unwrap();
        for ending in [".jsonl", ".ckpt"] {
            let path = file(folder.path(), ending);
            let bytes = fs::read(&path).unwrap();
            fs::remove_file(&path).unwrap();
            if replaced {
                fs::write(&path, bytes).unwrap();
            }
        }
        let mut written = 1;
        while log.health().failures() == 0 {
            written += u64::from(record(written).is_some());
            std::thread::yield_now();
        }
        if durability == Durability::Disk {
            assert_eq!(written, 1, "synced is what is found in the directory");
        }
        while record(1_000_000).is_none() {
            std::thread::yield_now();
        }
        log.close();
        assert_eq!(verdict(folder.path(), &trust()), Verdict::Clean);
        let all: Vec<Value> = Records::open(folder.path())
            .unwrap()
            .map(|record| serde_json::from_slice(&record.unwrap().1).unwrap())
            .collect();
        assert!(all.iter().filter(|record| record["kind"] == "exchange").count() as u64 > written);
        assert!(all.iter().any(|record| record["kind"] == "recovered" && record["restored"] == 2));
    }
}

#[test]
fn a_file_that_another_writes_to_is_cut_back_to_what_is_its_own() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    for ending in [".jsonl", ".ckpt"] {
        let folder = tempfile::tempdir().unwrap();
        let log = AuditLog::open(&settings(folder.path()), 100, quick, Entry::new(Kind::Start)).unwrap();
        let slot = runtime.block_on(log.slot()).unwrap();
        assert_eq!(runtime.block_on(slot.record(exchange(0))), Ok(()));
        let mut other = fs::OpenOptions::new().append(true).open(file(folder.path(), ending)).unwrap();
        std::io::Write::write_all(&mut other, b"{\"kind\":\"exchange\"}\n").unwrap();
        // Without a record to write, too.
        while log.health().failures() == 0 || log.health().is_failing() {
            std::thread::yield_now();
        }
        let slot = runtime.block_on(log.slot()).unwrap();
        assert_eq!(runtime.block_on(slot.record(exchange(1))), Ok(()));
        log.close();
        assert_eq!(verdict(folder.path(), &trust()), Verdict::Clean, "{ending}");
    }
}

#[test]
fn a_file_that_is_cut_takes_no_more_requests() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    for (ending, kept) in [(".jsonl", 0), (".jsonl", 2), (".ckpt", 0)] {
        let folder = tempfile::tempdir().unwrap();
        let settings = AuditSettings { durability: Durability::Disk, ..settings(folder.path()) };
        let log = AuditLog::open(&settings, 100, quick, Entry::new(Kind::Start)).unwrap();
        let slot = runtime.block_on(log.slot()).unwrap();
        assert_eq!(runtime.block_on(slot.record(exchange(0))), Ok(()));
        let path = file(folder.path(), ending);
        let length = fs::metadata(&path).unwrap().len();
        // As a rotation by copy and truncation does.
        fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(length * kept / 4).unwrap();
        while log.health().failures() < 3 {
            std::thread::yield_now();
        }
        assert!(log.health().is_failing() && runtime.block_on(log.slot()).is_err(), "{ending} {kept}");
        log.close();
        assert!(fs::metadata(&path).unwrap().len() < length, "nothing stands for what was cut off");
    }
}

#[test]
fn a_log_whose_directory_is_gone_fails_until_it_is_back() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (place, away) = (folder.path().join("log"), folder.path().join("away"));
    let log = AuditLog::open(&settings(&place), 100, quick, Entry::new(Kind::Start)).unwrap();
    fs::rename(&place, &away).unwrap();
    // Without a record to write, too.
    while !log.health().is_failing() {
        std::thread::yield_now();
    }
    assert!(runtime.block_on(log.slot()).is_err());
    // Another directory in its place is not the log's.
    fs::create_dir(&place).unwrap();
    let before = log.health().failures();
    while log.health().failures() < before + 2 {
        std::thread::yield_now();
    }
    assert!(log.health().is_failing() && files(&place).is_empty());
    fs::remove_dir(&place).unwrap();
    fs::rename(&away, &place).unwrap();
    while log.health().is_failing() {
        std::thread::yield_now();
    }
    log.close();
    assert_eq!(verdict(&place, &trust()), Verdict::Clean);
}

#[test]
fn slots_are_bounded_and_come_back() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let log = AuditLog::open(&settings(folder.path()), 2, clock, Entry::new(Kind::Start)).unwrap();
    let mut held = Vec::new();
    for _ in 0..super::QUEUE + 2 {
        held.push(runtime.block_on(log.slot()).unwrap());
    }
    assert!(runtime.block_on(log.slot()).is_err());
    let ack = held.pop().unwrap().record(exchange(0));
    assert_eq!(runtime.block_on(ack), Ok(()));
    assert!(runtime.block_on(log.slot()).is_ok());
    log.close();
    let (_, last) = Records::open(folder.path()).unwrap().last().unwrap().unwrap();
    let stop: Value = serde_json::from_slice(&last).unwrap();
    assert_eq!((&stop["kind"], &stop["refused"]), (&"stop".into(), &1.into()));
}
