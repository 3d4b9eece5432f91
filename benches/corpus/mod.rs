//! Seeded texts for benches and tests: four corpora, worst cases, and chat as JSON bodies. No data files.
//!
//! What enters is a size and a seed; what leaves is text and where its values were planted. The same arguments give
//! the same bytes on every machine. Values have valid check digits and are random or of ranges reserved for examples;
//! a corpus ends at a line's end and may be a line longer than asked for.
//!
//! Shared by `#[path]`, so that no package need depend on it; not every user uses all of it.
#![allow(dead_code, unused_imports, reason = "each of its users needs a part")]

mod hostile;
mod logs;
mod prose;
mod random;
mod values;

pub(crate) use hostile::{adversarial, worst_cases};
pub(crate) use logs::logs;
pub(crate) use prose::{chat, chat_bodies, clean};
pub(crate) use random::Random;

/// The seed of every published figure.
pub(crate) const SEED: u64 = 20_261_121;

/// What a planted value is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Kind {
    Card,
    Ssn,
    Phone,
    Email,
    Iban,
    Ipv4,
    Ipv6,
    Aws,
    Sk,
    Ghp,
    Jwt,
}

impl Kind {
    /// Every kind with its share of the chat corpus, in values per 30,761.
    pub(crate) const SHARES: [(Self, usize); 11] = [
        (Self::Card, 5638),
        (Self::Ssn, 3627),
        (Self::Phone, 5576),
        (Self::Email, 6815),
        (Self::Iban, 1866),
        (Self::Ipv4, 2322),
        (Self::Ipv6, 1213),
        (Self::Aws, 946),
        (Self::Sk, 1216),
        (Self::Ghp, 930),
        (Self::Jwt, 612),
    ];

    /// The name in tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::Ssn => "ssn",
            Self::Phone => "phone",
            Self::Email => "email",
            Self::Iban => "iban",
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
            Self::Aws => "aws",
            Self::Sk => "sk",
            Self::Ghp => "ghp",
            Self::Jwt => "jwt",
        }
    }
}

/// A value and its place in the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Planted {
    pub(crate) kind: Kind,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// A text and what was planted in it, in order.
#[derive(Clone, Default, Debug)]
pub(crate) struct Corpus {
    pub(crate) text: String,
    pub(crate) planted: Vec<Planted>,
}

impl Corpus {
    fn with_capacity(size: usize) -> Self {
        Self { text: String::with_capacity(size + 4096), planted: Vec::new() }
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn plant(&mut self, kind: Kind, value: &str) {
        let start = self.text.len();
        self.text.push_str(value);
        self.planted.push(Planted { kind, start, end: self.text.len() });
    }

    /// How many values of a kind there are.
    pub(crate) fn count(&self, kind: Kind) -> usize {
        self.planted.iter().filter(|planted| planted.kind == kind).count()
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

/// The text in units that end at a line's end and are at most `limit` bytes, lines longer than that excepted.
pub(crate) fn units(text: &[u8], limit: usize) -> Vec<&[u8]> {
    let mut units = Vec::new();
    let mut rest = text;
    while rest.len() > limit {
        let fits = rest[..limit].iter().rposition(|byte| *byte == b'\n');
        let end = fits.or_else(|| rest.iter().position(|byte| *byte == b'\n')).map_or(rest.len(), |end| end + 1);
        let (unit, others) = rest.split_at(end);
        units.push(unit);
        rest = others;
    }
    if !rest.is_empty() {
        units.push(rest);
    }
    units
}

/// FNV-1a over 64 bits: tells two texts apart, nothing more.
pub(crate) fn fingerprint(text: &[u8]) -> u64 {
    text.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
