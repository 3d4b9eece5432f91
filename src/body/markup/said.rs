//! What a tag's attributes say that its value, or its element's text, is: `name`, `key`, `type` and the like.
//!
//! Enters: the values of a tag's attributes, in order, as they are written; what is a name is read without its character
//! references, as its readers read it. Leaves, at the tag's end: what was said, and the values that it
//! was said of, since a name may stand behind what it names. A value waits for that, and the body with it, up to
//! [`LONGEST`] bytes of one value and [`HELD`] bytes of tag; what is longer is no value of a field that has a name.

use std::ops::Range;

use super::references::References;

/// Bytes of a value that may be the name of another.
const NAME: usize = 64;
/// Names of one tag that are kept, the first ones.
const NAMES: usize = 16;
/// Values of one tag that wait, the first ones.
const VALUES: usize = 16;
/// Bytes of a value that waits.
const LONGEST: usize = 4096;
/// Bytes of a tag from the first value that waits on.
const HELD: u64 = 16 << 10;

/// A value that waits for its tag's end.
pub(super) struct Waiting {
    /// Where in the body it stands.
    pub(super) place: Range<u64>,
    pub(super) text: Vec<u8>,
}

/// What the tag at hand has said so far.
#[derive(Default)]
pub(super) struct Said {
    names: Vec<Vec<u8>>,
    name: Name,
    references: References,
    values: Vec<Waiting>,
    /// The value at hand waits.
    waits: bool,
    /// The tag is longer than values wait in: none of it does.
    over: bool,
}

/// Whether the value at hand is a name.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Name {
    #[default]
    No,
    Kept,
    /// One name too many.
    LeftOut,
}

impl Said {
    /// Bytes of a value that is a name.
    pub(super) fn listen(&mut self, bytes: &[u8]) {
        if self.name == Name::No {
            self.name = if self.names.len() < NAMES { Name::Kept } else { Name::LeftOut };
            if self.name == Name::Kept {
                self.names.push(Vec::new());
            }
        }
        if self.name == Name::Kept
            && let Some(name) = self.names.last_mut()
        {
            // One byte more tells that it is too long.
            self.references.push(bytes, NAME, name);
        }
    }

    /// The names that have been said whole.
    pub(super) fn names(&self) -> impl Iterator<Item = &[u8]> {
        let whole = self.names.len() - usize::from(self.name == Name::Kept);
        self.names.iter().take(whole).map(Vec::as_slice).filter(|name| !name.is_empty() && name.len() <= NAME)
    }

    /// Bytes of a value that a name may be said of, which end at this byte of the body.
    pub(super) fn wait(&mut self, bytes: &[u8], end: u64) {
        let start = end - bytes.len() as u64;
        if !self.waits {
            if self.over || self.values.len() >= VALUES {
                return;
            }
            self.waits = true;
            self.values.push(Waiting { place: start..start, text: Vec::new() });
        }
        let Some(value) = self.values.last_mut() else { return };
        value.place.end = end;
        // One byte more tells that it is too long.
        let room = (LONGEST + 1).saturating_sub(value.text.len());
        value.text.extend_from_slice(bytes.get(..bytes.len().min(room)).unwrap_or_default());
    }

    /// The value at hand has ended.
    pub(super) fn end_value(&mut self) {
        if self.name == Name::Kept
            && let Some(name) = self.names.last_mut()
        {
            self.references.finish(name);
        }
        self.name = Name::No;
        self.waits = false;
    }

    /// From which byte of the body on nothing may leave, which has been read up to this one.
    pub(super) fn holds(&mut self, seen: u64) -> Option<u64> {
        let from = self.values.first().map(|value| value.place.start)?;
        if seen - from > HELD {
            self.values.clear();
            (self.waits, self.over) = (false, true);
            return None;
        }
        Some(from)
    }

    /// The tag has ended at this byte: what was said, in order, and of what.
    pub(super) fn take(&mut self, seen: u64) -> (Vec<Vec<u8>>, Vec<Waiting>) {
        self.holds(seen);
        self.end_value();
        self.over = false;
        let mut names = std::mem::take(&mut self.names);
        names.retain(|name| !name.is_empty() && name.len() <= NAME);
        let mut values = std::mem::take(&mut self.values);
        values.retain(|value| value.text.len() <= LONGEST);
        (names, values)
    }
}
