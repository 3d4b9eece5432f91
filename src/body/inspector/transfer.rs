//! A part in a transfer encoding (RFC 2045 section 6): what enters is base64 or quoted-printable, what leaves is the same
//! encoding of what the part's own reading lets go.
//!
//! As long as nothing has changed it leaves byte for byte as it came, line ends included; from the first change on it is
//! encoded anew, in lines as long as its first. Base64 with other signs than its own, or with more behind its padding,
//! is refused: readers differ in what they make of it. Kept: what the part's reading holds back, encoded and not.

use super::coded::Coded;
use crate::body::{BodyError, BodyErrorKind, Inspection, base64};

/// Letters of a line where the first does not tell (RFC 2045 section 6.8).
const LINE: usize = 76;
/// Blanks in a row that are looked at for the end of a line.
const BLANKS: usize = 1024;

/// The encodings that hide text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Transfer {
    Base64,
    QuotedPrintable,
}

impl Transfer {
    /// What a field's value says; `Ok(None)` where the bytes stand as they are, an error where it is not known.
    pub(super) fn parse(value: &[u8]) -> Result<Option<Self>, BodyErrorKind> {
        match value.trim_ascii().to_ascii_lowercase().as_slice() {
            b"" | b"7bit" | b"8bit" | b"binary" => Ok(None),
            b"base64" => Ok(Some(Self::Base64)),
            b"quoted-printable" => Ok(Some(Self::QuotedPrintable)),
            _ => Err(BodyErrorKind::MediaType),
        }
    }
}

/// Reads an encoded part.
pub(super) struct Encoded {
    content: Coded,
    decoder: Decoder,
    /// The part as it came from the first byte on that is not decided; nothing once it has changed.
    raw: Vec<u8>,
    /// The same decoded, and how much of its beginning has left the reading as it was.
    plain: Vec<u8>,
    same: usize,
    writer: Option<Writer>,
    /// How the part's lines are.
    lines: Lines,
    ends_with_line: bool,
    decoded: Vec<u8>,
    given: Vec<u8>,
}

impl Encoded {
    pub(super) fn new(transfer: Transfer, content: Coded) -> Self {
        Self {
            content,
            decoder: Decoder { transfer, open: Vec::new(), bits: 0, count: 0, padded: false },
            raw: Vec::new(),
            plain: Vec::new(),
            same: 0,
            writer: None,
            lines: Lines::default(),
            ends_with_line: false,
            decoded: Vec::new(),
            given: Vec::new(),
        }
    }

    pub(super) fn held(&self) -> usize {
        self.raw.len() + self.plain.len() + self.content.held()
    }

    /// As [`Coded::weight`].
    pub(super) fn weight(&self) -> usize {
        self.raw.len() + self.plain.len() + self.content.weight()
    }

    pub(super) fn push(&mut self, input: &[u8], out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        self.decoded.clear();
        self.decoder.push(input, false, &mut self.decoded)?;
        if self.writer.is_none() {
            self.raw.extend_from_slice(input);
            self.plain.extend_from_slice(&self.decoded);
        }
        if let Some(last) = input.last() {
            self.ends_with_line = matches!(last, b'\r' | b'\n');
        }
        self.given.clear();
        let read = self.content.push_part(&self.decoded, &mut self.given, seen);
        self.write(out);
        read
    }

    pub(super) fn finish(&mut self, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        self.decoded.clear();
        self.decoder.push(&[], true, &mut self.decoded)?;
        if self.writer.is_none() {
            self.plain.extend_from_slice(&self.decoded);
        }
        self.given.clear();
        let read = self.content.push_part(&self.decoded, &mut self.given, seen);
        self.write(out);
        read?;
        self.given.clear();
        let ended = self.content.finish_part(&mut self.given, seen);
        self.write(out);
        ended?;
        if self.writer.is_none() && self.same < self.plain.len() {
            self.change(out);
        }
        match &mut self.writer {
            Some(writer) => {
                writer.finish(out);
                if self.ends_with_line {
                    out.extend_from_slice(self.lines.end());
                }
            }
            None => out.append(&mut self.raw),
        }
        Ok(())
    }

    /// Gives out what the encoders of its content codings hold.
    pub(super) fn flush(&mut self, out: &mut Vec<u8>) -> Result<(), BodyError> {
        self.given.clear();
        let flushed = self.content.flush(&mut self.given);
        self.write(out);
        flushed
    }

    /// Writes what the reading has let go.
    fn write(&mut self, out: &mut Vec<u8>) {
        let mut given = std::mem::take(&mut self.given);
        let mut fresh = given.as_slice();
        if self.writer.is_none() {
            let ahead = self.plain.get(self.same..).unwrap_or_default();
            let common = ahead.iter().zip(fresh).take_while(|(one, other)| one == other).count();
            self.same += common;
            fresh = fresh.get(common..).unwrap_or_default();
            if fresh.is_empty() {
                self.pass(out);
            } else {
                self.change(out);
            }
        }
        if let Some(writer) = &mut self.writer {
            writer.write(fresh, out);
        }
        given.clear();
        self.given = given;
    }

    /// Lets go as it came what has not changed, as far as whole units go.
    fn pass(&mut self, out: &mut Vec<u8>) {
        let (bytes, len) = self.decoder.transfer.span(&self.raw, self.same);
        self.lines.see(self.raw.get(..len).unwrap_or_default());
        out.extend(self.raw.drain(..len));
        self.plain.drain(..bytes);
        self.same -= bytes;
    }

    /// Encodes anew from here on.
    fn change(&mut self, out: &mut Vec<u8>) {
        self.pass(out);
        let mut writer = Writer {
            transfer: self.decoder.transfer,
            line: self.lines.len(),
            end: self.lines.end(),
            column: self.lines.column,
            open: Vec::new(),
            letters: Vec::new(),
        };
        writer.write(self.plain.get(..self.same).unwrap_or_default(), out);
        self.raw = Vec::new();
        self.plain = Vec::new();
        self.same = 0;
        self.writer = Some(writer);
    }
}

/// How the lines of a part are, as far as it has left as it came.
#[derive(Default)]
struct Lines {
    /// Letters of the first, once it has ended.
    first: Option<usize>,
    bare: bool,
    /// Letters of the line at hand.
    column: usize,
    carriage: bool,
}

impl Lines {
    fn see(&mut self, left: &[u8]) {
        for byte in left {
            match byte {
                b'\n' => {
                    if self.first.is_none() {
                        self.first = Some(self.column);
                        self.bare = !self.carriage;
                    }
                    self.column = 0;
                }
                b'\r' => {}
                _ => self.column += 1,
            }
            self.carriage = *byte == b'\r';
        }
    }

    /// Letters of a line: as many as the first has. What goes beyond all bounds has but one.
    fn len(&self) -> usize {
        match self.first {
            Some(first) if first >= 4 => first,
            None if self.column > LINE => usize::MAX,
            Some(_) | None => LINE,
        }
    }

    fn end(&self) -> &'static [u8] {
        if self.bare { b"\n" } else { b"\r\n" }
    }
}

/// Reads an encoding.
struct Decoder {
    transfer: Transfer,
    /// What may be the beginning of a sign of quoted-printable.
    open: Vec<u8>,
    bits: u32,
    count: usize,
    padded: bool,
}

impl Decoder {
    fn push(&mut self, input: &[u8], last: bool, out: &mut Vec<u8>) -> Result<(), BodyError> {
        match self.transfer {
            Transfer::Base64 => self.base64(input, last, out),
            Transfer::QuotedPrintable => {
                let mut text = std::mem::take(&mut self.open);
                text.extend_from_slice(input);
                let mut at = 0;
                while let Some(sign) = quoted(text.get(at..).unwrap_or_default(), last) {
                    if sign.len == 1 && text.get(at..at + 2) == Some(b"=\r") {
                        // Some readers skip what follows, to the end of its line.
                        return Err(BodyErrorKind::MediaType.into());
                    }
                    out.extend(sign.byte);
                    at += sign.len;
                }
                text.drain(..at);
                self.open = text;
                Ok(())
            }
        }
    }

    fn base64(&mut self, input: &[u8], last: bool, out: &mut Vec<u8>) -> Result<(), BodyError> {
        for byte in input {
            let Some(value) = base64::sextet(*byte) else {
                match byte {
                    b'=' if self.count > 1 || self.padded => self.padded = true,
                    b' ' | b'\t' | b'\r' | b'\n' => {}
                    _ => return Err(BodyErrorKind::MediaType.into()),
                }
                continue;
            };
            if self.padded {
                return Err(BodyErrorKind::MediaType.into());
            }
            self.bits = self.bits << 6 | value;
            self.count += 1;
            if self.count == 4 {
                out.extend(self.bits.to_be_bytes().iter().skip(1));
                (self.bits, self.count) = (0, 0);
            }
        }
        if last {
            let bits = self.bits << (6 * (4 - self.count.min(4)));
            out.extend(bits.to_be_bytes().iter().skip(1).take(self.count.saturating_sub(1)));
            (self.bits, self.count) = (0, 0);
        }
        Ok(())
    }
}

/// A sign of quoted-printable.
struct Sign {
    len: usize,
    /// Nothing for the end of a line that is none.
    byte: Option<u8>,
}

/// The sign at the beginning; nothing where more must come.
fn quoted(text: &[u8], last: bool) -> Option<Sign> {
    let first = *text.first()?;
    if first != b'=' {
        return Some(Sign { len: 1, byte: Some(first) });
    }
    let rest = text.get(1..).unwrap_or_default();
    let blanks = rest.iter().take(BLANKS).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    match rest.get(blanks..).unwrap_or_default() {
        [b'\n', ..] => return Some(Sign { len: blanks + 2, byte: None }),
        [b'\r', b'\n', ..] => return Some(Sign { len: blanks + 3, byte: None }),
        [] | [b'\r'] if last => return Some(Sign { len: text.len(), byte: None }),
        [] | [b'\r'] => return None,
        _ if blanks > 0 => return Some(Sign { len: 1, byte: Some(b'=') }),
        _ => {}
    }
    let digit = |at: usize| rest.get(at).map(|byte| char::from(*byte).to_digit(16));
    match (digit(0), digit(1)) {
        (Some(Some(high)), Some(Some(low))) => Some(Sign { len: 3, byte: Some((high << 4 | low) as u8) }),
        (Some(Some(_)), None) if !last => None,
        _ => Some(Sign { len: 1, byte: Some(b'=') }),
    }
}

impl Transfer {
    /// How much of an encoded text stands for no more than its first `bytes` decoded, in whole units: how many those are,
    /// and how long they are encoded.
    fn span(self, raw: &[u8], bytes: usize) -> (usize, usize) {
        match self {
            Self::Base64 => {
                let (groups, mut letters, mut end) = (bytes / 3, 0, 0);
                for (at, byte) in raw.iter().enumerate() {
                    if letters == 4 * groups {
                        break;
                    }
                    if !byte.is_ascii_whitespace() {
                        letters += 1;
                        end = at + 1;
                    }
                }
                (letters / 4 * 3, if groups == 0 { 0 } else { end })
            }
            Self::QuotedPrintable => {
                let (mut at, mut done) = (0, 0);
                while done < bytes
                    && let Some(sign) = quoted(raw.get(at..).unwrap_or_default(), true)
                {
                    at += sign.len;
                    done += usize::from(sign.byte.is_some());
                }
                (done, at)
            }
        }
    }
}

/// Encodes anew.
struct Writer {
    transfer: Transfer,
    /// Letters of a line.
    line: usize,
    end: &'static [u8],
    column: usize,
    /// Bytes that make no whole unit.
    open: Vec<u8>,
    letters: Vec<u8>,
}

impl Writer {
    fn write(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        match self.transfer {
            Transfer::Base64 => {
                self.open.extend_from_slice(bytes);
                let open = std::mem::take(&mut self.open);
                let (groups, rest) = open.split_at(open.len() / 3 * 3);
                groups.chunks(3).for_each(|group| self.group(group, out));
                self.open = rest.to_vec();
            }
            Transfer::QuotedPrintable => bytes.iter().for_each(|byte| self.quote(*byte, out)),
        }
    }

    fn group(&mut self, group: &[u8], out: &mut Vec<u8>) {
        self.letters.clear();
        base64::encode(group, &mut self.letters);
        for letter in &self.letters {
            if self.column >= self.line {
                out.extend_from_slice(self.end);
                self.column = 0;
            }
            out.push(*letter);
            self.column += 1;
        }
    }

    /// A byte of quoted-printable; a blank waits for what is behind it, since none may end a line.
    fn quote(&mut self, byte: u8, out: &mut Vec<u8>) {
        let line_end = matches!(byte, b'\r' | b'\n');
        if let Some(blank) = self.open.pop() {
            self.sign(blank, line_end, out);
        }
        match byte {
            b' ' | b'\t' => self.open.push(byte),
            _ if line_end => {
                out.push(byte);
                self.column = 0;
            }
            byte => self.sign(byte, byte == b'=' || !byte.is_ascii_graphic(), out),
        }
    }

    fn sign(&mut self, byte: u8, escaped: bool, out: &mut Vec<u8>) {
        const HEX: &[u8; 16] = b"0123456789ABCDEF";
        if self.column >= LINE - 4 {
            out.push(b'=');
            out.extend_from_slice(self.end);
            self.column = 0;
        }
        if escaped {
            out.push(b'=');
            out.extend([byte >> 4, byte & 15].iter().filter_map(|half| HEX.get(usize::from(*half))));
            self.column += 3;
        } else {
            out.push(byte);
            self.column += 1;
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        let open = std::mem::take(&mut self.open);
        match (self.transfer, open.as_slice()) {
            (_, []) => {}
            (Transfer::Base64, group) => self.group(group, out),
            (Transfer::QuotedPrintable, blanks) => blanks.iter().for_each(|blank| self.sign(*blank, true, out)),
        }
    }
}
