//! Lines of a text, each with a verdict of its own.
//!
//! Enters: what a redactor that drops gave for the next bytes of one text. Leaves: whole lines, but those on which a
//! dropped value stood; a value that goes over line ends takes all of its lines with it. The text is scanned as one, so
//! that a line is never clean only because it was looked at alone. Kept: one line, redacted.

use super::batch::Plan;
use super::{BodyError, BodyErrorKind, Inspection};
use crate::engine::{Output, Piece};

/// The lines of one text.
pub(super) struct Lines {
    plan: Plan,
    line: Vec<u8>,
    /// How long the line is, whether it is kept or not.
    length: usize,
    /// The rule whose value stood on this line.
    doomed: Option<usize>,
    /// The line is longer than may wait, and leaves as it comes.
    passing: bool,
    /// The text as it came that is not judged yet, where what is dropped is handed over; of it, the bytes before the line
    /// and those of the line.
    raw: Vec<u8>,
    raw_before: usize,
    raw_line: usize,
}

impl Lines {
    pub(super) fn new(plan: Plan) -> Self {
        Self {
            plan,
            line: Vec::new(),
            length: 0,
            doomed: None,
            passing: false,
            raw: Vec::new(),
            raw_before: 0,
            raw_line: 0,
        }
    }

    /// Bytes that wait here.
    pub(super) fn held(&self) -> usize {
        self.line.len()
    }

    /// Notes text as it came; it is pushed next.
    pub(super) fn came(&mut self, text: &[u8]) {
        if self.plan.keeps {
            self.raw.extend_from_slice(text);
        }
    }

    /// Takes what is decided of the text.
    pub(super) fn take(&mut self, output: &Output, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        let mut drops = output.drops.iter().peekable();
        let mut rest = output.bytes.as_slice();
        for (at, piece) in output.pieces.iter().enumerate() {
            while let Some(dropped) = drops.next_if(|dropped| dropped.piece <= at) {
                self.doom(dropped.rule)?;
            }
            let (len, whole) = match piece {
                Piece::Clear { len } => (*len, true),
                Piece::Replaced { given, taken } => {
                    self.raw_line += taken;
                    (*given, false)
                }
            };
            let (given, after) = rest.split_at_checked(len).unwrap_or((rest, &[]));
            rest = after;
            if whole {
                for part in given.split_inclusive(|byte| *byte == b'\n') {
                    self.raw_line += part.len();
                    self.add(part, out)?;
                    if part.ends_with(b"\n") {
                        self.end(out, seen)?;
                    }
                }
            } else {
                self.add(given, out)?;
            }
        }
        drops.try_for_each(|dropped| self.doom(dropped.rule))?;
        // What passes is not handed over any more.
        let past = self.raw_before + if self.passing { std::mem::take(&mut self.raw_line) } else { 0 };
        self.raw.drain(..past.min(self.raw.len()));
        self.raw_before = 0;
        Ok(())
    }

    /// Ends the last line.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        if self.length > 0 || self.doomed.is_some() { self.end(out, seen) } else { Ok(()) }
    }

    fn doom(&mut self, rule: usize) -> Result<(), BodyError> {
        if self.passing {
            return Err(BodyErrorKind::Blocked { rule }.into());
        }
        self.doomed.get_or_insert(rule);
        self.line.clear();
        Ok(())
    }

    fn add(&mut self, part: &[u8], out: &mut Vec<u8>) -> Result<(), BodyError> {
        self.length = self.length.saturating_add(part.len());
        if self.length > self.plan.record && !self.passing {
            if let (Some(rule), true) = (self.doomed, self.plan.lenient) {
                return Err(BodyErrorKind::Blocked { rule }.into());
            }
            if !self.plan.lenient {
                return Err(BodyErrorKind::TooLarge.into());
            }
            self.passing = true;
            out.append(&mut self.line);
        }
        if self.passing {
            out.extend_from_slice(part);
        } else if self.doomed.is_none() {
            self.line.extend_from_slice(part);
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        self.length = 0;
        let passed = std::mem::take(&mut self.passing);
        let begins = self.raw_before;
        self.raw_before += std::mem::take(&mut self.raw_line);
        if let Some(rule) = self.doomed.take() {
            let line = self.raw.get(begins..self.raw_before).unwrap_or_default();
            seen.records.letter(rule, &self.plan, &[line]);
            return seen.records.drop(rule, None, &self.plan);
        }
        if passed || !self.line.iter().all(u8::is_ascii_whitespace) {
            seen.records.keep();
        }
        out.append(&mut self.line);
        Ok(())
    }
}
