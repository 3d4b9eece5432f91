//! An expression's automaton as streams step it: states and classes of bytes in one small table.
//!
//! Enters: the dense automaton that an expression was determinized to. Leaves: the least automaton that says the same
//! (`minimal`), with the states that a text can reach alone, rows that are as long as there are classes, and cells of two
//! bytes wherever they can name every row. Most of what bundled packs keep are these tables; in all they are a sixth of what
//! they are made from, and a step is the same two loads.

#![allow(clippy::indexing_slicing, reason = "rows and classes are the table's own")]

use std::sync::LazyLock;

use aho_corasick::automaton::Automaton as _;
use aho_corasick::nfa::noncontiguous::NFA;
use regex_automata::Anchored;
use regex_automata::dfa::{Automaton as _, dense};
use regex_automata::util::primitives::StateID;
use regex_automata::util::start;

use super::byte_set::ByteSet;
use super::minimal;

/// Where cells of two bytes cannot name every cell, rows begin at multiples of so many, as a power of two.
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
    /// The column of each byte.
    columns: [u8; 256],
    /// The column of the end of the text.
    end: u16,
    cells: Cells,
    /// The last state that says that a match ended. They come first, behind the dead one.
    last_match: StateID,
    /// The state for each of [`BEFORE`].
    starts: [StateID; BEFORE.len()],
    /// Bytes of what it was made from.
    dense: usize,
}

/// The state behind each state and column. A state is where its row begins, in cells or, in `Far`, in [`UNIT`]s of them.
#[derive(Debug)]
enum Cells {
    Near(Box<[u16]>),
    Far(Box<[u16]>),
    Wide(Box<[u32]>),
}

/// An automaton whose states are numbers, and the first the dead one.
struct Numbered {
    cells: Vec<u32>,
    width: usize,
    /// Whether each state says that a match ended.
    matches: Vec<bool>,
    starts: Vec<u32>,
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
        Self::table(Numbered::of(dense, &members), |byte| usize::from(classes.get(byte)), dense.memory_usage())
    }

    /// The table that finds any of some words anywhere, ASCII letters in either case: it says that a match ended once it has
    /// come to the end of one. Nothing where they are too many.
    pub(super) fn of_words(words: &[Vec<u8>]) -> Option<Self> {
        let found = NFA::builder().ascii_case_insensitive(true).build(words).ok()?;
        // Bytes in no word are alike, and the first of their kind; the end of the text finds nothing.
        let used = ByteSet::new(|byte| {
            let is = |other: &u8| other.eq_ignore_ascii_case(&byte);
            words.iter().any(|word| word.iter().any(is))
        });
        let members: Vec<Option<u8>> = [None].into_iter().chain(used.bytes().map(Some)).collect();
        let other = (0..=255_u8).find(|byte| !used.contains(*byte));
        let kind = |byte: u8| members.iter().position(|member| *member == Some(byte)).unwrap_or(0);
        let start = found.start_state(aho_corasick::Anchored::No).ok()?;
        let next = |state, kind: usize| {
            let byte = members.get(kind).copied()?.or(other)?;
            (!found.is_match(state)).then(|| found.next_state(aho_corasick::Anchored::No, state, byte))
        };
        let starts = [Some(start); BEFORE.len()];
        let numbered =
            Numbered::walk(starts, members.len() + 1, |state| state.as_usize(), next, |state| found.is_match(state));
        Some(Self::table(numbered, kind, found.memory_usage()))
    }

    /// The table of an automaton over kinds of bytes and the end of the text, which is the last of them. The numbers of the
    /// kinds go up with each one's first byte, but for a first one.
    fn table(mut numbered: Numbered, kind: impl Fn(u8) -> usize, dense: usize) -> Self {
        let end = numbered.width - 1;
        let first = numbered.merge_columns();
        numbered.minimize();
        let second = numbered.merge_columns();
        let column = |kind: usize| second[first[kind]];
        let (cells, places) = numbered.cells();
        Self {
            // Columns of bytes come before the end's, so that a byte can name each.
            columns: std::array::from_fn(|byte| column(kind(byte as u8)) as u8),
            end: column(end) as u16,
            cells,
            last_match: places(numbered.matches.iter().filter(|matches| **matches).count()),
            starts: std::array::from_fn(|kind| places(numbered.starts[kind] as usize)),
            dense,
        }
    }

    /// Whether a text has one of the words, where that is what it was made of.
    pub(super) fn is_in(&self, text: &[u8]) -> bool {
        let mut state = self.begin(None);
        text.iter().any(|byte| {
            state = self.next_state(state, *byte);
            self.is_match_state(state)
        })
    }

    /// The bytes that it tells apart: for each kind one of them, and all.
    pub(super) fn kinds(&self) -> Vec<(u8, ByteSet)> {
        let mut kinds: Vec<(u8, ByteSet)> = Vec::new();
        for byte in 0..=255_u8 {
            // Their numbers go up with each one's first byte.
            match kinds.get_mut(usize::from(self.columns[usize::from(byte)])) {
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
        self.cell(state, usize::from(self.columns[usize::from(byte)]))
    }

    /// The state behind the end of the text.
    pub(super) fn next_eoi_state(&self, state: StateID) -> StateID {
        self.cell(state, usize::from(self.end))
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
    fn cell(&self, state: StateID, column: usize) -> StateID {
        let state = state.as_usize();
        // Every cell was a state's place.
        StateID::new_unchecked(match &self.cells {
            Cells::Near(cells) => usize::from(cells[state + column]),
            Cells::Far(cells) => usize::from(cells[(state << SHIFT) + column]),
            Cells::Wide(cells) => cells[state + column] as usize,
        })
    }
}

impl Numbered {
    /// The states of a dense automaton that a text can come to, over the bytes that stand for its classes and the end of the
    /// text.
    fn of(dense: &dense::DFA<Vec<u32>>, members: &[u8]) -> Self {
        let starts = BEFORE.map(|before| {
            let config = start::Config::new().anchored(Anchored::Yes).look_behind(before);
            dense.start_state(&config).ok()
        });
        let next = |state, column: usize| {
            let next = match members.get(column) {
                Some(byte) => dense.next_state(state, *byte),
                None => dense.next_eoi_state(state),
            };
            (!dense.is_dead_state(next) && !dense.is_quit_state(next)).then_some(next)
        };
        let place = |state: StateID| state.as_usize() >> dense.stride2();
        let starts = starts.map(|state| state.filter(|state| !dense.is_dead_state(*state)));
        Self::walk(starts, members.len() + 1, place, next, |state| dense.is_match_state(state))
    }

    /// The states that can be come to, each with a `place` of its own among numbers.
    fn walk<S: Copy>(
        starts: [Option<S>; BEFORE.len()],
        width: usize,
        place: impl Fn(S) -> usize,
        next: impl Fn(S, usize) -> Option<S>,
        ends: impl Fn(S) -> bool,
    ) -> Self {
        let mut numbers: Vec<u32> = Vec::new();
        let mut found: Vec<S> = Vec::new();
        let mut number = |state: Option<S>, found: &mut Vec<S>| {
            let Some(state) = state else { return minimal::DEAD };
            let at = place(state);
            if numbers.len() <= at {
                numbers.resize(at + 1, minimal::DEAD);
            }
            if numbers[at] == minimal::DEAD {
                found.push(state);
                numbers[at] = found.len() as u32;
            }
            numbers[at]
        };
        let starts = starts.map(|state| number(state, &mut found));
        let mut cells = vec![minimal::DEAD; width];
        let mut at = 0;
        while let Some(&state) = found.get(at) {
            cells.extend((0..width).map(|column| number(next(state, column), &mut found)));
            at += 1;
        }
        let matches = [false].into_iter().chain(found.iter().map(|state| ends(*state))).collect();
        Self { cells, width, matches, starts: starts.into() }
    }

    /// Puts columns that are alike together; the place of each.
    fn merge_columns(&mut self) -> Vec<usize> {
        let (places, count) = minimal::columns(&self.cells, self.width);
        let first = |place: usize| places.iter().position(|known| *known == place);
        let firsts: Vec<usize> = (0..count).filter_map(first).collect();
        self.cells =
            self.cells.chunks_exact(self.width).flat_map(|row| firsts.iter().map(|column| row[*column])).collect();
        self.width = count;
        places
    }

    /// Puts states together that no text tells apart, those first that say that a match ended.
    fn minimize(&mut self) {
        let classes = minimal::classes(&self.cells, self.width, |state| self.matches[state]);
        let mut numbers: Vec<Option<u32>> = vec![None; classes.len()];
        let mut kept: Vec<usize> = Vec::new();
        let (matches, others): (Vec<usize>, Vec<usize>) = (1..classes.len()).partition(|state| self.matches[*state]);
        for state in [0].into_iter().chain(matches).chain(others) {
            numbers[classes[state] as usize].get_or_insert_with(|| {
                kept.push(state);
                kept.len() as u32 - 1
            });
        }
        let number = |state: u32| numbers[classes[state as usize] as usize].unwrap_or(minimal::DEAD);
        let row = |state: &usize| self.cells[state * self.width..(state + 1) * self.width].iter();
        self.cells = kept.iter().flat_map(row).map(|to| number(*to)).collect();
        self.matches = kept.iter().map(|state| self.matches[*state]).collect();
        self.starts = self.starts.iter().map(|state| number(*state)).collect();
    }

    /// The table as it is stepped, and the states that it names by their numbers.
    fn cells(&self) -> (Cells, impl Fn(usize) -> StateID) {
        let rows = self.matches.len();
        let far = self.width.next_multiple_of(UNIT);
        let fits = |row: usize| (rows - 1) * row <= usize::from(u16::MAX);
        let near = fits(self.width);
        let narrow = near || fits(far >> SHIFT);
        // An automaton has `regex`'s limit of bytes at most, so that every state has a number.
        let step = if narrow && !near { far >> SHIFT } else { self.width };
        let places = move |state: usize| StateID::new_unchecked(state * step);
        let place = |to: &u32| places(*to as usize).as_usize();
        let cells = if !narrow {
            Cells::Wide(self.cells.iter().map(|to| place(to) as u32).collect())
        } else if near {
            Cells::Near(self.cells.iter().map(|to| place(to) as u16).collect())
        } else {
            let padding = far - self.width;
            let row = |row: &[u32]| row.iter().map(place).chain((0..padding).map(|_| 0)).map(|to| to as u16).collect();
            Cells::Far(self.cells.chunks_exact(self.width).flat_map(|cells| -> Vec<u16> { row(cells) }).collect())
        };
        (cells, places)
    }
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
            // What is dead in the table is so a step later in what it was made from.
            let leads_nowhere = |state: StateID| {
                let dead = |byte| dense.is_dead_state(dense.next_state(state, byte));
                let ends = dense.is_match_state(state) || dense.is_match_state(dense.next_eoi_state(state));
                !ends && (0..=255).all(dead)
            };
            for _ in 0..300 {
                let before = (draw(4) > 0).then(|| letters[draw(letters.len())]);
                let config = start::Config::new().anchored(Anchored::Yes).look_behind(before);
                let mut known = dense.start_state(&config).expect("no byte is a quit byte");
                let mut state = table.begin(before);
                for _ in 0..64 {
                    assert_eq!(table.is_dead_state(state), leads_nowhere(known), "{pattern}");
                    assert_eq!(table.is_match_state(state), dense.is_match_state(known), "{pattern}");
                    let special = leads_nowhere(known) || dense.is_match_state(known);
                    assert_eq!(table.is_special_state(state), special, "{pattern}");
                    let (end, known_end) = (table.next_eoi_state(state), dense.next_eoi_state(known));
                    assert_eq!(table.is_match_state(end), dense.is_match_state(known_end), "{pattern}");
                    let byte = if draw(8) == 0 { draw(256) as u8 } else { letters[draw(letters.len())] };
                    (state, known) = (table.next_state(state, byte), dense.next_state(known, byte));
                }
            }
        }
    }

    fn size(pattern: &str) -> usize {
        match Automaton::of(&dense(pattern)).cells {
            Cells::Near(cells) | Cells::Far(cells) => cells.len() * 2,
            Cells::Wide(cells) => cells.len() * 4,
        }
    }

    #[test]
    fn tables_are_small() {
        let words = "(?i)(?:parol[aăāeă]|пароль|密[码碼]|パスワード)[ =:]{1,9}[^ ]{4,40}";
        assert!(size(words) * 4 < dense(words).memory_usage(), "{}", size(words));
        let is = |pattern: &str| match Automaton::of(&dense(pattern)).cells {
            Cells::Near(_) => "near",
            Cells::Far(_) => "far",
            Cells::Wide(_) => "wide",
        };
        let alternatives = ["(?:a|b)*a(?:a|b){11}", "(?:a|b)*a(?:a|b){13}", "(?:a|b)*a(?:a|b){15}"];
        assert_eq!(alternatives.map(is), ["near", "far", "wide"]);
    }

    #[test]
    fn words_are_found_anywhere() {
        let words = ["word", "pass", "key", "s\u{e9}same", "ke"].map(|word| word.as_bytes().to_vec());
        let table = Automaton::of_words(&words).expect("few words");
        for (text, has) in [("dbPassword", true), ("MY_KEY", true), ("kk-e", false), ("wor d", false), ("", false)] {
            assert_eq!(table.is_in(text.as_bytes()), has, "{text}");
        }
        assert!(table.is_in("ns\u{e9}same".as_bytes()) && !table.is_in("ns\u{c9}same".as_bytes()));
        let every: Vec<Vec<u8>> = (0..=255).map(|byte| vec![byte, b'!']).collect();
        let table = Automaton::of_words(&every).expect("few words");
        assert!(table.is_in(b"\xff!") && table.is_in(b"\0!") && !table.is_in(b"!"));
    }

    #[test]
    fn what_says_the_same_has_one_size() {
        for (one, other) in [
            ("(?:ab|cb)d", "[ac]bd"),
            ("a(?:b[0-9]x|c[0-9]x|d[0-9]x)", "a[b-d][0-9]x"),
            ("(?:[0-4]|[5-9]){6}", "[0-9]{6}"),
        ] {
            assert_eq!(size(one), size(other), "{one}");
        }
    }
}
