//! One message in, the same message redacted out.
//!
//! Enters: a whole message. Leaves: its stretches as [`super::parse`] tells them, each scanned as the text that it spells and
//! written back in the same spelling. What no finding touches leaves byte for byte, escapes as they were.

use std::sync::Arc;

use super::bounded;
use super::parse::{Kind, Label, Part, fields, headless, parse};
use crate::body::json::{Framing, JsonBody, LogicalText, TextOut};
use crate::body::{BodyError, BodyErrorKind, BodyLimits, Dialect, Direction, Inspection, Scopes, Transform};
use crate::engine::{Output, Piece, StreamRedactor};

/// The most bytes of a name.
const LONGEST_NAME: usize = 32;
/// What stands between the header's fields and the text of a message without structured data.
const NIL: &[u8] = b" - ";
/// How many bytes behind the header's fields are looked at with them.
const BEYOND: usize = 256;

/// Reads messages one by one.
pub(super) struct Scanner {
    scopes: Arc<Scopes>,
    limits: BodyLimits,
    /// Reads texts as they stand.
    plain: LogicalText,
    /// Reads texts that may be JSON.
    value: LogicalText,
    parts: Vec<Part>,
    labels: Vec<Label>,
    decoded: Vec<u8>,
    text: TextOut,
    /// Looks for what stands in several fields.
    across: StreamRedactor,
    found: Output,
}

/// Whether a value stands in several fields of a header.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    /// Each stands in one, if there are any.
    Field,
    /// In several.
    Fields,
    /// And in the text.
    Text,
}

/// How a text is written in its place, and what may not be written there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spelling {
    /// As it is.
    Text,
    /// Visible ASCII, so many bytes of it.
    Field(usize),
    /// Visible ASCII without `=`, `]` and `"`.
    Name,
    /// `\"`, `\\` and `\]`.
    Quoted,
    /// `\|` and `\\`.
    CefHeader,
    /// `\=`, `\\`, `\n` and `\r`.
    CefValue,
    /// Letters, digits and a few signs.
    Key,
    /// No `|`.
    LeefHeader,
    /// Without the delimiter.
    LeefValue(u8),
}

impl Scanner {
    pub(super) fn new(scopes: &Arc<Scopes>, limits: &BodyLimits) -> Self {
        Self {
            plain: LogicalText::plain(&scopes.rules, &scopes.actions),
            value: LogicalText::sniffing(&scopes.rules, &scopes.actions, limits),
            scopes: Arc::clone(scopes),
            limits: limits.clone(),
            parts: Vec::new(),
            labels: Vec::new(),
            decoded: Vec::new(),
            text: TextOut::default(),
            across: StreamRedactor::new(Arc::clone(&scopes.rules), Arc::clone(&scopes.actions)),
            found: Output::default(),
        }
    }

    /// Reads fields as one text where a value goes over several of them: a sender that leaves some out has words there.
    fn join_fields(&mut self, message: &[u8], parts: &mut Vec<Part>) {
        let Some(which) = fields(parts) else { return };
        let (Some(first), Some(last)) = (parts.get(*which.start()), parts.get(*which.end())) else { return };
        let (begins, ends) = (first.range.start, last.range.end);
        match self.reach(message, ends, parts.get(which.clone()).unwrap_or_default()) {
            Reach::Field => {}
            Reach::Fields => {
                let joined = Part { range: begins..ends, kind: Kind::Text };
                parts.splice(which, [joined]);
            }
            Reach::Text => {
                parts.truncate(*which.start());
                headless(message, begins, parts, &mut self.labels);
            }
        }
    }

    /// How far the values go that these fields have, read as one text with the beginning of what follows `ends`.
    fn reach(&mut self, message: &[u8], ends: usize, fields: &[Part]) -> Reach {
        let begins = fields.first().map_or(0, |field| field.range.start);
        let after = message.get(ends..).unwrap_or_default();
        let beyond = if after.starts_with(NIL) { after.len().min(BEYOND) } else { 0 };
        self.found.clear();
        self.across.restart(&self.scopes.actions);
        // What blocks is among the findings; the scan of what it stands in says so again.
        let _ = self.across.push_last(message.get(begins..ends + beyond).unwrap_or_default(), &mut self.found);
        let reach = self.found.findings.iter().map(|finding| {
            // Spans are within the text, which is a message's part.
            let [start, end] = [finding.span.start, finding.span.end].map(|at| begins + at as usize);
            let within = |field: &Part| field.range.start <= start && end <= field.range.end;
            match () {
                () if fields.iter().any(within) || start >= ends + NIL.len() => Reach::Field,
                () if end > ends => Reach::Text,
                () => Reach::Fields,
            }
        });
        reach.max().unwrap_or(Reach::Field)
    }

    /// Appends the message, redacted. Where it is to be dropped, [`Inspection::doomed`] says so.
    pub(super) fn message(
        &mut self,
        message: &[u8],
        out: &mut Vec<u8>,
        seen: &mut Inspection,
    ) -> Result<(), BodyError> {
        let mut parts = std::mem::take(&mut self.parts);
        parse(message, &mut parts, &mut self.labels);
        self.join_fields(message, &mut parts);
        let judged = parts.iter().try_for_each(|part| {
            let raw = message.get(part.range.clone()).unwrap_or_default();
            let named = |range: &std::ops::Range<usize>| message.get(range.clone()).unwrap_or_default();
            match &part.kind {
                Kind::Keep => {
                    out.extend_from_slice(raw);
                    seen.scanned += raw.len() as u64;
                    Ok(())
                }
                Kind::Json => self.json(raw, out, seen),
                Kind::Text => self.spelled(raw, Spelling::Text, &[], out, seen),
                Kind::Field { label, longest } => {
                    self.spelled(raw, Spelling::Field(*longest), label.as_bytes(), out, seen)
                }
                Kind::Name => self.spelled(raw, Spelling::Name, &[], out, seen),
                Kind::Value { name } => self.spelled(raw, Spelling::Quoted, named(name), out, seen),
                Kind::CefHeader => self.spelled(raw, Spelling::CefHeader, &[], out, seen),
                Kind::Key => self.spelled(raw, Spelling::Key, &[], out, seen),
                Kind::CefValue { label } => self.spelled(raw, Spelling::CefValue, named(label), out, seen),
                Kind::LeefHeader => self.spelled(raw, Spelling::LeefHeader, &[], out, seen),
                Kind::LeefValue { key, delimiter } => {
                    self.spelled(raw, Spelling::LeefValue(*delimiter), named(key), out, seen)
                }
            }?;
            bounded(out.len(), &self.limits)
        });
        self.parts = parts;
        judged
    }

    /// A text that looks like JSON. One that is none is text, as is what stands behind it.
    fn json(&mut self, raw: &[u8], out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        let (plain, request) = (Dialect::Plain, Direction::Request);
        let scopes = Arc::clone(&self.scopes);
        let mut body = JsonBody::new(scopes, &self.limits, plain, request, Framing::Document);
        let (before, mut inside) = (out.len(), Inspection::default());
        let read = body.push(raw, out, &mut inside).and_then(|()| body.finish(out, &mut inside));
        match read {
            Ok(()) => {
                seen.doomed = inside.doomed.take().or(seen.doomed);
                seen.add(inside);
                Ok(())
            }
            Err(BodyError { kind: kind @ BodyErrorKind::Blocked { .. } }) => {
                seen.add(inside);
                Err(kind.into())
            }
            Err(_) => {
                out.truncate(before);
                self.spelled(raw, Spelling::Text, &[], out, seen)
            }
        }
    }

    /// A text in its spelling.
    fn spelled(
        &mut self,
        raw: &[u8],
        spelling: Spelling,
        label: &[u8],
        out: &mut Vec<u8>,
        seen: &mut Inspection,
    ) -> Result<(), BodyError> {
        let mut decoded = std::mem::take(&mut self.decoded);
        decoded.clear();
        let escaped = spelling.has_escapes() && memchr::memchr(b'\\', raw).is_some();
        if escaped {
            let mut rest = raw;
            while !rest.is_empty() {
                let (byte, len) = spelling.unit(rest);
                decoded.push(byte);
                rest = rest.get(len..).unwrap_or_default();
            }
        }
        let reader = match spelling {
            Spelling::Text | Spelling::Quoted | Spelling::CefValue | Spelling::LeefValue(_) => &mut self.value,
            Spelling::Field(_) | Spelling::Name | Spelling::Key | Spelling::CefHeader | Spelling::LeefHeader => {
                &mut self.plain
            }
        };
        reader.call(label);
        let read = reader.whole(if escaped { &decoded } else { raw }, &mut self.text, seen);
        self.decoded = decoded;
        let verbatim = read?;
        if verbatim {
            out.extend_from_slice(raw);
        } else {
            self.write(raw, spelling, out);
        }
        Ok(())
    }

    /// Writes what a text became.
    fn write(&self, raw: &[u8], spelling: Spelling, out: &mut Vec<u8>) {
        let begins = out.len();
        let (mut raw, mut given) = (raw, self.text.bytes.as_slice());
        for piece in &self.text.pieces {
            let (taken, new) = match *piece {
                Piece::Clear { len } => (len, len),
                Piece::Replaced { taken, given } => (taken, given),
            };
            let len = spelling.length(raw, taken);
            let (old, rest) = raw.split_at(len.min(raw.len()));
            let (bytes, later) = given.split_at(new.min(given.len()));
            (raw, given) = (rest, later);
            match piece {
                Piece::Clear { .. } => out.extend_from_slice(old),
                Piece::Replaced { .. } => bytes.iter().for_each(|byte| spelling.put(*byte, out)),
            }
        }
        let most = match spelling {
            Spelling::Field(longest) => longest,
            Spelling::Name => LONGEST_NAME,
            _ => return,
        };
        // What took a value's place may not make the header another one.
        if out.len() == begins {
            out.push(b'-');
        }
        out.truncate(begins + most);
    }
}

impl Spelling {
    fn has_escapes(self) -> bool {
        matches!(self, Self::Quoted | Self::CefHeader | Self::CefValue)
    }

    /// The byte that spelled text begins with, and how many bytes stand for it.
    fn unit(self, raw: &[u8]) -> (u8, usize) {
        let first = raw.first().copied().unwrap_or_default();
        let (true, b'\\', Some(second)) = (self.has_escapes(), first, raw.get(1)) else { return (first, 1) };
        match (self, second) {
            (Self::Quoted, b'"' | b'\\' | b']')
            | (Self::CefHeader, b'|' | b'\\')
            | (Self::CefValue, b'=' | b'\\' | b'|') => (*second, 2),
            (Self::CefValue, b'n') => (b'\n', 2),
            (Self::CefValue, b'r') => (b'\r', 2),
            _ => (first, 1),
        }
    }

    /// How many bytes of `raw` spell so many of the text.
    fn length(self, raw: &[u8], taken: usize) -> usize {
        if !self.has_escapes() {
            return taken;
        }
        let mut len = 0;
        for _ in 0..taken {
            len += self.unit(raw.get(len..).unwrap_or_default()).1;
        }
        len
    }

    /// Writes a byte of what takes a value's place.
    fn put(self, byte: u8, out: &mut Vec<u8>) {
        let fits = match self {
            Self::Text | Self::Quoted | Self::CefHeader | Self::CefValue => true,
            Self::Field(_) => byte.is_ascii_graphic(),
            Self::Name => byte.is_ascii_graphic() && !matches!(byte, b'=' | b']' | b'"'),
            Self::Key => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'),
            Self::LeefHeader => byte != b'|',
            Self::LeefValue(delimiter) => byte != delimiter,
        };
        match (self, byte) {
            _ if !fits => out.push(b'_'),
            (Self::Quoted, b'"' | b'\\' | b']') | (Self::CefHeader, b'|' | b'\\') | (Self::CefValue, b'=' | b'\\') => {
                out.extend_from_slice(&[b'\\', byte])
            }
            (Self::CefValue, b'\n') => out.extend_from_slice(b"\\n"),
            (Self::CefValue, b'\r') => out.extend_from_slice(b"\\r"),
            _ => out.push(byte),
        }
    }
}
