//! A list that holds keyed hashes of its values and not the values.
//!
//! A value is folded, its words are joined by one space each, and HMAC-SHA-256 (RFC 2104) under the list's key, cut to 128
//! bits, is kept. In a text the words that begin at a place are hashed, one more each time, where the list has values of
//! so many words. Between two words stand one to three characters that are neither letters nor digits. Bounded by the
//! number of words and by the longest value; whoever has the file and not the key can test no guess.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::fold::{fold, is_word};
use super::{Character, MAX_LEN, Step, character_at};
use crate::engine::operator::HashKey;

/// The most words of a value.
pub const MAX_WORDS: usize = 6;
/// The most characters between two words.
const BETWEEN: usize = 3;

/// A value as a list of hashes holds it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct HashedTerm {
    /// The first 128 bits of its keyed hash.
    pub hash: [u8; 16],
    /// How many words it has.
    pub words: usize,
    /// How many bytes it has when folded.
    pub len: usize,
}

/// The list.
pub(super) struct Hashed {
    key: Hmac<Sha256>,
    /// For 1 to [`MAX_WORDS`], whether there are values of so many words.
    words: [bool; MAX_WORDS],
    /// The most bytes of a folded value.
    longest: usize,
    /// Sorted.
    hashes: Box<[[u8; 16]]>,
    /// For the first 16 bits of a hash, where those that begin with them or with more begin.
    starts: Box<[u32]>,
}

impl fmt::Debug for Hashed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hashed({} values)", self.hashes.len())
    }
}

impl PartialEq for Hashed {
    /// Keys are not compared: equal hashes were made with equal keys.
    fn eq(&self, other: &Self) -> bool {
        (self.words, self.longest, &self.hashes) == (other.words, other.longest, &other.hashes)
    }
}

impl Hashed {
    pub(super) fn new(key: &HashKey, words: &[usize], longest: usize, mut hashes: Vec<[u8; 16]>) -> Option<Self> {
        let mut counts = [false; MAX_WORDS];
        for count in words {
            *counts.get_mut(count.checked_sub(1)?)? = true;
        }
        if words.is_empty() || hashes.is_empty() || longest == 0 || longest > 2 * MAX_LEN {
            return None;
        }
        hashes.sort_unstable();
        hashes.dedup();
        let start = |head: u32| hashes.partition_point(|hash| u32::from(head_of(hash)) < head);
        let starts = (0..=1 << 16).map(|head| u32::try_from(start(head)).ok()).collect::<Option<_>>()?;
        Some(Self { key: keyed(key)?, words: counts, longest, hashes: hashes.into(), starts })
    }

    pub(super) fn len(&self) -> usize {
        self.hashes.len()
    }

    /// The most bytes of text that are looked at: four for each folded byte and for each character between words.
    pub(super) fn max_len(&self) -> usize {
        4 * (self.longest + BETWEEN * MAX_WORDS) + 8
    }

    fn most_words(&self) -> usize {
        self.words.iter().rposition(|present| *present).map_or(0, |last| last + 1)
    }

    fn holds(&self, folded: &str) -> bool {
        let tag = tag(&self.key, folded);
        let head = usize::from(head_of(&tag));
        let bound = |at: usize| self.starts.get(at).map_or(0, |start| *start as usize);
        self.hashes.get(bound(head)..bound(head + 1)).is_some_and(|near| near.binary_search(&tag).is_ok())
    }

    /// Looks for the longest value at `at`, the beginning of a character.
    pub(super) fn find(&self, text: &[u8], at: usize, last: bool) -> Step {
        let mut folded = String::new();
        let mut best = Step::None;
        let mut here = at;
        for count in 0..self.most_words() {
            if count > 0 {
                match between(text, here, last) {
                    Between::Word(next) => here = next,
                    Between::None => return best,
                    Between::More => return Step::More,
                }
                folded.push(' ');
            }
            let start = here;
            loop {
                match character_at(text, here, last) {
                    Character::Some(character, width) if is_word(character) => {
                        fold(character, &mut |given| folded.push(given));
                        here += width;
                    }
                    Character::More => return Step::More,
                    Character::Some(..) | Character::Broken | Character::End => break,
                }
                // No value is that long, however many words it has.
                if folded.len() > self.longest {
                    return best;
                }
            }
            if here == start {
                return best;
            }
            if self.words.get(count).copied().unwrap_or(false) && self.holds(&folded) {
                best = Step::Match(here);
            }
        }
        best
    }
}

/// The first 16 bits of a hash.
fn head_of(hash: &[u8; 16]) -> u16 {
    let [first, second, ..] = *hash;
    u16::from_be_bytes([first, second])
}

/// What stands behind a word.
enum Between {
    /// Another word, here.
    Word(usize),
    /// No word near enough.
    None,
    /// The text may go on.
    More,
}

fn between(text: &[u8], mut here: usize, last: bool) -> Between {
    for _ in 0..=BETWEEN {
        match character_at(text, here, last) {
            Character::Some(character, _) if is_word(character) => return Between::Word(here),
            Character::Some(_, width) => here += width,
            Character::Broken | Character::End => return Between::None,
            Character::More => return Between::More,
        }
    }
    Between::None
}

fn keyed(key: &HashKey) -> Option<Hmac<Sha256>> {
    Hmac::new_from_slice(key.bytes()).ok()
}

fn tag(key: &Hmac<Sha256>, folded: &str) -> [u8; 16] {
    let mut mac = key.clone();
    mac.update(folded.as_bytes());
    let full = mac.finalize().into_bytes();
    let mut tag = [0; 16];
    tag.iter_mut().zip(full).for_each(|(slot, byte)| *slot = byte);
    tag
}

/// The hash of a value; none where it has no word, too many, or is too long.
pub(super) fn hash(key: &HashKey, value: &str) -> Option<HashedTerm> {
    if value.len() > MAX_LEN {
        return None;
    }
    let mut folded = String::new();
    let mut words = 0;
    for word in value.split(|character| !is_word(character)).filter(|word| !word.is_empty()) {
        if words > 0 {
            folded.push(' ');
        }
        words += 1;
        word.chars().for_each(|character| fold(character, &mut |given| folded.push(given)));
    }
    let usable = (1..=MAX_WORDS).contains(&words) && folded.len() <= 2 * MAX_LEN;
    let key = keyed(key).filter(|_| usable)?;
    Some(HashedTerm { hash: tag(&key, &folded), words, len: folded.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(values: &[&str]) -> Hashed {
        let key = HashKey::new([7; 32]);
        let terms: Vec<HashedTerm> = values.iter().filter_map(|value| hash(&key, value)).collect();
        let words: Vec<usize> = terms.iter().map(|term| term.words).collect();
        let longest = terms.iter().map(|term| term.len).max().unwrap_or(0);
        Hashed::new(&key, &words, longest, terms.iter().map(|term| term.hash).collect()).expect("a list")
    }

    #[test]
    fn words_are_found_in_any_spelling() {
        let terms = list(&["Jane Doe", "Jane", "Zoë O'Hara-Quinn", "C-10042"]);
        for (text, wanted) in [
            ("jane doe.", Step::Match(8)),
            ("JANE, Doe", Step::Match(9)),
            ("jane    doe", Step::Match(4)),
            ("janet doe", Step::None),
            ("doe", Step::None),
            ("zoe\u{308} o’hara quinn", Step::Match(20)),
            ("c 10042", Step::Match(7)),
            ("c 100421", Step::None),
            (" jane", Step::None),
        ] {
            assert_eq!(terms.find(text.as_bytes(), 0, true), wanted, "{text}");
        }
        assert_eq!(terms.find(b"jane", 0, false), Step::More);
        assert_eq!(terms.find(b"jane d", 0, false), Step::More);
        assert_eq!(terms.find(b"jane x y z ", 0, false), Step::Match(4));
    }

    #[test]
    fn values_have_one_to_six_words() {
        let key = HashKey::new([7; 32]);
        assert_eq!(hash(&key, "-"), None);
        assert_eq!(hash(&key, "a b c d e f g"), None);
        assert_eq!(hash(&key, "a b c d e f").map(|term| (term.words, term.len)), Some((6, 11)));
        assert_eq!(hash(&key, "JANE  doe"), hash(&key, "jane-DOE"));
        assert_ne!(hash(&key, "jane doe"), hash(&HashKey::new([8; 32]), "jane doe"));
        assert!(
            Hashed::new(&key, &[0], 5, vec![[0; 16]]).is_none() && Hashed::new(&key, &[7], 5, vec![[0; 16]]).is_none()
        );
        assert!(Hashed::new(&key, &[], 5, vec![[0; 16]]).is_none() && Hashed::new(&key, &[1], 5, Vec::new()).is_none());
    }
}
