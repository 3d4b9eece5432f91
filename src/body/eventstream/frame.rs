//! Messages as AWS frames them (`application/vnd.amazon.eventstream`): a prelude of twelve bytes with the length of the
//! whole, the length of its headers and a sum over both, then headers, a payload, and a sum over all before it. Numbers
//! are big-endian, sums are CRC-32 (ISO-HDLC).
//!
//! Enters: bytes in any chunking. Leaves: whole messages whose lengths agree and whose sums are right. Kept: one message,
//! at most the limit that is given.

use std::ops::Range;

use flate2::Crc;

use crate::body::{BodyError, BodyErrorKind, empty};

/// Total length, headers' length, and their sum.
const PRELUDE: usize = 12;
/// The sum at the end.
const SUM: usize = 4;
/// What every message has besides its headers and its payload.
pub(super) const OVERHEAD: usize = PRELUDE + SUM;
/// The most bytes of headers (the format's own bound).
pub(super) const MAX_HEADERS: usize = 128 << 10;

/// The beginning of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Prelude {
    total: usize,
    headers: usize,
}

impl Prelude {
    /// Reads a prelude and holds it against the limit, so that no length is believed that its sum does not cover.
    fn read(bytes: [u8; PRELUDE], limit: usize) -> Result<Self, BodyError> {
        let [a, b, c, d, e, f, g, h, sum @ ..] = bytes;
        if sum_of(&[&[a, b, c, d, e, f, g, h]]) != u32::from_be_bytes(sum) {
            return Err(BodyErrorKind::FrameSyntax.into());
        }
        let length = |bytes| usize::try_from(u32::from_be_bytes(bytes)).unwrap_or(usize::MAX);
        let prelude = Self { total: length([a, b, c, d]), headers: length([e, f, g, h]) };
        if prelude.total < OVERHEAD || prelude.headers > prelude.total - OVERHEAD {
            return Err(BodyErrorKind::FrameSyntax.into());
        }
        if prelude.total > limit || prelude.headers > MAX_HEADERS {
            return Err(BodyErrorKind::TooLarge.into());
        }
        Ok(prelude)
    }
}

/// Cuts a body into messages.
pub(super) struct Frames {
    held: Vec<u8>,
    prelude: Option<Prelude>,
    limit: usize,
}

impl Frames {
    /// Messages of at most `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self { held: Vec::new(), prelude: None, limit }
    }

    /// Bytes of a message that is not whole yet.
    pub(super) fn held(&self) -> usize {
        self.held.len()
    }

    /// Takes bytes from the front of `input` until a message is whole; `false` where more are needed.
    pub(super) fn next(&mut self, input: &mut &[u8]) -> Result<bool, BodyError> {
        let prelude = match self.prelude {
            Some(prelude) => prelude,
            None => {
                self.fill(PRELUDE, input);
                let Some(bytes) = self.held.first_chunk::<PRELUDE>() else { return Ok(false) };
                *self.prelude.insert(Prelude::read(*bytes, self.limit)?)
            }
        };
        self.fill(prelude.total, input);
        if self.held.len() < prelude.total {
            return Ok(false);
        }
        let Some((covered, sum)) = self.held.split_last_chunk::<SUM>() else { return Ok(false) };
        if sum_of(&[covered]) != u32::from_be_bytes(*sum) {
            return Err(BodyErrorKind::FrameSyntax.into());
        }
        Ok(true)
    }

    fn fill(&mut self, wanted: usize, input: &mut &[u8]) {
        let room = wanted.saturating_sub(self.held.len());
        let (taken, rest) = input.split_at_checked(room).unwrap_or((*input, &[]));
        self.held.extend_from_slice(taken);
        *input = rest;
    }

    /// The message that [`Frames::next`] told of.
    pub(super) fn whole(&self) -> &[u8] {
        &self.held
    }

    /// Its headers.
    pub(super) fn headers(&self) -> &[u8] {
        self.held.get(self.header_range()).unwrap_or_default()
    }

    /// Its payload.
    pub(super) fn payload(&self) -> &[u8] {
        let end = self.held.len().saturating_sub(SUM);
        self.held.get(self.header_range().end..end).unwrap_or_default()
    }

    fn header_range(&self) -> Range<usize> {
        PRELUDE..PRELUDE + self.prelude.map_or(0, |prelude| prelude.headers)
    }

    /// Forgets the message.
    pub(super) fn clear(&mut self) {
        empty(&mut self.held);
        self.prelude = None;
    }
}

/// Writes a message with these headers, as they stand on the wire, and this payload, in pieces.
pub(super) fn write(headers: &[u8], payload: &[&[u8]], out: &mut Vec<u8>) -> Result<(), BodyError> {
    let length: usize = payload.iter().map(|piece| piece.len()).sum();
    let total = u32::try_from(OVERHEAD + headers.len() + length).map_err(|_| BodyErrorKind::TooLarge)?;
    if headers.len() > MAX_HEADERS {
        return Err(BodyErrorKind::TooLarge.into());
    }
    let begin = out.len();
    out.extend_from_slice(&total.to_be_bytes());
    out.extend_from_slice(&(headers.len() as u32).to_be_bytes());
    let sum = sum_of(&[out.get(begin..).unwrap_or_default()]);
    out.extend_from_slice(&sum.to_be_bytes());
    out.extend_from_slice(headers);
    payload.iter().for_each(|piece| out.extend_from_slice(piece));
    let sum = sum_of(&[out.get(begin..).unwrap_or_default()]);
    out.extend_from_slice(&sum.to_be_bytes());
    Ok(())
}

fn sum_of(pieces: &[&[u8]]) -> u32 {
    let mut sum = Crc::new();
    pieces.iter().for_each(|piece| sum.update(piece));
    sum.sum()
}
