//! AWS Bedrock: Converse's content blocks, which start, grow and stop; and the events of models that stream an answer in
//! shapes of their own. Those of other protocols (Anthropic's, OpenAI's) are read by them.
//!
//! Enters: one indexed event, bare or inside a member with its name, as Nova writes it. Leaves: its [`Plan`]. What is
//! held of a text leaves in a copy of its last delta, so that it has the stream's own form.

use super::cohere_v1;
use super::plan::{End, Event, Part, Plan, Reading, TextKey};
use crate::body::BodyError;
use crate::body::json::{Kind, Node};

/// The members that are events where they stand in another object.
const WRAPPED: [&str; 6] =
    ["contentBlockDelta", "contentBlockStart", "contentBlockStop", "messageStart", "messageStop", "metadata"];

/// What grows in a delta of Converse's: where it stands, `*` for every element, and how it is read.
const GROWING: [(&[&str], Reading); 4] = [
    (&["text"], Reading::Sniffing),
    (&["toolUse", "input"], Reading::Arguments),
    (&["reasoningContent", "text"], Reading::Plain),
    (&["toolResult", "*", "text"], Reading::Sniffing),
];
/// The row of a text that a signature may cover.
pub(super) const THOUGHT: u8 = 2;

/// What grows in models' own events: where the object is that says whether it ends, the member that says so, where the
/// text stands in it, and how it is read.
const OWN: [(&[&str], &str, &[&str], Reading); 6] = [
    // Amazon Titan
    (&[], "completionReason", &["outputText"], Reading::Sniffing),
    // Meta Llama
    (&[], "stop_reason", &["generation"], Reading::Sniffing),
    // Anthropic's text completions
    (&[], "stop_reason", &["completion"], Reading::Sniffing),
    // Mistral
    (&["outputs", "*"], "stop_reason", &["text"], Reading::Sniffing),
    // Cohere Command
    (&[], "is_finished", &["text"], Reading::Sniffing),
    (&[], "is_finished", &["tool_call_delta", "parameters"], Reading::Arguments),
];

/// A text whose name alone tells what it is: some of Titan's events do not say that they go on.
const TITAN: &str = "outputText";
/// What Bedrock itself writes into the last event of a model's own, whatever the model says there.
const METRICS: &str = "amazon-bedrock-invocationMetrics";

/// How the text of this row is read.
pub(super) fn reading(row: u8) -> Reading {
    let row = usize::from(row);
    let own = || row.checked_sub(GROWING.len()).and_then(|row| OWN.get(row)).map(|(.., reading)| *reading);
    GROWING.get(row).map(|(_, reading)| *reading).or_else(own).unwrap_or(Reading::Sniffing)
}

/// Reads an event that may be one of Converse's or of a model's own.
pub(super) fn read(event: Event<'_>, root: Node, plan: &mut Plan) -> Result<(), BodyError> {
    if !event.index.children(root).filter_map(|child| event.index.key(child)).any(tells)
        || cohere_v1::kind(event, root)?.is_some()
    {
        return Ok(());
    }
    for name in WRAPPED {
        if let Some(inner) = event.of_kind(root, name, Kind::Object)? {
            read_block(event, inner, true, plan)?;
        }
    }
    read_block(event, root, false, plan)?;
    if event.of_kind(root, METRICS, Kind::Object)?.is_some() {
        plan.with.push(End::All);
        plan.known = true;
    }
    for (row, (around, end, text, _)) in OWN.iter().enumerate() {
        let part = Part::Bedrock((GROWING.len() + row) as u8);
        for (place, object) in walk(event, root, around)?.into_iter().enumerate() {
            let end = event.member(object, end)?;
            if end.is_none() && text != &[TITAN] {
                continue;
            }
            let ends = end.is_some_and(|end| match event.index.kind(end) {
                Kind::True => true,
                Kind::String => !event.word(end).is_empty(),
                Kind::Object | Kind::Array | Kind::Number | Kind::False | Kind::Null => false,
            });
            let grown = walk(event, object, text)?.pop();
            let holder = grown.and_then(|text| event.index.parent(text)).unwrap_or(object);
            let key = TextKey { of: event.number(holder, "index", place)?, part };
            let end = if around.is_empty() { End::All } else { End::One(key) };
            match grown {
                Some(_) if ends => plan.with.push(end),
                None if ends => plan.before.push(end),
                Some(_) => {}
                None => continue,
            }
            plan.delta(event.index, grown, key.of, part);
            plan.known = true;
        }
    }
    Ok(())
}

/// Whether a member of this name may be one of an event that is read here.
fn tells(key: &[u8]) -> bool {
    let own = OWN.iter().map(|(around, end, ..)| around.first().unwrap_or(end));
    let others = ["contentBlockIndex", "stopReason", TITAN, METRICS];
    WRAPPED.iter().chain(&others).chain(own).any(|name| name.as_bytes() == key)
}

/// Reads an object that may be an event of Converse's; one that is `named` needs no index to be one.
fn read_block(event: Event<'_>, object: Node, named: bool, plan: &mut Plan) -> Result<(), BodyError> {
    if event.of_kind(object, "stopReason", Kind::String)?.is_some() {
        plan.before.push(End::All);
        plan.known = true;
    }
    let has_index = event.of_kind(object, "contentBlockIndex", Kind::Number)?.is_some();
    let delta = event.of_kind(object, "delta", Kind::Object)?;
    let is_block = has_index || (named && delta.is_some());
    if !is_block {
        return Ok(());
    }
    plan.known = true;
    let of = event.number(object, "contentBlockIndex", 0)?;
    let Some(delta) = delta else {
        plan.before.push(End::BedrockBlock(of));
        let called = walk(event, object, &["start"])?.pop().filter(|start| event.index.kind(*start) == Kind::Object);
        plan.anew.extend(called.map(|_| End::BedrockBlock(of)));
        let name = called.map(|start| walk(event, start, &["toolUse", "name"])).transpose()?;
        plan.begin_call(event.index, name.and_then(|mut name| name.pop()), of, Part::Bedrock(1));
        return Ok(());
    };
    for (row, (path, _)) in GROWING.iter().enumerate() {
        for text in walk(event, delta, path)? {
            plan.delta(event.index, Some(text), of, Part::Bedrock(row as u8));
        }
    }
    plan.others(event.index, delta, &[b"text"], of, Part::BedrockNamed);
    if let Some(thought) = event.of_kind(delta, "reasoningContent", Kind::Object)? {
        let signs = TextKey { of, part: Part::Bedrock(THOUGHT) };
        plan.signature(event.index, event.member(thought, "signature")?, signs);
    }
    Ok(())
}

/// What a path leads to.
fn walk(event: Event<'_>, from: Node, path: &[&str]) -> Result<Vec<Node>, BodyError> {
    let mut nodes = vec![from];
    for step in path {
        let mut next = Vec::new();
        for node in nodes {
            match *step {
                "*" if event.index.kind(node) == Kind::Array => next.extend(event.objects(node)),
                "*" => {}
                key if event.index.kind(node) == Kind::Object => next.extend(event.member(node, key)?),
                _ => {}
            }
        }
        nodes = next;
    }
    Ok(nodes)
}
