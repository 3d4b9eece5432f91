//! A rule set that reads along: what it finds otherwise is told alike at every chunking, and nothing else changes.

use std::sync::Arc;

use blackbar::engine::{Action, ActionTable, Comparison, Difference, Output, RuleSet, Shadow, StreamRedactor};
use proptest::prelude::*;

use super::properties::PARTS;
use super::support::{pieces, push_all, regex, set, usual};

type Set = (Arc<RuleSet>, Arc<ActionTable>);

/// What `shadow` finds otherwise than `live` in a text that comes in these pieces, what left, and whether it was blocked.
fn compared(live: &Set, shadow: &Set, pieces: &[&[u8]]) -> (Vec<(Difference, u64)>, Vec<u8>, bool, u64) {
    let comparison = Arc::new(Comparison::default());
    let tried = Shadow::new(Arc::clone(&shadow.0), Arc::clone(&shadow.1));
    let actions = Arc::new(live.1.beside(Arc::new(tried)).compared(&comparison));
    let mut redactor = StreamRedactor::new(Arc::clone(&live.0), actions);
    let run = push_all(&mut redactor, pieces.iter().copied(), &mut Output::default());
    (comparison.differences(), run.text, run.blocked.is_some(), comparison.missed())
}

fn two(first: Action, second: Action) -> Set {
    set(vec![regex("staff", r"\bEMP-\d{6}\b", None), regex("key", r"\bkey-[a-z]{4,12}\b", None)], vec![first, second])
}

#[test]
fn each_kind_of_difference() {
    let live = two(Action::Mask, Action::Off);
    let text = b"EMP-123456 and key-abcd, EMP-654321".as_slice();
    let of = |shadow: &Set| compared(&live, shadow, &[text]).0;
    assert_eq!(of(&live), []);
    assert_eq!(of(&two(Action::Mask, Action::Redact)), [(Difference::Gained(1, "redact"), 1)]);
    assert_eq!(of(&two(Action::Off, Action::Off)), [(Difference::Lost(0, "mask"), 2)]);
    assert_eq!(of(&two(Action::Block, Action::Off)), [(Difference::Action(0, "mask", "block"), 2)]);
    assert_eq!(of(&two(Action::Observe, Action::Off)), [(Difference::Action(0, "mask", "observe"), 2)]);
}

#[test]
fn a_shorter_match_of_the_shadow_is_told_as_lost() {
    let live = set(vec![regex("staff", r"EMP-\d{6,9}", None)], vec![Action::Mask]);
    let short = set(vec![regex("staff", r"EMP-\d{6}", None)], vec![Action::Mask]);
    let text = b"EMP-123456 EMP-123456789".as_slice();
    assert_eq!(compared(&live, &short, &[text]).0, [(Difference::Lost(0, "mask"), 1)]);
    assert_eq!(compared(&short, &live, &[text]).0, [(Difference::Gained(0, "mask"), 1)]);
}

#[test]
fn what_blocks_is_compared_and_nothing_behind_it() {
    let live = two(Action::Block, Action::Off);
    let shadow = two(Action::Off, Action::Redact);
    let text = b"key-abcd EMP-123456 key-efgh".as_slice();
    let (differences, left, blocked, _) = compared(&live, &shadow, &[text]);
    assert_eq!(differences, [(Difference::Lost(0, "block"), 1), (Difference::Gained(1, "redact"), 1)]);
    assert!(blocked && left == b"key-abcd ");
}

#[test]
fn findings_that_wait_are_bounded_and_those_beyond_are_told() {
    // One match that is not over, and below it more findings than may wait, each of the shadow's.
    let live = set(vec![regex("long", r"<[a-z ]+>", Some(16_000))], vec![Action::Observe]);
    let shadow = set(vec![regex("word", r"ab", None)], vec![Action::Observe]);
    let text = [&b"<"[..], &b"ab ".repeat(5_000), b"> ab"].concat();
    for (size, least) in [(700, 4_000), (16 << 10, 0)] {
        let pieces: Vec<&[u8]> = text.chunks(size).collect();
        let (differences, left, _, missed) = compared(&live, &shadow, &pieces);
        let told: u64 = differences.iter().map(|(_, count)| count).sum();
        assert_eq!(left, text);
        assert!(missed >= least && told + missed == 5_002, "{told} told, {missed} missed");
        assert!(differences.contains(&(Difference::Gained(0, "observe"), told)) || told > 1, "the last is compared");
    }
}

/// The usual rules, each off, observed or redacted.
fn some_of(choices: &[u8]) -> Set {
    let (rules, actions) = usual();
    let pick = |(index, choice): (usize, &u8)| match choice % 4 {
        0 => Action::Off,
        1 => Action::Observe,
        _ => actions.action(index).clone(),
    };
    let actions = choices.iter().take(rules.rules().len()).enumerate().map(pick).collect();
    (rules, Arc::new(ActionTable::new(actions, None)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn chunks_make_no_difference_and_the_text_is_what_it_was(
        parts in prop::collection::vec(prop::sample::select(PARTS), 1..14),
        cuts in prop::collection::vec(1_usize..9, 1..40),
        live in prop::collection::vec(any::<u8>(), 32),
        shadow in prop::collection::vec(any::<u8>(), 32),
    ) {
        let text = parts.concat().into_bytes();
        let (live, shadow) = (some_of(&live), some_of(&shadow));
        let mut cuts = cuts.iter().cycle();
        let pieces = pieces(&text, || *cuts.next().unwrap());
        let whole = compared(&live, &shadow, &[&text]);
        prop_assert_eq!(&compared(&live, &shadow, &pieces), &whole);
        prop_assert_eq!(compared(&live, &live, &pieces).0, Vec::new());
        let mut alone = StreamRedactor::new(Arc::clone(&live.0), Arc::clone(&live.1));
        let alone = push_all(&mut alone, [text.as_slice()], &mut Output::default());
        prop_assert_eq!(whole.1, alone.text);
    }
}
