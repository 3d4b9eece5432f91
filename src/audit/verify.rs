//! The verifier: what enters is a directory, what leaves is a report, or the first thing that is not as it was written.
//!
//! Streaming, in memory that does not grow with the log. It reads files and lines by itself; what it has in common with
//! the writer are the hashes and the form of signatures. Holds: a log that differs in any byte of a record, a checkpoint
//! or what it begins with, or of which anything is missing but its unsigned end, is broken; what is missing behind the
//! last checkpoint is told by an anchor alone.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::chain::{Domain, Hash, Tree, from_hex, hex, leaf, tagged};
use super::note::{Checkpoint, NOTE_LIMIT, PublicKey, notes};

/// The longest line that is read.
const LINE_MAX: usize = 8 << 10;
/// Objects and lists within each other.
const DEPTH_MAX: usize = 8;
/// The largest number.
const NUMBER_MAX: u64 = (1 << 53) - 1;
/// The largest file of checkpoints that is read, in bytes.
const CHECKPOINTS_MAX: u64 = 64 << 20;

/// What is known besides the directory.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// The key that the log must be signed with; without one the log vouches for itself.
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
    /// The key that signs it, in base64.
    pub key: String,
    /// Records from the beginning, those that were removed in order among them.
    pub records: u64,
    /// Of these, records that retention removed.
    pub removed: u64,
    /// Records under the last checkpoint.
    pub sealed: u64,
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

/// Checks a log.
///
/// # Errors
/// The first fault.
pub fn verify(directory: &Path, trust: &Trust) -> Result<Report, Fault> {
    let files = Files::list(directory)?;
    let (mut walk, key) = Walk::begin(directory, trust)?;
    for (first, last) in &files.removed {
        walk.removed(directory, *first, *last)?;
    }
    let segments = files.closed.iter().map(|(first, last)| (*first, Some(*last)));
    for (first, last) in segments.chain(files.active.map(|first| (first, None))) {
        walk.segment(directory, first, last)?;
    }
    if files.closed.is_empty() && files.active.is_none() {
        return Err(walk.broken("genesis.json", "there are no records"));
    }
    if let Some((size, _)) = walk.anchors.iter().find(|(size, _)| **size > walk.tree.size()) {
        let seq = *size - 1;
        return Err(Fault::Broken { seq, file: "anchor".to_owned(), what: "the log has been longer than it is" });
    }
    if !walk.anchors.is_empty() {
        return Err(walk.broken("anchor", "the anchored records have been removed, and nothing is left to compare"));
    }
    let report = &mut walk.report;
    report.key = key.to_text();
    report.records = walk.tree.size();
    report.head = walk.head;
    report.root = walk.tree.root();
    Ok(walk.report)
}

/// The files of a log by their names.
struct Files {
    removed: Vec<(u64, u64)>,
    closed: Vec<(u64, u64)>,
    active: Option<u64>,
}

impl Files {
    fn list(directory: &Path) -> Result<Self, Fault> {
        let failed = |error| Fault::Io(directory.to_owned(), error);
        let (mut removed, mut closed, mut active, mut noted) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for entry in fs::read_dir(directory).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            let Some(name) = name.to_str().filter(|name| name.starts_with("audit-")) else { continue };
            let stem = name.trim_start_matches("audit-");
            let number = |text: &str| text.parse::<u64>().ok().filter(|number| format!("{number:020}") == text);
            let pair = |text: &str| {
                let (first, last) = text.split_once('-')?;
                Some((number(first)?, number(last)?)).filter(|(first, last)| first <= last)
            };
            let known = match stem.split_once('.') {
                Some((stem, "jsonl")) => match number(stem) {
                    Some(first) => {
                        active.push(first);
                        true
                    }
                    None => pair(stem).map(|range| closed.push(range)).is_some(),
                },
                Some((stem, "stub")) => pair(stem).map(|range| removed.push(range)).is_some(),
                Some((stem, "ckpt")) => number(stem).map(|first| noted.push(first)).is_some(),
                Some((_, "torn")) => true,
                _ => false,
            };
            if !known {
                return Err(misplaced(name, 0, "no file of a log is called so"));
            }
        }
        removed.sort_unstable();
        closed.sort_unstable();
        // A segment that was about to be removed is still there: it counts, its stub does not yet.
        removed.retain(|range| !closed.contains(range));
        let active = match active.as_slice() {
            [] => None,
            [first] => Some(*first),
            [first, ..] => return Err(misplaced("audit-*.jsonl", *first, "two segments are open")),
        };
        let mut next = 0;
        for (first, last) in removed.iter().chain(&closed) {
            if *first != next {
                return Err(misplaced("audit-*.jsonl", next, "the segment with this record is missing"));
            }
            next = last + 1;
        }
        if active.is_some_and(|first| first != next) {
            return Err(misplaced("audit-*.jsonl", next, "the segment with this record is missing"));
        }
        let present = |first: &u64| active == Some(*first) || closed.iter().any(|(known, _)| known == first);
        match noted.iter().find(|first| !present(first) && !removed.iter().any(|(known, _)| known == *first)) {
            Some(first) => Err(misplaced("audit-*.ckpt", *first, "the segment of these checkpoints is missing")),
            None => Ok(Self { removed, closed, active }),
        }
    }
}

fn misplaced(name: &str, seq: u64, what: &'static str) -> Fault {
    Fault::Broken { seq, file: name.to_owned(), what }
}

/// The way through a log.
struct Walk {
    origin: String,
    key: PublicKey,
    tree: Tree,
    head: Hash,
    /// The last checkpoint's hash and size.
    last: (Hash, u64),
    /// What the removed part came to, until the segment after it has said the same.
    bridge: Option<Hash>,
    clock: (String, u64),
    /// The roots of the anchors not yet passed, by size.
    anchors: BTreeMap<u64, Hash>,
    report: Report,
}

impl Walk {
    fn begin(directory: &Path, trust: &Trust) -> Result<(Self, PublicKey), Fault> {
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
        if trust.key.is_some_and(|trusted| trusted != key) {
            return Err(wrong("the log is signed with another key"));
        }
        let log = tagged(Domain::Genesis, &[line]);
        let origin = format!("{name}/{}", hex(&log));
        let mut anchors = BTreeMap::new();
        for note in &trust.anchors {
            let read = key.open(&origin, note).and_then(|text| Checkpoint::parse(&origin, text));
            let anchor = read.ok_or(misplaced("anchor", 0, "it is no checkpoint of this log"))?;
            if anchors.insert(anchor.size, anchor.root).is_some_and(|root| root != anchor.root) {
                return Err(misplaced("anchor", anchor.size, "two anchors contradict each other"));
            }
        }
        let report = Report {
            log: hex(&log),
            origin: origin.clone(),
            key: String::new(),
            records: 0,
            removed: 0,
            sealed: 0,
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
        let walk = Self { origin, key, tree, head: log, last: ([0; 32], 0), bridge: None, clock, anchors, report };
        Ok((walk, key))
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
        let text = self.key.open(&self.origin, &note).ok_or(wrong("its signature does not hold"))?;
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
    fn segment(&mut self, directory: &Path, first: u64, last: Option<u64>) -> Result<(), Fault> {
        let name = match last {
            Some(last) => format!("audit-{first:020}-{last:020}.jsonl"),
            None => format!("audit-{first:020}.jsonl"),
        };
        let path = directory.join(&name);
        let checkpoints = self.checkpoints(directory, first, last.is_none())?;
        let mut due = checkpoints.iter().peekable();
        let mut file =
            BufReader::with_capacity(256 << 10, File::open(&path).map_err(|error| Fault::Io(path.clone(), error))?);
        let mut line = Vec::with_capacity(LINE_MAX);
        let (mut ended, mut begun) = (false, false);
        loop {
            line.clear();
            let mut bounded = io::Read::take(&mut file, LINE_MAX as u64 + 1);
            bounded.read_until(b'\n', &mut line).map_err(|error| Fault::Io(path.clone(), error))?;
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
            ended = self.record(&line, &name, (first, begun))?;
            begun = true;
            while let Some((checkpoint, note)) = due.next_if(|(checkpoint, _)| checkpoint.size == self.tree.size()) {
                self.sealed(checkpoint, note, first)?;
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

    fn sealed(&mut self, checkpoint: &Checkpoint, note: &str, first: u64) -> Result<(), Fault> {
        let name = format!("audit-{first:020}.ckpt");
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

    /// The checkpoints of a segment: signed, and in order.
    fn checkpoints(&mut self, directory: &Path, first: u64, active: bool) -> Result<Vec<(Checkpoint, String)>, Fault> {
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
        if !rest.is_empty() {
            if !active {
                return Err(self.broken(&name, "a checkpoint is not whole"));
            }
            self.report.torn_checkpoint = true;
        }
        let mut all: Vec<(Checkpoint, String)> = Vec::new();
        for note in whole {
            let read = self.key.open(&self.origin, note).and_then(|text| Checkpoint::parse(&self.origin, text));
            let checkpoint = read.ok_or_else(|| self.broken(&name, "a checkpoint's signature does not hold"))?;
            let before = all.last().map_or(first, |(before, _)| before.size);
            if checkpoint.size < before || checkpoint.size <= first {
                return Err(self.broken(&name, "checkpoints are out of order"));
            }
            all.push((checkpoint, note.to_owned()));
        }
        Ok(all)
    }

    /// One record; `true` where it ends its segment.
    fn record(&mut self, line: &[u8], file: &str, (first, begun): (u64, bool)) -> Result<bool, Fault> {
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
        if !begun {
            self.first_of_segment(first, kind, &fields, file)?;
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
        if boot != self.clock.0 {
            boot.clone_into(&mut self.clock.0);
        }
        self.clock.1 = mono;
        if !["request", "response"].iter().all(|way| fields.get(*way).is_none_or(balances)) {
            return Err(self.broken(file, "a receipt does not balance"));
        }
        if kind == "segment_close" && number("count") != Some(self.tree.size() + 1 - first) {
            return Err(self.broken(file, "the segment has another number of records"));
        }
        let known = [
            "exchange",
            "session_open",
            "config_load",
            "config_reject",
            "start",
            "stop",
            "segment_open",
            "segment_close",
            "recovered_tail",
            "recovered",
            "clock_jump",
        ];
        self.report.healed += u64::from(kind == "recovered_tail");
        self.report.unknown += u64::from(!known.contains(&kind));
        let ends = kind == "segment_close";
        self.head = own.unwrap_or_default();
        self.tree.push(leaf(line));
        Ok(ends)
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

/// Whether every byte of a body is accounted for.
fn balances(receipt: &Value) -> bool {
    let number = |name: &str| receipt.get(name).map_or(Some(0), Value::as_u64);
    let unscanned = match receipt.get("unscanned") {
        None => Some(0),
        Some(Value::Object(reasons)) => reasons.values().try_fold(0_u64, |sum, bytes| sum.checked_add(bytes.as_u64()?)),
        Some(_) => None,
    };
    let (Some(scanned), Some(withheld), Some(unscanned)) = (number("scanned"), number("withheld"), unscanned) else {
        return false;
    };
    let sum = scanned.checked_add(withheld).and_then(|sum| sum.checked_add(unscanned));
    receipt.is_object() && sum.is_some() && receipt.get("length").and_then(Value::as_u64) == sum
}

/// The members of an object whose text is canonical (RFC 8785) and whose numbers are whole.
fn canonical(line: &[u8]) -> Option<serde_json::Map<String, Value>> {
    if line.len() > LINE_MAX {
        return None;
    }
    let value: Value = serde_json::from_slice(line).ok()?;
    if serde_json::to_vec(&value).ok()? != line || !whole(&value, DEPTH_MAX) {
        return None;
    }
    match value {
        Value::Object(fields) => Some(fields),
        _ => None,
    }
}

fn whole(value: &Value, depth: usize) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    match value {
        Value::Number(number) => number.as_u64().is_some_and(|number| number <= NUMBER_MAX),
        Value::Array(items) => items.iter().all(|item| whole(item, depth)),
        // Names outside of ASCII would be in another order there.
        Value::Object(fields) => fields.iter().all(|(name, field)| name.is_ascii() && whole(field, depth)),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

fn decoded(text: &str) -> Option<Hash> {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.decode(text).ok()?.try_into().ok()
}

fn limited(path: &Path, limit: u64) -> Result<Vec<u8>, Fault> {
    let failed = |error| Fault::Io(path.to_owned(), error);
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    io::Read::read_to_end(&mut io::Read::take(file, limit + 1), &mut bytes).map_err(failed)?;
    if bytes.len() as u64 > limit {
        return Err(failed(io::Error::other("it is larger than it can be")));
    }
    Ok(bytes)
}
