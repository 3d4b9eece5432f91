//! Anchors and aliases, and the escapes of keys: what in YAML are names, and no values.
//!
//! Enters: where anchors and aliases stand, and what gives way. Leaves: which of it stays after all. An alias (`*name`)
//! says nothing that its anchor (`&name`) has not said: where the anchor has left as it stood, nothing is replaced in
//! the alias, so that `password: *env_var1` stays an alias. Of anchors that gave way, and of none, it is text as any other,
//! and so it is where what is found reaches beyond it. That must not depend on where the body is cut: an alias is judged
//! when all of it, and a byte behind it, may leave, and what touches what gave way before is one with it.
//!
//! What stands behind an anchor is what its aliases say, where they are keys or names.
//!
//! Kept: [`ANCHORS`] names of [`LONGEST`] bytes, the first ones; an alias of another is text. As many scalars behind
//! anchors, the last ones.

use std::collections::VecDeque;
use std::ops::Range;

use super::Edit;

/// Anchors that are known.
const ANCHORS: usize = 64;
/// Bytes of a name.
const LONGEST: usize = 128;
/// What an escaped blank is read as, in as many bytes as it is written in: U+00A0.
pub(super) const BLANK: [u8; 2] = [0xC2, 0xA0];

/// A name and where it stands, its sign included.
struct Named {
    place: Range<u64>,
    name: Vec<u8>,
    anchor: bool,
    /// Some of it gives way.
    hit: bool,
}

/// The names that have not left, and the anchors that have.
#[derive(Default)]
pub(super) struct Names {
    /// In order; the last one may go on.
    coming: VecDeque<Named>,
    open: bool,
    left: Vec<Vec<u8>>,
    /// Where what gave way last ended.
    gone: Option<u64>,
    /// The name of an anchor whose node has not begun.
    anchor: Vec<u8>,
    /// What stands behind anchors.
    meant: VecDeque<(Vec<u8>, Vec<u8>)>,
}

impl Names {
    /// A name begins with its sign at this place.
    pub(super) fn begin(&mut self, at: u64, anchor: bool) {
        self.end();
        self.coming.push_back(Named { place: at..at + 1, name: Vec::new(), anchor, hit: false });
        self.open = true;
        self.anchor.clear();
    }

    /// Another byte of the name.
    pub(super) fn push(&mut self, byte: u8) {
        if let Some(name) = self.coming.back_mut().filter(|_| self.open) {
            name.place.end += 1;
            if name.name.len() <= LONGEST {
                name.name.push(byte);
                if name.anchor {
                    self.anchor.push(byte);
                }
            }
        }
    }

    /// The name has ended.
    pub(super) fn end(&mut self) {
        self.open = false;
    }

    /// The name of the anchor of the node that begins here; empty where it has none that is known.
    pub(super) fn take_anchor(&mut self) -> Vec<u8> {
        let mut anchor = std::mem::take(&mut self.anchor);
        if anchor.len() > LONGEST {
            anchor.clear();
        }
        anchor
    }

    /// What stands behind an anchor, instead of what stood behind an earlier one of this name.
    pub(super) fn mean(&mut self, anchor: Vec<u8>, text: &[u8]) {
        self.meant.retain(|(known, _)| *known != anchor);
        if self.meant.len() == ANCHORS {
            self.meant.pop_front();
        }
        self.meant.push_back((anchor, text.to_vec()));
    }

    /// What a plain scalar says where it is an alias whose anchor is known.
    pub(super) fn meaning(&self, text: &[u8]) -> Option<&[u8]> {
        let name = text.strip_prefix(b"*")?.trim_ascii_end();
        self.meant.iter().find(|(known, _)| known == name).map(|(_, text)| text.as_slice())
    }

    /// Where the alias begins that this limit cuts, or ends with, unless the body ends there.
    pub(super) fn cut(&self, limit: u64, last: bool) -> Option<u64> {
        let cuts = |name: &&Named| {
            let Range { start, end } = name.place;
            !name.anchor && name.name.len() <= LONGEST && start < limit && (limit < end || limit == end && !last)
        };
        self.coming.iter().find(cuts).map(|name| name.place.start)
    }

    /// Takes out of these edits, which are all that end before `limit`, those within aliases that stay; says where those
    /// aliases are.
    pub(super) fn spare(&mut self, edits: &mut Vec<Edit>, limit: u64) -> Vec<Range<u64>> {
        if edits.is_empty() && self.coming.is_empty() {
            return Vec::new();
        }
        let stretches = self.stretches(edits);
        let mut spared = Vec::new();
        let last = self.coming.len();
        let mut gone = 0;
        for (at, name) in self.coming.iter_mut().enumerate() {
            if name.place.start >= limit {
                break;
            }
            let goes_on = self.open && at + 1 == last || name.place.end > limit;
            let meets = |place: &Range<u64>| name.place.start < place.end && (goes_on || place.start < name.place.end);
            if name.anchor {
                name.hit |= edits.iter().any(|edit| meets(&edit.place));
            }
            if goes_on {
                break;
            }
            gone += 1;
            let fits = (1..=LONGEST).contains(&name.name.len());
            let within = |place: &Range<u64>| name.place.start <= place.start && place.end <= name.place.end;
            if !name.anchor && self.left.contains(&name.name) {
                if stretches.iter().filter(|stretch| meets(stretch)).all(within) {
                    edits.retain(|edit| !within(&edit.place));
                    spared.push(name.place.clone());
                }
            } else if name.anchor && !name.hit && fits && self.left.len() < ANCHORS && !self.left.contains(&name.name) {
                self.left.push(std::mem::take(&mut name.name));
            }
        }
        self.coming.drain(..gone);
        spared
    }

    /// What gives way, without the borders between what touches, and with the end of what gave way before.
    fn stretches(&mut self, edits: &[Edit]) -> Vec<Range<u64>> {
        let before = self.gone.map(|end| end.saturating_sub(1)..end);
        let mut places: Vec<_> = before.into_iter().chain(edits.iter().map(|edit| edit.place.clone())).collect();
        places.sort_unstable_by_key(|place| place.start);
        let mut stretches: Vec<Range<u64>> = Vec::new();
        for place in places {
            match stretches.last_mut() {
                Some(last) if place.start <= last.end => last.end = last.end.max(place.end),
                _ => stretches.push(place),
            }
        }
        self.gone = stretches.last().map(|stretch| stretch.end);
        stretches
    }
}

/// Undoes the escapes of double quotes (YAML 1.2.2 section 5.7); what is none stays. [`BLANK`] is a blank.
pub(super) fn unescape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        if let Some(after) = rest.strip_prefix(&BLANK) {
            out.push(b' ');
            rest = after;
            continue;
        }
        rest = after;
        let Some((sign, after)) = after.split_first().filter(|_| *byte == b'\\') else {
            out.push(*byte);
            continue;
        };
        let digits = match sign {
            b'x' => 2,
            b'u' => 4,
            b'U' => 8,
            _ => 0,
        };
        let code = after.get(..digits).filter(|_| digits > 0).and_then(|digits| std::str::from_utf8(digits).ok());
        let coded = code.and_then(|digits| u32::from_str_radix(digits, 16).ok()).and_then(char::from_u32);
        let plain = match sign {
            b'0' => Some('\0'),
            b'a' => Some('\u{7}'),
            b'b' => Some('\u{8}'),
            b't' | b'\t' => Some('\t'),
            b'n' => Some('\n'),
            b'v' => Some('\u{b}'),
            b'f' => Some('\u{c}'),
            b'r' => Some('\r'),
            b'e' => Some('\u{1b}'),
            b' ' | b'"' | b'/' | b'\\' => Some(char::from(*sign)),
            b'N' => Some('\u{85}'),
            b'_' => Some('\u{a0}'),
            b'L' => Some('\u{2028}'),
            b'P' => Some('\u{2029}'),
            _ => None,
        };
        match coded.or(plain) {
            Some(letter) => {
                out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                rest = after.get(if coded.is_some() { digits } else { 0 }..).unwrap_or_default();
            }
            None => out.push(b'\\'),
        }
    }
    out
}
