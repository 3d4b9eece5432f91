//! The one pass along a text: where the prefilter stops, and what is left open where the text at hand ends.
//!
//! Enters: text that has come and has not been looked at. Leaves: tries of what may begin where a window holds, and how far
//! no match can have begun unseen. Stretches before which no rule's words stand are passed without the rules that ask for
//! some.

use super::{Force, Lane, NUMBER};
use crate::engine::prefilter::Prefilter;
use crate::engine::vector::{Hit, Hits};

/// Places that the pass looks at in one way.
const STRETCH: usize = 64;

impl Lane {
    /// The one pass: stops where a window holds and tries what may begin there.
    pub(super) fn scan(&mut self, force: Force<'_>, last: bool) {
        let prefilter = &force.rules.prefilter;
        let mut hits = self.hits.take().unwrap_or_else(Hits::new);
        let mut at = self.index(self.seen);
        let whole = Prefilter::whole(&self.buffer);
        force.rules.keywords.read_ahead(&self.buffer, self.base, NUMBER, &mut self.ahead);
        // A label stands before the text and is no part of it: the text's first place is looked at as one.
        let begins = self.origin.checked_sub(self.base).map(|at| self.floor(at + self.base)).filter(|at| *at > 0);
        while at < whole {
            let to = begins.filter(|begins| at < *begins).map_or(whole, |begins| begins.min(whole));
            if begins == Some(at) {
                let hit = prefilter.at_beginning(&self.buffer, at);
                self.stop(force, hit, last);
                at += 1;
                continue;
            }
            let (quiet, to) = self.stretch(force, at, to);
            at = prefilter.scan(&self.buffer, (at, to), quiet, &mut hits);
            for hit in hits.as_slice() {
                let quiet = self.ahead.is_quiet(self.base + u64::from(hit.at));
                let mut hit = prefilter.second_look(&self.buffer, *hit, false, quiet);
                // Words that are read up to near here cost less than a look at what stands here.
                if !quiet
                    && let Some(unasked) = prefilter.unasked(hit)
                    && self.along.is_near(self.base + u64::from(hit.at))
                    && self.near_groups(force, hit.at as usize).is_empty()
                {
                    hit = unasked;
                }
                if hit.buckets != 0 {
                    self.stop(force, hit, last);
                }
            }
        }
        self.hits = Some(hits);
        self.scan_long_runs(force, begins, last);
        if last {
            let buffer = std::mem::take(&mut self.buffer);
            for at in at..buffer.len() {
                let tell = |target| self.try_target(force, &buffer, target, at, last);
                prefilter.at_end(&buffer, at, begins, tell);
            }
            self.buffer = buffer;
            (self.seen, self.cut_off) = (self.end(), self.end());
        } else {
            self.seen = self.base + at as u64;
            let buffer = std::mem::take(&mut self.buffer);
            let stand = prefilter.asks_for_words() && self.words_near_end(force, &buffer);
            let known = self.floor(self.cut_off);
            let cut_off = prefilter.cut_off(&buffer, (known, at), begins, stand, |rule, start| {
                self.goes_far(force, &buffer, rule, start) && self.words_stand(force, &buffer, rule, start, last)
            });
            self.cut_off = self.base + cut_off as u64;
            self.buffer = buffer;
        }
    }

    /// How far the pass goes on from `at`, and whether all of that is quiet: no rule's words stand before it.
    fn stretch(&mut self, force: Force<'_>, at: usize, to: usize) -> (bool, usize) {
        if !force.rules.prefilter.spares_quiet() {
            return (false, to);
        }
        let end = |behind: u64| usize::try_from(behind.saturating_sub(self.base)).unwrap_or(usize::MAX).min(to);
        let (quiet, behind) = self.ahead.stretch(self.base + at as u64);
        let len = end(behind) - at;
        // Whole blocks cost least: a quiet stretch ends before one that it does not fill, another one behind it.
        match quiet {
            true if at + len == to => (true, to),
            true if len >= STRETCH => (true, at + len / STRETCH * STRETCH),
            true | false => (false, to.min(at + len.max(1).next_multiple_of(STRETCH))),
        }
    }

    /// Tries what may begin at a place.
    #[inline]
    fn stop(&mut self, force: Force<'_>, hit: Hit, last: bool) {
        let at = hit.at as usize;
        // The buffer is lent to the search for targets, and none of the tries changes it.
        let buffer = std::mem::take(&mut self.buffer);
        let begins = self.begins();
        let tell = |target| self.try_target(force, &buffer, target, at, last);
        force.rules.prefilter.targets(&buffer, hit, begins, tell);
        self.buffer = buffer;
    }
}
