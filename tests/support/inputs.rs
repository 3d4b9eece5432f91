//! Seeded inputs for the bodies that `fuzz/` runs under libFuzzer: each is a beginning that is changed at random, as
//! libFuzzer changes its own. The same seed gives the same inputs.

use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng};

/// A source of choices.
pub(crate) struct Inputs {
    rng: TestRng,
}

impl Inputs {
    pub(crate) fn below(&mut self, count: usize) -> usize {
        self.rng.next_u32() as usize % count
    }

    pub(crate) fn byte(&mut self) -> u8 {
        (self.rng.next_u32() & 0xFF) as u8
    }

    pub(crate) fn one_of<'a, T: ?Sized>(&mut self, parts: &[&'a T]) -> &'a T {
        parts[self.below(parts.len())]
    }

    /// One change, some with a part that is dear to what reads the input.
    fn change(&mut self, input: &mut Vec<u8>, dear: &[&[u8]]) {
        let (at, until) = (self.below(input.len() + 1), self.below(input.len() + 1));
        let range = at.min(until)..at.max(until);
        match self.below(6) {
            0 if at < input.len() => input[at] ^= 1 << self.below(8),
            1 if at < input.len() => drop(input.splice(at..=at, self.one_of(dear).iter().copied())),
            2 => drop(input.splice(at..at, self.one_of(dear).iter().copied())),
            3 if range.len() < 16 => drop(input.drain(range)),
            4 if range.len() < 64 => input.extend_from_within(range),
            _ => {
                let byte = self.byte();
                input.insert(at, byte);
            }
        }
    }
}

/// Runs a body over `count` inputs, two hundred times as many with `BLACKBAR_LONG`: ten in a row come of one beginning.
pub(crate) fn run(seed: u8, count: usize, begin: fn(&mut Inputs) -> Vec<u8>, dear: &[&[u8]], body: fn(&[u8])) {
    let count = if std::env::var_os("BLACKBAR_LONG").is_some() { 200 * count } else { count };
    let mut inputs = Inputs { rng: TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]) };
    for _ in 0..count / 10 {
        let mut input = begin(&mut inputs);
        for _ in 0..10 {
            body(&input);
            for _ in 0..1 + inputs.below(3) {
                inputs.change(&mut input, dear);
            }
        }
    }
}

/// What has hardly a byte, and every choice of the first, alone and `len` times.
pub(crate) fn run_short(len: usize, body: fn(&[u8])) {
    body(b"");
    for first in 0..=u8::MAX {
        body(&[first]);
        body(&vec![first; len]);
    }
}
