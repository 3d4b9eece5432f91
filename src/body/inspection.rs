//! What was seen in a body, kept while it streams: findings, bytes by what became of them, held calls, fingerprints.
//!
//! Enters: findings as redactors report them, and what the readings count. Leaves: an [`Inspection`], which whoever sends
//! the body hands over once, at its end. Nothing of what was found is in it.

use std::sync::Arc;

use super::{BodyError, BodyErrorKind, Usage, batch};
use crate::engine::{ActionTable, Finding, Fingerprint, Output};

/// Fingerprints that are kept of one direction; beyond, findings are only counted.
pub const FINGERPRINTS: usize = 32;

/// What was seen in one body, kept while it streams and handed over at its end.
#[derive(Clone, Default, Debug)]
pub struct Inspection {
    /// Findings per rule, by index into [`RuleSet::rules`](crate::engine::RuleSet::rules) and the action's name.
    pub findings: Vec<(usize, &'static str, u64)>,
    /// Bytes that came, as they came.
    pub bytes_in: u64,
    /// Bytes that left, as they left.
    pub bytes_out: u64,
    /// Length of the body once its codings are opened, as far as it came.
    pub length: u64,
    /// Decoded bytes that were scanned. At a body's end `scanned`, `unscanned` and `withheld` sum to `length`.
    pub scanned: u64,
    /// Decoded bytes that passed without being scanned, by reason.
    pub unscanned: Vec<(&'static str, u64)>,
    /// Decoded bytes that were held when the body broke off, and never left.
    pub withheld: u64,
    /// Fingerprints of values, by index of their rule: the first [`FINGERPRINTS`], each once.
    pub fingerprints: Vec<(usize, Fingerprint)>,
    /// The most bytes held back at once.
    pub held_peak: usize,
    /// Values that [`Edits::drop`](super::Edits::drop) took out.
    pub dropped_fields: u64,
    /// What became of the records of a batch.
    pub records: batch::Tally,
    /// What an answer says that it cost, where that is counted.
    pub usage: Usage,
    /// What the findings so far weigh, [`Scoring::MOST`](crate::engine::Scoring::MOST) at most.
    pub score: u8,
    /// Rules of tools that hold calls which nobody has let pass, by their id, and how many. Whoever lets a body with such
    /// rules pass has looked here ([`ToolRules::holding`](crate::engine::ToolRules::holding)).
    pub held_calls: Vec<(Arc<str>, u64)>,
    /// A rule that blocks has matched, and what its record is has not been said yet: its index.
    pub(crate) doomed: Option<usize>,
    /// Bytes of the body that what was read so far was opened from.
    pub(crate) came: u64,
    /// Bytes that the codings of its parts made, those of all layers together.
    pub(crate) unfolded: u64,
}

impl Inspection {
    /// Counts findings that a redactor with these actions reported.
    ///
    /// # Errors
    /// The score of the body reaches what blocks. What was found must not leave then; all of it has been counted.
    pub fn record(&mut self, findings: &[Finding], actions: &ActionTable) -> Result<(), BodyError> {
        let mut blocked = Ok(());
        for finding in findings {
            let action = actions.action(finding.rule).name();
            match self.findings.iter_mut().find(|(rule, name, _)| *rule == finding.rule && *name == action) {
                Some((_, _, count)) => *count += 1,
                None => self.findings.push((finding.rule, action, 1)),
            }
            if let Some(fingerprint) = finding.fingerprint {
                self.keep_fingerprint(finding.rule, fingerprint);
            }
            if let Some(scoring) = actions.scoring()
                && scoring.adds(finding.rule, &mut self.score)
                && blocked.is_ok()
            {
                blocked = Err(BodyErrorKind::Blocked { rule: finding.rule }.into());
            }
        }
        blocked
    }

    fn keep_fingerprint(&mut self, rule: usize, fingerprint: Fingerprint) {
        if self.fingerprints.len() < FINGERPRINTS && !self.fingerprints.contains(&(rule, fingerprint)) {
            self.fingerprints.push((rule, fingerprint));
        }
    }

    /// Settles what became of each byte of a body of which `held` bytes were not judged: what neither passed for a
    /// reason nor was withheld was scanned.
    pub(crate) fn balance(&mut self, held: u64) {
        let unscanned: u64 = self.unscanned.iter().map(|(_, bytes)| bytes).sum();
        self.length = self.length.max(unscanned);
        self.withheld = held.min(self.length - unscanned);
        self.scanned = self.length - unscanned - self.withheld;
    }

    /// What was seen beside a body: in a target, a head, a trailer section. Its bytes are in no receipt, but for those
    /// that passed unread, which are in none as scanned.
    #[must_use]
    pub(crate) fn beside_the_body(self) -> Self {
        let length = self.unscanned.iter().map(|(_, bytes)| bytes).sum();
        Self { bytes_in: 0, bytes_out: 0, length, scanned: 0, withheld: 0, ..self }
    }

    /// What is counted of a body whose bytes were opened within it: so many came, and they were so many.
    pub(crate) fn opened(&mut self, came: usize, plain: usize) {
        self.length = (self.length + plain as u64).saturating_sub(came as u64);
    }

    /// Adds what was seen in another part of the same direction.
    pub fn add(&mut self, seen: Self) {
        for (rule, action, count) in seen.findings {
            match self.findings.iter_mut().find(|(known, name, _)| *known == rule && *name == action) {
                Some((_, _, known)) => *known += count,
                None => self.findings.push((rule, action, count)),
            }
        }
        for (reason, bytes) in seen.unscanned {
            self.exempt(reason, bytes);
        }
        for (rule, fingerprint) in seen.fingerprints {
            self.keep_fingerprint(rule, fingerprint);
        }
        self.length += seen.length;
        self.withheld += seen.withheld;
        self.bytes_in += seen.bytes_in;
        self.bytes_out += seen.bytes_out;
        self.scanned += seen.scanned;
        self.held_peak = self.held_peak.max(seen.held_peak);
        self.dropped_fields += seen.dropped_fields;
        self.records.merge(seen.records);
        self.usage.add(seen.usage);
        self.score = self.score.saturating_add(seen.score).min(crate::engine::Scoring::MOST);
        for (rule, count) in seen.held_calls {
            self.hold_calls(&rule, count);
        }
    }

    /// Counts calls that a rule of this id holds.
    pub(crate) fn hold_calls(&mut self, rule: &Arc<str>, count: u64) {
        match self.held_calls.iter_mut().find(|(known, _)| known == rule) {
            Some((_, known)) => *known += count,
            None => self.held_calls.push((Arc::clone(rule), count)),
        }
    }

    /// How many findings there were so far.
    pub(crate) fn found(&self) -> u64 {
        self.findings.iter().map(|(_, _, count)| count).sum()
    }

    /// Notes that what holds a value is to go with it, where a redactor said so.
    pub(crate) fn doom(&mut self, output: &Output) {
        if let Some(dropped) = output.drops.last() {
            self.doomed = Some(dropped.rule);
        }
    }

    /// Refuses a value that blocks and stands in no record.
    pub(crate) fn outside_of_records(&mut self) -> Result<(), BodyError> {
        match self.doomed.take() {
            Some(rule) => Err(BodyErrorKind::Blocked { rule }.into()),
            None => Ok(()),
        }
    }

    /// Counts bytes that pass without being scanned, under a reason of the metric catalogue.
    pub fn exempt(&mut self, reason: &'static str, bytes: u64) {
        match self.unscanned.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, count)) => *count += bytes,
            None => self.unscanned.push((reason, bytes)),
        }
    }
}
