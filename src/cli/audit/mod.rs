//! `audit`: what enters is the directory of a log, what leaves is whether it holds, its records, and proofs of them.
//!
//! Everything is read offline. Exit code 1 where a log, or an extract of one, does not hold.

mod explain;
mod query;
mod register;
mod rotate;

use std::fs::{self, File};
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Code, Failure, complain, say};
use crate::audit::chain::hex;
use crate::audit::note::PublicKey;
use crate::audit::read::{ExtractError, Prover, Records, check_extract};
use crate::audit::verify::{Fault, Report, Trust, verify};
use crate::policy::Policy;

/// Arguments of `audit`.
#[derive(Args, Debug)]
#[command(after_help = "Example: blackbar audit verify audit --key audit.pub")]
pub(super) struct AuditArguments {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Subcommand, Debug)]
enum AuditCommand {
    /// Check that a log is what was written: chain, receipts, signatures, and that nothing is missing
    Verify(VerifyArguments),
    /// Print one record
    Show(ShowArguments),
    /// Print the records that a filter takes, one a line
    Query(Box<query::QueryArguments>),
    /// Prove a record with the hashes beside it, or check such a proof
    Prove(ProveArguments),
    /// Print a workspace's records, each with its proof
    Export(ExportArguments),
    /// Tell an exchange in plain words
    Explain(explain::ExplainArguments),
    /// List who processes what, and what of it the log has seen
    Register(register::RegisterArguments),
    /// Let a new key sign the log from here on
    RotateKey(rotate::RotateArguments),
}

/// Where the log is.
#[derive(Args, Clone, Debug)]
struct Place {
    /// The directory of the log [default: the configuration's, where one is given, else audit]
    #[arg(long = "dir", value_name = "DIR")]
    directory: Option<PathBuf>,
}

impl Place {
    fn directory(&self) -> &Path {
        self.directory.as_deref().unwrap_or(Path::new("audit"))
    }

    /// The place that was named, or the one that the configuration names.
    fn or_of(&self, policy: &Policy) -> Self {
        let of_policy = || policy.audit.as_ref().map(|settings| settings.directory.clone());
        Self { directory: self.directory.clone().or_else(of_policy) }
    }
}

/// Arguments of `audit verify`.
#[derive(Args, Debug)]
#[command(after_help = "Example: blackbar audit verify audit --key audit.pub --anchor last-week.ckpt

The public key: openssl pkey -in certs/audit.key -pubout -out audit.pub
An anchor is a checkpoint (the notes in audit-*.ckpt) that was kept elsewhere.
Exit codes: 0 it holds, 1 broken (with --sealed also: unsealed), 2 it cannot be read.")]
struct VerifyArguments {
    /// The directory of the log
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// A public key that it must be or have been signed with: PEM, or 32 bytes in base64
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// A checkpoint that was kept elsewhere; may be repeated
    #[arg(long = "anchor", value_name = "FILE")]
    anchors: Vec<PathBuf>,
    /// Take it for broken where anything stands behind the last checkpoint
    #[arg(long)]
    sealed: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Arguments of `audit show`.
#[derive(Args, Debug)]
#[command(after_help = "Example: blackbar audit show --seq 42 --dir audit")]
struct ShowArguments {
    /// The record's number
    #[arg(long, value_name = "N")]
    seq: u64,
    #[command(flatten)]
    place: Place,
}

/// Arguments of `audit prove`.
#[derive(Args, Debug)]
#[command(after_help = "Example: blackbar audit prove 42 --dir audit > proof.jsonl
         blackbar audit prove --check proof.jsonl --key audit.pub")]
struct ProveArguments {
    /// The record's number
    #[arg(value_name = "SEQ", required_unless_present = "check")]
    seq: Option<u64>,
    #[command(flatten)]
    place: Place,
    /// Check this proof, or what `export` wrote
    #[arg(long, value_name = "FILE", conflicts_with = "seq")]
    check: Option<PathBuf>,
    /// The public key that the log must be signed with
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

/// Arguments of `audit export`.
#[derive(Args, Debug)]
#[command(after_help = "Example: blackbar audit export --ws acme --dir audit > acme.jsonl

What is printed can be checked without the log: blackbar audit prove --check acme.jsonl --key audit.pub")]
struct ExportArguments {
    /// The workspace
    #[arg(long = "ws", value_name = "NAME")]
    workspace: String,
    #[command(flatten)]
    place: Place,
}

/// Runs `audit`.
pub(super) fn run(arguments: &AuditArguments) -> Result<Code, Failure> {
    match &arguments.command {
        AuditCommand::Verify(arguments) => verified(arguments),
        AuditCommand::Show(arguments) => show(arguments),
        AuditCommand::Query(arguments) => query::run(arguments),
        AuditCommand::Prove(arguments) => prove(arguments),
        AuditCommand::Export(arguments) => export(arguments),
        AuditCommand::Explain(arguments) => explain::run(arguments),
        AuditCommand::Register(arguments) => register::run(arguments),
        AuditCommand::RotateKey(arguments) => rotate::run(arguments),
    }
}

fn verified(arguments: &VerifyArguments) -> Result<Code, Failure> {
    let key = public_key(arguments.key.as_deref())?;
    let mut anchors = Vec::new();
    for path in &arguments.anchors {
        let file = fs::read_to_string(path).map_err(|error| Failure::io(path.display(), &error))?;
        anchors.extend(crate::audit::note::notes(&file).0.into_iter().map(str::to_owned));
        if crate::audit::note::notes(&file).0.is_empty() {
            return Err(Failure::failed(format!("{}: there is no checkpoint in it", path.display())));
        }
    }
    vouched(key);
    let mut out = io::stdout().lock();
    let verified = verify(&arguments.directory, &Trust { key, anchors });
    match verified.and_then(|report| if arguments.sealed { sealed(report) } else { Ok(report) }) {
        Ok(report) if arguments.json => say(&mut out, format_args!("{}", report_json(&report))),
        Ok(report) => tell(&report, &mut out),
        Err(Fault::Io(path, error)) => return Err(Failure::io(path.display(), &error)),
        Err(fault @ Fault::Broken { .. }) => {
            if let (true, Fault::Broken { seq, file, what }) = (arguments.json, &fault) {
                let report = json!({"status": "broken", "seq": seq, "file": file, "what": what});
                say(&mut out, format_args!("{report}"))?;
            }
            return Err(Failure::refused(fault.to_string()));
        }
    }?;
    Ok(Code::Fine)
}

/// A report of a log that has nothing behind its last checkpoint.
fn sealed(report: Report) -> Result<Report, Fault> {
    if report.unsealed() == 0 && report.torn == 0 && !report.torn_checkpoint {
        return Ok(report);
    }
    let what = "what follows is behind the last checkpoint (unsealed)";
    Err(Fault::Broken { seq: report.sealed, file: "audit-*.ckpt".to_owned(), what })
}

fn tell(report: &Report, out: &mut dyn Write) -> Result<(), Failure> {
    let state = match report.unsealed() {
        0 => "all under a checkpoint".to_owned(),
        count => format!("{count} after the last checkpoint (unsealed)"),
    };
    match report.unsigned {
        None => say(out, format_args!("ok: {} records, {state}", report.records))?,
        Some(what) => say(out, format_args!("unsealed: {} records, {state}: {what}", report.records))?,
    }
    let mut note = |count: u64, what: &str| match count {
        0 => Ok(()),
        _ => say(out, format_args!("  {count} {what}")),
    };
    note(report.removed, "records removed by retention")?;
    note(report.healed, "torn ends put aside at a start")?;
    note(report.torn, "bytes of a line at the end that is not whole")?;
    note(u64::from(report.torn_checkpoint), "checkpoint at the end that is not whole")?;
    note(report.unknown, "records of kinds that this version does not know")?;
    note(report.anchors, "anchors agree")?;
    note(report.rotations, "changes of the signing key")?;
    say(out, format_args!("  log {}\n  key {}", report.origin, report.key))?;
    say(
        out,
        format_args!("  {} checkpoints, head {}, root {}", report.checkpoints, hex(&report.head), hex(&report.root)),
    )
}

fn report_json(report: &Report) -> Value {
    json!({
        "status": if report.unsigned.is_some() { "unsealed" } else { "ok" },
        "unsigned": report.unsigned,
        "log": report.log,
        "origin": report.origin,
        "key": report.key,
        "rotations": report.rotations,
        "records": report.records,
        "removed": report.removed,
        "sealed": report.sealed,
        "unsealed": report.unsealed(),
        "checkpoints": report.checkpoints,
        "anchors": report.anchors,
        "healed": report.healed,
        "torn_bytes": report.torn,
        "torn_checkpoint": report.torn_checkpoint,
        "unknown_kinds": report.unknown,
        "head": hex(&report.head),
        "root": hex(&report.root),
    })
}

fn public_key(path: Option<&Path>) -> Result<Option<PublicKey>, Failure> {
    let Some(path) = path else { return Ok(None) };
    let text = fs::read_to_string(path).map_err(|error| Failure::io(path.display(), &error))?;
    let key = PublicKey::from_text(&text).map_err(|error| Failure::failed(format!("{}: {error}", path.display())))?;
    Ok(Some(key))
}

/// Says so where nobody says whose signature it must be.
fn vouched(key: Option<PublicKey>) {
    if key.is_none() {
        complain("warning: without --key the log vouches for itself: name the public key that you trust");
    }
}

fn records(place: &Place) -> Result<Records, Failure> {
    Records::open(place.directory()).map_err(|error| Failure::io(place.directory().display(), &error))
}

/// A record's line and what it says.
type Line = (u64, Vec<u8>, Value);

fn read(record: io::Result<(u64, Vec<u8>)>, place: &Place) -> Result<Line, Failure> {
    let (seq, line) = record.map_err(|error| Failure::io(place.directory().display(), &error))?;
    match serde_json::from_slice(&line) {
        Ok(value) => Ok((seq, line, value)),
        Err(_) => Err(Failure::refused(format!("record {seq} is not JSON: run `blackbar audit verify`"))),
    }
}

fn show(arguments: &ShowArguments) -> Result<Code, Failure> {
    for record in records(&arguments.place)? {
        let (seq, _, value) = read(record, &arguments.place)?;
        if seq == arguments.seq {
            let text = serde_json::to_string_pretty(&value).unwrap_or_default();
            say(&mut io::stdout().lock(), format_args!("{text}"))?;
            return Ok(Code::Fine);
        }
    }
    Err(Failure::failed(format!("there is no record {}", arguments.seq)))
}

fn unproven(error: &ExtractError, place: &Path) -> Failure {
    match error {
        ExtractError::Io(error) => Failure::io(place.display(), error),
        ExtractError::Wrong(what) => Failure::refused(format!("{}: {what}", place.display())),
    }
}

fn prove(arguments: &ProveArguments) -> Result<Code, Failure> {
    let mut out = io::stdout().lock();
    if let Some(path) = &arguments.check {
        let key = public_key(arguments.key.as_deref())?;
        vouched(key);
        let file = File::open(path).map_err(|error| Failure::io(path.display(), &error))?;
        let proven = check_extract(BufReader::new(file), key).map_err(|error| unproven(&error, path))?;
        say(&mut out, format_args!("ok: {} records are in the log", proven.len()))?;
        return Ok(Code::Fine);
    }
    let wanted = arguments.seq.unwrap_or_default();
    extract(&arguments.place, &mut out, |seq, _| seq == wanted, "there is no such record under the last checkpoint")
}

fn export(arguments: &ExportArguments) -> Result<Code, Failure> {
    extract_of(&arguments.place, &arguments.workspace, &mut io::stdout().lock())
}

fn extract_of(place: &Place, workspace: &str, out: &mut dyn Write) -> Result<Code, Failure> {
    let of_workspace = |_: u64, value: &Value| value.get("ws").and_then(Value::as_str) == Some(workspace);
    let none = format!("there is no record of a workspace {} under the last checkpoint", workspace.escape_debug());
    extract(place, out, of_workspace, &none)
}

/// Writes a workspace's records with their proofs.
pub(super) fn extract_workspace(directory: &Path, workspace: &str, out: &mut dyn Write) -> Result<Code, Failure> {
    extract_of(&Place { directory: Some(directory.to_owned()) }, workspace, out)
}

/// Prints the records that `wanted` takes with their proofs; `none` is said where there are none. Those behind the last
/// checkpoint cannot be proven yet.
fn extract(
    place: &Place,
    out: &mut dyn Write,
    wanted: impl Fn(u64, &Value) -> bool,
    none: &str,
) -> Result<Code, Failure> {
    let directory = place.directory();
    let mut prover = Prover::read(directory).map_err(|error| unproven(&error, directory))?;
    let (mut found, mut unsealed) = (0_u64, 0_u64);
    for record in records(place)? {
        let (seq, line, value) = read(record, place)?;
        if !wanted(seq, &value) {
            continue;
        }
        if seq >= prover.size() {
            unsealed += 1;
            continue;
        }
        if found == 0 {
            say(out, format_args!("{}", prover.header()))?;
        }
        let line = prover.line(seq, &line).map_err(|error| unproven(&error, directory))?;
        say(out, format_args!("{line}"))?;
        found += 1;
    }
    if unsealed > 0 {
        complain(&format!("{unsealed} records behind the last checkpoint are left out"));
    }
    match found {
        0 => Err(Failure::failed(none)),
        _ => Ok(Code::Fine),
    }
}
