//! The bodies of `tests/engine/fuzz` and `tests/body/fuzz`, for libFuzzer.
#![allow(dead_code, reason = "the tests use the rest of what they share with the bodies")]

#[path = "../../tests/engine/fuzz/bodies/mod.rs"]
mod bodies;
#[path = "../../tests/engine/spelling.rs"]
mod spelling;
#[path = "../../tests/engine/support.rs"]
mod support;
#[path = "../../tests/body/fuzz/syslog.rs"]
mod messages;

/// Any text under any of a few rule sets.
pub fn stream(data: &[u8]) {
    bodies::stream(data);
}

/// Values spelled character by character.
pub fn fold(data: &[u8]) {
    bodies::fold(data);
}

/// Values in base64 and hexadecimal.
pub fn decode(data: &[u8]) {
    bodies::decode(data);
}

/// Text that is encoded twice.
pub fn layers(data: &[u8]) {
    bodies::layers(data);
}

/// A stream of syslog messages in any framing.
pub fn syslog(data: &[u8]) {
    messages::syslog(data);
}
