//! One encoded character of a text, whatever its spelling, and what it stands for.
//!
//! Enters: a text and a place. Leaves: how many bytes are one character written in another way there, and the character:
//! percent-encoding (RFC 3986 section 2.1, UTF-8 behind it; `%u0040` as JavaScript's `escape` makes it), character references
//! of HTML, `\u`, `\U`, `\x` and octal escapes behind any number of backslashes that nesting makes (JSON within JSON, four
//! deep), quoted-printable (RFC 2045 section 6.7), and characters that [`fold`] knows. A percent sign or ampersand that is encoded itself is opened once more. An element
//! of HTML with nothing in it that only changes how letters look is nothing, and so are Markdown's marks within a number
//! ([`super::emphasis`]). A plus in a query's value is a blank ([`query`]).
//! A sign at the end of a line is a soft line break only where what stands round it says so ([`super::soft`]): base64 and
//! passwords end with that sign as well.

use super::fold::{Fold, fold};
use super::{emphasis, query, soft};

/// How a stretch of a text is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::engine) enum Encoding {
    /// As it stands.
    Plain,
    /// As a character that stands for another.
    Folded,
    /// `%41`.
    Percent,
    /// `%2541`.
    PercentTwice,
    /// `&#65;`.
    Reference,
    /// `&amp;#65;`.
    ReferenceTwice,
    /// `\u0041`.
    Escape,
    /// `=41`.
    QuotedPrintable,
    /// `+` for a blank.
    Query,
    /// `%2B` for a blank: a query that is percent-encoded as a whole.
    PercentQuery,
    /// Base64 (RFC 4648 section 4).
    Base64,
    /// Base64 for URLs (RFC 4648 section 5).
    Base64Url,
    /// Hexadecimal, lower case.
    HexLower,
    /// Hexadecimal, upper case.
    HexUpper,
}

impl Encoding {
    /// Whether it is one of runs, and not of characters.
    pub(in crate::engine) fn is_run(self) -> bool {
        matches!(self, Self::Base64 | Self::Base64Url | Self::HexLower | Self::HexUpper)
    }
}

/// What stands at a place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::engine) enum Parsed {
    /// A plain byte.
    None,
    /// The text ends within what may be an encoded character.
    More,
    /// An encoded character.
    Element(Element),
}

/// An encoded character: how long it is, and the bytes it stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::engine) struct Element {
    pub(in crate::engine) len: usize,
    pub(in crate::engine) encoding: Encoding,
    /// Whether a view begins on its account. Not for a plus between letters: it is a blank in a view, but searches in
    /// addresses are full of them, and numbers have others.
    pub(in crate::engine) tells: bool,
    bytes: [u8; 4],
    width: u8,
}

/// The most bytes that one encoded character takes, and what is looked at behind it.
pub(in crate::engine) const LONGEST: usize = 80;
/// How many bytes before an encoded character say whether it is one.
pub(in crate::engine) const BEFORE: usize = soft::BEFORE;
/// Backslashes before an escape: four levels of JSON within JSON.
const BACKSLASHES: usize = 8;

impl Element {
    pub(in crate::engine) fn bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.width)).unwrap_or_default()
    }

    /// A character that is written in `len` bytes.
    fn new(character: char, len: usize, encoding: Encoding) -> Self {
        let mut bytes = [0; 4];
        let width = match fold(character) {
            Fold::Gone => 0,
            Fold::Byte(byte) => {
                bytes = [byte, 0, 0, 0];
                1
            }
            Fold::Same => character.encode_utf8(&mut bytes).len() as u8,
        };
        Self { len, encoding, tells: true, bytes, width }
    }
}

/// Reads bytes and says where the text ran out.
pub(super) struct Reader<'text> {
    pub(super) text: &'text [u8],
    pub(super) last: bool,
}

/// Why nothing was read.
#[derive(Clone, Copy)]
pub(super) enum Stop {
    Not,
    More,
}

impl Reader<'_> {
    pub(super) fn byte(&self, at: usize) -> Result<u8, Stop> {
        self.text.get(at).copied().ok_or(if self.last { Stop::Not } else { Stop::More })
    }

    fn hex(&self, at: usize, count: usize) -> Result<u32, Stop> {
        let mut value = 0;
        for offset in 0..count {
            let digit = char::from(self.byte(at + offset)?).to_digit(16).ok_or(Stop::Not)?;
            value = value << 4 | digit;
        }
        Ok(value)
    }

    /// One character in percent-encoded UTF-8, `sign` being what a percent sign is written as.
    fn percent(&self, at: usize, sign: &[u8]) -> Result<(char, usize), Stop> {
        let unit = |at: usize| {
            for (offset, wanted) in sign.iter().enumerate() {
                if self.byte(at + offset)? != *wanted {
                    return Err(Stop::Not);
                }
            }
            Ok(self.hex(at + sign.len(), 2)? as u8)
        };
        let size = sign.len() + 2;
        let first = unit(at)?;
        let width = match first {
            0..0x80 => return Ok((char::from(first), size)),
            0xC2..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF4 => 4,
            _ => return Err(Stop::Not),
        };
        let mut bytes = [first, 0, 0, 0];
        for (offset, slot) in bytes.iter_mut().enumerate().take(width).skip(1) {
            *slot = unit(at + offset * size)?;
        }
        let text = std::str::from_utf8(bytes.get(..width).unwrap_or_default()).map_err(|_| Stop::Not)?;
        Ok((text.chars().next().ok_or(Stop::Not)?, width * size))
    }

    pub(super) fn any(&self, at: usize) -> Result<Element, Stop> {
        match self.byte(at)? {
            b'%' if self.byte(at + 1)? == b'u' => {
                let character = char::from_u32(self.hex(at + 2, 4)?).ok_or(Stop::Not)?;
                Ok(Element::new(character, 6, Encoding::Percent))
            }
            b'%' => {
                let (character, len) = self.percent(at, b"%")?;
                if character == '+' && self.is_encoded_blank(at, len)? {
                    return Ok(Element::new(' ', len, Encoding::PercentQuery));
                }
                if character != '%' {
                    return Ok(Element::new(character, len, Encoding::Percent));
                }
                match self.percent(at, b"%25") {
                    Ok((character, len)) => Ok(Element::new(character, len, Encoding::PercentTwice)),
                    Err(Stop::More) => Err(Stop::More),
                    Err(Stop::Not) => Ok(Element::new('%', len, Encoding::Percent)),
                }
            }
            b'&' => {
                let (character, len) = self.reference(at + 1)?;
                if character != '&' {
                    return Ok(Element::new(character, len + 1, Encoding::Reference));
                }
                match self.reference(at + 1 + len) {
                    Ok((character, more)) => Ok(Element::new(character, 1 + len + more, Encoding::ReferenceTwice)),
                    Err(Stop::More) => Err(Stop::More),
                    Err(Stop::Not) => Ok(Element::new('&', len + 1, Encoding::Reference)),
                }
            }
            b'\\' => self.escape(at),
            b'=' => self.quoted(at),
            b'<' => self.empty_element(at),
            b'+' => self.plus(at),
            mark if emphasis::is_mark(mark) => Ok(Element {
                len: self.emphasis(at)?,
                encoding: Encoding::Folded,
                tells: true,
                bytes: [0; 4],
                width: 0,
            }),
            first if first.is_ascii() => Err(Stop::Not),
            first => {
                let width = match first {
                    0xC2..=0xDF => 2,
                    0xE0..=0xEF => 3,
                    0xF0..=0xF4 => 4,
                    _ => return Err(Stop::Not),
                };
                self.byte(at + width - 1)?;
                let bytes = self.text.get(at..at + width).unwrap_or_default();
                let character =
                    std::str::from_utf8(bytes).ok().and_then(|text| text.chars().next()).ok_or(Stop::Not)?;
                if fold(character) == Fold::Same {
                    Err(Stop::Not)
                } else {
                    Ok(Element::new(character, width, Encoding::Folded))
                }
            }
        }
    }

    /// Whether an encoded plus is a blank between the digits of a value: the query that it stands in is encoded as a whole.
    fn is_encoded_blank(&self, at: usize, len: usize) -> Result<bool, Stop> {
        if !self.byte(at + len)?.is_ascii_digit() {
            return Ok(false);
        }
        let before = |back: usize| at.checked_sub(back).and_then(|at| self.text.get(at));
        let digit = before(1).is_some_and(u8::is_ascii_digit) && before(2) != Some(&b'%') && before(3) != Some(&b'%');
        Ok(digit && query::is_within_encoded(self.text, at))
    }

    fn escape(&self, at: usize) -> Result<Element, Stop> {
        let mut sign = at;
        while sign < at + BACKSLASHES && self.byte(sign)? == b'\\' {
            sign += 1;
        }
        match self.byte(sign)? {
            b'x' => {
                let character = char::from_u32(self.hex(sign + 1, 2)?).ok_or(Stop::Not)?;
                // Beyond ASCII it may be a byte of a longer character, but for what no reader takes for more than a blank.
                if !character.is_ascii() && fold(character) == Fold::Same {
                    return Err(Stop::Not);
                }
                Ok(Element::new(character, sign + 3 - at, Encoding::Escape))
            }
            // Of eight digits: YAML 1.2.2 section 5.7, and the strings of several languages.
            b'U' => {
                let character = char::from_u32(self.hex(sign + 1, 8)?).ok_or(Stop::Not)?;
                Ok(Element::new(character, sign + 9 - at, Encoding::Escape))
            }
            // Of any number of digits: ECMAScript, Rust, Ruby, PHP.
            b'u' if self.byte(sign + 1)? == b'{' => {
                let (value, digits) = self.in_braces(sign + 2)?;
                Ok(Element::new(char::from_u32(value).ok_or(Stop::Not)?, sign + 2 + digits - at, Encoding::Escape))
            }
            // Octal, of a sign that is seen or a blank: shells, C, Python.
            b'0' | b'1' => {
                let mut value = 0;
                for offset in 0..3 {
                    let digit = char::from(self.byte(sign + offset)?).to_digit(8).ok_or(Stop::Not)?;
                    value = value << 3 | digit;
                }
                let character = char::from_u32(value).filter(|character| matches!(character, ' '..='~'));
                Ok(Element::new(character.ok_or(Stop::Not)?, sign + 3 - at, Encoding::Escape))
            }
            b'u' => {
                let unit = self.hex(sign + 1, 4)?;
                let len = sign + 5 - at;
                if !(0xD800..0xDC00).contains(&unit) {
                    return Ok(Element::new(char::from_u32(unit).ok_or(Stop::Not)?, len, Encoding::Escape));
                }
                // The second half of a pair stands behind as many backslashes.
                let second = sign + 5;
                for offset in 0..sign - at {
                    if self.byte(second + offset)? != b'\\' {
                        return Err(Stop::Not);
                    }
                }
                let second = second + (sign - at);
                if self.byte(second)? != b'u' {
                    return Err(Stop::Not);
                }
                let low = self.hex(second + 1, 4)?.wrapping_sub(0xDC00);
                if low >= 0x400 {
                    return Err(Stop::Not);
                }
                let character = char::from_u32(0x10000 + ((unit - 0xD800) << 10) + low).ok_or(Stop::Not)?;
                Ok(Element::new(character, second + 5 - at, Encoding::Escape))
            }
            _ => Err(Stop::Not),
        }
    }

    /// Hexadecimal digits up to a brace, six at most (ECMA-262 section 12.9.4), and how many bytes these and the brace are.
    fn in_braces(&self, at: usize) -> Result<(u32, usize), Stop> {
        let mut value = 0;
        for count in 0..=6 {
            match self.byte(at + count)? {
                b'}' if count > 0 => return Ok((value, count + 1)),
                digit => value = value << 4 | char::from(digit).to_digit(16).ok_or(Stop::Not)?,
            }
        }
        Err(Stop::Not)
    }

    /// Whether what is written like a byte of quoted-printable stands at a place, with capitals.
    fn is_quoted_byte(&self, at: usize) -> Result<bool, Stop> {
        let digit = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'A'..=b'F');
        Ok(self.byte(at)? == b'=' && matches!(self.byte(at + 1)?, b'2'..=b'7') && digit(self.byte(at + 2)?))
    }

    /// Whether a byte of quoted-printable stands on one side of the three bytes at a place, so that these are one whatever
    /// they stand for.
    fn has_quoted_beside(&self, at: usize) -> Result<bool, Stop> {
        let before = at.checked_sub(3).is_some_and(|before| matches!(self.is_quoted_byte(before), Ok(true)));
        if before {
            return Ok(true);
        }
        match self.is_quoted_byte(at + 3) {
            Err(Stop::Not) => Ok(false),
            other => other,
        }
    }

    /// An encoded byte or a soft line break. Encoders write letters and digits as they are, so `=41` alone is none; a blank
    /// before a digit is one only behind another digit or before another blank, since `=20` begins years and amounts.
    fn quoted(&self, at: usize) -> Result<Element, Stop> {
        let len = match self.byte(at + 1)? {
            b'\n' => 2,
            b'\r' if self.byte(at + 2)? == b'\n' => 3,
            b'\r' => return Err(Stop::Not),
            _ => 0,
        };
        if len > 0 {
            self.soft_break(at, at + len)?;
            return Ok(Element { len, encoding: Encoding::QuotedPrintable, tells: true, bytes: [0; 4], width: 0 });
        }
        if [at + 1, at + 2].iter().any(|place| self.text.get(*place).is_some_and(u8::is_ascii_lowercase)) {
            return Err(Stop::Not);
        }
        let (character, len) = self.percent(at, b"=")?;
        if character.is_control() || (character.is_ascii_alphanumeric() && !self.has_quoted_beside(at)?) {
            return Err(Stop::Not);
        }
        let number = |at: Option<usize>| at.and_then(|at| self.text.get(at)).is_some_and(u8::is_ascii_digit);
        if self.byte(at + 1)? == b'2' && self.byte(at + 2)?.is_ascii_digit() {
            let next = self.byte(at + 3);
            match next {
                Err(Stop::More) => return Err(Stop::More),
                Ok(byte)
                    if byte.is_ascii_digit()
                        && !number(at.checked_sub(1))
                        && !self.goes_on(at + 3)?
                        && (character != '%' || !self.is_percent_pair(at + 3)?) =>
                {
                    return Err(Stop::Not);
                }
                Ok(_) | Err(Stop::Not) => {}
            }
        }
        // `card=4012…` and `card=6011…` in a query: a number, unless the name of a domain stands there.
        if matches!(character, '@' | '`') {
            match self.byte(at + 3) {
                Ok(byte) if byte.is_ascii_digit() && !self.names_domain(at + 3)? => return Err(Stop::Not),
                Err(Stop::More) => return Err(Stop::More),
                Ok(_) | Err(Stop::Not) => {}
            }
        }
        Ok(Element::new(character, len, Encoding::QuotedPrintable))
    }

    /// An element of HTML that has nothing in it and parts no word for who reads the page. It has no place in what is read.
    fn empty_element(&self, at: usize) -> Result<Element, Stop> {
        let gone = |end: usize| {
            Ok(Element { len: end - at, encoding: Encoding::Folded, tells: true, bytes: [0; 4], width: 0 })
        };
        let name = at + 1;
        let mut len = 0;
        while len < LOOKS_LEN && self.byte(name + len)?.is_ascii_lowercase() {
            len += 1;
        }
        let written = self.text.get(name..name + len).unwrap_or_default();
        let known = LOOKS.iter().any(|known| known.as_bytes() == written);
        if (!known && written != BREAK) || self.byte(name + len)? != b'>' {
            return Err(Stop::Not);
        }
        let end = name + len + 1;
        if !known {
            return gone(end);
        }
        let closing = b"</".iter().chain(written).chain(b">");
        for (offset, wanted) in closing.enumerate() {
            if self.byte(end + offset)? != *wanted {
                return Err(Stop::Not);
            }
        }
        gone(end + len + 3)
    }

    /// A plus that is a blank, by what stands before it and the one character behind it.
    fn plus(&self, at: usize) -> Result<Element, Stop> {
        let before = at.checked_sub(1).and_then(|before| self.text.get(before));
        let next = self.text.get(at + 1);
        let may_be =
            before.is_some_and(|byte| query::is_before(*byte)) && next.is_none_or(|byte| query::is_behind(*byte));
        if !may_be || !query::is_within(self.text, at) {
            return Err(Stop::Not);
        }
        let beside = [before.copied(), Some(self.byte(at + 1)?)];
        let tells = beside.into_iter().flatten().any(|byte| byte.is_ascii_digit() || b"()".contains(&byte));
        Ok(Element { tells, ..Element::new(' ', 1, Encoding::Query) })
    }

    /// Whether digits stand here and behind them a dot and a letter, or letters: `163.example`, `1and1.example`.
    fn names_domain(&self, at: usize) -> Result<bool, Stop> {
        for here in at..at + 8 {
            match self.byte(here)? {
                b'.' => return Ok(self.byte(here + 1)?.is_ascii_alphabetic()),
                byte if byte.is_ascii_digit() => {}
                byte => return Ok(byte.is_ascii_alphabetic()),
            }
        }
        Ok(false)
    }

    /// Whether what stands behind an encoded percent sign is the rest of an encoded byte: one of a sign, or another follows.
    fn is_percent_pair(&self, at: usize) -> Result<bool, Stop> {
        let byte = match self.hex(at, 2) {
            Ok(byte) => byte as u8,
            Err(Stop::Not) => return Ok(false),
            Err(Stop::More) => return Err(Stop::More),
        };
        Ok(byte.is_ascii_punctuation() || byte == b' ' || self.is_quoted_byte(at + 2)?)
    }

    /// Whether a group of letters and digits stands here that an encoded blank or hyphen ends: `=202605=20`.
    fn goes_on(&self, at: usize) -> Result<bool, Stop> {
        for here in at..at + 8 {
            match self.byte(here)? {
                b'=' => return Ok(self.byte(here + 1)? == b'2' && matches!(self.byte(here + 2)?, b'0' | b'D')),
                byte if byte.is_ascii_alphanumeric() => {}
                _ => break,
            }
        }
        Ok(false)
    }
}

/// Elements of HTML that change how letters look and part no words.
const LOOKS: [&str; 8] = ["b", "em", "font", "i", "mark", "span", "strong", "u"];
/// The longest of their names, in bytes.
const LOOKS_LEN: usize = 6;
/// Where a browser may end a line: it shows nothing.
const BREAK: &[u8] = b"wbr";

/// What stands at `at`, by what follows and up to [`super::NEAR`] bytes before it.
pub(in crate::engine) fn parse(text: &[u8], at: usize, last: bool) -> Parsed {
    match (Reader { text, last }).any(at) {
        Ok(element) => Parsed::Element(element),
        Err(Stop::Not) => Parsed::None,
        Err(Stop::More) => Parsed::More,
    }
}

/// Whether an encoded character may begin with this byte.
#[inline]
pub(in crate::engine) fn may_begin(byte: u8) -> bool {
    FIRST.get(usize::from(byte)).copied().unwrap_or_default()
}

/// The bytes that encoded characters begin with.
#[allow(clippy::indexing_slicing, reason = "the index is below the length")]
const FIRST: [bool; 256] = {
    let mut first = [false; 256];
    let mut byte = 0;
    while byte < first.len() {
        let own = byte as u8;
        let sign = matches!(own, b'%' | b'&' | b'\\' | b'=' | b'<' | b'+');
        first[byte] = sign || emphasis::is_mark(own) || super::fold::is_lead(own);
        byte += 1;
    }
    first
};

/// Appends `text` so that a reader of the encoding gets it back.
pub(in crate::engine) fn write(text: &[u8], encoding: Encoding, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let hex = |sign: &[u8], byte: u8, out: &mut Vec<u8>| {
        out.extend_from_slice(sign);
        out.extend([byte >> 4, byte & 15].iter().filter_map(|half| HEX.get(usize::from(*half))));
    };
    for byte in text {
        let safe = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        match encoding {
            Encoding::Percent if !safe => hex(b"%", *byte, out),
            Encoding::PercentTwice if !safe => hex(b"%25", *byte, out),
            Encoding::PercentQuery if *byte == b' ' => out.extend_from_slice(b"%2B"),
            Encoding::Query if *byte == b' ' => out.push(b'+'),
            // Who writes a blank so leaves the asterisk as it is.
            Encoding::Query | Encoding::PercentQuery if !safe && *byte != b'*' => hex(b"%", *byte, out),
            Encoding::QuotedPrintable if *byte == b'=' || !byte.is_ascii() => hex(b"=", *byte, out),
            Encoding::Reference | Encoding::ReferenceTwice if b"&<>\"'".contains(byte) => {
                let sign: &[u8] = if encoding == Encoding::Reference { b"&#" } else { b"&amp;#" };
                out.extend_from_slice(sign);
                out.extend_from_slice(byte.to_string().as_bytes());
                out.push(b';');
            }
            Encoding::Escape if *byte < b' ' || b"\"\\".contains(byte) => {
                out.extend_from_slice(b"\\u00");
                hex(b"", *byte, out);
            }
            _ => out.push(*byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        for (text, wanted) in [
            ("%41", Some((3, "A"))),
            ("%4", None),
            ("%zz", None),
            ("%C3%A9", Some((6, "é"))),
            ("%EF%BC%94", Some((9, "4"))),
            ("%2541", Some((5, "A"))),
            ("%25", Some((3, "%"))),
            ("<b></b>", Some((7, ""))),
            ("<strong></strong>1", Some((17, ""))),
            ("<wbr>", Some((5, ""))),
            ("<b>", None),
            ("</b>", None),
            ("<b>1</b>", None),
            ("<b></i>", None),
            ("<u8></u8>", None),
            ("<td></td>", None),
            ("<B></B>", None),
            ("<spans>", None),
            ("<br>", None),
            ("&#65;", Some((5, "A"))),
            ("&#x41;", Some((6, "A"))),
            ("&#x00000041;", Some((12, "A"))),
            ("&amp;#00000000065;", Some((18, "A"))),
            ("&#000000000065;", Some((15, "A"))),
            ("&amp;#x000000000000000000000000000000000000041;", Some((47, "A"))),
            ("&#00000000000000000000000000000000000000065;", None),
            ("&amp;#65;", Some((9, "A"))),
            ("&#65", Some((4, "A"))),
            ("&#65 ", Some((4, "A"))),
            ("&#65&#66", Some((4, "A"))),
            ("&#6 ", None),
            ("&#6%35;", None),
            ("&#65%20", Some((4, "A"))),
            ("&#65%3B", None),
            (r"&#65\u0032;", None),
            ("&#6=35=3B", None),
            ("&#6\u{200B}5;", None),
            ("&#x4\u{FE0F}\u{20E3}1;", None),
            ("&#x00000000000000000000000000000000000004\\\\\\\\ud83d\\\\\\\\ude00", Some((41, "\u{4}"))),
            ("&#x41g", Some((5, "A"))),
            ("&#;", None),
            ("&#x;", None),
            ("&#150;", Some((6, "-"))),
            ("&amp#65", Some((7, "A"))),
            ("&nbsp1", Some((5, " "))),
            ("&lt1", Some((3, "<"))),
            ("&lt=1", None),
            ("&lt@", None),
            ("&ltd", Some((3, "<"))),
            ("&amp;", Some((5, "&"))),
            ("&commat;", Some((8, "@"))),
            ("&numsp;", Some((7, " "))),
            ("&amp;NegativeVeryThinSpace;", Some((27, ""))),
            ("&horbar;", Some((8, "-"))),
            ("&horba;", None),
            ("&Hat;", Some((5, "^"))),
            ("&T", None),
            (r"\u0041", Some((6, "A"))),
            (r"\\\\u0041", Some((9, "A"))),
            (r"\ud83d\ude00", Some((12, "😀"))),
            (r"\x41", Some((4, "A"))),
            (r"\xa0", Some((4, " "))),
            (r"\xAD", Some((4, ""))),
            (r"\xe9", None),
            (r"\U00000040", Some((10, "@"))),
            (r"\\U0001D7D2", Some((11, "4"))),
            (r"\U0001F600", Some((10, "😀"))),
            (r"\U00110000", None),
            (r"\U0000D83D", None),
            (r"\Users\jan", None),
            (r"\\\\\\\\ud83d\\\\\\\\ude00", Some((26, "😀"))),
            (r"\n", None),
            ("=40", Some((3, "@"))),
            ("=3D", Some((3, "="))),
            ("=40163.com", Some((3, "@"))),
            ("=4012%20", None),
            ("=\r\n", None),
            ("=2026", None),
            ("=2540example", Some((3, "%"))),
            ("=2534=2531", Some((3, "%"))),
            ("=2534", None),
            ("=20x", Some((3, " "))),
            ("=202605=20", Some((3, " "))),
            ("=41", None),
            ("\u{FF14}", Some((3, "4"))),
            ("\u{200B}", Some((3, ""))),
            ("é", None),
            ("a", None),
        ] {
            let found = match parse(text.as_bytes(), 0, true) {
                Parsed::Element(element) => Some((element.len, String::from_utf8_lossy(element.bytes()).into_owned())),
                Parsed::None | Parsed::More => None,
            };
            assert_eq!(found, wanted.map(|(len, text)| (len, text.to_owned())), "{text}");
            // With less of the text it is not known yet, or the same.
            for cut in 1..text.len() {
                let early = parse(&text.as_bytes()[..cut], 0, false);
                assert!(early == Parsed::More || early == parse(text.as_bytes(), 0, true), "{text} at {cut}");
            }
            assert!(text.len() <= LONGEST);
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let text = b"[EMAIL] *** a=b&c\"d\\";
        for encoding in [
            Encoding::Percent,
            Encoding::PercentTwice,
            Encoding::Reference,
            Encoding::ReferenceTwice,
            Encoding::Escape,
            Encoding::QuotedPrintable,
        ] {
            let mut out = Vec::new();
            write(text, encoding, &mut out);
            let (mut read, mut at) = (Vec::new(), 0);
            while at < out.len() {
                match parse(&out, at, true) {
                    Parsed::Element(element) => {
                        read.extend_from_slice(element.bytes());
                        at += element.len;
                    }
                    Parsed::None | Parsed::More => {
                        read.push(out[at]);
                        at += 1;
                    }
                }
            }
            assert_eq!(String::from_utf8_lossy(&read), String::from_utf8_lossy(text), "{encoding:?}");
        }
    }
}
