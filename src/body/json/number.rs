//! Numbers as the integers they denote.
//!
//! Enters: a JSON number with a fraction or an exponent. Leaves: the digits of the integer it denotes, if it is one:
//! `4.111111111111111e15` is a card number as much as its sixteen digits are. Exact: never through a float.

/// The most digits that are looked at.
const MAX_DIGITS: i64 = 40;

/// Appends the digits, without a sign, of the integer that `number` (a JSON number without its sign) denotes. False,
/// and nothing is appended, where it has neither fraction nor exponent, denotes no integer or 0, or is too long.
pub(super) fn integer_digits(number: &[u8], digits: &mut Vec<u8>) -> bool {
    let mantissa_len = number.iter().position(|byte| matches!(byte, b'e' | b'E')).unwrap_or(number.len());
    let (mantissa, exponent) = number.split_at_checked(mantissa_len).unwrap_or((number, &[]));
    let whole_len = mantissa.iter().position(|byte| *byte == b'.').unwrap_or(mantissa.len());
    if whole_len == number.len() {
        return false;
    }
    let significant = || mantissa.iter().copied().filter(u8::is_ascii_digit);
    let leading_zeros = significant().take_while(|digit| *digit == b'0').count() as i64;
    let count = significant().count() as i64;
    let trailing_zeros = significant().rev().take_while(|digit| *digit == b'0').count() as i64;
    if leading_zeros == count {
        return false;
    }
    let kept = count - leading_zeros - trailing_zeros;
    // The decimal point stands behind so many significant digits.
    let point = whole_len as i64 - leading_zeros + exponent_value(exponent);
    if point < kept || point > MAX_DIGITS {
        return false;
    }
    digits.extend(significant().skip(leading_zeros as usize).take(kept as usize));
    digits.extend(std::iter::repeat_n(b'0', (point - kept) as usize));
    true
}

/// Saturates far beyond anything that [`MAX_DIGITS`] lets pass and far below where the sums would overflow.
fn exponent_value(exponent: &[u8]) -> i64 {
    let magnitude = exponent
        .iter()
        .filter(|byte| byte.is_ascii_digit())
        .fold(0_i64, |value, digit| (value * 10 + i64::from(digit - b'0')).min(1 << 40));
    if exponent.contains(&b'-') { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::integer_digits;

    #[test]
    fn integers_in_disguise_are_written_out() {
        for (number, expected) in [
            ("4.111111111111111e15", Some("4111111111111111")),
            ("4111111111111111.0", Some("4111111111111111")),
            ("4111111111111111.000E-0", Some("4111111111111111")),
            ("0.004111111111111111e+18", Some("4111111111111111")),
            ("41111111111111110000e-4", Some("4111111111111111")),
            ("1e3", Some("1000")),
            ("1e39", Some("1000000000000000000000000000000000000000")),
            ("1e40", None),
            ("1e99999999999999999999999999", None),
            ("1e-99999999999999999999999999", None),
            ("4111111111111111", None),
            ("4111111111111111.5", None),
            ("0.0", None),
            ("0e5", None),
            ("1.5", None),
            ("15e-1", None),
        ] {
            let mut digits = Vec::new();
            let found = integer_digits(number.as_bytes(), &mut digits);
            assert_eq!(found.then(|| String::from_utf8_lossy(&digits).into_owned()).as_deref(), expected, "{number}");
        }
    }
}
