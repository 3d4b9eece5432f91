//! Windows put together into the few buckets that one pass has bits for.
//!
//! Enters: windows. Leaves: for each its bucket, so that buckets are hit rarely in usual text. How rare is estimated
//! from how often bytes occur in prose, JSON and logs; a bad estimate costs time, never a match.

use std::sync::LazyLock;

use super::super::byte_set::ByteSet;
use super::super::vector::{BANK, MANY, PLACES};
use super::window::Window;

/// Windows that are compared pair by pair; more are first put together by likeness.
const GROUPS: usize = 240;
/// What a bucket costs, in the hits that it saves a byte.
const WORTH: f64 = 0.0003;
/// What a hit costs beside a window that it is compared with.
const HIT: f64 = 4.0;

/// The weight of each set of eight neighbouring bytes, as a share of all.
static WEIGHTS: LazyLock<Vec<[f64; 256]>> = LazyLock::new(|| {
    let total: f64 = (0..=255).map(weight).sum();
    let of = |first: u8, set: usize| {
        (0..8).filter(|place| set >> place & 1 == 1).map(|place| weight(first + place)).sum::<f64>() / total
    };
    (0..32).map(|octet| std::array::from_fn(|set| of(octet * 8, set))).collect()
});

/// How often a byte stands in a text, in parts of ten thousand.
fn weight(byte: u8) -> f64 {
    const LETTERS: [f64; 26] = [
        560., 110., 210., 270., 800., 150., 140., 280., 500., 20., 80., 300., 180., 480., 510., 140., 15., 440., 460.,
        620., 200., 80., 120., 25., 130., 15.,
    ];
    match byte {
        b'a'..=b'z' => LETTERS.get(usize::from(byte - b'a')).copied().unwrap_or(1.),
        b'A'..=b'Z' => 4. + LETTERS.get(usize::from(byte - b'A')).copied().unwrap_or(1.) / 25.,
        b'0'..=b'9' => 150.,
        b' ' => 1500.,
        b'"' | b'.' | b',' => 130.,
        b':' | b'-' | b'/' | b'\n' => 70.,
        b'_' | b'=' | b'(' | b')' | b'\'' => 25.,
        0x80..=0xFF => 1.,
        _ => 12.,
    }
}

pub(super) fn share(set: &ByteSet) -> f64 {
    if *set == ByteSet::ALL {
        return 1.;
    }
    set.octets().zip(&*WEIGHTS).filter_map(|(octet, weights)| weights.get(usize::from(octet))).sum()
}

/// How often one of these bytes is met at a place of usual text; of a window's places the product. Neighbours are alike in
/// class, which the product of their shares leaves out, so letters behind letters count for more.
pub(super) fn met(set: &ByteSet) -> f64 {
    share(set).powf(0.8)
}

struct Group {
    union: Window,
    /// How often each place is met.
    met: [f64; PLACES],
    members: Vec<usize>,
}

impl Group {
    fn cost(met: &[f64; PLACES], members: usize) -> f64 {
        met.iter().product::<f64>() * (HIT + (members as f64).sqrt())
    }

    fn with(&self, other: &Self) -> (Window, [f64; PLACES]) {
        let mut union = self.union;
        let mut all_met = self.met;
        for place in 0..PLACES {
            if let (Some(own), Some(theirs), Some(slot)) =
                (union.get_mut(place), other.union.get(place), all_met.get_mut(place))
                && own != theirs
            {
                *own = own.union(theirs);
                *slot = met(own);
            }
        }
        (union, all_met)
    }

    fn added(&self, other: &Self) -> f64 {
        let (_, met) = self.with(other);
        Self::cost(&met, self.members.len() + other.members.len())
            - Self::cost(&self.met, self.members.len())
            - Self::cost(&other.met, other.members.len())
    }

    fn take(&mut self, other: Self) {
        (self.union, self.met) = self.with(&other);
        self.members.extend(other.members);
    }
}

/// The buckets of windows: their unions, and the windows of each. So many buckets are `taken` by others.
pub(super) fn buckets(windows: &[Window], taken: usize) -> Vec<(Window, Vec<usize>)> {
    let mut order: Vec<usize> = (0..windows.len()).collect();
    order.sort_by_key(|index| windows.get(*index));
    let mut groups: Vec<Group> = Vec::new();
    for index in order {
        let Some(window) = windows.get(index) else { continue };
        match groups.last_mut() {
            Some(last) if last.union == *window => last.members.push(index),
            _ => groups.push(Group {
                union: *window,
                met: std::array::from_fn(|place| window.get(place).map_or(1., met)),
                members: vec![index],
            }),
        }
    }
    // Neighbours in the order of their bytes are alike: too many are first taken together with the one before.
    while groups.len() > GROUPS {
        let mut costs: Vec<(f64, usize)> = groups
            .windows(2)
            .enumerate()
            .filter_map(|(at, pair)| Some((pair.first()?.added(pair.last()?), at)))
            .collect();
        costs.sort_by(|one, other| one.0.total_cmp(&other.0));
        costs.truncate((groups.len() - GROUPS).div_ceil(2).max(1));
        let mut chosen: Vec<usize> = costs.into_iter().map(|(_, at)| at).collect();
        chosen.sort_unstable();
        // Of two pairs that share a group, only the first.
        let mut last = None;
        chosen.retain(|at| {
            let apart = last.is_none_or(|last| *at > last + 1);
            if apart {
                last = Some(*at);
            }
            apart
        });
        for at in chosen.into_iter().rev() {
            let other = groups.remove(at + 1);
            if let Some(group) = groups.get_mut(at) {
                group.take(other);
            }
        }
    }
    let mut added: Vec<Vec<f64>> = groups
        .iter()
        .enumerate()
        .map(|(at, group)| groups.iter().take(at).map(|other| group.added(other)).collect())
        .collect();
    // Every bank costs as much as the first, so it must be worth it.
    while groups.len() > 1 {
        let mut best = (f64::INFINITY, 0, 0);
        for (one, row) in added.iter().enumerate() {
            for (other, cost) in row.iter().enumerate() {
                if *cost < best.0 {
                    best = (*cost, one, other);
                }
            }
        }
        let (cost, one, other) = best;
        let room = groups.len() + taken <= BANK;
        if room || (groups.len() + taken <= MANY && cost > WORTH) {
            break;
        }
        let group = groups.remove(one);
        added.remove(one);
        added.iter_mut().skip(one).for_each(|row| {
            row.remove(one);
        });
        if let Some(target) = groups.get_mut(other) {
            target.take(group);
        }
        for at in 0..groups.len() {
            let (low, high) = (at.min(other), at.max(other));
            if low == high {
                continue;
            }
            if let (Some(first), Some(second)) = (groups.get(high), groups.get(low)) {
                let cost = first.added(second);
                if let Some(slot) = added.get_mut(high).and_then(|row| row.get_mut(low)) {
                    *slot = cost;
                }
            }
        }
    }
    groups.into_iter().map(|group| (group.union, group.members)).collect()
}
