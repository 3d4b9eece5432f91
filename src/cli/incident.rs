//! `incident freeze` and `incident thaw`: a workspace is stopped at once, or may go on; with evidence of what it did.
//!
//! A file in the folder of incidents stops the workspace at every proxy that looks into it, and another one lets it go on: a
//! file or folder that is gone lets nobody. The audit log tells of both, and
//! the evidence is an extract of it: the workspace's records, each with its proof under a signed checkpoint.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};

use super::check::readable;
use super::{Code, Failure, audit, complain, say};
use crate::audit::acts::{Act, Deed};
use crate::audit::read::{Records, last_note};
use crate::policy::{self, AuditSettings};
use crate::proxy::{FROZEN, THAWED, frozen_in, moment};

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

The evidence is checked by `blackbar audit prove --check evidence.jsonl --key audit.pub`. A configuration whose rules or other
files do not load is read as far as this needs; where it cannot be read at all, name the folder by --directory.")]
    Freeze {
        #[command(flatten)]
        about: About,
        /// Where to write the workspace's audit records with their proofs; nothing may be there yet
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
    /// The folder of incidents, where the configuration cannot be read [default: as the configuration says]
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// What stopping a workspace needs to know.
struct Scene {
    file: PathBuf,
    audit: Option<AuditSettings>,
    /// Why nothing can be recorded, where something should be.
    unrecorded: Option<Failure>,
}

/// Runs `incident`.
pub(super) fn run(arguments: &IncidentArguments) -> Result<Code, Failure> {
    match &arguments.command {
        IncidentCommand::Freeze { about, out } => {
            let scene = about.scene()?;
            freeze(&scene.file, about).map_err(|error| Failure::io(scene.file.display(), &error))?;
            say(&mut io::stdout().lock(), format_args!("workspace {} is stopped", about.workspace))?;
            about.recorded(&scene, Deed::Freeze)?;
            match (out, scene.unrecorded) {
                (_, Some(unrecorded)) => Err(unrecorded),
                (Some(out), None) => evidence(scene.audit.as_ref(), &about.workspace, out),
                (None, None) => Ok(Code::Fine),
            }
        }
        IncidentCommand::Thaw { about } => {
            let scene = about.scene()?;
            let folder = scene.file.parent().unwrap_or(Path::new("."));
            // Where nothing tells, a proxy that runs may know of it still.
            let frozen = frozen_in(folder, scene.audit.as_ref().map(|audit| audit.directory.as_path()));
            let frozen = frozen.map_err(|error| Failure::io(folder.display(), &error))?;
            if frozen.is_some_and(|frozen| !frozen.contains(&about.workspace)) {
                return Err(Failure::failed(format!("workspace {} is not stopped", about.workspace)));
            }
            // What goes on is told of first; what is stopped is stopped first.
            about.recorded(&scene, Deed::Thaw)?;
            if let Some(unrecorded) = scene.unrecorded {
                return Err(unrecorded);
            }
            thaw(&scene.file, about).map_err(|error| Failure::io(scene.file.display(), &error))?;
            say(&mut io::stdout().lock(), format_args!("workspace {} may go on", about.workspace))?;
            Ok(Code::Fine)
        }
    }
}

impl About {
    /// Where the workspace is stopped and recorded. Stopping it must not wait until rules, certificates or other files that
    /// have nothing to do with it are as they should be.
    fn scene(&self) -> Result<Scene, Failure> {
        let config = self.config.display();
        if self.directory.is_none() {
            readable(&self.config)?;
        }
        let (folder, audit, workspaces, unrecorded) = match policy::load(&self.config) {
            Ok(loaded) => {
                let policy = loaded.policy;
                let same =
                    |named: &PathBuf| std::path::absolute(named).ok() == std::path::absolute(&policy.incident).ok();
                if self.directory.as_ref().is_some_and(|named| !same(named)) {
                    let folder = policy.incident.display();
                    return Err(Failure::failed(format!("{config} loads, and its folder of incidents is {folder}")));
                }
                let names = policy.workspaces.iter().map(|workspace| workspace.name.clone()).collect();
                (Some(policy.incident), policy.audit, Some(names), None)
            }
            Err(faults) => match policy::outline(&self.config) {
                Some(outline) => {
                    let spoilt = outline.wants_audit && outline.audit.is_none();
                    let unrecorded = spoilt.then(|| Failure::invalid(&faults));
                    complain(&format!(
                        "{config} does not load (`blackbar check` says why); it is read as far as this needs. A proxy that \
                         runs with an earlier one may look at another folder: blackbar_workspace_frozen tells"
                    ));
                    if !outline.workspaces.contains(&self.workspace) {
                        complain(&format!("{config} names no workspace {} (any more)", self.workspace));
                    }
                    (Some(outline.incident), outline.audit, None, unrecorded)
                }
                None if self.directory.is_none() => {
                    let mut failure = Failure::invalid(&faults);
                    failure.lines.push("nothing is changed: name the folder of incidents by --directory".to_owned());
                    return Err(failure);
                }
                None => (None, None, None, Some(Failure::invalid(&faults))),
            },
        };
        if workspaces.is_some_and(|known: Vec<String>| known.iter().all(|name| *name != self.workspace)) {
            return Err(Failure::failed(format!("{config}: no workspace {}", self.workspace)));
        }
        if !policy::is_name(&self.workspace) {
            return Err(Failure::failed(format!("{} is no name for a workspace", self.workspace.escape_debug())));
        }
        let folder = self.directory.clone().or(folder).unwrap_or_default();
        let unrecorded = unrecorded.map(|mut failure| {
            failure.lines.push("the audit log does not tell of it: the configuration must load for that".to_owned());
            failure
        });
        Ok(Scene { file: folder.join(format!("{}.{FROZEN}", self.workspace)), audit, unrecorded })
    }

    fn recorded(&self, scene: &Scene, deed: Deed) -> Result<(), Failure> {
        let Some(settings) = &scene.audit else { return Ok(()) };
        let act = Act { workspace: Some(self.workspace.clone()), reason: self.reason.clone(), ..Act::new(deed) };
        act.record(settings, moment).map_err(|error| Failure::failed(error.to_string()))
    }
}

/// The file that stops the workspace; one that is there already stays.
fn freeze(file: &Path, about: &About) -> io::Result<()> {
    put(file, about)?;
    // Both say that it is stopped.
    gone(&file.with_extension(THAWED))
}

/// The file that lets it go on, and the other one's end.
fn thaw(file: &Path, about: &About) -> io::Result<()> {
    put(&file.with_extension(THAWED), about)?;
    gone(file)
}

fn put(file: &Path, about: &About) -> io::Result<()> {
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

fn gone(file: &Path) -> io::Result<()> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Writes the extract, once a checkpoint covers what stands in the log now.
fn evidence(settings: Option<&AuditSettings>, workspace: &str, out: &Path) -> Result<Code, Failure> {
    let Some(settings) = settings else {
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
    // What is there may be earlier evidence.
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(out);
    let mut file = file.map_err(|error| Failure::io(out.display(), &error))?;
    let written = audit::extract_workspace(directory, workspace, &mut file);
    if written.is_err() {
        // Evidence that is not whole is none, and is not to stand in the way of the next.
        let _ = std::fs::remove_file(out);
    }
    written
}
