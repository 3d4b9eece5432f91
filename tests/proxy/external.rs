//! Another service's verdict over HTTP: what it is shown, what it says, and what happens where it says nothing.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use blackbar::body::Dialect;
use blackbar::external::webhook;
use blackbar::policy::{Mode, Route};
use serde_json::{Value, json};

use crate::support::upstream::{Received, ok};
use crate::support::{Reply, TestProxy, Upstream};

const RULES: &str =
    "version = 1\npacks = [\"pci\", \"us-pii\", \"contact\"]\n[actions]\n\"external.dlp.person\" = \"mask\"\n";
const SECRET: &str = "a secret of more than 24 bytes";
const CARD: &str = "4111 1111 1111 1111";

/// The table of a webhook at `upstream`.
fn dlp(upstream: &Upstream, more: &str) -> String {
    format!("[[external]]\nname = \"dlp\"\nkind = \"webhook\"\nurl = \"{}/judge\"\n{more}\n", upstream.url())
}

fn asks(route: &mut Route) {
    route.request = Mode::Buffer { limit: 1 << 20 };
    route.external = [vec![0], vec![]];
}

fn asks_back(route: &mut Route) {
    route.response = Mode::Buffer { limit: 1 << 20 };
    route.external = [vec![], vec![0]];
}

fn json_of(received: &Received) -> Value {
    serde_json::from_slice(&received.body).unwrap()
}

/// Every place of a word in the texts of a question, as redactions.
fn redactions(question: &Value, word: &str, entity: &str) -> Value {
    let mut found = Vec::new();
    for text in question["texts"].as_array().unwrap() {
        let said: Vec<char> = text["text"].as_str().unwrap().chars().collect();
        let word: Vec<char> = word.chars().collect();
        for start in 0..said.len().saturating_sub(word.len() - 1) {
            if said[start..start + word.len()] == word[..] {
                found.push(json!({"text": text["id"], "start": start, "end": start + word.len(), "entity": entity}));
            }
        }
    }
    json!({"action": if found.is_empty() { "allow" } else { "redact" }, "redactions": found, "reason": "a reason"})
}

/// A service that finds a word, and remembers what it was asked.
async fn finds(word: &'static str, entity: &'static str) -> (Upstream, Arc<Mutex<Vec<Value>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&asked);
    let service = Upstream::answering(move |received| {
        let question = json_of(received);
        let answer = redactions(&question, word, entity);
        kept.lock().unwrap().push(question);
        Reply::Bytes(ok("application/json", answer.to_string()))
    })
    .await;
    (service, asked)
}

async fn says(answer: &str) -> Upstream {
    Upstream::fixed(ok("application/json", answer)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_it_finds_is_masked_and_what_it_reads_is_redacted() {
    let (service, asked) = finds("Jane Doe", "PERSON").await;
    let mut upstream = Upstream::echo().await;
    let proxy = TestProxy::new()
        .workspace("acme", RULES)
        .audited()
        .tables(&dlp(&service, ""))
        .route("/", upstream.address, asks)
        .start();
    let body = json!({"model": "m", "messages": [
        {"role": "user", "content": format!("\u{1f600} \"Jane Doe\"\n pays with {CARD}")},
        {"role": "user", "content": "nothing here"},
    ]});
    let answer = proxy.client().await.post("/v1/x?a=b", "application/json", body.to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let sent = json_of(&upstream.request().await);
    assert_eq!(sent["messages"][0]["content"], "\u{1f600} \"**** ***\"\n pays with **** **** **** 1111");
    assert_eq!(sent["messages"][1], body["messages"][1]);
    let questions = asked.lock().unwrap().clone();
    assert_eq!(questions.len(), 1);
    let question = &questions[0];
    assert_eq!((question["version"].as_u64(), question["workspace"].as_str()), (Some(1), Some("acme")));
    assert_eq!((question["direction"].as_str(), question["content"].as_str()), (Some("request"), Some("redacted")));
    assert_eq!(question["media_type"], "application/json");
    assert_eq!(question["id"].as_str(), answer.header("x-request-id"));
    assert_eq!(
        question["findings"],
        json!([{"rule": "pci.card", "entity": "CREDIT_CARD", "action": "keep-last-4", "count": 1}])
    );
    assert!(!service.saw("4111 1111"), "it reads what the rules left");
    assert_eq!(
        proxy.metric("blackbar_external_requests_total{direction=\"request\",external=\"dlp\",result=\"redact\"}"),
        1.0
    );
    let line = "blackbar_findings_total{action=\"mask\",direction=\"request\",entity=\"PERSON\",rule=\"external.dlp.person\",workspace=\"acme\"}";
    assert_eq!(proxy.metric(line), 1.0);
    assert_eq!(proxy.metric("blackbar_external_duration_seconds_count{external=\"dlp\"}"), 1.0);
    let records = proxy.pki.file("audit");
    proxy.handle.close_audit();
    let text: String = std::fs::read_dir(records)
        .unwrap()
        .filter_map(|entry| std::fs::read_to_string(entry.unwrap().path()).ok())
        .collect();
    assert!(text.contains(r#""external":[{"by":"dlp","dir":"request","said":"redact"}]"#), "{text}");
    assert!(!text.contains("Jane"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_is_in_the_providers_own_shape() {
    let service = says(r#"{"action":"block","reason":"Project Falcon is secret"}"#).await;
    let upstream = Upstream::echo().await;
    let proxy = TestProxy::new()
        .workspace("acme", RULES)
        .tables(&dlp(&service, ""))
        .route("/", upstream.address, asks)
        .route("/openai", upstream.address, |route| {
            asks(route);
            route.dialect = Some(Dialect::OpenAi);
        })
        .start();
    let mut client = proxy.client().await;
    let answer = client.post("/", "text/plain", "Falcon").await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "external"));
    let problem: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(problem["rule"], "external.dlp");
    assert!(!answer.text().contains("Falcon"), "nothing of what it says is passed on");
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "Falcon"}]}).to_string();
    let answer = client.post("/openai/v1/chat/completions", "application/json", body).await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "external"));
    let error: Value = serde_json::from_slice(&answer.body).unwrap();
    assert!(error["error"]["message"].as_str().is_some_and(|message| !message.contains("Falcon")), "{error}");
    assert!(upstream.is_untouched());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_verdict_nothing_passes_unless_told() {
    let bad = [
        Reply::Bytes(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n".to_vec()),
        Reply::Bytes(ok("application/json", "{}")),
        Reply::Bytes(ok("application/json", format!("{{\"action\":\"allow\",\"x\":\"{}\"}}", "x".repeat(2000)))),
        Reply::Bytes(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n".to_vec()),
        Reply::Close(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{\"action\":\"al".to_vec()),
        Reply::Reset(Vec::new()),
        Reply::Silence,
    ];
    let results = ["status", "answer", "answer", "status", "connect", "connect", "timeout"];
    for (reply, result) in bad.into_iter().zip(results) {
        let reply = Mutex::new(Some(reply));
        let service = Upstream::answering(move |_| reply.lock().unwrap().take().unwrap_or(Reply::Silence)).await;
        let upstream = Upstream::echo().await;
        let table = dlp(&service, "timeout = \"300ms\"\nmax_answer = 1024");
        let proxy = TestProxy::new().workspace("acme", RULES).tables(&table).route("/", upstream.address, asks).start();
        let answer = proxy.client().await.post("/", "text/plain", "words").await;
        assert_eq!((answer.status, answer.code().as_str()), (503, "external_unavailable"), "{result}");
        assert!(upstream.is_untouched());
        let line =
            format!("blackbar_external_requests_total{{direction=\"request\",external=\"dlp\",result=\"{result}\"}}");
        assert_eq!(proxy.metric(&line), 1.0, "{}", proxy.telemetry.render());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_passes_without_a_verdict_is_counted_and_the_breaker_spares_the_service() {
    let service = Upstream::fixed(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n".to_vec()).await;
    let upstream = Upstream::echo().await;
    let table = dlp(&service, "on_error = \"pass\"\nbreaker = { failures = 2, cool_down = \"1h\" }");
    let proxy = TestProxy::new().workspace("acme", RULES).tables(&table).route("/", upstream.address, asks).start();
    let mut client = proxy.client().await;
    for _ in 0..5 {
        let answer = client.post("/", "text/plain", format!("words and {CARD}")).await;
        assert_eq!((answer.status, answer.text()), (200, "words and **** **** **** 1111".to_owned()));
    }
    let asked = String::from_utf8_lossy(&service.bytes.lock().unwrap()).matches("POST /judge").count();
    assert_eq!(asked, 2);
    let line =
        "blackbar_external_passed_total{direction=\"request\",external=\"dlp\",route=\"root\",workspace=\"acme\"}";
    assert_eq!(proxy.metric(line), 5.0);
    assert_eq!(
        proxy.metric("blackbar_external_requests_total{direction=\"request\",external=\"dlp\",result=\"open\"}"),
        3.0
    );
    assert_eq!(proxy.metric("blackbar_external_breaker{external=\"dlp\"}"), 2.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_verdict_is_remembered_for_its_workspace_and_content() {
    let (service, asked) = finds("Jane", "PERSON").await;
    let upstream = Upstream::echo().await;
    let proxy = TestProxy::new()
        .workspace("acme", RULES)
        .workspace("other", RULES)
        .tables(&dlp(&service, ""))
        .route("/", upstream.address, asks)
        .start();
    let mut client = proxy.client().await;
    for _ in 0..3 {
        assert_eq!(client.post("/", "text/plain", "Jane says").await.text(), "**** says");
    }
    assert_eq!(asked.lock().unwrap().len(), 1);
    assert_eq!(proxy.metric("blackbar_external_cache_hits_total{external=\"dlp\"}"), 2.0);
    assert_eq!(client.post("/", "text/plain", "Jane said").await.text(), "**** said");
    let mut other = proxy.client_named(&[crate::support::Name::Uri("spiffe://other.example/agent")]).await;
    assert_eq!(other.post("/", "text/plain", "Jane says").await.text(), "**** says");
    assert_eq!(asked.lock().unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_judged_too_whatever_their_form() {
    let events = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hello Ja\"}}]}\n\n\
        data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"ne and all\"}}]}\n\n\
        data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let page = "<p>Hello <b>Jane</b> and all</p>";
    let table = "name,what\nJane,\"a, b\"\n";
    let lines = "{\"a\":\"Jane\"}\n{\"b\":[\"x\",\"Jane \\u00e9\"]}\n";
    let nested = "{\"text\":\"{\\\"who\\\":\\\"Jane\\\"}\"}";
    for (media_type, body, gone) in [
        ("text/event-stream", events, "Jane"),
        ("text/html", page, "Jane"),
        ("text/csv", table, "Jane"),
        ("application/x-ndjson", lines, "Jane"),
        ("application/json", nested, "Jane"),
        ("text/plain; charset=utf-16le", "", "Jane"),
    ] {
        let bytes: Vec<u8> = match body {
            "" => "a Jane \u{e9}".encode_utf16().flat_map(u16::to_le_bytes).collect(),
            body => body.as_bytes().to_vec(),
        };
        let (service, _) = finds("Jane", "PERSON").await;
        let upstream = Upstream::fixed(ok(media_type, &bytes)).await;
        let proxy = TestProxy::new()
            .workspace("acme", RULES)
            .tables(&dlp(&service, ""))
            .route("/", upstream.address, |route| {
                asks_back(route);
                route.dialect = Some(Dialect::OpenAi);
            })
            .start();
        let answer = proxy.client().await.get("/").await;
        assert_eq!(answer.status, 200, "{media_type}: {}", answer.text());
        let text = match body {
            "" => {
                let units: Vec<u16> =
                    answer.body.chunks(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
                String::from_utf16(&units).unwrap()
            }
            _ => answer.text(),
        };
        assert!(!text.contains(gone) && text.contains("****"), "{media_type}: {text}");
        match media_type {
            "text/event-stream" => {
                let said: String = text
                    .lines()
                    .filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok())
                    .filter_map(|event| event["choices"][0]["delta"]["content"].as_str().map(str::to_owned))
                    .collect();
                assert_eq!(said, "Hello **** and all");
                assert!(text.ends_with("data: [DONE]\n\n"));
            }
            "text/html" => assert_eq!(text, "<p>Hello <b>****</b> and all</p>"),
            "text/csv" => assert_eq!(text, "name,what\n****,\"a, b\"\n"),
            "application/x-ndjson" => assert_eq!(text, lines.replace("Jane", "****")),
            "application/json" => {
                let outer: Value = serde_json::from_str(&text).unwrap();
                let inner: Value = serde_json::from_str(outer["text"].as_str().unwrap()).unwrap();
                assert_eq!(inner["who"], "****");
            }
            _ => assert_eq!(text, "a **** \u{e9}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_coded_body_is_opened_for_the_service_and_closed_again() {
    let (service, asked) = finds("Jane", "PERSON").await;
    let mut upstream = Upstream::fixed(ok("text/plain", "fine")).await;
    let proxy =
        TestProxy::new().workspace("acme", RULES).tables(&dlp(&service, "")).route("/", upstream.address, asks).start();
    let mut coded = Vec::new();
    let mut encoder = flate2::read::GzEncoder::new(&b"{\"a\":\"Jane\"}"[..], flate2::Compression::fast());
    std::io::Read::read_to_end(&mut encoder, &mut coded).unwrap();
    let head = format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        coded.len()
    );
    let answer = proxy.client().await.send([head.as_bytes(), &coded].concat()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let received = upstream.request().await;
    assert_eq!(received.header("content-encoding"), Some("gzip"));
    let mut opened = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&received.body[..]), &mut opened).unwrap();
    assert_eq!(opened, "{\"a\":\"****\"}");
    assert_eq!(asked.lock().unwrap()[0]["texts"].as_array().unwrap().last().unwrap()["text"], "Jane");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_is_shown_only_where_told_and_both_findings_are_covered() {
    // It finds the end of a card and what follows: the union is covered, and the card is whole for the rules.
    let (service, asked) = finds("1111 Jane", "PERSON").await;
    let mut upstream = Upstream::echo().await;
    let table = dlp(&service, "content = \"original\"");
    let proxy = TestProxy::new().workspace("acme", RULES).tables(&table).route("/", upstream.address, asks).start();
    let answer =
        proxy.client().await.post("/", "application/json", json!({"a": format!("{CARD} Jane!")}).to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let sent = json_of(&upstream.request().await)["a"].as_str().unwrap().to_owned();
    assert!(!sent.contains("1111") && !sent.contains("Jane") && sent.ends_with('!'), "{sent}");
    assert!(asked.lock().unwrap()[0]["texts"].to_string().contains(CARD));
    assert_eq!(asked.lock().unwrap()[0]["content"], "original");
    let found = "blackbar_findings_total{action=\"keep-last-4\",direction=\"request\",entity=\"CREDIT_CARD\",rule=\"pci.card\",workspace=\"acme\"}";
    assert_eq!(proxy.metric(found), 1.0, "what is inspected twice is counted once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_is_kept_within_the_limit() {
    let service = says(r#"{"action":"allow"}"#).await;
    let upstream = Upstream::echo().await;
    let table = dlp(&service, "content = \"original\"");
    let proxy = TestProxy::new()
        .workspace("acme", RULES)
        .tables(&table)
        .route("/", upstream.address, |route| {
            asks(route);
            route.request = Mode::Buffer { limit: 100 };
            route.drop = [blackbar::body::JsonPath::parse("$.pad").unwrap()].into();
        })
        .start();
    let mut client = proxy.client().await;
    // What goes on is short in both cases.
    for (length, status) in [(100, 200), (101, 413)] {
        let body = format!("{{\"pad\":\"{}\",\"a\":1}}", "x".repeat(length - 16));
        assert_eq!(body.len(), length);
        let request = format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n"
        );
        assert_eq!(client.send(request).await.status, status);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn questions_and_answers_are_signed() {
    for (case, status) in [("good", 200), ("old", 503), ("other", 503), ("none", 503), ("body", 503)] {
        let service = Upstream::answering(move |received| {
            let field = |name| received.header(name).unwrap().to_owned();
            let (id, at, signature) = (field("webhook-id"), field("webhook-timestamp"), field("webhook-signature"));
            let now: u64 = at.parse().unwrap();
            let told = (id.as_str(), at.as_str(), signature.as_str());
            assert!(webhook::is_signed(&[SECRET], told, &received.body, (now, 0)));
            let body = r#"{"action":"allow"}"#;
            let (of, signed_at) = match case {
                "other" => ("other-id", now),
                "old" => (id.as_str(), now - 400),
                _ => (id.as_str(), now),
            };
            let signed =
                webhook::signatures(&[SECRET], of, signed_at, if case == "body" { b"{}" } else { body.as_bytes() });
            let fields = match case {
                "none" => String::new(),
                _ => format!("webhook-id: {of}\r\nwebhook-timestamp: {signed_at}\r\nwebhook-signature: {signed}\r\n"),
            };
            Reply::Bytes(
                format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes(),
            )
        })
        .await;
        let upstream = Upstream::echo().await;
        let setup = TestProxy::new().workspace("acme", RULES);
        std::fs::write(setup.pki.file("webhook.secret"), format!("{SECRET}\n")).unwrap();
        let table = dlp(&service, "secrets = [{ file = \"webhook.secret\" }]\nsigned_answers = true");
        let proxy = setup.tables(&table).route("/", upstream.address, asks).start();
        assert_eq!(proxy.client().await.post("/", "text/plain", "words").await.status, status, "{case}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_are_asked_at_once_and_any_refusal_counts() {
    let (finder, _) = finds("Jane", "PERSON").await;
    let (second, _) = finds("ne Do", "PROJECT").await;
    let upstream = Upstream::echo().await;
    let refusing = says(r#"{"action":"block"}"#).await;
    let table = |name: &str, service: &Upstream| dlp(service, "").replace("\"dlp\"", &format!("\"{name}\""));
    let tables = [table("dlp", &finder), table("two", &second), table("no", &refusing)].concat();
    let proxy = TestProxy::new()
        .workspace("acme", RULES)
        .tables(&tables)
        .route("/", upstream.address, |route| {
            asks(route);
            route.external = [vec![0, 1], vec![]];
        })
        .route("/all", upstream.address, |route| {
            asks(route);
            route.external = [vec![0, 1, 2], vec![]];
        })
        .start();
    let mut client = proxy.client().await;
    let text = client.post("/", "text/plain", "Jane Doe says").await.text();
    assert!(
        text.starts_with("****") && text.ends_with("e says") && !text.contains("ne") && !text.contains("Do"),
        "{text}"
    );
    let answer = client.post("/all", "text/plain", "Jane Doe says").await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "external"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entity_that_is_off_stays_and_one_that_blocks_blocks() {
    let rules = "version = 1\npacks = [\"pci\"]\n[actions]\nPERSON = \"off\"\nPROJECT = { request = \"block\" }\n";
    let upstream = Upstream::echo().await;
    for (entity, status) in [("PERSON", 200), ("PROJECT", 403), ("SOMETHING", 200)] {
        let (service, _) = finds("Jane", entity).await;
        let table = dlp(&service, "entities = [\"PROJECT\"]");
        let proxy = TestProxy::new().workspace("acme", rules).tables(&table).route("/", upstream.address, asks).start();
        let answer = proxy.client().await.post("/", "text/plain", "Jane Doe").await;
        assert_eq!(answer.status, status, "{}", answer.text());
        match entity {
            "PERSON" => assert_eq!(answer.text(), "Jane Doe"),
            "PROJECT" => assert_eq!(answer.code(), "policy_blocked"),
            _ => assert_eq!(answer.text(), "[EXTERNAL] Doe", "a name that nobody knows is redacted all the same"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_texts_than_may_be_asked_are_no_verdict() {
    let (service, _) = finds("Jane", "PERSON").await;
    let upstream = Upstream::echo().await;
    let table = dlp(&service, "max_texts = 3");
    let proxy = TestProxy::new().workspace("acme", RULES).tables(&table).route("/", upstream.address, asks).start();
    let mut client = proxy.client().await;
    // The name is a text as well.
    for (count, status) in [(2, 200), (3, 503)] {
        let body = json!({"a": (0..count).map(|one| format!("text {one}")).collect::<Vec<_>>()});
        assert_eq!(client.post("/", "application/json", body.to_string()).await.status, status);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_many_questions_as_there_are_turns() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (counting, peak) = (Arc::clone(&now), Arc::clone(&most));
    let service = Upstream::answering(move |_| {
        let count = counting.fetch_add(1, Ordering::SeqCst) + 1;
        peak.fetch_max(count, Ordering::SeqCst);
        // Long enough for another to come if it could.
        std::thread::yield_now();
        counting.fetch_sub(1, Ordering::SeqCst);
        Reply::Bytes(ok("application/json", r#"{"action":"allow"}"#))
    })
    .await;
    let upstream = Upstream::echo().await;
    let table = dlp(&service, "max_in_flight = 1\ntimeout = \"20s\"");
    let proxy =
        Arc::new(TestProxy::new().workspace("acme", RULES).tables(&table).route("/", upstream.address, asks).start());
    let mut all = tokio::task::JoinSet::new();
    for round in 0..16 {
        let proxy = Arc::clone(&proxy);
        all.spawn(async move { proxy.client().await.post("/", "text/plain", format!("words {round}")).await.status });
    }
    while let Some(status) = all.join_next().await {
        assert_eq!(status.unwrap(), 200);
    }
    assert_eq!(most.load(Ordering::SeqCst), 1);
    assert_eq!(service.connections.load(Ordering::SeqCst), 1, "one connection served them all");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn purview_is_asked_in_its_own_form() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&asked);
    let service = Upstream::answering(move |received| {
        let question = json_of(received);
        kept.lock().unwrap().push((received.head.clone(), question.clone()));
        let blocks = question["contentToProcess"]["contentEntries"].to_string().contains("Falcon");
        let actions = match blocks {
            true => json!([{"@odata.type": "#microsoft.graph.restrictAccessAction", "action": "restrictAccess", "restrictionAction": "block"}]),
            false => json!([]),
        };
        let answer = json!({"protectionScopeState": "notModified", "policyActions": actions, "processingErrors": []});
        Reply::Bytes(ok("application/json", answer.to_string()))
    })
    .await;
    let upstream = Upstream::echo().await;
    let setup = TestProxy::new().workspace("acme", "version = 1\npacks = [\"pci\"]\n");
    std::fs::write(setup.pki.file("token"), "the-first-token\n").unwrap();
    let url = format!("{}/v1.0/users/4711/dataSecurityAndGovernance/processContent", service.url());
    let table = format!(
        "[[external]]\nname = \"purview\"\nkind = \"purview\"\nurl = \"{url}\"\ntoken = {{ file = \"token\" }}\napplication = \"83ef208a-0396-4893-9d4f-d36efbffc8bd\"\n"
    );
    let proxy = setup.tables(&table).route("/", upstream.address, asks).start();
    let mut client = proxy.client().await;
    assert_eq!(client.post("/", "text/plain", "clean words").await.status, 200);
    let answer = client.post("/", "text/plain", "the Falcon flies").await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "external"));
    let questions = asked.lock().unwrap().clone();
    let (head, question) = &questions[0];
    assert!(head.starts_with("POST /v1.0/users/4711/dataSecurityAndGovernance/processContent HTTP/1.1\r\n"));
    assert!(head.to_lowercase().contains("authorization: bearer the-first-token"));
    // As Graph's reference has it, member by member.
    let entry = &question["contentToProcess"]["contentEntries"][0];
    let (id, at) = (entry["correlationId"].as_str().unwrap(), entry["createdDateTime"].as_str().unwrap());
    let (date, time) = at.split_once('T').unwrap();
    assert!(id.len() == 32 && date.len() == 10 && time.len() >= 8, "{entry}");
    let whole = json!({ "contentToProcess": {
        "contentEntries": [{
            "@odata.type": "microsoft.graph.processConversationMetadata",
            "identifier": format!("{id}-request-0"),
            "content": { "@odata.type": "microsoft.graph.textContent", "data": "clean words" },
            "name": "Blackbar",
            "correlationId": id,
            "sequenceNumber": 0,
            "isTruncated": false,
            "createdDateTime": at,
            "modifiedDateTime": at,
        }],
        "activityMetadata": { "activity": "uploadText" },
        "deviceMetadata": { "operatingSystemSpecifications": {
            "operatingSystemPlatform": "Unknown", "operatingSystemVersion": "Unknown",
        } },
        "protectedAppMetadata": {
            "name": "root",
            "version": "1.0",
            "applicationLocation": {
                "@odata.type": "microsoft.graph.policyLocationApplication",
                "value": "83ef208a-0396-4893-9d4f-d36efbffc8bd",
            },
        },
        "integratedAppMetadata": { "name": "Blackbar", "version": env!("CARGO_PKG_VERSION") },
    } });
    assert_eq!(question, &whole);
    assert!(!format!("{:?}", proxy.handle).contains("token"));
}

/// What asking adds to a request of 4 KiB, with services that answer at once: `cargo test --test proxy external_latency --
/// --nocapture`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn external_latency() {
    const ROUNDS: usize = 300;
    let upstream = Upstream::echo().await;
    let webhook = says(r#"{"action":"allow"}"#).await;
    let presidio = Upstream::answering(|received| {
        let answer = match &json_of(received)["text"] {
            Value::Array(texts) => json!(vec![json!([]); texts.len()]),
            _ => json!([]),
        };
        Reply::Bytes(ok("application/json", answer.to_string()))
    })
    .await;
    let purview = says(r#"{"policyActions":[],"processingErrors":[]}"#).await;
    let icap = super::icap::allowing().await;
    let setup = TestProxy::new().workspace("acme", "version = 1\npacks = [\"pci\"]\n");
    std::fs::write(setup.pki.file("token"), "a-token").unwrap();
    let more = "cache = { entries = 0 }\n";
    let table = |name: &str, kind: &str, url: String, own: &str| {
        format!("[[external]]\nname = \"{name}\"\nkind = \"{kind}\"\nurl = \"{url}\"\n{more}{own}\n")
    };
    let tables = [
        table("webhook", "webhook", webhook.url(), ""),
        table("presidio", "presidio", presidio.url(), ""),
        table("icap", "icap", format!("icap://127.0.0.1:{icap}/x"), ""),
        table("purview", "purview", purview.url(), "token = { file = \"token\" }\napplication = \"a\""),
        table("remembered", "webhook", webhook.url(), "").replace("entries = 0", "entries = 10"),
    ]
    .concat();
    let mut setup = setup.tables(&tables).route("/none", upstream.address, |route| {
        route.request = Mode::Buffer { limit: 1 << 20 };
    });
    let names = ["webhook", "presidio", "icap", "purview", "remembered"];
    for (place, name) in names.iter().enumerate() {
        setup = setup.route(&format!("/{name}"), upstream.address, move |route| {
            asks(route);
            route.external = [vec![place], vec![]];
        });
    }
    let proxy = setup.start();
    let body = json!({"messages": [{"role": "user", "content": "some words of prose ".repeat(200)}]}).to_string();
    let median = |times: &mut Vec<std::time::Duration>| {
        times.sort_unstable();
        (times[times.len() / 2], times[times.len() * 99 / 100])
    };
    let mut plain = None;
    for name in ["none"].into_iter().chain(names) {
        let mut client = proxy.client().await;
        let mut times = Vec::new();
        for _ in 0..ROUNDS {
            let began = std::time::Instant::now();
            let answer = client.post(&format!("/{name}"), "application/json", &body).await;
            times.push(began.elapsed());
            assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        }
        let (half, most) = median(&mut times);
        let (before, _) = *plain.get_or_insert((half, most));
        println!("{name}: p50 {half:?}, p99 {most:?}, added at p50 {:?}", half.saturating_sub(before));
        assert!(half < before + std::time::Duration::from_millis(100), "{name}");
    }
}
