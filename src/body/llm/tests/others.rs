//! Streams of servers and of programs that speak to people.

use super::{
    PROSE, assert_any_chunking, assert_clean, assert_cuts_show_nothing, early_end, events, fragments, json, quote,
    redacted, run, run_parts, scopes, stream,
};
use crate::body::Dialect;

/// A protocol: an event for a fragment, what comes at the end, and where its reader finds the fragments.
struct Protocol {
    delta: fn(&str) -> String,
    end: &'static str,
    place: &'static str,
    arguments: bool,
}

const PROTOCOLS: [Protocol; 9] = [
    Protocol {
        delta: |text| format!("{{\"index\":0,\"content\":{text},\"tokens\":[31,7],\"stop\":false,\"id_slot\":0}}"),
        end: "data: {\"index\":0,\"content\":\"\",\"stop\":true,\"stop_type\":\"eos\"}\n\n",
        place: "/content",
        arguments: false,
    },
    Protocol {
        delta: |text| {
            let token = format!("{{\"id\":31,\"text\":{text},\"logprob\":-0.5,\"special\":false}}");
            format!("{{\"index\":1,\"token\":{token},\"generated_text\":null,\"details\":null}}")
        },
        end: "data: {\"index\":9,\"token\":{\"id\":2,\"text\":\"\",\"special\":true},\"generated_text\":\"so\"}\n\n",
        place: "/token/text",
        arguments: false,
    },
    Protocol {
        delta: |text| format!("{{\"type\":\"text-delta\",\"id\":\"t1\",\"delta\":{text}}}"),
        end: "data: {\"type\":\"text-end\",\"id\":\"t1\"}\n\ndata: {\"type\":\"finish\"}\n\ndata: [DONE]\n\n",
        place: "/delta",
        arguments: false,
    },
    Protocol {
        delta: |text| format!("{{\"type\":\"tool-input-delta\",\"toolCallId\":\"c\",\"inputTextDelta\":{text}}}"),
        end: "data: {\"type\":\"tool-input-available\",\"toolCallId\":\"c\",\"toolName\":\"f\",\"input\":{}}\n\n",
        place: "/inputTextDelta",
        arguments: true,
    },
    Protocol {
        delta: |text| format!("{{\"type\":\"TEXT_MESSAGE_CONTENT\",\"messageId\":\"m\",\"delta\":{text}}}"),
        end: "data: {\"type\":\"TEXT_MESSAGE_END\",\"messageId\":\"m\"}\n\ndata: {\"type\":\"RUN_FINISHED\"}\n\n",
        place: "/delta",
        arguments: false,
    },
    Protocol {
        delta: |text| format!("{{\"type\":\"TOOL_CALL_ARGS\",\"toolCallId\":\"c\",\"delta\":{text}}}"),
        end: "data: {\"type\":\"TOOL_CALL_END\",\"toolCallId\":\"c\"}\n\n",
        place: "/delta",
        arguments: true,
    },
    Protocol {
        delta: |text| format!("{{\"event\":\"message\",\"task_id\":\"t\",\"message_id\":\"m\",\"answer\":{text}}}"),
        end: "data: {\"event\":\"message_end\",\"message_id\":\"m\",\"metadata\":{}}\n\n",
        place: "/answer",
        arguments: false,
    },
    Protocol {
        delta: |text| format!("{{\"event\":\"text_chunk\",\"task_id\":\"t\",\"data\":{{\"text\":{text}}}}}"),
        end: "data: {\"event\":\"workflow_finished\",\"task_id\":\"t\"}\n\n",
        place: "/data/text",
        arguments: false,
    },
    Protocol {
        delta: |text| {
            let artifact = format!("{{\"artifactId\":\"a\",\"parts\":[{{\"kind\":\"text\",\"text\":{text}}}]}}");
            format!(
                "{{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{{\"kind\":\"artifact-update\",\"artifact\":{artifact},\"append\":true}}}}"
            )
        },
        end: "data: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"kind\":\"status-update\",\"final\":true}}\n\n",
        place: "/result/artifact/parts/0/text",
        arguments: false,
    },
];

const ARGUMENTS: &str = "{\"to\": \"jane@example.com\", \"n\": 4111111111111111}";

impl Protocol {
    fn text(&self) -> &'static str {
        if self.arguments { ARGUMENTS } else { PROSE }
    }

    fn body(&self, len: usize) -> String {
        let parts = fragments(self.text(), len);
        parts.iter().map(|part| format!("data: {}\n\n", (self.delta)(&quote(part)))).collect()
    }

    fn sum(&self, body: &str) -> String {
        let data = events(body).into_iter().map(|(_, data)| data).filter(|data| data != "[DONE]");
        data.filter_map(|data| Some(json(&data).pointer(self.place)?.as_str()?.to_owned())).collect()
    }
}

#[test]
fn texts_add_up_to_their_redaction_in_every_fragment_size() {
    for protocol in &PROTOCOLS {
        for len in 1..=6 {
            let body = protocol.body(len) + protocol.end;
            let out = run(Dialect::Plain, body.as_bytes());
            assert_clean(&out);
            assert_eq!(protocol.sum(&out), redacted(protocol.text(), protocol.arguments), "{len} {out}");
            let ends = protocol.end.split("\n\n").filter(|end| !end.is_empty());
            // The last of llama.cpp's events takes what is held.
            assert!(ends.clone().all(|end| out.contains(end)) || out.contains("\"stop\":true"), "{out}");
        }
    }
}

#[test]
fn clean_texts_leave_as_they_came_and_cuts_show_nothing() {
    for protocol in &PROTOCOLS {
        let clean = format!("data: {}\n\n{}", (protocol.delta)("\"It is so. \""), protocol.end);
        assert_eq!(run(Dialect::Plain, clean.as_bytes()), clean);
        let body = protocol.body(3) + protocol.end;
        let whole = run(Dialect::Plain, body.as_bytes());
        assert_cuts_show_nothing(&body, &whole, || Box::new(stream(&scopes(), Dialect::Plain)));
        assert_any_chunking(&body, &whole, |parts| run_parts(Dialect::Plain, parts.iter().copied()).expect("passes").0);
        let (out, _) = early_end(Dialect::Plain, &protocol.body(3));
        assert_clean(&out);
    }
}

/// The numbers of tokens and what else tells a text go where it does not leave whole.
#[test]
fn what_tells_a_text_goes_with_it() {
    let [llama, inference, ..] = &PROTOCOLS;
    for (protocol, told) in [(llama, "[31,7]"), (inference, "\"id\":31")] {
        let out = run(Dialect::Plain, (protocol.body(4) + protocol.end).as_bytes());
        let first = |needle: &str| events(&out).into_iter().map(|(_, data)| data).find(|data| data.contains(needle));
        assert!(first("Pay").is_some_and(|data| data.contains(told)), "{out}");
        assert!(first("****").is_some_and(|data| !data.contains(told)), "{out}");
    }
}

/// Two messages at once are two texts.
#[test]
fn texts_of_different_owners_are_not_one() {
    let delta = |id: &str, text: &str| {
        format!("data: {{\"type\":\"TEXT_MESSAGE_CONTENT\",\"messageId\":\"{id}\",\"delta\":\"{text}\"}}\n\n")
    };
    let end = "data: {\"type\":\"RUN_FINISHED\"}\n\n";
    let body =
        [delta("a", "4111 1111 "), delta("b", "7 of "), delta("a", "1111 1111."), delta("b", "9")].concat() + end;
    let out = run(Dialect::Plain, body.as_bytes());
    assert!(out.contains("**** **** **** 1111") && !out.contains("1111 1111"), "{out}");
    let of = |id: &str| {
        let data = events(&out).into_iter().map(|(_, data)| json(&data)).filter(|data| data["messageId"] == id);
        data.filter_map(|data| data["delta"].as_str().map(str::to_owned)).collect::<String>()
    };
    assert_eq!((of("a").as_str(), of("b").as_str()), ("**** **** **** 1111.", "7 of 9"));
}

/// A chunk that names nobody is of who was named last; what other events say between two fragments ends nothing.
#[test]
fn fragments_without_an_owner_go_on() {
    let chunk =
        |id: &str, text: &str| format!("data: {{\"type\":\"TEXT_MESSAGE_CHUNK\"{id},\"delta\":\"{text}\"}}\n\n");
    let id = |id: &str| format!(",\"messageId\":\"{id}\"");
    let body =
        [chunk(&id("a"), "Pay 4111 11"), chunk("", "11 1111 "), chunk("", "1111."), chunk(&id("b"), "So.")].concat();
    let out = run(Dialect::Plain, (body + "data: {\"type\":\"RUN_FINISHED\"}\n\n").as_bytes());
    assert_clean(&out);
    let said = |body: &str, place: &str| -> String {
        let data = events(body).into_iter().map(|(_, data)| json(&data));
        data.filter_map(|data| Some(data.pointer(place)?.as_str()?.to_owned())).collect()
    };
    assert_eq!(said(&out, "/delta"), "Pay **** **** **** 1111.So.");
    let answer = |text: &str| format!("data: {{\"event\":\"message\",\"message_id\":\"m\",\"answer\":\"{text}\"}}\n\n");
    let between = "data: {\"event\":\"node_finished\",\"data\":{\"id\":\"n\"}}\n\n";
    let end = "data: {\"event\":\"message_end\",\"message_id\":\"m\"}\n\n";
    let out = run(Dialect::Plain, [&answer("4111 1111 "), between, &answer("1111 1111."), end].concat().as_bytes());
    assert_eq!(said(&out, "/answer"), "**** **** **** 1111.");
}

/// What is held leaves where its reader looks: not in a special token, and added to an artifact instead of in its place.
#[test]
fn what_is_held_leaves_where_it_is_read() {
    let token = |text: &str, special: bool, whole: &str| {
        format!(
            "data: {{\"token\":{{\"id\":1,\"text\":\"{text}\",\"special\":{special}}},\"generated_text\":{whole}}}\n\n"
        )
    };
    let body =
        [token("4111 1111", false, "null"), token("", true, "null"), token(" 1111 1111", false, "null")].concat();
    let out = run(Dialect::Plain, (body + &token("</s>", true, "\"x\"")).as_bytes());
    let read = events(&out).into_iter().map(|(_, data)| json(&data)).filter(|data| data["token"]["special"] == false);
    let read: String = read.filter_map(|data| data["token"]["text"].as_str().map(str::to_owned)).collect();
    assert_eq!(read, "**** **** **** 1111");

    let update = |members: &str, part: &str| {
        let artifact = format!("{{\"artifactId\":\"a\",\"parts\":[{{\"text\":\"{part}\"}},{{\"data\":{{\"n\":1}}}}]}}");
        format!("{{{members}\"artifact\":{artifact}}}")
    };
    let stream = |update: String| format!("data: {{\"id\":1,\"result\":{update}}}\n\n");
    let kind = "\"kind\":\"artifact-update\",";
    for body in [
        stream(update(kind, "call 4111 1111 11")),
        stream(update(&format!("{kind}\"append\":false,"), "call 4111 1111 11")),
        stream(format!("{{\"artifactUpdate\":{}}}", update("", "call 4111 1111 11"))),
    ] {
        let end = "data: {\"id\":1,\"result\":{\"kind\":\"status-update\",\"final\":true}}\n\n";
        let out = run(Dialect::Plain, (body.clone() + end).as_bytes());
        let (mut text, mut others) = (String::new(), 0);
        for (_, data) in events(&out) {
            let data = json(&data);
            let update = data.pointer("/result/artifactUpdate").unwrap_or(&data["result"]);
            let Some(parts) = update.pointer("/artifact/parts").and_then(|parts| parts.as_array()) else { continue };
            if update["append"] != true {
                text.clear();
            }
            text.extend(parts.iter().filter_map(|part| part["text"].as_str()));
            others += parts.iter().filter(|part| part.get("data").is_some()).count();
        }
        assert_eq!((text.as_str(), others), ("call 4111 1111 11", 1), "{body} {out}");
    }
}
