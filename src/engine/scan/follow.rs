//! Matches of regular expressions, followed byte by byte: to their end, or to the end of what has come.
//!
//! A match longer than can be held is handed on piece by piece once it is certain, and followed in constant memory.
//!
//! Matches of one rule may begin close together and all be long. Where two of them stand at the same place in the same
//! state they go on alike, so that only one is followed: it leaves a trail, and the later ones are taken along it.

use regex_automata::util::primitives::StateID;

use super::super::candidate::Candidate;
use super::super::operator::Action;
use super::super::regex::{Regex, Stand};
use super::super::ruleset::Rule;
use super::{DEPTH, Force, Lane};

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

/// Trails begin at multiples of this many bytes, as many behind a match's beginning.
const STRIDE: u64 = 64;
/// The most trails that are kept.
const TRAILS: usize = 512;
/// How many there are before those are looked for that no match comes by any more.
const FEW: usize = 32;

/// How a match went on from a place: what any other of the same rule does that comes to stand there in the same state.
#[derive(Clone, Copy, Debug)]
struct Trail {
    rule: usize,
    at: u64,
    state: StateID,
    /// The beginning of the match that went along last. One that begins later may be followed at least as far.
    start: u64,
    /// How far it is known.
    to: u64,
    /// The state there; nothing where no match goes on.
    reached: Option<StateID>,
    /// The last end of a match from `at` on.
    end: Option<u64>,
    /// The run that goes along, or did last.
    run: u64,
}

/// The trails of a text.
#[derive(Default, Debug)]
pub(super) struct Trails {
    list: Vec<Trail>,
    /// How many were left when some were forgotten last.
    left: usize,
    runs: u64,
    /// Whether the run at hand goes along any.
    on: bool,
}

impl Trails {
    pub(super) fn clear(&mut self) {
        self.list.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    fn begin_run(&mut self) {
        self.runs += 1;
        self.on = false;
    }

    /// Takes a match along the trails that lead on from where it stands, or begins one there. False where it leads to a
    /// match's end.
    fn take_along(&mut self, live: &mut Live) -> bool {
        self.on = true;
        let run = self.runs;
        loop {
            let leads_on = |trail: &&mut Trail| {
                trail.at == live.at && trail.rule == live.rule && trail.state == live.state && trail.start <= live.start
            };
            match self.list.iter_mut().find(leads_on) {
                Some(trail) if trail.run != run => {
                    trail.run = run;
                    live.at = trail.to;
                    live.end = trail.end.or(live.end);
                    match trail.reached {
                        Some(state) => live.state = state,
                        None => return false,
                    }
                }
                Some(_) => return true,
                None => break,
            }
        }
        // Each is looked at for every stride, so that those are forgotten that no match which begins later comes by.
        if self.list.len() >= FEW.max(2 * self.left).min(TRAILS) {
            self.list.retain(|trail| trail.at >= live.start);
            self.left = self.list.len();
            if self.list.len() >= TRAILS {
                self.list.clear();
            }
        }
        let Live { rule, at, state, start, .. } = *live;
        self.list.push(Trail { rule, at, state, start, to: at, reached: Some(state), end: None, run });
        true
    }

    /// Notes where the run came to: on every trail that it went along.
    fn end_run(&mut self, live: &Live, reached: Option<StateID>) {
        if !self.on {
            return;
        }
        for trail in self.list.iter_mut().filter(|trail| trail.run == self.runs) {
            (trail.start, trail.to, trail.reached) = (live.start, live.at, reached);
            trail.end = live.end.filter(|end| *end >= trail.at);
        }
    }
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
        if rule.takes_all() && (regex.finite || self.depth < DEPTH) && self.covered(index, start) {
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
        // What is encoded twice is no longer than can be held: the groups of two encodings end together too seldom for parts.
        let goes_on = !regex.finite && rule.takes_all() && self.depth < DEPTH;
        let longest = regex.max_len as u64;
        // What stands in the text's label is not held.
        let start = live.start.max(self.label_end());
        // A match that may be handed on is the only one of its rule.
        let mut trail = match goes_on {
            true => usize::MAX,
            false => self.index(live.at.max(live.start + STRIDE).next_multiple_of(STRIDE)),
        };
        self.trails.begin_run();
        let mut at = self.index(live.at);
        while let Some(byte) = text.get(at) {
            if at == trail {
                if !self.trails.take_along(&mut live) {
                    return self.stopped(text, regex, &live, None);
                }
                at = self.index(live.at);
                trail = self.index((live.at + 1).next_multiple_of(STRIDE));
                continue;
            }
            let here = self.base + at as u64;
            match regex.step(live.state, *byte) {
                Stand::Dead => return self.stopped(text, regex, &live, None),
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
                _ => return self.stopped(text, regex, &live, Some(live.state)),
            }
        }
        self.trails.end_run(&live, Some(live.state));
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

    /// The end of a run: its match cannot grow any more.
    fn stopped(&mut self, text: &[u8], regex: &Regex, live: &Live, reached: Option<StateID>) -> Option<Live> {
        self.trails.end_run(live, reached);
        self.settle(text, regex, live);
        None
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

#[cfg(test)]
mod tests {
    use super::super::super::rule::{EntityType, Pattern, RuleId, RuleSpec};
    use super::super::super::ruleset::{ActionTable, RuleSet};
    use super::super::super::validate::Validator;
    use super::super::{Enabled, Text};
    use super::*;

    const LONGEST: usize = 300;

    fn rule(at: usize, pattern: &str) -> RuleSpec {
        RuleSpec {
            id: RuleId::new(&format!("test.{at}")),
            entity: EntityType::new("TEST"),
            pattern: Pattern::Regex { pattern: pattern.to_owned(), max_len: Some(LONGEST) },
            // With a check every match is followed, and not only the first of several.
            validator: Validator::by_name("entropy"),
            keywords: None,
            suppressions: Vec::new(),
            priority: 0,
            confidence: RuleSpec::CONFIDENCE,
        }
    }

    /// Where the match that begins at `start` ends, followed by itself.
    fn alone(regex: &Regex, text: &[u8], start: usize) -> Option<usize> {
        let mut state = regex.begin(start.checked_sub(1).and_then(|before| text.get(before)).copied())?;
        let mut end = None;
        for (at, byte) in text.iter().enumerate().skip(start).take(LONGEST + 1) {
            match regex.step(state, *byte) {
                Stand::Dead => return end,
                Stand::Alive(next) => state = next,
                Stand::Matched(next) => (state, end) = (next, Some(at)),
            }
        }
        let at_end = text.len() - start <= LONGEST && regex.end(state);
        if at_end { Some(text.len()) } else { end }
    }

    /// Matches that begin close together and are long go along one trail, and each ends where it would by itself.
    #[test]
    fn matches_that_go_along_a_trail_end_where_they_would_alone() {
        let patterns =
            ["key=[a-k=;]{20,}?(?:;|abc)", "ke[a-y=]*=(?:[a-j]{3,}|;)", r"key(?:=|[a-d])+[ab]{2,}\b", "yk[^;]*"];
        let rules = RuleSet::build(patterns.iter().enumerate().map(|(at, pattern)| rule(at, pattern)).collect());
        let rules = rules.expect("they compile");
        let actions = ActionTable::new(Vec::new(), None);
        let force = Force { rules: &rules, actions: &actions, enabled: Enabled::new(&rules, &actions) };
        let mut state = 3_u32;
        let mut below = |count: usize| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as usize % count
        };
        for round in 0..300 {
            // Ends of matches are rare, so that most of them are long.
            let rare = 3 + below(200);
            let pieces = ["key=", "key=", "ab", "c", "y", "=", "d", "key"];
            let text: Vec<u8> = (0..200 + below(300))
                .flat_map(|_| if below(rare) == 0 { [";", "abc", " "][below(3)] } else { pieces[below(8)] }.bytes())
                .collect();
            let mut looked = Text::default();
            looked.begin(b"");
            let most = [1, 7, 64, 4096][round % 4];
            let mut rest = text.as_slice();
            while !rest.is_empty() {
                let (piece, later) = rest.split_at((1 + below(most)).min(rest.len()));
                looked.take(piece, later.is_empty());
                looked.look(force, later.is_empty());
                rest = later;
            }
            let mut found: Vec<_> = looked.lane.found.iter().map(|one| (one.rule, one.start, one.end)).collect();
            found.sort_unstable();
            let mut wanted = Vec::new();
            for (index, rule) in rules.rules().iter().enumerate() {
                let regex = rule.regex.as_ref().expect("an expression");
                let ends = (0..text.len()).filter_map(|start| Some((start as u64, alone(regex, &text, start)? as u64)));
                wanted.extend(ends.map(|(start, end)| (index, start, end)));
            }
            assert_eq!(found, wanted, "pieces of at most {most}: {}", String::from_utf8_lossy(&text));
        }
    }
}
