//! Which entries hold where the text ends, told for all at once: a bit for each, by the bytes there.
//!
//! Enters: what entries allow at five places, and a number each of that decides whether it counts. Leaves: for a place near
//! the text's end, the entries that what stands there leaves over.

use std::collections::HashMap;

use super::super::byte_set::ByteSet;
use super::super::vector::PLACES;

/// For each byte, the entries that allow it at one place.
struct Row {
    of: Box<[u16; 256]>,
    /// Bits, one set after another.
    sets: Vec<u64>,
}

impl Row {
    fn new(allowed: &[ByteSet], words: usize) -> Self {
        let mut known: HashMap<Vec<u64>, u16> = HashMap::new();
        let mut row = Self { of: Box::new([0; 256]), sets: Vec::new() };
        for byte in 0..=255_u8 {
            let bits = bits(words, allowed.iter().map(|set| set.contains(byte)));
            let next = u16::try_from(known.len()).unwrap_or(u16::MAX);
            let number = *known.entry(bits).or_insert_with_key(|bits| {
                row.sets.extend_from_slice(bits);
                next
            });
            if let Some(slot) = row.of.get_mut(usize::from(byte)) {
                *slot = number;
            }
        }
        row
    }

    fn set(&self, words: usize, byte: u8) -> &[u64] {
        let from = self.of.get(usize::from(byte)).map_or(0, |number| usize::from(*number) * words);
        self.sets.get(from..from + words).unwrap_or_default()
    }
}

/// The entries, by what stands at five places.
pub(super) struct Ends {
    words: usize,
    rows: Vec<Row>,
    /// By a number, the entries that count.
    counts: Vec<Vec<u64>>,
}

fn bits(words: usize, flags: impl Iterator<Item = bool>) -> Vec<u64> {
    let mut bits = vec![0; words];
    for (at, _) in flags.enumerate().filter(|(_, flag)| *flag) {
        if let Some(word) = bits.get_mut(at / 64) {
            *word |= 1 << (at % 64);
        }
    }
    bits
}

impl Ends {
    /// So many entries; what each allows before a place and at it, and whether it counts for a number below `numbers`.
    pub(super) fn new(
        entries: usize,
        allowed: impl Fn(usize, usize) -> ByteSet,
        numbers: usize,
        counts: impl Fn(usize, usize) -> bool,
    ) -> Self {
        let words = entries.div_ceil(64);
        let row = |place| Row::new(&(0..entries).map(|entry| allowed(entry, place)).collect::<Vec<_>>(), words);
        let count = |number| bits(words, (0..entries).map(|entry| counts(entry, number)));
        Self { words, rows: (0..PLACES).map(row).collect(), counts: (0..numbers).map(count).collect() }
    }

    /// The entries that may stand at `place` and count for `number`. Nothing stands before the place where the text
    /// `begins`, and anything may stand behind its end.
    pub(super) fn at<'a>(
        &'a self,
        text: &'a [u8],
        place: usize,
        number: usize,
        begins: bool,
    ) -> impl Iterator<Item = usize> + 'a {
        let counting = self.counts.get(number).map_or(&[][..], Vec::as_slice);
        let mut sets: [&[u64]; PLACES] = [&[]; PLACES];
        for (row, (slot, known)) in sets.iter_mut().zip(&self.rows).enumerate() {
            let at = (place + row).checked_sub(1).filter(|at| !begins || *at >= place);
            *slot = at.and_then(|at| text.get(at)).map_or(&[][..], |byte| known.set(self.words, *byte));
        }
        counting.iter().enumerate().flat_map(move |(word, bits)| {
            let known = sets.iter().filter_map(|set| set.get(word));
            let mut left = known.fold(*bits, |left, set| left & set);
            std::iter::from_fn(move || {
                let bit = left.trailing_zeros() as usize;
                left &= left.wrapping_sub(1);
                (bit < 64).then_some(word * 64 + bit)
            })
        })
    }
}
