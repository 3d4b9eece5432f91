//! Frames of both directions, as fragmented and split as they can be.

#![allow(clippy::indexing_slicing, reason = "tests")]

use std::sync::{Arc, LazyLock};

use super::*;
use crate::body::{BodyLimits, Dialect, MediaRange, Scopes};
use crate::engine::Action;

const CARD: &str = "4111 1111 1111 1111";
const KEY: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

fn scopes(direction: Direction) -> Arc<Scopes> {
    static RULES: LazyLock<crate::policy::StandaloneRules> =
        LazyLock::new(|| crate::policy::load_rules(None).expect("the bundled packs compile"));
    with_actions(RULES.scopes(direction), &Action::Redact)
}

/// The same rules with one action for all.
fn with_actions(scopes: &Scopes, action: &Action) -> Arc<Scopes> {
    let actions = vec![action.clone(); scopes.rules.rules().len()];
    Arc::new(Scopes { actions: Arc::new(crate::engine::ActionTable::new(actions, None)), ..scopes.clone() })
}

fn spec(dialect: Dialect, direction: Direction) -> BodySpec {
    BodySpec {
        media_type: None,
        codings: Vec::new(),
        dialect,
        beside: crate::body::Beside::Nothing,
        direction,
        scopes: scopes(direction),
        limits: BodyLimits { sse_event: 64 << 10, ..BodyLimits::default() },
        on_fault_pass: false,
        opaque: Arc::new([]),
        edits: crate::body::Edits::default(),
        batch: None,
        keep_dropped: false,
    }
}

fn half(dialect: Dialect, direction: Direction) -> Half {
    Half::new(spec(dialect, direction), Box::new(|| KEY))
}

/// A message cut into fragments of so many bytes, with a ping between them.
fn fragmented(text: &[u8], size: usize, mask: Option<[u8; 4]>) -> Vec<u8> {
    let mut frames = Vec::new();
    let pieces: Vec<&[u8]> = text.chunks(size).collect();
    for (at, piece) in pieces.iter().enumerate() {
        let start = frames.len();
        frame::write(if at == 0 { Opcode::Text } else { Opcode::Continuation }, piece, mask, &mut frames);
        if at + 1 < pieces.len() {
            frames[start] &= 0x7F;
            frame::write(Opcode::Ping, b"beat", mask, &mut frames);
        }
    }
    frames
}

/// The messages and the other frames of a stream.
fn read(bytes: &[u8], masked: bool) -> (Vec<String>, Vec<(Opcode, Vec<u8>)>) {
    let mut reader = Reader::new(masked, usize::MAX);
    let (mut rest, mut messages, mut others) = (bytes, Vec::new(), Vec::new());
    loop {
        match reader.next(&mut rest).expect("frames of our own") {
            Unit::More => return (messages, others),
            Unit::Message(_) => {
                messages.push(String::from_utf8(reader.message().to_vec()).expect("UTF-8"));
                reader.clear_message();
            }
            Unit::Control(kind) => others.push((kind, reader.control().to_vec())),
        }
    }
}

fn run(mut half: Half, input: &[u8], piece: usize) -> (Vec<u8>, Result<(), BodyError>) {
    let mut out = Vec::new();
    for piece in input.chunks(piece) {
        if let Err(error) = half.push(piece, &mut out) {
            return (out, Err(error));
        }
    }
    (out, Ok(()))
}

#[test]
fn what_a_client_sends_is_redacted_however_it_is_fragmented_and_split() {
    let message = format!(
        r#"{{"type":"conversation.item.create","item":{{"role":"user","content":[{{"type":"input_text","text":"pay with {CARD}"}},{{"type":"input_audio","audio":"{}"}}]}}}}"#,
        "AbCd".repeat(40)
    );
    let wanted = message.replace(CARD, "[CREDIT_CARD]");
    for size in [1, 2, 7, 60, message.len()] {
        for piece in [1, 3, 4096] {
            let frames = fragmented(message.as_bytes(), size, Some([1, 2, 3, 4]));
            let (out, result) = run(half(Dialect::OpenAi, Direction::Request), &frames, piece);
            assert_eq!(result, Ok(()));
            let (messages, others) = read(&out, true);
            assert_eq!(messages, [wanted.as_str()], "fragments of {size}, pieces of {piece}");
            assert!(others.iter().all(|(kind, payload)| *kind == Opcode::Ping && payload == b"beat"));
            assert_eq!(out[1] & 0x80, 0x80, "masked");
        }
    }
}

#[test]
fn a_value_split_over_deltas_is_found_and_every_delta_is_a_message() {
    for (kind, extra) in [
        ("response.output_text", r#""response_id":"r1","item_id":"i1","output_index":0,"content_index":0"#),
        ("response.text", r#""response_id":"r1","item_id":"i1","output_index":0,"content_index":0"#),
        ("response.output_audio_transcript", r#""response_id":"r1","item_id":"i1","output_index":0,"content_index":0"#),
        ("response.function_call_arguments", r#""response_id":"r1","item_id":"i1","output_index":1,"call_id":"c""#),
        ("conversation.item.input_audio_transcription", r#""item_id":"i1","content_index":0"#),
    ] {
        let text = format!("the card {CARD} and mary.jones@example.com too");
        let mut frames = Vec::new();
        let mut other = String::new();
        for (at, letter) in text.chars().enumerate() {
            let event = format!(r#"{{"type":"{kind}.delta","event_id":"e{at}",{extra},"delta":"{letter}"}}"#);
            frame::write(Opcode::Text, event.as_bytes(), None, &mut frames);
            // Another answer grows beside it.
            let beside = extra.replace("r1", "r2").replace("i1", "i2");
            let event = format!(r#"{{"type":"{kind}.delta","event_id":"f{at}",{beside},"delta":"{letter}"}}"#);
            frame::write(Opcode::Text, event.as_bytes(), None, &mut frames);
            other.push(letter);
        }
        for (response, item) in [("r1", "i1"), ("r2", "i2")] {
            let extra = extra.replace("r1", response).replace("i1", item);
            let last = if kind.starts_with("conversation") { "completed" } else { "done" };
            let event = format!(r#"{{"type":"{kind}.{last}",{extra},"text":"{text}","transcript":"{text}"}}"#);
            frame::write(Opcode::Text, event.as_bytes(), None, &mut frames);
        }
        frame::write(Opcode::Close, &closing(1000, b"bye"), None, &mut frames);
        for piece in [1, 77, 1 << 20] {
            let mut half = half(Dialect::OpenAi, Direction::Response);
            let mut out = Vec::new();
            frames.chunks(piece).for_each(|piece| half.push(piece, &mut out).expect("passes"));
            assert!(half.is_closed());
            let (messages, others) = read(&out, false);
            assert_eq!(others, [(Opcode::Close, closing(1000, b"bye"))]);
            for item in ["i1", "i2"] {
                let said: String = messages
                    .iter()
                    .map(|message| serde_json::from_str::<serde_json::Value>(message).expect("JSON"))
                    .filter(|event| event["item_id"] == item)
                    .filter_map(|event| event["delta"].as_str().map(str::to_owned))
                    .collect();
                assert_eq!(said, "the card [CREDIT_CARD] and [EMAIL] too", "{kind} {item}");
            }
            assert!(!messages.iter().any(|message| message.contains("1111") || message.contains("mary")), "{kind}");
        }
    }
}

#[test]
fn what_is_held_when_the_upstream_closes_never_leaves_and_the_close_is_none() {
    let mut frames = Vec::new();
    let event = r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"write to mary.jones@exam"}"#;
    frame::write(Opcode::Text, event.as_bytes(), None, &mut frames);
    let (open, result) = run(half(Dialect::OpenAi, Direction::Response), &frames, 5);
    assert_eq!(result, Ok(()));
    assert!(!read(&open, false).0.join("").contains("mary"), "the connection may break here");
    frame::write(Opcode::Close, &[], None, &mut frames);
    let (out, result) = run(half(Dialect::OpenAi, Direction::Response), &frames, 5);
    assert_eq!(result.map_err(|error| error.kind), Err(BodyErrorKind::Truncated));
    assert_eq!(out, open);
    // A text that has ended does not keep the connection from it.
    let mut frames = Vec::new();
    let done = event.replace(".delta", ".done");
    [event, &done].iter().for_each(|event| frame::write(Opcode::Text, event.as_bytes(), None, &mut frames));
    frame::write(Opcode::Close, &[], None, &mut frames);
    let (out, result) = run(half(Dialect::OpenAi, Direction::Response), &frames, 5);
    assert_eq!(result, Ok(()));
    let (messages, others) = read(&out, false);
    assert_eq!(messages.len(), 3);
    assert_eq!(others, [(Opcode::Close, Vec::new())]);
}

#[test]
fn reasons_and_pings_are_scanned_and_bytes_are_refused_or_let_through() {
    let mut frames = Vec::new();
    frame::write(Opcode::Ping, b"4111111111111111", None, &mut frames);
    frame::write(Opcode::Close, &closing(1008, b"no card 4111111111111111 here"), None, &mut frames);
    let (out, result) = run(half(Dialect::OpenAi, Direction::Response), &frames, 3);
    assert_eq!(result, Ok(()));
    let others = read(&out, false).1;
    assert_eq!(others[0], (Opcode::Ping, b"[CREDIT_CARD]".to_vec()));
    assert_eq!(others[1], (Opcode::Close, closing(1008, b"no card [CREDIT_CARD] here")));

    let mut binary = Vec::new();
    frame::write(Opcode::Binary, b"\xFF\x00\x01sound", None, &mut binary);
    let refused = run(half(Dialect::OpenAi, Direction::Response), &binary, 100).1;
    assert_eq!(refused, Err(BodyErrorKind::MediaType.into()));
    let opaque = BodySpec { opaque: Arc::new([MediaRange::all()]), ..spec(Dialect::OpenAi, Direction::Response) };
    assert_eq!(run(Half::new(opaque, Box::new(|| KEY)), &binary, 100), (binary.clone(), Ok(())));

    // JSON in a binary message is text.
    let mut json = Vec::new();
    let event = format!(r#"{{"serverContent":{{"inputTranscription":{{"text":"{CARD}","finished":true}}}}}}"#);
    frame::write(Opcode::Binary, event.as_bytes(), None, &mut json);
    let (out, _) = run(half(Dialect::Gemini, Direction::Response), &json, 100);
    assert_eq!((out[0], read(&out, false).0), (0x82, vec![event.replace(CARD, "[CREDIT_CARD]")]));
}

#[test]
fn where_nothing_is_to_be_scanned_messages_pass_and_are_counted() {
    let mut frames = fragmented(format!("{{{CARD}").as_bytes(), 5, None);
    frame::write(Opcode::Close, &closing(1000, CARD.as_bytes()), None, &mut frames);
    let mut half = half(Dialect::OpenAi, Direction::Response).unscanned("mode_off");
    let mut out = Vec::new();
    half.push(&frames, &mut out).expect("passes");
    let (messages, others) = read(&out, false);
    assert_eq!(messages, [format!("{{{CARD}")]);
    assert_eq!(others.last(), Some(&(Opcode::Close, closing(1000, CARD.as_bytes()))));
    assert_eq!((half.is_closed(), half.into_inspection().unscanned), (true, vec![("mode_off", 20)]));
}

#[test]
fn a_rule_that_blocks_ends_the_connection() {
    let scopes = with_actions(&scopes(Direction::Request), &Action::Block);
    let spec = BodySpec { scopes, ..spec(Dialect::OpenAi, Direction::Request) };
    let mut half = Half::new(spec, Box::new(|| KEY));
    let mut frames = Vec::new();
    frame::write(Opcode::Text, format!("{{\"a\":\"{CARD}\"}}").as_bytes(), Some(KEY), &mut frames);
    let mut out = Vec::new();
    let fault = half.push(&frames, &mut out).expect_err("blocked");
    assert!(matches!(fault.kind, BodyErrorKind::Blocked { .. }) && out.is_empty());
    assert_eq!(half.push(b"", &mut out), Err(fault));
}

#[test]
fn what_two_readers_could_understand_differently_is_refused() {
    let refused = |frames: &[u8], direction| {
        let out = run(half(Dialect::Plain, direction), frames, 1);
        out.1.expect_err("refused").kind
    };
    for frames in [
        &[0xC1, 0x01, b'a'][..],               // a reserved bit
        &[0x83, 0x00],                         // a reserved opcode
        &[0x81, 0x81, 1, 2, 3, 4, 5],          // a mask from the upstream
        &[0x80, 0x01, b'a'],                   // nothing to be continued
        &[0x01, 0x01, b'a', 0x81, 0x01, b'b'], // a message in a message
        &[0x09, 0x00],                         // a control frame in fragments
        &[0x89, 0x7E, 0x00, 0x7E],             // a long control frame
        &[0x81, 0x7E, 0x00, 0x05],             // a length that is not shortest
        &[0x81, 0x7F, 0, 0, 0, 0, 0, 0, 1, 0],
        &[0x81, 0x7F, 0x80, 0, 0, 0, 0, 0, 0, 0],
        &[0x88, 0x01, 0x03],       // half a code
        &[0x88, 0x02, 0x03, 0xED], // 1005 is never sent
    ] {
        assert_eq!(refused(frames, Direction::Response), BodyErrorKind::WebSocket, "{frames:x?}");
    }
    assert_eq!(refused(&[0x81, 0x01, b'a'], Direction::Request), BodyErrorKind::WebSocket, "no mask");
    assert_eq!(refused(&[0x81, 0x02, 0xC3, 0x28], Direction::Response), BodyErrorKind::Charset);
    let huge = [0x81, 0x7F, 0, 0, 0, 0, 0, 1, 0, 1];
    assert_eq!(refused(&huge, Direction::Response), BodyErrorKind::TooLarge, "before it is read");
    let mut pieces = fragmented(&[b'a'; 40 << 10], 39 << 10, None);
    pieces.extend(fragmented(&[b'a'; 80 << 10], 39 << 10, None));
    assert_eq!(refused(&pieces, Direction::Response), BodyErrorKind::TooLarge);
}

/// What leaves of messages of a client of Gemini's, and of a close behind them.
fn asked(messages: &[String]) -> Vec<String> {
    let mut frames = Vec::new();
    messages.iter().for_each(|message| frame::write(Opcode::Text, message.as_bytes(), Some(KEY), &mut frames));
    frame::write(Opcode::Close, &closing(1000, b"bye"), Some(KEY), &mut frames);
    let (out, result) = run(half(Dialect::Gemini, Direction::Request), &frames, 61);
    assert_eq!(result, Ok(()));
    let (messages, others) = read(&out, true);
    assert_eq!(others, [(Opcode::Close, closing(1000, b"bye"))]);
    messages
}

fn turn(role: &str, text: &str, complete: &str) -> String {
    format!(r#"{{"clientContent":{{"turns":[{{"role":"{role}","parts":[{{"text":"{text}"}}]}}]{complete}}}}}"#)
}

/// What the messages say, each text by its place in them.
fn said(messages: &[String], place: &str) -> String {
    let json = |message: &String| serde_json::from_str::<serde_json::Value>(message).expect("JSON");
    messages.iter().filter_map(|message| json(message).pointer(place)?.as_str().map(str::to_owned)).collect()
}

const OPEN: &str = ",\"turnComplete\":false";
const SAID: &str = "/clientContent/turns/0/parts/0/text";

#[test]
fn a_turn_of_a_client_that_goes_on_over_messages_is_one_text() {
    let text = format!("the card {CARD} and mary.jones@example.com too");
    let audio = r#"{"realtimeInput":{"audio":{"mimeType":"audio/pcm","data":"AAEC"}}}"#.to_owned();
    for size in 1..=9 {
        for (open, end) in [(OPEN, "turnComplete"), ("", "turn_complete")] {
            let mut messages = vec![audio.clone()];
            for part in text.as_bytes().chunks(size) {
                messages.push(turn("user", std::str::from_utf8(part).expect("ASCII"), open));
            }
            messages.push(format!(r#"{{"clientContent":{{"{end}":true}}}}"#));
            let out = asked(&messages);
            assert_eq!(said(&out, SAID), "the card [CREDIT_CARD] and [EMAIL] too", "pieces of {size}");
            assert_eq!(out.last(), messages.last());
            assert_eq!(out.first(), Some(&audio));
            assert!(!out.iter().any(|message| message.contains(r#""text":"""#)), "{out:?}");
        }
    }
    let out = asked(&[turn("user", "it is 4111 1111 ", OPEN), turn("user", "1111 1111", ",\"turnComplete\":true")]);
    let rest = turn("user", "[CREDIT_CARD]", ",\"turnComplete\":true");
    assert_eq!(out, [turn("user", "it is ", OPEN), rest]);
    // What is said as it happens ends it: nothing of what it is said of stays behind.
    for context in ["The user likes blue", "Context"] {
        let out = asked(&[turn("user", context, OPEN), audio.clone(), audio.clone()]);
        assert_eq!(said(&out, SAID), context);
        assert_eq!(out[out.len() - 2..], [audio.clone(), audio.clone()], "{out:?}");
    }
}

#[test]
fn only_the_edges_of_a_clients_messages_go_on_and_only_within_a_role() {
    let parts = |parts: &[&str], more: &str| {
        let parts: Vec<String> = parts.iter().map(|text| format!(r#"{{"text":"{text}"}}"#)).collect();
        format!(r#"{{"client_content":{{"turns":[{{"parts":[{}]}}]{more}}}}}"#, parts.join(","))
    };
    let out = asked(&[
        parts(&["one", "two", "go to 3782"], ""),
        parts(&[" 822463 10005 now", "four", "five"], ""),
        parts(&["six"], ",\"turn_complete\":true"),
    ]);
    let [first, second, last] = out.as_slice() else { panic!("{out:?}") };
    assert_eq!(*first, parts(&["one", "two", "go to "], ""));
    assert_eq!(*second, parts(&["[CREDIT_CARD] now", "four"], ""));
    assert_eq!(*last, parts(&["fivesix"], ",\"turn_complete\":true"));

    // Whose tails leave in messages of our own.
    let out = asked(&[turn("user", "no 4111 1111 ", OPEN), turn("model", "1111 1111", OPEN), turn("user", "x ", OPEN)]);
    let wanted = [
        turn("user", "no ", OPEN),
        turn("user", "4111 1111 ", ""),
        turn("model", "1111 1111", ""),
        turn("user", "x ", OPEN),
    ];
    assert_eq!(out, wanted);
}

#[test]
fn what_is_typed_within_an_activity_is_one_text_and_whole_without_one() {
    let typed = |text: &str| format!(r#"{{"realtimeInput":{{"text":"{text}"}}}}"#);
    let signal = |name: &str| format!(r#"{{"realtimeInput":{{"{name}":{{}}}}}}"#);
    let out = asked(&[
        typed("say 4111"),
        signal("activityStart"),
        typed("it is 4111 1111 "),
        typed("1111 1111"),
        signal("activityEnd"),
        typed("bye"),
    ]);
    let wanted = [
        typed("say 4111"),
        signal("activityStart"),
        typed("it is "),
        typed("[CREDIT_CARD]"),
        signal("activityEnd"),
        typed("bye"),
    ];
    assert_eq!(out, wanted);
}

#[test]
fn a_client_that_closes_within_its_turn_shows_nothing_that_was_held() {
    assert_eq!(asked(&[turn("user", "it is 4111 1111 1111 111", OPEN)]), [turn("user", "it is ", OPEN)]);
    assert_eq!(asked(&[turn("user", "4111 1111 1111 1111", OPEN)]), [""; 0]);
    let clean = [
        r#"{"setup":{"model":"models/m","systemInstruction":{"parts":[{"text":"be brief"}]}}}"#.to_owned(),
        turn("user", "say \\u0022hi\\u0022. ", OPEN),
        turn("user", "and bye. ", ",\"turnComplete\":true"),
        r#"{"toolResponse":{"functionResponses":[{"id":"1","name":"look","response":{"text":"x"}}]}}"#.to_owned(),
    ];
    assert_eq!(asked(&clean), clean);
}

#[test]
fn a_value_split_over_a_clients_messages_blocks_before_its_end() {
    let scopes = with_actions(&scopes(Direction::Request), &Action::Block);
    let mut half = Half::new(BodySpec { scopes, ..spec(Dialect::Gemini, Direction::Request) }, Box::new(|| KEY));
    let mut frames = Vec::new();
    for message in [turn("user", "it is 4111 1111 ", OPEN), turn("user", "1111 1111", ",\"turnComplete\":true")] {
        frame::write(Opcode::Text, message.as_bytes(), Some(KEY), &mut frames);
    }
    let mut out = Vec::new();
    let fault = half.push(&frames, &mut out).expect_err("blocked");
    assert!(matches!(fault.kind, BodyErrorKind::Blocked { .. }));
    assert_eq!(read(&out, true).0, [turn("user", "it is ", OPEN)]);
}
