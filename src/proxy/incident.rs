//! Workspaces that are stopped, whatever the configuration says.
//!
//! Enters: a folder in which each stopped workspace has a file, which `blackbar incident freeze` writes. Leaves: who is
//! stopped, within half a second, for every proxy that looks into the folder, and after a restart too. A folder that
//! cannot be read any more, or is away, changes nothing.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::telemetry::Telemetry;

use super::Shared;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(250);
/// How a stopped workspace's file ends.
pub const FROZEN: &str = "frozen";

/// The workspaces that are stopped.
#[derive(Default, Debug)]
pub(crate) struct Frozen(ArcSwap<BTreeSet<String>>);

impl Frozen {
    /// # Errors
    /// There is a folder, and it cannot be read.
    pub(super) fn read(folder: &Path, telemetry: &Telemetry) -> io::Result<Self> {
        let frozen = frozen_in(folder)?;
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

/// The workspaces that have a file in the folder.
///
/// # Errors
/// There is a folder, and it cannot be read.
pub fn frozen_in(folder: &Path) -> io::Result<BTreeSet<String>> {
    look(folder).map(Option::unwrap_or_default)
}

/// The same; `None` where there is no folder, which says nothing of those that were stopped by it.
fn look(folder: &Path) -> io::Result<Option<BTreeSet<String>>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut frozen = BTreeSet::new();
    for entry in entries {
        let name = entry?.file_name();
        let workspace = name.to_str().and_then(|name| name.strip_suffix(FROZEN)?.strip_suffix('.'));
        frozen.extend(workspace.map(str::to_owned));
    }
    Ok(Some(frozen))
}

/// Follows the folder, until dropped.
pub(super) async fn follow(shared: Arc<Shared>) {
    loop {
        tokio::time::sleep(LOOK).await;
        let generation = shared.generation();
        let folder = generation.policy.incident.clone();
        let Ok(Ok(Some(next))) = tokio::task::spawn_blocking(move || look(&folder)).await else { continue };
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
        assert_eq!(look(folder.path()).unwrap(), Some(acme.clone()));
        assert_eq!(frozen_in(folder.path()).unwrap(), acme);
        let away = folder.path().join("away");
        assert_eq!(look(&away).unwrap(), None);
        assert_eq!(frozen_in(&away).unwrap(), BTreeSet::new());
    }
}
