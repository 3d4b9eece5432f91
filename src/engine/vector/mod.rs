//! Where something may begin: the one pass over every byte.
//!
//! Enters: text, and tables that say for each byte and each of five places round a position (one before it, itself,
//! three behind) which of up to sixty-four buckets may have that byte there. Leaves: the positions where all five places
//! leave a bucket over, and those where one of many sequences may stand (`sequences`). One function in several forms, chosen once by what the processor has; the scalar form is the
//! definition and the fallback, and a test holds every other form against it.
//!
//! This is the one room with `unsafe`: the vector instructions are reached through `core::arch`, whose functions may
//! only run on processors that have them, and through loads that trust a pointer. Each form states why both hold.

#![allow(unsafe_code, reason = "vector instructions; each use states why it holds")]
#![allow(clippy::indexing_slicing, reason = "tables of 256 entries are indexed by a byte, places by checked bounds")]

mod classes;
#[cfg(target_arch = "x86_64")]
mod codes;
#[cfg(target_arch = "aarch64")]
mod neon;
mod sequences;
#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(test)]
mod tests;

pub(super) use classes::{CLASSES, Colons, RUN, RUN_BLOCK, classes, colons, digits, has_run, words};
pub(super) use sequences::{Sequences, first_three, kinds};

/// Places that a window looks at: the byte before the position, its own, and three behind.
pub(super) const PLACES: usize = 5;
/// Bytes behind a position that its window needs, its own included.
pub(super) const AHEAD: usize = PLACES - 1;
/// Buckets of one bank: bits of a byte.
pub(super) const BANK: usize = 8;
/// The most banks.
const BANKS: usize = 8;
/// The most buckets.
pub(super) const MANY: usize = BANKS * BANK;
/// So many places are worth a block, and where sequences are looked for.
const FEW: usize = 8;
const FEW_LISTED: usize = 24;
/// Bytes of the largest form's block.
const BLOCK: usize = 64;
/// Hits of one call.
pub(super) const HITS: usize = 128;

/// A position that some bucket may begin at.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Hit {
    /// The position, from the beginning of the text given.
    pub(super) at: u32,
    /// Its buckets, a bit each.
    pub(super) buckets: u64,
}

/// For each place and byte, the buckets that allow it, in banks of eight.
pub(super) struct Tables {
    banks: Vec<Bank>,
    /// All banks together, for one position at a time.
    all: Box<[[u64; 256]; PLACES]>,
    sequences: Sequences,
    /// The bit of the sequences' bucket.
    listed: u64,
    form: Form,
}

/// The tables of eight buckets.
struct Bank {
    places: [[u8; 256]; PLACES],
    /// The union over bytes beyond ASCII, for forms that look up 128 entries.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "the x86 forms need it"))]
    beyond_ascii: [u8; PLACES],
    /// For forms that look up 16 entries: buckets by the low and by the high half of a byte's [`code`]. A byte's buckets are
    /// among what both halves allow.
    #[cfg_attr(not(any(target_arch = "x86_64", target_arch = "aarch64")), allow(dead_code, reason = "vector forms"))]
    halves: [([u8; 16], [u8; 16]); PLACES],
}

/// What stands for a byte where halves are looked up.
#[inline]
fn code(byte: u8) -> u8 {
    #[cfg(target_arch = "x86_64")]
    return codes::CODES[usize::from(byte)];
    #[cfg(not(target_arch = "x86_64"))]
    return byte;
}

/// A form of the pass.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// Byte by byte.
    Scalar,
    /// SSSE3: 16 bytes at a time.
    #[cfg(target_arch = "x86_64")]
    Ssse3,
    /// AVX2: 32 bytes at a time.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512 with VBMI: 64 bytes at a time.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// Advanced SIMD: 16 bytes at a time.
    #[cfg(target_arch = "aarch64")]
    Neon,
}

impl Form {
    /// Places that are looked at at once.
    fn block(self) -> usize {
        match self {
            Self::Scalar => 1,
            #[cfg(target_arch = "x86_64")]
            Self::Ssse3 => 16,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => 32,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => BLOCK,
            #[cfg(target_arch = "aarch64")]
            Self::Neon => 16,
        }
    }

    /// The forms that this processor has, the best last.
    pub(super) fn available() -> Vec<Self> {
        let mut forms = vec![Self::Scalar];
        #[cfg(target_arch = "x86_64")]
        {
            let avx512 = is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512vbmi");
            let all = [
                (is_x86_feature_detected!("ssse3"), Self::Ssse3),
                (is_x86_feature_detected!("avx2"), Self::Avx2),
                (avx512 && is_x86_feature_detected!("avx512f"), Self::Avx512),
            ];
            forms.extend(all.into_iter().filter(|(has, _)| *has).map(|(_, form)| form));
        }
        #[cfg(target_arch = "aarch64")]
        if std::arch::is_aarch64_feature_detected!("neon") {
            forms.push(Self::Neon);
        }
        forms
    }
}

/// Hits of a call, in order. Used again from call to call.
pub(super) struct Hits {
    list: Box<[Hit; HITS]>,
    len: usize,
    /// So many banks, the first, are not looked for.
    without: usize,
}

impl Hits {
    pub(super) fn new() -> Self {
        Self { list: Box::new([Hit::default(); HITS]), len: 0, without: 0 }
    }

    /// The buckets that are looked for.
    #[inline(always)]
    fn counted(&self) -> u64 {
        u64::MAX.checked_shl((BANK * self.without) as u32).unwrap_or(0)
    }

    pub(super) fn as_slice(&self) -> &[Hit] {
        self.list.get(..self.len).unwrap_or_default()
    }

    #[inline(always)]
    fn push(&mut self, at: usize, buckets: u64) {
        // A call stops while there is room for a whole block.
        if let Some(slot) = self.list.get_mut(self.len) {
            *slot = Hit { at: at as u32, buckets };
            self.len += 1;
        }
    }

    /// Whether a block of so many bytes may still be looked at.
    #[inline(always)]
    fn has_room(&self, block: usize) -> bool {
        self.len + block <= HITS
    }
}

impl Tables {
    /// Tables from what each bucket allows at each place, for up to [`MANY`] buckets, and from sequences, with the bit of
    /// their bucket, which is none of those.
    pub(super) fn new(buckets: &[[super::byte_set::ByteSet; PLACES]], sequences: (Sequences, u64)) -> Self {
        Self::with_form(buckets, sequences, Form::available().last().copied().unwrap_or(Form::Scalar))
    }

    pub(super) fn with_form(
        buckets: &[[super::byte_set::ByteSet; PLACES]],
        (sequences, listed): (Sequences, u64),
        form: Form,
    ) -> Self {
        let banks = buckets.chunks(BANK).take(BANKS).map(|buckets| {
            let mut bank =
                Bank { places: [[0; 256]; PLACES], beyond_ascii: [0; PLACES], halves: [([0; 16], [0; 16]); PLACES] };
            for (number, sets) in buckets.iter().enumerate() {
                for (place, set) in sets.iter().enumerate() {
                    for byte in set.bytes() {
                        bank.places[place][usize::from(byte)] |= 1 << number;
                        let code = code(byte);
                        bank.halves[place].0[usize::from(code & 15)] |= 1 << number;
                        bank.halves[place].1[usize::from(code >> 4)] |= 1 << number;
                        if !byte.is_ascii() {
                            bank.beyond_ascii[place] |= 1 << number;
                        }
                    }
                }
            }
            bank
        });
        let banks: Vec<Bank> = banks.collect();
        let mut all = Box::new([[0; 256]; PLACES]);
        for (number, bank) in banks.iter().enumerate() {
            for (all, own) in all.iter_mut().zip(&bank.places) {
                all.iter_mut().zip(own).for_each(|(all, own)| *all |= u64::from(*own) << (number * BANK));
            }
        }
        Self { banks, all, sequences, listed, form }
    }

    /// The buckets that may begin at `at`. What lies before the text, and behind it, is anything.
    pub(super) fn at(&self, text: &[u8], at: usize) -> u64 {
        let mut buckets = u64::MAX.checked_shr((u64::BITS as usize - BANK * self.banks.len()) as u32).unwrap_or(0);
        for (place, table) in self.all.iter().enumerate() {
            let byte = (at + place).checked_sub(1).and_then(|index| text.get(index));
            buckets &= byte.map_or(u64::MAX, |byte| table[usize::from(*byte)]);
        }
        if self.sequences.may_stand(text, at) { buckets | self.listed } else { buckets }
    }

    /// As [`Tables::at`], where the text ends within the window: three bytes that it ends with may still be a sequence.
    pub(super) fn at_end(&self, text: &[u8], at: usize) -> u64 {
        let buckets = self.at(text, at);
        match text.get(at..) {
            Some([first, second, third]) if !self.sequences.may_end([*first, *second, *third]) => {
                buckets & !self.listed
            }
            _ => buckets,
        }
    }

    /// Looks at positions from `from` up to `to`, each with its whole window in the text (`to + 3 <= text.len()`), and
    /// puts those of some bucket into `hits`, emptied before; the buckets of so many banks, the first, are left out. Gives
    /// the position to go on from: `to`, or less when `hits` is full.
    pub(super) fn scan(&self, text: &[u8], (from, to): (usize, usize), without: usize, hits: &mut Hits) -> usize {
        (hits.len, hits.without) = (0, without.min(self.banks.len()));
        let to = to.min((text.len() + 1).saturating_sub(AHEAD));
        if (self.banks.is_empty() && self.sequences.is_empty()) || from >= to {
            return to.max(from);
        }
        let mut at = from;
        if at == 0 {
            self.step(text, 0, hits);
            at = 1;
        }
        at = self.blocks(text, at, to, hits);
        // Fewer places than these cost less one by one than the tables of a block do.
        let worth = match self.form {
            Form::Scalar => usize::MAX,
            _ if self.sequences.is_empty() => FEW,
            _ => FEW_LISTED,
        };
        if at < to && (worth..BLOCK).contains(&(to - at)) && hits.has_room(BLOCK) {
            self.rest(text, at, to, hits);
            return to;
        }
        while at < to && hits.has_room(1) && to - at < worth {
            self.step(text, at, hits);
            at += 1;
        }
        at
    }

    /// The banks that a call looks for.
    #[inline(always)]
    fn counted(&self, hits: &Hits) -> &[Bank] {
        &self.banks[hits.without..]
    }

    /// Whole blocks of a form; gives where the next one begins.
    fn blocks(&self, text: &[u8], at: usize, to: usize, hits: &mut Hits) -> usize {
        match self.form {
            Form::Scalar => at,
            // SAFETY: a form is only chosen where `Form::available` found its instructions on this processor.
            #[cfg(target_arch = "x86_64")]
            Form::Ssse3 => unsafe { x86::ssse3(self, text, at, to, hits) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Form::Avx2 => unsafe { x86::avx2(self, text, at, to, hits) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Form::Avx512 => unsafe { x86::avx512(self, text, at, to, hits) },
            // SAFETY: as above.
            #[cfg(target_arch = "aarch64")]
            Form::Neon => unsafe { neon::neon(self, text, at, to, hits) },
        }
    }

    /// Places that are less than a block, as most of a short text are: as the first of one that is filled up.
    fn rest(&self, text: &[u8], at: usize, to: usize, hits: &mut Hits) {
        let mut block = [0; BLOCK + PLACES - 1];
        let Some(stretch) = text.get(at - 1..to + AHEAD - 1) else { return };
        block[..stretch.len()].copy_from_slice(stretch);
        let (before, count) = (hits.len, to - at);
        match self.form {
            // SAFETY: as in `blocks`.
            #[cfg(target_arch = "x86_64")]
            Form::Avx512 => unsafe { x86::avx512_rest(self, &block, count, hits) },
            form => {
                self.blocks(&block, 1, 1 + count.next_multiple_of(form.block()), hits);
            }
        }
        // What was filled up may have hits of its own.
        let own = hits.list[before..hits.len].iter().take_while(|hit| hit.at as usize <= count).count();
        hits.len = before + own;
        hits.list[before..hits.len].iter_mut().for_each(|hit| hit.at += at as u32 - 1);
    }

    /// Puts the places of a block into `hits` where the halves of bytes have found something, by the whole bytes, and where a
    /// sequence may stand. Every place has its window in the text.
    #[inline]
    fn tell(&self, text: &[u8], at: usize, (found, listed): (u64, u64), hits: &mut Hits) {
        let mut left = found | listed;
        while left != 0 {
            let place = left.trailing_zeros();
            left &= left - 1;
            let (found, listed) = (found >> place & 1 == 1, listed >> place & 1 == 1);
            let from = at + place as usize;
            let window: Option<&[u8; PLACES]> = text.get(from - 1..).and_then(|text| text.first_chunk());
            let Some(window) = window.filter(|_| found) else {
                if listed {
                    hits.push(from, self.listed);
                }
                continue;
            };
            let buckets = self
                .all
                .iter()
                .zip(window)
                .fold(hits.counted(), |buckets, (table, byte)| buckets & table[usize::from(*byte)]);
            let buckets = if listed { buckets | self.listed } else { buckets };
            if buckets != 0 {
                hits.push(from, buckets);
            }
        }
    }

    #[inline]
    fn step(&self, text: &[u8], at: usize, hits: &mut Hits) {
        let buckets = self.at(text, at) & hits.counted();
        if buckets != 0 {
            hits.push(at, buckets);
        }
    }
}
