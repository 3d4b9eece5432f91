//! Brotli (RFC 7932), opened and made.
//!
//! Memory: decoding up to 16 MiB, the largest window that the format has (it grows with the body, and "large window"
//! streams are refused), and 256 KiB of tables; encoding below 1.5 MiB, with a window of 256 KiB. (Qualities above
//! 2 take two to twenty times that for a body that is smaller by a twentieth.)

use brotli::enc::StandardAlloc;
use brotli::enc::encode::{BrotliEncoderOperation, BrotliEncoderParameter, BrotliEncoderStateStruct};
use brotli::{BrotliDecompressStream, BrotliResult, BrotliState};

use super::{BodyErrorKind, ROOM, Reach, Step};

/// Opens brotli.
pub(super) struct Decoder {
    state: BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>,
    ended: bool,
    /// The window that the first byte asks for.
    window: u64,
}

impl Decoder {
    pub(super) fn new() -> Self {
        let alloc = StandardAlloc::default;
        Self { state: BrotliState::new_strict(alloc(), alloc(), alloc()), ended: false, window: 0 }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.ended
    }

    pub(super) fn window(&self) -> u64 {
        self.window
    }

    pub(super) fn step(&mut self, input: &[u8], out: &mut [u8]) -> Result<Step, BodyErrorKind> {
        let mut done = Step::default();
        if let Some(first) = input.first().filter(|_| self.window == 0) {
            self.window = window_of(*first);
        }
        if !self.ended {
            let (mut left, mut room, mut total) = (input.len(), out.len(), 0);
            let result = BrotliDecompressStream(
                &mut left,
                &mut done.read,
                input,
                &mut room,
                &mut done.written,
                out,
                &mut total,
                &mut self.state,
            );
            match result {
                BrotliResult::ResultSuccess => self.ended = true,
                BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => {}
                BrotliResult::ResultFailure => return Err(BodyErrorKind::CodingInvalid),
            }
        }
        if self.ended && done.read < input.len() {
            return Err(BodyErrorKind::CodingInvalid);
        }
        Ok(done)
    }
}

/// The window that a stream with this first byte has (RFC 7932 section 9.1: WBITS).
fn window_of(first: u8) -> u64 {
    let bits = match (first & 1, first >> 1 & 7, first >> 4 & 7) {
        (0, ..) => 16,
        (_, 0, 0) => 17,
        (_, 0, low) => 8 + low,
        (_, high, _) => 17 + high,
    };
    1 << bits
}

/// Makes brotli.
pub(super) struct Encoder {
    state: BrotliEncoderStateStruct<StandardAlloc>,
}

impl Encoder {
    pub(super) fn new() -> Self {
        let mut state = BrotliEncoderStateStruct::new(StandardAlloc::default());
        state.set_parameter(BrotliEncoderParameter::BROTLI_PARAM_QUALITY, 2);
        state.set_parameter(BrotliEncoderParameter::BROTLI_PARAM_LGWIN, 18);
        Self { state }
    }

    pub(super) fn run(&mut self, input: &[u8], reach: Reach, out: &mut Vec<u8>) -> Result<(), BodyErrorKind> {
        let operation = match reach {
            Reach::Write => BrotliEncoderOperation::BROTLI_OPERATION_PROCESS,
            Reach::Flush => BrotliEncoderOperation::BROTLI_OPERATION_FLUSH,
            Reach::Finish => BrotliEncoderOperation::BROTLI_OPERATION_FINISH,
        };
        let (mut left, mut read) = (input.len(), 0);
        loop {
            let mut written = out.len();
            out.resize(written + ROOM, 0);
            let mut room = ROOM;
            let fine = self.state.compress_stream(
                operation,
                &mut left,
                input,
                &mut read,
                &mut room,
                out,
                &mut written,
                &mut None,
                &mut |_, _, _, _| {},
            );
            out.truncate(written);
            if !fine {
                return Err(BodyErrorKind::CodingInvalid);
            }
            let more = match reach {
                Reach::Write | Reach::Flush => left > 0 || self.state.has_more_output(),
                Reach::Finish => !self.state.is_finished(),
            };
            if !more {
                return Ok(());
            }
        }
    }
}
