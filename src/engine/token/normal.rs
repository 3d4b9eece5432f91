//! One value, one form: spellings of a value that mean the same give the same token.
//!
//! Enters: an entity and a value. Leaves: the bytes that the tag is made of. README.md lists the entities; what is not
//! listed counts byte for byte.

/// Entities that are one number whatever stands between its letters and digits.
const NUMBERS: [&str; 12] = [
    "CREDIT_CARD",
    "US_SSN",
    "US_ITIN",
    "IBAN",
    "BANK_ACCOUNT",
    "NATIONAL_ID",
    "TAX_ID",
    "HEALTH_ID",
    "PASSPORT",
    "DRIVING_LICENCE",
    "BUSINESS_ID",
    "MAC_ADDRESS",
];

/// Replaces what is in `out` by the value's normal form.
pub(super) fn normalise(entity: &str, value: &str, out: &mut Vec<u8>) {
    out.clear();
    match entity {
        "EMAIL" => out.extend(value.bytes().map(|byte| byte.to_ascii_lowercase())),
        "PHONE" => {
            if value.trim_start().starts_with('+') {
                out.push(b'+');
            }
            out.extend(value.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase()));
        }
        _ if NUMBERS.contains(&entity) => {
            let telling = |byte: &u8| byte.is_ascii_alphanumeric() || !byte.is_ascii();
            out.extend(value.bytes().filter(telling).map(|byte| byte.to_ascii_lowercase()));
        }
        _ => out.extend_from_slice(value.as_bytes()),
    }
}
