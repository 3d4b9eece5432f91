//! Events of one mold: an event that follows another like it is judged as it would be by itself.

use proptest::prelude::*;

use super::super::{Judged, Model, Outlet, Payload};
use super::{quote, scopes};
use crate::body::{BodyLimits, Dialect, Inspection};

/// What leaves, an event a line.
#[derive(Default)]
struct Lines(Vec<String>);

impl Outlet for Lines {
    fn own(&mut self, name: &[u8], data: &[u8]) {
        self.0.push(format!("own {} {}", String::from_utf8_lossy(name), String::from_utf8_lossy(data)));
    }

    fn parked(&mut self, bytes: &[u8]) {
        self.0.push(format!("parked {}", String::from_utf8_lossy(bytes)));
    }
}

/// Judges events one by one, with one that means nothing behind each where they are `apart`: what left, what was counted, and
/// how many events were of the mold of the last.
fn judge(events: &[String], apart: bool) -> (Vec<String>, Inspection, usize) {
    let mut model = Model::new(scopes(), &BodyLimits::default(), Dialect::Plain);
    let (mut lines, mut seen) = (Lines::default(), Inspection::default());
    for event in events {
        let (name, data) = event.split_once('|').unwrap_or(("", event));
        let payload = Payload { name: name.as_bytes(), data: data.as_bytes() };
        match model.event(&payload, &mut lines, &mut seen).expect("passes") {
            Judged::Same => lines.0.push(data.to_owned()),
            Judged::Changed => lines.0.push(String::from_utf8(model.data().to_vec()).expect("UTF-8")),
            Judged::Parked => {
                let bytes = model.data().to_vec();
                model.park(bytes, &[(0, 0)]).expect("fits");
            }
        }
        if apart {
            let nothing = Payload { name: b"", data: b"{}" };
            assert_eq!(model.event(&nothing, &mut lines, &mut seen), Ok(Judged::Same));
        }
    }
    let taken = model.mold.taken;
    model.complete(&mut lines, &mut seen).expect("passes");
    (lines.0, seen, taken)
}

/// How an event of a protocol looks around a fragment.
fn event(protocol: usize, at: usize, of: usize, fragment: &str) -> String {
    let padding = "a".repeat(1 + at * 7 % 16);
    let fragment = quote(fragment);
    match protocol {
        0 => format!(
            "{{\"id\":\"chatcmpl-1\",\"model\":\"m\",\"choices\":[{{\"index\":{of},\"delta\":{{\"content\":{fragment}}},\"logprobs\":null,\"finish_reason\":null}}],\"obfuscation\":\"{padding}\"}}"
        ),
        1 => format!(
            "response.output_text.delta|{{\"type\":\"response.output_text.delta\",\"sequence_number\":{at},\"item_id\":\"msg_{of}\",\"output_index\":{of},\"content_index\":0,\"delta\":{fragment},\"logprobs\":[]}}"
        ),
        2 => format!(
            "content_block_delta|{{\"type\":\"content_block_delta\",\"index\":{of},\"delta\":{{\"type\":\"text_delta\",\"text\":{fragment}}}}}"
        ),
        3 => format!(
            "{{\"model\":\"m\",\"created_at\":\"2026-01-01T00:00:{at:02}Z\",\"message\":{{\"role\":\"assistant\",\"content\":{fragment}}},\"done\":false}}"
        ),
        4 => format!(
            "contentBlockDelta|{{\"contentBlockIndex\":{of},\"delta\":{{\"text\":{fragment}}},\"p\":\"{padding}\"}}"
        ),
        _ => format!(
            "{{\"choices\":[{{\"index\":0,\"delta\":{{\"tool_calls\":[{{\"index\":{of},\"function\":{{\"arguments\":{fragment}}}}}]}}}}]}}"
        ),
    }
}

#[test]
fn every_protocol_has_molds() {
    for protocol in 0..6 {
        let events: Vec<String> = (0..20).map(|at| event(protocol, at, 0, "word ")).collect();
        let (_, _, taken) = judge(&events, false);
        // The first makes it; a number gets longer without harm.
        assert_eq!(taken, 19, "protocol {protocol}");
    }
}

#[test]
fn what_else_differs_makes_another() {
    let one = event(0, 1, 0, "word ");
    let others = [
        one.replace("\"word ", "\"wo\\u0072d "),
        one.replace("\"word ", "\""),
        one.replace("\"m\"", "\"n\""),
        one.replace("null", "\"stop\""),
        one.replace("\"index\":0", "\"index\":1"),
        one.replace("},", "} ,"),
        format!("{one} "),
        format!("name|{one}"),
    ];
    for other in others {
        let events = [one.clone(), other.clone(), other];
        let (apart, ..) = judge(&events, true);
        let (together, _, taken) = judge(&events, false);
        assert_eq!(together, apart);
        assert!(taken < 2, "{}", events[1]);
        assert_eq!(judge(&events[..2], false).2, 0, "{}", events[1]);
    }
}

#[test]
fn an_event_with_much_that_may_differ_is_no_mold() {
    let padding = ",\"p\":\"a\"";
    for (paddings, molds) in [(3, true), (4, false), (1000, false)] {
        let event = format!(
            "{}{}}}",
            event(0, 1, 0, "word ").replace(",\"obfuscation\":\"aaaaaaaa\"}", ""),
            padding.repeat(paddings)
        );
        let events = [event.clone(), event];
        assert_eq!(judge(&events, false).2 == 1, molds, "{paddings}");
    }
    let long = event(0, 1, 0, &"word ".repeat(4 << 10));
    assert_eq!(judge(&[long.clone(), long], false).2, 0);
}

#[test]
fn numbers_count_on_behind_events_of_our_own() {
    // The end of what is held of one text leaves before the event that ends it.
    let mut events: Vec<String> = (0..4).map(|at| event(1, at, 0, "call 212")).collect();
    events.push(
        "response.output_text.done|{\"type\":\"response.output_text.done\",\"sequence_number\":4,\"item_id\":\"msg_0\",\"output_index\":0,\"content_index\":0,\"text\":\"call 212call 212call 212call 212\"}".into(),
    );
    events.extend((5..9).map(|at| event(1, at, 1, "word ")));
    let (apart, ..) = judge(&events, true);
    let (together, _, taken) = judge(&events, false);
    assert_eq!(together, apart);
    assert_eq!(taken, 6);
    let numbers =
        together.iter().filter_map(|line| line.split("\"sequence_number\":").nth(1)?.split(',').next()?.parse().ok());
    let numbers: Vec<usize> = numbers.collect();
    assert_eq!(numbers, (0..numbers.len()).collect::<Vec<_>>());
    assert!(numbers.len() > events.len(), "an event of our own");
}

#[test]
fn a_value_in_the_padding_is_masked() {
    let clean = event(4, 1, 0, "word ");
    let padded = clean.replace("\"p\":\"aaaaaaaa\"", "\"p\":\"4111111111111111\"");
    assert_ne!(clean, padded);
    let (lines, ..) = judge(&[clean.clone(), padded, clean], false);
    assert!(!lines.concat().contains("4111"), "{lines:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn molds_change_nothing(
        protocol in 0_usize..6,
        fragments in prop::collection::vec((0_usize..8, prop_oneof![
            3 => "[a-z]{1,6} ",
            2 => Just("4111 1111 ".to_owned()),
            2 => Just("1111 1111".to_owned()),
            1 => Just("jane@".to_owned()),
            1 => Just("example.com, ".to_owned()),
            1 => Just(String::new()),
            1 => Just("\"\\\n\u{e9}\u{1F600}".to_owned()),
        ]), 1..40),
    ) {
        let events: Vec<String> = fragments
            .iter()
            .enumerate()
            .map(|(at, (of, fragment))| event(protocol, at, usize::from(*of == 0), fragment))
            .collect();
        let (together, counted, _) = judge(&events, false);
        let (apart, alone, _) = judge(&events, true);
        prop_assert_eq!(together, apart);
        prop_assert_eq!((counted.findings, counted.scanned, counted.unscanned), (alone.findings, alone.scanned, alone.unscanned));
    }
}
