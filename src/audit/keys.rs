//! The keys that sign a log, one after another: what enters are rotations, what leaves is the key in force at a record.
//!
//! A rotation is a record that both keys have signed, the one that goes and the one that comes, over its number and the
//! hash before it. `keys.jsonl` repeats every rotation, so that the keys are known where retention has removed the records.
//! Holds: keys only move forward. One that was ever in force does not come back, and from the rotation on it signs no
//! record and no checkpoint. A stub of a segment from its time may bear its signature: nothing tells when that was made.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::chain::{Hash, from_hex, hex};
use super::note::{Checkpoint, PublicKey, SigningKey};
use super::segment::sync_directory;

/// The file of rotations beside the segments.
pub const KEYS_FILE: &str = "keys.jsonl";
/// The most rotations of a log.
pub const ROTATIONS_MAX: usize = 1_000;
/// The largest file of rotations, in bytes.
const FILE_MAX: u64 = 1 << 20;

/// One key gives way to another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rotation {
    /// The number of its record.
    pub seq: u64,
    /// The hash of the record before.
    pub prev: Hash,
    /// The key that goes.
    pub old: PublicKey,
    /// The key that comes.
    pub new: PublicKey,
    /// Their signatures, in this order.
    signatures: [[u8; 64]; 2],
}

impl Rotation {
    pub(super) fn sign(origin: &str, (seq, prev): (u64, Hash), old: &SigningKey, new: &SigningKey) -> Self {
        let text = text(origin, seq, &prev, &old.public(), &new.public());
        let signatures = [old.stamp(&text), new.stamp(&text)];
        Self { seq, prev, old: old.public(), new: new.public(), signatures }
    }

    /// Whether both keys have signed it, for the log with this origin.
    fn holds(&self, origin: &str) -> bool {
        let text = text(origin, self.seq, &self.prev, &self.old, &self.new);
        let [old, new] = &self.signatures;
        self.old.has_stamped(&text, old) && self.new.has_stamped(&text, new)
    }

    /// What its record has besides the fields of every record.
    pub(super) fn fields(&self) -> [(&'static str, String); 4] {
        let [old, new] = &self.signatures;
        [
            ("new", self.new.to_text()),
            ("new_signature", STANDARD.encode(new)),
            ("old", self.old.to_text()),
            ("old_signature", STANDARD.encode(old)),
        ]
    }

    /// Its line in the file, without line feed.
    #[must_use]
    pub fn line(&self) -> String {
        let mut line: Map<String, Value> =
            self.fields().into_iter().map(|(name, text)| (name.to_owned(), text.into())).collect();
        line.insert("prev".to_owned(), hex(&self.prev).into());
        line.insert("seq".to_owned(), self.seq.into());
        json!(line).to_string()
    }

    /// From the fields of its record, or of its line.
    #[must_use]
    pub fn read(fields: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| fields.get(name).and_then(Value::as_str);
        let key = |name: &str| text(name).and_then(PublicKey::from_base64);
        // One form of each signature, as of everything else in a record.
        let signature = |name: &str| {
            let bytes = STANDARD.decode(text(name)?).ok()?;
            (text(name) == Some(&STANDARD.encode(&bytes))).then_some(())?;
            <[u8; 64]>::try_from(bytes).ok()
        };
        Some(Self {
            seq: fields.get("seq").and_then(Value::as_u64)?,
            prev: text("prev").and_then(from_hex)?,
            old: key("old")?,
            new: key("new")?,
            signatures: [signature("old_signature")?, signature("new_signature")?],
        })
    }
}

/// What both keys sign.
fn text(origin: &str, seq: u64, prev: &Hash, old: &PublicKey, new: &PublicKey) -> String {
    let (prev, old, new) = (hex(prev), old.to_text(), new.to_text());
    format!("blackbar-audit/1/rotate\n{origin}\nrecord {seq}\nprev {prev}\nold {old}\nnew {new}\n")
}

/// The keys of a log, from the one that it begins with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Keys {
    first: PublicKey,
    rotations: Vec<Rotation>,
}

impl Keys {
    /// Those of a log that begins with this one.
    #[must_use]
    pub fn new(first: PublicKey) -> Self {
        Self { first, rotations: Vec::new() }
    }

    /// Reads the file in a log's directory; where there is none, no key has been changed yet.
    ///
    /// # Errors
    /// The file cannot be read, or (`InvalidData`) it is no such file of this log.
    pub(super) fn load(directory: &Path, origin: &str, first: PublicKey) -> io::Result<Self> {
        let mut text = String::new();
        match fs::File::open(directory.join(KEYS_FILE)) {
            Ok(file) => file.take(FILE_MAX + 1).read_to_string(&mut text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        let whole = text.len() as u64 <= FILE_MAX && (text.is_empty() || text.ends_with('\n'));
        let keys = Self::read(text.lines(), origin, first).filter(|_| whole && !text.contains('\r'));
        keys.ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// From the lines of rotations; none where one is not exactly as it was written, or does not follow.
    pub fn read<'l>(lines: impl Iterator<Item = &'l str>, origin: &str, first: PublicKey) -> Option<Self> {
        let mut keys = Self::new(first);
        for line in lines {
            let fields: Map<String, Value> = serde_json::from_str(line).ok()?;
            let rotation = Rotation::read(&fields).filter(|rotation| rotation.line() == line)?;
            keys.push(rotation, origin).ok()?;
        }
        Some(keys)
    }

    /// Writes the file anew, to last.
    pub(super) fn save(&self, directory: &Path) -> io::Result<()> {
        let unfinished = directory.join("keys.tmp");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        let text: String = self.rotations.iter().map(|rotation| rotation.line() + "\n").collect();
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&unfinished, directory.join(KEYS_FILE))?;
        sync_directory(directory)
    }

    /// Adds a rotation.
    ///
    /// # Errors
    /// Why it is none of this log.
    pub fn push(&mut self, rotation: Rotation, origin: &str) -> Result<(), &'static str> {
        if rotation.old != self.current() {
            return Err("the key that gives way is not the one in force");
        }
        if self.has(&rotation.new) {
            return Err("a key that was in force before cannot come back");
        }
        if self.rotations.last().is_some_and(|last| last.seq >= rotation.seq) {
            return Err("a key cannot give way before it was in force");
        }
        if self.rotations.len() >= ROTATIONS_MAX {
            return Err("the log has had too many keys");
        }
        if !rotation.holds(origin) {
            return Err("the change of keys is not signed by both");
        }
        self.rotations.push(rotation);
        Ok(())
    }

    /// Whether this key is, or was, in force.
    #[must_use]
    pub fn has(&self, key: &PublicKey) -> bool {
        self.first == *key || self.rotations.iter().any(|rotation| rotation.new == *key)
    }

    /// The key in force at the end.
    #[must_use]
    pub fn current(&self) -> PublicKey {
        self.rotations.last().map_or(self.first, |rotation| rotation.new)
    }

    /// All rotations, in order.
    #[must_use]
    pub fn rotations(&self) -> &[Rotation] {
        &self.rotations
    }

    /// The keys that may sign over the first `size` records: the one in force behind them, then those that came later.
    fn since(&self, size: u64) -> impl Iterator<Item = PublicKey> + '_ {
        let before = self.rotations.partition_point(|rotation| rotation.seq < size);
        let (gone, later) = self.rotations.split_at_checked(before).unwrap_or((&self.rotations, &[]));
        let at = gone.last().map_or(self.first, |rotation| rotation.new);
        std::iter::once(at).chain(later.iter().map(|rotation| rotation.new))
    }

    /// Reads a checkpoint: signed with the key that was in force behind the records that it covers, and no other.
    #[must_use]
    pub fn open(&self, origin: &str, note: &str) -> Option<Checkpoint> {
        let size = Checkpoint::peek(note)?;
        let text = self.since(size).next()?.open(origin, note)?;
        Checkpoint::parse(origin, text)
    }

    /// The text of what was signed of the first `size` records at any time since.
    #[must_use]
    pub fn open_later<'note>(&self, origin: &str, note: &'note str, size: u64) -> Option<&'note str> {
        self.since(size).find_map(|key| key.open(origin, note))
    }
}
