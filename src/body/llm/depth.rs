//! Where the arguments of a tool call stand that come piece by piece.
//!
//! Enters: JSON in any pieces. Leaves: whether its outermost object or array has closed. What is no JSON has no end here.

/// Where a JSON text stands that comes piece by piece.
#[derive(Default)]
pub(super) struct Depth {
    open: usize,
    /// Whether it begins like one; none before it has begun.
    begun: Option<bool>,
    in_string: bool,
    escaped: bool,
}

impl Depth {
    /// Takes more of it; whether its outermost object or array closes in this piece.
    pub(super) fn take(&mut self, text: &[u8]) -> bool {
        let mut closes = false;
        for byte in text {
            if self.begun.is_none() && !byte.is_ascii_whitespace() {
                self.begun = Some(matches!(byte, b'{' | b'['));
            }
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_string => self.escaped = true,
                b'"' => self.in_string = !self.in_string,
                _ if self.in_string => {}
                b'{' | b'[' => self.open += 1,
                b'}' | b']' => {
                    self.open = self.open.saturating_sub(1);
                    closes |= self.begun == Some(true) && self.open == 0;
                }
                _ => {}
            }
        }
        closes
    }

    /// Whether it is the beginning of an object or array, or nothing yet.
    pub(super) fn is_unfinished(&self) -> bool {
        self.begun.is_none() || self.begun == Some(true) && self.open > 0
    }

    /// Whether it is a whole object or array.
    pub(super) fn is_whole(&self) -> bool {
        self.begun == Some(true) && self.open == 0
    }
}
