//! Reads a configuration as `serve` would: a file in, every fault with its place and a way out on stderr.
//!
//! Warnings and notes come after the errors. A configuration that is taken is summed up on stdout.

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;

use super::{Code, Failure, complain, say};
use crate::policy::{self, Policy};

/// Arguments of `check`.
#[derive(Args, Debug)]
#[command(after_help = "Example: blackbar check --config blackbar.toml

Exit codes: 0 valid, 1 invalid, 2 the file cannot be read.")]
pub(super) struct CheckArguments {
    /// The configuration
    #[arg(long, value_name = "FILE", default_value = "blackbar.toml")]
    config: PathBuf,
}

/// Runs `check`.
pub(super) fn run(arguments: &CheckArguments) -> Result<Code, Failure> {
    readable(&arguments.config)?;
    let loaded = policy::load(&arguments.config).map_err(|faults| Failure::invalid(&faults))?;
    loaded.warnings.iter().for_each(|warning| complain(&warning.to_string()));
    summary(&arguments.config, &loaded.policy)?;
    Ok(Code::Fine)
}

fn summary(config: &Path, policy: &Policy) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let (listeners, workspaces) = (policy.listeners.len(), policy.workspaces.len());
    let (routes, version) = (policy.routes.len(), &policy.version);
    let parts = [(listeners, "listener"), (workspaces, "workspace"), (routes, "route")];
    let parts: Vec<String> = parts.iter().map(|(count, noun)| count_of(*count, noun)).collect();
    say(&mut out, format_args!("{}: valid, version {version}: {}", config.display(), parts.join(", ")))
}

/// A number and its noun.
pub(super) fn count_of(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// A file that was named on the command line and cannot be read is a matter of I/O, not of its contents.
pub(super) fn readable(path: &Path) -> Result<(), Failure> {
    // What is no regular file its reader names; opening a pipe would wait for its writer.
    if std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return Ok(());
    }
    match std::fs::File::open(path) {
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::io(path.display(), &error)),
    }
}
