//! Dropped records on their way into a workspace's dead letters.
//!
//! Enters: the records that a body or a connection dropped. Leaves: sealed items on the disk, counted, or a refusal of what they
//! were a part of. Writing waits for the disk, so callers do it where that holds up nobody else.

use std::fmt;
use std::sync::Arc;

use crate::body::batch::Letter;
use crate::policy::{DeadLetter, WhenFull, Workspace};
use crate::seal::{Description, Letterbox, NotKept};
use crate::telemetry::{Telemetry, unix_seconds};

use super::StartError;
use super::ledger::request_id;
use super::reply::{ErrorKind, ProxyError};

/// The letters of one workspace.
#[derive(Debug)]
pub(crate) struct Letters {
    settings: DeadLetter,
    letterbox: Letterbox,
}

impl Letters {
    /// # Errors
    /// The directory cannot be used.
    pub(crate) fn open(settings: &DeadLetter) -> Result<Self, StartError> {
        let DeadLetter { directory, recipient, max_bytes, max_records, .. } = settings;
        let letterbox = Letterbox::open(directory, *recipient, *max_bytes, *max_records)
            .map_err(|source| StartError::DeadLetter { directory: directory.clone(), source })?;
        Ok(Self { settings: settings.clone(), letterbox })
    }

    /// Whether they are those that would be opened anew.
    pub(crate) fn serves(&self, settings: &DeadLetter) -> bool {
        self.settings == *settings
    }
}

/// Keeps what one exchange or connection drops.
#[derive(Clone)]
pub(crate) struct Keeper {
    letters: Arc<Letters>,
    telemetry: Arc<Telemetry>,
    workspace: Arc<Workspace>,
    route: Arc<str>,
}

impl Keeper {
    pub(crate) fn new(
        letters: &Arc<Letters>,
        telemetry: &Arc<Telemetry>,
        workspace: &Arc<Workspace>,
        route: &str,
    ) -> Self {
        let (letters, telemetry, workspace) = (Arc::clone(letters), Arc::clone(telemetry), Arc::clone(workspace));
        Self { letters, telemetry, workspace, route: route.into() }
    }

    /// Keeps them all. Waits for the disk.
    ///
    /// # Errors
    /// One was not kept, and the workspace lets nothing go without.
    pub(crate) fn keep(&self, letters: &[Letter]) -> Result<(), ProxyError> {
        let mut refused = false;
        for letter in letters {
            let rule = self.workspace.rules.rules().get(letter.rule).map_or("none", |rule| rule.id.as_str());
            let description = Description {
                id: request_id(),
                time: unix_seconds(),
                workspace: self.workspace.name.clone(),
                route: self.route.as_ref().to_owned(),
                rule: rule.to_owned(),
            };
            let result = match self.letters.letterbox.put(description, &letter.content) {
                Ok(()) => "kept",
                Err(error) => {
                    refused |= self.letters.settings.when_full == WhenFull::Refuse;
                    let workspace = self.workspace.name.as_str();
                    tracing::error!(workspace, route = %self.route, rule, %error, "a dropped record was not kept");
                    if matches!(error, NotKept::Full) { "full" } else { "error" }
                }
            };
            let labels = [self.workspace.name.as_str(), &self.route, result];
            self.telemetry.add("blackbar_dead_letters_total", &labels, 1);
        }
        if refused { Err(ProxyError::internal(ErrorKind::DeadLetter)) } else { Ok(()) }
    }
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keeper({})", self.workspace.name)
    }
}
