//! Character references of HTML (WHATWG HTML 13.2.5.72 and on, and its names in 13.5).
//!
//! Enters: a text and a place behind an ampersand. Leaves: the character that is meant, and how many bytes say so.

use super::element::{Reader, Stop};

/// Digits of a numeric reference, zeros before them among these, and its end.
const REFERENCE: usize = 40;
/// Digits of a reference that is a digit of another one, and its end.
const ENDED: usize = 6;

impl Reader<'_> {
    /// The rest of a character reference, behind its ampersand.
    pub(super) fn reference(&self, at: usize) -> Result<(char, usize), Stop> {
        if self.byte(at)? == b'#' {
            let (digits, radix) = match self.byte(at + 1)? {
                b'x' | b'X' => (at + 2, 16),
                _ => (at + 1, 10),
            };
            let mut value = 0_u32;
            for here in digits..digits + REFERENCE {
                let byte = match self.byte(here) {
                    // Readers of HTML take a reference without its semicolon for one, too (WHATWG HTML 13.2.5.80).
                    Err(Stop::Not) if here > digits => return Ok((numbered(value)?, here - at)),
                    byte => byte?,
                };
                match char::from(byte).to_digit(radix) {
                    Some(digit) => value = value.saturating_mul(radix).saturating_add(digit),
                    None if here == digits => return Err(Stop::Not),
                    None if byte == b';' => return Ok((numbered(value)?, here + 1 - at)),
                    // One digit without an end is a control character to readers of HTML, and to no one a part of a value.
                    None if here == digits + 1 || self.is_digit_or_end(here, radix)? => {
                        return Err(Stop::Not);
                    }
                    None => return Ok((numbered(value)?, here - at)),
                }
            }
            return Err(Stop::Not);
        }
        let mut possible = false;
        let first = Some(self.byte(at)?);
        let begun = NAMES.partition_point(|(name, _)| name.as_bytes().first().copied() < first);
        let alike = |(name, _): &&(&str, char)| name.as_bytes().first().copied() == first;
        for (name, character) in NAMES.iter().skip(begun).take_while(alike) {
            let name = name.as_bytes();
            let mut same = true;
            for (offset, wanted) in name.iter().enumerate() {
                match self.byte(at + offset) {
                    Ok(byte) if byte == *wanted => {}
                    Ok(_) | Err(Stop::Not) => {
                        same = false;
                        break;
                    }
                    Err(Stop::More) => {
                        possible = true;
                        same = false;
                        break;
                    }
                }
            }
            if same {
                return Ok((*character, name.len()));
            }
        }
        if possible {
            return Err(Stop::More);
        }
        self.bare_name(at)
    }

    /// Whether the next digit of a reference or its end is written in another encoding: who opens that first reads on.
    fn is_digit_or_end(&self, at: usize, radix: u32) -> Result<bool, Stop> {
        let meant = match self.byte(at)? {
            b'%' | b'\\' | b'=' | 0x80.. => self.any(at).map(|element| match element.bytes() {
                [] => Some(b';'),
                [byte] => Some(*byte),
                _ => None,
            }),
            b'&' => self.ended(at),
            _ => return Ok(false),
        };
        match meant {
            Ok(meant) => Ok(meant.is_some_and(|byte| byte == b';' || char::from(byte).is_digit(radix))),
            Err(Stop::Not) => Ok(false),
            Err(Stop::More) => Err(Stop::More),
        }
    }

    /// The sign of ASCII that a numeric reference with its semicolon stands for.
    fn ended(&self, at: usize) -> Result<Option<u8>, Stop> {
        if self.byte(at + 1)? != b'#' {
            return Err(Stop::Not);
        }
        let (digits, radix) = if self.byte(at + 2)? | 0x20 == b'x' { (at + 3, 16) } else { (at + 2, 10) };
        let mut value = 0_u32;
        for here in digits..digits + ENDED {
            match self.byte(here)? {
                b';' if here > digits => return Ok(u8::try_from(value).ok()),
                byte => value = value * radix + char::from(byte).to_digit(radix).ok_or(Stop::Not)?,
            }
        }
        Err(Stop::Not)
    }

    /// A name that readers of HTML know without its semicolon, too; not where it may be one of a query's.
    fn bare_name(&self, at: usize) -> Result<(char, usize), Stop> {
        for (name, character) in BARE_NAMES {
            let matches = |(offset, wanted): (usize, &u8)| self.byte(at + offset).map(|byte| byte == *wanted);
            let mut same = true;
            for one in name.as_bytes().iter().enumerate() {
                same = matches(one)?;
                if !same {
                    break;
                }
            }
            if same {
                return match self.byte(at + name.len()) {
                    // No value has a bracket before such a sign.
                    Ok(byte) if name.len() == 2 && !byte.is_ascii_alphanumeric() => Err(Stop::Not),
                    Ok(b'=') => Err(Stop::Not),
                    Err(Stop::More) => Err(Stop::More),
                    Ok(_) | Err(Stop::Not) => Ok((*character, name.len())),
                };
            }
        }
        Err(Stop::Not)
    }
}

/// The references that a value may hold, in order: those of HTML that stand for a sign of ASCII or for what folds to one
/// or to nothing.
const NAMES: &[(&str, char)] = &[
    ("AMP;", '&'),
    ("ApplyFunction;", '\u{2061}'),
    ("DiacriticalGrave;", '`'),
    ("GT;", '>'),
    ("Hat;", '^'),
    ("InvisibleComma;", '\u{2063}'),
    ("InvisibleTimes;", '\u{2062}'),
    ("LT;", '<'),
    ("MediumSpace;", '\u{205F}'),
    ("NegativeMediumSpace;", '\u{200B}'),
    ("NegativeThickSpace;", '\u{200B}'),
    ("NegativeThinSpace;", '\u{200B}'),
    ("NegativeVeryThinSpace;", '\u{200B}'),
    ("NewLine;", '\n'),
    ("NoBreak;", '\u{2060}'),
    ("NonBreakingSpace;", '\u{A0}'),
    ("QUOT;", '"'),
    ("Tab;", '\t'),
    ("ThinSpace;", '\u{2009}'),
    ("UnderBar;", '_'),
    ("VerticalLine;", '|'),
    ("VeryThinSpace;", '\u{200A}'),
    ("ZeroWidthSpace;", '\u{200B}'),
    ("af;", '\u{2061}'),
    ("amp;", '&'),
    ("apos;", '\''),
    ("ast;", '*'),
    ("bsol;", '\\'),
    ("colon;", ':'),
    ("comma;", ','),
    ("commat;", '@'),
    ("dash;", '\u{2010}'),
    ("dollar;", '$'),
    ("emsp13;", '\u{2004}'),
    ("emsp14;", '\u{2005}'),
    ("emsp;", '\u{2003}'),
    ("ensp;", '\u{2002}'),
    ("equals;", '='),
    ("excl;", '!'),
    ("frasl;", '\u{2044}'),
    ("grave;", '`'),
    ("gt;", '>'),
    ("hairsp;", '\u{200A}'),
    ("horbar;", '\u{2015}'),
    ("hybull;", '\u{2043}'),
    ("hyphen;", '\u{2010}'),
    ("ic;", '\u{2063}'),
    ("it;", '\u{2062}'),
    ("lbrace;", '{'),
    ("lbrack;", '['),
    ("lcub;", '{'),
    ("lowbar;", '_'),
    ("lpar;", '('),
    ("lrm;", '\u{200E}'),
    ("lsqb;", '['),
    ("lt;", '<'),
    ("mdash;", '\u{2014}'),
    ("midast;", '*'),
    ("minus;", '\u{2212}'),
    ("nbsp;", '\u{A0}'),
    ("ndash;", '\u{2013}'),
    ("num;", '#'),
    ("numsp;", '\u{2007}'),
    ("percnt;", '%'),
    ("period;", '.'),
    ("plus;", '+'),
    ("puncsp;", '\u{2008}'),
    ("quest;", '?'),
    ("quot;", '"'),
    ("ratio;", '\u{2236}'),
    ("rbrace;", '}'),
    ("rbrack;", ']'),
    ("rcub;", '}'),
    ("rlm;", '\u{200F}'),
    ("rpar;", ')'),
    ("rsqb;", ']'),
    ("semi;", ';'),
    ("shy;", '\u{AD}'),
    ("sol;", '/'),
    ("thinsp;", '\u{2009}'),
    ("verbar;", '|'),
    ("vert;", '|'),
    ("zwj;", '\u{200D}'),
    ("zwnj;", '\u{200C}'),
];

/// Of the names that need no semicolon (WHATWG HTML 13.5) those that a value may hold.
const BARE_NAMES: &[(&str, char)] = &[
    ("amp", '&'),
    ("AMP", '&'),
    ("lt", '<'),
    ("LT", '<'),
    ("gt", '>'),
    ("GT", '>'),
    ("quot", '"'),
    ("QUOT", '"'),
    ("nbsp", ' '),
    ("shy", '\u{AD}'),
    ("middot", '\u{B7}'),
];

/// The character of a number; of two that are control characters what readers of HTML make of them.
fn numbered(value: u32) -> Result<char, Stop> {
    match value {
        0x96 => Ok('\u{2013}'),
        0x97 => Ok('\u{2014}'),
        value => char::from_u32(value).ok_or(Stop::Not),
    }
}

#[cfg(test)]
mod tests {
    use super::super::LONGEST;
    use super::super::fold::{Fold, fold};
    use super::*;

    #[test]
    fn names_are_in_order() {
        assert!(NAMES.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(NAMES.iter().all(|(name, _)| name.ends_with(';') && "&amp;".len() + name.len() <= LONGEST));
        assert!(NAMES.iter().all(|(_, character)| character.is_ascii() || fold(*character) != Fold::Same));
    }
}
