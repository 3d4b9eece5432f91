//! Records that repeat: the lines of a log have one shape, with other values in it.
//!
//! Enters: a record of a sequence that was walked token by token, and the records behind it. Leaves: of a record that has a
//! known one's bytes but for its strings and numbers, where those are and what each is called. All else in it, its keys
//! among them, are byte for byte those in which nothing was found, so that only its values are looked at: each of them, as
//! the walk would. What is compared are the bytes themselves, never a digest of them.
//!
//! A short cut that decides nothing: what is not whole, fits no shape or is no JSON is left to the walk. Bounded:
//! [`SHAPES`] shapes of [`MOST_BYTES`] bytes with [`MOST_VALUES`] values.

use std::ops::Range;

use super::super::index::Kind;
use super::super::labels::Labels;
use super::super::lexer::{Framing, Lexer, Token, number_len};
use super::super::literal;
use super::super::out::TextOut;
use super::super::text::Reading;
use super::{Chunk, Inside, Stop, Walker};
use crate::body::Inspection;

/// How many shapes are known at once: `_bulk` has two in turn, most logs have few.
const SHAPES: usize = 8;
/// What of a shape is the same in each of its records, and the names of its values.
const MOST_BYTES: usize = 1 << 10;
const MOST_VALUES: usize = 32;
/// Text of literals with escapes in one record.
const MOST_DECODED: usize = 16 << 10;
/// Records that come before the first that is learned: a small body would gain nothing.
const BEFORE: u32 = 3;
/// After so many shapes that no record had since, only one record of some is learned.
const FRUITLESS: u32 = 2 * SHAPES as u32;
const SELDOM: u32 = 64;

/// A value of a record, and what is the same before it.
struct Value {
    kind: Kind,
    /// Where it stands in the bytes that are the same.
    at: usize,
    /// What it is called, in the shape's names.
    label: Range<usize>,
    /// Decoded bytes of the keys before it, behind the value before.
    keys: u64,
}

/// What records have in common.
#[derive(Default)]
struct Shape {
    same: Vec<u8>,
    values: Vec<Value>,
    labels: Vec<u8>,
    /// Decoded bytes of the keys behind the last value.
    keys: u64,
    /// The shape of the record that came behind one of this.
    next: usize,
}

/// Where a value is in the record at hand.
struct Place {
    kind: Kind,
    /// What stands between the quotes, or the number.
    range: Range<usize>,
    /// Its text in what was decoded, where it has escapes.
    decoded: Option<Range<usize>>,
    label: Range<usize>,
    /// Decoded bytes of the keys before it.
    keys: u64,
}

/// A record that has a known shape.
#[derive(Default)]
struct Record {
    places: Vec<Place>,
    /// Texts of literals with escapes.
    decoded: Vec<u8>,
    /// Its length.
    len: usize,
    /// Decoded bytes of the keys behind its last value.
    keys: u64,
    /// The number of its shape.
    shape: usize,
}

/// The shapes of a body's records.
#[derive(Default)]
pub(super) struct Repeats {
    shapes: Vec<Shape>,
    /// The shape of the last record that had one.
    last: usize,
    /// Where the next shape is kept once there are [`SHAPES`].
    oldest: usize,
    records: u32,
    fruitless: u32,
    /// Where in the chunk the record at hand begins, if it does and nothing was found in its keys.
    pub(super) begun: Option<usize>,
    /// The record that was measured last; lent to the walk.
    record: Record,
}

impl Repeats {
    /// Measures what stands here, where it is whole and has a known shape.
    fn measure(&mut self, input: &[u8]) -> bool {
        let likely = self.shapes.get(self.last).map_or(0, |last| last.next);
        let others = (0..self.shapes.len()).filter(|other| *other != likely);
        for at in std::iter::once(likely).chain(others) {
            let Some(shape) = self.shapes.get(at) else { return false };
            if shape.measure(input, &mut self.record) {
                self.record.shape = at;
                if let Some(last) = self.shapes.get_mut(self.last) {
                    last.next = at;
                }
                (self.last, self.fruitless) = (at, 0);
                return true;
            }
        }
        false
    }

    /// What a value of the record is called.
    fn label(&self, place: &Place) -> &[u8] {
        let labels = self.shapes.get(self.record.shape).map_or(&[][..], |shape| &shape.labels);
        labels.get(place.label.clone()).unwrap_or_default()
    }

    /// Learns the shape of a record that is JSON and in whose keys nothing was found. `labels` are at its beginning, and
    /// again at its end.
    fn learn(&mut self, record: &[u8], depth: usize, labels: &mut Labels) {
        self.records = self.records.saturating_add(1);
        if self.records <= BEFORE || self.fruitless >= FRUITLESS && !self.records.is_multiple_of(SELDOM) {
            return;
        }
        self.fruitless = self.fruitless.saturating_add(1);
        let Some(shape) = Shape::of(record, depth, labels) else { return };
        if self.shapes.len() < SHAPES {
            self.last = self.shapes.len();
            self.shapes.push(shape);
        } else if let Some(slot) = self.shapes.get_mut(self.oldest) {
            *slot = shape;
            self.last = self.oldest;
            self.oldest = (self.oldest + 1) % SHAPES;
        }
    }
}

impl Shape {
    /// The shape of a record; none where it has too much of anything, or where what a value is called depends on another.
    fn of(record: &[u8], depth: usize, labels: &mut Labels) -> Option<Self> {
        let mut shape = Self::default();
        let mut lexer = Lexer::new(Framing::Document, depth);
        let (mut at, mut from, mut names, mut named) = (0, 0, false, false);
        let mut fits = true;
        while let Some((len, token)) = record.get(at..).and_then(|rest| lexer.next(rest).ok().flatten()) {
            let covered = record.get(at..at + len).unwrap_or_default();
            match token {
                Token::Open(container) => labels.open(container.is_array()),
                Token::Close => labels.close(),
                Token::StringBegin { key: true } => labels.key_begin(),
                Token::Run | Token::Escape(_) if lexer.in_key() => {
                    let decoded = if let Token::Escape(escape) = &token { escape.decoded() } else { covered };
                    labels.key_part(decoded);
                    shape.keys += decoded.len() as u64;
                }
                Token::StringBegin { key: false } => {
                    names |= labels.text_begin();
                    named |= labels.is_told();
                    fits &= shape.value(Kind::String, record.get(from..at + len), labels.label());
                }
                Token::Number => {
                    named |= labels.is_told();
                    fits &= shape.value(Kind::Number, record.get(from..at), labels.label());
                }
                Token::StringEnd { key: false } => {
                    labels.text_end();
                    from = at;
                }
                Token::NumberEnd => from = at,
                Token::StringEnd { key: true }
                | Token::Run
                | Token::Escape(_)
                | Token::Space
                | Token::Comma
                | Token::Colon
                | Token::Literal { .. } => {}
            }
            at += len;
        }
        shape.same.extend_from_slice(record.get(from..)?);
        let size = shape.same.len() + shape.labels.len();
        (fits && !(names && named) && size <= MOST_BYTES && lexer.may_end()).then_some(shape)
    }

    /// Adds a value behind what is the same before it; whether it still fits.
    fn value(&mut self, kind: Kind, before: Option<&[u8]>, label: &[u8]) -> bool {
        let size = self.same.len() + self.labels.len() + label.len() + before.map_or(0, <[u8]>::len);
        if self.values.len() >= MOST_VALUES || size > MOST_BYTES {
            return false;
        }
        self.same.extend_from_slice(before.unwrap_or_default());
        let begin = self.labels.len();
        self.labels.extend_from_slice(label);
        let keys = std::mem::take(&mut self.keys);
        self.values.push(Value { kind, at: self.same.len(), label: begin..self.labels.len(), keys });
        true
    }

    /// Whether a record of this shape stands here, whole; then where its values are.
    fn measure(&self, input: &[u8], record: &mut Record) -> bool {
        record.places.clear();
        record.decoded.clear();
        let (mut at, mut from) = (0, 0);
        for value in &self.values {
            let Some(rest) = self.same.get(from..value.at).and_then(|same| input.get(at..)?.strip_prefix(same)) else {
                return false;
            };
            (at, from) = (input.len() - rest.len(), value.at);
            let begin = record.decoded.len();
            let read = match value.kind {
                Kind::Number => number_len(rest).map(|len| (len, false)),
                _ => literal::whole(rest, &mut record.decoded),
            };
            let Some((len, escaped)) = read.filter(|_| record.decoded.len() <= MOST_DECODED) else { return false };
            record.places.push(Place {
                kind: value.kind,
                range: at..at + len,
                decoded: escaped.then_some(begin..record.decoded.len()),
                label: value.label.clone(),
                keys: value.keys,
            });
            at += len;
        }
        let rest = self.same.get(from..).and_then(|same| input.get(at..)?.strip_prefix(same));
        (record.len, record.keys) = (input.len() - rest.map_or(0, <[u8]>::len), self.keys);
        rest.is_some()
    }
}

impl Walker {
    /// Takes a whole record of a known shape at once: only its values are looked at. Notes where another one begins.
    pub(super) fn record(
        &mut self,
        chunk: &mut Chunk<'_>,
        out: &mut TextOut,
        seen: &mut Inspection,
    ) -> Result<bool, Stop> {
        if !matches!(chunk.rest().first(), Some(b'{' | b'[')) {
            return Ok(false);
        }
        let Some(mut repeats) = self.repeats.take() else { return Ok(false) };
        let known = repeats.measure(chunk.rest());
        let taken = if known { self.take_record(&repeats, chunk, out, seen) } else { Ok(()) };
        repeats.begun = (!known).then_some(chunk.at);
        self.repeats = Some(repeats);
        self.labels.follow();
        taken?;
        Ok(known)
    }

    fn take_record(
        &mut self,
        repeats: &Repeats,
        chunk: &mut Chunk<'_>,
        out: &mut TextOut,
        seen: &mut Inspection,
    ) -> Result<(), Stop> {
        let begin = chunk.at;
        let record = &repeats.record;
        self.lexer.pass_record();
        for place in &record.places {
            seen.scanned += place.keys;
            let label = repeats.label(place);
            chunk.at = begin + place.range.start;
            let inside = chunk.next(place.range.len());
            if place.kind == Kind::Number {
                self.labels.say(label);
                self.number(inside.len(), chunk, out, seen)?;
                self.number_end(chunk, out, seen)?;
            } else if !inside.is_empty() {
                self.text.open_tokens(self.opening);
                self.text.begin_labelled(Reading::Sniffing, label);
                self.map.restart();
                let decoded = place.decoded.as_ref().map(|range| record.decoded.get(range.clone()).unwrap_or_default());
                self.judge_string(inside, decoded.unwrap_or(inside), chunk, out, seen)?;
                self.inside = Inside::Nothing;
            }
        }
        seen.scanned += record.keys;
        chunk.at = begin + record.len;
        Ok(())
    }

    /// Learns the shape of a record that has come to its end, all of it in this chunk.
    pub(super) fn learn(&mut self, chunk: &Chunk<'_>) {
        if !self.lexer.at_top() {
            return;
        }
        let Some(repeats) = &mut self.repeats else { return };
        if let Some(begin) = repeats.begun.take() {
            repeats.learn(chunk.input.get(begin..chunk.at).unwrap_or_default(), self.shared.depth, &mut self.labels);
        }
    }

    /// Something was found in a key, or it was not there whole: its record is like no other.
    pub(super) fn forget_record(&mut self) {
        if let Some(repeats) = &mut self.repeats {
            repeats.begun = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learned(records: &[&str]) -> Repeats {
        let (mut repeats, mut labels) = (Repeats { records: BEFORE, ..Repeats::default() }, Labels::default());
        records.iter().for_each(|record| repeats.learn(record.as_bytes(), 16, &mut labels));
        repeats
    }

    /// The values of a record that has a known shape, with what each is called.
    fn values(repeats: &mut Repeats, record: &str) -> Option<Vec<(String, String)>> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        repeats.measure(record.as_bytes()).then(|| {
            let record = record.as_bytes();
            let value = |place: &Place| match &place.decoded {
                Some(range) => text(repeats.record.decoded.get(range.clone()).unwrap_or_default()),
                None => text(record.get(place.range.clone()).unwrap_or_default()),
            };
            repeats.record.places.iter().map(|place| (text(repeats.label(place)), value(place))).collect()
        })
    }

    fn named(values: &[(&str, &str)]) -> Option<Vec<(String, String)>> {
        Some(values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn a_record_of_a_known_shape_is_told_by_its_values() {
        let mut repeats = learned(&[r#"{"a":{"b":"x","c":[1,"y"]},"d":true,"e":"z"} "#]);
        let other = r#"{"a":{"b":"p\nq","c":[-2.5e1,""]},"d":true,"e":"z"} {"next":1}"#;
        let found = named(&[("a b", "p\nq"), ("a c", "-2.5e1"), ("a c", ""), ("e", "z")]);
        assert_eq!(values(&mut repeats, other), found);
        assert_eq!(repeats.record.len, other.len() - r#"{"next":1}"#.len());
        assert_eq!(repeats.record.keys + repeats.record.places.iter().map(|place| place.keys).sum::<u64>(), 5);
        for other in [
            r#"{"a":{"b":"x","c":[1,"y"]},"d":false,"e":"z"} "#,
            r#"{"a":{"b":"x","c":[1,"y"]},"d":true,"e":"z"}"#,
            r#"{"a":{"b":"x","c":[01,"y"]},"d":true,"e":"z"} "#,
            r#"{"a":{"b":"x","c":[1.,"y"]},"d":true,"e":"z"} "#,
            r#"{"a":{"b":"x","c":["1","y"]},"d":true,"e":"z"} "#,
            r#"{"a":{"B":"x","c":[1,"y"]},"d":true,"e":"z"} "#,
            r#"{"a":{"b":"x\q","c":[1,"y"]},"d":true,"e":"z"} "#,
            "{\"a\":{\"b\":\"\n\",\"c\":[1,\"y\"]},\"d\":true,\"e\":\"z\"} ",
            r#"{"a":{"b":"x","c":[1,"y"]},"d":true,"e":"z"#,
            "",
        ] {
            assert_eq!(values(&mut repeats, other), None, "{other}");
        }
    }

    #[test]
    fn shapes_in_turn_are_known_each() {
        let mut repeats = learned(&[r#"{"index":{}}"#, r#"{"message":"a"}"#]);
        for text in ["b", "c"] {
            assert_eq!(values(&mut repeats, r#"{"index":{}}"#), named(&[]));
            assert_eq!(values(&mut repeats, &format!(r#"{{"message":"{text}"}}"#)), named(&[("message", text)]));
        }
    }

    #[test]
    fn what_depends_on_another_value_and_what_is_too_large_have_no_shape() {
        let many = format!("[{}1]", "1,".repeat(MOST_VALUES));
        let long = format!(r#"{{"{}":1}}"#, "k".repeat(MOST_BYTES));
        for record in [r#"{"name":"ssn","value":"1"}"#, r#"{"value":1,"name":"ssn"}"#, &many, &long, r#"{"a":"#] {
            assert!(learned(&[record]).shapes.is_empty(), "{record}");
        }
        assert_eq!(learned(&[r#"{"name":"ssn","v":"1"}"#, r#"{"n":"ssn","value":"1"}"#]).shapes.len(), 2);
    }

    #[test]
    fn the_first_records_and_most_of_ever_new_shapes_are_not_learned() {
        let mut labels = Labels::default();
        let mut repeats = Repeats::default();
        for number in 0..1000 {
            repeats.learn(format!(r#"{{"k{number}":1}}"#).as_bytes(), 16, &mut labels);
            assert!(number >= BEFORE || repeats.shapes.is_empty());
        }
        assert_eq!(repeats.shapes.len(), SHAPES);
        assert!(repeats.fruitless < FRUITLESS + 1000 / SELDOM + 1);
    }
}
