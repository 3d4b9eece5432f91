#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic here is a failed test")]

mod events;
mod parts;

use std::io::{Read, Write};

use super::*;
use crate::body::coding::{Decoding, PIECE};
use crate::body::{Beside, BodyErrorKind};
use crate::engine::{Action, ActionTable, Detector, EntityType, Pattern, RuleId, RuleSet, RuleSpec};

const CODINGS: [ContentCoding; 4] =
    [ContentCoding::Gzip, ContentCoding::Deflate, ContentCoding::Brotli, ContentCoding::Zstd];

fn scopes() -> Arc<Scopes> {
    let rule = |id: &str, entity: &str, pattern| RuleSpec {
        id: RuleId::new(id),
        entity: EntityType::new(entity),
        pattern,
        validator: None,
        keywords: None,
        suppressions: Vec::new(),
        priority: 0,
        confidence: 80,
    };
    let regex = |pattern: &str| Pattern::Regex { pattern: String::from(pattern), max_len: None };
    let rules = RuleSet::build(vec![
        rule("acme.employee", "EMPLOYEE", regex(r"\bEMP-[0-9]{6}\b")),
        rule("pci.card", "CREDIT_CARD", Pattern::Detector(Detector::Card)),
        rule("acme.stop", "STOP", regex(r"\bSTOP-[0-9]{4}\b")),
    ]);
    let actions = ActionTable::new(vec![Action::Redact, Action::KeepLast4, Action::Block], None);
    Arc::new(Scopes {
        rules: Arc::new(rules.unwrap()),
        actions: Arc::new(actions),
        paths: Vec::new(),
        tools: None,
        restore: None,
    })
}

fn spec(media_type: &str, codings: &[ContentCoding]) -> BodySpec {
    BodySpec {
        media_type: MediaType::of(media_type.as_bytes()),
        codings: codings.to_vec(),
        dialect: Dialect::Plain,
        beside: Beside::Nothing,
        direction: Direction::Request,
        scopes: scopes(),
        limits: BodyLimits::default(),
        on_fault_pass: false,
        opaque: Arc::default(),
        edits: Edits::default(),
        batch: None,
        keep_dropped: false,
    }
}

fn lenient(media_type: &str) -> BodySpec {
    BodySpec { on_fault_pass: true, ..spec(media_type, &[]) }
}

fn encode(codings: &[ContentCoding], body: &[u8]) -> Vec<u8> {
    codings.iter().fold(body.to_vec(), |body, coding| match coding {
        ContentCoding::Gzip => {
            let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            writer.write_all(&body).unwrap();
            writer.finish().unwrap()
        }
        ContentCoding::Deflate => {
            let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
            writer.write_all(&body).unwrap();
            writer.finish().unwrap()
        }
        ContentCoding::Brotli => {
            let mut writer = ::brotli::CompressorWriter::new(Vec::new(), 4096, 9, 22);
            writer.write_all(&body).unwrap();
            writer.into_inner()
        }
        ContentCoding::Zstd => ::zstd::encode_all(&body[..], 3).unwrap(),
        ContentCoding::Snappy | ContentCoding::Identity => body,
    })
}

fn decode(codings: &[ContentCoding], body: &[u8]) -> Vec<u8> {
    codings.iter().rev().fold(body.to_vec(), |body, coding| {
        let mut out = Vec::new();
        match coding {
            ContentCoding::Gzip => drop(flate2::read::MultiGzDecoder::new(&body[..]).read_to_end(&mut out).unwrap()),
            ContentCoding::Deflate => drop(flate2::read::ZlibDecoder::new(&body[..]).read_to_end(&mut out).unwrap()),
            ContentCoding::Brotli => drop(::brotli::Decompressor::new(&body[..], 4096).read_to_end(&mut out).unwrap()),
            ContentCoding::Zstd => out = ::zstd::decode_all(&body[..]).unwrap(),
            ContentCoding::Snappy | ContentCoding::Identity => out = body,
        }
        out
    })
}

/// What a body came to: what left, what was seen, and how it ended.
struct Run {
    out: Vec<u8>,
    seen: Inspection,
    end: Result<(), BodyErrorKind>,
}

impl Run {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.out).into_owned()
    }
}

fn run_in<'a>(spec: &BodySpec, chunks: impl IntoIterator<Item = &'a [u8]>) -> Run {
    let mut body = BodyInspector::new(spec.clone()).unwrap();
    let mut out = Vec::new();
    let mut end = chunks.into_iter().try_for_each(|chunk| body.push(chunk, &mut out));
    if end.is_ok() {
        end = body.finish(&mut out);
    }
    assert_eq!(body.inspection().bytes_out, out.len() as u64);
    Run { out, seen: body.into_inspection(), end: end.map_err(|error| error.kind) }
}

/// Runs a body whole, at every split and byte by byte, which must agree.
fn run(spec: &BodySpec, body: &[u8]) -> Run {
    let whole = run_in(spec, [body]);
    let same = |other: Run, how: &str| {
        assert_eq!(other.end, whole.end, "{how}");
        if whole.end.is_ok() {
            assert_eq!(decode(&spec.codings, &other.out), decode(&spec.codings, &whole.out), "{how}");
            assert_eq!(other.seen.findings, whole.seen.findings, "{how}");
            assert_eq!((other.seen.scanned, &other.seen.unscanned), (whole.seen.scanned, &whole.seen.unscanned));
        }
    };
    for at in 0..=body.len() {
        same(run_in(spec, [&body[..at], &body[at..]]), &format!("at {at}"));
    }
    same(run_in(spec, body.chunks(1)), "by bytes");
    whole
}

#[test]
fn text_is_redacted_in_every_coding() {
    let body = b"badge EMP-123456, card 4111 1111 1111 1111; EMP-12 stays";
    let clean = "badge [EMPLOYEE], card **** **** **** 1111; EMP-12 stays";
    for codings in [&[][..], &CODINGS[..1], &CODINGS[1..2], &CODINGS[2..3], &CODINGS[3..], &CODINGS[1..]] {
        let spec = spec("text/plain", codings);
        let done = run(&spec, &encode(codings, body));
        assert_eq!(done.end, Ok(()));
        assert_eq!(String::from_utf8(decode(codings, &done.out)).unwrap(), clean, "{codings:?}");
        assert_eq!(done.seen.scanned, body.len() as u64);
        assert_eq!(done.seen.findings, [(0, "redact", 1), (1, "keep-last-4", 1)]);
    }
}

#[test]
fn random_chunkings_of_stacked_codings_agree() {
    let mut dice = 0x9e37_79b9_7f4a_7c15_u64;
    let mut roll = |end: usize| {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        usize::try_from(dice % end as u64).unwrap()
    };
    let mut text = String::from("[INFO] all of it\n");
    let mut lines = String::new();
    for number in 0..3000 {
        let value = ["EMP-123456", "4111 1111 1111 1111", "EMP-12", "nothing"][roll(4)];
        text.push_str(&format!("{number} has {value}, they say\r\n"));
        lines.push_str(&format!("{{\"n\": {number},\"value\":[\"{value}\"]}}\n"));
    }
    for (media_type, body) in [("text/plain", &text), ("application/x-ndjson", &lines), ("", &lines)] {
        let clean = body.replace("EMP-123456", "[EMPLOYEE]").replace("4111 1111 1111 1111", "**** **** **** 1111");
        for _ in 0..40 {
            let codings: Vec<_> = (0..roll(4)).map(|_| CODINGS[roll(4)]).collect();
            let encoded = encode(&codings, body.as_bytes());
            let (mut rest, largest) = (encoded.as_slice(), [1, 7, 500, 70_000][roll(4)]);
            let mut chunks = Vec::new();
            while !rest.is_empty() {
                let (chunk, after) = rest.split_at((1 + roll(largest)).min(rest.len()));
                chunks.push(chunk);
                rest = after;
            }
            let done = run_in(&spec(media_type, &codings), chunks);
            assert_eq!(done.end, Ok(()), "{codings:?} {media_type}");
            assert!(decode(&codings, &done.out) == clean.as_bytes(), "{codings:?} {media_type} by {largest}");
            let found: u64 = done.seen.findings.iter().map(|(_, _, count)| count).sum();
            assert_eq!(found as usize, clean.matches("[EMPLOYEE]").count() + clean.matches("**** 1111").count());
        }
    }
}

#[test]
fn a_body_that_expands_is_never_held_whole() {
    let line = "a line with EMP-123456 in it, and some more words behind it that never end\n";
    let body: Vec<u8> = line.bytes().cycle().take(32 << 20).collect();
    let limits = BodyLimits { expansion_ratio: u64::MAX, ..BodyLimits::default() };
    for coding in CODINGS {
        let encoded = encode(&[coding], &body);
        let mut inspector =
            BodyInspector::new(BodySpec { limits: limits.clone(), ..spec("text/plain", &[coding]) }).unwrap();
        let (mut out, mut left) = (Vec::new(), 0);
        for mut chunk in encoded.chunks(64 << 10) {
            while !inspector.push_some(&mut chunk, &mut out, 64 << 10).unwrap() {
                assert!(out.len() < 128 << 10);
                left += out.len();
                out.clear();
            }
            assert!(inspector.held() < 1024);
        }
        inspector.finish(&mut out).unwrap();
        let seen = inspector.inspection();
        assert_eq!(seen.scanned, body.len() as u64, "{coding:?}");
        assert_eq!(seen.bytes_out, (left + out.len()) as u64);
        assert!(out.capacity() < 256 << 10, "{coding:?} {}", out.capacity());
        let Mode::Inspect(inspect) = &inspector.mode else { panic!() };
        assert!(inspect.redacted.capacity() <= 4 * PIECE, "{}", inspect.redacted.capacity());
    }
}

#[test]
fn a_body_of_no_bytes_is_always_fine() {
    for media_type in ["", "text/plain", "application/json", "text/event-stream", "image/png", "text/a;charset=x"] {
        for codings in [&[][..], &CODINGS[..1], &CODINGS[1..]] {
            let done = run_in(&spec(media_type, codings), [&b""[..], b""]);
            assert_eq!((done.end, done.out.len()), (Ok(()), 0), "{media_type}");
        }
    }
    for coding in CODINGS {
        let done = run_in(&spec("text/plain", &[coding]), [encode(&[coding], b"").as_slice()]);
        assert_eq!(done.end, Ok(()));
        assert_eq!(decode(&[coding], &done.out), b"");
    }
}

#[test]
fn json_goes_by_its_bytes_whatever_it_is_called() {
    let one = "{\"badge\": \"EMP-123456\",\"n\":[1,2.50,{}]}";
    let lines = "{\"badge\":\"EMP-123456\"}\r\n\r\n{\"badge\" : \"x\"}\n[ \"EMP-654321\" ]\n";
    for body in [one, lines, "\u{feff}{\"a\":\"EMP-123456\"}", " \n[\"EMP-123456\"] "] {
        let clean = body.replace("EMP-123456", "[EMPLOYEE]").replace("EMP-654321", "[EMPLOYEE]");
        for media_type in [
            "application/json",
            "application/x-ndjson",
            "application/vnd.elasticsearch+x-ndjson; compatible-with=9",
            "application/x-www-form-urlencoded",
            "text/plain; charset=utf-8",
            "application/octet-stream",
            "not a media type",
        ] {
            let done = run(&spec(media_type, &[]), body.as_bytes());
            assert_eq!((done.end.clone(), done.text()), (Ok(()), clean.clone()), "{media_type} {body}");
            let done = run(&lenient(media_type), body.as_bytes());
            assert_eq!((done.end.clone(), done.text()), (Ok(()), clean.clone()), "{media_type} {body} lenient");
        }
    }
}

#[test]
fn blanks_before_a_body_are_let_go_and_tell_nothing() {
    let blanks = " \n".repeat(200_000);
    for body in ["{\"badge\":\"EMP-12\\u0033456\"}", "EMP-123456 1 {", "1234 EMP-123456"] {
        let whole = blanks.clone() + body;
        for media_type in ["text/plain", "application/octet-stream", "", "text/event-stream"] {
            for size in [999, 4096, 5000, whole.len()] {
                let done = run_in(&spec(media_type, &[]), whole.as_bytes().chunks(size));
                assert_eq!(done.end, Ok(()), "{media_type} by {size}: {body}");
                let own = done.text();
                assert!(own.starts_with(&blanks) && own.contains("[EMPLOYEE]"), "{media_type} by {size}: {body}");
            }
        }
    }
}

#[test]
fn escapes_in_json_that_is_called_text_are_seen_through() {
    let done = run(&spec("text/plain", &[]), br#"{"badge":"EMP-12\u0033456"}"#);
    assert_eq!((done.end.clone(), done.text().as_str()), (Ok(()), r#"{"badge":"[EMPLOYEE]"}"#));
}

#[test]
fn text_that_begins_like_json_stays_text() {
    for body in [
        "[INFO] badge EMP-123456\n",
        "[1] badge EMP-123456 {\n",
        "[1][2] EMP-123456",
        "{name} has EMP-123456",
        "{\"a\":1} and then EMP-123456",
        "{\"a\":1,}",
        "[\"cut EMP-123456",
        "{",
        "[1] [INFO] EMP-123456",
        "[4111] 1111",
    ] {
        let clean = body.replace("EMP-123456", "[EMPLOYEE]");
        for media_type in ["text/plain", "text/html", "application/octet-stream", ""] {
            let done = run(&spec(media_type, &[]), body.as_bytes());
            assert_eq!((done.end.clone(), done.text()), (Ok(()), clean.clone()), "{media_type} {body}");
        }
    }
}

#[test]
fn announced_json_must_be_json_unless_faults_pass() {
    for body in ["data: EMP-123456", "{\"a\":EMP-123456}", "{\"a\":1}}EMP-123456", "{\"a\" EMP-123456"] {
        let done = run(&spec("application/json", &[]), body.as_bytes());
        assert_eq!(done.end, Err(BodyErrorKind::JsonSyntax), "{body}");
        let done = run(&lenient("application/json"), body.as_bytes());
        let clean = body.replace("EMP-123456", "[EMPLOYEE]");
        assert_eq!((done.end.clone(), done.text()), (Ok(()), clean), "{body}");
    }
    for body in ["4111 1111 1111 1111", "{}\n4111 1111 1111 1111", "4111 1111 1111 1111\n{}"] {
        for media_type in ["application/json", "application/x-ndjson"] {
            let done = run(&spec(media_type, &[]), body.as_bytes());
            assert_eq!(done.end, Err(BodyErrorKind::JsonSyntax), "{body}");
            assert!(!done.text().contains("1111"), "{body}");
            let done = run(&lenient(media_type), body.as_bytes());
            let clean = body.replace("4111 1111 1111", "**** **** ****");
            assert_eq!((done.end.clone(), done.text()), (Ok(()), clean), "{body}");
        }
    }
    let done = run(&spec("application/json", &[]), b"{\"a\":[1");
    assert_eq!(done.end, Err(BodyErrorKind::Truncated));
    let done = run(&lenient("application/json"), b"\"EMP-123456\" 12 \nnull -1.5e3");
    assert_eq!(done.text(), "\"[EMPLOYEE]\" 12 \nnull -1.5e3");
}

#[test]
fn a_large_value_passes_the_gate_in_parts() {
    let mut body = String::from("{\"a\":\"");
    body.push_str(&"x".repeat(gate::HOLD));
    body.push_str(" EMP-123456\"}");
    let done = run_in(&spec("text/plain", &[]), body.as_bytes().chunks(999));
    assert_eq!(done.end, Ok(()));
    assert!(done.text() == body.replace("EMP-123456", "[EMPLOYEE]"));
    assert!(done.seen.held_peak <= gate::HOLD + 999);
    body.push_str(" tail EMP-123456");
    let done = run_in(&spec("text/plain", &[]), body.as_bytes().chunks(999));
    assert_eq!(done.end, Ok(()));
    assert!(done.text() == body.replace("EMP-123456", "[EMPLOYEE]"));
    let broken = body.replace("\"}", "\"\"}");
    let done = run_in(&spec("text/plain", &[]), broken.as_bytes().chunks(999));
    assert_eq!(done.end, Err(BodyErrorKind::JsonSyntax));
}

#[test]
fn what_is_not_text_is_refused_or_counted() {
    let bodies: [(&str, &[u8], BodyErrorKind); 14] = [
        ("image/png", b"\x89PNG\r\n\x1a\n....", BodyErrorKind::MediaType),
        ("image/png", b"EMP-123456", BodyErrorKind::MediaType),
        ("application/pdf", b"%PDF-1.7 EMP-123456", BodyErrorKind::MediaType),
        ("application/octet-stream", b"some text and then \0\0", BodyErrorKind::MediaType),
        ("multipart/form-data; boundary=b", b"--b\r\n\r\n\xff\xd8\xff", BodyErrorKind::MediaType),
        ("", b"PK\x03\x04", BodyErrorKind::MediaType),
        ("text/plain; charset=utf-16", b"EMP-123456", BodyErrorKind::Charset),
        ("text/plain; charset=utf-7", b"EMP-123456", BodyErrorKind::Charset),
        ("text/plain; charset = utf-7", b"EMP-123456", BodyErrorKind::Charset),
        ("text/plain; charset*=us-ascii''utf-7", b"EMP-123456", BodyErrorKind::Charset),
        ("text;", b"EMP-123456", BodyErrorKind::MediaType),
        ("text/plain; charset=\"utf-8", b"EMP-123456", BodyErrorKind::MediaType),
        ("text/plain", b"as E\0M\0P\0-\x001\x002\x003\x00", BodyErrorKind::Charset),
        ("application/json; charset=utf-8", b"{\0\"\0a\0", BodyErrorKind::Charset),
    ];
    for (media_type, body, kind) in bodies {
        let code = kind.code();
        assert_eq!(run(&spec(media_type, &[]), body).end, Err(kind), "{media_type}");
        let done = run(&lenient(media_type), body);
        assert_eq!((done.end, done.out.as_slice()), (Ok(()), body), "{media_type}");
        let [(reason, count)] = done.seen.unscanned[..] else { panic!("{media_type}") };
        assert_eq!((reason, count + done.seen.scanned), (code, body.len() as u64), "{media_type}");
    }
}

#[test]
fn what_is_no_text_passes_where_its_type_may_and_text_never_does() {
    let opaque = |media_type: &str, range: &str| BodySpec {
        opaque: Arc::new([crate::body::MediaRange::parse(range).unwrap()]),
        ..spec(media_type, &[])
    };
    let picture = b"\x89PNG\r\n\x1a\n EMP-123456 \0\xff";
    let done = run(&opaque("image/png", "image/*"), picture);
    assert_eq!((done.end, done.out.as_slice()), (Ok(()), &picture[..]));
    assert_eq!(done.seen.unscanned, [("media_type", picture.len() as u64)]);
    assert_eq!(run(&opaque("application/pdf", "image/*"), b"%PDF-").end, Err(BodyErrorKind::MediaType));
    // A text that calls itself a picture, short or long.
    for rest in [0, 600] {
        let text = format!("EMP-123456{}", " x".repeat(rest));
        let done = run(&opaque("image/png", "*/*"), text.as_bytes());
        assert_eq!((done.end.clone(), done.text()), (Ok(()), text.replace("EMP-123456", "[EMPLOYEE]")));
    }
    // Bytes that are none behind its first ones: refused, however it was cut, and nothing of it passes unscanned.
    for bad in [b"\xff", b"\x01"] {
        let text = [b"EMP-123456 ".as_slice(), &b"x ".repeat(5000), bad].concat();
        for size in [1, 511, 512, 513, 4096, text.len()] {
            let done = run_in(&opaque("image/png", "image/*"), text.chunks(size));
            assert_eq!(done.end, Err(BodyErrorKind::MediaType), "{size}");
            assert!(!done.out.windows(10).any(|window| window == b"EMP-123456"), "{size}");
        }
    }
    // Other formats' first bytes before a text, and what has parts that cannot be told apart.
    let kinds = [
        ("image/png", "BZh EMP-123456"),
        ("text/plain", "%PDF- EMP-123456"),
        ("multipart/form-data", "--b EMP-123456"),
        ("text", "EMP-123456"),
    ];
    for (kind, text) in kinds {
        let done = run(&opaque(kind, "*/*"), text.as_bytes());
        assert!(!done.text().contains("EMP-123456") && done.seen.unscanned.is_empty(), "{kind}");
    }
    let pdf = b"%PDF-1.4 and nothing but text";
    assert_eq!(run(&opaque("application/pdf", "application/pdf"), pdf).end, Ok(()));
    assert_eq!(run(&opaque("application/octet-stream", "application/octet-stream"), b"\x1f\x8b\x08\0").end, Ok(()));
    let file = b"--b\r\nContent-Disposition: form-data; name=f; filename=a.bin\r\nContent-Type: application/octet-stream\r\n\r\n\0\x01\r\n--b--";
    let form = "multipart/form-data; boundary=b";
    assert_eq!(run(&opaque(form, "application/octet-stream"), file).end, Ok(()));
    // A type that cannot be read is none of these, unless every type is.
    assert_eq!(run(&opaque("png", "image/*"), picture).end, Err(BodyErrorKind::MediaType));
    assert_eq!(run(&opaque("png", "*/*"), picture).seen.unscanned, [("media_type", picture.len() as u64)]);
    // A part of a form.
    let form = b"--b\r\nContent-Type: image/png\r\n\r\n\x89PNG\r\n\x1a\n\r\n--b\r\n\r\nEMP-123456\r\n--b--";
    let done = run(&opaque("multipart/form-data; boundary=b", "image/*"), form);
    assert_eq!(done.end, Ok(()));
    assert!(done.out.ends_with(b"\r\n\r\n[EMPLOYEE]\r\n--b--"));
}

/// A call is set up by two texts, and then goes around whoever read them.
#[test]
fn what_sets_up_a_call_is_refused_unless_its_type_passes_by_name() {
    let offer = "v=0\r\no=- 4111111111111111 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n";
    let form = "multipart/form-data; boundary=b";
    let part =
        |head: &str| format!("--b\r\nContent-Disposition: form-data; name=sdp{head}\r\n\r\n{offer}\r\n--b--\r\n");
    let passing = |media_type: &str, ranges: &[&str]| BodySpec {
        opaque: ranges.iter().map(|range| MediaRange::parse(range).unwrap()).collect(),
        ..spec(media_type, &[])
    };
    for (media_type, body) in [
        ("application/sdp", offer.to_owned()),
        ("Application/SDP; charset=utf-8", offer.replace("\r\n", "\n")),
        ("text/plain", offer.to_owned()),
        ("text/plain; charset=latin1", offer.to_owned()),
        ("", format!("\r\n{offer}")),
        ("application/octet-stream", offer.replace("\r\n", "\n")),
        ("image/png", format!("\u{feff}{offer}")),
        (form, part("")),
        (form, part("\r\nContent-Type: application/sdp")),
        (form, part("; filename=a.txt\r\nContent-Type: text/plain")),
    ] {
        for ranges in [&[][..], &["*/*"], &["application/*", "image/*"]] {
            let strict = passing(media_type, ranges);
            let lenient = BodySpec { on_fault_pass: true, ..strict.clone() };
            let dialect = BodySpec { dialect: Dialect::OpenAi, direction: Direction::Response, ..strict.clone() };
            for spec in [strict, lenient, dialect] {
                let done = run(&spec, body.as_bytes());
                assert_eq!(done.end, Err(BodyErrorKind::MediaType), "{media_type} {ranges:?}");
                assert!(!done.text().contains("IN IP4"), "{media_type}");
            }
        }
        if media_type != "image/png" {
            let done = run(&passing(media_type, &["image/*", "application/sdp"]), body.as_bytes());
            assert_eq!((done.end, done.out.as_slice()), (Ok(()), body.as_bytes()), "{media_type}");
            let [("media_type", count)] = done.seen.unscanned[..] else { panic!("{media_type}") };
            assert!(count >= offer.replace("\r\n", "\n").len() as u64, "{media_type}");
        }
    }
    // What calls itself so and is none is refused, or scanned; and a text that begins nearly so is one.
    assert_eq!(run(&spec("application/sdp", &[]), b"EMP-123456").end, Err(BodyErrorKind::MediaType));
    let done = run(&passing("application/sdp", &["application/sdp"]), b"EMP-123456");
    assert_eq!((done.end.clone(), done.text()), (Ok(()), "[EMPLOYEE]".to_owned()));
    for text in ["v=0", "v=0\r\nx=EMP-123456", "v=0 or 1", "v=1\r\no=a"] {
        let done = run(&spec("text/plain", &[]), text.as_bytes());
        assert_eq!((done.end.clone(), done.text()), (Ok(()), text.replace("EMP-123456", "[EMPLOYEE]")));
    }
}

#[test]
fn what_is_compressed_without_saying_so_is_refused() {
    for coding in [ContentCoding::Gzip, ContentCoding::Zstd] {
        for media_type in ["text/plain", "application/json", ""] {
            let body = encode(&[coding], b"EMP-123456");
            for spec in [spec(media_type, &[]), lenient(media_type)] {
                assert_eq!(run(&spec, &body).end, Err(BodyErrorKind::CodingInvalid), "{media_type}");
            }
            let twice = encode(&[coding], &body);
            assert_eq!(run(&spec(media_type, &[coding]), &twice).end, Err(BodyErrorKind::CodingInvalid));
        }
    }
}

#[test]
fn faults_of_a_coding_never_pass() {
    let body = encode(&[ContentCoding::Gzip], b"text EMP-123456");
    let lenient = BodySpec { codings: vec![ContentCoding::Gzip], ..lenient("text/plain") };
    for end in 1..body.len() {
        assert_eq!(run_in(&lenient, [&body[..end]]).end, Err(BodyErrorKind::Truncated), "{end}");
    }
    let trailing = [&body[..], b"EMP-123456"].concat();
    assert_eq!(run(&lenient, &trailing).end, Err(BodyErrorKind::CodingInvalid));
    let bomb = encode(&[ContentCoding::Gzip], &vec![b'a'; 3 << 20]);
    assert_eq!(run_in(&lenient, [&bomb[..]]).end, Err(BodyErrorKind::Expansion));
    let error = BodyInspector::new(spec("text/plain", &[ContentCoding::Gzip; 4])).unwrap_err();
    assert_eq!(error.kind, BodyErrorKind::CodingUnsupported);
}

#[test]
fn a_block_ends_the_body_visibly_and_what_was_decided_leaves() {
    for codings in [&[][..], &CODINGS[..1], &CODINGS[1..2], &CODINGS[2..3], &CODINGS[3..]] {
        let body = encode(codings, b"clear text. STOP-1234 and more");
        let mut inspector = BodyInspector::new(spec("text/plain", codings)).unwrap();
        let mut out = Vec::new();
        let result = inspector.push(&body, &mut out).and_then(|()| inspector.finish(&mut out));
        let blocked = BodyErrorKind::Blocked { rule: 2 };
        assert_eq!(result.unwrap_err().kind, blocked, "{codings:?}");
        inspector.interject(b"\nerror\n", &mut out).unwrap();
        for fault in [inspector.push(b"x", &mut out), inspector.flush(&mut out), inspector.finish(&mut out)] {
            assert_eq!(fault.unwrap_err().kind, blocked);
        }
        assert_eq!(inspector.inspection().bytes_out, out.len() as u64);
        let mut reader = Decoding::new(codings, &BodyLimits::default()).unwrap();
        let (mut input, mut text) = (out.as_slice(), Vec::new());
        if codings.is_empty() {
            text.extend_from_slice(input);
        }
        while let Some(piece) = reader.next_piece(&mut input).unwrap() {
            text.extend_from_slice(piece);
        }
        assert_eq!(String::from_utf8(text).unwrap(), "clear text. \nerror\n", "{codings:?}");
        // A reader sees that the body was cut.
        assert_eq!(reader.finish().is_err(), !codings.is_empty());
    }
}

#[test]
fn an_event_leaves_with_the_push_that_completes_it() {
    for coding in CODINGS {
        let events = ["data: EMP-123456\n\n", "event: ping\ndata: {\"a\":\"b c\"}\n\n", ": comment\n\n"];
        let mut source = None;
        let mut opened = Decoding::new(&[coding], &BodyLimits::default()).unwrap();
        let mut inspector = BodyInspector::new(spec("text/event-stream", &[coding])).unwrap();
        let mut reader = Decoding::new(&[coding], &BodyLimits::default()).unwrap();
        for event in events {
            let source = source.get_or_insert_with(|| opened.encoding().unwrap());
            let (mut came, mut left, mut read) = (Vec::new(), Vec::new(), Vec::new());
            source.write(event.as_bytes(), &mut came).unwrap();
            source.flush(&mut came).unwrap();
            inspector.push(&came, &mut left).unwrap();
            let mut left = left.as_slice();
            while let Some(piece) = reader.next_piece(&mut left).unwrap() {
                read.extend_from_slice(piece);
            }
            assert_eq!(String::from_utf8(read).unwrap(), event.replace("EMP-123456", "[EMPLOYEE]"), "{coding:?}");
        }
        let _ = opened.next_piece(&mut [].as_slice());
    }
}

#[test]
fn flush_gives_what_the_encoder_holds_and_not_what_the_rules_hold() {
    let mut inspector = BodyInspector::new(spec("text/plain", &[ContentCoding::Gzip])).unwrap();
    let mut out = Vec::new();
    let body = encode(&[ContentCoding::Gzip], b"some words, EMP-123456 x");
    inspector.push(&body, &mut out).unwrap();
    inspector.flush(&mut out).unwrap();
    let length = out.len();
    inspector.flush(&mut out).unwrap();
    assert_eq!(out.len(), length, "nothing new, nothing flushed");
    let mut text = Vec::new();
    let _ = flate2::read::GzDecoder::new(&out[..]).read_to_end(&mut text);
    assert!(String::from_utf8(text).unwrap().starts_with("some words, [EMPLOYEE]"));
}

#[test]
fn one_call_gives_a_bounded_output_and_the_rest_on_demand() {
    let line = b"a line with EMP-123456 in it and some more words behind it\n";
    let body: Vec<u8> = line.iter().copied().cycle().take(900 << 10).collect();
    for codings in [&[][..], &CODINGS[..1], &CODINGS[2..3], &CODINGS[3..]] {
        let encoded = encode(codings, &body);
        let mut inspector = BodyInspector::new(spec("text/plain", codings)).unwrap();
        let (mut whole, mut input, mut calls) = (Vec::new(), encoded.as_slice(), 0);
        loop {
            let mut out = Vec::new();
            let done = inspector.push_some(&mut input, &mut out, 1).unwrap();
            assert!(out.len() <= 3 * PIECE, "{}", out.len());
            whole.extend_from_slice(&out);
            calls += 1;
            if done {
                break;
            }
        }
        assert!(calls > 2 || !codings.is_empty(), "an encoder may keep much of it");
        inspector.finish(&mut whole).unwrap();
        let text = String::from_utf8(decode(codings, &whole)).unwrap();
        assert!(text == String::from_utf8_lossy(&body).replace("EMP-123456", "[EMPLOYEE]"), "{codings:?}");
        // A caller that ends without asking for the rest loses nothing.
        let mut inspector = BodyInspector::new(spec("text/plain", codings)).unwrap();
        let (mut out, mut input) = (Vec::new(), encoded.as_slice());
        inspector.push_some(&mut input, &mut out, 1).unwrap();
        inspector.push(input, &mut out).unwrap();
        inspector.finish(&mut out).unwrap();
        assert!(decode(codings, &out) == text.as_bytes(), "{codings:?}");
    }
}

#[test]
fn off_counts_every_byte() {
    let mut inspector = BodyInspector::pass("off");
    let mut out = Vec::new();
    inspector.push(b"EMP-123456 STOP-1234", &mut out).unwrap();
    inspector.push(b"\0\xff", &mut out).unwrap();
    inspector.finish(&mut out).unwrap();
    assert_eq!(out, b"EMP-123456 STOP-1234\0\xff");
    let seen = inspector.into_inspection();
    assert_eq!((seen.bytes_in, seen.bytes_out, seen.scanned), (22, 22, 0));
    assert_eq!(seen.unscanned, [("off", 22)]);
}

#[test]
fn debug_shows_lengths_and_no_text() {
    let mut inspector = BodyInspector::new(spec("text/plain", &[])).unwrap();
    inspector.push(b"EMP-12345", &mut Vec::new()).unwrap();
    assert!(!format!("{inspector:?}").contains("EMP"));
}

#[test]
fn an_inspector_can_be_sent_between_threads() {
    fn send<T: Send>() {}
    send::<BodyInspector>();
}

/// An answer in deltas of three characters, as events.
fn deltas(text: &str) -> String {
    let events = text.as_bytes().chunks(3).map(|piece| {
        let content = String::from_utf8(piece.to_vec()).unwrap();
        format!(
            "data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{content}\"}},\"finish_reason\":null}}]}}\n\n"
        )
    });
    let end = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    events.chain([String::from(end)]).collect()
}

fn contents(stream: &str) -> String {
    let parts = stream.split("\"content\":\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    parts.collect()
}

fn answer(media_type: &str, codings: &[ContentCoding]) -> BodySpec {
    BodySpec { dialect: Dialect::OpenAi, direction: Direction::Response, ..spec(media_type, codings) }
}

#[test]
fn a_value_split_over_events_is_seen_in_every_coding() {
    let stream = deltas("badge EMP-123456 and 4111 1111 1111 1111 end");
    for media_type in ["text/event-stream", "text/plain"] {
        for codings in [&[][..], &CODINGS[..1], &CODINGS[1..2], &CODINGS[2..3], &CODINGS[3..]] {
            let done = run(&answer(media_type, codings), &encode(codings, stream.as_bytes()));
            assert_eq!(done.end, Ok(()));
            let text = String::from_utf8(decode(codings, &done.out)).unwrap();
            assert_eq!(contents(&text), "badge [EMPLOYEE] and **** **** **** 1111 end", "{media_type} {codings:?}");
            assert!(text.ends_with("data: [DONE]\n\n"));
        }
    }
}

#[test]
fn after_a_block_an_error_event_can_follow_in_the_stream() {
    let stream = deltas("all clear, then STOP-1234 and on");
    for coding in CODINGS {
        let mut inspector = BodyInspector::new(answer("text/event-stream", &[coding])).unwrap();
        let (mut out, mut text) = (Vec::new(), Vec::new());
        let fault = inspector.push(&encode(&[coding], stream.as_bytes()), &mut out).unwrap_err();
        assert_eq!(fault.kind, BodyErrorKind::Blocked { rule: 2 });
        inspector.interject(b"event: error\ndata: {}\n\n", &mut out).unwrap();
        let mut reader = Decoding::new(&[coding], &BodyLimits::default()).unwrap();
        let mut input = out.as_slice();
        while let Some(piece) = reader.next_piece(&mut input).unwrap() {
            text.extend_from_slice(piece);
        }
        let text = String::from_utf8(text).unwrap();
        let (before, _) = text.split_once("event: error\ndata: {}\n\n").unwrap();
        assert!(before.ends_with("\n\n"), "{coding:?}: {before}");
        assert!("all clear, then ".starts_with(&contents(before)) && !before.contains("STO"), "{coding:?}");
        assert!(!text.contains("DONE"));
    }
}
