//! Content codings, opened and made again while bytes stream.
//!
//! Enters: the encoded body in any chunking. Leaves: its decoded bytes, one bounded piece after another ([`Decoding`]);
//! and, on the other side of the redaction, the same codings made anew ([`Encoding`]). A body that does not decode,
//! ends early, goes on after its end or expands beyond the limits is an error, and nothing behind the fault leaves.
//!
//! What an inflated body costs in memory does not depend on its size: each layer keeps its decoder's window and one
//! piece of [`PIECE`] bytes. The windows are stated at each coding.

mod brotli;
mod deflate;
mod gzip;
#[cfg(test)]
mod tests;
mod zstd;

use std::fmt;

use super::{BodyError, BodyErrorKind, BodyLimits, ContentCoding};

/// The most decoded bytes that a layer hands on at once.
pub(crate) const PIECE: usize = 32 << 10;

/// Room that an encoder asks for in its output at a time.
const ROOM: usize = 4 << 10;

/// Whether bytes that nothing is said of are compressed: as gzip, zstd, LZ4, bzip2, xz or snappy begin, or as zlib opens.
pub(super) fn is_compressed(bytes: &[u8]) -> bool {
    const SIGNS: [&[u8]; 5] =
        [b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18", b"\xfd7zXZ\0", b"\xff\x06\0\0sNaPpY"];
    let bzip2 = || bytes.strip_prefix(b"BZh").and_then(|rest| rest.get(1..7)) == Some(b"1AY&SY");
    SIGNS.iter().any(|sign| bytes.starts_with(sign)) || bzip2() || deflate::is_zlib(bytes)
}

/// How far one step of a decoder came.
#[derive(Clone, Copy, Default)]
struct Step {
    /// Bytes of input used.
    read: usize,
    /// Bytes of output written.
    written: usize,
}

/// One coding being opened. A step uses all of the input, or fills all of the output.
enum Decoder {
    Gzip(gzip::Decoder),
    Deflate(deflate::Decoder),
    Brotli(Box<brotli::Decoder>),
    Zstd(zstd::Decoder),
}

impl Decoder {
    fn new(coding: ContentCoding, limits: &BodyLimits) -> Result<Option<Self>, BodyErrorKind> {
        Ok(Some(match coding {
            ContentCoding::Identity => return Ok(None),
            ContentCoding::Snappy => return Err(BodyErrorKind::CodingUnsupported),
            ContentCoding::Gzip => Self::Gzip(gzip::Decoder::new()),
            ContentCoding::Deflate => Self::Deflate(deflate::Decoder::new()),
            ContentCoding::Brotli => Self::Brotli(Box::new(brotli::Decoder::new())),
            ContentCoding::Zstd => Self::Zstd(zstd::Decoder::new(limits.zstd_window)?),
        }))
    }

    fn step(&mut self, input: &[u8], out: &mut [u8]) -> Result<Step, BodyErrorKind> {
        match self {
            Self::Gzip(decoder) => decoder.step(input, out),
            Self::Deflate(decoder) => decoder.step(input, out),
            Self::Brotli(decoder) => decoder.step(input, out),
            Self::Zstd(decoder) => decoder.step(input, out),
        }
    }

    /// Bytes of memory beside its window, and the window itself, as far as what came tells it.
    fn memory(&self) -> (usize, u64) {
        match self {
            Self::Gzip(_) | Self::Deflate(_) => (128 << 10, 0),
            Self::Brotli(decoder) => (256 << 10, decoder.window()),
            Self::Zstd(decoder) => (512 << 10, decoder.window()),
        }
    }

    /// Whether the input so far is complete: the body may end here.
    fn is_complete(&self) -> bool {
        match self {
            Self::Gzip(decoder) => decoder.is_complete(),
            Self::Deflate(decoder) => decoder.is_complete(),
            Self::Brotli(decoder) => decoder.is_complete(),
            Self::Zstd(decoder) => decoder.is_complete(),
        }
    }

    /// An encoder for what this decoder opens, in the same form. Asked for only when bytes were decoded.
    fn encoder(&self) -> Result<Encoder, BodyErrorKind> {
        Ok(match self {
            Self::Gzip(_) => Encoder::Deflate(deflate::Encoder::new(deflate::Form::Gzip)),
            Self::Deflate(decoder) => Encoder::Deflate(deflate::Encoder::new(decoder.form())),
            Self::Brotli(_) => Encoder::Brotli(Box::new(brotli::Encoder::new())),
            Self::Zstd(_) => Encoder::Zstd(zstd::Encoder::new()?),
        })
    }
}

/// A decoder and what it has decoded but not yet handed on.
struct Layer {
    decoder: Decoder,
    piece: Box<[u8]>,
    /// What of `piece` is still to be handed on.
    waiting: std::ops::Range<usize>,
    /// The last step filled the piece: there may be more without further input.
    full: bool,
    /// Bytes decoded since the beginning.
    made: u64,
}

/// Opens the codings of one body, the last applied first.
pub(crate) struct Decoding {
    /// In the order in which bytes meet them.
    layers: Vec<Layer>,
    /// Encoded bytes used since the beginning.
    used: u64,
    /// Bytes that the layers made since the beginning, all together.
    made: u64,
    expansion_ratio: u64,
    expansion_free: u64,
}

impl Decoding {
    /// Opens `codings`, given in the order in which they were applied.
    ///
    /// # Errors
    /// [`BodyErrorKind::CodingUnsupported`] for more layers than the limits allow.
    pub(crate) fn new(codings: &[ContentCoding], limits: &BodyLimits) -> Result<Self, BodyError> {
        let mut layers = Vec::new();
        for coding in codings.iter().rev() {
            if let Some(decoder) = Decoder::new(*coding, limits)? {
                let piece = vec![0; PIECE].into_boxed_slice();
                layers.push(Layer { decoder, piece, waiting: 0..0, full: false, made: 0 });
            }
        }
        if layers.len() > limits.coding_layers {
            return Err(BodyErrorKind::CodingUnsupported.into());
        }
        let BodyLimits { expansion_ratio, expansion_free, .. } = *limits;
        Ok(Self { layers, used: 0, made: 0, expansion_ratio, expansion_free })
    }

    /// Whether there is nothing to open.
    pub(crate) fn is_identity(&self) -> bool {
        self.layers.is_empty()
    }

    /// Bytes of memory that its decoders take. A window is there as far as something was written to it.
    pub(crate) fn weight(&self) -> usize {
        let weight = |layer: &Layer| {
            let (tables, window) = layer.decoder.memory();
            PIECE + tables + usize::try_from(layer.made.min(window)).unwrap_or(usize::MAX)
        };
        self.layers.iter().map(weight).sum()
    }

    /// Decodes the next piece, taking what it needs from the front of `input`; `None` when all of `input` is taken and
    /// everything that it says has been handed out. Not to be asked where there is nothing to open.
    ///
    /// # Errors
    /// What does not decode, and what expands beyond the limits.
    pub(crate) fn next_piece(&mut self, input: &mut &[u8]) -> Result<Option<&[u8]>, BodyError> {
        let Some(last) = self.layers.len().checked_sub(1) else { return Ok(None) };
        while let Some(at) = self.deepest_with_work(input) {
            self.run_layer(at, input)?;
            if at == last && self.layers.get(last).is_some_and(|layer| !layer.waiting.is_empty()) {
                let piece = self.layers.get_mut(last).map(Layer::hand_out);
                return Ok(piece);
            }
        }
        Ok(None)
    }

    /// The layer nearest to the text that can go on. Its own piece is empty, else the next one had work.
    fn deepest_with_work(&self, input: &[u8]) -> Option<usize> {
        (0..self.layers.len()).rev().find(|at| {
            let before = at.checked_sub(1).and_then(|before| self.layers.get(before));
            let fed = before.map_or(!input.is_empty(), |layer| !layer.waiting.is_empty());
            fed || self.layers.get(*at).is_some_and(|layer| layer.full)
        })
    }

    fn run_layer(&mut self, at: usize, input: &mut &[u8]) -> Result<(), BodyError> {
        let (before, from) = self.layers.split_at_mut(at);
        let Some(layer) = from.first_mut() else { return Ok(()) };
        match before.last_mut() {
            Some(source) => {
                let waiting = source.piece.get(source.waiting.clone()).unwrap_or_default();
                let read = layer.step(waiting)?;
                source.waiting.start += read;
            }
            None => {
                let read = layer.step(input)?;
                *input = input.get(read..).unwrap_or_default();
                self.used += read as u64;
            }
        }
        let made = layer.made;
        self.made += layer.waiting.len() as u64;
        // Every layer is held against the bytes that came, so that layers do not multiply the allowance.
        self.hold(made, self.used)
    }

    /// Encoded bytes used so far.
    pub(crate) fn used(&self) -> u64 {
        self.used
    }

    /// Bytes that the layers have made so far, all together.
    pub(crate) fn made(&self) -> u64 {
        self.made
    }

    /// Holds bytes that were made against those that came.
    ///
    /// # Errors
    /// [`BodyErrorKind::Expansion`] where they are more than the limits allow.
    pub(crate) fn hold(&self, made: u64, came: u64) -> Result<(), BodyError> {
        match made > self.expansion_free && made > came.saturating_mul(self.expansion_ratio) {
            true => Err(BodyErrorKind::Expansion.into()),
            false => Ok(()),
        }
    }

    /// Ends the body.
    ///
    /// # Errors
    /// [`BodyErrorKind::Truncated`] where a coding is not at its end.
    pub(crate) fn finish(&self) -> Result<(), BodyError> {
        match self.layers.iter().all(|layer| layer.decoder.is_complete()) {
            true => Ok(()),
            false => Err(BodyErrorKind::Truncated.into()),
        }
    }

    /// The same codings, to be made again. To be asked for once bytes came, as the bytes tell the form of `deflate`.
    ///
    /// # Errors
    /// [`BodyErrorKind::CodingInvalid`] where an encoder cannot be had.
    pub(crate) fn encoding(&self) -> Result<Encoding, BodyError> {
        let coders = self.layers.iter().rev().map(|layer| layer.decoder.encoder()).collect::<Result<_, _>>()?;
        Ok(Encoding { coders, from: Vec::new(), to: Vec::new() })
    }
}

impl Layer {
    /// Decodes into the piece, which is empty; gives how much of `input` was used.
    fn step(&mut self, input: &[u8]) -> Result<usize, BodyErrorKind> {
        let step = self.decoder.step(input, &mut self.piece)?;
        if step.read == 0 && step.written == 0 && !input.is_empty() {
            // No decoder stands still; one that did would hang the body.
            return Err(BodyErrorKind::CodingInvalid);
        }
        self.waiting = 0..step.written;
        self.full = step.written == self.piece.len();
        self.made += step.written as u64;
        Ok(step.read)
    }

    fn hand_out(&mut self) -> &[u8] {
        let waiting = std::mem::replace(&mut self.waiting, 0..0);
        self.piece.get(waiting).unwrap_or_default()
    }
}

impl fmt::Debug for Decoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Decoding({} layers, {} bytes used)", self.layers.len(), self.used)
    }
}

/// How far an encoder goes with what it has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// As far as it likes.
    Write,
    /// To a point from which a decoder can give all bytes so far.
    Flush,
    /// To the end of the coding.
    Finish,
}

/// One coding being made.
enum Encoder {
    Deflate(deflate::Encoder),
    Brotli(Box<brotli::Encoder>),
    Zstd(zstd::Encoder),
}

impl Encoder {
    /// The most bytes of memory that it takes, as each says.
    fn memory(&self) -> usize {
        match self {
            Self::Deflate(_) => 400 << 10,
            Self::Brotli(_) => 1536 << 10,
            Self::Zstd(_) => 1 << 20,
        }
    }

    fn run(&mut self, input: &[u8], reach: Reach, out: &mut Vec<u8>) -> Result<(), BodyErrorKind> {
        match self {
            Self::Deflate(encoder) => encoder.run(input, reach, out),
            Self::Brotli(encoder) => encoder.run(input, reach, out),
            Self::Zstd(encoder) => encoder.run(input, reach, out),
        }
    }
}

/// Makes codings again, the first applied first.
pub(crate) struct Encoding {
    coders: Vec<Encoder>,
    from: Vec<u8>,
    to: Vec<u8>,
}

impl Encoding {
    /// Bytes of memory that its encoders take.
    pub(crate) fn weight(&self) -> usize {
        self.coders.iter().map(Encoder::memory).sum()
    }

    /// Encodes the next bytes; what of them does not yet show in `out` is held in the encoders.
    ///
    /// # Errors
    /// [`BodyErrorKind::CodingInvalid`] where an encoder fails, which none does on bytes.
    pub(crate) fn write(&mut self, text: &[u8], out: &mut Vec<u8>) -> Result<(), BodyError> {
        self.run(text, Reach::Write, out)
    }

    /// Gives out all that is held in the encoders, so that a decoder can give every byte written so far.
    ///
    /// # Errors
    /// As [`Encoding::write`].
    pub(crate) fn flush(&mut self, out: &mut Vec<u8>) -> Result<(), BodyError> {
        self.run(&[], Reach::Flush, out)
    }

    /// Ends the codings.
    ///
    /// # Errors
    /// As [`Encoding::write`].
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), BodyError> {
        self.run(&[], Reach::Finish, out)
    }

    fn run(&mut self, text: &[u8], reach: Reach, out: &mut Vec<u8>) -> Result<(), BodyError> {
        let Some((last, inner)) = self.coders.split_last_mut() else {
            out.extend_from_slice(text);
            return Ok(());
        };
        let mut first = true;
        for coder in inner {
            self.to.clear();
            coder.run(if first { text } else { &self.from }, reach, &mut self.to)?;
            std::mem::swap(&mut self.from, &mut self.to);
            first = false;
        }
        last.run(if first { text } else { &self.from }, reach, out)?;
        Ok(())
    }
}

impl fmt::Debug for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Encoding({} layers)", self.coders.len())
    }
}
