//! Forms in their URL encoding (`application/x-www-form-urlencoded`).
//!
//! Enters: `name=value&name=value` in any chunking. Leaves: the same bytes, but for findings, which are encoded anew.
//! Names and values are scanned decoded, each value with its name before it; a value that is JSON is read as JSON.
//! Kept: the hold-back of one value in its own encoding, and the end of one name.

use std::fmt;

use super::json::{LogicalText, TextOut};
use super::{BodyError, Inspection, Scopes, Transform};
use crate::engine::Piece;

/// Bytes of a name that count, its last ones.
const NAME: usize = 128;

/// Redacts a form.
pub(crate) struct FormBody {
    names: LogicalText,
    values: LogicalText,
    in_value: bool,
    /// The end of the decoded name.
    name: Vec<u8>,
    /// The field's bytes that are not decided yet, as they came.
    raw: Vec<u8>,
    /// How many bytes at the end of `raw` are an escape that is not whole.
    open: usize,
    decoded: Vec<u8>,
    text: TextOut,
}

impl FormBody {
    pub(crate) fn new(scopes: &Scopes, limits: &super::BodyLimits) -> Self {
        Self {
            names: LogicalText::plain(&scopes.rules, &scopes.actions),
            values: LogicalText::sniffing(&scopes.rules, &scopes.actions, limits),
            in_value: false,
            name: Vec::new(),
            raw: Vec::new(),
            open: 0,
            decoded: Vec::new(),
            text: TextOut::default(),
        }
    }

    /// Bytes held back now.
    pub(crate) fn held(&self) -> usize {
        self.raw.len()
    }

    /// Takes bytes of a name or a value.
    fn part(&mut self, part: &[u8], out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        let from = self.raw.len() - self.open;
        self.raw.extend_from_slice(part);
        self.decode(from, false);
        self.scan(false, out, seen)
    }

    /// Ends a name or a value.
    fn end(&mut self, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        let from = self.raw.len() - self.open;
        self.decode(from, true);
        self.scan(true, out, seen)
    }

    /// Decodes what stands in `raw` from a place on.
    fn decode(&mut self, from: usize, last: bool) {
        self.decoded.clear();
        let mut rest = self.raw.get(from..).unwrap_or_default();
        while let Some(first) = rest.first() {
            if *first == b'%' && rest.len() < 3 && !last && rest.iter().skip(1).all(u8::is_ascii_hexdigit) {
                break;
            }
            let (byte, len) = unit(rest);
            self.decoded.push(byte);
            rest = rest.get(len..).unwrap_or_default();
        }
        self.open = rest.len();
    }

    fn scan(&mut self, ends: bool, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        if !self.in_value {
            self.name.extend_from_slice(&self.decoded);
            let surplus = self.name.len().saturating_sub(NAME);
            self.name.drain(..surplus);
        }
        let text = if self.in_value { &mut self.values } else { &mut self.names };
        self.text.clear();
        let scanned = if ends {
            text.push_last(&self.decoded, &mut self.text, seen)
        } else {
            text.push(&self.decoded, &mut self.text, seen)
        };
        self.deliver(out);
        scanned
    }

    /// Gives what was decided.
    fn deliver(&mut self, out: &mut Vec<u8>) {
        let (mut raw, mut given) = (self.raw.as_slice(), self.text.bytes.as_slice());
        for piece in &self.text.pieces {
            let (taken, new) = match *piece {
                Piece::Clear { len } => (len, len),
                Piece::Replaced { taken, given } => (taken, given),
            };
            let mut len = 0;
            for _ in 0..taken {
                len += unit(raw.get(len..).unwrap_or_default()).1;
            }
            let (old, rest) = raw.split_at(len.min(raw.len()));
            let (bytes, later) = given.split_at(new.min(given.len()));
            (raw, given) = (rest, later);
            match piece {
                Piece::Clear { .. } => out.extend_from_slice(old),
                Piece::Replaced { .. } => encode(bytes, out),
            }
        }
        let decided = self.raw.len() - raw.len();
        self.raw.drain(..decided);
    }
}

impl Transform for FormBody {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        let scanned = seen.scanned;
        let mut rest = input;
        loop {
            let ends = |byte: &u8| *byte == b'&' || *byte == b'=' && !self.in_value;
            let Some(at) = rest.iter().position(ends) else { break };
            let (part, tail) = rest.split_at(at);
            self.part(part, out, seen)?;
            self.end(out, seen)?;
            let Some((delimiter, tail)) = tail.split_first() else { break };
            out.push(*delimiter);
            self.in_value = *delimiter == b'=';
            if self.in_value {
                self.values.call(&self.name);
            }
            self.name.clear();
            rest = tail;
        }
        self.part(rest, out, seen)?;
        seen.scanned = scanned + input.len() as u64;
        seen.held_peak = seen.held_peak.max(self.held());
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        let scanned = seen.scanned;
        let ended = self.end(out, seen);
        seen.scanned = scanned;
        ended
    }
}

impl fmt::Debug for FormBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FormBody({} bytes held)", self.held())
    }
}

/// The byte that encoded text begins with, and how many bytes stand for it. A `%` without two digits is itself.
fn unit(encoded: &[u8]) -> (u8, usize) {
    let digit = |at: usize| encoded.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    match encoded.first() {
        Some(b'%') => match (digit(1), digit(2)) {
            (Some(high), Some(low)) => ((high << 4 | low) as u8, 3),
            _ => (b'%', 1),
        },
        Some(b'+') => (b' ', 1),
        Some(byte) => (*byte, 1),
        None => (0, 0),
    }
}

/// Encodes as forms do (WHATWG URL, application/x-www-form-urlencoded).
fn encode(text: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let hex = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or(b'0');
    for byte in text {
        match byte {
            b' ' => out.push(b'+'),
            b'*' | b'-' | b'.' | b'_' => out.push(*byte),
            byte if byte.is_ascii_alphanumeric() => out.push(*byte),
            byte => out.extend_from_slice(&[b'%', hex(byte >> 4), hex(byte & 15)]),
        }
    }
}
