//! Numbers that name their country: `+44 20 …`, `0044 20 …`, `011 44 20 …`.

use super::super::Step;
use super::national::dialled_in_north_america;
use super::plan::{Standing, standing};
use super::reading::{Kind, More, Reading};
use super::with_extension;

/// Least digits of a number, with its calling code.
const LEAST: usize = 8;
/// Least digits of a number that is in no range of its plan.
const LEAST_POSSIBLE: usize = 9;

/// A number behind the `+` at `at`.
pub(super) fn with_plus(text: &[u8], at: usize, last: bool) -> Step {
    finished(text, last, read(Reading::new(text, at, at + 1, last), Form::Plus))
}

/// A number behind `00` or `011`, the prefixes of most countries and of North America.
pub(super) fn with_zeros(text: &[u8], at: usize, last: bool) -> Step {
    finished(text, last, behind_zeros(text, at, last))
}

fn behind_zeros(text: &[u8], at: usize, last: bool) -> Result<Option<usize>, More> {
    let mut reading = Reading::new(text, at, at, last);
    if !reading.take(b'0')? {
        return Ok(None);
    }
    let american = reading.take(b'1')? && reading.take(b'1')?;
    if !american && (reading.at != at + 1 || !reading.take(b'0')?) {
        return Ok(None);
    }
    // After 011 a separator must stand: the digits would be a national number else.
    let one = |kind| matches!(kind, Kind::Space | Kind::Dash | Kind::Dot);
    let separated = match reading.joint(false)? {
        Some(joint) if one(joint.kind) && !joint.closes => true,
        Some(_) => return Ok(None),
        None => false,
    };
    if american && !separated {
        return Ok(None);
    }
    read(reading, if separated { Form::Zeros } else { Form::Glued })
}

fn finished(text: &[u8], last: bool, end: Result<Option<usize>, More>) -> Step {
    match end {
        Ok(Some(end)) => with_extension(text, end, last),
        Ok(None) => Step::None,
        Err(More) => Step::More,
    }
}

/// What stands before a calling code.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Plus,
    /// Zeros and a separator.
    Zeros,
    /// Zeros that the calling code follows at once: `0045 32 …`.
    Glued,
}

/// Reads on from the calling code; the end of the longest number. Behind zeros there must be separators and a number of the
/// plan.
fn read(mut reading: Reading<'_>, form: Form) -> Result<Option<usize>, More> {
    let strict = form != Form::Plus;
    let mut number = None;
    let mut possible = None;
    loop {
        let size = reading.group()?;
        if size == 0 {
            break;
        }
        let known = standing(reading.digits());
        let count = reading.digits().len();
        let in_groups = reading.groups().len() > 1;
        // Pairs alone are the middle of a dump of bytes where no plus says otherwise, nor a first group of four.
        let in_pairs = form == Form::Zeros && reading.groups().iter().all(|size| *size == 2);
        let written = !strict || (in_groups && !in_pairs);
        let north_american = reading.digits().first() != Some(&1) || count == 11;
        match known {
            Standing::Never => break,
            Standing::Number if count >= LEAST && written && north_american => number = Some(reading.at),
            // The North American plan takes all of its own.
            Standing::Possible
                if count >= LEAST_POSSIBLE && in_groups && !strict && reading.digits().first() != Some(&1) =>
            {
                possible = Some(reading.at);
            }
            _ => {}
        }
        // A bracket is put around an area code or a trunk zero; one further on begins another number.
        let so_far = number.or(possible);
        let in_dots = reading.kinds().last() == Some(&Kind::Dot);
        let Some(joint) = reading.joint(count <= 4)? else { break };
        // Names and paths have zeros before such signs, numbers to be dialled none.
        if strict && matches!(joint.kind, Kind::Underscore | Kind::Slash) {
            break;
        }
        // Zeros may be the end of an amount, and what follows it a date: `$17,007.41 2026-02-10`.
        if strict && in_dots && joint.kind != Kind::Dot {
            break;
        }
        if joint.kind.is_weak() && so_far.is_some() && !reading.only(joint.kind) {
            break;
        }
        if joint.opens && reading.peek(reading.at)? == Some(b'0') && reading.peek(reading.at + 1)? == Some(b')') {
            reading.group()?;
            reading.forget_digit();
            if reading.joint(false)?.is_none() {
                break;
            }
        }
    }
    match number.or(possible) {
        Some(end) if strict && in_row(&reading, end)? => Ok(None),
        Some(_) if is_decimal(&reading)? => Ok(None),
        found => Ok(found),
    }
}

/// Whether what looks like a number behind zeros is a part of a row or a code: letters behind it, or as many digits as
/// words of a dump have, a blank before or behind it.
fn in_row(reading: &Reading<'_>, end: usize) -> Result<bool, More> {
    if reading.peek(end)?.is_some_and(|byte| byte.is_ascii_alphabetic()) {
        return Ok(true);
    }
    let mut behind = usize::from(reading.peek(end)? == Some(b' '));
    while behind > 0 && behind <= WORD && reading.peek(end + behind)?.is_some_and(|byte| byte.is_ascii_digit()) {
        behind += 1;
    }
    Ok(behind > WORD || reading.follows_word(WORD))
}

/// Digits of a word of a dump.
const WORD: usize = 5;

/// Whether a point and digits go on behind as many digits in one piece as numbers have.
fn is_decimal(reading: &Reading<'_>) -> Result<bool, More> {
    let whole = reading.first_piece();
    let long = reading.groups().first().is_some_and(|size| usize::from(*size) >= LEAST);
    Ok(long && reading.peek(whole)? == Some(b'.') && reading.peek(whole + 1)?.is_some_and(|byte| byte.is_ascii_digit()))
}

/// A number with each digit by itself: `+ 4 4 2 0 …`, `2 1 2 5 5 5 …`, with the same separator throughout.
pub(super) fn one_by_one(text: &[u8], at: usize, last: bool) -> Step {
    finished(text, last, read_one_by_one(text, at, last))
}

fn read_one_by_one(text: &[u8], at: usize, last: bool) -> Result<Option<usize>, More> {
    let mut reading = Reading::new(text, at, at, last);
    let plus = reading.take(b'+')?;
    if plus {
        let spaced = reading.take(b' ')? || reading.take(b'-')?;
        if !spaced {
            return Ok(None);
        }
    } else if follows_digit(text, at) {
        return Ok(None);
    }
    let mut kind = None;
    loop {
        if reading.group()? != 1 {
            return Ok(None);
        }
        let Some(joint) = reading.joint(false)? else { break };
        let plain = matches!(joint.kind, Kind::Space | Kind::Dash) && !joint.closes;
        if !plain || *kind.get_or_insert(joint.kind) != joint.kind {
            return Ok(None);
        }
    }
    let digits = reading.digits();
    let dashes = kind == Some(Kind::Dash);
    let international =
        standing(digits) == Standing::Number && digits.len() >= 10 && (plus || (dashes && digits.len() >= 11));
    let domestic = !plus && dialled_in_north_america(digits) && !counts(digits);
    Ok((international || domestic).then_some(reading.at))
}

/// Whether a digit and one separator stand before `at`: a longer row of digits.
fn follows_digit(text: &[u8], at: usize) -> bool {
    let head = text.get(..at).unwrap_or_default();
    matches!(head, [.., digit, b' ' | b'-'] if digit.is_ascii_digit())
}

/// Whether the digits only rise or only fall.
fn counts(digits: &[u8]) -> bool {
    digits.is_sorted() || digits.iter().rev().is_sorted()
}
