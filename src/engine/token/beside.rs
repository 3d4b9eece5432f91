//! What may stand beside a token: the text before and behind it in, whether it may be opened there out.
//!
//! A token in brackets may have anything beside it but what makes its value the beginning of a host's name or of an address
//! for mail. A stand-in that goes on in letters or digits is another value, and stays. Its neighbours are read as characters, in any
//! script: quotation marks and dashes set it apart wherever they are from, and so do the letters of scripts that are
//! written without blanks, in which no address or number goes on. Marks for emphasis count as what stands beyond them.

/// How many marks between a stand-in and what it is beside are looked past.
const MARKS: usize = 3;
/// The longest label of a host's name (RFC 1035 section 2.3.4), and the longest name before an `@` but for one letter.
const LABEL: usize = 63;

/// Whether a stand-in may begin behind this text, of which `before` gives the byte so many places back, and a blank where
/// there is none.
pub(super) fn may_begin(before: impl Fn(usize) -> u8, exact: bool) -> bool {
    let last = before(0);
    if !exact && matches!(last, b'-' | b'_') {
        return true;
    }
    let marks = (0..=MARKS).take_while(|back| matches!(before(*back), b'.' | b'-' | b'_')).count();
    if marks > MARKS {
        return false;
    }
    match before(marks) {
        b'%' | b'+' => false,
        // An address goes on with what it may have inside of it.
        b'@' if exact && marks > 0 => false,
        byte if byte.is_ascii() => !byte.is_ascii_alphanumeric(),
        _ => {
            let bytes: Vec<u8> = (marks..marks + 4).rev().map(&before).collect();
            let last =
                (0..bytes.len()).find_map(|from| std::str::from_utf8(bytes.get(from..)?).ok()?.chars().next_back());
            last.is_some_and(|character| !is_joined(character))
        }
    }
}

/// Whether a stand-in may end before this text; none while that is open.
pub(super) fn may_end(text: &[u8], loose: bool, last: bool) -> Option<bool> {
    match text {
        [] => last.then_some(true),
        [byte, ..] if byte.is_ascii_alphanumeric() => Some(false),
        [byte, ..] if !byte.is_ascii() => begins_apart(text, last),
        [b'@' | b'%', ..] if !loose => Some(false),
        [b'-' | b'_', ..] if !loose => {
            let marks = text.iter().take(MARKS + 1).take_while(|byte| matches!(byte, b'-' | b'_')).count();
            match text.get(marks..).unwrap_or_default() {
                _ if marks > MARKS => Some(false),
                [b'@' | b'%' | b'+', ..] => Some(false),
                rest @ [b'.' | b':', ..] => may_end(rest, loose, last),
                [byte, ..] if byte.is_ascii() => Some(!byte.is_ascii_alphanumeric()),
                rest => begins_apart(rest, last),
            }
        }
        // A sentence ends with a point, and a name goes on behind one, in any script.
        [b'.' | b':'] if !loose => last.then_some(true),
        [b'.' | b':', next, ..] if !loose && next.is_ascii() => Some(!next.is_ascii_alphanumeric()),
        [b'.' | b':', rest @ ..] if !loose => first(rest, last).map(|next| next.is_some_and(|next| !is_letter(next))),
        _ => Some(true),
    }
}

/// Whether a value before this text would be the beginning of a host's name or of an address for mail; none while that is
/// open. What is held for it is bounded by the length of a label.
pub(super) fn begins_host(text: &[u8], last: bool) -> Option<bool> {
    let mut at = 0;
    while at <= LABEL {
        match text.get(at..).unwrap_or_default() {
            [] => return last.then_some(false),
            [b'.' | b'@', rest @ ..] | [b'\\', b'.' | b'@', rest @ ..] => return host_begins(rest, last),
            [b'\\'] => return last.then_some(false),
            [byte, ..] if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') => at += 1,
            [byte, ..] if byte.is_ascii() => return Some(false),
            rest => match first(rest, last)? {
                Some(next) if is_joined(next) => at += next.len_utf8(),
                Some(_) | None => return Some(false),
            },
        }
    }
    Some(false)
}

fn host_begins(text: &[u8], last: bool) -> Option<bool> {
    match text {
        [] => last.then_some(false),
        [byte, ..] if byte.is_ascii() => Some(byte.is_ascii_alphanumeric()),
        _ => first(text, last).map(|next| next.is_some_and(is_letter)),
    }
}

/// Whether what is before this text ends there.
fn begins_apart(text: &[u8], last: bool) -> Option<bool> {
    match text {
        [] => last.then_some(true),
        _ => first(text, last).map(|next| next.is_some_and(|next| !is_joined(next))),
    }
}

/// The first character, none of what is no text; nothing at all while it has not come whole.
fn first(text: &[u8], last: bool) -> Option<Option<char>> {
    let head = text.get(..text.len().min(4)).unwrap_or_default();
    match std::str::from_utf8(head) {
        Ok(text) => Some(text.chars().next()),
        Err(error) if error.valid_up_to() > 0 => {
            let valid = head.get(..error.valid_up_to()).and_then(|head| std::str::from_utf8(head).ok());
            Some(valid.and_then(|text| text.chars().next()))
        }
        Err(error) if error.error_len().is_none() && !last => None,
        Err(_) => Some(None),
    }
}

/// Whether a word, a number or an address goes on with it.
fn is_joined(character: char) -> bool {
    is_letter(character) && !is_unspaced(character)
}

/// A letter or digit of any script, what is set above or below one, and what nobody sees.
fn is_letter(character: char) -> bool {
    character.is_alphanumeric()
        || matches!(character,
            '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{fe20}'..='\u{fe2f}' | '\u{e0000}'..='\u{e01ef}'
            | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fffd}')
}

/// Whether it is of a script that is written without blanks between words, or that has them elsewhere than between a name
/// and what follows it: Thai to Khmer, kana, ideographs, Hangul.
fn is_unspaced(character: char) -> bool {
    match character {
        // Their digits are digits.
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' => !character.is_numeric(),
        '\u{1100}'..='\u{11ff}' | '\u{2e80}'..='\u{2fdf}' | '\u{3005}'..='\u{3007}' | '\u{3040}'..='\u{31ff}' => true,
        '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{a960}'..='\u{a97f}' | '\u{ac00}'..='\u{d7ff}' => true,
        '\u{f900}'..='\u{faff}' | '\u{ff66}'..='\u{ffdc}' | '\u{20000}'..='\u{3ffff}' => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "a panic here is a failed test")]

    use super::*;

    fn begins(behind: &str, exact: bool) -> bool {
        let bytes = behind.as_bytes();
        may_begin(|back| bytes.iter().rev().nth(back).copied().unwrap_or(b' '), exact)
    }

    fn ends(text: &str, loose: bool) -> Option<bool> {
        let whole = may_end(text.as_bytes(), loose, true);
        for cut in 0..text.len() {
            let part = may_end(text.as_bytes().get(..cut).unwrap_or_default(), loose, false);
            assert!(part.is_none() || part == whole, "{text:?} is decided too early at {cut}");
        }
        whole
    }

    #[test]
    fn a_value_may_begin_a_name_of_a_host() {
        let long = "x".repeat(LABEL);
        for (behind, begins) in [
            ("", false),
            (" ", false),
            (".", false),
            (". Thanks", false),
            ("...", false),
            (".\u{201d}", false),
            ("s ", false),
            ("'s", false),
            ("-", false),
            ("_ x.y", false),
            ("]", false),
            ("/x.y", false),
            (":8.x", false),
            ("\u{3002}x.y", false),
            ("\u{3067}\u{3059}.x", false),
            ("\\", false),
            ("\\n.x", false),
            ("@ noon", false),
            (".evil.example", true),
            (".e", true),
            (".\u{434}", true),
            ("\\.evil.example", true),
            ("-a.evil.example", true),
            ("a_b-c.evil", true),
            ("\u{434}\u{e9}.evil", true),
            ("@evil.example", true),
            ("x@evil", true),
            ("\\@evil", true),
        ] {
            let whole = begins_host(behind.as_bytes(), true);
            assert_eq!(whole, Some(begins), "{behind:?}");
            for cut in 0..behind.len() {
                let part = begins_host(&behind.as_bytes()[..cut], false);
                assert!(part.is_none() || part == whole, "{behind:?} is decided too early at {cut}");
            }
        }
        assert_eq!(begins_host(long.as_bytes(), false), None);
        assert_eq!(begins_host(format!("{long}x").as_bytes(), false), Some(false), "no label is so long");
        assert_eq!(begins_host(b"\xff.x", false), Some(false), "what is no text");
    }

    #[test]
    fn a_word_goes_on_in_letters_of_any_script_but_of_those_without_blanks() {
        for apart in [
            "", "\u{201c}", "\u{ab}", "\u{2014}", "\u{3001}", "\u{ff1a}", "\u{5361}", "\u{306f}", "\u{c740}",
            "\u{e01}", "*", "_", "__", "(", "\"_",
        ] {
            assert!(begins(apart, true) && begins(apart, false), "behind {apart:?}");
        }
        for joined in [
            "a", "7", "\u{e9}", "\u{434}", "\u{ff11}", "\u{661}", "\u{e51}", "a\u{301}", "\u{200b}", "\u{ad}", "%",
            "+", "x.", "a_.", "\u{e9}.",
        ] {
            assert!(!begins(joined, true) && !begins(joined, false), "behind {joined:?}");
        }
        // An address may begin with these where it began before, a number not.
        for mark in ["a-", "a_", "\u{434}-"] {
            assert!(!begins(mark, true) && begins(mark, false), "behind {mark:?}");
        }
        for apart in ["", " x", "\u{201d}", "\u{3001}", "\u{306f}", "\u{c73c}\u{b85c}", "*", ",", ")"] {
            assert_eq!((ends(apart, true), ends(apart, false)), (Some(true), Some(true)), "before {apart:?}");
        }
        for joined in ["a", "7", "\u{e9}", "\u{434}", "\u{ff11}", "\u{301}", "\u{200b}"] {
            assert_eq!((ends(joined, true), ends(joined, false)), (Some(false), Some(false)), "before {joined:?}");
        }
        for (behind, whole) in [
            (".", true),
            (". ", true),
            (".\u{201d}", true),
            ("_", true),
            ("_ ", true),
            ("__,", true),
            ("_.", true),
            ("- ", true),
            ("\u{2014}", true),
            (".test", false),
            (".\u{434}", false),
            (".\u{65e5}", false),
            ("-x", false),
            ("--x", false),
            ("_x", false),
            ("-.x", false),
            ("-\u{434}", false),
            ("----", false),
            ("@x", false),
            ("%41", false),
        ] {
            assert_eq!(ends(behind, false), Some(whole), "an address before {behind:?}");
        }
        assert_eq!(may_end(b"\xff", false, false), Some(false), "what is no text");
    }
}
