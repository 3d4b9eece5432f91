//! Batches: many records in one body, of which each can have a verdict of its own.
//!
//! Enters: where a request goes and what it calls itself. Leaves: what a record is there, and how this sink's clients learn
//! that one is missing. Formats are data: a place in JSON, lines, or a message in protobuf.

mod answer;

use std::fmt;
use std::sync::OnceLock;

use super::json::Step;
use super::media::Shape;
use super::{BodyError, BodyErrorKind, BodyLimits, Dialect, JsonPath, MediaType, Signal};

pub(super) use answer::{Addition, Items, Rejected};
pub use answer::{Asked, Told};

/// Who takes a batch.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Sink {
    /// `_bulk` of Elasticsearch and OpenSearch: a line with an action, and one with its source unless it deletes.
    Bulk,
    /// Splunk's HTTP event collector: objects one after another, or an array of them.
    HecEvent,
    /// Splunk's HTTP event collector: lines.
    HecRaw,
    /// Datadog's logs: an array of logs, one log, or lines.
    Datadog,
    /// Loki's push: entries of streams.
    Loki,
    /// OTLP: log records, spans, data points.
    Otlp(Signal),
    /// New Relic's logs.
    NewRelic,
    /// Sumo Logic's HTTP source: lines.
    Sumo,
    /// Kafka's REST proxy, version 2: elements of `records`.
    KafkaV2,
    /// Kafka's REST proxy, version 3: objects one after another.
    KafkaV3,
    /// Azure Monitor's data collection rules: an array of rows.
    Azure,
    /// Langfuse's ingestion: elements of `batch`, each with an `id`.
    Langfuse,
    /// LangSmith's runs in JSON: elements of `post` and `patch`.
    LangSmith,
    /// Google Chronicle: entries, events, and what its import calls logs.
    Chronicle,
    /// None that is known: lines, JSON texts one after another, or the elements of an array.
    Unknown,
}

/// Where the records of each sink stand in JSON.
const PLACES: &[(Sink, &[&str])] = &[
    (Sink::Bulk, &["$"]),
    (Sink::HecEvent, &["$", "$[*]"]),
    (Sink::HecRaw, &["$"]),
    (Sink::Datadog, &["$", "$[*]"]),
    (Sink::Loki, &["$.streams[*].values[*]"]),
    (
        Sink::Otlp(Signal::Logs),
        &["$.resourceLogs[*].scopeLogs[*].logRecords[*]", "$.resource_logs[*].scope_logs[*].log_records[*]"],
    ),
    (
        Sink::Otlp(Signal::Traces),
        &["$.resourceSpans[*].scopeSpans[*].spans[*]", "$.resource_spans[*].scope_spans[*].spans[*]"],
    ),
    (
        Sink::Otlp(Signal::Metrics),
        &[
            "$.resourceMetrics[*].scopeMetrics[*].metrics[*].*.dataPoints[*]",
            "$.resource_metrics[*].scope_metrics[*].metrics[*].*.data_points[*]",
        ],
    ),
    (
        Sink::Otlp(Signal::Profiles),
        &["$.resourceProfiles[*].scopeProfiles[*].profiles[*]", "$.resource_profiles[*].scope_profiles[*].profiles[*]"],
    ),
    (Sink::NewRelic, &["$", "$[*]", "$.logs[*]", "$[*].logs[*]"]),
    (Sink::Sumo, &["$"]),
    (Sink::KafkaV2, &["$.records[*]"]),
    (Sink::KafkaV3, &["$"]),
    (Sink::Azure, &["$[*]"]),
    (Sink::Langfuse, &["$.batch[*]"]),
    (Sink::LangSmith, &["$.post[*]", "$.patch[*]"]),
    (
        Sink::Chronicle,
        &[
            "$.entries[*]",
            "$.events[*]",
            "$.inlineSource.logs[*]",
            "$.inline_source.logs[*]",
            "$.inlineSource.events[*]",
            "$.inline_source.events[*]",
        ],
    ),
    (Sink::Unknown, &["$", "$[*]"]),
];

impl Sink {
    /// The sink of a request by its dialect, its path at the upstream (without a query) and what its body calls itself.
    #[must_use]
    pub fn of(dialect: Dialect, path: &str, media_type: Option<&MediaType>) -> Option<Self> {
        match dialect {
            Dialect::Loki => return Some(Self::Loki),
            Dialect::Otlp(signal) => return signal.map(Self::Otlp),
            Dialect::Plain => {}
            _ => return None,
        }
        let path = path.trim_end_matches('/');
        let ends = |ends: &[&str]| ends.iter().any(|end| path.ends_with(end));
        let (before, last) = path.rsplit_once('/')?;
        let is_kafka = media_type.is_some_and(|media_type| media_type.subtype().starts_with("vnd.kafka."));
        if last == "_bulk" {
            Some(Self::Bulk)
        } else if ends(&["/services/collector", "/services/collector/event", "/services/collector/event/1.0"]) {
            Some(Self::HecEvent)
        } else if ends(&["/services/collector/raw", "/services/collector/raw/1.0"]) {
            Some(Self::HecRaw)
        } else if ends(&["/api/v2/logs", "/v1/input"]) || before.ends_with("/v1/input") {
            Some(Self::Datadog)
        } else if ends(&["/log/v1"]) {
            Some(Self::NewRelic)
        } else if before.ends_with("/receiver/v1/http") {
            Some(Self::Sumo)
        } else if before.contains("/dataCollectionRules/") && before.ends_with("/streams") {
            Some(Self::Azure)
        } else if ends(&["/api/public/ingestion"]) {
            Some(Self::Langfuse)
        } else if ends(&["/runs/batch"]) {
            Some(Self::LangSmith)
        } else if ends(&["entries:batchCreate", "events:batchCreate", "/logs:import", "/events:import"]) {
            Some(Self::Chronicle)
        } else if is_kafka && (before.ends_with("/topics") || before.ends_with("/partitions")) {
            Some(Self::KafkaV2)
        } else if path.contains("/v3/clusters/") && before.contains("/topics/") && last == "records" {
            Some(Self::KafkaV3)
        } else {
            None
        }
    }

    /// Whether its texts are read line by line, whatever they call themselves. Where the sink is not known, what calls itself
    /// a table, a form, XML or YAML is read as that.
    pub(super) fn by_lines(self, shape: Shape) -> bool {
        match self {
            Self::HecRaw | Self::Sumo | Self::Datadog => true,
            Self::Unknown => shape == Shape::Plain,
            _ => false,
        }
    }

    pub(super) fn is_bulk(self) -> bool {
        self == Self::Bulk
    }

    /// Whether the sink answers for each record in its place.
    fn tells_places(self) -> bool {
        matches!(self, Self::Bulk | Self::KafkaV2 | Self::KafkaV3 | Self::Langfuse)
    }

    /// The member of a record that the answer calls it by.
    pub(super) fn names_by(self) -> Option<&'static [u8]> {
        (self == Self::Langfuse).then_some(b"id")
    }

    /// Whether a value at the place that `steps` lead to, of which there are so many, is a record.
    pub(super) fn is_record<'a, S>(self, depth: usize, steps: impl Fn() -> S) -> bool
    where
        S: Iterator<Item = Step<'a>>,
    {
        static PATHS: OnceLock<Vec<(Sink, Vec<JsonPath>)>> = OnceLock::new();
        let paths = PATHS.get_or_init(|| {
            let parse = |text: &&str| JsonPath::parse(text).ok();
            PLACES.iter().map(|(sink, texts)| (*sink, texts.iter().filter_map(parse).collect())).collect()
        });
        let known = paths.iter().find(|(sink, _)| *sink == self);
        known.is_some_and(|(_, paths)| paths.iter().any(|path| path.steps.len() == depth && path.walk(steps()).exact))
    }
}

/// How a body is cut into records.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) sink: Sink,
    /// The longest record, in bytes.
    pub(super) record: usize,
    /// The most places of dropped records that are kept.
    places: usize,
    /// Whether a longer one goes on without a verdict of its own.
    pub(super) lenient: bool,
    /// Whether what is dropped is handed over as it came.
    pub(super) keeps: bool,
    /// Whether any rule blocks.
    pub(super) blocks: bool,
}

impl Plan {
    pub(super) fn new(sink: Sink, limits: &BodyLimits, lenient: bool) -> Self {
        Self { sink, record: limits.record, places: limits.dropped_records, lenient, keeps: false, blocks: true }
    }

    /// One whose dropped records are handed over, or not.
    pub(super) fn keeping(self, keeps: bool) -> Self {
        Self { keeps, ..self }
    }

    /// One of rules of which some block, or none.
    pub(super) fn blocking(self, blocks: bool) -> Self {
        Self { blocks, ..self }
    }
}

/// What became of the records of one batch.
#[derive(Clone, Default, Debug)]
pub struct Tally {
    /// Records that went on.
    pub kept: u64,
    /// Records that did not, by the rule that blocked: its index in the rule set.
    pub dropped: Vec<(usize, u64)>,
    /// Where those stood, for sinks whose answer says so.
    pub places: Vec<Gone>,
    /// Those themselves, where they are to be kept elsewhere; taken away as the body goes on.
    pub letters: Vec<Letter>,
}

/// A record that was dropped, as it came.
#[derive(Clone)]
pub struct Letter {
    /// The rule that blocked: its index in the rule set.
    pub rule: usize,
    /// The record, decoded as its body was.
    pub content: Vec<u8>,
}

/// A record that was dropped.
#[derive(Clone)]
pub struct Gone {
    /// Its place in the batch as it came, counted from 0.
    pub index: u64,
    /// What was to be done with it, in `_bulk`.
    action: Option<Action>,
}

/// An action of `_bulk`, as far as the answer repeats it.
#[derive(Clone, Default)]
pub(super) struct Action {
    name: Option<&'static str>,
    index: Option<Vec<u8>>,
    id: Option<Vec<u8>>,
}

impl Tally {
    /// How many records were dropped.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.iter().map(|(_, count)| count).sum()
    }

    pub(super) fn keep(&mut self) {
        self.kept += 1;
    }

    pub(super) fn drop(&mut self, rule: usize, action: Option<Action>, plan: &Plan) -> Result<(), BodyError> {
        if plan.sink.tells_places() {
            if self.places.len() >= plan.places {
                return Err(BodyErrorKind::TooLarge.into());
            }
            self.places.push(Gone { index: self.kept + self.dropped(), action });
        }
        match self.dropped.iter_mut().find(|(known, _)| *known == rule) {
            Some((_, count)) => *count += 1,
            None => self.dropped.push((rule, 1)),
        }
        Ok(())
    }

    /// Hands over a record that is dropped, in its parts.
    pub(super) fn letter(&mut self, rule: usize, plan: &Plan, parts: &[&[u8]]) {
        if plan.keeps {
            self.letters.push(Letter { rule, content: parts.concat() });
        }
    }

    /// Adds what became of the records of another part of the request.
    pub(crate) fn merge(&mut self, other: Self) {
        self.kept += other.kept;
        for (rule, more) in other.dropped {
            match self.dropped.iter_mut().find(|(known, _)| *known == rule) {
                Some((_, count)) => *count += more,
                None => self.dropped.push((rule, more)),
            }
        }
        self.places.extend(other.places);
        self.letters.extend(other.letters);
    }
}

impl Action {
    /// The longest index or id that is repeated; the sink takes none that is longer.
    const LONGEST: usize = 512;
    const NAMES: [&'static str; 4] = ["index", "create", "update", "delete"];

    /// Whether there is such an action.
    pub(super) fn name(&mut self, key: &[u8]) -> bool {
        self.name = Self::NAMES.into_iter().find(|name| name.as_bytes() == key);
        self.name.is_some()
    }

    pub(super) fn is_named(&self) -> bool {
        self.name.is_some()
    }

    pub(super) fn has_source(&self) -> bool {
        self.name != Some("delete")
    }

    pub(super) fn forget_index(&mut self) {
        self.index = None;
    }

    pub(super) fn forget_id(&mut self) {
        self.id = None;
    }

    pub(super) fn in_index(&mut self, part: &[u8]) {
        Self::add(&mut self.index, part);
    }

    pub(super) fn has_id(&mut self, part: &[u8]) {
        Self::add(&mut self.id, part);
    }

    fn add(text: &mut Option<Vec<u8>>, part: &[u8]) {
        let text = text.get_or_insert_default();
        let room = Self::LONGEST.saturating_sub(text.len());
        text.extend(part.iter().take(room));
    }
}

impl fmt::Debug for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Gone({})", self.index)
    }
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Letter({} bytes)", self.content.len())
    }
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Action({})", self.name.unwrap_or_default())
    }
}
