//! Cohere's chat and generation of version 1: records, one a line or an event each, whose `event_type` says what grows.
//!
//! Enters: one indexed record. Leaves: its [`Plan`]. What is held of a text leaves in a copy of its last record; the last
//! record repeats all that was said, so that it comes after.

use std::borrow::Cow;

use super::plan::{CountsIn, End, Event, Part, Plan, Reading, TextKey};
use crate::body::BodyError;
use crate::body::json::{Kind, Node, Unit};

/// What grows: the events' type, where the text stands in them, and how it is read.
const GROWING: [(&str, &[&str], Reading); 4] = [
    ("text-generation", &["text"], Reading::Sniffing),
    ("tool-calls-chunk", &["text"], Reading::Sniffing),
    ("tool-calls-chunk", &["tool_call_delta", "text"], Reading::Sniffing),
    ("tool-calls-chunk", &["tool_call_delta", "parameters"], Reading::Arguments),
];
/// All types of events: what else has an `event_type` is none of these streams.
const TYPES: [&[u8]; 9] = [
    b"stream-start",
    b"search-queries-generation",
    b"search-results",
    b"text-generation",
    b"citation-generation",
    b"tool-calls-chunk",
    b"tool-calls-generation",
    b"debug",
    b"stream-end",
];
/// The row of what is said.
const SAID: u8 = 0;

/// How the text of this row is read.
pub(super) fn reading(row: u8) -> Reading {
    GROWING.get(usize::from(row)).map_or(Reading::Sniffing, |(_, _, reading)| *reading)
}

/// Whether citations count in the text of this row.
pub(super) fn is_cited(row: u8) -> bool {
    row == SAID
}

/// Reads an event that may be one of these streams.
pub(super) fn read(event: Event<'_>, root: Node, plan: &mut Plan) -> Result<(), BodyError> {
    let Some(kind) = kind(event, root)? else { return Ok(()) };
    plan.known = true;
    // Of several generations each has its own.
    let of = event.number(root, "index", 0)?;
    for (row, (name, path, _)) in GROWING.iter().enumerate() {
        if name.as_bytes() != kind.as_ref() {
            continue;
        }
        let (parent, key) = match path {
            [object, key] => (event.of_kind(root, object, Kind::Object)?, *key),
            [key] => (Some(root), *key),
            _ => continue,
        };
        let Some(parent) = parent else { continue };
        let of = if parent == root { of } else { event.number(parent, "index", 0)? };
        plan.delta(event.index, event.member(parent, key)?, of, Part::Generated(row as u8));
    }
    match kind.as_ref() {
        b"citation-generation" => {
            let text = CountsIn::Growing(TextKey { of: 0, part: Part::Generated(SAID) });
            read_citations(event, root, text, plan)?;
        }
        // The calls are there whole.
        b"tool-calls-generation" => plan.before.push(End::Calls),
        b"stream-start" | b"stream-end" => {
            let reason = event.of_kind(root, "finish_reason", Kind::String)?;
            let failed = reason.is_some_and(|reason| event.word(reason).starts_with(b"ERROR"));
            if failed { &mut plan.lost } else { &mut plan.before }.push(End::All);
            if let Some(answer) = event.of_kind(root, "response", Kind::Object)?
                && let Some(text) = event.of_kind(answer, "text", Kind::String)?
            {
                read_citations(event, answer, CountsIn::Whole(text), plan)?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// The type of an event of these streams, whoever passes it on.
pub(super) fn kind<'a>(event: Event<'a>, root: Node) -> Result<Option<Cow<'a, [u8]>>, BodyError> {
    let kind = event.of_kind(root, "event_type", Kind::String)?.map(|kind| event.word(kind));
    Ok(kind.filter(|kind| TYPES.contains(&kind.as_ref())))
}

fn read_citations(event: Event<'_>, of: Node, text: CountsIn, plan: &mut Plan) -> Result<(), BodyError> {
    let Some(citations) = event.of_kind(of, "citations", Kind::Array)? else { return Ok(()) };
    for citation in event.objects(citations) {
        event.offsets(citation, ["start", "end"], Unit::Characters, text, plan)?;
    }
    Ok(())
}
