//! The bodies that `fuzz/` runs under libFuzzer, run as plain tests: a seeded set of inputs, each a seed that is changed
//! at random. An input that once broke a promise is among the seeds, or is a test of its own.

mod bodies;
#[path = "../../support/inputs.rs"]
mod inputs;

use self::inputs::Inputs;
use super::properties::PARTS;

/// Bytes that are dear to the engine: what begins encoded characters, separates groups, and ends runs.
const BYTES: &[u8] = b"%&\\=+/-_@.: \n;#xu0149aAfF\xE2\x80\x8B\xC2\xEF\xFF\x00";

/// Pieces that texts of encoded characters are made of.
const SPELLED: &[&str] = &[
    "%34",
    "%2534",
    "&#52;",
    "&amp;#52;",
    "\\u0034",
    "\\\\u0034",
    "\\x34",
    "=40",
    "=\r\n",
    "=20",
    "%EF%BC%94",
    "&shy;",
    "\u{FF14}",
    "\u{664}",
    "amFuZUBleGFtcGxlLmNvbQ==",
    "NDExMTExMTExMTExMTExMQ",
    "6a616e65406578616d706c652e636f6d",
    "0x",
];

/// Pieces of what is encoded twice.
const TWICE: &[&str] = &[
    "%2526%252364%253B",
    "&#37;34",
    "\\u0025",
    "\\u005cu0034",
    "=3D40",
    "NDExMTExMTE%78MTExMTEx",
    "NDExMTExMTExMTExMTExMQ%3D%3D",
    "TkRFeE1URXhNVEV4TVRFeE1URXhNUT09",
    "NTExMSUyMDExMTElMjAxMTExJTIw",
    "4e444578",
];

/// A few bytes of choices and a text of known pieces, or of choices only.
fn begin(inputs: &mut Inputs) -> Vec<u8> {
    let mut input: Vec<u8> = (0..4 + inputs.below(8)).map(|_| inputs.byte()).collect();
    let most = inputs.below(240);
    while input.len() < most {
        match inputs.below(8) {
            0 => input.push(inputs.byte()),
            1 | 2 => input.extend_from_slice(inputs.one_of(SPELLED).as_bytes()),
            _ => input.extend_from_slice(inputs.one_of(PARTS).as_bytes()),
        }
    }
    input
}

/// As [`begin`], with pieces that are encoded twice.
fn begin_twice(inputs: &mut Inputs) -> Vec<u8> {
    let mut input = begin(inputs);
    for _ in 0..inputs.below(6) {
        input.extend_from_slice(inputs.one_of(TWICE).as_bytes());
        input.extend_from_slice(inputs.one_of(PARTS).as_bytes());
    }
    input
}

fn run(body: fn(&[u8]), seed: u8, count: usize) {
    run_from(begin, body, seed, count);
}

fn run_from(begin: fn(&mut Inputs) -> Vec<u8>, body: fn(&[u8]), seed: u8, count: usize) {
    let dear: Vec<_> = BYTES.chunks(1).collect();
    inputs::run(seed, count, begin, &dear, body);
}

#[test]
fn stream() {
    run(bodies::stream, 21, 20_000);
}

#[test]
fn fold() {
    run(bodies::fold, 22, 50_000);
}

#[test]
fn decode() {
    run(bodies::decode, 23, 50_000);
}

#[test]
fn layers() {
    run_from(begin_twice, bodies::layers, 24, 20_000);
}

#[test]
fn short_inputs() {
    for body in [bodies::stream, bodies::fold, bodies::decode, bodies::layers] {
        inputs::run_short(40, body);
    }
}
