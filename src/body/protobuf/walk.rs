//! A walk over a message that is all there: strings are scanned, and the lengths around what changed are made anew.
//!
//! Enters: the bytes of a field and what is known of its message. Leaves: the same bytes, but for findings and the
//! lengths of what they stand in. What no table names is read by its looks:
//!
//! - numbers and the frames of groups stay;
//! - what has a length and is fields from end to end is read as a message; if what comes of it reads as text, it is then
//!   scanned as text too. The form does not tell one from the other: `078-05-1120` is four fields. A message keeps its
//!   form that way, as nothing is left in it to be found, and a text hides nothing in its form; only a finding that
//!   spans the fields of a true message costs it its form. From [`UNKNOWN_DEPTH`] on what reads as text is text alone;
//! - other text is scanned as a string: what is UTF-8, or has no control characters;
//! - other bytes stay, counted as `bytes`.

use super::schema::{Kind, Message, UNKNOWN};
use super::wire::{self, Field, Value};
use crate::body::batch::Plan;
use crate::body::json::{LogicalText, TextOut};
use crate::body::{BodyError, BodyErrorKind, BodyLimits, Inspection, Scopes};

/// How far what may be a text and may be a message is read as both.
const UNKNOWN_DEPTH: usize = 8;
/// Bytes of a key that count, its last ones.
const KEY: usize = 64;

/// Redacts messages of one type.
pub(super) struct Walk {
    message: &'static Message,
    text: LogicalText,
    replaced: TextOut,
    label: Vec<u8>,
    depth: usize,
    /// Where records have verdicts of their own.
    batch: Option<Plan>,
}

/// Where in a message a field stands.
#[derive(Clone, Copy)]
struct Place<'a> {
    message: &'static Message,
    /// What the fields of this message are called, and those of the nearest one around it that calls its own.
    called: &'a [u8],
    around: &'a [u8],
    /// Messages around this one, and how many of them are unknown.
    depth: usize,
    unknown: usize,
}

impl<'a> Place<'a> {
    /// A message within this one.
    fn within(self, message: &'static Message, bytes: &'a [u8]) -> Self {
        let inner = Self { message, depth: self.depth + 1, ..self };
        match message.key().and_then(|number| last_string(bytes, number)) {
            Some(key) => {
                let key = key.get(key.len().saturating_sub(KEY)..).unwrap_or_default();
                Self { called: key, around: self.called, ..inner }
            }
            None => inner,
        }
    }
}

impl Walk {
    pub(super) fn new(message: &'static Message, scopes: &Scopes, limits: &BodyLimits) -> Self {
        Self {
            message,
            text: LogicalText::sniffing(&scopes.rules, &scopes.actions, limits),
            replaced: TextOut::default(),
            label: Vec::new(),
            depth: limits.protobuf_depth,
            batch: None,
        }
    }

    /// One that takes out the records in which a rule that blocks has matched; the actions are those of
    /// [`ActionTable::per_record`](crate::engine::ActionTable::per_record) then.
    pub(super) fn in_records(mut self, batch: Option<Plan>) -> Self {
        self.batch = batch;
        self
    }

    /// Redacts a whole message.
    pub(super) fn message(&mut self, bytes: &[u8], out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let field = wire::field(rest).map_err(|_| BodyErrorKind::ProtobufSyntax)?;
            self.top(&field, out, seen)?;
            rest = rest.get(field.whole.len()..).unwrap_or_default();
        }
        Ok(())
    }

    /// Redacts a field of the outermost message. After an error nothing of it may leave.
    pub(super) fn top(&mut self, field: &Field<'_>, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        let place = Place { message: self.message, called: b"", around: b"", depth: 0, unknown: 0 };
        let (scanned, exempt) = (seen.scanned, unscanned(seen));
        let walked = self.field(field, place, out, seen);
        seen.scanned = scanned + (field.whole.len() as u64).saturating_sub(unscanned(seen) - exempt);
        walked?;
        seen.outside_of_records()
    }

    fn fields(
        &mut self,
        bytes: &[u8],
        place: Place<'_>,
        out: &mut Vec<u8>,
        seen: &mut Inspection,
    ) -> Result<(), BodyError> {
        if place.depth > self.depth {
            return Err(BodyErrorKind::ProtobufDepth.into());
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            // What ends in the middle of a field has a length that lies.
            let field = wire::field(rest).map_err(|_| BodyErrorKind::ProtobufSyntax)?;
            self.field(&field, place, out, seen)?;
            rest = rest.get(field.whole.len()..).unwrap_or_default();
        }
        Ok(())
    }

    fn field(
        &mut self,
        field: &Field<'_>,
        place: Place<'_>,
        out: &mut Vec<u8>,
        seen: &mut Inspection,
    ) -> Result<(), BodyError> {
        match (field.value, place.message.kind(field.number)) {
            (Value::Bytes { bytes: [], .. } | Value::Fixed32, _) => out.extend_from_slice(field.whole),
            (Value::Bytes { bytes, .. }, Some(Kind::Message(inner))) => {
                let inner = place.within(inner, bytes);
                self.enclose(field, out, |walk, out| walk.fields(bytes, inner, out, seen))?;
            }
            (Value::Bytes { bytes, .. }, Some(Kind::Record(inner))) => {
                seen.outside_of_records()?;
                let begin = out.len();
                let inner = place.within(inner, bytes);
                self.enclose(field, out, |walk, out| walk.fields(bytes, inner, out, seen))?;
                self.judge(bytes, begin, out, seen)?;
            }
            (Value::Bytes { bytes, .. }, Some(Kind::Text)) => {
                self.enclose(field, out, |walk, out| walk.text(bytes, place, out, seen))?;
            }
            (Value::Bytes { bytes, .. }, Some(Kind::Key)) => {
                let place = Place { called: b"", around: b"", ..place };
                self.enclose(field, out, |walk, out| walk.text(bytes, place, out, seen))?;
            }
            (Value::Bytes { bytes, .. }, Some(Kind::Bytes)) if reads_as_text(bytes) => {
                self.enclose(field, out, |walk, out| walk.text(bytes, place, out, seen))?;
            }
            (Value::Bytes { bytes, .. }, Some(Kind::Bytes)) => keep(field, bytes, "bytes", out, seen),
            (Value::Bytes { bytes, .. }, Some(Kind::Id(len))) if bytes.len() == len => {
                keep(field, bytes, "id", out, seen);
            }
            (Value::Bytes { bytes, .. }, Some(Kind::Exempt(reason))) => keep(field, bytes, reason, out, seen),
            (Value::Bytes { .. }, Some(Kind::Numbers)) => out.extend_from_slice(field.whole),
            (Value::Varint(number), Some(Kind::Integer(string))) => {
                let digits = number.cast_signed().unsigned_abs().to_string();
                self.number(field, &digits, string, place, out, seen)?;
            }
            (Value::Fixed64(bits), Some(Kind::Double(string))) => {
                let number = f64::from_bits(bits).abs();
                if (1e-20..1e40).contains(&number) {
                    self.number(field, &number.to_string(), string, place, out, seen)?;
                } else {
                    out.extend_from_slice(field.whole);
                }
            }
            (Value::Varint(_) | Value::Fixed64(_), _) => out.extend_from_slice(field.whole),
            (Value::Group { bytes, end }, _) => {
                out.extend_from_slice(field.tag);
                self.fields(bytes, place.within(&UNKNOWN, bytes), out, seen)?;
                out.extend_from_slice(end);
            }
            (Value::Bytes { bytes, .. }, Some(Kind::Id(_) | Kind::Integer(_) | Kind::Double(_)) | None) => {
                self.unknown(field, bytes, place, out, seen)?;
            }
        }
        Ok(())
    }

    /// Takes a record out that begins there, or lets it stay.
    fn judge(&self, record: &[u8], begin: usize, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        let Some(plan) = &self.batch else { return Ok(()) };
        match seen.doomed.take() {
            Some(rule) => {
                out.truncate(begin);
                seen.records.letter(rule, plan, &[record]);
                seen.records.drop(rule, None, plan)
            }
            None => {
                seen.records.keep();
                Ok(())
            }
        }
    }

    /// Writes a field whose content changes, or not, and its length anew if that is another one.
    fn enclose(
        &mut self,
        field: &Field<'_>,
        out: &mut Vec<u8>,
        write: impl FnOnce(&mut Self, &mut Vec<u8>) -> Result<(), BodyError>,
    ) -> Result<(), BodyError> {
        let Value::Bytes { length, bytes } = field.value else { return Ok(()) };
        out.extend_from_slice(field.tag);
        out.extend_from_slice(length);
        let begin = out.len();
        write(self, out)?;
        let len = out.len() - begin;
        if len != bytes.len() {
            let mut anew = Vec::new();
            wire::put_varint(len as u64, &mut anew);
            out.splice(begin - length.len()..begin, anew);
        }
        Ok(())
    }

    fn text(
        &mut self,
        text: &[u8],
        place: Place<'_>,
        out: &mut Vec<u8>,
        seen: &mut Inspection,
    ) -> Result<(), BodyError> {
        if self.is_verbatim(text, place, seen)? {
            out.extend_from_slice(text);
        } else {
            out.extend_from_slice(&self.replaced.bytes);
        }
        Ok(())
    }

    /// Scans a text; what takes its place is in `self.replaced` where it does not stay as it is.
    fn is_verbatim(&mut self, text: &[u8], place: Place<'_>, seen: &mut Inspection) -> Result<bool, BodyError> {
        self.label.clear();
        self.label.extend_from_slice(place.around);
        if !place.around.is_empty() && !place.called.is_empty() {
            self.label.push(b' ');
        }
        self.label.extend_from_slice(place.called);
        self.text.call(&self.label);
        self.replaced.clear();
        self.text.whole(text, &mut self.replaced, seen)
    }

    fn number(
        &mut self,
        field: &Field<'_>,
        digits: &str,
        string: u32,
        place: Place<'_>,
        out: &mut Vec<u8>,
        seen: &mut Inspection,
    ) -> Result<(), BodyError> {
        if self.is_verbatim(digits.as_bytes(), place, seen)? {
            out.extend_from_slice(field.whole);
        } else {
            wire::put_varint(u64::from(string) << 3 | 2, out);
            wire::put_varint(self.replaced.bytes.len() as u64, out);
            out.extend_from_slice(&self.replaced.bytes);
        }
        Ok(())
    }

    fn unknown(
        &mut self,
        field: &Field<'_>,
        bytes: &[u8],
        place: Place<'_>,
        out: &mut Vec<u8>,
        seen: &mut Inspection,
    ) -> Result<(), BodyError> {
        let deep = place.unknown >= UNKNOWN_DEPTH;
        let is_message = wire::is_message(bytes);
        if (deep || !is_message) && reads_as_text(bytes) {
            return self.enclose(field, out, |walk, out| walk.text(bytes, place, out, seen));
        }
        if !is_message {
            keep(field, bytes, "bytes", out, seen);
            return Ok(());
        }
        let inner = Place { unknown: place.unknown + 1, ..place.within(&UNKNOWN, bytes) };
        self.enclose(field, out, |walk, out| {
            let (begin, before) = (out.len(), seen.found());
            walk.fields(bytes, inner, out, seen)?;
            let read = out.get(begin..).unwrap_or_default();
            if deep || !reads_as_text(read) {
                return Ok(());
            }
            let once = (seen.found() > before).then(|| seen.findings.clone());
            if !walk.is_verbatim(read, place, seen)? {
                out.truncate(begin);
                out.extend_from_slice(&walk.replaced.bytes);
            } else if let Some(once) = once {
                // What is only observed stays, and was seen twice.
                seen.findings = once;
            }
            Ok(())
        })
    }
}

fn keep(field: &Field<'_>, bytes: &[u8], reason: &'static str, out: &mut Vec<u8>, seen: &mut Inspection) {
    seen.exempt(reason, bytes.len() as u64);
    out.extend_from_slice(field.whole);
}

fn unscanned(seen: &Inspection) -> u64 {
    seen.unscanned.iter().map(|(_, bytes)| bytes).sum()
}

/// Whether bytes read as text: in UTF-8, or in another character set that extends ASCII.
fn reads_as_text(bytes: &[u8]) -> bool {
    let is_text = |byte: &u8| !byte.is_ascii_control() || matches!(byte, b'\t' | b'\n' | b'\r');
    std::str::from_utf8(bytes).is_ok() || bytes.iter().all(is_text)
}

/// The string that a reader takes for this field's value: the last one.
fn last_string(mut bytes: &[u8], number: u32) -> Option<&[u8]> {
    let mut last = None;
    while let Ok(field) = wire::field(bytes) {
        if let Value::Bytes { bytes, .. } = field.value
            && field.number == number
        {
            last = Some(bytes);
        }
        bytes = bytes.get(field.whole.len()..).unwrap_or_default();
    }
    last
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::sync::Arc;

    use super::*;
    use crate::engine::{Action, ActionTable, EntityType, Pattern, RuleId, RuleSet, RuleSpec};

    fn walk(message: &'static Message) -> Walk {
        let rule = |id: &str, pattern: &str| RuleSpec {
            id: RuleId::new(id),
            entity: EntityType::new("X"),
            pattern: Pattern::Regex { pattern: pattern.to_owned(), max_len: None },
            validator: None,
            keywords: None,
            suppressions: Vec::new(),
            priority: 0,
            confidence: 80,
        };
        let rules = RuleSet::build(vec![
            rule("t.gone", r"GONE-\d{4}"),
            rule("t.seen", r"SEEN-\d{4}"),
            rule("t.long", r"LONG-\d{4}"),
            rule("t.stop", r"STOP-\d{4}"),
        ]);
        let long = Action::Replace("y".repeat(300).into());
        let actions = ActionTable::new(vec![Action::Remove, Action::Observe, long, Action::Block], None);
        let scopes = Scopes {
            rules: Arc::new(rules.unwrap()),
            actions: Arc::new(actions),
            paths: Vec::new(),
            tools: None,
            restore: None,
        };
        Walk::new(message, &scopes, &BodyLimits::default())
    }

    fn redact(bytes: &[u8]) -> (Result<(), BodyError>, Vec<u8>, Inspection) {
        let (mut out, mut seen) = (Vec::new(), Inspection::default());
        let walked = walk(&UNKNOWN).message(bytes, &mut out, &mut seen);
        (walked, out, seen)
    }

    #[test]
    fn lengths_grow_and_shrink_at_every_level() {
        let (walked, out, seen) = redact(b"\x0a\x0f\x12\x0d\x1a\x0b< GONE-1234\x08\x01");
        assert_eq!((walked, out.as_slice()), (Ok(()), &b"\x0a\x06\x12\x04\x1a\x02< \x08\x01"[..]));
        assert_eq!(seen.scanned, 19);
        // Lengths of two bytes where one stood; one that was written in two without need is written anew in two.
        let (_, out, _) = redact(b"\x0a\x8d\x00\x12\x0b< LONG-1234\x08\x01");
        let text = [b"< ".as_slice(), &[b'y'; 300]].concat();
        assert_eq!(out, [b"\x0a\xb1\x02\x12\xae\x02".as_slice(), &text, b"\x08\x01"].concat());
    }

    #[test]
    fn what_is_only_seen_is_counted_once_however_it_is_read() {
        let bytes = b"\x0a\x0d\x1a\x0b< SEEN-1234";
        let (walked, out, seen) = redact(bytes);
        assert_eq!((walked, out.as_slice()), (Ok(()), &bytes[..]));
        assert_eq!(seen.findings, [(1, "observe", 1)]);
        // A text with the form of a message, and what is seen in it is in none of its fields.
        let (_, _, seen) = redact(b"\x0a\x0bSEEN-1234  ");
        assert_eq!(seen.findings, [(1, "observe", 1)]);
    }

    #[test]
    fn a_rule_that_blocks_ends_it() {
        let (walked, _, seen) = redact(b"\x0a\x0d\x1a\x0b< STOP-1234");
        assert_eq!(walked.unwrap_err().kind, BodyErrorKind::Blocked { rule: 3 });
        assert_eq!(seen.findings, [(3, "block", 1)]);
    }
}
