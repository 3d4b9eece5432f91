//! Calls of tools that wait for a person: MCP's as requests, models' as answers, which are handed over once.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::quarantine::{admin, ask, people, release};
use crate::support::client::Answer;
use crate::support::pki::Name;
use crate::support::proxy::Running;
use crate::support::upstream::ok;
use crate::support::{Client, Reply, TestProxy, Upstream, within};

const RULES: &str = "version = 1\npacks = [\"contact\"]\n[actions]\nEMAIL = { request = \"tokenize\", response = \"mask-domain\" }\n\
                     [[tool]]\nname = \"send_*\"\naction = \"hold\"\n[[tool]]\nname = \"send_money\"\naction = \"block\"\n";
const WHOLE: &str = "request = { mode = \"buffer\" }\nresponse = { mode = \"buffer\" }\n";
const ASKED: &str =
    r#"{"model":"m","messages":[{"role":"user","content":"write to jane@example.com, and to nobody else"}]}"#;

fn holding(rules: &str, routes: &str) -> TestProxy {
    let test = TestProxy::new();
    std::fs::write(test.pki.file("quarantine.key32"), [9; 32]).unwrap();
    test.workspace("acme", rules)
        .workspace("beta", rules)
        .settings("tokens = \"placeholder\"\nrestore = { tools = [\"send_email\"] }\n")
        .audited()
        .route_settings(routes)
        .tables(&people())
        .tables("[quarantine]\nstore = \"held\"\nkey = { file = \"quarantine.key32\" }\n")
}

/// A model that calls a tool with the address that it was given, whole or in an event stream; and how often it was asked.
async fn model(tool: &'static str) -> (Upstream, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let upstream = Upstream::answering(move |received| {
        counted.fetch_add(1, Ordering::SeqCst);
        let body: Value = serde_json::from_slice(&received.body).unwrap();
        let text = body["messages"][0]["content"].as_str().unwrap();
        let to = text.split(['[', ']']).nth(1).map_or("nobody".to_owned(), |token| format!("[{token}]"));
        let arguments = json!({"to": to, "text": "mail joan@example.com"}).to_string();
        let call = |arguments: &str| json!([{"index": 0, "id": "c1", "type": "function", "function": {"name": tool, "arguments": arguments}}]);
        let choice = |name: &str, said: Value| json!({"id": "1", "object": "chat.completion", "choices": [{"index": 0, name: said, "finish_reason": null}]});
        if body["stream"] == json!(true) {
            let (left, right) = arguments.split_at(9);
            let part = |arguments: &str| json!({"tool_calls": [{"index": 0, "function": {"arguments": arguments}}]});
            let all = [
                choice("delta", json!({"content": "I will."})),
                choice("delta", json!({"tool_calls": call("")})),
                choice("delta", part(left)),
                choice("delta", part(right)),
            ];
            let events: String = all.iter().map(|event| format!("data: {event}\n\n")).collect();
            return Reply::Bytes(ok("text/event-stream", events + "data: [DONE]\n\n"));
        }
        let whole = choice("message", json!({"role": "assistant", "content": "I will.", "tool_calls": call(&arguments)}));
        // As models write it: the name before the arguments.
        let quoted = json!(arguments).to_string();
        let sorted = format!("{{\"arguments\":{quoted},\"name\":\"{tool}\"}}");
        let named = format!("{{\"name\":\"{tool}\",\"arguments\":{quoted}}}");
        Reply::Bytes(ok("application/json", whole.to_string().replace(&sorted, &named)))
    })
    .await;
    (upstream, asked)
}

async fn post(proxy: &Running, item: Option<&str>, body: &str) -> Answer {
    // Who is refused before the request was read has no connection left.
    post_by(&mut proxy.client().await, item, body).await
}

async fn post_by(client: &mut Client, item: Option<&str>, body: &str) -> Answer {
    let item = item.map(|item| format!("x-blackbar-item: {item}\r\n")).unwrap_or_default();
    let length = body.len();
    let head = "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    client.send(format!("{head}{item}Content-Length: {length}\r\n\r\n{body}")).await
}

/// Asks, is told that the answer is held, and gives its item.
async fn held(proxy: &Running, body: &str) -> String {
    let answer = post(proxy, None, body).await;
    assert_eq!(answer.status, 403, "{}", answer.text());
    let error: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(error["error"]["code"], "quarantined", "{error}");
    let item = answer.header("x-blackbar-item").unwrap().to_owned();
    assert!(error["error"]["message"].as_str().unwrap().ends_with(&item), "{error}");
    assert!(!answer.text().contains("send_email") && !answer.text().contains("I will"), "{}", answer.text());
    item
}

/// What an answer says, and the arguments of its call, whole or added up.
fn spelled(text: &str) -> (String, String) {
    let whole = serde_json::from_str::<Value>(text).ok();
    let events = text.lines().filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok());
    let (mut said, mut arguments) = (String::new(), String::new());
    for part in whole.into_iter().chain(events) {
        let choice = &part["choices"][0];
        for message in [&choice["message"], &choice["delta"]] {
            said += message["content"].as_str().unwrap_or_default();
            arguments += message["tool_calls"][0]["function"]["arguments"].as_str().unwrap_or_default();
        }
    }
    (said, arguments)
}

async fn state(proxy: &Running, id: &str, wanted: &str) {
    let at = admin(proxy);
    within(async { while ask(&at, "vera", "GET", &format!("/quarantine/{id}"), None).await.1["state"] != wanted {} })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_calls_a_tool_is_handed_over_once_a_person_lets_it() {
    let (upstream, asked) = model("send_email").await;
    let proxy = holding(RULES, WHOLE).upstream(&upstream).start();
    let at = admin(&proxy);
    for (turn, streamed) in [false, true].into_iter().enumerate() {
        let body = if streamed { ASKED.replacen('{', "{\"stream\":true,", 1) } else { ASKED.to_owned() };
        let id = held(&proxy, &body).await;
        for entry in std::fs::read_dir(proxy.pki.file("held")).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            for text in ["I will", "joan@", "send_email\\\"", "completions"] {
                assert!(!bytes.windows(text.len()).any(|window| window == text.as_bytes()), "{text} is at rest");
            }
        }
        let (_, item) = ask(&at, "vera", "GET", &format!("/quarantine/{id}"), None).await;
        assert_eq!((&item["state"], &item["answer"], &item["method"]), (&json!("held"), &json!(true), &json!("POST")));
        let found = item["findings"].as_array().unwrap();
        let call = json!({"rule": "tool.send_*", "entity": "TOOL_CALL", "action": "quarantine", "count": 1});
        assert!(found.contains(&call), "{found:?}");
        let (status, preview) = ask(&at, "rita", "GET", &format!("/quarantine/{id}/preview"), None).await;
        let shown = preview["preview"].as_str().unwrap_or_default();
        assert_eq!(status, 200, "{preview}");
        assert!(shown.contains("send_email") && shown.contains("joan@***"), "masked as it would go on: {shown}");
        assert!(!shown.contains("joan@example") && !shown.contains("jane@"), "{shown}");

        let answer = post(&proxy, Some(&id), &body).await;
        let error: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!((answer.status, &error["error"]["code"]), (409, &json!("item_waits")), "{error}");
        let order = Some(json!({ "reason": "mine" }));
        let (status, refused) = ask(&at, "own", "POST", &format!("/quarantine/{id}/release"), order).await;
        assert_eq!((status, &refused["code"]), (403, &json!("own_request")));
        let (status, cleared) = release(&at, "rita", &id).await;
        assert_eq!((status, &cleared["state"]), (200, &json!("cleared")));
        assert_eq!(release(&at, "rita", &id).await.1["state"], "cleared", "asked again, it says the same");

        let mut other = proxy.client_named(&[Name::Uri("spiffe://beta.example/agent")]).await;
        assert_eq!(post_by(&mut other, Some(&id), &body).await.status, 404, "it is acme's");

        let answer = post(&proxy, Some(&id), &body).await;
        let text = answer.text();
        assert_eq!(answer.status, 200, "{text}");
        assert!(text.contains("send_email"), "{text}");
        let (said, arguments) = spelled(&text);
        assert_eq!(said, "I will.", "{text}");
        let arguments: Value = serde_json::from_str(&arguments).unwrap();
        let expected = json!({ "to": "jane@example.com", "text": "mail joan@***" });
        assert_eq!(arguments, expected, "its token is opened, and what the model made up is masked");
        assert_eq!(text.contains("data: [DONE]"), streamed);
        assert_eq!(asked.load(Ordering::SeqCst), turn + 1, "the model is not asked again");
        state(&proxy, &id, "released").await;
        let answer = post(&proxy, Some(&id), &body).await;
        let error: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!((answer.status, &error["error"]["code"]), (410, &json!("item_over")), "{error}");
        assert_eq!(release(&at, "rita", &id).await.1["state"], "released");
        assert!(!proxy.pki.file("held").join(format!("{id}.body")).exists());
    }
    let held = proxy.metric("blackbar_quarantine_total{result=\"held\",route=\"root\",workspace=\"acme\"}");
    let cleared = proxy.metric("blackbar_quarantine_total{result=\"cleared\",route=\"root\",workspace=\"acme\"}");
    assert!((held - 2.0).abs() < 0.1 && cleared >= 2.0, "{held} {cleared}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_that_fetch_an_answer_one_has_it() {
    let (upstream, _) = model("send_email").await;
    let proxy = holding(RULES, WHOLE).upstream(&upstream).start();
    let at = admin(&proxy);
    let id = held(&proxy, ASKED).await;
    assert_eq!(release(&at, "rita", &id).await.0, 200);
    let proxy = Arc::new(proxy);
    let got = Arc::new(Mutex::new(Vec::new()));
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (proxy, id, got) = (Arc::clone(&proxy), id.clone(), Arc::clone(&got));
        asking.spawn(async move {
            let answer = post(&proxy, Some(&id), ASKED).await;
            got.lock().unwrap().push(answer.status);
        });
    }
    within(async { while asking.join_next().await.is_some() {} }).await;
    let got = got.lock().unwrap();
    let had = got.iter().filter(|status| **status == 200).count();
    assert!(had == 1 && got.iter().all(|status| matches!(status, 200 | 409 | 410)), "{got:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rules_of_now_decide_about_an_answer_too() {
    let (upstream, asked) = model("send_email").await;
    let proxy = holding(RULES, WHOLE).upstream(&upstream).start();
    let at = admin(&proxy);
    let (first, second, third) = (held(&proxy, ASKED).await, held(&proxy, ASKED).await, held(&proxy, ASKED).await);
    for id in [&first, &second] {
        assert_eq!(release(&at, "rita", id).await.1["state"], "cleared");
    }
    let rules = proxy.pki.file("acme.toml");
    std::fs::write(&rules, format!("{RULES}[[tool]]\nname = \"send_email\"\naction = \"block\"\n")).unwrap();
    proxy.reload(|text| text + "# 1\n");
    let answer = post(&proxy, Some(&first), ASKED).await;
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert!(!answer.text().contains("send_email"));
    let (_, item) = ask(&at, "vera", "GET", &format!("/quarantine/{first}"), None).await;
    assert_eq!((&item["state"], &item["code"]), (&json!("failed"), &json!("tool_blocked")));
    // What another rule holds the reviewer has not seen held.
    std::fs::write(&rules, format!("{RULES}[[tool]]\nname = \"send_email\"\naction = \"hold\"\n")).unwrap();
    proxy.reload(|text| text + "# 2\n");
    let answer = post(&proxy, Some(&second), ASKED).await;
    assert_eq!((answer.status, answer.text().contains("send_email")), (403, false));
    // Rejected, it is gone.
    let order = Some(json!({ "reason": "no" }));
    let (status, rejected) = ask(&at, "rita", "POST", &format!("/quarantine/{third}/reject"), order).await;
    assert_eq!((status, &rejected["state"]), (200, &json!("rejected")));
    assert_eq!(post(&proxy, Some(&third), ASKED).await.status, 410);
    assert_eq!(post(&proxy, Some(&"0".repeat(32)), ASKED).await.status, 404);
    assert_eq!(post(&proxy, Some("x"), ASKED).await.status, 404);
    assert_eq!(asked.load(Ordering::SeqCst), 3, "who fetches asks nobody else");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_held_is_refused_and_block_wins() {
    let (upstream, _) = model("send_email").await;
    // Answers go on as they come here: nothing of a call that is to be held may.
    let proxy = holding(RULES, "request = { mode = \"buffer\" }\n").upstream(&upstream).start();
    let answer = post(&proxy, None, ASKED).await;
    assert_eq!((answer.status, answer.text().contains("tool_blocked")), (403, true), "{}", answer.text());
    let streamed = ASKED.replacen('{', "{\"stream\":true,", 1);
    let answer = post(&proxy, None, &streamed).await;
    assert!(answer.text().contains("tool_blocked") && !answer.text().contains("[DONE]"), "{}", answer.text());
    assert!(!answer.text().contains("jane@"), "{}", answer.text());

    let (upstream, _) = model("send_money").await;
    let proxy = holding(RULES, WHOLE).upstream(&upstream).start();
    let answer = post(&proxy, None, ASKED).await;
    assert_eq!((answer.status, answer.header("x-blackbar-item")), (403, None));
    assert!(answer.text().contains("tool_blocked"), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_of_mcp_waits_as_a_request_does() {
    let upstream = Upstream::echo().await;
    let proxy = holding(RULES, WHOLE).upstream(&upstream).start();
    let at = admin(&proxy);
    let mut client = proxy.client().await;
    let call = |name: &str| {
        json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": name, "arguments": {"to": "a"}}})
            .to_string()
    };
    assert_eq!(client.post("/mcp", "application/json", call("search")).await.status, 200);
    let answer = client.post("/mcp", "application/json", call("send_money")).await;
    assert!(answer.text().contains("tool_blocked"), "{}", answer.text());
    assert!(!upstream.saw("send_money"));
    let answer = client.post("/mcp", "application/json", call("send_email")).await;
    assert!(answer.text().contains("quarantined"), "{}", answer.text());
    let id = answer.header("x-blackbar-item").unwrap().to_owned();
    assert!(!upstream.saw("send_email"));
    let (_, item) = ask(&at, "vera", "GET", &format!("/quarantine/{id}"), None).await;
    assert_eq!((&item["answer"], &item["findings"][0]["rule"]), (&json!(false), &json!("tool.send_*")));
    // It is a request's item: no answer waits under it.
    let fetching = format!(
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nx-blackbar-item: {id}\r\nContent-Length: 2\r\n\r\n{{}}"
    );
    assert_eq!(proxy.client().await.send(fetching).await.status, 404);
    let (_, preview) = ask(&at, "rita", "GET", &format!("/quarantine/{id}/preview"), None).await;
    assert!(preview["preview"].as_str().unwrap().contains("send_email"), "{preview}");
    let (status, released) = release(&at, "rita", &id).await;
    assert_eq!((status, &released["state"]), (200, &json!("released")));
    assert_eq!(release(&at, "rita", &id).await.1, released);
    let sent = String::from_utf8_lossy(&upstream.bytes.lock().unwrap()).matches("send_email").count();
    assert_eq!(sent, 1);
    // Held by one rule and refused by another by the time that it is released.
    let answer = client.post("/mcp", "application/json", call("send_email")).await;
    let id = answer.header("x-blackbar-item").unwrap().to_owned();
    std::fs::write(proxy.pki.file("acme.toml"), format!("{RULES}[[tool]]\nname = \"*\"\naction = \"block\"\n"))
        .unwrap();
    proxy.reload(|text| text + "# 1\n");
    assert_eq!(release(&at, "rita", &id).await.1["item"]["code"], "tool_blocked");
}

/// What stands between a released answer and its client for a moment ends nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_passes_by_itself_leaves_a_released_answer_to_its_client() {
    let (upstream, asked) = model("send_email").await;
    let away = Arc::new(AtomicBool::new(false));
    let is_away = Arc::clone(&away);
    let service = Upstream::answering(move |_| match is_away.load(Ordering::SeqCst) {
        true => Reply::Close(Vec::new()),
        false => Reply::Bytes(ok("application/json", r#"{"action":"allow"}"#)),
    })
    .await;
    let routes = "request = { mode = \"buffer\" }\nresponse = { mode = \"buffer\", external = [\"dlp\"] }\n";
    let external = format!(
        "[[external]]\nname = \"dlp\"\nkind = \"webhook\"\nurl = \"{}/judge\"\ncache = {{ entries = 0 }}\n",
        service.url()
    );
    let proxy = holding(RULES, routes).tables(&external).upstream(&upstream).start();
    let at = admin(&proxy);
    let id = held(&proxy, ASKED).await;
    assert_eq!(release(&at, "rita", &id).await.1["state"], "cleared");
    away.store(true, Ordering::SeqCst);
    let answer = post(&proxy, Some(&id), ASKED).await;
    assert_eq!((answer.status, answer.text().contains("external_unavailable")), (503, true), "{}", answer.text());
    state(&proxy, &id, "cleared").await;
    away.store(false, Ordering::SeqCst);
    // Stopped, the workspace gets nothing, and its reviewer sees nothing.
    let folder = proxy.pki.file("incident");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("acme.frozen"), "").unwrap();
    within(async { while post(&proxy, Some(&"0".repeat(32)), ASKED).await.status != 403 {} }).await;
    assert_eq!(post(&proxy, Some(&id), ASKED).await.status, 403);
    state(&proxy, &id, "cleared").await;
    std::fs::rename(folder.join("acme.frozen"), folder.join("acme.thawed")).unwrap();
    within(async { while post(&proxy, Some(&"0".repeat(32)), ASKED).await.status != 404 {} }).await;
    let answer = post(&proxy, Some(&id), ASKED).await;
    assert_eq!((answer.status, answer.text().contains("send_email")), (200, true), "{}", answer.text());
    state(&proxy, &id, "released").await;
    assert_eq!(asked.load(Ordering::SeqCst), 1, "the model is asked once");
}
