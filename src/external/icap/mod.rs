//! ICAP, client side (RFC 3507): what is written to a server, and what comes back, read in any chunking.
//!
//! Enters: an HTTP message whose body is whole; the bytes of answers. Leaves: the bytes of questions, with a preview where
//! the server asks for one (section 4.5); an [`Answer`] and what it means ([`Ruling`]). An answer may leave the rest of the
//! body to us (206, draft-icap-ext-partial-content-07), where the server offers that. Every part of an answer is bounded.
//! A server's own page is never passed on: an answer in place of the message is a refusal.

use crate::body::Direction;

use super::Failure;

/// A header section of an answer, and the lines between chunks.
const HEAD_LIMIT: usize = 64 << 10;
const LINE_LIMIT: usize = 1 << 10;
/// Fields of a section.
const FIELD_LIMIT: usize = 128;
/// How long OPTIONS hold where the server does not say, in seconds, and at most.
const OPTIONS_TTL: u64 = 3600;
/// Bytes of a chunk that is written.
const CHUNK: usize = 64 << 10;

/// What a server said of a service (section 4.10.2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// Whether the service judges requests, and responses.
    pub methods: [bool; 2],
    /// Names the state that verdicts rest on.
    pub istag: String,
    /// Most connections at once.
    pub max_connections: Option<usize>,
    /// How long this holds, in seconds.
    pub ttl: u64,
    /// How many bytes of a body it wants to see first.
    pub preview: Option<usize>,
    /// Whether its answers may leave the rest of a body to us (206).
    pub partial: bool,
}

/// An HTTP message that is to be judged.
pub struct Subject<'a> {
    /// Which method of ICAP it is for.
    pub direction: Direction,
    /// The head of the request: its line and fields, each ended by CRLF, and the empty line.
    pub request: &'a [u8],
    /// The head of the response, where it is one.
    pub response: &'a [u8],
    /// The body.
    pub body: &'a [u8],
    /// The address that `X-Client-IP` tells.
    pub client: Option<&'a str>,
}

impl std::fmt::Debug for Subject<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Subject({}, {} bytes)", self.direction.name(), self.body.len())
    }
}

/// The head of a question for the service's OPTIONS.
#[must_use]
pub fn ask_options(uri: &str, host: &str) -> Vec<u8> {
    format!("OPTIONS {uri} ICAP/1.0\r\nHost: {host}\r\nUser-Agent: blackbar\r\nEncapsulated: null-body=0\r\n\r\n")
        .into_bytes()
}

/// What is written first: everything, or everything up to the end of the preview. The second is how much of the body that
/// is, where the server must say whether it wants the rest. `partial`: it may leave the rest of the body to us.
#[must_use]
pub fn ask(
    subject: &Subject<'_>,
    (uri, host): (&str, &str),
    preview: Option<usize>,
    partial: bool,
) -> (Vec<u8>, Option<usize>) {
    let (request, response) = (subject.request.len(), subject.response.len());
    let (method, parts) = match subject.direction {
        Direction::Request => ("REQMOD", format!("req-hdr=0, req-body={request}")),
        Direction::Response => {
            ("RESPMOD", format!("req-hdr=0, res-hdr={request}, res-body={}", request.saturating_add(response)))
        }
    };
    let allow = if partial { "204, 206" } else { "204" };
    let mut out = format!("{method} {uri} ICAP/1.0\r\nHost: {host}\r\nUser-Agent: blackbar\r\nAllow: {allow}\r\n");
    if let Some(address) = subject.client {
        out.push_str(&format!("X-Client-IP: {address}\r\n"));
    }
    if let Some(preview) = preview {
        out.push_str(&format!("Preview: {preview}\r\n"));
    }
    out.push_str(&format!("Encapsulated: {parts}\r\n\r\n"));
    let mut out = out.into_bytes();
    out.extend_from_slice(subject.request);
    if subject.direction == Direction::Response {
        out.extend_from_slice(subject.response);
    }
    let seen = preview.map_or(subject.body.len(), |preview| preview.min(subject.body.len()));
    chunks(subject.body.get(..seen).unwrap_or_default(), &mut out);
    let waits = preview.is_some() && seen < subject.body.len();
    // The end of a preview that is everything says so (section 4.5).
    out.extend_from_slice(if preview.is_some() && !waits { b"0; ieof\r\n\r\n" } else { b"0\r\n\r\n" });
    (out, waits.then_some(seen))
}

/// What is written after `100 Continue`: the body behind its preview.
#[must_use]
pub fn rest(body: &[u8], seen: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len().saturating_sub(seen) + 64);
    chunks(body.get(seen..).unwrap_or_default(), &mut out);
    out.extend_from_slice(b"0\r\n\r\n");
    out
}

fn chunks(body: &[u8], out: &mut Vec<u8>) {
    for chunk in body.chunks(CHUNK) {
        out.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        out.extend_from_slice(chunk);
        out.extend_from_slice(b"\r\n");
    }
}

/// One answer of a server.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Answer {
    /// The status.
    pub status: u16,
    fields: Fields,
    /// The head of a request that it holds.
    request: Option<Vec<u8>>,
    /// The head of a response that it holds.
    response: Option<Vec<u8>>,
    body: Option<Vec<u8>>,
    /// From where on the body that was asked about goes on behind this one.
    original: Option<usize>,
}

/// Fields of a header section: names in lower case.
type Fields = Vec<(String, String)>;

impl Answer {
    fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The tag of the state that its verdict rests on.
    #[must_use]
    pub fn istag(&self) -> Option<&str> {
        self.field("istag").map(|tag| tag.trim_matches('"')).filter(|tag| !tag.is_empty() && tag.len() <= 64)
    }

    /// Whether the connection is over behind it.
    #[must_use]
    pub fn closes(&self) -> bool {
        self.field("connection").is_some_and(|value| value.to_ascii_lowercase().contains("close"))
    }

    /// What it says of the service.
    ///
    /// # Errors
    /// It is no answer to OPTIONS.
    pub fn options(&self) -> Result<Options, Failure> {
        if self.status != 200 {
            return Err(Failure::Status);
        }
        let number = |name| self.field(name).and_then(|value| value.trim().parse::<usize>().ok());
        let named = self.field("methods").unwrap_or_default().to_ascii_uppercase();
        let has = |method| named.split(',').any(|known| known.trim() == method);
        let allowed = self.fields.iter().filter(|(name, _)| name == "allow").flat_map(|(_, value)| value.split(','));
        let partial = allowed.into_iter().any(|code| code.trim() == "206");
        let ttl = number("options-ttl").map_or(OPTIONS_TTL, |seconds| (seconds as u64).min(OPTIONS_TTL));
        Ok(Options {
            methods: [has("REQMOD"), has("RESPMOD")],
            istag: self.istag().unwrap_or_default().to_owned(),
            max_connections: number("max-connections").filter(|count| *count > 0),
            ttl,
            preview: number("preview"),
            partial,
        })
    }

    /// What it says of a message; `partial`: it was offered to leave the rest of the body to us.
    ///
    /// # Errors
    /// It says nothing that can be followed.
    pub fn ruling(mut self, subject: &Subject<'_>, partial: bool) -> Result<Ruling, Failure> {
        // Said of a message, whatever else is said.
        let found = ["x-infection-found", "x-virus-id", "x-violations-found"].iter().any(|name| {
            self.field(name).is_some_and(|value| !matches!(value.trim().to_ascii_lowercase().as_str(), "" | "0" | "no"))
        });
        match (self.status, found) {
            (200 | 204 | 206, true) => return Ok(Ruling::Block),
            (204, false) => return Ok(Ruling::Allow),
            (200, false) => {}
            (206, false) if partial => {}
            _ => return Err(Failure::Status),
        }
        if let Some(from) = self.original {
            let body = self.body.as_mut().filter(|_| self.status == 206).ok_or(Failure::Answer)?;
            body.extend_from_slice(subject.body.get(from..).ok_or(Failure::Answer)?);
        }
        let (sent, came) = match subject.direction {
            // It answers in the upstream's place.
            Direction::Request if self.response.is_some() => return Ok(Ruling::Block),
            Direction::Request => (subject.request, self.request),
            Direction::Response => (subject.response, self.response),
        };
        let came = came.ok_or(Failure::Answer)?;
        let (sent_line, sent_fields) = head(sent)?;
        let (line, fields) = head(&came)?;
        // Another target, or another status, is how some servers refuse.
        let same_line = match subject.direction {
            Direction::Request => words(sent_line).take(2).eq(words(line).take(2)),
            Direction::Response => words(sent_line).nth(1) == words(line).nth(1),
        };
        let field = |fields: &Fields, name: &str| {
            let found =
                fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.trim().to_ascii_lowercase());
            found.filter(|value| !value.is_empty())
        };
        let same_form =
            ["content-type", "content-encoding"].iter().all(|name| field(&sent_fields, name) == field(&fields, name));
        let Some(body) = self.body.filter(|_| same_line && same_form) else { return Ok(Ruling::Block) };
        Ok(if body == subject.body { Ruling::Allow } else { Ruling::Changed(body) })
    }
}

/// What an answer means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ruling {
    /// The message may go on.
    Allow,
    /// It may not.
    Block,
    /// It may, with this body.
    Changed(Vec<u8>),
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split_ascii_whitespace()
}

/// The first line and the fields of a section.
fn head(section: &[u8]) -> Result<(&str, Fields), Failure> {
    let text = std::str::from_utf8(section).map_err(|_| Failure::Answer)?;
    let mut lines = text.split("\r\n");
    let first = lines.next().filter(|line| !line.is_empty()).ok_or(Failure::Answer)?;
    let mut fields = Fields::new();
    for line in lines.take_while(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').ok_or(Failure::Answer)?;
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(token) || fields.len() >= FIELD_LIMIT {
            return Err(Failure::Answer);
        }
        fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    Ok((first, fields))
}

/// Reads one answer, in any chunking.
#[derive(Debug)]
pub struct Reader {
    state: State,
    /// What came and is not read yet.
    buffer: Vec<u8>,
    /// How much of it has been looked at.
    looked: usize,
    answer: Answer,
    limit: usize,
}

/// Where in an answer the next byte stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Head,
    /// The sections of the message that it holds.
    Sections(Sections),
    ChunkSize,
    /// So many bytes of a chunk are still to come.
    Chunk(usize),
    ChunkEnd,
    Trailers(usize),
    Done,
}

/// Where the parts of an encapsulated message are (section 4.4.1).
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
struct Sections {
    request: Option<usize>,
    response: Option<usize>,
    /// Where the sections end.
    end: usize,
    has_body: bool,
}

impl Reader {
    /// At the beginning of an answer, whose body may have this many bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { state: State::Head, buffer: Vec::new(), looked: 0, answer: Answer::default(), limit }
    }

    /// Takes what came; the answer, once it is whole. Bytes behind it are a fault: nothing was asked.
    ///
    /// # Errors
    /// It is none, or too large.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Option<Answer>, Failure> {
        self.buffer.extend_from_slice(bytes);
        while self.step()? {}
        if self.state != State::Done {
            return Ok(None);
        }
        if !self.buffer.is_empty() {
            return Err(Failure::Answer);
        }
        self.state = State::Head;
        Ok(Some(std::mem::take(&mut self.answer)))
    }

    /// Whether anything of an answer has come.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.state != State::Head || !self.buffer.is_empty()
    }

    /// Reads one part, if it is all there.
    fn step(&mut self) -> Result<bool, Failure> {
        match self.state {
            State::Head => {
                let Some(section) = self.section()? else { return Ok(false) };
                self.state = self.begin(&section)?;
            }
            State::Sections(sections) => {
                if self.buffer.len() < sections.end {
                    return Ok(false);
                }
                self.cut(sections)?;
                self.state = if sections.has_body { State::ChunkSize } else { State::Done };
            }
            State::ChunkSize => {
                let Some(line) = self.line()? else { return Ok(false) };
                let size = chunk_size(&line)?;
                if let Some(from) = original(&line)? {
                    // Said of the end, once.
                    let last = size == 0 && self.answer.original.replace(from).is_none();
                    last.then_some(()).ok_or(Failure::Answer)?;
                }
                let body = self.answer.body.get_or_insert_default();
                if body.len().saturating_add(size) > self.limit {
                    return Err(Failure::Answer);
                }
                self.state = if size == 0 { State::Trailers(0) } else { State::Chunk(size) };
            }
            State::Chunk(left) => {
                if self.buffer.is_empty() {
                    return Ok(false);
                }
                let taken = left.min(self.buffer.len());
                self.answer.body.get_or_insert_default().extend(self.buffer.drain(..taken));
                self.state = if taken == left { State::ChunkEnd } else { State::Chunk(left - taken) };
            }
            State::ChunkEnd => {
                let Some(line) = self.line()? else { return Ok(false) };
                if !line.is_empty() {
                    return Err(Failure::Answer);
                }
                self.state = State::ChunkSize;
            }
            State::Trailers(count) => {
                let Some(line) = self.line()? else { return Ok(false) };
                self.state = match line.is_empty() {
                    true => State::Done,
                    false if count < FIELD_LIMIT => State::Trailers(count + 1),
                    false => return Err(Failure::Answer),
                };
            }
            State::Done => return Ok(false),
        }
        Ok(true)
    }

    /// A section up to its empty line, once that has come.
    fn section(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        let from = self.looked.saturating_sub(3);
        let end = self.buffer.get(from..).and_then(|rest| memchr::memmem::find(rest, b"\r\n\r\n"));
        let Some(end) = end.map(|at| from + at + 4) else {
            self.looked = self.buffer.len();
            return if self.buffer.len() > HEAD_LIMIT { Err(Failure::Answer) } else { Ok(None) };
        };
        self.looked = 0;
        if end > HEAD_LIMIT {
            return Err(Failure::Answer);
        }
        Ok(Some(self.buffer.drain(..end).collect()))
    }

    /// A line without its end, once that has come.
    fn line(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        let Some(end) = memchr::memchr(b'\n', &self.buffer) else {
            return if self.buffer.len() > LINE_LIMIT { Err(Failure::Answer) } else { Ok(None) };
        };
        if end > LINE_LIMIT {
            return Err(Failure::Answer);
        }
        let mut line: Vec<u8> = self.buffer.drain(..=end).collect();
        line.pop();
        if line.pop() != Some(b'\r') {
            return Err(Failure::Answer);
        }
        Ok(Some(line))
    }

    /// The status line and the fields.
    fn begin(&mut self, section: &[u8]) -> Result<State, Failure> {
        let (line, fields) = head(section)?;
        let mut parts = words(line);
        let version = parts.next().unwrap_or_default();
        let status = parts.next().filter(|code| code.len() == 3).and_then(|code| code.parse::<u16>().ok());
        let status = status.filter(|_| version.starts_with("ICAP/1.")).ok_or(Failure::Answer)?;
        self.answer = Answer { status, fields, ..Answer::default() };
        let mut told = self.answer.fields.iter().filter(|(name, _)| name == "encapsulated");
        let sections = match (told.next(), told.next()) {
            (None, _) if matches!(status, 200 | 206) => Sections::default(),
            // What ends a question without a message needs not say so.
            (None, _) => return Ok(State::Done),
            (Some((_, value)), None) => sections(value)?,
            (Some(_), Some(_)) => return Err(Failure::Answer),
        };
        Ok(State::Sections(sections))
    }

    /// Takes the sections of the encapsulated message out of what came.
    fn cut(&mut self, sections: Sections) -> Result<(), Failure> {
        let mut all: Vec<u8> = self.buffer.drain(..sections.end).collect();
        let mut part = |from: Option<usize>| {
            let section = from.map(|from| all.split_off(from.min(all.len())))?;
            Some(section)
        };
        // The later one first.
        self.answer.response = part(sections.response);
        self.answer.request = part(sections.request);
        let good = |section: &Option<Vec<u8>>| section.as_ref().is_none_or(|section| section.ends_with(b"\r\n\r\n"));
        if good(&self.answer.response) && good(&self.answer.request) { Ok(()) } else { Err(Failure::Answer) }
    }
}

/// From where on the original body follows, by a chunk's extension (draft-icap-ext-partial-content-07 section 5.2).
fn original(line: &[u8]) -> Result<Option<usize>, Failure> {
    let mut found = None;
    for extension in line.split(|byte| *byte == b';').skip(1) {
        let mut parts = extension.splitn(2, |byte| *byte == b'=').map(<[u8]>::trim_ascii);
        if !parts.next().is_some_and(|name| name.eq_ignore_ascii_case(b"use-original-body")) {
            continue;
        }
        let digits = parts.next().and_then(|value| std::str::from_utf8(value).ok());
        let digits = digits.filter(|text| text.len() <= 10 && text.bytes().all(|byte| byte.is_ascii_digit()));
        let from = digits.and_then(|text| text.parse::<usize>().ok()).ok_or(Failure::Answer)?;
        if found.replace(from).is_some() {
            return Err(Failure::Answer);
        }
    }
    Ok(found)
}

/// The hexadecimal length at the beginning of a chunk's line.
fn chunk_size(line: &[u8]) -> Result<usize, Failure> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    let text = std::str::from_utf8(digits).ok().filter(|text| (1..=8).contains(&text.len()));
    let text = text.filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()));
    text.and_then(|text| usize::from_str_radix(text, 16).ok()).ok_or(Failure::Answer)
}

/// Reads `Encapsulated`: names with rising offsets, the first of which is 0, and one body at the end.
fn sections(value: &str) -> Result<Sections, Failure> {
    let mut sections = Sections::default();
    let (mut last, mut ended, mut first) = (0, false, true);
    for part in value.split(',') {
        let (name, offset) = part.trim().split_once('=').ok_or(Failure::Answer)?;
        let digits = offset.trim();
        if ended || digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Failure::Answer);
        }
        let offset: usize = digits.parse().map_err(|_| Failure::Answer)?;
        if offset > HEAD_LIMIT || if first { offset != 0 } else { offset <= last } {
            return Err(Failure::Answer);
        }
        match name.trim().to_ascii_lowercase().as_str() {
            "req-hdr" if sections.request.is_none() && sections.response.is_none() => sections.request = Some(offset),
            "res-hdr" if sections.response.is_none() => sections.response = Some(offset),
            "req-body" | "res-body" | "opt-body" => (sections.has_body, sections.end, ended) = (true, offset, true),
            "null-body" => (sections.end, ended) = (offset, true),
            _ => return Err(Failure::Answer),
        }
        (last, first) = (offset, false);
    }
    if ended { Ok(sections) } else { Err(Failure::Answer) }
}

#[cfg(test)]
mod tests;
