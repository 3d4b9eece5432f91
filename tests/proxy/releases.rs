//! What a release lets pass, and what it leaves as it was: overlaps that a reviewer has seen, moments that pass.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::quarantine::{RULES, SSN, admin, ask, people, release};
use crate::support::proxy::Running;
use crate::support::upstream::ok;
use crate::support::{Reply, TestProxy, Upstream, within};

const CARDS: &str =
    "version = 1\npacks = [\"pci\", \"us-pii\", \"contact\"]\n[actions]\nCREDIT_CARD = \"quarantine\"\n";
const BODY: &str = r#"{"text":"ssn 078-05-1120, mail jane@example.com"}"#;

fn holding(rules: &str, route: &str, more: &str) -> TestProxy {
    let test = TestProxy::new();
    std::fs::write(test.pki.file("quarantine.key32"), [9; 32]).unwrap();
    test.workspace("acme", rules)
        .workspace("beta", rules)
        .audited()
        .route_settings(&format!("request = {{ mode = \"buffer\"{route} }}\n"))
        .tables(&people())
        .tables(&format!("[quarantine]\nstore = \"held\"\nkey = {{ file = \"quarantine.key32\" }}\n{more}"))
}

async fn hold(proxy: &Running, path: &str, kind: &str, body: &str) -> String {
    let answer = proxy.client().await.post(path, kind, body).await;
    let item = answer.header("x-blackbar-item").map(str::to_owned);
    item.unwrap_or_else(|| panic!("{body} is not held: {}", answer.text()))
}

async fn state(at: &blackbar::proxy::Address, id: &str) -> Value {
    ask(at, "vera", "GET", &format!("/quarantine/{id}"), None).await.1["state"].clone()
}

/// Rules that lost an overlap when an item was held hold nothing when it is released.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lost_to_what_was_approved_is_no_new_hold() {
    let mut upstream = Upstream::echo().await;
    let proxy = holding(CARDS, "", "").upstream(&upstream).start();
    let at = admin(&proxy);
    let chat =
        r#"{"model":"m","messages":[{"role":"user","content":"My card is 4111 1111 1111 1111, what is my balance?"}]}"#;
    for (path, kind, body) in [
        ("/x", "application/json", r#"{"card":"4111 1111 1111 1111"}"#),
        ("/x", "application/json", r#"{"text":"my card is 4111 1111 1111 1111 ok"}"#),
        ("/x", "application/json", r#"{"text":"4111 1111 1111 1111"}"#),
        ("/x", "application/json", r#"{"card":4111111111111111,"cards":[4111111111111111]}"#),
        ("/x", "text/plain", "4111111111111111"),
        ("/x", "text/plain", "card 4111-1111-1111-1111 and card number 5555555555554444."),
        ("/x", "application/x-www-form-urlencoded", "card=4111+1111+1111+1111&note=my+card+4111111111111111"),
        ("/x", "application/yaml", "card: 4111 1111 1111 1111\n"),
        ("/x", "text/csv", "n,card\n1,4111 1111 1111 1111\n"),
        ("/v1/chat/completions", "application/json", chat),
    ] {
        let id = hold(&proxy, path, kind, body).await;
        let (status, released) = release(&at, "rita", &id).await;
        assert_eq!((status, &released["state"]), (200, &json!("released")), "{body}: {released}");
        assert_eq!(upstream.request().await.text(), body, "it leaves as it came");
    }
    let target = format!("/x?card={}", "4111111111111111");
    let answer = proxy.client().await.get(&target).await;
    let id = answer.header("x-blackbar-item").unwrap().to_owned();
    assert_eq!(release(&at, "rita", &id).await.0, 200);
    assert_eq!(upstream.request().await.request_line(), format!("GET {target} HTTP/1.1"));
    proxy.handle.close_audit();
    let records = blackbar::audit::read::Records::open(&proxy.pki.file("audit")).unwrap();
    let records: Vec<Value> = records.map(|record| serde_json::from_slice(&record.unwrap().1).unwrap()).collect();
    let by_rita = |record: &&Value| record["kind"] == "exchange" && record["actor"] == json!(["person:rita"]);
    let outcomes: Vec<&Value> = records.iter().filter(by_rita).map(|record| &record["outcome"]).collect();
    assert_eq!(outcomes, [&json!("forwarded"); 11], "{records:?}");
}

/// The same rule may hold more by the rules of now than it did: of that a reviewer has seen nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_same_rule_did_not_hold_is_a_new_hold() {
    let upstream = Upstream::echo().await;
    let base = "version = 1\npacks = [\"us-pii\"]\n[actions]\n";
    let narrow =
        format!("{base}US_SSN = \"mask\"\n[[scope]]\npaths = [\"$.a\"]\nactions = {{ US_SSN = \"quarantine\" }}\n");
    let proxy = holding(&narrow, "", "").upstream(&upstream).start();
    let at = admin(&proxy);
    let body = r#"{"a":"ssn 078-05-1120","b":"ssn 219-09-9999"}"#;
    let first = hold(&proxy, "/x", "application/json", body).await;
    let second = hold(&proxy, "/x", "application/json", body).await;
    assert_eq!(release(&at, "rita", &first).await.0, 200);
    assert!(upstream.saw(r#"{"a":"ssn 078-05-1120","b":"ssn ***-**-****"}"#));
    std::fs::write(proxy.pki.file("acme.toml"), format!("{base}US_SSN = \"quarantine\"\n")).unwrap();
    proxy.reload(|text| text + "# 1\n");
    let (status, problem) = release(&at, "rita", &second).await;
    assert_eq!((status, &problem["item"]["code"]), (409, &json!("policy_blocked")), "{problem}");
    assert!(!upstream.saw("219-09-9999"));
}

/// A service that is asked once a request is released finds what the reviewer has seen held, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_service_finds_in_what_was_approved_is_no_new_hold() {
    for content in ["", "content = \"original\"\n"] {
        let service = Upstream::answering(|received| {
            let question: Value = serde_json::from_slice(&received.body).unwrap();
            let found = question["texts"].as_array().unwrap().iter().filter_map(|text| {
                let (id, text) = (&text["id"], text["text"].as_str().unwrap());
                let start = text.find("4111 1111 1111 1111")?;
                Some(json!({"text": id, "start": start, "end": start + 19, "entity": "CREDIT_CARD"}))
            });
            let found: Vec<Value> = found.collect();
            let action = if found.is_empty() { "allow" } else { "redact" };
            Reply::Bytes(ok("application/json", json!({"action": action, "redactions": found}).to_string()))
        })
        .await;
        let mut upstream = Upstream::echo().await;
        let external =
            format!("[[external]]\nname = \"dlp\"\nkind = \"webhook\"\nurl = \"{}/judge\"\n{content}", service.url());
        let proxy = holding(CARDS, ", external = [\"dlp\"]", &external).upstream(&upstream).start();
        let at = admin(&proxy);
        let body = r#"{"text":"my card is 4111 1111 1111 1111 ok"}"#;
        let id = hold(&proxy, "/x", "application/json", body).await;
        assert!(service.is_untouched(), "what waits is shown to nobody");
        let (status, released) = release(&at, "rita", &id).await;
        assert_eq!((status, &released["state"]), (200, &json!("released")), "{content}: {released}");
        assert_eq!(upstream.request().await.text(), body);
        assert!(!service.is_untouched());
    }
}

/// A stop, a service that is away, an upstream that is not reached in time: the item waits, and goes when they have passed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_passes_by_itself_leaves_an_item_what_it_was() {
    let away = Arc::new(AtomicBool::new(false));
    let is_away = Arc::clone(&away);
    let service = Upstream::answering(move |_| match is_away.load(Ordering::SeqCst) {
        true => Reply::Close(Vec::new()),
        false => Reply::Bytes(ok("application/json", r#"{"action":"allow"}"#)),
    })
    .await;
    let upstream = Upstream::echo().await;
    let external = format!(
        "[[external]]\nname = \"dlp\"\nkind = \"webhook\"\nurl = \"{}/judge\"\ncache = {{ entries = 0 }}\n",
        service.url()
    );
    let proxy = holding(RULES, ", external = [\"dlp\"]", &external).upstream(&upstream).start();
    let at = admin(&proxy);
    let id = hold(&proxy, "/v1/x", "application/json", BODY).await;
    let preview = format!("/quarantine/{id}/preview");

    away.store(true, Ordering::SeqCst);
    let (status, problem) = release(&at, "rita", &id).await;
    assert_eq!((status, &problem["code"]), (503, &json!("external_unavailable")), "{problem}");
    assert!(problem["title"].as_str().unwrap().ends_with("The item waits as before."), "{problem}");
    assert_eq!(state(&at, &id).await, "held");
    away.store(false, Ordering::SeqCst);

    let folder = proxy.pki.file("incident");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("acme.frozen"), "").unwrap();
    let mut said = String::new();
    within(async {
        while said != "workspace_frozen" {
            said = proxy.client().await.post("/", "text/plain", "x").await.code();
        }
    })
    .await;
    for (method, target, order) in
        [("POST", format!("/quarantine/{id}/release"), Some(json!({ "reason": "agreed" }))), ("GET", preview, None)]
    {
        let (status, problem) = ask(&at, "rita", method, &target, order).await;
        assert_eq!((status, &problem["code"]), (409, &json!("workspace_frozen")), "{target}: {problem}");
    }
    assert_eq!(state(&at, &id).await, "held");
    assert!(!upstream.saw(SSN));
    let failed = proxy.metric("blackbar_quarantine_total{result=\"failed\",route=\"root\",workspace=\"acme\"}");
    assert!(failed.abs() < 0.1, "{failed}");

    std::fs::rename(folder.join("acme.frozen"), folder.join("acme.thawed")).unwrap();
    within(async { while proxy.client().await.post("/", "text/plain", "x").await.status != 200 {} }).await;
    let (status, released) = release(&at, "rita", &id).await;
    assert_eq!((status, &released["state"]), (200, &json!("released")), "{released}");
    assert!(upstream.saw(SSN));
}

/// An upstream that takes no connection in time has got nothing: the item is not uncertain.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_found_no_connection_in_time_waits_as_before() {
    // It takes connections, and says nothing in TLS.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = holding(RULES, "", "")
        .route("/", silent.local_addr().unwrap(), |route| {
            route.upstream.tls = true;
        })
        .policy(|policy| policy.timeouts.connect = std::time::Duration::from_millis(50));
    let proxy = proxy.start();
    let at = admin(&proxy);
    let id = hold(&proxy, "/", "application/json", BODY).await;
    let (status, problem) = release(&at, "rita", &id).await;
    assert_eq!((status, &problem["code"]), (502, &json!("upstream_connect")), "{problem}");
    assert_eq!(state(&at, &id).await, "held");
}

/// What may have been sent before may have been so still where it could not be sent again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_uncertain_stays_so_where_nothing_could_be_sent() {
    let silent = Upstream::answering(|_| Reply::Close(Vec::new())).await;
    let proxy = holding(RULES, "", "").upstream(&silent).start();
    let at = admin(&proxy);
    let id = hold(&proxy, "/v1/x", "application/json", BODY).await;
    assert_eq!(release(&at, "rita", &id).await.1["code"], "uncertain");
    let url = silent.url();
    proxy.reload(|text| text.replace(&url, "http://127.0.0.1:1"));
    let again = Some(json!({ "reason": "they have nothing", "again": true }));
    let (status, problem) = ask(&at, "rita", "POST", &format!("/quarantine/{id}/release"), again).await;
    assert_eq!((status, &problem["code"]), (502, &json!("upstream_connect")), "{problem}");
    assert_eq!(state(&at, &id).await, "uncertain");
    let upstream = Upstream::echo().await;
    proxy.reload(|text| text.replace("http://127.0.0.1:1", &upstream.url()));
    assert_eq!(release(&at, "rita", &id).await.1["code"], "uncertain", "nobody sends it a second time unknowing");
    assert!(upstream.is_untouched());
}

/// A route or a workspace that is not there at the moment takes no item with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_no_way_now_waits_for_one() {
    let upstream = Upstream::echo().await;
    let proxy = holding(RULES, "", "").upstream(&upstream).start();
    let at = admin(&proxy);
    let id = hold(&proxy, "/v1/x", "application/json", BODY).await;
    proxy.reload(|text| text.replace("name = \"root\"", "name = \"other\""));
    let (status, problem) = release(&at, "rita", &id).await;
    assert_eq!((status, &problem["code"]), (409, &json!("no_route")), "{problem}");
    proxy.reload(|text| text.replace("name = \"other\"", "name = \"root\""));
    proxy.reload(|text| text.replace("name = \"acme\"", "name = \"acme2\""));
    let (status, problem) = release(&at, "rita", &id).await;
    assert_eq!((status, &problem["code"]), (409, &json!("no_workspace")), "{problem}");
    proxy.reload(|text| text.replace("name = \"acme2\"", "name = \"acme\""));
    assert_eq!(release(&at, "rita", &id).await.0, 200);
    assert!(upstream.saw(SSN));
}

/// Of many who release one item at once one sends it, and all are told the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_releases_of_one_item_one_sends_it() {
    let upstream = Upstream::echo().await;
    let proxy = holding(RULES, "", "").upstream(&upstream).start();
    let at = Arc::new(admin(&proxy));
    let mut sent = 0;
    for _ in 0..8 {
        let id = hold(&proxy, "/v1/x", "application/json", BODY).await;
        let mut asking = tokio::task::JoinSet::new();
        for _ in 0..12 {
            let (at, id) = (Arc::clone(&at), id.clone());
            asking.spawn(async move { release(&at, "rita", &id).await });
        }
        within(async {
            while let Some(told) = asking.join_next().await {
                let (status, released) = told.unwrap();
                assert_eq!((status, &released["state"]), (200, &json!("released")), "{released}");
            }
        })
        .await;
        sent += 1;
        let text = String::from_utf8_lossy(&upstream.bytes.lock().unwrap()).into_owned();
        assert_eq!(text.matches("POST /v1/x").count(), sent, "{text}");
    }
}

/// Not as it was written, an item never leaves: however it was changed, whoever asks how often, and mended or not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_changed_at_rest_never_leaves() {
    let upstream = Upstream::echo().await;
    let proxy = holding(RULES, "", "").upstream(&upstream).start();
    let at = Arc::new(admin(&proxy));
    let changes: [fn(&mut Vec<u8>); 4] =
        [|bytes| bytes[0] ^= 1, |bytes| bytes.truncate(bytes.len() - 1), |bytes| bytes.push(0), Vec::clear];
    for change in changes {
        let id = hold(&proxy, "/v1/x", "application/json", BODY).await;
        let file = proxy.pki.file("held").join(format!("{id}.body"));
        let written = std::fs::read(&file).unwrap();
        let mut changed = written.clone();
        change(&mut changed);
        std::fs::write(&file, &changed).unwrap();
        let (status, problem) = ask(&at, "rita", "GET", &format!("/quarantine/{id}/preview"), None).await;
        assert_eq!((status, &problem["code"]), (409, &json!("tampered")), "{problem}");
        let mut asking = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let (at, id) = (Arc::clone(&at), id.clone());
            asking.spawn(async move { release(&at, "rita", &id).await });
        }
        within(async {
            while let Some(told) = asking.join_next().await {
                let (status, problem) = told.unwrap();
                assert_eq!((status, &problem["item"]["state"]), (409, &json!("failed")), "{problem}");
            }
        })
        .await;
        std::fs::write(&file, &written).unwrap();
        let (status, problem) = release(&at, "rita", &id).await;
        assert_eq!((status, &problem["code"]), (409, &json!("failed")), "its key is gone: {problem}");
    }
    assert!(upstream.is_untouched());
}
