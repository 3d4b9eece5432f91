//! E-mail addresses (RFC 5321 section 4.1.2 as used): a dot-atom local part of at most 64 bytes, and a domain of two
//! labels or more whose last one begins with two letters.
//!
//! ASCII letters, digits and `._%+-` make a local part, an apostrophe between letters (`o'neil`), and so do the letters
//! of the alphabets below U+2E80 (RFC 6531) with the marks that combine with them. Ideographs, kana and Hangul stand
//! beside addresses without a space: they belong to one only where they stand right before the `@`, and then at most eight
//! of them, before a known top level domain. Of a quoted local part (`"john doe"@`) only the quote is taken. The domain is
//! what must not stay.
//!
//! A file's ending behind an address is no part of it (`jane@example.com.pdf`). No addresses: `git@github.com:org/name` (a
//! repository's place), `icon@2x.png`, `pkg@1.2.3-beta.rc`, `getty@tty1.service`, and a password before a host in a URL (`postgres://app:password@db.example.com`).

use super::Step;
use super::email_spelled::is_top_level;

/// Longest local part in bytes.
pub(super) const LOCAL_MAX: usize = 64;
/// Longest domain in bytes.
const DOMAIN_MAX: usize = 255;
/// Longest address in brackets.
const LITERAL_MAX: usize = 48;
/// Local part, `@`, domain, and a character to see the end.
pub(in crate::engine) const MAX_LEN: usize = LOCAL_MAX + 1 + DOMAIN_MAX + 4;

/// How far before its `@` decides on an address: the user information of a URL, and the `://` before it.
pub(in crate::engine) const LOOK_BEHIND: usize = 192;

/// Whether an ASCII byte may stand in a local part.
pub(in crate::engine) fn is_atom(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'%' | b'+' | b'-')
}

/// The character that ends before `end`, if it is a letter that local parts and labels may hold.
fn letter_before(text: &[u8], end: usize) -> Option<usize> {
    let tail = text.get(end.saturating_sub(4)..end)?;
    let width = tail.iter().rev().position(|byte| byte & 0xC0 != 0x80)? + 1;
    let start = end - width;
    let letter = std::str::from_utf8(text.get(start..end)?).ok()?.chars().next()?;
    is_letter(letter).then_some(start)
}

fn is_letter(letter: char) -> bool {
    !letter.is_ascii() && (letter as u32) < 0x2E80 && (letter.is_alphanumeric() || is_mark(letter))
}

/// Whether a character combines with the letter before it: accents written apart (Unicode's decomposed forms), and the
/// signs of Indic scripts and of Arabic that are no letters.
fn is_mark(letter: char) -> bool {
    matches!(
        letter,
        '\u{300}'..='\u{36F}'
            | '\u{483}'..='\u{487}'
            | '\u{591}'..='\u{5C7}'
            | '\u{64B}'..='\u{65F}'
            | '\u{900}'..='\u{DFF}'
            | '\u{E31}'..='\u{E4E}'
            | '\u{1AB0}'..='\u{1AFF}'
            | '\u{1DC0}'..='\u{1DFF}'
    ) && !matches!(letter, '\u{964}' | '\u{965}' | '\u{E3F}')
}

/// The most characters of scripts without spaces that a local part is taken to have at its end.
const WIDE_MAX: usize = 8;

/// Where the run of local-part characters that ends at `end` begins, not before `floor`, at most 64 bytes back.
pub(in crate::engine) fn local_start(text: &[u8], end: usize, floor: usize) -> usize {
    let floor = floor.max(end.saturating_sub(LOCAL_MAX));
    let mut start = end;
    while start > floor {
        match text.get(start - 1) {
            Some(byte) if byte.is_ascii() => {
                if !is_atom(*byte) && !is_apostrophe(text, start - 1, end) {
                    break;
                }
                start -= 1;
            }
            _ => match letter_before(text, start) {
                Some(before) if before >= floor => start = before,
                _ => break,
            },
        }
    }
    if start == end { unusual_start(text, end, floor) } else { start }
}

/// Whether an apostrophe stands between letters, and does not open a string as in `b'jane@…'`.
fn is_apostrophe(text: &[u8], at: usize, end: usize) -> bool {
    let letter = |at: usize| text.get(at).is_some_and(u8::is_ascii_alphabetic);
    let before = |back: usize| at.checked_sub(back).is_some_and(letter);
    let opens = !before(2) && at.checked_sub(2).and_then(|at| text.get(at)).is_none_or(|byte| *byte != b'.');
    let prefix = matches!(
        at.checked_sub(1).and_then(|at| text.get(at)),
        Some(b'b' | b'B' | b'r' | b'R' | b'u' | b'U' | b'f' | b'F')
    );
    text.get(at) == Some(&b'\'') && at + 1 < end && letter(at + 1) && before(1) && !(opens && prefix)
}

/// Where the closing quote stands of a local part that is none of atoms, or where the last of its ideographs begin.
fn unusual_start(text: &[u8], end: usize, floor: usize) -> usize {
    let tail = text.get(end.saturating_sub(4).max(floor)..end).unwrap_or_default();
    if let [.., inner, b'"'] = tail
        && inner.is_ascii_alphanumeric()
    {
        return end - 1;
    }
    let mut start = end;
    for _ in 0..WIDE_MAX {
        match wide_before(text, start, floor) {
            Some(before) => start = before,
            None => break,
        }
    }
    start
}

/// The character that ends before `end` and begins no earlier than `floor`, if it is an ideograph, kana or Hangul.
fn wide_before(text: &[u8], end: usize, floor: usize) -> Option<usize> {
    let tail = text.get(end.saturating_sub(4).max(floor)..end)?;
    let start = end - (tail.iter().rev().position(|byte| byte & 0xC0 != 0x80)? + 1);
    let letter = std::str::from_utf8(text.get(start..end)?).ok()?.chars().next()?;
    (letter as u32 >= 0x2E80 && letter.is_alphanumeric()).then_some(start)
}

/// As [`local_start`] for text that may go on: an incomplete character at the end counts as part of the run.
pub(in crate::engine) fn trailing_atoms(text: &[u8], floor: usize) -> usize {
    let mut end = text.len();
    let tail = text.get(end.saturating_sub(3)..).unwrap_or_default();
    if let Some(back) = tail.iter().rev().position(|byte| *byte >= 0xC0) {
        let lead = tail.get(tail.len() - 1 - back).copied().unwrap_or_default();
        let width = if lead >= 0xF0 {
            4
        } else if lead >= 0xE0 {
            3
        } else {
            2
        };
        if back + 1 < width {
            end -= back + 1;
        }
    }
    // An apostrophe is one between letters, and the second of them may come.
    if text.get(..end).is_some_and(|text| text.ends_with(b"'")) && end == text.len() {
        let letter = end.checked_sub(2).and_then(|at| text.get(at)).is_some_and(u8::is_ascii_alphabetic);
        return local_start(text, if letter { end - 1 } else { end }, floor);
    }
    local_start(text, end, floor)
}

/// Looks for an address whose `@` is at `at`, with a local part that is not empty; the answer is its end.
pub(in crate::engine) fn email(text: &[u8], at: usize, last: bool) -> Step {
    let step = if text.get(at + 1) == Some(&b'[') { literal(text, at + 2, last) } else { domain(text, at, last) };
    match step {
        Step::Match(end) if is_something_else(text, at, end) => Step::None,
        Step::Match(end) if end == text.len() && !last => Step::More,
        Step::Match(end) if is_name_behind_prose(text, at, end) => Step::None,
        Step::Match(end) => before_endings(text, at + 1, end).map_or(Step::None, Step::Match),
        step => step,
    }
}

/// Top level domains that are common where such scripts are written, besides those known everywhere.
const EASTERN: [&[u8]; 9] = [b"asia", b"company", b"fun", b"icu", b"ltd", b"ren", b"top", b"vip", b"wang"];

/// Whether an `@` right behind prose without spaces begins the name of a decorator, a package or a part of it: one that ends in
/// no top level domain, or goes on as names in programs do. `@app.route(…)`, `@babel/core.js`, `@torch.no_grad`.
fn is_name_behind_prose(text: &[u8], at: usize, end: usize) -> bool {
    if wide_before(text, at, 0).is_none() {
        return false;
    }
    let domain = text.get(at + 1..end).unwrap_or_default();
    let top = domain.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    let goes_on = match text.get(end) {
        // A remark may stand behind an address, behind a method its arguments: `@router.post("/")`.
        Some(b'(') => top.len() > 3,
        behind => matches!(behind, Some(b'_' | b'-')),
    };
    let known = is_top_level(top) || EASTERN.iter().any(|known| top.eq_ignore_ascii_case(known));
    goes_on || (top.is_ascii() && !known && !domain.starts_with(b"["))
}

/// Whether the domain is a version or an object's number, or the address a repository's place or a password's.
fn is_something_else(text: &[u8], at: usize, end: usize) -> bool {
    let domain = text.get(at + 1..end).unwrap_or_default();
    let mut labels = domain.split(|byte| *byte == b'.');
    let number = |label: &[u8]| !label.is_empty() && label.iter().all(u8::is_ascii_digit);
    let (first, second) = (labels.next().unwrap_or_default(), labels.next().unwrap_or_default());
    let version = number(first.strip_prefix(b"v").unwrap_or(first)) && number(second);
    // What Java prints of an object, and a call of it: `Object@5bcd7e88.wait`.
    let hash = (6..=8).contains(&first.len()) && first.iter().all(u8::is_ascii_hexdigit) && !number(first);
    let object = hash && first.iter().any(u8::is_ascii_digit) && labels.next().is_none() && !is_top_level(second);
    let head = text.get(..at).unwrap_or_default();
    let before = head.len().checked_sub(4).and_then(|place| head.get(place));
    version
        || object
        || (head.ends_with(b"git") && !before.is_some_and(|byte| is_atom(*byte) || *byte >= 0x80))
        || ends_in_password(head)
}

/// Where a domain ends that endings of a file's or a unit's name stand behind (`jane@example.com.tar.gz`): what is left must
/// end in a top level domain, and be no picture's scale (`icon@2x.en.png`). Nothing where all of it is such a name
/// (`getty@tty1.service`).
fn before_endings(text: &[u8], from: usize, end: usize) -> Option<usize> {
    let mut domain = text.get(from..end)?;
    let last_label = |domain: &[u8]| domain.iter().rposition(|byte| *byte == b'.');
    let is_ending = |label: &[u8]| ENDINGS.iter().any(|known| label.eq_ignore_ascii_case(known.as_bytes()));
    while let Some(dot) = last_label(domain)
        && domain.get(dot + 1..).is_some_and(is_ending)
    {
        domain = domain.get(..dot)?;
    }
    let left = from + domain.len();
    if left == end {
        return Some(end);
    }
    let (rest, top) = domain.split_at_checked(last_label(domain)?)?;
    let scale = rest.split_last().is_some_and(|(last, digits)| {
        last.eq_ignore_ascii_case(&b'x') && !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
    });
    let top = top.get(1..)?;
    let known = is_top_level(top) && top.first().is_some_and(u8::is_ascii_alphabetic);
    (!scale && (known || !top.is_ascii())).then_some(left)
}

/// Whether a user and a password stand behind the `://` of a URL (RFC 3986 section 3.2.1): what follows is a host.
fn ends_in_password(head: &[u8]) -> bool {
    let from = head.len().saturating_sub(LOOK_BEHIND);
    let near = head.get(from..).unwrap_or_default();
    let ends = |byte: &u8| byte.is_ascii_whitespace() || b"/?#\"'<>`".contains(byte);
    let len = near.iter().rev().take_while(|byte| !ends(byte)).count();
    let (before, user) = near.split_at(near.len() - len);
    let scheme = before.strip_suffix(b"://").and_then(<[u8]>::last);
    scheme.is_some_and(u8::is_ascii_alphanumeric) && user.contains(&b':')
}

/// Endings of files and of units that are no top level domains.
const ENDINGS: &[&str] = &[
    "png", "jpg", "jpeg", "gif", "svg", "webp", "ico", "css", "scss", "js", "mjs", "cjs", "jsx", "ts", "tsx", "json",
    "html", "htm", "xml", "yml", "yaml", "toml", "txt", "pdf", "jar", "class", "exe", "dll", "tar", "tgz", "gz", "bz2",
    "xz", "log", "lock", "conf", "cfg", "ini", "bak", "tmp", "service", "socket", "timer", "mount", "target", "slice",
    "whl", "deb", "rpm", "apk", "dmg", "iso", "ttf", "woff", "woff2", "mp3", "mp4",
];

/// `[192.0.2.1]` or `[IPv6:2001:db8::1]` behind the `@`, from behind its bracket on.
fn literal(text: &[u8], from: usize, last: bool) -> Step {
    let rest = text.get(from..).unwrap_or_default();
    let inner = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':' | b'I' | b'P' | b'v');
    let len = rest.iter().take(LITERAL_MAX).take_while(|byte| inner(byte)).count();
    let value = rest.get(..len).unwrap_or_default();
    match rest.get(len) {
        None if !last && len < LITERAL_MAX => Step::More,
        Some(b']') => {
            let four = value.split(|byte| *byte == b'.').filter(|part| (1..=3).contains(&part.len())).count() == 4
                && value.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
            if four || value.starts_with(b"IPv6:") { Step::Match(from + len + 1) } else { Step::None }
        }
        _ => Step::None,
    }
}

fn domain(text: &[u8], at: usize, last: bool) -> Step {
    let mut best = Step::None;
    let mut here = at + 1;
    let limit = here + DOMAIN_MAX;
    for label in 0.. {
        let start = here;
        let mut letters = 0;
        let mut leading = true;
        loop {
            match label_char(text, here, last) {
                Label::Char { len, letter } => {
                    leading &=
                        letter && (letters == 0 || len == 1 || text.get(start).is_some_and(|byte| !byte.is_ascii()));
                    if leading {
                        letters += 1;
                        if label > 0 && letters >= 2 && here + len <= limit {
                            best = Step::Match(here + len);
                        }
                    }
                    here += len;
                }
                Label::End => break,
                Label::More => return if here > limit { best } else { Step::More },
            }
            if here > limit {
                return best;
            }
        }
        if here == start || text.get(here) != Some(&b'.') {
            return best;
        }
        here += 1;
    }
    best
}

/// What stands at a place of a domain label.
enum Label {
    Char { len: usize, letter: bool },
    End,
    More,
}

fn label_char(text: &[u8], at: usize, last: bool) -> Label {
    match text.get(at) {
        None if last => Label::End,
        None => Label::More,
        Some(byte) if byte.is_ascii() => {
            if byte.is_ascii_alphanumeric() || *byte == b'-' {
                Label::Char { len: 1, letter: byte.is_ascii_alphabetic() }
            } else {
                Label::End
            }
        }
        Some(lead) => {
            let width = if *lead >= 0xF0 {
                4
            } else if *lead >= 0xE0 {
                3
            } else {
                2
            };
            let Some(bytes) = text.get(at..at + width) else {
                return if last { Label::End } else { Label::More };
            };
            match std::str::from_utf8(bytes).ok().and_then(|s| s.chars().next()) {
                Some(c) if c.is_alphanumeric() || is_mark(c) => Label::Char { len: width, letter: true },
                _ => Label::End,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(text: &str) -> Option<&str> {
        let at = text.find('@')?;
        let start = local_start(text.as_bytes(), at, 0);
        match email(text.as_bytes(), at, true) {
            Step::Match(end) if start < at => text.get(start..end),
            _ => None,
        }
    }

    #[test]
    fn addresses_and_their_edges() {
        for (text, wanted) in [
            ("mail jane@example.com now", Some("jane@example.com")),
            ("jane.doe+tag@mail.example.co.uk.", Some("jane.doe+tag@mail.example.co.uk")),
            ("<jane@example.com>", Some("jane@example.com")),
            ("jane@example.com1", Some("jane@example.com")),
            ("jane@example.com-x", Some("jane@example.com")),
            ("邮箱是jane@example.com请", Some("jane@example.com")),
            ("josé@example.com", Some("josé@example.com")),
            ("jane@münchen.de", Some("jane@münchen.de")),
            ("jane@xn--mnchen-3ya.de", Some("jane@xn--mnchen-3ya.de")),
            ("jane@localhost", None),
            ("jane@example.c", None),
            ("@example.com", None),
            ("a@b..com", None),
            ("first.o'last@example.com", Some("first.o'last@example.com")),
            ("b'jane@example.com'", Some("jane@example.com")),
            ("'jane@example.com'", Some("jane@example.com")),
            ("\"john doe\"@example.com", Some("\"@example.com")),
            ("用户@example.com", Some("用户@example.com")),
            ("우편 홍길동@example.com", Some("홍길동@example.com")),
            ("张三@mail.example.co.jp。", Some("张三@mail.example.co.jp")),
            ("用户@例え.jp", Some("用户@例え.jp")),
            ("用户@例子.中国", Some("用户@例子.中国")),
            ("用户@example.top", Some("用户@example.top")),
            ("用户@[192.0.2.1]", Some("用户@[192.0.2.1]")),
            ("装饰器@app.route(\"/x\")", None),
            ("夹具@pytest.fixture", None),
            ("使用@mock.patch 装饰", None),
            ("注解@Override.x", None),
            ("用@torch.no_grad()", None),
            ("用@router.post(\"/\")", None),
            ("张三@example.com(工作)", Some("张三@example.com")),
            ("请把邮件发到我们的客服邮箱@example.com", Some("到我们的客服邮箱@example.com")),
            ("mail jose\u{301}@example.com", Some("jose\u{301}@example.com")),
            ("jane@mu\u{308}nchen.de", Some("jane@mu\u{308}nchen.de")),
            ("अनिल्@example.com", Some("अनिल्@example.com")),
            ("jane@[192.0.2.1] x", Some("jane@[192.0.2.1]")),
            ("jane@[IPv6:2001:db8::1]", Some("jane@[IPv6:2001:db8::1]")),
            ("x@[0]", None),
            ("icon@2x.png", None),
            ("icon@2x.en.png", None),
            ("icon@2x.min.js", None),
            ("jane@example.com.pdf", Some("jane@example.com")),
            ("jane@mail.example.co.uk.tar.gz", Some("jane@mail.example.co.uk")),
            ("write to jane@example.com.Log in", Some("jane@example.com")),
            ("jane@пример.рф.pdf", Some("jane@пример.рф")),
            ("jane@example.pdf", None),
            ("pkg@next.12.png", None),
            ("user@app.scope.service", None),
            ("java.lang.Object@5bcd7e88.wait(Native", None),
            ("jane@5bcd7e88.example", Some("jane@5bcd7e88.example")),
            ("npm i pkg@1.2.3-beta.rc", None),
            ("vue@2.7.14", None),
            ("git@github.com:org/repo.git", None),
            ("legit@example.com", Some("legit@example.com")),
            ("user@1000.service", None),
            ("postgres://app:s3cr3tPw9@db.example.com/x", None),
            ("amqp://:pa$s@mq.example.com", None),
            ("ssh://jane@host.example.com", Some("jane@host.example.com")),
            ("https://example.com/a:jane@example.com", Some("jane@example.com")),
            ("https://example.com:8443?to=jane@example.com", Some("jane@example.com")),
            ("//x:jane@example.com", Some("jane@example.com")),
        ] {
            assert_eq!(find(text), wanted, "{text}");
        }
    }

    #[test]
    fn an_answer_never_changes_with_more_text() {
        for text in ["jane@mail.example.co.uk, x", "j@münchen.de请", "a@b.c.d1.ee.", "j@example.com.tar.gz, x"] {
            let bytes = text.as_bytes();
            let at = text.find('@').unwrap_or(0);
            let whole = email(bytes, at, true);
            for cut in at + 1..bytes.len() {
                let early = email(&bytes[..cut], at, false);
                assert!(early == Step::More || early == whole, "{text} at {cut}");
            }
        }
    }
}
