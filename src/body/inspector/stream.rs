//! Whether JSON is a model's streamed answer: records that are to be read one by one as a model's protocol.
//!
//! A pure function of the dialect, the media type and the beginning, as [`super::sniff`]: it asks for more until the
//! answer cannot change.

use super::sniff::{BOM, MAX_BLANKS};
use crate::body::json::{Kind, index};
use crate::body::media::Promise;
use crate::body::{BodyLimits, Dialect};

/// How far the end of the first line is looked for.
const MAX_FIRST_LINE: usize = 16 << 10;

/// Whether an answer that begins so is a model's stream of records; `None` where more bytes are needed, which never
/// happens once it has `ended`.
pub(super) fn judge(dialect: Dialect, promise: Promise, start: &[u8], ended: bool) -> Option<bool> {
    let text = start.strip_prefix(BOM).unwrap_or(start);
    // Where nothing is known of the answer, blanks before it do not wait for it.
    let content = if dialect == Dialect::Plain { text } else { text.trim_ascii_start() };
    match (dialect, content.first()) {
        (Dialect::Gemini | Dialect::Ollama | Dialect::Cohere, None) => {
            (ended || start.len() > MAX_BLANKS).then_some(false)
        }
        (Dialect::Gemini | Dialect::Plain, Some(b'[')) => judge_array(dialect, content, ended),
        (Dialect::Ollama | Dialect::Cohere, Some(b'{')) if promise == Promise::JsonLines => Some(true),
        (Dialect::Ollama | Dialect::Cohere, Some(b'{')) => judge_line(content, ended),
        (Dialect::Plain, Some(b'{')) if promise == Promise::JsonLines => judge_line(content, ended),
        // Others are not to wait for their first line.
        (Dialect::Plain, Some(b'{')) => match begins(content, &[b"{", b"\"model\""], ended) {
            Some(true) => judge_line(content, ended),
            no_or_more => no_or_more,
        },
        _ => Some(false),
    }
}

/// Elements that are messages of Gemini's.
fn judge_array(dialect: Dialect, content: &[u8], ended: bool) -> Option<bool> {
    let marks: &[&[u8]] = if dialect == Dialect::Gemini { &[b"[", b"{"] } else { &[b"[", b"{", b"\"candidates\""] };
    begins(content, marks, ended)
}

/// Whether it begins with these, blanks between them.
fn begins(content: &[u8], marks: &[&[u8]], ended: bool) -> Option<bool> {
    let mut rest = content;
    for mark in marks {
        rest = rest.trim_ascii_start();
        match rest.strip_prefix(*mark) {
            Some(after) => rest = after,
            None if ended || content.len() > MAX_BLANKS || !mark.starts_with(rest) => return Some(false),
            None => return None,
        }
    }
    Some(true)
}

/// Lines that are records of Ollama's, whose first one says that it is not the last, or of Cohere's version 1.
fn judge_line(content: &[u8], ended: bool) -> Option<bool> {
    let Some(end) = memchr::memchr(b'\n', content.get(..MAX_FIRST_LINE).unwrap_or(content)) else {
        return (ended || content.len() >= MAX_FIRST_LINE).then_some(false);
    };
    let line = content.get(..end).unwrap_or_default();
    let Ok(index) = index(line, &BodyLimits::default()) else { return Some(false) };
    let kind = |key: &str| index.get(&[key.into()]).map(|node| index.kind(node));
    let ollama = kind("model") == Some(Kind::String) && kind("done") == Some(Kind::False);
    Some(ollama || kind("event_type") == Some(Kind::String) && kind("is_finished") == Some(Kind::False))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic here is a failed test")]

    use super::*;

    /// Judges with as few bytes as it takes, and sees that more bytes do not change the answer.
    fn judged(dialect: Dialect, promise: Promise, body: &str) -> bool {
        let body = body.as_bytes();
        let judge = |end: usize| judge(dialect, promise, &body[..end], end == body.len());
        let first = (body.len().min(1)..=body.len()).find(|end| judge(*end).is_some()).unwrap();
        let answer = judge(first).unwrap();
        (first..=body.len()).for_each(|longer| assert_eq!(judge(longer), Some(answer), "{dialect:?} {body:?}"));
        answer
    }

    #[test]
    fn streams_are_told_by_their_beginning() {
        use Dialect::{Cohere, Gemini, Ollama, OpenAi, Plain};
        use Promise::{Json, JsonLines, Text};
        let record = "{\"model\":\"m\",\"response\":\"x\",\"done\":false}\n{\"model\":";
        let last = "{\"model\":\"m\",\"response\":\"x\",\"done\":true}\n";
        let long = format!("{{\"model\":\"{}\",\"done\":false}}\n", "m".repeat(MAX_FIRST_LINE));
        for (dialect, promise, body, expected) in [
            (Gemini, Json, "[{\"x\":1}]", true),
            (Gemini, Json, " [ {\"x\":1}]", true),
            (Gemini, Json, "[]", false),
            (Gemini, Json, "[1]", false),
            (Gemini, Json, "{\"candidates\":[]}", false),
            (Gemini, Json, "", false),
            (Plain, Json, "[{\"candidates\":[]}]", true),
            (Plain, Json, "[\n{ \"candidates\" :[]}]", true),
            (Plain, Json, "[{\"candidate\":[]}]", false),
            (Plain, Text, "[INFO] x", false),
            (OpenAi, Json, "[{\"candidates\":[]}]", false),
            (Ollama, JsonLines, "{\"x\":1}\n", true),
            (Ollama, Json, record, true),
            (Ollama, Json, last, false),
            (Ollama, Text, record, true),
            (Plain, JsonLines, record, true),
            (Plain, JsonLines, last, false),
            (Plain, JsonLines, "\n{\"model\":\"m\",\"done\":false}\n", false),
            (Plain, JsonLines, &long, false),
            (Plain, JsonLines, "{\"model\":\"m\"}\n", false),
            (Plain, Json, record, true),
            (Plain, Text, record, true),
            (Plain, Json, "{\"models\":1,\"done\":false}\n", false),
            (Plain, Json, last, false),
            (OpenAi, JsonLines, record, false),
            (Cohere, Json, "{\"event_type\":\"stream-start\",\"is_finished\":false}\n{", true),
            (Cohere, Json, "{\"response_id\":\"a\",\"text\":\"b\"}", false),
            (Cohere, JsonLines, "{\"a\":1}", true),
        ] {
            assert_eq!(judged(dialect, promise, body), expected, "{dialect:?} {promise:?} {body}");
        }
    }
}
