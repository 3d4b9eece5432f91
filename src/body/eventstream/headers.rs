//! Headers of a message: a name with its length in one byte, a type, and a value of that type.
//!
//! Enters: the section as it stands in the message. Leaves: what its names say, and the section with its findings
//! redacted where there are any. Strings are scanned with their name as label, bytes where they read as text, integers as
//! the number that they are; one with a finding becomes a string. Names are scanned too. Every header that nothing
//! touches stands as it came.

use std::ops::Range;

use crate::body::llm::Model;
use crate::body::{BodyError, BodyErrorKind, Inspection};

/// Says what a message is: `event`, `exception`, `error`.
pub(super) const MESSAGE_TYPE: &[u8] = b":message-type";
/// Says which event it is.
pub(super) const EVENT_TYPE: &[u8] = b":event-type";
/// Says what its payload is.
pub(super) const CONTENT_TYPE: &[u8] = b":content-type";
/// The type of bytes.
const BYTES: u8 = 6;
/// The type of a string.
const STRING: u8 = 7;
/// Names and values that the format and Bedrock define: there is nothing in them to be found, and every message has them.
const WORDS: [&[u8]; 14] = [
    MESSAGE_TYPE,
    EVENT_TYPE,
    CONTENT_TYPE,
    b":exception-type",
    b"event",
    b"exception",
    b"application/json",
    b"chunk",
    b"messageStart",
    b"contentBlockStart",
    b"contentBlockDelta",
    b"contentBlockStop",
    b"messageStop",
    b"metadata",
];

/// A value, by what is to be looked at.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Value {
    /// Types 0 and 1: nothing.
    Flag,
    /// Types 2 to 5.
    Integer(i64),
    /// Type 6: its bytes' place.
    Bytes(Range<usize>),
    /// Type 7: its bytes' place.
    String(Range<usize>),
    /// Types 8 and 9: milliseconds since 1970, and 16 bytes that tell one thing from another.
    Mark(usize),
}

impl Value {
    /// Scans a value of `section` that is called so; its new type and form where it has changed.
    fn scan(
        &self,
        section: &[u8],
        name: &[u8],
        model: &mut Model,
        seen: &mut Inspection,
    ) -> Result<Option<(u8, Vec<u8>)>, BodyError> {
        let text = |place: &Range<usize>| section.get(place.clone()).unwrap_or_default();
        let (kind, new) = match self {
            Self::Flag => return Ok(None),
            Self::Mark(len) => {
                seen.exempt("id", *len as u64);
                return Ok(None);
            }
            Self::Bytes(place) if !is_text(text(place)) => {
                seen.exempt("bytes", place.len() as u64);
                return Ok(None);
            }
            Self::Integer(number) => (STRING, scanned(number.to_string().as_bytes(), name, model, seen)?),
            Self::Bytes(place) => (BYTES, scanned(text(place), name, model, seen)?),
            Self::String(place) => (STRING, scanned(text(place), name, model, seen)?),
        };
        Ok(new.map(|new| (kind, new)))
    }
}

/// One header.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Header {
    /// Everything of it.
    whole: Range<usize>,
    name: Range<usize>,
    value: Value,
}

/// The headers of one message. Reused from message to message.
#[derive(Default)]
pub(super) struct Headers {
    all: Vec<Header>,
    /// The section with its findings redacted.
    changed: Vec<u8>,
}

impl Headers {
    /// Reads a section.
    ///
    /// # Errors
    /// What is no section of headers, and a name that stands there twice: readers differ on which counts.
    pub(super) fn read(&mut self, section: &[u8]) -> Result<(), BodyError> {
        self.all.clear();
        let mut at = 0;
        while at < section.len() {
            let header = header(section, at).ok_or(BodyErrorKind::FrameSyntax)?;
            at = header.whole.end;
            self.all.push(header);
        }
        let mut names: Vec<&[u8]> = self.all.iter().filter_map(|header| section.get(header.name.clone())).collect();
        names.sort_unstable();
        let twice = names.iter().zip(names.iter().skip(1)).any(|(one, next)| one == next);
        if twice { Err(BodyErrorKind::FrameSyntax.into()) } else { Ok(()) }
    }

    /// The string that a header of this name has; empty where there is none.
    pub(super) fn string<'s>(&self, section: &'s [u8], name: &[u8]) -> &'s [u8] {
        let named = self.all.iter().find(|header| section.get(header.name.clone()) == Some(name));
        match named.map(|header| &header.value) {
            Some(Value::String(place)) => section.get(place.clone()).unwrap_or_default(),
            Some(Value::Flag | Value::Integer(_) | Value::Bytes(_) | Value::Mark(_)) | None => &[],
        }
    }

    /// Scans the section; its new form where it has changed.
    pub(super) fn scan(
        &mut self,
        section: &[u8],
        model: &mut Model,
        seen: &mut Inspection,
    ) -> Result<Option<&[u8]>, BodyError> {
        self.changed.clear();
        let mut left = 0;
        for header in &self.all {
            let name = section.get(header.name.clone()).unwrap_or_default();
            let new_name = scanned(name, b"", model, seen)?;
            let new_value = header.value.scan(section, name, model, seen)?;
            if new_name.is_none() && new_value.is_none() {
                continue;
            }
            self.changed.extend_from_slice(section.get(left..header.whole.start).unwrap_or_default());
            left = header.whole.end;
            let name = new_name.as_deref().unwrap_or(name);
            match new_value {
                Some((kind, value)) => push(name, kind, &value, &mut self.changed)?,
                None => {
                    push_name(name, &mut self.changed)?;
                    self.changed.extend_from_slice(section.get(header.name.end..left).unwrap_or_default());
                }
            }
        }
        if left == 0 {
            return Ok(None);
        }
        self.changed.extend_from_slice(section.get(left..).unwrap_or_default());
        Ok(Some(&self.changed))
    }
}

/// Scans a name or value that is called so; its new form where it has changed.
fn scanned(text: &[u8], label: &[u8], model: &mut Model, seen: &mut Inspection) -> Result<Option<Vec<u8>>, BodyError> {
    if WORDS.contains(&text) {
        seen.scanned += text.len() as u64;
        return Ok(None);
    }
    Ok(model.scan_named(label, text, seen)?.map(<[u8]>::to_vec))
}

/// The header at this place.
fn header(section: &[u8], at: usize) -> Option<Header> {
    let (len, rest) = section.get(at..)?.split_first()?;
    let name = at + 1..at + 1 + usize::from(*len);
    let (kind, value) = rest.get(usize::from(*len)..)?.split_first()?;
    let begin = name.end + 1;
    let (value, end) = match kind {
        0 | 1 => (Value::Flag, begin),
        2..=5 => {
            let width = 1 << (kind - 2);
            let (first, rest) = value.get(..width)?.split_first()?;
            let sign = i64::from(first.cast_signed());
            (Value::Integer(rest.iter().fold(sign, |number, byte| number << 8 | i64::from(*byte))), begin + width)
        }
        6 | 7 => {
            let (len, rest) = value.split_first_chunk::<2>()?;
            let len = usize::from(u16::from_be_bytes(*len));
            let text = rest.get(..len)?;
            let place = begin + 2..begin + 2 + len;
            let value = match kind {
                6 => Value::Bytes(place),
                _ => {
                    std::str::from_utf8(text).ok()?;
                    Value::String(place)
                }
            };
            (value, begin + 2 + len)
        }
        8 | 9 => {
            let width = if *kind == 8 { 8 } else { 16 };
            value.get(..width)?;
            (Value::Mark(width), begin + width)
        }
        _ => return None,
    };
    (!name.is_empty()).then_some(Header { whole: at..end, name, value })
}

/// Appends a header whose value has a length of its own.
fn push(name: &[u8], kind: u8, value: &[u8], out: &mut Vec<u8>) -> Result<(), BodyError> {
    push_name(name, out)?;
    let length = u16::try_from(value.len()).map_err(|_| BodyErrorKind::TooLarge)?;
    out.push(kind);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(value);
    Ok(())
}

fn push_name(name: &[u8], out: &mut Vec<u8>) -> Result<(), BodyError> {
    let length = u8::try_from(name.len()).map_err(|_| BodyErrorKind::TooLarge)?;
    out.push(length);
    out.extend_from_slice(name);
    Ok(())
}

/// The section of a message of our own: of this type (`event`, `exception`), of this name, with JSON.
pub(super) fn section(message: &str, name: &[u8]) -> Result<Vec<u8>, BodyError> {
    let named = format!(":{message}-type");
    let mut out = Vec::new();
    push(named.as_bytes(), STRING, name, &mut out)?;
    push(CONTENT_TYPE, STRING, b"application/json", &mut out)?;
    push(MESSAGE_TYPE, STRING, message.as_bytes(), &mut out)?;
    Ok(out)
}

/// Whether bytes read as text: UTF-8 without NUL.
pub(super) fn is_text(bytes: &[u8]) -> bool {
    !bytes.contains(&0) && std::str::from_utf8(bytes).is_ok()
}
