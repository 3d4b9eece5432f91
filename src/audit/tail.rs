//! The records of a log that is being written, from any number on.
//!
//! Enters: the log's directory and the number of the first record that is wanted. Leaves: whole records as they come, in
//! order, through the ends of segments. What retention has removed before it was read is told of by its number.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::record::LINE_LIMIT;

/// A reader that follows.
#[derive(Debug)]
pub struct Tail {
    directory: PathBuf,
    /// The number of the next record.
    next: u64,
    open: Option<Segment>,
}

#[derive(Debug)]
struct Segment {
    first: u64,
    file: BufReader<File>,
    /// The number of the line that the file stands at.
    at: u64,
    /// What has come of a line that is not whole.
    begun: Vec<u8>,
}

/// What was read.
#[derive(Default, Debug)]
pub struct Batch {
    /// The lines, without line feeds.
    pub lines: Vec<Vec<u8>>,
    /// The number of the record behind the last.
    pub next: u64,
    /// Records that were gone before the first.
    pub missing: u64,
}

impl Tail {
    /// From record `next` on.
    #[must_use]
    pub fn new(directory: &Path, next: u64) -> Self {
        Self { directory: directory.to_owned(), next, open: None }
    }

    /// At most so many records, and so many bytes besides the first. What was read is read again until [`Tail::advance`].
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn batch(&mut self, records: usize, bytes: usize) -> io::Result<Batch> {
        let mut batch = Batch { next: self.next, ..Batch::default() };
        let mut taken = 0;
        while batch.lines.len() < records && taken < bytes {
            if self.open.is_none() {
                let Some(first) = self.segment(batch.next)? else { break };
                if first > batch.next {
                    // Nothing of a batch stands behind a gap within it.
                    if !batch.lines.is_empty() {
                        break;
                    }
                    batch.missing = first - batch.next;
                    batch.next = first;
                }
                self.open = Some(Segment::open(&self.directory, first)?);
            }
            let Some(segment) = &mut self.open else { break };
            match segment.line()? {
                Some((at, _)) if at < batch.next => {}
                Some((_, line)) => {
                    taken += line.len();
                    batch.lines.push(line);
                    batch.next += 1;
                }
                None => {
                    let first = segment.first;
                    // At its end: what is wanted stands in another, or is still to come.
                    match self.segment(batch.next)? {
                        Some(other) if other != first => self.open = None,
                        Some(_) | None => break,
                    }
                }
            }
        }
        Ok(batch)
    }

    /// A batch is done with: the next one begins behind it.
    pub fn advance(&mut self, batch: &Batch) {
        self.next = batch.next;
    }

    /// A batch is to be read again.
    pub fn again(&mut self) {
        self.open = None;
    }

    /// The first number of the segment that has this record, or of the first one behind it.
    fn segment(&self, wanted: u64) -> io::Result<Option<u64>> {
        let firsts = segments(&self.directory)?;
        let before =
            firsts.iter().rev().find(|(first, last)| *first <= wanted && last.is_none_or(|last| wanted <= last));
        Ok(before.or_else(|| firsts.iter().find(|(first, _)| *first > wanted)).map(|(first, _)| *first))
    }
}

/// First and last numbers of the segments that are there, in order; the open one has no last.
fn segments(directory: &Path) -> io::Result<Vec<(u64, Option<u64>)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name();
        let Some(stem) = name.to_str().and_then(|name| name.strip_prefix("audit-")?.strip_suffix(".jsonl")) else {
            continue;
        };
        let mut numbers = stem.split('-').map(|number| number.parse::<u64>().ok());
        if let Some(Some(first)) = numbers.next() {
            found.push((first, numbers.next().flatten()));
        }
    }
    found.sort_unstable();
    Ok(found)
}

impl Segment {
    fn open(directory: &Path, first: u64) -> io::Result<Self> {
        let is_it = |name: &str| {
            let stem = name.strip_prefix("audit-").and_then(|name| name.strip_suffix(".jsonl"));
            stem.and_then(|stem| stem.split('-').next()?.parse::<u64>().ok()) == Some(first)
        };
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            if entry.file_name().to_str().is_some_and(is_it) {
                let file = BufReader::new(File::open(entry.path())?);
                return Ok(Self { first, file, at: first, begun: Vec::new() });
            }
        }
        Err(io::ErrorKind::NotFound.into())
    }

    /// The next line and its number; none where no whole one is there.
    fn line(&mut self) -> io::Result<Option<(u64, Vec<u8>)>> {
        let room = (LINE_LIMIT as u64 + 1).saturating_sub(self.begun.len() as u64);
        Read::take(&mut self.file, room).read_until(b'\n', &mut self.begun)?;
        if self.begun.last() != Some(&b'\n') {
            return if self.begun.len() > LINE_LIMIT { Err(io::ErrorKind::InvalidData.into()) } else { Ok(None) };
        }
        let mut line = std::mem::take(&mut self.begun);
        line.pop();
        let at = self.at;
        self.at += 1;
        Ok(Some((at, line)))
    }
}
