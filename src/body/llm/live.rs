//! Gemini's live API: what a model says, thinks and hears, in messages over one connection until its turn is over.
//!
//! Enters: one indexed message. Leaves: its [`Plan`], or a message of our own that carries what was held of a text. As in
//! [`gemini`], members have either of two names. Transcripts come beside what is said, in no order with it.

use super::gemini;
use super::plan::{End, Event, Part, Plan, TextKey};
use crate::body::BodyError;
use crate::body::json::{Kind, Node, escape};

/// Rows of a turn's growing texts.
const SAID: u8 = 0;
const THOUGHT: u8 = 1;
/// Transcripts: their members, and the beginning of a message of our own.
const TRANSCRIPTS: [(u8, [&str; 2]); 2] =
    [(2, ["outputTranscription", "output_transcription"]), (3, ["inputTranscription", "input_transcription"])];
/// Members that say that a turn is over, with its transcripts.
const OVER: [[&str; 2]; 2] = [["turnComplete", "turn_complete"], ["interrupted", "interrupted"]];
/// The member that says that all is generated; transcripts may still come.
const GENERATED: [&str; 2] = ["generationComplete", "generation_complete"];

/// Whether this row's text ends where all is generated.
pub(super) fn is_generated(row: u8) -> bool {
    matches!(row, SAID | THOUGHT)
}

/// Reads an event that may be a message of the live API.
pub(super) fn read(event: Event<'_>, root: Node, plan: &mut Plan) -> Result<(), BodyError> {
    if let Some(call) = event.either(root, ["toolCall", "tool_call"], Kind::Object)? {
        plan.known = true;
        if let Some(calls) = event.either(call, ["functionCalls", "function_calls"], Kind::Array)? {
            event.objects(calls).try_for_each(|call| gemini::read_call(event, call, 0, plan))?;
        }
    }
    let Some(content) = event.either(root, ["serverContent", "server_content"], Kind::Object)? else { return Ok(()) };
    plan.known = true;
    if let Some(turn) = event.either(content, ["modelTurn", "model_turn"], Kind::Object)?
        && let Some(parts) = event.of_kind(turn, "parts", Kind::Array)?
    {
        for part in event.objects(parts) {
            let row = if event.of_kind(part, "thought", Kind::True)?.is_some() { THOUGHT } else { SAID };
            plan.delta(event.index, event.member(part, "text")?, 0, Part::Live(row));
            if let Some(call) = event.either(part, ["functionCall", "function_call"], Kind::Object)? {
                gemini::read_call(event, call, 0, plan)?;
            }
        }
    }
    for (row, names) in TRANSCRIPTS {
        let Some(transcript) = event.either(content, names, Kind::Object)? else { continue };
        let key = TextKey { of: 0, part: Part::Live(row) };
        plan.delta(event.index, event.member(transcript, "text")?, 0, key.part);
        if event.of_kind(transcript, "finished", Kind::True)?.is_some() {
            plan.with.push(End::One(key));
        }
    }
    if event.either(content, GENERATED, Kind::True)?.is_some() {
        plan.with.push(End::Generated);
    }
    for names in OVER {
        let [name, other] = names;
        let over = event.of_kind(content, name, Kind::True)?.or(event.of_kind(content, other, Kind::True)?);
        if over.is_some() {
            plan.with.push(End::Turn);
        }
    }
    Ok(())
}

/// Writes the data of a message that carries `text` of this row.
pub(super) fn write_message(row: u8, text: &[u8], out: &mut Vec<u8>) {
    let transcript = TRANSCRIPTS.iter().find(|(of, _)| *of == row).map(|(_, [name, _])| *name);
    let (before, after) = match transcript {
        Some(name) => (format!("\"{name}\":{{\"text\":\""), "\"}"),
        None if row == THOUGHT => ("\"modelTurn\":{\"parts\":[{\"text\":\"".to_owned(), "\",\"thought\":true}]}"),
        None => ("\"modelTurn\":{\"parts\":[{\"text\":\"".to_owned(), "\"}]}"),
    };
    out.extend_from_slice(b"{\"serverContent\":{");
    out.extend_from_slice(before.as_bytes());
    escape(text, out);
    out.extend_from_slice(after.as_bytes());
    out.extend_from_slice(b"}}");
}
