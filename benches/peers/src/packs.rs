//! Rule sets of the rows: bundled packs, and rules as users write them.

use std::sync::Arc;

use blackbar::body::{Direction, Scopes};
use blackbar::engine::{RuleSpec, StreamRedactor};
use blackbar::policy;

use crate::corpus::{Random, SEED};
use crate::rules::regex;

/// The rules of a bundled pack or collection, with their actions for requests.
pub fn bundled(name: &str) -> Result<Arc<Scopes>, String> {
    from_file(name, &format!("version = 1\npacks = [\"{name}\"]\n"))
}

/// The rules of a rules file given as text.
pub fn from_file(name: &str, text: &str) -> Result<Arc<Scopes>, String> {
    let path = std::env::temp_dir().join(format!("blackbar-peers-{}-{name}.toml", std::process::id()));
    std::fs::write(&path, text).map_err(|error| error.to_string())?;
    let loaded = policy::load_rules(Some(&path));
    let _ = std::fs::remove_file(&path);
    let rules = loaded
        .map_err(|diagnostics| diagnostics.iter().map(|diagnostic| format!("{diagnostic}\n")).collect::<String>())?;
    Ok(Arc::clone(rules.scopes(Direction::Request)))
}

/// A redactor with these rules.
pub fn redactor(scopes: &Scopes) -> StreamRedactor {
    StreamRedactor::new(Arc::clone(&scopes.rules), Arc::clone(&scopes.actions))
}

/// Rules as users write them: a literal of their own and what follows it.
pub fn users(count: usize) -> Vec<RuleSpec> {
    let mut random = Random::new(SEED);
    (0..count)
        .map(|number| {
            let literal = match number % 4 {
                0 => random.string(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", 4) + "-",
                1 => random.string(b"abcdefghijklmnopqrstuvwxyz", 5) + "_",
                2 => random.string(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", 3) + "/",
                _ => random.string(b"abcdefghijklmnopqrstuvwxyz", 3) + "id:",
            };
            let rest = ["[0-9]{6}", "[A-Z0-9]{8,12}", "[a-f0-9]{16}", "[0-9]{4}-[0-9]{4}"][number / 4 % 4];
            regex(&format!("user.r{number}"), &format!(r"\b{literal}{rest}\b"))
        })
        .collect()
}
