//! Budgets of models' tokens: counted as answers say it, in every protocol and in streams, and refused in the provider's words.

use std::sync::Mutex;

use blackbar::policy::Mode;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use crate::audit::record_of;
use crate::support::client::Answer;
use crate::support::proxy::Running;
use crate::support::upstream::ok;
use crate::support::{Reply, TestProxy, Upstream, within};

const RULES: &str = "version = 1\npacks = [\"pci\"]\n";

/// A workspace with this budget in a window that does not end while a test runs.
fn budget(tokens: u64) -> String {
    format!("limits = {{ tokens = {tokens}, tokens_per = \"744h\" }}\n")
}

fn limited(upstream: &Upstream, tokens: u64) -> Running {
    TestProxy::new().audited().workspace("acme", RULES).settings(&budget(tokens)).upstream(upstream).start()
}

fn counted(proxy: &Running, source: &str) -> f64 {
    proxy.metric(&format!("blackbar_model_tokens_total{{route=\"root\",source=\"{source}\",workspace=\"acme\"}}"))
}

fn json_of(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

const CHAT: &str = "/v1/chat/completions";
const ANSWERED: &str = r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"hi"}}],"usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12}}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_provider_says_what_it_cost_and_refuses_in_its_own_words() {
    let chunk = |rest: Value| {
        let mut chunk = json!({"object": "chat.completion.chunk", "choices": []});
        chunk.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        format!("data: {chunk}\n\n")
    };
    let chat = chunk(json!({"choices": [{"index": 0, "delta": {"content": "hi"}}]}))
        + &chunk(json!({"usage": {"total_tokens": 12}}))
        + "data: [DONE]\n\n";
    let responses = "event: response.completed\ndata: {\"type\":\"response.completed\",\"sequence_number\":0,\"response\":{\"output\":[],\"usage\":{\"total_tokens\":12}}}\n\n";
    let messages = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"content\":[],\"usage\":{\"input_tokens\":5,\"output_tokens\":1}}}\n\n\
                    event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{},\"usage\":{\"output_tokens\":7}}\n\n\
                    event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
    let gemini = "data: {\"candidates\":[],\"usageMetadata\":{\"promptTokenCount\":5,\"totalTokenCount\":9}}\n\n\
                  data: {\"candidates\":[],\"usageMetadata\":{\"promptTokenCount\":5,\"totalTokenCount\":12}}\n\n";
    let (events, plain) = ("text/event-stream", "application/json");
    for (path, media_type, body, words) in [
        (CHAT, plain, ANSWERED, ["error", "type", "rate_limit_error"]),
        (CHAT, events, chat.as_str(), ["error", "type", "rate_limit_error"]),
        (
            "/v1/responses",
            plain,
            r#"{"output":[],"usage":{"input_tokens":5,"output_tokens":7,"total_tokens":12}}"#,
            ["error", "type", "rate_limit_error"],
        ),
        ("/v1/responses", events, responses, ["error", "type", "rate_limit_error"]),
        (
            "/v1/messages",
            plain,
            r#"{"type":"message","content":[],"usage":{"input_tokens":5,"output_tokens":7}}"#,
            ["error", "type", "rate_limit_error"],
        ),
        ("/v1/messages", events, messages, ["error", "type", "rate_limit_error"]),
        (
            "/v1beta/models/g:generateContent",
            plain,
            r#"{"candidates":[],"usageMetadata":{"totalTokenCount":12}}"#,
            ["error", "status", "RESOURCE_EXHAUSTED"],
        ),
        ("/v1beta/models/g:streamGenerateContent?alt=sse", events, gemini, ["error", "status", "RESOURCE_EXHAUSTED"]),
    ] {
        let upstream = Upstream::fixed(ok(media_type, body)).await;
        let proxy = limited(&upstream, 12);
        let mut client = proxy.client().await;
        let answer = client.post(path, plain, r#"{"input":"x"}"#).await;
        assert_eq!(answer.status, 200, "{path} {media_type}: {}", answer.text());
        assert_eq!(record_of(&proxy, answer.header("x-request-id"))["model_tokens"], 12, "{path} {media_type}");
        assert_eq!(counted(&proxy, "provider"), 12.0, "{path} {media_type}");
        let answer = client.post(path, plain, r#"{"input":"x"}"#).await;
        assert_eq!(answer.status, 429, "{path} {media_type}");
        let after: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=744 * 3600).contains(&after), "{after}");
        let body = json_of(&answer);
        assert_eq!(body[words[0]][words[1]], words[2], "{path}: {body}");
        let refused = record_of(&proxy, answer.header("x-request-id"));
        assert_eq!((&refused["reason"], &refused["model_tokens"]), (&"token_budget".into(), &Value::Null));
        // What costs nothing goes on (a refusal ends the connection on which a body is left), and a reload that leaves the budget alone forgives nothing.
        let mut client = proxy.client().await;
        assert_eq!(client.get("/v1/models").await.status, 200);
        assert_eq!(client.post("/logs", "text/plain", "x").await.status, 200);
        proxy.reload(|config| config + "\n");
        assert_eq!(client.post(path, plain, r#"{"input":"x"}"#).await.status, 429);
        proxy.reload(|config| config.replace("tokens = 12", "tokens = 13"));
        let mut client = proxy.client().await;
        assert_eq!(client.post(path, plain, r#"{"input":"x"}"#).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_has_a_budget_of_its_own() {
    let upstream = Upstream::fixed(ok("application/json", ANSWERED)).await;
    let mut settings = budget(36);
    for (id, tokens) in [("small", 12), ("large", 1000)] {
        let hash: String = Sha256::digest(id).iter().map(|byte| format!("{byte:02x}")).collect();
        settings += &format!("[[workspace.api_key]]\nid = \"{id}\"\nhash = \"sha256:{hash}\"\n{}", budget(tokens));
    }
    let keyed =
        |policy: &mut blackbar::policy::Policy| policy.listeners[0].api_keys = Some("x-blackbar-key".to_owned());
    let proxy = TestProxy::new().workspace("acme", RULES).settings(&settings).upstream(&upstream).policy(keyed).start();
    let mut asked = Vec::new();
    for key in ["small", "small", "large", "large", "large"] {
        let mut client = proxy.client().await;
        let head = format!(
            "POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nx-blackbar-key: {key}\r\nContent-Type: application/json\r\n"
        );
        asked.push(client.send(format!("{head}Content-Length: 2\r\n\r\n{{}}")).await.status);
    }
    // The key's budget is used up by the second, the workspace's by the fifth.
    assert_eq!(asked, [200, 429, 200, 200, 429]);
    assert_eq!(counted(&proxy, "provider"), 36.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_does_not_say_it_or_is_left_counts_by_its_events() {
    let event = "data: {\"object\":\"chat.completion.chunk\",\"choices\":[]}\n\n";
    let upstream = Upstream::fixed(ok("text/event-stream", event.repeat(9) + "data: [DONE]\n\n")).await;
    let proxy = limited(&upstream, 20);
    let mut client = proxy.client().await;
    // Ten events, and a token for each four bytes of the request.
    assert_eq!(client.post(CHAT, "application/json", "{\"a\":  \"\"}  ").await.status, 200);
    assert_eq!((counted(&proxy, "estimate"), counted(&proxy, "provider")), (13.0, 0.0));
    assert_eq!(client.post(CHAT, "application/json", "{}").await.status, 200);
    assert_eq!(client.post(CHAT, "application/json", "{}").await.status, 429);

    let (pieces, script) = mpsc::unbounded_channel();
    let script = Mutex::new(Some(script));
    let upstream = Upstream::answering(move |_| match script.lock().unwrap().take() {
        Some(script) => Reply::Pieces(script),
        None => Reply::Bytes(ok("application/json", "{}")),
    })
    .await;
    let proxy = limited(&upstream, 4);
    let mut leaving = proxy.client().await;
    leaving
        .write(&format!(
            "POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}"
        ))
        .await;
    pieces.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n".to_vec()).unwrap();
    pieces.send(event.repeat(4).into_bytes()).unwrap();
    assert_eq!(within(leaving.head()).await.unwrap().status, 200);
    within(leaving.until(b"chat.completion.chunk")).await.unwrap();
    drop(leaving);
    within(async {
        while proxy.client().await.post(CHAT, "application/json", "{}").await.status != 429 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    drop(pieces);
    assert!(counted(&proxy, "estimate") >= 4.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_passes_unread_is_counted_because_it_comes_uncoded() {
    let mut upstream = Upstream::fixed(ok("application/json", ANSWERED)).await;
    let test = TestProxy::new().audited().workspace("acme", RULES).settings(&budget(12));
    let proxy = test.route("/", upstream.address, |route| route.response = Mode::Off).start();
    let mut client = proxy.client().await;
    let head = format!(
        "POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\nContent-Type: application/json\r\n"
    );
    let mut asks = async || client.send(format!("{head}Content-Length: 2\r\n\r\n{{}}")).await.status;
    assert_eq!((asks().await, asks().await), (200, 429));
    assert_eq!(upstream.request().await.header("accept-encoding"), Some("identity"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_path_that_is_spelled_otherwise_counts_as_well() {
    for path in [
        "/v1/chat/completion%73",
        "/v1/Chat/Completions",
        "/v1//chat//completions",
        "/v1/chat/completions;v=1",
        "/v1/chat%2Fcompletions",
    ] {
        let upstream = Upstream::fixed(ok("application/json", ANSWERED)).await;
        let proxy = limited(&upstream, 12);
        let mut client = proxy.client().await;
        assert_eq!(client.post(path, "application/json", "{}").await.status, 200, "{path}");
        assert_eq!(counted(&proxy, "provider"), 12.0, "{path}");
        let refused = client.post(path, "application/json", "{}").await;
        assert_eq!((refused.status, &json_of(&refused)["error"]["type"]), (429, &"rate_limit_error".into()), "{path}");
    }
}

/// Two routes without a protocol of their own but for what is told of each; a card sends a request from the first to the second.
fn rerouting(upstream: &Upstream, first: &str, second: &str) -> Running {
    let url = format!("http://{}", upstream.address);
    let routes = format!(
        "[[route]]\nname = \"cloud\"\npath = \"/cloud\"\nupstream = \"{url}\"\nreroute = {{ upstream = \"own\" }}\n{first}\
         [[route]]\nname = \"own\"\npath = \"/own\"\nupstream = \"{url}\"\n{second}"
    );
    let rules = format!("{RULES}[actions]\nCREDIT_CARD = \"reroute\"\n");
    TestProxy::new().audited().workspace("acme", &rules).settings(&budget(12)).tables(&routes).start()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_sent_elsewhere_counts_by_what_answers_there() {
    let card = r#"{"input":"4111 1111 1111 1111"}"#;
    let mut upstream = Upstream::fixed(ok("application/json", ANSWERED)).await;
    let proxy = rerouting(&upstream, "", "dialect = \"openai\"\nresponse = { mode = \"off\" }\n");
    let mut client = proxy.client().await;
    let head =
        "POST /cloud/ask HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\nContent-Type: application/json\r\n";
    let mut asks = async |body: &str| client.send(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len())).await;
    let answer = asks(card).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(upstream.request().await.header("accept-encoding"), Some("identity"));
    let record = record_of(&proxy, answer.header("x-request-id"));
    assert_eq!((&record["route"], &record["model_tokens"]), (&"own".into(), &12.into()));
    let line = "blackbar_model_tokens_total{route=\"own\",source=\"provider\",workspace=\"acme\"}";
    assert_eq!(proxy.metric(line), 12.0);
    // Its budget is used up there, and what stays on the first route costs nothing.
    assert_eq!((asks("{}").await.status, asks(card).await.status), (200, 429));

    let upstream = Upstream::fixed(ok("application/json", ANSWERED)).await;
    let proxy = rerouting(&upstream, "dialect = \"openai\"\n", "");
    let mut client = proxy.client().await;
    let answer = client.post("/cloud/ask", "application/json", card).await;
    let record = record_of(&proxy, answer.header("x-request-id"));
    assert_eq!((&record["route"], &record["model_tokens"]), (&"own".into(), &Value::Null), "{record}");
    assert_eq!(client.post("/cloud/ask", "application/json", "{}").await.status, 200);
    assert_eq!(client.post("/cloud/ask", "application/json", "{}").await.status, 429);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_never_answers_counts_by_what_it_was_sent() {
    let silent = std::sync::atomic::AtomicBool::new(true);
    let mut upstream = Upstream::answering(move |_| match silent.swap(false, std::sync::atomic::Ordering::Relaxed) {
        true => Reply::Silence,
        false => Reply::Reset(Vec::new()),
    })
    .await;
    let proxy = limited(&upstream, 8);
    let mut leaving = proxy.client().await;
    let head = format!("POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n");
    leaving.write(&format!("{head}Content-Length: 13\r\n\r\n{{\"input\":\"x\"}}")).await;
    upstream.request().await;
    assert_eq!(counted(&proxy, "estimate"), 0.0);
    drop(leaving);
    within(async {
        while counted(&proxy, "estimate") < 4.0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let mut client = proxy.client().await;
    let answer = client.post(CHAT, "application/json", "{\"input\":\"xyz\"}").await;
    assert_eq!(answer.status, 502);
    assert_eq!(record_of(&proxy, answer.header("x-request-id"))["model_tokens"], 4);
    assert_eq!((counted(&proxy, "estimate"), counted(&proxy, "provider")), (8.0, 0.0));
    assert_eq!(proxy.client().await.post(CHAT, "application/json", "{}").await.status, 429);

    // Where nobody is, nothing was sent; nor is a question that was refused.
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let rules = "version = 1\npacks = [\"pci\"]\n[actions]\nCREDIT_CARD = \"block\"\n";
    let test = TestProxy::new().audited().workspace("acme", rules).settings(&budget(1));
    let proxy = test.route("/", nobody, |_| {}).start();
    for (body, status) in [("{}", 502), ("{\"a\":\"4111 1111 1111 1111\"}", 403), ("{}", 502)] {
        assert_eq!(proxy.client().await.post(CHAT, "application/json", body).await.status, status);
    }
    assert_eq!(counted(&proxy, "estimate"), 0.0);
}
