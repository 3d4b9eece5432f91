//! Framing: every line ending, every split, every field.

use std::sync::Arc;

use super::EventStream;
use crate::body::{BodyErrorKind, BodyLimits, Dialect, Direction, Inspection, Scopes, Transform};
use crate::engine::{ActionTable, RuleSet};

fn no_rules() -> Arc<Scopes> {
    let rules = RuleSet::build(Vec::new()).expect("no rules compile");
    Arc::new(Scopes {
        rules: Arc::new(rules),
        actions: Arc::new(ActionTable::new(Vec::new(), None)),
        paths: Vec::new(),
        tools: None,
        restore: None,
    })
}

fn stream(limits: &BodyLimits) -> EventStream {
    EventStream::new(no_rules(), limits, Dialect::Plain, Direction::Response)
}

/// Pushes the parts one by one; the outputs of each push, then of the end.
fn run(parts: &[&[u8]]) -> Result<Vec<Vec<u8>>, BodyErrorKind> {
    let mut stream = stream(&BodyLimits::default());
    let mut seen = Inspection::default();
    let mut outs = Vec::new();
    for part in parts {
        let mut out = Vec::new();
        stream.push(part, &mut out, &mut seen).map_err(|error| error.kind)?;
        outs.push(out);
    }
    let mut out = Vec::new();
    stream.finish(&mut out, &mut seen).map_err(|error| error.kind)?;
    outs.push(out);
    Ok(outs)
}

fn whole(parts: &[&[u8]]) -> Vec<u8> {
    run(parts).expect("passes").concat()
}

#[test]
fn clean_streams_are_verbatim_at_every_split() {
    for ending in ["\n", "\r", "\r\n"] {
        for text in [
            "data: one\n\ndata:two\ndata\ndata: three\n\n",
            "\u{FEFF}: hello\nevent: x\ndata: {\"a\": 1}\n\n\n\n",
            "id: 7\nretry: 10\nunknown: y\nnocolon\n: c\ndata: \u{e9}\n\n:\n:\n\n",
            "\u{FEFF}\n\ndata: x\n\n",
        ] {
            let text = text.replace('\n', ending).into_bytes();
            for at in 0..=text.len() {
                let (a, b) = text.split_at(at);
                assert_eq!(whole(&[a, b]), text, "split at {at} with {ending:?}");
            }
            let bytes: Vec<&[u8]> = text.chunks(1).collect();
            assert_eq!(whole(&bytes), text);
        }
    }
    let mixed = b"data: a\r\ndata: b\rdata: c\n\r\n\rdata: d\r\n\n\r";
    let bytes: Vec<&[u8]> = mixed.chunks(1).collect();
    assert_eq!(whole(&bytes), mixed);
}

#[test]
fn an_event_leaves_at_its_blank_line_and_not_before() {
    let outs = run(&[b"data: a\n", b"\n", b"data: b\r\n\r", b"\n", b": ping", b"\n"]).expect("passes");
    let expected: [&[u8]; 7] = [b"", b"data: a\n\n", b"data: b\r\n\r", b"\n", b"", b": ping\n", b""];
    assert_eq!(outs, expected);
}

#[test]
fn the_last_event_gets_its_blank_line() {
    assert_eq!(whole(&[b"data: a"]), b"data: a\n\n");
    assert_eq!(whole(&[b"data: a\n"]), b"data: a\n\n");
    assert_eq!(whole(&[b"data: a\r\ndata: b"]), b"data: a\r\ndata: b\r\n\r\n");
    assert_eq!(whole(&[b"data: a\r\ndata: b\r"]), b"data: a\r\ndata: b\r\r\n");
    assert_eq!(whole(&[b"data: a\r\n"]), b"data: a\r\n\r\n");
    assert_eq!(whole(&[b": only a comment"]), b": only a comment");
    assert_eq!(whole(&[b"\xEF\xBB\xBF"]), b"\xEF\xBB\xBF");
    assert_eq!(whole(&[]), b"");
}

#[test]
fn an_event_is_bounded() {
    let limits = BodyLimits { sse_event: 16, ..BodyLimits::default() };
    let mut seen = Inspection::default();
    let mut out = Vec::new();
    assert!(stream(&limits).push(b"data: 3456789012", &mut out, &mut seen).is_ok());
    let refused = stream(&limits).push(b"data: 34567890123", &mut out, &mut seen);
    assert_eq!(refused.map_err(|error| error.kind), Err(BodyErrorKind::TooLarge));
    let mut endless = stream(&limits);
    let refused = (0..20).find_map(|_| endless.push(b"data: x\n", &mut out, &mut seen).err());
    assert_eq!(refused.map(|error| error.kind), Some(BodyErrorKind::TooLarge));
    assert!(out.is_empty());
}
