//! What clients send: requests of a chat API, as SDKs make them.

use std::fmt::Write as _;

use bytes::Bytes;

use crate::corpus;

/// A value that every request holds: a proxy that scans takes it out.
pub const CANARY: &str = "4111 1111 1111 1111";

/// A chat request of so many bytes: turns of chat, a value in about every 2 KB, one at the end.
pub fn body(size: usize, streams: bool) -> Bytes {
    let prose = corpus::chat(2 * size + 4096, corpus::SEED ^ size as u64).text;
    let head = format!(
        "{{\"model\":\"gpt-5\",\"temperature\":0.7,\"stream\":{streams},\"messages\":[{{\"role\":\"system\",\"content\":\
         \"You are a helpful assistant of a shop's support desk.\"}}"
    );
    let tail = format!(",{{\"role\":\"user\",\"content\":\"The card is {CANARY}, please check.\"}}]}}");
    let mut body = head;
    let mut lines = prose.lines().filter(|line| !line.is_empty()).flat_map(pieces);
    let mut user = true;
    while let Some(left) = (size - tail.len()).checked_sub(body.len()) {
        let role = if user { "user" } else { "assistant" };
        user = !user;
        let empty = format!(",{{\"role\":\"{role}\",\"content\":\"\"}}").len();
        let Some(room) = left.checked_sub(empty).filter(|room| *room > 0) else { break };
        let mut text = escaped(lines.next().unwrap_or("and so on"));
        if text.len() > room {
            // Cut to the length that is asked for; words need no escapes.
            text = prose.chars().filter(|char| char.is_ascii_alphabetic() || *char == ' ').take(room).collect();
        }
        let _ = write!(body, ",{{\"role\":\"{role}\",\"content\":\"{text}\"}}");
    }
    body.push_str(&tail);
    Bytes::from(body)
}

/// A line in pieces of a message's length.
fn pieces(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        let (piece, after) = rest.split_at(rest.floor_char_boundary(600));
        rest = after;
        Some(piece).filter(|piece| !piece.is_empty())
    })
}

/// As a JSON string has it.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '"' => escaped.push_str("\\\""),
            '\\' => escaped.push_str("\\\\"),
            '\n' => escaped.push_str("\\n"),
            other if u32::from(other) < 0x20 => {
                let _ = write!(escaped, "\\u{:04x}", u32::from(other));
            }
            other => escaped.push(other),
        }
    }
    escaped
}
