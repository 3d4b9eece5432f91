//! The gzip format (RFC 1952), opened: members one after another, each with its header, deflated data, checksum and
//! length. All of it is checked; names, comments and extra fields do not leave, as the output is one plain member.
//!
//! Memory: the 32 KiB window and the tables of one inflater, below 128 KiB. Encoding is in `deflate.rs`.

use flate2::{Crc, Decompress};

use super::{BodyErrorKind, Step, deflate};

/// The flags of a member's header that have a meaning; the others must be zero.
const HEADER_CRC: u8 = 1 << 1;
const EXTRA: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const COMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0b1110_0000;

/// Where in a member the input stands, in the order of RFC 1952 section 2.3.
enum Place {
    /// Before a member: at the beginning, or where the body may end.
    Between,
    /// In the ten bytes that every member begins with.
    Fixed { at: usize },
    /// In the length of the extra field.
    ExtraLength { at: usize },
    /// In the extra field.
    Extra { left: usize },
    /// In the file name, which ends in NUL.
    Name,
    /// In the comment, which ends in NUL.
    Comment,
    /// In the checksum of the header.
    HeaderCrc { at: usize },
    /// In the deflated data.
    Deflated,
    /// In the checksum and the length of the data.
    Trailer { at: usize },
}

/// Opens gzip.
pub(super) struct Decoder {
    place: Place,
    flags: u8,
    /// A number that is coming in, least significant byte first.
    number: u64,
    /// Over the header, then over the data.
    crc: Crc,
    inflate: Decompress,
    members: bool,
}

impl Decoder {
    pub(super) fn new() -> Self {
        Self {
            place: Place::Between,
            flags: 0,
            number: 0,
            crc: Crc::new(),
            inflate: Decompress::new(false),
            members: false,
        }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.members && matches!(self.place, Place::Between)
    }

    pub(super) fn step(&mut self, input: &[u8], out: &mut [u8]) -> Result<Step, BodyErrorKind> {
        let mut done = Step::default();
        while let Some(rest) = input.get(done.read..) {
            if let Place::Deflated = self.place {
                let room = out.get_mut(done.written..).unwrap_or_default();
                let (step, ended) = deflate::inflate(&mut self.inflate, rest, room)?;
                self.crc.update(room.get(..step.written).unwrap_or_default());
                done.read += step.read;
                done.written += step.written;
                if ended {
                    self.number = 0;
                    self.place = Place::Trailer { at: 0 };
                    continue;
                }
                break;
            }
            let Some(byte) = rest.first() else { break };
            self.frame_byte(*byte)?;
            done.read += 1;
        }
        Ok(done)
    }

    /// Takes a byte of a header or a trailer.
    fn frame_byte(&mut self, byte: u8) -> Result<(), BodyErrorKind> {
        if !matches!(self.place, Place::Between | Place::HeaderCrc { .. } | Place::Trailer { .. }) {
            self.crc.update(&[byte]);
        }
        match self.place {
            Place::Between => {
                self.crc.reset();
                self.crc.update(&[byte]);
                self.place = Place::Fixed { at: 1 };
                check(byte == 0x1f)?;
            }
            Place::Fixed { at } => {
                match at {
                    1 => check(byte == 0x8b)?,
                    2 => check(byte == 8)?,
                    3 => {
                        check(byte & RESERVED == 0)?;
                        self.flags = byte;
                    }
                    _ => {}
                }
                self.place = if at == 9 { self.after_fixed() } else { Place::Fixed { at: at + 1 } };
            }
            Place::ExtraLength { at } => {
                self.take_number(at, byte);
                self.place = match (at, usize::try_from(self.number)) {
                    (0, _) => Place::ExtraLength { at: 1 },
                    (_, Ok(left @ 1..)) => Place::Extra { left },
                    _ => self.after_extra(),
                };
            }
            Place::Extra { left: 1 } => self.place = self.after_extra(),
            Place::Extra { left } => self.place = Place::Extra { left: left - 1 },
            Place::Name if byte == 0 => self.place = self.after_name(),
            Place::Comment if byte == 0 => self.place = self.after_comment(),
            Place::Name | Place::Comment => {}
            Place::HeaderCrc { at } => {
                self.take_number(at, byte);
                self.place = Place::HeaderCrc { at: at + 1 };
                if at == 1 {
                    check(self.number == u64::from(self.crc.sum() & 0xffff))?;
                    self.place = self.data();
                }
            }
            Place::Trailer { at } => {
                self.take_number(at, byte);
                self.place = Place::Trailer { at: at + 1 };
                if at == 7 {
                    check(self.number == u64::from(self.crc.sum()) | u64::from(self.crc.amount()) << 32)?;
                    self.members = true;
                    self.place = Place::Between;
                }
            }
            Place::Deflated => {}
        }
        Ok(())
    }

    fn take_number(&mut self, at: usize, byte: u8) {
        self.number = if at == 0 { u64::from(byte) } else { self.number | u64::from(byte) << (8 * at) };
    }

    fn after_fixed(&mut self) -> Place {
        if self.flags & EXTRA != 0 { Place::ExtraLength { at: 0 } } else { self.after_extra() }
    }

    fn after_extra(&mut self) -> Place {
        if self.flags & NAME != 0 { Place::Name } else { self.after_name() }
    }

    fn after_name(&mut self) -> Place {
        if self.flags & COMMENT != 0 { Place::Comment } else { self.after_comment() }
    }

    fn after_comment(&mut self) -> Place {
        if self.flags & HEADER_CRC != 0 { Place::HeaderCrc { at: 0 } } else { self.data() }
    }

    fn data(&mut self) -> Place {
        self.crc.reset();
        self.inflate.reset(false);
        Place::Deflated
    }
}

fn check(holds: bool) -> Result<(), BodyErrorKind> {
    if holds { Ok(()) } else { Err(BodyErrorKind::CodingInvalid) }
}
