//! Blackbar beside the engines it is compared with: one process, one thread, all engines per round in turn, CPU time.
//!
//! What enters are seeded corpora in units of at most 64 KiB that end at a line's end; what leaves is the table of
//! speeds with each goal beside its figure. Every engine runs the same eleven rules, applies Luhn and mod 97, resolves
//! overlaps and writes the redacted bytes to a buffer that it reuses.

mod arguments;
mod clock;
#[path = "../../corpus/mod.rs"]
mod corpus;
mod engines;
mod memory;
mod packs;
mod record;
mod report;
mod rows;
#[path = "../../eleven/mod.rs"]
mod rules;
mod table;

use std::process::ExitCode;

use arguments::Arguments;
use report::Report;

#[global_allocator]
static ALLOCATOR: memory::Counting = memory::Counting;

fn main() -> ExitCode {
    let mut given = std::env::args_os();
    if given.nth(1).is_some_and(|first| first == rows::AS_BLACKBAR) {
        return blackbar::cli::run(std::iter::once("blackbar".into()).chain(given));
    }
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let arguments = Arguments::parse(corpus::SEED, std::env::args().skip(1))?;
    if arguments.list {
        let names = table::ENGINES.into_iter().chain(["table"]).chain(rows::ROWS.map(|(name, _)| name));
        println!("{}", names.collect::<Vec<_>>().join(" "));
        return Ok(());
    }
    if arguments.fetch {
        engines::hyperscan::fetch()?;
    }
    let mut report = Report::default();
    let libraries = table::run(&arguments, &mut report)?;
    rows::run(&arguments, &mut report);
    report.summary();
    if arguments.record {
        let path = record::write(&record::head(&arguments, &libraries), report.text())?;
        println!("\nWritten to {}", path.display());
    }
    Ok(())
}
