//! An expression's automaton as streams step it: states and classes of bytes in one small table.
//!
//! Enters: the dense automaton that an expression was determinized to. Leaves: the same automaton, with the states that a text
//! can reach alone, rows that are hardly longer than there are classes, and cells of two bytes wherever they can name every
//! row. Most of what bundled packs keep are these tables; in all they are less than half as large as what they are made from,
//! and a step is the same two loads.

#![allow(clippy::indexing_slicing, reason = "rows and classes are the table's own")]

use std::sync::LazyLock;

use regex_automata::Anchored;
use regex_automata::dfa::{Automaton as _, dense};
use regex_automata::util::alphabet::ByteClasses;
use regex_automata::util::primitives::StateID;
use regex_automata::util::start;

use super::byte_set::ByteSet;

/// Rows begin at multiples of so many cells, as a power of two: a state is its row's place in these.
const SHIFT: u32 = 3;
const UNIT: usize = 1 << SHIFT;

/// What may stand before a match, as far as an expression without Unicode word boundaries can tell: the beginning of the text,
/// an ASCII word character, the two ends of lines, anything else.
const BEFORE: [Option<u8>; 5] = [None, Some(b'a'), Some(b'\n'), Some(b'\r'), Some(b' ')];

/// The bytes of each of these kinds.
static BEHIND: LazyLock<[ByteSet; BEFORE.len()]> =
    LazyLock::new(|| std::array::from_fn(|kind| ByteSet::new(|byte| kind_before(Some(byte)) == kind)));

/// Which of [`BEFORE`] stands for a byte, or for none.
fn kind_before(byte: Option<u8>) -> usize {
    match byte {
        None => 0,
        Some(byte) if byte.is_ascii_alphanumeric() || byte == b'_' => 1,
        Some(b'\n') => 2,
        Some(b'\r') => 3,
        Some(_) => 4,
    }
}

/// The state from which nothing matches.
const DEAD: StateID = StateID::ZERO;

/// The table.
#[derive(Debug)]
pub(super) struct Automaton {
    classes: ByteClasses,
    cells: Cells,
    /// The last state that says that a match ended. They come first, behind the dead one.
    last_match: StateID,
    /// The state for each of [`BEFORE`].
    starts: [StateID; BEFORE.len()],
    /// Bytes of what it was made from.
    dense: usize,
}

/// The state behind each state and class; the last class is the end of the text.
#[derive(Debug)]
enum Cells {
    Narrow(Vec<u16>),
    Wide(Vec<u32>),
}

impl Automaton {
    /// The table of an anchored automaton without quit bytes.
    pub(super) fn of(dense: &dense::DFA<Vec<u32>>) -> Self {
        let classes = *dense.byte_classes();
        let mut members: Vec<u8> = Vec::new();
        for byte in 0..=255_u8 {
            // Their numbers go up with the bytes.
            if usize::from(classes.get(byte)) == members.len() {
                members.push(byte);
            }
        }
        let starts = BEFORE.map(|before| {
            let config = start::Config::new().anchored(Anchored::Yes).look_behind(before);
            dense.start_state(&config).ok()
        });
        let found = reachable(dense, &members, &starts);
        let (matches, others): (Vec<_>, Vec<_>) = found.into_iter().partition(|state| dense.is_match_state(*state));

        let row = classes.alphabet_len().next_multiple_of(UNIT);
        let last_match = place(matches.len(), row);
        let mut places: Vec<StateID> = Vec::new();
        let states: Vec<StateID> = matches.into_iter().chain(others).collect();
        for (before, state) in states.iter().enumerate() {
            *slot(&mut places, dense, *state) = place(before + 1, row);
        }
        let place_of = |state: StateID| places.get(state.as_usize() >> dense.stride2()).copied().unwrap_or(DEAD);
        let mut cells = vec![0; row * (states.len() + 1)];
        for (cells, state) in cells.chunks_exact_mut(row).skip(1).zip(&states) {
            for (cell, byte) in cells.iter_mut().zip(&members) {
                *cell = place_of(dense.next_state(*state, *byte)).as_u32();
            }
            cells[classes.eoi().as_usize()] = place_of(dense.next_eoi_state(*state)).as_u32();
        }
        let narrow: Option<Vec<u16>> = cells.iter().map(|cell| u16::try_from(*cell).ok()).collect();
        let cells = narrow.map_or(Cells::Wide(cells), Cells::Narrow);
        Self {
            classes,
            cells,
            last_match,
            starts: starts.map(|state| state.map_or(DEAD, place_of)),
            dense: dense.memory_usage(),
        }
    }

    /// The bytes that it tells apart: for each kind one of them, and all.
    pub(super) fn kinds(&self) -> Vec<(u8, ByteSet)> {
        let mut kinds: Vec<(u8, ByteSet)> = Vec::new();
        for byte in 0..=255_u8 {
            // Their numbers go up with the bytes.
            let same = kinds.last_mut().filter(|(one, _)| self.classes.get(*one) == self.classes.get(byte));
            match same {
                Some((_, members)) => members.insert(byte),
                None => kinds.push((byte, ByteSet::of(byte))),
            }
        }
        kinds
    }

    /// The states before a match, and for each what it begins behind: the beginning of the text, or these bytes.
    pub(super) fn beginnings(&self) -> impl Iterator<Item = (StateID, ByteSet)> {
        self.starts.into_iter().zip(*BEHIND)
    }

    /// Bytes of the dense automaton that it was made from: what it costs to compile.
    pub(super) fn memory_usage(&self) -> usize {
        self.dense
    }

    /// The state before a match, by what stands before it; nothing does at the beginning of the text.
    pub(super) fn begin(&self, before: Option<u8>) -> StateID {
        self.starts[kind_before(before)]
    }

    /// The state behind a byte.
    #[inline]
    pub(super) fn next_state(&self, state: StateID, byte: u8) -> StateID {
        self.cell(state, usize::from(self.classes.get(byte)))
    }

    /// The state behind the end of the text.
    pub(super) fn next_eoi_state(&self, state: StateID) -> StateID {
        self.cell(state, self.classes.eoi().as_usize())
    }

    /// Whether a state is dead, or says that a match ended.
    #[inline]
    pub(super) fn is_special_state(&self, state: StateID) -> bool {
        state <= self.last_match
    }

    /// Whether a match ended before the byte that led here.
    #[inline]
    pub(super) fn is_match_state(&self, state: StateID) -> bool {
        state != DEAD && state <= self.last_match
    }

    /// Whether nothing can match any more.
    #[inline]
    pub(super) fn is_dead_state(&self, state: StateID) -> bool {
        state == DEAD
    }

    /// There is no byte that an automaton of this kind cannot take.
    #[inline]
    pub(super) fn is_quit_state(&self, _state: StateID) -> bool {
        false
    }

    #[inline]
    fn cell(&self, state: StateID, class: usize) -> StateID {
        let at = (state.as_usize() << SHIFT) + class;
        // Every cell was a state's place.
        StateID::new_unchecked(match &self.cells {
            Cells::Narrow(cells) => usize::from(cells[at]),
            Cells::Wide(cells) => cells[at] as usize,
        })
    }
}

/// The states that a text can come to, but for those from which nothing matches.
fn reachable(dense: &dense::DFA<Vec<u32>>, members: &[u8], starts: &[Option<StateID>]) -> Vec<StateID> {
    let mut found: Vec<StateID> = Vec::new();
    let mut known: Vec<StateID> = Vec::new();
    let mut reach = |state: StateID, found: &mut Vec<StateID>| {
        let known = slot(&mut known, dense, state);
        if *known == DEAD && !dense.is_dead_state(state) && !dense.is_quit_state(state) {
            // Anything but the mark of what is not known.
            *known = StateID::MAX;
            found.push(state);
        }
    };
    starts.iter().flatten().for_each(|state| reach(*state, &mut found));
    let mut at = 0;
    while let Some(&state) = found.get(at) {
        members.iter().for_each(|byte| reach(dense.next_state(state, *byte), &mut found));
        reach(dense.next_eoi_state(state), &mut found);
        at += 1;
    }
    found
}

/// What is noted of a dense automaton's state.
fn slot<'a>(notes: &'a mut Vec<StateID>, dense: &dense::DFA<Vec<u32>>, state: StateID) -> &'a mut StateID {
    let at = state.as_usize() >> dense.stride2();
    if notes.len() <= at {
        notes.resize(at + 1, DEAD);
    }
    &mut notes[at]
}

/// The state of a row: an automaton has [`super::regex`]'s limit of bytes at most, so that every one has a number.
fn place(before: usize, row: usize) -> StateID {
    StateID::new_unchecked((before * row) >> SHIFT)
}

#[cfg(test)]
mod tests {
    use super::super::regex::determinize;
    use super::*;

    fn dense(pattern: &str) -> dense::DFA<Vec<u32>> {
        determinize(&regex_syntax::ParserBuilder::new().utf8(false).build().parse(pattern).expect("an expression"))
            .expect("a small one")
    }

    #[test]
    fn a_table_steps_as_what_it_was_made_from() {
        let patterns = [
            "(?-u:\\b)EMP-[0-9]{6}(?-u:\\b)",
            "(?m)^a[^b]{0,9}b$",
            "(?i)stra(?:ß|ss)e [0-9]+",
            "\\Ax+\\z",
            "(?-u:\\B)[\\x80-\\xff]{2}",
            "[0-9]{4}(?:[ -]?[0-9]{4}){3}",
            "(?:a|b)*a(?:a|b){11}",
            // Beyond what cells of two bytes can name.
            "(?:a|b)*a(?:a|b){15}",
        ];
        let letters = b"ab1- xE4MP\n\r\xc3\x9fst";
        let mut random = 7_u64;
        let mut draw = |most: usize| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) as usize % most
        };
        for pattern in patterns {
            let dense = dense(pattern);
            let table = Automaton::of(&dense);
            for _ in 0..300 {
                let before = (draw(4) > 0).then(|| letters[draw(letters.len())]);
                let config = start::Config::new().anchored(Anchored::Yes).look_behind(before);
                let mut known = dense.start_state(&config).expect("no byte is a quit byte");
                let mut state = table.begin(before);
                for _ in 0..64 {
                    assert_eq!(table.is_dead_state(state), dense.is_dead_state(known), "{pattern}");
                    assert_eq!(table.is_match_state(state), dense.is_match_state(known), "{pattern}");
                    assert_eq!(table.is_special_state(state), dense.is_special_state(known), "{pattern}");
                    let (end, known_end) = (table.next_eoi_state(state), dense.next_eoi_state(known));
                    assert_eq!(table.is_match_state(end), dense.is_match_state(known_end), "{pattern}");
                    let byte = if draw(8) == 0 { draw(256) as u8 } else { letters[draw(letters.len())] };
                    (state, known) = (table.next_state(state, byte), dense.next_state(known, byte));
                }
            }
        }
    }

    #[test]
    fn tables_are_small() {
        let size = |pattern: &str| match Automaton::of(&dense(pattern)).cells {
            Cells::Narrow(cells) => (true, cells.len() * 2),
            Cells::Wide(cells) => (false, cells.len() * 4),
        };
        let words = "(?i)(?:parol[aăāeă]|пароль|密[码碼]|パスワード)[ =:]{1,9}[^ ]{4,40}";
        let (narrow, bytes) = size(words);
        assert!(narrow && bytes * 2 < dense(words).memory_usage(), "{bytes}");
        assert!(!size("(?:a|b)*a(?:a|b){15}").0);
    }
}
