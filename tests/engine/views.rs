//! Encoded values: found through every spelling, replaced in it, and the same at every split.

use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::test_runner::TestRng;

use super::support::{run, usual, whole};

fn each(text: &str, spell: impl Fn(char) -> String) -> String {
    text.chars().map(spell).collect()
}

fn base64(text: &str, padded: bool) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            if place <= chunk.len() {
                out.push(char::from(ALPHABET[(bits >> (18 - 6 * place) & 63) as usize]));
            } else if padded {
                out.push('=');
            }
        }
    }
    out
}

/// A spelling of a text.
type Spelling = (&'static str, fn(&str) -> String);

const SPELLINGS: &[Spelling] = &[
    ("percent, what must be", |text| {
        each(text, |c| if c.is_ascii_alphanumeric() { c.to_string() } else { format!("%{:02X}", c as u32) })
    }),
    ("percent, all", |text| each(text, |c| format!("%{:02x}", c as u32))),
    ("percent twice", |text| each(text, |c| format!("%25{:02X}", c as u32))),
    ("references", |text| each(text, |c| format!("&#{};", c as u32))),
    ("references in hexadecimal", |text| each(text, |c| format!("&#x{:x};", c as u32))),
    ("references twice", |text| each(text, |c| format!("&amp;#{};", c as u32))),
    ("escapes", |text| each(text, |c| format!("\\u{:04x}", c as u32))),
    ("escapes nested", |text| each(text, |c| format!("\\\\u{:04x}", c as u32))),
    ("byte escapes", |text| each(text, |c| format!("\\x{:02x}", c as u32))),
    ("full width", |text| {
        each(text, |c| char::from_u32(if c == ' ' { 0x3000 } else { c as u32 + 0xFEE0 }).unwrap_or(c).to_string())
    }),
    ("zero-width spaces", |text| each(text, |c| format!("{c}\u{200b}"))),
    ("soft hyphens", |text| each(text, |c| format!("{c}\u{ad}"))),
    ("arabic digits", |text| {
        each(text, |c| c.to_digit(10).and_then(|digit| char::from_u32(0x660 + digit)).unwrap_or(c).to_string())
    }),
    ("dashes", |text| text.replace('-', "\u{2011}")),
    ("base64", |text| base64(text, true)),
    ("base64 unpadded", |text| base64(text, false)),
    ("base64 of a sentence", |text| base64(&format!("call me: {text} or not"), true)),
    ("hexadecimal", |text| {
        text.bytes().fold(String::new(), |mut all, byte| {
            let _ = write!(all, "{byte:02x}");
            all
        })
    }),
];

const VALUES: &[(&str, &str)] = &[
    ("4111 1111 1111 1111", "411111111111"),
    ("4111-1111-1111-1111", "411111111111"),
    ("078-05-1120", "1120"),
    ("(212) 555-0123", "212"),
    ("jane@example.com", "example"),
];

/// What a reader of any of the spellings would get.
fn read(text: &str) -> String {
    let mut plain = String::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text[at..];
        let number = |skip: usize, len: usize| rest.get(skip..skip + len).and_then(|d| u32::from_str_radix(d, 16).ok());
        let (code, len) = if rest.starts_with("%25") {
            (number(3, 2), 5)
        } else if rest.starts_with('%') {
            (number(1, 2), 3)
        } else if rest.starts_with("\\\\u") {
            (number(3, 4), 7)
        } else if rest.starts_with("\\u") {
            (number(2, 4), 6)
        } else if rest.starts_with("\\x") {
            (number(2, 2), 4)
        } else if let Some(reference) = rest.strip_prefix("&amp;#").or_else(|| rest.strip_prefix("&#")) {
            let end = reference.find(';').unwrap_or(0);
            let code = match reference.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(&hex[..end - 1], 16).ok(),
                None => reference[..end].parse().ok(),
            };
            (code, rest.len() - reference.len() + end + 1)
        } else {
            (None, 0)
        };
        match code.and_then(char::from_u32) {
            Some(c) => {
                plain.push(c);
                at += len;
            }
            None => {
                let c = rest.chars().next().unwrap();
                at += c.len_utf8();
                match c {
                    '\u{200b}' | '\u{ad}' => {}
                    '\u{660}'..='\u{669}' => plain.push(char::from(b'0' + (c as u32 - 0x660) as u8)),
                    '\u{ff01}'..='\u{ff5e}' => plain.push(char::from_u32(c as u32 - 0xfee0).unwrap()),
                    c => plain.push(c),
                }
            }
        }
    }
    plain
}

fn unbase64(text: &str) -> Option<String> {
    let mut out = Vec::new();
    let mut bits = 0_u32;
    let mut count = 0;
    for byte in text.bytes().filter(|byte| *byte != b'=') {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
    String::from_utf8(out).ok()
}

#[test]
fn every_spelling_is_found_and_written_as_it_was() {
    let (rules, actions) = usual();
    for (name, spell) in SPELLINGS {
        for (value, part) in VALUES {
            let spelled = spell(value);
            for text in [spelled.clone(), format!("it is {spelled}, she said"), format!("x={spelled}&y=1")] {
                let redacted = whole(&rules, &actions, &text);
                assert_ne!(redacted, text, "{name}");
                if name.contains("base64") {
                    let run = redacted
                        .split([' ', ',', '&'])
                        .map(|word| word.strip_prefix("x=").unwrap_or(word))
                        .max_by_key(|word| word.len())
                        .unwrap();
                    let decoded = unbase64(run).unwrap_or_else(|| panic!("{name}: {redacted} is broken"));
                    assert!(!decoded.contains(part), "{name}: {decoded}");
                    assert!(decoded.contains('*') || decoded.contains('['), "{name}: {decoded}");
                } else if *name == "hexadecimal" {
                    assert!(!redacted.contains(&spell(part)), "{name}: {redacted}");
                } else {
                    assert!(!read(&redacted).replace([' ', '-'], "").contains(part), "{name}: {redacted}");
                }
            }
        }
    }
}

#[test]
fn every_split_gives_the_same() {
    let (rules, actions) = usual();
    for (name, spell) in SPELLINGS {
        for (value, _) in VALUES {
            let text = format!("it is {}, she said", spell(value));
            let wanted = run(&rules, &actions, &[text.as_bytes()]);
            for cut in 0..=text.len() {
                let (left, right) = text.as_bytes().split_at(cut);
                let halves = run(&rules, &actions, &[left, right]);
                assert_eq!(
                    (String::from_utf8_lossy(&halves.text), &halves.findings),
                    (String::from_utf8_lossy(&wanted.text), &wanted.findings),
                    "{name} at {cut}"
                );
            }
            let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
            let bytes = run(&rules, &actions, &bytes);
            assert_eq!(String::from_utf8_lossy(&bytes.text), String::from_utf8_lossy(&wanted.text), "{name}");
        }
    }
}

/// Spellings, their beginnings, and words in any order and any chunking.
#[test]
fn any_chunking_of_spellings_gives_one_result() {
    let mut rng = TestRng::from_seed(prop::test_runner::RngAlgorithm::ChaCha, &[11; 32]);
    let (rules, actions) = usual();
    let mut number = |below: usize| rng.next_u32() as usize % below;
    let rounds = if std::env::var_os("BLACKBAR_LONG").is_some() { 200_000 } else { 3000 };
    for _ in 0..rounds {
        let mut text = String::new();
        for _ in 0..1 + number(8) {
            let (value, _) = VALUES[number(VALUES.len())];
            match number(6) {
                0 => text.push_str(value),
                1 => text.push_str(["the ", "%", "&am", "\\", "=", "\u{200b}", "%2", "=20", "%25", "é"][number(10)]),
                2 => text.push_str(["customer said ", "100% & more ", "a=b&c=d ", "\n", "  "][number(5)]),
                3 => text.push_str(&"plain words again and again ".repeat(number(30))),
                _ => text.push_str(&SPELLINGS[number(SPELLINGS.len())].1(value)),
            }
        }
        let wanted = run(&rules, &actions, &[text.as_bytes()]);
        for largest in [1, 3, 40, 400] {
            let mut rest = text.as_bytes();
            let mut pieces = Vec::new();
            while !rest.is_empty() {
                let (piece, others) = rest.split_at((1 + number(largest)).min(rest.len()));
                pieces.push(piece);
                rest = others;
            }
            let found = run(&rules, &actions, &pieces);
            assert_eq!(
                (String::from_utf8_lossy(&found.text), &found.findings),
                (String::from_utf8_lossy(&wanted.text), &wanted.findings),
                "{text}"
            );
        }
    }
}
