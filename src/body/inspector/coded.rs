//! Content in its codings: what enters are the bytes as they came, what leaves are the bytes that may be sent, in the same
//! codings. They are opened, the content is redacted by its reading, and they are made again. Memory is what the codings
//! state, [`PIECE`] bytes per layer, and what the reading holds back.
//!
//! A whole body is such content, and so is a part of a multipart body, whose head may name codings too. What those make
//! is held all together against the bytes that came from outside, so that codings within codings, and many parts, do not
//! multiply what a body may expand to.

use super::BodySpec;
use super::content::{self, Content};
use crate::body::coding::{Decoding, Encoding, PIECE};
use crate::body::{BodyError, Inspection, Meter};

/// Where it is counted what is seen.
pub(super) type Counts<'a> = (&'a mut Inspection, &'a mut Option<Box<Meter>>);

/// What it is that has the codings.
enum Extent {
    /// The body.
    Whole,
    /// A part of it, and what its decoders have made as far as that was counted.
    Part { counted: u64 },
}

/// Opens, reads, encodes.
pub(super) struct Coded {
    extent: Extent,
    decoding: Decoding,
    /// Made when the first bytes are to be encoded.
    encoding: Option<Encoding>,
    content: Content,
    /// Redacted bytes on their way to the encoding.
    pub(super) redacted: Vec<u8>,
    /// Bytes were encoded since the last flush.
    unflushed: bool,
}

impl Coded {
    /// A body.
    ///
    /// # Errors
    /// More codings than [`BodyLimits::coding_layers`](crate::body::BodyLimits::coding_layers).
    pub(super) fn new(spec: BodySpec) -> Result<Self, BodyError> {
        Self::with_extent(spec, Extent::Whole)
    }

    /// A part of a multipart body, which its form calls so.
    ///
    /// # Errors
    /// As [`Coded::new`].
    pub(super) fn part(spec: BodySpec, label: &[u8]) -> Result<Self, BodyError> {
        let mut coded = Self::with_extent(spec, Extent::Part { counted: 0 })?;
        coded.content.call(label);
        Ok(coded)
    }

    fn with_extent(spec: BodySpec, extent: Extent) -> Result<Self, BodyError> {
        Ok(Self {
            extent,
            decoding: Decoding::new(content::codings_around(&spec), &spec.limits)?,
            encoding: None,
            content: Content::new(spec),
            redacted: Vec::new(),
            unflushed: false,
        })
    }

    pub(super) fn is_identity(&self) -> bool {
        self.decoding.is_identity()
    }

    pub(super) fn held(&self) -> usize {
        self.content.held()
    }

    pub(super) fn weight(&self) -> usize {
        let encoding = self.encoding.as_ref().map_or(0, Encoding::weight);
        self.content.weight() + self.decoding.weight() + encoding
    }

    pub(super) fn push(
        &mut self,
        input: &mut &[u8],
        out: &mut Vec<u8>,
        room: usize,
        (seen, meter): Counts<'_>,
    ) -> Result<bool, BodyError> {
        let start = out.len();
        let result = loop {
            match self.push_piece(input, out, (seen, meter)) {
                Ok(false) => break Ok(true),
                Ok(true) if out.len() - start >= room => return Ok(false),
                Ok(true) => {}
                Err(fault) => break Err(fault),
            }
        };
        // What was decided before a fault leaves too, and at once: nothing comes after it.
        if result.is_err() || self.content.is_live() {
            self.flush(out)?;
        }
        result
    }

    /// Redacts the next piece of decoded bytes; `false` where there is none.
    fn push_piece(
        &mut self,
        input: &mut &[u8],
        out: &mut Vec<u8>,
        (seen, meter): Counts<'_>,
    ) -> Result<bool, BodyError> {
        self.count_made(seen)?;
        if self.decoding.is_identity() {
            let (piece, rest) = input.split_at_checked(PIECE).unwrap_or((input, &[]));
            *input = rest;
            if piece.is_empty() {
                return Ok(false);
            }
            self.extent.count(piece.len(), piece.len(), seen);
            if let Some(meter) = meter {
                meter.push(piece);
            }
            return self.content.push(piece, out, seen).map(|()| true);
        }
        let before = input.len();
        let piece = self.decoding.next_piece(input);
        let plain = piece.as_ref().map_or(0, |piece| piece.map_or(0, <[u8]>::len));
        self.extent.count(before - input.len(), plain, seen);
        let Some(piece) = piece? else { return Ok(false) };
        if let Some(meter) = meter {
            meter.push(piece);
        }
        let mut redacted = std::mem::take(&mut self.redacted);
        redacted.clear();
        let result = self.content.push(piece, &mut redacted, seen);
        let written = self.write(&redacted, out);
        self.redacted = redacted;
        result.and(written).map(|()| true)
    }

    /// Holds what the codings of parts have made against all that came.
    fn count_made(&mut self, seen: &mut Inspection) -> Result<(), BodyError> {
        let Extent::Part { counted } = &mut self.extent else { return Ok(()) };
        let made = self.decoding.made();
        seen.unfolded += made - *counted;
        *counted = made;
        self.decoding.hold(seen.unfolded, seen.came)
    }

    pub(super) fn write(&mut self, text: &[u8], out: &mut Vec<u8>) -> Result<(), BodyError> {
        if self.decoding.is_identity() {
            out.extend_from_slice(text);
            return Ok(());
        }
        if text.is_empty() {
            return Ok(());
        }
        self.unflushed = true;
        self.encoding()?.write(text, out)
    }

    fn encoding(&mut self) -> Result<&mut Encoding, BodyError> {
        let encoding = match self.encoding.take() {
            Some(encoding) => encoding,
            None => self.decoding.encoding()?,
        };
        Ok(self.encoding.insert(encoding))
    }

    pub(super) fn flush(&mut self, out: &mut Vec<u8>) -> Result<(), BodyError> {
        if self.decoding.is_identity() {
            return self.content.flush(out);
        }
        let mut redacted = std::mem::take(&mut self.redacted);
        redacted.clear();
        let flushed = self.content.flush(&mut redacted);
        let written = self.write(&redacted, out);
        self.redacted = redacted;
        flushed.and(written)?;
        match &mut self.encoding {
            Some(encoding) if std::mem::take(&mut self.unflushed) => encoding.flush(out),
            _ => Ok(()),
        }
    }

    pub(super) fn finish(&mut self, out: &mut Vec<u8>, (seen, meter): Counts<'_>) -> Result<(), BodyError> {
        while self.push_piece(&mut [].as_slice(), out, (seen, meter))? {}
        self.decoding.finish()?;
        let mut redacted = std::mem::take(&mut self.redacted);
        redacted.clear();
        let result = self.content.finish(&mut redacted, seen);
        self.write(&redacted, out)?;
        if result.is_err() {
            self.flush(out)?;
        } else if !self.decoding.is_identity() {
            self.encoding()?.finish(out)?;
        }
        result
    }

    /// As [`Coded::push`], of a part.
    pub(super) fn push_part(
        &mut self,
        input: &[u8],
        out: &mut Vec<u8>,
        seen: &mut Inspection,
    ) -> Result<(), BodyError> {
        self.push(&mut { input }, out, usize::MAX, (seen, &mut None)).map(drop)
    }

    /// As [`Coded::finish`], of a part.
    pub(super) fn finish_part(&mut self, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        // As of a body, one of no bytes is whole whatever its head says.
        if !self.decoding.is_identity() && self.decoding.used() == 0 {
            return Ok(());
        }
        self.finish(out, (seen, &mut None))
    }
}

impl Extent {
    /// Counts bytes that came, and what they are once opened.
    fn count(&self, came: usize, plain: usize, seen: &mut Inspection) {
        match self {
            Self::Whole => {
                seen.came += came as u64;
                seen.length += plain as u64;
            }
            // They came with the body.
            Self::Part { .. } => seen.opened(came, plain),
        }
    }
}
