//! AWS's event streams beside `aws-smithy-eventstream`, which the vendor's own clients read them with.

use aws_smithy_eventstream::frame::{read_message_from, write_message_to};
use aws_smithy_types::DateTime;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use blackbar::body::{BodyInspector, BodySpec, Dialect};
use serde_json::{Value, json};

use super::super::fixtures::spec;
use super::{FILLERS, Side, run};

const KIND: &str = "application/vnd.amazon.eventstream";

/// Headers of every type, behind those that say what it is.
fn headers(side: &mut Side, kind: &'static str) -> Vec<Header> {
    let says = [(":event-type", kind), (":content-type", "application/json"), (":message-type", "event")];
    let text = |text: &'static str| HeaderValue::String(text.into());
    let mut headers: Vec<Header> = says.into_iter().map(|(name, value)| Header::new(name, text(value))).collect();
    for number in 0..side.below(4) {
        let value = match side.below(8) {
            0 => HeaderValue::Bool(side.below(2) == 0),
            1 => HeaderValue::Byte(-1),
            2 => HeaderValue::Int16(-2),
            3 => HeaderValue::Int32(3),
            4 => HeaderValue::Int64(9_007_199_254_740_993),
            5 => HeaderValue::Timestamp(DateTime::from_secs(1_700_000_000)),
            6 => HeaderValue::Uuid(0xaaaa_bbbb_cccc_dddd_eeee_ffff_abcd_efab),
            _ => text("plain"),
        };
        headers.push(Header::new(["one", "two", "three", "four"][number], value));
    }
    headers
}

fn message(side: &mut Side) -> Message {
    let event = json!({"note": side.text(FILLERS), "list": [side.text(FILLERS), 1.5], "n": 9_007_199_254_740_993_u64});
    match side.below(3) {
        0 => {
            let bytes = json!({"bytes": STANDARD.encode(event.to_string())}).to_string();
            Message::new_from_parts(headers(side, "chunk"), bytes.into_bytes())
        }
        _ => Message::new_from_parts(headers(side, "somethingNew"), event.to_string().into_bytes()),
    }
}

fn written(messages: &[Message]) -> Vec<u8> {
    let mut bytes = Vec::new();
    messages.iter().for_each(|message| write_message_to(message, &mut bytes).unwrap());
    bytes
}

/// Headers, and payloads with what they have in base64, of messages whose sums are right.
fn read(mut bytes: &[u8]) -> Vec<(Vec<Header>, Value)> {
    let mut read = Vec::new();
    while !bytes.is_empty() {
        let message = read_message_from(&mut bytes).unwrap();
        let payload: Value = serde_json::from_slice(message.payload()).unwrap();
        let inside = payload["bytes"].as_str().map(|bytes| STANDARD.decode(bytes).unwrap());
        let payload = inside.map_or(payload, |inside| serde_json::from_slice(&inside).unwrap());
        read.push((message.headers().to_vec(), payload));
    }
    read
}

#[test]
fn messages() {
    run(61, 400, |choices, plant| {
        let [given, wanted] = choices.both(plant, |side| {
            let messages: Vec<Message> = (0..1 + side.below(5)).map(|_| message(side)).collect();
            written(&messages)
        });
        let inspector = BodyInspector::new(BodySpec { dialect: Dialect::Bedrock, ..spec(KIND) }).unwrap();
        let out = choices.pushed(inspector, &given);
        assert_eq!(read(&out), read(&wanted));
        assert!(plant || out == given);
    });
}
