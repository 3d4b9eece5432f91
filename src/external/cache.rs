//! Verdicts that are remembered: by a keyed hash of everything that was asked, never by what it said.
//!
//! Enters: a question's parts. Leaves: the verdict of the same question, while it holds. Bounded in number and in time; the
//! oldest goes first. The key is the process's own, so that the hashes tell nothing to who can read its memory's image
//! elsewhere. Of content only places are kept.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::Verdict;

/// Findings of a verdict that is remembered.
const MOST_SPANS: usize = 256;

/// What a question is known by.
pub type Fingerprint = [u8; 32];

/// The verdicts of one service.
pub struct Cache {
    most: usize,
    ttl: Duration,
    key: [u8; 32],
    known: HashMap<Fingerprint, (Verdict, Instant)>,
    order: VecDeque<(Fingerprint, Instant)>,
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cache({} verdicts)", self.known.len())
    }
}

impl Cache {
    /// Empty; for this many verdicts, each for this long.
    #[must_use]
    pub fn new(most: usize, ttl: Duration, key: [u8; 32]) -> Self {
        Self { most, ttl, key, known: HashMap::new(), order: VecDeque::new() }
    }

    /// What a question of these parts is known by. Where one ends and the next begins counts.
    #[must_use]
    pub fn fingerprint<'a>(&self, parts: impl IntoIterator<Item = &'a [u8]>) -> Fingerprint {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// The verdict of a question, if it still holds.
    #[must_use]
    pub fn verdict(&self, of: &Fingerprint, now: Instant) -> Option<Verdict> {
        self.known.get(of).filter(|(_, until)| now < *until).map(|(verdict, _)| verdict.clone())
    }

    /// Remembers a verdict.
    pub fn keep(&mut self, of: Fingerprint, verdict: &Verdict, now: Instant) {
        if self.most == 0 || matches!(verdict, Verdict::Redact(spans) if spans.len() > MOST_SPANS) {
            return;
        }
        let until = now + self.ttl;
        self.known.insert(of, (verdict.clone(), until));
        self.order.push_back((of, until));
        while let Some((oldest, ends)) = self.order.front().copied() {
            if self.known.len() <= self.most && ends > now && self.order.len() <= self.most.saturating_mul(2) {
                break;
            }
            self.order.pop_front();
            // A younger verdict of the same question stays.
            if self.known.get(&oldest).is_some_and(|(_, until)| *until == ends) {
                self.known.remove(&oldest);
            }
        }
    }

    /// Forgets everything: the service judges by other rules now.
    pub fn clear(&mut self) {
        self.known.clear();
        self.order.clear();
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a test needs one moment to count from")]
mod tests {
    use super::*;

    #[test]
    fn verdicts_hold_for_their_time_and_the_oldest_goes_first() {
        let at = Instant::now();
        let mut cache = Cache::new(2, Duration::from_secs(10), [7; 32]);
        let [a, b, c] = [&b"a"[..], b"b", b"c"].map(|part| cache.fingerprint([part]));
        cache.keep(a, &Verdict::Block, at);
        cache.keep(b, &Verdict::Allow, at + Duration::from_secs(1));
        assert_eq!(cache.verdict(&a, at + Duration::from_secs(9)), Some(Verdict::Block));
        assert_eq!(cache.verdict(&a, at + Duration::from_secs(10)), None);
        cache.keep(a, &Verdict::Allow, at + Duration::from_secs(2));
        cache.keep(c, &Verdict::Allow, at + Duration::from_secs(3));
        let now = at + Duration::from_secs(3);
        let held = [a, b, c].map(|one| cache.verdict(&one, now).is_some());
        assert_eq!(held, [true, false, true], "b was the oldest");
        cache.clear();
        assert_eq!(cache.verdict(&c, now), None);
    }

    #[test]
    fn nothing_grows_without_bound() {
        let at = Instant::now();
        let mut cache = Cache::new(3, Duration::from_secs(10), [7; 32]);
        let same = cache.fingerprint([&b"same"[..]]);
        for round in 0..100_u32 {
            let other = cache.fingerprint([&round.to_be_bytes()[..]]);
            cache.keep(same, &Verdict::Allow, at + Duration::from_millis(u64::from(round)));
            cache.keep(other, &Verdict::Allow, at + Duration::from_millis(u64::from(round)));
            assert!(cache.known.len() <= 3 && cache.order.len() <= 6);
        }
        let mut off = Cache::new(0, Duration::from_secs(10), [7; 32]);
        off.keep(same, &Verdict::Block, at);
        assert_eq!(off.verdict(&same, at), None);
    }

    #[test]
    fn parts_are_told_apart_and_the_key_counts() {
        let cache = Cache::new(1, Duration::from_secs(1), [7; 32]);
        assert_ne!(cache.fingerprint([&b"ab"[..], b"c"]), cache.fingerprint([&b"a"[..], b"bc"]));
        let other = Cache::new(1, Duration::from_secs(1), [8; 32]);
        assert_ne!(cache.fingerprint([&b"ab"[..]]), other.fingerprint([&b"ab"[..]]));
    }
}
