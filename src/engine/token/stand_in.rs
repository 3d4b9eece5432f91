//! Stand-ins: values that are nobody's, in the shape of those whose place they take.
//!
//! Enters: an entity, a value, and keyed bits. Leaves: a number with valid check digits of a range that nobody is given, an
//! address at example.com, and so on, written as the value is; none for an entity or a spelling that has no such range. What
//! a stand-in is known by ([`key`]) leaves out how its groups are set apart. README.md has the ranges.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use super::base32;
use super::beside::{may_begin, may_end};
use crate::engine::rule::EntityType;

/// How often another one is tried for a value, where one stands in the text or for another value.
pub(super) const TRIES: u8 = 16;

/// Areas of North America's plan that there are: a number of another would be none to a reader.
#[rustfmt::skip]
const AREAS: [u16; 64] = [
    201, 202, 203, 205, 206, 207, 208, 209, 210, 212, 213, 214, 215, 216, 217, 218,
    219, 224, 225, 228, 229, 231, 234, 239, 240, 248, 251, 252, 253, 254, 256, 260,
    262, 267, 269, 270, 276, 281, 301, 302, 303, 304, 305, 307, 308, 309, 310, 312,
    313, 314, 315, 316, 317, 318, 319, 320, 321, 323, 325, 330, 334, 336, 337, 339,
];

/// What may stand between the groups of a number.
pub(super) fn is_separator(byte: u8) -> bool {
    matches!(byte, b' ' | b'-' | b'.' | b'(' | b')' | b'/')
}

/// Whether a text is only itself as it stands: an address.
fn is_exact(text: &str) -> bool {
    text.contains(['@', ':']) || text.parse::<IpAddr>().is_ok()
}

/// What a value or a stand-in is known by: letters in lower case; of what is no address, without separators.
pub(super) fn key(text: &str) -> Vec<u8> {
    let exact = is_exact(text);
    let telling = text.bytes().filter(|byte| exact || !is_separator(*byte));
    telling.map(|byte| byte.to_ascii_lowercase()).collect()
}

/// Keyed bits, used up number by number.
struct Bits(u128);

impl Bits {
    /// A number below this one.
    fn below(&mut self, below: u8) -> u8 {
        let below = u128::from(below.max(1));
        let drawn = self.0 % below;
        self.0 /= below;
        u8::try_from(drawn).unwrap_or_default()
    }

    fn digits(&mut self, count: usize, into: &mut Vec<u8>) {
        into.extend((0..count).map(|_| self.below(10)));
    }
}

/// A value's stand-in under these bits.
pub(super) fn made(entity: &str, value: &str, bits: &[u8; 16]) -> Option<String> {
    let number = u128::from_be_bytes(*bits);
    let mut drawn = Bits(number);
    match entity {
        "EMAIL" => {
            let mut local = Vec::new();
            base32::encode(bits.get(..10)?, &mut local);
            Some(format!("{}@example.com", String::from_utf8(local).ok()?))
        }
        "CREDIT_CARD" => poured(value, &card(digits(value)?.len(), &mut drawn)?),
        // Area numbers from 900 on are none of Social Security's, and with groups below 50 none of the tax office's.
        "US_SSN" => poured(value, &area_900(digits(value)?.len(), 1, &mut drawn)?),
        "US_ITIN" => poured(value, &area_900(digits(value)?.len(), 25, &mut drawn)?),
        "PHONE" => phone(value, &mut drawn),
        "IBAN" => iban(value, &mut drawn),
        "IP_ADDRESS" => match value.parse().ok()? {
            IpAddr::V4(_) => {
                // RFC 5737.
                let [a, b, c] = match drawn.below(3) {
                    0 => [192, 0, 2],
                    1 => [198, 51, 100],
                    _ => [203, 0, 113],
                };
                Some(Ipv4Addr::new(a, b, c, (number >> 64) as u8).to_string())
            }
            // RFC 3849.
            IpAddr::V6(_) => Some(Ipv6Addr::from_bits(0x2001_0db8 << 96 | number >> 32).to_string()),
        },
        _ => None,
    }
}

/// The digits of a number that has nothing but digits and separators.
fn digits(value: &str) -> Option<Vec<u8>> {
    let plain = value.bytes().all(|byte| byte.is_ascii_digit() || is_separator(byte));
    plain.then(|| value.bytes().filter(u8::is_ascii_digit).map(|digit| digit - b'0').collect())
}

/// The value with these digits in place of its own.
fn poured(value: &str, digits: &[u8]) -> Option<String> {
    let mut digits = digits.iter();
    let mut out = String::with_capacity(value.len());
    for character in value.chars() {
        match character.is_ascii_digit() {
            true => out.push(char::from(b'0' + digits.next()?)),
            false => out.push(character),
        }
    }
    digits.next().is_none().then_some(out)
}

/// A number of a national issuer (ISO/IEC 7812-1: 9 and the country's code) of a country that never will be (ISO 3166-1: 999),
/// with its check digit.
fn card(len: usize, bits: &mut Bits) -> Option<Vec<u8>> {
    if !(12..=19).contains(&len) {
        return None;
    }
    let mut digits = vec![9; 4];
    bits.digits(len - 5, &mut digits);
    let doubled = |(place, digit): (usize, &u8)| match (place % 2, digit * 2) {
        (0, twice) if twice > 9 => twice - 9,
        (0, twice) => twice,
        _ => *digit,
    };
    let sum: u32 = digits.iter().rev().enumerate().map(doubled).map(u32::from).sum();
    digits.push(u8::try_from((10 - sum % 10) % 10).unwrap_or_default());
    Some(digits)
}

/// Nine digits of an area of 900 to 999, with one of 24 groups from `group` on.
fn area_900(len: usize, group: u8, bits: &mut Bits) -> Option<Vec<u8>> {
    if len != 9 {
        return None;
    }
    let mut digits = vec![9];
    bits.digits(2, &mut digits);
    let group = group + bits.below(24);
    digits.extend([group / 10, group % 10]);
    bits.digits(3, &mut digits);
    // No serial number is 0000.
    digits.push(1 + bits.below(9));
    Some(digits)
}

/// In North America's plan 555-01xx, which is for fiction, of [`AREAS`]; elsewhere the country code 999, which is nobody's (ITU-T E.164).
fn phone(value: &str, bits: &mut Bits) -> Option<String> {
    let (plus, rest) = match value.strip_prefix('+') {
        Some(rest) => (true, rest),
        None => (false, value),
    };
    let own = digits(rest)?;
    let mut made = Vec::new();
    match (plus, own.as_slice()) {
        (_, [1, area, ..]) if own.len() == 11 && *area > 1 => made.push(1),
        (false, [area, ..]) if own.len() == 10 && *area > 1 => {}
        (true, _) if (8..=15).contains(&own.len()) => {
            made.extend([9, 9, 9]);
            bits.digits(own.len() - 3, &mut made);
            return poured(value, &made);
        }
        _ => return None,
    }
    let area = AREAS.get(usize::from(bits.below(64))).copied()?;
    made.extend([area / 100, area / 10 % 10, area % 10].map(|digit| digit as u8));
    made.extend([5, 5, 5, 0, 1]);
    bits.digits(2, &mut made);
    poured(value, &made)
}

/// The same country's, with its check digits (ISO 13616-1), of a bank that is none where a country has such codes. What a
/// country checks within the number is not made.
fn iban(value: &str, bits: &mut Bits) -> Option<String> {
    if !value.bytes().all(|byte| byte.is_ascii_alphanumeric() || is_separator(byte)) {
        return None;
    }
    let plain: Vec<u8> =
        value.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_uppercase()).collect();
    let (country, account) = (plain.get(..2)?, plain.get(4..).filter(|rest| (11..=30).contains(&rest.len()))?);
    let mut made: Vec<u8> = account
        .iter()
        .map(|byte| if byte.is_ascii_digit() { b'0' + bits.below(10) } else { b'A' + bits.below(26) })
        .collect();
    let bank: &[u8] = match country {
        _ if account.get(..4)?.iter().all(u8::is_ascii_uppercase) => b"QQQQ",
        b"DE" | b"AT" => b"9",
        b"ES" => b"0000",
        b"FR" | b"PT" | b"CH" => b"00000",
        _ => b"",
    };
    made.get_mut(..bank.len())?.copy_from_slice(bank);
    let worth = made.iter().chain(country).chain(b"00").fold(0_u32, |sum, byte| match byte {
        b'0'..=b'9' => (sum * 10 + u32::from(byte - b'0')) % 97,
        _ => (sum * 100 + u32::from(byte - b'A') + 10) % 97,
    });
    let check = 98 - worth;
    let all = country.iter().copied().chain([b'0' + (check / 10) as u8, b'0' + (check % 10) as u8]).chain(made);
    let mut all = all.collect::<Vec<u8>>().into_iter();
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        let byte = match byte.is_ascii_alphanumeric() {
            true if byte.is_ascii_lowercase() => all.next()?.to_ascii_lowercase(),
            true => all.next()?,
            false => byte,
        };
        out.push(char::from(byte));
    }
    Some(out)
}

/// What a text is, read from its first byte.
pub(super) enum Standing {
    /// No stand-in begins here.
    None,
    /// One may.
    Open,
    /// One of `len` bytes stands behind `before` others, for this value.
    Here { before: usize, len: usize, value: Arc<str> },
}

/// A stand-in by its key, and the value that it stands for.
type Entry = (Arc<[u8]>, Arc<str>);

/// Stand-ins that are live, each list sorted, so that a reader can follow them letter by letter.
#[derive(Default)]
pub(super) struct Standings {
    /// Addresses.
    exact: Vec<Entry>,
    /// Numbers, whose groups may be set apart in any way.
    loose: Vec<Entry>,
    first: u128,
}

impl Standings {
    pub(super) fn new<'a>(all: impl Iterator<Item = (&'a Arc<[u8]>, &'a Arc<str>)>) -> Self {
        let mut made = Self::default();
        for (key, value) in all {
            let exact = key.iter().any(|byte| matches!(byte, b'@' | b':' | b'.'));
            let list = if exact { &mut made.exact } else { &mut made.loose };
            list.push((Arc::clone(key), Arc::clone(value)));
            made.first |= key.first().filter(|byte| byte.is_ascii()).map_or(0, |byte| 1 << byte);
        }
        if !made.loose.is_empty() {
            made.first |= 1 << b'(';
        }
        made
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first == 0
    }

    /// Whether one may begin with this byte.
    pub(super) fn begins(&self, byte: u8) -> bool {
        self.first != 0 && byte.is_ascii() && self.first & 1 << byte.to_ascii_lowercase() != 0
    }

    /// What a text begins with behind another, of which `before` gives the bytes, the last one first.
    pub(super) fn read(&self, text: &[u8], before: impl Fn(usize) -> u8, last: bool) -> Standing {
        let address = match may_begin(&before, true) {
            true => follow(&self.exact, text, false, last),
            false => Standing::None,
        };
        // What stands before a parenthesis is set apart by it.
        let apart = || text.first() == Some(&b'(') || may_begin(&before, false);
        match address {
            Standing::None if apart() => follow(&self.loose, text, true, last),
            found => found,
        }
    }
}

/// Follows a text along sorted keys; the longest that it begins with counts.
fn follow(keys: &[Entry], text: &[u8], loose: bool, last: bool) -> Standing {
    let paren = loose && text.first() == Some(&b'(');
    let (mut at, mut letters, mut skipped, mut closed) = (usize::from(paren), 0, 0, false);
    let mut range = keys;
    let mut found = Standing::None;
    loop {
        if let Some((_, value)) = range.first().filter(|(key, _)| key.len() == letters && skipped == 0) {
            match may_end(text.get(at..).unwrap_or_default(), loose, last) {
                None => return Standing::Open,
                Some(false) => {}
                Some(true) => {
                    // A parenthesis that is not closed within is not of the number.
                    let before = usize::from(paren && !closed);
                    found = Standing::Here { before, len: at - before, value: Arc::clone(value) };
                }
            }
        }
        // Of keys that agree so far, only the first may end here.
        if range.len() < 2 && range.first().is_none_or(|(key, _)| key.len() <= letters) {
            return found;
        }
        let Some(byte) = text.get(at) else { return if last { found } else { Standing::Open } };
        if loose && letters > 0 && skipped < 2 && is_separator(*byte) {
            (at, skipped, closed) = (at + 1, skipped + 1, closed || *byte == b')');
            continue;
        }
        let byte = byte.to_ascii_lowercase();
        let letter = |(key, _): &Entry| key.get(letters).copied();
        let from = range.partition_point(|entry| letter(entry) < Some(byte));
        let to = range.partition_point(|entry| letter(entry) <= Some(byte));
        range = range.get(from..to).unwrap_or_default();
        if range.is_empty() {
            return found;
        }
        (at, letters, skipped) = (at + 1, letters + 1, 0);
    }
}

/// A live stand-in.
struct StandIn {
    /// None where nobody is given it back: then it is only known for what it is.
    value: Option<Arc<str>>,
    entity: EntityType,
    /// The value's normal form.
    normal: Box<[u8]>,
    /// How often an answer had been looked at when it was made.
    turn: u64,
}

/// The stand-ins of an exchange, and the values that stood in its requests.
#[derive(Default)]
pub(super) struct Stands {
    /// By what they are known by.
    live: BTreeMap<Arc<[u8]>, StandIn>,
    /// What no stand-in may be: values of the exchange itself.
    taken: BTreeSet<Box<[u8]>>,
    turn: u64,
    /// A value could not be kept, so that nothing may be taken for none of the exchange's.
    blind: bool,
    /// How many of the live ones are given back.
    given_back: usize,
}

/// What a text would be for a value.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Fit {
    /// It stands for that value already.
    Known,
    /// Nobody has it.
    Free,
    /// It is a value of the exchange, or stands for another one.
    Taken,
}

impl Stands {
    pub(super) fn len(&self) -> usize {
        self.live.len()
    }

    /// Notes a value, if `fits` still takes so many values and bytes more; the bytes that it takes. Without room there is no
    /// stand-in from here on.
    pub(super) fn take(&mut self, value: &str, fits: impl Fn(usize, usize) -> bool) -> usize {
        let key = key(value);
        if self.taken.contains(key.as_slice()) {
            return 0;
        }
        self.blind |= !fits(self.taken.len(), key.len());
        if self.blind {
            return 0;
        }
        let bytes = key.len();
        self.taken.insert(key.into());
        bytes
    }

    /// Ends what this text stood for: it is a value that stays where it is. Whether it stood for anything.
    pub(super) fn end(&mut self, value: &str) -> bool {
        let ended = self.live.remove(key(value).as_slice());
        self.given_back -= usize::from(ended.as_ref().is_some_and(|ended| ended.value.is_some()));
        ended.is_some()
    }

    /// How many are given back.
    pub(super) fn given_back(&self) -> usize {
        self.given_back
    }

    /// What a text would be for this value.
    pub(super) fn fit(&self, shown: &str, entity: &EntityType, normal: &[u8]) -> Fit {
        let key = key(shown);
        match self.live.get(key.as_slice()) {
            _ if self.blind || self.taken.contains(key.as_slice()) => Fit::Taken,
            Some(known) if known.entity == *entity && *known.normal == *normal => Fit::Known,
            Some(_) => Fit::Taken,
            None => Fit::Free,
        }
    }

    /// Has a text stand for a value; which one is given back, where one is.
    pub(super) fn put(&mut self, shown: &str, entity: &EntityType, normal: &[u8], value: Option<&str>) {
        let (entity, normal, turn) = (entity.clone(), normal.into(), self.turn);
        self.given_back += usize::from(value.is_some());
        self.live.insert(key(shown).into(), StandIn { value: value.map(Arc::from), entity, normal, turn });
    }

    /// Whether a text stands for a value: in an answer, or in a request that came behind one.
    pub(super) fn has(&self, text: &str, in_request: bool) -> bool {
        self.live.get(key(text).as_slice()).is_some_and(|known| !in_request || known.turn < self.turn)
    }

    /// An answer is looked at: what stands for a value now may come back in the next request.
    pub(super) fn told(&mut self) -> Standings {
        self.turn += 1;
        Standings::new(self.live.iter().filter_map(|(key, known)| Some((key, known.value.as_ref()?))))
    }
}
