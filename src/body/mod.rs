//! The formats around the text: what enters are the bytes of an HTTP body, what leaves are the bytes that may be sent.
//!
//! Sans-I/O. A [`BodyInspector`] is a chain: content decoding, the character set, one [`Transform`] by media type and dialect, content
//! encoding as it came. Nothing is buffered that can be streamed; every buffer has a bound in [`BodyLimits`].

pub(crate) mod base64;
pub mod batch;
mod charset;
mod coding;
mod csv;
mod dialect;
mod eventstream;
mod form;
mod inspection;
mod inspector;
mod instruct;
pub mod json;
mod lines;
pub mod llm;
mod markup;
pub(crate) mod mcp;
pub mod media;
mod protobuf;
mod restore;
pub mod retention;
mod rows;
mod scopes;
mod series;
mod shadow;
pub mod sse;
pub mod syslog;
mod text;
mod typed;
mod usage;
pub mod websocket;
mod yaml;

use std::fmt;
use std::sync::Arc;

pub(crate) use coding::Decoding;
pub use dialect::Beside;
pub use inspection::{FINGERPRINTS, Inspection};
pub(crate) use inspector::HeadField;
pub use inspector::{BodyInspector, BodySpec};
pub use instruct::{SENTENCE as TOKEN_INSTRUCTION, instruct};
pub use media::{ContentCoding, MediaRange, MediaType, parse_content_encoding};

pub use restore::Restore;
pub use shadow::PAIRS as SHADOW_PAIRS;
pub use usage::{Meter, Usage, estimate};

use crate::engine::{Action, ActionTable, Layer, Overlay, RuleId, RuleSet, TokenMap, ToolRules};

/// The most bytes that a buffer keeps for what comes next.
const KEPT: usize = 64 << 10;

/// Empties a buffer; one that has grown large is given back, so that a stream which waits holds nothing of what has left.
fn empty<T>(buffer: &mut Vec<T>) {
    if is_large(buffer) {
        *buffer = Vec::new();
    } else {
        buffer.clear();
    }
}

fn is_large<T>(buffer: &Vec<T>) -> bool {
    buffer.capacity().saturating_mul(size_of::<T>()) > KEPT
}

/// Which way a body goes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Direction {
    /// Client to upstream.
    Request,
    /// Upstream to client.
    Response,
}

impl Direction {
    /// The way back.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Request => Self::Response,
            Self::Response => Self::Request,
        }
    }

    /// The name in files and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Response => "response",
        }
    }
}

/// The protocol that a body speaks, if any that counts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Dialect {
    /// None: every string is scanned by itself.
    Plain,
    /// OpenAI chat completions and what is compatible with it.
    OpenAi,
    /// Anthropic Messages.
    Anthropic,
    /// Google Gemini, of the Gemini API and of Vertex AI.
    Gemini,
    /// Cohere.
    Cohere,
    /// Ollama.
    Ollama,
    /// AWS Bedrock's runtime: Converse, and the bodies of the models that it invokes.
    Bedrock,
    /// The Model Context Protocol over HTTP.
    Mcp,
    /// OpenTelemetry's OTLP; without a signal where the path tells none, and then nothing in protobuf is read.
    Otlp(Option<Signal>),
    /// Loki's push API.
    Loki,
    /// Prometheus remote write.
    RemoteWrite,
}

/// What OTLP carries.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Signal {
    /// Log records.
    Logs,
    /// Spans.
    Traces,
    /// Metrics.
    Metrics,
    /// Profiles, as `v1development` has them.
    Profiles,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::OpenAi,
        Self::Anthropic,
        Self::Gemini,
        Self::Cohere,
        Self::Ollama,
        Self::Bedrock,
        Self::Mcp,
        Self::Otlp(None),
        Self::Loki,
        Self::RemoteWrite,
        Self::Plain,
    ];

    /// The name in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Cohere => "cohere",
            Self::Ollama => "ollama",
            Self::Bedrock => "bedrock",
            Self::Mcp => "mcp",
            Self::Otlp(_) => "otlp",
            Self::Loki => "loki",
            Self::RemoteWrite => "remote-write",
        }
    }
}

/// A stage that bytes stream through.
pub trait Transform {
    /// Takes bytes, appends what may leave to `out`.
    ///
    /// # Errors
    /// What may not pass. After an error the stage must not be used again; what is in `out` may be sent, nothing else.
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError>;

    /// Ends the body: decides what was held and appends it.
    ///
    /// # Errors
    /// As [`Transform::push`], and where the body ended too early.
    fn finish(&mut self, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError>;
}

/// Which actions hold where in a body, all of one rule set.
#[derive(Clone, Debug)]
pub struct Scopes {
    /// The rules.
    pub rules: Arc<RuleSet>,
    /// Actions where no path says otherwise.
    pub actions: Arc<ActionTable>,
    /// Actions by JSON path, most specific first.
    pub paths: Vec<(JsonPath, Arc<ActionTable>)>,
    /// Which tools may be called: by a model in its answers, by a client of MCP in its requests.
    pub tools: Option<Arc<ToolRules>>,
    /// Where values are given back; none: nowhere.
    pub restore: Option<Arc<Restore>>,
}

impl Scopes {
    /// Whether any rule blocks anywhere in a body.
    #[must_use]
    pub fn blocks(&self) -> bool {
        self.actions.blocks() || self.paths.iter().any(|(_, actions)| actions.blocks())
    }

    /// Whether a body may be refused for what it says.
    #[must_use]
    pub fn may_refuse(&self) -> bool {
        self.blocks() || self.tools.is_some()
    }

    /// Whether any rule holds the exchange for a person.
    #[must_use]
    pub fn quarantines(&self) -> bool {
        self.actions.quarantines() || self.paths.iter().any(|(_, actions)| actions.quarantines())
    }

    /// Whether a call of a tool is to be held for a person, where that can be done.
    #[must_use]
    pub fn holds_calls(&self) -> bool {
        self.tools.as_ref().is_some_and(|tools| tools.says_hold())
    }

    /// The same where nobody can hold an exchange: it is blocked.
    #[must_use]
    pub fn refusing(&self) -> Self {
        let tools = self.tools.as_ref().map(|tools| Arc::new(tools.refusing()));
        Self { tools, ..self.with(|actions| actions.instead_of_quarantine(|_| Action::Block)) }
    }

    /// The same where calls of tools can be held; those that rules of these ids hold have been seen by a person.
    #[must_use]
    pub fn holding_calls(&self, passed: &[RuleId]) -> Self {
        let passed = |tools: &Arc<ToolRules>| {
            let passed = passed.iter().map(|rule| Arc::from(rule.as_str())).collect();
            Arc::new(tools.holding(passed))
        };
        Self { tools: self.tools.as_ref().map(passed), ..self.clone() }
    }

    /// The same once a person has let pass what these rules, by their index, find.
    #[must_use]
    pub fn approved(&self, rules: &[usize]) -> Self {
        let judge = |index| if rules.contains(&index) { Action::Approved } else { Action::Quarantine };
        self.with(|actions| actions.instead_of_quarantine(judge))
    }

    /// The same for bodies of which a record can be kept back by itself.
    pub(crate) fn per_record(&self) -> Self {
        self.with(ActionTable::per_record)
    }

    /// Whether any rule tokenizes anywhere in a body.
    #[must_use]
    pub fn tokenizes(&self) -> bool {
        self.actions.tokenizes() || self.paths.iter().any(|(_, actions)| actions.tokenizes())
    }

    /// The same for one exchange and its tokens: a request's values are kept where this says so, an answer's tokens opened
    /// where `restore` says so.
    #[must_use]
    pub fn in_exchange(&self, tokens: &Arc<TokenMap>, keep: bool, restore: Option<Arc<Restore>>) -> Self {
        Self { restore, ..self.with(|actions| Arc::new(actions.in_exchange(Arc::clone(tokens), keep))) }
    }

    /// The same for what they have left of a text of this exchange ([`ActionTable::again`]).
    #[must_use]
    pub fn again(&self) -> Self {
        self.with(|actions| Arc::new(actions.again()))
    }

    /// The same for a body that another service reads or has read ([`ActionTable::overlaid`]). What was judged of it before,
    /// its calls of tools and its tokens, is not judged again unless every rule is on.
    #[must_use]
    pub fn overlaid(&self, overlay: &Overlay, layer: Layer) -> Self {
        let made = self.with(|actions| Arc::new(actions.overlaid(&self.rules, overlay.clone(), layer)));
        if layer == Layer::All { made } else { Self { tools: None, restore: None, ..made } }
    }

    /// The same with each table made into another; what was one table stays one.
    fn with(&self, make: impl Fn(&ActionTable) -> Arc<ActionTable>) -> Self {
        let mut made: Vec<(&Arc<ActionTable>, Arc<ActionTable>)> = Vec::new();
        let mut one = |table| match made.iter().find(|(known, _)| Arc::ptr_eq(known, table)) {
            Some((_, new)) => Arc::clone(new),
            None => {
                let new = make(table);
                made.push((table, Arc::clone(&new)));
                new
            }
        };
        let actions = one(&self.actions);
        let paths = self.paths.iter().map(|(path, actions)| (path.clone(), one(actions))).collect();
        let (tools, restore) = (self.tools.clone(), self.restore.clone());
        Self { rules: Arc::clone(&self.rules), actions, paths, tools, restore }
    }
}

/// A JSON path of a `[[scope]]`: `$`, `.name`, `['name']`, `[*]`, `[0]`, and `..` for any depth.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JsonPath {
    /// The steps from the root.
    pub steps: Vec<PathStep>,
    /// Another path that must cover a place too; none as it is read.
    pub also: Option<Box<JsonPath>>,
}

/// One step of a [`JsonPath`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PathStep {
    /// A member of this name.
    Key(String),
    /// An element at this place.
    Index(usize),
    /// Any member or element.
    Any,
    /// Any number of steps, none included.
    Descend,
}

/// What is changed in the JSON of a request, or of an answer, before it is looked at. In bodies that are no JSON there is nothing to change.
#[derive(Clone, Debug, Default)]
pub struct Edits {
    /// The values at these places are taken out, with their names, wherever in the body they come and whatever they hold.
    pub drop: Arc<[JsonPath]>,
    /// What the provider is to be told; the body must then be one JSON object, or it is refused.
    pub terms: Option<&'static retention::Endpoint>,
    /// What an answer is to say besides.
    pub told: Option<Arc<batch::Told>>,
    /// The name that the root's `model` is given, where it has one.
    pub model: Option<Arc<str>>,
}

/// Bounds of one body. Sizes in bytes.
#[derive(Clone, Debug)]
pub struct BodyLimits {
    /// Content codings on top of each other. 3.
    pub coding_layers: usize,
    /// Decoded bytes per encoded byte, once [`BodyLimits::expansion_free`] is passed. 100.
    pub expansion_ratio: u64,
    /// Decoded bytes before the ratio counts. 1 MiB.
    pub expansion_free: u64,
    /// Largest window of a zstd frame. 8 MiB.
    pub zstd_window: u64,
    /// Arrays and objects within each other. 256.
    pub json_depth: usize,
    /// One event of an event stream, one message of AWS's, or one record of a model's answer: pictures come in one. 16 MiB.
    pub sse_event: usize,
    /// A JSON value that must be seen whole before it can be judged, and a JSON key. 256 KiB.
    pub json_hold: usize,
    /// Multipart bodies within each other. 3.
    pub multipart_depth: usize,
    /// Parts of one multipart body. 1024.
    pub multipart_parts: usize,
    /// The head of a part. 16 KiB.
    pub multipart_head: usize,
    /// Logical texts open at once in a streamed answer (choices, tool calls, blocks). 256.
    pub logical_texts: usize,
    /// What of a body in protobuf must be seen whole: a field of the outermost message, a message in gRPC, a block of
    /// snappy and what it holds. 8 MiB.
    pub protobuf_message: usize,
    /// Messages within each other. 100, as readers of protobuf have it.
    pub protobuf_depth: usize,
    /// One record of a batch in which a rule that blocks drops its record alone. 1 MiB.
    pub record: usize,
    /// What is said of tool calls in one JSON document, and the arguments of one call, where tools are guarded. 1 MiB.
    pub tool_calls: usize,
    /// Dropped records of one batch whose places the sink's answer must tell. 10,000.
    pub dropped_records: usize,
    /// One syslog message. 64 KiB.
    pub syslog_message: usize,
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self {
            coding_layers: 3,
            expansion_ratio: 100,
            expansion_free: 1 << 20,
            zstd_window: 8 << 20,
            json_depth: 256,
            sse_event: 16 << 20,
            json_hold: 256 << 10,
            multipart_depth: 3,
            multipart_parts: 1024,
            multipart_head: 16 << 10,
            logical_texts: 256,
            protobuf_message: 8 << 20,
            protobuf_depth: 100,
            record: 1 << 20,
            tool_calls: 1 << 20,
            dropped_records: 10_000,
            syslog_message: 64 << 10,
        }
    }
}

/// Why a body may not pass.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BodyError {
    /// The reason.
    pub kind: BodyErrorKind,
}

/// The reasons of [`BodyError`]; each has a code that metrics and answers carry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BodyErrorKind {
    /// A rule with the action block matched: its index in the rule set.
    Blocked {
        /// Index into [`RuleSet::rules`].
        rule: usize,
    },
    /// A content coding that is not known, or too many of them.
    CodingUnsupported,
    /// The body does not decode as its content coding says, or goes on after its end.
    CodingInvalid,
    /// The body expands beyond the limits.
    Expansion,
    /// The media type cannot be scanned and no policy lets it pass.
    MediaType,
    /// The character set is not known or contradicts the bytes.
    Charset,
    /// Not JSON where JSON was announced.
    JsonSyntax,
    /// JSON nested deeper than the limit.
    JsonDepth,
    /// Not protobuf, or not the message that it should be.
    ProtobufSyntax,
    /// Messages nested deeper than the limit.
    ProtobufDepth,
    /// Not a message of an AWS event stream: lengths that do not agree, a sum that is wrong, headers that are none, or
    /// an event that is not the base64 that it should be. Of syslog: no count where one should be. Of a model's event
    /// stream: a line that some readers take for data and others do not.
    FrameSyntax,
    /// A value, key, event or message larger than its limit.
    TooLarge,
    /// More logical texts than the limit.
    TooManyTexts,
    /// The body ended in the middle of a value, an event or a coding.
    Truncated,
    /// Frames that do not follow RFC 6455.
    WebSocket,
    /// A tool is called that may not be.
    Tool,
    /// Token ids stand where a text would, and no policy lets them pass: nobody here can read them.
    TokenIds,
    /// The body is one part of a file that is sent in several, and no policy lets it pass: a value over the cut is in none.
    UploadPart,
    /// The body asks a provider to keep something where its route says that nothing is kept.
    Retention,
}

impl BodyErrorKind {
    /// The code in answers and metrics.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Blocked { .. } => "policy_blocked",
            Self::CodingUnsupported => "coding",
            Self::CodingInvalid => "coding_invalid",
            Self::Expansion => "inflate_limit",
            Self::MediaType => "media_type",
            Self::Charset => "charset",
            Self::JsonSyntax => "json_syntax",
            Self::JsonDepth => "json_depth",
            Self::ProtobufSyntax => "protobuf_syntax",
            Self::ProtobufDepth => "protobuf_depth",
            Self::FrameSyntax => "frame_syntax",
            Self::TooLarge => "value_size",
            Self::TooManyTexts => "texts_limit",
            Self::Truncated => "truncated",
            Self::WebSocket => "websocket",
            Self::Tool => "tool_blocked",
            Self::TokenIds => "token_ids",
            Self::UploadPart => "upload_part",
            Self::Retention => "retention",
        }
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "body refused: {}", self.kind.code())
    }
}

impl std::error::Error for BodyError {}

impl From<BodyErrorKind> for BodyError {
    fn from(kind: BodyErrorKind) -> Self {
        Self { kind }
    }
}

impl From<crate::engine::Blocked> for BodyError {
    fn from(blocked: crate::engine::Blocked) -> Self {
        BodyErrorKind::Blocked { rule: blocked.rule }.into()
    }
}
