//! Dead letters: files of sealed records in, what may be known of them, or with the private key the records, out.

use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use zeroize::Zeroizing;

use super::certs::{Readers, write};
use super::{Code, Failure, complain, say};
use crate::audit::acts::{Act, Deed};
use crate::policy;
use crate::proxy::moment;
use crate::seal::{Items, PrivateKey, Sealed, key_pair};

/// Largest key file.
const KEY_BYTES: u64 = 64 << 10;

/// Arguments of `dead-letter`.
#[derive(Args, Debug)]
#[command(after_help = "Example: blackbar dead-letter show --key dead-letter.key dead-letters/acme")]
pub(super) struct LettersArguments {
    #[command(subcommand)]
    command: LettersCommand,
}

#[derive(Subcommand, Debug)]
enum LettersCommand {
    /// Make a pair of keys: dead-letter.pub for `recipient`, dead-letter.key to read with, which the proxy does not need.
    #[command(after_help = "Example: blackbar dead-letter keys --out certs")]
    Keys {
        /// Directory to write to; what is there already is kept
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Print what was kept, one record a line: id, time in seconds since 1970, workspace, route, rule, bytes. Needs no key.
    #[command(after_help = "Example: blackbar dead-letter list dead-letters/acme")]
    List {
        /// Files, or directories of them
        #[arg(value_name = "PATH", required = true)]
        paths: Vec<PathBuf>,
    },
    /// Print the records themselves, each on a line of its own.
    #[command(after_help = "Example: blackbar dead-letter show --key dead-letter.key dead-letters/acme")]
    Show {
        /// The private key
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// The configuration whose audit log tells of it, before a record is opened
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// Why, for the record
        #[arg(long, value_name = "TEXT", requires = "config")]
        reason: Option<String>,
        /// Only this record, repeatable
        #[arg(long = "id", value_name = "ID")]
        ids: Vec<String>,
        /// Files, or directories of them
        #[arg(value_name = "PATH", required = true)]
        paths: Vec<PathBuf>,
    },
}

/// Runs `dead-letter`.
pub(super) fn run(arguments: &LettersArguments) -> Result<Code, Failure> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let code = match &arguments.command {
        LettersCommand::Keys { out: directory } => keys(directory, &mut out),
        LettersCommand::List { paths } => each(paths, |item| {
            let known = &item.description;
            let (id, time, bytes) = (&known.id, known.time, item.content_len());
            say(&mut out, format_args!("{id} {time} {} {} {} {bytes}", known.workspace, known.route, known.rule))?;
            Ok(Code::Fine)
        }),
        LettersCommand::Show { key, config, reason, ids, paths } => {
            let key = private_key(key)?;
            if let Some(config) = config {
                recorded(config, reason.clone())?;
            }
            each(paths, |item| {
                if !ids.is_empty() && !ids.contains(&item.description.id) {
                    return Ok(Code::Fine);
                }
                match item.open(&key) {
                    Ok(record) => {
                        let end: &[u8] = if record.ends_with(b"\n") { b"" } else { b"\n" };
                        let written = out.write_all(&record).and_then(|()| out.write_all(end));
                        written.map_err(|error| Failure::io("stdout", &error))?;
                        Ok(Code::Fine)
                    }
                    Err(fault) => {
                        complain(&format!("{} {fault}", item.description.id));
                        Ok(Code::Refused)
                    }
                }
            })
        }
    }?;
    out.flush().map_err(|error| Failure::io("stdout", &error))?;
    Ok(code)
}

/// Writes that dead letters are opened. Of which workspaces their own descriptions tell.
fn recorded(config: &Path, reason: Option<String>) -> Result<(), Failure> {
    let policy = policy::load(config).map_err(|faults| Failure::invalid(&faults))?.policy;
    let Some(settings) = &policy.audit else {
        return Err(Failure::failed(format!("{}: there is no [audit]", config.display())));
    };
    let act = Act { reason, ..Act::new(Deed::DeadLetterShow) };
    act.record(settings, moment).map_err(|error| Failure::failed(error.to_string()))
}

fn keys(directory: &Path, out: &mut dyn Write) -> Result<Code, Failure> {
    std::fs::create_dir_all(directory).map_err(|error| Failure::io(directory.display(), &error))?;
    let (private, public) = (directory.join("dead-letter.key"), directory.join("dead-letter.pub"));
    if let Some(there) = [&private, &public].into_iter().find(|path| path.exists()) {
        return Err(Failure::failed(format!("{} is there already; it is kept", there.display())));
    }
    let (key, recipient) = key_pair().map_err(|_| Failure::failed("the system has no randomness"))?;
    write(&private, key.as_bytes(), Readers::Owner)?;
    write(&public, recipient.as_bytes(), Readers::All)?;
    say(out, format_args!("{}\n{}", private.display(), public.display()))?;
    Ok(Code::Fine)
}

fn private_key(path: &Path) -> Result<PrivateKey, Failure> {
    use std::io::Read;
    let mut pem = Zeroizing::new(Vec::new());
    let read = File::open(path).and_then(|file| file.take(KEY_BYTES).read_to_end(&mut pem));
    read.map_err(|error| Failure::io(path.display(), &error))?;
    PrivateKey::from_pem(&pem).map_err(|fault| Failure::failed(format!("{} {fault}", path.display())))
}

/// Runs over the items of files and directories; one that cannot be read is said, and the rest goes on.
fn each(paths: &[PathBuf], mut show: impl FnMut(&Sealed) -> Result<Code, Failure>) -> Result<Code, Failure> {
    let mut code = Code::Fine;
    for path in paths {
        for file in files(path)? {
            let opened = File::open(&file).map_err(|error| Failure::io(file.display(), &error))?;
            for item in Items::new(BufReader::new(opened)) {
                match item {
                    Ok(item) => code = code.max(show(&item)?),
                    Err(fault) => {
                        complain(&format!("{} {fault}", file.display()));
                        code = Code::Failed;
                    }
                }
            }
        }
    }
    Ok(code)
}

/// The file itself, or the sealed files of a directory by name; an empty one was never begun.
fn files(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed = |error: io::Error| Failure::io(path.display(), &error);
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        let is_empty = std::fs::metadata(&file).is_ok_and(|metadata| metadata.len() == 0);
        if !is_empty && file.extension().is_some_and(|extension| extension == "sealed") {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}
