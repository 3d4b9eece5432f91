#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic here is a failed test")]

use proptest::prelude::*;

use super::*;

const ALL: [&str; 22] = [
    "utf-16le",
    "utf-16be",
    "utf-32le",
    "utf-32be",
    "iso-8859-1",
    "iso-8859-2",
    "iso-8859-5",
    "iso-8859-7",
    "iso-8859-15",
    "windows-1250",
    "windows-1251",
    "windows-1253",
    "windows-874",
    "koi8-u",
    "macintosh",
    "ibm866",
    "shift_jis",
    "euc-jp",
    "gbk",
    "gb18030",
    "euc-kr",
    "big5",
];

fn charset(label: &str) -> Charset {
    match Named::by_label(label) {
        Named::Utf16(Some(big)) => Charset::Utf16 { big },
        Named::Utf32(Some(big)) => Charset::Utf32 { big },
        Named::Legacy(encoding) => Charset::Legacy(encoding),
        other => panic!("{label}: {other:?}"),
    }
}

/// Decodes in these pieces, and encodes what came out in pieces of the same sizes.
fn through(charset: Charset, chunks: &[&[u8]], size: usize) -> Option<(Vec<u8>, Vec<u8>)> {
    let (mut decoder, mut encoder) = (Decoder::new(charset), Encoder::new(charset));
    let (mut text, mut out) = (Vec::new(), Vec::new());
    for chunk in chunks {
        if decoder.push(chunk, &mut text).is_some() {
            return None;
        }
    }
    let end = decoder.finish(&mut text)?;
    if decoder.is_utf8() {
        out.extend_from_slice(&text);
    } else {
        text.chunks(size).for_each(|piece| encoder.push(piece, &mut out));
        encoder.finish(&mut out);
    }
    if let Some((whole, missing)) = end.cut {
        assert!(out.ends_with(&whole));
        out.truncate(out.len() - missing);
    }
    out.extend_from_slice(&end.tail);
    Some((text, out))
}

/// Text in a set, where the set has all of it.
fn written(charset: Charset, text: &str) -> Option<Vec<u8>> {
    match charset {
        Charset::Utf16 { big: true } => Some(text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
        Charset::Utf16 { big: false } => Some(text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        Charset::Utf32 { big: true } => Some(text.chars().flat_map(|letter| u32::from(letter).to_be_bytes()).collect()),
        Charset::Utf32 { big: false } => {
            Some(text.chars().flat_map(|letter| u32::from(letter).to_le_bytes()).collect())
        }
        Charset::Legacy(encoding) => {
            let (bytes, _, unmappable) = encoding.encode(text);
            (!unmappable).then(|| bytes.into_owned())
        }
        Charset::Strict { ascii } => (!ascii || text.is_ascii()).then(|| text.as_bytes().to_vec()),
    }
}

#[test]
fn what_a_set_can_write_is_read_as_it_was_meant() {
    let texts = [
        "plain",
        "caf\u{e9} na\u{ef}ve",
        "\u{20ac} 5",
        "\u{41f}\u{440}\u{438}\u{432}\u{435}\u{442}, \u{43c}\u{438}\u{440}",
        "\u{3b3}\u{3b5}\u{3b9}\u{3ac}",
        "\u{65e5}\u{672c}\u{8a9e} 4111 \u{30c6}\u{30b9}\u{30c8}",
        "\u{4e2d}\u{6587}\u{5b57}",
        "\u{d55c}\u{ad6d}\u{c5b4}",
        "\u{ff8a}\u{ff9d}\u{ff76}\u{ff78} x",
        "\u{1f600} smile",
        "\u{feff}marked",
        "\u{e01}\u{e02}",
    ];
    let mut read = 0;
    for label in ALL {
        let charset = charset(label);
        for text in texts {
            let Some(bytes) = written(charset, text) else { continue };
            let (decoded, out) = through(charset, &[&bytes], 3).unwrap();
            assert_eq!(String::from_utf8(decoded).unwrap(), text, "{label}");
            assert_eq!(out, bytes, "{label}");
            read += 1;
        }
    }
    assert!(read > 90, "{read}");
}

#[test]
fn every_pair_of_bytes_reads_as_in_the_reference_and_comes_back() {
    for label in ALL {
        let Charset::Legacy(encoding) = charset(label) else { continue };
        for pair in 0..=0xffff_u16 {
            // A byte before it that is no UTF-8 tells that the text is in its set.
            let bytes = [&[0xff][..], b" ", &pair.to_be_bytes()[..], b"1"].concat();
            let (text, out) = through(Charset::Legacy(encoding), &[&bytes], 64).unwrap();
            assert_eq!(out, bytes, "{label} {pair:04x}");
            let (reference, _) = encoding.decode_without_bom_handling(&bytes);
            // What is kept as bytes is one character or two to the reference; ASCII is the same to both.
            let ascii = |text: &[u8]| text.iter().copied().filter(u8::is_ascii).collect::<Vec<_>>();
            let hidden = text.windows(2).any(|pair| pair[0] == 0xed && pair[1] >= 0xa0);
            if !hidden {
                assert_eq!(text, reference.as_bytes(), "{label} {pair:04x}");
            }
            assert_eq!(ascii(&text), ascii(reference.as_bytes()), "{label} {pair:04x}");
        }
    }
}

/// What `file`, databases and editors call the sets that they know, and what tells of none.
#[test]
fn sets_have_names_beyond_the_standard() {
    use Named::{Legacy, Nothing, Unknown, Utf8};
    for (label, wanted) in [
        ("binary", Nothing),
        ("Unknown-8bit", Nothing),
        ("utf8mb4", Utf8),
        ("windows1252", Legacy(encoding_rs::WINDOWS_1252)),
        ("Windows_1251", Legacy(encoding_rs::WINDOWS_1251)),
        ("cp874", Legacy(encoding_rs::WINDOWS_874)),
        ("latin-1", Legacy(encoding_rs::WINDOWS_1252)),
        ("windows", Unknown),
        ("windows-99", Unknown),
        ("cp850", Unknown),
        ("utf-7", Unknown),
    ] {
        assert_eq!(Named::by_label(label), wanted, "{label}");
    }
}

#[test]
fn sets_are_known_by_marks_labels_and_nuls() {
    use Named::{Nothing, Unknown, Utf8};
    let little = Some(Charset::Utf16 { big: false });
    let big = Some(Charset::Utf16 { big: true });
    let wide = |text: &str, big: bool| written(Charset::Utf16 { big }, text).unwrap();
    let latin = Named::by_label("latin1");
    let refused = Err(BodyErrorKind::Charset);
    let cases = vec![
        (Nothing, b"plain".to_vec(), Ok(None)),
        (Nothing, b"p".to_vec(), Ok(None)),
        (Unknown, b"plain".to_vec(), refused.clone()),
        (Unknown, b"\xff\xfep\0".to_vec(), Ok(little)),
        (Utf8, b"\xfe\xff\0p".to_vec(), Ok(big)),
        (latin, b"\xef\xbb\xbfx".to_vec(), Ok(None)),
        (latin, b"x".to_vec(), Ok(Some(Charset::Legacy(encoding_rs::WINDOWS_1252)))),
        (Nothing, b"\xff\xfe\0\0p\0\0\0".to_vec(), Ok(Some(Charset::Utf32 { big: false }))),
        (Nothing, b"\0\0\xfe\xff\0\0\0p".to_vec(), Ok(Some(Charset::Utf32 { big: true }))),
        (Nothing, wide("{\"a\"", false), Ok(little)),
        (Nothing, wide("{\"a\"", true), Ok(big)),
        (Nothing, b"{\0\0\0".to_vec(), Ok(Some(Charset::Utf32 { big: false }))),
        (Nothing, b"\0\0\0{".to_vec(), Ok(Some(Charset::Utf32 { big: true }))),
        (Nothing, b"1\0".to_vec(), Ok(little)),
        (Nothing, b"\0\0\0\0\0".to_vec(), Ok(None)),
        (Named::Utf16(None), wide("text that tells", false), Ok(little)),
        (Named::Utf16(None), wide("text that tells", true), Ok(big)),
        (Named::Utf16(Some(true)), wide("text that tells", false), refused.clone()),
        (Named::Utf16(Some(false)), b"4111 1111 1111 1111".to_vec(), refused.clone()),
        (Named::Utf16(None), b"4111 1111 1111 1111".to_vec(), refused.clone()),
        (Named::Utf16(None), wide("\u{4e00}\u{4e8c}\u{4e09}", false), refused.clone()),
        (Named::Utf16(Some(false)), wide("\u{4e00}\u{4e8c}\u{4e09}", false), Ok(little)),
        (Named::Utf32(None), b"a\0\0\0b\0\0\0".to_vec(), Ok(Some(Charset::Utf32 { big: false }))),
        (Named::Utf32(None), b"\0\0\0a".to_vec(), Ok(Some(Charset::Utf32 { big: true }))),
        (Named::Utf32(None), b"4111 1111".to_vec(), refused),
    ];
    for (named, body, wanted) in cases {
        let judge = |end: usize| judge(named, true, &body[..end], end == body.len());
        let first = (1..=body.len()).find(|end| judge(*end).is_some()).unwrap();
        for longer in first..=body.len() {
            assert_eq!(judge(longer), Some(wanted.clone()), "{named:?} {body:x?} at {longer}");
        }
    }
    assert!(judge(Named::Utf16(None), true, &[0x4e; ORDER], false).is_some());
    assert!(judge(Named::Utf16(None), true, &[0x4e; ORDER - 1], false).is_none());
    assert_eq!(judge(Nothing, false, b"\n", false), Some(Ok(None)), "a blank that keeps an answer alive");
}

#[test]
fn wide_text_that_is_in_another_set_is_refused_at_its_bounds() {
    let little = Charset::Utf16 { big: false };
    let passes = |bytes: &[u8]| through(little, &[bytes], 7).is_some();
    let ideographs = |count: usize| written(little, &"\u{4e50}".repeat(count)).unwrap();
    let end = written(little, ".").unwrap();
    assert!(passes(&[ideographs(23), end.clone()].concat()));
    assert!(!passes(&[ideographs(24), end].concat()));
    assert!(passes(&ideographs(7)), "at the end of a text");
    assert!(!passes(&ideographs(8)));
    assert!(passes(&written(little, &"\u{306e}".repeat(100)).unwrap()), "kana");
    assert!(passes(&written(little, &format!("{}\u{3000}{}", "\u{3000}".repeat(99), "\u{4e00}".repeat(99))).unwrap()));
    // A byte is lost, and what follows is the other way round.
    let shifted = [b"a\0b\0", &written(Charset::Utf16 { big: true }, "4111 1111 1111 1111").unwrap()[..]].concat();
    assert!(!passes(&shifted));
    assert!(through(Charset::Utf32 { big: false }, &[b"a\0\0\0\0\0\x11\0"], 7).is_none());
    assert!(through(Charset::Utf32 { big: false }, &[b"a\0\0\0\xff\xff\x10\0"], 7).is_some());
}

#[test]
fn latin_1_that_is_utf_8_is_read_as_that() {
    let latin = charset("iso-8859-1");
    let (text, out) = through(latin, &["number\u{a0}\u{ff14}111 caf\u{e9}".as_bytes()], 4).unwrap();
    assert_eq!((text.clone(), String::from_utf8(text).unwrap().as_str()), (out, "number\u{a0}\u{ff14}111 caf\u{e9}"));
    let (text, _) = through(latin, &[b"caf\xe9 4111\xa01111"], 4).unwrap();
    assert_eq!(text, "caf\u{e9} 4111\u{a0}1111".as_bytes());
}

proptest! {
    #[test]
    fn any_bytes_come_back_at_any_chunking(
        label in 0..ALL.len(),
        bytes in prop::collection::vec(prop_oneof![any::<u8>(), 0x20..0x7f_u8, Just(0_u8), 0xd8..0xe0_u8], 0..60),
        cuts in prop::collection::vec(0..60_usize, 0..4),
        size in 1..9_usize,
    ) {
        let charset = charset(ALL[label]);
        let whole = through(charset, &[&bytes], 1000);
        let (mut chunks, mut from) = (Vec::new(), 0);
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        cuts.sort_unstable();
        for cut in cuts {
            chunks.push(&bytes[from..cut]);
            from = cut;
        }
        chunks.push(&bytes[from..]);
        let split = through(charset, &chunks, size);
        prop_assert_eq!(&split, &whole);
        if let Some((_, out)) = whole {
            prop_assert_eq!(out, bytes);
        }
    }
}
