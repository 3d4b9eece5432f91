//! `rules`: lists, proofs, differences and hashed lists as people see them.

use serde_json::Value;

use crate::{Folder, Ran, run, run_with};

const OLD: &str = r#"version = 1
packs = ["contact"]
threshold = 60
[actions]
EMAIL = "mask"
[[rule]]
id = "acme.staff"
entity = "STAFF"
pattern = 'EMP-[0-9]{4,6}'
[[rule]]
id = "acme.code"
entity = "CODE"
pattern = 'C-[0-9]{4}'
keywords = { words = ["code", "badge"], before = 40, after = 0 }
allow = ["C-0000"]
[[rule]]
id = "acme.gone"
entity = "CODE"
pattern = 'G-[0-9]{3}'
validator = "luhn"
[[rule]]
id = "acme.absorbed"
entity = "STAFF"
pattern = 'EMP-[0-9]{5}'
[[rule]]
id = "acme.same"
entity = "X"
pattern = 'S-(?:[0-4]|[5-9])'
[[terms]]
id = "acme.names"
entity = "NAME"
file = "old.txt"
"#;

const NEW: &str = r#"version = 1
packs = ["contact"]
[actions]
EMAIL = { request = "mask", response = "redact" }
[[rule]]
id = "acme.staff"
entity = "STAFF"
pattern = '\bEMP-[0-9]{5,8}'
[[rule]]
id = "acme.code"
entity = "CODE"
pattern = 'C-[0-9]{4}'
confidence = 40
validator = "luhn"
keywords = { words = ["code", "id"], before = 20, after = 0 }
[[rule]]
id = "acme.same"
entity = "X"
pattern = 'S-[0-9]'
[[rule]]
id = "acme.fresh"
entity = "X"
pattern = 'F-[0-9]'
[[terms]]
id = "acme.names"
entity = "NAME"
file = "new.txt"
"#;

fn diff(old: &str, new: &str) -> Ran {
    run(["rules", "diff", old, new])
}

#[test]
fn a_change_tells_the_shortest_text_that_it_stops_covering() {
    let folder = Folder::new();
    folder.write("old.txt", "Jane Doe\nJoan Roe\n");
    folder.write("new.txt", "Jane Doe\n");
    let (old, new) = (folder.write("old.toml", OLD), folder.write("new.toml", NEW));
    let (old, new) = (old.to_str().unwrap(), new.to_str().unwrap());
    let ran = diff(old, new);
    let wanted = "\
changed  threshold  60 -> 50
changed  contact.email  action in responses: mask -> redact
changed  contact.email-spelled  action in responses: mask -> redact
changed  acme.staff  pattern: no longer covers `EMP-0000`
changed  acme.staff  pattern: now covers `EMP-0000000`
changed  acme.code  validator: none -> luhn
changed  acme.code  confidence: 80 -> 40
changed  acme.code  keywords: 40 before, 0 after -> 20 before, 0 after
changed  acme.code  keywords: without `badge`
changed  acme.code  keywords: with `id`
changed  acme.code  allowed values: 1 fewer, 0 more
changed  acme.code  action: redact -> off
removed  acme.gone  CODE: no longer covers `G-000`
removed  acme.absorbed  STAFF: no longer covers `EMP-00000` behind `a`
changed  acme.same  pattern: written otherwise, covers the same
changed  acme.names  list of 2 terms -> list of 1 terms
added    acme.fresh  X
";
    assert_eq!((ran.code, ran.text(), ran.stderr.as_str()), (1, wanted, ""));
    let same = diff(new, new);
    assert_eq!((same.code, same.text()), (0, ""));
    assert_eq!(diff("contact", "contact").code, 0);
    let packs = diff("contact", "pci");
    assert_eq!(packs.code, 1);
    assert!(packs.text().contains("added    pci.card  CREDIT_CARD"), "{}", packs.text());
    assert_eq!(diff("no-such.toml", "pci").code, 2);
    let nonsense = diff("nonsense", "pci");
    assert_eq!((nonsense.code, diff("pci", "nonsense").code), (2, 2));
    assert!(nonsense.stderr.contains("nonsense is neither a bundled pack nor a file"), "{}", nonsense.stderr);
    assert_eq!(diff("all", "all").code, 0);
}

#[test]
fn a_list_tells_what_is_off_and_why() {
    let folder = Folder::new();
    let rules = "version = 1\npacks = [\"contact\", \"pci\"]\n[actions]\nPHONE = \"off\"\nEMAIL = { request = \"mask\" }\n\
                 [[rule]]\nid = \"a.weak\"\nentity = \"X\"\npattern = 'X-[0-9]{4}'\nconfidence = 49\nvalidator = \"luhn\"\n";
    let path = folder.write("r.toml", rules);
    let list = |format: &str| run(["rules", "list", "--rules", path.to_str().unwrap(), "--format", format]);
    let text = list("text");
    assert_eq!(text.code, 0, "{}", text.stderr);
    let row = |id: &str| -> Vec<String> {
        let line = text.text().lines().find(|line| line.starts_with(id)).unwrap();
        line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect()
    };
    assert_eq!(row("RULE"), ["RULE", "ENTITY", "ACTION", "VALIDATOR", "COST", "CONFIDENCE", "HOLD-BACK", "STATE"]);
    let weak = ["a.weak", "X", "off", "luhn", "literal", "49", "7", "off: confidence below the threshold of 50"];
    assert_eq!(row("a.weak"), weak);
    assert_eq!(row("contact.phone").last().unwrap(), "off: by its action");
    assert_eq!(row("contact.email")[2], "mask / mask-domain");
    assert_eq!(row("pci.card").last().unwrap(), "on");
    let json = list("json");
    let lines: Vec<Value> = json.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let weak = lines.iter().find(|line| line["rule"] == "a.weak").unwrap();
    assert_eq!((weak["on"].as_bool(), weak["confidence"].as_u64()), (Some(false), Some(49)));
    assert_eq!(weak["off"], "confidence below the threshold of 50");
    assert_eq!((weak["validator"].as_str(), weak["holdback"].as_u64()), (Some("luhn"), Some(7)));
    let on = lines.iter().filter(|line| line["on"] == true).count();
    let total = format!("{on} rules, {} off, at most ", lines.len() - on);
    assert!(text.text().lines().last().unwrap().starts_with(&total), "{}", text.text());
}

#[test]
fn the_tests_of_a_file_count_its_proofs() {
    let folder = Folder::new();
    let rules = "version = 1\npacks = [\"pci\"]\n[[rule]]\nid = \"a.one\"\nentity = \"X\"\npattern = 'X-[0-9]{4}'\n\
                 [[rule]]\nid = \"a.two\"\nentity = \"X\"\npattern = 'X-[0-9]{2}0[0-9]'\n";
    let path = folder.write("r.toml", rules);
    let ran = run(["rules".as_ref(), "test".as_ref(), path.as_os_str()]);
    assert_eq!(ran.code, 0, "a shadow is a warning: {}", ran.stderr);
    assert!(ran.stderr.contains("rule a.two never wins: a.one finds everything that it finds"), "{}", ran.stderr);
    let counts = "anchors 2 proven, 0 not proven, 0 wrong; hold-back 2 proven, 0 not proven, 0 wrong; \
                  replacements 2 proven, 0 not proven, 0 wrong; shadows 1 proven, 0 not proven, 1 wrong";
    assert!(ran.text().contains(counts), "{}", ran.text());
    let never = folder.write("never.toml", rules.replace("'X-[0-9]{4}'", r"'X\bY'"));
    let ran = run(["rules".as_ref(), "test".as_ref(), never.as_os_str()]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("rule a.one: no text matches the pattern"), "{}", ran.stderr);
}

#[test]
fn a_hashed_list_finds_what_its_file_does_not_hold() {
    let folder = Folder::new();
    let key = folder.write("terms.key32", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
    let hash = |values: &str| {
        run_with(values.as_bytes(), ["rules".as_ref(), "hash-terms".as_ref(), "--key".as_ref(), key.as_os_str()])
    };
    let made = hash("Jane Doe\n\nJOSÉ\nC-10042\n");
    assert_eq!(made.code, 0, "{}", made.stderr);
    let lines: Vec<&str> = made.text().lines().collect();
    assert_eq!(lines[..3], ["blackbar-hashed-terms 1", "words 1 2", "longest 8"]);
    assert_eq!(lines.len(), 6);
    assert!(!made.text().to_lowercase().contains("jane"));
    folder.write("customers.hashed", made.text());
    let rules = "version = 1\n[[terms]]\nid = \"a.names\"\nentity = \"NAME\"\nfile = \"customers.hashed\"\n";
    let hashed = format!("{rules}hashed = {{ key = {{ file = \"terms.key32\" }} }}\n");
    let path = folder.write("r.toml", &hashed);
    let redact = |text: &str| {
        run_with(text.as_bytes(), ["redact".as_ref(), "--rules".as_ref(), path.as_os_str()]).text().to_owned()
    };
    assert_eq!(
        redact("jane doe met Jose\u{301} about c 10042, not Jane Dow"),
        "[NAME] met [NAME] about [NAME], not Jane Dow"
    );
    let list = run(["rules".as_ref(), "list".as_ref(), "--rules".as_ref(), path.as_os_str()]);
    assert!(list.text().contains("hashes"), "{}", list.text());
    let wrong_key = folder.write("other.toml", hashed.replace("terms.key32", "other.key32"));
    folder.write("other.key32", [7; 32]);
    let ran = run_with(b"jane doe", ["redact".as_ref(), "--rules".as_ref(), wrong_key.as_os_str()]);
    assert_eq!(ran.text(), "jane doe");
    let without = folder.write("without.toml", rules);
    let ran = run_with(b"", ["redact".as_ref(), "--rules".as_ref(), without.as_os_str()]);
    assert!(ran.code == 1 && ran.stderr.contains("holds hashes; add hashed = "), "{}", ran.stderr);
    assert_eq!(hash("").code, 2);
    let long = hash("a\nb c d e f g h\n");
    assert!(long.code == 2 && long.stderr.starts_with("line 2: "), "{}", long.stderr);
}
