//! The pass with the vector instructions of x86-64.
//!
//! SSE2 alone has no table look-up and takes the scalar form. SSSE3 and AVX2 look up the halves of a byte's code in tables of
//! 16, which allows more than the whole byte does, so what they find is looked at again by the exact tables; AVX-512 VBMI
//! looks up ASCII exactly.

use core::arch::x86_64::*;

use super::codes::CODES;
use super::{AHEAD, BANK, BANKS, BLOCK, Bank, Hits, PLACES, Sequences, Tables};

/// # Safety
/// The processor has SSSE3.
#[target_feature(enable = "ssse3")]
pub(super) unsafe fn ssse3(tables: &Tables, text: &[u8], from: usize, to: usize, hits: &mut Hits) -> usize {
    const BLOCK: usize = 16;
    let low = _mm_set1_epi8(0x0F);
    let mut at = from;
    while at + BLOCK <= to && hits.has_room(BLOCK) {
        // SAFETY: the loads read text[at - 1..][..16] and text[at + 3..][..16]; at >= 1, and at + 16 + 3 <= to + 3 <=
        // text.len(). The processor as above.
        let (first, last) = unsafe {
            (
                codes_ssse3(_mm_loadu_si128(text.as_ptr().add(at - 1).cast())),
                codes_ssse3(_mm_loadu_si128(text.as_ptr().add(at + AHEAD - 1).cast())),
            )
        };
        // The four bytes behind the first sixteen.
        let behind = _mm_srli_si128::<12>(last);
        let places = [
            first,
            _mm_alignr_epi8::<1>(behind, first),
            _mm_alignr_epi8::<2>(behind, first),
            _mm_alignr_epi8::<3>(behind, first),
            last,
        ];
        let (mut lows, mut highs) = (places, places);
        for (codes, (lows, highs)) in places.iter().zip(lows.iter_mut().zip(&mut highs)) {
            *lows = _mm_and_si128(*codes, low);
            *highs = _mm_and_si128(_mm_srli_epi16::<4>(*codes), low);
        }
        let mut found = 0_u32;
        for bank in tables.counted(hits) {
            let mut buckets = _mm_set1_epi8(-1);
            for ((by_low, by_high), (lows, highs)) in bank.halves.iter().zip(lows.iter().zip(&highs)) {
                // SAFETY: unaligned loads from arrays of 16 bytes.
                let (by_low, by_high) =
                    unsafe { (_mm_loadu_si128(by_low.as_ptr().cast()), _mm_loadu_si128(by_high.as_ptr().cast())) };
                let both = _mm_and_si128(_mm_shuffle_epi8(by_low, *lows), _mm_shuffle_epi8(by_high, *highs));
                buckets = _mm_and_si128(buckets, both);
            }
            let none = _mm_movemask_epi8(_mm_cmpeq_epi8(buckets, _mm_setzero_si128())) as u32;
            found |= !none & 0xFFFF;
        }
        let listed = tables.sequences.block::<BLOCK>(text, at);
        tables.tell(text, at, (u64::from(found), listed), hits);
        at += BLOCK;
    }
    at
}

/// The codes of sixteen bytes: for each high half the bytes that have it, looked up by their low one.
///
/// # Safety
/// The processor has SSSE3.
#[inline]
#[target_feature(enable = "ssse3")]
unsafe fn codes_ssse3(bytes: __m128i) -> __m128i {
    let mut codes = _mm_setzero_si128();
    for (high, table) in CODES.chunks_exact(16).take(8).enumerate() {
        // SAFETY: an unaligned load of 16 bytes.
        let table = unsafe { _mm_loadu_si128(table.as_ptr().cast()) };
        // A byte of another high half keeps or gets its highest bit, for which nothing is looked up.
        let own = _mm_adds_epu8(_mm_xor_si128(bytes, _mm_set1_epi8((high << 4) as i8)), _mm_set1_epi8(0x70));
        codes = _mm_or_si128(codes, _mm_shuffle_epi8(table, own));
    }
    codes
}

/// The codes of 32 bytes; see [`codes_ssse3`].
///
/// # Safety
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn codes_avx2(bytes: __m256i) -> __m256i {
    let mut codes = _mm256_setzero_si256();
    for (high, table) in CODES.chunks_exact(16).take(8).enumerate() {
        // SAFETY: an unaligned load of 16 bytes.
        let table = unsafe { _mm256_broadcastsi128_si256(_mm_loadu_si128(table.as_ptr().cast())) };
        let own =
            _mm256_adds_epu8(_mm256_xor_si256(bytes, _mm256_set1_epi8((high << 4) as i8)), _mm256_set1_epi8(0x70));
        codes = _mm256_or_si256(codes, _mm256_shuffle_epi8(table, own));
    }
    codes
}

/// # Safety
/// The processor has AVX2.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn avx2(tables: &Tables, text: &[u8], from: usize, to: usize, hits: &mut Hits) -> usize {
    const BLOCK: usize = 32;
    let low = _mm256_set1_epi8(0x0F);
    let mut at = from;
    while at + BLOCK <= to && hits.has_room(BLOCK) {
        // SAFETY: the loads read text[at - 1..][..32] and text[at + 3..][..32]; at >= 1, and at + 32 + 3 <= to + 3 <=
        // text.len(). The processor as above.
        let (first, last) = unsafe {
            (
                codes_avx2(_mm256_loadu_si256(text.as_ptr().add(at - 1).cast())),
                codes_avx2(_mm256_loadu_si256(text.as_ptr().add(at + AHEAD - 1).cast())),
            )
        };
        // For each half of the first load the bytes behind it: the other half, and the last four bytes of the last load.
        let behind = _mm256_permute2x128_si256::<0x31>(first, _mm256_srli_si256::<12>(last));
        let places = [
            first,
            _mm256_alignr_epi8::<1>(behind, first),
            _mm256_alignr_epi8::<2>(behind, first),
            _mm256_alignr_epi8::<3>(behind, first),
            last,
        ];
        let (mut lows, mut highs) = (places, places);
        for (codes, (lows, highs)) in places.iter().zip(lows.iter_mut().zip(&mut highs)) {
            *lows = _mm256_and_si256(*codes, low);
            *highs = _mm256_and_si256(_mm256_srli_epi16::<4>(*codes), low);
        }
        let mut none = _mm256_set1_epi8(-1);
        for bank in tables.counted(hits) {
            let mut buckets = _mm256_set1_epi8(-1);
            for ((by_low, by_high), (lows, highs)) in bank.halves.iter().zip(lows.iter().zip(&highs)) {
                // SAFETY: unaligned loads from arrays of 16 bytes.
                let (by_low, by_high) = unsafe {
                    (
                        _mm256_broadcastsi128_si256(_mm_loadu_si128(by_low.as_ptr().cast())),
                        _mm256_broadcastsi128_si256(_mm_loadu_si128(by_high.as_ptr().cast())),
                    )
                };
                let both = _mm256_and_si256(_mm256_shuffle_epi8(by_low, *lows), _mm256_shuffle_epi8(by_high, *highs));
                buckets = _mm256_and_si256(buckets, both);
            }
            none = _mm256_and_si256(none, _mm256_cmpeq_epi8(buckets, _mm256_setzero_si256()));
        }
        let found = !(_mm256_movemask_epi8(none) as u32);
        // SAFETY: the processor as above; at >= 1 and at + 32 + 3 <= text.len().
        let listed = unsafe { listed_avx2(&tables.sequences, text, at) };
        tables.tell(text, at, (u64::from(found), u64::from(listed)), hits);
        at += BLOCK;
    }
    at
}

/// The places of 32 at which a sequence may stand; see [`Sequences::block`].
///
/// # Safety
/// The processor has AVX2, `at >= 1`, and `at + 32 + 3 <= text.len()`.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn listed_avx2(sequences: &Sequences, text: &[u8], at: usize) -> u32 {
    use super::sequences::{BITS, FOLD_FOUR, FOLD_THREE, FOUR, LESS, MIX_FOUR, MIX_THREE, THREE};

    /// Sequences looked at at once, and the bytes of a load that holds them.
    const LANES: usize = 8;
    const LOAD: usize = 16;
    /// The first byte of the last load.
    const LAST: usize = 32 + AHEAD - 1 - LOAD;
    /// By how much a hash is shifted to the number of a word, for what may stand anywhere and inside runs.
    const FOUR_ANYWHERE: i32 = (u32::BITS - FOUR) as i32;
    const FOUR_INSIDE: i32 = (u32::BITS - FOUR + LESS) as i32;
    const THREE_ANYWHERE: i32 = (u32::BITS - THREE) as i32;
    const THREE_INSIDE: i32 = (u32::BITS - THREE + LESS) as i32;
    /// And to the place of a bit in it.
    const FIRST: i32 = BITS[0] as i32;
    const SECOND: i32 = BITS[1] as i32;
    const THIRD: i32 = BITS[2] as i32;
    if sequences.is_empty() {
        return 0;
    }
    let small = _mm256_set1_epi8(0x20);
    // SAFETY: reads text[at..][..32].
    let own = unsafe { _mm256_loadu_si256(text.as_ptr().add(at).cast()) };
    // Below its first byte the difference wraps round, and is no smaller.
    let within = |bytes, first: u8, above: i8| {
        let from = _mm256_sub_epi8(bytes, _mm256_set1_epi8(first as i8));
        _mm256_cmpeq_epi8(_mm256_min_epu8(from, _mm256_set1_epi8(above)), from)
    };
    let runs = _mm256_or_si256(within(own, b'0', 9), within(_mm256_or_si256(own, small), b'a', 25));
    let runs = _mm256_movemask_epi8(runs) as u32;
    let inside = runs & (runs << 1 | u32::from(text[at - 1].is_ascii_alphanumeric()));
    // The first bytes of eight sequences, one after the other.
    let eight = _mm256_setr_epi8(
        0, 1, 2, 3, 1, 2, 3, 4, 2, 3, 4, 5, 3, 4, 5, 6, 4, 5, 6, 7, 5, 6, 7, 8, 6, 7, 8, 9, 7, 8, 9, 10,
    );
    let lanes = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    let last = _mm256_set1_epi32(31);
    let mut bits = 0;
    for group in 0..32 / LANES {
        let from = (LANES * group).min(LAST);
        // SAFETY: reads text[at + from..][..16], and from + 16 is at most 32 + 3.
        let bytes = unsafe { _mm256_broadcastsi128_si256(_mm_loadu_si128(text.as_ptr().add(at + from).cast())) };
        let kinds = _mm256_blendv_epi8(_mm256_or_si256(bytes, small), _mm256_set1_epi8(0x80_u8 as i8), bytes);
        let places = _mm256_add_epi8(eight, _mm256_set1_epi8((LANES * group - from) as i8));
        let four = _mm256_shuffle_epi8(kinds, places);
        let three = _mm256_and_si256(four, _mm256_set1_epi32(0x00FF_FFFF));
        let four = _mm256_xor_si256(four, _mm256_srli_epi32::<{ FOLD_FOUR as i32 }>(four));
        let three = _mm256_xor_si256(three, _mm256_srli_epi32::<{ FOLD_THREE as i32 }>(three));
        let hash = _mm256_mullo_epi32(four, _mm256_set1_epi32(MIX_FOUR as i32));
        let short = _mm256_mullo_epi32(three, _mm256_set1_epi32(MIX_THREE as i32));
        let inside = _mm256_set1_epi32((inside >> (LANES * group)) as i32);
        let inside = _mm256_cmpeq_epi32(_mm256_and_si256(inside, lanes), lanes);
        let fewer = _mm256_add_epi32(_mm256_srli_epi32::<FOUR_INSIDE>(hash), _mm256_set1_epi32(1 << FOUR));
        let word = _mm256_blendv_epi8(_mm256_srli_epi32::<FOUR_ANYWHERE>(hash), fewer, inside);
        let fewer = _mm256_add_epi32(_mm256_srli_epi32::<THREE_INSIDE>(short), _mm256_set1_epi32(1 << THREE));
        let short_word = _mm256_blendv_epi8(_mm256_srli_epi32::<THREE_ANYWHERE>(short), fewer, inside);
        // SAFETY: a word's number has FOUR bits, or LESS fewer and stands behind those, and the table has so many words;
        // likewise of THREE.
        let (words, shorts) = unsafe {
            (
                _mm256_i32gather_epi32::<4>(sequences.four.as_ptr().cast(), word),
                _mm256_i32gather_epi32::<4>(sequences.three.as_ptr().cast(), short_word),
            )
        };
        let bit = |words, place| _mm256_srlv_epi32(words, _mm256_and_si256(place, last));
        let both = |words, hash| {
            let second = bit(words, _mm256_srli_epi32::<SECOND>(hash));
            _mm256_and_si256(bit(words, _mm256_srli_epi32::<FIRST>(hash)), second)
        };
        let of_four = _mm256_and_si256(both(words, hash), bit(words, _mm256_srli_epi32::<THIRD>(hash)));
        let of_three = both(shorts, short);
        // All bits of a word are in its lowest one now, which goes where the mask is taken from.
        let stands = _mm256_slli_epi32::<31>(_mm256_or_si256(of_four, of_three));
        bits |= (_mm256_movemask_ps(_mm256_castsi256_ps(stands)) as u32) << (LANES * group);
    }
    bits
}

/// # Safety
/// The processor has AVX-512 F, BW and VBMI.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
pub(super) unsafe fn avx512(tables: &Tables, text: &[u8], from: usize, to: usize, hits: &mut Hits) -> usize {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        match tables.counted(hits) {
            _ if !tables.sequences.is_empty() => avx512_many(tables, text, (from, to, BLOCK), hits),
            [bank] => avx512_one(tables, bank, text, from, to, hits),
            [one, other] => avx512_two(tables, one, other, text, from, to, hits),
            [_, _, ..] => avx512_many(tables, text, (from, to, BLOCK), hits),
            [] => to,
        }
    }
}

/// One block of which the first so many places count; what is told of others is of no use.
///
/// # Safety
/// As [`avx512`].
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
pub(super) unsafe fn avx512_rest(tables: &Tables, block: &[u8; BLOCK + PLACES - 1], places: usize, hits: &mut Hits) {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        if tables.sequences.is_empty() {
            avx512(tables, block, 1, 1 + BLOCK, hits);
        } else {
            avx512_many(tables, block, (1, 1 + BLOCK, places), hits);
        }
    }
}

/// A bank's tables for the 128 bytes of ASCII, and what stands for the others.
struct Wide {
    tables: [(__m512i, __m512i); PLACES],
    beyond: [__m512i; PLACES],
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
unsafe fn wide(bank: &Bank) -> Wide {
    let mut wide = Wide {
        tables: [(_mm512_setzero_si512(), _mm512_setzero_si512()); PLACES],
        beyond: [_mm512_setzero_si512(); PLACES],
    };
    for (place, table) in bank.places.iter().enumerate() {
        // SAFETY: unaligned loads of the first and the second 64 bytes of an array of 256.
        wide.tables[place] =
            unsafe { (_mm512_loadu_si512(table.as_ptr().cast()), _mm512_loadu_si512(table.as_ptr().add(64).cast())) };
        wide.beyond[place] = _mm512_set1_epi8(bank.beyond_ascii[place] as i8);
    }
    wide
}

/// The buckets of 64 positions. `exact` is false where a byte beyond ASCII stood in a window.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
unsafe fn look_up(wide: &Wide, bytes: &[__m512i; PLACES], high: &[u64; PLACES], exact: bool) -> __m512i {
    let mut buckets = _mm512_set1_epi8(-1);
    for place in 0..PLACES {
        let (first, second) = wide.tables[place];
        let mut found = _mm512_permutex2var_epi8(first, bytes[place], second);
        if !exact {
            found = _mm512_mask_mov_epi8(found, high[place], wide.beyond[place]);
        }
        buckets = _mm512_and_si512(buckets, found);
    }
    buckets
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
unsafe fn load(text: &[u8], at: usize) -> ([__m512i; PLACES], [u64; PLACES], bool) {
    let mut bytes = [_mm512_setzero_si512(); PLACES];
    for (place, slot) in bytes.iter_mut().enumerate() {
        // SAFETY: the caller has seen that at >= 1 and at + 64 + 3 <= text.len(): reads text[at - 1 + place..][..64].
        *slot = unsafe { _mm512_loadu_si512(text.as_ptr().add(at - 1 + place).cast()) };
    }
    // The first and the last load hold every byte of the windows between them.
    let (first, last) = (_mm512_movepi8_mask(bytes[0]), _mm512_movepi8_mask(bytes[PLACES - 1]));
    let exact = first | last == 0;
    let mut high = [0; PLACES];
    if !exact {
        for (place, slot) in high.iter_mut().enumerate() {
            *slot = _mm512_movepi8_mask(bytes[place]);
        }
    }
    (bytes, high, exact)
}

#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
unsafe fn avx512_one(tables: &Tables, bank: &Bank, text: &[u8], from: usize, to: usize, hits: &mut Hits) -> usize {
    // SAFETY: the caller's promise about the processor is the callees'.
    let wide = unsafe { wide(bank) };
    let lowest = BANK * hits.without;
    let mut at = from;
    debug_assert!(to + AHEAD <= text.len() + 1);
    while at + BLOCK <= to && hits.has_room(BLOCK) {
        // SAFETY: at >= 1 and at + 64 + 3 <= to + 3 <= text.len(); the processor as above.
        let (buckets, exact) = unsafe {
            let (bytes, high, exact) = load(text, at);
            (look_up(&wide, &bytes, &high, exact), exact)
        };
        let mut found = _mm512_test_epi8_mask(buckets, buckets);
        if found != 0 {
            let mut by_place = [0_u8; BLOCK];
            // SAFETY: an unaligned store into an array of 64 bytes.
            unsafe { _mm512_storeu_si512(by_place.as_mut_ptr().cast(), buckets) };
            while found != 0 {
                let place = found.trailing_zeros() as usize;
                if exact {
                    hits.push(at + place, u64::from(by_place[place & 63]) << lowest);
                } else {
                    tables.step(text, at + place, hits);
                }
                found &= found - 1;
            }
        }
        at += BLOCK;
    }
    at
}

#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
unsafe fn avx512_two(
    tables: &Tables,
    one: &Bank,
    other: &Bank,
    text: &[u8],
    from: usize,
    to: usize,
    hits: &mut Hits,
) -> usize {
    // SAFETY: the caller's promise about the processor is the callees'.
    let (one, other) = unsafe { (wide(one), wide(other)) };
    let lowest = BANK * hits.without;
    let mut at = from;
    debug_assert!(to + AHEAD <= text.len() + 1);
    while at + BLOCK <= to && hits.has_room(BLOCK) {
        // SAFETY: at >= 1 and at + 64 + 3 <= to + 3 <= text.len(); the processor as above.
        let (first, second, exact) = unsafe {
            let (bytes, high, exact) = load(text, at);
            (look_up(&one, &bytes, &high, exact), look_up(&other, &bytes, &high, exact), exact)
        };
        let either = _mm512_or_si512(first, second);
        let mut found = _mm512_test_epi8_mask(either, either);
        if found != 0 {
            let (mut firsts, mut seconds) = ([0_u8; BLOCK], [0_u8; BLOCK]);
            // SAFETY: unaligned stores into arrays of 64 bytes.
            unsafe {
                _mm512_storeu_si512(firsts.as_mut_ptr().cast(), first);
                _mm512_storeu_si512(seconds.as_mut_ptr().cast(), second);
            }
            while found != 0 {
                let place = found.trailing_zeros() as usize;
                if exact {
                    let both = u64::from(firsts[place & 63]) | u64::from(seconds[place & 63]) << BANK;
                    hits.push(at + place, both << lowest);
                } else {
                    tables.step(text, at + place, hits);
                }
                found &= found - 1;
            }
        }
        at += BLOCK;
    }
    at
}

/// The places of 64, the first so many of them or more, at which a sequence may stand; see [`Sequences::block`].
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
unsafe fn listed(sequences: &Sequences, text: &[u8], at: usize, places: usize) -> u64 {
    use super::sequences::{BITS, FOLD_FOUR, FOLD_THREE, FOUR, LESS, MIX_FOUR, MIX_THREE, THREE};

    /// The first bytes of sixteen sequences, one after the other.
    static SIXTEEN: [u8; 64] = {
        let mut places = [0; 64];
        let mut at = 0;
        while at < 64 {
            places[at] = (at / AHEAD + at % AHEAD) as u8;
            at += 1;
        }
        places
    };
    if sequences.is_empty() {
        return 0;
    }
    // SAFETY: the caller has seen that at >= 1 and at + 64 + 3 <= text.len(): reads text[at..][..64] and text[at + 3..][..64],
    // and an array of 64.
    let (own, behind, sixteen) = unsafe {
        (
            _mm512_loadu_si512(text.as_ptr().add(at).cast()),
            _mm512_loadu_si512(text.as_ptr().add(at + AHEAD - 1).cast()),
            _mm512_loadu_si512(SIXTEEN.as_ptr().cast()),
        )
    };
    let small = _mm512_set1_epi8(0x20);
    let kinds = |bytes| {
        _mm512_mask_mov_epi8(_mm512_or_si512(bytes, small), _mm512_movepi8_mask(bytes), _mm512_set1_epi8(0x80_u8 as i8))
    };
    let within = |bytes, first: u8, count: i8| {
        _mm512_cmplt_epu8_mask(_mm512_sub_epi8(bytes, _mm512_set1_epi8(first as i8)), _mm512_set1_epi8(count))
    };
    let runs = within(own, b'0', 10) | within(_mm512_or_si512(own, small), b'a', 26);
    let inside = runs & (runs << 1 | u64::from(text[at - 1].is_ascii_alphanumeric()));
    let (own, behind) = (kinds(own), kinds(behind));
    let one = _mm512_set1_epi32(1);
    let last = _mm512_set1_epi32(31);
    let mut bits = 0;
    for group in 0..places.div_ceil(16) {
        // The last sixteen begin so far behind that the load of their first byte does not hold them whole.
        let (bytes, from) = if group < 3 { (own, 16 * group) } else { (behind, 16 * group + 1 - AHEAD) };
        let four = _mm512_permutexvar_epi8(_mm512_add_epi8(sixteen, _mm512_set1_epi8(from as i8)), bytes);
        let inside = (inside >> (16 * group)) as u16;
        let word = |hash, bits: u32| {
            let all = _mm512_set1_epi32((u32::BITS - bits) as i32);
            let shift = _mm512_mask_add_epi32(all, inside, all, _mm512_set1_epi32(LESS as i32));
            let word = _mm512_srlv_epi32(hash, shift);
            _mm512_mask_add_epi32(word, inside, word, _mm512_set1_epi32(1 << bits))
        };
        let three = _mm512_and_si512(four, _mm512_set1_epi32(0x00FF_FFFF));
        let four = _mm512_xor_si512(four, _mm512_srli_epi32::<FOLD_FOUR>(four));
        let three = _mm512_xor_si512(three, _mm512_srli_epi32::<FOLD_THREE>(three));
        let hash = _mm512_mullo_epi32(four, _mm512_set1_epi32(MIX_FOUR as i32));
        let short = _mm512_mullo_epi32(three, _mm512_set1_epi32(MIX_THREE as i32));
        // SAFETY: a word's number has FOUR bits, or LESS fewer and stands behind those, and the table has so many words;
        // likewise of THREE.
        let (words, shorts) = unsafe {
            (
                _mm512_i32gather_epi32::<4>(word(hash, FOUR), sequences.four.as_ptr().cast()),
                _mm512_i32gather_epi32::<4>(word(short, THREE), sequences.three.as_ptr().cast()),
            )
        };
        let bit = |hash, from: u32| {
            let place = _mm512_and_si512(_mm512_srlv_epi32(hash, _mm512_set1_epi32(from as i32)), last);
            _mm512_sllv_epi32(one, place)
        };
        let [first, second, third] = BITS;
        let wanted = _mm512_or_si512(_mm512_or_si512(bit(hash, first), bit(hash, second)), bit(hash, third));
        let wanted_short = _mm512_or_si512(bit(short, first), bit(short, second));
        let four = _mm512_cmpeq_epi32_mask(_mm512_and_si512(words, wanted), wanted);
        let three = _mm512_cmpeq_epi32_mask(_mm512_and_si512(shorts, wanted_short), wanted_short);
        bits |= u64::from(four | three) << (16 * group);
    }
    bits
}

/// More banks than registers hold: their tables are read anew for each block. Sequences are looked for at the first so many
/// places of each.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
unsafe fn avx512_many(
    tables: &Tables,
    text: &[u8],
    (from, to, places): (usize, usize, usize),
    hits: &mut Hits,
) -> usize {
    let mut at = from;
    let lowest = BANK * hits.without;
    let mut by_bank = [[0_u8; BLOCK]; BANKS];
    debug_assert!(to + AHEAD <= text.len() + 1);
    while at + BLOCK <= to && hits.has_room(BLOCK) {
        // SAFETY: at >= 1 and at + 64 + 3 <= to + 3 <= text.len(); the processor as above.
        let (bytes, high, exact) = unsafe { load(text, at) };
        // SAFETY: as above.
        let listed = unsafe { listed(&tables.sequences, text, at, places) };
        let mut found = listed;
        for (bank, by_place) in tables.counted(hits).iter().zip(&mut by_bank) {
            // SAFETY: the processor as above; an unaligned store into an array of 64 bytes.
            unsafe {
                let buckets = look_up(&wide(bank), &bytes, &high, exact);
                found |= _mm512_test_epi8_mask(buckets, buckets);
                _mm512_storeu_si512(by_place.as_mut_ptr().cast(), buckets);
            }
        }
        while found != 0 {
            let place = found.trailing_zeros() as usize;
            if exact {
                let banks =
                    by_bank.iter().enumerate().map(|(bank, by_place)| u64::from(by_place[place & 63]) << (bank * BANK));
                let listed = if listed >> place & 1 == 1 { tables.listed } else { 0 };
                hits.push(at + place, banks.fold(0, |all, buckets| all | buckets) << lowest | listed);
            } else {
                tables.step(text, at + place, hits);
            }
            found &= found - 1;
        }
        at += BLOCK;
    }
    at
}
