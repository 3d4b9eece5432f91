//! Sets of bytes.

use std::fmt;

/// A set of bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ByteSet([u64; 4]);

impl ByteSet {
    /// Every byte.
    pub(super) const ALL: Self = Self([u64::MAX; 4]);
    /// No byte.
    pub(super) const NONE: Self = Self([0; 4]);

    /// The bytes that `holds` takes.
    #[must_use]
    pub fn new(holds: impl Fn(u8) -> bool) -> Self {
        let mut set = Self::NONE;
        (0..=255_u8).filter(|byte| holds(*byte)).for_each(|byte| set.insert(byte));
        set
    }

    /// One byte alone.
    pub(super) fn of(byte: u8) -> Self {
        let mut set = Self::NONE;
        set.insert(byte);
        set
    }

    /// Whether `byte` is one of them.
    #[inline]
    #[must_use]
    pub fn contains(&self, byte: u8) -> bool {
        self.0.get(usize::from(byte / 64)).is_some_and(|bits| bits >> (byte % 64) & 1 == 1)
    }

    pub(super) fn insert(&mut self, byte: u8) {
        if let Some(word) = self.0.get_mut(usize::from(byte / 64)) {
            *word |= 1 << (byte % 64);
        }
    }

    pub(super) fn union(&self, other: &Self) -> Self {
        let (Self([a, b, c, d]), Self([e, f, g, h])) = (self, other);
        Self([a | e, b | f, c | g, d | h])
    }

    /// The bytes of both.
    pub(super) fn intersection(&self, other: &Self) -> Self {
        let (Self([a, b, c, d]), Self([e, f, g, h])) = (self, other);
        Self([a & e, b & f, c & g, d & h])
    }

    /// Whether it has no byte.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::NONE
    }

    /// Eight bytes at a time, a bit for each.
    pub(super) fn octets(&self) -> impl Iterator<Item = u8> {
        self.0.into_iter().flat_map(u64::to_le_bytes)
    }

    pub(super) fn bytes(&self) -> impl Iterator<Item = u8> {
        [0_u8, 64, 128, 192].into_iter().zip(self.0).flat_map(|(from, word)| {
            let mut left = word;
            std::iter::from_fn(move || {
                let at = u8::try_from(left.trailing_zeros()).ok().filter(|at| *at < 64)?;
                left &= left - 1;
                Some(from + at)
            })
        })
    }
}

impl fmt::Debug for ByteSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ByteSet({} bytes)", self.0.iter().map(|bits| bits.count_ones()).sum::<u32>())
    }
}
