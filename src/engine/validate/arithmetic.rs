//! Arithmetic that checks of several families share: digits of a match, sums by weights, the check systems of standards,
//! dates.
//!
//! Nothing here knows a country. A function takes digits as numbers or letters as upper-case ASCII; what cannot be
//! read as such is `None`.

use std::iter::zip;

/// The digits of a match that has exactly `N` of them and no letter; separators are passed over.
pub(super) fn digits_of<const N: usize>(value: &[u8]) -> Option<[u8; N]> {
    let found = symbols_of::<N>(value)?;
    found.iter().all(u8::is_ascii_digit).then(|| found.map(|byte| byte - b'0'))
}

/// The letters, in upper case, and digits of a match that has exactly `N` of them; separators are passed over.
pub(super) fn symbols_of<const N: usize>(value: &[u8]) -> Option<[u8; N]> {
    let mut found = [0; N];
    let mut places = found.iter_mut();
    for byte in value.iter().filter(|byte| byte.is_ascii_alphanumeric()) {
        *places.next()? = byte.to_ascii_uppercase();
    }
    let full = places.next().is_none();
    full.then_some(found)
}

/// The number that digits make. At most 19 of them.
pub(super) fn number(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |sum, digit| sum * 10 + u64::from(*digit))
}

/// The number that digit characters make; `None` with any other character.
pub(super) fn decimal(symbols: &[u8]) -> Option<u64> {
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| u64::from(byte - b'0'));
    symbols.iter().try_fold(0, |sum, byte| Some(sum * 10 + digit(byte)?))
}

/// The number that two digits make.
pub(super) fn tens(ten: u8, one: u8) -> u32 {
    u32::from(ten) * 10 + u32::from(one)
}

/// The sum of the digits, each by its weight; digits beyond the weights do not count.
pub(super) fn weighted(digits: &[u8], weights: &[u8]) -> u32 {
    zip(digits, weights).map(|(digit, weight)| u32::from(*digit) * u32::from(*weight)).sum()
}

/// What the sum by weights lacks to a multiple of `modulus`.
pub(super) fn lacking(digits: &[u8], weights: &[u8], modulus: u32) -> u32 {
    (modulus - weighted(digits, weights) % modulus) % modulus
}

/// The digits of the sum of each digit by its weight, added up one by one: 14 counts 1 + 4.
pub(super) fn cross_sum(digits: &[u8], weights: &[u8]) -> u32 {
    let products = zip(digits, weights).map(|(digit, weight)| u32::from(*digit) * u32::from(*weight));
    products.map(|product| product / 100 + product / 10 % 10 + product % 10).sum()
}

/// ISO/IEC 7064, MOD 11,10: the last digit checks the others.
pub(super) fn mod_11_10(digits: &[u8]) -> bool {
    let Some((check, body)) = digits.split_last() else { return false };
    let product = body.iter().fold(10, |product, digit| {
        let sum = (product + u32::from(*digit)) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    !body.is_empty() && (11 - product) % 10 == u32::from(*check)
}

/// Verhoeff's scheme over the dihedral group of ten: the last digit checks the others.
pub(super) fn verhoeff(digits: &[u8]) -> bool {
    let mut state = 0;
    for (place, digit) in digits.iter().rev().enumerate() {
        let mut moved = u32::from(*digit);
        for _ in 0..place % 8 {
            moved = permuted(moved);
        }
        state = product(state, moved);
    }
    digits.len() > 1 && state == 0
}

/// The product of two elements of the dihedral group: 0 to 4 turn, 5 to 9 turn and mirror.
fn product(left: u32, right: u32) -> u32 {
    match (left < 5, right < 5) {
        (true, true) => (left + right) % 5,
        (true, false) => 5 + (left + right) % 5,
        (false, true) => 5 + (left + 5 - right) % 5,
        (false, false) => (left + 5 - right % 5) % 5,
    }
}

/// Verhoeff's permutation, once: (1 5 8 9 4 2 7 0)(3 6).
fn permuted(digit: u32) -> u32 {
    match digit {
        0 => 1,
        1 => 5,
        2 => 7,
        3 => 6,
        4 => 2,
        5 => 8,
        6 => 3,
        7 => 0,
        8 => 9,
        _ => 4,
    }
}

/// The number a letter or digit stands for in ICAO 9303 and ISO 7064: 0 to 9, A = 10 to Z = 35.
pub(super) fn base36(symbol: u8) -> Option<u32> {
    char::from(symbol).to_digit(36)
}

/// ICAO 9303: the sum by weights 7, 3, 1, the last digit of which is the check digit.
pub(super) fn icao_sum(symbols: &[u8]) -> Option<u32> {
    let mut sum = 0;
    for (symbol, weight) in zip(symbols, [7, 3, 1].into_iter().cycle()) {
        sum += base36(*symbol)? * weight;
    }
    Some(sum % 10)
}

/// EAN/GS1: weights 1 and 3 from the left, for an odd number of digits in all; the sum must end in 0.
pub(super) fn ean(digits: &[u8]) -> bool {
    let weights = [1, 3].into_iter().cycle();
    digits.len() % 2 == 1
        && zip(digits, weights).map(|(digit, weight)| u32::from(*digit) * weight).sum::<u32>() % 10 == 0
}

/// The place of a letter in an alphabet of check letters.
pub(super) fn place_in(alphabet: &[u8], letter: u8) -> Option<u32> {
    let place = alphabet.iter().position(|known| *known == letter)?;
    u32::try_from(place).ok()
}

/// Whether the calendar has this day.
pub(super) fn is_day(year: u32, month: u32, day: u32) -> bool {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let last = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return false,
    };
    (1..=last).contains(&day)
}

/// Whether some century has this day: 29 February needs a year that 4 divides.
pub(super) fn is_short_day(year: u32, month: u32, day: u32) -> bool {
    is_day(2000 + year % 100, month, day)
}

/// For tests: a check takes all of some texts and none of others.
#[cfg(test)]
pub(super) fn all(check: fn(&[u8]) -> bool, good: &[&str], bad: &[&str]) {
    good.iter().for_each(|text| assert!(check(text.as_bytes()), "{text}"));
    bad.iter().for_each(|text| assert!(!check(text.as_bytes()), "{text}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_read_past_separators_and_never_past_letters() {
        assert_eq!(digits_of::<4>(b"12-3 4"), Some([1, 2, 3, 4]));
        assert_eq!(digits_of::<4>(b"123"), None);
        assert_eq!(digits_of::<4>(b"12345"), None);
        assert_eq!(digits_of::<4>(b"12A4"), None);
        assert_eq!(symbols_of::<4>("1\u{2011}2a4".as_bytes()), Some(*b"12A4"));
        assert_eq!(decimal(b"0190"), Some(190));
        assert_eq!(decimal(b"01A0"), None);
    }

    #[test]
    fn the_standards_examples_hold() {
        // ISO/IEC 7064: 0794 has the check digit 5 in MOD 11,10.
        assert!(mod_11_10(&[0, 7, 9, 4, 5]));
        assert!(!mod_11_10(&[0, 7, 9, 4, 6]) && !mod_11_10(&[5]) && !mod_11_10(&[]));
        // Verhoeff: 236 has the check digit 3.
        assert!(verhoeff(&[2, 3, 6, 3]));
        assert!(!verhoeff(&[2, 6, 3, 3]) && !verhoeff(&[2, 3, 6, 4]) && !verhoeff(&[0]));
        // ICAO 9303, part 3: L898902C3 has the check digit 6, the date 740812 has 2.
        assert_eq!(icao_sum(b"L898902C3"), Some(6));
        assert_eq!(icao_sum(b"740812"), Some(2));
        assert_eq!(icao_sum(b"74<812"), None);
        // GS1: 4006381333931.
        assert!(ean(&[4, 0, 0, 6, 3, 8, 1, 3, 3, 3, 9, 3, 1]));
        assert!(!ean(&[4, 0, 0, 6, 3, 8, 1, 3, 3, 3, 9, 3, 2]));
    }

    #[test]
    fn single_faults_and_most_swaps_fail_verhoeff() {
        let good = [2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2];
        let check = (0..10).find(|check| verhoeff(&[&good[..], &[*check]].concat())).unwrap();
        let whole = [&good[..], &[check]].concat();
        for place in 0..whole.len() {
            for digit in (0..10).filter(|digit| *digit != whole[place]) {
                let mut wrong = whole.clone();
                wrong[place] = digit;
                assert!(!verhoeff(&wrong));
            }
            if place > 0 && whole[place] != whole[place - 1] {
                let mut swapped = whole.clone();
                swapped.swap(place, place - 1);
                assert!(!verhoeff(&swapped));
            }
        }
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        assert!(is_day(2000, 2, 29) && is_day(2024, 2, 29) && is_day(1999, 12, 31));
        assert!(!is_day(1900, 2, 29) && !is_day(2023, 2, 29) && !is_day(2023, 4, 31));
        assert!(!is_day(2023, 0, 1) && !is_day(2023, 13, 1) && !is_day(2023, 1, 0));
        assert!(is_short_day(0, 2, 29) && !is_short_day(1, 2, 29));
    }
}
