//! Stand-ins: values that are nobody's take the place of values in their shape, and give way to them again.

use std::sync::Arc;

use blackbar::engine::{
    Action, ActionTable, Comparison, Detector, EntityType, HashKey, Output, Pattern, Piece, Restorer, RuleSet, Shadow,
    StreamRedactor, TokenMap, TokenSpec,
};
use proptest::prelude::*;

use super::support::{regex, spec};

const RULES: [(&str, &str, Detector); 7] = [
    ("email", "EMAIL", Detector::Email),
    ("card", "CREDIT_CARD", Detector::Card),
    ("ssn", "US_SSN", Detector::UsSsn),
    ("phone", "PHONE", Detector::Phone),
    ("iban", "IBAN", Detector::Iban),
    ("ipv4", "IP_ADDRESS", Detector::Ipv4),
    ("ipv6", "IP_ADDRESS", Detector::Ipv6),
];
/// One spelling of each value: a stand-in opens as the one that came first.
const VALUES: [&str; 13] = [
    "jane.doe@acme.test",
    "Bob+x@mail.acme.test",
    "4111 1111 1111 1111",
    "5555-5555-5555-4444",
    "378282246310005",
    "078-05-1120",
    "(212) 555-0123",
    "+44 20 7946 0958",
    "GB82 WEST 1234 5698 7654 32",
    "DE89370400440532013000",
    "10.1.2.3",
    "2001:db8::17",
    "EMP-123456",
];

struct Side {
    rules: Arc<RuleSet>,
    map: Arc<TokenMap>,
}

impl Side {
    fn new() -> Self {
        let mut specs: Vec<_> = RULES
            .iter()
            .map(|(id, entity, detector)| {
                let mut one = spec(id, Pattern::Detector(*detector));
                one.entity = EntityType::new(entity);
                one
            })
            .collect();
        specs.push(regex("staff", r"\bEMP-\d{6}\b", None));
        // Values of the ranges that stand-ins are of, where a text has them, and no detector takes them for anything.
        for (entity, pattern) in [
            ("CREDIT_CARD", r"\b9999(?:[0-9]{11,12}|(?:[ -][0-9]{4}){3})\b"),
            ("US_SSN", r"\b9[0-9]{2}-[0-9]{2}-[0-9]{4}\b"),
            ("PHONE", r"\+99 9[0-9] [0-9]{4} [0-9]{4}\b"),
        ] {
            let mut one = regex(&format!("{}.nobodys", entity.to_lowercase()), pattern, None);
            one.entity = EntityType::new(entity);
            specs.push(one);
        }
        let entities = specs.iter().map(|spec| spec.entity.clone()).collect();
        let tokens =
            TokenSpec { key: HashKey::new([9; 32]), workspace: "acme".into(), entities: Some(entities), seal: None };
        let map = TokenMap::new(Arc::new(tokens), None, true).with_stand_ins();
        static BUILT: std::sync::OnceLock<Arc<RuleSet>> = std::sync::OnceLock::new();
        let rules = BUILT.get_or_init(|| Arc::new(RuleSet::build(specs).unwrap()));
        Self { rules: Arc::clone(rules), map: Arc::new(map) }
    }

    /// Redacts a request, or an answer, that comes in these pieces.
    fn redact(&self, actions: Vec<Action>, in_request: bool, pieces: &[&[u8]]) -> String {
        let table = ActionTable::new(actions, None).in_exchange(Arc::clone(&self.map), in_request);
        let mut redactor = StreamRedactor::new(Arc::clone(&self.rules), Arc::new(table));
        let mut out = Output::default();
        for piece in pieces {
            redactor.push(piece, &mut out).unwrap();
        }
        redactor.finish(&mut out).unwrap();
        String::from_utf8(out.bytes).unwrap()
    }

    fn asked(&self, text: &str) -> String {
        self.redact(vec![Action::StandIn; 11], true, &[text.as_bytes()])
    }

    fn restore(&self, pieces: &[&[u8]]) -> String {
        let (mut restorer, mut out) = (Restorer::new(Arc::clone(&self.map)), Output::default());
        for piece in pieces {
            let mut from = Output::default();
            from.bytes.extend_from_slice(piece);
            from.pieces.push(Piece::Clear { len: piece.len() });
            restorer.push(&from, &mut out);
            assert!(restorer.held() < 200, "{} bytes are held", restorer.held());
        }
        restorer.finish(&mut out);
        String::from_utf8(out.bytes).unwrap()
    }

    fn opened(&self, text: &str) -> String {
        let whole = self.restore(&[text.as_bytes()]);
        for at in 1..text.len() {
            let (left, right) = text.as_bytes().split_at(at);
            assert_eq!(self.restore(&[left, right]), whole, "at {at} of {text}");
        }
        let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
        assert_eq!(self.restore(&bytes), whole);
        whole
    }
}

fn digits(text: &str) -> Vec<u32> {
    text.chars().filter_map(|character| character.to_digit(10)).collect()
}

/// The shape of a text: letters and digits alike.
fn shape(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect()
}

#[test]
fn each_has_its_values_shape_and_is_of_a_range_that_is_nobodys() {
    for value in ["4111 1111 1111 1111", "5555-5555-5555-4444", "378282246310005"] {
        let made = Side::new().asked(value);
        assert!(shape(&made) == shape(value) && digits(&made)[..4] == [9, 9, 9, 9], "{made}");
        let twice = |(at, digit): (usize, &u32)| if at % 2 == 1 { digit * 2 / 10 + digit * 2 % 10 } else { *digit };
        let sum: u32 = digits(&made).iter().rev().enumerate().map(twice).sum();
        assert_eq!(sum % 10, 0, "{made} is no card number");
    }
    let ssn = Side::new().asked("078-05-1120");
    assert!(shape(&ssn) == "000-00-0000" && ssn.starts_with('9') && digits(&ssn)[3] < 5, "{ssn}");
    let phone = Side::new().asked("(212) 555-0123");
    assert!(shape(&phone) == "(000) 000-0000" && phone.contains(") 555-01"), "{phone}");
    assert!(Side::new().asked("+1 212-555-0123").starts_with("+1 "));
    let abroad = Side::new().asked("+44 20 7946 0958");
    assert!(shape(&abroad) == "+00 00 0000 0000" && abroad.starts_with("+99 9"), "{abroad}");
    let mail = Side::new().asked("jane@acme.test");
    assert!(mail.len() == 16 + "@example.com".len() && mail.ends_with("@example.com"), "{mail}");
    for (value, bank) in [("GB82 WEST 1234 5698 7654 32", " QQQQ "), ("DE89370400440532013000", "9")] {
        let made = Side::new().asked(value);
        let plain: String = made.chars().filter(char::is_ascii_alphanumeric).collect();
        let moved = format!("{}{}", &plain[4..], &plain[..4]);
        let rest = moved.chars().fold(0, |sum, c| match c.to_digit(36).unwrap() {
            digit @ 0..10 => (sum * 10 + digit) % 97,
            letter => (sum * 100 + letter) % 97,
        });
        assert!(rest == 1 && made[..2] == value[..2] && made[4..].starts_with(bank), "{made}");
    }
    let four = Side::new().asked("10.1.2.3");
    assert!(["192.0.2.", "198.51.100.", "203.0.113."].iter().any(|net| four.starts_with(net)), "{four}");
    assert!(Side::new().asked("2a00:1450::17").starts_with("2001:db8:"));
    // What has no such range has a placeholder.
    assert!(Side::new().asked("EMP-123456").starts_with("[STAFF_"));
}

#[test]
fn equal_values_have_equal_ones_and_other_keys_others() {
    let (one, other) = (Side::new(), Side::new());
    assert_eq!(one.asked("jane@acme.test and JANE@acme.test"), other.asked("jane@acme.test and JANE@acme.test"));
    let both = one.asked("4111 1111 1111 1111, 4111-1111-1111-1111");
    let (blank, dash) = both.split_once(", ").unwrap();
    assert_eq!(digits(blank), digits(dash));
    assert_eq!(blank.replace(' ', "-"), dash);
}

#[test]
fn models_may_set_groups_apart_otherwise_and_nothing_longer_is_taken_for_one() {
    let side = Side::new();
    let asked = side.asked("4111 1111 1111 1111 jane@acme.test (212) 555-0123 10.1.2.3");
    let card: String = asked[..19].chars().filter(char::is_ascii_digit).collect();
    let mail = asked[20..].split(' ').next().unwrap();
    let phone = &asked[asked.find('(').unwrap()..][..14];
    let address = asked.rsplit(' ').next().unwrap();
    let value = "4111 1111 1111 1111";
    for written in [card.clone(), format!("{}-{}-{}-{}", &card[..4], &card[4..8], &card[8..12], &card[12..])] {
        assert_eq!(side.opened(&format!("card {written}.")), format!("card {value}."));
        assert_eq!(side.opened(&format!("({written})")), format!("({value})"));
    }
    assert_eq!(
        side.opened(&format!("to {}, now", mail.to_uppercase())),
        "to jane.doe@acme.test, now".replace(".doe", "")
    );
    assert_eq!(side.opened(&format!("{mail}.")), "jane@acme.test.");
    let plain: String = phone.chars().filter(char::is_ascii_digit).collect();
    for written in [phone.to_owned(), plain, phone.replace(['(', ')'], "").replace(' ', "-")] {
        assert_eq!(side.opened(&format!("call {written}!")), "call (212) 555-0123!");
    }
    assert_eq!(side.opened(&format!("at {address}.")), "at 10.1.2.3.");
    for other in [
        format!("1{card}"),
        format!("{card}1"),
        format!("x{mail}"),
        format!("x.{mail}"),
        format!("{mail}.test"),
        format!("{mail}x"),
        format!("{address}1"),
        format!("{address}.1"),
        format!("https://h.test/?q={card}"),
        format!("mailto:{mail}"),
        format!("[x](/{card})"),
    ] {
        assert_eq!(side.opened(&other), other);
    }
}

#[test]
fn a_value_that_another_ones_stand_in_would_be_is_no_confusion() {
    for value in &VALUES[..12] {
        let would = Side::new().asked(value);
        for text in [
            format!("{would} and {value}"),
            format!("{value} and {would}"),
            format!("{value}, {would}, {value}; {would}"),
        ] {
            let side = Side::new();
            let asked = side.asked(&text);
            assert_eq!(side.opened(&asked), text, "by {asked}");
        }
    }
}

#[test]
fn a_value_that_stays_ends_what_it_would_have_stood_for() {
    let would = Side::new().asked("jane@acme.test");
    let mut actions = vec![Action::StandIn; 11];
    actions[0] = Action::Observe;
    let side = Side::new();
    side.asked("jane@acme.test");
    let kept = side.redact(actions.clone(), true, &[would.as_bytes()]);
    assert_eq!(kept, would);
    assert_eq!(side.opened(&would), would, "it is the client's own");
    // Before, and it is another one.
    let side = Side::new();
    side.redact(actions, true, &[would.as_bytes()]);
    let asked = side.asked("jane@acme.test");
    assert_ne!(asked, would);
    assert_eq!(side.opened(&format!("{asked} {would}")), format!("jane@acme.test {would}"));
}

#[test]
fn what_stands_for_a_value_is_found_by_nobody_once_an_answer_was_looked_at() {
    let side = Side::new();
    let text = VALUES[..12].join(", ");
    let asked = side.asked(&text);
    // Rules of answers find nothing in them, whatever they would do.
    for action in [Action::Block, Action::Mask, Action::Redact] {
        assert_eq!(side.redact(vec![action; 11], false, &[asked.as_bytes()]), asked);
    }
    assert_eq!(side.opened(&asked), text);
    // The next request of the exchange brings them back.
    assert_eq!(side.asked(&asked), asked);
    for value in VALUES {
        assert!(!asked.contains(value), "{value}");
    }
}

#[test]
fn who_reads_along_finds_nothing_in_them_either() {
    let side = Side::new();
    let asked = side.asked(&VALUES[..12].join(", "));
    let plain = Arc::new(ActionTable::new(vec![Action::Mask; 11], None));
    let shadow = Arc::new(Shadow::new(Arc::clone(&side.rules), Arc::clone(&plain)));
    let comparison = Arc::new(Comparison::default());
    let table = plain.in_exchange(Arc::clone(&side.map), false).beside(shadow).compared(&comparison);
    let mut redactor = StreamRedactor::new(Arc::clone(&side.rules), Arc::new(table));
    let mut out = Output::default();
    redactor.push_last(asked.as_bytes(), &mut out).unwrap();
    assert_eq!((out.bytes, comparison.differences()), (asked.clone().into_bytes(), Vec::new()));
    assert_eq!(comparison.bytes(), asked.len() as u64);
}

#[test]
fn what_no_longer_fits_has_no_stand_in() {
    let side = Side::new();
    let small = TokenMap::new(
        Arc::new(TokenSpec { key: HashKey::new([9; 32]), workspace: "acme".into(), entities: None, seal: None }),
        None,
        true,
    );
    let side = Side { map: Arc::new(small.with_stand_ins().bounded(2, 1 << 20)), ..side };
    let asked = side.asked("a@acme.test b@acme.test c@acme.test");
    let shapes: Vec<bool> = asked.split(' ').map(|text| text.ends_with("@example.com")).collect();
    assert_eq!(shapes, [true, true, false], "{asked}");
    assert!(!asked.contains("c@acme.test"));
}

/// Texts that set what they stand beside apart, on either side.
const APART: [&str; 12] =
    [" ", "*", "_", "__", "\"", "(", "\u{201c}", "\u{2014}", "\u{3001}", "\u{5361}\u{53f7}", "\u{306e}", "\u{c740}"];
/// Texts with which a value goes on: it is another one.
const JOINED: [&str; 8] = ["x", "7", "\u{e9}", "\u{434}", "\u{ff11}", "\u{661}", "a\u{301}", "x\u{200b}"];

#[test]
fn what_is_beside_it_tells_whether_it_is_one() {
    let side = Side::new();
    for value in &VALUES[..12] {
        let made = side.asked(value);
        for before in APART {
            for behind in APART {
                let (text, expected) = (format!("{before}{made}{behind}."), format!("{before}{value}{behind}."));
                assert_eq!(side.opened(&text), expected, "{before:?} {behind:?}");
            }
        }
        for joined in JOINED {
            // A parenthesis sets its number apart.
            let (before, opens) = (format!("{joined}{made} "), made.starts_with('('));
            let expected = if opens { format!("{joined}{value} ") } else { before.clone() };
            assert_eq!(side.opened(&before), expected, "{joined:?} before {value}");
            // What a letter with a mark ends with is known by its letter alone: the first counts.
            let behind = format!(" {made}{joined}");
            assert_eq!(side.opened(&behind), behind, "{joined:?} behind {value}");
        }
    }
    let mail = side.asked("jane.doe@acme.test");
    for other in ["-", "x-", "x_", "+", "x+", "%40", "x.-"] {
        let text = format!("{other}{mail}");
        let opens = other == "-";
        assert_eq!(side.opened(&text) != text, opens, "{other} before an address");
    }
    for other in ["-x", "--x", "_x", "@x", "%41", ".x", ".\u{434}", "-.x", "----"] {
        let text = format!("{mail}{other}");
        assert_eq!(side.opened(&text), text, "{other} behind an address");
    }
}

#[test]
fn one_that_nobody_is_given_back_is_found_by_no_rule_of_the_answer() {
    for keeps in [true, false] {
        let spec = TokenSpec { key: HashKey::new([9; 32]), workspace: "acme".into(), entities: None, seal: None };
        let map = Arc::new(TokenMap::new(Arc::new(spec), None, keeps).with_stand_ins());
        let side = Side { map, ..Side::new() };
        let asked = side.asked("4111 1111 1111 1111, jane@acme.test");
        assert!(asked.starts_with("9999 ") && asked.ends_with("@example.com"), "{asked}");
        for action in [Action::Block, Action::Mask] {
            assert_eq!(side.redact(vec![action; 11], false, &[asked.as_bytes()]), asked, "{keeps}");
        }
        // Cards are never given back unless that is spelled out; on a route that is left out nothing is.
        let opened = side.opened(&asked);
        let mail = if keeps { "jane@acme.test" } else { &asked[21..] };
        assert_eq!(opened, format!("{}, {mail}", &asked[..19]));
        // A value of the client's own that stays ends it.
        let spec = TokenSpec { key: HashKey::new([9; 32]), workspace: "acme".into(), entities: None, seal: None };
        let map = Arc::new(TokenMap::new(Arc::new(spec), None, keeps).with_stand_ins());
        let side = Side { map, ..side };
        assert_eq!(side.asked("4111 1111 1111 1111, jane@acme.test"), asked);
        side.redact(vec![Action::Observe; 11], true, &[asked.as_bytes()]);
        assert_ne!(side.redact(vec![Action::Mask; 11], false, &[asked.as_bytes()]), asked, "{keeps}");
    }
}

#[test]
fn what_was_redacted_before_is_left_as_it_is_when_it_is_looked_at_again() {
    let side = Side::new();
    let text = VALUES[..12].join(", ");
    let asked = side.asked(&text);
    let table = ActionTable::new(vec![Action::StandIn; 11], None).in_exchange(Arc::clone(&side.map), true);
    let again = |table: ActionTable| {
        let mut redactor = StreamRedactor::new(Arc::clone(&side.rules), Arc::new(table));
        let mut out = Output::default();
        redactor.push_last(asked.as_bytes(), &mut out).unwrap();
        String::from_utf8(out.bytes).unwrap()
    };
    assert_eq!(again(table.again()), asked);
    // Taken for the client's own text it would have others.
    assert_ne!(again(table), asked);
    assert_eq!(side.opened(&asked), text);
}

fn part() -> impl Strategy<Value = String> {
    let words =
        ["please", "write", "(or)", "9", "99", "999", "caf\u{e9}", "\"so\"", "42", "\n", "+", "555", "@example.com"];
    prop_oneof![
        3 => prop::sample::select(VALUES.to_vec()).prop_map(str::to_owned),
        2 => prop::sample::select(VALUES[..12].to_vec()).prop_map(|value| Side::new().asked(value)),
        3 => prop::sample::select(words.to_vec()).prop_map(str::to_owned),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn what_was_put_in_comes_out_in_any_chunking(
        parts in prop::collection::vec((part(), prop::sample::select(vec![", ", "; ", ";\n", " | "])), 1..8),
        cuts in prop::collection::vec(1_usize..30, 1..20),
    ) {
        let text: String = parts.iter().flat_map(|(part, behind)| [part.as_str(), behind]).collect();
        let cut = |text: &str| {
            let (mut pieces, mut rest, mut cuts) = (Vec::new(), text.as_bytes().to_vec(), cuts.iter().cycle());
            while !rest.is_empty() {
                let behind = rest.split_off((*cuts.next().unwrap()).min(rest.len()));
                pieces.push(std::mem::replace(&mut rest, behind));
            }
            pieces
        };
        let side = Side::new();
        let pieces = cut(&text);
        let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
        let asked = side.redact(vec![Action::StandIn; 11], true, &pieces);
        let pieces = cut(&asked);
        let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
        prop_assert_eq!(side.restore(&pieces), text);
    }
}
