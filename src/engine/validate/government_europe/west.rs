//! Western, central and southern Europe: United Kingdom, Ireland, Germany, Austria, France, Italy, Spain, Portugal,
//! Netherlands, Belgium, Luxembourg.

use super::super::arithmetic::{
    base36, cross_sum, decimal, digits_of, icao_sum, is_day, is_short_day, lacking, mod_11_10, number, place_in,
    symbols_of, tens, verhoeff, weighted,
};
use super::super::luhn;
use super::last;

// United Kingdom, Ireland

/// NHS number, and those of Northern Ireland and Scotland: modulus 11, weights 10 to 2; a check digit of 10 is not issued.
pub(super) fn gb_nhs(value: &[u8]) -> bool {
    let Some(digits) = digits_of::<10>(value) else { return false };
    last(&digits) == lacking(&digits, &[10, 9, 8, 7, 6, 5, 4, 3, 2], 11) && number(&digits) != 0
}

/// Community Health Index: a day of birth, then as the NHS number.
pub(super) fn gb_chi(value: &[u8]) -> bool {
    let Some([d1, d2, m1, m2, y1, y2, ..]) = digits_of::<10>(value) else { return false };
    gb_nhs(value) && is_short_day(tens(y1, y2), tens(m1, m2), tens(d1, d2))
}

/// National Insurance number: prefixes that are not allocated.
pub(super) fn gb_nino(value: &[u8]) -> bool {
    let mut letters = value.iter().map(u8::to_ascii_uppercase);
    let (Some(first), Some(second)) = (letters.next(), letters.next()) else { return false };
    let never = |letter: u8| matches!(letter, b'D' | b'F' | b'I' | b'Q' | b'U' | b'V');
    let kept = [*b"BG", *b"GB", *b"KN", *b"NK", *b"NT", *b"TN", *b"ZZ"];
    !never(first) && !never(second) && second != b'O' && !kept.contains(&[first, second])
}

/// Unique Taxpayer Reference: the first digit checks the other nine.
pub(super) fn gb_utr(value: &[u8]) -> bool {
    let Some([check, rest @ ..]) = digits_of::<10>(value) else { return false };
    let wanted = 11 - weighted(&rest, &[6, 7, 8, 9, 10, 5, 4, 3, 2]) % 11;
    u32::from(check) == if wanted > 9 { wanted - 9 } else { wanted }
}

/// Driver number: five of the surname filled with nines, day of birth with 50 added to a woman's month.
pub(super) fn gb_driving_licence(value: &[u8]) -> bool {
    let Some([name @ .., y1, m1, m2, d1, d2, y2, _, _, _, _, _]) = symbols_of::<16>(value) else { return false };
    let name: [u8; 5] = name;
    let filled = name.iter().skip_while(|byte| byte.is_ascii_uppercase()).all(|byte| *byte == b'9');
    let Some(date) = decimal(&[y1, y2, m1, m2, d1, d2]).and_then(|date| u32::try_from(date).ok()) else { return false };
    let (year, month, day) = (date / 10_000, date / 100 % 100, date % 100);
    filled
        && name.iter().any(u8::is_ascii_uppercase)
        && is_short_day(year, month - if month > 50 { 50 } else { 0 }, day)
}

/// Unique Pupil Number: a letter checks twelve digits, the last of which is a letter in temporary numbers.
pub(super) fn gb_upn(value: &[u8]) -> Option<bool> {
    let letters = b"ABCDEFGHJKLMNPQRTUVWXYZ";
    let [check, body @ .., end] = symbols_of::<13>(value)?;
    let body: [u8; 11] = body;
    let end = if end.is_ascii_digit() { u32::from(end - b'0') } else { place_in(letters, end)? };
    let mut sum = end * 13;
    for (byte, weight) in body.iter().zip(2..) {
        sum += char::from(*byte).to_digit(10)? * weight;
    }
    Some(place_in(letters, check)? == sum % 23)
}

/// Personal Public Service number: a letter checks seven digits and the second letter where there is one.
pub(super) fn ie_pps(value: &[u8]) -> Option<bool> {
    let (digits, check, second) = match symbols_of::<8>(value) {
        Some([digits @ .., check]) => (digits, check, b'W'),
        None => {
            let [digits @ .., check, second] = symbols_of::<9>(value)?;
            (digits, check, second)
        }
    };
    let digits: [u8; 7] = digits;
    let letters = b"WABCDEFGHIJKLMNOPQRSTUV";
    // T and X stand for no sum, as W does.
    let mut sum = if matches!(second, b'T' | b'X') { 0 } else { place_in(letters, second)? * 9 };
    for (byte, weight) in digits.iter().zip((2..=8).rev()) {
        sum += char::from(*byte).to_digit(10)? * weight;
    }
    Some(place_in(letters, check)? == sum % 23)
}

// Germany, Austria, Switzerland

/// Identification number for tax: of the first ten digits one stands there twice or three times, the others once at
/// most; ISO 7064 MOD 11,10.
pub(super) fn de_idnr(value: &[u8]) -> bool {
    let Some(digits) = digits_of::<11>(value) else { return false };
    let [body @ .., _] = digits;
    let count = |digit: u8| body.iter().filter(|other| **other == digit).count();
    let repeated = (0..10).filter(|digit| count(*digit) > 1).count();
    let most = (0..10).map(count).max().unwrap_or(0);
    repeated == 1 && most <= 3 && body.first() != Some(&0) && mod_11_10(&digits)
}

/// Pension insurance number: area, day of birth, first letter of the name, serial, check digit. 50 is added to a day
/// where the serials have run out.
pub(super) fn de_rvnr(value: &[u8]) -> Option<bool> {
    let [a1, a2, d1, d2, m1, m2, y1, y2, letter, s1, s2, check] = symbols_of::<12>(value)?;
    let place = place_in(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", letter)? + 1;
    let spelled = [b'0' + u8::try_from(place / 10).ok()?, b'0' + u8::try_from(place % 10).ok()?];
    let [l1, l2] = spelled;
    let body = [a1, a2, d1, d2, m1, m2, y1, y2, l1, l2, s1, s2];
    decimal(&body)?;
    let body = body.map(|byte| byte - b'0');
    let [_, _, d1, d2, m1, m2, y1, y2, ..] = body;
    let day = tens(d1, d2) - if d1 >= 5 { 50 } else { 0 };
    let sum = cross_sum(&body, &[2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1]);
    Some(is_short_day(tens(y1, y2), tens(m1, m2), day) && char::from(check).to_digit(10)? == sum % 10)
}

/// Health insurance number: a letter, eight digits and the check digit of the letter's place and the digits.
pub(super) fn de_kvnr(value: &[u8]) -> Option<bool> {
    let [letter, digits @ ..] = symbols_of::<10>(value)?;
    let place = u8::try_from(place_in(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", letter)? + 1).ok()?;
    decimal(&digits)?;
    let digits: [u8; 9] = digits.map(|byte| byte - b'0');
    let [d1, d2, d3, d4, d5, d6, d7, d8, check] = digits;
    let sum = cross_sum(&[place / 10, place % 10, d1, d2, d3, d4, d5, d6, d7, d8], &[1, 2, 1, 2, 1, 2, 1, 2, 1, 2]);
    Some(u32::from(check) == sum % 10)
}

/// Identity card and passport: nine characters with a digit among them, and where a tenth follows it is the check digit
/// of ICAO 9303. A `D` for the state may follow it.
pub(super) fn de_document(value: &[u8]) -> bool {
    if symbols_of::<9>(value).is_some_and(|symbols| symbols.iter().any(u8::is_ascii_digit)) {
        return true;
    }
    let whole = symbols_of::<10>(value).or_else(|| match symbols_of::<11>(value) {
        Some([whole @ .., b'D']) => Some(whole),
        _ => None,
    });
    let Some([body @ .., check]) = whole else { return false };
    icao_sum(&body).is_some_and(|sum| char::from(check).to_digit(10) == Some(sum))
}

/// Austrian insurance number: three digits, the check digit, day of birth. Months 13 to 15 stand where serials ran out.
pub(super) fn at_vnr(value: &[u8]) -> bool {
    let Some(digits) = digits_of::<10>(value) else { return false };
    let [s1, s2, s3, check, d1, d2, m1, m2, y1, y2] = digits;
    let month = tens(m1, m2);
    let day =
        if matches!(month, 13..=15) { tens(d1, d2) <= 31 } else { is_short_day(tens(y1, y2), month, tens(d1, d2)) };
    let sum = weighted(&[s1, s2, s3, d1, d2, m1, m2, y1, y2], &[3, 7, 9, 5, 8, 4, 2, 1, 6]);
    s1 != 0 && day && sum % 11 == u32::from(check)
}

// France, Italy, Spain, Portugal

/// Social security number: 97 less the number modulo 97; Corsica's 2A and 2B count as 19 and 18.
pub(super) fn fr_nir(value: &[u8]) -> Option<bool> {
    let [sex, y1, y2, m1, m2, p1, p2, rest @ ..] = symbols_of::<15>(value)?;
    let (p1, p2) = match (p1, p2) {
        (b'2', b'A') => (b'1', b'9'),
        (b'2', b'B') => (b'1', b'8'),
        other => other,
    };
    let [c1, c2, c3, o1, o2, o3, k1, k2]: [u8; 8] = rest;
    let month = decimal(&[m1, m2])?;
    let body = decimal(&[sex, y1, y2, m1, m2, p1, p2, c1, c2, c3, o1, o2, o3])?;
    let possible =
        matches!(month, 1..=12 | 20..=42 | 50..=99) && decimal(&[p1, p2])? != 0 && decimal(&[o1, o2, o3])? != 0;
    Some(possible && decimal(&[k1, k2])? == 97 - body % 97)
}

/// Tax number of persons: the last three digits are the first ten modulo 511.
pub(super) fn fr_spi(value: &[u8]) -> bool {
    let Some([body @ .., k1, k2, k3]) = digits_of::<13>(value) else { return false };
    let body: [u8; 10] = body;
    number(&body) != 0 && number(&body) % 511 == number(&[k1, k2, k3])
}

/// What a character of the codice fiscale counts in an odd place, by its place among the digits or letters.
pub(super) const ODD: [u32; 26] =
    [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];

/// Codice fiscale: day of birth with 40 added to a woman's, and a letter that checks the fifteen characters before it.
/// Where two people would share one, digits are replaced by letters from the right.
pub(super) fn it_codice_fiscale(value: &[u8]) -> Option<bool> {
    let symbols = symbols_of::<16>(value)?;
    let digit = |symbol: u8| match symbol {
        b'0'..=b'9' => Some(u32::from(symbol - b'0')),
        _ => place_in(b"LMNPQRSTUV", symbol),
    };
    let [_, _, _, _, _, _, y1, y2, month, d1, d2, _, p1, p2, p3, check] = symbols;
    digit(p1).and(digit(p2)).and(digit(p3))?;
    let month = place_in(b"ABCDEHLMPRST", month)? + 1;
    let day = digit(d1)? * 10 + digit(d2)?;
    let day = if day > 40 { day - 40 } else { day };
    let place_of = |symbol: u8| if symbol.is_ascii_digit() { symbol - b'0' } else { symbol - b'A' };
    let mut sum = 0;
    for (place, symbol) in symbols.iter().take(15).enumerate() {
        let value = place_of(*symbol);
        sum += if place % 2 == 0 { *ODD.get(usize::from(value))? } else { u32::from(value) };
    }
    let checked = check.is_ascii_uppercase() && u32::from(place_of(check)) == sum % 26;
    Some(checked && is_short_day(digit(y1)? * 10 + digit(y2)?, month, day))
}

/// The letter that checks a Spanish number.
fn spanish_letter(number: u64) -> Option<u8> {
    b"TRWAGMYFPDXBNJZSQVHLCKE".get(usize::try_from(number % 23).ok()?).copied()
}

/// DNI: eight digits and the letter of their remainder by 23.
pub(super) fn es_dni(value: &[u8]) -> Option<bool> {
    let [digits @ .., letter] = symbols_of::<9>(value)?;
    Some(spanish_letter(decimal(&digits)?)? == letter)
}

/// NIE: X, Y or Z for 0, 1 or 2, seven digits, letter; X, eight digits, letter in the oldest.
pub(super) fn es_nie(value: &[u8]) -> Option<bool> {
    let lead = |first: u8| place_in(b"XYZ", first).map(u64::from);
    match symbols_of::<9>(value) {
        Some([first, digits @ .., letter]) => {
            let digits: [u8; 7] = digits;
            Some(spanish_letter(lead(first)? * 10_000_000 + decimal(&digits)?)? == letter)
        }
        None => {
            let [first, digits @ .., letter] = symbols_of::<10>(value)?;
            let digits: [u8; 8] = digits;
            Some(lead(first)? == 0 && spanish_letter(decimal(&digits)?)? == letter)
        }
    }
}

/// Social security number: province, number, and both modulo 97. A number below ten million is put behind the province
/// without its leading zero.
pub(super) fn es_nuss(value: &[u8]) -> bool {
    let Some([p1, p2, rest @ .., c1, c2]) = digits_of::<12>(value) else { return false };
    let rest: [u8; 8] = rest;
    let (province, serial) = (u64::from(tens(p1, p2)), number(&rest));
    let whole = province * if serial < 10_000_000 { 10_000_000 } else { 100_000_000 } + serial;
    matches!(province, 1..=53 | 66) && whole % 97 == u64::from(tens(c1, c2))
}

/// NIF: modulus 11, weights 9 to 2, what lacks 10 counts 0.
pub(super) fn pt_nif(value: &[u8]) -> bool {
    let Some(digits) = digits_of::<9>(value) else { return false };
    last(&digits) == lacking(&digits, &[9, 8, 7, 6, 5, 4, 3, 2], 11) % 10 && digits.first() != Some(&0)
}

/// Cartão de cidadão: the civil number with its check digit, version, and a check digit by Luhn's doubling over values of
/// base 36.
pub(super) fn pt_cc(value: &[u8]) -> Option<bool> {
    let symbols = symbols_of::<12>(value)?;
    let [civil @ .., _, _, _] = symbols;
    let civil: [u8; 9] = civil;
    decimal(&civil)?;
    let civil = civil.map(|byte| byte - b'0');
    Some(pt_cc_document(value)? && last(&civil) == lacking(&civil, &[9, 8, 7, 6, 5, 4, 3, 2], 11) % 10)
}

/// The number of the card itself: its last digit alone.
pub(super) fn pt_cc_document(value: &[u8]) -> Option<bool> {
    let symbols = symbols_of::<12>(value)?;
    let mut sum = 0;
    for (place, symbol) in symbols.iter().rev().enumerate() {
        let doubled = base36(*symbol)? << (place % 2);
        sum += if place % 2 == 1 && doubled > 9 { doubled - 9 } else { doubled };
    }
    Some(sum % 10 == 0)
}

/// NISS: weights are the first ten primes from 29 down; 9 less the last digit of the sum.
pub(super) fn pt_niss(value: &[u8]) -> bool {
    let Some(digits) = digits_of::<11>(value) else { return false };
    last(&digits) == 9 - weighted(&digits, &[29, 23, 19, 17, 13, 11, 7, 5, 3, 2]) % 10
}

// Netherlands, Belgium, Luxembourg

/// Burgerservicenummer: nine digits, or eight without the zero; weights 9 to 2 and -1, modulus 11.
pub(super) fn nl_bsn(value: &[u8]) -> bool {
    let digits = digits_of::<9>(value).or_else(|| {
        let [d1, d2, d3, d4, d5, d6, d7, d8] = digits_of::<8>(value)?;
        Some([0, d1, d2, d3, d4, d5, d6, d7, d8])
    });
    let Some(digits) = digits else { return false };
    number(&digits) >= 10_000_000 && last(&digits) == weighted(&digits, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11
}

/// National register number: day of birth (months of foreigners' numbers with 20 or 40 added, unknown parts 0), serial, 97
/// less the remainder; those born from 2000 on count with a 2 before it.
pub(super) fn be_national(value: &[u8]) -> bool {
    let Some([body @ .., c1, c2]) = digits_of::<11>(value) else { return false };
    let [_, _, m1, m2, d1, d2, ..] = body;
    let body: [u8; 9] = body;
    let possible = tens(m1, m2) < 60 && tens(m1, m2) % 20 <= 12 && tens(d1, d2) <= 31;
    let (body, check) = (number(&body), u64::from(tens(c1, c2)));
    possible && body % 1000 != 0 && (check == 97 - body % 97 || check == 97 - (2_000_000_000 + body) % 97)
}

/// Number of an identity card: ten digits modulo 97, 97 for 0.
pub(super) fn be_eid(value: &[u8]) -> bool {
    let Some([body @ .., c1, c2]) = digits_of::<12>(value) else { return false };
    let body: [u8; 10] = body;
    let rest = number(&body) % 97;
    u64::from(tens(c1, c2)) == if rest == 0 { 97 } else { rest }
}

/// Matricule: year, month, day, serial, a Luhn digit and a Verhoeff digit, both over the first eleven.
pub(super) fn lu_matricule(value: &[u8]) -> bool {
    let Some(digits) = digits_of::<13>(value) else { return false };
    let [y1, y2, y3, y4, m1, m2, d1, d2, s1, s2, s3, by_luhn, by_verhoeff] = digits;
    let body = [y1, y2, y3, y4, m1, m2, d1, d2, s1, s2, s3];
    let with = |check: u8| {
        let [a, b, c, d, e, f, g, h, i, j, k] = body;
        [a, b, c, d, e, f, g, h, i, j, k, check]
    };
    let year = tens(y1, y2) * 100 + tens(y3, y4);
    let day = (1850..2100).contains(&year) && is_day(year, tens(m1, m2), tens(d1, d2));
    day && luhn(with(by_luhn).into_iter()) && verhoeff(&with(by_verhoeff))
}
