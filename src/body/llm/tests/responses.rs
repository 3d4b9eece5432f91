//! OpenAI Responses streams.

use std::collections::BTreeMap;

use super::{PROSE, assert_clean, events, fragments, json, quote, redacted, run, run_parts};
use crate::body::{BodyErrorKind, Dialect};

const ARGUMENTS: &str = "{\"to\": \"jane@example.com\", \"n\": 4111111111111111, \"x\": \"\\u0034111 1111 1111 1111\"}";

struct Stream {
    body: String,
    number: usize,
}

impl Stream {
    fn new() -> Self {
        Self { body: String::new(), number: 0 }
    }

    fn event(&mut self, kind: &str, members: &str) {
        let number = self.number;
        self.body +=
            &format!("event: {kind}\ndata: {{\"type\":\"{kind}\",{members},\"sequence_number\":{number}}}\n\n");
        self.number += 1;
    }
}

/// Two items side by side, their whole copies, and the end.
fn answer(len: usize) -> String {
    let mut stream = Stream::new();
    stream.event("response.created", "\"response\":{\"id\":\"resp_1\",\"output\":[]}");
    let (prose, arguments) = (fragments(PROSE, len), fragments(ARGUMENTS, len));
    for at in 0..prose.len().max(arguments.len()) {
        if let Some(part) = prose.get(at) {
            let place = "\"item_id\":\"msg_1\",\"output_index\":0,\"content_index\":0";
            stream.event("response.output_text.delta", &format!("{place},\"delta\":{},\"logprobs\":[]", quote(part)));
        }
        if let Some(part) = arguments.get(at) {
            let place = "\"item_id\":\"fc_1\",\"output_index\":1";
            stream.event("response.function_call_arguments.delta", &format!("{place},\"delta\":{}", quote(part)));
        }
    }
    let (text, call) = (quote(PROSE), quote(ARGUMENTS));
    let part = format!(
        "{{\"type\":\"output_text\",\"text\":{text},\"annotations\":[],\"logprobs\":[{{\"token\":\"4\",\"bytes\":[52]}}]}}"
    );
    let item = format!("{{\"id\":\"msg_1\",\"content\":[{part}]}}");
    let done = format!("\"output_index\":0,\"content_index\":0,\"text\":{text},\"logprobs\":[{{\"token\":\"4\"}}]");
    stream.event("response.output_text.done", &done);
    stream.event("response.content_part.done", &format!("\"output_index\":0,\"content_index\":0,\"part\":{part}"));
    stream.event("response.output_item.done", &format!("\"output_index\":0,\"item\":{item}"));
    stream.event("response.function_call_arguments.done", &format!("\"output_index\":1,\"arguments\":{call}"));
    stream.event("response.completed", &format!("\"response\":{{\"output\":[{item},{{\"arguments\":{call}}}]}}"));
    stream.body
}

#[test]
fn deltas_and_their_whole_copies_agree() {
    let (prose, arguments) = (redacted(PROSE, false), redacted(ARGUMENTS, true));
    for len in 1..=7 {
        let out = run(Dialect::OpenAi, answer(len).as_bytes());
        assert_clean(&out);
        let (mut text, mut call, mut copies) = (String::new(), String::new(), 0);
        for (at, (name, data)) in events(&out).into_iter().enumerate() {
            let event = json(&data);
            assert_eq!(event["type"], name);
            assert_eq!(event["sequence_number"], at, "{data}");
            match name.as_str() {
                "response.output_text.delta" => {
                    text += event["delta"].as_str().expect("a string");
                    assert_eq!(event["item_id"], "msg_1");
                }
                "response.function_call_arguments.delta" => call += event["delta"].as_str().expect("a string"),
                "response.output_text.done" => {
                    assert_eq!(text, prose, "fragments of {len}");
                    assert_eq!(event["text"], prose);
                    assert_eq!(event["logprobs"], json("[]"));
                    copies += 1;
                }
                "response.function_call_arguments.done" => {
                    assert_eq!(call, arguments, "fragments of {len}");
                    assert_eq!(event["arguments"], arguments);
                    copies += 1;
                }
                "response.completed" => {
                    let output = &event["response"]["output"];
                    assert_eq!(output[0]["content"][0]["text"], prose);
                    assert_eq!(output[0]["content"][0]["logprobs"], json("[]"));
                    assert_eq!(output[1]["arguments"], arguments);
                    copies += 1;
                }
                _ => {}
            }
        }
        assert_eq!(copies, 3);
        let body = answer(len).into_bytes();
        let (outs, _) = run_parts(Dialect::Plain, body.chunks(1)).expect("passes");
        assert_eq!(outs.concat(), out.into_bytes());
    }
}

#[test]
fn held_text_leaves_in_a_copy_of_its_last_delta() {
    let mut stream = Stream::new();
    let place = "\"item_id\":\"m\",\"output_index\":2,\"content_index\":1";
    stream.event(
        "response.refusal.delta",
        &format!("{place},\n\"delta\":\"4111 1111 1111 1111\"").replace('\n', "\ndata: "),
    );
    let end = stream.body.len();
    stream.event("response.output_item.done", "\"output_index\":2,\"item\":{}");
    let out = run(Dialect::OpenAi, stream.body.as_bytes());
    let (delta, done) = stream.body.split_at(end);
    let own = delta.replace("4111 1111 1111 1111", "**** **** **** 1111").replace("\ndata: \"delta", " \"delta");
    let own = own.replace("\"sequence_number\":0", "\"sequence_number\":1");
    let done = done.replace("\"sequence_number\":1", "\"sequence_number\":2");
    assert_eq!(out, delta.replace("4111 1111 1111 1111", "") + &own + &done);
}

#[test]
fn the_number_of_an_event_may_stand_before_its_text() {
    let delta = |number: usize, text: &str| {
        format!(
            "data: {{\"sequence_number\":{number},\"type\":\"response.output_text.delta\",\"delta\":\"{text}\"}}\n\n"
        )
    };
    let end = |number: usize| format!("data: {{\"sequence_number\": {number} ,\"type\":\"response.completed\"}}\n\n");
    let out = run(Dialect::OpenAi, (delta(7, "the end") + &end(9)).as_bytes());
    assert_eq!(out, delta(7, "the ") + &delta(9, "end") + &end(10));
    // A stream that is not ended by its last event.
    let out = super::early_end(Dialect::OpenAi, &delta(7, "the end"));
    assert_eq!(out, (delta(7, "the "), Err(BodyErrorKind::Truncated)));
}

#[test]
fn what_is_held_never_leaves_before_an_error_or_an_answer_that_failed() {
    let mut stream = Stream::new();
    stream.event("response.output_text.delta", "\"output_index\":0,\"delta\":\"to 4111 1111 1111 111\"");
    let left = stream.body.replace("4111 1111 1111 111", "");
    for (kind, members) in [
        ("error", "\"message\":\"busy\",\"param\":null"),
        ("response.failed", "\"response\":{\"status\":\"failed\"}"),
        ("response.done", "\"response\":{\"status\":\"failed\"}"),
    ] {
        let mut end = Stream { body: String::new(), number: 1 };
        end.event(kind, members);
        assert_eq!(run(Dialect::OpenAi, (stream.body.clone() + &end.body).as_bytes()), left.clone() + &end.body);
    }
}

/// What the texts of each kind of event add up to.
fn spelled(out: &str, member: &str) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::<String, String>::new();
    for (_, data) in events(out) {
        let event = json(&data);
        let owner = event["response_id"].as_str().or(event["item_id"].as_str()).unwrap_or_default();
        *texts.entry(owner.to_owned()).or_default() += event[member].as_str().unwrap_or_default();
    }
    texts
}

#[test]
fn the_end_of_an_answer_ends_neither_another_nor_what_was_heard() {
    let heard = |kind: &str, member: &str, text: &str| {
        let text = quote(text);
        (
            format!("conversation.item.input_audio_transcription.{kind}"),
            format!("\"item_id\":\"i\",\"{member}\":{text}"),
        )
    };
    let said = |response: &str, text: &str| {
        let members = format!("\"response_id\":\"{response}\",\"output_index\":0,\"delta\":{}", quote(text));
        ("response.output_text.delta".to_owned(), members)
    };
    let done = |response: &str, status: &str| {
        let members = format!("\"response\":{{\"id\":\"{response}\",\"status\":\"{status}\"}}");
        ("response.done".to_owned(), members)
    };
    for (status, left) in
        [("failed", "one "), ("completed", "one **** **** **** 1111"), ("cancelled", "one **** **** **** 1111")]
    {
        let mut stream = Stream::new();
        for (kind, members) in [
            heard("delta", "delta", "pay 4111 1111 "),
            said("r1", "one 4111 1111 1111 1111"),
            said("r2", "two 3782 82"),
            done("r1", status),
            heard("delta", "delta", "1111 1111"),
            heard("completed", "transcript", "pay 4111 1111 1111 1111"),
            said("r2", "2463 10005 it is"),
            done("r2", "completed"),
        ] {
            stream.event(&kind, &members);
        }
        let out = run(Dialect::OpenAi, stream.body.as_bytes());
        let texts = spelled(&out, "delta");
        assert_eq!(texts["r1"], left, "{status}");
        assert_eq!(texts["r2"], redacted("two 3782 822463 10005 it is", false), "{status}");
        assert_eq!(texts["i"], "pay **** **** **** 1111", "{status}");
        assert_eq!(spelled(&out, "transcript")["i"], "pay **** **** **** 1111", "{status}");
    }
}

#[test]
fn events_of_any_kind_are_counted_on() {
    let mut stream = Stream::new();
    stream.event("response.output_text.delta", "\"output_index\":0,\"delta\":\"the end\"");
    stream.event("response.output_text.done", "\"output_index\":0,\"text\":\"the end\"");
    stream.event("keepalive", "\"x\":1");
    stream.event("error", "\"message\":\"busy\"");
    let out = run(Dialect::OpenAi, stream.body.as_bytes());
    let numbers: Vec<_> = events(&out).iter().map(|(_, data)| json(data)["sequence_number"].clone()).collect();
    assert_eq!(numbers, [0, 1, 2, 3, 4]);
}

#[test]
fn an_event_of_our_own_has_an_identifier_of_its_own() {
    let delta = |id: &str, text: &str| {
        format!(
            "data: {{\"type\":\"response.output_text.delta\",\"event_id\":\"{id}\",\"response_id\":\"r\",\"delta\":{}}}\n\n",
            quote(text)
        )
    };
    let end = "data: {\"type\":\"response.output_text.done\",\"event_id\":\"e3\",\"response_id\":\"r\"}\n\n";
    let out = run(Dialect::OpenAi, (delta("e1", "one ") + &delta("e2", "two") + end).as_bytes());
    let ids: Vec<String> = events(&out).iter().map(|(_, data)| json(data)["event_id"].to_string()).collect();
    assert_eq!(ids.len(), 4);
    assert_eq!(ids.iter().collect::<std::collections::BTreeSet<_>>().len(), 4, "{ids:?}");
}

#[test]
fn token_details_of_what_was_heard_go_with_the_text() {
    let details = |parts: &[String]| {
        let details =
            |part: &String| format!("{{\"token\":{},\"bytes\":{:?},\"logprob\":-1}}", quote(part), part.as_bytes());
        format!("[{}]", parts.iter().map(details).collect::<Vec<_>>().join(","))
    };
    for (delta, done, text) in [
        (
            "conversation.item.input_audio_transcription.delta",
            "conversation.item.input_audio_transcription.completed",
            "transcript",
        ),
        ("transcript.text.delta", "transcript.text.done", "text"),
    ] {
        for tail in ["", " ok. "] {
            let said = format!("pay 4111 1111 1111 1111{tail}");
            let parts = fragments(&said, 5);
            let mut stream = Stream::new();
            for part in &parts {
                let details = details(std::slice::from_ref(part));
                stream.event(delta, &format!("\"item_id\":\"i\",\"delta\":{},\"logprobs\":{details}", quote(part)));
            }
            let whole = details(&parts);
            stream.event(done, &format!("\"item_id\":\"i\",\"{text}\":{},\"logprobs\":{whole}", quote(&said)));
            let out = run(Dialect::OpenAi, stream.body.as_bytes());
            let (mut spelled, mut heard) = (String::new(), String::new());
            for (_, data) in events(&out) {
                let event = json(&data);
                heard += event["delta"].as_str().unwrap_or_default();
                for detail in event["logprobs"].as_array().into_iter().flatten() {
                    spelled += detail["token"].as_str().expect("a token");
                }
                if !event[text].is_null() {
                    assert_eq!(event[text], redacted(&said, false));
                    assert_eq!(event["logprobs"], json("[]"));
                }
            }
            assert_eq!(heard, redacted(&said, false));
            assert!(!spelled.contains('4') && !spelled.contains('1'), "{spelled}");
        }
    }
    let mut clean = Stream::new();
    let details = details(&["all is well. ".to_owned()]);
    clean.event(
        "conversation.item.input_audio_transcription.delta",
        &format!("\"item_id\":\"i\",\"delta\":\"all is well. \",\"logprobs\":{details}"),
    );
    clean.event(
        "conversation.item.input_audio_transcription.completed",
        &format!("\"item_id\":\"i\",\"transcript\":\"all is well. \",\"logprobs\":{details}"),
    );
    assert_eq!(run(Dialect::OpenAi, clean.body.as_bytes()), clean.body);
}

#[test]
fn clean_streams_are_verbatim() {
    let mut stream = Stream::new();
    let details = "[{\"token\":\"all \",\"logprob\":-0.5,\"bytes\":[97],\"top_logprobs\":[]}]";
    let place = "\"item_id\":\"m\",\"output_index\":0,\"content_index\":0";
    stream.event("response.output_text.delta", &format!("{place},\"delta\":\"all \",\"logprobs\":{details}"));
    stream.event("response.output_text.done", &format!("{place},\"text\":\"all \",\"logprobs\":{details}"));
    let audio = "AAEC".repeat(40);
    stream.event("response.audio.delta", &format!("\"delta\":\"{audio}\""));
    stream.event("response.completed", "\"response\":{\"output\":[],\"usage\":{\"total_tokens\":7}}");
    assert_eq!(run(Dialect::OpenAi, stream.body.as_bytes()), stream.body);
    let (_, seen) = run_parts(Dialect::OpenAi, [stream.body.as_bytes()]).expect("passes");
    assert_eq!(seen.unscanned, [("media", audio.len() as u64)]);
}

#[test]
fn token_details_inside_token_details() {
    let inner = "{\"text\":\"4111 1111 1111 1111\",\"logprobs\":[{\"text\":\"jane@example.com\",\"logprobs\":[1]}]}";
    let mut stream = Stream::new();
    stream.event("response.output_text.done", &format!("\"logprobs\":[{inner}],\"text\":\"jane@example.com\""));
    let out = run(Dialect::OpenAi, stream.body.as_bytes());
    assert_clean(&out);
    events(&out).iter().for_each(|(_, data)| assert_eq!(json(data)["logprobs"], json("[]")));
}

#[test]
fn deltas_that_have_no_row_are_followed_by_kind_place_and_member() {
    for len in 1..=5 {
        let mut stream = Stream::new();
        for text in fragments(PROSE, len) {
            for at in 0..2 {
                let place = format!("\"output_index\":3,\"command_index\":{at}");
                let text = quote(&text);
                stream.event("response.shell_call_command.delta", &format!("{place},\"delta\":{text}"));
                let both = format!("{place},\"delta\":{{\"stdout\":{text},\"stderr\":{text}}}");
                stream.event("response.shell_call_output_content.delta", &both);
            }
        }
        let place = "\"output_index\":3,\"command_index\":0";
        stream.event("response.shell_call_command.done", &format!("{place},\"command\":{}", quote(PROSE)));
        let end = "\"response\":{\"output\":[]}";
        stream.event("response.completed", end);
        let out = run(Dialect::OpenAi, stream.body.as_bytes());
        assert_clean(&out);
        let mut texts = BTreeMap::<String, String>::new();
        for (name, data) in events(&out) {
            let event = json(&data);
            let delta = &event["delta"];
            for (member, text) in [("", delta), ("stdout", &delta["stdout"]), ("stderr", &delta["stderr"])] {
                if let Some(text) = text.as_str() {
                    *texts.entry(format!("{name} {member} {}", event["command_index"])).or_default() += text;
                }
            }
            if name == "response.shell_call_command.done" {
                assert_eq!(texts["response.shell_call_command.delta  0"], redacted(PROSE, false));
            }
        }
        assert_eq!(texts.len(), 6);
        texts.values().for_each(|text| assert_eq!(*text, redacted(PROSE, false), "fragments of {len}"));
    }
}

#[test]
fn outputs_and_calls_of_mistrals_conversations_are_followed() {
    let thought =
        |text: &str| format!("{{\"type\":\"thinking\",\"thinking\":[{{\"type\":\"text\",\"text\":{text}}}]}}");
    for len in 1..=5 {
        let mut stream = Stream::new();
        stream.event("conversation.response.started", "\"conversation_id\":\"c\"");
        let place = "\"output_index\":0,\"id\":\"msg_1\",\"content_index\":0,\"role\":\"assistant\"";
        for (at, text) in fragments(PROSE, len).iter().enumerate() {
            let text = quote(text);
            stream.event("message.output.delta", &format!("{place},\"content\":{}", thought(&text)));
            let chunk = format!("{{\"type\":\"text\",\"text\":{text}}}");
            stream.event(
                "message.output.delta",
                &format!("{place},\"content\":{}", if at % 2 == 0 { text } else { chunk }),
            );
        }
        for text in fragments(ARGUMENTS, len) {
            let call = "\"output_index\":1,\"tool_call_id\":\"t\",\"name\":\"pay\"";
            stream.event("function.call.delta", &format!("{call},\"arguments\":{}", quote(&text)));
        }
        stream.event("conversation.response.done", "\"usage\":{\"total_tokens\":7}");
        let out = run(Dialect::Plain, stream.body.as_bytes());
        assert_clean(&out);
        let (mut said, mut thought, mut arguments) = (String::new(), String::new(), String::new());
        for (name, data) in events(&out) {
            let event = json(&data);
            assert_eq!(event["type"], name);
            let content = &event["content"];
            said += content.as_str().or(content["text"].as_str()).unwrap_or_default();
            thought += content["thinking"][0]["text"].as_str().unwrap_or_default();
            arguments += event["arguments"].as_str().unwrap_or_default();
        }
        assert_eq!((said, thought), (redacted(PROSE, false), redacted(PROSE, false)), "fragments of {len}");
        assert_eq!(arguments, redacted(ARGUMENTS, true), "fragments of {len}");
    }
}
