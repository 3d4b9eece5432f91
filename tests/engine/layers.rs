//! Values that are encoded twice, by every encoding in every other: found, and written back so that it can be opened twice.

use blackbar::engine::{Action, Detector, Pattern};
use proptest::prelude::*;
use proptest::test_runner::TestRng;

use super::spelling::{LAYERS, Layer, STANDARD, VALUES, base64, read};
use super::support::{regex, run, same_in_pieces, set, spec, usual, whole};

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
        same_in_pieces(&rules, &actions, &text, &wanted, &[1, 3, 40, 400], &mut number);
    }
}

/// Groups of the one encoding end within groups of the other, and two values may have a part of each.
#[test]
fn values_that_share_groups_are_each_replaced_through_both() {
    let specs = || {
        vec![
            spec("card", Pattern::Detector(Detector::Card)),
            spec("mail", Pattern::Detector(Detector::Email)),
            regex("id", r"\b[A-Z]{2}[0-9]{2}", None),
        ]
    };
    for kinds in [[Action::Redact, Action::Mask, Action::Redact], [Action::Mask, Action::Redact, Action::Mask]] {
        let (rules, actions) = set(specs(), kinds.to_vec());
        for plain in [
            "a@example.com,b@example.org",
            "aa@example.com,b@example.org;4111111111111111",
            "aaa@example.com,4111111111111111,b@example.org and so on",
            "4111111111111111,jane@example.com",
            "x jane@example.com,4111111111111111.",
            "numbers: AB12 CD23,EF34 GH45;IJ56 or KL67",
        ] {
            for outer in LAYERS.iter().filter(|layer| layer.name.contains("64") || layer.name.contains("hex")) {
                for inner in LAYERS {
                    let text = (outer.encode)(&(inner.encode)(plain));
                    let wanted = run(&rules, &actions, &[text.as_bytes()]);
                    let redacted = String::from_utf8(wanted.text.clone()).unwrap();
                    let left = open(outer, inner, &redacted);
                    let shown = || format!("{} in {}: {plain}: {left}", inner.name, outer.name);
                    let parts = ["4111", "1111", "example", "jane", "a@", "b@", "@e"];
                    assert!(parts.iter().all(|part| !left.contains(part)), "{}", shown());
                    let ids = ["AB", "12", "CD", "23", "EF", "34", "GH", "45", "IJ", "56", "KL", "67"];
                    assert!(!plain.contains("AB12") || ids.iter().all(|part| !left.contains(part)), "{}", shown());
                    assert_eq!(
                        wanted.findings.len(),
                        plain.matches(['@', '4', 'B', 'D', 'F', 'H', 'J', 'L']).count().min(6),
                        "{}",
                        shown()
                    );
                    for pieces in (0..text.len()).map(|cut| text.as_bytes().split_at(cut)) {
                        let halves = run(&rules, &actions, &[pieces.0, pieces.1]);
                        assert_eq!(
                            String::from_utf8_lossy(&halves.text),
                            redacted,
                            "{} at {}",
                            shown(),
                            pieces.0.len()
                        );
                        assert_eq!(halves.findings, wanted.findings, "{} at {}", shown(), pieces.0.len());
                    }
                }
            }
        }
    }
}

/// What is approved shows nothing of what shares its groups.
#[test]
fn what_is_approved_shows_nothing_beside_it_through_both() {
    let specs =
        || vec![spec("card", Pattern::Detector(Detector::Card)), spec("mail", Pattern::Detector(Detector::Email))];
    for (actions, kept, hidden) in [
        ([Action::Approved, Action::Mask], "4111111111111111", ["jane", "ane@", "example"]),
        ([Action::Mask, Action::Approved], "jane@example.com", ["4111", "1111", "111,"]),
    ] {
        let (rules, actions) = set(specs(), actions.to_vec());
        for before in ["", "x", "xy"] {
            for values in ["4111111111111111,jane@example.com", "jane@example.com,4111111111111111"] {
                for outer in LAYERS {
                    for inner in LAYERS {
                        let text = (outer.encode)(&(inner.encode)(&format!("{before} {values} ok")));
                        let left = open(outer, inner, &whole(&rules, &actions, &text));
                        let shown = || format!("{} in {}: {values}: {left}", inner.name, outer.name);
                        assert!(left.contains(kept), "{}", shown());
                        assert!(hidden.iter().all(|part| !left.contains(part)), "{}", shown());
                    }
                }
            }
        }
    }
}

/// What a sign is written as stays that: in a query `%2B` is a plus and no blank.
#[test]
fn what_is_opened_is_read_as_it_is_meant() {
    let (rules, actions) = usual();
    for text in ["/?card=4111%2B1111%2B1111%2B1111", "/?card%3D4111+1111+1111+1111"] {
        assert_eq!(whole(&rules, &actions, text), text);
    }
}

/// Single places of a run, or of an encoded character, that are encoded themselves.
#[test]
fn encoded_places_of_what_is_encoded() {
    let (rules, actions) = set(vec![spec("mail", Pattern::Detector(Detector::Email))], vec![Action::Redact]);
    for (text, wanted) in [
        ("to jane%2540example.com, x", "to %255BMAIL%255D, x"),
        ("to jane\\u002540example.com, x", "to %5BMAIL%5D, x"),
        ("to jane&#37;40example.com, x", "to %5BMAIL%5D, x"),
        ("to jane%26commat;example.com, x", "to %5BMAIL%5D, x"),
        ("to jane\\u005cu0040example.com, x", "to [MAIL], x"),
        ("to jane=3D40example.com, x", "to [MAIL], x"),
        ("to jane=2540example.com, x", "to %5BMAIL%5D, x"),
        ("to jane&#6%34;example.com, x", "to %5BMAIL%5D, x"),
        ("to jane&#6\\u0034;example.com, x", "to [MAIL], x"),
        ("to jane&#6\u{200B}4;example.com, x", "to [MAIL], x"),
        ("to jane&#6\u{FE0F}\u{20E3}4\u{FE0F}\u{20E3};example.com, x", "to [MAIL], x"),
        ("to jane&#x4\u{FE0F}\u{20E3}0\u{FE0F}\u{20E3};example.com, x", "to [MAIL], x"),
        ("to jane&#64%3Bexample.com, x", "to %5BMAIL%5D, x"),
        ("to amFuZUBleGFtcGxlLmNvbQ%3D%3D, x", "to W01BSUxd, x"),
        ("to %61mFuZUBleGFtcGxlLmNvbQ==, x", "to W01BSUxd, x"),
        ("to amFuZUBleGFt&#99;GxlLmNvbQ=3D=3D, x", "to W01BSUxd, x"),
    ] {
        assert_eq!(whole(&rules, &actions, text), wanted, "{text}");
        for cut in 0..=text.len() {
            let (left, right) = text.as_bytes().split_at(cut);
            assert_eq!(String::from_utf8_lossy(&run(&rules, &actions, &[left, right]).text), wanted, "{text} at {cut}");
        }
    }
}

/// Any characters of a value written in any way, and any characters of that: nothing is left, and it is the same however it
/// comes.
#[test]
fn random_places_of_what_is_encoded_in_places() {
    let mut rng = TestRng::from_seed(prop::test_runner::RngAlgorithm::ChaCha, &[23; 32]);
    let (rules, actions) = usual();
    let mut number = |below: usize| rng.next_u32() as usize % below;
    let rounds = if std::env::var_os("BLACKBAR_LONG").is_some() { 200_000 } else { 4000 };
    let mut open = Vec::new();
    for _ in 0..rounds {
        let (value, part) = VALUES[number(VALUES.len())];
        let mut spelled = value.to_owned();
        let kinds = [number(7), number(7)];
        // No reader of `\\u00\\u0034` reads on.
        for kind in kinds.into_iter().take(if kinds == [3, 3] { 1 } else { 2 }) {
            let often = 1 + number(6);
            let mut next = String::new();
            for character in spelled.chars() {
                let code = character as u32;
                match kind {
                    _ if number(6) >= often || code >= 0x80 => next.push(character),
                    0 => next.push_str(&format!("%{code:02X}")),
                    1 => next.push_str(&format!("&#{code};")),
                    2 => next.push_str(&format!("&#x{code:x};")),
                    3 => next.push_str(&format!("\\u{code:04x}")),
                    4 if character.is_ascii_digit() => next.push_str(&format!("{character}\u{FE0F}\u{20E3}")),
                    5 if character.is_ascii_digit() => next.extend(char::from_u32(code - 0x30 + 0xFF10)),
                    _ => next.push_str(&format!("{character}\u{200B}")),
                }
            }
            spelled = next;
        }
        let text = format!("it is {spelled}, she said");
        let wanted = run(&rules, &actions, &[text.as_bytes()]);
        let left = read(&read(&String::from_utf8_lossy(&wanted.text))).replace([' ', '-'], "");
        if wanted.findings.is_empty() || left.contains(part) {
            open.push(format!("{part}: {text}: {left}"));
        }
        same_in_pieces(&rules, &actions, &text, &wanted, &[1, 3, 40], &mut number);
    }
    assert!(open.is_empty(), "{} are open:\n{}", open.len(), open.join("\n"));
}

/// Base64 that one sign fills up ends with its line, whatever the next line is written in.
#[test]
fn a_padded_run_does_not_go_on_in_the_next_line() {
    let (rules, actions) = usual();
    let first = base64(b"note x: nothing at all ", STANDARD, true);
    assert!(first.ends_with("A=") && !first.ends_with("=="), "{first}");
    for layer in LAYERS {
        for (value, part) in VALUES {
            let text = format!("{first}\n{}\n", (layer.encode)(value));
            let redacted = whole(&rules, &actions, &text);
            let mut lines = redacted.lines();
            assert_eq!(lines.next(), Some(first.as_str()), "{}", layer.name);
            let left = lines.next().and_then(|line| (layer.decode)(line)).unwrap_or_default();
            assert!(!left.is_empty() && !left.contains(part), "{}: {redacted}", layer.name);
        }
    }
}
