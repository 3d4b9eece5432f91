//! Arithmetic that a match must pass. Shapes belong to patterns, arithmetic here.

/// A check on a match, by the name it has in rule files.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Validator {
    /// ISO/IEC 7812-1 check digit over the ASCII digits of the match.
    Luhn,
}

impl Validator {
    /// Every validator with its name.
    pub const ALL: [(&'static str, Self); 1] = [("luhn", Self::Luhn)];

    /// The validator of this name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, validator)| *validator)
    }

    /// Whether `value` passes.
    #[must_use]
    pub fn accepts(self, value: &[u8]) -> bool {
        match self {
            Self::Luhn => luhn(value.iter().filter(|byte| byte.is_ascii_digit()).map(|byte| byte - b'0')),
        }
    }
}

/// ISO/IEC 7812-1 annex B: doubles every second digit from the right; the sum must end in 0.
pub(super) fn luhn(digits: impl DoubleEndedIterator<Item = u8>) -> bool {
    let mut sum = 0_u32;
    let mut count = 0_u32;
    for digit in digits.rev() {
        let doubled = u32::from(digit) << (count & 1);
        sum += if doubled > 9 { doubled - 9 } else { doubled };
        count += 1;
    }
    count > 1 && sum.is_multiple_of(10)
}
