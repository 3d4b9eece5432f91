//! What a rule says, before it is compiled: identity, pattern, and the checks a match must pass.

use std::fmt;
use std::sync::Arc;

use super::detect::Regions;
use super::terms::TermList;
use super::validate::Validator;

/// A rule's permanent name, beginning with its pack's: `secrets.github-token`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RuleId(Arc<str>);

/// What a rule finds, in upper case: `CREDIT_CARD`, `EMAIL`, or a name of the user's own.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EntityType(Arc<str>);

macro_rules! name_type {
    ($name:ident) => {
        impl $name {
            /// Wraps the name as it stands; policy has checked its form.
            #[must_use]
            pub fn new(name: &str) -> Self {
                Self(Arc::from(name))
            }

            /// The name.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}
name_type!(RuleId);
name_type!(EntityType);

/// A rule as its author wrote it. [`super::RuleSet::build`] turns a list of these into something that scans.
#[derive(Clone, Debug)]
pub struct RuleSpec {
    /// Permanent name, unique in a rule set.
    pub id: RuleId,
    /// What a match is.
    pub entity: EntityType,
    /// How a match is found.
    pub pattern: Pattern,
    /// Arithmetic that a match must pass.
    pub validator: Option<Validator>,
    /// Words of which one must stand near a match.
    pub keywords: Option<Keywords>,
    /// Values that are never findings.
    pub suppressions: Vec<Suppression>,
    /// Decides between two matches of the same span: the higher wins. 0 unless told.
    pub priority: i32,
    /// How likely a match is to be what the rule says, in percent, 1 to 100. A workspace's threshold leaves out the
    /// rules below it.
    pub confidence: u8,
}

impl RuleSpec {
    /// The confidence of a rule that states none, in percent.
    pub const CONFIDENCE: u8 = 80;
}

/// How a rule finds its candidates.
#[derive(Clone, Debug)]
pub enum Pattern {
    /// A hand-written detector, by name.
    Detector(Detector),
    /// A regular expression in the `regex` crate's syntax. Word boundaries (`\b`, `\B`) look at ASCII letters, digits
    /// and `_` only, so that a neighbour of another script does not hide a value.
    Regex {
        /// The expression.
        pattern: String,
        /// The longest match in bytes; must be told when the expression itself sets none.
        max_len: Option<usize>,
    },
    /// A list of literal values.
    Terms(TermList),
    /// The whole text of a field that one of these names.
    Field {
        /// What a field's label ends with, as words; behind `*` what its last word ends with.
        names: Vec<String>,
        /// The longest text of a field, in bytes; 1,024 unless told. A longer one is no match.
        max_len: Option<usize>,
    },
    /// Not by the engine: another service says where its matches are ([`super::Marks`]).
    External,
}

/// Detectors whose shapes a regular expression cannot say well.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Detector {
    /// Payment card numbers (ISO/IEC 7812): 13 to 19 digits of a known issuer range, Luhn check digit, usual groupings.
    Card,
    /// US social security numbers with separators, by the SSA's area, group and serial rules.
    UsSsn,
    /// US individual taxpayer numbers with separators: 9xx and a group of the IRS's ranges.
    UsItin,
    /// Phone numbers: NANP with separators, and international ones of their country's numbering plan.
    Phone,
    /// National phone numbers of these regions, as they are written there.
    PhoneNational(Regions),
    /// Whatever may be a national phone number of some country; for rules with keywords.
    PhoneAny,
    /// E-mail addresses (RFC 5321 as used: dot-atom local part, domain of two labels or more).
    Email,
    /// International bank account numbers (ISO 13616): each country's length and structure, mod 97.
    Iban,
    /// IPv4 addresses in dotted decimal, but not versions, netmasks and loopback.
    Ipv4,
    /// IPv6 addresses in every spelling, with their zone.
    Ipv6,
    /// Hardware addresses of 48 and 64 bits, in pairs or groups of four.
    Mac,
    /// E-mail addresses that are spelled: `jane at example dot com`, `jane (at) example.com`.
    EmailSpelled,
}

impl Detector {
    /// Every detector with the name it has in rule files.
    pub const ALL: [(&'static str, Self); 12] = [
        ("card", Self::Card),
        ("us-ssn", Self::UsSsn),
        ("us-itin", Self::UsItin),
        ("phone", Self::Phone),
        ("phone-national", Self::PhoneNational(Regions::NONE)),
        ("phone-any", Self::PhoneAny),
        ("email", Self::Email),
        ("iban", Self::Iban),
        ("ipv4", Self::Ipv4),
        ("ipv6", Self::Ipv6),
        ("mac", Self::Mac),
        ("email-spelled", Self::EmailSpelled),
    ];

    /// Its place in [`Detector::ALL`].
    pub(super) fn slot(self) -> usize {
        match self {
            Self::Card => 0,
            Self::UsSsn => 1,
            Self::UsItin => 2,
            Self::Phone => 3,
            Self::PhoneNational(_) => 4,
            Self::PhoneAny => 5,
            Self::Email => 6,
            Self::Iban => 7,
            Self::Ipv4 => 8,
            Self::Ipv6 => 9,
            Self::Mac => 10,
            Self::EmailSpelled => 11,
        }
    }

    /// Its name in rule files.
    #[must_use]
    pub fn name(self) -> &'static str {
        let kind = std::mem::discriminant(&self);
        Self::ALL.iter().find(|(_, known)| std::mem::discriminant(known) == kind).map_or("", |(name, _)| *name)
    }

    /// The detector of this name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, detector)| *detector)
    }
}

/// Words of which one must stand near a match, compared without case and at word boundaries.
#[derive(Clone, Debug)]
pub struct Keywords {
    /// The words or phrases.
    pub words: Vec<String>,
    /// How many characters before a match are looked at.
    pub before: usize,
    /// How many characters after a match are looked at; text is held until they are known.
    pub after: usize,
}

/// A value that is never a finding of its rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Suppression {
    /// Exactly these bytes.
    Value(String),
    /// An e-mail address whose domain is this one; `*.acme.com` covers every subdomain. Compared without ASCII case.
    EmailDomain(String),
}
