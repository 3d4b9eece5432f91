//! Calls of tools in models' answers and in MCP's requests: which may go on.
//!
//! Enters: indexed events of a stream, or the [`Sketch`] of a document. Leaves: [`BodyErrorKind::Tool`] before the bytes
//! that would make a refused call whole. A name is judged as soon as it stands there, in every protocol at the call's
//! beginning; where it takes the arguments, what completes them waits for no one: the event that would is refused. Calls
//! are known by their shape, whatever the route's dialect. A call of which something is missing is refused where any
//! rule could refuse it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;

use super::plan::Event;
use crate::body::json::{Index, Kind, Node, Sketch, compact, unescape};
use crate::body::{BodyError, BodyErrorKind, BodyLimits, Direction};
use crate::engine::{ToolRules, ToolVerdict};

/// Types of objects that are calls with a `name`.
const TYPES: [&[u8]; 8] = [
    b"tool_use",
    b"server_tool_use",
    b"mcp_tool_use",
    b"function_call",
    b"custom_tool_call",
    b"mcp_call",
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
/// Types of events that end a call.
const ENDS: [&[u8]; 4] = [b"content_block_stop", b"tool-call-end", b"message-end", b"message_stop"];
/// Members that say that an answer, or a choice of it, has ended.
const REASONS: [&[u8]; 4] = [b"finish_reason", b"finishReason", b"stop_reason", b"stopReason"];
/// Members that tell calls of one answer apart.
const PLACES: [&[u8]; 4] = [b"index", b"output_index", b"contentBlockIndex", b"response_id"];
/// What arguments are called.
const ARGUMENTS: [&str; 5] = ["arguments", "input", "args", "parameters", "action"];
/// Arguments in pieces of which no whole is made here.
const PIECES: [&str; 2] = ["partialArgs", "partial_args"];

/// The calls of one stream.
#[derive(Debug)]
pub(in crate::body) struct Calls {
    rules: Arc<ToolRules>,
    limits: BodyLimits,
    open: Vec<Open>,
    compact: Vec<u8>,
}

/// A call whose arguments come piece by piece.
struct Open {
    place: u64,
    id: Vec<u8>,
    name: Vec<u8>,
    arguments: Vec<u8>,
    depth: Depth,
    /// It may go on, with these arguments.
    settled: bool,
    /// Arguments have passed that its name did not ask for.
    unread: bool,
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Open({} bytes of arguments)", self.arguments.len())
    }
}

/// A call in an event, or a part of one.
struct Call {
    object: Node,
    name: Option<Vec<u8>>,
    arguments: Option<Node>,
    /// More may follow.
    grows: bool,
    /// It goes on with one that has begun, if there is one.
    goes_on: bool,
    /// Its arguments come in pieces that are not put together.
    pieces: bool,
    id: Option<Node>,
}

impl Calls {
    /// No calls yet.
    pub(in crate::body) fn new(rules: &Arc<ToolRules>, limits: &BodyLimits) -> Self {
        Self { rules: Arc::clone(rules), limits: limits.clone(), open: Vec::new(), compact: Vec::new() }
    }

    /// Judges what an event of an answer says of calls.
    ///
    /// # Errors
    /// A call is refused, or there are more of them, or longer ones, than the limits allow.
    pub(super) fn event(&mut self, event: Event<'_>) -> Result<(), BodyError> {
        let mut arguments = 0..0;
        let mut ends = false;
        for node in event.index.nodes() {
            // What stands in arguments is no call.
            if arguments.contains(&event.index.range(node).start) {
                continue;
            }
            ends |= is_end(event, node);
            if event.index.kind(node) != Kind::Object {
                continue;
            }
            if let Some(call) = read(event, node)? {
                arguments = call.arguments.map_or(0..0, |node| event.index.range(node));
                self.call(event, &call)?;
            }
        }
        if ends { self.end() } else { Ok(()) }
    }

    /// Judges the calls of which no more comes.
    ///
    /// # Errors
    /// A call is refused.
    pub(super) fn end(&mut self) -> Result<(), BodyError> {
        for mut open in std::mem::take(&mut self.open) {
            self.settle(&mut open)?;
        }
        Ok(())
    }

    fn call(&mut self, event: Event<'_>, call: &Call) -> Result<(), BodyError> {
        let mut text = Vec::new();
        if let Some(arguments) = call.arguments {
            let literal = event.index.literal(arguments, event.data);
            match event.index.kind(arguments) {
                Kind::String => unescape(literal, &mut text)?,
                Kind::Null => {}
                _ => text.extend_from_slice(literal),
            }
        }
        if !call.grows {
            let name = call.name.as_deref().unwrap_or_default();
            return match self.rules.by_name(name) {
                None if call.pieces => Err(BodyErrorKind::Tool.into()),
                verdict => self.decide(verdict, name, &text),
            };
        }
        let place = place(event, call.object);
        let id = call.id.map(|id| event.word(id).into_owned()).unwrap_or_default();
        let known = self.open.iter().position(|open| open.place == place);
        let mut open = match known.map(|at| self.open.swap_remove(at)) {
            Some(open) if call.goes_on && (id.is_empty() || open.id.is_empty() || open.id == id) => open,
            Some(mut before) => {
                self.settle(&mut before)?;
                Open::at(place)
            }
            None => Open::at(place),
        };
        if !id.is_empty() {
            open.id = id;
        }
        // Some servers repeat the whole name in every delta.
        if let Some(name) = call.name.as_deref().filter(|name| *name != open.name) {
            open.name.extend_from_slice(name);
            open.settled = false;
            if open.name.len() > self.limits.tool_calls {
                return Err(BodyErrorKind::TooLarge.into());
            }
        }
        self.grow(&mut open, &text)?;
        if self.open.len() >= self.limits.logical_texts {
            return Err(BodyErrorKind::TooManyTexts.into());
        }
        self.open.push(open);
        Ok(())
    }

    /// Adds to a call's arguments, and judges them where they are whole.
    fn grow(&mut self, open: &mut Open, text: &[u8]) -> Result<(), BodyError> {
        match self.rules.by_name(&open.name) {
            // A name may come in pieces, and before the arguments no piece is known to be the last.
            Some(ToolVerdict::Block) if text.is_empty() && self.rules.begins_allowed(&open.name) => return Ok(()),
            Some(ToolVerdict::Block) => return Err(BodyErrorKind::Tool.into()),
            Some(ToolVerdict::Allow) => {
                open.unread |= !text.is_empty();
                return Ok(());
            }
            // Something behind the end of what was judged, or behind what nobody has read.
            None if open.unread || open.settled && !text.trim_ascii().is_empty() => {
                return Err(BodyErrorKind::Tool.into());
            }
            None => {}
        }
        if open.arguments.len() + text.len() > self.limits.tool_calls {
            return Err(BodyErrorKind::TooLarge.into());
        }
        open.arguments.extend_from_slice(text);
        if open.depth.take(text) { self.settle(open) } else { Ok(()) }
    }

    fn settle(&mut self, open: &mut Open) -> Result<(), BodyError> {
        if open.settled {
            return Ok(());
        }
        open.settled = true;
        self.decide(self.rules.by_name(&open.name), &open.name, &open.arguments)
    }

    fn decide(&mut self, verdict: Option<ToolVerdict>, name: &[u8], arguments: &[u8]) -> Result<(), BodyError> {
        let verdict = match verdict {
            Some(verdict) => verdict,
            None => {
                self.compact.clear();
                compact(arguments, &self.limits, &mut self.compact);
                self.rules.judge(name, &self.compact)
            }
        };
        match verdict {
            ToolVerdict::Allow => Ok(()),
            ToolVerdict::Block => Err(BodyErrorKind::Tool.into()),
        }
    }
}

impl Open {
    fn at(place: u64) -> Self {
        let (id, name, arguments) = Default::default();
        Self { place, id, name, arguments, depth: Depth::default(), settled: false, unread: false }
    }
}

/// Where a JSON text stands that comes piece by piece.
#[derive(Default)]
struct Depth {
    open: usize,
    /// Whether it begins like one; none before it has begun.
    begun: Option<bool>,
    in_string: bool,
    escaped: bool,
}

impl Depth {
    /// Takes more of it; whether its outermost object or array closes in this piece.
    fn take(&mut self, text: &[u8]) -> bool {
        let mut closes = false;
        for byte in text {
            if self.begun.is_none() && !byte.is_ascii_whitespace() {
                self.begun = Some(matches!(byte, b'{' | b'['));
            }
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_string => self.escaped = true,
                b'"' => self.in_string = !self.in_string,
                _ if self.in_string => {}
                b'{' | b'[' => self.open += 1,
                b'}' | b']' => {
                    self.open = self.open.saturating_sub(1);
                    closes |= self.begun == Some(true) && self.open == 0;
                }
                _ => {}
            }
        }
        closes
    }
}

/// Whether a member says that a call, a choice or the answer has ended.
fn is_end(event: Event<'_>, node: Node) -> bool {
    let Some(key) = event.index.key(node).filter(|_| event.index.kind(node) == Kind::String) else { return false };
    let word = event.word(node);
    REASONS.contains(&key) && !word.is_empty()
        || key == b"type" && ENDS.contains(&word.as_ref()) && event.index.parent(node) == event.index.root()
}

/// Reads a call, or a part of one, where the object is one.
fn read(event: Event<'_>, object: Node) -> Result<Option<Call>, BodyError> {
    let index = event.index;
    let key = index.key(object).unwrap_or_default();
    let around = index.parent(object);
    let kind = event.of_kind(object, "type", Kind::String)?.map(|kind| event.word(kind));
    let kind = kind.as_deref().unwrap_or_default();
    let member = |name: &str| event.member(object, name);
    if key == b"delta"
        && let Some(json) = event.of_kind(object, "partial_json", Kind::String)?
    {
        return Ok(Some(Call::part(object, json)));
    }
    if DELTAS.contains(&kind)
        && let Some(delta) = event.of_kind(object, "delta", Kind::String)?
    {
        return Ok(Some(Call::part(object, delta)));
    }
    let in_calls = |node: Option<Node>| node.is_some_and(|node| named(index, node) == b"tool_calls");
    let function = matches!(key, b"function" | b"custom") && in_calls(around);
    let element = named(index, object) == b"tool_calls" && member("function")?.is_none() && member("custom")?.is_none();
    let own = matches!(key, b"function_call" | b"functionCall" | b"toolUse" | b"tool_call_delta");
    let typed = TYPES.contains(&kind);
    // A tool of the provider's own, as Responses has it; elsewhere a `phone_call` is none.
    let is_item = key == b"item" || named(index, object) == b"output";
    let named_by_type = !typed && is_item && kind.ends_with(b"_call") && kind.len() > 5;
    let name = match event.of_kind(object, "name", Kind::String)? {
        Some(name) => Some(event.word(name).into_owned()),
        None if named_by_type => kind.strip_suffix(b"_call").map(<[u8]>::to_vec),
        None => None,
    };
    if !(function || element || own || typed || named_by_type) {
        return Ok(None);
    }
    let mut arguments = None;
    for name in ARGUMENTS {
        arguments = arguments.or(member(name)?);
    }
    if name.is_none() && arguments.is_none() {
        return Ok(None);
    }
    let mut pieces = false;
    for name in PIECES {
        pieces |= member(name)?.is_some();
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
    let delta = within(&[b"delta"]);
    let starts =
        key == b"content_block" || within(&[b"start"]) || (key == b"item" && empty) || kind == b"function.call.delta";
    // Of a block that starts, an empty object is no argument yet.
    let arguments = arguments.filter(|_| !(starts && empty));
    let holder = if function { around } else { Some(object) };
    let id = holder.map(|holder| event.of_kind(holder, "id", Kind::String)).transpose()?.flatten();
    let goes_on = delta || kind == b"function.call.delta";
    Ok(Some(Call { object, name, arguments, grows: delta || starts, goes_on, pieces, id }))
}

impl Call {
    /// More of the arguments of a call that has begun.
    fn part(object: Node, text: Node) -> Self {
        Self { object, name: None, arguments: Some(text), grows: true, goes_on: true, pieces: false, id: None }
    }
}

/// The key of a value, or of the array that it is an element of.
fn named(index: &Index, node: Node) -> &[u8] {
    let key = index.key(node);
    key.or_else(|| index.key(index.parent(node)?)).unwrap_or_default()
}

/// One number for where in an answer a call stands.
fn place(event: Event<'_>, call: Node) -> u64 {
    let index = event.index;
    let mut path = Vec::new();
    let mut at = Some(call);
    while let Some(node) = at {
        path.push(node);
        at = index.parent(node);
    }
    let mut hasher = DefaultHasher::new();
    for node in path.into_iter().rev().filter(|node| index.kind(*node) == Kind::Object) {
        let mut told = false;
        for member in index.children(node) {
            let Some(key) = index.key(member).filter(|key| PLACES.contains(key)) else { continue };
            told |= key != b"response_id";
            event.word(member).hash(&mut hasher);
        }
        if !told && index.key(node).is_none() && index.parent(node).is_some() {
            index.place(node).to_string().into_bytes().hash(&mut hasher);
        }
    }
    hasher.finish()
}

/// The calls in a document, or in a sequence of them.
#[derive(Debug)]
pub(in crate::body) struct DocumentCalls {
    calls: Calls,
    sketch: Sketch,
    direction: Direction,
    index: Index,
}

impl DocumentCalls {
    /// No calls yet.
    pub(in crate::body) fn new(rules: &Arc<ToolRules>, direction: Direction, limits: &BodyLimits) -> Self {
        let (calls, sketch) = (Calls::new(rules, limits), Sketch::new(direction, limits));
        Self { calls, sketch, direction, index: Index::default() }
    }

    /// Takes bytes of the document; after an error none of them may leave.
    ///
    /// # Errors
    /// A call is refused, more is said of calls than the limits allow, or it is no JSON.
    pub(in crate::body) fn push(&mut self, input: &[u8]) -> Result<(), BodyError> {
        let mut rest = input;
        while !rest.is_empty() {
            if self.sketch.push(&mut rest)? {
                self.document()?;
            }
        }
        Ok(())
    }

    fn document(&mut self) -> Result<(), BodyError> {
        let data = self.sketch.bytes();
        if !data.is_empty() {
            let mut index = std::mem::take(&mut self.index);
            index.read(data, &self.calls.limits)?;
            let event = Event { index: &index, data };
            let judged = match self.direction {
                Direction::Response => self.calls.event(event).and_then(|()| self.calls.end()),
                Direction::Request => messages(&mut self.calls, event),
            };
            self.index = index;
            judged?;
        }
        self.sketch.clear();
        Ok(())
    }
}

/// Judges `tools/call` of the Model Context Protocol: a message, or a batch of them.
fn messages(calls: &mut Calls, event: Event<'_>) -> Result<(), BodyError> {
    let index = event.index;
    let mut arguments: Range<usize> = 0..0;
    for message in index.nodes().filter(|node| index.kind(*node) == Kind::Object) {
        if arguments.contains(&index.range(message).start) {
            continue;
        }
        let Some(params) = event.of_kind(message, "params", Kind::Object)? else { continue };
        arguments = index.range(params);
        let method = event.of_kind(message, "method", Kind::String)?;
        if method.is_none_or(|method| event.word(method).as_ref() != b"tools/call") {
            continue;
        }
        let name = event.of_kind(params, "name", Kind::String)?.map(|name| event.word(name).into_owned());
        let given = event.member(params, "arguments")?;
        let [grows, goes_on, pieces] = [false; 3];
        calls.call(event, &Call { object: params, name, arguments: given, grows, goes_on, pieces, id: None })?;
    }
    Ok(())
}
