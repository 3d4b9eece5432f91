//! What masks leave of a rule's matches, as a language, and whether another rule matches something in it again.
//!
//! Enters: the automaton of the rule that is masked, its action, and the automaton of the rule that may match again.
//! Leaves: a proof that it never does, or a match whose mask it may match. The mask is followed byte by byte beside the
//! match: letters and digits give `*`, separators themselves. Bytes above ASCII may be part of a letter or of a
//! separator, so they may give themselves, `*` or nothing; an example that rests on that may be wrong and is tried
//! before it is told.

use std::collections::{BTreeMap, BTreeSet};

use super::super::byte_set::ByteSet;
use super::automaton::{Automaton, BEFORE, DEAD, representatives};
use super::search::Search;
use crate::engine::operator::Action;

/// How far a mask has come.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Mask {
    /// So many letters and digits were masked, counted to 5.
    Masked(u8),
    /// Of those masked before, and those shown since.
    Shown(u8, u8),
    /// The part of an address before its last `@`.
    Local,
    /// The part behind it, for which `***` will stand.
    Domain,
    /// An `@` can no more come.
    NoAddress,
}

/// The other rule's place in what the mask has given.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Again {
    /// It has not begun. What stood last, as a place in [`BEFORE`].
    Behind(u8),
    /// It has begun and stands here.
    At(u32),
    /// It has matched.
    Matched,
}

/// What came of a search.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Masked {
    /// Nothing that the mask gives is matched.
    Never,
    /// This match's mask may be matched.
    Maybe(Vec<u8>),
    /// The search grew too large.
    TooLarge,
}

/// How the steps of a mask go.
struct Masking<'a> {
    action: &'a Action,
    again: &'a Automaton,
    /// Whether what the other rule finds in the part that is shown makes the mask hide it.
    hides: bool,
}

impl Masking<'_> {
    fn begin(&self) -> Vec<Mask> {
        match self.action {
            Action::MaskDomain => vec![Mask::Local, Mask::NoAddress],
            _ => vec![Mask::Masked(0)],
        }
    }

    /// What a byte of the match may give, and how the mask stands then.
    fn give(&self, mask: Mask, byte: u8) -> Vec<(Mask, Option<u8>)> {
        let star = Some(b'*');
        let shows = matches!(self.action, Action::KeepLast4);
        let plain = byte.is_ascii() && !byte.is_ascii_alphanumeric();
        match mask {
            Mask::Local if byte == b'@' => vec![(Mask::Local, Some(byte)), (Mask::Domain, Some(byte))],
            Mask::Local => vec![(Mask::Local, Some(byte))],
            Mask::Domain if byte == b'@' => Vec::new(),
            Mask::Domain => vec![(Mask::Domain, None)],
            Mask::NoAddress if byte == b'@' => Vec::new(),
            Mask::NoAddress if plain => vec![(mask, Some(byte))],
            Mask::NoAddress if byte.is_ascii() => vec![(mask, star)],
            Mask::NoAddress => vec![(mask, star), (mask, Some(byte)), (mask, None)],
            Mask::Masked(_) | Mask::Shown(..) if plain => vec![(mask, Some(byte))],
            Mask::Masked(count) => {
                // Only the last characters that are shown are counted; a plain mask counts nothing.
                let more = Mask::Masked(if shows { (count + 1).min(5) } else { 0 });
                let mut given = vec![(more, star)];
                if shows {
                    given.push((Mask::Shown(count, 1), Some(byte)));
                }
                if !byte.is_ascii() {
                    given.extend([(mask, star), (mask, Some(byte)), (mask, None)]);
                }
                given
            }
            Mask::Shown(before, count) => {
                let mut given = Vec::new();
                if count < 4 {
                    given.push((Mask::Shown(before, count + 1), Some(byte)));
                }
                if !byte.is_ascii() {
                    given.extend([(mask, Some(byte)), (mask, None)]);
                }
                given
            }
        }
    }

    /// Whether a match may end with the mask standing so: four are shown, and never more than half.
    fn complete(&self, mask: Mask) -> bool {
        match mask {
            Mask::Masked(count) if matches!(self.action, Action::KeepLast4) => count / 2 == 0,
            Mask::Shown(before, shown) => shown == ((before + shown) / 2).min(4),
            Mask::Local => false,
            Mask::Masked(_) | Mask::Domain | Mask::NoAddress => true,
        }
    }

    /// The places of the other rule behind one more byte of what the mask gives in `mask`.
    fn follow(&self, again: Again, byte: u8, mask: Mask) -> Vec<Again> {
        match again {
            Again::Matched => vec![Again::Matched],
            Again::At(state) => self.stepped(state, byte, mask),
            Again::Behind(before) => {
                let kind = BEFORE.iter().position(|known| *known == Some(kind(byte))).unwrap_or(0);
                let mut places = vec![Again::Behind(u8::try_from(kind).unwrap_or(0))];
                let start = self.again.starts.get(usize::from(before)).copied().unwrap_or(DEAD);
                if !(self.hides && matches!(mask, Mask::Shown(..))) {
                    places.extend(self.stepped(start, byte, mask));
                }
                places
            }
        }
    }

    fn stepped(&self, state: u32, byte: u8, mask: Mask) -> Vec<Again> {
        let next = self.again.step(state, byte);
        match () {
            () if self.again.matched(next) && !(self.hides && mask == Mask::Local) => vec![Again::Matched],
            () if self.again.is_alive(next) => vec![Again::At(next)],
            () => Vec::new(),
        }
    }

    /// Whether the other rule has matched when the mask is complete, whatever follows it.
    fn ends(&self, again: Again, mask: Mask) -> bool {
        let mut places = vec![again];
        if mask == Mask::Domain {
            for _ in 0..3 {
                places = places.into_iter().flat_map(|place| self.follow(place, b'*', mask)).collect();
            }
        }
        places.into_iter().any(|place| match place {
            Again::Matched => true,
            Again::At(state) => self.again.is_final(state),
            Again::Behind(_) => false,
        })
    }
}

/// A byte of [`BEFORE`] that stands for `byte`.
pub(super) fn kind(byte: u8) -> u8 {
    match byte {
        b'\n' | b'\r' => byte,
        b'_' => b'a',
        byte if byte.is_ascii_alphanumeric() => b'a',
        _ => b' ',
    }
}

/// How many letters and digits a mask shows at most.
pub(super) fn shown(action: &Action) -> u8 {
    match action {
        Action::Mask => 0,
        Action::KeepLast4 => 4,
        _ => u8::MAX,
    }
}

/// The bytes that a mask of a rule's matches may have.
pub(super) fn alphabet(masked: &Automaton, action: &Action) -> ByteSet {
    let own = masked.alphabet();
    let hidden = |byte: u8| byte.is_ascii_alphanumeric() && shown(action) == 0;
    ByteSet::new(|byte| byte == b'*' || own.contains(byte) && !hidden(byte))
}

/// Whether a text of these bytes, with so many letters and digits at most, can be matched: a quick answer before
/// `matches`.
pub(super) fn may_match(again: &Automaton, bytes: &ByteSet, shown: u8) -> bool {
    let usable = representatives(|byte| (again.class(byte), byte.is_ascii_alphanumeric(), bytes.contains(byte)));
    let usable: Vec<u8> = usable.into_iter().filter(|byte| bytes.contains(*byte)).collect();
    let mut search = Search::new(usize::MAX);
    again.starts.into_iter().for_each(|start| search.begin((start, 0_u8)));
    while let Some((node, (state, count))) = search.next() {
        if !again.is_alive(state) {
            continue;
        }
        if again.is_final(state) {
            return true;
        }
        for byte in &usable {
            // Where nothing is hidden nothing need be counted.
            let count = count + u8::from(shown < u8::MAX && byte.is_ascii_alphanumeric());
            if count <= shown {
                search.reach(node, *byte, (again.step(state, *byte), count));
            }
        }
    }
    false
}

/// Everything that a plain mask leaves of a rule's matches, where that is no more than `most` texts of 64 bytes: the
/// masks of numbers differ in their separators alone. None where there are more, or a match may have bytes above ASCII.
pub(super) fn texts(masked: &Automaton, most: usize) -> Option<Vec<Vec<u8>>> {
    let bytes = representatives(|byte| match byte.is_ascii_alphanumeric() {
        true => (Some(masked.class(byte)), None),
        false => (None, Some(byte)),
    });
    let mut found = Vec::new();
    let starts = masked.starts.into_iter().filter(|start| masked.is_alive(*start)).collect();
    let mut level: BTreeMap<Vec<u8>, BTreeSet<u32>> = BTreeMap::from([(Vec::new(), starts)]);
    for _ in 0..=64 {
        let mut next: BTreeMap<Vec<u8>, BTreeSet<u32>> = BTreeMap::new();
        for (text, states) in level {
            if states.iter().any(|state| masked.is_final(*state)) {
                found.push(text.clone());
            }
            let steps = states.iter().flat_map(|state| bytes.iter().map(|byte| (*byte, masked.step(*state, *byte))));
            for (byte, state) in steps.filter(|(_, state)| masked.is_alive(*state)) {
                if !byte.is_ascii() {
                    return None;
                }
                let mut longer = text.clone();
                longer.push(if byte.is_ascii_alphanumeric() { b'*' } else { byte });
                next.entry(longer).or_default().insert(state);
            }
            if found.len() + next.len() > most {
                return None;
            }
        }
        if next.is_empty() {
            return Some(found);
        }
        level = next;
    }
    None
}

/// Looks for a match of `masked` whose mask `again` may match, within it or all of it; not where it `hides` what the
/// other rule finds in the part that is shown.
pub(super) fn matches(masked: &Automaton, action: &Action, again: &Automaton, hides: bool, limit: usize) -> Masked {
    let masking = Masking { action, again, hides };
    let key = |byte: u8| {
        let kind = (byte.is_ascii(), byte.is_ascii_alphanumeric(), byte == b'@', kind(byte));
        (masked.class(byte), again.class(byte), kind)
    };
    let bytes = representatives(key);
    for start in masked.starts.into_iter().filter(|start| masked.is_alive(*start)) {
        let mut search = Search::new(limit);
        for mask in masking.begin() {
            // What stands before the mask may be anything.
            (0..BEFORE.len()).for_each(|at| search.begin((start, mask, Again::Behind(u8::try_from(at).unwrap_or(0)))));
        }
        while let Some((node, (state, mask, place))) = search.next() {
            if masked.is_final(state) && masking.complete(mask) && masking.ends(place, mask) {
                let (_, word) = search.word(node);
                return Masked::Maybe(word);
            }
            let given_in = mask;
            for byte in &bytes {
                let next = masked.step(state, *byte);
                if !masked.is_alive(next) {
                    continue;
                }
                for (mask, given) in masking.give(given_in, *byte) {
                    let places = match given {
                        Some(byte) => masking.follow(place, byte, given_in),
                        None => vec![place],
                    };
                    places.into_iter().for_each(|place| search.reach(node, *byte, (next, mask, place)));
                }
            }
            if search.is_too_large() {
                return Masked::TooLarge;
            }
        }
    }
    Masked::Never
}
