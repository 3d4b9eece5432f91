//! `check` and `rules`: what is valid, what is not and where.

use std::path::PathBuf;

use crate::{Folder, run, run_with};

/// A configuration with certificates of its own and one workspace, in which `extra` lines stand.
pub(crate) fn sample(folder: &Folder, extra: &str) -> PathBuf {
    let certs = folder.path().join("certs");
    assert_eq!(run(["certs", "--out", certs.to_str().unwrap()]).code, 0);
    folder.write(
        "blackbar.toml",
        format!(
            "version = 1\n\n[[listener]]\naddress = \"127.0.0.1:0\"\ncertificate = \"certs/server.crt\"\n\
             private_key = \"certs/server.key\"\nclient_ca = \"certs/ca.crt\"\n\n[admin]\naddress = \"127.0.0.1:0\"\n\n\
             [[workspace]]\nname = \"acme\"\nclients = [\"dns:agent.acme.internal\"]\n{extra}\n\n[[route]]\nname = \"up\"\n\
             path = \"/up\"\nupstream = \"http://127.0.0.1:9\"\n"
        ),
    )
}

#[test]
fn a_valid_configuration_is_summed_up() {
    let folder = Folder::new();
    let config = sample(&folder, "");
    let ran = run(["check".as_ref(), "--config".as_ref(), config.as_os_str()]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.text().contains("valid, version ") && ran.text().contains("1 workspace, 1 route"), "{}", ran.text());
    assert!(ran.stderr.contains("hold-back"), "{}", ran.stderr);
}

#[test]
fn every_error_has_its_place_at_once() {
    let folder = Folder::new();
    let config = sample(&folder, "rules = \"missing.toml\"\ncolour = 1");
    let ran = run(["check".as_ref(), "--config".as_ref(), config.as_os_str()]);
    assert_eq!(ran.code, 1);
    let errors: Vec<&str> = ran.stderr.lines().filter(|line| !line.contains(" note: ")).collect();
    assert!(errors.len() >= 2, "{}", ran.stderr);
    for line in errors {
        let rest = line.strip_prefix(&format!("{}:", config.display())).unwrap();
        let mut parts = rest.splitn(3, ':');
        assert!(parts.next().unwrap().parse::<u32>().is_ok() && parts.next().unwrap().parse::<u32>().is_ok(), "{line}");
    }
    // The same faults stop every command that reads it.
    for command in ["serve", "redact"] {
        assert_eq!(run([command.as_ref(), "--config".as_ref(), config.as_os_str()]).code, 1, "{command}");
    }
    assert_eq!(run(["check", "--config", "/no/such/file"]).code, 2);
}

#[test]
fn the_bundled_rules_pass_their_own_tests() {
    let ran = run(["rules", "test"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert!(ran.text().contains(" 0 failures"), "{}", ran.text());
    let list = run(["rules", "list"]);
    assert_eq!(list.code, 0);
    for shown in ["RULE", "pci.card", "us-pii.ssn-unformatted", "contact.phone", "secrets.private-key", "HOLD-BACK"] {
        assert!(list.text().contains(shown), "{shown}");
    }
    let secrets = list.text().lines().filter(|line| line.starts_with("secrets.")).count();
    assert!(secrets >= 40, "{secrets}");
}

#[test]
fn examples_that_fail_are_told_with_their_place() {
    let folder = Folder::new();
    let good =
        "version = 1\n[[rule]]\nid = \"a.b\"\nentity = \"X\"\npattern = \"EMP-[0-9]{3}\"\nexamples = [\"EMP-123\"]\n";
    let (good, bad) = (folder.write("good.toml", good), folder.write("bad.toml", good.replace("EMP-123\"", "EMP-1\"")));
    let ran = run(["rules".as_ref(), "test".as_ref(), good.as_os_str(), bad.as_os_str()]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.starts_with(&format!("{}:6:", bad.display())), "{}", ran.stderr);
    assert!(ran.text().contains("good.toml: 1 rule, 1 case, 0 failures"), "{}", ran.text());
    let list = run(["rules".as_ref(), "list".as_ref(), "--rules".as_ref(), good.as_os_str()]);
    assert!(list.text().lines().any(|line| line.starts_with("a.b  ") && line.contains("literal")), "{}", list.text());
}

#[test]
fn a_pipe_is_no_configuration_and_is_not_waited_for() {
    let folder = Folder::new();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let pipe = pipe.to_str().unwrap();
    for arguments in [&["check", "--config", pipe][..], &["serve", "--config", pipe], &["redact", "--rules", pipe]] {
        let ran = run_with(b"", arguments);
        assert!(ran.code != 0 && ran.stderr.contains("is not a regular file"), "{arguments:?}: {}", ran.stderr);
    }
}
