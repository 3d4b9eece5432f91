//! Northern and eastern Europe: Nordic and Baltic countries, Poland to the Balkans, Turkey, Russia, the Caucasus.

use super::super::arithmetic::{
    base36, decimal, digits_of, is_day, is_short_day, lacking, number, place_in, symbols_of, tens, weighted,
};
use super::super::luhn;
use super::last;
use super::west::ODD;

// Nordic and Baltic countries

/// Personnummer and samordningsnummer: ten digits, or twelve with the century; a Luhn digit over the ten, 60 added to the
/// day of a coordination number.
pub(super) fn se_personnummer(value: &[u8]) -> bool {
    let digits = digits_of::<10>(value).or_else(|| {
        let [c1, c2, digits @ ..] = digits_of::<12>(value)?;
        matches!((c1, c2), (1, 8 | 9) | (2, 0)).then_some(digits)
    });
    let Some(digits) = digits else { return false };
    let [y1, y2, m1, m2, d1, d2, ..] = digits;
    let day = tens(d1, d2);
    is_short_day(tens(y1, y2), tens(m1, m2), if day > 60 { day - 60 } else { day }) && luhn(digits.into_iter())
}

/// Fødselsnummer and its kin: two check digits of modulus 11. 40 is added to the day of a D number, 40 to the month of
/// a help number, 80 or 65 to that of made-up people.
pub(super) fn no_fodselsnummer(value: &[u8]) -> bool {
    let Some(digits) = digits_of::<11>(value) else { return false };
    let [d1, d2, m1, m2, y1, y2, .., first, second] = digits;
    let (day, month) = (tens(d1, d2), tens(m1, m2));
    let month = month
        - match month {
            81.. => 80,
            66..=77 => 65,
            41..=52 => 40,
            _ => 0,
        };
    is_short_day(tens(y1, y2), month, if day > 40 { day - 40 } else { day })
        && lacking(&digits, &[3, 7, 6, 1, 8, 9, 4, 5, 2], 11) == u32::from(first)
        && lacking(&digits, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2], 11) == u32::from(second)
}

/// CPR number: a day of birth and four digits. Since 2007 numbers are issued whose sum fails modulus 11.
pub(super) fn dk_cpr(value: &[u8]) -> Option<[u8; 10]> {
    let digits = digits_of::<10>(value)?;
    let [d1, d2, m1, m2, y1, y2, ..] = digits;
    is_short_day(tens(y1, y2), tens(m1, m2), tens(d1, d2)).then_some(digits)
}

/// Henkilötunnus: day of birth, a sign for the century, serial, and the character of the remainder by 31.
pub(super) fn fi_hetu(value: &[u8]) -> Option<bool> {
    let [d1, d2, m1, m2, y1, y2, s1, s2, s3, check] = symbols_of::<10>(value).or_else(|| {
        let [d1, d2, m1, m2, y1, y2, _, s1, s2, s3, check] = symbols_of::<11>(value)?;
        Some([d1, d2, m1, m2, y1, y2, s1, s2, s3, check])
    })?;
    let whole = decimal(&[d1, d2, m1, m2, y1, y2, s1, s2, s3])?;
    let date = u32::try_from(decimal(&[y1, y2, m1, m2, d1, d2])?).ok()?;
    let day = is_short_day(date / 10_000, date / 100 % 100, date % 100);
    let letters = b"0123456789ABCDEFHJKLMNPRSTUVWXY";
    Some(day && whole % 1000 > 1 && u64::from(place_in(letters, check)?) == whole % 31)
}

/// Kennitala of a person: day of birth, two digits, a check digit of modulus 11, the century.
pub(super) fn is_kennitala(value: &[u8]) -> bool {
    let Some(digits) = digits_of::<10>(value) else { return false };
    let [d1, d2, m1, m2, y1, y2, _, _, check, century] = digits;
    // Of a company or a society, 40 is added to the day.
    let day = tens(d1, d2);
    is_short_day(tens(y1, y2), tens(m1, m2), if day > 40 { day - 40 } else { day })
        && matches!(century, 8 | 9 | 0)
        && lacking(&digits, &[3, 2, 7, 6, 5, 4, 3, 2], 11) == u32::from(check)
}

/// Estonian isikukood and Lithuanian asmens kodas: century and sex, day of birth, serial, a check digit of modulus 11 with
/// a second row of weights where the first gives 10.
pub(super) fn baltic_personal_code(value: &[u8]) -> bool {
    let Some(digits) = digits_of::<11>(value) else { return false };
    let [sex, y1, y2, m1, m2, d1, d2, ..] = digits;
    let rest = match weighted(&digits, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 1]) % 11 {
        10 => weighted(&digits, &[3, 4, 5, 6, 7, 8, 9, 1, 2, 3]) % 11 % 10,
        rest => rest,
    };
    matches!(sex, 1..=8) && is_short_day(tens(y1, y2), tens(m1, m2), tens(d1, d2)) && last(&digits) == rest
}

/// Personas kods: a day of birth with a check digit, or since 2017 a number from 32 on that says nothing.
pub(super) fn lv_personas_kods(value: &[u8]) -> bool {
    let Some(digits) = digits_of::<11>(value) else { return false };
    let [d1, d2, m1, m2, y1, y2, century, ..] = digits;
    if matches!(tens(d1, d2), 32..=39) {
        return true;
    }
    let sum = 1 + weighted(&digits, &[10, 5, 8, 4, 2, 1, 6, 3, 7, 9]);
    century <= 2 && is_short_day(tens(y1, y2), tens(m1, m2), tens(d1, d2)) && sum % 11 == last(&digits)
}

// Central Europe

/// PESEL: day of birth with the century in the month; weights 1, 3, 7, 9.
pub(super) fn pl_pesel(value: &[u8]) -> bool {
    let Some(digits) = digits_of::<11>(value) else { return false };
    let [y1, y2, m1, m2, d1, d2, ..] = digits;
    is_short_day(tens(y1, y2), tens(m1, m2) % 20, tens(d1, d2))
        && weighted(&digits, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]).is_multiple_of(10)
}

/// Dowód osobisty: three letters and six digits by weights 7, 3, 1 with 9 for the check digit; the sum ends in 0.
pub(super) fn pl_identity_card(value: &[u8]) -> Option<bool> {
    let symbols = symbols_of::<9>(value)?;
    let mut sum = 0;
    for (symbol, weight) in symbols.iter().zip([7, 3, 1, 9, 7, 3, 1, 7, 3]) {
        sum += base36(*symbol)? * weight;
    }
    Some(sum % 10 == 0)
}

/// Rodné číslo: day of birth, 50 added to a woman's month and 20 where serials ran out; ten digits are divisible by 11. Nine
/// digits are of those born before 1954.
pub(super) fn cz_rodne_cislo(value: &[u8]) -> bool {
    let month = |m1, m2| match tens(m1, m2) {
        month @ 71..=82 => month - 70,
        month @ 51..=62 => month - 50,
        month @ 21..=32 => month - 20,
        month => month,
    };
    if let Some(digits) = digits_of::<10>(value) {
        let [y1, y2, m1, m2, d1, d2, .., check] = digits;
        let body = number(&digits) / 10 % 11;
        let sound = number(&digits).is_multiple_of(11) || (body == 10 && check == 0);
        return sound && is_short_day(tens(y1, y2), month(m1, m2), tens(d1, d2));
    }
    let Some([y1, y2, m1, m2, d1, d2, serial @ ..]) = digits_of::<9>(value) else { return false };
    let serial: [u8; 3] = serial;
    tens(y1, y2) < 54 && number(&serial) != 0 && is_short_day(tens(y1, y2), month(m1, m2), tens(d1, d2))
}

/// Személyi azonosító: sex and century, day of birth, serial, and modulus 11 by weights 1 to 10, or 10 to 1 for those
/// born since 1997.
pub(super) fn hu_personal(value: &[u8]) -> bool {
    let Some(digits) = digits_of::<11>(value) else { return false };
    let [sex, y1, y2, m1, m2, d1, d2, ..] = digits;
    let rising = weighted(&digits, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]) % 11;
    let falling = weighted(&digits, &[10, 9, 8, 7, 6, 5, 4, 3, 2, 1]) % 11;
    matches!(sex, 1..=8)
        && is_short_day(tens(y1, y2), tens(m1, m2), tens(d1, d2))
        && (last(&digits) == rising || last(&digits) == falling)
}

/// Davčna številka: modulus 11 by weights 8 to 2; a remainder of 0 is not issued.
pub(super) fn si_tax(value: &[u8]) -> bool {
    let Some(digits) = digits_of::<8>(value) else { return false };
    let rest = 11 - weighted(&digits, &[8, 7, 6, 5, 4, 3, 2]) % 11;
    rest != 11 && last(&digits) == rest % 10 && digits.first() != Some(&0)
}

// South-eastern Europe

/// Cod numeric personal: sex and century, day of birth, county, serial, modulus 11 with 1 for 10.
pub(super) fn ro_cnp(value: &[u8]) -> bool {
    let Some(digits) = digits_of::<13>(value) else { return false };
    let [sex, y1, y2, m1, m2, d1, d2, j1, j2, ..] = digits;
    let rest = weighted(&digits, &[2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]) % 11;
    sex != 0
        && is_short_day(tens(y1, y2), tens(m1, m2), tens(d1, d2))
        && matches!(tens(j1, j2), 1..=52 | 70 | 80..=83)
        && last(&digits) == if rest == 10 { 1 } else { rest }
}

/// ЕГН: day of birth with the century in the month, serial, modulus 11 with 0 for 10.
pub(super) fn bg_egn(value: &[u8]) -> bool {
    let Some(digits) = digits_of::<10>(value) else { return false };
    let [y1, y2, m1, m2, d1, d2, ..] = digits;
    tens(m1, m2) < 53
        && is_short_day(tens(y1, y2), tens(m1, m2) % 20, tens(d1, d2))
        && last(&digits) == weighted(&digits, &[2, 4, 8, 5, 10, 9, 7, 3, 6]) % 11 % 10
}

/// ΑΜΚΑ: day of birth, serial, a Luhn digit.
pub(super) fn gr_amka(value: &[u8]) -> bool {
    let Some(digits) = digits_of::<11>(value) else { return false };
    let [d1, d2, m1, m2, y1, y2, ..] = digits;
    is_short_day(tens(y1, y2), tens(m1, m2), tens(d1, d2)) && luhn(digits.into_iter())
}

/// ΑΦΜ: powers of two, modulus 11 with 0 for 10.
pub(super) fn gr_afm(value: &[u8]) -> bool {
    let Some(digits) = digits_of::<9>(value) else { return false };
    let [body @ .., check] = digits;
    let sum = body.iter().fold(0, |sum, digit| (sum + u32::from(*digit)) * 2);
    sum != 0 && sum % 11 % 10 == u32::from(check)
}

/// JMBG and EMŠO: day of birth with three digits of the year, region, serial, modulus 11, where 10 is written 0.
pub(super) fn jmbg(value: &[u8]) -> bool {
    let Some(digits) = digits_of::<13>(value) else { return false };
    let [d1, d2, m1, m2, y1, y2, y3, ..] = digits;
    let year = u32::from(y1) * 100 + tens(y2, y3);
    let year = if year >= 850 { 1000 + year } else { 2000 + year };
    year < 2100
        && is_day(year, tens(m1, m2), tens(d1, d2))
        && last(&digits) == lacking(&digits, &[7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2], 11) % 10
}

/// T.C. kimlik numarası: the tenth digit checks the first nine, the eleventh the first ten.
pub(super) fn tr_kimlik(value: &[u8]) -> bool {
    let Some(digits) = digits_of::<11>(value) else { return false };
    let [.., tenth, eleventh] = digits;
    let odd = weighted(&digits, &[1, 0, 1, 0, 1, 0, 1, 0, 1]);
    let even = weighted(&digits, &[0, 1, 0, 1, 0, 1, 0, 1]);
    digits.first() != Some(&0)
        && (odd * 7 + 100 - even) % 10 == u32::from(tenth)
        && (odd + even + u32::from(tenth)) % 10 == u32::from(eleventh)
}

/// Vergi kimlik numarası: each digit with its place added, times a power of two, modulo 9.
pub(super) fn tr_vkn(value: &[u8]) -> bool {
    let Some([body @ .., check]) = digits_of::<10>(value) else { return false };
    let mut sum = 0;
    for (digit, left) in body.iter().zip((1..=9_u32).rev()) {
        let moved = (u32::from(*digit) + left) % 10;
        sum += if moved == 9 { 9 } else { (moved << left) % 9 };
    }
    (10 - sum % 10) % 10 == u32::from(check)
}

// Eastern Europe and the Caucasus

/// РНОКПП: days since 1899 in the first five digits; weights -1, 5, 7, 9, 4, 6, 10, 5, 7, modulus 11 with 0 for 10.
pub(super) fn ua_rntrc(value: &[u8]) -> bool {
    let Some(digits) = digits_of::<10>(value) else { return false };
    // 10 is -1 for the modulus.
    let rest = weighted(&digits, &[10, 5, 7, 9, 4, 6, 10, 5, 7]) % 11 % 10;
    number(&digits) != 0 && rest == last(&digits)
}

/// УНЗР: a day of birth with its whole year.
pub(super) fn ua_unzr(value: &[u8]) -> bool {
    let Some([y1, y2, y3, y4, m1, m2, d1, d2, ..]) = digits_of::<13>(value) else { return false };
    let year = tens(y1, y2) * 100 + tens(y3, y4);
    (1880..2100).contains(&year) && is_day(year, tens(m1, m2), tens(d1, d2))
}

/// ИНН of a person: two check digits, each modulus 11 with 0 for 10.
pub(super) fn ru_inn(value: &[u8]) -> bool {
    let Some(digits) = digits_of::<12>(value) else { return false };
    let [.., first, second] = digits;
    number(&digits) != 0
        && weighted(&digits, &[7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) % 11 % 10 == u32::from(first)
        && weighted(&digits, &[3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) % 11 % 10 == u32::from(second)
}

/// СНИЛС: nine digits by weights 9 to 1, modulo 101; the first numbers up to 001-001-998 have no check.
pub(super) fn ru_snils(value: &[u8]) -> bool {
    let Some([body @ .., c1, c2]) = digits_of::<11>(value) else { return false };
    let sum = weighted(&body, &[9, 8, 7, 6, 5, 4, 3, 2, 1]) % 101 % 100;
    number(&body) > 1_001_998 && sum == tens(c1, c2)
}

/// Belarusian personal number: sex and century, day of birth, region, serial, state, check digit.
pub(super) fn by_personal(value: &[u8]) -> Option<bool> {
    let [_, d1, d2, m1, m2, y1, y2, ..] = symbols_of::<14>(value)?;
    let date = u32::try_from(decimal(&[y1, y2, m1, m2, d1, d2])?).ok()?;
    Some(is_short_day(date / 10_000, date / 100 % 100, date % 100))
}

/// IDNP: weights 7, 3, 1 over twelve digits.
pub(super) fn md_idnp(value: &[u8]) -> bool {
    let Some(digits) = digits_of::<13>(value) else { return false };
    weighted(&digits, &[7, 3, 1, 7, 3, 1, 7, 3, 1, 7, 3, 1]) % 10 == last(&digits)
}

/// Cypriot tax number: a letter for the sum of eight digits, those in odd places by a table.
pub(super) fn cy_tin(value: &[u8]) -> Option<bool> {
    let [digits @ .., letter] = symbols_of::<9>(value)?;
    let mut sum = 0;
    for (place, symbol) in digits.iter().enumerate() {
        let digit = char::from(*symbol).to_digit(10)?;
        sum += if place % 2 == 0 { *ODD.get(usize::try_from(digit).ok()?)? } else { digit };
    }
    Some(u32::from(letter) == u32::from(b'A') + sum % 26)
}

/// Armenian public services number: 10 added to a man's day of birth, 50 to a woman's.
pub(super) fn am_public_services(value: &[u8]) -> bool {
    let Some([d1, d2, m1, m2, y1, y2, ..]) = digits_of::<10>(value) else { return false };
    let day = match tens(d1, d2) {
        day @ 11..=41 => day - 10,
        day @ 51..=81 => day - 50,
        _ => return false,
    };
    is_short_day(tens(y1, y2), tens(m1, m2), day)
}

/// Albanian identity number: a letter for the decade, year, month with 50 added for women, day, serial, a letter.
pub(super) fn al_nid(value: &[u8]) -> Option<bool> {
    let [_, y, m1, m2, d1, d2, ..] = symbols_of::<10>(value)?;
    let date = u32::try_from(decimal(&[y, m1, m2, d1, d2])?).ok()?;
    let month = date / 100 % 100;
    // The decade's letter is not read, so 29 February passes in every year.
    Some(is_short_day(0, if month > 50 { month - 50 } else { month }, date % 100))
}
