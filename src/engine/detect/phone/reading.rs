//! Digits in groups, and what people put between the groups of a phone number.

use super::super::gap::single;
use super::super::{Separator, separator};

/// Most digits of a reading.
pub(super) const MOST_DIGITS: usize = 18;
/// Most bytes from a reading's beginning to the beginning of its last group.
pub(super) const WINDOW: usize = 120;
/// Most bytes of a joint: a bracket, two spaces, a dash, a line break and its indent, a bracket.
pub(super) const JOINT: usize = 1 + 2 * 3 + 3 + 2 * 3 + 2 + INDENT + 1;
/// Most bytes of white space that begin a line within a number.
const INDENT: usize = 16;

/// What stands between two groups.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// A bracket alone.
    Bracket,
    /// One space of any width.
    Space,
    /// A hyphen or dash.
    Dash,
    /// `.`
    Dot,
    /// `/`
    Slash,
    /// `_`
    Underscore,
    /// Two spaces.
    Spaces,
    /// A dash with spaces around it.
    SpacedDash,
    /// A line break, after a dash or not.
    Break,
}

impl Kind {
    /// Whether it often stands between two numbers as well.
    pub(super) fn is_weak(self) -> bool {
        matches!(self, Self::Spaces | Self::SpacedDash | Self::Break)
    }
}

/// A separator with the brackets beside it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Joint {
    pub(super) kind: Kind,
    /// A bracket ends before it.
    pub(super) closes: bool,
    /// A bracket begins after it.
    pub(super) opens: bool,
}

/// The text ends too early to tell.
#[derive(Clone, Copy, Debug)]
pub(super) struct More;

/// Digits read so far.
pub(super) struct Reading<'text> {
    text: &'text [u8],
    start: usize,
    last: bool,
    /// The next byte.
    pub(super) at: usize,
    digits: [u8; MOST_DIGITS],
    count: usize,
    groups: [u8; MOST_DIGITS],
    kinds: [Kind; MOST_DIGITS],
    group_count: usize,
}

impl<'text> Reading<'text> {
    /// Begins at `at`; `start` is where the number begins, with its plus.
    pub(super) fn new(text: &'text [u8], start: usize, at: usize, last: bool) -> Self {
        let (digits, groups, kinds) = ([0; MOST_DIGITS], [0; MOST_DIGITS], [Kind::Bracket; MOST_DIGITS]);
        Self { text, start, last, at, digits, count: 0, groups, kinds, group_count: 0 }
    }

    pub(super) fn digits(&self) -> &[u8] {
        self.digits.get(..self.count).unwrap_or_default()
    }

    /// Sizes of the groups.
    pub(super) fn groups(&self) -> &[u8] {
        self.groups.get(..self.group_count).unwrap_or_default()
    }

    /// What stands before each group but the first.
    pub(super) fn kinds(&self) -> &[Kind] {
        self.kinds.get(..self.group_count.saturating_sub(1)).unwrap_or_default()
    }

    /// Whether all joints are of this kind.
    pub(super) fn only(&self, kind: Kind) -> bool {
        self.kinds().iter().all(|known| *known == kind)
    }

    /// Whether so many digits and a blank stand before the number.
    pub(super) fn follows_word(&self, digits: usize) -> bool {
        let head = self.text.get(self.start.saturating_sub(digits + 1)..self.start).unwrap_or_default();
        head.len() > digits && head.strip_suffix(b" ").is_some_and(|head| head.iter().all(u8::is_ascii_digit))
    }

    /// Where the digits end that stand together behind the number's plus.
    pub(super) fn first_piece(&self) -> usize {
        self.start + 1 + usize::from(self.groups().first().copied().unwrap_or_default())
    }

    /// The byte at a place; nothing at the text's end.
    pub(super) fn peek(&self, at: usize) -> Result<Option<u8>, More> {
        match self.text.get(at) {
            None if !self.last => Err(More),
            byte => Ok(byte.copied()),
        }
    }

    /// Takes a byte if it is the wanted one.
    pub(super) fn take(&mut self, wanted: u8) -> Result<bool, More> {
        let found = self.peek(self.at)? == Some(wanted);
        self.at += usize::from(found);
        Ok(found)
    }

    /// Reads a run of digits; its size is 0 where there are none, or too many.
    pub(super) fn group(&mut self) -> Result<u8, More> {
        let mut size = 0;
        while let Some(digit) = self.peek(self.at)?.filter(u8::is_ascii_digit) {
            let Some(slot) = self.digits.get_mut(self.count) else { return Ok(0) };
            *slot = digit - b'0';
            self.count += 1;
            size += 1;
            self.at += 1;
        }
        if let Some(slot) = self.groups.get_mut(self.group_count).filter(|_| size > 0) {
            *slot = size;
            self.group_count += 1;
        }
        Ok(size)
    }

    /// Forgets the last digit: a trunk zero in brackets, which is not dialled behind a calling code.
    pub(super) fn forget_digit(&mut self) {
        self.count = self.count.saturating_sub(1);
    }

    /// Reads what stands before a further group; nothing where none follows.
    pub(super) fn joint(&mut self, may_open: bool) -> Result<Option<Joint>, More> {
        if self.at - self.start > WINDOW {
            return Ok(None);
        }
        // Mostly one sign stands between two groups.
        if let Some(kind) = single(self.text, self.at) {
            let kind = match kind {
                0 => Kind::Space,
                1 => Kind::Dash,
                b'.' => Kind::Dot,
                b'/' => Kind::Slash,
                _ => Kind::Underscore,
            };
            self.stands_before_next(kind);
            self.at += 1;
            return Ok(Some(Joint { kind, closes: false, opens: false }));
        }
        let mut here = self.at;
        let closes = self.peek(here)? == Some(b')');
        here += usize::from(closes);
        let before = self.blanks(&mut here)?;
        let mut kind = match before {
            0 => None,
            1 => Some(Kind::Space),
            _ => Some(Kind::Spaces),
        };
        if self.line_break(&mut here)? {
            kind = Some(Kind::Break);
        } else {
            match separator(self.text, here, self.last) {
                Separator::More => return Err(More),
                Separator::Found { len, kind: 1 } => {
                    here += len;
                    let after = self.blanks(&mut here)?;
                    kind = Some(if self.line_break(&mut here)? {
                        Kind::Break
                    } else if before + after > 0 {
                        Kind::SpacedDash
                    } else {
                        Kind::Dash
                    });
                }
                Separator::Found { len, kind: other @ (b'.' | b'/' | b'_') } if before == 0 => {
                    here += len;
                    kind = Some(match other {
                        b'.' => Kind::Dot,
                        b'/' => Kind::Slash,
                        _ => Kind::Underscore,
                    });
                }
                _ => {}
            }
        }
        let opens = may_open && self.peek(here)? == Some(b'(');
        here += usize::from(opens);
        if kind.is_none() && !opens && !closes {
            return Ok(None);
        }
        let kind = kind.unwrap_or(Kind::Bracket);
        if !self.peek(here)?.is_some_and(|byte| byte.is_ascii_digit()) {
            return Ok(None);
        }
        self.stands_before_next(kind);
        self.at = here;
        Ok(Some(Joint { kind, closes, opens }))
    }

    /// Notes what stands before the next group.
    fn stands_before_next(&mut self, kind: Kind) {
        if let Some(slot) = self.group_count.checked_sub(1).and_then(|place| self.kinds.get_mut(place)) {
            *slot = kind;
        }
    }

    /// Two spaces at most; how many there were.
    fn blanks(&self, here: &mut usize) -> Result<usize, More> {
        for count in 0..2 {
            if self.peek(*here)? == Some(b'\t') {
                return Ok(count);
            }
            match separator(self.text, *here, self.last) {
                Separator::Found { len, kind: 0 } => *here += len,
                Separator::More => return Err(More),
                _ => return Ok(count),
            }
        }
        Ok(2)
    }

    /// LF or CRLF and the indent of the next line.
    fn line_break(&self, here: &mut usize) -> Result<bool, More> {
        let mut next = *here;
        if self.peek(next)? == Some(b'\r') {
            next += 1;
        }
        if self.peek(next)? != Some(b'\n') {
            return Ok(false);
        }
        next += 1;
        let indent = next;
        while next - indent < INDENT && matches!(self.peek(next)?, Some(b' ' | b'\t')) {
            next += 1;
        }
        *here = next;
        Ok(true)
    }
}
