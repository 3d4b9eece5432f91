//! Records that are like each other: what was learned of one changes nothing for the next, whatever stands in it.

use std::collections::BTreeMap;

use blackbar::body::{BodyInspector, BodySpec, Inspection};
use proptest::prelude::*;

use super::fixtures;

fn run<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (String, Inspection) {
    let mut inspector = BodyInspector::new(fixtures::spec("application/x-ndjson")).unwrap();
    let mut out = Vec::new();
    for piece in pieces {
        inspector.push(piece, &mut out).unwrap();
    }
    inspector.finish(&mut out).unwrap();
    (String::from_utf8(out).unwrap(), inspector.into_inspection())
}

/// Findings by rule and action, and how much was scanned.
fn counts<'a>(seen: impl IntoIterator<Item = &'a Inspection>) -> (BTreeMap<(usize, &'static str), u64>, u64) {
    let mut counts = (BTreeMap::new(), 0);
    for seen in seen {
        counts.1 += seen.scanned;
        for (rule, action, count) in &seen.findings {
            *counts.0.entry((*rule, *action)).or_default() += *count;
        }
    }
    counts
}

/// Lines of some shapes, each with values of all kinds.
fn line() -> impl Strategy<Value = String> {
    let text = prop::sample::select(vec![
        "",
        "info",
        "a b",
        "card 4111 1111 1111 1111 ok",
        "4111111111111111",
        "jane@example.com",
        "hunter2hunter",
        r#"say \"hi\""#,
        r"4111\u0020111111111111",
        r"\ud83d 1",
        "{\\\"card\\\":\\\"4111111111111111\\\"}",
        "078-05-1120",
        "ssn",
        "2026-11-30T12:00:00Z",
        "+1 212 555 0199",
        "Bearer abcdefghijklmnop1234",
    ]);
    let number = prop::sample::select(vec![
        "0",
        "-1",
        "17",
        "1.5e3",
        "4111111111111111",
        "4.111111111111111e15",
        "2125550199",
        "78051120",
        "0.5",
    ]);
    (0..9_usize, text.clone(), text, number, 0..3_usize).prop_map(|(shape, one, two, number, end)| {
        let end = ["\n", "\r\n", "\n\n"][end];
        let line = match shape {
            0 => r#"{"index":{"_index":"logs"}}"#.to_owned(),
            1 => format!(r#"{{"@timestamp":"2026-11-30T12:00:00Z","message":"{one}"}}"#),
            2 => {
                format!(r#"{{"level":"{one}","n":{number},"tags":["{two}",{number},true],"user":{{"email":"{two}"}}}}"#)
            }
            3 => format!(r#"{{"name":"{one}","value":"{two}"}}"#),
            4 => format!(r#"{{"password":"{one}","sequence_number":{number}}}"#),
            5 => format!(r#"[{number},"{one}",null]"#),
            6 => format!(r#"{{"card 4111111111111111":"{one}"}}"#),
            7 => format!(r#"{{ "a" : {{ }} , "ssn" : {number} , "b" : [ ] }}"#),
            _ => format!(r#"{{"phone":{number},"k\u0065y":"{one}"}}"#),
        };
        line + end
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn many_records_give_what_each_gives_alone(lines in prop::collection::vec(line(), 8..40), cut in 1..200_usize) {
        let body = lines.concat();
        let (whole, seen) = run([body.as_bytes()]);
        let alone: Vec<(String, Inspection)> = lines.iter().map(|line| run([line.as_bytes()])).collect();
        prop_assert_eq!(&whole, &alone.iter().map(|(out, _)| out.as_str()).collect::<String>());
        prop_assert_eq!(counts([&seen]), counts(alone.iter().map(|(_, seen)| seen)));
        let (pieces, cut_seen) = run(body.as_bytes().chunks(cut));
        prop_assert_eq!(&pieces, &whole);
        prop_assert_eq!(counts([&cut_seen]), counts([&seen]));
    }
}

/// A value that blocks ends the body where it stands, in a record like the others too.
#[test]
fn what_blocks_in_a_record_like_others_never_leaves() {
    let line = |value: &str| format!("{{\"message\":\"{value}\",\"n\":1}}\n");
    let body = line("fine").repeat(40) + &line("4111 1111 1111 1111") + &line("behind");
    let spec = BodySpec { scopes: super::records::blocking(), ..fixtures::spec("application/x-ndjson") };
    for chunk in [body.len(), 1000, 7] {
        let mut inspector = BodyInspector::new(spec.clone()).unwrap();
        let mut out = Vec::new();
        let end = body.as_bytes().chunks(chunk).try_for_each(|piece| inspector.push(piece, &mut out));
        assert_eq!(end.unwrap_err().kind.code(), "policy_blocked");
        let out = String::from_utf8(out).unwrap();
        assert!(body.starts_with(&out) && !out.contains("4111"), "{out}");
    }
}
