//! What the self-test sends: values that nobody owns, each in the spellings that are read, in the bodies of a protocol.
//!
//! Enters: a dialect and a direction. Leaves: a body with every probe in a place of its own, and from a body that went
//! through the proxy, which of the probes still stand in it as they were sent.

use std::fmt::Write as _;
use std::io::Read as _;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::body::{Dialect, Direction};

/// A value and how it is spelled.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Probe {
    /// The entity that it is one of.
    pub(crate) entity: &'static str,
    pub(crate) spelling: Spelling,
}

/// How a value is spelled.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Spelling {
    /// As people write it.
    Plain,
    /// Every character as `\uXXXX` of the JSON string that it stands in.
    Escapes,
    /// In full-width characters.
    FullWidth,
    /// Percent-encoded (RFC 3986 section 2.1), every byte.
    Percent,
    /// In base64 (RFC 4648 section 4).
    Base64,
}

impl Spelling {
    const ALL: [Self; 5] = [Self::Plain, Self::Escapes, Self::FullWidth, Self::Percent, Self::Base64];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Escapes => "escapes",
            Self::FullWidth => "full-width",
            Self::Percent => "percent",
            Self::Base64 => "base64",
        }
    }
}

/// The values, by entity: the test numbers of their makers, and names that are reserved (RFC 2606).
const VALUES: [(&str, &str); 5] = [
    ("CREDIT_CARD", "4111 1111 1111 1111"),
    ("US_SSN", "078-05-1120"),
    ("EMAIL", "jane@example.com"),
    ("PHONE", "(212) 555-0123"),
    // In two parts, so that no scanner of sources takes it for somebody's.
    ("SECRET", concat!("gh", "p_EXAMPLEkey0EXAMPLEkey0EXAMPLEkey0EXA")),
];

impl Probe {
    /// All of them.
    pub(crate) fn all() -> Vec<Self> {
        let each = VALUES.iter().flat_map(|(entity, _)| Spelling::ALL.map(|spelling| Self { entity, spelling }));
        each.collect()
    }

    /// The value as people write it.
    pub(crate) fn value(self) -> &'static str {
        VALUES.iter().find(|(entity, _)| *entity == self.entity).map_or("", |(_, value)| value)
    }

    /// The text that a reader of the body sees.
    fn text(self) -> String {
        let value = self.value();
        match self.spelling {
            Spelling::Plain | Spelling::Escapes => value.to_owned(),
            Spelling::FullWidth => value.chars().map(full_width).collect(),
            Spelling::Percent => value.bytes().fold(String::new(), |mut text, byte| {
                let _ = write!(text, "%{byte:02X}");
                text
            }),
            Spelling::Base64 => {
                use base64::Engine as _;
                base64::engine::general_purpose::STANDARD.encode(value)
            }
        }
    }

    /// The text as a JSON string.
    fn literal(self, text: &str) -> String {
        if self.spelling != Spelling::Escapes {
            return Value::from(text).to_string();
        }
        let escaped = text.chars().fold(String::new(), |mut out, c| {
            let _ = write!(out, "\\u{:04x}", u32::from(c));
            out
        });
        format!("\"{escaped}\"")
    }
}

fn full_width(c: char) -> char {
    match c {
        ' ' => '\u{3000}',
        '!'..='~' => char::from_u32(u32::from(c) + 0xFEE0).unwrap_or(c),
        other => other,
    }
}

/// A kind of body.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Carrier {
    /// One document.
    Json,
    /// The same, in gzip.
    Zipped,
    /// A line for each.
    Text,
    /// An event stream in which a model speaks a few characters at a time.
    Events,
    /// Messages of a model's WebSocket connection, in which it speaks likewise.
    Messages,
    /// Messages of syslog (RFC 5424), one for each.
    Syslog,
}

/// What bytes in gzip begin with (RFC 1952 section 2.3.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// What a message of syslog begins with.
const HEADER: &str = "<134>1 2026-01-01T00:00:00Z self-test blackbar - - - ";
/// Characters of a model's piece.
const PIECE: usize = 3;

impl Carrier {
    /// Those that a direction of a dialect has; `live` where models are spoken with over WebSocket.
    pub(crate) fn of(dialect: Dialect, direction: Direction, live: bool) -> Vec<Self> {
        let bodies: &[Self] = match (direction, dialect) {
            (Direction::Request, _) => &[Self::Json, Self::Zipped, Self::Text],
            (Direction::Response, Dialect::OpenAi | Dialect::Anthropic) => &[Self::Json, Self::Zipped, Self::Events],
            (Direction::Response, _) => &[Self::Json, Self::Zipped],
        };
        bodies.iter().copied().chain(live.then_some(Self::Messages)).collect()
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Zipped => "gzip",
            Self::Text => "text",
            Self::Events => "events",
            Self::Messages => "websocket",
            Self::Syslog => "syslog",
        }
    }

    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Json | Self::Zipped | Self::Messages => "application/json",
            Self::Text | Self::Syslog => "text/plain; charset=utf-8",
            Self::Events => "text/event-stream",
        }
    }

    /// The coding that its bytes are in.
    pub(crate) fn coding(self) -> Option<&'static str> {
        (self == Self::Zipped).then_some("gzip")
    }

    /// A body as its reader sees it; a refusal comes as it is. None where the coding does not open.
    pub(crate) fn opened(self, body: &Bytes) -> Option<Bytes> {
        if self != Self::Zipped || !body.starts_with(&GZIP) {
            return Some(body.clone());
        }
        let mut opened = Vec::new();
        flate2::read::MultiGzDecoder::new(&body[..]).read_to_end(&mut opened).ok()?;
        Some(opened.into())
    }

    /// Whether a probe can be spelled in it.
    pub(crate) fn spells(self, probe: Probe) -> bool {
        !matches!(self, Self::Text | Self::Syslog) || probe.spelling != Spelling::Escapes
    }

    /// The body.
    pub(crate) fn body(self, dialect: Dialect, direction: Direction, probes: &[Probe]) -> Bytes {
        let text = match (self, direction) {
            (Self::Text, _) => probes.iter().map(|probe| probe.text() + "\n").collect(),
            (Self::Syslog, _) => probes.iter().map(|probe| format!("{HEADER}{}\n", probe.text())).collect(),
            (Self::Events, _) => events(dialect, probes),
            (Self::Messages, Direction::Request) => items(probes),
            (Self::Messages, Direction::Response) => messages(probes),
            (Self::Json | Self::Zipped, Direction::Request) => request(dialect, probes),
            (Self::Json | Self::Zipped, Direction::Response) => response(dialect, probes),
        };
        if self != Self::Zipped {
            return Bytes::from(text);
        }
        let mut coded = Vec::new();
        let mut reader = flate2::read::GzEncoder::new(text.as_bytes(), flate2::Compression::fast());
        // Reading from memory into memory does not fail.
        let _ = reader.read_to_end(&mut coded);
        coded.into()
    }

    /// Which of the probes stand in what came of their body, opened, in their order. None where it cannot be read.
    pub(crate) fn passed(self, dialect: Dialect, body: &[u8], probes: &[Probe]) -> Option<Vec<bool>> {
        let body = std::str::from_utf8(body).ok()?;
        let texts = match self {
            Self::Text | Self::Syslog => vec![body.to_owned(); probes.len()],
            Self::Json | Self::Zipped => {
                let document: Value = serde_json::from_str(body).ok()?;
                let places = places(dialect, &document)?;
                places.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            Self::Events => spoken(dialect, body, probes.len())?,
            Self::Messages => heard(body, probes.len())?,
        };
        (texts.len() == probes.len())
            .then(|| texts.iter().zip(probes).map(|(text, probe)| text.contains(&probe.text())).collect())
    }
}

/// The probes' texts as JSON strings, each within what stands before and behind it.
fn listed(probes: &[Probe], before: &str, behind: &str) -> String {
    let each = probes.iter().map(|probe| format!("{before}{}{behind}", probe.literal(&probe.text())));
    each.collect::<Vec<_>>().join(",")
}

fn request(dialect: Dialect, probes: &[Probe]) -> String {
    match dialect {
        Dialect::OpenAi | Dialect::Anthropic => {
            let messages = listed(probes, r#"{"role":"user","content":"#, "}");
            format!(r#"{{"model":"self-test","max_tokens":1,"messages":[{messages}]}}"#)
        }
        _ => format!(r#"{{"texts":[{}]}}"#, listed(probes, "", "")),
    }
}

fn response(dialect: Dialect, probes: &[Probe]) -> String {
    match dialect {
        Dialect::OpenAi => {
            let choices = listed(probes, r#"{"index":0,"message":{"role":"assistant","content":"#, "}}");
            format!(r#"{{"id":"self-test","object":"chat.completion","choices":[{choices}]}}"#)
        }
        Dialect::Anthropic => {
            let content = listed(probes, r#"{"type":"text","text":"#, "}");
            format!(r#"{{"id":"self-test","type":"message","role":"assistant","content":[{content}]}}"#)
        }
        _ => request(dialect, probes),
    }
}

/// The texts of a document, wherever its direction has them.
fn places(dialect: Dialect, document: &Value) -> Option<Vec<Value>> {
    let of = |list: &str, path: &[&str]| -> Option<Vec<Value>> {
        let items = document.get(list)?.as_array()?;
        let text = |item: &Value| path.iter().try_fold(item.clone(), |at, key| at.get(*key).cloned());
        items.iter().map(text).collect()
    };
    match dialect {
        Dialect::OpenAi => of("messages", &["content"]).or_else(|| of("choices", &["message", "content"])),
        Dialect::Anthropic => of("messages", &["content"]).or_else(|| of("content", &["text"])),
        _ => of("texts", &[]),
    }
}

/// A streamed answer: each probe is a text of its own, said in pieces.
fn events(dialect: Dialect, probes: &[Probe]) -> String {
    let mut out = String::new();
    let mut say = |name: &str, data: &str| {
        let _ = match dialect {
            Dialect::Anthropic => write!(out, "event: {name}\ndata: {data}\n\n"),
            _ => write!(out, "data: {data}\n\n"),
        };
    };
    if dialect == Dialect::Anthropic {
        let message = json!({"id": "self-test", "type": "message", "role": "assistant", "content": []});
        say("message_start", &json!({"type": "message_start", "message": message}).to_string());
    }
    for (index, probe) in probes.iter().enumerate() {
        let text: Vec<char> = probe.text().chars().collect();
        if dialect == Dialect::Anthropic {
            let block = json!({"type": "text", "text": ""});
            let start = json!({"type": "content_block_start", "index": index, "content_block": block});
            say("content_block_start", &start.to_string());
        }
        for piece in text.chunks(PIECE) {
            let piece = probe.literal(&piece.iter().collect::<String>());
            match dialect {
                Dialect::Anthropic => {
                    let delta = format!(r#"{{"type":"text_delta","text":{piece}}}"#);
                    let data = format!(r#"{{"type":"content_block_delta","index":{index},"delta":{delta}}}"#);
                    say("content_block_delta", &data);
                }
                _ => {
                    let choice = format!(r#"{{"index":{index},"delta":{{"content":{piece}}}}}"#);
                    say("", &format!(r#"{{"object":"chat.completion.chunk","choices":[{choice}]}}"#));
                }
            }
        }
        match dialect {
            Dialect::Anthropic => {
                say("content_block_stop", &json!({"type": "content_block_stop", "index": index}).to_string());
            }
            _ => {
                let choice = json!({"index": index, "delta": {}, "finish_reason": "stop"});
                say("", &json!({"object": "chat.completion.chunk", "choices": [choice]}).to_string());
            }
        }
    }
    match dialect {
        Dialect::Anthropic => say("message_stop", r#"{"type":"message_stop"}"#),
        _ => say("", "[DONE]"),
    }
    out
}

/// What a client says on a WebSocket connection: a message for each probe.
fn items(probes: &[Probe]) -> String {
    let item = |probe: &Probe| {
        let text = probe.literal(&probe.text());
        let content = format!(r#"[{{"type":"input_text","text":{text}}}]"#);
        format!(
            r#"{{"type":"conversation.item.create","item":{{"type":"message","role":"user","content":{content}}}}}"#
        )
    };
    probes.iter().map(|probe| item(probe) + "\n").collect()
}

/// What a model says on one: each probe is a text of its own, said in pieces.
fn messages(probes: &[Probe]) -> String {
    let mut out = String::new();
    for (index, probe) in probes.iter().enumerate() {
        let place =
            format!(r#""response_id":"self-test","item_id":"self-test","output_index":0,"content_index":{index}"#);
        let text: Vec<char> = probe.text().chars().collect();
        for piece in text.chunks(PIECE) {
            let piece = probe.literal(&piece.iter().collect::<String>());
            let _ = writeln!(out, r#"{{"type":"response.output_text.delta",{place},"delta":{piece}}}"#);
        }
        let whole = probe.literal(&probe.text());
        let _ = writeln!(out, r#"{{"type":"response.output_text.done",{place},"text":{whole}}}"#);
    }
    out
}

/// What was said on one, text by text; of a text in pieces, the pieces and the whole. None where a text is missing.
fn heard(body: &str, count: usize) -> Option<Vec<String>> {
    let (mut texts, mut whole) = (vec![String::new(); count], 0);
    for (place, line) in body.lines().enumerate() {
        let message: Value = serde_json::from_str(line).ok()?;
        let text = ["/item/content/0/text", "/delta", "/text"].iter().find_map(|at| message.pointer(at)?.as_str());
        let index = match message.get("content_index") {
            Some(index) => usize::try_from(index.as_u64()?).ok()?,
            None => place,
        };
        texts.get_mut(index)?.push_str(text.unwrap_or_default());
        whole += usize::from(message.get("delta").is_none());
    }
    (whole == count).then_some(texts)
}

/// What a streamed answer says, text by text.
fn spoken(dialect: Dialect, body: &str, count: usize) -> Option<Vec<String>> {
    let mut texts = vec![String::new(); count];
    for data in body.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]") {
        let event: Value = serde_json::from_str(data).ok()?;
        let piece = match dialect {
            Dialect::Anthropic => (event.get("index"), event.pointer("/delta/text")),
            _ => (event.pointer("/choices/0/index"), event.pointer("/choices/0/delta/content")),
        };
        let (Some(index), Some(piece)) = (piece.0.and_then(Value::as_u64), piece.1.and_then(Value::as_str)) else {
            continue;
        };
        texts.get_mut(usize::try_from(index).ok()?)?.push_str(piece);
    }
    Some(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What nobody touched is seen to have passed: a test that cannot see a leak finds none.
    #[test]
    fn an_untouched_body_shows_every_probe() {
        let probes = Probe::all();
        for dialect in [Dialect::OpenAi, Dialect::Anthropic, Dialect::Plain] {
            for direction in [Direction::Request, Direction::Response] {
                for carrier in &Carrier::of(dialect, direction, dialect == Dialect::OpenAi) {
                    let probes: Vec<Probe> = probes.iter().copied().filter(|one| carrier.spells(*one)).collect();
                    let body = carrier.body(dialect, direction, &probes);
                    let body = carrier.opened(&body).unwrap();
                    let passed = carrier.passed(dialect, &body, &probes).unwrap();
                    assert!(passed.len() == probes.len() && passed.iter().all(|passed| *passed), "{dialect:?}");
                    let body = String::from_utf8(body.to_vec()).unwrap().replace("4111 1111 1111", "**** **** ****");
                    let passed = carrier.passed(dialect, body.as_bytes(), &probes).unwrap();
                    let in_pieces = *carrier == Carrier::Messages && direction == Direction::Response;
                    let cut = *carrier != Carrier::Events && !in_pieces;
                    assert_eq!(passed.first(), Some(&!cut), "{dialect:?} {carrier:?}");
                }
            }
        }
        assert_eq!(Carrier::Json.passed(Dialect::OpenAi, b"{}", &probes), None);
        let probes: Vec<Probe> = probes.into_iter().filter(|one| Carrier::Syslog.spells(*one)).collect();
        let lines = Carrier::Syslog.body(Dialect::Plain, Direction::Request, &probes);
        assert_eq!(Carrier::Syslog.passed(Dialect::Plain, &lines, &probes), Some(vec![true; probes.len()]));
        assert_eq!(Carrier::Syslog.passed(Dialect::Plain, b"", &probes), Some(vec![false; probes.len()]));
    }
}
