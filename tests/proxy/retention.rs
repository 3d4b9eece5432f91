//! Routes on which the provider keeps nothing, routes that take fields out, and routes with a largest body.

use blackbar::body::retention::Provider;
use blackbar::body::{Dialect, JsonPath};

use crate::support::{TestProxy, Upstream};

const RULES: &str = "version = 1\npacks = [\"pci\"]\n";

fn chunked(target: &str, pieces: &[&str]) -> String {
    let chunks: String = pieces.iter().map(|piece| format!("{:x}\r\n{piece}\r\n", piece.len())).collect();
    format!(
        "POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n\
         {chunks}0\r\n\r\n"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_kept_at_the_provider() {
    let mut upstream = Upstream::echo().await;
    let proxy = TestProxy::new()
        .workspace("acme", RULES)
        .route("/openai", upstream.address, |route| route.retention = Some(Provider::OpenAi))
        .route("/anthropic", upstream.address, |route| route.retention = Some(Provider::Anthropic))
        .route("/gemini", upstream.address, |route| route.retention = Some(Provider::Gemini))
        .route("/mistral", upstream.address, |route| route.retention = Some(Provider::Mistral))
        .route("/router", upstream.address, |route| route.retention = Some(Provider::OpenRouter))
        .start();
    let mut client = proxy.client().await;
    let provider = r#""provider":{"data_collection":"deny","zdr":true}"#;
    let routed = format!(r#"{{"model":"m",{provider}}}"#);
    for (path, body, expected) in [
        ("/openai/v1/responses", r#"{"model":"m","store":true}"#, r#"{"store":false,"model":"m"}"#),
        ("/openai/v1/chat/completions", r#"{"model":"m"}"#, r#"{"store":false,"model":"m"}"#),
        ("/openai/v1/embeddings", r#"{"input":"x"}"#, r#"{"input":"x"}"#),
        ("/anthropic/v1/messages", r#"{"model":"m"}"#, r#"{"model":"m"}"#),
        ("/gemini/v1beta/models/g:generateContent", r#"{"contents":[]}"#, r#"{"contents":[]}"#),
        ("/mistral/v1/chat/completions", r#"{"model":"m"}"#, r#"{"model":"m"}"#),
        ("/router/api/v1/chat/completions", r#"{"model":"m"}"#, &routed),
    ] {
        let answer = client.post(path, "application/json", body).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert_eq!(String::from_utf8(upstream.request().await.body).unwrap(), expected, "{path}");
    }
    // A body in flight.
    let answer = client.send(chunked("/openai/v1/responses", &[r#"{"sto"#, r#"re":true,"a":[1"#, ",2]}"])).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, r#"{"store":false,"a":[1,2]}"#));
    // What is kept may still be looked at, and thrown away.
    for method in ["GET", "DELETE"] {
        let request = format!("{method} /openai/v1/files/f HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert_eq!(client.send(request).await.status, 200, "{method}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stores_by_nature_is_refused_in_the_providers_words() {
    let upstream = Upstream::echo().await;
    let proxy = TestProxy::new()
        .workspace("acme", RULES)
        .route("/openai", upstream.address, |route| route.retention = Some(Provider::OpenAi))
        .route("/anthropic", upstream.address, |route| route.retention = Some(Provider::Anthropic))
        .route("/gemini", upstream.address, |route| route.retention = Some(Provider::Gemini))
        .route("/mistral", upstream.address, |route| route.retention = Some(Provider::Mistral))
        .route("/xai", upstream.address, |route| route.retention = Some(Provider::Xai))
        .start();
    for (path, body, kind) in [
        ("/openai/v1/files", "{}", "openai"),
        ("/openai/v1/threads", "{}", "openai"),
        ("/openai/v1/conversations", "{}", "openai"),
        ("/openai/v1/batches", "{}", "openai"),
        ("/openai/v1/vector_stores", "{}", "openai"),
        ("/openai/v1/%63hat/completions", r#"{"store":true}"#, "openai"),
        ("/openai/v1/Chat/completions", r#"{"store":true}"#, "openai"),
        ("/openai/v1/responses", r#"{"background":true}"#, "openai"),
        ("/openai/v1/responses", r#"{"previous_response_id":"r"}"#, "openai"),
        ("/mistral/v1/conversations", "{}", "openai"),
        ("/mistral/v1/agents", "{}", "openai"),
        ("/xai/v1/chat/completions", r#"{"store":true}"#, "openai"),
        ("/anthropic/v1/messages/batches", "{}", "anthropic"),
        ("/anthropic/v1/files", "{}", "anthropic"),
        ("/gemini/v1beta/cachedContents", "{}", "gemini"),
        ("/gemini/v1beta/tunedModels", "{}", "gemini"),
        ("/gemini/v1beta/models/g:generateContent", r#"{"cachedContent":"c"}"#, "gemini"),
    ] {
        let answer = proxy.client().await.post(path, "application/json", body).await;
        assert_eq!(answer.status, 403, "{path} {body}");
        let said: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        match kind {
            "openai" => assert_eq!(said["error"]["code"], "retention", "{path} {said}"),
            "anthropic" => assert_eq!(said["error"]["type"], "permission_error", "{path} {said}"),
            _ => assert_eq!(said["error"]["status"], "PERMISSION_DENIED", "{path} {said}"),
        }
    }
    let sent = "{\"store\":true}";
    for method in ["GET", "DELETE"] {
        let head = format!("{method} /openai/v1/files HTTP/1.1\r\nHost: localhost\r\nX-HTTP-Method-Override: POST\r\n");
        let request = format!("{head}Content-Length: {}\r\n\r\n{sent}", sent.len());
        assert_eq!(proxy.client().await.send(request).await.status, 403, "{method} with a body");
    }
    assert!(upstream.is_untouched());
    // One that is found in flight breaks the request.
    let long = "x ".repeat(200 << 10);
    let pieces = [r#"{"input":""#, &long, r#"","background":true}"#];
    let answer = proxy.client().await.send(chunked("/openai/v1/responses", &pieces)).await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "retention"));
    assert!(!upstream.saw("background") && !upstream.saw("0\r\n\r\n"));
    assert!(proxy.metric("blackbar_rejected_total{reason=\"retention\",workspace=\"acme\"}") >= 15.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fields_are_taken_out_and_counted() {
    let mut upstream = Upstream::echo().await;
    let proxy = TestProxy::new()
        .workspace("acme", "version = 1\npacks = [\"pci\"]\n[actions]\nCREDIT_CARD = \"block\"\n")
        .route("/", upstream.address, |route| {
            route.drop = ["$.metadata", "$.user"].map(|path| JsonPath::parse(path).unwrap()).into();
        })
        .start();
    let mut client = proxy.client().await;
    let body = r#"{"user":"4111 1111 1111 1111","model":"m","metadata":{"a":1},"us\u0065r":2}"#;
    let answer = client.post("/v1/chat/completions", "application/json", body).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, r#"{"model":"m"}"#));
    assert!(!upstream.saw("4111 ") && !upstream.saw("metadata"));
    // What begins as JSON and is none is not sent as text, with the member in it.
    for (media_type, body) in
        [("text/plain", r#"{"metadata":{"a":"kept"},"t":NaN}"#), ("text/plain", "{\"metadata\":1")]
    {
        let answer = proxy.client().await.post("/v1/chat/completions", media_type, body).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "json_syntax"), "{body}");
    }
    assert!(!upstream.saw("metadata"));
    assert_eq!(upstream.request().await.header("content-length"), Some("13"));
    assert_eq!(proxy.metric("blackbar_dropped_fields_total{route=\"root\",workspace=\"acme\"}"), 3.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_route_has_a_largest_body() {
    let upstream = Upstream::echo().await;
    let proxy = TestProxy::new()
        .workspace("acme", RULES)
        .route("/", upstream.address, |route| {
            route.max_bytes = Some(1000);
            route.dialect = Some(Dialect::OpenAi);
        })
        .start();
    let body = |length: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(length - 8));
    for (length, status) in [(1000, 200), (1001, 413)] {
        let answer = proxy.client().await.post("/", "application/json", body(length)).await;
        assert_eq!(answer.status, status, "{length}");
        let text = body(length);
        let (first, second) = text.split_at(500);
        let answer = proxy.client().await.send(chunked("/", &[first, second])).await;
        assert_eq!(answer.status, status, "{length}, undeclared");
        if status == 413 {
            let said: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
            assert_eq!(said["error"]["code"], "body_size");
        }
    }
    // A declared length is refused before any of the body is there.
    let head = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n";
    let answer = proxy.client().await.send(head).await;
    assert_eq!((answer.status, answer.header("connection")), (413, Some("close")));
}
