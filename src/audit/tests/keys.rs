//! Keys of a log that give way to others: in order, cut off by a crash, and forged.

use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::audit::KeyFault;
use crate::audit::chain::{Hash, Tree, from_hex, leaf};
use crate::audit::keys::{KEYS_FILE, Rotation};
use crate::audit::note::Checkpoint;
use crate::audit::read::key_in_force;
use crate::audit::record::{Place, line};

fn signing(seed: u8) -> SigningKey {
    SigningKey::from_pkcs8(&pkcs8(seed)).unwrap()
}

fn pinned(seed: u8) -> Trust {
    Trust { key: Some(public(seed)), anchors: Vec::new() }
}

fn signed_by(seed: u8, settings: &AuditSettings) -> AuditSettings {
    AuditSettings { key: pkcs8(seed), ..settings.clone() }
}

/// A log whose first key has given way to the second, with records on either side.
fn rotated(settings: &AuditSettings) {
    let log = open(settings);
    (0..10).for_each(|number| log.note(exchange(number)));
    log.change_key(&pkcs8(2)).unwrap();
    (10..20).for_each(|number| log.note(exchange(number)));
}

fn kinds(folder: &Path) -> Vec<String> {
    let records = Records::open(folder).unwrap().map(|record| serde_json::from_slice::<Value>(&record.unwrap().1));
    records.map(|record| record.unwrap()["kind"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_key_gives_way_to_another_and_whoever_holds_either_checks_the_whole_log() {
    for durability in [Durability::Os, Durability::Disk] {
        let folder = tempfile::tempdir().unwrap();
        let settings = AuditSettings { durability, ..settings(folder.path()) };
        rotated(&settings);
        assert!(kinds(folder.path()).contains(&"key_rotate".to_owned()));
        for seed in [1, 2] {
            let report = verify(folder.path(), &pinned(seed)).unwrap();
            assert_eq!((report.rotations, report.unsealed(), report.unknown), (1, 0, 0), "{report:?}");
            assert_eq!(report.key, public(2).to_text());
        }
        assert_eq!(verdict(folder.path(), &pinned(3)), Verdict::Broken);
        assert_eq!(key_in_force(folder.path()).unwrap(), public(2));
        let old = AuditLog::open(&settings, 1, clock, Entry::new(Kind::Start));
        assert!(matches!(old, Err(OpenError::OtherKey(_))));
        // It goes on with the new key, and once more.
        let log = open(&signed_by(2, &settings));
        let back = log.change_key(&pkcs8(1));
        assert!(matches!(back, Err(KeyFault::Refused(_))), "{back:?}");
        assert_eq!(log.change_key(&pkcs8(2)), Ok(()), "it is in force");
        assert_eq!(log.change_key(b"none"), Err(KeyFault::Key));
        log.change_key(&pkcs8(3)).unwrap();
        drop(log);
        assert_eq!(verify(folder.path(), &pinned(1)).unwrap().rotations, 2);
        // Checkpoints of every key are anchors, and an extract bears the changes.
        let notes = fs::read_to_string(file(folder.path(), ".ckpt")).unwrap();
        let anchors: Vec<String> = notes_of(&notes);
        let count = anchors.len() as u64;
        let report = verify(folder.path(), &Trust { anchors, ..pinned(1) }).unwrap();
        assert!(report.anchors > 0 && report.anchors <= count);
        let mut prover = Prover::read(folder.path()).unwrap();
        let (seq, record) = Records::open(folder.path()).unwrap().last().unwrap().unwrap();
        let (header, own) = (prover.header(), prover.line(seq, &record).unwrap());
        let extract = format!("{header}\n{own}\n");
        for seed in [1, 2, 3] {
            assert_eq!(check_extract(extract.as_bytes(), Some(public(seed))).unwrap(), [seq]);
        }
        assert!(check_extract(extract.as_bytes(), Some(public(4))).is_err());
        let mut bare: Value = serde_json::from_str(&header).unwrap();
        bare.as_object_mut().unwrap().remove("keys");
        assert!(check_extract(format!("{bare}\n{own}\n").as_bytes(), None).is_err());
    }
}

#[test]
fn an_extract_that_an_older_key_signed_tells_of_no_later_one() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path());
    log_of(&settings, 5);
    let (seq, record) = Records::open(folder.path()).unwrap().last().unwrap().unwrap();
    let mut before = Prover::read(folder.path()).unwrap();
    let (header, own) = (before.header(), before.line(seq, &record).unwrap());
    assert_eq!(check_extract(format!("{header}\n{own}\n").as_bytes(), Some(public(1))).unwrap(), [seq]);
    rotated(&settings);
    // Whoever has the key that went can sign any tree of that size; the change itself is no secret.
    let after: Value = serde_json::from_str(&Prover::read(folder.path()).unwrap().header()).unwrap();
    let mut forged: Value = serde_json::from_str(&header).unwrap();
    forged["keys"] = after["keys"].clone();
    for seed in [1, 2] {
        let checked = check_extract(format!("{forged}\n{own}\n").as_bytes(), Some(public(seed)));
        assert!(checked.is_err(), "{checked:?} with key {seed}");
    }
}

fn notes_of(file: &str) -> Vec<String> {
    notes(file).0.into_iter().map(str::to_owned).collect()
}

#[test]
fn a_change_that_a_crash_cut_off_is_the_one_or_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path());
    rotated(&settings);
    // The record is there, the file of keys is not yet.
    fs::remove_file(folder.path().join(KEYS_FILE)).unwrap();
    assert_eq!(verdict(folder.path(), &pinned(2)), Verdict::Clean);
    log_of(&signed_by(2, &settings), 1);
    assert!(folder.path().join(KEYS_FILE).exists());
    assert_eq!(verdict(folder.path(), &pinned(1)), Verdict::Clean);
    // The record itself is cut off: the old key is in force.
    let cut = tempfile::tempdir().unwrap();
    let settings = super::settings(cut.path());
    log_of(&settings, 3);
    let before = copy(cut.path());
    open(&settings).change_key(&pkcs8(2)).unwrap();
    let segment = file(cut.path(), ".jsonl");
    let whole = fs::read(&segment).unwrap();
    let at = memchr::memmem::find(&whole, b"key_rotate").unwrap();
    let torn = file(before.path(), ".jsonl");
    write(&torn, &whole[..at]);
    let settings = super::settings(before.path());
    log_of(&settings, 1);
    let report = check(before.path()).unwrap();
    assert_eq!((report.rotations, report.healed), (0, 1));
}

#[test]
fn every_changed_byte_of_the_file_of_keys_is_found() {
    let folder = tempfile::tempdir().unwrap();
    rotated(&settings(folder.path()));
    let path = folder.path().join(KEYS_FILE);
    let bytes = fs::read(&path).unwrap();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        write(&path, &changed);
        assert_eq!(verdict(folder.path(), &trust()), Verdict::Broken, "byte {at}");
    }
    for part in [bytes.repeat(2), bytes[..bytes.len() - 1].to_vec()] {
        write(&path, &part);
        assert_eq!(verdict(folder.path(), &trust()), Verdict::Broken);
        let opened = AuditLog::open(&signed_by(2, &settings(folder.path())), 1, clock, Entry::new(Kind::Start));
        assert!(matches!(opened, Err(OpenError::Broken(..))));
    }
}

/// Where a log of the first key ends: its origin, its number of records, its last hash.
struct End {
    origin: String,
    log: String,
    seq: u64,
    head: Hash,
}

fn end(folder: &Path) -> End {
    let report = check(folder).unwrap();
    End { origin: report.origin, log: report.log, seq: report.records, head: report.head }
}

/// The log with this change of keys behind it, under a checkpoint of this key.
fn changed_by(folder: &Path, rotation: &Rotation, sealed_by: &SigningKey) -> TempDir {
    let forged = copy(folder);
    let end = end(folder);
    let last: Value = serde_json::from_slice(&Records::open(folder).unwrap().last().unwrap().unwrap().1).unwrap();
    let fields = rotation.fields();
    let entry = fields.iter().fold(Entry::new(Kind::KeyRotate), |entry, (name, text)| entry.text(name, text));
    let place = Place {
        log: &end.log,
        boot: last["boot"].as_str().unwrap(),
        seq: end.seq,
        prev: &end.head,
        time: last["ts"].as_str().unwrap(),
        mono_ns: last["mono_ns"].as_u64().unwrap(),
    };
    let (record, head) = line(entry, place);
    let segment: PathBuf = file(forged.path(), ".jsonl");
    let mut bytes = fs::read(&segment).unwrap();
    let mut tree = Tree::default();
    for record in Records::open(folder).unwrap() {
        tree.push(leaf(&record.unwrap().1));
    }
    tree.push(leaf(&record));
    bytes.extend_from_slice(&record);
    bytes.push(b'\n');
    write(&segment, &bytes);
    let ckpt = file(forged.path(), ".ckpt");
    let notes = fs::read_to_string(&ckpt).unwrap();
    let before = tagged(Domain::Checkpoint, &[notes_of(&notes).pop().unwrap().as_bytes()]);
    let time = last["ts"].as_str().unwrap().to_owned();
    let checkpoint = Checkpoint { size: tree.size(), root: tree.root(), head, time, previous: before };
    let note = sealed_by.sign(&end.origin, &checkpoint.text(&end.origin));
    write(&ckpt, format!("{notes}{note}").as_bytes());
    forged
}

#[test]
fn a_forged_change_is_refused_and_a_key_that_gave_way_signs_nothing_more() {
    let folder = tempfile::tempdir().unwrap();
    log_of(&settings(folder.path()), 5);
    let End { origin, seq, head, .. } = end(folder.path());
    let (owner, heir, thief) = (signing(1), signing(2), signing(3));
    let sound = Rotation::sign(&origin, (seq, head), &owner, &heir);
    let told = changed_by(folder.path(), &sound, &heir);
    assert_eq!(verdict(told.path(), &trust()), Verdict::Clean);
    log_of(&signed_by(2, &settings(told.path())), 1);
    let forge = |change: &dyn Fn(&mut serde_json::Map<String, Value>)| {
        let mut fields = serde_json::from_str(&sound.line()).unwrap();
        change(&mut fields);
        Rotation::read(&fields)
    };
    let thiefs = Rotation::sign(&origin, (seq, head), &thief, &heir);
    let stolen: Value = serde_json::from_str(&thiefs.line()).unwrap();
    let cases = [
        ("of a key that was never in force", Some(thiefs), &heir),
        ("of another log", Some(Rotation::sign("test/other", (seq, head), &owner, &heir)), &heir),
        ("of another place", Some(Rotation::sign(&origin, (seq + 1, head), &owner, &heir)), &heir),
        ("behind another record", Some(Rotation::sign(&origin, (seq, [7; 32]), &owner, &heir)), &heir),
        ("to itself", Some(Rotation::sign(&origin, (seq, head), &owner, &owner)), &owner),
        (
            "that the old key has not signed",
            forge(&|fields| drop(fields.insert("old_signature".to_owned(), stolen["old_signature"].clone()))),
            &heir,
        ),
        (
            "that the new key has not signed",
            forge(&|fields| drop(fields.insert("new".to_owned(), public(3).to_text().into()))),
            &thief,
        ),
        ("whose checkpoint is the old key's", Some(sound.clone()), &owner),
        ("whose checkpoint is another's", Some(sound.clone()), &thief),
    ];
    for (what, rotation, sealed_by) in cases {
        let rotation = rotation.unwrap_or_else(|| panic!("{what}"));
        let forged = changed_by(folder.path(), &rotation, sealed_by);
        for trust in [trust(), Trust::default()] {
            assert_eq!(verdict(forged.path(), &trust), Verdict::Broken, "a change {what}");
        }
        for seed in [1, 2, 3] {
            let opened = AuditLog::open(&signed_by(seed, &settings(forged.path())), 1, clock, Entry::new(Kind::Start));
            assert!(opened.is_err(), "a change {what}, opened with key {seed}");
        }
    }
    // One that stands in the file of keys alone.
    let forged = copy(folder.path());
    write(&forged.path().join(KEYS_FILE), format!("{}\n", sound.line()).as_bytes());
    assert_eq!(verdict(forged.path(), &trust()), Verdict::Broken);
    let early = Rotation::sign(&origin, (1, from_hex(&"0".repeat(64)).unwrap()), &owner, &heir);
    write(&forged.path().join(KEYS_FILE), format!("{}\n", early.line()).as_bytes());
    assert_eq!(verdict(forged.path(), &trust()), Verdict::Broken);
}

#[test]
fn a_change_whose_record_was_removed_is_known_from_the_file_of_keys() {
    let folder = tempfile::tempdir().unwrap();
    let small = AuditSettings { segment_bytes: 4096, retention_days: Some(1), ..settings(folder.path()) };
    rotated(&small);
    let small = signed_by(2, &small);
    (0..4).for_each(|_| log_of(&small, 20));
    AuditLog::open(&small, 100, later, Entry::new(Kind::Start)).unwrap().close();
    assert!(!kinds(folder.path()).contains(&"key_rotate".to_owned()));
    for seed in [1, 2] {
        let report = verify(folder.path(), &pinned(seed)).unwrap();
        assert!(report.removed > 0 && report.rotations == 1 && report.unsealed() == 0, "{report:?}");
    }
    log_of(&small, 5);
    assert_eq!(verdict(folder.path(), &pinned(2)), Verdict::Clean);
    fs::remove_file(folder.path().join(KEYS_FILE)).unwrap();
    assert_eq!(verdict(folder.path(), &trust()), Verdict::Broken);
    // Nothing tells of the key any more: whoever starts is told what to do.
    let opened = AuditLog::open(&small, 1, clock, Entry::new(Kind::Start));
    let Err(OpenError::Broken(path, what)) = opened else { panic!("{opened:?}") };
    assert!(path.ends_with(KEYS_FILE) && what.contains("put it back from a copy"), "{what}");
}

#[test]
fn a_file_of_keys_that_is_lost_is_made_anew_from_the_records() {
    let folder = tempfile::tempdir().unwrap();
    let small = AuditSettings { segment_bytes: 4096, ..settings(folder.path()) };
    rotated(&small);
    let own = signed_by(2, &small);
    (0..4).for_each(|_| log_of(&own, 20));
    let file = folder.path().join(KEYS_FILE);
    let before = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    assert_eq!(verdict(folder.path(), &pinned(2)), Verdict::Clean);
    // The old key opens nothing, now as before.
    let old = AuditLog::open(&small, 1, clock, Entry::new(Kind::Start));
    assert!(matches!(old, Err(OpenError::OtherKey(_))), "{old:?}");
    log_of(&own, 5);
    assert_eq!(fs::read(&file).unwrap(), before);
    // So is one that a copy has cut off, once it is out of the way.
    fs::write(&file, &before[..before.len() / 2]).unwrap();
    let Err(OpenError::Broken(_, what)) = AuditLog::open(&own, 1, clock, Entry::new(Kind::Start)) else { panic!() };
    assert!(what.contains("moved away"), "{what}");
    fs::remove_file(&file).unwrap();
    log_of(&own, 5);
    assert_eq!((fs::read(&file).unwrap(), verdict(folder.path(), &pinned(1))), (before, Verdict::Clean));
}

#[test]
fn a_change_of_keys_whose_own_writing_fails_is_finished_later() {
    for restarts in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        // The file of keys cannot be written: its name is taken.
        let taken = folder.path().join("keys.tmp");
        fs::create_dir(&taken).unwrap();
        let log = AuditLog::open(&settings(folder.path()), 2, quick, Entry::new(Kind::Start)).unwrap();
        assert_eq!(log.change_key(&pkcs8(2)), Err(KeyFault::Unavailable));
        assert!(log.health().is_failing());
        // There is no way back to the key that has signed itself away.
        let back = log.change_key(&pkcs8(1));
        assert_eq!(back, Err(KeyFault::Unavailable));
        if restarts {
            log.close();
            fs::remove_dir(&taken).unwrap();
            let old = AuditLog::open(&settings(folder.path()), 1, clock, Entry::new(Kind::Start));
            assert!(matches!(old, Err(OpenError::OtherKey(_))), "{old:?}");
            open(&signed_by(2, &settings(folder.path()))).close();
        } else {
            fs::remove_dir(&taken).unwrap();
            while log.health().is_failing() {
                std::thread::yield_now();
            }
            log.note(exchange(1));
            log.close();
        }
        assert!(folder.path().join(KEYS_FILE).exists());
        for seed in [1, 2] {
            assert_eq!(verify(folder.path(), &pinned(seed)).unwrap().rotations, 1, "restarted: {restarts}");
        }
    }
}

#[test]
fn a_log_that_cannot_be_written_keeps_its_key() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (place, away) = (folder.path().join("log"), folder.path().join("away"));
    let log = AuditLog::open(&settings(&place), 2, quick, Entry::new(Kind::Start)).unwrap();
    fs::rename(&place, &away).unwrap();
    while !log.health().is_failing() {
        std::thread::yield_now();
    }
    assert_eq!(log.change_key(&pkcs8(2)), Err(KeyFault::Unavailable));
    fs::rename(&away, &place).unwrap();
    while log.health().is_failing() {
        std::thread::yield_now();
    }
    assert!(runtime.block_on(log.slot()).is_ok());
    log.change_key(&pkcs8(2)).unwrap();
    log.close();
    assert_eq!(verify(&place, &pinned(2)).unwrap().rotations, 1);
}
