//! Protobuf written and read again, apart from the program's own reader: messages as trees, and a reader that knows
//! from the tree which bytes are a message.

/// A field of a message.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Field {
    Varint(u32, u64),
    Fixed64(u32, u64),
    Fixed32(u32, u32),
    Bytes(u32, Vec<u8>),
    Message(u32, Vec<Field>),
    Group(u32, Vec<Field>),
}

pub(crate) fn text(number: u32, text: &str) -> Field {
    Field::Bytes(number, text.as_bytes().to_vec())
}

fn varint(mut number: u64, out: &mut Vec<u8>) {
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        out.push(if number > 0 { low | 0x80 } else { low });
        if number == 0 {
            return;
        }
    }
}

fn tag(number: u32, kind: u64, out: &mut Vec<u8>) {
    varint(u64::from(number) << 3 | kind, out);
}

pub(crate) fn encode(fields: &[Field]) -> Vec<u8> {
    let mut out = Vec::new();
    for field in fields {
        match field {
            Field::Varint(number, value) => {
                tag(*number, 0, &mut out);
                varint(*value, &mut out);
            }
            Field::Fixed64(number, value) => {
                tag(*number, 1, &mut out);
                out.extend_from_slice(&value.to_le_bytes());
            }
            Field::Fixed32(number, value) => {
                tag(*number, 5, &mut out);
                out.extend_from_slice(&value.to_le_bytes());
            }
            Field::Bytes(number, bytes) => {
                tag(*number, 2, &mut out);
                varint(bytes.len() as u64, &mut out);
                out.extend_from_slice(bytes);
            }
            Field::Message(number, fields) => {
                let content = encode(fields);
                tag(*number, 2, &mut out);
                varint(content.len() as u64, &mut out);
                out.extend_from_slice(&content);
            }
            Field::Group(number, fields) => {
                tag(*number, 3, &mut out);
                out.extend_from_slice(&encode(fields));
                tag(*number, 4, &mut out);
            }
        }
    }
    out
}

fn read_varint(bytes: &mut &[u8]) -> u64 {
    let mut number = 0;
    let mut shift = 0;
    loop {
        let (first, rest) = bytes.split_first().expect("the varint ends");
        *bytes = rest;
        number |= u64::from(first & 0x7f) << shift;
        shift += 7;
        if first & 0x80 == 0 {
            return number;
        }
    }
}

fn read<'a>(bytes: &mut &'a [u8], len: usize) -> &'a [u8] {
    let (taken, rest) = bytes.split_at_checked(len).expect("a length tells the truth");
    *bytes = rest;
    taken
}

/// Reads a message that has the fields of `like`, in their order and with their types, to its end.
pub(crate) fn decode_like(like: &[Field], mut bytes: &[u8]) -> Vec<Field> {
    let fields = decode_part(like, &mut bytes);
    assert!(bytes.is_empty(), "{} bytes too many", bytes.len());
    fields
}

fn decode_part(like: &[Field], bytes: &mut &[u8]) -> Vec<Field> {
    like.iter()
        .map(|like| {
            let tag = read_varint(bytes);
            let (number, kind) = ((tag >> 3) as u32, tag & 7);
            match (like, kind) {
                (Field::Varint(known, _), 0) if *known == number => Field::Varint(number, read_varint(bytes)),
                (Field::Fixed64(known, _), 1) if *known == number => {
                    Field::Fixed64(number, u64::from_le_bytes(read(bytes, 8).try_into().unwrap()))
                }
                (Field::Fixed32(known, _), 5) if *known == number => {
                    Field::Fixed32(number, u32::from_le_bytes(read(bytes, 4).try_into().unwrap()))
                }
                (Field::Bytes(known, _), 2) if *known == number => {
                    let len = read_varint(bytes) as usize;
                    Field::Bytes(number, read(bytes, len).to_vec())
                }
                (Field::Message(known, like), 2) if *known == number => {
                    let len = read_varint(bytes) as usize;
                    Field::Message(number, decode_like(like, read(bytes, len)))
                }
                (Field::Group(known, like), 3) if *known == number => {
                    let fields = decode_part(like, bytes);
                    assert_eq!(read_varint(bytes), u64::from(number) << 3 | 4);
                    Field::Group(number, fields)
                }
                // A number of an attribute that became a text.
                (Field::Varint(3, _) | Field::Fixed64(4, _), 2) if number == 1 => {
                    let len = read_varint(bytes) as usize;
                    Field::Bytes(1, read(bytes, len).to_vec())
                }
                _ => panic!("field {number} of wire type {kind} where {like:?} was"),
            }
        })
        .collect()
}
