//! Windows that few sequences of bytes pass: told by three or four bytes at once, for all of them together.
//!
//! Enters: windows, and the four bytes that words begin with (`grams`). Leaves: the sequences that the pass looks for, and for
//! a place those windows whose sequences stand there, up to case. A bucket of the pass looks at each byte by itself; most
//! keys begin with letters of their own, so that a sequence tells nearly all places apart. Letters count without case, and
//! what is not ASCII counts as one.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::super::byte_set::ByteSet;
use super::super::vector::{AHEAD, Sequences, first_three, kinds};
use super::Window;
use super::grams::Gram;

/// The most sequences of a window.
const MOST: usize = 256;
/// Of numbers, as a part of all.
const NUMBERS: usize = 39;
/// A fourth place where so many bytes may stand tells too little.
const MANY: usize = 16;
/// The byte without case, or one for all that are not ASCII, as [`kinds`] takes them.
fn kind(byte: u8) -> u8 {
    let [kind, ..] = kinds([byte; AHEAD]).to_le_bytes();
    kind
}

/// What three bytes are in the place of four: no kind is that of their last one.
const SHORT: u32 = 0xFF00_0000;

/// The windows by the sequences that pass them: sequences of four bytes and of three, those of one hash together.
pub(super) struct Words {
    /// Where the sequences of a hash begin.
    starts: Vec<u32>,
    /// Each sequence, and where its windows begin in `ids`.
    sequences: Vec<(u32, u32)>,
    ids: Vec<u32>,
    /// Bits of a hash.
    bits: u32,
}

fn hash(sequence: u32, bits: u32) -> usize {
    (sequence.wrapping_mul(0x9E37_79B1) >> (u32::BITS - bits)) as usize
}

/// For each byte its kind.
static KINDS: LazyLock<[u8; 256]> = LazyLock::new(|| std::array::from_fn(|byte| u8::try_from(byte).map_or(0, kind)));

/// The kinds of bytes that may stand at a window's places from its own on.
fn kinds_of(window: &Window) -> [ByteSet; AHEAD] {
    let [_, own @ ..] = window;
    own.map(|set| {
        let mut kinds = ByteSet::NONE;
        set.bytes().filter_map(|byte| KINDS.get(usize::from(byte))).for_each(|kind| kinds.insert(*kind));
        kinds
    })
}

/// How many bytes of a window are told at once, with the kinds at its places; nothing where the sequences that pass it are
/// many.
fn told(window: &Window) -> Option<(usize, [ByteSet; AHEAD])> {
    let kinds = kinds_of(window);
    let count = |kinds: &ByteSet| kinds.bytes().count();
    let len = if kinds.last().is_some_and(|last| count(last) >= MANY) { AHEAD - 1 } else { AHEAD };
    let product = kinds.iter().take(len).map(count).product::<usize>();
    // Numbers are too many to be told apart so, but for a few of them.
    let number = kinds.iter().take(len).all(|kinds| kinds.bytes().any(|kind| kind.is_ascii_digit()));
    let many = number && product * NUMBERS > 10_usize.pow(len as u32);
    (product <= MOST && !many).then_some((len, kinds))
}

/// How many bytes of a window are told at once, and the sequences that pass them; nothing where these are many.
fn sequences(window: &Window) -> Option<(usize, Vec<u32>)> {
    let (len, kinds) = told(window)?;
    let all = kinds.iter().take(len).enumerate().fold(vec![0_u32], |all, (place, kinds)| {
        let with = |known: u32| kinds.bytes().map(move |kind| known | u32::from(kind) << (8 * place));
        all.iter().flat_map(|known| with(*known)).collect()
    });
    Some((len, all))
}

/// Whether a window may hold inside a run of letters and digits.
pub(super) fn stands_inside(window: &Window) -> bool {
    let any = |set: &ByteSet| set.bytes().any(|byte| byte.is_ascii_alphanumeric());
    window.iter().take(2).all(any)
}

/// Whether few sequences pass a window.
pub(super) fn few(window: &Window) -> bool {
    told(window).is_some()
}

impl Words {
    /// What tells the sequences of these windows, and the four bytes that words begin with, each with the number that it is
    /// told by.
    pub(super) fn new<'w>(
        windows: impl Iterator<Item = (usize, &'w Window)>,
        grams: impl Iterator<Item = (usize, Gram)>,
    ) -> Self {
        let mut all: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (id, window) in windows {
            let Some((len, sequences)) = sequences(window) else { continue };
            for sequence in sequences {
                let sequence = if len == AHEAD { sequence } else { sequence | SHORT };
                all.entry(sequence).or_default().push(u32::try_from(id).unwrap_or(u32::MAX));
            }
        }
        for (id, gram) in grams {
            all.entry(kinds(gram)).or_default().push(u32::try_from(id).unwrap_or(u32::MAX));
        }
        // About one sequence has a hash.
        let bits = all.len().next_power_of_two().trailing_zeros().clamp(1, u32::BITS - 1);
        let mut by_hash: Vec<(u32, Vec<u32>)> = all.into_iter().collect();
        by_hash.sort_by_key(|(sequence, _)| hash(*sequence, bits));
        let mut words = Self { starts: Vec::new(), sequences: Vec::new(), ids: Vec::new(), bits };
        for (sequence, mut ids) in by_hash {
            // Beginnings that differ in what is not ASCII are one sequence.
            ids.sort_unstable();
            ids.dedup();
            words.starts.resize(hash(sequence, bits) + 1, words.sequences.len() as u32);
            words.sequences.push((sequence, words.ids.len() as u32));
            words.ids.extend(ids);
        }
        words.starts.resize((1 << bits) + 1, words.sequences.len() as u32);
        words
    }

    /// Adds the sequences to those that the pass looks for: those that `stand_inside` a run of letters and digits, by a window
    /// of theirs, and those that do not.
    pub(super) fn list_in(&self, sequences: &mut Sequences, stands_inside: impl Fn(usize) -> bool) {
        for (at, (sequence, _)) in self.sequences.iter().enumerate() {
            let inside = self.ids_of(at).iter().any(|id| stands_inside(*id as usize));
            match sequence & SHORT {
                SHORT => sequences.add_three(*sequence, inside),
                _ => sequences.add_four(*sequence, inside),
            }
        }
    }

    /// The windows whose sequences stand at `at`: of four bytes, and of three; nothing where the text ends too early to tell.
    #[inline]
    pub(super) fn at(&self, text: &[u8], at: usize) -> Option<[&[u32]; 2]> {
        let sequence = kinds(*text.get(at..)?.first_chunk()?);
        Some([self.list(sequence), self.list(first_three(sequence) | SHORT)])
    }

    #[inline]
    fn list(&self, sequence: u32) -> &[u32] {
        let hash = hash(sequence, self.bits);
        let (Some(from), Some(to)) = (self.starts.get(hash), self.starts.get(hash + 1)) else { return &[] };
        let own = (*from as usize..*to as usize)
            .find(|at| self.sequences.get(*at).is_some_and(|(known, _)| *known == sequence));
        own.map_or(&[], |at| self.ids_of(at))
    }

    /// The windows of the sequence at a place.
    fn ids_of(&self, at: usize) -> &[u32] {
        let from = self.sequences.get(at).map_or(0, |(_, from)| *from as usize);
        let to = self.sequences.get(at + 1).map_or(self.ids.len(), |(_, to)| *to as usize);
        self.ids.get(from..to).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
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
        let words =
            Words::new(windows.iter().enumerate().filter(|(_, window)| few(window)), [(9, *b"note")].into_iter());
        let may_stand =
            |text: &[u8], at| words.at(text, at).is_none_or(|lists| lists.into_iter().any(|list| !list.is_empty()));
        for text in ["ghp_", "gHs_", "sk-Q", "sk-b"] {
            assert!(may_stand(text.as_bytes(), 0), "{text}");
        }
        assert!(may_stand(b"a4q\xC3z", 1) && may_stand(b"gh", 0));
        let lists = |text: &[u8]| words.at(text, 0).map(|lists| lists.map(<[u32]>::to_vec));
        assert_eq!(lists(b"GHO_x"), Some([vec![0], vec![]]), "four bytes, in any case");
        assert_eq!(lists(b"sk-\xC3"), Some([vec![], vec![1]]), "three, where many bytes may stand behind them");
        assert_eq!(lists(b"Notes"), Some([vec![9], vec![]]), "the beginning of a word");
        assert_eq!((lists(b"ghx_"), lists(b"sk")), (Some([vec![], vec![]]), None));
        let passed = (0..65_536_u32).filter(|n| may_stand(&n.wrapping_mul(2_654_435_761).to_le_bytes(), 0));
        assert!(passed.count() < 30);
    }
}
