//! A part of a message that its model has signed: a signature holds for what it was made over, so it is emptied where a
//! finding changed that; that of a call gives way to one that says that it is not to be checked.
//!
//! Enters: the turns of the walk in one part. Leaves: whether its signature may stay. One that comes before what it signs
//! waits in the output for the end of its part.

use std::ops::Range;

use super::walker::Spot;

/// Members that no finding changes a part by: where one of them comes, nothing waits any more.
const FILES: [&[u8]; 4] = [b"inlineData", b"inline_data", b"fileData", b"file_data"];
/// Members that say of a part what it is.
const NOTES: [&[u8]; 3] = [b"thought", b"thoughtSignature", b"thought_signature"];
/// Members that are calls.
const CALLS: [&[u8]; 2] = [b"functionCall", b"function_call"];

/// What Google documents in the place of a call's signature that is not there: Gemini 3 refuses a turn with a call that has
/// none. As a string of JSON, in base64: `skip_thought_signature_validator`.
pub(in crate::body) const UNCHECKED: &[u8] = b"\"c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=\"";

/// Whether a member of this name is a call, which is not taken without a signature.
pub(in crate::body) fn is_call(key: &[u8]) -> bool {
    CALLS.contains(&key)
}

/// One part.
pub(super) struct Signed {
    /// How many objects and arrays are open around it.
    depth: usize,
    /// How many changes there were before it.
    changes: u64,
    /// Something has come that can be signed.
    said: bool,
    /// It is a call.
    called: bool,
    hold: Option<usize>,
    /// The signature's literal, counted from where the hold begins.
    literal: Range<usize>,
}

impl Signed {
    pub(super) fn new(depth: usize, changes: u64) -> Self {
        Self { depth, changes, said: false, called: false, hold: None, literal: 0..0 }
    }

    /// From which byte on the output may not leave.
    pub(super) fn hold(&self) -> Option<usize> {
        self.hold
    }

    /// Says that the held output now begins at this byte.
    pub(super) fn held_at(&mut self, place: usize) {
        self.hold = self.hold.map(|_| place);
    }

    pub(super) fn key(&mut self, key: &[u8], depth: usize) {
        if depth != self.depth + 1 {
            return;
        }
        if FILES.contains(&key) {
            self.hold = None;
        }
        self.said |= !NOTES.contains(&key);
        self.called |= is_call(key);
    }

    /// What stands in the place of a signature that holds no more.
    pub(super) fn instead(&self) -> &'static [u8] {
        if self.called || !self.said { UNCHECKED } else { b"\"\"" }
    }

    /// Whether this is the depth of its members.
    pub(super) fn is_around(&self, depth: usize) -> bool {
        depth == self.depth + 1
    }

    /// Whether this is its own depth.
    pub(super) fn is_at(&self, depth: usize) -> bool {
        depth == self.depth
    }

    pub(super) fn has_changed(&self, changes: u64) -> bool {
        changes != self.changes
    }

    pub(super) fn has_said(&self) -> bool {
        self.said
    }

    /// The signature begins before what it signs.
    pub(super) fn wait(&mut self, spot: &mut Spot<'_, '_>) {
        // Two of one name: the second takes the place of the first for most readers.
        if self.hold.is_none() {
            self.hold = Some(spot.bytes().len());
            self.literal = 0..0;
        }
    }

    /// It has ended.
    pub(super) fn signed(&mut self, spot: &mut Spot<'_, '_>) {
        if let Some(hold) = self.hold.filter(|_| self.literal.is_empty()) {
            self.literal = 0..spot.bytes().len().saturating_sub(hold);
        }
    }

    /// The part is over: empties what waits, if a finding changed it.
    pub(super) fn end(&mut self, changes: u64, spot: &mut Spot<'_, '_>) {
        let Some(hold) = self.hold.take().filter(|_| self.has_changed(changes)) else { return };
        let bytes = spot.bytes();
        let literal = hold + self.literal.start..hold + self.literal.end;
        if literal.end <= bytes.len() {
            bytes.splice(literal, self.instead().iter().copied());
        }
    }
}
