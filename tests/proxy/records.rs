//! Batches through the proxy: a blocked record goes alone, and the sink's answer says what its clients expect.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use blackbar::policy::{Mode, OnBlock};
use http_body_util::Full;
use hyper::Request;

use crate::support::client::exchange2;
use crate::support::upstream::ok;
use crate::support::{Reply, TestProxy, Upstream};

const RULES: &str = "version = 1\npacks = [\"pci\", \"contact\"]\n[actions]\nCREDIT_CARD = \"block\"\n";
const CARD: &str = "4111 1111 1111 1111";
const NDJSON: &str = "application/x-ndjson";

fn json(answer: &[u8]) -> serde_json::Value {
    serde_json::from_slice(answer).unwrap()
}

/// As Elasticsearch: an item for each action.
fn elasticsearch() -> impl Fn(&crate::support::upstream::Received) -> Reply + Send + Sync + 'static {
    |received| {
        let body = String::from_utf8(received.body.clone()).unwrap();
        if body.is_empty() {
            let fault = r#"{"error":{"type":"parse_exception","reason":"request body is required"},"status":400}"#;
            let head = "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length";
            return Reply::Bytes(format!("{head}: {}\r\n\r\n{fault}", fault.len()).into_bytes());
        }
        let mut items = Vec::new();
        let mut lines = body.lines();
        while let Some(action) = lines.next() {
            let action: serde_json::Value = serde_json::from_str(action).unwrap();
            let (name, of) = action.as_object().unwrap().iter().next().unwrap();
            if name != "delete" {
                lines.next().unwrap();
            }
            items.push(serde_json::json!({ name.as_str(): { "_index": "i", "_id": of["_id"], "status": 201 } }));
        }
        let answer = serde_json::json!({ "took": 3, "errors": false, "items": items }).to_string();
        Reply::Bytes(ok("application/json", &answer))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bulk_answers_have_an_item_for_every_action() {
    let mut upstream = Upstream::answering(elasticsearch()).await;
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    let mut client = proxy.client().await;
    let pair = |id: u32, text: &str| format!("{{\"index\":{{\"_id\":\"{id}\"}}}}\n{{\"m\":\"{text}\"}}\n");
    let body = format!(
        "{}{}{{\"delete\":{{\"_id\":\"2\"}}}}\n{}{}",
        pair(0, "fine"),
        pair(1, CARD),
        pair(3, "jane@example.com"),
        pair(4, CARD)
    );
    let answer = client.post("/logs/_bulk", NDJSON, &body).await;
    assert_eq!(answer.status, 200);
    let said = json(&answer.body);
    assert_eq!(said["errors"], true);
    let items = said["items"].as_array().unwrap();
    let ids: Vec<_> = items
        .iter()
        .map(|item| {
            let (_, of) = item.as_object().unwrap().iter().next().unwrap();
            (of["_id"].as_str().unwrap().to_owned(), of["status"].as_u64().unwrap())
        })
        .collect();
    let expected = [("0", 201), ("1", 400), ("2", 201), ("3", 201), ("4", 400)];
    assert_eq!(ids, expected.map(|(id, status)| (id.to_owned(), status)));
    assert_eq!(items[1]["index"]["_index"], "logs");
    assert_eq!(items[1]["index"]["error"]["type"], "document_redaction_blocked_exception");
    let received = upstream.request().await;
    let sent = format!("{}{{\"delete\":{{\"_id\":\"2\"}}}}\n{}", pair(0, "fine"), pair(3, "jane@***"));
    assert_eq!(String::from_utf8(received.body).unwrap(), sent);
    let metric = "blackbar_dropped_records_total{route=\"root\",rule=\"pci.card\",workspace=\"acme\"}";
    assert_eq!(proxy.metric(metric), 2.0);

    // In flight, with PUT, in a body that does not say how long it is.
    let long: String =
        (0..3000).map(|id| pair(id, if id % 1000 == 7 { CARD } else { "some words of a log" })).collect();
    let request = format!(
        "PUT /_bulk?refresh=true HTTP/1.1\r\nHost: localhost\r\nContent-Type: {NDJSON}\r\nTransfer-Encoding: chunked\r\n\r\n\
         {:x}\r\n{long}\r\n0\r\n\r\n",
        long.len()
    );
    let answer = client.send(request).await;
    let said = json(&answer.body);
    let items = said["items"].as_array().unwrap();
    assert_eq!(items.len(), 3000);
    for (at, item) in items.iter().enumerate() {
        assert_eq!(item["index"]["_id"], at.to_string());
        assert_eq!(item["index"]["status"], if at % 1000 == 7 { 400 } else { 201 });
    }
    assert!(!upstream.saw("4111 "));

    // Nothing dropped: the answer is the sink's own.
    let answer = client.post("/_bulk", NDJSON, pair(1, "fine")).await;
    assert_eq!(json(&answer.body)["errors"], false);
    // Nothing left: the sink is not asked, and would refuse an empty body.
    let mut head = String::from("POST /_bulk HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n");
    head.push_str("Accept: application/vnd.elasticsearch+json; compatible-with=9\r\n");
    let body = pair(1, CARD);
    for framed in [
        format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()),
        format!("{head}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len()),
    ] {
        let answer = client.send(framed).await;
        assert_eq!((answer.status, answer.header("x-elastic-product")), (200, Some("Elasticsearch")));
        assert_eq!(json(&answer.body)["items"][0]["index"]["status"], 400);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_of_the_sink_pass_as_they_are() {
    let fault = r#"{"error":{"type":"cluster_block_exception"},"status":429,"items":[],"errors":false}"#;
    let head =
        format!("HTTP/1.1 429 Too Many\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", fault.len());
    let upstream = Upstream::fixed(format!("{head}{fault}").into_bytes()).await;
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    let body = format!("{{\"index\":{{}}}}\n{{\"a\":\"{CARD}\"}}\n{{\"index\":{{}}}}\n{{}}\n");
    let answer = proxy.client().await.post("/_bulk", NDJSON, &body).await;
    assert_eq!((answer.status, answer.text().as_str()), (429, fault));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sinks_that_answer_for_all_are_answered_for_all() {
    let mut upstream = Upstream::fixed(ok("application/json", "{\"text\":\"Success\",\"code\":0}")).await;
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    let mut client = proxy.client().await;
    let bad = format!("{{\"event\":\"{CARD}\"}}");
    for (path, kind, body, expected) in [
        ("/services/collector", "application/json", format!("{{\"event\":1}}{bad}"), "{\"event\":1}"),
        (
            "/services/collector/event",
            "application/x-www-form-urlencoded",
            format!("{bad}\n{{\"event\":2}}"),
            "{\"event\":2}",
        ),
        ("/services/collector/raw?channel=x", "text/plain", format!("a\n{CARD}\nb\n"), "a\nb\n"),
        ("/api/v2/logs", "application/json", format!("[{bad},{{\"message\":\"x\"}}]"), "[{\"message\":\"x\"}]"),
        (
            "/loki/api/v1/push",
            "application/json",
            format!("{{\"streams\":[{{\"stream\":{{}},\"values\":[[\"1\",\"{CARD}\"],[\"2\",\"b\"]]}}]}}"),
            "{\"streams\":[{\"stream\":{},\"values\":[[\"2\",\"b\"]]}]}",
        ),
        ("/log/v1", "application/json", format!("[{{\"logs\":[{bad},{{}}]}}]"), "[{\"logs\":[{}]}]"),
        ("/receiver/v1/http/abc", "text/plain", format!("{CARD}\nb\n"), "b\n"),
        ("/dataCollectionRules/d/streams/s", "application/json", format!("[{bad},{{}}]"), "[{}]"),
    ] {
        let answer = client.post(path, kind, &body).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "{\"text\":\"Success\",\"code\":0}"), "{path}");
        assert_eq!(String::from_utf8(upstream.request().await.body).unwrap(), expected, "{path}");
    }
    for (path, body, status) in [
        ("/services/collector", bad.clone(), 200),
        ("/api/v2/logs", format!("[{bad}]"), 202),
        ("/dataCollectionRules/d/streams/s", format!("[{bad}]"), 204),
        ("/loki/api/v1/push", format!("{{\"streams\":[{{\"values\":[[\"1\",\"{CARD}\"]]}}]}}"), 204),
    ] {
        let answer = client.post(path, "application/json", &body).await;
        assert_eq!(answer.status, status, "{path}, nothing left");
    }
    assert!(!upstream.saw("4111 "));
}

/// A body that does not say how long it is: the sink hears of it with its first record that goes on, or not at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sink_is_not_asked_about_nothing() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let mut upstream = Upstream::answering(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        Reply::Bytes(ok("application/json", "{}"))
    })
    .await;
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    let mut client = proxy.client().await;
    let request = |path: &str, kind: &str, body: &str, size: usize| {
        let chunk = |part: &[u8]| format!("{:x}\r\n{}\r\n", part.len(), String::from_utf8_lossy(part));
        let chunks: String = body.as_bytes().chunks(size).map(chunk).collect();
        format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n"
        )
    };
    let bad = format!("{{\"event\":\"{CARD}\"}}");
    for (path, kind, body, status) in [
        ("/_bulk", NDJSON, format!("{{\"index\":{{}}}}\n{bad}\n"), 200),
        ("/services/collector", "application/json", bad.clone(), 200),
        ("/services/collector/raw", "text/plain", format!("{CARD}\n"), 200),
        ("/api/v2/logs", "application/json", format!("[{bad},{bad}]"), 202),
        ("/log/v1", "application/json", format!("[{{\"logs\":[{bad}]}}]"), 202),
        ("/dataCollectionRules/d/streams/s", "application/json", format!("[{bad}]"), 204),
        ("/api/public/ingestion", "application/json", format!("{{\"batch\":[{bad}]}}"), 207),
        ("/runs/batch", "application/json", format!("{{\"post\":[{bad}],\"patch\":[]}}"), 202),
        ("/v2/unstructuredlogentries:batchCreate", "application/json", format!("{{\"entries\":[{bad}]}}"), 200),
        (
            "/loki/api/v1/push",
            "application/json",
            format!("{{\"streams\":[{{\"values\":[[\"1\",\"{CARD}\"]]}}]}}"),
            204,
        ),
    ] {
        for size in [1, 5, 4096] {
            let answer = client.send(request(path, kind, &body, size)).await;
            assert_eq!(answer.status, status, "{path} in chunks of {size}");
        }
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    // What is common to the records of a batch is in none of them: the clean ones are not dropped with it.
    let common = format!("[{{\"common\":{{\"a\":\"{CARD}\"}},\"logs\":[{{\"m\":1}}]}}]");
    let answer = client.send(request("/log/v1", "application/json", &common, 7)).await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "policy_blocked"));
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    let mixed = format!("[{bad},{{\"m\":1}},{bad}]");
    let answer = proxy.client().await.send(request("/api/v2/logs", "application/json", &mixed, 3)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(upstream.request().await.body, b"[{\"m\":1}]");
}

/// What is read whole goes with its length and without trailers: none is announced.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_trailers_are_announced_that_do_not_come() {
    let mut upstream = Upstream::fixed(ok("application/json", "{}")).await;
    let proxy = TestProxy::new()
        .workspace("acme", RULES)
        .route("/whole", upstream.address, |route| route.request = Mode::Buffer { limit: 1000 })
        .upstream(&upstream)
        .start();
    let mut client = proxy.client().await;
    for (path, body, announced) in [("/services/collector", " ", false), ("/whole", "[1]", false), ("/", "[1]", true)] {
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTrailer: X-Sum\r\n\
             Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\nX-Sum: a\r\n\r\n",
            body.len()
        );
        assert_eq!(client.send(request).await.status, 200, "{path}");
        let received = upstream.request().await;
        assert_eq!(received.header("trailer").is_some(), announced, "{path}: {}", received.head);
        assert_eq!(!received.trailers.is_empty(), announced, "{path}: {}", received.trailers);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rejected_records_are_in_the_partial_success() {
    let field = |number: u8, content: &[u8]| [&[number << 3 | 2, content.len() as u8], content].concat();
    let record = |text: &str| field(2, &field(5, &field(1, text.as_bytes())));
    let logs = |records: &[Vec<u8>]| field(1, &field(2, &records.concat()));
    let body = logs(&[record("a"), record(CARD), record(CARD)]);
    // An empty message is an empty body; one with a count of its own is added to.
    for (theirs, count) in [(&[][..], 2), (&[0x0a, 2, 8, 4][..], 6)] {
        let empty = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
        let chunked = Upstream::fixed(empty.as_bytes().to_vec()).await;
        let proxy = TestProxy::new().workspace("acme", RULES).upstream(&chunked).start();
        let answer = proxy.client().await.post("/v1/logs", "application/x-protobuf", &body).await;
        assert_eq!(answer.header("content-type"), Some("application/x-protobuf"));
        assert_eq!((answer.body[0], answer.body[2], answer.body[3]), (0x0a, 8, 2), "{answer:?}");
        let mut upstream = Upstream::fixed(ok("application/x-protobuf", theirs)).await;
        let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
        let mut client = proxy.client().await;
        let answer = client.post("/v1/logs", "application/x-protobuf", &body).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.body[..theirs.len()], *theirs);
        let ours = &answer.body[theirs.len()..];
        assert_eq!((ours[0], ours[2], ours[3]), (0x0a, 8, count), "{ours:?}");
        assert_eq!(upstream.request().await.body, logs(&[record("a")]));
    }
    let upstream = Upstream::fixed(ok("application/json", "{\"partialSuccess\":{}}")).await;
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    let text = format!(
        "{{\"resourceLogs\":[{{\"scopeLogs\":[{{\"logRecords\":[{{\"body\":{{\"stringValue\":\"{CARD}\"}}}}]}}]}}]}}"
    );
    let answer = proxy.client().await.post("/v1/logs", "application/json", &text).await;
    assert_eq!(json(&answer.body)["partialSuccess"]["rejectedLogRecords"], "1");

    let upstream = Upstream::fixed(ok("application/grpc", b"\0\0\0\0\0")).await;
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    let frame = |message: &[u8]| [&[0][..], &(message.len() as u32).to_be_bytes(), message].concat();
    let export = "https://localhost/opentelemetry.proto.collector.logs.v1.LogsService/Export";
    let request = Request::post(export)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Full::from(frame(&body)))
        .unwrap();
    let answer = exchange2(&mut proxy.client2().await, request).await;
    assert_eq!(answer.status, 200);
    assert_eq!((answer.body[0], answer.body[5], answer.body[7], answer.body[8]), (0, 0x0a, 8, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_route_says_what_a_block_takes_with_it() {
    let mut upstream = Upstream::echo().await;
    let proxy = TestProxy::new()
        .workspace("acme", RULES)
        .route("/request", upstream.address, |route| route.on_block = Some(OnBlock::Request))
        .route("/record", upstream.address, |route| route.on_block = Some(OnBlock::Record))
        .route("/", upstream.address, |_| {})
        .start();
    let lines = format!("{{\"a\":1}}\n{{\"a\":\"{CARD}\"}}\n");
    for path in ["/request/services/collector", "/other", "/v1/chat/completions", "/record/v1/chat/completions"] {
        let answer = proxy.client().await.post(path, NDJSON, &lines).await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "policy_blocked"), "{path}");
    }
    let answer = proxy.client().await.post("/record/other", NDJSON, &lines).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "{\"a\":1}\n"));
    assert_eq!(upstream.request().await.body, b"{\"a\":1}\n");
    let text = format!("a\n{CARD}\nb");
    let answer = proxy.client().await.post("/record/other", "text/plain", &text).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "a\nb"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_record_is_the_routes_fault() {
    let upstream = Upstream::echo().await;
    let proxy = TestProxy::new()
        .workspace("acme", RULES)
        .policy(|policy| policy.body_limits.record = 1000)
        .upstream(&upstream)
        .start();
    let event = |length: usize| format!("{{\"event\":\"{}\"}}", "x".repeat(length - 12));
    for (length, status) in [(1000, 200), (1001, 413)] {
        let answer = proxy.client().await.post("/services/collector", "application/json", event(length)).await;
        assert_eq!(answer.status, status, "{length}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn langfuse_is_told_by_event() {
    let answer = r#"{"successes":[{"id":"e1","status":201}],"errors":[{"id":"e3","status":400}]}"#;
    let head = "HTTP/1.1 207 Multi-Status\r\nContent-Type: application/json\r\nContent-Length";
    let reply = format!("{head}: {}\r\n\r\n{answer}", answer.len()).into_bytes();
    let mut upstream = Upstream::answering(move |_| Reply::Bytes(reply.clone())).await;
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    let mut client = proxy.client().await;
    let event =
        |id: &str, name: &str| format!(r#"{{"id":"{id}","type":"trace-create","body":{{"id":"t","name":"{name}"}}}}"#);
    let body = format!("{{\"batch\":[{},{},{}]}}", event("e1", "fine"), event("e2", CARD), event("e3", "odd"));
    let told = client.post("/api/public/ingestion", "application/json", &body).await;
    assert_eq!(told.status, 207);
    let said = json(&told.body);
    assert_eq!(said["successes"], serde_json::json!([{ "id": "e1", "status": 201 }]));
    let errors: Vec<_> =
        said["errors"].as_array().unwrap().iter().map(|error| (error["id"].clone(), error["status"].clone())).collect();
    assert_eq!(errors, [("e3".into(), 400.into()), ("e2".into(), 400.into())]);
    let sent = String::from_utf8(upstream.request().await.body).unwrap();
    assert_eq!(sent, format!("{{\"batch\":[{},{}]}}", event("e1", "fine"), event("e3", "odd")));
}
