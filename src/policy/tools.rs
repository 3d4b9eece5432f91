//! `tools` and `[[tool]]` of a rules file in, the rules of tool calls out.

use crate::engine::{ToolRule, ToolRules, ToolVerdict};

use super::diagnostic::{Place, Report, quote};
use super::files::{Fields, Value};
use super::rules::unknown_name;

/// Most `[[tool]]` tables of a file.
const TOOLS: usize = 1024;
/// Longest name and longest expression, in bytes.
const NAME: usize = 256;
const PATTERN: usize = 16 << 10;

/// Reads what a file says of tools, and where; none where it says nothing.
pub(super) fn read(fields: &mut Fields<'_>, report: &mut Report) -> Option<(ToolRules, Place)> {
    let rest = fields.value("tools");
    let place = rest.map(|value| value.place()).or_else(|| fields.has("tool").then(|| fields.value_place("tool")));
    let otherwise = rest.and_then(|value| verdict(&value, report)).unwrap_or(ToolVerdict::Allow);
    let tables = fields.tables("tool", "[[tool]]", report);
    if tables.len() > TOOLS {
        let message = format!("more than {TOOLS} [[tool]] tables");
        report.error(&fields.value_place("tool"), "out-of-range", message).help("name several tools with a final `*`");
    }
    let rules = tables.into_iter().filter_map(|table| rule(table, report)).collect();
    Some((ToolRules::new(rules, otherwise), place?))
}

fn rule(mut fields: Fields<'_>, report: &mut Report) -> Option<ToolRule> {
    let name = fields.wanted("name", "name the tool, like name = \"send_email\", or several with a final `*`", report);
    let name = name.and_then(|value| self::name(&value, report));
    let arguments = fields.value("arguments");
    let action = fields.wanted("action", "say action = \"allow\", \"hold\" or \"block\"", report);
    let action = action.and_then(|value| verdict(&value, report));
    fields.text("description", report);
    fields.finish(report);
    let pattern = match &arguments {
        Some(value) => Some(value.text(report)?),
        None => None,
    };
    let (name, action) = (name?, action?);
    if let Some(value) = arguments.filter(|_| pattern.is_some_and(|pattern| pattern.len() > PATTERN)) {
        let message = format!("an expression has at most {PATTERN} bytes");
        report.error(&value.place(), "out-of-range", message).help("make several [[tool]] tables of it");
        return None;
    }
    match ToolRule::new(name, pattern, action) {
        Ok(rule) => Some(rule),
        Err(reason) => {
            if let Some(value) = arguments {
                let reason = reason.lines().last().unwrap_or_default().trim().trim_start_matches("error: ").to_owned();
                let help = "see the syntax of Rust's regex crate; it has no look-around and no back-references";
                report.error(&value.place(), "pattern", format!("tool {}: {reason}", quote(name))).help(help);
            }
            None
        }
    }
}

fn name<'a>(value: &Value<'a>, report: &mut Report) -> Option<&'a str> {
    let name = value.text(report)?;
    let stem = name.strip_suffix('*').unwrap_or(name);
    if name.is_empty() || name.len() > NAME || stem.contains('*') || name.chars().any(char::is_control) {
        let message = format!("{} is no name of a tool", quote(name));
        report
            .error(&value.place(), "name-form", message)
            .help("write it as the model does; a `*` stands only at its end");
        return None;
    }
    Some(name)
}

fn verdict(value: &Value<'_>, report: &mut Report) -> Option<ToolVerdict> {
    match value.text(report)? {
        "allow" => Some(ToolVerdict::Allow),
        // As the action of rules is called.
        "hold" | "quarantine" => Some(ToolVerdict::Hold),
        "block" => Some(ToolVerdict::Block),
        other => {
            let known = ["allow", "hold", "block"];
            unknown_name("action of tools", other, known.into_iter(), &value.place(), report);
            None
        }
    }
}
