//! Gemini's live API: what is said, thought and heard over the messages of a turn.

use super::{PROSE, Sums, assert_clean, fragments, json, quote, redacted};
use crate::body::llm::{Judged, Model, Outlet, Payload};
use crate::body::{BodyErrorKind, BodyLimits, Dialect, Inspection};

struct Messages(Vec<String>);

impl Outlet for Messages {
    fn own(&mut self, _name: &[u8], data: &[u8]) {
        self.0.push(String::from_utf8(data.to_vec()).expect("UTF-8"));
    }

    fn parked(&mut self, bytes: &[u8]) {
        self.own(b"", bytes);
    }
}

/// The messages that leave, and how the connection's end is taken.
fn run(messages: &[String]) -> (Vec<String>, Result<(), BodyErrorKind>) {
    let mut model = Model::new(super::scopes(), &BodyLimits::default(), Dialect::Gemini);
    let (mut out, mut seen) = (Messages(Vec::new()), Inspection::default());
    for message in messages {
        let payload = Payload { name: b"", data: message.as_bytes() };
        match model.event(&payload, &mut out, &mut seen).expect("passes") {
            Judged::Same => out.0.push(message.clone()),
            Judged::Changed => out.0.push(String::from_utf8(model.data().to_vec()).expect("UTF-8")),
            Judged::Parked => panic!("nothing waits here"),
        }
    }
    let end = model.finish(&mut out, &mut seen).map_err(|error| error.kind);
    (out.0, end)
}

fn content(members: &str) -> String {
    format!("{{\"serverContent\":{{{members}}}}}")
}

fn turn(text: &str, thought: bool) -> String {
    let thought = if thought { ",\"thought\":true" } else { "" };
    content(&format!("\"modelTurn\":{{\"parts\":[{{\"text\":{}{thought}}}]}}", quote(text)))
}

fn heard(member: &str, text: &str, finished: bool) -> String {
    let finished = if finished { ",\"finished\":true" } else { "" };
    content(&format!("\"{member}\":{{\"text\":{}{finished}}}", quote(text)))
}

fn sums(messages: &[String]) -> Sums {
    let mut sums = Sums::new();
    let mut add = |name: &str, text: &serde_json::Value| {
        sums.entry(name.to_owned()).or_default().push_str(text.as_str().unwrap_or_default());
    };
    for message in messages {
        let content = &json(message)["serverContent"];
        for part in content["modelTurn"]["parts"].as_array().into_iter().flatten() {
            add(if part["thought"] == true { "thought" } else { "said" }, &part["text"]);
        }
        add("output", &content["outputTranscription"]["text"]);
        add("input", &content["inputTranscription"]["text"]);
    }
    sums
}

#[test]
fn every_text_adds_up_to_its_redaction_however_the_turn_ends() {
    let prose = redacted(PROSE, false);
    for len in 1..=7 {
        for end in ["turnComplete", "turn_complete", "interrupted"] {
            let mut messages = Vec::new();
            for part in fragments(PROSE, len) {
                messages.push(turn(&part, true));
                messages.push(turn(&part, false));
                messages.push(heard("inputTranscription", &part, false));
                messages.push(heard("outputTranscription", &part, false));
            }
            messages.push(content(&format!("\"{end}\":true")));
            let (out, ended) = run(&messages);
            assert_eq!(ended, Ok(()));
            out.iter().for_each(|message| assert_clean(message));
            for (name, sum) in sums(&out) {
                assert_eq!(sum, prose, "{name} in fragments of {len}, {end}");
            }
            assert_eq!(out.last(), messages.last());
        }
    }
}

#[test]
fn transcripts_may_end_before_the_turn_and_go_on_behind_what_is_generated() {
    let (said, card) = (turn("it is 4111 1111 1111 1111", false), heard("outputTranscription", "4111 1111 ", false));
    let generated = content("\"generationComplete\":true");
    let rest = heard("outputTranscription", "1111 1111", true);
    let (out, ended) = run(&[said, card, generated.clone(), rest]);
    assert_eq!(ended, Ok(()));
    assert_eq!(
        out,
        [
            turn("it is ", false),
            heard("outputTranscription", "", false),
            turn("**** **** **** 1111", false),
            generated,
            heard("outputTranscription", "**** **** **** 1111", true),
        ]
    );
}

#[test]
fn clean_turns_are_verbatim_and_a_turn_that_breaks_off_shows_nothing_held() {
    let messages = [
        "{\"setupComplete\":{}}".to_owned(),
        turn("all is well. ", false),
        content("\"modelTurn\":{\"parts\":[{\"inlineData\":{\"mimeType\":\"audio/pcm\",\"data\":\"AAEC\"}}]}"),
        "{\"toolCall\":{\"functionCalls\":[{\"id\":\"1\",\"name\":\"look\",\"args\":{\"q\":\"x\"}}]}}".to_owned(),
        "{\"toolCallCancellation\":{\"ids\":[\"1\"]}}".to_owned(),
        content("\"turnComplete\":true"),
    ];
    assert_eq!(run(&messages), (messages.to_vec(), Ok(())));
    let held = [turn("it is 4111 1111 1111 111", false)];
    assert_eq!(run(&held), (vec![turn("it is ", false)], Err(BodyErrorKind::Truncated)));
}
