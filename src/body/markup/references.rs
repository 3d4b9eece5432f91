//! Character references in what an attribute calls a value: `pass&#119;ord` is read as `password`.
//!
//! Enters: the bytes of an attribute's value, in any chunking. Leaves: the text that its readers see (WHATWG HTML
//! 13.2.5.72 to 13.2.5.80): references by number, with or without their semicolon, and by name, of HTML all 2,231. XML
//! knows five names alone, and its readers refuse what they do not know, so that both are read in one way; names that a
//! document declares itself are not followed. Kept: one reference, [`LONGEST`] bytes.

/// Names and what they stand for, in order, one a line: a name that ends without `;` is known without it, too.
const NAMES: &str = include_str!("references.txt");
/// Bytes of a reference that count: the longest name has 31 letters.
const LONGEST: usize = 40;

/// Zeros before a number that count as text; a reader of references takes as many for certain.
const ZEROS: usize = 16;

/// Where a text stands in what may be the zeros of a reference by number, of which there may be any number.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Padding {
    /// In none.
    #[default]
    Text,
    /// Behind `&`.
    Ampersand,
    /// Behind `&#`.
    Number,
    /// Behind `&#x`.
    Radix,
    /// Behind zeros, as many of which have been text.
    Zeros(usize),
}

impl Padding {
    /// How many bytes are text, and how many behind them are zeros that change nothing. Both are 0 of no text alone.
    pub(super) fn split(&mut self, text: &[u8]) -> (usize, usize) {
        let mut at = 0;
        while let Some(byte) = text.get(at) {
            *self = match (*self, byte) {
                (Self::Text, _) => {
                    let rest = text.get(at..).unwrap_or_default();
                    let Some(sign) = memchr::memchr(b'&', rest) else { break };
                    at += sign;
                    Self::Ampersand
                }
                (_, b'&') => Self::Ampersand,
                (Self::Ampersand, b'#') => Self::Number,
                (Self::Number, b'x' | b'X') => Self::Radix,
                (Self::Number | Self::Radix, b'0') => Self::Zeros(1),
                (Self::Zeros(ZEROS), b'0') => {
                    return (at, text.iter().skip(at).take_while(|byte| **byte == b'0').count());
                }
                (Self::Zeros(count), b'0') => Self::Zeros(count + 1),
                _ => Self::Text,
            };
            at += 1;
        }
        (text.len(), 0)
    }
}

/// Reads references, one value after another.
#[derive(Default)]
pub(super) struct References {
    /// What may be a reference, from its `&` on.
    held: Vec<u8>,
}

impl References {
    /// Appends what the next bytes of a value stand for, as long as `out` has no more than `most` bytes.
    pub(super) fn push(&mut self, value: &[u8], most: usize, out: &mut Vec<u8>) {
        for byte in value {
            if out.len() > most {
                return;
            }
            self.take(*byte, out);
        }
    }

    /// Ends the value.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        self.resolve(None, out);
    }

    fn take(&mut self, byte: u8, out: &mut Vec<u8>) {
        if self.goes_on(byte) {
            let number = self.held.get(1) == Some(&b'#');
            // Zeros before a number are as many as their writer likes.
            if matches!(self.held.as_slice(), [_, b'#', b'0'] | [_, b'#', b'x' | b'X', b'0']) {
                self.held.pop();
            }
            if self.held.len() < LONGEST {
                self.held.push(byte);
            } else if !number {
                out.append(&mut self.held);
                out.push(byte);
            }
            return;
        }
        if self.resolve(Some(byte), out) {
            return;
        }
        if byte == b'&' { self.held.push(byte) } else { out.push(byte) }
    }

    /// Whether a byte belongs to the reference at hand.
    fn goes_on(&self, byte: u8) -> bool {
        match self.held.as_slice() {
            [] => false,
            [_] => byte == b'#' || byte.is_ascii_alphanumeric(),
            [_, b'#'] => byte.is_ascii_digit() || matches!(byte, b'x' | b'X'),
            [_, b'#', b'x' | b'X', ..] => byte.is_ascii_hexdigit(),
            [_, b'#', ..] => byte.is_ascii_digit(),
            _ => byte.is_ascii_alphanumeric(),
        }
    }

    /// Ends what is held, behind which this byte stands; true where that is its semicolon.
    fn resolve(&mut self, next: Option<u8>, out: &mut Vec<u8>) -> bool {
        if self.held.is_empty() {
            return false;
        }
        let closed = next == Some(b';');
        let known = match self.held.as_slice() {
            [_, b'#', b'x' | b'X', digits @ ..] => numbered(digits, 16, out),
            [_, b'#', digits @ ..] => numbered(digits, 10, out),
            // `&amp=` is part of a link's query.
            [_, name @ ..] => next != Some(b'=') && named(name, closed, out),
            [] => false,
        };
        if !known {
            out.extend_from_slice(&self.held);
        }
        self.held.clear();
        known && closed
    }
}

/// Appends the character of a number; false where there is none.
fn numbered(digits: &[u8], radix: u32, out: &mut Vec<u8>) -> bool {
    let Ok(digits) = std::str::from_utf8(digits) else { return false };
    if digits.is_empty() {
        return false;
    }
    let character = match u32::from_str_radix(digits, radix) {
        // Readers of HTML take numbers of controls for characters of windows-1252 (13.2.5.80).
        Ok(code @ 0x80..=0x9F) => {
            let mut text = [0; 4];
            let mut decoder = encoding_rs::WINDOWS_1252.new_decoder_without_bom_handling();
            let (_, _, written, _) = decoder.decode_to_utf8(&[code as u8], &mut text, true);
            text.get(..written).and_then(|text| std::str::from_utf8(text).ok()).and_then(|text| text.chars().next())
        }
        Ok(0) | Err(_) => None,
        Ok(code) => char::from_u32(code),
    };
    let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    true
}

/// Appends what a name stands for, which its semicolon ends or not; false where it is none.
fn named(name: &[u8], closed: bool, out: &mut Vec<u8>) -> bool {
    let key = || name.iter().copied().chain(closed.then_some(b';'));
    let (mut from, mut to) = (0, NAMES.len());
    let lines = NAMES.as_bytes();
    while from < to {
        // The line that the middle stands in.
        let middle = from + (to - from) / 2;
        let before = lines.get(from..middle).unwrap_or_default();
        let start = memchr::memrchr(b'\n', before).map_or(from, |at| from + at + 1);
        let rest = lines.get(start..to).unwrap_or_default();
        let end = start + memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let mut fields = lines.get(start..end).unwrap_or_default().split(|byte| *byte == b' ');
        let here = fields.next().unwrap_or_default();
        match here.iter().copied().cmp(key()) {
            std::cmp::Ordering::Less => from = (end + 1).min(to),
            std::cmp::Ordering::Greater => to = start,
            std::cmp::Ordering::Equal => {
                for code in fields {
                    numbered(code, 16, out);
                }
                return true;
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> String {
        let decode = |chunks: &[&[u8]]| {
            let (mut references, mut out) = (References::default(), Vec::new());
            chunks.iter().for_each(|chunk| references.push(chunk, 1000, &mut out));
            references.finish(&mut out);
            String::from_utf8_lossy(&out).into_owned()
        };
        let whole = decode(&[value.as_bytes()]);
        for at in 0..=value.len() {
            let (first, second) = value.as_bytes().split_at(at);
            assert_eq!(decode(&[first, second]), whole, "{value} at {at}");
        }
        whole
    }

    #[test]
    fn names_are_in_order() {
        let names: Vec<_> = NAMES.lines().map(|line| line.split(' ').next().unwrap_or_default()).collect();
        assert_eq!(names.len(), 2231);
        assert!(names.windows(2).all(|pair| pair.first() < pair.last()));
        assert!(names.iter().all(|name| name.len() < LONGEST && name.is_ascii()));
        for line in NAMES.lines() {
            let (name, codes) = line.split_once(' ').unwrap_or_default();
            let codes = codes.split(' ').map(|code| u32::from_str_radix(code, 16).ok().and_then(char::from_u32));
            let text: Option<String> = codes.collect();
            assert_eq!(Some(read(&format!("&{name}"))), text, "{name}");
        }
    }

    #[test]
    fn references_are_read_as_browsers_do() {
        for (value, wanted) in [
            ("pass&#119;ord", "password"),
            ("pass&#x77;&#X6f;rd", "password"),
            ("pass&#119ord", "password"),
            ("pass&#x000000000000000000000000000000000000000000000000000000077;ord", "password"),
            ("&#00000000000000000000000000000000000000000000000000000000000112;assword", "password"),
            ("contrase&ntilde;a", "contraseña"),
            ("contrase&ntilde", "contraseñ"),
            ("contrase&ntildea", "contrase&ntildea"),
            ("a&ntilde=b", "a&ntilde=b"),
            ("a&ntilde-b", "añ-b"),
            ("&pcy;&acy;&rcy;&ocy;&lcy;&softcy;", "пароль"),
            ("db&lowbar;password", "db_password"),
            ("has&lstrok;o", "hasło"),
            ("&amp;&lt;&gt;&quot;&apos;", "&<>\"'"),
            ("&fjlig;&NotEqualTilde;", "fj\u{2242}\u{338}"),
            ("&amp;#119;", "&#119;"),
            ("&&#;&#x;&#xg;&;&none;&none", "&&#;&#x;&#xg;&;&none;&none"),
            ("&#0;&#xD800;&#x110000;&#99999999999999999999;", "\u{fffd}\u{fffd}\u{fffd}\u{fffd}"),
            ("&#138;&#x9e;&#129;", "Šž\u{81}"),
            ("&", "&"),
        ] {
            assert_eq!(read(value), wanted, "{value}");
        }
    }

    #[test]
    fn zeros_beyond_some_are_no_text() {
        let text = |body: &str, size: usize| {
            let (mut padding, mut out) = (Padding::default(), Vec::new());
            for mut chunk in body.as_bytes().chunks(size) {
                while !chunk.is_empty() {
                    let (kept, gone) = padding.split(chunk);
                    out.extend_from_slice(&chunk[..kept]);
                    chunk = &chunk[kept + gone..];
                }
            }
            String::from_utf8(out).unwrap()
        };
        let (zeros, kept) = ("0".repeat(100), "0".repeat(ZEROS));
        for (body, wanted) in [
            (format!("a&#{zeros}64;b&#x{zeros}40;"), format!("a&#{kept}64;b&#x{kept}40;")),
            (format!("&&#X{zeros}40{zeros}"), format!("&&#X{kept}40{zeros}")),
            (format!("{zeros}&{zeros}&#a{zeros}&#xx{zeros}"), format!("{zeros}&{zeros}&#a{zeros}&#xx{zeros}")),
            (format!("&#{zeros}&#{zeros}x"), format!("&#{kept}&#{kept}x")),
        ] {
            for size in [1, 2, 3, 7, 1000] {
                assert_eq!(text(&body, size), wanted, "in pieces of {size}");
            }
        }
    }

    #[test]
    fn what_is_read_is_bounded() {
        let (mut references, mut out) = (References::default(), Vec::new());
        references.push("a&b".repeat(1000).as_bytes(), 64, &mut out);
        references.push(&b"&#".repeat(1000), 64, &mut out);
        references.finish(&mut out);
        assert!(out.len() <= 64 + LONGEST && references.held.capacity() <= 2 * LONGEST);
    }
}
