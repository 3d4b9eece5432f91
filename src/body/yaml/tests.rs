#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic here is a failed test")]

use proptest::prelude::*;

use super::*;
use crate::engine::{Action, Detector, EntityType, Pattern, RuleId, RuleSet, RuleSpec};

fn scopes(actions: &[Action; 2]) -> Arc<Scopes> {
    let rule = |id: &str, pattern| RuleSpec {
        id: RuleId::new(id),
        entity: EntityType::new("X"),
        pattern,
        validator: None,
        keywords: None,
        suppressions: Vec::new(),
        priority: 0,
        confidence: 80,
    };
    let badge = Pattern::Regex { pattern: String::from(r#"["']?EMP-[0-9]{6}\b"#), max_len: None };
    let field = Pattern::Field { names: vec![String::from("password")], max_len: None };
    let ssn = RuleSpec {
        keywords: Some(crate::engine::Keywords { words: vec![String::from("ssn")], before: 20, after: 0 }),
        ..rule("ssn", Pattern::Regex { pattern: String::from(r"\b[0-9]{9}\b"), max_len: None })
    };
    let rules = RuleSet::build(vec![
        rule("card", Pattern::Detector(Detector::Card)),
        rule("badge", badge),
        rule("pw", field),
        ssn,
    ]);
    let [card, badge] = actions.clone();
    let actions = ActionTable::new(vec![card, badge, Action::Redact, Action::Mask], None);
    Arc::new(Scopes {
        rules: Arc::new(rules.unwrap()),
        actions: Arc::new(actions),
        paths: Vec::new(),
        tools: None,
        restore: None,
    })
}

fn run_in(scopes: &Scopes, chunks: &[&[u8]]) -> (String, Inspection) {
    let (mut body, mut out, mut seen) = (YamlBody::new(scopes), Vec::new(), Inspection::default());
    for chunk in chunks {
        body.push(chunk, &mut out, &mut seen).unwrap();
    }
    body.finish(&mut out, &mut seen).unwrap();
    assert_eq!(body.held(), 0);
    (String::from_utf8(out).unwrap(), seen)
}

#[test]
fn escapes_are_read_as_what_they_stand_for() {
    let scopes = scopes(&[Action::Redact, Action::Redact]);
    for (body, wanted) in [
        ("a: \"4111\\_1111\\ 1111\\_1111\"\n", "a: \"[X]\"\n"),
        ("a: \"\\ 4111\\xa01111 1111\\U000000A01111\\_\"\n", "a: \"\\ [X]\\_\"\n"),
        ("a: \"EMP\\U0000002d123456\"\n", "a: \"[X]\"\n"),
        ("a: \"4111 1111 \\\n  \\_1111 1111\"\n", "a: \"[X]\"\n"),
        ("a: \"4111 1111\\\n  \\_1111 1111\"\n", "a: \"[X]\"\n"),
        ("a: 4111\\_1111\\_1111\\_1111\n", "a: 4111\\_1111\\_1111\\_1111\n"),
        ("a: '4111\\_1111\\_1111\\_1111'\n", "a: '4111\\_1111\\_1111\\_1111'\n"),
    ] {
        assert_eq!(run(&scopes, body), wanted, "{body}");
    }
}

/// Runs a body whole and at every split, which must agree.
fn run(scopes: &Scopes, body: &str) -> String {
    let whole = run_in(scopes, &[body.as_bytes()]).0;
    for at in 0..=body.len() {
        let (first, second) = body.as_bytes().split_at(at);
        assert_eq!(run_in(scopes, &[first, second]).0, whole, "{body} at {at}");
    }
    whole
}

const CARD: &str = "4111111111111111";

#[test]
fn plain_scalars_that_would_begin_with_an_indicator_get_quotes() {
    let scopes = scopes(&[Action::KeepLast4, Action::Redact]);
    for (body, wanted) in [
        ("card: 4111111111111111\n", "card: '************1111'\n"),
        ("card: 4111111111111111", "card: '************1111'"),
        ("- 4111111111111111 # card\n- - EMP-123456\n", "- '************1111' # card\n- - '[X]'\n"),
        ("4111111111111111: a\n", "'************1111': a\n"),
        ("? 4111111111111111\n: EMP-123456\n", "? '************1111'\n: '[X]'\n"),
        ("a: EMP-123456 isn't: here\nb: 1\n", "a: '[X] isn''t': here\nb: 1\n"),
        ("a: EMP-123456 and\n  more  \n\n  of it\nb: 1\n", "a: '[X] and\n  more  \n\n  of it'\nb: 1\n"),
        ("a:\n  EMP-123456\n  more\nb: 1\n", "a:\n  '[X]\n  more'\nb: 1\n"),
        ("a: EMP-123456 \r\nb: 1\r\n", "a: '[X]' \r\nb: 1\r\n"),
        ("a: EMP-123456\n# EMP-123456\nb: 1\n", "a: '[X]'\n# [X]\nb: 1\n"),
        ("a: my EMP-123456 b\n", "a: my [X] b\n"),
        ("[EMP-123456, my EMP-123456, {EMP-123456: 'x EMP-123456'}]\n", "['[X]', my (X), {'[X]': 'x [X]'}]\n"),
        ("a: [1,\n  EMP-123456\n ]\n", "a: [1,\n  '[X]'\n ]\n"),
        ("a: !!str &x EMP-123456\n", "a: !!str &x '[X]'\n"),
        ("--- EMP-123456\n---\nEMP-123456\n...\n", "--- '[X]'\n---\n'[X]'\n...\n"),
        ("url: x:EMP-123456:y\n", "url: x:[X]:y\n"),
    ] {
        assert_eq!(run(&scopes, body), wanted);
    }
}

/// A match may reach over the sign that ends its scalar, and what the sign ends stays ended.
#[test]
fn signs_that_give_way_with_a_value_stay() {
    let greedy = Pattern::Regex { pattern: String::from(r"pw=[^ \n]{1,40}|qw=[^\n]{1,40}"), max_len: None };
    let base = scopes(&[Action::Observe, Action::Redact]);
    let rule = |pattern| RuleSpec {
        id: RuleId::new("t.pw"),
        entity: EntityType::new("X"),
        pattern,
        validator: None,
        keywords: None,
        suppressions: Vec::new(),
        priority: 0,
        confidence: 80,
    };
    let rules = RuleSet::build(vec![rule(greedy)]).unwrap();
    let actions = ActionTable::new(vec![Action::Redact], None);
    let scopes = Scopes { rules: Arc::new(rules), actions: Arc::new(actions), ..(*base).clone() };
    for (body, wanted) in [
        ("args: [--x, a pw=hunter2]\nb: 1\n", "args: [--x, a (X)]\nb: 1\n"),
        ("args: [a pw=hunter2, --x]\n", "args: [a (X), --x]\n"),
        ("args: [pw=hunter2, --x]\n", "args: ['[X]', --x]\n"),
        ("args: {a: pw=hunter2}\nb: 1\n", "args: {a: '[X]'}\nb: 1\n"),
        ("- a pw=hunter2:\n    x: y\n", "- a [X]:\n    x: y\n"),
        ("a pw=hunter2: x\n", "a [X]: x\n"),
        ("pw=hunter2: x\n", "'[X]': x\n"),
        ("a: 'x pw=hunter2]'\n", "a: 'x [X]'\n"),
        // Where it begins in a name, what sets that off stays, too.
        ("x: [&pw=abc, d]\n", "x: [&_X_, d]\n"),
        ("x: {a: !pw=abc}\nb: 1\n", "x: {a: !_X_}\nb: 1\n"),
        ("x: [*pw=a, *b]\n", "x: [*_X_, *b]\n"),
        ("x: &qw=abc def\nb: 1\n", "x: &_X_ \nb: 1\n"),
        ("x: [!qw=a b, c]\nb: 1\n", "x: [!_X_ ,]\nb: 1\n"),
        ("x: !qw=a y: z\nb: 1\n", "x: !_X_ : \nb: 1\n"),
        ("x: &pw=abc\n  d\n", "x: &_X_\n  d\n"),
    ] {
        assert_eq!(run(&scopes, body), wanted);
    }
}

#[test]
fn quoted_and_block_scalars_stay_what_they_are() {
    let scopes = scopes(&[Action::KeepLast4, Action::Replace("it's \"\\ #: x".into())]);
    for (body, wanted) in [
        ("a: \"EMP-123456\" # b\n", "a: \"it's \\\"\\\\ #: x\" # b\n"),
        ("a: 'x EMP-123456'\n", "a: 'x it''s \"\\ #: x'\n"),
        ("a: \"x \\\" EMP-123456 \\x34111111111111111\"\n", "a: \"x \\\" it's \\\"\\\\ #: x ************1111\"\n"),
        ("a: EMP-123456\n", "a: 'it''s \"\\ #: x'\n"),
        ("a: x EMP-123456\n", "a: x it's \"\\ *. x\n"),
        (
            "a: |\n  \"x\n  EMP-123456\n\n   - y\nb: EMP-123456\n",
            "a: |\n  \"x\n  it's \"\\ #: x\n\n   - y\nb: 'it''s \"\\ #: x'\n",
        ),
        ("- >-\n 4111 1111\n 1111 1111\n- EMP-123456", "- >-\n **** ****\n **** 1111\n- 'it''s \"\\ #: x'"),
        (
            "a: |2\n    4111111111111111\n  x\n4111111111111111: 1\n",
            "a: |2\n    ************1111\n  x\n'************1111': 1\n",
        ),
        ("a: |\nb: 4111111111111111\n", "a: |\nb: '************1111'\n"),
    ] {
        assert_eq!(run(&scopes, body), wanted);
    }
}

/// Keys are the labels of their values, wherever those stand; what is a key has none.
#[test]
fn keys_reach_their_values() {
    let scopes = scopes(&[Action::KeepLast4, Action::Redact]);
    for (body, wanted) in [
        ("password: a b, c & d # e\n", "password: '[X]' # e\n"),
        ("password:\n  a b\n  c\nb: 1\n", "password:\n  '[X]'\nb: 1\n"),
        ("password: |+\n  a b\n  c\n\nb: 1\n", "password: |+\n  [X]\n\nb: 1\n"),
        ("password: >2-\n    a b\n  c\n", "password: >2-\n    [X]\n"),
        ("password: !!str \"a \\\" b\"\n", "password: !!str \"[X]\"\n"),
        ("password: &p 'it''s'\nb: *p\n", "password: &p '[X]'\nb: *p\n"),
        ("\"password\" : a b\n", "\"password\" : '[X]'\n"),
        ("? password\n: a b\n", "? password\n: '[X]'\n"),
        (
            "{a: b, password: a b, 'password':'c, d', \"password\":e, x: [a]}\n",
            "{a: b, password: '[X]', 'password':'[X]', \"password\":'[X]', x: [a]}\n",
        ),
        ("password: [a b, c]\nx: a b\n", "password: ['[X]', '[X]']\nx: a b\n"),
        ("password:\n- a b\n- c: d\nx: a b\n", "password:\n- '[X]'\n- c: d\nx: a b\n"),
        ("password:\n  type: string\n", "password:\n  type: string\n"),
        (
            "- name: password\n  value: a b\n- name: x\n  value: a b\n- value: a b\n",
            "- name: password\n  value: '[X]'\n- name: x\n  value: a b\n- value: a b\n",
        ),
        ("- {name: password, value: a b}\n- {value: a b}\n", "- {name: password, value: '[X]'}\n- {value: a b}\n"),
        (
            "ssn:\n  - 078051120\n  - !!str 078051120\nn: 078051120\n",
            "ssn:\n  - '*********'\n  - !!str '*********'\nn: 078051120\n",
        ),
        ("ssn: >\n  is\n  078051120\n", "ssn: >\n  is\n  *********\n"),
        (
            "a:\n  ssn:\n    b:\n      078051120\n  c: 078051120\n",
            "a:\n  ssn:\n    b:\n      '*********'\n  c: 078051120\n",
        ),
    ] {
        assert_eq!(run(&scopes, body), wanted, "{body}");
    }
}

/// Names are read as their readers read them: with escapes undone, in blocks, behind question marks.
#[test]
fn keys_are_read_without_their_escapes() {
    let scopes = scopes(&[Action::KeepLast4, Action::Redact]);
    for (body, wanted) in [
        ("\"pass\\u0077ord\": a b\n", "\"pass\\u0077ord\": '[X]'\n"),
        ("\"\\U00000070assword\" : 'a b'\n", "\"\\U00000070assword\" : '[X]'\n"),
        ("\"the\\ password\" : 'a b'\n", "\"the\\ password\" : '[X]'\n"),
        ("\"\\x70assword\" : 'a b'\n", "\"\\x70assword\" : '[X]'\n"),
        ("{\"\\U00000070assword\": a b}\n", "{\"\\U00000070assword\": '[X]'}\n"),
        ("- \"n\\x61me\": \"p\\x61ssword\"\n  value: a b\n", "- \"n\\x61me\": \"p\\x61ssword\"\n  value: '[X]'\n"),
        ("'pass\\u0077ord': a b\n", "'pass\\u0077ord': a b\n"),
        ("\"\\qpassword\\x7\": a b\n", "\"\\qpassword\\x7\": a b\n"),
        ("? |\n  password\n: a b\n", "? |\n  password\n: '[X]'\n"),
        ("? >-\n  my\n  password\n: a b\n", "? >-\n  my\n  password\n: '[X]'\n"),
        ("? \"pass\\\n  word\"\n: a b\n", "? \"pass\\\n  word\"\n: '[X]'\n"),
    ] {
        assert_eq!(run(&scopes, body), wanted, "{body}");
    }
    let escapes = br#"\0\a\b\t\n\v\f\r\e\ \"\/\\\N\_\L\P\x41\u20ac\U0001F600\uD800\x\q"#;
    let wanted = "\0\u{7}\u{8}\t\n\u{b}\u{c}\r\u{1b} \"/\\\u{85}\u{a0}\u{2028}\u{2029}A\u{20ac}\u{1f600}\\uD800\\x\\q";
    assert_eq!(names::unescape(escapes), wanted.as_bytes());
}

/// An alias says nothing that its anchor has not said. What is found in a name gives way so that it stays one.
#[test]
fn aliases_stay_where_their_anchors_have() {
    let scopes = scopes(&[Action::KeepLast4, Action::Redact]);
    for (body, wanted) in [
        ("x: &env_var1 y\npassword: *env_var1\n", "x: &env_var1 y\npassword: *env_var1\n"),
        ("x: &a:b y\npassword: [*a:b, *a]\n", "x: &a:b y\npassword: [*a:b, '[X]']\n"),
        ("{x: &a y, password: *a}\n", "{x: &a y, password: *a}\n"),
        // Of no anchor before it, or of more words than one, it is text.
        ("password: *env_var1\nx: &env_var1 y\n", "password: '[X]'\nx: &env_var1 y\n"),
        ("x: &a y\npassword: *a b\n", "x: &a y\npassword: '[X]'\n"),
        ("x: &a y\npassword: *a\n  b\n", "x: &a y\npassword: '[X]'\n"),
        ("x: &a y\npassword: '*a'\n", "x: &a y\npassword: '[X]'\n"),
        ("x: &a y\n*a : 4111111111111111\n", "x: &a y\n*a : '************1111'\n"),
        // Tags are no values, and what is found in a name leaves a name.
        ("password: !env_var1 a b\n", "password: !env_var1 '[X]'\n"),
        ("password: !!binary YSBi\n", "password: !!binary '[X]'\n"),
        ("x: &EMP-123456 y\nz: *EMP-123456\n", "x: &_X_ y\nz: *_X_\n"),
        ("x: &a-EMP-123456 y\nz: *a-EMP-123456\n", "x: &a-_X_ y\nz: *a-_X_\n"),
        ("x: !4111111111111111 y\n", "x: !____________1111 y\n"),
        ("x: !EMP-123456 y\n", "x: !_X_ y\n"),
        ("x: &4111111111111111 y\n", "x: &____________1111 y\n"),
    ] {
        assert_eq!(run(&scopes, body), wanted, "{body}");
    }
    let many: String = (0..80).map(|at| format!("- &a{at} b\n")).collect();
    let (out, _) = run_in(&scopes, &[format!("{many}- password: *a3\n- password: *a79\n").as_bytes()]);
    assert_eq!(out, format!("{many}- password: *a3\n- password: '[X]'\n"));
}

/// Whether an alias stays does not depend on where the body is cut, nor on how much of it is found.
#[test]
fn an_alias_is_judged_whole() {
    let scopes = scopes(&[Action::KeepLast4, Action::Redact]);
    let far = "some words that stand between\n  and more of them\n";
    for (body, wanted) in [
        ("x: &k-078051120-yy z\nt: FAR\nssn: *k-078051120-yy\nb: 1\n", None),
        ("x: &k-078051120-yy z\nt: FAR\nssn: *k-078051120-yy", None),
        ("x: &k-078051120 z\nt: FAR\nssn: [*k-078051120, *k-078051120]\nb: 1\n", None),
        (
            "x: &k-078051121 z\nt: FAR\nssn: *k-078051120-yy\n",
            Some("x: &k-078051121 z\nt: FAR\nssn: *k-_________-yy\n"),
        ),
    ] {
        let body = body.replace("FAR\n", far);
        let wanted = wanted.map_or(body.clone(), |wanted| wanted.replace("FAR\n", far));
        assert_eq!(run(&scopes, &body), wanted);
    }
    // Parts of one long match are one, wherever they were cut.
    let base = scopes;
    let long = Pattern::Regex { pattern: String::from(r"BEGIN[^!]{0,4000}!"), max_len: None };
    let rule = RuleSpec {
        id: RuleId::new("t.long"),
        entity: EntityType::new("X"),
        pattern: long,
        validator: None,
        keywords: None,
        suppressions: Vec::new(),
        priority: 0,
        confidence: 80,
    };
    for action in [Action::Redact, Action::Mask] {
        let rules = Arc::new(RuleSet::build(vec![rule.clone()]).unwrap());
        let actions = Arc::new(ActionTable::new(vec![action], None));
        let scopes = Scopes { rules, actions, ..(*base).clone() };
        let body = format!("a: &b c\nd: BEGIN {}\ne: *b\nf: {}\ng: *b\n", "x ".repeat(600), "y ".repeat(600));
        for body in [format!("{body}h: 1!\n"), body] {
            let whole = run_in(&scopes, &[body.as_bytes()]);
            assert_eq!(whole.0.contains("e: *b"), !body.contains('!'));
            for len in [1, 7, 64, 1000] {
                let chunks: Vec<_> = body.as_bytes().chunks(len).collect();
                assert_eq!(run_in(&scopes, &chunks).0, whole.0, "{len}");
            }
        }
    }
}

/// Nothing is counted of an alias that stays, and it blocks nothing; what is found beyond it does.
#[test]
fn an_alias_that_stays_is_no_finding() {
    let base = scopes(&[Action::Observe, Action::Observe]);
    let scopes = |action: &Action| {
        let actions = vec![Action::Observe, Action::Observe, action.clone(), action.clone()];
        Scopes { actions: Arc::new(ActionTable::new(actions, None)), ..(*base).clone() }
    };
    let far = "some words that stand between and more of them";
    for body in [
        String::from("x: &env y\npassword: *env\nb: 1\n"),
        String::from("x: &env y\n{password: [*env, *env], a: b}\n"),
        format!("x: &k-078051120 z\nt: {far}\nssn: *k-078051120\nb: 1\n"),
    ] {
        for action in [Action::Redact, Action::Observe, Action::Block] {
            let scopes = scopes(&action);
            assert_eq!(run(&scopes, &body), body);
            let (_, seen) = run_in(&scopes, &[body.as_bytes()]);
            assert_eq!(seen.findings, [], "{body}");
        }
    }
    for body in [
        String::from("x: &env y\npassword: *env b\nb: 1\n"),
        String::from("x: &env y\npassword: *other\nb: 1\n"),
        format!("x: &k-078051120 z\nt: {far}\nssn: *k-078051120, 078051120\nb: 1\n"),
    ] {
        let scopes = scopes(&Action::Block);
        for at in 0..body.len() {
            let (mut yaml, mut out, mut seen) = (YamlBody::new(&scopes), Vec::new(), Inspection::default());
            let (first, second) = body.as_bytes().split_at(at);
            let pushed = yaml
                .push(first, &mut out, &mut seen)
                .and_then(|()| yaml.push(second, &mut out, &mut seen))
                .and_then(|()| yaml.finish(&mut out, &mut seen));
            let left = String::from_utf8_lossy(&out);
            assert!(
                pushed.is_err() && !left.contains("*env b") && !left.contains(", 078") && !left.contains("*o"),
                "{body} at {at}"
            );
            assert_eq!(seen.findings.len(), 1);
        }
    }
}

/// What blocks within something that gives way for another reason blocks.
#[test]
fn what_blocks_is_not_hidden() {
    let base = scopes(&[Action::Observe, Action::Observe]);
    let actions = vec![Action::Block, Action::Observe, Action::Redact, Action::Mask];
    let scopes = Scopes { actions: Arc::new(ActionTable::new(actions, None)), ..(*base).clone() };
    for body in ["password: a 4111111111111111 b\n", "a: 'x 4111111111111111'\n", "? 4111111111111111\n: password\n"] {
        for at in 0..body.len() {
            let (mut yaml, mut out, mut seen) = (YamlBody::new(&scopes), Vec::new(), Inspection::default());
            let (first, second) = body.as_bytes().split_at(at);
            let pushed = yaml
                .push(first, &mut out, &mut seen)
                .and_then(|()| yaml.push(second, &mut out, &mut seen))
                .and_then(|()| yaml.finish(&mut out, &mut seen));
            assert!(pushed.is_err() && !String::from_utf8_lossy(&out).contains("4111"), "{body} at {at}");
        }
    }
}

/// In brackets and behind question marks keys have as many lines and bytes as they like.
#[test]
fn long_keys_reach_their_values() {
    let scopes = scopes(&[Action::KeepLast4, Action::Redact]);
    for (body, wanted) in [
        ("{ \"my\n password\": a b }\n", "{ \"my\n password\": '[X]' }\n"),
        ("{ 'my\n password' : a b, x: a b }\n", "{ 'my\n password' : '[X]', x: a b }\n"),
        ("{ my\n password: a b }\n", "{ my\n password: '[X]' }\n"),
        ("{ \"password\"\n : a b }\n", "{ \"password\"\n : '[X]' }\n"),
        ("{ \"password\" # c: d\n\n : a b }\n", "{ \"password\" # c: d\n\n : '[X]' }\n"),
        ("{\"pass\\\n word\":a b}\n", "{\"pass\\\n word\":'[X]'}\n"),
        ("[password: a b, a b]\n", "[password: '[X]', a b]\n"),
        ("password: [x: a b, a b]\n", "password: [x: a b, '[X]']\n"),
        ("{ ? \"my\n password\"\n : a b }\n", "{ ? \"my\n password\"\n : '[X]' }\n"),
        ("{ a: \"x\n y\", password: 'c\n def' }\n", "{ a: \"x\n y\", password: '[X]' }\n"),
    ] {
        assert_eq!(run(&scopes, body), wanted, "{body}");
    }
    for long in ["x ".repeat(520), "x ".repeat(1100), "\\x41".repeat(700)] {
        for (before, after) in
            [("? \"", "password\"\n: a b\n"), ("{\"", "password\": a b}\n"), ("{\"", "password\"\n: a b}\n")]
        {
            let body = format!("{before}{long} {after}");
            let whole = run_in(&scopes, &[body.as_bytes()]);
            assert_eq!(whole.0, body.replace("a b", "'[X]'"));
            for len in [1, 10, 1000] {
                let chunks: Vec<_> = body.as_bytes().chunks(len).collect();
                assert_eq!(run_in(&scopes, &chunks).0, whole.0, "{len}");
            }
        }
    }
}

/// What a scalar is called when it is found to be a key does not depend on where the body is cut.
#[test]
fn a_key_that_is_too_long_is_a_text_in_any_chunking() {
    let scopes = scopes(&[Action::KeepLast4, Action::Redact]);
    for body in [
        format!("password:\n  {}: y\n", "x".repeat(1010)),
        format!("password:\n  {}: y\n", "x".repeat(1023)),
        format!("password:\n  {}: y\n", "x".repeat(1024)),
        format!("password:\n  ? |\n    {}\n  : y\n", "x".repeat(100)),
    ] {
        let whole = run_in(&scopes, &[body.as_bytes()]);
        for len in [1, 10, 1000] {
            let chunks: Vec<_> = body.as_bytes().chunks(len).collect();
            assert_eq!(run_in(&scopes, &chunks).0, whole.0, "{len}");
        }
    }
}

/// An alias that is a key or a name says what stands behind its anchor.
#[test]
fn aliases_are_labels() {
    let scopes = scopes(&[Action::KeepLast4, Action::Redact]);
    for (body, wanted) in [
        ("x: &pw password\n*pw : a b\n", "x: &pw password\n*pw : '[X]'\n"),
        ("x: &pw !!str \"pass\\x77ord\"\n*pw : a b\n", "x: &pw !!str \"pass\\x77ord\"\n*pw : '[X]'\n"),
        ("{x: &pw password, *pw : a b}\n", "{x: &pw password, *pw : '[X]'}\n"),
        ("- &pw password\n- ? *pw\n  : a b\n", "- &pw password\n- ? *pw\n  : '[X]'\n"),
        ("- &n password\n- name: *n\n  value: a b\n", "- &n password\n- name: *n\n  value: '[X]'\n"),
        ("x: &pw |\n  password\n*pw : a b\n", "x: &pw |\n  password\n*pw : '[X]'\n"),
        ("&pw password: a b\n*pw : c d\n", "&pw password: '[X]'\n*pw : '[X]'\n"),
        // The last anchor of a name counts.
        ("x: &pw password\ny: &pw user\n*pw : a b\n", "x: &pw password\ny: &pw user\n*pw : a b\n"),
        ("x: &pw user\n*other : a b\n", "x: &pw user\n*other : a b\n"),
        ("x: &pw [password]\n*pw : a b\n", "x: &pw [password]\n*pw : a b\n"),
    ] {
        assert_eq!(run(&scopes, body), wanted, "{body}");
    }
    let many: String = (0..80).map(|at| format!("- &a{at} password\n")).collect();
    let (out, _) = run_in(&scopes, &[format!("{many}- *a3 : a b\n- *a79 : a b\n").as_bytes()]);
    assert_eq!(out, format!("{many}- *a3 : a b\n- *a79 : '[X]'\n"));
}

/// Of a value that refuses the body nothing leaves, wherever the body is cut.
#[test]
fn what_refuses_a_body_does_not_leave() {
    let base = scopes(&[Action::Observe, Action::Observe]);
    let actions = vec![Action::Observe, Action::Observe, Action::Block, Action::Mask];
    let scopes = Scopes { actions: Arc::new(ActionTable::new(actions, None)), ..(*base).clone() };
    let body = format!("a: b\npassword: hunter2\n{}", "c: some more words\n".repeat(300));
    for at in 0..40 {
        let (mut yaml, mut out, mut seen) = (YamlBody::new(&scopes), Vec::new(), Inspection::default());
        let (first, second) = body.as_bytes().split_at(at);
        let pushed = yaml.push(first, &mut out, &mut seen).and_then(|()| yaml.push(second, &mut out, &mut seen));
        assert!(pushed.is_err() && !String::from_utf8_lossy(&out).contains("hunter"), "{at}");
        assert!(!seen.findings.is_empty(), "{at}");
    }
}

/// What readers fold into one line is one text.
#[test]
fn values_are_found_over_the_lines_of_a_scalar() {
    let scopes = scopes(&[Action::KeepLast4, Action::Redact]);
    for (body, wanted) in [
        ("a: >\n  4111 1111\n  1111\n  1111\n", "a: >\n  **** ****\n  ****\n  1111\n"),
        ("a: \"4111 1111 \\\n   1111 1111\"\n", "a: \"**** **** \n   **** 1111\"\n"),
        ("a: 4111\n  1111\n\n  1111 1111\n", "a: '****\n  ****\n\n  **** 1111'\n"),
        ("a: 'EMP-\n  123456'\n", "a: 'EMP-\n  123456'\n"),
        ("a: \"EMP-\\\n  123456\"\n", "a: \"[X]\"\n"),
        ("a: [4111\n 1111, 4111\n 1111 1111 1111]\n", "a: [4111\n 1111, '****\n **** **** 1111']\n"),
    ] {
        assert_eq!(run(&scopes, body), wanted, "{body}");
    }
}

/// A scalar is no key from 1,024 bytes on.
#[test]
fn a_scalar_that_may_be_a_key_is_bounded() {
    let scopes = scopes(&[Action::KeepLast4, Action::Redact]);
    let body = format!("a: {}", "word ".repeat(10_000));
    let mut yaml = YamlBody::new(&scopes);
    let (mut out, mut seen) = (Vec::new(), Inspection::default());
    for chunk in body.as_bytes().chunks(64) {
        yaml.push(chunk, &mut out, &mut seen).unwrap();
        assert!(yaml.held() < 1024 + 512, "{}", yaml.held());
    }
    yaml.finish(&mut out, &mut seen).unwrap();
    assert_eq!(out, body.as_bytes());
}

#[test]
fn blanks_behind_a_scalar_are_bounded() {
    let scopes = scopes(&[Action::KeepLast4, Action::Redact]);
    let body = format!("a: {CARD}{}b\n", " ".repeat(BLANKS + 10));
    let mut yaml = YamlBody::new(&scopes);
    let (mut out, mut seen) = (Vec::new(), Inspection::default());
    for chunk in body.as_bytes().chunks(64) {
        yaml.push(chunk, &mut out, &mut seen).unwrap();
        assert!(yaml.held() < BLANKS + 1024);
    }
    yaml.finish(&mut out, &mut seen).unwrap();
    assert!(out.starts_with(b"a: '************1111"));
    for (before, after) in [("a: \"x\"", "\nb: 1\n"), ("{\"x\"", ": 1}\n")] {
        let body = format!("{before}{}{after}", " ".repeat(100_000));
        let mut yaml = YamlBody::new(&scopes);
        let (mut out, mut seen) = (Vec::new(), Inspection::default());
        for chunk in body.as_bytes().chunks(64) {
            yaml.push(chunk, &mut out, &mut seen).unwrap();
            assert!(yaml.held() < BLANKS + 1024);
        }
        yaml.finish(&mut out, &mut seen).unwrap();
        assert_eq!(out, body.as_bytes());
    }
}

fn fragments() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "a: ",
        "- ",
        "? ",
        "\n",
        "  ",
        " ",
        "\"",
        "'",
        "[",
        "]",
        "{",
        "}",
        ",",
        "#",
        "|",
        ">",
        "\\",
        ":",
        "---",
        "!x ",
        "4111111111111111",
        "EMP-123456",
        "word",
        "\u{e9}",
        "\r\n",
        "*",
        "*a",
        "&a ",
        "password: ",
        "password",
        "-",
        "%",
    ]);
    prop::collection::vec(pieces, 0..40).prop_map(|pieces| pieces.concat())
}

/// What a reference parser makes of a document: its events without their texts, and its scalars.
fn read(document: &str) -> Result<(Vec<&'static str>, Vec<String>), String> {
    use saphyr_parser::{Event, Parser};
    let (mut events, mut scalars) = (Vec::new(), Vec::new());
    for event in Parser::new_from_str(document) {
        events.push(match event.map_err(|error| error.to_string())?.0 {
            Event::Scalar(text, ..) => {
                scalars.push(text.into_owned());
                "scalar"
            }
            Event::SequenceStart(..) => "sequence",
            Event::SequenceEnd => "end of a sequence",
            Event::MappingStart(..) => "mapping",
            Event::MappingEnd => "end of a mapping",
            Event::Alias(_) => "alias",
            Event::DocumentStart(_) => "document",
            _ => "other",
        });
    }
    Ok((events, scalars))
}

/// A document of mappings and sequences with values in all styles of scalars.
fn document() -> impl Strategy<Value = String> {
    let value = prop::sample::select(vec![
        "4111111111111111",
        "EMP-123456",
        "EMP-123456 isn't",
        "x EMP-123456",
        "word",
        "4111111111111111 # note",
        "\"EMP-123456\"",
        "'it''s 4111111111111111'",
        "\"a \\\" 4111111111111111\"",
        "[EMP-123456, x EMP-123456, 'y']",
        "{EMP-123456: 4111111111111111}",
        "!!str EMP-123456",
        "&b EMP-123456",
        "EMP-123456\n        more of it\n\n        4111111111111111",
        "[ 4111111111111111,\n        z ]",
        "|\n        EMP-123456\n         'x\n",
        ">-\n        4111 1111\n        1111 1111\n",
        "\"x\n        EMP-123456\"",
        "http://x/EMP-123456:y",
        "correct horse, battery & staple",
        "'correct horse''s\n        battery'",
        "\"correct \\\n        battery\"",
        ">\n        correct horse,\n\n        battery\n",
        "|-\n        correct horse\n          battery: x\n",
        "\"4111 1111 \\\n        1111 1111\"",
        "!!str\n        4111 1111\n        1111 1111",
    ]);
    let key = prop::sample::select(vec![
        "EMP-123456",
        "4111111111111111",
        "\"EMP-123456\"",
        "'4111111111111111'",
        "key",
        "password",
        "? key",
        "a b",
    ]);
    let item = (0..4_usize, key, value);
    prop::collection::vec(item, 1..8).prop_map(|items| {
        let mut text = String::from("root:\n");
        for (at, (form, key, value)) in items.into_iter().enumerate() {
            let end = if value.ends_with('\n') { "" } else { "\n" };
            let key = if key.starts_with('?') { String::from("key") } else { String::from(key) };
            // Keys of one mapping must differ to be one.
            let name = if key.ends_with(['"', '\'']) { format!("k{at}:\n      {key}") } else { format!("{key} {at}") };
            text.push_str(&match form {
                0 => format!("  - {value}{end}"),
                1 => format!("  - {name}: {value}{end}"),
                2 => format!("  - - {value}{end}"),
                _ => format!("  -\n    {name}:\n      {value}{end}"),
            });
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_reference_parser_finds_the_same_nodes_and_no_value(document in document()) {
        let Ok(before) = read(&document) else { return Ok(()) };
        for scopes in [scopes(&[Action::KeepLast4, Action::Redact]), scopes(&[Action::Mask, Action::Replace("it's: \"#".into())])] {
            let (out, _) = run_in(&scopes, &[document.as_bytes()]);
            let after = read(&out).unwrap_or_else(|error| panic!("{error}\n{document}\n{out}"));
            prop_assert_eq!(&before.0, &after.0, "{}\n{}", document, out);
            prop_assert!(after.1.iter().all(|text| !text.contains(CARD) && !text.contains("EMP-123456")), "{}", out);
            let card = |text: &String| text.chars().filter(char::is_ascii_digit).collect::<String>().contains(CARD);
            prop_assert!(!after.1.iter().any(card), "{}", out);
            for pair in after.1.windows(2) {
                prop_assert!(!(pair[0].starts_with("password") && pair[1].contains("battery")), "{}", out);
            }
        }
    }
}

#[test]
fn the_documents_of_the_test_are_mostly_such() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let good = (0..200).filter(|_| read(&document().new_tree(&mut runner).unwrap().current()).is_ok()).count();
    assert!(good > 60, "{good}");
}

proptest! {
    #[test]
    fn any_chunking_of_anything_agrees(body in fragments(), cuts in prop::collection::vec(0..200_usize, 0..5)) {
        let scopes = scopes(&[Action::KeepLast4, Action::Redact]);
        let whole = run_in(&scopes, &[body.as_bytes()]);
        let mut cuts: Vec<_> = cuts.iter().map(|cut| (0..=body.len()).nth(*cut).unwrap_or(body.len())).collect();
        cuts.sort_unstable();
        let (mut chunks, mut from) = (Vec::new(), 0);
        for cut in cuts {
            chunks.push(&body.as_bytes()[from..cut]);
            from = cut;
        }
        chunks.push(&body.as_bytes()[from..]);
        prop_assert_eq!(&run_in(&scopes, &chunks).0, &whole.0);
        if whole.1.findings.is_empty() {
            prop_assert_eq!(&whole.0, &body);
        }
    }
}
