//! A sentence for the model: that tokens are to be kept as they are.
//!
//! Enters: a request that was decided whole, and the sentence. Leaves: the same request with the sentence in the place that
//! its protocol has for instructions: behind what stands there, or alone. All else leaves byte for byte, in the codings that it
//! came in. A body that has no such place, or is not the JSON that it should be, is left as it is.

use super::coding::Decoding;
use super::json::{Index, Kind, Node, escape, index};
use super::{BodyError, BodyLimits, ContentCoding, Dialect};

/// What is said where a route does not say it otherwise.
pub const SENTENCE: &str = "Codes in square brackets such as [NAME_letters] stand for values that you are not shown. Where you \
                            mention one, repeat it exactly as it is written, brackets included; never change, translate, shorten or invent one.";

/// Which protocol's request it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    /// `messages`, the first of which may be the system's: OpenAI's chat and what is compatible, Cohere, Ollama.
    Messages,
    /// `instructions` of OpenAI's Responses.
    Responses,
    /// `system`, a text or blocks: Anthropic.
    System,
    /// `system`, a list of blocks: Bedrock's Converse.
    Converse,
    /// `systemInstruction`: Gemini.
    Gemini,
    /// A text of this name, which takes the place of the model's own, so that only one that is there is added to.
    Only(&'static str),
}

impl Form {
    fn of(dialect: Dialect, path: &str, document: &Document<'_>) -> Option<Self> {
        let path = path.trim_end_matches('/');
        let has = |name: &str| document.member(name).is_some();
        match dialect {
            Dialect::OpenAi if has("messages") => Some(Self::Messages),
            Dialect::OpenAi if path.ends_with("/responses") => Some(Self::Responses),
            Dialect::Anthropic if has("messages") => Some(Self::System),
            Dialect::Bedrock if has("anthropic_version") => Some(Self::System),
            Dialect::Bedrock if path.ends_with("/converse") || path.ends_with("/converse-stream") => {
                Some(Self::Converse)
            }
            // What is cached holds its own, and takes no other.
            Dialect::Gemini if has("contents") && !has("cachedContent") && !has("cached_content") => {
                path.to_ascii_lowercase().ends_with("generatecontent").then_some(Self::Gemini)
            }
            Dialect::Cohere | Dialect::Ollama if has("messages") => Some(Self::Messages),
            Dialect::Cohere if has("message") => Some(Self::Only("preamble")),
            Dialect::Ollama if has("prompt") => Some(Self::Only("system")),
            _ => None,
        }
    }
}

/// A document, its places, and what is put where.
struct Document<'a> {
    bytes: &'a [u8],
    index: Index,
    root: Node,
}

/// What takes the bytes of a range.
type Put = (std::ops::Range<usize>, Vec<u8>);

impl Document<'_> {
    fn member(&self, name: &str) -> Option<Node> {
        self.index.member(self.root, name.as_bytes())
    }

    /// Behind what is in a text.
    fn append(&self, text: Node, sentence: &str) -> Put {
        let end = self.index.range(text).end - 1;
        let bare = self.index.literal(text, self.bytes).len() <= 2;
        let quoted = literal(&if bare { sentence.to_owned() } else { format!("\n\n{sentence}") });
        (end..end, quoted.get(1..quoted.len() - 1).unwrap_or_default().to_vec())
    }

    /// Behind the elements of an array.
    fn push(&self, array: Node, element: &str) -> Put {
        let end = self.index.range(array).end - 1;
        let comma = if self.index.children(array).next().is_some() { "," } else { "" };
        (end..end, format!("{comma}{element}").into_bytes())
    }

    /// Before the members of the root.
    fn add(&self, name: &str, value: &str) -> Put {
        let begin = self.index.range(self.root).start + 1;
        let comma = if self.index.children(self.root).next().is_some() { "," } else { "" };
        (begin..begin, format!("\"{name}\":{value}{comma}").into_bytes())
    }

    /// In a place that holds a text, blocks, or nothing.
    fn put(&self, name: &str, block: &str, alone: &str, sentence: &str) -> Option<Put> {
        let Some(held) = self.member(name) else { return Some(self.add(name, alone)) };
        match self.index.kind(held) {
            Kind::String => Some(self.append(held, sentence)),
            Kind::Array => Some(self.push(held, block)),
            Kind::Null => Some((self.index.range(held), alone.as_bytes().to_vec())),
            Kind::Object | Kind::Number | Kind::True | Kind::False => None,
        }
    }

    fn instruct(&self, form: Form, sentence: &str) -> Option<Put> {
        let said = String::from_utf8(literal(sentence)).ok()?;
        let part = format!("{{\"text\":{said}}}");
        let block = format!("{{\"type\":\"text\",\"text\":{said}}}");
        match form {
            Form::Messages => {
                let messages = self.member("messages").filter(|held| self.index.kind(*held) == Kind::Array)?;
                let first = self.index.children(messages).next();
                let role = first.and_then(|first| self.index.member(first, b"role"));
                let role = role.map(|role| self.index.literal(role, self.bytes));
                if let (Some(first), Some(b"\"system\"" | b"\"developer\"")) = (first, role) {
                    let content = self.index.member(first, b"content")?;
                    return match self.index.kind(content) {
                        Kind::String => Some(self.append(content, sentence)),
                        Kind::Array => Some(self.push(content, &block)),
                        Kind::Object | Kind::Number | Kind::True | Kind::False | Kind::Null => None,
                    };
                }
                let begin = self.index.range(messages).start + 1;
                let comma = if first.is_some() { "," } else { "" };
                let message = format!("{{\"role\":\"system\",\"content\":{said}}}{comma}");
                Some((begin..begin, message.into_bytes()))
            }
            Form::Responses => self.put("instructions", &block, &said, sentence),
            Form::System => self.put("system", &block, &said, sentence),
            Form::Converse => self.put("system", &part, &format!("[{part}]"), sentence),
            Form::Gemini => {
                let alone = format!("{{\"parts\":[{part}]}}");
                let held = self.member("systemInstruction").or_else(|| self.member("system_instruction"));
                let Some(held) = held else { return Some(self.add("systemInstruction", &alone)) };
                match self.index.kind(held) {
                    Kind::Object => {
                        let parts = self.index.member(held, b"parts")?;
                        let list = self.index.kind(parts) == Kind::Array;
                        list.then(|| self.push(parts, &part))
                    }
                    Kind::Null => Some((self.index.range(held), alone.into_bytes())),
                    Kind::Array | Kind::String | Kind::Number | Kind::True | Kind::False => None,
                }
            }
            Form::Only(name) => {
                let held = self.member(name).filter(|held| self.index.kind(*held) == Kind::String)?;
                Some(self.append(held, sentence))
            }
        }
    }
}

/// A text as JSON.
fn literal(text: &str) -> Vec<u8> {
    let mut out = b"\"".to_vec();
    escape(text.as_bytes(), &mut out);
    out.push(b'"');
    out
}

/// The plain document with the sentence in it; none where there is no place for it.
fn instructed(bytes: &[u8], dialect: Dialect, path: &str, sentence: &str, limits: &BodyLimits) -> Option<Vec<u8>> {
    let index = index(bytes, limits).ok()?;
    let root = index.root().filter(|root| index.kind(*root) == Kind::Object)?;
    let document = Document { bytes, index, root };
    let (place, text) = document.instruct(Form::of(dialect, path, &document)?, sentence)?;
    let mut out = Vec::with_capacity(bytes.len() + text.len());
    out.extend_from_slice(bytes.get(..place.start)?);
    out.extend_from_slice(&text);
    out.extend_from_slice(bytes.get(place.end..)?);
    Some(out)
}

/// A request's body with the sentence in it, and how many decoded bytes that added; none where there is no place for it. `path` is
/// that at the upstream, `codings` are those of the body, which has at most `limit` decoded bytes or is left as it is.
///
/// # Errors
/// A body that does not decode, which none does that has passed an inspector.
pub fn instruct(
    body: &[u8],
    (dialect, path): (Dialect, &str),
    sentence: &str,
    codings: &[ContentCoding],
    (limits, limit): (&BodyLimits, usize),
) -> Result<Option<(Vec<u8>, u64)>, BodyError> {
    let mut decoding = Decoding::new(codings, limits)?;
    if decoding.is_identity() {
        let out = instructed(body, dialect, path, sentence, limits);
        return Ok(out.map(|out| (added(&out, body), out)).map(|(added, out)| (out, added)));
    }
    let (mut plain, mut rest) = (Vec::new(), body);
    while let Some(piece) = decoding.next_piece(&mut rest)? {
        plain.extend_from_slice(piece);
        if plain.len() > limit {
            return Ok(None);
        }
    }
    decoding.finish()?;
    let Some(out) = instructed(&plain, dialect, path, sentence, limits) else { return Ok(None) };
    let (mut encoding, mut encoded) = (decoding.encoding()?, Vec::new());
    encoding.write(&out, &mut encoded)?;
    encoding.finish(&mut encoded)?;
    Ok(Some((encoded, added(&out, &plain))))
}

fn added(out: &[u8], plain: &[u8]) -> u64 {
    out.len().saturating_sub(plain.len()) as u64
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic here is a failed test")]

    use serde_json::{Value, json};

    use super::*;

    const SAID: &str = "Keep \"[A_b]\".";

    fn put(dialect: Dialect, path: &str, body: &str) -> Option<Value> {
        let limits = BodyLimits::default();
        let out = instruct(body.as_bytes(), (dialect, path), SAID, &[], (&limits, 1 << 20)).unwrap();
        out.map(|(out, added)| {
            assert!(added as usize >= SAID.len() || body.contains("null"), "{added}");
            serde_json::from_slice(&out).unwrap()
        })
    }

    #[test]
    fn each_protocol_has_its_place() {
        let behind = format!("x\n\n{SAID}");
        let (chat, own) = ("/v1/chat/completions", "/v1/messages");
        let system = json!({"role": "system", "content": SAID});
        for (dialect, path, body, place, expected) in [
            (Dialect::OpenAi, chat, r#"{"messages":[{"role":"user"}]}"#, "/messages/0", system.clone()),
            (Dialect::OpenAi, chat, r#"{"messages":[ ]}"#, "/messages/0", system.clone()),
            (
                Dialect::OpenAi,
                chat,
                r#"{"messages":[{"role":"system","content":"x"}]}"#,
                "/messages/0/content",
                json!(behind),
            ),
            (
                Dialect::OpenAi,
                chat,
                r#"{"messages":[{"content":"","role":"developer"}]}"#,
                "/messages/0/content",
                json!(SAID),
            ),
            (
                Dialect::OpenAi,
                chat,
                r#"{"messages":[{"role":"system","content":[{"type":"text","text":"x"}]}]}"#,
                "/messages/0/content/1",
                json!({"type": "text", "text": SAID}),
            ),
            (Dialect::OpenAi, "/v1/responses/", r#"{"input":"a"}"#, "/instructions", json!(SAID)),
            (Dialect::OpenAi, "/v1/responses", r#"{"instructions":null}"#, "/instructions", json!(SAID)),
            (Dialect::OpenAi, "/v1/responses", r#"{"instructions":"x"}"#, "/instructions", json!(behind)),
            (Dialect::Anthropic, own, r#"{"messages":[]}"#, "/system", json!(SAID)),
            (Dialect::Anthropic, own, r#"{"messages":[],"system":"x"}"#, "/system", json!(behind)),
            (
                Dialect::Anthropic,
                own,
                r#"{"messages":[],"system":[{"type":"text","text":"x"}]}"#,
                "/system/1",
                json!({"type": "text", "text": SAID}),
            ),
            (Dialect::Bedrock, "/model/m/converse", r#"{"messages":[]}"#, "/system/0", json!({"text": SAID})),
            (
                Dialect::Bedrock,
                "/model/m/converse-stream",
                r#"{"system":[{"text":"x"}]}"#,
                "/system/1",
                json!({"text": SAID}),
            ),
            (Dialect::Bedrock, "/model/m/invoke", r#"{"anthropic_version":"b","messages":[]}"#, "/system", json!(SAID)),
            (
                Dialect::Gemini,
                "/v1beta/models/g:streamGenerateContent",
                r#"{"contents":[]}"#,
                "/systemInstruction/parts/0",
                json!({"text": SAID}),
            ),
            (
                Dialect::Gemini,
                "/v1beta/models/g:generateContent",
                r#"{"contents":[],"system_instruction":{"parts":[{"text":"x"}]}}"#,
                "/system_instruction/parts/1",
                json!({"text": SAID}),
            ),
            (Dialect::Cohere, "/v2/chat", r#"{"messages":[{"role":"user"}]}"#, "/messages/0", system.clone()),
            (Dialect::Cohere, "/v1/chat", r#"{"message":"a","preamble":"x"}"#, "/preamble", json!(behind)),
            (Dialect::Ollama, "/api/chat", r#"{"messages":[{"role":"user"}]}"#, "/messages/0", system.clone()),
            (Dialect::Ollama, "/api/generate", r#"{"prompt":"a","system":"x"}"#, "/system", json!(behind)),
        ] {
            let out = put(dialect, path, body).unwrap_or_else(|| panic!("{body} has a place"));
            assert_eq!(out.pointer(place), Some(&expected), "{body} became {out}");
        }
    }

    #[test]
    fn what_has_no_place_is_left_as_it_is() {
        for (dialect, path, body) in [
            (Dialect::OpenAi, "/v1/embeddings", r#"{"input":"a"}"#),
            (Dialect::OpenAi, "/v1/chat/completions", r#"{"messages":"a"}"#),
            (Dialect::OpenAi, "/v1/chat/completions", r#"{"messages":[{"role":"system","content":5}]}"#),
            (Dialect::OpenAi, "/v1/chat/completions", "[1]"),
            (Dialect::OpenAi, "/v1/chat/completions", "not JSON"),
            (Dialect::Anthropic, "/v1/messages", r#"{"messages":[],"system":5}"#),
            (Dialect::Gemini, "/v1beta/models/g:generateContent", r#"{"contents":[],"cachedContent":"c"}"#),
            (Dialect::Gemini, "/v1beta/models/g:countTokens", r#"{"contents":[]}"#),
            (Dialect::Cohere, "/v1/chat", r#"{"message":"a"}"#),
            (Dialect::Ollama, "/api/generate", r#"{"prompt":"a"}"#),
            (Dialect::Plain, "/x", r#"{"messages":[]}"#),
        ] {
            assert_eq!(put(dialect, path, body), None, "{body}");
        }
    }

    #[test]
    fn everything_else_leaves_byte_for_byte_and_in_its_coding() {
        use std::io::{Read, Write};
        let body = "{ \"messages\" : [ {\"role\": \"user\"} ] , \"n\":1.0e0}";
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(body.as_bytes()).unwrap();
        let zipped = encoder.finish().unwrap();
        let limits = BodyLimits::default();
        let asked = (Dialect::OpenAi, "/v1/chat/completions");
        let run = |limit| instruct(&zipped, asked, SAID, &[ContentCoding::Gzip], (&limits, limit)).unwrap();
        let (out, added) = run(body.len()).unwrap();
        let mut plain = String::new();
        flate2::read::GzDecoder::new(&out[..]).read_to_string(&mut plain).unwrap();
        let message = r#"{"role":"system","content":"Keep \"[A_b]\"."},"#;
        assert_eq!(plain, body.replacen('[', &format!("[{message}"), 1));
        assert_eq!(added as usize, message.len());
        assert!(run(body.len() - 1).is_none(), "beyond the limit");
    }
}
