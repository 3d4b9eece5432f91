//! A reload takes all or nothing.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use blackbar::engine::{Output, StreamRedactor};
use blackbar::policy::{PolicyStore, Severity};

use crate::support::{Folder, MINIMAL};

fn store(folder: &Folder, config: &str) -> PolicyStore {
    folder.write("blackbar.toml", config);
    PolicyStore::load(&folder.path("blackbar.toml")).unwrap().0
}

#[test]
fn a_bad_file_keeps_the_last_good_policy() {
    let folder = Folder::new();
    let store = store(&folder, MINIMAL);
    let before = store.current();
    assert!(!store.changed_on_disk());
    folder.write("blackbar.toml", &format!("{MINIMAL}unknown = 1\n"));
    assert!(store.changed_on_disk());
    let errors = store.reload().unwrap_err();
    assert!(errors.iter().any(|one| one.severity == Severity::Error && one.code == "unknown-key"));
    assert!(Arc::ptr_eq(&before, &store.current()));
    assert!(!store.changed_on_disk(), "a bad file is not tried again until it changes");
    folder.write("blackbar.toml", &format!("{MINIMAL}[limits]\nconnections = 5\n"));
    assert!(store.changed_on_disk());
    let outcome = store.reload().unwrap();
    assert!(outcome.changed && !outcome.needs_restart);
    assert_eq!(store.current().limits.connections, 5);
    assert_eq!(outcome.version, store.current().version);
    assert_ne!(outcome.version, before.version);
    assert_eq!(before.limits.connections, 10_000, "a snapshot stays as it was");
}

#[test]
fn every_file_that_is_named_is_watched() {
    let folder = Folder::new();
    folder.write("rules/acme.toml", "version = 1\npacks = [\"own.toml\"]\n");
    let pack = "version = 1\n[[terms]]\nid = \"own.names\"\nentity = \"NAME\"\nfile = \"names.txt\"\n";
    folder.write("rules/own.toml", pack);
    folder.write("rules/names.txt", "Jane Roe\n");
    let store = store(&folder, &MINIMAL.replace("[[route]]", "rules = \"rules/acme.toml\"\n[[route]]"));
    for name in ["rules/acme.toml", "rules/own.toml", "rules/names.txt", "certs/ca.crt", "certs/server.crt"] {
        let before = fs::read_to_string(folder.path(name)).unwrap();
        assert!(!store.changed_on_disk(), "{name}");
        folder.write(name, &format!("{before}\n"));
        assert!(store.changed_on_disk(), "{name}");
        folder.write(name, &before);
        assert!(!store.changed_on_disk(), "contents count, not times: {name}");
        fs::remove_file(folder.path(name)).unwrap();
        assert!(store.changed_on_disk(), "{name}");
        folder.write(name, &before);
    }
}

#[test]
fn a_file_that_was_missing_is_watched_too() {
    let folder = Folder::new();
    let store = store(&folder, MINIMAL);
    folder.write("blackbar.toml", &MINIMAL.replace("[[route]]", "rules = \"late.toml\"\n[[route]]"));
    assert!(store.reload().is_err());
    assert!(!store.changed_on_disk());
    folder.write("late.toml", "version = 1\npacks = [\"default\"]\n");
    assert!(store.changed_on_disk());
    assert!(store.reload().is_ok());
}

#[test]
fn listeners_ask_for_a_restart() {
    let folder = Folder::new();
    let store = store(&folder, MINIMAL);
    folder.write("blackbar.toml", &MINIMAL.replace("127.0.0.1:0", "[::1]:0"));
    assert!(store.reload().unwrap().needs_restart);
}

#[test]
fn reloads_at_once_leave_one_whole_policy() {
    let folder = Folder::new();
    let store = store(&folder, MINIMAL);
    folder.write("blackbar.toml", &format!("{MINIMAL}[limits]\nconnections = 7\n"));
    std::thread::scope(|threads| {
        for _ in 0..8 {
            threads.spawn(|| store.reload().unwrap());
        }
    });
    assert_eq!(store.current().limits.connections, 7);
    assert_eq!(store.current().version.len(), 16);
}

/// A large list is read and compiled beside the policy that serves: requests go on under the old one meanwhile.
#[test]
fn a_large_list_is_loaded_while_requests_go_on() {
    let count = if std::env::var_os("BLACKBAR_LONG").is_some() { 1_000_000 } else { 50_000 };
    let folder = Folder::new();
    folder.write("own.toml", "version = 1\n[[terms]]\nid = \"own.names\"\nentity = \"NAME\"\nfile = \"names.txt\"\n");
    folder.write("names.txt", "Jane Roe\n");
    let store = store(&folder, &MINIMAL.replace("[[route]]", "rules = \"own.toml\"\n[[route]]"));
    let names: String = (0..count).map(|number| format!("Name{number} Of Customer{}\n", number % 977)).collect();
    folder.write("names.txt", &format!("{names}Joan Doe\n"));
    let redacted = || {
        let policy = store.current();
        let rules = Arc::clone(&policy.workspaces[0].rules);
        let mut redactor = StreamRedactor::new(rules, Arc::clone(&policy.workspaces[0].base[0].actions));
        let mut out = Output::default();
        redactor.push_last(b"Jane Roe and Joan Doe", &mut out).unwrap();
        String::from_utf8(out.bytes).unwrap()
    };
    let done = AtomicBool::new(false);
    let meanwhile = std::thread::scope(|threads| {
        threads.spawn(|| {
            assert!(store.reload().unwrap().changed);
            done.store(true, Ordering::Release);
        });
        let mut meanwhile = 0;
        while !done.load(Ordering::Acquire) {
            let text = redacted();
            assert!(text == "[NAME] and Joan Doe" || text == "Jane Roe and [NAME]", "{text}");
            meanwhile += usize::from(text == "[NAME] and Joan Doe");
        }
        meanwhile
    });
    assert_eq!(redacted(), "Jane Roe and [NAME]");
    assert!(meanwhile > 0, "no request was served while the list was loaded");
}
