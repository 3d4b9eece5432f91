//! The words along a text, each read once: what tells of a place that no rule's words stand before it.
//!
//! Enters: places of a text, from its beginning to its end. Leaves: the groups whose phrases may stand so near before a
//! place that a match which begins a little earlier counts them. It is never less than what [`KeywordTable::before`]
//! tells of those matches, and may be more; where it tells nothing, nobody needs to ask.

use super::cut::Word;
use super::letters::{Class, append, splits};
use super::table::{NONE, ROOT};
use super::{KeywordTable, MAX_GAP, follow};
use crate::engine::terms::{Character, character_at};
use crate::engine::vector::{self, CLASSES};

/// Words that are kept when the list is shortened, beside the characters that rules look back.
const KEPT: usize = 64;

/// Bytes that are read at once.
const NEAR: u64 = 64;

/// Where the reading stands. One for each text.
#[derive(Default, Debug)]
pub(in crate::engine) struct Along {
    /// Offset of the next byte to read; nothing where the reading begins anew.
    at: Option<u64>,
    /// Characters read.
    characters: usize,
    /// What stands before `at`.
    before: Option<Class>,
    /// The name that is being read, as it is compared, and where its last part begins in it.
    name: Vec<u8>,
    part: usize,
    /// The character that the part begins with; nothing outside parts.
    part_begin: Option<usize>,
    /// The index of the name's first word, where the name began within what was read.
    name_word: Option<usize>,
    /// The end of the last word, in characters.
    last_end: usize,
    /// Whether a word of no phrase stands behind the last one of `words`.
    broken: bool,
    words: Vec<Word>,
    /// The index of the first word from which a phrase may still go on.
    chain: usize,
    /// Phrases: a group and the first character.
    hits: Vec<(u32, usize)>,
}

impl Along {
    /// Whether everything before an offset was read and told of.
    pub(in crate::engine) fn reached(&self, offset: u64) -> bool {
        self.at == Some(offset)
    }

    /// Whether what is not read before an offset is soon read.
    pub(in crate::engine) fn is_near(&self, offset: u64) -> bool {
        self.at.is_some_and(|at| at <= offset && offset - at <= NEAR)
    }

    /// Begins a new text.
    pub(in crate::engine) fn forget(&mut self) {
        self.at = None;
    }
}

impl KeywordTable {
    /// The groups, some of them more than once, whose phrases may stand before a match that begins at `place` or up to
    /// `earlier` bytes before it. `base` is the offset of the text's first byte.
    pub(in crate::engine) fn along<'s>(
        &'s self,
        text: &[u8],
        base: u64,
        place: usize,
        earlier: usize,
        along: &'s mut Along,
    ) -> impl Iterator<Item = usize> + 's {
        if self.groups > 0 {
            self.read(text, base, place, self.before + earlier + 1, along);
            let (now, reach) = (along.characters, self.before + earlier);
            if !along.hits.is_empty() {
                along.hits.retain(|(_, begin)| now - begin <= reach);
            }
        }
        let now = along.characters;
        let near = move |(group, begin): &(u32, usize)| {
            let group = *group as usize;
            self.reaches.get(group).filter(|reach| now - begin <= **reach + earlier).map(|_| group)
        };
        along.hits.iter().filter_map(near)
    }

    fn read(&self, text: &[u8], base: u64, place: usize, reach: usize, along: &mut Along) {
        let known = along.at.and_then(|at| usize::try_from(at.checked_sub(base)?).ok());
        let mut at = match known.filter(|at| *at <= place && place - at <= 4 * reach) {
            Some(at) => at,
            None => begin(text, place, reach, along),
        };
        while let Some((class, width)) = class_at(text, at) {
            if at < place && along.part_begin.is_none() && (class == Class::Other || !is_word(along.before)) {
                let next = self.plain(text, at, place, along);
                if next > at {
                    at = next;
                    continue;
                }
            }
            let before = along.before.unwrap_or(Class::Other);
            let next = match (before, class) {
                // Only here does the character behind decide.
                (Class::Upper, Class::Upper) => class_at(text, at + width).map(|(class, _)| class),
                _ => Some(Class::Other),
            };
            let Some(split) = splits(before, class, next) else { break };
            if split {
                self.end_part(before, class, along);
            }
            if at >= place {
                break;
            }
            if class != Class::Other {
                self.take(text, (at, width), class, split, along);
            }
            along.before = Some(class);
            along.characters += 1;
            at += width;
        }
        along.at = Some(base + at as u64);
    }

    /// Reads what is between words and words of ASCII without parts, as most text is; gives how far.
    fn plain(&self, text: &[u8], mut at: usize, place: usize, along: &mut Along) -> usize {
        while at < place {
            let rest = text.get(at..).unwrap_or_default();
            // Where the text ends nothing is known: no word ends there, and none begins.
            let near = rest.first_chunk().copied().unwrap_or_else(|| {
                let mut padded = [0x80; CLASSES];
                padded.iter_mut().zip(rest).for_each(|(slot, byte)| *slot = *byte);
                padded
            });
            let words = vector::words(&near);
            let limit = (place - at).min(CLASSES);
            let mut here = 0;
            loop {
                let between = (!(words.alphanumeric | words.beyond) >> here).trailing_ones() as usize;
                let between = between.min(limit - here);
                if between > 0 {
                    here += between;
                    along.characters += between;
                    along.before = Some(Class::Other);
                }
                if here >= limit {
                    break;
                }
                let len = (words.alphanumeric >> here).trailing_ones() as usize;
                let end = here + len;
                if end >= CLASSES && here > 0 {
                    break;
                }
                let own = u32::MAX.checked_shr(CLASSES as u32 - len as u32).unwrap_or(0) << here;
                // One case all through, or a capital first: no part begins inside.
                let parts = words.lower & own != 0 && words.upper & own & (own - (1 << here)) != 0;
                if len == 0 || end >= CLASSES || at + end > place || words.beyond >> end & 1 == 1 || parts {
                    return at + here;
                }
                let begin = along.characters;
                along.characters += len;
                along.before = near.get(end - 1).map(|byte| Class::of_ascii(*byte));
                let number = self.phrases.plain_word(text, at + here, len);
                here = end;
                if number == NONE {
                    // It only parts what stands before it from what follows.
                    along.broken = true;
                    along.last_end = along.characters;
                } else {
                    self.note_word(number, begin, along);
                    self.note_phrases(along);
                }
                if here >= limit {
                    break;
                }
            }
            at += here;
        }
        at
    }

    /// Takes a word that ends here.
    fn note_word(&self, number: u32, begin: usize, along: &mut Along) {
        if along.words.len() > 4 * (KEPT + self.before) {
            let gone = along.words.len() - KEPT - self.before;
            along.words.drain(..gone);
            along.words.iter_mut().for_each(|word| word.behind_name = word.behind_name.saturating_sub(gone));
            along.name_word = along.name_word.and_then(|word| word.checked_sub(gone));
            along.chain = along.chain.saturating_sub(gone);
        }
        let gap = if std::mem::take(&mut along.broken) { usize::MAX } else { begin - along.last_end };
        if gap > MAX_GAP {
            along.chain = along.words.len();
        }
        along.last_end = along.characters;
        along.words.push(Word { number, name: NONE, behind_name: 0, begin, end: along.characters, gap });
    }

    /// Notes the phrases that end with the last word.
    fn note_phrases(&self, along: &mut Along) {
        let Along { words, hits, last_end, chain, .. } = along;
        let end = words.len();
        for (place, word) in words.iter().enumerate().skip(*chain).rev() {
            // A phrase that begins farther back counts nowhere from here on.
            if word.begin + self.before + KEPT < *last_end {
                break;
            }
            if self.phrases.begins(word.number) || self.phrases.begins(word.name) {
                let begin = word.begin;
                follow(&self.phrases, words, ROOT, place, &mut |groups, next| {
                    if next == end {
                        hits.extend(groups.iter().map(|group| (*group, begin)));
                    }
                });
            }
        }
    }

    /// A character of a word.
    fn take(&self, text: &[u8], (at, width): (usize, usize), class: Class, split: bool, along: &mut Along) {
        let before = along.before.unwrap_or(Class::Other);
        if split {
            if super::letters::parts(before, class) {
                along.name.clear();
                along.name_word = Some(along.words.len());
            } else if along.name.len() > self.phrases.longest() {
                // No phrase has a name so long; its parts are read on.
                along.name.clear();
                along.name_word = None;
            }
            along.part = along.name.len();
            along.part_begin = Some(along.characters);
        }
        // A word that begins before what was read is none, and too long a one is in no phrase.
        if along.part_begin.is_some() && along.name.len() - along.part <= self.phrases.longest() {
            match text.get(at) {
                Some(byte) if width == 1 && byte.is_ascii() => along.name.push(byte.to_ascii_lowercase()),
                _ => {
                    if let Character::Some(character, _) = character_at(text, at, true) {
                        append(character, class, &mut along.name);
                    }
                }
            }
        }
    }

    /// Ends the word that is being read, if there is one, between two characters.
    fn end_part(&self, before: Class, class: Class, along: &mut Along) {
        let Some(begin) = along.part_begin.take() else { return };
        let folded = along.name.get(along.part..).unwrap_or_default();
        if folded.is_empty() {
            return;
        }
        let number = self.phrases.word(folded);
        self.note_word(number, begin, along);
        let mut known = number != NONE;
        if super::letters::parts(before, class)
            && let Some(first) = along.name_word.filter(|first| first + 1 < along.words.len())
        {
            let (name, behind) = (self.phrases.word(&along.name), along.words.len());
            if let Some(word) = along.words.get_mut(first) {
                (word.name, word.behind_name) = (name, behind);
                known |= name != NONE;
            }
        }
        if !known {
            return;
        }
        self.note_phrases(along);
    }
}

/// Whether a character before is one of a word.
fn is_word(before: Option<Class>) -> bool {
    before.is_some_and(|class| class != Class::Other)
}

/// Begins anew, so many characters before a place; gives where.
fn begin(text: &[u8], place: usize, reach: usize, along: &mut Along) -> usize {
    let head = text.get(..place).unwrap_or_default();
    let mut at = place;
    for _ in 0..reach {
        match super::cut::width_before(head, at) {
            0 => break,
            width => at -= width,
        }
    }
    let width = super::cut::width_before(head, at);
    along.before = (width > 0).then(|| class_at(head, at - width).map_or(Class::Other, |(class, _)| class));
    along.characters = 0;
    (along.last_end, along.broken) = (0, false);
    along.name.clear();
    (along.part, along.part_begin, along.name_word) = (0, None, None);
    along.words.clear();
    along.chain = 0;
    along.hits.clear();
    at
}

/// What the character at a place is, and its width; nothing where it is not whole.
#[inline]
pub(super) fn class_at(text: &[u8], at: usize) -> Option<(Class, usize)> {
    let byte = *text.get(at)?;
    if byte.is_ascii() {
        return Some((Class::of_ascii(byte), 1));
    }
    match character_at(text, at, false) {
        Character::Some(character, width) => Some((Class::of(character), width)),
        Character::Broken => Some((Class::Other, 1)),
        Character::End | Character::More => None,
    }
}
