//! The wire format of protobuf (protobuf.dev, "Encoding"): one field after another, each a tag and a value.
//!
//! Enters: bytes. Leaves: the field that they begin with, in slices of them, so that whoever keeps a field keeps its
//! very bytes, non-minimal varints included. Refused: field number 0, wire types without a meaning, tags above 32
//! bits, varints above 64, lengths above 2 GiB, a group that another one ends.

/// Groups within each other. They are long deprecated; no message known here has one.
pub(super) const GROUPS: usize = 8;

/// The most that a length may say (the format's own bound).
const MAX_LENGTH: u64 = i32::MAX as u64;

/// A field as it stands in a message.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Field<'a> {
    pub(super) number: u32,
    /// The tag as it was written.
    pub(super) tag: &'a [u8],
    pub(super) value: Value<'a>,
    /// All of its bytes.
    pub(super) whole: &'a [u8],
}

/// A field's value, by wire type.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// VARINT.
    Varint(u64),
    /// I64, as its bits.
    Fixed64(u64),
    /// I32.
    Fixed32,
    /// LEN: a string, bytes, a message, packed numbers.
    Bytes {
        /// The length as it was written.
        length: &'a [u8],
        bytes: &'a [u8],
    },
    /// SGROUP up to EGROUP.
    Group {
        /// The fields between.
        bytes: &'a [u8],
        /// The tag that ends it, as it was written.
        end: &'a [u8],
    },
}

/// Why no field can be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    /// The field has so many bytes, and not all are there.
    Short {
        /// All of its bytes.
        length: usize,
    },
    /// The field goes on; nothing tells for how long.
    Open,
    /// No field begins so.
    Malformed,
}

/// Reads the field that `bytes` begin with.
pub(super) fn field(bytes: &[u8]) -> Result<Field<'_>, Fault> {
    field_within(bytes, GROUPS)
}

/// Whether these bytes are fields from end to end, and at least one.
pub(super) fn is_message(mut bytes: &[u8]) -> bool {
    let some = !bytes.is_empty();
    while !bytes.is_empty() {
        let Ok(field) = field(bytes) else { return false };
        bytes = bytes.get(field.whole.len()..).unwrap_or_default();
    }
    some
}

/// Appends a number as a varint.
pub(super) fn put_varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn field_within(bytes: &[u8], groups: usize) -> Result<Field<'_>, Fault> {
    let (number, kind, head) = tag(bytes)?;
    let rest = bytes.get(head..).unwrap_or_default();
    let (value, len) = match kind {
        0 => varint(rest).map(|(number, len)| (Value::Varint(number), len))?,
        1 => {
            let Some((fixed, _)) = rest.split_first_chunk::<8>() else { return Err(Fault::Short { length: head + 8 }) };
            (Value::Fixed64(u64::from_le_bytes(*fixed)), 8)
        }
        2 => {
            let (length, len) = varint(rest)?;
            if length > MAX_LENGTH {
                return Err(Fault::Malformed);
            }
            let (length, content) =
                (usize::try_from(length).unwrap_or(usize::MAX), rest.get(len..).unwrap_or_default());
            let Some(content) = content.get(..length) else {
                return Err(Fault::Short { length: length.saturating_add(head + len) });
            };
            (Value::Bytes { length: rest.get(..len).unwrap_or_default(), bytes: content }, len + length)
        }
        3 => group(rest, number, groups)?,
        5 if rest.len() < 4 => return Err(Fault::Short { length: head + 4 }),
        5 => (Value::Fixed32, 4),
        _ => return Err(Fault::Malformed),
    };
    let tag = bytes.get(..head).unwrap_or_default();
    Ok(Field { number, tag, value, whole: bytes.get(..head + len).unwrap_or_default() })
}

fn group(bytes: &[u8], number: u32, groups: usize) -> Result<(Value<'_>, usize), Fault> {
    let inner = groups.checked_sub(1).ok_or(Fault::Malformed)?;
    let mut at = 0;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let (ended, kind, len) = tag(rest)?;
        if kind == 4 {
            let end = rest.get(..len).unwrap_or_default();
            let value = Value::Group { bytes: bytes.get(..at).unwrap_or_default(), end };
            return if ended == number { Ok((value, at + len)) } else { Err(Fault::Malformed) };
        }
        match field_within(rest, inner) {
            Ok(field) => at += field.whole.len(),
            Err(Fault::Malformed) => return Err(Fault::Malformed),
            Err(Fault::Short { .. } | Fault::Open) => return Err(Fault::Open),
        }
    }
}

/// The field number, the wire type, and how many bytes tell them.
fn tag(bytes: &[u8]) -> Result<(u32, u8, usize), Fault> {
    let (tag, len) = varint(bytes)?;
    let tag = u32::try_from(tag).map_err(|_| Fault::Malformed)?;
    match tag >> 3 {
        0 => Err(Fault::Malformed),
        number => Ok((number, (tag & 7) as u8, len)),
    }
}

/// A varint, and how many bytes it has: ten at most.
fn varint(bytes: &[u8]) -> Result<(u64, usize), Fault> {
    let mut number = 0;
    for (at, byte) in bytes.iter().take(10).enumerate() {
        if at == 9 && *byte > 1 {
            return Err(Fault::Malformed);
        }
        number |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Ok((number, at + 1));
        }
    }
    Err(Fault::Open)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    #[test]
    fn every_wire_type_is_read_in_its_own_bytes() {
        for (bytes, number, value) in [
            (&b"\x08\x96\x01"[..], 1, Value::Varint(150)),
            (b"\x88\x80\x00\x96\x81\x80\x00", 1, Value::Varint(150)),
            (b"\x11\x01\0\0\0\0\0\0\0", 2, Value::Fixed64(1)),
            (b"\x1d\x01\0\0\0", 3, Value::Fixed32),
            (b"\x22\x02hi", 4, Value::Bytes { length: b"\x02", bytes: b"hi" }),
            (b"\x22\x82\x00hi", 4, Value::Bytes { length: b"\x82\x00", bytes: b"hi" }),
            (b"\x2b\x08\x01\x33\x34\x2c", 5, Value::Group { bytes: b"\x08\x01\x33\x34", end: b"\x2c" }),
        ] {
            let mut more = bytes.to_vec();
            more.extend_from_slice(b"rest");
            let field = field(&more).ok().unwrap();
            assert!(field.number == number && field.value == value && field.whole == bytes, "{bytes:x?}");
            for end in 0..bytes.len() {
                let cut = super::field(bytes.get(..end).unwrap());
                assert!(matches!(cut, Err(Fault::Short { .. } | Fault::Open)), "{bytes:x?} to {end}");
            }
            assert!(is_message(bytes));
        }
    }

    #[test]
    fn what_is_no_field_is_malformed() {
        let long_tag = [0x80; 10];
        let deep: Vec<u8> = std::iter::repeat_n(0x0b, GROUPS + 1).collect();
        for bytes in [
            &b"\x00\x01"[..],                                // field 0
            b"\x0e\x01",                                     // wire type 6
            b"\x0f\x01",                                     // wire type 7
            b"\x0c",                                         // the end of no group
            b"\x0b\x14",                                     // a group that another one ends
            b"\x88\x80\x80\x80\x10\x01",                     // a tag of 33 bits
            b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", // a varint of 65 bits
            b"\x0a\x80\x80\x80\x80\x08",                     // 2 GiB
            &long_tag,
            &deep,
        ] {
            assert_eq!(field(bytes).err(), Some(Fault::Malformed), "{bytes:x?}");
            assert!(!is_message(bytes));
        }
        assert!(!is_message(b""));
        assert_eq!(field(b"\x0a\xff\xff\xff\xff\x07").err(), Some(Fault::Short { length: 6 + i32::MAX as usize }));
    }

    #[test]
    fn varints_are_written_shortest() {
        for number in [0, 1, 127, 128, 16_383, 16_384, u64::from(u32::MAX), u64::MAX] {
            let mut bytes = Vec::new();
            put_varint(number, &mut bytes);
            assert_eq!(varint(&bytes), Ok((number, bytes.len())));
            assert!(bytes.len() == 1 || bytes.last() != Some(&0));
        }
    }
}
