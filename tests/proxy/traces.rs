//! Traces of exchanges: what a collector of OpenTelemetry gets, and what the upstream is told.

use serde_json::{Value, json};

use crate::support::proxy::Running;
use crate::support::{TestProxy, Upstream, within};

const RULES: &str = "version = 1\npacks = [\"pci\", \"us-pii\"]\n[actions]\nUS_SSN = \"block\"\n";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

fn start(upstream: &Upstream, collector: &str) -> Running {
    let tables = format!(
        "[telemetry]\notlp = \"http://{collector}\"\ninject = {{ Authorization = {{ file = \"collector.key\" }} }}\n"
    );
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(upstream).tables(&tables);
    std::fs::write(proxy.pki.file("collector.key"), "collector-credential").unwrap();
    proxy.start()
}

/// The statuses of requests with these head lines and bodies, each on a connection of its own.
async fn asked(proxy: &Running, requests: &[(&str, &str)]) -> Vec<u16> {
    let mut statuses = Vec::new();
    for (lines, body) in requests {
        let head = format!("POST /v1/x?note=jane HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n{lines}");
        let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
        statuses.push(proxy.client().await.send(request).await.status);
    }
    statuses
}

fn spans(proxy: &Running, result: &str) -> f64 {
    proxy.metric(&format!("blackbar_spans_total{{result=\"{result}\"}}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_exchange_has_a_span_in_its_clients_trace() {
    let mut upstream = Upstream::echo().await;
    let mut collector = Upstream::fixed("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await;
    let proxy = start(&upstream, &collector.address.to_string());
    let recorded = format!("traceparent: 00-{TRACE}-{SPAN}-01\r\ntracestate: vendor=1\r\n");
    let silent = format!("traceparent: 00-{TRACE}-{SPAN}-00\r\n");
    let requests =
        [(recorded.as_str(), "card 4111 1111 1111 1111"), (silent.as_str(), "words"), ("", "ssn 078-05-1120")];
    assert_eq!(asked(&proxy, &requests).await, [200, 200, 403]);

    let told = upstream.request().await;
    let context: Vec<&str> = told.header("traceparent").unwrap().split('-').collect();
    assert_eq!((context[0], context[1], context[3]), ("00", TRACE, "01"));
    assert!(context[2] != SPAN && told.header("tracestate") == Some("vendor=1"));
    let own = context[2].to_owned();
    let told = upstream.request().await;
    assert_eq!(told.header("traceparent"), Some(silent.trim_start_matches("traceparent: ").trim_end()));

    let mut came: Vec<Value> = Vec::new();
    while came.len() < 2 {
        let batch = within(collector.request()).await;
        assert_eq!(batch.request_line(), "POST /v1/traces HTTP/1.1");
        assert_eq!(batch.header("authorization"), Some("collector-credential"));
        let text = batch.text();
        for value in ["4111", "1111", "078-05", "jane", "/v1/x", "vendor"] {
            assert!(!text.contains(value), "{value}: {text}");
        }
        let body: Value = serde_json::from_str(&text).unwrap();
        let resource = &body["resourceSpans"][0];
        assert_eq!(resource["resource"]["attributes"][0]["value"]["stringValue"], "blackbar");
        came.extend(resource["scopeSpans"][0]["spans"].as_array().unwrap().clone());
    }
    let (first, last) = (&came[0], &came[1]);
    assert_eq!(came.len(), 2, "what is not recorded has no span");
    assert_eq!((&first["traceId"], &first["spanId"]), (&TRACE.into(), &own.into()));
    assert_eq!((&first["parentSpanId"], &first["name"], &first["kind"]), (&SPAN.into(), &"POST /".into(), &2.into()));
    let nanos = |span: &Value, end: &str| span[end].as_str().unwrap().parse::<u64>().unwrap();
    assert!(nanos(first, "startTimeUnixNano") <= nanos(first, "endTimeUnixNano"));
    let attribute = |span: &Value, key: &str| {
        let all = span["attributes"].as_array().unwrap();
        all.iter().find(|one| one["key"] == key).map(|one| one["value"].clone())
    };
    let said = |span: &Value, key: &str| attribute(span, key).map(|value| value["stringValue"].clone());
    assert_eq!(attribute(first, "blackbar.findings"), Some(json!({"intValue": "1"})), "the card");
    assert_eq!(attribute(first, "http.response.status_code"), Some(json!({"intValue": "200"})));
    assert_eq!(
        (said(first, "blackbar.workspace"), said(first, "blackbar.route")),
        (Some("acme".into()), Some("root".into()))
    );
    assert_eq!((first["status"].clone(), said(first, "error.type")), (json!({}), None));
    assert_eq!(said(last, "error.type"), Some("policy_blocked".into()));
    assert!(last.get("parentSpanId").is_none() && last["traceId"] != TRACE, "{last}");
    within(async {
        while spans(&proxy, "sent") < 2.0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(spans(&proxy, "dropped"), 0.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_away_or_refuses_holds_nobody_up() {
    let upstream = Upstream::echo().await;
    let refusing = Upstream::fixed("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n").await;
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for collector in [refusing.address, nobody] {
        let proxy = start(&upstream, &collector.to_string());
        assert_eq!(asked(&proxy, &[("", "one"), ("", "two")]).await, [200, 200]);
        within(async {
            while spans(&proxy, "dropped") < 2.0 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert_eq!(spans(&proxy, "sent"), 0.0);
        // Another configuration sends them elsewhere, or nowhere.
        proxy.reload(|config| config.replace("[telemetry]", "[telemetry]\nupstream_proxy = \"http://127.0.0.1:9\""));
        proxy.reload(|config| {
            let (before, behind) = config.split_once("[telemetry]").unwrap();
            let rest = behind.lines().skip_while(|line| !line.starts_with('[')).collect::<Vec<_>>().join("\n");
            format!("{before}{rest}")
        });
        assert_eq!(asked(&proxy, &[("", "three")]).await, [200]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_spans_leave_before_the_proxy_ends() {
    let upstream = Upstream::echo().await;
    let collector = Upstream::fixed("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await;
    let mut proxy = start(&upstream, &collector.address.to_string());
    assert_eq!(asked(&proxy, &[("", "words")]).await, [200]);
    let mut client = proxy.client2().await;
    let request = hyper::Request::get("https://localhost/last").body(Default::default()).unwrap();
    let answer = crate::support::client::exchange2(&mut client, request).await;
    let id = answer.header("x-request-id").unwrap().to_owned();
    let telemetry = std::sync::Arc::clone(&proxy.telemetry);
    proxy.stop();
    assert!(proxy.ended().await);
    assert!(collector.saw(&id), "the last one among them");
    assert!(telemetry.render().contains("blackbar_spans_total{result=\"sent\"} 2"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_says_nothing_does_not_keep_the_proxy() {
    let upstream = Upstream::echo().await;
    let collector = Upstream::answering(|_| crate::support::Reply::Silence).await;
    let mut proxy = start(&upstream, &collector.address.to_string());
    assert_eq!(asked(&proxy, &[("", "words")]).await, [200]);
    let begun = std::time::Instant::now();
    proxy.stop();
    assert!(proxy.ended().await);
    // Three seconds are its bound; for a batch a collector has ten.
    assert!(begun.elapsed() < std::time::Duration::from_secs(6), "{:?}", begun.elapsed());
    // Where there was no exchange there is nothing to wait for.
    let mut proxy = start(&upstream, &collector.address.to_string());
    let begun = std::time::Instant::now();
    proxy.stop();
    assert!(proxy.ended().await && begun.elapsed() < std::time::Duration::from_secs(2));
}
