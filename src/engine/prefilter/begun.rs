//! Where a text's end may cut off a match: what is held until more has come.
//!
//! Enters: the entries, and a text whose last windows are not whole. Leaves: the first place where a match may have begun
//! that no window has told of yet. What is asked of a beginning is how far behind it its window lies, and whether the bytes
//! that are there fit it.

use super::super::byte_set::ByteSet;
use super::rows::Rows;
use super::window::DEPTH;
use super::{Entry, Prefilter, Target};

/// Entries by a match's first bytes and by how far behind them it is decided.
pub(super) struct Begun {
    rows: Rows,
    /// Those that are decided farthest behind come first.
    ids: Vec<usize>,
}

impl Begun {
    /// Of the entries those that are `wanted` and hold text back.
    pub(super) fn new(entries: &[Entry], wanted: impl Fn(&Entry) -> bool) -> Self {
        let known = |id: &usize| entries.get(*id);
        let mut ids: Vec<usize> =
            (0..entries.len()).filter(|id| known(id).is_some_and(|entry| entry.holds() && wanted(entry))).collect();
        ids.sort_by_key(|id| std::cmp::Reverse(known(id).map_or(0, Entry::back)));
        let entry = |place: usize| ids.get(place).and_then(known);
        let rows = Rows::new(
            ids.len(),
            |own, place| entry(own).map_or(ByteSet::NONE, |entry| entry.at(place)),
            DEPTH + 1,
            |own, back| entry(own).is_some_and(|entry| entry.back() >= back),
        );
        Self { rows, ids }
    }
}

impl Prefilter {
    /// Whether there are rules that ask for words before their matches and hold text back.
    pub(in crate::engine) fn asks_for_words(&self) -> bool {
        !self.begun_asked.ids.is_empty()
    }

    /// Where the first match may have begun whose window, at or behind `seen`, the text's end cuts off. `alive` tells of an
    /// expression and a beginning whether a match may still come of it. Rules that ask for words before their matches are
    /// looked at where such words `stand`. What was told of a text that ended sooner, `known`, holds for this one: more of it
    /// leaves fewer beginnings.
    pub(in crate::engine) fn cut_off(
        &self,
        text: &[u8],
        (known, seen): (usize, usize),
        begins: Option<usize>,
        stand: bool,
        mut alive: impl FnMut(usize, usize) -> bool,
    ) -> usize {
        let from = seen.saturating_sub(self.reach).max(known);
        let asked = stand.then_some(&self.begun_asked);
        (from..text.len())
            .find(|start| {
                let begins = begins == Some(*start);
                let behind = seen.saturating_sub(*start);
                let mut holds = |begun: &Begun| {
                    begun.rows.any(text, *start, behind, begins, |place| {
                        let entry = begun.ids.get(place).and_then(|id| self.entries.get(*id));
                        entry.is_some_and(|entry| {
                            if !entry.undecided(text, *start, seen) || !entry.fits(text, *start, begins) {
                                return false;
                            }
                            match (entry.target, entry.rule) {
                                (Target::Grams, _) => {
                                    let rest = text.get(*start..).unwrap_or_default();
                                    self.grams.begun(rest).iter().any(|rule| alive(*rule, *start))
                                }
                                (_, Some(rule)) => alive(rule, *start),
                                (_, None) => true,
                            }
                        })
                    })
                };
                holds(&self.begun) || asked.is_some_and(holds)
            })
            .unwrap_or(text.len())
    }
}
