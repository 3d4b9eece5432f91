//! Strings of a model's protocol that are not text: signatures, encrypted blocks, media.
//!
//! Enters: a string of an event. Leaves: the reason why it passes unscanned, if its place claims that it is encoded
//! bytes and it looks like them; a claim alone is not enough.

use super::plan::Event;
use crate::body::json::{Kind, Letters, Node, holds_text, is_data_uri, is_file_of_text};

/// Shorter values are scanned as any other.
const MIN_LEN: usize = 64;
/// Sound comes in pieces of any length: so many letters at least, in whole groups.
const MIN_SOUND: usize = 16;
const GROUP: usize = 4;
/// Members that hold pictures and files as `data:` URIs.
const URIS: [&[u8]; 4] = [b"url", b"image_url", b"file_data", b"src"];

/// Why this string is not scanned, as metrics have it; `text` is its decoded text.
pub(super) fn reason(event: Event<'_>, node: Node, text: &[u8]) -> Option<&'static str> {
    // Bytes that are encrypted may read as text of many sets by chance.
    let key = event.index.key(node)?;
    if text.len() < MIN_LEN {
        let whole = text.len() >= MIN_SOUND && text.len().is_multiple_of(GROUP);
        return (whole && is_sound(event, node, key)? && is_opaque(text) && !is_file_of_text(text)).then_some("media");
    }
    if URIS.contains(&key) && text.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"data:")) {
        return is_data_uri(text).then_some("media");
    }
    claimed(event, node, key, text).filter(|reason| *reason != "media" || !is_file_of_text(text))
}

/// Whether a member is said to be sound.
fn is_sound(event: Event<'_>, node: Node, key: &[u8]) -> Option<bool> {
    if !matches!(key, b"delta" | b"audio") {
        return Some(false);
    }
    let kind = event.member(event.index.parent(node)?, "type").ok()??;
    let kind = event.word(kind);
    Some(kind.ends_with(b"audio.delta") || kind.as_ref() == b"input_audio_buffer.append")
}

/// Whether a text can be base64 or base64url (RFC 4648 sections 4 and 5) of what is no text, and no number hides in it.
fn is_opaque(text: &[u8]) -> bool {
    Letters::hide_nothing(text) && !holds_text(text)
}

fn claimed(event: Event<'_>, node: Node, key: &[u8], text: &[u8]) -> Option<&'static str> {
    if !is_opaque(text) {
        return None;
    }
    match key {
        b"thoughtSignature" | b"thought_signature" => Some("signature"),
        b"signature" => signs(event, node)?.then_some("signature"),
        b"encrypted_content" | b"encrypted_index" | b"encrypted_stdout" | b"redactedContent" => Some("encrypted"),
        b"b64_json" | b"partial_image_b64" | b"bytesBase64Encoded" | b"image_base64" | b"file_data" => Some("media"),
        b"delta" => is_sound(event, node, key)?.then_some("media"),
        b"audio" if is_sound(event, node, key)? => Some("media"),
        // Sound, of which a transcript may tell the text: that is scanned.
        b"audio" => {
            let kind = event.member(event.index.parent(node)?, "type").ok()??;
            matches!(event.word(kind).as_ref(), b"input_audio" | b"output_audio" | b"audio").then_some("media")
        }
        b"bytes" if event.index.key(event.index.parent(node)?) == Some(b"source") => Some("media"),
        // What the tool for images has made.
        b"result" => {
            let kind = event.member(event.index.parent(node)?, "type").ok()??;
            (event.word(kind).as_ref() == b"image_generation_call").then_some("media")
        }
        b"blob" => {
            let parent = event.index.parent(node)?;
            event.member(parent, "mimeType").ok()?.map(|_| "media")
        }
        b"data" => {
            let parent = event.index.parent(node)?;
            if matches!(event.index.key(parent), Some(b"audio" | b"inlineData" | b"inline_data")) {
                return Some("media");
            }
            if event.either(parent, ["mimeType", "mime_type"], Kind::String).ok()?.is_some() {
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
