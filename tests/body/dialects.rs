//! Streamed answers of every provider, whole bodies: by route or by their own shape, in every media type they come in.

use blackbar::body::{BodyErrorKind, BodyInspector, BodySpec, ContentCoding, Dialect, Direction, MediaRange};

use super::fixtures::{PLANTED, TEXT, clean, cuts, gunzip, gzip, spec};

fn inspector(dialect: Dialect, kind: &str, codings: &[ContentCoding]) -> BodyInspector {
    let spec = BodySpec { codings: codings.to_vec(), dialect, ..spec(kind) };
    BodyInspector::new(spec).expect("the body can be inspected")
}

fn run(dialect: Dialect, kind: &str, body: &[u8], cuts: &[usize]) -> String {
    let mut inspector = inspector(dialect, kind, &[]);
    let mut out = Vec::new();
    let mut from = 0;
    for at in cuts.iter().copied().chain([body.len()]) {
        inspector.push(&body[from..at], &mut out).unwrap();
        from = at;
    }
    inspector.finish(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn parts(size: usize) -> Vec<String> {
    let characters: Vec<char> = TEXT.chars().collect();
    characters.chunks(size).map(|part| serde_json::to_string(&part.iter().collect::<String>()).unwrap()).collect()
}

fn gemini(size: usize) -> Vec<String> {
    let mut messages: Vec<String> = parts(size)
        .iter()
        .map(|text| {
            format!(r#"{{"candidates":[{{"content":{{"parts":[{{"text":{text},"thought":true}},{{"text":{text}}}],"role":"model"}}}},{{"content":{{"parts":[{{"text":{text}}}]}},"index":1}}],"modelVersion":"g"}}"#)
        })
        .collect();
    messages.push(
        r#"{"candidates":[{"finishReason":"STOP"},{"finishReason":"STOP","index":1}],"modelVersion":"g"}"#.into(),
    );
    messages
}

fn cohere(size: usize) -> String {
    let event = |kind: &str, rest: String| format!("event: {kind}\ndata: {{\"type\":\"{kind}\"{rest}}}\n\n");
    let mut body =
        event("content-start", r#","index":0,"delta":{"message":{"content":{"type":"text","text":""}}}"#.into());
    for text in parts(size) {
        body += &event("tool-plan-delta", format!(r#","delta":{{"message":{{"tool_plan":{text}}}}}"#));
        body += &event("content-delta", format!(r#","index":0,"delta":{{"message":{{"content":{{"text":{text}}}}}}}"#));
    }
    body + &event("content-end", r#","index":0"#.into())
        + &event("message-end", r#","delta":{"finish_reason":"COMPLETE"}"#.into())
}

fn ollama(size: usize) -> String {
    let record = |text: &str, rest: &str| {
        format!(
            "{{\"model\":\"m\",\"created_at\":\"2026-01-01T00:00:00Z\",\"message\":{{\"role\":\"assistant\",\"content\":{text}}},{rest}}}\n"
        )
    };
    let lines: String = parts(size).iter().map(|text| record(text, "\"done\":false")).collect();
    lines + &record("\"\"", "\"done\":true,\"done_reason\":\"stop\"")
}

/// Name, media type, body, and the dialects under which it is followed.
fn cases(size: usize) -> Vec<(&'static str, &'static str, String, Vec<Dialect>)> {
    let events: String = gemini(size).iter().map(|message| format!("data: {message}\r\n\r\n")).collect();
    let array = format!("[{}\n]\n", gemini(size).join("\n,\r\n"));
    vec![
        ("gemini", "text/event-stream", events, vec![Dialect::Gemini, Dialect::Plain]),
        ("gemini array", "application/json; charset=UTF-8", array.clone(), vec![Dialect::Gemini, Dialect::Plain]),
        ("gemini array, unnamed", "text/plain", array, vec![Dialect::Gemini]),
        ("cohere", "text/event-stream", cohere(size), vec![Dialect::Cohere, Dialect::Plain]),
        ("ollama", "application/x-ndjson", ollama(size), vec![Dialect::Ollama, Dialect::Plain]),
        ("ollama as JSON", "application/json", ollama(size), vec![Dialect::Ollama, Dialect::Plain]),
        ("ollama, unnamed", "application/octet-stream", ollama(size), vec![Dialect::Ollama, Dialect::Plain]),
    ]
}

/// Every string, added up by the place where it stands.
fn shown(body: &str) -> String {
    let values: Vec<serde_json::Value> = match serde_json::from_str(body) {
        Ok(array) => vec![array],
        Err(_) => body
            .lines()
            .map(|line| line.strip_prefix("data: ").unwrap_or(line))
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect(),
    };
    let mut by_place = std::collections::BTreeMap::<String, String>::new();
    let mut open: Vec<_> = values.iter().rev().map(|value| (String::new(), value)).collect();
    while let Some((place, value)) = open.pop() {
        match value {
            serde_json::Value::String(text) => by_place.entry(place).or_default().push_str(text),
            serde_json::Value::Object(members) => {
                let [index, thought] = ["index", "thought"].map(|key| members.get(key).map(ToString::to_string));
                let mark = format!("{}{}", index.unwrap_or("0".into()), thought.unwrap_or_default());
                open.extend(members.iter().map(|(key, value)| (format!("{place}/{mark}{key}"), value)));
            }
            serde_json::Value::Array(elements) => {
                open.extend(elements.iter().rev().map(|value| (place.clone(), value)));
            }
            _ => {}
        }
    }
    by_place.into_values().collect::<Vec<_>>().join("\n")
}

#[test]
fn no_value_comes_through_in_any_dialect_fragment_size_or_chunking() {
    let redacted = run(Dialect::Plain, "text/plain", TEXT.as_bytes(), &[]);
    clean("the text", &redacted);
    for size in 1..=6 {
        for (name, kind, body, dialects) in cases(size) {
            for dialect in dialects {
                let what = format!("{name} as {dialect:?} in fragments of {size}");
                let whole = run(dialect, kind, body.as_bytes(), &[]);
                let shown = shown(&whole);
                clean(&what, &shown);
                assert!(shown.lines().filter(|line| *line == redacted).count() >= 1, "{what}: {shown}");
                let bytes: Vec<usize> = (1..body.len()).collect();
                assert_eq!(run(dialect, kind, body.as_bytes(), &bytes), whole, "{what}, byte by byte");
                for cut in cuts(body.len(), if size == 5 { 3 } else { 397 }) {
                    assert_eq!(run(dialect, kind, body.as_bytes(), &[cut]), whole, "{what}, cut at {cut}");
                }
                let mut coded = inspector(dialect, kind, &[ContentCoding::Gzip]);
                let mut out = Vec::new();
                coded.push(&gzip(body.as_bytes()), &mut out).unwrap();
                coded.finish(&mut out).unwrap();
                assert_eq!(String::from_utf8(gunzip(&out)).unwrap(), whole, "{what}, coded");
            }
        }
    }
}

/// What left before a cut is the beginning of the redacted body and ends where the held text begins.
#[test]
fn a_cut_at_any_byte_shows_nothing_that_was_held() {
    for (name, kind, body, dialects) in cases(3) {
        let whole = run(dialects[0], kind, body.as_bytes(), &[]);
        let mut inspector = inspector(dialects[0], kind, &[]);
        let mut out = Vec::new();
        for byte in body.as_bytes() {
            inspector.push(std::slice::from_ref(byte), &mut out).unwrap();
            assert!(whole.as_bytes().starts_with(&out), "{name}");
        }
        clean(name, &shown(&String::from_utf8_lossy(&out)));
        if !kind.contains("event-stream") {
            let mut cut = self::inspector(dialects[0], kind, &[]);
            cut.push(&body.as_bytes()[..body.len() / 2], &mut Vec::new()).unwrap();
            let ended = cut.finish(&mut Vec::new()).map_err(|error| error.kind);
            assert!(matches!(ended, Ok(()) | Err(BodyErrorKind::Truncated)), "{name}: {ended:?}");
        }
    }
}

/// Answers that are not streamed: exempt values stay, copies of changed text go.
#[test]
fn whole_answers_keep_what_their_makers_check() {
    let bytes = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5eg".repeat(2);
    let card = "4111 1111 1111 1111";
    let run = |dialect, body: &str| run(dialect, "application/json", body.as_bytes(), &[]);
    let gemini = format!(
        r#"{{"candidates":[{{"content":{{"parts":[{{"text":"pay {card}","thoughtSignature":"{bytes}"}},{{"inlineData":{{"mimeType":"image/png","data":"{bytes}"}}}}]}},"logprobsResult":{{"chosenCandidates":[{{"token":"4111"}}]}}}}]}}"#
    );
    let out = run(Dialect::Gemini, &gemini);
    // What signs a text that was changed holds no more.
    assert_eq!(out.matches(&bytes).count(), 1, "{out}");
    assert!(
        out.contains("\"thoughtSignature\":\"\"")
            && out.contains("\"logprobsResult\":null")
            && !out.contains(PLANTED[0]),
        "{out}"
    );
    let clean = gemini.replace(card, "later");
    assert_eq!(run(Dialect::Gemini, &clean), clean);
    let ollama = format!(r#"{{"model":"m","response":"pay {card}","done":true,"context":[1,2,3]}}"#);
    assert!(run(Dialect::Ollama, &ollama).ends_with(r#""done":true,"context":null}"#));
    let clean = ollama.replace(card, "later");
    assert_eq!(run(Dialect::Ollama, &clean), clean);
    let vectors = r#"{"embeddings":[[0.4111111111111111,-1.5],[4.111111111111111e-3]]}"#;
    assert_eq!(run(Dialect::Ollama, vectors), vectors);
    let vectors = r#"{"id":"x","embeddings":{"float":[[0.4111111111111111,-1.5]],"int8":[[12,-3]]}}"#;
    assert_eq!(run(Dialect::Cohere, vectors), vectors);
    let cohere = format!(
        r#"{{"message":{{"content":[{{"type":"text","text":"pay {card}"}}]}},"logprobs":[{{"text":"4111"}}]}}"#
    );
    assert!(run(Dialect::Cohere, &cohere).ends_with("\"logprobs\":null}"));
}

/// Numbers of tokens are a text that nobody here can read.
#[test]
fn token_ids_in_place_of_a_text_pass_only_where_the_policy_says_so() {
    let run = |dialect, opaque: &[&str], body: &str| {
        let opaque = opaque.iter().map(|range| MediaRange::parse(range).unwrap()).collect();
        let spec = BodySpec { dialect, direction: Direction::Request, opaque, ..spec("application/json") };
        let mut inspector = BodyInspector::new(spec).unwrap();
        let mut out = Vec::new();
        let end = inspector.push(body.as_bytes(), &mut out).and_then(|()| inspector.finish(&mut out));
        let seen = inspector.into_inspection();
        let unscanned: u64 = seen.unscanned.iter().map(|(_, bytes)| bytes).sum();
        assert_eq!(seen.scanned + unscanned + seen.withheld, seen.length, "{body}");
        (end.map_err(|error| error.kind), String::from_utf8(out).unwrap(), seen.unscanned)
    };
    for body in [
        r#"{"model":"m","prompt":[9906,25,3786]}"#,
        r#"{"input":[[9906,25],[3786]],"model":"m"}"#,
        r#"{"input":["text",[3786]]}"#,
        r#"{"input_ids":[1]}"#,
        r#"{"prompt_token_ids":[1]}"#,
        r#"{"custom_id":"1","body":{"input":[[1]]}}"#,
    ] {
        assert_eq!(run(Dialect::OpenAi, &[], body).0, Err(BodyErrorKind::TokenIds), "{body}");
        assert_eq!(run(Dialect::OpenAi, &["image/*"], body).0, Err(BodyErrorKind::TokenIds), "{body}");
        for range in ["*/*", "application/x-token-ids"] {
            let (end, out, unscanned) = run(Dialect::OpenAi, &[range], body);
            assert_eq!((end, out.as_str()), (Ok(()), body));
            assert_eq!(unscanned.first().map(|(reason, _)| *reason), Some("token_ids"), "{body}");
        }
    }
    // More digits than any token's number is no token.
    let (end, out, _) = run(Dialect::OpenAi, &["*/*"], r#"{"prompt":[12,4111111111111111]}"#);
    assert_eq!((end, out.as_str()), (Ok(()), r#"{"prompt":[12,"************1111"]}"#));
    for body in [
        r#"{"prompt":["a",""],"input":[{"content":[{"n":7}]}],"n":1,"stop":[]}"#,
        r#"{"prompt":{"id":"p","variables":{"a":[1]}},"seeds":[1,2]}"#,
    ] {
        assert_eq!(run(Dialect::OpenAi, &[], body), (Ok(()), body.to_owned(), Vec::new()));
    }
    // What an answer said of itself is sent again.
    let body = r#"{"model":"m","prompt":"x","context":[1,22,333]}"#;
    assert_eq!(run(Dialect::Ollama, &[], body), (Ok(()), body.to_owned(), vec![("token_ids", 6)]));
}

/// A transcript's words and segments spell its text once more, in pieces.
#[test]
fn no_piece_of_a_transcript_spells_what_its_text_hides() {
    let body = |text: &str, segments: &str, words: &str| {
        format!(
            r#"{{"task":"transcribe","text":"{text}","segments":[{segments}],"words":[{words}],"logprobs":[{{"token":"4111"}}]}}"#
        )
    };
    let word = |text: &str| format!(r#"{{"word":"{text}","start":0.5,"end":1.0}}"#);
    let segment = |text: &str| format!(r#"{{"id":0,"text":"{text}","tokens":[50364,440],"start":0.0}}"#);
    let words = |text: &str| text.split(' ').map(word).collect::<Vec<_>>().join(",");
    let redacted = |body: &str| super::fields::redact_as("application/json", Dialect::OpenAi, body);
    let text = "Pay 4111 1111 1111 1111, 1111 times";
    let whole = body(
        text,
        &[segment(" Pay 4111 1111"), segment(" 1111 1111, 1111 times")].join(","),
        &words("Pay 4111 1111 1111 1111 1111 times"),
    );
    let out = redacted(&whole);
    let said: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(said["text"], "Pay **** **** **** 1111, 1111 times");
    let spelled = |array: &str, name: &str| -> Vec<String> {
        said[array].as_array().unwrap().iter().map(|piece| piece[name].as_str().unwrap().to_owned()).collect()
    };
    let shown = spelled("words", "word").join(" ");
    assert!(shown.starts_with("Pay **** **** **** ") && shown.ends_with(" 1111 times"), "{out}");
    assert!(
        !out.contains("4111") && said["segments"][0]["tokens"] == serde_json::json!([]) && said["logprobs"].is_null(),
        "{out}"
    );
    let shown = spelled("segments", "text");
    assert!(shown[0] == " Pay **** ****" && shown[1].ends_with(", 1111 times"), "{out}");
    assert_eq!(said["words"][1]["start"], 0.5);
    // Nothing is hidden: nothing is touched.
    let clean = whole.replace("4111", "later");
    assert_eq!(redacted(&clean), clean);
    // A segment with the whole value, words of segments, and words that the text does not have.
    let within = format!(r#"{{"id":0,"text":"{text}","words":[{}]}}"#, words(" Pay  4111  1111 _4111_"));
    let out = redacted(&body(text, &within, &words("4111 1111 Pay")));
    assert!(!out.contains("4111") && out.contains(r#""text":"Pay **** **** **** 1111, 1111 times","words""#), "{out}");
    // Before the text nothing is known of it: they are read by themselves, as those are that belong to none.
    let early =
        format!(r#"{{"words":[{}],"segments":[{}],"text":"{text}"}}"#, words("Pay 4111"), r#"{"text":"Pay later"}"#);
    assert!(redacted(&early).starts_with(early.split("\"text\":\"Pay 4111").next().unwrap()));
}

/// A plain NDJSON answer is read as ever: its first record waits only for its line.
#[test]
fn records_of_no_model_stay_a_sequence() {
    let log = "{\"model\":\"T\",\"note\":\"card 4111 1111 1111 1111\"}\n{\"note\":4111111111111111}\n";
    let out = run(Dialect::Plain, "application/x-ndjson", log.as_bytes(), &[]);
    assert_eq!(out, "{\"model\":\"T\",\"note\":\"card **** **** **** 1111\"}\n{\"note\":\"************1111\"}\n");
}
