//! What must stand where a match may begin, taken from the rule's automaton: bytes by their distance from the start.
//!
//! Enters: a compiled expression. Leaves: for each of its leading literals (or once, where it has none) the bytes that
//! can stand at each of the first places of a match, as long as no shorter match ends before them. By construction no
//! match is without them; `proof` proves it again from the outside.

use regex_automata::util::primitives::StateID;

use super::super::byte_set::ByteSet;
use super::super::regex::Regex;
use super::super::vector::PLACES;
use super::buckets;

/// Places of a match that are looked into.
pub(in crate::engine) const DEPTH: usize = 16;
/// The farthest that a window may begin behind a match's first byte.
pub(in crate::engine) const BACK: usize = DEPTH - PLACES + 1;
/// States walked at once; beyond, anything may stand.
const STATES: usize = 192;

/// The bytes before a match and at its first places.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::engine) struct Lead {
    /// What may stand before the match, if anything does.
    pub(in crate::engine) before: ByteSet,
    /// What may stand at each place.
    pub(in crate::engine) at: [ByteSet; DEPTH],
}

/// Five places: one before a position, its own, three behind.
pub(in crate::engine) type Window = [ByteSet; PLACES];

impl Lead {
    /// The window that begins `back` bytes behind the match's first byte.
    pub(in crate::engine) fn window(&self, back: usize) -> Window {
        let place = |place: usize| match (back + place).checked_sub(1) {
            None => self.before,
            Some(at) => self.at.get(at).copied().unwrap_or(ByteSet::ALL),
        };
        std::array::from_fn(place)
    }

    /// What may stand before the match (0) or at its first places.
    pub(super) fn place(&self, place: usize) -> ByteSet {
        place.checked_sub(1).map_or(self.before, |at| self.at.get(at).copied().unwrap_or(ByteSet::ALL))
    }

    /// Whether a match may begin at `start`, by its first bytes as far as the text has them. The byte before the place
    /// where the text `begins` counts for nothing.
    #[inline]
    pub(super) fn fits(&self, text: &[u8], start: usize, begins: Option<usize>) -> bool {
        let before = start.checked_sub(1).filter(|_| begins != Some(start)).and_then(|index| text.get(index));
        let own = text.get(start..).unwrap_or_default();
        // The pass has looked at the first bytes, mostly.
        let (near, far) = (self.at.split_at(PLACES - 1), own.split_at_checked(PLACES - 1));
        let fits = |sets: &[ByteSet], bytes: &[u8]| sets.iter().zip(bytes).all(|(set, byte)| set.contains(*byte));
        let far = far.is_none_or(|(_, far)| fits(near.1, far));
        far && before.is_none_or(|byte| self.before.contains(*byte)) && fits(near.0, own)
    }

    /// How often each place is met in usual text, the one before the match first.
    pub(super) fn met(&self) -> [f64; DEPTH + 1] {
        std::array::from_fn(|place| buckets::met(&self.place(place)))
    }

    /// The union with another.
    pub(super) fn widen(&mut self, other: &Self) {
        self.before = self.before.union(&other.before);
        for (own, other) in self.at.iter_mut().zip(&other.at) {
            *own = own.union(other);
        }
    }
}

/// Takes a window into the union of others.
pub(super) fn widen(union: &mut Option<Window>, window: &Window) {
    let union = union.get_or_insert(*window);
    union.iter_mut().zip(window).for_each(|(own, other)| *own = own.union(other));
}

/// The bytes that an expression may begin behind, and the states that it begins in.
pub(super) fn beginnings(regex: &Regex) -> (ByteSet, Vec<StateID>) {
    let automaton = regex.automaton();
    let kinds = regex.kinds();
    let mut before = ByteSet::NONE;
    let mut states = Vec::new();
    for (state, bytes) in regex.beginnings() {
        if kinds.iter().any(|(next, _)| !automaton.is_dead_state(automaton.next_state(state, *next))) {
            before = before.union(&bytes);
        }
        states.push(state);
    }
    states.sort_unstable();
    states.dedup();
    (before, states)
}

/// The leads of an expression: one for each leading literal, or one in all.
pub(in crate::engine) fn leads(regex: &Regex) -> Vec<Lead> {
    let empty = [Vec::new()];
    let literals = if regex.literals.is_empty() { &empty[..] } else { regex.literals.as_slice() };
    let kinds = regex.kinds();
    let mut leads: Vec<Lead> = Vec::new();
    for literal in literals {
        let lead = lead(regex, &kinds, literal);
        // Spellings of one literal in both cases are one lead.
        let same = |known: &&mut Lead| {
            known.at.iter().zip(&lead.at).all(|(known, own)| {
                let fold = |set: &ByteSet| set.bytes().next().map(|byte| byte.to_ascii_lowercase());
                known == own || fold(known) == fold(own)
            })
        };
        match leads.iter_mut().find(same) {
            Some(known) => known.widen(&lead),
            None => leads.push(lead),
        }
    }
    leads
}

fn lead(regex: &Regex, kinds: &[(u8, ByteSet)], literal: &[u8]) -> Lead {
    let automaton = regex.automaton();
    let can_begin = |state: StateID| {
        // A byte that the literal cannot begin behind is ruled out.
        let here = literal.iter().fold(state, |here, byte| automaton.next_state(here, *byte));
        !automaton.is_dead_state(here)
            && (!literal.is_empty()
                || kinds.iter().any(|(byte, _)| !automaton.is_dead_state(automaton.next_state(here, *byte))))
    };
    let mut before = ByteSet::NONE;
    let mut states = Vec::new();
    for (state, bytes) in regex.beginnings().filter(|(state, _)| can_begin(*state)) {
        before = before.union(&bytes);
        states.push(state);
    }
    let of_literal = |place: usize| literal.get(place).map_or(ByteSet::ALL, |wanted| ByteSet::of(*wanted));
    let at = places(regex, kinds, states, of_literal);
    Lead { before, at }
}

/// What may stand at the places of a match that go on from some states by the bytes that `allowed` has for a place, as long
/// as no match ends before them.
pub(super) fn places<const COUNT: usize>(
    regex: &Regex,
    kinds: &[(u8, ByteSet)],
    mut states: Vec<StateID>,
    allowed: impl Fn(usize) -> ByteSet,
) -> [ByteSet; COUNT] {
    let automaton = regex.automaton();
    let mut at = [ByteSet::ALL; COUNT];
    for (place, slot) in at.iter_mut().enumerate() {
        states.sort_unstable();
        states.dedup();
        if states.len() > STATES || states.iter().any(|state| regex.end(*state)) {
            break;
        }
        let allowed = allowed(place);
        let mut set = ByteSet::NONE;
        let mut next = Vec::new();
        let mut ended = false;
        for (byte, members) in kinds {
            let own = members.intersection(&allowed);
            if own.is_empty() {
                continue;
            }
            for state in &states {
                let reached = automaton.next_state(*state, *byte);
                if automaton.is_dead_state(reached) || automaton.is_quit_state(reached) {
                    continue;
                }
                ended |= automaton.is_match_state(reached);
                set = set.union(&own);
                next.push(reached);
            }
            if next.len() > 16 * STATES {
                next.sort_unstable();
                next.dedup();
            }
        }
        // A match ended before this byte: what stands here need not be the match's.
        if ended {
            break;
        }
        *slot = set;
        states = next;
    }
    at
}

/// Whether a window holds at a place; what lies behind the text is anything.
#[inline]
pub(super) fn holds(window: &Window, text: &[u8], at: usize, begins: Option<usize>) -> bool {
    let [before, own @ ..] = window;
    let stands = at.checked_sub(1).filter(|_| begins != Some(at)).and_then(|index| text.get(index));
    stands.is_none_or(|byte| before.contains(*byte))
        && own.iter().zip(text.get(at..).unwrap_or_default()).all(|(set, byte)| set.contains(*byte))
}
