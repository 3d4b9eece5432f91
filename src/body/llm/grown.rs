//! OpenAI's Assistants, whose messages and run steps grow by `thread.….delta`, and Gemini's interactions, whose contents
//! grow by `….delta`: a delta is an object, and the texts in it stand at their places.
//!
//! Enters: one indexed event. Leaves: its [`Plan`]. What is held of a text leaves in a copy of its last delta.

use std::hash::{DefaultHasher, Hash, Hasher as _};

use super::cohere_v1;
use super::plan::{End, Event, Part, Plan, Reading};
use crate::body::BodyError;
use crate::body::json::{Kind, Node};

/// Members of a delta that grow, how they are read, and whether they are for the answer's reader.
const GROWING: [(&str, Reading, bool); 14] = [
    ("text", Reading::Sniffing, true),
    ("value", Reading::Sniffing, true),
    ("refusal", Reading::Sniffing, true),
    ("transcript", Reading::Sniffing, true),
    ("content", Reading::Sniffing, true),
    ("thought", Reading::Sniffing, true),
    ("summary", Reading::Sniffing, true),
    ("input", Reading::Sniffing, false),
    ("code", Reading::Sniffing, false),
    ("logs", Reading::Sniffing, false),
    ("output", Reading::Sniffing, false),
    ("result", Reading::Sniffing, false),
    ("arguments", Reading::Arguments, false),
    ("partial_arguments", Reading::Arguments, false),
];
/// Members of a delta that come whole, with whatever is in them.
const WHOLE: [&[u8]; 4] = [b"arguments", b"result", b"annotations", b"response"];

/// How the text of this row is read.
pub(super) fn reading(row: u8) -> Reading {
    GROWING.get(usize::from(row)).map_or(Reading::Sniffing, |(_, reading, _)| *reading)
}

/// Whether the text of this row is one that an answer has for its reader.
pub(super) fn is_for_reader(row: u8) -> bool {
    GROWING.get(usize::from(row)).is_some_and(|(.., reader)| *reader)
}

/// Reads an event that may be one of these.
pub(super) fn read(event: Event<'_>, root: Node, plan: &mut Plan) -> Result<(), BodyError> {
    if let Some(object) = event.of_kind(root, "object", Kind::String)?
        && let Some(kind) = event.word(object).strip_prefix(b"thread.")
    {
        return read_thread(event, root, kind, plan);
    }
    let Some(kind) = event.of_kind(root, "event_type", Kind::String)? else { return Ok(()) };
    if cohere_v1::kind(event, root)?.is_some() {
        return Ok(());
    }
    let kind = event.word(kind);
    let (name, last) = match kind.iter().rposition(|byte| *byte == b'.') {
        Some(at) => kind.split_at(at),
        None if kind.as_ref() == b"error" => {
            plan.fails = true;
            return Ok(());
        }
        None => return Ok(()),
    };
    let of = hash(event.number(root, "index", 0)?);
    match last {
        b".delta" => read_delta(event, root, "delta", of, plan)?,
        b".start" if name != b"interaction" => {
            plan.before.push(End::Grown(of));
            plan.anew.push(End::Grown(of));
            for around in ["content", "step"] {
                read_delta(event, root, around, of, plan)?;
            }
        }
        b".stop" => plan.before.push(End::Grown(of)),
        b".complete" | b".completed" if name == b"interaction" => {
            let interaction = event.of_kind(root, "interaction", Kind::Object)?.unwrap_or(root);
            let failed = status(event, interaction)?.is_some_and(|status| status == b"failed");
            if failed { &mut plan.lost } else { &mut plan.before }.push(End::All);
        }
        _ => return Ok(()),
    }
    plan.known = true;
    Ok(())
}

/// An object of Assistants', or a delta of one. An object that says how it has ended takes its texts with it, a run all.
fn read_thread(event: Event<'_>, root: Node, kind: &[u8], plan: &mut Plan) -> Result<(), BodyError> {
    plan.known = true;
    let id = event.of_kind(root, "id", Kind::String)?;
    let of = hash(id.map(|id| event.word(id)));
    if kind.ends_with(b".delta") {
        return read_delta(event, root, "delta", of, plan);
    }
    let end = if kind == b"run" { End::All } else { End::Grown(of) };
    match status(event, root)?.as_deref() {
        Some(b"completed" | b"incomplete" | b"cancelled" | b"expired" | b"requires_action") => plan.before.push(end),
        Some(b"failed") => plan.lost.push(end),
        _ => {}
    }
    Ok(())
}

fn status(event: Event<'_>, object: Node) -> Result<Option<Vec<u8>>, BodyError> {
    Ok(event.of_kind(object, "status", Kind::String)?.map(|status| event.word(status).into_owned()))
}

/// Reads the texts in a delta.
fn read_delta(event: Event<'_>, root: Node, name: &str, of: u64, plan: &mut Plan) -> Result<(), BodyError> {
    let Some(delta) = event.of_kind(root, name, Kind::Object)? else { return Ok(()) };
    let mut open = vec![(delta, 0)];
    while let Some((around, at)) = open.pop() {
        for child in event.index.children(around) {
            let key = event.index.key(child);
            match event.index.kind(child) {
                Kind::String => {
                    let row = GROWING.iter().position(|(name, ..)| key == Some(name.as_bytes()));
                    if let Some(row) = row {
                        plan.delta(event.index, Some(child), of, Part::Grown { row: row as u8, at });
                    }
                }
                Kind::Object | Kind::Array if key.is_some_and(|key| WHOLE.contains(&key)) => {}
                // An element's own index counts, where it has one.
                Kind::Object if key.is_none() => {
                    open.push((child, hash((at, event.number(child, "index", event.index.place(child))?))));
                }
                Kind::Object | Kind::Array => open.push((child, hash((at, key)))),
                _ => {}
            }
        }
    }
    Ok(())
}

fn hash(of: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}
