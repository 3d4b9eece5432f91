//! What a body says it is: Content-Type and Content-Encoding read into values.
//!
//! Enters: header values as they came, hostile ones included. Leaves: a [`MediaType`] (RFC 9110 section 8.3), read as
//! leniently as its readers do, or one that says that it cannot be read, and the list of [`ContentCoding`]s (RFC 9110 section 8.4) in the order in which
//! they were applied. Nothing here decides what happens to a body: the header is one opinion, its first bytes another.

#[cfg(test)]
mod tests;

use std::fmt;

use super::charset::Named;
use super::{BodyError, BodyErrorKind};

/// Header values longer than this are not parsed: a sender's own limit is far below.
const MAX_VALUE: usize = 4096;
/// Parameters above this number make a value invalid.
const MAX_PARAMETERS: usize = 32;

/// A media type with its parameters (RFC 9110 section 8.3.1); type, subtype and parameter names in lower case.
#[derive(Clone, PartialEq, Eq)]
pub struct MediaType {
    kind: String,
    subtype: String,
    parameters: Vec<Parameter>,
}

/// What a parameter says; nothing where it has no value.
#[derive(Clone, PartialEq, Eq)]
struct Parameter {
    name: String,
    value: String,
    /// Every reader ends the value where this one does.
    clear: bool,
}

impl Parameter {
    /// Whether it is `name`, or that in the spelling of RFC 2231 (`name*`, `name*0`).
    fn is(&self, name: &str) -> bool {
        self.name.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('*'))
    }

    /// The character set that it says, if it is one.
    fn charset(&self) -> Named {
        match self.name.as_str() {
            "charset" if self.clear => Named::by_label(&self.value),
            "charset*" if self.clear => Named::by_label(&String::from_utf8_lossy(&spelled_out(self.value.as_bytes()))),
            _ => Named::Unknown,
        }
    }
}

/// Media types by their names: `image/png`, all of a type (`image/*`), or all (`*/*`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MediaRange {
    kind: Option<String>,
    subtype: Option<String>,
}

impl MediaRange {
    /// Every type, and what names none.
    #[must_use]
    pub fn all() -> Self {
        Self { kind: None, subtype: None }
    }

    /// Reads a range (RFC 9110 section 12.5.1, without parameters); `None` where it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, subtype) = text.split_once('/')?;
        let name = |name: &str| (name != "*").then(|| name.to_ascii_lowercase());
        let good =
            |name: &str| name == "*" || !name.is_empty() && name.bytes().all(|byte| is_tchar(byte) && byte != b'*');
        let fits = good(kind) && good(subtype) && (kind != "*" || subtype == "*");
        fits.then(|| Self { kind: name(kind), subtype: name(subtype) })
    }

    /// Whether this type is meant by its own name, and not with all others of a kind.
    #[must_use]
    pub fn names(&self, media_type: &MediaType) -> bool {
        self.kind.is_some() && self.subtype.is_some() && self.holds(Some(media_type))
    }

    /// Whether a body of this type is meant. One that names no type is only where every type is.
    #[must_use]
    pub fn holds(&self, media_type: Option<&MediaType>) -> bool {
        let fits =
            |wanted: &Option<String>, name: Option<&str>| wanted.as_deref().is_none_or(|wanted| name == Some(wanted));
        fits(&self.kind, media_type.map(MediaType::kind)) && fits(&self.subtype, media_type.map(MediaType::subtype))
    }
}

/// What a media type promises about the bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Promise {
    /// One JSON text.
    Json,
    /// JSON texts, one a line.
    JsonLines,
    /// Server-sent events.
    EventStream,
    /// Text in lines.
    Text,
    /// Parts with heads of their own.
    Parts,
    /// Nothing that helps: none, `application/octet-stream`, or a type not known here.
    Nothing,
    /// Bytes that are not text.
    Binary,
    /// Something that cannot be read.
    Unreadable,
}

/// What form a text has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shape {
    /// None that counts.
    Plain,
    /// Records of cells, with this between them where the type tells.
    Table {
        /// What stands between cells.
        delimiter: Option<u8>,
    },
    /// Fields in their URL encoding.
    Form,
    /// XML, or HTML.
    Markup {
        /// HTML.
        html: bool,
    },
    /// YAML.
    Yaml,
}

impl MediaType {
    /// Reads the value of a Content-Type header as leniently as its readers do: blanks around `=`, parameters without a
    /// value. `None` where it is empty, and where readers would not agree on what it says.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let is_control = |byte: &u8| byte.is_ascii_control() && *byte != b'\t';
        if value.len() > MAX_VALUE || value.iter().any(is_control) {
            return None;
        }
        let mut rest = Cursor { rest: value };
        rest.skip_blanks();
        let kind = rest.token()?;
        rest.take(b'/')?;
        let subtype = rest.token()?;
        let mut parameters = Vec::new();
        loop {
            rest.skip_blanks();
            if rest.rest.is_empty() {
                return Some(Self { kind: lower(kind), subtype: lower(subtype), parameters });
            }
            rest.take(b';')?;
            let parameter = rest.parameter()?;
            if parameter.name.is_empty() {
                continue;
            }
            if parameters.len() == MAX_PARAMETERS {
                return None;
            }
            parameters.push(parameter);
        }
    }

    /// What the value of a Content-Type header says of a body; `None` where it says nothing, as one word that is no type does.
    /// What cannot be read is no type that is missing: see [`MediaType::is_readable`]. A type that stands there several
    /// times, as where two header lines were joined, is the type.
    #[must_use]
    pub fn of(value: &[u8]) -> Option<Self> {
        let value = value.trim_ascii();
        // What has parts is not read by its first bytes.
        if value.iter().all(|byte| is_tchar(*byte)) && !value.eq_ignore_ascii_case(b"multipart") {
            return None;
        }
        let unreadable = || Self { kind: String::new(), subtype: String::new(), parameters: Vec::new() };
        Some(Self::repeated(value).or_else(|| Self::parse(value)).unwrap_or_else(unreadable))
    }

    /// The type that a list has in each of its places, where a reader of any of them reads the same body: the same
    /// parameters, or UTF-8 said in some of them.
    fn repeated(value: &[u8]) -> Option<Self> {
        if value.len() > MAX_VALUE || value.contains(&b'"') || !value.contains(&b',') {
            return None;
        }
        let says_nothing = |said: &Self| match said.parameters.as_slice() {
            [] => true,
            [only] => only.name == "charset" && only.charset() == Named::Utf8,
            _ => false,
        };
        let mut places = value.split(|byte| *byte == b',').map(Self::parse);
        let first = places.next()??;
        let is_first = |said: Self| {
            said == first
                || (&said.kind, &said.subtype) == (&first.kind, &first.subtype)
                    && says_nothing(&said)
                    && says_nothing(&first)
        };
        places.all(|said| said.is_some_and(is_first)).then_some(first)
    }

    /// Whether it could be read. One that could not is of no type and no subtype.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        !self.kind.is_empty()
    }

    /// The type: `text` of `text/plain`.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The subtype: `plain` of `text/plain`.
    #[must_use]
    pub fn subtype(&self) -> &str {
        &self.subtype
    }

    /// The first parameter of this name, which is given in lower case.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|known| known.name == name).map(|known| known.value.as_str())
    }

    /// Whether readers may take different values for one parameter: it stands there twice and not the same, it has no
    /// quotes that would say where it ends, or it is in the spelling of RFC 2231 (`name*`, `name*0`), which not all of
    /// them know.
    pub(super) fn is_ambiguous(&self, name: &str) -> bool {
        let first = self.parameter(name);
        let differs = |said: &Parameter| said.name != name || !said.clear || Some(said.value.as_str()) != first;
        self.parameters.iter().any(|said| said.is(name) && differs(said))
    }

    /// The character set as written.
    #[must_use]
    pub fn charset(&self) -> Option<&str> {
        self.parameter("charset")
    }

    /// What is said of the character set. Two that differ are none that is known.
    pub(super) fn named_charset(&self) -> Named {
        let said = self.parameters.iter().filter(|said| said.is("charset") && !said.value.is_empty());
        let mut named = said.map(Parameter::charset);
        let first = named.next().unwrap_or(Named::Nothing);
        if named.all(|other| other == first) { first } else { Named::Unknown }
    }

    /// As [`MediaType::named_charset`], also by a name with underscores where its own has hyphens (`utf_16le`).
    pub(super) fn loosely_named_charset(&self) -> Named {
        let loosely = || Named::by_label(&self.charset().unwrap_or_default().replace('_', "-"));
        match self.named_charset() {
            Named::Unknown if !self.is_ambiguous("charset") => loosely(),
            named => named,
        }
    }

    /// Whether its parameters say nothing beyond a character set that is known and that base64 follows.
    pub(super) fn says_only_a_charset(&self) -> bool {
        let good = |said: &Parameter| match said.name.as_str() {
            "charset" => self.loosely_named_charset() != Named::Unknown,
            "base64" => said.value.is_empty(),
            _ => false,
        };
        self.parameters.iter().all(good)
    }

    /// Whether it is JSON: `application/json`, `text/json`, `…+json`.
    #[must_use]
    pub fn is_json(&self) -> bool {
        matches!((self.kind(), self.subtype()), ("application", "json" | "x-json") | ("text", "json" | "x-json"))
            || self.suffix() == Some("json") && self.subtype() != "stream+json"
    }

    /// Whether it is JSON texts one a line: `application/x-ndjson` and its other names.
    #[must_use]
    pub fn is_json_lines(&self) -> bool {
        fn known(name: &str) -> bool {
            matches!(
                name,
                "stream+json"
                    | "ndjson"
                    | "x-ndjson"
                    | "jsonl"
                    | "x-jsonl"
                    | "jsonlines"
                    | "x-jsonlines"
                    | "json-lines"
                    | "json-l"
            )
        }
        matches!(self.kind(), "application" | "text") && known(self.subtype()) || self.suffix().is_some_and(known)
    }

    /// Whether it is records of Kafka's REST proxy with keys and values in base64, in its version 1 or 2.
    pub(crate) fn is_kafka_binary(&self) -> bool {
        self.kind() == "application"
            && matches!(self.subtype(), "vnd.kafka.binary.v1+json" | "vnd.kafka.binary.v2+json")
    }

    /// Whether it is `text/event-stream`.
    #[must_use]
    pub fn is_event_stream(&self) -> bool {
        self.kind() == "text" && self.subtype() == "event-stream"
    }

    /// Whether it is an event stream as AWS frames it.
    #[must_use]
    pub fn is_aws_event_stream(&self) -> bool {
        self.kind() == "application" && self.subtype() == "vnd.amazon.eventstream"
    }

    /// Whether it is text for people and nothing more: `text/plain`, `text/markdown`.
    #[must_use]
    pub fn is_plain_text(&self) -> bool {
        self.kind() == "text" && matches!(self.subtype(), "plain" | "markdown")
    }

    /// Whether it is text: `text/*`, XML, YAML, CSV, scripts, and forms in their URL encoding.
    #[must_use]
    pub fn is_text(&self) -> bool {
        if self.kind() == "text" || matches!(self.suffix(), Some("xml" | "yaml")) {
            return true;
        }
        self.kind() == "application"
            && matches!(
                self.subtype(),
                "xml"
                    | "xml-dtd"
                    | "yaml"
                    | "x-yaml"
                    | "vnd.yaml"
                    | "csv"
                    | "toml"
                    | "javascript"
                    | "x-javascript"
                    | "ecmascript"
                    | "graphql"
                    | "sql"
                    | "x-sh"
                    | "x-www-form-urlencoded"
            )
    }

    /// What form the text has.
    pub(crate) fn shape(&self) -> Shape {
        match (self.kind(), self.subtype()) {
            ("text" | "application", "csv" | "x-csv" | "comma-separated-values" | "x-comma-separated-values") => {
                Shape::Table { delimiter: None }
            }
            ("text" | "application", "tab-separated-values" | "tsv") => Shape::Table { delimiter: Some(b'\t') },
            ("application", "x-www-form-urlencoded") => Shape::Form,
            ("text", "html") => Shape::Markup { html: true },
            ("text" | "application", "xml" | "xml-dtd") => Shape::Markup { html: false },
            _ if self.suffix() == Some("xml") => Shape::Markup { html: false },
            ("text" | "application", "yaml" | "x-yaml" | "vnd.yaml") => Shape::Yaml,
            _ if self.suffix() == Some("yaml") => Shape::Yaml,
            _ => Shape::Plain,
        }
    }

    /// What the type promises about the bytes.
    pub(crate) fn promise(&self) -> Promise {
        if !self.is_readable() {
            Promise::Unreadable
        } else if self.is_json() {
            Promise::Json
        } else if self.is_json_lines() {
            Promise::JsonLines
        } else if self.is_event_stream() {
            Promise::EventStream
        } else if self.kind() == "multipart" {
            Promise::Parts
        } else if self.is_text() {
            Promise::Text
        } else if self.is_binary() {
            Promise::Binary
        } else {
            Promise::Nothing
        }
    }

    /// Whether it is the description of a session (RFC 8866), of a call beside this connection.
    pub(crate) fn is_sdp(&self) -> bool {
        self.kind() == "application" && self.subtype() == "sdp"
    }

    /// Whether it is protobuf without a frame: `application/x-protobuf` and its other names.
    pub(crate) fn is_protobuf(&self) -> bool {
        self.kind() == "application" && matches!(self.subtype(), "protobuf" | "x-protobuf" | "vnd.google.protobuf")
    }

    /// Whether it is gRPC, or gRPC-Web, with messages in protobuf.
    pub(crate) fn is_grpc(&self) -> bool {
        self.kind() == "application" && matches!(self.subtype(), "grpc" | "grpc+proto") || self.grpc_web().is_some()
    }

    /// Whether gRPC-Web with messages in protobuf is in base64; nothing for what is none.
    pub(crate) fn grpc_web(&self) -> Option<bool> {
        match (self.kind(), self.subtype()) {
            ("application", "grpc-web" | "grpc-web+proto") => Some(false),
            ("application", "grpc-web-text" | "grpc-web-text+proto") => Some(true),
            _ => None,
        }
    }

    /// Whether its sender speaks gRPC, whatever its messages are in.
    pub(crate) fn speaks_grpc(&self) -> bool {
        self.kind() == "application" && (self.subtype() == "grpc" || self.subtype().starts_with("grpc+"))
    }

    /// Types whose bytes may look like text at the start and are none.
    fn is_binary(&self) -> bool {
        const SUBTYPES: [&str; 20] = [
            "avro",
            "cbor",
            "gzip",
            "grpc",
            "json-seq",
            "msgpack",
            "pdf",
            "protobuf",
            "vnd.apache.parquet",
            "vnd.google.protobuf",
            "vnd.kafka.binary.v2",
            "wasm",
            "x-avro",
            "x-gzip",
            "x-msgpack",
            "x-protobuf",
            "x-tar",
            "x-zip-compressed",
            "zip",
            "zstd",
        ];
        match self.kind() {
            "image" | "audio" | "video" | "font" | "model" => true,
            "application" => {
                SUBTYPES.contains(&self.subtype())
                    || self.subtype().starts_with("grpc")
                    || self.subtype().starts_with("vnd.openxmlformats")
                    || matches!(self.suffix(), Some("cbor" | "der" | "gzip" | "msgpack" | "proto" | "zip"))
            }
            _ => false,
        }
    }

    /// The structured syntax suffix (RFC 6838 section 4.2.8).
    fn suffix(&self) -> Option<&str> {
        self.subtype.rsplit_once('+').map(|(_, suffix)| suffix)
    }
}

impl fmt::Debug for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MediaType({}/{}, {} parameters)", self.kind, self.subtype, self.parameters.len())
    }
}

fn lower(token: &[u8]) -> String {
    token.iter().map(|byte| char::from(byte.to_ascii_lowercase())).collect()
}

/// What is left of a header value.
struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn skip_blanks(&mut self) {
        let blanks = self.rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        self.advance(blanks);
    }

    fn advance(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at_checked(count).unwrap_or((self.rest, &[]));
        self.rest = rest;
        taken
    }

    fn take(&mut self, wanted: u8) -> Option<()> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        (*first == wanted).then_some(())
    }

    /// A token (RFC 9110 section 5.6.2).
    fn token(&mut self) -> Option<&'a [u8]> {
        let length = self.rest.iter().take_while(|byte| is_tchar(**byte)).count();
        (length > 0).then(|| self.advance(length))
    }

    /// A parameter, which may lack its value; `None` where readers that know quotes and readers that do not would see other
    /// parameters.
    fn parameter(&mut self) -> Option<Parameter> {
        let name = self.until(|byte| matches!(byte, b'=' | b';'));
        if name.contains(&b'"') {
            return None;
        }
        let name = lower(name.trim_ascii());
        if self.rest.first() != Some(&b'=') {
            return Some(Parameter { name, value: String::new(), clear: true });
        }
        self.advance(1);
        self.skip_blanks();
        let quoted = self.quoted()?;
        let bare = self.until(|byte| byte == b';').trim_ascii();
        if bare.contains(&b'"') {
            return None;
        }
        let (value, clear) = match quoted {
            Some(value) => (value, bare.is_empty()),
            None => (bare.iter().map(|byte| char::from(*byte)).collect(), bare.iter().all(|byte| is_bare(*byte))),
        };
        Some(Parameter { name, value, clear })
    }

    fn until(&mut self, ends: impl Fn(u8) -> bool) -> &'a [u8] {
        let length = self.rest.iter().take_while(|byte| !ends(**byte)).count();
        self.advance(length)
    }

    /// A quoted string (RFC 9110 section 5.6.4), if one stands here; `None` where it has no end.
    fn quoted(&mut self) -> Option<Option<String>> {
        if self.rest.first() != Some(&b'"') {
            return Some(None);
        }
        self.advance(1);
        let mut value = String::new();
        loop {
            let byte = match *self.advance(1).first()? {
                b'"' => return Some(Some(value)),
                b'\\' => *self.advance(1).first()?,
                other => other,
            };
            value.push(char::from(byte));
        }
    }
}

fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Whether readers that take a value without quotes take this in it, though it may be of no token. Some end theirs at a
/// comma, a blank or a comment.
fn is_bare(byte: u8) -> bool {
    is_tchar(byte) || b"/:<=>?@[]{}".contains(&byte)
}

/// A value in the spelling of RFC 2231 (section 4) without its percent signs, and without the set and the language that
/// stand before it.
pub(super) fn spelled_out(value: &[u8]) -> Vec<u8> {
    let mut value = value;
    if value.iter().filter(|byte| **byte == b'\'').count() > 1 {
        value = value.splitn(3, |byte| *byte == b'\'').nth(2).unwrap_or_default();
    }
    let mut out = Vec::new();
    while let Some((first, rest)) = value.split_first() {
        let digit = |at: usize| rest.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high << 4 | low) as u8);
                value = rest.get(2..).unwrap_or_default();
            }
            _ => {
                out.push(*first);
                value = rest;
            }
        }
    }
    out
}

/// A content coding that can be opened and made again (RFC 9110 section 8.4.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ContentCoding {
    /// `gzip` and `x-gzip` (RFC 1952).
    Gzip,
    /// `deflate`: zlib (RFC 1950), or the bare deflate (RFC 1951) that some senders mean by it.
    Deflate,
    /// `br` (RFC 7932).
    Brotli,
    /// `zstd` (RFC 8878, RFC 9659).
    Zstd,
    /// `snappy`: one block of it, which only the bodies that are made so are opened in (Loki, Prometheus).
    Snappy,
    /// `identity`: no coding.
    Identity,
}

impl ContentCoding {
    /// The coding of this name, in any case.
    #[must_use]
    pub fn by_name(name: &[u8]) -> Option<Self> {
        const NAMES: [(&[u8], ContentCoding); 7] = [
            (b"gzip", ContentCoding::Gzip),
            (b"x-gzip", ContentCoding::Gzip),
            (b"deflate", ContentCoding::Deflate),
            (b"br", ContentCoding::Brotli),
            (b"zstd", ContentCoding::Zstd),
            (b"snappy", ContentCoding::Snappy),
            (b"identity", ContentCoding::Identity),
        ];
        NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, coding)| *coding)
    }

    /// The registered name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Snappy => "snappy",
            Self::Identity => "identity",
        }
    }
}

/// Reads every Content-Encoding value of a message, at most `layers` codings, in the order in which they were applied.
/// `identity` stands for nothing and is left out.
///
/// # Errors
/// [`BodyErrorKind::CodingUnsupported`] for a coding that is not known, and for more than `layers` of them.
pub fn parse_content_encoding<'a>(
    values: impl Iterator<Item = &'a [u8]>,
    layers: usize,
) -> Result<Vec<ContentCoding>, BodyError> {
    let mut codings = Vec::new();
    for name in values.flat_map(|value| value.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii) {
        if name.is_empty() {
            continue;
        }
        match ContentCoding::by_name(name).ok_or(BodyErrorKind::CodingUnsupported)? {
            ContentCoding::Identity => {}
            _ if codings.len() >= layers => return Err(BodyErrorKind::CodingUnsupported.into()),
            coding => codings.push(coding),
        }
    }
    Ok(codings)
}
