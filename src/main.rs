//! The binary: parses, runs, exits with the code that `cli` decided.

fn main() {}
