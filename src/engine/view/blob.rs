//! Runs of base64 and hexadecimal that hold text.
//!
//! Enters: a text and a place where such a run may begin. Leaves: whether it holds text, its bytes group by group, and
//! whether it goes on in the next line. A run counts once its first groups decode to characters that people write; words and checksums do not.

use std::ops::RangeInclusive;

use super::super::byte_set::ByteSet;
use super::super::prefilter::Window;
use super::element::Encoding;

/// What a run may be written in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::engine) enum Blob {
    /// Base64, four characters for three bytes.
    Base64,
    /// Hexadecimal, two characters a byte.
    Hex,
}

/// What is known of the beginning of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::engine) enum Beginning {
    /// It holds no text.
    No,
    /// The text ends too early to tell.
    More,
    /// It holds text.
    Yes,
}

/// One group of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::engine) enum Group {
    /// The run has ended.
    End,
    /// The text ends within the group.
    More,
    /// So many characters stand for so many of the bytes.
    Bytes {
        /// Characters.
        len: usize,
        /// The bytes.
        bytes: [u8; 3],
        /// How many.
        width: usize,
        /// What the characters tell of the alphabet.
        encoding: Option<Encoding>,
    },
}

/// Whether a run goes on in the next line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::engine) enum Fold {
    /// It has ended.
    End,
    /// The text ends too early to tell.
    More,
    /// It goes on behind so many bytes.
    On(usize),
}

/// Characters of the lines that encoders break runs into: 76 (RFC 2045 section 6.8), 64 (RFC 7468 section 2), 60 (`xxd -p`).
const LINE: RangeInclusive<usize> = 60..=76;
/// The most blanks that a line begins with: runs stand in YAML as well.
const INDENT: usize = 32;
/// Groups that are looked at behind a line's end.
const TELLING: usize = 3;

/// RFC 4648 section 4.
const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// RFC 4648 section 5.
const URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// What is no character of base64.
const NO_SEXTET: u8 = 0xFF;

/// The values of the characters of both alphabets of base64.
static SEXTETS: [u8; 256] = sextets();

#[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn sextets() -> [u8; 256] {
    let mut table = [NO_SEXTET; 256];
    let mut value = 0;
    while value < 64 {
        table[STANDARD[value] as usize] = value as u8;
        table[URL[value] as usize] = value as u8;
        value += 1;
    }
    table
}

/// The value of a character of either alphabet of base64.
#[inline]
pub(super) fn sextet(byte: u8) -> Option<u8> {
    SEXTETS.get(usize::from(byte)).copied().filter(|value| *value != NO_SEXTET)
}

fn is_text(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n')
}

/// Whether these bytes begin a text in UTF-8; the last character need not be whole.
fn begins_text(head: &[u8]) -> bool {
    if head.is_ascii() {
        return head.iter().copied().all(is_text);
    }
    let whole = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            head.get(..error.valid_up_to()).and_then(|whole| std::str::from_utf8(whole).ok()).unwrap_or_default()
        }
        Err(_) => return false,
    };
    whole.chars().all(|character| match u8::try_from(character) {
        Ok(byte @ 0..0x80) => is_text(byte),
        // Letters, marks of Indic and Thai letters, punctuation, full-width forms.
        _ => {
            character.is_alphanumeric()
                || matches!(character,
                    '\u{AA}' | '\u{B0}' | '\u{BA}' | '\u{300}'..='\u{36F}' | '\u{900}'..='\u{EFF}'
                    | '\u{2010}'..='\u{2027}' | '\u{3000}'..='\u{303F}' | '\u{FF00}'..='\u{FF65}')
        }
    })
}

impl Blob {
    /// How the groups of it are written when nothing tells more.
    pub(in crate::engine) fn encoding(self) -> Encoding {
        match self {
            Self::Base64 => Encoding::Base64,
            Self::Hex => Encoding::HexLower,
        }
    }

    /// What stands round the beginning of every run that holds text.
    pub(in crate::engine) fn windows() -> Vec<(Self, Window)> {
        let outside = ByteSet::new(|byte| !byte.is_ascii_alphanumeric());
        let outside_hex = ByteSet::new(|byte| !byte.is_ascii_alphanumeric() || byte == b'x' || byte == b'X');
        let sextets = |holds: fn(u8) -> bool| ByteSet::new(|byte| sextet(byte).is_some_and(holds));
        // The first byte is ASCII and no control character but white space, and so is the next.
        let first = sextets(|value| (8..32).contains(&value) || matches!(value, 2 | 3));
        let second = sextets(|value| matches!(value & 15, 2..=7 | 0));
        let third = sextets(|value| value & 2 == 0);
        let any = sextets(|_| true);
        let high = ByteSet::new(|byte| (b'2'..=b'7').contains(&byte));
        let hex = ByteSet::new(|byte| byte.is_ascii_hexdigit());
        // A character beyond ASCII: the first byte of its UTF-8 and one that goes on.
        let lead = sextets(|value| (48..62).contains(&value));
        let on = sextets(|value| matches!(value & 15, 8..=11));
        let lead_hex = ByteSet::new(|byte| matches!(byte, b'c'..=b'f' | b'C'..=b'F'));
        let on_hex = ByteSet::new(|byte| matches!(byte, b'8' | b'9' | b'a' | b'b' | b'A' | b'B'));
        vec![
            (Self::Base64, [outside, first, second, third, any]),
            (Self::Base64, [outside, lead, on, any, any]),
            (Self::Hex, [outside_hex, high, hex, high, hex]),
            (Self::Hex, [outside_hex, lead_hex, hex, on_hex, hex]),
        ]
    }

    /// The fewest characters of a run.
    pub(in crate::engine) fn least(self) -> usize {
        match self {
            Self::Base64 => 12,
            Self::Hex => 16,
        }
    }

    /// Whether the run at `at` holds text, by its first bytes: nine of base64, eight of hexadecimal.
    pub(in crate::engine) fn begins(self, text: &[u8], at: usize, last: bool) -> Beginning {
        let wanted = match self {
            Self::Base64 => 9,
            Self::Hex => 8,
        };
        // Most runs are words, which are shorter.
        let run = text.get(at..).unwrap_or_default().iter().take(self.least());
        let short = match self {
            Self::Base64 => run.clone().any(|byte| sextet(*byte).is_none()),
            Self::Hex => run.clone().any(|byte| !byte.is_ascii_hexdigit()),
        };
        if short {
            return Beginning::No;
        }
        let (mut here, mut seen) = (at, 0);
        let mut head = [0; 12];
        while seen < wanted {
            match self.group(text, here, last) {
                Group::End => return Beginning::No,
                Group::More => return Beginning::More,
                Group::Bytes { len, bytes, width, .. } => {
                    for (slot, byte) in head.iter_mut().skip(seen).zip(bytes.iter().take(width)) {
                        *slot = *byte;
                    }
                    here += len;
                    seen += width;
                    if width == 0 || !begins_text(head.get(..seen).unwrap_or_default()) {
                        return Beginning::No;
                    }
                }
            }
        }
        Beginning::Yes
    }

    /// The group at `at`. A control character that no text has ends the run.
    pub(in crate::engine) fn group(self, text: &[u8], at: usize, last: bool) -> Group {
        let group = match self {
            Self::Base64 => base64(text, at, last),
            Self::Hex => hex(text, at, last),
        };
        match group {
            Group::Bytes { bytes, width, .. }
                if bytes.iter().take(width).any(|byte| *byte < b' ' && !is_text(*byte)) =>
            {
                Group::End
            }
            other => other,
        }
    }

    /// Whether the run that began at `from` and whose last whole group ends at `at` goes on in the next line. An encoder has
    /// broken it there if the line is as long as encoders make them and the next one holds text as well.
    pub(in crate::engine) fn folds(self, text: &[u8], from: usize, at: usize, last: bool) -> Fold {
        let is_one = |byte: &&u8| match self {
            Self::Base64 => sextet(**byte).is_some(),
            Self::Hex => byte.is_ascii_hexdigit(),
        };
        let own = text.get(from..at).unwrap_or_default();
        let line = own.iter().rev().take(LINE.end() + 1).take_while(is_one).count();
        if !LINE.contains(&line) {
            return Fold::End;
        }
        let missing = if last { Fold::End } else { Fold::More };
        let mut next = match text.get(at..).unwrap_or_default() {
            [b'\n', ..] => at + 1,
            [b'\r', b'\n', ..] => at + 2,
            [] | [b'\r'] => return missing,
            _ => return Fold::End,
        };
        let first = next;
        while next <= first + INDENT && text.get(next).is_some_and(|byte| matches!(byte, b' ' | b'\t')) {
            next += 1;
        }
        let mut here = next;
        for _ in 0..TELLING {
            match self.group(text, here, last) {
                Group::More => return missing,
                Group::Bytes { len, width, .. } if width > 0 => here += len,
                // It may be the last line.
                Group::Bytes { .. } | Group::End if here == next => return Fold::End,
                Group::Bytes { .. } | Group::End => break,
            }
        }
        Fold::On(next - at)
    }
}

fn base64(text: &[u8], at: usize, last: bool) -> Group {
    let mut values = [0_u32; 4];
    let mut count = 0;
    let mut encoding = None;
    for slot in &mut values {
        match text.get(at + count) {
            None if last => break,
            None => return Group::More,
            Some(byte) => match sextet(*byte) {
                Some(value) => {
                    match byte {
                        b'-' | b'_' => encoding = Some(Encoding::Base64Url),
                        b'+' | b'/' => encoding = Some(Encoding::Base64),
                        _ => {}
                    }
                    *slot = u32::from(value);
                    count += 1;
                }
                None => break,
            },
        }
    }
    let width = match count {
        0 | 1 => return Group::End,
        count => count - 1,
    };
    let mut len = count;
    if count < 4 {
        // What fills the last group up.
        while len < 4 {
            match text.get(at + len) {
                Some(b'=') => len += 1,
                None if !last => return Group::More,
                _ => break,
            }
        }
        if len < 4 {
            len = count;
        }
    }
    let [a, b, c, d] = values;
    let bits = a << 18 | b << 12 | c << 6 | d;
    Group::Bytes { len, bytes: [(bits >> 16) as u8, (bits >> 8) as u8, bits as u8], width, encoding }
}

fn hex(text: &[u8], at: usize, last: bool) -> Group {
    let mut value = 0;
    let mut encoding = None;
    for offset in 0..2 {
        match text.get(at + offset) {
            None if last => return Group::End,
            None => return Group::More,
            Some(byte) => match char::from(*byte).to_digit(16) {
                Some(digit) => {
                    match byte {
                        b'a'..=b'f' => encoding = Some(Encoding::HexLower),
                        b'A'..=b'F' => encoding = Some(Encoding::HexUpper),
                        _ => {}
                    }
                    value = value << 4 | digit as u8;
                }
                None => return Group::End,
            },
        }
    }
    Group::Bytes { len: 2, bytes: [value, 0, 0], width: 1, encoding }
}

/// Appends bytes in the encoding; `padded` fills the last group of base64 up with `=`.
pub(in crate::engine) fn write(bytes: &[u8], encoding: Encoding, padded: bool, out: &mut Vec<u8>) {
    if matches!(encoding, Encoding::HexLower | Encoding::HexUpper) {
        for byte in bytes {
            for half in [byte >> 4, byte & 15] {
                let digit = char::from_digit(u32::from(half), 16).unwrap_or('0');
                let upper = encoding == Encoding::HexUpper;
                out.push(if upper { digit.to_ascii_uppercase() } else { digit } as u8);
            }
        }
        return;
    }
    let alphabet = if encoding == Encoding::Base64Url { URL } else { STANDARD };
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            if place <= chunk.len() {
                let value = bits >> (18 - 6 * place) & 63;
                out.extend(alphabet.get(value as usize));
            } else if padded {
                out.push(b'=');
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(blob: Blob, text: &str) -> Option<String> {
        if blob.begins(text.as_bytes(), 0, true) != Beginning::Yes {
            return None;
        }
        let (mut out, mut at) = (Vec::new(), 0);
        while let Group::Bytes { len, bytes, width, .. } = blob.group(text.as_bytes(), at, true) {
            out.extend_from_slice(&bytes[..width]);
            at += len;
        }
        String::from_utf8(out).ok()
    }

    #[test]
    fn runs_that_hold_text_and_others() {
        for (blob, text, wanted) in [
            (Blob::Base64, "amFuZUBleGFtcGxlLmNvbQ==", Some("jane@example.com")),
            (Blob::Base64, "amFuZUBleGFtcGxlLmNvbQ", Some("jane@example.com")),
            (Blob::Base64, "internationalization", None),
            (Blob::Base64, "d41d8cd98f00b204e9800998ecf8427e", None),
            (Blob::Hex, "6a616e65406578616d706c652e636f6d", Some("jane@example.com")),
            (Blob::Hex, "d41d8cd98f00b204e9800998ecf8427e", None),
            (Blob::Hex, "2026112119283746", None),
            (Blob::Base64, "6Lqr5Lu96K+B5Y+3OiAx", Some("身份证号: 1")),
            (Blob::Hex, "d0b8d0bdd0bd3a2031", Some("инн: 1")),
        ] {
            assert_eq!(decode(blob, text).as_deref(), wanted, "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for text in ["jane@example.com", "078-05-1120!", "nine byte", "ten bytes!", "eleven byte"] {
            for (blob, encoding, padded) in [
                (Blob::Base64, Encoding::Base64, true),
                (Blob::Base64, Encoding::Base64Url, false),
                (Blob::Hex, Encoding::HexUpper, false),
            ] {
                let mut out = Vec::new();
                write(text.as_bytes(), encoding, padded, &mut out);
                let written = String::from_utf8(out).unwrap_or_default();
                assert_eq!(decode(blob, &written).as_deref(), Some(text), "{written}");
                assert!(!padded || written.len().is_multiple_of(4));
            }
        }
    }
}
