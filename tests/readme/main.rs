//! The README against the program: its table of metrics, its configurations, its rules, its table of actions, and the
//! defaults that it states.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic here is a failed test")]

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use blackbar::policy::{load, load_rules};
use blackbar::telemetry::{CATALOGUE, MetricKind};

const README: &str = include_str!("../../README.md");
const SAMPLE: &str = include_str!("../../blackbar.toml");

/// The fenced blocks of a language.
fn blocks(language: &str) -> Vec<&'static str> {
    let mut found = Vec::new();
    let mut rest = README;
    while let Some((_, after)) = rest.split_once(&format!("```{language}\n")) {
        let (block, after) = after.split_once("```").unwrap();
        found.push(block);
        rest = after;
    }
    found
}

#[test]
fn the_table_of_metrics_is_the_catalogue() {
    let mut wanted = String::from("| metric | kind | labels | what it says |\n|---|---|---|---|\n");
    for metric in CATALOGUE {
        let kind = match metric.kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Seconds | MetricKind::Bytes => "histogram",
        };
        let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        writeln!(wanted, "| `{}` | {kind} | {} | {} |", metric.name, labels.join(" "), metric.help).unwrap();
    }
    assert!(README.contains(&wanted), "the README's table should be:\n{wanted}");
}

/// The sample's keys under a table, as `key = "default"`.
fn defaults(table: &str) -> Vec<String> {
    let (_, after) = SAMPLE.split_once(&format!("\n#[{table}]\n")).unwrap();
    let section = after.split("\n\n").next().unwrap();
    let lines = section.lines().filter_map(|line| line.strip_prefix('#')?.split_once('='));
    lines.map(|(key, rest)| format!("`{}` {}", key.trim(), value(rest))).collect()
}

fn value(rest: &str) -> &str {
    rest.split('#').next().unwrap().trim().trim_matches('"')
}

#[test]
fn limits_and_timeouts_stand_with_their_defaults() {
    for wanted in defaults("limits").into_iter().chain(defaults("timeouts")) {
        assert!(README.contains(&wanted), "the README lacks {wanted}");
    }
}

/// What a row of the table of formats says that it is tested with, in the file that it names.
#[test]
fn formats_are_tested_where_the_table_says() {
    let (_, table) = README.split_once("| tested with | in |\n").unwrap();
    let rows: Vec<&str> = table.lines().skip(1).take_while(|line| line.starts_with('|')).collect();
    assert!(rows.len() > 10);
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        let [format, .., with, place] = cells[..] else { panic!("{row}") };
        let place = place.trim().trim_matches('`');
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let about = if place.contains("sdk") {
            ["tests/sdk/requirements.txt", "tests/sdk/node/package.json"]
        } else {
            ["Cargo.toml"; 2]
        };
        let texts = [place].into_iter().chain(about).map(|path| fs::read_to_string(root.join(path)).unwrap());
        let texts = texts.collect::<Vec<_>>();
        for name in with.split('`').skip(1).step_by(2).filter(|name| !name.ends_with("()") && !name.starts_with("om")) {
            assert!(texts[1..].iter().any(|text| text.contains(name)), "{format}: nothing installs {name}");
        }
        let reader = with.split('`').nth(1).unwrap_or_default().replace('-', "_");
        assert!(place.contains("sdk") || texts[0].contains(&reader), "{format}: {place} does not use {reader}");
    }
}

#[test]
fn configuration_and_rules_are_taken_as_they_stand() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let certs: Vec<OsString> = ["certs", "--out"].into_iter().map(OsString::from).chain([at("certs").into()]).collect();
    let made = Command::new(env!("CARGO_BIN_EXE_blackbar")).args(certs).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    fs::write(at("certs/acme.key32"), [7; 32]).unwrap();
    fs::write(at("customers.txt"), "Jane Roe\n").unwrap();
    let blocks = blocks("toml");
    let [signed, configuration, letters, syslog, rules] = blocks[..5].try_into().unwrap();
    fs::create_dir(at("aws")).unwrap();
    fs::write(at("aws/credentials"), "[blackbar]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = none\n")
        .unwrap();
    fs::write(at("blackbar.toml"), format!("{configuration}{signed}")).unwrap();
    fs::write(at("acme.toml"), rules).unwrap();
    let loaded = load(&at("blackbar.toml")).unwrap_or_else(|faults| panic!("{faults:?}"));
    assert_eq!(loaded.policy.routes.len(), 4);
    assert!(loaded.policy.routes[3].sign.is_some());
    // Syslog needs no route, and dead letters a key that the program makes.
    fs::copy(at("certs/ca.crt"), at("certs/roots.pem")).unwrap();
    let keys = ["dead-letter", "keys", "--out"].into_iter().map(OsString::from).chain([folder.path().into()]);
    assert!(Command::new(env!("CARGO_BIN_EXE_blackbar")).args(keys).output().unwrap().status.success());
    fs::write(at("syslog.toml"), format!("version = 1\n{syslog}{letters}")).unwrap();
    let loaded = load(&at("syslog.toml")).unwrap_or_else(|faults| panic!("{faults:?}"));
    assert!(loaded.policy.listeners[0].syslog.is_some() && loaded.policy.workspaces[0].dead_letter.is_some());
    // What waits for a person, beside the workspace of the configuration.
    let waiting = blocks.iter().find(|block| block.contains("[quarantine]")).unwrap();
    fs::write(at("certs/quarantine.key32"), [7; 32]).unwrap();
    fs::write(at("certs/webhook.key"), "0123456789abcdef0123456789abcdef").unwrap();
    let configuration = configuration.replace("[admin]\naddress = \"127.0.0.1:9464\"", "");
    fs::write(at("waiting.toml"), format!("{configuration}{waiting}")).unwrap();
    let loaded = load(&at("waiting.toml")).unwrap_or_else(|faults| panic!("{faults:?}"));
    assert!(loaded.policy.quarantine.is_some() && loaded.policy.admin.unwrap().people.len() == 1);
    // The sample's comments and the README's claim: `redact --rules` has no key, so `hash` says where to get one.
    let faults = load_rules(Some(&at("acme.toml"))).unwrap_err();
    assert!(faults[0].to_string().contains("--config"), "{}", faults[0]);
}

#[test]
fn the_table_of_actions_is_true() {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules.toml");
    let input = folder.path().join("input.txt");
    fs::write(&input, "jane@example.com|4111 1111 1111 1111|").unwrap();
    let (_, table) = README.split_once("| action | `jane@example.com` | `4111 1111 1111 1111` |").unwrap();
    let mut tried = 0;
    for row in table.lines().skip(2).take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = row.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        let action = if cells[1].starts_with('{') { cells[1].to_owned() } else { format!("{:?}", cells[1]) };
        if matches!(cells[1], "hash" | "tokenize" | "stand-in" | "block" | "quarantine" | "reroute") {
            continue;
        }
        let text = format!("version = 1\npacks = [\"default\"]\n[actions]\nEMAIL = {action}\nCREDIT_CARD = {action}\n");
        fs::write(&rules, text).unwrap();
        let mut redact = Command::new(env!("CARGO_BIN_EXE_blackbar"));
        redact.arg("redact").arg("--rules").arg(&rules).arg(&input);
        let out = redact.output().unwrap();
        assert_eq!(String::from_utf8(out.stdout).unwrap(), format!("{}|{}|", cells[2], cells[3]), "{row}");
        tried += 1;
    }
    assert_eq!(tried, 9);
}

#[test]
fn scan_sees_what_redact_redacts_and_refuses_what_it_refuses() {
    let folder = tempfile::tempdir().unwrap();
    let ran = |command: &str, contents: &[u8]| {
        let file = folder.path().join("app.log");
        fs::write(&file, contents).unwrap();
        let out = Command::new(env!("CARGO_BIN_EXE_blackbar")).arg(command).arg(&file).output().unwrap();
        (out.status.code(), String::from_utf8(out.stdout).unwrap(), String::from_utf8(out.stderr).unwrap())
    };
    // JSON in a log is read as JSON, so its escapes are opened.
    let escaped = b"{\"to\":\"jane\\u0040example.com\"}\n";
    assert_eq!(ran("redact", escaped).1, "{\"to\":\"jane@***\"}\n");
    let (code, out, _) = ran("scan", escaped);
    assert_eq!(code, Some(1));
    assert!(out.contains("app.log:1:8: contact.email EMAIL mask-domain"), "{out}");
    // A text's findings keep their places, also over lines.
    let (_, out, _) = ran("scan", b"a\nto jane@example.com and\n4111 1111 1111 1111\n");
    assert!(out.contains("app.log:2:4: contact.email") && out.contains("app.log:3:1: pci.card"), "{out}");
    for contents in [&b"PK\x03\x04rest"[..], b"\x1f\x8brest"] {
        for command in ["redact", "scan"] {
            let (code, out, said) = ran(command, contents);
            assert_eq!((code, out.as_str()), (Some(1), ""), "{command}: {said}");
            assert!(said.contains("body refused") && said.contains(';') && said.lines().count() == 1, "{said}");
        }
    }
}
