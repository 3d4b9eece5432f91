//! What other services are asked about a body, and what they say: the forms of questions and answers, the breaker, the
//! memory of verdicts. Sans-I/O; `proxy::external` brings bytes to and fro.
//!
//! Enters: the texts of a body, or the body as HTTP carries it. Leaves: a [`Verdict`], or why there is none. A closed set
//! of protocols, each in a file of its own: [`webhook`], [`presidio`], [`purview`] and [`icap`]. What a service says in words is
//! never kept, logged or passed on: it may repeat what it read (*Secrecy*). Every answer is bounded before it is parsed, and
//! what it names must lie in what was sent.

mod answer;
pub mod breaker;
pub mod cache;
pub mod icap;
pub mod presidio;
pub mod purview;
pub mod webhook;

use std::fmt;
use std::sync::Arc;

use crate::body::Direction;
use crate::engine::unspoken;

/// Most findings of one answer.
pub const MOST_SPANS: usize = 10_000;

/// What a service is asked.
pub struct Question {
    /// The request's id.
    pub request_id: String,
    /// The workspace's name.
    pub workspace: String,
    /// The route's name.
    pub route: String,
    /// Which way the body goes.
    pub direction: Direction,
    /// Type and subtype of the body, where it says one.
    pub media_type: Option<String>,
    /// Whether it is what came, and not what the rules left of it.
    pub original: bool,
    /// The texts of the body, each once.
    pub texts: Vec<Arc<[u8]>>,
    /// What the rules found: rule, entity, action, how often.
    pub findings: Vec<Found>,
}

/// What a rule found in the body, without values.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// The rule's id.
    pub rule: String,
    /// What it finds.
    pub entity: String,
    /// What was done.
    pub action: &'static str,
    /// How often.
    pub count: u64,
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Question({}, {} texts)", self.direction.name(), self.texts.len())
    }
}

/// What a service says of a body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It may go on.
    Allow,
    /// It may not.
    Block,
    /// It may, without these.
    Redact(Vec<Span>),
}

/// One finding of a service.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Span {
    /// Index into [`Question::texts`].
    pub text: usize,
    /// Its first byte in the text.
    pub start: usize,
    /// Behind its last byte.
    pub end: usize,
    /// What the service calls it.
    pub entity: String,
}

impl Span {
    /// A finding at characters of a text (Unicode scalar values, as Python counts them); none where the text does not have
    /// them.
    fn at(texts: &[Arc<[u8]>], text: usize, (start, end): (usize, usize), entity: &str) -> Option<Self> {
        let (start, end) = unspoken(texts.get(text)?, start, end)?;
        Some(Self { text, start, end, entity: entity.chars().take(64).collect() })
    }
}

/// Why there is no verdict.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// Not in time.
    Timeout,
    /// Too many failures lately: it is not asked.
    Open,
    /// It cannot be reached, or broke off.
    Connect,
    /// It says that it could not do it.
    Status,
    /// Its answer is none: not of its form, too large, about something that was not asked.
    Answer,
    /// More texts than it is asked about.
    TooMany,
}

impl Failure {
    /// The label in metrics and the audit.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Open => "open",
            Self::Connect => "connect",
            Self::Status => "status",
            Self::Answer => "answer",
            Self::TooMany => "too_many",
        }
    }

    /// Whether it tells against the service, and not against the question.
    #[must_use]
    pub fn counts(self) -> bool {
        !matches!(self, Self::Open | Self::TooMany)
    }
}

/// A count as JSON has it; none for a fraction or a negative number.
fn count(value: Option<&serde_json::Value>) -> Option<usize> {
    value?.as_u64().and_then(|count| usize::try_from(count).ok())
}

/// A question about these texts.
#[cfg(test)]
fn asked(texts: &[&str]) -> Question {
    Question {
        request_id: "00ff".to_owned(),
        workspace: "acme".to_owned(),
        route: "openai".to_owned(),
        direction: Direction::Request,
        media_type: None,
        original: false,
        texts: texts.iter().map(|text| Arc::from(text.as_bytes())).collect(),
        findings: Vec::new(),
    }
}
