//! The policy that holds now: a snapshot for each exchange, and a reload that keeps the last good one.
//!
//! A reload reads every file once and either takes all of it or nothing. Files are compared by their contents, not by
//! their times, so that a swapped symbolic link counts and a touched file does not. What a failed reload saw counts as
//! seen: it is tried again when a file changes once more.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;

use super::Policy;
use super::compile::{Attempt, attempt};
use super::diagnostic::Diagnostic;
use super::files::Watched;

/// Holds the current [`Policy`].
#[derive(Debug)]
pub struct PolicyStore {
    config: PathBuf,
    current: ArcSwap<Policy>,
    /// The files of the last attempt. Its lock is held through a reload: two never overlap.
    watched: Mutex<Vec<Watched>>,
}

/// A reload that was taken.
#[derive(Clone, Debug)]
pub struct ReloadOutcome {
    /// Version of the policy that holds now.
    pub version: String,
    /// Whether it differs from the one before.
    pub changed: bool,
    /// Whether listeners or the admin address differ, which only a restart takes up.
    pub needs_restart: bool,
    /// Warnings, then notes.
    pub warnings: Vec<Diagnostic>,
}

impl PolicyStore {
    /// Loads the configuration for the first time; also gives its warnings and notes.
    ///
    /// # Errors
    /// Every fault at once, with the warnings.
    pub fn load(config: &Path) -> Result<(Self, Vec<Diagnostic>), Vec<Diagnostic>> {
        let Attempt { result, watched } = attempt(config);
        let loaded = result?;
        let store = Self {
            config: config.to_owned(),
            current: ArcSwap::from_pointee(loaded.policy),
            watched: Mutex::new(watched),
        };
        Ok((store, loaded.warnings))
    }

    /// The policy that holds now. An exchange takes it once and keeps it.
    #[must_use]
    pub fn current(&self) -> Arc<Policy> {
        self.current.load_full()
    }

    /// Reads everything again. Reloads that come together run one after the other.
    ///
    /// # Errors
    /// Every fault at once; the policy that held before still does.
    pub fn reload(&self) -> Result<ReloadOutcome, Vec<Diagnostic>> {
        let mut seen = self.lock();
        let Attempt { result, watched } = attempt(&self.config);
        *seen = watched;
        let loaded = result?;
        let before = self.current();
        let outcome = ReloadOutcome {
            version: loaded.policy.version.clone(),
            changed: loaded.policy.version != before.version,
            needs_restart: loaded.policy.listeners != before.listeners || loaded.policy.admin != before.admin,
            warnings: loaded.warnings,
        };
        self.current.store(Arc::new(loaded.policy));
        Ok(outcome)
    }

    /// Whether a file differs from what the last attempt read, has come, or has gone.
    #[must_use]
    pub fn changed_on_disk(&self) -> bool {
        let seen = self.lock().clone();
        seen.iter().any(Watched::changed)
    }

    /// A reload that panicked left at most an old list behind.
    fn lock(&self) -> MutexGuard<'_, Vec<Watched>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
