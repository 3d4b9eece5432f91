//! A stretch of text, cut into words.
//!
//! Enters: the characters of a window, one before it and up to two behind it. Leaves: its words by number, in order,
//! those that the window cuts left out. A name such as `taxId` leaves as its parts and, beside them, as one word.

use super::super::terms::{Character, character_at};
use super::letters::{Class, append, parts, splits};
use super::table::{NONE, Phrases};

/// A word of the window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word {
    /// Its number, [`NONE`] where no phrase has it.
    pub(super) number: u32,
    /// The number of the whole name that begins with it.
    pub(super) name: u32,
    /// The index of the word behind that name.
    pub(super) behind_name: usize,
    /// Its first character, and the one behind its last, counted from the window's beginning.
    pub(super) begin: usize,
    pub(super) end: usize,
    /// Characters between it and the word before it.
    pub(super) gap: usize,
}

/// The characters of a window and its words. Reused.
#[derive(Default, Debug)]
pub(super) struct Cut {
    /// What stands before the window.
    before: Option<Class>,
    letters: Vec<(char, Class)>,
    /// Characters of the window itself; those after them stand behind it.
    window: usize,
    /// What stands behind `letters` is not known yet.
    open: bool,
    folded: Vec<u8>,
    pub(super) words: Vec<Word>,
}

impl Cut {
    /// Takes the `count` characters before `start`. False while the character at `start` is not known.
    pub(super) fn before(&mut self, text: &[u8], start: usize, count: usize, last: bool) -> bool {
        let head = text.get(..start).unwrap_or_default();
        let mut from = start;
        for _ in 0..count {
            match width_before(head, from) {
                0 => break,
                width => from -= width,
            }
        }
        self.begin(head, from);
        let mut at = from;
        while at < start {
            at += self.take(character_at(head, at, true));
        }
        self.window = self.letters.len();
        // What stands behind the first character of the match does not count.
        let next = character_at(text, start, last);
        self.open = matches!(next, Character::More);
        self.take(next);
        !self.open
    }

    /// Takes the `count` characters from `end` on. False while some of them, or the two behind them, are not known.
    pub(super) fn after(&mut self, text: &[u8], end: usize, count: usize, last: bool) -> bool {
        self.begin(text, end);
        let mut at = end;
        self.open = true;
        for _ in 0..count + 2 {
            match self.take(character_at(text, at, last)) {
                0 => {
                    self.open = !last;
                    break;
                }
                width => at += width,
            }
        }
        let complete = self.letters.len() == count + 2 || !self.open;
        self.window = self.letters.len().min(count);
        complete
    }

    /// How many characters the window has.
    pub(super) fn len(&self) -> usize {
        self.window
    }

    fn begin(&mut self, text: &[u8], from: usize) {
        self.letters.clear();
        let width = width_before(text, from);
        self.before = (width > 0).then(|| match character_at(text, from - width, true) {
            Character::Some(character, _) => Class::of(character),
            _ => Class::Other,
        });
    }

    fn take(&mut self, character: Character) -> usize {
        let (letter, width) = match character {
            Character::Some(character, width) => ((character, Class::of(character)), width),
            Character::Broken => ((char::REPLACEMENT_CHARACTER, Class::Other), 1),
            Character::End | Character::More => return 0,
        };
        self.letters.push(letter);
        width
    }

    /// What stands at a place of the window or behind it; nothing where that is not known.
    fn class(&self, at: usize) -> Option<Class> {
        match self.letters.get(at) {
            Some((_, class)) => Some(*class),
            None => (!self.open).then_some(Class::Other),
        }
    }

    fn class_before(&self, at: usize) -> Class {
        match at.checked_sub(1) {
            Some(before) => self.class(before).unwrap_or(Class::Other),
            None => self.before.unwrap_or(Class::Other),
        }
    }

    /// Whether a word begins or ends before `at`.
    fn splits(&self, at: usize) -> Option<bool> {
        splits(self.class_before(at), self.class(at)?, self.class(at + 1))
    }

    /// Whether a name begins or ends before `at`.
    fn parts(&self, at: usize) -> Option<bool> {
        Some(parts(self.class_before(at), self.class(at)?))
    }

    /// Cuts the window into words.
    pub(super) fn cut(&mut self, phrases: &Phrases) {
        self.words.clear();
        let (mut at, mut gap) = (0, 0);
        while at < self.window {
            if self.class(at) == Some(Class::Other) {
                (at, gap) = (at + 1, gap + 1);
                continue;
            }
            at = self.name(at, gap, phrases);
            gap = 0;
        }
    }

    /// Cuts the name that begins or goes on at `from`; gives where it ends.
    fn name(&mut self, from: usize, mut gap: usize, phrases: &Phrases) -> usize {
        let first = self.words.len();
        let whole_begins = self.parts(from) == Some(true);
        let mut begins = self.splits(from) == Some(true);
        self.folded.clear();
        let (mut part, mut part_folded, mut at) = (from, 0, from);
        loop {
            if let Some((character, class)) = self.letters.get(at) {
                append(*character, *class, &mut self.folded);
            }
            at += 1;
            let ended = at >= self.window || self.parts(at) != Some(false);
            let split = self.splits(at);
            if !ended && split == Some(false) {
                continue;
            }
            let folded = self.folded.get(part_folded..).unwrap_or_default();
            if begins && split == Some(true) && !folded.is_empty() {
                let number = phrases.word(folded);
                self.words.push(Word { number, name: NONE, behind_name: 0, begin: part, end: at, gap });
                gap = 0;
            }
            if ended || split.is_none() {
                break;
            }
            (begins, part, part_folded) = (true, at, self.folded.len());
        }
        let behind_name = self.words.len();
        if whole_begins && self.parts(at) == Some(true) && behind_name > first + 1 {
            let name = phrases.word(&self.folded);
            if let Some(word) = self.words.get_mut(first) {
                (word.name, word.behind_name) = (name, behind_name);
            }
        }
        at
    }
}

/// How many bytes the character before `at` has; 1 where it is none, 0 at the beginning.
pub(super) fn width_before(text: &[u8], at: usize) -> usize {
    match at.checked_sub(1).and_then(|before| text.get(before)) {
        None => 0,
        Some(byte) if byte.is_ascii() => 1,
        Some(_) => (2..=4)
            .find(|width| {
                let begin = at.checked_sub(*width);
                begin.is_some_and(
                    |begin| matches!(character_at(text, begin, true), Character::Some(_, found) if found == *width),
                )
            })
            .unwrap_or(1),
    }
}
