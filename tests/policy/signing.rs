//! A route's `sign`: where credentials come from, what follows from it, and that a new key is seen.

use std::os::unix::fs::PermissionsExt;

use blackbar::policy::{AwsCredentials, Mode, PolicyStore, Signing, load};

use crate::support::{Folder, MINIMAL};

/// No key of anyone's.
const SECRET: &str = "not/a+key=of/anyone";

fn config(sign: &str) -> String {
    format!(
        "{MINIMAL}[[route]]\nname = \"bedrock\"\npath = \"/bedrock\"\nupstream = \"https://bedrock-runtime.us-east-1.amazonaws.com\"\n{sign}\n"
    )
}

fn write(folder: &Folder, name: &str, text: &str) {
    folder.write(name, text);
    std::fs::set_permissions(folder.path(name), std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn credentials_come_from_a_shared_file_or_in_parts() {
    let folder = Folder::new();
    write(
        &folder,
        "aws/credentials",
        &format!(
            "# mine\n[default]\naws_access_key_id=AKIDEXAMPLE\naws_secret_access_key = {SECRET}\n\n[ other ]\nregion = x\n\
             aws_access_key_id = AKIDOTHER\naws_secret_access_key = {SECRET}2\naws_session_token = token\n; end\n"
        ),
    );
    write(&folder, "aws/id", "AKIDPARTS\n");
    write(&folder, "aws/secret", &format!("{SECRET}\n"));
    let expected = |id, secret: &str, token| Signing {
        region: "us-east-1".to_owned(),
        service: "bedrock".to_owned(),
        credentials: AwsCredentials::new(id, secret, token).unwrap(),
    };
    for (credentials, expected) in [
        ("{ file = \"aws/credentials\" }", expected("AKIDEXAMPLE", SECRET, None)),
        (
            "{ file = \"aws/credentials\", profile = \"other\" }",
            expected("AKIDOTHER", &format!("{SECRET}2"), Some("token")),
        ),
        (
            "{ access_key_id = { file = \"aws/id\" }, secret_access_key = { file = \"aws/secret\" } }",
            expected("AKIDPARTS", SECRET, None),
        ),
    ] {
        let sign = format!("sign = {{ scheme = \"aws-sigv4\", region = \"us-east-1\", credentials = {credentials} }}");
        folder.write("blackbar.toml", &config(&sign));
        let loaded = load(&folder.path("blackbar.toml")).unwrap();
        let route = &loaded.policy.routes[1];
        assert_eq!(route.sign.as_deref(), Some(&expected), "{credentials}");
        // A signature covers the whole body.
        assert_eq!(route.request, Mode::Buffer { limit: 8 << 20 });
        assert!(loaded.warnings.iter().all(|one| one.code != "permissions"));
        let shown = format!("{:?}{:?}", loaded.policy.routes, route.sign.as_ref().map(|sign| &sign.credentials));
        assert!(!shown.contains(SECRET) && !shown.contains("AKID"), "{shown}");
        let limited = format!("{sign}\nrequest = {{ mode = \"buffer\", limit = \"1KiB\" }}");
        folder.write("blackbar.toml", &config(&limited));
        let route = load(&folder.path("blackbar.toml")).unwrap();
        assert_eq!(route.policy.routes[1].request, Mode::Buffer { limit: 1024 });
    }
}

#[test]
fn a_new_key_is_seen_and_taken_whole() {
    let folder = Folder::new();
    let file = |id: &str| format!("[default]\naws_access_key_id = {id}\naws_secret_access_key = {SECRET}\n");
    write(&folder, "aws/credentials", &file("AKIDFIRST"));
    let sign =
        "sign = { scheme = \"aws-sigv4\", region = \"us-east-1\", credentials = { file = \"aws/credentials\" } }";
    folder.write("blackbar.toml", &config(sign));
    let (store, _) = PolicyStore::load(&folder.path("blackbar.toml")).unwrap();
    let key = || store.current().routes[1].sign.as_ref().unwrap().credentials.access_key_id.clone();
    folder.write("aws/credentials", "[default]\naws_access_key_id = AKIDSECOND\n");
    assert!(store.changed_on_disk());
    assert!(store.reload().is_err());
    assert_eq!(key(), "AKIDFIRST", "half a key is none");
    folder.write("aws/credentials", &file("AKIDSECOND"));
    assert!(store.reload().unwrap().changed);
    assert_eq!(key(), "AKIDSECOND");
}
