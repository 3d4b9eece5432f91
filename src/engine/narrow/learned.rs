//! What a walk along an expression has learned: which threads follow which, in their order, behind a byte.
//!
//! Enters: threads with the places where the group began in them. Leaves: where they stand, as one number, and the places
//! apart from it, so that what is learned in one text holds in any other. A Pike machine with its order, made into a
//! deterministic one as it goes; what is known is bounded, and forgotten where it grows too large.

use std::collections::HashMap;

use regex_automata::nfa::thompson::{NFA, State};
use regex_automata::util::primitives::StateID;

use super::Slots;

/// The most places at which a group may have begun in the threads of one walk.
const PLACES: usize = 6;
/// The most that is known before all is forgotten.
const MOST: usize = 96;
/// What the byte behind a place tells an assertion, or its absence.
const KINDS: usize = 5;

/// Where a thread stands, and which of the places the group began at: 0 for none.
type Thread = (StateID, u8);

/// The threads at a place of a text, by number, and the places that they speak of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    threads: u32,
    places: [usize; PLACES],
}

/// What is known of some threads.
struct Known {
    list: Box<[Thread]>,
    /// The place that all of them agree on; 0 where they do not, or where it is none.
    agreed: u8,
    /// The place of the first that matches.
    matched: Option<u8>,
}

/// What follows some threads behind a byte.
#[derive(Clone, Copy)]
struct Edge {
    to: u32,
    /// Of each new place the old one, or [`HERE`].
    places: [u8; PLACES],
}

/// The place behind the byte.
const HERE: u8 = u8::MAX;
/// No edge is known.
const UNKNOWN: u32 = 0;

/// What has been learned.
#[derive(Default)]
pub(super) struct Learned {
    known: Vec<Known>,
    numbers: HashMap<Box<[Thread]>, u32>,
    /// The threads at a match's beginning, by what stands before and behind it.
    begun: [Option<u32>; KINDS * KINDS],
    edges: Vec<Edge>,
    /// For threads, a class of bytes and what stands behind it: the number of the edge, counted from 1.
    table: Vec<u32>,
    classes: Box<[u8]>,
    /// Entries of the table for some threads.
    width: usize,
}

/// What a byte tells an assertion that stands beside it.
fn kind(byte: Option<&u8>) -> usize {
    match byte {
        None => 0,
        Some(byte) if byte.is_ascii_alphanumeric() || *byte == b'_' => 1,
        Some(b'\n') => 2,
        Some(b'\r') => 3,
        Some(_) => 4,
    }
}

impl Learned {
    /// Whether what is learned of an automaton holds wherever the byte before and what the one behind tells are the same.
    pub(super) fn holds(nfa: &NFA) -> bool {
        !nfa.look_set_any().contains_word_unicode() && nfa.look_matcher().get_line_terminator() == b'\n'
    }

    /// The threads where a match begins, if they are known.
    pub(super) fn begun(&self, text: &[u8], at: usize) -> Option<Standing> {
        let threads = self.begun.get(beside(text, at)).copied().flatten()?;
        Some(Standing { threads, places: [at; PLACES] })
    }

    /// Learns what threads there are where a match begins.
    pub(super) fn begin(&mut self, nfa: &NFA, text: &[u8], at: usize, list: &[(StateID, Slots)]) -> Option<Standing> {
        if self.width == 0 {
            let classes = nfa.byte_classes();
            self.classes = (0..=u8::MAX).map(|byte| classes.get(byte)).collect();
            self.width = classes.alphabet_len() * KINDS;
        }
        let none = Standing { threads: 0, places: [at; PLACES] };
        let (threads, _) = self.number(nfa, list, &none, 0, at)?;
        if let Some(slot) = self.begun.get_mut(beside(text, at)) {
            *slot = Some(threads);
        }
        Some(Standing { threads, ..none })
    }

    /// The place that all threads agree on, and the one that the first to match has.
    pub(super) fn told(&self, standing: &Standing) -> (Option<usize>, Option<Option<usize>>) {
        let Some(known) = self.known.get(standing.threads as usize) else { return (None, None) };
        (standing.place(known.agreed), known.matched.map(|place| standing.place(place)))
    }

    /// Whether no thread is left.
    pub(super) fn is_over(&self, standing: &Standing) -> bool {
        self.known.get(standing.threads as usize).is_none_or(|known| known.list.is_empty())
    }

    /// Goes on over the byte at `at`, if what follows is known.
    #[inline]
    pub(super) fn step(&self, text: &[u8], at: usize, standing: &mut Standing) -> bool {
        let edge = self.entry(text, at, standing.threads).and_then(|entry| self.table.get(entry));
        let edge = edge.and_then(|edge| self.edges.get((*edge).checked_sub(1)? as usize));
        let Some(edge) = edge else { return false };
        let mut places = standing.places;
        for (new, old) in places.iter_mut().zip(edge.places) {
            *new = standing.places.get(usize::from(old)).copied().unwrap_or(at + 1);
        }
        *standing = Standing { threads: edge.to, places };
        true
    }

    /// The threads as a walk has them.
    pub(super) fn threads(&self, standing: &Standing, into: &mut Vec<(StateID, Slots)>) {
        let Some(known) = self.known.get(standing.threads as usize) else { return };
        let slots = |place| Slots { start: standing.place(place), end: None };
        into.extend(known.list.iter().map(|(state, place)| (*state, slots(*place))));
    }

    /// Learns what follows some threads over the byte at `at`, and goes on there.
    pub(super) fn learn(
        &mut self,
        nfa: &NFA,
        text: &[u8],
        at: usize,
        standing: &Standing,
        list: &[(StateID, Slots)],
    ) -> Option<Standing> {
        let before = self.known.len();
        let (to, places) = self.number(nfa, list, standing, PLACES, at + 1)?;
        // Where all was forgotten, these threads were as well.
        if self.known.len() >= before {
            self.edges.push(Edge { to, places });
            let number = u32::try_from(self.edges.len()).unwrap_or(UNKNOWN);
            let entry = self.entry(text, at, standing.threads);
            if let Some(slot) = entry.and_then(|entry| self.table.get_mut(entry)) {
                *slot = number;
            }
        }
        let mut next = Standing { threads: to, places: [at + 1; PLACES] };
        for (new, old) in next.places.iter_mut().zip(places) {
            *new = standing.places.get(usize::from(old)).copied().unwrap_or(at + 1);
        }
        Some(next)
    }

    fn entry(&self, text: &[u8], at: usize, threads: u32) -> Option<usize> {
        let class = usize::from(*self.classes.get(usize::from(*text.get(at)?))?);
        Some(threads as usize * self.width + class * KINDS + kind(text.get(at + 1)))
    }

    /// The number of some threads, and which of the places of those before them each of theirs is. Only the first `old` of
    /// these count.
    fn number(
        &mut self,
        nfa: &NFA,
        list: &[(StateID, Slots)],
        standing: &Standing,
        old: usize,
        here: usize,
    ) -> Option<(u32, [u8; PLACES])> {
        let mut places = [HERE; PLACES];
        let mut count = 0;
        let mut threads = Vec::with_capacity(list.len());
        let mut matched = None;
        for (state, slots) in list {
            let place = match slots.start {
                None => 0,
                Some(start) => {
                    let known = standing.places.iter().take(old).position(|place| *place == start);
                    let known = known.filter(|_| start != here).map_or(HERE, |known| known as u8);
                    let position = places.iter().take(count).position(|place| *place == known);
                    let position = match position {
                        Some(position) => position,
                        None => {
                            *places.get_mut(count)? = known;
                            count += 1;
                            count - 1
                        }
                    };
                    position as u8 + 1
                }
            };
            threads.push((*state, place));
            if matches!(nfa.state(*state), State::Match { .. }) {
                // What stands behind it in the order has lost.
                matched = Some(place);
                break;
            }
        }
        let threads = threads.into_boxed_slice();
        if let Some(number) = self.numbers.get(&threads) {
            return Some((*number, places));
        }
        if self.known.len() >= MOST {
            self.forget();
        }
        let first = threads.first().map_or(0, |(_, place)| *place);
        let agreed = if threads.iter().all(|(_, place)| *place == first) { first } else { 0 };
        let number = u32::try_from(self.known.len()).ok()?;
        self.numbers.insert(threads.clone(), number);
        self.known.push(Known { list: threads, agreed, matched });
        self.table.resize(self.known.len() * self.width, UNKNOWN);
        Some((number, places))
    }

    fn forget(&mut self) {
        self.known.clear();
        self.numbers.clear();
        self.begun = Default::default();
        self.edges.clear();
        self.table.clear();
    }
}

impl Standing {
    /// The place of a number, from 1 on.
    fn place(&self, number: u8) -> Option<usize> {
        usize::from(number).checked_sub(1).and_then(|number| self.places.get(number)).copied()
    }
}

/// What stands before and behind a place.
fn beside(text: &[u8], at: usize) -> usize {
    kind(at.checked_sub(1).and_then(|before| text.get(before))) * KINDS + kind(text.get(at))
}
