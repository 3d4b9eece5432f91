//! OpenAI chat completions and legacy completions, and what is compatible with them: `choices[].delta`, `.text`.
//!
//! Enters: one indexed event. Leaves: its [`Plan`], or a chunk of our own that carries what was held of a text.

use super::plan::{Chunk, CountsIn, End, Event, Part, Plan, TextKey};
use crate::body::BodyError;
use crate::body::json::{Kind, Node, Unit, escape};

/// What a chunk of our own copies from the stream's chunks.
const ENVELOPE: [&str; 6] = ["id", "object", "created", "model", "system_fingerprint", "provider"];

/// What an event says that is a chunk.
const CHUNK: &[u8] = b"chat.completion.chunk";

/// What a message beside a delta repeats.
const REPEATED: [(&str, Part); 4] = [
    ("content", Part::Content),
    ("refusal", Part::Refusal),
    ("reasoning_content", Part::ReasoningContent),
    ("reasoning", Part::Reasoning),
];

/// Reads an event that may be a chunk.
pub(super) fn read(event: Event<'_>, root: Node, plan: &mut Plan) -> Result<(), BodyError> {
    // Some servers write an empty error into every chunk.
    if let Some(error) = event.member(root, "error")? {
        plan.fails |= match event.index.kind(error) {
            Kind::Object => event.index.children(error).next().is_some(),
            Kind::String => !event.word(error).is_empty(),
            _ => false,
        };
    }
    let Some(choices) = event.of_kind(root, "choices", Kind::Array)? else { return Ok(()) };
    plan.chunk = Some(Chunk { node: root, members: &ENVELOPE });
    plan.known = true;
    plan.hide(event.index, event.member(root, "prompt_logprobs")?);
    for choice in event.index.children(choices).filter(|choice| event.index.kind(*choice) == Kind::Object) {
        read_choice(event, choice, plan)?;
    }
    // Perplexity's last event is no chunk to OpenAI's own client, which passes it over: nothing is put there.
    if let Some(object) = event.of_kind(root, "object", Kind::String)?
        && event.word(object).ends_with(b".done")
    {
        plan.chunk = None;
        plan.deltas.retain(|(node, _)| event.index.range(*node).len() > 2);
    }
    Ok(())
}

fn read_choice(event: Event<'_>, choice: Node, plan: &mut Plan) -> Result<(), BodyError> {
    let of = event.number(choice, "index", event.index.place(choice))?;
    plan.mentions.push(of);
    plan.delta(event.index, event.member(choice, "text")?, of, Part::Completion);
    plan.hide(event.index, event.member(choice, "prompt_logprobs")?);
    for copy in ["logprobs", "token_ids"] {
        plan.copy(event.index, event.member(choice, copy)?, Some(of), b"null");
    }
    // Some servers write an empty reason into every chunk, and some models of Bedrock's call it otherwise.
    for name in ["finish_reason", "stop_reason"] {
        let Some(reason) = event.of_kind(choice, name, Kind::String)? else { continue };
        match event.word(reason).as_ref() {
            b"" => {}
            b"error" => plan.lost.push(End::Choice(of)),
            _ => plan.finishes.push(of),
        }
    }
    let Some(delta) = event.of_kind(choice, "delta", Kind::Object)? else {
        return read_message(event, choice, of, plan);
    };
    if let Some(content) = event.member(delta, "content")? {
        match event.index.kind(content) {
            Kind::Array => read_content_chunks(event, content, of, plan)?,
            _ => plan.delta(event.index, Some(content), of, Part::Content),
        }
    }
    if let Some(message) = event.of_kind(choice, "message", Kind::Object)? {
        // Some servers say all of it again in every chunk.
        for (member, part) in REPEATED {
            if let Some(text) = event.of_kind(message, member, Kind::String)? {
                plan.repeats.push((text, TextKey { of, part }));
            }
        }
    }
    plan.delta(event.index, event.member(delta, "refusal")?, of, Part::Refusal);
    plan.delta(event.index, event.member(delta, "reasoning_content")?, of, Part::ReasoningContent);
    plan.delta(event.index, event.member(delta, "reasoning")?, of, Part::Reasoning);
    let known: [&[u8]; 4] = [b"content", b"refusal", b"reasoning_content", b"reasoning"];
    plan.others(event.index, delta, &known, of, Part::Named);
    if let Some(call) = event.of_kind(delta, "function_call", Kind::Object)? {
        plan.name(event.index, event.member(call, "name")?, of, Part::FunctionArguments, false);
        plan.delta(event.index, event.member(call, "arguments")?, of, Part::FunctionArguments);
    }
    if let Some(notes) = event.of_kind(delta, "annotations", Kind::Array)? {
        let text = CountsIn::Growing(TextKey { of, part: Part::Content });
        for note in event.objects(notes) {
            read_note(event, note, text, plan)?;
        }
    }
    if let Some(audio) = event.of_kind(delta, "audio", Kind::Object)? {
        plan.delta(event.index, event.member(audio, "transcript")?, of, Part::Transcript);
    }
    if let Some(calls) = event.of_kind(delta, "tool_calls", Kind::Array)? {
        for call in event.index.children(calls).filter(|call| event.index.kind(*call) == Kind::Object) {
            read_tool_call(event, call, of, plan)?;
        }
    }
    read_thinking_blocks(event, delta, of, false, plan)?;
    if let Some(own) = event.of_kind(delta, "provider_specific_fields", Kind::Object)? {
        read_thinking_blocks(event, own, of, true, plan)?;
        plan.delta(event.index, event.member(own, "reasoning_content")?, of, Part::OwnReasoning);
    }
    if let Some(details) = event.of_kind(delta, "reasoning_details", Kind::Array)? {
        for detail in event.index.children(details).filter(|detail| event.index.kind(*detail) == Kind::Object) {
            let at = event.number(detail, "index", event.index.place(detail))?;
            plan.delta(event.index, event.member(detail, "text")?, of, Part::ReasoningText(at));
            plan.delta(event.index, event.member(detail, "summary")?, of, Part::ReasoningSummary(at));
            let signs = TextKey { of, part: Part::ReasoningText(at) };
            plan.signature(event.index, event.member(detail, "signature")?, signs);
        }
    }
    Ok(())
}

/// A message in the place of a delta, where the event says that it is a chunk.
fn read_message(event: Event<'_>, choice: Node, of: u64, plan: &mut Plan) -> Result<(), BodyError> {
    let object = event.index.root().map(|root| event.of_kind(root, "object", Kind::String)).transpose()?.flatten();
    if object.is_none_or(|object| event.word(object).as_ref() != CHUNK) {
        return Ok(());
    }
    let Some(message) = event.of_kind(choice, "message", Kind::Object)? else { return Ok(()) };
    for (member, part) in REPEATED {
        plan.delta(event.index, event.member(message, member)?, of, part);
    }
    Ok(())
}

/// An annotation of a text: what it cites, and from where to where.
pub(super) fn read_note(event: Event<'_>, note: Node, text: CountsIn, plan: &mut Plan) -> Result<(), BodyError> {
    let inner = event.of_kind(note, "url_citation", Kind::Object)?.unwrap_or(note);
    event.offsets(inner, ["start_index", "end_index"], Unit::Characters, text, plan)
}

/// Blocks of thinking as gateways pass them on, beside the same text as reasoning.
fn read_thinking_blocks(event: Event<'_>, around: Node, of: u64, own: bool, plan: &mut Plan) -> Result<(), BodyError> {
    let Some(blocks) = event.of_kind(around, "thinking_blocks", Kind::Array)? else { return Ok(()) };
    for block in event.objects(blocks) {
        let at = event.number(block, "index", event.index.place(block))?;
        let signs = TextKey { of, part: Part::ThinkingBlock { at, own } };
        plan.delta(event.index, event.member(block, "thinking")?, of, signs.part);
        plan.signature(event.index, event.member(block, "signature")?, signs);
    }
    Ok(())
}

fn read_tool_call(event: Event<'_>, call: Node, of: u64, plan: &mut Plan) -> Result<(), BodyError> {
    let at = event.number(call, "index", event.index.place(call))?;
    let id = event.of_kind(call, "id", Kind::String)?.filter(|id| event.index.range(*id).len() > 2);
    let (function, custom) =
        (event.of_kind(call, "function", Kind::Object)?, event.of_kind(call, "custom", Kind::Object)?);
    if let Some(id) = id {
        let part = if custom.is_some() && function.is_none() { Part::ToolInput(at) } else { Part::ToolArguments(at) };
        plan.calls.push((id, TextKey { of, part }));
    }
    if let Some(function) = function {
        plan.name(event.index, event.member(function, "name")?, of, Part::ToolArguments(at), id.is_some());
        plan.delta(event.index, event.member(function, "arguments")?, of, Part::ToolArguments(at));
    }
    if let Some(custom) = custom {
        plan.name(event.index, event.member(custom, "name")?, of, Part::ToolInput(at), id.is_some());
        plan.delta(event.index, event.member(custom, "input")?, of, Part::ToolInput(at));
    }
    Ok(())
}

/// `content` as an array of chunks: `text`, and `thinking` with texts of its own.
fn read_content_chunks(event: Event<'_>, content: Node, of: u64, plan: &mut Plan) -> Result<(), BodyError> {
    for chunk in event.index.children(content).filter(|chunk| event.index.kind(*chunk) == Kind::Object) {
        plan.delta(event.index, event.member(chunk, "text")?, of, Part::Content);
        if let Some(thinking) = event.member(chunk, "thinking")? {
            plan.delta(event.index, Some(thinking), of, Part::ContentThinking);
            for thought in event.index.children(thinking).filter(|node| event.index.kind(*node) == Kind::Object) {
                plan.delta(event.index, event.member(thought, "text")?, of, Part::ContentThinking);
            }
        }
        let signs = TextKey { of, part: Part::ContentThinking };
        plan.signature(event.index, event.member(chunk, "signature")?, signs);
    }
    Ok(())
}

/// Writes the data of a chunk that carries `text`; `envelope` is its beginning.
pub(super) fn write_chunk(envelope: &[u8], key: TextKey, text: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(if envelope.is_empty() { b"{" } else { envelope });
    out.extend_from_slice(format!("\"choices\":[{{\"index\":{},", key.of).as_bytes());
    let (before, after): (String, &str) = match key.part {
        Part::Refusal => ("\"delta\":{\"refusal\":".into(), "}"),
        Part::ReasoningContent => ("\"delta\":{\"reasoning_content\":".into(), "}"),
        Part::Reasoning => ("\"delta\":{\"reasoning\":".into(), "}"),
        Part::FunctionArguments => ("\"delta\":{\"function_call\":{\"arguments\":".into(), "}}"),
        Part::Transcript => ("\"delta\":{\"audio\":{\"transcript\":".into(), "}}"),
        Part::Named(name) => (format!("\"delta\":{{\"{}\":", name.as_str()), "}"),
        Part::Completion => ("\"text\":".into(), ""),
        Part::ContentThinking => (
            "\"delta\":{\"content\":[{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\",\"text\":".into(),
            "}]}]}",
        ),
        Part::ToolArguments(at) => {
            (format!("\"delta\":{{\"tool_calls\":[{{\"index\":{at},\"function\":{{\"arguments\":"), "}}]}")
        }
        Part::ToolInput(at) => {
            (format!("\"delta\":{{\"tool_calls\":[{{\"index\":{at},\"custom\":{{\"input\":"), "}}]}")
        }
        Part::ThinkingBlock { own: false, .. } => {
            ("\"delta\":{\"thinking_blocks\":[{\"type\":\"thinking\",\"thinking\":".into(), "}]}")
        }
        Part::ThinkingBlock { own: true, .. } => (
            "\"delta\":{\"provider_specific_fields\":{\"thinking_blocks\":[{\"type\":\"thinking\",\"thinking\":".into(),
            "}]}}",
        ),
        Part::OwnReasoning => ("\"delta\":{\"provider_specific_fields\":{\"reasoning_content\":".into(), "}}"),
        Part::ReasoningText(at) => (
            format!("\"delta\":{{\"reasoning_details\":[{{\"type\":\"reasoning.text\",\"index\":{at},\"text\":"),
            "}]}",
        ),
        Part::ReasoningSummary(at) => (
            format!("\"delta\":{{\"reasoning_details\":[{{\"type\":\"reasoning.summary\",\"index\":{at},\"summary\":"),
            "}]}",
        ),
        _ => ("\"delta\":{\"content\":".into(), "}"),
    };
    out.extend_from_slice(before.as_bytes());
    out.push(b'"');
    escape(text, out);
    out.push(b'"');
    out.extend_from_slice(after.as_bytes());
    out.extend_from_slice(b",\"logprobs\":null,\"finish_reason\":null}]}");
}
