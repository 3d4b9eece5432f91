//! Characters that stand for plain ones: full-width forms, digits of every script, dashes, spaces, what cannot be seen.
//!
//! Enters: a character. Leaves: the ASCII byte that it stands for, nothing, or itself. By the Unicode Character Database:
//! general category Nd for digits, Zs for spaces, Pd for dashes, Cf and Default_Ignorable_Code_Point for the invisible.

/// What a character stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fold {
    /// Itself.
    Same,
    /// Nothing.
    Gone,
    /// This byte.
    Byte(u8),
}

/// The zeros of the decimal digits beyond ASCII (general category Nd), each followed by its nine.
const ZEROS: [u32; 63] = [
    0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0DE6, 0x0E50,
    0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50,
    0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10, 0x104A0, 0x10D30, 0x11066, 0x110F0, 0x11136,
    0x111D0, 0x112F0, 0x11450, 0x114D0, 0x11650, 0x116C0, 0x11730, 0x118E0, 0x11950, 0x11C50, 0x11D50, 0x11DA0,
    0x16A60, 0x16AC0, 0x16B50, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6, 0x1E140, 0x1E2F0,
];

/// What a character stands for.
pub(super) fn fold(character: char) -> Fold {
    let code = character as u32;
    match code {
        0..0x80 => Fold::Same,
        0xAD
        | 0x34F
        | 0x61C
        | 0x115F..=0x1160
        | 0x17B4..=0x17B5
        | 0x180B..=0x180F
        | 0x200B..=0x200F
        | 0x202A..=0x202E
        | 0x2060..=0x206F
        // What draws a key round a digit.
        | 0x20E3
        | 0x3164
        | 0xFE00..=0xFE0F
        | 0xFEFF
        | 0xFFA0
        | 0xE0000..=0xE0FFF => Fold::Gone,
        0xA0 | 0x1680 | 0x2000..=0x200A | 0x202F | 0x205F | 0x3000 => Fold::Byte(b' '),
        0x2028 | 0x2029 => Fold::Byte(b'\n'),
        0x2010..=0x2015 | 0x2043 | 0x2212 | 0x2E3A | 0x2E3B | 0x30FC | 0xFE31 | 0xFE32 | 0xFE58 | 0xFE63 | 0xFF70 => {
            Fold::Byte(b'-')
        }
        0x2024 | 0x3002 | 0xFE52 | 0xFF61 => Fold::Byte(b'.'),
        0x2044 | 0x2215 => Fold::Byte(b'/'),
        0xFE6B => Fold::Byte(b'@'),
        0x17F => Fold::Byte(b's'),
        0x212A => Fold::Byte(b'K'),
        0xFE55 | 0x2236 => Fold::Byte(b':'),
        0xFF01..=0xFF5E => byte(code - 0xFF01 + 0x21),
        0x1D400..=0x1D6A3 => match (code - 0x1D400) % 52 {
            letter @ 0..26 => byte(u32::from(b'A') + letter),
            letter => byte(u32::from(b'a') + letter - 26),
        },
        // No digits here: quotes, ideographs, signs.
        0x1C5A..=0xA61F => Fold::Same,
        _ => {
            let after = ZEROS.partition_point(|zero| *zero <= code);
            let zero = after.checked_sub(1).and_then(|at| ZEROS.get(at)).copied().unwrap_or(u32::MAX);
            match code.checked_sub(zero) {
                Some(digit @ 0..10) => byte(u32::from(b'0') + digit),
                _ => Fold::Same,
            }
        }
    }
}

fn byte(code: u32) -> Fold {
    u8::try_from(code).map_or(Fold::Same, Fold::Byte)
}

/// First bytes of the UTF-8 sequences that [`fold`] changes.
pub(in crate::engine) const fn is_lead(byte: u8) -> bool {
    matches!(byte, 0xC2 | 0xC5 | 0xCD | 0xD8 | 0xD9 | 0xDB | 0xDF..=0xE3 | 0xEA | 0xEF | 0xF0 | 0xF3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_for_what() {
        for (character, wanted) in [
            ('a', Fold::Same),
            ('é', Fold::Same),
            ('\u{FF14}', Fold::Byte(b'4')),
            ('\u{FF20}', Fold::Byte(b'@')),
            ('\u{0664}', Fold::Byte(b'4')),
            ('\u{096A}', Fold::Byte(b'4')),
            ('\u{1D7D2}', Fold::Byte(b'4')),
            ('\u{1D41A}', Fold::Byte(b'a')),
            ('\u{2011}', Fold::Byte(b'-')),
            ('\u{A0}', Fold::Byte(b' ')),
            ('\u{200B}', Fold::Gone),
            ('\u{20E3}', Fold::Gone),
            ('中', Fold::Same),
        ] {
            assert_eq!(fold(character), wanted, "{character:?}");
        }
    }

    #[test]
    fn every_changed_character_has_a_known_lead() {
        assert!(ZEROS.is_sorted());
        for character in (0x80..=0x10_FFFF).filter_map(char::from_u32) {
            let mut bytes = [0; 4];
            let first = character.encode_utf8(&mut bytes).as_bytes().first().copied().unwrap_or_default();
            assert!(fold(character) == Fold::Same || is_lead(first), "{character:?}");
        }
    }
}
