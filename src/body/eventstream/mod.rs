//! Event streams as AWS frames them: what enters is an `application/vnd.amazon.eventstream` body, what leaves is the same
//! stream, redacted.
//!
//! A message is held until it is whole, and refused where a sum over it is wrong. Its payload is judged by
//! [`llm`](crate::body::llm) as the data of an event: JSON, or text. In a `chunk` the event stands in base64 in the
//! payload, as InvokeModelWithResponseStream has it; it is opened and written anew, what stands beside it stays. A message
//! that nothing touches leaves byte for byte; one that changes has its lengths and both sums made anew. Text that is still
//! held when its end comes leaves in a message of its own; after a fault or an exception it never leaves.

mod frame;
mod headers;

use std::fmt;
use std::sync::Arc;

use self::frame::Frames;
use self::headers::{CONTENT_TYPE, EVENT_TYPE, Headers, MESSAGE_TYPE, is_text};
use super::llm::{Envelope, Judged, Model, Outlet, Payload};
use super::{BodyError, BodyErrorKind, BodyLimits, Dialect, Direction, Inspection, Scopes, Transform, base64, empty};

/// The event whose payload holds another one in base64.
const CHUNK: &[u8] = b"chunk";
/// The member that it stands in.
const INSIDE: &str = "bytes";

/// Redacts an AWS event stream.
pub(super) struct MessageStream {
    frames: Frames,
    headers: Headers,
    model: Model,
    /// The events stand in chunks.
    chunked: bool,
    /// An event that stood in a chunk.
    inside: Vec<u8>,
}

/// A message's headers and what its payload has around the event in it, as they leave.
#[derive(Default)]
struct Shell {
    headers: Vec<u8>,
    /// None where the payload is the event.
    envelope: Option<Envelope>,
}

impl MessageStream {
    /// A stream at its beginning.
    pub(super) fn new(scopes: Arc<Scopes>, limits: &BodyLimits, dialect: Dialect, direction: Direction) -> Self {
        let tools = scopes.tools.clone().filter(|_| direction == Direction::Response);
        Self {
            frames: Frames::new(limits.sse_event),
            headers: Headers::default(),
            model: Model::new(scopes, limits, dialect).watching(tools.as_ref()),
            chunked: false,
            inside: Vec::new(),
        }
    }

    /// Bytes held back.
    pub(super) fn held(&self) -> usize {
        self.model.held() + self.frames.held()
    }

    /// Bytes of memory that what waits takes.
    pub(super) fn weight(&self) -> usize {
        self.model.weight() + self.frames.held()
    }

    fn message(&mut self, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        let (section, payload) = (self.frames.headers(), self.frames.payload());
        self.headers.read(section)?;
        let event = self.headers.string(section, EVENT_TYPE);
        let kind = self.headers.string(section, CONTENT_TYPE);
        if matches!(self.headers.string(section, MESSAGE_TYPE), b"exception" | b"error") {
            let mut others = Others::new(self.chunked, out);
            self.model.fail(&mut others, seen)?;
            others.fault?;
        }
        seen.scanned += frame::OVERHEAD as u64;
        let new_section = self.headers.scan(section, &mut self.model, seen)?;
        let changed = new_section.is_some();
        let mut shell = Shell { headers: new_section.unwrap_or(section).to_vec(), envelope: None };
        if !is_text(payload) {
            return Err(BodyErrorKind::MediaType.into());
        }
        if payload.is_empty() {
            return self.write(changed.then_some((&shell, b"")), out);
        }
        // What an event is called counts for more than what its text is said to be.
        let is_known = event == CHUNK || event.starts_with(b"contentBlock") || event.starts_with(b"message");
        if kind.starts_with(b"text/") && !is_known {
            let new = self.model.scan_value(payload, seen)?.map(<[u8]>::to_vec);
            let new = new.as_deref().or(changed.then_some(payload));
            return self.write(new.map(|new| (&shell, new)), out);
        }
        let mut data = payload;
        if event == CHUNK
            && let Some(envelope) = self.model.open(payload, INSIDE, seen)?
        {
            self.inside.clear();
            if !base64::decode(&envelope.inside, &mut self.inside) {
                return Err(BodyErrorKind::FrameSyntax.into());
            }
            if !is_text(&self.inside) {
                return Err(BodyErrorKind::MediaType.into());
            }
            data = &self.inside;
            shell.envelope = Some(envelope);
        }
        self.chunked = shell.envelope.is_some();
        let changed = changed || shell.envelope.as_ref().is_some_and(|envelope| envelope.changed);
        let name = if self.chunked { &[] } else { event };
        let mut others = Others::new(self.chunked, out);
        let judged = self.model.event(&Payload { name, data }, &mut others, seen)?;
        others.fault?;
        match judged {
            Judged::Same if !changed => self.write(None, out),
            Judged::Same => self.write(Some((&shell, data)), out),
            Judged::Changed => self.write(Some((&shell, self.model.data())), out),
            Judged::Parked => {
                let mut bytes = shell.pack();
                let place = bytes.len();
                bytes.extend_from_slice(self.model.data());
                self.model.park(bytes, &[(0, place)])
            }
        }
    }

    /// Writes the message at hand: as it came, or with this shell and event.
    fn write(&self, new: Option<(&Shell, &[u8])>, out: &mut Vec<u8>) -> Result<(), BodyError> {
        match new {
            None => {
                out.extend_from_slice(self.frames.whole());
                Ok(())
            }
            Some((shell, event)) => shell.write(event, out),
        }
    }

    fn finish_model(&mut self, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        self.model.end_of_body();
        let mut others = Others::new(self.chunked, out);
        self.model.finish(&mut others, seen)?;
        others.fault
    }
}

impl Shell {
    /// Writes a message with this event.
    fn write(&self, event: &[u8], out: &mut Vec<u8>) -> Result<(), BodyError> {
        let Some(Envelope { before, after, .. }) = &self.envelope else {
            return frame::write(&self.headers, &[event], out);
        };
        let mut encoded = Vec::new();
        base64::encode(event, &mut encoded);
        frame::write(&self.headers, &[before, b"\"", &encoded, b"\"", after], out)
    }

    /// Everything of it as bytes that an event can be put behind.
    fn pack(&self) -> Vec<u8> {
        let (before, after) = match &self.envelope {
            Some(envelope) => (envelope.before.as_slice(), envelope.after.as_slice()),
            None => (&[][..], &[][..]),
        };
        let mut bytes = vec![u8::from(self.envelope.is_some())];
        for part in [self.headers.as_slice(), before, after] {
            // No part is longer than a message, whose length has four bytes.
            bytes.extend_from_slice(&(part.len() as u32).to_be_bytes());
            bytes.extend_from_slice(part);
        }
        bytes
    }

    /// What [`Shell::pack`] packed, and the event behind it.
    fn unpack(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (enveloped, mut rest) = bytes.split_first()?;
        let mut part = || {
            let (length, behind) = rest.split_first_chunk::<4>()?;
            let (part, behind) = behind.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
            rest = behind;
            Some(part.to_vec())
        };
        let (headers, before, after) = (part()?, part()?, part()?);
        let envelope = (*enveloped != 0).then(|| Envelope { before, after, ..Envelope::default() });
        Some((Self { headers, envelope }, rest))
    }
}

/// Writes the messages that leave before the one at hand.
struct Others<'a> {
    chunked: bool,
    out: &'a mut Vec<u8>,
    /// A message that could not be written.
    fault: Result<(), BodyError>,
}

impl<'a> Others<'a> {
    fn new(chunked: bool, out: &'a mut Vec<u8>) -> Self {
        Self { chunked, out, fault: Ok(()) }
    }

    fn note(&mut self, written: Result<(), BodyError>) {
        if self.fault.is_ok() {
            self.fault = written;
        }
    }
}

impl Outlet for Others<'_> {
    fn own(&mut self, name: &[u8], data: &[u8]) {
        let name = if self.chunked { CHUNK } else { name };
        let written = headers::section("event", name).and_then(|headers| {
            let envelope = self.chunked.then(|| Envelope {
                before: format!("{{\"{INSIDE}\":").into_bytes(),
                after: b"}".to_vec(),
                ..Envelope::default()
            });
            Shell { headers, envelope }.write(data, self.out)
        });
        self.note(written);
    }

    fn parked(&mut self, bytes: &[u8]) {
        let written = match Shell::unpack(bytes) {
            Some((shell, event)) => shell.write(event, self.out),
            None => Err(BodyErrorKind::FrameSyntax.into()),
        };
        self.note(written);
    }
}

impl Transform for MessageStream {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        let mut rest = input;
        while self.frames.next(&mut rest)? {
            seen.held_peak = seen.held_peak.max(self.frames.held());
            self.message(out, seen)?;
            self.model.give_back();
            empty(&mut self.inside);
            self.frames.clear();
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        if self.frames.held() > 0 {
            return Err(BodyErrorKind::Truncated.into());
        }
        self.finish_model(out, seen)
    }
}

/// An exception of this name with this JSON, as a message. Both are short.
pub(super) fn exception(name: &str, json: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let written = headers::section("exception", name.as_bytes())
        .and_then(|headers| frame::write(&headers, &[json.as_bytes()], &mut out));
    debug_assert!(written.is_ok(), "short names and texts fit");
    out
}

impl fmt::Debug for MessageStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageStream({} bytes in frame, {:?})", self.frames.held(), self.model)
    }
}
