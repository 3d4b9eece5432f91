//! The streaming redactor: push text in any chunking, get redacted text out as early as it is known.
//!
//! ```text
//!            base        released         cursors, live matches          end
//!   buffer    | look-behind | held: a rule may still match it | not seen  |
//! ```
//!
//! Each family of rules (digits, addresses, literals, first bytes, terms) has a cursor: every match that begins before
//! it has been found or is still being followed. The least cursor is how far the text is safe. Matches that begin
//! before it are judged in the one order of overlaps and replaced, winner by winner; what lies between leaves as it
//! came. Every decision is taken at a place of the text, never at the end of a push: that is *Split*.

#![allow(
    clippy::indexing_slicing,
    reason = "tables of 256 entries are indexed by a byte, and arrays of four by a match"
)]

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use regex_automata::util::primitives::StateID;

use super::candidate::{Candidate, Judgement, judge};
use super::detect::{self, Step};
use super::operator::{Action, Extent, replace};
use super::regex::{Regex, Stand};
use super::rule::Detector;
use super::ruleset::{ActionTable, Rule, RuleSet};
use super::terms::word_before;

/// Pushes are taken in pieces of this size, so that the buffer's is bounded.
const PIECE: usize = 16 << 10;

/// Redacts one logical text after another.
pub struct StreamRedactor {
    rules: Arc<RuleSet>,
    actions: Arc<ActionTable>,
    enabled: Enabled,
    buffer: Vec<u8>,
    /// Offset in the text of the buffer's first byte.
    base: u64,
    /// Offset before which everything has left.
    released: u64,
    cursors: Cursors,
    live: Vec<Live>,
    found: Vec<Candidate>,
    /// End of the last finding of a rule, while a match that begins before it may still come.
    ends: Vec<(usize, u64)>,
    /// What is known of a rule's matches before they are judged.
    reaches: Vec<Reach>,
    /// Matches too long to be held whose beginning another finding covered whole: rule and place of that beginning.
    unreported: Vec<(usize, Range<u64>)>,
    blocked: Option<Blocked>,
}

/// The families whose rules are not all off.
#[derive(Clone, Copy, Default)]
struct Enabled {
    card: bool,
    ssn: bool,
    itin: bool,
    phone: bool,
    email: bool,
    literals: bool,
    unanchored: bool,
    terms: bool,
}

impl Enabled {
    fn new(rules: &RuleSet, actions: &ActionTable) -> Self {
        let on = |rule: &usize| !matches!(actions.action(*rule), Action::Off);
        let detector =
            |wanted| rules.detectors.iter().any(|(detector, list)| *detector == wanted && list.iter().any(on));
        Self {
            card: detector(Detector::Card),
            ssn: detector(Detector::UsSsn),
            itin: detector(Detector::UsItin),
            phone: detector(Detector::Phone),
            email: detector(Detector::Email),
            literals: !rules.literals.is_empty(),
            unanchored: rules.unanchored.iter().any(on),
            terms: rules.terms.iter().any(|(_, rule)| on(rule)),
        }
    }

    fn digits(self) -> bool {
        self.card || self.ssn || self.itin || self.phone
    }
}

/// For each family, the offset before which every match has been found.
#[derive(Clone, Copy, Default)]
struct Cursors {
    digits: u64,
    emails: u64,
    literals: u64,
    unanchored: u64,
    terms: u64,
    /// Ends of the last match of the digit detectors, in the order card, SSN, ITIN, phone.
    detector_ends: [u64; 4],
    /// End of the last address.
    email_end: u64,
}

/// A regular expression's match that is being followed.
#[derive(Clone, Copy, Debug)]
struct Live {
    rule: usize,
    start: u64,
    /// The next byte to take.
    at: u64,
    state: StateID,
    /// The longest match so far.
    end: Option<u64>,
    /// For a match too long to be held: how far it has been handed on.
    handed: Option<u64>,
}

/// How far the matches of a rule without checks reach that have been found and not yet judged. It only saves work:
/// a match that begins inside one that is certain to be a finding would be rejected anyway.
#[derive(Clone, Copy, Debug)]
struct Reach {
    rule: usize,
    /// Up to here a match is certain to be a finding.
    certain: u64,
    /// Up to here there is a match that an earlier one may still push aside.
    doubtful: u64,
}

impl Live {
    /// The first byte that must not leave on this match's account.
    fn holds(&self) -> u64 {
        self.handed.unwrap_or(self.start)
    }
}

impl StreamRedactor {
    /// A redactor at the beginning of a text.
    #[must_use]
    pub fn new(rules: Arc<RuleSet>, actions: Arc<ActionTable>) -> Self {
        let enabled = Enabled::new(&rules, &actions);
        Self {
            rules,
            actions,
            enabled,
            buffer: Vec::new(),
            base: 0,
            released: 0,
            cursors: Cursors::default(),
            live: Vec::new(),
            found: Vec::new(),
            ends: Vec::new(),
            reaches: Vec::new(),
            unreported: Vec::new(),
            blocked: None,
        }
    }

    /// Takes the next bytes of the text and appends to `out` what is decided.
    ///
    /// # Errors
    /// [`Blocked`] when a rule whose action is block matched; nothing of its match is in `out`, and every later call
    /// gives the same error until [`StreamRedactor::restart`].
    pub fn push(&mut self, text: &[u8], out: &mut Output) -> Result<(), Blocked> {
        for piece in text.chunks(PIECE) {
            self.buffer.extend_from_slice(piece);
            self.advance(false, out)?;
        }
        Ok(())
    }

    /// Ends the text: decides and appends what was held. The redactor is then at the beginning of a new text.
    ///
    /// # Errors
    /// As [`StreamRedactor::push`].
    pub fn finish(&mut self, out: &mut Output) -> Result<(), Blocked> {
        self.advance(true, out)?;
        self.begin();
        Ok(())
    }

    /// Drops what is held and starts a new text, under these actions of the same rule set.
    pub fn restart(&mut self, actions: &Arc<ActionTable>) {
        if !Arc::ptr_eq(&self.actions, actions) {
            self.actions = Arc::clone(actions);
            self.enabled = Enabled::new(&self.rules, &self.actions);
        }
        self.begin();
    }

    fn begin(&mut self) {
        self.buffer.clear();
        self.base = 0;
        self.released = 0;
        self.cursors = Cursors::default();
        self.live.clear();
        self.found.clear();
        self.ends.clear();
        self.reaches.clear();
        self.unreported.clear();
        self.blocked = None;
    }

    /// Bytes held back now.
    #[must_use]
    pub fn held(&self) -> usize {
        self.buffer.len() - self.index(self.released)
    }

    /// The actions in force.
    #[must_use]
    pub fn actions(&self) -> &Arc<ActionTable> {
        &self.actions
    }

    fn index(&self, offset: u64) -> usize {
        usize::try_from(offset - self.base).unwrap_or(usize::MAX)
    }

    fn advance(&mut self, last: bool, out: &mut Output) -> Result<(), Blocked> {
        if let Some(blocked) = self.blocked {
            return Err(blocked);
        }
        let rules = Arc::clone(&self.rules);
        self.follow(&rules, last);
        if self.enabled.digits() {
            self.scan_digits(&rules, last);
        }
        if self.enabled.email {
            self.scan_addresses(&rules, last);
        }
        if self.enabled.literals {
            self.scan_literals(&rules, last);
        }
        if self.enabled.unanchored {
            self.scan_unanchored(&rules, last);
        }
        if self.enabled.terms {
            self.scan_terms(&rules, last);
        }
        let outcome = self.release(&rules, last, out);
        if let Err(blocked) = outcome {
            self.blocked = Some(blocked);
        }
        self.compact(&rules);
        outcome
    }

    fn add(&mut self, rule: usize, start: usize, end: usize) {
        if !matches!(self.actions.action(rule), Action::Off) {
            let (start, end) = (self.base + start as u64, self.base + end as u64);
            self.found.push(Candidate { rule, start, from: start, end, open: false });
        }
    }

    fn add_detected(&mut self, rules: &RuleSet, detector: Detector, start: usize, end: usize) {
        for (kind, list) in &rules.detectors {
            if *kind == detector {
                list.iter().for_each(|rule| self.add(*rule, start, end));
            }
        }
    }

    /// Cards, social security and taxpayer numbers, phones: tried at the beginning of each run of digits, phones at
    /// `+` and `(` as well.
    fn scan_digits(&mut self, rules: &RuleSet, last: bool) {
        let mut at = self.index(self.cursors.digits);
        while let Some(next) =
            self.buffer.get(at..).and_then(|rest| rest.iter().position(|byte| ANCHOR[usize::from(*byte)]))
        {
            at += next;
            if detect::is_digit(&self.buffer, at) {
                if at > 0 && detect::is_digit(&self.buffer, at - 1) {
                    at += self.digits_from(at);
                    continue;
                }
                if !self.try_digits(rules, at, last) {
                    break;
                }
                at += self.digits_from(at);
            } else {
                if self.enabled.phone && !self.try_detector(rules, Detector::Phone, at, last) {
                    break;
                }
                at += 1;
            }
            if at >= self.buffer.len() {
                break;
            }
        }
        let end = self.buffer.len();
        let stopped = self.buffer.get(at).is_some_and(|byte| ANCHOR[usize::from(*byte)]);
        self.cursors.digits = self.base + if stopped { at } else { end } as u64;
    }

    fn digits_from(&self, at: usize) -> usize {
        self.buffer.get(at..).map_or(0, |rest| rest.iter().take_while(|byte| byte.is_ascii_digit()).count())
    }

    /// Tries every detector at the first digit of a run; false when text that has not come yet decides.
    fn try_digits(&mut self, rules: &RuleSet, at: usize, last: bool) -> bool {
        let all = [
            (self.enabled.card, Detector::Card),
            (self.enabled.ssn, Detector::UsSsn),
            (self.enabled.itin, Detector::UsItin),
            (self.enabled.phone, Detector::Phone),
        ];
        let before = self.found.len();
        let ends = self.cursors.detector_ends;
        for (enabled, detector) in all {
            if enabled && !self.try_detector(rules, detector, at, last) {
                // All are tried again when more has come.
                self.found.truncate(before);
                self.cursors.detector_ends = ends;
                return false;
            }
        }
        true
    }

    fn try_detector(&mut self, rules: &RuleSet, detector: Detector, at: usize, last: bool) -> bool {
        let slot = match detector {
            Detector::Card => 0,
            Detector::UsSsn => 1,
            Detector::UsItin => 2,
            Detector::Phone | Detector::Email => 3,
        };
        if self.base + (at as u64) < self.cursors.detector_ends[slot] {
            return true;
        }
        let text = &self.buffer;
        let step = match detector {
            Detector::Card => detect::card(text, at, last),
            Detector::UsSsn => detect::ssn(text, at, last),
            Detector::UsItin => detect::itin(text, at, last),
            Detector::Phone | Detector::Email => detect::phone(text, at, last),
        };
        match step {
            Step::None => true,
            Step::More => false,
            Step::Match(end) => {
                self.cursors.detector_ends[slot] = self.base + end as u64;
                self.add_detected(rules, detector, at, end);
                true
            }
        }
    }

    /// E-mail addresses, tried at each `@`; the run of characters that the text ends with may still be a local part.
    fn scan_addresses(&mut self, rules: &RuleSet, last: bool) {
        let mut from = self.index(self.cursors.emails);
        loop {
            let floor = self.floor(self.cursors.email_end);
            let Some(at) = self.buffer.get(from..).and_then(|rest| memchr::memchr(b'@', rest)).map(|next| from + next)
            else {
                let held = if last { self.buffer.len() } else { detect::trailing_atoms(&self.buffer, floor) };
                self.cursors.emails = self.base + held as u64;
                return;
            };
            let start = detect::local_start(&self.buffer, at, floor);
            if start < at {
                match detect::email(&self.buffer, at, last) {
                    Step::None => {}
                    Step::More => {
                        self.cursors.emails = self.base + start as u64;
                        return;
                    }
                    Step::Match(end) => {
                        self.cursors.email_end = self.base + end as u64;
                        self.add_detected(rules, Detector::Email, start, end);
                    }
                }
            }
            from = at + 1;
        }
    }

    /// The index of an offset that may lie before the buffer.
    fn floor(&self, offset: u64) -> usize {
        usize::try_from(offset.saturating_sub(self.base)).unwrap_or(usize::MAX)
    }

    /// Regular expressions behind literals.
    fn scan_literals(&mut self, rules: &RuleSet, last: bool) {
        let mut from = self.index(self.cursors.literals);
        while let Some((at, owners)) = rules.literals.find(&self.buffer, from) {
            for rule in owners {
                self.start_match(rules, *rule, at, last);
            }
            from = at + 1;
        }
        let held = if last { self.buffer.len() } else { rules.literals.cut_off(&self.buffer, from) };
        self.cursors.literals = self.base + held as u64;
    }

    /// Regular expressions without literals: tried at every byte that may begin one.
    fn scan_unanchored(&mut self, rules: &RuleSet, last: bool) {
        let from = self.index(self.cursors.unanchored);
        let mut before = from.checked_sub(1).and_then(|before| self.buffer.get(before)).copied();
        for at in from..self.buffer.len() {
            let byte = self.buffer[at];
            if rules.unanchored_first.may_begin(before, byte) {
                for rule in &rules.unanchored {
                    let regex = rules.rules().get(*rule).and_then(|rule| rule.regex.as_ref());
                    if regex.is_some_and(|regex| regex.first.may_begin(before, byte)) {
                        self.start_match(rules, *rule, at, last);
                    }
                }
            }
            before = Some(byte);
        }
        self.cursors.unanchored = self.base + self.buffer.len() as u64;
    }

    fn start_match(&mut self, rules: &RuleSet, index: usize, at: usize, last: bool) {
        let Some((rule, regex)) = rules.rules().get(index).and_then(|rule| Some((rule, rule.regex.as_ref()?))) else {
            return;
        };
        if matches!(self.actions.action(index), Action::Off) {
            return;
        }
        let start = self.base + at as u64;
        // A match of a rule without checks is a finding, and its next match begins after it.
        if rule.checks.none() && self.covered(index, start) {
            return;
        }
        let before = at.checked_sub(1).and_then(|before| self.buffer.get(before)).copied();
        let Some(state) = regex.begin(before) else { return };
        let live = Live { rule: index, start, at: start, state, end: None, handed: None };
        if let Some(live) = self.run(rule, regex, live, last) {
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
    fn follow(&mut self, rules: &RuleSet, last: bool) {
        let mut index = 0;
        while let Some(live) = self.live.get(index).copied() {
            let rule = rules.rules().get(live.rule);
            let goes_on = rule.and_then(|rule| self.run(rule, rule.regex.as_ref()?, live, last));
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
    }

    /// Steps a match to its end, or to the end of the text; then it is given back to be followed later.
    fn run(&mut self, rule: &Rule, regex: &Regex, mut live: Live, last: bool) -> Option<Live> {
        let goes_on = !regex.finite && rule.checks.none();
        let longest = regex.max_len as u64;
        let mut at = self.index(live.at);
        while let Some(byte) = self.buffer.get(at) {
            let here = self.base + at as u64;
            match regex.step(live.state, *byte) {
                Stand::Dead => {
                    self.settle(&live);
                    return None;
                }
                Stand::Alive(state) => live.state = state,
                Stand::Matched(state) => {
                    live.state = state;
                    if live.handed.is_some() || here - live.start <= longest {
                        live.end = Some(here);
                    }
                }
            }
            at += 1;
            live.at = self.base + at as u64;
            if here - live.end.filter(|_| live.handed.is_some()).unwrap_or(live.start) < longest {
                continue;
            }
            match live.end {
                Some(end) if goes_on && live.handed.is_none() => {
                    self.found.push(Candidate {
                        rule: live.rule,
                        start: live.start,
                        from: live.start,
                        end,
                        open: true,
                    });
                    live.handed = Some(end);
                }
                _ => {
                    self.settle(&live);
                    return None;
                }
            }
        }
        if last {
            if regex.end(live.state) && (live.handed.is_some() || live.at - live.start <= longest) {
                live.end = Some(live.at);
            }
            self.settle(&live);
            return None;
        }
        if let (Some(handed), Some(end)) = (live.handed, live.end)
            && end > handed
        {
            self.hand_on(&mut live, handed, end);
        }
        Some(live)
    }

    fn hand_on(&mut self, live: &mut Live, handed: u64, end: u64) {
        self.found.push(Candidate { rule: live.rule, start: live.start, from: handed, end, open: true });
        live.handed = Some(end);
    }

    /// Records a match that cannot grow any more.
    fn settle(&mut self, live: &Live) {
        let Some(end) = live.end else { return };
        self.note_reach(live.rule, live.start, end);
        let from = live.handed.unwrap_or(live.start);
        if end > from {
            self.found.push(Candidate { rule: live.rule, start: live.start, from, end, open: false });
        }
    }

    /// Term lists, tried at the beginning of each word.
    fn scan_terms(&mut self, rules: &RuleSet, last: bool) {
        let mut at = self.index(self.cursors.terms);
        'text: while let Some(byte) = self.buffer.get(at).copied() {
            if byte & 0xC0 != 0x80 && rules.terms.iter().any(|(terms, _)| terms.may_begin(byte)) {
                let begins_inside_word = word_before(&self.buffer, at);
                let before = self.found.len();
                for (terms, rule) in &rules.terms {
                    if matches!(self.actions.action(*rule), Action::Off) || !terms.may_begin(byte) {
                        continue;
                    }
                    match terms.find(&self.buffer, at, last) {
                        Step::Match(end) if !(begins_inside_word && self.is_word(at)) => self.add(*rule, at, end),
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
        self.cursors.terms = self.base + at as u64;
    }

    /// Whether the character at `at` is a letter or digit.
    fn is_word(&self, at: usize) -> bool {
        use super::terms::{Character, character_at};
        matches!(character_at(&self.buffer, at, true), Character::Some(character, _) if character.is_alphanumeric())
    }

    /// How far every match has been found.
    fn safe(&self, last: bool) -> u64 {
        let end = self.base + self.buffer.len() as u64;
        if last {
            return end;
        }
        let on = |enabled: bool, cursor: u64| if enabled { cursor } else { end };
        let enabled = self.enabled;
        on(enabled.digits(), self.cursors.digits)
            .min(on(enabled.email, self.cursors.emails))
            .min(on(enabled.literals, self.cursors.literals))
            .min(on(enabled.unanchored, self.cursors.unanchored))
            .min(on(enabled.terms, self.cursors.terms))
            .min(self.live.iter().map(Live::holds).min().unwrap_or(end))
    }

    /// Judges, in order, the matches that begin where everything is known, and lets the text between them go.
    fn release(&mut self, rules: &RuleSet, last: bool, out: &mut Output) -> Result<(), Blocked> {
        let mut safe = self.safe(last);
        self.reaches.retain(|reach| reach.certain.max(reach.doubtful) > safe);
        if self.found.is_empty() {
            self.let_go(safe, out);
            self.ends.retain(|(_, end)| *end > safe);
            return Ok(());
        }
        let mut found = std::mem::take(&mut self.found);
        found.sort_unstable_by_key(|candidate| candidate.order(rules.rules()));
        let mut judged = 0;
        let mut dropped: Vec<(usize, u64)> = Vec::new();
        let mut outcome = Ok(());
        for candidate in &found {
            if candidate.start >= safe || !self.may_be_judged(candidate) {
                // What an unfinished longer match has been handed on for may go, the rest waits.
                safe = safe.min(candidate.from.max(self.released));
                break;
            }
            match self.judge(rules, candidate, last) {
                Judgement::More => {
                    safe = safe.min(candidate.start);
                    break;
                }
                Judgement::Rejected if candidate.open => {
                    // The rest of a match whose beginning is no finding is none either.
                    self.live.retain(|live| (live.rule, live.start) != (candidate.rule, candidate.start));
                    dropped.push((candidate.rule, candidate.start));
                }
                Judgement::Rejected => {}
                Judgement::Finding
                    if candidate.from > candidate.start && dropped.contains(&(candidate.rule, candidate.start)) => {}
                Judgement::Finding => outcome = self.apply(rules, candidate, out),
            }
            judged += 1;
            if outcome.is_err() {
                break;
            }
        }
        found.drain(..judged);
        self.found = found;
        let (live, found) = (&self.live, &self.found);
        self.unreported.retain(|(rule, span)| {
            live.iter().any(|live| (live.rule, live.start) == (*rule, span.start))
                || found.iter().any(|candidate| (candidate.rule, candidate.start) == (*rule, span.start))
        });
        if outcome.is_ok() {
            self.let_go(safe, out);
        }
        let open = self.found.iter().map(|candidate| candidate.start).min().unwrap_or(u64::MAX).min(safe);
        self.ends.retain(|(_, end)| *end > open);
        outcome
    }

    /// A match that reaches beyond what an earlier, unfinished one covers must wait: the earlier one may cover more.
    fn may_be_judged(&self, candidate: &Candidate) -> bool {
        self.live
            .iter()
            .all(|live| live.handed.is_none_or(|handed| live.start >= candidate.start || candidate.end <= handed))
    }

    fn judge(&self, rules: &RuleSet, candidate: &Candidate, last: bool) -> Judgement {
        let Some(rule) = rules.rules().get(candidate.rule) else {
            return Judgement::Rejected;
        };
        if candidate.from == candidate.start
            && self.ends.iter().any(|(known, end)| *known == candidate.rule && candidate.start < *end)
        {
            return Judgement::Rejected;
        }
        if rule.checks.none() {
            return Judgement::Finding;
        }
        judge(&rule.checks, &self.buffer, self.index(candidate.start), self.index(candidate.end), last)
    }

    /// Replaces what is left of a finding.
    fn apply(&mut self, rules: &RuleSet, candidate: &Candidate, out: &mut Output) -> Result<(), Blocked> {
        let Some(rule) = rules.rules().get(candidate.rule) else {
            return Ok(());
        };
        self.note_end(candidate);
        let first_part = candidate.from == candidate.start;
        let actions = Arc::clone(&self.actions);
        let action = actions.action(candidate.rule);
        let finding = Finding { rule: candidate.rule, span: candidate.start..candidate.end };
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
                return Ok(());
            }
            _ => {}
        }
        if candidate.end <= self.released {
            if candidate.open && first_part {
                self.unreported.push((candidate.rule, finding.span));
            }
            return Ok(());
        }
        self.let_go(candidate.from, out);
        let from = candidate.from.max(self.released);
        let value = self.buffer.get(self.index(from)..self.index(candidate.end)).unwrap_or_default();
        let extent = match (first_part, from == candidate.from, candidate.open) {
            (true, true, true) => Extent::Beginning,
            (true, true, false) => Extent::Whole,
            (true, false, _) => Extent::Remainder,
            (false, ..) => Extent::Continuation,
        };
        let before = out.bytes.len();
        replace(action, &rule.entity, value, extent, actions.key(), &mut out.bytes);
        out.pieces.push(Piece::Replaced { taken: value.len(), given: out.bytes.len() - before });
        self.released = candidate.end;
        let beginning = |(rule, span): &(usize, Range<u64>)| (*rule, span.start) == (candidate.rule, candidate.start);
        if first_part {
            out.findings.push(finding);
        } else if let Some(place) = self.unreported.iter().position(beginning) {
            let (rule, span) = self.unreported.swap_remove(place);
            out.findings.push(Finding { rule, span });
        }
        Ok(())
    }

    fn note_end(&mut self, candidate: &Candidate) {
        match self.ends.iter_mut().find(|(known, _)| *known == candidate.rule) {
            Some((_, end)) => *end = (*end).max(candidate.end),
            None => self.ends.push((candidate.rule, candidate.end)),
        }
    }

    /// Lets the text up to an offset go as it came.
    fn let_go(&mut self, to: u64, out: &mut Output) {
        if to > self.released {
            let range = self.index(self.released)..self.index(to);
            out.clear_run(self.buffer.get(range).unwrap_or_default());
            self.released = to;
        }
    }

    /// Forgets what nothing looks back at any more.
    fn compact(&mut self, rules: &RuleSet) {
        let waiting = self.found.iter().map(|candidate| candidate.from).min().unwrap_or(u64::MAX);
        let keep = self.released.min(waiting).min(self.safe(false));
        let Some(drop) = self.index(keep).checked_sub(rules.look_behind) else {
            return;
        };
        if drop >= rules.look_behind.max(256) {
            self.buffer.drain(..drop);
            self.base += drop as u64;
        }
    }
}

/// Bytes at which the digit detectors are tried.
static ANCHOR: [bool; 256] = {
    let mut anchor = [false; 256];
    let mut digit = b'0';
    while digit <= b'9' {
        anchor[digit as usize] = true;
        digit += 1;
    }
    anchor[b'+' as usize] = true;
    anchor[b'(' as usize] = true;
    anchor
};

impl fmt::Debug for StreamRedactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamRedactor({} bytes held)", self.held())
    }
}

/// What a push or a finish gave. Reused from call to call; [`Output::clear`] empties it.
///
/// `bytes` is the redacted text; `pieces` says how it came from the original, in order, so that a caller that keeps
/// the original in another encoding (a JSON literal) can copy untouched stretches verbatim.
#[derive(Default)]
pub struct Output {
    /// Redacted text.
    pub bytes: Vec<u8>,
    /// How `bytes` came about; the lengths of the pieces sum to it.
    pub pieces: Vec<Piece>,
    /// Findings decided, in order.
    pub findings: Vec<Finding>,
}

/// A stretch of output.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Piece {
    /// The next `len` bytes of the original, unchanged.
    Clear {
        /// Length in bytes.
        len: usize,
    },
    /// `taken` bytes of the original gave way to `given` bytes of output.
    Replaced {
        /// Bytes of the original.
        taken: usize,
        /// Bytes of output.
        given: usize,
    },
}

/// A rule's match that passed its checks. It names a place, never the value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// Index into [`RuleSet::rules`].
    pub rule: usize,
    /// Where, in bytes of the text since its beginning.
    pub span: Range<u64>,
}

/// A rule with the action block matched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Blocked {
    /// Index into [`RuleSet::rules`].
    pub rule: usize,
}

impl Output {
    /// Empties it and keeps its memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.pieces.clear();
        self.findings.clear();
    }

    /// Whether every byte given so far stands as it came.
    #[must_use]
    pub fn is_verbatim(&self) -> bool {
        self.pieces.iter().all(|piece| matches!(piece, Piece::Clear { .. }))
    }

    pub(super) fn clear_run(&mut self, text: &[u8]) {
        if text.is_empty() {
            return;
        }
        self.bytes.extend_from_slice(text);
        match self.pieces.last_mut() {
            Some(Piece::Clear { len }) => *len += text.len(),
            Some(Piece::Replaced { .. }) | None => self.pieces.push(Piece::Clear { len: text.len() }),
        }
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Output({} bytes, {} pieces, {} findings)", self.bytes.len(), self.pieces.len(), self.findings.len())
    }
}
