//! Numbering plans: which national numbers a calling code or a region has, walked digit by digit.
//!
//! The tables are made by `build.rs` from libphonenumber's metadata: some hundred states of finite automata. A walk
//! costs one load for each digit; nothing is compiled or allocated at run time.

/// A calling code.
struct Code {
    code: u16,
    /// First state of its national numbers.
    first: u16,
    /// Lengths of its national numbers, as a set.
    lengths: u32,
}

/// A region.
struct Region {
    /// ISO 3166 code.
    id: &'static str,
    /// What is dialled before a national number.
    prefix: &'static str,
    /// Whether numbers are written with it.
    prefix_is_written: bool,
    /// First state of its national numbers.
    first: u16,
    /// Lengths of its national numbers, as a set.
    lengths: u32,
}

include!(concat!(env!("OUT_DIR"), "/plans.rs"));

/// States of eleven little-endian words: a successor for each digit, and whether a number may end.
static STATES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/plans.bin"));

/// Place in [`CODES`] by the code's value, 255 where there is none.
static BY_VALUE: [u8; 1000] = {
    let mut table = [u8::MAX; 1000];
    let mut rest: &[Code] = &CODES;
    let mut place = 0;
    while let [code, others @ ..] = rest {
        if let Some(slot) = table.split_at_mut(code.code as usize).1.first_mut() {
            *slot = place;
        }
        place += 1;
        rest = others;
    }
    table
};

fn word(state: u16, column: usize) -> u16 {
    let at = (usize::from(state) * 11 + column) * 2;
    match STATES.get(at..at + 2) {
        Some([low, high]) => u16::from_le_bytes([*low, *high]),
        _ => 0,
    }
}

/// Whether the digits are a number of the plan that begins with this state.
fn holds(first: u16, digits: impl Iterator<Item = u8>) -> bool {
    let mut state = first;
    for digit in digits {
        state = word(state, usize::from(digit));
        if state == 0 {
            return false;
        }
    }
    word(state, 10) != 0
}

/// What the plans say of digits that begin with a calling code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Standing {
    /// No number, whatever follows.
    Never,
    /// No number yet.
    NotYet,
    /// As long as numbers of the code are, but in no range of its plan: reserved for fiction, or new.
    Possible,
    /// A number of the plan.
    Number,
}

/// What the plans say of `digits`, calling code first. A trunk zero behind the code may be left in.
pub(super) fn standing(digits: &[u8]) -> Standing {
    let mut value = 0;
    for (place, digit) in digits.iter().take(3).enumerate() {
        value = value * 10 + usize::from(*digit);
        if value == 0 {
            return Standing::Never;
        }
        let code = BY_VALUE.get(value).and_then(|place| CODES.get(usize::from(*place)));
        let Some(code) = code else { continue };
        let national = digits.get(place + 1..).unwrap_or_default();
        let trunk = national.strip_prefix(&[0]);
        let readings = || std::iter::once(national).chain(trunk);
        let lengths_from = |rest: &[u8]| code.lengths >> rest.len().min(31);
        return if readings().any(|rest| holds(code.first, rest.iter().copied())) {
            Standing::Number
        } else if readings().any(|rest| lengths_from(rest) & 1 == 1) {
            Standing::Possible
        } else if readings().any(|rest| lengths_from(rest) != 0) {
            Standing::NotYet
        } else {
            Standing::Never
        };
    }
    if digits.len() < 3 { Standing::NotYet } else { Standing::Never }
}

/// Regions by their ISO 3166 codes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct Regions([u64; 4]);

impl Regions {
    /// No region.
    pub const NONE: Self = Self([0; 4]);

    /// The codes of all regions whose numbering plans are known.
    pub fn known() -> impl Iterator<Item = &'static str> + Clone {
        REGIONS.iter().map(|region| region.id)
    }

    /// These and the region of this code; nothing where it is not known.
    #[must_use]
    pub fn with(mut self, id: &str) -> Option<Self> {
        let place = REGIONS.iter().position(|region| region.id == id)?;
        *self.0.get_mut(place / 64)? |= 1 << (place % 64);
        Some(self)
    }

    /// These and those.
    #[must_use]
    pub fn and(self, others: Self) -> Self {
        let mut both = self;
        both.0.iter_mut().zip(others.0).for_each(|(own, theirs)| *own |= theirs);
        both
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0 == [0; 4]
    }

    fn chosen(&self) -> impl Iterator<Item = &'static Region> + '_ {
        let words = self.0.iter().zip(REGIONS.chunks(64));
        words.flat_map(|(word, regions)| {
            regions.iter().enumerate().filter(move |(bit, _)| word >> bit & 1 == 1).map(|(_, region)| region)
        })
    }

    /// Whether `digits` are a national number of one of them as it is written there.
    pub(super) fn hold(&self, digits: &[u8]) -> bool {
        self.chosen().any(|region| {
            let prefix = region.prefix.bytes().map(|byte| byte - b'0');
            let begins = !region.prefix.is_empty() && digits.iter().copied().take(region.prefix.len()).eq(prefix);
            let rest = digits.get(region.prefix.len()..).unwrap_or_default();
            begins && holds(region.first, rest.iter().copied())
                || !region.prefix_is_written && holds(region.first, digits.iter().copied())
        })
    }

    /// Whether a national number of one of them may have as many digits and more.
    pub(super) fn may_go_on(&self, count: usize) -> bool {
        self.chosen().any(|region| region.lengths >> count.saturating_sub(region.prefix.len()).min(31) != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(text: &str) -> Vec<u8> {
        text.bytes().map(|byte| byte - b'0').collect()
    }

    #[test]
    fn international_numbers() {
        for (text, wanted) in [
            ("12125550123", Standing::Number),
            ("442079460958", Standing::Number),
            ("4402079460958", Standing::Number),
            ("358923115420", Standing::Number),
            ("4", Standing::NotYet),
            ("44", Standing::NotYet),
            ("4420", Standing::NotYet),
            ("0", Standing::Never),
            ("210", Standing::Never),
            ("11125550123", Standing::Possible),
            ("121255501234", Standing::Never),
        ] {
            assert_eq!(standing(&digits(text)), wanted, "{text}");
        }
    }

    #[test]
    fn numbers_of_regions() {
        let of = |id: &str| Regions::NONE.with(id).unwrap_or_default();
        assert!(of("FR").hold(&digits("0199001234")));
        assert!(!of("FR").hold(&digits("199001234")), "the zero is always written");
        assert!(of("ES").hold(&digits("612345678")));
        assert!(of("RU").hold(&digits("84951234567")));
        assert!(of("HU").hold(&digits("06201234567")));
        assert!(!of("DE").with("FR").unwrap_or_default().hold(&digits("1")));
        assert!(Regions::NONE.with("XX").is_none() && Regions::NONE.is_empty());
        assert!(Regions::known().count() > 200);
    }
}
