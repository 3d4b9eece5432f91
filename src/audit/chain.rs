//! The hashes of the log: what both the writer and the verifier compute, and nothing else that they share.
//!
//! Enters: bytes. Leaves: SHA-256 values, each over a prefix that says what is hashed, so that a hash of one kind never
//! stands for another; and the Merkle tree of RFC 6962 section 2.1, of which only the roots of its complete subtrees are
//! kept.

use sha2::{Digest, Sha256};

/// A SHA-256 value.
pub type Hash = [u8; 32];

/// What a hash is of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Domain {
    /// A record without its own hash.
    Record,
    /// What a log begins with.
    Genesis,
    /// A signed checkpoint, as the next one names it.
    Checkpoint,
}

impl Domain {
    fn prefix(self) -> &'static [u8] {
        match self {
            Self::Record => b"blackbar-audit/1/rec\0",
            Self::Genesis => b"blackbar-audit/1/genesis\0",
            Self::Checkpoint => b"blackbar-audit/1/ckpt\0",
        }
    }
}

/// `SHA-256(prefix || length as 64 bits || parts)`.
#[must_use]
pub fn tagged(domain: Domain, parts: &[&[u8]]) -> Hash {
    let mut hash = Sha256::new();
    hash.update(domain.prefix());
    let length: usize = parts.iter().map(|part| part.len()).sum();
    hash.update((length as u64).to_be_bytes());
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().into()
}

/// A leaf of the tree: a record's line without its line feed.
#[must_use]
pub fn leaf(line: &[u8]) -> Hash {
    let mut hash = Sha256::new();
    hash.update([0]);
    hash.update(line);
    hash.finalize().into()
}

/// A node over two subtrees.
#[must_use]
pub fn node(left: &Hash, right: &Hash) -> Hash {
    let mut hash = Sha256::new();
    hash.update([1]);
    hash.update(left);
    hash.update(right);
    hash.finalize().into()
}

/// A Merkle tree that grows: the roots of its complete subtrees, largest first, one for each bit of its size.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Tree {
    size: u64,
    peaks: Vec<Hash>,
}

impl Tree {
    /// A tree of this size from the roots of its complete subtrees; none where their number is not the size's.
    #[must_use]
    pub fn from_peaks(size: u64, peaks: Vec<Hash>) -> Option<Self> {
        (peaks.len() == size.count_ones() as usize).then_some(Self { size, peaks })
    }

    /// Adds a leaf.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        let mut rest = self.size;
        while rest & 1 == 1 {
            let Some(left) = self.peaks.pop() else { break };
            hash = node(&left, &hash);
            rest >>= 1;
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// Leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the complete subtrees.
    #[must_use]
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// The root (RFC 6962 section 2.1).
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        match peaks.next() {
            None => Sha256::digest([]).into(),
            Some(last) => peaks.fold(*last, |right, left| node(left, &right)),
        }
    }

    /// The part of it from `start` on, where that is the beginning of one of its complete subtrees.
    #[must_use]
    pub fn part_from(&self, start: u64) -> Option<Self> {
        let mut at = 0;
        let mut left = self.size;
        let mut skipped = 0;
        while at < start && left > 0 {
            let peak = 1_u64 << left.ilog2();
            at += peak;
            left -= peak;
            skipped += 1;
        }
        (at == start).then(|| Self { size: left, peaks: self.peaks.get(skipped..).unwrap_or_default().to_vec() })
    }
}

/// The ranges of leaves whose roots prove that leaf `index` is in a tree of `size` leaves, in the order of RFC 6962
/// section 2.1.1: the nearest first.
#[must_use]
pub fn path_ranges(index: u64, size: u64) -> Vec<(u64, u64)> {
    let (mut start, mut end) = (0, size);
    let mut ranges = Vec::new();
    while end - start > 1 {
        // The largest power of two below the number of leaves.
        let middle = start + (1 << (end - start - 1).ilog2());
        if index < middle {
            ranges.push((middle, end));
            end = middle;
        } else {
            ranges.push((start, middle));
            start = middle;
        }
    }
    ranges.reverse();
    ranges
}

/// The root that a path leads to from a leaf (RFC 9162 section 2.1.3.2); none where the path has not the form that the
/// index and the size give it.
#[must_use]
pub fn root_of_path(leaf: Hash, index: u64, size: u64, path: &[Hash]) -> Option<Hash> {
    if index >= size {
        return None;
    }
    let (mut index, mut last) = (index, size - 1);
    let mut root = leaf;
    for sibling in path {
        if last == 0 {
            return None;
        }
        if index & 1 == 1 || index == last {
            root = node(sibling, &root);
            while index & 1 == 0 && index != 0 {
                index >>= 1;
                last >>= 1;
            }
        } else {
            root = node(&root, sibling);
        }
        index >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(root)
}

/// As 64 hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(*DIGITS.get(usize::from(nibble)).unwrap_or(&b'0'));
    let mut text = String::with_capacity(2 * bytes.len());
    bytes.iter().for_each(|byte| text.extend([digit(byte >> 4), digit(byte & 15)]));
    text
}

/// A hash from 64 hexadecimal digits in lower case, and from nothing else.
#[must_use]
pub fn from_hex(text: &str) -> Option<Hash> {
    let bytes = text.as_bytes();
    if bytes.len() != 64 || !bytes.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    let digit = |byte: u8| if byte < b'a' { byte - b'0' } else { byte - b'a' + 10 };
    let mut hash = [0; 32];
    for (slot, pair) in hash.iter_mut().zip(bytes.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *slot = digit(*high) << 4 | digit(*low);
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(count: u64) -> Vec<Hash> {
        (0..count).map(|number| leaf(&number.to_be_bytes())).collect()
    }

    /// The definition, as RFC 6962 section 2.1 gives it.
    fn defined(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Sha256::digest([]).into(),
            [only] => *only,
            _ => {
                let (left, right) = leaves.split_at(1 << (leaves.len() - 1).ilog2());
                node(&defined(left), &defined(right))
            }
        }
    }

    #[test]
    fn the_growing_tree_has_the_root_of_the_definition() {
        let all = leaves(70);
        let mut tree = Tree::default();
        for (size, one) in all.iter().enumerate() {
            assert_eq!(tree.root(), defined(&all[..size]), "{size}");
            assert_eq!(Tree::from_peaks(tree.size(), tree.peaks().to_vec()).as_ref(), Some(&tree));
            tree.push(*one);
        }
        assert_eq!(Tree::from_peaks(3, vec![[0; 32]]), None);
    }

    #[test]
    fn every_leaf_is_proven_in_every_tree_and_nothing_else_is() {
        for size in 1..=40_u64 {
            let all = leaves(size);
            let root = defined(&all);
            for index in 0..size {
                let place = |at: u64| usize::try_from(at).unwrap();
                let ranges = path_ranges(index, size);
                let path: Vec<Hash> = ranges.iter().map(|(from, to)| defined(&all[place(*from)..place(*to)])).collect();
                assert_eq!(root_of_path(all[place(index)], index, size, &path), Some(root), "{index} of {size}");
                for other in 0..size {
                    let led = root_of_path(all[place(index)], other, size, &path);
                    assert!(other == index || led != Some(root), "{index} passes for {other} of {size}");
                }
                for cut in 0..path.len() {
                    assert_ne!(root_of_path(all[place(index)], index, size, &path[..cut]), Some(root));
                }
                let longer = [path.as_slice(), &[[7; 32]]].concat();
                assert_ne!(root_of_path(all[place(index)], index, size, &longer), Some(root));
            }
        }
        assert_eq!(root_of_path([0; 32], 0, 0, &[]), None);
    }

    #[test]
    fn the_part_behind_a_complete_subtree_is_a_tree() {
        let all = leaves(13);
        let mut tree = Tree::default();
        all.iter().for_each(|one| tree.push(*one));
        assert_eq!(tree.part_from(8).map(|part| part.root()), Some(defined(&all[8..])));
        assert_eq!(tree.part_from(12).map(|part| part.root()), Some(defined(&all[12..])));
        assert_eq!(tree.part_from(4), None);
    }

    #[test]
    fn hexadecimal_has_one_spelling() {
        let hash = leaf(b"x");
        assert_eq!(from_hex(&hex(&hash)), Some(hash));
        assert_eq!(from_hex(&hex(&hash).to_uppercase()), None);
        assert_eq!(from_hex(""), None);
    }
}
