//! *Nothing silent*, as arithmetic: of every body each decoded byte was scanned, passed for a reason, or was withheld.

use std::io::Write;

use blackbar::body::{BodyInspector, BodySpec, ContentCoding, Dialect, Direction, MediaRange};
use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};

use super::fixtures::{anthropic, gzip, openai, spec};
use super::protobuf::LOGS;

/// What random bodies are made of.
const PIECES: &[&str] = &[
    "{\"a\":\"jane@example.com\",\"n\":[1,2.5e3,true]}",
    "[{\"text\":\"4111 1111 1111 1111\"}]",
    "plain words ",
    "\n",
    "\r\n",
    "\"quoted, cell\",2\n",
    "a=1&b=%34%31%31%31&c=+",
    "data: {\"x\":\"y\"}\n\n",
    "event: ping\n",
    ": beat\n\n",
    "\u{e9}\u{4e2d}",
    "\\u0034",
    "{\"signature\":\"EqQBCkgIARABGAIiQL8Z3b4hQ2h0c0pYb2xKZ0lQVHhWb3dNRFZ2WkdWa0xXUmxiblJ2TFdWdVkyOWtaV1F0WVc1a0xXeHZibWN0Wlc1dmRXZG8=\"}",
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
    "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n",
    "\r\n--b--\r\n",
    "<xml attr=\"v\">t</xml>",
    "\u{feff}",
    "{",
    "}",
    "\"",
    ":",
    ",",
    "]",
];

const KINDS: &[&str] = &[
    "text/plain",
    "text/csv",
    "text/event-stream",
    "text/html",
    "application/json",
    "application/x-ndjson",
    "application/xml",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=b",
    "application/octet-stream",
    "image/png",
    "application/x-protobuf",
    "application/grpc",
    "application/vnd.amazon.eventstream",
    "application/json-seq",
    "x/unknown",
];

fn roll(dice: &mut TestRng, below: usize) -> usize {
    dice.next_u32() as usize % below
}

fn pick<'a, T>(from: &'a [T], dice: &mut TestRng) -> &'a T {
    &from[roll(dice, from.len())]
}

fn body(kind: &str, dice: &mut TestRng) -> Vec<u8> {
    match roll(dice, 8) {
        0 if kind.contains("event") => openai("pay 4111 1111 1111 1111 now", 3).into_bytes(),
        1 if kind.contains("event") => anthropic("mail jane@example.com now", 2).into_bytes(),
        2 => (0..roll(dice, 400)).map(|_| dice.next_u32() as u8).collect(),
        _ => (0..roll(dice, 12)).flat_map(|_| pick(PIECES, dice).bytes()).collect(),
    }
}

/// Whether what the bodies of this kind hold is opened once more within them.
fn is_opened_within(spec: &BodySpec) -> bool {
    let kind = spec.media_type.as_ref().map(|kind| kind.subtype().to_owned()).unwrap_or_default();
    matches!(spec.dialect, Dialect::Loki | Dialect::RemoteWrite) || kind.contains("grpc")
}

fn balances(spec: BodySpec, came: &[u8], plain: &[u8], dice: &mut TestRng) {
    let what = format!("{:?} {:?} {:?} {:?}", spec.media_type, spec.dialect, spec.direction, spec.codings);
    let within = is_opened_within(&spec);
    let Ok(mut inspector) = BodyInspector::new(spec) else { return };
    let (mut out, mut rest, mut pushed) = (Vec::new(), came, Ok(()));
    while !rest.is_empty() && pushed.is_ok() {
        let (piece, behind) = rest.split_at(1 + roll(dice, rest.len()));
        pushed = inspector.push(piece, &mut out);
        rest = behind;
    }
    // Some break off where they are.
    let left = roll(dice, 10) == 0;
    let whole = pushed.is_ok() && !left && inspector.finish(&mut out).is_ok();
    let seen = inspector.into_inspection();
    let unscanned: u64 = seen.unscanned.iter().map(|(_, bytes)| bytes).sum();
    assert_eq!(seen.scanned + unscanned + seen.withheld, seen.length, "{what}: {seen:?}");
    if within {
        return;
    }
    if whole {
        assert_eq!((seen.length, seen.withheld), (plain.len() as u64, 0), "{what}: {}", String::from_utf8_lossy(plain));
    } else {
        assert!(seen.length <= plain.len() as u64, "{what}: {seen:?}");
    }
}

/// Random bodies of every kind, 20,000 of them (a million with `BLACKBAR_LONG`).
#[test]
fn every_byte_of_every_body_is_accounted_for() {
    let count = if std::env::var_os("BLACKBAR_LONG").is_some() { 1_000_000 } else { 20_000 };
    let mut dice = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let dialects = [
        Dialect::Plain,
        Dialect::OpenAi,
        Dialect::Anthropic,
        Dialect::Gemini,
        Dialect::Cohere,
        Dialect::Ollama,
        Dialect::Bedrock,
        LOGS,
        Dialect::Loki,
        Dialect::RemoteWrite,
    ];
    for _ in 0..count {
        let kind = pick(KINDS, &mut dice);
        let plain = body(kind, &mut dice);
        let coded = roll(&mut dice, 4) == 0;
        let came = if coded { gzip(&plain) } else { plain.clone() };
        let spec = BodySpec {
            dialect: *pick(&dialects, &mut dice),
            direction: *pick(&[Direction::Request, Direction::Response], &mut dice),
            codings: if coded { vec![ContentCoding::Gzip] } else { Vec::new() },
            on_fault_pass: roll(&mut dice, 3) == 0,
            opaque: if roll(&mut dice, 3) == 0 { [MediaRange::all()].into() } else { [].into() },
            ..spec(kind)
        };
        balances(spec, &came, &plain, &mut dice);
    }
}

/// A message that is compressed within its frame counts with the bytes that it is.
#[test]
fn what_is_opened_within_a_body_counts_as_it_is() {
    let plain = b"\x7a\x10jane@example.com".repeat(20);
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(&plain).unwrap();
    let packed = packed.finish().unwrap();
    let frame = [&[1_u8][..], &(packed.len() as u32).to_be_bytes(), &packed].concat();
    let grpc = BodySpec {
        dialect: LOGS,
        direction: Direction::Request,
        codings: vec![ContentCoding::Gzip],
        ..spec("application/grpc")
    };
    let mut inspector = BodyInspector::new(grpc).unwrap();
    let mut out = Vec::new();
    let ended = inspector.push(&frame, &mut out).and_then(|()| inspector.finish(&mut out));
    let seen = inspector.into_inspection();
    assert!(ended.is_ok(), "{ended:?}");
    assert_eq!(seen.length, 5 + plain.len() as u64, "{seen:?}");
    let unscanned: u64 = seen.unscanned.iter().map(|(_, bytes)| bytes).sum();
    assert_eq!((seen.scanned + unscanned, seen.withheld), (seen.length, 0));
}
