//! The scalars of YAML one by one, as their readers see them: lines folded, with their keys for labels.
//!
//! Enters: one byte after another. Leaves: what takes the place of findings, as stretches of the body. A scalar is read
//! whatever stands before it (a tag, an anchor, an indicator on another line), quoted, plain or in a block, over all its
//! lines; indentation, and the backslash before a line's end, are no part of it. Its label is the key above it, and the key
//! above that; in `name: ssn` and `value: …` the name; and of an alias what its anchor stands before.
//!
//! A scalar that may still be a key is kept until that is known, [`KEY`] bytes at most (YAML 1.2.2 section 7.4.2). In
//! brackets and behind a question mark a key may be longer and have more lines: it is scanned as a text, and its end is
//! the label. The keys of [`DEPTH`] mappings within each other are known, of what is deeper none.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use super::super::json::{says, speaks_of};
use super::lexer::{Lexer, Place};
use super::names::{BLANK, Names, unescape};
use super::{BLANKS, Edit, blocking, lengths};
use crate::engine::{ActionTable, Blocked, Finding, Output, Piece, StreamRedactor};

/// Bytes of a scalar before it is certain that it is no key.
const KEY: usize = 1024;
/// Bytes that are given to the engine at once.
const FRESH: usize = 8 << 10;
/// Bytes of a key that count as a label, its last ones.
const LABEL: usize = 64;
/// Mappings within each other whose keys are known.
const DEPTH: usize = 64;

/// How a scalar is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Style {
    Plain,
    Double,
    Single,
    Folded,
    Literal,
}

/// A stretch of a scalar's text and where in the body it begins.
#[derive(Clone, Copy)]
struct Segment {
    text: u64,
    body: u64,
    len: u64,
}

/// The scalar at hand.
#[derive(Clone, Copy)]
struct Open {
    style: Style,
    /// The column that it begins in.
    column: usize,
    /// Where its quotes are closed; what stands behind them tells whether it is a key.
    closed: Option<u64>,
    /// It stands behind a question mark in this column.
    explicit: Option<usize>,
    /// It stands in brackets.
    flow: bool,
    /// It has more lines than one.
    lines: bool,
    /// The engine has begun to read it.
    begun: bool,
}

/// What a byte is to the scalar at hand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    /// It is taken.
    Taken,
    /// It is none of it.
    Ends {
        /// It makes a key of it.
        key: bool,
    },
}

/// A key and what its mapping says that another member is.
#[derive(Default)]
struct Key {
    /// Where it begins; of no meaning in brackets.
    column: usize,
    text: Vec<u8>,
    name: Vec<u8>,
}

/// A bracket or brace that is open.
struct Bracket {
    mapping: bool,
    /// The key of the mapping at hand, or of the one pair that a sequence's item is.
    key: Key,
}

/// Reads scalars.
pub(super) struct Scalars {
    redactor: StreamRedactor,
    lexer: Lexer,
    open: Option<Open>,
    /// Text that has not been given to the engine.
    fresh: Vec<u8>,
    segments: VecDeque<Segment>,
    /// Bytes of the scalar's text read and decided.
    read: u64,
    decided: u64,
    /// Bytes of the body read.
    seen: u64,
    /// Blanks, line ends and signs that are text if more comes, with their places.
    tail: Vec<(u64, u8)>,
    /// Line ends among them.
    breaks: usize,
    /// Only blanks have come on the line.
    line_start: bool,
    /// A hyphen, question mark or colon that may be an indicator: place, byte, column.
    indicator: Option<(u64, u8, usize)>,
    /// The keys of mappings by indentation, the outermost first.
    keys: Vec<Key>,
    brackets: Vec<Bracket>,
    /// The column of a question mark whose key comes.
    explicit: Option<usize>,
    label: Vec<u8>,
    /// The end of a scalar that tells something however long it is and however it is written: behind a question mark,
    /// in brackets, behind an anchor.
    asked: Vec<u8>,
    /// The anchor of the scalar at hand.
    anchor: Vec<u8>,
    pub(super) names: Names,
    pub(super) edits: VecDeque<Edit>,
    /// In places of the body.
    pub(super) findings: Vec<Finding>,
    pub(super) blocking: Vec<Finding>,
    output: Output,
}

/// What has come of the body and has not left, and where it begins.
#[derive(Clone, Copy)]
pub(super) struct Raw<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) start: u64,
}

impl Raw<'_> {
    pub(super) fn slice(&self, place: Range<u64>) -> &[u8] {
        let index = |place: u64| usize::try_from(place.saturating_sub(self.start)).unwrap_or(usize::MAX);
        self.bytes.get(index(place.start)..index(place.end)).unwrap_or_default()
    }
}

impl Scalars {
    pub(super) fn new(redactor: StreamRedactor) -> Self {
        Self {
            redactor,
            lexer: Lexer::new(),
            open: None,
            fresh: Vec::new(),
            segments: VecDeque::new(),
            read: 0,
            decided: 0,
            seen: 0,
            tail: Vec::new(),
            breaks: 0,
            line_start: false,
            indicator: None,
            keys: Vec::new(),
            brackets: Vec::new(),
            explicit: None,
            label: Vec::new(),
            asked: Vec::new(),
            anchor: Vec::new(),
            names: Names::default(),
            edits: VecDeque::new(),
            findings: Vec::new(),
            blocking: Vec::new(),
            output: Output::default(),
        }
    }

    /// Takes what has come, with which `raw` ends.
    pub(super) fn push(&mut self, input: &[u8], raw: Raw<'_>, actions: &Arc<ActionTable>) -> Result<(), Blocked> {
        for byte in input {
            self.take(*byte, raw, actions)?;
            self.seen += 1;
            if self.fresh.len() >= FRESH {
                self.feed(raw, actions)?;
            }
        }
        if self.open.is_some_and(|open| open.begun || self.is_no_key(open)) {
            self.feed(raw, actions)?;
        }
        Ok(())
    }

    /// Ends the body.
    pub(super) fn finish(&mut self, raw: Raw<'_>, actions: &Arc<ActionTable>) -> Result<(), Blocked> {
        self.indicator = None;
        self.names.end();
        self.end(false, raw, actions)
    }

    /// Up to where the body has nothing that this reading may still change.
    pub(super) fn settled(&self) -> u64 {
        let undecided =
            if self.open.is_some() && self.decided < self.read { self.place_of(self.decided) } else { None };
        let tail = self.tail.first().map(|(at, _)| *at);
        let indicator = self.indicator.map(|(at, _, _)| at);
        [undecided, tail, indicator].into_iter().flatten().fold(self.seen, u64::min)
    }

    fn is_no_key(&self, open: Open) -> bool {
        open.lines && !open.flow || self.read >= KEY as u64 || matches!(open.style, Style::Folded | Style::Literal)
    }

    fn take(&mut self, byte: u8, raw: Raw<'_>, actions: &Arc<ActionTable>) -> Result<(), Blocked> {
        let (before, scalars, depth) = (self.lexer.place, self.lexer.scalars, self.lexer.depth());
        let column = self.lexer.column();
        self.lexer.take(byte);
        let (after, started) = (self.lexer.place, self.lexer.scalars != scalars);
        self.name(byte, before, after, started);
        if let Some((at, sign, column)) = self.indicator.take() {
            if matches!(after, Place::Plain | Place::Colon) && !started {
                self.begin(Style::Plain, column);
                self.emit(at, sign);
            } else {
                self.indicate(sign, column);
            }
        }
        if let Some(open) = self.open {
            let step = if started { Step::Ends { key: false } } else { self.step(open, byte, before, after) };
            match step {
                Step::Taken if self.tail.len() <= BLANKS => return Ok(()),
                Step::Taken => return self.end(false, raw, actions),
                Step::Ends { key } => self.end(key, raw, actions)?,
            }
        }
        self.bracket(byte, depth);
        match after {
            Place::Indicator if started => self.indicator = Some((self.seen, byte, column)),
            Place::Double if started => self.begin(Style::Double, column),
            Place::Single if started => self.begin(Style::Single, column),
            Place::Plain if started => {
                self.begin(Style::Plain, column);
                self.emit(self.seen, byte);
            }
            Place::Header if before != Place::Header => {
                self.begin(if byte == b'>' { Style::Folded } else { Style::Literal }, column);
            }
            _ => {}
        }
        Ok(())
    }

    /// Follows the names of anchors and aliases. What goes on behind an alias is none.
    fn name(&mut self, byte: u8, before: Place, after: Place, started: bool) {
        match after {
            Place::Property if before != Place::Property && byte == b'&' => self.names.begin(self.seen, true),
            Place::Property if before != Place::Property => self.names.end(),
            Place::Property => self.names.push(byte),
            Place::Plain if started && byte == b'*' => self.names.begin(self.seen, false),
            Place::Plain | Place::Colon if !started && !byte.is_ascii_whitespace() => self.names.push(byte),
            _ => self.names.end(),
        }
    }

    /// Takes a byte behind the first of a scalar.
    fn step(&mut self, open: Open, byte: u8, before: Place, after: Place) -> Step {
        if let Some(closed) = open.closed.filter(|_| !(before == Place::Quote && after == Place::Single)) {
            let goes_on = match byte {
                b' ' | b'\t' | b'\r' => true,
                b'\n' => open.flow,
                _ => open.flow && after == Place::Comment,
            };
            return match goes_on && self.seen - closed <= BLANKS as u64 {
                true => Step::Taken,
                false => Step::Ends { key: byte == b':' && after != Place::Comment },
            };
        }
        match (open.style, after) {
            (Style::Plain, Place::Colon) | (Style::Double, Place::Escape) => {
                self.flush();
                self.tail.push((self.seen, byte));
            }
            (Style::Plain, Place::Indent(_, true)) if byte == b'\n' => self.line_end(true),
            (Style::Plain, Place::Indent(_, true)) => {}
            (Style::Plain, Place::Plain) => self.content(byte),
            (Style::Plain, _) => return Step::Ends { key: before == Place::Colon },
            (Style::Double, Place::Double) if byte == b'\n' && before == Place::Escape => {
                self.tail.pop();
                self.line_end(false);
            }
            (Style::Double, Place::Double) | (Style::Single, Place::Single) if byte == b'\n' => self.line_end(true),
            // A blank that no line's end takes away (YAML 1.2.2 section 5.7), in as many bytes.
            (Style::Double, Place::Double) if before == Place::Escape && matches!(byte, b' ' | b'_') => {
                if let Some((_, sign)) = self.tail.last_mut() {
                    *sign = BLANK[0];
                }
                self.flush();
                self.emit(self.seen, BLANK[1]);
            }
            (Style::Double, Place::Double) => self.content(byte),
            (Style::Single, Place::Single) => {
                // Two quotes are one sign.
                self.set_closed(None);
                self.content(byte);
            }
            (Style::Double, Place::After) | (Style::Single, Place::Quote) => {
                self.flush();
                self.set_closed(Some(self.seen));
            }
            (Style::Folded | Style::Literal, Place::Header) => {}
            (Style::Folded | Style::Literal, Place::BlockIndent(_)) => {
                if byte == b'\n' && self.read > 0 {
                    self.line_end(true);
                }
            }
            (Style::Folded | Style::Literal, Place::Block) => {
                self.line_start = false;
                self.content(byte);
            }
            _ => return Step::Ends { key: false },
        }
        Step::Taken
    }

    /// A byte of a scalar's line; blanks are text if more of the line comes.
    fn content(&mut self, byte: u8) {
        match byte {
            b' ' | b'\t' | b'\r' if self.line_start => {}
            b' ' | b'\t' | b'\r' => self.tail.push((self.seen, byte)),
            byte => {
                self.flush();
                self.emit(self.seen, byte);
            }
        }
    }

    /// A line's end in a scalar, which is part of its text if more of that comes.
    fn line_end(&mut self, breaks: bool) {
        let folds = self.open.is_none_or(|open| open.style != Style::Literal);
        if breaks {
            if self.breaks == 0 {
                while self.tail.last().is_some_and(|(_, byte)| matches!(byte, b' ' | b'\t' | b'\r')) {
                    self.tail.pop();
                }
                self.tail.push((self.seen, if folds { b' ' } else { b'\n' }));
            } else if let Some((_, sign)) = self.tail.last_mut().filter(|_| folds && self.breaks == 1) {
                *sign = b'\n';
            } else {
                self.tail.push((self.seen, b'\n'));
            }
            self.breaks += 1;
        }
        self.line_start = true;
        if !breaks {
            self.set_lines();
        }
    }

    fn set_lines(&mut self) {
        if let Some(open) = &mut self.open {
            open.lines = true;
        }
    }

    fn set_closed(&mut self, closed: Option<u64>) {
        if let Some(open) = &mut self.open {
            open.closed = closed;
        }
    }

    /// Takes what was in doubt for text.
    fn flush(&mut self) {
        if self.breaks > 0 {
            self.set_lines();
        }
        let mut tail = std::mem::take(&mut self.tail);
        tail.drain(..).for_each(|(at, byte)| self.emit(at, byte));
        self.tail = tail;
        self.breaks = 0;
        self.line_start = false;
    }

    fn emit(&mut self, at: u64, byte: u8) {
        match self.segments.back_mut() {
            Some(last) if last.body + last.len == at => last.len += 1,
            _ => self.segments.push_back(Segment { text: self.read, body: at, len: 1 }),
        }
        self.fresh.push(byte);
        if self.open.is_some_and(|open| open.explicit.is_some() || open.flow) || !self.anchor.is_empty() {
            if self.asked.len() == 2 * KEY {
                self.asked.drain(..KEY);
            }
            self.asked.push(byte);
        }
        self.read += 1;
    }

    fn begin(&mut self, style: Style, column: usize) {
        let explicit = self.explicit.take();
        let flow = self.lexer.in_flow();
        self.open = Some(Open { style, column, closed: None, explicit, flow, lines: false, begun: false });
        self.anchor = self.names.take_anchor();
        (self.read, self.decided, self.breaks, self.line_start) = (0, 0, 0, false);
        self.fresh.clear();
        self.asked.clear();
        self.segments.clear();
    }

    /// A hyphen, question mark or colon that is an indicator.
    fn indicate(&mut self, sign: u8, column: usize) {
        match sign {
            // What stood further in belongs to the item before.
            b'-' => {
                let item = self.keys.iter().position(|key| key.column > column).unwrap_or(self.keys.len());
                self.keys.truncate(item);
            }
            b'?' => self.explicit = Some(column),
            _ => {}
        }
    }

    /// Opens and closes brackets as the lexer does.
    fn bracket(&mut self, byte: u8, depth: usize) {
        let now = self.lexer.depth();
        if now > depth && self.brackets.len() == depth && depth < DEPTH {
            self.brackets.push(Bracket { mapping: byte == b'{', key: Key::default() });
            // It is not a scalar's.
            let _ = self.names.take_anchor();
        }
        self.brackets.truncate(now);
        if byte == b','
            && now == depth
            && let Some(bracket) = self.brackets.last_mut()
        {
            bracket.key.text.clear();
        }
    }

    /// Gives the engine what it has not had.
    fn feed(&mut self, raw: Raw<'_>, actions: &Arc<ActionTable>) -> Result<(), Blocked> {
        let Some(open) = self.open else { return Ok(()) };
        if !open.begun {
            self.label(open, false);
            self.redactor.begin_labelled(actions, &self.label);
            self.open = Some(Open { begun: true, ..open });
        }
        self.output.clear();
        let result = self.redactor.push(&self.fresh, &mut self.output);
        self.fresh.clear();
        self.decide(raw);
        result
    }

    /// Ends the scalar at hand.
    fn end(&mut self, key: bool, raw: Raw<'_>, actions: &Arc<ActionTable>) -> Result<(), Blocked> {
        let Some(open) = self.open else { return Ok(()) };
        self.tail.clear();
        let simple = !open.begun && !self.is_no_key(open);
        let asked = open.explicit.is_some() || open.flow || !self.anchor.is_empty();
        let text = match asked {
            true => std::mem::take(&mut self.asked),
            false if simple => self.fresh.clone(),
            false => Vec::new(),
        };
        let mut text = if open.style == Style::Double { unescape(&text) } else { text };
        // A name counts whole or not at all, of a key the end.
        let may_name = simple && text.len() <= LABEL;
        if open.style == Style::Plain
            && let Some(meaning) = self.names.meaning(&text)
        {
            text = meaning.to_vec();
        }
        text.drain(..text.len().saturating_sub(LABEL));
        let mut result = Ok(());
        if self.read > 0 {
            if !open.begun {
                self.label(open, key);
                self.redactor.begin_labelled(actions, &self.label);
            }
            self.output.clear();
            result = self.redactor.push_last(&self.fresh, &mut self.output);
            self.decide(raw);
        }
        self.open = None;
        self.fresh.clear();
        self.segments.clear();
        if !self.anchor.is_empty() {
            self.names.mean(std::mem::take(&mut self.anchor), &text);
        }
        match (key, open.explicit) {
            (true, _) => self.note_key(open.column, text),
            (false, Some(column)) => self.note_key(column, text),
            (false, None) if may_name => self.note_name(open, text),
            (false, None) => {}
        }
        result
    }

    fn note_key(&mut self, column: usize, text: Vec<u8>) {
        match self.brackets.last_mut() {
            Some(bracket) => bracket.key.text = text,
            None => {
                let outer = self.keys.iter().position(|key| key.column > column).unwrap_or(self.keys.len());
                self.keys.truncate(outer);
                let known = self.keys.len();
                match self.keys.last_mut() {
                    Some(key) if key.column == column => key.text = text,
                    _ if known < DEPTH => self.keys.push(Key { column, text, name: Vec::new() }),
                    _ => {}
                }
            }
        }
    }

    /// A value of a member that says what another one is.
    fn note_name(&mut self, open: Open, text: Vec<u8>) {
        let key = match self.brackets.last_mut() {
            Some(bracket) => bracket.mapping.then_some(&mut bracket.key),
            None => self.keys.iter_mut().rev().find(|key| key.column < open.column),
        };
        if let Some(key) = key.filter(|key| says(&key.text)) {
            key.name = text;
        }
    }

    /// What the scalar at hand is called: nothing where it is a key that has been kept until that was known.
    fn label(&mut self, open: Open, key: bool) {
        self.label.clear();
        if open.explicit.is_some() || key && !self.is_no_key(open) {
            return;
        }
        let flow = !self.brackets.is_empty();
        // A sequence is called as what it stands in, but for an item that is a pair.
        let called = |bracket: &&Bracket| bracket.mapping || !bracket.key.text.is_empty();
        let inner = self.brackets.iter().rev().filter(called).map(|bracket| &bracket.key);
        let outer = self.keys.iter().rev().filter(|key| flow || key.column < open.column);
        let mut keys = inner.chain(outer);
        let own = keys.next();
        let called = own.map(|key| if speaks_of(&key.text) && !key.name.is_empty() { &key.name } else { &key.text });
        for part in [keys.next().map(|key| &key.text), called].into_iter().flatten() {
            if !part.is_empty() && !self.label.is_empty() {
                self.label.push(b' ');
            }
            self.label.extend_from_slice(part);
        }
    }

    fn decide(&mut self, raw: Raw<'_>) {
        let output = std::mem::take(&mut self.output);
        let blocking = blocking(&output, self.decided).map(|found| {
            let place = self.place_of(found.span.start).unwrap_or(self.seen);
            Finding { span: place..place, ..found }
        });
        self.blocking.extend(blocking.collect::<Vec<_>>());
        let mut rest = output.bytes.as_slice();
        for piece in &output.pieces {
            let (taken, given) = lengths(*piece);
            let (bytes, after) = rest.split_at(given.min(rest.len()));
            rest = after;
            let from = self.decided;
            self.decided += taken as u64;
            if let Piece::Replaced { .. } = piece {
                self.edits.extend(self.edit(from..self.decided, bytes, raw));
            }
        }
        for finding in &output.findings {
            if let Some(span) = self.places(finding.span.clone()) {
                self.findings.push(Finding { span, ..finding.clone() });
            }
        }
        self.output = output;
    }

    /// What takes the place of a stretch of text. A mask of the same length keeps the lines that it stands on.
    fn edit(&self, text: Range<u64>, given: &[u8], raw: Raw<'_>) -> Option<Edit> {
        let place = self.places(text.clone())?;
        if !given.is_ascii() || given.len() as u64 != text.end - text.start {
            return Some(Edit { place, given: given.to_vec() });
        }
        let mut written = Vec::new();
        let (mut at, mut fresh) = (place.start, given.iter());
        for segment in &self.segments {
            let from = text.start.max(segment.text);
            let to = text.end.min(segment.text + segment.len);
            if from >= to {
                continue;
            }
            let body = segment.body + (from - segment.text);
            // Between its lines.
            written.extend(raw.slice(at..body).iter().filter(|byte| byte.is_ascii_whitespace()));
            at = body + (to - from);
            let line_end = |old: &u8, new: &u8| if *old == b'\n' { b'\n' } else { *new };
            written.extend(raw.slice(body..at).iter().zip(&mut fresh).map(|(old, new)| line_end(old, new)));
        }
        Some(Edit { place, given: written })
    }

    fn place_of(&self, text: u64) -> Option<u64> {
        self.segments
            .iter()
            .find(|segment| text < segment.text + segment.len)
            .map(|segment| segment.body + (text - segment.text))
    }

    /// Where in the body a stretch of the text stands, from its first byte to its last.
    fn places(&self, text: Range<u64>) -> Option<Range<u64>> {
        let last = text.end.checked_sub(1).filter(|last| *last >= text.start)?;
        Some(self.place_of(text.start)?..self.place_of(last)? + 1)
    }
}
