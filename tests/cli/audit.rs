//! `audit`: a log that `serve` wrote, checked, read, proven and explained; and one whose disk was full.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use blackbar::audit::{AuditLog, Entry, Kind, Moment, Receipt};
use blackbar::policy::{AuditSettings, Durability};

use crate::{Folder, run};

/// A log with some exchanges, and its public key.
fn log(folder: &Folder) -> (PathBuf, PathBuf) {
    let certs = folder.path().join("certs");
    assert_eq!(run(["certs", "--out", certs.to_str().unwrap()]).code, 0);
    let key = certs.join("audit.key");
    let public = folder.path().join("audit.pub");
    let openssl = Command::new("openssl").args(["pkey", "-pubout", "-in"]).arg(&key).arg("-out").arg(&public).status();
    assert!(openssl.unwrap().success());
    let pem = std::fs::read_to_string(&key).unwrap();
    let der = rustls_pki_types::pem::PemObject::from_pem_slice(pem.as_bytes()).unwrap();
    let rustls_pki_types::PrivateKeyDer::Pkcs8(der) = der else { panic!("{pem}") };
    let directory = folder.path().join("audit");
    let settings = AuditSettings {
        directory: directory.clone(),
        key: der.secret_pkcs8_der().to_vec().into(),
        key_file: key,
        name: "test".to_owned(),
        durability: Durability::Os,
        segment_bytes: 64 << 20,
        segment_age: Duration::from_secs(86_400),
        retention_days: None,
        exports: Vec::new(),
    };
    let clock = || Moment { unix_ms: 1_796_000_000_000, mono_ns: 1 };
    let log = AuditLog::open(&settings, 10, clock, Entry::new(Kind::Start)).unwrap();
    for number in 0..20_u64 {
        let receipt = Receipt { length: 10, scanned: 6, unscanned: vec![("media", 4)], ..Receipt::default() };
        let entry = Entry::new(Kind::Exchange)
            .text("req", &format!("{number:032x}"))
            .text("ws", if number < 5 { "acme" } else { "beta" })
            .text("outcome", if number == 7 { "blocked" } else { "forwarded" })
            .text("method", "POST")
            .number("status", 200)
            .value("request", receipt);
        log.note(entry);
    }
    log.close();
    (directory, public)
}

/// A proof of a record.
fn proof_of(folder: &Folder, log: &str) -> PathBuf {
    folder.write("one.jsonl", run(["audit", "prove", "4", "--dir", log]).stdout)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_log_is_checked_read_proven_and_explained() {
    let folder = Folder::new();
    let (directory, public) = log(&folder);
    let (dir, key) = (text(&directory), text(&public));
    let ran = run(["audit", "verify", dir, "--key", key]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.text().starts_with("ok: 23 records, all under a checkpoint\n"), "{}", ran.text());
    assert_eq!(run(["audit", "verify", dir, "--key", key, "--sealed"]).code, 0);
    assert!(run(["audit", "verify", dir]).stderr.contains("--key"));
    let json: serde_json::Value = serde_json::from_str(run(["audit", "verify", dir, "--json"]).text()).unwrap();
    assert_eq!((&json["status"], &json["records"], &json["unsealed"]), (&"ok".into(), &23.into(), &0.into()));
    let anchor = directory.join(format!("audit-{:020}.ckpt", 0));
    assert_eq!(run(["audit", "verify", dir, "--anchor", text(&anchor)]).code, 0);

    assert!(run(["audit", "show", "--seq", "3", "--dir", dir]).text().contains("\"seq\": 3"));
    assert_eq!(run(["audit", "show", "--seq", "23", "--dir", dir]).code, 2);
    let lines = |arguments: &[&str]| {
        let ran = run(["audit", "query", "--dir", dir].iter().chain(arguments));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        ran.text().lines().count()
    };
    assert_eq!(lines(&[]), 23);
    assert_eq!(lines(&["--ws", "acme"]), 5);
    assert_eq!(lines(&["--outcome", "blocked"]), 1);
    assert_eq!(lines(&["--kind", "start"]), 1);
    assert_eq!(lines(&["--since", "2026-11-30"]), 23);
    assert_eq!(lines(&["--until", "2026-11-30"]), 0);
    let told = run(["audit", "explain", &format!("{:032x}", 7), "--dir", dir]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    for words in ["blocked", "workspace beta", "6 scanned", "4 passed unscanned (media)", "status 200"] {
        assert!(told.text().contains(words), "{words}: {}", told.text());
    }
    assert_eq!(run(["audit", "explain", "nobody", "--dir", dir]).code, 2);

    for (arguments, count) in [(&["prove", "4", "--dir", dir][..], 1), (&["export", "--ws", "acme", "--dir", dir], 5)] {
        let ran = run(["audit"].iter().chain(arguments));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let proof = folder.write("proof.jsonl", &ran.stdout);
        let checked = run(["audit", "prove", "--check", text(&proof), "--key", key]);
        assert_eq!(checked.text(), format!("ok: {count} records are in the log\n"), "{}", checked.stderr);
        folder.write("proof.jsonl", String::from_utf8(ran.stdout).unwrap().replace("acme", "beta"));
        assert_eq!(run(["audit", "prove", "--check", text(&proof), "--key", key]).code, 1);
    }

    assert!(run(["audit", "prove", "--check", text(&proof_of(&folder, dir))]).stderr.contains("without --key"));
    let ran = run(["audit", "export", "--ws", "nobody", "--dir", dir]);
    assert!(ran.code == 2 && ran.text().is_empty() && ran.stderr.contains("workspace nobody"), "{}", ran.stderr);

    // The start's checkpoint alone is left, then none.
    let notes = std::fs::read_to_string(&anchor).unwrap();
    let end = notes.match_indices("\n\n").nth(1).map(|(at, _)| notes[..at].rfind("test/").unwrap()).unwrap();
    std::fs::write(&anchor, &notes[..end]).unwrap();
    let ran = run(["audit", "verify", dir, "--key", key]);
    assert!(ran.code == 0 && ran.text().contains("21 after the last checkpoint (unsealed)"), "{}", ran.text());
    assert_eq!(run(["audit", "verify", dir, "--key", key, "--sealed"]).code, 1);
    std::fs::write(&anchor, "").unwrap();
    let ran = run(["audit", "verify", dir, "--key", key]);
    assert!(ran.code == 1 && ran.stderr.contains("BROKEN"), "{}", ran.stderr);
    let ran = run(["audit", "verify", dir]);
    assert!(ran.code == 0 && ran.text().starts_with("unsealed: 23 records"), "{}", ran.text());
    assert_eq!(run(["audit", "verify", dir, "--sealed"]).code, 1);
    std::fs::write(&anchor, notes).unwrap();

    let file = directory.join(format!("audit-{:020}.jsonl", 0));
    let changed = std::fs::read_to_string(&file).unwrap().replacen("blocked", "forwarded", 1);
    std::fs::write(&file, changed).unwrap();
    let ran = run(["audit", "verify", dir, "--key", key]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("BROKEN at record 9"), "{}", ran.stderr);
    // What a terminal would obey is spelled out, and that the log does not hold is said.
    let changed =
        std::fs::read_to_string(&file).unwrap().replacen("\"POST\"", "\"\\u001b[2J\\nAt noon all was well\"", 9);
    std::fs::write(&file, changed).unwrap();
    let told = run(["audit", "explain", &format!("{:032x}", 7), "--dir", dir]);
    assert!(told.code == 1 && told.stderr.contains("does not hold"), "{}", told.stderr);
    assert!(told.text().contains("\\u001b[2J\\u000aAt noon") && !told.text().contains('\u{1b}'), "{}", told.text());
    assert_eq!(run(["audit", "verify", text(folder.path()), "--key", key]).code, 1);
    assert_eq!(run(["audit", "verify", "/no/such/directory", "--key", "/no/such/key"]).code, 2);
}

#[test]
fn nothing_else_is_written_among_the_files_of_the_log() {
    let folder = Folder::new();
    folder.write("audit.key", blackbar::cli::certs::audit_key().unwrap());
    let config = |incident: &str, address: &str, copy: &str| {
        folder.write(
            "blackbar.toml",
            format!(
                "version = 1\n[[listener]]\naddress = \"{address}\"\nworkspace = \"acme\"\n[[workspace]]\nname = \"acme\"\n[[route]]\nname = \
                 \"r\"\npath = \"/\"\nupstream = \"http://127.0.0.1:9\"\n[audit]\ndirectory = \"audit\"\nsigning_key = \"audit.key\"\n\
                 [[audit.export]]\nname = \"copy\"\nkind = \"file\"\npath = \"{copy}\"\n[incident]\ndirectory = \"{incident}\"\n"
            ),
        )
    };
    let good = config("incident", "127.0.0.1:0", "copy.ndjson");
    let ran = run(["check", "--config", text(&good)]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    std::os::unix::fs::symlink("audit", folder.path().join("link")).unwrap();
    let socket = format!("unix:{}", folder.path().join("audit/x.sock").display());
    let bad = config("link", &socket, "audit/../audit/copy.ndjson");
    for command in ["check", "serve"] {
        let ran = run([command, "--config", text(&bad)]);
        let faults = ran.stderr.matches("among the files of the audit log").count();
        assert_eq!((ran.code, faults), (1, 3), "{}", ran.stderr);
    }
}

#[test]
fn a_new_key_signs_the_log_from_here_on() {
    let folder = Folder::new();
    let key = folder.write("audit.key", blackbar::cli::certs::audit_key().unwrap());
    let config = folder.write(
        "blackbar.toml",
        "version = 1\n[[listener]]\naddress = \"127.0.0.1:0\"\nworkspace = \"acme\"\n[[workspace]]\nname = \"acme\"\n[[route]]\nname = \
         \"r\"\npath = \"/\"\nupstream = \"http://127.0.0.1:9\"\n[audit]\ndirectory = \"audit\"\nsigning_key = \"audit.key\"\n",
    );
    let config = text(&config);
    let pem = || std::fs::read_to_string(&key).unwrap();
    let first = pem();
    let rotated = run(["audit", "rotate-key", "--config", config]);
    assert_eq!(rotated.code, 0, "{}", rotated.stderr);
    let second = pem();
    assert!(first != second && rotated.text().starts_with("the log is signed with "), "{}", rotated.text());
    let given = folder.write("next.key", blackbar::cli::certs::audit_key().unwrap());
    let wanted = std::fs::read_to_string(&given).unwrap();
    assert_eq!(run(["audit", "rotate-key", "--config", config, "--new", text(&given)]).code, 0);
    assert_eq!((pem(), given.exists()), (wanted.clone(), false));
    assert_eq!(std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&key).unwrap()) & 0o077, 0o044, "as it was");

    let log = folder.path().join("audit");
    let report = run(["audit", "verify", text(&log), "--json", "--sealed"]);
    let report: serde_json::Value = serde_json::from_str(report.text()).unwrap();
    assert_eq!((&report["status"], &report["rotations"]), (&"ok".into(), &2.into()), "{report}");
    let public = folder.write("public", report["key"].as_str().unwrap());
    assert_eq!(run(["audit", "verify", text(&log), "--key", text(&public)]).code, 0);
    let acts = run(["audit", "query", "--dir", text(&log), "--kind", "admin"]);
    assert_eq!(acts.text().matches("\"act\":\"rotate_key\"").count(), 2, "{}", acts.text());
    // The configuration says where the log is.
    let same = run(["audit", "query", "--config", config, "--kind", "admin"]);
    assert_eq!((same.code, same.text()), (0, acts.text()), "{}", same.stderr);
    let register = run(["audit", "register", "--config", config]);
    assert!(register.code == 0 && register.text().contains("\"route\":\"r\""), "{}", register.stderr);
    let elsewhere = run(["audit", "query", "--config", config, "--dir", "/no/such/directory"]);
    assert!(elsewhere.code == 2 && elsewhere.stderr.contains("/no/such/directory"), "{}", elsewhere.stderr);

    // A key that gave way does not come back, and what is none is none.
    let old = folder.write("old.key", &first);
    for (file, words) in [(&old, "cannot come back"), (&folder.write("none.key", "x"), "not an Ed25519 key")] {
        let ran = run(["audit", "rotate-key", "--config", config, "--new", text(file)]);
        assert!(ran.code == 2 && ran.stderr.contains(words), "{}", ran.stderr);
    }
    // What a crash left: the log has the new key, its file still the old one.
    std::fs::write(&key, &second).unwrap();
    let again = folder.write("again.key", &wanted);
    assert_eq!(run(["audit", "rotate-key", "--config", config, "--new", text(&old)]).code, 2);
    assert_eq!(run(["audit", "rotate-key", "--config", config, "--new", text(&again)]).code, 0);
    assert_eq!(pem(), wanted);
}
