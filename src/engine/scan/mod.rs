//! What is known of one logical text: the families of rules, each with its cursor.
//!
//! ```text
//!            base        released         cursors, live matches          end
//!   buffer    | look-behind | held: a rule may still match it | not seen  |
//! ```
//!
//! Each family (digits, addresses, literals, first bytes, terms) has a cursor: every match that begins before it has
//! been found or is still being followed (`follow`). The least cursor is how far the text is safe. Matches that begin
//! before it are judged in the one order of overlaps and replaced, winner by winner (`release`). Every decision is taken
//! at a place of the text, never at the end of a push: that is *Split*.

#![allow(
    clippy::indexing_slicing,
    reason = "tables of 256 entries are indexed by a byte, and arrays of four by a match"
)]

mod follow;
mod release;

use std::ops::Range;

use self::follow::{Live, Reach};
use super::candidate::Candidate;
use super::detect::{self, Step};
use super::operator::Action;
use super::regex::is_token;
use super::rule::Detector;
use super::ruleset::{ActionTable, RuleSet};
use super::stream::{Blocked, Output};
use super::terms::word_before;

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
    pub(super) buffer: Vec<u8>,
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
pub(super) struct Enabled {
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
    pub(super) fn new(rules: &RuleSet, actions: &ActionTable) -> Self {
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

impl Text {
    pub(super) fn begin(&mut self) {
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

    pub(super) fn held(&self) -> usize {
        self.buffer.len() - self.index(self.released)
    }

    fn index(&self, offset: u64) -> usize {
        usize::try_from(offset - self.base).unwrap_or(usize::MAX)
    }

    pub(super) fn advance(&mut self, force: Force<'_>, last: bool, out: &mut Output) -> Result<(), Blocked> {
        if let Some(blocked) = self.blocked {
            return Err(blocked);
        }
        self.follow(force, last);
        if force.enabled.digits() {
            self.scan_digits(force, last);
        }
        if force.enabled.email {
            self.scan_addresses(force, last);
        }
        if force.enabled.literals {
            self.scan_literals(force, last);
        }
        if force.enabled.unanchored {
            self.scan_unanchored(force, last);
        }
        if force.enabled.terms {
            self.scan_terms(force, last);
        }
        let outcome = self.release(force, last, out);
        if let Err(blocked) = outcome {
            self.blocked = Some(blocked);
        }
        self.compact(force);
        outcome
    }

    fn add(&mut self, force: Force<'_>, rule: usize, start: usize, end: usize) {
        if !matches!(force.actions.action(rule), Action::Off) {
            let (start, end) = (self.base + start as u64, self.base + end as u64);
            self.found.push(Candidate { rule, start, from: start, end, open: false });
        }
    }

    fn add_detected(&mut self, force: Force<'_>, detector: Detector, start: usize, end: usize) {
        for (kind, list) in &force.rules.detectors {
            if *kind == detector {
                list.iter().for_each(|rule| self.add(force, *rule, start, end));
            }
        }
    }

    /// Cards, social security and taxpayer numbers, phones: tried at the beginning of each run of digits, phones at
    /// `+` and `(` as well.
    fn scan_digits(&mut self, force: Force<'_>, last: bool) {
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
                if !self.try_digits(force, at, last) {
                    break;
                }
                at += self.digits_from(at);
            } else {
                if force.enabled.phone && !self.try_detector(force, Detector::Phone, at, last) {
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
    fn try_digits(&mut self, force: Force<'_>, at: usize, last: bool) -> bool {
        let all = [
            (force.enabled.card, Detector::Card),
            (force.enabled.ssn, Detector::UsSsn),
            (force.enabled.itin, Detector::UsItin),
            (force.enabled.phone, Detector::Phone),
        ];
        let before = self.found.len();
        let ends = self.cursors.detector_ends;
        for (enabled, detector) in all {
            if enabled && !self.try_detector(force, detector, at, last) {
                // All are tried again when more has come.
                self.found.truncate(before);
                self.cursors.detector_ends = ends;
                return false;
            }
        }
        true
    }

    fn try_detector(&mut self, force: Force<'_>, detector: Detector, at: usize, last: bool) -> bool {
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
                self.add_detected(force, detector, at, end);
                true
            }
        }
    }

    /// E-mail addresses, tried at each `@`; the run of characters that the text ends with may still be a local part.
    fn scan_addresses(&mut self, force: Force<'_>, last: bool) {
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
                        self.add_detected(force, Detector::Email, start, end);
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
    fn scan_literals(&mut self, force: Force<'_>, last: bool) {
        let mut from = self.index(self.cursors.literals);
        while let Some((at, owners)) = force.rules.literals.find(&self.buffer, from) {
            for rule in owners {
                self.start_match(force, *rule, at, last);
            }
            from = at + 1;
        }
        let held = if last { self.buffer.len() } else { force.rules.literals.cut_off(&self.buffer, from) };
        self.cursors.literals = self.base + held as u64;
    }

    /// Regular expressions without literals: tried at every byte that may begin one, where the run of token bytes that
    /// begins there is as long as the expression needs.
    fn scan_unanchored(&mut self, force: Force<'_>, last: bool) {
        let from = self.index(self.cursors.unanchored);
        let mut before = from.checked_sub(1).and_then(|before| self.buffer.get(before)).copied();
        let mut run_end = from;
        for at in from..self.buffer.len() {
            let byte = self.buffer[at];
            if force.rules.unanchored_first.may_begin(before, byte) {
                if run_end <= at {
                    let rest = &self.buffer[at..];
                    run_end = at + rest.iter().position(|byte| !is_token(*byte)).unwrap_or(rest.len());
                }
                // A run that the text's end cuts off may go on.
                let run = if run_end < self.buffer.len() || last { run_end - at } else { usize::MAX };
                if run >= force.rules.unanchored_run {
                    self.try_unanchored(force, at, run, last);
                }
            }
            before = Some(byte);
        }
        self.cursors.unanchored = self.base + self.buffer.len() as u64;
    }

    fn try_unanchored(&mut self, force: Force<'_>, at: usize, run: usize, last: bool) {
        let (before, byte) = (at.checked_sub(1).map(|before| self.buffer[before]), self.buffer[at]);
        for rule in &force.rules.unanchored {
            let regex = force.rules.rules().get(*rule).and_then(|rule| rule.regex.as_ref());
            if regex.is_some_and(|regex| run >= regex.leading_run && regex.first.may_begin(before, byte)) {
                self.start_match(force, *rule, at, last);
            }
        }
    }

    /// Term lists, tried at the beginning of each word.
    fn scan_terms(&mut self, force: Force<'_>, last: bool) {
        let mut at = self.index(self.cursors.terms);
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
        self.cursors.terms = self.base + at as u64;
    }

    /// Whether the character at `at` is a letter or digit.
    fn is_word(&self, at: usize) -> bool {
        use super::terms::{Character, character_at};
        matches!(character_at(&self.buffer, at, true), Character::Some(character, _) if character.is_alphanumeric())
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
