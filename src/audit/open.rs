//! A log is opened: what enters is a directory, what leaves is a writer that goes on where the last one ended.
//!
//! The last segment is read again, record by record. A line that a crash has cut off is put aside and told of; anything
//! else that is not as it was written, or that a checkpoint has seen and is missing, keeps the log from being opened.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::policy::{AuditSettings, Durability};

use super::chain::{Domain, Hash, Tree, from_hex, hex, leaf, tagged};
use super::files::Files;
use super::keys::{KEYS_FILE, Keys, Rotation};
use super::note::{Checkpoint, PublicKey, SigningKey, notes};
use super::record::{HASH_FIELD, LINE_LIMIT, rfc3339};
use super::segment::{Segment, appending, last_line, sync_directory};
use super::verify::Fault;
use super::writer::{Seal, Syncer, Writer};
use super::{Clock, Entry, Health, Kind, OpenError};

/// Of a checkpoint that the key in force has not signed, or that is none.
const UNSIGNED: &str = "its last checkpoint does not hold";

/// What a segment's records come to.
struct Replay {
    tree: Tree,
    head: Hash,
    /// Of whole lines.
    length: u64,
    /// The line that was cut off.
    torn: Vec<u8>,
    /// When the first record was written.
    opened: String,
    /// The last record ends the segment.
    closed: bool,
    seal: (u64, Hash),
}

/// What is in the directory.
#[derive(Default)]
struct Found {
    active: Vec<u64>,
    closed: Vec<(u64, u64)>,
    removed: Vec<(u64, u64)>,
}

pub(super) fn open(
    settings: &AuditSettings,
    clock: Clock,
    health: Arc<Health>,
    start: Entry,
) -> Result<Writer, OpenError> {
    let directory = settings.directory.clone();
    let failed = |error| OpenError::Io(settings.directory.clone(), error);
    let key = SigningKey::from_pkcs8(&settings.key).map_err(|_| OpenError::Key)?;
    DirBuilder::new().recursive(true).mode(0o700).create(&directory).map_err(failed)?;
    let lock = locked(&directory)?;
    let now = clock();
    let (log, first_key) = genesis(&directory, &settings.name, key.public(), &rfc3339(now.unix_ms))?;
    let log = hex(&log);
    let origin = format!("{}/{log}", settings.name);
    let mut keys = known_keys(&directory, &origin, first_key)?;
    let saved = keys.rotations().len();
    let mut boot = [0; 8];
    aws_lc_rs::rand::fill(&mut boot).map_err(|_| failed(io::Error::other("no randomness")))?;
    let found = found(&directory).map_err(failed)?;
    let mut state = resume(&directory, (&origin, &log), &mut keys, &found);
    // Where no checkpoint has told whose the log is, closed segments must.
    let unsigned = state.as_ref().is_ok_and(|state| state.seal.0 <= state.first) && !found.closed.is_empty();
    if (state.is_err() || unsigned || keys.current() != key.public()) && !directory.join(KEYS_FILE).exists() {
        // The records of the changes tell what the file did; it is written anew below.
        match told_keys(&directory, &found, &origin, first_key)? {
            Some(told) => {
                keys = told;
                state = resume(&directory, (&origin, &log), &mut keys, &found);
            }
            None if !found.removed.is_empty()
                && matches!(&state, Err(OpenError::Broken(_, what)) if what == UNSIGNED) =>
            {
                return Err(lost_keys(&directory));
            }
            None => {}
        }
    }
    let state = state?;
    if keys.current() != key.public() {
        return Err(OpenError::OtherKey(directory));
    }
    whole(&directory, &found)?;
    let (torn, fresh) = (state.torn.clone(), state.fresh);
    let segment = match fresh {
        true => Segment::create(&directory, state.tree.size(), now).map_err(failed)?,
        false => state.segment(&directory).map_err(failed)?,
    };
    let syncer = match settings.durability {
        Durability::Os => Some(Syncer::start().map_err(failed)?),
        Durability::Disk => None,
    };
    let mut writer = Writer {
        directory,
        lock,
        origin,
        log,
        boot: hex(&boot),
        key,
        keys_unsaved: keys.rotations().len() > saved,
        keys,
        durability: settings.durability,
        segment_bytes: settings.segment_bytes,
        segment_age: settings.segment_age,
        retention: settings.retention_days.map(|days| Duration::from_secs(u64::from(days) * 24 * 60 * 60)),
        clock,
        health,
        tree: state.tree,
        head: state.head,
        segment,
        closing: state.closed,
        seal: Seal { size: state.seal.0, hash: state.seal.1, at_ns: now.mono_ns },
        syncer,
        failure: None,
        parked: Vec::new(),
        epoch_ms: None,
        last_sync: now.mono_ns,
        last_retire: 0,
    };
    begin(&mut writer, fresh, &torn, start).map_err(failed)?;
    Ok(writer)
}

/// Sees that a log holds as far as that is told without reading all of it: that no segment is missing, that nothing else
/// is called as its files are, and that each closed segment ends as it should.
fn whole(directory: &Path, found: &Found) -> Result<(), OpenError> {
    let next = found.closed.last().max(found.removed.last()).map_or(0, |(_, last)| last + 1);
    let begun = Segment::checkpoints_path(directory, next);
    if found.active.is_empty() && fs::metadata(&begun).is_ok_and(|about| about.len() == 0) {
        // A crash has kept the segment that it was to belong to from the disk.
        fs::remove_file(&begun).map_err(|error| OpenError::Io(begun, error))?;
    }
    match Files::list(directory) {
        Ok(_) => {}
        Err(Fault::Io(path, error)) => return Err(OpenError::Io(path, error)),
        Err(Fault::Broken { file, what, .. }) => return Err(OpenError::Broken(directory.join(file), what.to_owned())),
    }
    for (first, last) in &found.closed {
        let path = directory.join(format!("audit-{first:020}-{last:020}.jsonl"));
        let line = last_line(&path).map_err(|error| OpenError::Io(path.clone(), error))?;
        let end: Value = serde_json::from_slice(&line).unwrap_or_default();
        let is = |name: &str, number: u64| end.get(name).and_then(Value::as_u64) == Some(number);
        let closes = end.get("kind").and_then(Value::as_str) == Some(Kind::SegmentClose.name());
        if !(closes && is("seq", *last) && is("count", last - first + 1)) {
            return Err(OpenError::Broken(path, "it does not end as it should".to_owned()));
        }
    }
    Ok(())
}

/// The records of a start.
fn begin(writer: &mut Writer, fresh: bool, torn: &[u8], start: Entry) -> io::Result<()> {
    if fresh {
        writer.open_segment();
    }
    if writer.closing {
        writer.turn()?;
    }
    if !torn.is_empty() {
        let entry = Entry::new(Kind::RecoveredTail)
            .number("bytes", torn.len() as u64)
            .text("sha256", &hex(&Sha256::digest(torn)));
        writer.append(entry);
    }
    writer.append(start);
    (&*writer.segment.file).write_all(&writer.segment.tail)?;
    writer.segment.written = writer.segment.tail.len();
    // From here on there always is a checkpoint: whoever pins the key takes no log without one.
    writer.sync(true)?;
    writer.save_keys()
}

/// The keys that the directory names, which its records are still to bear out.
fn known_keys(directory: &Path, origin: &str, first: PublicKey) -> Result<Keys, OpenError> {
    Keys::load(directory, origin, first).map_err(|error| {
        let path = directory.join(KEYS_FILE);
        match error.kind() {
            io::ErrorKind::InvalidData => {
                let what =
                    "it is not of this log, or not whole; once it is moved away it is made anew from the records";
                OpenError::Broken(path, what.to_owned())
            }
            _ => OpenError::Io(path, error),
        }
    })
}

/// The keys that closed segments tell of, where the file of keys is gone; none where no key has given way there.
///
/// # Errors
/// They do not tell all: retention has removed what the file repeated.
fn told_keys(directory: &Path, found: &Found, origin: &str, first: PublicKey) -> Result<Option<Keys>, OpenError> {
    let mut keys = Keys::new(first);
    for (from, to) in &found.closed {
        let path = directory.join(format!("audit-{from:020}-{to:020}.jsonl"));
        let text = fs::read_to_string(&path).map_err(|error| OpenError::Io(path, error))?;
        for line in text.lines().filter(|line| line.contains("\"kind\":\"key_rotate\"")) {
            let Ok(Value::Object(fields)) = serde_json::from_str(line) else { continue };
            let rotation = Rotation::read(&fields).filter(|_| is_rotation(&fields));
            let Some(rotation) = rotation else { continue };
            keys.push(rotation, origin).map_err(|_| lost_keys(directory))?;
        }
    }
    Ok(Some(keys).filter(|keys| !keys.rotations().is_empty()))
}

fn lost_keys(directory: &Path) -> OpenError {
    let what =
        "it is missing, and so are records of changes of keys that it repeats; put it back from a copy of the log";
    OpenError::Broken(directory.join(KEYS_FILE), what.to_owned())
}

fn is_rotation(fields: &serde_json::Map<String, Value>) -> bool {
    fields.get("kind").and_then(Value::as_str) == Some(Kind::KeyRotate.name())
}

fn locked(directory: &Path) -> Result<File, OpenError> {
    let path = directory.join("lock");
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
    let file = file.map_err(|error| OpenError::Io(path.clone(), error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked(directory.to_owned())),
        Err(TryLockError::Error(error)) => Err(OpenError::Io(path, error)),
    }
}

/// Reads what the log begins with, or writes it where there is no log yet; gives its hash and the first key.
fn genesis(directory: &Path, name: &str, key: PublicKey, time: &str) -> Result<(Hash, PublicKey), OpenError> {
    let path = directory.join("genesis.json");
    let failed = |error| OpenError::Io(path.clone(), error);
    match fs::read(&path) {
        Ok(file) => {
            let broken = |what: &str| OpenError::Broken(path.clone(), what.to_owned());
            let text = file.strip_suffix(b"\n").ok_or_else(|| broken("it has no end"))?;
            let read: Value = serde_json::from_slice(text).map_err(|_| broken("it is not JSON"))?;
            let first = read.get("key").and_then(Value::as_str).and_then(PublicKey::from_base64);
            let first = first.ok_or_else(|| broken("its key is none"))?;
            if read.get("name").and_then(Value::as_str) != Some(name) {
                return Err(broken("the log has another `name`"));
            }
            Ok((tagged(Domain::Genesis, &[text]), first))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let any = found(directory).map_err(failed)?;
            if !(any.active.is_empty() && any.closed.is_empty() && any.removed.is_empty()) {
                return Err(OpenError::Broken(path, "it is missing".to_owned()));
            }
            let mut nonce = [0; 16];
            aws_lc_rs::rand::fill(&mut nonce).map_err(|_| failed(io::Error::other("no randomness")))?;
            let made = json!({"created": time, "key": key.to_text(), "name": name, "nonce": hex(&nonce), "v": 1});
            let text = made.to_string();
            let unfinished = directory.join("genesis.tmp");
            let mut file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&unfinished)
                .map_err(failed)?;
            file.write_all(text.as_bytes()).and_then(|()| file.write_all(b"\n")).map_err(failed)?;
            file.sync_all().map_err(failed)?;
            fs::rename(&unfinished, &path).map_err(failed)?;
            sync_directory(directory).map_err(failed)?;
            Ok((tagged(Domain::Genesis, &[text.as_bytes()]), key))
        }
        Err(error) => Err(failed(error)),
    }
}

fn found(directory: &Path) -> io::Result<Found> {
    let mut found = Found::default();
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name();
        let Some(name) = name.to_str().and_then(|name| name.strip_prefix("audit-")) else { continue };
        let (stem, ending) = name.split_once('.').unwrap_or((name, ""));
        let range = stem.split_once('-').map(|(first, last)| (first.parse(), last.parse()));
        match (range, ending) {
            (Some((Ok(first), Ok(last))), "jsonl") => found.closed.push((first, last)),
            (Some((Ok(first), Ok(last))), "stub") => found.removed.push((first, last)),
            (None, "jsonl") => found.active.extend(stem.parse::<u64>()),
            _ => {}
        }
    }
    found.active.sort_unstable();
    found.closed.sort_unstable();
    found.removed.sort_unstable();
    Ok(found)
}

/// The closed segments of a directory, oldest first.
pub(super) fn closed_segments(directory: &Path) -> io::Result<Vec<(u64, u64)>> {
    found(directory).map(|found| found.closed)
}

/// Where a log goes on.
struct Resumed {
    tree: Tree,
    head: Hash,
    seal: (u64, Hash),
    torn: Vec<u8>,
    closed: bool,
    /// A segment is to be begun.
    fresh: bool,
    first: u64,
    length: u64,
    notes_length: u64,
    opened: String,
}

impl Resumed {
    fn segment(&self, directory: &Path) -> io::Result<Segment> {
        let (path, checkpoints) =
            (Segment::active_path(directory, self.first), Segment::checkpoints_path(directory, self.first));
        if !self.torn.is_empty() {
            put_aside(directory, self.tree.size(), &self.torn)?;
        }
        let (file, notes) = (appending(&path, false)?, appending(&checkpoints, true)?);
        file.set_len(self.length)?;
        notes.set_len(self.notes_length)?;
        file.sync_all()?;
        Ok(Segment {
            first: self.first,
            path,
            checkpoints,
            file: Arc::new(file),
            notes: Arc::new(notes),
            synced: self.length,
            tail: Vec::new(),
            written: 0,
            notes_length: self.notes_length,
            opened_ms: unix_ms(&self.opened).unwrap_or(0),
        })
    }
}

/// Keeps the bytes of a line that was cut off.
fn put_aside(directory: &Path, seq: u64, torn: &[u8]) -> io::Result<()> {
    let path = directory.join(format!("audit-{seq:020}.torn"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(torn)?;
    file.sync_all()?;
    sync_directory(directory)
}

fn resume(directory: &Path, (origin, log): (&str, &str), keys: &mut Keys, found: &Found) -> Result<Resumed, OpenError> {
    let broken = |path: &Path, what: &str| OpenError::Broken(path.to_owned(), what.to_owned());
    let ended = found.closed.last().max(found.removed.last()).map(|(_, last)| *last);
    let next = ended.map_or(0, |last| last + 1);
    let genesis = from_hex(log).unwrap_or_default();
    match found.active.as_slice() {
        [] | [_] => {}
        _ => return Err(broken(directory, "two segments are open")),
    }
    if let Some(first) = found.active.first() {
        if *first != next {
            return Err(broken(directory, &format!("record {next} should follow, and {first} does")));
        }
        let replayed = replay(directory, &Segment::active_path(directory, *first), *first, (origin, log), keys)?;
        if let Some((replay, notes_length)) = replayed {
            return Ok(Resumed {
                tree: replay.tree,
                head: replay.head,
                seal: replay.seal,
                torn: replay.torn,
                closed: replay.closed,
                fresh: false,
                first: *first,
                length: replay.length,
                notes_length,
                opened: replay.opened,
            });
        }
    }
    // Nothing whole is in the segment that was begun: what stands before it tells.
    let fresh = |tree, head, seal| Resumed {
        tree,
        head,
        seal,
        torn: Vec::new(),
        closed: false,
        fresh: true,
        first: next,
        length: 0,
        notes_length: 0,
        opened: String::new(),
    };
    match (found.closed.last(), next) {
        (_, 0) => Ok(fresh(Tree::default(), genesis, (0, [0; 32]))),
        (Some((first, last)), _) if last + 1 == next => {
            let path = directory.join(format!("audit-{first:020}-{last:020}.jsonl"));
            let (replay, _) =
                replay(directory, &path, *first, (origin, log), keys)?.ok_or_else(|| broken(&path, "it is empty"))?;
            if !replay.closed || !replay.torn.is_empty() || replay.tree.size() != next {
                return Err(broken(&path, "it does not end as it should"));
            }
            Ok(fresh(replay.tree, replay.head, replay.seal))
        }
        _ => Err(broken(directory, "the segment after those that were removed is missing")),
    }
}

/// Reads a segment again; none where not even its first record is whole.
fn replay(
    directory: &Path,
    path: &Path,
    first: u64,
    (origin, log): (&str, &str),
    keys: &mut Keys,
) -> Result<Option<(Replay, u64)>, OpenError> {
    let failed = |path: &Path, error| OpenError::Io(path.to_owned(), error);
    let broken = |what: &str| OpenError::Broken(path.to_owned(), what.to_owned());
    let notes_path = Segment::checkpoints_path(directory, first);
    let file = match fs::read(&notes_path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(&notes_path, error)),
        read => String::from_utf8_lossy(&read.unwrap_or_default()).into_owned(),
    };
    let (whole, _) = notes(&file);
    let notes_length = whole.iter().map(|note| note.len() as u64).sum();
    let last = match whole.last() {
        Some(note) => {
            let size = Checkpoint::peek(note).filter(|size| *size > first).ok_or_else(|| broken(UNSIGNED))?;
            Some((*note, size))
        }
        None => None,
    };
    let bytes = fs::read(path).map_err(|error| failed(path, error))?;
    let Some(mut replay) = first_record(&bytes, first, log).map_err(|what| broken(&what))? else {
        return match last {
            Some(_) => Err(broken("records that a checkpoint has seen are missing")),
            None => Ok(None),
        };
    };
    let mut rest = bytes.as_slice();
    replay.length = 0;
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let (line, behind) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        rest = behind.get(1..).unwrap_or_default();
        let seq = replay.tree.size();
        let record = record(line, seq, &replay.head, log).ok_or_else(|| broken(&format!("at record {seq}")))?;
        replay.head = record.hash;
        replay.closed = record.kind == Kind::SegmentClose.name();
        replay.tree.push(leaf(line));
        replay.length += line.len() as u64 + 1;
        changed(keys, &record, seq, origin).map_err(&broken)?;
        if let Some((note, _)) = last.filter(|(_, size)| *size == replay.tree.size()) {
            // Only now is it known whose signature it must bear.
            let checkpoint = keys.open(origin, note).ok_or_else(|| broken(UNSIGNED))?;
            if checkpoint.root != replay.tree.root() || checkpoint.head != replay.head {
                return Err(broken(&format!("record {seq} is not the one that was signed")));
            }
            replay.seal = (checkpoint.size, tagged(Domain::Checkpoint, &[note.as_bytes()]));
        }
    }
    if last.is_some_and(|(_, size)| size > replay.tree.size()) {
        return Err(broken("records that a checkpoint has seen are missing"));
    }
    if keys.rotations().last().is_some_and(|last| last.seq >= replay.tree.size()) {
        return Err(broken("the record of a change of keys is missing"));
    }
    replay.torn = rest.to_vec();
    Ok(Some((replay, notes_length)))
}

/// Takes in a record that changes the key; one that the file of keys names must be that.
fn changed(keys: &mut Keys, record: &Read, seq: u64, origin: &str) -> Result<(), &'static str> {
    let named = keys.rotations().iter().find(|rotation| rotation.seq == seq).cloned();
    match (&record.rotation, named) {
        (None, None) => Ok(()),
        (Some(own), Some(named)) if *own == named => Ok(()),
        (Some(own), None) => keys.push(own.clone(), origin),
        _ => Err("the record of a change of keys is another"),
    }
}

/// The state that the first record of a segment tells; none where it is not whole.
fn first_record(bytes: &[u8], first: u64, log: &str) -> Result<Option<Replay>, String> {
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else { return Ok(None) };
    let line = bytes.get(..end).unwrap_or_default();
    let wrong = || format!("at record {first}");
    let read: Value = serde_json::from_slice(line).map_err(|_| wrong())?;
    let text = |name: &str| read.get(name).and_then(Value::as_str);
    let peaks: Option<Vec<Hash>> = read
        .get("tree")
        .and_then(Value::as_array)
        .and_then(|peaks| peaks.iter().map(|peak| peak.as_str().and_then(from_hex)).collect());
    let tree = peaks.and_then(|peaks| Tree::from_peaks(first, peaks)).ok_or_else(wrong)?;
    let head = text("prev").and_then(from_hex).ok_or_else(wrong)?;
    if text("kind") != Some(Kind::SegmentOpen.name()) || (first == 0 && text("prev") != Some(log)) {
        return Err(wrong());
    }
    let seal = text("checkpoint").and_then(from_hex).zip(read.get("checkpoint_size").and_then(Value::as_u64));
    let (hash, size) = seal.ok_or_else(wrong)?;
    Ok(Some(Replay {
        tree,
        head,
        length: 0,
        torn: Vec::new(),
        opened: text("ts").unwrap_or_default().to_owned(),
        closed: false,
        seal: (size, hash),
    }))
}

struct Read {
    hash: Hash,
    kind: String,
    rotation: Option<Rotation>,
}

/// A line that is the record of this place.
fn record(line: &[u8], seq: u64, head: &Hash, log: &str) -> Option<Read> {
    if line.len() > LINE_LIMIT {
        return None;
    }
    let Value::Object(mut fields) = serde_json::from_slice(line).ok()? else { return None };
    if serde_json::to_vec(&fields).ok()? != line {
        return None;
    }
    let own = fields.remove(HASH_FIELD)?;
    let hash = tagged(Domain::Record, &[&serde_json::to_vec(&fields).ok()?]);
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    let fits = own.as_str() == Some(&hex(&hash))
        && fields.get("seq").and_then(Value::as_u64) == Some(seq)
        && text("prev") == Some(&hex(head))
        && text("log") == Some(log);
    let kind = text("kind")?.to_owned();
    let rotation = match kind == Kind::KeyRotate.name() {
        true => Some(Rotation::read(&fields)?),
        false => None,
    };
    fits.then_some(Read { hash, kind, rotation })
}

/// Milliseconds since 1970 of a time that [`rfc3339`] wrote.
pub(super) fn unix_ms(text: &str) -> Option<u64> {
    let part = |from: usize, to: usize| text.get(from..to)?.parse::<u64>().ok();
    let (year, month, day) = (part(0, 4)?, part(5, 7)?, part(8, 10)?);
    let date = time::Date::from_calendar_date(
        i32::try_from(year).ok()?,
        time::Month::try_from(u8::try_from(month).ok()?).ok()?,
        u8::try_from(day).ok()?,
    );
    let days = date.ok()?.to_julian_day() - time::OffsetDateTime::UNIX_EPOCH.date().to_julian_day();
    let seconds = u64::try_from(days).ok()? * 86_400 + part(11, 13)? * 3600 + part(14, 16)? * 60 + part(17, 19)?;
    Some(seconds * 1000 + part(20, 23)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_written() {
        for ms in [0, 1_796_000_000_007, 951_782_400_000, 4_102_444_799_999] {
            assert_eq!(unix_ms(&rfc3339(ms)), Some(ms));
        }
        assert_eq!(unix_ms("x"), None);
    }
}
