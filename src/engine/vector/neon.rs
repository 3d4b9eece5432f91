//! The pass with Advanced SIMD, which every 64-bit ARM processor has: tables of 16 for the halves of a byte, and the exact
//! tables for what they find.

use core::arch::aarch64::*;

use super::{Hits, Tables};

/// # Safety
/// The processor has Advanced SIMD.
#[target_feature(enable = "neon")]
pub(super) unsafe fn neon(tables: &Tables, text: &[u8], from: usize, to: usize, hits: &mut Hits) -> usize {
    const BLOCK: usize = 16;
    let mut at = from;
    while at + BLOCK <= to && hits.has_room(BLOCK) {
        let mut found = vdupq_n_u8(0);
        for bank in tables.counted(hits) {
            let mut buckets = vdupq_n_u8(0xFF);
            for (place, (by_low, by_high)) in bank.halves.iter().enumerate() {
                // SAFETY: the load reads text[at - 1 + place..][..16]; at >= 1, and at + 16 + 3 <= to + 3 <= text.len().
                let (bytes, by_low, by_high) = unsafe {
                    (vld1q_u8(text.as_ptr().add(at - 1 + place)), vld1q_u8(by_low.as_ptr()), vld1q_u8(by_high.as_ptr()))
                };
                let lows = vqtbl1q_u8(by_low, vandq_u8(bytes, vdupq_n_u8(0x0F)));
                let highs = vqtbl1q_u8(by_high, vshrq_n_u8::<4>(bytes));
                buckets = vandq_u8(buckets, vandq_u8(lows, highs));
            }
            found = vorrq_u8(found, buckets);
        }
        // Four bits for each byte that has a bucket.
        let narrowed = vshrn_n_u16::<4>(vreinterpretq_u16_u8(vtstq_u8(found, found)));
        let mut bits = vget_lane_u64::<0>(vreinterpret_u64_u8(narrowed)) & 0x8888_8888_8888_8888;
        let mut listed = tables.sequences.block::<BLOCK>(text, at);
        while listed != 0 {
            bits |= 8 << (4 * listed.trailing_zeros());
            listed &= listed - 1;
        }
        while bits != 0 {
            tables.step(text, at + (bits.trailing_zeros() / 4) as usize, hits);
            bits &= bits - 1;
        }
        at += BLOCK;
    }
    at
}
