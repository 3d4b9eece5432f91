//! A dated record: what was printed, with the machine and the versions.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

use time::OffsetDateTime;

use crate::arguments::{Arguments, record_directory};

/// The packages whose versions a reader wants.
const PACKAGES: [&str; 6] =
    ["regex-automata", "regex-syntax", "aho-corasick", "memchr", "dd-sensitive-data-scanner", "blackbar"];

/// The machine, the versions and the command, as the head of a record.
pub fn head(arguments: &Arguments, libraries: &[(String, String)]) -> String {
    let mut head = String::new();
    let _ = writeln!(head, "- CPU: {}", processor("model name").unwrap_or_default());
    let _ = writeln!(head, "- vector flags: {}", vector_flags());
    let _ = writeln!(head, "- processors: {}", std::thread::available_parallelism().map_or(0, usize::from));
    let _ = writeln!(head, "- kernel: {}", read("/proc/sys/kernel/osrelease"));
    let _ = writeln!(head, "- load at the start: {}", read("/proc/loadavg"));
    let _ = writeln!(
        head,
        "- compiler: {}; release, thin LTO, one codegen unit, no target-cpu",
        output("rustc", &["--version"])
    );
    let _ = writeln!(
        head,
        "- Blackbar at {}",
        output("git", &["-C", env!("CARGO_MANIFEST_DIR"), "describe", "--always", "--dirty"])
    );
    for (name, version) in PACKAGES.iter().filter_map(|name| Some((*name, locked(name)?))) {
        let _ = writeln!(head, "- {name} {version}");
    }
    for (name, version) in libraries {
        let _ = writeln!(head, "- {name} {version}");
    }
    let (size, rounds, seed) = (arguments.size >> 20, arguments.rounds, arguments.seed);
    let _ = writeln!(head, "- corpora of {size} MiB (near misses a fifth), seed {seed}, {rounds} rounds");
    head
}

/// Writes the record of today; a second one of a day replaces the first.
pub fn write(head: &str, text: &str) -> Result<PathBuf, String> {
    let date = OffsetDateTime::now_utc().date();
    let path = record_directory().join(format!("{date}.md"));
    std::fs::create_dir_all(record_directory()).map_err(|error| error.to_string())?;
    std::fs::write(&path, format!("# Peers, {date}\n\n{head}{text}")).map_err(|error| error.to_string())?;
    Ok(path)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&output).trim().to_owned()
}

/// A field of the first processor.
fn processor(field: &str) -> Option<String> {
    let all = read("/proc/cpuinfo");
    let line = all.lines().find(|line| line.starts_with(field))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn vector_flags() -> String {
    let flags = processor("flags").unwrap_or_default();
    let vector =
        |flag: &&str| ["sse", "ssse", "avx", "bmi", "gfni", "popcnt"].iter().any(|kind| flag.starts_with(kind));
    flags.split(' ').filter(vector).collect::<Vec<_>>().join(" ")
}

/// The version of a package in this package's lock file; the highest, where there are several.
fn locked(name: &str) -> Option<&'static str> {
    let versions = include_str!("../Cargo.lock").split("[[package]]").filter_map(|package| {
        let field = |key: &str| package.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "));
        let matches = field("name")?.trim_matches('"') == name;
        matches.then(|| field("version").map(|version| version.trim_matches('"'))).flatten()
    });
    versions.last()
}
