//! The bodies that `fuzz/` runs under libFuzzer, run as plain tests: a seeded set of inputs, each a seed that is changed at
//! random. An input that once broke a promise is among the seeds, or is a test of its own.

mod syslog;

use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng};

/// Pieces that streams are made of: framing, headers of both kinds, structured data, CEF, LEEF and JSON, and values.
const PARTS: &[&str] = &[
    "\n",
    "\r\n",
    " ",
    "5 ",
    "12 ",
    "40 ",
    "0 ",
    "007 ",
    "161 ",
    "99999999999 ",
    "<34>",
    "<13>",
    "<165>1 ",
    "<999>",
    "2026-10-11T22:14:15.003Z ",
    "Oct 11 22:14:15 ",
    "host app 111 ID47 ",
    "- ",
    "-",
    "[a k=\"",
    "\\\"",
    "\"]",
    "][",
    "su[9]: ",
    "\u{feff}",
    "CEF:0|V|P|1|9|",
    "CEF:1|",
    "|5|",
    "msg=",
    "src=",
    "\\=",
    "\\|",
    "LEEF:2.0|V|P|1|E|",
    "^|",
    "x09|",
    "\t",
    "{\"a\":\"",
    "\\u0043",
    "\"}",
    "[1,",
    "\0",
    "CARD-1234",
    "CARD-",
    "GONE-1234",
    "LONG-1234",
    "STOP-1234",
    "1234",
    "text",
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

    /// Choices and a stream of known pieces, half of them with true counts.
    fn seed(&mut self) -> Vec<u8> {
        let mut input: Vec<u8> = (0..3).map(|_| self.byte()).collect();
        let counted = self.below(2) == 0;
        for _ in 0..1 + self.below(4) {
            let message: String = (0..self.below(12)).map(|_| PARTS[self.below(PARTS.len())]).collect();
            if counted {
                input.extend_from_slice(format!("{} ", message.len()).as_bytes());
            }
            input.extend_from_slice(message.as_bytes());
            if !counted {
                input.push(b'\n');
            }
        }
        input
    }

    /// One change as libFuzzer makes them.
    fn change(&mut self, input: &mut Vec<u8>) {
        let (at, until) = (self.below(input.len() + 1), self.below(input.len() + 1));
        let range = at.min(until)..at.max(until);
        match self.below(5) {
            0 if at < input.len() => input[at] ^= 1 << self.below(8),
            1 if range.len() < 16 => drop(input.drain(range)),
            2 if range.len() < 64 => input.extend_from_within(range),
            3 => {
                let part = PARTS[self.below(PARTS.len())];
                input.splice(at..at, part.bytes());
            }
            _ => {
                let byte = self.byte();
                input.insert(at, byte);
            }
        }
    }
}

/// Runs the body over some thousand inputs, two hundred times as many with `BLACKBAR_LONG`.
#[test]
fn streams_of_syslog() {
    let count = if std::env::var_os("BLACKBAR_LONG").is_some() { 200_000 } else { 1_000 };
    let mut inputs = Inputs::new(31);
    for _ in 0..count {
        let mut input = inputs.seed();
        for _ in 0..5 {
            syslog::syslog(&input);
            for _ in 0..1 + inputs.below(3) {
                inputs.change(&mut input);
            }
        }
    }
}

/// What has hardly a byte, and every choice of the first.
#[test]
fn short_inputs() {
    syslog::syslog(b"");
    for first in 0..=u8::MAX {
        syslog::syslog(&[first]);
        syslog::syslog(&[first; 12]);
    }
}
