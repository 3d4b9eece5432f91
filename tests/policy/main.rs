//! Configurations and rules files from outside: what they compile to and what `check` says of them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice, reason = "a test that panics has failed")]

mod folders;
mod goldens;
mod keywords;
mod reload;
mod routes;
mod sample;
mod signing;
mod support;
mod workspaces;
