//! A plus sign within the value of a URL's query, where it stands for a blank (WHATWG URL section 5.1).
//!
//! Enters: a text and the place of a plus. Leaves: whether a reader of the query gets a blank there. It does behind
//! `?name=` or `&name=` and whatever a value has up to it, all of it within [`REACH`] bytes; a plus that is meant is
//! written `%2B`. Sums, base64 and phone numbers in plain text have no name before them.

use super::super::byte_set::ByteSet;

/// How far before a plus the sign before its parameter's name may stand, in bytes.
pub(in crate::engine) const REACH: usize = 176;

/// What an ampersand and a question mark are written as, behind their first character, where JSON holds the address.
const ESCAPES: [&[u8]; 3] = [b"u0026", b"u003f", b"u003F"];

/// What may stand before such a plus and behind it. Behind the equals sign it is one of a number (`?phone=+1…`), by
/// who forgot to encode it; at a value's end it parts nothing.
pub(super) fn is_before(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii() || b")+*-._~,:".contains(&byte)
}

/// As [`is_before`], behind it.
pub(super) fn is_behind(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii() || b"(+*-._~%".contains(&byte)
}

/// What stands round every plus that is a blank.
pub(super) fn window() -> [ByteSet; 5] {
    let plus = ByteSet::new(|byte| byte == b'+');
    [ByteSet::new(is_before), plus, ByteSet::new(is_behind), ByteSet::ALL, ByteSet::ALL]
}

/// Whether the byte at `at` stands within a value of a query.
pub(super) fn is_within(text: &[u8], at: usize) -> bool {
    let near = text.get(at.saturating_sub(REACH)..at).unwrap_or_default();
    let Some(sign) = memchr::memrchr3(b'?', b'&', b'\\', near) else { return false };
    let rest = near.get(sign + 1..).unwrap_or_default();
    let parameter = match near.get(sign) {
        Some(b'\\') => ESCAPES.iter().find_map(|spelling| rest.strip_prefix(*spelling)),
        Some(b'&') => Some(behind_reference(rest)),
        _ => Some(rest),
    };
    let parts = parameter.and_then(|parameter| {
        let equals = memchr::memchr(b'=', parameter)?;
        Some((parameter.get(..equals)?, parameter.get(equals + 1..)?))
    });
    parts.is_some_and(|(name, value)| {
        // An apostrophe within a word is one of the value.
        let apart = value.split(|byte| *byte == b'\'');
        let letter = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphabetic);
        let whole = apart.clone().zip(apart.skip(1)).all(|(one, next)| letter(one.last()) && letter(next.first()));
        let is_value = |byte: &u8| *byte == b'\'' || is_value(*byte);
        !name.is_empty() && name.iter().all(|byte| is_name(*byte)) && whole && value.iter().all(is_value)
    })
}

/// Whether the byte at `at` stands within a value of a query that is percent-encoded as a whole (`%3Fcard%3D4111`), as the
/// value of another one's parameter is.
pub(super) fn is_within_encoded(text: &[u8], at: usize) -> bool {
    let near = text.get(at.saturating_sub(REACH)..at).unwrap_or_default();
    let stands = |sign: &[u8]| near.windows(3).rposition(|three| three.eq_ignore_ascii_case(sign));
    let Some(sign) = stands(b"%3F").max(stands(b"%26")) else { return false };
    let rest = near.get(sign + 3..).unwrap_or_default();
    let Some(equals) = rest.windows(3).position(|three| three.eq_ignore_ascii_case(b"%3D")) else { return false };
    let (name, value) = rest.split_at(equals);
    !name.is_empty()
        && name.iter().all(|byte| is_name(*byte))
        && value.iter().all(|byte| is_value(*byte) && !b"?&=".contains(byte))
}

/// What follows an ampersand, or its reference in markup (HTML section 13.1.4), however often that was made.
fn behind_reference(text: &[u8]) -> &[u8] {
    let mut rest = text;
    loop {
        let Some(end) = rest.iter().take(10).position(|byte| *byte == b';') else { return rest };
        let name = rest.get(..end).unwrap_or_default().to_ascii_lowercase();
        let number = match name.strip_prefix(b"#") {
            Some(number) => number.strip_prefix(b"x").map_or((number, 10), |number| (number, 16)),
            None if name == b"amp" => (b"38".as_slice(), 10),
            None => return rest,
        };
        let value = std::str::from_utf8(number.0).ok().and_then(|digits| u32::from_str_radix(digits, number.1).ok());
        if value != Some(38) {
            return rest;
        }
        rest = rest.get(end + 1..).unwrap_or_default();
    }
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii() || b"-._~%[]$:+".contains(&byte)
}

fn is_value(byte: u8) -> bool {
    byte > b' ' && byte != 0x7F && !b"\"'`<>#".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_within_a_value() {
        for (before, within) in [
            ("https://example.com/?card=4111", true),
            ("/pay?card=", true),
            ("?a=1&card=4111", true),
            ("?a=1&amp;card=4111", true),
            ("?a=1&#38;card=4111", true),
            ("?a=1&#038;card=4111", true),
            ("?a=1&AMP;card=4111", true),
            ("?a=1&#x0026;card=4111", true),
            ("?a=1&amp;amp;card=4111", true),
            ("?a=1&#39;card=4111", false),
            ("?q=it's+my+card+4111", true),
            ("'?q=a'+b=4111", false),
            (r"?a=1\u0026card=4111", true),
            (r"pay\u003fcard=4111", true),
            (r"\n&card=4111", true),
            ("?user[card]=4111", true),
            ("?f%5Bx%5D=4111", true),
            ("?u=https://example.com/a=b", true),
            ("?card", false),
            ("card=4111", false),
            ("?=4111", false),
            ("? card=4111", false),
            ("?card=4111 ", false),
            ("?card=4111\"", false),
            ("?card=4111'", false),
            ("?card=4111>", false),
            ("?card=4111#", false),
            ("?card=4111\n", false),
            (r"?card=4111\", false),
            (r"?card=4111\n", false),
            (r"?card=4111\u0022", false),
            ("(a && (b=4111", false),
            ("4111", false),
            ("", false),
        ] {
            assert_eq!(is_within(before.as_bytes(), before.len()), within, "{before}");
        }
    }

    #[test]
    fn what_stands_within_a_value_that_is_encoded_as_a_whole() {
        for (before, within) in [
            ("%3Fcard%3D4111", true),
            ("/go?next=%2Fpay%3fa%3d1%26card%3d4111", true),
            ("%3Fcard%3D4111%2B1111", true),
            ("%3F%3D4111", false),
            ("%3Fcard4111", false),
            ("%3Fcard%3D4111&b=1", false),
            ("%3Fcard%3D4111 ", false),
            ("card%3D4111", false),
            ("", false),
        ] {
            assert_eq!(is_within_encoded(before.as_bytes(), before.len()), within, "{before}");
        }
    }

    #[test]
    fn the_name_stands_within_reach() {
        for (more, within) in [(0, true), (1, false)] {
            let text = format!("{}?a={}", "x".repeat(500), "1".repeat(REACH - 3 + more));
            assert_eq!(is_within(text.as_bytes(), text.len()), within);
        }
    }
}
