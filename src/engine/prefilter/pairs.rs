//! A look at two bytes at a time, for all buckets at once: what the pass, which looks at each place by itself, leaves open.
//!
//! Enters: the windows of every bucket. Leaves: for a hit, the buckets of which some window allows the first two bytes
//! there, the two in the middle and the last two. `ab` and `xy` in one bucket let the pass stop at `ay`; here it does not.

use std::collections::HashSet;

use super::super::byte_set::ByteSet;
use super::super::vector::{AHEAD, Hit};
use super::Window;

/// ASCII is told apart, and all other bytes are one.
const KINDS: usize = 129;
/// Pairs of neighbours among the four bytes from a place on.
const PAIRS: usize = AHEAD - 1;

/// For each pair of bytes the buckets that allow it.
pub(super) struct Pairs {
    tables: Option<[Vec<u64>; PAIRS]>,
}

#[inline]
fn kind(byte: u8) -> usize {
    usize::from(byte).min(KINDS - 1)
}

/// The kinds of a set's bytes.
fn kinds(set: &ByteSet) -> impl Iterator<Item = usize> {
    let beyond = (0x80..=0xFF).any(|byte| set.contains(byte)).then_some(KINDS - 1);
    set.bytes().filter(u8::is_ascii).map(usize::from).chain(beyond)
}

impl Pairs {
    /// The pairs of buckets, each with its windows. Nothing is kept where every bucket has one window: the pass tells as
    /// much.
    pub(super) fn new<'w, W: Iterator<Item = &'w Window>>(buckets: impl Iterator<Item = W>) -> Self {
        let mut tables = [(); PAIRS].map(|()| vec![0_u64; KINDS * KINDS]);
        let mut several = false;
        for (bucket, windows) in buckets.enumerate() {
            let bit = 1_u64.checked_shl(bucket as u32).unwrap_or(0);
            let mut known: [HashSet<(ByteSet, ByteSet)>; PAIRS] = Default::default();
            for window in windows {
                for (pair, (table, known)) in tables.iter_mut().zip(&mut known).enumerate() {
                    let (Some(first), Some(second)) = (window.get(pair + 1), window.get(pair + 2)) else { continue };
                    if !known.insert((*first, *second)) {
                        continue;
                    }
                    several |= known.len() > 1;
                    let seconds: Vec<usize> = kinds(second).collect();
                    for first in kinds(first) {
                        for second in &seconds {
                            if let Some(slot) = table.get_mut(first * KINDS + second) {
                                *slot |= bit;
                            }
                        }
                    }
                }
            }
        }
        Self { tables: several.then_some(tables) }
    }

    /// The hit without the buckets that no pair leaves over. A place too near the text's end keeps all.
    #[inline]
    pub(super) fn at(&self, text: &[u8], hit: Hit) -> Hit {
        let near = text.get(hit.at as usize..).and_then(|rest| rest.first_chunk::<AHEAD>());
        let (Some(tables), Some(near)) = (&self.tables, near) else { return hit };
        let [first, second, third, fourth] = near.map(kind);
        let of = |pair: usize, one: usize, other: usize| {
            tables.get(pair).and_then(|table| table.get(one * KINDS + other)).copied().unwrap_or(u64::MAX)
        };
        let buckets = hit.buckets & of(0, first, second) & of(1, second, third) & of(2, third, fourth);
        Hit { buckets, ..hit }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_of_different_windows_do_not_mix() {
        let window = |text: &str| -> Window {
            std::array::from_fn(|place| match place.checked_sub(1).and_then(|at| text.as_bytes().get(at)) {
                Some(b'*') | None => ByteSet::ALL,
                Some(byte) => ByteSet::new(|other| other == *byte),
            })
        };
        let buckets = [vec![window("ab*d"), window("xy*d")], vec![window("a*cd")]];
        let pairs = Pairs::new(buckets.iter().map(|windows| windows.iter()));
        for (text, wanted) in [("abcd", 0b11), ("xycd", 0b01), ("aycd", 0b10), ("aycx", 0)] {
            let hit = Hit { at: 0, buckets: 0b11 };
            assert_eq!(pairs.at(text.as_bytes(), hit).buckets, wanted, "{text}");
        }
        // Too little of the text to tell.
        assert_eq!(pairs.at(b"ay", Hit { at: 0, buckets: 0b11 }).buckets, 0b11);
    }
}
