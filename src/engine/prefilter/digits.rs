//! Expressions that must have a digit soon: tried round the first digit of each number.
//!
//! Enters: expressions, of which those are taken whose every match has its first digit among its first bytes. Leaves: for a
//! number in a text, the rules and the places before it where their matches may begin.

use regex_automata::dfa::Automaton;

use super::super::byte_set::ByteSet;
use super::super::regex::Regex;
use super::super::vector::PLACES;
use super::Window;
use super::window::beginnings;

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

impl Begin {
    /// Whether a match may begin with this byte behind that one.
    fn fits(&self, first: u8, before: Option<u8>) -> bool {
        self.first.contains(first) && before.is_none_or(|before| self.before.contains(before))
    }
}

/// The expressions, by the distance of their first digit.
#[derive(Default)]
pub(in crate::engine) struct Digits {
    by_distance: [Vec<Begin>; FARTHEST + 1],
    /// The first bytes of each distance.
    first: [Option<ByteSet>; FARTHEST + 1],
    /// Those of rules that ask for words before their matches, by the words' group; the farthest first.
    asked: Vec<Vec<(usize, Begin)>>,
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
        // What matches begin with that have their first digit later.
        let mut letters = ByteSet::NONE;
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
        if let Some(group) = group {
            if self.asked.len() <= group {
                self.asked.resize_with(group + 1, Vec::new);
            }
            if let Some(list) = self.asked.get_mut(group) {
                list.extend(found.into_iter().map(|(distance, first)| (distance, Begin { rule, before, first })));
                list.sort_by_key(|(distance, _)| std::cmp::Reverse(*distance));
            }
            return true;
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
        let asked = self.asked.iter().flatten().map(|(_, begin)| begin);
        self.by_distance.iter().flatten().chain(asked).any(|begin| begin.rule == rule)
    }

    /// The rules that ask for no words to be tried round the number that begins at `at`, with the places where their
    /// matches would begin, from the first. `begins` is where the text begins behind a label.
    pub(in crate::engine) fn round<'a>(
        &'a self,
        text: &'a [u8],
        at: usize,
        begins: Option<usize>,
    ) -> impl Iterator<Item = (usize, usize)> + 'a {
        (0..=stretch(text, at)).rev().flat_map(move |distance| {
            let (start, byte, before) = beginning(text, at - distance, begins);
            let possible = self.first.get(distance).copied().flatten().is_some_and(|set| set.contains(byte));
            let list = if possible { self.by_distance.get(distance).map_or(&[][..], Vec::as_slice) } else { &[] };
            list.iter().filter(move |begin| begin.fits(byte, before)).map(move |begin| (begin.rule, start))
        })
    }

    /// The same for the rules that ask for the words of a group.
    pub(in crate::engine) fn round_asked<'a>(
        &'a self,
        group: usize,
        text: &'a [u8],
        at: usize,
        begins: Option<usize>,
    ) -> impl Iterator<Item = (usize, usize)> + 'a {
        let stretch = stretch(text, at);
        let list = self.asked.get(group).map_or(&[][..], Vec::as_slice);
        list.iter().filter(move |(distance, _)| *distance <= stretch).filter_map(move |(distance, begin)| {
            let (start, byte, before) = beginning(text, at - distance, begins);
            begin.fits(byte, before).then_some((begin.rule, start))
        })
    }
}

/// How many bytes stand before a number that are no digits, as far as matches reach.
fn stretch(text: &[u8], at: usize) -> usize {
    let head = text.get(at.saturating_sub(FARTHEST)..at).unwrap_or_default();
    head.iter().rev().take_while(|byte| !byte.is_ascii_digit()).count()
}

/// A place, the byte there and the one before it, nothing where the text begins.
fn beginning(text: &[u8], start: usize, begins: Option<usize>) -> (usize, u8, Option<u8>) {
    let before = start.checked_sub(1).filter(|_| begins != Some(start)).and_then(|index| text.get(index)).copied();
    (start, text.get(start).copied().unwrap_or_default(), before)
}
