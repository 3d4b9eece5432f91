//! Rules that read along: their differences are counted and audited, by rule, and nothing of an exchange changes.

use serde_json::{Value, json};

use crate::audit::record_of;
use crate::support::proxy::Running;
use crate::support::upstream::ok;
use crate::support::{Reply, TestProxy, Upstream};

const LIVE: &str =
    "version = 1\npacks = [\"pci\", \"contact\"]\n[actions]\nEMAIL = \"redact\"\nCREDIT_CARD = \"keep-last-4\"\n";
const NEXT: &str = "version = 1\npacks = [\"contact\", \"us-pii\"]\n[actions]\nEMAIL = \"block\"\nUS_SSN = \"tokenize\"\n\
                    [[scope]]\npaths = [\"$.internal\"]\nactions = { EMAIL = \"off\" }\n";

async fn proxy(upstream: &Upstream, route: &str) -> Running {
    let proxy = TestProxy::new().audited().workspace("acme", LIVE).settings("shadow = \"next.toml\"\n");
    std::fs::write(proxy.pki.file("next.toml"), NEXT).unwrap();
    proxy.route_settings(route).upstream(upstream).start()
}

fn differences(proxy: &Running, direction: &str, difference: &str, entity: &str, rule: &str) -> f64 {
    proxy.metric(&format!(
        "blackbar_shadow_differences_total{{difference=\"{difference}\",direction=\"{direction}\",entity=\"{entity}\",\
         route=\"root\",rule=\"{rule}\",workspace=\"acme\"}}"
    ))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn differences_are_told_by_rule_and_nothing_changes() {
    let upstream = Upstream::echo().await;
    let proxy = proxy(&upstream, "").await;
    let mut client = proxy.client().await;
    let body = json!({
        "text": "card 4111 1111 1111 1111, ssn 078-05-1120, mail jane@example.com",
        "internal": "bob@example.com",
    });
    let answer = client.post("/", "application/json", body.to_string()).await;
    assert_eq!(answer.status, 200);
    let wanted = json!({
        "text": "card **** **** **** 1111, ssn 078-05-1120, mail [EMAIL]",
        "internal": "[EMAIL]",
    });
    assert_eq!(serde_json::from_slice::<Value>(&answer.body).unwrap(), wanted);

    let record = record_of(&proxy, answer.header("x-request-id"));
    let told = record["shadow"].as_array().unwrap();
    let find = |dir: &str, diff: &str, entity: &str| {
        let is =
            |one: &&Value| (&one["dir"], &one["diff"], &one["entity"]) == (&dir.into(), &diff.into(), &entity.into());
        told.iter().find(is).map(|one| (one["count"].as_u64().unwrap(), one["action"].clone(), one["shadow"].clone()))
    };
    assert_eq!(find("request", "lost", "CREDIT_CARD"), Some((1, "keep-last-4".into(), Value::Null)));
    assert_eq!(find("request", "lost", "EMAIL"), Some((1, "redact".into(), Value::Null)), "the scope of the shadow");
    assert_eq!(find("request", "action", "EMAIL"), Some((1, "redact".into(), "block".into())));
    assert_eq!(find("request", "gained", "US_SSN"), Some((1, Value::Null, "tokenize".into())));
    // The answer has what the request had left.
    assert_eq!(find("response", "gained", "US_SSN"), Some((1, Value::Null, "tokenize".into())));
    assert_eq!(find("response", "lost", "CREDIT_CARD"), None);
    for value in ["4111 1111 1111 1111", "078-05-1120", "jane@", "bob@"] {
        assert!(!record.to_string().contains(value), "{value} in {record}");
    }
    // The next answer on the connection comes when the exchange before it is counted.
    client.post("/", "text/plain", "nothing").await;
    assert_eq!(differences(&proxy, "request", "lost", "CREDIT_CARD", "pci.card"), 1.0);
    assert_eq!(differences(&proxy, "request", "gained", "US_SSN", "us-pii.ssn"), 1.0);
    assert!(
        proxy.metric("blackbar_shadow_bytes_total{direction=\"request\",route=\"root\",workspace=\"acme\"}") >= 79.0
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_streamed_answer_is_compared_over_its_deltas() {
    let upstream = Upstream::answering(|_| {
        let deltas = ["my number is 078-0", "5-11", "20, bye"].map(|text| {
            let delta =
                json!({"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": text}}]});
            format!("data: {delta}\n\n")
        });
        Reply::Bytes(ok("text/event-stream", deltas.concat() + "data: [DONE]\n\n"))
    })
    .await;
    let proxy = proxy(&upstream, "dialect = \"openai\"\n").await;
    let mut client = proxy.client().await;
    let body = json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": "hello"}]});
    let answer = client.post("/v1/chat/completions", "application/json", body.to_string()).await;
    assert!(answer.text().contains("078-0"), "{}", answer.text());
    let record = record_of(&proxy, answer.header("x-request-id"));
    let told = json!([{"count": 1, "diff": "gained", "dir": "response", "entity": "US_SSN", "rule": "us-pii.ssn", "shadow": "tokenize"}]);
    assert_eq!(record["shadow"], told, "{record}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_route_can_go_without() {
    let upstream = Upstream::echo().await;
    let proxy = proxy(&upstream, "shadow = false\n").await;
    let mut client = proxy.client().await;
    let answer = client.post("/", "text/plain", "card 4111 1111 1111 1111").await;
    let record = record_of(&proxy, answer.header("x-request-id"));
    assert_eq!(record["shadow"], Value::Null);
    assert_eq!(record["findings"][0]["rule"], "pci.card", "{record}");
}
