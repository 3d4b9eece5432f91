//! Bodies in other character sets: read as their structure says, written back in the set they came in.

use blackbar::body::{BodyErrorKind, BodyInspector, BodySpec, Dialect, Direction, Inspection};
use proptest::prelude::*;

use super::fixtures::{PLANTED, TEXT, cuts, spec};

/// A set: how it writes text, its label, and the mark that may begin it.
const SETS: [(&str, &[u8]); 12] = [
    ("utf-16le", b"\xff\xfe"),
    ("utf-16be", b"\xfe\xff"),
    ("utf-32le", b"\xff\xfe\0\0"),
    ("utf-32be", b"\0\0\xfe\xff"),
    ("iso-8859-1", b""),
    ("iso-8859-15", b""),
    ("windows-1252", b""),
    ("shift_jis", b""),
    ("gbk", b""),
    ("gb18030", b""),
    ("euc-kr", b""),
    ("big5", b""),
];

fn write(label: &str, text: &str) -> Vec<u8> {
    match label {
        "utf-16le" => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        "utf-16be" => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        "utf-32le" => text.chars().flat_map(|letter| u32::from(letter).to_le_bytes()).collect(),
        "utf-32be" => text.chars().flat_map(|letter| u32::from(letter).to_be_bytes()).collect(),
        _ => encoding_rs::Encoding::for_label(label.as_bytes()).unwrap().encode(text).0.into_owned(),
    }
}

fn run(spec: &BodySpec, chunks: &[&[u8]]) -> (Vec<u8>, Result<(), BodyErrorKind>, Inspection) {
    let mut body = BodyInspector::new(spec.clone()).unwrap();
    let mut out = Vec::new();
    let pushed = chunks.iter().try_for_each(|chunk| body.push(chunk, &mut out));
    let end = pushed.and_then(|()| body.finish(&mut out));
    (out, end.map_err(|error| error.kind), body.into_inspection())
}

/// Bodies of many forms, their types, and what they come to in UTF-8.
fn bodies() -> Vec<(&'static str, String)> {
    let cells = TEXT.replace(", ", "\",\"").replace("; ", "\",\"");
    vec![
        ("text/plain", String::from(TEXT)),
        (
            "application/json",
            format!("{{\"a\":[{}],\"ssn\":\"078-05-1120\",\"n\":4111111111111111}}", serde_json::json!(TEXT)),
        ),
        ("application/x-ndjson", format!("{{\"a\":1}}\n{{\"a\":{}}}\n", serde_json::json!(TEXT))),
        ("text/csv", format!("name,card,number,phone,mail,key\n\"{cells}\"\n")),
        (
            "application/x-www-form-urlencoded",
            String::from("ssn=078-05-1120&mail=jane%40example.com&card=4111+1111+1111+1111"),
        ),
        ("application/xml", format!("<?xml version=\"1.0\"?><r ssn=\"078-05-1120\"><t>{TEXT}</t></r>")),
        ("text/html", format!("<p>{TEXT}</p>")),
        ("application/yaml", format!("note: \"{TEXT}\"\nssn: 078-05-1120\n")),
    ]
}

#[test]
fn every_structure_is_read_in_every_set_at_every_split() {
    for (kind, text) in bodies() {
        let (plain, end, seen) = run(&spec(kind), &[text.as_bytes()]);
        assert_eq!(end, Ok(()), "{kind}");
        let plain = String::from_utf8(plain).unwrap();
        for value in PLANTED {
            assert!(!plain.contains(value), "{kind}: {plain}");
        }
        for (label, mark) in SETS {
            let spec = spec(&format!("{kind}; charset={label}"));
            let body = [mark, &write(label, &text)].concat();
            let wanted = [mark, &write(label, &plain)].concat();
            let step = if body.len() > 400 { 7 } else { 1 };
            for at in cuts(body.len(), step) {
                let (out, end, found) = run(&spec, &[&body[..at], &body[at..]]);
                assert_eq!((end, &found.findings), (Ok(()), &seen.findings), "{kind} {label} at {at}");
                assert!(out == wanted, "{kind} {label} at {at}: {}", String::from_utf8_lossy(&out));
            }
        }
    }
}

#[test]
fn a_part_has_a_set_of_its_own_and_what_says_nothing_is_told_by_its_nuls() {
    let part = write("utf-16le", "card 4111 1111 1111 1111");
    let head =
        b"--b\r\nContent-Disposition: form-data; name=\"a\"\r\nContent-Type: text/plain; charset=utf-16le\r\n\r\n";
    let other = b"\r\n--b\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\n4111 1111 1111 1111\r\n--b--\r\n";
    let body = [&head[..], &part, other].concat();
    let wanted = [
        &head[..],
        &write("utf-16le", "card **** **** **** 1111"),
        b"\r\n--b\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\n**** **** **** 1111\r\n--b--\r\n",
    ]
    .concat();
    for at in 0..=body.len() {
        let (out, end, _) = run(&spec("multipart/form-data; boundary=b"), &[&body[..at], &body[at..]]);
        assert_eq!((end, out == wanted), (Ok(()), true), "at {at}");
    }
    for (label, _) in &SETS[..4] {
        for (kind, text, wanted) in [
            ("application/json", "{\"a\":\"4111 1111 1111 1111\"}", "{\"a\":\"**** **** **** 1111\"}"),
            ("text/plain", "card 4111 1111 1111 1111", "card **** **** **** 1111"),
            ("", "card 4111 1111 1111 1111", "card **** **** **** 1111"),
        ] {
            let (out, end, _) = run(&spec(kind), &[&write(label, text)]);
            assert_eq!((end, out), (Ok(()), write(label, wanted)), "{label} {kind}");
        }
    }
}

#[test]
fn letters_of_the_set_are_seen_as_what_they_are() {
    // Blanks that do not break, and signs that look like a hyphen, have other bytes there than in UTF-8.
    let body =
        write("windows-1252", "na\u{ef}ve: 4111\u{a0}1111\u{a0}1111\u{a0}1111, 078\u{2013}05\u{2013}1120 caf\u{e9}");
    let (out, end, _) = run(&spec("text/plain; charset=windows-1252"), &[&body]);
    assert_eq!(end, Ok(()));
    let text = encoding_rs::WINDOWS_1252.decode(&out).0.into_owned();
    assert!(!text.contains("4111") && !text.contains("1120"), "{text}");
    assert!(text.starts_with("na\u{ef}ve: ") && text.ends_with(" caf\u{e9}"), "{text}");
    // So called, and UTF-8 in truth.
    let body = "caf\u{e9} \u{ff14}\u{ff11}\u{ff11}\u{ff11} 1111 1111 1111";
    let (out, _, seen) = run(&spec("text/plain; charset=iso-8859-1"), &[body.as_bytes()]);
    assert!(out != body.as_bytes() && seen.findings.len() == 1);
}

#[test]
fn what_breaks_off_in_a_unit_does_not_hide_its_value() {
    let whole = write("utf-16le", "card 4111111111111111");
    let (out, end, seen) = run(&spec("text/plain; charset=utf-16le"), &[&whole[..whole.len() - 1]]);
    assert_eq!((end, seen.findings.len()), (Ok(()), 1));
    assert_eq!(out, [&write("utf-16le", "card ************111")[..], b"1"].concat());
    for (body, charset) in [
        (&b"a\0b\0\xd8"[..], "utf-16le"),
        (b"\0a\0", "utf-16be"),
        (b"a\0\0\0b\0", "utf-32le"),
        (b"\0\0\0a\0\0", "utf-32be"),
    ] {
        let (out, end, _) = run(&spec(&format!("text/plain; charset={charset}")), &[body]);
        assert_eq!((end, out.as_slice()), (Ok(()), body), "{charset}");
    }
}

#[test]
fn what_contradicts_its_set_is_refused_or_counted() {
    let late = [
        &write("utf-16le", "some text in wide characters\n")[..],
        b"and a card appended by another program 4111 1111 1111 1111\n",
    ]
    .concat();
    for (kind, body) in [
        ("text/plain; charset=utf-16", &b"4111 1111 1111 1111"[..]),
        ("text/plain; charset=utf-16be", &write("utf-16le", "4111 1111 1111 1111")),
        ("text/plain; charset=utf-16le", &late),
        ("text/plain; charset=utf-32", b"4111 1111 1111 1111"),
        ("text/plain; charset=utf-7", b"4111 1111 1111 1111"),
        ("text/plain; charset=iso-2022-jp", b"4111 1111 1111 1111"),
        ("text/plain; charset=utf-8; charset=utf-16", b"x"),
        ("text/plain; charset=iso-8859-1", &[&b"x"[..], &write("utf-16le", "4111 1111")].concat()),
        ("text/event-stream; charset=utf-16", b"data: x\n\n"),
    ] {
        for at in 0..=body.len() {
            let (out, end, _) = run(&spec(kind), &[&body[..at], &body[at..]]);
            assert_eq!(end, Err(BodyErrorKind::Charset), "{kind} at {at}");
            assert!(!String::from_utf8_lossy(&out).contains("4111 1111"), "{kind}");
        }
        let lenient = BodySpec { on_fault_pass: true, ..spec(kind) };
        let (out, end, seen) = run(&lenient, &[body]);
        assert_eq!((end, out.as_slice()), (Ok(()), body), "{kind}");
        assert_eq!(seen.unscanned.iter().map(|(reason, _)| *reason).collect::<Vec<_>>(), ["charset"], "{kind}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn bytes_without_a_finding_leave_as_they_came(
        set in 0..SETS.len(),
        bytes in prop::collection::vec(prop_oneof![any::<u8>(), b'a'..=b'z', Just(0_u8), 0xd8..0xe0_u8], 0..200),
        cut in 0..200_usize,
    ) {
        let (label, mark) = SETS[set];
        let body = [mark, &bytes].concat();
        let spec = spec(&format!("text/plain; charset={label}"));
        let (first, second) = body.split_at(cut.min(body.len()));
        let whole = run(&spec, &[&body]);
        let split = run(&spec, &[first, second]);
        prop_assert_eq!(&split.1, &whole.1);
        if whole.1.is_ok() {
            prop_assert_eq!(&split.0, &whole.0);
            if whole.2.findings.is_empty() {
                prop_assert_eq!(&whole.0, &body);
            }
        }
    }
}

/// Documents that name their set in their own head are read in it; where others say otherwise no reader sees more.
#[test]
fn documents_that_name_their_set_are_read_in_it() {
    let run = |kind: &str, body: &[u8]| {
        let whole = super::fixtures::outcome(super::fixtures::inspector(kind, &[]), body);
        for at in 0..=body.len() {
            let mut inspector = super::fixtures::inspector(kind, &[]);
            let mut out = Vec::new();
            let (left, right) = body.split_at(at);
            let end = inspector.push(left, &mut out).and_then(|()| inspector.push(right, &mut out));
            let end = end.and_then(|()| inspector.finish(&mut out)).map_err(|error| error.kind);
            assert_eq!(end, whole.1, "{kind} at {at}");
            if end.is_ok() {
                assert_eq!(out, whole.0, "{kind} at {at}");
            }
        }
        whole
    };
    let card: &[u8] = b"4111\xa01111\xa01111\xa01111";
    let masked: &[u8] = b"****\xa0****\xa0****\xa01111";
    let utf8 = "4111\u{a0}1111\u{a0}1111\u{a0}1111".as_bytes();
    let masked_utf8 = "****\u{a0}****\u{a0}****\u{a0}1111".as_bytes();
    let with = |head: &str, text: &[u8]| [head.as_bytes(), text, b"</a>"].concat();
    let xml = "<?xml version=\"1.0\" encoding=\"windows-1252\"?><a>";
    let html = "<meta http-equiv=Content-Type content=\"text/html; charset=windows-1252\"><body><a>";
    for (kind, head, text, new) in [
        ("application/xml", xml, card, masked),
        ("text/html", html, card, masked),
        ("text/html", "<meta charset=latin1><body><a>", card, masked),
        // As readers of the header have it, and those of the head.
        ("text/html; charset=utf-8", html, utf8, masked_utf8),
        ("application/xml; charset=utf-8", xml, utf8, masked_utf8),
        ("text/html; charset=iso-8859-7", html, b"4111 1111 1111 1111", b"**** **** **** 1111"),
        // Without a type that says something browsers find out by themselves.
        ("", "<!doctype html><meta charset=latin1><body><a>", card, masked),
        ("html", "  \n<META charset=latin1><body><a>", card, masked),
        ("*/*", xml, card, masked),
        ("", "<p>", b"4111 1111 1111 1111", b"**** **** **** 1111"),
        ("", "<pre><meta charset=iso-2022-jp>", b"4111 1111 1111 1111", b"**** **** **** 1111"),
    ] {
        assert_eq!(run(kind, &with(head, text)), (with(head, new), Ok(())), "{kind} {head}");
    }
    for (kind, head, text) in [
        ("text/html; charset=utf-8", html, card),
        ("application/xml; charset=utf-8", xml, card),
        ("text/html; charset=iso-8859-7", html, card),
        ("text/html", "<meta charset=utf-7><body><a>", b"+ADQ-111"),
        ("application/xml", "<?xml version=\"1.0\" encoding=\"utf-7\"?><a>", b"+ADQ-111"),
        ("text/html", "<meta charset=iso-2022-jp><body><a>", b"4111"),
        ("", "<!doctype html><meta charset=iso-2022-jp><p>", b"card 4111 11\x1b(B11 1111 1111"),
        ("html", "<!-- x --><meta charset=iso-2022-jp><p>", b"card 4111 11\x1b(B11 1111 1111"),
        ("*/*", "\n <HTML><meta charset=iso-2022-jp><p>", b"card 4111 11\x1b(B11 1111 1111"),
        ("unknown/unknown", "<p><meta charset=hz-gb-2312><p>", b"card 4111 11~{~}11 1111 1111"),
        ("", "<?xml version=\"1.0\" encoding=\"utf-7\"?><a>", b"+ADQ-111"),
    ] {
        assert_eq!(run(kind, &with(head, text)).1, Err(blackbar::body::BodyErrorKind::Charset), "{kind} {head}");
    }
}

/// What a file becomes that stands in base64, in lines of so many letters, in a request to a model.
fn redacted(dialect: Dialect, template: &str, file: &[u8], line: usize) -> Vec<u8> {
    use base64::Engine as _;
    let engine = base64::engine::general_purpose::STANDARD;
    let letters = engine.encode(file).into_bytes();
    let lines: Vec<String> = letters.chunks(line).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    let body = template.replace("FILE", &lines.join("\\n"));
    let spec = BodySpec { dialect, direction: Direction::Request, ..spec("application/json") };
    let (out, end) = super::fixtures::outcome(BodyInspector::new(spec).unwrap(), body.as_bytes());
    assert_eq!(end, Ok(()), "{body}");
    let out = String::from_utf8(out).unwrap().replace("\\n", "");
    let longest = out.split(['"', ',']).max_by_key(|part| part.len()).unwrap_or_default().to_owned();
    engine.decode(longest).unwrap()
}

/// A file in base64 within a request to a model is read in its set, whatever its field says that it is.
#[test]
fn files_in_base64_are_read_in_their_set() {
    let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let old = |text: &str| text.chars().map(|character| character as u8).collect::<Vec<u8>>();
    let latin = |bytes: &[u8]| bytes.iter().map(|byte| char::from(*byte)).collect::<String>();
    let anthropic = r#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"document","source":{"type":"base64","media_type":"text/plain","data":"FILE"}}]}]}"#;
    let openai = r#"{"model":"m","messages":[{"role":"user","content":[{"type":"file","file":{"filename":"a.csv","file_data":"data:text/csv;base64,FILE"}}]}]}"#;
    let gemini = r#"{"contents":[{"parts":[{"inlineData":{"mimeType":"text/csv","data":"FILE"}}]}]}"#;
    let lines = "4111 1111 1111 1111;jane@example.com\r\n";
    let masked = "**** **** **** 1111;jane@***\r\n";
    let late = "Name;Karte;Mail\r\nJos\u{e9};";
    let early = "Jos\u{e9};Karte\r\n";
    for (dialect, template) in [(Dialect::Anthropic, anthropic), (Dialect::OpenAi, openai), (Dialect::Gemini, gemini)] {
        for head in [late, early, "Jos\u{e9};"] {
            let (file, wanted) = (format!("{head}{lines}"), format!("{head}{masked}"));
            // What the engine sees where it stands is read line by line.
            for line in if head == late { &[usize::MAX][..] } else { &[usize::MAX, 76, 40] } {
                // There it fills groups of letters up.
                let single: Vec<u8> = redacted(dialect, template, &old(&file), *line);
                let single = old(&latin(&single).replace("@*****", "@***"));
                assert_eq!(single, old(&wanted), "{dialect:?} {head}");
                let marked = |text: &str| wide(&format!("\u{feff}{text}"));
                assert_eq!(redacted(dialect, template, &marked(&file), *line), marked(&wanted), "{dialect:?} {head}");
            }
        }
        let ascii = "Name;Card;Mail;Note\r\n";
        let (file, wanted) = (format!("{ascii}{lines}"), format!("{ascii}{masked}"));
        assert_eq!(redacted(dialect, template, &wide(&file), usize::MAX), wide(&wanted), "{dialect:?}");
    }
    // Mostly letters beyond ASCII: its head says that it is text.
    let (file, _, _) = encoding_rs::WINDOWS_1251.encode("Имя;Карта\r\nИван;4111 1111 1111 1111\r\n");
    let (wanted, _, _) = encoding_rs::WINDOWS_1251.encode("Имя;Карта\r\nИван;**** **** **** 1111\r\n");
    assert_eq!(redacted(Dialect::OpenAi, openai, &file, usize::MAX), wanted.into_owned());
}

/// What is said of a file's set counts however it is written, before the file in a `data:` URI or in the member before it.
#[test]
fn files_in_base64_are_read_in_the_set_that_is_named() {
    let openai = r#"{"model":"m","messages":[{"role":"user","content":[{"type":"file","file":{"filename":"a.csv","file_data":"HEAD,FILE"}}]}]}"#;
    let gemini = r#"{"contents":[{"parts":[{"text":"see"},{"inlineData":{"mimeType":"HEAD","data":"FILE"}}]}]}"#;
    let anthropic = r#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"document","source":{"type":"base64","media_type":"HEAD","data":"FILE"}}]}]}"#;
    // Nothing at its beginning tells that it is text.
    let (file, wanted) = ("Имя;Карта\r\nИван;4111 1111 1111 1111\r\n", "Имя;Карта\r\nИван;**** **** **** 1111\r\n");
    let types = [
        ("text/plain;charset=NAME", ""),
        ("text/plain;CHARSET=NAME", ""),
        ("text/plain; charset=NAME", ""),
        (r#"text/plain;charset=\"NAME\""#, ""),
        (r#"text/csv;CHARSET=\"NAME\""#, ""),
        ("text/plain;charset=NAME", "_"),
        ("TEXT/PLAIN;charset=NAME", ""),
    ];
    for (head, hyphen) in types {
        for (label, name) in [("utf-16le", "UTF-16LE"), ("utf-16be", "utf-16be"), ("windows-1251", "Windows-1251")] {
            let name = if hyphen.is_empty() { name.to_owned() } else { name.replace('-', hyphen) };
            let head = head.replace("NAME", &name);
            let (file, wanted) = (write(label, file), write(label, wanted));
            let uri = openai.replace("HEAD", &format!("data:{head};base64"));
            for (dialect, template) in [
                (Dialect::OpenAi, &uri),
                (Dialect::OpenAi, &uri.replace(";base64,", ";BASE64,")),
                (Dialect::Gemini, &gemini.replace("HEAD", &head)),
                (Dialect::Gemini, &gemini.replace("HEAD", &head).replace("mimeType", "mime_type")),
                (Dialect::Anthropic, &anthropic.replace("HEAD", &head)),
            ] {
                assert_eq!(redacted(dialect, template, &file, usize::MAX), wanted, "{dialect:?} {head}");
            }
        }
    }
    // Objects and arrays between the two say nothing of it.
    for between in [r#""x":{"y":1}"#, r#""x":[{"mimeType":"text/plain;charset=utf-16be"}]"#, r#""x":[]"#] {
        let template =
            gemini.replace("HEAD", "text/plain;charset=utf-16le").replace("\"data\"", &format!("{between},\"data\""));
        let (file, wanted) = (write("utf-16le", file), write("utf-16le", wanted));
        assert_eq!(redacted(Dialect::Gemini, &template, &file, usize::MAX), wanted, "{between}");
    }
    // What another object says, or one that is over, is not said of this file; neither is what comes behind it.
    let picture: Vec<u8> = (0..96_u8).map(|byte| byte.wrapping_mul(151) ^ 0x95).collect();
    for template in [
        r#"{"contents":[{"parts":[{"inlineData":{"mimeType":"text/plain;charset=utf-16le"}},{"inlineData":{"data":"FILE"}}]}]}"#,
        r#"{"contents":[{"parts":[{"mimeType":"text/plain;charset=utf-16le","inlineData":{"data":"FILE"}}]}]}"#,
        r#"{"contents":[{"parts":[{"inlineData":{"data":"FILE","mimeType":"text/plain;charset=utf-16le"}}]}]}"#,
        r#"{"contents":[{"parts":[{"inlineData":{"mimeType":"image/png;charset=utf-16le","data":"FILE"}}]}]}"#,
    ] {
        assert_eq!(redacted(Dialect::Gemini, template, &picture, usize::MAX), picture, "{template}");
    }
}

/// A file in a wide set is read whatever else the head of its `data:` URI says, and that is scanned itself.
#[test]
fn the_head_of_a_file_may_say_more_than_its_type() {
    let template = r#"{"model":"m","messages":[{"role":"user","content":[{"type":"file","file":{"filename":"a","file_data":"HEAD,FILE"}}]}]}"#;
    let text = "card 4111 1111 1111 1111 end. More words here, so that there is enough of it to tell what it is";
    let masked = text.replace("4111 1111 1111 1111", "**** **** **** 1111");
    let plain: fn(&str) -> Vec<u8> = |text| write("utf-16le", text);
    let marked: fn(&str) -> Vec<u8> = |text| write("utf-16le", &format!("\u{feff}{text}"));
    for head in [
        "data:text/plain;name=Report.txt;base64",
        "data:text/plain;name=my%20file.txt;base64",
        "data:text/plain;name=report_1.txt; base64",
        "data:text/plain; base64",
        "data:text/plain;Name=x;base64 ",
        "data:text/csv;header=PRESENT;base64",
        "data:text/plain;charset=UTF-16LE;name=A.txt;base64",
        "DATA:text/plain;base64",
        " data:text/plain;base64",
        "data:application/vnd.ms-excel.sheet.macroEnabled.12;base64",
        "data:text/x_y;base64",
        "data:base64",
        "data:text/plain;name=a,b.txt;base64",
        "data:text/plain;name=Base64, a.txt;base64",
        "data:text/plain;name=base64,ab.txt;BASE64",
        "data:text/plain;base64,;base64",
        &format!("data:text/plain;name={}.txt;base64", "%C3%A9".repeat(25)),
        &format!("{}data:text/plain;base64", " ".repeat(150)),
        &format!("data:text/plain;name={}.txt;base64", "a,".repeat(300)),
    ] {
        let template = template.replace("HEAD", head);
        for file in [marked, plain] {
            assert_eq!(redacted(Dialect::OpenAi, &template, &file(text), usize::MAX), file(&masked), "{head}");
        }
    }
    for name in ["utf_16_le", "utf-16-le", "UTF_16_LE", "csUTF16LE", "utf16", "ucs-2", "U16", "UnicodeLittle"] {
        let template = template.replace("HEAD", &format!("data:text/plain;charset={name};base64"));
        let file = |text: &str| write("utf-16le", &format!("\u{20ac} {text}"));
        assert_eq!(redacted(Dialect::OpenAi, &template, &file(text), usize::MAX), file(&masked), "{name}");
        let gemini =
            r#"{"contents":[{"parts":[{"inlineData":{"mimeType":"text/plain; charset=NAME","data":"FILE"}}]}]}"#;
        let template = gemini.replace("NAME", name);
        assert_eq!(redacted(Dialect::Gemini, &template, &file(text), usize::MAX), file(&masked), "{name}");
    }
    let default = template.replace("HEAD", "data:;charset=utf-16le;base64");
    let file = |text: &str| write("utf-16le", &format!("\u{20ac} {text}"));
    assert_eq!(redacted(Dialect::OpenAi, &default, &file(text), usize::MAX), file(&masked));
    // Its name is no part of the file.
    let template = template.replace("HEAD", "data:text/plain;name=jane@example.com;base64");
    let body = template.replace("FILE", &encoded(&marked(text)));
    let out = sent(&body);
    assert!(out.contains("name=jane@***;base64,") && out.contains(&encoded(&marked(&masked))), "{out}");
    // What is no text passes as it is, however it is called.
    let picture: Vec<u8> = (0..96_u8).map(|byte| byte.wrapping_mul(151) ^ 0x95).collect();
    for head in ["data:image/png;name=A%20b.PNG;base64", "data:;base64", "data:image/png;charset=utf-7;base64"] {
        let body =
            template.replace("data:text/plain;name=jane@example.com;base64", head).replace("FILE", &encoded(&picture));
        assert_eq!(sent(&body), body);
    }
}

/// What is sent on to OpenAI, at any split.
fn sent(body: &str) -> String {
    let spec = BodySpec { dialect: Dialect::OpenAi, direction: Direction::Request, ..spec("application/json") };
    let (whole, end, _) = run(&spec, &[body.as_bytes()]);
    assert_eq!(end, Ok(()), "{body}");
    for at in 0..=body.len() {
        let (left, right) = body.as_bytes().split_at(at);
        assert!(run(&spec, &[left, right]).0 == whole, "{body} at {at}");
    }
    String::from_utf8(whole).unwrap()
}

fn encoded(file: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(file)
}

/// A head that is longer than what is kept of one, and what begins as no base64 does, are read as they stand.
#[test]
fn files_in_utf_8_are_read_where_they_stand() {
    let template = r#"{"model":"m","messages":[{"role":"user","content":[{"type":"file","file":{"filename":"a","file_data":"HEAD,FILE"}}]}]}"#;
    let text = "card 4111 1111 1111 1111 end. More words here, so that there is enough of it to tell what it is";
    let (file, masked) =
        (encoded(text.as_bytes()), encoded(text.replace("4111 1111 1111", "**** **** ****").as_bytes()));
    let long = format!("data:text/plain;name={}.txt;base64", "a,%20b".repeat(400));
    for (head, before) in [
        (long.as_str(), ""),
        (&format!("{}data:text/plain;base64", " ".repeat(2500)), ""),
        ("data:text/plain;base64", "="),
        ("data:text/plain;base64", "==="),
        ("data:text/plain;base64", "Q="),
    ] {
        let body = template.replace("HEAD", head).replace("FILE", &format!("{before}{file}"));
        let wanted = template.replace("HEAD", head).replace("FILE", &format!("{before}{masked}"));
        assert_eq!(sent(&body), wanted);
    }
    // A beginning that decodes to nothing passes as it is.
    for short in ["", "Q", "QQ", "QUE", "="] {
        let body = template.replace("HEAD", "data:text/plain;base64").replace("FILE", short);
        assert_eq!(sent(&body), body);
    }
}

/// A file that is called text in a set that nobody here reads is refused, as a body of that type is.
#[test]
fn files_in_sets_that_are_not_known_are_refused() {
    let openai = |uri: &str| {
        format!(
            r#"{{"model":"m","messages":[{{"role":"user","content":[{{"type":"file","file":{{"file_data":"{uri}"}}}}]}}]}}"#
        )
    };
    let gemini = |kind: &str, file: &[u8]| {
        let file = encoded(file);
        format!(r#"{{"contents":[{{"parts":[{{"inlineData":{{"mimeType":"{kind}","data":"{file}"}}}}]}}]}}"#)
    };
    let long = b"mail jane+AEA-example.com and more words, so that it is long enough to be told from others";
    let mut bodies = Vec::new();
    for set in ["utf-7", "iso-2022-jp", "hz-gb-2312", "cp037", "x-unheard"] {
        for file in [&long[..], b"jane+AEA-example.com"] {
            for head in ["text/plain;charset=SET", "text/plain; charset=\\\"SET\\\";name=A%20b.txt", ";charset=SET"] {
                let head = head.replace("SET", set);
                bodies.push((Dialect::OpenAi, openai(&format!("data:{head};base64,{}", encoded(file)))));
            }
            bodies.push((Dialect::Gemini, gemini(&format!("text/plain; charset={set}"), file)));
        }
        bodies.push((Dialect::OpenAi, openai(&format!("data:text/plain;charset={set},jane+AEA-example.com"))));
    }
    bodies.push((Dialect::OpenAi, openai("data:text/plain;charset=utf-16le,4%001%001%001%00")));
    bodies.push((Dialect::OpenAi, openai("data:text/plain;charset=utf-16le;name=a,b.txt;base64,AEA")));
    // Nor is what cannot be parsed, and names one all the same.
    let many = ";a=b".repeat(40);
    for head in [r#"text/plain;x=a\"b;charset=utf-16le"#, &format!("text/plain;charset=utf-16le{many}")] {
        bodies.push((Dialect::OpenAi, openai(&format!("data:{head};base64,{}", encoded(long)))));
        bodies.push((Dialect::Gemini, gemini(head, long)));
    }
    bodies.push((Dialect::Gemini, gemini(&format!("text/plain;x={};charset=utf-16le", "y".repeat(600)), long)));
    for (dialect, body) in bodies {
        let spec = BodySpec { dialect, direction: Direction::Request, ..spec("application/json") };
        for at in (0..=body.len()).step_by(7) {
            let (out, end, _) = run(&spec, &[&body.as_bytes()[..at], &body.as_bytes()[at..]]);
            assert_eq!(end, Err(BodyErrorKind::Charset), "{body} at {at}");
            assert!(!String::from_utf8_lossy(&out).contains("AEA"), "{body}");
        }
    }
}
