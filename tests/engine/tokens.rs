//! Tokens: what a request's rules tokenize, an answer's restorer gives back, whatever way both were cut.

use std::sync::Arc;

use blackbar::engine::{
    Action, ActionTable, Detector, EntityType, HashKey, Output, Pattern, Piece, Restorer, RuleSet, StreamRedactor,
    TokenMap, TokenSpec,
};

use super::support::{regex, spec};

/// One spelling of each value: a token opens as the one that came first.
const VALUES: [&str; 12] = [
    "jane.doe@example.com",
    "Bob+x@mail.example.org",
    "j\u{f6}rg@m\u{fc}nchen.example",
    "4111 1111 1111 1111",
    "5555-5555-5555-4444",
    "078-05-1120",
    "(212) 555-0123",
    "+44 20 7946 0958",
    "GB82 WEST 1234 5698 7654 32",
    "EMP-123456",
    "192.0.2.7",
    "2001:db8::1",
];
const WORDS: [&str; 16] = [
    "please",
    "write",
    "to",
    "e",
    "em",
    "EMAIL",
    "[",
    "]",
    "_",
    "(or)",
    "caf\u{e9}",
    "\u{4f60}\u{597d}",
    "\"so\"",
    "42",
    "*",
    "\n",
];

struct Random(u64);

impl Random {
    fn below(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below as u64) as usize
    }

    /// The text in pieces.
    fn cut<'t>(&mut self, text: &'t [u8]) -> Vec<&'t [u8]> {
        let longest = [1, 3, 9, 1000][self.below(4)];
        let (mut pieces, mut rest) = (Vec::new(), text);
        while !rest.is_empty() {
            let (piece, tail) = rest.split_at(1 + self.below(rest.len().min(longest)));
            pieces.push(piece);
            rest = tail;
        }
        pieces
    }
}

fn rules() -> (Arc<RuleSet>, Arc<TokenSpec>) {
    let specs = [
        ("email", Detector::Email),
        ("credit_card", Detector::Card),
        ("us_ssn", Detector::UsSsn),
        ("phone", Detector::Phone),
        ("iban", Detector::Iban),
        ("ipv4", Detector::Ipv4),
        ("ipv6", Detector::Ipv6),
    ];
    let mut specs: Vec<_> = specs.into_iter().map(|(id, detector)| spec(id, Pattern::Detector(detector))).collect();
    specs.push(regex("staff", r"\bEMP-\d{6}\b", None));
    let entities = specs.iter().map(|spec| EntityType::new(spec.entity.as_str())).collect();
    let tokens =
        TokenSpec { key: HashKey::new([9; 32]), workspace: "acme".into(), entities: Some(entities), seal: None };
    (Arc::new(RuleSet::build(specs).unwrap()), Arc::new(tokens))
}

/// Tokenizes and restores so many random texts, each cut at random both ways.
fn round_trips(cases: usize) {
    let (rules, tokens) = rules();
    let actions = ActionTable::new(vec![Action::Tokenize; rules.rules().len()], None);
    let mut random = Random(0x1234_5678_9abc_def1);
    let mut minted = 0;
    for case in 0..cases {
        let mut text = String::new();
        for _ in 0..1 + random.below(6) {
            let part = match random.below(2) {
                0 => VALUES[random.below(VALUES.len())],
                _ => WORDS[random.below(WORDS.len())],
            };
            text.push_str(part);
            text.push_str([" ", " ", ", ", ";\n"][random.below(4)]);
        }
        let map = Arc::new(TokenMap::new(Arc::clone(&tokens), None, true));
        let table = Arc::new(actions.in_exchange(Arc::clone(&map), true));
        let mut redactor = StreamRedactor::new(Arc::clone(&rules), table);
        let mut out = Output::default();
        for piece in random.cut(text.as_bytes()) {
            redactor.push(piece, &mut out).unwrap();
        }
        redactor.finish(&mut out).unwrap();
        for value in VALUES {
            assert!(!out.bytes.windows(value.len()).any(|window| window == value.as_bytes()), "case {case}: {text}");
        }
        minted += map.tally().minted;
        let mut restorer = Restorer::new(Arc::clone(&map));
        let mut restored = Output::default();
        for piece in random.cut(&out.bytes) {
            let mut from = Output::default();
            from.bytes.extend_from_slice(piece);
            from.pieces.push(Piece::Clear { len: piece.len() });
            restorer.push(&from, &mut restored);
        }
        restorer.finish(&mut restored);
        assert_eq!(String::from_utf8(restored.bytes).unwrap(), text, "case {case}");
    }
    assert!(minted > cases as u64, "{minted} tokens");
}

#[test]
fn what_was_tokenized_comes_back_in_any_chunking() {
    round_trips(50_000);
}

#[test]
#[ignore = "a minute"]
fn what_was_tokenized_comes_back_a_million_times() {
    round_trips(1_000_000);
}

#[test]
fn what_overlaps_comes_back_and_what_is_too_long_to_be_held_does_not() {
    let (_, tokens) = rules();
    let tokens = Arc::new(TokenSpec { entities: None, ..(*tokens).clone() });
    let specs = vec![
        regex("long", "<[a-z]{3,}>", Some(4096)),
        regex("pair", "[0-9]{4}-[0-9]{4}", None),
        regex("tail", "-[0-9]{4}x", None),
    ];
    let rules = Arc::new(RuleSet::build(specs).unwrap());
    let map = Arc::new(TokenMap::new(tokens, None, true));
    let table = ActionTable::new(vec![Action::Tokenize; 3], None).in_exchange(Arc::clone(&map), true);
    let mut redactor = StreamRedactor::new(rules, Arc::new(table));
    let mut out = Output::default();
    redactor.push_last(b"1234-5678x", &mut out).unwrap();
    let text = String::from_utf8(out.bytes).unwrap();
    // What one finding leaves of the other has a token of its own.
    assert!(text.starts_with("[PAIR_") && text.contains("][TAIL_") && text.ends_with(']'), "{text}");
    assert_eq!(map.live(), 2);
    let mut out = Output::default();
    redactor.push_last(format!("<{}>", "a".repeat(20_000)).as_bytes(), &mut out).unwrap();
    assert!(!String::from_utf8(out.bytes).unwrap().contains('_'));
}
