//! Blackbar's engine.

use blackbar::engine::{Output, StreamRedactor};

use super::{Engine, Tally};

pub struct Ours {
    name: String,
    redactor: StreamRedactor,
    out: Output,
    /// Texts are pushed in pieces of this size; 0: whole.
    piece: usize,
}

impl Ours {
    pub fn new(name: &str, redactor: StreamRedactor) -> Self {
        Self::in_pieces(name, redactor, 0)
    }

    pub fn in_pieces(name: &str, redactor: StreamRedactor, piece: usize) -> Self {
        Self { name: name.to_owned(), redactor, out: Output::default(), piece }
    }
}

impl Engine for Ours {
    fn name(&self) -> &str {
        &self.name
    }

    fn redact(&mut self, unit: &[u8], tally: &mut Tally) -> &[u8] {
        self.out.clear();
        let ended = match self.piece {
            0 => self.redactor.push_last(unit, &mut self.out),
            piece => unit
                .chunks(piece)
                .try_for_each(|piece| self.redactor.push(piece, &mut self.out))
                .and_then(|()| self.redactor.finish(&mut self.out)),
        };
        assert!(ended.is_ok(), "no rule here blocks");
        for finding in &self.out.findings {
            // Packs have more rules than the tally has places; they are not compared by rule.
            if let Some(count) = tally.get_mut(finding.rule) {
                *count += 1;
            }
        }
        &self.out.bytes
    }
}
