//! Expressions that begin with a run of digits, by the run's length and the byte behind it.
//!
//! Enters: expressions, of which those are taken that begin with digits at a number's beginning and nowhere else. Leaves: for a
//! run in a text, the rules that could match there. Found by walking each automaton through runs of every length.

use std::collections::HashMap;

use regex_automata::dfa::Automaton;
use regex_automata::util::primitives::StateID;

use super::super::regex::Regex;
use super::Lead;

/// The longest run that is told apart; longer ones count as this.
pub(in crate::engine) const LONGEST: usize = 24;
/// Bytes that may follow a run, and the text's end.
const FOLLOWERS: usize = 257;
/// States walked at once; an expression of more is tried at every run.
const STATES: usize = 512;

/// The index.
#[derive(Default)]
pub(in crate::engine) struct Runs {
    rules: Vec<(usize, Option<usize>)>,
    /// For each rule, the followers that keep it alive, by the run's length.
    alive: Vec<Vec<Vec<bool>>>,
    /// For each length and follower, a list.
    table: Vec<u16>,
    lists: Vec<List>,
}

/// The rules of a kind of run.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub(in crate::engine) struct List {
    /// Those that ask for no words before their matches.
    pub(in crate::engine) free: Vec<usize>,
    /// Those that do, with the group of the words.
    pub(in crate::engine) asked: Vec<(usize, usize)>,
}

impl Runs {
    /// Takes an expression if every match of it begins with a digit behind no letter and no digit; with the group of the
    /// words that it asks for, where it does.
    pub(super) fn take(&mut self, rule: usize, regex: &Regex, lead: &Lead, group: Option<usize>) -> bool {
        let digits_first = lead.at.first().is_some_and(|set| set.bytes().all(|byte| byte.is_ascii_digit()));
        let behind_digit = (b'0'..=b'9').any(|digit| lead.before.contains(digit));
        if !digits_first || behind_digit {
            return false;
        }
        let automaton = regex.automaton();
        let mut states: Vec<StateID> =
            std::iter::once(None).chain((0..=255).map(Some)).filter_map(|before| regex.begin(before)).collect();
        let mut rows = vec![vec![false; FOLLOWERS]; LONGEST + 1];
        for (length, row) in rows.iter_mut().enumerate() {
            states.sort_unstable();
            states.dedup();
            if states.len() > STATES {
                row.fill(true);
                continue;
            }
            let mut next = Vec::new();
            for state in &states {
                for (follower, alive) in row.iter_mut().enumerate() {
                    let Ok(byte) = u8::try_from(follower) else {
                        *alive |= regex.end(*state);
                        continue;
                    };
                    let reached = automaton.next_state(*state, byte);
                    if automaton.is_dead_state(reached) || automaton.is_quit_state(reached) {
                        continue;
                    }
                    *alive = true;
                    if byte.is_ascii_digit() {
                        next.push(reached);
                    }
                }
            }
            // A run of more digits than are told apart may go on as long as it likes.
            if length == LONGEST && !next.is_empty() {
                row.fill(true);
            }
            if states.len() <= STATES {
                states = next;
            }
        }
        self.rules.push((rule, group));
        self.alive.push(rows);
        true
    }

    /// Ends the taking.
    pub(super) fn seal(&mut self) {
        let mut known: HashMap<List, u16> = HashMap::new();
        for length in 0..=LONGEST {
            for follower in 0..FOLLOWERS {
                let alive = |rows: &Vec<Vec<bool>>| rows.get(length).and_then(|row| row.get(follower)).copied();
                let mut list = List::default();
                let taken = self.rules.iter().zip(&self.alive).filter(|(_, rows)| alive(rows).unwrap_or(true));
                for ((rule, group), _) in taken {
                    match group {
                        Some(group) => list.asked.push((*rule, *group)),
                        None => list.free.push(*rule),
                    }
                }
                let number = *known.entry(list).or_insert_with_key(|list| {
                    self.lists.push(list.clone());
                    u16::try_from(self.lists.len() - 1).unwrap_or(u16::MAX)
                });
                self.table.push(number);
            }
        }
        self.alive = Vec::new();
    }

    /// Whether the rule was taken.
    pub(super) fn has(&self, rule: usize) -> bool {
        self.rules.iter().any(|(known, _)| *known == rule)
    }

    /// The rules that may match at a run of so many digits with this behind it, nothing for the text's end.
    #[inline]
    pub(in crate::engine) fn of(&self, length: usize, follower: Option<u8>) -> Option<&List> {
        let place = length.min(LONGEST) * FOLLOWERS + follower.map_or(FOLLOWERS - 1, usize::from);
        self.table.get(place).and_then(|list| self.lists.get(usize::from(*list)))
    }
}
