use super::*;
use crate::body::BodyErrorKind;

fn read(text: &str) -> Index {
    index(text.as_bytes(), &BodyLimits::default()).expect("the fixture is JSON")
}

#[test]
fn values_are_found_by_path_with_the_place_of_their_literal() {
    let text = r#" {"choices": [{"index":0,"delta":{"content":"a\"b","n":[ 1.5e3 , true,null,false,[]]}}], "x":-0}"#;
    let index = read(text);
    let content = index.get(&["choices".into(), 0.into(), "delta".into(), "content".into()]).expect("is there");
    assert_eq!(index.kind(content), Kind::String);
    assert_eq!(index.literal(content, text.as_bytes()), br#""a\"b""#);
    assert_eq!(index.key(content), Some(&b"content"[..]));
    assert_eq!(text.get(index.key_range(content).expect("a member")), Some("\"content\""));
    let path: Vec<Step<'_>> = vec!["choices".into(), 0.into(), "delta".into(), "content".into()];
    assert!(index.path(content) == path);
    let list = index.get(&["choices".into(), 0.into(), "delta".into(), "n".into()]).expect("is there");
    let literals: Vec<&[u8]> = index.children(list).map(|node| index.literal(node, text.as_bytes())).collect();
    assert_eq!(literals, [&b"1.5e3"[..], b"true", b"null", b"false", b"[]"]);
    let kinds: Vec<Kind> = index.children(list).map(|node| index.kind(node)).collect();
    assert_eq!(kinds, [Kind::Number, Kind::True, Kind::Null, Kind::False, Kind::Array]);
    let number = index.get(&["x".into()]).expect("is there");
    assert_eq!(index.literal(number, text.as_bytes()), b"-0");
    let root = index.root().expect("is there");
    assert_eq!(index.literal(root, text.as_bytes()), text.trim().as_bytes());
    assert_eq!(index.get(&["choices".into(), 1.into()]), None);
}

#[test]
fn a_duplicate_key_is_found_last_and_every_time() {
    let text = r#"{"a":1,"\u0061":2,"b":3}"#;
    let index = read(text);
    let found = index.get(&["a".into()]).expect("is there");
    assert_eq!(index.literal(found, text.as_bytes()), b"2");
    let root = index.root().expect("is there");
    assert_eq!(index.children(root).filter(|node| index.key(*node) == Some(b"a")).count(), 2);
}

#[test]
fn single_values_and_bad_ones() {
    for (text, kind) in
        [("12", Kind::Number), ("\"\"", Kind::String), ("\u{feff}null ", Kind::Null), ("[]", Kind::Array)]
    {
        let index = read(text);
        assert_eq!(index.kind(index.root().expect("is there")), kind, "{text}");
    }
    let limits = BodyLimits { json_depth: 3, ..BodyLimits::default() };
    for bad in
        ["", " ", "{", "[1,]", "{\"a\":1,}", "[1] 2", "01", "1.", "nul", "\"a", "\"\n\"", "{1:2}", "[1 2]", "\"\\x\""]
    {
        assert_eq!(index(bad.as_bytes(), &limits).map(|_| ()), Err(BodyErrorKind::JsonSyntax.into()), "{bad}");
    }
    assert!(index(b"[[[]]]", &limits).is_ok());
    assert_eq!(index(b"[[[[]]]]", &limits).map(|_| ()), Err(BodyErrorKind::JsonDepth.into()));
}

#[test]
fn escapes_go_both_ways() {
    let cases: [(&[u8], &[u8]); 8] = [
        (br#""plain""#, b"plain"),
        (br#""\"\\\/\b\f\n\r\t""#, b"\"\\/\x08\x0C\n\r\t"),
        (br#""\u0034\u00e9\u20AC""#, "4é€".as_bytes()),
        (br#""\ud83d\ude00""#, "😀".as_bytes()),
        (br#""\ud83dx\ude00""#, b"\xed\xa0\xbdx\xed\xb8\x80"),
        (br#""\ud83d\u0041""#, b"\xed\xa0\xbdA"),
        (br#""\ud83d\ud83d\ude00""#, b"\xed\xa0\xbd\xf0\x9f\x98\x80"),
        (br#""\ud83d\n""#, b"\xed\xa0\xbd\n"),
    ];
    for (literal, text) in cases {
        let mut out = Vec::new();
        unescape(literal, &mut out).expect("is a literal");
        assert_eq!(out, text, "{}", String::from_utf8_lossy(literal));
        let mut again = b"\"".to_vec();
        escape(text, &mut again);
        again.push(b'"');
        let mut back = Vec::new();
        unescape(&again, &mut back).expect("is a literal");
        assert_eq!(back, text);
    }
    // What one text begins and the next one ends is one character.
    for (first, second, wanted) in [
        ("a\\ud83d", "\\ude00b", "a😀b"),
        ("a\\ud83d", "b", "a\\ud83db"),
        ("a\\ud83d", "\\ud83d\\ude00", "a\\ud83d😀"),
        ("a\\ude00", "\\ude00", "a\\ude00\\ude00"),
    ] {
        let read = |text: &str| {
            let mut out = Vec::new();
            unescape(format!("\"{text}\"").as_bytes(), &mut out).expect("is a literal");
            out
        };
        let mut text = read(first);
        match take_open_half(&mut text) {
            Some(half) => close_half(half, &read(second), &mut text),
            None => text.extend(read(second)),
        }
        let mut out = Vec::new();
        escape(&text, &mut out);
        assert_eq!(String::from_utf8_lossy(&out), wanted);
    }
    let mut out = Vec::new();
    escape("a\u{85}b\u{2028}\u{2029}c é 漢 €\u{2027}".as_bytes(), &mut out);
    assert_eq!(String::from_utf8(out).expect("is text"), "a\\u0085b\\u2028\\u2029c é 漢 €\u{2027}");
    for bad in [&b"\""[..], b"\"\"\"", b"\"a", b"a", b"", b"\"\\\"", b"\"\\u12\"", b"\"a\" ", b"\"\x01\""] {
        assert!(unescape(bad, &mut Vec::new()).is_err(), "{}", String::from_utf8_lossy(bad));
    }
}
