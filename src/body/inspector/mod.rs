//! One body from end to end: what enters are the bytes as they came, what leaves are the bytes that may be sent, in
//! the same content codings. Codings are opened, the content is redacted by its reading, codings are made again.
//!
//! Sans-I/O; memory is that of `coded`. After an error nothing more leaves but what the caller interjects.

mod coded;
mod content;
mod gate;
mod head;
mod multipart;
mod part_head;
mod probe;
mod records;
mod sniff;
mod stream;
#[cfg(test)]
mod tests;
mod transcoded;
mod transfer;

use std::fmt;
use std::sync::Arc;

use self::coded::Coded;
pub(crate) use self::part_head::HeadField;
use super::batch::{Letter, Sink, Tally};
use super::{
    Beside, BodyError, BodyLimits, ContentCoding, Dialect, Direction, Edits, Inspection, MediaRange, MediaType, Meter,
    Scopes,
};

/// What is known of a body before its bytes, and what holds for it.
#[derive(Clone, Debug)]
pub struct BodySpec {
    /// The Content-Type, where there is one; one that cannot be read is a fault of the content.
    pub media_type: Option<MediaType>,
    /// The content codings in the order in which they were applied; of gRPC, those of its compressed messages.
    pub codings: Vec<ContentCoding>,
    /// The protocol spoken on the route.
    pub dialect: Dialect,
    /// What the path is known for besides.
    pub beside: Beside,
    /// Which way the body goes.
    pub direction: Direction,
    /// Rules and actions.
    pub scopes: Arc<Scopes>,
    /// Bounds.
    pub limits: BodyLimits,
    /// Whether faults of the content (not JSON, not text) pass instead of refusing the body: what is not JSON is
    /// scanned as text, what is not text is counted as unscanned. Faults of a coding and blocks never pass, nor does a
    /// JSON value that breaks after its first 64 KiB, or a record of a model's streamed answer.
    pub on_fault_pass: bool,
    /// The types that pass unscanned where they are no text: pictures, sound, archives. What calls itself so and is text is
    /// scanned.
    pub opaque: Arc<[MediaRange]>,
    /// What is changed before anything is looked at.
    pub edits: Edits,
    /// Whose batch it is, where a rule that blocks is to drop a record and not the request.
    pub batch: Option<Sink>,
    /// Whether the records that are dropped are handed over, see [`BodyInspector::take_letters`].
    pub keep_dropped: bool,
}

/// Streams one body through.
pub struct BodyInspector {
    mode: Mode,
    seen: Inspection,
    fault: Option<BodyError>,
    /// The body has come to its end.
    ended: bool,
    /// Reads what the answer says that it cost.
    meter: Option<Box<Meter>>,
}

enum Mode {
    /// Nothing is looked at; every byte is counted under the reason.
    Pass(&'static str),
    Inspect(Box<Coded>),
}

impl BodyInspector {
    /// An inspector for this body.
    ///
    /// # Errors
    /// More codings than [`BodyLimits::coding_layers`].
    pub fn new(spec: BodySpec) -> Result<Self, BodyError> {
        Ok(Self::with_mode(Mode::Inspect(Box::new(Coded::new(spec)?))))
    }

    /// An inspector that lets everything through as it came and counts it as unscanned, for this reason of the metric
    /// catalogue.
    #[must_use]
    pub fn pass(reason: &'static str) -> Self {
        Self::with_mode(Mode::Pass(reason))
    }

    fn with_mode(mode: Mode) -> Self {
        Self { mode, seen: Inspection::default(), fault: None, ended: false, meter: None }
    }

    /// The same, which also counts what the answer says that it cost, as [`Inspection::usage`]. Of a body that passes as it
    /// came that is only seen without a content coding.
    #[must_use]
    pub fn counting(self) -> Self {
        Self { meter: Some(Box::default()), ..self }
    }

    /// Takes bytes and appends what may leave to `out`. See [`BodyInspector::push_some`] to bound what one call gives.
    ///
    /// # Errors
    /// What may not pass; from then on every call gives the same error. What is in `out` may be sent.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), BodyError> {
        self.push_some(&mut { input }, out, usize::MAX).map(drop)
    }

    /// As [`BodyInspector::push`], but stops when `out` has grown by `room` bytes or a little more (one piece). What
    /// was used is taken from the front of `input`. `true` when all of it is used and everything that it says has
    /// been handed out; else call again with what is left of it, be it nothing.
    ///
    /// # Errors
    /// As [`BodyInspector::push`].
    pub fn push_some(&mut self, input: &mut &[u8], out: &mut Vec<u8>, room: usize) -> Result<bool, BodyError> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let (left, start) = (input.len(), out.len());
        let result = match &mut self.mode {
            Mode::Pass(reason) => {
                self.seen.length += input.len() as u64;
                self.seen.exempt(reason, input.len() as u64);
                if let Some(meter) = &mut self.meter {
                    meter.push(input);
                }
                out.extend_from_slice(std::mem::take(input));
                Ok(true)
            }
            Mode::Inspect(coded) => coded.push(input, out, room, (&mut self.seen, &mut self.meter)),
        };
        if result.is_err() && matches!(&self.mode, Mode::Inspect(coded) if !coded.is_identity()) {
            // What does not decode has come all the same.
            *input = &[];
        }
        self.seen.bytes_in += (left - input.len()) as u64;
        self.settle(result, start, out)
    }

    /// What became of the records of a batch so far.
    pub(crate) fn records(&self) -> &Tally {
        &self.seen.records
    }

    /// The records that were dropped since the last call, as they came.
    pub fn take_letters(&mut self) -> Vec<Letter> {
        std::mem::take(&mut self.seen.records.letters)
    }

    /// Gives out what the content encoders hold, so that the reader can have every byte redacted so far: to be called
    /// when no more input is at hand. Bodies whose readers wait for each record are flushed by themselves. What the
    /// rules hold back stays.
    ///
    /// # Errors
    /// As [`BodyInspector::push`].
    pub fn flush(&mut self, out: &mut Vec<u8>) -> Result<(), BodyError> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let start = out.len();
        let result = match &mut self.mode {
            Mode::Pass(_) => Ok(()),
            Mode::Inspect(coded) => coded.flush(out),
        };
        self.settle(result, start, out)
    }

    /// Ends the body.
    ///
    /// # Errors
    /// As [`BodyInspector::push`], and where the body ended too early.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), BodyError> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let start = out.len();
        let result = match &mut self.mode {
            // A body of no bytes is whole whatever its headers say.
            Mode::Inspect(coded) if self.seen.bytes_in > 0 => coded.finish(out, (&mut self.seen, &mut self.meter)),
            Mode::Pass(_) | Mode::Inspect(_) => Ok(()),
        };
        self.ended = result.is_ok();
        self.settle(result, start, out)
    }

    /// Writes bytes of the proxy's own behind what has left, in the body's codings, and flushes them: an error event
    /// after an error, or a comment that keeps the stream alive. The body's end stays unwritten, so that a reader sees
    /// that it was cut.
    ///
    /// # Errors
    /// Where an encoder fails.
    pub fn interject(&mut self, text: &[u8], out: &mut Vec<u8>) -> Result<(), BodyError> {
        let start = out.len();
        let result = match &mut self.mode {
            Mode::Pass(_) => {
                out.extend_from_slice(text);
                Ok(())
            }
            Mode::Inspect(coded) => coded.write(text, out).and_then(|()| coded.flush(out)),
        };
        self.seen.bytes_out += (out.len() - start) as u64;
        result
    }

    /// What was seen so far.
    #[must_use]
    pub fn inspection(&self) -> &Inspection {
        &self.seen
    }

    /// What was seen. Every decoded byte is accounted for: scanned, passed for a reason, or withheld.
    #[must_use]
    pub fn into_inspection(mut self) -> Inspection {
        let held = if self.ended { 0 } else { self.held() as u64 };
        self.seen.balance(held);
        if let Some(meter) = &self.meter {
            self.seen.usage = meter.usage(self.ended);
        }
        self.seen
    }

    /// Decoded bytes held back now.
    #[must_use]
    pub fn held(&self) -> usize {
        match &self.mode {
            Mode::Pass(_) => 0,
            Mode::Inspect(coded) => coded.held(),
        }
    }

    /// Bytes of memory that the body takes while it waits: what is held back, what is not text yet, the windows of its
    /// codings.
    #[must_use]
    pub fn weight(&self) -> usize {
        match &self.mode {
            Mode::Pass(_) => 0,
            Mode::Inspect(coded) => coded.weight(),
        }
    }

    fn settle<T>(&mut self, result: Result<T, BodyError>, start: usize, out: &[u8]) -> Result<T, BodyError> {
        self.seen.bytes_out += (out.len() - start) as u64;
        if let Err(fault) = &result {
            self.fault = Some(fault.clone());
        }
        result
    }
}

impl fmt::Debug for BodyInspector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mode, held) = match &self.mode {
            Mode::Pass(reason) => (*reason, 0),
            Mode::Inspect(coded) => ("inspect", coded.held()),
        };
        write!(f, "BodyInspector({mode}, {} bytes in, {held} held)", self.seen.bytes_in)
    }
}
