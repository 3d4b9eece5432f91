//! What is tried where the pass stops: detectors, expressions and terms, and what must wait for text that has not come yet.
//!
//! Enters: a place and what may begin there. Leaves: matches, matches to follow, and tries that are made again.

use super::super::detect::{self, Step};
use super::super::operator::Action;
use super::super::prefilter::{Bits, Number, Prefilter, Target};
use super::super::regex::{Stand, is_token};
use super::super::rule::Detector;
use super::super::ruleset::Rule;
use super::super::terms::word_before;
use super::super::vector::AHEAD;
use super::{Attempt, Force, Lane, NUMBER, Waiting};

/// Bytes of a match that are looked at before its words are.
const PEEK: usize = 16;

/// What a try gave.
enum Tried {
    Done,
    /// Later text decides; the first byte that it holds.
    Waits(usize),
}

impl Lane {
    /// Tries what a window stands for.
    #[inline]
    pub(super) fn try_target(&mut self, force: Force<'_>, text: &[u8], target: Target, at: usize, last: bool) {
        match target {
            Target::Rule { rule, back } => {
                if let Some(start) = at.checked_sub(back) {
                    self.try_expression(force, text, rule, (start, at), last);
                }
            }
            Target::Detector(detector) => {
                if force.enabled.detector(detector) {
                    self.attempt(force, text, Attempt::Detector(detector), at, last);
                }
            }
            Target::Runs => self.attempt(force, text, Attempt::Runs, at, last),
            Target::Digits => self.try_digits(force, text, at, last),
            Target::Grams => {
                for rule in force.rules.prefilter.grams().at(text, at) {
                    self.try_expression(force, text, *rule, (at, at), last);
                }
            }
            // Found without a bucket.
            Target::LongRuns => {}
            Target::Encoded => self.triggers.push(self.base + at as u64),
            Target::Blob(blob) => self.blobs.push((self.base + at as u64, blob)),
        }
    }

    /// Where the text begins, if something stands before it.
    pub(super) fn begins(&self) -> Option<usize> {
        self.origin.checked_sub(self.base).and_then(|at| usize::try_from(at).ok())
    }

    /// An expression whose match would begin at `start`, at `at` or a little before it: tried if the run of token bytes is as
    /// long as it needs, and its words stand before it.
    fn try_expression(&mut self, force: Force<'_>, text: &[u8], rule: usize, (start, at): (usize, usize), last: bool) {
        if matches!(force.actions.action(rule), Action::Off) {
            return;
        }
        let regex = force.rules.rules().get(rule).and_then(|rule| rule.regex.as_ref());
        let needs = regex.map_or(0, |regex| regex.leading_run);
        if needs > AHEAD {
            let rest = text.get(start..).unwrap_or_default();
            let run = rest.iter().take(needs).take_while(|byte| is_token(**byte)).count();
            // A run that the text's end cuts off may go on.
            if run < needs && (run < rest.len() || last) {
                return;
            }
        }
        let asks = force.rules.rules().get(rule).is_some_and(|rule| rule.checks.near.is_some());
        let tried = !asks
            || (self.goes_far(force, text, rule, start)
                && self.may_stand(force, text, rule, at)
                && self.words_stand(force, text, rule, start, last));
        if tried {
            self.start_match(force, text, rule, start, last);
        }
    }

    /// Whether a match of a rule may begin at `start` by its first bytes: cheaper than the words before it.
    pub(super) fn goes_far(&self, force: Force<'_>, text: &[u8], rule: usize, start: usize) -> bool {
        let Some(rule) = force.rules.rules().get(rule) else { return false };
        let Some(regex) = &rule.regex else { return true };
        let Some(mut state) = regex.begin(self.byte_before(text, start)) else { return false };
        for byte in text.get(start..).unwrap_or_default().iter().take(PEEK) {
            match regex.step(state, *byte) {
                Stand::Dead => return false,
                Stand::Matched(_) => return true,
                Stand::Alive(next) => state = next,
            }
        }
        true
    }

    /// Expressions that must have a digit soon, round the first digit of a number.
    fn try_digits(&mut self, force: Force<'_>, text: &[u8], at: usize, last: bool) {
        let digits = force.rules.prefilter.digits();
        let begins = self.begins();
        let number = Number::new(text, at, begins);
        let left = digits.left(number);
        if left.free {
            let (some, known) = digits.of(number, last);
            self.try_round(force, text, at, &digits.free(some, text, (at, known), begins), last);
        }
        if left.asked {
            self.look_before(force, text, at);
            if !self.groups.is_empty() {
                let (some, known) = digits.of(number, last);
                let asked = digits.asked(&self.groups, some, text, (at, known), begins);
                self.try_round(force, text, at, &asked, last);
            }
        }
    }

    /// Expressions round a number, by their entries.
    fn try_round(&mut self, force: Force<'_>, text: &[u8], at: usize, bits: &Bits, last: bool) {
        let from = self.floor(self.from);
        for (rule, distance) in bits.entries().filter_map(|entry| force.rules.prefilter.digits().rule(entry)) {
            if let Some(start) = at.checked_sub(distance).filter(|start| *start >= from) {
                self.try_expression(force, text, rule, (start, at), last);
            }
        }
    }

    /// The groups of words that stand before a match which begins at a place or a little before it.
    pub(super) fn near_groups(&mut self, force: Force<'_>, at: usize) -> &[usize] {
        let text = std::mem::take(&mut self.buffer);
        self.look_before(force, &text, at);
        self.buffer = text;
        &self.groups
    }

    /// Whether the words of a group may stand before a match that begins at a place or a little before it.
    fn group_stands(&mut self, force: Force<'_>, text: &[u8], group: usize, at: usize) -> bool {
        self.look_before(force, text, at);
        self.groups.binary_search(&group).is_ok()
    }

    /// Whether the words that a rule asks for may stand before its match, which begins at a place or a little before it.
    fn may_stand(&mut self, force: Force<'_>, text: &[u8], rule: usize, at: usize) -> bool {
        let Some(group) = force.rules.rules().get(rule).and_then(Rule::asks) else { return true };
        self.group_stands(force, text, group, at)
    }

    /// Sees to it that `groups` are those of words that rules may ask for whose matches begin at a place or a little before
    /// it.
    fn look_before(&mut self, force: Force<'_>, text: &[u8], at: usize) {
        let place = self.base + at as u64;
        if self.groups_at == Some(place) {
            return;
        }
        self.groups.clear();
        if self.ahead.is_quiet(place) {
            self.groups_at = Some(place);
            return;
        }
        self.groups.extend(force.rules.keywords.along(text, self.base, at, NUMBER, &mut self.along));
        if self.groups.len() > 1 {
            self.groups.sort_unstable();
            self.groups.dedup();
        }
        self.groups_at = self.along.reached(place).then_some(place);
    }

    /// The groups before a place, lent out: what takes them gives them back.
    fn groups_before(&mut self, force: Force<'_>, text: &[u8], at: usize) -> Vec<usize> {
        self.look_before(force, text, at);
        std::mem::take(&mut self.groups)
    }

    /// Whether the words of any rule stand before a match that may begin where what has come ends.
    pub(super) fn words_near_end(&mut self, force: Force<'_>, text: &[u8]) -> bool {
        let keywords = &force.rules.keywords;
        let stands = keywords.along(text, self.base, text.len(), 2 * NUMBER, &mut self.along).next().is_some();
        stands || !self.along.reached(self.base + text.len() as u64)
    }

    /// Expressions that begin with a long run of token bytes.
    pub(super) fn scan_long_runs(&mut self, force: Force<'_>, begins: Option<usize>, last: bool) {
        let long = force.rules.prefilter.long();
        let range = self.index(self.seen)..Prefilter::whole(&self.buffer);
        let text = std::mem::take(&mut self.buffer);
        for at in long.places(&text, range, begins, !last) {
            for (rule, group) in long.at(&text, at, begins, !last) {
                if group.is_none_or(|group| self.group_stands(force, &text, group, at)) {
                    self.try_expression(force, &text, rule, (at, at), last);
                }
            }
        }
        self.buffer = text;
    }

    /// Whether a rule that asks for words before its matches, and only there, may find them before `start`.
    pub(super) fn words_stand(&mut self, force: Force<'_>, text: &[u8], rule: usize, start: usize, last: bool) -> bool {
        let Some(rule) = force.rules.rules().get(rule) else { return false };
        let place = self.base + start as u64;
        let Some(near) = rule.checks.near.filter(|_| rule.asks().is_some() && place >= self.label_end()) else {
            return true;
        };
        let hits = force.rules.keywords.before(text, start, place, last, &mut self.words);
        hits.is_none_or(|hits| hits.within(near.group, near.before))
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
    pub(super) fn try_again(&mut self, force: Force<'_>, last: bool) {
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
            Attempt::Detector(Detector::EmailSpelled) => self.try_spelled(force, text, at, last),
            Attempt::Detector(Detector::PhoneAny) if !self.asked_for(force, text, Detector::PhoneAny, at, last) => {
                Tried::Done
            }
            Attempt::Detector(detector) => {
                let covered = self.detected.get(detector.slot()).copied().unwrap_or(0);
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
        let begins = self.begins();
        let number = Number::new(text, at, begins);
        if number.is_cut_off() && !last {
            return Tried::Waits(at);
        }
        let runs = force.rules.prefilter.runs();
        let left = runs.left(number);
        let place = (at, number.len + 1);
        if left.free {
            self.try_run(force, text, at, &runs.free(runs.of(number), text, place, begins), last);
        }
        if left.asked {
            self.look_before(force, text, at);
            if !self.groups.is_empty() {
                let asked = runs.asked(&self.groups, runs.of(number), text, place, begins);
                self.try_run(force, text, at, &asked, last);
            }
        }
        Tried::Done
    }

    /// Expressions that begin with a run, by their entries.
    fn try_run(&mut self, force: Force<'_>, text: &[u8], at: usize, bits: &Bits, last: bool) {
        for rule in bits.entries().filter_map(|entry| force.rules.prefilter.runs().rule(entry)) {
            if self.words_stand(force, text, rule, at, last) {
                self.start_match(force, text, rule, at, last);
            }
        }
    }

    /// An e-mail address whose `@` is at `at`.
    fn try_address(&mut self, force: Force<'_>, text: &[u8], at: usize, last: bool) -> Tried {
        let floor = self.floor(self.begins_after(Detector::Email));
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

    /// An address whose sign, spelled in some way, is at `at`.
    fn try_spelled(&mut self, force: Force<'_>, text: &[u8], at: usize, last: bool) -> Tried {
        let covered = self.detected.get(Detector::EmailSpelled.slot()).copied().unwrap_or(0);
        if self.base + (at as u64) < covered {
            return Tried::Done;
        }
        match detect::email_spelled(text, at, self.floor(self.begins_after(Detector::EmailSpelled)), last) {
            (_, Step::None) => Tried::Done,
            (start, Step::More) => Tried::Waits(start),
            (start, Step::Match(end)) => {
                self.add_detected(force, Detector::EmailSpelled, start, end);
                Tried::Done
            }
        }
    }

    /// Whether some rule of the detector may have a finding at `start`, by the words before it.
    fn asked_for(&mut self, force: Force<'_>, text: &[u8], detector: Detector, start: usize, last: bool) -> bool {
        let groups = self.groups_before(force, text, start);
        let rules = force.rules.detectors.iter().filter(|(known, _)| *known == detector).flat_map(|(_, list)| list);
        let possible = |rule: &&usize| {
            let near = force.rules.rules().get(**rule).and_then(|rule| rule.checks.near);
            near.is_none_or(|near| near.after > 0 || groups.binary_search(&near.group).is_ok())
        };
        let any = rules.clone().any(|rule| possible(&rule));
        self.groups = groups;
        any && rules.into_iter().any(|rule| self.words_stand(force, text, *rule, start, last))
    }

    /// Term lists, tried at the beginning of each word.
    pub(super) fn scan_terms(&mut self, force: Force<'_>, last: bool) {
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
        use super::super::terms::{Character, character_at};
        matches!(character_at(&self.buffer, at, true), Character::Some(character, _) if character.is_alphanumeric())
    }
}
