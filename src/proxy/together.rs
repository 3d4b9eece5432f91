//! Pieces of an answer that come without a pause leave as one.
//!
//! Enters: pieces that may leave, and that nothing more has come. Leaves: the same bytes in fewer pieces, and whether the
//! other tasks are to have a turn first. Holds *Promptness* by never waiting for a clock, and *Bound* by [`TOGETHER`].

use bytes::Bytes;

/// Pieces that may leave are put together up to this size, while more comes without a pause.
const TOGETHER: usize = 16 << 10;
/// A turn of a connection's task asks so often for the next piece: hyper's HTTP/1.1 asks again once it has flushed.
const ASKS: u8 = 2;
/// After so many pieces that nothing followed at once, none waits for another; then it is tried again.
const APART: u8 = 31;

/// Pieces that leave as one: hyper hands over a chunk at a time, and each that is sent by itself costs a record and a
/// system call. A piece waits for one turn of the other tasks, never for a clock, and only where that has been of use.
#[derive(Default)]
pub(super) struct Together {
    bytes: Vec<u8>,
    /// How often it was asked for since the last piece.
    asked: u8,
    /// Pieces that leave at once before one waits again, and how many it was last time.
    apart: u8,
    last_apart: u8,
}

impl Together {
    /// Adds a piece; gives all of them where they are not to wait.
    pub(super) fn add(&mut self, piece: Bytes) -> Option<Bytes> {
        if self.bytes.is_empty() && (self.apart > 0 || piece.len() >= TOGETHER) {
            self.apart = self.apart.saturating_sub(1);
            return Some(piece);
        }
        if self.asked > 0 {
            self.last_apart = 0;
        }
        self.asked = 0;
        self.bytes.extend_from_slice(&piece);
        (self.bytes.len() >= TOGETHER).then(|| self.take())
    }

    /// Whether nothing is put together.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// What there is.
    pub(super) fn take(&mut self) -> Bytes {
        self.asked = 0;
        std::mem::take(&mut self.bytes).into()
    }

    /// Nothing more has come: whether the other tasks are to have a turn first.
    pub(super) fn waits(&mut self) -> bool {
        if self.bytes.is_empty() {
            return false;
        }
        if self.asked == ASKS {
            self.last_apart = (2 * self.last_apart + 1).min(APART);
            self.apart = self.last_apart;
            return false;
        }
        self.asked += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(length: usize) -> Bytes {
        vec![b'x'; length].into()
    }

    #[test]
    fn what_comes_in_one_turn_leaves_as_one() {
        let mut together = Together::default();
        for _ in 0..3 {
            assert!(together.add(piece(10)).is_none());
            assert!(together.waits());
        }
        assert!(together.waits());
        assert!(!together.waits(), "nothing has followed in a turn of the others");
        assert_eq!(together.take().len(), 30);
        assert!(!together.waits() && together.is_empty());
    }

    #[test]
    fn no_more_than_the_bound_is_put_together() {
        let mut together = Together::default();
        assert_eq!(together.add(piece(TOGETHER)).map(|out| out.len()), Some(TOGETHER));
        assert!(together.add(piece(TOGETHER - 1)).is_none());
        assert_eq!(together.add(piece(1)).map(|out| out.len()), Some(TOGETHER));
        assert!(together.is_empty());
    }

    #[test]
    fn where_nothing_follows_pieces_leave_at_once_until_it_is_tried_again() {
        let mut together = Together::default();
        for apart in [1, 3, 7, 15, 31, 31] {
            assert!(together.add(piece(1)).is_none());
            assert!(together.waits() && together.waits() && !together.waits());
            assert_eq!(together.take().len(), 1);
            for _ in 0..apart {
                assert!(together.add(piece(1)).is_some());
            }
        }
        assert!(together.add(piece(1)).is_none() && together.waits());
        assert!(together.add(piece(1)).is_none(), "something has followed");
        assert!(together.waits() && together.waits() && !together.waits());
        together.take();
        assert!(together.add(piece(1)).is_some());
        assert!(together.add(piece(1)).is_none());
    }
}
