//! The verifier: what enters is a directory, what leaves is a report, or the first thing that is not as it was written.
//!
//! Streaming, in memory that does not grow with the log. It reads files and lines by itself; what it has in common with
//! the writer are the hashes, the form of signatures and the order of keys. Holds: a log that differs in any byte of a record, a checkpoint
//! or what it begins with, or of which anything is missing but its unsigned end, is broken; what is missing behind the
//! last checkpoint is told by an anchor alone.

mod form;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::chain::{Domain, Hash, Tree, from_hex, hex, leaf, tagged};
use super::files::Files;
use super::keys::{KEYS_FILE, Keys, Rotation};
use super::note::{Checkpoint, NOTE_LIMIT, PublicKey, notes};
use super::open::unix_ms;

use form::{balances, canonical, decoded, limited};

/// The longest line that is read.
const LINE_MAX: usize = 8 << 10;
/// The largest file of checkpoints that is read, in bytes.
const CHECKPOINTS_MAX: u64 = 64 << 20;
/// The most records that a writer leaves behind its last checkpoint.
pub const UNSEALED_MAX: u64 = 2_048;
/// The longest time between the first and the last of them.
pub const UNSEALED_SPAN: Duration = Duration::from_secs(60);

/// What is known besides the directory.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// A key that the log must be or have been signed with; without one the log vouches for itself.
    pub key: Option<PublicKey>,
    /// Checkpoints that were kept elsewhere.
    pub anchors: Vec<String>,
}

/// What a log that holds comes to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// The log's id.
    pub log: String,
    /// The name and the id, as checkpoints have them.
    pub origin: String,
    /// The key that signs it now, in base64.
    pub key: String,
    /// How often it gave way to another.
    pub rotations: u64,
    /// Records from the beginning, those that were removed in order among them.
    pub records: u64,
    /// Of these, records that retention removed.
    pub removed: u64,
    /// Records under the last checkpoint.
    pub sealed: u64,
    /// Why no writer left these unsealed; only of a log that no trusted key is named for, others are broken then.
    pub unsigned: Option<&'static str>,
    /// Checkpoints that were checked.
    pub checkpoints: u64,
    /// Anchors that agree.
    pub anchors: u64,
    /// Torn ends that were put aside in order.
    pub healed: u64,
    /// Bytes of a line at the very end that is not whole: the writer was stopped, or still writes.
    pub torn: u64,
    /// Whether the last checkpoint is not whole.
    pub torn_checkpoint: bool,
    /// Records of a kind that this verifier does not know.
    pub unknown: u64,
    /// The last record's hash.
    pub head: Hash,
    /// The Merkle root over all records.
    pub root: Hash,
    /// The last checkpoint's note.
    pub last_note: Option<String>,
}

impl Report {
    /// Records behind the last checkpoint.
    #[must_use]
    pub fn unsealed(&self) -> u64 {
        self.records - self.sealed
    }
}

/// Why a log does not hold.
#[derive(Debug)]
pub enum Fault {
    /// A file cannot be read.
    Io(PathBuf, io::Error),
    /// It is not what was written.
    Broken {
        /// The record at which it shows.
        seq: u64,
        /// The file.
        file: String,
        /// What is wrong.
        what: &'static str,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Broken { seq, file, what } => write!(f, "BROKEN at record {seq}, {file}: {what}"),
        }
    }
}

impl std::error::Error for Fault {}

/// How often a log is looked at that is written meanwhile.
const TRIES: usize = 8;

/// Checks a log. One that is written meanwhile is checked as it stood when its files were listed; where a file has
/// another name by then, or is gone, all is looked at again.
///
/// # Errors
/// The first fault.
pub fn verify(directory: &Path, trust: &Trust) -> Result<Report, Fault> {
    let mut before = names(directory);
    for _ in 1..TRIES {
        let fault = match attempt(directory, trust) {
            Err(fault @ Fault::Broken { .. }) => fault,
            Err(Fault::Io(path, error)) if error.kind() == io::ErrorKind::NotFound => Fault::Io(path, error),
            done => return done,
        };
        let after = names(directory);
        if after == before {
            return Err(fault);
        }
        before = after;
    }
    attempt(directory, trust)
}

/// What the files of a log are called.
fn names(directory: &Path) -> Vec<OsString> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    let mut names: Vec<OsString> = entries.filter_map(|entry| Some(entry.ok()?.file_name())).collect();
    names.retain(|name| name.as_encoded_bytes().starts_with(b"audit-"));
    names.sort_unstable();
    names
}

fn attempt(directory: &Path, trust: &Trust) -> Result<Report, Fault> {
    let files = Files::list(directory)?;
    // It ends, and has another name, while those before it are read.
    let active = files.active.map(|first| opened(&directory.join(format!("audit-{first:020}.jsonl")))).transpose()?;
    let mut walk = Walk::begin(directory, trust)?;
    for (first, last) in &files.removed {
        walk.removed(directory, *first, *last)?;
    }
    for (first, last) in &files.closed {
        let file = opened(&directory.join(format!("audit-{first:020}-{last:020}.jsonl")))?;
        walk.segment(directory, file, *first, Some(*last))?;
    }
    if let Some((first, file)) = files.active.zip(active)
        && !is_being_begun(directory, first, &file)?
    {
        walk.segment(directory, file, first, None)?;
    }
    if files.closed.is_empty() && files.active.is_none() {
        return Err(walk.broken("genesis.json", "there are no records"));
    }
    if let Some((size, _)) = walk.anchors.iter().find(|(size, _)| **size > walk.tree.size()) {
        let seq = *size - 1;
        return Err(Fault::Broken { seq, file: "anchor".to_owned(), what: "the log has been longer than it is" });
    }
    if walk.keys.rotations().last().is_some_and(|last| last.seq >= walk.tree.size()) {
        return Err(walk.broken(KEYS_FILE, "the record of a change of keys is missing"));
    }
    // Whoever holds any key of the log takes all of it: each later one is signed by it, each earlier one it has signed over.
    if trust.key.is_some_and(|trusted| !walk.keys.has(&trusted)) {
        return Err(misplaced("genesis.json", 0, "the log is signed with another key"));
    }
    if !walk.anchors.is_empty() {
        return Err(walk.broken("anchor", "the anchored records have been removed, and nothing is left to compare"));
    }
    let unsigned = walk.unsigned();
    if let (Some(_), Some(what)) = (trust.key, unsigned) {
        return Err(misplaced("audit-*.ckpt", walk.report.sealed, what));
    }
    let report = &mut walk.report;
    report.unsigned = unsigned;
    report.key = walk.keys.current().to_text();
    report.rotations = walk.keys.rotations().len() as u64;
    report.records = walk.tree.size();
    report.head = walk.head;
    report.root = walk.tree.root();
    Ok(walk.report)
}

/// Whether a segment that follows others has neither a record nor a file of checkpoints: its writer is making that, or was
/// stopped as it did.
fn is_being_begun(directory: &Path, first: u64, file: &File) -> Result<bool, Fault> {
    let checkpoints = directory.join(format!("audit-{first:020}.ckpt"));
    let failed = |error| Fault::Io(checkpoints.clone(), error);
    let is_empty = file.metadata().map_err(failed)?.len() == 0;
    Ok(first > 0 && is_empty && !checkpoints.try_exists().map_err(failed)?)
}

fn opened(path: &Path) -> Result<File, Fault> {
    File::open(path).map_err(|error| Fault::Io(path.to_owned(), error))
}

pub(super) fn misplaced(name: &str, seq: u64, what: &'static str) -> Fault {
    Fault::Broken { seq, file: name.to_owned(), what }
}

/// Where a record stands.
#[derive(Clone, Copy)]
struct Spot {
    /// The segment's first.
    first: u64,
    /// It is not the first.
    begun: bool,
    /// No checkpoint stands behind it.
    unsealed: bool,
}

/// The times of the records behind the last checkpoint.
#[derive(Default)]
struct Behind {
    /// Of the first since the start: nanoseconds of the clock that is never set, milliseconds of the other.
    since: Option<(u64, u64)>,
    /// They are further from each other than a writer lets them be.
    stretched: bool,
}

impl Behind {
    fn pass(&mut self, mono_ns: u64, unix_ms: u64, started: bool, set: bool) {
        let (mono, unix) = self.since.get_or_insert((mono_ns, unix_ms));
        if started {
            *mono = mono_ns;
        }
        if started || set {
            *unix = unix_ms;
        }
        let lasted = Duration::from_nanos(mono_ns.saturating_sub(*mono));
        self.stretched |= lasted.max(Duration::from_millis(unix_ms.abs_diff(*unix))) > UNSEALED_SPAN;
    }
}

/// The way through a log.
struct Walk {
    origin: String,
    keys: Keys,
    tree: Tree,
    head: Hash,
    /// The last checkpoint's hash and size.
    last: (Hash, u64),
    /// What the removed part came to, until the segment after it has said the same.
    bridge: Option<Hash>,
    clock: (String, u64),
    behind: Behind,
    /// The roots of the anchors not yet passed, by size.
    anchors: BTreeMap<u64, Hash>,
    report: Report,
}

impl Walk {
    fn begin(directory: &Path, trust: &Trust) -> Result<Self, Fault> {
        let path = directory.join("genesis.json");
        let file = fs::read(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => misplaced("genesis.json", 0, "it is missing"),
            _ => Fault::Io(path.clone(), error),
        })?;
        let wrong = |what| misplaced("genesis.json", 0, what);
        let line = file.strip_suffix(b"\n").filter(|line| line.len() <= LINE_MAX).ok_or(wrong("it has no end"))?;
        let fields = canonical(line).ok_or(wrong("it is not canonical JSON"))?;
        let text = |name: &str| fields.get(name).and_then(Value::as_str);
        let (Some(key), Some(name), Some(1)) = (text("key"), text("name"), fields.get("v").and_then(Value::as_u64))
        else {
            return Err(wrong("it is not of version 1"));
        };
        let key = PublicKey::from_text(key).map_err(|_| wrong("its key is none"))?;
        let log = tagged(Domain::Genesis, &[line]);
        let origin = format!("{name}/{}", hex(&log));
        let keys = Keys::load(directory, &origin, key).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => misplaced(KEYS_FILE, 0, "it holds what is no change of keys of this log"),
            _ => Fault::Io(directory.join(KEYS_FILE), error),
        })?;
        let mut anchors = BTreeMap::new();
        for note in &trust.anchors {
            let anchor = keys.open(&origin, note).ok_or(misplaced("anchor", 0, "it is no checkpoint of this log"))?;
            if anchors.insert(anchor.size, anchor.root).is_some_and(|root| root != anchor.root) {
                return Err(misplaced("anchor", anchor.size, "two anchors contradict each other"));
            }
        }
        let report = Report {
            log: hex(&log),
            origin: origin.clone(),
            key: String::new(),
            rotations: 0,
            records: 0,
            removed: 0,
            sealed: 0,
            unsigned: None,
            checkpoints: 0,
            anchors: 0,
            healed: 0,
            torn: 0,
            torn_checkpoint: false,
            unknown: 0,
            head: log,
            root: log,
            last_note: None,
        };
        let clock = (String::new(), 0);
        let tree = Tree::default();
        let (last, behind) = (([0; 32], 0), Behind::default());
        Ok(Self { origin, keys, tree, head: log, last, bridge: None, clock, behind, anchors, report })
    }

    /// Whether more stands behind the last checkpoint than a writer leaves there, wherever it is stopped.
    fn unsigned(&self) -> Option<&'static str> {
        match self.tree.size() - self.report.sealed {
            _ if self.report.sealed == 0 => Some("no checkpoint covers a record: nothing in the log is signed"),
            count if count > UNSEALED_MAX => Some("more records than a writer leaves unsealed stand behind it"),
            _ if self.behind.stretched => {
                Some("records of a longer time than a writer leaves unsealed stand behind it")
            }
            _ => None,
        }
    }

    fn broken(&self, file: &str, what: &'static str) -> Fault {
        Fault::Broken { seq: self.tree.size(), file: file.to_owned(), what }
    }

    /// A stub: what a removed segment was.
    fn removed(&mut self, directory: &Path, first: u64, last: u64) -> Result<(), Fault> {
        let name = format!("audit-{first:020}-{last:020}.stub");
        let path = directory.join(&name);
        let note = limited(&path, NOTE_LIMIT as u64)?;
        let wrong = |what| Fault::Broken { seq: first, file: name.clone(), what };
        let note = String::from_utf8(note).map_err(|_| wrong("it is no note"))?;
        let text = self.keys.open_later(&self.origin, &note, last + 1);
        let text = text.ok_or(wrong("its signature does not hold"))?;
        let mut lines = text.lines();
        let mut field = |word: &str| lines.next().and_then(|line| line.strip_prefix(word)).map(str::to_owned);
        let read = (|| {
            field("blackbar-audit/1/removed").filter(String::is_empty)?;
            (field("")? == self.origin).then_some(())?;
            (field("first ")?.parse() == Ok(first) && field("last ")?.parse() == Ok(last)).then_some(())?;
            let head = from_hex(&field("head ")?)?;
            let root = field("root ")?;
            Some((head, decoded(&root)?, from_hex(&field("checkpoint ")?)?))
        })();
        let (head, root, checkpoint) = read.ok_or(wrong("it is not what was signed"))?;
        self.head = head;
        self.bridge = Some(root);
        self.last = (checkpoint, last + 1);
        self.report.removed = last + 1;
        self.report.sealed = last + 1;
        Ok(())
    }

    /// A segment and its checkpoints.
    fn segment(&mut self, directory: &Path, file: File, first: u64, last: Option<u64>) -> Result<(), Fault> {
        let name = match last {
            Some(last) => format!("audit-{first:020}-{last:020}.jsonl"),
            None => format!("audit-{first:020}.jsonl"),
        };
        let path = directory.join(&name);
        let checkpoints = self.checkpoints(directory, first, last.is_none())?;
        let mut due = checkpoints.iter().peekable();
        let failed = |error| Fault::Io(path.clone(), error);
        // What is written from here on has checkpoints that were not there yet.
        let length = file.metadata().map_err(failed)?.len();
        let mut file = BufReader::with_capacity(256 << 10, io::Read::take(file, length));
        let mut line = Vec::with_capacity(LINE_MAX);
        let (mut ended, mut begun) = (false, false);
        loop {
            line.clear();
            let mut bounded = io::Read::take(&mut file, LINE_MAX as u64 + 1);
            bounded.read_until(b'\n', &mut line).map_err(failed)?;
            if line.is_empty() {
                break;
            }
            if line.pop() != Some(b'\n') {
                if last.is_some() || line.len() >= LINE_MAX {
                    return Err(self.broken(&name, "a line has no end"));
                }
                self.report.torn = line.len() as u64 + 1;
                break;
            }
            if ended {
                return Err(self.broken(&name, "a record follows the segment's last"));
            }
            ended = self.record(&line, &name, Spot { first, begun, unsealed: due.peek().is_none() })?;
            begun = true;
            while let Some((_, note)) = due.next_if(|(size, _)| *size == self.tree.size()) {
                self.sealed(note, first)?;
            }
            if let Some(root) = self.anchors.remove(&self.tree.size()) {
                if root != self.tree.root() {
                    return Err(self.broken("anchor", "the log is not the one that was anchored"));
                }
                self.report.anchors += 1;
            }
        }
        if due.peek().is_some() {
            return Err(self.broken(&name, "records that a checkpoint has seen are missing"));
        }
        if let Some(last) = last {
            if !ended || self.tree.size() != last + 1 {
                return Err(self.broken(&name, "the segment does not end as its name says"));
            }
            if self.report.sealed != last + 1 {
                return Err(self.broken(&name, "the segment's last checkpoint is missing"));
            }
        }
        Ok(())
    }

    /// A checkpoint of what is read so far: only here it is known which key must have signed it.
    fn sealed(&mut self, note: &str, first: u64) -> Result<(), Fault> {
        let name = format!("audit-{first:020}.ckpt");
        let checkpoint = self.keys.open(&self.origin, note);
        let checkpoint = checkpoint.ok_or_else(|| self.broken(&name, "a checkpoint's signature does not hold"))?;
        if checkpoint.root != self.tree.root() || checkpoint.head != self.head {
            return Err(self.broken(&name, "the records are not the ones that were signed"));
        }
        if checkpoint.previous != self.last.0 {
            return Err(self.broken(&name, "the checkpoint before is missing"));
        }
        self.last = (tagged(Domain::Checkpoint, &[note.as_bytes()]), checkpoint.size);
        self.report.sealed = checkpoint.size;
        self.report.checkpoints += 1;
        self.report.last_note = Some(note.to_owned());
        Ok(())
    }

    /// The checkpoints of a segment in order, each with the number of records that it says it covers.
    fn checkpoints(&mut self, directory: &Path, first: u64, active: bool) -> Result<Vec<(u64, String)>, Fault> {
        let name = format!("audit-{first:020}.ckpt");
        let path = directory.join(&name);
        let file = match limited(&path, CHECKPOINTS_MAX) {
            Err(Fault::Io(_, error)) if error.kind() == io::ErrorKind::NotFound => {
                return Err(self.broken(&name, "the checkpoints of a segment are missing"));
            }
            read => read?,
        };
        let file = String::from_utf8(file).map_err(|_| self.broken(&name, "it is no text"))?;
        let (whole, rest) = notes(&file);
        let begins = format!("{}\n", self.origin);
        let cut_off = rest.len() < NOTE_LIMIT && (begins.starts_with(rest) || rest.starts_with(&begins));
        if file.contains('\r') || !cut_off {
            return Err(self.broken(&name, "it holds what is no checkpoint"));
        }
        if !rest.is_empty() {
            if !active {
                return Err(self.broken(&name, "a checkpoint is not whole"));
            }
            self.report.torn_checkpoint = true;
        }
        let mut all: Vec<(u64, String)> = Vec::new();
        for note in whole {
            let size = Checkpoint::peek(note).ok_or_else(|| self.broken(&name, "it holds what is no checkpoint"))?;
            let before = all.last().map_or(first, |(before, _)| *before);
            if size < before || size <= first {
                return Err(self.broken(&name, "checkpoints are out of order"));
            }
            all.push((size, note.to_owned()));
        }
        Ok(all)
    }

    /// One record; `true` where it ends its segment.
    fn record(&mut self, line: &[u8], file: &str, spot: Spot) -> Result<bool, Fault> {
        let mut fields = canonical(line).ok_or_else(|| self.broken(file, "the record is not canonical JSON"))?;
        let own = fields.remove("h").and_then(|own| own.as_str().and_then(from_hex));
        let rest = serde_json::to_vec(&fields).unwrap_or_default();
        if own != Some(tagged(Domain::Record, &[&rest])) {
            return Err(self.broken(file, "the record's hash is another"));
        }
        let text = |name: &str| fields.get(name).and_then(Value::as_str);
        let number = |name: &str| fields.get(name).and_then(Value::as_u64);
        if number("v") != Some(1) || text("log") != Some(&self.report.log) {
            return Err(self.broken(file, "the record is of another log"));
        }
        let kind = text("kind").unwrap_or_default();
        if !spot.begun {
            self.first_of_segment(spot.first, kind, &fields, file)?;
        } else if kind == "segment_open" {
            return Err(self.broken(file, "a segment begins in the middle of one"));
        }
        if number("seq") != Some(self.tree.size()) {
            return Err(self.broken(file, "another record stands in its place"));
        }
        if text("prev").and_then(from_hex) != Some(self.head) {
            return Err(self.broken(file, "the record does not follow the one before"));
        }
        let (boot, mono) = (text("boot").unwrap_or_default(), number("mono_ns").unwrap_or_default());
        if boot == self.clock.0 && mono < self.clock.1 {
            return Err(self.broken(file, "the record is from before the one that it follows"));
        }
        let started = boot != self.clock.0;
        if spot.unsealed {
            let time = text("ts").and_then(unix_ms).ok_or_else(|| self.broken(file, "the record's time is none"))?;
            self.behind.pass(mono, time, started, kind == "clock_jump");
        }
        if started {
            boot.clone_into(&mut self.clock.0);
        }
        self.clock.1 = mono;
        if !["request", "response"].iter().all(|way| fields.get(*way).is_none_or(balances)) {
            return Err(self.broken(file, "a receipt does not balance"));
        }
        if kind == "segment_close" && number("count") != Some(self.tree.size() + 1 - spot.first) {
            return Err(self.broken(file, "the segment has another number of records"));
        }
        let rotation = (kind == "key_rotate").then(|| Rotation::read(&fields));
        self.keyed(rotation, file)?;
        let known = [
            "exchange",
            "session_open",
            "quarantine",
            "syslog",
            "admin",
            "config_load",
            "config_reject",
            "start",
            "stop",
            "segment_open",
            "segment_close",
            "recovered_tail",
            "recovered",
            "clock_jump",
            "key_rotate",
        ];
        self.report.healed += u64::from(kind == "recovered_tail");
        self.report.unknown += u64::from(!known.contains(&kind));
        let ends = kind == "segment_close";
        self.head = own.unwrap_or_default();
        self.tree.push(leaf(line));
        Ok(ends)
    }

    /// What a record says of the key: where another takes over, both have signed that it does, there and in the file of
    /// keys.
    fn keyed(&mut self, rotation: Option<Option<Rotation>>, file: &str) -> Result<(), Fault> {
        let at = self.tree.size();
        let named = self.keys.rotations().iter().find(|known| known.seq == at);
        match (rotation, named) {
            (None, None) => Ok(()),
            (Some(Some(own)), Some(named)) if own == *named => Ok(()),
            (Some(Some(own)), None) => self.keys.push(own, &self.origin).map_err(|what| self.broken(file, what)),
            (Some(None), _) => Err(self.broken(file, "the change of keys is none")),
            _ => Err(self.broken(file, "the change of keys is not the one in the file of keys")),
        }
    }

    /// A segment's first record says what stands before it.
    fn first_of_segment(
        &mut self,
        first: u64,
        kind: &str,
        fields: &serde_json::Map<String, Value>,
        file: &str,
    ) -> Result<(), Fault> {
        let wrong = || misplaced(file, first, "the segment does not say what it follows");
        let peaks =
            fields.get("tree").and_then(Value::as_array).filter(|_| kind == "segment_open").ok_or_else(wrong)?;
        let peaks: Option<Vec<Hash>> = peaks.iter().map(|peak| peak.as_str().and_then(from_hex)).collect();
        let tree = peaks.and_then(|peaks| Tree::from_peaks(first, peaks)).ok_or_else(wrong)?;
        let same = match self.bridge.take() {
            Some(root) => root == tree.root(),
            None => tree == self.tree,
        };
        let checkpoint = fields.get("checkpoint").and_then(Value::as_str).and_then(from_hex);
        let size = fields.get("checkpoint_size").and_then(Value::as_u64);
        if !same || checkpoint != Some(self.last.0) || size != Some(self.last.1) {
            return Err(misplaced(file, first, "the segment follows another log"));
        }
        self.tree = tree;
        // What was removed cannot be compared with an anchor any more, but at its end.
        let root = self.tree.root();
        self.anchors.retain(|size, _| *size >= first);
        if let Some(anchor) = self.anchors.remove(&first) {
            if anchor != root {
                return Err(misplaced("anchor", first, "the log is not the one that was anchored"));
            }
            self.report.anchors += 1;
        }
        Ok(())
    }
}
