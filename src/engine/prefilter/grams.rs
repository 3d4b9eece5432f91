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
        let automaton = regex.automaton();
        let (before, begin) = beginnings(regex);
        // Each kind of bytes in lower case.
        let small = |members: ByteSet| {
            let mut bytes: Vec<u8> = members.bytes().map(|byte| byte.to_ascii_lowercase()).collect();
            bytes.sort_unstable();
            bytes.dedup();
            bytes
        };
        let kinds: Vec<(u8, Vec<u8>)> =
            regex.kinds().into_iter().map(|(byte, members)| (byte, small(members))).collect();
        // Each beginning, its bytes as a number, with a state that it leads to.
        let mut grams: Vec<(u32, StateID)> = begin.into_iter().map(|state| (0, state)).collect();
        for _ in 0..AHEAD {
            let mut longer: Vec<(u32, StateID)> = Vec::new();
            for (gram, state) in &grams {
                if regex.end(*state) {
                    return false;
                }
                for (byte, members) in &kinds {
                    let reached = automaton.next_state(*state, *byte);
                    if automaton.is_dead_state(reached) || automaton.is_quit_state(reached) {
                        continue;
                    }
                    if automaton.is_match_state(reached) || longer.len() > 4 * MOST {
                        return false;
                    }
                    longer.extend(members.iter().map(|byte| (gram << 8 | u32::from(*byte), reached)));
                }
            }
            longer.sort_unstable();
            longer.dedup();
            if longer.len() > MOST {
                return false;
            }
            grams = longer;
        }
        grams.dedup_by_key(|(gram, _)| *gram);
        for (gram, _) in grams {
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
