//! Where in a document that is read as it comes values are given back.
//!
//! Enters: each turn of the walk over an answer. Leaves: whether the tokens of the string that begins are opened. The
//! arguments of a call are opened where the tool's name has come before them, once, and is one that the workspace names.

use std::sync::Arc;

use super::index::Kind;
use super::names::is_like;
use super::path::Place;
use crate::body::restore::{Opens, Restore};
use crate::body::{BodyError, BodyErrorKind};

/// The longest name of a tool.
const NAME: usize = 128;

/// Kinds of texts that are remembered of a document.
const KINDS: usize = 16;

/// Whether a document had a text of this kind before, which it has now.
pub(in crate::body) fn has_spoken(kind: u64, spoken: &mut Vec<u64>) -> bool {
    let known = spoken.contains(&kind);
    if !known && spoken.len() < KINDS {
        spoken.push(kind);
    }
    known
}

/// Follows a document.
pub(super) struct Opening {
    restore: Arc<Restore>,
    /// The tools that open objects name.
    names: Vec<Named>,
    /// The depth of the object whose name is being read, and whether the member is called so to all readers.
    listening: Option<(usize, bool)>,
    name: Vec<u8>,
    /// The depth of the call's arguments that are being read, and whether they are opened.
    call: Option<(usize, bool)>,
    opens: Opens,
    /// The kinds of texts for its reader that the document has had: at most [`KINDS`].
    spoken: Vec<u64>,
}

/// The tool that an object names.
struct Named {
    /// The object's depth.
    depth: usize,
    /// It is one whose arguments are opened.
    opened: bool,
    /// Arguments have been opened for it.
    relied: bool,
}

impl Opening {
    pub(super) fn new(restore: Arc<Restore>) -> Self {
        Self {
            restore,
            names: Vec::new(),
            listening: None,
            name: Vec::new(),
            call: None,
            opens: Opens::No,
            spoken: Vec::new(),
        }
    }

    /// Whether the tokens of the string that began last are opened.
    pub(super) fn opens(&self) -> Opens {
        self.opens
    }

    pub(super) fn value_begin(&mut self, kind: Kind, place: &Place) {
        let (key, depth) = (place.key(), place.depth());
        if depth == 0 {
            self.spoken.clear();
        }
        self.listening = None;
        if let Some((_, opened)) = self.call {
            self.opens = Opens::value(opened);
        } else if key.is_some_and(|key| Restore::is_call(key, || place.steps())) {
            let named = self.names.iter_mut().find(|named| named.depth == depth && named.opened);
            let opened = named.is_some();
            if let Some(named) = named {
                named.relied = true;
            }
            self.call = Some((depth, opened));
            self.opens = Opens::value(opened);
        } else if kind == Kind::String {
            self.opens = self.restore.opens(key, || place.steps());
            if let Opens::Prose { kind, goes_on } = &mut self.opens {
                *goes_on &= has_spoken(*kind, &mut self.spoken);
            }
            if let Some(key) = key.filter(|key| is_like(key, b"name") && !self.restore.tools.is_empty()) {
                self.listening = Some((depth, key == b"name"));
                self.name.clear();
            }
        }
    }

    pub(super) fn text(&mut self, decoded: &[u8]) {
        if self.listening.is_some() && self.name.len() <= NAME {
            self.name.extend_from_slice(decoded);
        }
    }

    /// A value ends.
    ///
    /// # Errors
    /// It is another name for a tool whose arguments have been opened.
    pub(super) fn value_end(&mut self, depth: usize) -> Result<(), BodyError> {
        if let Some((object, plain)) = self.listening.take() {
            let opened = plain && self.name.len() <= NAME && self.restore.opens_tool(&self.name);
            match self.names.iter_mut().find(|named| named.depth == object) {
                // Readers differ on which of two names counts.
                Some(named) if named.relied => return Err(BodyErrorKind::JsonSyntax.into()),
                Some(named) => named.opened = false,
                None => self.names.push(Named { depth: object, opened, relied: false }),
            }
        }
        if self.call.is_some_and(|(at, _)| at == depth) {
            self.call = None;
        }
        Ok(())
    }

    /// The object or array at this depth ends.
    pub(super) fn close(&mut self, depth: usize) {
        self.names.retain(|named| named.depth < depth);
    }
}
