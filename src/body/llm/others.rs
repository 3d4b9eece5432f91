//! Streams of servers and of programs that speak to people: llama.cpp, Text Generation Inference, the AI SDK, AG-UI, Dify
//! and A2A. None counts its events or has a form of its own for what is held: that leaves in a copy of the last delta.
//!
//! Enters: one indexed event. Leaves: its [`Plan`].

use std::hash::{DefaultHasher, Hash, Hasher as _};

use super::plan::{End, Event, Part, Plan, Reading, TextKey};
use crate::body::BodyError;
use crate::body::json::{Kind, Node};

/// Where a text grows.
struct Row {
    /// The member that says what an event is, and what it says; none: known by its shape.
    kind: (&'static str, &'static str),
    /// Where the text stands.
    path: &'static [&'static str],
    /// The member that tells texts of a kind apart.
    whose: &'static str,
    reading: Reading,
}

const fn text(kind: (&'static str, &'static str), path: &'static [&'static str], whose: &'static str) -> Row {
    Row { kind, path, whose, reading: Reading::Sniffing }
}

const fn call(kind: (&'static str, &'static str), path: &'static [&'static str], whose: &'static str) -> Row {
    Row { kind, path, whose, reading: Reading::Arguments }
}

/// What grows. The first three are known by their shape.
const GROWING: [Row; 15] = [
    text(("", "llama.cpp"), &["content"], "index"),
    text(("", "text generation inference"), &["token", "text"], ""),
    text(("", "a2a"), &["text"], "artifactId"),
    text(("type", "text-delta"), &["delta"], "id"),
    text(("type", "reasoning-delta"), &["delta"], "id"),
    call(("type", "tool-input-delta"), &["inputTextDelta"], "toolCallId"),
    text(("type", "TEXT_MESSAGE_CONTENT"), &["delta"], "messageId"),
    text(("type", "TEXT_MESSAGE_CHUNK"), &["delta"], "messageId"),
    text(("type", "THINKING_TEXT_MESSAGE_CONTENT"), &["delta"], ""),
    text(("type", "REASONING_MESSAGE_CONTENT"), &["delta"], "messageId"),
    call(("type", "TOOL_CALL_ARGS"), &["delta"], "toolCallId"),
    call(("type", "TOOL_CALL_CHUNK"), &["delta"], "toolCallId"),
    text(("event", "message"), &["answer"], "message_id"),
    text(("event", "agent_message"), &["answer"], "message_id"),
    text(("event", "text_chunk"), &["data", "text"], "task_id"),
];
const LLAMA: u8 = 0;
const INFERENCE: u8 = 1;
const ARTIFACT: u8 = 2;

/// What ends a text of these names, and the member that says whose; all texts where it is empty.
const ENDS: [(&str, &str, &str); 15] = [
    ("type", "text-end", "id"),
    ("type", "reasoning-end", "id"),
    ("type", "tool-input-available", "toolCallId"),
    ("type", "tool-input-error", "toolCallId"),
    ("type", "finish", ""),
    ("type", "TEXT_MESSAGE_END", "messageId"),
    ("type", "THINKING_TEXT_MESSAGE_END", ""),
    ("type", "REASONING_MESSAGE_END", "messageId"),
    ("type", "TOOL_CALL_END", "toolCallId"),
    ("type", "RUN_FINISHED", ""),
    ("event", "message_end", ""),
    ("event", "agent_thought", ""),
    ("event", "workflow_finished", ""),
    ("event", "node_finished", ""),
    ("event", "message_replace", ""),
];
/// What says that the answer has failed. (`error` is every protocol's.)
const FAILS: [(&str, &str); 3] = [("type", "RUN_ERROR"), ("type", "abort"), ("event", "error")];

/// How the text of this row is read.
pub(super) fn reading(row: u8) -> Reading {
    GROWING.get(usize::from(row)).map_or(Reading::Sniffing, |row| row.reading)
}

/// Reads an event that may be one of these.
pub(super) fn read(event: Event<'_>, root: Node, plan: &mut Plan) -> Result<(), BodyError> {
    if plan.known {
        return Ok(());
    }
    read_shapes(event, root, plan)?;
    for member in ["type", "event"] {
        let Some(kind) = event.of_kind(root, member, Kind::String)? else { continue };
        let kind = event.word(kind);
        let is = |name: &str| name.as_bytes() == kind.as_ref();
        for (row, grows) in GROWING.iter().enumerate().filter(|(_, grows)| grows.kind.0 == member && is(grows.kind.1)) {
            let mut at = Some(root);
            for key in grows.path {
                at = at.map(|node| event.member(node, key)).transpose()?.flatten();
            }
            plan.delta(event.index, at, whose(event, root, grows.whose)?, Part::Other(row as u8));
            plan.known = true;
        }
        for (_, _, name) in ENDS.iter().filter(|(of, name, _)| *of == member && is(name)) {
            plan.before.push(if name.is_empty() { End::Others } else { End::Other(whose(event, root, name)?) });
            plan.known = true;
        }
        if FAILS.iter().any(|(of, name)| *of == member && is(name)) {
            plan.fails = true;
            plan.known = true;
        }
    }
    Ok(())
}

/// What has no name for its events.
fn read_shapes(event: Event<'_>, root: Node, plan: &mut Plan) -> Result<(), BodyError> {
    if let (Some(content), Some(stop)) = (event.of_kind(root, "content", Kind::String)?, event.member(root, "stop")?)
        && matches!(event.index.kind(stop), Kind::True | Kind::False)
    {
        let key = TextKey { of: whose(event, root, "index")?, part: Part::Other(LLAMA) };
        plan.delta(event.index, Some(content), key.of, key.part);
        if has_text(event, content) {
            for copy in ["tokens", "completion_probabilities"] {
                plan.copy(event.index, event.member(root, copy)?, Some(key.of), b"[]");
            }
        }
        if event.index.kind(stop) == Kind::True {
            plan.with.push(End::One(key));
        }
        plan.known = true;
    }
    if let (Some(token), Some(whole)) =
        (event.of_kind(root, "token", Kind::Object)?, event.member(root, "generated_text")?)
        && let Some(text) = event.of_kind(token, "text", Kind::String)?
    {
        let key = TextKey { of: 0, part: Part::Other(INFERENCE) };
        plan.delta(event.index, Some(text), key.of, key.part);
        // The number of a token tells its text.
        if has_text(event, text) {
            plan.copy(event.index, event.member(token, "id")?, Some(key.of), b"0");
            plan.copy(event.index, event.member(root, "top_tokens")?, Some(key.of), b"[]");
        }
        if event.index.kind(whole) == Kind::String {
            plan.with.push(End::One(key));
        }
        plan.known = true;
    }
    if let Some(result) = event.of_kind(root, "result", Kind::Object)?
        && let Some(kind) = event.of_kind(result, "kind", Kind::String)?
    {
        read_artifact(event, result, &event.word(kind), plan)?;
    }
    Ok(())
}

/// An update of A2A: parts of an artifact that goes on, or the end of the task.
fn read_artifact(event: Event<'_>, result: Node, kind: &[u8], plan: &mut Plan) -> Result<(), BodyError> {
    match kind {
        b"artifact-update" => {
            let Some(artifact) = event.of_kind(result, "artifact", Kind::Object)? else { return Ok(()) };
            let of = whose(event, artifact, "artifactId")?;
            if !says(event, result, "append")? {
                plan.before.push(End::Other(of));
            }
            let parts = event.of_kind(artifact, "parts", Kind::Array)?;
            for part in parts.into_iter().flat_map(|parts| event.objects(parts)) {
                plan.delta(event.index, event.of_kind(part, "text", Kind::String)?, of, Part::Other(ARTIFACT));
            }
            if says(event, result, "lastChunk")? {
                plan.with.push(End::Other(of));
            }
        }
        b"status-update" if says(event, result, "final")? => plan.before.push(End::Others),
        _ => return Ok(()),
    }
    plan.known = true;
    Ok(())
}

/// Whether a string is more than its quotes.
fn has_text(event: Event<'_>, node: Node) -> bool {
    event.index.range(node).len() > 2
}

fn says(event: Event<'_>, node: Node, name: &str) -> Result<bool, BodyError> {
    Ok(event.member(node, name)?.is_some_and(|said| event.index.kind(said) == Kind::True))
}

/// One number for what the member of this name says.
fn whose(event: Event<'_>, node: Node, name: &str) -> Result<u64, BodyError> {
    let said = if name.is_empty() { None } else { event.member(node, name)? };
    let mut hasher = DefaultHasher::new();
    said.map(|said| event.word(said)).hash(&mut hasher);
    Ok(hasher.finish())
}
