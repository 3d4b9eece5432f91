//! Events that say that a choice has finished while text of it is held.
//!
//! Some servers give every chunk a `finish_reason`, so that it only counts once something else than the choice's own
//! text follows. Until then the event waits here, and behind it what tells of no choice: then the end of the text is put into
//! it, or it leaves as it is and the text goes on in the next fragment.

use std::ops::Range;

use super::Model;
use super::plan::TextKey;
use crate::body::json::{Counts, escape};
use crate::body::{BodyError, BodyErrorKind};

/// An event that waits for the next.
#[derive(Default)]
pub(super) struct Parked {
    /// The event as it would leave without the ends of its texts.
    pub(super) bytes: Vec<u8>,
    /// Where the end of a text can be put, in order.
    pub(super) places: Vec<(TextKey, usize)>,
    /// Where it repeats all of a text, whose end it then repeats as well.
    pub(super) repeats: Vec<(TextKey, usize)>,
    /// What becomes of it hangs on how a text ends.
    pub(super) patches: Vec<Patch>,
    /// Choices that the event speaks of.
    pub(super) mentions: Vec<u64>,
    /// Choices that it ends and of which text is held.
    pub(super) ends: Vec<u64>,
    /// Those that it ends where another event comes.
    pub(super) pauses: Vec<u64>,
}

/// A stretch of a parked event that may become another once a text is judged.
pub(super) struct Patch {
    pub(super) key: TextKey,
    pub(super) place: Range<usize>,
    pub(super) what: Patched,
}

/// What a stretch says.
pub(super) enum Patched {
    /// An offset into the text, as it came.
    Offset(u64, Counts),
    /// What signs the text.
    Signature,
}

impl Parked {
    /// Whether an end of this text has a place in the event.
    pub(super) fn takes(&self, key: TextKey) -> bool {
        self.places.iter().any(|(place, _)| *place == key)
    }

    /// Writes the event with these ends of texts, and with what the stretches become that hang on them.
    pub(super) fn write(
        &self,
        tails: &[(TextKey, &[u8])],
        patched: impl Fn(&Patch) -> Option<Vec<u8>>,
        out: &mut Vec<u8>,
    ) {
        let mut edits = Vec::new();
        for (key, place) in self.places.iter().chain(&self.repeats) {
            if let Some((_, text)) = tails.iter().find(|(tail, _)| tail == key) {
                let mut new = Vec::new();
                escape(text, &mut new);
                edits.push((*place..*place, new));
            }
        }
        let patches = self.patches.iter().filter_map(|patch| Some((patch.place.clone(), patched(patch)?)));
        edits.extend(patches);
        edits.sort_by_key(|(place, _)| place.start);
        let mut at = 0;
        for (place, new) in edits {
            out.extend_from_slice(self.bytes.get(at..place.start).unwrap_or_default());
            out.extend_from_slice(&new);
            at = place.end;
        }
        out.extend_from_slice(self.bytes.get(at..).unwrap_or_default());
    }
}

impl Model {
    /// Whether events wait.
    pub(crate) fn has_parked(&self) -> bool {
        !self.parked.is_empty()
    }

    /// Bytes of all that wait.
    pub(super) fn parked_bytes(&self) -> usize {
        self.parked.iter().map(|parked| parked.bytes.len()).sum()
    }

    /// Takes the event that was judged so, as it is to leave. `lines` maps its data to its bytes: for each line, where
    /// it begins in the one and in the other.
    pub(crate) fn park(&mut self, bytes: Vec<u8>, lines: &[(usize, usize)]) -> Result<(), BodyError> {
        let mut parked = std::mem::take(&mut self.parking);
        let patches = parked.patches.iter_mut().flat_map(|patch| [&mut patch.place.start, &mut patch.place.end]);
        for place in parked.places.iter_mut().chain(&mut parked.repeats).map(|(_, place)| place).chain(patches) {
            if let Some((data, line)) = lines.iter().rfind(|(data, _)| data <= place) {
                *place = *place - data + line;
            }
        }
        parked.bytes = bytes;
        self.parked.push(parked);
        self.bound_parked()
    }

    /// Adds line ends to the event that was parked last.
    pub(crate) fn add_to_parked(&mut self, bytes: &[u8]) -> Result<(), BodyError> {
        if let Some(parked) = self.parked.last_mut() {
            parked.bytes.extend_from_slice(bytes);
        }
        self.bound_parked()
    }

    fn bound_parked(&self) -> Result<(), BodyError> {
        // As much as one event may have, and its line ends.
        if self.parked_bytes() > self.limits.sse_event.saturating_mul(2) {
            Err(BodyErrorKind::TooLarge.into())
        } else {
            Ok(())
        }
    }
}
