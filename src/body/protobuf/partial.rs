//! The partial success of OTLP's answers (`ExportLogsPartialSuccess` and its like), with a count added.
//!
//! Enters: the fields of the answer as they pass. Leaves: behind them, a partial success with the sum. Readers of protobuf
//! merge messages of one field, and of two numbers take the later ("Last One Wins"), so nothing that came is changed.

use super::wire::{self, Field, Value};
use crate::body::batch::Rejected;

/// What an answer is to say.
#[derive(Clone, Copy)]
pub(super) struct Partial {
    rejected: Rejected,
    /// What the sink says that it has rejected.
    theirs: u64,
    /// Whether it says why.
    explained: bool,
}

impl Partial {
    pub(super) fn new(rejected: Rejected) -> Self {
        Self { rejected, theirs: 0, explained: false }
    }

    /// Looks at a field of the answer.
    pub(super) fn see(&mut self, field: &Field<'_>) {
        let (1, Value::Bytes { mut bytes, .. }) = (field.number, field.value) else { return };
        while let Ok(field) = wire::field(bytes) {
            match (field.number, field.value) {
                (1, Value::Varint(count)) => self.theirs = count,
                (2, Value::Bytes { bytes, .. }) => self.explained = !bytes.is_empty(),
                _ => {}
            }
            bytes = bytes.get(field.whole.len()..).unwrap_or_default();
        }
    }

    /// Looks at all fields of an answer.
    pub(super) fn see_all(&mut self, mut bytes: &[u8]) {
        while let Ok(field) = wire::field(bytes) {
            self.see(&field);
            bytes = bytes.get(field.whole.len()..).unwrap_or_default();
        }
    }

    /// Writes the sum.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let mut inner = b"\x08".to_vec();
        wire::put_varint(self.theirs.saturating_add(self.rejected.count), &mut inner);
        if !self.explained {
            let message = self.rejected.message().as_bytes();
            inner.push(0x12);
            wire::put_varint(message.len() as u64, &mut inner);
            inner.extend_from_slice(message);
        }
        out.push(0x0a);
        wire::put_varint(inner.len() as u64, out);
        out.append(&mut inner);
    }
}
