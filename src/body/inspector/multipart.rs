//! Multipart bodies (RFC 2046 section 5.1, RFC 7578): what enters are parts with heads of their own, what leaves are the
//! same parts, each redacted by what its head says it is.
//!
//! A part is a body as any other: JSON as JSON, a table as a table, a multipart within it again, one in content codings of
//! its own opened and encoded again (`coded`), as one in base64 or quoted-printable (`transfer`), and what is no text is
//! refused unless the policy says otherwise. A field of a form has its name for a label. Delimiters, heads and the order
//! of parts stay byte for byte, but for findings in heads, and for lengths and digests there, which would no longer be
//! true. Kept: a head, the bytes that may begin a delimiter, and what the part's reading holds back.

use memchr::memmem::Finder;

use super::BodySpec;
use super::coded::Coded;
use super::part_head::HeadField;
use super::transfer::{Encoded, Transfer};
use crate::body::media::{parse_content_encoding, spelled_out};
use crate::body::text::TextBody;
use crate::body::{BodyError, BodyErrorKind, ContentCoding, Inspection, MediaType, Transform};
use crate::engine::Output;

/// Blanks between a delimiter and its line's end.
const PADDING: usize = 256;
/// The longest boundary (RFC 2046 section 5.1.1).
const LONGEST: usize = 70;
/// Lines of a part's head.
const LINES: usize = 64;
/// Fields of a head that tell of bytes as they were before. As in a message's own head, they are not sent on.
const STALE: [&[u8]; 5] = [b"content-length", b"content-md5", b"digest", b"content-digest", b"repr-digest"];
/// Types by the ending of a file's name, for parts that do not say what they are.
const BY_NAME: [(&str, &[u8]); 7] = [
    (".json", b"application/json"),
    (".jsonl", b"application/x-ndjson"),
    (".ndjson", b"application/x-ndjson"),
    (".csv", b"text/csv"),
    (".tsv", b"text/tab-separated-values"),
    (".txt", b"text/plain"),
    (".md", b"text/plain"),
];

/// Where the reading stands.
enum State {
    /// Before the first delimiter, or in a part's body. Nothing of it has been seen while `fresh`: a delimiter there
    /// needs no line end before it.
    Body { fresh: bool },
    /// In a part's head.
    Head,
    /// Behind the last delimiter.
    Epilogue,
}

/// What reads a part's body.
enum Reader {
    /// What stands outside of parts.
    Text(Box<TextBody>),
    /// A part.
    Coded(Box<Coded>),
    /// A part in base64 or quoted-printable.
    Encoded(Box<Encoded>),
}

/// Redacts a multipart body.
pub(super) struct Multipart {
    /// CRLF, two hyphens, the boundary.
    delimiter: Finder<'static>,
    state: State,
    reader: Reader,
    /// What was not decided yet.
    kept: Vec<u8>,
    parts: usize,
    /// What reads the lines of heads.
    line: Box<TextBody>,
    /// What became of the last one.
    new: Output,
    /// What holds for every part.
    spec: BodySpec,
}

/// What stands at the place of a possible delimiter.
enum Found {
    /// A delimiter, from its first byte to behind its line end.
    Delimiter { from: usize, to: usize, last: bool },
    /// None before this place; from there on it is not known yet.
    None { safe: usize },
}

impl Multipart {
    /// `None` where the type names no boundary that may be one, or where it is another one to other readers.
    pub(super) fn new(media_type: &MediaType, spec: BodySpec) -> Option<Self> {
        let boundary = media_type.parameter("boundary").filter(|_| !media_type.is_ambiguous("boundary"))?;
        let good = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
        if boundary.is_empty() || boundary.len() > LONGEST || !boundary.bytes().all(good) || boundary.ends_with(' ') {
            return None;
        }
        let delimiter = Finder::new(&format!("\r\n--{boundary}")).into_owned();
        let reader = Reader::Text(Box::new(TextBody::announced(&spec.scopes)));
        let line = Box::new(TextBody::announced(&spec.scopes));
        let state = State::Body { fresh: true };
        Some(Self { delimiter, state, reader, kept: Vec::new(), parts: 0, line, new: Output::default(), spec })
    }

    /// Bytes held back now.
    pub(super) fn held(&self) -> usize {
        let inside = match &self.reader {
            Reader::Text(text) => text.held(),
            Reader::Coded(coded) => coded.held(),
            Reader::Encoded(encoded) => encoded.held(),
        };
        self.kept.len() + inside
    }

    /// As [`Coded::weight`].
    pub(super) fn weight(&self) -> usize {
        let inside = match &self.reader {
            Reader::Text(text) => text.held(),
            Reader::Coded(coded) => coded.weight(),
            Reader::Encoded(encoded) => encoded.weight(),
        };
        self.kept.len() + inside
    }

    /// Gives out what a part's encoders hold.
    pub(super) fn flush(&mut self, out: &mut Vec<u8>) -> Result<(), BodyError> {
        match &mut self.reader {
            Reader::Text(_) => Ok(()),
            Reader::Coded(coded) => coded.flush(out),
            Reader::Encoded(encoded) => encoded.flush(out),
        }
    }

    /// Reads on in what is kept, until no more is decided.
    fn advance(&mut self, ended: bool, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        let kept = std::mem::take(&mut self.kept);
        let mut at = 0;
        let result = loop {
            let rest = kept.get(at..).unwrap_or_default();
            match self.step(rest, ended, out, seen) {
                Ok(Some(taken)) => at += taken,
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
            if at >= kept.len() {
                break Ok(());
            }
        };
        self.kept = kept;
        self.kept.drain(..at);
        seen.held_peak = seen.held_peak.max(self.held());
        result
    }

    /// One step: how much of `rest` is done with; nothing where more must come.
    fn step(
        &mut self,
        rest: &[u8],
        ended: bool,
        out: &mut Vec<u8>,
        seen: &mut Inspection,
    ) -> Result<Option<usize>, BodyError> {
        match self.state {
            State::Epilogue => {
                self.push_inside(rest, out, seen)?;
                Ok((!rest.is_empty()).then_some(rest.len()))
            }
            State::Head => match head_end(rest) {
                // The same whether it came in one piece or in many.
                end if end.unwrap_or(rest.len()) > self.spec.limits.multipart_head => {
                    Err(BodyErrorKind::TooLarge.into())
                }
                None => Ok(None),
                Some(end) => {
                    self.begin_part(rest.get(..end).unwrap_or_default(), out, seen)?;
                    Ok(Some(end))
                }
            },
            State::Body { fresh } => match self.find(rest, fresh, ended) {
                Found::None { safe } => {
                    self.push_inside(rest.get(..safe).unwrap_or_default(), out, seen)?;
                    self.state = State::Body { fresh: fresh && safe == 0 };
                    Ok((safe > 0).then_some(safe))
                }
                Found::Delimiter { from, to, last } => {
                    self.push_inside(rest.get(..from).unwrap_or_default(), out, seen)?;
                    self.finish_inside(out, seen)?;
                    let delimiter = rest.get(from..to).unwrap_or_default();
                    out.extend_from_slice(delimiter);
                    seen.scanned += delimiter.len() as u64;
                    self.state = if last { State::Epilogue } else { State::Head };
                    self.reader = Reader::Text(Box::new(TextBody::announced(&self.spec.scopes)));
                    Ok(Some(to))
                }
            },
        }
    }

    /// Looks for a delimiter.
    fn find(&self, text: &[u8], fresh: bool, ended: bool) -> Found {
        let needle = self.delimiter.needle();
        let first = needle.get(2..).unwrap_or_default();
        if fresh && !ended && text.len() < first.len() && first.starts_with(text) {
            return Found::None { safe: 0 };
        }
        let mut from = 0;
        loop {
            let (at, end) = match self.delimiter.find(text.get(from..).unwrap_or_default()) {
                _ if fresh && from == 0 && text.starts_with(first) => (0, first.len()),
                Some(at) => (from + at, from + at + needle.len()),
                None => break,
            };
            match delimiter_line(text.get(end..).unwrap_or_default(), ended) {
                Some(Some((len, last))) => return Found::Delimiter { from: at, to: end + len, last },
                Some(None) => from = end,
                None => return Found::None { safe: at },
            }
        }
        if ended {
            return Found::None { safe: text.len() };
        }
        // What may be the beginning of one.
        let tail = text.len().saturating_sub(needle.len() - 1).max(from);
        let safe = (tail..text.len()).find(|at| text.get(*at..).is_some_and(|rest| needle.starts_with(rest)));
        Found::None { safe: safe.unwrap_or(text.len()) }
    }

    /// Writes a part's head and makes out how its body is read.
    fn begin_part(&mut self, head: &[u8], out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        self.parts += 1;
        if self.parts > self.spec.limits.multipart_parts {
            return Err(BodyErrorKind::TooManyTexts.into());
        }
        // Readers that part lines otherwise would see other heads than these.
        let own = self.delimiter.needle().get(2..).unwrap_or_default();
        let lines = || head.split_inclusive(|byte| *byte == b'\n');
        let whole = |line: &[u8]| line.strip_suffix(b"\r\n").is_some_and(|line| !line.contains(&b'\r'));
        let odd = |line: &[u8]| line.starts_with(own) || !whole(line);
        let begins_folded = head.first().is_some_and(|byte| matches!(byte, b' ' | b'\t'));
        if begins_folded || lines().any(odd) || lines().count() > LINES {
            return Err(BodyErrorKind::MediaType.into());
        }
        let (mut media_type, mut disposition): (Option<Option<MediaType>>, Option<Vec<u8>>) = (None, None);
        let mut transfer: Option<Option<Transfer>> = None;
        let mut codings: Option<Vec<ContentCoding>> = None;
        for field in fields(head) {
            let (name, value) = match field.iter().position(|byte| *byte == b':') {
                Some(colon) => field.split_at(colon),
                None => (field, &[][..]),
            };
            let name = name.trim_ascii().to_ascii_lowercase();
            if STALE.contains(&name.as_slice()) {
                seen.scanned += field.len() as u64;
                continue;
            }
            let changed = self.head_field(field, out, seen)?;
            let value = unfolded(value.get(1..).unwrap_or_default());
            // Of two that differ one reader takes the one and one the other.
            if name == b"content-type" {
                let said = MediaType::of(&value);
                // The parts inside would no longer be found by it.
                if changed && said.as_ref().is_some_and(|said| said.parameter("boundary").is_some()) {
                    return Err(BodyErrorKind::MediaType.into());
                }
                if *media_type.get_or_insert_with(|| said.clone()) != said {
                    return Err(BodyErrorKind::MediaType.into());
                }
            } else if name == b"content-disposition" {
                if *disposition.get_or_insert_with(|| value.clone()) != value {
                    return Err(BodyErrorKind::MediaType.into());
                }
            } else if name == b"content-transfer-encoding" {
                let said = Transfer::parse(&value)?;
                if *transfer.get_or_insert(said) != said {
                    return Err(BodyErrorKind::MediaType.into());
                }
            } else if name == b"content-encoding" {
                let said = parse_content_encoding(std::iter::once(value.as_slice()), self.spec.limits.coding_layers)?;
                // Of several fields, or lines of one, a reader takes the first, the last or all of them.
                let is_folded = field.trim_ascii_end().contains(&b'\n');
                let has_other = codings.as_ref().is_some_and(|other| !other.is_empty() || !said.is_empty());
                if changed || is_folded || has_other {
                    return Err(BodyErrorKind::CodingUnsupported.into());
                }
                codings = Some(said);
            }
        }
        let disposition = Disposition::parse(&disposition.unwrap_or_default())?;
        self.state = State::Body { fresh: true };
        let (said, bytes): (Option<MediaType>, Option<MediaType>) = match media_type.flatten() {
            Some(said) if said.subtype() == "octet-stream" => (None, Some(said)),
            said => (said, None),
        };
        let media_type = said.or_else(|| disposition.file.as_deref().and_then(by_name)).or(bytes);
        let spec = BodySpec { media_type, codings: codings.unwrap_or_default(), ..self.spec.clone() };
        // A transfer encoding is around the content codings.
        let coded = Coded::part(spec, disposition.name.as_deref().unwrap_or_default())?;
        self.reader = match transfer.flatten() {
            Some(transfer) => Reader::Encoded(Box::new(Encoded::new(transfer, coded))),
            None => Reader::Coded(Box::new(coded)),
        };
        Ok(())
    }

    /// A field of a head, scanned as a text; whether it has changed.
    fn head_field(&mut self, field: &[u8], out: &mut Vec<u8>, seen: &mut Inspection) -> Result<bool, BodyError> {
        let (field, line_end) = field.split_at(field.len().saturating_sub(2));
        let mut changed = false;
        if !field.is_empty() {
            let head = HeadField::new(field);
            if head.is_disordered() {
                return Err(BodyErrorKind::MediaType.into());
            }
            let shown = head.shown();
            self.new.clear();
            self.line.whole(&shown, &mut self.new, seen)?;
            seen.scanned += (field.len().saturating_sub(shown.len())) as u64;
            changed = !self.new.is_verbatim();
            if changed { head.write(&self.new, out) } else { out.extend_from_slice(field) }
        }
        out.extend_from_slice(line_end);
        seen.scanned += line_end.len() as u64;
        Ok(changed)
    }

    fn push_inside(&mut self, bytes: &[u8], out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        if bytes.is_empty() {
            return Ok(());
        }
        match &mut self.reader {
            Reader::Text(text) => text.push(bytes, out, seen),
            Reader::Coded(coded) => coded.push_part(bytes, out, seen),
            Reader::Encoded(encoded) => encoded.push(bytes, out, seen),
        }
    }

    fn finish_inside(&mut self, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        match &mut self.reader {
            Reader::Text(text) => text.finish(out, seen),
            Reader::Coded(coded) => coded.finish_part(out, seen),
            Reader::Encoded(encoded) => encoded.finish(out, seen),
        }
    }
}

impl Transform for Multipart {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        self.kept.extend_from_slice(input);
        self.advance(false, out, seen)
    }

    fn finish(&mut self, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        self.advance(true, out, seen)?;
        match self.state {
            State::Epilogue => self.finish_inside(out, seen),
            // A body that breaks off has no end that a reader could take for one.
            State::Body { .. } | State::Head if !self.spec.on_fault_pass => Err(BodyErrorKind::Truncated.into()),
            State::Body { .. } => self.finish_inside(out, seen),
            State::Head => {
                let head = std::mem::take(&mut self.kept);
                self.begin_part(&head, out, seen)
            }
        }
    }
}

/// Reads what stands behind a boundary: the rest of the delimiter's line, and whether it is the last. `Some(None)` where
/// it is no delimiter, `None` where more must come.
fn delimiter_line(rest: &[u8], ended: bool) -> Option<Option<(usize, bool)>> {
    let known = |at: usize| rest.get(at).copied().map(Some).or(ended.then_some(None));
    let last = known(0)? == Some(b'-') && known(1)? == Some(b'-');
    let mut at = if last { 2 } else { 0 };
    while matches!(known(at)?, Some(b' ' | b'\t')) && at < PADDING {
        at += 1;
    }
    match known(at)? {
        // What follows the last one is no part, its line's end included.
        None if last => Some(Some((at, true))),
        Some(b'\r') if known(at + 1)? == Some(b'\n') => Some(Some(if last { (at, true) } else { (at + 2, false) })),
        _ => Some(None),
    }
}

/// Where a head ends: behind its empty line.
fn head_end(text: &[u8]) -> Option<usize> {
    if text.starts_with(b"\r\n") {
        return Some(2);
    }
    memchr::memmem::find(text, b"\r\n\r\n").map(|at| at + 4)
}

fn by_name(file: &[u8]) -> Option<MediaType> {
    let file = file.to_ascii_lowercase();
    let (_, said) = BY_NAME.iter().find(|(ending, _)| file.ends_with(ending.as_bytes()))?;
    MediaType::parse(said)
}

/// The fields of a head with their line ends, each with the lines that go on with it (RFC 5322 section 2.2.3).
fn fields(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = head;
    std::iter::from_fn(move || {
        let ends = |at: &usize| {
            let (byte, next) = (rest.get(at - 1), rest.get(*at));
            byte == Some(&b'\n') && !matches!(next, Some(b' ' | b'\t'))
        };
        let end = (1..=rest.len()).find(ends).or((!rest.is_empty()).then_some(rest.len()))?;
        let (field, later) = rest.split_at(end);
        rest = later;
        Some(field)
    })
}

/// A field's value on one line.
fn unfolded(value: &[u8]) -> Vec<u8> {
    let line = value.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n'));
    line.collect::<Vec<_>>().trim_ascii().to_vec()
}

/// What a Content-Disposition names (RFC 7578 section 4.2).
struct Disposition {
    name: Option<Vec<u8>>,
    file: Option<Vec<u8>>,
}

impl Disposition {
    /// Some readers know parameters in parts and in another spelling (RFC 2231 sections 3 and 4), so that `name*` is a name.
    ///
    /// # Errors
    /// It has two names that differ: one reader takes the one and one the other.
    fn parse(value: &[u8]) -> Result<Self, BodyErrorKind> {
        let mut found = Self { name: None, file: None };
        let (mut parts, mut rest) = (None::<Vec<u8>>, value);
        while let Some(at) = rest.iter().position(|byte| *byte == b';') {
            rest = rest.get(at + 1..).unwrap_or_default().trim_ascii_start();
            let Some(equals) = rest.iter().position(|byte| matches!(byte, b'=' | b';')) else { break };
            let (name, behind) = rest.split_at(equals);
            let Some(value) = behind.strip_prefix(b"=") else { continue };
            let (value, behind) = parameter(value);
            let name = name.trim_ascii().to_ascii_lowercase();
            match name.as_slice() {
                b"name" if *found.name.get_or_insert_with(|| value.clone()) != value => {
                    return Err(BodyErrorKind::MediaType);
                }
                b"filename" | b"filename*" => found.file = Some(value),
                _ if name.starts_with(b"name*") => {
                    let part = if name.ends_with(b"*") { spelled_out(&value) } else { value };
                    parts.get_or_insert_default().extend_from_slice(&part);
                }
                _ => {}
            }
            rest = behind;
        }
        match parts {
            Some(parts) if *found.name.get_or_insert_with(|| parts.clone()) != parts => Err(BodyErrorKind::MediaType),
            _ => Ok(found),
        }
    }
}

/// A parameter's value, quoted or not, and what follows it.
fn parameter(text: &[u8]) -> (Vec<u8>, &[u8]) {
    let text = text.trim_ascii_start();
    let Some(quoted) = text.strip_prefix(b"\"") else {
        let end = text.iter().position(|byte| *byte == b';').unwrap_or(text.len());
        let (value, rest) = text.split_at(end);
        return (value.trim_ascii_end().to_vec(), rest);
    };
    let mut value = Vec::new();
    let mut bytes = quoted.iter().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return (value, quoted.get(at + 1..).unwrap_or_default()),
            b'\\' => value.extend(bytes.next().map(|(_, byte)| *byte)),
            byte => value.push(*byte),
        }
    }
    (value, &[])
}
