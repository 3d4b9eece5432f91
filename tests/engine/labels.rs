//! Texts that have a name: what stands before them counts, and nothing of it leaves.

use std::sync::Arc;

use blackbar::engine::{Action, ActionTable, Output, RuleSet, StreamRedactor};
use proptest::test_runner::{RngAlgorithm, TestRng};

use super::support::{keyword, pieces, push_all, regex, set, spec, usual};

type Rules = (Arc<RuleSet>, Arc<ActionTable>);

fn labelled((rules, actions): &Rules, label: &[u8], pieces: &[&[u8]]) -> (String, Vec<(usize, u64, u64)>) {
    let mut redactor = StreamRedactor::new(Arc::clone(rules), Arc::clone(actions));
    redactor.begin_labelled(actions, label);
    let run = push_all(&mut redactor, pieces.iter().copied(), &mut Output::default());
    let findings = run.findings.iter().map(|finding| (finding.rule, finding.span.start, finding.span.end));
    (String::from_utf8_lossy(&run.text).into_owned(), findings.collect())
}

/// Every split of a text gives what the whole text gives.
fn every_split(rules: &Rules, label: &str, text: &str) -> (String, Vec<(usize, u64, u64)>) {
    let whole = labelled(rules, label.as_bytes(), &[text.as_bytes()]);
    for at in 0..=text.len() {
        let (left, right) = text.as_bytes().split_at(at);
        assert_eq!(labelled(rules, label.as_bytes(), &[left, right]), whole, "{label:?} {text:?} at {at}");
    }
    whole
}

fn numbers() -> Rules {
    let mut number = regex("ssn", r"\b[0-9]{9}\b", None);
    number.keywords = keyword("ssn", 40, 0);
    let begins = regex("begins", "^ab[0-9]", None);
    let pair = regex("pair", r"(?i)\bpassword: \S{4,20}", None);
    let long = regex("long", r"\bname(?: |: |[a-z])+", Some(8));
    set(vec![number, begins, pair, long], vec![Action::Mask, Action::Redact, Action::Redact, Action::Redact])
}

#[test]
fn a_label_is_context() {
    let rules = numbers();
    for label in
        ["ssn", "SSN", "customer ssn", "userSSN", "customer_ssn", "\"ssn\"", &format!("{} ssn", "x".repeat(200))]
    {
        assert_eq!(every_split(&rules, label, "078051120"), ("*********".into(), vec![(0, 0, 9)]), "{label}");
        assert_eq!(every_split(&rules, label, "is 078051120!").0, "is *********!", "{label}");
    }
    for label in ["", "id", "lessness", &format!("ssn {}", "x".repeat(200))] {
        assert_eq!(every_split(&rules, label, "078051120"), ("078051120".into(), vec![]), "{label}");
    }
}

#[test]
fn a_capital_inside_a_word_parts_no_label() {
    let mut number = regex("card", r"\b[0-9]{9}\b", None);
    number.keywords = keyword("carecard", 40, 0);
    let mut parts = regex("parts", r"\b[0-9]{8}\b", None);
    parts.keywords = keyword("tax id", 10, 0);
    let rules = set(vec![number, parts], vec![Action::Mask, Action::Mask]);
    for label in ["carecard", "CareCard", "CareCard number", "userCarecard"] {
        assert_eq!(every_split(&rules, label, "078051120").0, "*********", "{label}");
    }
    for label in ["taxId", "userTaxID", "TaxId"] {
        assert_eq!(every_split(&rules, label, "07805112").0, "********", "{label}");
    }
}

#[test]
fn a_text_begins_behind_its_label() {
    let rules = numbers();
    assert_eq!(every_split(&rules, "x", "ab1 ab2"), ("[BEGINS] ab2".into(), vec![(1, 0, 3)]));
    assert_eq!(every_split(&rules, "ab1", "x"), ("x".into(), vec![]));
    assert_eq!(every_split(&rules, "ab1 078051120 ssn", "x"), ("x".into(), vec![]));
}

/// Nor is anything opened in a label, in no view: the text behind it would begin elsewhere.
#[test]
fn a_label_is_read_as_it_stands() {
    let rules = set(
        vec![regex("begins", r"^[0-9]{4}", None), regex("word", r"\b\w{3,6}[0-9]\b", None)],
        vec![Action::Redact, Action::Mask],
    );
    for label in ["x%2534", "%25343782822", "&amp;#52;", "\\\\u005cu0034", "MzQzNDM0MzQzNDM0"] {
        for text in ["46310005\\u0034 x", "4631%30%30", "%2534631 0005&#52;", "4631 \u{FF14}"] {
            let plain = every_split(&rules, "x", text);
            assert_eq!(every_split(&rules, label, text), plain, "{label} {text}");
        }
    }
}

#[test]
fn a_match_that_begins_in_the_label_is_cut() {
    let rules = numbers();
    assert_eq!(every_split(&rules, "userPassword", "hunter22 x"), ("[PAIR] x".into(), vec![(2, 0, 8)]));
    assert_eq!(every_split(&rules, "password", "abc"), ("abc".into(), vec![]));
    let (text, findings) = every_split(&rules, "my name", "abcdefghijklmnopq rst 1");
    assert_eq!(text, "[LONG]1");
    assert_eq!(findings.len(), 1);
    // Longer than can be held already in the label.
    let (text, findings) = every_split(&rules, "name abcdefghijklmnopqrstuvw", "abcdefghijklmn 1");
    assert!(!text.contains('a') && text.ends_with('1'), "{text}");
    assert_eq!(findings.len(), 1);
}

#[test]
fn the_next_text_has_no_label() {
    let (rules, actions) = numbers();
    let mut redactor = StreamRedactor::new(rules, Arc::clone(&actions));
    let mut out = Output::default();
    redactor.begin_labelled(&actions, b"ssn");
    redactor.push_last(b"078051120", &mut out).unwrap();
    redactor.push_last(b"078051120", &mut out).unwrap();
    redactor.begin_labelled(&actions, b"ssn");
    redactor.restart(&actions);
    redactor.push_last(b"078051120", &mut out).unwrap();
    assert_eq!(out.bytes, b"*********078051120078051120");
}

/// Behind a label that no rule knows, a text is what it is without one; and any chunking gives one result.
#[test]
fn a_label_that_nothing_looks_for_changes_nothing() {
    const PARTS: &[&str] = &[
        "4111 1111 1111 1111",
        "078-05-1120",
        "(212) 555-0123",
        "jane@example.com",
        "AKIAQQQQQQQQQQQQQQQQ",
        "sk-",
        "sk-aaaaaaaaaaaaaaaaaaaaaaaa",
        "EMP-123456",
        " ",
        " ",
        ", ",
        "1",
        "é",
        "the",
    ];
    let rules = usual();
    let mut rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[9; 32]);
    for _ in 0..3_000 {
        let mut text = String::new();
        for _ in 0..1 + roll(&mut rng, 6) {
            text.push_str(PARTS[roll(&mut rng, PARTS.len())]);
        }
        let plain = labelled(&rules, b"", &[text.as_bytes()]);
        let label = ["a", "some thing", "éa", "customerName"][roll(&mut rng, 4)];
        assert_eq!(labelled(&rules, label.as_bytes(), &[text.as_bytes()]), plain, "{label:?} {text:?}");
        let pieces = pieces(text.as_bytes(), || 1 + roll(&mut rng, 7));
        assert_eq!(labelled(&rules, label.as_bytes(), &pieces), plain, "{label:?} {text:?}");
    }
}

fn roll(rng: &mut TestRng, below: usize) -> usize {
    use proptest::prelude::Rng;
    rng.next_u32() as usize % below
}

#[test]
fn terms_and_detectors_do_not_see_values_in_labels() {
    use blackbar::engine::{Pattern, TermList};
    let list = TermList::new(["Jane Roe"]).unwrap();
    let rules = set(vec![spec("names", Pattern::Terms(list))], vec![Action::Redact]);
    assert_eq!(every_split(&rules, "Jane Roe", "of Jane Roe."), ("of [NAMES].".into(), vec![(0, 3, 11)]));
    let usual = usual();
    assert_eq!(every_split(&usual, "jane@example.com 4111111111111111", "x"), ("x".into(), vec![]));
}
