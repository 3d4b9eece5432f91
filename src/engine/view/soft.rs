//! Whether a sign at the end of a line is a soft line break of quoted-printable (RFC 2045 section 6.7).
//!
//! Enters: a text, where its `=` stands, and where the next line begins. Leaves: whether the two lines are one. Base64, and
//! passwords that people make, end with the same sign, and to join those to what follows would hide the next line:
//!
//! | before the sign | behind the line's end | |
//! |---|---|---|
//! | `=` | | none: base64 fills up with two |
//! | base64 that ends in text with this sign | | none |
//! | | `NAME=`, `export NAME=` | none: a line of its own |
//! | a digit, blanks and hyphens | the same | a break: numbers are cut so to hide them |
//! | an `@`, an encoded character in the same word | the same | a break: addresses are, too |
//! | | `Name: ` | none |
//! | 60 bytes of the line or more | | a break: encoders fill lines up to 76 |
//! | fewer | | none |
//!
//! What stands behind is read first, so that what may still come decides in the same way at every split of the text.

use super::blob::sextet;
use super::element::{LONGEST, Reader, Stop};

/// Bytes of a line from which on an encoder may have broken it.
const LINE: usize = 60;
/// How far back is looked.
pub(super) const BEFORE: usize = LINE + 4;
/// The most bytes of a name before its sign.
const NAME: usize = 32;
/// What separates groups of digits and may stand beside the break, at most so many.
const JOINTS: usize = 3;

/// What the next line begins with.
#[derive(Default)]
struct Next {
    digit: bool,
    encoded: bool,
    name: Name,
}

/// A name at a line's beginning.
#[derive(Default, PartialEq, Eq)]
enum Name {
    #[default]
    None,
    /// `NAME=`.
    Assigned,
    /// `Name: `.
    Labels,
}

impl Reader<'_> {
    /// Nothing where the line that ends with the `=` at `at` goes on at `next`.
    pub(super) fn soft_break(&self, at: usize, next: usize) -> Result<(), Stop> {
        let limit = at + LONGEST;
        let next = Next { name: self.name(next, limit)?, ..self.next(next, limit)? };
        let head = self.text.get(at.saturating_sub(BEFORE)..at).unwrap_or_default();
        if head.ends_with(b"=") || next.name == Name::Assigned || ends_in_padded(head) {
            return Err(Stop::Not);
        }
        if (next.digit && ends_in_number(head)) || next.encoded || ends_encoded(head) {
            return Ok(());
        }
        let line = head.iter().rev().take_while(|byte| **byte != b'\n').count();
        if next.name == Name::None && line >= LINE { Ok(()) } else { Err(Stop::Not) }
    }

    /// The byte at a place; nothing at the text's end and at the limit.
    fn peek(&self, at: usize, limit: usize) -> Result<Option<u8>, Stop> {
        match self.byte(at) {
            _ if at >= limit => Ok(None),
            Ok(byte) => Ok(Some(byte)),
            Err(Stop::Not) => Ok(None),
            Err(Stop::More) => Err(Stop::More),
        }
    }

    /// Whether a line begins with a digit, or its first word has an encoded character or an `@`.
    fn next(&self, from: usize, limit: usize) -> Result<Next, Stop> {
        let mut here = from;
        while here < from + JOINTS && self.peek(here, limit)?.is_some_and(is_joint) {
            here += 1;
        }
        let digit = self.peek(here, limit)?.is_some_and(|byte| byte.is_ascii_digit());
        let first = here;
        loop {
            match self.peek(here, limit)? {
                None => break,
                Some(b'=') => match (self.peek(here + 1, limit)?, self.peek(here + 2, limit)?) {
                    (Some(b'\r'), Some(b'\n')) => here += 3,
                    (Some(b'\n'), _) => here += 2,
                    (Some(high), Some(low))
                        if is_encoded(high, low) || (here == first && high == b'2' && low.is_ascii_digit()) =>
                    {
                        return Ok(Next { digit, encoded: true, name: Name::None });
                    }
                    _ => here += 1,
                },
                Some(byte) if byte.is_ascii_whitespace() => break,
                Some(byte) if tells(byte) => return Ok(Next { digit, encoded: true, name: Name::None }),
                Some(_) => here += 1,
            }
        }
        Ok(Next { digit, encoded: false, name: Name::None })
    }

    /// The name that a line begins with.
    fn name(&self, from: usize, limit: usize) -> Result<Name, Stop> {
        let mut here = from;
        while self.peek(here, limit)?.is_some_and(|byte| matches!(byte, b' ' | b'\t')) {
            here += 1;
        }
        for before in [&b"- "[..], b"export "] {
            let mut len = 0;
            while let Some(wanted) = before.get(len)
                && self.peek(here + len, limit)? == Some(*wanted)
            {
                len += 1;
            }
            here += if len == before.len() { len } else { 0 };
        }
        let quote = self.peek(here, limit)?.filter(|byte| matches!(byte, b'"' | b'\''));
        here += usize::from(quote.is_some());
        let first = here;
        while here < first + NAME
            && self.peek(here, limit)?.is_some_and(|byte| {
                byte.is_ascii_alphabetic()
                    || byte == b'_'
                    || (here > first && (byte.is_ascii_digit() || matches!(byte, b'-' | b'.')))
            })
        {
            here += 1;
        }
        if here == first {
            return Ok(Name::None);
        }
        if quote.is_some() {
            if self.peek(here, limit)? != quote {
                return Ok(Name::None);
            }
            here += 1;
        }
        here += usize::from(self.peek(here, limit)? == Some(b' '));
        match (self.peek(here, limit)?, self.peek(here + 1, limit)?) {
            // Encoders write this sign as `=3D`, and what else they write no name has behind it.
            (Some(b'='), Some(b'\r' | b'\n')) => Ok(Name::None),
            (Some(b'='), Some(high)) => match self.peek(here + 2, limit)? {
                Some(low) if is_encoded(high, low) || (high, low) == (b'3', b'D') => Ok(Name::None),
                _ => Ok(Name::Assigned),
            },
            (Some(b'='), None) | (Some(b':'), Some(b'=')) => Ok(Name::Assigned),
            (Some(b':'), Some(behind)) if quote.is_none() && !behind.is_ascii_whitespace() => Ok(Name::None),
            (Some(b':'), _) => Ok(Name::Labels),
            _ => Ok(Name::None),
        }
    }
}

fn is_joint(byte: u8) -> bool {
    matches!(byte, b' ' | b'-' | b'.' | b'(' | b')' | b'+')
}

/// Whether base64 stands last whose one missing character an `=` fills up, and what its last groups hold is text: eight
/// bytes, or five where it is no longer. Words are hardly ever that.
fn ends_in_padded(head: &[u8]) -> bool {
    let run = head.iter().rev().map_while(|byte| sextet(*byte)).take(11).count();
    let len = if run >= 11 { 11 } else { 7 };
    let Some(tail) = head.len().checked_sub(len).filter(|_| run >= len).and_then(|from| head.get(from..)) else {
        return false;
    };
    tail.chunks(4).all(|group| {
        let bits =
            group.iter().filter_map(|byte| sextet(*byte)).fold(0_u32, |bits, value| bits << 6 | u32::from(value));
        let bits = if group.len() == 3 { bits << 6 } else { bits };
        let [_, bytes @ ..] = bits.to_be_bytes();
        bytes.iter().take(group.len() - 1).all(|byte| matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r'))
    })
}

/// Whether a byte is an `@` or begins a character that is written in another way.
fn tells(byte: u8) -> bool {
    !byte.is_ascii() || matches!(byte, b'@' | b'%' | b'&' | b'\\')
}

/// Whether digits behind an `=` are what an encoder writes, and hardly the beginning of a value: an `@`, signs, the lead of a
/// longer character.
fn is_encoded(high: u8, low: u8) -> bool {
    match high {
        b'2' => matches!(low, b'A'..=b'F'),
        b'4' => low == b'0',
        b'C'..=b'F' => low.is_ascii_digit() || matches!(low, b'A'..=b'F'),
        _ => false,
    }
}

/// Whether a digit stands last, or what opens a number.
fn ends_in_number(head: &[u8]) -> bool {
    let joints = head.iter().rev().take(JOINTS).take_while(|byte| is_joint(**byte)).count();
    let (rest, joints) = head.split_at(head.len() - joints);
    rest.last().is_some_and(u8::is_ascii_digit) || joints.iter().any(|byte| matches!(byte, b'(' | b'+'))
}

/// Whether the last word has an encoded character or an `@`.
fn ends_encoded(head: &[u8]) -> bool {
    if let [.., b'=', high, low] = head
        && ((*high == b'2' && low.is_ascii_digit()) || (*high, *low) == (b'3', b'D') || is_encoded(*high, *low))
    {
        return true;
    }
    let joints = head.iter().rev().take(JOINTS).take_while(|byte| is_joint(**byte)).count();
    let mut here = head.len() - joints;
    while let Some((byte, before)) =
        head.get(..here).and_then(|head| head.split_last().map(|(last, rest)| (*last, rest)))
    {
        if tells(byte) {
            return true;
        }
        if byte == b'=' && matches!(head.get(here..), Some([high, low, ..]) if is_encoded(*high, *low)) {
            return true;
        }
        here = match byte {
            b'\n' if before.ends_with(b"=\r") => here - 3,
            b'\n' if before.ends_with(b"=") => here - 2,
            byte if byte.is_ascii_whitespace() => return false,
            _ => here - 1,
        };
    }
    false
}

#[cfg(test)]
mod tests {
    use super::super::element::{Parsed, parse};

    #[test]
    fn lines_that_go_on_and_lines_that_end() {
        let long = "The card that is used for this order, as it was told us by phone, is 4111";
        let wrapped = format!("{long} 1111=\n 1111 1111");
        let words = format!("{long} and the=\nnumber of the order");
        let listed = format!("{long} and the=\nnumber: 12");
        let named = format!("{long} and KEY=abc=\nexport PORT_2=3000");
        let encoded = format!("{long} and href=3D\"x?a=\nb=3D1\"");
        let quoted = format!("{long} and KEY=abc=\n  \"name\":\"x\"");
        for (text, goes_on) in [
            ("4111 11=\n11 1111 1111", true),
            ("4111 1111=\r\n 1111 1111", true),
            ("4111 1111 =\n1111 1111", true),
            ("078-=\n05-1120", true),
            ("(=\n212) 555-0123", true),
            ("ja=\nne@example.com", true),
            ("ja=\nne=40example.com", true),
            ("jane@exam=\nple.com", true),
            ("jane@e=\r\nx=\namp=\nle.com", true),
            ("j%61=\nne", true),
            ("caf=C3=A9=\nx", true),
            ("a=3D=\nb", true),
            ("(212=\n=29 555-0123", true),
            ("4111=\n=201111 1111 1111", true),
            ("jane@exam=\nple.com: hello", true),
            ("\u{FF14}=\n1", true),
            (wrapped.as_str(), true),
            (words.as_str(), true),
            (encoded.as_str(), true),
            (listed.as_str(), false),
            (named.as_str(), false),
            (quoted.as_str(), false),
            ("SESSION_SECRET=aK9/sQ2LmZx9Bv4Np7Rtqq==\nDEBUG=false", false),
            ("4111==\n1111", false),
            ("bm90ZSB4OiBub3RoaW5nIGF0IGFsbCA=\n&#52;111 1111 1111 1111", false),
            ("x: YXMgaXQ=\njane@example.com", false),
            ("janedoe=\n@example.com", true),
            ("DB_PASSWORD=Tr0ub4dor=\nDB_HOST=db1.internal", false),
            ("DB_PASSWORD=P@ssw0rd=\nDB_HOST=db1.internal", false),
            ("KEY=aK9sQ2LmZx9Bv4Np7R=\r\nPORT=3000", false),
            ("KEY=aK9sQ2LmZx9Bv4Np7R=\nAWS_REGION = eu-west-1", false),
            ("my password is Tr0ub4dor=\nthanks a lot, Jane", false),
            ("GET /x?token=abc123def456ghi=\r\nHost: api.example.com", false),
            ("password: Tr0ub4dor=\n- user: jane", false),
            ("token=abc=\n", false),
            ("=\n", false),
        ] {
            let found = |text: &str, last| {
                let at = text.find("=\n").into_iter().chain(text.find("=\r\n")).min().unwrap_or(text.len());
                parse(text.as_bytes(), at, last)
            };
            let whole = found(text, true);
            assert_eq!(matches!(whole, Parsed::Element(_)), goes_on, "{text:?}");
            // With less of the text it is not known yet, or the same.
            for cut in text.find("=\n").or(text.find("=\r\n")).unwrap_or(0) + 3..text.len() {
                let Some(early) = text.get(..cut) else { continue };
                let early = found(early, false);
                assert!(early == Parsed::More || early == whole, "{text:?} at {cut}");
            }
        }
    }
}
