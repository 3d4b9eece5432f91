//! Expressions that begin with a long run of token bytes: letters, digits, and what keys are written with beside them.
//!
//! Enters: expressions. Leaves: for a text, the places where a run is long enough, found by looking at every sixteenth byte
//! first; prose has no such runs.

use std::ops::Range;

use super::super::byte_set::ByteSet;
use super::super::regex::{Regex, is_token};
use super::Window;

/// The least run that is looked for as such.
pub(super) const LONG: usize = 16;

/// An expression.
struct Long {
    rule: usize,
    /// The run that it needs.
    run: usize,
    /// What else must stand at its beginning.
    window: Window,
    /// The group of the words that it asks for.
    group: Option<usize>,
}

/// The expressions.
#[derive(Default)]
pub(in crate::engine) struct LongRuns {
    rules: Vec<Long>,
    /// What may stand where any of them begins.
    union: Option<Window>,
}

impl LongRuns {
    /// Takes an expression if it begins with a run that is long enough.
    pub(super) fn take(&mut self, rule: usize, regex: &Regex, window: Window, group: Option<usize>) -> bool {
        if regex.leading_run < LONG {
            return false;
        }
        self.rules.push(Long { rule, run: regex.leading_run, window, group });
        let union = self.union.get_or_insert(window);
        union.iter_mut().zip(&window).for_each(|(own, other)| *own = own.union(other));
        true
    }

    pub(in crate::engine) fn window(&self) -> Option<Window> {
        self.union
    }

    pub(super) fn window_of(&self, rule: usize) -> Option<Window> {
        self.rules.iter().find(|known| known.rule == rule).map(|known| known.window)
    }

    /// The next place in `range` where a run of token bytes is long enough, or goes on to the text's end where that is
    /// open. Nothing stands before the place `begins`.
    pub(in crate::engine) fn next(
        &self,
        text: &[u8],
        range: Range<usize>,
        begins: Option<usize>,
        open: bool,
    ) -> Option<usize> {
        let window = self.union?;
        let before = window.first()?;
        let (mut at, mut token_to) = (range.start, range.start);
        while at < range.end {
            // Backwards from the last byte that a run from here needs, down to what is known.
            let end = (at + LONG).min(text.len());
            if end == text.len() && at + LONG > end && !open {
                return None;
            }
            let from = token_to.max(at);
            let unknown = text.get(from..end).unwrap_or_default();
            if let Some(other) = unknown.iter().rposition(|byte| !is_token(*byte)) {
                at = from + other + 1;
                // What stands behind it was looked at.
                token_to = end;
                continue;
            }
            token_to = end;
            if fits(&window, before, text, at, begins) {
                return Some(at);
            }
            at += 1;
        }
        None
    }

    /// The expressions that may begin at a place, with the group of the words that they ask for.
    pub(in crate::engine) fn at<'a>(
        &'a self,
        text: &'a [u8],
        at: usize,
        begins: Option<usize>,
        open: bool,
    ) -> impl Iterator<Item = (usize, Option<usize>)> + 'a {
        let rest = text.get(at..).unwrap_or_default();
        let run = rest.iter().take(256).take_while(|byte| is_token(**byte)).count();
        // A run that the text's end cuts off may go on.
        let run = if run == rest.len() && open { usize::MAX } else { run };
        self.rules
            .iter()
            .filter(move |long| {
                let before = long.window.first();
                run >= long.run && before.is_some_and(|before| fits(&long.window, before, text, at, begins))
            })
            .map(|long| (long.rule, long.group))
    }
}

/// Whether a window holds at a place; what lies behind the text is anything.
fn fits(window: &Window, before: &ByteSet, text: &[u8], at: usize, begins: Option<usize>) -> bool {
    let stands = at.checked_sub(1).filter(|_| begins != Some(at)).and_then(|index| text.get(index));
    stands.is_none_or(|byte| before.contains(*byte))
        && window.iter().skip(1).zip(text.get(at..).unwrap_or_default()).all(|(set, byte)| set.contains(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_long_run_is_found() {
        let token = ByteSet::new(is_token);
        let other = ByteSet::new(|byte| !is_token(byte));
        let window = [other, token, token, token, token];
        let long = LongRuns { rules: Vec::new(), union: Some(window) };
        let mut state = 5_u32;
        let mut below = |count: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % count
        };
        for _ in 0..2000 {
            let mut text = Vec::new();
            for _ in 0..below(8) {
                text.extend(std::iter::repeat_n(b'a', below(24) as usize));
                text.extend(std::iter::repeat_n(b' ', below(3) as usize));
            }
            for open in [false, true] {
                let whole = |at: usize| {
                    let run = text.iter().skip(at).take_while(|byte| is_token(**byte)).count();
                    run >= LONG || (open && run > 0 && at + run == text.len())
                };
                let first = |at: usize| at == 0 || text.get(at - 1).is_some_and(|byte| !is_token(*byte));
                let wanted: Vec<usize> = (0..text.len()).filter(|at| first(*at) && whole(*at)).collect();
                let (mut found, mut from) = (Vec::new(), 0);
                while let Some(at) = long.next(&text, from..text.len(), None, open) {
                    found.push(at);
                    from = at + 1;
                }
                assert_eq!(found, wanted, "{} {open}", String::from_utf8_lossy(&text));
            }
        }
    }
}
