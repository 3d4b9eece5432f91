//! Streams of servers and of programs that speak to people: llama.cpp, Text Generation Inference, the AI SDK, AG-UI, Dify
//! and A2A. None counts its events or has a form of its own for what is held: that leaves in a copy of the last delta.
//!
//! Enters: one indexed event. Leaves: its [`Plan`].

use std::hash::{DefaultHasher, Hash, Hasher as _};

use super::plan::{End, Event, Part, Plan, Reading, TextKey};
use crate::body::BodyError;
use crate::body::json::{Kind, Node};

/// Where a text grows.
#[derive(Clone, Copy)]
struct Row {
    /// The member that says what an event is, and what it says; none: known by its shape.
    kind: (&'static str, &'static str),
    /// Where the text stands.
    path: &'static [&'static str],
    /// The member that tells texts of a kind apart.
    whose: &'static str,
    reading: Reading,
    /// Without that member it is of the text that one of its kind was of before.
    goes_on: bool,
    /// It is thought, not said.
    thought: bool,
}

const fn text(kind: (&'static str, &'static str), path: &'static [&'static str], whose: &'static str) -> Row {
    Row { kind, path, whose, reading: Reading::Sniffing, goes_on: false, thought: false }
}

const fn call(kind: (&'static str, &'static str), path: &'static [&'static str], whose: &'static str) -> Row {
    Row { kind, path, whose, reading: Reading::Arguments, goes_on: false, thought: false }
}

const fn thought(row: Row) -> Row {
    Row { thought: true, ..row }
}

const fn going_on(row: Row) -> Row {
    Row { goes_on: true, ..row }
}

/// What grows. The first three are known by their shape.
const GROWING: [Row; 16] = [
    text(("", "llama.cpp"), &["content"], "index"),
    text(("", "text generation inference"), &["token", "text"], ""),
    text(("", "a2a"), &["text"], "artifactId"),
    text(("type", "text-delta"), &["delta"], "id"),
    thought(text(("type", "reasoning-delta"), &["delta"], "id")),
    call(("type", "tool-input-delta"), &["inputTextDelta"], "toolCallId"),
    text(("type", "TEXT_MESSAGE_CONTENT"), &["delta"], "messageId"),
    going_on(text(("type", "TEXT_MESSAGE_CHUNK"), &["delta"], "messageId")),
    thought(text(("type", "THINKING_TEXT_MESSAGE_CONTENT"), &["delta"], "")),
    thought(text(("type", "REASONING_MESSAGE_CONTENT"), &["delta"], "messageId")),
    going_on(thought(text(("type", "REASONING_MESSAGE_CHUNK"), &["delta"], "messageId"))),
    call(("type", "TOOL_CALL_ARGS"), &["delta"], "toolCallId"),
    going_on(call(("type", "TOOL_CALL_CHUNK"), &["delta"], "toolCallId")),
    text(("event", "message"), &["answer"], "message_id"),
    text(("event", "agent_message"), &["answer"], "message_id"),
    text(("event", "text_chunk"), &["data", "text"], "task_id"),
];
const LLAMA: u8 = 0;
const INFERENCE: u8 = 1;
const ARTIFACT: u8 = 2;

/// What ends a text of these names, and the member that says whose; all texts where it is empty.
const ENDS: [(&str, &str, &str); 13] = [
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
    ("event", "workflow_finished", ""),
    ("event", "message_replace", ""),
];
/// What begins a text, the end of its name.
const STARTS: [&[u8]; 2] = [b"-start", b"_START"];
/// What says that the answer has failed. (`error` is every protocol's.)
const FAILS: [(&str, &str); 3] = [("type", "RUN_ERROR"), ("type", "abort"), ("event", "error")];

/// Whose the texts were of which more may come without a word of that: by their rows.
#[derive(Default)]
pub(super) struct Owners([u64; GROWING.len()]);

impl Owners {
    /// Gives each fragment to its owner.
    pub(super) fn tell(&mut self, plan: &mut Plan) {
        for (_, key) in &mut plan.deltas {
            let Part::Other(row) = key.part else { continue };
            let goes_on = GROWING.get(usize::from(row)).is_some_and(|row| row.goes_on);
            match self.0.get_mut(usize::from(row)).filter(|_| goes_on) {
                Some(owner) if key.of == nobody() => key.of = *owner,
                Some(owner) => *owner = key.of,
                None => {}
            }
        }
    }
}

/// The first row of the texts that a reader may add this row's to: all that are said, whatever the protocol, or all that are thought.
pub(super) fn sort(row: u8) -> u8 {
    let thought = GROWING.get(usize::from(row)).is_some_and(|row| row.thought);
    GROWING.iter().position(|row| row.thought == thought).unwrap_or_default() as u8
}

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
        // A program may give one identifier to several texts.
        for name in
            ["id", "toolCallId", "messageId"].iter().filter(|_| STARTS.iter().any(|start| kind.ends_with(start)))
        {
            plan.anew.push(End::Other(whose(event, root, name)?));
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
    if let Some(token) = event.of_kind(root, "token", Kind::Object)?
        && let Some(text) = event.of_kind(token, "text", Kind::String)?
        && event.of_kind(token, "id", Kind::Number)?.is_some()
    {
        let key = TextKey { of: 0, part: Part::Other(INFERENCE) };
        let ends = event.of_kind(root, "generated_text", Kind::String)?.is_some();
        plan.known = true;
        // A special token is none of the text, and many readers pass it over with whatever is in it.
        if says(event, token, "special")? {
            plan.before.extend(ends.then_some(End::One(key)));
            return Ok(());
        }
        plan.delta(event.index, Some(text), key.of, key.part);
        // The number of a token tells its text.
        if has_text(event, text) {
            plan.copy(event.index, event.member(token, "id")?, Some(key.of), b"0");
            plan.copy(event.index, event.member(root, "top_tokens")?, Some(key.of), b"[]");
        }
        plan.with.extend(ends.then_some(End::One(key)));
    }
    let Some(result) = event.of_kind(root, "result", Kind::Object)? else { return Ok(()) };
    if let Some(kind) = event.of_kind(result, "kind", Kind::String)? {
        read_update(event, result, &event.word(kind), plan)?;
    }
    // Version 1 has an object of each kind.
    for (name, kind) in [("artifactUpdate", "artifact-update"), ("statusUpdate", "status-update")] {
        if let Some(update) = event.of_kind(result, name, Kind::Object)? {
            read_update(event, update, kind.as_bytes(), plan)?;
        }
    }
    Ok(())
}

/// An update of A2A: parts of an artifact that goes on, or the end of the task.
fn read_update(event: Event<'_>, update: Node, kind: &[u8], plan: &mut Plan) -> Result<(), BodyError> {
    match kind {
        b"artifact-update" => {
            let Some(artifact) = event.of_kind(update, "artifact", Kind::Object)? else { return Ok(()) };
            let of = whose(event, artifact, "artifactId")?;
            let appended = event.member(update, "append")?;
            if !says(event, update, "append")? {
                plan.before.push(End::Other(of));
                plan.anew.push(End::Other(of));
                // An event of our own adds to what this one begins.
                let begin = event.index.range(update).start + 1;
                let (place, instead) = match appended {
                    Some(appended) => (event.index.range(appended), "true"),
                    None => (begin..begin, "\"append\":true,"),
                };
                plan.instead.push((place, instead));
            }
            let parts = event.of_kind(artifact, "parts", Kind::Array)?;
            for part in parts.into_iter().flat_map(|parts| event.index.children(parts)) {
                let text = match event.index.kind(part) {
                    Kind::Object => event.of_kind(part, "text", Kind::String)?,
                    _ => None,
                };
                match text {
                    Some(text) => plan.delta(event.index, Some(text), of, Part::Other(ARTIFACT)),
                    None => plan.instead.push((event.index.range(part), "{\"kind\":\"text\",\"text\":\"\"}")),
                }
            }
            if says(event, update, "lastChunk")? {
                plan.with.push(End::Other(of));
            }
        }
        b"status-update" if says(event, update, "final")? => plan.before.push(End::Others),
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

/// The owner of what says nothing of one.
fn nobody() -> u64 {
    let mut hasher = DefaultHasher::new();
    None::<&[u8]>.hash(&mut hasher);
    hasher.finish()
}

/// One number for what the member of this name says.
fn whose(event: Event<'_>, node: Node, name: &str) -> Result<u64, BodyError> {
    let said = if name.is_empty() { None } else { event.member(node, name)? };
    let mut hasher = DefaultHasher::new();
    said.map(|said| event.word(said)).hash(&mut hasher);
    Ok(hasher.finish())
}
