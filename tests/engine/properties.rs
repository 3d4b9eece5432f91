//! Random texts and random chunkings, seeded, so that a failure can be repeated.

use std::sync::Arc;

use blackbar::engine::{Action, ActionTable, Output, StreamRedactor};
use proptest::prelude::*;
use proptest::test_runner::TestRng;

use super::support::{Run, check_pieces, pieces, push_all, run, usual, whole};

/// Values, near misses, words and bytes that texts are made of.
pub(crate) const PARTS: &[&str] = &[
    "4111 1111 1111 1111",
    "4111111111111112",
    "378282246310005",
    "5555-5555-5555-4444",
    "4222222222222",
    "4 1 1 1 1 1",
    "078-05-1120",
    "000-12-3456",
    "912-70-1234",
    "123 45 6789",
    "(212) 555-0123",
    "+44 20 7946 0958",
    "212.555.0123",
    "1-800-555-0199",
    "+1",
    "(",
    "jane@example.com",
    "a.b+c@mail.example.co.uk",
    "x@",
    "@y",
    "@",
    "josé@münchen.de",
    "AKIAQQQQQQQQQQQQQQQQ",
    "AKIAQQQQ",
    "sk-aaaaaaaaaaaaaaaaaaaaaaaa",
    "sk-",
    "sk-sk-sk-",
    "eyJhbGciOiJI.eyJzdWIiOiIx.aaaaaaaaaaaaaaaaaaaa",
    "eyJ",
    "EMP-123456",
    "EMP-",
    "key=",
    "Key: \"",
    "hunter2hunter2",
    "\"",
    "the",
    "customer",
    "said",
    " ",
    " ",
    " ",
    ", ",
    "\n",
    "-",
    ".",
    "1",
    "42",
    "2026-11-21",
    "号码",
    "é",
    "\u{a0}",
    "\u{2011}",
    "\u{200b}",
    "😀",
    "0.4111111111111111",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
];

fn text(rng: &mut TestRng, most: usize) -> Vec<u8> {
    let mut text = Vec::new();
    while text.len() < most {
        match rng.next_u32() % 20 {
            0 => text.push((rng.next_u32() & 0xFF) as u8),
            1 => text.extend_from_slice(b" "),
            _ => text.extend_from_slice(PARTS[rng.next_u32() as usize % PARTS.len()].as_bytes()),
        }
    }
    text
}

fn chunks<'text>(rng: &mut TestRng, text: &'text [u8], largest: usize) -> Vec<&'text [u8]> {
    pieces(text, || 1 + rng.next_u32() as usize % largest)
}

/// 200,000 chunkings, ten million with `BLACKBAR_LONG`.
#[test]
fn any_chunking_gives_one_result() {
    let count = if std::env::var_os("BLACKBAR_LONG").is_some() { 10_000_000 } else { 200_000 };
    let mut rng = TestRng::from_seed(prop::test_runner::RngAlgorithm::ChaCha, &[7; 32]);
    let (rules, actions) = usual();
    let holdback = rules.holdback();
    let mut redactor = StreamRedactor::new(Arc::clone(&rules), Arc::clone(&actions));
    let mut out = Output::default();
    for _ in 0..count / 20 {
        let length = 20 + rng.next_u32() as usize % 300;
        let text = text(&mut rng, length);
        let whole = run(&rules, &actions, &[&text]);
        for round in 0..20 {
            let pieces = chunks(&mut rng, &text, if round % 2 == 0 { 3 } else { 40 });
            let result = push_all(&mut redactor, pieces, &mut out);
            same(&whole, &result, &text);
            assert!(result.peak <= holdback);
            check_pieces(&out, &text, &actions);
        }
    }
}

fn same(whole: &Run, result: &Run, text: &[u8]) {
    assert!(
        whole.text == result.text && whole.findings == result.findings,
        "{}\n{}\n{}\n{:?}\n{:?}",
        String::from_utf8_lossy(text),
        String::from_utf8_lossy(&whole.text),
        String::from_utf8_lossy(&result.text),
        whole.findings,
        result.findings,
    );
}

/// A rule that drops records does so in the texts in which it would block, whatever covers its match, at any chunking; and
/// the lines that go are the same.
#[test]
fn a_drop_is_where_a_block_would_be() {
    let mut rng = TestRng::from_seed(prop::test_runner::RngAlgorithm::ChaCha, &[11; 32]);
    let (rules, actions) = usual();
    let count = rules.rules().len();
    let mut dropped_at_all = 0;
    for _ in 0..4_000 {
        let blocking = rng.next_u32() as usize % count;
        let table = (0..count).map(|rule| if rule == blocking { Action::Block } else { actions.action(rule).clone() });
        let blocks = Arc::new(ActionTable::new(table.collect(), actions.key().cloned()));
        let drops = blocks.per_record();
        assert!(Arc::ptr_eq(&drops, &blocks.per_record()) && !drops.blocks());
        let length = 20 + rng.next_u32() as usize % 200;
        let text = text(&mut rng, length);
        let blocked = run(&rules, &blocks, &[&text]).blocked;
        let lines = |pieces: Vec<&[u8]>| {
            let mut redactor = StreamRedactor::new(Arc::clone(&rules), Arc::clone(&drops));
            let mut out = Output::default();
            let result = push_all(&mut redactor, pieces, &mut out);
            assert_eq!(result.blocked, None);
            check_pieces(&out, &text, &drops);
            // Lines of the output by their number, as the pieces that stand as they came end them.
            let (mut given, mut line, mut places) = (0, 0, vec![0]);
            for piece in &out.pieces {
                match *piece {
                    blackbar::engine::Piece::Clear { len } => {
                        line += out.bytes[given..given + len].iter().filter(|byte| **byte == b'\n').count();
                        given += len;
                    }
                    blackbar::engine::Piece::Replaced { given: len, .. } => given += len,
                }
                places.push(line);
            }
            let mut gone: Vec<usize> = out.drops.iter().map(|dropped| places[dropped.piece]).collect();
            gone.dedup();
            (result.text, gone)
        };
        let whole = lines(vec![&text]);
        assert_eq!(blocked.is_some(), !whole.1.is_empty(), "{}", String::from_utf8_lossy(&text));
        dropped_at_all += usize::from(blocked.is_some());
        for largest in [1, 3, 40] {
            let pieces = chunks(&mut rng, &text, largest);
            assert_eq!(lines(pieces), whole, "{}", String::from_utf8_lossy(&text));
        }
    }
    assert!(dropped_at_all > 400, "{dropped_at_all}");
}

/// *Promptness*: in plain prose nothing waits beyond the current word, and the one before it for the sign of an address.
#[test]
fn prose_waits_for_no_more_than_the_current_word() {
    let (rules, actions) = usual();
    let prose =
        "It was the best of times, it was the worst of times; in 1859 a book of 45 chapters began so. ".repeat(50);
    let mut redactor = StreamRedactor::new(rules, actions);
    let mut out = Output::default();
    let mut sent = 0;
    for piece in prose.as_bytes().chunks(3) {
        redactor.push(piece, &mut out).unwrap();
        sent += piece.len();
        let since_word = prose.as_bytes()[..sent].iter().rev().take_while(|byte| !byte.is_ascii_whitespace()).count();
        // A number may go on behind a blank: the blank and the number before it wait for one more byte.
        let number =
            prose[..sent].trim_end().rsplit(' ').next().filter(|word| word.ends_with(|c: char| c.is_ascii_digit()));
        let limit = since_word.max(number.map_or(0, |word| word.len() + 1));
        assert!(redactor.held() <= limit, "{} held of {:?}", redactor.held(), &prose[sent.saturating_sub(20)..sent]);
    }
}

proptest! {
    #[test]
    fn bytes_without_findings_are_untouched(text in "[a-zA-Z ,.!?\u{e9}\u{4e00}-\u{4e20}]{0,400}") {
        let (rules, actions) = usual();
        prop_assert_eq!(whole(&rules, &actions, &text), text);
    }

    #[test]
    fn any_bytes_at_any_cut(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0_usize..200) {
        let (rules, actions) = usual();
        let cut = cut.min(bytes.len());
        let one = run(&rules, &actions, &[&bytes]);
        let two = run(&rules, &actions, &[&bytes[..cut], &bytes[cut..]]);
        prop_assert_eq!(one.text, two.text);
        prop_assert_eq!(one.findings, two.findings);
    }
}
