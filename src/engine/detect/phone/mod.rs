//! Phone numbers of every country: international ones by the numbering plans, North American ones with separators,
//! national ones of the regions that a workspace names, and any national number for rules that ask for a word.
//!
//! Plans are libphonenumber's ([`plan`]). They are taken at their widest: numbers that are reserved for fiction are
//! found like those in use, since nobody can tell them apart by their look. What tells a number from a date, a version
//! or an amount is how it is written, and that is decided here:
//!
//! | | begins with | is |
//! |---|---|---|
//! | [`phone`] | `+` | a number of its calling code's plan; in groups also one that is only as long as they are |
//! | | `00`, `011` | as above in groups: zeros alone begin many other numbers |
//! | | `(`, a digit | area, office and line of the North American plan, with separators |
//! | | `+`, a digit | any of these with each digit by itself, all of them: `2 1 2 5 5 5 0 1 2 3` |
//! | [`mod@national`] | `(`, a digit | a number of a named region as it is written there, with separators |
//! | [`any`] | `(`, a digit | 7 to 15 digits in a phone's grouping, for rules with keywords |

mod extension;
mod international;
mod national;
mod plan;
mod reading;

pub(in crate::engine) use self::extension::WORDS as EXTENSION_WORDS;
pub(in crate::engine) use self::national::{any, national};
pub use self::plan::Regions;

use super::{Step, continues_number, glued_to_code};

/// The last group may begin at the window's end; then an extension, and the byte behind it.
pub(in crate::engine) const MAX_LEN: usize =
    reading::WINDOW + reading::JOINT + reading::MOST_DIGITS + extension::MAX_LEN + 1;

/// Whether a detector of this folder may find a number at `first`, with `before` in front of it: what a scan must know
/// to pass over the rest. A number begins at a `(`, at a `+`, or at the first of a run of digits; a plus behind a letter,
/// a digit or a plus belongs to a sum or an encoding.
pub(in crate::engine) fn may_begin(before: Option<u8>, first: u8) -> bool {
    match first {
        b'+' => !before.is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b')' | b']')),
        b'(' => true,
        b'0'..=b'9' => !before.is_some_and(|byte| byte.is_ascii_digit() || byte == b'+'),
        _ => false,
    }
}

/// Looks for a phone number at `at`, which holds a `+`, a `(` or the first of a run of digits.
pub(in crate::engine) fn phone(text: &[u8], at: usize, last: bool) -> Step {
    let Some(first) = text.get(at).copied() else { return Step::More };
    if !may_begin(before(text, at), first) {
        return Step::None;
    }
    if first == b'+' {
        return first_of([international::with_plus(text, at, last), international::one_by_one(text, at, last)]);
    }
    if first != b'(' && (stands_in_number(text, at) || follows_group(text, at)) {
        return Step::None;
    }
    let north_american = national::north_american(text, at, last);
    match first {
        b'0' => first_of([north_american, international::with_zeros(text, at, last)]),
        b'(' => north_american,
        _ => first_of([north_american, international::one_by_one(text, at, last)]),
    }
}

fn before(text: &[u8], at: usize) -> Option<u8> {
    at.checked_sub(1).and_then(|index| text.get(index)).copied()
}

/// Whether the digits at `at` belong to what stands before them. A comma parts the values of a table.
fn stands_in_number(text: &[u8], at: usize) -> bool {
    continues_number(text, at, b"-./:") || glued_to_code(text, at)
}

/// The most groups of an IBAN.
const GROUPS: usize = 9;

/// Whether the groups of a longer number stand before the digits at `at`: the head of an IBAN (`GB82 212 …`), or two
/// or three digits that begin what is written (`47 212 555 0123`). Behind a word they are another number: `Apt 12 212 …`.
fn follows_group(text: &[u8], at: usize) -> bool {
    let mut head = text.get(..at).unwrap_or_default();
    for group in 0..GROUPS {
        let Some(rest) = head.strip_suffix(b" ") else { return false };
        let digits = rest.iter().rev().take(5).take_while(|byte| byte.is_ascii_digit()).count();
        head = rest.get(..rest.len() - digits).unwrap_or_default();
        match head {
            [.., b'A'..=b'Z', b'A'..=b'Z'] if digits == 2 => {
                return !head.iter().rev().nth(2).is_some_and(u8::is_ascii_alphanumeric);
            }
            [] | [.., b'"' | b'\'' | b'>' | b'|' | b';'] if group == 0 => return matches!(digits, 2 | 3),
            _ if matches!(digits, 2..=4) => {}
            _ => return false,
        }
    }
    false
}

/// The first answer that is not none; what must wait makes all wait.
fn first_of(steps: [Step; 2]) -> Step {
    match steps {
        [Step::None, second] => second,
        [first, Step::None] => first,
        [Step::More, _] | [_, Step::More] => Step::More,
        [first, _] => first,
    }
}

/// A number that ends at `end`, with the extension behind it.
fn with_extension(text: &[u8], end: usize, last: bool) -> Step {
    match extension::extension(text, end, last) {
        Ok(end) => Step::Match(end),
        Err(reading::More) => Step::More,
    }
}

#[cfg(test)]
mod tests;
