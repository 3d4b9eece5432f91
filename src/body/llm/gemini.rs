//! Google Gemini: candidates, each message a whole answer whose parts go on where the last one's ended.
//!
//! Enters: one indexed message, on its own or as `response` in another. Leaves: its [`Plan`], or a message of our own
//! that carries what was held of a text. Protocol buffers are written with either of two names for a member; an index
//! of zero is left out. Parts have no index: what a reader adds up are the texts, and the thoughts.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::plan::{Chunk, CountsIn, End, Event, Part, Plan, TextKey};
use crate::body::BodyError;
use crate::body::json::{Kind, Node, Unit, escape};

/// What a message of our own copies from the stream's messages.
const ENVELOPE: [&str; 6] = ["modelVersion", "model_version", "responseId", "response_id", "createTime", "create_time"];
/// The beginning of a message inside another.
const WRAPPED: &[u8] = b"{\"response\":{";

/// Reads an event that may be a message of candidates.
pub(super) fn read(event: Event<'_>, root: Node, plan: &mut Plan) -> Result<(), BodyError> {
    let inner = match event.of_kind(root, "response", Kind::Object)? {
        Some(inner) if event.of_kind(root, "candidates", Kind::Array)?.is_none() => inner,
        _ => root,
    };
    let Some(candidates) = event.of_kind(inner, "candidates", Kind::Array)? else { return Ok(()) };
    plan.chunk = Some(Chunk { node: inner, members: &ENVELOPE });
    plan.known = true;
    for candidate in event.objects(candidates) {
        read_candidate(event, candidate, plan)?;
    }
    Ok(())
}

fn read_candidate(event: Event<'_>, candidate: Node, plan: &mut Plan) -> Result<(), BodyError> {
    let of = event.number(candidate, "index", 0)?;
    plan.mentions.push(of);
    for copy in ["logprobsResult", "logprobs_result"] {
        plan.copy(event.index, event.member(candidate, copy)?, Some(of), b"null");
    }
    let reason = event.either(candidate, ["finishReason", "finish_reason"], Kind::String)?;
    let finishes = reason.is_some_and(|reason| !event.word(reason).is_empty());
    if finishes {
        plan.finishes.push(of);
    }
    read_places(event, candidate, of, plan)?;
    let Some(content) = event.of_kind(candidate, "content", Kind::Object)? else { return Ok(()) };
    let Some(parts) = event.of_kind(content, "parts", Kind::Array)? else { return Ok(()) };
    for part in event.objects(parts) {
        let thought = event.of_kind(part, "thought", Kind::True)?.is_some();
        let text = if thought { Part::CandidateThought } else { Part::CandidateText };
        let says = event.of_kind(part, "text", Kind::String)?;
        let some = |string: &Node| event.index.range(*string).len() > 2;
        let signature = event.either(part, ["thoughtSignature", "thought_signature"], Kind::String)?.filter(some);
        // What is held of a text comes before a part that only signs it.
        if signature.is_none() || says.as_ref().is_some_and(some) {
            plan.delta(event.index, says, of, text);
        }
        let mut whole_call = false;
        if let Some(call) = event.either(part, ["functionCall", "function_call"], Kind::Object)? {
            whole_call = is_whole(event, call)?;
            read_call(event, call, of, plan)?;
        }
        if let Some(signature) = signature {
            plan.signed.push((signature, part, says.map(|_| TextKey { of, part: text })));
        }
        // The text before a call, or with its signature, is mostly over; and if not, it goes on in the next message.
        if signature.is_some() || whole_call {
            plan.pauses.push(of);
        }
    }
    Ok(())
}

/// Whether a call does not come piece by piece.
fn is_whole(event: Event<'_>, call: Node) -> Result<bool, BodyError> {
    let pieces = event.either(call, ["partialArgs", "partial_args"], Kind::Array)?;
    let goes_on = event.either(call, ["willContinue", "will_continue"], Kind::True)?;
    Ok(pieces.is_none() && goes_on.is_none() && event.index.children(call).next().is_some())
}

/// Where in the text what was found elsewhere stands: the sources that it is grounded on, and what it cites.
fn read_places(event: Event<'_>, candidate: Node, of: u64, plan: &mut Plan) -> Result<(), BodyError> {
    let text = CountsIn::Growing(TextKey { of, part: Part::CandidateText });
    let names = [["startIndex", "endIndex"], ["start_index", "end_index"]];
    if let Some(grounding) = event.either(candidate, ["groundingMetadata", "grounding_metadata"], Kind::Object)?
        && let Some(supports) = event.either(grounding, ["groundingSupports", "grounding_supports"], Kind::Array)?
    {
        for support in event.objects(supports) {
            let Some(segment) = event.of_kind(support, "segment", Kind::Object)? else { continue };
            for names in names {
                event.offsets(segment, names, Unit::Bytes, text, plan)?;
            }
        }
    }
    if let Some(cited) = event.either(candidate, ["citationMetadata", "citation_metadata"], Kind::Object)? {
        for list in ["citationSources", "citation_sources", "citations"] {
            let Some(sources) = event.of_kind(cited, list, Kind::Array)? else { continue };
            for source in event.objects(sources) {
                for names in names {
                    event.offsets(source, names, Unit::Bytes, text, plan)?;
                }
            }
        }
    }
    Ok(())
}

/// A call whose arguments come piece by piece: strings go on until one does not say that it will.
pub(super) fn read_call(event: Event<'_>, call: Node, of: u64, plan: &mut Plan) -> Result<(), BodyError> {
    // Of two names readers take one or the other; each begins a call.
    let is_name = |member| event.index.key(member).is_some_and(|key| key == b"name");
    if event.index.children(call).any(is_name) {
        plan.anew.push(End::Arguments(of));
    }
    let Some(arguments) = event.either(call, ["partialArgs", "partial_args"], Kind::Array)? else { return Ok(()) };
    let id = event.of_kind(call, "id", Kind::String)?;
    for argument in event.objects(arguments) {
        let path = event.either(argument, ["jsonPath", "json_path"], Kind::String)?;
        let mut place = DefaultHasher::new();
        id.map(|id| event.word(id)).hash(&mut place);
        path.map(|path| event.word(path)).hash(&mut place);
        let key = TextKey { of, part: Part::CandidateArgument(place.finish()) };
        let text = event.either(argument, ["stringValue", "string_value"], Kind::String)?;
        plan.delta(event.index, text, of, key.part);
        if text.is_some() && event.either(argument, ["willContinue", "will_continue"], Kind::True)?.is_none() {
            plan.with.push(End::One(key));
        }
    }
    Ok(())
}

/// Begins a message of our own: inside another, where the stream's messages are.
pub(super) fn begin(wrapped: bool) -> &'static [u8] {
    if wrapped { WRAPPED } else { b"{" }
}

/// Writes the data of a message that carries `text`; `envelope` is its beginning.
pub(super) fn write_message(envelope: &[u8], key: TextKey, text: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(if envelope.is_empty() { b"{" } else { envelope });
    out.extend_from_slice(b"\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"");
    escape(text, out);
    let thought = if key.part == Part::CandidateThought { "\",\"thought\":true" } else { "\"" };
    out.extend_from_slice(format!("{thought}}}],\"role\":\"model\"}},\"index\":{}}}]}}", key.of).as_bytes());
    if envelope.starts_with(WRAPPED) {
        out.push(b'}');
    }
}
