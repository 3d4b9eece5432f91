//! Reading a log: what enters is a directory, what leaves are records one after another, and extracts that prove some of
//! them.
//!
//! Reading looks for nothing but lines; [`super::verify`] says whether they are what was written. An extract holds what
//! its records need to be checked without the log: what the log begins with, a checkpoint, and a path for each.

use std::collections::HashMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::chain::{Domain, Hash, from_hex, hex, leaf, node, path_ranges, root_of_path, tagged};
use super::keys::{KEYS_FILE, Keys};
use super::note::{Checkpoint, PublicKey, notes};
use super::record::{HASH_FIELD, LINE_LIMIT};

/// The longest line of an extract.
const EXTRACT_LINE: u64 = 64 << 10;
/// The longest first line of one, which holds every change of keys.
const EXTRACT_HEADER: u64 = 2 << 20;

/// How often a segment is looked for that a writer gives another name at this moment.
const TRIES: usize = 5;

/// The records of a log, one after another. A log that is written meanwhile is read on as its segments end; what retention
/// removes before it is read is passed over.
#[derive(Debug)]
pub struct Records {
    directory: PathBuf,
    files: std::vec::IntoIter<(u64, PathBuf)>,
    open: Option<(u64, BufReader<File>)>,
}

impl Records {
    /// Those of the log in this directory.
    ///
    /// # Errors
    /// The directory cannot be read, or there is no log in it.
    pub fn open(directory: &Path) -> io::Result<Self> {
        let mut files = segments(directory)?;
        if files.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "there is no audit log"));
        }
        files.sort();
        // One that is given another name at this moment may be there by both.
        files.dedup_by_key(|(first, _)| *first);
        Ok(Self { directory: directory.to_owned(), files: files.into_iter(), open: None })
    }

    /// Opens a segment, by whatever name it has now; none where it has been removed.
    fn segment(&self, first: u64, path: &Path) -> io::Result<Option<File>> {
        let mut path = Some(path.to_owned());
        for _ in 0..TRIES {
            if let Some(path) = &path {
                match File::open(path) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    opened => return opened.map(Some),
                }
            }
            path = segments(&self.directory)?.into_iter().find(|(known, _)| *known == first).map(|(_, path)| path);
        }
        match path {
            Some(path) => File::open(path).map(Some),
            None => Ok(None),
        }
    }

    fn step(&mut self) -> io::Result<Option<(u64, Vec<u8>)>> {
        loop {
            let Some((seq, file)) = &mut self.open else {
                let Some((first, path)) = self.files.next() else { return Ok(None) };
                self.open = self.segment(first, &path)?.map(|file| (first, BufReader::new(file)));
                continue;
            };
            let mut line = Vec::new();
            Read::take(file, LINE_LIMIT as u64 + 1).read_until(b'\n', &mut line)?;
            if line.pop() == Some(b'\n') {
                let at = *seq;
                *seq += 1;
                return Ok(Some((at, line)));
            }
            // The end of the file, or a line that is not whole.
            self.open = None;
        }
    }
}

/// The segments that are there, by the number of their first record.
fn segments(directory: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let stem = name.to_str().and_then(|name| name.strip_prefix("audit-")?.strip_suffix(".jsonl"));
        let first = stem.and_then(|stem| stem.split('-').next()?.parse::<u64>().ok());
        files.extend(first.map(|first| (first, entry.path())));
    }
    Ok(files)
}

impl Iterator for Records {
    type Item = io::Result<(u64, Vec<u8>)>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}

/// Why there is no extract, or why one does not hold.
#[derive(Debug)]
pub enum ExtractError {
    /// A file cannot be read.
    Io(io::Error),
    /// What is missing or wrong.
    Wrong(String),
}

impl fmt::Display for ExtractError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "{error}"),
            Self::Wrong(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for ExtractError {}

impl From<io::Error> for ExtractError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn wrong<T>(what: impl Into<String>) -> Result<T, ExtractError> {
    Err(ExtractError::Wrong(what.into()))
}

/// The hashes of a log's records up to a checkpoint: 32 bytes for each record, twice over.
#[derive(Debug)]
pub struct Prover {
    genesis: String,
    /// The lines of the file of keys.
    keys: Vec<String>,
    note: String,
    size: u64,
    /// The first record that is there.
    base: u64,
    leaves: Vec<Hash>,
    /// Roots of subtrees, those of what was removed among them, by their ranges.
    roots: HashMap<(u64, u64), Hash>,
}

impl Prover {
    /// Reads the hashes under the last checkpoint.
    ///
    /// # Errors
    /// There is no checkpoint, or the records are not those that it signs.
    pub fn read(directory: &Path) -> Result<Self, ExtractError> {
        let genesis = fs::read_to_string(directory.join("genesis.json"))?.trim_end().to_owned();
        let note = last_note(directory)?;
        let keys: Vec<String> = match fs::read_to_string(directory.join(KEYS_FILE)) {
            Ok(text) => text.lines().map(str::to_owned).collect(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        let (_, checkpoint) = opened(&genesis, &keys, &note, None)?;
        let mut prover =
            Self { genesis, keys, note, size: checkpoint.size, base: 0, leaves: Vec::new(), roots: HashMap::new() };
        for record in Records::open(directory)? {
            let (seq, line) = record?;
            if prover.leaves.is_empty() {
                prover.begin(seq, &line)?;
            }
            if seq >= prover.size {
                break;
            }
            if seq != prover.base + prover.leaves.len() as u64 {
                return wrong("records are missing: run `blackbar audit verify`");
            }
            prover.leaves.push(leaf(&line));
        }
        if prover.root(0, prover.size) != Some(checkpoint.root) {
            return wrong("the records are not those that were signed: run `blackbar audit verify`");
        }
        Ok(prover)
    }

    /// What stands before the first record that is there.
    fn begin(&mut self, first: u64, line: &[u8]) -> Result<(), ExtractError> {
        self.base = first;
        let read: Value = serde_json::from_slice(line).unwrap_or_default();
        let peaks: Vec<Hash> = read
            .get("tree")
            .and_then(Value::as_array)
            .map(|peaks| peaks.iter().filter_map(|peak| peak.as_str().and_then(from_hex)).collect())
            .unwrap_or_default();
        if peaks.len() != first.count_ones() as usize {
            return wrong("the first segment does not say what it follows");
        }
        let (mut at, mut left) = (0, first);
        for peak in peaks {
            let size = 1_u64 << left.ilog2();
            self.roots.insert((at, at + size), peak);
            at += size;
            left -= size;
        }
        Ok(())
    }

    fn root(&mut self, from: u64, to: u64) -> Option<Hash> {
        if let Some(known) = self.roots.get(&(from, to)) {
            return Some(*known);
        }
        if to - from == 1 {
            let place = usize::try_from(from.checked_sub(self.base)?).ok()?;
            return self.leaves.get(place).copied();
        }
        if to <= self.base {
            return None;
        }
        let middle = from + (1 << (to - from - 1).ilog2());
        let (left, right) = (self.root(from, middle)?, self.root(middle, to)?);
        let root = node(&left, &right);
        self.roots.insert((from, to), root);
        Some(root)
    }

    /// The first line of an extract.
    #[must_use]
    pub fn header(&self) -> String {
        let mut header = json!({"checkpoint": self.note, "extract": 1, "genesis": self.genesis});
        if let (false, Some(fields)) = (self.keys.is_empty(), header.as_object_mut()) {
            fields.insert("keys".to_owned(), self.keys.clone().into());
        }
        header.to_string()
    }

    /// The line of a record.
    ///
    /// # Errors
    /// It is not under the checkpoint.
    pub fn line(&mut self, seq: u64, record: &[u8]) -> Result<String, ExtractError> {
        if seq >= self.size || seq < self.base {
            return wrong(format!("record {seq} is not under the last checkpoint"));
        }
        let path: Option<Vec<String>> = path_ranges(seq, self.size)
            .into_iter()
            .map(|(from, to)| self.root(from, to).map(|root| hex(&root)))
            .collect();
        match (path, std::str::from_utf8(record)) {
            (Some(path), Ok(record)) => Ok(json!({"path": path, "record": record, "seq": seq}).to_string()),
            _ => wrong(format!("record {seq} cannot be proven")),
        }
    }

    /// Records under the checkpoint.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }
}

/// The last whole checkpoint of a log.
///
/// # Errors
/// There is none.
pub fn last_note(directory: &Path) -> Result<String, ExtractError> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(|name| name.starts_with("audit-") && name.ends_with(".ckpt")) {
            files.push(entry.path());
        }
    }
    files.sort();
    for path in files.into_iter().rev() {
        let file = fs::read_to_string(path)?;
        if let Some(note) = notes(&file).0.last() {
            return Ok((*note).to_owned());
        }
    }
    wrong("there is no checkpoint yet")
}

/// The key that signs the log in a directory now, as its own files say.
///
/// # Errors
/// They cannot be read, or say nothing that holds.
pub fn key_in_force(directory: &Path) -> Result<PublicKey, ExtractError> {
    let genesis = fs::read_to_string(directory.join("genesis.json"))?.trim_end().to_owned();
    let (_, origin, first) = begun(&genesis)?;
    Ok(Keys::load(directory, &origin, first)?.current())
}

/// The id, the origin and the first key of the log that begins with this.
fn begun(genesis: &str) -> Result<(String, String, PublicKey), ExtractError> {
    let read: Value = serde_json::from_str(genesis).unwrap_or_default();
    let text = |name: &str| read.get(name).and_then(Value::as_str);
    let (Some(key), Some(name)) = (text("key").and_then(|key| PublicKey::from_text(key).ok()), text("name")) else {
        return wrong("it does not say what the log begins with");
    };
    let log = hex(&tagged(Domain::Genesis, &[genesis.as_bytes()]));
    let origin = format!("{name}/{log}");
    Ok((log, origin, key))
}

/// The origin and what a note says of the log that begins with `genesis`.
fn opened(
    genesis: &str,
    keys: &[String],
    note: &str,
    trusted: Option<PublicKey>,
) -> Result<(String, Checkpoint), ExtractError> {
    let (log, origin, key) = begun(genesis)?;
    let Some(keys) = Keys::read(keys.iter().map(String::as_str), &origin, key) else {
        return wrong("the changes of keys are not of this log");
    };
    if trusted.is_some_and(|trusted| !keys.has(&trusted)) {
        return wrong("the log is signed with another key");
    }
    let Some(checkpoint) = keys.open(&origin, note) else {
        return wrong("the checkpoint's signature does not hold");
    };
    // The newest key signs what leaves the log: over fewer records than the changes that are known, an older one could have
    // been stolen and signed anything.
    if keys.rotations().last().is_some_and(|last| last.seq >= checkpoint.size) {
        return wrong("its checkpoint is older than the last change of the key");
    }
    Ok((log, checkpoint))
}

/// Checks an extract; gives its records' numbers.
///
/// # Errors
/// What is wrong with it.
pub fn check_extract(mut from: impl BufRead, trusted: Option<PublicKey>) -> Result<Vec<u64>, ExtractError> {
    let mut next = |members: &[&str], more: Option<&str>| -> Result<Option<Map<String, Value>>, ExtractError> {
        let mut line = Vec::new();
        let limit = if more.is_some() { EXTRACT_HEADER } else { EXTRACT_LINE };
        Read::take(&mut from, limit).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(None);
        }
        match wrapper(&line, members, more) {
            Some(fields) => Ok(Some(fields)),
            None => wrong("it is no extract of an audit log"),
        }
    };
    let Some(header) = next(&["checkpoint", "extract", "genesis"], Some("keys"))? else { return wrong("it is empty") };
    let text = |fields: &Map<String, Value>, name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
    let (Some(genesis), Some(note), Some(1)) =
        (text(&header, "genesis"), text(&header, "checkpoint"), header.get("extract").and_then(Value::as_u64))
    else {
        return wrong("it is no extract of an audit log");
    };
    let keys: Option<Vec<String>> = match header.get("keys") {
        None => Some(Vec::new()),
        Some(Value::Array(keys)) => keys.iter().map(|key| key.as_str().map(str::to_owned)).collect(),
        Some(_) => None,
    };
    let Some(keys) = keys else { return wrong("it is no extract of an audit log") };
    let (log, checkpoint) = opened(&genesis, &keys, &note, trusted)?;
    let mut proven = Vec::new();
    while let Some(line) = next(&["path", "record", "seq"], None)? {
        let Some(seq) = line.get("seq").and_then(Value::as_u64) else { return wrong("a line has no record") };
        if proven.last().is_some_and(|last| *last >= seq) {
            return wrong(format!("record {seq} is out of order"));
        }
        let path: Option<Vec<Hash>> = line
            .get("path")
            .and_then(Value::as_array)
            .and_then(|path| path.iter().map(|one| one.as_str().and_then(from_hex)).collect());
        let (Some(path), Some(record)) = (path, text(&line, "record")) else { return wrong("a line has no record") };
        let led = root_of_path(leaf(record.as_bytes()), seq, checkpoint.size, &path);
        let own: Value = serde_json::from_str(&record).unwrap_or_default();
        let is_own = own.get("seq").and_then(Value::as_u64) == Some(seq)
            && own.get("log").and_then(Value::as_str) == Some(&log)
            && own.get(HASH_FIELD).is_some();
        if led != Some(checkpoint.root) || !is_own {
            return wrong(format!("record {seq} is not in the log"));
        }
        proven.push(seq);
    }
    if proven.is_empty() {
        return wrong("there is no record in it");
    }
    Ok(proven)
}

/// The fields of an extract's line: canonical JSON, these members and no others, but for one that may be behind them. Whoever reads the line in another way,
/// the first of two equal names, say, must read the record that is proven.
fn wrapper(line: &[u8], members: &[&str], more: Option<&str>) -> Option<Map<String, Value>> {
    let line = line.strip_suffix(b"\n")?;
    let fields: Map<String, Value> = serde_json::from_slice(line).ok()?;
    let known = members.iter().copied().chain(more.filter(|name| fields.contains_key(*name)));
    let exact = fields.keys().eq(known) && serde_json::to_vec(&fields).ok()? == line;
    exact.then_some(fields)
}
