use super::*;
use crate::body::BodyErrorKind;

#[test]
fn clean_documents_leave_byte_for_byte() {
    for text in [
        "{}",
        "[]",
        "\"\"",
        "0",
        "-0.0e-0",
        " \t\r\n null ",
        "\u{feff}{\"a\":1}",
        r#"{"a" : [1, 2.50,-3e+7 , true,false,null,"x"], "b":{"c":{}}, "b":"twice"}"#,
        r#"["\"\\\/\b\f\n\r\t", "\u0041\u00e9\ud83d\ude00 \ud83d x \ude00 \ud83d\ud83d\ude00", "é😀"]"#,
        r#"{"msg":"{not json","n":"[1] and more","o":"[","p":"  {","q":"{\"a\":[1,\"\\u0041\\n\"]}","r":"[1,2"}"#,
        "[[[[[[[[1]]]]]]]]",
        r#"{"seen":"SEEN-1234"}"#,
    ] {
        assert_eq!(redact(text), text);
    }
}

#[test]
fn an_empty_body_is_let_through() {
    assert_eq!(Setting::plain().redact(""), "");
    assert_eq!(Setting::plain().redact(" \n"), " \n");
    assert_eq!(Setting { framing: Framing::Sequence, ..Setting::plain() }.redact(""), "");
}

#[test]
fn strings_are_redacted_in_their_own_literal() {
    for (text, expected) in [
        (r#"{"a":"4111 1111 1111 1111","b":"x"}"#, r#"{"a":"**** **** **** 1111","b":"x"}"#),
        (r#""my card: 4111111111111111.""#, r#""my card: ************1111.""#),
        (r#""\"caf\u00e9\" \u0034111 1111 1111 1111 \u00e9\n\/""#, r#""\"caf\u00e9\" **** **** **** 1111 \u00e9\n\/""#),
        (r#""\u0034\u0031\u0031\u0031111111111111""#, r#""************1111""#),
        (r#""jane\u0040example.com""#, r#""jane@***""#),
        (r#""by EMP-1234, EMP-5678""#, r#""by a \"name\"\n, a \"name\"\n""#),
        (r#"["GONE-1234","x GONE-1234\t"]"#, r#"["","x \t"]"#),
        (r#"["jane@example.com","jane@example.com"]"#, r#"["jane@***","jane@***"]"#),
    ] {
        assert_eq!(redact(text), expected);
    }
}

#[test]
fn keys_are_redacted_and_so_is_each_duplicate() {
    assert_eq!(redact(r#"{"4111111111111111":1,"x":2}"#), r#"{"************1111":1,"x":2}"#);
    assert_eq!(redact(r#"{"jane\u0040example.com":[]}"#), r#"{"jane@***":[]}"#);
    let twice = r#"{"a":"4111111111111111","a":"4111111111111111"}"#;
    assert_eq!(redact(twice), r#"{"a":"************1111","a":"************1111"}"#);
}

#[test]
fn numbers_become_strings_when_they_hold_a_finding() {
    for (text, expected) in [
        ("4111111111111111", r#""************1111""#),
        ("[1,4111111111111111,2]", r#"[1,"************1111",2]"#),
        ("[-4111111111111111 ]", r#"["-************1111" ]"#),
        (r#"{"n":4.111111111111111e15}"#, r#"{"n":"************1111"}"#),
        (r#"{"n":41111111111111110000E-4}"#, r#"{"n":"************1111"}"#),
        ("[-0.4111111111111111e16]", r#"["-************1111"]"#),
        ("[4111111111111112]", "[4111111111111112]"),
        (
            "[12345678901234567890123456789012345678901234567890]",
            "[12345678901234567890123456789012345678901234567890]",
        ),
    ] {
        assert_eq!(redact(text), expected);
    }
    let point = redact("[4111111111111111.0]");
    assert!(!point.contains("4111111111111111") && point.starts_with("[\"") && point.contains("1111"), "{point}");
}

#[test]
fn a_long_number_is_held_and_beyond_the_limit_refused() {
    let limits = BodyLimits { json_hold: 100, ..BodyLimits::default() };
    let setting = Setting { limits, ..Setting::plain() };
    let fits = format!("[{},4111111111111111]", "3".repeat(100));
    assert_eq!(setting.redact(&fits), fits.replace("4111111111111111", "\"************1111\""));
    let error = setting.refuse(format!("[{}]", "3".repeat(101)).as_bytes(), "");
    assert_eq!(error.kind, BodyErrorKind::TooLarge);
    let key = format!("{{\"{}\":1}}", "k".repeat(100));
    assert_eq!(setting.redact(&key), key);
    let error = setting.refuse(format!("{{\"{}\":1}}", "k".repeat(101)).as_bytes(), "");
    assert_eq!(error.kind, BodyErrorKind::TooLarge);
}

#[test]
fn what_is_not_json_is_refused() {
    for text in [
        "{",
        "[1,]",
        "{\"a\":1,}",
        "[1] 2",
        "01",
        "1.",
        "+1",
        ".5",
        "1e",
        "nul",
        "nulll",
        "\"a",
        "\"\n\"",
        "{1:2}",
        "[1 2]",
        "{\"a\" 1}",
        "\"\\x\"",
        "\"\\u12g4\"",
        "'a'",
        "// c\n1",
        "NaN",
        "[1}",
        "]",
        "\u{feff}\u{feff}1",
        "\u{0}",
        "{,}",
        "[,]",
        "12a",
        "1-2",
        "--1",
    ] {
        let error = Setting::plain().refuse(text.as_bytes(), "");
        let truncated = ["{", "nul", "\"a", "1.", "1e"].contains(&text);
        let expected = if truncated { BodyErrorKind::Truncated } else { BodyErrorKind::JsonSyntax };
        assert_eq!(error.kind, expected, "{text}");
    }
    assert_eq!(Setting::plain().refuse(b"\xEF\xBB1", "").kind, BodyErrorKind::JsonSyntax);
    assert_eq!(Setting::plain().refuse(b"{\x00\"\x00a\x00", "").kind, BodyErrorKind::JsonSyntax);
}

#[test]
fn depth_is_bounded_without_recursion() {
    let limits = BodyLimits { json_depth: 5, ..BodyLimits::default() };
    let setting = Setting { limits, ..Setting::plain() };
    assert_eq!(setting.redact("[[{\"a\":[[1]]}]]"), "[[{\"a\":[[1]]}]]");
    assert_eq!(setting.refuse(b"[[{\"a\":[[[1]]]}]]", "").kind, BodyErrorKind::JsonDepth);
    let deep = "[".repeat(100_000);
    let (_, ended, _) = Setting::plain().run(&[deep.as_bytes()]);
    assert_eq!(ended, Err(BodyErrorKind::JsonDepth.into()));
}

#[test]
fn a_blocked_value_never_leaves() {
    let error = Setting::plain().refuse(br#"{"a":"ok","b":"x STOP-1234 y"}"#, "STOP-1234");
    assert_eq!(error.kind, BodyErrorKind::Blocked { rule: 4 });
    let error = Setting::plain().refuse(br#"{"x \u0053TOP-1234":1}"#, "TOP-1234");
    assert_eq!(error.kind, BodyErrorKind::Blocked { rule: 4 });
}

#[test]
fn a_body_cut_short_never_gives_what_was_held() {
    for text in [r#"["411111111111111"#, r#"[411111111111111"#, r#"{"jane@example.co"#, r#"["\u0034111111111111"#] {
        let error = Setting::plain().refuse(text.as_bytes(), "11111111");
        assert_eq!(error.kind, BodyErrorKind::Truncated);
    }
}

#[test]
fn sequences_of_values_with_any_space_between() {
    let setting = Setting { framing: Framing::Sequence, ..Setting::plain() };
    for (text, expected) in [
        ("{\"a\":1}\n{\"a\":2}\n", "{\"a\":1}\n{\"a\":2}\n"),
        ("{\"a\":1}\r\n\r\n{\"a\":2}", "{\"a\":1}\r\n\r\n{\"a\":2}"),
        ("{}{}[]\"a\"\"b\"1 \n2\r3null 4[]5", "{}{}[]\"a\"\"b\"1 \n2\r3null 4[]5"),
        ("\u{feff}1\n4111111111111111", "\u{feff}1\n\"************1111\""),
        ("4111111111111111{\"a\":\"jane@example.com\"}", "\"************1111\"{\"a\":\"jane@***\"}"),
        ("\"4111 1111\"\"1111 1111\"", "\"4111 1111\"\"1111 1111\""),
    ] {
        assert_eq!(setting.redact(text), expected);
    }
    assert_eq!(setting.refuse(b"{}\n{\n", "").kind, BodyErrorKind::Truncated);
    assert_eq!(setting.refuse(b"{}\n}", "").kind, BodyErrorKind::JsonSyntax);
    assert_eq!(setting.refuse(b"01", "").kind, BodyErrorKind::JsonSyntax);
    assert_eq!(setting.refuse(b"1,2", "").kind, BodyErrorKind::JsonSyntax);
    for numbers in ["4111 1111 1111 1111", "{}4111 \t1111", "1 -1", "\n1 2"] {
        assert_eq!(setting.refuse(numbers.as_bytes(), "1111").kind, BodyErrorKind::JsonSyntax);
    }
}

#[test]
fn invalid_utf8_is_scanned_and_kept() {
    let text = b"{\"a\xff\":\"\xc3 4111111111111111 \xf0\x9f\",\"b\":\"\xed\xa0\x80\"}";
    let expected = b"{\"a\xff\":\"\xc3 ************1111 \xf0\x9f\",\"b\":\"\xed\xa0\x80\"}";
    for at in 0..=text.len() {
        let (out, ended, _) = Setting::plain().run(&[&text[..at], &text[at..]]);
        assert_eq!((out.as_slice(), ended), (&expected[..], Ok(())));
    }
}

#[test]
fn scopes_hold_by_path_and_below_it() {
    let card = "4111111111111111";
    let masked = "************1111";
    for (paths, text, spared) in [
        (&["$.to"][..], r#"{"to":"C","from":"C","x":{"to":"C"}}"#, &[0][..]),
        (&["$.to"], r#"{"to":{"a":["C","C"]},"from":"C"}"#, &[0, 1]),
        (&["$..to"], r#"{"to":"C","x":{"to":"C","y":"C"}}"#, &[0, 1]),
        (&["$.a[1]"], r#"{"a":["C","C",{"b":"C"}]}"#, &[1]),
        (&["$.a[*].b"], r#"{"a":[{"b":"C"},{"c":"C"},{"b":["C"]}],"b":"C"}"#, &[0, 2]),
        (&["$"], r#"{"a":"C","C":"C"}"#, &[0, 1, 2]),
        (&["$.*"], r#"["C","C"]"#, &[0, 1]),
        (&["$['x.y']", "$[\"it's\"]"], r#"{"x.y":"C","it's":"C","x":{"y":"C"}}"#, &[0, 1]),
        (&["$.a"], r#"{"\u0061":"C","b":"C","a":"C"}"#, &[0, 2]),
        (&["$.a"], r#"{"a":{"C":1},"C":2}"#, &[0]),
    ] {
        let setting = Setting { scopes: scopes_sparing(paths), ..Setting::plain() };
        let parts: Vec<&str> = text.split('C').collect();
        let (mut input, mut expected) = (String::new(), String::new());
        for (at, part) in parts.iter().enumerate() {
            input.push_str(part);
            expected.push_str(part);
            if at + 1 < parts.len() {
                input.push_str(card);
                expected.push_str(if spared.contains(&at) { card } else { masked });
            }
        }
        assert_eq!(setting.redact(&input), expected, "{paths:?}");
    }
}

#[test]
fn the_keys_of_a_place_are_bounded_together() {
    let limits = BodyLimits { json_hold: 100, ..BodyLimits::default() };
    let setting = Setting { scopes: scopes_sparing(&["$.to"]), limits, ..Setting::plain() };
    let nested = |len: usize| format!(r#"{{"{}":{{"{}":1}}}}"#, "k".repeat(60), "l".repeat(len));
    assert_eq!(setting.redact(&nested(40)), nested(40));
    assert_eq!(setting.refuse(nested(41).as_bytes(), "").kind, BodyErrorKind::TooLarge);
}

#[test]
fn paths_parse_or_say_where_not() {
    for good in ["$", "$.a", "$.a.b[0]['c d'].*[*]..x..*..['y']", "$..[3]"] {
        assert!(JsonPath::parse(good).is_ok(), "{good}");
    }
    for (bad, at) in [
        ("", 0),
        ("a", 0),
        ("$a", 1),
        ("$.", 2),
        ("$..", 3),
        ("$[", 2),
        ("$['a", 4),
        ("$[1", 3),
        ("$.a b", 3),
        ("$[x]", 2),
    ] {
        assert_eq!(JsonPath::parse(bad).map_err(|error| error.at), Err(at), "{bad}");
    }
    let step = Step::from("a");
    assert!(JsonPath::parse("$.a").expect("parses").matches(&[step, 3.into()]));
    assert!(!JsonPath::parse("$.a[4]").expect("parses").matches(&[step, 3.into()]));
    assert!(JsonPath::parse(&format!("${}", ".a".repeat(61))).is_err());
}

#[test]
fn a_long_string_streams_through_in_constant_memory() {
    let setting = Setting::plain();
    let (mut body, mut out, mut seen) = (setting.body(), Vec::new(), Inspection::default());
    let block = "lorem ipsum dolor \\n sit amet \\u00e9 4111111111111111 ".repeat(1_000);
    body.push(b"{\"a\":\"", &mut out, &mut seen).expect("fits");
    let mut total = out.len();
    for _ in 0..200 {
        out.clear();
        body.push(block.as_bytes(), &mut out, &mut seen).expect("fits");
        total += out.len();
    }
    out.clear();
    body.push(b"\"}", &mut out, &mut seen).expect("fits");
    body.finish(&mut out, &mut seen).expect("ends");
    assert_eq!(total + out.len(), 200 * block.len() + 8);
    assert!(seen.held_peak < 4_096, "{}", seen.held_peak);
    assert_eq!(seen.findings, [(0, "keep-last-4", 200_000)]);
}

/// Texts that come again and again are looked at once; what is found in one is found each time, however it comes.
#[test]
fn what_is_found_is_found_again() {
    let setting = Setting { framing: Framing::Sequence, ..Setting::plain() };
    let line = |value: &str, number: usize| {
        format!("{{\"level\":\"INFO\",\"who\":\"{value}\",\"\\u0061t\":{number},\"{value}\":[\"a\\tb\"]}}\n")
    };
    let values = ["EMP-1234", "EMP-123", "jane@example.com", "INFO", "who", ""];
    let text: String = (0..24).map(|at| line(values[at % values.len()], at % 5)).collect();
    let clean = text.replace("EMP-1234", "a \\\"name\\\"\\n").replace("jane@example.com", "jane@***");
    assert_eq!(setting.redact(&text), clean);
}
