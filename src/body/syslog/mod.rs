//! Syslog: a stream of messages, each with a verdict of its own.
//!
//! Enters: the bytes of a connection in any chunking. Leaves: the same messages in the framing that they came in, redacted;
//! counts are made anew. A message is held until its last byte, since a count stands before it, and no longer. The header's
//! fields, the names and values of structured data, keys and values of CEF and LEEF are texts of their own, a value called
//! by its name; JSON is read as JSON; everything else is one text. What is compressed cannot be scanned. A message in which a rule blocks is dropped alone, or
//! ends the stream. Kept: one message, at most [`BodyLimits::syslog_message`], and what it became.

mod frame;
mod parse;
mod scan;

use std::fmt;
use std::io::Write;
use std::sync::Arc;

use super::batch::{Plan, Sink};
use super::coding::is_compressed;
use super::text::Watch;
use super::{BodyError, BodyErrorKind, BodyLimits, Inspection, Scopes, Transform};

pub use frame::Framing;

use frame::{Frame, Framer};
use scan::Scanner;

/// Messages on their way.
pub struct Messages {
    framer: Framer,
    scanner: Scanner,
    plan: Plan,
    per_record: bool,
    /// What a message became.
    given: Vec<u8>,
    /// Bytes that have come and are not judged.
    pending: u64,
}

/// How messages are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Terms {
    /// How they are told apart.
    pub framing: Framing,
    /// A rule that blocks takes its message out; else it ends the stream.
    pub per_record: bool,
    /// What cannot be scanned passes, counted; else it ends the stream.
    pub lenient: bool,
    /// Messages that are dropped are handed over in [`Tally::letters`](super::batch::Tally::letters).
    pub keep_dropped: bool,
}

impl Messages {
    /// A stream at its beginning.
    #[must_use]
    pub fn new(scopes: &Arc<Scopes>, limits: &BodyLimits, terms: Terms) -> Self {
        Self {
            framer: Framer::new(terms.framing, limits.syslog_message),
            scanner: Scanner::new(&in_force(scopes, terms.per_record), limits),
            plan: Plan::new(Sink::Unknown, limits, terms.lenient).keeping(terms.keep_dropped),
            per_record: terms.per_record,
            given: Vec::new(),
            pending: 0,
        }
    }

    /// Other rules hold for the messages that end from now on.
    pub fn change(&mut self, scopes: &Arc<Scopes>, limits: &BodyLimits, keep_dropped: bool) {
        self.scanner = Scanner::new(&in_force(scopes, self.per_record), limits);
        self.plan.keeps = keep_dropped;
    }

    /// Whether no message has begun.
    #[must_use]
    pub fn is_between(&self) -> bool {
        self.framer.is_between()
    }

    /// Bytes that have come and are not judged: those of a message that has not ended, and of one that was refused with
    /// what came behind it. Counts and line ends are of their messages.
    #[must_use]
    pub fn pending(&self) -> u64 {
        self.pending
    }

    /// How many bytes surely belong to the message that has begun; at least 1.
    #[must_use]
    pub fn wanted(&self) -> usize {
        self.framer.wanted()
    }

    /// Judges the message that the framer holds.
    fn message(&mut self, frame: Frame, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        let message = self.framer.message();
        seen.held_peak = seen.held_peak.max(message.len());
        self.given.clear();
        if let Some(kind) = unreadable(message) {
            if !self.plan.lenient {
                return Err(kind.into());
            }
            seen.exempt(kind.code(), message.len() as u64);
            self.given.extend_from_slice(message);
        } else {
            self.scanner.message(message, &mut self.given, seen)?;
        }
        if let Some(rule) = seen.doomed.take() {
            seen.records.letter(rule, &self.plan, &[self.framer.message()]);
            return seen.records.drop(rule, None, &self.plan);
        }
        seen.records.keep();
        self.reframe(frame);
        if frame == Frame::Octets {
            // A vector takes everything that is written.
            let _ = write!(out, "{} ", self.given.len());
        }
        out.extend_from_slice(&self.given);
        if frame == Frame::Line {
            out.push(b'\n');
        }
        Ok(())
    }

    /// What a message became may be nothing, which no count says, or a line that another reader takes for a counted
    /// message: a `-` stands before it then.
    fn reframe(&mut self, frame: Frame) {
        let (given, is_line) = (&mut self.given, frame != Frame::Octets);
        let emptied = given.is_empty() && !self.framer.message().is_empty();
        if emptied || is_line && self.framer.seems_counted(given) {
            given.insert(0, b'-');
        }
    }
}

/// Why a message cannot be scanned: rsyslog sends zlib behind a `z`, others send other codings bare.
fn unreadable(message: &[u8]) -> Option<BodyErrorKind> {
    let compressed = is_compressed(message) || message.strip_prefix(b"z").is_some_and(is_compressed);
    let wide = || Watch::announced().look(message).map(|(_, kind)| kind);
    compressed.then_some(BodyErrorKind::CodingUnsupported).or_else(wide)
}

fn in_force(scopes: &Arc<Scopes>, per_record: bool) -> Arc<Scopes> {
    if per_record { Arc::new(scopes.per_record()) } else { Arc::clone(scopes) }
}

impl Transform for Messages {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        let (mut rest, before) = (input, out.len());
        seen.bytes_in += input.len() as u64;
        let mut judged = Ok(());
        self.pending += input.len() as u64;
        while judged.is_ok() {
            judged = match self.framer.next(&mut rest) {
                Ok(Some(frame)) => self.message(frame, out, seen),
                Ok(None) => break,
                Err(error) => Err(error),
            };
            if judged.is_ok() {
                self.pending = rest.len() as u64;
            }
        }
        seen.bytes_out += (out.len() - before) as u64;
        judged
    }

    fn finish(&mut self, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        let before = out.len();
        let judged = match self.framer.finish()? {
            Some(frame) => self.message(frame, out, seen),
            None => Ok(()),
        };
        if judged.is_ok() {
            self.pending = 0;
        }
        seen.bytes_out += (out.len() - before) as u64;
        judged
    }
}

impl fmt::Debug for Messages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Messages({} bytes held)", self.framer.held())
    }
}

/// How much longer than the longest message may be what takes its place.
const GROWTH: usize = 16;

/// Refuses what has grown beyond all bounds.
fn bounded(given: usize, limits: &BodyLimits) -> Result<(), BodyError> {
    if given > limits.syslog_message.saturating_mul(GROWTH) { Err(BodyErrorKind::TooLarge.into()) } else { Ok(()) }
}
