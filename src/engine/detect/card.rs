//! Payment card numbers: ISO/IEC 7812 length, issuer range and check digit, in the groupings people write.
//!
//! A number stands for itself where its length belongs to its issuer's range and its check digit is right. It does not
//! inside a longer token (a hash, a UUID, a decimal fraction), and 13 digits side by side that are a right article number
//! (EAN) are one, unless a word for a card stands before them, for which there is a rule.

use super::super::validate::luhn;
use super::fraction::{behind_whole, exponent};
use super::gap::{BREAK, MAX_GAP, gap};
use super::{Separator, Step, continues_number, glued_to_code};

/// 19 digits, 18 gaps of which one is the end of a line, and the letters that tell a token from a number with a word
/// glued to it.
pub(in crate::engine) const MAX_LEN: usize = 19 + 17 * 15 + MAX_GAP + CODE + 1;

/// How many letters and digits behind a number are looked at for a digit.
const CODE: usize = 8;

const MOST_DIGITS: usize = 19;

/// Issuer ranges by the card schemes' public tables: first and last prefix (both of the same number of digits), and
/// the lengths in use as a bit set.
const RANGES: &[(u32, u32, u32)] = &[
    (4, 4, lengths(&[13, 16, 19])),                       // Visa
    (51, 55, lengths(&[16])),                             // Mastercard
    (2221, 2720, lengths(&[16])),                         // Mastercard, 2-series
    (34, 34, lengths(&[15])),                             // American Express
    (37, 37, lengths(&[15])),                             // American Express
    (300, 305, lengths(&[14, 16, 19])),                   // Diners Club
    (309, 309, lengths(&[14, 16, 19])),                   // Diners Club
    (36, 36, lengths(&[14, 16, 19])),                     // Diners Club
    (38, 39, lengths(&[14, 16, 19])),                     // Diners Club
    (6011, 6011, lengths(&[16, 17, 18, 19])),             // Discover
    (644, 649, lengths(&[16, 17, 18, 19])),               // Discover
    (65, 65, lengths(&[16, 17, 18, 19])),                 // Discover, RuPay, Elo, Verve
    (3528, 3589, lengths(&[16, 17, 18, 19])),             // JCB
    (2131, 2131, lengths(&[15])),                         // JCB
    (1800, 1800, lengths(&[15])),                         // JCB
    (1, 1, lengths(&[15])),                               // UATP, in groups
    (3571, 3571, lengths(&[16])),                         // LankaPay
    (62, 62, lengths(&[16, 17, 18, 19])),                 // UnionPay
    (81, 82, lengths(&[16])),                             // UnionPay, RuPay
    (2200, 2205, lengths(&[16, 17, 18, 19])),             // Mir, Borica
    (50, 50, lengths(&[16])),                             // Maestro
    (5018, 5018, lengths(&[13, 14, 15, 16, 17, 18, 19])), // Maestro
    (5019, 5019, lengths(&[16])),                         // Dankort
    (5020, 5020, lengths(&[13, 14, 15, 16, 17, 18, 19])), // Maestro
    (5038, 5038, lengths(&[13, 14, 15, 16, 17, 18, 19])), // Maestro
    (5041, 5041, lengths(&[16])),                         // Elo
    (506, 509, lengths(&[16, 18, 19])),                   // Verve, Elo, RuPay
    (56, 58, lengths(&[16, 17, 18, 19])),                 // Maestro
    (5893, 5893, lengths(&[13, 14, 15, 16, 17, 18, 19])), // Maestro
    (60, 60, lengths(&[16])),                             // RuPay, Hipercard
    (63, 63, lengths(&[16])),                             // Maestro
    (6304, 6304, lengths(&[13, 14, 15, 16, 17, 18, 19])), // Maestro
    (6333, 6334, lengths(&[16, 18, 19])),                 // Maestro
    (636, 636, lengths(&[16, 17, 18, 19])),               // InterPayment, Elo
    (637, 639, lengths(&[16, 17, 18, 19])),               // InstaPayment, Hipercard, Maestro
    (67, 67, lengths(&[16, 17, 18, 19])),                 // Maestro
    (6759, 6759, lengths(&[13, 14, 15, 16, 17, 18, 19])), // Maestro
    (6761, 6763, lengths(&[13, 14, 15, 16, 17, 18, 19])), // Maestro
    (8600, 8600, lengths(&[16])),                         // Uzcard
    (9792, 9792, lengths(&[16])),                         // Troy
    (9860, 9860, lengths(&[16])),                         // Humo
];

const fn lengths(list: &[u32]) -> u32 {
    let mut set = 0;
    let mut rest = list;
    while let [first, others @ ..] = rest {
        set |= 1 << *first;
        rest = others;
    }
    set
}

/// For each beginning of one to four digits, the lengths that some range allows: those of one digit stand at 10..20,
/// of two at 100..200, of three at 1,000..2,000, of four at 10,000..20,000 (a 1 before the digits tells them apart).
static POSSIBLE: [u32; 20_000] = possible_table();

#[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn possible_table() -> [u32; 20_000] {
    let mut table = [0; 20_000];
    let mut rest = RANGES;
    while let [(low, high, lengths), others @ ..] = rest {
        // Every prefix is written out to four digits, and its beginnings are marked with it.
        let scale = match *low {
            0..10 => 1_000,
            10..100 => 100,
            100..1_000 => 10,
            _ => 1,
        };
        let mut prefix = *low * scale;
        while prefix < (*high + 1) * scale {
            table[10_000 + prefix as usize] |= *lengths;
            table[1_000 + prefix as usize / 10] |= *lengths;
            table[100 + prefix as usize / 100] |= *lengths;
            table[10 + prefix as usize / 1_000] |= *lengths;
            prefix += 1;
        }
        rest = others;
    }
    table
}

/// The digits read so far and how they were grouped.
struct Reading {
    digits: [u8; MOST_DIGITS],
    count: usize,
    groups: [u8; MOST_DIGITS],
    group_count: usize,
}

impl Reading {
    fn digits(&self) -> &[u8] {
        self.digits.get(..self.count).unwrap_or_default()
    }

    fn groups(&self) -> &[u8] {
        self.groups.get(..self.group_count).unwrap_or_default()
    }

    /// Takes one digit; false when there are too many.
    fn push(&mut self, digit: u8) -> bool {
        let Some(slot) = self.digits.get_mut(self.count) else {
            return false;
        };
        *slot = digit;
        self.count += 1;
        true
    }

    fn close_group(&mut self, size: u8) {
        if let Some(slot) = self.groups.get_mut(self.group_count) {
            *slot = size;
            self.group_count += 1;
        }
    }

    /// The lengths that some issuer range allows for these first digits.
    fn possible_lengths(&self) -> u32 {
        let key = self.digits().iter().take(4).fold(1, |key, digit| key * 10 + usize::from(*digit));
        POSSIBLE.get(key).copied().unwrap_or(0)
    }

    fn is_card(&self) -> bool {
        (13..=MOST_DIGITS).contains(&self.count)
            && self.possible_lengths() & (1 << self.count) != 0
            && grouping_is_usual(self.groups())
            && luhn(self.digits().iter().copied())
            && !self.is_no_airline()
    }

    /// Thirteen digits with the check digit of an article number (GS1): weights 1 and 3.
    fn is_article_number(&self) -> bool {
        let sum = |sum: u32, (place, digit): (usize, &u8)| sum + u32::from(*digit) * if place % 2 == 0 { 1 } else { 3 };
        self.count == 13 && self.digits().iter().enumerate().fold(0, sum).is_multiple_of(10)
    }

    /// Fifteen digits behind a 1 that are not grouped as airlines' cards are: they may count anything.
    fn is_no_airline(&self) -> bool {
        self.count == 15
            && self.digits().first() == Some(&1)
            && !self.digits().starts_with(&[1, 8, 0, 0])
            && !matches!(self.groups(), [4, 5, 6] | [4, 4, 4, 3])
    }
}

/// Groupings besides one group, and equal groups of 1, 2, 4, 5 or 8 with a last one no longer.
const GROUPINGS: &[&[u8]] = &[
    &[4, 6, 5],
    &[4, 6, 4],
    &[4, 5, 6],
    &[4, 5, 5],
    &[4, 3, 3, 3],
    &[4, 4, 5],
    &[4, 4, 6],
    &[4, 4, 7],
    &[4, 4, 8],
    &[4, 8, 4],
    &[8, 4, 4],
    &[4, 12],
    &[12, 4],
    &[6, 10],
    &[6, 13],
    &[6, 9],
    &[6, 8],
    &[6, 6, 4],
    &[6, 4, 6],
    &[6, 2, 8],
    &[10, 6],
    &[8, 11],
    &[4, 4, 4, 7],
    &[4, 4, 4, 5],
    &[4, 4, 4, 6],
];

/// Whether cards are grouped like this. Also true of what may still become so.
fn grouping_is_usual(groups: &[u8]) -> bool {
    if let [first, middle @ .., final_group] = groups
        && matches!(first, 1 | 2 | 4 | 5 | 8)
        && middle.iter().all(|size| size == first)
        && final_group <= first
    {
        return true;
    }
    groups.len() < 2 || GROUPINGS.iter().any(|known| known.starts_with(groups))
}

/// Whether the groups with hyphens are the middle of a UUID: hexadecimal groups before them, letters behind.
fn in_uuid(text: &[u8], at: usize, end: usize) -> bool {
    let Some((b'-', head)) = text.get(..at).and_then(<[u8]>::split_last) else { return false };
    let run = head.iter().rev().take(9).take_while(|byte| byte.is_ascii_alphanumeric());
    run.clone().all(u8::is_ascii_hexdigit)
        && matches!(run.count(), 4 | 8)
        && text.get(end).is_some_and(|byte| byte.is_ascii_hexdigit() || *byte == b'-')
}

/// Words behind which thirteen digits are the number of an article.
const ARTICLES: [&[u8]; 6] = [b"ean", b"gtin", b"upc", b"jan", b"isbn", b"barcode"];

/// Whether a word before the place says that an article's number follows: `EAN 4…`, `"gtin13": "4…`.
fn is_named_article(text: &[u8], at: usize) -> bool {
    let head = text.get(at.saturating_sub(20)..at).unwrap_or_default();
    ARTICLES.iter().any(|word| head.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word)))
}

/// The fewest digits of most 64-bit identifiers; cards that long are few.
const WIDE_ID: usize = 17;

/// Whether so long a number in one piece is called an identifier by the name right before it: `"trace_id": 46…`,
/// `dd.span_id=51…`, `messageId: 69…`. A number as long as cards are is a card whatever it is called.
fn is_named_id(text: &[u8], at: usize, reading: &Reading) -> bool {
    if reading.count < WIDE_ID || reading.group_count > 1 {
        return false;
    }
    let head = text.get(at.saturating_sub(24)..at).unwrap_or_default();
    let joint = head.iter().rev().take_while(|byte| b"\"' :=[".contains(byte)).count();
    let name = head.get(..head.len() - joint).unwrap_or_default();
    let parted = |before: &[u8]| {
        let own = before.last();
        // `traceId` as `trace_id`, and no `paid` or `valid`.
        own.is_none_or(|byte| !byte.is_ascii_alphanumeric())
            || (name.ends_with(b"Id") && own.is_some_and(u8::is_ascii_lowercase))
            || [&b"trace"[..], b"span", b"request", b"message"].iter().any(|word| before.ends_with(word))
    };
    let said = head.get(name.len()..).unwrap_or_default().iter().any(|byte| matches!(byte, b':' | b'='));
    said && name.split_last_chunk::<2>().is_some_and(|(before, id)| id.eq_ignore_ascii_case(b"id") && parted(before))
}

/// Whether a number with two spaces between its groups is a row of a table: not in fours, or with digits before it.
fn in_table(text: &[u8], at: usize, end: usize, groups: &[u8]) -> bool {
    let value = text.get(at..end).unwrap_or_default();
    let wide = value.windows(2).any(|pair| pair == b"  ") && !value.contains(&b'\n');
    let head = text.get(at.saturating_sub(4)..at).unwrap_or_default();
    let spaces = head.iter().rev().take_while(|byte| **byte == b' ').count();
    let behind_digit =
        head.len().checked_sub(spaces + 1).and_then(|place| head.get(place)).is_some_and(u8::is_ascii_digit);
    wide && (groups.first() != Some(&4) || (spaces > 1 && behind_digit))
}

/// Whether letters behind a number lead on to digits, as in a hash, or an exponent or a fraction follows it.
fn leads_to_code(text: &[u8], end: usize, last: bool) -> Option<bool> {
    let mut letters = false;
    if exponent(text, end) {
        return Some(true);
    }
    for place in end..end + CODE {
        match text.get(place) {
            Some(b'.') if place == end => return has_fraction(text, end + 1, last),
            Some(byte) if byte.is_ascii_digit() => return Some(letters),
            Some(byte) if byte.is_ascii_alphabetic() => letters = true,
            None if !last => return None,
            // The digits of an exponent may come.
            Some(b'+' | b'-') if place == end + 1 && place + 1 == text.len() && !last => return None,
            _ => return Some(false),
        }
    }
    Some(false)
}

/// Whether digits other than the one or two zeros that programs write behind whole numbers (`4….0`) follow a dot.
fn has_fraction(text: &[u8], at: usize, last: bool) -> Option<bool> {
    for place in at..at + 2 {
        match text.get(place) {
            None if !last => return None,
            Some(b'0') => {}
            next => return Some(next.is_some_and(u8::is_ascii_digit)),
        }
    }
    match text.get(at + 2) {
        None if !last => None,
        next => Some(next.is_some_and(u8::is_ascii_digit)),
    }
}

/// Whether a number that only the end of a line cuts in two may be two: the columns of a table.
fn in_column(text: &[u8], at: usize) -> bool {
    let head = text.get(at.saturating_sub(16)..at).unwrap_or_default();
    let before = head.iter().rev().find(|byte| !matches!(byte, b' '));
    matches!(before, None | Some(b'\n' | b'\r' | b'\t' | b',' | b';' | b'|')) || before.is_some_and(u8::is_ascii_digit)
}

/// Whether the digits are pairs behind a separator and two other characters: the middle of a dump of bytes. What
/// stands before decides alone, so that nothing need be waited for.
fn in_pairs(text: &[u8], at: usize, reading: &Reading) -> bool {
    let pair = |token: &[u8]| token.iter().all(u8::is_ascii_hexdigit);
    reading.groups().first() == Some(&2)
        && reading.group_count > 1
        && text.get(..at).and_then(|head| head.split_last()).is_some_and(|(separator, head)| {
            matches!(separator, b' ' | b'-' | b'_' | b'\t')
                && head.len().checked_sub(2).is_some_and(|from| pair(head.split_at(from).1))
        })
}

/// Whether one dot alone parts the digits, as in `650136.8412429716`, or a number and a dot stand right before digits that
/// nothing, dots or underscores part; of those farther behind it [`super::find`] decides for every kind of number. Blanks part them there as well, but for the number of a list's item: `1.4111 1111 …`.
fn is_fraction(reading: &Reading, kind: Option<u8>, text: &[u8], at: usize) -> bool {
    let behind_dot = continues_number(text, at, b".");
    match kind {
        None | Some(b'_') => behind_dot,
        Some(b'.') => behind_dot || reading.group_count == 2,
        Some(0) => behind_dot && behind_whole(text, at),
        Some(_) => false,
    }
}

/// Whether the groups are no card's by their look: fours that count up (`5893 5894 5895 5896`), or underscores between
/// others than a card's first four (`30546174_46439663`).
fn counts_or_joins(reading: &Reading, kind: Option<u8>) -> bool {
    if kind == Some(b'_') && !matches!(reading.groups().first(), Some(1 | 4)) {
        return true;
    }
    let four = |group: &[u8]| group.iter().fold(0, |number, digit| number * 10 + u32::from(*digit));
    let mut groups = reading.digits().chunks(4).map(four);
    let first = groups.next().unwrap_or_default();
    matches!(reading.groups(), [4, 4, 4, 4]) && groups.zip(first + 1..).all(|(group, next)| group == next)
}

/// Whether four or five hexadecimal digits, a letter among them, stand a blank before the groups: a row of such.
fn in_hexadecimal_row(text: &[u8], at: usize) -> bool {
    let head = text.get(at.saturating_sub(7)..at).unwrap_or_default();
    let Some(head) = head.strip_suffix(b" ") else { return false };
    let len = head.iter().rev().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let (before, token) = head.split_at(head.len() - len);
    matches!(len, 4 | 5)
        && token.iter().any(u8::is_ascii_digit)
        && token.iter().any(u8::is_ascii_alphabetic)
        && !before.last().is_some_and(u8::is_ascii_alphanumeric)
}

/// Names that a card's number is glued to.
const CARDS: [&[u8]; 5] = [b"card", b"pan", b"cc", b"number", b"no"];

/// Whether a number as long as 64-bit identifiers is glued to a name by an underscore: `blk_6748…`, `blk_-6748…`.
fn is_glued_id(text: &[u8], at: usize, reading: &Reading) -> bool {
    let head = text.get(at.saturating_sub(8)..at).unwrap_or_default();
    let head = head.strip_suffix(b"-").unwrap_or(head).strip_suffix(b"_").unwrap_or_default();
    let is_named = |name: &&[u8]| {
        head.len()
            .checked_sub(name.len())
            .and_then(|from| head.get(from..))
            .is_some_and(|end| end.eq_ignore_ascii_case(name))
    };
    reading.count >= WIDE_ID
        && reading.group_count == 1
        && head.last().is_some_and(u8::is_ascii_alphabetic)
        && !CARDS.iter().any(is_named)
}

/// Looks for a card number whose first digit is at `at`, the beginning of a run of digits.
pub(in crate::engine) fn card(text: &[u8], at: usize, last: bool) -> Step {
    let dialled = at.checked_sub(1).and_then(|before| text.get(before)) == Some(&b'+');
    if dialled || glued_to_code(text, at) {
        return Step::None;
    }
    // Most digits are no card's first: decided before anything is read.
    let first = text.get(at).map_or(0, |byte| usize::from(byte.wrapping_sub(b'0')));
    if POSSIBLE.get(10 + first).is_none_or(|lengths| *lengths == 0) {
        return Step::None;
    }
    let mut reading = Reading { digits: [0; MOST_DIGITS], count: 0, groups: [0; MOST_DIGITS], group_count: 0 };
    let mut kind_of_all = None;
    let mut broken = false;
    let mut best = Step::None;
    let mut here = at;
    loop {
        let mut size = 0_u8;
        while let Some(digit) = text.get(here).filter(|byte| byte.is_ascii_digit()) {
            if !reading.push(digit - b'0') {
                return best;
            }
            size += 1;
            here += 1;
        }
        let possible = reading.possible_lengths();
        if possible >> reading.count == 0 {
            return best;
        }
        if here >= text.len() && !last {
            return Step::More;
        }
        reading.close_group(size);
        if !grouping_is_usual(reading.groups()) {
            return best;
        }
        if reading.is_card()
            && !in_pairs(text, at, &reading)
            && !in_uuid(text, at, here)
            && !is_named_id(text, at, &reading)
            && !in_table(text, at, here, reading.groups())
            && !is_fraction(&reading, kind_of_all, text, at)
            && !counts_or_joins(&reading, kind_of_all)
            && !in_hexadecimal_row(text, at)
            && !is_glued_id(text, at, &reading)
            && (!reading.is_article_number() || (reading.group_count > 1 && !is_named_article(text, at)))
        {
            match leads_to_code(text, here, last) {
                None => return Step::More,
                Some(true) => {}
                Some(false) if broken && kind_of_all.is_none() && in_column(text, at) => {}
                Some(false) => best = Step::Match(here),
            }
        }
        // No issuer has a longer number.
        if possible >> reading.count == 1 {
            return best;
        }
        let (len, kind) = match gap(text, here, last) {
            Separator::Found { len, kind } => (len, kind),
            Separator::None => return best,
            Separator::More => return Step::More,
        };
        if kind == BREAK {
            if std::mem::replace(&mut broken, true) {
                return best;
            }
        } else if *kind_of_all.get_or_insert(kind) != kind {
            return best;
        }
        here += len;
        let pairs = reading.groups().first() == Some(&2);
        match text.get(here) {
            // What is written digit by digit or in pairs is whole, or is a row of something else.
            Some(byte) if byte.is_ascii_digit() => {
                if pairs || reading.groups().first() == Some(&1) {
                    best = Step::None;
                }
            }
            Some(byte) if pairs && best != Step::None && byte.is_ascii_hexdigit() => match text.get(here + 1) {
                None if !last => return Step::More,
                Some(byte) if byte.is_ascii_hexdigit() => return Step::None,
                _ => return best,
            },
            Some(_) => return best,
            None if last => return best,
            None => return Step::More,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::rule::Detector;
    use super::super::find;
    use super::*;

    fn found(text: &str) -> bool {
        let at = text.find(|c: char| c.is_ascii_digit()).unwrap_or(0);
        card(text.as_bytes(), at, true) != Step::None
    }

    #[test]
    fn known_cards_in_every_usual_form() {
        for text in [
            "4111111111111111",
            "4111 1111 1111 1111",
            "4111-1111-1111-1111",
            "4111\u{a0}1111\u{a0}1111\u{a0}1111",
            "4111\u{2011}1111\u{2011}1111\u{2011}1111",
            "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
            "4222222222222",
            "5555 5555 5555 4444",
            "2223003122003222",
            "3782 822463 10005",
            "3056 930902 5904",
            "6011111111111117",
            "3530111333300000",
            "6212345678900000003",
            "ref4111111111111111.",
            "4111  1111  1111  1111",
            "4111 - 1111 - 1111 - 1111",
            "4111/1111/1111/1111",
            "4111_1111_1111_1111",
            "4111 1111\n1111 1111",
            "4111-1111-\r\n    1111-1111",
            "x 41111111\n11111111",
            "x 41111111\r\n    11111111",
            "4-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1",
            "4111111111111111abc",
            "file_4111111111111111_v2",
            "4111 1111 11111111",
            "621234 5678900000003",
            "4222 222 222 222",
            "1354 12345 678911",
            "4111111111111111.0",
            "4111111111111111.00 USD",
            "4111 1111 1111 1111.0,",
        ] {
            assert!(found(text), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_card() {
        for text in [
            "4111111111111112",
            "1726943028123456",
            "0.4111111111111111",
            "41111111111111111111111",
            "411 111 111 111 1111",
            "4111 1111-1111 1111",
            "a4b4111111111111111",
            "0b 30 09 06 03 55 04 06 13 02 46 52",
            "4111111111111111a4b",
            "4111111111111111.25",
            "4111111111111111.05",
            "4111111111111111.000",
            "\n41111111\n11111111",
            "a,41111111\n11111111",
            "4111\n1111\n1111\n1111",
            "12345678-4111-1111-1111-1111abcdef12",
            "135412345678911",
            "ean 4000000000006",
            "4239163168586",
            "411111.1111111111",
            "30 07 02 03 01 00 01 02 03 01",
            "18435  24044  94745",
            "12  4111  1111  1111  1111",
        ] {
            let starts = ["4111", "411 ", "30 ", "4000", "4239", "411111."];
            let at = starts.iter().find_map(|start| text.find(start)).unwrap_or(0);
            assert_eq!(card(text.as_bytes(), at, true), Step::None, "{text}");
        }
    }

    /// What stands before a comma is the member before of a list or of a row.
    #[test]
    fn a_card_behind_a_number_and_a_comma() {
        for head in ["42,", "0,", "[1,", "5555555555554444,", "1.5,"] {
            for number in ["4111111111111111", "4111 1111 1111 1111"] {
                let text = format!("{head}{number}");
                assert_eq!(card(text.as_bytes(), head.len(), true), Step::Match(text.len()), "{text}");
            }
        }
        for (text, found) in [
            ("1.4111 1111 1111 1111", true),
            ("1.4111-1111-1111-1111", true),
            ("\n 2.4111 1111 1111 1111", true),
            ("note: 2.4111 1111 1111 1111", true),
            ("[1,4111111111111111]", true),
            ("id,4111111111111111;", true),
            ("4012888888881881,4111111111111111;", true),
            ("1,4111111111111111 2,4012888888881881", true),
            ("1,4111111111111111\n2,5", true),
            ("1.4111.1111.1111.1111", false),
            ("1.4111111111111111", false),
            ("0.4111 1111 1111 1111", false),
            ("x = 2.4111 1111 1111 1111", false),
            ("cards 1.4111 1111 1111 1111", true),
            ("user 5,4111111111111111; and", true),
            ("(1,4111111111111111);", true),
            ("0.4111_1111_1111_1111", false),
            ("1.67638_4111_1111_1111_1111e+0", false),
            ("0,4111111111111111;0,5105", false),
            ("2,5;-0,4111111111111111", false),
            ("0,4111111111111111\t1", false),
            ("0,4111111111111111 -0,25", false),
            ("12,25 0,4111111111111111", false),
            ("12,25 | 0,4111111111111111 | x", false),
            ("4111111111111111e-07", false),
        ] {
            let at = text.find("4111").unwrap_or(0);
            let whole = find(Detector::Card, text.as_bytes(), at, true);
            assert_eq!(whole != Step::None, found, "{text}");
            for cut in at + 1..text.len() {
                let early = find(Detector::Card, &text.as_bytes()[..cut], at, false);
                assert!(early == Step::More || early == whole, "{text} at {cut}");
            }
        }
    }

    /// Rows of numbers and identifiers, by what their groups or their neighbours are.
    #[test]
    fn groups_that_are_no_cards() {
        for (text, found) in [
            ("4111 1111 1111 1111", true),
            ("588E 4111 1111 1111 1111", false),
            ("face 4111 1111 1111 1111", true),
            ("blk_6212345678900000003", false),
            ("blk_-6212345678900000003", false),
            ("pan 6212345678900000003", true),
            ("Card_6212345678900000003", true),
            ("file_4111111111111111_v2", true),
        ] {
            let at = text.find("4111").or_else(|| text.find("6212")).unwrap_or(0);
            assert_eq!(card(text.as_bytes(), at, true) != Step::None, found, "{text}");
        }
        for first in 4000..6000 {
            let row = format!("{first} {} {} {}", first + 1, first + 2, first + 3);
            assert_eq!(card(row.as_bytes(), 0, true), Step::None, "{row}");
        }
        assert!(found("4111_1111_1111_1111") && !found("41111111_11111111"));
    }

    /// The no-break space and the hyphens of Windows-1252, where nothing says that a text is in it.
    #[test]
    fn separators_of_windows_1252() {
        for separator in [0xA0, 0x96, 0x97, 0xAD] {
            let number = [&b"4111"[..], b"1111", b"1111", b"1111"].join(&separator);
            assert_eq!(card(&number, 0, true), Step::Match(19), "{separator:x}");
            for cut in 1..number.len() {
                assert_eq!(card(&number[..cut], 0, false), Step::More, "{separator:x} at {cut}");
            }
        }
    }

    #[test]
    fn long_identifiers_that_are_called_so() {
        // Visa's range, with a right check digit.
        let number = "4611686018427387905";
        let id = (0..10).map(|digit| format!("461168601842738790{digit}"));
        let id = id.into_iter().find(|id| card(id.as_bytes(), 0, true) != Step::None).unwrap_or(number.to_owned());
        for (before, found) in [
            ("trace_id: ", false),
            ("\"dd.trace_id\": \"", false),
            ("dd.span_id=", false),
            ("traceId trace Id: ", false),
            ("id: ", false),
            ("\"messageId\":", false),
            ("", true),
            ("paid: ", true),
            ("number: ", true),
            ("id ", true),
        ] {
            let text = format!("{before}{id}");
            assert_eq!(card(text.as_bytes(), before.len(), true) != Step::None, found, "{text}");
        }
        assert_ne!(card(b"id: 4111111111111111", 4, true), Step::None);
    }

    #[test]
    fn an_answer_never_changes_with_more_text() {
        for text in [
            "4111 1111 1111 1111 123 x",
            "4111111111111111abc4",
            "4111111111111111.5",
            "4111111111111111.00 ",
            "4111111111111111.001",
            "4111-1111-\r\n    1111-1111\n 12",
            "4111 - 1111 - 1111 - 1111 - x",
            "378282246310005\r\n1",
            "30 07 02 03 01 00 01 af",
            "4111111111111111\u{a0}\u{a0}\u{2013} 1",
        ] {
            let bytes = text.as_bytes();
            let whole = card(bytes, 0, true);
            for cut in 1..bytes.len() {
                let early = card(&bytes[..cut], 0, false);
                assert!(early == Step::More || early == whole, "{text:?} at {cut}");
            }
        }
    }
}
