//! Judges matches in the one order of overlaps, replaces findings, and lets the text between them go.

use std::ops::Range;

use super::super::candidate::{Candidate, Judgement, Kind, LaneId, judge};
use super::super::operator::{Action, Extent, fingerprint, replace};
use super::super::stream::{Blocked, Dropped, Finding, Output, Piece};
use super::view::BACK;
use super::views::Beside;
use super::{Ended, Force, Shared, Text};

impl Ended {
    /// Whether a match begins before this end of a finding of its rule.
    fn covers_beginning(&self, candidate: &Candidate) -> bool {
        // Another look tells of a match that begins in a group by the group's beginning.
        let before = if self.lane == candidate.lane {
            candidate.own.start < self.own
        } else {
            candidate.start < self.whole.max(self.start + 1)
        };
        self.rule == candidate.rule && before
    }

    /// Whether it is of the same match, seen by another look along the text: what that one sees of it further on counts.
    fn is_twin(&self, candidate: &Candidate) -> bool {
        (self.rule, self.start) == (candidate.rule, candidate.start) && self.lane != candidate.lane
    }
}

impl Text {
    /// Judges, in order, the matches that begin where everything is known, and lets the text between them go.
    pub(super) fn release(&mut self, force: Force<'_>, last: bool, out: &mut Output) -> Result<(), Blocked> {
        let mut safe = self.safe(last);
        self.lane.reaches.retain(|reach| reach.certain.max(reach.doubtful) > safe);
        if self.lane.found.is_empty() {
            self.let_go(safe, out);
            self.ends.retain(|ended| ended.end > safe);
            return Ok(());
        }
        let mut found = std::mem::take(&mut self.lane.found);
        found.sort_unstable_by_key(|candidate| candidate.order(force.rules.rules()));
        let mut judged = 0;
        let mut dropped: Vec<(usize, u64, LaneId)> = Vec::new();
        let mut outcome = Ok(());
        for (place, candidate) in found.iter().enumerate() {
            let shows = force.actions.action(candidate.rule).shows_part();
            // What lies in it, and what shares a group of base64 with its end, must be known.
            let waits = candidate.end > safe && (shows || self.ends_in_group(candidate));
            if candidate.start >= safe || waits || !self.may_be_judged(candidate) {
                // What an unfinished longer match has been handed on for may go, the rest waits.
                safe = safe.min(candidate.from.max(self.released));
                break;
            }
            match self.judge(force, candidate, last) {
                Judgement::More => {
                    safe = safe.min(candidate.start);
                    break;
                }
                Judgement::Rejected if candidate.open && !self.ends.iter().any(|ended| ended.is_twin(candidate)) => {
                    // The rest of a match whose beginning is no finding is none either.
                    self.stop_following(candidate);
                    dropped.push((candidate.rule, candidate.start, candidate.lane));
                }
                Judgement::Rejected => {}
                Judgement::Finding
                    if candidate.from > candidate.start
                        && dropped.contains(&(candidate.rule, candidate.start, candidate.lane)) => {}
                Judgement::Finding => {
                    let later = found.get(place + 1..).unwrap_or_default();
                    let inside = if shows { self.hides_inside(force, candidate, later, last) } else { Some(false) };
                    let beside = self.begins_beside(force, candidate, later, last);
                    let (Some(hidden), Some(beside)) = (inside, beside) else {
                        safe = safe.min(candidate.from.max(self.released));
                        break;
                    };
                    outcome = self.apply(force, candidate, (hidden, beside), out);
                }
            }
            judged += 1;
            if outcome.is_err() {
                break;
            }
        }
        found.drain(..judged);
        self.lane.found = found;
        if !self.unreported.is_empty() {
            let mut unreported = std::mem::take(&mut self.unreported);
            unreported.retain(|(rule, start, _)| self.goes_on(*rule, *start));
            self.unreported = unreported;
        }
        if outcome.is_ok() {
            self.let_go(safe, out);
        }
        let open = self.lane.found.iter().map(|candidate| candidate.start).min().unwrap_or(u64::MAX).min(safe);
        self.ends.retain(|ended| ended.end > open);
        outcome
    }

    /// The matches that are followed, in the text and in its views: rule, beginning, and how far handed on.
    fn followed(&self) -> impl Iterator<Item = (usize, u64, Option<u64>)> + '_ {
        let own = self.lane.live.iter().map(|live| (live.rule, live.start, live.handed));
        let views = self.views.paths().flat_map(|path| {
            let place = move |live: &super::Live| {
                (live.rule, path.text_start(live.start), live.handed.map(|handed| path.text_end(handed)))
            };
            path.view().lane.live.iter().map(place)
        });
        own.chain(views)
    }

    /// Whether more may come of the match of a rule that begins at `start`.
    fn goes_on(&self, rule: usize, start: u64) -> bool {
        self.followed().any(|(known, begun, _)| (known, begun) == (rule, start))
            || self.lane.found.iter().any(|candidate| (candidate.rule, candidate.start) == (rule, start))
    }

    /// Follows a match no further whose beginning is no finding.
    fn stop_following(&mut self, candidate: &Candidate) {
        let lane = match candidate.lane {
            LaneId::Plain => Some(&mut self.lane),
            lane => self.views.lane_mut(lane),
        };
        if let Some(lane) = lane {
            lane.live.retain(|live| (live.rule, live.start) != (candidate.rule, candidate.own.start));
        }
    }

    /// A match that reaches beyond what an earlier, unfinished one covers must wait: the earlier one may cover more.
    fn may_be_judged(&self, candidate: &Candidate) -> bool {
        self.followed()
            .all(|(_, start, handed)| handed.is_none_or(|handed| start >= candidate.start || candidate.end <= handed))
    }

    fn judge(&mut self, force: Force<'_>, candidate: &Candidate, last: bool) -> Judgement {
        let Some(rule) = force.rules.rules().get(candidate.rule) else {
            return Judgement::Rejected;
        };
        if candidate.from == candidate.start && self.ends.iter().any(|ended| ended.covers_beginning(candidate)) {
            return Judgement::Rejected;
        }
        if candidate.end <= self.lane.origin {
            // It stands in the label.
            return Judgement::Rejected;
        }
        if rule.checks.none() {
            return Judgement::Finding;
        }
        let (start, end) = (candidate.own.start, candidate.own.end);
        let may_go_on = self.view(candidate.lane).is_some_and(|path| path.view().may_go_on(end));
        let last = last || (candidate.lane != LaneId::Plain && !may_go_on);
        let lane = match candidate.lane {
            LaneId::Plain => Some(&mut self.lane),
            lane => self.views.lane_mut(lane),
        };
        let Some(lane) = lane else { return Judgement::Rejected };
        let start = if candidate.lane == LaneId::Plain { start.max(lane.label_end()) } else { start };
        let place = (lane.floor(start), lane.floor(end));
        judge(&rule.checks, &force.rules.keywords, &lane.buffer, place, start, last, &mut lane.words)
    }

    /// Whether another finding lies in the part of this one that its action would show; nothing while text that has
    /// not come yet decides. `later` are the matches after it in order, and all that begin inside it are known.
    fn hides_inside(
        &mut self,
        force: Force<'_>,
        candidate: &Candidate,
        later: &[Candidate],
        last: bool,
    ) -> Option<bool> {
        let action = force.actions.action(candidate.rule);
        let (from, to) = match self.view(candidate.lane) {
            None => {
                let start = candidate.start.max(self.lane.origin);
                let range = self.lane.index(start)..self.lane.index(candidate.end);
                let shown = action.shown(self.lane.buffer.get(range).unwrap_or_default());
                (start + shown.start as u64, start + shown.end as u64)
            }
            Some(view) => {
                let shown = action.shown(view.bytes(candidate.own.start..candidate.own.end));
                let place = |offset: usize| candidate.own.start + offset as u64;
                (view.text_start(place(shown.start)), view.text_end(place(shown.end)))
            }
        };
        for other in later.iter().take_while(|other| other.start < to).filter(|other| other.end > from) {
            let theirs = force.actions.action(other.rule);
            if other.rule == candidate.rule || matches!(theirs, Action::Off | Action::Observe) || theirs == action {
                continue;
            }
            match self.judge(force, other, last) {
                Judgement::Finding => return Some(true),
                Judgement::More => return None,
                Judgement::Rejected => {}
            }
        }
        Some(false)
    }

    /// Whether a match ends within a group of base64.
    fn ends_in_group(&self, candidate: &Candidate) -> bool {
        let ends = self.view(candidate.lane).map(|path| path.group_ends(&(candidate.own.start..candidate.own.end)));
        ends.is_some_and(|(outer, inner)| outer.is_some() || inner.is_some())
    }

    /// Where another finding begins in the groups of base64 that this one ends within; nothing while text that has not
    /// come yet decides. `later` are the matches after it in order.
    fn begins_beside(
        &mut self,
        force: Force<'_>,
        candidate: &Candidate,
        later: &[Candidate],
        last: bool,
    ) -> Option<Beside> {
        let mut first = Beside::NONE;
        let Some(path) = self.view(candidate.lane) else { return Some(first) };
        let own = candidate.own.start..candidate.own.end;
        let (outer_end, inner_end) = path.group_ends(&own);
        if outer_end.is_none() && inner_end.is_none() {
            return Some(first);
        }
        let end = path.place(&own).end;
        for other in later.iter().take_while(|other| other.start < candidate.end) {
            let same = other.lane == candidate.lane;
            let theirs = other.own.start..other.own.end;
            let path = self.view(other.lane).filter(|_| other.lane.outer() == candidate.lane.outer());
            // What another view of the text shows has no place in this one: nothing of the group is shown then.
            let place =
                path.map_or(if other.end > candidate.end { end..u64::MAX } else { 0..0 }, |path| path.place(&theirs));
            let beside = |theirs: &Range<u64>, end: u64, group_end: Option<u64>| {
                group_end.is_some_and(|group_end| theirs.start < group_end && theirs.end > end)
            };
            let outer = beside(&place, end, outer_end);
            let inner = same && beside(&theirs, own.end, inner_end);
            let overlaps = if same { theirs.start < own.end } else { path.is_some() && place.start < end };
            let leaves = matches!(force.actions.action(other.rule), Action::Off | Action::Observe | Action::Approved);
            if !(outer || inner) || leaves || (overlaps && other.rule == candidate.rule) {
                continue;
            }
            match self.judge(force, other, last) {
                Judgement::Finding => {
                    first.outer = if outer { first.outer.min(place.start.max(end)) } else { first.outer };
                    first.inner = if inner { first.inner.min(theirs.start.max(own.end)) } else { first.inner };
                }
                Judgement::More => return None,
                Judgement::Rejected => {}
            }
        }
        Some(first)
    }

    /// Replaces what is left of a finding; `hidden` where nothing of it may be shown, `beside` where the next begins in
    /// its last group.
    fn apply(
        &mut self,
        force: Force<'_>,
        candidate: &Candidate,
        (hidden, beside): (bool, Beside),
        out: &mut Output,
    ) -> Result<(), Blocked> {
        let Some(rule) = force.rules.rules().get(candidate.rule) else {
            return Ok(());
        };
        self.note_end(candidate);
        let first_part = candidate.from == candidate.start;
        let action = force.actions.action(candidate.rule);
        if self.stands_for_another(force, candidate) {
            return Ok(());
        }
        let from = candidate.from.max(self.lane.origin);
        let span = candidate.start.saturating_sub(self.lane.origin)..candidate.end.saturating_sub(self.lane.origin);
        let fingerprint = match force.actions.fingerprints() {
            Some(key) if first_part && !candidate.open => Some(fingerprint(key, &rule.entity, self.value(candidate))),
            Some(_) | None => None,
        };
        let finding = Finding { rule: candidate.rule, span, fingerprint };
        match action {
            Action::Off => return Ok(()),
            Action::Block => {
                self.let_go(candidate.start.max(self.released), out);
                out.findings.push(finding);
                return Err(Blocked { rule: candidate.rule });
            }
            Action::Observe => {
                if first_part {
                    out.findings.push(finding);
                }
                if !candidate.open {
                    force.actions.note(self.value(candidate));
                }
                return Ok(());
            }
            Action::Drop => {
                self.let_go(from, out);
                out.drops.push(Dropped { rule: candidate.rule, piece: out.pieces.len() });
            }
            Action::Approved if !candidate.open => force.actions.note(self.value(candidate)),
            _ => {}
        }
        if candidate.end <= self.released {
            if candidate.open && first_part {
                self.unreported.push((candidate.rule, candidate.start, finding.span));
            }
            return Ok(());
        }
        if *action == Action::Approved && beside.is_none() {
            self.let_go(candidate.end, out);
        } else {
            self.put(force, candidate, (hidden, beside), out);
        }
        let beginning =
            |(rule, start, _): &(usize, u64, Range<u64>)| (*rule, *start) == (candidate.rule, candidate.start);
        if first_part {
            out.findings.push(finding);
        } else if let Some(place) = self.unreported.iter().position(beginning) {
            let (rule, _, span) = self.unreported.swap_remove(place);
            out.findings.push(Finding { rule, span, fingerprint: None });
        }
        Ok(())
    }

    /// Puts what takes its place in the place of what is left of a finding.
    fn put(&mut self, force: Force<'_>, candidate: &Candidate, (hidden, beside): (bool, Beside), out: &mut Output) {
        let Some(rule) = force.rules.rules().get(candidate.rule) else {
            return;
        };
        let action = force.actions.action(candidate.rule);
        let first_part = candidate.from == candidate.start;
        let begun = candidate.from.max(self.lane.origin);
        self.let_go(begun, out);
        let from = begun.max(self.released);
        let extent = match (first_part, from == begun, candidate.open) {
            (true, true, true) => Extent::Beginning,
            (true, true, false) if hidden => Extent::Remainder,
            (true, true, false) => Extent::Whole,
            (true, false, _) => Extent::Remainder,
            (false, ..) => Extent::Continuation,
        };
        let before = out.bytes.len();
        let table = force.actions;
        match self.view(candidate.lane) {
            None => {
                let range = self.lane.index(from)..self.lane.index(candidate.end);
                let value = self.lane.buffer.get(range).unwrap_or_default();
                replace(action, &rule.entity, value, extent, table, &mut out.bytes);
            }
            Some(path) => {
                let own = candidate.own.from..candidate.own.end;
                let since = self.written_since(candidate);
                let goes_on = from == candidate.from || since.is_some();
                let own = if goes_on { own } else { path.own_from(own.clone(), from)..own.end };
                let places = (since.unwrap_or(Beside { outer: 0, inner: 0 }), beside);
                // A match that is cut as it comes is written stretch by stretch, so that nothing tells where it was cut.
                let in_parts = extent == Extent::Continuation
                    || (extent == Extent::Beginning && candidate.lane == LaneId::View(Kind::Decoded));
                let mut replacement = Vec::new();
                let (mut here, mut extent) = (own.start, extent);
                loop {
                    let end = path.stretch_end(here).filter(|_| in_parts).unwrap_or(own.end);
                    let part = here..end.min(own.end);
                    here = part.end;
                    replacement.clear();
                    replace(action, &rule.entity, path.bytes(part.clone()), extent, table, &mut replacement);
                    path.write(part, &replacement, in_parts, places, &mut out.bytes);
                    if here >= own.end {
                        break;
                    }
                    extent = Extent::Continuation;
                }
            }
        }
        self.shared = self.share(candidate, beside);
        let taken = usize::try_from(candidate.end - from).unwrap_or(usize::MAX);
        out.pieces.push(Piece::Replaced { taken, given: out.bytes.len() - before });
        self.released = candidate.end;
    }

    /// Up to where the groups that a match of a view of a view begins in are written, where the finding before it shares them.
    fn written_since(&self, candidate: &Candidate) -> Option<Beside> {
        let shared =
            self.shared.filter(|shared| shared.released == self.released && candidate.start < self.released)?;
        let same = shared.lane.outer() == candidate.lane.outer() && matches!(candidate.lane, LaneId::Inner(..));
        let inner = if shared.lane == candidate.lane { shared.inner } else { 0 };
        same.then_some(Beside { outer: shared.outer, inner })
    }

    /// What is to be known of a finding that leaves a part of its last groups to the next one.
    fn share(&self, candidate: &Candidate, beside: Beside) -> Option<Shared> {
        let path = self.view(candidate.lane).filter(|_| !beside.is_none())?;
        let own = candidate.own.start..candidate.own.end;
        let outer = if beside.outer == u64::MAX { path.place(&own).end } else { beside.outer };
        let inner = if beside.inner == u64::MAX { own.end } else { beside.inner };
        Some(Shared { released: candidate.end, lane: candidate.lane, outer, inner })
    }

    /// Whether a match is what stands for a value of the exchange, or lies within that: it passes as the token that it is.
    fn stands_for_another(&mut self, force: Force<'_>, candidate: &Candidate) -> bool {
        if force.actions.tokens().is_none() {
            return false;
        }
        if self.stood.start <= candidate.start && candidate.end <= self.stood.end {
            return true;
        }
        let stands =
            !candidate.open && candidate.from == candidate.start && force.actions.is_stand_in(self.value(candidate));
        if stands {
            self.stood = candidate.start..candidate.end;
        }
        stands
    }

    /// The text of a match that is there whole.
    fn value(&self, candidate: &Candidate) -> &[u8] {
        match self.view(candidate.lane) {
            None => {
                let range = self.lane.index(candidate.start.max(self.lane.origin))..self.lane.index(candidate.end);
                self.lane.buffer.get(range).unwrap_or_default()
            }
            Some(view) => view.bytes(candidate.own.start..candidate.own.end),
        }
    }

    fn note_end(&mut self, candidate: &Candidate) {
        let Candidate { rule, start, end, lane, own, .. } = *candidate;
        let whole = self.view(lane).map_or(end, |path| path.whole_end(&(own.start..own.end), end));
        match self.ends.iter_mut().find(|ended| (ended.rule, ended.lane) == (rule, lane)) {
            Some(ended) => {
                if end > ended.end {
                    (ended.start, ended.end, ended.whole) = (start, end, whole);
                }
                ended.own = ended.own.max(own.end);
            }
            None => self.ends.push(Ended { rule, start, end, whole, lane, own: own.end }),
        }
    }

    /// Lets the text up to an offset go as it came.
    pub(super) fn let_go(&mut self, to: u64, out: &mut Output) {
        if to > self.released {
            let range = self.lane.index(self.released)..self.lane.index(to);
            out.clear_run(self.lane.buffer.get(range).unwrap_or_default());
            self.released = to;
        }
    }

    /// Forgets what nothing looks back at any more.
    pub(super) fn compact(&mut self, force: Force<'_>) {
        let waiting = self.lane.found.iter().map(|candidate| candidate.from).min().unwrap_or(u64::MAX);
        let keep = self.released.min(waiting).min(self.safe(false));
        let look_behind = force.rules.look_behind + usize::try_from(BACK).unwrap_or(0);
        if let Some(drop) = self.lane.index(keep).checked_sub(look_behind)
            && drop >= look_behind.max(256)
        {
            self.lane.buffer.drain(..drop);
            self.lane.base += drop as u64;
        }
        self.views.compact(force, &self.lane.found);
    }
}
