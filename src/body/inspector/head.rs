//! The character set that a document names itself: XML in its declaration, HTML in a `meta` of its first kilobyte.
//!
//! A pure function of the beginning. Who reads a document may believe what it says, what came with it, or its mark; where
//! these differ it is read so that nobody sees other text: as UTF-8 that must be such to its end, or, between other sets,
//! as ASCII. The first byte that is neither ends it.

use encoding_rs::Encoding;
use memchr::memmem;

use super::sniff::BOM;
use crate::body::BodyErrorKind;
use crate::body::charset::{Charset, Named};

/// How far a document is looked at for its set (WHATWG HTML 13.2.3.2).
pub(super) const HEAD: usize = 1024;
/// A declaration of XML in EBCDIC (XML 1.0 appendix F).
const EBCDIC: &[u8] = b"\x4c\x6f\xa7\x94";
/// Sets of which no reading is known here, and that some readers know.
const REFUSED: [&str; 6] =
    ["utf-7", "utf7", "unicode-1-1-utf-7", "csunicode11utf7", "x-unicode-2-0-utf-7", "x-unicode-1-1-utf-7"];
/// What a document of HTML is past its head with.
const BEHIND: [&[u8]; 2] = [b"<body", b"</head"];

/// What may keep what follows from being an element.
const HIDES: [&[u8]; 9] =
    [b"<!--", b"<title", b"<script", b"<style", b"<textarea", b"<noscript", b"<xmp", b"<iframe", b"<?"];

/// What browsers take for the beginning of HTML where no type says what it is (WHATWG MIME Sniffing section 7.1); behind
/// all but `<!--` and XML's a blank or `>` follows.
const HTML: [&[u8]; 18] = [
    b"<!doctype html",
    b"<html",
    b"<head",
    b"<script",
    b"<iframe",
    b"<h1",
    b"<div",
    b"<font",
    b"<table",
    b"<a",
    b"<style",
    b"<title",
    b"<b",
    b"<body",
    b"<br",
    b"<p",
    b"<meta",
    b"<!--",
];
/// And of XML.
const XML: &[u8] = b"<?xml";

/// What kind of markup a document is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Markup {
    /// None.
    No,
    Html,
    Xml,
}

/// Whether a document of which nothing is said is markup, by its beginning, without the blanks before it; `None` where more
/// of it is needed.
pub(super) fn markup(text: &[u8], ended: bool) -> Option<Markup> {
    let mut waits = false;
    for pattern in HTML.into_iter().chain([XML]) {
        let begun = text.get(..pattern.len()).unwrap_or(text);
        if !pattern.get(..begun.len()).is_some_and(|pattern| pattern.eq_ignore_ascii_case(begun)) || begun.is_empty() {
            continue;
        }
        let found = if pattern == XML { Markup::Xml } else { Markup::Html };
        match text.get(pattern.len()) {
            Some(b' ' | b'\t' | b'\n' | b'\r' | 0x0c | b'>') => return Some(found),
            _ if begun.len() == pattern.len() && matches!(pattern, b"<!--" | XML) => return Some(found),
            Some(_) => {}
            None => waits |= !ended,
        }
    }
    if waits { None } else { Some(Markup::No) }
}

/// How a document is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Told {
    /// In this set.
    In(Named),
    /// So that every set gives the same text.
    Strictly(Charset),
}

/// Judges by a document's beginning which set it is in, where `said` came with it; `None` where more of it is needed, which
/// never happens once it has `ended` or [`HEAD`] bytes are there.
pub(super) fn judge(html: bool, said: Named, start: &[u8], ended: bool) -> Option<Result<Told, BodyErrorKind>> {
    if matches!(said, Named::Utf16(_) | Named::Utf32(_) | Named::Unknown) {
        return Some(Ok(Told::In(said)));
    }
    let waits = |pattern: &[u8]| !ended && start.len() < pattern.len() && pattern.starts_with(start);
    if waits(BOM) || waits(EBCDIC) {
        return None;
    }
    if start.starts_with(EBCDIC) {
        return Some(Err(BodyErrorKind::Charset));
    }
    let (marked, text) = start.strip_prefix(BOM).map_or((false, start), |text| (true, text));
    let text = text.get(..HEAD).unwrap_or(text);
    if text.iter().take(4).any(|byte| matches!(byte, 0 | 0xfe | 0xff)) {
        // A wide set, which its beginning tells.
        return Some(Ok(Told::In(said)));
    }
    let complete = ended || text.len() >= HEAD;
    let mut told = if marked { Told::In(Named::Utf8) } else { Told::In(said) };
    if marked && !matches!(said, Named::Nothing) {
        told = together(told, said);
    }
    let mut labels = Vec::new();
    let small = text.to_ascii_lowercase();
    if b"<?xml".starts_with(small.get(..5).unwrap_or(&small)) {
        match memmem::find(&small, b"?>") {
            Some(end) => {
                let head = small.get(..end).unwrap_or_default();
                labels.extend(label(head, b"encoding").map(|label| (label, is_declaration(head))));
            }
            None if !complete => return None,
            None => {}
        }
    }
    if html {
        if !complete && !BEHIND.iter().any(|behind| memmem::find(&small, behind).is_some()) {
            return None;
        }
        for at in memmem::find_iter(&small, b"<meta") {
            let tag = small.get(at..).unwrap_or_default();
            let tag = tag.get(..memchr::memchr(b'>', tag).unwrap_or(tag.len())).unwrap_or_default();
            // What stands in a comment, a title or a script is no element to browsers.
            let before = small.get(..at).unwrap_or_default();
            let plain = !memmem::find_iter(before, b"<")
                .any(|at| HIDES.iter().any(|name| before.get(at..).is_some_and(|here| here.starts_with(name))));
            labels.extend(label(tag, b"charset").map(|label| (label, plain && is_meta(tag))));
        }
    }
    for (label, plain) in labels {
        let named = match Named::by_label(&label) {
            // A document in a wide set would not be read so far.
            Named::Utf16(_) | Named::Utf32(_) => Named::Utf8,
            Named::Unknown => {
                let known = REFUSED.contains(&label.trim()) || Encoding::for_label(label.as_bytes()).is_some();
                if known || !html {
                    return Some(Err(BodyErrorKind::Charset));
                }
                // Browsers pass over what they do not know.
                continue;
            }
            // A set in which a byte takes the next one with it is believed only where every reader does.
            Named::Legacy(set) if !plain && !set.is_single_byte() => {
                told = Told::Strictly(Charset::Strict { ascii: false });
                continue;
            }
            named => named,
        };
        told = together(told, named);
    }
    Some(Ok(told))
}

/// What is read where one thing was told and another is.
fn together(told: Told, named: Named) -> Told {
    match (told, named) {
        (told, Named::Nothing) => told,
        (Told::In(Named::Nothing), named) => Told::In(named),
        (Told::In(one), other) if one == other => told,
        (Told::In(Named::Utf8), _) | (Told::In(_), Named::Utf8) => Told::Strictly(Charset::Strict { ascii: false }),
        (Told::In(_), _) => Told::Strictly(Charset::Strict { ascii: true }),
        (Told::Strictly(_), _) => told,
    }
}

/// Whether a declaration of XML is in the form that its grammar has (XML 1.0, 2.8): a version, then the set.
fn is_declaration(head: &[u8]) -> bool {
    let rest = head.strip_prefix(b"<?xml").filter(|rest| rest.first().is_some_and(u8::is_ascii_whitespace));
    let rest = rest.and_then(|rest| value_of(rest, b"version"));
    rest.and_then(|rest| value_of(rest, b"encoding")).is_some()
}

/// Whether a `meta` is in one of the two forms that name a set and nothing else.
fn is_meta(tag: &[u8]) -> bool {
    let Some(rest) = tag.strip_prefix(b"<meta").filter(|rest| rest.first().is_some_and(u8::is_ascii_whitespace)) else {
        return false;
    };
    let rest = rest.trim_ascii_start();
    let closed = |rest: &[u8]| matches!(rest.trim_ascii(), b"" | b"/");
    if let Some(value) = rest.strip_prefix(b"charset=") {
        let bare = value.trim_ascii_end().strip_suffix(b"/").unwrap_or(value).trim_ascii_end();
        let inner = [b'"', b'\'']
            .iter()
            .find_map(|quote| bare.strip_prefix(&[*quote])?.strip_suffix(&[*quote]))
            .unwrap_or(bare);
        return inner.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_:.".contains(byte));
    }
    let rest = [&b"http-equiv=\"content-type\""[..], b"http-equiv='content-type'", b"http-equiv=content-type"]
        .iter()
        .find_map(|form| rest.strip_prefix(*form));
    let content = rest.and_then(|rest| value_of(rest, b"content"));
    content.is_some_and(closed)
}

/// What stands behind a name, an equals sign and a value in quotes, where that is what comes next.
fn value_of<'t>(text: &'t [u8], name: &[u8]) -> Option<&'t [u8]> {
    let rest = text.trim_ascii_start().strip_prefix(name)?.trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let quote = *rest.first().filter(|byte| matches!(byte, b'"' | b'\''))?;
    let rest = rest.get(1..)?;
    rest.get(memchr::memchr(quote, rest)? + 1..)
}

/// The value behind the last such name and an equals sign, in quotes or not. Enters in lower case.
fn label(tag: &[u8], name: &[u8]) -> Option<String> {
    let mut found = None;
    for at in memmem::find_iter(tag, name) {
        let rest = tag.get(at + name.len()..).unwrap_or_default().trim_ascii_start();
        let Some(rest) = rest.strip_prefix(b"=").map(<[u8]>::trim_ascii_start) else { continue };
        let rest = rest.strip_prefix(b"\"").or_else(|| rest.strip_prefix(b"'")).unwrap_or(rest).trim_ascii_start();
        let ends = |byte: &u8| byte.is_ascii_whitespace() || b"\"';/?".contains(byte);
        let value = rest.get(..rest.iter().position(ends).unwrap_or(rest.len())).unwrap_or_default();
        if !value.is_empty() {
            found = Some(String::from_utf8_lossy(value).into_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic here is a failed test")]

    use super::*;

    /// Judges with as few bytes as it takes, and sees that more bytes do not change the answer.
    fn judged(html: bool, said: Named, body: &[u8]) -> Result<Told, BodyErrorKind> {
        let ask = |end: usize| judge(html, said, &body[..end], end == body.len());
        let (end, answer) = (1..=body.len()).find_map(|end| ask(end).map(|answer| (end, answer))).unwrap();
        for longer in end..=body.len() {
            assert_eq!(ask(longer), Some(answer.clone()), "{body:?} at {longer}");
        }
        answer
    }

    const LATIN: Named = Named::Legacy(encoding_rs::WINDOWS_1252);
    const GREEK: Named = Named::Legacy(encoding_rs::ISO_8859_7);
    const UTF8: Told = Told::Strictly(Charset::Strict { ascii: false });
    const ASCII: Told = Told::Strictly(Charset::Strict { ascii: true });

    #[test]
    fn documents_name_their_sets() {
        let refused = Err(BodyErrorKind::Charset);
        for (html, said, body, wanted) in [
            (false, Named::Nothing, "<?xml version=\"1.0\" encoding=\"Windows-1252\"?><a>", Ok(Told::In(LATIN))),
            (false, Named::Nothing, "<?xml version='1.0' encoding = 'UTF-8' ?><a>", Ok(Told::In(Named::Utf8))),
            (false, Named::Nothing, "<?xml version='1.0'?><a encoding='x'>", Ok(Told::In(Named::Nothing))),
            (false, Named::Nothing, "<a><meta charset=latin1>", Ok(Told::In(Named::Nothing))),
            (false, Named::Utf8, "<?xml version='1.0' encoding='latin1'?>", Ok(UTF8)),
            (false, LATIN, "<?xml version='1.0' encoding='latin1'?>", Ok(Told::In(LATIN))),
            (false, LATIN, "<?xml version='1.0' encoding='iso-8859-7'?>", Ok(ASCII)),
            (false, Named::Nothing, "\u{feff}<?xml version='1.0' encoding='latin1'?>", Ok(UTF8)),
            (false, LATIN, "\u{feff}<a>", Ok(UTF8)),
            (false, Named::Nothing, "<?xml version='1.0' encoding='UTF-7'?>", refused.clone()),
            (false, Named::Nothing, "<?xml version='1.0' encoding='IBM037'?>", refused.clone()),
            (false, Named::Nothing, "<?xml version='1.0' encoding='ISO-2022-JP'?>", refused.clone()),
            (true, Named::Nothing, "<META CHARSET=Latin1><body>", Ok(Told::In(LATIN))),
            (
                true,
                Named::Nothing,
                "<meta http-equiv='Content-Type' content='text/html; charset=iso-8859-7'><body>",
                Ok(Told::In(GREEK)),
            ),
            (true, Named::Nothing, "<p>charset=latin1", Ok(Told::In(Named::Nothing))),
            (true, Named::Nothing, "<meta charset='utf-16le'>", Ok(Told::In(Named::Utf8))),
            (true, Named::Nothing, "<meta charset='utf-7'>", refused.clone()),
            (true, Named::Nothing, "<meta charset='iso-2022-jp'>", refused),
            (true, Named::Nothing, "<meta charset='{{charset}}'>", Ok(Told::In(Named::Nothing))),
            (true, Named::Nothing, "<meta charset=latin1><meta charset=iso-8859-7>", Ok(ASCII)),
            (true, Named::Nothing, "<meta charset=latin1><meta charset=utf-8>", Ok(UTF8)),
            (true, Named::Utf8, "<meta charset=utf8>", Ok(Told::In(Named::Utf8))),
        ] {
            assert_eq!(judged(html, said, body.as_bytes()), wanted, "{body}");
        }
        assert_eq!(judged(false, Named::Nothing, b"\x4c\x6f\xa7\x94\x93"), Err(BodyErrorKind::Charset));
        assert_eq!(judged(true, Named::Nothing, b"<\0h\0t\0"), Ok(Told::In(Named::Nothing)));
    }

    #[test]
    fn markup_without_a_type_is_known_as_browsers_know_it() {
        for (text, found) in [
            ("<!DOCTYPE html>", Markup::Html),
            ("<!doctype HTML\n", Markup::Html),
            ("<Html lang=en>", Markup::Html),
            ("<p>x", Markup::Html),
            ("<b>", Markup::Html),
            ("<br >", Markup::Html),
            ("<!--x", Markup::Html),
            ("<meta charset=x>", Markup::Html),
            ("<?xml version='1.0'?>", Markup::Xml),
            ("<!doctype svg>", Markup::No),
            ("<pre>", Markup::No),
            ("<price>4</price>", Markup::No),
            ("<html", Markup::No),
            ("x<p>", Markup::No),
            ("{\"a\":1}", Markup::No),
        ] {
            let ask = |end: usize| markup(&text.as_bytes()[..end], end == text.len());
            let first = (1..=text.len()).find_map(|end| ask(end).map(|answer| (end, answer))).unwrap();
            assert_eq!(first.1, found, "{text}");
            for longer in first.0..=text.len() {
                assert_eq!(ask(longer), Some(found), "{text} at {longer}");
            }
        }
        assert_eq!(markup(b"", false), Some(Markup::No));
    }

    #[test]
    fn the_head_is_bounded() {
        for (blanks, told) in [(HEAD - 21, LATIN), (HEAD, Named::Nothing)] {
            let body = format!("{}<meta charset=latin1>{}", " ".repeat(blanks), "x".repeat(HEAD));
            assert_eq!(judged(true, Named::Nothing, body.as_bytes()), Ok(Told::In(told)));
            assert!(judge(true, Named::Nothing, &body.as_bytes()[..HEAD - 1], false).is_none());
            assert!(judge(true, Named::Nothing, &body.as_bytes()[..HEAD], false).is_some());
        }
    }

    #[test]
    fn only_plain_declarations_are_believed_of_sets_that_join_bytes() {
        let strict = Ok(Told::Strictly(Charset::Strict { ascii: false }));
        for body in [
            "<!-- <meta charset=gbk> --><body>",
            "<meta name=x data-charset=gbk><body>",
            "<meta name=description content='charset=gbk'><body>",
            "<title><meta charset=gbk></title><body>",
            "<metafoo charset=gbk><body>",
        ] {
            assert_eq!(judged(true, Named::Nothing, body.as_bytes()), strict, "{body}");
        }
        for body in ["<?xml version='1.0' standalone='encoding=gbk'?><a>", "<?xml-stylesheet encoding='gbk'?><a>"] {
            assert_eq!(judged(false, Named::Nothing, body.as_bytes()), strict, "{body}");
        }
        let gbk = Ok(Told::In(Named::by_label("gbk")));
        for body in [
            "<meta charset=gbk><body>",
            "<html><head><meta charset=\"gbk\" /><body>",
            "<meta http-equiv='Content-Type' content='text/html; charset=gbk'><body>",
        ] {
            assert_eq!(judged(true, Named::Nothing, body.as_bytes()), gbk, "{body}");
        }
        assert_eq!(judged(false, Named::Nothing, b"<?xml version='1.0' encoding='gbk'?><a>"), gbk);
    }
}
