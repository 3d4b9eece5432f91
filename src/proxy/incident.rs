//! Workspaces that are stopped, whatever the configuration says.
//!
//! Enters: a folder in which each stopped workspace has a file, which `blackbar incident freeze` writes, and each that may go
//! on again another one, which `incident thaw` writes behind its record. Leaves: who is stopped, within half a second, for
//! every proxy that looks into the folder, and after a restart too. A folder that cannot be read any more, is away, was
//! made anew or has lost a file frees nobody: who was stopped last is kept beside the audit log, and stays so until the
//! folder says that he may go on.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::policy::is_name;
use crate::telemetry::Telemetry;

use super::Shared;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(250);
/// Where it is kept, in the folder of the audit log, who was stopped when the folder of incidents was last seen.
const KEPT: &str = "stopped";
/// The most bytes of that file.
const KEPT_BYTES: u64 = 4 << 20;
/// How a stopped workspace's file ends.
pub const FROZEN: &str = "frozen";
/// How the file of one that was stopped and may go on ends.
pub const THAWED: &str = "thawed";

/// The workspaces that are stopped.
#[derive(Default, Debug)]
pub(crate) struct Frozen(ArcSwap<BTreeSet<String>>);

/// What would say who is stopped cannot be read.
#[derive(Debug)]
pub(super) struct Unreadable(pub(super) PathBuf, pub(super) io::Error);

impl Frozen {
    /// Who is stopped at a start; with an audit log in the folder `log`, also where the folder of incidents is away.
    ///
    /// # Errors
    /// There is a folder, and it cannot be read; or it is away, and what it said last cannot be read.
    pub(super) fn read(folder: &Path, log: Option<&Path>, telemetry: &Telemetry) -> Result<Self, Unreadable> {
        let seen = look(folder).map_err(|error| Unreadable(folder.to_owned(), error))?;
        let before = log.map(|log| kept(log).map_err(|error| Unreadable(log.join(KEPT), error))).transpose()?;
        let before = before.unwrap_or_default();
        let frozen = seen.as_ref().map_or_else(|| before.clone(), |seen| seen.after(&before));
        if unsaid(&frozen, seen.as_ref()).next().is_some() {
            let folder = folder.display();
            tracing::error!(%folder, "the folder of stopped workspaces does not say so any more: those that were stopped stay so until `incident thaw`");
        }
        frozen.iter().for_each(|name| telemetry.set("blackbar_workspace_frozen", &[name], 1));
        Ok(Self(ArcSwap::from_pointee(frozen)))
    }

    /// Whether this workspace is stopped.
    pub(crate) fn has(&self, workspace: &str) -> bool {
        self.0.load().contains(workspace)
    }

    /// Takes a new state over; gives whether it differs.
    fn change(&self, next: BTreeSet<String>, telemetry: &Telemetry) -> bool {
        let before = self.0.load_full();
        if *before == next {
            return false;
        }
        for name in before.difference(&next) {
            telemetry.set("blackbar_workspace_frozen", &[name], 0);
            tracing::warn!(workspace = %name, "the workspace may go on");
        }
        for name in next.difference(&before) {
            telemetry.set("blackbar_workspace_frozen", &[name], 1);
            tracing::warn!(workspace = %name, "the workspace is stopped");
        }
        self.0.store(Arc::new(next));
        true
    }
}

/// What a folder of incidents says.
#[derive(Default, PartialEq, Eq, Debug)]
struct Seen {
    frozen: BTreeSet<String>,
    thawed: BTreeSet<String>,
}

impl Seen {
    /// Who is stopped, where these were so before.
    fn after(&self, before: &BTreeSet<String>) -> BTreeSet<String> {
        before.difference(&self.thawed).chain(&self.frozen).cloned().collect()
    }
}

/// Those of the stopped of which the folder says nothing.
fn unsaid<'a>(frozen: &'a BTreeSet<String>, seen: Option<&'a Seen>) -> impl Iterator<Item = &'a String> {
    frozen.iter().filter(move |name| seen.is_none_or(|seen| !seen.frozen.contains(*name)))
}

/// The workspaces that are stopped: those that have a file in the folder, and those that were stopped when it was last seen
/// by who writes the audit log in `log` and may not go on. `None` where nothing tells: the folder is away, and there is no log.
///
/// # Errors
/// There is a folder or a log, and it cannot be read.
pub fn frozen_in(folder: &Path, log: Option<&Path>) -> io::Result<Option<BTreeSet<String>>> {
    let seen = look(folder)?;
    if seen.is_none() && log.is_none() {
        return Ok(None);
    }
    let before = log.map(kept).transpose()?.unwrap_or_default();
    Ok(Some(seen.unwrap_or_default().after(&before)))
}

/// What the folder says; `None` where there is none, which says nothing of those that were stopped by it.
fn look(folder: &Path) -> io::Result<Option<Seen>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut seen = Seen::default();
    for entry in entries {
        let name = entry?.file_name();
        let Some((workspace, state)) = name.to_str().and_then(|name| name.rsplit_once('.')) else { continue };
        let into = match state {
            FROZEN => &mut seen.frozen,
            THAWED => &mut seen.thawed,
            _ => continue,
        };
        into.insert(workspace.to_owned());
    }
    Ok(Some(seen))
}

/// Who was stopped when the folder of incidents was last seen.
fn kept(log: &Path) -> io::Result<BTreeSet<String>> {
    let file = match File::open(log.join(KEPT)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(error) => return Err(error),
    };
    let mut text = String::new();
    file.take(KEPT_BYTES).read_to_string(&mut text)?;
    Ok(text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

/// Keeps who is stopped, for a start that does not find the folder.
fn keep(log: &Path, frozen: &BTreeSet<String>) -> io::Result<()> {
    let unfinished = log.join(format!("{KEPT}.tmp"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    frozen.iter().filter(|name| is_name(name)).try_for_each(|name| writeln!(file, "{name}"))?;
    file.sync_all()?;
    fs::rename(&unfinished, log.join(KEPT))
}

/// Follows the folder, until dropped.
pub(super) async fn follow(shared: Arc<Shared>) {
    let log = shared.generation().policy.audit.as_ref().map(|settings| settings.directory.clone());
    let mut written = None;
    let mut told = BTreeSet::new();
    loop {
        tokio::time::sleep(LOOK).await;
        let generation = shared.generation();
        let (folder, log, before) = (generation.policy.incident.clone(), log.clone(), written.take());
        let now = shared.frozen.0.load_full();
        let looking = tokio::task::spawn_blocking(move || {
            let seen = look(&folder)?;
            let Some(next) = seen.as_ref().map(|seen| seen.after(&now)) else {
                return Ok((None, before, now.as_ref().clone()));
            };
            let unsaid: BTreeSet<String> = unsaid(&next, seen.as_ref()).cloned().collect();
            let Some(log) = log else { return Ok((Some(next), before, unsaid)) };
            let kept = before.as_ref() == Some(&next) || keep(&log, &next).is_ok();
            let kept = kept.then(|| next.clone()).or(before);
            Ok::<_, io::Error>((Some(next), kept, unsaid))
        });
        let Ok(Ok((next, kept, unsaid))) = looking.await else { continue };
        written = kept;
        for workspace in unsaid.difference(&told) {
            tracing::error!(%workspace, "the folder of incidents does not say any more that the workspace is stopped: it stays so until `incident thaw`");
        }
        told = unsaid;
        let Some(next) = next else { continue };
        if shared.frozen.change(next, &shared.telemetry) {
            // Open connections look again at whether they may stay.
            shared.turn.send_replace(generation.serial);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic here is a failed test")]

    use super::*;

    #[test]
    fn a_folder_that_is_away_frees_nobody() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("acme.frozen"), "").unwrap();
        fs::write(folder.path().join("beta.txt"), "").unwrap();
        let acme = BTreeSet::from(["acme".to_owned()]);
        assert_eq!(frozen_in(folder.path(), None).unwrap(), Some(acme.clone()));
        let away = folder.path().join("away");
        assert_eq!(look(&away).unwrap(), None);
        assert_eq!(frozen_in(&away, None).unwrap(), None);
        // Nor does one that was made anew, nor a file that is gone: it says who may go on.
        let new = folder.path().join("new");
        fs::create_dir(&new).unwrap();
        let after = |folder: &Path| look(folder).unwrap().unwrap().after(&acme);
        assert_eq!(after(&new), acme);
        fs::write(new.join("acme.thawed"), "").unwrap();
        assert_eq!(after(&new), BTreeSet::new());
        fs::write(new.join("acme.frozen"), "").unwrap();
        assert_eq!(after(&new), acme, "who is stopped again is stopped");
    }

    #[test]
    fn a_start_without_the_folder_knows_who_was_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let (away, log) = (folder.path().join("away"), folder.path());
        let stopped = |log| Frozen::read(&away, log, &Telemetry::new()).map(|frozen| frozen.has("acme"));
        assert!(!stopped(Some(log)).unwrap());
        keep(log, &BTreeSet::from(["acme".to_owned(), "beta".to_owned()])).unwrap();
        assert!(stopped(Some(log)).unwrap() && !stopped(None).unwrap());
        // What cannot be read frees nobody.
        fs::write(log.join(KEPT), b"\xff").unwrap();
        let Err(Unreadable(file, _)) = stopped(Some(log)) else { panic!("it is read") };
        assert_eq!(file, log.join(KEPT), "it is told of by its own name");
        keep(log, &BTreeSet::from(["acme".to_owned()])).unwrap();
        fs::create_dir(&away).unwrap();
        assert!(stopped(Some(log)).unwrap(), "an empty folder frees nobody");
        fs::write(away.join("acme.thawed"), "").unwrap();
        assert!(!stopped(Some(log)).unwrap(), "it says who may go on");
    }
}
