//! What passes as a signature or as sound, and what only calls itself so.

use super::run;
use crate::body::Dialect;

/// Base64 that is no text.
const SIGNATURE: &str = "EqoBCkgIAhABGAIiQL2m8Q1d7aTqZQ0xY3mN5n9v6k4pWw8cB1rTz0s5uVXyZgAbCdEfGhIjKlMnOpQrStUvWxYz";

fn passes(dialect: Dialect, data: &str) -> bool {
    let body = format!("data: {data}\n\n");
    run(dialect, body.as_bytes()) == body
}

#[test]
fn a_signature_beside_a_thought_passes_and_a_number_in_one_does_not() {
    let block = |signature: &str| {
        format!(
            "{{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{{\"type\":\"signature_delta\",\"signature\":\"{signature}\"}}}}"
        )
    };
    assert!(passes(Dialect::Anthropic, &block(SIGNATURE)));
    // With the signs between its digits that base64 has too.
    let number = format!("{}----4111-1111-1111-1111----{}", "Zx9Bv".repeat(10), "Zx9Bv".repeat(10));
    assert!(!passes(Dialect::Anthropic, &block(&number)));
    // Text, whatever it is called.
    let text = "Y2FyZCA0MTExIDExMTEgMTExMSAxMTExIG1haWwgamFuZUBleGFtcGxlLmNvbSBjYXJkIDQxMTEgMTExMSAxMTExIDExMTE=";
    assert!(!passes(Dialect::Anthropic, &block(text)));
    assert!(!passes(Dialect::OpenAi, &format!("{{\"signature\":\"{text}\"}}")));
}

#[test]
fn pictures_and_sound_pass_in_the_events_that_carry_them() {
    let picture = SIGNATURE.repeat(40);
    for data in [
        format!(
            "{{\"type\":\"response.output_item.done\",\"item\":{{\"type\":\"image_generation_call\",\"id\":\"i\",\"result\":\"{picture}\"}}}}"
        ),
        format!(
            "{{\"choices\":[{{\"index\":0,\"delta\":{{\"images\":[{{\"type\":\"image_url\",\"image_url\":{{\"url\":\"data:image/png;base64,{picture}\"}}}}]}}}}]}}"
        ),
        format!("{{\"type\":\"image_generation.partial_image\",\"b64_json\":\"{picture}\"}}"),
        "{\"type\":\"response.output_audio.delta\",\"delta\":\"//8BAAIA/f8EAAEA/v8DAAIA\"}".to_owned(),
        "{\"type\":\"speech.audio.delta\",\"audio\":\"//8BAAIA/f8EAAEA/v8DAAIA\"}".to_owned(),
    ] {
        let (outs, seen) = super::run_parts(Dialect::OpenAi, [format!("data: {data}\n\n").as_bytes()]).expect("passes");
        assert_eq!(String::from_utf8(outs.concat()), Ok(format!("data: {data}\n\n")));
        assert_eq!(seen.unscanned.first().map(|(reason, _)| *reason), Some("media"), "{data}");
    }
    // What only stands where they do.
    for (kind, member) in [("image_generation_call", "result"), ("speech.audio.delta", "audio")] {
        let data = format!("{{\"type\":\"{kind}\",\"{member}\":\"4111111111111111\"}}");
        assert!(!passes(Dialect::OpenAi, &data), "{data}");
    }
}
