//! Expressions that must have a digit soon: tried round the first digit of each number.
//!
//! Enters: expressions, of which those are taken whose every match has its first digit among its first bytes. Leaves: for a
//! number in a text, the rules and the places before it where their matches may begin. How long the number's first run of
//! digits is, what follows it (`runs`) and what stands round it (`deep`) rules most of them out at once.

use regex_automata::util::primitives::StateID;

use super::super::byte_set::ByteSet;
use super::super::regex::Regex;
use super::super::vector::PLACES;
use super::Window;
use super::deep::{Bits, Deep, MOST, Parted, part};
use super::runs::{Alive, Left, Number, RunTable, alive};
use super::window::{beginnings, places};

/// The farthest that the first digit stands behind a match's beginning.
pub(in crate::engine) const FARTHEST: usize = 12;
/// States walked at once; an expression of more is not taken.
const STATES: usize = 2048;
/// Places from a number's first digit on that are looked at.
const BEHIND: usize = 14;

/// An expression and what stands round its first digit, for one distance to it.
struct Begin {
    rule: usize,
    /// How far the digit stands behind the match's first byte.
    distance: usize,
    /// The group of the words that the rule asks for.
    group: Option<usize>,
    before: ByteSet,
    /// What may stand at the match's bytes before the digit.
    letters: Vec<ByteSet>,
    /// What may stand from the digit on.
    behind: [ByteSet; BEHIND],
    alive: Alive,
}

impl Begin {
    /// What it allows at a place, counted from the farthest before the number.
    fn place(&self, place: usize) -> ByteSet {
        // The byte before the match stands here.
        let before = FARTHEST - self.distance;
        match place.checked_sub(FARTHEST + 1) {
            Some(behind) => self.behind.get(behind).copied().unwrap_or(ByteSet::ALL),
            None if place == before => self.before,
            None => place.checked_sub(before + 1).and_then(|at| self.letters.get(at)).copied().unwrap_or(ByteSet::ALL),
        }
    }
}

/// The expressions, by the distance of their first digit, the farthest first.
#[derive(Default)]
pub(in crate::engine) struct Digits {
    begins: Vec<Begin>,
    /// The rules and distances, by their entries.
    rules: Vec<Option<(usize, usize)>>,
    parted: Parted,
    table: RunTable,
    deep: Deep,
    /// Every entry.
    all: Vec<u64>,
}

/// What stands round the first digit of a number.
pub(super) fn window() -> Window {
    let digit = ByteSet::new(|byte| byte.is_ascii_digit());
    let before = ByteSet::new(|byte| !byte.is_ascii_digit());
    let mut window = [ByteSet::ALL; PLACES];
    [window[0], window[1]] = [before, digit];
    window
}

impl Digits {
    /// Takes an expression if each of its matches has a digit among its first bytes; with the group of the words that it
    /// asks for, where it does.
    pub(super) fn take(&mut self, rule: usize, regex: &Regex, group: Option<usize>) -> bool {
        let automaton = regex.automaton();
        // An expression that goes on with a digit behind one may begin inside a number, where nothing is tried.
        let inside = (b'0'..=b'9')
            .filter_map(|digit| regex.begin(Some(digit)))
            .any(|state| (b'0'..=b'9').any(|next| !automaton.is_dead_state(automaton.next_state(state, next))));
        if inside {
            return false;
        }
        let (before, mut states) = beginnings(regex);
        // Of each kind of bytes those that are no digits, and whether it has some that are.
        let digit = ByteSet::new(|byte| byte.is_ascii_digit());
        let other = ByteSet::new(|byte| !byte.is_ascii_digit());
        let all = regex.kinds();
        let kinds: Vec<(u8, ByteSet, bool)> = all
            .iter()
            .map(|(byte, members)| (*byte, members.intersection(&other), !members.intersection(&digit).is_empty()))
            .collect();
        // What stands at each byte before the first digit.
        let mut letters: Vec<ByteSet> = Vec::new();
        let mut found: Vec<(usize, Vec<StateID>)> = Vec::new();
        for distance in 0..=FARTHEST {
            states.sort_unstable();
            states.dedup();
            let (mut own, mut digits) = (ByteSet::NONE, false);
            let mut next = Vec::new();
            for state in &states {
                // A match that ends without a digit is tried nowhere.
                if regex.end(*state) {
                    return false;
                }
                for (byte, signs, has_digits) in &kinds {
                    let reached = automaton.next_state(*state, *byte);
                    if automaton.is_dead_state(reached) || automaton.is_quit_state(reached) {
                        continue;
                    }
                    if automaton.is_match_state(reached) {
                        return false;
                    }
                    digits |= has_digits;
                    if !signs.is_empty() {
                        next.push(reached);
                        own = own.union(signs);
                    }
                }
            }
            next.sort_unstable();
            next.dedup();
            if next.len() > STATES {
                return false;
            }
            if digits {
                found.push((distance, std::mem::take(&mut states)));
            }
            letters.push(own);
            states = next;
        }
        if !states.is_empty() || found.is_empty() || self.begins.len() + found.len() + 64 > MOST {
            return false;
        }
        for (distance, states) in found {
            let alive = alive(regex, states.clone());
            let letters = letters.iter().take(distance).copied().collect();
            let behind = places(regex, &all, states, |place| if place == 0 { digit } else { ByteSet::ALL });
            self.begins.push(Begin { rule, distance, group, before, letters, behind, alive });
        }
        true
    }

    /// Ends the taking.
    pub(super) fn seal(&mut self) {
        self.begins.sort_by_key(|begin| std::cmp::Reverse(begin.distance));
        let (entries, parted) = part(std::mem::take(&mut self.begins), |begin| begin.group);
        self.parted = parted;
        self.all = super::rows::bits(entries.len().div_ceil(64), entries.iter().map(Option::is_some));
        self.rules = entries.iter().map(|entry| entry.as_ref().map(|begin| (begin.rule, begin.distance))).collect();
        self.deep = Deep::new(entries.len(), FARTHEST + 1, FARTHEST + 1 + BEHIND, |entry, place| {
            entries.get(entry).and_then(Option::as_ref).map_or(ByteSet::NONE, |begin| begin.place(place))
        });
        let alive: Vec<_> = entries.into_iter().map(|entry| entry.map(|begin| begin.alive)).collect();
        self.table = RunTable::new(&alive, &self.parted, &self.deep);
    }

    /// Whether the rule was taken.
    pub(super) fn has(&self, rule: usize) -> bool {
        self.rules.iter().flatten().any(|(known, _)| *known == rule)
    }

    /// What is left of a run of digits; all of one that the text's end cuts off, or that nothing stands before.
    #[inline]
    pub(in crate::engine) fn left(&self, number: Number) -> Left {
        self.table.left(&self.deep, number)
    }

    /// The entries that a run of digits keeps alive, and how many bytes that takes into account; a run that the text's end
    /// cuts off may go on.
    #[inline]
    pub(in crate::engine) fn of(&self, number: Number, last: bool) -> (&[u64], usize) {
        if number.is_cut_off() && !last { (&self.all, 0) } else { (self.table.of(number), number.len + 1) }
    }

    /// Of `some` entries those of rules that ask for no words and may match round the number at a place, whose first bytes are
    /// known, those that begin farthest before it first. The byte before the place where the text `begins` counts for
    /// nothing.
    #[inline]
    pub(in crate::engine) fn free(
        &self,
        some: &[u64],
        text: &[u8],
        place: (usize, usize),
        begins: Option<usize>,
    ) -> Bits {
        self.parted.free(&self.deep, some, text, place, begins)
    }

    /// The same for those that ask for the words of one of some groups.
    #[inline]
    pub(in crate::engine) fn asked(
        &self,
        groups: &[usize],
        some: &[u64],
        text: &[u8],
        place: (usize, usize),
        begins: Option<usize>,
    ) -> Bits {
        self.parted.asked((&self.deep, groups), some, text, place, begins)
    }

    /// The rule of an entry, and how far before the number its match begins.
    #[inline]
    pub(in crate::engine) fn rule(&self, entry: usize) -> Option<(usize, usize)> {
        self.rules.get(entry).copied().flatten()
    }
}
