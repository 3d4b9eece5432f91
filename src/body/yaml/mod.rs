//! YAML: what enters are its bytes, what leaves are the same bytes, redacted, and YAML as before.
//!
//! It is scanned as it stands: keys are words before their values, escapes are opened, and a value may go on over the
//! lines of a scalar. What takes a finding's place is written so that its scalar stays one scalar: a plain scalar that would
//! begin with an indicator (`*` is an alias, `[` a sequence) is put in single quotes to its end, and in quotes the new
//! text is escaped. Kept: what the rules hold back, and blanks behind a scalar that got quotes, up to [`BLANKS`].

mod lexer;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use self::lexer::{Lexer, Place};
use super::{BodyError, Inspection, Scopes, Transform};
use crate::engine::{ActionTable, Output, Piece, StreamRedactor};

/// The most blanks and line ends that are held behind a scalar that got quotes.
const BLANKS: usize = 4096;

/// Redacts YAML.
pub(crate) struct YamlBody {
    redactor: StreamRedactor,
    actions: Arc<ActionTable>,
    output: Output,
    /// What is not decided.
    raw: Vec<u8>,
    writer: Writer,
}

/// Writes what is decided.
struct Writer {
    lexer: Lexer,
    /// The plain scalar at hand got quotes: which one it is.
    quoted: Option<u64>,
    /// What may stand behind the scalar that got quotes, or in it.
    behind: Vec<u8>,
}

impl YamlBody {
    pub(crate) fn new(scopes: &Scopes) -> Self {
        let actions = Arc::clone(&scopes.actions);
        let redactor = StreamRedactor::new(Arc::clone(&scopes.rules), Arc::clone(&actions));
        let writer = Writer { lexer: Lexer::new(), quoted: None, behind: Vec::new() };
        Self { redactor, actions, output: Output::default(), raw: Vec::new(), writer }
    }

    /// Bytes held back now.
    pub(crate) fn held(&self) -> usize {
        self.raw.len() + self.writer.behind.len()
    }

    fn take(&mut self, input: Option<&[u8]>, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        self.output.clear();
        let result = match input {
            Some(input) => {
                self.raw.extend_from_slice(input);
                seen.scanned += input.len() as u64;
                self.redactor.push(input, &mut self.output)
            }
            None => self.redactor.finish(&mut self.output),
        };
        seen.record(&self.output.findings, &self.actions)?;
        let (mut raw, mut given) = (self.raw.as_slice(), self.output.bytes.as_slice());
        for piece in &self.output.pieces {
            let (taken, new) = match *piece {
                Piece::Clear { len } => (len, len),
                Piece::Replaced { taken, given } => (taken, given),
            };
            let (old, rest) = raw.split_at(taken.min(raw.len()));
            let (bytes, later) = given.split_at(new.min(given.len()));
            (raw, given) = (rest, later);
            match piece {
                Piece::Clear { .. } => self.writer.keep(old, out),
                Piece::Replaced { .. } => self.writer.replace(old, bytes, out),
            }
        }
        let decided = self.raw.len() - raw.len();
        self.raw.drain(..decided);
        seen.held_peak = seen.held_peak.max(self.held());
        Ok(result?)
    }
}

impl Writer {
    /// What stays as it is.
    fn keep(&mut self, text: &[u8], out: &mut Vec<u8>) {
        for (at, byte) in text.iter().enumerate() {
            if self.quoted.is_none() {
                let rest = text.get(at..).unwrap_or_default();
                out.extend_from_slice(rest);
                rest.iter().for_each(|byte| self.lexer.take(*byte));
                return;
            }
            self.lexer.take(*byte);
            self.keep_quoted(*byte, out);
        }
    }

    /// A byte of, or behind, a scalar that got quotes.
    fn keep_quoted(&mut self, byte: u8, out: &mut Vec<u8>) {
        let goes_on = self.goes_on();
        let open =
            matches!(self.lexer.place, Place::Colon | Place::Indent(_, true)) || matches!(byte, b' ' | b'\t' | b'\r');
        if goes_on && open && self.behind.len() < BLANKS {
            self.behind.push(byte);
        } else if goes_on {
            for byte in self.behind.drain(..).chain([byte]) {
                quote(byte, out);
            }
        } else {
            self.close(out);
            out.push(byte);
        }
    }

    /// Whether the lexer stands in the scalar that got quotes, or may.
    fn goes_on(&self) -> bool {
        self.quoted == Some(self.lexer.scalars) && self.lexer.in_plain()
    }

    /// Ends the quotes before what stands behind the scalar.
    fn close(&mut self, out: &mut Vec<u8>) {
        if self.quoted.take().is_some() {
            out.push(b'\'');
            out.append(&mut self.behind);
        }
    }

    /// What gives way.
    fn replace(&mut self, old: &[u8], given: &[u8], out: &mut Vec<u8>) {
        let Some((first, later)) = old.split_first() else { return out.extend_from_slice(given) };
        let (before, flow, scalars) = (self.lexer.place, self.lexer.in_flow(), self.lexer.scalars);
        let plain = self.lexer.in_plain() || before == Place::Indicator;
        let blank = self.lexer.begins() && first.is_ascii_whitespace();
        let behind_blank = self.lexer.behind_blank();
        self.lexer.take(*first);
        let begins = blank || self.lexer.scalars != scalars;
        if begins {
            self.close(out);
        }
        later.iter().for_each(|byte| self.lexer.take(*byte));
        let after = self.lexer.place;
        let kept = if begins || plain || self.quoted.is_some() { structure(old, flow) } else { Vec::new() };
        let fresh = Fresh { text: given, lines: old.contains(&b'\n'), behind_blank };
        match first {
            _ if self.quoted.is_some() => {
                self.behind.drain(..).for_each(|byte| quote(byte, out));
                fresh.in_quotes(b'\'', out);
                if !kept.is_empty() || !self.goes_on() {
                    self.close(out);
                    out.extend_from_slice(&kept);
                }
            }
            mark @ (b'"' | b'\'') if begins => {
                out.push(*mark);
                fresh.in_quotes(*mark, out);
                Self::end_quotes(*mark, after, out);
            }
            _ if before == Place::Double || before == Place::Escape => {
                fresh.in_quotes(b'"', out);
                Self::end_quotes(b'"', after, out);
            }
            _ if before == Place::Single => {
                fresh.in_quotes(b'\'', out);
                Self::end_quotes(b'\'', after, out);
            }
            _ if begins && must_be_quoted(given, flow) => {
                out.push(b'\'');
                fresh.in_quotes(b'\'', out);
                // Where more than one scalar has given way, the last one ends with them.
                self.quoted = Some(self.lexer.scalars);
                if !kept.is_empty() || !self.lexer.in_plain() && after != Place::Indicator {
                    self.close(out);
                    out.extend_from_slice(&kept);
                }
            }
            _ if begins || plain => {
                fresh.in_plain(flow, out);
                out.extend_from_slice(&kept);
            }
            _ => out.extend(given.iter().map(|byte| fresh.byte(*byte))),
        }
    }

    /// Writes the end of quotes that has given way, or the backslash at the end of what has.
    fn end_quotes(mark: u8, after: Place, out: &mut Vec<u8>) {
        match (mark, after) {
            (b'"', Place::Double) | (b'\'', Place::Single) => {}
            (b'"', Place::Escape) => out.push(b'\\'),
            (mark, _) => out.push(mark),
        }
    }
}

impl Transform for YamlBody {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        self.take(Some(input), out, seen)
    }

    fn finish(&mut self, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        self.take(None, out, seen)?;
        self.writer.close(out);
        Ok(())
    }
}

impl fmt::Debug for YamlBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "YamlBody({} bytes held)", self.held())
    }
}

/// Whether a plain scalar cannot be, or begin with, this text.
fn must_be_quoted(text: &[u8], flow: bool) -> bool {
    let Some(first) = text.first() else { return false };
    let blank = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_whitespace);
    let breaks = |pair: &[u8]| matches!(pair, [b':', next] if next.is_ascii_whitespace()) || pair == b" #";
    b"*&!|>%@`[]{},#'\"".contains(first)
        || b"-?:".contains(first) && blank(text.get(1))
        || blank(Some(first))
        || blank(text.last())
        || text.last() == Some(&b':')
        || text.windows(2).any(breaks)
        || text.iter().any(|byte| byte.is_ascii_control() || flow && b",[]{}".contains(byte))
}

/// What in a plain scalar that gives way was not its own: the signs that end it, and with them what it stands in.
fn structure(old: &[u8], flow: bool) -> Vec<u8> {
    let mut kept = Vec::new();
    for (at, byte) in old.iter().enumerate() {
        let next = old.get(at + 1);
        match byte {
            b',' | b']' | b'}' if flow => kept.push(*byte),
            b':' if next.is_none() => kept.push(b':'),
            b':' if next.is_some_and(|next| matches!(next, b' ' | b'\t' | b'\n' | b'\r')) => {
                kept.push(b':');
                kept.extend(next);
            }
            _ => {}
        }
    }
    kept
}

/// Writes a byte of single quotes.
fn quote(byte: u8, out: &mut Vec<u8>) {
    out.push(byte);
    if byte == b'\'' {
        out.push(b'\'');
    }
}

/// What takes the place of a finding.
struct Fresh<'a> {
    text: &'a [u8],
    /// Its line ends are those of what it stands for.
    lines: bool,
    /// It stands behind a blank.
    behind_blank: bool,
}

impl Fresh<'_> {
    fn byte(&self, byte: u8) -> u8 {
        let stays = !byte.is_ascii_control() || self.lines && matches!(byte, b'\n' | b'\r');
        if stays { byte } else { b' ' }
    }

    /// Writes it in quotes. A backslash with which the engine has spelled a character stays.
    fn in_quotes(&self, mark: u8, out: &mut Vec<u8>) {
        for (at, byte) in self.text.iter().enumerate() {
            match (mark, *byte) {
                (b'\'', byte) => quote(self.byte(byte), out),
                (_, b'"') => out.extend_from_slice(b"\\\""),
                (_, b'\\') if !matches!(self.text.get(at + 1), Some(b'x' | b'u' | b'U')) => {
                    out.extend_from_slice(b"\\\\");
                }
                (_, byte) => out.push(self.byte(byte)),
            }
        }
    }

    /// Writes it in the midst of a plain scalar: what would end it is written as what looks like it.
    fn in_plain(&self, flow: bool, out: &mut Vec<u8>) {
        for (at, byte) in self.text.iter().enumerate() {
            let next = self.text.get(at + 1);
            let before = at.checked_sub(1).and_then(|before| self.text.get(before));
            let behind_blank = before.map_or(self.behind_blank, u8::is_ascii_whitespace);
            out.push(match byte {
                b':' if flow || next.is_none_or(u8::is_ascii_whitespace) => b'.',
                b'#' if behind_blank => b'*',
                b'[' | b'{' if flow => b'(',
                b']' | b'}' if flow => b')',
                b',' if flow => b';',
                byte => self.byte(*byte),
            });
        }
    }
}
