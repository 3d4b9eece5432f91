//! What a release lets pass: what a reviewer has seen held, and no more.

use serde_json::{Value, json};

use super::quarantine::{admin, people, release};
use crate::support::proxy::Running;
use crate::support::upstream::ok;
use crate::support::{Reply, TestProxy, Upstream};

const CARDS: &str =
    "version = 1\npacks = [\"pci\", \"us-pii\", \"contact\"]\n[actions]\nCREDIT_CARD = \"quarantine\"\n";

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
