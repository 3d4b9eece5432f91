//! A transcript that is told more than once: as a text, and again as words and segments with their times.
//!
//! Enters: the text as it came and what was decided of it, then each piece that spells it once more. Leaves: the piece as it
//! stands, or without letters and digits where the text hides them: a value that the text hides is not found in its words. A
//! piece is looked for where the last one of its kind ended; one that is not there shows nothing of a word that the text
//! hides. One that comes before the text is read by itself. Kept: a text in which something is hidden, up to
//! [`BodyLimits::json_hold`](crate::body::BodyLimits::json_hold); of a longer one no piece shows anything, and neither does
//! one that comes when looking has cost too much.

use std::ops::Range;

use super::out::{TextOut, original};
use super::string::escape;
use super::walker::Spot;
use crate::body::dialect::Pieces;
use crate::engine::Piece;

/// How far behind the last piece the next one is looked for: what stands between words.
const BETWEEN: usize = 64;
/// Bytes and hidden stretches that may be looked at for all the pieces of a document.
const LOOKED_AT: usize = 64 << 20;

/// Follows one document.
#[derive(Default)]
pub(super) struct Transcript {
    text: Stretches,
    state: State,
    limit: usize,
    /// Where the last piece of each kind ended.
    ends: [usize; 3],
    /// How much has been looked at.
    looked_at: usize,
    piece: Option<Spelled>,
}

#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// No text has come.
    #[default]
    Before,
    /// It is read, and kept unless it is too long.
    Open { kept: bool },
    /// It has come.
    Whole { kept: bool },
}

/// A text as it came, and which stretches of it are hidden.
#[derive(Default)]
struct Stretches {
    came: Vec<u8>,
    hidden: Vec<Range<usize>>,
    decided: usize,
}

/// A piece that is being read.
struct Spelled {
    kind: Pieces,
    /// Where its literal begins in the output, which waits from there on.
    from: usize,
    text: Stretches,
}

impl Stretches {
    fn decided(&mut self, out: &TextOut) {
        for piece in &out.pieces {
            let end = self.decided + original(*piece) as usize;
            if matches!(piece, Piece::Replaced { .. }) && end > self.decided {
                self.hidden.push(self.decided..end);
            }
            self.decided = end;
        }
    }
}

impl Transcript {
    /// From which byte on the output waits.
    pub(super) fn hold(&self) -> Option<usize> {
        self.piece.as_ref().map(|piece| piece.from)
    }

    /// Says that what waits now begins at this byte.
    pub(super) fn held_at(&mut self, place: usize) {
        if let Some(piece) = &mut self.piece {
            piece.from = place;
        }
    }

    /// The text begins.
    pub(super) fn begin(&mut self, limit: usize) {
        self.forget();
        self.state = State::Open { kept: true };
        self.limit = limit;
    }

    /// The document is over.
    pub(super) fn forget(&mut self) {
        if self.state != State::Before {
            *self = Self::default();
        }
    }

    /// Part of a text as it came, where something in it is not sure to stay.
    pub(super) fn came(&mut self, text: &[u8]) {
        if self.state != (State::Open { kept: true }) {
            return;
        }
        if self.text.came.len() + text.len() > self.limit {
            self.state = State::Open { kept: false };
            self.text.came = Vec::new();
        } else {
            self.text.came.extend_from_slice(text);
        }
    }

    /// What was decided of a text.
    pub(super) fn decided(&mut self, out: &TextOut) {
        match &mut self.piece {
            Some(piece) => piece.text.decided(out),
            None if matches!(self.state, State::Open { .. }) => self.text.decided(out),
            None => {}
        }
    }

    /// The text is over.
    pub(super) fn end(&mut self) {
        if let State::Open { kept } = self.state {
            self.state = State::Whole { kept };
        }
        if self.text.hidden.is_empty() {
            self.text.came = Vec::new();
        }
    }

    /// A piece begins at this spot; whether more than its own findings may be hidden in it.
    pub(super) fn begin_piece(&mut self, kind: Pieces, spot: &mut Spot<'_, '_>) -> bool {
        let hides = self.state != State::Before && !self.text.hidden.is_empty();
        self.piece = hides.then(|| Spelled { kind, from: spot.bytes().len(), text: Stretches::default() });
        hides
    }

    /// Part of a piece.
    pub(super) fn piece_came(&mut self, decoded: &[u8]) {
        if let Some(piece) = &mut self.piece {
            piece.text.came.extend_from_slice(decoded);
        }
    }

    /// A piece is over; the spot is behind it.
    pub(super) fn end_piece(&mut self, spot: &mut Spot<'_, '_>) {
        let Some(Spelled { from, kind, text: own }) = self.piece.take() else { return };
        let hidden = self.hidden_in(&own.came, kind);
        // What is hidden here as it is in the text says no more than the text does.
        if hidden.iter().all(|(hidden, whole)| *whole && own.hidden.contains(hidden)) {
            return;
        }
        let hidden: Vec<_> = hidden.into_iter().map(|(hidden, _)| hidden).collect();
        let bytes = spot.bytes();
        bytes.truncate(from);
        bytes.push(b'"');
        escape(&masked(&own.came, &[hidden, own.hidden].concat()), bytes);
        bytes.push(b'"');
    }

    /// Which stretches of a piece the text hides, and whether each is all that it hides there.
    fn hidden_in(&mut self, piece: &[u8], kind: Pieces) -> Vec<(Range<usize>, bool)> {
        let lead = piece.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let word = piece.trim_ascii();
        let all = vec![(lead..lead + word.len(), false)];
        if word.is_empty() {
            return Vec::new();
        }
        self.looked_at += self.text.hidden.len();
        if self.state != (State::Whole { kept: true }) || self.looked_at > LOOKED_AT {
            return all;
        }
        let Some(end) = self.ends.get_mut(kind as usize) else { return all };
        let text = self.text.came.as_slice();
        let find = |from: usize, to: usize| {
            let at = memchr::memmem::find(text.get(from..to.min(text.len()))?, word)?;
            Some(from + at..from + at + word.len())
        };
        let Some(place) = find(*end, end.saturating_add(word.len() + BETWEEN)) else {
            // The words went another way than the text: no word that is hidden somewhere is shown.
            self.looked_at += 2 * text.len();
            let somewhere = self.text.hidden.iter().any(|hidden| {
                text.get(hidden.clone()).is_some_and(|hidden| memchr::memmem::find(hidden, word).is_some())
            });
            return match find(0, text.len()) {
                Some(place) if !somewhere && !self.text.hidden.iter().any(|hidden| overlap(hidden, &place)) => {
                    *end = place.end.max(*end);
                    Vec::new()
                }
                _ => all,
            };
        };
        *end = place.end;
        let within = |hidden: &Range<usize>| {
            let (start, end) = (hidden.start.max(place.start), hidden.end.min(place.end));
            let whole = (start, end) == (hidden.start, hidden.end);
            (start < end).then(|| (lead + start - place.start..lead + end - place.start, whole))
        };
        self.text.hidden.iter().filter_map(within).collect()
    }
}

fn overlap(one: &Range<usize>, other: &Range<usize>) -> bool {
    one.start < other.end && other.start < one.end
}

/// A text whose letters and digits give way to stars where it is hidden.
fn masked(text: &[u8], hidden: &[Range<usize>]) -> Vec<u8> {
    let mut masked = Vec::with_capacity(text.len());
    let mut at = 0;
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            let place = at..at + character.len_utf8();
            at = place.end;
            if character.is_alphanumeric() && hidden.iter().any(|hidden| overlap(hidden, &place)) {
                masked.push(b'*');
            } else {
                masked.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        masked.extend_from_slice(chunk.invalid());
        at += chunk.invalid().len();
    }
    masked
}
