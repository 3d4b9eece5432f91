//! Expressions that begin with a long run of token bytes: letters, digits, and what keys are written with beside them.
//!
//! Enters: expressions. Leaves: for a text, the places where a run is long enough, found by looking at every sixteenth byte
//! first; prose has no such runs. Many keys of a vendor have their sign deep inside: what must stand there is looked at
//! before such an expression is followed through a run.

use std::ops::Range;

use super::super::byte_set::ByteSet;
use super::super::regex::{LEADING_RUN, Regex, is_token};
use super::super::vector;
use super::Window;
use super::window::{beginnings, holds, widen};

/// The least run that is looked for as such.
pub(super) const LONG: usize = vector::RUN;

/// Bytes that are looked at at once.
const BLOCK: usize = vector::RUN_BLOCK;

/// The farthest place that is looked at for a sign.
const DEEP: usize = 192;
/// The most bytes that one place of a sign may be.
const SIGN: usize = 8;
/// The most places of a sign that are looked at.
const SIGNS: usize = 4;
/// States walked at once for it.
const STATES: usize = 16;

/// An expression.
struct Long {
    rule: usize,
    /// The run that it needs.
    run: usize,
    /// What else must stand at its beginning.
    window: Window,
    /// What must stand deep inside, by the distance from its beginning.
    sign: Vec<(usize, ByteSet)>,
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
        self.rules.push(Long { rule, run: regex.leading_run, window, sign: sign(regex), group });
        widen(&mut self.union, &window);
        true
    }

    pub(in crate::engine) fn window(&self) -> Option<Window> {
        self.union
    }

    pub(super) fn window_of(&self, rule: usize) -> Option<Window> {
        self.rules.iter().find(|known| known.rule == rule).map(|known| known.window)
    }

    /// The places in `range` where a run of token bytes is long enough, or goes on to the text's end where that is open.
    /// Nothing stands before the place `begins`.
    pub(in crate::engine) fn places<'a>(
        &'a self,
        text: &'a [u8],
        range: Range<usize>,
        begins: Option<usize>,
        open: bool,
    ) -> impl Iterator<Item = usize> + 'a {
        // Up to `token_to` every byte from `at` on is known to be one of a token.
        let (mut at, mut token_to) = (range.start, range.start);
        std::iter::from_fn(move || {
            let window = self.union.as_ref()?;
            while at < range.end {
                // Where no run in a block is long enough nothing is looked at one by one.
                while token_to <= at
                    && let Some(block) = text.get(at..).and_then(|rest| rest.first_chunk())
                    && !vector::has_run(block)
                {
                    at += BLOCK - LONG + 1;
                }
                if at >= range.end {
                    return None;
                }
                // Backwards from the last byte that a run from here needs, down to what is known.
                let end = (at + LONG).min(text.len());
                if at + LONG > end && !open {
                    return None;
                }
                let from = token_to.max(at);
                let other = text.get(from..end).unwrap_or_default().iter().rposition(|byte| !is_token(*byte));
                token_to = end;
                if let Some(other) = other {
                    at = from + other + 1;
                    continue;
                }
                at += 1;
                if holds(window, text, at - 1, begins) {
                    return Some(at - 1);
                }
            }
            None
        })
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
        let run = rest.iter().take(LEADING_RUN).take_while(|byte| is_token(**byte)).count();
        // A run that the text's end cuts off may go on.
        let run = if run == rest.len() && open { usize::MAX } else { run };
        self.rules
            .iter()
            .filter(move |long| {
                run >= long.run
                    && holds(&long.window, text, at, begins)
                    && long.sign.iter().all(|(place, set)| rest.get(*place).map_or(open, |byte| set.contains(*byte)))
            })
            .map(|long| (long.rule, long.group))
    }
}

/// The places of a match, behind those that are looked at anyway, where only few bytes may stand.
fn sign(regex: &Regex) -> Vec<(usize, ByteSet)> {
    let automaton = regex.automaton();
    let (_, mut states) = beginnings(regex);
    let kinds = regex.kinds();
    let mut places: Vec<(usize, ByteSet)> = Vec::new();
    for place in 0..DEEP {
        if states.len() > STATES || states.iter().any(|state| regex.end(*state)) {
            break;
        }
        let (mut set, mut next, mut ended) = (ByteSet::NONE, Vec::new(), false);
        for (state, (byte, members)) in states.iter().flat_map(|state| kinds.iter().map(move |kind| (*state, kind))) {
            let reached = automaton.next_state(state, *byte);
            if automaton.is_dead_state(reached) || automaton.is_quit_state(reached) {
                continue;
            }
            ended |= automaton.is_match_state(reached);
            set = set.union(members);
            next.push(reached);
        }
        // A match ended before this byte: what stands here need not be the match's.
        if ended {
            break;
        }
        if place >= LONG && set.bytes().count() <= SIGN {
            places.push((place, set));
        }
        next.sort_unstable();
        next.dedup();
        states = next;
    }
    places.sort_by_key(|(_, set)| set.bytes().count());
    places.truncate(SIGNS);
    places
}

#[cfg(test)]
mod tests {
    use super::super::super::byte_set::ByteSet;
    use super::*;

    #[test]
    fn a_sign_deep_inside_is_looked_at() {
        let regex = Regex::compile(r"\b[a-z]{40}Key[0-9][a-z]{4,}\b", Some(200)).expect("an expression");
        let places: Vec<usize> = sign(&regex).iter().map(|(place, _)| *place).collect();
        assert_eq!(places, [40, 41, 42]);
        let ends = Regex::compile("[a-z]{20}(?:Key[0-9])?", None).expect("an expression");
        assert!(sign(&ends).is_empty(), "a match may end before it");
    }

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
                let found: Vec<usize> = long.places(&text, 0..text.len(), None, open).collect();
                assert_eq!(found, wanted, "{} {open}", String::from_utf8_lossy(&text));
            }
        }
    }
}
