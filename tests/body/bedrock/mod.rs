//! AWS Bedrock: event streams as AWS frames them, what models say in them, and the documents of both directions.

mod documents;
mod frames;
mod streams;

use blackbar::body::{BodyErrorKind, BodyInspector, BodyLimits, BodySpec, Dialect, Direction};

use super::fixtures::spec;

/// A header: its name, type and value as they stand on the wire.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Header {
    name: Vec<u8>,
    kind: u8,
    value: Vec<u8>,
}

/// A message.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Message {
    headers: Vec<Header>,
    payload: Vec<u8>,
}

fn crc(bytes: &[u8]) -> [u8; 4] {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum().to_be_bytes()
}

fn string(name: &str, value: &str) -> Header {
    let length = u16::try_from(value.len()).unwrap().to_be_bytes();
    Header { name: name.into(), kind: 7, value: [&length, value.as_bytes()].concat() }
}

/// These headers as they stand on the wire.
fn section(headers: &[Header]) -> Vec<u8> {
    let one = |header: &Header| {
        [&[u8::try_from(header.name.len()).unwrap()], &header.name[..], &[header.kind], &header.value].concat()
    };
    headers.iter().flat_map(one).collect()
}

/// A message around a header section and a payload.
fn framed(section: &[u8], payload: &[u8]) -> Vec<u8> {
    let total = u32::try_from(16 + section.len() + payload.len()).unwrap().to_be_bytes();
    let mut bytes = [total, u32::try_from(section.len()).unwrap().to_be_bytes()].concat();
    bytes.extend(crc(&bytes));
    bytes.extend_from_slice(section);
    bytes.extend_from_slice(payload);
    bytes.extend(crc(&bytes));
    bytes
}

/// An event of this type.
fn event(kind: &str, json: &str) -> Vec<u8> {
    let headers =
        [string(":event-type", kind), string(":content-type", "application/json"), string(":message-type", "event")];
    framed(&section(&headers), json.as_bytes())
}

/// An event of a model's own in a chunk, with the padding that Bedrock puts beside it.
fn chunk(json: &str) -> Vec<u8> {
    event(
        "chunk",
        &format!(
            "{{\"bytes\":\"{}\",\"p\":\"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123\"}}",
            base64(json.as_bytes())
        ),
    )
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0, |bits, at| bits << 8 | u32::from(group.get(at).copied().unwrap_or(0)));
        let letters = (0..4).map(|at| char::from(ALPHABET[(bits >> (18 - 6 * at) & 63) as usize]));
        text.extend(letters.enumerate().map(|(at, letter)| if at > group.len() { '=' } else { letter }));
    }
    text
}

fn from_base64(text: &str) -> Vec<u8> {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    assert_eq!(text.len() % 4, 0, "whole groups");
    let mut bytes = Vec::new();
    for group in text.as_bytes().chunks(4) {
        let letters = group.iter().filter(|letter| **letter != b'=').count();
        let bits = group.iter().fold(0, |bits, letter| {
            bits << 6 | ALPHABET.find(char::from(*letter)).map_or(0, |value| u32::try_from(value).unwrap())
        });
        bytes.extend_from_slice(&bits.to_be_bytes()[1..letters]);
    }
    bytes
}

/// Reads messages as a strict reader does: every length and every sum.
fn messages(mut bytes: &[u8]) -> Vec<Message> {
    let number = |bytes: &[u8]| u32::from_be_bytes(bytes.try_into().unwrap()) as usize;
    let mut messages = Vec::new();
    while !bytes.is_empty() {
        let (total, head) = (number(&bytes[..4]), number(&bytes[4..8]));
        assert_eq!(crc(&bytes[..8]), bytes[8..12], "the prelude's sum");
        assert_eq!(crc(&bytes[..total - 4]), bytes[total - 4..total], "the message's sum");
        let (mut rest, mut headers) = (&bytes[12..12 + head], Vec::new());
        while !rest.is_empty() {
            let name = 1 + usize::from(rest[0]);
            let kind = rest[name];
            let width = match kind {
                0 | 1 => 0,
                2..=5 => 1 << (kind - 2),
                6 | 7 => 2 + usize::from(u16::from_be_bytes([rest[name + 1], rest[name + 2]])),
                8 => 8,
                9 => 16,
                _ => panic!("no type {kind}"),
            };
            let value = rest[name + 1..name + 1 + width].to_vec();
            headers.push(Header { name: rest[1..name].to_vec(), kind, value });
            rest = &rest[name + 1 + width..];
        }
        messages.push(Message { headers, payload: bytes[12 + head..total - 4].to_vec() });
        bytes = &bytes[total..];
    }
    messages
}

impl Message {
    /// The string that a header of this name has.
    fn string(&self, name: &str) -> &str {
        let header = self.headers.iter().find(|header| header.name == name.as_bytes() && header.kind == 7);
        header.map_or("", |header| std::str::from_utf8(&header.value[2..]).unwrap())
    }

    /// The event: the payload, or what a chunk has in it.
    fn json(&self) -> serde_json::Value {
        let value: serde_json::Value = serde_json::from_slice(&self.payload).unwrap();
        match value["bytes"].as_str().filter(|_| self.string(":event-type") == "chunk") {
            Some(inside) => serde_json::from_slice(&from_base64(inside)).unwrap(),
            None => value,
        }
    }
}

fn stream_spec() -> BodySpec {
    BodySpec { dialect: Dialect::Bedrock, ..spec("application/vnd.amazon.eventstream") }
}

fn inspector() -> BodyInspector {
    BodyInspector::new(stream_spec()).unwrap()
}

fn limited(change: impl FnOnce(&mut BodyLimits)) -> BodyInspector {
    let mut spec = stream_spec();
    change(&mut spec.limits);
    BodyInspector::new(spec).unwrap()
}

/// What leaves of a body in these pieces, and how it ends.
fn run<'a>(
    inspector: &mut BodyInspector,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<u8>, Result<(), BodyErrorKind>) {
    let mut out = Vec::new();
    let pushed = pieces.into_iter().try_for_each(|piece| inspector.push(piece, &mut out));
    let end = pushed.and_then(|()| inspector.finish(&mut out));
    (out, end.map_err(|error| error.kind))
}

/// What leaves of a whole stream that passes.
fn redacted(stream: &[u8]) -> Vec<u8> {
    let (out, end) = run(&mut inspector(), [stream]);
    assert_eq!(end, Ok(()));
    out
}

/// A document in one direction, as it leaves.
fn document(direction: Direction, text: &str) -> String {
    let spec = BodySpec { dialect: Dialect::Bedrock, direction, ..spec("application/json") };
    let (out, end) = run(&mut BodyInspector::new(spec).unwrap(), [text.as_bytes()]);
    assert_eq!(end, Ok(()), "{text}");
    String::from_utf8(out).unwrap()
}

fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The text in pieces of so many characters.
fn parts(text: &str, size: usize) -> Vec<String> {
    text.chars().collect::<Vec<_>>().chunks(size).map(|part| part.iter().collect()).collect()
}
