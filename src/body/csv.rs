//! Tables as text: CSV (RFC 4180), and its kin with semicolons, bars and tabs.
//!
//! Enters: records in any chunking. Leaves: the same bytes, but for findings; a replacement that would break the record
//! is quoted, or loses what would break it. Each cell is a text of its own, scanned without its quotes, with its
//! column's header before it; in a table without a header the cell before it stands there. Where text stands behind a
//! closing quote some readers keep that quote and some do not: the text is scanned without it where that makes one value
//! of both sides. Kept: the first record, up to [`HEAD`] bytes, until it is whole; the headers; the hold-back of one cell;
//! of a cell with such a quote the next [`SEAM`] bytes.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use super::json::{LogicalText, TextOut, says, speaks_of};
use super::{BodyError, BodyLimits, Inspection, Scopes, Transform};
use crate::engine::{Action, ActionTable, Output, Piece, RuleSet, StreamRedactor};

/// The most bytes of the first record that are waited for.
const HEAD: usize = 64 << 10;
/// Columns whose header counts.
const COLUMNS: usize = 1024;
/// Bytes of a header or a cell that count as a name.
const NAME: usize = 64;
/// Bytes on each side of a quote that one value may be made of, where readers leave the quote out.
const SEAM: usize = 256;
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
    /// All cells of the header are names.
    certain: bool,
    /// Before the header a line stands that tells the delimiter.
    skipped: bool,
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
    /// What stands behind them, until it is known how it is read.
    behind: Option<Vec<u8>>,
    /// The closing quote is none of the text that is scanned.
    joined: bool,
    /// Reads both sides of such a quote as one.
    seam: Option<Box<StreamRedactor>>,
    rules: Arc<RuleSet>,
    actions: Arc<ActionTable>,
    /// Bytes of the cell's text read and decided.
    read: u64,
    decided: u64,
    /// What the cell is called.
    label: Vec<u8>,
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
            certain: false,
            skipped: false,
            state: State::Begin,
            writing: Writing::Bare,
            text: LogicalText::sniffing(&scopes.rules, &scopes.actions, limits),
            gathered: Vec::new(),
            decided_text: TextOut::default(),
            doubled: VecDeque::new(),
            broken: None,
            behind: None,
            joined: false,
            seam: None,
            rules: Arc::clone(&scopes.rules),
            actions: Arc::clone(&scopes.actions),
            read: 0,
            decided: 0,
            label: Vec::new(),
            cell: Vec::new(),
            previous: Vec::new(),
        }
    }

    /// Bytes held back now.
    pub(crate) fn held(&self) -> usize {
        let behind = self.behind.as_ref().map_or(0, Vec::len);
        self.head.as_ref().map_or(0, Vec::len) + self.text.held() + behind
    }

    /// Whether the first record is there, whatever stands between its cells.
    fn head_is_whole(&self, head: &[u8]) -> bool {
        let (told, table) = directive(without_mark(head));
        let Some(table) = table else { return false };
        match self.told.or(told) {
            Some(delimiter) => record_len(table, delimiter).is_some(),
            None => DELIMITERS.iter().all(|delimiter| record_len(table, *delimiter).is_some()),
        }
    }

    /// Reads the first record: what stands between cells, and whether they are headers.
    fn begin(&mut self, head: &[u8]) {
        let (told, table) = directive(head);
        let told = self.told.or(told);
        let table = table.unwrap_or_default();
        let record =
            |delimiter: u8| table.get(..record_len(table, delimiter).unwrap_or(table.len())).unwrap_or_default();
        let count = |delimiter: u8| Record::new(delimiter).breaks(record(delimiter));
        // The first of those that stand most often.
        let most = DELIMITERS.into_iter().rev().max_by_key(|delimiter| count(*delimiter));
        self.delimiter = told.or(most).unwrap_or(b',');
        let record = record(self.delimiter);
        let cells = cells(record, self.delimiter);
        let is_name = |cell: &Vec<u8>| {
            let letters = cell.iter().any(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii());
            (letters || !cell.iter().any(u8::is_ascii_digit)) && !cell.contains(&b'@') && cell.len() <= 2 * NAME
        };
        let whole = record.len() < table.len() || head.len() < HEAD;
        self.certain = cells.iter().all(is_name);
        let names_field = cells.iter().any(|cell| self.text.takes_whole(cell));
        if whole && (self.certain || names_field) && cells.iter().any(|cell| !cell.is_empty()) {
            self.headers = cells;
            self.headers.truncate(COLUMNS);
            self.in_header = true;
            self.skipped = table.len() < head.len() && told.is_some();
        }
        self.name_cell();
    }

    /// Tells the text what the cell that begins is called.
    fn name_cell(&mut self) {
        let header = |column: usize| self.headers.get(column).map_or(&[][..], Vec::as_slice);
        let has_letters = |cell: &[u8]| cell.iter().any(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii());
        let mut label = Vec::new();
        // A first record that has more than names in it is one of headers only as far as those name fields.
        let names = self.certain || !self.in_header && self.text.takes_whole(header(self.column));
        if self.headers.is_empty() || !names {
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
        self.label = label;
    }

    /// Reads the beginning. A mark before it belongs to no cell.
    fn take_head(&mut self, head: &[u8], out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        let table = without_mark(head);
        self.begin(table);
        out.extend_from_slice(head.get(..head.len() - table.len()).unwrap_or_default());
        self.take(table, out, seen)
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
                    self.behind = Some(Vec::new());
                    self.add(*byte);
                }
            }
        }
        self.scan(false, out, seen)
    }

    fn add(&mut self, byte: u8) {
        let Some(behind) = &mut self.behind else {
            self.gathered.push(byte);
            self.read += 1;
            return;
        };
        behind.push(byte);
        if behind.len() >= SEAM {
            self.close_seam();
        }
    }

    /// Decides how the text behind the quotes is read: as one with what they hold where a finding goes over both.
    fn close_seam(&mut self) {
        let Some(behind) = self.behind.take() else { return };
        let tail = [self.cell.as_slice(), &self.gathered].concat();
        // Of a character that is cut in two its end makes no text.
        let from = (tail.len().saturating_sub(SEAM)..tail.len())
            .find(|at| tail.get(*at).is_some_and(|byte| byte & 0xc0 != 0x80))
            .unwrap_or(tail.len());
        let mut seam = tail.get(from..).unwrap_or_default().to_vec();
        let at = seam.len() as u64;
        seam.extend_from_slice(&behind);
        let whole = std::str::from_utf8(&seam).map_or_else(|error| error.valid_up_to(), str::len);
        seam.truncate(whole);
        // It only looks: nothing is made of what it finds.
        let count = self.rules.rules().len();
        let looking = || Arc::new(ActionTable::new(vec![Action::Observe; count], None));
        let reader = self.seam.get_or_insert_with(|| Box::new(StreamRedactor::new(Arc::clone(&self.rules), looking())));
        let actions = Arc::clone(reader.actions());
        reader.begin_labelled(&actions, &self.label);
        let mut found = Output::default();
        let ended = reader.push_last(&seam, &mut found);
        let is_on = |rule: usize| *self.actions.action(rule) != Action::Off;
        let over = |span: &std::ops::Range<u64>| (span.start + 1..span.end).contains(&at);
        self.joined = ended.is_err() || found.findings.iter().any(|one| is_on(one.rule) && over(&one.span));
        if !self.joined {
            self.add(b'"');
        }
        behind.iter().for_each(|byte| self.add(*byte));
    }

    fn end_cell(&mut self, byte: Option<u8>, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        self.close_seam();
        self.scan(true, out, seen)?;
        if self.state == State::Quote || self.writing == Writing::Requoted {
            out.push(b'"');
        }
        out.extend(byte);
        (self.state, self.writing) = (State::Begin, Writing::Bare);
        self.doubled.clear();
        (self.read, self.decided, self.broken, self.joined) = (0, 0, None, false);
        let surplus = self.cell.len().saturating_sub(NAME);
        self.cell.drain(..surplus);
        std::mem::swap(&mut self.previous, &mut self.cell);
        self.cell.clear();
        self.column += 1;
        if matches!(byte, Some(b'\r' | b'\n')) {
            // An LF behind a CR is an empty record; it ends no header.
            let empty = self.column == 1 && self.previous.is_empty();
            self.in_header &= empty || self.skipped;
            self.skipped &= empty;
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
        let surplus = self.cell.len().saturating_sub(SEAM);
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
                    if self.joined && self.broken == Some(at) {
                        out.push(b'"');
                    }
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
                if self.joined && self.broken == Some(self.decided) {
                    out.push(b'"');
                }
                let is_behind = |at: u64| if self.joined { at <= self.decided } else { at < self.decided };
                let bare = self.writing == Writing::Bare || self.broken.is_some_and(is_behind);
                for byte in bytes {
                    match *byte {
                        b'"' if !bare => out.extend_from_slice(b"\"\""),
                        byte if bare && breaks(&byte) => out.push(b' '),
                        byte => out.push(byte),
                    }
                }
                let first = self.decided + u64::from(self.joined);
                if self.broken.is_some_and(|at| (first..end).contains(&at)) {
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
                if self.head_is_whole(&head) || head.len() >= HEAD {
                    self.take_head(&head, out, seen).and_then(|()| self.take(later, out, seen))
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
            self.take_head(&head, out, seen)?;
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

/// Reads where the cells of a record end, as the table is read: quotes are such at a cell's beginning alone.
struct Record {
    delimiter: u8,
    state: State,
}

/// What a byte of a record is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    /// Of a cell's text.
    Text,
    Quote,
    Delimiter,
    LineEnd,
}

impl Record {
    fn new(delimiter: u8) -> Self {
        Self { delimiter, state: State::Begin }
    }

    fn take(&mut self, byte: u8) -> Part {
        let part = match (self.state, byte) {
            (State::Quoted, b'"') => Part::Quote,
            (State::Quoted, _) => Part::Text,
            (_, b'\r' | b'\n') => Part::LineEnd,
            _ if byte == self.delimiter => Part::Delimiter,
            (State::Begin, b'"') => Part::Quote,
            (State::Begin | State::Bare | State::Quote, _) => Part::Text,
        };
        self.state = match (self.state, part) {
            (_, Part::Delimiter | Part::LineEnd) => State::Begin,
            (State::Begin, Part::Quote) => State::Quoted,
            (State::Quoted, Part::Quote) => State::Quote,
            (State::Quoted, _) => State::Quoted,
            // Two quotes are one sign.
            (State::Quote, _) if byte == b'"' => State::Quoted,
            _ => State::Bare,
        };
        part
    }

    /// How many delimiters a record has.
    fn breaks(mut self, record: &[u8]) -> usize {
        record.iter().filter(|byte| self.take(**byte) == Part::Delimiter).count()
    }
}

/// A text without the mark of its encoding.
fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text)
}

/// The delimiter that a first line `sep=;` tells to spreadsheets, and what stands behind that line; nothing where it may
/// still come.
fn directive(head: &[u8]) -> (Option<u8>, Option<&[u8]>) {
    let quoted = head.first() == Some(&b'"');
    let line = head.strip_prefix(b"\"").unwrap_or(head);
    let line_end = line.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
    let told = line.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"sep="));
    let (Some(line_end), true) = (line_end.filter(|_| told), told) else {
        let may_come = line.len() < 4 && b"sep=".starts_with(&line.to_ascii_lowercase()) || told && line_end.is_none();
        return (None, (!may_come).then_some(head));
    };
    let (line, table) = line.split_at(line_end);
    match line.get(4..).map(|rest| if quoted { rest.strip_suffix(b"\"").unwrap_or(rest) } else { rest }) {
        Some([delimiter]) if *delimiter != b'"' => (Some(*delimiter), Some(table)),
        _ => (None, Some(head)),
    }
}

/// How long the first record is that is not empty, with what is before it and without its line end.
fn record_len(text: &[u8], delimiter: u8) -> Option<usize> {
    let begin = text.iter().position(|byte| !matches!(byte, b'\r' | b'\n'))?;
    let mut record = Record::new(delimiter);
    text.iter().skip(begin).position(|byte| record.take(*byte) == Part::LineEnd).map(|len| begin + len)
}

/// The cells of one record, without their quotes and blanks.
fn cells(record: &[u8], delimiter: u8) -> Vec<Vec<u8>> {
    let mut cells = vec![Vec::new()];
    let mut reader = Record::new(delimiter);
    for byte in record {
        match reader.take(*byte) {
            Part::Quote | Part::LineEnd => {}
            Part::Delimiter => cells.push(Vec::new()),
            Part::Text => {
                if let Some(cell) = cells.last_mut() {
                    cell.push(*byte);
                }
            }
        }
    }
    cells.iter_mut().for_each(|cell| *cell = cell.trim_ascii().to_vec());
    cells
}
