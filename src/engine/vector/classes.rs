//! The bytes of a short stretch by their class: what is a digit, what may stand within a number, what is a dot.
//!
//! For a second look at a place: one bit for each byte. The form for x86-64 uses SSE2, which every such processor has.

/// Bytes of a stretch.
pub(in crate::engine) const CLASSES: usize = 32;

/// A bit for each byte of a stretch, the first byte's lowest.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(in crate::engine) struct Classes {
    /// Digits, and at least what a detector takes between two of them: white space, `()+-./_`, what is not ASCII.
    pub(in crate::engine) numbers: u32,
    /// Full stops.
    pub(in crate::engine) dots: u32,
}

/// A bit for each byte of a stretch that may belong to an address of groups with colons.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(in crate::engine) struct Colons {
    /// Hexadecimal digits.
    pub(in crate::engine) hex: u32,
    /// Colons.
    pub(in crate::engine) colons: u32,
    /// Full stops.
    pub(in crate::engine) dots: u32,
}

/// The hexadecimal digits, colons and dots of a stretch.
#[inline]
pub(in crate::engine) fn colons(bytes: &[u8; CLASSES]) -> Colons {
    #[cfg(target_arch = "x86_64")]
    return x86::colons(bytes);
    #[cfg(not(target_arch = "x86_64"))]
    return scalar::colons(bytes);
}

/// A bit for each byte of a stretch that may belong to a word.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(in crate::engine) struct Words {
    /// ASCII letters and digits.
    pub(in crate::engine) alphanumeric: u32,
    /// Capital ASCII letters.
    pub(in crate::engine) upper: u32,
    /// Small ASCII letters.
    pub(in crate::engine) lower: u32,
    /// What is not ASCII.
    pub(in crate::engine) beyond: u32,
}

/// Bytes of a run that is looked for in a block, and of the block.
pub(in crate::engine) const RUN: usize = 16;
pub(in crate::engine) const RUN_BLOCK: usize = 2 * CLASSES;

/// Whether a block holds a run of letters, digits and `+-/_` that is long enough.
#[inline]
pub(in crate::engine) fn has_run(block: &[u8; RUN_BLOCK]) -> bool {
    let (Some(first), Some(second)) = (block.first_chunk(), block.last_chunk()) else { return true };
    let mut runs = u64::from(tokens(first)) | u64::from(tokens(second)) << CLASSES;
    // Runs of two, four, eight, and so on, by where they begin.
    let mut len = 1;
    while len < RUN {
        runs &= runs >> len;
        len *= 2;
    }
    runs != 0
}

/// The letters, digits and `+-/_` of a stretch.
#[inline]
fn tokens(bytes: &[u8; CLASSES]) -> u32 {
    #[cfg(target_arch = "x86_64")]
    return x86::tokens(bytes);
    #[cfg(not(target_arch = "x86_64"))]
    return scalar::tokens(bytes);
}

/// The letters and digits of a stretch.
#[inline]
pub(in crate::engine) fn words(bytes: &[u8; CLASSES]) -> Words {
    #[cfg(target_arch = "x86_64")]
    return x86::words(bytes);
    #[cfg(not(target_arch = "x86_64"))]
    return scalar::words(bytes);
}

/// The ASCII digits of a stretch.
#[inline]
pub(in crate::engine) fn digits(bytes: &[u8; CLASSES]) -> u32 {
    #[cfg(target_arch = "x86_64")]
    return x86::digits(bytes);
    #[cfg(not(target_arch = "x86_64"))]
    return scalar::digits(bytes);
}

/// The classes of a stretch.
#[inline]
pub(in crate::engine) fn classes(bytes: &[u8; CLASSES]) -> Classes {
    #[cfg(target_arch = "x86_64")]
    return x86::classes(bytes);
    #[cfg(not(target_arch = "x86_64"))]
    return scalar::classes(bytes);
}

/// The definition.
#[cfg_attr(target_arch = "x86_64", allow(dead_code, reason = "the tests hold the other form against it"))]
mod scalar {
    use super::{CLASSES, Classes, Colons, Words};

    fn bits(bytes: &[u8; CLASSES], holds: impl Fn(u8) -> bool) -> u32 {
        bytes.iter().enumerate().fold(0, |bits, (place, byte)| bits | u32::from(holds(*byte)) << place)
    }

    pub(super) fn digits(bytes: &[u8; CLASSES]) -> u32 {
        bits(bytes, |byte| byte.is_ascii_digit())
    }

    pub(super) fn colons(bytes: &[u8; CLASSES]) -> Colons {
        Colons {
            hex: bits(bytes, |byte| byte.is_ascii_hexdigit()),
            colons: bits(bytes, |byte| byte == b':'),
            dots: bits(bytes, |byte| byte == b'.'),
        }
    }

    pub(super) fn words(bytes: &[u8; CLASSES]) -> Words {
        Words {
            alphanumeric: bits(bytes, |byte| byte.is_ascii_alphanumeric()),
            upper: bits(bytes, |byte| byte.is_ascii_uppercase()),
            lower: bits(bytes, |byte| byte.is_ascii_lowercase()),
            beyond: bits(bytes, |byte| !byte.is_ascii()),
        }
    }

    pub(super) fn tokens(bytes: &[u8; CLASSES]) -> u32 {
        bits(bytes, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'/' | b'_'))
    }

    pub(super) fn classes(bytes: &[u8; CLASSES]) -> Classes {
        let joint = |byte| matches!(byte, 9..=13 | b' ' | b'('..=b'+' | b'-'..=b'/' | b'_' | 0x80..);
        Classes {
            numbers: bits(bytes, |byte| byte.is_ascii_digit() || joint(byte)),
            dots: bits(bytes, |byte| byte == b'.'),
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use core::arch::x86_64::*;

    use super::{CLASSES, Classes, Colons, Words};

    /// The bits of both halves of a stretch, by what a half's bytes are turned into.
    #[inline]
    fn bits(bytes: &[u8; CLASSES], holds: impl Fn(__m128i) -> __m128i) -> u32 {
        let (first, second) = bytes.split_at(CLASSES / 2);
        // SAFETY: SSE2 is part of x86-64; the unaligned loads read the 16 bytes of each half.
        let half = |half: &[u8]| unsafe { _mm_movemask_epi8(holds(_mm_loadu_si128(half.as_ptr().cast()))) as u32 };
        half(first) | half(second) << (CLASSES / 2)
    }

    /// Whether a byte lies so many above a first one: below it the difference wraps round, and is no smaller.
    #[inline]
    fn within(bytes: __m128i, first: u8, above: u8) -> __m128i {
        // SAFETY: SSE2 is part of x86-64.
        unsafe {
            let from = _mm_sub_epi8(bytes, _mm_set1_epi8(first as i8));
            _mm_cmpeq_epi8(_mm_min_epu8(from, _mm_set1_epi8(above as i8)), from)
        }
    }

    #[inline]
    fn is(bytes: __m128i, byte: u8) -> __m128i {
        // SAFETY: SSE2 is part of x86-64.
        unsafe { _mm_cmpeq_epi8(bytes, _mm_set1_epi8(byte as i8)) }
    }

    #[inline]
    pub(super) fn digits(bytes: &[u8; CLASSES]) -> u32 {
        bits(bytes, |bytes| within(bytes, b'0', 9))
    }

    #[inline]
    pub(super) fn colons(bytes: &[u8; CLASSES]) -> Colons {
        let hex = |bytes| {
            // SAFETY: SSE2 is part of x86-64. The bit of lower case maps no other byte into the letters.
            unsafe {
                let lower = _mm_or_si128(bytes, _mm_set1_epi8(0x20));
                _mm_or_si128(within(bytes, b'0', 9), within(lower, b'a', 5))
            }
        };
        Colons {
            hex: bits(bytes, hex),
            colons: bits(bytes, |bytes| is(bytes, b':')),
            dots: bits(bytes, |bytes| is(bytes, b'.')),
        }
    }

    #[inline]
    pub(super) fn words(bytes: &[u8; CLASSES]) -> Words {
        let upper = bits(bytes, |bytes| within(bytes, b'A', 25));
        let lower = bits(bytes, |bytes| within(bytes, b'a', 25));
        Words { alphanumeric: upper | lower | digits(bytes), upper, lower, beyond: bits(bytes, |bytes| bytes) }
    }

    #[inline]
    pub(super) fn tokens(bytes: &[u8; CLASSES]) -> u32 {
        bits(bytes, |bytes| {
            // SAFETY: SSE2 is part of x86-64. The bit of lower case maps no other byte into the letters.
            unsafe {
                let letters = within(_mm_or_si128(bytes, _mm_set1_epi8(0x20)), b'a', 25);
                let signs = _mm_or_si128(is(bytes, b'+'), _mm_or_si128(is(bytes, b'-'), is(bytes, b'_')));
                // Digits stand directly behind `/`.
                _mm_or_si128(_mm_or_si128(letters, signs), within(bytes, b'/', 10))
            }
        })
    }

    #[inline]
    pub(super) fn classes(bytes: &[u8; CLASSES]) -> Classes {
        let numbers = |bytes| {
            let (to_nine, brackets, breaks) = (within(bytes, b'-', 12), within(bytes, b'(', 3), within(bytes, 9, 4));
            // SAFETY: SSE2 is part of x86-64. A byte beyond ASCII has its highest bit set already.
            unsafe {
                let others = _mm_or_si128(_mm_or_si128(is(bytes, b' '), is(bytes, b'_')), bytes);
                _mm_or_si128(_mm_or_si128(to_nine, brackets), _mm_or_si128(breaks, others))
            }
        };
        Classes { numbers: bits(bytes, numbers), dots: bits(bytes, |bytes| is(bytes, b'.')) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_seen_wherever_it_begins() {
        for from in 0..RUN_BLOCK {
            for len in 0..=RUN_BLOCK - from {
                let mut block = [b' '; RUN_BLOCK];
                block.iter_mut().skip(from).take(len).for_each(|slot| *slot = b'k');
                assert_eq!(has_run(&block), len >= RUN, "{len} from {from}");
            }
        }
    }

    #[test]
    fn both_forms_are_the_same() {
        for byte in 0..=255 {
            for place in 0..CLASSES {
                let mut bytes = [b'x'; CLASSES];
                if let Some(slot) = bytes.get_mut(place) {
                    *slot = byte;
                }
                assert_eq!(digits(&bytes), scalar::digits(&bytes), "{byte} at {place}");
                assert_eq!(colons(&bytes), scalar::colons(&bytes), "{byte} at {place}");
                assert_eq!(words(&bytes), scalar::words(&bytes), "{byte} at {place}");
                assert_eq!(tokens(&bytes), scalar::tokens(&bytes), "{byte} at {place}");
                assert_eq!(classes(&bytes), scalar::classes(&bytes), "{byte} at {place}");
            }
        }
    }
}
