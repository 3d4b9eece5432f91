//! What takes a finding's place, held against every rule: is it found again?
//!
//! A text that is the same for every finding (`[ENTITY]`, a user's own) is tried as it is, alone and with neighbours
//! that only word boundaries see. A mask depends on the value: the language of all masks is searched (`image`), and an
//! example is tried with the real operator before it is told. A rule that finds a replacement whole and puts the same in
//! its place changes nothing and is no fault. Keywords are taken as given: any text may stand before.

use std::ops::Range;
use std::sync::Arc;

use super::automaton::{Automaton, BEFORE, DEAD};
use super::image::{Masked, matches, may_match};
use super::{Check, Example, Fault, Proof};
use crate::engine::operator::{Action, Extent, replace};
use crate::engine::regex::Regex;
use crate::engine::rule::{Detector, EntityType, Suppression};
use crate::engine::ruleset::{ActionTable, Checks, RuleSet};
use crate::engine::stream::{Output, StreamRedactor};

/// What stands for the 16 digits of a hash.
const TAG: &str = "0123456789abcdef";
/// Separators that detectors take between digits.
const SEPARATOR: &str = r"(?-u:[ \t./_-]|\xC2\xA0|\xE2\x80[\x80-\x8A\x90-\x95\xAF]|\xE2\x88\x92)";

/// Everything that a check of one rule needs.
struct Checked<'a> {
    rules: &'a Arc<RuleSet>,
    actions: &'a ActionTable,
    tables: &'a [Option<Automaton>],
    limit: usize,
}

/// Proves for each rule that nothing it leaves is found again, where it or the finder is asked about.
pub(super) fn prove(
    rules: &Arc<RuleSet>,
    actions: &ActionTable,
    tables: &[Option<Automaton>],
    asked: &impl Fn(usize) -> bool,
    limit: usize,
    proof: &mut Proof,
) {
    let checked = Checked { rules, actions, tables, limit };
    let detectors: Vec<(Detector, Automaton)> =
        Detector::ALL.iter().filter_map(|(_, one)| Some((*one, shape(*one)?))).collect();
    // What may be found in a mask at all, once for each kind of mask.
    let finds = |action: Action| -> Vec<usize> {
        let on = |index: &usize| !matches!(actions.action(*index), Action::Off | Action::Observe);
        let can =
            |index: &usize| tables.get(*index).and_then(Option::as_ref).is_some_and(|table| may_match(table, &action));
        (0..tables.len()).filter(on).filter(can).collect()
    };
    let [plain, last_four, address] = [Action::Mask, Action::KeepLast4, Action::MaskDomain].map(finds);
    for index in 0..rules.rules().len() {
        let own = asked(index);
        let by = |finder: usize| own || asked(finder);
        let faults = match actions.action(index) {
            Action::Off | Action::Observe | Action::Block | Action::Remove => continue,
            Action::Mask => checked.masked(index, &plain, by, &detectors),
            Action::KeepLast4 => checked.masked(index, &last_four, by, &detectors),
            Action::MaskDomain => checked.masked(index, &address, by, &detectors),
            Action::Redact | Action::Replace(_) | Action::Hash => checked.fixed(index, by),
        };
        if own || !faults.is_empty() {
            proof.add(Check::Replacement, index, faults);
        }
    }
}

/// What a rule's checks say of a value by itself.
fn passes_alone(checks: &Checks, value: &[u8]) -> bool {
    let suppressed = |one: &Suppression| matches!(one, Suppression::Value(text) if text.as_bytes() == value);
    checks.validator.is_none_or(|validator| validator.accepts(value)) && !checks.suppressions.iter().any(suppressed)
}

/// Where the part of a value that is shown stands in what takes its place.
fn shown(action: &Action, value: &[u8], replacement: &[u8]) -> Range<usize> {
    let shown = action.shown(value);
    match action {
        Action::KeepLast4 => replacement.len().saturating_sub(value.len() - shown.start)..replacement.len(),
        _ => shown,
    }
}

/// A language that holds every match of a detector: wider than what it finds.
fn shape(detector: Detector) -> Option<Automaton> {
    let pattern = match detector {
        Detector::Card | Detector::UsSsn | Detector::UsItin => {
            format!("[0-9](?:{SEPARATOR}*[0-9]){{8}}(?:{SEPARATOR}*[0-9])*")
        }
        Detector::Phone => {
            format!("[+(0-9](?:[0-9A-Za-z()+#:;=,]|{SEPARATOR})*[0-9](?:[0-9A-Za-z()+#:;=,]|{SEPARATOR})*[0-9]")
        }
        Detector::Email => r"(?-u:[!-?A-~\x80-\xFF]+@[!-?A-~\x80-\xFF]+)".to_owned(),
    };
    Automaton::new(&Regex::compile(&pattern, Some(256)).ok()?)
}

impl Checked<'_> {
    /// A replacement that does not depend on the value.
    fn fixed(&self, index: usize, by: impl Fn(usize) -> bool) -> Vec<Fault> {
        let Some(rule) = self.rules.rules().get(index) else { return Vec::new() };
        let text = match self.actions.action(index) {
            Action::Replace(text) => text.to_string(),
            Action::Hash => format!("[{}_{TAG}]", rule.entity),
            _ => format!("[{}]", rule.entity),
        };
        let mut faults = Vec::new();
        for finder in (0..self.tables.len()).filter(|finder| by(*finder)) {
            if self.found(finder, text.as_bytes()) {
                let replacement = Example::new(None, text.clone().into_bytes(), None);
                faults.push(Fault::Again { by: finder, replacement });
            }
        }
        let rest = self.found_otherwise(text.as_bytes()).filter(|finder| by(*finder));
        faults.extend(rest.map(|finder| Fault::Again {
            by: finder,
            replacement: Example::new(None, text.clone().into_bytes(), None),
        }));
        faults
    }

    /// A mask: the image of the rule's language.
    fn masked(
        &self,
        index: usize,
        finders: &[usize],
        by: impl Fn(usize) -> bool,
        detectors: &[(Detector, Automaton)],
    ) -> Vec<Fault> {
        let action = self.actions.action(index);
        let detector = self.rules.detectors.iter().find(|(_, rules)| rules.contains(&index));
        let shape = detector.and_then(|(kind, _)| detectors.iter().find(|(known, _)| known == kind));
        let table = match (self.tables.get(index), shape) {
            (Some(Some(table)), _) => table,
            (_, Some((_, table))) => table,
            // A list of terms: its values are its language, and a mask of them holds no letters.
            _ => return vec![Fault::NotProven(Check::Replacement)],
        };
        let mut faults = Vec::new();
        for finder in finders.iter().copied().filter(|finder| by(*finder)) {
            // What is masked already is masked to itself.
            let same = matches!(action, Action::Mask)
                && matches!(self.actions.action(finder), Action::Mask | Action::KeepLast4);
            let Some(Some(again)) = self.tables.get(finder).filter(|_| !same) else { continue };
            let hides = *self.actions.action(finder) != *action;
            match matches(table, action, again, hides, self.limit) {
                Masked::Never => {}
                Masked::TooLarge => faults.push(Fault::NotProven(Check::Replacement)),
                Masked::Maybe(_, value) => {
                    let mut replacement = Vec::new();
                    let entity = EntityType::new("MASKED");
                    replace(action, &entity, &value, Extent::Whole, None, &mut replacement);
                    let shown = if hides { shown(action, &value, &replacement) } else { 0..0 };
                    let beyond = |span: &(usize, usize)| span.0 < shown.start || span.1 > shown.end;
                    let spans = self.spans(finder, &replacement);
                    let mut changed = spans
                        .iter()
                        .filter(|span| beyond(span))
                        .map(|span| !self.unchanged(finder, &replacement, *span));
                    if changed.any(|changed| changed) {
                        faults.push(Fault::Again { by: finder, replacement: Example::new(None, replacement, None) });
                    } else if spans.is_empty() {
                        // The language is wider than the rule, or a validator stands between.
                        faults.push(Fault::NotProven(Check::Replacement));
                    }
                }
            }
        }
        faults.dedup();
        faults
    }

    /// Whether a regular expression finds something in `text` and would change it.
    fn found(&self, finder: usize, text: &[u8]) -> bool {
        self.spans(finder, text).into_iter().any(|span| !self.unchanged(finder, text, span))
    }

    /// The matches of a regular expression in `text`, whatever stands beside it, that its own checks pass.
    fn spans(&self, finder: usize, text: &[u8]) -> Vec<(usize, usize)> {
        let mut spans = Vec::new();
        let (Some(rule), Some(Some(table))) = (self.rules.rules().get(finder), self.tables.get(finder)) else {
            return spans;
        };
        if matches!(self.actions.action(finder), Action::Off | Action::Observe) {
            return spans;
        }
        for start in 0..text.len() {
            let before = start.checked_sub(1).and_then(|at| text.get(at)).copied();
            for (known, begin) in BEFORE.into_iter().zip(table.starts) {
                if before.is_some_and(|before| known != Some(super::image::kind(before))) {
                    continue;
                }
                let mut state = begin;
                let mut end = None;
                for (at, byte) in text.iter().enumerate().skip(start) {
                    state = table.step(state, *byte);
                    if table.matched(state) {
                        end = Some(at);
                    }
                    if state == DEAD {
                        break;
                    }
                }
                if table.is_final(state) {
                    end = Some(text.len());
                }
                let value = end.and_then(|end| text.get(start..end));
                if let (Some(end), true) = (end, value.is_some_and(|value| passes_alone(&rule.checks, value))) {
                    spans.push((start, end));
                }
            }
        }
        spans
    }

    /// Whether what the finder puts in the place of this match is the match itself.
    fn unchanged(&self, finder: usize, text: &[u8], (start, end): (usize, usize)) -> bool {
        let (Some(rule), Some(value)) = (self.rules.rules().get(finder), text.get(start..end)) else { return true };
        let mut given = Vec::new();
        replace(self.actions.action(finder), &rule.entity, value, Extent::Whole, self.actions.key(), &mut given);
        given == value && !matches!(self.actions.action(finder), Action::Block)
    }

    /// Detectors and lists that find something in `text`, as it stands in a stream.
    fn found_otherwise(&self, text: &[u8]) -> impl Iterator<Item = usize> {
        let mut out = Output::default();
        // Only rules that are no regular expressions: the others were tried with every neighbour.
        let other = |index| self.tables.get(index).is_some_and(Option::is_none);
        let only =
            (0..self.tables.len()).map(|index| if other(index) { Action::Observe } else { Action::Off }).collect();
        let rules = Arc::clone(self.rules);
        let mut redactor = StreamRedactor::new(rules, Arc::new(ActionTable::new(only, None)));
        // Observing rules do not block.
        let _ = redactor.push_last(text, &mut out);
        let mut found: Vec<usize> = out.findings.iter().map(|finding| finding.rule).collect();
        found.sort_unstable();
        found.dedup();
        found.into_iter()
    }
}
