//! Strings of a model's protocol that are not text: signatures, encrypted blocks, media.
//!
//! Enters: a string of an event. Leaves: the reason why it passes unscanned, if its place claims that it is encoded
//! bytes and it looks like them; a claim alone is not enough.

use super::plan::Event;
use crate::body::json::{Node, holds_text, is_file_of_text};

/// Shorter values are scanned as any other.
const MIN_LEN: usize = 64;
/// So many digits in a row are no chance of base64 any more but may be a number.
const MAX_DIGITS: usize = 8;

/// Why this string is not scanned, as metrics have it; `text` is its decoded text.
pub(super) fn reason(event: Event<'_>, node: Node, text: &[u8]) -> Option<&'static str> {
    // Bytes that are encrypted may read as text of many sets by chance.
    claimed(event, node, text).filter(|reason| *reason != "media" || !is_file_of_text(text))
}

fn claimed(event: Event<'_>, node: Node, text: &[u8]) -> Option<&'static str> {
    if text.len() < MIN_LEN || !is_base64(text) || holds_text(text) {
        return None;
    }
    match event.index.key(node)? {
        b"thoughtSignature" | b"thought_signature" => Some("signature"),
        b"signature" => signs(event, node)?.then_some("signature"),
        b"encrypted_content" | b"encrypted_index" | b"encrypted_stdout" | b"redactedContent" => Some("encrypted"),
        b"b64_json" | b"partial_image_b64" => Some("media"),
        // Sound, of which a transcript may tell the text: that is scanned.
        b"audio" => {
            let kind = event.member(event.index.parent(node)?, "type").ok()??;
            matches!(event.word(kind).as_ref(), b"input_audio" | b"output_audio" | b"audio").then_some("media")
        }
        b"bytes" if event.index.key(event.index.parent(node)?) == Some(b"source") => Some("media"),
        b"delta" => {
            let kind = event.member(event.index.parent(node)?, "type").ok()??;
            event.word(kind).ends_with(b"audio.delta").then_some("media")
        }
        b"data" => {
            let parent = event.index.parent(node)?;
            if matches!(event.index.key(parent), Some(b"audio" | b"inlineData" | b"inline_data")) {
                return Some("media");
            }
            let kind = event.member(parent, "type").ok()??;
            match event.word(kind).as_ref() {
                b"redacted_thinking" | b"reasoning.encrypted" => Some("encrypted"),
                b"base64" => Some("media"),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Whether the signature stands beside what a model thought: in a block or delta that says so, or in Bedrock's members.
fn signs(event: Event<'_>, node: Node) -> Option<bool> {
    let parent = event.index.parent(node)?;
    if matches!(event.index.key(parent), Some(b"reasoningContent" | b"reasoningText" | b"reasoning_content")) {
        return Some(true);
    }
    let kind = event.member(parent, "type").ok()??;
    let kind = event.word(kind);
    Some([&b"signature"[..], b"thinking", b"reasoning"].iter().any(|part| memchr::memmem::find(&kind, part).is_some()))
}

/// Whether a text can be base64 or base64url (RFC 4648 sections 4 and 5) in which no number hides.
fn is_base64(text: &[u8]) -> bool {
    let mut digits = 0;
    text.iter().all(|byte| {
        match byte {
            b'0'..=b'9' => digits += 1,
            // What may stand in a written number does not end it.
            _ if byte.is_ascii_alphabetic() => digits = 0,
            _ => {}
        }
        digits <= MAX_DIGITS && (byte.is_ascii_alphanumeric() || b"+/-_=".contains(byte))
    })
}
