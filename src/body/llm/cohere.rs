//! Cohere's chat: parts of a message that start, grow and end, each in events of its own.
//!
//! Enters: one indexed event. Leaves: its [`Plan`], or a delta of our own that carries what was held of a part.

use super::plan::{CountsIn, End, Event, Part, Plan, Reading, TextKey};
use crate::body::BodyError;
use crate::body::json::{Kind, Node, Unit, escape};

/// What grows: the events' type without its last word, where the text stands in them, and how it is read.
const GROWING: [(&str, &[&str], Reading); 4] = [
    ("content", &["delta", "message", "content", "text"], Reading::Sniffing),
    ("content", &["delta", "message", "content", "thinking"], Reading::Sniffing),
    ("tool-plan", &["delta", "message", "tool_plan"], Reading::Sniffing),
    ("tool-call", &["delta", "message", "tool_calls", "function", "arguments"], Reading::Arguments),
];
const CONTENT: [&str; 3] = ["delta", "message", "content"];

/// How the text of this row is read.
pub(super) fn reading(row: u8) -> Reading {
    GROWING.get(usize::from(row)).map_or(Reading::Sniffing, |(_, _, reading)| *reading)
}

/// Whether citations count in the text of this row.
pub(super) fn is_cited(row: u8) -> bool {
    row == 0
}

/// The group of events that a text belongs to.
pub(super) fn group(part: Part) -> Option<&'static str> {
    match part {
        Part::Message(row) => GROWING.get(usize::from(row)).map(|(group, ..)| *group),
        Part::MessageNamed(_) => Some("content"),
        _ => None,
    }
}

/// Reads an event that may be one of the chat stream.
pub(super) fn read(event: Event<'_>, root: Node, plan: &mut Plan) -> Result<(), BodyError> {
    let Some(kind) = event.of_kind(root, "type", Kind::String)? else { return Ok(()) };
    let kind = event.word(kind);
    let Some((name, last)) = std::str::from_utf8(&kind).ok().and_then(|kind| kind.rsplit_once('-')) else {
        return Ok(());
    };
    let of = event.number(root, "index", 0)?;
    let grown = GROWING.iter().find(|(group, ..)| *group == name);
    match (grown, last) {
        (Some((group, ..)), "start") => {
            plan.before.push(End::Message { of, group });
            plan.anew.push(End::Message { of, group });
            if *group == "tool-call" {
                plan.before.push(End::Message { of: 0, group: "tool-plan" });
            }
        }
        (Some((group, ..)), "end") => plan.before.push(End::Message { of, group }),
        (Some(_), "delta") => {}
        (None, "end") if name == "message" && has_failed(event, root)? => plan.lost.push(End::All),
        (None, "start" | "end") if name == "message" => plan.before.push(End::All),
        (None, "start" | "end") if name == "citation" => {
            if let Some(citation) = walk(event, root, &["delta", "message", "citations"])? {
                let of = event.number(citation, "content_index", 0)?;
                let text = CountsIn::Growing(TextKey { of, part: Part::Message(0) });
                event.offsets(citation, ["start", "end"], Unit::Characters, text, plan)?;
            }
        }
        _ => return Ok(()),
    }
    plan.known = true;
    if grown.is_none() || last == "end" {
        return Ok(());
    }
    if name == "tool-call" {
        let called = walk(event, root, &["delta", "message", "tool_calls", "function", "name"])?;
        if last == "start" {
            plan.begin_call(event.index, called, of, Part::Message(3));
        } else {
            plan.name(event.index, called, of, Part::Message(3), false);
        }
    }
    for (row, (_, path, _)) in GROWING.iter().enumerate().filter(|(_, (group, ..))| *group == name) {
        plan.delta(event.index, walk(event, root, path)?, of, Part::Message(row as u8));
    }
    if let Some(content) = walk(event, root, &CONTENT)?.filter(|_| name == "content") {
        plan.others(event.index, content, &[b"text", b"thinking"], of, Part::MessageNamed);
    }
    plan.copy(event.index, event.member(root, "logprobs")?, Some(of), b"null");
    Ok(())
}

/// Whether a message ends as it has failed.
fn has_failed(event: Event<'_>, root: Node) -> Result<bool, BodyError> {
    let reason = walk(event, root, &["delta", "finish_reason"])?;
    Ok(reason.is_some_and(|reason| event.word(reason).starts_with(b"ERROR")))
}

fn walk(event: Event<'_>, root: Node, path: &[&str]) -> Result<Option<Node>, BodyError> {
    let mut node = root;
    for key in path {
        match event.member(node, key)? {
            Some(member) => node = member,
            None => return Ok(None),
        }
    }
    Ok(Some(node))
}

/// The name of the event whose data [`write_delta`] writes.
pub(super) fn delta_name(part: Part) -> String {
    format!("{}-delta", group(part).unwrap_or("content"))
}

/// Writes the data of a delta that carries `text`.
pub(super) fn write_delta(part: Part, of: u64, text: &[u8], out: &mut Vec<u8>) {
    let mut path: Vec<&str> = CONTENT.to_vec();
    match &part {
        Part::MessageNamed(name) => path.push(name.as_str()),
        Part::Message(row) => path = GROWING.get(usize::from(*row)).map_or(path, |(_, path, _)| path.to_vec()),
        _ => {}
    }
    out.extend_from_slice(format!("{{\"type\":\"{}\"", delta_name(part)).as_bytes());
    if group(part) != Some("tool-plan") {
        out.extend_from_slice(format!(",\"index\":{of}").as_bytes());
    }
    out.push(b',');
    for (depth, key) in path.iter().enumerate() {
        let open = if depth == 0 { "" } else { "{" };
        out.extend_from_slice(format!("{open}\"{key}\":").as_bytes());
    }
    out.push(b'"');
    escape(text, out);
    out.push(b'"');
    out.extend(std::iter::repeat_n(b'}', path.len()));
}
