//! Blackbar, a streaming redaction proxy.
//!
//! The house, from the ground up. A floor uses only the floors below it, and the rooms of one floor do not meet;
//! `tests/floors.rs` holds the picture against the `use` lines.
//!
//! ```text
//! F0 engine/     text in, findings and redacted text out. No async, no I/O, no clock.
//! F1 body/       the formats around the text: codings, JSON, SSE, model deltas. Bytes in, bytes out.
//! F2 policy/     TOML in, what holds for whom out. Every error at once, with its place.
//!    redis_client between this floor and the next: one connection to a server that replicas share.
//! F3 audit/      entries in, signed files that prove what was written out. Its format: `audit/README.md`.
//!    telemetry   the metric catalogue and the log set-up.      seal/   items that only their recipient opens.
//!    quarantine/ requests that wait for a person.
//!    external/   what other services are asked, and what they say: questions and answers, no sockets.
//! F4 proxy/      sockets, TLS, HTTP. One request is told top to bottom in `proxy::exchange`.
//! F5 admin/      health, readiness, metrics.
//! F6 cli/        what people type.
//! ```
//!
//! One request: accept, TLS, the certificate's names give a [`policy::Workspace`], its rules and the route give the
//! [`body::BodyInspector`] of each direction, bytes stream through it, and the [`body::Inspection`] of each direction
//! is counted at the end.
//!
//! Words: a *rule* finds an *entity* and has an *action*; a *finding* is a rule's match that passed its checks; the
//! *hold-back* is the text kept because a rule may still match it; a *scope* narrows actions to a route and a path.

pub mod admin;
pub mod audit;
pub mod body;
pub mod cli;
pub mod engine;
pub mod external;
pub mod policy;
pub mod proxy;
pub mod quarantine;
pub mod redis_client;
pub mod seal;
pub mod telemetry;
