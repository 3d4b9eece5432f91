//! Extensions behind a number: ` ext. 4`, `x45`, ` #12`, `;ext=9`, ` Durchwahl 12`, ` доб. 3`.

use super::reading::More;

/// Most bytes of an extension.
pub(super) const MAX_LEN: usize = 3 + LONGEST + 3 + DIGITS;
/// Most digits.
const DIGITS: usize = 7;
/// Bytes of the longest word.
const LONGEST: usize = 20;

/// Words for it in small letters, each before those it begins with; what is not ASCII is compared as it stands. None
/// has a sign that patterns know.
pub(in crate::engine) const WORDS: &[&str] = &[
    ";extension=",
    ";ext=",
    "extension",
    "extensión",
    "extn",
    "ext",
    "x",
    "#",
    "durchwahl",
    "dw",
    "klappe",
    "poste",
    "interno",
    "int",
    "ramal",
    "anexo",
    "wewn",
    "wew",
    "linka",
    "anknytning",
    "toestel",
    "lokal",
    "доб",
    "доп",
    "вн",
    "内線",
    "分机",
    "分機",
    "내선",
    "ต่อ",
    "máy lẻ",
    "dahili",
];

/// The end of the extension that begins at `at`, `at` itself where there is none.
pub(super) fn extension(text: &[u8], at: usize, last: bool) -> Result<usize, More> {
    let peek = |at: usize| match text.get(at) {
        None if !last => Err(More),
        byte => Ok(byte.copied()),
    };
    let mut here = at;
    if peek(here)? == Some(b',') {
        here += 1;
    }
    for _ in 0..2 {
        here += usize::from(peek(here)? == Some(b' '));
    }
    let mut behind = None;
    for word in WORDS {
        if starts(text, here, word.as_bytes(), last)? {
            behind = Some(here + word.len());
            break;
        }
    }
    let Some(mut here) = behind else { return Ok(at) };
    for mark in [&b".:"[..], b" ", b" "] {
        here += usize::from(peek(here)?.is_some_and(|byte| mark.contains(&byte)));
    }
    let digits = here;
    while here - digits < DIGITS && peek(here)?.is_some_and(|byte| byte.is_ascii_digit()) {
        here += 1;
    }
    // More digits, or letters, make it a word of its own: `x86_64`, `x1920y`.
    let whole = here > digits && !peek(here)?.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    Ok(if whole { here } else { at })
}

/// Whether the word stands at `at`, without ASCII case.
fn starts(text: &[u8], at: usize, word: &[u8], last: bool) -> Result<bool, More> {
    let stands = text.get(at..).unwrap_or_default();
    let stands = stands.get(..word.len()).unwrap_or(stands);
    match word.get(..stands.len()) {
        Some(begun) if begun.eq_ignore_ascii_case(stands) => match stands.len() == word.len() {
            false if !last => Err(More),
            whole => Ok(whole),
        },
        _ => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_in_their_forms() {
        for text in [
            " ext. 4",
            "x45",
            " x45",
            " #12",
            ";ext=99",
            " Durchwahl 12",
            " доб. 3",
            ", ext 7",
            " EXT: 12",
            "内線12",
            " int. 5",
        ] {
            assert!(matches!(extension(text.as_bytes(), 0, true), Ok(end) if end == text.len()), "{text}");
        }
        for text in ["", " x86_64", " x", " next 4", " extra 4", " 45", "x12345678", " #", ", 4"] {
            assert!(matches!(extension(text.as_bytes(), 0, true), Ok(0)), "{text}");
        }
    }
}
