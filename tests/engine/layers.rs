//! Values that are encoded twice, by every encoding in every other: found, and written back so that it can be opened twice.

use proptest::prelude::*;
use proptest::test_runner::TestRng;

use super::spelling::{LAYERS, Layer, STANDARD, VALUES, base64, unbase64};
use super::support::{run, usual, whole};

fn part_of(value: &str) -> &'static str {
    VALUES.iter().find(|(known, _)| *known == value).unwrap().1
}

/// What is left of a text of which nothing may be left.
fn open(outer: &Layer, inner: &Layer, text: &str) -> String {
    let shown = || format!("{} in {}: {text}", inner.name, outer.name);
    let opened = (outer.decode)(text).unwrap_or_else(|| panic!("the outer is broken: {}", shown()));
    (inner.decode)(&opened).unwrap_or_else(|| panic!("the inner is broken: {}: {opened}", shown()))
}

#[test]
fn every_encoding_in_every_other_is_found_and_written_as_it_was() {
    let (rules, actions) = usual();
    let mut passed = Vec::new();
    for outer in LAYERS {
        for inner in LAYERS {
            for (value, part) in VALUES {
                for plain in [(*value).to_owned(), format!("call me: {value} or not, {{\"a\":1}}")] {
                    let spelled = (outer.encode)(&(inner.encode)(&plain));
                    let text = format!("it is {spelled}, she said");
                    let redacted = whole(&rules, &actions, &text);
                    let rest =
                        redacted.strip_prefix("it is ").and_then(|rest| rest.strip_suffix(", she said")).unwrap();
                    let left = open(outer, inner, rest);
                    if left.replace([' ', '-'], "").contains(part) || !left.contains(['*', '[']) {
                        passed.push(format!("{} in {}: {plain}: {text}: {left}", inner.name, outer.name));
                    }
                }
            }
        }
    }
    assert!(passed.is_empty(), "{} pass:\n{}", passed.len(), passed.join("\n"));
}

#[test]
fn what_is_encoded_twice_is_the_same_at_every_split() {
    let (rules, actions) = usual();
    let step = if std::env::var_os("BLACKBAR_LONG").is_some() { 1 } else { 5 };
    for (place, outer) in LAYERS.iter().enumerate() {
        for inner in LAYERS {
            for (value, _) in [VALUES[0], VALUES[2], VALUES[4]] {
                let spelled = (outer.encode)(&(inner.encode)(value));
                let text = format!("it is {spelled}, she said");
                let wanted = run(&rules, &actions, &[text.as_bytes()]);
                let halves = (place % step..=text.len()).step_by(step).map(|cut| {
                    let (left, right) = text.as_bytes().split_at(cut);
                    vec![left, right]
                });
                let pieces = [1, 2, 7].map(|size| text.as_bytes().chunks(size).collect());
                for pieces in halves.chain(pieces) {
                    let cut = run(&rules, &actions, &pieces);
                    assert_eq!(
                        (String::from_utf8_lossy(&cut.text), &cut.findings),
                        (String::from_utf8_lossy(&wanted.text), &wanted.findings),
                        "{} in {}, the first piece of {}: {text}",
                        inner.name,
                        outer.name,
                        pieces[0].len()
                    );
                }
            }
        }
    }
}

/// Values and words in any two encodings, beside each other and in any chunking: nothing is left of any, and it is the
/// same however it was cut.
#[test]
fn random_encodings_in_random_encodings_leave_nothing() {
    let mut rng = TestRng::from_seed(prop::test_runner::RngAlgorithm::ChaCha, &[17; 32]);
    let (rules, actions) = usual();
    let mut number = |below: usize| rng.next_u32() as usize % below;
    let rounds = if std::env::var_os("BLACKBAR_LONG").is_some() { 200_000 } else { 4000 };
    let words = ["the order ", "a & b ", "caf\u{e9} \u{2013} ", "=) ", "100% ", "x=1 ", "; ", "\\n "];
    for _ in 0..rounds {
        let (outer, inner) = (&LAYERS[number(LAYERS.len())], &LAYERS[number(LAYERS.len())]);
        let mut plain = String::new();
        let mut parts = Vec::new();
        for _ in 0..1 + number(3) {
            if number(2) == 0 {
                plain.push_str(words[number(4)]);
            }
            let (value, _) = VALUES[number(VALUES.len())];
            plain.push_str(value);
            plain.push_str([", ", "; ", " or ", "\n"][number(4)]);
            parts.push(part_of(value));
        }
        let before: String = (0..number(3)).map(|_| words[number(words.len())]).collect();
        let spelled = (outer.encode)(&(inner.encode)(&plain));
        let text = format!("{before}it is {spelled}, she said");
        let wanted = run(&rules, &actions, &[text.as_bytes()]);
        let redacted = String::from_utf8(wanted.text.clone()).unwrap();
        let rest = redacted.strip_prefix(&format!("{before}it is ")).and_then(|rest| rest.strip_suffix(", she said"));
        let rest = rest.unwrap_or_else(|| panic!("what stands beside it is gone: {text} {redacted}"));
        let left = open(outer, inner, rest).replace([' ', '-'], "");
        let shown = || format!("{} in {}: {plain:?}, {text} became {left:?}", inner.name, outer.name);
        assert!(parts.iter().all(|part| !left.contains(part)), "{}", shown());
        for largest in [1, 3, 40, 400] {
            let mut rest = text.as_bytes();
            let mut pieces = Vec::new();
            while !rest.is_empty() {
                let (piece, others) = rest.split_at((1 + number(largest)).min(rest.len()));
                pieces.push(piece);
                rest = others;
            }
            let found = run(&rules, &actions, &pieces);
            assert_eq!(
                (String::from_utf8_lossy(&found.text), &found.findings),
                (String::from_utf8_lossy(&wanted.text), &wanted.findings),
                "{}",
                shown()
            );
        }
    }
}
