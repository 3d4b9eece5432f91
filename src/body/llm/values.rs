//! Single values: what is neither a fragment of a model's text nor opaque is scanned by itself, whole.
//!
//! Enters: one decoded value and the place where it stands. Leaves: its redacted form where a finding changes it. One
//! logical text for each set of actions is kept and used again.

use std::fmt;
use std::sync::Arc;

use super::texts::keep_split_character;
use crate::body::json::{Index, LogicalText, Node, Shifts, TextOut, label_of};
use crate::body::restore::Opens;
use crate::body::{BodyError, BodyLimits, Inspection, Scopes};
use crate::engine::{ActionTable, Ends};

/// Scans values one by one.
pub(super) struct Values {
    scopes: Arc<Scopes>,
    limits: BodyLimits,
    readers: Vec<Readers>,
    /// What the next value is called.
    label: Vec<u8>,
    /// What a number is called that is looked at twice.
    asked: Vec<u8>,
    /// Whether tokens are opened in the next text.
    opening: Opens,
    /// How the texts ended that a reader may add it to.
    before: Ends,
    /// How the text ended that was scanned last, where tokens are opened for a reader in it.
    ended: Option<Ends>,
    out: TextOut,
}

/// What reads values under one set of actions.
struct Readers {
    actions: Arc<ActionTable>,
    strings: LogicalText,
    numbers: LogicalText,
}

impl Values {
    pub(super) fn new(scopes: Arc<Scopes>, limits: &BodyLimits) -> Self {
        Self {
            scopes,
            limits: limits.clone(),
            readers: Vec::new(),
            label: Vec::new(),
            asked: Vec::new(),
            opening: Opens::No,
            before: Ends::default(),
            ended: None,
            out: TextOut::default(),
        }
    }

    /// The actions outside of any JSON document.
    pub(super) fn actions(&self) -> Arc<ActionTable> {
        Arc::clone(&self.scopes.actions)
    }

    /// The actions for a value of an indexed document.
    pub(super) fn actions_at(&self, index: &Index, node: Node) -> Arc<ActionTable> {
        if self.scopes.paths.is_empty() {
            return self.actions();
        }
        let path = index.path(node);
        let scoped = self.scopes.paths.iter().find(|(pattern, _)| pattern.matches(&path));
        Arc::clone(scoped.map_or(&self.scopes.actions, |(_, actions)| actions))
    }

    /// Says that the next value is this one of an indexed document.
    pub(super) fn call(&mut self, index: &Index, node: Node) {
        label_of(index, node, &mut self.label);
    }

    /// Says what the next value is called.
    pub(super) fn call_named(&mut self, name: &[u8]) {
        self.label.clear();
        self.label.extend_from_slice(name);
    }

    /// Says whether tokens are opened in the next text, and how the texts ended that a reader may add it to.
    pub(super) fn open_tokens(&mut self, opening: Opens, before: Ends) {
        self.opening = opening;
        self.before = before;
    }

    /// How the text ended that was scanned last, where tokens are opened for a reader in it.
    pub(super) fn take_ended(&mut self) -> Option<Ends> {
        self.ended.take()
    }

    /// Scans one text; its new form where it has changed.
    pub(super) fn text(
        &mut self,
        text: &[u8],
        actions: &Arc<ActionTable>,
        seen: &mut Inspection,
    ) -> Result<Option<&[u8]>, BodyError> {
        self.scan(text, actions, |readers| &mut readers.strings, seen)
    }

    /// What may leave of a text that goes on. Its findings are those of the text that it repeats.
    pub(super) fn beginning(
        &self,
        text: &[u8],
        actions: &Arc<ActionTable>,
        opening: Opens,
    ) -> Result<Vec<u8>, BodyError> {
        let mut logical = LogicalText::sniffing(&self.scopes.rules, actions, &self.limits);
        logical.open_tokens(opening);
        let mut out = TextOut::default();
        logical.push(text, &mut out, &mut Inspection::default())?;
        keep_split_character(&mut out.bytes, &mut Vec::new());
        Ok(out.bytes)
    }

    /// Where the places of the text are that was scanned last.
    pub(super) fn places(&self, text: &[u8]) -> Shifts {
        let mut shifts = Shifts::default();
        shifts.came(text);
        shifts.decided(&self.out, 0);
        shifts
    }

    /// Scans the literal of a number, as its digits and as the integer it denotes; the literal that takes its place
    /// where it has changed.
    pub(super) fn number(
        &mut self,
        literal: &[u8],
        actions: &Arc<ActionTable>,
        seen: &mut Inspection,
    ) -> Result<Option<&[u8]>, BodyError> {
        // Digits alone are looked at as they are; only where something is found, as the JSON that they are.
        if literal.iter().all(u8::is_ascii_digit) {
            let mut looked = Inspection::default();
            self.asked.clone_from(&self.label);
            let scanned = self.scan(literal, actions, |readers| &mut readers.strings, &mut looked);
            if matches!(scanned, Ok(None)) && looked.findings.is_empty() {
                seen.scanned += looked.scanned;
                return Ok(None);
            }
            self.label.clone_from(&self.asked);
        }
        self.scan(literal, actions, |readers| &mut readers.numbers, seen)
    }

    fn scan(
        &mut self,
        value: &[u8],
        actions: &Arc<ActionTable>,
        reader: impl Fn(&mut Readers) -> &mut LogicalText,
        seen: &mut Inspection,
    ) -> Result<Option<&[u8]>, BodyError> {
        let at = match self.readers.iter().position(|readers| Arc::ptr_eq(&readers.actions, actions)) {
            Some(at) => at,
            None => {
                let rules = &self.scopes.rules;
                self.readers.push(Readers {
                    actions: Arc::clone(actions),
                    strings: LogicalText::sniffing(rules, actions, &self.limits),
                    numbers: LogicalText::arguments(rules, actions, &self.limits),
                });
                self.readers.len() - 1
            }
        };
        let Some(readers) = self.readers.get_mut(at) else { return Ok(None) };
        let text = reader(readers);
        text.open_tokens(std::mem::take(&mut self.opening));
        text.follow(std::mem::take(&mut self.before));
        text.call(&self.label);
        self.label.clear();
        self.out.clear();
        text.push_last(value, &mut self.out, seen)?;
        self.ended = text.take_ended();
        Ok((self.out.bytes != value).then_some(self.out.bytes.as_slice()))
    }
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Values({} sets of actions)", self.readers.len())
    }
}
