//! Words of which one must stand near a match.
//!
//! Enters: the keywords of all rules; then places of a text. Leaves: which rules' words stand how near before a place or
//! behind it, and for whole stretches that none do (`ahead`). The phrases of all rules are one table (`table`); the text beside a match is cut into words once (`cut`,
//! `letters`) for all rules that ask about one place.
//!
//! A phrase is words, compared without case and without accents. Between its words may stand up to three other
//! characters or none: `tax id` stands in `tax_id`, `Tax-ID`, `taxId` and `taxid`. A word is never found inside another.

mod ahead;
mod along;
mod cut;
mod letters;
mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

pub(super) use self::ahead::Ahead;
pub(super) use self::along::Along;
use self::cut::{Cut, Word};
use self::letters::{Class, append, splits, transliterated};
use self::table::{Phrases, ROOT};
use super::candidate::Judgement;
use super::rule::Keywords;

/// The most characters between two words of a phrase.
const MAX_GAP: usize = 3;
/// Characters that are looked back at beyond what any rule asks for, so that one look serves the places round it.
const AROUND: usize = 12;
/// Phrases of so many words or fewer may have any of them written together; longer ones all or none.
const JOINED_WORDS: usize = 4;

/// Letters of a phrase with `đ` that is only found with it.
const SHORT: usize = 2;

/// The keywords of one rule, as the table knows them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Near {
    /// Number of its words in the table.
    pub(super) group: usize,
    /// Characters before a match.
    pub(super) before: usize,
    /// Characters after it.
    pub(super) after: usize,
}

/// The most bytes before a match that count.
pub(super) fn look_behind(keywords: &Keywords) -> usize {
    // The character before the window tells whether a word begins with it.
    if keywords.before > 0 { 4 * (keywords.before + AROUND + 1) } else { 0 }
}

/// The most bytes after a match that count.
pub(super) fn look_ahead(keywords: &Keywords) -> usize {
    // Two characters behind the window tell whether a word ends with it.
    if keywords.after > 0 { 4 * (keywords.after + 2) } else { 0 }
}

/// The keywords of all rules of a set.
#[derive(Debug)]
pub(super) struct KeywordTable {
    phrases: Phrases,
    groups: usize,
    /// The most characters that a rule looks back.
    before: usize,
    /// The same by group.
    reaches: Vec<usize>,
}

/// Collects the keywords of rules.
#[derive(Default)]
pub(super) struct KeywordTableBuilder {
    lists: Vec<BTreeSet<Vec<Vec<u8>>>>,
    reaches: Vec<usize>,
    before: usize,
}

impl KeywordTableBuilder {
    /// Takes the keywords of a rule.
    pub(super) fn add(&mut self, keywords: &Keywords) -> Near {
        let list: BTreeSet<_> = keywords.words.iter().flat_map(|phrase| spellings(phrase)).collect();
        let group = self.lists.iter().position(|known| *known == list).unwrap_or_else(|| {
            self.lists.push(list);
            self.reaches.push(0);
            self.lists.len() - 1
        });
        if let Some(reach) = self.reaches.get_mut(group) {
            *reach = (*reach).max(keywords.before);
        }
        self.before = self.before.max(keywords.before);
        Near { group, before: keywords.before, after: keywords.after }
    }

    /// The table.
    pub(super) fn build(self) -> KeywordTable {
        let lists = self.lists.iter().enumerate();
        let phrases: Vec<_> =
            lists.flat_map(|(group, list)| list.iter().map(move |words| (words.clone(), group as u32))).collect();
        KeywordTable {
            phrases: Phrases::new(&phrases, |group| self.reaches.get(group as usize).copied().unwrap_or(0)),
            groups: self.lists.len(),
            before: self.before + AROUND,
            reaches: self.reaches,
        }
    }
}

/// How near the words of each rule stand.
#[derive(Default, Debug)]
pub(super) struct Hits {
    /// By group the least distance in characters.
    distances: Vec<u16>,
    /// Groups whose distance is set.
    touched: Vec<u32>,
}

impl Hits {
    /// Whether one of the group's phrases stands whole within so many characters.
    pub(super) fn within(&self, group: usize, characters: usize) -> bool {
        self.distances.get(group).is_some_and(|distance| usize::from(*distance) <= characters)
    }

    fn begin(&mut self, groups: usize) {
        for group in self.touched.drain(..) {
            if let Some(distance) = self.distances.get_mut(group as usize) {
                *distance = u16::MAX;
            }
        }
        self.distances.resize(groups, u16::MAX);
    }

    fn note(&mut self, groups: &[u32], distance: usize) {
        for group in groups {
            let Some(known) = self.distances.get_mut(*group as usize) else { continue };
            if *known == u16::MAX {
                self.touched.push(*group);
            }
            *known = (*known).min(distance as u16);
        }
    }
}

/// What is known of the words beside one place, and memory for the next. One for each text.
#[derive(Default, Debug)]
pub(super) struct Scratch {
    cut: Cut,
    before: Hits,
    after: Hits,
    /// The place that `before` is about.
    at: Option<u64>,
}

impl Scratch {
    /// Begins a new text.
    pub(super) fn forget(&mut self) {
        self.at = None;
    }
}

impl KeywordTable {
    /// Which words stand before `start`, which is byte `offset` of the text; nothing while the character at `start`,
    /// which a word may run into, is not known. Asked for one place again and again it cuts the text once.
    pub(super) fn before<'s>(
        &self,
        text: &[u8],
        start: usize,
        offset: u64,
        last: bool,
        scratch: &'s mut Scratch,
    ) -> Option<&'s Hits> {
        if scratch.at != Some(offset) {
            scratch.at = None;
            if !scratch.cut.before(text, start, self.before, last) {
                return None;
            }
            scratch.before.begin(self.groups);
            scratch.cut.cut(&self.phrases);
            let length = scratch.cut.len();
            let hits = &mut scratch.before;
            self.phrases_in(&scratch.cut, &mut |groups, begin, _| hits.note(groups, length - begin));
            scratch.at = Some(offset);
        }
        Some(&scratch.before)
    }

    /// Whether a rule's words stand near the match `text[start..end]`, which begins at byte `offset` of the text.
    pub(super) fn near(
        &self,
        near: Near,
        text: &[u8],
        (start, end): (usize, usize),
        offset: u64,
        last: bool,
        scratch: &mut Scratch,
    ) -> Judgement {
        let mut known = true;
        if near.before > 0 {
            match self.before(text, start, offset, last, scratch) {
                Some(hits) if hits.within(near.group, near.before) => return Judgement::Finding,
                Some(_) => {}
                None => known = false,
            }
        }
        if near.after > 0 {
            known &= scratch.cut.after(text, end, near.after, last);
            scratch.after.begin(self.groups);
            scratch.cut.cut(&self.phrases);
            let hits = &mut scratch.after;
            self.phrases_in(&scratch.cut, &mut |groups, _, end| hits.note(groups, end));
            if hits.within(near.group, near.after) {
                return Judgement::Finding;
            }
        }
        if known { Judgement::Rejected } else { Judgement::More }
    }

    /// Tells every phrase of the window: its groups, its first character and the one behind its last.
    fn phrases_in(&self, cut: &Cut, tell: &mut impl FnMut(&[u32], usize, usize)) {
        for (place, word) in cut.words.iter().enumerate() {
            if self.phrases.begins(word.number) || self.phrases.begins(word.name) {
                follow(&self.phrases, &cut.words, ROOT, place, &mut |groups, next| {
                    let end =
                        next.checked_sub(1).and_then(|last| cut.words.get(last)).map_or(word.end, |last| last.end);
                    tell(groups, word.begin, end);
                });
            }
        }
    }
}

/// Goes on from a node with the word at `place`; tells groups and the index behind their last word. No deeper than the
/// longest phrase has words.
fn follow(phrases: &Phrases, words: &[Word], node: u32, place: usize, tell: &mut impl FnMut(&[u32], usize)) {
    let Some(word) = words.get(place).filter(|word| node == ROOT || word.gap <= MAX_GAP) else { return };
    for (number, next) in [(word.number, place + 1), (word.name, word.behind_name)] {
        let Some(node) = phrases.step(node, number) else { continue };
        tell(phrases.groups(node), next);
        follow(phrases, words, node, next, tell);
    }
}

/// A phrase as words joined by single spaces, in small letters and with their accents: [`spellings`] needs these. Empty
/// where it has no word.
pub(super) fn written(phrase: &str) -> String {
    joined(words(phrase, Letters::Kept))
}

/// A phrase as words joined by single spaces: what it is compared as. Empty where it has none.
pub(super) fn normalised(phrase: &str) -> String {
    joined(words(phrase, Letters::Folded))
}

fn joined(words: Vec<(Vec<u8>, bool)>) -> String {
    let words: Vec<_> = words.into_iter().map(|(word, _)| String::from_utf8_lossy(&word).into_owned()).collect();
    words.join(" ")
}

/// The words of a text, as they are compared.
pub(super) fn folded_words(text: &str) -> Vec<Vec<u8>> {
    words(text, Letters::Folded).into_iter().map(|(word, _)| word).collect()
}

/// What the letters of a word become.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Letters {
    /// Small letters with their accents.
    Kept,
    /// What they are compared as.
    Folded,
    /// What they are compared as where a keyboard has no such letters.
    Transliterated,
}

/// The words of a phrase, and whether each is a character of a script without words.
fn words(phrase: &str, as_letters: Letters) -> Vec<(Vec<u8>, bool)> {
    let letters: Vec<(char, Class)> = phrase.chars().map(|character| (character, Class::of(character))).collect();
    let class = |at: usize| letters.get(at).map_or(Class::Other, |(_, class)| *class);
    let mut words: Vec<(Vec<u8>, bool)> = Vec::new();
    for (at, (character, own)) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map_or(Class::Other, class);
        let begins = splits(before, *own, Some(class(at + 1))) == Some(true);
        if *own == Class::Other {
            continue;
        }
        if begins {
            words.push((Vec::new(), *own == Class::Alone));
        }
        let Some((word, _)) = words.last_mut() else { continue };
        let other = match as_letters {
            Letters::Kept => Some(character.to_lowercase().to_string()),
            Letters::Transliterated => {
                let accent = letters.get(at + 1).map(|(next, _)| *next);
                character.to_lowercase().next().and_then(|small| transliterated(small, accent)).map(str::to_owned)
            }
            Letters::Folded => None,
        };
        match other {
            Some(other) => word.extend_from_slice(other.as_bytes()),
            None => append(*character, *own, word),
        }
    }
    words.retain(|(word, _)| !word.is_empty());
    words
}

/// Every way in which a phrase is found: its words, written together or not, with letters as they are or as they are
/// written without them.
pub(super) fn spellings(phrase: &str) -> Vec<Vec<Vec<u8>>> {
    let (folded, other) = (words(phrase, Letters::Folded), words(phrase, Letters::Transliterated));
    let mut all = Vec::new();
    // Without its letter an abbreviation is another one.
    let abbreviates = phrase.contains(['đ', 'Đ']) && phrase.chars().count() <= SHORT;
    let other = (other != folded && !abbreviates).then_some(other);
    for words in [Some(folded), other].into_iter().flatten() {
        let joints = words.len().saturating_sub(1);
        let ways = if words.len() <= JOINED_WORDS { (0..1_u32 << joints).collect() } else { vec![0, u32::MAX] };
        for way in ways {
            let mut spelling: Vec<(Vec<u8>, bool)> = Vec::new();
            for (at, (word, alone)) in words.iter().enumerate() {
                let joined = at > 0 && way >> (at - 1).min(31) & 1 == 1;
                match spelling.last_mut() {
                    Some((last, false)) if joined && !alone => last.extend_from_slice(word),
                    _ => spelling.push((word.clone(), *alone)),
                }
            }
            all.push(spelling.into_iter().map(|(word, _)| word).collect());
        }
    }
    all
}
