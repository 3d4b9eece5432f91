//! What takes a finding's place, held against every rule: is it found again?
//!
//! A text that is the same for every finding (`[ENTITY]`, a user's own) is tried as it is, alone and with neighbours
//! that only word boundaries see. A mask depends on the value: the language of all masks is searched (`image`), and an
//! example is tried with the real operator before it is told. A rule that finds a replacement whole and puts the same in
//! its place changes nothing and is no fault. Masks of a rule whose finding is its group `value` are not proven: the
//! language at hand is that of whole matches. Keywords are taken as given: any text may stand before.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use regex_automata::util::primitives::StateID;

use super::super::byte_set::ByteSet;
use super::automaton::{Automaton, BEFORE};
use super::image::{self, Masked, matches, may_match, texts};
use super::{Check, Example, Fault, Proof, Tables};
use crate::engine::detect::EXTENSION_WORDS;
use crate::engine::operator::{Action, Extent, replace};
use crate::engine::regex::{Regex, Stand};
use crate::engine::rule::{Detector, EntityType, Suppression};
use crate::engine::ruleset::{ActionTable, Checks, RuleSet};
use crate::engine::stream::{Output, StreamRedactor};

/// What stands for the 16 digits of a hash.
const TAG: &str = "0123456789abcdef";
/// What stands for the 16 letters of a token.
const LETTERS: &str = "2a3b4c5d6e7fghij";
/// The most masks of a rule that are tried one by one.
const TEXTS: usize = 512;
/// Separators that detectors take between digits.
const SEPARATOR: &str = r"(?-u:[ \t./_-]|\xC2\xA0|\xE2\x80[\x80-\x8A\x90-\x95\xAF]|\xE2\x88\x92)";

/// Everything that a check of one rule needs.
struct Checked<'a> {
    rules: &'a Arc<RuleSet>,
    actions: &'a ActionTable,
    tables: &'a Tables<'a>,
    limit: usize,
    /// Who finds a replacement and would change it.
    known: RefCell<HashMap<Vec<u8>, Vec<usize>>>,
    /// Whether a rule may find something in masks of so many letters and digits at most and of these bytes.
    finds: RefCell<HashMap<(usize, u8, ByteSet), bool>>,
    /// For each detector some of what it finds, and more than it finds.
    shapes: Vec<(Detector, Automaton, Automaton)>,
}

/// Proves for each rule that nothing it leaves is found again, where it or the finder is asked about.
pub(super) fn prove(
    rules: &Arc<RuleSet>,
    actions: &ActionTable,
    tables: &Tables<'_>,
    asked: &impl Fn(usize) -> bool,
    limit: usize,
    proof: &mut Proof,
) {
    let shapes = Detector::ALL.iter().filter_map(|(_, one)| Some((*one, samples(*one)?, shape(*one)?))).collect();
    let (known, finds) = Default::default();
    // A mask that is not decided after that many steps mostly never is, and there are many pairs of rules.
    let limit = limit / 4;
    let checked = Checked { rules, actions, tables, limit, known, finds, shapes };
    for index in 0..tables.len() {
        let own = asked(index);
        let by = |finder: usize| own || asked(finder);
        let narrowed = tables.regex(index).is_some_and(|regex| regex.value.is_some());
        let faults = match actions.action(index) {
            Action::Mask | Action::KeepLast4 | Action::MaskDomain if narrowed => {
                if own {
                    proof.skip(Check::Replacement);
                }
                continue;
            }
            Action::Off
            | Action::Observe
            | Action::Approved
            | Action::Block
            | Action::Drop
            | Action::Quarantine
            | Action::Reroute(_)
            | Action::StandIn
            | Action::Remove => {
                continue;
            }
            Action::Mask | Action::KeepLast4 | Action::MaskDomain => checked.masked(index, by),
            Action::Redact | Action::Replace(_) | Action::Neutralize | Action::Hash | Action::Tokenize => {
                checked.fixed(index, by)
            }
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

/// Some of what a detector finds: reserved and published values, in the usual spellings.
fn samples(detector: Detector) -> Option<Automaton> {
    let pattern = match detector {
        Detector::Card => "4111(?: 1111 1111 |-1111-1111-|11111111)1111",
        Detector::UsSsn => "078(?:-05-| 05 )1120",
        Detector::UsItin => "912(?:-70-| 70 )1234",
        Detector::Phone => r"(?:\+1 ?)?(?:\(212\) |212[-. ])555[-. ]0[0-9]{3}",
        Detector::PhoneNational(_) => "0[0-9]{2,3}[- /][0-9]{3,4}[- ]?[0-9]{3,4}",
        Detector::EmailSpelled => r"[a-z][a-z.]{0,9} ?[(\[]at[)\]] ?example\.com",
        Detector::PhoneAny => "0?[0-9]{2,4}[- ][0-9]{3,4}[- ][0-9]{3,4}",
        Detector::Email => r"[a-z][a-z0-9._+-]{0,15}@example\.com",
        Detector::Iban => "GB82 ?WEST ?1234 ?5698 ?7654 ?32",
        Detector::Ipv4 => r"192\.0\.2\.[1-9]",
        Detector::Ipv6 => "2001:db8::[1-9a-f]",
        Detector::Mac => "00:1a:2b:3c:4d:[1-9a-f]e",
    };
    Automaton::new(&Regex::compile(pattern, None).ok()?)
}

/// A language that holds every match of a detector: wider than what it finds.
fn shape(detector: Detector) -> Option<Automaton> {
    let pattern = match detector {
        Detector::Card | Detector::UsSsn | Detector::UsItin => {
            format!("[0-9](?:{SEPARATOR}{{0,2}}[0-9]){{8}}(?:{SEPARATOR}{{0,2}}[0-9])*")
        }
        // Brackets, spaces, a dash, a line break and its indent between digits, and an extension behind one of its own
        // words: any other word could have digits of other scripts, which masks do not count.
        Detector::Phone | Detector::PhoneAny | Detector::PhoneNational(_) => {
            let joint = format!("(?:[()\\r\\n]|{SEPARATOR})*");
            let words = EXTENSION_WORDS.join("|");
            format!(
                "[+(]?{joint}[0-9](?:{joint}[0-9]){{6}}(?:{joint}[0-9])*\
                 (?:,?[ ]{{0,2}}(?i-u:{words})[.:]?[ ]{{0,2}}[0-9]{{1,7}})?"
            )
        }
        Detector::Iban => {
            format!("[A-Za-z]{SEPARATOR}{{0,5}}[A-Za-z](?:(?:{SEPARATOR}|[ \\r\\n\\t]){{0,17}}[0-9A-Za-z]){{13,32}}")
        }
        Detector::Ipv4 => r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}".to_owned(),
        Detector::Ipv6 => r"[0-9A-Fa-f:][0-9A-Fa-f:.]+(?:%[0-9A-Za-z._-]+)?".to_owned(),
        Detector::Mac => "[0-9A-Fa-f]{2,4}(?:[.:-][0-9A-Fa-f]{2,4}){2,7}".to_owned(),
        Detector::EmailSpelled => r"(?-u:[!-~ \t\r\n\x80-\xFF]+)".to_owned(),
        Detector::Email => r"(?-u:[!\x22#-'*+./0-9=?A-Z^-~\x80-\xFF-]+@\[?[0-9A-Za-z.:\x80-\xFF-]+\]?)".to_owned(),
    };
    Automaton::new(&Regex::compile(&pattern, Some(512)).ok()?)
}

impl Checked<'_> {
    /// A replacement that does not depend on the value.
    fn fixed(&self, index: usize, by: impl Fn(usize) -> bool) -> Vec<Fault> {
        let Some(rule) = self.rules.rules().get(index) else { return Vec::new() };
        let text = match self.actions.action(index) {
            Action::Replace(text) => text.to_string(),
            Action::Neutralize => Action::NEUTRALIZED.to_owned(),
            Action::Hash => format!("[{}_{TAG}]", rule.entity),
            Action::Tokenize => format!("[{}_{LETTERS}]", rule.entity),
            _ => format!("[{}]", rule.entity),
        };
        self.again(text.into_bytes(), by)
    }

    /// Who finds this replacement again.
    fn again(&self, text: Vec<u8>, by: impl Fn(usize) -> bool) -> Vec<Fault> {
        let mut known = self.known.borrow_mut();
        let finders = known.entry(text.clone()).or_insert_with(|| {
            let regexes = (0..self.tables.len()).filter(|finder| self.changes(*finder, &text));
            regexes.chain(self.found_otherwise(&text)).collect()
        });
        let replacement = Example::new(None, text, None);
        let again = finders.iter().filter(|finder| by(**finder));
        again.map(|finder| Fault::Again { by: *finder, replacement: replacement.clone() }).collect()
    }

    /// A mask: the image of the rule's language.
    fn masked(&self, index: usize, by: impl Fn(usize) -> bool) -> Vec<Fault> {
        let action = self.actions.action(index);
        let detector = self.rules.detectors.iter().find(|(_, rules)| rules.contains(&index)).map(|(kind, _)| *kind);
        let shape = self.shapes.iter().find(|(known, _, _)| Some(*known) == detector);
        let Some(table) = self.tables.get(index).or(shape.map(|(_, _, wide)| wide)) else {
            // A list of terms, or an expression that grew too large.
            return vec![Fault::NotProven(Check::Replacement)];
        };
        if *action == Action::Mask
            && let Some(texts) = texts(table, TEXTS)
        {
            return self.masks(texts, by);
        }
        let bytes = image::alphabet(table, action);
        let mut faults = Vec::new();
        for finder in (0..self.tables.len()).filter(|finder| by(*finder)) {
            // What is masked already is masked to itself.
            let same = matches!(action, Action::Mask)
                && matches!(self.actions.action(finder), Action::Mask | Action::KeepLast4);
            if same || !self.is_on(finder) || !self.may_find(finder, action, &bytes) {
                continue;
            }
            let Some(again) = self.tables.get(finder) else {
                if self.tables.regex(finder).is_some() {
                    faults.push(Fault::NotProven(Check::Replacement));
                }
                continue;
            };
            let hides = *self.actions.action(finder) != *action;
            // What lies in the shown part of an address alone is hidden, so a match has the `@` or a star.
            if hides && *action == Action::MaskDomain && detector == Some(Detector::Email) && !again.uses(b"@*") {
                continue;
            }
            // A fault is sought among a detector's own values, a proof in what is wider.
            let sample = shape.map(|(_, samples, _)| matches(samples, action, again, hides, self.limit));
            if let Some(Masked::Maybe(value)) = sample
                && let Some(fault @ Fault::Again { .. }) = self.tried(index, finder, &value, hides, true)
            {
                faults.push(fault);
                continue;
            }
            // One search that came to nothing is enough to say so; faults are still sought among the samples.
            if detector.is_some() && faults.contains(&Fault::NotProven(Check::Replacement)) {
                continue;
            }
            match matches(table, action, again, hides, self.limit) {
                Masked::Never => {}
                Masked::TooLarge => faults.push(Fault::NotProven(Check::Replacement)),
                Masked::Maybe(value) => faults.extend(self.tried(index, finder, &value, hides, detector.is_some())),
            }
        }
        faults.dedup();
        faults
    }

    /// Masks that are few enough to be tried one by one; one example for each finder.
    fn masks(&self, texts: Vec<Vec<u8>>, by: impl Fn(usize) -> bool) -> Vec<Fault> {
        let mut found: Vec<Fault> = Vec::new();
        for fault in texts.into_iter().flat_map(|text| self.again(text, &by)) {
            let finder = |fault: &Fault| if let Fault::Again { by, .. } = fault { Some(*by) } else { None };
            if !found.iter().any(|known| finder(known) == finder(&fault)) {
                found.push(fault);
            }
        }
        found
    }

    /// Tries an example with the real operator: the language is wider than the rule, and a validator may stand between.
    fn tried(&self, index: usize, finder: usize, value: &[u8], hides: bool, detector: bool) -> Option<Fault> {
        let action = self.actions.action(index);
        if detector && !self.detects(index, value) {
            return Some(Fault::NotProven(Check::Replacement));
        }
        let mut replacement = Vec::new();
        replace(action, &EntityType::new("MASKED"), value, Extent::Whole, self.actions, &mut replacement);
        let shown = if hides { shown(action, value, &replacement) } else { 0..0 };
        let spans = self.spans(finder, &replacement);
        let mut beyond = spans.iter().filter(|span| span.0 < shown.start || span.1 > shown.end);
        if beyond.any(|span| !self.unchanged(finder, &replacement, *span)) {
            return Some(Fault::Again { by: finder, replacement: Example::new(None, replacement, None) });
        }
        spans.is_empty().then_some(Fault::NotProven(Check::Replacement))
    }

    /// Whether a rule changes what it finds.
    fn is_on(&self, index: usize) -> bool {
        !matches!(self.actions.action(index), Action::Off | Action::Observe)
    }

    /// Whether a rule may find anything in a mask that has these bytes alone.
    fn may_find(&self, finder: usize, action: &Action, bytes: &ByteSet) -> bool {
        let shown = image::shown(action);
        let Some(regex) = self.tables.regex(finder) else { return false };
        let possible = |literal: &Vec<u8>| {
            let count = literal.iter().filter(|byte| byte.is_ascii_alphanumeric()).count();
            count <= usize::from(shown) && literal.iter().all(|byte| bytes.contains(*byte))
        };
        if !regex.literals.is_empty() && !regex.literals.iter().any(possible) {
            return false;
        }
        let answer = || self.tables.get(finder).is_none_or(|table| may_match(table, bytes, shown));
        *self.finds.borrow_mut().entry((finder, shown, *bytes)).or_insert_with(answer)
    }

    /// Whether a regular expression finds something in `text` and would change it.
    fn changes(&self, finder: usize, text: &[u8]) -> bool {
        self.spans(finder, text).into_iter().any(|span| !self.unchanged(finder, text, span))
    }

    /// The matches of a regular expression in `text`, whatever stands beside it, that its own checks pass.
    fn spans(&self, finder: usize, text: &[u8]) -> Vec<(usize, usize)> {
        let mut spans = Vec::new();
        let (Some(rule), Some(regex)) = (self.rules.rules().get(finder), self.tables.regex(finder)) else {
            return spans;
        };
        let missing = |literal: &Vec<u8>| memchr::memmem::find(text, literal).is_none();
        if !self.is_on(finder) || !regex.literals.is_empty() && regex.literals.iter().all(missing) {
            return spans;
        }
        for start in 0..text.len() {
            let before = start.checked_sub(1).and_then(|at| text.get(at)).copied();
            let here = |known: &Option<u8>| before.is_none_or(|before| *known == Some(image::kind(before)));
            for known in BEFORE.into_iter().filter(here) {
                let end = regex.begin(known).and_then(|state| last_end(regex, state, text, start));
                let Some(end) = end else { continue };
                let span = regex.value.as_ref().map_or(start..end, |narrow| {
                    let behind: Vec<u8> = known.iter().chain(text.get(start..).unwrap_or_default()).copied().collect();
                    let at = usize::from(known.is_some());
                    let value = narrow.value(&behind, at, at + end - start);
                    value.start + start - at..value.end + start - at
                });
                if text.get(span.clone()).is_some_and(|value| passes_alone(&rule.checks, value)) {
                    spans.push((span.start, span.end));
                }
            }
        }
        spans
    }

    /// Whether what the finder puts in the place of this match is the match itself.
    fn unchanged(&self, finder: usize, text: &[u8], (start, end): (usize, usize)) -> bool {
        let (Some(rule), Some(value)) = (self.rules.rules().get(finder), text.get(start..end)) else { return true };
        let mut given = Vec::new();
        replace(self.actions.action(finder), &rule.entity, value, Extent::Whole, self.actions, &mut given);
        given == value && !matches!(self.actions.action(finder), Action::Block)
    }

    /// Whether a rule that is no regular expression finds all of `value`.
    fn detects(&self, rule: usize, value: &[u8]) -> bool {
        let whole = 0..value.len() as u64;
        self.findings(value, |index| index == rule).contains(&(rule, whole))
    }

    /// Detectors and lists that find something in `text`, as it stands in a stream.
    fn found_otherwise(&self, text: &[u8]) -> Vec<usize> {
        // The others were tried with every neighbour.
        let found = self.findings(text, |index| self.tables.regex(index).is_none() && self.is_on(index));
        let mut found: Vec<usize> = found.into_iter().map(|(rule, _)| rule).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// What the rules that `chosen` takes find in a text, with its place.
    fn findings(&self, text: &[u8], chosen: impl Fn(usize) -> bool) -> Vec<(usize, Range<u64>)> {
        let mut out = Output::default();
        let action = |index| if chosen(index) { Action::Observe } else { Action::Off };
        let actions = ActionTable::new((0..self.tables.len()).map(action).collect(), None);
        let mut redactor = StreamRedactor::new(Arc::clone(self.rules), Arc::new(actions));
        // Observing rules do not block.
        let _ = redactor.push_last(text, &mut out);
        out.findings.into_iter().map(|finding| (finding.rule, finding.span)).collect()
    }
}

/// The end of the longest match from `start` on, whatever follows the text.
fn last_end(regex: &Regex, mut state: StateID, text: &[u8], start: usize) -> Option<usize> {
    let mut end = None;
    for (at, byte) in text.iter().enumerate().skip(start) {
        match regex.step(state, *byte) {
            Stand::Dead => return end,
            Stand::Alive(next) => state = next,
            Stand::Matched(next) => (state, end) = (next, Some(at)),
        }
    }
    let ends = regex.end(state) || (0..=255).any(|byte| matches!(regex.step(state, byte), Stand::Matched(_)));
    if ends { Some(text.len()) } else { end }
}
