//! E-mail addresses as people write them so that programs do not see them: `jane at example dot com`,
//! `jane (at) example (dot) com`, `jane[at]example[.]com`, `jane @ example.com`, `jane@example dot com`, and those that a
//! line break behind the `@` parts.
//!
//! Much prose has an `at` before a name with a dot. What makes an address of it is a second sign: brackets, a spelled
//! dot, or a local part that is no word. Its last label must be a top level domain then, since code has `a @ b.weight`.
//!
//! A blank before the sign ends a word, and words of prose must not wait for what may follow: behind one, a local part
//! counts only if it is no word by its look, or where a word for mail stands a little before it.

use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, Input};

use super::Step;
use super::email::{LOCAL_MAX, local_start};

/// Longest domain in bytes, with spelled dots.
const DOMAIN_MAX: usize = 160;
/// Bytes of white space that may begin the line behind an `@`.
const INDENT: usize = 16;
/// Local part, sign with spaces and brackets, line break, domain, and a character to see the end.
pub(in crate::engine) const MAX_LEN: usize = LOCAL_MAX + 8 + 2 + INDENT + DOMAIN_MAX + 8;

/// What stands for the `@`. No one begins another.
const SIGNS: [&str; 6] = ["@", " at ", "(at)", "[at]", "{at}", "<at>"];
/// What they begin with.
const FIRST: &[u8] = b"@ ([{<";
/// What stands for a dot.
const DOTS: [&str; 8] = [".", " dot ", "(dot)", "[dot]", "{dot}", "<dot>", "[.]", "(.)"];

/// How far before a local part, in bytes of its line, a word for mail counts.
const CUE: usize = 40;
/// Bytes before an address that are looked at.
pub(in crate::engine) const LOOK_BEHIND: usize = CUE + 1;

/// What words for mail, and for writing to someone, have in common.
const CUES: [&str; 19] = [
    "mail",
    "contact",
    "reach",
    "write",
    "address",
    "adress",
    "indirizzo",
    "direcci",
    "correo",
    "courriel",
    "kontakt",
    "schreib",
    "escrib",
    "scriv",
    "e-post",
    "почт",
    "メール",
    "邮",
    "메일",
];

/// Words before an `at` that is only that.
const WORDS: &str = "\
    a about all and any are as available be been better but buy call check code contact demo details docs \
    documentation download downloads email event events find follow found he help her here him home hosted i info \
    information is it items jobs join live located look looking mail me meet meeting more now on online only or \
    order out page people please project read register released running see she shop sign site source start stay \
    store talk team that them there they this time today too up us used visit was we website were work worked \
    working works you";

/// Top level domains of more than two letters that people's addresses are in, and those reserved for examples.
const DOMAINS: &str = "\
    com org net edu gov mil int info biz name pro mobi coop aero museum app dev cloud online site shop store tech \
    xyz club blog live email agency design digital group global world today life work media network solutions \
    services systems software studio team berlin london paris tokyo example test invalid";

/// Endings of names of files, which are no local parts.
const FILES: &str = "\
    md html htm txt js ts py rs go rb toml yml yaml json xml com org net io dev log sh c h cpp php exe zip gz pdf \
    png jpg svg css conf cfg lock java g e m";

/// The text ends too early to tell.
struct More;

/// What stands for the `@`, read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    /// `@` between local part and domain.
    Tight,
    /// `@` with a line break behind it.
    Broken,
    /// `@` with a space behind it.
    Spaced,
    /// ` at `
    Word,
    /// In brackets.
    Bracket,
}

/// The next sign at or after `from`.
pub(in crate::engine) fn next_sign(text: &[u8], from: usize) -> Option<usize> {
    static SEARCHER: OnceLock<Option<AhoCorasick>> = OnceLock::new();
    let searcher = SEARCHER.get_or_init(|| {
        AhoCorasick::builder().ascii_case_insensitive(true).kind(Some(AhoCorasickKind::DFA)).build(SIGNS).ok()
    });
    Some(searcher.as_ref()?.find(Input::new(text).range(from.min(text.len())..))?.start())
}

/// Where an address may have begun, not before `floor`, that the text's end cuts off before its sign is whole.
pub(in crate::engine) fn cut_off(text: &[u8], floor: usize) -> usize {
    let mut held = super::trailing_atoms(text, floor);
    let longest = SIGNS.iter().map(|sign| sign.len()).max().unwrap_or(0) + 2;
    for back in 1..=longest.min(text.len()) {
        let local_end = text.len() - back;
        let tail = text.get(local_end..).unwrap_or_default();
        // Most bytes of a text begin no sign.
        if !tail.first().is_some_and(|first| FIRST.contains(first)) {
            continue;
        }
        let spaces = tail.iter().take(3).take_while(|byte| **byte == b' ').count();
        let begins = |rest: &[u8]| {
            if rest.first().is_some_and(|first| !FIRST.contains(first)) {
                return false;
            }
            let sign =
                |sign: &&str| sign.as_bytes().get(..rest.len()).is_some_and(|head| head.eq_ignore_ascii_case(rest));
            SIGNS.iter().any(sign) || matches!(rest, b"[" | b"(" | b"[@" | b"(@")
        };
        // The space before ` at ` is its own.
        let may = (0..=spaces.min(2)).any(|skipped| tail.get(skipped..).is_some_and(begins));
        if may {
            let start = local_start(text, local_end, floor);
            if start < local_end && (spaces == 0 || told(text, start, local_end)) {
                held = held.min(start);
            }
        }
    }
    held
}

/// Looks for a spelled address whose sign [`next_sign`] found at `at`; the answer is its beginning, not before `floor`,
/// and its end. A beginning without an end means that more text decides.
pub(in crate::engine) fn email_spelled(text: &[u8], at: usize, floor: usize, last: bool) -> (usize, Step) {
    let (local_end, bracket) = before_sign(text, at);
    let start = local_start(text, local_end, floor.min(local_end));
    let local = text.get(start..local_end).unwrap_or_default();
    if !local.iter().any(u8::is_ascii_alphanumeric) {
        return (at, Step::None);
    }
    let spaced = text.get(local_end) == Some(&b' ');
    if spaced && !told(text, start, local_end) {
        return (at, Step::None);
    }
    match address(text, at, local, local_end < at, bracket, last) {
        Ok(Some(end)) => (start, Step::Match(end)),
        Ok(None) => (start, Step::None),
        Err(More) => (start, Step::More),
    }
}

/// Whether a local part is one, as far as it and what stands before it tell.
fn told(text: &[u8], start: usize, end: usize) -> bool {
    static SEARCHER: OnceLock<Option<AhoCorasick>> = OnceLock::new();
    let searcher = SEARCHER.get_or_init(|| AhoCorasick::builder().ascii_case_insensitive(true).build(CUES).ok());
    if is_no_word(text.get(start..end).unwrap_or_default()) {
        return true;
    }
    let head = text.get(start.saturating_sub(CUE)..start).unwrap_or_default();
    let line = head.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    searcher.as_ref().is_some_and(|searcher| searcher.is_match(head.get(line..).unwrap_or_default()))
}

/// The end of the local part before the sign at `at`, and the bracket around an `@`.
fn before_sign(text: &[u8], at: usize) -> (usize, Option<u8>) {
    let mut end = at;
    let byte = |at: usize| text.get(at).copied();
    let mut bracket = None;
    if byte(at) == Some(b'@') && end > 0 && matches!(byte(end - 1), Some(b'[' | b'(')) {
        bracket = byte(end - 1).map(|open| if open == b'[' { b']' } else { b')' });
        end -= 1;
    }
    if byte(at) != Some(b' ') {
        for _ in 0..2 {
            end -= usize::from(end > 0 && byte(end - 1) == Some(b' '));
        }
    }
    (end, bracket)
}

fn address(
    text: &[u8],
    at: usize,
    local: &[u8],
    spaced: bool,
    bracket: Option<u8>,
    last: bool,
) -> Result<Option<usize>, More> {
    let peek = |at: usize| match text.get(at) {
        None if !last => Err(More),
        byte => Ok(byte.copied()),
    };
    let mut here = at;
    let mut sign = match peek(here)? {
        Some(b'@') => Sign::Tight,
        Some(b' ') => Sign::Word,
        _ => Sign::Bracket,
    };
    here += if sign == Sign::Tight { 1 } else { 4 };
    if let Some(bracket) = bracket {
        if peek(here)? != Some(bracket) {
            return Ok(None);
        }
        sign = Sign::Bracket;
        here += 1;
    }
    let behind = here;
    for _ in 0..2 {
        here += usize::from(peek(here)? == Some(b' '));
    }
    if sign == Sign::Tight {
        if here > behind {
            sign = Sign::Spaced;
        } else if !spaced && matches!(peek(here)?, Some(b'\r' | b'\n')) {
            here += usize::from(peek(here)? == Some(b'\r'));
            if peek(here)? != Some(b'\n') {
                return Ok(None);
            }
            here += 1;
            let indent = here;
            while here - indent < INDENT && matches!(peek(here)?, Some(b' ' | b'\t')) {
                here += 1;
            }
            sign = Sign::Broken;
        } else if spaced {
            // `see @acme.com`: a mention.
            return Ok(None);
        }
    }
    let Some(domain) = domain(text, here, last)? else { return Ok(None) };
    let value = text.get(here..domain.end).unwrap_or_default();
    let word = listed(WORDS, local);
    let accepted = match sign {
        Sign::Tight => domain.spelled,
        Sign::Broken => !domain.spelled && domain.known && of_one_case(value) && !domain.goes_on,
        Sign::Spaced => domain.known && !word && (domain.spelled || (of_one_case(value) && !domain.goes_on)),
        Sign::Word if domain.spelled => domain.known && !word,
        Sign::Word => domain.known && !domain.goes_on && is_no_word(local),
        Sign::Bracket => (domain.known || domain.bracketed) && !domain.goes_on,
    };
    Ok(accepted.then_some(domain.end))
}

/// A domain with dots of any kind.
struct Domain {
    end: usize,
    /// Whether a dot is spelled.
    spelled: bool,
    /// Whether a dot is in brackets.
    bracketed: bool,
    /// Whether the last label is a top level domain.
    known: bool,
    /// Whether code goes on behind it: a call, an index, an assignment, a name.
    goes_on: bool,
}

fn domain(text: &[u8], at: usize, last: bool) -> Result<Option<Domain>, More> {
    let mut here = at;
    let mut found: Option<Domain> = None;
    let (mut spelled, mut bracketed) = (false, false);
    loop {
        let start = here;
        loop {
            match text.get(here) {
                None if !last => return Err(More),
                Some(byte) if byte.is_ascii_alphanumeric() || *byte == b'-' || *byte >= 0x80 => here += 1,
                _ => break,
            }
            if here - at > DOMAIN_MAX {
                return Ok(found);
            }
        }
        let label = text.get(start..here).unwrap_or_default();
        if label.is_empty() || label.starts_with(b"-") {
            return Ok(found);
        }
        let top = label.len() >= 2 && label.iter().all(u8::is_ascii_alphabetic);
        if start > at && (top || label.starts_with(b"xn--")) {
            let next = text.get(here).copied();
            if next.is_none() && !last {
                return Err(More);
            }
            let goes_on = matches!(next, Some(b'(' | b'[' | b'_' | b'=' | b'{'));
            found = Some(Domain { end: here, spelled, bracketed, known: is_top_level(label), goes_on });
        }
        match dot(text, here, last)? {
            Some(dot) => {
                here = dot.end;
                spelled |= dot.spelled;
                bracketed |= dot.bracketed;
            }
            None => return Ok(found),
        }
    }
}

struct Dot {
    end: usize,
    spelled: bool,
    bracketed: bool,
}

/// Reads what stands for a dot; a space may stand on both sides of brackets.
fn dot(text: &[u8], at: usize, last: bool) -> Result<Option<Dot>, More> {
    let spaced = at + usize::from(text.get(at) == Some(&b' '));
    for form in DOTS {
        let bracketed = form.len() > 1 && !form.starts_with(' ');
        let from = if bracketed { spaced } else { at };
        let stands = text.get(from..).unwrap_or_default();
        let stands = stands.get(..form.len()).unwrap_or(stands);
        if !form.as_bytes().get(..stands.len()).is_some_and(|head| head.eq_ignore_ascii_case(stands)) {
            continue;
        }
        if stands.len() < form.len() {
            if last {
                continue;
            }
            return Err(More);
        }
        let mut end = from + form.len();
        if bracketed {
            match text.get(end) {
                None if !last => return Err(More),
                Some(b' ') => end += 1,
                _ => {}
            }
        }
        return Ok(Some(Dot { end, spelled: form != ".", bracketed }));
    }
    Ok(None)
}

/// Whether a list has the word, without ASCII case.
fn listed(list: &str, word: &[u8]) -> bool {
    list.split(' ').any(|known| known.as_bytes().eq_ignore_ascii_case(word))
}

pub(super) fn is_top_level(label: &[u8]) -> bool {
    label.len() == 2 || label.starts_with(b"xn--") || listed(DOMAINS, label)
}

/// Whether letters are all small, or all capital.
fn of_one_case(value: &[u8]) -> bool {
    !(value.iter().any(u8::is_ascii_uppercase) && value.iter().any(u8::is_ascii_lowercase))
}

/// Whether a local part is one by its look: `jane.doe`, `jdoe42`, `jane_doe`, `jane+news`; not `README.md`, `2.4`.
fn is_no_word(local: &[u8]) -> bool {
    let parts = || local.split(|byte| matches!(byte, b'.' | b'_' | b'+' | b'-'));
    let letters = |part: &[u8]| part.iter().any(u8::is_ascii_alphabetic);
    let ending = parts().next_back().unwrap_or_default();
    let file = local.contains(&b'.') && listed(FILES, ending);
    let parted = local.iter().any(|byte| matches!(byte, b'.' | b'_' | b'+')) && parts().count() >= 2;
    let named = parts().all(|part| !part.is_empty()) && parts().next().is_some_and(letters);
    let numbered = letters(local) && local.first().is_some_and(u8::is_ascii_lowercase) && {
        let digits = local.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        (2..=4).contains(&digits)
            && local.iter().rev().skip(digits).all(u8::is_ascii_lowercase)
            && local.len() > digits + 2
    };
    !file && (numbered || (parted && named && letters(ending)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(text: &str) -> Option<&str> {
        let bytes = text.as_bytes();
        let mut from = 0;
        while let Some(at) = next_sign(bytes, from) {
            if let (start, Step::Match(end)) = email_spelled(bytes, at, 0, true) {
                return text.get(start..end);
            }
            from = at + 1;
        }
        None
    }

    #[test]
    fn addresses_that_are_spelled() {
        for text in [
            "jane.doe at example dot com",
            "jane_doe AT example DOT com",
            "jane.doe at example.com",
            "jdoe42 at example.com",
            "jane.d (at) example (dot) com",
            "jane(at)example.com",
            "jane[at]example[.]com",
            "jdoe42 [at] mail [dot] example [dot] org",
            "jane{at}example{dot}com",
            "jane_d @ example.com",
            "jane@ example.com",
            "jane[@]example.com",
            "jane@example dot com",
            "jane@example[.]com",
            "jane@\nexample.com",
            "jane@\r\n    example.com",
        ] {
            assert_eq!(find(text), Some(text));
            assert_eq!(find(&format!("write to {text}, please")), Some(text));
        }
        for text in
            ["jane at example dot com", "jane (at) example (dot) com", "jane [at] example.com", "jane @ example.com"]
        {
            assert_eq!(find(text), None, "a word ends at a blank: {text}");
            assert_eq!(find(&format!("My e-mail: {text}, please")), Some(text));
            assert_eq!(find(&format!("mail\n{text}, please")), None, "another line: {text}");
        }
    }

    #[test]
    fn prose_and_code_that_are_none() {
        for text in [
            "meet me at example.com",
            "look at python dot org",
            "visit us at example dot com",
            "see README.md at example.com",
            "version 2.4 at example.com",
            "x @ self.weight",
            "a @ np.eye(3)",
            "y = A @ B.mT",
            "see @acme.com",
            "lunch at noon",
            "5 @ 1.50",
            "jane@example.com",
            "user@ host",
            "(at) home.",
            "@\nfoo.bar",
        ] {
            assert_eq!(find(text), None, "{text}");
        }
    }

    #[test]
    fn an_answer_never_changes_with_more_text() {
        for text in ["jane_d at example dot com.", "jane(at) example (dot) co (dot) uk x", "j.d at a.example.com, x"] {
            let bytes = text.as_bytes();
            let at = next_sign(bytes, 0).unwrap_or(0);
            let whole = email_spelled(bytes, at, 0, true);
            for cut in 0..bytes.len() {
                match next_sign(&bytes[..cut], 0) {
                    None => assert_eq!(cut_off(&bytes[..cut], 0), 0, "{text} at {cut}"),
                    Some(at) => {
                        let early = email_spelled(&bytes[..cut], at, 0, false);
                        assert!(early.1 == Step::More || early == whole, "{text} at {cut}");
                    }
                }
            }
        }
    }
}
