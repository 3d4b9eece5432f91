//! Numbers of devices and of the cards in them.

use super::business::luhn_forward;
use super::{Check, digits, luhn};

/// The checks of this family.
pub(super) const CHECKS: &[Check] = &[("imei", imei), ("imei-sure", imei_sure), ("iccid", iccid)];

/// IMEI (3GPP TS 23.003): fifteen digits, the last by Luhn; or sixteen, of which the last two count software.
fn imei(value: &[u8]) -> bool {
    let count = digits(value).count();
    let first = digits(value).next();
    let varied = digits(value).any(|digit| Some(digit) != first);
    varied && (count == 16 || (count == 15 && luhn(digits(value))))
}

/// As [`imei`] with a check digit, of a body that hands out type allocation codes.
fn imei_sure(value: &[u8]) -> bool {
    let body = digits(value).take(2).fold(0, |number, digit| number * 10 + digit);
    let known = matches!(body, 1 | 35 | 44 | 45 | 49 | 50..=54 | 86 | 91 | 98 | 99);
    known && digits(value).count() == 15 && imei(value)
}

/// ICCID (ITU-T E.118): 89, a country, an issuer, and a last digit by Luhn; some issuers add one more.
fn iccid(value: &[u8]) -> bool {
    let count = digits(value).count();
    (18..=20).contains(&count)
        && digits(value).take(2).eq([8, 9])
        && (luhn(digits(value)) || (count == 20 && luhn_forward(digits(value).take(19), 19)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_devices() {
        for good in ["490154203237518", "49-015420-323751-8", "35-209900-176148-1", "3520990017614823"] {
            assert!(imei(good.as_bytes()), "{good}");
        }
        for bad in ["490154203237519", "000000000000000", "49015420323751", ""] {
            assert!(!imei(bad.as_bytes()), "{bad}");
        }
        assert!(imei_sure(b"35-209900-176148-1"));
        assert!(!imei_sure(b"790154203237518"));
        assert!(!imei_sure(b"3520990017614823"));
        assert!(iccid(b"89014103211118510720"));
        assert!(iccid(b"8991101200003204514"));
        assert!(!iccid(b"8991101200003204515"));
        assert!(!iccid(b"7991101200003204514"));
    }
}
