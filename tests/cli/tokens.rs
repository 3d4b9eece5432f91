//! `redact` with tokens, and `reveal`.

use super::{Folder, run_with};

const RULES: &str = "version = 1\npacks = [\"contact\", \"pci\"]\n[actions]\n\"*\" = \"tokenize\"\n";
const TEXT: &str =
    "{\"to\":\"jane@example.com\",\"card\":\"4111 1111 1111 1111\",\"at\":\"https://a.example/?m=jane@example.com\"}\n";

fn config(folder: &Folder, settings: &str) -> String {
    folder.write("rules.toml", RULES);
    folder.write("key32", "0123456789abcdef0123456789abcdef");
    let config = format!(
        "version = 1\n[[listener]]\naddress = \"127.0.0.1:0\"\nworkspace = \"acme\"\n[[workspace]]\nname = \"acme\"\nrules = \
         \"rules.toml\"\nkey = {{ file = \"key32\" }}\n{settings}\n[[route]]\nname = \"r\"\npath = \"/\"\nupstream = \
         \"http://127.0.0.1:9\"\n"
    );
    folder.write("blackbar.toml", &config).to_str().unwrap().to_owned()
}

fn redacted(config: &str) -> String {
    let arguments = ["redact", "--config", config, "--workspace", "acme", "--type", "application/json"];
    let ran = run_with(TEXT.as_bytes(), arguments);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(!ran.text().contains("jane") && !ran.text().contains("4111 1111"), "{}", ran.text());
    ran.text().to_owned()
}

#[test]
fn a_filter_tokenizes_and_a_person_opens_what_was_sealed() {
    let folder = Folder::new();
    let sealing = config(&folder, "tokens = \"sealed\"");
    let sealed = redacted(&sealing);
    assert_eq!(redacted(&sealing), sealed);
    let arguments = ["reveal", "--config", &sealing, "--workspace", "acme", "--reason", "ticket\n7"];
    let ran = run_with(sealed.as_bytes(), arguments);
    assert_eq!((ran.code, ran.text()), (0, TEXT));
    assert_eq!(ran.stderr, "3 tokens of workspace acme opened: ticket\\n7\n");
    let other = sealed.replacen("_s1", "_s1a", 1);
    let ran = run_with(other.as_bytes(), ["reveal", "--config", &sealing, "--workspace", "acme"]);
    assert!(ran.text().contains("_s1a") && ran.stderr.contains("2 tokens"), "{}{}", ran.text(), ran.stderr);

    let ran = run_with(b"", ["reveal", "--config", &sealing, "--workspace", "x"]);
    assert_eq!(ran.code, 2);
    let placeholder = config(&folder, "");
    let one = redacted(&placeholder);
    assert_eq!(redacted(&placeholder), one);
    let exchange = config(&folder, "token_scope = \"exchange\"");
    assert_ne!(redacted(&exchange), redacted(&exchange));
}

#[test]
fn what_is_opened_stands_in_the_audit_before() {
    let folder = Folder::new();
    let audit = "[audit]\ndirectory = \"audit\"\nsigning_key = \"audit.key\"";
    std::fs::write(folder.path().join("audit.key"), blackbar::cli::certs::audit_key().unwrap()).unwrap();
    let config = config(&folder, &format!("tokens = \"sealed\"\n{audit}"));
    let sealed = redacted(&config);
    let arguments = ["reveal", "--config", &config, "--workspace", "acme", "--reason", "ticket 7"];
    assert_eq!(run_with(sealed.as_bytes(), arguments).text(), TEXT);
    let acts = |ran: &super::Ran| -> Vec<serde_json::Value> {
        let lines = ran.text().lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        lines.collect()
    };
    let log = folder.path().join("audit");
    let log = log.to_str().unwrap();
    let ran = run_with(b"", ["audit", "query", "--dir", log, "--kind", "admin"]);
    let seen = acts(&ran);
    assert_eq!(seen.len(), 2, "{}", ran.text());
    assert_eq!(
        (&seen[0]["act"], &seen[0]["ws"], &seen[0]["why"]),
        (&"reveal".into(), &"acme".into(), &"ticket 7".into())
    );
    assert_eq!((&seen[1]["act"], &seen[1]["count"]), (&"revealed".into(), &3.into()));
    assert!(seen[0]["uid"].is_u64());
    assert_eq!(run_with(b"", ["audit", "verify", log]).code, 0);
    // Without a record nothing is opened.
    std::fs::remove_dir_all(folder.path().join("audit/acts")).unwrap();
    std::fs::write(folder.path().join("audit/acts"), "").unwrap();
    let ran = run_with(sealed.as_bytes(), arguments);
    assert_eq!((ran.code, ran.text()), (2, ""), "{}", ran.stderr);
}
