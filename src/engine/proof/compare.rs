//! Two automata held against each other: inclusion, and the shortest text in which they differ.
//!
//! Enters: tables of rules. Leaves: whether one finds all that the other finds, or the shortest example that it does
//! not. What stands before and behind a match counts as in a stream, so a lost `\b` is a difference.

use super::anchor::follower;
use super::automaton::{Automaton, BEFORE, DEAD, representatives};
use super::search::Search;
use super::{Example, Unproven};

/// Proves that `wide` has every match of `narrow`, at the same place and before the same bytes.
pub(super) fn includes(wide: &Automaton, narrow: &Automaton, limit: usize) -> Result<(), Unproven> {
    difference(narrow, &[wide], limit)
}

/// The shortest match of `first` that none of `others` has; `Ok` where there is none.
pub(super) fn difference(first: &Automaton, others: &[&Automaton], limit: usize) -> Result<(), Unproven> {
    let bytes = representatives(|byte| {
        let classes: Vec<u8> = others.iter().map(|other| other.class(byte)).collect();
        (first.class(byte), classes)
    });
    // A text that stands alone is the better example: the beginning of the text is tried first.
    for (at, before) in BEFORE.into_iter().enumerate() {
        let start = |automaton: &Automaton| automaton.starts.get(at).copied().unwrap_or(DEAD);
        let mut search = Search::new(limit);
        search.begin((start(first), others.iter().map(|other| start(other)).collect::<Vec<u32>>()));
        while let Some((node, (state, theirs))) = search.next() {
            if !first.is_alive(state) {
                continue;
            }
            let has = |next: Option<u8>| {
                let mut pairs = others.iter().zip(&theirs);
                first.ends_before(state, next) && !pairs.any(|(other, state)| other.ends_before(*state, next))
            };
            if first.is_final(state) {
                let next = std::iter::once(None).chain(bytes.iter().copied().map(Some)).find(|next| has(*next));
                if let Some(next) = next {
                    let (_, word) = search.word(node);
                    return Err(Unproven::Example(Example::new(before, word, next)));
                }
            }
            for byte in &bytes {
                let theirs = others.iter().zip(&theirs).map(|(other, state)| other.step(*state, *byte)).collect();
                search.reach(node, *byte, (first.step(state, *byte), theirs));
            }
            if search.is_too_large() {
                return Err(Unproven::TooLarge);
            }
        }
    }
    Ok(())
}

/// The shortest match of small letters alone that ends or begins within a word.
pub(super) fn inside_word(automaton: &Automaton, limit: usize) -> Option<Example> {
    let letters = || b'a'..=b'z';
    for (before, start) in BEFORE.into_iter().zip(automaton.starts) {
        let mut search = Search::new(limit);
        search.begin(start);
        while let Some((node, state)) = search.next() {
            if search.is_too_large() {
                return None;
            }
            let after = letters().find(|byte| automaton.ends_before(state, Some(*byte)));
            let behind = before == Some(b'a') && automaton.is_final(state);
            if after.is_some() || behind {
                let (_, word) = search.word(node);
                let next = after.or_else(|| if automaton.ends(state) { None } else { follower(automaton, state) });
                return Some(Example::new(before, word, next));
            }
            for byte in letters() {
                let next = automaton.step(state, byte);
                if automaton.is_alive(next) {
                    search.reach(node, byte, next);
                }
            }
        }
    }
    None
}
