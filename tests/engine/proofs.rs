//! Proofs of rules: what is sound is proven, and everything unsound that is planted is caught.

use std::sync::Arc;

use blackbar::engine::proof::{
    Anchor, ByteSet, Check, Fault, LIMIT, Proof, Unproven, lost, prove, proves, proves_longest,
};
use blackbar::engine::{Action, ActionTable, Detector, Pattern, RuleSet, RuleSpec, Validator};

use crate::support::{keyword, regex, set, spec};

fn proof(specs: Vec<RuleSpec>, actions: Vec<Action>) -> Proof {
    let (rules, actions) = set(specs, actions);
    prove(&rules, &actions, |_| true, LIMIT)
}

fn literals(literals: &[&str], within: usize) -> Anchor {
    let literals = literals.iter().map(|literal| literal.as_bytes().to_vec()).collect();
    Anchor::Literals { literals, within, ignore_case: false }
}

fn missed(rule: &RuleSpec, anchor: &Anchor) -> String {
    match proves(rule, anchor) {
        Ok(()) => "proven".to_owned(),
        Err(Unproven::Example(example)) => example.to_string(),
        Err(Unproven::TooLarge) => "too large".to_owned(),
    }
}

#[test]
fn unsound_anchors_are_caught() {
    let digits = || ByteSet::new(|byte| byte.is_ascii_digit());
    let token = || ByteSet::new(|byte| byte.is_ascii_alphanumeric());
    let run = |len| Anchor::Run { bytes: token(), len };
    let byte = |within| Anchor::Byte { bytes: digits(), within };
    let first = |behind_word, elsewhere| Anchor::First { behind_word, elsewhere };
    let none = || ByteSet::new(|_| false);
    let key = regex("key", r"(?:ab|abc|x)[0-9]{2,4}(?:-z)?\b", None);
    let word = regex("word", r"\b[a-f]{4}_[0-9]", None);
    let insensitive = regex("insensitive", "(?i)bearer [a-z]{4}", None);
    for (rule, anchor, wanted) in [
        (&key, literals(&["ab", "x"], 0), "proven"),
        (&key, literals(&["ab"], 0), "`x00`"),
        (&key, literals(&["abc", "x"], 0), "`ab00`"),
        (&key, literals(&["ab0", "abc", "x"], 0), "`ab10`"),
        (&key, literals(&["-z"], 8), "`x00`"),
        (&key, run(3), "proven"),
        (&key, run(4), "`x00`"),
        (&key, run(0), "proven"),
        (&key, byte(4), "proven"),
        (&key, byte(3), "`abc00`"),
        (&key, first(ByteSet::new(|byte| b"ax".contains(&byte)), ByteSet::new(|byte| b"ax".contains(&byte))), "proven"),
        (&key, first(none(), ByteSet::new(|byte| b"ax".contains(&byte))), "`x00` behind `a`"),
        (&key, first(ByteSet::new(|byte| byte == b'a'), ByteSet::new(|byte| byte == b'a')), "`x00`"),
        (&word, first(none(), ByteSet::new(|byte| (b'a'..=b'f').contains(&byte))), "proven"),
        (&word, literals(&["_"], 4), "proven"),
        (&word, literals(&["_"], 3), "`aaaa_0`"),
        (&word, literals(&["_0"], 9), "`aaaa_1`"),
        (&insensitive, literals(&["bearer "], 0), "`beareR aaaa`"),
    ] {
        assert_eq!(missed(rule, &anchor), wanted, "{} {anchor:?}", rule.id);
    }
    let folded = Anchor::Literals { literals: vec![b"Bearer ".to_vec()], within: 0, ignore_case: true };
    assert_eq!(missed(&insensitive, &folded), "proven");
}

#[test]
fn labels_are_anchors_of_rules_that_ask_for_them() {
    let label =
        |words: &[&str], before| Anchor::Label { words: words.iter().map(|w| (*w).to_owned()).collect(), before };
    let mut rule = regex("near", "[0-9]{4}", None);
    assert_eq!(missed(&rule, &label(&["pin"], 20)), "`0000`", "a rule without keywords needs no label");
    rule.keywords = keyword("PIN", 20, 0);
    assert_eq!(missed(&rule, &label(&["pin", "code"], 20)), "proven");
    assert_eq!(missed(&rule, &label(&["code"], 20)), "`0000`");
    assert_eq!(missed(&rule, &label(&["pin"], 19)), "`0000`");
    rule.keywords = keyword("pin", 20, 1);
    assert_eq!(missed(&rule, &label(&["pin"], 20)), "`0000`", "the label may also stand behind");
}

#[test]
fn wrong_lengths_are_caught() {
    let finite = regex("finite", "ab{2,7}c?", None);
    assert_eq!(proves_longest(&finite, 9), Ok(()));
    assert_eq!(proves_longest(&finite, 8), Err(Fault::TooShort { stated: 8, longest: Some(9) }));
    assert_eq!(proves_longest(&finite, 10), Err(Fault::TooLong { stated: 10, longest: 9 }));
    let endless = regex("endless", "ab{2,}", Some(64));
    assert_eq!(proves_longest(&endless, 64), Ok(()));
    assert_eq!(proves_longest(&endless, 63), Err(Fault::TooShort { stated: 63, longest: Some(64) }));
    // The first alternative that matches counts, so the second one never does.
    assert_eq!(proves_longest(&regex("first", "ab|abcd", None), 4), Err(Fault::TooLong { stated: 4, longest: 2 }));
    // A loop that no match passes through is no longer match.
    assert_eq!(proves_longest(&regex("word", r"a\b[a-z]*b|ac", Some(90)), 2), Ok(()));
    assert!(matches!(proves_longest(&regex("never", r"a\bb", None), 2), Err(Fault::NeverMatches)));
}

#[test]
fn what_the_engine_builds_is_proven() {
    let specs = vec![
        regex("aws", r"\bAKIA[A-Z2-7]{16}\b", None),
        regex("sk", r"\bsk-(?:proj-|ant-)?[A-Za-z0-9_-]{20,}", Some(64)),
        regex("number", r"\b[0-9]{3}-[0-9]{2}\b", None),
        regex("multi", r"(?m)^id=[a-z]{3}$", None),
        spec("card", Pattern::Detector(Detector::Card)),
    ];
    let proof = proof(specs, vec![Action::Redact, Action::Hash, Action::Mask, Action::Redact, Action::KeepLast4]);
    assert_eq!(proof.faults, []);
    assert_eq!((proof.proven, proof.open), ([4, 4, 5, 4], [0; 4]));
}

fn again(proof: &Proof) -> Vec<(usize, usize, String)> {
    let name = |(rule, fault): &(usize, Fault)| match fault {
        Fault::Again { by, replacement } => Some((*rule, *by, replacement.to_string())),
        _ => None,
    };
    proof.faults.iter().filter_map(name).collect()
}

#[test]
fn replacements_that_are_found_again_are_named() {
    let text = |text: &str| Action::Replace(Arc::from(text));
    let specs = || {
        vec![
            regex("card", "C[0-9]{8}", None),
            regex("upper", r"\b[A-Z]{4}\b", None),
            regex("anything", r"\[\S{3,20}", None),
            regex("stars", r"[*]{4} ?[0-9]{4}", None),
        ]
    };
    // `[CARD]` holds a word of four capitals and is a bracket with something behind it.
    let found = proof(specs(), vec![Action::Redact, Action::Redact, Action::Redact, Action::Redact]);
    let wanted = [(0, 1, "`[CARD]`"), (0, 2, "`[CARD]`"), (1, 2, "`[UPPER]`"), (3, 2, "`[STARS]`")];
    let wanted: Vec<_> = wanted.into_iter().map(|(rule, by, text)| (rule, by, text.to_owned())).collect();
    assert_eq!(again(&found), wanted, "`[ANYTHING]` is found whole and stays what it is");
    // Five stars and four digits hold what the last rule looks for.
    let found = proof(specs(), vec![Action::KeepLast4, Action::Off, Action::Off, Action::Mask]);
    assert_eq!(again(&found), [(0, 3, "`*****0000`".to_owned())]);
    let found = proof(specs(), vec![Action::Mask, Action::Off, Action::Off, Action::Mask]);
    assert_eq!(found.faults, []);
    let found = proof(specs(), vec![text("ABCD"), Action::Mask, Action::Observe, Action::Off]);
    assert_eq!(again(&found), [(0, 1, "`ABCD`".to_owned())]);
}

#[test]
fn detectors_and_addresses_are_held_against_rules() {
    let specs = vec![
        spec("email", Pattern::Detector(Detector::Email)),
        spec("phone", Pattern::Detector(Detector::Phone)),
        regex("local", r"[a-z]{3,9}@", None),
        regex("tail", "[*]-[0-9]{4}", None),
    ];
    let found = proof(specs, vec![Action::MaskDomain, Action::KeepLast4, Action::Redact, Action::Redact]);
    let pairs: Vec<(usize, usize)> = again(&found).iter().map(|(rule, by, _)| (*rule, *by)).collect();
    // `*-0000` within the local part of an address would have been hidden.
    assert_eq!(pairs, [(0, 2), (1, 3)]);
}

#[test]
fn rules_in_anothers_shadow_are_named() {
    let shadows = |specs: Vec<RuleSpec>| -> Vec<(usize, usize)> {
        let actions = specs.iter().map(|_| Action::Redact).collect();
        let found = proof(specs, actions).faults;
        found
            .iter()
            .filter_map(|(rule, fault)| match fault {
                Fault::Shadowed { by } => Some((*rule, *by)),
                _ => None,
            })
            .collect()
    };
    let wide = || regex("wide", "K-[0-9]{2,6}", None);
    let narrow = || regex("narrow", "K-[0-9]{4}", None);
    assert_eq!(shadows(vec![wide(), narrow()]), [(1, 0)]);
    assert_eq!(shadows(vec![narrow(), wide()]), [], "an earlier rule wins where both are as long");
    assert_eq!(shadows(vec![RuleSpec { priority: 1, ..wide() }, narrow()]), [(1, 0)]);
    assert_eq!(shadows(vec![narrow(), RuleSpec { priority: 1, ..wide() }]), [(0, 1)]);
    assert_eq!(shadows(vec![wide(), RuleSpec { priority: 1, ..narrow() }]), []);
    let checked = RuleSpec { validator: Validator::by_name("luhn"), ..wide() };
    assert_eq!(shadows(vec![checked, narrow()]), [], "the wider rule's check may fail");
    assert_eq!(shadows(vec![wide(), RuleSpec { keywords: keyword("k", 9, 0), ..narrow() }]), [(1, 0)]);
    assert_eq!(
        shadows(vec![regex("bounded", r"K-[0-9]{2,6}\b", None), narrow()]),
        [],
        "K-12345 is no match of the first four"
    );
    assert_eq!(shadows(vec![regex("same", "K-[0-9]{4}", None), narrow()]), [(1, 0)]);
}

#[test]
fn matches_inside_words_are_shown() {
    let found = proof(vec![regex("word", "pass[a-z]{2}", None)], vec![Action::Redact]);
    assert!(matches!(found.faults.as_slice(), [(0, Fault::InsideWords { .. })]), "{:?}", found.faults);
    let found = proof(vec![regex("word", r"\bpass[a-z]{2}\b", None)], vec![Action::Redact]);
    assert_eq!(found.faults, []);
}

#[test]
fn what_is_too_large_is_counted() {
    let specs = vec![
        regex("long", "x[a-z]{1,99}[0-9]{1,9}", None),
        regex("finder", r"[*]{9,99}[0-9]{4}", None),
        regex("other", "x[a-y]{1,99}[0-9]{1,9}", None),
    ];
    let (rules, actions) = set(specs, vec![Action::KeepLast4, Action::Redact, Action::Redact]);
    let found = prove(&rules, &actions, |_| true, 4);
    let open: usize = found.open.iter().sum();
    let told = found.faults.iter().filter(|(_, fault)| matches!(fault, Fault::NotProven(_))).count();
    assert!(found.open[0] > 0 && found.open[2] > 0 && found.open[3] > 0, "{:?} {:?}", found.open, found.proven);
    assert!(told >= open && open > 2, "{:?}", found.open);
    assert_eq!(Check::ALL.map(Check::name), ["anchors", "hold-back", "replacements", "shadows"]);
}

#[test]
fn the_shortest_loss_is_found() {
    let shown = |old: &RuleSpec, new: &[&RuleSpec]| match lost(old, new) {
        None => "no answer".to_owned(),
        Some(Ok(())) => "nothing".to_owned(),
        Some(Err(example)) => example.to_string(),
    };
    let old = regex("a", "K-[0-9]{4,6}", None);
    assert_eq!(shown(&old, &[&regex("b", "K-[0-9]{5,8}", None)]), "`K-0000`");
    assert_eq!(shown(&old, &[&regex("b", r"K-[0-9]{4,6}\b", None)]), "`K-0000` before `0`");
    assert_eq!(shown(&old, &[&regex("b", "K-[0-9]{4}", None), &regex("c", "[A-Z]-[0-9]{5,}", Some(90))]), "nothing");
    assert_eq!(shown(&old, &[]), "`K-0000`");
    let luhn = RuleSpec { validator: Validator::by_name("luhn"), ..regex("a", "[1-9][0-9]{3}", None) };
    assert_eq!(shown(&luhn, &[]), "`1008`");
    assert_eq!(shown(&spec("card", Pattern::Detector(Detector::Card)), &[]), "no answer");
}

/// The bundled rules' actions do not matter to anchors and lengths.
#[test]
fn an_empty_question_costs_nothing() {
    let rules = Arc::new(RuleSet::build(vec![regex("a", "AB[0-9]", None)]).unwrap());
    let none = prove(&rules, &ActionTable::new(Vec::new(), None), |_| false, LIMIT);
    assert_eq!((none.faults.len(), none.proven), (0, [0; 4]));
}
