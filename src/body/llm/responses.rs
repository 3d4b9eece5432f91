//! OpenAI Responses: items that grow by `response.….delta` and are repeated whole by `.done` and at the end.
//!
//! Enters: one indexed event. Leaves: its [`Plan`]. What is held of a text leaves in a copy of its last delta, sequence
//! number included: readers take gaps and repeats, and the numbers of all other events stay.

use super::plan::{Copied, End, Event, Part, Plan, Reading, TextKey};
use crate::body::BodyError;
use crate::body::json::{Kind, Node};

/// Types of growing texts, without `.delta` and `.done`, and how they are read.
const GROWING: [(&str, Reading); 13] = [
    ("response.output_text", Reading::Sniffing),
    ("response.refusal", Reading::Sniffing),
    ("response.reasoning_text", Reading::Sniffing),
    ("response.reasoning_summary_text", Reading::Sniffing),
    ("response.reasoning_summary", Reading::Sniffing),
    ("response.reasoning", Reading::Sniffing),
    ("response.function_call_arguments", Reading::Arguments),
    ("response.mcp_call_arguments", Reading::Arguments),
    ("response.mcp_call.arguments", Reading::Arguments),
    ("response.custom_tool_call_input", Reading::Sniffing),
    ("response.code_interpreter_call_code", Reading::Sniffing),
    ("response.audio.transcript", Reading::Sniffing),
    ("transcript.text", Reading::Sniffing),
];

/// How the text of this kind is read.
pub(super) fn reading(kind: u8) -> Reading {
    GROWING.get(usize::from(kind)).map_or(Reading::Sniffing, |(_, reading)| *reading)
}

/// Reads an event that may be one of the Responses stream.
pub(super) fn read(event: Event<'_>, root: Node, plan: &mut Plan) -> Result<(), BodyError> {
    let Some(kind) = event.of_kind(root, "type", Kind::String)? else { return Ok(()) };
    let kind = event.word(kind);
    let Some((name, last)) = std::str::from_utf8(&kind).ok().and_then(|kind| kind.rsplit_once('.')) else {
        return Ok(());
    };
    if !matches!(name.split('.').next(), Some("response" | "transcript")) {
        return Ok(());
    }
    plan.known = true;
    read_copies(event, plan)?;
    let of = event.number(root, "output_index", 0)?;
    let growing = GROWING.iter().position(|(growing, _)| *growing == name);
    match (growing, last) {
        (Some(kind), "delta" | "done") => {
            let summary = event.number(root, "summary_index", 0)? as usize;
            let at = event.number(root, "content_index", summary)?;
            let key = TextKey { of, part: Part::Item { kind: kind as u8, at } };
            if last == "done" {
                plan.before.push(End::One(key));
                return Ok(());
            }
            plan.delta(event.index, event.member(root, "delta")?, of, key.part);
            if let Some(logprobs) = event.of_kind(root, "logprobs", Kind::Array)? {
                plan.copies.push(Copied { node: logprobs, of: Some(of), without: b"[]" });
            }
        }
        (None, "done") if name == "response.output_item" => plan.before.push(End::Item(of)),
        (None, "completed" | "incomplete" | "failed" | "cancelled" | "done") if name == "response" => {
            plan.before.push(End::All);
        }
        _ => {}
    }
    Ok(())
}

/// Finds the token details that stand beside a whole text.
fn read_copies(event: Event<'_>, plan: &mut Plan) -> Result<(), BodyError> {
    let index = event.index;
    let arrays = index.nodes().filter(|node| index.kind(*node) == Kind::Array);
    for logprobs in arrays.filter(|node| index.key(*node) == Some(b"logprobs")) {
        let Some(parent) = index.parent(logprobs) else { continue };
        if let Some(text) = event.of_kind(parent, "text", Kind::String)? {
            plan.twins.push((logprobs, text));
        }
    }
    Ok(())
}
