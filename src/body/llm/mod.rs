//! Model answers inside event streams: text that arrives in fragments is judged as the text that it adds up to.
//!
//! Enters: the data of one event after another. Leaves: the same data with its findings redacted, and events of our
//! own where held text needs one. A *logical text* is what a reader adds up: the content of a choice, the arguments of
//! a tool call, a content block. Text that is held moves into the next fragment of the same logical text, or, where
//! that text ends, into its last event or one just before; it is never released on a timer. Every other string, key
//! and number is scanned by itself. Protocols are known by the events' own shape, so that a route without a dialect is
//! covered as well; the dialect only says how strict the data is read.

mod anthropic;
mod failure;
mod opaque;
mod openai;
mod plan;
#[cfg(test)]
mod tests;
mod values;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

pub use self::failure::{error_body, error_event};
use self::plan::{Event, Plan, Reading, TextKey};
use self::values::Values;
use crate::body::json::{Index, Kind, LogicalText, Node, TextOut, escape, unescape};
use crate::body::{BodyError, BodyErrorKind, BodyLimits, Dialect, Inspection, Scopes};

/// The data of one event.
pub(crate) struct Payload<'a> {
    /// The event's name, empty where none was given.
    pub(crate) name: &'a [u8],
    /// The data, its lines joined by LF.
    pub(crate) data: &'a [u8],
    /// The line end that the stream uses.
    pub(crate) ending: &'static [u8],
}

/// What reads the models' protocols in one stream.
pub(crate) struct Model {
    scopes: Arc<Scopes>,
    limits: BodyLimits,
    dialect: Dialect,
    values: Values,
    texts: Vec<Text>,
    /// Texts that have changed and may still be signed; forgotten with the choice or block.
    changed: Vec<TextKey>,
    /// Beginning of a chunk, and the event name, as the stream last had them while text was held.
    envelope: Vec<u8>,
    name: Vec<u8>,
    /// The body has ended: JSON that does not parse was cut.
    ended: bool,
    index: Index,
    plan: Plan,
    work: Work,
}

/// A logical text that has begun and not ended.
struct Text {
    key: TextKey,
    text: LogicalText,
    /// Beginning of a character whose rest is not decided yet; at most 3 bytes.
    split: Vec<u8>,
    /// Whether a finding has changed it.
    changed: bool,
}

/// What one event gives rise to; reused from event to event.
#[derive(Default)]
struct Work {
    decoded: Vec<u8>,
    out: TextOut,
    /// Replaced stretches of the data, each with its place in `new`.
    edits: Vec<(Range<usize>, Range<usize>)>,
    new: Vec<u8>,
    /// Ends of texts that leave in events of their own, each with its place in `tail_bytes`.
    tails: Vec<(TextKey, Range<usize>)>,
    tail_bytes: Vec<u8>,
    /// Choices whose text did not leave whole and unchanged in this event.
    altered: Vec<u64>,
    /// Choices that have text in this event.
    spoken: Vec<u64>,
    /// The data as it leaves.
    data: Vec<u8>,
}

impl Work {
    fn clear(&mut self) {
        self.edits.clear();
        self.new.clear();
        self.tails.clear();
        self.tail_bytes.clear();
        self.altered.clear();
        self.spoken.clear();
    }

    /// Replaces a stretch by a literal string of this text.
    fn edit_string(&mut self, range: Range<usize>, text: &[u8]) {
        let start = self.new.len();
        self.new.push(b'"');
        escape(text, &mut self.new);
        self.new.push(b'"');
        self.edits.push((range, start..self.new.len()));
    }

    fn edit_raw(&mut self, range: Range<usize>, new: &[u8]) {
        let start = self.new.len();
        self.new.extend_from_slice(new);
        self.edits.push((range, start..self.new.len()));
    }

    /// Writes a stretch of the data with its edits, which are in order and do not overlap.
    fn write(&self, data: &[u8], range: Range<usize>, out: &mut Vec<u8>) {
        let first = self.edits.partition_point(|(edit, _)| edit.start < range.start);
        let mut at = range.start;
        for (edit, new) in self.edits.iter().skip(first).take_while(|(edit, _)| edit.end <= range.end) {
            out.extend_from_slice(data.get(at..edit.start).unwrap_or_default());
            out.extend_from_slice(self.new.get(new.clone()).unwrap_or_default());
            at = edit.end;
        }
        out.extend_from_slice(data.get(at..range.end).unwrap_or_default());
    }
}

impl Model {
    pub(crate) fn new(scopes: Arc<Scopes>, limits: &BodyLimits, dialect: Dialect) -> Self {
        Self {
            values: Values::new(Arc::clone(&scopes), limits),
            scopes,
            limits: limits.clone(),
            dialect,
            texts: Vec::new(),
            changed: Vec::new(),
            envelope: Vec::new(),
            name: Vec::new(),
            ended: false,
            index: Index::default(),
            plan: Plan::default(),
            work: Work::default(),
        }
    }

    /// Scans text that stands outside the data; its new form where it has changed.
    pub(crate) fn scan_value(&mut self, value: &[u8], seen: &mut Inspection) -> Result<Option<&[u8]>, BodyError> {
        let actions = self.values.actions();
        self.values.text(value, &actions, seen)
    }

    /// Judges the data of an event. Events of our own that must stand before it are appended to `out`; true where the
    /// data has changed to [`Model::data`].
    pub(crate) fn event(
        &mut self,
        payload: &Payload<'_>,
        out: &mut Vec<u8>,
        seen: &mut Inspection,
    ) -> Result<bool, BodyError> {
        self.work.clear();
        let data = payload.data.trim_ascii();
        if data == b"[DONE]" {
            self.end_all(seen)?;
            self.write_tails(payload.ending, out);
            return Ok(false);
        }
        let mut index = std::mem::take(&mut self.index);
        let read = index.read(payload.data, &self.limits);
        let judged = match read {
            Ok(()) => self.document(&index, payload, out, seen),
            Err(error) if error.kind != BodyErrorKind::JsonSyntax => Err(error),
            Err(error) if self.must_be_json(data) => Err(error),
            Err(_) => self.plain(payload.data, seen),
        };
        self.index = index;
        judged
    }

    /// The data that [`Model::event`] changed.
    pub(crate) fn data(&self) -> &[u8] {
        &self.work.data
    }

    /// Tells that what follows is all that there is.
    pub(crate) fn end_of_body(&mut self) {
        self.ended = true;
    }

    /// Ends the stream: what is held is judged as final text and leaves in events of our own.
    pub(crate) fn finish(&mut self, ending: &[u8], out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        self.work.clear();
        self.end_all(seen)?;
        self.write_tails(ending, out);
        Ok(())
    }

    /// Whether data that does not parse is refused rather than scanned as plain text.
    fn must_be_json(&self, data: &[u8]) -> bool {
        match data.first() {
            Some(b'{') => self.ended || self.dialect != Dialect::Plain,
            Some(b'[') => self.ended,
            _ => false,
        }
    }

    /// Data that is not JSON: scanned whole. A replacement never adds a line.
    fn plain(&mut self, data: &[u8], seen: &mut Inspection) -> Result<bool, BodyError> {
        let actions = self.values.actions();
        let Some(new) = self.values.text(data, &actions, seen)? else { return Ok(false) };
        let mut lines = memchr::memchr_iter(b'\n', data).count();
        self.work.data.clear();
        self.work.data.extend(new.iter().map(|byte| match byte {
            b'\r' => b' ',
            b'\n' if lines == 0 => b' ',
            b'\n' => {
                lines -= 1;
                b'\n'
            }
            byte => *byte,
        }));
        Ok(true)
    }

    /// Data that is JSON.
    fn document(
        &mut self,
        index: &Index,
        payload: &Payload<'_>,
        out: &mut Vec<u8>,
        seen: &mut Inspection,
    ) -> Result<bool, BodyError> {
        let event = Event { index, data: payload.data };
        let Some(root) = index.root() else { return Ok(false) };
        let mut plan = std::mem::take(&mut self.plan);
        plan.clear();
        if index.kind(root) == Kind::Object {
            openai::read(event, root, &mut plan)?;
            anthropic::read(event, root, &mut plan)?;
        }
        let judged = self.carry_out(event, &mut plan, seen);
        let chunk = plan.chunk;
        self.plan = plan;
        judged?;
        if chunk && (!self.work.tails.is_empty() || self.texts.iter().any(Text::holds)) {
            self.keep_envelope(event, root, payload.name)?;
        }
        self.write_tails(payload.ending, out);
        if self.work.edits.is_empty() {
            return Ok(false);
        }
        let mut data = std::mem::take(&mut self.work.data);
        data.clear();
        self.work.write(payload.data, 0..payload.data.len(), &mut data);
        self.work.data = data;
        Ok(true)
    }

    /// Carries out a plan: fills `work` with edits and tails.
    fn carry_out(&mut self, event: Event<'_>, plan: &mut Plan, seen: &mut Inspection) -> Result<(), BodyError> {
        for end in &plan.before {
            self.end(|key| end.covers(key), seen)?;
        }
        plan.deltas.sort_unstable_by_key(|(node, _)| event.index.range(*node).start);
        for (at, (node, key)) in plan.deltas.iter().enumerate() {
            let last = !plan.deltas.iter().skip(at + 1).any(|(_, later)| later == key);
            let ends = last && plan.with.iter().any(|end| end.covers(*key));
            self.fragment(event, *node, *key, ends, seen)?;
        }
        for end in &plan.with {
            self.end(|key| end.covers(key), seen)?;
        }
        self.scan_rest(event, plan, seen)?;
        for end in plan.before.iter().chain(&plan.with) {
            if !matches!(end, plan::End::One(_)) {
                self.changed.retain(|key| !end.covers(*key));
            }
        }
        self.work.edits.sort_unstable_by_key(|(range, _)| range.start);
        let held = self.texts.iter().map(|text| text.text.held() + text.split.len()).sum();
        seen.held_peak = seen.held_peak.max(held);
        Ok(())
    }

    /// Feeds one fragment to its text and puts what may leave in the fragment's place.
    fn fragment(
        &mut self,
        event: Event<'_>,
        node: Node,
        key: TextKey,
        ends: bool,
        seen: &mut Inspection,
    ) -> Result<(), BodyError> {
        let work = &mut self.work;
        work.decoded.clear();
        unescape(event.index.literal(node, event.data), &mut work.decoded)?;
        let at = match self.texts.iter().position(|text| text.key == key) {
            Some(at) => at,
            None => {
                // An empty fragment begins nothing.
                if work.decoded.is_empty() {
                    return Ok(());
                }
                if self.texts.len() >= self.limits.logical_texts {
                    return Err(BodyErrorKind::TooManyTexts.into());
                }
                let actions = self.values.actions_at(event.index, node);
                let rules = &self.scopes.rules;
                let text = match key.part.reading() {
                    Reading::Plain => LogicalText::plain(rules, &actions),
                    Reading::Sniffing => LogicalText::sniffing(rules, &actions, &self.limits),
                    Reading::Arguments => LogicalText::arguments(rules, &actions, &self.limits),
                };
                self.texts.push(Text { key, text, split: Vec::new(), changed: false });
                self.texts.len() - 1
            }
        };
        let Some(text) = self.texts.get_mut(at) else { return Ok(()) };
        let held_before = text.holds();
        work.out.clear();
        work.out.bytes.append(&mut text.split);
        text.text.push(&work.decoded, &mut work.out, seen)?;
        if ends {
            text.text.finish(&mut work.out, seen)?;
        } else {
            keep_split_character(&mut work.out.bytes, &mut text.split);
        }
        text.note_change(&work.out, &mut self.changed, self.limits.logical_texts)?;
        work.spoken.push(key.of);
        let same = work.out.bytes == work.decoded;
        if held_before || !same || !work.out.is_verbatim() {
            work.altered.push(key.of);
        }
        if !same {
            let bytes = std::mem::take(&mut work.out.bytes);
            work.edit_string(event.index.range(node), &bytes);
            work.out.bytes = bytes;
        }
        if ends {
            self.texts.remove(at);
        }
        Ok(())
    }

    /// Ends the texts of these keys; what they held becomes a tail.
    fn end(&mut self, covers: impl Fn(TextKey) -> bool, seen: &mut Inspection) -> Result<(), BodyError> {
        let mut at = 0;
        while let Some(text) = self.texts.get_mut(at) {
            if !covers(text.key) {
                at += 1;
                continue;
            }
            let work = &mut self.work;
            work.out.clear();
            work.out.bytes.append(&mut text.split);
            text.text.finish(&mut work.out, seen)?;
            text.note_change(&work.out, &mut self.changed, self.limits.logical_texts)?;
            if !work.out.bytes.is_empty() {
                let start = work.tail_bytes.len();
                work.tail_bytes.extend_from_slice(&work.out.bytes);
                work.tails.push((text.key, start..work.tail_bytes.len()));
                work.altered.push(text.key.of);
            }
            self.texts.remove(at);
        }
        Ok(())
    }

    fn end_all(&mut self, seen: &mut Inspection) -> Result<(), BodyError> {
        self.end(|_| true, seen)?;
        self.changed.clear();
        Ok(())
    }

    /// Scans every key, and every string and number that the plan does not speak of.
    fn scan_rest(&mut self, event: Event<'_>, plan: &Plan, seen: &mut Inspection) -> Result<(), BodyError> {
        let index = event.index;
        let mut skip_to = 0;
        for node in index.nodes() {
            let range = index.range(node);
            if range.start < skip_to {
                continue;
            }
            if let (Some(key), Some(place)) = (index.key(node), index.key_range(node)) {
                let actions = self.values.actions_at(index, node);
                if let Some(new) = self.values.text(key, &actions, seen)? {
                    self.work.edit_string(place, new);
                }
            }
            let copies = plan.copies.iter().find(|(copy, _)| *copy == node);
            if copies.is_some_and(|(_, of)| !self.left_whole(*of)) && has_values(index, &range) {
                skip_to = range.end;
                self.work.edit_raw(range, b"null");
                continue;
            }
            match index.kind(node) {
                Kind::String if plan.deltas.iter().any(|(delta, _)| *delta == node) => {}
                Kind::String => self.string(event, node, plan, seen)?,
                Kind::Number => self.number(event, node, seen)?,
                Kind::Object | Kind::Array | Kind::True | Kind::False | Kind::Null => {}
            }
        }
        Ok(())
    }

    /// Whether all text of a choice in this event left in it, unchanged and with nothing held before.
    fn left_whole(&self, of: u64) -> bool {
        self.work.spoken.contains(&of) && !self.work.altered.contains(&of)
    }

    fn string(&mut self, event: Event<'_>, node: Node, plan: &Plan, seen: &mut Inspection) -> Result<(), BodyError> {
        let range = event.index.range(node);
        let mut decoded = std::mem::take(&mut self.work.decoded);
        decoded.clear();
        unescape(event.index.literal(node, event.data), &mut decoded)?;
        let signs = plan.signatures.iter().find(|(signature, _)| *signature == node);
        let model = plan.known || self.dialect != Dialect::Plain;
        match opaque::reason(event, node, &decoded).filter(|_| model) {
            _ if signs.is_some_and(|(_, key)| self.changed.contains(key)) => self.work.edit_string(range, b""),
            Some(reason) => seen.exempt(reason, decoded.len() as u64),
            None => {
                let actions = self.values.actions_at(event.index, node);
                if let Some(new) = self.values.text(&decoded, &actions, seen)? {
                    self.work.edit_string(range, new);
                }
            }
        }
        self.work.decoded = decoded;
        Ok(())
    }

    fn number(&mut self, event: Event<'_>, node: Node, seen: &mut Inspection) -> Result<(), BodyError> {
        let literal = event.index.literal(node, event.data);
        let actions = self.values.actions_at(event.index, node);
        if let Some(new) = self.values.number(literal, &actions, seen)? {
            self.work.edit_raw(event.index.range(node), new);
        }
        Ok(())
    }

    /// Keeps what a chunk of our own copies from this one.
    fn keep_envelope(&mut self, event: Event<'_>, root: Node, name: &[u8]) -> Result<(), BodyError> {
        let mut envelope = std::mem::take(&mut self.envelope);
        envelope.clear();
        let written = openai::write_envelope(event, root, &mut envelope, |range, out| {
            self.work.write(event.data, range, out);
        });
        self.envelope = envelope;
        self.name.clear();
        self.name.extend_from_slice(name);
        written
    }

    /// Writes an event for each tail.
    fn write_tails(&mut self, ending: &[u8], out: &mut Vec<u8>) {
        for (key, range) in &self.work.tails {
            let text = self.work.tail_bytes.get(range.clone()).unwrap_or_default();
            if key.part.in_block() {
                write_field(b"event", b"content_block_delta", ending, out);
                out.extend_from_slice(b"data: ");
                anthropic::write_delta(*key, text, out);
            } else {
                if !self.name.is_empty() {
                    write_field(b"event", &self.name, ending, out);
                }
                out.extend_from_slice(b"data: ");
                openai::write_chunk(&self.envelope, *key, text, out);
            }
            out.extend_from_slice(ending);
            out.extend_from_slice(ending);
        }
        self.work.tails.clear();
    }
}

impl Text {
    fn holds(&self) -> bool {
        self.text.held() > 0 || !self.split.is_empty()
    }

    /// Remembers that the text has changed, for what signs it.
    fn note_change(&mut self, out: &TextOut, changed: &mut Vec<TextKey>, limit: usize) -> Result<(), BodyError> {
        if self.changed || out.is_verbatim() || !self.key.part.may_be_signed() {
            return Ok(());
        }
        self.changed = true;
        if !changed.contains(&self.key) {
            if changed.len() >= limit {
                return Err(BodyErrorKind::TooManyTexts.into());
            }
            changed.push(self.key);
        }
        Ok(())
    }
}

/// Whether a stretch has strings or numbers.
fn has_values(index: &Index, range: &Range<usize>) -> bool {
    let inside = index.nodes().filter(|node| range.contains(&index.range(*node).start));
    inside.into_iter().any(|node| matches!(index.kind(node), Kind::String | Kind::Number))
}

fn write_field(name: &[u8], value: &[u8], ending: &[u8], out: &mut Vec<u8>) {
    for part in [name, b": ", value, ending] {
        out.extend_from_slice(part);
    }
}

/// Moves the beginning of a character whose rest is still held from the end of `bytes` to `split`: half a character
/// is no text in an event of its own.
fn keep_split_character(bytes: &mut Vec<u8>, split: &mut Vec<u8>) {
    let tail = bytes.iter().rev().take(3).position(|byte| byte & 0xC0 != 0x80);
    let Some(behind) = tail else { return };
    let Some(lead) = bytes.len().checked_sub(behind + 1) else { return };
    let wanted = match bytes.get(lead) {
        Some(0xC2..=0xDF) => 2,
        Some(0xE0..=0xEF) => 3,
        Some(0xF0..=0xF4) => 4,
        _ => 1,
    };
    if behind + 1 < wanted {
        split.extend(bytes.drain(lead..));
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Model({:?}, {} texts)", self.dialect, self.texts.len())
    }
}
