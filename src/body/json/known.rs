//! Short texts in which nothing was found, so that none of them is looked at twice: keys, levels, host names, the words
//! of a protocol make up most of the texts of logs and of a model's events.
//!
//! Enters: a text that was looked at whole, what it is called and the actions in force. Leaves: whether the same three
//! were there before. What is compared are the bytes themselves, never a digest alone, so that no text can pass for
//! another. Bounded: [`SLOTS`] texts of [`ROOM`] bytes with their labels, the later of two in the place of the earlier.

use std::sync::Arc;

use crate::engine::ActionTable;

/// Texts that come before the first that is kept: a small body would gain nothing.
const BEFORE: u32 = 16;
/// Bytes of a text and its label together.
const ROOM: usize = 61;
/// How many texts are kept at most, 16 KiB of them, and how many at first.
const SLOTS: usize = 256;
const FIRST: usize = 16;
/// Tables of actions that texts are kept of.
const TABLES: usize = 4;

/// A text and its label, one behind the other and filled up, and then the length of either and the number of the
/// actions.
type Slot = [u8; ROOM + 3];

/// What is known of a text.
pub(super) enum Answer {
    /// Nothing was found in it.
    Clean,
    /// It was not there before, and is kept where nothing is found in it.
    New(Slot),
    /// It is none that is kept.
    Unfit,
}

/// Texts that were found clean.
#[derive(Default)]
pub(super) struct Known {
    slots: Vec<Slot>,
    tables: Vec<Arc<ActionTable>>,
    before: u32,
    /// How many texts were put in since there were more places.
    kept: usize,
}

impl Known {
    /// What is known of this whole text, so called, under these actions.
    pub(super) fn ask(&mut self, actions: &Arc<ActionTable>, label: &[u8], text: &[u8]) -> Answer {
        if self.before < BEFORE {
            self.before += 1;
            return Answer::Unfit;
        }
        if label.len() + text.len() > ROOM || !actions.judges_alone() {
            return Answer::Unfit;
        }
        let Some(table) = self.table(actions) else { return Answer::Unfit };
        let mut slot = [0; ROOM + 3];
        let (called, rest) = slot.split_at_mut(label.len());
        called.copy_from_slice(label);
        if let Some(place) = rest.get_mut(..text.len()) {
            place.copy_from_slice(text);
        }
        let [.., label_len, text_len, of] = &mut slot;
        (*label_len, *text_len, *of) = (label.len() as u8, text.len() as u8, table);
        match self.slots.get(place(&slot, self.slots.len())) == Some(&slot) {
            true => Answer::Clean,
            false => Answer::New(slot),
        }
    }

    /// Keeps a text in which nothing was found.
    pub(super) fn keep(&mut self, text: &Answer) {
        let Answer::New(text) = text else { return };
        if self.kept >= 2 * self.slots.len() && self.slots.len() < SLOTS {
            self.grow();
        }
        self.kept += 1;
        self.put(*text);
    }

    fn put(&mut self, text: Slot) {
        let place = place(&text, self.slots.len());
        if let Some(slot) = self.slots.get_mut(place) {
            *slot = text;
        }
    }

    /// Makes four times the places: few bodies have more texts than the first ones hold.
    fn grow(&mut self) {
        let places = (4 * self.slots.len()).clamp(FIRST, SLOTS);
        // A slot of no actions is empty.
        let before = std::mem::replace(&mut self.slots, vec![[0; ROOM + 3]; places]);
        before.into_iter().filter(|text| text.last() != Some(&0)).for_each(|text| self.put(text));
        self.kept = 0;
    }

    /// The number of these actions, from 1 on; none where there are too many.
    fn table(&mut self, actions: &Arc<ActionTable>) -> Option<u8> {
        let known = self.tables.iter().position(|known| Arc::ptr_eq(known, actions));
        let at = match known {
            Some(at) => at,
            None if self.tables.len() < TABLES => {
                self.tables.push(Arc::clone(actions));
                self.tables.len() - 1
            }
            None => return None,
        };
        Some(at as u8 + 1)
    }
}

/// Where a text is kept among so many places, a power of two of them.
fn place(slot: &Slot, places: usize) -> usize {
    let (words, _) = slot.as_chunks::<8>();
    let mixed = words.iter().fold(0_u64, |mixed, word| {
        (mixed.rotate_left(23) ^ u64::from_le_bytes(*word)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    });
    (mixed >> 56) as usize & places.saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actions() -> Arc<ActionTable> {
        Arc::new(ActionTable::new(Vec::new(), None))
    }

    fn holds(known: &mut Known, actions: &Arc<ActionTable>, label: &[u8], text: &[u8]) -> bool {
        matches!(known.ask(actions, label, text), Answer::Clean)
    }

    /// Asks for a text and keeps it.
    fn keep(known: &mut Known, actions: &Arc<ActionTable>, label: &[u8], text: &[u8]) {
        let asked = known.ask(actions, label, text);
        known.keep(&asked);
    }

    /// What keeps the next text.
    fn known() -> Known {
        Known { before: BEFORE, ..Known::default() }
    }

    #[test]
    fn the_first_texts_are_not_kept() {
        let (mut known, one) = (Known::default(), actions());
        for _ in 0..BEFORE / 2 {
            assert!(!holds(&mut known, &one, b"", b"text"));
            keep(&mut known, &one, b"", b"text");
        }
        keep(&mut known, &one, b"", b"text");
        assert!(holds(&mut known, &one, b"", b"text"));
    }

    #[test]
    fn a_text_is_known_by_its_bytes_its_label_and_its_actions() {
        let (mut known, one, other) = (known(), actions(), actions());
        assert!(!holds(&mut known, &one, b"level", b"INFO"));
        keep(&mut known, &one, b"level", b"INFO");
        assert!(holds(&mut known, &one, b"level", b"INFO"));
        for (label, text) in
            [(&b"level"[..], &b"INFO\0"[..]), (b"levelI", b"NFO"), (b"", b"levelINFO"), (b"level", b"")]
        {
            assert!(!holds(&mut known, &one, label, text));
        }
        assert!(!holds(&mut known, &other, b"level", b"INFO"));
    }

    #[test]
    fn what_is_long_or_of_too_many_tables_is_not_kept() {
        let mut known = known();
        let (one, text) = (actions(), [b'a'; ROOM + 1]);
        for _ in 0..2 {
            keep(&mut known, &one, b"", &text);
            keep(&mut known, &one, b"b", text.get(2..).unwrap_or_default());
        }
        assert!(!holds(&mut known, &one, b"", &text));
        assert!(holds(&mut known, &one, b"b", text.get(2..).unwrap_or_default()));
        let many: Vec<_> = (0..=TABLES).map(|_| actions()).collect();
        for actions in &many {
            keep(&mut known, actions, b"", b"text");
        }
        assert!(!many.last().is_some_and(|last| holds(&mut known, last, b"", b"text")));
    }

    #[test]
    fn where_two_texts_share_a_place_the_later_one_stays() {
        let (mut known, one) = (known(), actions());
        for number in 0..20_000_u32 {
            let text = number.to_string();
            keep(&mut known, &one, b"", text.as_bytes());
            assert!(holds(&mut known, &one, b"", text.as_bytes()), "{text}");
        }
        let held = (0..20_000_u32).filter(|number| holds(&mut known, &one, b"", number.to_string().as_bytes())).count();
        assert!((SLOTS / 2..=SLOTS).contains(&held), "{held}");
    }
}
