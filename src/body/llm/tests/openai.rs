//! OpenAI chat completions, in the shapes that servers send.

use super::{
    PROSE, assert_clean, blocking, events, fragments, json, openai_sums, quote, redacted, run, run_parts, stream,
};
use crate::body::{BodyErrorKind, BodyLimits, Dialect, Direction, Inspection, Transform};

const HEAD: &str = r#""id":"chatcmpl-9","object":"chat.completion.chunk","created":1700000000,"model":"gpt-4o","system_fingerprint":"fp_1""#;
const ARGUMENTS: &str = "{\"card\": \"4111 1111 1111 1111\", \"n\": [4111111111111111, 12], \"note\": \"a\\u0034b \\\"q\\\" jane@example.com\"}";

fn chunk(choices: &str) -> String {
    format!("data: {{{HEAD},\"choices\":[{choices}]}}\n\n")
}

fn delta(choice: u64, delta: &str) -> String {
    chunk(&format!(r#"{{"index":{choice},"delta":{delta},"logprobs":null,"finish_reason":null}}"#))
}

fn finish(choice: u64, delta: &str) -> String {
    chunk(&format!(r#"{{"index":{choice},"delta":{delta},"logprobs":null,"finish_reason":"stop"}}"#))
}

const DONE: &str = "data: [DONE]\n\n";

/// A full answer: reasoning, a refusal, two choices, two tool calls interleaved, usage, in fragments of `len`.
fn answer(len: usize) -> String {
    let mut body = delta(0, r#"{"role":"assistant","content":null,"refusal":null}"#);
    for text in fragments(PROSE, len) {
        let text = quote(&text);
        body += &delta(0, &format!("{{\"reasoning_content\":{text}}}"));
        body += &delta(1, &format!("{{\"refusal\":{text}}}"));
    }
    for text in fragments(PROSE, len) {
        let text = quote(&text);
        body += &delta(0, &format!("{{\"content\":{text}}}"));
        body += ": keep-alive\n\n";
        body += &delta(1, &format!("{{\"content\":{text}}}"));
    }
    for (at, name) in ["pay", "ask"].iter().enumerate() {
        body += &delta(
            0,
            &format!(
                r#"{{"tool_calls":[{{"index":{at},"id":"call_{at}","type":"function","function":{{"name":"{name}","arguments":""}}}}]}}"#
            ),
        );
    }
    for text in fragments(ARGUMENTS, len) {
        let text = quote(&text);
        body += &delta(
            0,
            &format!(
                "{{\"tool_calls\":[{{\"index\":0,\"function\":{{\"arguments\":{text}}}}},{{\"index\":1,\"function\":{{\"arguments\":{text}}}}}]}}"
            ),
        );
    }
    body += &finish(1, "{}");
    body += &finish(0, "{}");
    body += &format!("data: {{{HEAD},\"choices\":[],\"usage\":{{\"prompt_tokens\":5,\"total_tokens\":12}}}}\n\n");
    body + DONE
}

#[test]
fn every_text_adds_up_to_its_redaction_in_every_fragment_size() {
    let (prose, arguments) = (redacted(PROSE, false), redacted(ARGUMENTS, true));
    for len in 1..=9 {
        let out = run(Dialect::OpenAi, answer(len).as_bytes());
        let sums = openai_sums(&out);
        for path in ["0.delta.content", "1.delta.content", "0.delta.reasoning_content", "1.delta.refusal"] {
            assert_eq!(sums[path], prose, "{path} in fragments of {len}");
        }
        for call in 0..2 {
            let path = format!("0.delta.tool_calls[{call}].function.arguments");
            assert_eq!(sums[&path], arguments, "{path} in fragments of {len}");
            json(&sums[&path]);
        }
        assert_clean(&out);
        sums.values().for_each(|sum| assert_clean(sum));
        assert!(out.ends_with(DONE));
    }
}

#[test]
fn the_route_need_not_name_the_dialect() {
    let body = answer(3);
    assert_eq!(run(Dialect::Plain, body.as_bytes()), run(Dialect::OpenAi, body.as_bytes()));
}

#[test]
fn every_byte_chunking_gives_the_same_bytes() {
    let body = answer(3).into_bytes();
    let whole = run(Dialect::OpenAi, &body).into_bytes();
    let (outs, _) = run_parts(Dialect::OpenAi, body.chunks(1)).expect("passes");
    assert_eq!(outs.concat(), whole);
    for at in (0..body.len()).step_by(61) {
        let (a, b) = body.split_at(at);
        let (outs, _) = run_parts(Dialect::OpenAi, [a, b]).expect("passes");
        assert_eq!(outs.concat(), whole, "split at {at}");
    }
}

#[test]
fn every_line_ending_at_every_split() {
    let lines = "\u{FEFF}: hi\nevent: x\n".to_owned()
        + &delta(0, "{\"content\":\"4111 11\"}")
        + &delta(0, "{\ndata: \"content\":\ndata:\"11 1111 1111 and jane@\"\ndata:}")
        + &finish(0, "{\"content\":\"example.com\"}")
        + "id: 1\ndata: call (212) 555-0123\n\n"
        + DONE;
    let mixed: String =
        lines.split('\n').zip(["\r\n", "\n", "\r"].iter().cycle()).map(|(l, end)| l.to_owned() + end).collect();
    for body in [lines.clone(), lines.replace('\n', "\r"), lines.replace('\n', "\r\n"), mixed] {
        let whole = run(Dialect::OpenAi, body.as_bytes());
        assert_clean(&whole);
        assert!(whole.contains("**** **** **** 1111 and ") && whole.contains("jane@***"), "{whole}");
        for at in 0..=body.len() {
            let (a, b) = body.as_bytes().split_at(at);
            let (outs, _) = run_parts(Dialect::OpenAi, [a, b]).expect("passes");
            assert_eq!(outs.concat(), whole.as_bytes(), "split at {at}");
        }
        let (outs, _) = run_parts(Dialect::OpenAi, body.as_bytes().chunks(1)).expect("passes");
        assert_eq!(outs.concat(), whole.as_bytes());
    }
}

#[test]
fn every_split_into_two_deltas_is_covered() {
    let (prose, arguments) = (redacted(PROSE, false), redacted(ARGUMENTS, true));
    for (text, sum, path) in
        [(PROSE, prose.as_str(), "content"), (PROSE, &prose, "reasoning"), (ARGUMENTS, &arguments, "function_call")]
    {
        let member = |text: &str| match path {
            "function_call" => format!("{{\"function_call\":{{\"arguments\":{}}}}}", quote(text)),
            path => format!("{{\"{path}\":{}}}", quote(text)),
        };
        for (at, _) in text.char_indices() {
            let (a, b) = text.split_at(at);
            let body = delta(0, &member(a)) + &delta(0, &member(b)) + &finish(0, "{}") + DONE;
            let sums = openai_sums(&run(Dialect::OpenAi, body.as_bytes()));
            let got: Vec<&str> = sums.values().map(String::as_str).collect();
            assert_eq!(got, [sum], "split at {at}");
        }
    }
}

#[test]
fn held_text_leaves_inside_the_chunk_that_ends_its_choice() {
    let body = delta(0, r#"{"content":"call 4111 1111 "}"#) + &finish(0, r#"{"content":"1111 1111"}"#);
    let expected = delta(0, r#"{"content":"call "}"#) + &finish(0, r#"{"content":"**** **** **** 1111"}"#);
    assert_eq!(run(Dialect::OpenAi, body.as_bytes()), expected);
}

#[test]
fn a_finish_reason_in_every_chunk_ends_nothing() {
    let (prose, arguments) = (redacted(PROSE, false), redacted(ARGUMENTS, true));
    let member = |at: usize, text: &str| match at {
        0 => format!("{{\"content\":{}}}", quote(text)),
        _ => format!("{{\"tool_calls\":[{{\"index\":0,\"function\":{{\"arguments\":{}}}}}]}}", quote(text)),
    };
    for len in [1, 3, 7] {
        for (at, (text, sum)) in [(PROSE, &prose), (ARGUMENTS, &arguments)].into_iter().enumerate() {
            for last in [DONE, ""] {
                let mut body = String::new();
                for part in fragments(text, len) {
                    body += &finish(0, &member(at, &part));
                    body += ": keep-alive\n\n";
                }
                body += last;
                let out = run(Dialect::OpenAi, body.as_bytes());
                let mut added = super::Sums::new();
                for (_, data) in events(&out).iter().filter(|(_, data)| data != "[DONE]") {
                    super::add_strings("", &json(data)["choices"][0]["delta"], &mut added);
                }
                assert_eq!(added.values().collect::<Vec<_>>(), [sum], "fragments of {len}");
                assert_eq!(events(&out).len(), events(&body).len(), "no event of our own is needed");
            }
        }
    }
}

#[test]
fn what_tells_of_no_choice_waits_behind_one_that_may_go_on() {
    let silent = ["{}", "{\"type\":\"ping\"}", "{\"id\":\"c\",\"choices\":[],\"usage\":{\"total_tokens\":7}}"];
    let silent = silent.map(|data| format!("data: {data}\n\n"));
    for between in &silent {
        for last in [DONE, ""] {
            let body = finish(0, r#"{"content":"call 4111 1111 "}"#)
                + &between.repeat(3)
                + &finish(0, r#"{"content":"1111 1111 ok"}"#)
                + between
                + last;
            let expected = finish(0, r#"{"content":"call "}"#)
                + &between.repeat(3)
                + &finish(0, r#"{"content":"**** **** **** 1111 ok"}"#)
                + between
                + last;
            assert_eq!(run(Dialect::OpenAi, body.as_bytes()), expected, "{between}");
        }
    }
    // A text that does not go on leaves in its own event, and all in their order.
    let body = finish(0, r#"{"content":"room 4111"}"#) + &silent.concat();
    assert_eq!(run(Dialect::OpenAi, (body.clone() + DONE).as_bytes()), body.clone() + DONE);
    assert_eq!(run(Dialect::OpenAi, body.as_bytes()), body);
    // So many that they fill an event are waited for no longer.
    let many = silent[1].repeat(60_000);
    let body = finish(0, r#"{"content":"room 4111"}"#) + &many + DONE;
    assert_eq!(run(Dialect::OpenAi, body.as_bytes()), body);
}

#[test]
fn an_event_that_waits_lets_others_pass() {
    let end = finish(0, r#"{"content":"jane"}"#).replace('\n', "\r\n");
    let other = delta(1, r#"{"content":"ok. "}"#);
    let done = "data: [DONE]\r\n\r\n".to_owned();
    let parts = [end.as_bytes(), b": ping\n", other.as_bytes(), done.as_bytes()];
    let (outs, _) = run_parts(Dialect::OpenAi, parts).expect("passes");
    assert_eq!(outs, [b"".as_slice(), b": ping\n", other.as_bytes(), (end + &done).as_bytes(), b""]);
    let azure = chunk(r#"{"index":0,"content_filter_results":{}}"#);
    let body = finish(0, r#"{"content":"jane"}"#) + &azure;
    assert_eq!(run(Dialect::OpenAi, body.as_bytes()), body);
}

#[test]
fn held_text_leaves_in_a_chunk_of_its_own_before_the_end() {
    let text = delta(0, r#"{"content":"4111111111111111"}"#);
    let emptied = delta(0, r#"{"content":""}"#);
    let own = delta(0, r#"{"content":"************1111"}"#);
    for end in [finish(0, "{}"), DONE.to_owned()] {
        let body = text.clone() + &end;
        assert_eq!(run(Dialect::OpenAi, body.as_bytes()), emptied.clone() + &own + &end);
    }
    // Other line endings, and an event name, are the stream's own.
    let named = |body: &str| format!("event: chunk\r\n{}", body.replace('\n', "\r\n"));
    let body = named(&text) + "data: [DONE]\r\n\r\n";
    assert_eq!(run(Dialect::OpenAi, body.as_bytes()), named(&emptied) + &named(&own) + "data: [DONE]\r\n\r\n");
}

#[test]
fn what_is_held_never_leaves_before_an_error_or_an_early_end() {
    let held = delta(0, r#"{"content":"to 4111 1111 1111 111"}"#);
    let left = delta(0, r#"{"content":"to "}"#);
    let error = "data: {\"error\":{\"message\":\"x\"}}\n\n";
    let named = "event: error\ndata: {\"message\":\"x\"}\n\n";
    let plain = "event: error\ndata: overloaded\n\n";
    let choice = chunk(r#"{"index":0,"delta":{"content":""},"finish_reason":"error"}"#);
    for end in [error, named, plain, &choice].into_iter().flat_map(|end| [end.to_owned(), end.to_owned() + DONE]) {
        let (out, ended) = super::early_end(Dialect::OpenAi, &(held.clone() + &end));
        assert_eq!((out, ended), (left.clone() + &end, Ok(())));
    }
    let (out, ended) = super::early_end(Dialect::OpenAi, &held);
    assert_eq!((out, ended), (left.clone(), Err(BodyErrorKind::Truncated)));
    // A choice that had finished was whole.
    let other = delta(1, r#"{"content":"call 4111 1111"}"#);
    let body = held.clone() + &other + &finish(0, "{}") + error;
    let own = delta(0, r#"{"content":"4111 1111 1111 111"}"#);
    let expected = left + &delta(1, r#"{"content":"call "}"#) + &own + &finish(0, "{}") + error;
    assert_eq!(run(Dialect::OpenAi, body.as_bytes()), expected);
}

/// An empty error in every chunk is none, and `stop_reason`, as some models of Bedrock's have it, ends a text.
#[test]
fn what_is_held_leaves_where_an_error_is_empty_and_where_a_reason_has_another_name() {
    for error in ["null", "\"\"", "{}"] {
        let body = format!(
            "data: {{\"error\":{error},\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"ask mary\"}}}}]}}\n\n"
        );
        let out = run(Dialect::OpenAi, (body + DONE).as_bytes());
        assert!(out.contains("mary"), "{out}");
    }
    let end = chunk(r#"{"index":0,"delta":{"content":""},"stop_reason":"stop"}"#);
    let (out, ended) = super::early_end(Dialect::OpenAi, &(delta(0, r#"{"content":"ask mary"}"#) + &end));
    assert!(out.contains("mary") && ended.is_ok(), "{out} {ended:?}");
}

/// A message beside the delta, with all that was said so far, shows no more than the deltas do.
#[test]
fn a_message_that_repeats_all_so_far_shows_what_the_deltas_show() {
    let chunk = |text: &str, all: &str, reason: &str| {
        let (text, all) = (quote(text), quote(all));
        format!(
            "data: {{\"choices\":[{{\"index\":0,\"finish_reason\":{reason},\"delta\":{{\"content\":{text}}},\"message\":{{\"role\":\"assistant\",\"content\":{all}}}}}]}}\n\n"
        )
    };
    for len in 1..=7 {
        for finishes in ["null", "\"stop\""] {
            let (mut body, mut all) = (String::new(), String::new());
            for part in fragments(PROSE, len) {
                all += &part;
                body += &chunk(&part, &all, finishes);
            }
            body += &chunk("", &all, "\"stop\"");
            let out = run(Dialect::OpenAi, (body + DONE).as_bytes());
            assert_clean(&out);
            let (mut said, mut last) = (String::new(), String::new());
            for (_, data) in events(&out).iter().filter(|(_, data)| data != "[DONE]") {
                let choice = &json(data)["choices"][0];
                said += choice["delta"]["content"].as_str().expect("a text");
                if let Some(message) = choice["message"]["content"].as_str() {
                    assert!(redacted(PROSE, false).starts_with(message), "{message}");
                    assert!(said.starts_with(message), "{message} beside {said}");
                    last = message.to_owned();
                }
            }
            assert_eq!((said.as_str(), last.as_str()), (redacted(PROSE, false).as_str(), said.as_str()));
        }
    }
}

#[test]
fn one_choice_never_waits_for_another() {
    let first = delta(0, r#"{"content":"4111 1111 "}"#);
    let second = delta(1, r#"{"content":"all is well. "}"#);
    let (outs, seen) =
        run_parts(Dialect::OpenAi, [first.as_bytes(), second.as_bytes(), DONE.as_bytes()]).expect("passes");
    assert_eq!(outs[0], delta(0, r#"{"content":""}"#).as_bytes());
    assert_eq!(outs[1], second.as_bytes());
    assert!(seen.held_peak >= 10);
}

#[test]
fn prose_waits_no_longer_than_its_word() {
    let mut stream = stream(&super::scopes(), Dialect::OpenAi);
    let mut seen = Inspection::default();
    let text = "The quick brown fox, it is said, jumps over the lazy dog and comes back to tell the tale. ";
    let (mut given, mut left) = (String::new(), String::new());
    for fragment in fragments(text, 3) {
        let mut out = Vec::new();
        given += &fragment;
        stream
            .push(delta(0, &format!("{{\"content\":{}}}", quote(&fragment))).as_bytes(), &mut out, &mut seen)
            .expect("passes");
        let sums = openai_sums(std::str::from_utf8(&out).expect("UTF-8"));
        left += &sums["0.delta.content"];
        let word = given.rfind(' ').map_or(0, |space| space + 1);
        assert!(left.len() >= word, "{left:?} has left of {given:?}");
    }
    assert_eq!(left, text);
}

#[test]
fn logprobs_stay_only_with_text_that_left_whole() {
    let with = |content: &str, logprobs: &str| {
        chunk(&format!(r#"{{"index":0,"logprobs":{logprobs},"delta":{{"content":"{content}"}},"finish_reason":null}}"#))
    };
    let details = |token: &str| {
        format!(
            r#"{{"content":[{{"token":"{token}","logprob":-0.1,"bytes":[52,49],"top_logprobs":[]}}],"refusal":null}}"#
        )
    };
    let clean = with("fine. ", &details("fine. "));
    assert_eq!(run(Dialect::OpenAi, clean.as_bytes()), clean);
    let body = clean.clone()
        + &with("4111 1111", &details("4111 1111"))
        + &with(" is half. ", &details(" is half. "))
        + &clean;
    let expected = clean.clone() + &with("", "null") + &with("4111 1111 is half. ", "null") + &clean;
    assert_eq!(run(Dialect::OpenAi, body.as_bytes()), expected);
    let lone = chunk(&format!(r#"{{"index":0,"delta":{{}},"logprobs":{},"finish_reason":null}}"#, details("4111")));
    assert_eq!(
        run(Dialect::OpenAi, lone.as_bytes()),
        chunk(r#"{"index":0,"delta":{},"logprobs":null,"finish_reason":null}"#)
    );
    let empty = chunk(r#"{"index":0,"delta":{},"logprobs":{"content":[]},"finish_reason":null}"#);
    assert_eq!(run(Dialect::OpenAi, empty.as_bytes()), empty);
}

#[test]
fn azure_and_compatible_servers() {
    let clean = format!("data: {{{HEAD},\"choices\":[],\"prompt_filter_results\":[{{\"prompt_index\":0}}]}}\n\n")
        + &chunk(
            r#"{"index":0,"content_filter_offsets":{"check_offset":44},"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}},"finish_reason":null}"#,
        )
        + &chunk(r#"{"index":0,"delta":{"content":"ok. "},"finish_reason":""}"#)
        + &delta(
            0,
            r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"so. "}],"closed":true},{"type":"text","text":"yes. "}]}"#,
        )
        + &delta(
            0,
            r#"{"reasoning_details":[{"type":"reasoning.encrypted","index":3,"data":"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5eg=="}]}"#,
        )
        + DONE;
    assert_eq!(run(Dialect::OpenAi, clean.as_bytes()), clean);
    // Mixed strings and arrays are one text; an empty reason ends nothing.
    let body = chunk(r#"{"index":0,"delta":{"content":"4111 1111"},"finish_reason":""}"#)
        + &delta(0, r#"{"content":[{"type":"text","text":" 1111 1111"}]}"#)
        + DONE;
    let expected = chunk(r#"{"index":0,"delta":{"content":""},"finish_reason":""}"#)
        + &delta(0, r#"{"content":[{"type":"text","text":""}]}"#)
        + &delta(0, r#"{"content":"**** **** **** 1111"}"#)
        + DONE;
    assert_eq!(run(Dialect::OpenAi, body.as_bytes()), expected);
}

#[test]
fn signed_reasoning_with_a_finding_loses_its_signature() {
    let detail = |members: &str| delta(0, &format!("{{\"reasoning_details\":[{{\"index\":0,{members}}}]}}"));
    let signature = "\"signature\":\"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5eg==\"";
    let clean = detail("\"text\":\"so. \"") + &detail(signature);
    assert_eq!(run(Dialect::OpenAi, clean.as_bytes()), clean);
    let body = detail("\"text\":\"4111 1111 1111 1111\"") + &detail(signature);
    let out = run(Dialect::OpenAi, body.as_bytes());
    assert_clean(&out);
    assert!(out.ends_with(&detail("\"signature\":\"\"")), "{out}");
    assert!(out.contains("**** **** **** 1111"));
}

#[test]
fn legacy_completions() {
    let piece = |text: &str, reason: &str| {
        chunk(&format!(r#"{{"text":{},"index":0,"logprobs":null,"finish_reason":{reason}}}"#, quote(text)))
    };
    for at in 0..PROSE.len() {
        let Some((a, b)) = PROSE.split_at_checked(at) else { continue };
        let body = piece(a, "null") + &piece(b, "\"stop\"") + DONE;
        let sums = openai_sums(&run(Dialect::OpenAi, body.as_bytes()));
        assert_eq!(sums["0.text"], redacted(PROSE, false));
    }
}

#[test]
fn every_other_value_and_key_is_scanned() {
    let body = "data: {\"id\":\"4111111111111111\",\"jane@example.com\":[4111111111111111,{\"x\":\"\\u0034111 1111 1111 1111\"}],\"choices\":[{\"index\":0,\"delta\":{\"novel\":\"078-05-1120\",\"content\":\"jane\"}}]}\n\n";
    let out = run(Dialect::OpenAi, (body.to_owned() + DONE).as_bytes());
    let expected = "data: {\"id\":\"************1111\",\"jane@***\":[\"************1111\",{\"x\":\"**** **** **** 1111\"}],\"choices\":[{\"index\":0,\"delta\":{\"novel\":\"\",\"content\":\"\"}}]}\n\n\
        data: {\"id\":\"************1111\",\"choices\":[{\"index\":0,\"delta\":{\"novel\":\"***-**-****\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n\
        data: {\"id\":\"************1111\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"jane\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n";
    assert_eq!(out, expected.to_owned() + DONE);
}

#[test]
fn other_fields_and_plain_data_are_scanned() {
    let body = ": card 4111111111111111\nevent: 4111111111111111\nid: 078-05-1120\nx4111 1111 1111 1111: y\ndata: call\ndata: jane@example.com\n\n";
    let expected = ": card ************1111\nevent: ************1111\nid: ***-**-****\nx4111 1111 1111 1111: y\ndata: call\ndata: jane@***\n\n";
    let out = run(Dialect::Plain, body.replace("x4111", "4111").as_bytes());
    assert_eq!(out, expected.replace("x4111 1111 1111 1111: y", ": **** **** **** 1111: y"));
}

#[test]
fn a_block_stops_the_stream_before_its_event() {
    let mut stream = stream(&blocking(), Dialect::OpenAi);
    let (mut out, mut seen) = (Vec::new(), Inspection::default());
    let first = delta(0, r#"{"content":"fine. "}"#);
    let body = first.clone() + &delta(0, r#"{"content":"4111 1111 "}"#);
    stream.push(body.as_bytes(), &mut out, &mut seen).expect("nothing yet");
    let rest = delta(0, r#"{"content":"1111 1111. "}"#);
    let refused = stream.push(rest.as_bytes(), &mut out, &mut seen);
    assert_eq!(refused.map_err(|error| error.kind), Err(BodyErrorKind::Blocked { rule: 0 }));
    let out = String::from_utf8(out).expect("UTF-8");
    assert_eq!(out, first + &delta(0, r#"{"content":""}"#));
}

#[test]
fn ambiguous_broken_and_boundless_streams_are_refused() {
    let refused = |dialect, body: &str| run_parts(dialect, [body.as_bytes()]).map(|_| ()).expect_err("refused");
    let twice = delta(0, r#"{"content":"a","content":"b"}"#);
    assert_eq!(refused(Dialect::OpenAi, &twice), BodyErrorKind::JsonSyntax);
    assert_eq!(refused(Dialect::OpenAi, "data: {\"a\":\n\n"), BodyErrorKind::JsonSyntax);
    assert_eq!(refused(Dialect::OpenAi, "data: {\"a\": \"41"), BodyErrorKind::Truncated);
    assert_eq!(refused(Dialect::Plain, "data: {\"a\": \"41"), BodyErrorKind::Truncated);
    let mut many = String::new();
    for choice in 0..=BodyLimits::default().logical_texts as u64 {
        many += &delta(choice, r#"{"content":"x"}"#);
    }
    assert_eq!(refused(Dialect::OpenAi, &many), BodyErrorKind::TooManyTexts);
    let ended: String = (0..1000).map(|choice| finish(choice, r#"{"content":"x. "}"#)).collect();
    assert!(run_parts(Dialect::OpenAi, [ended.as_bytes()]).is_ok());
}

#[test]
fn requests_are_treated_alike() {
    let body = delta(0, r#"{"content":"4111 1111 1111 1111 "}"#) + DONE;
    let mut stream = crate::body::sse::EventStream::new(
        super::scopes(),
        &BodyLimits::default(),
        Dialect::OpenAi,
        Direction::Request,
    );
    let (mut out, mut seen) = (Vec::new(), Inspection::default());
    stream.push(body.as_bytes(), &mut out, &mut seen).expect("passes");
    stream.finish(&mut out, &mut seen).expect("passes");
    let out = String::from_utf8(out).expect("UTF-8");
    assert_clean(&out);
    assert_eq!(events(&out).len(), 3, "{out}");
    assert!(seen.scanned > 0);
    assert_eq!(seen.findings, [(0, "keep-last-4", 1)]);
}

/// A server's own member of a delta grows like the ones we know; a word of its protocol stays where it is.
#[test]
fn members_without_a_known_name_are_texts() {
    for len in [1, 2, 5] {
        let mut body = String::new();
        for text in fragments(PROSE, len) {
            let text = quote(&text);
            body.push_str(&format!(
                "data: {{\"id\":\"c\",\"choices\":[{{\"index\":0,\"delta\":{{\"phase\":\"final\",\"thoughts\":{text}}}}}]}}\n\n"
            ));
        }
        body.push_str(
            "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
        );
        let out = run(Dialect::OpenAi, body.as_bytes());
        assert_clean(&out);
        let sums = openai_sums(&out);
        assert_eq!(sums["0.delta.thoughts"], redacted(PROSE, false), "{len}");
        assert_eq!(out.matches("\"phase\":\"final\"").count(), body.matches("\"phase\":\"final\"").count());
    }
}

/// Servers that give every tool call the index 0 tell them apart by their identifiers.
#[test]
fn a_new_identifier_begins_another_tool_call() {
    let call = |id: &str, arguments: &str| {
        format!(
            "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"tool_calls\":[{{\"index\":0{id},\"function\":{{\"arguments\":{}}}}}]}}}}]}}\n\n",
            quote(arguments)
        )
    };
    let body = [
        call(",\"id\":\"a\"", "{\"a\":\"x y\"}"),
        call(",\"id\":\"b\"", "{\"b\":\"4111 1111 "),
        call(",\"id\":\"b\"", "1111 1111\"}"),
    ];
    let out = run(Dialect::OpenAi, body.concat().as_bytes());
    let (first, second) = out.split_once("\"id\":\"b\"").expect("the second call");
    assert!(first.contains("x y"), "{out}");
    assert!(second.contains("**** **** **** 1111"), "{out}");
}

/// Others give each fragment an identifier of its own, or a new one in the midst of a call.
#[test]
fn a_call_whose_identifier_changes_goes_on_until_its_arguments_are_whole() {
    let arguments = "{\"card\":\"4111 1111 1111 1111\",\"n\":{\"a\":[1]}}";
    for (size, every) in [(1, 1), (2, 1), (3, 2), (2, 5)] {
        let mut body = String::new();
        for (at, part) in fragments(arguments, size).into_iter().enumerate() {
            let call =
                format!("{{\"index\":0,\"id\":\"t{}\",\"function\":{{\"arguments\":{}}}}}", at / every, quote(&part));
            body += &delta(0, &format!("{{\"tool_calls\":[{call}]}}"));
        }
        body += &(finish(0, "{}") + DONE);
        let sums = openai_sums(&run(Dialect::OpenAi, body.as_bytes()));
        let sum = sums.iter().find(|(path, _)| path.ends_with("arguments")).map(|(_, text)| text.as_str());
        assert_eq!(sum, Some("{\"card\":\"**** **** **** 1111\",\"n\":{\"a\":[1]}}"), "{size} {every}: {sums:?}");
    }
}

#[test]
fn an_index_is_one_number_however_it_is_written() {
    let chunk = |index: &str, text: &str| {
        format!("data: {{\"choices\":[{{\"index\":{index},\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n")
    };
    let body = [chunk("1.0", "4111 11"), chunk("1", "11 1111"), chunk("1e0", " 1111."), DONE.to_owned()].concat();
    assert!(run(Dialect::OpenAi, body.as_bytes()).contains("**** **** **** 1111"));
}

#[test]
fn thinking_as_gateways_pass_it_on_is_followed() {
    let blocks = |text: &str, signature: &str| {
        format!("\"thinking_blocks\":[{{\"type\":\"thinking\",\"thinking\":{text},\"signature\":\"{signature}\"}}]")
    };
    for len in 1..=5 {
        let mut body = String::new();
        for text in fragments(PROSE, len) {
            let text = quote(&text);
            let inner = format!("\"reasoning_content\":{text},{}", blocks(&text, ""));
            body += &delta(
                0,
                &format!(
                    "{{\"reasoning_content\":{text},{},\"provider_specific_fields\":{{{inner}}}}}",
                    blocks(&text, "")
                ),
            );
        }
        body += &delta(0, &format!("{{{}}}", blocks("\"\"", &"c2lnbmF0dXJl".repeat(8))));
        body += &(finish(0, "{}") + DONE);
        let out = run(Dialect::OpenAi, body.as_bytes());
        let sums = openai_sums(&out);
        let expected = redacted(PROSE, false);
        for path in [
            "reasoning_content",
            "thinking_blocks[0].thinking",
            "provider_specific_fields.reasoning_content",
            "provider_specific_fields.thinking_blocks[0].thinking",
        ] {
            assert_eq!(sums[&format!("0.delta.{path}")], expected, "{path} in fragments of {len}");
        }
        assert_eq!(sums["0.delta.thinking_blocks[0].signature"], "", "the thinking has changed");
    }
}

#[test]
fn a_word_may_be_the_beginning_of_a_text_without_a_name_we_know() {
    let chunk =
        |members: &str| format!("data: {{\"id\":\"c\",\"choices\":[{{\"index\":0,\"delta\":{{{members}}}}}]}}\n\n");
    let notes =
        |parts: &[&str]| parts.iter().map(|part| chunk(&format!("\"notes\":{}", quote(part)))).collect::<String>();
    for parts in [&["jane", "@example.com", " and more"][..], &["ja", "ne", "@", "example", ".com", " and more"]] {
        let out = run(Dialect::OpenAi, (notes(parts) + "data: [DONE]\n\n").as_bytes());
        let sum = &openai_sums(&out)["0.delta.notes"];
        assert!(sum.starts_with("jane") && sum.ends_with("@*** and more"), "{sum}");
        assert!(!out.contains("example"), "{out}");
    }
    // What says the same each time stays, and so does what follows it.
    let same = notes(&["final", "final", "final", "commentary"]) + &chunk("\"content\":\"x. \"") + "data: [DONE]\n\n";
    assert_eq!(run(Dialect::OpenAi, same.as_bytes()), same);
    let clean = notes(&["hello", " big world", ". "]) + "data: [DONE]\n\n";
    assert_eq!(openai_sums(&run(Dialect::OpenAi, clean.as_bytes()))["0.delta.notes"], "hello big world. ");
}

/// The prompt is in no chunk, so that what spells it cannot be compared with anything.
#[test]
fn what_spells_the_prompt_goes() {
    let copy = r#"[null,{"41":{"decoded_token":"4111"}}]"#;
    let body = |copy: &str| {
        format!(
            "data: {{\"prompt_logprobs\":{copy},\"choices\":[{{\"index\":0,\"text\":\"hi \",\"prompt_logprobs\":{copy},\"finish_reason\":null}}]}}\n\n{DONE}"
        )
    };
    assert_eq!(run(Dialect::OpenAi, body(copy).as_bytes()), body("null"));
}

/// OpenAI's client passes over what is no chunk by its own word, so that nothing that was held is put there.
#[test]
fn an_event_that_is_no_chunk_takes_nothing() {
    let event = |object: &str, rest: &str| {
        format!(
            "data: {{\"id\":\"c\",\"object\":\"chat.completion.{object}\",\"choices\":[{{\"index\":0,{rest}}}]}}\n\n"
        )
    };
    let done = event("done", "\"delta\":{\"content\":\"\"},\"finish_reason\":\"stop\"");
    let body = event("chunk", "\"delta\":{\"content\":\"see [2]\"}")
        + &event("chunk", "\"delta\":{\"content\":\"[3]\"}")
        + &done;
    let out = run(Dialect::OpenAi, body.as_bytes());
    assert!(out.ends_with(&done), "{out}");
    let chunks = events(&out).into_iter().map(|(_, data)| json(&data));
    let said: String = chunks
        .filter(|chunk| chunk["object"] == "chat.completion.chunk")
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(said, "see [2][3]");
}

/// Some servers' chunks have a message in the place of a delta.
#[test]
fn messages_in_the_place_of_deltas_are_joined() {
    for len in [1, 3, 9] {
        let event = |text: &str, reason: &str| {
            let message = format!("{{\"role\":\"assistant\",\"content\":{}}}", quote(text));
            format!(
                "data: {{\"object\":\"chat.completion.chunk\",\"choices\":[{{\"index\":0,\"message\":{message},\"finish_reason\":{reason}}}]}}\n\n"
            )
        };
        let body: String = fragments(PROSE, len).iter().map(|part| event(part, "null")).collect();
        let out = run(Dialect::Plain, (body + &event("", "\"stop\"") + "data: [DONE]\n\n").as_bytes());
        let data = events(&out).into_iter().filter(|(_, data)| data != "[DONE]").map(|(_, data)| json(&data));
        let said: String =
            data.filter_map(|event| event["choices"][0]["message"]["content"].as_str().map(str::to_owned)).collect();
        assert_eq!(said, redacted(PROSE, false), "fragments of {len}");
    }
}
