//! The bodies that `fuzz/` runs under libFuzzer, run as plain tests: a seeded set of inputs, each a seed that is changed
//! at random. An input that once broke a promise is among the seeds, or is a test of its own.

mod bodies;

use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng};

use super::properties::PARTS;

/// Bytes that are dear to the engine: what begins encoded characters, separates groups, and ends runs.
const BYTES: &[u8] = b"%&\\=+/-_@.: \n;#xu0149aAfF\xE2\x80\x8B\xC2\xEF\xFF\x00";

/// Pieces that texts of encoded characters are made of.
const SPELLED: &[&str] = &[
    "%34",
    "%2534",
    "&#52;",
    "&amp;#52;",
    "\\u0034",
    "\\\\u0034",
    "\\x34",
    "=40",
    "=\r\n",
    "=20",
    "%EF%BC%94",
    "&shy;",
    "\u{FF14}",
    "\u{664}",
    "amFuZUBleGFtcGxlLmNvbQ==",
    "NDExMTExMTExMTExMTExMQ",
    "6a616e65406578616d706c652e636f6d",
    "0x",
];

struct Inputs {
    rng: TestRng,
}

impl Inputs {
    fn new(seed: u8) -> Self {
        Self { rng: TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]) }
    }

    fn below(&mut self, count: usize) -> usize {
        self.rng.next_u32() as usize % count
    }

    fn byte(&mut self) -> u8 {
        (self.rng.next_u32() & 0xFF) as u8
    }

    /// A few bytes of choices and a text of known pieces, or of choices only.
    fn seed(&mut self) -> Vec<u8> {
        let mut input: Vec<u8> = (0..4 + self.below(8)).map(|_| self.byte()).collect();
        let most = self.below(240);
        while input.len() < most {
            match self.below(8) {
                0 => input.push(self.byte()),
                1 | 2 => input.extend_from_slice(SPELLED[self.below(SPELLED.len())].as_bytes()),
                _ => input.extend_from_slice(PARTS[self.below(PARTS.len())].as_bytes()),
            }
        }
        input
    }

    /// One change as libFuzzer makes them.
    fn change(&mut self, input: &mut Vec<u8>) {
        let (at, until) = (self.below(input.len() + 1), self.below(input.len() + 1));
        let range = at.min(until)..at.max(until);
        match self.below(6) {
            0 if at < input.len() => input[at] ^= 1 << self.below(8),
            1 if at < input.len() => input[at] = BYTES[self.below(BYTES.len())],
            2 => input.insert(at, BYTES[self.below(BYTES.len())]),
            3 if range.len() < 16 => drop(input.drain(range)),
            4 if range.len() < 64 => input.extend_from_within(range),
            _ => {
                let byte = self.byte();
                input.insert(at, byte);
            }
        }
    }
}

/// Runs a body over `count` inputs, two hundred times as many with `BLACKBAR_LONG`.
fn run(body: fn(&[u8]), seed: u8, count: usize) {
    let count = if std::env::var_os("BLACKBAR_LONG").is_some() { 200 * count } else { count };
    let mut inputs = Inputs::new(seed);
    for _ in 0..count / 10 {
        let mut input = inputs.seed();
        for _ in 0..10 {
            body(&input);
            for _ in 0..1 + inputs.below(3) {
                inputs.change(&mut input);
            }
        }
    }
}

#[test]
fn stream() {
    run(bodies::stream, 21, 20_000);
}

#[test]
fn fold() {
    run(bodies::fold, 22, 50_000);
}

#[test]
fn decode() {
    run(bodies::decode, 23, 50_000);
}

/// What has hardly a byte, and every choice of the first.
#[test]
fn short_inputs() {
    for body in [bodies::stream, bodies::fold, bodies::decode] {
        body(b"");
        for first in 0..=u8::MAX {
            body(&[first]);
            body(&[first; 40]);
        }
    }
}
