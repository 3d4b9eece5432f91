//! `[incident]` in, the folder of stopped workspaces out.

use std::path::PathBuf;

use crate::policy::credentials::Named;
use crate::policy::diagnostic::Report;
use crate::policy::files::{Fields, beside};

/// The folder that `[incident]` names; `incident` beside the configuration where it names none.
pub(super) fn folder(fields: &mut Fields<'_>, report: &mut Report) -> PathBuf {
    let file = fields.source().path();
    let usual = beside(file, "incident");
    let Some(mut table) = fields.value("incident").and_then(|value| value.table("[incident]", report)) else {
        return usual;
    };
    let named = table.value("directory").and_then(|value| Named::read(&value, file, report));
    table.finish(report);
    named.map_or(usual, |named| named.path)
}
