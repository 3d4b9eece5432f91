//! What tells a secret from the words, names, types and placeholders that stand in its place in code and documents.
//!
//! None of these is proof. They look at the value alone, and are for rules that know by a label or a vendor's prefix that a
//! secret is due: what a person would read as a word, a path, a call or a gap to be filled is none.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, PatternID};

use super::Check;

/// Secrets and passwords.
pub(super) const SECRETS: &[Check] = &[
    ("token", |value| !is_named_gap(value.get(..JUDGED).unwrap_or(value))),
    ("entropy", entropy),
    ("entropy-mixed", |value| entropy(value) && !hex(value) && is_mixed(value)),
    ("entropy-hex", |value| hex(value)),
    ("entropy-base64", |value| !is_gap(value) && value.len() >= 20 && !is_words(value) && bits(value) >= BASE64_BITS),
    ("password", password),
    ("password-strict", password_strict),
    ("url-password", url_password),
    ("basic-credentials", basic_credentials),
];

/// Least entropy of hexadecimal digits, in bits for each; 32 random ones have 3.5 and more.
const HEX_BITS: f32 = 2.6;
/// Least entropy of letters and digits, in bits for each; 16 random ones have 3.5 and more, 40 have 4.5.
const BASE64_BITS: f32 = 3.0;
/// How many letters and digits of a secret must belong to no word.
const RANDOM: usize = 10;

/// A random secret of either alphabet.
pub(super) fn entropy(value: &[u8]) -> bool {
    let value = value.get(..JUDGED).unwrap_or(value);
    if is_gap(value) || is_code(value) || !value.iter().any(u8::is_ascii_alphabetic) {
        return false;
    }
    hex(value) || (value.len() >= RANDOM && !is_words(value) && bits(value) >= BASE64_BITS)
}

/// 12 hexadecimal digits or more, with hyphens or without, that are not few again and again.
fn hex(value: &[u8]) -> bool {
    let value = value.get(..JUDGED).unwrap_or(value);
    let digits = value.iter().filter(|byte| byte.is_ascii_hexdigit()).count();
    let decimal = value.iter().all(|byte| byte.is_ascii_digit() || *byte == b'-');
    let only = value.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b'-');
    only && !decimal && digits >= 12 && bits(value) >= HEX_BITS
}

/// Shannon's entropy of the bytes, in bits for each.
fn bits(value: &[u8]) -> f32 {
    let mut counts = [0_u16; 128];
    let mut total = 0_u16;
    for byte in value {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
            total += 1;
        }
    }
    let share = |count: &u16| f32::from(*count) / f32::from(total.max(1));
    counts.iter().filter(|count| **count > 0).map(share).map(|share| -share * share.log2()).sum()
}

/// Words that hold the place of a value, or say of what type it is.
const GAPS: &[&str] = &[
    "none",
    "null",
    "nil",
    "undefined",
    "true",
    "false",
    "string",
    "str",
    "text",
    "char",
    "varchar",
    "bytes",
    "number",
    "integer",
    "boolean",
    "object",
    "array",
    "any",
    "required",
    "optional",
    "empty",
    "unset",
    "default",
    "unknown",
    "n/a",
    "na",
    "tbd",
    "todo",
    "secret",
    "token",
    "password",
    "passwd",
    "passphrase",
    "apikey",
    "api_key",
    "key",
    "value",
    "hidden",
    "masked",
    "removed",
    "redacted",
    "encrypted",
    "generated",
    "disabled",
    "enabled",
    "invalid",
    "incorrect",
    "missing",
    "protected",
    "confidential",
];
/// How many of a value's first bytes it is judged by. Matches that begin close together may all be long, and the text
/// should not be judged again from each beginning to its end.
const JUDGED: usize = 256;
/// What no secret holds, and gaps often do, in any case.
const IN_GAPS: &[&str] = &[
    "your_",
    "your-",
    "yourkey",
    "yourtoken",
    "yoursecret",
    "yourpass",
    "your.",
    "changeme",
    "change_me",
    "change-me",
    "changeit",
    "placeholder",
    "redacted",
    "replace_",
    "replace-",
    "replaceme",
    "insert_",
    "insert-",
    "_here",
    "-here",
    "xxxx",
    "****",
    "....",
    "____",
    "----",
    "dummy",
    "todo",
];
/// Names with digits that are no password.
const NAMES: &[&str] = &[
    "md5",
    "sha1",
    "sha2",
    "sha3",
    "sha224",
    "sha256",
    "sha384",
    "sha512",
    "sha-1",
    "sha-256",
    "sha-512",
    "bcrypt",
    "argon2",
    "argon2id",
    "argon2i",
    "pbkdf2",
    "scrypt",
    "base64",
    "base32",
    "utf8",
    "utf-8",
    "oauth2",
    "oauth1",
    "aes128",
    "aes256",
    "aes-128",
    "aes-256",
    "rfc2898",
    "win32",
    "win64",
    "x509",
    "pkcs8",
    "pkcs12",
    "ipv4",
    "ipv6",
    "http2",
    "md5sum",
    "i18n",
    "a11y",
    "hs256",
    "rs256",
    "es256",
    "2fa",
    "u2f",
    "fido2",
    "s3",
    "ed25519",
    "int32",
    "int64",
    "uint8",
    "uint32",
    "uint64",
    "varchar2",
    "nvarchar2",
    "latin1",
    "mysql8",
    "ntlmv2",
    "ldap3",
    "auth0",
    "level3",
];

/// Words that are nothing but passwords: the head of every list of the most used ones.
const MOST_USED: &[&str] = &[
    "letmein",
    "qwerty",
    "qwertz",
    "azerty",
    "qwertyuiop",
    "asdfgh",
    "asdfghjkl",
    "zxcvbn",
    "zxcvbnm",
    "iloveyou",
    "sunshine",
    "princess",
    "dragon",
    "monkey",
    "football",
    "baseball",
    "superman",
    "batman",
    "starwars",
    "opensesame",
    "correcthorsebatterystaple",
    "passw0rd",
];

/// The place of `==` in [`IN_CODE`].
const EQUALS: PatternID = PatternID::ZERO;
/// What program text holds, and secrets beside a label do not.
const IN_CODE: &[&str] = &["==", "://", "=>", "!=", "&&", "||", "->", "::", "()", "${", "{{", "%s", "](", "\\("];

static HOLDS_GAP: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| any_of(IN_GAPS, true));
static HOLDS_CODE: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| any_of(IN_CODE, false));

/// A search for some words; they are few, so that it can always be built.
fn any_of(words: &[&str], any_case: bool) -> Option<AhoCorasick> {
    AhoCorasick::builder().ascii_case_insensitive(any_case).kind(Some(AhoCorasickKind::DFA)).build(words).ok()
}

/// Whether a value is a gap to be filled: what [`is_named_gap`] says, one character again and again, the alphabet.
pub(super) fn is_gap(value: &[u8]) -> bool {
    if is_named_gap(value) {
        return true;
    }
    let mut run = 1_usize;
    let mut sequence = 1_usize;
    let mut alphabet = false;
    for (left, right) in value.iter().zip(value.iter().skip(1)) {
        run = if left == right { run + 1 } else { 1 };
        let (left, right) = (left.to_ascii_lowercase(), right.to_ascii_lowercase());
        sequence = if left.is_ascii_alphabetic() && right == left + 1 { sequence + 1 } else { 1 };
        alphabet |= sequence >= 8;
        if run >= 10 {
            return true;
        }
    }
    // With figures it may be what somebody took for a secret.
    alphabet && !value.iter().any(u8::is_ascii_digit)
}

/// Whether a value is a gap to be filled by its looks: a word of the kind, a pattern such as `xxxx`, `${NAME}`, `<name>` or
/// `%s`, few characters again and again.
fn is_named_gap(value: &[u8]) -> bool {
    let holds_gap = HOLDS_GAP.as_ref().is_some_and(|gaps| gaps.is_match(value));
    if GAPS.iter().any(|gap| value.eq_ignore_ascii_case(gap.as_bytes())) || holds_gap {
        return true;
    }
    let second = value.get(1).copied().unwrap_or(b' ');
    match value.first() {
        Some(b'$') if second.is_ascii_alphabetic() || matches!(second, b'{' | b'(' | b'_' | b'$') => return true,
        Some(b'%') if value.ends_with(b"%") || value.len() <= 3 || second == b'(' || second == b'{' => return true,
        Some(b'<' | b'{') | None => return true,
        Some(b'[') if value.ends_with(b"]") => return true,
        _ => {}
    }
    let mut counts = [0_u16; 128];
    let letters = value.iter().filter(|byte| byte.is_ascii_alphanumeric());
    for byte in letters.clone() {
        if let Some(count) = counts.get_mut(usize::from(byte.to_ascii_lowercase())) {
            *count = count.saturating_add(1);
        }
    }
    let distinct = counts.iter().filter(|count| **count > 0).count();
    let (all, most) = (letters.count(), counts.iter().max().copied().map_or(0, usize::from));
    value.len() >= 4 && distinct <= 2 || all >= 20 && (distinct <= 3 || most * 4 > all * 3)
}

/// Whether a value has letters and figures, or letters of both cases, enough to be no name with a number behind it.
fn is_mixed(value: &[u8]) -> bool {
    let value = value.get(..JUDGED).unwrap_or(value);
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    let upper = value.iter().filter(|byte| byte.is_ascii_uppercase()).count();
    let lower = value.iter().filter(|byte| byte.is_ascii_lowercase()).count();
    value.len() >= 16 && ((digits >= 3 && lower + upper >= 6) || (lower >= 6 && upper >= 6 && value.len() >= 24))
}

/// Whether `needle`, in small letters, stands in `value` in any case.
fn contains(value: &[u8], needle: &[u8]) -> bool {
    value.windows(needle.len().max(1)).any(|window| window.eq_ignore_ascii_case(needle))
}

/// Whether a value reads as program text: a path, an address, a call, an index, a member, an operator, a type.
pub(super) fn is_code(value: &[u8]) -> bool {
    let starts = |prefix: &[u8]| value.starts_with(prefix);
    // Tags of YAML, behind which the value stands.
    if value.strip_prefix(b"!!").is_some_and(|tag| tag.iter().all(u8::is_ascii_lowercase)) || starts(b"!encrypted/") {
        return true;
    }
    if starts(b"./") || starts(b"~/") || starts(b"../") || starts(b"--") || starts(b"&") || starts(b"@") {
        return true;
    }
    // Two signs of equality that nothing is compared with fill the last group of base64.
    let compares = |at: usize| value.get(at).is_some_and(|byte| byte.is_ascii_alphanumeric());
    let mut parts = HOLDS_CODE.iter().flat_map(|code| code.find_overlapping_iter(value));
    if parts.any(|part| part.pattern() != EQUALS || compares(part.end())) {
        return true;
    }
    let head = value.iter().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.')).count();
    let name = value.get(..head).unwrap_or_default();
    let begins = name.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
    let digits = name.iter().filter(|byte| byte.is_ascii_digit()).count();
    match value.get(head) {
        // A call or an index.
        Some(b'(' | b'[') => begins && digits <= 2 && is_words(name),
        // A member, or a name with the word for it.
        None => {
            let member = name.contains(&b'.') && name.split(|byte| *byte == b'.').all(is_name);
            let kind = ["password", "passwd", "secret", "token"].iter().any(|word| contains(name, word.as_bytes()));
            let small = !name.iter().any(u8::is_ascii_uppercase);
            begins && digits <= 1 && (member || (small && (kind || name.contains(&b'_'))))
        }
        Some(_) => false,
    }
}

fn is_name(part: &[u8]) -> bool {
    part.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_')
}

/// Whether a value is made of words, as names in programs, paths and prose are: too few of its letters and digits stand
/// in what is no word.
fn is_words(value: &[u8]) -> bool {
    if is_grouped(value) {
        return false;
    }
    let mut random = 0_usize;
    let mut all = 0_usize;
    for part in value.split(|byte| !byte.is_ascii_alphanumeric()) {
        all += part.len();
        random += if is_word(part) { 0 } else { part.len() };
    }
    random < RANDOM.min(all) || random * 2 < all
}

/// Whether a value is made of groups as identifiers (8-4-4-4-12) and licence keys are, figures in more than one of them:
/// each by itself is short enough to be a word.
fn is_grouped(value: &[u8]) -> bool {
    let groups = || value.split(|byte| *byte == b'-');
    let mixed = groups().filter(|group| group.iter().any(u8::is_ascii_digit)).count();
    let lettered = groups().filter(|group| group.iter().any(u8::is_ascii_alphabetic)).count();
    if mixed < 2 || lettered < 2 || !groups().all(|group| group.iter().all(u8::is_ascii_alphanumeric)) {
        return false;
    }
    let identifier = groups().map(<[u8]>::len).eq([8, 4, 4, 4, 12]);
    let capitals = |group: &[u8]| group.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    let first = groups().next().map_or(0, <[u8]>::len);
    identifier || (groups().count() >= 3 && first >= 4 && groups().all(|group| group.len() == first && capitals(group)))
}

/// Whether a run of letters and digits reads as a word, a compound in camel case, a number or words with numbers.
fn is_word(part: &[u8]) -> bool {
    let letters = part.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    if letters == 0 {
        // The numbers of versions, dates and times; a longer one is no word, and no secret by itself.
        return part.len() <= 14;
    }
    // Words and numbers take turns a few times at most.
    let turns = part.windows(2).filter(|pair| is_turn(pair)).count();
    let digits = part.len() - letters;
    digits <= 5 && turns <= 3 && turns * 4 <= part.len() && part.split(u8::is_ascii_digit).all(is_compound)
}

fn is_turn(pair: &[u8]) -> bool {
    matches!(pair, [left, right] if left.is_ascii_digit() != right.is_ascii_digit())
}

/// Whether letters read as a word, or as words in camel case.
fn is_compound(word: &[u8]) -> bool {
    if word.len() > 24 {
        return false;
    }
    let upper = word.iter().filter(|byte| byte.is_ascii_uppercase()).count();
    let vowels = word.iter().filter(|byte| b"aeiouyAEIOUY".contains(byte)).count();
    if word.len() > 4 && (vowels * 7 < word.len() || vowels * 4 > word.len() * 3) {
        return false;
    }
    let humps = word.windows(2).filter(|pair| matches!(pair, [b'a'..=b'z', b'A'..=b'Z'])).count() + 1;
    // Capitals begin the parts of a compound, or all of a part is capitals.
    let capitals = humps * 4 <= word.len() && upper * 5 <= word.len() * 3;
    upper == word.len() || upper * 3 <= word.len() || word.len() <= 3 || capitals
}

/// A password as people choose and generators make them, where its label and a separator stand before it.
pub(super) fn password(value: &[u8]) -> bool {
    if value.len() < 4 || value.len() > 128 || is_gap(value) || is_code(value) {
        return false;
    }
    if is_method(value) || is_path(value) {
        return false;
    }
    if MOST_USED.iter().any(|word| value.eq_ignore_ascii_case(word.as_bytes())) {
        return true;
    }
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    let letters = value.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    if letters == 0 {
        // Figures alone: a number to be typed in, not a size, a date or a version.
        return digits >= 6 && value.iter().all(|byte| byte.is_ascii_digit() || b"!@#$%^&*".contains(byte));
    }
    if digits > 0 {
        return letters + digits >= 5 && !is_measure(value);
    }
    // Without a digit: a sign amid letters, or letters in no order.
    let inner = value.get(1..value.len() - 1).unwrap_or_default();
    let signs = inner.iter().filter(|byte| b"!@#$%^&*+~?".contains(byte)).count();
    let pipes = value.iter().any(|byte| b"|()[]\\/=<>.".contains(byte));
    (signs > 0 && !pipes && value.len() >= 7) || (value.len() >= 12 && !is_words(value) && !value.contains(&b'.'))
}

/// Whether a value names a method, a format or a version.
pub(super) fn is_method(value: &[u8]) -> bool {
    NAMES.iter().any(|name| value.eq_ignore_ascii_case(name.as_bytes()))
}

/// Numbers with a unit or a bound: `8chars`, `30d`, `min:8`, `v2.1`, `1.2.3`.
fn is_measure(value: &[u8]) -> bool {
    let figures = value.iter().take_while(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b':')).count();
    let rest = value.get(figures..).unwrap_or_default();
    let unit = figures > 0 && rest.len() <= 6 && rest.iter().all(u8::is_ascii_lowercase);
    let version =
        value.first() == Some(&b'v') && value.iter().skip(1).all(|byte| byte.is_ascii_digit() || *byte == b'.');
    let bound = value.split(|byte| *byte == b'|').all(|part| {
        let mut halves = part.split(|byte| matches!(byte, b':' | b'='));
        let plain =
            halves.next().is_some_and(|name| name.iter().all(|byte| byte.is_ascii_lowercase() || *byte == b'_'));
        plain && halves.all(|bound| bound.iter().all(u8::is_ascii_digit))
    });
    unit && figures <= 3 || version || (bound && value.iter().any(|byte| matches!(byte, b':' | b'=')))
}

/// A path of two parts or more that are words.
fn is_path(value: &[u8]) -> bool {
    value.contains(&b'/')
        && is_words(value)
        && value.iter().all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(byte))
}

/// A password where only its label stands before it: letters and digits, and a sign, both cases or three digits.
fn password_strict(value: &[u8]) -> bool {
    let count = |kind: fn(&u8) -> bool| value.iter().filter(|byte| kind(byte)).count();
    let (lower, upper) = (count(u8::is_ascii_lowercase), count(u8::is_ascii_uppercase));
    let digits = count(u8::is_ascii_digit);
    let signs = value.iter().filter(|byte| b"!@#$%^&*+~?_".contains(byte)).count();
    // `RFC-6238`, `PBKDF2`, `8-character`, `hunter2`: the last is the one that is meant.
    let named = lower == 0 && signs == 0 && value.len() < 16;
    let counted = value.first().is_some_and(u8::is_ascii_digit) && value.contains(&b'-') && upper == 0;
    let telling = signs > 0 || (lower > 0 && upper > 0) || digits >= 3 || value.last().is_some_and(u8::is_ascii_digit);
    value.len() >= 7 && digits > 0 && lower + upper > 2 && !named && !counted && telling && password(value)
}

/// The password of an address, where no word can be meant: all but gaps and the words that documents have there.
fn url_password(value: &[u8]) -> bool {
    let named = |name: &&str| value.eq_ignore_ascii_case(name.as_bytes());
    !is_gap(value) && !["pass", "pw", "pwd", "passw0rd", "mypassword", "mysecretpassword", "pswd"].iter().any(named)
}

/// Base64 of a name, a colon and a password (RFC 7617), or the beginning of a Negotiate or NTLM message.
fn basic_credentials(value: &[u8]) -> bool {
    if value.starts_with(b"TlRMTVNTUA") || (value.starts_with(b"YI") && value.len() > 80) {
        return true;
    }
    let digits = value.iter().take_while(|byte| **byte != b'=').map(|byte| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    });
    let (mut held, mut bits, mut colon) = (0_u32, 0_u32, false);
    for digit in digits {
        let Some(digit) = digit else { return false };
        held = held << 6 | u32::from(digit);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            let byte = held >> bits & 0xFF;
            held &= (1 << bits) - 1;
            colon |= byte == u32::from(b':');
            if byte < 0x20 || byte == 0x7F {
                return false;
            }
        }
    }
    colon
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_and_what_stands_in_their_place() {
        for value in [
            "hunter2",
            "Tiger1234!",
            "lemon*123Q",
            "TIGer!42stone",
            "Maple-Cloud-17",
            "p@ssw0rd",
            "12345678",
            "kX9#mPq2$vL",
            "sw0rdf1sh",
            "tiger!lily",
            "letmein",
            "aK9dP2mWq8Zr4LtX",
            "correct-horse-battery-7",
            "S3cr3t!",
            "$2b$12$abcdefuvw",
        ] {
            assert!(password(value.as_bytes()), "{value}");
        }
        for value in [
            "xxxx",
            "<your-key>",
            "changeme",
            "${VAR}",
            "{{x}}",
            "****",
            "None",
            "null",
            "string",
            "required",
            "str",
            "getPassword()",
            "os.environ[\"PW\"]",
            "self.password",
            "config.password2",
            "process.env.KEY",
            "$TOKEN",
            "%s",
            "[REDACTED]",
            "user_password1",
            "required|string|min:8",
            "min:8",
            "sha256",
            "bcrypt",
            "/run/secrets/db",
            "https://example.com/reset1",
            "30d",
            "8chars",
            "v2.1",
            "String!",
            "string?",
            "reset",
            "is",
            "hash_password(x2)",
            "Optional[str]",
            "1.2.3",
            "12",
            "your_password1",
            "crypto::hash2",
            "test_parser_2",
            "!!binary",
            "!encrypted/pkcs1-pem",
        ] {
            assert!(!password(value.as_bytes()), "{value}");
        }
    }

    #[test]
    fn a_label_alone_asks_for_more() {
        for value in ["hunter2", "Tiger1234!", "abc12345", "river_99X"] {
            assert!(password_strict(value.as_bytes()), "{value}");
        }
        for value in ["RFC-6238", "PBKDF2", "8-character", "OAuth2", "base64-encoded", "policy", "at", "12345678", "v2"]
        {
            assert!(!password_strict(value.as_bytes()), "{value}");
        }
    }

    #[test]
    fn random_values_and_names() {
        for value in [
            "9f86d081884c7d659a2feaa0c55ad015",
            "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed",
            "kJ8sQw2LmZx9Bv4Np7Rt",
            "aB3dE5gH7jK9mN1p",
            "qWzRtPsDfGhJkLmXcVbN",
            "ZX9Q-7WER2-77KJH-M2M4",
            "dGhpc2lzYXRlc3Q5OHE3d2Vy",
            "k3yf0r(z9=x8w+q2v!",
            "aK9/sQ2LmZx9Bv4Np7Rtqq==",
            "c2VjcmV0LXRva2VuLXZhbHVlLTEyMw==",
            "aK9sQ2LmZx9Bv4Np7Rtq==&x=1",
            "wz9450iu-iewm-jonx-eab8-0ibxwadddm8i",
            "IZAT6SA-AJUQES1-BZWZYWJ-VDIX9VG",
            "SSVmFDNCFfOHKXQAEckx",
            "3ff77bb6fe6885",
        ] {
            assert!(entropy(value.as_bytes()), "{value}");
        }
        for value in [
            "getUserAccessToken",
            "production-database-credentials",
            "com.example.app.TokenProvider",
            "secret-manager-v2",
            "AKIAxxxxxxxxxxxxxxxx",
            "abcdefghijklmnop",
            "0000000000000000",
            "/etc/ssl/private/server.key",
            "process.env.API_KEY",
            "jwt.sign(payload",
            "a9K3x==b7Qz1Lm8Vt",
            "a9K3x===b7Qz1Lm8Vt",
            "12345678901234567890",
            "refreshTokenExpiresIn",
            "2026-11-28T10:00:00Z",
            "YOUR_API_KEY",
            "text-embedding-3-large",
            "RS256",
            "user@example.com",
            "deadbeef",
            "SecretKeyRef",
            "ed25519.Ed25519PrivateKey",
            "NID_pbe_WithSHA1And3_Key_TripleDES_CBC",
            "kubernetes.io/service-account-token",
        ] {
            assert!(!entropy(value.as_bytes()), "{value}");
        }
    }

    #[test]
    fn tokens_are_no_gaps() {
        assert!(
            SECRETS
                .iter()
                .any(|(name, accepts)| *name == "token" && accepts(b"ghp_00c0ffee00c0ffee00c0ffee00c0ffee00c0"))
        );
        for value in [
            "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "sk-your_key_goes_in_this_place",
            "npm_000000000000000000000000000000000000",
        ] {
            assert!(is_named_gap(value.as_bytes()), "{value}");
        }
        // What looks like a token and is made of the alphabet may be one that somebody put there as a trial.
        for value in ["ghp_abcdefghijklmnopqrstuvwxyz0123456789", "sk-ant-api03-abcdefghijklmnopqrstuvwxyz0123456789"] {
            assert!(!is_named_gap(value.as_bytes()), "{value}");
        }
    }

    #[test]
    fn mixed_values_are_no_hashes_and_no_names() {
        let mixed =
            |value: &str| SECRETS.iter().any(|(name, accepts)| *name == "entropy-mixed" && accepts(value.as_bytes()));
        for value in ["smcud4y6elxx7u6q58ewwv8rq01hpi3f", "kfJkRn7Knahh6pyDOL82NqNq5c4VLUNu"] {
            assert!(mixed(value), "{value}");
        }
        for value in [
            "9f86d081884c7d659a2feaa0c55ad015",
            "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed",
            "orders-by-customer-2026",
            "users/2026/11/export.csv",
            "abcdefghijklmnopqrstuvwxyz",
        ] {
            assert!(!mixed(value), "{value}");
        }
    }

    #[test]
    fn basic_credentials_have_a_colon() {
        // RFC 7617, section 2: `Aladdin:open sesame`.
        assert!(basic_credentials(b"QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
        assert!(!basic_credentials(b"ABCDEFGHIJKLMNOP"));
        assert!(!basic_credentials(b"understanding"));
    }

    #[test]
    fn nothing_panics() {
        for value in [&b""[..], b"\xff", b"$", b"%", b"[", b"\xe2\x80\x8b", b"a", b"::", b"(", b".", b"-"] {
            assert!(SECRETS.iter().all(|(_, accepts)| !accepts(value) || !value.is_empty()));
        }
    }
}
