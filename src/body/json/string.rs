//! String literals: escapes both ways.
//!
//! Enters: the inside of a JSON string literal, or text. Leaves: the other. Escapes only what RFC 8259 section 7 asks
//! for and what readers of lines take for the end of one, so that text looks as other writers would write it; bytes
//! that are not UTF-8 stay as they are. Half a surrogate pair, which no UTF-8 has, is kept in the generalised UTF-8 that has
//! room for it, and written as the escape that it came as.

use super::lexer::{Framing, Lexer, Token};
use crate::body::{BodyError, BodyErrorKind};

/// Line ends to some readers of lines, httpx among them: a writer that escapes them must not be undone.
const LINE_ENDS: [(&[u8], &[u8]); 3] =
    [(b"\xC2\x85", b"\\u0085"), (b"\xE2\x80\xA8", b"\\u2028"), (b"\xE2\x80\xA9", b"\\u2029")];

/// Appends `text` as the inside of a string literal: `"`, `\`, control characters, line ends and halves of surrogate pairs
/// are escaped, nothing else.
pub fn escape(text: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| *byte < 0x20 || matches!(byte, b'"' | b'\\' | 0xC2 | 0xE2 | 0xED))
    {
        let (clean, tail) = rest.split_at(at);
        out.extend_from_slice(clean);
        if let Some((end, escaped)) = LINE_ENDS.iter().find(|(end, _)| tail.starts_with(end)) {
            out.extend_from_slice(escaped);
            rest = tail.get(end.len()..).unwrap_or_default();
            continue;
        }
        if let Some(half) = half(tail) {
            out.extend_from_slice(b"\\u");
            out.extend([12, 8, 4, 0].iter().filter_map(|shift| HEX.get(usize::from(half >> shift & 15))));
            rest = tail.get(3..).unwrap_or_default();
            continue;
        }
        let Some((byte, tail)) = tail.split_first() else { break };
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0C => out.extend_from_slice(b"\\f"),
            0x20.. => out.push(*byte),
            control => {
                out.extend_from_slice(b"\\u00");
                out.extend([control >> 4, control & 15].iter().filter_map(|nibble| HEX.get(usize::from(*nibble))));
            }
        }
        rest = tail;
    }
    out.extend_from_slice(rest);
}

/// The half of a surrogate pair that stands here, in generalised UTF-8.
fn half(text: &[u8]) -> Option<u16> {
    match text {
        [0xED, second @ 0xA0..=0xBF, third @ 0x80..=0xBF, ..] => {
            Some(0xD000 | u16::from(second & 0x3F) << 6 | u16::from(third & 0x3F))
        }
        _ => None,
    }
}

/// Appends half a surrogate pair in generalised UTF-8.
fn write_half(half: u16, out: &mut Vec<u8>) {
    out.extend_from_slice(&[0xED, 0x80 | (half >> 6 & 0x3F) as u8, 0x80 | (half & 0x3F) as u8]);
}

/// The first half of a surrogate pair that a text ends with, which the next text may complete: it is taken from there.
pub(in crate::body) fn take_open_half(text: &mut Vec<u8>) -> Option<u16> {
    let half = text.last_chunk::<3>().and_then(|end| half(end)).filter(|half| is_high_surrogate(*half))?;
    text.truncate(text.len() - 3);
    Some(half)
}

/// Appends a text to the first half of a pair that one before it has ended with: the character that the two are, where it
/// begins with the second.
pub(in crate::body) fn close_half(first: u16, text: &[u8], out: &mut Vec<u8>) {
    let second = half(text).filter(|second| is_low_surrogate(*second));
    match second.and_then(|second| char::decode_utf16([first, second]).next()?.ok()) {
        Some(character) => {
            out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            out.extend_from_slice(text.get(3..).unwrap_or_default());
        }
        None => {
            write_half(first, out);
            out.extend_from_slice(text);
        }
    }
}

/// Appends the text of a string literal, given with its quotes. Half a surrogate pair stays one.
///
/// # Errors
/// [`BodyErrorKind::JsonSyntax`] where `literal` is not one string literal; `out` may then hold a part.
pub fn unescape(literal: &[u8], out: &mut Vec<u8>) -> Result<(), BodyError> {
    let inside = literal.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
    let inside = inside.ok_or(BodyErrorKind::JsonSyntax)?;
    if memchr::memchr2(b'"', b'\\', inside).is_none() && inside.iter().all(|byte| *byte >= 0x20) {
        out.extend_from_slice(inside);
        return Ok(());
    }
    let mut lexer = Lexer::new(Framing::Document, 1);
    let mut rest = literal;
    while let Some((taken, token)) = lexer.next(rest).map_err(|_| BodyErrorKind::JsonSyntax)? {
        let (bytes, tail) = rest.split_at_checked(taken).unwrap_or((rest, &[]));
        match token {
            Token::Run => out.extend_from_slice(bytes),
            Token::Escape(escape) => match escape.half() {
                Some(half) => write_half(half, out),
                None => out.extend_from_slice(escape.decoded()),
            },
            _ => {}
        }
        rest = tail;
    }
    if lexer.may_end() { Ok(()) } else { Err(BodyErrorKind::JsonSyntax.into()) }
}

/// The number that four hexadecimal digits write; the caller has checked them.
pub(super) fn hex4(digits: &[u8]) -> u16 {
    digits.iter().fold(0, |value, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            _ => 0,
        };
        value << 4 | u16::from(digit)
    })
}

pub(super) fn is_high_surrogate(code: u16) -> bool {
    (0xD800..0xDC00).contains(&code)
}

pub(super) fn is_low_surrogate(code: u16) -> bool {
    (0xDC00..0xE000).contains(&code)
}
