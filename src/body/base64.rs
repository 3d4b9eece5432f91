//! Base64 (RFC 4648): whole texts as AWS writes bytes in JSON, and the beginning of any.
//!
//! Enters: a text. Leaves: its bytes, if it is the one way to write them in the standard alphabet, padded (section 4), since
//! readers differ on what is not; or what it begins with, in either alphabet (sections 4 and 5).

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Appends the bytes that a text stands for; `false`, with nothing appended that counts, where it is not canonical.
pub(crate) fn decode(text: &[u8], out: &mut Vec<u8>) -> bool {
    let begin = out.len();
    let inside = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(text);
    let (mut bits, mut count) = (0_u32, 0);
    for byte in inside {
        let Some(value) = sextet(*byte) else { return false };
        bits = bits << 6 | value;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    // What fills the last group is nothing, and as much of it as there must be.
    text.len().is_multiple_of(4) && bits == 0 && count < 6 && text.len() == encoded(out.len() - begin)
}

/// The bytes that a text begins with, in either alphabet, up to what is of none.
pub(super) fn beginning(text: &[u8]) -> Vec<u8> {
    let either = |byte: &u8| match byte {
        b'-' => sextet(b'+'),
        b'_' => sextet(b'/'),
        byte => sextet(*byte),
    };
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0);
    for value in text.iter().map_while(either) {
        bits = bits << 6 | value;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xFF) as u8);
        }
    }
    bytes
}

/// The bytes that a text stands for in either alphabet, over lines or on one, padded or not; `None` where it is no such
/// text.
pub(super) fn lenient(text: &[u8]) -> Option<Vec<u8>> {
    let letters: Vec<u8> = text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let padding = letters.iter().rev().take_while(|byte| **byte == b'=').count();
    let inside = letters.get(..letters.len() - padding)?;
    let known = |byte: &u8| matches!(byte, b'-' | b'_') || sextet(*byte).is_some();
    (padding < 3 && inside.iter().all(known)).then(|| beginning(inside))
}

/// How many characters so many bytes take.
fn encoded(bytes: usize) -> usize {
    bytes.div_ceil(3) * 4
}

/// Appends the text of these bytes.
pub(crate) fn encode(bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(encoded(bytes.len()));
    for group in bytes.chunks(3) {
        let byte = |at: usize| group.get(at).copied().map_or(0, u32::from);
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let value = bits >> (18 - 6 * at) & 63;
            let letter = ALPHABET.get(value as usize).copied().unwrap_or(b'=');
            out.push(if at > group.len() { b'=' } else { letter });
        }
    }
}

/// What a letter of the standard alphabet stands for.
pub(super) fn sextet(byte: u8) -> Option<u32> {
    let value = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_4648_section_10() {
        for (bytes, text) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("foobar", "Zm9vYmFy")]
        {
            let mut out = Vec::new();
            encode(bytes.as_bytes(), &mut out);
            assert_eq!(out, text.as_bytes());
            out.clear();
            assert!(decode(text.as_bytes(), &mut out));
            assert_eq!(out, bytes.as_bytes());
        }
        assert_eq!(beginning(b"Zm9v-_8= and more"), b"foo\xFB\xFF");
        assert_eq!(lenient(b"Zm9v\r\nYg==\n").as_deref(), Some(&b"foob"[..]));
        assert_eq!(lenient(b"Zm9v-_8").as_deref(), Some(&b"foo\xFB\xFF"[..]));
        assert!(lenient(b"Zg==Zg==").is_none() && lenient(b"Zm9v!").is_none() && lenient(b"Zg===").is_none());
        for bad in ["Zg", "Zg=", "Zh==", "Zm9=", "Z===", "=", "Zm9v\n", "Zm9-", "Zg==Zg==", "Zm9v===="] {
            assert!(!decode(bad.as_bytes(), &mut Vec::new()), "{bad:?}");
        }
    }
}
