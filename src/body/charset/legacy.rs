//! Sets that extend ASCII: the single-byte ones, and those of one to four bytes from East Asia.
//!
//! Enters: text in any chunking. Leaves: generalised UTF-8; bytes that are no character, and characters for which the
//! set would write other bytes, are lone surrogates, one a byte. Text that is called so and is UTF-8, by the first of
//! its bytes that are not ASCII, goes through as UTF-8: senders call it so out of habit, and readers know. The tables
//! are made once, from encoding_rs.

use std::sync::{Mutex, PoisonError};

use encoding_rs::{DecoderResult, EncoderResult, Encoding};

use super::write_utf8;

/// How many bytes of the first run that is not ASCII tell whether it is UTF-8.
const RUN: usize = 16;
/// Bytes that must be valid UTF-8 in a set of several bytes, where two may be so by chance.
const LEAST: usize = 6;
/// The first surrogate that stands for a byte.
const ESCAPE: u32 = 0xdc00;
/// In a table: a character for which the set would write something else.
const OTHER: u32 = u32::MAX;

/// The byte that a surrogate stands for.
pub(super) fn escaped(scalar: u32) -> Option<u8> {
    u8::try_from(scalar.checked_sub(ESCAPE)?).ok()
}

/// The tables of a set; 0 is no character.
pub(in crate::body) struct Legacy {
    encoding: &'static Encoding,
    /// Characters of one byte, from 0x80.
    one: Vec<u32>,
    /// Characters of two, by the first from 0x80 and the second; none in a single-byte set.
    two: Vec<u32>,
    /// Characters behind 0x8F in EUC-JP.
    three: Vec<u32>,
}

impl Legacy {
    /// The tables of a set, made when they are first asked for and kept to the end: there are some thirty sets.
    pub(in crate::body) fn of(encoding: &'static Encoding) -> &'static Self {
        static MADE: Mutex<Vec<&'static Legacy>> = Mutex::new(Vec::new());
        let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = made.iter().find(|known| known.encoding == encoding) {
            return known;
        }
        let new = Box::leak(Box::new(Self::new(encoding)));
        made.push(new);
        new
    }

    fn new(encoding: &'static Encoding) -> Self {
        let one = (0x80..=0xff).map(|byte| entry(encoding, &[byte])).collect();
        let pairs = |lead: Option<u8>| {
            let all = (0x80..=0xff_u8).flat_map(|first| (0..=0xff_u8).map(move |second| (first, second)));
            all.map(|(first, second)| match lead {
                None => entry(encoding, &[first, second]),
                Some(lead) => entry(encoding, &[lead, first, second]),
            })
            .collect()
        };
        let two = if encoding.is_single_byte() { Vec::new() } else { pairs(None) };
        let three = if encoding == encoding_rs::EUC_JP { pairs(Some(0x8f)) } else { Vec::new() };
        Self { encoding, one, two, three }
    }

    /// Whether a byte begins a sequence of several, be it one of a character or not.
    fn is_lead(&self, byte: u8) -> bool {
        match byte {
            0x8e | 0x8f | 0xa1..=0xfe if !self.three.is_empty() => true,
            0x81..=0x9f | 0xe0..=0xfc if self.encoding == encoding_rs::SHIFT_JIS => true,
            0x81..=0xfe => self.three.is_empty() && !self.two.is_empty() && self.encoding != encoding_rs::SHIFT_JIS,
            _ => false,
        }
    }

    fn has_four(&self) -> bool {
        self.encoding == encoding_rs::GBK || self.encoding == encoding_rs::GB18030
    }

    fn one(&self, byte: u8) -> u32 {
        byte.checked_sub(0x80).and_then(|at| self.one.get(usize::from(at))).copied().unwrap_or(0)
    }

    /// What stands at the beginning of bytes of which the first is not ASCII: the character, or how it is in its table,
    /// and its length; `None` where more must come.
    fn read(&self, bytes: &[u8]) -> Option<(u32, usize)> {
        let lead = *bytes.first()?;
        let one = self.one(lead);
        if one != 0 || !self.is_lead(lead) {
            return Some((one, 1));
        }
        let second = *bytes.get(1)?;
        if self.has_four() && second.is_ascii_digit() {
            return self.read_four(bytes);
        }
        if !self.three.is_empty() && lead == 0x8f && second >= 0xa1 {
            let third = *bytes.get(2)?;
            let found = pair(&self.three, second, third);
            return Some(if found == 0 && third < 0x80 { (0, 2) } else { (found, 3) });
        }
        let found = pair(&self.two, lead, second);
        Some(if found == 0 && second < 0x80 { (0, 1) } else { (found, 2) })
    }

    /// Four bytes of GB 18030. What is none is no character by its first byte alone, as the standard's decoder has it.
    fn read_four(&self, bytes: &[u8]) -> Option<(u32, usize)> {
        let third = *bytes.get(2)?;
        if !(0x81..=0xfe).contains(&third) {
            return Some((0, 1));
        }
        let fourth = *bytes.get(3)?;
        let four = bytes.get(..4).unwrap_or_default();
        Some(if fourth.is_ascii_digit() { (entry(self.encoding, four), 4) } else { (0, 1) })
    }
}

fn pair(table: &[u32], first: u8, second: u8) -> u32 {
    let row = usize::from(first.saturating_sub(0x80));
    table.get(row << 8 | usize::from(second)).copied().unwrap_or(0)
}

/// What bytes are in a table: one character, which is written as these bytes again; [`OTHER`]; or 0.
fn entry(encoding: &'static Encoding, bytes: &[u8]) -> u32 {
    let mut decoded = [0; 16];
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let (result, read, written) = decoder.decode_to_utf8_without_replacement(bytes, &mut decoded, true);
    if result != DecoderResult::InputEmpty || read != bytes.len() {
        return 0;
    }
    let Ok(text) = std::str::from_utf8(decoded.get(..written).unwrap_or_default()) else { return 0 };
    let mut letters = text.chars();
    let (Some(letter), None) = (letters.next(), letters.next()) else { return if text.is_empty() { 0 } else { OTHER } };
    let mut encoded = [0; 16];
    let (result, _, len) = encoding.new_encoder().encode_from_utf8_without_replacement(text, &mut encoded, true);
    let same = result == EncoderResult::InputEmpty && encoded.get(..len) == Some(bytes);
    if same { u32::from(letter) } else { OTHER }
}

/// What the text is in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Reading {
    /// ASCII, so far.
    Open,
    Set,
    Utf8,
}

/// A set to UTF-8.
pub(in crate::body) struct Decoder {
    legacy: &'static Legacy,
    reading: Reading,
    /// Bytes that are no whole character yet, or do not tell yet what the text is in.
    carry: Vec<u8>,
}

impl Decoder {
    pub(super) fn new(legacy: &'static Legacy) -> Self {
        Self { legacy, reading: Reading::Open, carry: Vec::new() }
    }

    pub(super) fn is_utf8(&self) -> bool {
        self.reading == Reading::Utf8
    }

    pub(super) fn held(&self) -> usize {
        self.carry.len()
    }

    pub(super) fn push(&mut self, input: &[u8], text: &mut Vec<u8>) {
        self.take(input, false, text);
    }

    pub(super) fn finish(&mut self, text: &mut Vec<u8>) {
        self.take(&[], true, text);
    }

    fn take(&mut self, input: &[u8], ended: bool, text: &mut Vec<u8>) {
        if self.carry.is_empty() {
            let taken = self.decode(input, ended, text);
            self.carry.extend_from_slice(input.get(taken..).unwrap_or_default());
            return;
        }
        let mut carry = std::mem::take(&mut self.carry);
        carry.extend_from_slice(input);
        let taken = self.decode(&carry, ended, text);
        carry.drain(..taken);
        self.carry = carry;
    }

    /// Decodes what is whole and gives how far it goes.
    fn decode(&mut self, bytes: &[u8], ended: bool, text: &mut Vec<u8>) -> usize {
        let mut at = 0;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            if self.reading == Reading::Utf8 {
                text.extend_from_slice(rest);
                return bytes.len();
            }
            let ascii = Encoding::ascii_valid_up_to(rest);
            let (plain, rest) = rest.split_at(ascii);
            text.extend_from_slice(plain);
            at += ascii;
            if rest.is_empty() {
                return at;
            }
            if self.reading == Reading::Open {
                match self.judge(rest, ended) {
                    None => return at,
                    Some(reading) => self.reading = reading,
                }
                continue;
            }
            match self.legacy.read(rest) {
                Some((0 | OTHER, len)) => {
                    let bytes = rest.get(..len).unwrap_or_default();
                    bytes.iter().for_each(|byte| write_utf8(ESCAPE + u32::from(*byte), text));
                    at += len;
                }
                Some((scalar, len)) => {
                    write_utf8(scalar, text);
                    at += len;
                }
                None if ended => {
                    rest.iter().for_each(|byte| write_utf8(ESCAPE + u32::from(*byte), text));
                    return bytes.len();
                }
                None => return at,
            }
        }
    }

    /// What a text is in whose first bytes that are not ASCII are these.
    fn judge(&self, bytes: &[u8], ended: bool) -> Option<Reading> {
        let run = bytes.get(..RUN).unwrap_or(bytes);
        let run = run.get(..run.iter().position(u8::is_ascii).unwrap_or(run.len())).unwrap_or(run);
        let whole = run.len() < bytes.len() || run.len() == RUN || ended;
        let valid = match std::str::from_utf8(run) {
            Ok(_) => true,
            // The run goes on behind what is looked at.
            Err(error) => error.error_len().is_none() && (run.len() == RUN || !whole),
        };
        let least = if self.legacy.two.is_empty() { 2 } else { LEAST };
        match (valid, whole) {
            (false, _) => Some(Reading::Set),
            (true, true) => Some(if run.len() >= least { Reading::Utf8 } else { Reading::Set }),
            (true, false) => None,
        }
    }
}

/// UTF-8 to a set.
pub(super) struct Encoder {
    encoder: encoding_rs::Encoder,
}

impl Encoder {
    pub(super) fn new(encoding: &'static Encoding) -> Self {
        Self { encoder: encoding.new_encoder() }
    }

    pub(super) fn write(&mut self, mut text: &str, out: &mut Vec<u8>) {
        let mut room = [0; 1024];
        while !text.is_empty() {
            let (result, read, written) = self.encoder.encode_from_utf8_without_replacement(text, &mut room, false);
            out.extend_from_slice(room.get(..written).unwrap_or_default());
            text = text.get(read..).unwrap_or_default();
            if matches!(result, EncoderResult::Unmappable(_)) {
                out.push(b'?');
            }
        }
    }
}
