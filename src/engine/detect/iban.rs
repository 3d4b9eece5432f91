//! International bank account numbers: ISO 13616, each country's length and structure as the registry publishes them,
//! check digits by ISO 7064 mod 97-10; compact or in groups.
//!
//! Letters are all of one case. Groups may be of any size that is the same all through when it is one character, and are
//! set apart by what [`gap`] reads, of one kind all through, with one end of a line at most.

use super::super::byte_set::ByteSet;
use super::super::prefilter::Window;
use super::gap::{BREAK, MAX_GAP, gap};
use super::{Separator, Step};

/// Longest number: the standard's 34 characters.
const MOST: usize = 34;
/// Every character with a gap before it, and a byte to see the end. Only one gap is an end of a line.
pub(in crate::engine) const MAX_LEN: usize = MOST + (MOST - 1) * 15 + MAX_GAP + 1;

/// Countries and the structure of what follows the check digits: counts of digits (n), letters (a), either (c). First
/// the registry, then countries that use the form without being registered.
const COUNTRIES: &[(&[u8; 2], &[u8])] = &[
    (b"AD", b"8n12c"),
    (b"AE", b"19n"),
    (b"AL", b"8n16c"),
    (b"AT", b"16n"),
    (b"AZ", b"4a20c"),
    (b"BA", b"16n"),
    (b"BE", b"12n"),
    (b"BG", b"4a6n8c"),
    (b"BH", b"4a14c"),
    (b"BI", b"23n"),
    (b"BR", b"23n1a1c"),
    (b"BY", b"4c4n16c"),
    (b"CH", b"5n12c"),
    (b"CR", b"18n"),
    (b"CY", b"8n16c"),
    (b"CZ", b"20n"),
    (b"DE", b"18n"),
    (b"DJ", b"23n"),
    (b"DK", b"14n"),
    (b"DO", b"4c20n"),
    (b"EE", b"16n"),
    (b"EG", b"25n"),
    (b"ES", b"20n"),
    (b"FI", b"14n"),
    (b"FK", b"2a12n"),
    (b"FO", b"14n"),
    (b"FR", b"10n11c2n"),
    (b"GB", b"4a14n"),
    (b"GE", b"2a16n"),
    (b"GI", b"4a15c"),
    (b"GL", b"14n"),
    (b"GR", b"7n16c"),
    (b"GT", b"24c"),
    (b"HN", b"4a20n"),
    (b"HR", b"17n"),
    (b"HU", b"24n"),
    (b"IE", b"4a14n"),
    (b"IL", b"19n"),
    (b"IQ", b"4a15n"),
    (b"IS", b"22n"),
    (b"IT", b"1a10n12c"),
    (b"JO", b"4a4n18c"),
    (b"KW", b"4a22c"),
    (b"KZ", b"3n13c"),
    (b"LB", b"4n20c"),
    (b"LC", b"4a24c"),
    (b"LI", b"5n12c"),
    (b"LT", b"16n"),
    (b"LU", b"3n13c"),
    (b"LV", b"4a13c"),
    (b"LY", b"21n"),
    (b"MC", b"10n11c2n"),
    (b"MD", b"20c"),
    (b"ME", b"18n"),
    (b"MK", b"3n10c2n"),
    (b"MN", b"16n"),
    (b"MR", b"23n"),
    (b"MT", b"4a5n18c"),
    (b"MU", b"4a19n3a"),
    (b"NI", b"4a20n"),
    (b"NL", b"4a10n"),
    (b"NO", b"11n"),
    (b"OM", b"3n16c"),
    (b"PK", b"4a16c"),
    (b"PL", b"24n"),
    (b"PS", b"4a21c"),
    (b"PT", b"21n"),
    (b"QA", b"4a21c"),
    (b"RO", b"4a16c"),
    (b"RS", b"18n"),
    (b"RU", b"14n15c"),
    (b"SA", b"2n18c"),
    (b"SC", b"4a20n3a"),
    (b"SD", b"14n"),
    (b"SE", b"20n"),
    (b"SI", b"15n"),
    (b"SK", b"20n"),
    (b"SM", b"1a10n12c"),
    (b"SO", b"19n"),
    (b"ST", b"21n"),
    (b"SV", b"4a20n"),
    (b"TL", b"19n"),
    (b"TN", b"20n"),
    (b"TR", b"6n16c"),
    (b"UA", b"6n19c"),
    (b"VA", b"18n"),
    (b"VG", b"4a16n"),
    (b"XK", b"16n"),
    (b"YE", b"4a4n18c"),
    (b"AO", b"21n"),
    (b"BF", b"2c22n"),
    (b"BJ", b"2c22n"),
    (b"CF", b"23n"),
    (b"CG", b"23n"),
    (b"CI", b"2c22n"),
    (b"CM", b"23n"),
    (b"CV", b"21n"),
    (b"DZ", b"22n"),
    (b"GA", b"23n"),
    (b"GQ", b"23n"),
    (b"GW", b"2c19n"),
    (b"IR", b"22n"),
    (b"KM", b"23n"),
    (b"MA", b"24n"),
    (b"MG", b"23n"),
    (b"ML", b"2c22n"),
    (b"MZ", b"21n"),
    (b"NE", b"2a22n"),
    (b"SN", b"2c22n"),
    (b"TD", b"23n"),
    (b"TG", b"2a22n"),
];

/// Whether a number may begin with `first` behind `before`: a letter, not inside a word. Behind small letters a capital
/// may begin one (`ibanDE…`), and behind the capital that `IBAN` ends with.
pub(in crate::engine) fn may_begin(before: Option<u8>, first: u8) -> bool {
    first.is_ascii_alphabetic()
        && match before {
            Some(b'N') => true,
            Some(byte) if byte.is_ascii_lowercase() => first.is_ascii_uppercase(),
            Some(byte) => !byte.is_ascii_alphanumeric(),
            None => true,
        }
}

/// What stands round a number's beginning: two letters and two digits, in capitals with gaps between them, or one capital
/// and a gap where every character stands by itself.
pub(in crate::engine) fn windows() -> Vec<Window> {
    let is_gap = |byte: u8| !byte.is_ascii() || b" \t\r\n-./_".contains(&byte);
    let (small, capital) =
        (ByteSet::new(|byte| byte.is_ascii_lowercase()), ByteSet::new(|byte| byte.is_ascii_uppercase()));
    let digit = ByteSet::new(|byte| byte.is_ascii_digit());
    let gap = ByteSet::new(is_gap);
    let (apart, digit_apart) = (capital.union(&gap), digit.union(&gap));
    let before_small = ByteSet::new(|before| may_begin(Some(before), b'a'));
    let before_capital = ByteSet::new(|before| may_begin(Some(before), b'A'));
    vec![
        [before_small, small, small, digit, digit],
        [before_capital, capital, capital, digit_apart, digit_apart],
        [before_capital, capital, gap, apart, apart],
    ]
}

fn structure(country: [u8; 2]) -> Option<&'static [u8]> {
    COUNTRIES.iter().find(|(known, _)| **known == country).map(|(_, structure)| *structure)
}

/// The class of each character behind the check digits, one after the other.
struct Classes {
    rest: &'static [u8],
    class: u8,
    left: u8,
}

impl Iterator for Classes {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        if self.left == 0 {
            let mut count = 0;
            loop {
                let (first, rest) = self.rest.split_first()?;
                self.rest = rest;
                match first {
                    b'0'..=b'9' => count = count * 10 + (first - b'0'),
                    class => {
                        self.class = *class;
                        break;
                    }
                }
            }
            self.left = count;
        }
        self.left = self.left.checked_sub(1)?;
        Some(self.class)
    }
}

fn fits(class: u8, byte: u8) -> bool {
    match class {
        b'n' => byte.is_ascii_digit(),
        b'a' => byte.is_ascii_alphabetic(),
        _ => byte.is_ascii_alphanumeric(),
    }
}

/// A number as it is read: its characters, and how they are grouped.
struct Reader<'text> {
    text: &'text [u8],
    here: usize,
    last: bool,
    kind: Option<u8>,
    broken: bool,
    /// Characters since the last gap.
    group: usize,
    /// Whether the first group had one character only, so that all must.
    single: Option<bool>,
}

impl Reader<'_> {
    /// The next character, past a gap.
    fn next(&mut self) -> Result<u8, Step> {
        if let Some(byte) = self.text.get(self.here).filter(|byte| byte.is_ascii_alphanumeric()) {
            if self.single == Some(true) && self.group > 0 {
                return Err(Step::None);
            }
            self.here += 1;
            self.group += 1;
            return Ok(*byte);
        }
        let (len, kind) = match gap(self.text, self.here, self.last) {
            Separator::Found { len, kind } => (len, kind),
            Separator::None => return Err(Step::None),
            Separator::More => return Err(Step::More),
        };
        let one = self.group == 1;
        if kind == BREAK {
            if std::mem::replace(&mut self.broken, true) {
                return Err(Step::None);
            }
        } else if *self.kind.get_or_insert(kind) != kind || (one && self.single == Some(false)) {
            return Err(Step::None);
        }
        self.single.get_or_insert(one && kind != BREAK);
        match self.text.get(self.here + len) {
            Some(byte) if byte.is_ascii_alphanumeric() => {
                self.here += len + 1;
                // A line may end inside a group.
                self.group = if kind == BREAK && self.single != Some(true) { self.group + 1 } else { 1 };
                Ok(*byte)
            }
            None if !self.last => Err(Step::More),
            _ => Err(Step::None),
        }
    }
}

impl Reader<'_> {
    /// The next of the first four characters: set apart only where they are capitals, or every small word would wait.
    fn head(&mut self, upper: bool) -> Result<u8, Step> {
        match self.text.get(self.here) {
            Some(byte) if !upper && !byte.is_ascii_alphanumeric() => Err(Step::None),
            _ => self.next(),
        }
    }
}

/// Looks for an account number whose first letter is at `at`.
pub(in crate::engine) fn iban(text: &[u8], at: usize, last: bool) -> Step {
    let before = text.get(..at).unwrap_or_default();
    if before.last() == Some(&b'N') && before.get(before.len().saturating_sub(4)..).is_none_or(|word| word != b"IBAN") {
        return Step::None;
    }
    read(Reader { text, here: at, last, kind: None, broken: false, group: 0, single: None }).unwrap_or_else(|step| step)
}

fn read(mut reader: Reader<'_>) -> Result<Step, Step> {
    let first = reader.next()?;
    let upper = first.is_ascii_uppercase();
    let country = [first, reader.head(upper)?];
    if upper != country[1].is_ascii_uppercase() {
        return Ok(Step::None);
    }
    let Some(structure) = structure(country.map(|letter| letter.to_ascii_uppercase())) else {
        return Ok(Step::None);
    };
    let mut check = 0;
    for _ in 0..2 {
        let digit = reader.head(upper)?;
        if !digit.is_ascii_digit() {
            return Ok(Step::None);
        }
        check = check * 10 + u32::from(digit - b'0');
    }
    let mut remainder = 0;
    for class in (Classes { rest: structure, class: 0, left: 0 }) {
        let byte = reader.next()?;
        if !fits(class, byte) || (byte.is_ascii_alphabetic() && byte.is_ascii_uppercase() != upper) {
            return Ok(Step::None);
        }
        remainder = taken(remainder, byte);
    }
    for letter in country {
        remainder = taken(remainder, letter);
    }
    if !(2..=98).contains(&check) || (remainder * 100 + check) % 97 != 1 {
        return Ok(Step::None);
    }
    match reader.text.get(reader.here) {
        // Behind capitals a small letter is another word: `DE89…00and`.
        Some(byte) if byte.is_ascii_lowercase() && upper && reader.kind.is_none() && !reader.broken => {
            Ok(Step::Match(reader.here))
        }
        Some(byte) if byte.is_ascii_alphanumeric() => Ok(Step::None),
        None if !reader.last => Ok(Step::More),
        _ => Ok(Step::Match(reader.here)),
    }
}

/// The remainder by 97 with one more character; letters count as two digits, A as 10.
fn taken(remainder: u32, byte: u8) -> u32 {
    match byte {
        b'0'..=b'9' => (remainder * 10 + u32::from(byte - b'0')) % 97,
        _ => (remainder * 100 + u32::from(byte.to_ascii_uppercase() - b'A') + 10) % 97,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_examples() {
        for text in [
            "GB82WEST12345698765432",
            "DE89370400440532013000",
            "FR1420041010050500013M02606",
            "NO9386011117947",
            "MT84MALT011000012345MTLCAST001S",
            "BR1800360305000010009795493C1",
            "SC18SSCB11010000000000001497USD",
            "LC55HEMM000100010012001200023015",
            "CH9300762011623852957",
            "NL91ABNA0417164300",
            "gb82west12345698765432",
            "GB82 WEST 1234 5698 7654 32",
            "GB82-WEST-1234-5698-7654-32",
            "GB82\u{a0}WEST\u{a0}1234\u{a0}5698\u{a0}7654\u{a0}32",
            "GB82  WEST  1234  5698  7654  32",
            "GB82 WEST 123456 98765432",
            "GB82 - WEST - 1234 - 5698 - 7654 - 32",
            "GB82/WEST/1234/5698/7654/32",
            "GB82 WEST 1234\r\n    5698 7654 32",
            "GB82WEST123\n45698765432",
            "GB82 WEST 123\r\n  4 5698 7654 32",
            "G B 8 2 W E S T 1 2 3 4 5 6 9 8 7 6 5 4 3 2",
            "DE 89 3704 0044 0532 0130 00",
        ] {
            assert_eq!(iban(text.as_bytes(), 0, true), Step::Match(text.len()), "{text}");
        }
        assert_eq!(iban(b"ibanDE89370400440532013000", 4, true), Step::Match(26));
        assert_eq!(iban(b"IBANDE89370400440532013000", 4, true), Step::Match(26));
        assert_eq!(iban(b"NL91 ABNA 0417 1643 00 and more", 0, true), Step::Match(22));
        assert_eq!(iban(b"DE89370400440532013000and", 0, true), Step::Match(22));
        assert_eq!(iban(b"DE89370400440532013000A", 0, true), Step::None);
    }

    #[test]
    fn what_is_no_account() {
        for text in [
            "GB82WEST12345698765433",
            "GB82WEST1234569876543",
            "GB82WEST123456987654321",
            "GB82WEST1234569876543x",
            "GB82 WEST-1234-5698-7654-32",
            "Gb82WEST12345698765432",
            "GB82wEST12345698765432",
            "ZZ82WEST12345698765432",
            "GB821234WEST5698765432",
            "GB82 WEST 1234\n5698\n7654 32",
            "no 12 people",
            "g b 8 2 w e s t 1 2 3 4 5 6 9 8 7 6 5 4 3 2",
        ] {
            assert_eq!(iban(text.as_bytes(), 0, true), Step::None, "{text}");
        }
        assert_eq!(iban(b"XNDE89370400440532013000", 2, true), Step::None);
    }

    #[test]
    fn every_structure_is_as_long_as_its_country() {
        for (country, structure) in COUNTRIES {
            let count = Classes { rest: structure, class: 0, left: 0 }.count();
            assert!((11..=MOST - 4).contains(&count), "{country:?} {count}");
            assert_eq!(COUNTRIES.iter().filter(|(other, _)| other == country).count(), 1);
        }
    }

    #[test]
    fn an_answer_never_changes_with_more_text() {
        for text in [
            "GB82 WEST 1234 5698 7654 32 9 x",
            "GB82WEST12345698765432\r\n  1",
            "G B 8 2 W E S T 1 2 3 4 5 6 9 8 7 6 5 4 3 2 1",
            "GB82 - WEST \u{2013} 1234",
            "FR14 20041 01005 0500013M026\r\n   06.",
        ] {
            let bytes = text.as_bytes();
            let whole = iban(bytes, 0, true);
            for cut in 1..bytes.len() {
                let early = iban(&bytes[..cut], 0, false);
                assert!(early == Step::More || early == whole, "{text:?} at {cut}");
            }
        }
    }
}
