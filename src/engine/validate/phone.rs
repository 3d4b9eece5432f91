//! How phone numbers are written.

/// Checks on phones.
pub(super) const PHONE: &[super::Check] = &[("phone-written", phone_written)];

/// Whether a number is written as phones are, and not as a bare count: in groups or brackets, or behind a trunk zero.
fn phone_written(value: &[u8]) -> bool {
    let value = value.strip_prefix(b"+").unwrap_or(value);
    value.first() == Some(&b'0') || value.windows(2).any(|pair| !matches!(pair, [b'0'..=b'9', b'0'..=b'9']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_brackets_and_trunk_zeros() {
        for value in ["0612345678", "212-555-0123", "(02) 5550 1234", "8123 4567"] {
            assert!(phone_written(value.as_bytes()), "{value}");
        }
        for value in ["2147483648", "+12345678", "1", ""] {
            assert!(!phone_written(value.as_bytes()), "{value}");
        }
    }
}
