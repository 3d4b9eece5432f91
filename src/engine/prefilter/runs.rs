//! Expressions that begin with a run of digits, by the run's length, the byte behind it, and what stands farther on.
//!
//! Enters: expressions, of which those are taken that begin with digits at a number's beginning and nowhere else. Leaves: for a
//! run in a text, the rules that could match there. Found by walking each automaton through runs of every length.

use std::collections::HashMap;

use regex_automata::util::primitives::StateID;

use super::super::byte_set::ByteSet;
use super::super::regex::Regex;
use super::super::vector::{self, CLASSES};
use super::Lead;
use super::deep::{Bits, Deep, MOST, Parted, part};
use super::window::DEPTH;

/// The longest run that is told apart; longer ones count as this.
pub(in crate::engine) const LONGEST: usize = 24;
/// Bytes that may follow a run, and the text's end.
const FOLLOWERS: usize = 257;
/// States walked at once; an expression of more is tried at every run.
const STATES: usize = 512;

/// For each length of a run, the followers that keep an expression alive.
pub(super) type Alive = Vec<Followers>;

/// What may stand behind a run: some bytes, and perhaps the text's end.
#[derive(Clone, Copy)]
pub(super) struct Followers {
    bytes: ByteSet,
    end: bool,
}

impl Followers {
    const ALL: Self = Self { bytes: ByteSet::ALL, end: true };

    fn has(&self, follower: usize) -> bool {
        u8::try_from(follower).map_or(self.end, |byte| self.bytes.contains(byte))
    }
}

/// An expression.
struct Run {
    rule: usize,
    /// The group of the words that it asks for.
    group: Option<usize>,
    lead: Lead,
    alive: Alive,
}

/// The index.
#[derive(Default)]
pub(in crate::engine) struct Runs {
    taken: Vec<Run>,
    /// The rules, by their entries.
    rules: Vec<Option<usize>>,
    parted: Parted,
    table: RunTable,
    deep: Deep,
}

/// For each kind of run the entries that it keeps alive.
#[derive(Default)]
pub(super) struct RunTable {
    /// For each length and follower, a list.
    table: Vec<u16>,
    lists: Vec<Vec<u64>>,
    /// For each list and each set of what stands before a run, what it leaves over.
    left: Vec<Left>,
    /// How many such sets there are.
    sets: usize,
}

/// Whether rules that ask for no words are left over, and such as do.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(in crate::engine) struct Left {
    pub(in crate::engine) free: bool,
    pub(in crate::engine) asked: bool,
}

impl Left {
    pub(super) const ALL: Self = Self { free: true, asked: true };
}

impl RunTable {
    /// For each entry what keeps it alive; nothing where there is none.
    pub(super) fn new(alive: &[Option<Alive>], parted: &Parted, deep: &Deep) -> Self {
        let words = alive.len().div_ceil(64);
        let mut known: HashMap<Vec<u64>, u16> = HashMap::new();
        let mut table = Self::default();
        for length in 0..=LONGEST {
            for follower in 0..FOLLOWERS {
                let lives = |rows: &Alive| rows.get(length).map(|row| row.has(follower));
                let flags = alive.iter().map(|rows| rows.as_ref().is_some_and(|rows| lives(rows).unwrap_or(true)));
                let number = *known.entry(super::rows::bits(words, flags)).or_insert_with_key(|list| {
                    table.lists.push(list.clone());
                    u16::try_from(table.lists.len() - 1).unwrap_or(u16::MAX)
                });
                table.table.push(number);
            }
        }
        table.sets = deep.sets_before().count();
        let all: Vec<Left> = table
            .lists
            .iter()
            .flat_map(|list| {
                deep.sets_before().map(|set| {
                    let both: Vec<u64> = list.iter().zip(set).map(|(list, set)| list & set).collect();
                    Left { free: parted.has_free(&both), asked: parted.asks(&both) }
                })
            })
            .collect();
        table.left = all;
        table
    }

    /// What is left of a run of digits; all of one that the text's end cuts off, or that nothing stands before.
    #[inline]
    pub(super) fn left(&self, deep: &Deep, number: Number) -> Left {
        let (Some(before), Some(follower)) = (number.before, number.follower) else { return Left::ALL };
        let place = number.len.min(LONGEST) * FOLLOWERS + usize::from(follower);
        let list = self.table.get(place).map_or(0, |list| usize::from(*list));
        self.left.get(list * self.sets + deep.set_before(before)).copied().unwrap_or(Left::ALL)
    }

    /// The entries that a run of digits keeps alive with what follows it, be it the text's end.
    #[inline]
    pub(super) fn of(&self, number: Number) -> &[u64] {
        let place = number.len.min(LONGEST) * FOLLOWERS + number.follower.map_or(FOLLOWERS - 1, usize::from);
        self.table.get(place).and_then(|list| self.lists.get(usize::from(*list))).map_or(&[], Vec::as_slice)
    }
}

/// A run of digits and what stands on both sides of it.
#[derive(Clone, Copy)]
pub(in crate::engine) struct Number {
    /// Nothing where the text begins.
    before: Option<u8>,
    /// Its digits, as far as they are counted.
    pub(in crate::engine) len: usize,
    /// Nothing where the text ends.
    follower: Option<u8>,
}

impl Number {
    /// The number at `at`; nothing stands before the place where the text `begins`.
    #[inline]
    pub(in crate::engine) fn new(text: &[u8], at: usize, begins: Option<usize>) -> Self {
        let rest = text.get(at..).unwrap_or_default();
        let len = match rest.first_chunk::<CLASSES>() {
            Some(near) => (vector::digits(near).trailing_ones() as usize).min(LONGEST),
            None => rest.iter().take(LONGEST).take_while(|byte| byte.is_ascii_digit()).count(),
        };
        let before = at.checked_sub(1).filter(|_| begins != Some(at)).and_then(|index| text.get(index)).copied();
        Self { before, len, follower: rest.get(len).copied() }
    }

    /// Whether the text ends within the run or directly behind it.
    pub(in crate::engine) fn is_cut_off(self) -> bool {
        self.follower.is_none()
    }
}

/// The followers that keep an expression alive which stands in one of some states before a run, by the run's length.
pub(super) fn alive(regex: &Regex, mut states: Vec<StateID>) -> Alive {
    let automaton = regex.automaton();
    let (kinds, digits) = (regex.kinds(), ByteSet::new(|byte| byte.is_ascii_digit()));
    let mut rows = vec![Followers::ALL; LONGEST + 1];
    for (length, row) in rows.iter_mut().enumerate() {
        states.sort_unstable();
        states.dedup();
        if states.len() > STATES {
            continue;
        }
        let mut next = Vec::new();
        let mut followers = ByteSet::NONE;
        for state in &states {
            for (byte, members) in &kinds {
                let reached = automaton.next_state(*state, *byte);
                if automaton.is_dead_state(reached) || automaton.is_quit_state(reached) {
                    continue;
                }
                followers = followers.union(members);
                if !members.intersection(&digits).is_empty() {
                    next.push(reached);
                }
            }
        }
        let ends = states.iter().any(|state| regex.end(*state));
        // A run of more digits than are told apart may go on as long as it likes.
        if length < LONGEST || next.is_empty() {
            *row = Followers { bytes: followers, end: ends };
        }
        states = next;
    }
    rows
}

impl Runs {
    /// Takes an expression if every match of it begins with a digit behind no letter and no digit; with the group of the
    /// words that it asks for, where it does.
    pub(super) fn take(&mut self, rule: usize, regex: &Regex, lead: &Lead, group: Option<usize>) -> bool {
        let digits_first = lead.at.first().is_some_and(|set| set.bytes().all(|byte| byte.is_ascii_digit()));
        let behind_digit = (b'0'..=b'9').any(|digit| lead.before.contains(digit));
        if !digits_first || behind_digit || self.taken.len() + 64 > MOST {
            return false;
        }
        let states = regex.beginnings().map(|(state, _)| state).collect();
        self.taken.push(Run { rule, group, lead: lead.clone(), alive: alive(regex, states) });
        true
    }

    /// Ends the taking.
    pub(super) fn seal(&mut self) {
        let (entries, parted) = part(std::mem::take(&mut self.taken), |run| run.group);
        self.parted = parted;
        self.deep = Deep::new(entries.len(), 1, DEPTH + 1, |entry, place| {
            entries.get(entry).and_then(Option::as_ref).map_or(ByteSet::NONE, |run| run.lead.place(place))
        });
        self.rules = entries.iter().map(|run| run.as_ref().map(|run| run.rule)).collect();
        let alive: Vec<_> = entries.into_iter().map(|run| run.map(|run| run.alive)).collect();
        self.table = RunTable::new(&alive, &self.parted, &self.deep);
    }

    /// Whether the rule was taken.
    pub(super) fn has(&self, rule: usize) -> bool {
        self.rules.contains(&Some(rule))
    }

    /// What is left of a run of digits; all of one that the text's end cuts off, or that nothing stands before.
    #[inline]
    pub(in crate::engine) fn left(&self, number: Number) -> Left {
        self.table.left(&self.deep, number)
    }

    /// The entries that a run of digits keeps alive with what follows it, be it the text's end.
    #[inline]
    pub(in crate::engine) fn of(&self, number: Number) -> &[u64] {
        self.table.of(number)
    }

    /// Of `some` entries those of rules that ask for no words and may match at a place, whose first `known` bytes are its run
    /// and what follows it. The byte before the place where the text `begins` counts for nothing.
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

    /// The rule of an entry.
    #[inline]
    pub(in crate::engine) fn rule(&self, entry: usize) -> Option<usize> {
        self.rules.get(entry).copied().flatten()
    }
}
