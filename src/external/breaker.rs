//! When a service that fails is left alone: closed, open, half-open. Time is an argument.
//!
//! Enters: what became of each question. Leaves: whether the next may be asked. After a number of failures in a row nothing
//! is asked for a while; then one question is, and its outcome decides.

use std::time::{Duration, Instant};

/// The breaker of one service.
#[derive(Debug)]
pub struct Breaker {
    most: u32,
    cool_down: Duration,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Questions are asked; so many failed in a row.
    Closed(u32),
    /// None is asked before this time.
    Open(Instant),
    /// One is being asked.
    HalfOpen,
}

impl Breaker {
    /// Closed; it opens after this many failures in a row, for this long.
    #[must_use]
    pub fn new(failures: u32, cool_down: Duration) -> Self {
        Self { most: failures.max(1), cool_down, state: State::Closed(0) }
    }

    /// Whether a question may be asked now. One that was let through must be told of with [`Breaker::settle`].
    pub fn admits(&mut self, now: Instant) -> bool {
        match self.state {
            State::Closed(_) => true,
            State::Open(until) if now >= until => {
                self.state = State::HalfOpen;
                true
            }
            State::Open(_) | State::HalfOpen => false,
        }
    }

    /// What became of a question: well or not, or nothing, where nobody waited for the answer.
    pub fn settle(&mut self, well: Option<bool>, now: Instant) {
        self.state = match (self.state, well) {
            (State::HalfOpen | State::Closed(_), Some(true)) => State::Closed(0),
            (State::Closed(failed), Some(false)) if failed + 1 < self.most => State::Closed(failed + 1),
            (State::HalfOpen | State::Closed(_), Some(false)) => State::Open(now + self.cool_down),
            // The next one may try.
            (State::HalfOpen, None) => State::Open(now),
            // A straggler's outcome tells nothing of now.
            (state @ (State::Open(_) | State::Closed(_)), _) => state,
        };
    }

    /// 0 closed, 1 half-open, 2 open.
    #[must_use]
    pub fn level(&self) -> i64 {
        match self.state {
            State::Closed(_) => 0,
            State::HalfOpen => 1,
            State::Open(_) => 2,
        }
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a test needs one moment to count from")]
mod tests {
    use super::*;

    #[test]
    fn it_opens_after_failures_in_a_row_and_one_question_decides() {
        let at = Instant::now();
        let later = at + Duration::from_secs(30);
        let mut breaker = Breaker::new(3, Duration::from_secs(30));
        for well in [false, false, true, false, false] {
            assert!(breaker.admits(at));
            breaker.settle(Some(well), at);
            assert_eq!(breaker.level(), 0);
        }
        breaker.settle(Some(false), at);
        assert_eq!(breaker.level(), 2);
        assert!(!breaker.admits(later - Duration::from_nanos(1)));
        assert!(breaker.admits(later) && !breaker.admits(later), "one at a time");
        assert_eq!(breaker.level(), 1);
        breaker.settle(Some(false), later);
        assert!(!breaker.admits(later + Duration::from_secs(29)));
        assert!(breaker.admits(later + Duration::from_secs(30)));
        breaker.settle(Some(true), later);
        assert_eq!(breaker.level(), 0);
    }

    #[test]
    fn a_question_that_nobody_waits_for_does_not_hold_the_door() {
        let at = Instant::now();
        let mut breaker = Breaker::new(1, Duration::from_secs(1));
        breaker.settle(Some(false), at);
        let later = at + Duration::from_secs(1);
        assert!(breaker.admits(later));
        breaker.settle(None, later);
        assert!(breaker.admits(later), "the next one may try");
        // A straggler from before says nothing while it is open.
        breaker.settle(Some(false), later);
        breaker.settle(Some(true), later);
        assert_eq!(breaker.level(), 2);
    }
}
