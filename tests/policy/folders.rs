//! Folders that everybody may write are told of, or refused.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use blackbar::policy::{Severity, load};

use crate::support::{Folder, MINIMAL};

/// What is said of folders under this configuration: whether it is an error, and the message.
fn said(folder: &Folder, config: &str) -> Vec<(bool, String)> {
    folder.write("blackbar.toml", config);
    let all = match load(&folder.path("blackbar.toml")) {
        Ok(loaded) => loaded.warnings,
        Err(diagnostics) => diagnostics,
    };
    let permissions = all.into_iter().filter(|one| one.code == "permissions");
    permissions.map(|one| (one.severity == Severity::Error, one.message)).collect()
}

#[test]
fn folders_of_keys_and_of_state_are_for_their_owner() {
    let folder = Folder::new();
    let audit = "[audit]\ndirectory = \"audit\"\nsigning_key = \"certs/audit.key\"\n";
    let config = format!("{MINIMAL}{audit}");
    fs::create_dir(folder.path("audit")).unwrap();
    fs::create_dir(folder.path("incident")).unwrap();
    let mode = |name: &str, mode: u32| fs::set_permissions(folder.path(name), Permissions::from_mode(mode)).unwrap();
    for name in ["certs", "audit", "incident"] {
        mode(name, 0o775);
    }
    assert_eq!(said(&folder, &config), []);
    for (name, of, told) in [
        ("certs", 0o777, true),
        // Nobody puts another file in the place of one that is there.
        ("certs", 0o1777, false),
        ("audit", 0o757, true),
        ("audit", 0o1777, true),
        ("incident", 0o1777, true),
    ] {
        mode(name, of);
        let message = format!("{} has mode {of:04o}: everybody may put files there", folder.path(name).display());
        let expected: Vec<(bool, String)> = told.then(|| (false, message.clone())).into_iter().collect();
        assert_eq!(said(&folder, &config), expected, "{name} {of:o}");
        let strict = config.replace("version = 1\n", "version = 1\nstrict_permissions = true\n");
        let expected: Vec<(bool, String)> = told.then_some((true, message)).into_iter().collect();
        assert_eq!(said(&folder, &strict), expected, "{name} {of:o}");
        mode(name, 0o700);
    }
    mode("", 0o777);
    assert_eq!(said(&folder, &config).len(), 1, "the folder of the configuration itself");
    mode("", 0o700);
}
