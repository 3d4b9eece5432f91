//! Where places of a text are once it is redacted: what a citation counts from its beginning.
//!
//! Enters: a text as it came, and how what left of it came about. Leaves: for an offset into the one the offset into the
//! other, in characters or bytes. Kept: what is not decided yet, which is at most what is held back, and one entry for
//! each stretch whose length has changed, up to [`EDITS`]; further ones are one stretch with what lies between.

use super::out::{TextOut, original};
use crate::engine::Piece;

/// How many changed stretches of a text are told apart.
pub(in crate::body) const EDITS: usize = 1024;

/// What an offset counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::body) enum Unit {
    /// Characters of Unicode.
    Characters,
    /// Bytes of UTF-8.
    Bytes,
}

/// Which side of a stretch an offset is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::body) enum Side {
    /// It is the first that belongs to it.
    Start,
    /// It is the first behind it.
    End,
}

/// What a number that is an offset counts, and which side of a stretch it is.
pub(in crate::body) type Counts = (Unit, Side);

/// A place in a text.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
struct Place {
    bytes: u64,
    characters: u64,
}

impl Place {
    fn after(self, text: &[u8]) -> Self {
        let begun = text.iter().filter(|byte| **byte & 0xC0 != 0x80).count();
        Self { bytes: self.bytes + text.len() as u64, characters: self.characters + begun as u64 }
    }

    fn count(self, unit: Unit) -> u64 {
        match unit {
            Unit::Characters => self.characters,
            Unit::Bytes => self.bytes,
        }
    }
}

/// A stretch whose length has changed: its begin and end as it came and as it left.
#[derive(Clone, Copy, Debug)]
struct Edit {
    came: (Place, Place),
    left: (Place, Place),
}

/// The places of one text.
#[derive(Default, Debug)]
pub(in crate::body) struct Shifts {
    /// What came and is not decided.
    pending: Vec<u8>,
    came: Place,
    left: Place,
    edits: Vec<Edit>,
}

impl Shifts {
    /// Begins another text.
    pub(in crate::body) fn restart(&mut self) {
        self.pending.clear();
        self.edits.clear();
        self.came = Place::default();
        self.left = Place::default();
    }

    /// Whether every place is where it was.
    pub(in crate::body) fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    /// Takes the next of the text as it came, before what is decided of it.
    pub(in crate::body) fn came(&mut self, text: &[u8]) {
        self.pending.extend_from_slice(text);
    }

    /// Takes what was decided: `out` from this byte on, and all its pieces.
    pub(in crate::body) fn decided(&mut self, out: &TextOut, from: usize) {
        let pending = std::mem::take(&mut self.pending);
        let mut given_at = from;
        let mut taken_at = 0;
        for piece in &out.pieces {
            let taken = original(*piece) as usize;
            let came = pending.get(taken_at..taken_at + taken).unwrap_or_default();
            taken_at += taken;
            match *piece {
                Piece::Clear { len } => {
                    self.came = self.came.after(came);
                    self.left = self.left.after(came);
                    given_at += len;
                }
                Piece::Replaced { given, .. } => {
                    let new = out.bytes.get(given_at..given_at + given).unwrap_or_default();
                    given_at += given;
                    self.replaced(came, new);
                }
            }
        }
        self.pending = pending;
        self.pending.drain(..taken_at.min(self.pending.len()));
    }

    fn replaced(&mut self, came: &[u8], new: &[u8]) {
        let begin = (self.came, self.left);
        self.came = self.came.after(came);
        self.left = self.left.after(new);
        let full = self.edits.len() >= EDITS;
        match self.edits.last_mut() {
            // Replacements that touch are one: a long match is handed on in parts.
            Some(last) if full || last.came.1 == begin.0 => {
                last.came.1 = self.came;
                last.left.1 = self.left;
            }
            _ if came.len() == new.len()
                && self.came.characters - begin.0.characters == self.left.characters - begin.1.characters => {}
            _ => self.edits.push(Edit { came: (begin.0, self.came), left: (begin.1, self.left) }),
        }
    }

    /// Where this offset is now. One inside a stretch that was replaced goes to that side of it which takes it in.
    pub(in crate::body) fn moved(&self, offset: u64, (unit, side): Counts) -> u64 {
        let before = self.edits.partition_point(|edit| edit.came.0.count(unit) < offset);
        let Some(edit) = before.checked_sub(1).and_then(|last| self.edits.get(last)) else { return offset };
        let behind = offset.checked_sub(edit.came.1.count(unit));
        match (behind, side) {
            (Some(behind), _) => edit.left.1.count(unit) + behind,
            (None, Side::Start) => edit.left.0.count(unit),
            (None, Side::End) => edit.left.1.count(unit),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::string_slice, reason = "a panic here is a failed test")]

    use super::*;

    /// Pushes a text in pieces of this many bytes, of which some are replaced, each as soon as it is whole.
    fn shifts(parts: &[(&str, Option<&str>)], chunk: usize) -> Shifts {
        let mut shifts = Shifts::default();
        let whole: String = parts.iter().map(|(came, _)| *came).collect();
        let mut chunks = whole.as_bytes().chunks(chunk);
        let mut came = 0;
        let mut wanted = 0;
        for (text, new) in parts {
            wanted += text.len();
            while came < wanted {
                let chunk = chunks.next().unwrap_or_default();
                came += chunk.len();
                shifts.came(chunk);
            }
            let mut out = TextOut::default();
            out.bytes.extend_from_slice(b"..");
            match new {
                Some(new) => out.replace(text.len(), new.as_bytes()),
                None => out.keep(text.as_bytes()),
            }
            shifts.decided(&out, 2);
        }
        shifts
    }

    #[test]
    fn offsets_delimit_the_same_text() {
        let parts = [
            ("Ünder ", None),
            ("4111 1111 1111 1111", Some("**** **** **** 1111")),
            (" 漢字 ", None),
            ("jane@example.com", Some("jane@***")),
            ("AKIA", Some("[SECRET]")),
            (" \u{1f600}", None),
            ("é", Some("")),
            ("end", None),
        ];
        let came: String = parts.iter().map(|(came, _)| *came).collect();
        let left: String = parts.iter().map(|(came, new)| new.unwrap_or(came)).collect();
        for chunk in 1..40 {
            let shifts = shifts(&parts, chunk);
            for (needle, now) in [
                ("Ünder", "Ünder"),
                ("漢字", "漢字"),
                ("jane@example.comAKIA", "jane@***[SECRET]"),
                ("\u{1f600}", "\u{1f600}"),
                ("end", "end"),
            ] {
                let at = came.find(needle).unwrap();
                let moved = |at: usize, side| shifts.moved(at as u64, (Unit::Bytes, side)) as usize;
                assert_eq!(&left[moved(at, Side::Start)..moved(at + needle.len(), Side::End)], now, "{chunk}");
                let begin = came[..at].chars().count();
                let moved = |at: usize, side| shifts.moved(at as u64, (Unit::Characters, side)) as usize;
                let (begin, end) = (moved(begin, Side::Start), moved(begin + needle.chars().count(), Side::End));
                assert_eq!(left.chars().skip(begin).take(end - begin).collect::<String>(), now, "{chunk}");
            }
            // Inside of what was replaced: the whole of what stands there.
            let at = came.find("example").unwrap() as u64;
            let (begin, end) =
                (shifts.moved(at, (Unit::Bytes, Side::Start)), shifts.moved(at + 7, (Unit::Bytes, Side::End)));
            assert_eq!(&left[begin as usize..end as usize], "jane@***[SECRET]");
        }
    }

    #[test]
    fn more_stretches_than_are_told_apart_become_one() {
        let one = [("jane@example.com", Some("jane@***")), (" and ", None)];
        for count in [EDITS - 1, EDITS, EDITS + 1, EDITS + 2] {
            let parts: Vec<_> = one.iter().copied().cycle().take(2 * count).collect();
            let shifts = shifts(&parts, 64);
            assert_eq!(shifts.edits.len(), count.min(EDITS));
            let end = 21 * count as u64;
            assert_eq!(shifts.moved(end, (Unit::Bytes, Side::End)), 13 * count as u64, "{count}");
        }
    }
}
