//! Numbers that authorities give to people in the Americas, Asia, Africa and Oceania.
//!
//! Each function is written from the public description of its number. It takes the match with its separators and asks
//! for the number of digits that the number has, so that a pattern may be loose.

#[cfg(test)]
mod tests;

use super::{Check, digits, luhn};

/// The checks of these numbers, by the country that gives them.
pub(super) const GOVERNMENT_WORLD: &[Check] = &[
    ("document-number", document_number),
    ("ca-phn", canadian_personal_health),
    ("mx-curp", mexican_population),
    ("mx-rfc", mexican_taxpayer),
    ("br-cpf", brazilian_taxpayer),
    ("br-cnh", brazilian_licence),
    ("br-voter", brazilian_voter),
    ("br-pis", brazilian_social),
    ("br-cns", brazilian_health),
    ("br-renavam", brazilian_vehicle),
    ("ar-cuit", argentine_taxpayer),
    ("cl-rut", chilean_taxpayer),
    ("co-nit", colombian_taxpayer),
    ("pe-ruc", peruvian_taxpayer),
    ("py-ruc", paraguayan_taxpayer),
    ("ec-cedula", ecuadorian_identity),
    ("ec-ruc", ecuadorian_company),
    ("uy-ci", uruguayan_identity),
    ("ve-rif", venezuelan_taxpayer),
    ("gt-cui", guatemalan_identity),
    ("sv-dui", salvadoran_identity),
    ("in-aadhaar", aadhaar),
    ("cn-ric", chinese_identity),
    ("hk-hkid", hong_kong_identity),
    ("tw-id", taiwanese_identity),
    ("jp-my-number", japanese_identity),
    ("kr-rrn", korean_identity),
    ("th-id", thai_identity),
    ("sg-nric", singaporean_identity),
    ("vn-mst", vietnamese_taxpayer),
    ("kz-iin", kazakh_identity),
    ("kw-civil-id", kuwaiti_identity),
    ("ir-melli", iranian_identity),
    ("au-tfn", australian_taxpayer),
    ("au-medicare", medicare),
    ("nz-ird", new_zealand_taxpayer),
    ("nz-nhi", new_zealand_health),
];

/// The digits of a match that has exactly `N` of them.
fn exactly<const N: usize>(value: &[u8]) -> Option<[u8; N]> {
    let mut found = [0; N];
    let mut count = 0;
    for digit in digits(value) {
        *found.get_mut(count)? = digit;
        count += 1;
    }
    (count == N).then_some(found)
}

/// The letters and digits of a match that has exactly `N` of them, letters as capitals.
fn characters<const N: usize>(value: &[u8]) -> Option<[u8; N]> {
    let mut found = [0; N];
    let mut count = 0;
    for byte in value.iter().filter(|byte| byte.is_ascii_alphanumeric()) {
        *found.get_mut(count)? = byte.to_ascii_uppercase();
        count += 1;
    }
    (count == N).then_some(found)
}

/// The sum of the digits, each by its weight, as far as both go.
fn weighted(numbers: &[u8], weights: &[u32]) -> u32 {
    numbers.iter().zip(weights).map(|(digit, weight)| u32::from(*digit) * weight).sum()
}

/// Whether all digits are the same: numbers that pass many checks and are given to nobody.
fn uniform(numbers: &[u8]) -> bool {
    numbers.iter().all(|digit| Some(digit) == numbers.first())
}

/// A capital letter as 0 to 25.
fn letter(byte: u8) -> Option<u32> {
    byte.is_ascii_uppercase().then(|| u32::from(byte - b'A'))
}

/// What is missing to the next multiple of 11; 10 and 11 have no digit of their own and become 0.
fn missing_to_11(sum: u32) -> u32 {
    match sum % 11 {
        0 | 1 => 0,
        rest => 11 - rest,
    }
}

/// No check digit, but what tells the number of a document from a word, a round figure or a date: five digits, not all
/// the same, that are not year, month and day.
fn document_number(value: &[u8]) -> bool {
    let first = digits(value).next();
    let round = digits(value).skip(1).all(|digit| digit == 0);
    digits(value).count() >= 5 && !round && digits(value).any(|digit| Some(digit) != first) && !date(value)
}

/// Whether a match is or begins with a date of digits: `2024-01-15`, `15.1.2024`, `20240115`, `2024-01`.
fn date(value: &[u8]) -> bool {
    let year = |number: u32| (1900..2100).contains(&number);
    let (month, day) = (|number: u32| (1..=12).contains(&number), |number: u32| (1..=31).contains(&number));
    if let Some((first, second, third)) = whole_date(value) {
        return year(first) && month(second) && day(third);
    }
    let number = |part: &[u8]| {
        let short = part.len() <= 4 && !part.is_empty() && part.iter().all(u8::is_ascii_digit);
        short.then(|| digits(part).fold(0, |number, digit| number * 10 + u32::from(digit)))
    };
    let mut parts = value.split(|byte| matches!(byte, b'-' | b'/' | b'.' | b' ')).map(number);
    match (parts.next().flatten(), parts.next().flatten(), parts.next().flatten()) {
        (Some(first), Some(second), _) if year(first) && month(second) => true,
        (Some(first), Some(second), Some(third)) if year(third) => {
            day(first) && month(second) || month(first) && day(second)
        }
        _ => false,
    }
}

/// Year, month and day of eight digits without separators.
fn whole_date(value: &[u8]) -> Option<(u32, u32, u32)> {
    let number = exactly::<8>(value).filter(|_| value.len() == 8)?;
    let [century, decade, tens, ones, month_tens, month, day_tens, day] = number.map(u32::from);
    Some((century * 1000 + decade * 100 + tens * 10 + ones, month_tens * 10 + month, day_tens * 10 + day))
}

/// British Columbia: 9 and eight digits by 2, 4, 8, 5, 10, 9, 7, 3; the last is what is missing to 11.
fn canadian_personal_health(value: &[u8]) -> bool {
    let Some([9, body @ .., check]) = exactly::<10>(value) else { return false };
    let rest = weighted(&body, &[2, 4, 8, 5, 10, 9, 7, 3]) % 11;
    rest > 1 && 11 - rest == u32::from(check)
}

/// CURP: 17 characters valued in an alphabet that has Ñ after N, by 18 down to 2.
fn mexican_population(value: &[u8]) -> bool {
    let Some([body @ .., check]) = characters::<18>(value) else { return false };
    let worth = |byte: u8| match letter(byte) {
        Some(place) => 10 + place + u32::from(byte > b'N'),
        None => u32::from(byte - b'0'),
    };
    let sum: u32 = body.iter().zip((2..=18).rev()).map(|(byte, weight)| worth(*byte) * weight).sum();
    check.is_ascii_digit() && (10 - sum % 10) % 10 == u32::from(check - b'0')
}

/// RFC of a person: 12 characters valued in an alphabet with & after N and blank and Ñ at its end, by 13 down to 2.
fn mexican_taxpayer(value: &[u8]) -> bool {
    let mut sum = 0;
    let (mut place, mut last) = (0_u32, 0);
    let mut bytes = value.iter().copied();
    while let Some(byte) = bytes.next() {
        let worth = match byte.to_ascii_uppercase() {
            b'-' | b' ' => continue,
            b'&' => 24,
            // Ñ and ñ are two bytes in UTF-8.
            0xC3 if matches!(bytes.next(), Some(0x91 | 0xB1)) => 38,
            digit if digit.is_ascii_digit() => u32::from(digit - b'0'),
            capital => match letter(capital) {
                Some(letter) => 10 + letter + u32::from(capital > b'N'),
                None => return false,
            },
        };
        if place < 12 {
            sum += worth * (13 - place);
        }
        place += 1;
        last = byte.to_ascii_uppercase();
    }
    let check = match sum % 11 {
        0 => b'0',
        1 => b'A',
        rest => u8::try_from(11 - rest).map_or(0, |digit| b'0' + digit),
    };
    place == 13 && check == last
}

/// CPF: two digits that each complete the sum of all before them to 11.
fn brazilian_taxpayer(value: &[u8]) -> bool {
    let Some(number) = exactly::<11>(value) else { return false };
    let [body @ .., first, second] = number;
    let weights = [11, 10, 9, 8, 7, 6, 5, 4, 3, 2];
    let [_, shorter @ ..] = weights;
    !uniform(&number)
        && missing_to_11(weighted(&body, &shorter)) == u32::from(first)
        && missing_to_11(weighted(&number, &weights)) == u32::from(second)
}

/// CNH: nine digits by 9 down to 1 and by 1 up to 9; where the first sum leaves 10, the second is two less, which not
/// every office has kept to.
fn brazilian_licence(value: &[u8]) -> bool {
    let Some(number) = exactly::<11>(value) else { return false };
    let [body @ .., first, second] = number;
    let high = weighted(&body, &[9, 8, 7, 6, 5, 4, 3, 2, 1]) % 11;
    let low = weighted(&body, &[1, 2, 3, 4, 5, 6, 7, 8, 9]) % 11;
    let (one, less) = if high == 10 { (0, 2) } else { (high, 0) };
    let two = if low == 10 { 0 } else { (low + 11 - less) % 11 % 10 };
    !uniform(&number) && one == u32::from(first) && (two == u32::from(second) || low % 10 == u32::from(second))
}

/// Voter's title: eight digits, two of the state, two check digits; São Paulo and Minas Gerais have 1 for 0.
fn brazilian_voter(value: &[u8]) -> bool {
    let Some([serial @ .., tens, ones, first, second]) = exactly::<12>(value) else { return false };
    let state = tens * 10 + ones;
    let digit = |sum: u32| match sum % 11 {
        10 => 0,
        0 if matches!(state, 1 | 2) => 1,
        rest => rest,
    };
    (1..=28).contains(&state)
        && digit(weighted(&serial, &[2, 3, 4, 5, 6, 7, 8, 9])) == u32::from(first)
        && digit(weighted(&[tens, ones, first], &[7, 8, 9])) == u32::from(second)
}

/// PIS, PASEP, NIT: ten digits by 3, 2, 9 down to 2.
fn brazilian_social(value: &[u8]) -> bool {
    let Some(number) = exactly::<11>(value) else { return false };
    let [body @ .., check] = number;
    !uniform(&number) && missing_to_11(weighted(&body, &[3, 2, 9, 8, 7, 6, 5, 4, 3, 2])) == u32::from(check)
}

/// CNS: fifteen digits by 15 down to 1, a multiple of 11; it begins with 1, 2, 7, 8 or 9.
fn brazilian_health(value: &[u8]) -> bool {
    let Some(number) = exactly::<15>(value) else { return false };
    let weights = [15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1];
    matches!(number, [1 | 2 | 7..=9, ..]) && weighted(&number, &weights).is_multiple_of(11)
}

/// The weights of the taxpayers of Argentina and Peru.
const TAXPAYER: [u32; 10] = [5, 4, 3, 2, 7, 6, 5, 4, 3, 2];

/// CUIT and CUIL: what is missing to 11. Where that is 10 the prefix becomes 23 and the digit 9 or 4, which holds by itself.
fn argentine_taxpayer(value: &[u8]) -> bool {
    let Some([body @ .., check]) = exactly::<11>(value) else { return false };
    (weighted(&body, &TAXPAYER) + u32::from(check)).is_multiple_of(11)
}

/// RUT: from the right by 2 to 7 and again; 10 is written K.
fn chilean_taxpayer(value: &[u8]) -> bool {
    let mut characters = value.iter().rev().filter(|byte| byte.is_ascii_alphanumeric());
    let Some(check) = characters.next() else { return false };
    let mut sum = 0;
    let mut count = 0;
    for byte in characters {
        if !byte.is_ascii_digit() {
            return false;
        }
        sum += u32::from(byte - b'0') * (2 + count % 6);
        count += 1;
    }
    let check = match check.to_ascii_uppercase() {
        b'K' => 10,
        digit if digit.is_ascii_digit() => u32::from(digit - b'0'),
        _ => return false,
    };
    (6..=8).contains(&count) && (sum + check).is_multiple_of(11)
}

/// NIT: from the right by small primes; what is missing to 11, but 0 and 1 stay.
fn colombian_taxpayer(value: &[u8]) -> bool {
    let mut from_right = digits(value).rev();
    let Some(check) = from_right.next() else { return false };
    let weights = [3, 7, 13, 17, 19, 23, 29, 37, 41, 43, 47, 53, 59, 67, 71];
    let rest = from_right.zip(weights).map(|(digit, weight)| u32::from(digit) * weight).sum::<u32>() % 11;
    u32::from(check) == if rest < 2 { rest } else { 11 - rest }
}

/// RUC of Peru: what is missing to 11, of which the last digit.
fn peruvian_taxpayer(value: &[u8]) -> bool {
    let Some([body @ .., check]) = exactly::<11>(value) else { return false };
    (11 - weighted(&body, &TAXPAYER) % 11) % 10 == u32::from(check)
}

/// RUC of Paraguay: from the right by 2 and up.
fn paraguayan_taxpayer(value: &[u8]) -> bool {
    let mut from_right = digits(value).rev();
    let Some(check) = from_right.next() else { return false };
    missing_to_11(from_right.zip(2_u32..).map(|(digit, weight)| u32::from(digit) * weight).sum()) == u32::from(check)
}

/// Ecuador: a province of 24, or 30 for those abroad, a third digit under 6, and Luhn; a RUC has 001 and the like after it.
fn ecuadorian_identity(value: &[u8]) -> bool {
    let mut number = [0; 10];
    let mut count = 0_usize;
    for digit in digits(value) {
        if let Some(place) = number.get_mut(count) {
            *place = digit;
        }
        count += 1;
    }
    let [tens, ones, third, ..] = number;
    let province = tens * 10 + ones;
    matches!(count, 10 | 13) && matches!(province, 1..=24 | 30) && third < 6 && luhn(number.into_iter())
}

/// Ecuador: a company (third digit 9) or an authority (6), by 11, and the number of its place.
fn ecuadorian_company(value: &[u8]) -> bool {
    let Some(number) = exactly::<13>(value) else { return false };
    let [tens, ones, third, _, _, _, _, _, ninth, tenth, place @ ..] = number;
    let (weights, check): (&[u32], u8) = match third {
        9 => (&[4, 3, 2, 7, 6, 5, 4, 3, 2], tenth),
        6 => (&[3, 2, 7, 6, 5, 4, 3, 2], ninth),
        _ => return false,
    };
    let rest = weighted(&number, weights) % 11;
    matches!(tens * 10 + ones, 1..=24 | 30) && place != [0; 3] && (11 - rest) % 11 == u32::from(check)
}

/// RENAVAM: ten digits by 3, 2, 9 down to 2; ten times the sum by 11.
fn brazilian_vehicle(value: &[u8]) -> bool {
    let Some([body @ .., check]) = exactly::<11>(value) else { return false };
    weighted(&body, &[3, 2, 9, 8, 7, 6, 5, 4, 3, 2]) * 10 % 11 % 10 == u32::from(check)
}

/// Uruguay: seven digits by 2, 9, 8, 7, 6, 3, 4; what is missing to 10. Shorter numbers begin with zeros.
fn uruguayan_identity(value: &[u8]) -> bool {
    let sum: u32 =
        digits(value).rev().zip([1, 4, 3, 6, 7, 8, 9, 2]).map(|(digit, weight)| u32::from(digit) * weight).sum();
    matches!(digits(value).count(), 7 | 8) && sum.is_multiple_of(10)
}

/// RIF: V, E, J, P, G count 1 to 5, by 4; eight digits by 3, 2, 7 down to 2.
fn venezuelan_taxpayer(value: &[u8]) -> bool {
    let kind = match value.first().map(u8::to_ascii_uppercase) {
        Some(b'V') => 1,
        Some(b'E') => 2,
        Some(b'J' | b'C') => 3,
        Some(b'P') => 4,
        Some(b'G') => 5,
        _ => return false,
    };
    let Some([body @ .., check]) = exactly::<9>(value) else { return false };
    missing_to_11(4 * kind + weighted(&body, &[3, 2, 7, 6, 5, 4, 3, 2])) == u32::from(check)
}

/// Towns of each of Guatemala's 22 departments.
const GUATEMALAN_TOWNS: [u8; 22] = [17, 8, 16, 16, 14, 14, 19, 8, 24, 21, 9, 30, 33, 21, 8, 17, 14, 5, 11, 11, 7, 17];

/// CUI: eight digits by 2 to 9, their sum mod 11, then department and town.
fn guatemalan_identity(value: &[u8]) -> bool {
    let Some([body @ .., check, tens, ones, town_tens, town_ones]) = exactly::<13>(value) else { return false };
    let (department, town) = (usize::from(tens * 10 + ones), town_tens * 10 + town_ones);
    let towns = department.checked_sub(1).and_then(|place| GUATEMALAN_TOWNS.get(place));
    towns.is_some_and(|towns| (1..=*towns).contains(&town))
        && weighted(&body, &[2, 3, 4, 5, 6, 7, 8, 9]) % 11 == u32::from(check)
}

/// DUI: eight digits by 9 down to 2; what is missing to 10.
fn salvadoran_identity(value: &[u8]) -> bool {
    let Some(number) = exactly::<9>(value) else { return false };
    !uniform(&number) && weighted(&number, &[9, 8, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(10)
}

/// Verhoeff's multiplication, that of the symmetries of a pentagon: the first five are turns, the rest turns after a flip.
fn dihedral(left: u8, right: u8) -> u8 {
    match (left < 5, right < 5) {
        (true, true) => (left + right) % 5,
        (true, false) => 5 + (left + right - 5) % 5,
        (false, true) => 5 + (left - 5 + 5 - right) % 5,
        (false, false) => (left + 5 - right) % 5,
    }
}

/// Verhoeff's permutation, once for each place from the right.
fn permuted(digit: u8, place: usize) -> u8 {
    let step = |digit: u8| [1, 5, 7, 6, 2, 8, 3, 0, 9, 4].get(usize::from(digit)).copied().unwrap_or(0);
    (0..place % 8).fold(digit, |digit, _| step(digit))
}

/// Verhoeff (1969): the product of all permuted digits is the neutral one.
fn verhoeff(digits: impl DoubleEndedIterator<Item = u8>) -> bool {
    digits.rev().enumerate().fold(0, |product, (place, digit)| dihedral(product, permuted(digit, place))) == 0
}

/// Aadhaar: twelve digits that do not begin with 0 or 1, by Verhoeff.
fn aadhaar(value: &[u8]) -> bool {
    exactly::<12>(value).is_some_and(|number| number[0] > 1 && !uniform(&number) && verhoeff(number.into_iter()))
}

/// GB 11643: ISO 7064 mod 11-2 over 17 digits; 10 is written X.
fn chinese_identity(value: &[u8]) -> bool {
    let Some([body @ .., check]) = characters::<18>(value) else { return false };
    let mut sum = 0;
    for byte in body {
        if !byte.is_ascii_digit() {
            return false;
        }
        sum = (sum + u32::from(byte - b'0')) * 2 % 11;
    }
    let check = match check {
        b'X' => 10,
        digit if digit.is_ascii_digit() => u32::from(digit - b'0'),
        _ => return false,
    };
    (sum + check) % 11 == 1
}

/// HKID: one letter or two, A as 10, a blank before a single one as 36; by 9 down to 1; 10 is written A.
fn hong_kong_identity(value: &[u8]) -> bool {
    let worth = |byte: u8| letter(byte).map(|place| place + 10);
    let (head, rest) = if let Some([first, rest @ ..]) = characters::<8>(value) {
        (worth(first).map(|first| 36 * 9 + first * 8), rest)
    } else if let Some([first, second, rest @ ..]) = characters::<9>(value) {
        (worth(first).zip(worth(second)).map(|(first, second)| first * 9 + second * 8), rest)
    } else {
        return false;
    };
    let [body @ .., check] = rest;
    let check = match check {
        b'A' => 10,
        digit if digit.is_ascii_digit() => u32::from(digit - b'0'),
        _ => return false,
    };
    let sum = body.iter().zip([7, 6, 5, 4, 3, 2]).map(|(byte, weight)| u32::from(byte.wrapping_sub(b'0')) * weight);
    let numeric = body.iter().all(u8::is_ascii_digit);
    numeric && head.is_some_and(|head| (head + sum.sum::<u32>() + check).is_multiple_of(11))
}

/// Taiwan: the letter of a place as two digits; in the older form for residents the second letter gives one digit.
fn taiwanese_identity(value: &[u8]) -> bool {
    let place = |byte: u8| b"ABCDEFGHJKLMNPQRSTUVXYWZIO".iter().position(|known| *known == byte);
    let Some([first, second, body @ ..]) = characters::<10>(value) else { return false };
    let Some(code) = place(first).and_then(|place| u32::try_from(place + 10).ok()) else { return false };
    let second = match second {
        digit if digit.is_ascii_digit() => u32::from(digit - b'0'),
        other => match place(other).and_then(|place| u32::try_from(place % 10).ok()) {
            Some(digit) => digit,
            None => return false,
        },
    };
    let sum =
        body.iter().zip([7, 6, 5, 4, 3, 2, 1, 1]).map(|(byte, weight)| u32::from(byte.wrapping_sub(b'0')) * weight);
    body.iter().all(u8::is_ascii_digit)
        && (code / 10 + code % 10 * 9 + second * 8 + sum.sum::<u32>()).is_multiple_of(10)
}

/// My Number: eleven digits by 6 down to 2, 7 down to 2.
fn japanese_identity(value: &[u8]) -> bool {
    let Some(number) = exactly::<12>(value) else { return false };
    let [body @ .., check] = number;
    !uniform(&number) && missing_to_11(weighted(&body, &[6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2])) == u32::from(check)
}

/// Korea: twelve digits by 2 to 9 and 2 to 5; foreigners' numbers are two more. Numbers given since October 2020 end at random.
fn korean_identity(value: &[u8]) -> bool {
    let Some(number) = exactly::<13>(value) else { return false };
    let [body @ .., check] = number;
    let missing = 11 - weighted(&body, &[2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]) % 11;
    let foreign = matches!(number, [_, _, _, _, _, _, 5..=8, ..]);
    (missing + if foreign { 2 } else { 0 }) % 10 == u32::from(check)
}

/// Thailand: twelve digits by 13 down to 2; what is missing to 11, of which the last digit.
fn thai_identity(value: &[u8]) -> bool {
    let Some(number) = exactly::<13>(value) else { return false };
    let [body @ .., check] = number;
    let sum = weighted(&body, &[13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
    !uniform(&number) && number[0] > 0 && (11 - sum % 11) % 10 == u32::from(check)
}

/// NRIC and FIN: seven digits by 2, 7 down to 2, and an offset by the first letter, which also names the row of letters.
fn singaporean_identity(value: &[u8]) -> bool {
    let Some([first, .., last]) = characters::<9>(value) else { return false };
    let Some(body) = exactly::<7>(value) else { return false };
    let (offset, row) = match first {
        b'S' => (0, b"JZIHGFEDCBA"),
        b'T' => (4, b"JZIHGFEDCBA"),
        b'F' => (0, b"XWUTRQPNMLK"),
        b'G' => (4, b"XWUTRQPNMLK"),
        b'M' => (3, b"XWUTRQPNJLK"),
        _ => return false,
    };
    let rest = (weighted(&body, &[2, 7, 6, 5, 4, 3, 2]) + offset) % 11;
    usize::try_from(rest).ok().and_then(|place| row.get(place)) == Some(&last)
}

/// MST: nine digits by 31, 29, 23, 19, 17, 13, 7, 5, 3; ten less the rest of 11. Branches have three digits more.
fn vietnamese_taxpayer(value: &[u8]) -> bool {
    let weights = [31, 29, 23, 19, 17, 13, 7, 5, 3];
    let sum: u32 = digits(value).zip(weights).map(|(digit, weight)| u32::from(digit) * weight).sum();
    matches!(digits(value).count(), 10 | 13) && digits(value).nth(9).map(u32::from) == 10_u32.checked_sub(sum % 11)
}

/// IIN: eleven digits by 1 to 11; where that leaves 10, by 3 to 11, 1, 2.
fn kazakh_identity(value: &[u8]) -> bool {
    let Some([body @ .., check]) = exactly::<12>(value) else { return false };
    let rest = match weighted(&body, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]) % 11 {
        10 => weighted(&body, &[3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2]) % 11,
        rest => rest,
    };
    rest == u32::from(check)
}

/// Kuwait: eleven digits by 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2; what is missing to 11.
fn kuwaiti_identity(value: &[u8]) -> bool {
    let Some([body @ .., check]) = exactly::<12>(value) else { return false };
    11 - weighted(&body, &[2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]) % 11 == u32::from(check)
}

/// Iran: nine digits by 10 down to 2; the rest of 11, or what is missing to it from 2 on.
fn iranian_identity(value: &[u8]) -> bool {
    let Some(number) = exactly::<10>(value) else { return false };
    let [body @ .., check] = number;
    let rest = weighted(&body, &[10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    !uniform(&number) && u32::from(check) == if rest < 2 { rest } else { 11 - rest }
}

/// TFN: nine digits by 1, 4, 3, 7, 5, 8, 6, 9, 10, or the older eight by 10, 7, 8, 4, 6, 3, 5, 1: a multiple of 11.
fn australian_taxpayer(value: &[u8]) -> bool {
    if let Some(number) = exactly::<9>(value) {
        return !uniform(&number) && weighted(&number, &[1, 4, 3, 7, 5, 8, 6, 9, 10]).is_multiple_of(11);
    }
    let Some(number) = exactly::<8>(value) else { return false };
    !uniform(&number) && weighted(&number, &[10, 7, 8, 4, 6, 3, 5, 1]).is_multiple_of(11)
}

/// Medicare: eight digits by 1, 3, 7, 9, twice; the ninth is their sum's last digit. Issue and person may follow.
fn medicare(value: &[u8]) -> bool {
    let sum: u32 = digits(value).zip([1, 3, 7, 9, 1, 3, 7, 9]).map(|(digit, weight)| u32::from(digit) * weight).sum();
    let first = digits(value).next().is_some_and(|digit| (2..=6).contains(&digit));
    first && matches!(digits(value).count(), 10 | 11) && digits(value).nth(8).map(u32::from) == Some(sum % 10)
}

/// IRD: seven or eight digits by 3, 2, 7 down to 2; where 10 is missing to 11, by 7, 4, 3, 2, 5, 2, 7, 6.
fn new_zealand_taxpayer(value: &[u8]) -> bool {
    let mut number = [0; 9];
    let count = digits(value).count();
    for (place, digit) in number.iter_mut().rev().zip(digits(value).rev()) {
        *place = digit;
    }
    let [body @ .., check] = number;
    let amount = number.iter().fold(0_u32, |amount, digit| amount * 10 + u32::from(*digit));
    let missing = |weights: &[u32]| (11 - weighted(&body, weights) % 11) % 11;
    let check_digit = match missing(&[3, 2, 7, 6, 5, 4, 3, 2]) {
        10 => missing(&[7, 4, 3, 2, 5, 2, 7, 6]),
        digit => digit,
    };
    matches!(count, 8 | 9) && (10_000_000..=150_000_000).contains(&amount) && check_digit == u32::from(check)
}

/// NHI: letters without I and O count 1 to 24, by 7 down to 2; mod 11 to a digit, or in the newer form mod 23 to a letter.
fn new_zealand_health(value: &[u8]) -> bool {
    let place = |byte: &u8| b"ABCDEFGHJKLMNPQRSTUVWXYZ".iter().position(|known| known == byte);
    let Some([body @ .., check]) = characters::<7>(value) else { return false };
    let mut sum = 0;
    for (byte, weight) in body.iter().zip([7, 6, 5, 4, 3, 2]) {
        let worth = match byte {
            digit if digit.is_ascii_digit() => usize::from(digit - b'0'),
            other => match place(other) {
                Some(place) => place + 1,
                None => return false,
            },
        };
        sum += worth * weight;
    }
    if check.is_ascii_digit() {
        let rest = sum % 11;
        rest > 0 && (11 - rest) % 10 == usize::from(check - b'0')
    } else {
        place(&check) == Some(22 - sum % 23)
    }
}
