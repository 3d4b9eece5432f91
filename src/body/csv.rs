//! Tables as text: CSV (RFC 4180), and its kin with semicolons, bars and tabs.
//!
//! Enters: records in any chunking. Leaves: the same bytes, but for findings; a replacement that would break the record
//! is quoted, or loses what would break it. Each cell is a text of its own, scanned without its quotes, with its
//! column's header before it; in a table without a header the cell before it stands there. Kept: the first record, up
//! to [`HEAD`] bytes, until it is whole; the headers; the hold-back of one cell.

use std::collections::VecDeque;
use std::fmt;

use super::json::{LogicalText, TextOut, says, speaks_of};
use super::{BodyError, BodyLimits, Inspection, Scopes, Transform};
use crate::engine::Piece;

/// The most bytes of the first record that are waited for.
const HEAD: usize = 64 << 10;
/// Columns whose header counts.
const COLUMNS: usize = 1024;
/// Bytes of a header or a cell that count as a name.
const NAME: usize = 64;
/// What may stand between cells.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Where in a cell the next byte stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Before its first byte.
    Begin,
    /// In a cell without quotes, or behind its quotes where none should be.
    Bare,
    Quoted,
    /// Behind a quote in quotes.
    Quote,
}

/// How a replacement is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Writing {
    /// The cell has no quotes.
    Bare,
    /// The cell has quotes.
    Quoted,
    /// The cell got quotes from us.
    Requoted,
}

/// Redacts a table.
pub(crate) struct CsvBody {
    /// The first record, until it is whole.
    head: Option<Vec<u8>>,
    /// The delimiter, where the media type tells it.
    told: Option<u8>,
    delimiter: u8,
    /// Column names; none where there is no header.
    headers: Vec<Vec<u8>>,
    column: usize,
    /// The record at hand is the header.
    in_header: bool,
    state: State,
    writing: Writing,
    text: LogicalText,
    /// Text of the cell that is to be scanned.
    gathered: Vec<u8>,
    decided_text: TextOut,
    /// Places of the cell's text that are two quotes in the table.
    doubled: VecDeque<u64>,
    /// Where in the cell's text the quotes ended before the cell did.
    broken: Option<u64>,
    /// Bytes of the cell's text read and decided.
    read: u64,
    decided: u64,
    /// The end of this cell's text and the cell before it.
    cell: Vec<u8>,
    previous: Vec<u8>,
}

impl CsvBody {
    /// A table; `delimiter` where its media type tells.
    pub(crate) fn new(scopes: &Scopes, limits: &BodyLimits, delimiter: Option<u8>) -> Self {
        Self {
            head: Some(Vec::new()),
            told: delimiter,
            delimiter: b',',
            headers: Vec::new(),
            column: 0,
            in_header: false,
            state: State::Begin,
            writing: Writing::Bare,
            text: LogicalText::sniffing(&scopes.rules, &scopes.actions, limits),
            gathered: Vec::new(),
            decided_text: TextOut::default(),
            doubled: VecDeque::new(),
            broken: None,
            read: 0,
            decided: 0,
            cell: Vec::new(),
            previous: Vec::new(),
        }
    }

    /// Bytes held back now.
    pub(crate) fn held(&self) -> usize {
        self.head.as_ref().map_or(0, Vec::len) + self.text.held()
    }

    /// Reads the first record: what stands between cells, and whether they are headers.
    fn begin(&mut self, head: &[u8]) {
        let record = head.get(..record_len(head).unwrap_or(head.len())).unwrap_or_default();
        let bare = || {
            record.iter().scan(false, |quoted, byte| {
                *quoted ^= *byte == b'"';
                Some(if *quoted { b'"' } else { *byte })
            })
        };
        let count = |delimiter: u8| bare().filter(|byte| *byte == delimiter).count();
        // The first of those that stand most often.
        let most = DELIMITERS.into_iter().rev().max_by_key(|delimiter| count(*delimiter));
        self.delimiter = self.told.or(most).unwrap_or(b',');
        let cells = cells(record, self.delimiter);
        let is_name = |cell: &Vec<u8>| {
            let letters = cell.iter().any(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii());
            (letters || !cell.iter().any(u8::is_ascii_digit)) && !cell.contains(&b'@') && cell.len() <= 2 * NAME
        };
        let whole = record.len() < head.len() || head.len() < HEAD;
        if whole && cells.iter().all(is_name) && cells.iter().any(|cell| !cell.is_empty()) {
            self.headers = cells;
            self.headers.truncate(COLUMNS);
            self.in_header = true;
        }
        self.name_cell();
    }

    /// Tells the text what the cell that begins is called.
    fn name_cell(&mut self) {
        let header = |column: usize| self.headers.get(column).map_or(&[][..], Vec::as_slice);
        let has_letters = |cell: &[u8]| cell.iter().any(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii());
        let mut label = Vec::new();
        if self.headers.is_empty() {
            if self.column > 0 && has_letters(&self.previous) {
                label.extend_from_slice(&self.previous);
            }
        } else if !self.in_header {
            let own = header(self.column);
            let before = self.column.checked_sub(1).map_or(&[][..], header);
            let said = says(before) && speaks_of(own) && !self.previous.is_empty();
            label.extend_from_slice(if said { &self.previous } else { own });
        }
        self.text.call(&label);
    }

    fn take(&mut self, input: &[u8], out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        for byte in input {
            let ends = *byte == self.delimiter || matches!(byte, b'\r' | b'\n');
            match self.state {
                State::Begin if *byte == b'"' => {
                    (self.state, self.writing) = (State::Quoted, Writing::Quoted);
                    out.push(b'"');
                }
                State::Begin | State::Bare if ends => self.end_cell(Some(*byte), out, seen)?,
                State::Begin | State::Bare => {
                    self.state = State::Bare;
                    self.add(*byte);
                }
                State::Quoted if *byte == b'"' => self.state = State::Quote,
                State::Quoted => self.add(*byte),
                State::Quote if *byte == b'"' => {
                    self.state = State::Quoted;
                    self.doubled.push_back(self.read);
                    self.add(b'"');
                }
                State::Quote if ends => self.end_cell(Some(*byte), out, seen)?,
                State::Quote => {
                    self.state = State::Bare;
                    self.broken = Some(self.read);
                    self.add(b'"');
                    self.add(*byte);
                }
            }
        }
        self.scan(false, out, seen)
    }

    fn add(&mut self, byte: u8) {
        self.gathered.push(byte);
        self.read += 1;
    }

    fn end_cell(&mut self, byte: Option<u8>, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        self.scan(true, out, seen)?;
        if self.state == State::Quote || self.writing == Writing::Requoted {
            out.push(b'"');
        }
        out.extend(byte);
        (self.state, self.writing) = (State::Begin, Writing::Bare);
        self.doubled.clear();
        (self.read, self.decided, self.broken) = (0, 0, None);
        std::mem::swap(&mut self.previous, &mut self.cell);
        self.cell.clear();
        self.column += 1;
        if matches!(byte, Some(b'\r' | b'\n')) {
            // An LF behind a CR is an empty record; it ends no header.
            let empty = self.column == 1 && self.previous.is_empty();
            self.in_header &= empty;
            self.column = 0;
        }
        self.name_cell();
        Ok(())
    }

    fn scan(&mut self, ends: bool, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        if self.gathered.is_empty() && (!ends || self.read == 0) {
            return Ok(());
        }
        self.cell.extend_from_slice(&self.gathered);
        let surplus = self.cell.len().saturating_sub(NAME);
        self.cell.drain(..surplus);
        self.decided_text.clear();
        let scanned = if ends {
            self.text.push_last(&self.gathered, &mut self.decided_text, seen)
        } else {
            self.text.push(&self.gathered, &mut self.decided_text, seen)
        };
        self.gathered.clear();
        self.deliver(out);
        scanned
    }

    /// Gives what was decided.
    fn deliver(&mut self, out: &mut Vec<u8>) {
        let mut rest = self.decided_text.bytes.as_slice();
        for piece in &self.decided_text.pieces {
            let (taken, given) = match *piece {
                Piece::Clear { len } => (len, len),
                Piece::Replaced { taken, given } => (taken, given),
            };
            let (bytes, later) = rest.split_at(given.min(rest.len()));
            rest = later;
            let end = self.decided + taken as u64;
            if matches!(piece, Piece::Clear { .. }) {
                for (at, byte) in (self.decided..).zip(bytes) {
                    let twice = self.doubled.front() == Some(&at);
                    if twice {
                        self.doubled.pop_front();
                    }
                    out.push(*byte);
                    if twice || *byte == b'"' && self.writing == Writing::Requoted {
                        out.push(b'"');
                    }
                }
            } else {
                while self.doubled.front().is_some_and(|at| *at < end) {
                    self.doubled.pop_front();
                }
                let breaks = |byte: &u8| matches!(byte, b'"' | b'\r' | b'\n') || *byte == self.delimiter;
                if self.writing == Writing::Bare && self.decided == 0 && bytes.iter().any(breaks) {
                    self.writing = Writing::Requoted;
                    out.push(b'"');
                }
                let bare = self.writing == Writing::Bare || self.broken.is_some_and(|at| at < self.decided);
                for byte in bytes {
                    match *byte {
                        b'"' if !bare => out.extend_from_slice(b"\"\""),
                        byte if bare && breaks(&byte) => out.push(b' '),
                        byte => out.push(byte),
                    }
                }
                if self.broken.is_some_and(|at| (self.decided..end).contains(&at)) {
                    // The quote that ended the quotes is gone with what it stood in.
                    out.push(b'"');
                }
            }
            self.decided = end;
        }
    }
}

impl Transform for CsvBody {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        let scanned = seen.scanned + input.len() as u64;
        let result = match self.head.take() {
            None => self.take(input, out, seen),
            Some(mut head) => {
                let room = HEAD.saturating_sub(head.len()).min(input.len());
                let (first, later) = input.split_at(room);
                head.extend_from_slice(first);
                if record_len(&head).is_some() || head.len() >= HEAD {
                    self.begin(&head);
                    self.take(&head, out, seen).and_then(|()| self.take(later, out, seen))
                } else {
                    self.head = Some(head);
                    Ok(())
                }
            }
        };
        seen.scanned = scanned;
        seen.held_peak = seen.held_peak.max(self.held());
        result
    }

    fn finish(&mut self, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        let scanned = seen.scanned;
        if let Some(head) = self.head.take() {
            self.begin(&head);
            self.take(&head, out, seen)?;
        }
        let ended = self.end_cell(None, out, seen);
        seen.scanned = scanned;
        ended
    }
}

impl fmt::Debug for CsvBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CsvBody({} columns, {} bytes held)", self.headers.len(), self.held())
    }
}

/// How long the first record is that is not empty, with what is before it and without its line end.
fn record_len(text: &[u8]) -> Option<usize> {
    let begin = text.iter().position(|byte| !matches!(byte, b'\r' | b'\n'))?;
    let mut quoted = false;
    text.iter().enumerate().skip(begin).find_map(|(at, byte)| {
        quoted ^= *byte == b'"';
        (!quoted && matches!(byte, b'\r' | b'\n')).then_some(at)
    })
}

/// The cells of one record, without their quotes and blanks.
fn cells(record: &[u8], delimiter: u8) -> Vec<Vec<u8>> {
    let mut cells = vec![Vec::new()];
    let mut quoted = false;
    for byte in record {
        match byte {
            b'"' => quoted = !quoted,
            b'\r' | b'\n' if !quoted => {}
            byte if *byte == delimiter && !quoted => cells.push(Vec::new()),
            byte => {
                if let Some(cell) = cells.last_mut() {
                    cell.push(*byte);
                }
            }
        }
    }
    cells.iter_mut().for_each(|cell| *cell = cell.trim_ascii().to_vec());
    cells
}
