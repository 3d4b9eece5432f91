#![allow(clippy::unwrap_used, reason = "a panic here is a failed test")]

use super::super::byte_set::ByteSet;
use super::*;

/// A generator of its own, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }
}

fn all(tables: &Tables, text: &[u8], from: usize, without: usize) -> Vec<Hit> {
    let (mut hits, mut found, mut at) = (Hits::new(), Vec::new(), from);
    let to = (text.len() + 1).saturating_sub(AHEAD);
    while at < to {
        at = tables.scan(text, (at, to), without, &mut hits);
        found.extend_from_slice(hits.as_slice());
    }
    found
}

fn buckets(random: &mut Random, count: usize) -> Vec<[ByteSet; PLACES]> {
    let sets = |random: &mut Random| {
        [(); PLACES].map(|()| match random.next() % 5 {
            0 => ByteSet::ALL,
            1 => ByteSet::new(|byte| byte.is_ascii_digit()),
            2 => ByteSet::new(|byte| !byte.is_ascii_alphanumeric()),
            3 => {
                let one = random.next() as u8;
                ByteSet::new(|byte| byte == one)
            }
            _ => {
                let mask = random.next() as u8;
                ByteSet::new(|byte| byte & mask == mask & 0x55)
            }
        })
    };
    (0..count).map(|_| sets(random)).collect()
}

/// Every form on every alignment of random text gives the hits of the scalar form, which are the definition's.
#[test]
fn every_form_finds_the_same() {
    let mut random = Random(7);
    for round in 0..300 {
        let count = 1 + random.next() as usize % if round % 3 == 0 { MANY } else { 16 };
        let buckets = buckets(&mut random, count);
        let length = random.next() as usize % 700;
        let ascii = random.next().is_multiple_of(2);
        let text: Vec<u8> = (0..length)
            .map(|_| match random.next() % 4 {
                0 => b'0' + (random.next() % 10) as u8,
                1 => b'a' + (random.next() % 26) as u8,
                2 if ascii => b' ',
                _ if ascii => (random.next() % 128) as u8,
                _ => random.next() as u8,
            })
            .collect();
        let listed: Vec<[u8; AHEAD]> =
            (0..random.next() % 40).map(|_| [(); AHEAD].map(|()| b'a' + (random.next() % 26) as u8)).collect();
        let sequences = || {
            let mut sequences = Sequences::default();
            for (number, near) in listed.iter().enumerate() {
                match number % 2 {
                    0 => sequences.add_four(kinds(*near), number % 4 == 0),
                    _ => sequences.add_three(kinds(*near), number % 4 == 1),
                }
            }
            (sequences, 1_u64.checked_shl(count.next_multiple_of(BANK) as u32).unwrap_or(0))
        };
        let scalar = Tables::with_form(&buckets, sequences(), Form::Scalar);
        for from in [0, 1, 2, 63, 64, 65, 130] {
            let wanted = all(&scalar, &text, from, 0);
            for hit in &wanted {
                let place = |place: usize, set: &ByteSet| {
                    (hit.at as usize + place).checked_sub(1).is_none_or(|at| set.contains(text[at]))
                };
                let holds = |sets: &[ByteSet; PLACES]| sets.iter().enumerate().all(|(at, set)| place(at, set));
                let bits = buckets.iter().enumerate().filter(|(_, sets)| holds(sets)).map(|(bit, _)| 1_u64 << bit);
                let own = u64::MAX.checked_shr(u64::BITS - count as u32).unwrap_or(0);
                assert_eq!(bits.sum::<u64>(), hit.buckets & own, "round {round}");
            }
            for form in Form::available() {
                let tables = Tables::with_form(&buckets, sequences(), form);
                assert_eq!(all(&tables, &text, from, 0), wanted, "round {round}, {form:?} from {from} of {length}");
                let without = count.div_ceil(BANK).min(1 + round % 2);
                let counted = u64::MAX.checked_shl((BANK * without) as u32).unwrap_or(0);
                let left: Vec<Hit> = wanted
                    .iter()
                    .map(|hit| Hit { buckets: hit.buckets & counted, ..*hit })
                    .filter(|hit| hit.buckets != 0)
                    .collect();
                assert_eq!(all(&tables, &text, from, without), left, "round {round}, {form:?} without {without} banks");
            }
        }
    }
}
