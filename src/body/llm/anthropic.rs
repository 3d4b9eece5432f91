//! Anthropic Messages: content blocks that start, grow and stop.
//!
//! Enters: one indexed event. Leaves: its [`Plan`], or a `content_block_delta` of our own that carries what was held
//! of a block. The text of a block begins with what its start brings, since readers add the deltas to it.

use super::plan::{End, Event, Part, Plan, TextKey};
use crate::body::BodyError;
use crate::body::json::{Kind, Node, escape};

/// Reads an event that may be one of the Messages stream. Its data need not say what it is where its `name` does: clients
/// look at that first.
pub(super) fn read(event: Event<'_>, root: Node, name: &[u8], plan: &mut Plan) -> Result<(), BodyError> {
    let said = event.of_kind(root, "type", Kind::String)?.map(|kind| event.word(kind));
    match said.as_deref().unwrap_or(name) {
        b"content_block_delta" => {
            let of = event.number(root, "index", 0)?;
            let Some(delta) = event.of_kind(root, "delta", Kind::Object)? else { return Ok(()) };
            plan.delta(event.index, event.member(delta, "text")?, of, Part::Text);
            plan.delta(event.index, event.member(delta, "partial_json")?, of, Part::PartialJson);
            plan.delta(event.index, event.member(delta, "thinking")?, of, Part::Thinking);
            let kind = event.of_kind(delta, "type", Kind::String)?;
            // Readers set what a compaction brings and add nothing to it: it comes whole, and stays so.
            if kind.is_none_or(|kind| event.word(kind).as_ref() != b"compaction_delta") {
                plan.others(event.index, delta, &[b"text", b"partial_json", b"thinking"], of, Part::BlockNamed);
            }
            let signs = TextKey { of, part: Part::Thinking };
            plan.signature(event.index, event.member(delta, "signature")?, signs);
        }
        b"content_block_start" => {
            let of = event.number(root, "index", 0)?;
            plan.before.push(End::Block(of));
            plan.anew.push(End::Block(of));
            let block = event.of_kind(root, "content_block", Kind::Object)?;
            let name = block.map(|block| event.member(block, "name")).transpose()?.flatten();
            plan.begin_call(event.index, name, of, Part::PartialJson);
            let Some(block) = block else { return Ok(()) };
            plan.delta(event.index, event.member(block, "text")?, of, Part::Text);
            plan.delta(event.index, event.member(block, "thinking")?, of, Part::Thinking);
            let signs = TextKey { of, part: Part::Thinking };
            plan.signature(event.index, event.member(block, "signature")?, signs);
        }
        b"content_block_stop" => plan.before.push(End::Block(event.number(root, "index", 0)?)),
        kind @ (b"message_start" | b"message_delta" | b"message_stop") => {
            plan.before.push(End::All);
            plan.anew.extend((kind == b"message_start").then_some(End::All));
        }
        // OpenAI's Responses have it as well.
        b"error" => plan.fails = true,
        _ => return Ok(()),
    }
    plan.known = true;
    Ok(())
}

/// Writes the data of a delta that carries `text`.
pub(super) fn write_delta(key: TextKey, text: &[u8], out: &mut Vec<u8>) {
    let (kind, member) = match key.part {
        Part::PartialJson => ("input_json_delta", "partial_json"),
        Part::Thinking => ("thinking_delta", "thinking"),
        _ => ("text_delta", "text"),
    };
    let head = format!(
        "{{\"type\":\"content_block_delta\",\"index\":{},\"delta\":{{\"type\":\"{kind}\",\"{member}\":\"",
        key.of
    );
    out.extend_from_slice(head.as_bytes());
    escape(text, out);
    out.extend_from_slice(b"\"}}");
}
