//! Literal values found from the beginning of each word: a list as it is, or a list of keyed hashes.
//!
//! Case, full-width ASCII and the spelling of accents are folded on both sides (`fold`). A value must be bounded by
//! characters that are neither letters nor digits, or by the text's ends; where several begin at one place the longest
//! counts. A list as it is is walked as a compact automaton; a list of hashes is asked for the words that begin at a
//! place, one more each time (`hashed`).

mod fold;
mod hashed;

use std::fmt;
use std::sync::Arc;

use fst::raw::{CompiledAddr, Node};

use self::fold::is_word;
use self::hashed::Hashed;
use super::detect::Step;
use super::operator::HashKey;
use super::ruleset::{BuildErrorKind, Cost};

pub(super) use self::fold::{fold, is_mark};
pub use self::hashed::{HashedTerm, MAX_WORDS};

/// Longest term in bytes as written.
const MAX_LEN: usize = 512;

/// Literal values to find: folded, bounded by words, longest first. Compiled once and shared.
#[derive(Clone, PartialEq, Eq)]
pub struct TermList(Arc<Terms>);

impl TermList {
    /// Compiles a list of values. What is kept is the automaton alone.
    ///
    /// # Errors
    /// [`BuildErrorKind::Term`] when a value is empty or longer than 512 bytes.
    pub fn new<'value>(values: impl IntoIterator<Item = &'value str>) -> Result<Self, BuildErrorKind> {
        Terms::compile(values).map(|terms| Self(Arc::new(terms)))
    }

    /// A list of keyed hashes: `words` are the numbers of words that its values have, `longest` is the most bytes of a
    /// folded value.
    ///
    /// # Errors
    /// [`BuildErrorKind::Term`] when there are no hashes, or the numbers are none that a list can have.
    pub fn hashed(
        key: &HashKey,
        words: &[usize],
        longest: usize,
        hashes: Vec<[u8; 16]>,
    ) -> Result<Self, BuildErrorKind> {
        Ok(Self(Arc::new(Terms::hashed(Hashed::new(key, words, longest, hashes).ok_or(BuildErrorKind::Term)?))))
    }

    /// The keyed hash of a value, for such a list; none where it has no word, more than six, or more than 512 bytes.
    #[must_use]
    pub fn hash(key: &HashKey, value: &str) -> Option<HashedTerm> {
        hashed::hash(key, value)
    }

    /// How many values there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The compiled list.
    pub(super) fn terms(&self) -> Arc<Terms> {
        Arc::clone(&self.0)
    }
}

impl fmt::Debug for TermList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TermList({} values)", self.len())
    }
}

/// A compiled list.
pub(super) struct Terms {
    values: Values,
    /// Bytes a value may begin with in the text.
    first: Box<[bool; 256]>,
    /// Longest stretch of text that can match, in bytes, with one character to see its end.
    pub(super) max_len: usize,
}

enum Values {
    Plain(fst::Set<Vec<u8>>),
    Hashed(Hashed),
}

impl PartialEq for Terms {
    fn eq(&self, other: &Self) -> bool {
        match (&self.values, &other.values) {
            (Values::Plain(own), Values::Plain(theirs)) => own.as_fst().as_bytes() == theirs.as_fst().as_bytes(),
            (Values::Hashed(own), Values::Hashed(theirs)) => own == theirs,
            (Values::Plain(_), Values::Hashed(_)) | (Values::Hashed(_), Values::Plain(_)) => false,
        }
    }
}

impl Eq for Terms {}

impl fmt::Debug for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Terms({} values)", self.len())
    }
}

impl Terms {
    /// Folds the values into one buffer and sorts their places: no value has an allocation of its own.
    fn compile<'value>(values: impl IntoIterator<Item = &'value str>) -> Result<Self, BuildErrorKind> {
        let mut text = String::new();
        let mut places: Vec<(u32, u16)> = Vec::new();
        let mut longest = 0;
        for value in values {
            if value.is_empty() || value.len() > MAX_LEN {
                return Err(BuildErrorKind::Term);
            }
            let start = text.len();
            let mut count = 0;
            let mut give = |folded| {
                text.push(folded);
                count += 1;
            };
            value.chars().for_each(|character| fold(character, &mut give));
            // Folding may shorten what stands in the text: four bytes a character is the most it can have been.
            longest = longest.max(count * 4);
            let place = (u32::try_from(start).ok(), u16::try_from(text.len() - start).ok());
            let (Some(start), Some(len)) = place else { return Err(BuildErrorKind::Term) };
            places.push((start, len));
        }
        let bytes = text.as_bytes();
        let of = |(start, len): (u32, u16)| {
            let start = start as usize;
            bytes.get(start..start + usize::from(len)).unwrap_or_default()
        };
        places.sort_unstable_by(|left, right| of(*left).cmp(of(*right)));
        places.dedup_by(|left, right| of(*left) == of(*right));
        let mut first = Box::new([false; 256]);
        for byte in places.iter().filter_map(|place| of(*place).first()) {
            for byte in [*byte, byte.to_ascii_uppercase()] {
                if let Some(slot) = first.get_mut(usize::from(byte)) {
                    *slot = true;
                }
            }
        }
        // Another alphabet's letters, and the full-width forms of ASCII, begin with a byte above ASCII.
        first.iter_mut().skip(0x80).for_each(|slot| *slot = true);
        let mut builder = fst::SetBuilder::memory();
        let values = builder.extend_iter(places.iter().map(|place| of(*place)));
        let values = values.and_then(|()| builder.into_inner()).and_then(fst::Set::new);
        let mut values = values.map_err(|_| BuildErrorKind::Term)?.into_fst().into_inner();
        values.shrink_to_fit();
        let values = Values::Plain(fst::Set::new(values).map_err(|_| BuildErrorKind::Term)?);
        Ok(Self { values, first, max_len: longest + 4 })
    }

    fn hashed(hashed: Hashed) -> Self {
        let mut first = Box::new([true; 256]);
        for (byte, slot) in (0..0x80_u8).zip(first.iter_mut()) {
            *slot = byte.is_ascii_alphanumeric();
        }
        Self { first, max_len: hashed.max_len(), values: Values::Hashed(hashed) }
    }

    fn len(&self) -> usize {
        match &self.values {
            Values::Plain(values) => values.len(),
            Values::Hashed(hashed) => hashed.len(),
        }
    }

    pub(super) fn cost(&self) -> Cost {
        match &self.values {
            Values::Plain(_) => Cost::Terms,
            Values::Hashed(_) => Cost::Hashes,
        }
    }

    pub(super) fn may_begin(&self, byte: u8) -> bool {
        self.first.get(usize::from(byte)).copied().unwrap_or(true)
    }

    /// Looks for the longest value at `at`, the beginning of a character.
    pub(super) fn find(&self, text: &[u8], at: usize, last: bool) -> Step {
        match &self.values {
            Values::Plain(values) => walk(values, text, at, last),
            Values::Hashed(hashed) => hashed.find(text, at, last),
        }
    }
}

/// Walks the automaton along the folded text.
fn walk(values: &fst::Set<Vec<u8>>, text: &[u8], at: usize, last: bool) -> Step {
    let automaton = values.as_fst();
    let mut node = automaton.root();
    let mut best = Step::None;
    let mut here = at;
    loop {
        let (character, width) = match character_at(text, here, last) {
            Character::Some(character, width) => (character, width),
            Character::Broken | Character::End => return best,
            Character::More => return Step::More,
        };
        let mut lost = false;
        fold(character, &mut |folded| {
            for byte in folded.encode_utf8(&mut [0; 4]).bytes() {
                match follow(&node, byte).filter(|_| !lost) {
                    Some(address) => node = automaton.node(address),
                    None => lost = true,
                }
            }
        });
        if lost {
            return best;
        }
        here += width;
        if node.is_final() {
            match character_at(text, here, last) {
                Character::Some(next, _) if goes_on(character, next) => {}
                Character::More => return Step::More,
                _ => best = Step::Match(here),
            }
        }
    }
}

/// Whether a word goes on from one character to the next; an accent belongs to whatever it stands behind.
fn goes_on(character: char, next: char) -> bool {
    fold::is_mark(next) || is_word(character) && next.is_alphanumeric()
}

fn follow(node: &Node<'_>, byte: u8) -> Option<CompiledAddr> {
    node.find_input(byte).map(|index| node.transition_addr(index))
}

/// What stands at a place.
#[derive(Clone, Copy)]
pub(super) enum Character {
    /// A character and its width.
    Some(char, usize),
    /// A byte that is not UTF-8.
    Broken,
    /// The end of the text.
    End,
    /// The text may go on here.
    More,
}

pub(super) fn character_at(text: &[u8], at: usize, last: bool) -> Character {
    let Some(&lead) = text.get(at) else {
        return if last { Character::End } else { Character::More };
    };
    if lead.is_ascii() {
        return Character::Some(char::from(lead), 1);
    }
    let width = match lead {
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => return Character::Broken,
    };
    let available = text.get(at..text.len().min(at + width)).unwrap_or_default();
    match std::str::from_utf8(available) {
        Ok(valid) => valid.chars().next().map_or(Character::Broken, |character| Character::Some(character, width)),
        Err(error) if error.error_len().is_none() && !last => Character::More,
        Err(_) => Character::Broken,
    }
}

/// Whether the character that ends before `at` is a letter, its accent, or a digit.
pub(super) fn word_before(text: &[u8], at: usize) -> bool {
    let head = text.get(at.saturating_sub(4)..at).unwrap_or_default();
    let Some(width) = head.iter().rev().position(|byte| byte & 0xC0 != 0x80) else {
        return false;
    };
    match character_at(text, at - width - 1, true) {
        Character::Some(character, found) if found == width + 1 => is_word(character),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_bounds_and_prefers_the_longest() {
        let terms = Terms::compile(["Jane Doe", "Jane", "ÉCOLE"]).expect("terms");
        assert_eq!(terms.find(b"jane doe.", 0, true), Step::Match(8));
        assert_eq!(terms.find(b"JANE dog", 0, true), Step::Match(4));
        assert_eq!(terms.find(b"janet", 0, true), Step::None);
        assert_eq!(terms.find("école".as_bytes(), 0, true), Step::Match(6));
        assert_eq!(terms.find("e\u{301}cole".as_bytes(), 0, true), Step::Match(7));
        assert_eq!(terms.find("ecole".as_bytes(), 0, true), Step::None);
        assert_eq!(terms.find("jane\u{301}".as_bytes(), 0, true), Step::None, "an accent is part of its letter");
        assert_eq!(terms.find("ＪＡＮＥ".as_bytes(), 0, true), Step::Match(12));
        assert_eq!(terms.find(b"jane", 0, false), Step::More);
        assert_eq!(terms.find(b"jan", 0, true), Step::None);
        assert!(word_before("e\u{301}".as_bytes(), 3));
    }

    #[test]
    fn lists_are_equal_by_what_they_find() {
        let list = |values: &[&str]| TermList::new(values.iter().copied()).expect("terms");
        assert_eq!(list(&["Jane", "Joan", "jane"]), list(&["JOAN", "jane"]));
        assert_ne!(list(&["Jane"]), list(&["Joan"]));
        assert_eq!(list(&["Jane", "Joan", "jane"]).len(), 2);
        assert!(TermList::new([""]).is_err() && TermList::new([&*"x".repeat(513)]).is_err());
    }
}
