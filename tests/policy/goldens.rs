//! Every diagnostic has a file that shows it. A file in `tests/data/diagnostics` begins with the lines that it must
//! give, all of them and in this order, each behind `#> `; `#== NAME` begins another file of the same case. A case
//! whose first file is `rules.toml` is read as rules, any other as a configuration.

use std::fs;
use std::path::{Path, PathBuf};

use blackbar::policy::{Diagnostic, load, load_rules};

use crate::support::{Folder, MINIMAL};

/// The files of a case, and what is expected.
fn parts(text: &str) -> (Vec<(String, String)>, Vec<String>) {
    let mut files = vec![("blackbar.toml".to_owned(), String::new())];
    let mut expected = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("#== ") {
            if files.len() == 1 && files[0].1.is_empty() {
                files.clear();
            }
            files.push((name.to_owned(), String::new()));
        } else if let Some(wanted) = line.strip_prefix("#> ") {
            expected.push(wanted.to_owned());
        } else {
            let (_, body) = files.last_mut().unwrap();
            body.push_str(line);
            body.push('\n');
        }
    }
    (files, expected)
}

/// A diagnostic as a golden writes it: code, then the line as printed, without the folder.
fn shown(diagnostic: &Diagnostic, root: &Path) -> String {
    format!("[{}] {diagnostic}", diagnostic.code).replace(&format!("{}/", root.display()), "")
}

fn run(folder: &Folder, files: &[(String, String)]) -> Vec<String> {
    for (name, body) in files {
        folder.write(name, &body.replace("#MINIMAL\n", MINIMAL));
    }
    let first = folder.path(&files[0].0);
    let found = if files[0].0 == "rules.toml" {
        load_rules(Some(&first)).map_or_else(|found| found, |rules| rules.warnings)
    } else {
        load(&first).map_or_else(|found| found, |loaded| loaded.warnings)
    };
    let noise = |one: &&Diagnostic| !matches!(one.code, "audit-off" | "hold-back");
    found.iter().filter(noise).map(|one| shown(one, folder.root())).collect()
}

#[test]
fn every_case_gives_its_lines() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/diagnostics");
    let mut names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    assert!(!names.is_empty());
    // What is held is not compiled again by what is loaded beside it.
    let _held = load_rules(None);
    let parts = std::thread::available_parallelism().map_or(1, usize::from);
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let names = &names;
        let part = |part| scope.spawn(move || wrong(names.iter().skip(part).step_by(parts)));
        let threads: Vec<_> = (0..parts).map(part).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// The cases that give other lines than they say.
fn wrong<'a>(names: impl Iterator<Item = &'a PathBuf>) -> Vec<String> {
    let rewrite = std::env::var_os("BLACKBAR_REWRITE_GOLDENS").is_some();
    let mut wrong = Vec::new();
    let certificates = Folder::new();
    for name in names {
        let text = fs::read_to_string(name).unwrap();
        let (files, expected) = parts(&text);
        let found = run(&certificates, &files);
        for secret in ["hunter2", "0123456789abcdef", "Jane", "EMP-"] {
            let quoted = found.iter().find(|line| line.contains(secret) && !line.contains("like `EMP-`"));
            assert_eq!(quoted, None, "a diagnostic repeats what it must not");
        }
        if found == expected {
            continue;
        }
        if rewrite {
            let rest: Vec<&str> = text.lines().filter(|line| !line.starts_with("#> ")).collect();
            let lines: Vec<String> = found.iter().map(|line| format!("#> {line}")).collect();
            fs::write(name, format!("{}\n{}\n", lines.join("\n"), rest.join("\n"))).unwrap();
        }
        wrong.push(format!("{}\nfound:\n{}\nexpected:\n{}", name.display(), found.join("\n"), expected.join("\n")));
    }
    wrong
}

/// One diagnostic for a rules file of this text, with these other files.
fn rules_error(text: &str, files: &[(&str, &str)]) -> Vec<String> {
    let folder = Folder::new();
    folder.write("rules.toml", text);
    files.iter().for_each(|(name, body)| folder.write(name, body));
    let found = load_rules(Some(&folder.path("rules.toml"))).unwrap_err();
    found.iter().map(|one| shown(one, folder.root())).collect()
}

#[test]
fn sizes_and_counts_are_bounded() {
    let large = format!("version = 1\n#{}", "x".repeat(1 << 20));
    assert_eq!(
        rules_error(&large, &[]),
        ["[file] rules.toml:1:1: rules.toml is larger than 1 MiB; split it, or name the right file"]
    );
    let fits = format!("version = 1\npacks = [\"pci\"]\n#{}", "x".repeat((1 << 20) - 30));
    let folder = Folder::new();
    folder.write("rules.toml", &fits[..(1 << 20) - 1]);
    assert!(load_rules(Some(&folder.path("rules.toml"))).is_ok());

    let rule = |at: usize| format!("[[rule]]\nid = \"a.r{at}\"\nentity = \"X\"\npattern = 'X{at}'\n");
    let many: String = (0..4097).map(rule).collect();
    let found = rules_error(&format!("version = 1\n{many}"), &[]);
    assert!(found[0].contains("[out-of-range]") && found[0].contains("more than 4096 rules"), "{found:?}");
    assert_eq!(found.len(), 1);

    let terms = "version = 1\n[[terms]]\nid = \"a.b\"\nentity = \"X\"\nfile = \"list.txt\"\n";
    let long = format!("Jane Roe\n\n{}\n", "x".repeat(513));
    let found = rules_error(terms, &[("list.txt", &long)]);
    let expected =
        "[terms] rules.toml:5:8: list.txt has a value of more than 512 bytes in line 3; write one value a line";
    assert_eq!(found, [expected]);
    let folder = Folder::new();
    folder.write("rules.toml", terms);
    fs::write(folder.path("list.txt"), b"Jane Roe\n\xff\n").unwrap();
    let found = load_rules(Some(&folder.path("rules.toml"))).unwrap_err();
    assert_eq!(
        found[0].message.replace(&format!("{}/", folder.root().display()), ""),
        "line 2 of list.txt is not UTF-8"
    );
}

#[test]
fn a_file_that_is_not_text_is_an_error() {
    let folder = Folder::new();
    fs::write(folder.path("blackbar.toml"), b"version = 1\n\xff").unwrap();
    let found = load(&folder.path("blackbar.toml")).unwrap_err();
    assert_eq!(
        found[0].to_string().rsplit_once("blackbar.toml:1:1: ").unwrap().1,
        "not UTF-8 at byte 12; save the file as UTF-8"
    );
    assert_eq!(load(&folder.path("none.toml")).unwrap_err()[0].code, "file");
    assert_eq!(load(folder.root()).unwrap_err()[0].code, "file");
}

/// Files cut off or damaged anywhere give diagnostics, never a panic.
#[test]
fn damaged_files_do_not_panic() {
    let folder = Folder::new();
    // What is held is not compiled again by what is loaded beside it.
    let _held = load_rules(None);
    let rules =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/diagnostics/rules-shape.toml"));
    let texts = [MINIMAL.to_owned(), rules.unwrap(), crate::workspaces::SCOPED.to_owned()];
    let mut seed = 7_u64;
    for text in texts {
        let mut cases: Vec<Vec<u8>> = (0..text.len()).step_by(7).map(|end| text.as_bytes()[..end].to_vec()).collect();
        for _ in 0..100 {
            let mut bytes = text.clone().into_bytes();
            for _ in 0..3 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let at = usize::try_from(seed >> 33).unwrap() % bytes.len();
                bytes[at] = b"\"'[]{}=.,\n#\0\x7f\xff9a*"[usize::try_from(seed >> 20).unwrap() % 17];
            }
            cases.push(bytes);
        }
        for case in cases {
            fs::write(folder.path("file.toml"), &case).unwrap();
            let _ = load(&folder.path("file.toml"));
            let _ = load_rules(Some(&folder.path("file.toml")));
        }
    }
}

#[test]
fn a_good_configuration_still_says_what_it_costs() {
    let folder = Folder::new();
    folder.write("blackbar.toml", MINIMAL);
    let loaded = load(&folder.path("blackbar.toml")).unwrap();
    let lines: Vec<String> = loaded.warnings.iter().map(|one| shown(one, folder.root())).collect();
    assert_eq!(
        lines[0],
        "[audit-off] blackbar.toml:1:1: warning: there is no [audit]: what is redacted is counted in the metrics only; add [audit] with `directory` and `signing_key`, and every exchange is written to a log"
    );
    assert!(lines[1].starts_with("[hold-back] blackbar.toml:8:8: note: workspace acme: hold-back "), "{lines:?}");
    assert_eq!(lines.len(), 2);
}

/// The codes that some golden shows, so that none is left without.
#[test]
fn every_code_has_a_case() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("tests/data/diagnostics");
    let goldens: String =
        fs::read_dir(folder).unwrap().map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap()).collect();
    let mut sources = Vec::new();
    let mut folders = vec![root.join("src/policy")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { sources.push(fs::read_to_string(path).unwrap()) }
        }
    }
    let mut codes = std::collections::BTreeSet::new();
    for source in sources {
        let body = source.split("#[cfg(test)]").next().unwrap_or_default();
        let mut words = body.split('"').skip(1).step_by(2).collect::<Vec<_>>();
        let is_code =
            |word: &str| body.contains(&format!("lace, \"{word}\",")) || body.contains(&format!(".error(\"{word}\","));
        words.retain(|word| is_code(word));
        codes.extend(words.into_iter().map(str::to_owned));
    }
    assert!(codes.len() > 20, "{codes:?}");
    let untold: Vec<_> = codes
        .iter()
        .filter(|code| !matches!(code.as_str(), "hold-back" | "audit-off"))
        .filter(|code| !goldens.contains(&format!("[{code}]")))
        .collect();
    assert!(untold.is_empty(), "no case shows {untold:?}");
}
