//! Characters as parts of words: where a word ends, and what of a character counts.
//!
//! Names as programs write them are several words: `taxId`, `SSNNumber`. Scripts that set no spaces between words (and
//! Korean, which glues particles to them) have no words here: each of their characters stands for itself.

use super::super::terms::{fold, is_mark};

/// What a character is to the words around it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Class {
    /// Between words.
    Other,
    /// A digit, or a letter without case.
    Plain,
    Lower,
    Upper,
    /// Of a script without words: a word by itself.
    Alone,
    /// An accent, a sign or an invisible joiner of the letter before it.
    Mark,
}

impl Class {
    /// The class of an ASCII character.
    #[inline]
    #[allow(clippy::indexing_slicing, reason = "a table of 128, built below 128")]
    pub(super) fn of_ascii(byte: u8) -> Self {
        const CLASSES: [Class; 128] = {
            let mut classes = [Class::Other; 128];
            let mut byte = 0_u8;
            while byte < 128 {
                classes[byte as usize] = match byte {
                    b'a'..=b'z' => Class::Lower,
                    b'A'..=b'Z' => Class::Upper,
                    b'0'..=b'9' => Class::Plain,
                    _ => Class::Other,
                };
                byte += 1;
            }
            classes
        };
        CLASSES.get(usize::from(byte)).copied().unwrap_or(Self::Other)
    }

    pub(super) fn of(character: char) -> Self {
        match character {
            'a'..='z' => Self::Lower,
            'A'..='Z' => Self::Upper,
            '0'..='9' => Self::Plain,
            ascii if ascii.is_ascii() => Self::Other,
            other => Self::beyond_ascii(other),
        }
    }

    fn beyond_ascii(character: char) -> Self {
        if stands_alone(character) {
            Self::Alone
        } else if is_mark(character) || is_sign(character) {
            Self::Mark
        } else if character.is_uppercase() {
            Self::Upper
        } else if character.is_lowercase() {
            Self::Lower
        } else if character.is_alphanumeric() {
            Self::Plain
        } else {
            Self::Other
        }
    }

    fn is_word(self) -> bool {
        self != Self::Other
    }
}

/// Whether a run of letters ends between these two.
pub(super) fn parts(left: Class, right: Class) -> bool {
    !left.is_word() || !right.is_word() || left == Class::Alone || right == Class::Alone
}

/// Whether a word ends between `left` and `right`, given what stands behind them; nothing where that decides and is not
/// known.
pub(super) fn splits(left: Class, right: Class, next: Option<Class>) -> Option<bool> {
    match (left, right) {
        _ if parts(left, right) => Some(true),
        (Class::Lower, Class::Upper) => Some(true),
        (Class::Upper, Class::Upper) => next.map(|next| next == Class::Lower),
        _ => Some(false),
    }
}

/// Appends what counts of a character: no case, no accent, no width. `đ` is a letter of its own: the Vietnamese `đt` is a
/// telephone, `dt` a date of programs.
pub(super) fn append(character: char, class: Class, out: &mut Vec<u8>) {
    if character.is_ascii() {
        out.push(character.to_ascii_lowercase() as u8);
    } else if class != Class::Mark {
        fold(character, &mut |folded| {
            let plain = match folded {
                ascii if ascii.is_ascii() => return out.push(ascii as u8),
                mark if is_mark(mark) => return,
                'ø' => "o",
                'æ' => "ae",
                'œ' => "oe",
                'ł' => "l",
                'ð' => "d",
                'þ' => "th",
                'ħ' => "h",
                'ŧ' => "t",
                'ı' => "i",
                other => return out.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
            };
            out.extend_from_slice(plain.as_bytes());
        });
    }
}

/// How a small letter is written where the keyboard has no such letter, where that is not the letter without its accent;
/// the accent may stand behind it as a character of its own.
pub(super) fn transliterated(letter: char, accent: Option<char>) -> Option<&'static str> {
    Some(match (letter, accent) {
        ('ä', _) | ('a', Some('\u{308}')) => "ae",
        ('ö' | 'ø', _) | ('o', Some('\u{308}')) => "oe",
        ('ü', _) | ('u', Some('\u{308}')) => "ue",
        ('å', _) | ('a', Some('\u{30A}')) => "aa",
        ('đ', _) => "d",
        _ => return None,
    })
}

/// Chinese, Japanese, Korean, Thai, Lao, Burmese and Khmer letters; not their digits and punctuation.
fn stands_alone(character: char) -> bool {
    matches!(character,
        '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{3096}' | '\u{309D}'..='\u{309F}'
        | '\u{30A1}'..='\u{30FA}' | '\u{30FC}'..='\u{30FF}' | '\u{3105}'..='\u{312F}' | '\u{3131}'..='\u{318E}'
        | '\u{31A0}'..='\u{31BF}' | '\u{31F0}'..='\u{31FF}' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}'
        | '\u{1100}'..='\u{11FF}' | '\u{A960}'..='\u{A97C}' | '\u{AC00}'..='\u{D7FB}'
        | '\u{F900}'..='\u{FAFF}' | '\u{FF66}'..='\u{FF9F}' | '\u{20000}'..='\u{3FFFD}'
        | '\u{0E01}'..='\u{0E3A}' | '\u{0E40}'..='\u{0E4E}'
        | '\u{0E81}'..='\u{0ECE}' | '\u{0EDC}'..='\u{0EDF}'
        | '\u{1000}'..='\u{103F}' | '\u{1050}'..='\u{109D}' | '\u{AA60}'..='\u{AA7F}'
        | '\u{1780}'..='\u{17D3}' | '\u{17D7}' | '\u{17DC}'..='\u{17DD}'
    )
}

/// Signs that are no letters and do not end a word: the viramas and nuktas of India, joiners, the soft hyphen.
fn is_sign(character: char) -> bool {
    matches!(
        character,
        '\u{AD}'
            | '\u{200C}'
            | '\u{200D}'
            | '\u{93C}'
            | '\u{94D}'
            | '\u{9BC}'
            | '\u{9CD}'
            | '\u{A3C}'
            | '\u{A4D}'
            | '\u{ABC}'
            | '\u{ACD}'
            | '\u{B3C}'
            | '\u{B4D}'
            | '\u{BCD}'
            | '\u{C4D}'
            | '\u{CBC}'
            | '\u{CCD}'
            | '\u{D4D}'
            | '\u{DCA}'
    )
}
