//! What people type: arguments in, output and an exit code out.
//!
//! Exit codes: 0 fine; 1 findings of `scan`, a configuration or rules that are wrong, a body that may not pass, a broken audit; 2 wrong
//! usage, I/O, or a start that failed. Errors go to stderr, one line each. The only room that prints.

mod audit;
pub mod certs;
mod check;
mod demo;
mod health;
mod incident;
mod input;
mod keys;
mod letters;
mod locate;
mod output;
mod quarantine;
mod redact;
mod reveal;
mod rules;
mod scan;
mod serve;

use std::ffi::OsString;
use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::policy::Diagnostic;

/// The command line.
#[derive(Parser, Debug)]
#[command(
    name = "blackbar",
    version,
    about = "A streaming redaction proxy: personal data and secrets leave your network masked, or not at all.",
    after_help = "Example: blackbar demo\n\nExit codes: 0 fine, 1 findings or invalid configuration or blocked or a broken audit, 2 usage, I/O or start failure.",
    disable_help_subcommand = true
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Run the proxy.
    Serve(serve::ServeArguments),
    /// Read everything that serve would, and print every error with its place and a way out.
    Check(check::CheckArguments),
    /// Filter stdin or files: findings leave redacted, everything else byte for byte.
    Redact(redact::RedactArguments),
    /// Print where findings are, never what they are; exit 1 if there are any.
    Scan(scan::ScanArguments),
    /// Open sealed tokens in text from stdin.
    Reveal(reveal::RevealArguments),
    /// Show, test, prove and compare rules.
    Rules(rules::RulesArguments),
    /// Mint a development CA, a server certificate, an audit key and client certificates.
    Certs(certs::CertsArguments),
    /// Check, read, prove and explain what the audit log says.
    Audit(audit::AuditArguments),
    /// Make keys for dead letters, and read what dropped records were kept.
    DeadLetter(letters::LettersArguments),
    /// List, show, release and reject requests that are held for a person.
    Quarantine(quarantine::QuarantineArguments),
    /// Stop a workspace at once, with evidence, or let it go on.
    Incident(incident::IncidentArguments),
    /// Make an API key for a client of a workspace.
    Keys(keys::KeysArguments),
    /// Ask a running proxy whether it is ready; exit 0 when it is.
    Health(health::HealthArguments),
    /// See it work: a streamed chat and a log batch through the proxy, before and after.
    Demo(demo::DemoArguments),
}

/// Parses the arguments, the program's name first, and runs the command that they name.
#[must_use]
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let matches = match Arguments::command().try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) => return usage(&error),
    };
    let outcome = match Arguments::from_arg_matches(&matches) {
        Ok(parsed) => dispatch(parsed.command, &matches),
        Err(error) => return usage(&error),
    };
    match outcome {
        Ok(code) => code.into(),
        Err(failure) => {
            failure.lines.iter().for_each(|line| complain(line));
            failure.code.into()
        }
    }
}

fn dispatch(command: Command, matches: &ArgMatches) -> Result<Code, Failure> {
    match command {
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Redact(arguments) => redact::run(&arguments),
        Command::Scan(arguments) => scan::run(&arguments),
        Command::Reveal(arguments) => reveal::run(&arguments),
        Command::Rules(arguments) => rules::run(&arguments),
        Command::Certs(arguments) => certs::run(&arguments, matches.subcommand_matches("certs")),
        Command::Audit(arguments) => audit::run(&arguments),
        Command::DeadLetter(arguments) => letters::run(&arguments),
        Command::Quarantine(arguments) => quarantine::run(&arguments),
        Command::Incident(arguments) => incident::run(&arguments),
        Command::Keys(arguments) => keys::run(&arguments),
        Command::Health(arguments) => health::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
    }
}

/// Help and version as clap writes them; any other error as one line.
fn usage(error: &clap::Error) -> ExitCode {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        // Nothing can be told to anyone when stdout is closed.
        let _ = error.print();
        return Code::Fine.into();
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let _ = error.print();
        return Code::Failed.into();
    }
    let text = error.render().to_string();
    let parts: Vec<&str> = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("Usage:"))
        .filter(|line| !line.is_empty() && !line.starts_with("For more information"))
        .collect();
    complain(&format!("blackbar: {}; see blackbar --help", parts.join(" ").trim_start_matches("error: ")));
    Code::Failed.into()
}

/// One line on stderr.
fn complain(message: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", one_line(message));
}

fn one_line(message: &str) -> String {
    message.replace(['\n', '\r'], " ")
}

/// The exit codes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Code {
    /// 0.
    Fine,
    /// 1: findings, invalid configuration, or a body that may not pass.
    Refused,
    /// 2: usage, I/O, or a start that failed.
    Failed,
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        match code {
            Code::Fine => Self::SUCCESS,
            Code::Refused => Self::from(1),
            Code::Failed => Self::from(2),
        }
    }
}

/// Why a command ended early: lines for stderr and the exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    code: Code,
    lines: Vec<String>,
}

impl Failure {
    /// Usage, I/O or start failure.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self { code: Code::Failed, lines: vec![message.into()] }
    }

    /// As [`Failure::failed`], for an operation on a file. A reader of stdout that went away is not worth a line.
    pub(crate) fn io(path: impl fmt::Display, error: &io::Error) -> Self {
        let lines =
            if error.kind() == io::ErrorKind::BrokenPipe { Vec::new() } else { vec![format!("{path}: {error}")] };
        Self { code: Code::Failed, lines }
    }

    /// Something that may not pass, or is not valid.
    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self { code: Code::Refused, lines: vec![message.into()] }
    }

    /// A configuration or rules that were not taken.
    pub(crate) fn invalid(diagnostics: &[Diagnostic]) -> Self {
        Self { code: Code::Refused, lines: diagnostics.iter().map(ToString::to_string).collect() }
    }
}

/// Writes a line to stdout; a reader that went away ends the command quietly.
pub(crate) fn say(out: &mut dyn Write, line: fmt::Arguments<'_>) -> Result<(), Failure> {
    writeln!(out, "{line}").map_err(|error| Failure::io("stdout", &error))
}
