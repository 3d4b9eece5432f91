//! Whole bodies through the inspector, under the default packs: any chunking gives one result, and what a streamed
//! answer waits for.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test may stop")]

mod answers;
mod bedrock;
mod charsets;
mod dialects;
mod edits;
mod fields;
mod fixtures;
mod fuzz;
mod injection;
mod labels;
mod latency;
mod media;
mod multipart;
mod oddities;
mod otlp_json;
mod protobuf;
mod readers;
mod receipts;
mod records;
mod repeats;
mod splits;
mod syslog;
mod tokens;
mod tools;
