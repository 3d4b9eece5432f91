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
mod release;
mod view;

use std::ops::Range;

use self::follow::{Live, Reach};
use self::view::View;
use super::candidate::{Candidate, LaneId};
use super::detect::{self, Step};
use super::operator::Action;
use super::prefilter::{Prefilter, Target};
use super::regex::is_token;
use super::rule::Detector;
use super::ruleset::{ActionTable, RuleSet};
use super::stream::{Blocked, Output};
use super::terms::word_before;
use super::vector::{Hit, Hits};
use super::view::Blob;

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
    /// Its encoded characters, once there was one.
    unfolded: Option<Box<View>>,
    /// Its runs of base64 and hexadecimal, once there was one.
    decoded: Option<Box<View>>,
    /// Offset of a run that is too short yet to tell what it is.
    undecided: u64,
    /// Offset before which everything has left.
    released: u64,
    /// End of the last finding of a rule, while a match that begins before it may still come.
    ends: Vec<(usize, u64)>,
    /// Matches too long to be held whose beginning another finding covered whole: rule and place of that beginning.
    unreported: Vec<(usize, Range<u64>)>,
    blocked: Option<Blocked>,
}

/// One look along a text.
#[derive(Default)]
struct Lane {
    buffer: Vec<u8>,
    /// The last bytes that came, while an encoded character may not be whole.
    withheld: Vec<u8>,
    /// Offset in the text of the buffer's first byte.
    base: u64,
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
    found: Vec<Candidate>,
    /// What is known of a rule's matches before they are judged.
    reaches: Vec<Reach>,
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

/// What a try gave.
enum Tried {
    Done,
    /// Later text decides; the first byte that it holds.
    Waits(usize),
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
            detectors: live.fold(0, |bits, (detector, _)| bits | 1 << *detector as u32),
            expressions,
            terms: rules.terms.iter().any(|(_, rule)| on(rule)),
        }
    }

    fn detector(self, detector: Detector) -> bool {
        self.detectors >> (detector as u32) & 1 == 1
    }

    fn prefilter(self) -> bool {
        self.detectors != 0 || self.expressions
    }
}

impl Text {
    pub(super) fn begin(&mut self) {
        self.lane.begin();
        self.unfolded.as_mut().into_iter().chain(&mut self.decoded).for_each(|view| view.begin());
        self.undecided = u64::MAX;
        self.released = 0;
        self.ends.clear();
        self.unreported.clear();
        self.blocked = None;
    }

    pub(super) fn held(&self) -> usize {
        self.lane.buffer.len() - self.lane.index(self.released) + self.lane.withheld.len()
    }

    /// Takes the next bytes, but for what may be the beginning of an encoded character.
    pub(super) fn take(&mut self, piece: &[u8], last: bool) {
        let Lane { buffer, withheld, .. } = &mut self.lane;
        buffer.append(withheld);
        buffer.extend_from_slice(piece);
        if !last {
            let kept = view::withheld(buffer);
            withheld.extend_from_slice(buffer.get(kept..).unwrap_or_default());
            buffer.truncate(kept);
        }
    }

    /// Looks along what has come: the text as it stands, and its views where it has any.
    fn look(&mut self, force: Force<'_>, last: bool) {
        self.lane.advance(force, last);
        self.lane.note_last_triggers(last);
        if !self.lane.triggers.is_empty() || self.unfolded.as_ref().is_some_and(|view| view.is_active()) {
            self.unfolded.get_or_insert_default().unfold(force, &mut self.lane, last);
        }
        self.undecided = u64::MAX;
        if !self.lane.blobs.is_empty() || self.decoded.as_ref().is_some_and(|view| view.is_active()) {
            self.undecided = self.decoded.get_or_insert_default().decode(force, &mut self.lane, last);
        }
    }

    /// How far every match has been found, in the text and in its views.
    fn safe(&self, last: bool) -> u64 {
        let views = self.unfolded.iter().chain(&self.decoded).map(|view| view.safe(last));
        views.chain([self.undecided]).fold(self.lane.safe(last), u64::min)
    }

    fn view(&self, lane: LaneId) -> Option<&View> {
        match lane {
            LaneId::Plain => None,
            LaneId::Unfolded => self.unfolded.as_deref(),
            LaneId::Decoded => self.decoded.as_deref(),
        }
    }

    pub(super) fn advance(&mut self, force: Force<'_>, last: bool, out: &mut Output) -> Result<(), Blocked> {
        if let Some(blocked) = self.blocked {
            return Err(blocked);
        }
        self.look(force, last);
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
        self.base = 0;
        (self.from, self.seen, self.cut_off, self.local, self.terms) = (0, 0, 0, 0, 0);
        self.restart();
    }

    /// Lets go of everything that was begun, and keeps the text.
    fn restart(&mut self) {
        self.waiting.clear();
        self.detected = Default::default();
        self.live.clear();
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
            let floor = self.floor(self.address_floor());
            // A sign too near the end to be looked at yet, or one that may still come.
            let from = self.index(self.seen);
            let sign = self.buffer.get(from..).and_then(|rest| memchr::memchr(b'@', rest));
            let local = match sign {
                Some(offset) => detect::local_start(&self.buffer, from + offset, floor),
                None => detect::trailing_atoms(&self.buffer, floor),
            };
            self.local = self.base + local as u64;
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

    /// The offset before which no address may begin: the last one's end, and what the lane was given to look at.
    fn address_floor(&self) -> u64 {
        self.detected.get(Detector::Email as usize).copied().unwrap_or(0).max(self.from)
    }

    fn add(&mut self, force: Force<'_>, rule: usize, start: usize, end: usize) {
        if !matches!(force.actions.action(rule), Action::Off) {
            let (start, end) = (self.base + start as u64, self.base + end as u64);
            self.found.push(Candidate::new(rule, start, start, end, false));
        }
    }

    fn add_detected(&mut self, force: Force<'_>, detector: Detector, start: usize, end: usize) {
        if let Some(slot) = self.detected.get_mut(detector as usize) {
            *slot = self.base + end as u64;
        }
        for (kind, list) in &force.rules.detectors {
            if *kind == detector {
                list.iter().for_each(|rule| self.add(force, *rule, start, end));
            }
        }
    }

    /// The one pass: stops where a window holds and tries what may begin there.
    fn scan(&mut self, force: Force<'_>, last: bool) {
        let prefilter = &force.rules.prefilter;
        let mut hits = Hits::new();
        let mut at = self.index(self.seen);
        let whole = Prefilter::whole(&self.buffer);
        while at < whole {
            at = prefilter.scan(&self.buffer, at, whole, &mut hits);
            for hit in hits.as_slice() {
                self.stop(force, *hit, last);
            }
        }
        if last {
            for at in at..self.buffer.len() {
                let hit = prefilter.at_end(&self.buffer, at);
                self.stop(force, hit, last);
            }
            (self.seen, self.cut_off) = (self.end(), self.end());
        } else {
            self.seen = self.base + at as u64;
            self.cut_off = self.base + prefilter.cut_off(&self.buffer, at) as u64;
        }
    }

    /// Tries what may begin at a place.
    #[inline]
    fn stop(&mut self, force: Force<'_>, hit: Hit, last: bool) {
        let at = hit.at as usize;
        // The buffer is lent to the search for targets, and none of the tries changes it.
        let buffer = std::mem::take(&mut self.buffer);
        for target in force.rules.prefilter.targets(&buffer, hit) {
            match target {
                Target::Rule { rule, back } => {
                    if let Some(start) = at.checked_sub(back) {
                        self.try_expression(force, &buffer, rule, start, last);
                    }
                }
                Target::Detector(detector) => {
                    if force.enabled.detector(detector) {
                        self.attempt(force, &buffer, Attempt::Detector(detector), at, last);
                    }
                }
                Target::Runs => self.attempt(force, &buffer, Attempt::Runs, at, last),
                Target::Encoded => self.triggers.push(self.base + at as u64),
                Target::Blob(blob) => self.blobs.push((self.base + at as u64, blob)),
            }
        }
        self.buffer = buffer;
    }

    /// An expression without digits in front: tried if the run of token bytes is as long as it needs.
    fn try_expression(&mut self, force: Force<'_>, text: &[u8], rule: usize, start: usize, last: bool) {
        let regex = force.rules.rules().get(rule).and_then(|rule| rule.regex.as_ref());
        let needs = regex.map_or(0, |regex| regex.leading_run);
        if needs > super::vector::AHEAD {
            let rest = text.get(start..).unwrap_or_default();
            let run = rest.iter().take(needs).take_while(|byte| is_token(**byte)).count();
            // A run that the text's end cuts off may go on.
            if run < needs && (run < rest.len() || last) {
                return;
            }
        }
        self.start_match(force, text, rule, start, last);
    }

    /// Tries a detector, or lets it wait behind its earlier tries.
    fn attempt(&mut self, force: Force<'_>, text: &[u8], attempt: Attempt, at: usize, last: bool) {
        let behind = self.waiting.iter().any(|waiting| waiting.attempt == attempt);
        let tried = if behind { Tried::Waits(at) } else { self.attempt_now(force, text, attempt, at, last) };
        if let Tried::Waits(holds) = tried {
            self.waiting.push(Waiting { attempt, at: self.base + at as u64, holds: self.base + holds as u64 });
        }
    }

    /// Makes the waiting tries again, each kind in its order.
    fn try_again(&mut self, force: Force<'_>, last: bool) {
        let buffer = std::mem::take(&mut self.buffer);
        let mut waiting = std::mem::take(&mut self.waiting);
        let mut kept = 0;
        for place in 0..waiting.len() {
            let (earlier, rest) = waiting.split_at_mut(place);
            let Some(one) = rest.first_mut() else { break };
            let mut one = *one;
            let behind = earlier.get(..kept).unwrap_or_default().iter().any(|other| other.attempt == one.attempt);
            if !behind {
                match self.attempt_now(force, &buffer, one.attempt, self.index(one.at), last) {
                    Tried::Done => continue,
                    Tried::Waits(holds) => one.holds = self.base + holds as u64,
                }
            }
            if let Some(slot) = waiting.get_mut(kept) {
                *slot = one;
            }
            kept += 1;
        }
        waiting.truncate(kept);
        self.waiting = waiting;
        self.buffer = buffer;
    }

    fn attempt_now(&mut self, force: Force<'_>, text: &[u8], attempt: Attempt, at: usize, last: bool) -> Tried {
        match attempt {
            Attempt::Runs => self.try_runs(force, text, at, last),
            Attempt::Detector(Detector::Email) => self.try_address(force, text, at, last),
            Attempt::Detector(detector) => {
                let covered = self.detected.get(detector as usize).copied().unwrap_or(0);
                if self.base + (at as u64) < covered {
                    return Tried::Done;
                }
                match detect::find(detector, text, at, last) {
                    Step::None => Tried::Done,
                    Step::More => Tried::Waits(at),
                    Step::Match(end) => {
                        self.add_detected(force, detector, at, end);
                        Tried::Done
                    }
                }
            }
        }
    }

    /// Expressions that begin with a run of digits: those that its length and what follows it leave over.
    fn try_runs(&mut self, force: Force<'_>, text: &[u8], at: usize, last: bool) -> Tried {
        let rest = text.get(at..).unwrap_or_default();
        let run = rest.iter().take(super::prefilter::LONGEST_RUN).take_while(|byte| byte.is_ascii_digit()).count();
        let follower = rest.get(run).copied();
        if follower.is_none() && !last && run < super::prefilter::LONGEST_RUN {
            return Tried::Waits(at);
        }
        for rule in force.rules.prefilter.runs().of(run, follower) {
            self.start_match(force, text, *rule, at, last);
        }
        Tried::Done
    }

    /// An e-mail address whose `@` is at `at`.
    fn try_address(&mut self, force: Force<'_>, text: &[u8], at: usize, last: bool) -> Tried {
        let floor = self.floor(self.address_floor());
        let start = detect::local_start(text, at, floor);
        if start < at {
            match detect::find(Detector::Email, text, at, last) {
                Step::None => {}
                Step::More => return Tried::Waits(start),
                Step::Match(end) => self.add_detected(force, Detector::Email, start, end),
            }
        }
        Tried::Done
    }

    /// Term lists, tried at the beginning of each word.
    fn scan_terms(&mut self, force: Force<'_>, last: bool) {
        let mut at = self.index(self.terms);
        'text: while let Some(byte) = self.buffer.get(at).copied() {
            if byte & 0xC0 != 0x80 && force.rules.terms.iter().any(|(terms, _)| terms.may_begin(byte)) {
                let begins_inside_word = word_before(&self.buffer, at);
                let before = self.found.len();
                for (terms, rule) in &force.rules.terms {
                    if matches!(force.actions.action(*rule), Action::Off) || !terms.may_begin(byte) {
                        continue;
                    }
                    match terms.find(&self.buffer, at, last) {
                        Step::Match(end) if !(begins_inside_word && self.is_word(at)) => {
                            self.add(force, *rule, at, end)
                        }
                        Step::Match(_) | Step::None => {}
                        Step::More if begins_inside_word && self.is_word(at) => {}
                        Step::More => {
                            self.found.truncate(before);
                            break 'text;
                        }
                    }
                }
            }
            at += 1;
        }
        self.terms = self.base + at as u64;
    }

    /// Whether the character at `at` is a letter or digit.
    fn is_word(&self, at: usize) -> bool {
        use super::terms::{Character, character_at};
        matches!(character_at(&self.buffer, at, true), Character::Some(character, _) if character.is_alphanumeric())
    }
}
