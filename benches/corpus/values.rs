//! Values to plant: right by their public formats and check digits, and nobody's.

use super::Kind;
use super::random::{BASE32, BASE62, BASE64_URL, DIGITS, LOWER, Random, UPPER};

/// A kind by its share of the chat corpus.
pub(crate) fn any_kind(random: &mut Random) -> Kind {
    let total = Kind::SHARES.iter().map(|(_, share)| share).sum();
    let mut place = random.below(total);
    for (kind, share) in Kind::SHARES {
        if place < share {
            return kind;
        }
        place -= share;
    }
    Kind::Email
}

/// A value of this kind in one of its usual spellings.
pub(crate) fn value(kind: Kind, random: &mut Random) -> String {
    match kind {
        Kind::Card => card(random),
        Kind::Ssn => ssn(random),
        Kind::Phone => phone(random),
        Kind::Email => email(random),
        Kind::Iban => iban(random),
        Kind::Ipv4 => ipv4(random),
        Kind::Ipv6 => ipv6(random),
        Kind::Aws => format!("{}{}", random.pick(&["AKIA", "AKIA", "ASIA"]), random.string(BASE32, 16)),
        Kind::Sk => {
            let prefix = random.pick(&["sk-", "sk-proj-", "sk-svcacct-", "sk-ant-api03-"]);
            let length = random.between(24, 64);
            // A last letter that is no dash, so that a sentence may follow.
            format!("{prefix}{}{}", random.string(BASE64_URL, length), random.string(LOWER, 1))
        }
        Kind::Ghp => github_token(random),
        Kind::Jwt => jwt(random),
    }
}

/// Adds the digit that makes the Luhn sum end in 0 (ISO/IEC 7812-1 annex B).
pub(crate) fn luhn_digit(digits: &str) -> char {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(digit - b'0');
            let doubled = if place % 2 == 0 { digit * 2 } else { digit };
            doubled / 10 + doubled % 10
        })
        .sum();
    char::from(b'0' + u8::try_from((10 - sum % 10) % 10).unwrap_or(0))
}

/// A card number of a well-known issuer range, plain or in its usual groups.
pub(crate) fn card(random: &mut Random) -> String {
    let (prefix, length) = [
        ("4", 16),
        ("4", 16),
        ("51", 16),
        ("55", 16),
        ("2223", 16),
        ("6011", 16),
        ("3530", 16),
        ("37", 15),
        ("34", 15),
    ][random.below(9)];
    let mut number = format!("{prefix}{}", random.string(DIGITS, length - prefix.len() - 1));
    number.push(luhn_digit(&number));
    let separator = random.pick(&["", "", " ", "-"]);
    if length == 15 { grouped(&number, &[4, 6, 5], separator) } else { grouped(&number, &[4; 4], separator) }
}

/// The characters in groups of these sizes.
pub(crate) fn grouped(text: &str, sizes: &[usize], separator: &str) -> String {
    let mut rest = text;
    let mut groups = Vec::new();
    for size in sizes {
        let (group, others) = rest.split_at((*size).min(rest.len()));
        groups.push(group);
        rest = others;
    }
    groups.join(separator)
}

fn ssn(random: &mut Random) -> String {
    let area = loop {
        let area = random.between(1, 899);
        if area != 666 {
            break area;
        }
    };
    format!("{area:03}-{:02}-{:04}", random.between(1, 99), random.between(1, 9999))
}

/// Numbers that regulators reserve for fiction: 555-01xx of NANP, Ofcom's drama numbers, ACMA's, the
/// Bundesnetzagentur's.
fn phone(random: &mut Random) -> String {
    let area = random.pick(&["212", "415", "310", "617", "202", "303", "404", "503", "512", "702", "206", "312"]);
    let line = format!("01{}", random.string(DIGITS, 2));
    match random.below(8) {
        0 | 1 => format!("({area}) 555-{line}"),
        2 => format!("{area}-555-{line}"),
        3 => format!("{area}.555.{line}"),
        4 => format!("+1 {area}-555-{line}"),
        5 => format!("+1{area}555{line}"),
        6 => format!("+447700900{}", random.string(DIGITS, 3)),
        _ => format!("+493023125{}", random.string(DIGITS, 3)),
    }
}

fn email(random: &mut Random) -> String {
    let first = random.pick(&["jane", "john", "maria", "wei", "amit", "olga", "kim", "lucas", "sara", "tom", "ines"]);
    let last = random.pick(&["doe", "smith", "garcia", "chen", "patel", "ivanova", "lee", "silva", "novak", "berg"]);
    let domain = random.pick(&["example.com", "example.org", "example.net", "mail.example.com", "eu.example.org"]);
    match random.below(4) {
        0 => format!("{first}.{last}@{domain}"),
        1 => format!("{first}{}@{domain}", random.between(1, 999)),
        2 => format!("{first}_{last}+{}@{domain}", random.string(LOWER, 4)),
        _ => format!("{}.{last}@{domain}", random.string(LOWER, 1)),
    }
}

/// Adds the check digits of ISO 13616 (ISO 7064 mod 97-10) to a country code and a national number.
pub(crate) fn iban_of(country: &str, national: &str) -> String {
    let remainder = mod_97(&format!("{national}{country}00"));
    format!("{country}{:02}{national}", 98 - remainder)
}

/// The remainder by 97, letters counting as 10 to 35.
pub(crate) fn mod_97(text: &str) -> u32 {
    text.chars().filter_map(|letter| letter.to_digit(36)).fold(0, |remainder, value| {
        let shift = if value > 9 { 100 } else { 10 };
        (remainder * shift + value) % 97
    })
}

/// An account number of a country whose registry structure has no national check digits.
fn iban(random: &mut Random) -> String {
    let (country, letters, digits) =
        [("DE", 0, 18), ("GB", 4, 14), ("AT", 0, 16), ("CH", 0, 17), ("IE", 4, 14), ("NL", 4, 10), ("LU", 0, 16)]
            [random.below(7)];
    let national = format!("{}{}", random.string(UPPER, letters), random.string(DIGITS, digits));
    let number = iban_of(country, &national);
    if random.once_in(2) { grouped(&number, &[4; 6], " ").trim_end().to_owned() } else { number }
}

fn ipv4(random: &mut Random) -> String {
    let first = loop {
        let first = random.between(11, 223);
        if first != 127 {
            break first;
        }
    };
    format!("{first}.{}.{}.{}", random.below(256), random.below(256), random.between(1, 254))
}

/// Addresses of the documentation prefix 2001:db8::/32 (RFC 3849), whole or with `::`.
fn ipv6(random: &mut Random) -> String {
    let mut group = || format!("{:x}", random.between(1, 0xffff));
    let (one, two, three) = (group(), group(), group());
    let rest = format!("{}:{}:{}", group(), group(), group());
    match random.below(3) {
        0 => format!("2001:db8:{one}:{two}:{three}:{rest}"),
        1 => format!("2001:db8:{one}::{two}:{three}"),
        _ => format!("2001:db8::{one}"),
    }
}

/// A token of GitHub's published form: prefix, 30 random characters, CRC-32 of them in six base-62 digits.
fn github_token(random: &mut Random) -> String {
    let prefix = random.pick(&["ghp", "ghp", "gho", "ghs"]);
    let entropy = random.string(BASE62, 30);
    let mut check = crc_32(entropy.as_bytes()) as usize;
    let mut digits = [b'0'; 6];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[check % 62];
        check /= 62;
    }
    format!("{prefix}_{entropy}{}", String::from_utf8_lossy(&digits))
}

/// CRC-32 as in ISO 3309, bit by bit.
fn crc_32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum: u32, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ if sum & 1 == 1 { 0xedb8_8320 } else { 0 })
    })
}

fn jwt(random: &mut Random) -> String {
    let algorithm = random.pick(&["HS256", "RS256", "ES256"]);
    let header = base64_url(format!("{{\"alg\":\"{algorithm}\",\"typ\":\"JWT\"}}").as_bytes());
    let (subject, issued) = (random.string(DIGITS, 8), random.between(1_700_000_000, 1_790_000_000));
    let payload = base64_url(format!("{{\"sub\":\"{subject}\",\"iat\":{issued},\"scope\":\"read\"}}").as_bytes());
    // A last letter that is no dash, so that a sentence may follow.
    format!("{header}.{payload}.{}{}", random.string(BASE64_URL, 42), random.string(UPPER, 1))
}

/// Base64url without padding (RFC 4648 section 5).
pub(crate) fn base64_url(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0, |bits, place| bits << 8 | group.get(place).map_or(0, |byte| usize::from(*byte)));
        for place in 0..=group.len() {
            text.push(char::from(BASE64_URL[bits >> (18 - 6 * place) & 63]));
        }
    }
    text
}
