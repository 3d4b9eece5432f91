//! Short values that pass unscanned as long as the whole of them has their form: identifiers, and numbers in strings.
//!
//! Enters: the whole text of a field that is named for such a value. Leaves: whether it is one. Anything else in the field is
//! scanned as any other text, and so is an identifier in which a long number stands.

/// The most digits in a row of an identifier: from here on they may be a number of someone's.
const DIGITS: usize = 12;
/// The most digits in a row with hyphens or underscores between them.
const GROUPED: usize = 6;
/// Characters of a UUID, and the most of its digits in a row: a card's number in groups of four fits between its hyphens.
const UUID: usize = 36;
const DIGITS_OF_UUID: usize = 15;
/// The longest number: a double with its sign, fraction and exponent has 24 characters.
const NUMBER: usize = 32;

/// What a short value must be to pass.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::body) enum Brief {
    /// So many hexadecimal digits.
    Hex(usize),
    /// A number as proto-JSON writes one in a string.
    Number,
    /// One of these prefixes, and then letters, digits, hyphens and underscores.
    Id(&'static [&'static str]),
}

impl Brief {
    /// The longest text that is one.
    pub(super) const LONGEST: usize = 160;

    /// The reason under which its bytes are counted.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Hex(_) | Self::Id(_) => "id",
            Self::Number => "number",
        }
    }

    /// Whether the text passes.
    pub(in crate::body) fn accepts(self, text: &[u8]) -> bool {
        match self {
            Self::Hex(len) => text.len() == len && text.iter().all(u8::is_ascii_hexdigit),
            Self::Number => is_number(text),
            Self::Id(prefixes) => {
                let rest = prefixes.iter().find_map(|prefix| text.strip_prefix(prefix.as_bytes()));
                text.len() <= Self::LONGEST && rest.is_some_and(is_token)
            }
        }
    }
}

/// Whether a number stands here that is one for a reader of typed numbers, and no longer than those are.
fn is_number(text: &[u8]) -> bool {
    matches!(text, b"NaN" | b"Infinity" | b"-Infinity")
        || (text.len() <= NUMBER
            && text.iter().any(u8::is_ascii_digit)
            && text.iter().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(byte))
            && text.iter().filter(|byte| matches!(byte, b'e' | b'E' | b'.')).count() <= 2
            && text.iter().filter(|byte| matches!(byte, b'+' | b'-')).count() <= 2)
}

/// Whether the rest of an identifier looks like one that was drawn by lot or counted.
fn is_token(text: &[u8]) -> bool {
    let is_joint = |byte: u8| matches!(byte, b'-' | b'_');
    let (mut digits, mut joints, mut lot) = (0, 0, 0);
    for (at, byte) in text.iter().copied().enumerate() {
        let begins = at.checked_sub(1).and_then(|before| text.get(before)).is_none_or(|before| is_joint(*before));
        if begins && text.get(at..).is_some_and(is_uuid) {
            lot = at + UUID;
        }
        match byte {
            b'0'..=b'9' => digits += 1,
            // What stands between digits groups them.
            _ if is_joint(byte) => joints += usize::from(digits > 0),
            _ if byte.is_ascii_alphabetic() => (digits, joints) = (0, 0),
            _ => return false,
        }
        let most = match (at < lot, joints > 0) {
            (true, _) => DIGITS_OF_UUID,
            (false, true) => GROUPED,
            (false, false) => DIGITS,
        };
        if digits > most {
            return false;
        }
    }
    !text.is_empty()
}

/// Whether a text begins with what is written as a UUID is, of whatever version.
fn is_uuid(text: &[u8]) -> bool {
    let Some(text) = text.first_chunk::<UUID>() else { return false };
    let fits = |(place, byte): (usize, &u8)| match place {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    text.iter().enumerate().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_the_form_passes() {
        let id = Brief::Id(&["call_", "resp_"]);
        for (brief, text, passes) in [
            (Brief::Hex(16), "4374264008498190", true),
            (Brief::Hex(16), "43742640084981901", false),
            (Brief::Hex(16), "437426400849819x", false),
            (Brief::Hex(16), "4111 1111 1111 1", false),
            (Brief::Number, "4111111111111111", true),
            (Brief::Number, "-1.25e-3", true),
            (Brief::Number, "NaN", true),
            (Brief::Number, "4111-1111-1111-1111", false),
            (Brief::Number, "jane@example.com", false),
            (Brief::Number, "", false),
            (Brief::Number, "-", false),
            (id, "call_12345678", true),
            (id, "call_abc123DEF456", true),
            (id, "resp_0f0e1d2c3b4a596877869504a3b2c1d0", true),
            (id, "resp_b7b464ea-cc85-1244-0f2f-1f7320e703c3_call_09546004", true),
            (id, "resp_b7b464ea-cc85-1244-0f2f-1f7320e703c3", true),
            (id, "resp_b7b464ea-4111-1111-1111-1111e70303c3", false),
            (id, "resp_x-cc85-1244-0f2f-1f7320e703c3", false),
            (id, "resp_b7b464ea-cc85-1244-0f2f-1f7320e703c3-078-05-1120", false),
            (id, "call_x_078051120", true),
            (id, "call_", false),
            (id, "call_4111111111111111", false),
            (id, "call_078-05-1120", false),
            (id, "call_jane@example.com", false),
            (id, "12345678", false),
        ] {
            assert_eq!(brief.accepts(text.as_bytes()), passes, "{brief:?} {text}");
        }
    }
}
