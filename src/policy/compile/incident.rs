//! `[incident]` in, the folder of stopped workspaces out; and what stopping one needs of a configuration that does not load.

use std::path::{Path, PathBuf};

use crate::policy::AuditSettings;
use crate::policy::credentials::{Inspector, Named};
use crate::policy::diagnostic::{Place, Report};
use crate::policy::files::{Disk, Fields, beside, walk};

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

/// As much of a configuration as stopping a workspace needs. No rules, certificates or routes are read for it.
#[derive(Debug)]
pub struct Outline {
    /// The folder of stopped workspaces.
    pub incident: PathBuf,
    /// Where it is recorded; none where there is no `[audit]`, or where that is not as it should be.
    pub audit: Option<AuditSettings>,
    /// Whether there is an `[audit]`.
    pub wants_audit: bool,
    /// The names of the workspaces.
    pub workspaces: Vec<String>,
}

/// Reads what stopping a workspace needs, whatever else is wrong with a configuration; none where it is no TOML, or does not
/// say which folder it is.
#[must_use]
pub fn outline(config: &Path) -> Option<Outline> {
    let (mut disk, mut report) = (Disk::default(), Report::default());
    let source = disk.source(config, &Place::file(config), &mut report)?;
    let read = |mut fields: Fields<'_>, report: &mut Report| {
        let before = report.errors();
        let incident = folder(&mut fields, report);
        if report.errors() > before {
            return None;
        }
        let named = |mut table: Fields<'_>| table.text("name", &mut Report::default()).map(str::to_owned);
        let workspaces = fields.tables("workspace", "[[workspace]]", report).into_iter().filter_map(named).collect();
        let wants_audit = fields.has("audit");
        let audit = fields.value("audit").and_then(|value| value.table("[audit]", report));
        let mut inspector = Inspector { disk: &mut disk, report, strict: false, now: super::now() };
        let audit = audit.and_then(|table| super::audit::audit(table, &mut inspector));
        Some(Outline { incident, audit, wants_audit, workspaces })
    };
    walk(&source, &mut report, read).flatten()
}
