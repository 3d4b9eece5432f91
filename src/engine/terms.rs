//! Literal values found by walking a compact automaton from the beginning of each word.
//!
//! Case and full-width ASCII are folded on both sides. A value must be bounded by characters that are neither letters
//! nor digits, or by the text's ends; where several begin at one place the longest counts.

use fst::raw::{CompiledAddr, Node};

use super::detect::Step;
use super::ruleset::BuildErrorKind;

/// Longest term in bytes as written.
const MAX_LEN: usize = 512;

/// A compiled list.
pub(super) struct Terms {
    values: fst::Set<Vec<u8>>,
    /// Bytes a value may begin with in the text.
    first: Box<[bool; 256]>,
    /// Longest stretch of text that can match, in bytes, with one character to see its end.
    pub(super) max_len: usize,
}

impl std::fmt::Debug for Terms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Terms({} values)", self.values.len())
    }
}

fn fold(character: char) -> impl Iterator<Item = char> {
    let narrow = match character {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(character as u32 - 0xFEE0).unwrap_or(character),
        '\u{3000}' | '\u{A0}' => ' ',
        other => other,
    };
    narrow.to_lowercase()
}

impl Terms {
    pub(super) fn compile(values: &[String]) -> Result<Self, BuildErrorKind> {
        let mut folded = Vec::with_capacity(values.len());
        let mut longest = 0;
        for value in values {
            if value.is_empty() || value.len() > MAX_LEN {
                return Err(BuildErrorKind::Term);
            }
            // Folding may shorten what stands in the text: four bytes a character is the most it can have been.
            longest = longest.max(value.chars().flat_map(fold).count() * 4);
            folded.push(value.chars().flat_map(fold).collect::<String>().into_bytes());
        }
        folded.sort_unstable();
        folded.dedup();
        let mut first = Box::new([false; 256]);
        for value in &folded {
            if let Some(slot) = value.first().and_then(|byte| first.get_mut(usize::from(*byte))) {
                *slot = true;
            }
            if let Some(slot) = value.first().and_then(|byte| first.get_mut(usize::from(byte.to_ascii_uppercase()))) {
                *slot = true;
            }
        }
        // Another alphabet's letters, and the full-width forms of ASCII, begin with a byte above ASCII.
        for slot in first.iter_mut().skip(0x80) {
            *slot = true;
        }
        let values = fst::Set::from_iter(folded).map_err(|_| BuildErrorKind::Term)?;
        Ok(Self { values, first, max_len: longest + 4 })
    }

    pub(super) fn may_begin(&self, byte: u8) -> bool {
        self.first.get(usize::from(byte)).copied().unwrap_or(true)
    }

    /// Looks for the longest value at `at`, the beginning of a character.
    pub(super) fn find(&self, text: &[u8], at: usize, last: bool) -> Step {
        let automaton = self.values.as_fst();
        let mut node = automaton.root();
        let mut best = Step::None;
        let mut here = at;
        loop {
            let (character, width) = match character_at(text, here, last) {
                Character::Some(character, width) => (character, width),
                Character::Broken => return best,
                Character::End => return best,
                Character::More => return Step::More,
            };
            let mut buffer = [0; 4];
            for folded in fold(character) {
                for byte in folded.encode_utf8(&mut buffer).bytes() {
                    match follow(automaton, &node, byte) {
                        Some(address) => node = automaton.node(address),
                        None => return best,
                    }
                }
            }
            here += width;
            if node.is_final() {
                match character_at(text, here, last) {
                    Character::Some(next, _) if character.is_alphanumeric() && next.is_alphanumeric() => {}
                    Character::More => return Step::More,
                    _ => best = Step::Match(here),
                }
            }
        }
    }
}

fn follow(automaton: &fst::raw::Fst<Vec<u8>>, node: &Node<'_>, byte: u8) -> Option<CompiledAddr> {
    let _ = automaton;
    node.find_input(byte).map(|index| node.transition_addr(index))
}

/// What stands at a place.
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

/// Whether the character that ends before `at` is a letter or digit.
pub(super) fn word_before(text: &[u8], at: usize) -> bool {
    let head = text.get(at.saturating_sub(4)..at).unwrap_or_default();
    let Some(width) = head.iter().rev().position(|byte| byte & 0xC0 != 0x80) else {
        return false;
    };
    match character_at(text, at - width - 1, true) {
        Character::Some(character, found) if found == width + 1 => character.is_alphanumeric(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_bounds_and_prefers_the_longest() {
        let terms = Terms::compile(&["Jane Doe".to_owned(), "Jane".to_owned(), "ÉCOLE".to_owned()]).expect("terms");
        assert_eq!(terms.find(b"jane doe.", 0, true), Step::Match(8));
        assert_eq!(terms.find(b"JANE dog", 0, true), Step::Match(4));
        assert_eq!(terms.find(b"janet", 0, true), Step::None);
        assert_eq!(terms.find("école".as_bytes(), 0, true), Step::Match(6));
        assert_eq!(terms.find("ＪＡＮＥ".as_bytes(), 0, true), Step::Match(12));
        assert_eq!(terms.find(b"jane", 0, false), Step::More);
        assert_eq!(terms.find(b"jan", 0, true), Step::None);
    }
}
