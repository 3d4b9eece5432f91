//! Requests that wait for a person: held whole, told, released once, under the rules of now.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use blackbar::admin::Admin;
use blackbar::policy::{ApiKey, ClientAuth, ListenAddress, OwnKey, Person, Quota};
use blackbar::proxy::Address;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::client::connect;
use crate::support::pki::Name;
use crate::support::proxy::{ACME, Running};
use crate::support::upstream::ok;
use crate::support::{Client, Reply, TestProxy, Upstream, within};

pub(crate) const RULES: &str =
    "version = 1\npacks = [\"pci\", \"us-pii\", \"contact\"]\n[actions]\nUS_SSN = \"quarantine\"\n";
const BODY: &str = r#"{"text":"ssn 078-05-1120, mail jane@example.com"}"#;
pub(crate) const SSN: &str = "078-05-1120";

fn hash(token: &str) -> String {
    Sha256::digest(token.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// People: `rita` reviews, `vera` looks, `beth` reviews another workspace, `own` reviews what it sent.
pub(crate) fn people() -> String {
    let person = |name: &str, role: &str, more: &str| {
        format!("[[admin.person]]\nname = \"{name}\"\nrole = \"{role}\"\ntoken_sha256 = \"{}\"\n{more}\n", hash(name))
    };
    let own = "clients = [\"uri:spiffe://acme.example/*\"]";
    let all = [
        person("rita", "reviewer", "clients = [\"email:rita@acme.example\"]"),
        person("vera", "viewer", ""),
        person("beth", "reviewer", "workspaces = [\"beta\"]"),
        person("own", "reviewer", own),
    ];
    format!("[admin]\naddress = \"127.0.0.1:0\"\n{}", all.concat())
}

fn holding(more: &str) -> TestProxy {
    let test = TestProxy::new();
    std::fs::write(test.pki.file("quarantine.key32"), [9; 32]).unwrap();
    let quarantine = format!("[quarantine]\nstore = \"held\"\nkey = {{ file = \"quarantine.key32\" }}\n{more}\n");
    test.workspace("acme", RULES)
        .workspace("beta", RULES)
        .audited()
        .route_settings("request = { mode = \"buffer\" }\n")
        .tables(&people())
        .tables(&quarantine)
}

/// The admin listener over plain TCP.
pub(crate) fn admin(proxy: &Running) -> Address {
    let admin = Admin::bind(&ListenAddress::Tcp("127.0.0.1:0".parse().unwrap())).unwrap();
    let at = admin.address().clone();
    tokio::spawn(admin.run(proxy.handle.clone(), Arc::clone(&proxy.telemetry)));
    at
}

pub(crate) async fn ask(at: &Address, who: &str, method: &str, target: &str, order: Option<Value>) -> (u16, Value) {
    let Address::Tcp(at) = at else { panic!("no TCP") };
    let body = order.map(|order| order.to_string()).unwrap_or_default();
    let request = format!(
        "{method} {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {who}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(at).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    within(stream.read_to_string(&mut answer)).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap())
}

pub(crate) async fn release(at: &Address, who: &str, id: &str) -> (u16, Value) {
    ask(at, who, "POST", &format!("/quarantine/{id}/release"), Some(json!({ "reason": "agreed" }))).await
}

async fn hold(proxy: &Running) -> String {
    let answer = proxy.client().await.post("/v1/x", "application/json", BODY).await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "quarantined"), "{}", answer.text());
    answer.header("x-blackbar-item").unwrap().to_owned()
}

fn records(folder: &Path) -> Vec<Value> {
    let files = std::fs::read_dir(folder.join("audit")).unwrap().map(|entry| entry.unwrap().path());
    let texts = files.filter_map(|path| std::fs::read_to_string(path).ok());
    let lines: Vec<String> = texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_held_shown_and_released_once() {
    let upstream = Upstream::echo().await;
    let proxy = holding("").upstream(&upstream).start();
    let at = admin(&proxy);
    let mut client = proxy.client().await;
    let request = format!(
        "POST /v1/x?q=1 HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAuthorization: Bearer k\r\n\
         X-Note: mail joan@example.com\r\nContent-Length: {}\r\n\r\n{BODY}",
        BODY.len()
    );
    let answer = client.send(request).await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "quarantined"));
    let id = answer.header("x-blackbar-item").unwrap().to_owned();
    let problem: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(problem["item"], id.as_str());
    assert!(problem["title"].as_str().unwrap().len() > 10 && !answer.text().contains(SSN));
    assert!(upstream.is_untouched());
    for entry in std::fs::read_dir(proxy.pki.file("held")).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        for text in [SSN, "jane@", "joan@", "Bearer", "/v1/x"] {
            assert!(!bytes.windows(text.len()).any(|window| window == text.as_bytes()), "{text} is at rest");
        }
    }

    let (status, list) = ask(&at, "vera", "GET", "/quarantine?state=held", None).await;
    assert_eq!((status, list["items"].as_array().unwrap().len()), (200, 1));
    let item = &list["items"][0];
    assert_eq!((&item["workspace"], &item["route"], &item["method"]), (&json!("acme"), &json!("root"), &json!("POST")));
    assert_eq!(item["sender"], json!(["uri:spiffe://acme.example/agent"]));
    let found: Vec<_> = item["findings"].as_array().unwrap().iter().map(|found| &found["action"]).collect();
    assert!(found.contains(&&json!("quarantine")) && found.contains(&&json!("mask-domain")), "{found:?}");
    assert!(!list.to_string().contains(SSN) && !list.to_string().contains("jane@"));
    let (_, preview) = ask(&at, "rita", "GET", &format!("/quarantine/{id}/preview"), None).await;
    assert_eq!(preview["preview"], r#"{"text":"ssn [US_SSN], mail jane@***"}"#);

    let (status, released) = release(&at, "rita", &id).await;
    assert_eq!((status, &released["state"], &released["upstream_status"]), (200, &json!("released"), &json!(200)));
    assert!(upstream.saw("ssn 078-05-1120, mail jane@***"), "approved is what was held, and nothing else");
    assert!(upstream.saw("POST /v1/x?q=1 ") && upstream.saw("Bearer k") && upstream.saw("mail joan@***"));
    let (status, again) = release(&at, "rita", &id).await;
    assert_eq!((status, &again), (200, &released));
    let sent = String::from_utf8_lossy(&upstream.bytes.lock().unwrap()).matches("POST /v1/x").count();
    assert_eq!(sent, 1);
    assert!(!proxy.pki.file("held").join(format!("{id}.body")).exists());
    let (status, refused) =
        ask(&at, "rita", "POST", &format!("/quarantine/{id}/reject"), Some(json!({ "reason": "no" }))).await;
    assert_eq!((status, &refused["code"]), (409, &json!("released")));

    proxy.handle.close_audit();
    let records = records(&proxy.pki.file("."));
    let held = records.iter().find(|record| record["outcome"] == "held").unwrap();
    assert_eq!(
        (&held["item"], &held["reason"], &held["kind"]),
        (&json!(id), &json!("quarantined"), &json!("exchange"))
    );
    let acts: Vec<_> = records.iter().filter(|record| record["kind"] == "quarantine").collect();
    let told: Vec<_> = acts.iter().map(|record| (record["act"].as_str().unwrap(), &record["by"])).collect();
    assert_eq!(told, [("preview", &json!("rita")), ("release", &json!("rita"))]);
    assert_eq!(acts[1]["why"], "agreed");
    assert!(records.iter().any(|record| record["actor"] == json!(["person:rita"]) && record["status"] == 200));
    assert_eq!(proxy.metric("blackbar_quarantine_total{result=\"held\",route=\"root\",workspace=\"acme\"}"), 1.0);
    assert_eq!(proxy.metric("blackbar_quarantine_total{result=\"released\",route=\"root\",workspace=\"acme\"}"), 1.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_decides_who_may_not() {
    let upstream = Upstream::echo().await;
    let proxy = holding("").upstream(&upstream).start();
    let at = admin(&proxy);
    let id = hold(&proxy).await;
    let order = |reason: &str| Some(json!({ "reason": reason }));
    let to = format!("/quarantine/{id}/release");
    let long = "x".repeat(1025);
    for (who, order, status, code) in [
        ("nobody", order("r"), 401, "unauthorized"),
        ("vera", order("r"), 403, "role"),
        ("own", order("r"), 403, "own_request"),
        ("beth", order("r"), 404, "unknown_item"),
        ("rita", order(" "), 400, "reason"),
        ("rita", order(&long), 400, "reason"),
        ("rita", None, 400, "order"),
        ("rita", Some(json!({ "reason": "r", "agian": true })), 400, "order"),
        ("rita", Some(json!({ "reason": "r", "sealed_sha256": "00" })), 409, "other_content"),
    ] {
        let (got, problem) = ask(&at, who, "POST", &to, order).await;
        assert_eq!((got, &problem["code"]), (status, &json!(code)), "{who}");
    }
    assert_eq!(ask(&at, "vera", "GET", &format!("/quarantine/{id}/preview"), None).await.0, 403);
    assert_eq!(ask(&at, "rita", "GET", "/quarantine/00", None).await.0, 404);
    assert_eq!(ask(&at, "rita", "DELETE", &format!("/quarantine/{id}"), None).await.0, 405);
    assert_eq!(ask(&at, "beth", "GET", "/quarantine", None).await.1["items"], json!([]));
    assert!(upstream.is_untouched());
    let reason = "x".repeat(1024);
    let (status, rejected) = ask(&at, "rita", "POST", &format!("/quarantine/{id}/reject"), order(&reason)).await;
    assert_eq!((status, &rejected["state"]), (200, &json!("rejected")));
    assert_eq!(release(&at, "rita", &id).await.1["code"], "rejected");
    assert!(upstream.is_untouched());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_a_person_over_mutual_tls() {
    let upstream = Upstream::echo().await;
    let test = holding("").upstream(&upstream);
    let tables = people().replace(
        "address = \"127.0.0.1:0\"",
        "address = \"0.0.0.0:0\"\ncertificate = \"server.crt\"\nprivate_key = \"server.key\"\nclient_ca = \"ca.crt\"",
    );
    let config = test.write();
    let text = std::fs::read_to_string(&config).unwrap().replace(&people(), &tables);
    std::fs::write(&config, text).unwrap();
    let policy = blackbar::policy::load(&config).unwrap().policy;
    let admin = Admin::open(policy.admin.as_ref().unwrap()).unwrap();
    let Address::Tcp(at) = *admin.address() else { panic!("no TCP") };
    let to = std::net::SocketAddr::from(([127, 0, 0, 1], at.port()));
    let proxy = test.start();
    tokio::spawn(admin.run(proxy.handle.clone(), Arc::clone(&proxy.telemetry)));
    let id = hold(&proxy).await;
    let client = async |names: Option<&[Name]>| {
        let identity = names.map(|names| proxy.pki.client(names));
        let config = proxy.pki.client_config(identity, &["http/1.1"]);
        Client::new(connect(to, "localhost", config).await.unwrap())
    };
    let rita: &[Name] = &[Name::Email("rita@acme.example")];
    let both: &[Name] = &[Name::Email("rita@acme.example"), ACME];
    assert_eq!(client(None).await.get("/readyz").await.status, 200);
    assert_eq!(client(None).await.get("/quarantine").await.status, 401);
    assert_eq!(client(Some(rita)).await.get("/quarantine").await.status, 200);
    let target = format!("/quarantine/{id}/release");
    // The names of two people are nobody's.
    for (names, status, code) in [(both, 401, "unauthorized"), (&[ACME][..], 403, "own_request")] {
        let answer = client(Some(names)).await.post(&target, "application/json", "{\"reason\":\"r\"}").await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code));
    }
    let answer = client(Some(rita)).await.post(&target, "application/json", "{\"reason\":\"r\"}").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(upstream.saw(SSN));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rules_of_now_decide() {
    let upstream = Upstream::echo().await;
    let proxy = holding("").upstream(&upstream).start();
    let at = admin(&proxy);
    let (first, second) = (hold(&proxy).await, hold(&proxy).await);
    let rules = proxy.pki.file("acme.toml");
    std::fs::write(&rules, format!("{RULES}EMAIL = \"block\"\n")).unwrap();
    proxy.reload(|text| text + "# 1\n");
    let (status, problem) = release(&at, "rita", &first).await;
    assert_eq!((status, &problem["code"]), (409, &json!("failed")));
    assert_eq!((&problem["item"]["state"], &problem["item"]["code"]), (&json!("failed"), &json!("policy_blocked")));
    assert_eq!(release(&at, "rita", &first).await.0, 409);
    // What the reviewer has not seen held is not let pass by what was.
    std::fs::write(&rules, format!("{RULES}EMAIL = \"quarantine\"\n")).unwrap();
    proxy.reload(|text| text + "# 2\n");
    assert_eq!(release(&at, "rita", &second).await.1["item"]["code"], "policy_blocked");
    assert!(upstream.is_untouched());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_sent_waits_and_what_may_have_been_is_asked_about() {
    let silent = Upstream::answering(|_| Reply::Close(Vec::new())).await;
    let proxy = holding("").upstream(&silent).start();
    let at = admin(&proxy);
    let id = hold(&proxy).await;
    let url = silent.url();
    proxy.reload(|text| text.replace(&url, "http://127.0.0.1:1"));
    let (status, problem) = release(&at, "rita", &id).await;
    assert_eq!((status, &problem["code"]), (502, &json!("upstream_connect")));
    assert_eq!(ask(&at, "rita", "GET", &format!("/quarantine/{id}"), None).await.1["state"], "held");
    proxy.reload(|text| text.replace("http://127.0.0.1:1", &url));
    let (status, problem) = release(&at, "rita", &id).await;
    assert_eq!((status, &problem["code"]), (502, &json!("uncertain")));
    assert!(silent.saw(SSN));
    assert_eq!(ask(&at, "rita", "GET", &format!("/quarantine/{id}/preview"), None).await.0, 200);
    let upstream = Upstream::echo().await;
    proxy.reload(|text| text.replace(&url, &upstream.url()));
    assert_eq!(release(&at, "rita", &id).await.1["code"], "uncertain");
    assert!(upstream.is_untouched());
    let again = Some(json!({ "reason": "the provider says that it has nothing", "again": true }));
    let (status, released) = ask(&at, "rita", "POST", &format!("/quarantine/{id}/release"), again).await;
    assert_eq!((status, &released["state"]), (200, &json!("released")));
    assert!(upstream.saw(SSN));
    proxy.handle.close_audit();
    let records = records(&proxy.pki.file("."));
    let looked = records.iter().find(|record| record["act"] == "preview").unwrap();
    assert_eq!(
        (&looked["by"], &looked["why"], &looked["outcome"]),
        (&json!("rita"), &json!(null), &json!("uncertain"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_changed_at_rest_is_not_sent() {
    let upstream = Upstream::echo().await;
    let proxy = holding("").upstream(&upstream).start();
    let at = admin(&proxy);
    let (id, other) = (hold(&proxy).await, hold(&proxy).await);
    let body = |id: &str| proxy.pki.file("held").join(format!("{id}.body"));
    std::fs::copy(body(&other), body(&id)).unwrap();
    let (status, problem) = release(&at, "rita", &id).await;
    assert_eq!((status, &problem["code"], &problem["item"]["code"]), (409, &json!("tampered"), &json!("tampered")));
    assert!(upstream.is_untouched());
    assert_eq!(release(&at, "rita", &other).await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn block_wins_and_every_place_counts_and_a_full_store_refuses() {
    let upstream = Upstream::echo().await;
    let test = holding("workspace_items = 2\n");
    let proxy = test.upstream(&upstream).start();
    std::fs::write(proxy.pki.file("acme.toml"), format!("{RULES}CREDIT_CARD = \"block\"\n")).unwrap();
    proxy.reload(|text| text + "# 1\n");
    let mut client = proxy.client().await;
    for body in ["078-05-1120 4111 1111 1111 1111", "4111 1111 1111 1111 078-05-1120"] {
        assert_eq!(client.post("/", "text/plain", body).await.code(), "policy_blocked");
    }
    assert_eq!(client.get("/?ssn=078-05-1120").await.code(), "quarantined");
    let answer = client.send("GET / HTTP/1.1\r\nHost: localhost\r\nX-Note: ssn 078-05-1120\r\n\r\n").await;
    assert_eq!(answer.code(), "quarantined");
    let answer = client.post("/", "text/plain", "ssn 078-05-1120").await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "quarantine_unavailable"));
    assert_eq!(client.post("/", "text/plain", "nothing").await.status, 200);
    assert_eq!(proxy.metric("blackbar_quarantine_total{result=\"full\",route=\"root\",workspace=\"acme\"}"), 1.0);
    assert!(!upstream.saw(SSN));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_s_error_names_the_item() {
    let upstream = Upstream::echo().await;
    let proxy = holding("").upstream(&upstream).start();
    let body = r#"{"model":"m","messages":[{"role":"user","content":"ssn 078-05-1120"}]}"#;
    for path in ["/v1/chat/completions", "/v1/messages"] {
        let answer = proxy.client().await.post(path, "application/json", body).await;
        let item = answer.header("x-blackbar-item").unwrap();
        let error: Value = serde_json::from_slice(&answer.body).unwrap();
        assert!(error["error"]["message"].as_str().unwrap().ends_with(item), "{error}");
    }
    assert!(upstream.is_untouched());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verdicts_are_told_signed_until_they_are_taken() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let mut hook = Upstream::answering(move |_| match counted.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::Bytes(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n".to_vec()),
        _ => Reply::Bytes(ok("text/plain", "")),
    })
    .await;
    let upstream = Upstream::echo().await;
    let more = format!("webhook = {{ url = \"{}/verdicts\", secret = {{ file = \"hook.key\" }} }}\n", hook.url());
    let test = holding(&more).upstream(&upstream);
    let secret = "0123456789abcdef0123456789abcdef";
    std::fs::write(test.pki.file("hook.key"), secret).unwrap();
    let proxy = test.start();
    let at = admin(&proxy);
    let id = hold(&proxy).await;
    assert_eq!(release(&at, "rita", &id).await.0, 200);
    let first = hook.request().await;
    let second = hook.request().await;
    assert_eq!((first.request_line(), &first.body), ("POST /verdicts HTTP/1.1", &second.body));
    assert_eq!(first.header("webhook-id"), second.header("webhook-id"));
    let header = |name: &str| second.header(name).unwrap().to_owned();
    let signed = format!("{}.{}.{}", header("webhook-id"), header("webhook-timestamp"), second.text());
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(signed.as_bytes());
    use base64::Engine;
    let signature = base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes());
    assert_eq!(header("webhook-signature"), format!("v1,{signature}"));
    let told: Value = serde_json::from_slice(&second.body).unwrap();
    assert_eq!((&told["id"], &told["verdict"], &told["reviewer"]), (&json!(id), &json!("released"), &json!("rita")));
    assert_eq!((&told["upstream_status"], &told["reason"]), (&json!(200), &json!("agreed")));
    within(async {
        while ask(&at, "vera", "GET", &format!("/quarantine/{id}"), None).await.1["delivery"] != "done" {}
    })
    .await;
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_decides_is_erased_in_time() {
    let upstream = Upstream::echo().await;
    let proxy = holding("ttl = \"50ms\"\n").upstream(&upstream).start();
    let at = admin(&proxy);
    let id = hold(&proxy).await;
    within(async {
        while ask(&at, "vera", "GET", &format!("/quarantine/{id}"), None).await.1["state"] != "expired" {}
    })
    .await;
    // Its content goes directly behind its state.
    let body = proxy.pki.file("held").join(format!("{id}.body"));
    within(async {
        while body.exists() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(release(&at, "rita", &id).await.1["code"], "expired");
    assert!(upstream.is_untouched());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_decides_about_what_a_key_of_theirs_sent() {
    let upstream = Upstream::echo().await;
    let hash = Sha256::digest(b"canary-key").into();
    let (routes, allow_from, quota) = (None, Vec::new(), Quota::default());
    let key = ApiKey { id: "first".to_owned(), hash, routes, expires: None, allow_from, quota };
    let owns =
        |workspace: Option<&str>, id: &str| vec![OwnKey { workspace: workspace.map(str::to_owned), id: id.to_owned() }];
    let keys = [owns(None, "first"), owns(Some("acme"), "first"), owns(Some("beta"), "first"), owns(None, "second")];
    let proxy = holding("").upstream(&upstream).policy(move |policy| {
        let listener = &mut policy.listeners[0];
        listener.tls.as_mut().unwrap().client_auth = ClientAuth::Optional;
        listener.api_keys = Some("x-blackbar-key".to_owned());
        Arc::get_mut(&mut policy.workspaces[0]).unwrap().api_keys = vec![key];
        let people = &mut policy.admin.as_mut().unwrap().people;
        let template = people[0].clone();
        people.extend(keys.into_iter().enumerate().map(|(at, keys)| {
            let name = format!("own{at}");
            let token = Some(Sha256::digest(name.as_bytes()).into());
            Person { name, token, keys, clients: Vec::new(), ..template.clone() }
        }));
    });
    let proxy = proxy.start();
    let at = admin(&proxy);
    let config = proxy.pki.client_config(None, &["http/1.1"]);
    let mut client = Client::new(connect(proxy.address, "localhost", config).await.unwrap());
    for (who, status) in [("own0", 403), ("own1", 403), ("own2", 200), ("own3", 200), ("rita", 200)] {
        let request = format!(
            "POST /v1/x HTTP/1.1\r\nHost: localhost\r\nX-Blackbar-Key: canary-key\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{BODY}",
            BODY.len()
        );
        let answer = client.send(request).await;
        assert_eq!(answer.code(), "quarantined", "{}", answer.text());
        let id = answer.header("x-blackbar-item").unwrap().to_owned();
        let (_, item) = ask(&at, "rita", "GET", &format!("/quarantine/{id}"), None).await;
        assert_eq!(item["sender"], json!(["key:first"]));
        let (is, answer) = release(&at, who, &id).await;
        assert_eq!(is, status, "{who}: {answer}");
        assert!(status == 200 || answer["code"] == "own_request", "{answer}");
    }
}

/// Whoever tries many tokens has one record, and is counted; the next minute tells how often.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_are_refused_are_in_the_audit_and_a_flood_of_them_is_not() {
    let upstream = Upstream::fixed(ok("text/plain", "taken")).await;
    let proxy = holding("").upstream(&upstream).start();
    let at = admin(&proxy);
    for number in 0..50 {
        assert_eq!(ask(&at, &format!("nobody-{number}"), "GET", "/quarantine", None).await.0, 401);
    }
    let order = || Some(json!({ "reason": "because" }));
    for id in ["00", "../00"] {
        assert_eq!(ask(&at, "vera", "POST", &format!("/quarantine/{id}/release"), order()).await.0 / 100, 4);
    }
    assert_eq!(ask(&at, "rita", "GET", "/quarantine", None).await.0, 200);
    proxy.handle.close_audit();
    let records = crate::audit::records(&proxy.pki.file("audit"));
    let denied: Vec<&Value> = records.iter().filter(|record| record["act"] == "call").collect();
    assert!((2..=3).contains(&denied.len()), "{denied:?}");
    assert!(denied.iter().all(|record| record["kind"] == "admin" && record["outcome"] == "denied"), "{denied:?}");
    let of =
        |reason: &str| denied.iter().find(|record| record["reason"] == reason).unwrap_or_else(|| panic!("{denied:?}"));
    assert_eq!((&of("unauthorized")["status"], &of("unauthorized")["count"]), (&401.into(), &1.into()));
    assert!(of("unauthorized").get("by").is_none());
    assert_eq!((&of("role")["by"], &of("role")["status"]), (&"vera".into(), &403.into()));
    assert!(!records.iter().any(|record| record.to_string().contains("nobody")), "no token is told");
}
