//! Spellings of a text and readers of them, written from the formats' own rules and not from the engine.

use std::fmt::Write as _;

/// Base64 (RFC 4648 section 4).
pub(crate) const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// Base64 for URLs (RFC 4648 section 5).
pub(crate) const URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Values and a part of each that may not be read any more.
pub(crate) const VALUES: &[(&str, &str)] = &[
    ("4111 1111 1111 1111", "411111111111"),
    ("4111-1111-1111-1111", "411111111111"),
    ("078-05-1120", "1120"),
    ("(212) 555-0123", "212"),
    ("jane@example.com", "example"),
];

pub(crate) fn base64(text: &[u8], alphabet: &[u8; 64], padded: bool) -> String {
    let mut out = String::new();
    for chunk in text.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            if place <= chunk.len() {
                out.push(char::from(alphabet[(bits >> (18 - 6 * place) & 63) as usize]));
            } else if padded {
                out.push('=');
            }
        }
    }
    out
}

/// The bytes of a run, padded or not; nothing if it is broken.
pub(crate) fn unbase64(run: &str, alphabet: &[u8; 64]) -> Option<Vec<u8>> {
    let digits = run.trim_end_matches('=');
    let fill = run.len() - digits.len();
    if digits.len() % 4 == 1 || (fill > 0 && (fill > 2 || !run.len().is_multiple_of(4))) {
        return None;
    }
    let mut out = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for byte in digits.bytes() {
        let value = alphabet.iter().position(|one| *one == byte)?;
        bits = bits << 6 | u32::try_from(value).ok()?;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
    Some(out)
}

pub(crate) fn hex(text: &[u8], upper: bool) -> String {
    text.iter().fold(String::new(), |mut all, byte| {
        let _ = if upper { write!(all, "{byte:02X}") } else { write!(all, "{byte:02x}") };
        all
    })
}

pub(crate) fn unhex(run: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = run.chars().map(|digit| Some(digit.to_digit(16)? as u8)).collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

/// What a reader of any of the spellings would get: escapes opened once, look-alikes as what they look like.
pub(crate) fn read(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (character, len) = encoded(rest).unwrap_or((first, first.len_utf8()));
        rest = &rest[len..];
        plain.extend(look(character));
    }
    plain
}

/// The encoded character that a text begins with, and its length.
fn encoded(text: &str) -> Option<(char, usize)> {
    match text.as_bytes()[0] {
        b'%' if text.starts_with("%u") => Some((char::from_u32(u32::from_str_radix(text.get(2..6)?, 16).ok()?)?, 6)),
        b'%' if text.starts_with("%25") => percent(text, "%25").or_else(|| percent(text, "%")),
        b'%' => percent(text, "%"),
        b'&' => {
            let rest = text.strip_prefix("&amp;").unwrap_or(&text[1..]);
            let name = &rest[..rest.find(';').filter(|end| *end < 12)?];
            let character = match name.strip_prefix('#') {
                Some(number) => match number.strip_prefix(['x', 'X']) {
                    Some(number) => char::from_u32(u32::from_str_radix(number, 16).ok()?)?,
                    None => char::from_u32(number.parse().ok()?)?,
                },
                None => match name {
                    "commat" => '@',
                    "period" => '.',
                    "hyphen" | "dash" => '-',
                    "nbsp" => ' ',
                    "lpar" => '(',
                    "rpar" => ')',
                    "shy" | "zwnj" | "ZeroWidthSpace" => '\u{200B}',
                    _ => return None,
                },
            };
            Some((character, text.len() - rest.len() + name.len() + 1))
        }
        b'\\' => {
            let slashes = text.len() - text.trim_start_matches('\\').len();
            let unit = |at: usize, len: usize| u32::from_str_radix(text.get(at..at + len)?, 16).ok();
            match text.as_bytes().get(slashes)? {
                b'x' => Some((char::from_u32(unit(slashes + 1, 2)?)?, slashes + 3)),
                b'u' if text[slashes + 1..].starts_with('{') => {
                    let digits = text[slashes + 2..].find('}').filter(|count| *count <= 6)?;
                    Some((char::from_u32(unit(slashes + 2, digits)?)?, slashes + 3 + digits))
                }
                b'0' | b'1' => {
                    let value = u32::from_str_radix(text.get(slashes..slashes + 3)?, 8).ok()?;
                    Some((char::from_u32(value).filter(|character| (' '..='~').contains(character))?, slashes + 3))
                }
                b'u' => {
                    let (first, len) = (unit(slashes + 1, 4)?, slashes + 5);
                    if let Some(character) = char::from_u32(first) {
                        return Some((character, len));
                    }
                    let second = unit(len + slashes + 1, 4)?;
                    let pair = [u16::try_from(first).ok()?, u16::try_from(second).ok()?];
                    Some((char::decode_utf16(pair).next()?.ok()?, 2 * len))
                }
                _ => None,
            }
        }
        // A soft line break has no width.
        b'=' if text.starts_with("=\r\n") => Some(('\u{200B}', 3)),
        b'=' if text.starts_with("=\n") => Some(('\u{200B}', 2)),
        b'=' => percent(text, "=").filter(|(character, _)| !character.is_ascii_alphanumeric()),
        _ => None,
    }
}

/// One character of UTF-8 whose bytes each stand behind a sign, and the length of all of it.
fn percent(text: &str, sign: &str) -> Option<(char, usize)> {
    let mut rest = text;
    let mut bytes = Vec::new();
    for _ in 0..4 {
        let digits = rest.strip_prefix(sign)?;
        bytes.push(u8::from_str_radix(digits.get(..2)?, 16).ok()?);
        rest = &digits[2..];
        if let Ok(whole) = std::str::from_utf8(&bytes) {
            return Some((whole.chars().next()?, text.len() - rest.len()));
        }
    }
    None
}

/// What a character looks like; nothing where it cannot be seen.
fn look(character: char) -> Option<char> {
    let code = character as u32;
    let digits = [0x660, 0x6F0, 0x966, 0x1D7CE, 0x1D7F6];
    if let Some(zero) = digits.into_iter().find(|zero| (*zero..zero + 10).contains(&code)) {
        return char::from_u32(code - zero + u32::from(b'0'));
    }
    match code {
        0xAD | 0x200B..=0x200D | 0x2060 | 0x20E3 | 0xFE0F | 0xFEFF => None,
        0xA0 | 0x2003 | 0x202F | 0x3000 => Some(' '),
        0x2010..=0x2015 | 0x2212 => Some('-'),
        0x2024 | 0x3002 | 0xFF61 => Some('.'),
        0xFE6B => Some('@'),
        0xFF01..=0xFF5E => char::from_u32(code - 0xFEE0),
        // Letters of mathematics: bold, sans-serif, monospace.
        0x1D400..0x1D434 | 0x1D5A0..0x1D5D4 | 0x1D670..0x1D6A4 => {
            let letter = (code - 0x1D400) % 52;
            char::from_u32(if letter < 26 { u32::from(b'A') + letter } else { u32::from(b'a') + letter - 26 })
        }
        _ => Some(character),
    }
}

/// An encoding, and what opens it.
pub(crate) struct Layer {
    pub(crate) name: &'static str,
    pub(crate) encode: fn(&str) -> String,
    pub(crate) decode: fn(&str) -> Option<String>,
}

pub(crate) const LAYERS: &[Layer] = &[
    Layer {
        name: "percent, what must be",
        encode: |text| each(text, is_unreserved, |byte| format!("%{byte:02X}")),
        decode: unpercent,
    },
    Layer {
        name: "percent, all",
        encode: |text| each(text, |_| false, |byte| format!("%{byte:02x}")),
        decode: unpercent,
    },
    Layer { name: "references", encode: |text| characters(text, |code| format!("&#{code};")), decode: unreference },
    Layer {
        name: "references, what must be",
        encode: |text| each(text, |byte| !b"&<>\"'@=".contains(&byte), |byte| format!("&#x{byte:x};")),
        decode: unreference,
    },
    Layer { name: "escapes", encode: |text| characters(text, |code| format!("\\u{code:04x}")), decode: unescape },
    Layer {
        name: "escapes, what must be",
        encode: |text| each(text, |byte| !b"\"\\%&@=+/".contains(&byte), |byte| format!("\\u{byte:04X}")),
        decode: unescape,
    },
    Layer {
        name: "quoted-printable",
        encode: |text| each(text, |byte| byte.is_ascii() && !b"=@".contains(&byte), |byte| format!("={byte:02X}")),
        decode: |text| bytes(text, b'='),
    },
    Layer { name: "full width", encode: |text| text.chars().map(wide).collect(), decode: narrow },
    Layer {
        name: "base64",
        encode: |text| base64(text.as_bytes(), STANDARD, true),
        decode: |run| text_of(run, STANDARD),
    },
    Layer {
        name: "base64 unpadded",
        encode: |text| base64(text.as_bytes(), STANDARD, false),
        decode: |run| text_of(run, STANDARD),
    },
    Layer {
        name: "base64 for URLs",
        encode: |text| base64(text.as_bytes(), URL, false),
        decode: |run| text_of(run, URL),
    },
    Layer { name: "hexadecimal", encode: |text| hex(text.as_bytes(), false), decode: unhex_text },
    Layer { name: "hexadecimal, upper case", encode: |text| hex(text.as_bytes(), true), decode: unhex_text },
];

fn each(text: &str, stays: impl Fn(u8) -> bool, spell: impl Fn(u8) -> String) -> String {
    let encoded = text.bytes().flat_map(|byte| if stays(byte) { vec![byte] } else { spell(byte).into_bytes() });
    String::from_utf8(encoded.collect()).unwrap()
}

fn characters(text: &str, spell: impl Fn(u32) -> String) -> String {
    text.chars().map(|character| spell(u32::from(character))).collect()
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

fn wide(character: char) -> char {
    match character {
        ' ' => '\u{3000}',
        '!'..='~' => char::from_u32(u32::from(character) + 0xFEE0).unwrap(),
        other => other,
    }
}

fn narrow(text: &str) -> Option<String> {
    let plain = text.chars().map(|character| match character {
        '\u{3000}' => ' ',
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(character) - 0xFEE0).unwrap(),
        other => other,
    });
    Some(plain.collect())
}

/// A text whose bytes stand behind a sign, or as they are.
fn bytes(text: &str, sign: u8) -> Option<String> {
    let mut rest = text.as_bytes();
    let mut out = Vec::new();
    while let Some((first, behind)) = rest.split_first() {
        if *first == sign {
            out.push(u8::from_str_radix(std::str::from_utf8(behind.get(..2)?).ok()?, 16).ok()?);
            rest = &behind[2..];
        } else {
            out.push(*first);
            rest = behind;
        }
    }
    String::from_utf8(out).ok()
}

fn unpercent(text: &str) -> Option<String> {
    bytes(text, b'%')
}

fn unreference(text: &str) -> Option<String> {
    let mut parts = text.split("&#");
    let mut out = parts.next()?.to_owned();
    for part in parts {
        let (number, rest) = part.split_once(';')?;
        let code = match number.strip_prefix('x') {
            Some(number) => u32::from_str_radix(number, 16).ok()?,
            None => number.parse().ok()?,
        };
        out.push(char::from_u32(code)?);
        out.push_str(rest);
    }
    Some(out)
}

fn unescape(text: &str) -> Option<String> {
    let mut parts = text.split("\\u");
    let mut out = parts.next()?.to_owned();
    for part in parts {
        out.push(char::from_u32(u32::from_str_radix(part.get(..4)?, 16).ok()?)?);
        out.push_str(&part[4..]);
    }
    Some(out)
}

fn text_of(run: &str, alphabet: &[u8; 64]) -> Option<String> {
    // Where a run never had a character of the one alphabet alone, it may go on in either.
    let other = if alphabet == STANDARD { URL } else { STANDARD };
    String::from_utf8(unbase64(run, alphabet).or_else(|| unbase64(run, other))?).ok()
}

fn unhex_text(run: &str) -> Option<String> {
    String::from_utf8(unhex(run)?).ok()
}
