//! Words and phrases, compiled: a table of words, and for each phrase a path of words that leads to its groups.

#![allow(clippy::indexing_slicing, reason = "tables are indexed below their mask, and by numbers they gave out")]

use std::collections::HashMap;

/// No word, no node.
pub(super) const NONE: u32 = u32::MAX;
/// Where every phrase begins.
pub(super) const ROOT: u32 = 0;

/// The words of all phrases, numbered.
#[derive(Debug)]
struct Words {
    /// Word numbers by hash, [`NONE`] where there is none.
    slots: Vec<u32>,
    spans: Vec<(u32, u32)>,
    bytes: Vec<u8>,
    longest: usize,
    /// A bit for the hash of each word: most words of a text have none.
    seen: Vec<u64>,
}

/// The phrases.
#[derive(Debug)]
pub(super) struct Phrases {
    words: Words,
    /// From a node by a word to the next node.
    steps: Vec<(u32, u32, u32)>,
    /// For each word whether a phrase begins with it.
    begins: Vec<bool>,
    /// For each word how far behind its beginning a phrase counts that begins with it, in characters: the word alone,
    /// and with others behind it.
    reaches: Vec<(u16, u16)>,
    /// A bit for the hash of each word that a phrase begins with: few enough to stay near.
    first: Vec<u64>,
    /// The same for a hash of their first eight bytes, which costs less.
    begin: Vec<u64>,
    /// For each node where its groups stand in `groups`.
    ends: Vec<(u32, u32)>,
    groups: Vec<u32>,
}

impl Phrases {
    /// Compiles phrases, each a list of words and the group it belongs to; `reach` tells how far behind a phrase's beginning
    /// a group counts it.
    pub(super) fn new(phrases: &[(Vec<Vec<u8>>, u32)], reach: impl Fn(u32) -> usize) -> Self {
        let mut numbers: HashMap<&[u8], u32> = HashMap::new();
        let mut list: Vec<&[u8]> = Vec::new();
        let mut nodes: HashMap<(u32, u32), u32> = HashMap::new();
        let mut groups: Vec<Vec<u32>> = vec![Vec::new()];
        for (words, group) in phrases.iter().filter(|(words, _)| !words.is_empty()) {
            let mut node = ROOT;
            for word in words {
                let number = *numbers.entry(word).or_insert_with(|| {
                    list.push(word);
                    list.len() as u32 - 1
                });
                node = *nodes.entry((node, number)).or_insert_with(|| {
                    groups.push(Vec::new());
                    groups.len() as u32 - 1
                });
            }
            if let Some(own) = groups.get_mut(node as usize)
                && !own.contains(group)
            {
                own.push(*group);
            }
        }
        let mut begins = vec![false; list.len()];
        let mut reaches = vec![(0, 0); list.len()];
        let (mut first, mut begin) = (vec![0; FIRST], vec![0; FIRST]);
        for (words, group) in phrases {
            let Some(word) = words.first() else { continue };
            let bit = bit(hash(word));
            first[bit / 64] |= 1 << (bit % 64);
            let bit = bit_of_eight(eight(word), word.len());
            begin[bit / 64] |= 1 << (bit % 64);
            if let Some((alone, longer)) = numbers.get(word.as_slice()).and_then(|own| reaches.get_mut(*own as usize)) {
                let own = if words.len() == 1 { alone } else { longer };
                *own = u16::try_from(reach(*group)).unwrap_or(u16::MAX).max(*own);
            }
        }
        let mut steps = vec![(NONE, NONE, NONE); (2 * nodes.len()).next_power_of_two()];
        for ((from, word), to) in nodes {
            begins[word as usize] |= from == ROOT;
            let mut slot = mix(from, word) as usize & (steps.len() - 1);
            while steps[slot].2 != NONE {
                slot = (slot + 1) & (steps.len() - 1);
            }
            steps[slot] = (from, word, to);
        }
        let mut flat = Vec::new();
        let ends = groups.iter().map(|own| {
            let from = flat.len() as u32;
            flat.extend_from_slice(own);
            (from, flat.len() as u32)
        });
        let ends = ends.collect();
        Self { words: Words::new(&list), steps, begins, reaches, first, begin, ends, groups: flat }
    }

    /// The number of a word; [`NONE`] where no phrase has it. The figures that number a field (`phone2`) are no part of it.
    pub(super) fn word(&self, word: &[u8]) -> u32 {
        match self.words.find(word) {
            NONE => numbered(word).map_or(NONE, |stem| self.words.find(stem)),
            number => number,
        }
    }

    /// The number of the word of ASCII letters and digits, in any case, that stands at `at`; [`NONE`] where no phrase has
    /// it.
    #[inline]
    pub(super) fn plain_word(&self, text: &[u8], at: usize, len: usize) -> u32 {
        match self.words.find_plain(text, at, len) {
            NONE => numbered(&text[at..at + len]).map_or(NONE, |stem| self.words.find_plain(text, at, stem.len())),
            number => number,
        }
    }

    /// The bytes of the longest word, with the figures that may number it.
    pub(super) fn longest(&self) -> usize {
        self.words.longest + FIGURES
    }

    /// Whether a phrase begins with this word.
    pub(super) fn begins(&self, word: u32) -> bool {
        self.begins.get(word as usize).copied().unwrap_or(false)
    }

    /// How far behind its beginning a phrase counts that begins with this word, in characters: the word alone, and with
    /// others behind it; 0 where there is none.
    pub(super) fn reach(&self, word: u32) -> (usize, usize) {
        let (alone, longer) = self.reaches.get(word as usize).copied().unwrap_or_default();
        (usize::from(alone), usize::from(longer))
    }

    /// As [`Phrases::plain_word`], for words that a phrase begins with alone.
    #[inline]
    pub(super) fn first_word(&self, text: &[u8], at: usize, len: usize) -> u32 {
        match self.first_of(text, at, len) {
            NONE => numbered(&text[at..at + len]).map_or(NONE, |stem| self.first_of(text, at, stem.len())),
            number => number,
        }
    }

    #[inline]
    fn first_of(&self, text: &[u8], at: usize, len: usize) -> u32 {
        let hash = hash_at(text, at, len);
        let bit = bit(hash);
        if self.first[bit / 64] >> (bit % 64) & 1 == 0 {
            return NONE;
        }
        self.words.find_by(&text[at..at + len], hash, |known, word| known.eq_ignore_ascii_case(word))
    }

    /// Whether a phrase may begin with the word of ASCII letters and digits, in any case, that stands at `at`, by its first
    /// eight bytes and its length as far as these.
    #[inline]
    pub(super) fn may_begin(&self, text: &[u8], at: usize, len: usize) -> bool {
        let rest = text.get(at..).unwrap_or_default();
        let first = rest.first_chunk().map_or_else(|| eight(rest), |first| u64::from_le_bytes(*first));
        let bit = bit_of_eight(first, len);
        self.begin[bit / 64] >> (bit % 64) & 1 == 1
            || (len > STEM && (first as u8).is_ascii_alphabetic() && rest.get(len - 1).is_some_and(u8::is_ascii_digit))
    }

    /// Where a word leads.
    pub(super) fn step(&self, node: u32, word: u32) -> Option<u32> {
        if word == NONE {
            return None;
        }
        let mut slot = mix(node, word) as usize & (self.steps.len() - 1);
        loop {
            let (from, by, to) = self.steps[slot];
            if to == NONE {
                return None;
            }
            if (from, by) == (node, word) {
                return Some(to);
            }
            slot = (slot + 1) & (self.steps.len() - 1);
        }
    }

    /// The groups whose phrase ends at a node.
    pub(super) fn groups(&self, node: u32) -> &[u32] {
        let (from, to) = self.ends.get(node as usize).copied().unwrap_or_default();
        self.groups.get(from as usize..to as usize).unwrap_or_default()
    }
}

impl Words {
    fn new(list: &[&[u8]]) -> Self {
        let size = (2 * list.len()).next_power_of_two();
        let mut words =
            Self { slots: vec![NONE; size], spans: Vec::new(), bytes: Vec::new(), longest: 0, seen: vec![0; SEEN] };
        for (number, word) in list.iter().enumerate() {
            let from = words.bytes.len() as u32;
            words.bytes.extend_from_slice(word);
            words.spans.push((from, words.bytes.len() as u32));
            words.longest = words.longest.max(word.len());
            let hash = hash(word);
            words.seen[(hash >> 46) as usize / 64] |= 1 << ((hash >> 46) % 64);
            let mut slot = hash as usize & (size - 1);
            while words.slots[slot] != NONE {
                slot = (slot + 1) & (size - 1);
            }
            words.slots[slot] = number as u32;
        }
        words
    }

    fn find(&self, word: &[u8]) -> u32 {
        self.find_by(word, hash(word), |known, word| known == word)
    }

    #[inline]
    fn find_plain(&self, text: &[u8], at: usize, len: usize) -> u32 {
        let hash = hash_at(text, at, len);
        if self.seen[(hash >> 46) as usize / 64] >> ((hash >> 46) % 64) & 1 == 0 {
            return NONE;
        }
        self.find_by(&text[at..at + len], hash, |known, word| known.eq_ignore_ascii_case(word))
    }

    fn find_by(&self, word: &[u8], hash: u64, same: impl Fn(&[u8], &[u8]) -> bool) -> u32 {
        if word.len() > self.longest || self.seen[(hash >> 46) as usize / 64] >> ((hash >> 46) % 64) & 1 == 0 {
            return NONE;
        }
        let mut slot = hash as usize & (self.slots.len() - 1);
        loop {
            let number = self.slots[slot];
            if number == NONE {
                return NONE;
            }
            let (from, to) = self.spans[number as usize];
            if same(&self.bytes[from as usize..to as usize], word) {
                return number;
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
    }
}

/// The fewest bytes of a word before figures that number it.
const STEM: usize = 3;
/// The most figures that number a word.
const FIGURES: usize = 2;

/// A word without the figures at its end, where they may number it: `phone2`, `ssn01`, and no `sha256`.
#[inline]
pub(super) fn numbered(word: &[u8]) -> Option<&[u8]> {
    if !word.last().is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let figures = word.iter().rev().take(FIGURES + 1).take_while(|byte| byte.is_ascii_digit()).count();
    let stem = word.get(..word.len() - figures).unwrap_or_default();
    (figures <= FIGURES && stem.len() >= STEM).then_some(stem)
}

/// Words of 64 bits, one for each of the first 18 bits of a hash.
const SEEN: usize = 1 << 12;

/// The same for each of the first 16 bits.
const FIRST: usize = 1 << 10;

fn bit(hash: u64) -> usize {
    (hash >> 48) as usize
}

/// Up to eight bytes as a number.
fn eight(bytes: &[u8]) -> u64 {
    let mut eight = [0; 8];
    eight.iter_mut().zip(bytes).for_each(|(slot, byte)| *slot = *byte);
    u64::from_le_bytes(eight)
}

/// The bit of a word of so many bytes, of which the first are given, with or without what stands behind it.
#[inline]
fn bit_of_eight(first: u64, len: usize) -> usize {
    let own = first & u64::MAX >> (64 - 8 * len.clamp(1, 8)) | 0x2020_2020_2020_2020;
    (own.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 48) as usize
}

/// A hash of a word's length and its first and last eight bytes, the same for small and capital ASCII letters.
fn hash(word: &[u8]) -> u64 {
    hashed(eight(word), eight(&word[word.len().saturating_sub(8)..]), word.len())
}

/// The same for the word that begins at `at`, by eight bytes at once where the text has so many.
#[inline]
fn hash_at(text: &[u8], at: usize, len: usize) -> u64 {
    match (text.get(at..).and_then(|rest| rest.first_chunk()), len) {
        (Some(first), 1..8) => {
            let own = u64::from_le_bytes(*first) & (u64::MAX >> (64 - 8 * len));
            hashed(own, own, len)
        }
        (Some(first), 8..) => match text.get(..at + len).and_then(|head| head.last_chunk()) {
            Some(last) => hashed(u64::from_le_bytes(*first), u64::from_le_bytes(*last), len),
            None => hash(&text[at..at + len]),
        },
        _ => hash(&text[at..at + len]),
    }
}

#[inline]
fn hashed(first: u64, last: u64, len: usize) -> u64 {
    const SMALL: u64 = 0x2020_2020_2020_2020;
    let (first, last) = (first | SMALL, last | SMALL);
    let mixed = (first ^ (len as u64) << 56).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29) ^ last;
    let mixed = mixed.wrapping_mul(0xD6E8_FEB8_6659_FD93);
    mixed ^ mixed >> 32
}

fn mix(node: u32, word: u32) -> u64 {
    let mixed = (u64::from(node) << 32 | u64::from(word)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed ^ mixed >> 32
}
