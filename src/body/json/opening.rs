//! Where in a document that is read as it comes values are given back.
//!
//! Enters: each turn of the walk over an answer. Leaves: whether the tokens of the string that begins are opened. The
//! arguments of a call are opened where the tool's name has come before them, once, and is one that the workspace names.

use std::sync::Arc;

use super::index::Kind;
use super::joins::{Joins, Sort, WORD, tells_sort};
use super::names::is_like;
use super::path::Place;
use crate::body::restore::{Opens, Restore};
use crate::body::{BodyError, BodyErrorKind};
use crate::engine::Ends;

/// The longest name of a tool.
const NAME: usize = 128;

/// Follows a document.
pub(super) struct Opening {
    restore: Arc<Restore>,
    /// The tools that open objects name.
    names: Vec<Named>,
    /// What is being read of the object whose members have this depth.
    listening: Option<(usize, Heard)>,
    word: Vec<u8>,
    /// The depth of the call's arguments that are being read, and whether they are opened.
    call: Option<(usize, bool)>,
    opens: Opens,
    /// The string that began last, where it is a text for a reader: its kind, and how the texts ended that it may follow.
    prose: Option<(u64, Ends)>,
    /// How the texts ended of objects that have ended, and of those that are open, whose sort is not known yet.
    joins: Joins,
    objects: Vec<Object>,
}

/// What a string tells of its object.
#[derive(Clone, Copy)]
enum Heard {
    /// A tool's name, and whether the member is called so to all readers.
    Name { plain: bool },
    /// Of what sort its text is.
    Sort,
}

/// An object with texts.
#[derive(Default)]
struct Object {
    /// Its members' depth.
    depth: usize,
    sort: Sort,
    ended: Vec<(u64, Ends)>,
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
            word: Vec::new(),
            call: None,
            opens: Opens::No,
            prose: None,
            joins: Joins::default(),
            objects: Vec::new(),
        }
    }

    /// Whether the tokens of the string that began last are opened.
    pub(super) fn opens(&self) -> Opens {
        self.opens
    }

    /// How the texts ended that a reader may add the string to that began last.
    pub(super) fn before(&mut self) -> Ends {
        self.prose.as_mut().map(|(_, before)| std::mem::take(before)).unwrap_or_default()
    }

    /// The string ended so, which began last and is at this depth.
    pub(super) fn ended(&mut self, depth: usize, ended: Ends) {
        let Some((kind, _)) = self.prose.take() else { return };
        let Some(object) = self.object(depth) else { return };
        match object.ended.iter_mut().find(|(of, _)| *of == kind) {
            Some((_, other)) => other.add_all(&ended),
            None => object.ended.push((kind, ended)),
        }
    }

    /// The open object whose members have this depth, which is the innermost one.
    fn object(&mut self, depth: usize) -> Option<&mut Object> {
        if self.objects.last().is_none_or(|object| object.depth != depth) {
            self.objects.push(Object { depth, ..Object::default() });
        }
        self.objects.last_mut()
    }

    /// How the texts ended that one of this kind may be added to.
    fn joined(&self, kind: u64) -> Ends {
        let mut before = self.joins.before(kind).unwrap_or_default();
        for (_, ended) in self.objects.iter().flat_map(|object| &object.ended).filter(|(of, _)| *of == kind) {
            if before.is_unknown() {
                break;
            }
            before.add_all(ended);
        }
        before
    }

    pub(super) fn value_begin(&mut self, kind: Kind, place: &Place) {
        let (key, depth) = (place.key(), place.depth());
        if depth == 0 {
            self.joins.clear();
            self.objects.clear();
        }
        (self.listening, self.prose) = (None, None);
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
            if let Opens::Prose { kind } = self.opens {
                self.prose = Some((kind, self.joined(kind)));
            }
            let is_name = |key: &&[u8]| !self.restore.tools.is_empty() && is_like(key, b"name");
            let heard = match key {
                Some(key) if tells_sort(key, kind) => Some(Heard::Sort),
                key => key.filter(is_name).map(|key| Heard::Name { plain: key == b"name" }),
            };
            self.listening = heard.map(|heard| (depth, heard));
            self.word.clear();
            self.sort_by(key, kind, depth);
        } else {
            self.sort_by(key, kind, depth);
        }
    }

    /// Takes what a member says of the texts of its object.
    fn sort_by(&mut self, key: Option<&[u8]>, kind: Kind, depth: usize) {
        if let Some(key) = key.filter(|key| tells_sort(key, kind))
            && let Some(object) = self.object(depth)
        {
            object.sort.member(key, kind);
        }
    }

    pub(super) fn text(&mut self, decoded: &[u8]) {
        if self.listening.is_some() && self.word.len() <= NAME.max(WORD) {
            self.word.extend_from_slice(decoded);
        }
    }

    /// A value ends.
    ///
    /// # Errors
    /// It is another name for a tool whose arguments have been opened.
    pub(super) fn value_end(&mut self, depth: usize) -> Result<(), BodyError> {
        match self.listening.take() {
            Some((object, Heard::Name { plain })) => self.named(object, plain)?,
            Some((object, Heard::Sort)) => {
                let word = std::mem::take(&mut self.word);
                if let Some(object) = self.object(object) {
                    object.sort.word(&word);
                }
                self.word = word;
            }
            None => {}
        }
        if self.call.is_some_and(|(at, _)| at == depth) {
            self.call = None;
        }
        Ok(())
    }

    /// Takes the name of the tool of the object whose members have this depth.
    fn named(&mut self, depth: usize, plain: bool) -> Result<(), BodyError> {
        let opened = plain && self.word.len() <= NAME && self.restore.opens_tool(&self.word);
        match self.names.iter_mut().find(|named| named.depth == depth) {
            // Readers differ on which of two names counts.
            Some(named) if named.relied => return Err(BodyErrorKind::JsonSyntax.into()),
            Some(named) => named.opened = false,
            None => self.names.push(Named { depth, opened, relied: false }),
        }
        Ok(())
    }

    /// The object or array at this depth ends.
    pub(super) fn close(&mut self, depth: usize) {
        self.names.retain(|named| named.depth < depth);
        while let Some(object) = self.objects.pop_if(|object| object.depth >= depth) {
            for (kind, ended) in object.ended {
                self.joins.end(kind, object.sort, ended);
            }
        }
    }
}
