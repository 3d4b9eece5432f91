//! `incident` and `keys`.

use super::{Folder, run, run_with};

#[test]
fn a_workspace_is_stopped_with_evidence_and_may_go_on() {
    let folder = Folder::new();
    let audit_key = blackbar::cli::certs::audit_key().unwrap();
    folder.write("audit.key", audit_key);
    let config = folder.write(
        "blackbar.toml",
        "version = 1\n[[listener]]\naddress = \"127.0.0.1:0\"\nworkspace = \"acme\"\n[[workspace]]\nname = \"acme\"\n[[route]]\nname = \
         \"r\"\npath = \"/\"\nupstream = \"http://127.0.0.1:9\"\n[audit]\ndirectory = \"audit\"\nsigning_key = \"audit.key\"\n",
    );
    let config = config.to_str().unwrap();
    let out = folder.path().join("evidence.jsonl");
    let out = out.to_str().unwrap();
    let unknown = run(["incident", "freeze", "beta", "--config", config]);
    assert_eq!(unknown.code, 2, "{}", unknown.stderr);
    assert_eq!(run(["incident", "thaw", "acme", "--config", config]).code, 2, "it is not stopped");
    let ran = run(["incident", "freeze", "acme", "--config", config, "--reason", "key stolen", "--out", out]);
    assert_eq!((ran.code, ran.text()), (0, "workspace acme is stopped\n"), "{}", ran.stderr);
    let said = || std::fs::read_to_string(folder.path().join("incident/acme.frozen")).unwrap();
    assert_eq!(said(), "key stolen\n");
    assert_eq!(run(["incident", "freeze", "acme", "--config", config, "--reason", "x"]).code, 0);
    assert_eq!(said(), "key stolen\n", "the first word stays");
    let checked = run(["audit", "prove", "--check", out]);
    assert_eq!(checked.code, 0, "{}", checked.stderr);
    let evidence = std::fs::read_to_string(out).unwrap();
    assert!(evidence.contains("freeze") && evidence.contains("key stolen"), "{evidence}");
    let ran = run(["incident", "freeze", "acme", "--config", config, "--out", out]);
    assert!(ran.code == 2 && ran.stderr.contains("exists"), "{}", ran.stderr);
    assert_eq!(std::fs::read_to_string(out).unwrap(), evidence, "earlier evidence stays");
    assert_eq!(run(["incident", "thaw", "acme", "--config", config]).code, 0);
    assert!(!folder.path().join("incident/acme.frozen").exists());
    assert_eq!(run(["incident", "thaw", "acme", "--config", config]).code, 2, "it may go on already");
    let log = folder.path().join("audit");
    let acts = run_with(b"", ["audit", "query", "--dir", log.to_str().unwrap(), "--kind", "admin", "--ws", "acme"]);
    assert_eq!(acts.text().lines().count(), 4, "{}", acts.text());
}

/// A proxy goes on refusing what was stopped by a folder that is away: the audit log's folder knows of it.
#[test]
fn a_workspace_may_go_on_though_the_folder_is_away() {
    let folder = Folder::new();
    folder.write("audit.key", blackbar::cli::certs::audit_key().unwrap());
    let config = folder.write(
        "blackbar.toml",
        "version = 1\n[[listener]]\naddress = \"127.0.0.1:0\"\nworkspace = \"acme\"\n[[workspace]]\nname = \"acme\"\n[[route]]\nname = \
         \"r\"\npath = \"/\"\nupstream = \"http://127.0.0.1:9\"\n[audit]\ndirectory = \"audit\"\nsigning_key = \"audit.key\"\n",
    );
    let config = config.to_str().unwrap();
    assert_eq!(run(["incident", "freeze", "acme", "--config", config]).code, 0);
    // As a proxy that has seen it keeps it.
    std::fs::write(folder.path().join("audit/stopped"), "acme\n").unwrap();
    std::fs::remove_dir_all(folder.path().join("incident")).unwrap();
    let thawed = run(["incident", "thaw", "acme", "--config", config, "--reason", "key replaced"]);
    assert_eq!((thawed.code, thawed.text()), (0, "workspace acme may go on\n"), "{}", thawed.stderr);
    assert!(folder.path().join("incident/acme.thawed").exists());
    let log = folder.path().join("audit");
    let acts = run_with(b"", ["audit", "query", "--dir", log.to_str().unwrap(), "--kind", "admin", "--ws", "acme"]);
    assert!(acts.text().contains("thaw") && acts.text().contains("key replaced"), "{}", acts.text());
    assert_eq!(run(["incident", "freeze", "acme", "--config", config]).code, 0);
    assert!(!folder.path().join("incident/acme.thawed").exists(), "it is stopped again");
}

#[test]
fn a_workspace_is_stopped_where_its_configuration_does_not_load() {
    let folder = Folder::new();
    folder.write("audit.key", blackbar::cli::certs::audit_key().unwrap());
    folder.write("acme.toml", "version = 1\npacks = [\"no-such-pack\"]\n[[rule]]\npattern = '('\n");
    let text = "version = 1\nunknown = 1\n[[listener]]\naddress = \"127.0.0.1:0\"\nworkspace = \"acme\"\n[[workspace]]\nname = \"acme\"\n\
                rules = \"acme.toml\"\n[[route]]\nname = \"r\"\npath = \"/\"\nupstream = \"nowhere\"\n[incident]\ndirectory = \"stopped\"\n\
                [audit]\ndirectory = \"audit\"\nsigning_key = \"audit.key\"\n";
    let path = folder.write("blackbar.toml", text);
    let config = path.to_str().unwrap();
    assert_eq!(run(["check", "--config", config]).code, 1);
    let frozen = |name: &str| folder.path().join(name).join("acme.frozen").exists();
    // A proxy may serve by an earlier one what this one no longer names.
    let ran = run(["incident", "freeze", "beta", "--config", config]);
    assert!(ran.code == 0 && ran.stderr.contains("no workspace beta"), "{}", ran.stderr);
    let ran = run(["incident", "freeze", "acme", "--config", config, "--reason", "key stolen"]);
    assert_eq!((ran.code, ran.text()), (0, "workspace acme is stopped\n"), "{}", ran.stderr);
    assert!(frozen("stopped") && ran.stderr.contains("does not load"), "{}", ran.stderr);
    let log = folder.path().join("audit");
    let acts = run_with(b"", ["audit", "query", "--dir", log.to_str().unwrap(), "--kind", "admin", "--ws", "acme"]);
    assert!(acts.text().contains("key stolen"), "{}", acts.text());
    assert_eq!(run(["incident", "thaw", "acme", "--config", config]).code, 0);
    assert!(!frozen("stopped"));
    // What loads has one folder and these workspaces.
    let whole = text.replace("unknown = 1\n", "").replace("rules = \"acme.toml\"\n", "");
    folder.write("blackbar.toml", whole.replace("upstream = \"nowhere\"", "upstream = \"http://127.0.0.1:9\""));
    let ran = run(["incident", "freeze", "acme", "--config", config, "--directory", "elsewhere"]);
    assert!(ran.code != 0 && ran.stderr.contains("its folder of incidents is"), "{}", ran.stderr);
    assert_eq!(run(["incident", "freeze", "beta", "--config", config]).code, 2);

    // Where nothing can be recorded it is stopped all the same, and goes on only once it can.
    folder.write("blackbar.toml", text.replace("audit.key", "no.key"));
    let ran = run(["incident", "freeze", "acme", "--config", config]);
    assert!(ran.code == 1 && frozen("stopped") && ran.stderr.contains("does not tell of it"), "{}", ran.stderr);
    assert!(run(["incident", "thaw", "acme", "--config", config]).code == 1 && frozen("stopped"));

    // Of what is no TOML the folder is not known.
    folder.write("blackbar.toml", text.replace("[incident]", "[incident"));
    let ran = run(["incident", "freeze", "acme", "--config", config]);
    assert!(ran.code == 1 && ran.stderr.contains("--directory") && !frozen("named"), "{}", ran.stderr);
    let named = folder.path().join("named");
    let named = named.to_str().unwrap();
    let ran = run(["incident", "freeze", "acme", "--config", config, "--directory", named]);
    assert!(ran.code == 1 && frozen("named") && ran.text().contains("is stopped"), "{}", ran.stderr);
    assert_eq!(run(["incident", "freeze", "../acme", "--config", config, "--directory", named]).code, 2);
}

#[test]
fn a_new_key_is_printed_with_its_hash() {
    let (first, second) = (run(["keys", "new"]), run(["keys", "new"]));
    assert_eq!(first.code, 0);
    assert_ne!(first.text(), second.text());
    let mut lines = first.text().lines();
    let key = lines.next().and_then(|line| line.strip_prefix("key  bbk_")).unwrap();
    let hash = lines.next().and_then(|line| line.strip_prefix("hash sha256:")).unwrap();
    assert_eq!((key.len(), hash.len()), (43, 64));
}

#[test]
fn the_register_has_who_is_configured_and_what_the_log_has_of_them() {
    let folder = Folder::new();
    folder.write("audit.key", blackbar::cli::certs::audit_key().unwrap());
    let config = folder.write(
        "blackbar.toml",
        "version = 1\n[[listener]]\naddress = \"127.0.0.1:0\"\nworkspace = \"acme\"\n[[workspace]]\nname = \"acme\"\n[[route]]\nname = \
         \"r\"\npath = \"/\"\nupstream = \"http://127.0.0.1:9\"\nregion = \"eu\"\npurpose = \"answers to customers\"\n[audit]\ndirectory = \
         \"audit\"\nsigning_key = \"audit.key\"\n",
    );
    let config = config.to_str().unwrap();
    // An act begins the log; it is of no processor.
    assert_eq!(run(["incident", "freeze", "acme", "--config", config]).code, 0);
    let log = folder.path().join("audit");
    let ran = run(["audit", "register", "--config", config, "--dir", log.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let known: serde_json::Value = serde_json::from_str(ran.text().trim()).unwrap();
    assert_eq!(
        (&known["upstream"], &known["region"], &known["purpose"]),
        (&"127.0.0.1".into(), &"eu".into(), &"answers to customers".into())
    );
    assert_eq!((&known["workspaces"], &known["records"]), (&serde_json::json!(["acme"]), &0.into()));
}
