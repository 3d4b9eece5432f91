//! Marks of emphasis and of code in Markdown round some groups of a number: `4111 **1111** 1111 1111`.
//!
//! Enters: a text and the place of a mark. Leaves: how many marks stand there that have no place in what is read: one to
//! three, between two groups of four to six digits and beside the one blank or hyphen that parts these. Other numbers, and
//! the signs of sums and powers, keep theirs. A comma between groups is no such sign: lists of four-digit numbers have it,
//! and one in ten of them has the check digit of a card.

use super::super::byte_set::ByteSet;
use super::element::{Reader, Stop};

/// The most marks side by side.
const MARKS: usize = 3;
/// Digits of a group.
const FEWEST: usize = 4;
const MOST: usize = 6;
/// How far back is looked: a sign, more marks than there may be, more digits than a group has.
const BEFORE: usize = 1 + (MARKS + 1) + (MOST + 1);

const _: () = assert!(BEFORE <= super::element::BEFORE);

pub(super) const fn is_mark(byte: u8) -> bool {
    matches!(byte, b'*' | b'`')
}

fn is_sign(byte: u8) -> bool {
    matches!(byte, b' ' | b'-')
}

/// What stands round marks before a group, and behind one.
pub(super) fn windows() -> [[ByteSet; 5]; 2] {
    let set = |holds: fn(u8) -> bool| ByteSet::new(holds);
    let digit = set(|byte| byte.is_ascii_digit());
    let (mark, sign) = (set(is_mark), set(is_sign));
    let (before, behind) = (mark.union(&digit), mark.union(&sign));
    [[sign, mark, before, before, digit], [digit, mark, behind, ByteSet::ALL, ByteSet::ALL]]
}

impl Reader<'_> {
    /// The marks that begin at `at`, where they stand within a number.
    pub(super) fn emphasis(&self, at: usize) -> Result<usize, Stop> {
        let mark = self.byte(at)?;
        let head = self.text.get(..at).unwrap_or_default();
        let closes = ends_in_group(head);
        let opens = || head.split_last().is_some_and(|(sign, head)| is_sign(*sign) && ends_in_group(unmarked(head)));
        if !closes && !opens() {
            return Err(Stop::Not);
        }
        let end = self.behind_marks(at, mark)?;
        if !closes {
            self.group(end)?;
            return Ok(end - at);
        }
        if !is_sign(self.byte(end)?) {
            return Err(Stop::Not);
        }
        let next = self.byte(end + 1)?;
        let group = if is_mark(next) { self.behind_marks(end + 1, next)? } else { end + 1 };
        self.group(group)?;
        Ok(end - at)
    }

    /// The place behind a run of marks.
    fn behind_marks(&self, at: usize, mark: u8) -> Result<usize, Stop> {
        let mut here = at;
        while self.byte(here)? == mark {
            here += 1;
            if here - at > MARKS {
                return Err(Stop::Not);
            }
        }
        Ok(here)
    }

    /// Nothing where a group of a number stands.
    fn group(&self, at: usize) -> Result<(), Stop> {
        for len in 0..=MOST {
            match self.byte(at + len) {
                Ok(byte) if byte.is_ascii_digit() => {}
                Err(Stop::More) => return Err(Stop::More),
                Ok(_) | Err(Stop::Not) => return if len < FEWEST { Err(Stop::Not) } else { Ok(()) },
            }
        }
        Err(Stop::Not)
    }
}

fn ends_in_group(text: &[u8]) -> bool {
    let digits = text.iter().rev().take(MOST + 1).take_while(|byte| byte.is_ascii_digit()).count();
    (FEWEST..=MOST).contains(&digits)
}

/// A text without the marks at its end, where there are no more of them than marks are.
fn unmarked(text: &[u8]) -> &[u8] {
    let Some(mark) = text.last().copied().filter(|byte| is_mark(*byte)) else { return text };
    let marks = text.iter().rev().take(MARKS + 1).take_while(|byte| **byte == mark).count();
    if marks > MARKS { text } else { text.get(..text.len() - marks).unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use super::super::element::{Parsed, parse};

    #[test]
    fn marks_within_a_number_and_marks_elsewhere() {
        for (text, at, marks) in [
            ("4111 **1111** 1111 1111", 5, Some(2)),
            ("4111 **1111** 1111 1111", 11, Some(2)),
            ("4111 **1111** 1111 1111", 6, None),
            ("`4111` `1111`", 5, Some(1)),
            ("`4111` `1111`", 7, Some(1)),
            ("***4111***-1111", 7, Some(3)),
            ("3782 *822463* 10005", 5, Some(1)),
            ("4111 1111 1111 **1111**", 15, Some(2)),
            ("**4111 1111", 0, None),
            ("4111 **1111", 5, Some(2)),
            ("4111 **111 x", 5, None),
            ("4111 **1111111", 5, None),
            ("4111 ****1111", 5, None),
            ("4111****1111", 4, None),
            ("1024 * 2048", 5, None),
            ("1024*2048", 4, None),
            ("1024* 2048", 4, Some(1)),
            ("a 4111 **b**", 7, None),
            ("4111,**1111**", 5, None),
        ] {
            let whole = parse(text.as_bytes(), at, true);
            let found = match whole {
                Parsed::Element(element) => Some(element.len),
                Parsed::None | Parsed::More => None,
            };
            assert_eq!(found, marks, "{text}");
            for cut in at + 1..text.len() {
                let early = text.get(..cut).map(|text| parse(text.as_bytes(), at, false));
                assert!(early == Some(Parsed::More) || early == Some(whole), "{text} at {cut}");
            }
        }
    }
}
