//! Proofs of an assembly's rules in, diagnostics out: what is wrong is an error, what is weak or dear a warning.

use std::sync::Arc;

use crate::body::Direction;
use crate::engine::proof::{Check, Example, Fault, LIMIT, Proof, prove};
use crate::engine::{Cost, RuleSet};
use crate::policy::actions::{Tables, resolve};
use crate::policy::diagnostic::Report;
use crate::policy::packs::Assembly;
use crate::policy::rules::RuleShape;

/// An automaton of more bytes takes longer than 50 ms to compile.
const SLOW: usize = 4 << 20;

/// What was proven of rules.
#[derive(Clone, Debug)]
pub struct ProofCount {
    /// What was checked.
    pub check: Check,
    /// For how many rules it was proven.
    pub proven: usize,
    /// For how many it could not be decided.
    pub open: usize,
    /// For how many it is wrong.
    pub wrong: usize,
}

/// Proves what can be proven of the rules that `asked` takes; what is wrong with them is reported.
pub(super) fn prove_rules(
    assembly: &Assembly,
    rules: &Arc<RuleSet>,
    asked: impl Fn(&RuleShape) -> bool,
    report: &mut Report,
) -> Vec<ProofCount> {
    let chosen: Vec<bool> = assembly.rules.iter().map(&asked).collect();
    let chosen = |index: usize| chosen.get(index).copied().unwrap_or(false);
    let mut tables = Tables::new(Arc::clone(rules), None);
    let request = tables.scopes(&resolve(assembly, None, Direction::Request));
    let response = tables.scopes(&resolve(assembly, None, Direction::Response));
    let proof = prove(rules, &request.actions, chosen, LIMIT);
    tell(&proof, assembly, rules, report);
    if !Arc::ptr_eq(&request.actions, &response.actions) {
        // What differs by direction is what takes a finding's place; said once where it is the same.
        tell(&prove(rules, &response.actions, chosen, LIMIT), assembly, rules, report);
    }
    for (shape, rule) in assembly.rules.iter().zip(rules.rules()).filter(|(shape, _)| asked(shape)) {
        if rule.cost == Cost::Start && shape.spec.keywords.is_none() {
            let message = format!("rule {} is costly: it begins with no fixed text, so every byte is tried", rule.id);
            let help =
                "begin the pattern with fixed characters, like `EMP-`, or ask for a word before it with `keywords`";
            report.warning(&shape.places.pattern, "cost", message).help(help);
        }
        if rule.automaton_size() > SLOW {
            let size = rule.automaton_size().div_ceil(1 << 10);
            let message = format!("rule {} is slow to compile: its automaton has {size} KiB", rule.id);
            report
                .warning(&shape.places.pattern, "cost", message)
                .help("lower its repetitions, or ask for ASCII: [0-9] for \\d");
        }
    }
    count(&proof)
}

fn count(proof: &Proof) -> Vec<ProofCount> {
    let of = |fault: &Fault| match fault {
        Fault::Anchor { .. } => Some(Check::Anchor),
        Fault::TooShort { .. } | Fault::NeverMatches => Some(Check::Holdback),
        Fault::Again { .. } => Some(Check::Replacement),
        Fault::Shadowed { .. } => Some(Check::Shadow),
        Fault::TooLong { .. } | Fault::InsideWords { .. } | Fault::NotProven(_) => None,
    };
    let wrong = |check: Check| {
        let mut rules: Vec<usize> =
            proof.faults.iter().filter(|(_, fault)| of(fault) == Some(check)).map(|(rule, _)| *rule).collect();
        rules.dedup();
        rules.len()
    };
    let counts = Check::ALL.into_iter().zip(proof.proven).zip(proof.open);
    counts.map(|((check, proven), open)| ProofCount { check, proven, open, wrong: wrong(check) }).collect()
}

/// What is found again, by the rule that finds it: one that finds whatever stands before it finds all replacements.
fn tell_again(proof: &Proof, assembly: &Assembly, rules: &RuleSet, report: &mut Report) {
    let mut finders: Vec<(usize, Vec<(usize, &Example)>)> = Vec::new();
    for (rule, fault) in &proof.faults {
        let Fault::Again { by, replacement } = fault else { continue };
        match finders.iter_mut().find(|(finder, _)| finder == by) {
            Some((_, list)) => list.push((*rule, replacement)),
            None => finders.push((*by, vec![(*rule, replacement)])),
        }
    }
    let name = |index: usize| rules.rules().get(index).map_or("?", |rule| rule.id.as_str());
    for (finder, found) in finders {
        let Some((first, example)) = found.first() else { continue };
        let Some(shape) = assembly.rules.get(*first) else { continue };
        let mut others: Vec<usize> = found.iter().map(|(rule, _)| *rule).collect();
        others.dedup();
        let (who, whose) = match others.len() - 1 {
            0 => (name(*first).to_owned(), "its"),
            more => (format!("{} and {more} more", name(*first)), "their"),
        };
        let message =
            format!("rule {who}: what takes {whose} place, like {example}, is found again by {}", name(finder));
        let help = "narrow that rule, or change the action of one of the two";
        report.warning(&shape.places.pattern, "replacement", message).help(help);
    }
}

fn tell(proof: &Proof, assembly: &Assembly, rules: &RuleSet, report: &mut Report) {
    tell_again(proof, assembly, rules, report);
    let name = |index: &usize| rules.rules().get(*index).map_or("?", |rule| rule.id.as_str());
    for (index, fault) in &proof.faults {
        let Some(shape) = assembly.rules.get(*index) else { continue };
        let (place, id) = (&shape.places.pattern, &shape.spec.id);
        match fault {
            Fault::Anchor { anchor, example } => {
                let message = format!("rule {id}: the {anchor} that the scan waits for miss {example}");
                report.error(place, "proof", message).help("this is a fault of the program: report it");
            }
            Fault::TooShort { stated, longest } => {
                let longest = longest.map_or_else(|| "of any length".to_owned(), |bytes| format!("of {bytes} bytes"));
                let message = format!("rule {id}: a match {longest} is longer than the {stated} bytes that are held");
                report.error(place, "proof", message).help("this is a fault of the program: report it");
            }
            Fault::TooLong { stated, longest } => {
                let message =
                    format!("rule {id}: no match is longer than {longest} bytes, though the pattern allows {stated}");
                let help = "of alternatives the first that matches counts: write the longer one first";
                report.note(place, "hold-back", message).help(help);
            }
            Fault::NeverMatches => {
                let message = format!("rule {id}: no text matches the pattern");
                report.error(place, "proof", message).help("look at its \\b, ^ and $");
            }
            Fault::Again { .. } => {}
            Fault::Shadowed { by } => {
                let message =
                    format!("rule {id} never wins: {} finds everything that it finds, and comes first", name(by));
                report.warning(place, "shadow", message).help("remove one of the two, or give this one a priority");
            }
            Fault::InsideWords { example } => {
                let message = format!("rule {id} matches inside ordinary words: {example}");
                let help = "put \\b round it, or ask for a word before it with `keywords`";
                report.warning(place, "inside-words", message).help(help);
            }
            Fault::NotProven(check) => {
                let message = format!("rule {id}: {} not proven: the search grew too large", check.name());
                report.warning(place, "proof", message).help("lower the repetitions of long patterns");
            }
        }
    }
}
