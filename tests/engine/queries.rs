//! Addresses with queries that stand within text: a plus is a blank in their values, and nowhere else.

use std::sync::Arc;

use blackbar::engine::{Action, ActionTable, Detector, Pattern, RuleSet, TermList};
use proptest::prelude::*;
use proptest::test_runner::TestRng;

use super::support::{keyword, regex, run, same_in_pieces, set, spec, usual, whole};

/// Asserts what a text becomes: whole, in two pieces cut anywhere, byte by byte, and once more.
fn becomes(rules: &Arc<RuleSet>, actions: &Arc<ActionTable>, text: &str, wanted: &str) {
    let one = run(rules, actions, &[text.as_bytes()]);
    assert_eq!(String::from_utf8_lossy(&one.text), wanted, "{text}");
    for cut in 0..=text.len() {
        let (left, right) = text.as_bytes().split_at(cut);
        let halves = run(rules, actions, &[left, right]);
        assert_eq!(String::from_utf8_lossy(&halves.text), wanted, "{text} at {cut}");
        assert_eq!(halves.findings, one.findings, "{text} at {cut}");
    }
    let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
    let bytes = run(rules, actions, &bytes);
    assert_eq!(String::from_utf8_lossy(&bytes.text), wanted, "{text}");
    assert_eq!(bytes.findings, one.findings, "{text}");
    assert_eq!(whole(rules, actions, wanted), wanted, "{text} once more");
}

#[test]
fn values_in_queries_are_found_and_written_as_queries_are() {
    let (rules, actions) = usual();
    for (text, wanted) in [
        (
            "see https://shop.example.com/pay?card=4111+1111+1111+1111&name=John+Smith now",
            "see https://shop.example.com/pay?card=****+****+****+1111&name=John+Smith now",
        ),
        ("GET /pay?id=7&card=4111+1111+1111+1111 HTTP/1.1", "GET /pay?id=7&card=****+****+****+1111 HTTP/1.1"),
        (r#"{"url": "/pay?card=4111+1111+1111+1111"}"#, r#"{"url": "/pay?card=****+****+****+1111"}"#),
        ("[pay](/pay?card=4111+1111+1111+1111)", "[pay](/pay?card=****+****+****+1111)"),
        ("<a href='/?a=1&amp;card=4111+1111+1111+1111'>", "<a href='/?a=1&amp;card=****+****+****+1111'>"),
        (r#"\"/?a=1\u0026card=4111+1111+1111+1111\""#, r#"\"/?a=1\u0026card=****+****+****+1111\""#),
        ("/?card=4111+1111+1111+1111#top", "/?card=****+****+****+1111#top"),
        ("/?card=4111++1111++1111++1111", "/?card=****++****++****++1111"),
        ("/?q=my+card+is+4111+1111+1111+1111+ok", "/?q=my+card+is+****+****+****+1111+ok"),
        ("/?card=4111%201111+1111%201111", "/?card=%2A%2A%2A%2A%20%2A%2A%2A%2A%20%2A%2A%2A%2A%201111"),
        ("/?card=4111+1111%201111+1111", "/?card=****+****+****+1111"),
        ("/?phone=%2B1+202+555+0143&x=1", "/?phone=%2B%2A%20%2A%2A%2A%20%2A%2A%2A%200143&x=1"),
        ("/?phone=+1+202+555+0143", "/?phone=+*+***+***+0143"),
        ("/?phone=(202)+555-0143", "/?phone=%28***%29+***-0143"),
        ("/?phone=%28202%29+555-0143", "/?phone=%28%2A%2A%2A%29%20%2A%2A%2A-0143"),
        ("/?ssn=219+09+9999&y", "/?ssn=***+**+****&y"),
        ("/?e=my+mail+jane%40example.com+ok", "/?e=my+mail+jane%40%2A%2A%2A+ok"),
        ("/?e=my+mail+jane@example.com+ok", "/?e=my+mail+jane@***+ok"),
        ("/?q=a+b+c%2Cd+jane%40example.com&x=1", "/?q=a+b+c%2Cd+jane%40%2A%2A%2A&x=1"),
        ("/?iban=GB82+WEST+1234+5698+7654+32.", "/?iban=%5BIBAN%5D."),
    ] {
        becomes(&rules, &actions, text, wanted);
    }
}

/// Words are parted by a plus as by a blank, for expressions beside numbers and for terms anywhere.
#[test]
fn expressions_and_terms_see_blanks() {
    let mut badge = regex("badge", r"\b[A-Z]{2} \d{4}\b", None);
    badge.keywords = keyword("badge number", 20, 0);
    let names = spec("name", Pattern::Terms(TermList::new(["Jane Roe", "José García"]).expect("two names")));
    let (rules, actions) = set(vec![badge.clone(), names], vec![Action::Mask, Action::Redact]);
    for (text, wanted) in [
        ("/?q=badge+number+AB+1234", "/?q=badge+number+**+****"),
        ("/?q=AB+1234", "/?q=AB+1234"),
        ("/?q=a&badge+number=AB+1234", "/?q=a&badge+number=**+****"),
        ("/?who=Jane+Roe&x", "/?who=%5BNAME%5D&x"),
        ("/?who=José+García", "/?who=%5BNAME%5D"),
        ("/?who=Jos%C3%A9+Garc%C3%ADa", "/?who=%5BNAME%5D"),
        ("Jane+Roe", "Jane+Roe"),
    ] {
        becomes(&rules, &actions, text, wanted);
    }
    let (rules, actions) = set(vec![badge], vec![Action::Mask]);
    becomes(&rules, &actions, "/?q=the+badge+number+AB+1234", "/?q=the+badge+number+**+****");
}

#[test]
fn a_plus_elsewhere_is_a_plus() {
    let (rules, actions) = usual();
    for text in [
        "4111+1111+1111+1111",
        "the sum card = 4111+1111+1111+1111 is",
        "what? 4111+1111+1111+1111",
        "what?card= 4111+1111+1111+1111",
        "/?card=x 4111+1111+1111+1111",
        "/?card=x\" 4111+1111+1111+1111",
        "/?card=x#4111+1111+1111+1111",
        "/?card=4111%2B1111%2B1111%2B1111",
        "/?card%3D4111+1111+1111+1111",
        "if (a && (card=4111+1111+1111+1111))",
        "219+09+9999, or 219+09+9999",
        "@@ -4111,1111 +1111,1111 @@\n+4111\n+1111\n+1111\n+1111",
        "q83vEjRWeJCrze8SNFZ4kKvN7xI0+1111+1111/4111+1111+1111+1111=",
        "C++ and i++ and x+=1+2+3",
        "2026-05-01T00:00:00+02:00",
    ] {
        becomes(&rules, &actions, text, text);
    }
    for (text, wanted) in [
        ("call +12025550143 now", "call +*******0143 now"),
        ("/?phone=+12025550143", "/?phone=+*******0143"),
        ("+1 202 555 0143", "+* *** *** 0143"),
        ("/?mail=jane+tag@example.com&x", "/?mail=jane+tag@***&x"),
        ("a+b 4111 1111 1111 1111", "a+b **** **** **** 1111"),
    ] {
        becomes(&rules, &actions, text, wanted);
    }
}

/// The parameter's name stands so near that every split sees it.
#[test]
fn the_name_counts_from_afar_at_every_split() {
    let (rules, actions) = usual();
    for words in [0, 1, 16, 17, 18, 19, 20, 21, 22, 30, 100] {
        let text =
            format!("{} /?text={}card+4111+1111+1111+1111&x", "plain words ".repeat(60), "so+it+is".repeat(words));
        let wanted = whole(&rules, &actions, &text);
        assert_eq!(wanted.contains("1111+1111"), words > 18, "{words}");
        for largest in [1, 2, 3, 5, 17, 200] {
            let pieces: Vec<&[u8]> = text.as_bytes().chunks(largest).collect();
            assert_eq!(String::from_utf8_lossy(&run(&rules, &actions, &pieces).text), wanted, "{words} by {largest}");
        }
    }
}

/// Addresses, sums and what they are made of, in any order and any chunking.
#[test]
fn any_chunking_of_queries_gives_one_result() {
    let mut rng = TestRng::from_seed(prop::test_runner::RngAlgorithm::ChaCha, &[23; 32]);
    let (rules, actions) = usual();
    let mut number = |below: usize| rng.next_u32() as usize % below;
    let rounds = if std::env::var_os("BLACKBAR_LONG").is_some() { 200_000 } else { 3000 };
    let values = [
        "4111+1111+1111+1111",
        "%2B1+202+555+0143",
        "219+09+9999",
        "GB82+WEST+1234+5698+7654+32",
        "jane+x@example.com",
    ];
    let parts = [
        "/pay?", "?", "&", "&amp;", "\\u0026", "\\", "card=", "a=", "=", "+", "++", "1+1", "%20", "%2", " ", "\"", "#",
        "\n", "4111", "1111", "é", "\u{200b}", "(202)", "word",
    ];
    for _ in 0..rounds {
        let mut text = String::new();
        for _ in 0..1 + number(12) {
            match number(5) {
                0 => text.push_str(values[number(values.len())]),
                1 if number(8) == 0 => text.push_str(&"value+".repeat(number(60))),
                1 => text.push_str("/pay?card="),
                _ => text.push_str(parts[number(parts.len())]),
            }
        }
        let wanted = run(&rules, &actions, &[text.as_bytes()]);
        same_in_pieces(&rules, &actions, &text, &wanted, &[1, 3, 40, 400], &mut number);
    }
}

/// A text of nothing but pluses in a query is looked at in time that grows with its length, and little of it is held.
#[test]
fn pluses_without_end_hold_little() {
    let (rules, actions) = set(vec![spec("card", Pattern::Detector(Detector::Card))], vec![Action::KeepLast4]);
    for unit in ["1+", "a+", "&a=1+", "+"] {
        let text = format!("/?q=1{}", unit.repeat(20_000));
        let result = run(&rules, &actions, &text.as_bytes().chunks(100).collect::<Vec<_>>());
        assert_eq!(result.text, text.as_bytes());
        assert!(result.peak < 4096, "{unit}: {}", result.peak);
    }
}
