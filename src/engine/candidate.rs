//! From a match to a finding: the order of overlaps, and the checks of values, suppressions and keywords.

use std::cmp::Reverse;

use super::keywords::{KeywordTable, Scratch};
use super::rule::Suppression;
use super::ruleset::{Checks, Rule};

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

/// What a view opens.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Kind {
    /// Encoded characters.
    Unfolded,
    /// Runs of base64 and hexadecimal.
    Decoded,
}

/// The looks along a text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub(super) enum LaneId {
    /// The text as it stands.
    #[default]
    Plain,
    /// A view of it.
    View(Kind),
    /// A view of a view: what is opened first, and what is opened in that.
    Inner(Kind, Kind),
}

impl LaneId {
    /// The same look, told by the view of this kind that it is one in.
    pub(super) fn within(self, kind: Kind) -> Self {
        match self {
            Self::Plain => Self::View(kind),
            Self::View(inner) | Self::Inner(_, inner) => Self::Inner(kind, inner),
        }
    }

    /// What is opened first.
    pub(super) fn outer(self) -> Option<Kind> {
        match self {
            Self::Plain => None,
            Self::View(kind) | Self::Inner(kind, _) => Some(kind),
        }
    }
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
    /// priority, the rule's place, the text before its views. Matches that begin and end in the same groups of a run are
    /// told apart by their places in it.
    pub(super) fn order(&self, rules: &[Rule]) -> impl Ord + use<> {
        let priority = rules.get(self.rule).map_or(0, |rule| rule.priority);
        let Own { start, end, .. } = self.own;
        (self.start, self.from, Reverse(self.end), Reverse(priority), self.rule, self.lane, start, Reverse(end))
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

/// Judges the match `text[start..end]`, which begins at byte `offset` of the text.
pub(super) fn judge(
    checks: &Checks,
    keywords: &KeywordTable,
    text: &[u8],
    (start, end): (usize, usize),
    offset: u64,
    last: bool,
    scratch: &mut Scratch,
) -> Judgement {
    let value = text.get(start..end).unwrap_or_default();
    if checks.validator.is_some_and(|validator| !validator.accepts(value)) {
        return Judgement::Rejected;
    }
    if checks.suppressions.iter().any(|suppression| suppresses(suppression, value)) {
        return Judgement::Rejected;
    }
    match checks.near {
        Some(near) => keywords.near(near, text, (start, end), offset, last, scratch),
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
