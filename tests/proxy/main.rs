//! The proxy over real sockets and real TLS.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test may stop"
)]

#[path = "../support/mod.rs"]
mod support;

mod admin;
mod audit;
mod bedrock;
mod budgets;
mod counters;
mod drain;
mod early_ends;
mod edges;
mod export;
mod external;
mod http1;
mod http2;
mod icap;
mod incident;
mod instruction;
mod keys;
mod leaks;
mod letters;
mod limits;
mod limits_http2;
mod listeners;
mod llm;
mod memory;
mod mtls;
mod outbound;
mod process;
mod quarantine;
mod quarantine_kills;
mod quotas;
mod records;
mod releases;
mod reload;
mod replicas;
mod replicas_limits;
mod reroute;
mod retention;
mod revocation;
mod self_test;
mod shadow;
mod signals;
mod smuggling;
mod stalls;
mod stand_ins;
mod streaming;
mod syslog;
mod telemetry;
mod timeouts;
mod tokens;
mod tool_holds;
mod traces;
mod uploads;
mod upstreams;
mod verdicts;
mod volume;
mod websocket;
