//! Matches of regular expressions, followed byte by byte: to their end, or to the end of what has come.
//!
//! A match longer than can be held is handed on piece by piece once it is certain, and followed in constant memory.

use regex_automata::util::primitives::StateID;

use super::super::candidate::Candidate;
use super::super::operator::Action;
use super::super::regex::{Regex, Stand};
use super::super::ruleset::Rule;
use super::{Force, Lane};

/// A regular expression's match that is being followed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Live {
    pub(super) rule: usize,
    pub(super) start: u64,
    /// The next byte to take.
    pub(super) at: u64,
    pub(super) state: StateID,
    /// The longest match so far.
    pub(super) end: Option<u64>,
    /// For a match too long to be held: how far it has been handed on.
    pub(super) handed: Option<u64>,
}

/// How far the matches of a rule without checks reach that have been found and not yet judged. It only saves work:
/// a match that begins inside one that is certain to be a finding would be rejected anyway.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach {
    pub(super) rule: usize,
    /// Up to here a match is certain to be a finding.
    pub(super) certain: u64,
    /// Up to here there is a match that an earlier one may still push aside.
    pub(super) doubtful: u64,
}

impl Live {
    /// The first byte that must not leave on this match's account.
    pub(super) fn holds(&self) -> u64 {
        self.handed.unwrap_or(self.start)
    }
}

impl Lane {
    /// Begins to follow the match of a rule that may begin at `at`. The text is the lane's, lent by the caller.
    pub(super) fn start_match(&mut self, force: Force<'_>, text: &[u8], index: usize, at: usize, last: bool) {
        let Some((rule, regex)) = force.rules.rules().get(index).and_then(|rule| Some((rule, rule.regex.as_deref()?)))
        else {
            return;
        };
        if matches!(force.actions.action(index), Action::Off) {
            return;
        }
        let start = self.base + at as u64;
        // A match of a rule without checks is a finding, and its next match begins after it.
        if rule.takes_all() && self.covered(index, start) {
            return;
        }
        let Some(state) = regex.begin(self.byte_before(text, at)) else { return };
        let live = Live { rule: index, start, at: start, state, end: None, handed: None };
        if let Some(live) = self.run(text, rule, regex, live, last) {
            self.live.push(live);
        }
    }

    /// Whether the place lies in a match of this rule that is certain to be a finding.
    fn covered(&self, rule: usize, start: u64) -> bool {
        let reach = self.reach(rule);
        if start < reach.certain {
            return true;
        }
        // Matches of one rule are followed in the order of their beginnings.
        self.live.iter().find(|live| live.rule == rule).is_some_and(|live| {
            live.start >= reach.certain.max(reach.doubtful) && live.end.is_some_and(|end| start < end)
        })
    }

    fn reach(&self, rule: usize) -> Reach {
        let known = self.reaches.iter().find(|reach| reach.rule == rule);
        known.copied().unwrap_or(Reach { rule, certain: 0, doubtful: 0 })
    }

    fn note_reach(&mut self, rule: usize, start: u64, end: u64) {
        let mut reach = self.reach(rule);
        let earlier = self.live.iter().any(|live| live.rule == rule && live.start < start);
        if !earlier && start >= reach.certain.max(reach.doubtful) {
            reach.certain = end;
        } else if start >= reach.certain {
            reach.doubtful = reach.doubtful.max(end);
        }
        match self.reaches.iter_mut().find(|known| known.rule == rule) {
            Some(known) => *known = reach,
            None => self.reaches.push(reach),
        }
    }

    /// Follows matches that the text's end had cut off.
    pub(super) fn follow(&mut self, force: Force<'_>, last: bool) {
        let text = std::mem::take(&mut self.buffer);
        let mut index = 0;
        while let Some(live) = self.live.get(index).copied() {
            let rule = force.rules.rules().get(live.rule);
            let goes_on = rule.and_then(|rule| self.run(&text, rule, rule.regex.as_ref()?, live, last));
            match (goes_on, self.live.get_mut(index)) {
                (Some(live), Some(slot)) => {
                    *slot = live;
                    index += 1;
                }
                _ => {
                    self.live.remove(index);
                }
            }
        }
        self.buffer = text;
    }

    /// Steps a match to its end, or to the end of the text; then it is given back to be followed later.
    fn run(&mut self, text: &[u8], rule: &Rule, regex: &Regex, mut live: Live, last: bool) -> Option<Live> {
        let goes_on = !regex.finite && rule.takes_all();
        let longest = regex.max_len as u64;
        // What stands in the text's label is not held.
        let start = live.start.max(self.label_end());
        let mut at = self.index(live.at);
        while let Some(byte) = text.get(at) {
            let here = self.base + at as u64;
            match regex.step(live.state, *byte) {
                Stand::Dead => {
                    self.settle(text, regex, &live);
                    return None;
                }
                Stand::Alive(state) => live.state = state,
                Stand::Matched(state) => {
                    live.state = state;
                    if live.handed.is_some() || here.saturating_sub(start) <= longest {
                        live.end = Some(here);
                    }
                }
            }
            at += 1;
            live.at = self.base + at as u64;
            if here.saturating_sub(live.end.filter(|_| live.handed.is_some()).unwrap_or(start)) < longest {
                continue;
            }
            match live.end {
                Some(end) if goes_on && live.handed.is_none() => {
                    let end = self.whole_groups(end).max(live.start);
                    if end > live.start {
                        self.found.push(Candidate::new(live.rule, live.start, live.start, end, true));
                    }
                    live.handed = Some(end);
                }
                _ => {
                    self.settle(text, regex, &live);
                    return None;
                }
            }
        }
        if last {
            if regex.end(live.state) && (live.handed.is_some() || live.at.saturating_sub(start) <= longest) {
                live.end = Some(live.at);
            }
            self.settle(text, regex, &live);
            return None;
        }
        if let (Some(handed), Some(end)) = (live.handed, live.end.map(|end| self.whole_groups(end)))
            && end > handed
        {
            self.hand_on(&mut live, handed, end);
        }
        Some(live)
    }

    /// The end of the last whole group before a place of a run of base64. What is replaced there takes whole groups, so
    /// that a match is handed on in these.
    fn whole_groups(&self, end: u64) -> u64 {
        end - self.groups_from.and_then(|from| end.checked_sub(from)).unwrap_or(0) % 3
    }

    fn hand_on(&mut self, live: &mut Live, handed: u64, end: u64) {
        self.found.push(Candidate::new(live.rule, live.start, handed, end, true));
        live.handed = Some(end);
    }

    /// Records a match that cannot grow any more.
    fn settle(&mut self, text: &[u8], regex: &Regex, live: &Live) {
        let Some(end) = live.end else { return };
        if let Some(narrow) = &regex.value {
            let value = narrow.value(text, self.index(live.start), self.index(end));
            let (start, end) = (self.base + value.start as u64, self.base + value.end as u64);
            self.found.push(Candidate::new(live.rule, start, start, end, false));
            return;
        }
        self.note_reach(live.rule, live.start, end);
        let from = live.handed.unwrap_or(live.start);
        if end > from {
            // One that is too long to be held is so even if nothing of it could be handed on yet.
            let open = live.handed == Some(live.start);
            self.found.push(Candidate::new(live.rule, live.start, from, end, open));
        }
    }
}
