//! From decoded text back to the literal it was decoded from.
//!
//! Enters: what was decided about the decoded text. Leaves: the same about the literal: untouched stretches with their
//! own spelling, replaced ones escaped. Only escapes are remembered, and only until they are decided, so a literal
//! without escapes costs nothing, and memory stays below the hold-back. An escape of the text, where that is JSON itself,
//! is one stretch of the literal too: `\\u00e9` there is cut as little as `\u00e9` in the text.

use std::collections::VecDeque;

use super::lexer::Escape;
use super::out::{TextOut, is_escape};
use super::string::escape;
use crate::engine::Piece;

/// An escape that is not decided yet.
struct Mark {
    /// Where its character stands in the decoded text.
    at: u64,
    escape: Escape,
    /// How many of the character's bytes are decided.
    decided: u8,
    /// Whether any of them was replaced.
    replaced: bool,
}

/// The undecided escapes of one string.
#[derive(Default)]
pub(super) struct RawMap {
    marks: VecDeque<Mark>,
    /// Decoded bytes read.
    read: u64,
    /// Decoded bytes decided.
    decided: u64,
    scratch: Vec<u8>,
    stretch: TextOut,
}

impl RawMap {
    /// Begins a string.
    pub(super) fn restart(&mut self) {
        self.marks.clear();
        self.read = 0;
        self.decided = 0;
    }

    /// Notes decoded bytes that stand for themselves.
    pub(super) fn run(&mut self, len: usize) {
        self.read += len as u64;
    }

    /// Notes an escape.
    pub(super) fn escape(&mut self, escape: Escape) {
        self.marks.push_back(Mark { at: self.read, escape, decided: 0, replaced: false });
        self.read += escape.decoded().len() as u64;
    }

    /// Appends to `out` what `text` decided.
    pub(super) fn apply(&mut self, text: &TextOut, out: &mut TextOut) {
        let mut rest = text.bytes.as_slice();
        for piece in &text.pieces {
            let given = match *piece {
                Piece::Clear { len } | Piece::Replaced { given: len, .. } => len,
            };
            let (bytes, tail) = rest.split_at_checked(given).unwrap_or((rest, &[]));
            rest = tail;
            match *piece {
                Piece::Clear { .. } if is_escape(bytes) => self.keep_whole(bytes, out),
                Piece::Clear { .. } => self.keep(bytes, out),
                Piece::Replaced { taken, .. } => self.replace(taken, bytes, out),
            }
        }
    }

    /// As [`RawMap::keep`], as one stretch.
    fn keep_whole(&mut self, text: &[u8], out: &mut TextOut) {
        let mut stretch = std::mem::take(&mut self.stretch);
        stretch.clear();
        self.keep(text, &mut stretch);
        out.keep(&stretch.bytes);
        self.stretch = stretch;
    }

    fn keep(&mut self, text: &[u8], out: &mut TextOut) {
        let mut rest = text;
        while let Some(mark) = self.marks.front_mut() {
            let before = mark.at.saturating_sub(self.decided) as usize;
            if rest.len() <= before {
                break;
            }
            let (plain, tail) = rest.split_at_checked(before).unwrap_or((rest, &[]));
            out.keep(plain);
            let decoded = mark.escape.decoded().len();
            let part = tail.len().min(decoded - usize::from(mark.decided));
            mark.decided += part as u8;
            self.decided += (before + part) as u64;
            rest = tail.get(part..).unwrap_or_default();
            if usize::from(mark.decided) < decoded {
                return;
            }
            if mark.replaced {
                out.replaced(mark.escape.raw().len(), 0);
            } else {
                out.keep(mark.escape.raw());
            }
            self.marks.pop_front();
        }
        out.keep(rest);
        self.decided += rest.len() as u64;
    }

    fn replace(&mut self, taken: usize, given: &[u8], out: &mut TextOut) {
        let end = self.decided + taken as u64;
        let mut raw = taken;
        while let Some(mark) = self.marks.front_mut() {
            if mark.at >= end {
                break;
            }
            let decoded = mark.escape.decoded().len();
            let covered = (end.min(mark.at + decoded as u64) - mark.at) as usize;
            raw -= covered - usize::from(mark.decided);
            mark.decided = covered as u8;
            mark.replaced = true;
            if covered < decoded {
                break;
            }
            raw += mark.escape.raw().len();
            self.marks.pop_front();
        }
        self.decided = end;
        self.scratch.clear();
        escape(given, &mut self.scratch);
        out.replace(raw, &self.scratch);
    }
}
