//! Model protocols inside event streams.
mod failure;

use std::fmt;
use std::sync::Arc;

pub use self::failure::{error_body, error_event};
use crate::body::{BodyError, BodyLimits, Dialect, Inspection, Scopes};
use crate::engine::{Output, StreamRedactor};

/// The data of one event.
pub(crate) struct Payload<'a> {
    /// The event's name, empty where none was given.
    pub(crate) name: &'a [u8],
    /// The data, its lines joined by LF.
    pub(crate) data: &'a [u8],
    /// The line end that the stream uses.
    pub(crate) ending: &'static [u8],
}

pub(crate) struct Model {
    scopes: Arc<Scopes>,
    whole: StreamRedactor,
    output: Output,
    data: Vec<u8>,
}

impl Model {
    pub(crate) fn new(scopes: Arc<Scopes>, _limits: &BodyLimits, _dialect: Dialect) -> Self {
        let whole = StreamRedactor::new(Arc::clone(&scopes.rules), Arc::clone(&scopes.actions));
        Self { scopes, whole, output: Output::default(), data: Vec::new() }
    }
    pub(crate) fn scan_value(&mut self, value: &[u8], seen: &mut Inspection) -> Result<Option<&[u8]>, BodyError> {
        self.output.clear();
        self.whole.restart(&self.scopes.actions);
        self.whole.push(value, &mut self.output)?;
        self.whole.finish(&mut self.output)?;
        seen.scanned += value.len() as u64;
        seen.record(&self.output.findings, &self.scopes.actions);
        Ok((!self.output.is_verbatim()).then_some(self.output.bytes.as_slice()))
    }
    pub(crate) fn event(&mut self, payload: &Payload<'_>, _out: &mut Vec<u8>, seen: &mut Inspection) -> Result<bool, BodyError> {
        let _ = (payload.name, payload.ending);
        Ok(self.scan_value(payload.data, seen)?.is_some())
    }
    pub(crate) fn data(&self) -> &[u8] { &self.data }
    pub(crate) fn end_of_body(&mut self) {}
    pub(crate) fn finish(&mut self, _ending: &[u8], _out: &mut Vec<u8>, _seen: &mut Inspection) -> Result<(), BodyError> { Ok(()) }
}
impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str("Model") }
}
