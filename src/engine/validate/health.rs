//! Numbers of those who treat and prescribe.

use super::{Check, digits, luhn};

/// The checks of these numbers.
pub(super) const HEALTH: &[Check] = &[("npi", provider), ("dea", prescriber)];

/// National Provider Identifier (45 CFR 162.406): Luhn over ten digits behind 80840, the issuer that cards would have.
fn provider(value: &[u8]) -> bool {
    let issuer = [8, 0, 8, 4, 0];
    digits(value).count() == 10 && luhn(issuer.into_iter().chain(digits(value)))
}

/// DEA registration: the digits of the first, third and fifth place, and twice the others; their sum's last digit.
fn prescriber(value: &[u8]) -> bool {
    // A registrant whose name begins with a digit has 9 for the second letter.
    let Some((_, number)) = value.split_at_checked(2) else { return false };
    let sum: u32 =
        digits(number).take(6).zip([1, 2, 1, 2, 1, 2]).map(|(digit, weight)| u32::from(digit) * weight).sum();
    digits(number).count() == 7 && digits(number).next_back().map(u32::from) == Some(sum % 10)
}

#[cfg(test)]
mod tests {
    use super::super::Validator;

    fn accepts(name: &str, value: &[u8]) -> bool {
        Validator::by_name(name).unwrap().accepts(value)
    }

    #[test]
    fn a_provider_passes_with_the_issuer_before_it() {
        assert!(accepts("npi", b"1234567893"));
        assert!(accepts("npi", b"1245319599"));
        for wrong in [&b"1234567890"[..], b"1234567839", b"123456789", b"12345678930", b"", b"\xFF"] {
            assert!(!accepts("npi", wrong), "{wrong:?}");
        }
    }

    #[test]
    fn a_prescriber_passes_by_the_sum_of_two_rows() {
        assert!(accepts("dea", b"BJ6125341"));
        assert!(accepts("dea", b"F91234563"));
        for wrong in [&b"BJ6125342"[..], b"BJ6125431", b"BJ612534", b"B", b"", b"\xFF\xFF"] {
            assert!(!accepts("dea", wrong), "{wrong:?}");
        }
    }
}
