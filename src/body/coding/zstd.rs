//! Zstandard (RFC 8878, as a content coding RFC 9659), opened and made: frames one after another, skippable ones
//! between them; what the skippable ones carry does not leave, as the output is one plain frame.
//!
//! Memory: decoding the frame's window, at most `BodyLimits::zstd_window` (8 MiB), and below 512 KiB beside it;
//! encoding below 1 MiB, with a window of 256 KiB.

use zstd::stream::raw::{self, CParameter, DParameter, InBuffer, Operation, OutBuffer};

use super::{BodyErrorKind, ROOM, Reach, Step};

/// The most bytes of a frame's header: magic number, descriptor, window, dictionary, size.
const HEADER: usize = 18;

/// What the library says of a frame whose window is above the limit.
const WINDOW_TOO_LARGE: &str = "Frame requires too much memory for decoding";

/// Opens zstd.
pub(super) struct Decoder {
    raw: raw::Decoder<'static>,
    /// The last byte taken ended a frame, and all of its output is out.
    at_frame_end: bool,
    /// The beginning of the frame at hand, until that tells its window.
    header: Vec<u8>,
    /// The largest window of a frame so far.
    window: u64,
}

impl Decoder {
    pub(super) fn new(window: u64) -> Result<Self, BodyErrorKind> {
        let mut raw = raw::Decoder::new().map_err(|_| BodyErrorKind::CodingInvalid)?;
        // The library takes 2^10 to 2^31; a limit between two powers is rounded down.
        let log = window.checked_ilog2().unwrap_or(0).clamp(10, 30);
        raw.set_parameter(DParameter::WindowLogMax(log)).map_err(|_| BodyErrorKind::CodingInvalid)?;
        Ok(Self { raw, at_frame_end: false, header: Vec::new(), window: 0 })
    }

    pub(super) fn is_complete(&self) -> bool {
        self.at_frame_end
    }

    pub(super) fn window(&self) -> u64 {
        self.window
    }

    /// Takes note of the frame's window, of bytes that were read of it.
    fn note(&mut self, read: &[u8]) {
        if self.header.len() < HEADER {
            let room = HEADER - self.header.len();
            self.header.extend_from_slice(read.get(..room).unwrap_or(read));
            self.window = self.window.max(window_of(&self.header).unwrap_or(0));
        }
    }

    pub(super) fn step(&mut self, input: &[u8], out: &mut [u8]) -> Result<Step, BodyErrorKind> {
        let mut from = InBuffer::around(input);
        let mut to = OutBuffer::around(out);
        // Each call ends at a frame's end at the latest.
        while to.pos() < to.capacity() && (from.pos() < input.len() || !self.at_frame_end) {
            let before = (from.pos(), to.pos());
            let hint = self.raw.run(&mut from, &mut to).map_err(|error| match error.to_string().as_str() {
                WINDOW_TOO_LARGE => BodyErrorKind::Expansion,
                _ => BodyErrorKind::CodingInvalid,
            })?;
            if before == (from.pos(), to.pos()) {
                break;
            }
            self.note(input.get(before.0..from.pos()).unwrap_or_default());
            self.at_frame_end = hint == 0;
            if self.at_frame_end {
                self.header.clear();
            }
        }
        Ok(Step { read: from.pos(), written: to.pos() })
    }
}

/// The window of a frame that begins so (RFC 8878 section 3.1.1.1), once that is told; a skippable one has none.
fn window_of(header: &[u8]) -> Option<u64> {
    let [descriptor, rest @ ..] = header.strip_prefix(&[0x28, 0xb5, 0x2f, 0xfd])? else { return None };
    if descriptor & 0x20 == 0 {
        let byte = *rest.first()?;
        let base = 1_u64 << (10 + (byte >> 3));
        return Some(base + base / 8 * u64::from(byte & 7));
    }
    // A single segment: the window is the content, whose size stands behind the dictionary's number.
    let dictionary = [0, 1, 2, 4].get(usize::from(descriptor & 3))?;
    let (length, more) = match descriptor >> 6 {
        0 => (1, 0),
        1 => (2, 256),
        2 => (4, 0),
        _ => (8, 0),
    };
    let size = rest.get(*dictionary..)?.get(..length)?;
    Some(size.iter().rev().fold(0_u64, |size, byte| size << 8 | u64::from(*byte)).saturating_add(more))
}

/// Makes zstd.
pub(super) struct Encoder {
    raw: raw::Encoder<'static>,
}

impl Encoder {
    pub(super) fn new() -> Result<Self, BodyErrorKind> {
        let mut raw = raw::Encoder::new(2).map_err(|_| BodyErrorKind::CodingInvalid)?;
        raw.set_parameter(CParameter::WindowLog(18)).map_err(|_| BodyErrorKind::CodingInvalid)?;
        Ok(Self { raw })
    }

    pub(super) fn run(&mut self, input: &[u8], reach: Reach, out: &mut Vec<u8>) -> Result<(), BodyErrorKind> {
        let mut from = InBuffer::around(input);
        loop {
            let start = out.len();
            out.resize(start + ROOM, 0);
            let room = out.get_mut(start..).unwrap_or_default();
            let mut to = OutBuffer::around(room);
            let result = match reach {
                _ if from.pos() < input.len() => self.raw.run(&mut from, &mut to).map(|_| 1),
                Reach::Write => Ok(0),
                Reach::Flush => self.raw.flush(&mut to),
                Reach::Finish => self.raw.finish(&mut to, true),
            };
            let written = to.pos();
            out.truncate(start + written);
            if result.map_err(|_| BodyErrorKind::CodingInvalid)? == 0 {
                return Ok(());
            }
        }
    }
}
