//! What is written in the place of findings, so that the markup stays what it was.

use std::ops::Range;

use super::Edit;
use super::lexer::Context;

/// Leaves the name of an attribute where it is, which was found together with a value without quotes, as in
/// `password value=…`: its value alone gives way. Attributes stand in order.
pub(super) fn keep_names<'a>(whole: &mut [Edit], attributes: &[Edit], raw: impl Fn(Range<u64>) -> &'a [u8]) {
    for edit in whole {
        let [part] = edit.parts.as_slice() else { continue };
        let at = attributes.partition_point(|value| value.parts.last().is_none_or(|last| last.end < part.end));
        let Some([value]) = attributes.get(at).map(|value| value.parts.as_slice()) else { continue };
        if value.end == part.end && part.start < value.start && is_name(raw(part.start..value.start)) {
            edit.parts = vec![value.clone()];
        }
    }
}

/// Whether this is the name of an attribute with its sign.
fn is_name(text: &[u8]) -> bool {
    let name = text.strip_suffix(b"=").unwrap_or_default();
    !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b':'))
}

/// What both readings replace, as stretches of the body in order. Where they overlap, what was found as it stands is
/// written, and the rest of the other is taken out.
pub(super) fn union(whole: &[Edit], text: &[Edit]) -> Vec<(Range<u64>, Vec<u8>)> {
    let mut all: Vec<(Range<u64>, Vec<u8>)> = Vec::new();
    let found: Vec<_> = whole.iter().flat_map(|edit| edit.parts.iter().cloned()).collect();
    for edit in text {
        let free: Vec<_> = edit.parts.iter().flat_map(|part| outside(part.clone(), &found)).collect();
        let len: u64 = free.iter().map(|part| part.end - part.start).sum();
        let untouched = free == edit.parts;
        // No reference is parted.
        let spread =
            untouched && edit.given.is_ascii() && !edit.given.contains(&b'&') && edit.given.len() as u64 == len;
        let mut given = edit.given.as_slice();
        for (at, part) in free.into_iter().enumerate() {
            let share = match (spread, at) {
                // A mask of the same length stands where its letters stood.
                (true, _) => usize::try_from(part.end - part.start).unwrap_or(usize::MAX),
                (false, 0) if untouched || edit.parts.first().is_some_and(|first| first.start == part.start) => {
                    given.len()
                }
                (false, _) => 0,
            };
            let (here, after) = given.split_at(share.min(given.len()));
            given = after;
            all.push((part, here.to_vec()));
        }
    }
    for edit in whole {
        all.extend(edit.parts.first().map(|part| (part.clone(), edit.given.clone())));
    }
    all.sort_by_key(|(part, _)| (part.start, part.end));
    all
}

/// The parts of a stretch that are in none of the others, which stand in order.
fn outside(part: Range<u64>, others: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut free = Vec::new();
    let mut from = part.start;
    let first = others.partition_point(|other| other.end <= part.start);
    for other in others.iter().skip(first).take_while(|other| other.start < part.end) {
        if from < other.start {
            free.push(from..other.start);
        }
        from = from.max(other.end);
    }
    if from < part.end {
        free.push(from..part.end);
    }
    free
}

/// Appends what is new in a name behind the byte `before`, so that it stays one (XML 1.0 section 2.3): what takes the place
/// of the same text is the same, in the tag that begins an element and in the one that ends it; and no two attributes of
/// a tag are called alike, for none may be there twice.
pub(super) fn name(given: &[u8], context: Context, before: u8, out: &mut Vec<u8>) {
    // A colon would be the end of a prefix that nobody has declared.
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let begins = before.is_ascii() && !fits(before);
    let first = given.first().map(|first| first.is_ascii_digit() || matches!(first, b'-' | b'.'));
    if begins && first.unwrap_or(true) {
        out.push(b'_');
    }
    // Of a character of several bytes the first stands for all.
    let characters = given.iter().filter(|byte| !matches!(byte, 0x80..=0xbf));
    out.extend(characters.map(|byte| if fits(*byte) { *byte } else { b'_' }));
    if let Context::Attribute(number @ 1..) = context {
        out.extend_from_slice(format!(".{number}").as_bytes());
    }
}

/// Appends what is new in its place, escaped as it must be there.
pub(super) fn escape(given: &[u8], context: Context, out: &mut Vec<u8>) {
    for (at, byte) in given.iter().enumerate() {
        let rest = given.get(at..).unwrap_or_default();
        // Another hyphen may stand before or behind it.
        let doubles = at == 0 || rest.len() == 1 || at.checked_sub(1).and_then(|at| given.get(at)) == Some(&b'-');
        match (context, *byte) {
            (Context::Text | Context::Value(_), b'<') => out.extend_from_slice(b"&lt;"),
            (Context::Text | Context::Value(_), b'>') => out.extend_from_slice(b"&gt;"),
            (Context::Text | Context::Value(_), b'&') if !is_reference(rest) => out.extend_from_slice(b"&amp;"),
            (Context::Value(b'"'), b'"') => out.extend_from_slice(b"&quot;"),
            (Context::Value(_), b'\'') => out.extend_from_slice(b"&#39;"),
            // What would end them has no escape.
            (Context::Cdata | Context::Instruction, b'>') | (Context::Comment, b'>') => out.push(b' '),
            (Context::Instruction | Context::Script, b'<') => out.push(b' '),
            (Context::Comment, b'-') if doubles => out.push(b' '),
            (Context::Tag, b'<' | b'>' | b'"' | b'\'' | b'=' | b'`') => out.push(b'_'),
            (Context::Tag, byte) if byte.is_ascii_whitespace() => out.push(b'_'),
            (_, byte) => out.push(byte),
        }
    }
}

/// The sign of the reference to an entity within whose name a text ends, 0 where it does not; `goes_on` is that of what
/// stands before the text.
pub(super) fn refers(text: &[u8], goes_on: u8) -> u8 {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b':' | 0x80..);
    match text.iter().rfind(|byte| !is_name(byte)) {
        None => goes_on,
        Some(sign @ (b'&' | b'%')) => *sign,
        Some(_) => 0,
    }
}

/// Whether a reference stands at the beginning, which the engine wrote as one.
fn is_reference(text: &[u8]) -> bool {
    let body = text.get(1..).unwrap_or_default();
    let name = body.strip_prefix(b"#").unwrap_or(body);
    let len = name.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    (1..=32).contains(&len) && name.get(len) == Some(&b';')
}
