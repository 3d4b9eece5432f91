//! Where the audit log, and traces, are sent besides, as the configuration says it.

use std::path::PathBuf;

use super::{Injected, Upstream};

/// One target of the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Export {
    /// Its name, as in metrics, and that of its cursor.
    pub name: String,
    /// What it is.
    pub target: Target,
}

/// The collector of traces.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TraceExport {
    /// Where to, its path too.
    pub upstream: Upstream,
    /// Header fields, credentials among them.
    pub inject: Vec<Injected>,
}

/// What a target is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    /// Batches in the bodies of POST requests.
    Http {
        /// Where to.
        upstream: Upstream,
        /// What a body is.
        format: Format,
        /// Header fields, credentials among them.
        inject: Vec<Injected>,
    },
    /// Messages of RFC 5424, counted as RFC 5425 section 4.3 has it.
    Syslog {
        /// Where to.
        upstream: Upstream,
    },
    /// Lines that are appended.
    File {
        /// The file.
        path: PathBuf,
    },
}

/// What the body of a batch is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// A record a line.
    Ndjson,
    /// Events of Splunk's HTTP Event Collector.
    Splunk,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Ndjson, Self::Splunk];

    /// The word in the configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Splunk => "splunk",
        }
    }
}
