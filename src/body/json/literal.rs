//! A string literal that is all there, read at once.
//!
//! Enters: what stands behind an opening quote. Leaves: how far it is to the closing one, and the text; where the literal
//! has no escape that is the input itself. What is not whole, is too long to be copied or is no string is left to
//! [`super::lexer`], which says what it is and reads it the same way: this is a short cut and decides nothing.

use memchr::memchr2;

use super::lexer::{Escape, has_control, short_escape};
use super::raw::RawMap;
use super::string::{hex4, is_high_surrogate, is_low_surrogate};

/// The longest literal with escapes that is read at once.
pub(super) const MOST: usize = 8 << 10;

/// The length of a text that room is made for at first.
const TYPICAL: usize = 1 << 10;

/// How long the literal's inside is, and whether it has escapes: then its text is added to `decoded`. `None` where the
/// lexer must read it; what was added then is of no use.
pub(super) fn whole(input: &[u8], decoded: &mut Vec<u8>) -> Option<(usize, bool)> {
    let first = memchr2(b'"', b'\\', input)?;
    let run = input.get(..first)?;
    if has_control(run) {
        return None;
    }
    if input.get(first) == Some(&b'"') {
        return Some((first, false));
    }
    decoded.reserve(first.clamp(TYPICAL, MOST));
    let mut at = 0;
    loop {
        let rest = input.get(at..)?;
        let len = memchr2(b'"', b'\\', rest)?;
        let run = rest.get(..len)?;
        if at + len > MOST || has_control(run) {
            return None;
        }
        decoded.extend_from_slice(run);
        at += len;
        let rest = rest.get(len..)?;
        if rest.first() == Some(&b'"') {
            return Some((at, true));
        }
        if let Some(denoted) = rest.get(1).and_then(|byte| short_escape(*byte)) {
            decoded.push(denoted);
            at += 2;
        } else {
            let escape = escape(rest)?;
            decoded.extend_from_slice(escape.decoded());
            at += escape.raw().len();
        }
    }
}

/// Tells `map` how the text of such a literal came about.
pub(super) fn map(inside: &[u8], map: &mut RawMap) {
    let mut rest = inside;
    while !rest.is_empty() {
        let len = memchr::memchr(b'\\', rest).unwrap_or(rest.len());
        if len > 0 {
            map.run(len);
        }
        rest = rest.get(len..).unwrap_or_default();
        let Some(escape) = escape(rest) else { break };
        map.escape(escape);
        rest = rest.get(escape.raw().len()..).unwrap_or_default();
    }
}

/// The escape that stands here, if it is whole: a byte or more stands behind it, since half a surrogate pair tells only
/// by what follows what it denotes.
fn escape(rest: &[u8]) -> Option<Escape> {
    let byte = *rest.get(1)?;
    if let Some(denoted) = short_escape(byte) {
        return Some(Escape::short(byte, denoted));
    }
    let high = unit(rest)?;
    let raw = rest.get(..6)?;
    if !is_high_surrogate(high) {
        return Some(Escape::new(raw, char::from_u32(u32::from(high)).unwrap_or(char::REPLACEMENT_CHARACTER)));
    }
    let low = rest.get(6..).and_then(unit).filter(|low| is_low_surrogate(*low));
    let pair = low.and_then(|low| char::decode_utf16([high, low]).next()?.ok());
    match pair {
        Some(pair) => Some(Escape::new(rest.get(..12)?, pair)),
        None => Some(Escape::new(raw, char::REPLACEMENT_CHARACTER)),
    }
}

/// The UTF-16 unit that `\uXXXX` writes here.
fn unit(rest: &[u8]) -> Option<u16> {
    let digits = rest.strip_prefix(b"\\u")?.get(..4)?;
    digits.iter().all(u8::is_ascii_hexdigit).then(|| hex4(digits))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "a panic here is a failed test")]

    use proptest::prelude::*;

    use super::*;
    use crate::body::json::lexer::{Framing, Lexer, Token};

    /// What the lexer makes of what stands behind a quote: the inside's length and its text.
    fn lexed(input: &[u8]) -> Option<(usize, Vec<u8>)> {
        let mut lexer = Lexer::new(Framing::Document, 1);
        lexer.next(b"\"").ok()??;
        let (mut at, mut text) = (0, Vec::new());
        loop {
            let (len, token) = lexer.next(&input[at..]).ok()??;
            match token {
                Token::Run => text.extend_from_slice(&input[at..at + len]),
                Token::Escape(escape) => text.extend_from_slice(escape.decoded()),
                _ => return Some((at, text)),
            }
            at += len;
        }
    }

    #[test]
    fn what_is_not_whole_is_left_to_the_lexer() {
        let mut decoded = Vec::new();
        for input in [
            "",
            "text",
            "a\\",
            "a\\\"",
            "\\u12",
            "\\u1234",
            "\\ud83d\\ude",
            "a\nb\"",
            "\\x\"",
            "\\u00zz\"",
            "a\u{1}\\n\"",
        ] {
            assert_eq!(whole(input.as_bytes(), &mut decoded), None, "{input}");
        }
        let long = format!("{}\\n\"", "a".repeat(MOST));
        assert_eq!(whole(long.as_bytes(), &mut decoded), None);
        assert_eq!(whole(&long.as_bytes()[..MOST + 1], &mut decoded), None);
        let plain = format!("{}\"", "a".repeat(2 * MOST));
        assert_eq!(whole(plain.as_bytes(), &mut decoded), Some((2 * MOST, false)));
    }

    proptest! {
        #[test]
        fn it_reads_as_the_lexer_does(
            parts in prop::collection::vec(
                prop::sample::select(vec![
                    "a", "\u{e9}", "\\n", "\\\"", "\\\\", "\\/", "\\u0041", "\\ud83d", "\\ude00", "\\uD83D\\uDE00", "\\u", "\\u12",
                    "\\x", "\n", "\"", "\u{7f}",
                ]),
                0..12,
            )
        ) {
            let input = parts.concat();
            let input = input.as_bytes();
            let mut decoded = Vec::new();
            let read = whole(input, &mut decoded);
            let expected = lexed(input);
            if let Some((len, escaped)) = read {
                let text = if escaped { decoded.clone() } else { input[..len].to_vec() };
                prop_assert_eq!(expected, Some((len, text)));
            } else {
                prop_assert_eq!(expected, None);
            }
        }
    }
}
