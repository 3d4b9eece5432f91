//! What is known of one logical text: one pass over it, and what is tried where the pass stops.
//!
//! ```text
//!            base        released     seen, waiting tries, live matches      end
//!   buffer    | look-behind | held: a rule may still match it | not looked at |
//! ```
//!
//! A [`Lane`] looks along a text once: the prefilter stops where a rule may begin, detectors and expressions are tried
//! there, and what cannot be decided yet waits or is followed (`follow`). How far everything has been found is how far the
//! text is safe. Matches that begin before it are judged in the one order of overlaps and replaced, winner by winner
//! (`release`). Every decision is taken at a place of the text, never at the end of a push: that is *Split*.

mod follow;
mod pass;
mod release;
mod tries;
mod view;
mod views;

use std::ops::Range;

use self::follow::{Live, Reach, Trails};
use self::views::{Path, Views};
use super::candidate::{Candidate, LaneId};
use super::detect;
use super::field::Wanted;
use super::keywords::{Ahead, Along, Scratch};
use super::marks::Mark;
use super::operator::Action;
use super::rule::Detector;
use super::ruleset::{ActionTable, RuleSet};
use super::stream::{Blocked, Output};
use super::vector::Hits;
use super::view::Blob;

/// How many encodings are opened, one in the other.
const DEPTH: u8 = 2;
/// The most bytes that a match which is tried at a number begins before it.
const NUMBER: usize = 16;
/// The rules in force, lent to each step.
#[derive(Clone, Copy)]
pub(super) struct Force<'rules> {
    pub(super) rules: &'rules RuleSet,
    pub(super) actions: &'rules ActionTable,
    pub(super) enabled: Enabled,
}

/// What is known of the text at hand.
#[derive(Default)]
pub(super) struct Text {
    lane: Lane,
    views: Views,
    /// Offset before which everything has left.
    released: u64,
    /// Where a lane's last finding of a rule ends, while a match that begins before it may still come.
    ends: Vec<Ended>,
    /// Matches too long to be held whose beginning another finding covered whole: rule, where the match begins, and
    /// what is to be reported of that beginning.
    unreported: Vec<(usize, u64, Range<u64>)>,
    /// The rules that may take the text whole, while it is short enough.
    whole: Vec<Wanted>,
    blocked: Option<Blocked>,
    /// The last text that stood for a value.
    stood: Range<u64>,
    /// Where the last finding left a group of base64 to the next one.
    shared: Option<Shared>,
}

/// Where a finding that was replaced ends and the next begins, within one group of base64.
#[derive(Clone, Copy, Debug)]
struct Shared {
    /// How far the text has left.
    released: u64,
    lane: LaneId,
    /// The place in the view of the text, up to which what the group holds is written.
    outer: u64,
    /// The place in the view of that view.
    inner: u64,
}

/// The end of a finding: matches of its rule that begin before it are none.
#[derive(Clone, Copy, Debug)]
struct Ended {
    rule: usize,
    /// Where the match begins that ends there, in the text.
    start: u64,
    /// In the text.
    end: u64,
    /// Where the last group begins that it has only a part of; its end where there is none.
    whole: u64,
    lane: LaneId,
    /// As the lane counts: two matches may share a group of base64 and have nothing else in common.
    own: u64,
}

/// How far a lane has looked along a label, where that has told of nothing: whatever text comes behind it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passed {
    seen: u64,
    cut_off: u64,
    local: u64,
    terms: u64,
}

/// One look along a text.
#[derive(Default)]
struct Lane {
    buffer: Vec<u8>,
    /// The last bytes that came, while an encoded character may not be whole.
    withheld: Vec<u8>,
    /// Offset in the text of the buffer's first byte.
    base: u64,
    /// Where the text itself begins: behind its label, which is looked at and never leaves.
    origin: u64,
    /// Where the groups of a run of base64 begin, three bytes each, while the lane looks along one.
    groups_from: Option<u64>,
    /// How many encodings are opened in it.
    depth: u8,
    /// Where the stretch of the text begins that the lane is given; what stands before it is another one.
    begun: u64,
    /// Whether its text is what encoded characters stand for: a plus that was written `%2B` is one.
    unfolded: bool,
    /// Offset from which on the lane looks for beginnings.
    from: u64,
    /// Offset before which every window has been looked at.
    seen: u64,
    /// Offset of the first byte that may begin a match whose window is not whole yet.
    cut_off: u64,
    /// Offset of the first byte that may be the local part of an address whose sign has not come yet.
    local: u64,
    /// Offset before which every term has been found.
    terms: u64,
    /// Tries that text which has not come yet decides, in order.
    waiting: Vec<Waiting>,
    /// End of the last match of each detector.
    detected: [u64; Detector::ALL.len()],
    live: Vec<Live>,
    trails: Trails,
    found: Vec<Candidate>,
    /// What is known of a rule's matches before they are judged.
    reaches: Vec<Reach>,
    /// The words beside the last place that was asked about.
    words: Scratch,
    /// Where words of rules may stand at all.
    ahead: Ahead,
    /// The words before the last number.
    along: Along,
    /// The groups of those that count there, in order.
    groups: Vec<usize>,
    /// The place that `groups` is about, where all before it was known.
    groups_at: Option<u64>,
    /// Memory for the places of one call of the pass.
    hits: Option<Hits>,
    /// Offsets where an encoded character may begin.
    triggers: Vec<u64>,
    /// Offsets where a run of base64 or hexadecimal may begin.
    blobs: Vec<(u64, Blob)>,
}

/// A try that is made again when more of the text has come.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    attempt: Attempt,
    /// The place that the prefilter stopped at.
    at: u64,
    /// The first byte that must not leave on its account.
    holds: u64,
}

/// What is tried at a place and may have to wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Attempt {
    Detector(Detector),
    Runs,
}

/// What of the rules is not all off.
#[derive(Clone, Copy, Default)]
pub(super) struct Enabled {
    /// A bit for each detector.
    detectors: u32,
    expressions: bool,
    terms: bool,
}

impl Enabled {
    pub(super) fn new(rules: &RuleSet, actions: &ActionTable) -> Self {
        let on = |rule: &usize| !matches!(actions.action(*rule), Action::Off);
        let live = rules.detectors.iter().filter(|(_, list)| list.iter().any(on));
        let expressions = (0..).zip(rules.rules()).any(|(index, rule)| rule.regex.is_some() && on(&index));
        Self {
            detectors: live.fold(0, |bits, (detector, _)| bits | 1 << detector.slot()),
            expressions,
            terms: rules.terms.iter().any(|(_, rule)| on(rule)),
        }
    }

    fn detector(self, detector: Detector) -> bool {
        self.detectors >> detector.slot() & 1 == 1
    }

    fn prefilter(self) -> bool {
        self.detectors != 0 || self.expressions || self.terms
    }
}

impl Text {
    /// Begins a text behind a label, which has left already: nothing of it leaves, and no finding spans it.
    pub(super) fn begin(&mut self, label: &[u8]) {
        self.lane.begin();
        self.lane.buffer.extend_from_slice(label);
        self.lane.origin = label.len() as u64;
        self.released = self.lane.origin;
        let origin = self.lane.origin;
        self.views.begin(origin);
        self.ends.clear();
        self.unreported.clear();
        self.whole.clear();
        self.blocked = None;
        self.stood = 0..0;
        self.shared = None;
    }

    /// Looks along the label of the text that has begun. Nothing where a match may have begun in it, or anything else may come
    /// of it: then a text behind it must be looked at from the label on. The text must be begun again.
    pub(super) fn pass_label(&mut self, force: Force<'_>) -> Option<Passed> {
        self.lane.advance(force, false);
        self.lane.passed()
    }

    /// Goes on behind the part of the label of which nothing comes. Nothing may have come yet.
    pub(super) fn begin_behind(&mut self, passed: Passed) {
        let lane = &mut self.lane;
        Passed { seen: lane.seen, cut_off: lane.cut_off, local: lane.local, terms: lane.terms } = passed;
    }

    /// Whether the text that has begun is one of a field.
    pub(super) fn is_field(&self) -> bool {
        !self.whole.is_empty()
    }

    /// Has the text that begins looked at whole by the rules that name a field so, among others.
    pub(super) fn begin_field(&mut self, force: Force<'_>, label: &[u8]) {
        force.rules.fields.named(label, |wanted| {
            let known = self.whole.iter().any(|other| other.rule == wanted.rule);
            if !known && !matches!(force.actions.action(wanted.rule), Action::Off) {
                self.whole.push(wanted);
            }
        });
    }

    /// Finds the text of a field whole where it ends; nothing of it leaves before.
    fn look_whole(&mut self, last: bool) {
        if self.whole.is_empty() {
            return;
        }
        // What is withheld is told of when it has come.
        let text = self.lane.buffer.get(self.lane.index(self.lane.origin)..).unwrap_or_default();
        let len = text.len();
        self.whole.retain(|wanted| len <= wanted.max_len);
        if !last {
            return;
        }
        let start = self.lane.origin + (len - text.trim_ascii_start().len()) as u64;
        let end = start + text.trim_ascii().len() as u64;
        let found = self.whole.drain(..).filter(|_| start < end);
        self.lane.found.extend(found.map(|wanted| Candidate::new(wanted.rule, start, start, end, false)));
    }

    /// Adds what another service found in the text, which is all there and not looked at yet. Places that the text does
    /// not have are left out.
    pub(super) fn mark(&mut self, force: Force<'_>, marks: &[Mark]) {
        let (origin, end) = (self.lane.index(self.lane.origin), self.lane.buffer.len());
        for Mark { rule, start, end: to } in marks {
            let (start, to) = (origin.saturating_add(*start), origin.saturating_add(*to));
            if start < to && to <= end {
                self.lane.add(force, *rule, start, to);
            }
        }
    }

    /// Whether nothing has blocked it yet.
    pub(super) fn stands(&self) -> Result<(), Blocked> {
        self.blocked.map_or(Ok(()), Err)
    }

    pub(super) fn held(&self) -> usize {
        self.waiting().map(<[u8]>::len).iter().sum()
    }

    /// What is held of the text, as it came.
    pub(super) fn waiting(&self) -> [&[u8]; 2] {
        let released = self.lane.index(self.released);
        [self.lane.buffer.get(released..).unwrap_or_default(), &self.lane.withheld]
    }

    /// Takes the next bytes, but for what may be the beginning of an encoded character.
    pub(super) fn take(&mut self, piece: &[u8], last: bool) {
        let Lane { buffer, withheld, .. } = &mut self.lane;
        buffer.append(withheld);
        buffer.extend_from_slice(piece);
        if !last {
            let kept = view::withheld_twice(buffer);
            withheld.extend_from_slice(buffer.get(kept..).unwrap_or_default());
            buffer.truncate(kept);
        }
    }

    /// Looks along what has come: the text as it stands, and its views where it has any.
    fn look(&mut self, force: Force<'_>, last: bool) {
        self.look_whole(last);
        self.lane.advance(force, last);
        self.lane.note_last_triggers(last);
        self.views.look(force, &mut self.lane, last);
    }

    /// How far every match has been found, in the text and in its views.
    fn safe(&self, last: bool) -> u64 {
        if !self.whole.is_empty() {
            return self.lane.origin;
        }
        self.lane.safe(last).min(self.views.safe(last))
    }

    /// Whether nothing is found, here or in a view, and nothing is left that may tell of more: most texts at their end.
    fn is_clean(&self) -> bool {
        self.lane.found.is_empty() && self.whole.is_empty() && self.views.are_quiet()
    }

    /// Offset in the text, its label left out, before which no finding begins that is still to be told.
    pub(super) fn settled(&self) -> u64 {
        let found = self.lane.found.iter().map(|candidate| candidate.start);
        let late = self.unreported.iter().map(|(_, start, _)| *start);
        found.chain(late).fold(self.safe(false), u64::min).saturating_sub(self.lane.origin)
    }

    fn view(&self, lane: LaneId) -> Option<Path<'_>> {
        self.views.path(lane)
    }

    pub(super) fn advance(&mut self, force: Force<'_>, last: bool, out: &mut Output) -> Result<(), Blocked> {
        if let Some(blocked) = self.blocked {
            return Err(blocked);
        }
        self.look(force, last);
        if last && self.is_clean() {
            self.let_go(self.lane.end(), out);
            return Ok(());
        }
        let outcome = self.release(force, last, out);
        if let Err(blocked) = outcome {
            self.blocked = Some(blocked);
        }
        self.compact(force);
        outcome
    }
}

impl Lane {
    fn begin(&mut self) {
        self.buffer.clear();
        self.withheld.clear();
        (self.base, self.origin, self.begun) = (0, 0, 0);
        (self.from, self.seen, self.cut_off, self.local, self.terms) = (0, 0, 0, 0, 0);
        self.words.forget();
        self.ahead.forget();
        self.along.forget();
        self.groups_at = None;
        self.restart();
    }

    /// How far it has looked, where nothing has come of that.
    fn passed(&self) -> Option<Passed> {
        let Self { seen, cut_off, local, terms, .. } = *self;
        let quiet = self.live.is_empty()
            && self.waiting.is_empty()
            && self.found.is_empty()
            && self.reaches.is_empty()
            && self.trails.is_empty()
            && self.triggers.is_empty()
            && self.blobs.is_empty()
            && self.withheld.is_empty()
            && self.detected.iter().all(|end| *end == 0)
            && (self.base, self.from) == (0, 0);
        quiet.then_some(Passed { seen, cut_off, local, terms })
    }

    /// Where the label ends, in the places of this lane; 0 where it has none.
    fn label_end(&self) -> u64 {
        if self.origin == u64::MAX { 0 } else { self.origin }
    }

    /// The byte before `at`, as far as expressions are concerned: a text begins behind its label, and a label is not a
    /// text's beginning.
    fn byte_before(&self, text: &[u8], at: usize) -> Option<u8> {
        match self.base + at as u64 {
            place if place == self.origin => None,
            0 => Some(b' '),
            _ => at.checked_sub(1).and_then(|before| text.get(before)).copied(),
        }
    }

    /// Lets go of everything that was begun, and keeps the text.
    fn restart(&mut self) {
        self.waiting.clear();
        self.detected = Default::default();
        self.live.clear();
        self.trails.clear();
        self.found.clear();
        self.reaches.clear();
        self.triggers.clear();
        self.blobs.clear();
    }

    /// Takes what is there for looked at.
    fn skip_to_end(&mut self) {
        let end = self.end();
        (self.from, self.seen, self.cut_off, self.local, self.terms) = (end, end, end, end, end);
    }

    /// Forgets the text before an offset.
    fn forget(&mut self, before: u64) {
        self.buffer.drain(..self.index(before).min(self.buffer.len()));
        self.base = before;
    }

    fn index(&self, offset: u64) -> usize {
        usize::try_from(offset - self.base).unwrap_or(usize::MAX)
    }

    /// The index of an offset that may lie before the buffer.
    fn floor(&self, offset: u64) -> usize {
        usize::try_from(offset.saturating_sub(self.base)).unwrap_or(usize::MAX)
    }

    fn end(&self) -> u64 {
        self.base + self.buffer.len() as u64
    }

    /// Looks along what has come.
    fn advance(&mut self, force: Force<'_>, last: bool) {
        if !self.live.is_empty() {
            self.follow(force, last);
        }
        if !self.waiting.is_empty() {
            self.try_again(force, last);
        }
        if force.enabled.prefilter() {
            self.scan(force, last);
        } else {
            (self.seen, self.cut_off) = (self.end(), self.end());
        }
        self.local = self.end();
        if force.enabled.detector(Detector::Email) && !last {
            let floor = self.floor(self.begins_after(Detector::Email));
            // A sign too near the end to be looked at yet, or one that may still come.
            let from = self.index(self.seen);
            let sign = self.buffer.get(from..).and_then(|rest| memchr::memchr(b'@', rest));
            let local = match sign {
                Some(offset) => detect::local_start(&self.buffer, from + offset, floor),
                None => detect::trailing_atoms(&self.buffer, floor),
            };
            self.local = self.base + local as u64;
        }
        if force.enabled.detector(Detector::EmailSpelled) && !last {
            let floor = self.floor(self.begins_after(Detector::EmailSpelled));
            // As above, for the signs that stand for one.
            let spelled = match detect::next_sign(&self.buffer, self.index(self.seen)) {
                Some(at) => detect::email_spelled(&self.buffer, at, floor, last).0.min(at),
                None => detect::spelled_cut_off(&self.buffer, floor),
            };
            self.local = self.local.min(self.base + spelled as u64);
        }
        if force.enabled.terms {
            self.scan_terms(force, last);
        } else {
            self.terms = self.end();
        }
    }

    /// How far every match has been found.
    fn safe(&self, last: bool) -> u64 {
        if last {
            return self.end();
        }
        let waiting = self.waiting.iter().map(|waiting| waiting.holds);
        let live = self.live.iter().map(Live::holds);
        waiting.chain(live).chain([self.cut_off, self.local, self.terms]).min().unwrap_or(0)
    }

    fn add(&mut self, force: Force<'_>, rule: usize, start: usize, end: usize) {
        if !matches!(force.actions.action(rule), Action::Off) {
            let (start, end) = (self.base + start as u64, self.base + end as u64);
            self.found.push(Candidate::new(rule, start, start, end, false));
        }
    }

    fn add_detected(&mut self, force: Force<'_>, detector: Detector, start: usize, end: usize) {
        if let Some(slot) = self.detected.get_mut(detector.slot()) {
            *slot = self.base + end as u64;
        }
        for (kind, list) in &force.rules.detectors {
            if *kind == detector {
                list.iter().for_each(|rule| self.add(force, *rule, start, end));
            }
        }
    }

    /// The offset before which no match of a detector that looks back may begin: its last one's end, and what the lane was
    /// given to look at.
    fn begins_after(&self, detector: Detector) -> u64 {
        self.detected.get(detector.slot()).copied().unwrap_or(0).max(self.from)
    }
}
