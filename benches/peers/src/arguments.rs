//! The command line.

use std::path::PathBuf;

pub const USAGE: &str = "\
cargo run --release --manifest-path benches/peers/Cargo.toml -- [OPTIONS]

  --size MIB           bytes of chat, clean and logs; a fifth of it of near misses [default: 16]
  --rounds N           rounds, engines in turn within each [default: 5]
  --seed N             seed of the corpora [default: 20261121]
  --only NAME...       engines and rows by name, as they stand in the output; `table` is every engine
  --fetch              download Debian's Hyperscan and Vectorscan into the target directory first
  --record             write benches/record/YYYY-MM-DD.md as well
  --list               print the names for --only";

pub struct Arguments {
    pub size: usize,
    pub rounds: usize,
    pub seed: u64,
    pub only: Vec<String>,
    pub fetch: bool,
    pub record: bool,
    pub list: bool,
}

impl Arguments {
    pub fn parse(seed: u64, given: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut arguments =
            Self { size: 16 << 20, rounds: 5, seed, only: Vec::new(), fetch: false, record: false, list: false };
        let mut given = given.peekable();
        while let Some(option) = given.next() {
            match option.as_str() {
                "--size" => arguments.size = number::<usize>(&option, given.next())? << 20,
                "--rounds" => arguments.rounds = number::<usize>(&option, given.next())?.max(1),
                "--seed" => arguments.seed = number(&option, given.next())?,
                "--fetch" => arguments.fetch = true,
                "--record" => arguments.record = true,
                "--list" => arguments.list = true,
                "--only" => {
                    while let Some(name) = given.next_if(|name| !name.starts_with("--")) {
                        arguments.only.push(name);
                    }
                }
                _ => return Err(format!("unknown option {option}\n\n{USAGE}")),
            }
        }
        if arguments.size == 0 {
            return Err("--size is 1 or more".to_owned());
        }
        Ok(arguments)
    }

    /// Whether a part was asked for.
    pub fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == name)
    }

    /// Whether an engine of the table was asked for.
    pub fn wants_engine(&self, name: &str) -> bool {
        self.wants(name) || self.wants("table")
    }
}

fn number<T: std::str::FromStr>(option: &str, value: Option<String>) -> Result<T, String> {
    value.and_then(|value| value.parse().ok()).ok_or_else(|| format!("{option} wants a number"))
}

/// Where records are kept.
pub fn record_directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../record")
}
