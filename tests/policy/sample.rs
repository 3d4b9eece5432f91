//! The sample configuration: its core works, and its comments say the defaults.

use blackbar::body::BodyLimits;
use blackbar::policy::{Limits, Mode, OnFault, SelfTest, Timeouts, load};

use crate::support::Folder;

const SAMPLE: &str = include_str!("../../blackbar.toml");

#[test]
fn the_core_works() {
    let folder = Folder::new();
    folder.write("blackbar.toml", SAMPLE);
    let loaded = load(&folder.path("blackbar.toml")).unwrap();
    assert_eq!(loaded.policy.listeners.len(), 1);
    assert!(!loaded.policy.workspaces.is_empty() && !loaded.policy.routes.is_empty());
}

/// A line `#key = value` is a key with its default; `# ` begins prose.
#[test]
fn every_commented_key_has_its_default() {
    let folder = Folder::new();
    let open: Vec<&str> = SAMPLE
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(key) if key.starts_with(|first: char| first.is_ascii_lowercase() || first == '[') => key,
            Some(_) | None => line,
        })
        .collect();
    folder.write("blackbar.toml", &open.join("\n"));
    let policy = load(&folder.path("blackbar.toml")).unwrap().policy;
    assert_eq!(policy.limits, Limits::default());
    assert_eq!(policy.timeouts, Timeouts::default());
    assert_eq!(policy.self_test, SelfTest::default());
    assert_eq!(format!("{:?}", policy.body_limits), format!("{:?}", BodyLimits::default()));
    assert!(policy.workspaces.iter().all(|one| one.on_fault == OnFault::Block));
    assert!(policy.routes.iter().all(|one| one.request == Mode::Stream && one.response == Mode::Stream));
    let defaults = format!("{:?}{:?}{:?}", Limits::default(), Timeouts::default(), BodyLimits::default());
    let is_field =
        |word: &&str| word.len() > 3 && word.bytes().all(|byte| byte.is_ascii_lowercase() || b"_2".contains(&byte));
    for field in defaults.split(['{', ',', ':', ' ']).filter(is_field) {
        assert!(SAMPLE.contains(&format!("\n#{field} ")), "the sample lacks {field}");
    }
}
