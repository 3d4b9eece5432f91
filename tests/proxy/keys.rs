//! API keys: who shows one belongs to its workspace, within what it may do; it never goes on.

use std::sync::{Arc, Mutex};

use blackbar::policy::{ApiKey, ClientAuth, Network, Policy, Quota, moment_of};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http2::SendRequest;
use sha2::{Digest, Sha256};
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;

use crate::support::client::{Answer, connect, http2};
use crate::support::proxy::{ACME, Running};
use crate::support::{Client, Name, Reply, TestProxy, Upstream, within};

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

const SWITCHED: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
const EVENTS: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 99\r\n\r\ndata: one\n\n";

/// Lets the proxy go on under other keys.
fn change(proxy: &Running, keys: Vec<ApiKey>) {
    let mut policy = blackbar::policy::load(&proxy.pki.file("blackbar.toml")).unwrap().policy;
    takes("x-blackbar-key", keys)(&mut policy);
    proxy.handle.replace(Arc::new(policy)).unwrap();
}

/// The body of an answer that goes on, to a request that shows a key.
async fn stream2(sender: &mut SendRequest<Full<Bytes>>, key: &str) -> Incoming {
    let request = hyper::Request::get("https://localhost/").header("x-blackbar-key", key);
    let answer = within(sender.send_request(request.body(Full::default()).unwrap())).await.unwrap();
    assert_eq!(answer.status(), 200);
    let mut body = answer.into_body();
    assert!(within(body.frame()).await.unwrap().is_ok());
    body
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_rests_on_a_key_ends_with_it() {
    for what in ["frozen", "removed", "expired"] {
        let scripts: Arc<Mutex<Vec<mpsc::UnboundedSender<Vec<u8>>>>> = Arc::default();
        let kept = Arc::clone(&scripts);
        let upstream = Upstream::answering(move |received| {
            let (script, pieces) = mpsc::unbounded_channel();
            let live = received.request_line().contains("/v1/realtime");
            script.send(if live { SWITCHED } else { EVENTS }.to_vec()).unwrap();
            kept.lock().unwrap().push(script);
            Reply::Pieces(pieces)
        })
        .await;
        let keys = || vec![key("first", "canary-one"), key("second", "canary-two")];
        let test = TestProxy::new().audited().workspace("acme", MASKS).upstream(&upstream);
        let proxy = test.policy(takes("x-blackbar-key", keys())).start();

        let mut socket = stranger(&proxy).await;
        socket
            .write(
                "GET /v1/realtime?model=m HTTP/1.1\r\nHost: localhost\r\nX-Blackbar-Key: canary-one\r\nUpgrade: websocket\r\n\
                 Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            )
            .await;
        assert_eq!(within(socket.head()).await.unwrap().status, 101, "{what}");
        let mut busy = stranger(&proxy).await;
        busy.write("GET / HTTP/1.1\r\nHost: localhost\r\nX-Blackbar-Key: canary-one\r\n\r\n").await;
        assert_eq!(within(busy.head()).await.unwrap().status, 200, "{what}");
        let config = proxy.pki.client_config(None, &["h2"]);
        let mut many = http2(connect(proxy.address, "localhost", config).await.unwrap()).await;
        let (mut first, mut second) = (stream2(&mut many, "canary-one").await, stream2(&mut many, "canary-two").await);

        match what {
            "frozen" => {
                std::fs::create_dir(proxy.pki.file("incident")).unwrap();
                std::fs::write(proxy.pki.file("incident/acme.frozen"), "").unwrap();
            }
            "removed" => change(&proxy, keys().split_off(1)),
            _ => {
                let mut keys = keys();
                keys[0].expires = Some(blackbar::telemetry::unix_seconds() + 1);
                change(&proxy, keys);
            }
        }
        assert!(within(busy.until(b"0\r\n\r\n")).await.is_none(), "{what}: the answer breaks off");
        let mut rest = Vec::new();
        let _ = within(socket.stream.read_to_end(&mut rest)).await;
        let ended = within(first.frame()).await;
        assert!(ended.is_some_and(|frame| frame.is_err()), "{what}: the stream is reset");
        if what == "frozen" {
            let ended = within(second.frame()).await;
            assert!(ended.is_some_and(|frame| frame.is_err()), "the workspace is the second key's too");
        } else {
            // The other key's exchange on the same connection goes on.
            scripts.lock().unwrap()[3].send(b"data: two\n\n".to_vec()).unwrap();
            assert!(within(second.frame()).await.unwrap().is_ok(), "{what}");
        }
        proxy.handle.close_audit();
        let records = blackbar::audit::read::Records::open(&proxy.pki.file("audit")).unwrap();
        let lines: Vec<String> = records.map(|record| String::from_utf8(record.unwrap().1).unwrap()).collect();
        assert!(lines.iter().any(|line| line.contains("\"reason\":\"revoked\"")), "{what}: {lines:?}");
        assert!(!lines.iter().any(|line| line.contains("client_abort")), "{what}: {lines:?}");
    }
}
