//! Numbers of companies: registers, value added tax, identifiers of legal entities.

use super::{Check, digits, luhn};

/// The checks of this family.
pub(super) const CHECKS: &[Check] = &[
    ("vat", vat),
    ("lei", lei),
    ("cnpj", cnpj),
    ("au-abn", au_abn),
    ("au-acn", |value| {
        count(value) == 9 && weighted(value, 0, &[8, 7, 6, 5, 4, 3, 2, 1, 1]).is_multiple_of(10) && nonzero(value)
    }),
    ("in-gstin", in_gstin),
    ("es-cif", es_cif),
    ("fr-siren", |value| matches!(count(value), 9 | 14) && luhn(digits(value)) && nonzero(value)),
    ("ch-uid", ch_uid),
    ("no-orgnr", no_orgnr),
    ("dk-cvr", dk_cvr),
    ("fi-ytunnus", fi_ytunnus),
    ("be-kbo", be_kbo),
    ("it-piva", it_piva),
    ("jp-corporate", jp_corporate),
    ("kr-brn", kr_brn),
    ("tw-ubn", tw_ubn),
    ("ru-ogrn", ru_ogrn),
    ("tr-vkn", tr_vkn),
    ("cn-uscc", cn_uscc),
    ("pl-regon", pl_regon),
    ("cz-ico", cz_ico),
    ("hu-company-tax", hu_company),
    ("rs-pib", |value| count(value) == 9 && mod_11_10(value)),
    ("ua-edrpou", ua_edrpou),
    ("ro-cui", ro_cui),
    ("ru-company-tax", |value| {
        let sum = weighted(value, 0, &[2, 4, 10, 3, 5, 9, 4, 6, 8]);
        count(value) == 10 && nonzero(value) && digit(value, 9) == Some(sum % 11 % 10)
    }),
    ("do-rnc", |value| {
        let sum = weighted(value, 0, &[7, 9, 8, 6, 5, 4, 3, 2]);
        count(value) == 9 && nonzero(value) && digit(value, 8) == Some((10 - sum % 11) % 9 + 1)
    }),
    ("ca-bn", |value| matches!(count(value), 9 | 13) && nonzero(value) && luhn_forward(digits(value).take(9), 9)),
];

fn count(value: &[u8]) -> usize {
    digits(value).count()
}

fn nonzero(value: &[u8]) -> bool {
    digits(value).any(|digit| digit != 0)
}

/// The sum of digits from `from` on times weights.
fn weighted(value: &[u8], from: usize, weights: &[u32]) -> u32 {
    digits(value).skip(from).zip(weights).map(|(digit, weight)| u32::from(digit) * weight).sum()
}

fn digit(value: &[u8], place: usize) -> Option<u32> {
    digits(value).nth(place).map(u32::from)
}

/// The number that digits from `from` on make.
fn number(value: &[u8], from: usize, len: usize) -> u64 {
    digits(value).skip(from).take(len).fold(0, |number, digit| number * 10 + u64::from(digit))
}

/// The letters and digits of a match in upper case, how many there are at most 24.
fn characters(value: &[u8]) -> impl DoubleEndedIterator<Item = u8> + Clone + '_ {
    value.iter().filter(|byte| byte.is_ascii_alphanumeric()).map(u8::to_ascii_uppercase)
}

/// Letters as 10 to 35.
fn in_36(byte: u8) -> u32 {
    match byte {
        b'0'..=b'9' => u32::from(byte - b'0'),
        _ => u32::from(byte.to_ascii_uppercase().wrapping_sub(b'A')) + 10,
    }
}

/// Legal entity identifier: ISO 17442, by ISO 7064 mod 97-10.
fn lei(value: &[u8]) -> bool {
    let taken = |remainder: u32, byte: u8| match in_36(byte) {
        digit @ 0..10 => (remainder * 10 + digit) % 97,
        letter => (remainder * 100 + letter) % 97,
    };
    characters(value).count() == 20 && characters(value).fold(0, taken) == 1
}

/// Brazilian company: two check digits by 11; letters are allowed since 2026, and count by their place in ASCII.
fn cnpj(value: &[u8]) -> bool {
    let check = |len: usize| {
        let weights = (2..=9).cycle();
        let body = characters(value).take(len);
        let skip = 14 - len;
        let reversed = characters(value).rev().skip(skip).zip(weights);
        let sum: u32 = reversed.map(|(byte, weight)| u32::from(byte.wrapping_sub(b'0')) * weight).sum();
        let rest = sum % 11;
        (body.count() == len).then_some(if rest < 2 { 0 } else { 11 - rest })
    };
    let at = |place| characters(value).nth(place).map(in_36);
    characters(value).count() == 14 && nonzero(value) && at(12) == check(12) && at(13) == check(13)
}

/// Australian business number: by 89, the first digit one less.
fn au_abn(value: &[u8]) -> bool {
    count(value) == 11
        && digit(value, 0) != Some(0)
        && (weighted(value, 0, &[10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19]) - 10).is_multiple_of(89)
}

/// Indian goods and services tax number: base 36 with weights 1 and 2.
fn in_gstin(value: &[u8]) -> bool {
    let sum: u32 = characters(value)
        .take(14)
        .enumerate()
        .map(|(place, byte)| {
            let product = in_36(byte) * (1 + place as u32 % 2);
            product / 36 + product % 36
        })
        .sum();
    characters(value).count() == 15 && characters(value).next_back().map(in_36) == Some((36 - sum % 36) % 36)
}

/// Spanish company: a letter, seven digits, and a digit or letter by Luhn.
fn es_cif(value: &[u8]) -> bool {
    let body = characters(value).skip(1).take(7);
    let sum: u32 = body
        .enumerate()
        .map(|(place, byte)| {
            let product = in_36(byte) * (2 - place as u32 % 2);
            product / 10 + product % 10
        })
        .sum();
    let check = (10 - sum % 10) % 10;
    let letter = b"JABCDEFGHI".get(check as usize).copied();
    let last = characters(value).next_back();
    characters(value).count() == 9 && nonzero(value) && (last == letter || last.map(in_36) == Some(check))
}

/// Swiss company: by 11.
fn ch_uid(value: &[u8]) -> bool {
    let sum = weighted(value, 0, &[5, 4, 3, 2, 7, 6, 5, 4]);
    count(value) == 9 && nonzero(value) && digit(value, 8) == Some((11 - sum % 11) % 11)
}

/// Norwegian organisation: by 11.
fn no_orgnr(value: &[u8]) -> bool {
    let sum = weighted(value, 0, &[3, 2, 7, 6, 5, 4, 3, 2]);
    count(value) == 9 && nonzero(value) && digit(value, 8) == Some((11 - sum % 11) % 11)
}

/// Danish company: by 11.
fn dk_cvr(value: &[u8]) -> bool {
    count(value) == 8 && digit(value, 0) != Some(0) && weighted(value, 0, &[2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)
}

/// Finnish company: by 11.
fn fi_ytunnus(value: &[u8]) -> bool {
    let rest = weighted(value, 0, &[7, 9, 10, 5, 8, 4, 2]) % 11;
    count(value) == 8 && nonzero(value) && rest != 1 && digit(value, 7) == Some(if rest == 0 { 0 } else { 11 - rest })
}

/// Belgian company: by 97.
fn be_kbo(value: &[u8]) -> bool {
    count(value) == 10 && number(value, 0, 2) > 1 && 97 - number(value, 0, 8) % 97 == number(value, 8, 2)
}

/// Italian value added tax number: by Luhn.
fn it_piva(value: &[u8]) -> bool {
    count(value) == 11 && nonzero(value) && luhn(digits(value))
}

/// Japanese company: the first digit by 9.
fn jp_corporate(value: &[u8]) -> bool {
    let sum: u32 =
        digits(value).rev().take(12).zip([1, 2].iter().cycle()).map(|(digit, weight)| u32::from(digit) * weight).sum();
    count(value) == 13 && nonzero(value) && digit(value, 0) == Some(9 - sum % 9)
}

/// Korean company: weights 1, 3, 7, and the tens of the last product.
fn kr_brn(value: &[u8]) -> bool {
    let sum = weighted(value, 0, &[1, 3, 7, 1, 3, 7, 1, 3, 5]) + digit(value, 8).unwrap_or(0) * 5 / 10;
    count(value) == 10 && nonzero(value) && digit(value, 9) == Some((10 - sum % 10) % 10)
}

/// Taiwanese company: the digits of weighted digits, by 5; a seventh digit of 7 counts twice over.
fn tw_ubn(value: &[u8]) -> bool {
    let sum: u32 = digits(value)
        .zip([1, 2, 1, 2, 1, 2, 4, 1])
        .map(|(digit, weight)| {
            let product = u32::from(digit) * weight;
            product / 10 + product % 10
        })
        .sum();
    count(value) == 8
        && nonzero(value)
        && (sum.is_multiple_of(5) || (digit(value, 6) == Some(7) && (sum + 1).is_multiple_of(5)))
}

/// Russian register number of a company (13 digits, by 11) or an entrepreneur (15, by 13).
fn ru_ogrn(value: &[u8]) -> bool {
    match count(value) {
        13 => number(value, 0, 12) % 11 % 10 == number(value, 12, 1),
        15 => number(value, 0, 14) % 13 % 10 == number(value, 14, 1),
        _ => false,
    }
}

/// Turkish tax number.
fn tr_vkn(value: &[u8]) -> bool {
    let sum: u32 = digits(value)
        .take(9)
        .enumerate()
        .map(|(place, digit)| {
            let shifted = (u32::from(digit) + 9 - place as u32) % 10;
            let product = shifted * (1 << (9 - place)) % 9;
            if shifted != 0 && product == 0 { 9 } else { product }
        })
        .sum();
    count(value) == 10 && nonzero(value) && digit(value, 9) == Some((10 - sum % 10) % 10)
}

/// Chinese unified social credit code (GB 32100): base 31 with powers of 3.
fn cn_uscc(value: &[u8]) -> bool {
    const ALPHABET: &[u8] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
    let place = |byte: u8| ALPHABET.iter().position(|known| *known == byte);
    let mut weight = 1;
    let mut sum = 0;
    for byte in characters(value).take(17) {
        let Some(place) = place(byte) else { return false };
        sum += place * weight;
        weight = weight * 3 % 31;
    }
    characters(value).count() == 18 && characters(value).next_back().and_then(place) == Some((31 - sum % 31) % 31)
}

/// Polish statistical number of a company, or of one of its places with five digits more: by 11.
fn pl_regon(value: &[u8]) -> bool {
    let company = || digit(value, 8) == Some(weighted(value, 0, &[8, 9, 2, 3, 4, 5, 6, 7]) % 11 % 10);
    match count(value) {
        9 => nonzero(value) && company(),
        14 => {
            let sum = weighted(value, 0, &[2, 4, 8, 5, 0, 9, 7, 3, 6, 1, 2, 4, 8]);
            nonzero(value) && company() && digit(value, 13) == Some(sum % 11 % 10)
        }
        _ => false,
    }
}

/// Czech and Slovak company: by 11.
fn cz_ico(value: &[u8]) -> bool {
    let rest = (11 - weighted(value, 0, &[8, 7, 6, 5, 4, 3, 2]) % 11) % 11;
    count(value) == 8 && nonzero(value) && digit(value, 7) == Some(if rest == 0 { 1 } else { rest % 10 })
}

/// Hungarian company: eight digits by 10, whatever stands behind them.
fn hu_company(value: &[u8]) -> bool {
    count(value) >= 8 && nonzero(value) && weighted(value, 0, &[9, 7, 3, 1, 9, 7, 3, 1]).is_multiple_of(10)
}

/// Ukrainian register number: by 11, with other weights from 30,000,000 to 60,000,000, and weights two higher where the
/// rest is 10.
fn ua_edrpou(value: &[u8]) -> bool {
    let middle = (30_000_000..60_000_000).contains(&number(value, 0, 8));
    let weights: [u32; 7] = if middle { [7, 1, 2, 3, 4, 5, 6] } else { [1, 2, 3, 4, 5, 6, 7] };
    let check = match weighted(value, 0, &weights) % 11 {
        10 => weighted(value, 0, &weights.map(|weight| weight + 2)) % 11 % 10,
        rest => rest,
    };
    count(value) == 8 && nonzero(value) && digit(value, 7) == Some(check)
}

/// Romanian company: by 11, from the last digit back.
fn ro_cui(value: &[u8]) -> bool {
    let weights = [2, 3, 5, 7, 1, 2, 3, 5, 7];
    let sum: u32 = digits(value).rev().skip(1).zip(weights).map(|(digit, weight)| u32::from(digit) * weight).sum();
    (2..=10).contains(&count(value)) && digits(value).next_back().map(u32::from) == Some(sum * 10 % 11 % 10)
}

/// [`luhn`] of `count` digits from the first on.
pub(super) fn luhn_forward(digits: impl Iterator<Item = u8>, count: usize) -> bool {
    let sum: u32 = digits
        .enumerate()
        .map(|(place, digit)| {
            let doubled = u32::from(digit) << u32::from((count - place).is_multiple_of(2));
            if doubled > 9 { doubled - 9 } else { doubled }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// ISO 7064 mod 11, 10.
fn mod_11_10(value: &[u8]) -> bool {
    let mut product = 10;
    let mut digits = digits(value).map(u32::from);
    let Some(check) = digits.next_back() else { return false };
    for digit in digits {
        let sum = match (digit + product) % 10 {
            0 => 10,
            sum => sum,
        };
        product = sum * 2 % 11;
    }
    (product + check) % 10 == 1
}

/// The check digit of Lithuanian numbers at `place`: weights from 1 on, and where the rest is 10 from 3 on.
fn lithuanian(value: &[u8], place: usize) -> bool {
    let rest = |shift: usize| {
        let body = digits(value).take(place).enumerate();
        body.map(|(place, digit)| u32::from(digit) * (1 + (place + shift) as u32 % 9)).sum::<u32>() % 11
    };
    let check = if rest(0) == 10 { rest(2) % 10 } else { rest(0) };
    digit(value, place) == Some(check)
}

/// Value added tax numbers of Europe behind their country's letters (VIES, and each authority's check).
fn vat(value: &[u8]) -> bool {
    let mut letters = characters(value);
    let (Some(first), Some(second)) = (letters.next(), letters.next()) else { return false };
    let body = value.get(2..).unwrap_or_default();
    if !nonzero(body) {
        return false;
    }
    match &[first, second] {
        b"AT" => {
            let sum: u32 = digits(body)
                .take(7)
                .zip([1, 2].iter().cycle())
                .map(|(digit, weight)| {
                    let product = u32::from(digit) * weight;
                    product / 10 + product % 10
                })
                .sum();
            count(body) == 8 && digit(body, 7) == Some((10 - (sum + 4) % 10) % 10)
        }
        b"BE" => be_kbo(body),
        b"BG" => matches!(count(body), 9 | 10),
        b"CH" => ch_uid(body),
        b"CY" => {
            let odd = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21];
            let sum: u32 = digits(body)
                .enumerate()
                .map(|(place, digit)| match odd.get(usize::from(digit)) {
                    Some(value) if place % 2 == 0 => *value,
                    _ => u32::from(digit),
                })
                .sum();
            count(body) == 8 && characters(body).next_back().map(in_36) == Some(sum % 26 + 10)
        }
        b"CZ" => match count(body) {
            8 => cz_ico(body),
            9 => true,
            10 => number(body, 0, 10).is_multiple_of(11),
            _ => false,
        },
        b"DE" => count(body) == 9 && digit(body, 0) != Some(0) && mod_11_10(body),
        b"DK" => dk_cvr(body),
        b"EE" => count(body) == 9 && weighted(body, 0, &[3, 7, 1, 3, 7, 1, 3, 7, 1]).is_multiple_of(10),
        b"EL" | b"GR" => {
            let sum = weighted(body, 0, &[256, 128, 64, 32, 16, 8, 4, 2]);
            count(body) == 9 && digit(body, 8) == Some(sum % 11 % 10)
        }
        // A company, or a person's number with its letter by 23.
        b"ES" => {
            es_cif(body) || {
                let last = characters(body).next_back();
                let person = match characters(body).next() {
                    Some(b'X') => Some(0),
                    Some(b'Y') => Some(1),
                    Some(b'Z') => Some(2),
                    _ => None,
                };
                let from = if person.is_some() { 7 } else { 8 };
                let of = person.unwrap_or(0) * 10_000_000 * u64::from(from == 7) + number(body, 0, from);
                count(body) == from && b"TRWAGMYFPDXBNJZSQVHLCKE".get((of % 23) as usize).copied() == last
            }
        }
        b"FI" => fi_ytunnus(body),
        b"FR" => {
            let key = characters(body).take(2);
            let siren = || characters(body).skip(2).filter(u8::is_ascii_digit).map(|byte| byte - b'0');
            let numeric = key.clone().all(|byte| byte.is_ascii_digit());
            let of = siren().take(9).fold(0, |number: u64, digit| number * 10 + u64::from(digit));
            siren().count() == 9
                && luhn_forward(siren(), 9)
                && (!numeric
                    || (12 + 3 * (of % 97)) % 97 == key.fold(0, |number, byte| number * 10 + u64::from(byte - b'0')))
        }
        b"GB" | b"XI" => match count(body) {
            5 => true,
            9 | 12 => {
                let sum = weighted(body, 0, &[8, 7, 6, 5, 4, 3, 2]) + number(body, 7, 2) as u32;
                matches!(sum % 97, 0 | 42 | 55)
            }
            3 => true,
            _ => false,
        },
        b"HR" => count(body) == 11 && mod_11_10(body),
        b"HU" => count(body) == 8 && hu_company(body),
        b"IE" => {
            let extra = characters(body).nth(8).map_or(0, |letter| {
                if matches!(letter, b'W' | b'T' | b'X') { 0 } else { in_36(letter).saturating_sub(9) }
            });
            let sum = weighted(body, 0, &[8, 7, 6, 5, 4, 3, 2]) + extra * 9;
            let letter = b"WABCDEFGHIJKLMNOPQRSTUV".get((sum % 23) as usize).copied();
            // The old form has a letter or sign in the second place.
            count(body) == 6 || characters(body).nth(7) == letter
        }
        b"IT" => it_piva(body),
        b"LT" => match count(body) {
            9 => lithuanian(body, 8),
            12 => lithuanian(body, 11),
            _ => false,
        },
        b"LU" => count(body) == 8 && number(body, 0, 6) % 89 == number(body, 6, 2),
        b"LV" => {
            let company = digit(body, 0) > Some(3);
            let rest = weighted(body, 0, &[9, 1, 4, 8, 3, 10, 2, 5, 7, 6]) % 11;
            let check = if rest > 4 { 14 - rest } else { 3_u32.wrapping_sub(rest) };
            count(body) == 11 && (!company || digit(body, 10) == Some(check))
        }
        b"MT" => {
            let sum = weighted(body, 0, &[3, 4, 6, 7, 8, 9]);
            count(body) == 8 && number(body, 6, 2) == u64::from(37 - sum % 37)
        }
        b"NL" => {
            let old = weighted(body, 0, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
            let taken = |remainder: u32, byte: u8| match in_36(byte) {
                digit @ 0..10 => (remainder * 10 + digit) % 97,
                letter => (remainder * 100 + letter) % 97,
            };
            count(body) == 11 && (digit(body, 8) == Some(old) || characters(value).fold(0, taken) == 1)
        }
        b"NO" => no_orgnr(body),
        b"PL" => {
            let rest = weighted(body, 0, &[6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11;
            count(body) == 10 && digit(body, 9) == Some(rest)
        }
        b"PT" => {
            let rest = weighted(body, 0, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
            count(body) == 9 && digit(body, 8) == Some(if rest < 2 { 0 } else { 11 - rest })
        }
        b"RO" => ro_cui(body),
        b"SE" => count(body) == 12 && luhn_forward(digits(body).take(10), 10) && number(body, 10, 2) > 0,
        b"SI" => {
            let rest = 11 - weighted(body, 0, &[8, 7, 6, 5, 4, 3, 2]) % 11;
            count(body) == 8 && rest != 11 && digit(body, 7) == Some(rest % 10)
        }
        b"SK" => count(body) == 10 && number(body, 0, 10).is_multiple_of(11),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::arithmetic::all;
    use super::*;

    #[test]
    fn companies() {
        all(lei, &["5493001KJTIIGC8Y1R12", "213800WAVVOPS85N2205"], &["5493001KJTIIGC8Y1R13", "", "5493"]);
        all(
            cnpj,
            &["11.222.333/0001-81", "11222333000181", "12ABC34501DE35"],
            &["11.222.333/0001-82", "00000000000000"],
        );
        all(pl_regon, &["192598184", "12345678512347"], &["192598183", "12345678512346", "000000000"]);
        all(cz_ico, &["25123891"], &["25123892", "00000000"]);
        all(hu_company, &["12892312", "12892312-2-42"], &["12892313", "1289231"]);
        all(ua_edrpou, &["32855961"], &["32855968", "00000000"]);
        all(ro_cui, &["18547290", "RO18547290"], &["18547291"]);
        all(au_abn, &["51 824 753 556", "53004085616"], &["51 824 753 557", "00000000000"]);
        all(in_gstin, &["27AAPFU0939F1ZV"], &["27AAPFU0939F1ZW"]);
        all(es_cif, &["A58818501", "B-58378431", "P2807900B"], &["A58818502", "A0000000J"]);
        all(ch_uid, &["CHE-116.281.710", "CHE116281710"], &["CHE-116.281.711"]);
        all(no_orgnr, &["974 760 673", "923609016"], &["923609017"]);
        all(dk_cvr, &["13585628"], &["13585629"]);
        all(fi_ytunnus, &["2077474-0"], &["2077474-1"]);
        all(be_kbo, &["0403.019.261", "0428759497"], &["0428759498"]);
        all(it_piva, &["00743110157"], &["00743110158"]);
        all(jp_corporate, &["5835678256246", "7000012050002"], &["5835678256247", "8000012050002"]);
        all(kr_brn, &["124-81-00998"], &["124-81-00999"]);
        all(tw_ubn, &["00501503", "22099131"], &["00501502"]);
        all(ru_ogrn, &["1027700132195"], &["1027700132196"]);
        all(tr_vkn, &["4540536920"], &["4540536921"]);
        all(cn_uscc, &["91110000600037341L"], &["91110000600037341M"]);
    }

    #[test]
    fn value_added_tax() {
        all(
            vat,
            &[
                "ATU13585627",
                "BE0428759497",
                "CHE116281710",
                "CY10259033P",
                "CZ25123891",
                "DE136695976",
                "DK13585628",
                "EE100931558",
                "EL094259216",
                "ESA58818501",
                "FI20774740",
                "FR40303265045",
                "GB980780684",
                "HR33392005961",
                "HU12892312",
                "IE6433435F",
                "IT00743110157",
                "LT119511515",
                "LU15027442",
                "LV40003521600",
                "MT11679112",
                "NL004495445B01",
                "PL8567346215",
                "PT501964843",
                "RO18547290",
                "SE123456789701",
                "SI50223054",
                "SK2022749619",
            ],
            &[
                "ATU13585628",
                "CY10259033Z",
                "CZ25123890",
                "DE136695978",
                "EE100931557",
                "EL094259217",
                "FR41303265045",
                "GB980780685",
                "HR33392005962",
                "HU12892313",
                "IE6433435E",
                "LT119511516",
                "LU15027443",
                "LV40003521601",
                "MT11679113",
                "NL004495446B01",
                "PL8567346216",
                "PT501964844",
                "RO18547291",
                "SE123456789101",
                "SI50223055",
                "SK2022749618",
                "XX123456789",
                "",
                "DE",
                "DE000000000",
            ],
        );
    }

    #[test]
    fn any_bytes_are_taken() {
        for (name, check) in CHECKS {
            for len in 0..40 {
                for lead in ["", "DE", "ATU", "GB", "IE", "FR", "ES", "CY", "LV", "RO", "SE", "NL", "LT"] {
                    for byte in [0, b'0', b'1', b'9', b'A', b'Z', 0xFF] {
                        let value = [lead.as_bytes(), &vec![byte; len]].concat();
                        assert_eq!(check(&value), check(&value), "{name}");
                    }
                }
            }
        }
    }
}
