//! API keys of a workspace: who shows one belongs to it, within what the key may do.
//!
//! A key is 256 random bits, so its SHA-256 alone says nothing of it: a slow hash is for secrets that people choose.

use std::net::IpAddr;

use super::Quota;

/// One key of a workspace. Several may hold at once, so that clients change from one to the next without a gap.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApiKey {
    /// Its name in logs and records; unique in its workspace.
    pub id: String,
    /// The SHA-256 of the whole key.
    pub hash: [u8; 32],
    /// Indices of the routes that it opens; none: all of the workspace's.
    pub routes: Option<Vec<usize>>,
    /// From when on it opens nothing, in seconds since 1970; none: never.
    pub expires: Option<u64>,
    /// Where it may be used from; empty: anywhere.
    pub allow_from: Vec<Network>,
    /// How much it may ask, besides its workspace's own bounds.
    pub quota: Quota,
}

impl ApiKey {
    /// Whether it holds at a time (seconds since 1970), for a client at this address (none: on a Unix socket).
    #[must_use]
    pub fn holds(&self, now: u64, from: Option<IpAddr>) -> bool {
        let near = from.is_some_and(|from| self.allow_from.iter().any(|network| network.contains(from)));
        self.expires.is_none_or(|expires| now < expires) && (self.allow_from.is_empty() || near)
    }

    /// Whether it opens a route, by its index.
    #[must_use]
    pub fn opens(&self, route: usize) -> bool {
        self.routes.as_ref().is_none_or(|routes| routes.contains(&route))
    }
}

/// A network: an address and how many of its first bits count (RFC 4632 section 3.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// `address` or `address/bits`; bits behind those that count are zeros.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => most,
            Some(bits) if bits.bytes().all(|byte| byte.is_ascii_digit()) => {
                bits.parse().ok().filter(|bits| *bits <= most)?
            }
            Some(_) => return None,
        };
        let network = Self { address, bits };
        (number(address) & !network.mask() == 0).then_some(network)
    }

    /// Whether an address is in it. An IPv4 address that came over IPv6 (RFC 4291 section 2.5.5.2) is one of IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4() && (number(address) ^ number(self.address)) & self.mask() == 0
    }

    /// Ones where bits count, of an address that [`number`] has put to the left.
    fn mask(self) -> u128 {
        if self.bits == 0 { 0 } else { u128::MAX << (128 - u32::from(self.bits)) }
    }
}

/// The bits of an address, from the left.
fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)) << 96,
        IpAddr::V6(address) => u128::from(address),
    }
}

/// Seconds since 1970 of `YYYY-MM-DD`, its first moment, or `YYYY-MM-DDThh:mm:ssZ`; UTC.
#[must_use]
pub fn moment_of(text: &str) -> Option<u64> {
    let (date, time) = match text.split_once('T') {
        Some((date, time)) => (date, time.strip_suffix('Z')?),
        None => (text, "00:00:00"),
    };
    let fields = |text: &str, between: char, lengths: [usize; 3]| -> Option<[u64; 3]> {
        let mut parts = text.split(between);
        let mut out = [0; 3];
        for (field, length) in out.iter_mut().zip(lengths) {
            let part = parts.next().filter(|part| part.len() == length)?;
            *field = part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok()).flatten()?;
        }
        parts.next().is_none().then_some(out)
    };
    let [year, month, day] = fields(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = fields(time, ':', [2, 2, 2])?;
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let length = |month: u64| match month {
        2 => 28 + u64::from(leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let valid = (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=length(month)).contains(&day);
    if !valid || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = (1970..year).map(|year| 365 + u64::from(leap(year))).sum::<u64>() + (1..month).map(length).sum::<u64>();
    Some((days + day - 1) * 86_400 + hour * 3_600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_what_they_say() {
        let holds = |network: &str, address: &str| Network::parse(network).unwrap().contains(address.parse().unwrap());
        assert!(holds("10.0.0.0/8", "10.255.1.2") && !holds("10.0.0.0/8", "11.0.0.0"));
        assert!(holds("192.0.2.7", "192.0.2.7") && !holds("192.0.2.7", "192.0.2.6"));
        assert!(holds("192.0.2.0/24", "::ffff:192.0.2.9") && !holds("192.0.2.0/24", "2001:db8::1"));
        assert!(holds("2001:db8::/32", "2001:db8:ffff::1") && !holds("2001:db8::/32", "2001:db9::"));
        assert!(holds("0.0.0.0/0", "203.0.113.1") && holds("::/0", "::1"));
        for wrong in ["", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/+8", "10.0.0/8", "::/129", "a"] {
            assert_eq!(Network::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn moments_are_utc() {
        assert_eq!(moment_of("1970-01-01"), Some(0));
        assert_eq!(moment_of("2000-03-01"), Some(951_868_800));
        assert_eq!(moment_of("2026-11-30T00:53:20Z"), Some(1_796_000_000));
        for wrong in
            ["2026-02-29", "2026-13-01", "2026-1-1", "2026-01-01T24:00:00Z", "2026-01-01T00:00:00", "1969-12-31", "x"]
        {
            assert_eq!(moment_of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_key_ends_at_its_moment_and_holds_where_it_may() {
        let allow_from = vec![Network::parse("10.0.0.0/8").unwrap()];
        let (id, hash, quota) = ("a".to_owned(), [0; 32], Quota::default());
        let key = ApiKey { id, hash, routes: Some(vec![1]), expires: Some(100), allow_from, quota };
        let near = Some("10.1.1.1".parse().unwrap());
        assert!(key.holds(99, near) && !key.holds(100, near));
        assert!(!key.holds(99, Some("11.1.1.1".parse().unwrap())) && !key.holds(99, None));
        assert!(key.opens(1) && !key.opens(0));
    }
}
