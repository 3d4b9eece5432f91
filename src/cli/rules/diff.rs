//! What a change of rules starts and stops covering: two rule files or packs in, one line for each difference out.

use std::io;

use crate::cli::{Code, Failure, say};
use crate::policy::{self, RuleChange};

/// Prints what differs; exit 1 if anything does.
pub(super) fn diff(old: &str, new: &str) -> Result<Code, Failure> {
    for name in [old, new] {
        if policy::is_rules_path(name) {
            super::readable(name.as_ref())?;
        } else if !policy::is_pack(name) {
            let message = format!("{name} is neither a bundled pack nor a file: name a file like \"./{name}\"");
            return Err(Failure::failed(message));
        }
    }
    let changes = policy::diff_rules(old, new).map_err(|faults| Failure::invalid(&faults))?;
    let mut out = io::stdout().lock();
    for RuleChange { rule, what, detail } in &changes {
        say(&mut out, format_args!("{:<8} {rule}  {detail}", what.name()))?;
    }
    Ok(if changes.is_empty() { Code::Fine } else { Code::Refused })
}
