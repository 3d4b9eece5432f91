//! The audit of a proxy that serves: one record of each exchange, before its answer ends, and nothing planted in it.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use blackbar::audit::read::Records;
use blackbar::audit::verify::{Trust, verify};
use blackbar::policy::Mode;
use serde_json::Value;
use tokio::io::AsyncWriteExt;

use crate::support::client::exchange2;
use crate::support::proxy::Running;
use crate::support::upstream::ok;
use crate::support::{Name, Reply, TestProxy, Upstream, within};

const RULES: &str = "version = 1\npacks = [\"default\"]\n[actions]\nUS_SSN = \"block\"\n";
const CARD: &str = "4111 1111 1111 1111";

fn folder(proxy: &Running) -> PathBuf {
    proxy.pki.file("audit")
}

pub(crate) fn records(folder: &Path) -> Vec<Value> {
    let lines = Records::open(folder).unwrap().map(Result::unwrap);
    lines.map(|(_, line)| serde_json::from_slice(&line).unwrap()).collect()
}

fn exchanges(folder: &Path) -> Vec<Value> {
    records(folder).into_iter().filter(|record| record["kind"] == "exchange").collect()
}

/// The record of an answer, which must be there as soon as the answer has ended.
pub(crate) fn record_of(proxy: &Running, id: Option<&str>) -> Value {
    let all = exchanges(&folder(proxy));
    let mut found = all.iter().filter(|record| record["req"].as_str() == id);
    let record = found.next().unwrap_or_else(|| panic!("no record of {id:?}")).clone();
    assert!(found.next().is_none(), "two records of {id:?}");
    record
}

fn number(record: &Value, way: &str, name: &str) -> u64 {
    record[way][name].as_u64().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_exchange_has_its_record_before_its_answer_ends() {
    let upstream = Upstream::echo().await;
    let proxy = TestProxy::new().audited().workspace("acme", RULES).upstream(&upstream).start();
    let mut client = proxy.client().await;

    let answer = client.post("/", "text/plain", "nothing to find").await;
    let record = record_of(&proxy, answer.header("x-request-id"));
    assert_eq!((&record["outcome"], &record["status"]), (&"forwarded".into(), &200.into()), "{record}");
    assert_eq!((&record["ws"], &record["route"], &record["path"]), (&"acme".into(), &"root".into(), &"/*".into()));
    assert_eq!(record["actor"], serde_json::json!(["uri:spiffe://acme.example/agent"]));
    assert_eq!((&record["method"], &record["peer"]), (&"POST".into(), &"127.0.0.1".into()));
    assert_eq!((number(&record, "request", "length"), number(&record, "request", "scanned")), (15, 15));
    assert_eq!((number(&record, "response", "length"), number(&record, "response", "scanned")), (15, 15));
    assert_eq!(record["policy"].as_str().unwrap().len(), 64);
    assert_eq!(record["cert"].as_str().unwrap().len(), 64);
    assert!(record.get("findings").is_none() && record.get("fp_epoch").is_none());

    let body = format!(r#"{{"text":"pay {CARD} or jane@example.com"}}"#);
    let answer = client.post("/", "application/json", &body).await;
    let record = record_of(&proxy, answer.header("x-request-id"));
    assert_eq!(record["outcome"], "redacted");
    let found: Vec<(&str, &str)> = record["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| (finding["dir"].as_str().unwrap(), finding["entity"].as_str().unwrap()))
        .collect();
    assert!(found.contains(&("request", "CREDIT_CARD")) && found.contains(&("request", "EMAIL")), "{record}");
    assert_eq!(number(&record, "request", "length"), body.len() as u64);

    let answer = client.post("/", "text/plain", "my number is 078-05-1120").await;
    assert_eq!(answer.status, 403);
    let record = record_of(&proxy, answer.header("x-request-id"));
    assert_eq!((&record["outcome"], &record["reason"]), (&"blocked".into(), &"policy_blocked".into()));
    assert!(record["rule"].as_str().unwrap().starts_with("us-pii."));

    let answer = client.post("/", "application/json", "{not json}").await;
    let record = record_of(&proxy, answer.header("x-request-id"));
    assert_eq!((&record["outcome"], &record["reason"]), (&"failed".into(), &"json_syntax".into()));

    let answer = proxy.client_named(&[Name::Uri("spiffe://nobody.example/x")]).await.get("/").await;
    let record = record_of(&proxy, answer.header("x-request-id"));
    assert_eq!((&record["reason"], record.get("ws")), (&"san_denied".into(), None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_stream_wait_for_their_record_at_the_end() {
    let long = "clean text of some words. ".repeat(40_000);
    let events = "data: {\"a\":\"b\"}\n\n".repeat(50);
    let (long_body, events_body) = (long.clone(), events.clone());
    let upstream = Upstream::answering(move |received| {
        let whole = |media_type: &str, body: &str| ok(media_type, body);
        Reply::Bytes(match received.request_line() {
            line if line.contains("events") => whole("text/event-stream", &events_body),
            line if line.contains("trailers") => {
                b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\
                Trailer: X-Sum\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n"
                    .to_vec()
            }
            _ => whole("text/plain", &long_body),
        })
    })
    .await;
    let proxy = TestProxy::new()
        .audited()
        .workspace("acme", RULES)
        .upstream(&upstream)
        .route("/off", upstream.address, |route| route.response = Mode::Off)
        .start();
    for target in ["/long", "/events", "/trailers", "/off"] {
        let answer = proxy.client().await.get(target).await;
        assert!(answer.status == 200 && answer.complete, "{target}");
        let record = record_of(&proxy, answer.header("x-request-id"));
        let length = number(&record, "response", "length");
        assert_eq!(length, answer.body.len() as u64, "{target}: {record}");
        let unscanned = number(&record["response"], "unscanned", "mode_off");
        assert_eq!(unscanned, if target == "/off" { length } else { 0 }, "{target}");
        assert_eq!(number(&record, "response", "scanned") + unscanned, length);
    }
    let mut sender = proxy.client2().await;
    for target in ["/long", "/events", "/off"] {
        let uri = format!("https://localhost{target}");
        let request = hyper::Request::get(uri).body(Default::default()).unwrap();
        let answer = exchange2(&mut sender, request).await;
        assert!(answer.status == 200 && answer.complete, "{target}");
        let record = record_of(&proxy, answer.header("x-request-id"));
        assert_eq!(number(&record, "response", "length"), answer.body.len() as u64, "{target}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_are_as_many_records_as_requests_and_nothing_planted_is_in_them() {
    let upstream = Upstream::echo().await;
    let proxy = TestProxy::new().audited().workspace("acme", RULES).upstream(&upstream).start();
    let mut ids = HashSet::new();
    let bodies = [
        "canary-body".to_owned(),
        format!("card {CARD}, mail jane@example.com"),
        "ssn 078-05-1120".to_owned(),
        "{\"canary-key\":\"4111111111111111\"}".to_owned(),
    ];
    let mut clients = Vec::new();
    for number in 0..4 {
        let (mut client, bodies) = (proxy.client().await, bodies.clone());
        clients.push(tokio::spawn(async move {
            let mut ids = Vec::new();
            for body in bodies.iter().cycle().take(20) {
                let target = format!("/canary-path-{number}?canary-query=jane%40example.com");
                let answer = client.post(&target, "text/plain", body).await;
                ids.push(answer.header("x-request-id").unwrap().to_owned());
            }
            ids
        }));
    }
    for client in clients {
        ids.extend(within(client).await.unwrap());
    }
    // One that goes away in the middle is recorded too.
    let mut gone = proxy.client().await;
    gone.write(
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\ncanary-half",
    )
    .await;
    gone.stream.shutdown().await.unwrap();
    drop(gone);
    while exchanges(&folder(&proxy)).len() < 81 {
        tokio::task::yield_now().await;
    }
    proxy.handle.close_audit();
    let all = exchanges(&folder(&proxy));
    assert_eq!(all.len(), 81);
    assert!(ids.iter().all(|id| all.iter().any(|record| record["req"].as_str() == Some(id))));
    assert_eq!(all.iter().filter(|record| record["outcome"] == "failed").count(), 1);
    let report = verify(&folder(&proxy), &Trust::default()).unwrap();
    assert_eq!(report.unsealed(), 0);
    for entry in std::fs::read_dir(folder(&proxy)).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let planted = [CARD, "4111111111111111", "078-05-1120", "jane@", "jane%40", "canary", "example.com,"];
        planted.iter().for_each(|value| assert!(!text.contains(value), "{value}"));
    }
    // The same value has the same fingerprint, and another another.
    let prints = |entity: &str| -> HashSet<String> {
        let findings = all.iter().filter_map(|record| record["findings"].as_array()).flatten();
        let of = findings.filter(|finding| finding["entity"] == entity && finding["dir"] == "request");
        of.flat_map(|finding| finding["fp"].as_array().cloned().unwrap_or_default())
            .map(|print| print.as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(prints("CREDIT_CARD").len(), 1, "two spellings of one number");
    assert_eq!(prints("US_SSN").len(), 1);
    assert!(prints("CREDIT_CARD").is_disjoint(&prints("US_SSN")));
}

/// Of a body that is refused before any of it was sent, nothing left and all is withheld, however far it was read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_bodies_have_a_receipt_of_what_was_withheld() {
    let upstream = Upstream::echo().await;
    let proxy = TestProxy::new().audited().workspace("acme", RULES).upstream(&upstream).start();
    let plain = r#"{"a":"jane@example.com"}"#;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut packed, plain.as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    let whole = plain.len() as u64;
    let cases: [(&str, &[u8], &str, Option<u64>); 6] = [
        ("gzip", &packed[..packed.len() - 4], "truncated", None),
        ("gzip", &[&packed[..], b"trailing"].concat(), "coding_invalid", None),
        ("gzip", b"no gzip at all", "coding_invalid", Some(0)),
        ("identity", b"{\"a\":\"jane@example.com\",\"b\":", "truncated", Some(28)),
        ("identity", b"{no json}", "json_syntax", Some(9)),
        ("identity", br#"{"a":"jane@example.com","b":"my number is 078-05-1120"}"#, "policy_blocked", Some(55)),
    ];
    for (coding, body, reason, length) in cases {
        for chunked in [false, true] {
            let framing = match chunked {
                true => "Transfer-Encoding: chunked".to_owned(),
                false => format!("Content-Length: {}", body.len()),
            };
            let head = format!(
                "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Encoding: {coding}\r\n{framing}\r\n\r\n"
            );
            let chunk = format!("{:x}\r\n", body.len());
            let request = match chunked {
                true => [head.as_bytes(), chunk.as_bytes(), body, b"\r\n0\r\n\r\n"].concat(),
                false => [head.as_bytes(), body].concat(),
            };
            let answer = proxy.client().await.send(request).await;
            let record = record_of(&proxy, answer.header("x-request-id"));
            let what = format!("{coding} {chunked} {record}");
            assert!(record["reason"] == reason || (coding == "gzip" && record["reason"] == "coding_invalid"), "{what}");
            assert_eq!(number(&record, "request", "bytes_in"), body.len() as u64, "{what}");
            assert!(number(&record, "request", "length") <= whole.max(body.len() as u64), "{what}");
            if !chunked {
                assert_eq!(number(&record, "request", "bytes_out"), 0, "{what}");
                let withheld = number(&record, "request", "withheld");
                assert_eq!(withheld, number(&record, "request", "length"), "{what}");
                assert!(length.is_none_or(|length| length == withheld), "{what}");
            }
        }
    }
    assert!(upstream.is_untouched() || !upstream.saw("078-05"), "nothing of what was decided whole left");
    proxy.handle.close_audit();
    assert_eq!(verify(&folder(&proxy), &Trust::default()).unwrap().unsealed(), 0);
}

/// A receipt is the body's alone: what is found in a target, a head or trailers counts, and none of its bytes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_beside_a_body_are_in_no_receipt() {
    let upstream = Upstream::fixed(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Note: jane@example.com\r\nMcp-Name: jane@example.com\r\n\
        Transfer-Encoding: chunked\r\nTrailer: X-Sum, Mcp-Param-A\r\n\r\n2\r\n{}\r\n0\r\nX-Sum: jane@example.com\r\n\
        Mcp-Param-A: jane@example.com\r\n\r\n"
            .to_vec(),
    )
    .await;
    let proxy = TestProxy::new().audited().workspace("acme", RULES).upstream(&upstream).start();
    let mut client = proxy.client().await;
    let image = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    let head = format!(
        "Host: localhost\r\nMcp-Method: tools/call\r\nMcp-Name: send\r\nX-Note: jane@example.com\r\nMcp-Param-To: {{\"a\":\"jane@example.com\"}}\r\n\
         Mcp-Param-Image: data:image/png;base64,{image}\r\n"
    );
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"send","arguments":{"to":"bob"}}}"#;
    let parts =
        "--b\r\nContent-Disposition: form-data; name=\"jane@example.com\"; filename=\"a\"\r\n\r\nx\r\n--b--\r\n";
    for (target, kind, body) in [
        ("/crm/mcp", "application/json", call),
        ("/plain?m=jane%40example.com", "text/plain", "hello"),
        ("/form", "multipart/form-data; boundary=b", parts),
    ] {
        let request = format!(
            "POST {target} HTTP/1.1\r\n{head}Content-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\
             X-Sum: jane@example.com\r\nMcp-Param-B: jane@example.com\r\n\r\n",
            body.len()
        );
        let answer = client.send(request).await;
        assert_eq!(answer.status, 200, "{target}");
        let record = record_of(&proxy, answer.header("x-request-id"));
        for (way, length) in [("request", body.len() as u64), ("response", 2)] {
            let counted = (number(&record, way, "length"), number(&record, way, "scanned"));
            assert_eq!(counted, (length, length), "{target} {record}");
        }
        assert!(record["findings"].as_array().is_some_and(|findings| !findings.is_empty()), "{record}");
    }
    let answer = client.send(format!("GET /crm/mcp HTTP/1.1\r\n{head}\r\n")).await;
    assert_eq!(answer.status, 200);
    assert!(record_of(&proxy, answer.header("x-request-id")).get("request").is_none());
    proxy.handle.close_audit();
    assert_eq!(verify(&folder(&proxy), &Trust::default()).unwrap().unsealed(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_audit_that_can_be_written_nothing_is_served() {
    let upstream = Upstream::echo().await;
    let proxy = TestProxy::new()
        .audited()
        .workspace("acme", RULES)
        .upstream(&upstream)
        .policy(|policy| policy.audit.as_mut().unwrap().segment_bytes = 4096)
        .start();
    let (place, away) = (folder(&proxy), proxy.pki.file("away"));
    assert_eq!(proxy.client().await.post("/", "text/plain", "x").await.status, 200);
    std::fs::rename(&place, &away).unwrap();
    // The segment is full at some request; the next cannot be begun, and from then on nothing goes through.
    let mut served = 1;
    let refused = loop {
        let answer = proxy.client().await.post("/", "text/plain", "x").await;
        if answer.status != 200 {
            break answer;
        }
        served += 1;
        assert!(served < 1000);
    };
    assert_eq!((refused.status, refused.code().as_str()), (503, "audit_unavailable"));
    assert_eq!(proxy.client().await.post("/", "text/plain", "canary-refused").await.code(), "audit_unavailable");
    assert!(!upstream.saw("canary-refused"), "what is not recorded is not forwarded");
    assert!(proxy.handle.audit().unwrap().is_failing());
    std::fs::rename(&away, &place).unwrap();
    while proxy.client().await.post("/", "text/plain", "x").await.status != 200 {
        tokio::task::yield_now().await;
    }
    proxy.handle.close_audit();
    let report = verify(&place, &Trust::default()).unwrap();
    assert_eq!(report.unsealed(), 0);
    let all = exchanges(&place);
    let answered = all.iter().filter(|record| record["status"] == 200).count();
    assert!(answered > served, "each answer of 200 has its record");
    assert!(records(&place).iter().any(|record| record["kind"] == "recovered"));
}
