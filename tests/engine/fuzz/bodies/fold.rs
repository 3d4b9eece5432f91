//! A value spelled character by character in any mixture of spellings, or any text at all.

use std::cell::RefCell;

use super::{Choices, Cuts, Subject};
use crate::spelling::{VALUES, read};
use crate::support::usual;

/// What may stand before a value and behind it without being a part of it.
const BEFORE: &[&str] =
    &["", "it is ", "x: ", "\"", "(", "\n", "to: ", "; ", "<b>", "100% & more ", "a=b&c=d ", "号码是 "];
const BEHIND: &[&str] = &["", " or so", ", she said", "\"", ")", "\n", "; x", "</b>", " & 100% sure", " &c=d", " 号码"];
/// What may stand between two characters and cannot be seen.
const GONE: &[&str] = &[
    "\u{200B}",
    "\u{AD}",
    "\u{2060}",
    "\u{FEFF}",
    "\u{FE0F}",
    "\u{200D}",
    "%E2%80%8B",
    "%C2%AD",
    "&shy;",
    "&zwnj;",
    "&#8203;",
    "&#xad;",
    "&ZeroWidthSpace;",
    "\\u200b",
    "\\\\u00AD",
    "=\r\n",
    "=\n",
    "=C2=AD",
];

/// An input is whether a value is placed, cuts, and then the value and a choice for each of its characters, or the text.
pub(crate) fn fold(data: &[u8]) {
    thread_local! {
        static SUBJECT: RefCell<Subject> = RefCell::new(Subject::new(&usual()));
    }
    let mut choices = Choices(data);
    let placed = choices.byte() % 4 > 0;
    let cuts = Cuts::chosen(&mut choices);
    SUBJECT.with_borrow_mut(|subject| {
        if !placed {
            subject.check(b"", choices.rest(), cuts);
            return;
        }
        let (value, part) = choices.of(VALUES);
        let (before, behind) = (choices.of(BEFORE), choices.of(BEHIND));
        let mut text = before.to_owned();
        let last = value.chars().count() - 1;
        for (place, character) in value.chars().enumerate() {
            text.push_str(&spelled(character, &mut choices));
            if place < last && choices.byte() % 8 == 1 {
                text.push_str(choices.of(GONE));
            }
        }
        text.push_str(behind);
        let run = subject.check(b"", text.as_bytes(), cuts);
        let redacted = String::from_utf8(run.text).expect("UTF-8 stays UTF-8");
        assert!(!bare(&redacted).contains(part), "{text:?} became {redacted:?}");
        assert!(redacted.starts_with(before) && redacted.ends_with(behind), "{text:?} became {redacted:?}");
    });
}

/// A text as it is read, without what separates its groups.
fn bare(text: &str) -> String {
    read(text).replace([' ', '-'], "")
}

/// A character in one of the spellings that it has.
fn spelled(character: char, choices: &mut Choices<'_>) -> String {
    let code = character as u32;
    let wide = char::from_u32(if character == ' ' { 0x3000 } else { code + 0xFEE0 }).unwrap_or(character);
    let other = |choices: &mut Choices<'_>| match character {
        '0'..='9' => {
            let zero = choices.of(&[0x660, 0x6F0, 0x966, 0x1D7CE, 0x1D7F6]);
            char::from_u32(zero + code - u32::from(b'0')).unwrap_or(character)
        }
        'a'..='z' => {
            let first = choices.of(&[0x1D41A, 0x1D5BA, 0x1D68A]);
            char::from_u32(first + code - u32::from(b'a')).unwrap_or(character)
        }
        ' ' => choices.of(&['\u{A0}', '\u{2003}', '\u{202F}', '\u{3000}']),
        '-' => choices.of(&['\u{2010}', '\u{2011}', '\u{2013}', '\u{2212}']),
        '.' => choices.of(&['\u{2024}', '\u{3002}', '\u{FF61}']),
        '@' => '\u{FE6B}',
        other => other,
    };
    let bytes = |character: char, sign: &str| {
        let mut buffer = [0; 4];
        character.encode_utf8(&mut buffer).bytes().map(|byte| format!("{sign}{byte:02X}")).collect::<String>()
    };
    let units = |character: char, slashes: &str| {
        let mut buffer = [0; 2];
        character.encode_utf16(&mut buffer).iter().map(|unit| format!("{slashes}u{unit:04x}")).collect::<String>()
    };
    let name = match character {
        '@' => "commat;",
        '.' => "period;",
        '-' => "hyphen;",
        ' ' => "nbsp;",
        '(' => "lpar;",
        ')' => "rpar;",
        _ => "",
    };
    match choices.below(32) {
        1 => wide.to_string(),
        2 => other(choices).to_string(),
        3 => bytes(character, "%"),
        4 => bytes(character, "%").to_lowercase(),
        5 => bytes(wide, "%"),
        6 => bytes(other(choices), "%"),
        7 => bytes(character, "%25"),
        8 => bytes(wide, "%25"),
        9 => format!("&#{code};"),
        10 => format!("&#x{code:x};"),
        11 => format!("&#X{code:04X};"),
        12 => format!("&#{};", other(choices) as u32),
        13 => format!("&amp;#{code};"),
        14 => format!("&amp;#x{code:x};"),
        15 if !name.is_empty() => format!("&{name}"),
        16 if !name.is_empty() => format!("&amp;{name}"),
        17 => units(character, "\\"),
        18 => units(character, "\\\\"),
        19 => units(character, "\\\\\\\\"),
        20 => units(other(choices), "\\"),
        21 => units(other(choices), "\\\\"),
        22 => format!("\\x{code:02x}"),
        23 => format!("\\\\x{code:02X}"),
        // Encoders write letters and digits as they are; a blank is one only beside others.
        24 if matches!(character, '@' | '.' | '-') => bytes(character, "="),
        25 => bytes(wide, "="),
        26 => match other(choices) {
            plain if plain.is_ascii() => plain.to_string(),
            other => bytes(other, "="),
        },
        _ => character.to_string(),
    }
}
