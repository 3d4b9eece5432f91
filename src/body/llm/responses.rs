//! OpenAI Responses and Realtime: items that grow by `response.….delta` and are repeated whole by `.done` and at the
//! end, transcripts of what was heard among them; and Mistral's conversations, whose outputs grow alike.
//!
//! Enters: one indexed event. Leaves: its [`Plan`]. What is held of a text leaves in a copy of its last delta, which takes
//! the next number of the stream; the events behind it are counted on from there.

use std::hash::{DefaultHasher, Hash, Hasher as _};

use super::openai;
use super::plan::{Copied, CountsIn, End, Event, Name, Part, Plan, Reading, TextKey};
use crate::body::BodyError;
use crate::body::json::{Kind, Node};

/// Types of growing texts, without `.delta` and `.done`, the member that has the text, and how it is read.
const GROWING: [(&str, &str, Reading); 19] = [
    ("response.output_text", "delta", Reading::Sniffing),
    ("response.refusal", "delta", Reading::Sniffing),
    ("response.reasoning_text", "delta", Reading::Sniffing),
    ("response.reasoning_summary_text", "delta", Reading::Sniffing),
    ("response.reasoning_summary", "delta", Reading::Sniffing),
    ("response.reasoning", "delta", Reading::Sniffing),
    ("response.function_call_arguments", "delta", Reading::Arguments),
    ("response.mcp_call_arguments", "delta", Reading::Arguments),
    ("response.mcp_call.arguments", "delta", Reading::Arguments),
    ("response.custom_tool_call_input", "delta", Reading::Sniffing),
    ("response.code_interpreter_call_code", "delta", Reading::Sniffing),
    ("response.audio.transcript", "delta", Reading::Sniffing),
    ("transcript.text", "delta", Reading::Sniffing),
    // Realtime's own names, old and new.
    ("response.text", "delta", Reading::Sniffing),
    ("response.audio_transcript", "delta", Reading::Sniffing),
    ("response.output_audio_transcript", "delta", Reading::Sniffing),
    ("message.output", "content", Reading::Sniffing),
    ("function.call", "arguments", Reading::Arguments),
    // Of an output, what is thought and not said.
    (THOUGHT, "content", Reading::Sniffing),
];
const THOUGHT: &str = "message.output thinking";
/// No kind of a growing text: all of an item's, repeated.
const WHOLE: u8 = u8::MAX;

/// Whose an item is, beside the answers that have names: of a stream that has one answer, or of what was heard.
const NAMELESS: u32 = 0;
const HEARD: u32 = 1;

/// How the text of this kind is read.
pub(super) fn reading(kind: u8) -> Reading {
    GROWING.get(usize::from(kind)).map_or(Reading::Sniffing, |(_, _, reading)| *reading)
}

/// Whether the text of this kind is one that an answer has for its reader.
pub(super) fn is_for_reader(kind: u8) -> bool {
    let code = |name: &str| name == "response.code_interpreter_call_code";
    GROWING.get(usize::from(kind)).is_some_and(|(name, ..)| !is_call(kind) && !code(name))
}

/// Whether the text of this kind is what a tool is called with.
pub(super) fn is_call(kind: u8) -> bool {
    GROWING
        .get(usize::from(kind))
        .is_some_and(|(name, _, reading)| *reading == Reading::Arguments || *name == "response.custom_tool_call_input")
}

/// The first kind of the texts that a reader may add this kind's to: those of one sort in one answer, whatever they are called.
pub(super) fn sort(kind: u8) -> u8 {
    let sorts: [&[&str]; 5] = [
        &["response.output_text", "response.text", "message.output"],
        &["response.reasoning_text", "response.reasoning", THOUGHT],
        &["response.reasoning_summary_text", "response.reasoning_summary"],
        &["response.audio_transcript", "response.output_audio_transcript", "response.audio.transcript"],
        &["response.refusal"],
    ];
    let name = GROWING.get(usize::from(kind)).map_or("", |(name, ..)| *name);
    let sort = sorts.iter().find(|sort| sort.contains(&name)).and_then(|sort| sort.first());
    sort.map_or(kind, |name| row(name))
}

/// The place of a name among those of growing texts.
fn row(name: &str) -> u8 {
    GROWING.iter().position(|(growing, ..)| *growing == name).unwrap_or_default() as u8
}

/// The growing text that a whole one of this key repeats: `copied`, or that of its item which is of the text's own sort. If
/// the key does not tell that, it is of the kind that its object has [`grown`].
pub(super) fn repeated(key: Option<&[u8]>, grown: u8, copied: TextKey) -> TextKey {
    let Part::Item { kind: WHOLE, at } = copied.part else { return copied };
    let kind = match key {
        Some(b"refusal") => row("response.refusal"),
        Some(b"transcript") => row("response.audio_transcript"),
        _ => grown,
    };
    TextKey { of: copied.of, part: Part::Item { kind, at } }
}

/// The kind of growing texts that the text of an object repeats, by the object's type.
pub(super) fn grown(event: Event<'_>, object: Node) -> u8 {
    let kind = event.of_kind(object, "type", Kind::String).ok().flatten().map(|kind| event.word(kind));
    row(match kind.as_deref() {
        Some(b"summary_text") => "response.reasoning_summary_text",
        Some(b"reasoning_text") => "response.reasoning_text",
        _ => "response.output_text",
    })
}

/// The part that the arguments of an item's call are.
fn call() -> Part {
    Part::Item { kind: row("response.function_call_arguments"), at: 0 }
}

/// Reads an event that may be one of the Responses stream.
pub(super) fn read(event: Event<'_>, root: Node, plan: &mut Plan) -> Result<(), BodyError> {
    let Some(kind) = event.of_kind(root, "type", Kind::String)? else { return Ok(()) };
    let kind = event.word(kind);
    // Of every event: errors and what keeps a connection open are counted as well.
    plan.sequence = event.of_kind(root, "sequence_number", Kind::Number)?;
    let Some((name, last)) = std::str::from_utf8(&kind).ok().and_then(|kind| kind.rsplit_once('.')) else {
        return Ok(());
    };
    let growing = GROWING.iter().position(|(growing, ..)| *growing == name);
    let ours = matches!(name.split('.').next(), Some("response" | "transcript" | "conversation"));
    let grows = growing.is_some() && last == "delta";
    if !ours && !grows {
        return Ok(());
    }
    plan.known = true;
    plan.identifier = event.of_kind(root, "event_id", Kind::String)?;
    read_copies(event, plan)?;
    let of = item(owner_of(event, root, name)?, event.number(root, "output_index", 0)?);
    if let (Some(item), "added") = (event.of_kind(root, "item", Kind::Object)?, last) {
        plan.begin_call(event.index, event.member(item, "name")?, of, call());
    }
    if name == "function.call" {
        plan.name(event.index, event.member(root, "name")?, of, call(), false);
    }
    if last == "done" {
        let summary = event.number(root, "summary_index", 0)? as usize;
        let at = event.number(root, "content_index", summary)?;
        let kind = growing.map_or(WHOLE, |kind| kind as u8);
        plan.copied = Some(TextKey { of, part: Part::Item { kind, at } });
    }
    match (growing, last) {
        (Some(kind), "delta" | "done") => {
            let summary = event.number(root, "summary_index", 0)? as usize;
            let at = event.number(root, "content_index", summary)?;
            let key = TextKey { of, part: Part::Item { kind: kind as u8, at } };
            if last == "done" {
                plan.before.push(End::One(key));
                return Ok(());
            }
            let member = GROWING.get(kind).map_or("delta", |(_, member, _)| *member);
            let text = event.member(root, member)?;
            plan.delta(event.index, text, of, key.part);
            if let Some(chunk) = text.filter(|text| event.index.kind(*text) == Kind::Object) {
                read_chunk(event, chunk, key, plan)?;
            }
            if let Some(logprobs) = event.of_kind(root, "logprobs", Kind::Array)? {
                plan.copies.push(Copied { node: logprobs, of: Some(of), hidden: false, without: b"[]" });
            }
        }
        (None, "added") if name == "response.output_text.annotation" => {
            let at = event.number(root, "content_index", 0)?;
            let text = CountsIn::Growing(TextKey { of, part: Part::Item { kind: 0, at } });
            if let Some(note) = event.of_kind(root, "annotation", Kind::Object)? {
                openai::read_note(event, note, text, plan)?;
            }
        }
        // Sound has no text, and is no text.
        (None, "delta") if !name.ends_with("audio") => read_other(event, root, name, of, plan)?,
        (None, "done") if name == "response.output_item" => plan.before.push(End::Item(of)),
        (None, "failed" | "error") if name.ends_with("response") => plan.lost.push(End::Answer(None)),
        (None, "completed" | "incomplete" | "cancelled" | "done") if name.ends_with("response") => {
            let failed = has_failed(event, root)?;
            plan.whole = !failed;
            let ended = End::Answer(if last == "done" { answer(event, root)? } else { None });
            if failed { &mut plan.lost } else { &mut plan.before }.push(ended);
        }
        (None, "done" | "completed") => plan.before.push(End::ItemNamed { of, at: place(event, root, name) }),
        (None, "failed") => plan.lost.push(End::ItemNamed { of, at: place(event, root, name) }),
        _ => {}
    }
    Ok(())
}

/// Whether an answer that is over says that it has failed.
fn has_failed(event: Event<'_>, root: Node) -> Result<bool, BodyError> {
    let Some(response) = event.of_kind(root, "response", Kind::Object)? else { return Ok(false) };
    let status = event.of_kind(response, "status", Kind::String)?;
    Ok(status.is_some_and(|status| event.word(status).as_ref() == b"failed"))
}

/// A delta of a kind that has no row, or one that comes tomorrow: a text, or an object of texts that grow side by side.
fn read_other(event: Event<'_>, root: Node, name: &str, of: u64, plan: &mut Plan) -> Result<(), BodyError> {
    let Some(delta) = event.member(root, "delta")? else { return Ok(()) };
    let at = place(event, root, name);
    let object = event.index.kind(delta) == Kind::Object;
    let texts = event.index.children(if object { delta } else { root }).filter(|text| object || *text == delta);
    if let Some(logprobs) = event.of_kind(root, "logprobs", Kind::Array)? {
        plan.copies.push(Copied { node: logprobs, of: Some(of), hidden: false, without: b"[]" });
    }
    for text in texts {
        let name = event.index.key(text).and_then(Name::of_text);
        if let Some(name) = name {
            plan.delta(event.index, Some(text), of, Part::ItemNamed { name, at });
        }
    }
    Ok(())
}

/// Whose text an event of this name brings.
fn owner_of(event: Event<'_>, root: Node, name: &str) -> Result<u32, BodyError> {
    // What was heard may be written down while an answer grows, and stay unfinished when that ends.
    if name.starts_with("conversation.item") {
        return Ok(HEARD);
    }
    Ok(event.of_kind(root, "response_id", Kind::String)?.map_or(NAMELESS, |id| answer_named(&event.word(id))))
}

/// The answer that an event speaks of, where it has a name.
fn answer(event: Event<'_>, root: Node) -> Result<Option<u32>, BodyError> {
    let Some(response) = event.of_kind(root, "response", Kind::Object)? else { return Ok(None) };
    let id = event.of_kind(response, "id", Kind::String)?;
    Ok(id.map(|id| answer_named(&event.word(id))))
}

/// The number of an answer of this name: Realtime's answers may grow side by side.
fn answer_named(id: &[u8]) -> u32 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    (hasher.finish() as u32).max(HEARD + 1)
}

/// One number for an item: whose it is, and its index.
fn item(owner: u32, index: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    let index = u32::try_from(index).unwrap_or_else(|_| {
        index.hash(&mut hasher);
        hasher.finish() as u32
    });
    u64::from(owner) << 32 | u64::from(index)
}

/// Whether an answer's end is that of an item's text; any answer's where none is named.
pub(super) fn is_of_answer(of: u64, answer: Option<u32>) -> bool {
    let owner = (of >> 32) as u32;
    owner != HEARD && answer.is_none_or(|answer| owner == NAMELESS || owner == answer)
}

/// One number for a kind and the indexes that an event has besides its item's.
fn place(event: Event<'_>, root: Node, name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    // Of what is heard, the item alone says which text it is.
    let heard = name.starts_with("conversation.item");
    for member in event.index.children(root) {
        let key = event.index.key(member).unwrap_or_default();
        let index = key.ends_with(b"_index") && key != b"output_index" && event.index.kind(member) == Kind::Number;
        if index || (heard && key == b"item_id") {
            (key, event.word(member)).hash(&mut hasher);
        }
    }
    hasher.finish()
}

/// An output's content as a chunk: `text`, or `thinking` with texts of its own.
fn read_chunk(event: Event<'_>, chunk: Node, key: TextKey, plan: &mut Plan) -> Result<(), BodyError> {
    plan.delta(event.index, event.member(chunk, "text")?, key.of, key.part);
    let (Some(kind), Part::Item { at, .. }) = (GROWING.iter().position(|(name, ..)| *name == THOUGHT), key.part) else {
        return Ok(());
    };
    if let Some(thoughts) = event.of_kind(chunk, "thinking", Kind::Array)? {
        for thought in event.objects(thoughts) {
            plan.delta(event.index, event.member(thought, "text")?, key.of, Part::Item { kind: kind as u8, at });
        }
    }
    Ok(())
}

/// Finds the token details and the annotations that stand beside a whole text.
fn read_copies(event: Event<'_>, plan: &mut Plan) -> Result<(), BodyError> {
    let index = event.index;
    let arrays = index.nodes().filter(|node| index.kind(*node) == Kind::Array);
    for beside in arrays.filter(|node| matches!(index.key(*node), Some(b"logprobs" | b"annotations"))) {
        let Some(parent) = index.parent(beside) else { continue };
        // What was heard is called so.
        let text = event.of_kind(parent, "text", Kind::String)?;
        let Some(text) = text.or(event.of_kind(parent, "transcript", Kind::String)?) else { continue };
        if index.key(beside) == Some(b"logprobs") {
            plan.twins.push((beside, text));
            continue;
        }
        for note in event.objects(beside) {
            openai::read_note(event, note, CountsIn::Whole(text), plan)?;
        }
    }
    Ok(())
}
