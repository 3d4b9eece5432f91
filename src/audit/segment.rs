//! The files of the segment that is written: what enters are bytes, what leaves are two files that others may take away.
//!
//! Holds: what is known to be on disk is told from what is not, so that both can be written anew.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Moment;
use super::record::LINE_LIMIT;

/// Bytes that are copied at once.
const COPIED: usize = 256 << 10;

/// The segment that is written.
pub(super) struct Segment {
    pub(super) first: u64,
    pub(super) path: PathBuf,
    pub(super) checkpoints: PathBuf,
    pub(super) file: Arc<File>,
    pub(super) notes: Arc<File>,
    /// Bytes that are on disk.
    pub(super) synced: u64,
    /// What follows them.
    pub(super) tail: Vec<u8>,
    /// How much of that has been written.
    pub(super) written: usize,
    /// Bytes of whole checkpoints.
    pub(super) notes_length: u64,
    /// When it was begun, in milliseconds since 1970.
    pub(super) opened_ms: u64,
}

impl Segment {
    pub(super) fn active_path(directory: &Path, first: u64) -> PathBuf {
        directory.join(format!("audit-{first:020}.jsonl"))
    }

    pub(super) fn checkpoints_path(directory: &Path, first: u64) -> PathBuf {
        directory.join(format!("audit-{first:020}.ckpt"))
    }

    /// A new one; what an attempt that failed has left is written over.
    pub(super) fn create(directory: &Path, first: u64, now: Moment) -> io::Result<Self> {
        let (path, checkpoints) = (Self::active_path(directory, first), Self::checkpoints_path(directory, first));
        let (file, notes) = (appending(&path, true)?, appending(&checkpoints, true)?);
        file.set_len(0)?;
        notes.set_len(0)?;
        sync_directory(directory)?;
        Ok(Self {
            first,
            path,
            checkpoints,
            file: Arc::new(file),
            notes: Arc::new(notes),
            synced: 0,
            tail: Vec::new(),
            written: 0,
            notes_length: 0,
            opened_ms: now.unix_ms,
        })
    }

    /// Bytes of its records.
    pub(super) fn length(&self) -> u64 {
        self.synced + self.tail.len() as u64
    }

    /// Writes what has been appended.
    pub(super) fn write(&mut self) -> io::Result<()> {
        let rest = self.tail.get(self.written..).unwrap_or_default();
        (&*self.file).write_all(rest)?;
        self.written = self.tail.len();
        Ok(())
    }

    /// Whether its names still lead to the files that are written.
    pub(super) fn is_in_place(&self) -> io::Result<bool> {
        Ok(leads_to(&self.path, &self.file)? && leads_to(&self.checkpoints, &self.notes)?)
    }

    /// Whether its records' file has the length of what was written to it: one that was cut, or that another writes to as well,
    /// does not hold any more. Of the checkpoints' file where nothing is being written to it.
    pub(super) fn has_its_length(&self, notes_rest: bool) -> io::Result<bool> {
        let own = self.file.metadata()?.len() == self.synced + self.written as u64;
        Ok(own && (!notes_rest || self.notes.metadata()?.len() == self.notes_length))
    }

    /// Makes files that were taken away, or that others stand in the place of, anew from those that are still open: what
    /// is known to be on disk is read there. Gives how many.
    pub(super) fn restore(&self, directory: &Path) -> io::Result<u64> {
        let mut restored = 0;
        for (path, file, length) in
            [(&self.path, &self.file, self.synced), (&self.checkpoints, &self.notes, self.notes_length)]
        {
            if leads_to(path, file)? {
                continue;
            }
            let unfinished = directory.join("restored.tmp");
            let mut made = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
            let (mut at, mut bytes) = (0, vec![0; COPIED]);
            while at < length {
                let read = file.read_at(&mut bytes, at)?;
                let part = bytes.get(..read.min(usize::try_from(length - at).unwrap_or(read))).unwrap_or_default();
                if part.is_empty() {
                    return Err(cut());
                }
                made.write_all(part)?;
                at += part.len() as u64;
            }
            made.sync_all()?;
            fs::rename(&unfinished, path)?;
            sync_directory(directory)?;
            restored += 1;
        }
        Ok(restored)
    }

    /// Opens the files anew and cuts them back to what is known to be on disk.
    pub(super) fn reopen(&mut self) -> io::Result<()> {
        let (file, notes) = (appending(&self.path, false)?, appending(&self.checkpoints, false)?);
        for (file, length) in [(&file, self.synced), (&notes, self.notes_length)] {
            // What was cut off is nowhere else: zeros in its place would be no log.
            if file.metadata()?.len() < length {
                return Err(cut());
            }
            file.set_len(length)?;
        }
        (self.file, self.notes) = (Arc::new(file), Arc::new(notes));
        self.written = 0;
        Ok(())
    }
}

fn cut() -> io::Error {
    io::Error::other("records that were written are gone from the files of the log: it cannot be gone on with")
}

/// Whether a name leads to this open file; not where there is none of that name.
pub(super) fn leads_to(path: &Path, file: &File) -> io::Result<bool> {
    let own = file.metadata()?;
    match fs::symlink_metadata(path) {
        Ok(there) => Ok((there.dev(), there.ino()) == (own.dev(), own.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Opens a file to append to and to read, for its owner only.
pub(super) fn appending(path: &Path, create: bool) -> io::Result<File> {
    OpenOptions::new().read(true).append(true).create(create).mode(0o600).open(path)
}

/// Makes what was created or renamed in a directory last.
pub(super) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// The last line of a file that ends in one.
pub(super) fn last_line(path: &Path) -> io::Result<Vec<u8>> {
    use std::io::{Read, Seek, SeekFrom};
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LINE_LIMIT as u64 + 2)))?;
    let mut end = Vec::new();
    file.read_to_end(&mut end)?;
    end.pop();
    let start = end.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    Ok(end.split_off(start))
}
