//! Arithmetic that a match must pass. Shapes belong to patterns, arithmetic here.
//!
//! Enters: the bytes of a match. Leaves: whether they pass. A check is a line in the table of its family; a family is a
//! file with such a table, named in `FAMILIES`.

mod arithmetic;
mod business;
mod device;
mod fields;
mod finance;
mod government_europe;
mod government_world;
mod health;
mod network;
mod phone;
mod secrets;
mod words;

/// A check on a match, by the name it has in rule files.
///
/// It is given the match as it stands in the text, with its separators, and does not change its answer with what
/// stands round it.
#[derive(Clone, Copy)]
pub struct Validator {
    name: &'static str,
    accepts: fn(&[u8]) -> bool,
}

/// A check's name and its function.
type Check = (&'static str, fn(&[u8]) -> bool);

/// Every check, by family.
const FAMILIES: &[&[Check]] = &[
    GENERAL,
    secrets::SECRETS,
    fields::FIELDS,
    finance::CHECKS,
    device::CHECKS,
    network::CHECKS,
    business::CHECKS,
    government_europe::CHECKS,
    government_world::GOVERNMENT_WORLD,
    health::HEALTH,
    phone::PHONE,
];

/// Arithmetic that numbers of many kinds share.
const GENERAL: &[Check] = &[("luhn", |value| luhn(digits(value)))];

fn checks() -> impl Iterator<Item = &'static Check> + Clone {
    FAMILIES.iter().copied().flatten()
}

impl Validator {
    /// Every name there is.
    pub fn names() -> impl Iterator<Item = &'static str> + Clone {
        checks().map(|(name, _)| *name)
    }

    /// The validator of this name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        let found = checks().find(|(known, _)| *known == name);
        found.map(|(name, accepts)| Self { name, accepts: *accepts })
    }

    /// Its name in rule files.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.name
    }

    /// Whether `value` passes.
    #[must_use]
    pub fn accepts(self, value: &[u8]) -> bool {
        (self.accepts)(value)
    }
}

impl PartialEq for Validator {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Validator {}

impl std::fmt::Debug for Validator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// The ASCII digits of a match, as numbers.
pub(super) fn digits(value: &[u8]) -> impl DoubleEndedIterator<Item = u8> + Clone + '_ {
    value.iter().filter(|byte| byte.is_ascii_digit()).map(|byte| byte - b'0')
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
