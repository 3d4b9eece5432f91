//! From a match to a finding: the order of overlaps, and the checks of values, suppressions and keywords.

use std::cmp::Reverse;

use super::rule::{Keywords, Suppression};
use super::ruleset::{Checks, Rule};
use super::terms::{Character, character_at, word_before};

/// A match that has not been judged yet. Places are offsets in the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    /// Index of its rule.
    pub(super) rule: usize,
    /// Where the match begins.
    pub(super) start: u64,
    /// Where this part of it begins: `start`, or later in a match too long to be held.
    pub(super) from: u64,
    /// Where it ends.
    pub(super) end: u64,
    /// Whether it goes on after `end`.
    pub(super) open: bool,
    /// Which look along the text found it.
    pub(super) lane: LaneId,
    /// Its places as that lane counts them; of the text's own lane they are the same.
    pub(super) own: Own,
}

/// The looks along a text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub(super) enum LaneId {
    /// The text as it stands.
    #[default]
    Plain,
    /// Its encoded characters as what they stand for.
    Unfolded,
    /// Its runs of base64 and hexadecimal.
    Decoded,
}

/// Places of a match in its lane.
#[derive(Clone, Copy, Debug)]
pub(super) struct Own {
    pub(super) start: u64,
    pub(super) from: u64,
    pub(super) end: u64,
}

impl Candidate {
    /// A match, or a part of one, in the places of its lane.
    pub(super) fn new(rule: usize, start: u64, from: u64, end: u64, open: bool) -> Self {
        Self { rule, start, from, end, open, lane: LaneId::Plain, own: Own { start, from, end } }
    }

    /// The one order of overlaps: by beginning, then a match's first part, then the longer, the rule of higher
    /// priority, the rule's place, the text before its views.
    pub(super) fn order(&self, rules: &[Rule]) -> impl Ord + use<> {
        let priority = rules.get(self.rule).map_or(0, |rule| rule.priority);
        (self.start, self.from, Reverse(self.end), Reverse(priority), self.rule, self.lane)
    }
}

/// What the checks say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Judgement {
    /// A finding.
    Finding,
    /// Not a finding.
    Rejected,
    /// Text that has not come yet decides.
    More,
}

/// Judges the match `text[start..end]`.
pub(super) fn judge(checks: &Checks, text: &[u8], start: usize, end: usize, last: bool) -> Judgement {
    let value = text.get(start..end).unwrap_or_default();
    if checks.validator.is_some_and(|validator| !validator.accepts(value)) {
        return Judgement::Rejected;
    }
    if checks.suppressions.iter().any(|suppression| suppresses(suppression, value)) {
        return Judgement::Rejected;
    }
    match &checks.keywords {
        Some(keywords) => near_keyword(keywords, text, start, end, last),
        None => Judgement::Finding,
    }
}

fn suppresses(suppression: &Suppression, value: &[u8]) -> bool {
    match suppression {
        Suppression::Value(allowed) => allowed.as_bytes() == value,
        Suppression::EmailDomain(allowed) => {
            let Some(at) = value.iter().rposition(|byte| *byte == b'@') else {
                return false;
            };
            let domain = value.get(at + 1..).unwrap_or_default();
            match allowed.strip_prefix("*.") {
                None => domain.eq_ignore_ascii_case(allowed.as_bytes()),
                Some(parent) => domain
                    .len()
                    .checked_sub(parent.len() + 1)
                    .and_then(|dot| domain.get(dot..))
                    .and_then(|tail| tail.split_first())
                    .is_some_and(|(dot, rest)| *dot == b'.' && rest.eq_ignore_ascii_case(parent.as_bytes())),
            }
        }
    }
}

fn near_keyword(keywords: &Keywords, text: &[u8], start: usize, end: usize, last: bool) -> Judgement {
    let before = characters_before(text, start, keywords.before);
    if contains_word(keywords, text, before, start, true) {
        return Judgement::Finding;
    }
    if keywords.after == 0 {
        return Judgement::Rejected;
    }
    let (after, complete) = characters_after(text, end, keywords.after, last);
    if contains_word(keywords, text, end, after, last) {
        return Judgement::Finding;
    }
    // A word may end exactly at the window's end: the character behind it must be known.
    if complete && (last || !matches!(character_at(text, after, false), Character::More)) {
        Judgement::Rejected
    } else {
        Judgement::More
    }
}

/// Whether a keyword stands whole in `text[from..to]`, bounded by what is not a letter or digit.
fn contains_word(keywords: &Keywords, text: &[u8], from: usize, to: usize, last: bool) -> bool {
    let window = text.get(from..to).unwrap_or_default();
    keywords.words.iter().any(|word| {
        let word = word.as_bytes();
        let Some(first) = word.first() else { return false };
        memchr::memchr2_iter(first.to_ascii_lowercase(), first.to_ascii_uppercase(), window).any(|offset| {
            let stretch = window.get(offset..offset + word.len()).unwrap_or_default();
            stretch.eq_ignore_ascii_case(word) && bounded(text, from + offset, from + offset + word.len(), last)
        })
    })
}

fn bounded(text: &[u8], start: usize, end: usize, last: bool) -> bool {
    if word_before(text, start) {
        return false;
    }
    match character_at(text, end, last) {
        Character::Some(next, _) => !next.is_alphanumeric(),
        Character::End | Character::Broken => true,
        Character::More => false,
    }
}

fn characters_before(text: &[u8], end: usize, count: usize) -> usize {
    let head = text.get(..end).unwrap_or_default();
    head.iter().enumerate().rev().filter(|(_, byte)| **byte & 0xC0 != 0x80).take(count).last().map_or(end, |(at, _)| at)
}

/// The end of the `count` characters after `start`, and whether they are all there.
fn characters_after(text: &[u8], start: usize, count: usize, last: bool) -> (usize, bool) {
    let mut here = start;
    for _ in 0..count {
        match character_at(text, here, last) {
            Character::Some(_, width) => here += width,
            Character::Broken => here += 1,
            Character::End => return (here, true),
            Character::More => return (here, false),
        }
    }
    (here, true)
}
