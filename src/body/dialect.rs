//! What is special in the JSON documents of a model provider's protocol: data, not code paths.
//!
//! Enters: the place of a value in a document, and its direction. Leaves: how it is treated. Every string that no row
//! names is scanned, so a field that a provider adds tomorrow is covered today. Rows name only values that their maker
//! checks and that break when touched, copies of text that would tell what the text hides, and blocks that must go
//! whole.

use std::borrow::Cow;
use std::sync::OnceLock;

use super::json::{Brief, Counts, Form, Reason, Step};
use super::rows::{
    ANTHROPIC, ANTHROPIC_REQUEST, ANTHROPIC_RESPONSE, BATCH_REQUEST, BATCH_RESPONSE, BEDROCK, BEDROCK_REQUEST,
    BEDROCK_RESPONSE, COHERE, COHERE_REQUEST, COHERE_RESPONSE, GEMINI, GEMINI_RESPONSE, MCP, OLLAMA, OLLAMA_REQUEST,
    OLLAMA_RESPONSE, OPENAI, OPENAI_REQUEST, OPENAI_RESPONSE,
};
use super::typed::{IDS, OTLP};
use super::{Dialect, Direction, JsonPath, PathStep, Signal};

/// How a value is treated that is not simply scanned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Special {
    /// A string that is JSON by contract.
    Arguments,
    /// A string that is never read as JSON.
    Prose,
    /// A string that passes as long as it looks like its claim.
    Exempt(Form, Reason),
    /// A short string that passes if the whole of it has this form.
    Brief(Brief),
    /// A number that its reader will have as one, in a string too, or an array of them.
    Numbers,
    /// A number that may become a string: the member is called so then.
    Renamed(&'static str),
    /// Arrays of numbers below ten, or of base64; or base64.
    Vector,
    /// A message's content blocks, some of which may be signed thinking.
    Blocks,
    /// The choices of an answer, or other elements that each have a text and copies of it.
    Choices,
    /// A choice's text.
    Spoken,
    /// A copy of a choice's text, token by token: `null` where the text was changed, or is not known yet.
    Copied,
    /// The same as token ids, which a client's types may want to be an array: empty where the text was changed.
    CopiedIds,
    /// Token ids that are such a copy where a text stands before them, and else [`Special::TokenIds`].
    Spelling,
    /// A copy of a text that is not in the document: always `null`.
    Hidden,
    /// What a model's message consists of, some of it signed.
    Parts,
    /// What signs a part of a message: empty where that part was changed.
    Signed,
    /// A text that offsets count in: a choice's, or part of it.
    Cited,
    /// A number that counts in the text which was cited last.
    Offset(Counts),
    /// Arrays of token ids in place of a text: they pass where the policy says so, or always where they are what the
    /// provider itself has said of an earlier exchange.
    TokenIds { always: bool },
    /// The text of a transcript.
    Transcript,
    /// What spells a transcript's text once more, in pieces: as words, as segments, as words of segments.
    Spelled(Pieces),
}

/// How a transcript is cut once more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Pieces {
    Words,
    Segments,
    WordsOfSegments,
}
/// A place and what is special about it.
pub(super) type Row = (&'static str, Special);

/// Lists of rows of both directions, of requests, and of answers; the first row of a place counts.
type Lists = [&'static [&'static [Row]]; 3];

/// Each dialect's rows.
const ROWS: [(Dialect, Lists); 8] = [
    (Dialect::Otlp(None), [&[OTLP], &[], &[]]),
    (Dialect::Mcp, [&[MCP], &[], &[]]),
    (Dialect::OpenAi, [&[OPENAI, IDS], &[OPENAI_REQUEST, BATCH_REQUEST], &[OPENAI_RESPONSE, BATCH_RESPONSE]]),
    (Dialect::Anthropic, [&[ANTHROPIC, IDS], &[ANTHROPIC_REQUEST], &[ANTHROPIC_RESPONSE, BATCH_RESPONSE]]),
    (Dialect::Gemini, [&[GEMINI, IDS], &[], &[GEMINI_RESPONSE]]),
    (Dialect::Cohere, [&[COHERE, IDS], &[COHERE_REQUEST], &[COHERE_RESPONSE]]),
    (Dialect::Ollama, [&[OLLAMA, IDS], &[OLLAMA_REQUEST], &[OLLAMA_RESPONSE]]),
    (
        Dialect::Bedrock,
        [
            &[BEDROCK, ANTHROPIC, OPENAI, COHERE, IDS],
            &[BEDROCK_REQUEST, ANTHROPIC_REQUEST],
            &[BEDROCK_RESPONSE, ANTHROPIC_RESPONSE, OPENAI_RESPONSE, COHERE_RESPONSE],
        ],
    ),
];

/// Those of files, whatever is in them: the lines of a batch, which hold what the paths take and give that they name.
const FILES: Lists = [&[OPENAI, ANTHROPIC, GEMINI, IDS], &[BATCH_REQUEST], &[BATCH_RESPONSE, GEMINI_RESPONSE]];

/// Ends of paths where files are sent and fetched.
const FILE_PATHS: &[&str] = &["/files", "/files/*/content", "/files/*:download", "/files/*/download"];

/// Ends of paths, each with the dialect that is spoken there; the first counts. A star is any one segment.
const PATHS: [(Dialect, &[&str]); 13] = [
    (Dialect::Mcp, &["/mcp"]),
    (Dialect::Ollama, &["/api/chat", "/api/generate", "/api/embed", "/api/embeddings"]),
    (Dialect::OpenAi, &["/chat/completions", "/completions", "/embeddings", "/responses", "/images/generations"]),
    (Dialect::OpenAi, &["/audio/transcriptions", "/audio/translations", "/images/edits", "/images/variations", "/ocr"]),
    // What is stored.
    (
        Dialect::OpenAi,
        &[
            "/responses/*",
            "/responses/*/cancel",
            "/responses/*/input_items",
            "/conversations/*/items",
            "/conversations/*/items/*",
            "/chat/completions/*",
            "/chat/completions/*/messages",
            "/threads/*/messages",
            "/threads/*/messages/*",
            "/uploads",
            "/uploads/*/parts",
            "/uploads/*/complete",
        ],
    ),
    (Dialect::Bedrock, &["/guardrail/*/version/*/apply"]),
    // Servers of models: vLLM, SGLang, llama.cpp.
    (Dialect::OpenAi, &["/inference/v1/generate", "/pooling", "/completion", "/infill"]),
    (Dialect::OpenAi, LIVE_OPENAI),
    (Dialect::Gemini, LIVE_GEMINI),
    (Dialect::Anthropic, &["/messages", "/messages/count_tokens", "/messages/batches", "/messages/batches/*/results"]),
    (
        Dialect::Gemini,
        &[
            ":generateContent",
            ":streamGenerateContent",
            ":countTokens",
            ":embedContent",
            ":batchEmbedContents",
            ":batchGenerateContent",
            ":predict",
            ":predictLongRunning",
            ":fetchPredictOperation",
            "/cachedContents",
            "/upload/*/files",
        ],
    ),
    (
        Dialect::Cohere,
        &[
            "/v2/chat",
            "/v2/embed",
            "/v2/rerank",
            "/v1/chat",
            "/v1/generate",
            "/v1/embed",
            "/v1/rerank",
            "/v1/classify",
            "/v1/summarize",
            "/v1/tokenize",
            "/v1/detokenize",
        ],
    ),
    (Dialect::OpenAi, &["/tokenize", "/detokenize", "/generate", "/generate_stream"]),
];

/// Where models talk over a WebSocket connection.
const LIVE_OPENAI: &[&str] = &["/realtime", "/responses"];
const LIVE_GEMINI: &[&str] = &[".BidiGenerateContent", ".BidiGenerateContentConstrained", "/BidiGenerateContent"];

/// What may follow `/model/` and a model's name in the paths of Bedrock's runtime.
const BEDROCK_OPERATIONS: [&str; 6] = [
    "converse",
    "converse-stream",
    "invoke",
    "invoke-with-response-stream",
    "invoke-with-bidirectional-stream",
    "count-tokens",
];

/// Ends of Vertex AI's paths where a model's publisher says what is spoken.
const VERTEX: [&str; 2] = [":rawPredict", ":streamRawPredict"];

/// What a path is known for beside the dialect of its route: whose rows hold there as well.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Beside {
    /// Nothing more.
    #[default]
    Nothing,
    /// A model provider's protocol: a gateway speaks several of them.
    Dialect(Dialect),
    /// Files, which may be the lines of a batch.
    Files,
}

impl Beside {
    /// What a path tells beside what its route says.
    #[must_use]
    pub fn of(route: Option<Dialect>, path: &str) -> Self {
        match (route, Dialect::for_path(path)) {
            (Some(route), _) if !route.is_model() => Self::Nothing,
            (Some(route), of_path) if of_path.is_model() && of_path != route => Self::Dialect(of_path),
            _ => {
                let is_file = |path: &str| {
                    let path = path.trim_end_matches('/');
                    FILE_PATHS.iter().any(|end| has_end(path, end))
                };
                if is_file(&spelled_out(path, |_| true)) { Self::Files } else { Self::Nothing }
            }
        }
    }
}

/// The rows that hold for a body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tables([Option<&'static Table>; 2]);

impl Tables {
    pub(super) fn of(dialect: Dialect, beside: Beside, direction: Direction) -> Self {
        let beside = match beside {
            Beside::Nothing => None,
            Beside::Dialect(dialect) => Table::of(dialect, direction),
            Beside::Files => Some(Table::of_files(direction)),
        };
        // A path tells more of a place than a route, behind which are many.
        Self([beside, Table::of(dialect, direction)])
    }

    /// Whether nothing is special.
    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// Whether a protocol of theirs is a model's.
    pub(super) fn is_model(&self) -> bool {
        self.0.iter().flatten().any(|table| table.model)
    }

    /// Whether some member may get another name.
    pub(super) fn renames(&self) -> bool {
        self.0.iter().flatten().any(|table| table.renames)
    }

    /// As [`Table::special`]; the first table that knows the place counts.
    pub(super) fn special<'a, S>(&self, key: &[u8], steps: impl Fn() -> S) -> Option<Special>
    where
        S: Iterator<Item = Step<'a>>,
    {
        self.0.iter().flatten().find_map(|table| table.special(key, &steps))
    }
}

/// The rows of one dialect and direction, compiled.
#[derive(Debug)]
pub(super) struct Table {
    /// By the shelf of their last names; of one name in the order of the lists.
    rows: Vec<(&'static str, JsonPath, Special)>,
    /// Where the rows of each shelf begin, and where those of the last one end.
    shelves: [u16; SHELVES + 1],
    /// The protocol is a model's.
    model: bool,
    /// Some member may get another name.
    renames: bool,
}

impl Table {
    /// The rows of a dialect in a direction; `None` where nothing is special.
    pub(super) fn of(dialect: Dialect, direction: Direction) -> Option<&'static Self> {
        static TABLES: OnceLock<Vec<(Dialect, [Table; 2])>> = OnceLock::new();
        let tables = TABLES.get_or_init(|| {
            let both = |model, [both, request, response]: Lists| {
                [request, response].map(|one| Self { model, ..Self::new(&[both, one]) })
            };
            ROWS.iter().map(|(dialect, lists)| (*dialect, both(dialect.is_model(), *lists))).collect()
        });
        let dialect = if let Dialect::Otlp(_) = dialect { Dialect::Otlp(None) } else { dialect };
        let (_, [request, response]) = tables.iter().find(|(known, _)| *known == dialect)?;
        Some(match direction {
            Direction::Request => request,
            Direction::Response => response,
        })
    }

    /// The rows of files in a direction.
    fn of_files(direction: Direction) -> &'static Self {
        static TABLES: OnceLock<[Table; 2]> = OnceLock::new();
        let [both, request, response] = FILES;
        let [request, response] =
            TABLES.get_or_init(|| [request, response].map(|one| Self { model: true, ..Self::new(&[both, one]) }));
        match direction {
            Direction::Request => request,
            Direction::Response => response,
        }
    }

    fn new(lists: &[&[&[Row]]]) -> Self {
        let mut table = Self { rows: Vec::new(), shelves: [0; SHELVES + 1], model: false, renames: false };
        for (text, special) in lists.iter().copied().flatten().copied().flatten() {
            let Ok(path) = JsonPath::parse(text) else { continue };
            let Some((_, name)) = text.rsplit_once('.') else { continue };
            debug_assert!(matches!(path.steps.last(), Some(PathStep::Key(key)) if key == name), "{text}");
            table.renames |= matches!(special, Special::Renamed(_));
            table.rows.push((name, path, *special));
        }
        table.rows.sort_by_key(|(name, ..)| shelf(name.as_bytes()));
        for (number, begins) in table.shelves.iter_mut().enumerate() {
            *begins = table.rows.partition_point(|(name, ..)| shelf(name.as_bytes()) < number) as u16;
        }
        table
    }

    /// What is special about the member `key` at the place that `steps` lead to, which ends with that key.
    pub(super) fn special<'a, S>(&self, key: &[u8], steps: impl Fn() -> S) -> Option<Special>
    where
        S: Iterator<Item = Step<'a>>,
    {
        let number = shelf(key);
        let [begins, ends] = [number, number + 1].map(|at| self.shelves.get(at).copied().map_or(0, usize::from));
        let mut rows = self.rows.get(begins..ends)?.iter();
        let row = rows.find(|(name, path, _)| name.as_bytes() == key && path.walk(steps()).exact);
        row.map(|(_, _, special)| *special)
    }
}

/// Shelves of a table: about as many as it has names.
const SHELVES: usize = 128;

/// The shelf of a name.
fn shelf(name: &[u8]) -> usize {
    let [first, last] = [name.first(), name.last()].map(|byte| usize::from(byte.copied().unwrap_or_default()));
    (name.len() * 29 + first * 5 + last * 11) % SHELVES
}

impl Dialect {
    /// The dialect of a request, by what its route says and by its path.
    #[must_use]
    pub fn of(route: Option<Self>, path: &str) -> Self {
        match (route, Self::for_path(path)) {
            (None, dialect) => dialect,
            (Some(Self::Otlp(None)), dialect @ Self::Otlp(_)) => dialect,
            (Some(dialect), _) => dialect,
        }
    }

    /// Whether a path is known for a model's protocol over WebSocket: `/v1/realtime`, `/v1/responses`, Gemini's live API.
    #[must_use]
    pub fn is_live_path(path: &str) -> bool {
        let path = path.trim_end_matches('/');
        LIVE_OPENAI.iter().chain(LIVE_GEMINI).any(|end| path.ends_with(end))
    }

    /// Whether files are sent to a path in parts, each a request of its own.
    #[must_use]
    pub fn takes_parts(path: &str) -> bool {
        let path = spelled_out(path, |_| true);
        has_end(path.trim_end_matches('/'), "/uploads/*/parts")
    }

    /// Whether it is a model provider's protocol.
    #[must_use]
    pub fn is_model(self) -> bool {
        self.of_model() != Self::Plain
    }

    /// The model provider's protocol; [`Dialect::Plain`] where it is none.
    pub(super) fn of_model(self) -> Self {
        match self {
            Self::OpenAi | Self::Anthropic | Self::Gemini | Self::Cohere | Self::Ollama | Self::Bedrock | Self::Mcp => {
                self
            }
            Self::Plain | Self::Otlp(_) | Self::Loki | Self::RemoteWrite => Self::Plain,
        }
    }

    /// The dialect that a path is known for: `/v1/chat/completions`, `/v1/messages`, `:generateContent`, `/v1/logs` and
    /// their like, with anything before them. A query is not part of the path. Some servers take other spellings for the
    /// same place, so that they are known here too: letters of the other case, percent-encoded octets (RFC 3986 section
    /// 6.2.2), doubled slashes, and parameters of segments (section 3.3).
    #[must_use]
    pub fn for_path(path: &str) -> Self {
        let plain = spelled_out(path, |octet| octet.is_ascii_alphanumeric() || b"-._~".contains(&octet));
        match Self::known_for(&plain) {
            // A model's name may hold an encoded slash, so what is reserved is decoded only where nothing is known else.
            Self::Plain if plain.contains('%') => Self::known_for(&spelled_out(path, |_| true)),
            dialect => dialect,
        }
    }

    fn known_for(path: &str) -> Self {
        const OTHERS: [(&str, Dialect); 11] = [
            ("/v1/logs", Dialect::Otlp(Some(Signal::Logs))),
            ("/opentelemetry.proto.collector.logs.v1.LogsService/Export", Dialect::Otlp(Some(Signal::Logs))),
            ("/v1/traces", Dialect::Otlp(Some(Signal::Traces))),
            ("/opentelemetry.proto.collector.trace.v1.TraceService/Export", Dialect::Otlp(Some(Signal::Traces))),
            ("/v1/metrics", Dialect::Otlp(Some(Signal::Metrics))),
            ("/opentelemetry.proto.collector.metrics.v1.MetricsService/Export", Dialect::Otlp(Some(Signal::Metrics))),
            ("/v1development/profiles", Dialect::Otlp(Some(Signal::Profiles))),
            ("/v1/profiles", Dialect::Otlp(Some(Signal::Profiles))),
            (
                "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export",
                Dialect::Otlp(Some(Signal::Profiles)),
            ),
            ("/loki/api/v1/push", Dialect::Loki),
            ("/api/v1/write", Dialect::RemoteWrite),
        ];
        let path = path.trim_end_matches('/');
        if let Some((rest, operation)) = path.rsplit_once('/')
            && BEDROCK_OPERATIONS.iter().any(|known| known.eq_ignore_ascii_case(operation))
            && rest.rsplit('/').nth(1).is_some_and(|before| before.eq_ignore_ascii_case("model"))
        {
            return Self::Bedrock;
        }
        let speaks = |(_, ends): &&(Dialect, &[&str])| ends.iter().any(|end| has_end(path, end));
        match PATHS.iter().find(speaks) {
            Some((dialect, _)) => *dialect,
            None if VERTEX.iter().any(|end| has_end(path, end))
                && path.to_ascii_lowercase().contains("/publishers/anthropic/") =>
            {
                Self::Anthropic
            }
            None => OTHERS.iter().find(|(end, _)| has_end(path, end)).map_or(Self::Plain, |(_, dialect)| *dialect),
        }
    }
}

/// Whether a path ends so, in letters of either case; a star is any of a segment, or what one begins with.
fn has_end(path: &str, end: &str) -> bool {
    if end.contains('*') {
        let mut segments = path.rsplit('/');
        return end.trim_start_matches('/').rsplit('/').all(|wanted| {
            match (segments.next(), wanted.strip_prefix('*')) {
                (Some(segment), Some(rest)) => segment.len() > rest.len() && has_end(segment, rest),
                (Some(segment), None) => segment.eq_ignore_ascii_case(wanted),
                (None, _) => false,
            }
        });
    }
    let last = path.len().checked_sub(end.len()).and_then(|at| path.as_bytes().get(at..));
    last.is_some_and(|last| last.eq_ignore_ascii_case(end.as_bytes()))
}

/// A path without what lenient servers pass over: these octets are decoded, and doubled slashes and the parameters of
/// segments are gone.
fn spelled_out(path: &str, decodes: impl Fn(u8) -> bool) -> Cow<'_, str> {
    if !path.contains(['%', ';']) && !path.contains("//") {
        return Cow::Borrowed(path);
    }
    let mut octets = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.split_at_checked(2).filter(|_| *first == b'%');
        let digit = |at: usize, hex: &[u8]| hex.get(at).and_then(|digit| char::from(*digit).to_digit(16));
        let octet =
            digits.and_then(|(hex, after)| Some((u8::try_from(digit(0, hex)? << 4 | digit(1, hex)?).ok()?, after)));
        let (octet, after) = octet.filter(|(octet, _)| decodes(*octet)).unwrap_or((*first, after));
        octets.push(octet);
        rest = after;
    }
    let text = String::from_utf8_lossy(&octets);
    let mut plain = String::with_capacity(text.len());
    for (index, segment) in text.split('/').enumerate() {
        if index > 0 && !plain.ends_with('/') {
            plain.push('/');
        }
        plain.push_str(segment.split(';').next().unwrap_or_default());
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::super::rows::SIGNATURE;
    use super::*;

    #[test]
    fn every_row_compiles() {
        for (dialect, lists) in ROWS {
            let rows = lists.iter().copied().flatten().map(|list| list.len()).sum::<usize>();
            assert_eq!(Table::new(&lists).rows.len(), rows, "{dialect:?}");
        }
    }

    #[test]
    fn rows_are_found_by_place() {
        let table = Table::of(Dialect::Anthropic, Direction::Request).expect("has one");
        let find = |steps: &[Step<'static>]| {
            let Some(Step::Key(key)) = steps.last().copied() else { return None };
            table.special(key, || steps.iter().copied())
        };
        assert_eq!(find(&["messages".into(), 3.into(), "content".into()]), Some(Special::Blocks));
        assert_eq!(find(&["x".into(), "messages".into(), 3.into(), "content".into()]), None);
        let signature = ["messages".into(), 0.into(), "content".into(), 1.into(), "signature".into()];
        assert_eq!(find(&signature), Some(SIGNATURE));
        assert_eq!(find(&["signature".into()]), None);
        assert!(Table::of(Dialect::Plain, Direction::Request).is_none());
    }

    #[test]
    fn paths_tell_the_dialect() {
        for (path, dialect) in [
            ("/v1/chat/completions", Dialect::OpenAi),
            ("/openai/deployments/x/chat/completions", Dialect::OpenAi),
            ("/v1/completions", Dialect::OpenAi),
            ("/v1/embeddings", Dialect::OpenAi),
            ("/v1/responses", Dialect::OpenAi),
            ("/v1/messages", Dialect::Anthropic),
            ("/v1/messages/", Dialect::Anthropic),
            ("/messages", Dialect::Anthropic),
            ("/v1/messages/count_tokens", Dialect::Anthropic),
            ("/otel/v1/logs", Dialect::Otlp(Some(Signal::Logs))),
            ("/v1/traces/", Dialect::Otlp(Some(Signal::Traces))),
            ("/v1/metrics", Dialect::Otlp(Some(Signal::Metrics))),
            ("/opentelemetry.proto.collector.metrics.v1.MetricsService/Export", Dialect::Otlp(Some(Signal::Metrics))),
            ("/loki/api/v1/push", Dialect::Loki),
            ("/api/v1/write", Dialect::RemoteWrite),
            ("/v1/profiles", Dialect::Otlp(Some(Signal::Profiles))),
            ("/v1development/profiles", Dialect::Otlp(Some(Signal::Profiles))),
            ("/openai/v1/responses", Dialect::OpenAi),
            ("/openai/deployments/x/embeddings", Dialect::OpenAi),
            ("/v1/fim/completions", Dialect::OpenAi),
            ("/api/v1/chat/completions", Dialect::OpenAi),
            ("/v1beta/openai/chat/completions", Dialect::OpenAi),
            ("/v1beta/models/gemini-2.5-pro:generateContent", Dialect::Gemini),
            ("/v1beta/models/gemini-2.5-pro:streamGenerateContent", Dialect::Gemini),
            (
                "/v1/projects/p/locations/us-central1/publishers/google/models/gemini-2.5-pro:streamGenerateContent",
                Dialect::Gemini,
            ),
            (
                "/v1/projects/p/locations/us-east5/publishers/anthropic/models/claude-x@1:streamRawPredict",
                Dialect::Anthropic,
            ),
            ("/v1/projects/p/locations/l/publishers/mistralai/models/m:rawPredict", Dialect::Plain),
            ("/v1/realtime", Dialect::OpenAi),
            ("/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent", Dialect::Gemini),
            ("/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent", Dialect::Gemini),
            ("/v2/chat", Dialect::Cohere),
            ("/v2/embed", Dialect::Cohere),
            ("/v1/chat", Dialect::Cohere),
            ("/cohere/v1/classify", Dialect::Cohere),
            ("/api/chat", Dialect::Ollama),
            ("/api/generate", Dialect::Ollama),
            ("/api/embed", Dialect::Ollama),
            ("/api/embeddings", Dialect::Ollama),
            ("/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse", Dialect::Bedrock),
            ("/bedrock/model/m/converse-stream", Dialect::Bedrock),
            ("/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fx/invoke", Dialect::Bedrock),
            ("/model/m/invoke-with-response-stream", Dialect::Bedrock),
            ("/model/m/count-tokens", Dialect::Bedrock),
            ("/model/m/n/invoke", Dialect::Plain),
            ("/models/m/invoke", Dialect::Plain),
            ("/invoke", Dialect::Plain),
            ("/chat", Dialect::Plain),
            ("/v1/xmessages", Dialect::Plain),
            ("/mcp", Dialect::Mcp),
            ("/tools/mcp/", Dialect::Mcp),
            ("/smcp", Dialect::Plain),
            ("/v1/chat/completion%73", Dialect::OpenAi),
            ("/v1/Chat/COMPLETIONS/", Dialect::OpenAi),
            ("/v1//chat//completions//", Dialect::OpenAi),
            ("/v1/chat/completions;v=1", Dialect::OpenAi),
            ("/v1/chat%2fcompletions%3Bv=1", Dialect::OpenAi),
            ("/v1/%6Des%73ages", Dialect::Anthropic),
            ("/v1beta/models/g%3AgenerateContent", Dialect::Gemini),
            ("/V1/projects/p/Publishers/Anthropic/models/m%3arawPredict", Dialect::Anthropic),
            ("/ap%69/embeddings", Dialect::Ollama),
            (
                "/Model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fx/%69nvoke",
                Dialect::Bedrock,
            ),
            ("/v1/chat/completion%7", Dialect::Plain),
            ("/v1/chat/completion%zz", Dialect::Plain),
            ("/v1/chat/completion%ff", Dialect::Plain),
            ("/v1/chat/completions%2573", Dialect::Plain),
            ("/", Dialect::Plain),
            ("", Dialect::Plain),
        ] {
            assert_eq!(Dialect::for_path(path), dialect, "{path}");
        }
    }

    #[test]
    fn what_is_stored_is_read_as_what_it_was_and_files_by_their_lines() {
        for (path, dialect) in [
            ("/v1/responses/resp_1", Dialect::OpenAi),
            ("/v1/responses/resp_1/cancel", Dialect::OpenAi),
            ("/v1/responses/compact", Dialect::OpenAi),
            ("/v1/responses/resp_1/input_items/", Dialect::OpenAi),
            ("/openai/responses/resp_1", Dialect::OpenAi),
            ("/openai/v1/responses/resp_1", Dialect::OpenAi),
            ("/v1/conversations/conv_1/items", Dialect::OpenAi),
            ("/v1/conversations/conv_1/items/msg_1", Dialect::OpenAi),
            ("/v1/chat/completions/chatcmpl_1", Dialect::OpenAi),
            ("/v1/chat/completions/chatcmpl_1/messages", Dialect::OpenAi),
            ("/v1/threads/t/messages", Dialect::OpenAi),
            ("/v1/Chat%2fcompletions/c", Dialect::OpenAi),
            ("/v1/messages/batches/b/results", Dialect::Anthropic),
            ("/guardrail/g/version/DRAFT/apply", Dialect::Bedrock),
            ("/v1/conversations", Dialect::Plain),
            ("/items/1", Dialect::Plain),
            ("/pooling", Dialect::OpenAi),
            ("/inference/v1/generate", Dialect::OpenAi),
            ("/generate", Dialect::OpenAi),
            ("/tokenize", Dialect::OpenAi),
            ("/v1/tokenize", Dialect::Cohere),
            ("/v1/projects/p/locations/l/publishers/google/models/imagen:predict", Dialect::Gemini),
        ] {
            assert_eq!(Dialect::for_path(path), dialect, "{path}");
        }
        let openai = Some(Dialect::OpenAi);
        for (route, path, beside) in [
            (None, "/v1/files", Beside::Files),
            (None, "/v1/files/f/content", Beside::Files),
            (openai, "/v1/Files/f/content/", Beside::Files),
            (None, "/download/v1beta/files/x:download", Beside::Files),
            (None, "/v1/files/f", Beside::Nothing),
            (None, "/v1/messages", Beside::Nothing),
            (openai, "/v1/messages", Beside::Dialect(Dialect::Anthropic)),
            (openai, "/v1/messages/batches", Beside::Dialect(Dialect::Anthropic)),
            (openai, "/v1/responses", Beside::Nothing),
            (openai, "/x", Beside::Nothing),
            (Some(Dialect::Plain), "/v1/messages", Beside::Nothing),
            (Some(Dialect::Loki), "/v1/files", Beside::Nothing),
        ] {
            assert_eq!(Beside::of(route, path), beside, "{route:?} {path}");
        }
    }

    #[test]
    fn a_route_tells_more_than_a_path_but_for_the_signal() {
        let logs = Dialect::Otlp(Some(Signal::Logs));
        assert_eq!(Dialect::of(None, "/v1/logs"), logs);
        assert_eq!(Dialect::of(Some(Dialect::Otlp(None)), "/v1/logs"), logs);
        assert_eq!(Dialect::of(Some(Dialect::Otlp(None)), "/ingest"), Dialect::Otlp(None));
        assert_eq!(Dialect::of(Some(Dialect::Plain), "/v1/logs"), Dialect::Plain);
        assert_eq!(Dialect::of(Some(Dialect::Loki), "/v1/logs"), Dialect::Loki);
    }
}
