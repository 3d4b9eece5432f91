//! A proxy's life as a process: it follows its files, and its signals.
//!
//! Enters: SIGHUP, SIGTERM, SIGINT, and files that change. Leaves: a configuration taken over whole or not at all, with
//! the reason logged and counted; a drain at the first SIGTERM or SIGINT, an end at the second.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

use crate::audit::Kind;
use crate::policy::{self, AuditSettings, Policy, PolicyStore, Severity};
use crate::telemetry;

use super::{Bound, Handle, StartError};

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// How a run ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// Everything under way had ended.
    Drained,
    /// The bound of the drain was reached first.
    CutShort,
    /// A second signal came.
    Stopped,
}

impl Bound {
    /// Serves what `store` says until SIGTERM or SIGINT, then drains.
    ///
    /// # Errors
    /// Signals cannot be awaited.
    pub async fn run_until_signalled(self, store: Arc<PolicyStore>) -> io::Result<Ending> {
        let mut stops =
            Stops { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? };
        let cut = Arc::clone(&self.handle().shared.admission.cut);
        let hangup = signal(SignalKind::hangup())?;
        let following = tokio::spawn(follow(store, self.handle(), hangup));
        // One reader of both signals: signals that come before a reader looks are one to it, so a second reader could
        // take the first two for one and wait for a third.
        let (first, drain) = oneshot::channel();
        let second = async {
            stops.next().await;
            let _ = first.send(());
            stops.next().await;
            cut.store(true, Ordering::Release);
        };
        let draining = async {
            let _ = drain.await;
        };
        let ending = tokio::select! {
            drained = self.run(draining) => if drained { Ending::Drained } else { Ending::CutShort },
            () = second => Ending::Stopped,
        };
        following.abort();
        Ok(ending)
    }
}

/// The signals that end the process.
struct Stops {
    terminate: Signal,
    interrupt: Signal,
}

impl Stops {
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Reloads at SIGHUP, and when a file has changed.
async fn follow(store: Arc<PolicyStore>, handle: Handle, mut hangup: Signal) {
    loop {
        let asked = tokio::select! {
            _ = hangup.recv() => true,
            () = tokio::time::sleep(LOOK) => false,
        };
        let (store, handle) = (Arc::clone(&store), handle.clone());
        // Files are read and rules compiled away from the threads that carry bytes.
        let looked = tokio::task::spawn_blocking(move || {
            if asked || store.changed_on_disk() || handle.epoch_has_changed() {
                handle.reload(&store);
            }
        });
        if looked.await.is_err() {
            tracing::error!("the reload failed");
        }
    }
}

impl Handle {
    /// Whether fingerprints are to be made with another key than the configuration in force has.
    fn epoch_has_changed(&self) -> bool {
        let now = policy::fingerprint_epoch(Duration::from_secs(telemetry::unix_seconds()));
        let generation = self.shared.generation();
        let mut made = generation.policy.workspaces.iter().filter_map(|workspace| workspace.fingerprints.as_ref());
        made.any(|made| made.epoch != now)
    }

    /// Lets the key that a policy names sign the audit log, where it is another than before. Another log is for a restart.
    pub(super) fn signs_as(&self, before: &Policy, policy: &Policy) -> Result<(), StartError> {
        let (Some(audit), Some(old), Some(new)) = (&self.shared.audit, &before.audit, &policy.audit) else {
            return Ok(());
        };
        if old.key == new.key || (&old.directory, &old.name) != (&new.directory, &new.name) {
            return Ok(());
        }
        audit.change_key(&new.key).map_err(StartError::AuditKey)?;
        tracing::warn!("another key signs the audit log");
        Ok(())
    }

    /// Reads the configuration again and lets it take over, or keeps the old one. Gives whether it took over.
    pub fn reload(&self, store: &PolicyStore) -> bool {
        let mut refused = "error";
        let taken = match store.reload() {
            Ok(outcome) => {
                outcome.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
                if !outcome.changed {
                    tracing::info!("configuration unchanged");
                }
                let next = store.current();
                let now = self.shared.generation();
                if next.admin != now.policy.admin {
                    tracing::warn!("a change of the admin listener needs a restart");
                }
                if !same_log(next.audit.as_ref(), now.policy.audit.as_ref()) {
                    tracing::warn!("a change of the audit log needs a restart");
                }
                self.replace(next).map_err(|error| {
                    let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
                    tracing::error!(%error, source, "the configuration in force stays");
                    if matches!(error, StartError::Weaker(_)) {
                        refused = "weaker";
                    }
                })
            }
            Err(diagnostics) => {
                for diagnostic in diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error) {
                    tracing::error!(%diagnostic, "the configuration in force stays");
                }
                Err(())
            }
        };
        if let (Err(()), Some(audit)) = (taken, &self.shared.audit) {
            let now = self.shared.generation();
            audit.note(super::audited::loaded(Kind::ConfigReject, &now.policy));
        }
        let result = if taken.is_ok() { "ok" } else { refused };
        self.shared.telemetry.add("blackbar_config_reload_total", &[result], 1);
        taken.is_ok()
    }
}

/// Whether two settings differ in the signing key at most.
fn same_log(one: Option<&AuditSettings>, other: Option<&AuditSettings>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => {
            let AuditSettings { key, key_file, .. } = one.clone();
            AuditSettings { key, key_file, ..other.clone() } == *one
        }
        (one, other) => one.is_none() && other.is_none(),
    }
}
