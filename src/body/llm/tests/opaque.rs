//! What passes as a signature or as sound, and what only calls itself so.

use super::{PROSE, assert_clean, events, fragments, json, quote, redacted, run};
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

fn event(kind: &str, members: &str) -> String {
    format!("event: {kind}\ndata: {{\"type\":\"{kind}\",{members}}}\n\n")
}

fn block(pieces: &[String]) -> String {
    let mut body =
        event("content_block_start", "\"index\":0,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\"}");
    for piece in pieces {
        let delta = format!("{{\"type\":\"signature_delta\",\"signature\":{}}}", quote(piece));
        body += &event("content_block_delta", &format!("\"index\":0,\"delta\":{delta}"));
    }
    body + &event("content_block_stop", "\"index\":0")
}

fn chunk(delta: &str, reason: &str) -> String {
    format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{reason}}}]}}\n\n")
}

fn call(members: &str) -> String {
    chunk(&format!("{{\"tool_calls\":[{{\"index\":0,{members}}}]}}"), "null")
}

/// What is added up of the strings of a stream's deltas.
fn sums(out: &str) -> super::Sums {
    let mut sums = super::Sums::new();
    for (_, data) in events(out).iter().filter(|(_, data)| data != "[DONE]") {
        let event = json(data);
        super::add_strings("delta", &event["delta"], &mut sums);
        super::add_strings("delta", &event["choices"][0]["delta"], &mut sums);
    }
    sums
}

#[test]
fn what_claims_to_be_no_text_and_comes_in_pieces_is_joined() {
    let prose = redacted(PROSE, false);
    for len in 1..=9 {
        let pieces = fragments(PROSE, len);
        let out = run(Dialect::Anthropic, block(&pieces).as_bytes());
        assert_eq!(sums(&out)["delta.signature"], prose, "fragments of {len}");
        let end = chunk("{}", "\"stop\"") + "data: [DONE]\n\n";
        for (before, after, path) in [
            ("{\"tool_calls\":[{\"index\":0,\"function\":{\"name\":", "}}]}", "delta.tool_calls[0].function.name"),
            ("{\"tool_calls\":[{\"index\":0,\"id\":", "}]}", "delta.tool_calls[0].id"),
            ("{\"function_call\":{\"name\":", "}}", "delta.function_call.name"),
            ("{\"audio\":{\"data\":", "}}", "delta.audio.data"),
        ] {
            let piece = |text: &String| chunk(&format!("{before}{}{after}", quote(text)), "null");
            let body = pieces.iter().map(piece).collect::<String>() + &end;
            let out = run(Dialect::OpenAi, body.as_bytes());
            assert_clean(&out);
            assert_eq!(sums(&out)[path], prose, "{path} in fragments of {len}");
        }
        for kind in ["response.audio", "response.output_audio"] {
            let delta = |text: &String| event(&format!("{kind}.delta"), &format!("\"delta\":{}", quote(text)));
            let body = pieces.iter().map(delta).collect::<String>() + &event(&format!("{kind}.done"), "\"x\":1");
            assert_eq!(sums(&run(Dialect::OpenAi, body.as_bytes()))["delta"], prose, "{kind} in fragments of {len}");
        }
    }
}

#[test]
fn what_is_as_it_claims_stays_byte_for_byte() {
    let whole = SIGNATURE.to_owned() + "Zm9v";
    let (head, tail) = (whole.clone(), "AbCdEf0123+/gh==".to_owned());
    for body in [
        block(std::slice::from_ref(&whole)),
        block(&[head.clone(), tail.clone()]),
        block(&[head.clone(), head.clone(), tail]),
        event("response.audio.delta", &format!("\"delta\":\"{whole}\""))
            + &event("response.audio.delta", "\"delta\":\"AAEC\"")
            + &event("response.audio.done", "\"x\":1"),
    ] {
        assert_eq!(run(Dialect::Plain, body.as_bytes()), body);
    }
    // In small pieces the sum is the same.
    let out = run(Dialect::Anthropic, block(&fragments(&whole, 16)).as_bytes());
    assert_eq!(sums(&out)["delta.signature"], whole);
    let end = chunk("{}", "\"tool_calls\"") + "data: [DONE]\n\n";
    for body in [
        call("\"id\":\"call_Ab12Cd34\",\"function\":{\"name\":\"getWeather\",\"arguments\":\"\"}")
            + &call("\"id\":\"call_Ab12Cd34\",\"function\":{\"name\":\"getWeather\",\"arguments\":\"{}\"}"),
        call("\"id\":\"365174485\",\"function\":{\"name\":\"get_\",\"arguments\":\"\"}")
            + &call("\"function\":{\"name\":\"weather\",\"arguments\":\"{}\"}"),
        // Another call at the same place.
        call("\"id\":\"call_1a\",\"function\":{\"name\":\"readFile\",\"arguments\":\"{}\"}")
            + &call("\"id\":\"call_2b\",\"function\":{\"name\":\"writeFile\",\"arguments\":\"{}\"}"),
    ] {
        let body = body + &end;
        assert_eq!(run(Dialect::OpenAi, body.as_bytes()), body);
    }
}

#[test]
fn what_only_makes_events_longer_is_random_or_says_nothing() {
    for (came, leaves) in
        [("x7Qp", "x7Qp"), ("", ""), ("4111", "xxxx"), (" 11", "xxx"), ("jane@exa", "xxxxxxxx"), ("aB3", "aB3")]
    {
        let chat = |text: &str| {
            format!(
                "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"\"}}}}],\"obfuscation\":\"{text}\"}}\n\n"
            )
        };
        assert_eq!(run(Dialect::OpenAi, chat(came).as_bytes()), chat(leaves));
        let delta =
            |text: &str| event("response.output_text.delta", &format!("\"delta\":\"\",\"obfuscation\":\"{text}\""));
        assert_eq!(run(Dialect::OpenAi, delta(came).as_bytes()), delta(leaves));
    }
}
