//! `incident freeze` and `incident thaw`: a workspace is stopped at once, or may go on; with evidence of what it did.
//!
//! A file in the folder of incidents stops the workspace at every proxy that looks into it. The audit log tells of both, and
//! the evidence is an extract of it: the workspace's records, each with its proof under a signed checkpoint.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};

use super::check::readable;
use super::{Code, Failure, audit, say};
use crate::audit::acts::{Act, Deed};
use crate::audit::read::{Records, last_note};
use crate::policy::{self, Policy};
use crate::proxy::{FROZEN, moment};

/// How long evidence waits for the checkpoint that covers it: one follows a record within ten seconds.
const SEALED_WITHIN: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(100);

/// Arguments of `incident`.
#[derive(Args, Debug)]
#[command(after_help = "Example: blackbar incident freeze acme --reason \"key stolen\" --out evidence.jsonl")]
pub(super) struct IncidentArguments {
    #[command(subcommand)]
    command: IncidentCommand,
}

#[derive(Subcommand, Debug)]
enum IncidentCommand {
    /// Stop a workspace: every request is refused, open connections end. It stays so through restarts.
    #[command(after_help = "Example: blackbar incident freeze acme --reason \"key stolen\" --out evidence.jsonl

The evidence is checked by `blackbar audit prove --check evidence.jsonl --key audit.pub`.")]
    Freeze {
        #[command(flatten)]
        about: About,
        /// Where to write the workspace's audit records with their proofs
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Let a workspace go on.
    #[command(after_help = "Example: blackbar incident thaw acme --reason \"key replaced\"")]
    Thaw {
        #[command(flatten)]
        about: About,
    },
}

#[derive(Args, Debug)]
struct About {
    /// The workspace
    #[arg(value_name = "WORKSPACE")]
    workspace: String,
    /// The configuration
    #[arg(long, value_name = "FILE", default_value = "blackbar.toml")]
    config: PathBuf,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Runs `incident`.
pub(super) fn run(arguments: &IncidentArguments) -> Result<Code, Failure> {
    match &arguments.command {
        IncidentCommand::Freeze { about, out } => {
            let policy = about.policy()?;
            let file = about.file(&policy);
            freeze(&file, about).map_err(|error| Failure::io(file.display(), &error))?;
            say(&mut io::stdout().lock(), format_args!("workspace {} is stopped", about.workspace))?;
            about.recorded(&policy, Deed::Freeze)?;
            match out {
                Some(out) => evidence(&policy, &about.workspace, out),
                None => Ok(Code::Fine),
            }
        }
        IncidentCommand::Thaw { about } => {
            let policy = about.policy()?;
            let file = about.file(&policy);
            if !file.exists() {
                return Err(Failure::failed(format!("workspace {} is not stopped", about.workspace)));
            }
            // What goes on is told of first; what is stopped is stopped first.
            about.recorded(&policy, Deed::Thaw)?;
            std::fs::remove_file(&file).map_err(|error| Failure::io(file.display(), &error))?;
            say(&mut io::stdout().lock(), format_args!("workspace {} may go on", about.workspace))?;
            Ok(Code::Fine)
        }
    }
}

impl About {
    fn policy(&self) -> Result<Policy, Failure> {
        readable(&self.config)?;
        let policy = policy::load(&self.config).map_err(|faults| Failure::invalid(&faults))?.policy;
        if policy.workspaces.iter().all(|workspace| workspace.name != self.workspace) {
            return Err(Failure::failed(format!("{}: no workspace {}", self.config.display(), self.workspace)));
        }
        Ok(policy)
    }

    fn file(&self, policy: &Policy) -> PathBuf {
        policy.incident.join(format!("{}.{FROZEN}", self.workspace))
    }

    fn recorded(&self, policy: &Policy, deed: Deed) -> Result<(), Failure> {
        let Some(settings) = &policy.audit else { return Ok(()) };
        let act = Act { workspace: Some(self.workspace.clone()), reason: self.reason.clone(), ..Act::new(deed) };
        act.record(settings, moment).map_err(|error| Failure::failed(error.to_string()))
    }
}

/// The file that stops the workspace; one that is there already stays.
fn freeze(file: &Path, about: &About) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o755).create(folder)?;
    let mut open = match OpenOptions::new().write(true).create_new(true).mode(0o644).open(file) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        opened => opened?,
    };
    writeln!(open, "{}", about.reason.as_deref().unwrap_or_default().escape_debug())?;
    open.sync_all()?;
    File::open(folder)?.sync_all()
}

/// Writes the extract, once a checkpoint covers what stands in the log now.
fn evidence(policy: &Policy, workspace: &str, out: &Path) -> Result<Code, Failure> {
    let Some(settings) = &policy.audit else {
        return Err(Failure::failed("there is no [audit], and so no evidence"));
    };
    let directory = settings.directory.as_path();
    let failed = |error: io::Error| Failure::io(directory.display(), &error);
    let last = Records::open(directory).map_err(failed)?.last();
    let count = last.transpose().map_err(failed)?.map_or(0, |(seq, _)| seq + 1);
    let sealed = || {
        let size = last_note(directory).ok().and_then(|note| note.lines().nth(1)?.parse::<u64>().ok());
        size.is_some_and(|size| size >= count)
    };
    for _ in 0..SEALED_WITHIN.as_millis() / LOOK.as_millis() {
        if sealed() {
            break;
        }
        std::thread::sleep(LOOK);
    }
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(out);
    let mut file = file.map_err(|error| Failure::io(out.display(), &error))?;
    audit::extract_workspace(directory, workspace, &mut file)
}
