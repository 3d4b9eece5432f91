//! Anthropic Messages streams.

use super::{PROSE, anthropic_sums, assert_clean, fragments, json, quote, redacted, run, run_parts};
use crate::body::{BodyErrorKind, Dialect};

const ARGUMENTS: &str = "{\"to\": \"jane@example.com\", \"amount\": 4111111111111111, \"deep\": {\"a\": [\"\\u0034111 1111 1111 1111\", true]}}";
const SIGNATURE: &str = "EqoBCkgIAhABGAIiQL2m8Q1d7aTqZQ0xY3mN5n9v6k4pWw8cB1rTz0s5uVXyZg==";

fn event(name: &str, members: &str) -> String {
    let comma = if members.is_empty() { "" } else { "," };
    format!("event: {name}\ndata: {{\"type\":\"{name}\"{comma}{members}}}\n\n")
}

fn start(index: u64, block: &str) -> String {
    event("content_block_start", &format!("\"index\":{index},\"content_block\":{block}"))
}

fn delta(index: u64, kind: &str, member: &str, text: &str) -> String {
    let text = quote(text);
    event("content_block_delta", &format!("\"index\":{index},\"delta\":{{\"type\":\"{kind}\",\"{member}\":{text}}}"))
}

fn stop(index: u64) -> String {
    event("content_block_stop", &format!("\"index\":{index}"))
}

fn text(index: u64, text: &str) -> String {
    delta(index, "text_delta", "text", text)
}

fn thinking(index: u64, text: &str) -> String {
    delta(index, "thinking_delta", "thinking", text)
}

fn signature(index: u64, text: &str) -> String {
    delta(index, "signature_delta", "signature", text)
}

fn opening() -> String {
    event(
        "message_start",
        r#""message":{"id":"msg_1","type":"message","role":"assistant","model":"claude","content":[],"stop_reason":null,"usage":{"input_tokens":9,"output_tokens":1}}"#,
    )
}

fn closing() -> String {
    event("message_delta", r#""delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":12}"#)
        + &event("message_stop", "")
}

fn answer(len: usize) -> String {
    let mut body = opening() + &start(0, r#"{"type":"thinking","thinking":"","signature":""}"#);
    body += &event("ping", "");
    for part in fragments(PROSE, len) {
        body += &thinking(0, &part);
    }
    body += &signature(0, SIGNATURE);
    body += &stop(0);
    body += &start(1, r#"{"type":"text","text":""}"#);
    body += &start(2, r#"{"type":"tool_use","id":"toolu_1","name":"pay","input":{}}"#);
    body += &delta(2, "input_json_delta", "partial_json", "");
    let (prose, arguments) = (fragments(PROSE, len), fragments(ARGUMENTS, len));
    for at in 0..prose.len().max(arguments.len()) {
        if let Some(part) = prose.get(at) {
            body += &text(1, part);
        }
        body += &event("ping", "");
        if let Some(part) = arguments.get(at) {
            body += &delta(2, "input_json_delta", "partial_json", part);
        }
    }
    body + &stop(1) + &stop(2) + &closing()
}

#[test]
fn every_text_adds_up_to_its_redaction_in_every_fragment_size() {
    let (prose, arguments) = (redacted(PROSE, false), redacted(ARGUMENTS, true));
    for len in 1..=9 {
        let out = run(Dialect::Anthropic, answer(len).as_bytes());
        let sums = anthropic_sums(&out);
        assert_eq!(sums["0.thinking"], prose, "fragments of {len}");
        assert_eq!(sums["1.text"], prose, "fragments of {len}");
        assert_eq!(sums["2.partial_json"], arguments, "fragments of {len}");
        assert_eq!(sums["0.signature"], "", "the thinking has changed");
        json(&sums["2.partial_json"]);
        assert_clean(&out);
        sums.values().for_each(|sum| assert_clean(sum));
        assert!(out.ends_with(&closing()));
        assert_eq!(run(Dialect::Plain, answer(len).as_bytes()), out);
    }
}

/// Clients go by the event's name, and its data may not say what it is.
#[test]
fn events_that_only_their_names_tell_are_joined() {
    for unsaid in ["", "\"type\":null,"] {
        for len in 1..=9 {
            let said = answer(len);
            let mut body = said.clone();
            for name in ["content_block_start", "content_block_delta", "content_block_stop", "message_start"] {
                body = body.replace(&format!("{{\"type\":\"{name}\","), &format!("{{{unsaid}"));
            }
            assert!(body.len() < said.len() - 100);
            let out = run(Dialect::Anthropic, body.as_bytes());
            // What is written anew says it.
            let mut sums = super::Sums::new();
            for (name, data) in super::events(&out) {
                if name == "content_block_delta" {
                    let event = json(&data);
                    super::add_strings(&event["index"].to_string(), &event["delta"], &mut sums);
                }
            }
            let (prose, arguments) = (redacted(PROSE, false), redacted(ARGUMENTS, true));
            assert_eq!((&sums["0.thinking"], &sums["1.text"]), (&prose, &prose), "fragments of {len}");
            assert_eq!(sums["2.partial_json"], arguments, "fragments of {len}");
            assert_clean(&out);
            sums.values().for_each(|sum| assert_clean(sum));
        }
    }
}

#[test]
fn every_byte_chunking_gives_the_same_bytes() {
    let body = answer(3).into_bytes();
    let whole = run(Dialect::Anthropic, &body).into_bytes();
    let (outs, _) = run_parts(Dialect::Anthropic, body.chunks(1)).expect("passes");
    assert_eq!(outs.concat(), whole);
    for at in (0..body.len()).step_by(53) {
        let (a, b) = body.split_at(at);
        let (outs, _) = run_parts(Dialect::Anthropic, [a, b]).expect("passes");
        assert_eq!(outs.concat(), whole, "split at {at}");
    }
}

#[test]
fn every_split_into_two_deltas_is_covered() {
    for (whole, sum, kind, member) in [
        (PROSE, redacted(PROSE, false), "text_delta", "text"),
        (PROSE, redacted(PROSE, false), "thinking_delta", "thinking"),
        (ARGUMENTS, redacted(ARGUMENTS, true), "input_json_delta", "partial_json"),
    ] {
        for (at, _) in whole.char_indices() {
            let (a, b) = whole.split_at(at);
            let body = start(0, "{}") + &delta(0, kind, member, a) + &delta(0, kind, member, b) + &stop(0);
            let sums = anthropic_sums(&run(Dialect::Anthropic, body.as_bytes()));
            assert_eq!(sums[&format!("0.{member}")], sum, "split at {at}");
            let unfinished = start(0, "{}") + &delta(0, kind, member, a) + &delta(0, kind, member, b);
            for end in [closing(), event("message_stop", "")] {
                let sums = anthropic_sums(&run(Dialect::Anthropic, (unfinished.clone() + &end).as_bytes()));
                assert_eq!(sums[&format!("0.{member}")], sum, "split at {at}, without its block's end");
            }
            let (left, end) = super::early_end(Dialect::Anthropic, &unfinished);
            let left = anthropic_sums(&left).remove(&format!("0.{member}")).unwrap_or_default();
            assert!(sum.starts_with(&left), "split at {at}, cut off: {left}");
            assert_eq!(end, if left == sum { Ok(()) } else { Err(BodyErrorKind::Truncated) }, "split at {at}");
        }
    }
}

#[test]
fn arguments_are_the_beginning_of_valid_json_at_every_event() {
    for len in 1..=4 {
        let mut so_far = String::new();
        let whole = redacted(ARGUMENTS, true);
        let mut body = start(0, r#"{"type":"tool_use","id":"t","name":"n","input":{}}"#);
        for part in fragments(ARGUMENTS, len) {
            body += &delta(0, "input_json_delta", "partial_json", &part);
        }
        body += &stop(0);
        for (name, data) in super::events(&run(Dialect::Anthropic, body.as_bytes())) {
            if name == "content_block_delta" {
                so_far += json(&data)["delta"]["partial_json"].as_str().expect("a string");
                assert!(whole.starts_with(&so_far), "{so_far}");
                assert!(!so_far.ends_with('\\') && !so_far.ends_with("\\u00"), "cut inside an escape: {so_far}");
            }
        }
        assert_eq!(so_far, whole);
    }
}

#[test]
fn what_is_held_leaves_before_its_block_stops() {
    let body = start(0, r#"{"type":"text","text":""}"#) + &text(0, "to 4111 1111 1111 1111") + &stop(0);
    let expected =
        start(0, r#"{"type":"text","text":""}"#) + &text(0, "to ") + &text(0, "**** **** **** 1111") + &stop(0);
    assert_eq!(run(Dialect::Anthropic, body.as_bytes()), expected);
    let body = text(0, "to 4111 1111 1111 1111") + &closing();
    let expected = text(0, "to ") + &text(0, "**** **** **** 1111") + &closing();
    assert_eq!(run(Dialect::Anthropic, body.as_bytes()), expected);
}

#[test]
fn what_is_held_never_leaves_before_an_error_or_an_early_end() {
    let error = event("error", r#""error":{"type":"overloaded_error","message":"Overloaded"}"#);
    let held = text(0, "to 4111 1111 1111 111");
    for end in [error.clone(), error.clone() + &event("message_stop", "")] {
        let out = run(Dialect::Anthropic, (held.clone() + &end).as_bytes());
        assert_eq!(out, text(0, "to ") + &end);
    }
    // What goes on behind the error has not failed, and what had its own end was whole.
    let out = run(Dialect::Anthropic, (held.clone() + &error + &text(0, "1. ") + &stop(0)).as_bytes());
    assert_eq!(out, text(0, "to ") + &error + &text(0, "**** **** **** 1111. ") + &stop(0));
    let out = run(Dialect::Anthropic, (held.clone() + &stop(0) + &error).as_bytes());
    assert_eq!(out, text(0, "to ") + &text(0, "4111 1111 1111 111") + &stop(0) + &error);
    let (left, end) = super::early_end(Dialect::Anthropic, &held);
    assert_eq!((left, end), (text(0, "to "), Err(BodyErrorKind::Truncated)));
}

#[test]
fn a_text_begins_with_what_its_start_brings() {
    let body = start(0, r#"{"type":"text","text":"4111 1111 "}"#) + &text(0, "1111 1111. ") + &stop(0);
    let out = run(Dialect::Anthropic, body.as_bytes());
    assert_eq!(out, start(0, r#"{"type":"text","text":""}"#) + &text(0, "**** **** **** 1111. ") + &stop(0));
}

#[test]
fn signed_thinking_is_redacted_and_unsigned_or_left_alone() {
    let clean = start(0, r#"{"type":"thinking","thinking":"","signature":""}"#)
        + &thinking(0, "all is well. ")
        + &signature(0, SIGNATURE)
        + &stop(0);
    assert_eq!(run(Dialect::Anthropic, clean.as_bytes()), clean);
    let (_, seen) = run_parts(Dialect::Anthropic, [clean.as_bytes()]).expect("passes");
    assert_eq!(seen.unscanned, [("signature", SIGNATURE.len() as u64)]);
    // The last word is only judged when the signature comes.
    let body = clean.replace("well. ", "4111111111111111");
    let out = run(Dialect::Anthropic, body.as_bytes());
    let expected = clean.replace("well. ", "").replace(SIGNATURE, "");
    let signed = expected.find("event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"signature");
    let (before, after) = expected.split_at(signed.expect("a signature event"));
    assert_eq!(out, format!("{before}{}{after}", thinking(0, "************1111")));
    // A block that arrives whole.
    let whole =
        start(0, &format!("{{\"type\":\"thinking\",\"thinking\":\"4111111111111111\",\"signature\":\"{SIGNATURE}\"}}"));
    let expected = start(0, r#"{"type":"thinking","thinking":"************1111","signature":""}"#);
    assert_eq!(run(Dialect::Anthropic, whole.as_bytes()), expected);
    // The next block of the same place is another text.
    let again = body.clone() + &clean;
    assert!(run(Dialect::Anthropic, again.as_bytes()).ends_with(&clean));
}

#[test]
fn whole_blocks_and_citations_are_scanned_and_opaque_strings_are_not() {
    let opaque = "EqgfCioIARgBIiQ3YTAwMjY1Mi1mZjM5LTQ1NGUtODgxNC1kNjNjNTk1ZWI3YABBCDEFGHIJ==";
    let result = |mail: &str| {
        start(
            0,
            &format!(
                r#"{{"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[{{"type":"web_search_result","title":"write to {mail}","url":"https://example.com/","encrypted_content":"{opaque}","page_age":null}}]}}"#
            ),
        ) + &event(
            "content_block_delta",
            &format!(
                r#""index":0,"delta":{{"type":"citations_delta","citation":{{"type":"web_search_result_location","cited_text":"{mail} is hers","url":"u","title":"t","encrypted_index":"{opaque}"}}}}"#
            ),
        ) + &start(1, &format!(r#"{{"type":"redacted_thinking","data":"{opaque}"}}"#))
            + &start(
                2,
                &format!(r#"{{"type":"bash_code_execution_tool_result","content":{{"stdout":"{mail}","stderr":""}}}}"#),
            )
            + &start(
                3,
                &format!(r#"{{"type":"server_tool_use","id":"s","name":"web_search","input":{{"query":"{mail}"}}}}"#),
            )
    };
    assert_eq!(run(Dialect::Anthropic, result("jane@example.com").as_bytes()), result("jane@***"));
    let (_, seen) = run_parts(Dialect::Anthropic, [result("x").as_bytes()]).expect("passes");
    assert_eq!(seen.unscanned, [("id", "srvtoolu_1".len() as u64), ("encrypted", 3 * opaque.len() as u64)]);
    let short = start(0, r#"{"type":"redacted_thinking","data":"4111111111111111"}"#);
    assert!(run(Dialect::Anthropic, short.as_bytes()).contains("************1111"));
    // No encoding: what claims to be opaque is scanned.
    let digits = start(0, r#"{"type":"x","encrypted_content":"pan 4111111111111111 pan 4111111111111111"}"#);
    assert_clean(&run(Dialect::Anthropic, digits.as_bytes()));
}

/// A delta of a kind that we do not know grows all the same, and what was held leaves in a delta of its kind.
#[test]
fn deltas_of_an_unknown_kind_are_texts() {
    let event = |kind: &str, rest: &str| format!("event: {kind}\ndata: {{\"type\":\"{kind}\",\"index\":0{rest}}}\n\n");
    let mut body = event("content_block_start", ",\"content_block\":{\"type\":\"future\",\"content\":null}");
    for text in fragments(PROSE, 3) {
        let delta = format!(",\"delta\":{{\"type\":\"future_delta\",\"content\":{}}}", quote(&text));
        body.push_str(&event("content_block_delta", &delta));
    }
    body.push_str(&event("content_block_stop", ""));
    let out = run(Dialect::Anthropic, body.as_bytes());
    assert_clean(&out);
    assert_eq!(anthropic_sums(&out)["0.content"], redacted(PROSE, false));
    assert_eq!(out.matches("future_delta").count(), out.matches("content_block_delta").count() / 2);
}

/// A compaction comes whole in one delta, which readers set: it is judged where it stands, and never split.
#[test]
fn a_compaction_stays_in_its_delta() {
    let event = |kind: &str, rest: &str| format!("event: {kind}\ndata: {{\"type\":\"{kind}\",\"index\":0{rest}}}\n\n");
    let body = |summary: &str| {
        let delta = format!(
            ",\"delta\":{{\"type\":\"compaction_delta\",\"content\":{},\"encrypted_content\":null}}",
            quote(summary)
        );
        event("content_block_start", ",\"content_block\":{\"type\":\"compaction\",\"content\":null}")
            + &event("content_block_delta", &delta)
            + &event("content_block_stop", "")
    };
    for (said, left) in [
        ("It was about a television series.", "It was about a television series.".to_owned()),
        ("card 4111 1111 1111 1111", "card **** **** **** 1111".to_owned()),
        (PROSE, redacted(PROSE, false)),
    ] {
        assert_eq!(run(Dialect::Anthropic, body(said).as_bytes()), body(&left));
    }
}
