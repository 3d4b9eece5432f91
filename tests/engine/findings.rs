//! What is found, what is left alone, and what takes its place.

use blackbar::engine::{
    Action, BuildErrorKind, Detector, Keywords, Output, Pattern, RuleSet, StreamRedactor, Suppression, TermList,
    Validator,
};

use super::support::{keyword, regex, run, set, spec, usual, whole};

#[test]
fn values_in_text() {
    let (rules, actions) = usual();
    for (text, wanted) in [
        ("card 4111 1111 1111 1111.", "card **** **** **** 1111."),
        ("ssn 078-05-1120, itin 912-70-1234", "ssn ***-**-****, itin ***-**-****"),
        ("call (212) 555-0123 or +442079460958", "call (***) ***-0123 or +********0958"),
        ("mail jane@example.com!", "mail jane@***!"),
        ("key AKIAQQQQQQQQQQQQQQQQ.", "key [AWS]."),
        ("号码是4111111111111111请", "号码是************1111请"),
        ("4111111111111111 5555555555554444", "************1111 ************4444"),
        ("a@example.com,b@example.org", "a@***,b@***"),
        ("4111111111111111-jane@example.com", "****************-****@*******.***"),
        ("to AKIAQQQQQQQQQQQQQQQQ.jane@example.com", "to ********************.****@*******.***"),
        ("jane@4111111111111111.example.com", "jane@***"),
        ("+44 20 7946 0958 (212) 555-0123", "+** ** **** 0958 (***) ***-0123"),
        ("+44 (0)20 7946 0958 and +33 (1) 42 68 53 00", "+** (*)** **** 0958 and +** (*) ** ** 53 00"),
        ("4111 1111 1111 1112 and 123-45-67890", "4111 1111 1111 1112 and 123-45-67890"),
        ("2026-11-21T10:32:07Z 1726943028 0.4111111111111111", "2026-11-21T10:32:07Z 1726943028 0.4111111111111111"),
        ("", ""),
    ] {
        assert_eq!(whole(&rules, &actions, text), wanted);
    }
}

#[test]
fn a_blocked_value_inside_one_that_shows_a_part_stays_inside() {
    let (rules, actions) = set(
        vec![spec("card", Pattern::Detector(Detector::Card)), spec("email", Pattern::Detector(Detector::Email))],
        vec![Action::Block, Action::MaskDomain],
    );
    let text = b"4111111111111111-jane@example.com ";
    for cut in 0..text.len() {
        let result = run(&rules, &actions, &[&text[..cut], &text[cut..]]);
        assert_eq!(result.blocked, Some(0), "at {cut}");
        assert!(!result.text.starts_with(b"4"), "at {cut}");
    }
}

#[test]
fn an_endless_secret_leaves_as_one_word_in_constant_memory() {
    let (rules, actions) = usual();
    let secret = format!("sk-{}", "a".repeat(100_000));
    let text = format!("x {secret} y");
    let pieces: Vec<&[u8]> = text.as_bytes().chunks(7).collect();
    let result = run(&rules, &actions, &pieces);
    assert_eq!(result.text, b"x [SK] y");
    assert!(result.peak <= rules.holdback());
}

#[test]
fn redaction_is_idempotent() {
    let (rules, actions) = usual();
    let text = "4111 1111 1111 1111, 078-05-1120, (212) 555-0123, jane@example.com, AKIAQQQQQQQQQQQQQQQQ, EMP-123456";
    let once = whole(&rules, &actions, text);
    assert_eq!(whole(&rules, &actions, &once), once);
}

#[test]
fn a_blocked_value_never_leaves_at_any_split() {
    let (rules, actions) = set(
        vec![regex("key", r"\bKEY-[0-9]{6}", None), spec("mail", Pattern::Detector(Detector::Email))],
        vec![Action::Block, Action::Redact],
    );
    let text = b"mail a@b.com then KEY-123456 and more";
    for cut in 0..=text.len() {
        let result = run(&rules, &actions, &[&text[..cut], &text[cut..]]);
        assert_eq!(result.blocked, Some(0), "at {cut}");
        assert_eq!(result.text, b"mail [MAIL] then ", "at {cut}");
    }
}

#[test]
fn observing_changes_nothing_and_hides_nothing() {
    let specs = || vec![regex("wide", "id [0-9 -]{10,24}", None), spec("card", Pattern::Detector(Detector::Card))];
    let (rules, actions) = set(specs(), vec![Action::Observe, Action::Redact]);
    let result = run(&rules, &actions, &[b"id 4111 1111 1111 1111 x"]);
    assert_eq!(result.text, b"id [CARD] x");
    assert_eq!(result.findings.len(), 2);
    let (rules, actions) = set(specs(), vec![Action::Off, Action::Observe]);
    let result = run(&rules, &actions, &[b"id 4111 1111 1111 1111 x"]);
    assert_eq!(result.text, b"id 4111 1111 1111 1111 x");
    assert_eq!(result.findings.len(), 1);
}

/// What was let pass covers what it covered when it was held: the rules that lost to it change nothing of it.
#[test]
fn what_is_approved_passes_whole_and_hides_what_it_hid() {
    let specs = || {
        vec![
            spec("card", Pattern::Detector(Detector::Card)),
            regex("named", "4111 1111 1111 1111", None),
            regex("inside", "11 11", None),
            regex("tail", "1111 X[0-9]{3}", None),
        ]
    };
    let text = "is 4111 1111 1111 1111 X123, 11 11";
    let held = [Action::Quarantine, Action::Quarantine, Action::Mask, Action::Quarantine];
    let (rules, actions) = set(specs(), held.to_vec());
    let before = run(&rules, &actions, &[text.as_bytes()]);
    assert_eq!(before.text, b"is [CARD][TAIL], ** **");
    let (rules, actions) = set(specs(), [&[Action::Approved], &held[1..]].concat());
    for cut in 0..=text.len() {
        let (first, second) = text.as_bytes().split_at(cut);
        let after = run(&rules, &actions, &[first, second]);
        assert_eq!(String::from_utf8_lossy(&after.text), "is 4111 1111 1111 1111[TAIL], ** **", "at {cut}");
        assert_eq!(after.findings, before.findings, "at {cut}");
    }
    // What blocks does so within it, too.
    let blocking = vec![Action::Approved, Action::Off, Action::Block, Action::Off];
    let (rules, actions) = set(specs(), blocking);
    assert_eq!(run(&rules, &actions, &[text.as_bytes()]).blocked, Some(2));
}

#[test]
fn the_union_of_overlaps_is_covered() {
    let (rules, actions) = set(
        vec![regex("one", "abcdef", None), regex("two", "defghi", None), regex("three", "hijkl", None)],
        vec![Action::Redact, Action::Mask, Action::Redact],
    );
    assert_eq!(whole(&rules, &actions, "-abcdefghijkl-"), "-[ONE]***[THREE]-");
}

#[test]
fn an_expression_may_end_where_the_text_does() {
    for (pattern, text, wanted) in [
        (r"x+$", "abxx", "ab[ENDS]"),
        (r"x+$", "x", "[ENDS]"),
        (r"x+$", "xxxxxxx", "xx[ENDS]"),
        (r"x+$", "xx y", "xx y"),
        (r"\bID[0-9]{3}$", "ID123 ID456", "ID123 [ENDS]"),
        (r"(?:EMP|key)-[a-z]{2}\z", "key-ab", "[ENDS]"),
    ] {
        let (rules, actions) =
            set(vec![regex("ends", pattern, Some(5).filter(|_| pattern == "x+$"))], vec![Action::Redact]);
        for cut in 0..=text.len() {
            let (left, right) = text.as_bytes().split_at(cut);
            let result = run(&rules, &actions, &[left, right]);
            assert_eq!(String::from_utf8_lossy(&result.text), wanted, "{pattern} at {cut}");
        }
        let mut redactor = StreamRedactor::new(rules, actions);
        let mut out = Output::default();
        redactor.push_last(text.as_bytes(), &mut out).unwrap();
        assert_eq!(String::from_utf8_lossy(&out.bytes), wanted, "{pattern} in one call");
    }
}

/// An apostrophe between letters is a part of an address, and the second letter may come later.
#[test]
fn an_apostrophe_at_the_end_of_a_push_is_held() {
    let (rules, actions) = set(vec![spec("mail", Pattern::Detector(Detector::Email))], vec![Action::Redact]);
    for (text, wanted) in [
        ("to mary.o'neil@example.com", "to [MAIL]"),
        ("to d'arcy.o'neil@example.com", "to [MAIL]"),
        ("it's jane@example.com", "it's [MAIL]"),
    ] {
        for cut in 0..=text.len() {
            let (left, right) = text.as_bytes().split_at(cut);
            assert_eq!(run(&rules, &actions, &[left, right]).text, wanted.as_bytes(), "{text} at {cut}");
        }
        let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
        assert_eq!(run(&rules, &actions, &bytes).text, wanted.as_bytes(), "{text}");
    }
}

#[test]
fn keywords_validators_and_suppressions() {
    let mut near = regex("near", "[0-9]{9}", None);
    near.keywords = keyword("ssn", 20, 0);
    let mut luhn = regex("luhn", r"\bL[0-9]{4}\b", None);
    luhn.validator = Validator::by_name("luhn");
    let mut mail = spec("mail", Pattern::Detector(Detector::Email));
    mail.suppressions = vec![
        Suppression::EmailDomain("acme.com".to_owned()),
        Suppression::EmailDomain("*.acme.com".to_owned()),
        Suppression::Value("info@example.com".to_owned()),
    ];
    let mut late = regex("late", "N[0-9]{3}", None);
    late.keywords = Some(Keywords { words: vec!["badge".to_owned()], before: 0, after: 12 });
    let (rules, actions) = set(vec![near, luhn, mail, late], vec![Action::Redact; 4]);
    for (text, wanted) in [
        ("SSN: 078051120", "SSN: [NEAR]"),
        ("my ssn, which I never give, is 078051120", "my ssn, which I never give, is 078051120"),
        ("assn 078051120", "assn 078051120"),
        ("L0018 L0019", "[LUHN] L0019"),
        ("a@acme.com b@x.ACME.com c@notacme.com info@example.com", "a@acme.com b@x.ACME.com [MAIL] info@example.com"),
        ("N123 is a badge. N124 is not", "[LATE] is a badge. N124 is not"),
        ("N123 badges", "N123 badges"),
    ] {
        assert_eq!(whole(&rules, &actions, text), wanted);
        for cut in 0..text.len() {
            let result = run(&rules, &actions, &[&text.as_bytes()[..cut], &text.as_bytes()[cut..]]);
            assert_eq!(result.text, wanted.as_bytes(), "{text} at {cut}");
        }
    }
}

#[test]
fn terms_in_text() {
    let values = TermList::new(["Jane Doe", "Acme Holding", "Müller"]).expect("three terms");
    let (rules, actions) = set(vec![spec("name", Pattern::Terms(values))], vec![Action::Redact]);
    assert_eq!(whole(&rules, &actions, "JANE DOE met müller of acme holdings"), "[NAME] met [NAME] of acme holdings");
}

#[test]
fn terms_alone_are_found_in_other_spellings() {
    let values = TermList::new(["Jane Doe", "Müller"]).expect("two terms");
    let (rules, actions) = set(vec![spec("name", Pattern::Terms(values))], vec![Action::Redact]);
    for (text, wanted) in [
        ("name=Jane%20Doe&x=1", "name=%5BNAME%5D&x=1"),
        ("M&#252;ller, J", "[NAME], J"),
        (r"J\u00e4n M\u00fcller", r"J\u00e4n [NAME]"),
    ] {
        assert_eq!(whole(&rules, &actions, text), wanted);
    }
}

#[test]
fn rules_that_do_not_compile_are_all_named() {
    let errors = RuleSet::build(vec![
        regex("a.syntax", "(", None),
        regex("a.empty", "x*", None),
        regex("a.unbounded", "x+", None),
        regex("a.long", "x+", Some(1 << 20)),
        regex("a.large", r"[\w&&\D]{1,9000}", None),
        regex("a.fine", "xy", None),
    ])
    .expect_err("five do not compile");
    let kinds: Vec<_> = errors.iter().map(|error| (error.rule.as_str(), &error.kind)).collect();
    assert!(matches!(
        kinds.as_slice(),
        [
            ("a.syntax", BuildErrorKind::Syntax(_)),
            ("a.empty", BuildErrorKind::MatchesEmpty),
            ("a.unbounded", BuildErrorKind::Unbounded),
            ("a.long", BuildErrorKind::TooLong { .. }),
            ("a.large", BuildErrorKind::TooLarge { .. } | BuildErrorKind::TooLong { .. }),
        ]
    ));
}
