//! *Split*, *Coverage* and *Bound*, exhaustively: every text up to a length over one byte of each class, at every
//! split, against the reference. Of the longest texts one in four, and every one with `BLACKBAR_LONG`.

use std::sync::Arc;

use blackbar::engine::{Action, Detector, EntityType, Output, Pattern, StreamRedactor, TermList};
use regex_automata::meta::Regex;

use super::reference::{self, Rule, Shape};
use super::support::{keyword, push_all, regex, set, spec};

/// A letter, a digit, the sign of an address, a dot, a blank, a dash.
const ALPHABET: &[u8] = b"a1@. -";

fn rules() -> (Vec<blackbar::engine::RuleSpec>, Vec<Action>, Vec<Rule>) {
    let meta = |pattern: &str| Regex::new(pattern).expect("the pattern compiles");
    let mut near = regex("near", "--", None);
    near.keywords = keyword("a", 2, 2);
    let term = TermList::new(["a 1"]).expect("one term");
    let specs = vec![
        spec("mail", Pattern::Detector(Detector::Email)),
        regex("word", r"\ba1{1,2}\b", None),
        regex("endless", r"1[1-]*1", Some(3)),
        regex("class", r"[a1]{2} ", None),
        near,
        spec("term", Pattern::Terms(term)),
        regex("value", r"-[ .]?(?<value>[a1]{1,2})[@-]?", None),
    ];
    let actions =
        vec![Action::Redact, Action::Redact, Action::Mask, Action::Mask, Action::Redact, Action::Redact, Action::Mask];
    let rule = |shape, entity, masks, near| Rule { shape, entity, masks, near };
    let reference = vec![
        // Two numbers first are a version.
        rule(
            Shape::Email(meta(
                r"[a1-]*[a-][a1-]*\.(?:[a1-]+\.)*a{2,}|1+\.(?:[a1-]*[a-][a1-]*\.(?:[a1-]+\.)*a{2,}|a{2,})",
            )),
            "MAIL",
            false,
            None,
        ),
        rule(Shape::Finite(meta(r"(?-u:\b)a1{1,2}(?-u:\b)")), "WORD", false, None),
        rule(Shape::Endless(meta(r"1[1-]*1"), 3), "ENDLESS", true, None),
        rule(Shape::Finite(meta(r"[a1]{2} ")), "CLASS", true, None),
        rule(Shape::Finite(meta("--")), "NEAR", false, Some(("a", 2, 2))),
        rule(Shape::Term("a 1"), "TERM", false, None),
        rule(Shape::Value(meta(r"-[ .]?(?<value>[a1]{1,2})[@-]?")), "VALUE", true, None),
    ];
    (specs, actions, reference)
}

/// Whether a text of the longest is one of the quarter that is always checked: drawn by its number, so that every letter
/// stands at every place.
fn is_drawn(number: usize) -> bool {
    (number as u32).wrapping_mul(0x9E37_79B1) >> 30 == 0
}

/// Checks every text whose number leaves `part` when divided by `parts`; how many there were.
fn check(longest: usize, part: usize, parts: usize) -> u64 {
    let whole = std::env::var_os("BLACKBAR_LONG").is_some();
    let (specs, actions, reference) = rules();
    assert!(specs.iter().all(|spec| spec.entity == EntityType::new(&spec.id.as_str().to_uppercase())));
    let (rules, actions) = set(specs, actions);
    let holdback = rules.holdback();
    let mut redactor = StreamRedactor::new(Arc::clone(&rules), actions);
    let mut out = Output::default();
    let mut texts = 0;
    let mut text = Vec::new();
    for length in 1..=longest {
        for number in (part..ALPHABET.len().pow(u32::try_from(length).unwrap())).step_by(parts) {
            if length == longest && !whole && !is_drawn(number) {
                continue;
            }
            text.clear();
            let mut rest = number;
            for _ in 0..length {
                text.push(ALPHABET[rest % ALPHABET.len()]);
                rest /= ALPHABET.len();
            }
            texts += 1;
            let (wanted, findings) = reference::redact(&reference, &text);
            // Bit n of a mask cuts the text after byte n.
            let full = (1_u32 << (length - 1)) - 1;
            for mask in 0..=full {
                let mut from = 0;
                let cuts = (0..length).filter(|bit| *bit == length - 1 || mask & (1 << bit) != 0);
                let pieces = cuts.map(|bit| {
                    let piece = &text[from..=bit];
                    from = bit + 1;
                    piece
                });
                let run = push_all(&mut redactor, pieces, &mut out);
                let shown = || format!("{:?} cut by {mask:b}", String::from_utf8_lossy(&text));
                assert_eq!(String::from_utf8_lossy(&run.text), String::from_utf8_lossy(&wanted), "{}", shown());
                assert!(
                    run.findings.iter().map(|f| (f.rule, f.span.start as usize)).eq(findings.iter().copied()),
                    "{}: {:?} instead of {findings:?}",
                    shown(),
                    run.findings
                );
                assert!(run.peak <= holdback, "{}: held {} of {holdback}", shown(), run.peak);
            }
        }
    }
    texts
}

#[test]
fn every_text_at_every_split() {
    let parts = std::thread::available_parallelism().map_or(1, usize::from);
    let texts: u64 = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..parts).map(|part| scope.spawn(move || check(8, part, parts))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert!(texts > if std::env::var_os("BLACKBAR_LONG").is_some() { 2_000_000 } else { 700_000 }, "{texts}");
}
