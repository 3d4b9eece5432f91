//! Internet addresses: IPv4 in dotted decimal, IPv6 in every spelling of RFC 4291, 5952 and 4007.
//!
//! What names no host is left alone: loopback, unspecified, netmasks, networks like 10.0.0.0/8, all nodes; and what is
//! written like an address and is none: versions, section numbers, object identifiers, times, `a::b` of programs.

use super::super::vector::{self, CLASSES, Colons};
use super::{Step, is_digit};

/// Four groups of three digits with their dots, then what tells a version or a network from an address: most is the
/// rest of a log's client.
pub(in crate::engine) const IPV4_MAX_LEN: usize = 15 + 3 + USER + 2;
/// Longest name of a user in an access log.
const USER: usize = 32;
/// Longest zone behind `%`.
const ZONE: usize = 16;
/// Eight groups of four with colons, or six and an IPv4 address; a zone; a byte to see the end.
pub(in crate::engine) const IPV6_MAX_LEN: usize = 6 * 5 + 15 + 1 + ZONE + 5;

/// Whether an IPv4 address may begin with `first` behind `before`: a digit behind what is no letter, digit, underscore
/// or dot.
pub(in crate::engine) fn ipv4_may_begin(before: Option<u8>, first: u8) -> bool {
    first.is_ascii_digit() && before.is_none_or(|byte| !is_word(byte) && byte != b'.')
}

/// Whether an IPv6 address may begin with `first` behind `before`: a hexadecimal digit or a colon behind what is no
/// letter, digit, underscore or dot; two colons not behind a third.
pub(in crate::engine) fn ipv6_may_begin(before: Option<u8>, first: u8) -> bool {
    (first == b':' || first.is_ascii_hexdigit())
        && before.is_none_or(|byte| !is_word(byte) && byte != b'.' && !(first == b':' && byte == b':'))
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Reads four numbers of at most 255 at `at`; where they end, or why not.
fn dotted(text: &[u8], at: usize, last: bool) -> Result<([u8; 4], usize), Step> {
    let mut octets = [0_u8; 4];
    let mut here = at;
    for (index, octet) in octets.iter_mut().enumerate() {
        if index > 0 {
            match text.get(here) {
                Some(b'.') => here += 1,
                None if !last => return Err(Step::More),
                _ => return Err(Step::None),
            }
        }
        let mut value = 0_u16;
        let mut count = 0;
        while let Some(digit) = text.get(here).filter(|byte| byte.is_ascii_digit()) {
            value = value * 10 + u16::from(digit - b'0');
            count += 1;
            here += 1;
            if count > 3 {
                return Err(Step::None);
            }
        }
        if here >= text.len() && !last {
            return Err(Step::More);
        }
        *octet = match u8::try_from(value) {
            Ok(value) if count > 0 => value,
            _ => return Err(Step::None),
        };
    }
    Ok((octets, here))
}

/// Looks for an IPv4 address whose first digit is at `at`.
pub(in crate::engine) fn ipv4(text: &[u8], at: usize, last: bool) -> Step {
    let (octets, end) = match dotted(text, at, last) {
        Ok(found) => found,
        Err(step) => return step,
    };
    let missing = |place: usize| place >= text.len() && !last;
    let byte = |place: usize| text.get(place).copied();
    // A longer number, a longer word, a version's suffix.
    match byte(end) {
        None if !last => return Step::More,
        Some(next) if is_word(next) => return Step::None,
        Some(b'.') if missing(end + 1) => return Step::More,
        Some(b'.') if is_digit(text, end + 1) => return Step::None,
        Some(b'-' | b'+') if missing(end + 1) => return Step::More,
        Some(b'-' | b'+') if byte(end + 1).is_some_and(|next| next.is_ascii_alphabetic()) => return Step::None,
        _ => {}
    }
    if !names_a_host(octets) {
        return Step::None;
    }
    // A network and no host: 10.0.0.0/8, 172.16.0.0/12, 192.0.2.0/24.
    if octets[3] == 0 {
        if octets[1] == 0 && octets[2] == 0 {
            return Step::None;
        }
        if byte(end) == Some(b'/') {
            if missing(end + 2) {
                return Step::More;
            }
            if is_digit(text, end + 1) {
                if is_digit(text, end + 2) && missing(end + 3) {
                    return Step::More;
                }
                let width = |digit: u8| u32::from(digit - b'0');
                let prefix = match (byte(end + 1), byte(end + 2)) {
                    (Some(tens), Some(ones)) if ones.is_ascii_digit() => width(tens) * 10 + width(ones),
                    (Some(ones), _) => width(ones),
                    _ => 32,
                };
                if u32::from_be_bytes(octets).trailing_zeros() >= 32_u32.saturating_sub(prefix) {
                    return Step::None;
                }
            }
        }
    }
    // A fraction follows, as in the paths of a drawing: `2.83-2.12 3.51.98.32 2.03`.
    if behind_fraction(text, at) {
        match leads_to_fraction(text, end, last) {
            None => return Step::More,
            Some(true) => return Step::None,
            Some(false) => {}
        }
    }
    // The colon behind a section's number has no port behind it.
    let colon = byte(end) == Some(b':');
    if colon && missing(end + 1) {
        return Step::More;
    }
    let port = colon && is_digit(text, end + 1);
    // Versions, sections and object identifiers have small numbers: an address like 8.8.8.8 asks for more.
    let small = octets.iter().all(|octet| *octet <= 40) && octets[0] != 10;
    let identifier = matches!(octets, [1, 3, 6 | 101 | 132, _] | [2, 5, 4 | 29, _]);
    if (small || identifier) && !port && !stands_for_host(text, at) {
        match leads_to_user(text, end, last) {
            None => return Step::More,
            Some(true) => {}
            Some(false) => return Step::None,
        }
    }
    if is_version(text, at, octets, colon) { Step::None } else { Step::Match(end) }
}

/// Whether what stands before names a host: `//`, a user's `@`, a key like `src=` or `client: `.
fn stands_for_host(text: &[u8], at: usize) -> bool {
    let head = text.get(at.saturating_sub(BACK)..at).unwrap_or_default();
    if matches!(head, [.., b'/', b'/'] | [.., b'@']) {
        return true;
    }
    let value = head.iter().rev().take(5).take_while(|byte| !byte.is_ascii_alphabetic());
    let assigned = value.into_iter().any(|byte| matches!(byte, b'=' | b':'));
    assigned && word_back(head).is_some_and(|(word, _)| HOST_KEYS.iter().any(|key| key.eq_ignore_ascii_case(word)))
}

/// Whether the user and the time of an access log follow what ends at `end`: ` - - [`, ` - jane [`.
fn leads_to_user(text: &[u8], end: usize, last: bool) -> Option<bool> {
    let mut here = end;
    for wanted in b" - " {
        match text.get(here) {
            None if !last => return None,
            Some(byte) if byte == wanted => here += 1,
            _ => return Some(false),
        }
    }
    let user = here;
    while here - user < USER {
        match text.get(here) {
            None if !last => return None,
            Some(byte) if byte.is_ascii_graphic() => here += 1,
            _ => break,
        }
    }
    match (text.get(here), text.get(here + 1)) {
        (None, _) | (Some(b' '), None) if !last => None,
        (Some(b' '), Some(b'[')) => Some(here > user),
        _ => Some(false),
    }
}

/// Whether the place is behind a number with a fraction and a space.
fn behind_fraction(text: &[u8], at: usize) -> bool {
    let Some((b' ' | b',', head)) = text.get(..at).and_then(<[u8]>::split_last) else { return false };
    let token = || head.iter().rev().take(12).take_while(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-'));
    let dots = token().filter(|byte| **byte == b'.').count();
    dots > 0 && (dots != 3 || token().any(|byte| *byte == b'-'))
}

/// Whether a number with a fraction follows what ends at `end`.
fn leads_to_fraction(text: &[u8], end: usize, last: bool) -> Option<bool> {
    for (place, byte) in (end..end + 6).map(|place| (place, text.get(place))) {
        match byte {
            None if !last => return None,
            Some(b' ' | b',' | b'-') if place == end => {}
            Some(b'-') if place == end + 1 => {}
            Some(b'.') if place > end => return Some(true),
            Some(byte) if byte.is_ascii_digit() && place > end => {}
            _ => return Some(false),
        }
    }
    Some(false)
}

/// Whether an address may be that of a host: not 0.0.0.0/8, 127.0.0.0/16, a netmask, or a well-known group.
fn names_a_host(octets: [u8; 4]) -> bool {
    let value = u32::from_be_bytes(octets);
    let mask = octets[0] == 255 && value.leading_ones() + value.trailing_zeros() >= 32;
    !(octets[0] == 0
        || (octets[0] == 127 && octets[1] == 0)
        || mask
        || (octets[0] == 224 && octets[1] == 0 && octets[2] == 0)
        || octets.iter().all(|octet| matches!(octet, 0 | 255))
        || octets == [239, 255, 255, 250]
        || octets == [169, 254, 169, 254])
}

/// Words behind which four numbers are a version, or the number of a section.
const VERSION_WORDS: &[&[u8]] = &[
    b"v",
    b"ver",
    b"vers",
    b"version",
    b"versions",
    b"versione",
    b"versie",
    b"wersja",
    b"firmware",
    b"fw",
    b"release",
    b"released",
    b"build",
    b"rev",
    b"revision",
    b"driver",
    b"sdk",
    b"kernel",
    b"patch",
    b"hotfix",
    b"section",
    b"sections",
    b"sec",
    b"chapter",
    b"clause",
    b"article",
    b"figure",
    b"fig",
    b"table",
    b"appendix",
    b"annex",
    b"paragraph",
    b"requirement",
    b"oid",
    b"assembly",
    b"package",
    b"plugin",
    b"bios",
    b"app",
    b"software",
    b"abschnitt",
    b"kapitel",
    b"chapitre",
];
/// Words that a version follows behind `to` or `from`.
const CHANGES: &[&[u8]] = &[
    b"upgrade",
    b"upgraded",
    b"upgrading",
    b"update",
    b"updated",
    b"downgrade",
    b"downgraded",
    b"bump",
    b"bumped",
    b"bumps",
    b"migrate",
    b"migrated",
];
/// Keys whose value is a host, the last word of `remote_addr` and the like.
const HOST_KEYS: &[&[u8]] = &[
    b"ip",
    b"ipaddr",
    b"ipaddress",
    b"addr",
    b"address",
    b"src",
    b"dst",
    b"srcip",
    b"dstip",
    b"saddr",
    b"daddr",
    b"client",
    b"clientip",
    b"peer",
];
/// How far back a word is looked for.
const BACK: usize = 32;

/// Whether what stands before says that the four numbers are no address.
fn is_version(text: &[u8], at: usize, octets: [u8; 4], colon: bool) -> bool {
    let head = text.get(at.saturating_sub(BACK)..at).unwrap_or_default();
    let private =
        octets[0] == 10 || (octets[0] == 192 && octets[1] == 168) || (octets[0] == 172 && octets[1] & 0xF0 == 16);
    if let [.., before, joint] = head {
        let letter = before.is_ascii_alphabetic();
        match joint {
            // A name with its version: `Chrome/120.0.0.1`, `libfoo-1.2.3.4`; but `localhost/10.0.0.1:80`.
            b'/' if letter && !colon && !private => return true,
            b'-' if letter => return true,
            // Requirements of packages: `==1.2.3.4`, `>=`, `~=`.
            b'=' if matches!(before, b'=' | b'>' | b'<' | b'~' | b'!') => return true,
            _ => {}
        }
    }
    if matches!(head.last(), Some(b'^' | b'~')) {
        return true;
    }
    let Some((word, rest)) = word_back(head) else { return false };
    let is = |word: &[u8], list: &[&[u8]]| list.iter().any(|known| known.eq_ignore_ascii_case(word));
    let ends = |word: &[u8]| {
        let tail = word.get(word.len().saturating_sub(7)..).unwrap_or_default();
        tail.eq_ignore_ascii_case(b"version")
    };
    if is(word, VERSION_WORDS) || ends(word) {
        return true;
    }
    if is(word, &[b"to", b"from"]) {
        return word_back(rest).is_some_and(|(word, _)| is(word, CHANGES) || is(word, VERSION_WORDS));
    }
    false
}

/// The word that `head` ends with, past spaces, quotes and signs, and what stands before it.
fn word_back(head: &[u8]) -> Option<(&[u8], &[u8])> {
    let signs = head
        .iter()
        .rev()
        .take(5)
        .take_while(|byte| {
            matches!(byte, b' ' | b'\t' | b'"' | b'\'' | b'`' | b'=' | b':' | b'(' | b'>' | b'.' | b'*' | b'[' | b'#')
        })
        .count();
    let head = head.get(..head.len() - signs)?;
    let letters = head.iter().rev().take_while(|byte| byte.is_ascii_alphabetic()).count();
    if letters == 0 {
        return None;
    }
    let (rest, word) = head.split_at_checked(head.len() - letters)?;
    Some((word, rest))
}

/// An IPv6 address as it is read.
struct Reading {
    groups: [u16; 8],
    /// Digits of each group.
    widths: [u8; 8],
    count: usize,
    /// Which group the two colons stand before.
    compressed: Option<usize>,
    has_digit: bool,
    tail: bool,
}

impl Reading {
    fn push(&mut self, value: u16, width: u8) -> bool {
        match (self.groups.get_mut(self.count), self.widths.get_mut(self.count)) {
            (Some(group), Some(slot)) => {
                (*group, *slot) = (value, width);
                self.count += 1;
                true
            }
            _ => false,
        }
    }

    fn is_address(&self) -> bool {
        let groups = self.groups.get(..self.count).unwrap_or_default();
        let widths = self.widths.get(..self.count).unwrap_or_default();
        let (first, width) = (self.groups[0], self.widths[0]);
        // Unspecified, loopback, multicast of well-known groups.
        if groups.iter().all(|group| *group == 0xFFFF) {
            return false;
        }
        let low = groups.iter().rev().skip(1).all(|group| *group == 0) && groups.last().is_none_or(|group| *group <= 1);
        let mapped_network = first == 0xFFFF && groups.iter().skip(1).all(|group| *group == 0);
        if low || mapped_network || (first & 0xFFF0 == 0xFF00 && self.compressed != Some(0)) {
            return false;
        }
        match self.compressed {
            // Eight pairs are a hardware address or bytes; eight single digits are a list.
            None => {
                self.count == 8 && !(widths.iter().all(|width| *width == 2) || widths.iter().all(|width| *width == 1))
            }
            Some(_) if self.count > 7 => false,
            Some(_) if !self.has_digit => false,
            Some(0) => self.tail || self.count >= 2,
            // Names of programs are short: `a1::b2`.
            Some(_) => {
                (width == 4 && (first >> 13 == 1 || first >= 0xFC00))
                    || (self.count >= 3 && width >= 2)
                    || self.count >= 5
            }
        }
    }
}

/// Whether the groups at `at` leave an address over: up to four digits and a colon first, and two colons side by side or as
/// many as eight groups need. Most times and most words are ruled out here.
#[inline]
pub(in crate::engine) fn may_be_ipv6(text: &[u8], at: usize) -> bool {
    let Some(near) = text.get(at..).and_then(|rest| rest.first_chunk::<CLASSES>()) else { return true };
    let [a, b, c, d, e, ..] = near.map(|byte| byte == b':');
    if !(a | b | c | d | e) {
        return false;
    }
    let Colons { hex, colons, dots } = vector::colons(near);
    let first = hex.trailing_ones();
    if first > 4 || colons >> first & 1 == 0 {
        return false;
    }
    let members = hex | colons | dots;
    let own = colons & !members.wrapping_add(1);
    // Six colons and a dotted number, or seven; 32 bytes of an address have six where no two stand side by side.
    own & own >> 1 != 0 || own.count_ones() >= 6
}

/// Looks for an IPv6 address whose first digit or colon is at `at`.
pub(in crate::engine) fn ipv6(text: &[u8], at: usize, last: bool) -> Step {
    if inside_groups(text, at) {
        return Step::None;
    }
    let (reading, end) = match groups(text, at, last) {
        Ok(found) => found,
        Err(step) => return step,
    };
    let missing = |place: usize| place >= text.len() && !last;
    match text.get(end) {
        None if !last => return Step::More,
        Some(byte) if is_word(*byte) || *byte == b'(' => return Step::None,
        Some(b':') if missing(end + 1) => return Step::More,
        Some(b':') if text.get(end + 1).is_some_and(|byte| is_word(*byte) || *byte == b':') => return Step::None,
        Some(b'.') if missing(end + 1) => return Step::More,
        Some(b'.') if is_digit(text, end + 1) => return Step::None,
        _ => {}
    }
    if !reading.is_address() {
        return Step::None;
    }
    // The network of a prefix: `2001:db8::/32`, `fe80::/10`.
    if reading.compressed == Some(reading.count) && reading.count <= 2 && text.get(end) == Some(&b'/') {
        if missing(end + 1) {
            return Step::More;
        }
        if is_digit(text, end + 1) {
            return Step::None;
        }
    }
    if reading.groups[0] & 0xFFC0 != 0xFE80 || text.get(end) != Some(&b'%') {
        return Step::Match(end);
    }
    zone(text, end, last)
}

/// The end of an address with its zone, `%` at `end`.
fn zone(text: &[u8], end: usize, last: bool) -> Step {
    let mut here = end + 1;
    let mut good = end;
    while here < end + 1 + ZONE {
        match text.get(here) {
            Some(byte) if byte.is_ascii_alphanumeric() => good = here + 1,
            Some(b'.' | b'_' | b'-') => {}
            None if !last => return Step::More,
            _ => break,
        }
        here += 1;
    }
    Step::Match(good)
}

/// Whether the place is inside a row of groups, so that what begins here is its tail: `db8:` before it.
fn inside_groups(text: &[u8], at: usize) -> bool {
    let Some((b':', head)) = text.get(..at).and_then(<[u8]>::split_last) else { return false };
    let run = head.iter().rev().take(5).take_while(|byte| byte.is_ascii_alphanumeric());
    let hexadecimal = run.clone().all(u8::is_ascii_hexdigit);
    let count = run.count();
    count == 0 && head.last() == Some(&b':') || (hexadecimal && (1..=4).contains(&count))
}

/// Reads groups until no further one follows.
fn groups(text: &[u8], at: usize, last: bool) -> Result<(Reading, usize), Step> {
    let mut reading =
        Reading { groups: [0; 8], widths: [0; 8], count: 0, compressed: None, has_digit: false, tail: false };
    let mut here = at;
    if text.get(here) == Some(&b':') {
        match text.get(here + 1) {
            Some(b':') => here += 2,
            None if !last => return Err(Step::More),
            _ => return Err(Step::None),
        }
        reading.compressed = Some(0);
    }
    loop {
        let from = here;
        let mut value = 0_u16;
        let mut decimal = true;
        while let Some(byte) = text.get(here).filter(|byte| byte.is_ascii_hexdigit()) {
            if here - from == 4 {
                return Err(Step::None);
            }
            let digit = (*byte as char).to_digit(16).unwrap_or(0) as u16;
            value = value << 4 | digit;
            decimal &= byte.is_ascii_digit();
            reading.has_digit |= byte.is_ascii_digit();
            here += 1;
        }
        if here >= text.len() && !last {
            return Err(Step::More);
        }
        let width = (here - from) as u8;
        if width == 0 {
            // Only two colons may stand last.
            return if reading.compressed == Some(reading.count) { Ok((reading, here)) } else { Err(Step::None) };
        }
        if decimal
            && width <= 3
            && text.get(here) == Some(&b'.')
            && (reading.compressed.is_some() || reading.count == 6)
        {
            match dotted(text, from, last) {
                Ok((octets, end)) => {
                    let [a, b, c, d] = octets;
                    let pushed =
                        reading.push(u16::from_be_bytes([a, b]), 4) && reading.push(u16::from_be_bytes([c, d]), 4);
                    reading.tail = true;
                    return if pushed && names_a_host(octets) { Ok((reading, end)) } else { Err(Step::None) };
                }
                Err(Step::More) => return Err(Step::More),
                Err(_) => {}
            }
        }
        if !reading.push(value, width) {
            return Err(Step::None);
        }
        if text.get(here) != Some(&b':') {
            return Ok((reading, here));
        }
        match text.get(here + 1) {
            None if !last => return Err(Step::More),
            Some(b':') if reading.compressed.is_none() => {
                reading.compressed = Some(reading.count);
                here += 2;
            }
            Some(byte) if byte.is_ascii_hexdigit() && reading.count < 8 => here += 1,
            _ => return Ok((reading, here)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn four(text: &str) -> Option<&str> {
        let bytes = text.as_bytes();
        (0..text.len()).filter(|at| ipv4_may_begin(at.checked_sub(1).map(|at| bytes[at]), bytes[*at])).find_map(|at| {
            match ipv4(bytes, at, true) {
                Step::Match(end) => text.get(at..end),
                _ => None,
            }
        })
    }

    fn six(text: &str) -> Option<&str> {
        let bytes = text.as_bytes();
        (0..text.len()).filter(|at| ipv6_may_begin(at.checked_sub(1).map(|at| bytes[at]), bytes[*at])).find_map(|at| {
            match ipv6(bytes, at, true) {
                Step::Match(end) => text.get(at..end),
                _ => None,
            }
        })
    }

    #[test]
    fn four_numbers() {
        for (text, found) in [
            ("192.0.2.1", "192.0.2.1"),
            ("203.0.113.255:8080", "203.0.113.255"),
            ("198.51.100.7/24", "198.51.100.7"),
            ("http://198.51.100.7/x", "198.51.100.7"),
            ("localhost/10.1.2.30:80", "10.1.2.30"),
            ("来自192.0.2.1。", "192.0.2.1"),
            ("from 192.0.2.1.", "192.0.2.1"),
            ("root@192.0.2.1", "192.0.2.1"),
            ("192.168.1.1/24", "192.168.1.1"),
            ("192.168.1.0/16", "192.168.1.0"),
            ("8.8.8.8:53", "8.8.8.8"),
            ("10.0.0.1-10.0.0.9", "10.0.0.1"),
            ("0.003 198.51.100.7 200", "198.51.100.7"),
            ("21.20.4.27 - - [21/Nov/2026:10:32:27 +0000]", "21.20.4.27"),
            ("21.20.4.27 - jane [21/Nov/2026:10:32:27 +0000]", "21.20.4.27"),
            ("IN=eth0 SRC=21.20.4.27 LEN=60", "21.20.4.27"),
            ("\"remote_addr\": \"8.8.8.8\"", "8.8.8.8"),
        ] {
            assert_eq!(four(text), Some(found), "{text}");
        }
        for text in [
            "127.0.0.1",
            "127.0.1.1",
            "0.0.0.0",
            "255.255.255.0",
            "255.255.255.255",
            "10.0.0.0/8",
            "172.16.0.0/12",
            "192.0.2.0/24",
            "255.0.255.0",
            "169.254.169.254",
            "256.1.1.1",
            "1.2.3.256",
            "192.0.2.1.5",
            "192.0.2.1234",
            "192.0.2.1a",
            "192.0.2.1-beta",
            "version 10.4.16.2",
            "Version=10.4.16.2, Culture=neutral",
            "v10.4.16.2",
            "FileVersion: 10.4.16.2",
            "upgrade to 10.4.16.2",
            "Chrome/90.0.44.85 Safari",
            "libfoo-10.4.16.2",
            "foo==10.4.16.2",
            "section 10.4.16.2",
            "1.2.3.4",
            "1.2.3.4 - Fixes",
            "1.2.3.4 - jane doe [x",
            "1.2.3.4 -  [2026-01-31]",
            "{\"build_client\": 1, \"core\": \"1.2.3.4\"}",
            "224.0.0.1",
            "23.2.4.1 construct",
            "2.5.29.15",
            "2.83-2.12 3.51.98.32 2.03.5",
        ] {
            assert_eq!(four(text), None, "{text}");
        }
    }

    #[test]
    fn every_spelling_of_version_6() {
        for text in [
            "2001:db8:85a3:8d3:1319:8a2e:370:7348",
            "2001:0DB8:0000:0000:0008:0800:200C:417A",
            "2001:db8::1",
            "2001:db8::",
            "2001:db8:1:2::",
            "fe80::1ff:fe23:4567:890a%eth0",
            "fe80::1%en0.1",
            "::ffff:192.0.2.128",
            "::ffff:c000:280",
            "64:ff9b::192.0.2.33",
            "2001:db8:0:0:0:0:192.0.2.1",
            "fd00:1234::5678",
            "ABCD:EF01:2345:6789:ABCD:EF01:2345:6789",
        ] {
            assert_eq!(six(text), Some(text));
        }
        for (text, found) in [
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("2001:db8::1/64", "2001:db8::1"),
            ("2001:db8::1.", "2001:db8::1"),
            ("2001:db8::1: unreachable", "2001:db8::1"),
            ("ip:2001:db8::1", "2001:db8::1"),
            ("fe80::1%eth0.", "fe80::1%eth0"),
        ] {
            assert_eq!(six(text), Some(found), "{text}");
        }
        for text in [
            "::1",
            "::",
            "[::]:80",
            "0:0:0:0:0:0:0:1",
            "12:34:56",
            "23:10:15:30.123",
            "00:1a:2b:3c:4d:5e",
            "00:1a:2b:ff:fe:3c:4d:5e",
            "01:23:45:67:89:ab:cd:ef:01:23:45:67:89:ab:cd:ef:01:23:45:67",
            "a::b",
            "std::vec::Vec",
            "face::dead::beef",
            "db::cafe::Add",
            "e2e::a1",
            "dead::beef",
            "f33c::1",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "a::before",
            "::ffff:127.0.0.1",
            "::ffff:0:0/96",
            "2001:db8::/32",
            "fe80::/10",
            "2001:db8::12345",
            "2001:db8::1::2",
            "1:2:3:4:5:6:7:8:9",
            "ff02::1",
            "note: x",
        ] {
            assert_eq!(six(text), None, "{text}");
        }
    }

    #[test]
    fn an_answer_never_changes_with_more_text() {
        type Look = fn(&[u8], usize, bool) -> Step;
        let both: [(Look, &[&str]); 2] = [
            (
                ipv4,
                &[
                    "192.0.2.1.x",
                    "192.0.2.1-b",
                    "172.16.0.0/12 x",
                    "172.16.0.0/24",
                    "198.51.100.7:80",
                    "1.2.3.4.5",
                    "1.2.3.4 - jane [28",
                    "1.2.3.4 - jane doe",
                    "1.5 198.51.100.7 -2.5",
                ],
            ),
            (
                ipv6,
                &[
                    "2001:db8::1: x",
                    "2001:db8::/32",
                    "fe80::1%eth0.1. x",
                    "::ffff:192.0.2.1.5",
                    "2001:db8:1:2:3:4:5:6:7",
                    "fe80::1.5",
                    "2001:db8::1:",
                ],
            ),
        ];
        for (look, texts) in both {
            for text in texts {
                let bytes = text.as_bytes();
                let whole = look(bytes, 0, true);
                for cut in 1..bytes.len() {
                    let early = look(&bytes[..cut], 0, false);
                    assert!(early == Step::More || early == whole, "{text} at {cut}: {early:?} {whole:?}");
                }
            }
        }
    }

    #[test]
    fn what_is_ruled_out_is_no_address() {
        let mut random = 3_u64;
        let mut next = move |below: usize| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) as usize % below
        };
        let mut found = 0;
        for _ in 0..100_000 {
            let mut text = String::new();
            for _ in 0..1 + next(9) {
                text += ["1", "ab", "2001", "db8", "ffff", "0", "12345", "", "198.51.100.7", "1.2"][next(10)];
                text += [":", ":", ":", ":", "::", ".", " "][next(7)];
            }
            text += ["", "1", "fe80", " and words behind it that go on for a while"][next(4)];
            let bytes = text.as_bytes();
            for at in 0..bytes.len() {
                let begins = ipv6_may_begin(at.checked_sub(1).map(|at| bytes[at]), bytes[at]);
                for last in [false, true] {
                    if begins && ipv6(bytes, at, last) != Step::None {
                        found += 1;
                        assert!(may_be_ipv6(bytes, at), "{text} at {at}");
                    }
                }
            }
        }
        assert!(found > 1000, "{found}");
    }
}
