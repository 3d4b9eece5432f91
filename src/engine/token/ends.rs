//! How texts ended to which a reader may add another: an address that begins in one may go on in the next.
//!
//! Enters: what stood at the end of texts, then the text behind them. Leaves: whether a value must not be written there, in
//! the eyes of any reader. What is over is forgotten. Where more is open at once than is kept, nothing is known any more,
//! and no value may be written at all.

use super::surroundings::Surroundings;

/// How many ends are kept at once.
const MOST: usize = 32;

/// How texts ended to which another may be added.
#[derive(Clone, Default, Debug)]
pub(crate) struct Ends {
    open: Vec<Surroundings>,
    /// There is more than is known.
    unknown: bool,
}

impl Ends {
    /// What may be anything.
    pub(crate) fn unknown() -> Self {
        Self { open: Vec::new(), unknown: true }
    }

    /// Whether nothing goes on.
    pub(crate) fn is_over(&self) -> bool {
        self.open.is_empty() && !self.unknown
    }

    /// Whether it may be anything, whatever is added.
    pub(crate) fn is_unknown(&self) -> bool {
        self.unknown
    }

    /// Adds what stood at the end of one more text.
    pub(super) fn add(&mut self, end: Surroundings) {
        if self.makes_room(&end) {
            self.open.push(end);
        }
    }

    /// Adds all of these.
    pub(crate) fn add_all(&mut self, others: &Self) {
        if others.unknown {
            *self = Self::unknown();
        }
        for end in &others.open {
            if self.makes_room(end) {
                self.open.push(end.clone());
            }
        }
    }

    /// Whether this one is to be added; where there is no room for it, nothing is known any more.
    fn makes_room(&mut self, end: &Surroundings) -> bool {
        if self.unknown || end.is_over() || self.open.contains(end) {
            return false;
        }
        if self.open.len() >= MOST {
            *self = Self::unknown();
            return false;
        }
        true
    }

    /// Goes over text that is added.
    pub(super) fn pass(&mut self, text: &[u8]) {
        for byte in text {
            if self.open.is_empty() {
                return;
            }
            self.open.retain_mut(|end| {
                end.step(*byte);
                !end.is_over()
            });
        }
    }

    /// Whether a value must not be written behind this text.
    pub(super) fn refuse(&self, text: &[u8]) -> bool {
        self.unknown || self.open.iter().any(|end| end.refuse_behind(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(text: &str) -> Surroundings {
        let mut end = Surroundings::new(true);
        end.pass(text.as_bytes());
        end
    }

    #[test]
    fn what_is_over_is_forgotten_and_what_is_too_much_refuses() {
        let mut ends = Ends::default();
        ends.add(end("It is so. "));
        assert!(ends.is_over());
        ends.add(end("https://a.example/?q="));
        ends.add(end("https://a.example/?q="));
        ends.add(end("evil.exam"));
        assert_eq!(ends.open.len(), 2);
        assert!(ends.refuse(b"") && ends.refuse(b"ple/") && !ends.refuse(b" "));
        ends.pass(b"ple/");
        assert!(ends.refuse(b""));
        ends.pass(b"x or ");
        assert!(ends.is_over() && !ends.refuse(b"it"));
        for at in 0..=MOST {
            assert!(!ends.refuse(b" "), "{at}");
            ends.add(end(&format!("word{at}")));
        }
        ends.pass(b" \n\n ");
        assert!(ends.refuse(b" "), "nobody knows what went before");
        let mut others = Ends::default();
        others.add_all(&ends);
        assert!(others.is_unknown() && !others.is_over());
    }

    #[test]
    fn as_many_as_are_kept_are_known() {
        for (count, known) in [(MOST - 1, true), (MOST, true), (MOST + 1, false)] {
            let (mut one_by_one, mut at_once) = (Ends::default(), Ends::default());
            for at in 0..count {
                let end = end(&format!("word{at}"));
                at_once.add_all(&Ends { open: vec![end.clone()], unknown: false });
                one_by_one.add(end);
            }
            for ends in [&one_by_one, &at_once] {
                assert_eq!((ends.is_unknown(), ends.refuse(b" ")), (!known, !known), "{count}");
                assert!(ends.refuse(b".example/"), "{count}");
            }
            // The same once more takes no room.
            one_by_one.add_all(&at_once);
            one_by_one.add(end("word0"));
            assert_eq!(one_by_one.is_unknown(), !known, "{count}");
        }
    }
}
