//! Two sets of rules in, what differs between them out: for each rule what was added, removed or changed.
//!
//! Patterns are compared as languages: the shortest text that one covers and the other does not is told. It is made from
//! the patterns alone, so it is nobody's data. Suppressed values and terms are counted, never shown.

use std::path::Path;

use crate::body::Direction;
use crate::engine::proof::lost;
use crate::engine::{Action, Keywords, Pattern, RuleId, RuleSpec, Suppression};
use crate::policy::actions::{Resolved, resolve};
use crate::policy::diagnostic::{Diagnostic, Place, Report, quoted_list};
use crate::policy::files::Disk;
use crate::policy::packs::{Assembly, assemble, assemble_bundled};
use crate::policy::rules::RuleShape;

/// One difference.
#[derive(Clone, Debug)]
pub struct RuleChange {
    /// The rule, or `threshold`.
    pub rule: RuleId,
    /// What became of it.
    pub what: Change,
    /// What that means.
    pub detail: String,
}

/// What became of a rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It says something else.
    Changed,
}

impl Change {
    /// As it is printed.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
        }
    }
}

/// Whether a name means a file, and no bundled pack.
#[must_use]
pub fn is_rules_path(name: &str) -> bool {
    name.contains(['/', '\\']) || Path::new(name).extension().is_some_and(|end| end == "toml")
}

/// Compares two rules files or packs: changed and removed rules in the order of the old, then the new ones.
///
/// # Errors
/// Every fault of the two at once.
pub fn diff_rules(old: &str, new: &str) -> Result<Vec<RuleChange>, Vec<Diagnostic>> {
    let mut report = Report::default();
    let mut read = |name: &str| match is_rules_path(name) {
        true => assemble(name.as_ref(), &Place::file(name.as_ref()), &mut Disk::default(), &mut report),
        false => assemble_bundled(name, &mut Disk::default(), &mut report),
    };
    let (old, new) = (read(old), read(new));
    if report.errors() > 0 {
        return Err(report.into_sorted());
    }
    for assembly in [&old, &new] {
        // What does not compile has no language.
        super::ruleset::Compiled::check(assembly, &mut report);
    }
    if report.errors() > 0 {
        return Err(report.into_sorted());
    }
    let mut changes = Vec::new();
    if old.threshold != new.threshold {
        let detail = format!("{} -> {}", old.threshold, new.threshold);
        changes.push(RuleChange { rule: RuleId::new("threshold"), what: Change::Changed, detail });
    }
    let of = |assembly: &Assembly, id: &RuleId| assembly.rules.iter().position(|rule| rule.spec.id == *id);
    for (index, rule) in old.rules.iter().enumerate() {
        let mut add = |what, detail| changes.push(RuleChange { rule: rule.spec.id.clone(), what, detail });
        match of(&new, &rule.spec.id).and_then(|place| Some((place, new.rules.get(place)?))) {
            None => add(Change::Removed, removed(rule, &new)),
            Some((place, now)) => {
                let details = changed(&rule.spec, &now.spec).into_iter().chain(actions([&old, &new], [index, place]));
                details.for_each(|detail| add(Change::Changed, detail));
            }
        }
    }
    for rule in new.rules.iter().filter(|rule| of(&old, &rule.spec.id).is_none()) {
        let detail = rule.spec.entity.to_string();
        changes.push(RuleChange { rule: rule.spec.id.clone(), what: Change::Added, detail });
    }
    Ok(changes)
}

/// What a rule that is gone leaves uncovered.
fn removed(rule: &RuleShape, new: &Assembly) -> String {
    let spec = &rule.spec;
    let stands_in = |other: &&RuleSpec| {
        other.entity == spec.entity
            && matches!(other.pattern, Pattern::Regex { .. })
            && other.keywords.is_none()
            && (other.validator.is_none() || other.validator == spec.validator)
    };
    let others: Vec<&RuleSpec> = new.rules.iter().map(|rule| &rule.spec).filter(stands_in).collect();
    match lost(spec, &others) {
        Some(Err(example)) => format!("{}: no longer covers {example}", spec.entity),
        Some(Ok(())) => format!("{}: other rules cover what it covered", spec.entity),
        None => format!("{}: what that leaves uncovered cannot be told", spec.entity),
    }
}

/// What a rule says otherwise, but for its action.
fn changed(old: &RuleSpec, new: &RuleSpec) -> Vec<String> {
    let mut found = Vec::new();
    let mut differs = |name: &str, old: String, new: String| {
        if old != new {
            found.push(format!("{name}: {old} -> {new}"));
        }
    };
    differs("entity", old.entity.to_string(), new.entity.to_string());
    let validator = |spec: &RuleSpec| spec.validator.map_or("none", |validator| validator.name()).to_owned();
    differs("validator", validator(old), validator(new));
    differs("confidence", old.confidence.to_string(), new.confidence.to_string());
    differs("priority", old.priority.to_string(), new.priority.to_string());
    let reach = |spec: &RuleSpec| {
        spec.keywords
            .as_ref()
            .map_or_else(|| "none".to_owned(), |one| format!("{} before, {} after", one.before, one.after))
    };
    differs("keywords", reach(old), reach(new));
    found.extend(words(old.keywords.as_ref(), new.keywords.as_ref()));
    found.extend(suppressions(&old.suppressions, &new.suppressions));
    found.extend(pattern(old, new));
    found
}

fn pattern(old: &RuleSpec, new: &RuleSpec) -> Vec<String> {
    match (&old.pattern, &new.pattern) {
        (Pattern::Regex { pattern: before, max_len: from }, Pattern::Regex { pattern: after, max_len: to }) => {
            let mut found = Vec::new();
            if from != to {
                let told = |len: &Option<usize>| len.map_or_else(|| "none".to_owned(), |len| len.to_string());
                found.push(format!("max_len: {} -> {}", told(from), told(to)));
            }
            if before != after {
                found.extend(languages(old, new));
            }
            found
        }
        (Pattern::Detector(before), Pattern::Detector(after)) if before == after => Vec::new(),
        (Pattern::Terms(before), Pattern::Terms(after)) if before == after => Vec::new(),
        (Pattern::Field { names: before, max_len: from }, Pattern::Field { names: after, max_len: to }) => {
            let only = |these: &[String], those: &[String], verb: &str| {
                let only: Vec<&str> = these.iter().filter(|name| !those.contains(name)).map(String::as_str).collect();
                (!only.is_empty()).then(|| format!("fields: {verb} {}", quoted_list(only)))
            };
            let told = |len: &Option<usize>| len.map_or_else(|| "1024".to_owned(), |len| len.to_string());
            let length = (told(from) != told(to)).then(|| format!("max_len: {} -> {}", told(from), told(to)));
            let names = [only(before, after, "no longer"), only(after, before, "now")];
            names.into_iter().chain([length]).flatten().collect()
        }
        (before, after) => vec![format!("{} -> {}", kind(before), kind(after))],
    }
}

/// Two expressions that are written differently, as languages.
fn languages(old: &RuleSpec, new: &RuleSpec) -> Vec<String> {
    let (stops, starts) = (lost(old, &[new]), lost(new, &[old]));
    if matches!((&stops, &starts), (Some(Ok(())), Some(Ok(())))) {
        return vec!["pattern: written otherwise, covers the same".to_owned()];
    }
    let told = |side: Option<Result<(), _>>, verb: &str| match side {
        Some(Ok(())) => None,
        Some(Err(example)) => Some(format!("pattern: {verb} covers {example}")),
        None => Some(format!("pattern: too large to tell what it {verb} covers")),
    };
    told(stops, "no longer").into_iter().chain(told(starts, "now")).collect()
}

fn kind(pattern: &Pattern) -> String {
    match pattern {
        Pattern::Detector(detector) => format!("detector {}", detector.name()),
        Pattern::Regex { .. } => "pattern".to_owned(),
        Pattern::Terms(list) => format!("list of {} terms", list.len()),
        Pattern::Field { names, .. } => format!("{} fields", names.len()),
        Pattern::External => "external".to_owned(),
    }
}

fn words(old: Option<&Keywords>, new: Option<&Keywords>) -> Vec<String> {
    let of = |keywords: Option<&Keywords>| keywords.map(|keywords| keywords.words.clone()).unwrap_or_default();
    let (old, new) = (of(old), of(new));
    let only = |these: &[String], those: &[String], verb: &str| {
        let only: Vec<&str> = these.iter().filter(|word| !those.contains(word)).map(String::as_str).collect();
        (!only.is_empty()).then(|| format!("keywords: {verb} {}", quoted_list(only)))
    };
    only(&old, &new, "without").into_iter().chain(only(&new, &old, "with")).collect()
}

fn suppressions(old: &[Suppression], new: &[Suppression]) -> Option<String> {
    let only = |these: &[Suppression], those: &[Suppression]| these.iter().filter(|one| !those.contains(one)).count();
    let (gone, come) = (only(old, new), only(new, old));
    (gone + come > 0).then(|| format!("allowed values: {gone} fewer, {come} more"))
}

/// How a rule's effective actions differ: outside any route, in each route that a scope names, and at JSON paths.
fn actions(assemblies: [&Assembly; 2], places: [usize; 2]) -> Vec<String> {
    let mut routes: Vec<Option<&str>> = vec![None];
    for (name, _) in assemblies.iter().flat_map(|one| &one.scopes).flat_map(|scope| &scope.routes) {
        if !routes.contains(&Some(name.as_str())) {
            routes.push(Some(name));
        }
    }
    let mut found: Vec<String> = Vec::new();
    for route in routes {
        let of = |direction| assemblies.map(|assembly| resolve(assembly, route, direction));
        let ways = [("requests", of(Direction::Request)), ("responses", of(Direction::Response))];
        let base = |one: &Resolved, place: usize| told(&one.base(place));
        let turns: Vec<(&str, String, String)> = ways
            .iter()
            .map(|(way, [old, new])| (*way, base(old, places[0]), base(new, places[1])))
            .filter(|(_, old, new)| old != new)
            .collect();
        let inside = route.map_or_else(String::new, |route| format!(" of route {route}"));
        let mut say = |way: &str, old: &str, new: &str| {
            let line = format!("action{way}{inside}: {old} -> {new}");
            let general = format!("action{way}: {old} -> {new}");
            if !found.contains(&general) && !found.contains(&line) {
                found.push(line);
            }
        };
        match turns.as_slice() {
            [(_, old, new), (_, also_old, also_new)] if (old, new) == (also_old, also_new) => say("", old, new),
            turns => turns.iter().for_each(|(way, old, new)| say(&format!(" in {way}"), old, new)),
        }
        let at_paths = |[old, new]: &[Resolved; 2]| old.at_paths(places[0]) != new.at_paths(places[1]);
        if ways.iter().any(|(_, pair)| at_paths(pair)) {
            found.push(format!("action{inside}: differs at JSON paths"));
        }
    }
    found
}

fn told(action: &Action) -> String {
    match action {
        Action::Replace(text) => format!("replace {text:?}"),
        other => other.name().to_owned(),
    }
}
