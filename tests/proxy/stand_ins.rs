//! Stand-ins through the proxy: the upstream works with an address and a number that are nobody's, the client reads its own.

use serde_json::{Value, json};

use crate::support::upstream::ok;
use crate::support::{Reply, TestProxy, Upstream};

const RULES: &str = "version = 1\npacks = [\"pci\", \"contact\"]\n[actions]\nEMAIL = { request = \"stand-in\", response = \"block\" }\n\
                     PHONE = \"stand-in\"\nCREDIT_CARD = { request = \"stand-in\", response = \"block\" }\n";
const SETTINGS: &str =
    "key = { file = \"acme.key32\" }\nrestore = { entities = [\"EMAIL\", \"PHONE\", \"CREDIT_CARD\"] }\n";
const TEXT: &str = "Charge 4111 1111 1111 1111, write to jane.doe@acme.test, call (212) 555-0123.";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_reads_its_values_and_the_upstream_has_others_of_their_shape() {
    let mut upstream = Upstream::answering(|received| {
        let body: Value = serde_json::from_slice(&received.body).unwrap();
        let asked = body["messages"][0]["content"].as_str().unwrap();
        // As models do: groups set apart otherwise, an address in capitals, and one of them in a link.
        let card: String = asked[7..26].chars().filter(char::is_ascii_digit).collect();
        let mail = asked.split(" to ").nth(1).unwrap().split(',').next().unwrap();
        let said = format!("{asked} Again: {card}, {}; https://h.test/?q={mail}", mail.to_uppercase());
        let letters: Vec<char> = said.chars().collect();
        let size = body["size"].as_u64().unwrap() as usize;
        let event = |piece: &[char]| {
            let delta = json!({"index": 0, "delta": {"content": piece.iter().collect::<String>()}});
            format!("data: {}\n\n", json!({"object": "chat.completion.chunk", "choices": [delta]}))
        };
        Reply::Bytes(ok("text/event-stream", letters.chunks(size).map(event).collect::<String>() + "data: [DONE]\n\n"))
    })
    .await;
    let proxy = TestProxy::new().workspace("acme", RULES).settings(SETTINGS);
    std::fs::write(proxy.pki.file("acme.key32"), [5; 32]).unwrap();
    let proxy = proxy.upstream(&upstream).start();
    let mut client = proxy.client().await;
    for size in [1, 2, 3, 7, 1000] {
        let body = json!({"model": "m", "stream": true, "size": size, "messages": [{"role": "user", "content": TEXT}]});
        let answer = client.post("/v1/chat/completions", "application/json", body.to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let received = upstream.request().await;
        let asked: Value = serde_json::from_slice(&received.body).unwrap();
        let asked = asked["messages"][0]["content"].as_str().unwrap().to_owned();
        assert!(
            asked.starts_with("Charge 9999 ") && asked.contains("@example.com, call (") && asked.contains(" 555-01"),
            "{asked}"
        );
        let mail = asked.split(" to ").nth(1).unwrap().split(',').next().unwrap();
        let text = answer.text();
        let events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok());
        let said: String =
            events.filter_map(|event| Some(event["choices"][0]["delta"]["content"].as_str()?.to_owned())).collect();
        let expected = format!("{TEXT} Again: 4111 1111 1111 1111, jane.doe@acme.test; https://h.test/?q={mail}");
        assert_eq!(said, expected, "{size}");
    }
    for value in ["4111 1111", "jane.doe", "(212) 555-0123"] {
        assert!(!upstream.saw(value), "{value}");
    }
    let count = |result: &str| {
        proxy.metric(&format!("blackbar_tokens_total{{result=\"{result}\",route=\"root\",workspace=\"acme\"}}"))
    };
    assert!(count("minted") >= 12.0 && count("withheld") >= 4.0, "{} {}", count("minted"), count("withheld"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_encoded_in_a_target_or_a_field_has_one_stand_in_that_opens_as_itself() {
    let mut upstream = Upstream::answering(|received| {
        let line = received.request_line().to_owned();
        let mail = line.split("q=").nth(1).unwrap().split([' ', '&']).next().unwrap().replace("%40", "@");
        let delta = json!({"object": "chat.completion", "choices": [{"index": 0, "message": {"content": format!("to {mail}")}}]});
        Reply::Bytes(ok("application/json", delta.to_string()))
    })
    .await;
    let proxy = TestProxy::new().workspace("acme", RULES).settings(SETTINGS);
    std::fs::write(proxy.pki.file("acme.key32"), [5; 32]).unwrap();
    let proxy = proxy.upstream(&upstream).start();
    let mut client = proxy.client().await;
    for query in
        ["q=jane.doe%40acme.test", "q=jane%2Edoe@acme.test", "q=jane.doe%2540acme.test", "q=jane.doe@acme.test"]
    {
        let target = format!("/v1/chat/completions?{query}");
        let request = format!(
            "POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             X-Note: see https://h.test/?to=jane.doe%40acme.test\r\nContent-Length: 2\r\n\r\n{{}}"
        );
        let answer = client.send(request).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let received = upstream.request().await;
        let plain = |text: &str| text.replace("%2540", "@").replace("%40", "@");
        let line = plain(received.request_line());
        let sent = line.split("q=").nth(1).unwrap().split(' ').next().unwrap();
        let field = plain(received.header("x-note").unwrap());
        assert!(sent.ends_with("@example.com") && field.ends_with(&format!("to={sent}")), "{line} {field}");
        if !query.contains("%25") {
            let said: Value = serde_json::from_slice(&answer.body).unwrap();
            assert_eq!(said["choices"][0]["message"]["content"], "to jane.doe@acme.test", "{query}");
        }
    }
    assert!(!upstream.saw("jane.doe") && !upstream.saw("jane%2Edoe"));
}
