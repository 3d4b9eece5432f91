//! Cohere's chat events.

use super::{
    PROSE, Sums, assert_any_chunking, assert_clean, assert_cuts_show_nothing, events, fragments, json, quote, redacted,
    run, run_parts, scopes, stream,
};
use crate::body::Dialect;

const ARGUMENTS: &str =
    "{\"card\": \"4111 1111 1111 1111\", \"n\": [4111111111111111, 12], \"note\": \"jane@example.com\"}";

fn event(kind: &str, members: &str) -> String {
    format!("event: {kind}\ndata: {{\"type\":\"{kind}\"{members}}}\n\n")
}

fn indexed(kind: &str, index: u64, message: &str) -> String {
    event(kind, &format!(",\"index\":{index},\"delta\":{{\"message\":{message}}}"))
}

/// A plan, two calls, thinking and a text, in fragments of `len`.
fn answer(len: usize) -> String {
    let mut body =
        event("message-start", ",\"id\":\"m1\",\"delta\":{\"message\":{\"role\":\"assistant\",\"content\":[]}}");
    for part in fragments(PROSE, len) {
        body += &event("tool-plan-delta", &format!(",\"delta\":{{\"message\":{{\"tool_plan\":{}}}}}", quote(&part)));
    }
    for call in 0..2 {
        body += &indexed(
            "tool-call-start",
            call,
            &format!(
                "{{\"tool_calls\":{{\"id\":\"pay_{call}\",\"type\":\"function\",\"function\":{{\"name\":\"pay\",\"arguments\":\"\"}}}}}}"
            ),
        );
    }
    for part in fragments(ARGUMENTS, len) {
        for call in 0..2 {
            let message = format!("{{\"tool_calls\":{{\"function\":{{\"arguments\":{}}}}}}}", quote(&part));
            body += &indexed("tool-call-delta", call, &message);
        }
    }
    for call in 0..2 {
        body += &event("tool-call-end", &format!(",\"index\":{call}"));
    }
    for (index, kind) in ["thinking", "text"].iter().enumerate() {
        let index = index as u64;
        body += &indexed("content-start", index, &format!("{{\"content\":{{\"type\":\"{kind}\",\"{kind}\":\"\"}}}}"));
        for part in fragments(PROSE, len) {
            body += &indexed("content-delta", index, &format!("{{\"content\":{{\"{kind}\":{}}}}}", quote(&part)));
        }
        body += &event("content-end", &format!(",\"index\":{index}"));
    }
    body += &indexed(
        "citation-start",
        0,
        "{\"citations\":{\"start\":0,\"end\":8,\"text\":\"Pay with jane@example.com\",\"sources\":[{\"type\":\"document\",\"id\":\"d\",\"document\":{\"note\":\"078-05-1120\"}}]}}",
    );
    body += &event("citation-end", ",\"index\":0");
    body + &event(
        "message-end",
        ",\"delta\":{\"finish_reason\":\"COMPLETE\",\"usage\":{\"tokens\":{\"output_tokens\":9}}}",
    )
}

/// What a reader adds up. Panics where names disagree or a part goes on after its end.
fn sums(body: &str) -> Sums {
    let mut sums = Sums::new();
    let mut open = Vec::new();
    for (name, data) in events(body) {
        let event = json(&data);
        assert_eq!(event["type"], name, "the event's name and its type");
        let message = &event["delta"]["message"];
        let (group, last) = name.rsplit_once('-').expect("two words");
        let part = (group.to_owned(), event["index"].as_u64());
        match last {
            "start" => open.push(part.clone()),
            "end" => open.retain(|other| *other != part),
            _ => assert!(group == "tool-plan" || open.contains(&part), "a delta outside of its part: {data}"),
        }
        let index = event["index"].as_u64().unwrap_or(0);
        for (name, text) in [
            ("text", &message["content"]["text"]),
            ("thinking", &message["content"]["thinking"]),
            ("plan", &message["tool_plan"]),
            ("arguments", &message["tool_calls"]["function"]["arguments"]),
        ] {
            if let Some(text) = text.as_str() {
                sums.entry(format!("{index}.{name}")).or_default().push_str(text);
            }
        }
    }
    sums
}

#[test]
fn every_text_adds_up_to_its_redaction_in_every_fragment_size() {
    let (prose, arguments) = (redacted(PROSE, false), redacted(ARGUMENTS, true));
    for len in 1..=9 {
        let out = run(Dialect::Cohere, answer(len).as_bytes());
        assert_clean(&out);
        let sums = sums(&out);
        for (key, expected) in [
            ("0.plan", &prose),
            ("0.arguments", &arguments),
            ("1.arguments", &arguments),
            ("0.thinking", &prose),
            ("1.text", &prose),
        ] {
            assert_eq!(&sums[key], expected, "{key} in fragments of {len}");
        }
        sums.values().for_each(|sum| assert_clean(sum));
        json(&sums["0.arguments"]);
        assert_eq!(run(Dialect::Plain, answer(len).as_bytes()), out);
    }
}

#[test]
fn any_chunking_gives_the_same_bytes_and_a_cut_shows_nothing_held() {
    let body = answer(4);
    let whole = run(Dialect::Cohere, body.as_bytes());
    assert_any_chunking(&body, &whole, |parts| run_parts(Dialect::Cohere, parts.iter().copied()).expect("passes").0);
    assert_cuts_show_nothing(&body, &whole, || Box::new(stream(&scopes(), Dialect::Cohere)));
}

#[test]
fn every_split_into_two_deltas_is_covered_and_a_start_may_bring_text() {
    for (at, _) in PROSE.char_indices() {
        let (a, b) = PROSE.split_at(at);
        let first = format!("{{\"content\":{{\"type\":\"text\",\"text\":{}}}}}", quote(a));
        let second = format!("{{\"content\":{{\"text\":{}}}}}", quote(b));
        let body = indexed("content-start", 0, &first)
            + &indexed("content-delta", 0, &second)
            + &event("content-end", ",\"index\":0");
        assert_eq!(sums(&run(Dialect::Cohere, body.as_bytes()))["0.text"], redacted(PROSE, false), "split at {at}");
    }
    let open = indexed("content-start", 0, "{\"content\":{\"type\":\"text\",\"text\":\"4111 1111 1111 1111\"}}")
        + &event("content-end", ",\"index\":0");
    assert_eq!(sums(&run(Dialect::Cohere, open.as_bytes()))["0.text"], "**** **** **** 1111");
}

#[test]
fn what_no_finding_touches_leaves_byte_for_byte_and_new_members_are_followed() {
    let body = event("message-start", ",\"id\":\"m1\"")
        + &indexed("content-start", 0, "{ \"content\":{\"type\":\"text\",\"text\":\"\"} }")
        + &indexed("content-delta", 0, "{\"content\":{\"text\":\"Nothing to see. \"}}")
        + &event("debug", ",\"prompt\":\"x\"")
        + &event("content-end", ",\"index\":0")
        + &event("message-end", ",\"delta\":{\"finish_reason\":\"COMPLETE\"}");
    assert_eq!(run(Dialect::Cohere, body.as_bytes()), body);
    let named: String = fragments("my 4111 1111 1111 1111", 2)
        .iter()
        .map(|part| indexed("content-delta", 0, &format!("{{\"content\":{{\"words\":{}}}}}", quote(part))))
        .collect();
    let out = run(Dialect::Cohere, (named + &event("content-end", ",\"index\":0")).as_bytes());
    let words: String = events(&out)
        .iter()
        .filter_map(|(_, data)| Some(json(data)["delta"]["message"]["content"]["words"].as_str()?.to_owned()))
        .collect();
    assert_eq!(words, "my **** **** **** 1111");
}

#[test]
fn token_details_beside_a_changed_text_are_dropped() {
    let delta = |text: &str| {
        event(
            "content-delta",
            &format!(
                ",\"index\":0,\"delta\":{{\"message\":{{\"content\":{{\"text\":\"{text}\"}}}}}},\"logprobs\":{{\"text\":\"{text}\",\"token_ids\":[1,2]}}"
            ),
        )
    };
    let out = run(Dialect::Cohere, (delta("all is well. ") + &delta("4111 1111 ") + &delta("1111 1111. ")).as_bytes());
    assert_clean(&out);
    assert!(out.starts_with(&delta("all is well. ")), "{out}");
    assert_eq!(out.matches("\"logprobs\":null").count(), 2, "{out}");
}
