//! Numbers of European authorities: check digits and dates, by country.
//!
//! Each is written from the authority's own description. A check is told the shape by its rule's pattern and looks at
//! what a pattern cannot: sums, days of the calendar, prefixes that were never issued.

use super::arithmetic::{
    base36, cross_sum, decimal, digits_of, ean, icao_sum, is_day, is_short_day, lacking, mod_11_10, number, place_in,
    symbols_of, tens, verhoeff, weighted,
};
use super::{Check, luhn};

/// The checks of this family.
pub(super) const CHECKS: &[Check] = &[
    ("gb-nhs", gb_nhs),
    ("gb-chi", gb_chi),
    ("gb-nino", gb_nino),
    // A K may stand behind the ten digits.
    ("gb-utr", |value| gb_utr(value.strip_suffix(b"K").unwrap_or(value))),
    ("gb-driving-licence", gb_driving_licence),
    ("gb-upn", |value| gb_upn(value).unwrap_or(false)),
    ("ie-pps", |value| ie_pps(value).unwrap_or(false)),
    ("de-idnr", de_idnr),
    ("de-rvnr", |value| de_rvnr(value).unwrap_or(false)),
    ("de-kvnr", |value| de_kvnr(value).unwrap_or(false)),
    ("de-document", de_document),
    ("fr-nir", |value| fr_nir(value).unwrap_or(false)),
    ("fr-spi", fr_spi),
    ("it-codice-fiscale", |value| it_codice_fiscale(value).unwrap_or(false)),
    ("es-dni", |value| es_dni(value).unwrap_or(false)),
    ("es-nie", |value| es_nie(value).unwrap_or(false)),
    ("es-document", |value| es_dni(value) == Some(true) || es_nie(value) == Some(true)),
    ("es-nuss", es_nuss),
    ("pt-nif", |value| pt_nif(without_country(value))),
    ("pt-cc", |value| pt_cc(value).unwrap_or(false)),
    ("pt-niss", pt_niss),
    ("nl-bsn", nl_bsn),
    ("nl-onderwijsnummer", |value| {
        let digits = digits_of::<9>(value);
        digits.is_some_and(|digits| (weighted(&digits, &[9, 8, 7, 6, 5, 4, 3, 2, 10]) % 11) == 5)
    }),
    ("be-national", be_national),
    ("be-eid", be_eid),
    ("lu-matricule", lu_matricule),
    ("ch-ahv", |value| digits_of::<13>(value).is_some_and(|digits| ean(&digits))),
    ("ch-ahv-old", |value| {
        digits_of::<11>(value)
            .is_some_and(|digits| last(&digits) == lacking(&digits, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2], 11))
    }),
    ("at-vnr", at_vnr),
    ("se-personnummer", se_personnummer),
    ("no-fodselsnummer", no_fodselsnummer),
    ("dk-cpr", |value| dk_cpr(value).is_some()),
    ("dk-cpr-mod11", |value| {
        dk_cpr(value).is_some_and(|digits| weighted(&digits, &[4, 3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11))
    }),
    ("fi-hetu", |value| fi_hetu(value).unwrap_or(false)),
    ("is-kennitala", is_kennitala),
    ("baltic-personal-code", baltic_personal_code),
    ("lv-personas-kods", lv_personas_kods),
    ("pl-pesel", pl_pesel),
    ("pl-nip", |value| {
        let digits = digits_of::<10>(without_country(value));
        digits.is_some_and(|digits| last(&digits) == weighted(&digits, &[6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11)
    }),
    ("pl-identity-card", |value| pl_identity_card(value).unwrap_or(false)),
    ("cz-rodne-cislo", |value| cz_rodne_cislo(without_country(value))),
    ("hu-taj", |value| {
        digits_of::<9>(value).is_some_and(|digits| last(&digits) == weighted(&digits, &[3, 7, 3, 7, 3, 7, 3, 7]) % 10)
    }),
    ("hu-tax", |value| {
        digits_of::<10>(value)
            .is_some_and(|digits| last(&digits) == weighted(&digits, &[1, 2, 3, 4, 5, 6, 7, 8, 9]) % 11)
    }),
    ("hu-personal", hu_personal),
    ("ro-cnp", ro_cnp),
    ("bg-egn", bg_egn),
    ("bg-lnch", |value| {
        let weights = [21, 19, 17, 13, 11, 9, 7, 3, 1];
        digits_of::<10>(value).is_some_and(|digits| last(&digits) == weighted(&digits, &weights) % 10)
    }),
    ("gr-amka", gr_amka),
    ("gr-afm", |value| gr_afm(without_country(value))),
    ("hr-oib", |value| digits_of::<11>(without_country(value)).is_some_and(|digits| mod_11_10(&digits))),
    ("jmbg", jmbg),
    ("si-tax", si_tax),
    ("tr-kimlik", tr_kimlik),
    ("tr-vkn", tr_vkn),
    ("ua-rntrc", ua_rntrc),
    ("ua-unzr", ua_unzr),
    ("ru-inn", ru_inn),
    ("ru-snils", ru_snils),
    ("by-personal", |value| by_personal(value).unwrap_or(false)),
    ("md-idnp", md_idnp),
    ("cy-tin", |value| cy_tin(without_country(value)).unwrap_or(false)),
    ("am-public-services", am_public_services),
    ("al-nid", |value| al_nid(value).unwrap_or(false)),
];

/// The last digit, which is the check digit of most numbers.
fn last(digits: &[u8]) -> u32 {
    digits.last().copied().map_or(u32::MAX, u32::from)
}

/// The number behind a country's two letters, as numbers for tax are written in trade.
fn without_country(value: &[u8]) -> &[u8] {
    match value {
        [first, second, rest @ ..] if first.is_ascii_alphabetic() && second.is_ascii_alphabetic() => rest,
        _ => value,
    }
}

// United Kingdom, Ireland

/// NHS number, and those of Northern Ireland and Scotland: modulus 11, weights 10 to 2; a check digit of 10 is not issued.
fn gb_nhs(value: &[u8]) -> bool {
    let Some(digits) = digits_of::<10>(value) else { return false };
    last(&digits) == lacking(&digits, &[10, 9, 8, 7, 6, 5, 4, 3, 2], 11) && number(&digits) != 0
}

/// Community Health Index: a day of birth, then as the NHS number.
fn gb_chi(value: &[u8]) -> bool {
    let Some([d1, d2, m1, m2, y1, y2, ..]) = digits_of::<10>(value) else { return false };
    gb_nhs(value) && is_short_day(tens(y1, y2), tens(m1, m2), tens(d1, d2))
}

/// National Insurance number: prefixes that are not allocated.
fn gb_nino(value: &[u8]) -> bool {
    let mut letters = value.iter().map(u8::to_ascii_uppercase);
    let (Some(first), Some(second)) = (letters.next(), letters.next()) else { return false };
    let never = |letter: u8| matches!(letter, b'D' | b'F' | b'I' | b'Q' | b'U' | b'V');
    let kept = [*b"BG", *b"GB", *b"KN", *b"NK", *b"NT", *b"TN", *b"ZZ"];
    !never(first) && !never(second) && second != b'O' && !kept.contains(&[first, second])
}

/// Unique Taxpayer Reference: the first digit checks the other nine.
fn gb_utr(value: &[u8]) -> bool {
    let Some([check, rest @ ..]) = digits_of::<10>(value) else { return false };
    let wanted = 11 - weighted(&rest, &[6, 7, 8, 9, 10, 5, 4, 3, 2]) % 11;
    u32::from(check) == if wanted > 9 { wanted - 9 } else { wanted }
}

/// Driver number: five of the surname filled with nines, day of birth with 50 added to a woman's month.
fn gb_driving_licence(value: &[u8]) -> bool {
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
fn gb_upn(value: &[u8]) -> Option<bool> {
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
fn ie_pps(value: &[u8]) -> Option<bool> {
    let (digits, check, second) = match symbols_of::<8>(value) {
        Some([digits @ .., check]) => (digits, check, b'W'),
        None => {
            let [digits @ .., check, second] = symbols_of::<9>(value)?;
            (digits, check, second)
        }
    };
    let digits: [u8; 7] = digits;
    let letters = b"WABCDEFGHIJKLMNOPQRSTUV";
    let mut sum = place_in(letters, second)? * 9;
    for (byte, weight) in digits.iter().zip((2..=8).rev()) {
        sum += char::from(*byte).to_digit(10)? * weight;
    }
    Some(place_in(letters, check)? == sum % 23)
}

// Germany, Austria, Switzerland

/// Identification number for tax: of the first ten digits one stands there twice or three times, the others once at
/// most; ISO 7064 MOD 11,10.
fn de_idnr(value: &[u8]) -> bool {
    let Some(digits) = digits_of::<11>(value) else { return false };
    let [body @ .., _] = digits;
    let count = |digit: u8| body.iter().filter(|other| **other == digit).count();
    let repeated = (0..10).filter(|digit| count(*digit) > 1).count();
    let most = (0..10).map(count).max().unwrap_or(0);
    repeated == 1 && most <= 3 && body.first() != Some(&0) && mod_11_10(&digits)
}

/// Pension insurance number: area, day of birth, first letter of the name, serial, check digit. 50 is added to a day
/// where the serials have run out.
fn de_rvnr(value: &[u8]) -> Option<bool> {
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
fn de_kvnr(value: &[u8]) -> Option<bool> {
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
fn de_document(value: &[u8]) -> bool {
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
fn at_vnr(value: &[u8]) -> bool {
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
fn fr_nir(value: &[u8]) -> Option<bool> {
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
fn fr_spi(value: &[u8]) -> bool {
    let Some([body @ .., k1, k2, k3]) = digits_of::<13>(value) else { return false };
    let body: [u8; 10] = body;
    number(&body) != 0 && number(&body) % 511 == number(&[k1, k2, k3])
}

/// What a character of the codice fiscale counts in an odd place, by its place among the digits or letters.
const ODD: [u32; 26] = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];

/// Codice fiscale: day of birth with 40 added to a woman's, and a letter that checks the fifteen characters before it.
/// Where two people would share one, digits are replaced by letters from the right.
fn it_codice_fiscale(value: &[u8]) -> Option<bool> {
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
fn es_dni(value: &[u8]) -> Option<bool> {
    let [digits @ .., letter] = symbols_of::<9>(value)?;
    Some(spanish_letter(decimal(&digits)?)? == letter)
}

/// NIE: X, Y or Z for 0, 1 or 2, seven digits, letter; X, eight digits, letter in the oldest.
fn es_nie(value: &[u8]) -> Option<bool> {
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
fn es_nuss(value: &[u8]) -> bool {
    let Some([p1, p2, rest @ .., c1, c2]) = digits_of::<12>(value) else { return false };
    let rest: [u8; 8] = rest;
    let (province, serial) = (u64::from(tens(p1, p2)), number(&rest));
    let whole = province * if serial < 10_000_000 { 10_000_000 } else { 100_000_000 } + serial;
    matches!(province, 1..=53 | 66) && whole % 97 == u64::from(tens(c1, c2))
}

/// NIF: modulus 11, weights 9 to 2, what lacks 10 counts 0.
fn pt_nif(value: &[u8]) -> bool {
    let Some(digits) = digits_of::<9>(value) else { return false };
    last(&digits) == lacking(&digits, &[9, 8, 7, 6, 5, 4, 3, 2], 11) % 10 && digits.first() != Some(&0)
}

/// Cartão de cidadão: the civil number with its check digit, version, and a check digit by Luhn's doubling over values of
/// base 36.
fn pt_cc(value: &[u8]) -> Option<bool> {
    let symbols = symbols_of::<12>(value)?;
    let [civil @ .., _, _, _] = symbols;
    let civil: [u8; 9] = civil;
    decimal(&civil)?;
    let civil = civil.map(|byte| byte - b'0');
    let mut sum = 0;
    for (place, symbol) in symbols.iter().rev().enumerate() {
        let doubled = base36(*symbol)? << (place % 2);
        sum += if place % 2 == 1 && doubled > 9 { doubled - 9 } else { doubled };
    }
    Some(sum % 10 == 0 && last(&civil) == lacking(&civil, &[9, 8, 7, 6, 5, 4, 3, 2], 11) % 10)
}

/// NISS: weights are the first ten primes from 29 down; 9 less the last digit of the sum.
fn pt_niss(value: &[u8]) -> bool {
    let Some(digits) = digits_of::<11>(value) else { return false };
    last(&digits) == 9 - weighted(&digits, &[29, 23, 19, 17, 13, 11, 7, 5, 3, 2]) % 10
}

// Netherlands, Belgium, Luxembourg

/// Burgerservicenummer: nine digits, or eight without the zero; weights 9 to 2 and -1, modulus 11.
fn nl_bsn(value: &[u8]) -> bool {
    let digits = digits_of::<9>(value).or_else(|| {
        let [d1, d2, d3, d4, d5, d6, d7, d8] = digits_of::<8>(value)?;
        Some([0, d1, d2, d3, d4, d5, d6, d7, d8])
    });
    let Some(digits) = digits else { return false };
    number(&digits) >= 10_000_000 && last(&digits) == weighted(&digits, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11
}

/// National register number: day of birth (months of foreigners' numbers with 20 or 40 added, unknown parts 0), serial, 97
/// less the remainder; those born from 2000 on count with a 2 before it.
fn be_national(value: &[u8]) -> bool {
    let Some([body @ .., c1, c2]) = digits_of::<11>(value) else { return false };
    let [_, _, m1, m2, d1, d2, ..] = body;
    let body: [u8; 9] = body;
    let possible = tens(m1, m2) < 60 && tens(m1, m2) % 20 <= 12 && tens(d1, d2) <= 31;
    let (body, check) = (number(&body), u64::from(tens(c1, c2)));
    possible && body % 1000 != 0 && (check == 97 - body % 97 || check == 97 - (2_000_000_000 + body) % 97)
}

/// Number of an identity card: ten digits modulo 97, 97 for 0.
fn be_eid(value: &[u8]) -> bool {
    let Some([body @ .., c1, c2]) = digits_of::<12>(value) else { return false };
    let body: [u8; 10] = body;
    let rest = number(&body) % 97;
    u64::from(tens(c1, c2)) == if rest == 0 { 97 } else { rest }
}

/// Matricule: year, month, day, serial, a Luhn digit and a Verhoeff digit, both over the first eleven.
fn lu_matricule(value: &[u8]) -> bool {
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

// Nordic and Baltic countries

/// Personnummer and samordningsnummer: ten digits, or twelve with the century; a Luhn digit over the ten, 60 added to the
/// day of a coordination number.
fn se_personnummer(value: &[u8]) -> bool {
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
fn no_fodselsnummer(value: &[u8]) -> bool {
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
fn dk_cpr(value: &[u8]) -> Option<[u8; 10]> {
    let digits = digits_of::<10>(value)?;
    let [d1, d2, m1, m2, y1, y2, ..] = digits;
    is_short_day(tens(y1, y2), tens(m1, m2), tens(d1, d2)).then_some(digits)
}

/// Henkilötunnus: day of birth, a sign for the century, serial, and the character of the remainder by 31.
fn fi_hetu(value: &[u8]) -> Option<bool> {
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
fn is_kennitala(value: &[u8]) -> bool {
    let Some(digits) = digits_of::<10>(value) else { return false };
    let [d1, d2, m1, m2, y1, y2, _, _, check, century] = digits;
    is_short_day(tens(y1, y2), tens(m1, m2), tens(d1, d2))
        && matches!(century, 8 | 9 | 0)
        && lacking(&digits, &[3, 2, 7, 6, 5, 4, 3, 2], 11) == u32::from(check)
}

/// Estonian isikukood and Lithuanian asmens kodas: century and sex, day of birth, serial, a check digit of modulus 11 with
/// a second row of weights where the first gives 10.
fn baltic_personal_code(value: &[u8]) -> bool {
    let Some(digits) = digits_of::<11>(value) else { return false };
    let [sex, y1, y2, m1, m2, d1, d2, ..] = digits;
    let rest = match weighted(&digits, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 1]) % 11 {
        10 => weighted(&digits, &[3, 4, 5, 6, 7, 8, 9, 1, 2, 3]) % 11 % 10,
        rest => rest,
    };
    matches!(sex, 1..=8) && is_short_day(tens(y1, y2), tens(m1, m2), tens(d1, d2)) && last(&digits) == rest
}

/// Personas kods: a day of birth with a check digit, or since 2017 a number from 32 on that says nothing.
fn lv_personas_kods(value: &[u8]) -> bool {
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
fn pl_pesel(value: &[u8]) -> bool {
    let Some(digits) = digits_of::<11>(value) else { return false };
    let [y1, y2, m1, m2, d1, d2, ..] = digits;
    is_short_day(tens(y1, y2), tens(m1, m2) % 20, tens(d1, d2))
        && weighted(&digits, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]).is_multiple_of(10)
}

/// Dowód osobisty: three letters and six digits by weights 7, 3, 1 with 9 for the check digit; the sum ends in 0.
fn pl_identity_card(value: &[u8]) -> Option<bool> {
    let symbols = symbols_of::<9>(value)?;
    let mut sum = 0;
    for (symbol, weight) in symbols.iter().zip([7, 3, 1, 9, 7, 3, 1, 7, 3]) {
        sum += base36(*symbol)? * weight;
    }
    Some(sum % 10 == 0)
}

/// Rodné číslo: day of birth, 50 added to a woman's month and 20 where serials ran out; ten digits are divisible by 11. Nine
/// digits are of those born before 1954.
fn cz_rodne_cislo(value: &[u8]) -> bool {
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
fn hu_personal(value: &[u8]) -> bool {
    let Some(digits) = digits_of::<11>(value) else { return false };
    let [sex, y1, y2, m1, m2, d1, d2, ..] = digits;
    let rising = weighted(&digits, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]) % 11;
    let falling = weighted(&digits, &[10, 9, 8, 7, 6, 5, 4, 3, 2, 1]) % 11;
    matches!(sex, 1..=8)
        && is_short_day(tens(y1, y2), tens(m1, m2), tens(d1, d2))
        && (last(&digits) == rising || last(&digits) == falling)
}

/// Davčna številka: modulus 11 by weights 8 to 2; a remainder of 0 is not issued.
fn si_tax(value: &[u8]) -> bool {
    let Some(digits) = digits_of::<8>(value) else { return false };
    let rest = 11 - weighted(&digits, &[8, 7, 6, 5, 4, 3, 2]) % 11;
    rest != 11 && last(&digits) == rest % 10 && digits.first() != Some(&0)
}

// South-eastern Europe

/// Cod numeric personal: sex and century, day of birth, county, serial, modulus 11 with 1 for 10.
fn ro_cnp(value: &[u8]) -> bool {
    let Some(digits) = digits_of::<13>(value) else { return false };
    let [sex, y1, y2, m1, m2, d1, d2, j1, j2, ..] = digits;
    let rest = weighted(&digits, &[2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]) % 11;
    sex != 0
        && is_short_day(tens(y1, y2), tens(m1, m2), tens(d1, d2))
        && matches!(tens(j1, j2), 1..=52 | 70 | 80..=83)
        && last(&digits) == if rest == 10 { 1 } else { rest }
}

/// ЕГН: day of birth with the century in the month, serial, modulus 11 with 0 for 10.
fn bg_egn(value: &[u8]) -> bool {
    let Some(digits) = digits_of::<10>(value) else { return false };
    let [y1, y2, m1, m2, d1, d2, ..] = digits;
    tens(m1, m2) < 53
        && is_short_day(tens(y1, y2), tens(m1, m2) % 20, tens(d1, d2))
        && last(&digits) == weighted(&digits, &[2, 4, 8, 5, 10, 9, 7, 3, 6]) % 11 % 10
}

/// ΑΜΚΑ: day of birth, serial, a Luhn digit.
fn gr_amka(value: &[u8]) -> bool {
    let Some(digits) = digits_of::<11>(value) else { return false };
    let [d1, d2, m1, m2, y1, y2, ..] = digits;
    is_short_day(tens(y1, y2), tens(m1, m2), tens(d1, d2)) && luhn(digits.into_iter())
}

/// ΑΦΜ: powers of two, modulus 11 with 0 for 10.
fn gr_afm(value: &[u8]) -> bool {
    let Some(digits) = digits_of::<9>(value) else { return false };
    let [body @ .., check] = digits;
    let sum = body.iter().fold(0, |sum, digit| (sum + u32::from(*digit)) * 2);
    sum != 0 && sum % 11 % 10 == u32::from(check)
}

/// JMBG and EMŠO: day of birth with three digits of the year, region, serial, modulus 11.
fn jmbg(value: &[u8]) -> bool {
    let Some(digits) = digits_of::<13>(value) else { return false };
    let [d1, d2, m1, m2, y1, y2, y3, ..] = digits;
    let year = u32::from(y1) * 100 + tens(y2, y3);
    let year = if year >= 850 { 1000 + year } else { 2000 + year };
    year < 2100
        && is_day(year, tens(m1, m2), tens(d1, d2))
        && last(&digits) == lacking(&digits, &[7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2], 11)
}

/// T.C. kimlik numarası: the tenth digit checks the first nine, the eleventh the first ten.
fn tr_kimlik(value: &[u8]) -> bool {
    let Some(digits) = digits_of::<11>(value) else { return false };
    let [.., tenth, eleventh] = digits;
    let odd = weighted(&digits, &[1, 0, 1, 0, 1, 0, 1, 0, 1]);
    let even = weighted(&digits, &[0, 1, 0, 1, 0, 1, 0, 1]);
    digits.first() != Some(&0)
        && (odd * 7 + 100 - even) % 10 == u32::from(tenth)
        && (odd + even + u32::from(tenth)) % 10 == u32::from(eleventh)
}

/// Vergi kimlik numarası: each digit with its place added, times a power of two, modulo 9.
fn tr_vkn(value: &[u8]) -> bool {
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
fn ua_rntrc(value: &[u8]) -> bool {
    let Some(digits) = digits_of::<10>(value) else { return false };
    // 10 is -1 for the modulus.
    let rest = weighted(&digits, &[10, 5, 7, 9, 4, 6, 10, 5, 7]) % 11 % 10;
    number(&digits) != 0 && rest == last(&digits)
}

/// УНЗР: a day of birth with its whole year.
fn ua_unzr(value: &[u8]) -> bool {
    let Some([y1, y2, y3, y4, m1, m2, d1, d2, ..]) = digits_of::<13>(value) else { return false };
    let year = tens(y1, y2) * 100 + tens(y3, y4);
    (1880..2100).contains(&year) && is_day(year, tens(m1, m2), tens(d1, d2))
}

/// ИНН of a person: two check digits, each modulus 11 with 0 for 10.
fn ru_inn(value: &[u8]) -> bool {
    let Some(digits) = digits_of::<12>(value) else { return false };
    let [.., first, second] = digits;
    number(&digits) != 0
        && weighted(&digits, &[7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) % 11 % 10 == u32::from(first)
        && weighted(&digits, &[3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) % 11 % 10 == u32::from(second)
}

/// СНИЛС: nine digits by weights 9 to 1, modulo 101; the first numbers up to 001-001-998 have no check.
fn ru_snils(value: &[u8]) -> bool {
    let Some([body @ .., c1, c2]) = digits_of::<11>(value) else { return false };
    let sum = weighted(&body, &[9, 8, 7, 6, 5, 4, 3, 2, 1]) % 101 % 100;
    number(&body) > 1_001_998 && sum == tens(c1, c2)
}

/// Belarusian personal number: sex and century, day of birth, region, serial, state, check digit.
fn by_personal(value: &[u8]) -> Option<bool> {
    let [_, d1, d2, m1, m2, y1, y2, ..] = symbols_of::<14>(value)?;
    let date = u32::try_from(decimal(&[y1, y2, m1, m2, d1, d2])?).ok()?;
    Some(is_short_day(date / 10_000, date / 100 % 100, date % 100))
}

/// IDNP: weights 7, 3, 1 over twelve digits.
fn md_idnp(value: &[u8]) -> bool {
    let Some(digits) = digits_of::<13>(value) else { return false };
    weighted(&digits, &[7, 3, 1, 7, 3, 1, 7, 3, 1, 7, 3, 1]) % 10 == last(&digits)
}

/// Cypriot tax number: a letter for the sum of eight digits, those in odd places by a table.
fn cy_tin(value: &[u8]) -> Option<bool> {
    let [digits @ .., letter] = symbols_of::<9>(value)?;
    let mut sum = 0;
    for (place, symbol) in digits.iter().enumerate() {
        let digit = char::from(*symbol).to_digit(10)?;
        sum += if place % 2 == 0 { *ODD.get(usize::try_from(digit).ok()?)? } else { digit };
    }
    Some(u32::from(letter) == u32::from(b'A') + sum % 26)
}

/// Armenian public services number: 10 added to a man's day of birth, 50 to a woman's.
fn am_public_services(value: &[u8]) -> bool {
    let Some([d1, d2, m1, m2, y1, y2, ..]) = digits_of::<10>(value) else { return false };
    let day = match tens(d1, d2) {
        day @ 11..=41 => day - 10,
        day @ 51..=81 => day - 50,
        _ => return false,
    };
    is_short_day(tens(y1, y2), tens(m1, m2), day)
}

/// Albanian identity number: a letter for the decade, year, month with 50 added for women, day, serial, a letter.
fn al_nid(value: &[u8]) -> Option<bool> {
    let [_, y, m1, m2, d1, d2, ..] = symbols_of::<10>(value)?;
    let date = u32::try_from(decimal(&[y, m1, m2, d1, d2])?).ok()?;
    let month = date / 100 % 100;
    // The decade's letter is not read, so 29 February passes in every year.
    Some(is_short_day(0, if month > 50 { month - 50 } else { month }, date % 100))
}

#[cfg(test)]
mod tests {
    use crate::engine::Validator;

    /// A check, numbers that authorities or their descriptions print, and numbers that miss by a digit, a letter or a day.
    const VECTORS: &[(&str, &[&str], &[&str])] = &[
        (
            "gb-nhs",
            &["9434765919", "943 476 5919", "943-476-5919"],
            &["9434765918", "9434756919", "0000000000", "943476591"],
        ),
        ("gb-chi", &["0103044396"], &["0113010109", "3201010109"]),
        ("gb-nino", &["AA123456C", "jg 10 37 59 a"], &["BG123456A", "ZZ123456A", "DA123456A", "AO123456A"]),
        ("gb-utr", &["1955839661", "19558 39661K"], &["2955839661", "1955839662"]),
        (
            "gb-driving-licence",
            &["MORGA657054SM9IJ", "DOE99 602289 J99AB"],
            &["MORGA657554SM9IJ", "MO9GA657054SM9IJ", "99999657054SM9IJ"],
        ),
        ("ie-pps", &["1234567T", "1234567FA", "1234567TW"], &["1234567A", "1234567FB", "123456T"]),
        ("de-idnr", &["86095742719", "47 036 892 816"], &["86095742718", "12345678903", "11111111111"]),
        ("de-rvnr", &["15070649C103", "15 070649 c 103"], &["15070649C104", "15073249C103", "15070649D103"]),
        ("de-kvnr", &["A123456780"], &["A123456781", "B123456780", "1123456780"]),
        (
            "de-document",
            &["L01X00T471", "T220001293", "L01X00T47", "T220001293D"],
            &["L01X00T472", "T220001294D", "LNMPRTVWX"],
        ),
        ("at-vnr", &["1237 010180", "1237010180"], &["1238010180", "1237320180"]),
        ("ch-ahv", &["756.9217.0769.85", "7561234567897"], &["756.9217.0769.84"]),
        ("ch-ahv-old", &["123.45.678.113"], &["123.45.678.114"]),
        (
            "fr-nir",
            &["255081416802538", "2 95 10 99 126 111 93", "185052A00608435"],
            &["255081416802539", "255181416802538"],
        ),
        ("fr-spi", &["30 23 217 600 053", "3023217600053"], &["3023217600054", "0000000000000"]),
        (
            "it-codice-fiscale",
            &["RSSMRA85T10A562S", "rss mra 85t10 a562s"],
            &["RSSMRA85T10A562T", "RSSMRA85T99A562S", "RSSMRA85T10A5X2S"],
        ),
        ("es-dni", &["12345678Z", "12.345.678-z"], &["12345678A", "1234567Z"]),
        ("es-nie", &["X1234567L", "X-1234567-L", "Z1234567R"], &["X1234567A", "W1234567L"]),
        ("es-nuss", &["281234567840", "28/12345678/40"], &["281234567841", "991234567840"]),
        ("pt-nif", &["123456789", "PT 123 456 789"], &["123456788", "023456789"]),
        ("pt-cc", &["00000000 0 ZZ4", "000000000ZZ4"], &["00000000 0 ZZ5", "10000000 0 ZZ2"]),
        ("nl-bsn", &["111222333", "123456782", "1234.56.782", "10000008"], &["111222334", "000000000"]),
        ("be-national", &["85.07.30-033.28", "85073003328"], &["85.07.30-033.29", "85.17.30-033.28"]),
        ("be-eid", &["591-9143872-75"], &["591-9143872-76"]),
        ("lu-matricule", &["1893120105732"], &["1893120105733", "1893120105742", "1893130105732"]),
        (
            "se-personnummer",
            &["811228-9874", "198112289874", "701063-2391", "640823-3234"],
            &["811228-9873", "811328-9874", "178112289874"],
        ),
        ("dk-cpr", &["211062-5629", "010190-1234"], &["211362-5629"]),
        ("dk-cpr-mod11", &["211062-5629", "070761-4285"], &["211062-5628", "010190-1234"]),
        ("fi-hetu", &["131052-308T", "131052308T", "010594Y9021"], &["131052-308U", "131352-308T", "131052-001T"]),
        ("is-kennitala", &["120174-3399"], &["120174-3389", "120174-3391", "520174-3399"]),
        ("baltic-personal-code", &["37605030299", "33309240064"], &["37605030298", "37613030299", "97605030299"]),
        ("lv-personas-kods", &["161175-19997", "328673-00679"], &["161175-19998", "161375-19997"]),
        ("pl-pesel", &["44051401359"], &["44051401358", "44133401359"]),
        ("pl-nip", &["8567346215", "PL856-734-62-15"], &["8567346216"]),
        ("pl-identity-card", &["ABA300000", "ABA 300000"], &["ABA300001", "ABB300000"]),
        ("cz-rodne-cislo", &["710319/2745", "CZ7103192745", "451231/123"], &["710319/2746", "991231123", "451231000"]),
        ("hu-tax", &["8071592153"], &["8071592154"]),
        ("ro-cnp", &["1630615123457"], &["1630615123458", "1631315123457", "1630615993457"]),
        ("bg-egn", &["7523169263", "8032056031"], &["7523169264", "7553169263"]),
        ("bg-lnch", &["7111042925"], &["7111042924"]),
        ("gr-amka", &["01013099997"], &["01013099998", "01133099997"]),
        ("gr-afm", &["094259216", "EL023456780"], &["094259217", "000000000"]),
        ("hr-oib", &["33392005961", "69435151530"], &["33392005962"]),
        ("jmbg", &["0101006500006", "2905994718258"], &["0101006500007", "0113006500006", "0101506500006"]),
        ("si-tax", &["50223054", "15012557"], &["50223055"]),
        ("tr-kimlik", &["10000000146"], &["10000000147", "10000000156"]),
        ("ua-rntrc", &["1759013776"], &["1759013777"]),
        ("ua-unzr", &["19820823-03476"], &["19821323-03476"]),
        ("ru-inn", &["500100732259"], &["500100732258", "500100732269", "000000000000"]),
        ("ru-snils", &["112-233-445 95", "11223344595"], &["112-233-445 96", "001-001-997 00"]),
        ("cy-tin", &["10259033P", "CY10259033P"], &["10259033Z"]),
        ("am-public-services", &["2505800123", "6512751234"], &["9505800123", "0505800123", "2513800123"]),
        ("gb-upn", &["M926795120876"], &["M926795120877"]),
        ("pt-niss", &["11941513799"], &["11941513790"]),
        ("no-fodselsnummer", &["20107237691"], &["20107237692"]),
        ("no-fodselsnummer", &["621259 49415"], &["621259 49416"]),
        ("hu-taj", &["187 833 783"], &["187 833 784"]),
        ("by-personal", &["4110382H003PB4"], &["4119982H003PB4"]),
    ];

    #[test]
    fn printed_numbers_pass_and_near_misses_fail() {
        for (name, good, wrong) in VECTORS {
            let check = Validator::by_name(name).unwrap();
            for value in *good {
                assert!(check.accepts(value.as_bytes()), "{name} refuses {value}");
            }
            for value in *wrong {
                assert!(!check.accepts(value.as_bytes()), "{name} takes {value}");
            }
        }
    }

    /// The share of a check's neighbours: every other last digit must fail where one check digit decides.
    #[test]
    fn one_last_digit_passes_where_it_is_the_check_digit() {
        let single = ["gb-nhs", "pt-nif", "pl-pesel", "pl-nip", "ro-cnp", "bg-lnch", "hr-oib", "hu-tax", "tr-kimlik"];
        for (name, good, _) in VECTORS.iter().filter(|(name, ..)| single.contains(name)) {
            let check = Validator::by_name(name).unwrap();
            for value in *good {
                let (head, _) = value.split_at(value.len() - 1);
                let passing = (0..10).filter(|digit| check.accepts(format!("{head}{digit}").as_bytes())).count();
                assert_eq!(passing, 1, "{name} {value}");
            }
        }
    }

    #[test]
    fn no_bytes_make_a_check_panic() {
        let odd: [&[u8]; 8] = [
            b"",
            b"-",
            b"\xff\xfe\0",
            "١٢٣٤".as_bytes(),
            b"99999999999999999999999999",
            b"ZZZZZZZZZZZZZZZZ",
            b"0",
            b"A1",
        ];
        for name in Validator::names() {
            let check = Validator::by_name(name).unwrap();
            for value in odd {
                let _ = check.accepts(value);
            }
            for length in 0..24 {
                for byte in [b'0', b'9', b'A', b'Z', b'5'] {
                    let _ = check.accepts(&vec![byte; length]);
                    let _ = check.accepts(&[&vec![b'X'; length / 2][..], &vec![byte; length]].concat());
                }
            }
        }
    }
}
