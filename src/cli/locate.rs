//! Offsets of a text in, lines and columns out, while the text streams by.
//!
//! The last stretch of the text is kept, so that a finding that is decided late still has its place: as much as the
//! rules may hold back, and no more.

/// A place in a text; everything from 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Place {
    /// The line.
    pub(super) line: u64,
    /// The column in bytes.
    pub(super) column: u64,
    /// The column in characters.
    pub(super) character: u64,
}

impl Place {
    const START: Self = Self { line: 1, column: 1, character: 1 };

    /// The place after `text`.
    fn after(mut self, text: &[u8]) -> Self {
        for byte in text {
            match byte {
                b'\n' => self = Self { line: self.line + 1, ..Self::START },
                // Continuation bytes of UTF-8 belong to the character before them.
                0x80..=0xbf => self.column += 1,
                _ => {
                    self.column += 1;
                    self.character += 1;
                }
            }
        }
        self
    }
}

/// Finds places in a text that is fed to it.
#[derive(Debug)]
pub(super) struct Locator {
    /// The last bytes of the text.
    tail: Vec<u8>,
    /// Where the tail begins.
    start: (u64, Place),
    /// The last place that was asked for: the next one is mostly after it.
    last: (u64, Place),
    /// How much is kept.
    reach: usize,
}

impl Locator {
    /// A locator that knows places at least `reach` bytes back.
    pub(super) fn new(reach: usize) -> Self {
        Self { tail: Vec::new(), start: (0, Place::START), last: (0, Place::START), reach }
    }

    /// How far back places are known at least.
    pub(super) fn reach(&self) -> usize {
        self.reach
    }

    /// Takes the next bytes of the text.
    pub(super) fn feed(&mut self, text: &[u8]) {
        // Moved rarely: only when as much can be dropped as is kept.
        if self.tail.len() > 2 * self.reach + text.len() {
            let drop = self.tail.len() - self.reach;
            let gone: Vec<u8> = self.tail.drain(..drop).collect();
            self.start = (self.start.0 + drop as u64, self.start.1.after(&gone));
            if self.last.0 < self.start.0 {
                self.last = self.start;
            }
        }
        self.tail.extend_from_slice(text);
    }

    /// The place of the byte at `offset`; the nearest one known where it is too far back.
    pub(super) fn place(&mut self, offset: u64) -> Place {
        let from = if offset >= self.last.0 { self.last } else { self.start };
        let index = |offset: u64| usize::try_from(offset.saturating_sub(self.start.0)).unwrap_or(usize::MAX);
        let stretch = self.tail.get(index(from.0)..index(offset).min(self.tail.len())).unwrap_or_default();
        let place = from.1.after(stretch);
        self.last = (from.0 + stretch.len() as u64, place);
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_from_one_in_any_chunking() {
        let text = "é = 1\n\nlast lïne".as_bytes();
        let wanted = [(0, (1, 1, 1)), (2, (1, 3, 2)), (7, (2, 1, 1)), (8, (3, 1, 1)), (16, (3, 9, 8))];
        for size in 1..=text.len() {
            let mut locator = Locator::new(64);
            text.chunks(size).for_each(|piece| locator.feed(piece));
            for (offset, (line, column, character)) in wanted {
                assert_eq!(locator.place(offset), Place { line, column, character }, "{offset} by {size}");
            }
            assert_eq!(locator.place(0), Place::START);
        }
    }

    #[test]
    fn the_tail_is_bounded_and_counts_go_on() {
        let mut locator = Locator::new(10);
        for _ in 0..1000 {
            locator.feed(b"1234567\n");
            assert!(locator.tail.len() <= 36);
        }
        assert_eq!(locator.place(7999), Place { line: 1000, column: 8, character: 8 });
        assert!(locator.place(0).line > 990, "the nearest place that is known");
    }
}
