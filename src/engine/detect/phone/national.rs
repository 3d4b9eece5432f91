//! Numbers as they are written in their own country.

use super::super::{Step, is_digit};
use super::extension::extension;
use super::plan::Regions;
use super::reading::{Joint, Kind, More, Reading};
use super::{before, may_begin, stands_in_number, with_extension};

/// Fewest and most digits of a number of any country as it is dialled there.
const ANY: std::ops::RangeInclusive<usize> = 7..=15;
/// Digits after which a weak separator ends a number.
const COMPLETE: usize = 7;

/// Whether ten digits are area, office and line of the North American plan; nothing for any other count of digits.
///
/// Area and office codes begin with 2-9 and do not end in 11. The area 555 is nobody's, so that writers put any office
/// behind it.
fn is_north_american(digits: &[u8]) -> Option<bool> {
    let [a, b, c, d, e, f, _, _, _, _] = digits else { return None };
    let code = |first: u8, second: u8, third: u8| first >= 2 && (second, third) != (1, 1);
    Some(code(*a, *b, *c) && (code(*d, *e, *f) || (*a, *b, *c) == (5, 5, 5)))
}

/// As [`is_north_american`], with the 1 that is dialled before or without.
pub(super) fn dialled_in_north_america(digits: &[u8]) -> bool {
    let rest = if digits.len() == 11 { digits.strip_prefix(&[1]).unwrap_or_default() } else { digits };
    is_north_american(rest) == Some(true)
}

/// A North American number at `at`, a bracket or the first of a run of digits.
pub(super) fn north_american(text: &[u8], at: usize, last: bool) -> Step {
    match read_north_american(text, at, last) {
        Ok(Some(end)) => with_extension(text, end, last),
        Ok(None) => Step::None,
        Err(More) => Step::More,
    }
}

fn read_north_american(text: &[u8], at: usize, last: bool) -> Result<Option<usize>, More> {
    let mut reading = Reading::new(text, at, at, last);
    let mut open = reading.take(b'(')?;
    let mut groups: &[u8] = &[3, 3, 4];
    let mut size = reading.group()?;
    if size == 1 && !open && reading.digits() == [1] {
        match reading.joint(true)? {
            Some(joint) => open = joint.opens,
            None => return Ok(None),
        }
        size = reading.group()?;
    } else if size == 4 && !open && reading.digits().first() == Some(&1) {
        size = 3;
    }
    let dialled = reading.groups().len() > 1;
    let bracketed = open;
    while let Some((wanted, rest)) = groups.split_first() {
        // Office and line are sometimes written as one, behind a bracket.
        let joined = bracketed && groups.len() == 2 && size == 7;
        if size != *wanted && !joined {
            return Ok(None);
        }
        if rest.is_empty() || joined {
            break;
        }
        let Some(joint) = reading.joint(false)? else { return Ok(None) };
        if joint.closes != open {
            return Ok(None);
        }
        open = false;
        groups = rest;
        size = reading.group()?;
    }
    let kinds = reading.kinds().get(usize::from(dialled)..).unwrap_or_default();
    if !dialled_in_north_america(reading.digits()) || !usual(kinds) {
        return Ok(None);
    }
    ended(&reading, text)
}

/// Whether separators of this order stand within one number: a dot only behind dots, and of those that often stand
/// between two figures as well either all or, for a line break, one.
fn usual(kinds: &[Kind]) -> bool {
    let breaks = kinds.iter().filter(|kind| **kind == Kind::Break).count();
    let same = |kind: Kind| kinds.iter().all(|other| *other == kind || *other == Kind::Bracket);
    breaks <= 1
        && kinds.iter().all(|kind| match kind {
            Kind::Dot | Kind::Underscore | Kind::Spaces | Kind::SpacedDash => same(*kind),
            Kind::Break | Kind::Bracket | Kind::Space | Kind::Dash | Kind::Slash => true,
        })
}

/// The end of a number, unless a digit follows behind a dash, a dot, or what separates its own groups.
fn ended(reading: &Reading<'_>, text: &[u8]) -> Result<Option<usize>, More> {
    let end = reading.at;
    let own = reading.kinds().last().is_some_and(|kind| matches!(kind, Kind::Underscore | Kind::Spaces));
    let goes_on = match reading.peek(end)? {
        Some(b'-' | b'.') => reading.peek(end + 1)?.is_some_and(|byte| byte.is_ascii_digit()),
        Some(b'_' | b' ') if own => {
            let next = end + 1 + usize::from(reading.peek(end + 1)? == Some(b' '));
            reading.peek(next)?.is_some_and(|byte| byte.is_ascii_digit())
        }
        _ => is_digit(text, end),
    };
    Ok((!goes_on).then_some(end))
}

/// A national number of one of the regions, with separators.
pub(in crate::engine) fn national(text: &[u8], at: usize, last: bool, regions: Regions) -> Step {
    written(text, at, last, |reading| {
        if !regions.may_go_on(reading.digits().len()) {
            return None;
        }
        Some(reading.groups().len() > 1 && regions.hold(reading.digits()))
    })
}

/// What may be a number of some country beside a word for it, also behind a `+` that begins no number of a plan.
pub(in crate::engine) fn any(text: &[u8], at: usize, last: bool) -> Step {
    if behind_status(text, at) {
        return Step::None;
    }
    let numbered = is_numbered(text, at);
    let accepts = |reading: &Reading<'_>| {
        let count = reading.digits().len();
        let is_entry = numbered && matches!(reading.groups(), [4, _]);
        let overflowed = reading.groups().len() == 1 && is_limit(reading.digits());
        let accepted = ANY.contains(&count) && !reading.digits().starts_with(&[0, 0, 0]) && !overflowed && !is_entry;
        (count <= *ANY.end()).then_some(accepted)
    };
    if text.get(at) != Some(&b'+') || !may_begin(before(text, at), b'+') {
        return written(text, at, last, accepts);
    }
    match text.get(at + 1) {
        Some(byte) if !byte.is_ascii_digit() => Step::None,
        _ => found(text, at, at + 1, last, accepts),
    }
}

/// Whether digits are a limit of numbers of 32 bits: what overflowed.
fn is_limit(digits: &[u8]) -> bool {
    let number = digits.iter().fold(0_u64, |number, digit| number * 10 + u64::from(*digit));
    matches!(number, 0x7FFF_FFFF | 0x8000_0000 | 0xFFFF_FFFF | 0x1_0000_0000)
}

/// Whether the digits are the status and the length behind a request in a log: `… HTTP/1.1" 200 72949`.
fn behind_status(text: &[u8], at: usize) -> bool {
    matches!(text.get(at.saturating_sub(3)..at), Some([b'0'..=b'9', b'"', b' ']))
}

/// Whether capitals and a hyphen stand before the digits: four digits, taken for a year, and a number behind them are an
/// entry of a register (`CVE-2021-44228`).
fn is_numbered(text: &[u8], at: usize) -> bool {
    matches!(text.get(at.saturating_sub(3)..at), Some([b'A'..=b'Z', b'A'..=b'Z', b'-']))
}

/// The longest number at `at` that `accepts` takes and that is no date, address or decimal; it answers nothing where no
/// longer one can be.
fn written(text: &[u8], at: usize, last: bool, accepts: impl Fn(&Reading<'_>) -> Option<bool>) -> Step {
    let Some(first) = text.get(at).copied() else { return Step::More };
    if first == b'+' || !may_begin(before(text, at), first) || (first != b'(' && stands_in_number(text, at)) {
        return Step::None;
    }
    found(text, at, at, last, accepts)
}

fn found(text: &[u8], start: usize, at: usize, last: bool, accepts: impl Fn(&Reading<'_>) -> Option<bool>) -> Step {
    match longest(text, start, at, last, accepts) {
        Ok(Some(end)) => with_extension(text, end, last),
        Ok(None) => Step::None,
        Err(More) => Step::More,
    }
}

fn longest(
    text: &[u8],
    start: usize,
    at: usize,
    last: bool,
    accepts: impl Fn(&Reading<'_>) -> Option<bool>,
) -> Result<Option<usize>, More> {
    let mut reading = Reading::new(text, start, at, last);
    let mut open = reading.take(b'(')?;
    let mut best = None;
    loop {
        if reading.group()? == 0 {
            return Ok(best);
        }
        let Some(accepted) = accepts(&reading) else { return Ok(best) };
        let end = reading.at;
        let closed = !open || reading.peek(end)? == Some(b')');
        if !closed {
            return Ok(best);
        }
        if accepted && !open && !is_something_else(&reading) {
            // A time, a decimal or another group behind it makes it another thing, and so do letters behind bare digits.
            let next = reading.peek(end)?;
            let goes_on = matches!(next, Some(b':' | b'.' | b'-'))
                && reading.peek(end + 1)?.is_some_and(|byte| byte.is_ascii_digit());
            if goes_on && next == Some(b':') {
                return Ok(best);
            }
            let bare = reading.groups().len() == 1;
            let glued =
                bare && next.is_some_and(|byte| byte.is_ascii_alphabetic()) && extension(text, end, last)? == end;
            if !goes_on && !glued {
                best = Some(end);
            }
        }
        let complete = reading.digits().len() >= COMPLETE;
        let Some(Joint { kind, opens, .. }) = reading.joint(reading.digits().len() <= 3)? else { return Ok(best) };
        if kind.is_weak() && complete && !reading.only(kind) {
            return Ok(best);
        }
        open = opens;
    }
}

/// Whether the groups are a date, a network address, an amount or a decimal.
fn is_something_else(reading: &Reading<'_>) -> bool {
    let mut values = [0_u32; 5];
    let mut digits = reading.digits().iter();
    for (value, size) in values.iter_mut().zip(reading.groups()) {
        *value = digits
            .by_ref()
            .take(usize::from(*size))
            .fold(0, |value, digit| value.saturating_mul(10).saturating_add(u32::from(*digit)));
    }
    let [a, b, c, d, _] = values;
    let (day, month, year) =
        (|value| (1..=31).contains(&value), |value| (1..=12).contains(&value), |value| (1900..=2100).contains(&value));
    let zero_first = reading.digits().first() == Some(&0);
    match (reading.groups(), reading.kinds()) {
        ([8], _) => year(a / 10_000) && month(a / 100 % 100) && day(a % 100),
        ([14], _) => {
            reading.digits().starts_with(&[2, 0])
                && month(
                    u32::from(reading.digits().get(4).copied().unwrap_or(9)) * 10
                        + u32::from(reading.digits().get(5).copied().unwrap_or(9)),
                )
        }
        ([4, 1..=2, 1..=2, ..], _) if year(a) => (month(b) && day(c)) || (day(b) && month(c)),
        ([1..=2, 1..=2, 4, ..], [Kind::Dot | Kind::Dash | Kind::Slash, Kind::Dot | Kind::Dash | Kind::Slash, ..])
            if year(c) =>
        {
            (month(a) && day(b)) || (day(a) && month(b))
        }
        ([1..=3, 1..=3, 1..=3, 1..=3], [Kind::Dot, Kind::Dot, Kind::Dot]) => {
            !zero_first && [a, b, c, d].iter().all(|part| *part < 256)
        }
        // A version: phones in dots have groups of two digits and more.
        ([1, _, rest @ ..], [Kind::Dot, Kind::Dot, ..]) if rest.contains(&1) => true,
        ([_, rest @ ..], kinds) if kinds.len() > 1 && reading.only(Kind::Dot) && rest.contains(&1) => true,
        ([_, _], [Kind::Dot]) => !zero_first || reading.groups().first() == Some(&1),
        // A year, or two, and no more.
        ([4, 4], [Kind::Dash | Kind::Slash | Kind::SpacedDash]) => year(a) && year(b),
        _ => false,
    }
}
