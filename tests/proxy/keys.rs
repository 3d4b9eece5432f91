//! API keys: who shows one belongs to its workspace, within what it may do; it never goes on.

use std::sync::Arc;

use blackbar::policy::{ApiKey, ClientAuth, Network, Policy, Quota, moment_of};
use sha2::{Digest, Sha256};

use crate::support::client::{Answer, connect};
use crate::support::proxy::{ACME, Running};
use crate::support::{Client, Name, TestProxy, Upstream};

const MASKS: &str = "version = 1\npacks = [\"contact\"]\n";
const BLOCKS: &str = "version = 1\npacks = [\"contact\"]\n[actions]\nEMAIL = \"block\"\n";

fn key(id: &str, secret: &str) -> ApiKey {
    let hash = Sha256::digest(secret.as_bytes()).into();
    ApiKey { id: id.to_owned(), hash, routes: None, expires: None, allow_from: Vec::new(), quota: Quota::default() }
}

/// Clients need no certificate, and show keys in this field.
fn takes(field: &'static str, acme: Vec<ApiKey>) -> impl FnOnce(&mut Policy) {
    move |policy| {
        let listener = &mut policy.listeners[0];
        listener.tls.as_mut().unwrap().client_auth = ClientAuth::Optional;
        listener.api_keys = Some(field.to_owned());
        Arc::get_mut(&mut policy.workspaces[0]).unwrap().api_keys = acme;
    }
}

async fn stranger(proxy: &Running) -> Client {
    let config = proxy.pki.client_config(None, &["http/1.1"]);
    Client::new(connect(proxy.address, "localhost", config).await.unwrap())
}

async fn asks(client: &mut Client, path: &str, fields: &str) -> Answer {
    let body = "jane@example.com";
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\n{fields}Content-Type: text/plain\r\nContent-Length: 16\r\n\r\n"
    );
    client.send(head + body).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_says_whose_a_request_is_and_stays_here() {
    let upstream = Upstream::echo().await;
    let keys = vec![key("first", "canary-one"), key("second", "canary-two")];
    let test = TestProxy::new().audited().workspace("acme", MASKS).workspace("beta", BLOCKS).upstream(&upstream);
    let proxy = test.policy(takes("x-blackbar-key", keys)).start();
    for fields in [
        "",
        "X-Blackbar-Key: canary\r\n",
        "X-Blackbar-Key: canary-one\r\nX-Blackbar-Key: canary-one\r\n",
        "X-Blackbar-Key: \r\n",
    ] {
        let answer = asks(&mut stranger(&proxy).await, "/", fields).await;
        assert_eq!((answer.status, answer.code().as_str()), (401, "api_key"), "{fields}");
    }
    assert!(upstream.is_untouched());
    let mut client = stranger(&proxy).await;
    for secret in ["canary-one", "canary-two"] {
        let answer = asks(&mut client, "/", &format!("x-blackbar-key: {secret}\r\n")).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "jane@***"));
    }
    assert!(!upstream.saw("canary"));
    // A certificate says it too: then both must say the same.
    for (name, status) in [(ACME, 200), (Name::Uri("spiffe://beta.example/agent"), 401)] {
        let config = proxy.pki.client_config(Some(proxy.pki.client(&[name])), &["http/1.1"]);
        let mut client = Client::new(connect(proxy.address, "localhost", config).await.unwrap());
        assert_eq!(asks(&mut client, "/", "x-blackbar-key: canary-one\r\n").await.status, status);
    }
    // Without a key the certificate alone says it.
    let mut beta = proxy.client_named(&[Name::Uri("spiffe://beta.example/agent")]).await;
    assert_eq!(asks(&mut beta, "/", "").await.code(), "policy_blocked");
    proxy.handle.close_audit();
    let records =
        blackbar::audit::read::Records::open(&proxy.pki.file("audit")).unwrap().map(|record| record.unwrap().1);
    let lines: Vec<String> = records.map(|line| String::from_utf8(line).unwrap()).collect();
    assert_eq!(
        lines.iter().filter(|line| line.contains("\"key\":\"second\"") && line.contains("\"ws\":\"acme\"")).count(),
        1
    );
    assert!(!lines.concat().contains("canary") && !proxy.telemetry.render().contains("canary"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_holds_within_its_bounds() {
    let upstream = Upstream::echo().await;
    let near = |network: &str| vec![Network::parse(network).unwrap()];
    let keys = vec![
        ApiKey { expires: moment_of("2020-01-01"), ..key("old", "old") },
        ApiKey { expires: moment_of("9999-01-01"), allow_from: near("127.0.0.0/8"), ..key("near", "near") },
        ApiKey { allow_from: near("10.0.0.0/8"), ..key("far", "far") },
        ApiKey { routes: Some(vec![1]), ..key("other", "other") },
        ApiKey { routes: Some(vec![0]), ..key("first", "first") },
        ApiKey { quota: Quota { rate: Some(1), burst: 1, ..Quota::default() }, ..key("slow", "slow") },
    ];
    let test = TestProxy::new().workspace("acme", MASKS).upstream(&upstream).route("/other", upstream.address, |_| {});
    let fallback = |policy: &mut Policy| policy.listeners[0].workspace = Some("acme".to_owned());
    let proxy = test.policy(takes("authorization", keys)).policy(fallback).start();
    let mut asked = Vec::new();
    for (secret, path) in [
        ("old", "/"),
        ("near", "/"),
        ("far", "/"),
        ("other", "/"),
        ("other", "/other"),
        ("first", "/others/%6fther;x"),
        ("first", "/other/x"),
        // Which the upstream could read as the other route's.
        ("first", "/%6Fther/x"),
        ("first", "//other/x"),
        ("first", "/other;x/x"),
        ("first", "/Other/x"),
        ("slow", "/"),
        ("slow", "/"),
        ("no", "/"),
    ] {
        let answer = asks(&mut stranger(&proxy).await, path, &format!("Authorization: Bearer {secret}\r\n")).await;
        asked.push(answer.status);
    }
    assert_eq!(asked, [401, 200, 401, 404, 200, 200, 404, 400, 400, 400, 400, 200, 429, 401]);
    assert_eq!(asks(&mut stranger(&proxy).await, "/", "Authorization: Basic near\r\n").await.status, 401);
    assert!(!upstream.saw("Bearer") && !upstream.saw("bearer"));
    // Who shows none is of the listener's workspace, where it has one.
    assert_eq!(asks(&mut stranger(&proxy).await, "/", "").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_of_one_workspace_takes_no_others_keys() {
    let upstream = Upstream::echo().await;
    let test = TestProxy::new().workspace("acme", MASKS).workspace("beta", BLOCKS).upstream(&upstream);
    let takes = takes("x-blackbar-key", vec![key("first", "canary-one")]);
    let of_beta = |policy: &mut Policy| policy.listeners[0].workspace = Some("beta".to_owned());
    let proxy = test.policy(takes).policy(of_beta).start();
    let answer = asks(&mut stranger(&proxy).await, "/", "x-blackbar-key: canary-one\r\n").await;
    assert_eq!((answer.status, answer.code().as_str()), (401, "api_key"));
    assert!(upstream.is_untouched());
}
