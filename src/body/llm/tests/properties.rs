//! Random texts, fragments, interleavings and chunkings; and bytes that mean nothing.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{
    add_strings, anthropic_sums, json, openai_sums, quote, redacted, run, run_parts, run_series, scopes, stream,
};
use crate::body::series::Series;
use crate::body::{BodyLimits, Dialect, Inspection, Transform};

/// A text of words, values, half values and punctuation.
fn text() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        4 => "[a-z]{1,8} ",
        1 => Just("4111 1111 1111 1111".to_owned()),
        1 => Just("4111111111111111".to_owned()),
        1 => Just("078-05-1120".to_owned()),
        1 => Just("(212) 555-0123".to_owned()),
        1 => Just("jane@example.com".to_owned()),
        1 => "[0-9 -]{1,12}",
        1 => Just(", \"\\/{[\u{e9}\u{1F600}\n\t".to_owned()),
    ];
    prop::collection::vec(word, 0..8).prop_map(|words| words.concat())
}

/// A JSON document with texts in it.
fn arguments() -> impl Strategy<Value = String> {
    (text(), text(), any::<u64>(), any::<bool>()).prop_map(|(key, value, number, nested)| {
        let value = quote(&value).replace('4', "\\u0034");
        let inner = format!("{{{}: {value}, \"n\": {number}, \"m\":[4111111111111111]}}", quote(&key));
        if nested { format!("{{\"a\": [{inner}, null], \"b\": \"{{\\\"x\\\":1}}\"}}") } else { inner }
    })
}

/// Cuts a text at these places (modulo its length).
fn cut(text: &str, cuts: &[usize]) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut % (chars.len() + 1)).collect();
    places.extend([0, chars.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| chars[pair[0]..pair[1]].iter().collect()).collect()
}

/// Cuts bytes at these places.
fn chunk<'a>(bytes: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

/// Takes from the lists in turns, as `order` says, keeping the order within each.
fn interleave(lists: Vec<Vec<String>>, order: &[usize]) -> String {
    let mut queues: Vec<_> = lists.into_iter().map(Vec::into_iter).collect();
    let mut body = String::new();
    for at in order {
        let count = queues.len();
        if let Some(event) = queues[at % count].next() {
            body += &event;
        }
    }
    queues.into_iter().flatten().for_each(|event| body += &event);
    body
}

fn cuts() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(any::<usize>(), 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn openai_adds_up(
        texts in prop::collection::vec((text(), cuts()), 4),
        calls in prop::collection::vec((arguments(), cuts()), 2),
        order in prop::collection::vec(any::<usize>(), 40),
        chunks in cuts(),
    ) {
        let event = |choice: usize, delta: String| {
            format!("data: {{\"id\":\"c\",\"choices\":[{{\"index\":{choice},\"delta\":{delta},\"finish_reason\":null}}]}}\n\n")
        };
        let mut lists = Vec::new();
        let mut expected = BTreeMap::new();
        for (at, (text, cuts)) in texts.iter().enumerate() {
            let (choice, member) = (at % 2, ["content", "reasoning"][at / 2]);
            let parts = cut(text, cuts);
            lists.push(parts.iter().map(|part| event(choice, format!("{{\"{member}\":{}}}", quote(part)))).collect());
            expected.insert(format!("{choice}.delta.{member}"), redacted(text, false));
        }
        for (at, (text, cuts)) in calls.iter().enumerate() {
            let parts = cut(text, cuts);
            let delta = |part: &String| {
                format!("{{\"tool_calls\":[{{\"index\":{at},\"function\":{{\"arguments\":{}}}}}]}}", quote(part))
            };
            lists.push(parts.iter().map(|part| event(1, delta(part))).collect());
            expected.insert(format!("1.delta.tool_calls[{at}].function.arguments"), redacted(text, true));
        }
        let mut body = interleave(lists, &order);
        body += "data: {\"id\":\"c\",\"choices\":[{\"index\":1,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
        let whole = run(Dialect::OpenAi, body.as_bytes());
        let sums = openai_sums(&whole);
        prop_assert_eq!(&sums, &expected);
        let (outs, seen) = run_parts(Dialect::OpenAi, chunk(body.as_bytes(), &chunks)).expect("passes");
        prop_assert_eq!(outs.concat(), whole.into_bytes());
        let (_, at_once) = run_parts(Dialect::OpenAi, [body.as_bytes()]).expect("passes");
        prop_assert_eq!(seen.findings, at_once.findings);
    }

    #[test]
    fn anthropic_adds_up(
        texts in prop::collection::vec((text(), cuts()), 3),
        call in (arguments(), cuts()),
        order in prop::collection::vec(any::<usize>(), 40),
        chunks in cuts(),
    ) {
        let event = |name: &str, members: String| format!("event: {name}\ndata: {{\"type\":\"{name}\",{members}}}\n\n");
        let mut lists = Vec::new();
        let mut expected = BTreeMap::new();
        for at in 0..4 {
            let (kind, member, (text, cuts)) = match at {
                0 => ("thinking_delta", "thinking", &texts[0]),
                3 => ("input_json_delta", "partial_json", &call),
                _ => ("text_delta", "text", &texts[at - 1]),
            };
            let mut list = vec![event("content_block_start", format!("\"index\":{at},\"content_block\":{{\"type\":\"x\"}}"))];
            for part in cut(text, cuts) {
                let delta = format!("{{\"type\":\"{kind}\",\"{member}\":{}}}", quote(&part));
                list.push(event("content_block_delta", format!("\"index\":{at},\"delta\":{delta}")));
            }
            list.push(event("content_block_stop", format!("\"index\":{at}")));
            lists.push(list);
            expected.insert(format!("{at}.{member}"), redacted(text, at == 3));
            expected.insert(format!("{at}.type"), String::new());
        }
        let body = interleave(lists, &order);
        let whole = run(Dialect::Anthropic, body.as_bytes());
        let mut sums = anthropic_sums(&whole);
        sums.iter_mut().filter(|(path, _)| path.ends_with(".type")).for_each(|(_, kind)| kind.clear());
        prop_assert_eq!(&sums, &expected);
        let (outs, _) = run_parts(Dialect::Anthropic, chunk(body.as_bytes(), &chunks)).expect("passes");
        prop_assert_eq!(outs.concat(), whole.into_bytes());
    }

    #[test]
    fn nothing_panics(
        pieces in prop::collection::vec(prop_oneof![
            prop::collection::vec(any::<u8>(), 0..12),
            Just(b"data: ".to_vec()), Just(b"\n\n".to_vec()), Just(b"\r".to_vec()), Just(b"\xEF\xBB\xBF".to_vec()),
            Just(b"{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"4111 \xFF\"".to_vec()),
            Just(b"{\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"partial_json\":\"{\\\"a\\\":41\"}}".to_vec()),
            Just(b"}}]}\n\n".to_vec()), Just(b"{\"type\":\"message_stop\"}".to_vec()), Just(b"[DONE]".to_vec()),
            Just(b"\\ud83d".to_vec()), Just(b"\"".to_vec()), Just(b": 1111 1111 1111\n".to_vec()),
        ], 0..24),
        dialect in prop::sample::select(Dialect::ALL.to_vec()),
        cuts in cuts(),
    ) {
        let body = pieces.concat();
        let mut results = Vec::new();
        for parts in [vec![body.as_slice()], chunk(&body, &cuts)] {
            let mut stream = stream(&super::scopes(), dialect);
            let (mut out, mut seen) = (Vec::new(), Inspection::default());
            let pushed = parts.into_iter().try_for_each(|part| stream.push(part, &mut out, &mut seen));
            let ended = pushed.and_then(|()| stream.finish(&mut out, &mut seen));
            results.push((out, ended));
        }
        prop_assert_eq!(&results[0], &results[1]);
    }
    #[test]
    fn gemini_adds_up(
        texts in prop::collection::vec((text(), cuts()), 4),
        order in prop::collection::vec(any::<usize>(), 40),
        finishes in prop::collection::vec(any::<bool>(), 2),
        chunks in cuts(),
    ) {
        let mut lists = Vec::new();
        let mut expected = BTreeMap::new();
        for (at, (text, cuts)) in texts.iter().enumerate() {
            let (candidate, thought) = (at % 2, at / 2 == 0);
            let member = if thought { ",\"thought\":true" } else { "" };
            let part = |part: &String| {
                let part = format!("{{\"text\":{}{member}}}", quote(part));
                format!("{{\"candidates\":[{{\"index\":{candidate},\"content\":{{\"parts\":[{part}]}}}}]}}\n")
            };
            lists.push(cut(text, cuts).iter().map(part).collect());
            expected.insert(format!("{candidate}{thought}"), redacted(text, false));
        }
        let mut messages: Vec<String> = interleave(lists, &order).lines().map(str::to_owned).collect();
        for (candidate, finishes) in finishes.iter().enumerate() {
            if *finishes {
                messages.push(format!("{{\"candidates\":[{{\"index\":{candidate},\"finishReason\":\"STOP\"}}]}}"));
            }
        }
        let sums = |messages: &[serde_json::Value]| {
            let mut sums = BTreeMap::new();
            for candidate in messages.iter().flat_map(|message| message["candidates"].as_array().expect("candidates")) {
                for part in candidate["content"]["parts"].as_array().into_iter().flatten() {
                    let key = format!("{}{}", candidate["index"], part["thought"] == true);
                    add_strings(&key, &part["text"], &mut sums);
                }
            }
            sums
        };
        let array = format!("[{}]", messages.join(",\r\n"));
        let (outs, _) = run_series(Dialect::Plain, chunk(array.as_bytes(), &chunks)).expect("passes");
        let out = String::from_utf8(outs.concat()).expect("UTF-8");
        prop_assert_eq!(&sums(json(&out).as_array().expect("an array")), &expected);
        let (outs, _) = run_series(Dialect::Plain, [array.as_bytes()]).expect("passes");
        prop_assert_eq!(outs.concat(), out.into_bytes());
        for (candidate, _) in finishes.iter().enumerate().filter(|(_, finishes)| !**finishes) {
            messages.push(format!("{{\"candidates\":[{{\"index\":{candidate},\"finishReason\":\"STOP\"}}]}}"));
        }
        let stream: String = messages.iter().map(|message| format!("data: {message}\n\n")).collect();
        let out = run(Dialect::Gemini, stream.as_bytes());
        let messages: Vec<_> = super::events(&out).iter().map(|(_, data)| json(data)).collect();
        prop_assert_eq!(&sums(&messages), &expected);
    }

    #[test]
    fn cohere_adds_up(
        texts in prop::collection::vec((text(), cuts()), 3),
        call in (arguments(), cuts()),
        order in prop::collection::vec(any::<usize>(), 40),
        chunks in cuts(),
    ) {
        let mut lists = Vec::new();
        let mut expected = BTreeMap::new();
        for at in 0..4 {
            let (group, before, (text, cuts)) = match at {
                0 => ("content", "{\"content\":{\"thinking\":", &texts[0]),
                1 => ("content", "{\"content\":{\"text\":", &texts[1]),
                2 => ("tool-plan", "{\"tool_plan\":", &texts[2]),
                _ => ("tool-call", "{\"tool_calls\":{\"function\":{\"arguments\":", &call),
            };
            let after = "}".repeat(before.matches('{').count());
            let event = |part: &String| {
                let (kind, part) = (format!("{group}-delta"), quote(part));
                format!("event: {kind}\ndata: {{\"type\":\"{kind}\",\"index\":{at},\"delta\":{{\"message\":{before}{part}{after}}}}}\n\n")
            };
            let mut list: Vec<String> = cut(text, cuts).iter().map(event).collect();
            if at != 2 {
                list.push(format!("event: {group}-end\ndata: {{\"type\":\"{group}-end\",\"index\":{at}}}\n\n"));
            }
            lists.push(list);
            expected.insert(before.to_owned(), redacted(text, at == 3));
        }
        let body = interleave(lists, &order) + "event: message-end\ndata: {\"type\":\"message-end\"}\n\n";
        let whole = run(Dialect::Cohere, body.as_bytes());
        let mut sums = BTreeMap::new();
        for (_, data) in super::events(&whole) {
            let event = json(&data);
            let message = &event["delta"]["message"];
            for (before, text) in [
                ("{\"content\":{\"thinking\":", &message["content"]["thinking"]),
                ("{\"content\":{\"text\":", &message["content"]["text"]),
                ("{\"tool_plan\":", &message["tool_plan"]),
                ("{\"tool_calls\":{\"function\":{\"arguments\":", &message["tool_calls"]["function"]["arguments"]),
            ] {
                add_strings(before, text, &mut sums);
            }
        }
        prop_assert_eq!(&sums, &expected);
        let (outs, _) = run_parts(Dialect::Cohere, chunk(body.as_bytes(), &chunks)).expect("passes");
        prop_assert_eq!(outs.concat(), whole.into_bytes());
    }

    #[test]
    fn ollama_adds_up(
        texts in prop::collection::vec((text(), cuts()), 2),
        order in prop::collection::vec(any::<usize>(), 24),
        end in text(),
        chunks in cuts(),
    ) {
        let record = |member: &str, text: &str, done: bool| {
            format!("{{\"model\":\"m\",\"{member}\":{},\"done\":{done}}}\n", quote(text))
        };
        let lists = texts.iter().zip(["thinking", "response"]).map(|((text, cuts), member)| {
            cut(text, cuts).iter().map(|part| record(member, part, false)).collect()
        });
        let body = interleave(lists.collect(), &order) + &record("response", &end, true);
        let (outs, _) = run_series(Dialect::Ollama, chunk(body.as_bytes(), &chunks)).expect("passes");
        let out = String::from_utf8(outs.concat()).expect("UTF-8");
        let mut sums = BTreeMap::new();
        for line in out.lines() {
            let record = json(line);
            ["thinking", "response"].iter().for_each(|member| add_strings(member, &record[*member], &mut sums));
        }
        prop_assert_eq!(&sums["thinking"], &redacted(&texts[0].0, false));
        prop_assert_eq!(&sums["response"], &redacted(&(texts[1].0.clone() + &end), false));
        let (outs, _) = run_series(Dialect::Ollama, [body.as_bytes()]).expect("passes");
        prop_assert_eq!(outs.concat(), out.into_bytes());
    }

    #[test]
    fn no_records_panic_and_clean_ones_leave_as_they_came(
        pieces in prop::collection::vec(prop_oneof![
            prop::collection::vec(any::<u8>(), 0..6),
            Just(b"[".to_vec()), Just(b"]".to_vec()), Just(b",".to_vec()), Just(b"\r\n".to_vec()), Just(b" {} ".to_vec()),
            Just(b"{\"candidates\":[{\"index\":1,\"finishReason\":\"STOP\",\"content\":{\"parts\":[{\"text\":\"4111 1111 \"}]}}]}".to_vec()),
            Just(b"{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"so \"}]}}]}".to_vec()),
            Just(b"{\"model\":\"m\",\"response\":\"4111 1111\",\"done\":false}".to_vec()),
            Just(b"{\"error\":\"x\"}".to_vec()), Just(b"\"4111\"".to_vec()), Just(b"-1.5e3".to_vec()), Just(b"null".to_vec()),
        ], 0..16),
        dialect in prop::sample::select(Dialect::ALL.to_vec()),
        cuts in cuts(),
    ) {
        let body = pieces.concat();
        let mut results = Vec::new();
        for parts in [vec![body.as_slice()], chunk(&body, &cuts)] {
            let mut series = Series::new(scopes(), &BodyLimits::default(), dialect);
            let (mut out, mut seen) = (Vec::new(), Inspection::default());
            let pushed = parts.into_iter().try_for_each(|part| series.push(part, &mut out, &mut seen));
            let ended = pushed.and_then(|()| series.finish(&mut out, &mut seen));
            results.push((out, ended));
        }
        prop_assert_eq!(&results[0], &results[1]);
        let (out, ended) = &results[0];
        if ended.is_ok() {
            let readable = |bytes: &[u8]| serde_json::Deserializer::from_slice(bytes).into_iter::<serde_json::Value>().all(|value| value.is_ok());
            prop_assert!(!readable(&body) || readable(out), "{}", String::from_utf8_lossy(out));
        }
    }
}
