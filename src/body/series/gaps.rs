//! What stands between records, where records wait or come in addition.
//!
//! Enters: the bytes between, in the order of the body, and the records in the order in which they leave. Leaves: a
//! body of the same form. A line's end leaves at once. Of an array's commas there is one between two records whichever
//! come: each record that came has brought what stands before it, and the next to leave takes the first of these.

use std::collections::VecDeque;

use crate::body::llm::Outlet;
use crate::body::{BodyError, BodyErrorKind};

/// What stands before a record of an array.
enum Gap {
    /// It has left already.
    Left,
    /// It waits, as records wait before it.
    Waiting(Vec<u8>),
}

pub(super) struct Gaps {
    /// The body is an array.
    elements: bool,
    /// Of the records that have not left, and of the next one once something of it has come.
    waiting: VecDeque<Gap>,
    /// The next bytes belong to the gap at the end.
    open: bool,
    /// The last record is parked.
    parked: bool,
    /// The last line has no end yet.
    in_line: bool,
    /// The line end that the body uses.
    ending: &'static [u8],
    /// The last byte between lines was a CR, whose LF may come later.
    after_cr: bool,
    limit: usize,
}

impl Gaps {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            elements: false,
            waiting: VecDeque::new(),
            open: false,
            parked: false,
            in_line: false,
            ending: b"\n",
            after_cr: false,
            limit,
        }
    }

    /// Bytes between the elements of an array.
    pub(super) fn between_elements(&mut self, bytes: &[u8], wait: bool, out: &mut Vec<u8>) -> Result<(), BodyError> {
        self.elements = true;
        if !std::mem::replace(&mut self.open, true) {
            self.waiting.push_back(if wait { Gap::Waiting(Vec::new()) } else { Gap::Left });
        }
        let Some(Gap::Waiting(gap)) = self.waiting.back_mut() else {
            out.extend_from_slice(bytes);
            return Ok(());
        };
        gap.extend_from_slice(bytes);
        if self.held() > self.limit { Err(BodyErrorKind::TooLarge.into()) } else { Ok(()) }
    }

    /// Bytes that wait.
    pub(super) fn held(&self) -> usize {
        let size = |gap: &Gap| if let Gap::Waiting(gap) = gap { gap.len() } else { 0 };
        self.waiting.iter().map(size).sum()
    }

    /// Whether bytes between lines belong to a parked record.
    pub(super) fn belong_to_parked(&self) -> bool {
        self.parked
    }

    /// Bytes between lines.
    pub(super) fn between_lines(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        if let Some(at) = memchr::memrchr(b'\n', bytes) {
            self.in_line = false;
            let after_cr = at.checked_sub(1).map_or(self.after_cr, |before| bytes.get(before) == Some(&b'\r'));
            self.ending = if after_cr { b"\r\n" } else { b"\n" };
        }
        self.after_cr = bytes.last() == Some(&b'\r');
        out.extend_from_slice(bytes);
    }

    /// The array ends: what stands before its bracket.
    pub(super) fn close(&mut self) -> Vec<u8> {
        match self.open.then(|| self.waiting.pop_back()).flatten() {
            Some(Gap::Waiting(gap)) => gap,
            Some(Gap::Left) | None => Vec::new(),
        }
    }

    /// Writes a record.
    pub(super) fn write(&mut self, record: &[u8], out: &mut Vec<u8>) {
        self.open = false;
        self.parked = false;
        self.leave(record, out);
    }

    /// The record that came is parked.
    pub(super) fn wait(&mut self) {
        self.open = false;
        self.parked = true;
    }

    fn leave(&mut self, record: &[u8], out: &mut Vec<u8>) {
        if let Some(Gap::Waiting(gap)) = self.waiting.pop_front() {
            out.extend_from_slice(&gap);
        }
        out.extend_from_slice(record);
        self.in_line = !record.ends_with(b"\n");
        self.after_cr = false;
    }

    fn write_own(&mut self, record: &[u8], out: &mut Vec<u8>) {
        let before = match self.waiting.front() {
            _ if !self.elements => {
                if self.in_line {
                    out.extend_from_slice(self.ending);
                }
                out.extend_from_slice(record);
                out.extend_from_slice(self.ending);
                self.in_line = false;
                return;
            }
            Some(Gap::Left) => false,
            Some(Gap::Waiting(_)) | None => true,
        };
        if before {
            out.push(b',');
        }
        out.extend_from_slice(record);
        if !before {
            out.push(b',');
        }
    }
}

/// Writes the records that leave before the one at hand.
pub(super) struct Others<'a> {
    pub(super) gaps: &'a mut Gaps,
    pub(super) out: &'a mut Vec<u8>,
}

impl Outlet for Others<'_> {
    fn own(&mut self, _name: &[u8], data: &[u8]) {
        self.gaps.write_own(data, self.out);
    }

    fn parked(&mut self, bytes: &[u8]) {
        self.gaps.leave(bytes, self.out);
    }
}
