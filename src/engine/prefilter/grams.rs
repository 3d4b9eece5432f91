//! Expressions that begin with one of many words: told by their first four bytes, without case (`words`).
//!
//! Enters: expressions whose beginnings are few enough to be listed. Leaves: for four bytes of a text, the rules that may
//! begin with them.

use std::collections::{BTreeMap, HashMap};

use regex_automata::util::primitives::StateID;

use super::super::byte_set::ByteSet;
use super::super::regex::Regex;
use super::super::vector::{AHEAD, PLACES};
use super::Window;
use super::window::beginnings;

/// The most beginnings of one expression, each counted for every state that it leads to.
const MOST: usize = 32768;

/// Four bytes in lower case.
pub(super) type Gram = [u8; AHEAD];

/// The first four bytes of every match, in lower case, as numbers; nothing where they are many, or a match may end before.
fn all_grams(regex: &Regex, begin: Vec<StateID>) -> Option<Vec<u32>> {
    let automaton = regex.automaton();
    // Small bytes that lead to the same states in either case, by one byte of each case.
    let kinds = regex.kinds();
    let kind_of = |byte: u8| kinds.iter().position(|(_, members)| members.contains(byte));
    let mut pairs: BTreeMap<_, (u8, Vec<u8>)> = BTreeMap::new();
    for byte in (0..=255_u8).filter(|byte| !byte.is_ascii_uppercase()) {
        let pair = pairs.entry((kind_of(byte), kind_of(byte.to_ascii_uppercase()))).or_insert((byte, Vec::new()));
        pair.1.push(byte);
    }
    // Beginnings by all the states that they lead to.
    let mut groups: BTreeMap<Vec<StateID>, Vec<u32>> = BTreeMap::from([(begin, vec![0])]);
    for _ in 0..AHEAD {
        let mut longer: BTreeMap<Vec<StateID>, Vec<u32>> = BTreeMap::new();
        let mut count = 0;
        for (states, grams) in &groups {
            if states.iter().any(|state| regex.end(*state)) {
                return None;
            }
            for (byte, bytes) in pairs.values() {
                let both = [*byte, byte.to_ascii_uppercase()];
                let mut reached: Vec<StateID> = both
                    .iter()
                    .flat_map(|byte| states.iter().map(|state| automaton.next_state(*state, *byte)))
                    .filter(|state| !automaton.is_dead_state(*state) && !automaton.is_quit_state(*state))
                    .collect();
                if reached.iter().any(|state| automaton.is_match_state(*state)) {
                    return None;
                }
                reached.sort_unstable();
                reached.dedup();
                count += reached.len() * grams.len() * bytes.len();
                if count > MOST {
                    return None;
                }
                if !reached.is_empty() {
                    let all = longer.entry(reached).or_default();
                    for gram in grams {
                        all.extend(bytes.iter().map(|byte| gram << 8 | u32::from(*byte)));
                    }
                }
            }
        }
        groups = longer;
    }
    let mut grams: Vec<u32> = groups.into_values().flatten().collect();
    grams.sort_unstable();
    Some(grams)
}

/// The beginnings and their rules.
#[derive(Default)]
pub(in crate::engine) struct Grams {
    rules: HashMap<Gram, Vec<usize>>,
    /// The same for what a text's end leaves of a beginning, in lower case.
    begun: HashMap<Vec<u8>, Vec<usize>>,
    before: Option<ByteSet>,
    all: Vec<usize>,
}

impl Grams {
    /// Takes an expression if its beginnings can be listed.
    pub(super) fn take(&mut self, rule: usize, regex: &Regex) -> bool {
        let (before, begin) = beginnings(regex);
        let Some(grams) = all_grams(regex, begin) else { return false };
        for gram in grams {
            let gram: Gram = gram.to_be_bytes();
            self.rules.entry(gram).or_default().push(rule);
            for len in 1..AHEAD {
                let rules = self.begun.entry(gram.iter().take(len).copied().collect()).or_default();
                // Rules are taken one after the other.
                if rules.last() != Some(&rule) {
                    rules.push(rule);
                }
            }
        }
        let union = self.before.get_or_insert(ByteSet::NONE);
        *union = union.union(&before);
        self.all.push(rule);
        true
    }

    /// The windows of all beginnings, those that begin alike together.
    pub(super) fn windows(&self) -> Vec<Window> {
        let Some(before) = self.before else { return Vec::new() };
        let mut windows: BTreeMap<&[u8], Window> = BTreeMap::new();
        for gram in self.rules.keys() {
            // Letters beyond ASCII are rare: their first bytes are enough.
            let alike = if gram.first().is_some_and(u8::is_ascii) { 3 } else { 1 };
            let window = windows.entry(gram.get(..alike).unwrap_or_default()).or_insert_with(|| {
                let mut window = [ByteSet::NONE; PLACES];
                window[0] = before;
                window
            });
            for (set, byte) in window.iter_mut().skip(1).zip(gram) {
                set.insert(*byte);
                set.insert(byte.to_ascii_uppercase());
            }
        }
        windows.into_values().collect()
    }

    /// Every beginning, as the windows hold it.
    pub(super) fn beginnings(&self) -> impl Iterator<Item = Gram> {
        self.rules.keys().copied()
    }

    /// The beginnings of a rule.
    pub(super) fn of_rule(&self, rule: usize) -> Vec<Vec<u8>> {
        let own = self.rules.iter().filter(|(_, rules)| rules.contains(&rule));
        own.map(|(gram, _)| gram.to_vec()).collect()
    }

    /// The rules of which the text's end leaves so much.
    pub(super) fn begun(&self, rest: &[u8]) -> &[usize] {
        let mut small = [0; AHEAD];
        small.iter_mut().zip(rest).for_each(|(slot, byte)| *slot = byte.to_ascii_lowercase());
        small.get(..rest.len()).and_then(|small| self.begun.get(small)).map_or(&[], Vec::as_slice)
    }

    /// The rules that may begin at `at`; where the text ends before four bytes, any of them.
    #[inline]
    pub(in crate::engine) fn at(&self, text: &[u8], at: usize) -> &[usize] {
        let Some(bytes) = text.get(at..at + AHEAD).and_then(|bytes| Gram::try_from(bytes).ok()) else {
            return &self.all;
        };
        let gram = bytes.map(|byte| byte.to_ascii_lowercase());
        self.rules.get(&gram).map_or(&[], Vec::as_slice)
    }
}
