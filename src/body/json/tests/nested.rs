use super::*;

/// A text in chunks: what left after each of them, and after the end.
fn steps(make: &dyn Fn() -> LogicalText, chunks: &[&[u8]]) -> (Vec<String>, Inspection) {
    let (mut text, mut seen) = (make(), Inspection::default());
    let mut left = Vec::new();
    let mut taken = 0;
    let note = |out: &TextOut, taken: &mut usize| {
        let (mut from, mut to) = (0, 0);
        for piece in &out.pieces {
            match *piece {
                crate::engine::Piece::Clear { len } => {
                    from += len;
                    to += len;
                }
                crate::engine::Piece::Replaced { taken, given } => {
                    from += taken;
                    to += given;
                }
            }
        }
        assert_eq!(to, out.bytes.len());
        *taken += from;
        String::from_utf8_lossy(&out.bytes).into_owned()
    };
    for chunk in chunks {
        let mut out = TextOut::default();
        text.push(chunk, &mut out, &mut seen).expect("passes");
        left.push(note(&out, &mut taken));
    }
    let mut out = TextOut::default();
    text.finish(&mut out, &mut seen).expect("ends");
    left.push(note(&out, &mut taken));
    assert_eq!(taken, chunks.iter().map(|chunk| chunk.len()).sum::<usize>(), "every byte is accounted for");
    assert_eq!(text.held(), 0);
    seen.findings.sort_unstable();
    (left, seen)
}

fn logical(make: &dyn Fn() -> LogicalText, text: &str) -> String {
    let bytes = text.as_bytes();
    let (whole, seen) = steps(make, &[bytes]);
    let whole = whole.concat();
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    for chunks in (0..=bytes.len()).map(|at| vec![&bytes[..at], &bytes[at..]]).chain([single]) {
        let (out, again) = steps(make, &chunks);
        let first = chunks.first().map_or(0, |chunk| chunk.len());
        assert_eq!(out.concat(), whole, "{text} in {} chunks, first of {first}", chunks.len());
        assert_eq!(again.findings, seen.findings, "{text} in {} chunks, first of {first}", chunks.len());
        assert_eq!(again.scanned, seen.scanned);
    }
    whole
}

fn arguments() -> LogicalText {
    let scopes = scopes();
    LogicalText::arguments(&scopes.rules, &scopes.actions, &BodyLimits::default())
}

fn sniffing() -> LogicalText {
    let scopes = scopes();
    LogicalText::sniffing(&scopes.rules, &scopes.actions, &BodyLimits::default())
}

fn plain() -> LogicalText {
    let scopes = scopes();
    LogicalText::plain(&scopes.rules, &scopes.actions)
}

#[test]
fn a_json_text_is_redacted_as_json() {
    for (text, expected) in [
        (r#"{"card": 4111111111111111, "n": 1}"#, r#"{"card": "************1111", "n": 1}"#),
        (r#"{"card":"\u0034111111111111111","n":"\n"}"#, r#"{"card":"************1111","n":"\n"}"#),
        (r#" [ "by EMP-1234" ] "#, r#" [ "by a \"name\"\n" ] "#),
        (r#"{"jane\u0040example.com":{}}"#, r#"{"jane@***":{}}"#),
        (r#"{"a":"{\"b\":4111111111111111}"}"#, r#"{"a":"{\"b\":\"************1111\"}"}"#),
        ("[]", "[]"),
        ("{}", "{}"),
    ] {
        assert_eq!(logical(&arguments, text), expected);
        assert_eq!(logical(&sniffing, text), expected);
        assert!(serde_json::from_str::<serde_json::Value>(expected).is_ok());
    }
    assert_eq!(logical(&arguments, "4111111111111111"), r#""************1111""#);
    assert_eq!(logical(&sniffing, "4111111111111111"), "************1111");
    assert_eq!(logical(&plain, r#"{"card":4111111111111111}"#), r#"{"card":************1111}"#);
}

#[test]
fn a_text_that_stops_being_json_is_scanned_as_text() {
    for (text, expected) in [
        ("[4111 1111 1111 1111]", "[**** **** **** 1111]"),
        ("[1] 4111 1111 1111 1111", "[1] **** **** **** 1111"),
        ("[\"a\" 4111 1111 1111 1111", "[\"a\" **** **** **** 1111"),
        ("[1, 4111-1111-1111-1111]", "[1, ****-****-****-1111]"),
        ("{\"a\": jane@example.com}", "{\"a\": jane@***}"),
        ("{\"a\"jane@example.com", "{\"a\"jane@***"),
        ("[true", "[true"),
        ("[test] jane@example.com", "[test] jane@***"),
        ("{", "{"),
        ("   ", "   "),
        ("", ""),
        ("{\"a", "{\"a"),
        ("{\"a\":\"4111111111111111", "{\"a\":\"************1111"),
        ("{\"a\":\"x\\u00", "{\"a\":\"x\\u00"),
        ("{\"a\":\"x\\q 4111111111111111", "{\"a\":\"x\\q ************1111"),
        ("{\"a\":4111111111111111", "{\"a\":\"************1111\""),
        ("{\"a\":-", "{\"a\":-"),
        ("[12.x 4111111111111111", "[12.x ************1111"),
        ("[\"line\nbreak 4111111111111111\"]", "[\"line\nbreak ************1111\"]"),
        ("{} EMP-1234", "{} a \"name\"\n"),
        ("[\"\\nEMP-1234\" ]x", "[\"\\na \\\"name\\\"\\n\" ]x"),
    ] {
        assert_eq!(logical(&arguments, text), expected);
    }
}

#[test]
fn a_match_over_the_end_of_json_is_replaced_whole() {
    let specs =
        vec![spec("t.over", "OVER", regex(r#""pin": \d{4}x?"#)), spec("t.pem", "PEM", regex(r#"begin[^!]{0,3000}!"#))];
    let rules = Arc::new(RuleSet::build(specs).expect("compiles"));
    let actions = Arc::new(ActionTable::new(vec![Action::Redact, Action::Redact], None));
    let make = move || LogicalText::arguments(&rules, &actions, &BodyLimits::default());
    // Within JSON only values are judged; where the JSON ends in the middle of a match, the match counts.
    assert_eq!(logical(&make, r#"{"pin": 1234}"#), r#"{"pin": 1234}"#);
    assert_eq!(logical(&make, r#"{"pin": 1234x}"#), r#"{[OVER]}"#);
    assert_eq!(logical(&make, r#"["begin", 1, 2 }, z!"#), r#"["[PEM]"#);
    assert_eq!(logical(&make, r#"["begin", 1, 2 }, z"#), r#"["begin", 1, 2 }, z"#);
}

#[test]
fn what_leaves_early_is_never_cut_inside_an_escape() {
    let text = r#"{"q":"a\"b\\c\u00e9\ud83d\ude00\n","card":"\u0034111 1111 1111 1111"}"#;
    let single: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
    let (left, _) = steps(&arguments, &single);
    let mut so_far = String::new();
    for part in &left {
        so_far.push_str(part);
        let open = so_far.rfind('\\').and_then(|at| so_far.get(at..));
        let slashes = so_far.len() - so_far.trim_end_matches('\\').len();
        assert_eq!(slashes % 2, 0, "{so_far}");
        if let Some(escape) = open.filter(|escape| escape.starts_with("\\u")) {
            assert!(escape.len() >= 6, "{so_far}");
        }
    }
    assert_eq!(so_far, r#"{"q":"a\"b\\c\u00e9\ud83d\ude00\n","card":"**** **** **** 1111"}"#);
}

/// The same of a text within the text, and of one within that: whoever reads what has come of it sees whole escapes.
#[test]
fn what_leaves_early_is_never_cut_inside_an_escape_of_a_text_in_it() {
    use proptest::prelude::Rng;
    use proptest::test_runner::{RngAlgorithm, TestRng};
    const PARTS: [&str; 16] = [
        "\\u00e9",
        "\\u0034",
        "\\ud83d\\ude00",
        "\\n",
        "\\\\",
        "\\\"",
        "\\/",
        "4111 1111",
        "111 11111111",
        "EMP-12",
        "34",
        "a",
        " ",
        "jane",
        "@example.com",
        "\\u00404",
    ];
    fn wrap(inner: &str) -> String {
        serde_json::json!({ "a": inner }).to_string()
    }
    /// What has come of the value of a text's only key.
    fn inside(text: &str) -> Option<String> {
        let value = text.strip_prefix("{\"a\":\"")?;
        let mut escaped = false;
        let end = value.find(|letter| {
            letter == '"' && !escaped || {
                escaped = letter == '\\' && !escaped;
                false
            }
        });
        let value = value.get(..end.unwrap_or(value.len()))?;
        let mut out = Vec::new();
        unescape(format!("\"{value}\"").as_bytes(), &mut out).unwrap_or_else(|_| panic!("cut: {text}"));
        let out = String::from_utf8_lossy(&out).into_owned();
        assert!(!out.contains('\u{fffd}'), "cut between halves: {text}");
        Some(out)
    }
    let mut rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[11; 32]);
    for _ in 0..200 {
        let parts: String = (0..12).map(|_| PARTS[rng.next_u32() as usize % PARTS.len()]).collect();
        let mut text = format!("{{\"a\":\"{parts}\"}}");
        for depth in 1..4 {
            text = wrap(&text);
            let mut so_far = String::new();
            for part in steps(&arguments, &text.as_bytes().chunks(1).collect::<Vec<_>>()).0 {
                so_far.push_str(&part);
                let mut reading = Some(so_far.clone());
                for _ in 0..=depth {
                    reading = reading.and_then(|text| inside(&text));
                }
            }
            assert_eq!(so_far, steps(&arguments, &[text.as_bytes()]).0.concat());
        }
    }
}

#[test]
fn clean_arguments_do_not_wait() {
    let (left, _) = steps(&arguments, &[br#"{"city":"#, br#" "San "#, br#"Francisco, "#, br#"CA"}"#]);
    let behind: Vec<usize> = left.iter().map(String::len).collect();
    assert_eq!(left.concat(), r#"{"city": "San Francisco, CA"}"#);
    assert!(behind[0] >= 7 && behind[1] >= 5, "{left:?}");
}

#[test]
fn strings_in_strings_in_strings() {
    fn wrap(inner: &str) -> String {
        serde_json::json!({ "a": inner }).to_string()
    }
    let (mut text, mut expected) = ("{\"n\":4111111111111111}".to_owned(), "{\"n\":\"************1111\"}".to_owned());
    for depth in 0..4 {
        (text, expected) = (wrap(&text), wrap(&expected));
        assert_eq!(redact(&text), expected, "{depth}");
    }
    // One more is text: still scanned, but a number stays bare.
    let deeper = redact(&wrap(&text));
    assert!(!deeper.contains("4111111111111111") && deeper.contains("************1111"), "{deeper}");
    let escaped = r#"{"log":"{\"card\":\"\\u0034111111111111111\"}"}"#;
    assert_eq!(redact(escaped), r#"{"log":"{\"card\":\"************1111\"}"}"#);
    let doubly = r#"{"log":"{\"card\":\"\\\u0075\u0030034111111111111111\"}"}"#;
    assert_eq!(redact(doubly), r#"{"log":"{\"card\":\"************1111\"}"}"#);
}

#[test]
fn a_text_is_reusable_after_its_end() {
    let (mut text, mut out, mut seen) = (arguments(), TextOut::default(), Inspection::default());
    for _ in 0..3 {
        out.clear();
        text.push(b"{\"a\":[4111111111111111", &mut out, &mut seen).expect("passes");
        text.finish(&mut out, &mut seen).expect("ends");
        assert_eq!(out.bytes, b"{\"a\":[\"************1111\"");
    }
    assert_eq!(format!("{text:?} {out:?}"), "LogicalText(0 bytes held) TextOut(24 bytes, 2 pieces)");
}
