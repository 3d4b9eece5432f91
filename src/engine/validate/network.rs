//! Addresses of networks.

use super::Check;

/// The checks of this family.
pub(super) const CHECKS: &[Check] = &[("ipv4", ipv4)];

/// Four numbers of at most 255, of a host: not 0.0.0.0/8, 127.0.0.0/8, a netmask.
fn ipv4(value: &[u8]) -> bool {
    let mut octets = [0_u8; 4];
    let mut parts = value.split(|byte| *byte == b'.');
    for octet in &mut octets {
        let text = parts.next().and_then(|part| std::str::from_utf8(part).ok());
        match text.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit())).and_then(|text| text.parse().ok()) {
            Some(value) => *octet = value,
            None => return false,
        }
    }
    let value = u32::from_be_bytes(octets);
    let mask = octets[0] == 255 && value.leading_ones() + value.trailing_zeros() >= 32;
    parts.next().is_none() && !matches!(octets[0], 0 | 127) && !mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_hosts() {
        for good in ["8.8.8.8", "192.168.001.012", "255.1.2.3"] {
            assert!(ipv4(good.as_bytes()), "{good}");
        }
        for bad in
            ["127.0.0.1", "0.0.0.0", "255.255.255.0", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.+4", "", "1..2.3"]
        {
            assert!(!ipv4(bad.as_bytes()), "{bad}");
        }
    }
}
