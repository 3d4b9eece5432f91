//! The built binary: what people type in; stdout, stderr, files and exit codes out.
#![allow(clippy::indexing_slicing, clippy::string_slice, clippy::unwrap_used, reason = "a test may stop")]

mod audit;
mod certs;
mod configuration;
mod incident;
mod letters;
mod redact;
mod rules;
mod scan;
mod serve;
mod tokens;

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a run gave.
#[derive(Debug)]
struct Ran {
    code: i32,
    stdout: Vec<u8>,
    stderr: String,
}

impl Ran {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap()
    }
}

fn blackbar<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_blackbar"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn run<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Ran {
    finished(blackbar(arguments).output().unwrap())
}

fn run_with<A: AsRef<OsStr>>(input: &[u8], arguments: impl IntoIterator<Item = A>) -> Ran {
    let mut command = blackbar(arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // A run that ends early closes its end; what it read until then is what counts.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    finished(output)
}

fn finished(output: std::process::Output) -> Ran {
    let std::process::Output { status, stdout, stderr } = output;
    Ran { code: status.code().unwrap_or(-1), stdout, stderr: String::from_utf8(stderr).unwrap() }
}

/// A directory with files in it.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, contents).unwrap();
        path
    }
}

#[test]
fn help_has_an_example_everywhere() {
    let top = run(["--help"]);
    assert_eq!(top.code, 0);
    for word in [
        "serve",
        "check",
        "redact",
        "scan",
        "reveal",
        "rules",
        "certs",
        "health",
        "demo",
        "audit",
        "quarantine",
        "Example:",
        "Exit codes:",
    ] {
        assert!(top.text().contains(word), "{word}");
    }
    let commands: [&[&str]; 23] = [
        &["serve"],
        &["check"],
        &["redact"],
        &["scan"],
        &["reveal"],
        &["rules"],
        &["rules", "list"],
        &["rules", "test"],
        &["rules", "diff"],
        &["rules", "hash-terms"],
        &["certs"],
        &["health"],
        &["demo"],
        &["audit", "verify"],
        &["audit", "show"],
        &["audit", "query"],
        &["audit", "prove"],
        &["audit", "export"],
        &["audit", "explain"],
        &["audit", "register"],
        &["incident", "freeze"],
        &["incident", "thaw"],
        &["keys", "new"],
    ];
    for command in commands {
        let help = run(command.iter().copied().chain(["--help"]));
        assert_eq!(help.code, 0, "{command:?}");
        let example = help.text().lines().find(|line| line.starts_with("Example: "));
        assert!(example.is_some_and(|line| line.contains("blackbar ")), "{command:?}: {}", help.text());
    }
}

#[test]
fn wrong_usage_is_one_line_and_exit_code_2() {
    let wrong: [&[&str]; 8] = [
        &["redact", "--nonsense"],
        &["unknown"],
        &["redact", "-i"],
        &["redact", "--type", "no type", "-"],
        &["redact", "--rules", "a.toml", "--config", "b.toml"],
        &["redact", "--workspace", "acme"],
        &["scan", "--format", "xml"],
        &["certs"],
    ];
    for arguments in wrong {
        let ran = run(arguments);
        assert_eq!(ran.code, 2, "{arguments:?}: {}", ran.stderr);
        assert_eq!(ran.stderr.lines().count(), 1, "{arguments:?}: {}", ran.stderr);
        assert!(ran.stdout.is_empty(), "{arguments:?}");
    }
    assert_eq!(run(["--version"]).text(), format!("blackbar {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(run([""; 0]).code, 2);
}

#[test]
fn the_demo_lets_nothing_through() {
    let ran = run(["demo"]);
    assert_eq!(ran.code, 0, "{}{}", ran.text(), ran.stderr);
    let text = ran.text();
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    assert!(!text.contains('\u{1b}'), "no colours where nobody sees them");
    for shown in ["4111", "PROVIDER RECEIVED", "SINK RECEIVED", "CLIENT GOT BACK", "pci.card", "[SECRET]", "P99", "✓"]
    {
        assert!(text.contains(shown), "{shown}: {text}");
    }
    // Planted by the provider itself: in nobody's column.
    assert!(!text.contains("5555 5555 5555 4444") && !text.contains("john.doe@example.org"), "{text}");
}
