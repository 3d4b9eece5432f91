//! Types, codings and ranges as they are read.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use super::*;

fn media(value: &str) -> MediaType {
    MediaType::parse(value.as_bytes()).unwrap()
}

#[test]
fn ranges_hold_their_types() {
    let holds = |range: &str, media_type: &str| {
        let media_type = MediaType::parse(media_type.as_bytes());
        MediaRange::parse(range).map(|range| range.holds(media_type.as_ref()))
    };
    for (range, media_type, wanted) in [
        ("image/*", "image/png", Some(true)),
        ("Image/PNG", "image/png; q=1", Some(true)),
        ("image/*", "audio/mpeg", Some(false)),
        ("*/*", "audio/mpeg", Some(true)),
        ("*/*", "", Some(true)),
        ("image/*", "", Some(false)),
        ("*/png", "image/png", None),
        ("image", "image/png", None),
        ("image/p*", "image/png", None),
    ] {
        assert_eq!(holds(range, media_type), wanted, "{range} {media_type}");
    }
    for (range, wanted) in [("application/sdp", true), ("application/*", false), ("*/*", false), ("a/sdp", false)] {
        let names = MediaRange::parse(range).unwrap().names(&media("application/SDP; a=b"));
        assert_eq!(names, wanted, "{range}");
    }
}

#[test]
fn parameters_and_quoted_strings_are_read() {
    let parsed = media("Text/HTML ; Charset=\"utf\\-8\";;boundary=\"a;b\"; ");
    assert_eq!((parsed.kind(), parsed.subtype()), ("text", "html"));
    assert_eq!(parsed.charset(), Some("utf-8"));
    assert_eq!(parsed.parameter("boundary"), Some("a;b"));
    assert_eq!(parsed.named_charset(), Named::Utf8);
}

#[test]
fn a_word_says_nothing_and_a_type_may_be_repeated() {
    for (value, said) in [
        ("", None),
        (" text ", None),
        ("jpg", None),
        ("multipart", Some("unclear")),
        ("application/json, application/json", Some("application/json")),
        ("text/html; charset=utf-8, text/html", Some("text/html")),
        ("Text/HTML ,text/html;charset=UTF8", Some("text/html")),
        ("multipart/mixed; boundary=x, multipart/mixed; boundary=x", Some("multipart/mixed")),
        ("multipart/mixed; boundary=x, multipart/mixed; boundary=y", Some("unclear")),
        ("multipart/mixed; boundary=x, multipart/mixed", Some("unclear")),
        ("text/plain; charset=utf-16, text/plain", Some("unclear")),
        ("text/plain, text/plain; charset=utf-7", Some("unclear")),
        ("text/plain, text/html", Some("unclear")),
        ("text/plain, text", Some("unclear")),
        ("text/plain,", Some("unclear")),
        ("text; charset=utf-7", Some("unclear")),
        ("charset=utf-7", Some("unclear")),
        ("text/", Some("unclear")),
    ] {
        let found = MediaType::of(value.as_bytes()).map(|said| {
            let clear = said.is_readable() && said.named_charset() != Named::Unknown && !said.is_ambiguous("boundary");
            if clear { format!("{}/{}", said.kind(), said.subtype()) } else { "unclear".to_owned() }
        });
        assert_eq!(found.as_deref(), said, "{value}");
    }
}

#[test]
fn what_readers_take_is_taken() {
    for (value, charset, boundary) in [
        ("text/plain; charset = utf-7", Named::Unknown, None),
        ("text/plain; charset = \"utf-16le\" ;", Named::Utf16(Some(false)), None),
        ("text/plain; charset", Named::Nothing, None),
        ("text/plain; charset=", Named::Nothing, None),
        ("text/plain; charset=\"\"; CHARSET= utf-8", Named::Utf8, None),
        ("text/plain; charset=; charset=utf-7", Named::Unknown, None),
        ("text/plain; charset*=us-ascii''utf%2D7", Named::Unknown, None),
        ("text/plain; charset*=''utf%2D8", Named::Utf8, None),
        ("text/plain; charset=utf-8; charset*=''utf-16", Named::Unknown, None),
        ("text/plain; charset*0=utf; charset*1=-8", Named::Unknown, None),
        ("text/plain; charset=utf-8 x", Named::Unknown, None),
        ("text/plain; charset=\"utf-8\" x", Named::Unknown, None),
        ("multipart/mixed; boundary = X", Named::Nothing, Some("X")),
        ("multipart/mixed; boundary==X; a=b c; d; =; ;", Named::Nothing, Some("=X")),
        ("multipart/mixed; boundary=X; boundary", Named::Nothing, None),
        ("multipart/mixed; boundary=; boundary=X", Named::Nothing, None),
        ("multipart/mixed; boundary=X Y", Named::Nothing, None),
        ("multipart/mixed; boundary=X,Y", Named::Nothing, None),
        ("multipart/mixed; boundary=\"X\"Y", Named::Nothing, None),
        ("multipart/mixed; boundary*=X", Named::Nothing, None),
    ] {
        let read = media(value);
        assert_eq!(read.named_charset(), charset, "{value}");
        assert_eq!(read.parameter("boundary").filter(|_| !read.is_ambiguous("boundary")), boundary, "{value}");
    }
}

#[test]
fn what_cannot_be_read_is_not_missing() {
    for value in [
        "text;",
        "text/",
        "/plain",
        "; charset=utf-8",
        "text/plain, application/json",
        "text/plain; charset=\"utf-8",
        "text/plain; a=x\"; charset=utf-7; b=\"y",
        "text/plain; a=\"x\"\"; charset=utf-7; b=\"",
        "text/plain; a\";charset=utf-7;b\"",
        "text/plain\0",
        "text/plain; charset=\"a\u{1}b\"",
        "text/pl ain",
        "te\u{e9}xt/plain",
    ] {
        assert_eq!(MediaType::parse(value.as_bytes()), None, "{value:?}");
        let said = MediaType::of(value.as_bytes()).unwrap();
        assert!(!said.is_readable() && said.promise() == Promise::Unreadable, "{value:?}");
    }
    assert!(MediaType::parse(&[b'a'; MAX_VALUE + 1]).is_none());
    assert!(MediaType::parse(format!("a/b{}", ";c=d".repeat(MAX_PARAMETERS + 1)).as_bytes()).is_none());
    for honest in ["application/json;", "application/json; charset=utf-8; charset=utf-8", "application/json ; a=b"] {
        assert!(MediaType::of(honest.as_bytes()).unwrap().is_json(), "{honest}");
    }
}

#[test]
fn every_prefix_and_every_byte_is_safe() {
    let value = b"application/json; charset=\"utf-8\\\"\"; a=b";
    for end in 0..value.len() {
        for byte in 0..=255 {
            let mut hostile = value.get(..end).unwrap().to_vec();
            hostile.push(byte);
            let _ = MediaType::parse(&hostile);
        }
    }
}

#[test]
fn promises_follow_the_type() {
    for (value, promise) in [
        ("application/json", Promise::Json),
        ("text/json; charset=utf-8", Promise::Json),
        ("application/problem+json", Promise::Json),
        ("application/vnd.elasticsearch+json; compatible-with=9", Promise::Json),
        ("application/x-ndjson", Promise::JsonLines),
        ("application/jsonl", Promise::JsonLines),
        ("application/x-jsonlines", Promise::JsonLines),
        ("application/vnd.elasticsearch+x-ndjson; compatible-with=9", Promise::JsonLines),
        ("text/event-stream;charset=utf-8", Promise::EventStream),
        ("text/csv", Promise::Text),
        ("application/xml", Promise::Text),
        ("image/svg+xml", Promise::Text),
        ("application/x-www-form-urlencoded", Promise::Text),
        ("application/octet-stream", Promise::Nothing),
        ("multipart/form-data; boundary=x", Promise::Parts),
        ("application/vnd.unheard-of", Promise::Nothing),
        ("image/png", Promise::Binary),
        ("application/pdf", Promise::Binary),
        ("application/grpc+proto", Promise::Binary),
        ("application/x-protobuf", Promise::Binary),
    ] {
        assert_eq!(media(value).promise(), promise, "{value}");
    }
}

#[test]
fn charsets_are_known_by_their_labels() {
    let named = |charset: &str| media(&format!("text/plain;charset={charset}")).named_charset();
    for charset in ["utf-8", "UTF8", "\" utf-8 \"", "utf-8;charset=UTF8"] {
        assert_eq!(named(charset), Named::Utf8, "{charset}");
    }
    for charset in ["us-ascii", "iso-8859-1", "ISO-8859-15", "windows-1252", "cp1251", "koi8-r", "Shift_JIS", "cp950"] {
        assert!(matches!(named(charset), Named::Legacy(_)), "{charset}");
    }
    assert_eq!(named("UTF-16"), Named::Utf16(None));
    assert_eq!(named("utf-16be"), Named::Utf16(Some(true)));
    assert_eq!(named("utf-32le"), Named::Utf32(Some(false)));
    for charset in
        ["utf-7", "x-unheard", "iso-2022-jp", "iso-2022-kr", "hz-gb-2312", "iso-8859-", "utf-8;charset=utf-16"]
    {
        assert_eq!(named(charset), Named::Unknown, "{charset}");
    }
    assert_eq!(media("text/plain").named_charset(), Named::Nothing);
}

#[test]
fn codings_are_read_from_lists_and_repeated_headers() {
    let parse = |values: &[&str]| parse_content_encoding(values.iter().map(|value| value.as_bytes()), 3);
    assert_eq!(parse(&[]).unwrap(), []);
    assert_eq!(parse(&["identity", ""]).unwrap(), []);
    assert_eq!(
        parse(&["X-Gzip, ,br\t", " zstd"]).unwrap(),
        [ContentCoding::Gzip, ContentCoding::Brotli, ContentCoding::Zstd]
    );
    for refused in [&["gzip, lz4"][..], &["gzip gzip"], &["gzip,gzip,gzip", "gzip"], &["aws-chunked"]] {
        assert_eq!(parse(refused).unwrap_err().kind, BodyErrorKind::CodingUnsupported, "{refused:?}");
    }
}

#[test]
fn debug_shows_no_parameter() {
    assert_eq!(format!("{:?}", media("a/b;c=4111111111111111")), "MediaType(a/b, 1 parameters)");
}
