//! A JSON body.
//!
//! Enters: the bytes of a JSON document, or of NDJSON or concatenated JSON, in any chunking. Leaves: the same bytes,
//! redacted, as early as they are known. What a dialect holds back (see [`super::guide`]) waits here, bounded by
//! [`BodyLimits::json_hold`].

use std::fmt;
use std::sync::Arc;

use super::edit::Edit;
use super::guide::{Guide, bounded};
use super::lexer::Framing;
use super::out::TextOut;
use super::text::Shared;
use super::walker::Walker;
use crate::body::batch::Plan;
use crate::body::dialect::Tables;
use crate::body::{Beside, BodyError, BodyLimits, Dialect, Direction, Edits, Inspection, Scopes, Transform};

/// Redacts a JSON body.
pub struct JsonBody {
    walker: Walker,
    out: TextOut,
    /// Output that a dialect holds back.
    held: Vec<u8>,
    limit: usize,
    /// What is changed before anything is looked at, and what comes of it.
    edit: Option<Box<(Edit, Vec<u8>)>>,
}

impl JsonBody {
    /// A body at its beginning.
    #[must_use]
    #[allow(clippy::needless_pass_by_value, reason = "stages are built from what the chain owns")]
    pub fn new(
        scopes: Arc<Scopes>,
        limits: &BodyLimits,
        dialect: Dialect,
        direction: Direction,
        framing: Framing,
    ) -> Self {
        Self::in_records(scopes, limits, (dialect, Beside::Nothing), direction, framing, None)
    }

    /// A body that is a batch, where there is a plan; the actions are those of [`Scopes::per_record`] then.
    #[allow(clippy::needless_pass_by_value, reason = "stages are built from what the chain owns")]
    pub(in crate::body) fn in_records(
        scopes: Arc<Scopes>,
        limits: &BodyLimits,
        (dialect, beside): (Dialect, Beside),
        direction: Direction,
        framing: Framing,
        batch: Option<Plan>,
    ) -> Self {
        // Records are bounded where they are held.
        let limit = if batch.is_some() { usize::MAX } else { limits.json_hold };
        let shared = Shared::new(&scopes.rules, limits);
        let walker = Walker::new(shared, &scopes.actions, framing, 0);
        let guide = Guide::new(&scopes, Tables::of(dialect, beside, direction), direction, limits.json_hold, batch);
        let walker = match guide {
            Some(guide) => walker.guided(guide),
            None => walker,
        };
        Self { walker, out: TextOut::bytes_only(), held: Vec::new(), limit, edit: None }
    }

    /// One in which token ids may stand in place of a text.
    pub(in crate::body) fn with_token_ids(mut self, may: bool) -> Self {
        if let Some(guide) = self.walker.guide() {
            guide.passes_token_ids(may);
        }
        self
    }

    /// One of Kafka's records in base64, where it is.
    pub(in crate::body) fn with_kafka_keys(mut self, are: bool) -> Self {
        if are {
            self.walker = self.walker.with_kafka_keys();
        }
        self
    }

    /// One in which something is changed first.
    pub(crate) fn edited(mut self, edits: &Edits, limits: &BodyLimits, framing: Framing) -> Self {
        if !edits.drop.is_empty() || edits.terms.is_some() || edits.told.is_some() || edits.model.is_some() {
            self.edit = Some(Box::new((Edit::new(edits.clone(), limits, framing), Vec::new())));
        }
        self
    }

    /// Bytes held back now.
    pub(crate) fn held(&self) -> usize {
        let edit = self.edit.as_ref().map_or(0, |edit| edit.0.held());
        self.held.len() + self.walker.held() + edit
    }

    fn walk(&mut self, input: &[u8], out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        self.step(out, |walker, out| Ok(walker.push(input, out, seen)?))
    }

    /// Runs the walk with what is held before it, and keeps what may not leave.
    fn step(
        &mut self,
        out: &mut Vec<u8>,
        walk: impl FnOnce(&mut Walker, &mut TextOut) -> Result<(), BodyError>,
    ) -> Result<(), BodyError> {
        std::mem::swap(out, &mut self.out.bytes);
        if let Some(guide) = self.walker.guide() {
            guide.held_at(self.out.bytes.len(), self.held.len());
            self.out.bytes.append(&mut self.held);
        }
        let walked = walk(&mut self.walker, &mut self.out);
        std::mem::swap(out, &mut self.out.bytes);
        if let Some(guide) = self.walker.guide() {
            if let Some(from) = guide.dropping() {
                out.truncate(from);
            }
            if let Some(from) = guide.hold().filter(|from| *from <= out.len()) {
                self.held = out.split_off(from);
            }
        }
        walked?;
        bounded(self.held.len(), self.limit)
    }
}

impl Transform for JsonBody {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        match self.edit.take() {
            None => self.walk(input, out, seen)?,
            Some(mut edit) => {
                let (edits, edited) = &mut *edit;
                let result = edits.push(input, edited, seen);
                self.walk(edited, out, seen)?;
                edited.clear();
                self.edit = Some(edit);
                result?;
            }
        }
        seen.held_peak = seen.held_peak.max(self.held());
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        if let Some(mut edit) = self.edit.take() {
            let (edits, edited) = &mut *edit;
            edits.finish(edited, seen)?;
            self.walk(edited, out, seen)?;
        }
        self.step(out, |walker, out| {
            walker.finish(out, seen)?;
            walker.guide().map_or(Ok(()), |guide| guide.finish(seen))
        })
    }
}

impl fmt::Debug for JsonBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JsonBody({} bytes held)", self.held())
    }
}
