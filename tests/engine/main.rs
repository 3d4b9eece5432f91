//! The engine's invariants, as properties: *Split*, *Coverage*, *Bound*, *Promptness*, *Verbatim*.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::string_slice, reason = "a test may stop")]

mod exhaustive;
mod findings;
mod fuzz;
mod labels;
mod layers;
mod proofs;
mod properties;
mod queries;
mod reference;
mod shadow;
mod spelling;
mod stand_ins;
mod support;
mod terms;
mod tokens;
mod value;
mod views;
