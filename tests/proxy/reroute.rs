//! The action `reroute`: a request that a rule sends elsewhere goes there whole, and nothing of it to where it was sent for.

use std::io::Write;

use serde_json::{Value, json};

use crate::audit::record_of;
use crate::letters::items;
use crate::support::proxy::Running;
use crate::support::upstream::{Received, ok};
use crate::support::{Reply, TestProxy, Upstream};

const RULES: &str = "version = 1\npacks = [\"pci\", \"contact\", \"us-pii\"]\n[actions]\nCREDIT_CARD = \"reroute\"\n\
                     PHONE = { reroute = \"mask\" }\nUS_SSN = \"block\"\n\
                     EMAIL = { request = \"tokenize\", response = \"mask-domain\" }\n";
const CARD: &str = "4111 1111 1111 1111";
const MAIL: &str = "jane.doe@example.com";

/// Two routes, the first of which sends requests to the second.
async fn proxy(first: &Upstream, second: &Upstream, more: &str) -> Running {
    let routes = format!(
        "[[route]]\nname = \"cloud\"\npath = \"/cloud\"\nupstream = \"{}\"\n\
         reroute = {{ upstream = \"own\", model = \"llama \\\"3\\\"\" }}\ninject = {{ Authorization = {{ file = \"cloud.key\" }} }}\n\
         [[route]]\nname = \"own\"\npath = \"/own\"\nupstream = \"{}\"\ndrop = [\"$.metadata\"]\n\
         inject = {{ Authorization = {{ file = \"own.key\" }} }}\n{more}",
        first.url(),
        second.url(),
    );
    let proxy = TestProxy::new().audited().workspace("acme", RULES).tables(&routes);
    for name in ["cloud", "own"] {
        std::fs::write(proxy.pki.file(&format!("{name}.key")), format!("{name}-credential")).unwrap();
    }
    proxy.start()
}

fn chat(text: &str, stream: bool) -> String {
    let message = json!({"role": "user", "content": text});
    json!({"model": "gpt-5", "stream": stream, "metadata": {"a": "b"}, "messages": [message]}).to_string()
}

fn content(received: &Received) -> String {
    let body: Value = serde_json::from_slice(&received.body).unwrap();
    body["messages"][0]["content"].as_str().unwrap().to_owned()
}

/// Says what it was asked, streamed.
async fn streaming() -> Upstream {
    Upstream::answering(|received| {
        let said: Vec<char> = format!("about {}", content(received)).chars().collect();
        let deltas = said.chunks(3).map(|piece| {
            let delta = json!({"index": 0, "delta": {"content": piece.iter().collect::<String>()}});
            format!("data: {}\n\n", json!({"object": "chat.completion.chunk", "choices": [delta]}))
        });
        Reply::Bytes(ok("text/event-stream", deltas.collect::<String>() + "data: [DONE]\n\n"))
    })
    .await
}

fn said(stream: &str) -> String {
    let events = stream.lines().filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok());
    events.filter_map(|event| Some(event["choices"][0]["delta"]["content"].as_str()?.to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_goes_where_the_rule_sends_it_and_nothing_where_it_was_sent_for() {
    let (mut first, mut second) = (streaming().await, streaming().await);
    let proxy = proxy(&first, &second, "").await;
    let mut client = proxy.client().await;

    let answer = client.post("/cloud/v1/chat/completions", "application/json", chat("hello", true)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let received = first.request().await;
    assert_eq!(received.header("authorization"), Some("cloud-credential"));
    assert!(received.text().contains("\"gpt-5\"") && received.text().contains("metadata"));
    let record = record_of(&proxy, answer.header("x-request-id"));
    assert_eq!((&record["route"], &record["rerouted_from"]), (&"cloud".into(), &Value::Null));
    let before = first.bytes.lock().unwrap().len();

    let asked = format!("charge {CARD} and tell {MAIL}");
    let body = chat(&asked, true);
    let head = String::from(
        "POST /cloud/v1/chat/completions?key=client-secret&a=b&acme_token=client-secret HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         x-api-key: client-secret\r\nxi-api-key: client-secret\r\nOcp-Apim-Subscription-Key: client-secret\r\n\
         x-functions-key: client-secret\r\nx-acme-secret: client-secret\r\nmcp-session-id: client-secret\r\n\
         Idempotency-Key: once\r\nx-kept: yes\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    let pieces =
        body.as_bytes().chunks(7).map(|piece| format!("{:x}\r\n{}\r\n", piece.len(), String::from_utf8_lossy(piece)));
    let answer = client.send(head + &pieces.collect::<String>() + "0\r\n\r\n").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let received = second.request().await;
    assert_eq!(received.request_line(), "POST /v1/chat/completions?a=b HTTP/1.1");
    assert_eq!(received.header("authorization"), Some("own-credential"));
    assert_eq!((received.header("x-api-key"), received.header("x-kept")), (None, Some("yes")));
    assert_eq!(received.header("idempotency-key"), Some("once"));
    let body: Value = serde_json::from_slice(&received.body).unwrap();
    assert_eq!((&body["model"], &body["metadata"]), (&"llama \"3\"".into(), &Value::Null));
    let content = body["messages"][0]["content"].as_str().unwrap();
    assert!(content.starts_with(&format!("charge {CARD} and tell [EMAIL_")), "{content}");
    assert!(!second.saw("secret") && !second.saw("cloud-credential"));
    assert_eq!(first.bytes.lock().unwrap().len(), before, "nothing more came to the first");
    // In the answer the address is the client's again; a card is what answers' rules make of it.
    assert_eq!(said(&answer.text()), format!("about charge **** **** **** 1111 and tell {MAIL}"));

    let record = record_of(&proxy, answer.header("x-request-id"));
    assert_eq!((&record["route"], &record["rerouted_from"]), (&"own".into(), &"cloud".into()), "{record}");
    assert_eq!(record["rerouted_by"], "pci.card");
    assert_eq!(record["request"]["bytes_in"].as_u64(), Some(chat(&asked, true).len() as u64), "counted once");
    client.post("/cloud/v1/chat/completions", "application/json", chat("hello", false)).await;
    let line = "blackbar_rerouted_total{route=\"cloud\",rule=\"pci.card\",workspace=\"acme\"}";
    assert_eq!(proxy.metric(line), 1.0, "{}", proxy.telemetry.render());
    assert_eq!(proxy.metric("blackbar_self_test_failing "), 0.0);
    assert!(proxy.metric("blackbar_self_test_probes{result=\"caught\"}") > 0.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_to_be_masked_there_is_and_what_blocks_goes_nowhere() {
    let (first, mut second) = (Upstream::echo().await, Upstream::echo().await);
    let proxy = proxy(&first, &second, "").await;
    let mut client = proxy.client().await;
    let url = "/cloud/v1/chat/completions";
    client.post(url, "application/json", chat("call (212) 555-0123", false)).await;
    assert_eq!(content(&second.request().await), "call (***) ***-****");
    // A header, and a parameter, are as good as the body.
    let body = chat("x", false);
    for (query, field) in [("?card=4111111111111111", ""), ("", "x-note: 4111111111111111\r\n")] {
        let head =
            format!("POST {url}{query} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{field}");
        client.send(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len())).await;
        assert!(second.request().await.head.contains("4111111111111111"));
    }
    // Encoded bodies are read, and go as they came.
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(chat(CARD, false).as_bytes()).unwrap();
    let zipped = encoder.finish().unwrap();
    let head = format!(
        "POST {url} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n"
    );
    let mut message = format!("{head}Content-Length: {}\r\n\r\n", zipped.len()).into_bytes();
    message.extend_from_slice(&zipped);
    client.send(message).await;
    let mut plain = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&second.request().await.body[..]), &mut plain)
        .unwrap();
    assert!(String::from_utf8(plain).unwrap().contains(CARD));

    let answer = client.post(url, "application/json", chat(&format!("{CARD} and 078-05-1120"), false)).await;
    assert_eq!((answer.status, first.is_untouched()), (403, true), "{}", answer.text());
    assert!(!second.saw("078-05-1120"));
    // The route that takes them is a route like others.
    let answer = client.post("/own/v1/chat/completions", "application/json", chat(CARD, false)).await;
    assert_eq!((answer.status, content(&second.request().await)), (200, CARD.to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_beyond_the_limit_goes_nowhere_and_without_a_way_the_action_blocks() {
    let (first, second) = (Upstream::echo().await, Upstream::echo().await);
    let more = format!("[[route]]\nname = \"plain\"\npath = \"/plain\"\nupstream = \"{}\"\n", first.url());
    let proxy = proxy(&first, &second, &more).await;
    let mut client = proxy.client().await;
    let answer = client.post("/plain", "text/plain", CARD).await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "policy_blocked"));
    let large = " ".repeat(8 << 20) + CARD;
    let answer = client.post("/cloud/x", "text/plain", &large).await;
    assert_eq!(answer.status, 413);
    assert!(first.is_untouched() && second.is_untouched());
    let mut client = proxy.client().await;
    let fits = " ".repeat((8 << 20) - CARD.len()) + CARD;
    let answer = client.post("/cloud/x", "text/plain", &fits).await;
    assert!(answer.status == 200 && first.is_untouched() && second.saw(CARD), "{}", answer.status);
}

/// What is refused of a provider that keeps nothing is refused of requests that come to it by another way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_method_without_a_body_brings_none_to_what_is_to_keep_nothing() {
    let (first, second) = (Upstream::echo().await, Upstream::echo().await);
    let proxy = proxy(&first, &second, "dialect = \"openai\"\nretention = \"none\"\n").await;
    let mut client = proxy.client().await;
    let body = chat(&format!("charge {CARD}"), false);
    let head = format!(
        "GET /cloud/v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let answer = client.send(head + &body).await;
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert!(!second.saw("4111") && !first.saw("4111"));
}

/// Rules without tokens, which take no key.
const PLAIN: &str =
    "version = 1\npacks = [\"pci\", \"us-pii\"]\n[actions]\nCREDIT_CARD = \"reroute\"\nUS_SSN = \"block\"\n";

/// A record that is dropped on the way there is judged there again, and kept once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_record_is_kept_once() {
    let (first, second) = (Upstream::echo().await, Upstream::echo().await);
    let routes = format!(
        "[[route]]\nname = \"cloud\"\npath = \"/cloud\"\nupstream = \"{}\"\non_block = \"record\"\nreroute = {{ upstream = \"own\" }}\n\
         [[route]]\nname = \"own\"\npath = \"/own\"\nupstream = \"{}\"\non_block = \"record\"\n",
        first.url(),
        second.url(),
    );
    let letters = "dead_letter = { directory = \"letters\", recipient = \"letters.pub\" }\n";
    let proxy = TestProxy::new().workspace("acme", PLAIN).settings(letters).tables(&routes);
    let (_, public) = blackbar::seal::key_pair().unwrap();
    std::fs::write(proxy.pki.file("letters.pub"), public).unwrap();
    let proxy = proxy.start();
    let kept = || items(&proxy.pki.file("letters")).into_iter().map(|item| item.description.route).collect::<Vec<_>>();
    let mut client = proxy.client().await;
    let lines = format!("{{\"a\":\"{CARD}\"}}\n{{\"a\":\"078-05-1120\"}}\n{{\"a\":\"x\"}}\n");
    let answer = client.post("/cloud/logs", "application/x-ndjson", &lines).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(second.saw(CARD) && !second.saw("078-05-1120") && first.is_untouched());
    assert_eq!(kept(), ["own"]);
    // What goes by its own route is kept too.
    let lines = "{\"a\":\"078-05-1120\"}\n{\"a\":\"x\"}\n";
    assert_eq!(client.post("/cloud/logs", "application/x-ndjson", lines).await.status, 200);
    assert!(!first.is_untouched() && !first.saw("078-05-1120"));
    assert_eq!((kept().len(), kept().contains(&"cloud".to_owned())), (2, true));
}

/// The routes that a key opens bound where a request with it may be led.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_led_to_no_route_that_it_does_not_open() {
    use sha2::{Digest, Sha256};
    let (first, second) = (Upstream::echo().await, Upstream::echo().await);
    let routes = format!(
        "[[route]]\nname = \"cloud\"\npath = \"/cloud\"\nupstream = \"{}\"\nreroute = {{ upstream = \"own\" }}\n\
         [[route]]\nname = \"own\"\npath = \"/own\"\nupstream = \"{}\"\n",
        first.url(),
        second.url(),
    );
    let mut keys = String::new();
    for (id, opened) in [("narrow", "\"cloud\""), ("wide", "\"cloud\", \"own\"")] {
        let hash: String = Sha256::digest(id).iter().map(|byte| format!("{byte:02x}")).collect();
        keys += &format!("[[workspace.api_key]]\nid = \"{id}\"\nhash = \"sha256:{hash}\"\nroutes = [{opened}]\n");
    }
    let proxy = TestProxy::new().workspace("acme", PLAIN).settings(&keys).tables(&routes);
    let proxy = proxy.policy(|policy| policy.listeners[0].api_keys = Some("x-blackbar-key".to_owned())).start();
    let mut client = proxy.client().await;
    let mut asks = async |key: &str| {
        let head = format!(
            "POST /cloud/x HTTP/1.1\r\nHost: localhost\r\nx-blackbar-key: {key}\r\nContent-Type: text/plain\r\n"
        );
        client.send(format!("{head}Content-Length: {}\r\n\r\n{CARD}", CARD.len())).await
    };
    let answer = asks("narrow").await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "policy_blocked"));
    assert!(first.is_untouched() && second.is_untouched());
    assert_eq!(asks("wide").await.status, 200);
    assert!(first.is_untouched() && second.saw(CARD));
}
