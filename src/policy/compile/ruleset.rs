//! An assembly of rules in, a compiled rule set and its tables of actions out.
//!
//! What the engine refuses is reported where the rule is written. A rule's examples are tried with that rule alone
//! switched on, so that an overlap with another rule does not hide a fault. What can be proven of them is (`proofs`).

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use crate::body::{Direction, Scopes};
use crate::engine::{
    Action, ActionTable, BuildError, BuildErrorKind, CompiledRules, HashKey, Output, Pattern, RuleId, RuleSet, Scoring,
    StreamRedactor,
};
use crate::policy::actions::{Resolved, Tables, resolve};
use crate::policy::diagnostic::{Diagnostic, Place, Report};
use crate::policy::packs::Assembly;
use crate::policy::rules::RuleShape;

use super::catalogue::RuleState;
use super::proofs::{ProofCount, prove_rules};

/// Rules compiled, with what is needed to resolve their actions.
#[derive(Debug)]
pub(crate) struct Compiled {
    assembly: Assembly,
    rules: CompiledRules,
    /// The sets that were put together of them, by the rules that do something: workspaces of the same rules share them.
    sets: RefCell<HashMap<Vec<bool>, Arc<RuleSet>>>,
    /// The examples of each rule: workspaces of the same rules share them.
    examples: Vec<Arc<[String]>>,
}

/// The rules that do something, with their actions.
#[derive(Debug)]
pub(crate) struct Bound {
    /// The rules.
    pub(crate) rules: Arc<RuleSet>,
    /// The actions of each route that was asked for: request, response.
    pub(crate) scopes: Vec<[Arc<Scopes>; 2]>,
    /// Every rule, those that are off among them.
    pub(crate) catalogue: Arc<[RuleState]>,
}

/// One rule's examples, tried.
#[derive(Clone, Debug)]
pub struct RuleTest {
    /// The rule.
    pub rule: RuleId,
    /// How many examples and counterexamples it has.
    pub cases: usize,
    /// The cases that went wrong, each at its place.
    pub failures: Vec<Diagnostic>,
}

/// Compiles an assembly and tries the examples of its users' rules; none where anything in it is wrong.
pub(crate) fn compile(assembly: Assembly, report: &mut Report) -> Option<Compiled> {
    let errors = report.errors();
    let compiled = Compiled::build(assembly, report)?;
    if compiled.assembly.rules.iter().any(|shape| !shape.places.bundled) {
        compiled.try_examples(|shape| !shape.places.bundled, report);
        compiled.prove(|shape| !shape.places.bundled, report);
    }
    (report.errors() == errors).then_some(compiled)
}

fn build_error(fault: &BuildError, rules: &[RuleShape], report: &mut Report) {
    let Some(shape) = rules.iter().find(|shape| shape.spec.id == fault.rule) else {
        report.error(&Place::file(std::path::Path::new("rules")), "pattern", one_line(&fault.to_string()));
        return;
    };
    let stated = matches!(
        &shape.spec.pattern,
        Pattern::Regex { max_len: Some(_), .. } | Pattern::Field { max_len: Some(_), .. }
    );
    let (place, help) = match &fault.kind {
        BuildErrorKind::Syntax(_) => (
            &shape.places.pattern,
            "see the syntax of Rust's regex crate; it has no look-around and no back-references",
        ),
        BuildErrorKind::MatchesEmpty => (&shape.places.pattern, "make something in it obligatory, like `+` for `*`"),
        BuildErrorKind::Unbounded => (&shape.places.pattern, "write {1,64} for + and *, or add max_len = 64"),
        BuildErrorKind::TooLong { .. } if stated => (&shape.places.pattern, "lower max_len"),
        BuildErrorKind::TooLong { .. } => (&shape.places.pattern, "lower its repetitions"),
        BuildErrorKind::TooLarge { .. } => (&shape.places.pattern, "lower its repetitions, or split it into two rules"),
        BuildErrorKind::Groups => {
            (&shape.places.pattern, "write (?:…) for every group but the one that is the finding")
        }
        BuildErrorKind::EmptyValue => {
            (&shape.places.pattern, "make something in the group obligatory, like `+` for `*`")
        }
        BuildErrorKind::Keywords => (&shape.places.keywords, "write { words = [\"employee\"], within = 40 }"),
        BuildErrorKind::Term => (&shape.places.pattern, "remove the term from the list"),
        BuildErrorKind::Field => (&shape.places.pattern, "name fields, like fields = [\"password\"]"),
    };
    report.error(place, "pattern", one_line(&fault.to_string())).help(help);
}

/// The parser draws its message over several lines; the last says it in words.
fn one_line(message: &str) -> String {
    let reason = message.lines().last().and_then(|line| line.trim().strip_prefix("error: "));
    match (reason, message.lines().next()) {
        (Some(reason), Some(first)) if message.lines().count() > 1 => {
            let head = first.rsplit_once(": ").map_or(first, |(head, _)| head);
            format!("{head}: {reason}")
        }
        _ => message.split_whitespace().collect::<Vec<_>>().join(" "),
    }
}

impl Compiled {
    /// The rules of an assembly, compiled; what the engine refuses is reported.
    pub(super) fn check(assembly: &Assembly, report: &mut Report) -> Option<CompiledRules> {
        let specs = assembly.rules.iter().map(|rule| rule.spec.clone()).collect();
        let tell =
            |faults: Vec<BuildError>| faults.iter().for_each(|fault| build_error(fault, &assembly.rules, report));
        CompiledRules::compile(specs).map_err(tell).ok()
    }

    /// Compiles an assembly; what the engine refuses is reported.
    pub(crate) fn build(assembly: Assembly, report: &mut Report) -> Option<Self> {
        let rules = Self::check(&assembly, report)?;
        let texts = |shape: &RuleShape| shape.examples.iter().map(|(text, _)| text.clone()).collect();
        let examples = assembly.rules.iter().map(texts).collect();
        Some(Self { assembly, rules, sets: RefCell::default(), examples })
    }

    /// The set of the rules that are `kept`.
    fn set(&self, kept: &[bool]) -> Arc<RuleSet> {
        let mut sets = self.sets.borrow_mut();
        let kept_at = |index: usize| kept.get(index).copied().unwrap_or(false);
        let made = || Arc::new(self.rules.set_of(kept_at));
        Arc::clone(sets.entry(kept.to_vec()).or_insert_with(made))
    }

    /// The set of all rules.
    fn whole(&self) -> Arc<RuleSet> {
        self.set(&vec![true; self.assembly.rules.len()])
    }

    /// Proves what can be proven of the rules that `chosen` takes.
    pub(crate) fn prove(&self, chosen: impl Fn(&RuleShape) -> bool, report: &mut Report) -> Vec<ProofCount> {
        prove_rules(&self.assembly, &self.whole(), chosen, report)
    }

    /// The first place that asks for an action that needs a workspace's key, and the action.
    pub(crate) fn keyed(&self) -> Option<&(Place, &'static str)> {
        self.assembly.keyed.as_ref()
    }

    /// The rules that do something, and their actions for each of `routes`; the keys are for `hash` and for fingerprints.
    pub(crate) fn bind(&self, routes: &[Option<&str>], key: Option<HashKey>, fingerprints: Option<HashKey>) -> Bound {
        let rules = &self.assembly.rules;
        let of = |route, direction| resolve(&self.assembly, route, direction);
        let mut resolved: Vec<[Resolved; 2]> =
            routes.iter().map(|route| [of(*route, Direction::Request), of(*route, Direction::Response)]).collect();
        let used = |index| resolved.iter().flatten().any(|one| one.uses(index));
        let kept: Vec<bool> = (0..rules.len()).map(used).collect();
        let base = [of(None, Direction::Request), of(None, Direction::Response)];
        let compiled = rules.iter().zip(self.rules.rules()).zip(self.examples.iter().zip(&kept)).enumerate();
        let state = |(index, ((shape, rule), (examples, used))): (usize, ((&RuleShape, _), (_, &bool)))| {
            RuleState::new(shape, rule, self.assembly.threshold, &base, (index, *used), examples)
        };
        let catalogue = compiled.map(state).collect();
        if kept.contains(&false) {
            resolved.iter_mut().flatten().for_each(|one| one.keep(&kept));
        }
        let set = self.set(&kept);
        let weights = rules.iter().zip(&kept).filter(|(_, kept)| **kept).map(|(shape, _)| shape.score);
        let scoring = self.assembly.block_score.as_ref().map(|(most, _)| Scoring::new(weights.collect(), *most));
        let tables = Tables::new(Arc::clone(&set), key).with_fingerprints(fingerprints);
        let mut tables = tables.guarded(scoring, self.assembly.tools.clone());
        let scopes =
            resolved.iter().map(|[request, response]| [tables.scopes(request), tables.scopes(response)]).collect();
        Bound { rules: set, scopes, catalogue }
    }

    /// Tries the examples of the rules that `chosen` takes.
    pub(crate) fn try_examples(&self, chosen: impl Fn(&RuleShape) -> bool, report: &mut Report) -> Vec<RuleTest> {
        let mut tests = Vec::new();
        for (index, shape) in self.assembly.rules.iter().enumerate().filter(|(_, shape)| chosen(shape)) {
            let mut own = Report::default();
            self.try_rule(index, shape, &mut own);
            let failures = own.into_sorted();
            report.extend(&failures);
            let cases = shape.examples.len() + shape.counterexamples.len();
            tests.push(RuleTest { rule: shape.spec.id.clone(), cases, failures });
        }
        tests
    }

    fn try_rule(&self, index: usize, shape: &RuleShape, report: &mut Report) {
        if shape.examples.is_empty() && shape.counterexamples.is_empty() {
            return;
        }
        let mut actions = vec![Action::Off; self.assembly.rules.len()];
        if let Some(own) = actions.get_mut(index) {
            *own = Action::Observe;
        }
        let actions = Arc::new(ActionTable::new(actions, None));
        let found = |text: &str| {
            let mut redactor = StreamRedactor::new(self.whole(), Arc::clone(&actions));
            let mut out = Output::default();
            let text = match &shape.spec.pattern {
                // A field is written with its name before it.
                Pattern::Field { .. } => {
                    let (name, value) = text.split_once(": ").unwrap_or(("", text));
                    redactor.begin_labelled(&actions, name.as_bytes());
                    value
                }
                Pattern::Detector(_) | Pattern::Regex { .. } | Pattern::Terms(_) | Pattern::External => text,
            };
            let ended = redactor.push(text.as_bytes(), &mut out).and_then(|()| redactor.finish(&mut out));
            ended.is_err() || out.findings.iter().any(|finding| finding.rule == index)
        };
        for (at, (text, place)) in shape.examples.iter().enumerate() {
            if !found(text) {
                let message = format!("rule {}: example {} has no finding", shape.spec.id, at + 1);
                report.error(place, "example", message).help("change the example or the rule");
            }
        }
        for (at, (text, place)) in shape.counterexamples.iter().enumerate() {
            if found(text) {
                let message = format!("rule {}: counterexample {} has a finding", shape.spec.id, at + 1);
                report.error(place, "example", message).help("change the counterexample or the rule");
            }
        }
    }
}
