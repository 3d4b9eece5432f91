//! Where held text goes when there is no event left to put it into: events of our own, in the stream's own form.
//!
//! Enters: each event while text is held, of which what is needed later is kept. Leaves: for each end of a text an
//! event that readers add to that text: written anew around the members that all events share, or a copy of the text's
//! last event.

use std::ops::Range;

use super::plan::{Carrier, Chunk, Event, Part, Plan, TextKey};
use super::texts::Texts;
use super::work::{Work, one_line};
use super::{Outlet, anthropic, cohere, gemini, live, ollama, openai};
use crate::body::BodyError;
use crate::body::json::escape;

/// What events of our own are made of.
#[derive(Default)]
pub(super) struct Tails {
    /// Beginning of a chunk, and the event name, as the stream last had them while text was held.
    envelope: Vec<u8>,
    name: Vec<u8>,
    /// The last delta of each text that holds something and is carried by a copy of it.
    deltas: Vec<Delta>,
    /// The number of the next event of our own, where events are counted.
    pub(super) number: u64,
    /// How many events have been kept with an identifier of their own.
    named: u64,
}

/// A delta, to be repeated with another text.
struct Delta {
    key: TextKey,
    name: Vec<u8>,
    /// The event's data around the literal of the text.
    before: Vec<u8>,
    after: Vec<u8>,
    /// Where the event's number goes, where it has one: in what stands before the text, or behind it.
    number: Option<(bool, usize)>,
}

impl Tails {
    /// Keeps what a chunk of our own copies from this one.
    pub(super) fn keep_envelope(
        &mut self,
        event: Event<'_>,
        chunk: Chunk,
        name: &[u8],
        work: &Work,
    ) -> Result<(), BodyError> {
        let out = &mut self.envelope;
        out.clear();
        out.extend_from_slice(gemini::begin(event.index.parent(chunk.node).is_some()));
        for key in chunk.members {
            if let Some(member) = event.member(chunk.node, key)? {
                for part in [b"\"", key.as_bytes(), b"\":"] {
                    out.extend_from_slice(part);
                }
                let from = out.len();
                work.write(event.data, event.index.range(member), out);
                one_line(out, from);
                out.push(b',');
            }
        }
        self.name.clear();
        self.name.extend_from_slice(name);
        Ok(())
    }

    /// Keeps the deltas of texts that are carried by a copy and hold something, and forgets those of the others.
    pub(super) fn keep_deltas(&mut self, event: Event<'_>, plan: &Plan, name: &[u8], work: &Work, texts: &Texts) {
        self.deltas.retain(|delta| texts.hold(|key| key == delta.key));
        let items = plan.deltas.iter().filter(|(_, key)| key.part.is_carried_by_copy());
        for (node, key) in items.filter(|(_, key)| texts.hold(|held| held == *key)) {
            let range = event.index.range(*node);
            let mut delta = match self.deltas.iter().position(|delta| delta.key == *key) {
                Some(at) => self.deltas.swap_remove(at),
                None => Delta { key: *key, name: Vec::new(), before: Vec::new(), after: Vec::new(), number: None },
            };
            delta.number = None;
            let silent = self.silent(event, plan);
            let number = plan.sequence.map(|node| event.index.range(node));
            let parts =
                [(true, &mut delta.before, 0..range.start), (false, &mut delta.after, range.end..event.data.len())];
            for (before, part, range) in parts {
                part.clear();
                let number = number.as_ref().filter(|number| range.start <= number.start && number.end <= range.end);
                let Some(number) = number else {
                    write_silent(event, &silent, work, range, part);
                    continue;
                };
                write_silent(event, &silent, work, range.start..number.start, part);
                delta.number = Some((before, part.len()));
                write_silent(event, &silent, work, number.end..range.end, part);
            }
            delta.name.clear();
            delta.name.extend_from_slice(name);
            self.deltas.push(delta);
        }
    }

    /// What stands in an event of our own in the place of what the event at hand has said, in order.
    fn silent(&mut self, event: Event<'_>, plan: &Plan) -> Vec<(Range<usize>, String)> {
        let said = plan.deltas.iter().map(|(node, _)| (event.index.range(*node), "\"\"".to_owned()));
        let mut silent: Vec<_> = said.collect();
        silent.extend(plan.instead.iter().map(|(range, instead)| (range.clone(), (*instead).to_owned())));
        if let Some(identifier) = plan.identifier {
            self.named += 1;
            silent.push((event.index.range(identifier), format!("\"event_added_{}\"", self.named)));
        }
        silent.sort_unstable_by_key(|(range, _)| range.start);
        silent
    }

    /// Whether an end of this text takes a number of the stream.
    pub(super) fn counts(&self, key: TextKey) -> bool {
        self.deltas.iter().any(|delta| delta.key == key && delta.number.is_some())
    }

    /// Writes an event for each tail of these keys.
    pub(super) fn write(&mut self, work: &Work, covers: impl Fn(TextKey) -> bool, out: &mut dyn Outlet) {
        let mut data = Vec::new();
        for (key, text) in work.tails().filter(|(key, _)| covers(*key)) {
            data.clear();
            let delta = self.deltas.iter().find(|delta| delta.key == key);
            if let Some(delta) = delta {
                data.extend_from_slice(&delta.before);
                data.push(b'"');
                escape(text, &mut data);
                data.push(b'"');
                data.extend_from_slice(&delta.after);
                if let Some((before, at)) = delta.number {
                    let at = if before { at } else { data.len() - delta.after.len() + at };
                    data.splice(at..at, self.number.to_string().into_bytes());
                    self.number += 1;
                }
                out.own(&delta.name, &data);
                continue;
            }
            let envelope = self.envelope.as_slice();
            match key.part.carrier() {
                Carrier::Block => {
                    anthropic::write_delta(key, text, &mut data);
                    out.own(b"content_block_delta", &data);
                }
                Carrier::Message => {
                    cohere::write_delta(key.part, key.of, text, &mut data);
                    out.own(cohere::delta_name(key.part).as_bytes(), &data);
                }
                // Those of items, of Bedrock's events, of Cohere's generations and of what grows in objects always have a
                // delta to copy.
                Carrier::Choice | Carrier::Item | Carrier::Bedrock | Carrier::Generation | Carrier::Grown => {
                    openai::write_chunk(envelope, key, text, &mut data);
                    out.own(&self.name, &data);
                }
                Carrier::Candidate => {
                    gemini::write_message(envelope, key, text, &mut data);
                    out.own(&self.name, &data);
                }
                Carrier::Turn => {
                    let row = if let Part::Live(row) = key.part { row } else { 0 };
                    live::write_message(row, text, &mut data);
                    out.own(b"", &data);
                }
                Carrier::Record => {
                    ollama::write_record(envelope, key.part, text, &mut data);
                    out.own(&self.name, &data);
                }
            }
        }
    }
}

/// Writes a stretch of an event on one line, without what else it says: that has been said.
fn write_silent(
    event: Event<'_>,
    silent: &[(Range<usize>, String)],
    work: &Work,
    range: Range<usize>,
    out: &mut Vec<u8>,
) {
    let from = out.len();
    let mut at = range.start;
    for (other, instead) in silent.iter().filter(|(other, _)| range.start <= other.start && other.end <= range.end) {
        if other.start < at {
            continue;
        }
        work.write(event.data, at..other.start, out);
        out.extend_from_slice(instead.as_bytes());
        at = other.end;
    }
    work.write(event.data, at..range.end, out);
    one_line(out, from);
}
