//! Breadth-first search with a memory of the way: states of any kind in, the shortest word to one of them out.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hash, Hasher};

/// A quick hash of small numbers. What is hashed are states of automata, which nobody from outside chooses one by one.
#[derive(Clone, Copy, Default, Debug)]
struct Mix(u64);

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        // The table takes its place from the low bits.
        self.0 ^ self.0 >> 32
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u8(&mut self, value: u8) {
        self.write_u64(u64::from(value));
    }

    fn write_u32(&mut self, value: u32) {
        self.write_u64(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = (self.0.rotate_left(5) ^ value).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }
}

/// Nodes found so far, each with the byte that led to it and the node before.
#[derive(Debug)]
pub(super) struct Search<S> {
    nodes: Vec<(S, Option<(usize, u8)>)>,
    seen: HashSet<S, BuildHasherDefault<Mix>>,
    at: usize,
    limit: usize,
}

impl<S: Clone + Eq + Hash> Search<S> {
    /// A search that gives up after so many nodes.
    pub(super) fn new(limit: usize) -> Self {
        Self { nodes: Vec::new(), seen: HashSet::default(), at: 0, limit }
    }

    /// Adds a beginning.
    pub(super) fn begin(&mut self, state: S) {
        self.add(state, None);
    }

    /// The next node to look at, in the order they were found.
    pub(super) fn next(&mut self) -> Option<(usize, S)> {
        let (state, _) = self.nodes.get(self.at)?;
        self.at += 1;
        Some((self.at - 1, state.clone()))
    }

    /// Adds a state that `byte` leads to from `node`.
    pub(super) fn reach(&mut self, node: usize, byte: u8, state: S) {
        self.add(state, Some((node, byte)));
    }

    fn add(&mut self, state: S, way: Option<(usize, u8)>) {
        if self.seen.insert(state.clone()) {
            self.nodes.push((state, way));
        }
    }

    /// Whether there are more nodes than were allowed.
    pub(super) fn is_too_large(&self) -> bool {
        self.nodes.len() > self.limit
    }

    /// The bytes from a beginning to `node`, and that beginning.
    pub(super) fn word(&self, node: usize) -> (Option<&S>, Vec<u8>) {
        let (mut here, mut word) = (node, Vec::new());
        while let Some((_, Some((before, byte)))) = self.nodes.get(here) {
            word.push(*byte);
            here = *before;
        }
        word.reverse();
        (self.nodes.get(here).map(|(state, _)| state), word)
    }
}
