//! Which detectors of numbers may find something at a place, by the shape of what stands there.
//!
//! Enters: a place with a digit, a sign or a bracket, and 32 bytes of text from it on. Leaves: bits, one for each detector
//! that is left over. Most numbers of a log are times, counts and identifiers: how long their first run of digits is, what
//! follows it, how many digits there are in all and how they are grouped rules every detector out before one is asked.
//! A detector that is left over still decides; one that is ruled out would have said no.

use super::super::rule::Detector;
use super::super::vector::{self, CLASSES};

/// Runs that are told apart; a longer one counts as this.
const LONGEST: usize = 20;
/// What may stand behind a run, as far as detectors care.
const FOLLOWERS: usize = 4;

/// How many groups of digits are looked at.
const GROUPS: usize = 4;

/// For each byte behind a run of digits what it is: another one 0, a dot 1, another separator 2, a sign of phone numbers 3.
static FOLLOWER: [u8; 256] = followers();

#[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn followers() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'.' => 1,
            b' ' | b'\t' | b'\r' | b'\n' | b'-' | b'/' | b'_' | 0x80.. => 2,
            b'(' | b')' | b'+' => 3,
            _ => 0,
        };
        byte += 1;
    }
    table
}

/// The detectors of numbers in force, as bits.
pub(in crate::engine) struct Numbers {
    /// By the length of the first run and what follows it.
    by_run: [[u64; FOLLOWERS]; LONGEST + 1],
    /// By how many digits there are.
    by_count: [u64; CLASSES + 1],
    ssn: u64,
    phone: u64,
    /// Every detector of phones.
    phones: u64,
    ipv4: u64,
    all: u64,
}

/// Digits in groups, as far as 32 bytes tell. A group that they cut off, and those behind it, are unknown.
#[derive(Clone, Copy)]
struct Shape {
    groups: [Option<u32>; GROUPS],
}

impl Shape {
    fn new(digits: u32, numbers: u32) -> Self {
        let mut groups = [None; GROUPS];
        let mut left = u64::from(digits);
        let mut seen = 0;
        // What lies behind the number is no group of it.
        let end = u64::from(numbers).trailing_ones();
        for slot in &mut groups {
            let blank = left.trailing_zeros();
            seen += blank;
            if seen >= end {
                if end < CLASSES as u32 {
                    *slot = Some(0);
                    continue;
                }
                break;
            }
            left >>= blank;
            let size = left.trailing_ones();
            left >>= size;
            seen += size;
            if seen >= CLASSES as u32 {
                break;
            }
            *slot = Some(size);
        }
        Self { groups }
    }

    /// Whether the groups are, or may be, of these sizes from `first` on.
    fn fits(&self, first: usize, sizes: &[u32]) -> bool {
        let groups = self.groups.iter().skip(first);
        groups.zip(sizes).all(|(group, size)| group.is_none_or(|group| group == *size))
    }
}

impl Default for Numbers {
    fn default() -> Self {
        Self {
            by_run: [[0; FOLLOWERS]; LONGEST + 1],
            by_count: [0; CLASSES + 1],
            ssn: 0,
            phone: 0,
            phones: 0,
            ipv4: 0,
            all: 0,
        }
    }
}

impl Numbers {
    /// Whether a detector is one of these.
    pub(in crate::engine) fn is_one(detector: Detector) -> bool {
        match detector {
            Detector::Card
            | Detector::UsSsn
            | Detector::UsItin
            | Detector::Phone
            | Detector::PhoneAny
            | Detector::PhoneNational(_)
            | Detector::Ipv4 => true,
            Detector::Email | Detector::EmailSpelled | Detector::Iban | Detector::Ipv6 | Detector::Mac => false,
        }
    }

    /// Takes a detector with its bits.
    pub(in crate::engine) fn add(&mut self, detector: Detector, bits: u64) {
        for (run, row) in self.by_run.iter_mut().enumerate() {
            for (follower, slot) in row.iter_mut().enumerate() {
                if may_begin_with(detector, run, follower) {
                    *slot |= bits;
                }
            }
        }
        let least = match detector {
            Detector::Card => 13,
            Detector::UsSsn | Detector::UsItin => 9,
            Detector::Phone => 8,
            Detector::PhoneAny => 7,
            // National phones of four digits, the octets of an address.
            _ => 4,
        };
        self.by_count.iter_mut().skip(least).for_each(|slot| *slot |= bits);
        match detector {
            Detector::UsSsn | Detector::UsItin => self.ssn |= bits,
            Detector::Phone => {
                self.phone |= bits;
                self.phones |= bits;
            }
            Detector::PhoneAny | Detector::PhoneNational(_) => self.phones |= bits,
            Detector::Ipv4 => self.ipv4 |= bits,
            _ => {}
        }
        self.all |= bits;
    }

    /// The bits of those that may find something at `at`; all where the text ends too early to tell.
    #[inline]
    pub(in crate::engine) fn allowed(&self, text: &[u8], at: usize) -> u64 {
        let Some(near) = text.get(at..).and_then(|rest| rest.first_chunk::<CLASSES>()) else { return self.all };
        let digits = vector::digits(near);
        // Behind a sign every phone is left, and at a number's beginning those that begin with such a run.
        let mut bits = self.phones;
        if digits & 1 == 1 {
            let run = digits.trailing_ones() as usize;
            // A run that the bytes cut off is as long as any.
            let behind =
                near.get(run).and_then(|byte| FOLLOWER.get(usize::from(*byte))).map_or(0, |kind| usize::from(*kind));
            bits = self.by_run.get(run.min(LONGEST)).and_then(|row| row.get(behind)).copied().unwrap_or(self.all);
            if near[0] == b'0' && run > 1 {
                bits |= self.phone;
            }
        }
        if bits == 0 { 0 } else { self.left(bits, near, digits) }
    }

    /// The bits that more than the first run leaves.
    fn left(&self, mut bits: u64, near: &[u8; CLASSES], digits: u32) -> u64 {
        let classes = vector::classes(near);
        let span = classes.numbers.trailing_ones() as usize;
        // What goes on has as many digits as any.
        let count = if span < CLASSES { (digits & span_of(classes.numbers)).count_ones() as usize } else { CLASSES };
        bits &= self.by_count.get(count).copied().unwrap_or(u64::MAX);
        if bits & self.ipv4 != 0 && (classes.dots & span_of(digits | classes.dots)).count_ones() < 3 {
            bits &= !self.ipv4;
        }
        if bits & (self.ssn | self.phone) != 0 {
            let shape = Shape::new(digits, classes.numbers);
            if !may_be_ssn(&shape) {
                bits &= !self.ssn;
            }
            if !may_be_phone(&shape, near) {
                bits &= !self.phone;
            }
        }
        bits
    }
}

/// The lowest bits up to the first that is not set.
fn span_of(bits: u32) -> u32 {
    bits & !bits.wrapping_add(1)
}

/// Whether a social security number may be grouped so: a line may end inside its second and its third group.
fn may_be_ssn(shape: &Shape) -> bool {
    let groups: [&[u32]; 6] = [&[3, 2, 4], &[1, 1, 1, 1], &[3, 1, 1, 4], &[3, 2, 1, 3], &[3, 2, 2, 2], &[3, 2, 3, 1]];
    groups.iter().any(|sizes| shape.fits(0, sizes))
}

/// Whether a phone number that names no region may be grouped so.
fn may_be_phone(shape: &Shape, near: &[u8; CLASSES]) -> bool {
    // Office and line are sometimes written as one.
    let north_american = |first: usize| shape.fits(first, &[3, 3, 4]) || shape.fits(first, &[3, 7]);
    match near[0] {
        b'+' => true,
        b'(' => north_american(0),
        b'0' if near.starts_with(b"00") || near.starts_with(b"011") => true,
        first => {
            shape.fits(0, &[3, 3, 4])
                || shape.fits(0, &[1, 1, 1, 1])
                || (first == b'1' && ((shape.fits(0, &[1]) && north_american(1)) || shape.fits(0, &[4, 3, 4])))
        }
    }
}

/// Whether a value may begin with a run of so many digits and such a follower.
fn may_begin_with(detector: Detector, run: usize, follower: usize) -> bool {
    let gap = matches!(follower, 1 | 2);
    match detector {
        Detector::Card => (13..LONGEST).contains(&run) || (gap && matches!(run, 1 | 2 | 4 | 5 | 6 | 8 | 10 | 12)),
        Detector::UsSsn | Detector::UsItin => gap && matches!(run, 1 | 3),
        Detector::Ipv4 => (1..=3).contains(&run) && follower == 1,
        // Behind zeros it may be anything.
        Detector::Phone => follower != 0 && matches!(run, 1 | 3 | 4),
        Detector::PhoneNational(_) => follower != 0,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Step, find, windows};
    use super::*;
    use crate::engine::detect::Regions;

    fn detectors() -> Vec<Detector> {
        let regions =
            Regions::NONE.with("DE").and_then(|regions| regions.with("GB")?.with("LU")).map(Detector::PhoneNational);
        [Detector::Card, Detector::UsSsn, Detector::UsItin, Detector::Phone, Detector::PhoneAny, Detector::Ipv4]
            .into_iter()
            .chain(regions)
            .collect()
    }

    /// Texts of digits and what stands between them, some of them values.
    fn texts() -> Vec<String> {
        let mut state = 7_u64;
        let mut next = move |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below
        };
        let joints =
            ["", " ", "-", ".", "/", "_", "(", ")", ") ", " (", "+", "  ", " - ", "\n", "\t", "\u{a0}", ":", ",", "x"];
        let values = [
            "4111 1111 1111 1111",
            "4111111111111111",
            "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
            "3782 822463 10005",
            "078-05-1120",
            "0 7 8 0 5 1 1 2 0",
            "912-70-1234",
            "(212) 555-0123",
            "(212) 5550123",
            "1 (212) 555-0123",
            "1212-555-0123",
            "+12125550123",
            "+44 20 7946 0958",
            "0044 20 7946 0958",
            "011 44 20 7946 0958",
            "2 1 2 5 5 5 0 1 2 3",
            "030 901820",
            "45 67",
            "192.0.2.1",
            "203.0.113.255",
        ];
        (0..30_000)
            .map(|_| {
                let mut text = ["x ", "a", "+", "(", " ", "-"][next(6)].to_owned();
                match next(3) {
                    0 => text += values[next(values.len())],
                    1 => {
                        // A value with one of its characters replaced.
                        let value = values[next(values.len())];
                        let at = next(value.len());
                        let other = joints[next(joints.len())];
                        text += value.get(..at).unwrap_or(value);
                        text += other;
                        text += value.get(at + next(2)..).unwrap_or_default();
                    }
                    _ => {
                        for _ in 0..1 + next(7) {
                            for _ in 0..1 + next(5) {
                                text.push(char::from(b'0' + next(10) as u8));
                            }
                            text += joints[next(joints.len())];
                        }
                    }
                }
                text += [" and then some more text, all of it words", ".", "", " 12", "abc"][next(5)];
                text
            })
            .collect()
    }

    #[test]
    fn what_is_ruled_out_is_no_value() {
        let detectors = detectors();
        let mut numbers = Numbers::default();
        detectors.iter().enumerate().for_each(|(bit, detector)| numbers.add(*detector, 1 << bit));
        let (mut found, mut ruled_out) = (0, 0);
        for text in texts() {
            let bytes = text.as_bytes();
            for at in 1..bytes.len() {
                let allowed = numbers.allowed(bytes, at);
                for (bit, detector) in detectors.iter().enumerate() {
                    let holds = windows(*detector).iter().any(|window| {
                        window
                            .iter()
                            .enumerate()
                            .all(|(place, set)| bytes.get(at + place - 1).is_none_or(|byte| set.contains(*byte)))
                    });
                    if !holds {
                        continue;
                    }
                    for last in [false, true] {
                        match find(*detector, bytes, at, last) {
                            Step::None if allowed >> bit & 1 == 0 => ruled_out += 1,
                            Step::None => {}
                            step => {
                                found += 1;
                                assert!(allowed >> bit & 1 == 1, "{detector:?} at {at} of {text:?}: {step:?}");
                            }
                        }
                    }
                }
            }
        }
        assert!(found > 10_000 && ruled_out > 10_000, "{found} {ruled_out}");
    }
}
