//! Syslog messages: any chunking gives one result, what is not to change does not, and what is written back can be read.

use std::sync::{Arc, OnceLock};

use blackbar::body::syslog::{Framing, Messages, Terms};
use blackbar::body::{BodyErrorKind, BodyLimits, Direction, Inspection, Scopes, Transform};
use proptest::prelude::*;

const RULES: &str = r#"version = 1
packs = ["pci", "contact", "us-pii"]
[actions]
SECRET = "block"
[[rule]]
id = "t.block"
entity = "SECRET"
pattern = 'BLOCKME-[0-9]{4}|SPLIT (?:- )?ME-[0-9]{4}'
[[rule]]
id = "t.odd"
entity = "ODD"
pattern = 'ODD-[0-9]{4}'
action = { replace = 'a "b" ]|=\' }
[[rule]]
id = "t.gone"
entity = "GONE"
pattern = 'GONE-[0-9]{4}'
action = "remove"
[[rule]]
id = "t.long"
entity = "LONG"
pattern = 'LONG-[0-9]{4}'
action = { replace = "llllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllll" }
[[rule]]
id = "t.named"
entity = "NAMED"
pattern = 'N[0-9]{6}'
action = "redact"
keywords = { words = ["badge"], within = 40 }
"#;

fn scopes() -> Arc<Scopes> {
    static SCOPES: OnceLock<Arc<Scopes>> = OnceLock::new();
    let load = || {
        let folder = std::env::temp_dir().join(format!("blackbar-syslog-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("rules.toml");
        std::fs::write(&file, RULES).unwrap();
        let rules = blackbar::policy::load_rules(Some(&file)).expect("the rules load");
        std::fs::remove_dir_all(&folder).unwrap();
        Arc::clone(rules.scopes(Direction::Request))
    };
    Arc::clone(SCOPES.get_or_init(load))
}

const TERMS: Terms = Terms { framing: Framing::Auto, per_record: true, lenient: false, keep_dropped: false };

/// What left, how it ended, messages kept and dropped.
type Outcome = (Vec<u8>, Result<(), BodyErrorKind>, u64, u64);

fn run<'a>(terms: Terms, pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let limits = BodyLimits { syslog_message: 1024, ..BodyLimits::default() };
    let mut messages = Messages::new(&scopes(), &limits, terms);
    let (mut out, mut seen) = (Vec::new(), Inspection::default());
    let end = pieces.into_iter().try_for_each(|piece| messages.push(piece, &mut out, &mut seen));
    let end = end.and_then(|()| messages.finish(&mut out, &mut seen)).map_err(|error| error.kind);
    assert_eq!(seen.bytes_out, out.len() as u64);
    (out, end, seen.records.kept, seen.records.dropped())
}

/// One result whole, at every split in two and byte by byte.
fn everywhere(terms: Terms, stream: &[u8]) -> Outcome {
    let whole = run(terms, [stream]);
    for at in 0..=stream.len() {
        let (left, right) = stream.split_at(at);
        assert_eq!(run(terms, [left, right]), whole, "at {at}");
    }
    assert_eq!(run(terms, stream.chunks(1)), whole);
    whole
}

/// What a single message becomes: as a line, and counted, which must agree.
fn message(text: &str) -> String {
    let (line, end, kept, _) = everywhere(TERMS, format!("{text}\n").as_bytes());
    assert_eq!((end, kept), (Ok(()), 1), "{text}");
    let line = String::from_utf8(line).unwrap();
    let line = line.strip_suffix('\n').expect("a line ends as it came");
    let (counted, end, ..) = everywhere(TERMS, format!("{} {text}", text.len()).as_bytes());
    assert_eq!(end, Ok(()));
    let counted = String::from_utf8(counted).unwrap();
    let (count, counted) = counted.split_once(' ').unwrap();
    assert_eq!(count.parse(), Ok(counted.len()), "the count is that of the bytes");
    assert_eq!(counted, line);
    line.to_owned()
}

const HEADER: &str = "<165>1 2026-10-11T22:14:15.003Z host app 111 ID47";

#[test]
fn values_go_wherever_they_stand() {
    for (text, expected) in [
        (
            "<34>Oct 11 22:14:15 host su[9]: card 4111 1111 1111 1111 paid",
            "<34>Oct 11 22:14:15 host su[9]: card **** **** **** 1111 paid",
        ),
        ("mail jane@example.com and no header", "mail jane@*** and no header"),
        ("<13>mail jane@example.com", "<13>mail jane@***"),
        (
            "<165>1 2026-10-11T22:14:15.003Z jane@example.com app 111 ID47 - \u{feff}card 4111111111111111 \u{20ac}",
            "<165>1 2026-10-11T22:14:15.003Z jane@*** app 111 ID47 - \u{feff}card ************1111 \u{20ac}",
        ),
        (
            "<165>1 - host app 111 ID47 [jane@example.com k=\"a \\\"4111 1111 1111 1111\\\" \\] \\\\ \\n\" l=\"\\\\\"][b x=\"jane@example.com\"] ok",
            "<165>1 - host app 111 ID47 [jane@*** k=\"a \\\"**** **** **** 1111\\\" \\] \\\\ \\n\" l=\"\\\\\"][b x=\"jane@***\"] ok",
        ),
        ("<165>1 4111111111111111 h a p m - x", "<165>1 ************1111 h a p m - x"),
        (
            "<14>h CEF:0|V|P|1|9|mail jane@example.com|5|duser=jane@example.com src=192.0.2.1 msg=a\\=b 4111 1111 1111 1111 c",
            "<14>h CEF:0|V|P|1|9|mail jane@***|5|duser=jane@*** src=192.0.2.1 msg=a\\=b **** **** **** 1111 c",
        ),
        (
            "LEEF:2.0|V|P|1|E|^|usr=jane@example.com^c=4111111111111111",
            "LEEF:2.0|V|P|1|E|^|usr=jane@***^c=************1111",
        ),
        (
            "<1>h t: @cee: {\"card\":4111111111111111,\"a\":\"\\u006aane@example.com\"}",
            "<1>h t: @cee: {\"card\":\"************1111\",\"a\":\"jane@***\"}",
        ),
        ("<1>h t: {\"a\":\"jane@example.com\"} and jane@example.com", "<1>h t: {\"a\":\"jane@***\"} and jane@***"),
        (
            "<1>1 - h a p m [x j=\"{\\\"card\\\":4111111111111111}\"]",
            "<1>1 - h a p m [x j=\"{\\\"card\\\":\\\"************1111\\\"}\"]",
        ),
    ] {
        assert_eq!(message(text), expected);
    }
}

#[test]
fn words_where_fields_are_wanted_are_one_text() {
    let stamp = "<13>1 2026-11-29T10:00:00Z";
    for (text, expected) in [
        (
            format!("{stamp} host app 123 4111 1111 1111 1111 declined"),
            Some("host app 123 **** **** **** 1111 declined"),
        ),
        (format!("{stamp} host app 4111 1111 1111 1111 declined"), Some("host app **** **** **** 1111 declined")),
        (format!("{stamp} 4111 1111 1111 1111"), Some("**** **** **** 1111")),
        ("<13>1 - - 4111 1111 1111 1111 - refund to card".to_owned(), Some("- **** **** **** 1111 - refund to card")),
        ("<13>1 - 4111 1111 1111 1111 - refund".to_owned(), Some("**** **** **** 1111 - refund")),
        (
            "<13>1 - 4111 1111 1111 1111 [a b=\"jane@example.com\"] x".to_owned(),
            Some("**** **** **** 1111 [a b=\"jane@***\"] x"),
        ),
        (
            "<13>1 - 4111 1111 1111 1111 - [\"\\u006aane@example.com\"]".to_owned(),
            Some("**** **** **** 1111 - [\"jane@***\"]"),
        ),
        (format!("{stamp} host app 123 +1 415 555 0132"), None),
        (format!("{stamp} host +1 415 555 0132 - x"), None),
    ] {
        let given = message(&text);
        let rest = given.strip_prefix(stamp).or_else(|| given.strip_prefix("<13>1 -")).unwrap().trim_start();
        match expected {
            Some(expected) => assert_eq!(rest, expected, "{text}"),
            None => assert!(!given.contains("415") && !given.contains("555"), "{given}"),
        }
    }
    let (out, end, kept, dropped) =
        everywhere(TERMS, b"<1>1 - h SPLIT ME-1234 m - x\n<1>1 - h a p SPLIT - ME-1234 x\n");
    assert_eq!((out.as_slice(), end, kept, dropped), (&b""[..], Ok(()), 0, 2));
    let (_, end, ..) = everywhere(Terms { per_record: false, ..TERMS }, b"<1>1 - h SPLIT ME-1234 m - x\n");
    assert!(matches!(end, Err(BodyErrorKind::Blocked { .. })));
}

#[test]
fn what_a_sender_puts_between_attributes_cuts_no_value() {
    for (text, expected) in [
        ("LEEF:2.0|V|P|1|E|1|card=4111111111111111 x", "LEEF:2.0|V|P|1|E|1|card=************1111 x"),
        ("LEEF:2.0|V|P|1|E|x31|card=4111111111111111 x", "LEEF:2.0|V|P|1|E|x31|card=************1111 x"),
        ("LEEF:2.0|V|P|1|E|0x31|card=4111111111111111 x", "LEEF:2.0|V|P|1|E|0x31|card=************1111 x"),
        ("LEEF:2.0|V|P|1|E|-|card=4111-1111-1111-1111", "LEEF:2.0|V|P|1|E|-|card=****-****-****-1111"),
        ("LEEF:2.0|V|P|1|E|x20|card=4111 1111 1111 1111", "LEEF:2.0|V|P|1|E|x20|card=**** **** **** 1111"),
        ("LEEF:2.0|V|P|1|E| |card=4111 1111 1111 1111", "LEEF:2.0|V|P|1|E| |card=**** **** **** 1111"),
        ("LEEF:2.0|V|P|1|E|@|user=jane@example.com", "LEEF:2.0|V|P|1|E|@|user=jane@***"),
        ("LEEF:2.0|V|P|1|E|.|user=jane@example.com", "LEEF:2.0|V|P|1|E|.|user=jane@***"),
        ("LEEF:2.0|V|P|1|E|;|user=jane@example.com;b=1", "LEEF:2.0|V|P|1|E|;|user=jane@***;b=1"),
    ] {
        assert_eq!(message(&format!("<13>{text}")), format!("<13>{expected}"));
    }
}

#[test]
fn names_say_what_values_are() {
    for (text, found) in [
        (format!("{HEADER} [a@1 badge=\"N123456\"]"), true),
        (format!("{HEADER} [a@1 other=\"N123456\"]"), false),
        ("CEF:0|a|b|c|d|e|f|badge=N123456".to_owned(), true),
        ("CEF:0|a|b|c|d|e|f|cs1=N123456 cs1Label=badge number".to_owned(), true),
        ("CEF:0|a|b|c|d|e|f|cs1=N123456 cs2Label=badge".to_owned(), false),
        ("LEEF:1.0|V|P|1|E|badge=N123456\tx=1".to_owned(), true),
        ("<1>h t: {\"badge\":\"N123456\"}".to_owned(), true),
    ] {
        assert_eq!(message(&text).contains("[NAMED"), found, "{text}");
        assert_eq!(message(&text).contains("N123456"), !found, "{text}");
    }
}

#[test]
fn what_takes_a_value_s_place_fits_there() {
    let long = "l".repeat(32);
    for (text, expected) in [
        ("ODD-1234", r#"a "b" ]|=\"#.to_owned()),
        ("<1>1 - ODD-1234 GONE-1234 p LONG-1234 - x", format!(r#"<1>1 - a_"b"_]|=\ - p {long} - x"#)),
        (
            "<1>1 - h a p m [ODD-1234 ODD-1234=\"ODD-1234\"] x",
            r#"<1>1 - h a p m [a__b___|_\ a__b___|_\="a \"b\" \]|=\\"] x"#.to_owned(),
        ),
        (
            "CEF:0|ODD-1234|P|1|9|n|5|msg=ODD-1234 ODD-1234=1",
            r#"CEF:0|a "b" ]\|=\\|P|1|9|n|5|msg=a "b" ]|\=\\ a__b______=1"#.to_owned(),
        ),
        ("LEEF:1.0|ODD-1234|P|1|E|k=ODD-1234", r#"LEEF:1.0|a "b" ]_=\|P|1|E|k=a "b" ]|=\"#.to_owned()),
        ("LEEF:2.0|V|P|1|E|x7C|k=ODD-1234", r#"LEEF:2.0|V|P|1|E|x7C|k=a "b" ]_=\"#.to_owned()),
        ("<1>h t: {\"k\":\"ODD-1234\"}", r#"<1>h t: {"k":"a \"b\" ]|=\\"}"#.to_owned()),
    ] {
        assert_eq!(message(text), expected, "{text}");
    }
}

#[test]
fn what_a_message_became_is_framed_as_no_other_reader_would_cut_it() {
    for (stream, expected) in [
        ("9 GONE-12346 <1>two", "1 -6 <1>two"),
        ("GONE-1234\n<1>two\nGONE-1234", "-\n<1>two\n-"),
        ("xx\nGONE-12345 <13>injected\n", "xx\n-5 <13>injected\n"),
        ("<1>x\n5GONE-1234 <13>last", "<1>x\n-5 <13>last"),
        ("xx\nGONE-123425 card\n", "xx\n-25 card\n"),
        ("<1>a\n\n<1>b\n", "<1>a\n\n<1>b\n"),
    ] {
        let (out, end, ..) = everywhere(TERMS, stream.as_bytes());
        assert_eq!((String::from_utf8(out).unwrap().as_str(), end), (expected, Ok(())), "{stream:?}");
    }
}

#[test]
fn a_line_that_another_reader_takes_for_a_count_is_not_sent() {
    for line in ["5 [x]", "25 card 4111", "6 <1>x"] {
        let (out, end, ..) = everywhere(TERMS, format!("<13>x\n{line}\n").as_bytes());
        assert_eq!((out.as_slice(), end), (&b"<13>x\n"[..], Err(BodyErrorKind::FrameSyntax)), "{line}");
    }
    let lines = Terms { framing: Framing::Lines, ..TERMS };
    assert_eq!(everywhere(lines, b"<13>x\n25 card\n").0, b"<13>x\n25 card\n");
}

#[test]
fn a_message_that_blocks_goes_alone_or_ends_the_stream() {
    let stream = "<1>one\n<1>two BLOCKME-1234\n<1>three\n";
    let (out, end, kept, dropped) = everywhere(TERMS, stream.as_bytes());
    assert_eq!((String::from_utf8(out).unwrap().as_str(), end, kept, dropped), ("<1>one\n<1>three\n", Ok(()), 2, 1));
    let blocked = r#"<1>{"a":"BLOCKME-1234"}"#;
    let counted = format!("6 <1>one{} {blocked}8 <1>three", blocked.len());
    let (out, end, kept, dropped) = everywhere(TERMS, counted.as_bytes());
    assert_eq!((String::from_utf8(out).unwrap().as_str(), end, kept, dropped), ("6 <1>one8 <1>three", Ok(()), 2, 1));
    let (out, end, ..) = everywhere(Terms { per_record: false, ..TERMS }, stream.as_bytes());
    assert_eq!(out, b"<1>one\n");
    assert!(matches!(end, Err(BodyErrorKind::Blocked { .. })));
}

#[test]
fn wide_characters_are_refused_or_pass_counted() {
    let wide: Vec<u8> = "mail jane".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let stream = [wide.len().to_string().as_bytes(), b" ", &wide].concat();
    assert_eq!(everywhere(TERMS, &stream).1, Err(BodyErrorKind::Charset));
    assert_eq!(everywhere(Terms { lenient: true, ..TERMS }, &stream), (stream.clone(), Ok(()), 1, 0));
}

#[test]
fn compressed_messages_are_refused_or_pass_counted() {
    use std::io::Write;
    let text = b"<34>1 2026-11-30T09:00:00Z host app 1 ID47 - mail jane@example.com card 4111 1111 1111 1111";
    let zlib = |level| {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(level));
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    };
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text).unwrap();
    let mut streamed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    streamed.write_all(text).unwrap();
    streamed.flush().unwrap();
    for compressed in [
        [b"z".as_slice(), &zlib(9)].concat(),
        [b"z".as_slice(), &zlib(0)].concat(),
        zlib(1),
        gzip.finish().unwrap(),
        streamed.get_ref().clone(),
        b"\x28\xb5\x2f\xfd\x24\x01\0\0".to_vec(),
        b"BZh91AY&SY\x01".to_vec(),
    ] {
        let framed = [compressed.len().to_string().as_bytes(), b" ", &compressed].concat();
        let stream = [b"6 <1>one", framed.as_slice()].concat();
        let (out, end, kept, _) = everywhere(TERMS, &stream);
        assert_eq!((out.as_slice(), end, kept), (&b"6 <1>one"[..], Err(BodyErrorKind::CodingUnsupported), 1));
        assert_eq!(everywhere(Terms { lenient: true, ..TERMS }, &stream), (stream.clone(), Ok(()), 2, 0));
    }
    for words in ["z", "zebra", "zx", "zx^", "x^2 + y^2 = z^2", "xc4nnot be", "zhC and hCard", "BZh9 is not it", "hC"] {
        assert_eq!(message(words), words);
    }
}

#[test]
fn a_message_is_at_most_the_limit() {
    let fits = "x".repeat(1024);
    assert_eq!(message(&fits), fits);
    let (out, end, ..) = run(TERMS, [format!("<1>a\n{fits}x\n").as_bytes()]);
    assert_eq!((out.as_slice(), end), (&b"<1>a\n"[..], Err(BodyErrorKind::TooLarge)));
    let (out, end, ..) = run(TERMS, [&b"4 <1>a1025 "[..]]);
    assert_eq!((out.as_slice(), end), (&b"4 <1>a"[..], Err(BodyErrorKind::TooLarge)));
}

#[test]
fn what_did_not_come_whole_never_leaves() {
    let (out, end, kept, _) = everywhere(TERMS, b"6 <1>one99 <1>4111 1111");
    assert_eq!((out.as_slice(), end, kept), (&b"6 <1>one"[..], Err(BodyErrorKind::Truncated), 1));
}

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just(" 4111 1111 1111 1111 ".to_owned()),
        Just(" jane@example.com ".to_owned()),
        Just("\\".to_owned()),
        Just("\"".to_owned()),
        Just("[".to_owned()),
        Just("]".to_owned()),
        Just("=".to_owned()),
        Just("|".to_owned()),
        Just(" ".to_owned()),
        Just("k=".to_owned()),
        Just("{\"a\":".to_owned()),
        Just("}".to_owned()),
        Just("CEF:0|a|b|c|d|e|f|".to_owned()),
        Just("LEEF:1.0|a|b|c|d|".to_owned()),
        Just("\t".to_owned()),
        Just("\u{feff}".to_owned()),
        "[a-z \u{e9}]{0,6}",
    ];
    (0_usize..4, proptest::collection::vec(piece, 0..12)).prop_map(|(header, pieces)| {
        let header = ["", "<34>", "<34>Oct 11 22:14:15 h t: ", "<1>1 - h a p m "][header];
        header.to_owned() + &pieces.concat()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any chunking gives one result; without a finding the bytes are those that came; no value is left, however spelled.
    #[test]
    fn any_stream_at_any_split(texts in proptest::collection::vec(text(), 1..4), counted: bool, cuts in proptest::collection::vec(1_usize..40, 0..8)) {
        let framed = |text: &String| if counted { format!("{} {text}", text.len()) } else { format!("{text}\n") };
        let stream: String = texts.iter().map(framed).collect();
        let terms = Terms { framing: if counted { Framing::Octets } else { Framing::Lines }, ..TERMS };
        let (whole, end, kept, dropped) = run(terms, [stream.as_bytes()]);
        let mut pieces = Vec::new();
        let mut rest = stream.as_bytes();
        for cut in cuts {
            let (piece, after) = rest.split_at(cut.min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        pieces.push(rest);
        prop_assert_eq!(&run(terms, pieces), &(whole.clone(), end.clone(), kept, dropped));
        let empty = counted && texts.iter().any(String::is_empty);
        prop_assert!(end == Ok(()) || empty);
        let given = String::from_utf8(whole).unwrap();
        prop_assert!(!given.contains("4111 1111 1111 1111"), "{:?}", given);
        prop_assert!(!given.contains("jane@example.com"), "{:?}", given);
        if !texts.iter().any(|text| text.contains("4111") || text.contains("jane@")) && !empty {
            prop_assert_eq!(given, stream);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever comes, in one piece or many, ends the same way, and nothing that had no end leaves.
    #[test]
    fn any_bytes(bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b'\n'), Just(b' '), Just(b'1'), Just(b'<'), Just(b'>'), Just(b'['), Just(b'"'), Just(b'\\')], 0..200), at in 0_usize..200) {
        for framing in Framing::ALL {
            for per_record in [true, false] {
                let terms = Terms { framing, per_record, ..TERMS };
                let whole = run(terms, [bytes.as_slice()]);
                let (left, right) = bytes.split_at(at.min(bytes.len()));
                prop_assert_eq!(&run(terms, [left, right]), &whole);
                prop_assert_eq!(&run(terms, bytes.chunks(1)), &whole);
            }
        }
    }
}

/// A custom field's label names all of its value, whichever stands first.
#[test]
fn what_a_label_of_cef_calls_a_password_goes_whole() {
    let rules = blackbar::policy::load_rules(None).unwrap();
    for (said, wanted) in [
        ("cs1=hunter2 x y cs1Label=password", "cs1=[SECRET] cs1Label=password"),
        ("cs6Label=Password cs6=hunter2 x; 4711 act=y", "cs6Label=Password cs6=[SECRET] act=y"),
        ("flexString1=hunter2 a\\=b flexString1Label=db password", "flexString1=[SECRET] flexString1Label=db password"),
        ("cn1=48291734 cn1Label=password", "cn1=[SECRET] cn1Label=password"),
        ("cs1=hunter2 x; 4711 cs2Label=password", "cs1=hunter2 x; 4711 cs2Label=password"),
    ] {
        let frame = |said: &str| format!("<14>h CEF:0|V|P|1|9|n|5|{said}\n");
        let mut messages = Messages::new(rules.scopes(Direction::Request), &BodyLimits::default(), TERMS);
        let (mut out, mut seen) = (Vec::new(), Inspection::default());
        messages.push(frame(said).as_bytes(), &mut out, &mut seen).unwrap();
        messages.finish(&mut out, &mut seen).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), frame(wanted));
    }
}
