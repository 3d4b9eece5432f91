//! Bodies through the inspector beside readers that nobody here wrote: made at random, mostly by the format's own writer,
//! and read before and after. What is read differs in the planted values alone, and in nothing where none is.
//!
//! JSON, XML, YAML and character sets have such readers in `edits`, in `src/body/markup` and `src/body/yaml`, and in
//! `charsets`; protobuf, AWS's event streams and WebSocket in `tests/sdk`, by the vendors' own clients.

mod events;
mod forms;
mod html;
mod parts;
mod tables;

use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng};

use super::fixtures::inspector;

/// What nothing is found in, with what formats make of characters of their own among them.
const FILLERS: &[&str] = &[
    "one",
    "two words",
    "Zoë",
    "日本",
    "a,b",
    "say \"hi\"",
    "it's",
    "x=y",
    "p&q",
    "50%",
    "a+b",
    "tab\there",
    "line\nline",
    "<tag>",
    "&amp;",
    "back\\slash",
    "{brace}",
    "end;",
    ":",
    "--",
    "",
];

/// Values and what the default packs leave of them.
const VALUES: &[(&str, &str)] = &[
    ("4111 1111 1111 1111", "**** **** **** 1111"),
    ("jane@example.com", "jane@***"),
    ("(212) 555-0123", "(***) ***-0123"),
];

/// A source of choices.
struct Choices(TestRng);

impl Choices {
    fn new(seed: u8) -> Self {
        Self(TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]))
    }

    fn below(&mut self, count: usize) -> usize {
        self.0.next_u32() as usize % count
    }

    fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// A text, and what is to be read in its place. `plant` says whether it may hold a value.
    fn text(&mut self, fillers: &[&str], plant: bool) -> (String, String) {
        let (mut text, mut wanted) = (String::new(), String::new());
        for _ in 0..1 + self.below(3) {
            let (given, read) = match self.below(4) {
                0 if plant => self.one_of(VALUES),
                _ => {
                    let filler = self.one_of(fillers);
                    (filler, filler)
                }
            };
            text.push_str(given);
            wanted.push_str(read);
            // What stands beside a value is no part of it.
            text.push_str(" | ");
            wanted.push_str(" | ");
        }
        (text, wanted)
    }

    /// The body as it leaves when it comes in pieces of any length.
    fn redacted(&mut self, kind: &str, body: &[u8]) -> Vec<u8> {
        let mut inspector = inspector(kind, &[]);
        let (mut out, mut rest) = (Vec::new(), body);
        while !rest.is_empty() {
            let most = self.one_of(&[1, 3, 40, 4096]);
            let (piece, behind) = rest.split_at((1 + self.below(most)).min(rest.len()));
            inspector.push(piece, &mut out).unwrap();
            rest = behind;
        }
        inspector.finish(&mut out).unwrap();
        out
    }
}

/// Runs a check so many times, ten times as often with `BLACKBAR_LONG`: every second document holds values.
fn run(seed: u8, count: usize, mut check: impl FnMut(&mut Choices, bool)) {
    let count = if std::env::var_os("BLACKBAR_LONG").is_some() { 10 * count } else { count };
    let mut choices = Choices::new(seed);
    for round in 0..count {
        check(&mut choices, round % 2 == 0);
    }
}
