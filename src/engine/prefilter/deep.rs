//! Which entries hold round a number, told for many at once and over many places: a bit for each entry, by the bytes that
//! stand before the number, in it and behind it.
//!
//! Enters: what entries allow at places counted from a number's first digit. Leaves: of some entries those that what stands
//! there leaves over. Places that lie outside the text leave all of them.

use super::super::byte_set::ByteSet;
use super::rows::Row;

/// The most entries.
pub(super) const MOST: usize = WORDS * 64;
const WORDS: usize = 16;

/// Entries, a bit each.
#[derive(Clone, Copy)]
pub(in crate::engine) struct Bits {
    bits: [u64; WORDS],
    /// The entries' first word.
    from: usize,
    len: usize,
}

impl Bits {
    /// None of them.
    const NONE: Self = Self { bits: [0; WORDS], from: 0, len: 0 };

    /// The entries whose bits are set, in order.
    #[inline]
    pub(in crate::engine) fn entries(&self) -> impl Iterator<Item = usize> + use<'_> {
        let from = self.from;
        self.bits.iter().take(self.len).enumerate().flat_map(move |(word, bits)| {
            let mut left = *bits;
            std::iter::from_fn(move || {
                let bit = left.trailing_zeros() as usize;
                (left != 0).then(|| {
                    left &= left - 1;
                    (from + word) * 64 + bit
                })
            })
        })
    }
}

/// What entries allow, place by place.
#[derive(Default)]
pub(super) struct Deep {
    words: usize,
    /// Places before the number.
    before: usize,
    rows: Vec<Row>,
}

impl Deep {
    /// Entries that allow `allowed(entry, place)`; of the places `before` lie before the number.
    pub(super) fn new(entries: usize, before: usize, places: usize, allowed: impl Fn(usize, usize) -> ByteSet) -> Self {
        let words = entries.div_ceil(64).min(WORDS);
        let row = |place| Row::new(&(0..entries).map(|entry| allowed(entry, place)).collect::<Vec<_>>(), words);
        Self { words, before, rows: (0..places).map(row).collect() }
    }

    /// The sets of entries that what stands directly before a number leaves over.
    pub(super) fn sets_before(&self) -> impl Iterator<Item = &[u64]> {
        let row = self.before.checked_sub(1).and_then(|place| self.rows.get(place));
        row.into_iter().flat_map(|row| row.sets(self.words))
    }

    /// Which of them a byte has.
    #[inline]
    pub(super) fn set_before(&self, byte: u8) -> usize {
        let row = self.before.checked_sub(1).and_then(|place| self.rows.get(place));
        row.map_or(0, |row| row.number(byte))
    }

    /// Of `some` entries, from a word's first on, those that may stand round the number at `at`, whose first `known` bytes
    /// have been looked at. The byte before the place where the text `begins` is none of any entry's.
    #[inline]
    pub(super) fn narrow(
        &self,
        some: &[u64],
        from: usize,
        text: &[u8],
        (at, known): (usize, usize),
        begins: Option<usize>,
    ) -> Bits {
        let mut bits = Bits { bits: [0; WORDS], from, len: some.len().min(WORDS) };
        let (left, _) = bits.bits.split_at_mut(bits.len);
        let mut any = 0;
        for (own, some) in left.iter_mut().zip(some) {
            *own = *some;
            any |= *some;
        }
        if any == 0 {
            return Bits::NONE;
        }
        let behind = self.before + known.min(self.rows.len() - self.before);
        let near = self.before.checked_sub(1).into_iter();
        let far = (0..self.before.saturating_sub(1)).rev();
        for place in near.chain(behind..self.rows.len()).chain(far).chain(self.before..behind) {
            let Some(index) = (at + place).checked_sub(self.before) else { continue };
            let (Some(byte), Some(row)) = (text.get(index), self.rows.get(place)) else { continue };
            if begins == Some(index + 1) {
                continue;
            }
            let set = row.set(self.words, *byte).get(from..).unwrap_or_default();
            let mut any = 0;
            for (own, set) in left.iter_mut().zip(set) {
                *own &= set;
                any |= *own;
            }
            if any == 0 {
                return Bits::NONE;
            }
        }
        bits
    }
}

/// Entries of rules that ask for no words, and of those that do, each from a word's first bit on.
#[derive(Default)]
pub(super) struct Parted {
    /// Words of the first.
    free: usize,
    /// The entries of each group of words, as the words behind `free`.
    groups: Vec<Vec<u64>>,
}

/// Where entries stand that ask for words of a group, or for none: those that ask for none first, and what is between them
/// belongs to no entry.
pub(super) fn part<T>(entries: Vec<T>, group: impl Fn(&T) -> Option<usize>) -> (Vec<Option<T>>, Parted) {
    let (free, asked): (Vec<T>, Vec<T>) = entries.into_iter().partition(|entry| group(entry).is_none());
    let mut all: Vec<Option<T>> = free.into_iter().map(Some).collect();
    all.resize_with(all.len().next_multiple_of(64), || None);
    let from = all.len();
    all.extend(asked.into_iter().map(Some));
    let mut groups: Vec<Vec<u64>> = Vec::new();
    let words = (all.len() - from).div_ceil(64);
    for (at, entry) in all.iter().skip(from).enumerate() {
        let Some(group) = entry.as_ref().and_then(&group) else { continue };
        if groups.len() <= group {
            groups.resize(group + 1, vec![0; words]);
        }
        if let Some(word) = groups.get_mut(group).and_then(|own| own.get_mut(at / 64)) {
            *word |= 1 << (at % 64);
        }
    }
    (all, Parted { free: from / 64, groups })
}

impl Parted {
    /// The entries of rules that ask for no words among `some` that may stand round the number at `at`; see
    /// [`Deep::narrow`].
    #[inline]
    pub(super) fn free(
        &self,
        deep: &Deep,
        some: &[u64],
        text: &[u8],
        place: (usize, usize),
        begins: Option<usize>,
    ) -> Bits {
        deep.narrow(some.get(..self.free).unwrap_or(some), 0, text, place, begins)
    }

    /// Whether some of them are of rules that ask for no words.
    pub(super) fn has_free(&self, some: &[u64]) -> bool {
        some.iter().take(self.free).any(|word| *word != 0)
    }

    /// Whether some of them ask for words.
    pub(super) fn asks(&self, some: &[u64]) -> bool {
        some.iter().skip(self.free).any(|word| *word != 0)
    }

    /// The same for those that ask for the words of one of some groups.
    #[inline]
    pub(super) fn asked(
        &self,
        (deep, groups): (&Deep, &[usize]),
        some: &[u64],
        text: &[u8],
        place: (usize, usize),
        begins: Option<usize>,
    ) -> Bits {
        let mut own = [0; WORDS];
        for group in groups.iter().filter_map(|group| self.groups.get(*group)) {
            own.iter_mut().zip(group).for_each(|(own, group)| *own |= group);
        }
        let some = some.get(self.free..).unwrap_or_default();
        own.iter_mut().zip(some).for_each(|(own, some)| *own &= some);
        deep.narrow(own.get(..some.len()).unwrap_or_default(), self.free, text, place, begins)
    }
}
