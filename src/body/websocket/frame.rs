//! Frames of the WebSocket protocol (RFC 6455 section 5): bytes in, whole messages and control frames out; and frames
//! written.
//!
//! Enters: the bytes of one direction in any chunking. Leaves: [`Unit`]s. A message is put together from its fragments,
//! with the control frames that stand between them told on the way. What two readers could understand differently is
//! refused: reserved bits (no extension is ever agreed on), lengths that are not written shortest, a mask where none
//! belongs and none where one does. What is kept is at most one message, bounded, and one control frame.

use crate::body::{BodyError, BodyErrorKind, empty};

/// The most bytes of a control frame's payload (RFC 6455 section 5.5).
pub(super) const CONTROL: usize = 125;

/// What a frame is (RFC 6455 section 11.8).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl Opcode {
    fn read(bits: u8) -> Option<Self> {
        Some(match bits {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xA => Self::Pong,
            _ => return None,
        })
    }

    fn bits(self) -> u8 {
        match self {
            Self::Continuation => 0x0,
            Self::Text => 0x1,
            Self::Binary => 0x2,
            Self::Close => 0x8,
            Self::Ping => 0x9,
            Self::Pong => 0xA,
        }
    }

    fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// What has come whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unit {
    /// Nothing: more input is needed.
    More,
    /// A message, of this kind.
    Message(Opcode),
    /// A control frame, of this kind.
    Control(Opcode),
}

/// The payload that is being read.
struct Payload {
    opcode: Opcode,
    last: bool,
    mask: Option<[u8; 4]>,
    /// Bytes read and to be read.
    at: usize,
    length: usize,
}

/// Puts messages together.
pub(super) struct Reader {
    masked: bool,
    limit: usize,
    /// The beginning of a frame, as long as its payload has not begun.
    head: Vec<u8>,
    payload: Option<Payload>,
    /// The kind of the message that has begun and not ended.
    open: Option<Opcode>,
    /// The unit told last has been dealt with.
    message: Vec<u8>,
    control: Vec<u8>,
}

impl Reader {
    /// A reader of frames that are all masked (those of a client) or all not; messages up to `limit` bytes.
    pub(super) fn new(masked: bool, limit: usize) -> Self {
        Self { masked, limit, head: Vec::new(), payload: None, open: None, message: Vec::new(), control: Vec::new() }
    }

    /// The message that [`Unit::Message`] told of.
    pub(super) fn message(&self) -> &[u8] {
        &self.message
    }

    /// The payload of the frame that [`Unit::Control`] told of.
    pub(super) fn control(&self) -> &[u8] {
        &self.control
    }

    /// Forgets the message.
    pub(super) fn clear_message(&mut self) {
        empty(&mut self.message);
    }

    /// Takes bytes from the front of `input` until something is whole. The caller clears a message before the next call.
    pub(super) fn next(&mut self, input: &mut &[u8]) -> Result<Unit, BodyError> {
        loop {
            if self.payload.is_none() && !self.head(input)? {
                return Ok(Unit::More);
            }
            let Some(payload) = &mut self.payload else { return Ok(Unit::More) };
            let taken = (payload.length - payload.at).min(input.len());
            let (bytes, rest) = input.split_at_checked(taken).unwrap_or((*input, &[]));
            *input = rest;
            let into = if payload.opcode.is_control() { &mut self.control } else { &mut self.message };
            match payload.mask {
                None => into.extend_from_slice(bytes),
                Some(key) => into.extend(
                    bytes.iter().zip(key.iter().cycle().skip(payload.at % key.len())).map(|(byte, key)| byte ^ key),
                ),
            }
            payload.at += taken;
            if payload.at < payload.length {
                return Ok(Unit::More);
            }
            let (opcode, last) = (payload.opcode, payload.last);
            self.payload = None;
            if opcode.is_control() {
                return Ok(Unit::Control(opcode));
            }
            if last {
                return Ok(Unit::Message(self.open.take().unwrap_or(opcode)));
            }
        }
    }

    /// Takes the bytes of a frame's beginning; whether it is whole.
    fn head(&mut self, input: &mut &[u8]) -> Result<bool, BodyError> {
        while let Some((byte, rest)) = input.split_first() {
            *input = rest;
            self.head.push(*byte);
            if let Some(payload) = self.parsed()? {
                self.head.clear();
                self.begin(payload)?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn parsed(&self) -> Result<Option<Payload>, BodyError> {
        let wrong = || BodyError::from(BodyErrorKind::WebSocket);
        let Some((first, rest)) = self.head.split_first() else { return Ok(None) };
        let opcode = Opcode::read(first & 0x0F).filter(|_| first & 0x70 == 0).ok_or_else(wrong)?;
        let Some((second, rest)) = rest.split_first() else { return Ok(None) };
        if (second & 0x80 != 0) != self.masked {
            return Err(wrong());
        }
        let (length, rest) = match second & 0x7F {
            126 => match rest.split_first_chunk::<2>() {
                Some((bytes, rest)) => (u64::from(u16::from_be_bytes(*bytes)), rest),
                None => return Ok(None),
            },
            127 => match rest.split_first_chunk::<8>() {
                Some((bytes, rest)) => (u64::from_be_bytes(*bytes), rest),
                None => return Ok(None),
            },
            short => (u64::from(short), rest),
        };
        let shortest = match second & 0x7F {
            126 => length > CONTROL as u64,
            127 => length > u64::from(u16::MAX) && length >> 63 == 0,
            _ => true,
        };
        if !shortest {
            return Err(wrong());
        }
        let mask = match (self.masked, rest.first_chunk::<4>()) {
            (true, None) => return Ok(None),
            (true, key) => key.copied(),
            (false, _) => None,
        };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        Ok(Some(Payload { opcode, last: first & 0x80 != 0, mask, at: 0, length }))
    }

    fn begin(&mut self, payload: Payload) -> Result<(), BodyError> {
        let wrong = BodyErrorKind::WebSocket;
        if payload.opcode.is_control() {
            if !payload.last || payload.length > CONTROL {
                return Err(wrong.into());
            }
            self.control.clear();
        } else {
            match (payload.opcode, self.open) {
                (Opcode::Continuation, Some(_)) => {}
                (Opcode::Text | Opcode::Binary, None) => self.open = Some(payload.opcode),
                _ => return Err(wrong.into()),
            }
            // Refused before it is read.
            if self.message.len().saturating_add(payload.length) > self.limit {
                return Err(BodyErrorKind::TooLarge.into());
            }
        }
        self.payload = Some(payload);
        Ok(())
    }
}

/// Appends a frame: a whole message or a control frame, masked where there is a key.
pub(super) fn write(opcode: Opcode, payload: &[u8], mask: Option<[u8; 4]>, out: &mut Vec<u8>) {
    out.push(0x80 | opcode.bits());
    let masked = if mask.is_some() { 0x80 } else { 0 };
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(short @ 0..=125), _) => out.push(masked | short),
        (_, Ok(medium)) => {
            out.push(masked | 126);
            out.extend_from_slice(&medium.to_be_bytes());
        }
        _ => {
            out.push(masked | 127);
            out.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    match mask {
        None => out.extend_from_slice(payload),
        Some(key) => {
            out.extend_from_slice(&key);
            out.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
        }
    }
}
