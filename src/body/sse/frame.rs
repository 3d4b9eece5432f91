//! Event framing (WHATWG HTML 9.2.6): bytes in, one event's lines out at a time, and the same lines written back.
//!
//! Enters: the decoded body in any chunking. Leaves: [`Unit`]s that name what stands in the frame now. Lines end with
//! CR, LF or CRLF, mixed; a CR ends its line at once and a LF that follows is added later, so that no event waits for
//! a byte that may never come. Every byte stays where it was unless a line is given a new value. What is kept is at
//! most one event, bounded.

use std::ops::Range;

use memchr::memchr2;

use crate::body::{BodyError, BodyErrorKind, empty};

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// What the frame holds after a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unit {
    /// Nothing complete: more input is needed.
    More,
    /// Line ends between events: they leave as they are.
    Blank,
    /// One comment line outside an event.
    Comment,
    /// A whole event, its blank line included.
    Event,
}

/// The fields of an event stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Name {
    Data,
    Event,
    Id,
    Retry,
    Comment,
    /// A field that readers ignore; its value is the whole line.
    Other,
}

/// One line of the event in the frame. `start <= value.start <= value.end <= end`, all in bytes of the frame.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Line {
    pub(super) name: Name,
    pub(super) start: usize,
    /// The field's value, without the space that may follow the colon.
    pub(super) value: Range<usize>,
    /// Whether a colon stands before the value.
    colon: bool,
    /// After the line's end.
    end: usize,
}

/// Cuts a byte stream into events.
pub(super) struct Frame {
    bytes: Vec<u8>,
    lines: Vec<Line>,
    /// Where the line begins that is being read.
    line: usize,
    /// The last byte taken was a CR that ended a line.
    after_cr: bool,
    /// No line has ended yet, so a byte order mark may stand at its beginning.
    first: bool,
    /// The line end that the stream uses, for lines that we add.
    ending: &'static [u8],
    limit: usize,
}

impl Frame {
    pub(super) fn new(limit: usize) -> Self {
        Self { bytes: Vec::new(), lines: Vec::new(), line: 0, after_cr: false, first: true, ending: b"\n", limit }
    }

    /// Takes bytes from the front of `input` until something is complete. [`Frame::clear`] comes between two units.
    pub(super) fn next(&mut self, input: &mut &[u8]) -> Result<Unit, BodyError> {
        while !input.is_empty() {
            if std::mem::take(&mut self.after_cr)
                && let Some(rest) = input.strip_prefix(b"\n")
            {
                *input = rest;
                self.ending = b"\r\n";
                if self.add_line_feed() {
                    return Ok(Unit::Blank);
                }
                continue;
            }
            let Some(at) = memchr2(b'\r', b'\n', input) else {
                self.hold(input)?;
                *input = &[];
                break;
            };
            let (line, rest) = input.split_at_checked(at).unwrap_or((input, &[]));
            self.hold(line)?;
            let (ending, rest) = rest.split_at_checked(1).unwrap_or((rest, &[]));
            *input = rest;
            self.after_cr = ending == b"\r";
            self.ending = match (self.after_cr, self.ending) {
                (true, b"\r\n") => b"\r\n",
                (true, _) => b"\r",
                (false, _) => b"\n",
            };
            let unit = self.end_line(ending);
            if unit != Unit::More {
                return Ok(unit);
            }
        }
        Ok(Unit::More)
    }

    /// Ends the stream: an event that lacks its blank line is given one.
    pub(super) fn finish(&mut self) -> Unit {
        let ending = self.ending;
        if self.line < self.bytes.len() {
            let unit = self.end_line(if self.lines.is_empty() && self.is_comment_or_mark() { b"" } else { ending });
            if unit != Unit::More {
                return unit;
            }
        }
        if self.lines.is_empty() {
            return Unit::More;
        }
        self.end_line(ending)
    }

    /// Forgets the unit that was returned.
    pub(super) fn clear(&mut self) {
        empty(&mut self.bytes);
        empty(&mut self.lines);
        self.line = 0;
    }

    /// Everything in the frame, as it came.
    pub(super) fn raw(&self) -> &[u8] {
        &self.bytes
    }

    /// The event's lines.
    pub(super) fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// A line's value.
    pub(super) fn value(&self, line: &Line) -> &[u8] {
        self.bytes.get(line.value.clone()).unwrap_or_default()
    }

    /// The line end that the stream uses.
    pub(super) fn ending(&self) -> &'static [u8] {
        self.ending
    }

    /// Writes a line as it came.
    pub(super) fn write_line(&self, line: &Line, out: &mut Vec<u8>) {
        out.extend_from_slice(self.bytes.get(line.start..line.end).unwrap_or_default());
    }

    /// Writes a line with another value, which has no line breaks; where in `out` the value begins.
    pub(super) fn write_changed(&self, line: &Line, value: &[u8], out: &mut Vec<u8>) -> usize {
        out.extend_from_slice(self.bytes.get(line.start..line.value.start).unwrap_or_default());
        match (line.name, line.colon) {
            // Readers ignore the line; as a comment it stays ignored whatever the new text looks like.
            (Name::Other, _) => out.extend_from_slice(b": "),
            (_, false) => out.extend_from_slice(b": "),
            // A leading space of the value would be taken for the one that may follow the colon.
            (_, true) if value.starts_with(b" ") && out.last() == Some(&b':') => out.push(b' '),
            (_, true) => {}
        }
        let place = out.len();
        out.extend_from_slice(value);
        out.extend_from_slice(self.bytes.get(line.value.end..line.end).unwrap_or_default());
        place
    }

    /// Writes what follows the last line: the blank line that ended the event.
    pub(super) fn write_end(&self, out: &mut Vec<u8>) {
        let end = self.lines.last().map_or(0, |line| line.end);
        out.extend_from_slice(self.bytes.get(end..).unwrap_or_default());
    }

    fn hold(&mut self, bytes: &[u8]) -> Result<(), BodyError> {
        if self.bytes.len().saturating_add(bytes.len()) > self.limit {
            return Err(BodyErrorKind::TooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// Adds the LF of a CRLF whose CR has ended its line; true where that line has left already.
    fn add_line_feed(&mut self) -> bool {
        self.bytes.push(b'\n');
        self.line = self.bytes.len();
        match self.lines.last_mut() {
            Some(line) => line.end = self.bytes.len(),
            None => return true,
        }
        false
    }

    fn end_line(&mut self, ending: &[u8]) -> Unit {
        let start = self.line;
        let mark = usize::from(std::mem::take(&mut self.first) && self.bytes.starts_with(BOM)) * BOM.len();
        let end = self.bytes.len();
        self.bytes.extend_from_slice(ending);
        self.line = self.bytes.len();
        if start + mark == end {
            return if self.lines.is_empty() { Unit::Blank } else { Unit::Event };
        }
        let (name, value, colon) = split_field(self.bytes.get(start + mark..end).unwrap_or_default());
        let value = start + mark + value..end;
        self.lines.push(Line { name, start, value, colon, end: self.bytes.len() });
        if name == Name::Comment && self.lines.len() == 1 { Unit::Comment } else { Unit::More }
    }

    fn is_comment_or_mark(&self) -> bool {
        let line = self.bytes.get(self.line..).unwrap_or_default();
        let line = if self.first { line.strip_prefix(BOM).unwrap_or(line) } else { line };
        line.is_empty() || line.starts_with(b":")
    }
}

/// A line's field name, where its value begins, and whether a colon stands before it.
fn split_field(line: &[u8]) -> (Name, usize, bool) {
    let (field, value, colon) = match memchr::memchr(b':', line) {
        Some(colon) => {
            let after = colon + 1;
            let space = usize::from(line.get(after) == Some(&b' '));
            (line.get(..colon).unwrap_or_default(), after + space, true)
        }
        None => (line, line.len(), false),
    };
    let name = match field {
        b"" => Name::Comment,
        b"data" => Name::Data,
        b"event" => Name::Event,
        b"id" => Name::Id,
        b"retry" => Name::Retry,
        _ => return (Name::Other, 0, false),
    };
    (name, value, colon)
}
