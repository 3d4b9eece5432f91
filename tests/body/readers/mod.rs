//! Bodies through the inspector beside readers that nobody here wrote: made at random, mostly by the format's own writer,
//! and read before and after. What is read differs in the planted values alone, and in nothing where none is.
//!
//! Single JSON documents, XML, YAML and character sets have such readers in `edits`, in `src/body/markup` and
//! `src/body/yaml`, and in `charsets`.

mod events;
mod forms;
mod frames;
mod html;
mod lines;
mod messages;
mod parts;
mod protobuf;
mod syslog;
mod tables;

use blackbar::body::BodyInspector;
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
#[derive(Clone)]
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

    /// A document as it is given, and as it is to be read in its place: made twice by the same choices.
    fn both<T>(&mut self, plant: bool, mut make: impl FnMut(&mut Side) -> T) -> [T; 2] {
        let [mut given, mut read] = [false, true].map(|read| Side { choices: self.clone(), plant, read });
        let both = [make(&mut given), make(&mut read)];
        *self = given.choices;
        both
    }

    /// Hands a body over in pieces of any length.
    fn pieces(&mut self, body: &[u8], mut push: impl FnMut(&[u8])) {
        let mut rest = body;
        while !rest.is_empty() {
            let most = self.one_of(&[1, 3, 40, 4096]);
            let (piece, behind) = rest.split_at((1 + self.below(most)).min(rest.len()));
            push(piece);
            rest = behind;
        }
    }

    /// The body as it leaves when it comes in pieces of any length.
    fn redacted(&mut self, kind: &str, body: &[u8]) -> Vec<u8> {
        self.pushed(inspector(kind, &[]), body)
    }

    /// The same through this inspector.
    fn pushed(&mut self, mut inspector: BodyInspector, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        self.pieces(body, |piece| inspector.push(piece, &mut out).unwrap());
        inspector.finish(&mut out).unwrap();
        out
    }
}

/// One of two documents that the same choices make: what is given, or what is to be read.
#[derive(Clone)]
struct Side {
    choices: Choices,
    plant: bool,
    read: bool,
}

impl Side {
    fn below(&mut self, count: usize) -> usize {
        self.choices.below(count)
    }

    fn text(&mut self, fillers: &[&str]) -> String {
        let (given, read) = self.choices.text(fillers, self.plant);
        if self.read { read } else { given }
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
