//! What tells a secret from the words, names, types and placeholders that stand in its place in code and documents.
//!
//! None of these is proof. They look at the value alone, and are for rules that know by a label or a vendor's prefix that a
//! secret is due: what a person would read as a word, a path, a call or a gap to be filled is none.

use std::borrow::Cow;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, PatternID};

use super::Check;
use super::words::{RANDOM, SHORT, UNORDERED, is_words, order};

/// Secrets and passwords.
pub(super) const SECRETS: &[Check] = &[
    ("token", is_token),
    // Their first letters stand in the base64 of files too, whose zeros are rows of `A`.
    ("token-square", |value| is_token(value) && !value.get(4..).is_some_and(|rest| has_row(rest, 3))),
    ("token-facebook", |value| is_token(value) && !has_row(value, 5)),
    ("token-no-hash", |value| is_token(value) && !value.rsplit(|byte| *byte == b'-').next().is_some_and(is_hash)),
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
/// The same of what is shorter than [`LONG`], which has fewer letters to differ by.
const SHORT_BITS: f32 = 2.5;
/// From how many bytes on a value is judged as a long one.
const LONG: usize = 16;

/// Whether so many `A` stand side by side.
fn has_row(value: &[u8], len: usize) -> bool {
    value.windows(len).any(|window| window.iter().all(|byte| *byte == b'A'))
}

/// Whether a value is the hexadecimal digits of a hash, or of an identifier without its hyphens.
fn is_hash(value: &[u8]) -> bool {
    value.len().is_multiple_of(8) && value.iter().all(u8::is_ascii_hexdigit)
}

/// What has a vendor's shape and does not say that it only holds a token's place.
fn is_token(value: &[u8]) -> bool {
    !is_named_gap(value.get(..JUDGED).unwrap_or(value))
}

/// A random secret of either alphabet.
pub(super) fn entropy(value: &[u8]) -> bool {
    let value = value.get(..JUDGED).unwrap_or(value);
    let least = if value.len() < LONG { SHORT_BITS } else { BASE64_BITS };
    // What costs least is asked first: most values are none by their length and bytes alone.
    let known = hex(value) || is_short(value);
    if !known && (value.len() < RANDOM || bits(value) < least) {
        return false;
    }
    if is_gap(value) || is_code(value) || is_setting(value) || !value.iter().any(u8::is_ascii_alphabetic) {
        return false;
    }
    known || !is_words(&unescaped(value))
}

/// The value with blanks for its percent escapes, whose figures say nothing.
fn unescaped(value: &[u8]) -> Cow<'_, [u8]> {
    let escape = |at: usize| {
        let hex = |at: usize| value.get(at).is_some_and(u8::is_ascii_hexdigit);
        value.get(at) == Some(&b'%') && hex(at + 1) && hex(at + 2)
    };
    if !(0..value.len()).any(escape) {
        return Cow::Borrowed(value);
    }
    let covered = |at: usize| (at.saturating_sub(2)..=at).any(escape);
    value.iter().enumerate().map(|(at, byte)| if covered(at) { b' ' } else { *byte }).collect()
}

/// Whether a value is the next setting, as it stands on the line behind a label: `tenantId=1b9d6bcd`. What it names as a
/// secret is one.
fn is_setting(value: &[u8]) -> bool {
    let name = value.split(|byte| *byte == b'=').next().unwrap_or_default();
    let named = name.len() >= 3 && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(byte));
    let set = value.get(name.len() + 1).is_some_and(u8::is_ascii_alphanumeric);
    let secret = ["token", "secret", "key", "pass"].iter().any(|word| contains(name, word.as_bytes()));
    named && set && !secret && order(name) >= 0
}

/// Eight letters and digits or nine, without any order: the least that is a secret beside a label.
fn is_short(value: &[u8]) -> bool {
    let letters = value.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    let sized = (SHORT..RANDOM).contains(&value.len()) && letters + digits == value.len();
    // `1h30m15s` and `0x1f2e3d` are in no order either.
    let units = value.iter().all(|byte| byte.is_ascii_digit() || b"dhmsw".contains(byte));
    sized && letters >= 3 && digits >= 1 && !units && !value.starts_with(b"0x") && order(value) <= 3 * UNORDERED
}

/// 12 hexadecimal digits or more, with hyphens or without, that are not few again and again.
fn hex(value: &[u8]) -> bool {
    let value = value.get(..JUDGED).unwrap_or(value);
    let digits = || value.iter().filter(|byte| byte.is_ascii_hexdigit()).count();
    let decimal = || value.iter().all(|byte| byte.is_ascii_digit() || *byte == b'-');
    let only = value.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b'-');
    only && !decimal() && digits() >= 12 && bits(value) >= HEX_BITS
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
    let holds_gap = HOLDS_GAP.as_ref().is_some_and(|gaps| gaps.is_match(value)) || is_line(value);
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

/// Whether a third of a value is one line of `_` or `-`, to be written on. Shorter ones stand in random values too.
fn is_line(value: &[u8]) -> bool {
    let lines = value.chunk_by(|left, right| left == right).filter(|run| matches!(run.first(), Some(b'_' | b'-')));
    lines.map(<[u8]>::len).max().is_some_and(|longest| longest >= 4 && longest * 3 >= value.len())
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
        Some(b'(' | b'[') => begins && (digits <= 2 || name.contains(&b'_')) && is_called(name),
        // A member, or a name with the word for it.
        None => {
            let member = name.contains(&b'.') && name.split(|byte| *byte == b'.').all(is_name);
            let kind = ["password", "passwd", "secret", "token"].iter().any(|word| contains(name, word.as_bytes()));
            let small = !name.iter().any(u8::is_ascii_uppercase);
            let words = || name.contains(&b'_') && is_words(name);
            begins && digits <= 1 && (member || (small && (kind || words())))
        }
        Some(_) => false,
    }
}

/// Whether what stands before a bracket is what programs call: names too short to tell have no figures amid their letters.
fn is_called(name: &[u8]) -> bool {
    let amid = |pair: &[u8]| matches!(pair, [left, right] if left.is_ascii_digit() && right.is_ascii_alphabetic());
    let parts = || name.split(|byte| *byte == b'_').all(|part| part.len() < SHORT || order(part) >= UNORDERED);
    order(name) >= UNORDERED || (name.len() < RANDOM && !name.windows(2).any(amid)) || (name.contains(&b'_') && parts())
}

fn is_name(part: &[u8]) -> bool {
    part.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_')
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
    let bound = value.split(|byte| matches!(byte, b'|' | b',')).all(|part| {
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
            "required,string,min:8",
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
            "5RtDGqpFKvrA_70yM_BXmywKMAQkrgu0B",
            "Kvyts8qw_yTXnNTlWmu_fRV7",
            "kd65TP4gFw3ZHc0_6e7lvlifgZXLtJLV",
            "yqFVtkqPNCriaKRj",
            "ac1otmzekjcbhfkwjbtcebvb",
            "rQ7_jozVpm_r4aqhK",
            "x7k2p9qa",
            "mJ8sQw2L",
            "HKw_____w4_hLqBym_u8dR2sT",
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
            "my_module_name_v2",
            "requiredCharacteristicTypes",
            "user-profile-settings",
            "getHTTPSConnectionPoolSize",
            "maxRetryAttemptsPerHost",
            "SETTINGS_MAX_HEADER_LIST_SIZE",
            "kube-system-controller",
            "orders-by-customer-2026",
            "usr/share/doc/libssl/README",
            "Zugriffsberechtigung",
            "authentification",
            "1h30m15s",
            "sha256sum",
            "base64url",
            "name_________",
            "20261128T101500Z",
            "AES_128_GCM_SIV",
            "X509_REQ_get0_pubkey(x",
            "%3C%3Fphp%20system%28%27id%27%29",
            "azure.tenantId=1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed",
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
