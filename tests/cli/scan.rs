//! `scan`: places, formats, and never a value.

use std::io::Write;

use serde_json::Value;

use crate::{Folder, run, run_with};

const TEXT: &str = "first\n\u{e9} card 4111 1111 1111 1111, mail jane@example.com\n\nssn 078-05-1120";

#[test]
fn places_in_text_are_exact() {
    let folder = Folder::new();
    let path = folder.write("a.log", TEXT);
    let name = path.display();
    let ran = run(["scan".as_ref(), path.as_os_str()]);
    let wanted = format!(
        "{name}:2:9: pci.card CREDIT_CARD keep-last-4\n{name}:2:35: contact.email EMAIL mask-domain\n\
         {name}:4:5: us-pii.ssn US_SSN mask\n"
    );
    assert_eq!((ran.code, ran.text(), ran.stderr.as_str()), (1, wanted.as_str(), ""));
    let clean = run_with(b"nothing to see", ["scan"]);
    assert_eq!((clean.code, clean.text()), (0, ""));
}

#[test]
fn a_long_text_keeps_its_places() {
    let mut text = "the quick brown fox jumps over the lazy dog\n".repeat(20_000);
    text.push_str("and jane@example.com\n");
    let ran = run_with(text.as_bytes(), ["scan"]);
    assert_eq!(ran.text(), "stdin:20001:5: contact.email EMAIL mask-domain\n");
}

#[test]
fn a_block_does_not_end_the_scan() {
    let folder = Folder::new();
    let rules =
        folder.write("r.toml", "version = 1\npacks = [\"default\"]\n[actions]\nEMAIL = \"block\"\nPHONE = \"off\"\n");
    let ran = run_with(
        b"jane@example.com (212) 555-0123 078-05-1120",
        ["scan".as_ref(), "--rules".as_ref(), rules.as_os_str()],
    );
    assert_eq!(ran.code, 1);
    assert_eq!(ran.text(), "stdin:1:1: contact.email EMAIL block\nstdin:1:33: us-pii.ssn US_SSN mask\n");
}

#[test]
fn what_several_rules_block_is_told_once() {
    let folder = Folder::new();
    let rules = folder.write("r.toml", "version = 1\npacks = [\"default\"]\n[actions]\nCREDIT_CARD = \"block\"\n");
    for (kind, body, told) in [
        ("text/plain", "card 4111 1111 1111 1111, card 4111 1111 1111 1111", &[6, 32][..]),
        ("application/json", "{\"card\":\"4111 1111 1111 1111\"}", &[10]),
    ] {
        let ran = run_with(
            body.as_bytes(),
            ["scan".as_ref(), "--type".as_ref(), kind.as_ref(), "--rules".as_ref(), rules.as_os_str()],
        );
        let wanted: String = told.iter().map(|at| format!("stdin:1:{at}: pci.card CREDIT_CARD block\n")).collect();
        assert_eq!((ran.code, ran.text()), (1, wanted.as_str()), "{body}");
    }
}

#[test]
fn json_prints_one_object_a_line() {
    let ran = run_with(TEXT.as_bytes(), ["scan", "--format", "json"]);
    let lines: Vec<Value> = ran.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    assert_eq!((lines[1]["file"].as_str(), lines[1]["line"].as_u64()), (Some("stdin"), Some(2)));
    assert_eq!((lines[1]["column"].as_u64(), lines[1]["rule"].as_str()), (Some(35), Some("contact.email")));
    assert_eq!((lines[1]["entity"].as_str(), lines[1]["action"].as_str()), (Some("EMAIL"), Some("mask-domain")));
    for secret in ["4111", "jane", "078-05"] {
        assert!(!ran.text().contains(secret));
    }
}

#[test]
fn sarif_has_what_the_standard_asks_for() {
    let folder = Folder::new();
    let path = folder.write("a b.log", TEXT);
    let ran = run(["scan".as_ref(), "--format".as_ref(), "sarif".as_ref(), path.as_os_str()]);
    assert_eq!(ran.code, 1);
    let report: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(report["version"], "2.1.0");
    let run = &report["runs"][0];
    assert_eq!(
        (run["tool"]["driver"]["name"].as_str(), run["columnKind"].as_str()),
        (Some("blackbar"), Some("unicodeCodePoints"))
    );
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 3);
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
        assert!(result["message"]["text"].is_string());
    }
    let place = &results[0]["locations"][0]["physicalLocation"];
    assert!(place["artifactLocation"]["uri"].as_str().unwrap().ends_with("/a%20b.log"));
    // Characters, not bytes: an é stands before it.
    assert_eq!((place["region"]["startLine"].as_u64(), place["region"]["startColumn"].as_u64()), (Some(2), Some(8)));
    let known: [(&Value, &[&str]); 6] = [
        (&report, &["$schema", "version", "runs"]),
        (run, &["tool", "columnKind", "results"]),
        (&run["tool"]["driver"], &["name", "semanticVersion", "rules"]),
        (&results[0], &["ruleId", "ruleIndex", "level", "message", "locations", "properties"]),
        (&place["artifactLocation"], &["uri"]),
        (&place["region"], &["startLine", "startColumn"]),
    ];
    // The schema (OASIS SARIF 2.1.0) closes every object: a key that it does not name makes a report invalid.
    for (object, keys) in known {
        let given: Vec<&str> = object.as_object().unwrap().keys().map(String::as_str).collect();
        assert!(given.iter().all(|key| keys.contains(key)) && given.len() == keys.len(), "{given:?}");
    }
    let empty = run_with_sarif(b"nothing");
    assert_eq!(empty["runs"][0]["results"].as_array().map(Vec::len), Some(0));
}

fn run_with_sarif(input: &[u8]) -> Value {
    serde_json::from_slice(&run_with(input, ["scan", "--format", "sarif"]).stdout).unwrap()
}

#[test]
fn structured_bodies_tell_their_lines() {
    let json = "{\n  \"a\": \"card 4111 1111 1111 1111\",\n  \"b\": \"j\\u0061ne@example.com\",\n  \"c\": \"078-05-1120\"\n}\n";
    let ran = run_with(json.as_bytes(), ["scan", "--type", "application/json"]);
    let places: Vec<&str> = ran.text().lines().map(|line| line.split(": ").next().unwrap()).collect();
    // The second value is written with an escape: its column in the file is not that of the value.
    assert_eq!(places.len(), 3);
    assert_eq!((places[0], places[2]), ("stdin:2:14", "stdin:4:9"));
    assert!(places[1].starts_with("stdin:3:"), "{}", places[1]);
    let lines = "{\"ssn\":\"078051120\"}\n{\"m\":\"ssn 078051120\"}\n";
    let ran = run_with(lines.as_bytes(), ["scan", "--type", "application/x-ndjson"]);
    let found = "us-pii.ssn-unformatted US_SSN mask\n";
    assert_eq!(ran.text(), format!("stdin:1:9: {found}stdin:2:11: {found}"));
    let events = "data: {\"a\":1}\n\ndata: {\"a\":\"jane@example.com\"}\n\n";
    let ran = run_with(events.as_bytes(), ["scan", "--type", "text/event-stream"]);
    assert_eq!(ran.text(), "stdin:3:13: contact.email EMAIL mask-domain\n");
}

#[test]
fn coded_files_are_opened() {
    let folder = Folder::new();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(TEXT.as_bytes()).unwrap();
    let path = folder.write("a.log.gz", encoder.finish().unwrap());
    let other = folder.write("b.json", "{\"a\" 1}");
    let ran = run(["scan".as_ref(), other.as_os_str(), path.as_os_str()]);
    assert_eq!(ran.code, 1);
    assert_eq!(ran.text().lines().count(), 3);
    assert!(ran.stderr.starts_with(&format!("{}: body refused: json_syntax", other.display())), "{}", ran.stderr);
    assert_eq!(ran.stderr.lines().count(), 1);
}
