//! UTF-16 and UTF-32, in either order of bytes.
//!
//! Enters: units in any chunking, a unit or a pair of surrogates split too. Leaves: generalised UTF-8, in which a lone
//! surrogate is three bytes as any other character of its range. A watch runs along for what is in another set: text
//! in single bytes that reads as ideographs, and units that begin at the wrong byte.

use super::{End, write_utf8};
use crate::body::text::{Utf8, Watch};

/// Units in a row of which both bytes are letters, digits and signs of ASCII: in ideographs, once in 10^13. Kana, whose
/// first byte is a zero of ASCII, are not counted.
const NARROW: u32 = 24;
/// As many of them at the end of a text.
const NARROW_END: u32 = 8;
/// Units in a row that would be different characters of ASCII if their bytes were swapped.
const SWAPPED: u32 = 4;
/// The most text of such units that is held until it is known what they are.
const SUSPECT: usize = 512;

/// Whether bytes without a mark read as text in UTF-8.
pub(super) fn reads_as_utf8(start: &[u8]) -> bool {
    Watch::Utf8(Utf8::default()).look(start).is_none()
}

/// Whether four bytes are a scalar value or a surrogate.
pub(super) fn is_scalar(unit: &[u8], big: bool) -> bool {
    <[u8; 4]>::try_from(unit).is_ok_and(|unit| read(unit, big) <= 0x10_ffff)
}

fn read(unit: [u8; 4], big: bool) -> u32 {
    if big { u32::from_be_bytes(unit) } else { u32::from_le_bytes(unit) }
}

/// Appends a unit of UTF-32.
pub(super) fn write_unit(scalar: u32, big: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(&if big { scalar.to_be_bytes() } else { scalar.to_le_bytes() });
}

/// Appends a character in UTF-16.
pub(super) fn write_utf16(scalar: u32, big: bool, out: &mut Vec<u8>) {
    let mut unit = |unit: u32| {
        let unit = unit as u16;
        out.extend_from_slice(&if big { unit.to_be_bytes() } else { unit.to_le_bytes() });
    };
    match scalar.checked_sub(0x1_0000) {
        None => unit(scalar),
        Some(beyond) => {
            unit(0xd800 | beyond >> 10);
            unit(0xdc00 | beyond & 0x3ff);
        }
    }
}

/// Looks along the units of UTF-16 for what makes them none.
#[derive(Default)]
struct Contradiction {
    narrow: u32,
    swapped: u32,
    last: u16,
}

impl Contradiction {
    fn takes(&mut self, unit: u16) -> bool {
        let [high, low] = unit.to_be_bytes();
        let is_text = |byte: u8| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~');
        match is_text(high) && is_text(low) {
            true => self.narrow += u32::from(high != b'0'),
            false => self.narrow = 0,
        }
        if low != 0 || !is_text(high) {
            self.swapped = 0;
        } else if unit != self.last && unit != 0x3000 {
            // Blanks of ideographs, and rules drawn with one character, are text as it should be.
            self.swapped += 1;
        }
        self.last = unit;
        self.narrow < NARROW && self.swapped < SWAPPED
    }

    fn suspects(&self) -> bool {
        self.narrow > 0 || self.swapped > 0
    }
}

/// UTF-16 to UTF-8.
pub(in crate::body) struct Utf16Decoder {
    big: bool,
    /// The first byte of a unit.
    odd: Option<u8>,
    /// The first half of a pair.
    high: Option<u16>,
    watch: Contradiction,
    /// Text of the units that may be none.
    suspect: Vec<u8>,
}

impl Utf16Decoder {
    pub(super) fn new(big: bool) -> Self {
        Self { big, odd: None, high: None, watch: Contradiction::default(), suspect: Vec::new() }
    }

    pub(super) fn push(&mut self, input: &[u8], text: &mut Vec<u8>) -> Option<usize> {
        let (mut rest, mut at) = (input, 0);
        if let Some((second, after)) = rest.split_first()
            && let Some(first) = self.odd.take()
        {
            if !self.unit([first, *second], text) {
                self.odd = Some(first);
                return Some(0);
            }
            (rest, at) = (after, 1);
        }
        let units = rest.chunks_exact(2);
        let odd = units.remainder().first().copied();
        for unit in units {
            if let [first, second] = unit
                && !self.unit([*first, *second], text)
            {
                return Some(at);
            }
            at += 2;
        }
        self.odd = odd.or(self.odd);
        None
    }

    fn unit(&mut self, bytes: [u8; 2], text: &mut Vec<u8>) -> bool {
        let unit = if self.big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) };
        if !self.watch.takes(unit) {
            return false;
        }
        if self.suspect.len() > SUSPECT {
            self.watch = Contradiction::default();
        }
        if self.watch.suspects() {
            let mut suspect = std::mem::take(&mut self.suspect);
            self.decode(unit, &mut suspect);
            self.suspect = suspect;
        } else {
            text.append(&mut self.suspect);
            self.decode(unit, text);
        }
        true
    }

    fn decode(&mut self, unit: u16, text: &mut Vec<u8>) {
        match (self.high.take(), unit) {
            (Some(high), 0xdc00..=0xdfff) => {
                let beyond = u32::from(high & 0x3ff) << 10 | u32::from(unit & 0x3ff);
                return write_utf8(0x1_0000 + beyond, text);
            }
            (Some(high), _) => write_utf8(u32::from(high), text),
            (None, _) => {}
        }
        match unit {
            0..=0x7f => text.push(unit as u8),
            0xd800..=0xdbff => self.high = Some(unit),
            _ => write_utf8(u32::from(unit), text),
        }
    }

    pub(super) fn finish(&mut self, text: &mut Vec<u8>) -> Option<End> {
        if self.watch.narrow >= NARROW_END {
            return None;
        }
        text.append(&mut self.suspect);
        if let Some(high) = self.high.take() {
            write_utf8(u32::from(high), text);
        }
        Some(match self.odd.take() {
            None => End::default(),
            Some(odd) if self.big => End { tail: vec![odd], cut: None },
            // A reader who makes up for the lost byte would see this character.
            Some(odd) => {
                write_utf8(u32::from(odd), text);
                End { tail: Vec::new(), cut: Some((vec![odd, 0], 1)) }
            }
        })
    }

    pub(super) fn give_up(&mut self, text: &mut Vec<u8>) -> Vec<u8> {
        text.append(&mut self.suspect);
        let order = |unit: u16| if self.big { unit.to_be_bytes() } else { unit.to_le_bytes() };
        self.high.take().map(order).iter().flatten().copied().chain(self.odd.take()).collect()
    }

    pub(super) fn held(&self) -> usize {
        self.suspect.len()
    }
}

/// UTF-32 to UTF-8.
pub(in crate::body) struct Utf32Decoder {
    big: bool,
    /// The first bytes of a unit.
    part: Vec<u8>,
}

impl Utf32Decoder {
    pub(super) fn new(big: bool) -> Self {
        Self { big, part: Vec::new() }
    }

    pub(super) fn push(&mut self, input: &[u8], text: &mut Vec<u8>) -> Option<usize> {
        let mut at = 0;
        if !self.part.is_empty() {
            let had = self.part.len();
            at = (4 - had).min(input.len());
            self.part.extend_from_slice(input.get(..at).unwrap_or_default());
            let Ok(unit) = <[u8; 4]>::try_from(self.part.as_slice()) else { return None };
            if !self.unit(unit, text) {
                self.part.truncate(had);
                return Some(0);
            }
            self.part.clear();
        }
        let units = input.get(at..).unwrap_or_default().chunks_exact(4);
        let part = units.remainder();
        for unit in units {
            if <[u8; 4]>::try_from(unit).is_ok_and(|unit| !self.unit(unit, text)) {
                return Some(at);
            }
            at += 4;
        }
        self.part.extend_from_slice(part);
        None
    }

    fn unit(&self, unit: [u8; 4], text: &mut Vec<u8>) -> bool {
        let scalar = read(unit, self.big);
        let fits = scalar <= 0x10_ffff;
        if fits {
            write_utf8(scalar, text);
        }
        fits
    }

    pub(super) fn finish(&mut self, text: &mut Vec<u8>) -> End {
        let part = std::mem::take(&mut self.part);
        if self.big || part.is_empty() {
            return End { tail: part, cut: None };
        }
        let missing = 4_usize.saturating_sub(part.len());
        let mut whole = part.clone();
        whole.resize(4, 0);
        match <[u8; 4]>::try_from(whole.as_slice()) {
            Ok(unit) if self.unit(unit, text) => End { tail: Vec::new(), cut: Some((whole, missing)) },
            _ => End { tail: part, cut: None },
        }
    }

    pub(super) fn give_up(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.part)
    }
}
