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
