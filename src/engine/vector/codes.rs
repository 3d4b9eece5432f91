//! A code for each byte, for forms of the pass that look up sixteen entries at a time.
//!
//! Such a form knows of a byte what both halves of its code allow. Were the code the byte itself, a set of letters like
//! `e`, `s` and `t` would let pass half of all letters, and a pass over prose would stop nearly everywhere. Here the letters
//! that stand in most words have a low half of their own, shared with one rare letter and the capitals of both, and high
//! halves tell these four apart; digits and common signs share no half with letters. So the sets that rules are made of
//! (kinds of characters, single letters in either case, hexadecimal digits) are told exactly or nearly so.

/// Letters of one low half each: a common one and a rare one. Those of hexadecimal digits stand together.
const LETTERS: [[u8; 2]; 13] =
    [*b"ab", *b"ef", *b"dc", *b"tv", *b"ow", *b"iy", *b"ng", *b"sk", *b"rj", *b"hq", *b"lx", *b"uz", *b"mp"];
/// Signs that are common enough to share no low half with letters.
const SIGNS: [u8; 21] = *b" -._/:=,\"';()&@+#\n\t~%";
/// The high halves: of common and rare letters, small and capital, of digits, and of all else. None is of what is not ASCII.
const SMALL: u8 = 1;
const CAPITAL: u8 = 3;
const DIGITS: u8 = 5;
const OTHERS: u8 = 9;
/// The low halves that no letter has.
const FREE: u8 = LETTERS.len() as u8;
const HALF: u8 = 16;

/// The codes; 0 for what is not ASCII, and for nothing else.
pub(super) const CODES: [u8; 256] = {
    let mut codes = [0; 256];
    let mut row = 0;
    while row < LETTERS.len() {
        let mut rarity = 0;
        while rarity < 2 {
            let letter = LETTERS[row][rarity];
            codes[letter as usize] = row as u8 | (SMALL + rarity as u8) << 4;
            codes[letter.to_ascii_uppercase() as usize] = row as u8 | (CAPITAL + rarity as u8) << 4;
            rarity += 1;
        }
        row += 1;
    }
    let mut digit = 0;
    while digit < 10 {
        codes[(b'0' + digit) as usize] = (FREE + digit % 3) | (DIGITS + digit / 3) << 4;
        digit += 1;
    }
    let mut sign = 0;
    while sign < SIGNS.len() as u8 {
        codes[SIGNS[sign as usize] as usize] = (FREE + sign % 3) | (OTHERS + sign / 3) << 4;
        sign += 1;
    }
    let (mut byte, mut left) = (0, 0);
    while byte < 128 {
        if codes[byte] == 0 {
            codes[byte] = (left % FREE) | (OTHERS + left / FREE) << 4;
            left += 1;
        }
        byte += 1;
    }
    assert!(OTHERS + left / FREE < HALF, "every code is one byte's");
    codes
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_of_ascii_has_a_code_of_its_own() {
        let mut codes: Vec<u8> = CODES.iter().copied().filter(|code| *code != 0).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), 128);
        assert!(CODES.iter().skip(128).all(|code| *code == 0));
    }

    /// What both halves allow, for the sets that rules are made of.
    #[test]
    fn usual_sets_are_told_exactly() {
        let sets: [&dyn Fn(u8) -> bool; 9] = [
            &|byte| byte.is_ascii_digit(),
            &|byte| byte.is_ascii_alphabetic(),
            &|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            &|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit(),
            &|byte| byte.is_ascii_hexdigit(),
            &|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
            &|byte| b"esrtESRT".contains(&byte),
            &|byte| byte == b'k' || byte == b'K',
            &|byte| byte == b'-' || byte.is_ascii_digit(),
        ];
        for (number, holds) in sets.iter().enumerate() {
            let mut halves = ([false; 16], [false; 16]);
            for byte in (0..128).filter(|byte| holds(*byte)) {
                let code = CODES[usize::from(byte)];
                halves.0[usize::from(code & 15)] = true;
                halves.1[usize::from(code >> 4)] = true;
            }
            let allowed = |code: u8| halves.0[usize::from(code & 15)] && halves.1[usize::from(code >> 4)];
            let wrong: Vec<char> =
                (0..128).filter(|byte| allowed(CODES[usize::from(*byte)]) && !holds(*byte)).map(char::from).collect();
            // A dash beside digits lets some other signs pass.
            assert!(wrong.is_empty() || number == 8 && wrong.len() < 8, "{number}: {wrong:?}");
        }
    }
}
