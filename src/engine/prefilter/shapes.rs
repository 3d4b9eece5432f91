//! Windows of letters and digits, by how long the run is that they begin.
//!
//! Enters: for each bucket the expressions that its windows are for. Leaves: for a place, the buckets whose expressions may
//! match at a run of letters and digits of just that length, of either case and of each. Numbers of documents are so many
//! letters and digits and no more, while most runs of a log are identifiers of other lengths. Found by walking each
//! automaton through runs of every length.

use regex_automata::util::primitives::StateID;

use super::super::regex::Regex;
use super::super::vector::{self, CLASSES};
use super::Lead;
use super::window::beginnings;

/// States walked at once; an expression of more may match at any run.
const STATES: usize = 256;
/// Kinds of runs: letters and digits, capitals and digits, small letters and digits.
const KINDS: usize = 3;

/// Kinds of what follows a run: a letter or digit, a space, a dash, anything else.
const FOLLOWERS: usize = 4;

/// For each kind of run and of what follows it, the lengths, a bit for each; the highest stands for all from there on.
pub(super) type Lengths = [[u64; FOLLOWERS]; KINDS];

/// Runs of any length.
pub(super) const ANY: Lengths = [[u64::MAX; FOLLOWERS]; KINDS];

/// For each kind and length of a run and what follows it, the buckets that it leaves over.
pub(super) struct Shapes([[[u64; FOLLOWERS]; CLASSES + 1]; KINDS]);

#[inline]
fn follower(byte: u8) -> usize {
    match byte {
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => 0,
        b' ' => 1,
        b'-' => 2,
        _ => 3,
    }
}

/// The lengths of the runs that an expression may match at which begin `back` bytes behind its match.
pub(super) fn lengths(regex: &Regex, lead: &Lead, back: usize) -> Lengths {
    let automaton = regex.automaton();
    let (_, mut states) = beginnings(regex);
    let kinds = regex.kinds();
    for place in 1..=back {
        let set = lead.place(place);
        let mut next: Vec<StateID> = Vec::new();
        for (byte, members) in &kinds {
            if members.intersection(&set).is_empty() {
                continue;
            }
            for state in &states {
                let reached = automaton.next_state(*state, *byte);
                if automaton.is_match_state(reached) {
                    return ANY;
                }
                if !automaton.is_dead_state(reached) && !automaton.is_quit_state(reached) {
                    next.push(reached);
                }
            }
        }
        next.sort_unstable();
        next.dedup();
        if next.len() > STATES {
            return ANY;
        }
        states = next;
    }
    [u8::is_ascii_alphanumeric, is_upper, is_lower].map(|inside| walk(regex, &states, inside))
}

fn is_upper(byte: &u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit()
}

fn is_lower(byte: &u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

/// The lengths of runs of some bytes that leave an expression alive with the byte behind them.
fn walk(regex: &Regex, states: &[StateID], inside: impl Fn(&u8) -> bool) -> [u64; FOLLOWERS] {
    let automaton = regex.automaton();
    // Of each kind of bytes what it is behind the run, and whether it may go on with it.
    let kinds: Vec<(u8, [bool; FOLLOWERS], bool)> = regex
        .kinds()
        .into_iter()
        .map(|(byte, members)| {
            let mut followers = [false; FOLLOWERS];
            for byte in members.bytes().filter(|byte| !inside(byte)) {
                if let Some(slot) = followers.get_mut(follower(byte)) {
                    *slot = true;
                }
            }
            (byte, followers, members.bytes().any(|byte| inside(&byte)))
        })
        .collect();
    let mut lengths = [0; FOLLOWERS];
    let mut states = states.to_vec();
    for length in 0..=CLASSES {
        let mut next: Vec<StateID> = Vec::new();
        for (state, (byte, followers, is_inside)) in
            states.iter().flat_map(|state| kinds.iter().map(move |kind| (*state, kind)))
        {
            let reached = automaton.next_state(state, *byte);
            if automaton.is_dead_state(reached) || automaton.is_quit_state(reached) {
                continue;
            }
            for (slot, follows) in lengths.iter_mut().zip(followers) {
                *slot |= u64::from(*follows) << length;
            }
            if !is_inside {
                continue;
            }
            if automaton.is_match_state(reached) {
                // A match ended within the run, which may go on as long as it likes.
                return lengths.map(|own| own | u64::MAX << length);
            }
            next.push(reached);
        }
        if length == CLASSES && !next.is_empty() {
            lengths = lengths.map(|own| own | 1 << CLASSES);
        }
        next.sort_unstable();
        next.dedup();
        if next.len() > STATES {
            return lengths.map(|own| own | u64::MAX << length);
        }
        states = next;
    }
    lengths
}

/// Lengths of one or of the other.
pub(super) fn or(mut one: Lengths, other: Lengths) -> Lengths {
    one.iter_mut().flatten().zip(other.iter().flatten()).for_each(|(own, other)| *own |= other);
    one
}

impl Shapes {
    /// The buckets in their order, each with the lengths of its expressions.
    pub(super) fn new(buckets: impl Iterator<Item = Lengths>) -> Self {
        let mut shapes = Self([[[0; FOLLOWERS]; CLASSES + 1]; KINDS]);
        for (bucket, lengths) in buckets.enumerate() {
            for (table, lengths) in shapes.0.iter_mut().zip(lengths) {
                for (length, row) in table.iter_mut().enumerate() {
                    for (slot, lengths) in row.iter_mut().zip(lengths) {
                        *slot |= (lengths >> length & 1).checked_shl(bucket as u32).unwrap_or(0);
                    }
                }
            }
        }
        shapes
    }

    /// The buckets that the run at `at` leaves over; all where the text ends too early to tell.
    #[inline]
    pub(super) fn allowed(&self, text: &[u8], at: usize) -> u64 {
        let Some(near) = text.get(at..).and_then(|rest| rest.first_chunk::<CLASSES>()) else { return u64::MAX };
        let words = vector::words(near);
        let digits = words.alphanumeric & !(words.upper | words.lower);
        let runs = [words.alphanumeric, words.upper | digits, words.lower | digits];
        let of = |(table, run): (&[[u64; FOLLOWERS]; CLASSES + 1], u32)| {
            let length = run.trailing_ones() as usize;
            let behind = near.get(length).map_or(0, |byte| follower(*byte));
            table.get(length).and_then(|row| row.get(behind)).copied().unwrap_or(u64::MAX)
        };
        self.0.iter().zip(runs).map(of).fold(u64::MAX, |all, own| all & own)
    }
}

#[cfg(test)]
mod tests {
    use super::super::window::leads;
    use super::*;

    #[test]
    fn runs_of_other_lengths_are_ruled_out() {
        let of = |pattern: &str| {
            let regex = Regex::compile(pattern, Some(200)).expect("an expression");
            let lead = leads(&regex).into_iter().next().expect("a lead");
            Shapes::new([lengths(&regex, &lead, 0)].into_iter())
        };
        let behind = " and then some more text, all of it words";
        let allowed = |shapes: &Shapes, text: &str| shapes.allowed(format!("{text}{behind}").as_bytes(), 0) & 1 == 1;
        let passport = of(r"\b[A-Z0-9]{8,9}\b");
        for (text, may) in [("ABCD1234", true), ("123456789", true), ("1234567", false), ("1234567890", false)] {
            assert_eq!(allowed(&passport, text), may, "{text}");
        }
        assert!(!allowed(&passport, "12345678a") && allowed(&passport, "12345678-1"));
        let open = of(r"\b[a-z]{4}[0-9]");
        assert!(allowed(&open, "abcd1") && allowed(&open, "abcd12345678901234567890123456789012"));
        assert!(!allowed(&open, "abc"));
        assert!(open.allowed(b"abc", 0) & 1 == 1, "more may come");
    }
}
