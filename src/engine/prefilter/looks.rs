//! Second looks: targets whose windows are met often and which tell most of those places apart by themselves.
//!
//! Enters: the entries of detectors of numbers and addresses, of encoded characters and of encoded runs. Leaves: their
//! windows for the pass, and for a hit the buckets that are left over. The detectors of numbers share what the pass looks
//! for; which of them are left is told by the number's shape, in buckets of their own that the pass never hits.

use super::super::detect::{self, Numbers};
use super::super::rule::Detector;
use super::super::vector::Hit;
use super::super::view::{self, Beginning, Blob, Parsed};
use super::window::widen;
use super::{Entry, Target, Window};

/// What has a second look, before its buckets are known.
pub(super) struct Plan {
    /// What the pass looks for on account of numbers.
    numbers: Vec<Window>,
    /// The detectors of numbers and their entries.
    detectors: Vec<(Detector, Vec<usize>)>,
    /// Others, with their entries.
    others: Vec<(Target, Window, Vec<usize>)>,
}

/// The second looks: for each kind of target the bits of its buckets.
#[derive(Default)]
pub(super) struct Looks {
    hit_numbers: u64,
    numbers: Numbers,
    ipv6: u64,
    mac: u64,
    base64: u64,
    hex: u64,
    encoded: u64,
    /// All of them.
    all: u64,
}

/// Whether a target tells by itself most of the places where its window holds.
pub(super) fn has_look(target: Target) -> bool {
    match target {
        Target::Detector(detector) => Numbers::is_one(detector) || matches!(detector, Detector::Ipv6 | Detector::Mac),
        Target::Encoded | Target::Blob(_) => true,
        Target::Runs | Target::Digits | Target::Grams | Target::LongRuns | Target::Rule { .. } => false,
    }
}

impl Plan {
    pub(super) fn new(ids: &[usize], entries: &[Entry]) -> Self {
        let mut plan = Self { numbers: Vec::new(), detectors: Vec::new(), others: Vec::new() };
        for (id, entry) in ids.iter().filter_map(|id| Some((*id, entries.get(*id)?))) {
            match entry.target {
                Target::Detector(detector) if Numbers::is_one(detector) => {
                    plan.numbers.push(entry.window);
                    match plan.detectors.iter_mut().find(|(known, _)| *known == detector) {
                        Some((_, own)) => own.push(id),
                        None => plan.detectors.push((detector, vec![id])),
                    }
                }
                // Signs of encodings are few in a text: one bucket does for all of them but `=` and `<`.
                Target::Encoded => {
                    let kind = |window: &Window| {
                        window.get(1).map(|first| {
                            (first.contains(b'='), first.contains(b'<'), first.bytes().all(|byte| byte.is_ascii()))
                        })
                    };
                    let own = kind(&entry.window);
                    let alike = |(target, window, _): &&mut (Target, Window, Vec<usize>)| {
                        *target == Target::Encoded && kind(window) == own
                    };
                    match plan.others.iter_mut().find(alike) {
                        Some((_, window, ids)) => {
                            let mut union = Some(*window);
                            widen(&mut union, &entry.window);
                            *window = union.unwrap_or(entry.window);
                            ids.push(id);
                        }
                        None => plan.others.push((entry.target, entry.window, vec![id])),
                    }
                }
                target => plan.others.push((target, entry.window, vec![id])),
            }
        }
        plan.numbers.sort_unstable();
        plan.numbers.dedup();
        let within = |one: &Window, other: &Window| {
            one != other && one.iter().zip(other).all(|(one, other)| one.union(other) == *other)
        };
        let all = plan.numbers.clone();
        plan.numbers.retain(|window| !all.iter().any(|other| within(window, other)));
        plan
    }

    /// How many buckets it takes.
    pub(super) fn buckets(&self) -> usize {
        self.numbers.len() + self.detectors.len() + self.others.len()
    }

    /// Puts the buckets of the pass behind those that are there, then those that it never hits.
    pub(super) fn seal(self, groups: &mut Vec<(Option<Window>, Vec<usize>)>) -> Looks {
        let mut looks = Looks::default();
        let mut put = |window, ids| {
            groups.push((window, ids));
            1_u64.checked_shl(groups.len() as u32 - 1).unwrap_or(0)
        };
        for window in self.numbers {
            looks.hit_numbers |= put(Some(window), Vec::new());
        }
        for (target, window, ids) in self.others {
            let bits = put(Some(window), ids);
            looks.all |= bits;
            match target {
                Target::Detector(Detector::Ipv6) => looks.ipv6 |= bits,
                Target::Detector(_) => looks.mac |= bits,
                Target::Blob(Blob::Base64) => looks.base64 |= bits,
                Target::Blob(Blob::Hex) => looks.hex |= bits,
                _ => looks.encoded |= bits,
            }
        }
        for (detector, ids) in self.detectors {
            looks.numbers.add(detector, put(None, ids));
        }
        looks.all |= looks.hit_numbers;
        looks
    }
}

impl Looks {
    /// The bits that the pass hits on account of numbers.
    pub(super) fn hit_numbers(&self) -> u64 {
        self.hit_numbers
    }

    /// The hit without what a second look rules out.
    #[inline]
    pub(super) fn at(&self, text: &[u8], hit: Hit) -> Hit {
        let mut buckets = hit.buckets;
        if buckets & self.all == 0 {
            return hit;
        }
        let at = hit.at as usize;
        if buckets & self.hit_numbers != 0 {
            buckets = buckets & !self.hit_numbers | self.numbers.allowed(text, at);
        }
        if buckets & self.ipv6 != 0 && !detect::may_be_ipv6(text, at) {
            buckets &= !self.ipv6;
        }
        if buckets & self.base64 != 0 && Blob::Base64.begins(text, at, false) == Beginning::No {
            buckets &= !self.base64;
        }
        if buckets & self.hex != 0 && Blob::Hex.begins(text, at, false) == Beginning::No {
            buckets &= !self.hex;
        }
        if buckets & self.encoded != 0 && view::parse(text, at, false) == Parsed::None {
            buckets &= !self.encoded;
        }
        if buckets & self.mac != 0 && !detect::may_be_mac(text, at) {
            buckets &= !self.mac;
        }
        Hit { buckets, ..hit }
    }
}
