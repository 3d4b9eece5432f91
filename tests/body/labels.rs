//! What a value is called counts as text before it: keys, headers of columns, names of fields and tags.

use std::sync::Arc;

use blackbar::body::{BodyInspector, BodySpec, Dialect, Direction, Scopes};
use blackbar::engine::{Action, ActionTable, Detector, EntityType, Keywords, Pattern, RuleId, RuleSet, RuleSpec};
use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};

/// By rule and action.
type Findings = Vec<(usize, &'static str, u64)>;

/// Nine digits behind a word for them, addresses, and a rule whose replacement no format likes.
fn scopes() -> Arc<Scopes> {
    let rule = |id: &str, pattern, words: &[&str]| RuleSpec {
        id: RuleId::new(id),
        entity: EntityType::new("ID"),
        pattern,
        validator: None,
        keywords: (!words.is_empty()).then(|| Keywords {
            words: words.iter().map(|word| String::from(*word)).collect(),
            before: 40,
            after: 0,
        }),
        suppressions: Vec::new(),
        priority: 0,
        confidence: 80,
    };
    let regex = |pattern: &str| Pattern::Regex { pattern: pattern.to_owned(), max_len: None };
    let rules = RuleSet::build(vec![
        rule("t.ssn", regex(r"\b[0-9]{9}\b"), &["ssn", "social security number"]),
        rule("t.email", Pattern::Detector(Detector::Email), &[]),
        rule("t.odd", regex(r"\bODD-[0-9]{2}\b"), &[]),
    ]);
    let odd = Action::Replace("a \"b\", c\n&=;".into());
    let actions = ActionTable::new(vec![Action::Redact, Action::MaskDomain, odd], None);
    Arc::new(Scopes {
        rules: Arc::new(rules.unwrap()),
        actions: Arc::new(actions),
        paths: Vec::new(),
        tools: None,
        restore: None,
    })
}

fn run(kind: &str, dialect: Dialect, pieces: &[&[u8]]) -> (Vec<u8>, Findings, u64) {
    let spec = BodySpec { dialect, direction: Direction::Request, scopes: scopes(), ..super::fixtures::spec(kind) };
    let mut inspector = BodyInspector::new(spec).unwrap();
    let mut out = Vec::new();
    for piece in pieces {
        inspector.push(piece, &mut out).unwrap();
    }
    inspector.finish(&mut out).unwrap();
    let seen = inspector.into_inspection();
    let mut findings = seen.findings.clone();
    findings.sort_unstable();
    (out, findings, seen.scanned)
}

/// The redacted body, which every split in two and byte for byte must give.
fn redact_as(kind: &str, dialect: Dialect, body: &[u8]) -> String {
    let whole = run(kind, dialect, &[body]);
    for at in 0..=body.len() {
        let (left, right) = body.split_at(at);
        assert_eq!(run(kind, dialect, &[left, right]), whole, "{} at {at}", String::from_utf8_lossy(body));
    }
    let single: Vec<&[u8]> = body.chunks(1).collect();
    assert_eq!(run(kind, dialect, &single), whole, "{}", String::from_utf8_lossy(body));
    String::from_utf8_lossy(&whole.0).into_owned()
}

fn redact(kind: &str, body: &str) -> String {
    redact_as(kind, Dialect::Plain, body.as_bytes())
}

#[test]
fn keys_are_labels() {
    for (body, expected) in [
        (r#"{"ssn":"078051120"}"#, r#"{"ssn":"[ID]"}"#),
        (r#"{"ssn": 178051120, "n": 178051120}"#, r#"{"ssn": "[ID]", "n": 178051120}"#),
        (r#"{"SSN":["078051120",178051120,{"a":1}]}"#, r#"{"SSN":["[ID]","[ID]",{"a":1}]}"#),
        (r#"{"ssn":{"value":"078051120"}}"#, r#"{"ssn":{"value":"[ID]"}}"#),
        (r#"{"ssn":{"a":{"value":"078051120"}}}"#, r#"{"ssn":{"a":{"value":"078051120"}}}"#),
        (r#"{"socialSecurityNumber":"078051120"}"#, r#"{"socialSecurityNumber":"[ID]"}"#),
        (r#"{"\u0073sn":"078\u003051120"}"#, r#"{"\u0073sn":"[ID]"}"#),
        (r#"{"a":{"ssn":1},"b":"078051120"}"#, r#"{"a":{"ssn":1},"b":"078051120"}"#),
        (r#"{"name":"ssn","value":"078051120"}"#, r#"{"name":"ssn","value":"[ID]"}"#),
        (r#"[{"key":"ssn","x":[],"val":178051120}]"#, r#"[{"key":"ssn","x":[],"val":"[ID]"}]"#),
        (r#"[{"key":"ssn"},{"value":"078051120"}]"#, r#"[{"key":"ssn"},{"value":"078051120"}]"#),
        (r#"{"value":"078051120","name":"ssn"}"#, r#"{"value":"078051120","name":"ssn"}"#),
        (r#"{"a":"{\"ssn\":\"078051120\"}"}"#, r#"{"a":"{\"ssn\":\"[ID]\"}"}"#),
        (r#"{"ssn":"{\"value\":\"078051120\"}"}"#, r#"{"ssn":"{\"value\":\"[ID]\"}"}"#),
        (r#"{"ssn":"[\"078051120\"]"}"#, r#"{"ssn":"[\"[ID]\"]"}"#),
        (r#"{"078051120 ssn":"x"}"#, r#"{"078051120 ssn":"x"}"#),
        (r#""078051120""#, r#""078051120""#),
        ("{\"ssn\":1}\n\"078051120\"", "{\"ssn\":1}\n\"078051120\""),
    ] {
        assert_eq!(redact("application/x-ndjson", body), expected);
    }
}

#[test]
fn prose_of_a_model_has_no_label() {
    let ask = |body: &str| redact_as("application/json", Dialect::OpenAi, body.as_bytes());
    let plain =
        r#"{"messages":[{"name":"ssn","content":"078051120"},{"content":[{"type":"ssn","text":"078051120"}]}]}"#;
    assert_eq!(ask(plain), plain);
    let call = r#"{"function":{"name":"f","arguments":"{\"ssn\":\"078051120\",\"n\":\"078051120\"}"}}"#;
    assert_eq!(ask(call), call.replacen("078051120", "[ID]", 1));
    assert_eq!(ask(r#"{"metadata":{"ssn":"078051120"}}"#), r#"{"metadata":{"ssn":"[ID]"}}"#);
    let event = "data: {\"x\":{\"ssn\":\"078051120\",\"n\":\"078051120\",\"a\":[178051120]}}\n\n";
    assert_eq!(redact("text/event-stream", event), event.replacen("078051120", "[ID]", 1));
}

#[test]
fn tags_and_lines_are_labels_as_they_stand() {
    for (kind, body) in [
        ("application/xml", "<ssn>078051120</ssn>"),
        ("application/xml", "<p:SSN>\n  078051120</p:SSN>"),
        ("application/xml", "<a socialSecurityNumber='078051120'/>"),
        ("application/xml", "<p:customerSocialSecurityNumber>\n078051120</p:customerSocialSecurityNumber>"),
        ("text/plain", "USER_SSN=078051120"),
        ("text/plain", "--user-ssn 078051120"),
    ] {
        assert_eq!(redact(kind, body), body.replace("078051120", "[ID]"));
    }
    let yaml = "customer:\n  ssn: 078051120\n";
    assert_eq!(redact("application/yaml", yaml), yaml.replace("078051120", "'[ID]'"));
}

/// Capitals tell where the words of an element's name begin, also where tags stand within its text.
#[test]
fn names_of_elements_are_words() {
    let body = "<userSsn><b>078</b>051120</userSsn>";
    for kind in ["application/xml", "text/html"] {
        assert_eq!(redact(kind, body), "<userSsn><b>[ID]</b></userSsn>");
    }
    for (body, expected) in [
        ("<phoneNumber>2125550123</phoneNumber>", "<phoneNumber>******0123</phoneNumber>"),
        ("<a homePhoneNumber='2125550123'/>", "<a homePhoneNumber='******0123'/>"),
        (
            "<socialSecurityNumber>078051120</socialSecurityNumber>",
            "<socialSecurityNumber>*********</socialSecurityNumber>",
        ),
        (
            "<creditCardNumber>4111111111111111</creditCardNumber>",
            "<creditCardNumber>************1111</creditCardNumber>",
        ),
        ("<appClientSecret>x~9Kd,2;*pQ</appClientSecret>", "<appClientSecret>[SECRET]</appClientSecret>"),
        ("<a appClientSecret='x~9Kd,2;*pQ'/>", "<a appClientSecret='[SECRET]'/>"),
    ] {
        let redacted = |kind| super::fields::redact_as(kind, Dialect::Plain, body);
        assert_eq!(redacted("application/xml"), expected);
    }
}

/// The Vietnamese word for a phone is one with its own letter alone: `dt` is none.
#[test]
fn a_label_of_two_letters_keeps_its_own() {
    for (kind, body) in [
        ("text/html", "<table><tr><th>ĐT</th><td>0912345678</td></tr></table>"),
        ("text/html", "<table><tr><td>ĐT</td><td>0912345678</td></tr></table>"),
        ("application/xml", "<a ĐT='0912345678'/>"),
        ("application/xml", "<khách><ĐT>0912345678</ĐT></khách>"),
        ("application/json", r#"{"ĐT":"0912345678"}"#),
        ("text/csv", "tên,ĐT\nLan,0912345678\n"),
    ] {
        let redacted = |body: &str| super::fields::redact_as(kind, Dialect::Plain, body);
        assert_eq!(redacted(body), body.replace("0912345678", "******5678"));
        let other = body.replace('Đ', "D");
        assert_eq!(redacted(&other), other);
    }
}

#[test]
fn columns_are_labels() {
    for (body, expected) in [
        ("name,ssn\nJane,078051120\r\nJoe,178051120", "name,ssn\nJane,[ID]\r\nJoe,[ID]"),
        ("n,ssn\n078051120,1", "n,ssn\n078051120,1"),
        ("\"n\";\"SSN\"\r\n\"a;b\";\"078051120\"\r\n", "\"n\";\"SSN\"\r\n\"a;b\";\"[ID]\"\r\n"),
        ("\r\na\tuserSsn\r\n1\t078051120", "\r\na\tuserSsn\r\n1\t[ID]"),
        ("ssn,078051120\nn,078051120\n,078051120", "ssn,[ID]\nn,078051120\n,078051120"),
        ("field,value\nssn,078051120\nn,078051120", "field,value\nssn,[ID]\nn,078051120"),
        ("ssn,a\n\"is \"\"078051120\"\"\",\"078051120\"", "ssn,a\n\"is \"\"[ID]\"\"\",\"078051120\""),
        ("m,n\njane@example.com,\"jane@example.com\"\n", "m,n\njane@***,\"jane@***\"\n"),
        (
            "a,b\nODD-11,\"ODD-12\"\nx ODD-13,y\n",
            "a,b\n\"a \"\"b\"\", c\n&=;\",\"a \"\"b\"\", c\n&=;\"\nx a  b   c &=;,y\n",
        ),
        ("a,b\nODD-11 \"q\",1\n", "a,b\n\"a \"\"b\"\", c\n&=; \"\"q\"\"\",1\n"),
        ("a,b\n\"x\"ODD-11 y,1\n", "a,b\n\"x\"a  b   c &=; y,1\n"),
        ("a,b\n\"x\" ODD-11 y,\"2", "a,b\n\"x\" a  b   c &=; y,\"2"),
        ("a,b\n\"{\"\"ssn\"\":\"\"078051120\"\"}\",1", "a,b\n\"{\"\"ssn\"\":\"\"[ID]\"\"}\",1"),
        ("ssn", "ssn"),
        ("\n\n", "\n\n"),
        ("078051120", "078051120"),
    ] {
        assert_eq!(redact("text/csv", body), expected);
    }
    assert_eq!(redact("text/tab-separated-values", "a,b\tssn\n1\t078051120"), "a,b\tssn\n1\t[ID]");
}

#[test]
fn a_head_without_an_end_is_let_go() {
    let mut body = vec![b'a'; 70 << 10];
    body.extend_from_slice(b",jane@example.com");
    let (out, ..) = run("text/csv", Dialect::Plain, &[&body]);
    assert!(out.ends_with(b",jane@***"));
    assert_eq!(run("text/csv", Dialect::Plain, &body.chunks(999).collect::<Vec<_>>()).0, out);
}

#[test]
fn fields_are_labels() {
    for (body, expected) in [
        ("ssn=078051120&n=078051120", "ssn=%5BID%5D&n=078051120"),
        ("user%5Bssn%5D=078%30511%320&x", "user%5Bssn%5D=%5BID%5D&x"),
        ("a=x+y%20z%zz%4&mail=jane%40example.com", "a=x+y%20z%zz%4&mail=jane%40***"),
        ("m=to+jane@example.com+now%21", "m=to+jane%40***+now%21"),
        ("jane@example.com=1&=&&ssn==078051120", "jane%40***=1&=&&ssn==%5BID%5D"),
        ("q=ODD-11", "q=a+%22b%22%2C+c%0A%26%3D%3B"),
        ("payload=%7B%22ssn%22%3A%22078051120%22%7D", "payload=%7B%22ssn%22%3A%22%5BID%5D%22%7D"),
        ("a=%", "a=%"),
        ("a=%4", "a=%4"),
        ("a=%e2%82%AC%", "a=%e2%82%AC%"),
    ] {
        assert_eq!(redact("application/x-www-form-urlencoded", body), expected, "{body}");
    }
}

/// Random records of every format: what no rule knows stays byte for byte, and any chunking gives one result.
#[test]
fn any_chunking_gives_one_result() {
    const PARTS: &[&str] = &[
        "ssn",
        "078051120",
        "jane@example.com",
        "ODD-11",
        "\"",
        "\"\"",
        ",",
        ";",
        "\t",
        "\r\n",
        "\n",
        "&",
        "=",
        "%",
        "%4",
        "%40",
        "%22",
        "+",
        "a",
        "é",
        " ",
        "{\"ssn\":\"078051120\"}",
        "name",
        "value",
        "\"a,b\"",
    ];
    const QUIET: &[&str] =
        &["\"", "\"\"", ",", ";", "\r\n", "&", "=", "%", "%4", "%zz", "+", "a", "é", " ", "{\"", "12", "x,\"y\"\r\n"];
    let mut rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[5; 32]);
    let mut roll = move |below: usize| rng.next_u32() as usize % below;
    for round in 0..2_000 {
        let parts = if round % 3 == 0 { QUIET } else { PARTS };
        let mut body = String::from(if round % 2 == 0 { "" } else { "name,ssn\n" });
        for _ in 0..roll(16) {
            body.push_str(parts[roll(parts.len())]);
        }
        for kind in ["text/csv", "application/x-www-form-urlencoded"] {
            // What begins like JSON is another matter.
            if body.trim_start().starts_with(['{', '[']) {
                continue;
            }
            let whole = run(kind, Dialect::Plain, &[body.as_bytes()]);
            if round % 3 == 0 {
                assert_eq!(String::from_utf8_lossy(&whole.0), body);
            }
            assert_eq!(whole.2, body.len() as u64, "{kind} {body:?}");
            let mut rest = body.as_bytes();
            let mut pieces = Vec::new();
            while !rest.is_empty() {
                let (piece, others) = rest.split_at((1 + roll(6)).min(rest.len()));
                pieces.push(piece);
                rest = others;
            }
            let chunked = run(kind, Dialect::Plain, &pieces);
            assert_eq!(
                String::from_utf8_lossy(&chunked.0),
                String::from_utf8_lossy(&whole.0),
                "{kind} {body:?} {pieces:?}"
            );
            assert_eq!(chunked.1, whole.1, "{kind} {body:?}");
            let shown = String::from_utf8_lossy(&whole.0);
            assert!(
                !shown.contains("jane@example.com") && !shown.contains("jane%40example"),
                "{kind} {body:?} {shown:?}"
            );
        }
    }
}
