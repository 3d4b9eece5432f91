//! Stand-in.
use super::text::TextBody;
use super::{BodyError, BodyLimits, Dialect, Direction, Inspection, Scopes, Transform};
use std::sync::Arc;
pub(crate) struct EventStream(TextBody);
impl EventStream {
    pub(crate) fn new(s: Arc<Scopes>, _: &BodyLimits, _: Dialect, _: Direction) -> Self {
        Self(TextBody::announced(&s))
    }
    pub(crate) fn held(&self) -> usize {
        self.0.held()
    }
}
impl Transform for EventStream {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        self.0.push(input, out, seen)
    }
    fn finish(&mut self, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        self.0.finish(out, seen)
    }
}
