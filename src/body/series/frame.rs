//! Record framing: bytes in, one JSON value at a time out, and what stands between them as it came.
//!
//! Enters: the body in any chunking: values one after another, a line each or not, or one array of them. Leaves:
//! [`Unit`]s. Only brackets and quotes are followed here; whether a record is JSON is for its reader to say. What is
//! kept is at most one record, bounded.

use crate::body::{BodyError, BodyErrorKind, empty};

/// What the frame has come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unit<'a> {
    /// Nothing complete: more input is needed.
    More,
    /// Bytes that belong to no record.
    Between(&'a [u8]),
    /// A whole record; it stands in the frame until [`Frame::clear`].
    Record,
    /// The bracket that ends the array of records.
    Close,
}

/// What form a body of records has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// Values one after another.
    Lines,
    /// The elements of one array.
    Elements,
}

/// What may come next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    /// The first byte that tells the form.
    Start,
    /// A record, or the array's end.
    First,
    /// A record.
    Value,
    /// A comma, or the array's end.
    Comma,
    /// The rest of a record: brackets open, and whether in a string, and there behind a backslash.
    Inside { open: usize, text: bool, escaped: bool },
    /// The rest of a number or word, up to what can be none.
    Word,
    /// Blanks.
    End,
}

/// Cuts a body into records.
pub(super) struct Frame {
    form: Form,
    place: Place,
    record: Vec<u8>,
    limit: usize,
}

impl Frame {
    pub(super) fn new(limit: usize) -> Self {
        Self { form: Form::Lines, place: Place::Start, record: Vec::new(), limit }
    }

    /// The form, once a record has come.
    pub(super) fn form(&self) -> Form {
        self.form
    }

    /// The record that [`Unit::Record`] told of, or as much of it as has come.
    pub(super) fn record(&self) -> &[u8] {
        &self.record
    }

    /// Forgets the record.
    pub(super) fn clear(&mut self) {
        empty(&mut self.record);
    }

    /// Whether the body may end here.
    pub(super) fn may_end(&self) -> bool {
        match self.place {
            Place::Start | Place::End => true,
            Place::Value => self.form == Form::Lines,
            Place::First | Place::Comma | Place::Inside { .. } | Place::Word => false,
        }
    }

    /// Takes bytes from the front of `input` until something is complete.
    pub(super) fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Unit<'a>, BodyError> {
        match self.place {
            Place::Inside { .. } | Place::Word => self.inside(input),
            Place::Start | Place::First | Place::Value | Place::Comma | Place::End => self.between(input),
        }
    }

    fn between<'a>(&mut self, input: &mut &'a [u8]) -> Result<Unit<'a>, BodyError> {
        let bytes = *input;
        for (at, byte) in bytes.iter().enumerate() {
            let place = match (self.place, byte) {
                (_, b' ' | b'\t' | b'\n' | b'\r') => continue,
                (Place::Start, b'[') => {
                    self.form = Form::Elements;
                    Place::First
                }
                (Place::Comma, b',') => Place::Value,
                (Place::First | Place::Comma, b']') if at == 0 => {
                    self.place = Place::End;
                    *input = bytes.get(1..).unwrap_or_default();
                    return Ok(Unit::Close);
                }
                (Place::Start | Place::First | Place::Value, b'{' | b'[' | b'"') => {
                    Place::Inside { open: 0, text: false, escaped: false }
                }
                (Place::First | Place::Value, byte) if self.form == Form::Elements && is_word(*byte) => Place::Word,
                _ if at > 0 => return Ok(take(input, at)),
                _ => return Err(BodyErrorKind::JsonSyntax.into()),
            };
            self.place = place;
            if matches!(place, Place::Inside { .. } | Place::Word) {
                return if at > 0 { Ok(take(input, at)) } else { self.inside(input) };
            }
        }
        Ok(if bytes.is_empty() { Unit::More } else { take(input, bytes.len()) })
    }

    fn inside<'a>(&mut self, input: &mut &'a [u8]) -> Result<Unit<'a>, BodyError> {
        let bytes = *input;
        let end = bytes.iter().position(|byte| self.ends_before(*byte));
        // A word ends before what cannot belong to it, all else with its last byte.
        let taken = match (self.place, end) {
            (_, None) => bytes.len(),
            (Place::Word, Some(at)) => at,
            (_, Some(at)) => at + 1,
        };
        let (record, rest) = bytes.split_at_checked(taken).unwrap_or((bytes, &[]));
        if self.record.len().saturating_add(record.len()) > self.limit {
            return Err(BodyErrorKind::TooLarge.into());
        }
        self.record.extend_from_slice(record);
        *input = rest;
        if end.is_none() {
            return Ok(Unit::More);
        }
        self.place = if self.form == Form::Elements { Place::Comma } else { Place::Value };
        Ok(Unit::Record)
    }

    /// Whether the record ends with this byte, or a word before it.
    fn ends_before(&mut self, byte: u8) -> bool {
        let Place::Inside { open, text, escaped } = &mut self.place else { return !is_word(byte) };
        match byte {
            _ if std::mem::take(escaped) => return false,
            b'\\' if *text => *escaped = true,
            b'"' => *text = !*text,
            b'{' | b'[' if !*text => *open += 1,
            b'}' | b']' if !*text => *open = open.saturating_sub(1),
            _ => return false,
        }
        !*text && !*escaped && *open == 0
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.')
}

fn take<'a>(input: &mut &'a [u8], count: usize) -> Unit<'a> {
    let (taken, rest) = input.split_at_checked(count).unwrap_or((*input, &[]));
    *input = rest;
    Unit::Between(taken)
}
