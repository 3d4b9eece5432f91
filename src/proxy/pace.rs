//! How fast a body comes, or is taken: one that drips holds its place as long as it likes, and never idles.
//!
//! Enters: the bytes that came and the time for which more were waited for. Leaves: whether a stretch of waiting brought too
//! few. Time in which nobody was ready to take more does not count against the sender.

use std::time::Duration;

/// The least that a body must bring while it is waited for, as Apache's `mod_reqtimeout` has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Pace {
    /// Bytes of a stretch.
    least: u64,
    /// The waiting that makes a stretch.
    stretch: Duration,
    /// What had come, and how long had been waited, where it began.
    came: u64,
    waited: Duration,
}

impl Pace {
    /// At least so many bytes per second, over stretches of so much waiting.
    pub(super) fn new(rate: u64, stretch: Duration) -> Self {
        let least = u128::from(rate) * stretch.as_millis() / 1000;
        Self { least: u64::try_from(least).unwrap_or(u64::MAX), stretch, came: 0, waited: Duration::ZERO }
    }

    /// The waiting that is left of the stretch.
    pub(super) fn left(&self, waited: Duration) -> Duration {
        (self.waited + self.stretch).saturating_sub(waited)
    }

    /// Whether a stretch is over that brought too little; the next one begins with its end.
    pub(super) fn is_slow(&mut self, came: u64, waited: Duration) -> bool {
        if !self.left(waited).is_zero() {
            return false;
        }
        let slow = came - self.came < self.least;
        (self.came, self.waited) = (came, waited);
        slow
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_of_waiting_must_bring_its_bytes() {
        let seconds = Duration::from_secs;
        for (brought, slow) in [(14_999, true), (15_000, false), (15_001, false)] {
            let mut pace = Pace::new(500, seconds(30));
            assert!(!pace.is_slow(0, seconds(29)) && pace.left(seconds(29)) == seconds(1));
            assert_eq!(pace.is_slow(brought, seconds(30)), slow, "{brought}");
            // What came before does not count for the next one.
            assert!(!pace.is_slow(brought, seconds(59)));
            assert!(pace.is_slow(brought + 14_999, seconds(61)));
        }
    }
}
