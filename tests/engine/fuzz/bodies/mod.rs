//! What fuzzing asks of the engine: bodies that take any bytes and stop at a broken promise.
//!
//! Enters: bytes of a fuzzer, or of the tests above. Leaves: nothing, or a panic. An input's first bytes choose rules, a
//! chunking and what is built; the rest is text. The package in `fuzz/` runs the same bodies under libFuzzer.

mod decode;
mod fold;
mod layers;
mod stream;

use std::sync::Arc;

use blackbar::engine::{Action, ActionTable, Output, RuleSet, StreamRedactor};

use crate::support::{Run, check_pieces, push_all};

pub(crate) use decode::decode;
pub(crate) use fold::fold;
pub(crate) use layers::layers;
pub(crate) use stream::stream;

/// A rule set and what is done with its findings.
type Rules = (Arc<RuleSet>, Arc<ActionTable>);

/// The bytes that choices are taken from; zeros stand behind their end.
struct Choices<'data>(&'data [u8]);

impl<'data> Choices<'data> {
    fn byte(&mut self) -> u8 {
        let (byte, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *byte
    }

    fn below(&mut self, count: usize) -> usize {
        usize::from(self.byte()) % count
    }

    fn of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }

    /// The next bytes, up to `most` of them.
    fn take(&mut self, most: usize) -> &'data [u8] {
        let count = self.below(most + 1).min(self.0.len());
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken
    }

    fn rest(self) -> &'data [u8] {
        self.0
    }
}

/// Where a text is cut.
#[derive(Clone, Copy)]
struct Cuts {
    largest: usize,
    seed: u8,
}

impl Cuts {
    fn chosen(choices: &mut Choices<'_>) -> Self {
        Self { largest: choices.of(&[0, 1, 3, 40, 400]), seed: choices.byte() }
    }

    /// The pieces: two of them, or many of up to `largest` bytes with an empty one now and then.
    fn pieces(self, text: &[u8]) -> Vec<&[u8]> {
        if self.largest == 0 {
            let (left, right) = text.split_at(usize::from(self.seed).min(text.len()));
            return vec![left, right];
        }
        let mut state = u32::from(self.seed);
        let mut rest = text;
        let mut pieces = Vec::new();
        while !rest.is_empty() {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let random = state as usize >> 16;
            let least = usize::from(random % 16 != 15);
            let (piece, others) = rest.split_at((least + random % self.largest).min(rest.len()));
            pieces.push(piece);
            rest = others;
        }
        pieces
    }
}

/// One rule set under test. Its redactors are used for text after text, as a connection's are.
struct Subject {
    rules: Arc<RuleSet>,
    actions: Arc<ActionTable>,
    whole: StreamRedactor,
    cut: StreamRedactor,
    out: Output,
    /// The most bytes that one replacement has beside what it replaces.
    longest_name: usize,
    /// How many bytes one of a value may be written in: a run of hexadecimal has two, and one in a run four.
    width: usize,
}

impl Subject {
    fn new((rules, actions): &Rules) -> Self {
        let redactor = || StreamRedactor::new(Arc::clone(rules), Arc::clone(actions));
        let name = |index: usize| match actions.action(index) {
            Action::Replace(text) => text.len(),
            // `[`, `_`, a tag of 16 digits, `]`.
            _ => rules.rules()[index].entity.as_str().len() + 19,
        };
        Self {
            rules: Arc::clone(rules),
            actions: Arc::clone(actions),
            whole: redactor(),
            cut: redactor(),
            out: Output::default(),
            longest_name: (0..rules.rules().len()).map(name).max().unwrap_or(0),
            width: 4,
        }
    }

    /// *Split*, *Coverage*, *Bound* and *Verbatim*, of a text behind a label: what one push and what these cuts give.
    fn check(&mut self, label: &[u8], text: &[u8], cuts: Cuts) -> Run {
        self.whole.begin_labelled(&self.actions, label);
        let whole = push_all(&mut self.whole, [text], &mut self.out);
        if whole.blocked.is_none() {
            check_pieces(&self.out, text, &self.actions);
            self.check_length(text);
        }
        self.cut.begin_labelled(&self.actions, label);
        let pieces = cuts.pieces(text);
        let cut = push_all(&mut self.cut, pieces.iter().copied(), &mut self.out);
        assert!(
            (&whole.text, &whole.findings, whole.blocked) == (&cut.text, &cut.findings, cut.blocked),
            "{:?} behind {:?}, cut to {:?}\nwhole {:?} {:?} {:?}\ncut   {:?} {:?} {:?}",
            String::from_utf8_lossy(text),
            String::from_utf8_lossy(label),
            pieces.iter().map(|piece| piece.len()).collect::<Vec<_>>(),
            String::from_utf8_lossy(&whole.text),
            whole.findings,
            whole.blocked,
            String::from_utf8_lossy(&cut.text),
            cut.findings,
            cut.blocked,
        );
        if cut.blocked.is_none() {
            check_pieces(&self.out, text, &self.actions);
        }
        // What an encoded character stands for is what is held; how many bytes it has is not told here.
        if text.iter().all(|byte| byte.is_ascii() && !b"%&\\=".contains(byte)) {
            // A run that is too short to tell waits besides, and what may be an encoded character in a run.
            let most = self.width * self.rules.holdback() + 4 * 24 + 2 * 52;
            assert!(whole.peak <= most && cut.peak <= most, "held {} and {} of {most}", whole.peak, cut.peak);
        }
        whole
    }

    /// A replacement is as long as its name or what it replaces, each byte in up to nine (`&amp;#38;`).
    fn check_length(&self, text: &[u8]) {
        let most = 9 * (text.len() + (self.out.findings.len() + self.out.pieces.len()) * (self.longest_name + 3));
        assert!(self.out.bytes.len() <= most, "{} bytes of {}", self.out.bytes.len(), text.len());
    }
}
