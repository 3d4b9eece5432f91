//! What a body is, by what it says of itself and by its first bytes.
//!
//! A pure function of the beginning: it asks for more until the answer cannot change, so that chunks do not matter.

use crate::body::BodyErrorKind;
use crate::body::charset::{self, Charset, Named};
use crate::body::media::Promise;
use crate::body::text::{Utf8, Watch};

/// Blanks at the beginning that are waited through for the first byte that tells something.
pub(super) const MAX_BLANKS: usize = 4096;

/// The byte order mark of UTF-8.
pub(super) const BOM: &[u8] = b"\xef\xbb\xbf";

/// How a body is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reading {
    /// As JSON: anything else is an error.
    Json,
    /// As JSON while it is JSON, then as text.
    JsonOrText,
    /// As server-sent events.
    Events,
    /// As text.
    Text,
}

/// What is known of a body before its bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outlook {
    /// What its media type promises.
    pub(super) promise: Promise,
    /// What is said of its character set.
    pub(super) charset: Named,
    /// Whether it comes from a model provider, whose event streams may be announced as plain text.
    pub(super) from_model: bool,
}

/// First bytes that are refused: what is already compressed, and what is no text though it may look like it.
const MAGIC: [(&[u8], BodyErrorKind); 16] = [
    (b"\x1f\x8b", BodyErrorKind::CodingInvalid),
    (b"\x28\xb5\x2f\xfd", BodyErrorKind::CodingInvalid),
    (b"PK\x03\x04", BodyErrorKind::MediaType),
    (b"PK\x05\x06", BodyErrorKind::MediaType),
    (b"%PDF-", BodyErrorKind::MediaType),
    (b"\x89PNG\r\n\x1a\n", BodyErrorKind::MediaType),
    (b"\xff\xd8\xff", BodyErrorKind::MediaType),
    (b"GIF87a", BodyErrorKind::MediaType),
    (b"GIF89a", BodyErrorKind::MediaType),
    (b"BZh", BodyErrorKind::MediaType),
    (b"\xfd7zXZ\0", BodyErrorKind::MediaType),
    (b"7z\xbc\xaf\x27\x1c", BodyErrorKind::MediaType),
    (b"Rar!\x1a\x07", BodyErrorKind::MediaType),
    (b"\x7fELF", BodyErrorKind::MediaType),
    (b"SQLite format 3\0", BodyErrorKind::MediaType),
    (b"OggS\0", BodyErrorKind::MediaType),
];

/// The first bytes, which tell whether what may pass unscanned reads as text.
pub(super) const TELLING: usize = 512;

/// Whether the beginning of a body that may pass where it is no text reads as text. A PDF may, and is none.
pub(super) fn reads_as_text(is_pdf: bool, start: &[u8]) -> bool {
    let telling = start.get(..TELLING).unwrap_or(start);
    let pdf = is_pdf && start.starts_with(b"%PDF-");
    !pdf && Watch::Utf8(Utf8::default()).look(telling).is_none()
}

/// A text without the blanks before it; nothing where they are too many.
fn behind(text: &[u8], blanks: usize) -> Option<&[u8]> {
    let behind = text.trim_ascii_start();
    (text.len() - behind.len() <= blanks).then_some(behind)
}

/// Whether a body begins as SDP (RFC 8866 section 5), which is no text that passes by here and is done with: it sets up a
/// call, in which sound and text go around whoever reads along. No more than `blanks` may stand before it. `None` where more
/// bytes are needed.
pub(super) fn is_sdp(start: &[u8], blanks: usize, ended: bool) -> Option<bool> {
    let begun = |text: &[u8], pattern: &[u8]| !ended && text.len() < pattern.len() && pattern.starts_with(text);
    if begun(start, BOM) {
        return None;
    }
    let Some(text) = behind(start.strip_prefix(BOM).unwrap_or(start), blanks) else { return Some(false) };
    if begun(text, b"v=0") {
        return None;
    }
    let Some(rest) = text.strip_prefix(b"v=0").filter(|rest| rest.first() != Some(&b'o')) else { return Some(false) };
    // Readers skip blanks at a line's end, and some skip empty lines.
    let Some(text) = behind(rest, MAX_BLANKS) else { return Some(false) };
    if begun(text, b"o=") {
        return None;
    }
    let ends_line =
        rest.len() > text.len() && rest.iter().take(rest.len() - text.len()).any(|byte| b"\r\n".contains(byte));
    let Some(origin) = text.strip_prefix(b"o=").filter(|_| ends_line) else { return Some(false) };
    match names_session(origin) {
        None if !ended && origin.len() < MAX_ORIGIN => None,
        names => Some(names.unwrap_or(true)),
    }
}

/// Bytes of an origin that are looked at.
const MAX_ORIGIN: usize = 256;

/// Whether the rest of a line that begins with `o=` is one of SDP: a name, and two numbers behind it. `None` where it ends
/// before that is known.
fn names_session(origin: &[u8]) -> Option<bool> {
    let words = || origin.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    let fits = |(number, word): (usize, &[u8])| {
        !word.iter().any(u8::is_ascii_control) && (number == 0 || word.iter().all(u8::is_ascii_digit))
    };
    if !words().take(3).enumerate().all(fits) {
        return Some(false);
    }
    words().nth(3).map(|_| true)
}

/// Line beginnings of an event stream. What begins otherwise is looked along for data as it comes.
const FIELDS: [&[u8]; 7] = [b"data:", b"event:", b"id:", b"retry:", b": ", b":\n", b":\r"];

/// Judges by a body's beginning, which is not empty, which set its text must be transcoded from, if it must; `None` where
/// more bytes are needed.
pub(super) fn judge_charset(
    outlook: Outlook,
    start: &[u8],
    ended: bool,
) -> Option<Result<Option<Charset>, BodyErrorKind>> {
    match (outlook.promise, outlook.charset) {
        (Promise::Binary | Promise::Parts | Promise::Unreadable, _) => Some(Ok(None)),
        // Event streams are UTF-8 whatever is said (WHATWG HTML section 9.2.5).
        (Promise::EventStream, Named::Nothing | Named::Utf8 | Named::Legacy(_)) => Some(Ok(None)),
        (Promise::EventStream, _) => Some(Err(BodyErrorKind::Charset)),
        // Blanks keep an answer alive before it begins, and do not wait for it.
        (promise, named) => {
            let blanks_wait = !matches!(promise, Promise::Json | Promise::JsonLines);
            charset::judge(named, blanks_wait, start, ended)
        }
    }
}

/// Judges a body by its beginning, which is not empty: the reading, or why it may not pass; `None` where more bytes
/// are needed, which never happens once it has `ended` or a few bytes stand behind the blanks that it begins with. Of those
/// the last tells as much as all of them.
pub(super) fn judge(outlook: Outlook, start: &[u8], ended: bool) -> Option<Result<Reading, BodyErrorKind>> {
    let waits = |pattern: &[u8], at: &[u8]| !ended && at.len() < pattern.len() && pattern.starts_with(at);
    // What has parts is read by its boundary, and refused where it names none.
    if matches!(outlook.promise, Promise::Binary | Promise::Parts) {
        return Some(Err(BodyErrorKind::MediaType));
    }
    if let Some((_, kind)) = MAGIC.iter().find(|(magic, _)| start.starts_with(magic)) {
        return Some(Err(kind.clone()));
    }
    let marks: [&[u8]; 3] = [BOM, b"\xfe\xff", b"\xff\xfe"];
    if MAGIC.iter().map(|(magic, _)| *magic).chain(marks).any(|pattern| waits(pattern, start)) {
        return None;
    }
    if start.starts_with(b"\xfe\xff") || start.starts_with(b"\xff\xfe") {
        return Some(Err(BodyErrorKind::Charset));
    }
    let text = start.strip_prefix(BOM).unwrap_or(start);
    let Some(first) = text.first() else { return ended.then_some(Ok(Reading::Text)) };
    match outlook.promise {
        // Blanks keep an answer alive before it begins, and do not wait for it.
        Promise::Json | Promise::JsonLines if first.is_ascii_whitespace() => Some(Ok(Reading::Json)),
        Promise::Json | Promise::JsonLines => judge_json(text, ended, Reading::Json),
        // Readers of JSON skip blanks before it as those of events do.
        Promise::EventStream => match text.trim_ascii_start() {
            [] => ended.then_some(Ok(Reading::Events)),
            content @ [b'{' | b'[', ..] => judge_json(content, ended, Reading::JsonOrText),
            content => judge_json(content, ended, Reading::Events),
        },
        // A type that cannot be read is not one that is missing: who reads it after all would read another body than the
        // bytes tell, but for JSON, which is nothing else.
        Promise::Unreadable => match text.trim_ascii_start() {
            content @ [b'{' | b'[', ..] => judge_json(content, ended, Reading::Json),
            [] if !ended => None,
            _ => Some(Err(BodyErrorKind::MediaType)),
        },
        Promise::Text | Promise::Nothing | Promise::Parts | Promise::Binary => {
            let content = text.trim_ascii_start();
            let ends = text.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            let line = text.get(ends..).unwrap_or_default();
            match content.first() {
                // However many they are, JSON may follow.
                None => ended.then_some(Ok(Reading::Text)),
                Some(b'{' | b'[') => judge_json(content, ended, Reading::JsonOrText),
                Some(_) if !outlook.from_model => Some(Ok(Reading::Text)),
                Some(_) if FIELDS.iter().any(|field| line.starts_with(field)) => Some(Ok(Reading::Events)),
                Some(_) if FIELDS.iter().any(|field| waits(field, line)) => None,
                Some(_) => Some(Ok(Reading::Text)),
            }
        }
    }
}

/// JSON is UTF-8 (RFC 8259 section 8.1): in UTF-16 and UTF-32 one of its first two bytes is NUL (RFC 4627).
fn judge_json(content: &[u8], ended: bool, reading: Reading) -> Option<Result<Reading, BodyErrorKind>> {
    match content {
        [0, ..] | [_, 0, ..] => Some(Err(BodyErrorKind::Charset)),
        [] | [_] if !ended => None,
        _ => Some(Ok(reading)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic here is a failed test")]

    use super::*;

    fn outlook(promise: Promise) -> Outlook {
        Outlook { promise, charset: Named::Nothing, from_model: false }
    }

    /// Judges with as few bytes as it takes, and sees that more bytes do not change the answer.
    fn judged(outlook: Outlook, body: &[u8]) -> Result<Reading, BodyErrorKind> {
        let first = (1..=body.len()).find_map(|end| judge(outlook, &body[..end], end == body.len()).map(|a| (end, a)));
        let (end, answer) = first.unwrap();
        for longer in end..=body.len() {
            assert_eq!(judge(outlook, &body[..longer], longer == body.len()), Some(answer.clone()), "{body:?}");
        }
        answer
    }

    #[test]
    fn what_is_announced_is_held_against_the_bytes() {
        use Promise::{Binary, EventStream, Json, JsonLines, Nothing, Text, Unreadable};
        let cases: [(Promise, &[u8], Result<Reading, BodyErrorKind>); 36] = [
            (Json, b" {\"a\":1}", Ok(Reading::Json)),
            (Json, b"data: x", Ok(Reading::Json)),
            (Json, b"\xef\xbb\xbf[1]", Ok(Reading::Json)),
            (Json, b"{\0\"\0", Err(BodyErrorKind::Charset)),
            (Json, b"\0{\0\"", Err(BodyErrorKind::Charset)),
            (Json, b"\xff\xfe{\0", Err(BodyErrorKind::Charset)),
            (Json, b"1", Ok(Reading::Json)),
            (JsonLines, b"{}\n{}\n", Ok(Reading::Json)),
            (EventStream, b"\n: hello", Ok(Reading::Events)),
            (EventStream, b"\xef\xbb\xbf\r\n \n{\"a\":1}", Ok(Reading::JsonOrText)),
            (EventStream, b"\n[1]", Ok(Reading::JsonOrText)),
            (EventStream, b"\n\0{\0\"", Err(BodyErrorKind::Charset)),
            (EventStream, b"\n{\0\"\0", Err(BodyErrorKind::Charset)),
            (EventStream, b"d\0a\0", Err(BodyErrorKind::Charset)),
            (EventStream, b"d", Ok(Reading::Events)),
            (EventStream, b"\n", Ok(Reading::Events)),
            (Json, b"\n", Ok(Reading::Json)),
            (Json, b"\xef\xbb\xbf", Ok(Reading::Text)),
            (EventStream, b"{\"error\":1}", Ok(Reading::JsonOrText)),
            (Text, b"hello", Ok(Reading::Text)),
            (Text, b"\r\n {\"a\":1}", Ok(Reading::JsonOrText)),
            (Text, b"[INFO] x", Ok(Reading::JsonOrText)),
            (Text, b"data: x", Ok(Reading::Text)),
            (Text, b"   ", Ok(Reading::Text)),
            (Text, b"\xfe\xff\0a", Err(BodyErrorKind::Charset)),
            (Text, b"\x1f\x8b\x08", Err(BodyErrorKind::CodingInvalid)),
            (Json, b"\x28\xb5\x2f\xfd", Err(BodyErrorKind::CodingInvalid)),
            (Nothing, b"%PDF-1.7", Err(BodyErrorKind::MediaType)),
            (Nothing, b"PK\x03\x04", Err(BodyErrorKind::MediaType)),
            (Nothing, b"PKware", Ok(Reading::Text)),
            (Nothing, b"%", Ok(Reading::Text)),
            (Binary, b"hello", Err(BodyErrorKind::MediaType)),
            (Unreadable, b" {}", Ok(Reading::Json)),
            (Unreadable, b"--x", Err(BodyErrorKind::MediaType)),
            (Unreadable, b" \n", Err(BodyErrorKind::MediaType)),
            (Nothing, b"{\"a\":1}", Ok(Reading::JsonOrText)),
        ];
        for (promise, body, expected) in cases {
            assert_eq!(judged(outlook(promise), body), expected, "{promise:?} {body:?}");
        }
    }

    #[test]
    fn sdp_is_known_by_its_first_lines() {
        for (body, wanted) in [
            (&b"v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\n"[..], true),
            (b"v=0\no=- 1", true),
            (b"v=0\ro=", true),
            (b"v=0 \r\n\r\no=-", true),
            (b"\xef\xbb\xbfv=0\no=-", true),
            (b"\r\n v=0\r\no=-", true),
            (b"v=0", false),
            (b"v=0\no=jdoe 3724394400 3724394405 IN", true),
            (b"v=0 o=1 starting", false),
            (b"v=0 o=- 1 2 IN", false),
            (b"v=0\no=1\np=2", false),
            (b"v=0\no=1 2\n3 4", false),
            (b"v=0\no=all right 1 2", false),
            (b"v=0o=-", false),
            (b"v=0\nx=1", false),
            (b"v=0\nO=1", false),
            (b"v=01\no=-", false),
            (b"v=", false),
            (b"vo=-", false),
            (b"  ", false),
        ] {
            for blanks in [MAX_BLANKS, usize::MAX] {
                let ask = |end: usize| is_sdp(&body[..end], blanks, end == body.len());
                assert_eq!(ask(body.len()), Some(wanted), "{body:?}");
                for end in 1..body.len() {
                    assert!(ask(end).is_none_or(|early| early == wanted), "{body:?} at {end}");
                }
            }
        }
        for (blanks, wanted) in [(MAX_BLANKS, true), (MAX_BLANKS + 1, false)] {
            let blanks = "\n".repeat(blanks);
            let (before, between) = (format!("{blanks}v=0\no=- 1 2 IN"), format!("v=0{blanks}o=- 1 2 IN"));
            for body in [before.as_bytes(), between.as_bytes()] {
                let answers = (1..=body.len()).find_map(|end| is_sdp(&body[..end], MAX_BLANKS, end == body.len()));
                assert_eq!((answers, is_sdp(body, MAX_BLANKS, false)), (Some(wanted), Some(wanted)));
            }
            assert_eq!(is_sdp(before.as_bytes(), usize::MAX, false), Some(true));
        }
    }

    #[test]
    fn a_model_may_call_its_events_plain_text() {
        let model = Outlook { from_model: true, ..outlook(Promise::Text) };
        assert_eq!(judged(model, b"data: {}\n\n"), Ok(Reading::Events));
        assert_eq!(judged(model, b"event: ping\n"), Ok(Reading::Events));
        assert_eq!(judged(model, b"date: today"), Ok(Reading::Text));
        assert_eq!(judged(model, b"dat"), Ok(Reading::Text));
        assert_eq!(judged(model, b"\n\r\ndata: {}\n\n"), Ok(Reading::Events));
        assert_eq!(judged(model, b"\xef\xbb\xbf\nid: 7\n"), Ok(Reading::Events));
        assert_eq!(judged(model, b":\n\n"), Ok(Reading::Events));
    }

    #[test]
    fn charsets_that_do_not_fit_are_refused_and_blanks_tell_nothing() {
        let unheard = Outlook { charset: Named::Unknown, ..outlook(Promise::Text) };
        assert_eq!(judge_charset(unheard, b"a", false), Some(Err(BodyErrorKind::Charset)));
        let events = Outlook { charset: Named::Utf16(None), ..outlook(Promise::EventStream) };
        assert_eq!(judge_charset(events, b"a", false), Some(Err(BodyErrorKind::Charset)));
        let blanks = vec![b' '; MAX_BLANKS + 1];
        assert_eq!(judge(outlook(Promise::Text), &blanks, false), None);
        assert_eq!(judge(outlook(Promise::Text), &blanks, true), Some(Ok(Reading::Text)));
    }
}
