//! Windows that few sequences of bytes pass: told by three or four bytes at once, for all of them together.
//!
//! Enters: windows. Leaves: for a place, whether what stands there may be one of their sequences. The pass looks at each byte
//! by itself and puts many windows into one bucket; most keys begin with letters of their own, so that a sequence tells
//! nearly all of its stops apart. Letters count without case, and what is not ASCII counts as one.

use super::super::vector::AHEAD;
use super::Window;

/// The most sequences of a window.
const MOST: usize = 128;
/// A fourth place where so many bytes may stand tells too little.
const MANY: usize = 16;
/// Bits of the hash of four bytes, and of three.
const FOUR: u32 = 17;
const THREE: u32 = 16;

static KINDS: [u8; 256] = kinds();

#[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn kinds() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            0x80.. => 0x80,
            other => other.to_ascii_lowercase(),
        };
        byte += 1;
    }
    table
}

fn kind(byte: u8) -> u8 {
    KINDS.get(usize::from(byte)).copied().unwrap_or(byte)
}

/// Whether a bit is set for a sequence's hash.
pub(super) struct Words {
    four: Vec<u64>,
    three: Vec<u64>,
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
    /// What tells the sequences of these windows.
    pub(super) fn new<'w>(windows: impl Iterator<Item = &'w Window>) -> Self {
        let mut words = Self { four: vec![0; 1 << (FOUR - 6)], three: vec![0; 1 << (THREE - 6)] };
        for window in windows {
            match sequences(window) {
                Some((AHEAD, all)) => all.into_iter().for_each(|one| set(&mut words.four, hash(one, FOUR))),
                Some((_, all)) => all.into_iter().for_each(|one| set(&mut words.three, hash(one, THREE))),
                None => words.four.fill(u64::MAX),
            }
        }
        words
    }

    /// Whether a sequence of some window may stand at `at`; always where the text ends too early to tell.
    #[inline]
    pub(super) fn may_stand(&self, text: &[u8], at: usize) -> bool {
        let Some(near) = text.get(at..).and_then(|rest| rest.first_chunk::<AHEAD>()) else { return true };
        let sequence = u32::from_le_bytes(near.map(kind));
        has(&self.four, hash(sequence, FOUR)) || has(&self.three, hash(sequence & 0x00FF_FFFF, THREE))
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
        let words = Words::new(windows.iter().filter(|window| few(window)));
        for text in ["ghp_", "gHs_", "sk-Q", "sk-b"] {
            assert!(words.may_stand(text.as_bytes(), 0), "{text}");
        }
        assert!(words.may_stand(b"a4q\xC3z", 1) && words.may_stand(b"gh", 0));
        let passed =
            (0..65_536_u32).filter(|n| words.may_stand(&(n.wrapping_mul(2_654_435_761)).to_le_bytes(), 0)).count();
        assert!(passed < 3_000, "{passed} of 65,536");
    }
}
