//! Gemini's messages, as events and as one array that comes piece by piece.

use super::{
    PROSE, Sums, assert_any_chunking, assert_clean, assert_cuts_show_nothing, early_end, events, fragments, json,
    quote, redacted, run, run_parts, run_series, scopes, stream,
};
use crate::body::series::Series;
use crate::body::{BodyErrorKind, BodyLimits, Dialect};

const HEAD: &str = r#""modelVersion":"gemini-2.5-pro","responseId":"r1""#;
const SIGNATURE: &str = "CiQBVKhc7vDkYlNhXwq5oVqkZ1oQv3T2z8mJrQb7s9FhDkLpWxYtUeRaGcIjNoMuSvEqBzHy";

fn message(candidates: &str) -> String {
    format!("{{\"candidates\": [{candidates}],\"usageMetadata\":{{\"promptTokenCount\":5}},{HEAD}}}")
}

fn text(candidate: u64, text: &str, members: &str) -> String {
    let index = if candidate == 0 { String::new() } else { format!(",\"index\":{candidate}") };
    let text = quote(text);
    format!("{{\"content\":{{\"parts\":[{{\"text\":{text}{members}}}],\"role\":\"model\"}}{index}}}")
}

fn last(candidate: u64, text: &str) -> String {
    format!(
        "{{\"content\":{{\"parts\":[{{\"text\":{}}}],\"role\":\"model\"}},\"finishReason\":\"STOP\",\"index\":{candidate}}}",
        quote(text)
    )
}

/// Thoughts and the text of two candidates, a call, and a last message that has the ends of both texts in it.
fn messages(len: usize) -> Vec<String> {
    let mut messages = Vec::new();
    let parts = fragments(PROSE, len);
    for part in &parts {
        messages.push(message(&text(0, part, ",\"thought\":true")));
    }
    messages.push(message(&format!(
        "{{\"content\":{{\"parts\":[{{\"functionCall\":{{\"name\":\"pay\",\"args\":{{\"card\":\"4111 1111 1111 1111\",\"n\":[4111111111111111]}}}},\"thoughtSignature\":\"{SIGNATURE}\"}}]}}}}"
    )));
    let (end, before) = parts.split_last().expect("a text");
    for part in before {
        messages.push(message(&format!("{},{}", text(0, part, ""), text(1, part, ""))));
    }
    messages.push(message(&format!("{},{}", last(0, end), last(1, end))));
    messages
}

fn sse(messages: &[String]) -> String {
    messages.iter().map(|message| format!("data: {message}\r\n\r\n")).collect()
}

fn array(messages: &[String]) -> String {
    format!("[{}\n]", messages.join("\n,\r\n"))
}

fn of_events(body: &str) -> Vec<serde_json::Value> {
    events(&body.replace("\r\n", "\n")).iter().map(|(_, data)| json(data)).collect()
}

fn of_array(body: &str) -> Vec<serde_json::Value> {
    json(body).as_array().expect("an array").clone()
}

/// What a reader adds up. Panics where a candidate goes on after its end.
fn sums(messages: &[serde_json::Value]) -> Sums {
    let mut sums = Sums::new();
    let mut finished = Vec::new();
    for message in messages {
        for candidate in message["candidates"].as_array().expect("candidates") {
            let index = candidate["index"].as_u64().unwrap_or(0);
            assert!(!finished.contains(&index), "candidate {index} goes on after its end: {message}");
            for part in candidate["content"]["parts"].as_array().into_iter().flatten() {
                let kind = if part["thought"] == true { "thought" } else { "text" };
                if let Some(text) = part["text"].as_str() {
                    sums.entry(format!("{index}.{kind}")).or_default().push_str(text);
                }
            }
            if candidate["finishReason"].is_string() {
                finished.push(index);
            }
        }
    }
    sums
}

fn in_series(body: &str) -> String {
    let (outs, _) = run_series(Dialect::Gemini, [body.as_bytes()]).expect("passes");
    String::from_utf8(outs.concat()).expect("UTF-8")
}

fn expected() -> Sums {
    let prose = redacted(PROSE, false);
    ["0.text", "0.thought", "1.text"].map(|key| (key.to_owned(), prose.clone())).into()
}

#[test]
fn every_text_adds_up_to_its_redaction_in_every_fragment_size() {
    for len in 1..=9 {
        let messages = messages(len);
        let out = run(Dialect::Gemini, sse(&messages).as_bytes());
        assert_clean(&out);
        assert_eq!(sums(&of_events(&out)), expected(), "fragments of {len}");
        assert!(
            !out.contains(SIGNATURE)
                && out.contains("\"thoughtSignature\":\"c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=\"")
                && out.contains("\"**** **** **** 1111\"")
        );
        assert_eq!(run(Dialect::Plain, sse(&messages).as_bytes()), out);
        let out = in_series(&array(&messages));
        assert_clean(&out);
        assert_eq!(sums(&of_array(&out)), expected(), "fragments of {len}");
    }
}

#[test]
fn any_chunking_gives_the_same_bytes_and_a_cut_shows_nothing_held() {
    let messages = messages(9);
    let (body, whole) = (sse(&messages), run(Dialect::Gemini, sse(&messages).as_bytes()));
    assert_any_chunking(&body, &whole, |parts| run_parts(Dialect::Gemini, parts.iter().copied()).expect("passes").0);
    assert_cuts_show_nothing(&body, &whole, || Box::new(stream(&scopes(), Dialect::Gemini)));
    let (body, whole) = (array(&messages), in_series(&array(&messages)));
    assert_any_chunking(&body, &whole, |parts| run_series(Dialect::Gemini, parts.iter().copied()).expect("passes").0);
    assert_cuts_show_nothing(&body, &whole, || {
        Box::new(Series::new(scopes(), &BodyLimits::default(), Dialect::Gemini))
    });
    for end in 1..body.len() {
        let cut = run_series(Dialect::Gemini, [&body.as_bytes()[..end]]);
        assert_eq!(cut.map(drop), Err(BodyErrorKind::Truncated), "cut at {end}");
    }
}

#[test]
fn what_no_finding_touches_leaves_byte_for_byte() {
    let words = fragments("Nothing to see here, thank you; 12 of 34.\n", 3);
    let mut messages: Vec<String> = words.iter().map(|word| message(&text(0, word, ""))).collect();
    messages.push(message("{\"finishReason\":\"STOP\",\"citationMetadata\":{\"citationSources\":[{\"startIndex\":1,\"uri\":\"https://example.org/a\"}]}}"));
    // Fragments move; nothing else does.
    let shown = sums(&of_array(&in_series(&array(&messages))));
    assert_eq!(shown["0.text"], words.concat());
    let whole = [message(&text(0, "Nothing to see here. ", "")), message(&last(0, "Thank you. "))];
    for body in [array(&whole), format!(" [ {} , {} ] \n", whole[0], whole[1]), "[ ]".to_owned(), "[{}]".to_owned()] {
        assert_eq!(in_series(&body), body);
    }
    assert_eq!(run(Dialect::Gemini, sse(&whole).as_bytes()), sse(&whole));
}

#[test]
fn a_text_and_its_end_may_stand_in_one_message_or_in_several() {
    for (at, _) in PROSE.char_indices() {
        let (a, b) = PROSE.split_at(at);
        for messages in [
            vec![message(&text(0, a, "")), message(&last(0, b))],
            // Some models finish in every message.
            vec![message(&last(0, a)), message(&last(0, b))],
            vec![message(&text(0, a, "")), message(&text(0, b, "")), message("{\"finishReason\":\"STOP\"}")],
            vec![message(&text(0, a, "")), message(&text(0, b, "")), message("{\"finish_reason\":\"SAFETY\"}")],
            vec![message(&format!(
                "{{\"content\":{{\"parts\":[{{\"text\":{}}},{{\"text\":{}}}]}},\"finish_reason\":\"STOP\"}}",
                quote(a),
                quote(b)
            ))],
        ] {
            let finishing_twice = messages.iter().filter(|message| message.contains("finishReason")).count() > 1;
            let (events, array) = (run(Dialect::Plain, sse(&messages).as_bytes()), in_series(&array(&messages)));
            for mut out in [of_events(&events), of_array(&array)] {
                if finishing_twice && out.len() > 1 {
                    out[0]["candidates"][0]["finishReason"].take();
                }
                assert_eq!(sums(&out)["0.text"], redacted(PROSE, false), "split at {at}: {messages:?}");
            }
        }
    }
}

#[test]
fn an_answer_inside_another_and_other_names_are_followed() {
    for (at, _) in PROSE.char_indices() {
        let (a, b) = PROSE.split_at(at);
        let part = |text: &str, end: &str| {
            format!(
                "{{\"response\":{{\"candidates\":[{{\"content\":{{\"parts\":[{{\"text\":{}}}]}}{end}}}],\"model_version\":\"g\"}},\"traceId\":\"t\"}}",
                quote(text)
            )
        };
        let body = sse(&[part(a, ""), part(b, ""), part("", ",\"finish_reason\":\"MAX_TOKENS\"")]);
        let out = run(Dialect::Plain, body.as_bytes());
        let inner: Vec<_> = of_events(&out).iter().map(|message| message["response"].clone()).collect();
        assert_eq!(sums(&inner)["0.text"], redacted(PROSE, false), "split at {at}");
    }
}

#[test]
fn strings_of_a_call_that_come_piece_by_piece_are_joined() {
    let call = |path: &str, text: &str, goes_on: bool| {
        let goes_on = if goes_on { ",\"willContinue\":true" } else { "" };
        message(&format!(
            "{{\"content\":{{\"parts\":[{{\"functionCall\":{{\"partialArgs\":[{{\"jsonPath\":\"{path}\",\"stringValue\":{}{goes_on}}}],\"willContinue\":true}}}}]}}}}",
            quote(text)
        ))
    };
    for len in 1..=5 {
        let mut messages = Vec::new();
        for part in fragments(PROSE, len) {
            messages.push(call("$.note", &part, true));
            messages.push(call("$.other", &part, true));
        }
        messages.push(call("$.note", "", false));
        messages.push(message("{\"finishReason\":\"STOP\"}"));
        let out = in_series(&array(&messages));
        let mut sums = Sums::new();
        for message in of_array(&out) {
            for part in message["candidates"][0]["content"]["parts"].as_array().into_iter().flatten() {
                let argument = &part["functionCall"]["partialArgs"][0];
                let path = argument["jsonPath"].as_str().expect("a path").to_owned();
                sums.entry(path).or_default().push_str(argument["stringValue"].as_str().expect("a text"));
            }
        }
        assert_eq!(sums["$.note"], redacted(PROSE, false), "fragments of {len}");
        assert_eq!(sums["$.other"], redacted(PROSE, false), "fragments of {len}");
    }
}

#[test]
fn copies_of_the_text_are_scanned_or_dropped() {
    let card = "4111 1111 1111 1111";
    let logprobs = "\"logprobsResult\":{\"chosenCandidates\":[{\"token\":\"4111 \",\"logProbability\":-0.1}]}";
    let body = sse(&[message(&format!(
        "{{\"content\":{{\"parts\":[{{\"text\":\"pay {card}. \"}}]}},\"finishReason\":\"STOP\",{logprobs},\"groundingMetadata\":{{\"groundingSupports\":[{{\"segment\":{{\"text\":\"pay {card}\"}}}}],\"webSearchQueries\":[\"{card}\"]}}}}"
    ))]);
    let out = run(Dialect::Gemini, body.as_bytes());
    assert_clean(&out);
    assert!(out.contains("\"logprobsResult\":null"), "{out}");
    let clean = body.replace(card, "later");
    assert_eq!(run(Dialect::Gemini, clean.as_bytes()), clean);
    let error =
        format!("[{{\"error\":{{\"code\":400,\"message\":\"bad card {card}\",\"status\":\"INVALID_ARGUMENT\"}}}}]");
    assert_eq!(in_series(&error), error.replace(card, "**** **** **** 1111"));
}

#[test]
fn an_array_stays_one_whichever_records_wait() {
    // The first message of one candidate waits behind messages of the other.
    let (one, other) = ("call 4111 1111 1111", "all is well. ");
    let messages = vec![
        message(&last(1, one)),
        message(&text(0, other, "")),
        message(&text(0, other, "")),
        message(&last(0, "x")),
    ];
    let out = in_series(&array(&messages));
    let sums = sums(&of_array(&out));
    assert_eq!((sums["1.text"].as_str(), sums["0.text"].as_str()), (one, "all is well. all is well. x"));
    let error = "{\"error\":{\"message\":\"x\"}}".to_owned();
    let out = in_series(&array(&[message(&text(0, one, "")), error.clone()]));
    // What is held never leaves before an error.
    assert_eq!(out, array(&[message(&text(0, "call ", "")), error]));
}

#[test]
fn what_is_not_held_leaves_with_its_own_bytes() {
    let words = ["one ", "two ", "three "].map(|word| message(&text(0, word, "")));
    let parts: Vec<&[u8]> = ["[", &words[0], "\n", ",\r\n", &words[1], ",", &words[2], "\n]"].map(str::as_bytes).into();
    let (outs, _) = run_series(Dialect::Gemini, parts.iter().copied()).expect("passes");
    outs.iter().zip(&parts).for_each(|(out, part)| assert_eq!(out, part));
}

/// What signs a part holds no more where the part, or the text that it goes on with, has changed.
#[test]
fn a_changed_part_is_not_signed() {
    let call = |n: &str, signature: &str| {
        message(&format!(
            "{{\"content\":{{\"parts\":[{{\"functionCall\":{{\"args\":{{\"n\":\"{n}\"}}}},\"thoughtSignature\":\"{signature}\"}}]}}}}"
        ))
    };
    let first = |n: &str, signature: &str| {
        message(&format!(
            "{{\"content\":{{\"parts\":[{{\"thoughtSignature\":\"{signature}\",\"functionCall\":{{\"args\":{{\"n\":\"{n}\"}}}}}}]}}}}"
        ))
    };
    let signed =
        |said: &str, signature: &str| message(&text(0, said, &format!(",\"thoughtSignature\":\"{signature}\"")));
    let end = || message(&last(0, ""));
    let out = |messages: &[String]| run(Dialect::Gemini, sse(messages).as_bytes());
    let clean = [signed("so be it. ", SIGNATURE), call("x", SIGNATURE), first("x", SIGNATURE), end()];
    assert_eq!(out(&clean), sse(&clean));
    for write in [&call as &dyn Fn(&str, &str) -> String, &first] {
        let said = out(&[signed("so be it. ", SIGNATURE), write("4111 1111 1111 1111", SIGNATURE), end()]);
        assert_eq!(said.matches(SIGNATURE).count(), 1, "{said}");
    }
    // A text that has changed leaves what signs a call as it is, but not what signs its own end.
    let body = [message(&text(0, "pay 4111 1111 1111 1111, ", "")), call("x", SIGNATURE), signed("", SIGNATURE), end()];
    let said = out(&body);
    assert!(said.contains(&call("x", SIGNATURE)) && said.matches(SIGNATURE).count() == 1, "{said}");
}

/// Places tell nothing of where a text ends: some models finish in every message, with what they cite.
#[test]
fn a_message_that_finishes_with_places_ends_no_text() {
    let places = [
        "\"groundingMetadata\":{\"groundingSupports\":[{\"segment\":{\"endIndex\":3}}]}",
        "\"citationMetadata\":{\"citationSources\":[{\"startIndex\":0,\"endIndex\":3}]}",
    ];
    for (len, places) in [1, 3, 9].into_iter().flat_map(|len| places.map(|places| (len, places))) {
        let said = |part: &String| {
            let text = quote(part);
            message(&format!("{{\"content\":{{\"parts\":[{{\"text\":{text}}}]}},\"finishReason\":\"STOP\",{places}}}"))
        };
        let messages: Vec<String> = fragments(PROSE, len).iter().map(said).collect();
        for mut out in
            [of_events(&run(Dialect::Gemini, sse(&messages).as_bytes())), of_array(&in_series(&array(&messages)))]
        {
            for message in &mut out {
                message["candidates"][0]["finishReason"].take();
            }
            assert_eq!(sums(&out)["0.text"], redacted(PROSE, false), "{len} {places}");
        }
    }
}

/// What is cited up to the last word of an answer is cited up to it when that is another one.
#[test]
fn places_of_a_text_that_ends_in_a_finding_move() {
    let body = |text: &str, end: usize| {
        let text = quote(text);
        sse(&[message(&format!(
            "{{\"content\":{{\"parts\":[{{\"text\":{text}}}]}},\"finishReason\":\"STOP\",\"groundingMetadata\":{{\"groundingSupports\":[{{\"segment\":{{\"startIndex\":4,\"endIndex\":{end}}}}}]}}}}"
        ))])
    };
    let (came, left) = ("Ask jane@example.com", "Ask jane@***");
    assert_eq!(run(Dialect::Gemini, body(came, came.len()).as_bytes()), body(left, left.len()));
}

/// Gemini 3 signs an answer in a part behind it that says nothing, and a call in its own part: what is held of the text
/// before comes in a part of its own, and a signature stays where nothing was found.
#[test]
fn what_is_held_comes_before_what_is_signed() {
    let signed = |end: &str| {
        message(&format!("{{\"content\":{{\"parts\":[{{\"text\":\"\",\"thoughtSignature\":\"{SIGNATURE}\"}}]}}{end}}}"))
    };
    let call = message(&format!(
        "{{\"content\":{{\"parts\":[{{\"functionCall\":{{\"name\":\"f\",\"args\":{{}}}},\"thoughtSignature\":\"{SIGNATURE}\"}}]}}}}"
    ));
    let end = message("{\"content\":{\"parts\":[{\"text\":\"\"}]},\"finishReason\":\"STOP\"}");
    let said = |thought: bool| {
        let thought = if thought { ",\"thought\":true" } else { "" };
        ["so be", " it"].map(|part| message(&text(0, part, thought)))
    };
    for (thought, behind) in [
        (false, vec![signed(",\"finishReason\":\"STOP\"")]),
        (false, vec![signed(""), end.clone()]),
        (false, vec![call.clone(), end.clone()]),
        (true, vec![call.clone(), end.clone()]),
    ] {
        let messages: Vec<String> = said(thought).into_iter().chain(behind.clone()).collect();
        for (out, whole) in [
            (run(Dialect::Gemini, sse(&messages).as_bytes()), sse(&behind)),
            (in_series(&array(&messages)), format!("{}\n]", behind.join("\n,\r\n"))),
        ] {
            assert!(out.ends_with(&whole), "{out}");
            let out = if out.starts_with('[') { of_array(&out) } else { of_events(&out) };
            assert_eq!(sums(&out)[if thought { "0.thought" } else { "0.text" }], "so be it");
        }
    }
    // A signed part that says something keeps its signature, unless what it says turns out to be changed.
    let with_text = |said: &str| message(&text(0, said, &format!(",\"thoughtSignature\":\"{SIGNATURE}\"")));
    let out = |said: &str, behind: &str| run(Dialect::Gemini, sse(&[with_text(said), behind.to_owned()]).as_bytes());
    for behind in [end.clone(), message(&last(0, " and more"))] {
        assert!(out("so be it", &behind).contains(SIGNATURE));
    }
    let changed = out("pay 4111 1111 1111 1111", &end);
    assert!(!changed.contains(SIGNATURE) && changed.contains("\"pay **** **** **** 1111\""), "{changed}");
    // Pieces that are all signed are one text.
    for len in [1, 3, 9] {
        let messages: Vec<String> =
            fragments(PROSE, len).iter().map(|part| with_text(part)).chain([end.clone()]).collect();
        let out = run(Dialect::Gemini, sse(&messages).as_bytes());
        assert_eq!(sums(&of_events(&out))["0.text"], redacted(PROSE, false), "fragments of {len}");
    }
}

/// A call does not say that the answer is over: where nothing comes behind it, what is held does not leave.
#[test]
fn a_stream_that_breaks_off_behind_a_call_shows_nothing_held() {
    let call = message("{\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"f\",\"args\":{}}}]}}");
    let body = sse(&[message(&text(0, "pay 4111 1111 1111", "")), call.clone()]);
    let (out, end) = early_end(Dialect::Gemini, &body);
    assert_eq!((out, end), (sse(&[message(&text(0, "pay ", "")), call]), Err(BodyErrorKind::Truncated)));
}
