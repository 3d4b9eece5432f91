//! The same of a session over WebSocket: behind each event the connection closes, is reset, falls silent, or is said to close.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use super::protocols::{redacted, shows};
use super::{End, RULES};
use crate::support::proxy::Running;
use crate::support::{TestProxy, within};
use crate::websocket::{AGREED, frame, open, read_frame, upstream};

const TEXT: &str = "Your card 4111 1111 1111 1111 is known to jane@example.com";
/// What grows: the name of its events, the member of the last that repeats it, and whether it is JSON.
const GROWING: [(&str, &str, bool); 3] = [
    ("response.output_text", "text", false),
    ("response.output_audio_transcript", "transcript", false),
    ("response.function_call_arguments", "arguments", true),
];
/// `Close` with no more said than that.
const CLOSE: &[u8] = b"\x88\x02\x03\xE8";

fn events(name: &str, member: &str, text: &str) -> Vec<Value> {
    let pieces = text.as_bytes().chunks(9).map(|piece| std::str::from_utf8(piece).unwrap());
    let event = |last: &str, member: &str, text: &str| {
        let place = json!({"type": format!("{name}.{last}"), "response_id": "r", "item_id": "i", "output_index": 0});
        let mut event = place;
        event["content_index"] = 0.into();
        event[member] = text.into();
        event
    };
    let mut events: Vec<Value> = pieces.map(|piece| event("delta", "delta", piece)).collect();
    events.push(event("done", member, text));
    events.push(json!({"type": "response.done", "response": {"id": "r", "output": []}}));
    events
}

/// What a client is sent behind these events and this end: the messages, and the code of the close.
async fn told(proxy: &Running, peers: &mut Peers, events: &[Value], end: End) -> (Vec<Value>, Option<u16>) {
    let (mut client, mut peer) = open(proxy, peers, "").await;
    for event in events {
        peer.stream.write_all(&frame(0x81, event.to_string().as_bytes(), false)).await.unwrap();
    }
    let mut kept = None;
    match end {
        End::Clean => {
            peer.stream.write_all(CLOSE).await.unwrap();
            kept = Some(peer);
        }
        End::Silence => kept = Some(peer),
        End::Closed => drop(peer),
        End::Reset => {
            peer.stream.set_zero_linger().unwrap();
            drop(peer);
        }
    }
    let (mut messages, mut code) = (Vec::new(), None);
    while let Some((first, _, payload)) = within(read_frame(&mut client.stream)).await {
        match first {
            0x81 => messages.push(serde_json::from_slice(&payload).unwrap()),
            _ => {
                code = Some(u16::from_be_bytes([payload[0], payload[1]]));
                let _ = client.stream.write_all(&frame(0x88, &payload, true)).await;
            }
        }
    }
    drop(kept);
    (messages, code)
}

type Peers = tokio::sync::mpsc::UnboundedReceiver<crate::websocket::Peer>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_ends_early_at_any_event_shows_nothing_held() {
    let (address, mut peers) = upstream(AGREED).await;
    let start = |total| {
        let proxy = TestProxy::new().workspace("acme", RULES).route("/", address, |_| {});
        proxy.policy(move |policy| policy.timeouts.total = total).start()
    };
    let (patient, hasty) = (start(Duration::from_secs(600)), start(Duration::from_millis(50)));
    for (name, member, is_json) in GROWING {
        let text = if is_json { json!({ "note": TEXT }).to_string() } else { TEXT.to_owned() };
        let all = events(name, member, &text);
        for end in [End::Closed, End::Reset, End::Silence, End::Clean] {
            let proxy = if end == End::Silence { &hasty } else { &patient };
            for count in 0..=all.len() {
                let (messages, code) = told(proxy, &mut peers, &all[..count], end).await;
                let what = format!("{name} {end:?} {count}: {code:?} {messages:?}");
                let said: String = messages.iter().filter_map(|message| message["delta"].as_str()).collect();
                assert!(redacted(&text).starts_with(&said), "{what}");
                assert!(!messages.iter().any(|message| shows(&message.to_string())), "{what}");
                let came: String = all[..count].iter().filter_map(|event| event["delta"].as_str()).collect();
                let fails = messages.last().is_some_and(|last| last["type"] == "error") && code != Some(1000);
                match end {
                    End::Clean if said == redacted(&came) => assert_eq!((fails, code), (false, Some(1000)), "{what}"),
                    _ => assert!(fails, "{what}"),
                }
            }
        }
    }
}
