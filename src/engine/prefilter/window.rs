//! What must stand where a match may begin, taken from the rule's automaton: bytes by their distance from the start.
//!
//! Enters: a compiled expression. Leaves: for each of its leading literals (or once, where it has none) the bytes that
//! can stand at each of the first places of a match, as long as no shorter match ends before them. By construction no
//! match is without them; `proof` proves it again from the outside.

use regex_automata::Anchored;
use regex_automata::dfa::Automaton;
use regex_automata::util::primitives::StateID;
use regex_automata::util::start;

use super::super::byte_set::ByteSet;
use super::super::regex::Regex;
use super::super::vector::PLACES;

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
    let mut before = ByteSet::NONE;
    let mut states: Vec<StateID> = regex.begin(None).into_iter().collect();
    for byte in 0..=255_u8 {
        let Some(state) = regex.begin(Some(byte)) else { continue };
        if (0..=255_u8).any(|next| !automaton.is_dead_state(automaton.next_state(state, next))) {
            before.insert(byte);
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
    let mut leads: Vec<Lead> = Vec::new();
    for literal in literals {
        let lead = lead(regex, literal);
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

fn lead(regex: &Regex, literal: &[u8]) -> Lead {
    let automaton = regex.automaton();
    // What stands before a match makes few states, for 256 bytes.
    let mut known: Vec<(StateID, bool)> = Vec::new();
    let can_begin = |state: StateID| {
        // A byte that the literal cannot begin behind is ruled out.
        let mut here = state;
        for byte in literal {
            here = automaton.next_state(here, *byte);
        }
        !automaton.is_dead_state(here)
            && (!literal.is_empty()
                || (0..=255_u8).any(|byte| !automaton.is_dead_state(automaton.next_state(here, byte))))
    };
    let mut begin = |before: Option<u8>| {
        let config = start::Config::new().anchored(Anchored::Yes).look_behind(before);
        let state = automaton.start_state(&config).ok().filter(|state| !automaton.is_dead_state(*state))?;
        let alive = known.iter().find(|(one, _)| *one == state).map(|(_, alive)| *alive);
        let alive = alive.unwrap_or_else(|| {
            known.push((state, can_begin(state)));
            known.last().is_some_and(|(_, alive)| *alive)
        });
        alive.then_some(state)
    };
    let mut before = ByteSet::NONE;
    let mut states: Vec<StateID> = begin(None).into_iter().collect();
    for byte in 0..=255_u8 {
        if let Some(state) = begin(Some(byte)) {
            before.insert(byte);
            states.push(state);
        }
    }
    let at = places(regex, states, |place, byte| literal.get(place).is_none_or(|wanted| *wanted == byte));
    Lead { before, at }
}

/// What may stand at the places of a match that go on from some states by the bytes that `holds` takes, as long as no
/// match ends before them.
pub(super) fn places<const COUNT: usize>(
    regex: &Regex,
    mut states: Vec<StateID>,
    holds: impl Fn(usize, u8) -> bool,
) -> [ByteSet; COUNT] {
    let automaton = regex.automaton();
    let mut at = [ByteSet::ALL; COUNT];
    for (place, slot) in at.iter_mut().enumerate() {
        states.sort_unstable();
        states.dedup();
        if states.len() > STATES || states.iter().any(|state| regex.end(*state)) {
            break;
        }
        let mut set = ByteSet::NONE;
        let mut next = Vec::new();
        let mut ended = false;
        for byte in (0..=255_u8).filter(|byte| holds(place, *byte)) {
            for state in &states {
                let reached = automaton.next_state(*state, byte);
                if automaton.is_dead_state(reached) || automaton.is_quit_state(reached) {
                    continue;
                }
                ended |= automaton.is_match_state(reached);
                set.insert(byte);
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
