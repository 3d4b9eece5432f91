//! A message in one block of snappy, as Loki and Prometheus have it pushed: no frames, no checksum, the length of the
//! content before it.
//!
//! Enters: the block in any chunking. Leaves: the block as it came where nothing was found, else one made anew. The
//! format cannot be opened in pieces, so all of it is kept, compressed and not, each at most
//! [`BodyLimits::protobuf_message`]; the length is held against that and the limits of expansion before anything is
//! opened.

use super::walk::Walk;
use crate::body::{BodyError, BodyErrorKind, BodyLimits, Inspection, Transform};

/// Redacts a body that is one block.
pub(in crate::body) struct SnappyBody {
    walk: Walk,
    limits: BodyLimits,
    held: Vec<u8>,
}

impl SnappyBody {
    pub(super) fn new(walk: Walk, limits: &BodyLimits) -> Self {
        Self { walk, limits: limits.clone(), held: Vec::new() }
    }

    pub(super) fn held(&self) -> usize {
        self.held.len()
    }

    pub(super) fn into_held(self) -> Vec<u8> {
        self.held
    }

    fn open(&self) -> Result<Vec<u8>, BodyErrorKind> {
        let length = snap::raw::decompress_len(&self.held).map_err(|_| BodyErrorKind::CodingInvalid)?;
        if length > self.limits.protobuf_message {
            return Err(BodyErrorKind::TooLarge);
        }
        let (length, came) = (length as u64, self.held.len() as u64);
        if length > self.limits.expansion_free && length > came.saturating_mul(self.limits.expansion_ratio) {
            return Err(BodyErrorKind::Expansion);
        }
        snap::raw::Decoder::new().decompress_vec(&self.held).map_err(|_| BodyErrorKind::CodingInvalid)
    }
}

impl Transform for SnappyBody {
    fn push(&mut self, input: &[u8], _out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        self.held.extend_from_slice(input);
        seen.held_peak = seen.held_peak.max(self.held.len());
        if self.held.len() > self.limits.protobuf_message { Err(BodyErrorKind::TooLarge.into()) } else { Ok(()) }
    }

    fn finish(&mut self, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        if self.held.is_empty() {
            return Ok(());
        }
        let plain = self.open()?;
        seen.held_peak = seen.held_peak.max(self.held.len() + plain.len());
        let mut redacted = Vec::with_capacity(plain.len());
        seen.opened(self.held.len(), plain.len());
        self.walk.message(&plain, &mut redacted, seen)?;
        if redacted == plain {
            out.append(&mut self.held);
            return Ok(());
        }
        let block = snap::raw::Encoder::new().compress_vec(&redacted).map_err(|_| BodyErrorKind::CodingInvalid)?;
        out.extend_from_slice(&block);
        self.held.clear();
        Ok(())
    }
}
