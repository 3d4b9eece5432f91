//! Windows that few sequences of bytes pass: told by three or four bytes at once, for all of them together.
//!
//! Enters: windows. Leaves: for a place, those whose sequences stand there, up to case. The pass looks at each byte
//! by itself and puts many windows into one bucket; most keys begin with letters of their own, so that a sequence tells
//! nearly all of its stops apart. Letters count without case, and what is not ASCII counts as one.

use std::collections::BTreeMap;

use super::super::vector::AHEAD;
use super::Window;

/// The most sequences of a window.
const MOST: usize = 128;
/// A fourth place where so many bytes may stand tells too little.
const MANY: usize = 16;
/// Bits of the hash of four bytes, and of three.
const FOUR: u32 = 17;
const THREE: u32 = 16;

/// The byte without case, or one for all that are not ASCII. Some other bytes are taken together as well.
fn kind(byte: u8) -> u8 {
    if byte.is_ascii() { byte | 0x20 } else { 0x80 }
}

/// The kinds of four bytes, as one number.
#[inline]
fn kinds(near: [u8; AHEAD]) -> u32 {
    let bytes = u32::from_le_bytes(near);
    let beyond = bytes & 0x8080_8080;
    (bytes | 0x2020_2020) & !((beyond >> 7) * 0xFF) | beyond
}

/// What three bytes are in the place of four: no kind is that of their last one.
const SHORT: u32 = 0xFF00_0000;
/// A slot without a sequence: no kind of its bytes is one.
const NONE: u32 = 0;

/// The windows by the sequences that pass them.
pub(super) struct Words {
    /// Whether a bit is set for a sequence's hash.
    four: Vec<u64>,
    three: Vec<u64>,
    /// The sequences by hash, each with where its windows stand in `ids`.
    slots: Vec<(u32, u32)>,
    /// Bits of a hash that tell a slot.
    bits: u32,
    lists: Vec<Vec<u32>>,
}

fn hash(sequence: u32, bits: u32) -> usize {
    (sequence.wrapping_mul(0x9E37_79B1) >> (u32::BITS - bits)) as usize
}

fn set(table: &mut [u64], hash: usize) {
    if let Some(word) = table.get_mut(hash / 64) {
        *word |= 1 << (hash % 64);
    }
}

#[inline]
fn has(table: &[u64], hash: usize) -> bool {
    table.get(hash / 64).is_none_or(|word| word >> (hash % 64) & 1 == 1)
}

/// The kinds of bytes that may stand at a window's places from its own on.
fn kinds_of(window: &Window) -> impl Iterator<Item = Vec<u8>> {
    window.iter().skip(1).map(|set| {
        let mut kinds: Vec<u8> = set.bytes().map(kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    })
}

/// How many bytes of a window are told at once, and the sequences that pass them; nothing where these are many.
fn sequences(window: &Window) -> Option<(usize, Vec<u32>)> {
    let kinds: Vec<Vec<u8>> = kinds_of(window).collect();
    let len = if kinds.last().is_some_and(|last| last.len() >= MANY) { AHEAD - 1 } else { AHEAD };
    let product = kinds.iter().take(len).map(Vec::len).product::<usize>();
    // Numbers are too many to be told apart so.
    let number = kinds.iter().take(len).all(|kinds| kinds.iter().any(u8::is_ascii_digit));
    (product <= MOST && !number).then(|| {
        let all = kinds.iter().take(len).enumerate().fold(vec![0_u32], |all, (place, kinds)| {
            let with =
                |known: &u32| kinds.iter().map(|kind| *known | u32::from(*kind) << (8 * place)).collect::<Vec<_>>();
            all.iter().flat_map(with).collect()
        });
        (len, all)
    })
}

/// Whether few sequences pass a window.
pub(super) fn few(window: &Window) -> bool {
    sequences(window).is_some()
}

impl Words {
    /// What tells the sequences of these windows, each with the number that it is told by.
    pub(super) fn new<'w>(windows: impl Iterator<Item = (usize, &'w Window)>) -> Self {
        let mut all: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (id, window) in windows {
            let Some((len, sequences)) = sequences(window) else { continue };
            for sequence in sequences {
                let sequence = if len == AHEAD { sequence } else { sequence | SHORT };
                all.entry(sequence).or_default().push(u32::try_from(id).unwrap_or(u32::MAX));
            }
        }
        // At most half of the slots are taken.
        let bits = (2 * all.len() + 2).next_power_of_two().trailing_zeros().clamp(1, u32::BITS - 1);
        let mut words = Self {
            four: vec![0; 1 << (FOUR - 6)],
            three: vec![0; 1 << (THREE - 6)],
            slots: vec![(NONE, 0); 1 << bits],
            bits,
            lists: Vec::new(),
        };
        for (sequence, ids) in all {
            match sequence & SHORT {
                SHORT => set(&mut words.three, hash(sequence & !SHORT, THREE)),
                _ => set(&mut words.four, hash(sequence, FOUR)),
            }
            let mask = words.slots.len() - 1;
            let mut slot = hash(sequence, bits);
            while words.slots.get(slot).is_some_and(|(known, _)| *known != NONE) {
                slot = (slot + 1) & mask;
            }
            if let Some(free) = words.slots.get_mut(slot) {
                *free = (sequence, u32::try_from(words.lists.len()).unwrap_or(u32::MAX));
            }
            words.lists.push(ids);
        }
        words
    }

    /// Whether a sequence of some window stands at `at`; always where the text ends too early to tell.
    #[inline]
    pub(super) fn may_stand(&self, text: &[u8], at: usize) -> bool {
        self.at(text, at).is_none_or(|lists| lists.iter().any(|list| !list.is_empty()))
    }

    /// The windows whose sequences stand at `at`: of four bytes, and of three; nothing where the text ends too early to tell.
    #[inline]
    pub(super) fn at(&self, text: &[u8], at: usize) -> Option<[&[u32]; 2]> {
        let sequence = kinds(*text.get(at..)?.first_chunk()?);
        let short = sequence & !SHORT;
        let four = if has(&self.four, hash(sequence, FOUR)) { self.list(sequence) } else { &[] };
        let three = if has(&self.three, hash(short, THREE)) { self.list(short | SHORT) } else { &[] };
        Some([four, three])
    }

    fn list(&self, sequence: u32) -> &[u32] {
        let mask = self.slots.len().wrapping_sub(1);
        let mut slot = hash(sequence, self.bits);
        loop {
            match self.slots.get(slot) {
                Some((known, list)) if *known == sequence => {
                    return self.lists.get(*list as usize).map_or(&[], Vec::as_slice);
                }
                Some((known, _)) if *known != NONE => slot = (slot + 1) & mask,
                _ => return &[],
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::byte_set::ByteSet;
    use super::*;

    fn window(places: [&[u8]; AHEAD]) -> Window {
        let mut window = [ByteSet::ALL; AHEAD + 1];
        for (set, bytes) in window.iter_mut().skip(1).zip(places) {
            *set = ByteSet::new(|byte| bytes.contains(&byte));
        }
        window
    }

    #[test]
    fn every_sequence_of_a_window_may_stand() {
        let letters: Vec<u8> = (b'a'..=b'z').chain(b'A'..=b'Z').collect();
        let windows = [
            window([b"g", b"hH", b"pous", b"_"]),
            window([b"s", b"k", b"-", &letters]),
            window([b"x", &letters, &letters, &letters]),
            window([b"0123456789", b"q", b"\xC3\xC2", b"z"]),
        ];
        assert!(windows.iter().take(2).chain(windows.last()).all(few) && !few(&windows[2]));
        let words = Words::new(windows.iter().enumerate().filter(|(_, window)| few(window)));
        for text in ["ghp_", "gHs_", "sk-Q", "sk-b"] {
            assert!(words.may_stand(text.as_bytes(), 0), "{text}");
        }
        assert!(words.may_stand(b"a4q\xC3z", 1) && words.may_stand(b"gh", 0));
        let lists = |text: &[u8]| words.at(text, 0).map(|lists| lists.map(<[u32]>::to_vec));
        assert_eq!(lists(b"GHO_x"), Some([vec![0], vec![]]), "four bytes, in any case");
        assert_eq!(lists(b"sk-\xC3"), Some([vec![], vec![1]]), "three, where many bytes may stand behind them");
        assert_eq!((lists(b"ghx_"), lists(b"sk")), (Some([vec![], vec![]]), None));
        let passed = (0..65_536_u32).filter(|n| words.may_stand(&n.wrapping_mul(2_654_435_761).to_le_bytes(), 0));
        assert!(passed.count() < 30);
    }
}
