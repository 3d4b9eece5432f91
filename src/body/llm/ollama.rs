//! Ollama: records, one a line, each with the next words of an answer; the last one says `done`.
//!
//! Enters: one indexed record. Leaves: its [`Plan`], or a record of our own that carries what was held of a text. The
//! last record's own text goes on in it; where it has none, what is held comes in a record before, since readers may
//! leave off at `done`.

use super::plan::{Chunk, End, Event, Part, Plan};
use crate::body::BodyError;
use crate::body::json::{Kind, Node, escape};

/// What a record of our own copies from the stream's records.
const ENVELOPE: [&str; 4] = ["model", "remote_model", "remote_host", "created_at"];

/// What grows: the members that lead to it, and what stands before it in a record of our own.
const GROWING: [(&[&str], &str); 4] = [
    (&["message", "content"], "\"message\":{\"role\":\"assistant\",\"content\":"),
    (&["message", "thinking"], "\"message\":{\"role\":\"assistant\",\"content\":\"\",\"thinking\":"),
    (&["response"], "\"response\":"),
    (&["thinking"], "\"response\":\"\",\"thinking\":"),
];

/// Reads an event that may be a record.
pub(super) fn read(event: Event<'_>, root: Node, plan: &mut Plan) -> Result<(), BodyError> {
    let Some(done) = event.member(root, "done")? else { return Ok(()) };
    let done = match event.index.kind(done) {
        Kind::True => true,
        Kind::False => false,
        _ => return Ok(()),
    };
    if event.of_kind(root, "model", Kind::String)?.is_none() {
        return Ok(());
    }
    plan.known = true;
    plan.chunk = Some(Chunk { node: root, members: &ENVELOPE });
    let message = event.of_kind(root, "message", Kind::Object)?;
    for (row, (path, _)) in GROWING.iter().enumerate() {
        let (parent, key) = match path {
            [_, key] => (message, *key),
            [key] => (Some(root), *key),
            _ => continue,
        };
        let Some(parent) = parent else { continue };
        plan.delta(event.index, event.member(parent, key)?, 0, Part::Record(row as u8));
    }
    if let Some(message) = message {
        plan.others(event.index, message, &[b"content", b"thinking", b"tool_name"], 0, Part::RecordNamed);
    }
    plan.copy(event.index, event.member(root, "logprobs")?, Some(0), b"null");
    // The tokens of all that was said, so far as it was said.
    plan.copy(event.index, event.member(root, "context")?, None, b"null");
    if done {
        // An empty text is none that readers must see.
        plan.deltas.retain(|(node, _)| event.index.range(*node).len() > 2);
        plan.with.push(End::Records);
    }
    Ok(())
}

/// Writes the data of a record that carries `text`; `envelope` is its beginning.
pub(super) fn write_record(envelope: &[u8], part: Part, text: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(if envelope.is_empty() { b"{" } else { envelope });
    let message = "\"message\":{\"role\":\"assistant\",\"content\":";
    let (before, inside) = match &part {
        Part::Record(row) => GROWING
            .get(usize::from(*row))
            .map_or((message.to_owned(), true), |(path, before)| ((*before).to_owned(), path.len() > 1)),
        Part::RecordNamed(name) => (format!("{message}\"\",\"{}\":", name.as_str()), true),
        _ => (message.to_owned(), true),
    };
    out.extend_from_slice(before.as_bytes());
    out.push(b'"');
    escape(text, out);
    out.push(b'"');
    if inside {
        out.push(b'}');
    }
    out.extend_from_slice(b",\"done\":false}");
}
