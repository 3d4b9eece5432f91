//! A second rule set that reads the same text and changes nothing: what it finds and the rules in force do not, and the
//! other way round.
//!
//! Enters: the pieces of a text, and what the rules in force found in them. Leaves: counts of differences by rule, in a
//! [`Comparison`] that outlives the text. Both are held against each other by stretches of the original, never by the
//! order in which they come: findings that touch no undecided text are compared as soon as both sides have decided, so that
//! any chunking gives the same counts as long as none is missed (*Split*). Nothing of the second set's output is kept; no value is (*Secrecy*). It
//! reads every byte once more, and holds back as much of its own as its rules ask, besides 1,024 places.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::operator::Action;
use super::ruleset::{ActionTable, Cost, RuleSet};
use super::scan::{Enabled, Force, Text};
use super::stream::{Finding, Output};

/// Findings of one text that wait to be compared; what comes beyond them is counted as not compared.
pub(super) const WAITING: usize = 1024;

/// A rule set that is tried, and what it would do in one place.
pub struct Shadow {
    rules: Arc<RuleSet>,
    /// What it would do.
    actions: Arc<ActionTable>,
    /// The same findings, by actions that refuse, keep and mint nothing.
    quiet: ActionTable,
    enabled: Enabled,
}

impl Shadow {
    /// One that would do this.
    #[must_use]
    pub fn new(rules: Arc<RuleSet>, actions: Arc<ActionTable>) -> Self {
        let quiet = |index| match actions.action(index) {
            Action::Off => Action::Off,
            Action::Observe => Action::Observe,
            _ => Action::Redact,
        };
        let quiet = ActionTable::new((0..rules.rules().len()).map(quiet).collect(), None);
        let enabled = Enabled::new(&rules, &quiet);
        Self { rules, actions, quiet, enabled }
    }

    fn force<'a>(&'a self, quiet: Option<&'a ActionTable>) -> Force<'a> {
        Force { rules: &self.rules, actions: quiet.unwrap_or(&self.quiet), enabled: self.enabled }
    }

    /// The quiet actions where stand-ins are nobody's finding; none where there are no stand-ins.
    fn quiet_among(&self, live: &ActionTable) -> Option<ActionTable> {
        let tokens = live.tokens().filter(|tokens| tokens.stands())?;
        Some(self.quiet.in_exchange(Arc::clone(tokens), false))
    }
}

impl fmt::Debug for Shadow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shadow({} rules)", self.rules.rules().len())
    }
}

/// How two rule sets differ over a stretch of text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Difference {
    /// A finding of the rules in force of which the shadow leaves something: rule in force, its action.
    Lost(usize, &'static str),
    /// A finding of the shadow of which the rules in force leave something: the shadow's rule, its action.
    Gained(usize, &'static str),
    /// Both have it and would do different things: rule in force, its action, the shadow's action.
    Action(usize, &'static str, &'static str),
}

/// What differed in one direction of an exchange.
#[derive(Default)]
pub struct Comparison {
    differences: Mutex<BTreeMap<Difference, u64>>,
    bytes: AtomicU64,
    missed: AtomicU64,
}

impl Comparison {
    /// What differed so far, and how often. At most as many kinds as both sets have rules and actions.
    #[must_use]
    pub fn differences(&self) -> Vec<(Difference, u64)> {
        let known = self.differences.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().map(|(difference, count)| (*difference, *count)).collect()
    }

    /// Bytes of texts that the shadow has read.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Findings that were not compared, of either set: more than 1,024 overlapped.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }

    fn add(&self, difference: Difference) {
        // What a panic leaves is whole: each change is one count.
        *self.differences.lock().unwrap_or_else(PoisonError::into_inner).entry(difference).or_default() += 1;
    }
}

impl fmt::Debug for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Comparison({} bytes)", self.bytes())
    }
}

/// A place of a finding that waits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Place {
    start: u64,
    end: u64,
    rule: usize,
}

/// What the rules in force made of a piece of text.
pub(super) struct Live<'a> {
    pub(super) rules: &'a RuleSet,
    pub(super) actions: &'a ActionTable,
    /// The findings that they decided.
    pub(super) found: &'a [Finding],
    /// Before this place of the text they find nothing more.
    pub(super) settled: u64,
    /// One of them blocked: the last finding.
    pub(super) blocked: bool,
}

/// The shadow of one text.
pub(super) struct Beside {
    shadow: Arc<Shadow>,
    tally: Arc<Comparison>,
    quiet: Option<ActionTable>,
    text: Text,
    out: Output,
    live: Vec<Place>,
    own: Vec<Place>,
    /// Findings that begin before this place are not compared.
    skipped: u64,
    /// A rule in force has blocked the text.
    over: bool,
}

impl Beside {
    pub(super) fn new((shadow, tally): (&Arc<Shadow>, &Arc<Comparison>), live: &ActionTable) -> Self {
        Self {
            quiet: shadow.quiet_among(live),
            shadow: Arc::clone(shadow),
            tally: Arc::clone(tally),
            text: Text::default(),
            out: Output::default(),
            live: Vec::new(),
            own: Vec::new(),
            skipped: 0,
            over: false,
        }
    }

    /// The next text is under these.
    pub(super) fn under(&mut self, (shadow, tally): (&Arc<Shadow>, &Arc<Comparison>), live: &ActionTable) {
        self.quiet = shadow.quiet_among(live);
        if !Arc::ptr_eq(&self.shadow, shadow) {
            self.shadow = Arc::clone(shadow);
        }
        if !Arc::ptr_eq(&self.tally, tally) {
            self.tally = Arc::clone(tally);
        }
    }

    /// Gives the text that has begun another name.
    pub(super) fn call(&mut self, label: &[u8]) {
        if !label.is_empty() {
            self.text.begin_field(self.shadow.force(self.quiet.as_ref()), label);
        }
    }

    /// Begins a text behind a label: as it is read, and as it came.
    pub(super) fn begin(&mut self, spelled: &[u8], label: &[u8]) {
        self.text.begin(spelled);
        self.call(label);
        self.live.clear();
        self.own.clear();
        self.skipped = 0;
        self.over = false;
    }

    /// Takes a piece that the rules in force have taken.
    pub(super) fn step(&mut self, piece: &[u8], last: bool, live: &Live<'_>) {
        if self.over {
            return;
        }
        self.tally.bytes.fetch_add(piece.len() as u64, Ordering::Relaxed);
        // Behind what blocks nothing is compared, so that the text may as well end here.
        let ends = last || live.blocked;
        self.text.take(piece, ends);
        self.out.clear();
        // No action of it blocks.
        let _ = self.text.advance(self.shadow.force(self.quiet.as_ref()), ends, &mut self.out);
        let places = |rules: &RuleSet, found: &[Finding], into: &mut Vec<Place>| {
            let external = |index: usize| rules.rules().get(index).is_none_or(|rule| rule.cost == Cost::External);
            let own = found.iter().filter(|finding| !external(finding.rule));
            into.extend(own.map(|Finding { rule, span: Range { start, end }, .. }| Place {
                start: *start,
                end: *end,
                rule: *rule,
            }));
            into.sort_unstable();
        };
        places(live.rules, live.found, &mut self.live);
        places(&self.shadow.rules, &self.out.findings, &mut self.own);
        if let (true, Some(blocking)) = (live.blocked, live.found.last()) {
            self.own.retain(|place| place.start < blocking.span.end);
            self.over = true;
        }
        let settled = if ends { u64::MAX } else { live.settled.min(self.text.settled()) };
        self.skip();
        self.compare(settled, live);
        if self.live.len() + self.own.len() > WAITING {
            let waiting = self.live.iter().chain(&self.own);
            self.skipped = waiting.map(|place| place.end).max().unwrap_or_default();
            self.skip();
        }
        if ends && !self.over {
            self.begin(&[], &[]);
        }
    }

    /// Leaves out what cannot be compared.
    fn skip(&mut self) {
        if self.skipped == 0 {
            return;
        }
        let before = self.live.len() + self.own.len();
        self.live.retain(|place| place.start >= self.skipped);
        self.own.retain(|place| place.start >= self.skipped);
        let skipped = before - self.live.len() - self.own.len();
        self.tally.missed.fetch_add(skipped as u64, Ordering::Relaxed);
    }

    /// Compares, stretch by stretch, what lies before a place that both have settled.
    fn compare(&mut self, settled: u64, live: &Live<'_>) {
        let (mut lives, mut owns) = (0, 0);
        loop {
            let (first, own) = (self.live.get(lives), self.own.get(owns));
            let begins = first.map(|place| place.start).into_iter().chain(own.map(|place| place.start)).min();
            let Some(mut end) = begins.map(|begins| begins + 1) else { break };
            let (mut live_to, mut own_to) = (lives, owns);
            loop {
                let next_live = self.live.get(live_to).filter(|place| place.start < end);
                let next_own = self.own.get(own_to).filter(|place| place.start < end);
                let Some(next) = next_live.or(next_own) else { break };
                end = end.max(next.end);
                if next_live.is_some() { live_to += 1 } else { own_to += 1 }
            }
            if end > settled {
                break;
            }
            let here = self.live.get(lives..live_to).unwrap_or_default();
            let there = self.own.get(owns..own_to).unwrap_or_default();
            self.judge(here, there, live);
            (lives, owns) = (live_to, own_to);
        }
        self.live.drain(..lives);
        self.own.drain(..owns);
    }

    /// Tells how findings differ that lie in one stretch.
    fn judge(&self, here: &[Place], there: &[Place], live: &Live<'_>) {
        let (ours, theirs) = (live.rules, &*self.shadow.rules);
        // What was let pass once it had been held is held by the rules in force.
        let name = |actions: &ActionTable, place: &Place| match actions.action(place.rule) {
            Action::Approved => Action::Quarantine.name(),
            action => action.name(),
        };
        for place in here {
            let action = name(live.actions, place);
            if !is_covered((place, ours), (there, theirs)) {
                self.tally.add(Difference::Lost(place.rule, action));
                continue;
            }
            let same = |other: &&Place| {
                (other.start, other.end) == (place.start, place.end) && { entity(theirs, other) == entity(ours, place) }
            };
            let others = there.iter().filter(same).map(|other| name(&self.shadow.actions, other));
            if let Some(other) = others.filter(|other| *other != action).last() {
                self.tally.add(Difference::Action(place.rule, action, other));
            }
        }
        for place in there.iter().filter(|place| !is_covered((place, theirs), (here, ours))) {
            self.tally.add(Difference::Gained(place.rule, name(&self.shadow.actions, place)));
        }
    }
}

fn entity<'a>(rules: &'a RuleSet, place: &Place) -> Option<&'a str> {
    rules.rules().get(place.rule).map(|rule| rule.entity.as_str())
}

/// Whether findings of the other set, in order, cover every byte of one of the same entity.
fn is_covered((place, rules): (&Place, &RuleSet), (others, their_rules): (&[Place], &RuleSet)) -> bool {
    let wanted = entity(rules, place);
    let mut reached = place.start;
    for other in others.iter().filter(|other| entity(their_rules, other) == wanted) {
        if other.start <= reached {
            reached = reached.max(other.end);
        }
    }
    reached >= place.end
}
