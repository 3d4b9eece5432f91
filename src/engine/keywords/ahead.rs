//! Where along a text the words of some rule may stand, told for whole stretches at once.
//!
//! Enters: a text as it comes. Leaves: the stretches behind words that begin a phrase. At every other place
//! [`KeywordTable::along`] tells nothing, so that no rule which asks for words is looked at there: that is most of a text.
//! A stretch may be longer than it need be, never shorter: phrases count by their first two words, and what is more than
//! ASCII often by less.

use super::along::class_at;
use super::letters::{Class, append};
use super::table::{NONE, ROOT};
use super::{KeywordTable, MAX_GAP};
use crate::engine::terms::{Character, character_at};
use crate::engine::vector::{self, CLASSES};

/// Bytes that are looked at at once: a bit for each.
const BLOCK: usize = 2 * CLASSES;
/// A run of letters and digits that is longer counts as words whatever it says, so that it is read once.
const LONGEST: usize = 256;

/// Where the reading stands, and what it found. One for each text.
#[derive(Default, Debug)]
pub(in crate::engine) struct Ahead {
    /// Offset of the next byte to read.
    at: u64,
    /// Whether a run of letters and digits too long to be read again goes on there.
    inside: bool,
    /// Stretches of places that words may stand before, in order: the first place of each, and its last.
    near: Vec<(u64, u64)>,
    /// The stretch that the last place asked for lay in or before.
    next: usize,
}

/// Letters and digits of a block, a bit for each byte.
#[derive(Clone, Copy, Default)]
struct Letters {
    words: u64,
    upper: u64,
    lower: u64,
    beyond: u64,
}

impl Ahead {
    /// Begins a new text.
    pub(in crate::engine) fn forget(&mut self) {
        self.near.clear();
        (self.at, self.inside, self.next) = (0, false, 0);
    }

    /// Whether it is known that no rule's words stand before a match that begins at `place` or a little before it.
    #[inline]
    pub(in crate::engine) fn is_quiet(&mut self, place: u64) -> bool {
        while self.near.get(self.next).is_some_and(|(_, last)| *last < place) {
            self.next += 1;
        }
        if self.next > 0 && self.near.get(self.next - 1).is_some_and(|(_, last)| *last >= place) {
            self.next = self.near.partition_point(|(_, last)| *last < place);
        }
        place <= self.at && self.near.get(self.next).is_none_or(|(first, _)| place < *first)
    }

    /// Whether `place` is quiet, and the first place behind it that is not as it is, or may not be.
    #[inline]
    pub(in crate::engine) fn stretch(&mut self, place: u64) -> (bool, u64) {
        let quiet = self.is_quiet(place);
        let near = self.near.get(self.next);
        match quiet {
            true => (true, near.map_or(u64::MAX, |(first, _)| *first).min(self.at + 1)),
            false => (false, near.filter(|(first, _)| *first <= place).map_or(u64::MAX, |(_, last)| last + 1)),
        }
    }

    fn add(&mut self, first: u64, last: u64) {
        match self.near.last_mut() {
            Some((_, known)) if first <= *known => *known = last.max(*known),
            _ => self.near.push((first, last)),
        }
    }
}

impl Letters {
    #[inline]
    fn of(block: &[u8; BLOCK]) -> Self {
        let (Some(first), Some(second)) = (block.first_chunk(), block.last_chunk()) else { return Self::default() };
        let (first, second) = (vector::words(first), vector::words(second));
        let both = |first: u32, second: u32| u64::from(first) | u64::from(second) << CLASSES;
        let beyond = both(first.beyond, second.beyond);
        Self {
            words: both(first.alphanumeric, second.alphanumeric) | beyond,
            upper: both(first.upper, second.upper),
            lower: both(first.lower, second.lower),
            beyond,
        }
    }

    /// Whether a word may end inside a run: a small letter before a capital, or a capital behind its first byte.
    #[inline]
    fn parts(self, run: u64) -> bool {
        self.lower & run != 0 && self.upper & run & (run - 1) != 0
    }
}

impl KeywordTable {
    /// Reads on to the end of the text at hand, whose first byte is at offset `base`. A match counts the words before any
    /// place from `earlier` bytes before it on.
    pub(in crate::engine) fn read_ahead(&self, text: &[u8], base: u64, earlier: usize, ahead: &mut Ahead) {
        let end = base + text.len() as u64;
        if self.groups == 0 {
            ahead.at = end;
            return;
        }
        let mut at = match ahead.at.checked_sub(base).and_then(|at| usize::try_from(at).ok()) {
            Some(at) if at <= text.len() => at,
            // Part of the text was left out: what stood there is not known.
            _ => {
                ahead.forget();
                ahead.near.push((base, base + (4 * (self.before + earlier)) as u64));
                0
            }
        };
        // What lies before the text at hand is not asked for again.
        let gone = ahead.near.iter().take_while(|(_, last)| *last < base).count();
        ahead.near.drain(..gone);
        ahead.next = ahead.next.saturating_sub(gone);
        let mut open = ahead.inside.then_some(at);
        let mut carry = u64::from(ahead.inside);
        while at < text.len() {
            if open.is_none() {
                at = self.read_plain(text, base, at, earlier, ahead);
            }
            let rest = text.get(at..).unwrap_or_default();
            // What comes later may go on with a run.
            let block = rest.first_chunk().copied().unwrap_or_else(|| {
                let mut padded = [b'a'; BLOCK];
                padded.iter_mut().zip(rest).for_each(|(slot, byte)| *slot = *byte);
                padded
            });
            let letters = Letters::of(&block);
            let beyond = u64::from(letters.beyond.count_ones());
            if beyond > 0
                && let Some((_, last)) = ahead.near.last_mut().filter(|(_, last)| *last >= base + at as u64)
            {
                // Bytes are more than characters.
                *last += beyond;
            }
            let mut edges = letters.words ^ (letters.words << 1 | carry);
            while edges != 0 {
                let bit = edges.trailing_zeros() as usize;
                edges &= edges - 1;
                match open.take() {
                    None => open = Some(at + bit),
                    Some(from) => {
                        let run = (from, at + bit);
                        let plain = from.checked_sub(at).filter(|_| !ahead.inside).is_some_and(|first| {
                            let own = u64::MAX << first & !(u64::MAX << bit);
                            letters.beyond & own == 0 && !letters.parts(own)
                        });
                        let first = match plain {
                            true => self.phrases.first_word(text, run.0, run.1 - run.0),
                            false => NONE,
                        };
                        if first != NONE {
                            let far = self.far(text, first, run.1);
                            if far > 0 {
                                let last = run.0 + far + earlier;
                                ahead.add(base + run.1 as u64, base + last as u64 + beyond);
                            }
                        } else if !plain {
                            self.read_run(text, base, run, earlier, ahead);
                        }
                    }
                }
            }
            carry = letters.words >> (BLOCK - 1);
            let from = at;
            at += BLOCK;
            // A run is read from where it begins, if that is no block of its own.
            if let Some(begun) = open.filter(|begun| *begun > from && !ahead.inside && at < text.len()) {
                (at, open, carry) = (begun, None, 0);
            }
        }
        // A word that the text's end cuts off is read when it is whole.
        let from = open.map_or(text.len(), |open| open.min(text.len()));
        ahead.at = base + from as u64;
        if text.len() - from > LONGEST || (ahead.inside && open.is_some()) {
            ahead.add(base + from as u64, end + (4 * (self.before + earlier)) as u64);
            (ahead.at, ahead.inside) = (end, true);
        }
    }

    /// Reads on from a place between two runs while blocks are of ASCII and hold each of their runs whole, as most text is;
    /// gives how far.
    fn read_plain(&self, text: &[u8], base: u64, mut at: usize, earlier: usize, ahead: &mut Ahead) -> usize {
        while let Some(block) = text.get(at..).and_then(|rest| rest.first_chunk()) {
            let letters = Letters::of(block);
            if letters.beyond != 0 {
                break;
            }
            let mut starts = letters.words & !(letters.words << 1);
            let mut cut_off = None;
            while starts != 0 {
                let begin = starts.trailing_zeros() as usize;
                starts &= starts - 1;
                let len = (letters.words >> begin).trailing_ones() as usize;
                if begin + len == BLOCK {
                    cut_off = Some(begin);
                    break;
                }
                let (from, to) = (at + begin, at + begin + len);
                if letters.parts(!(u64::MAX << len) << begin) {
                    self.read_run(text, base, (from, to), earlier, ahead);
                } else if self.phrases.may_begin(text, from, len) {
                    let first = self.phrases.first_word(text, from, len);
                    let far = if first == NONE { 0 } else { self.far(text, first, to) };
                    if far > 0 {
                        ahead.add(base + to as u64, base + (from + far + earlier) as u64);
                    }
                }
            }
            match cut_off {
                Some(0) => break,
                Some(begin) => at += begin,
                None => at += BLOCK,
            }
        }
        at
    }

    /// A run that may be several words, or is more than ASCII.
    fn read_run(&self, text: &[u8], base: u64, (from, to): (usize, usize), earlier: usize, ahead: &mut Ahead) {
        let run = text.get(from..to).unwrap_or_default();
        if std::mem::take(&mut ahead.inside) || run.len() > LONGEST {
            let last = to + 4 * (self.before + earlier) + 2 * BLOCK;
            return ahead.add(base + from as u64, base + last as u64);
        }
        // Bytes that are more than characters, up to where blocks are looked at by themselves again.
        let more = text.get(from..text.len().min(to + BLOCK)).unwrap_or_default();
        let more = more.iter().filter(|byte| !byte.is_ascii()).count();
        let mut found = |begin: usize, end: usize, far: usize| {
            if far > 0 {
                ahead.add(base + end as u64, base + (begin + far + earlier + more) as u64);
            }
        };
        // What is no letter parts words, ASCII or not.
        let (mut begin, mut at) = (from, from);
        while at < to {
            let (class, width) = class_at(text, at).unwrap_or((Class::Alone, to - at));
            if class == Class::Other {
                self.read_words(text, (begin, at), &mut found);
                begin = at + width;
            }
            at += width;
        }
        self.read_words(text, (begin, to), &mut found);
    }

    /// A run of letters and digits alone: its parts, and all of it.
    fn read_words(&self, text: &[u8], (from, to): (usize, usize), found: &mut impl FnMut(usize, usize, usize)) {
        let run = text.get(from..to).unwrap_or_default();
        let far = |number| {
            let (alone, longer) = self.phrases.reach(number);
            alone.max(longer)
        };
        if !run.is_ascii() {
            return match folded(run) {
                Some(folded) => found(from, to, far(self.phrases.word(&folded))),
                // Words may begin and end anywhere in it.
                None => found(to, from, self.before),
            };
        }
        let mut begin = from;
        for (place, pair) in run.windows(2).enumerate() {
            let next = run.get(place + 2);
            let splits = match pair {
                [left, right] if right.is_ascii_uppercase() => {
                    left.is_ascii_lowercase() || (left.is_ascii_uppercase() && next.is_some_and(u8::is_ascii_lowercase))
                }
                _ => false,
            };
            if splits {
                let end = from + place + 1;
                found(begin, end, far(self.phrases.first_word(text, begin, end - begin)));
                begin = end;
            }
        }
        if begin < to {
            found(begin, to, far(self.phrases.first_word(text, begin, to - begin)));
        }
        if begin > from {
            found(from, to, far(self.phrases.first_word(text, from, to - from)));
        }
    }

    /// How many characters behind its beginning a phrase counts that begins with a word which ends at `end`; 0 where what
    /// follows goes on with none.
    fn far(&self, text: &[u8], word: u32, end: usize) -> usize {
        let (alone, longer) = self.phrases.reach(word);
        if longer <= alone || !self.goes_on(text, word, end) { alone } else { longer }
    }

    /// Whether a phrase may go on behind its first word, which ends at `end`.
    fn goes_on(&self, text: &[u8], word: u32, end: usize) -> bool {
        let mut begin = end;
        for gap in 0.. {
            match class_at(text, begin) {
                Some((Class::Other, _)) if gap == MAX_GAP => return false,
                Some((Class::Other, width)) => begin += width,
                Some(_) => break,
                None => return true,
            }
        }
        let next = text.get(begin..).unwrap_or_default();
        let len = next.iter().take(LONGEST).take_while(|byte| byte.is_ascii_alphanumeric()).count();
        // One that is cut off, more than ASCII, or several words by its letters is not told here.
        let several = next.get(..len).unwrap_or_default().windows(2).any(|pair| match pair {
            [left, right] => right.is_ascii_uppercase() && left.is_ascii_alphabetic(),
            _ => false,
        });
        if several || len == LONGEST || next.get(len).is_none_or(|byte| !byte.is_ascii()) {
            return true;
        }
        let next = self.phrases.plain_word(text, begin, len);
        self.phrases.step(ROOT, word).is_some_and(|node| self.phrases.step(node, next).is_some())
    }
}

/// A word with letters beyond ASCII as it is compared; nothing where it may be several, or is of a script without words.
fn folded(run: &[u8]) -> Option<Vec<u8>> {
    let (mut word, mut at, mut before) = (Vec::new(), 0, Class::Other);
    while at < run.len() {
        let Character::Some(character, width) = character_at(run, at, true) else { return None };
        let class = Class::of(character);
        if class == Class::Alone || (class == Class::Upper && at > 0 && before != Class::Plain) {
            return None;
        }
        append(character, class, &mut word);
        (at, before) = (at + width, class);
    }
    (!word.is_empty()).then_some(word)
}
