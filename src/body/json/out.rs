//! Redacted text and how it came about, and a queue of it that is released up to a place of the original.
//!
//! Enters and leaves: stretches of the original that stand as they came, and stretches that gave way. A stretch that
//! begins with a backslash is one escape of a JSON text and is never cut: nothing else in such a text has one. In a text
//! around it, where it is spelled with more backslashes, it is one stretch again.

use std::fmt;

use crate::engine::{Output, Piece};

/// Bytes of an escape, as texts within texts spell it: two halves of a pair, each behind eight backslashes.
const ESCAPE: usize = 128;

/// Redacted text and how it came about. Reused from call to call; [`TextOut::clear`] empties it.
#[derive(Default)]
pub struct TextOut {
    /// Redacted text.
    pub bytes: Vec<u8>,
    /// How `bytes` came about, in order; `Clear` and `taken` count bytes of the original.
    pub pieces: Vec<Piece>,
    /// Nobody asks for the pieces.
    bytes_only: bool,
}

impl TextOut {
    /// One that keeps no pieces.
    pub(super) fn bytes_only() -> Self {
        Self { bytes_only: true, ..Self::default() }
    }

    /// Empties it and keeps its memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.pieces.clear();
    }

    /// Whether every byte given so far stands as it came.
    #[must_use]
    pub fn is_verbatim(&self) -> bool {
        self.pieces.iter().all(|piece| matches!(piece, Piece::Clear { .. }))
    }

    /// Appends bytes of the original.
    pub(super) fn keep(&mut self, text: &[u8]) {
        if text.is_empty() {
            return;
        }
        if !self.bytes_only {
            let escape = text.first() == Some(&b'\\');
            match self.pieces.last_mut() {
                Some(Piece::Clear { len }) if !escape && byte_back(&self.bytes, *len) != Some(b'\\') => {
                    *len += text.len()
                }
                _ => self.pieces.push(Piece::Clear { len: text.len() }),
            }
        }
        self.bytes.extend_from_slice(text);
    }

    /// Appends `given` in place of `taken` bytes of the original.
    pub(super) fn replace(&mut self, taken: usize, given: &[u8]) {
        self.bytes.extend_from_slice(given);
        self.replaced(taken, given.len());
    }

    /// Notes that the last `given` bytes stand for `taken` bytes of the original.
    pub(super) fn replaced(&mut self, taken: usize, given: usize) {
        if !self.bytes_only && (taken > 0 || given > 0) {
            self.pieces.push(Piece::Replaced { taken, given });
        }
    }

    /// Appends what an engine gave.
    pub(super) fn append(&mut self, output: &Output) {
        self.append_text(&output.bytes, &output.pieces);
    }

    /// Appends text and how it came about.
    pub(super) fn append_text(&mut self, bytes: &[u8], pieces: &[Piece]) {
        self.bytes.extend_from_slice(bytes);
        if !self.bytes_only {
            self.pieces.extend_from_slice(pieces);
        }
    }
}

impl fmt::Debug for TextOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TextOut({} bytes, {} pieces)", self.bytes.len(), self.pieces.len())
    }
}

/// Whether a stretch of the original is an escape; of what is none no more than [`ESCAPE`] bytes wait for each other.
pub(super) fn is_escape(stretch: &[u8]) -> bool {
    stretch.first() == Some(&b'\\') && stretch.len() <= ESCAPE
}

fn byte_back(bytes: &[u8], back: usize) -> Option<u8> {
    bytes.get(bytes.len().checked_sub(back)?).copied()
}

/// Output that waits: what is in `out` begins at byte `start` of the original.
#[derive(Default)]
pub(super) struct Queue {
    pub(super) out: TextOut,
    start: u64,
}

/// What a release does with a stretch that the limit cuts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// Escapes and replacements wait until they are whole.
    Whole,
    /// Escapes are cut; a replacement leaves although the limit cuts it.
    Anywhere,
}

impl Queue {
    /// Empties it for a new text.
    pub(super) fn restart(&mut self) {
        self.out.clear();
        self.start = 0;
    }

    /// Up to where the original is decided.
    pub(super) fn end(&self) -> u64 {
        self.start + self.out.pieces.iter().map(|piece| original(*piece)).sum::<u64>()
    }

    /// Where the replaced stretch begins that reaches `place` or spans it; `place` itself where there is none, and never
    /// beyond what is decided. Replacements that touch are one stretch: a long match is handed on in parts.
    pub(super) fn boundary(&self, place: u64) -> u64 {
        let mut at = self.start;
        let mut stretch = None;
        for piece in &self.out.pieces {
            let replaced = matches!(piece, Piece::Replaced { .. });
            if at >= place && !(at == place && replaced) {
                break;
            }
            stretch = replaced.then(|| stretch.unwrap_or(at));
            at += original(*piece);
        }
        stretch.unwrap_or(place).min(at).min(place)
    }

    /// Where the replaced stretch begins that covers the bytes on both sides of `place`; `place` where there is none.
    pub(super) fn boundary_over(&self, place: u64) -> u64 {
        let mut at = self.start;
        let mut stretch = None;
        for piece in &self.out.pieces {
            stretch = matches!(piece, Piece::Replaced { .. }).then(|| stretch.unwrap_or(at));
            at += original(*piece);
            if at > place {
                break;
            }
        }
        stretch.filter(|_| at > place).unwrap_or(place).min(place)
    }

    /// Moves what stands before `limit` to `to`, or drops it; the place reached.
    pub(super) fn release(&mut self, limit: u64, cut: Cut, mut to: Option<&mut TextOut>) -> u64 {
        let mut given_at = 0;
        let mut whole = 0;
        for piece in &mut self.out.pieces {
            let len = original(*piece);
            let room = limit.saturating_sub(self.start);
            let given = match *piece {
                Piece::Clear { len } | Piece::Replaced { given: len, .. } => len,
            };
            let bytes = self.out.bytes.get(given_at..given_at + given).unwrap_or_default();
            if len <= room && (len > 0 || room > 0) {
                move_piece(*piece, bytes, to.as_deref_mut());
                self.start += len;
                given_at += given;
                whole += 1;
                continue;
            }
            let is_escape = is_escape(bytes);
            match piece {
                Piece::Clear { len } if room > 0 && (cut == Cut::Anywhere || !is_escape) => {
                    let part = room as usize;
                    move_piece(Piece::Clear { len: part }, bytes.get(..part).unwrap_or_default(), to);
                    *len -= part;
                    given_at += part;
                    self.start += room;
                }
                Piece::Replaced { .. } if room > 0 && cut == Cut::Anywhere && to.is_some() => {
                    move_piece(*piece, bytes, to);
                    given_at += given;
                    self.start += len;
                    whole += 1;
                }
                Piece::Replaced { taken, .. } if room > 0 && to.is_none() => {
                    *taken -= room as usize;
                    self.start += room;
                }
                Piece::Clear { .. } | Piece::Replaced { .. } => {}
            }
            break;
        }
        self.out.bytes.drain(..given_at);
        self.out.pieces.drain(..whole);
        self.start
    }

    /// Bytes that wait.
    pub(super) fn waiting(&self) -> usize {
        self.out.bytes.len()
    }
}

/// How many bytes of the original a piece stands for.
pub(super) fn original(piece: Piece) -> u64 {
    match piece {
        Piece::Clear { len } => len as u64,
        Piece::Replaced { taken, .. } => taken as u64,
    }
}

fn move_piece(piece: Piece, bytes: &[u8], to: Option<&mut TextOut>) {
    let Some(to) = to else { return };
    match piece {
        Piece::Clear { .. } => to.keep(bytes),
        Piece::Replaced { taken, .. } => to.replace(taken, bytes),
    }
}
