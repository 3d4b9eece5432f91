//! Model streams that end early, at each of their events: what was held never appears, and the client sees that it is not
//! the whole answer.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::task::JoinSet;

use crate::support::client::Answer;
use crate::support::{Client, Reply, TestProxy, Upstream};

const RULES: &str = "version = 1\npacks = [\"pci\", \"contact\"]\n";
const TEXT: &str = "Your card 4111 1111 1111 1111 is known to jane@example.com, 4111 1111 1111 1111";
const REDACTED: &str = "Your card **** **** **** 1111 is known to jane@***, **** **** **** 1111";
/// Characters of a fragment.
const SIZE: usize = 9;

/// How a stream ends behind an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    /// The connection closes.
    Closed,
    Reset,
    /// Nothing more comes.
    Silence,
    /// The body ends as bodies do.
    Clean,
}

/// A protocol: its path and type, an event that brings text, where in it the text stands, what comes behind the last.
struct Protocol {
    path: &'static str,
    kind: &'static str,
    event: fn(&str) -> String,
    place: &'static str,
    last: &'static str,
}

const PROTOCOLS: [Protocol; 5] = [
    Protocol {
        path: "/v1/chat/completions",
        kind: "text/event-stream",
        event: |text| sse("", &json!({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]})),
        place: "/choices/0/delta/content",
        last: "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    },
    Protocol {
        path: "/v1/responses",
        kind: "text/event-stream",
        event: |text| {
            let event = json!({"type": "response.output_text.delta", "output_index": 0, "delta": text});
            sse("event: response.output_text.delta\n", &event)
        },
        place: "/delta",
        last: "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{}}\n\n",
    },
    Protocol {
        path: "/v1/messages",
        kind: "text/event-stream",
        event: |text| {
            let delta = json!({"type": "text_delta", "text": text});
            let event = json!({"type": "content_block_delta", "index": 0, "delta": delta});
            sse("event: content_block_delta\n", &event)
        },
        place: "/delta/text",
        last: "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
    },
    Protocol {
        path: "/v1beta/models/m:streamGenerateContent?alt=sse",
        kind: "text/event-stream",
        event: |text| sse("", &json!({"candidates": [{"content": {"parts": [{"text": text}], "role": "model"}}]})),
        place: "/candidates/0/content/parts/0/text",
        last: "data: {\"candidates\":[{\"finishReason\":\"STOP\"}]}\n\n",
    },
    Protocol {
        path: "/api/chat",
        kind: "application/x-ndjson",
        event: |text| {
            format!("{}\n", json!({"model": "m", "message": {"role": "assistant", "content": text}, "done": false}))
        },
        place: "/message/content",
        last: "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":true}\n",
    },
];

fn sse(name: &str, data: &Value) -> String {
    format!("{name}data: {data}\n\n")
}

impl Protocol {
    fn events(&self) -> Vec<String> {
        let parts = TEXT.as_bytes().chunks(SIZE).map(|part| std::str::from_utf8(part).unwrap());
        parts.map(self.event).chain([self.last.to_owned()]).collect()
    }

    /// The text that an answer's events spell.
    fn spelled(&self, answer: &Answer) -> String {
        let text = answer.text();
        let data = text.lines().map(|line| line.strip_prefix("data: ").unwrap_or(line));
        let events = data.filter_map(|data| serde_json::from_str::<Value>(data).ok());
        events.filter_map(|event| event.pointer(self.place)?.as_str().map(str::to_owned)).collect()
    }

    async fn ask(&self, mut client: Client, end: End, count: usize) -> Answer {
        let body = r#"{"model":"m","stream":true,"messages":[]}"#;
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: localhost\r\nX-End: {end:?} {count}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.path,
            body.len()
        );
        client.send(head).await
    }
}

/// So many events of the protocol that is asked for, and an end as the request says.
fn answer(head: &str, open: &Mutex<Vec<UnboundedSender<Vec<u8>>>>) -> Reply {
    let path = head.split(' ').nth(1).unwrap();
    let protocol = PROTOCOLS.iter().find(|protocol| protocol.path == path).unwrap();
    let line = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("x-end: ").map(str::to_owned));
    let line = line.unwrap();
    let (end, count) = line.split_once(' ').unwrap();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {}\r\nTransfer-Encoding: chunked\r\n\r\n", protocol.kind);
    let chunks = protocol.events().into_iter().take(count.trim().parse().unwrap());
    let chunks = chunks.map(|event| format!("{:x}\r\n{event}\r\n", event.len()));
    let mut bytes = chunks.fold(head, |bytes, chunk| bytes + &chunk).into_bytes();
    match end {
        "closed" => Reply::Close(bytes),
        "reset" => Reply::Reset(bytes),
        "silence" => {
            let (pieces, script) = mpsc::unbounded_channel();
            pieces.send(bytes).unwrap();
            open.lock().unwrap().push(pieces);
            Reply::Pieces(script)
        }
        _ => {
            bytes.extend_from_slice(b"0\r\n\r\n");
            Reply::Bytes(bytes)
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_ends_early_at_any_event_is_no_whole_one_and_shows_nothing_held() {
    let open = Mutex::new(Vec::new());
    let upstream = Upstream::answering(move |received| answer(&received.head, &open)).await;
    let proxy = TestProxy::new()
        .workspace("acme", RULES)
        .upstream(&upstream)
        .policy(|policy| policy.timeouts.upstream_idle = Duration::from_millis(100))
        .start();
    let proxy = Arc::new(proxy);
    let mut asked = JoinSet::new();
    for (at, protocol) in PROTOCOLS.iter().enumerate() {
        let all = protocol.events().len();
        for end in [End::Closed, End::Reset, End::Silence, End::Clean] {
            for count in 0..=all {
                let proxy = Arc::clone(&proxy);
                asked.spawn(async move {
                    let client = proxy.client().await;
                    (at, end, count, PROTOCOLS[at].ask(client, end, count).await)
                });
            }
        }
    }
    while let Some(answered) = asked.join_next().await {
        let (at, end, count, answer) = answered.unwrap();
        let protocol = &PROTOCOLS[at];
        let (whole, what) = (count == protocol.events().len(), format!("{} {end:?} {count}", protocol.path));
        let said = protocol.spelled(&answer);
        assert!(REDACTED.starts_with(&said), "{what}: {said}");
        let fails = answer.status != 200 || (!answer.complete && answer.text().contains("error"));
        match end {
            End::Clean if whole => assert_eq!((said.as_str(), answer.complete), (REDACTED, true), "{what}"),
            // The end of a body that says nothing of a text's end: what was held of that is missing, and missed.
            End::Clean => {
                let came = TEXT.len().min(count * SIZE);
                let missing = count > 0 && said.len() < came.min(REDACTED.len());
                assert!(fails || !missing, "{what}: {}", answer.text());
            }
            End::Closed | End::Reset | End::Silence => assert!(fails, "{what}: {}", answer.text()),
        }
    }
}
