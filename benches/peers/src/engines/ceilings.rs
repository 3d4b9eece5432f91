//! What the machine allows: a search for a byte that is not there, and a copy.

use super::{Engine, Tally};

/// `memchr` of a byte that no corpus has.
pub struct AbsentByte;

impl Engine for AbsentByte {
    fn name(&self) -> &str {
        "memchr"
    }

    fn redacts(&self) -> bool {
        false
    }

    fn redact(&mut self, unit: &[u8], _: &mut Tally) -> &[u8] {
        std::hint::black_box(memchr::memchr(0x01, std::hint::black_box(unit)));
        &[]
    }
}

/// A copy into a reused buffer.
#[derive(Default)]
pub struct Copy {
    out: Vec<u8>,
}

impl Engine for Copy {
    fn name(&self) -> &str {
        "memcpy"
    }

    fn redacts(&self) -> bool {
        false
    }

    fn redact(&mut self, unit: &[u8], _: &mut Tally) -> &[u8] {
        self.out.clear();
        self.out.extend_from_slice(std::hint::black_box(unit));
        &self.out
    }
}
