use super::super::rule::{EntityType, Pattern, RuleId, RuleSpec};
use super::super::ruleset::RuleSet;
use super::*;

fn rules(patterns: &[String]) -> RuleSet {
    let regex = |(at, pattern): (usize, &String)| RuleSpec {
        id: RuleId::new(&format!("test.{at}")),
        entity: EntityType::new("TEST"),
        pattern: Pattern::Regex { pattern: pattern.clone(), max_len: Some(40) },
        validator: None,
        keywords: None,
        suppressions: Vec::new(),
        priority: 0,
        confidence: RuleSpec::CONFIDENCE,
    };
    RuleSet::build(patterns.iter().enumerate().map(regex).collect()).expect("rules")
}

/// What is told at a text's end by a look at its buckets first is what is told by all of the windows there.
#[test]
fn nothing_short_is_missed_where_a_text_ends() {
    let short = ["qz", "x[0-9]", "w", r"\bk", "[0-9]z", "zq?", "%q", "(?i)kw1", "[^a-z]w", "q.x"].map(String::from);
    let long = ["[0-9]{6}", "[kq]{3}w{4}", "zz1[a-z]{8}xx"].map(String::from);
    // So many that they are told by their sequences.
    let keys: Vec<String> =
        (0..2 * FEW).map(|at| format!("{}k_[0-9]{{8}}", ["zx", "qw", "kz"][at % 3].repeat(1 + at / 3))).collect();
    let few: Vec<String> = short.iter().chain(&long).cloned().collect();
    let many: Vec<String> = few.iter().chain(&keys).cloned().collect();
    let alphabet = b"kqwxz1 %\xC3";
    for patterns in [few, many] {
        let rules = rules(&patterns);
        let prefilter = &rules.prefilter;
        let mut told_any = 0;
        for number in 0..alphabet.len().pow(4) {
            let text: Vec<u8> =
                (0..4).map(|place| alphabet[number / alphabet.len().pow(place) % alphabet.len()]).collect();
            for at in 1..text.len() {
                for begins in [None, Some(at)] {
                    let (mut told, mut all) = (Vec::new(), Vec::new());
                    prefilter.at_end(&text, at, begins, |target| told.push(target));
                    prefilter.rows.any(&text, at, text.len() - at, begins == Some(at), |slot| {
                        all.extend(prefilter.of_slot(slot).map(|entry| entry.target));
                        false
                    });
                    assert_eq!(told, all, "{text:?} from {at}, {begins:?}");
                    told_any += told.len();
                }
            }
        }
        assert!(told_any > 1000, "{told_any}");
    }
}
