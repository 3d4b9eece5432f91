//! Numbers of banks and addresses of wallets.

use sha2::{Digest, Sha256};

use super::{Check, digits};

/// The checks of this family.
pub(super) const CHECKS: &[Check] = &[
    ("aba", aba),
    ("clabe", clabe),
    ("es-ccc", es_ccc),
    ("fr-rib", fr_rib),
    ("pl-nrb", pl_nrb),
    ("cz-account", cz_account),
    ("hu-account", hu_account),
    ("no-account", no_account),
    ("ar-cbu", ar_cbu),
    ("bic", bic),
    ("base58check", base58check),
    ("base58-32", |value| base58(value, BITCOIN, &mut [0; LONGEST]) == Some(32)),
    ("base58-35", |value| base58(value, BITCOIN, &mut [0; LONGEST]) == Some(35)),
    ("ripple", ripple),
    ("bech32", bech32),
    ("cashaddr", cashaddr),
    ("ethereum", ethereum),
    ("monero", monero),
    ("stellar", stellar),
    ("ton", ton),
];

/// The sum of digits times weights that come round again.
fn weighted(digits: impl Iterator<Item = u8>, weights: &[u32]) -> u32 {
    digits.zip(weights.iter().cycle()).map(|(digit, weight)| u32::from(digit) * weight).sum()
}

fn count(value: &[u8]) -> usize {
    digits(value).count()
}

/// ABA routing number: a Federal Reserve district, and weights 3, 7, 1.
fn aba(value: &[u8]) -> bool {
    let district = digits(value).take(2).fold(0, |number, digit| number * 10 + digit);
    count(value) == 9
        && matches!(district, 1..=12 | 21..=32 | 61..=72 | 80)
        && weighted(digits(value), &[3, 7, 1]).is_multiple_of(10)
}

/// Mexican account number: weights 3, 7, 1, of which each product counts by its last digit.
fn clabe(value: &[u8]) -> bool {
    let body = digits(value).take(17).zip([3, 7, 1].iter().cycle());
    let sum: u32 = body.map(|(digit, weight)| u32::from(digit) * weight % 10).sum();
    count(value) == 18
        && digits(value).any(|digit| digit != 0)
        && digits(value).next_back().map(u32::from) == Some((10 - sum % 10) % 10)
}

/// Spanish account number: a check digit over bank and branch, one over the account.
fn es_ccc(value: &[u8]) -> bool {
    let check = |sum: u32| match 11 - sum % 11 {
        11 => 0,
        10 => 1,
        digit => digit,
    };
    let digit = |place| digits(value).nth(place).map(u32::from);
    count(value) == 20
        && digits(value).any(|digit| digit != 0)
        && digit(8) == Some(check(weighted(digits(value).take(8), &[4, 8, 5, 10, 9, 7, 3, 6])))
        && digit(9) == Some(check(weighted(digits(value).skip(10), &[1, 2, 4, 8, 5, 10, 9, 7, 3, 6])))
}

/// French account number: bank, branch, account with letters, and a key by 97.
fn fr_rib(value: &[u8]) -> bool {
    let characters = || value.iter().filter(|byte| byte.is_ascii_alphanumeric());
    let mut remainder = 0_u32;
    for byte in characters() {
        let digit = match byte.to_ascii_uppercase() {
            digit @ b'0'..=b'9' => digit - b'0',
            letter @ b'A'..=b'I' => letter - b'A' + 1,
            letter @ b'J'..=b'R' => letter - b'J' + 1,
            letter => letter.wrapping_sub(b'S') + 2,
        };
        remainder = (remainder * 10 + u32::from(digit)) % 97;
    }
    characters().count() == 23 && remainder == 0 && digits(value).any(|digit| digit != 0)
}

/// Polish account number: the digits of its IBAN without the country.
fn pl_nrb(value: &[u8]) -> bool {
    let rest = digits(value).skip(2).chain([2, 5, 2, 1]).chain(digits(value).take(2));
    count(value) == 26 && rest.fold(0, |remainder, digit| (remainder * 10 + u32::from(digit)) % 97) == 1
}

/// Czech and Slovak account number: prefix and number each by 11, then the bank.
fn cz_account(value: &[u8]) -> bool {
    let Some(slash) = value.iter().position(|byte| *byte == b'/') else { return false };
    let (account, bank) = value.split_at_checked(slash).unwrap_or_default();
    let by_11 = |part: &[u8]| {
        let sum =
            digits(part).rev().zip([1, 2, 4, 8, 5, 10, 9, 7, 3, 6]).map(|(digit, weight)| u32::from(digit) * weight);
        count(part) <= 10 && sum.sum::<u32>().is_multiple_of(11)
    };
    let number = account.rsplit(|byte| *byte == b'-').next().unwrap_or_default();
    let nonzero = digits(number).filter(|digit| *digit != 0).count();
    count(bank) == 4 && nonzero >= 2 && account.split(|byte| *byte == b'-').all(by_11)
}

/// Hungarian account number: the first eight digits and the rest each by 10, weights 9, 7, 3, 1.
fn hu_account(value: &[u8]) -> bool {
    let by_10 = |from, len| weighted(digits(value).skip(from).take(len), &[9, 7, 3, 1]).is_multiple_of(10);
    matches!(count(value), 16 | 24) && by_10(0, 8) && by_10(8, 16) && digits(value).any(|digit| digit != 0)
}

/// Norwegian account number: by 11.
fn no_account(value: &[u8]) -> bool {
    count(value) == 11
        && digits(value).any(|digit| digit != 0)
        && weighted(digits(value), &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)
}

/// Argentine account number: a check digit over bank and branch, one over the account.
fn ar_cbu(value: &[u8]) -> bool {
    let by_10 = |from, weights: &[u32]| {
        let products = digits(value).skip(from).zip(weights).map(|(digit, weight)| u32::from(digit) * weight);
        products.sum::<u32>().is_multiple_of(10)
    };
    count(value) == 22
        && by_10(0, &[7, 1, 3, 9, 7, 1, 3, 1])
        && by_10(8, &[3, 9, 7, 1, 3, 9, 7, 1, 3, 9, 7, 1, 3, 1])
        && digits(value).any(|digit| digit != 0)
}

/// Countries and territories of ISO 3166, in pairs of letters one after the other, and Kosovo.
const COUNTRIES: &[u8] = b"ADAEAFAGAIALAMAOAQARASATAUAWAXAZBABBBDBEBFBGBHBIBJBLBMBNBOBQBRBSBTBVBWBYBZCACCCDCFCGCHCICKCLCMCNCOCRCUCVCWCXCYCZ\
DEDJDKDMDODZECEEEGEHERESETFIFJFKFMFOFRGAGBGDGEGFGGGHGIGLGMGNGPGQGRGSGTGUGWGYHKHMHNHRHTHUIDIEILIMINIOIQIRISITJEJMJOJPKEKGKHKIKMKNKPKRKWKYKZ\
LALBLCLILKLRLSLTLULVLYMAMCMDMEMFMGMHMKMLMMMNMOMPMQMRMSMTMUMVMWMXMYMZNANCNENFNGNINLNONPNRNUNZOMPAPEPFPGPHPKPLPMPNPRPSPTPWPYQARERORSRURW\
SASBSCSDSESGSHSISJSKSLSMSNSOSRSSSTSVSXSYSZTCTDTFTGTHTJTKTLTMTNTOTRTTTVTWTZUAUGUMUSUYUZVAVCVEVGVIVNVUWFWSXKYEYTZAZMZW";

/// Bank identifier (ISO 9362): its fifth and sixth characters are a country.
fn bic(value: &[u8]) -> bool {
    let country = value.get(4..6).unwrap_or_default();
    matches!(value.len(), 8 | 11) && COUNTRIES.chunks(2).any(|known| known.eq_ignore_ascii_case(country))
}

/// Longest number in base 58 that is decoded, in bytes.
const LONGEST: usize = 96;
const BITCOIN: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const RIPPLE: &[u8; 58] = b"rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz";

/// Decodes base 58 into the end of `out`; how many bytes there are.
fn base58(value: &[u8], alphabet: &[u8; 58], out: &mut [u8; LONGEST]) -> Option<usize> {
    let zeros = value.iter().take_while(|byte| **byte == alphabet[0]).count();
    let mut used = 0;
    for byte in value {
        let mut carry = alphabet.iter().position(|known| known == byte)?;
        let mut written = 0;
        for slot in out.iter_mut().rev() {
            if carry == 0 && written >= used {
                break;
            }
            carry += usize::from(*slot) * 58;
            *slot = (carry & 0xFF) as u8;
            carry >>= 8;
            written += 1;
        }
        if carry != 0 {
            return None;
        }
        used = written;
    }
    Some(zeros + used).filter(|count| *count <= LONGEST)
}

/// Whether the last four bytes are the beginning of the doubled hash of those before, as `alphabet` writes them.
fn has_checksum(value: &[u8], alphabet: &[u8; 58]) -> bool {
    let mut out = [0; LONGEST];
    let Some(bytes) = base58(value, alphabet, &mut out).and_then(|count| out.get(LONGEST - count..)) else {
        return false;
    };
    let Some((body, check)) = bytes.len().checked_sub(4).and_then(|at| bytes.split_at_checked(at)) else {
        return false;
    };
    body.len() > 20 && Sha256::digest(Sha256::digest(body)).starts_with(check)
}

/// Addresses and keys of Bitcoin and what followed it: base 58 with the beginning of a doubled hash.
fn base58check(value: &[u8]) -> bool {
    has_checksum(value, BITCOIN)
}

fn ripple(value: &[u8]) -> bool {
    has_checksum(value, RIPPLE)
}

const BECH32: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// The values of characters of base 32 as Bitcoin writes it; nothing where one is none of them.
fn five_bits(value: &[u8]) -> Option<impl Iterator<Item = u8>> {
    let of = |byte: &u8| BECH32.iter().position(|known| known.eq_ignore_ascii_case(byte)).map(|place| place as u8);
    value.iter().all(|byte| of(byte).is_some()).then(|| value.iter().filter_map(of))
}

/// Addresses by BIP 173 and BIP 350.
fn bech32(value: &[u8]) -> bool {
    let Some(one) = value.iter().rposition(|byte| *byte == b'1') else { return false };
    let (prefix, data) = (value.get(..one).unwrap_or_default(), value.get(one + 1..).unwrap_or_default());
    let mixed = value.iter().any(u8::is_ascii_lowercase) && value.iter().any(u8::is_ascii_uppercase);
    let Some(data_values) = five_bits(data) else { return false };
    let step = |check: u32, value: u8| {
        let top = check >> 25;
        let mixed_in = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
        let next = (check & 0x01ff_ffff) << 5 ^ u32::from(value);
        mixed_in.iter().enumerate().fold(next, |next, (bit, word)| if top >> bit & 1 == 1 { next ^ word } else { next })
    };
    let lower = || prefix.iter().map(u8::to_ascii_lowercase);
    let all = lower().map(|byte| byte >> 5).chain([0]).chain(lower().map(|byte| byte & 31)).chain(data_values);
    !prefix.is_empty() && !mixed && data.len() >= 6 && matches!(all.fold(1, step), 1 | 0x2bc8_30a3)
}

/// Bitcoin Cash addresses.
fn cashaddr(value: &[u8]) -> bool {
    let data = value.rsplit(|byte| *byte == b':').next().unwrap_or_default();
    let Some(values) = five_bits(data) else { return false };
    let step = |check: u64, value: u8| {
        let top = check >> 35;
        let words = [0x98_f2bc_8e61_u64, 0x79_b76d_99e2, 0xf3_3e5f_b3c4, 0xae_2eab_e2a8, 0x1e_4f43_e470];
        let next = (check & 0x07_ffff_ffff) << 5 ^ u64::from(value);
        words.iter().enumerate().fold(next, |next, (bit, word)| if top >> bit & 1 == 1 { next ^ word } else { next })
    };
    let prefix = b"bitcoincash".iter().map(|byte| byte & 31).chain([0]);
    data.len() == 42 && prefix.chain(values).fold(1, step) == 1
}

/// Ethereum addresses: forty hexadecimal digits of one case, or with the checksum of EIP-55 in their case.
fn ethereum(value: &[u8]) -> bool {
    let Some(address) = value.get(2..42).filter(|_| value.len() == 42) else { return false };
    if !address.iter().all(u8::is_ascii_hexdigit) || address.iter().all(|byte| Some(byte) == address.first()) {
        return false;
    }
    if !address.iter().any(u8::is_ascii_lowercase) || !address.iter().any(u8::is_ascii_uppercase) {
        return true;
    }
    let mut lower = [0_u8; 40];
    lower.iter_mut().zip(address).for_each(|(slot, byte)| *slot = byte.to_ascii_lowercase());
    let hash = keccak_256(&lower);
    let nibbles = hash.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    address
        .iter()
        .zip(nibbles)
        .all(|(byte, nibble)| !byte.is_ascii_alphabetic() || byte.is_ascii_uppercase() == (nibble > 7))
}

/// The round constants of Keccak-f\[1600\].
const ROUNDS: [u64; 24] = [
    0x1,
    0x8082,
    0x8000_0000_0000_808a,
    0x8000_0000_8000_8000,
    0x808b,
    0x8000_0001,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8009,
    0x8a,
    0x88,
    0x8000_8009,
    0x8000_000a,
    0x8000_808b,
    0x8000_0000_0000_008b,
    0x8000_0000_0000_8089,
    0x8000_0000_0000_8003,
    0x8000_0000_0000_8002,
    0x8000_0000_0000_0080,
    0x800a,
    0x8000_0000_8000_000a,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8080,
    0x8000_0001,
    0x8000_0000_8000_8008,
];

/// Keccak-256 as before its standard (FIPS 202 pads otherwise), of fewer bytes than one block.
#[allow(clippy::indexing_slicing, reason = "places in an array of 25 by remainders of 5 and 25")]
fn keccak_256(message: &[u8]) -> [u8; 32] {
    const BLOCK: usize = 136;
    let mut block = [0_u8; BLOCK];
    let len = message.len().min(BLOCK - 1);
    block.iter_mut().zip(message).take(len).for_each(|(slot, byte)| *slot = *byte);
    block[len] ^= 1;
    block[BLOCK - 1] ^= 0x80;
    let mut lanes = [0_u64; 25];
    for (lane, bytes) in lanes.iter_mut().zip(block.chunks_exact(8)) {
        *lane = bytes.iter().rev().fold(0, |lane, byte| lane << 8 | u64::from(*byte));
    }
    for constant in ROUNDS {
        let mut columns = [0_u64; 5];
        for (place, lane) in lanes.iter().enumerate() {
            columns[place % 5] ^= lane;
        }
        for (place, lane) in lanes.iter_mut().enumerate() {
            *lane ^= columns[(place + 4) % 5] ^ columns[(place + 1) % 5].rotate_left(1);
        }
        // Turned and moved, from lane to lane.
        let (mut x, mut y) = (1, 0);
        let mut carried = lanes[1];
        for turn in 0..24_u32 {
            (x, y) = (y, (2 * x + 3 * y) % 5);
            let place = x + 5 * y;
            let next = lanes[place];
            lanes[place] = carried.rotate_left((turn + 1) * (turn + 2) / 2 % 64);
            carried = next;
        }
        for row in lanes.chunks_exact_mut(5) {
            let old = [row[0], row[1], row[2], row[3], row[4]];
            for place in 0..5 {
                row[place] = old[place] ^ (!old[(place + 1) % 5] & old[(place + 2) % 5]);
            }
        }
        lanes[0] ^= constant;
    }
    let mut hash = [0_u8; 32];
    for (bytes, lane) in hash.chunks_exact_mut(8).zip(lanes) {
        bytes.copy_from_slice(&lane.to_le_bytes());
    }
    hash
}

/// Monero addresses: blocks of eleven characters for eight bytes; the last four bytes begin the hash of those before.
fn monero(value: &[u8]) -> bool {
    let mut bytes = [0_u8; 80];
    let mut len = 0;
    for block in value.chunks(11) {
        let size = match block.len() {
            11 => 8,
            7 => 5,
            _ => return false,
        };
        let mut number = 0_u128;
        for byte in block {
            let Some(digit) = BITCOIN.iter().position(|known| known == byte) else { return false };
            number = number * 58 + digit as u128;
        }
        if number >> (8 * size) != 0 {
            return false;
        }
        let big = number.to_be_bytes();
        let Some(slots) = bytes.get_mut(len..len + size) else { return false };
        slots.copy_from_slice(big.get(16 - size..).unwrap_or_default());
        len += size;
    }
    let Some((body, check)) = bytes.get(..len).and_then(|all| all.split_at_checked(len.checked_sub(4)?)) else {
        return false;
    };
    matches!(len, 69 | 77) && keccak_256(body).starts_with(check)
}

/// CRC-16 of polynomial 0x1021 that begins at 0.
fn crc_16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte) << 8, |crc, _| if crc & 0x8000 != 0 { crc << 1 ^ 0x1021 } else { crc << 1 })
    })
}

/// Packs groups of `width` bits into bytes; how many there are.
fn packed(values: impl Iterator<Item = u32>, width: u32, out: &mut [u8]) -> usize {
    let (mut buffer, mut bits, mut len) = (0_u32, 0, 0);
    for value in values {
        buffer = buffer << width | value;
        bits += width;
        if bits >= 8 {
            bits -= 8;
            if let Some(slot) = out.get_mut(len) {
                *slot = (buffer >> bits & 0xFF) as u8;
                len += 1;
            }
        }
    }
    len
}

/// Stellar addresses and seeds: base 32, a version, a key, a CRC.
fn stellar(value: &[u8]) -> bool {
    let of = |byte: &u8| match byte {
        b'A'..=b'Z' => Some(u32::from(byte - b'A')),
        b'2'..=b'7' => Some(u32::from(byte - b'2') + 26),
        _ => None,
    };
    let mut bytes = [0_u8; 35];
    let len = packed(value.iter().filter_map(of), 5, &mut bytes);
    let Some((body, check)) = bytes.split_at_checked(33) else { return false };
    value.len() == 56 && len == 35 && value.iter().all(|byte| of(byte).is_some()) && check == crc_16(body).to_le_bytes()
}

/// TON addresses: base 64 of either alphabet, flags, a chain, a hash, a CRC.
fn ton(value: &[u8]) -> bool {
    let of = |byte: &u8| match byte {
        b'A'..=b'Z' => Some(u32::from(byte - b'A')),
        b'a'..=b'z' => Some(u32::from(byte - b'a') + 26),
        b'0'..=b'9' => Some(u32::from(byte - b'0') + 52),
        b'-' | b'+' => Some(62),
        b'_' | b'/' => Some(63),
        _ => None,
    };
    let mut bytes = [0_u8; 36];
    let len = packed(value.iter().filter_map(of), 6, &mut bytes);
    let Some((body, check)) = bytes.split_at_checked(34) else { return false };
    value.len() == 48 && len == 36 && value.iter().all(|byte| of(byte).is_some()) && check == crc_16(body).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::super::arithmetic::all;
    use super::*;

    #[test]
    fn banks() {
        all(aba, &["021000021", "011401533", "0910-0001-9"], &["021000022", "991000021", "000000000", "02100002"]);
        all(clabe, &["032180000118359719", "002010077777777771"], &["032180000118359718", "000000000000000000"]);
        all(es_ccc, &["2100 0418 45 0200051332"], &["2100 0418 46 0200051332", "2100 0418 45 0200051333"]);
        all(fr_rib, &["20041 01005 0500013M026 06"], &["20041 01005 0500013M026 07", "20041010050500013M026"]);
        all(pl_nrb, &["61 1090 1014 0000 0712 1981 2874"], &["61 1090 1014 0000 0712 1981 2875"]);
        all(cz_account, &["19-2000145399/0800"], &["19-2000145398/0800", "192000145399", "0/0800", "/0800"]);
        all(hu_account, &["11773016-11111018-00000000"], &["11773016-11111019-00000000", "11773017-11111018"]);
        all(no_account, &["8601 11 17947", "86011117947"], &["8601 11 17948"]);
        all(ar_cbu, &["2850590940090418135201"], &["2850590940090418135202", "2850590840090418135201"]);
        all(bic, &["DEUTDEFF", "DEUTDEFF500", "NEDSZAJJXXX"], &["DEUTXXFF", "DEUTDEFF5"]);
    }

    #[test]
    fn wallets() {
        all(
            base58check,
            &[
                "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
                "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
                "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t",
            ],
            &["1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfN0", "1", ""],
        );
        all(ripple, &["rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh"], &["rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTi"]);
        all(
            bech32,
            &[
                "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
                "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
                "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
            ],
            &[
                "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5",
                "bc1qW508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
                "bc1",
                "1qqqqqq",
            ],
        );
        all(
            cashaddr,
            &["bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a", "qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a"],
            &["qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6q"],
        );
        all(
            ethereum,
            &["0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"],
            &["0x5aAeb6053F3E94C9b9A09f33669435E7Ef1Beaed", "0x0000000000000000000000000000000000000000", "0x5a"],
        );
        all(
            monero,
            &["44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A"],
            &["44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3B", "4"],
        );
        all(
            stellar,
            &["GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ"],
            &["GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGA", ""],
        );
        all(
            ton,
            &["EQDtFpEwcFAEcRe5mLVh2N6C0x-_hJEM7W61_JLnSF74p4q2"],
            &["EQDtFpEwcFAEcRe5mLVh2N6C0x-_hJEM7W61_JLnSF74p4q3"],
        );
        assert_eq!(base58(b"11111111111111111111111111111111", BITCOIN, &mut [0; LONGEST]), Some(32));
    }

    #[test]
    fn any_bytes_are_taken() {
        for (name, check) in CHECKS {
            for len in 0..130 {
                for byte in [0, b'1', b'Z', b'/', b'-', 0xFF] {
                    let value = vec![byte; len];
                    assert_eq!(check(&value), check(&value), "{name}");
                }
            }
        }
    }
}
