//! The HTTP coding `deflate`: the zlib format (RFC 1950), or bare deflate data (RFC 1951) as some senders make it; the
//! first two bytes tell. The encoder makes the form that came, and the one gzip member that gzip leaves as.
//!
//! Memory: decoding below 128 KiB (window of 32 KiB), encoding below 400 KiB (the same window, hash chains, one block).

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::{BodyErrorKind, ROOM, Reach, Step};

/// The frame round deflated data.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Raw,
    Zlib,
    Gzip,
}

/// Where in the body the input stands.
enum Place {
    /// Before the two bytes that tell the form.
    Start { first: Option<u8> },
    /// In the data.
    Data,
    /// At the end: nothing may follow.
    End,
}

/// Opens `deflate`.
pub(super) struct Decoder {
    place: Place,
    form: Form,
    inflate: Decompress,
}

impl Decoder {
    pub(super) fn new() -> Self {
        Self { place: Place::Start { first: None }, form: Form::Zlib, inflate: Decompress::new(true) }
    }

    pub(super) fn is_complete(&self) -> bool {
        matches!(self.place, Place::End)
    }

    /// The form, known once bytes were decoded.
    pub(super) fn form(&self) -> Form {
        self.form
    }

    pub(super) fn step(&mut self, input: &[u8], out: &mut [u8]) -> Result<Step, BodyErrorKind> {
        let mut done = Step::default();
        while let Place::Start { first } = self.place {
            let Some(byte) = input.get(done.read) else { return Ok(done) };
            match first {
                None => {
                    self.place = Place::Start { first: Some(*byte) };
                    done.read += 1;
                }
                Some(first) => {
                    self.choose(first, *byte);
                    // Neither form gives anything for its first byte alone.
                    inflate(&mut self.inflate, &[first], &mut [0])?;
                    self.place = Place::Data;
                }
            }
        }
        let rest = input.get(done.read..).unwrap_or_default();
        if matches!(self.place, Place::Data) {
            let (step, ended) = inflate(&mut self.inflate, rest, out)?;
            done.read += step.read;
            done.written += step.written;
            if ended {
                self.place = Place::End;
            }
        }
        if matches!(self.place, Place::End) && done.read < input.len() {
            return Err(BodyErrorKind::CodingInvalid);
        }
        Ok(done)
    }

    fn choose(&mut self, first: u8, second: u8) {
        if !heads_zlib(first, second) {
            self.form = Form::Raw;
            self.inflate.reset(false);
        }
    }
}

/// Steps of [`ROOM`] bytes of output that a text in the zlib format may take before it is believed to be that.
const STEPS: usize = 16;

/// Whether bytes are data of the zlib format, or the beginning of such. Text that has its first two bytes as well goes wrong
/// soon, or does not come to an end.
pub(super) fn is_zlib(bytes: &[u8]) -> bool {
    let [first, second, ..] = *bytes else { return false };
    if !heads_zlib(first, second) {
        return false;
    }
    let (mut decompress, mut out, mut rest) = (Decompress::new(true), [0; ROOM], bytes);
    for _ in 0..STEPS {
        match inflate(&mut decompress, rest, &mut out) {
            Err(_) => return false,
            Ok((_, true)) => return true,
            Ok((Step { read: 0, written: 0 }, _)) => return std::str::from_utf8(bytes).is_err(),
            Ok((step, _)) => rest = rest.get(step.read..).unwrap_or_default(),
        }
    }
    true
}

/// RFC 1950 section 2.2: method 8, window at most 32 KiB, the two bytes a multiple of 31.
fn heads_zlib(first: u8, second: u8) -> bool {
    first & 0x0f == 8 && first >> 4 <= 7 && u16::from_be_bytes([first, second]).is_multiple_of(31)
}

/// One step of an inflater: how far it came, and whether the data ended there.
pub(super) fn inflate(inflate: &mut Decompress, input: &[u8], out: &mut [u8]) -> Result<(Step, bool), BodyErrorKind> {
    let (read, written) = (inflate.total_in(), inflate.total_out());
    let status = inflate.decompress(input, out, FlushDecompress::None).map_err(|_| BodyErrorKind::CodingInvalid)?;
    let step = Step {
        read: usize::try_from(inflate.total_in() - read).unwrap_or(input.len()),
        written: usize::try_from(inflate.total_out() - written).unwrap_or(out.len()),
    };
    Ok((step, status == Status::StreamEnd))
}

/// Makes deflated data in one of its forms.
pub(super) struct Encoder {
    deflate: Compress,
}

impl Encoder {
    pub(super) fn new(form: Form) -> Self {
        let level = Compression::new(4);
        let deflate = match form {
            Form::Raw => Compress::new(level, false),
            Form::Zlib => Compress::new(level, true),
            Form::Gzip => Compress::new_gzip(level, 15),
        };
        Self { deflate }
    }

    pub(super) fn run(&mut self, mut input: &[u8], reach: Reach, out: &mut Vec<u8>) -> Result<(), BodyErrorKind> {
        let flush = match reach {
            Reach::Write => FlushCompress::None,
            Reach::Flush => FlushCompress::Sync,
            Reach::Finish => FlushCompress::Finish,
        };
        loop {
            out.reserve(ROOM);
            let read = self.deflate.total_in();
            let status = self.deflate.compress_vec(input, out, flush).map_err(|_| BodyErrorKind::CodingInvalid)?;
            let read = usize::try_from(self.deflate.total_in() - read).unwrap_or(input.len());
            input = input.get(read..).unwrap_or_default();
            let room_left = out.len() < out.capacity();
            match status {
                Status::StreamEnd => return Ok(()),
                Status::Ok | Status::BufError if input.is_empty() && room_left && reach != Reach::Finish => {
                    return Ok(());
                }
                Status::BufError if room_left => return Err(BodyErrorKind::CodingInvalid),
                Status::Ok | Status::BufError => {}
            }
        }
    }
}
