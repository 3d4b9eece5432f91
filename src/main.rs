//! The binary: parses, runs, exits with the code that `cli` decided.

use std::process::ExitCode;

fn main() -> ExitCode {
    blackbar::cli::run(std::env::args_os())
}
