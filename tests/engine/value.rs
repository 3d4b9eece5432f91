//! The group `value`: what it makes a finding of, at every split, and what is no pattern with one.

use blackbar::engine::{Action, BuildErrorKind, RuleSet, Suppression, Validator};

use super::support::{keyword, regex, run, set, whole};

const PATTERN: &str = r#"(?i)\bpassword["']?\s{0,2}[:=]\s{0,2}["']?(?<value>[^\s"',;]{6,64})"#;

#[test]
fn only_the_value_is_the_finding() {
    let (rules, actions) = set(vec![regex("secret", PATTERN, None)], vec![Action::Redact]);
    let redacted = [
        ("password: hunter2!", "password: [SECRET]"),
        ("PASSWORD=\"hunter2!\" and more", "PASSWORD=\"[SECRET]\" and more"),
        ("{'password' : 'tiger-lily', 'a': 1}", "{'password' : '[SECRET]', 'a': 1}"),
        ("password password=tigerlily, password=other-one", "password password=[SECRET], password=[SECRET]"),
        ("password: short", "password: short"),
    ];
    for (text, wanted) in redacted {
        assert_eq!(whole(&rules, &actions, text), wanted);
        for cut in 0..=text.len() {
            for second in cut..=text.len() {
                let pieces = [&text.as_bytes()[..cut], &text.as_bytes()[cut..second], &text.as_bytes()[second..]];
                let result = run(&rules, &actions, &pieces);
                assert_eq!(String::from_utf8_lossy(&result.text), wanted, "cut at {cut} and {second}");
                assert!(result.peak <= rules.holdback());
            }
        }
    }
}

#[test]
fn checks_see_the_value_alone() {
    let mut spec = regex("card", r"card (?<value>[0-9]{16})", None);
    spec.validator = Validator::by_name("luhn");
    spec.suppressions = vec![Suppression::Value("4111111111111111".to_owned())];
    spec.keywords = keyword("card", 5, 0);
    let (rules, actions) = set(vec![spec], vec![Action::Redact]);
    assert_eq!(whole(&rules, &actions, "card 4242424242424242"), "card [CARD]");
    assert_eq!(whole(&rules, &actions, "card 4242424242424243"), "card 4242424242424243");
    assert_eq!(whole(&rules, &actions, "card 4111111111111111"), "card 4111111111111111");
}

#[test]
fn a_match_of_told_length_is_cut_there() {
    let (rules, actions) = set(vec![regex("key", r"key=(?<value>[a-z]{2,})", Some(8))], vec![Action::Redact]);
    assert_eq!(whole(&rules, &actions, "key=abcdefgh key=ab"), "key=[KEY]efgh key=[KEY]");
}

#[test]
fn a_group_that_takes_no_part_narrows_nothing() {
    let (rules, actions) = set(vec![regex("key", r"key=(?:(?<value>[a-z]{4})|[0-9]{4})", None)], vec![Action::Redact]);
    assert_eq!(whole(&rules, &actions, "key=abcd key=1234"), "key=[KEY] [KEY]");
}

#[test]
fn other_groups_are_errors() {
    let kind = |pattern| RuleSet::build(vec![regex("one", pattern, None)]).expect_err("an error").remove(0).kind;
    assert_eq!(kind(r"a(?<key>b)"), BuildErrorKind::Groups);
    assert_eq!(kind(r"a(?<value>b)(?<other>c)"), BuildErrorKind::Groups);
    assert_eq!(kind(r"a(?<value>b{0,3})c"), BuildErrorKind::EmptyValue);
    assert!(
        matches!(kind(r"a(?<value>b)|(?<value>c)"), BuildErrorKind::Syntax(message) if message.contains("duplicate"))
    );
    assert!(RuleSet::build(vec![regex("one", r"(a)(?<value>(b)(c))(d)", None)]).is_ok());
}
