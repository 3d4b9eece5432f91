//! Pictures, sound and encrypted blocks in the fields that are made for them, under the default packs: random bytes pass as
//! they came.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use blackbar::body::{Beside, BodyInspector, BodySpec, Dialect, Direction};

use super::fixtures;

/// Bytes of each value, and how many values go to a field.
const SIZE: usize = 1 << 20;
const VALUES: u64 = 3;

const REQUEST: Direction = Direction::Request;
const RESPONSE: Direction = Direction::Response;

/// Where such values stand: `@` is the value.
const FIELDS: [(Dialect, Direction, &str, &str); 22] = [
    (
        Dialect::OpenAi,
        REQUEST,
        "chat image",
        r#"{"messages":[{"content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,@"}}]}]}"#,
    ),
    (Dialect::OpenAi, REQUEST, "file", r#"{"messages":[{"content":[{"type":"file","file":{"file_data":"@"}}]}]}"#),
    (Dialect::OpenAi, REQUEST, "sound", r#"{"messages":[{"content":[{"input_audio":{"data":"@","format":"wav"}}]}]}"#),
    (Dialect::OpenAi, REQUEST, "sound, Mistral", r#"{"messages":[{"content":[{"input_audio":"@"}]}]}"#),
    (Dialect::OpenAi, REQUEST, "reasoning", r#"{"input":[{"type":"reasoning","encrypted_content":"@"}]}"#),
    (Dialect::OpenAi, REQUEST, "image made", r#"{"input":[{"type":"image_generation_call","result":"@"}]}"#),
    (
        Dialect::OpenAi,
        REQUEST,
        "ocr",
        r#"{"document":{"type":"document_url","document_url":"data:application/x;base64,@"}}"#,
    ),
    (Dialect::OpenAi, RESPONSE, "image made", r#"{"output":[{"type":"image_generation_call","result":"@"}]}"#),
    (Dialect::OpenAi, RESPONSE, "item", r#"{"id":"i","type":"image_generation_call","result":"@"}"#),
    (Dialect::OpenAi, RESPONSE, "image", r#"{"data":[{"b64_json":"@"}]}"#),
    (
        Dialect::OpenAi,
        RESPONSE,
        "ocr",
        r#"{"pages":[{"images":[{"id":"a","image_base64":"data:image/jpeg;base64,@"}]}]}"#,
    ),
    (
        Dialect::OpenAi,
        RESPONSE,
        "OpenRouter",
        r#"{"choices":[{"message":{"images":[{"image_url":{"url":"data:image/png;base64,@"}}]}}]}"#,
    ),
    (
        Dialect::Anthropic,
        REQUEST,
        "image",
        r#"{"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","data":"@"}}]}]}"#,
    ),
    (Dialect::Anthropic, RESPONSE, "hidden", r#"{"content":[{"type":"redacted_thinking","data":"@"}]}"#),
    (
        Dialect::Gemini,
        REQUEST,
        "image",
        r#"{"contents":[{"parts":[{"inlineData":{"mimeType":"image/png","data":"@"}}]}]}"#,
    ),
    (
        Dialect::Gemini,
        RESPONSE,
        "signature",
        r#"{"candidates":[{"content":{"parts":[{"text":"a","thoughtSignature":"@"}]}}]}"#,
    ),
    (Dialect::Gemini, RESPONSE, "predict", r#"{"predictions":[{"bytesBase64Encoded":"@","mimeType":"image/png"}]}"#),
    (Dialect::Ollama, REQUEST, "image", r#"{"model":"m","messages":[{"role":"user","content":"x","images":["@"]}]}"#),
    (Dialect::Cohere, REQUEST, "image", r#"{"images":["data:image/png;base64,@"],"model":"m"}"#),
    (
        Dialect::Bedrock,
        REQUEST,
        "guardrail",
        r#"{"source":"INPUT","content":[{"image":{"format":"png","source":{"bytes":"@"}}}]}"#,
    ),
    (Dialect::Bedrock, RESPONSE, "images", r#"{"images":["@"]}"#),
    (Dialect::Mcp, RESPONSE, "image", r#"{"result":{"content":[{"type":"image","data":"@","mimeType":"image/png"}]}}"#),
];

/// Bytes in which there is no pattern, behind what a picture begins with.
fn picture(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let noise = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    b"\x89PNG\r\n\x1a\n".iter().copied().chain(noise.flatten()).take(len).collect()
}

fn redact(spec: BodySpec, body: &[u8]) -> Vec<u8> {
    let (out, end) = fixtures::outcome(BodyInspector::new(spec).unwrap(), body);
    assert_eq!(end, Ok(()));
    out
}

fn spec(dialect: Dialect, direction: Direction) -> BodySpec {
    BodySpec { dialect, direction, ..fixtures::spec("application/json") }
}

#[test]
fn random_bytes_leave_as_they_came() {
    let mut changed = Vec::new();
    for (at, (dialect, direction, name, template)) in FIELDS.iter().enumerate() {
        for value in 0..VALUES {
            let bytes = picture(at as u64 * 1000 + value, SIZE + 1_000_000 * value as usize % (3 * SIZE));
            let text = if value % 2 == 1 { URL_SAFE.encode(bytes) } else { STANDARD.encode(bytes) };
            let body = template.replace('@', &text);
            if redact(spec(*dialect, *direction), body.as_bytes()) != body.as_bytes() {
                changed.push((name, value));
            }
        }
    }
    assert!(changed.is_empty(), "{changed:?}");
}

/// In the lines of a batch's file, and in the events of a stream.
#[test]
fn random_bytes_leave_lines_and_events_as_they_came() {
    for value in 0..VALUES {
        let text = STANDARD.encode(picture(90_000 + value, 500_000));
        let body = format!(
            "{{\"custom_id\":\"a\",\"url\":\"/v1/chat/completions\",\"body\":{{\"messages\":[{{\"content\":[{{\"image_url\":{{\"url\":\"data:image/png;base64,{text}\"}}}}]}}]}}}}\n"
        );
        let file = BodySpec { beside: Beside::Files, direction: REQUEST, ..fixtures::spec("application/jsonl") };
        assert!(redact(file, body.as_bytes()) == body.as_bytes(), "line {value}");
        let body = format!(
            "data: {{\"type\":\"response.output_item.done\",\"item\":{{\"type\":\"image_generation_call\",\"result\":\"{text}\"}}}}\n\n"
        );
        let events = BodySpec { dialect: Dialect::OpenAi, ..fixtures::spec("text/event-stream") };
        assert!(redact(events, body.as_bytes()) == body.as_bytes(), "event {value}");
    }
    // Pieces of sound are short.
    let sound: String = (0..2000)
        .map(|seed| {
            let text = STANDARD.encode(&picture(seed, 38)[8..]);
            format!("data: {{\"type\":\"response.output_audio.delta\",\"item_id\":\"i\",\"delta\":\"{text}\"}}\n\n")
        })
        .collect();
    let events = BodySpec { dialect: Dialect::OpenAi, ..fixtures::spec("text/event-stream") };
    assert!(redact(events, sound.as_bytes()) == sound.as_bytes());
}
