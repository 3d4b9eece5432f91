//! How calls of tools look in answers: by their shape, whatever the protocol.
//!
//! Enters: an object of an indexed event. Leaves: the [`Call`] that it is or adds to, where it is one; where in the answer
//! it stands; whose calls a member ends; and the event as readers have it who take members in other spellings.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::plan::{Event, whole_number};
use crate::body::json::{Index, Kind, Node, is_like};
use crate::body::{BodyError, BodyErrorKind};

/// Types of objects that are calls with a `name`.
const TYPES: [&[u8]; 9] = [
    b"tool_use",
    b"server_tool_use",
    b"mcp_tool_use",
    b"function_call",
    b"custom_tool_call",
    b"mcp_call",
    b"mcp_approval_request",
    b"function.call",
    b"function.call.delta",
];
/// Types of events whose `delta` goes on with the arguments of a call.
const DELTAS: [&[u8]; 5] = [
    b"response.function_call_arguments.delta",
    b"response.mcp_call_arguments.delta",
    b"response.mcp_call.arguments.delta",
    b"response.custom_tool_call_input.delta",
    b"function.call.delta",
];
/// How types of events end that have all the arguments of a call.
const DONES: [&[u8]; 3] = [b"_arguments.done", b".arguments.done", b"_input.done"];
/// Types of events that end a call, and those that end all of an answer's.
const ENDS: [&[u8]; 2] = [b"content_block_stop", b"tool-call-end"];
const ALL_END: [&[u8]; 2] = [b"message-end", b"message_stop"];
/// Members that say that an answer, or a choice of it, has ended.
const REASONS: [&[u8]; 4] = [b"finish_reason", b"finishReason", b"stop_reason", b"stopReason"];
/// Members that tell calls of one answer apart.
const PLACES: [&str; 3] = ["index", "output_index", "contentBlockIndex"];
/// What arguments are called.
const ARGUMENTS: [&str; 5] = ["arguments", "input", "args", "parameters", "action"];
/// Arguments in pieces of which no whole is made here.
const PIECES: [&str; 2] = ["partialArgs", "partial_args"];
const CONTINUES: [&str; 2] = ["willContinue", "will_continue"];

/// Names by which calls are known, and what is in them, and where they end.
const NAMES: [&[u8]; 27] = [
    b"tool_calls",
    b"function",
    b"custom",
    b"function_calls",
    b"function_call",
    b"tool_call_delta",
    b"item",
    b"output",
    b"start",
    b"content_block",
    b"delta",
    b"partial_json",
    b"name",
    b"type",
    b"id",
    b"arguments",
    b"input",
    b"args",
    b"parameters",
    b"action",
    b"index",
    b"output_index",
    b"response_id",
    b"finish_reason",
    b"stop_reason",
    b"partial_args",
    b"will_continue",
];
/// And those with capitals: all that a key in small letters can be another spelling of.
const CAPITALS: [&[u8]; 8] = [
    b"functionCalls",
    b"functionCall",
    b"toolUse",
    b"contentBlockIndex",
    b"finishReason",
    b"stopReason",
    b"partialArgs",
    b"willContinue",
];

/// How much of a call an event has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// All of it.
    Whole,
    /// Its beginning.
    Begins,
    /// More of one that has begun, if there is one.
    GoesOn,
    /// All of its arguments once more, or what is left to be told of it.
    Ends,
}

/// A call in an event, or a part of one.
#[derive(PartialEq, Eq)]
pub(super) struct Call {
    pub(super) object: Node,
    pub(super) name: Option<Vec<u8>>,
    pub(super) arguments: Option<Node>,
    pub(super) stage: Stage,
    /// Its arguments come in pieces that are not put together.
    pub(super) pieces: bool,
    /// Its arguments are text, not JSON.
    pub(super) plain: bool,
    pub(super) id: Option<Node>,
}

/// Whether a fragment with this identifier, and this name if it has one, is of the call that its place had before. Some
/// servers give each of a call's fragments an identifier of its own: as long as the call is unfinished, only another name
/// begins another one.
pub(super) fn continues(known: (&[u8], &[u8]), id: &[u8], name: Option<&[u8]>, unfinished: bool) -> bool {
    known.0 == id || unfinished && name.is_none_or(|name| name == known.1)
}

/// The place whose calls have ended, where a member says that a call, a choice or the answer has.
pub(super) fn end_of(event: Event<'_>, node: Node) -> Result<Option<u64>, BodyError> {
    let index = event.index;
    let key = index.key(node).filter(|_| index.kind(node) == Kind::String);
    let (Some(key), Some(object)) = (key, index.parent(node)) else { return Ok(None) };
    let word = event.word(node);
    if key == b"type" && index.root() == Some(object) && ALL_END.contains(&word.as_ref()) {
        return Ok(around(event, object)?.first().copied());
    }
    let ends = REASONS.contains(&key) && !word.is_empty()
        || key == b"type" && ENDS.contains(&word.as_ref()) && index.root() == Some(object);
    if ends { Ok(around(event, object)?.last().copied()) } else { Ok(None) }
}

/// The event as readers have it who take members in other spellings for those by which calls are known ([`is_like`]);
/// `None` where they have it as all others do.
pub(super) fn respelled(event: Event<'_>) -> Option<Index> {
    let tells_of_calls = |node: Node| {
        let word = event.word(node);
        let known = [&TYPES[..], &DELTAS, &ENDS, &ALL_END].into_iter().flatten().any(|kind| *kind == word.as_ref());
        known || word.ends_with(b"_call") || DONES.iter().any(|end| word.ends_with(end))
    };
    event.index.renamed(|node, key| {
        let is_small = key.iter().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase() && *byte != 0);
        let all = if is_small { &[][..] } else { &NAMES[..] };
        let name = CAPITALS.iter().chain(all).copied().find(|name| is_like(key, name)).filter(|name| *name != key)?;
        // Many objects have a type and another one.
        (name != b"type" || tells_of_calls(node)).then_some(name)
    })
}

/// Refuses an object that is a call to readers of one of two spellings, and is another one, or none, to the others.
pub(super) fn is_one_call(
    event: Event<'_>,
    call: Option<&Call>,
    other: Event<'_>,
    object: Node,
) -> Result<(), BodyError> {
    let same =
        read(other, object)?.as_ref() == call && (call.is_none() || around(event, object)? == around(other, object)?);
    if same { Ok(()) } else { Err(BodyErrorKind::JsonSyntax.into()) }
}

/// Reads a call, or a part of one, where the object is one.
pub(super) fn read(event: Event<'_>, object: Node) -> Result<Option<Call>, BodyError> {
    let index = event.index;
    let key = index.key(object).unwrap_or_default();
    let around = index.parent(object);
    let kind = event.of_kind(object, "type", Kind::String)?.map(|kind| event.word(kind));
    let kind = kind.as_deref().unwrap_or_default();
    let member = |name: &str| event.member(object, name);
    if let Some(part) = part(event, object, kind)? {
        return Ok(Some(part));
    }
    let in_calls = |node: Option<Node>| node.is_some_and(|node| named(index, node) == b"tool_calls");
    let function = matches!(key, b"function" | b"custom") && in_calls(around);
    let list = named(index, object);
    let element = list == b"tool_calls" && member("function")?.is_none() && member("custom")?.is_none()
        || matches!(list, b"functionCalls" | b"function_calls");
    let own = matches!(key, b"function_call" | b"functionCall" | b"toolUse" | b"tool_call_delta");
    let typed = TYPES.contains(&kind);
    // A tool of the provider's own, as Responses has it; elsewhere a `phone_call` is none.
    let is_item = key == b"item" || list == b"output";
    let named_by_type = !typed && is_item && kind.ends_with(b"_call") && kind.len() > 5;
    if !(function || element || own || typed || named_by_type) {
        return Ok(None);
    }
    let name = match event.of_kind(object, "name", Kind::String)? {
        Some(name) => Some(event.word(name).into_owned()),
        None if named_by_type => kind.strip_suffix(b"_call").map(<[u8]>::to_vec),
        None => None,
    };
    let arguments = arguments_of(event, object)?;
    let mut pieces = false;
    for name in PIECES {
        pieces |= member(name)?.is_some();
    }
    if name.is_none() && arguments.is_none() && !pieces {
        return Ok(None);
    }
    for name in CONTINUES {
        pieces |= event.of_kind(object, name, Kind::True)?.is_some();
    }
    let empty = arguments.is_none_or(|node| index.range(node).len() <= 2 || index.kind(node) == Kind::Null);
    let within = |keys: &[&[u8]]| {
        let mut at = Some(object);
        std::iter::from_fn(|| {
            let node = at?;
            at = index.parent(node);
            Some(node)
        })
        .any(|node| index.key(node).is_some_and(|key| keys.contains(&key)))
    };
    let starts = key == b"content_block" || within(&[b"start"]) || (key == b"item" && empty);
    let goes_on = within(&[b"delta", b"tool_call_delta"]) || kind == b"function.call.delta";
    let stage = match (goes_on, starts) {
        (true, _) => Stage::GoesOn,
        (false, true) => Stage::Begins,
        (false, false) => Stage::Whole,
    };
    // Of a block that starts, an empty object is no argument yet.
    let arguments = arguments.filter(|_| !(empty && (starts || kind == b"function.call.delta")));
    let holder = if function { around } else { Some(object) };
    let id = holder.map(|holder| event.of_kind(holder, "id", Kind::String)).transpose()?.flatten();
    let plain = kind == b"custom_tool_call" || function && key == b"custom";
    Ok(Some(Call { object, name, arguments, stage, pieces, plain, id }))
}

/// Reads what adds to a call that has begun, or ends it, and does not say what that is.
fn part(event: Event<'_>, object: Node, kind: &[u8]) -> Result<Option<Call>, BodyError> {
    let plain = kind.starts_with(b"response.custom_tool_call_input.");
    let call = |name, arguments, stage| Call { object, name, arguments, stage, pieces: false, plain, id: None };
    if event.index.key(object) == Some(b"delta")
        && let Some(json) = event.of_kind(object, "partial_json", Kind::String)?
    {
        return Ok(Some(call(None, Some(json), Stage::GoesOn)));
    }
    if DELTAS.contains(&kind)
        && let Some(delta) = event.of_kind(object, "delta", Kind::String)?
    {
        return Ok(Some(call(None, Some(delta), Stage::GoesOn)));
    }
    if !DONES.iter().any(|end| kind.ends_with(end)) {
        return Ok(None);
    }
    let name = event.of_kind(object, "name", Kind::String)?.map(|name| event.word(name).into_owned());
    Ok(Some(call(name, arguments_of(event, object)?, Stage::Ends)))
}

/// The member that is a call's arguments.
fn arguments_of(event: Event<'_>, object: Node) -> Result<Option<Node>, BodyError> {
    let mut arguments = None;
    for name in ARGUMENTS {
        arguments = arguments.or(event.member(object, name)?);
    }
    Ok(arguments)
}

/// The key of a value, or of the array that it is an element of.
fn named(index: &Index, node: Node) -> &[u8] {
    let key = index.key(node);
    key.or_else(|| index.key(index.parent(node)?)).unwrap_or_default()
}

/// One number for where in an answer an object stands, behind those for what is around it; the first is the answer's.
pub(super) fn around(event: Event<'_>, object: Node) -> Result<Vec<u64>, BodyError> {
    let index = event.index;
    let mut path = Vec::new();
    let mut at = Some(object);
    while let Some(node) = at {
        path.push(node);
        at = index.parent(node);
    }
    let mut hasher = DefaultHasher::new();
    let mut around = vec![hasher.finish()];
    for node in path.into_iter().rev().filter(|node| index.kind(*node) == Kind::Object) {
        let mut told = false;
        for name in PLACES {
            let number = event.member(node, name)?.and_then(|member| whole_number(&event.word(member)));
            if let Some(number) = number {
                told = true;
                number.hash(&mut hasher);
            }
        }
        if !told && index.key(node).is_none() && index.parent(node).is_some() {
            (index.place(node) as u64).hash(&mut hasher);
        }
        // Realtime's answers may grow side by side.
        if let Some(response) = event.of_kind(node, "response_id", Kind::String)? {
            event.word(response).hash(&mut hasher);
        }
        around.push(hasher.finish());
    }
    Ok(around)
}
