//! Model answers that stream without events: what enters is a body of JSON records, a line each or the elements of one
//! array, what leaves is the same body, redacted.
//!
//! A record is held until complete, then judged by [`llm`](crate::body::llm) as the data of an event would be. A
//! record that nothing touches leaves byte for byte, as does all that stands between records. Text that is still held
//! when its end or that of an array comes leaves in a record of its own; after a cut or an error it never leaves.

mod frame;
mod gaps;

use std::fmt;
use std::sync::Arc;

use self::frame::{Form, Frame, Unit};
use self::gaps::{Gaps, Others};
use crate::body::llm::{Judged, Model, Payload};
use crate::body::{BodyError, BodyErrorKind, BodyLimits, Dialect, Inspection, Scopes, Transform};

/// Redacts a body of records.
pub(super) struct Series {
    frame: Frame,
    model: Model,
    gaps: Gaps,
}

impl Series {
    /// A body at its beginning.
    pub(super) fn new(scopes: Arc<Scopes>, limits: &BodyLimits, dialect: Dialect) -> Self {
        let tools = scopes.tools.clone();
        Self {
            frame: Frame::new(limits.sse_event),
            model: Model::new(scopes, limits, dialect).watching(tools.as_ref()).strict(),
            gaps: Gaps::new(limits.sse_event),
        }
    }

    /// Bytes of text held back; a record that is not complete yet is not counted.
    pub(super) fn held(&self) -> usize {
        self.model.held()
    }

    /// Bytes of memory that what waits takes.
    pub(super) fn weight(&self) -> usize {
        self.model.weight() + self.frame.record().len() + self.gaps.held()
    }

    fn record(&mut self, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        let payload = Payload { name: b"", data: self.frame.record() };
        let mut others = Others { gaps: &mut self.gaps, out };
        match self.model.event(&payload, &mut others, seen)? {
            Judged::Same => self.gaps.write(self.frame.record(), out),
            Judged::Changed => self.gaps.write(self.model.data(), out),
            Judged::Parked => {
                let bytes = self.model.data().to_vec();
                self.model.park(bytes, &[(0, 0)])?;
                self.gaps.wait();
            }
        }
        self.model.give_back();
        self.frame.clear();
        Ok(())
    }
}

impl Transform for Series {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        let mut rest = input;
        loop {
            match self.frame.next(&mut rest)? {
                Unit::More => return Ok(()),
                Unit::Record => self.record(out, seen)?,
                Unit::Close => {
                    let last = self.gaps.close();
                    self.model.complete(&mut Others { gaps: &mut self.gaps, out }, seen)?;
                    out.extend_from_slice(&last);
                    out.push(b']');
                }
                Unit::Between(bytes) if self.frame.form() == Form::Elements => {
                    self.gaps.between_elements(bytes, self.model.has_parked(), out)?;
                }
                Unit::Between(bytes) if self.gaps.belong_to_parked() => self.model.add_to_parked(bytes)?,
                Unit::Between(bytes) => self.gaps.between_lines(bytes, out),
            }
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        if !self.frame.may_end() {
            return Err(BodyErrorKind::Truncated.into());
        }
        self.model.finish(&mut Others { gaps: &mut self.gaps, out }, seen)
    }
}

impl fmt::Debug for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Series({} bytes in frame, {:?})", self.frame.record().len(), self.model)
    }
}
