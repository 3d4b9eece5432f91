//! The rules in force as a table or as JSON lines, those that are off among them with the reason.

use std::fmt::Write as _;
use std::io;

use serde_json::json;

use super::{Active, ListStyle};
use crate::cli::check::count_of;
use crate::cli::{Code, Failure, say};
use crate::engine::{Action, Cost};
use crate::policy::{OffReason, RuleState};

const HEAD: [&str; 8] = ["RULE", "ENTITY", "ACTION", "VALIDATOR", "COST", "CONFIDENCE", "HOLD-BACK", "STATE"];
/// Columns of numbers: they stand at their right edge.
const NUMBERS: [usize; 2] = [5, 6];

/// Prints the rules.
pub(super) fn list(active: &Active, style: ListStyle) -> Result<Code, Failure> {
    match style {
        ListStyle::Text => table(active),
        ListStyle::Json => lines(active),
    }
}

fn table(active: &Active) -> Result<Code, Failure> {
    let mut out = io::stdout().lock();
    let mut rows = vec![HEAD.map(str::to_owned)];
    rows.extend(active.catalogue.iter().map(|rule| {
        [
            rule.id.to_string(),
            rule.entity.to_string(),
            action(rule),
            rule.validator.map_or_else(|| "-".to_owned(), |validator| validator.name().to_owned()),
            cost(rule.cost).to_owned(),
            rule.confidence.to_string(),
            rule.holdback.to_string(),
            state(rule),
        ]
    }));
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(String::len).max().unwrap_or(0);
    let widths: [usize; HEAD.len()] = std::array::from_fn(width);
    for row in &rows {
        let mut line = String::new();
        for (at, (cell, width)) in row.iter().zip(widths).enumerate() {
            // Writing to a string does not fail.
            let _ = match NUMBERS.contains(&at) {
                true => write!(line, "{cell:>width$}  "),
                false => write!(line, "{cell:<width$}  "),
            };
        }
        say(&mut out, format_args!("{}", line.trim_end()))?;
    }
    let off = active.catalogue.iter().filter(|rule| rule.off.is_some()).count();
    let rules = count_of(active.catalogue.len() - off, "rule");
    let off = if off == 0 { String::new() } else { format!(", {off} off") };
    say(&mut out, format_args!("{rules}{off}, at most {} bytes held back", active.rules.holdback()))?;
    Ok(Code::Fine)
}

fn lines(active: &Active) -> Result<Code, Failure> {
    let mut out = io::stdout().lock();
    for rule in active.catalogue.iter() {
        let object = json!({
            "rule": rule.id.as_str(),
            "entity": rule.entity.as_str(),
            "request": told(&rule.request),
            "response": told(&rule.response),
            "validator": rule.validator.map(|validator| validator.name()),
            "cost": cost(rule.cost),
            "confidence": rule.confidence,
            "holdback": rule.holdback,
            "on": rule.off.is_none(),
            "off": rule.off.map(reason),
        });
        say(&mut out, format_args!("{object}"))?;
    }
    Ok(Code::Fine)
}

fn action(rule: &RuleState) -> String {
    match rule.request == rule.response {
        true => told(&rule.request),
        false => format!("{} / {}", told(&rule.request), told(&rule.response)),
    }
}

fn told(action: &Action) -> String {
    match action {
        Action::Replace(text) => format!("replace {text:?}"),
        other => other.name().to_owned(),
    }
}

fn state(rule: &RuleState) -> String {
    rule.off.map_or_else(|| "on".to_owned(), |off| format!("off: {}", reason(off)))
}

fn reason(off: OffReason) -> String {
    match off {
        OffReason::Threshold(threshold) => format!("confidence below the threshold of {threshold}"),
        OffReason::Action => "by its action".to_owned(),
    }
}

fn cost(cost: Cost) -> &'static str {
    match cost {
        Cost::Field => "field",
        Cost::Detector => "detector",
        Cost::Literal => "literal",
        Cost::Terms => "terms",
        Cost::Hashes => "hashes",
        Cost::Start => "every byte",
        Cost::External => "external",
    }
}
