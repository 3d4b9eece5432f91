//! Messages as gRPC frames them ("gRPC over HTTP2", Length-Prefixed-Message): a byte that says whether the message is
//! compressed, its length in four bytes, the message.
//!
//! Enters: frames in any chunking. Leaves: frames, each with the length of what it holds now. A message that nothing was
//! found in leaves as it came, compressed or not; one that changed is compressed again in its own coding. Kept: one
//! message, compressed and not, each at most [`BodyLimits::protobuf_message`].

use super::partial::Partial;
use super::walk::Walk;
use super::web;
use crate::body::coding::Decoding;
use crate::body::text::TextBody;
use crate::body::{BodyError, BodyErrorKind, BodyLimits, ContentCoding, Inspection, Transform};

/// The flag and the length.
pub(super) const PREFIX: usize = 5;

/// Redacts a body of framed messages.
pub(in crate::body) struct GrpcBody {
    walk: Walk,
    codings: Vec<ContentCoding>,
    limits: BodyLimits,
    /// The beginning of a frame.
    held: Vec<u8>,
    /// How many bytes of it there must be before it is looked at again.
    wanted: usize,
    /// What an answer is to say besides.
    partial: Option<Partial>,
    /// What reads the trailers of gRPC-Web.
    trailers: Option<Box<TextBody>>,
    /// Those have come: nothing follows them.
    ended: bool,
}

impl GrpcBody {
    pub(super) fn new(walk: Walk, codings: &[ContentCoding], limits: &BodyLimits, partial: Option<Partial>) -> Self {
        Self {
            walk,
            codings: codings.to_vec(),
            limits: limits.clone(),
            held: Vec::new(),
            wanted: PREFIX,
            partial,
            trailers: None,
            ended: false,
        }
    }

    /// The same in gRPC-Web: a frame of trailers may end it, which `text` reads.
    pub(super) fn for_web(mut self, text: TextBody) -> Self {
        self.trailers = Some(Box::new(text));
        self
    }

    pub(super) fn held(&self) -> usize {
        self.held.len()
    }

    pub(super) fn into_held(self) -> Vec<u8> {
        self.held
    }

    fn frames(
        &mut self,
        held: &[u8],
        done: &mut usize,
        out: &mut Vec<u8>,
        seen: &mut Inspection,
    ) -> Result<(), BodyError> {
        loop {
            let rest = held.get(*done..).unwrap_or_default();
            self.wanted = PREFIX;
            let Some(([flag, length @ ..], content)) = rest.split_first_chunk::<PREFIX>() else { return Ok(()) };
            let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
            let ends = *flag == web::TRAILERS && self.trailers.is_some();
            if *flag > 1 && !ends || self.ended {
                return Err(BodyErrorKind::ProtobufSyntax.into());
            }
            if length > self.limits.protobuf_message {
                return Err(BodyErrorKind::TooLarge.into());
            }
            self.wanted = PREFIX + length;
            let Some(message) = content.get(..length) else { return Ok(()) };
            let begin = out.len();
            let written = match &mut self.trailers {
                Some(text) if ends => end(message, text, out, seen),
                _ => self.frame(*flag == 1, message, out, seen),
            };
            if let Err(fault) = written {
                out.truncate(begin);
                return Err(fault);
            }
            self.ended = ends;
            seen.scanned += PREFIX as u64;
            *done += PREFIX + length;
        }
    }

    fn frame(
        &mut self,
        compressed: bool,
        message: &[u8],
        out: &mut Vec<u8>,
        seen: &mut Inspection,
    ) -> Result<(), BodyError> {
        let begin = out.len();
        out.push(u8::from(compressed));
        out.extend_from_slice(&[0; PREFIX - 1]);
        if compressed && !message.is_empty() {
            self.compressed(message, out, seen)?;
        } else {
            self.walk.message(message, out, seen)?;
            if self.tell(message, out)
                && let Some(flag) = out.get_mut(begin)
            {
                // What was empty and marked as compressed is neither now.
                *flag = 0;
            }
        }
        put_length(begin, out)
    }

    /// Writes behind the message what the answer is to say; whether there was anything.
    fn tell(&mut self, message: &[u8], out: &mut Vec<u8>) -> bool {
        let Some(mut partial) = self.partial.take() else { return false };
        partial.see_all(message);
        partial.write(out);
        true
    }

    fn compressed(&mut self, message: &[u8], out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        if self.codings.is_empty() {
            return Err(BodyErrorKind::CodingUnsupported.into());
        }
        let mut decoding = Decoding::new(&self.codings, &self.limits)?;
        let (mut rest, mut plain) = (message, Vec::new());
        while let Some(piece) = decoding.next_piece(&mut rest)? {
            plain.extend_from_slice(piece);
            if plain.len() > self.limits.protobuf_message {
                return Err(BodyErrorKind::TooLarge.into());
            }
        }
        // The frame is whole: what ends early is its coding, and such a fault never passes.
        decoding.finish().map_err(|_| BodyErrorKind::CodingInvalid)?;
        seen.held_peak = seen.held_peak.max(message.len() + plain.len());
        seen.opened(message.len(), plain.len());
        let mut redacted = Vec::with_capacity(plain.len());
        self.walk.message(&plain, &mut redacted, seen)?;
        self.tell(&plain, &mut redacted);
        if redacted == plain {
            out.extend_from_slice(message);
            return Ok(());
        }
        let mut encoding = decoding.encoding()?;
        encoding.write(&redacted, out)?;
        encoding.finish(out)
    }
}

/// Writes a frame of trailers.
fn end(fields: &[u8], text: &mut TextBody, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
    let begin = out.len();
    out.extend_from_slice(&[web::TRAILERS, 0, 0, 0, 0]);
    web::trailers(fields, text, out, seen)?;
    put_length(begin, out)
}

/// Writes the length of the frame that begins there into its prefix.
fn put_length(begin: usize, out: &mut [u8]) -> Result<(), BodyError> {
    let length = u32::try_from(out.len() - begin - PREFIX).map_err(|_| BodyErrorKind::TooLarge)?;
    if let Some(prefix) = out.get_mut(begin + 1..begin + PREFIX) {
        prefix.copy_from_slice(&length.to_be_bytes());
    }
    Ok(())
}

impl Transform for GrpcBody {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        self.held.extend_from_slice(input);
        seen.held_peak = seen.held_peak.max(self.held.len());
        if self.held.len() < self.wanted {
            return Ok(());
        }
        let mut held = std::mem::take(&mut self.held);
        let mut done = 0;
        let taken = self.frames(&held, &mut done, out, seen);
        held.drain(..done);
        self.held = held;
        taken
    }

    fn finish(&mut self, _out: &mut Vec<u8>, _seen: &mut Inspection) -> Result<(), BodyError> {
        if self.held.is_empty() { Ok(()) } else { Err(BodyErrorKind::Truncated.into()) }
    }
}
