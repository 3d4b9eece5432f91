//! One direction of a WebSocket connection (RFC 6455): frames in, frames out, every message judged.
//!
//! Enters: the bytes that follow the handshake. Leaves: the same messages, each whole in one frame, with findings
//! redacted. A message is held until it is complete. What the client sends is read message by message, as a request body
//! would be, but for a turn of Gemini's that goes on over several; what the upstream sends is read as a model's stream of
//! events, so that a text which arrives in deltas is judged as what it adds up to, and what is held of it leaves in messages
//! of our own. Control frames go on at once; what they and a reason for closing say is scanned as well. After an error
//! nothing more leaves, nor does what a client holds of a turn that it closes the connection in.

mod frame;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use self::frame::{CONTROL, Opcode, Reader, Unit};
use super::llm::{Judged, Model, Outlet, Payload, Turns};
use super::{
    BodyError, BodyErrorKind, BodyInspector, BodySpec, Dialect, Direction, Inspection, MediaType, Meter, Usage,
};

/// The longest reason for closing, in bytes.
const REASON: usize = CONTROL - 2;

/// Gives the key of a masked frame: four bytes that nobody can foresee (RFC 6455 section 5.3).
pub type MaskKey = Box<dyn FnMut() -> [u8; 4] + Send>;

/// One direction of a connection.
pub struct Half {
    reader: Reader,
    writer: Writer,
    spec: BodySpec,
    model: Model,
    /// Follows what a client says where that may go on from message to message.
    turns: Option<Turns>,
    seen: Inspection,
    /// Why nothing is looked at, where nothing is.
    unscanned: Option<&'static str>,
    /// What messages say that they cost is counted.
    counts: bool,
    /// Messages that went on, and the bytes of them that are no picture or sound.
    messages: u64,
    spoken: u64,
    fault: Option<BodyError>,
    closed: bool,
    /// The kind of the last message that came: what is written besides is of the same.
    kind: Opcode,
}

/// Writes frames.
struct Writer {
    keys: Option<MaskKey>,
}

impl Writer {
    fn write(&mut self, opcode: Opcode, payload: &[u8], out: &mut Vec<u8>) {
        let key = self.keys.as_mut().map(|keys| keys());
        frame::write(opcode, payload, key, out);
    }
}

/// Writes the messages that leave before the one at hand.
struct Others<'a> {
    writer: &'a mut Writer,
    kind: Opcode,
    out: &'a mut Vec<u8>,
}

impl Outlet for Others<'_> {
    fn own(&mut self, _name: &[u8], data: &[u8]) {
        self.writer.write(self.kind, data, self.out);
    }

    fn parked(&mut self, bytes: &[u8]) {
        self.writer.write(self.kind, bytes, self.out);
    }
}

impl Half {
    /// What goes in the direction of `spec`, whose media type and codings say nothing here. Frames of the client are
    /// masked, and `keys` mask them anew. A message may have [`BodyLimits::sse_event`](super::BodyLimits::sse_event)
    /// bytes.
    #[must_use]
    pub fn new(spec: BodySpec, keys: MaskKey) -> Self {
        let from_client = spec.direction == Direction::Request;
        let model = Model::new(Arc::clone(&spec.scopes), &spec.limits, spec.dialect.of_model());
        Self {
            reader: Reader::new(from_client, spec.limits.sse_event),
            writer: Writer { keys: from_client.then_some(keys) },
            model: if from_client { model } else { model.watching(spec.scopes.tools.as_ref()) },
            turns: (from_client && matches!(spec.dialect.of_model(), Dialect::Gemini | Dialect::Plain))
                .then(|| Turns::new(Arc::clone(&spec.scopes), &spec.limits)),
            spec,
            seen: Inspection::default(),
            unscanned: None,
            counts: false,
            messages: 0,
            spoken: 0,
            fault: None,
            closed: false,
            kind: Opcode::Text,
        }
    }

    /// As it is, but that nothing is looked at: messages are counted as unscanned, for this reason of the metric catalogue.
    #[must_use]
    pub fn unscanned(self, reason: &'static str) -> Self {
        Self { unscanned: Some(reason), ..self }
    }

    /// The same, which also counts what each message says that it cost, as [`Inspection::usage`].
    #[must_use]
    pub fn counting(self) -> Self {
        Self { counts: true, ..self }
    }

    /// The messages that went on so far, and their bytes, without those that pass unread within a message: pictures and
    /// sound are no text that a model counts by its length. Where nothing is looked at, all bytes count.
    #[must_use]
    pub fn spoken(&self) -> (u64, u64) {
        (self.messages, self.spoken)
    }

    /// Bytes of memory that what waits takes: a message that is not whole, and text that goes on in the next.
    #[must_use]
    pub fn weight(&self) -> usize {
        let turns = self.turns.as_ref().map_or(0, Turns::held);
        self.reader.message().len() + self.model.weight() + turns
    }

    /// The tokens that messages said so far that they cost.
    #[must_use]
    pub fn said(&self) -> u64 {
        self.seen.usage.said
    }

    /// Takes bytes and appends what may leave. What follows a frame that closes is not read.
    ///
    /// # Errors
    /// What may not pass; from then on every call gives the same error. What is in `out` may be sent.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), BodyError> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let start = out.len();
        self.seen.bytes_in += input.len() as u64;
        let result = self.frames(input, out);
        self.seen.bytes_out += (out.len() - start) as u64;
        if let Err(fault) = &result {
            self.fault = Some(fault.clone());
        }
        result
    }

    /// Whether a frame that closes this direction has gone through.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// What was seen so far.
    #[must_use]
    pub fn into_inspection(mut self) -> Inspection {
        self.take_inspection()
    }

    /// What was seen so far; it is counted from nothing again.
    pub fn take_inspection(&mut self) -> Inspection {
        let mut seen = std::mem::take(&mut self.seen);
        let held = seen.withheld;
        seen.balance(held);
        seen
    }

    /// Writes a message of the proxy's own, and the frame that closes, with a status code of RFC 6455 section 7.4.
    pub fn close(&mut self, message: Option<&[u8]>, code: u16, reason: &str, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.closed, true) {
            return;
        }
        let start = out.len();
        if let Some(message) = message {
            self.writer.write(self.kind, message, out);
        }
        self.writer.write(Opcode::Close, &closing(code, reason.as_bytes()), out);
        self.seen.bytes_out += (out.len() - start) as u64;
    }

    fn frames(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), BodyError> {
        let mut rest = input;
        while !self.closed {
            match self.reader.next(&mut rest)? {
                Unit::More => return Ok(()),
                Unit::Message(kind) => {
                    let before = self.legible();
                    self.message(kind, out)?;
                    self.messages += 1;
                    self.spoken += self.legible().saturating_sub(before);
                    self.reader.clear_message();
                    self.model.give_back();
                }
                Unit::Control(Opcode::Close) => self.closing(out)?,
                Unit::Control(kind) => self.control(kind, out)?,
            }
        }
        Ok(())
    }

    /// Bytes so far that are not among those which passed unread within a message.
    fn legible(&self) -> u64 {
        let apart = self.seen.unscanned.iter().filter(|(reason, _)| Some(*reason) != self.unscanned);
        self.seen.length.saturating_sub(apart.map(|(_, bytes)| bytes).sum())
    }

    fn message(&mut self, kind: Opcode, out: &mut Vec<u8>) -> Result<(), BodyError> {
        self.kind = kind;
        if self.counts {
            let mut meter = Meter::default();
            meter.push(self.reader.message());
            self.seen.usage.add(Usage { records: 0, ..meter.usage(true) });
        }
        if self.unscanned.is_some() || self.spec.direction == Direction::Response {
            self.seen.length += self.reader.message().len() as u64;
        }
        if let Some(reason) = self.unscanned {
            self.seen.exempt(reason, self.reader.message().len() as u64);
            self.writer.write(kind, self.reader.message(), out);
            return Ok(());
        }
        let is_text = std::str::from_utf8(self.reader.message()).is_ok();
        match kind {
            Opcode::Text if !is_text => return Err(BodyErrorKind::Charset.into()),
            // Some services write their JSON so.
            Opcode::Binary if !is_text || self.reader.message().contains(&0) => {
                if !self.spec.opaque.iter().any(|range| range.holds(None)) {
                    return Err(BodyErrorKind::MediaType.into());
                }
                if self.spec.direction == Direction::Request {
                    self.seen.length += self.reader.message().len() as u64;
                }
                self.seen.exempt("media_type", self.reader.message().len() as u64);
                self.writer.write(kind, self.reader.message(), out);
                return Ok(());
            }
            _ => {}
        }
        if self.spec.direction == Direction::Request {
            return self.document(kind, out);
        }
        let payload = Payload { name: b"", data: self.reader.message() };
        let mut others = Others { writer: &mut self.writer, kind, out };
        match self.model.event(&payload, &mut others, &mut self.seen)? {
            Judged::Same => self.writer.write(kind, self.reader.message(), out),
            Judged::Changed => self.writer.write(kind, self.model.data(), out),
            Judged::Parked => {
                let bytes = self.model.data().to_vec();
                self.model.park(bytes, &[(0, 0)])?;
            }
        }
        Ok(())
    }

    /// A message of the client's. What of it goes on in the next one is judged with that.
    fn document(&mut self, kind: Opcode, out: &mut Vec<u8>) -> Result<(), BodyError> {
        let message = self.reader.message();
        let said = self.turns.as_mut().map(|turns| turns.read(message)).transpose()?.flatten();
        let rest = said.as_ref().map_or(message, |said| &said.rest);
        let mut new = scan_document(rest, &self.spec, &mut self.seen)?;
        if let (Some(said), Some(turns)) = (said, &mut self.turns) {
            self.seen.length += message.len().saturating_sub(said.rest.len()) as u64;
            let mut others = Others { writer: &mut self.writer, kind, out };
            let Some(joined) = turns.write(message, &said, &new, &mut others, &mut self.seen)? else { return Ok(()) };
            new = joined;
        }
        self.writer.write(kind, &new, out);
        Ok(())
    }

    fn control(&mut self, kind: Opcode, out: &mut Vec<u8>) -> Result<(), BodyError> {
        let payload = self.reader.control();
        let new = match self.unscanned {
            None => {
                self.seen.length += payload.len() as u64;
                self.model.scan_value(payload, &mut self.seen)?
            }
            Some(_) => None,
        };
        self.writer.write(kind, new.map_or(payload, |new| cut(new, CONTROL)), out);
        Ok(())
    }

    /// A frame that closes. Within a text it is none: that has not ended, and what is held of it never leaves.
    fn closing(&mut self, out: &mut Vec<u8>) -> Result<(), BodyError> {
        let payload = self.reader.control();
        let (code, reason) = match payload.split_first_chunk::<2>() {
            Some((code, reason)) => (Some(u16::from_be_bytes(*code)), reason),
            None if payload.is_empty() => (None, payload),
            None => return Err(BodyErrorKind::WebSocket.into()),
        };
        if code.is_some_and(|code| !may_be_sent(code)) {
            return Err(BodyErrorKind::WebSocket.into());
        }
        if std::str::from_utf8(reason).is_err() {
            return Err(BodyErrorKind::Charset.into());
        }
        let new = match code {
            Some(code) if self.unscanned.is_none() => {
                self.seen.length += reason.len() as u64;
                self.model.scan_value(reason, &mut self.seen)?.map(|new| closing(code, new))
            }
            Some(_) | None => None,
        };
        self.model.end_of_body();
        let mut others = Others { writer: &mut self.writer, kind: self.kind, out };
        self.model.finish(&mut others, &mut self.seen)?;
        self.writer.write(Opcode::Close, new.as_deref().unwrap_or(self.reader.control()), out);
        self.closed = true;
        Ok(())
    }
}

/// A message that stands for itself, read as a body of its own.
fn scan_document(message: &[u8], spec: &BodySpec, seen: &mut Inspection) -> Result<Vec<u8>, BodyError> {
    let is_json = matches!(message.trim_ascii_start().first(), Some(b'{' | b'['));
    let media_type: &[u8] = if is_json { b"application/json" } else { b"text/plain" };
    let spec = BodySpec { media_type: MediaType::parse(media_type), codings: Vec::new(), ..spec.clone() };
    let mut inspector = BodyInspector::new(spec)?;
    let mut new = Vec::with_capacity(message.len());
    let result = inspector.push(message, &mut new).and_then(|()| inspector.finish(&mut new));
    // The bytes are counted as the connection has them.
    seen.add(Inspection { bytes_in: 0, bytes_out: 0, ..inspector.into_inspection() });
    result.map(|()| new)
}

/// Whether a peer may send this code (RFC 6455 section 7.4 and the IANA registry).
fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

/// The payload of a frame that closes.
fn closing(code: u16, reason: &[u8]) -> Vec<u8> {
    [&code.to_be_bytes(), cut(reason, REASON)].concat()
}

/// As many of a text's first bytes as there may be, and no part of a character.
fn cut(text: &[u8], most: usize) -> &[u8] {
    let mut end = most.min(text.len());
    while end > 0 && end < text.len() && text.get(end).is_some_and(|byte| byte & 0xC0 == 0x80) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

impl fmt::Debug for Half {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Half({} bytes in, {:?})", self.seen.bytes_in, self.model)
    }
}
