//! A text that is itself JSON, read twice at once.
//!
//! Enters: the text, and what the engine decided about it as plain text. Leaves: the text redacted as JSON, for as long
//! as it is JSON, and from where it is not, as plain text.
//!
//! ```text
//!     released      read as JSON      p: here it stops being JSON
//!   ------------|--------------------|.......................
//!   -----------------|  decided as plain text
//! ```
//!
//! What leaves is the JSON reading's, but never beyond what the plain reading has decided and never into a match of the
//! plain reading that may reach over `p`: a match over `p` is then still whole in our hands, and is replaced whole.
//! What is chosen depends on the text alone, so any chunking gives one result.

use std::fmt;
use std::sync::Arc;

use super::lexer::Framing;
use super::out::{Cut, Queue, TextOut};
use super::text::Shared;
use super::walker::{Stop, Walker};
use crate::body::restore::Opens;
use crate::body::{BodyError, Inspection};
use crate::engine::{ActionTable, Finding, Output};

/// Both readings and what waits of them.
pub(super) struct Nested {
    walker: Walker,
    json: Queue,
    plain: Queue,
    /// Findings of the plain reading that reach beyond the JSON reading.
    findings: Vec<Finding>,
    /// Where the text stopped being JSON.
    ended: Option<u64>,
}

impl Nested {
    pub(super) fn new(shared: Shared, actions: &Arc<ActionTable>, nesting: u8) -> Self {
        Self {
            walker: Walker::new(shared, actions, Framing::Document, nesting),
            json: Queue::default(),
            plain: Queue::default(),
            findings: Vec::new(),
            ended: None,
        }
    }

    /// Says whether tokens are opened in the strings of the text that begins.
    pub(super) fn open_tokens(&mut self, opening: Opens) {
        self.walker.open_tokens(Opens::value(opening != Opens::No));
    }

    /// Begins a text that is called so.
    pub(super) fn restart(&mut self, actions: &Arc<ActionTable>, label: &[u8]) {
        self.walker.restart(actions, label);
        self.json.restart();
        self.plain.restart();
        self.findings.clear();
        self.ended = None;
    }

    /// Takes the next bytes of the text and what the plain reading decided on them. True when the text is not JSON and
    /// the plain reading has caught up: then the rest is handed over.
    pub(super) fn push(
        &mut self,
        text: &[u8],
        plain: &Output,
        out: &mut TextOut,
        seen: &mut Inspection,
    ) -> Result<bool, BodyError> {
        self.flat(plain);
        if self.ended.is_none() {
            let scanned = seen.scanned;
            let walked = self.walker.push(text, &mut self.json.out, seen);
            match walked {
                Ok(()) => {}
                Err(Stop::Refused(error)) => return Err(error),
                Err(Stop::Grammar(_)) => {
                    self.walker.abandon(&mut self.json.out, seen)?;
                    self.ended = Some(self.json.end());
                }
            }
            seen.scanned = scanned;
        }
        let read = self.json.end();
        let place = self.plain.boundary(read);
        let released = self.json.release(place, Cut::Whole, Some(out));
        self.plain.release(released, Cut::Anywhere, None);
        self.findings.retain(|finding| finding.span.end > read);
        Ok(self.ended.is_some_and(|ended| self.plain.end() > ended))
    }

    /// Takes what the plain reading decided.
    pub(super) fn flat(&mut self, plain: &Output) {
        self.plain.out.append(plain);
        self.findings.extend_from_slice(&plain.findings);
    }

    /// The text is over.
    pub(super) fn finish(&mut self, seen: &mut Inspection) -> Result<(), BodyError> {
        if self.ended.is_none() {
            let scanned = seen.scanned;
            self.walker.finish_text(&mut self.json.out, seen)?;
            seen.scanned = scanned;
            self.ended = Some(self.json.end());
        }
        Ok(())
    }

    /// Gives what waits: the JSON reading's up to where it ended, or up to a match of the plain reading that reaches
    /// over that place; behind it the plain reading's, as `rest`.
    ///
    /// # Errors
    /// As [`Inspection::record`].
    pub(super) fn hand_over(
        &mut self,
        out: &mut TextOut,
        rest: &mut TextOut,
        seen: &mut Inspection,
        actions: &ActionTable,
    ) -> Result<(), BodyError> {
        let ended = self.ended.unwrap_or_default();
        self.findings.retain(|finding| finding.span.end > ended);
        let counted = seen.record(&self.findings, actions);
        self.findings.clear();
        counted?;
        let place = self.json.release(self.plain.boundary_over(ended), Cut::Anywhere, Some(out));
        self.plain.release(place, Cut::Anywhere, None);
        self.plain.release(u64::MAX, Cut::Anywhere, Some(rest));
        self.json.restart();
        Ok(())
    }

    /// Bytes that wait.
    pub(super) fn held(&self) -> usize {
        self.json.waiting() + self.walker.held()
    }
}

impl fmt::Debug for Nested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Nested({} bytes held)", self.held())
    }
}
