//! Who belongs where, which route a path takes, and which action holds in which place.

use std::path::Path;

use blackbar::body::Direction::{self, Request, Response};
use blackbar::body::JsonPath;
use blackbar::engine::{Action, Output, StreamRedactor};
use blackbar::policy::{NoWorkspace, OffReason, PeerIdentity, Policy, load, load_rules, test_rules};

use crate::support::{Folder, MINIMAL};

const TWO: &str = r#"version = 1
[[listener]]
address = "127.0.0.1:0"
certificate = "certs/server.crt"
private_key = "certs/server.key"
client_ca = "certs/ca.crt"
[[workspace]]
name = "acme"
clients = ["uri:spiffe://acme.example/agent/*", "dns:agent.acme.internal", "email:ops@acme.example"]
rules = "acme.toml"
key = { file = "certs/acme.key32" }
[[workspace]]
name = "globex"
clients = ["uri:spiffe://globex.example/agent"]
[[route]]
name = "openai"
path = "/openai"
upstream = "https://api.openai.com/base/"
[[route]]
name = "openai-files"
path = "/openai/v1/files"
upstream = "https://files.example.com"
workspaces = ["globex"]
[[route]]
name = "twilio"
path = "/twilio/"
upstream = "https://api.twilio.com"
[[route]]
name = "shared-acme"
path = "/shared"
upstream = "https://a.example.com"
workspaces = ["acme"]
[[route]]
name = "shared-globex"
path = "/shared"
upstream = "https://b.example.com"
workspaces = ["globex"]
"#;

fn policy(rules: &str) -> Policy {
    let folder = Folder::new();
    folder.write("blackbar.toml", TWO);
    folder.write("acme.toml", rules);
    load(&folder.path("blackbar.toml")).unwrap().policy
}

fn peer(uris: &[&str], dns: &[&str], emails: &[&str]) -> PeerIdentity {
    let mut peer = PeerIdentity::default();
    uris.iter().for_each(|name| peer.add_uri(name));
    dns.iter().for_each(|name| peer.add_dns(name));
    emails.iter().for_each(|name| peer.add_email(name));
    peer
}

#[test]
fn a_certificate_has_one_workspace_or_none() {
    let policy = policy("version = 1\npacks = [\"default\"]\n");
    let of = |uris: &[&str], dns: &[&str], emails: &[&str]| policy.workspace_for(&peer(uris, dns, emails));
    assert_eq!(of(&["spiffe://acme.example/agent/7"], &[], &[]), Ok(0));
    assert_eq!(of(&["SPIFFE://ACME.example/agent/7"], &[], &[]), Ok(0));
    assert_eq!(of(&[], &["Agent.Acme.Internal"], &[]), Ok(0));
    assert_eq!(of(&[], &[], &["ops@ACME.example"]), Ok(0));
    assert_eq!(of(&["spiffe://globex.example/agent"], &[], &[]), Ok(1));
    assert_eq!(of(&["spiffe://globex.example/agent"], &["other.example"], &[]), Ok(1));
    assert_eq!(of(&["spiffe://acme.example/agent/7"], &["agent.acme.internal"], &[]), Ok(0));
    assert_eq!(of(&["spiffe://globex.example/agent"], &["agent.acme.internal"], &[]), Err(NoWorkspace::Ambiguous));
    for (uris, dns) in [
        (&[][..], &[][..]),
        (&["spiffe://globex.example/agent/7"], &[]),
        (&["spiffe://acme.example/agent/../x"], &[]),
        (&["spiffe://acme.example/agent/7\0"], &[]),
        (&[], &["*.acme.internal"]),
        (&[], &["agent.acme.internal\0.evil"]),
        (&[], &["xagent.acme.internal"]),
    ] {
        assert_eq!(of(uris, dns, &[]), Err(NoWorkspace::Unknown), "{uris:?} {dns:?}");
    }
    assert_eq!(policy.workspace_named("globex"), Some(1));
    assert_eq!(policy.workspace_named("Globex"), None);
}

#[test]
fn paths_take_the_longest_prefix_of_whole_segments() {
    let policy = policy("version = 1\npacks = [\"default\"]\n");
    let route = |workspace, path| policy.route_for(workspace, path).map(|(at, rest)| (&*policy.routes[at].name, rest));
    let table = [
        (0, "/openai", Some(("openai", ""))),
        (0, "/openai/", Some(("openai", "/"))),
        (0, "/openai/v1/chat", Some(("openai", "/v1/chat"))),
        (0, "/openai/v1/filesystem", Some(("openai", "/v1/filesystem"))),
        (1, "/openai/v1/files", Some(("openai-files", ""))),
        (1, "/openai/v1/files/7", Some(("openai-files", "/7"))),
        (0, "/openai/v1/files/7", None),
        (0, "/twilio/x", Some(("twilio", "/x"))),
        (0, "/shared/x", Some(("shared-acme", "/x"))),
        (1, "/shared/x", Some(("shared-globex", "/x"))),
        (0, "/openai/a%2Fb", Some(("openai", "/a%2Fb"))),
        (0, "/openai/v1.0/...", Some(("openai", "/v1.0/..."))),
        (0, "/openaix", None),
        (0, "/OpenAI/x", None),
        (0, "/", None),
        (0, "", None),
        (0, "openai", None),
        (0, "*", None),
        (0, "//openai/x", None),
        (0, "/openai%2fv1", None),
        (0, "/open%61i/x", None),
        (0, "/openai/../twilio/x", None),
        (0, "/openai/./x", None),
        (0, "/openai/%2e%2e/x", None),
        (0, "/openai/..%2fx", None),
        (0, "/openai/x/..", None),
        (0, "/openai/..\\x", None),
        (0, "/openai/..;a/x", None),
        (2, "/openai/x", None),
    ];
    for (workspace, path, expected) in table {
        assert_eq!(route(workspace, path), expected, "{workspace} {path}");
    }
    assert_eq!(policy.routes[0].upstream.path, "/base");
    assert_eq!(policy.routes[2].path, "/twilio");
}

#[test]
fn no_spelling_of_a_narrower_routes_path_takes_the_wider_one() {
    let folder = Folder::new();
    let route = |name: &str, path: &str| {
        format!("[[route]]\nname = \"{name}\"\npath = \"{path}\"\nupstream = \"https://{name}.example.com\"\n")
    };
    let routes = [
        route("api", "/api"),
        route("admin", "/api/admin"),
        route("deep", "/api/a/b"),
        route("model", "/api/model/m-v1:0"),
        route("other", "/other"),
    ];
    folder.write("blackbar.toml", &format!("{MINIMAL}{}", routes.concat()));
    let policy = load(&folder.path("blackbar.toml")).unwrap().policy;
    let route = |path| policy.route_for(0, path).map(|(at, rest)| (&*policy.routes[at].name, rest));
    for (path, expected) in [
        ("/api/admin/x", ("admin", "/x")),
        ("/api/model/m-v1%3A0/invoke", ("model", "/invoke")),
        (
            "/api/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ax%2Fm-v1%3A0/invoke",
            ("api", "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ax%2Fm-v1%3A0/invoke"),
        ),
        ("/api/x/admin", ("api", "/x/admin")),
        ("/api/administration", ("api", "/administration")),
        ("/api/admin%20x", ("api", "/admin%20x")),
        ("/api/admin.x/y", ("api", "/admin.x/y")),
        ("/api/x./y%20", ("api", "/x./y%20")),
        ("/api/a", ("api", "/a")),
        ("/api/a//c;x=1/b", ("api", "/a//c;x=1/b")),
        ("/api/%3Clogs-%7Bnow%2Fd%7D%3E/_bulk", ("api", "/%3Clogs-%7Bnow%2Fd%7D%3E/_bulk")),
        ("/api/v1/models/x:generateContent", ("api", "/v1/models/x:generateContent")),
        ("/api/files/notes%3B1%2F2", ("api", "/files/notes%3B1%2F2")),
        ("/api/v1/objects/what%3F%2Fwhy%23x", ("api", "/v1/objects/what%3F%2Fwhy%23x")),
        // Where no route is narrower, the upstream reads what it is sent.
        ("/other/%61dmin;x%2Fy//z", ("other", "/%61dmin;x%2Fy//z")),
    ] {
        assert!(policy.is_clear(path), "{path}");
        assert_eq!(route(path), Some(expected), "{path}");
    }
    for path in [
        "/api/%61dmin/x",
        "/api/%2561dmin",
        "/api//admin/x",
        "/api/admin;a=b/x",
        "/api/;a/admin",
        "/api/admin%3Bx",
        "/api/admin%3Fx",
        "/api/Admin/x",
        "/api/admin./x",
        "/api/admin%2e/x",
        "/api/admin%20/x",
        "/api/admin%20",
        "/api/admin%09.%20;a=b",
        "/api/%20/admin",
        "/api/x/..%20/admin",
        "/api/model./m-v1:0%20/x",
        "/api%2Fadmin/x",
        "/api/a%2Fb",
        "/api/a%252fb/x",
        "/api/a%5Cb",
        "/api/a;x/b",
        "/api/a;x%2Fy/b",
        "/api/x/%252e%252e/admin",
        "/api/model/m-v1%253A0/invoke",
        "/api//model/m-v1%3A0/invoke",
    ] {
        assert_eq!(route(path), None, "{path}");
    }
}

fn action(policy: &Policy, route: usize, direction: Direction, path: Option<&str>, rule: &str) -> Action {
    let workspace = &policy.workspaces[0];
    let index = workspace.rules.rules().iter().position(|one| one.id.as_str() == rule).unwrap();
    let scopes = workspace.scopes(route, direction).unwrap();
    let key = |path: &JsonPath| format!("{:?}", path.steps);
    let table = match path {
        None => &scopes.actions,
        Some(path) => &scopes.paths.iter().find(|(known, _)| key(known).contains(path)).unwrap().1,
    };
    table.action(index).clone()
}

pub(crate) const SCOPED: &str = r#"version = 1
packs = ["default"]
[actions]
"*" = "redact"
PHONE = "mask"
"contact.*" = { request = "hash" }
"contact.email" = { response = { replace = "<mail>" } }
US_ITIN = "off"
[[rule]]
id = "acme.badge"
entity = "BADGE"
pattern = 'EMP-[0-9]{6}'
action = "remove"
[[scope]]
routes = ["twilio"]
paths = ["$.to", "$..*"]
actions = { PHONE = "observe" }
[[scope]]
routes = ["twilio"]
directions = ["response"]
actions = { PHONE = "keep-last-4" }
[[scope]]
directions = ["response"]
actions = { PHONE = "remove", US_SSN = "block" }
[[scope]]
routes = ["twilio"]
actions = { PHONE = "block" }
[[scope]]
paths = ["$.to"]
actions = { PHONE = "off", EMAIL = "observe", CREDIT_CARD = "off" }
[[scope]]
routes = ["twilio"]
directions = ["request"]
actions = { CREDIT_CARD = "mask" }
"#;

#[test]
fn the_most_specific_scope_wins() {
    let policy = policy(SCOPED);
    let (openai, twilio) = (0, 2);
    let of = |route, direction, path, rule| action(&policy, route, direction, path, rule);
    // Outside scopes: entries in their order, the last match wins, each direction by itself.
    assert_eq!(of(openai, Request, None, "pci.card"), Action::Redact);
    assert_eq!(of(openai, Request, None, "contact.phone"), Action::Hash);
    assert_eq!(of(openai, Request, None, "contact.email"), Action::Hash);
    assert_eq!(of(openai, Response, None, "contact.email"), Action::Replace("<mail>".into()));
    assert_eq!(of(openai, Request, None, "acme.badge"), Action::Redact, "`*` is said after the rule's own action");
    // Route and direction together beat either; of equals the later one wins.
    assert_eq!(of(openai, Response, None, "contact.phone"), Action::Remove);
    assert_eq!(of(twilio, Request, None, "contact.phone"), Action::Block);
    assert_eq!(of(twilio, Response, None, "contact.phone"), Action::KeepLast4);
    assert_eq!(of(twilio, Response, None, "us-pii.ssn"), Action::Block);
    // A route and a path beat a path; what a scope does not name stays as it is around it.
    let to = Some("Key(\"to\")");
    assert_eq!(of(twilio, Request, to, "contact.phone"), Action::Observe);
    assert_eq!(of(twilio, Request, to, "contact.email"), Action::Observe);
    assert_eq!(of(twilio, Request, Some("Descend"), "contact.email"), Action::Hash);
    assert_eq!(of(openai, Request, to, "contact.phone"), Action::Off);
    assert_eq!(of(openai, Response, to, "us-pii.ssn"), Action::Block);
    assert_eq!(of(twilio, Response, to, "contact.phone"), Action::Observe, "a path is narrower than a direction");
    assert_eq!(of(twilio, Request, to, "pci.card"), Action::Mask, "a route and a direction are narrower than a path");
    let base = &policy.workspaces[0].base;
    let phone = policy.workspaces[0].rules.rules().iter().position(|one| one.id.as_str() == "contact.phone").unwrap();
    assert_eq!(*base[0].actions.action(phone), Action::Hash, "outside routes their scopes do not hold");
    assert_eq!(*base[1].actions.action(phone), Action::Remove);
    let scopes = policy.workspaces[0].scopes(twilio, Request).unwrap();
    assert_eq!(scopes.paths.len(), 2, "one table for each path");
    assert!(format!("{:?}", scopes.paths[0].0).contains("to"), "the narrowest path comes first");
}

#[test]
fn rules_that_are_off_everywhere_are_not_compiled() {
    let policy = policy(SCOPED);
    let ids = |workspace: usize| -> Vec<String> {
        policy.workspaces[workspace].rules.rules().iter().map(|rule| rule.id.to_string()).collect()
    };
    assert!(!ids(0).contains(&"us-pii.itin".to_owned()) && ids(0).contains(&"acme.badge".to_owned()));
    assert!(ids(1).contains(&"us-pii.itin".to_owned()), "without a rules file the default packs hold");
}

#[test]
fn equal_tables_are_shared() {
    let policy = policy("version = 1\npacks = [\"all\"]\n");
    let scopes = &policy.workspaces[0].scopes;
    assert_eq!(scopes.len(), policy.routes.len());
    assert!(scopes.iter().flatten().all(|one| std::sync::Arc::ptr_eq(one, &scopes[0][0])));
}

#[test]
fn the_same_files_are_the_same_version() {
    let (left, right) = (policy("version = 1\npacks = [\"pci\"]\n"), policy("version = 1\npacks = [\"contact\"]\n"));
    assert_eq!(left.version.len(), 16);
    assert_ne!(left.version, right.version);
}

#[test]
fn rules_stand_alone() {
    let rules = load_rules(None).unwrap();
    assert!(rules.rules.rules().iter().any(|rule| rule.id.as_str() == "pci.card"));
    assert!(std::sync::Arc::ptr_eq(rules.scopes(Request), rules.scopes(Response)));
    assert!(load_rules(Some(Path::new("/no/such/rules.toml"))).is_err());
}

#[test]
fn defaults_hold_without_actions() {
    let policy = policy("version = 1\npacks = [\"default\"]\n");
    assert_eq!(action(&policy, 0, Request, None, "pci.card"), Action::KeepLast4);
    assert_eq!(action(&policy, 0, Request, None, "us-pii.ssn"), Action::Mask);
    assert_eq!(action(&policy, 0, Response, None, "contact.email"), Action::MaskDomain);
    assert_eq!(action(&policy, 0, Response, None, "secrets.github-token"), Action::Redact);
}

/// The text as a request's body would leave.
fn redacted(policy: &Policy, text: &str) -> String {
    let scopes = &policy.workspaces[0].base[0];
    let mut redactor = StreamRedactor::new(scopes.rules.clone(), scopes.actions.clone());
    let mut out = Output::default();
    redactor.push(text.as_bytes(), &mut out).unwrap();
    redactor.finish(&mut out).unwrap();
    String::from_utf8(out.bytes).unwrap()
}

#[test]
fn own_addresses_and_allowed_values_stay() {
    let policy = policy(
        r#"version = 1
packs = ["contact"]
own_email_domains = ["Acme.com", "*.acme.com"]
[[rule]]
id = "acme.employee"
entity = "EMPLOYEE_NUMBER"
pattern = 'EMP-\d{6}'
allow = ["EMP-000000"]
"#,
    );
    let text = "jane@acme.com joe@mail.acme.com jane@example.com EMP-000000 EMP-123456";
    let expected = "jane@acme.com joe@mail.acme.com jane@*** EMP-000000 [EMPLOYEE_NUMBER]";
    assert_eq!(redacted(&policy, text), expected);
}

#[test]
fn national_phones_of_named_regions() {
    let text = "oder 030 23125000 oder 01 99 00 12 34";
    let with = |line: &str| redacted(&policy(&format!("version = 1\npacks = [\"contact\"]\n{line}\n")), text);
    assert_eq!(with(""), text);
    assert_eq!(with("phone_regions = [\"FR\"]"), "oder 030 23125000 oder ** ** ** 12 34");
    assert_eq!(with("phone_regions = [\"FR\", \"de\"]"), "oder *** ****5000 oder ** ** ** 12 34");
}

#[test]
fn the_key_makes_hashes_equal_in_one_workspace() {
    let policy = policy("version = 1\npacks = [\"contact\"]\n[actions]\nEMAIL = \"hash\"\n");
    let text = redacted(&policy, "jane@example.com jane@example.com");
    let (left, right) = text.split_once(' ').unwrap();
    assert_eq!(left, right);
    assert!(left.starts_with("[EMAIL_") && left.len() > 20, "{left}");
}

#[test]
fn limits_and_times_have_units() {
    let folder = Folder::new();
    let more = "[limits]\nheader_bytes = \"32KiB\"\nconnections = 0x10\n[timeouts]\nconnect = 2.5\ndrain = \"500ms\"\n";
    folder.write("blackbar.toml", &format!("{MINIMAL}{more}"));
    let policy = load(&folder.path("blackbar.toml")).unwrap().policy;
    assert_eq!((policy.limits.header_bytes, policy.limits.connections), (32 << 10, 16));
    assert_eq!((policy.timeouts.connect.as_millis(), policy.timeouts.drain.as_millis()), (2500, 500));
}

#[test]
fn bundled_rules_pass_their_examples() {
    for test in test_rules(None, false).unwrap().tests {
        let shown: Vec<String> = test.failures.iter().map(ToString::to_string).collect();
        assert!(shown.is_empty(), "{}", shown.join("\n"));
        let pack = test.rule.as_str().split('.').next().unwrap();
        assert!(blackbar::policy::bundled_pack(pack).is_some(), "{} begins with its pack's name", test.rule);
    }
}

const WEAK: &str = r#"version = 1
THRESHOLD
[actions]
CODE = "mask"
"own.*" = { replace = "(gone)" }
NAMED
[[rule]]
id = "own.weak"
entity = "CODE"
pattern = 'W-\d{4}'
confidence = 40
[[rule]]
id = "own.sure"
entity = "CODE"
pattern = 'S-\d{4}'
"#;

#[test]
fn rules_below_the_threshold_are_off_unless_their_id_is_named() {
    let folder = Folder::new();
    let table = [
        ("", "", "W-1234 (gone)", Some(OffReason::Threshold(50))),
        ("threshold = 40", "", "(gone) (gone)", None),
        ("threshold = 41", "", "W-1234 (gone)", Some(OffReason::Threshold(41))),
        ("", "\"own.weak\" = \"redact\"", "[CODE] (gone)", None),
        ("threshold = 90", "", "W-1234 S-1234", Some(OffReason::Threshold(90))),
        ("", "\"own.weak\" = \"off\"", "W-1234 (gone)", Some(OffReason::Threshold(50))),
        ("threshold = 1", "\"own.weak\" = \"off\"", "W-1234 (gone)", Some(OffReason::Action)),
    ];
    for (threshold, named, wanted, off) in table {
        folder.write("rules.toml", &WEAK.replace("THRESHOLD", threshold).replace("NAMED", named));
        let rules = load_rules(Some(&folder.path("rules.toml"))).unwrap();
        let mut redactor = StreamRedactor::new(rules.rules.clone(), rules.request.actions.clone());
        let mut out = Output::default();
        redactor.push_last(b"W-1234 S-1234", &mut out).unwrap();
        assert_eq!(String::from_utf8(out.bytes).unwrap(), wanted, "{threshold} {named}");
        assert_eq!(rules.catalogue.len(), 2);
        assert_eq!(rules.catalogue[0].off, off, "{threshold} {named}");
    }
}
