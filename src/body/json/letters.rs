//! The letters of base64, and whether a number stands among them as it would in a text.
//!
//! Enters: letter by letter what claims to be base64 of bytes that are no text. Leaves: whether that may hold. Base64 of
//! bytes has runs of digits by chance, one of nine in a few megabytes, so that a run alone proves nothing where the letters
//! around it have shown what they are. What no chance makes is looked for in every run: the number of a card, and
//! digits grouped as people write them.

/// So many digits without a letter between them are no chance of base64 in a value that is too short to show what it is.
const MAX_DIGITS: usize = 8;
/// How many letters show it, and how many of each sort must be among them; one of so many that have not shown it does not.
const SHOWN: usize = 256;
const CASED: usize = 16;
const DIGITS: usize = 4;
const LOST: usize = 4096;
/// Lengths of the numbers of cards (ISO/IEC 7812-1), and how they begin.
const CARD: std::ops::RangeInclusive<usize> = 13..=19;
const ISSUERS: std::ops::RangeInclusive<u8> = b'2'..=b'6';
/// How a number is grouped that is no card's.
const GROUPS: [&[usize]; 2] = [&[3, 2, 4], &[3, 3, 4]];
/// Bytes of a run that are kept.
const RUN: usize = 64;

/// Follows the letters of one value.
#[derive(Default)]
pub(in crate::body) struct Letters {
    count: usize,
    upper: usize,
    lower: usize,
    digits: usize,
    shown: bool,
    /// There was a run of more than [`MAX_DIGITS`].
    suspect: bool,
    /// What has come since the last letter, and the digits among it.
    run: Vec<u8>,
    in_run: usize,
}

impl Letters {
    pub(super) fn clear(&mut self) {
        let mut run = std::mem::take(&mut self.run);
        run.clear();
        *self = Self { run, ..Self::default() };
    }

    /// Takes the next letter; false where it is none, or ends a number.
    pub(super) fn take(&mut self, byte: u8) -> bool {
        self.count += 1;
        if byte.is_ascii_alphabetic() {
            self.run.clear();
            self.in_run = 0;
            if !self.shown {
                self.upper += usize::from(byte.is_ascii_uppercase());
                self.lower += usize::from(byte.is_ascii_lowercase());
                self.judge();
            }
            return self.may_stand();
        }
        if self.run.len() >= RUN {
            self.run.drain(..RUN / 2);
        }
        match byte {
            b'0'..=b'9' => {
                self.run.push(byte);
                self.in_run += 1;
                self.digits += usize::from(!self.shown);
                self.suspect |= self.in_run > MAX_DIGITS && !self.shown;
                self.judge();
                self.may_stand() && (self.in_run <= MAX_DIGITS || !is_number(&self.run))
            }
            // What may stand in a written number does not end it.
            b'+' | b'/' | b'-' | b'_' | b'=' => {
                self.run.push(byte);
                self.judge();
                self.may_stand()
            }
            _ => false,
        }
    }

    /// Whether it is known by now whether a run of digits may stand among them.
    pub(super) fn is_settled(&self) -> bool {
        self.shown || self.count >= LOST
    }

    /// Whether the value may end here.
    pub(super) fn may_end(&self) -> bool {
        self.shown || !self.suspect
    }

    /// Whether all of a text is letters among which no number stands.
    pub(in crate::body) fn hide_nothing(text: &[u8]) -> bool {
        let mut letters = Self::default();
        text.iter().all(|byte| letters.take(*byte)) && letters.may_end()
    }

    fn may_stand(&self) -> bool {
        self.shown || !self.suspect || self.count < LOST
    }

    fn judge(&mut self) {
        self.shown |= self.count >= SHOWN && self.upper >= CASED && self.lower >= CASED && self.digits >= DIGITS;
    }
}

/// Whether a run of digits, and of what may stand between them, ends with a number.
fn is_number(run: &[u8]) -> bool {
    let mut last = run.iter().rev().filter(|byte| byte.is_ascii_digit());
    let mut digits = [0_u8; *CARD.end()];
    let known = digits.iter_mut().rev().zip(&mut last).map(|(place, digit)| *place = *digit).count();
    let is_card = |len: usize| {
        let number = digits.get(digits.len() - len..).unwrap_or_default();
        number.first().is_some_and(|first| ISSUERS.contains(first)) && luhn(number)
    };
    CARD.clone().take_while(|len| *len <= known).any(is_card) || GROUPS.iter().any(|groups| ends_in(run, groups))
}

/// Whether a run ends in groups of so many digits, with dashes between them.
fn ends_in(run: &[u8], groups: &[usize]) -> bool {
    let Some((first, behind)) = groups.split_first() else { return false };
    let mut rest = run;
    for len in behind.iter().rev() {
        let Some((before, group)) = rest.len().checked_sub(*len).and_then(|at| rest.split_at_checked(at)) else {
            return false;
        };
        let Some(before) = before.strip_suffix(b"-").filter(|_| group.iter().all(u8::is_ascii_digit)) else {
            return false;
        };
        rest = before;
    }
    rest.len()
        .checked_sub(*first)
        .and_then(|at| rest.get(at..))
        .is_some_and(|group| group.iter().all(u8::is_ascii_digit))
}

/// The check of ISO/IEC 7812-1 annex B.
fn luhn(number: &[u8]) -> bool {
    let sum = number.iter().rev().enumerate().fold(0_u32, |sum, (place, digit)| {
        let value = u32::from(digit - b'0') << (place & 1);
        sum + value / 10 + value % 10
    });
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::base64;

    /// Bytes that no pattern is in.
    fn noise(seed: u64, len: usize) -> Vec<u8> {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        };
        std::iter::repeat_with(next).flatten().take(len).collect()
    }

    fn letters(seed: u64, len: usize) -> Vec<u8> {
        let mut text = Vec::new();
        base64::encode(&noise(seed, len), &mut text);
        text
    }

    #[test]
    fn numbers_are_found_among_letters_and_chance_is_none() {
        let before = letters(1, 600);
        for (inside, passes) in [
            ("A123456789012A", true),
            ("A12/34567890+12345A", true),
            ("A4111111111111111A", false),
            ("A74111111111111111", false),
            ("A4111-1111-1111-1111A", false),
            ("A4111/1111/1111/1111A", false),
            ("A4111111111111112A", true),
            ("A078-05-1120A", false),
            ("A212-555-0123A", false),
            ("A078051120A", true),
            ("A4111 1111A", false),
        ] {
            let text = [&before, inside.as_bytes(), &before].concat();
            assert_eq!(Letters::hide_nothing(&text), passes, "{inside}");
        }
        // Too short to show what it is, or of one case alone.
        assert!(!Letters::hide_nothing(b"ABCDefgh078051120ABCDefgh"));
        assert!(Letters::hide_nothing(b"ABCDefgh07805112ABCDefgh"));
        assert!(!Letters::hide_nothing(&[&b"ab012cdef".repeat(600)[..], b"078051120"].concat()));
    }

    #[test]
    fn random_bytes_pass_whole() {
        let changed = (0..40).filter(|seed| !Letters::hide_nothing(&letters(seed + 7, 1 << 20))).count();
        assert_eq!(changed, 0);
    }
}
