//! Character sets other than UTF-8: what enters is text in one of them, what an inner reading gets is the same text in
//! UTF-8, and what leaves is in the set it came in.
//!
//! Sets of Unicode's wide forms (UTF-16, UTF-32) and those of the WHATWG's Encoding Standard that extend ASCII. Every
//! byte comes back as it was: what is malformed, and what another sequence would be written for, goes through the inner
//! reading as a lone surrogate (in the generalised UTF-8 that has room for those), which no set can spell. What is not
//! known, UTF-7, and sets that switch between tables (ISO-2022-JP) have no reading here.

mod legacy;
mod strict;
mod wide;

use encoding_rs::Encoding;

pub(super) use self::legacy::Legacy;
use super::BodyErrorKind;

/// How far the beginning of a body is looked at for the order of its bytes.
const ORDER: usize = 512;
/// Characters that speak for one order of bytes over those that speak for the other.
const LEAD: usize = 4;

/// A set that must be transcoded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Charset {
    /// UTF-16 (RFC 2781), most significant byte first or last.
    Utf16 {
        /// Most significant byte first.
        big: bool,
    },
    /// UTF-32, most significant byte first or last.
    Utf32 {
        /// Most significant byte first.
        big: bool,
    },
    /// One that extends ASCII.
    Legacy(&'static Encoding),
    /// UTF-8 that must be such to its end, since it is called otherwise too.
    Strict {
        /// All of it must be ASCII.
        ascii: bool,
    },
}

/// What a media type says about its character set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Named {
    /// Nothing.
    Nothing,
    /// UTF-8.
    Utf8,
    /// UTF-16, and whether its most significant byte comes first where that is said.
    Utf16(Option<bool>),
    /// UTF-32, as above.
    Utf32(Option<bool>),
    /// One that extends ASCII.
    Legacy(&'static Encoding),
    /// Something that is not known, or two things at once.
    Unknown,
}

impl Named {
    /// What a label means: those of the Encoding Standard, and other names of UTF-8, UTF-16, UTF-32 and of code pages, by the
    /// registry of IANA and in Python, Java and .NET.
    pub(super) fn by_label(label: &str) -> Self {
        let name = label.trim().to_ascii_lowercase();
        let known = Encoding::for_label_no_replacement(name.as_bytes());
        if let Some(encoding) = known.filter(|encoding| encoding.is_ascii_compatible()) {
            return if encoding == encoding_rs::UTF_8 { Self::Utf8 } else { Self::Legacy(encoding) };
        }
        // What these are has no other name that differs in signs alone.
        let letters: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        match letters.as_str() {
            // What `file` writes of bytes that it does not know the set of.
            "binary" | "unknown8bit" => Self::Nothing,
            "u8" | "utf" | "utf8" | "csutf8" | "utf8sig" | "utf8mb3" | "utf8mb4" | "cp65001" => Self::Utf8,
            "u16" | "utf16" | "csutf16" | "ucs2" | "csucs2" | "iso10646ucs2" | "csunicode" | "unicode" => {
                Self::Utf16(None)
            }
            "utf16le"
            | "csutf16le"
            | "unicodefeff"
            | "ucs2le"
            | "unicodelittle"
            | "unicodelittleunmarked"
            | "xutf16lebom"
            | "cp1200" => Self::Utf16(Some(false)),
            "utf16be" | "csutf16be" | "unicodefffe" | "ucs2be" | "unicodebig" | "unicodebigunmarked" | "cp1201" => {
                Self::Utf16(Some(true))
            }
            "u32" | "utf32" | "csutf32" | "ucs4" | "csucs4" | "iso10646ucs4" => Self::Utf32(None),
            "utf32le" | "csutf32le" | "ucs4le" | "xutf32lebom" | "cp12000" => Self::Utf32(Some(false)),
            "utf32be" | "csutf32be" | "ucs4be" | "xutf32bebom" | "cp12001" => Self::Utf32(Some(true)),
            "cp932" => Self::Legacy(encoding_rs::SHIFT_JIS),
            "cp936" => Self::Legacy(encoding_rs::GBK),
            "cp949" => Self::Legacy(encoding_rs::EUC_KR),
            "cp950" => Self::Legacy(encoding_rs::BIG5),
            "macroman" => Self::Legacy(encoding_rs::MACINTOSH),
            "cp874" => Self::Legacy(encoding_rs::WINDOWS_874),
            // `latin-1`, `windows1252`: a set of single bytes is ASCII to whoever does not know this name.
            _ => {
                let dashed = letters.strip_prefix("windows").map(|page| format!("windows-{page}"));
                match Encoding::for_label_no_replacement(dashed.as_ref().unwrap_or(&letters).as_bytes()) {
                    Some(encoding) if encoding.is_single_byte() => Self::Legacy(encoding),
                    Some(_) | None => Self::Unknown,
                }
            }
        }
    }
}

/// Judges by a body's beginning, which is not empty, which set it is in: `Ok(None)` where its bytes can be read as they
/// are; `None` where more of it is needed, which never happens once it has `ended` or [`ORDER`] bytes are there. A byte
/// order mark wins over what was said. `blanks_wait` where blanks at the beginning may be NULs' neighbours.
pub(super) fn judge(
    named: Named,
    blanks_wait: bool,
    start: &[u8],
    ended: bool,
) -> Option<Result<Option<Charset>, BodyErrorKind>> {
    const MARKS: [(&[u8], Option<Charset>); 5] = [
        (b"\xff\xfe\0\0", Some(Charset::Utf32 { big: false })),
        (b"\0\0\xfe\xff", Some(Charset::Utf32 { big: true })),
        (b"\xff\xfe", Some(Charset::Utf16 { big: false })),
        (b"\xfe\xff", Some(Charset::Utf16 { big: true })),
        (b"\xef\xbb\xbf", None),
    ];
    for (mark, charset) in MARKS {
        if start.starts_with(mark) {
            return Some(Ok(charset));
        }
        if !ended && mark.starts_with(start) {
            return None;
        }
    }
    let refused = Some(Err(BodyErrorKind::Charset));
    match named {
        Named::Unknown => refused,
        Named::Utf8 => Some(Ok(None)),
        Named::Nothing => sniff(blanks_wait, start, ended).map(Ok),
        Named::Legacy(encoding) => Some(Ok(Some(Charset::Legacy(encoding)))),
        Named::Utf16(said) => {
            let big = match (order(start, ended)?, said) {
                (Some(big), said) if said.is_none_or(|said| said == big) => big,
                // It says nothing of its order, and neither do its NULs: text in UTF-8 would read as these do.
                (None, Some(said)) if !wide::reads_as_utf8(start) => said,
                (Some(_) | None, _) => return refused,
            };
            Some(Ok(Some(Charset::Utf16 { big })))
        }
        Named::Utf32(Some(big)) => Some(Ok(Some(Charset::Utf32 { big }))),
        Named::Utf32(None) => match start {
            [_, _, _, _, ..] => {
                let fits = |big| start.chunks_exact(4).take(LEAD).all(|unit| wide::is_scalar(unit, big));
                match (fits(false), fits(true)) {
                    (true, false) => Some(Ok(Some(Charset::Utf32 { big: false }))),
                    (false, true) => Some(Ok(Some(Charset::Utf32 { big: true }))),
                    (true, true) if !ended && start.len() < 4 * LEAD => None,
                    _ => refused,
                }
            }
            _ if ended => refused,
            _ => None,
        },
    }
}

/// The wide form of a text of which nothing is said, by the NULs beside its first characters (RFC 4627 section 3).
fn sniff(blanks_wait: bool, start: &[u8], ended: bool) -> Option<Option<Charset>> {
    let first = *start.first()?;
    if first.is_ascii_whitespace() && !blanks_wait {
        return Some(None);
    }
    let is_set = |at: usize| start.get(at).is_some_and(|byte| *byte != 0);
    let is_nul = |at: usize| start.get(at) == Some(&0);
    Some(match start {
        [_, _, _, _, ..] if is_nul(0) && is_nul(1) && is_nul(2) && is_set(3) => Some(Charset::Utf32 { big: true }),
        [_, _, _, _, ..] if is_set(0) && is_nul(1) && is_nul(2) && is_nul(3) => Some(Charset::Utf32 { big: false }),
        [_, _, _, _, ..] if is_nul(0) && is_set(1) && is_nul(2) && is_set(3) => Some(Charset::Utf16 { big: true }),
        [_, _, _, _, ..] if is_set(0) && is_nul(1) && is_set(2) && is_nul(3) => Some(Charset::Utf16 { big: false }),
        [_, _, _, _, ..] => None,
        [0, second] if ended && *second != 0 => Some(Charset::Utf16 { big: true }),
        [_, 0] if ended && first != 0 => Some(Charset::Utf16 { big: false }),
        _ if ended => None,
        [_] | [_, 0, ..] | [0, ..] => return None,
        _ => None,
    })
}

/// Whether the characters of ASCII in UTF-16 that has no mark have their NUL first. `Some(None)` where none of them tell.
fn order(start: &[u8], ended: bool) -> Option<Option<bool>> {
    let text = start.get(..ORDER).unwrap_or(start);
    let is_text = |byte: u8| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~');
    let (mut big, mut little) = (0_usize, 0_usize);
    // Ideographs of which one byte is NUL are among others.
    let most = |big: usize, little: usize, units: usize| (2 * big.max(little) >= units).then_some(big > little);
    for (at, unit) in text.chunks_exact(2).enumerate() {
        match unit {
            [0, low] if is_text(*low) => big += 1,
            [low, 0] if is_text(*low) => little += 1,
            _ => {}
        }
        if big.abs_diff(little) >= LEAD
            && let Some(big) = most(big, little, at + 1)
        {
            return Some(Some(big));
        }
    }
    let known = || if big == little { None } else { most(big, little, text.len() / 2) };
    (ended || start.len() >= ORDER).then(known)
}

/// Text in a set, to UTF-8.
pub(super) enum Decoder {
    Utf16(wide::Utf16Decoder),
    Utf32(wide::Utf32Decoder),
    Legacy(Box<legacy::Decoder>),
    Strict(strict::Decoder),
}

impl Decoder {
    pub(super) fn new(charset: Charset) -> Self {
        match charset {
            Charset::Utf16 { big } => Self::Utf16(wide::Utf16Decoder::new(big)),
            Charset::Utf32 { big } => Self::Utf32(wide::Utf32Decoder::new(big)),
            Charset::Legacy(encoding) => Self::Legacy(Box::new(legacy::Decoder::new(Legacy::of(encoding)))),
            Charset::Strict { ascii } => Self::Strict(strict::Decoder::new(ascii)),
        }
    }

    /// Appends what the next bytes say. `Some` is the place from which on they are not in this set.
    pub(super) fn push(&mut self, input: &[u8], text: &mut Vec<u8>) -> Option<usize> {
        match self {
            Self::Utf16(decoder) => decoder.push(input, text),
            Self::Utf32(decoder) => decoder.push(input, text),
            Self::Legacy(decoder) => {
                decoder.push(input, text);
                None
            }
            Self::Strict(decoder) => decoder.push(input, text),
        }
    }

    /// Ends the text; `None` where what came last is not in this set.
    pub(super) fn finish(&mut self, text: &mut Vec<u8>) -> Option<End> {
        match self {
            Self::Utf16(decoder) => decoder.finish(text),
            Self::Utf32(decoder) => Some(decoder.finish(text)),
            Self::Legacy(decoder) => {
                decoder.finish(text);
                Some(End::default())
            }
            Self::Strict(decoder) => decoder.is_whole().then(End::default),
        }
    }

    /// Leaves off where a text is in another set: appends what was held, and gives the bytes behind it that are no
    /// whole character.
    pub(super) fn give_up(&mut self, text: &mut Vec<u8>) -> Vec<u8> {
        match self {
            Self::Utf16(decoder) => decoder.give_up(text),
            Self::Utf32(decoder) => decoder.give_up(),
            Self::Legacy(decoder) => {
                decoder.finish(text);
                Vec::new()
            }
            Self::Strict(decoder) => decoder.give_up(),
        }
    }

    /// Bytes held back here.
    pub(super) fn held(&self) -> usize {
        match self {
            Self::Utf16(decoder) => decoder.held(),
            Self::Utf32(_) => 0,
            Self::Legacy(decoder) => decoder.held(),
            Self::Strict(decoder) => decoder.held(),
        }
    }

    /// Whether the text has turned out to be UTF-8 whatever it is called, so that it needs no writing anew.
    pub(super) fn is_utf8(&self) -> bool {
        match self {
            Self::Legacy(decoder) => decoder.is_utf8(),
            Self::Strict(_) => true,
            Self::Utf16(_) | Self::Utf32(_) => false,
        }
    }
}

/// How a text ended that ended in the middle of a unit.
#[derive(Default, PartialEq, Eq, Debug)]
pub(super) struct End {
    /// Bytes behind the last character, as they came.
    pub(super) tail: Vec<u8>,
    /// The last character has lost its last bytes, which would all be NUL: how it would be written whole, and how many are
    /// missing.
    pub(super) cut: Option<(Vec<u8>, usize)>,
}

/// UTF-8, to a set.
pub(super) struct Encoder {
    charset: Charset,
    legacy: Option<legacy::Encoder>,
    /// A character that is not whole.
    pending: Vec<u8>,
}

impl Encoder {
    pub(super) fn new(charset: Charset) -> Self {
        let legacy = match charset {
            Charset::Legacy(encoding) => Some(legacy::Encoder::new(encoding)),
            Charset::Utf16 { .. } | Charset::Utf32 { .. } | Charset::Strict { .. } => None,
        };
        Self { charset, legacy, pending: Vec::new() }
    }

    /// Appends text in the set. What the set cannot spell becomes a question mark: it stands in replacements alone.
    pub(super) fn push(&mut self, text: &[u8], out: &mut Vec<u8>) {
        if self.pending.is_empty() {
            let taken = self.write(text, out);
            self.pending.extend_from_slice(text.get(taken..).unwrap_or_default());
            return;
        }
        let mut pending = std::mem::take(&mut self.pending);
        pending.extend_from_slice(text);
        let taken = self.write(&pending, out);
        pending.drain(..taken);
        self.pending = pending;
    }

    /// Writes whole characters and gives how far they go.
    fn write(&mut self, text: &[u8], out: &mut Vec<u8>) -> usize {
        let mut at = 0;
        loop {
            let rest = text.get(at..).unwrap_or_default();
            if let Some(legacy) = &mut self.legacy {
                let whole = match std::str::from_utf8(rest) {
                    Ok(whole) => whole,
                    Err(error) => {
                        std::str::from_utf8(rest.get(..error.valid_up_to()).unwrap_or_default()).unwrap_or("")
                    }
                };
                legacy.write(whole, out);
                at += whole.len();
            }
            let rest = text.get(at..).unwrap_or_default();
            match character(rest) {
                Character::Whole(scalar, len) => {
                    at += len;
                    match self.charset {
                        Charset::Utf16 { big } => wide::write_utf16(scalar, big, out),
                        Charset::Utf32 { big } => wide::write_unit(scalar, big, out),
                        Charset::Legacy(_) => out.push(legacy::escaped(scalar).unwrap_or(b'?')),
                        Charset::Strict { .. } => write_utf8(scalar, out),
                    }
                }
                Character::Open => return at,
                Character::None => {
                    at += 1;
                    self.stray(out);
                }
            }
        }
    }

    /// A byte of a character that a replacement has cut.
    fn stray(&self, out: &mut Vec<u8>) {
        match self.charset {
            Charset::Utf16 { big } => wide::write_utf16(0xfffd, big, out),
            Charset::Utf32 { big } => wide::write_unit(0xfffd, big, out),
            Charset::Legacy(_) | Charset::Strict { .. } => out.push(b'?'),
        }
    }

    /// Ends the text.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        if !std::mem::take(&mut self.pending).is_empty() {
            self.stray(out);
        }
    }
}

/// What stands at the beginning of generalised UTF-8.
enum Character {
    /// A scalar value or a surrogate, and its length.
    Whole(u32, usize),
    /// The beginning of one, or nothing.
    Open,
    /// A byte that begins none.
    None,
}

fn character(text: &[u8]) -> Character {
    let Some(first) = text.first() else { return Character::Open };
    let (len, bits) = match first {
        0..=0x7f => return Character::Whole(u32::from(*first), 1),
        0xc2..=0xdf => (2, first & 0x1f),
        0xe0..=0xef => (3, first & 0x0f),
        0xf0..=0xf4 => (4, first & 0x07),
        _ => return Character::None,
    };
    let mut scalar = u32::from(bits);
    for at in 1..len {
        match text.get(at) {
            None => return Character::Open,
            Some(byte) if byte & 0xc0 == 0x80 => scalar = scalar << 6 | u32::from(byte & 0x3f),
            Some(_) => return Character::None,
        }
    }
    let least = match len {
        2 => 0x80,
        3 => 0x800,
        _ => 0x1_0000,
    };
    if (least..=0x10_ffff).contains(&scalar) { Character::Whole(scalar, len) } else { Character::None }
}

/// Appends a scalar value or a surrogate in generalised UTF-8.
fn write_utf8(scalar: u32, text: &mut Vec<u8>) {
    match char::from_u32(scalar) {
        Some(letter) => text.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
        None => {
            let tail = |shift: u32| 0x80 | (scalar >> shift & 0x3f) as u8;
            text.extend_from_slice(&[0xe0 | (scalar >> 12 & 0x0f) as u8, tail(6), tail(0)]);
        }
    }
}

#[cfg(test)]
mod tests;
