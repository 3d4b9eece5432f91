//! Events that say that a choice has finished while text of it is held.
//!
//! Some servers give every chunk a `finish_reason`, so that it only counts once something else than the choice's own
//! text follows. Until then the event waits here, and behind it what tells of no choice: then the end of the text is put into
//! it, or it leaves as it is and the text goes on in the next fragment.

use super::plan::TextKey;
use crate::body::json::escape;

/// An event that waits for the next.
#[derive(Default)]
pub(super) struct Parked {
    /// The event as it would leave without the ends of its texts.
    pub(super) bytes: Vec<u8>,
    /// Where the end of a text can be put, in order.
    pub(super) places: Vec<(TextKey, usize)>,
    /// Where it repeats all of a text, whose end it then repeats as well.
    pub(super) repeats: Vec<(TextKey, usize)>,
    /// Choices that the event speaks of.
    pub(super) mentions: Vec<u64>,
    /// Choices that it ends and of which text is held.
    pub(super) ends: Vec<u64>,
}

impl Parked {
    /// Whether an end of this text has a place in the event.
    pub(super) fn takes(&self, key: TextKey) -> bool {
        self.places.iter().any(|(place, _)| *place == key)
    }

    /// Writes the event with these ends of texts.
    pub(super) fn write(&self, tails: &[(TextKey, &[u8])], out: &mut Vec<u8>) {
        let mut places: Vec<_> = self.places.iter().chain(&self.repeats).collect();
        places.sort_by_key(|(_, place)| *place);
        let mut at = 0;
        for (key, place) in places {
            out.extend_from_slice(self.bytes.get(at..*place).unwrap_or_default());
            at = *place;
            if let Some((_, text)) = tails.iter().find(|(tail, _)| tail == key) {
                escape(text, out);
            }
        }
        out.extend_from_slice(self.bytes.get(at..).unwrap_or_default());
    }
}
