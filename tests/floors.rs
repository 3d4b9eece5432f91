//! The floors of the house, read from the `use` lines and paths of `src/`: a room uses only rooms below it.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::string_slice, reason = "a test may stop")]

use std::fs;
use std::path::{Path, PathBuf};

/// Rooms by floor, and the crates of the outside world that a floor may use in addition to those below it.
const FLOORS: &[(&[&str], &[&str])] = &[
    (
        &["engine"],
        &["aes_siv", "aho_corasick", "fst", "hmac", "memchr", "regex_automata", "regex_syntax", "sha2", "zeroize"],
    ),
    (&["body"], &["brotli", "bytes", "encoding_rs", "flate2", "snap", "zstd"]),
    (&["policy"], &["arc_swap", "rustls", "rustls_pki_types", "serde", "serde_json", "toml", "x509_parser"]),
    (&["redis_client"], &["redis", "tokio", "tracing"]),
    (
        &["audit", "external", "quarantine", "seal", "telemetry"],
        &["aws_lc_rs", "prometheus", "time", "tracing_subscriber"],
    ),
    (
        &["proxy"],
        &[
            "getrandom",
            "http",
            "http_body",
            "http_body_util",
            "hyper",
            "hyper_util",
            "rustls_native_certs",
            "socket2",
            "tokio_rustls",
            "tower_service",
        ],
    ),
    (&["admin"], &[]),
    (&["cli"], &["clap", "indicatif", "rcgen", "rustix"]),
];

fn files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

fn floor_of(room: &str) -> Option<usize> {
    FLOORS.iter().position(|(rooms, _)| rooms.contains(&room))
}

/// The code of a file without its comments and its unit tests.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).map(|line| format!("{line}\n")).collect()
}

/// The names that follow `prefix::` in the code.
fn mentioned<'code>(code: &'code str, prefix: &str) -> Vec<&'code str> {
    let pattern = format!("{prefix}::");
    code.match_indices(&pattern)
        .filter(|(at, _)| !code[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':'))
        .map(|(at, _)| {
            let rest = &code[at + pattern.len()..];
            &rest[..rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())]
        })
        .collect()
}

#[test]
fn every_arrow_points_down() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    files(&source, &mut all);
    let mut wrong = Vec::new();
    let mut seen = 0;
    for path in all {
        let relative = path.strip_prefix(&source).unwrap().to_owned();
        let room =
            relative.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned();
        if path.file_stem().is_some_and(|stem| stem == "tests") || relative.iter().any(|part| part == "tests") {
            continue;
        }
        let Some(floor) = floor_of(&room) else {
            assert!(room == "lib" || room == "main", "{room} stands on no floor");
            continue;
        };
        seen += 1;
        let code = code(&path);
        for used in mentioned(&code, "crate") {
            if let Some(other) = floor_of(used)
                && used != room
                && other >= floor
            {
                wrong.push(format!("{} uses {used}, which is not below it", relative.display()));
            }
        }
        for (above, (_, crates)) in FLOORS.iter().enumerate().skip(floor + 1) {
            for name in *crates {
                let starts =
                    |line: &str| line.trim_start().trim_start_matches("pub ").starts_with(&format!("use {name}"));
                if !mentioned(&code, name).is_empty() && code.lines().any(starts)
                    || code.contains(&format!(" {name}::"))
                {
                    wrong.push(format!("{} uses {name}, which begins on floor {above}", relative.display()));
                }
            }
        }
    }
    assert!(seen > 10, "only {seen} files were read");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
