//! Which entries hold at a place, told for many at once: a bit for each, by the bytes there.
//!
//! Enters: what entries allow at five places, and numbers that say which of them count. Leaves: for a place, the entries
//! that what stands there leaves over.

use std::collections::HashMap;
use std::ops::Range;

use super::super::byte_set::ByteSet;
use super::super::vector::PLACES;

/// For each byte, the entries that allow it at one place.
pub(super) struct Row {
    of: Box<[u16; 256]>,
    /// Bits, one set after another.
    sets: Vec<u64>,
}

impl Row {
    pub(super) fn new(allowed: &[ByteSet], words: usize) -> Self {
        // For each byte the entries that allow it; of entries that allow any the bits are set at once.
        let all = bits(words, allowed.iter().map(|set| *set == ByteSet::ALL));
        let mut by_byte = all.repeat(256);
        for (at, set) in allowed.iter().enumerate().filter(|(_, set)| **set != ByteSet::ALL) {
            for byte in set.bytes() {
                if let Some(word) = by_byte.get_mut(usize::from(byte) * words + at / 64) {
                    *word |= 1 << (at % 64);
                }
            }
        }
        let mut known: HashMap<&[u64], u16> = HashMap::new();
        let mut row = Self { of: Box::new([0; 256]), sets: Vec::new() };
        let mut last: Option<(&[u64], u16)> = None;
        for (bits, slot) in by_byte.chunks(words.max(1)).zip(row.of.iter_mut()) {
            // Neighbours are mostly alike.
            if let Some((_, number)) = last.filter(|(known, _)| *known == bits) {
                *slot = number;
                continue;
            }
            let next = u16::try_from(known.len()).unwrap_or(u16::MAX);
            *slot = *known.entry(bits).or_insert_with_key(|bits| {
                row.sets.extend_from_slice(bits);
                next
            });
            last = Some((bits, *slot));
        }
        row
    }

    /// Which of the row's sets a byte has.
    #[inline]
    pub(super) fn number(&self, byte: u8) -> usize {
        self.of.get(usize::from(byte)).map_or(0, |number| usize::from(*number))
    }

    /// The sets, in the order of their numbers.
    pub(super) fn sets(&self, words: usize) -> impl Iterator<Item = &[u64]> {
        self.sets.chunks(words.max(1))
    }

    #[inline]
    pub(super) fn set(&self, words: usize, byte: u8) -> &[u64] {
        let from = self.of.get(usize::from(byte)).map_or(0, |number| usize::from(*number) * words);
        self.sets.get(from..from + words).unwrap_or_default()
    }
}

/// The entries, by what stands at five places.
pub(super) struct Rows {
    words: usize,
    rows: Vec<Row>,
    /// Every entry: what a byte that is not there leaves over.
    all: Vec<u64>,
    /// By a number, the entries that count; words behind the last of them are left out.
    counts: Vec<Vec<u64>>,
    /// By a number, the bytes that some entry which counts allows at its place.
    own: Vec<ByteSet>,
}

/// Flags as bits, in so many words.
pub(super) fn bits(words: usize, flags: impl Iterator<Item = bool>) -> Vec<u64> {
    let mut bits = vec![0; words];
    for (at, _) in flags.enumerate().filter(|(_, flag)| *flag) {
        if let Some(word) = bits.get_mut(at / 64) {
            *word |= 1 << (at % 64);
        }
    }
    bits
}

impl Rows {
    /// So many entries; what each allows before a place and at it, and whether it counts for a number below `numbers`.
    pub(super) fn new(
        entries: usize,
        allowed: impl Fn(usize, usize) -> ByteSet,
        numbers: usize,
        counts: impl Fn(usize, usize) -> bool,
    ) -> Self {
        let words = entries.div_ceil(64);
        let row = |place| Row::new(&(0..entries).map(|entry| allowed(entry, place)).collect::<Vec<_>>(), words);
        let count = |number| {
            let mut bits = bits(words, (0..entries).map(|entry| counts(entry, number)));
            bits.truncate(bits.iter().rposition(|word| *word != 0).map_or(0, |last| last + 1));
            bits
        };
        let rows: Vec<Row> = (0..PLACES).map(row).collect();
        let counts: Vec<Vec<u64>> = (0..numbers).map(count).collect();
        let allows = |counting: &[u64], byte| {
            let own = rows.get(1).map_or(&[][..], |own| own.set(words, byte));
            own.iter().zip(counting).any(|(own, counting)| own & counting != 0)
        };
        let own = counts.iter().map(|counting| ByteSet::new(|byte| allows(counting, byte))).collect();
        Self { words, rows, all: vec![u64::MAX; words], counts, own }
    }

    /// Tells the entries that may stand at `place` and count for `number`, until one is taken; whether one was. Nothing
    /// stands before the place where the text `begins`, and anything may stand behind its end.
    pub(super) fn any(
        &self,
        text: &[u8],
        place: usize,
        number: usize,
        begins: bool,
        taken: impl FnMut(usize) -> bool,
    ) -> bool {
        let (Some(counting), Some(own)) = (self.counts.get(number), self.own.get(number)) else { return false };
        // Mostly the place's own byte is no entry's.
        if text.get(place).is_some_and(|byte| !own.contains(*byte)) {
            return false;
        }
        self.sets(text, place, begins).any(0..counting.len(), counting, taken)
    }

    /// Tells the entries among those of some words that may stand at a place.
    #[inline]
    pub(super) fn among(&self, sets: Sets<'_>, words: Range<usize>, mut tell: impl FnMut(usize)) {
        sets.any(words, &self.all, |entry| {
            tell(entry);
            false
        });
    }

    /// What the bytes at a place leave over.
    #[inline]
    pub(super) fn sets(&self, text: &[u8], place: usize, begins: bool) -> Sets<'_> {
        let mut sets = Sets([&self.all; PLACES]);
        for (row, (slot, known)) in sets.0.iter_mut().zip(&self.rows).enumerate() {
            let at = (place + row).checked_sub(1).filter(|at| !begins || *at >= place);
            if let Some(byte) = at.and_then(|at| text.get(at)) {
                *slot = known.set(self.words, *byte);
            }
        }
        sets
    }
}

/// For each of the places, the bits of the entries that the byte there leaves over.
#[derive(Clone, Copy)]
pub(super) struct Sets<'a>([&'a [u64]; PLACES]);

impl Sets<'_> {
    /// Tells the bits that are left in some words and counted, until one is taken; whether one was.
    #[inline]
    fn any(&self, words: Range<usize>, counting: &[u64], mut taken: impl FnMut(usize) -> bool) -> bool {
        let mut places = [&[][..]; PLACES];
        for (slot, set) in places.iter_mut().zip(self.0) {
            *slot = set.get(words.clone()).unwrap_or_default();
        }
        let [before, first, second, third, fourth] = places;
        let counting = counting.get(words.clone()).unwrap_or_default();
        let near = before.iter().zip(first).zip(second);
        for (word, ((((before, first), second), (third, fourth)), counting)) in
            words.zip(near.zip(third.iter().zip(fourth)).zip(counting))
        {
            let mut left = before & first & second & third & fourth & counting;
            while left != 0 {
                if taken(word * 64 + left.trailing_zeros() as usize) {
                    return true;
                }
                left &= left - 1;
            }
        }
        false
    }
}
