//! Sequences of three or four bytes, up to case: at which places of a block one of them may stand.
//!
//! Tables by places look at each byte by itself, so that thousands of words in few buckets are met everywhere. Here four
//! bytes are looked at as one number, by its hash. Letters count without case, and what is not ASCII counts as one byte.
//! Most sequences begin where a run of letters and digits does, or with another byte: inside runs only those few are looked
//! for that may stand there. What stands by chance in a few places of a hundred is told apart by whoever knows the
//! sequences.

use super::AHEAD;
use super::classes::{CLASSES, words};

/// Bytes that are looked at as one number.
type Near = [u8; AHEAD];

/// Bits of a hash that tell a word of the filter.
pub(super) const FOUR: u32 = 15;
pub(super) const THREE: u32 = 12;
/// So many fewer tell the words for what may stand inside runs.
pub(super) const LESS: u32 = 2;
/// What the hashes are made with.
pub(super) const MIX_FOUR: u32 = 0x9E37_79B1;
pub(super) const MIX_THREE: u32 = 0x85EB_CA6B;
/// How far the bytes are moved down onto themselves before: the lower bits of a product know of lower bytes only.
pub(super) const FOLD_FOUR: u32 = 15;
pub(super) const FOLD_THREE: u32 = 11;
/// Where in a hash the bits of a word are told: all three of four bytes, the first two of three.
pub(super) const BITS: [u32; 3] = [14, 9, 4];

/// The sequences: filters with three bits for each of four bytes, and with two for each of three. Behind the words for all of
/// them stand those for what may stand inside runs.
pub(in crate::engine) struct Sequences {
    pub(super) four: Box<[u32; (1 << FOUR) + (1 << (FOUR - LESS))]>,
    pub(super) three: Box<[u32; (1 << THREE) + (1 << (THREE - LESS))]>,
    any: bool,
}

/// The bytes without case, and one for all that are not ASCII. Some other bytes are taken together as well.
#[inline]
fn kinds_of_eight(bytes: u64) -> u64 {
    let beyond = bytes & 0x8080_8080_8080_8080;
    (bytes | 0x2020_2020_2020_2020) & !((beyond >> 7) * 0xFF) | beyond
}

/// The same for four bytes, as one number.
#[inline]
pub(in crate::engine) fn kinds(near: Near) -> u32 {
    kinds_of_eight(u64::from(u32::from_le_bytes(near))) as u32
}

/// The first three of them.
#[inline]
pub(in crate::engine) fn first_three(kinds: u32) -> u32 {
    kinds & 0x00FF_FFFF
}

/// Where the bits of four bytes stand, for what may stand anywhere (0) or inside runs (1): the word, and its bits.
#[inline]
fn place_of_four(kinds: u32, inside: u32) -> (usize, u32) {
    let hash = (kinds ^ kinds >> FOLD_FOUR).wrapping_mul(MIX_FOUR);
    let word = (hash >> (u32::BITS - FOUR + LESS * inside)) + (inside << FOUR);
    (word as usize, BITS.iter().fold(0, |bits, from| bits | 1 << (hash >> from & 31)))
}

/// Where the bits of three bytes stand, likewise.
#[inline]
fn place_of_three(kinds: u32, inside: u32) -> (usize, u32) {
    let three = first_three(kinds);
    let hash = (three ^ three >> FOLD_THREE).wrapping_mul(MIX_THREE);
    let word = (hash >> (u32::BITS - THREE + LESS * inside)) + (inside << THREE);
    (word as usize, BITS.iter().take(2).fold(0, |bits, from| bits | 1 << (hash >> from & 31)))
}

impl Default for Sequences {
    fn default() -> Self {
        Self {
            four: Box::new([0; (1 << FOUR) + (1 << (FOUR - LESS))]),
            three: Box::new([0; (1 << THREE) + (1 << (THREE - LESS))]),
            any: false,
        }
    }
}

impl Sequences {
    /// Takes four bytes, by their kinds, and whether they may stand `inside` a run of letters and digits.
    pub(in crate::engine) fn add_four(&mut self, kinds: u32, inside: bool) {
        for inside in 0..=u32::from(inside) {
            let (word, bits) = place_of_four(kinds, inside);
            self.four[word] |= bits;
        }
        self.any = true;
    }

    /// Takes three bytes, likewise.
    pub(in crate::engine) fn add_three(&mut self, kinds: u32, inside: bool) {
        for inside in 0..=u32::from(inside) {
            let (word, bits) = place_of_three(kinds, inside);
            self.three[word] |= bits;
        }
        self.any = true;
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.any
    }

    #[inline]
    fn may_be(&self, kinds: u32, inside: u32) -> bool {
        let (word, four) = place_of_four(kinds, inside);
        let (short, three) = place_of_three(kinds, inside);
        self.four[word] & four == four || self.three[short] & three == three
    }

    /// Whether one may stand at `at`; always where the text ends too early to tell. What lies before the text is anything.
    #[inline]
    pub(super) fn may_stand(&self, text: &[u8], at: usize) -> bool {
        if !self.any {
            return false;
        }
        let is_run = |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(u8::is_ascii_alphanumeric);
        let inside = is_run(at.checked_sub(1)) && is_run(Some(at));
        let near = text.get(at..).and_then(|rest| rest.first_chunk());
        near.is_none_or(|near| self.may_be(kinds(*near), u32::from(inside)))
    }

    /// Whether three bytes that the text ends with may be one.
    #[inline]
    pub(super) fn may_end(&self, last: [u8; AHEAD - 1]) -> bool {
        let [first, second, third] = last;
        let (word, bits) = place_of_three(kinds([first, second, third, 0]), 0);
        self.three[word] & bits == bits
    }

    /// A bit for each of the `BLOCK` places from `at` on, at most 64, of which every one has its bytes in the text.
    #[inline]
    pub(super) fn block<const BLOCK: usize>(&self, text: &[u8], at: usize) -> u64 {
        /// Places that one load of eight bytes has whole.
        const WHOLE: usize = 5;
        if !self.any {
            return 0;
        }
        let Some(block) = text.get(at..at + BLOCK + AHEAD - 1) else { return u64::MAX >> (64 - BLOCK) };
        let before = at.checked_sub(1).and_then(|before| text.get(before));
        let mut runs = 0_u64;
        for (place, part) in block.chunks(CLASSES).enumerate().take(BLOCK.div_ceil(CLASSES)) {
            let part = part.first_chunk().map_or_else(
                || {
                    let mut padded = [0; CLASSES];
                    padded[..part.len()].copy_from_slice(part);
                    words(&padded)
                },
                words,
            );
            runs |= u64::from(part.alphanumeric) << (place * CLASSES);
        }
        let inside = runs & (runs << 1 | u64::from(before.is_some_and(u8::is_ascii_alphanumeric)));
        let (mut bits, mut place) = (0, 0);
        while place < BLOCK {
            // The last load ends where the block does, and is shifted to its first place.
            let from = place.min(block.len() - 8);
            let Some(eight) = block.get(from..).and_then(|rest| rest.first_chunk()) else { break };
            let eight = kinds_of_eight(u64::from_le_bytes(*eight)) >> (8 * (place - from));
            for step in 0..WHOLE.min(BLOCK - place) {
                let inside = (inside >> (place + step) & 1) as u32;
                bits |= u64::from(self.may_be((eight >> (8 * step)) as u32, inside)) << (place + step);
            }
            place += WHOLE;
        }
        bits
    }
}
