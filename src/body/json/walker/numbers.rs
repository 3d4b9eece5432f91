//! Numbers in a walk: whole before they are judged, as they are written and as the integer they denote.
//!
//! Enters: the stretches of a number. Leaves: the number as it stood, or a string in its place where a finding changed
//! it; a number that counts in a text which has changed counts anew.

use super::super::brief::Brief;
use super::super::exempt::Reason;
use super::super::guide::Treatment;
use super::super::index::Kind;
use super::super::number::integer_digits;
use super::super::out::TextOut;
use super::super::shifts::Counts;
use super::super::string::escape;
use super::super::text::Reading;
use super::{Chunk, Stop, Walker};
use crate::body::restore::Opens;
use crate::body::{BodyError, BodyErrorKind, Inspection};

/// The digits of a token's number: no vocabulary has ten million.
const TOKEN_ID: usize = 7;

impl Walker {
    pub(super) fn number(
        &mut self,
        len: usize,
        chunk: &mut Chunk<'_>,
        out: &mut TextOut,
        seen: &mut Inspection,
    ) -> Result<(), Stop> {
        if !self.in_number {
            let treatment = self.value_begin(Kind::Number, chunk, out, seen)?;
            self.vector = treatment == Treatment::Vector;
            self.typed = treatment == Treatment::Typed;
            self.is_token_id = treatment == Treatment::TokenId;
            self.counts = match treatment {
                Treatment::Offset(counts) => Some(counts),
                Treatment::Usual | Treatment::Vector | Treatment::Typed | Treatment::TokenId | Treatment::Read(_) => {
                    None
                }
            };
            self.in_number = true;
            chunk.number = chunk.at;
        }
        chunk.at += len;
        Ok(())
    }

    pub(super) fn number_end(
        &mut self,
        chunk: &mut Chunk<'_>,
        out: &mut TextOut,
        seen: &mut Inspection,
    ) -> Result<(), Stop> {
        let here = chunk.input.get(chunk.number..chunk.at).unwrap_or_default();
        self.number_fits(self.number.len() + here.len())?;
        if self.number.is_empty() {
            if self.judge_number(here, seen)? {
                chunk.copy(chunk.number, out);
                out.replace(here.len(), &self.literal);
                chunk.from = chunk.at;
                self.changed();
            } else if let Some(counts) = self.counts.take() {
                chunk.copy(chunk.number, out);
                if let Some(moved) = self.moved(here, counts, out) {
                    out.replace(here.len(), moved.as_bytes());
                    chunk.from = chunk.at;
                }
            }
        } else {
            let mut number = std::mem::take(&mut self.number);
            number.extend_from_slice(here);
            if self.judge_number(&number, seen)? {
                out.replace(number.len(), &self.literal);
                self.changed();
            } else if let Some(moved) = self.counts.take().and_then(|counts| self.moved(&number, counts, out)) {
                out.replace(number.len(), moved.as_bytes());
            } else {
                out.keep(&number);
            }
            chunk.from = chunk.at;
            number.clear();
            self.number = number;
        }
        self.in_number = false;
        Ok(self.value_end(chunk, out, seen)?)
    }

    /// What stands for an offset whose text has changed; `out` ends before its literal.
    fn moved(&mut self, number: &[u8], counts: Counts, out: &mut TextOut) -> Option<String> {
        let count = std::str::from_utf8(number).ok()?.parse().ok()?;
        let moved = self.guide.as_mut()?.offset(count, counts, number.len(), out.bytes.len())?;
        (moved != count).then(|| moved.to_string())
    }

    pub(super) fn number_fits(&self, len: usize) -> Result<(), Stop> {
        if len > self.shared.hold { Err(Stop::Grammar(BodyErrorKind::TooLarge)) } else { Ok(()) }
    }

    /// Whether a string must stand in the number's place; then `literal` is that string.
    fn judge_number(&mut self, number: &[u8], seen: &mut Inspection) -> Result<bool, BodyError> {
        if self.vector && is_component(number) {
            seen.exempt(Reason::Media.name(), number.len() as u64);
            return Ok(false);
        }
        if self.typed && Brief::Number.accepts(number) {
            seen.exempt(Brief::Number.reason(), number.len() as u64);
            return Ok(false);
        }
        if self.is_token_id && number.len() <= TOKEN_ID && number.iter().all(u8::is_ascii_digit) {
            seen.exempt("token_ids", number.len() as u64);
            return Ok(false);
        }
        let (sign, written) = match number.strip_prefix(b"-") {
            Some(written) => (&b"-"[..], written),
            None => (&b""[..], number),
        };
        self.text.open_tokens(Opens::No);
        self.text.begin_labelled(Reading::Plain, self.labels.label());
        let written_stands = self.text.whole(written, &mut self.redacted, seen)?;
        self.digits.clear();
        let exponent = written.iter().any(|byte| matches!(byte, b'e' | b'E'));
        if (written_stands || exponent) && integer_digits(written, &mut self.digits) {
            self.text.begin_labelled(Reading::Plain, self.labels.label());
            // Where both readings change, each shows digits that the other hides.
            if !self.text.whole(&self.digits, &mut self.digit_text, seen)? {
                std::mem::swap(&mut self.redacted, &mut self.digit_text);
                if !written_stands {
                    mask_digits(&mut self.redacted.bytes);
                }
            } else if written_stands {
                return Ok(false);
            }
        } else if written_stands {
            return Ok(false);
        }
        self.literal.clear();
        self.literal.push(b'"');
        self.literal.extend_from_slice(sign);
        escape(&self.redacted.bytes, &mut self.literal);
        self.literal.push(b'"');
        Ok(true)
    }
}

/// Whether a number looks like a component of a vector: below 10, so that no digits but those of a fraction hide in it.
fn is_component(number: &[u8]) -> bool {
    let magnitude = number.strip_prefix(b"-").unwrap_or(number);
    let exponent = magnitude.iter().position(|byte| matches!(byte, b'e' | b'E'));
    let small = exponent.is_none_or(|at| magnitude.get(at + 1) == Some(&b'-'));
    small && magnitude.get(1).is_none_or(|byte| !byte.is_ascii_digit())
}

fn mask_digits(text: &mut [u8]) {
    for byte in text.iter_mut().filter(|byte| byte.is_ascii_digit()) {
        *byte = b'*';
    }
}
