//! Base32 (RFC 4648 section 6) in lower case and without padding; either case is read.

/// The letters, by their value.
pub(super) const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// The value of a letter.
pub(super) fn value(letter: u8) -> Option<u8> {
    match letter.to_ascii_lowercase() {
        letter @ b'a'..=b'z' => Some(letter - b'a'),
        letter @ b'2'..=b'7' => Some(letter - b'2' + 26),
        _ => None,
    }
}

/// Appends the letters of these bytes; the last one is filled up with zeros.
pub(super) fn encode(bytes: &[u8], out: &mut Vec<u8>) {
    let (mut bits, mut count) = (0_u32, 0);
    for byte in bytes {
        bits = bits << 8 | u32::from(*byte);
        count += 8;
        while count >= 5 {
            count -= 5;
            out.extend(LETTERS.get((bits >> count & 31) as usize));
        }
    }
    if count > 0 {
        out.extend(LETTERS.get((bits << (5 - count) & 31) as usize));
    }
}

/// The bytes of these letters; none where one is no letter, or the last ones are not as [`encode`] has them.
pub(super) fn decode(letters: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(letters.len() * 5 / 8);
    let (mut bits, mut count) = (0_u32, 0);
    for letter in letters {
        bits = bits << 5 | u32::from(value(*letter)?);
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    (count < 5 && bits & ((1 << count) - 1) == 0).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_those_of_the_standard() {
        for (bytes, letters) in
            [("", ""), ("f", "my"), ("fo", "mzxq"), ("foo", "mzxw6"), ("foob", "mzxw6yq"), ("foobar", "mzxw6ytboi")]
        {
            let mut out = Vec::new();
            encode(bytes.as_bytes(), &mut out);
            assert_eq!(out, letters.as_bytes());
            assert_eq!(decode(letters.to_ascii_uppercase().as_bytes()).as_deref(), Some(bytes.as_bytes()));
        }
        for bad in ["a", "m1", "mz", "mzxr", "mzx!"] {
            assert_eq!(decode(bad.as_bytes()), None, "{bad}");
        }
    }
}
