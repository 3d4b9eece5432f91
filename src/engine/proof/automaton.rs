//! A rule's automaton as a plain table that proofs walk: states, classes of bytes, and where matches end.
//!
//! Enters: a compiled expression, exactly as streams step it. Leaves: a table of its reachable states. As in the
//! engine, a state says that a match ended *before* the byte just taken, so that what follows a match counts: a word of
//! the language is a word, what stands before it, and the byte or the end of the text behind it.

#![allow(clippy::indexing_slicing, reason = "tables are indexed by states and classes that the same table gave out")]

use std::collections::HashMap;

use regex_automata::util::primitives::StateID;

use super::super::byte_set::ByteSet;
use super::super::regex::Regex;

/// The state from which nothing matches.
pub(super) const DEAD: u32 = 0;
/// What may stand before a match, as far as an expression can tell: nothing, a word character, anything else, and the
/// two ends of lines.
pub(super) const BEFORE: [Option<u8>; 5] = [None, Some(b' '), Some(b'a'), Some(b'\n'), Some(b'\r')];
/// The most states of a table.
const STATES: usize = 1 << 17;

/// How long matches can be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Longest {
    /// There are none.
    NoMatch,
    /// So many bytes.
    Bytes(usize),
    /// Matches of any length.
    Unbounded,
}

/// The table.
#[derive(Debug)]
pub(super) struct Automaton {
    /// The class of each byte.
    classes: [u8; 256],
    /// How many classes there are.
    stride: usize,
    /// The state behind each state and class.
    next: Vec<u32>,
    /// Whether a match ended before the byte that led here.
    matched: Vec<bool>,
    /// Whether a match ends here where the text does.
    ends: Vec<bool>,
    /// Whether a match ends here, whatever byte or end follows that lets it.
    finals: Vec<bool>,
    /// How many bytes at least lead from here to the end of a match; [`u32::MAX`] where none do.
    distance: Vec<u32>,
    /// The beginning for each of [`BEFORE`].
    pub(super) starts: [u32; BEFORE.len()],
}

impl Automaton {
    /// The table of an expression; none where it has too many states.
    pub(super) fn new(regex: &Regex) -> Option<Self> {
        let dense = regex.automaton();
        let mut numbers: HashMap<StateID, u32> = HashMap::new();
        let mut found: Vec<StateID> = Vec::new();
        let kinds = regex.kinds();
        let mut classes = [0; 256];
        for (class, (_, bytes)) in kinds.iter().enumerate() {
            bytes.bytes().for_each(|byte| classes[usize::from(byte)] = u8::try_from(class).unwrap_or(u8::MAX));
        }
        let members: Vec<u8> = kinds.into_iter().map(|(byte, _)| byte).collect();
        let mut number = |state: StateID, found: &mut Vec<StateID>| -> u32 {
            if dense.is_dead_state(state) || dense.is_quit_state(state) {
                return DEAD;
            }
            *numbers.entry(state).or_insert_with(|| {
                found.push(state);
                u32::try_from(found.len()).unwrap_or(DEAD)
            })
        };
        let starts = BEFORE.map(|before| regex.begin(before).map_or(DEAD, |state| number(state, &mut found)));
        let stride = members.len();
        let mut next = vec![DEAD; stride];
        let (mut matched, mut ends) = (vec![false], vec![false]);
        let mut at = 0;
        while let Some(&state) = found.get(at) {
            if found.len() > STATES {
                return None;
            }
            next.extend(members.iter().map(|byte| number(dense.next_state(state, *byte), &mut found)));
            matched.push(dense.is_match_state(state));
            ends.push(regex.end(state));
            at += 1;
        }
        let mut table = Self { classes, stride, next, matched, ends, finals: Vec::new(), distance: Vec::new(), starts };
        table.measure();
        Some(table)
    }

    /// Fills in where matches end, and how far each state is from there.
    fn measure(&mut self) {
        let states = self.matched.len();
        let row = |state: usize| &self.next[state * self.stride..(state + 1) * self.stride];
        let last = |state: usize| state > 0 && row(state).iter().any(|to| self.matched[*to as usize]);
        self.finals = (0..states).map(|state| self.ends[state] || last(state)).collect();
        let mut before: Vec<Vec<u32>> = vec![Vec::new(); states];
        for state in 1..states {
            let mut targets: Vec<u32> = row(state).iter().copied().filter(|to| *to != DEAD).collect();
            targets.sort_unstable();
            targets.dedup();
            let from = u32::try_from(state).unwrap_or(DEAD);
            targets.into_iter().for_each(|to| before[to as usize].push(from));
        }
        let mut distance = vec![u32::MAX; states];
        let mut queue: Vec<usize> = (1..states).filter(|state| self.finals[*state]).collect();
        queue.iter().for_each(|state| distance[*state] = 0);
        let mut at = 0;
        while let Some(&state) = queue.get(at) {
            for from in before[state].iter().map(|from| *from as usize) {
                if distance[from] == u32::MAX {
                    distance[from] = distance[state] + 1;
                    queue.push(from);
                }
            }
            at += 1;
        }
        self.distance = distance;
    }

    /// How many states there are.
    pub(super) fn states(&self) -> usize {
        self.matched.len()
    }

    /// The class of a byte.
    pub(super) fn class(&self, byte: u8) -> u8 {
        self.classes[usize::from(byte)]
    }

    /// The state behind `state` and `byte`.
    #[inline]
    pub(super) fn step(&self, state: u32, byte: u8) -> u32 {
        self.next[state as usize * self.stride + usize::from(self.classes[usize::from(byte)])]
    }

    /// Whether a match ended before the byte that led to `state`.
    #[inline]
    pub(super) fn matched(&self, state: u32) -> bool {
        self.matched[state as usize]
    }

    /// Whether a match ends at `state` where the text does.
    pub(super) fn ends(&self, state: u32) -> bool {
        self.ends[state as usize]
    }

    /// Whether a match ends at `state` before `next`, or before the end of the text.
    pub(super) fn ends_before(&self, state: u32, next: Option<u8>) -> bool {
        match next {
            Some(byte) => self.matched(self.step(state, byte)),
            None => self.ends(state),
        }
    }

    /// Whether a match ends at `state` before some byte or the end of the text.
    #[inline]
    pub(super) fn is_final(&self, state: u32) -> bool {
        self.finals[state as usize]
    }

    /// Whether a match may still end at `state` or behind it.
    #[inline]
    pub(super) fn is_alive(&self, state: u32) -> bool {
        self.distance[state as usize] != u32::MAX
    }

    /// The bytes that matches have.
    pub(super) fn alphabet(&self) -> ByteSet {
        let mut alive = vec![false; self.stride];
        let rows = self.next.chunks_exact(self.stride).skip(1);
        for (slot, to) in rows.flat_map(|row| row.iter().enumerate()) {
            alive[slot] |= self.is_alive(*to);
        }
        ByteSet::new(|byte| alive[usize::from(self.class(byte))])
    }

    /// Whether some match has one of these bytes.
    pub(super) fn uses(&self, bytes: &[u8]) -> bool {
        let states = 1..u32::try_from(self.states()).unwrap_or(u32::MAX);
        states.into_iter().any(|state| bytes.iter().any(|byte| self.is_alive(self.step(state, *byte))))
    }

    /// Appends bytes that lead from `state` to the nearest end of a match; gives the state there.
    pub(super) fn complete(&self, mut state: u32, word: &mut Vec<u8>) -> u32 {
        while self.is_alive(state) && !self.is_final(state) {
            let nearer = |byte: &u8| self.distance[self.step(state, *byte) as usize] < self.distance[state as usize];
            let Some(byte) = readable().find(nearer) else { break };
            word.push(byte);
            state = self.step(state, byte);
        }
        state
    }

    /// The shortest match, with what must stand before it; none where there is no match.
    pub(super) fn shortest(&self) -> Option<(Option<u8>, Vec<u8>)> {
        let beginnings = BEFORE.into_iter().zip(self.starts).filter(|(_, state)| self.is_alive(*state));
        let (before, state) = beginnings.min_by_key(|(_, state)| self.distance[*state as usize])?;
        let mut word = Vec::new();
        self.complete(state, &mut word);
        Some((before, word))
    }

    /// The longest match, by the longest path: a circle on the way to an end means that there is none.
    pub(super) fn longest(&self) -> Longest {
        // Depth first and without recursion: 1 while a state's followers are looked at, 2 when its length is known.
        let mut marks = vec![0_u8; self.states()];
        let mut lengths: Vec<Option<usize>> = vec![None; self.states()];
        let mut longest: Option<usize> = None;
        for start in self.starts.into_iter().filter(|state| self.is_alive(*state)) {
            let mut stack = vec![(start as usize, 0)];
            while let Some((state, class)) = stack.pop() {
                marks[state] = marks[state].max(1);
                let row = &self.next[state * self.stride..(state + 1) * self.stride];
                let follower = row.get(class).map(|to| *to as usize);
                let Some(follower) = follower else {
                    let beyond = row.iter().filter_map(|to| lengths[*to as usize]).max().map(|length| length + 1);
                    lengths[state] = beyond.or(self.finals[state].then_some(0));
                    marks[state] = 2;
                    continue;
                };
                stack.push((state, class + 1));
                if self.distance[follower] == u32::MAX {
                    continue;
                }
                match marks[follower] {
                    0 => stack.push((follower, 0)),
                    1 => return Longest::Unbounded,
                    _ => {}
                }
            }
            longest = longest.max(lengths[start as usize]);
        }
        longest.map_or(Longest::NoMatch, Longest::Bytes)
    }
}

/// Every byte, the most readable first: what examples are made of.
pub(super) fn readable() -> impl Iterator<Item = u8> {
    const FIRST: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_. ";
    let printable = |byte: &u8| (b'!'..=b'~').contains(byte);
    let rest = |byte: &u8| !FIRST.contains(byte);
    let others = (0..=255).filter(move |byte| rest(byte) && !printable(byte));
    FIRST.iter().copied().chain((b'!'..=b'~').filter(rest)).chain(others)
}

/// One byte for each joint class of several partitions of the bytes, the most readable ones, most readable first.
pub(super) fn representatives<K: std::hash::Hash + Eq>(key: impl Fn(u8) -> K) -> Vec<u8> {
    let mut seen = std::collections::HashSet::new();
    readable().filter(|byte| seen.insert(key(*byte))).collect()
}
