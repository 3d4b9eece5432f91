//! What gRPC-Web has beyond gRPC (gRPC's PROTOCOL-WEB): trailers as a last frame, and all of it as text in base64.
//!
//! The frame of trailers holds a field a line, as HTTP/1.1 has them; each is scanned as a text, and adds no line. As text
//! the body is base64 that may be padded wherever its sender flushed; it leaves with each frame encoded by itself.

use super::grpc::{GrpcBody, PREFIX};
use crate::body::text::TextBody;
use crate::body::{BodyError, BodyErrorKind, Inspection, Transform, base64};

/// The flag of a frame of trailers.
pub(super) const TRAILERS: u8 = 0x80;

/// Appends the fields of a frame of trailers, redacted.
pub(super) fn trailers(
    fields: &[u8],
    text: &mut TextBody,
    out: &mut Vec<u8>,
    seen: &mut Inspection,
) -> Result<(), BodyError> {
    for line in fields.split_inclusive(|byte| *byte == b'\n') {
        let end = line.len() - line.iter().rev().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let (field, line_end) = line.split_at(end);
        let from = out.len();
        text.push(field, out, seen)?;
        text.finish(out, seen)?;
        let written = out.get_mut(from..).unwrap_or_default();
        if written != field {
            written.iter_mut().filter(|byte| matches!(byte, b'\r' | b'\n')).for_each(|byte| *byte = b' ');
        }
        out.extend_from_slice(line_end);
        seen.scanned += line_end.len() as u64;
    }
    Ok(())
}

/// Redacts a body of frames in base64.
pub(in crate::body) struct TextFrames {
    frames: GrpcBody,
    /// Letters that make no whole group.
    open: Vec<u8>,
    decoded: Vec<u8>,
    written: Vec<u8>,
}

impl TextFrames {
    pub(super) fn new(frames: GrpcBody) -> Self {
        Self { frames, open: Vec::new(), decoded: Vec::new(), written: Vec::new() }
    }

    pub(super) fn held(&self) -> usize {
        self.frames.held() + self.open.len()
    }

    pub(super) fn into_held(self) -> Vec<u8> {
        let mut held = Vec::new();
        base64::encode(&self.frames.into_held(), &mut held);
        held.extend_from_slice(&self.open);
        held
    }

    /// Writes whole frames, each by itself.
    fn encode(&mut self, out: &mut Vec<u8>) {
        let mut rest = self.written.as_slice();
        while let Some([_, length @ ..]) = rest.first_chunk::<PREFIX>() {
            let length = PREFIX + usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX - PREFIX);
            let (frame, later) = rest.split_at(length.min(rest.len()));
            base64::encode(frame, out);
            rest = later;
        }
        self.written.clear();
    }
}

impl Transform for TextFrames {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        self.decoded.clear();
        let mut fault = None;
        for byte in input {
            self.open.push(*byte);
            if self.open.len() == 4 {
                if !base64::decode(&self.open, &mut self.decoded) {
                    fault = Some(BodyErrorKind::ProtobufSyntax);
                    break;
                }
                self.open.clear();
            }
        }
        let taken = self.frames.push(&self.decoded, &mut self.written, seen);
        self.encode(out);
        taken?;
        fault.map_or(Ok(()), |kind| Err(kind.into()))
    }

    fn finish(&mut self, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        if !self.open.is_empty() {
            return Err(BodyErrorKind::Truncated.into());
        }
        let ended = self.frames.finish(&mut self.written, seen);
        self.encode(out);
        ended
    }
}
