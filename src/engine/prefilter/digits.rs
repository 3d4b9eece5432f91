//! Expressions that must have a digit soon: tried round the first digit of each number.
//!
//! Enters: expressions, of which those are taken whose every match has its first digit among its first bytes. Leaves: for a
//! number in a text, the rules and the places before it where their matches may begin.

use regex_automata::dfa::Automaton;
use regex_automata::util::primitives::StateID;

use super::super::byte_set::ByteSet;
use super::super::regex::Regex;
use super::super::vector::PLACES;
use super::Window;

/// The farthest that the first digit stands behind a match's beginning.
pub(in crate::engine) const FARTHEST: usize = 12;
/// States walked at once; an expression of more is not taken.
const STATES: usize = 2048;

/// An expression and what it begins with, for one distance to its first digit.
struct Begin {
    rule: usize,
    before: ByteSet,
    first: ByteSet,
}

/// The expressions, by the distance of their first digit.
#[derive(Default)]
pub(in crate::engine) struct Digits {
    by_distance: [Vec<Begin>; FARTHEST + 1],
    /// The first bytes of each distance.
    first: [Option<ByteSet>; FARTHEST + 1],
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
    /// Takes an expression if each of its matches has a digit among its first bytes.
    pub(super) fn take(&mut self, rule: usize, regex: &Regex) -> bool {
        let automaton = regex.automaton();
        let mut before = ByteSet::NONE;
        let mut states: Vec<StateID> = Vec::new();
        // What matches begin with that have their first digit later.
        let mut letters = ByteSet::NONE;
        for byte in std::iter::once(None).chain((0..=255_u8).map(Some)) {
            let Some(state) = regex.begin(byte) else { continue };
            let alive = (0..=255_u8).any(|next| !automaton.is_dead_state(automaton.next_state(state, next)));
            let inside_number = byte.is_some_and(|byte| byte.is_ascii_digit())
                && (b'0'..=b'9').any(|next| !automaton.is_dead_state(automaton.next_state(state, next)));
            if inside_number {
                return false;
            }
            if let Some(byte) = byte.filter(|_| alive) {
                before.insert(byte);
            }
            states.push(state);
        }
        let mut found: Vec<(usize, ByteSet)> = Vec::new();
        for distance in 0..=FARTHEST {
            states.sort_unstable();
            states.dedup();
            let mut digits = ByteSet::NONE;
            let mut next = Vec::new();
            for state in &states {
                // A match that ends without a digit is tried nowhere.
                if regex.end(*state) {
                    return false;
                }
                for byte in 0..=255_u8 {
                    let reached = automaton.next_state(*state, byte);
                    if automaton.is_dead_state(reached) || automaton.is_quit_state(reached) {
                        continue;
                    }
                    if automaton.is_match_state(reached) {
                        return false;
                    }
                    if byte.is_ascii_digit() {
                        digits.insert(byte);
                    } else {
                        next.push(reached);
                        if distance == 0 {
                            letters.insert(byte);
                        }
                    }
                }
            }
            next.sort_unstable();
            next.dedup();
            if next.len() > STATES {
                return false;
            }
            if digits != ByteSet::NONE {
                found.push((distance, if distance == 0 { digits } else { letters }));
            }
            states = next;
        }
        if !states.is_empty() || found.is_empty() {
            return false;
        }
        for (distance, first) in found {
            if let (Some(list), Some(union)) = (self.by_distance.get_mut(distance), self.first.get_mut(distance)) {
                list.push(Begin { rule, before, first });
                let union = union.get_or_insert(ByteSet::NONE);
                *union = union.union(&first);
            }
        }
        true
    }

    /// Whether the rule was taken.
    pub(super) fn has(&self, rule: usize) -> bool {
        self.by_distance.iter().flatten().any(|begin| begin.rule == rule)
    }

    /// The rules to be tried round the number that begins at `at`, with the places where their matches would begin, from
    /// the first. `begins` is where the text begins behind a label.
    pub(in crate::engine) fn round<'a>(
        &'a self,
        text: &'a [u8],
        at: usize,
        begins: Option<usize>,
    ) -> impl Iterator<Item = (usize, usize)> + 'a {
        let head = text.get(at.saturating_sub(FARTHEST)..at).unwrap_or_default();
        let stretch = head.iter().rev().take_while(|byte| !byte.is_ascii_digit()).count();
        (0..=stretch).rev().flat_map(move |distance| {
            let start = at - distance;
            let byte = text.get(start).copied().unwrap_or_default();
            let before =
                start.checked_sub(1).filter(|_| begins != Some(start)).and_then(|index| text.get(index)).copied();
            let possible = self.first.get(distance).copied().flatten().is_some_and(|set| set.contains(byte));
            let list = if possible { self.by_distance.get(distance).map_or(&[][..], Vec::as_slice) } else { &[] };
            list.iter()
                .filter(move |begin| {
                    begin.first.contains(byte) && before.is_none_or(|before| begin.before.contains(before))
                })
                .map(move |begin| (begin.rule, start))
        })
    }
}
