//! What models say: Converse's blocks and models' own events, every text by itself however finely it is cut.

use std::collections::BTreeMap;

use blackbar::body::{BodyErrorKind, BodyInspector, BodySpec, Dialect, Scopes};
use blackbar::policy;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::fixtures::{PLANTED, TEXT, clean, cuts, spec};
use super::{chunk, event, inspector, messages, parts, quote, redacted, run, stream_spec};

const SIGNATURE: &str = "EqoBCkgIAhABGAIiQL2m8Q1d7aTqZQ0xY3mN5n9v6k4pWw8cB1rTz0s5uVXyZgAbCdEfGhIjKlMnOpQrStUvWxYz==";

/// A text redacted as a whole.
fn whole(kind: &str, text: &str) -> String {
    let (out, end) = run(&mut BodyInspector::new(spec(kind)).unwrap(), [text.as_bytes()]);
    assert_eq!(end, Ok(()));
    String::from_utf8(out).unwrap()
}

fn input(text: &str) -> String {
    json!({ "note": text, "card": 4_111_111_111_111_111_u64, "nested": { "list": ["078-05-1120", true] } }).to_string()
}

fn delta(index: u64, delta: &str) -> Vec<u8> {
    event("contentBlockDelta", &format!("{{\"contentBlockIndex\":{index},\"delta\":{delta},\"p\":\"abcdefghijk\"}}"))
}

/// An answer of a thought, a text and two tools, all but the thought interleaved, in deltas of so many characters.
fn converse(size: usize, thought: &str, text: &str) -> Vec<u8> {
    let mut stream = vec![event("messageStart", "{\"role\":\"assistant\",\"p\":\"ab\"}")];
    for part in parts(thought, size) {
        stream.push(delta(0, &format!("{{\"reasoningContent\":{{\"text\":{}}}}}", quote(&part))));
    }
    stream.push(delta(0, &format!("{{\"reasoningContent\":{{\"signature\":\"{SIGNATURE}\"}}}}")));
    stream.push(event("contentBlockStop", "{\"contentBlockIndex\":0}"));
    for index in [2, 3] {
        let start = format!(
            "{{\"contentBlockIndex\":{index},\"start\":{{\"toolUse\":{{\"toolUseId\":\"tooluse_{index}\",\"name\":\"send\"}}}}}}"
        );
        stream.push(event("contentBlockStart", &start));
    }
    let (texts, inputs) = (parts(text, size), parts(&input(text), size));
    for at in 0..texts.len().max(inputs.len()) {
        if let Some(text) = texts.get(at) {
            stream.push(delta(1, &format!("{{\"text\":{}}}", quote(text))));
        }
        if let Some(input) = inputs.get(at) {
            for index in [2, 3] {
                stream.push(delta(index, &format!("{{\"toolUse\":{{\"input\":{}}}}}", quote(input))));
            }
        }
    }
    for index in [1, 2, 3] {
        stream.push(event("contentBlockStop", &format!("{{\"contentBlockIndex\":{index}}}")));
    }
    stream.push(event("messageStop", "{\"stopReason\":\"tool_use\"}"));
    stream.push(event("metadata", "{\"usage\":{\"inputTokens\":1,\"outputTokens\":2},\"metrics\":{\"latencyMs\":3}}"));
    stream.concat()
}

/// What a reader adds up: every string of the deltas by block and member; a block that speaks after its stop is an error.
fn sums(stream: &[u8]) -> BTreeMap<String, String> {
    fn add(path: &str, value: &Value, sums: &mut BTreeMap<String, String>) {
        match value {
            Value::String(text) => sums.entry(path.to_owned()).or_default().push_str(text),
            Value::Object(members) => {
                members.iter().for_each(|(key, value)| add(&format!("{path}.{key}"), value, sums))
            }
            Value::Array(elements) => elements.iter().for_each(|value| add(path, value, sums)),
            _ => {}
        }
    }
    let (mut sums, mut stopped) = (BTreeMap::new(), Vec::new());
    for message in messages(stream) {
        let event = message.json();
        let index = event["contentBlockIndex"].to_string();
        match message.string(":event-type") {
            "contentBlockDelta" => {
                assert!(!stopped.contains(&index), "block {index} goes on after its stop");
                assert_eq!(event["delta"].as_object().unwrap().len(), 1, "a union has one member");
                add(&index, &event["delta"], &mut sums);
            }
            "contentBlockStop" => stopped.push(index),
            _ => {}
        }
    }
    sums
}

#[test]
fn a_converse_stream_adds_up_in_every_size_of_deltas() {
    let (text, inputs) = (whole("text/plain", TEXT), whole("application/json", &input(TEXT)));
    for size in [1, 2, 3, 5, 8, 13, 1000] {
        let out = redacted(&converse(size, TEXT, TEXT));
        let sums = sums(&out);
        assert_eq!(sums["0.reasoningContent.text"], text, "{size}");
        assert_eq!(sums["0.reasoningContent.signature"], "", "a changed thought has no signature");
        assert_eq!(sums["1.text"], text, "{size}");
        assert_eq!(sums["2.toolUse.input"], inputs, "{size}");
        assert_eq!(sums["3.toolUse.input"], inputs, "{size}");
        assert_eq!(sums.len(), 5);
        clean("converse", &sums.into_values().collect::<String>());
    }
}

#[test]
fn a_thought_that_stays_keeps_its_signature_and_a_clean_stream_every_byte() {
    let sums = sums(&redacted(&converse(3, "nothing personal", TEXT)));
    assert_eq!(sums["0.reasoningContent.signature"], SIGNATURE);
    let encrypted = format!("{{\"reasoningContent\":{{\"redactedContent\":\"{SIGNATURE}\"}}}}");
    let stream = [
        event("messageStart", "{\"role\":\"assistant\"}"),
        delta(0, &encrypted),
        delta(0, &format!("{{\"reasoningContent\":{{\"signature\":\"{SIGNATURE}\"}}}}")),
        event("contentBlockStop", "{\"contentBlockIndex\":0}"),
        delta(1, "{\"text\":\"So far \"}"),
        delta(1, "{\"text\":\"so good.\\n\"}"),
        delta(1, "{\"citation\":{\"title\":\"a\",\"location\":{\"documentPage\":{\"start\":1}}}}"),
        event("contentBlockStop", "{\"contentBlockIndex\":1}"),
        event("messageStop", "{ \"stopReason\" : \"end_turn\" }"),
        event("metadata", "{\"usage\":{\"inputTokens\":12345678901234567890}}"),
        chunk("{\"completion\":\"So \",\"stop_reason\":null}"),
        chunk("{\"completion\":\"far.\",\"stop_reason\":\"stop\"}"),
    ]
    .concat();
    let mut inspector = inspector();
    assert!(run(&mut inspector, [stream.as_slice()]) == (stream, Ok(())), "byte for byte");
    let unscanned: Vec<&str> = inspector.inspection().unscanned.iter().map(|(reason, _)| *reason).collect();
    assert_eq!(unscanned, ["encrypted", "signature"]);
}

/// Name, stream and where its text stands in an event: models' own shapes, in chunks.
fn vendors(size: usize, text: &str) -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let each = |event: &dyn Fn(&str) -> String, rest: &[String]| {
        let events = parts(text, size).iter().map(|part| event(&quote(part))).collect::<Vec<_>>();
        events.iter().chain(rest).map(|event| chunk(event)).collect::<Vec<_>>().concat()
    };
    let own = |event: &str| vec![event.to_owned()];
    let metrics = "\"amazon-bedrock-invocationMetrics\":{\"inputTokenCount\":1,\"outputTokenCount\":2}";
    vec![
        (
            "anthropic",
            each(
                &|part| {
                    format!(
                        "{{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{{\"type\":\"text_delta\",\"text\":{part}}}}}"
                    )
                },
                &[
                    "{\"type\":\"content_block_stop\",\"index\":0}".to_owned(),
                    format!("{{\"type\":\"message_stop\",{metrics}}}"),
                ],
            ),
            "/delta/text",
        ),
        (
            "titan",
            each(
                &|part| format!("{{\"outputText\":{part},\"index\":0,\"completionReason\":null}}"),
                &own(&format!("{{\"outputText\":\"\",\"index\":0,\"completionReason\":\"FINISH\",{metrics}}}")),
            ),
            "/outputText",
        ),
        (
            "titan without reasons",
            each(
                &|part| format!("{{\"outputText\":{part},\"index\":0,\"totalOutputTextTokenCount\":null}}"),
                &own(&format!("{{\"outputText\":\"\",\"index\":0,\"totalOutputTextTokenCount\":9,{metrics}}}")),
            ),
            "/outputText",
        ),
        (
            "llama",
            each(
                &|part| format!("{{\"generation\":{part},\"generation_token_count\":1,\"stop_reason\":null}}"),
                &own("{\"generation\":\"\",\"generation_token_count\":9,\"stop_reason\":\"stop\"}"),
            ),
            "/generation",
        ),
        (
            "mistral",
            each(
                &|part| format!("{{\"outputs\":[{{\"text\":{part},\"stop_reason\":null}}]}}"),
                &own("{\"outputs\":[{\"text\":\"\",\"stop_reason\":\"stop\"}]}"),
            ),
            "/outputs/0/text",
        ),
        (
            "cohere",
            each(
                &|part| format!("{{\"text\":{part},\"is_finished\":false}}"),
                &own("{\"is_finished\":true,\"finish_reason\":\"COMPLETE\"}"),
            ),
            "/text",
        ),
        (
            "nova",
            each(
                &|part| format!("{{\"contentBlockDelta\":{{\"delta\":{{\"text\":{part}}},\"contentBlockIndex\":0}}}}"),
                &[
                    "{\"contentBlockStop\":{\"contentBlockIndex\":0}}".to_owned(),
                    "{\"messageStop\":{\"stopReason\":\"end_turn\"}}".to_owned(),
                ],
            ),
            "/contentBlockDelta/delta/text",
        ),
        (
            "openai",
            each(
                &|part| {
                    format!("{{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":{part}}},\"finish_reason\":null}}]}}")
                },
                &own("{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}"),
            ),
            "/choices/0/delta/content",
        ),
    ]
}

#[test]
fn models_own_events_add_up_in_chunks() {
    let expected = whole("text/plain", TEXT);
    for size in [1, 3, 8, 1000] {
        for (name, stream, place) in vendors(size, TEXT) {
            let out = redacted(&stream);
            let (before, after) = (messages(&stream), messages(&out));
            let said = |message: &super::Message| message.json().pointer(place)?.as_str().map(str::to_owned);
            assert_eq!(after.iter().filter_map(said).collect::<String>(), expected, "{name} in {size}s");
            for message in &after {
                assert_eq!(message.string(":event-type"), "chunk", "{name}");
                PLANTED.iter().for_each(|value| assert!(!message.json().to_string().contains(value), "{name}"));
            }
            // What came leaves with its padding, and its last event is the last.
            let padded = after.iter().filter(|message| String::from_utf8_lossy(&message.payload).contains("\"p\":"));
            assert!(padded.count() >= before.len(), "{name}");
            assert_eq!(
                said(after.last().unwrap()).is_some(),
                said(before.last().unwrap()).is_some(),
                "{name}: nothing follows the end"
            );
        }
    }
}

fn all(size: usize, text: &str) -> Vec<(&'static str, Vec<u8>)> {
    let own = vendors(size, text).into_iter().map(|(name, stream, _)| (name, stream));
    own.chain([("converse", converse(size, text, text))]).collect()
}

const SHORT: &str = "pay 4111 1111 1111 1111, jane@example.com";

#[test]
fn any_chunking_gives_one_stream() {
    for (name, stream) in all(5, SHORT).into_iter().chain(all(9, TEXT)) {
        let whole = redacted(&stream);
        assert!(run(&mut inspector(), stream.chunks(1)) == (whole.clone(), Ok(())), "{name}");
        for at in cuts(stream.len(), 1 + stream.len() / 500) {
            let (first, second) = stream.split_at(at);
            assert!(run(&mut inspector(), [first, second]) == (whole.clone(), Ok(())), "{name} at {at}");
        }
    }
}

/// An end at any byte that is not between two messages is a fault; what left by then is the beginning of what leaves in
/// the end, so that nothing that was held comes out, and what is held never does.
#[test]
fn an_early_end_is_visible_and_shows_nothing() {
    for (name, stream) in all(7, SHORT) {
        let whole = redacted(&stream);
        let mut places = vec![0];
        while let Some(length) = stream.get(places[places.len() - 1]..).and_then(|rest| rest.first_chunk::<4>()) {
            places.push(places[places.len() - 1] + u32::from_be_bytes(*length) as usize);
        }
        let (mut inspector, mut out) = (inspector(), Vec::new());
        for at in 0..stream.len() {
            if !places.contains(&at) {
                let (left, end) = run(&mut super::inspector(), [&stream[..at]]);
                assert_eq!(end, Err(BodyErrorKind::Truncated), "{name} at {at}");
                assert!(left == out, "{name} at {at}: nothing that was held");
            }
            inspector.push(&stream[at..=at], &mut out).unwrap();
            assert!(whole.starts_with(&out), "{name} at {at}");
        }
    }
}

/// What Bedrock measures stands in the last event of all: what is held leaves in it, or before it.
#[test]
fn the_event_with_the_metrics_is_the_last_one() {
    let metrics = "\"amazon-bedrock-invocationMetrics\":{\"inputTokenCount\":1}";
    let begun = chunk("{\"outputText\":\"pay 4111 1111 \",\"index\":0}");
    for (last, expected) in [
        (format!("{{\"outputText\":\"1111 1111\",\"index\":0,{metrics}}}"), "pay **** **** **** 1111"),
        (format!("{{{metrics}}}"), "pay 4111 1111 "),
    ] {
        let out = redacted(&[begun.clone(), chunk(&last)].concat());
        let said: String = messages(&out)
            .iter()
            .filter_map(|message| message.json()["outputText"].as_str().map(str::to_owned))
            .collect();
        assert_eq!(said, expected);
        let last = messages(&out).pop().unwrap().json();
        assert!(last["amazon-bedrock-invocationMetrics"].is_object(), "{last}");
    }
}

/// Words leave with the event that they came in.
#[test]
fn nothing_waits_that_is_decided() {
    let (mut inspector, mut out) = (inspector(), Vec::new());
    for word in ["Good ", "morning, ", "how ", "are ", "you? "] {
        let before = sums(&out).remove("0.text").unwrap_or_default();
        inspector.push(&delta(0, &format!("{{\"text\":\"{word}\"}}")), &mut out).unwrap();
        let now = sums(&out)["0.text"].clone();
        assert!(now.len() >= before.len() + word.len() - 2, "{word:?} waits: {now:?}");
    }
}

#[test]
fn what_is_held_never_leaves_before_an_exception_or_at_an_end_that_is_none() {
    let text = delta(0, "{\"text\":\"call 4111 1111 1111 111\"}");
    let (out, end) = run(&mut inspector(), [text.as_slice()]);
    assert_eq!((sums(&out)["0.text"].as_str(), end), ("call ", Err(BodyErrorKind::Truncated)));
    let own = chunk("{\"generation\":\"call 4111 1111\",\"stop_reason\":null}");
    let (out, end) = run(&mut inspector(), [own.as_slice()]);
    assert_eq!(end, Err(BodyErrorKind::Truncated));
    assert!(!messages(&out)[0].json().to_string().contains("1111"));
    let titan = chunk("{\"outputText\":\"call 4111 1111\",\"index\":0}");
    let (out, end) = run(&mut inspector(), [titan.as_slice()]);
    assert_eq!(end, Err(BodyErrorKind::Truncated));
    assert_eq!(messages(&out)[0].json()["outputText"], "call ");
    let exception = blackbar::body::llm::error_frame(Dialect::Bedrock, "truncated", "m");
    let out = redacted(&[text.clone(), exception.clone()].concat());
    let last = messages(&out);
    assert_eq!(last.last().unwrap().string(":message-type"), "exception");
    assert_eq!(sums(&out)["0.text"], "call ");
    // A block that has stopped was whole.
    let stop = event("contentBlockStop", "{\"contentBlockIndex\":0}");
    let text = delta(0, "{\"text\":\"call 555\"}");
    let out = redacted(&[text, stop, exception].concat());
    assert_eq!(sums(&out)["0.text"], "call 555");
}

#[test]
fn a_block_ends_the_stream_before_the_value() {
    let rules = policy::load_rules(None).unwrap();
    let base = rules.scopes(blackbar::body::Direction::Response);
    let actions = base.rules.rules().iter().map(|_| blackbar::engine::Action::Block).collect();
    let actions = blackbar::engine::ActionTable::new(actions, None).into();
    let scopes = Scopes { rules: base.rules.clone(), actions, paths: Vec::new(), tools: None, restore: None };
    let spec = BodySpec { scopes: scopes.into(), ..stream_spec() };
    for (name, stream) in all(3, TEXT) {
        let (out, end) = run(&mut BodyInspector::new(spec.clone()).unwrap(), [stream.as_slice()]);
        assert!(matches!(end, Err(BodyErrorKind::Blocked { .. })), "{name}: {end:?}");
        for message in messages(&out) {
            clean(name, &message.json().to_string());
        }
    }
}

#[test]
fn unknown_deltas_grow_as_texts_of_their_own() {
    let stream: Vec<u8> =
        parts(TEXT, 2).iter().flat_map(|part| delta(7, &format!("{{\"audioScript\":{}}}", quote(part)))).collect();
    let stream = [stream, event("contentBlockStop", "{\"contentBlockIndex\":7}")].concat();
    assert_eq!(sums(&redacted(&stream))["7.audioScript"], whole("text/plain", TEXT));
    let results: Vec<u8> = parts(TEXT, 2)
        .iter()
        .flat_map(|part| delta(0, &format!("{{\"toolResult\":[{{\"text\":{}}}]}}", quote(part))))
        .chain(event("messageStop", "{\"stopReason\":\"end_turn\"}"))
        .collect();
    assert_eq!(sums(&redacted(&results))["0.toolResult.text"], whole("text/plain", TEXT));
}

#[test]
fn traces_and_other_whole_copies_are_scanned() {
    let trace = json!({ "usage": { "inputTokens": 1 }, "trace": { "guardrail": { "modelOutput": [TEXT], "outputAssessments": {
        "g": [{ "sensitiveInformationPolicy": { "piiEntities": [{ "match": "4111 1111 1111 1111", "type": "CREDIT_DEBIT_CARD_NUMBER" }] } }]
    } } } });
    let out = redacted(&event("metadata", &trace.to_string()));
    clean("trace", &messages(&out)[0].json().to_string());
}

/// A text of words, values, half values and punctuation.
fn texts() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        4 => "[a-z]{1,8} ",
        1 => Just("4111 1111 1111 1111".to_owned()),
        1 => Just("4111111111111111".to_owned()),
        1 => Just("jane@example.com".to_owned()),
        1 => "[0-9 -]{1,12}",
        1 => Just(", \"\\/{[\u{e9}\u{1F600}\n\t".to_owned()),
    ];
    prop::collection::vec(word, 0..8).prop_map(|words| words.concat())
}

/// Cuts a text at these places, modulo its length.
fn cut(text: &str, cuts: &[usize]) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut % (chars.len() + 1)).chain([0, chars.len()]).collect();
    places.sort_unstable();
    places.windows(2).map(|pair| chars[pair[0]..pair[1]].iter().collect()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 128, ..ProptestConfig::default() })]

    /// Blocks in any order, each in any pieces, in any chunking: what a reader adds up is the redaction of each text.
    #[test]
    fn blocks_add_up(
        blocks in prop::collection::vec((texts(), prop::collection::vec(any::<usize>(), 0..12), 0..3_usize), 1..4),
        order in prop::collection::vec(any::<usize>(), 40),
        cuts in prop::collection::vec(any::<usize>(), 0..12),
        chunked in any::<bool>(),
    ) {
        const MEMBERS: [(&str, &str, &str); 3] = [
            ("{\"text\":", "}", ".text"),
            ("{\"toolUse\":{\"input\":", "}}", ".toolUse.input"),
            ("{\"reasoningContent\":{\"text\":", "}}", ".reasoningContent.text"),
        ];
        let mut queues = Vec::new();
        let mut expected = BTreeMap::new();
        for (index, (text, cuts, member)) in blocks.iter().enumerate() {
            let (before, after, place) = MEMBERS[*member];
            let (text, kind) = match *member {
                1 => (json!({ text.as_str(): [text, 4_111_111_111_111_111_u64] }).to_string(), "application/json"),
                _ => (format!("so {text}"), "text/plain"),
            };
            let one = |part: &String| format!("{{\"contentBlockIndex\":{index},\"delta\":{before}{}{after}}}", quote(part));
            let mut events: Vec<_> = cut(&text, cuts).iter().map(|part| ("contentBlockDelta", one(part))).collect();
            events.push(("contentBlockStop", format!("{{\"contentBlockIndex\":{index}}}")));
            queues.push(events.into_iter());
            expected.insert(format!("{index}{place}"), whole(kind, &text));
        }
        let mut events = Vec::new();
        for at in order {
            let count = queues.len();
            events.extend(queues[at % count].next());
        }
        events.extend(queues.into_iter().flatten());
        let message = |(kind, json): &(&str, String)| match chunked {
            true => chunk(&format!("{{\"{kind}\":{json}}}")),
            false => event(kind, json),
        };
        let stream = events.iter().map(message).collect::<Vec<_>>().concat();
        let out = redacted(&stream);
        let seen: Vec<u8> = match chunked {
            false => out.clone(),
            // As the events would stand on their own.
            true => messages(&out).iter().flat_map(|message| {
                let (kind, inner) = message.json().as_object().unwrap().iter().next().map(|(kind, inner)| (kind.clone(), inner.to_string())).unwrap();
                event(&kind, &inner)
            }).collect(),
        };
        let mut sums = sums(&seen);
        sums.retain(|place, _| expected.contains_key(place));
        prop_assert_eq!(&sums, &expected);
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut % (stream.len() + 1)).chain([0, stream.len()]).collect();
        places.sort_unstable();
        let pieces = places.windows(2).map(|pair| &stream[pair[0]..pair[1]]);
        prop_assert!(run(&mut inspector(), pieces) == (out, Ok(())));
    }
}
