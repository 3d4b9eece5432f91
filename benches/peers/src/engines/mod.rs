//! The engines, behind one door: a unit of text in, redacted bytes in a reused buffer out.

pub mod automata;
pub mod ceilings;
pub mod hyperscan;
pub mod json;
pub mod ours;
#[cfg(feature = "sds")]
pub mod sds;

use crate::rules::RULES;

/// Findings by rule.
pub type Tally = [u64; RULES];

/// An engine under measurement.
pub trait Engine {
    /// The name in tables and for `--only`.
    fn name(&self) -> &str;

    /// Whether it finds and redacts; the others are ceilings, or matchers that cannot redact.
    fn redacts(&self) -> bool {
        true
    }

    /// The version of what it stands for, where no lock file knows it.
    fn version(&self) -> Option<&str> {
        None
    }

    /// Handles one unit as a text of its own, counts what it finds, and gives the bytes that it has written.
    fn redact(&mut self, unit: &[u8], tally: &mut Tally) -> &[u8];
}

/// What a finding becomes, for engines that leave the writing to us.
pub const REPLACEMENT: &[u8] = b"[REDACTED]";

/// The output of a unit, for engines that only say where.
#[derive(Default)]
pub struct Writer {
    out: Vec<u8>,
    written: usize,
}

impl Writer {
    pub fn begin(&mut self) {
        self.out.clear();
        self.written = 0;
    }

    /// Replaces a stretch that begins at or after the end of the last one.
    pub fn replace(&mut self, unit: &[u8], start: usize, end: usize) {
        self.out.extend_from_slice(&unit[self.written..start]);
        self.out.extend_from_slice(REPLACEMENT);
        self.written = end;
    }

    pub fn finish(&mut self, unit: &[u8]) -> &[u8] {
        self.out.extend_from_slice(&unit[self.written..]);
        &self.out
    }

    /// Where the last replaced stretch ended.
    pub fn end(&self) -> usize {
        self.written
    }
}
