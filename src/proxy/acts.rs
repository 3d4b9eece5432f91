//! What people do to a running proxy from beside it, into its log.
//!
//! Enters: files that other processes leave (see [`crate::audit::acts`]). Leaves: their records, and then no file: who left
//! it waits for that. A log that cannot be written leaves it where it is.

use std::sync::Arc;
use std::time::Duration;

use crate::audit::acts;

use super::Shared;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(250);

/// Records what is done, until dropped.
pub(super) async fn follow(shared: Arc<Shared>) {
    let Some(audit) = &shared.audit else { return };
    let Some(directory) = shared.generation().policy.audit.as_ref().map(|settings| settings.directory.clone()) else {
        return;
    };
    let mut strays = 0;
    loop {
        let place = directory.clone();
        let found = tokio::task::spawn_blocking(move || acts::waiting(&place)).await.unwrap_or_default();
        if found.strays != strays && found.strays > 0 {
            tracing::warn!(files = found.strays, "files in the folder of acts are none: they are passed over");
        }
        strays = found.strays;
        for (file, act) in found.acts {
            let Ok(slot) = audit.slot().await else { break };
            if slot.record(act.entry()).await.is_ok() {
                tracing::warn!(
                    act = act.deed.name(),
                    workspace = act.workspace.as_deref().unwrap_or(""),
                    "somebody who runs the service acted"
                );
                // One that stays is recorded again, which is better than not at all.
                let _ = tokio::fs::remove_file(&file).await;
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}
