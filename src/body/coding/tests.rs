#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic here is a failed test")]

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

use super::*;

const ALL: [ContentCoding; 4] =
    [ContentCoding::Gzip, ContentCoding::Deflate, ContentCoding::Brotli, ContentCoding::Zstd];

/// A small seeded generator (xorshift), so that a failure can be repeated.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }
}

fn text(length: usize) -> Vec<u8> {
    let mut dice = Dice(7);
    let words = ["my", "card", "is", "4111 1111 1111 1111", "and", "jane@example.com", "\u{e9}t\u{e9}", "\n"];
    let mut text = Vec::new();
    while text.len() < length {
        text.extend_from_slice(words[dice.below(words.len())].as_bytes());
        text.push(b' ');
    }
    text.truncate(length);
    text
}

fn noise(length: usize) -> Vec<u8> {
    let mut dice = Dice(11);
    (0..length).map(|_| dice.next().to_le_bytes()[3]).collect()
}

/// Encodes with writers other than the ones under test.
fn encode(coding: ContentCoding, body: &[u8]) -> Vec<u8> {
    match coding {
        ContentCoding::Gzip => {
            let mut writer = GzEncoder::new(Vec::new(), Compression::best());
            writer.write_all(body).unwrap();
            writer.finish().unwrap()
        }
        ContentCoding::Deflate => {
            let mut writer = ZlibEncoder::new(Vec::new(), Compression::best());
            writer.write_all(body).unwrap();
            writer.finish().unwrap()
        }
        ContentCoding::Brotli => {
            let mut writer = ::brotli::CompressorWriter::new(Vec::new(), 4096, 9, 22);
            writer.write_all(body).unwrap();
            writer.into_inner()
        }
        ContentCoding::Zstd => ::zstd::encode_all(body, 9).unwrap(),
        ContentCoding::Snappy | ContentCoding::Identity => body.to_vec(),
    }
}

fn raw_deflate(body: &[u8]) -> Vec<u8> {
    let mut writer = DeflateEncoder::new(Vec::new(), Compression::best());
    writer.write_all(body).unwrap();
    writer.finish().unwrap()
}

/// Decodes with readers other than the ones under test.
fn decode(coding: ContentCoding, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    match coding {
        ContentCoding::Gzip => drop(MultiGzDecoder::new(body).read_to_end(&mut out).unwrap()),
        ContentCoding::Deflate => drop(flate2::read::ZlibDecoder::new(body).read_to_end(&mut out).unwrap()),
        ContentCoding::Brotli => drop(::brotli::Decompressor::new(body, 4096).read_to_end(&mut out).unwrap()),
        ContentCoding::Zstd => out = ::zstd::decode_all(body).unwrap(),
        ContentCoding::Snappy | ContentCoding::Identity => out.extend_from_slice(body),
    }
    out
}

fn feed(decoding: &mut Decoding, mut input: &[u8], out: &mut Vec<u8>) -> Result<(), BodyError> {
    while let Some(piece) = decoding.next_piece(&mut input)? {
        assert!(piece.len() <= PIECE);
        out.extend_from_slice(piece);
    }
    assert!(input.is_empty());
    Ok(())
}

fn open_with<'a>(
    codings: &[ContentCoding],
    limits: &BodyLimits,
    chunks: impl Iterator<Item = &'a [u8]>,
) -> Result<Vec<u8>, BodyErrorKind> {
    let mut decoding = Decoding::new(codings, limits).map_err(|error| error.kind)?;
    let mut out = Vec::new();
    for chunk in chunks {
        feed(&mut decoding, chunk, &mut out).map_err(|error| error.kind)?;
    }
    decoding.finish().map_err(|error| error.kind)?;
    Ok(out)
}

fn open(coding: ContentCoding, body: &[u8]) -> Result<Vec<u8>, BodyErrorKind> {
    open_with(&[coding], &BodyLimits::default(), std::iter::once(body))
}

#[test]
fn every_split_of_a_small_body_opens_to_the_same() {
    let body = text(300);
    for coding in ALL {
        let encoded = encode(coding, &body);
        assert_eq!(open(coding, &encoded).unwrap(), body);
        for at in 0..=encoded.len() {
            let (left, right) = encoded.split_at(at);
            let chunks = [left, right].into_iter();
            assert_eq!(open_with(&[coding], &BodyLimits::default(), chunks).unwrap(), body, "{coding:?} at {at}");
        }
        let bytes = encoded.chunks(1);
        assert_eq!(open_with(&[coding], &BodyLimits::default(), bytes).unwrap(), body, "{coding:?} by bytes");
    }
}

#[test]
fn random_chunkings_of_large_bodies_open_to_the_same() {
    let mut dice = Dice(3);
    for body in [text(700_000), noise(300_000), vec![b'a'; 900_000]] {
        for coding in ALL {
            let encoded = encode(coding, &body);
            for _ in 0..4 {
                let largest = [1 << 16, 5000, 300, 17][dice.below(4)];
                let mut rest = encoded.as_slice();
                let chunks = std::iter::from_fn(|| {
                    let (chunk, after) = rest.split_at((1 + dice.below(largest)).min(rest.len()));
                    rest = after;
                    (!chunk.is_empty()).then_some(chunk)
                });
                assert!(open_with(&[coding], &BodyLimits::default(), chunks).unwrap() == body, "{coding:?}");
            }
        }
    }
}

#[test]
fn three_layers_open_and_are_made_again() {
    let body = text(100_000);
    let mut dice = Dice(5);
    for _ in 0..8 {
        let codings = [ALL[dice.below(4)], ALL[dice.below(4)], ALL[dice.below(4)]];
        let encoded = codings.iter().fold(body.clone(), |inner, coding| encode(*coding, &inner));
        let mut decoding = Decoding::new(&codings, &BodyLimits::default()).unwrap();
        let mut encoding = None;
        let mut out = Vec::new();
        for chunk in encoded.chunks(777) {
            let mut opened = Vec::new();
            feed(&mut decoding, chunk, &mut opened).unwrap();
            if !opened.is_empty() {
                let encoding = encoding.get_or_insert_with(|| decoding.encoding().unwrap());
                encoding.write(&opened, &mut out).unwrap();
            }
        }
        decoding.finish().unwrap();
        encoding.unwrap().finish(&mut out).unwrap();
        let again = codings.iter().rev().fold(out, |outer, coding| decode(*coding, &outer));
        assert!(again == body, "{codings:?}");
    }
    let error = Decoding::new(&[ContentCoding::Gzip; 4], &BodyLimits::default()).unwrap_err();
    assert_eq!(error.kind, BodyErrorKind::CodingUnsupported);
}

#[test]
fn bare_deflate_is_told_from_zlib_and_made_again() {
    let body = text(5000);
    for (encoded, form) in
        [(raw_deflate(&body), deflate::Form::Raw), (encode(ContentCoding::Deflate, &body), deflate::Form::Zlib)]
    {
        for size in [1, 2, 3, 9999] {
            let mut decoding = Decoding::new(&[ContentCoding::Deflate], &BodyLimits::default()).unwrap();
            let mut out = Vec::new();
            for chunk in encoded.chunks(size) {
                feed(&mut decoding, chunk, &mut out).unwrap();
            }
            decoding.finish().unwrap();
            assert_eq!(out, body);
            let mut encoding = decoding.encoding().unwrap();
            let mut again = Vec::new();
            encoding.write(&out, &mut again).unwrap();
            encoding.finish(&mut again).unwrap();
            let mut plain = Vec::new();
            match form {
                deflate::Form::Raw => flate2::read::DeflateDecoder::new(&again[..]).read_to_end(&mut plain).unwrap(),
                _ => flate2::read::ZlibDecoder::new(&again[..]).read_to_end(&mut plain).unwrap(),
            };
            assert_eq!(plain, body);
        }
    }
}

/// A member with every optional field of RFC 1952.
fn full_member(body: &[u8]) -> Vec<u8> {
    let mut member = vec![0x1f, 0x8b, 8, 0b0001_1111, 1, 2, 3, 4, 0, 3];
    member.extend_from_slice(&[5, 0, b'e', b'x', b't', b'r', b'a']);
    member.extend_from_slice(b"name\0comment\0");
    let mut crc = flate2::Crc::new();
    crc.update(&member);
    member.extend_from_slice(&crc.sum().to_le_bytes()[..2]);
    member.extend_from_slice(&raw_deflate(body));
    let mut crc = flate2::Crc::new();
    crc.update(body);
    member.extend_from_slice(&crc.sum().to_le_bytes());
    member.extend_from_slice(&u32::try_from(body.len()).unwrap().to_le_bytes());
    member
}

#[test]
fn gzip_members_and_header_fields() {
    let member = full_member(b"one ");
    let mut body = member.clone();
    body.extend_from_slice(&encode(ContentCoding::Gzip, b""));
    body.extend_from_slice(&encode(ContentCoding::Gzip, b"two"));
    body.extend_from_slice(&full_member(b" three"));
    for size in 1..body.len() {
        let opened = open_with(&[ContentCoding::Gzip], &BodyLimits::default(), body.chunks(size));
        assert_eq!(opened.unwrap(), b"one two three", "by {size}");
    }
    // Every byte counts, but for the bits that fill up the last byte of the deflated data.
    for at in (0..member.len()).filter(|at| *at != member.len() - 9) {
        let mut broken = member.clone();
        broken[at] ^= 0x80;
        assert!(open(ContentCoding::Gzip, &broken).is_err(), "byte {at}");
    }
    let empty_extra = [&[0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 3, 0, 0][..], &encode(ContentCoding::Gzip, b"x")[10..]];
    assert_eq!(open(ContentCoding::Gzip, &empty_extra.concat()).unwrap(), b"x");
}

#[test]
fn zstd_frames_and_skippable_frames() {
    let skippable = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
    let empty = [0x5f, 0x2a, 0x4d, 0x18, 0, 0, 0, 0];
    let one = encode(ContentCoding::Zstd, b"one ");
    let two = encode(ContentCoding::Zstd, b"two");
    let body = [&skippable[..], &one, &empty, &skippable, &two, &empty].concat();
    for size in 1..body.len() {
        let opened = open_with(&[ContentCoding::Zstd], &BodyLimits::default(), body.chunks(size));
        assert_eq!(opened.unwrap(), b"one two", "by {size}");
    }
    for end in 1..body.len() {
        let ends = [skippable.len(), skippable.len() + one.len(), skippable.len() + one.len() + empty.len()];
        let later = [ends[2] + skippable.len(), ends[2] + skippable.len() + two.len()];
        let whole = ends.contains(&end) || later.contains(&end);
        assert_eq!(open(ContentCoding::Zstd, &body[..end]).is_ok(), whole, "cut at {end}");
    }
}

#[test]
fn truncation_at_each_byte_is_seen() {
    let body = text(200);
    for coding in ALL {
        let encoded = encode(coding, &body);
        for end in 0..encoded.len() {
            assert_eq!(open(coding, &encoded[..end]).unwrap_err(), BodyErrorKind::Truncated, "{coding:?} at {end}");
        }
    }
    let raw = raw_deflate(&body);
    for end in 0..raw.len() {
        assert_eq!(open(ContentCoding::Deflate, &raw[..end]).unwrap_err(), BodyErrorKind::Truncated, "raw at {end}");
    }
}

#[test]
fn bytes_after_the_end_are_seen() {
    for coding in ALL {
        for garbage in [&b"4111 1111 1111 1111"[..], b"\0", b"\0\0\0\0\0\0\0\0"] {
            let mut encoded = encode(coding, b"body");
            encoded.extend_from_slice(garbage);
            for size in [1, 1000] {
                let opened = open_with(&[coding], &BodyLimits::default(), encoded.chunks(size));
                assert_eq!(opened.unwrap_err(), BodyErrorKind::CodingInvalid, "{coding:?} {garbage:?} by {size}");
            }
        }
    }
}

#[test]
fn a_coding_that_is_not_the_one_announced_is_refused() {
    for told in ALL {
        for made in ALL {
            if told != made {
                assert!(open(told, &encode(made, &text(2000))).is_err(), "{made:?} as {told:?}");
            }
        }
        assert!(open(told, b"plain text, nothing of a coding about it").is_err(), "{told:?}");
    }
}

#[test]
fn any_bytes_are_safe() {
    let mut dice = Dice(13);
    for coding in ALL {
        let encoded = encode(coding, &text(400));
        for _ in 0..2000 {
            let mut broken = encoded.clone();
            for _ in 0..=dice.below(3) {
                let at = dice.below(broken.len());
                broken[at] = dice.next().to_le_bytes()[0];
            }
            let size = 1 + dice.below(200);
            let _ = open_with(&[coding], &BodyLimits::default(), broken.chunks(size));
            let _ = open(coding, &noise(dice.below(64)));
        }
    }
}

#[test]
fn bombs_stop_at_the_limit() {
    let limits = BodyLimits { expansion_ratio: 1, expansion_free: 100_000, ..BodyLimits::default() };
    for coding in ALL {
        for (length, fine) in [(99_999, true), (100_000, true), (100_001, false)] {
            let encoded = encode(coding, &vec![b'a'; length]);
            for size in [1, 13, 100_000] {
                let opened = open_with(&[coding], &limits, encoded.chunks(size));
                match fine {
                    true => assert_eq!(opened.unwrap().len(), length),
                    false => assert_eq!(opened.unwrap_err(), BodyErrorKind::Expansion, "{coding:?} by {size}"),
                }
            }
        }
    }
}

#[test]
fn the_ratio_counts_from_the_bytes_that_came() {
    // Two layers of 1:100 each are one of 1:10,000.
    let encoded = encode(ContentCoding::Gzip, &encode(ContentCoding::Gzip, &vec![b'a'; 40 << 20]));
    let mut decoding = Decoding::new(&[ContentCoding::Gzip; 2], &BodyLimits::default()).unwrap();
    let (mut given, mut input) = (0, encoded.as_slice());
    let error = loop {
        match decoding.next_piece(&mut input) {
            Ok(piece) => given += piece.unwrap().len(),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind, BodyErrorKind::Expansion);
    assert!(given <= 1 << 20, "{given}");
}

#[test]
fn a_zstd_window_above_the_limit_is_refused() {
    for (log, fine) in [(22, true), (23, true), (24, false)] {
        let mut writer = ::zstd::Encoder::new(Vec::new(), 1).unwrap();
        writer.window_log(log).unwrap();
        writer.write_all(&text(3 << 20)).unwrap();
        let encoded = writer.finish().unwrap();
        match fine {
            true => assert!(open(ContentCoding::Zstd, &encoded).is_ok(), "2^{log}"),
            false => assert_eq!(open(ContentCoding::Zstd, &encoded).unwrap_err(), BodyErrorKind::Expansion),
        }
    }
}

#[test]
fn flushed_bytes_can_be_read_at_once() {
    for coding in ALL {
        // The first byte tells the decoder which encoder is asked for.
        let mut decoding = Decoding::new(&[coding], &BodyLimits::default()).unwrap();
        feed(&mut decoding, &encode(coding, b"x"), &mut Vec::new()).unwrap();
        let mut encoding = decoding.encoding().unwrap();
        let mut reader = Decoding::new(&[coding], &BodyLimits::default()).unwrap();
        let (mut written, mut read, mut whole) = (Vec::new(), Vec::new(), Vec::new());
        for event in 0..100 {
            let event = format!("data: {{\"delta\":\"{event}\"}}\n\n");
            written.extend_from_slice(event.as_bytes());
            let mut out = Vec::new();
            encoding.write(event.as_bytes(), &mut out).unwrap();
            encoding.flush(&mut out).unwrap();
            feed(&mut reader, &out, &mut read).unwrap();
            assert_eq!(read, written, "{coding:?}");
            whole.extend_from_slice(&out);
        }
        encoding.finish(&mut whole).unwrap();
        assert_eq!(decode(coding, &whole), written);
    }
}

#[test]
fn codings_can_be_sent_between_threads() {
    fn send<T: Send>() {}
    send::<Decoding>();
    send::<Encoding>();
}

#[test]
fn a_window_counts_as_far_as_it_is_filled() {
    let body = text(3 << 20);
    let zstd = |log: u32| {
        let mut writer = ::zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
        writer.window_log(log).unwrap();
        writer.write_all(&body).unwrap();
        writer.finish().unwrap()
    };
    let brotli = |log: u32| {
        let mut writer = ::brotli::CompressorWriter::new(Vec::new(), 4096, 5, log);
        writer.write_all(&body).unwrap();
        writer.into_inner()
    };
    // One whose window is its content.
    let whole = ::zstd::bulk::compress(&body[..100_000], 3).unwrap();
    let cases = [
        (ContentCoding::Zstd, zstd(17), 1 << 17),
        (ContentCoding::Zstd, zstd(20), 1 << 20),
        (ContentCoding::Zstd, whole, 100_000),
        (ContentCoding::Brotli, brotli(16), 1 << 16),
        (ContentCoding::Brotli, brotli(18), 1 << 18),
        (ContentCoding::Brotli, brotli(22), body.len()),
        (ContentCoding::Gzip, encode(ContentCoding::Gzip, &body), 0),
    ];
    for (coding, encoded, window) in cases {
        for size in [1, encoded.len()] {
            let mut decoding = Decoding::new(&[coding], &BodyLimits::default()).unwrap();
            let (beside, mut made) = (decoding.weight(), 0);
            for mut piece in encoded.chunks(size) {
                while let Some(decoded) = decoding.next_piece(&mut piece).unwrap() {
                    made += decoded.len();
                    assert_eq!(decoding.weight() - beside, made.min(window), "{coding:?} by {size}");
                }
            }
            assert_eq!(decoding.weight() - beside, window, "{coding:?} by {size}");
        }
    }
}
