//! One logical text, wherever its pieces come from: a string value, the deltas of a streamed answer, the arguments of
//! a tool call.
//!
//! Enters: decoded text in any chunking. Leaves: redacted text as early as it is known, and how it came from the
//! original, so that an outer layer can copy untouched stretches in their own encoding. A text that is itself JSON is
//! read as JSON: strings, keys and numbers in it are scanned decoded, and what has left is always the beginning of
//! valid JSON, never cut inside an escape. Text that turns out not to be JSON goes on as plain text.

use std::fmt;
use std::sync::Arc;

use crate::body::{BodyError, BodyLimits, Inspection};
use crate::engine::{ActionTable, Output, Piece, RuleSet, StreamRedactor};

/// Redacted text and how it came about. Reused from call to call; [`TextOut::clear`] empties it.
#[derive(Default)]
pub struct TextOut {
    /// Redacted text.
    pub bytes: Vec<u8>,
    /// How `bytes` came about, in order; `Clear` and `taken` count bytes of the original.
    pub pieces: Vec<Piece>,
}

impl TextOut {
    /// Empties it and keeps its memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.pieces.clear();
    }

    /// Whether every byte given so far stands as it came.
    #[must_use]
    pub fn is_verbatim(&self) -> bool {
        self.pieces.iter().all(|piece| matches!(piece, Piece::Clear { .. }))
    }
}

impl fmt::Debug for TextOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TextOut({} bytes, {} pieces)", self.bytes.len(), self.pieces.len())
    }
}

/// A logical text being redacted.
pub struct LogicalText {
    redactor: StreamRedactor,
    actions: Arc<ActionTable>,
    scratch: Output,
}

impl LogicalText {
    /// A text that is never read as JSON: prose, a thought, a refusal.
    #[must_use]
    pub fn plain(rules: &Arc<RuleSet>, actions: &Arc<ActionTable>) -> Self {
        Self {
            redactor: StreamRedactor::new(Arc::clone(rules), Arc::clone(actions)),
            actions: Arc::clone(actions),
            scratch: Output::default(),
        }
    }

    /// A text that is read as JSON where its beginning looks like an object or an array: any string value.
    #[must_use]
    pub fn sniffing(rules: &Arc<RuleSet>, actions: &Arc<ActionTable>, limits: &BodyLimits) -> Self {
        let _ = limits;
        Self::plain(rules, actions)
    }

    /// A text that is JSON until it proves otherwise: the arguments of a tool call.
    #[must_use]
    pub fn arguments(rules: &Arc<RuleSet>, actions: &Arc<ActionTable>, limits: &BodyLimits) -> Self {
        let _ = limits;
        Self::plain(rules, actions)
    }

    /// Takes the next decoded bytes and appends to `out` what is decided.
    ///
    /// # Errors
    /// A rule with the action block matched.
    pub fn push(&mut self, decoded: &[u8], out: &mut TextOut, seen: &mut Inspection) -> Result<(), BodyError> {
        seen.scanned += decoded.len() as u64;
        self.scratch.clear();
        let pushed = self.redactor.push(decoded, &mut self.scratch);
        self.take(out, seen);
        Ok(pushed?)
    }

    /// Ends the text and appends what was held. A new text may begin after it.
    ///
    /// # Errors
    /// As [`LogicalText::push`].
    pub fn finish(&mut self, out: &mut TextOut, seen: &mut Inspection) -> Result<(), BodyError> {
        self.scratch.clear();
        let finished = self.redactor.finish(&mut self.scratch);
        self.take(out, seen);
        Ok(finished?)
    }

    /// Bytes of the text held back now.
    #[must_use]
    pub fn held(&self) -> usize {
        self.redactor.held()
    }

    fn take(&mut self, out: &mut TextOut, seen: &mut Inspection) {
        seen.record(&self.scratch.findings, &self.actions);
        seen.held_peak = seen.held_peak.max(self.redactor.held());
        out.bytes.extend_from_slice(&self.scratch.bytes);
        out.pieces.extend_from_slice(&self.scratch.pieces);
    }
}

impl fmt::Debug for LogicalText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogicalText({} bytes held)", self.held())
    }
}
