//! Model answers inside event streams: text that arrives in fragments is judged as the text that it adds up to.
//!
//! Enters: the data of one event after another. Leaves: the same data with its findings redacted, and events of our
//! own where held text needs one. A *logical text* is what a reader adds up: the content of a choice, the arguments of
//! a tool call, a content block. Text that is held moves into the next fragment of the same logical text, or, where
//! that text ends, into its last event or one just before; it is never released on a timer, nor where the provider tells
//! of an error or the stream breaks off within the text. Every other string, key and number is scanned by itself. Protocols
//! are known by the events' own shape, so that a route without a dialect is covered as well; the dialect only says how
//! strict the data is read.

mod anthropic;
mod bedrock;
mod called;
mod calls;
mod cohere;
mod cohere_v1;
mod depth;
mod failure;
mod gemini;
mod grown;
mod live;
mod mold;
mod ollama;
mod once;
mod opaque;
mod openai;
mod others;
mod parked;
mod plan;
mod responses;
mod rest;
mod tails;
#[cfg(test)]
mod tests;
mod texts;
mod tools;
mod turns;
mod values;
mod work;

use std::fmt;
use std::sync::Arc;

use self::called::continues;
use self::calls::Calls;
pub(super) use self::calls::DocumentCalls;
use self::depth::Depth;
pub use self::failure::{addressed, error_body, error_event, error_frame, error_message, error_record, error_type};
use self::mold::Mold;
use self::once::Once;
use self::others::Owners;
use self::parked::{Parked, Patch, Patched};
use self::plan::{Carrier, CountsIn, End, Event, Part, Plan, TextKey, whole_number};
use self::rest::Said;
use self::tails::Tails;
use self::texts::Texts;
use self::tools::Tools;
pub(super) use self::turns::Turns;
use self::values::Values;
use self::work::Work;
use crate::body::json::{Index, Joins, Kind, Node, Shifts, unescape};
use crate::body::restore::Opens;
use crate::body::sse::trim_start;
use crate::body::{BodyError, BodyErrorKind, BodyLimits, Dialect, Inspection, Scopes};
use crate::engine::ToolRules;

/// The data of one event.
pub(crate) struct Payload<'a> {
    /// The event's name, empty where none was given.
    pub(crate) name: &'a [u8],
    /// The data, its lines joined by LF.
    pub(crate) data: &'a [u8],
}

/// An object around a string that holds an event.
#[derive(Default)]
pub(crate) struct Envelope {
    /// What stands before the string's literal, as it may leave.
    pub(crate) before: Vec<u8>,
    /// The string's text.
    pub(crate) inside: Vec<u8>,
    /// What stands behind the literal, as it may leave.
    pub(crate) after: Vec<u8>,
    /// Something around the string has changed.
    pub(crate) changed: bool,
}

/// Where events go that leave besides the one at hand, before it.
pub(crate) trait Outlet {
    /// An event of our own; its data is one line.
    fn own(&mut self, name: &[u8], data: &[u8]);

    /// An event that was parked, as it was given to [`Model::park`], with the ends of its texts.
    fn parked(&mut self, bytes: &[u8]);
}

/// What becomes of an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Judged {
    /// The data stands as it came.
    Same,
    /// [`Model::data`] takes its place.
    Changed,
    /// As changed, and the event must be given to [`Model::park`].
    Parked,
}

/// Bytes of a tool's name by which it is told from another.
const NAME: usize = 256;

/// A tool call that has begun.
struct Begun {
    key: TextKey,
    /// The identifier that it last had.
    id: Vec<u8>,
    name: Vec<u8>,
    arguments: Depth,
}

/// What reads the models' protocols in one stream.
pub(crate) struct Model {
    limits: BodyLimits,
    dialect: Dialect,
    values: Values,
    texts: Texts,
    tails: Tails,
    /// Events of our own among those that are counted.
    added: u64,
    /// A finding has changed some text of the stream.
    changed: bool,
    /// Data that does not parse is refused, whatever it looks like.
    strict: bool,
    /// What each tool call's place last had.
    calls: Vec<Begun>,
    owners: Owners,
    /// Where tokens are opened; none: nowhere.
    opening: Option<Tools>,
    /// Events that wait for the next, and the one that is to be parked.
    parked: Vec<Parked>,
    parking: Parked,
    /// Which tools may be called, where that is told.
    tools: Option<Box<Calls>>,
    /// The body has ended: JSON that does not parse was cut.
    ended: bool,
    index: Index,
    plan: Plan,
    /// The event that both are of, where the next may be another of its mold.
    mold: Mold,
    work: Work,
    /// Whole texts of the event that were scanned before all else, and where their places are if they have changed.
    early: Vec<(Node, Option<Shifts>)>,
    /// How the whole texts for a reader ended that the event at hand has had.
    joins: Joins,
    /// What the objects of these said of them.
    said: Once<Said>,
}

impl Model {
    pub(crate) fn new(scopes: Arc<Scopes>, limits: &BodyLimits, dialect: Dialect) -> Self {
        Self {
            opening: scopes.restore.as_ref().map(|restore| Tools::new(Arc::clone(restore), limits.logical_texts)),
            values: Values::new(Arc::clone(&scopes), limits),
            texts: Texts::new(scopes, limits),
            limits: limits.clone(),
            dialect,
            tails: Tails::default(),
            added: 0,
            changed: false,
            strict: false,
            calls: Vec::new(),
            owners: Owners::default(),
            parked: Vec::new(),
            parking: Parked::default(),
            tools: None,
            ended: false,
            index: Index::default(),
            plan: Plan::default(),
            mold: Mold::default(),
            work: Work::default(),
            early: Vec::new(),
            joins: Joins::default(),
            said: Once::default(),
        }
    }

    /// As it is, for answers in which tools are called, where rules say which.
    pub(crate) fn watching(self, rules: Option<&Arc<ToolRules>>) -> Self {
        let restore = self.opening.as_ref().map(Tools::restore);
        let actions = self.values.actions();
        let calls = |rules| Box::new(Calls::new(rules, &self.limits).restoring(restore, &actions));
        Self { tools: rules.map(calls), ..self }
    }

    /// As it is, for data that is JSON by contract.
    pub(crate) fn strict(self) -> Self {
        Self { strict: true, ..self }
    }

    /// Scans text that stands outside the data; its new form where it has changed.
    pub(crate) fn scan_value(&mut self, value: &[u8], seen: &mut Inspection) -> Result<Option<&[u8]>, BodyError> {
        let actions = self.values.actions();
        self.values.text(value, &actions, seen)
    }

    /// As [`Model::scan_value`], for text that is called so.
    pub(crate) fn scan_named(
        &mut self,
        name: &[u8],
        value: &[u8],
        seen: &mut Inspection,
    ) -> Result<Option<&[u8]>, BodyError> {
        self.values.call_named(name);
        self.scan_value(value, seen)
    }

    /// Takes the string `member` out of data that is an object with one, and scans all else in it. The string is to be
    /// judged by itself; what stands around it is in the envelope that is given. `None` where there is no such string:
    /// then the data is to be judged whole.
    pub(crate) fn open(
        &mut self,
        data: &[u8],
        member: &str,
        seen: &mut Inspection,
    ) -> Result<Option<Envelope>, BodyError> {
        self.work.clear();
        self.mold.forget();
        let mut index = std::mem::take(&mut self.index);
        let opened = match index.read(data, &self.limits) {
            Ok(()) => self.opened(Event { index: &index, data }, member, seen),
            Err(error) if error.kind == BodyErrorKind::JsonSyntax => Ok(None),
            Err(error) => Err(error),
        };
        self.index = index;
        opened
    }

    fn opened(&mut self, event: Event<'_>, member: &str, seen: &mut Inspection) -> Result<Option<Envelope>, BodyError> {
        let Some(root) = event.index.root().filter(|root| event.index.kind(*root) == Kind::Object) else {
            return Ok(None);
        };
        let Some(inside) = event.of_kind(root, member, Kind::String)? else { return Ok(None) };
        let mut plan = std::mem::take(&mut self.plan);
        plan.clear();
        // No text goes on in it: it is only left out of what is scanned.
        plan.deltas.push((inside, TextKey::NONE));
        let scanned = self.scan_rest(event, &plan, seen);
        self.plan = plan;
        scanned?;
        self.work.sort_edits();
        let range = event.index.range(inside);
        let mut envelope = Envelope { changed: self.work.has_edits(), ..Envelope::default() };
        unescape(event.index.literal(inside, event.data), &mut envelope.inside)?;
        self.work.write(event.data, 0..range.start, &mut envelope.before);
        self.work.write(event.data, range.end..event.data.len(), &mut envelope.after);
        Ok(Some(envelope))
    }

    /// Judges the data of an event. Events that must stand before it are appended to `out`.
    pub(crate) fn event(
        &mut self,
        payload: &Payload<'_>,
        out: &mut dyn Outlet,
        seen: &mut Inspection,
    ) -> Result<Judged, BodyError> {
        self.work.clear();
        let data = payload.data.trim_ascii();
        if data == b"[DONE]" && !self.strict {
            self.end_all(out, seen)?;
            return Ok(Judged::Same);
        }
        let mut index = std::mem::take(&mut self.index);
        let read = if self.mold.takes(payload, &mut index) {
            Ok(())
        } else {
            self.mold.forget();
            index.read(payload.data, &self.limits)
        };
        let judged = match read {
            Ok(()) => self.document(&index, payload, out, seen),
            Err(error) if error.kind != BodyErrorKind::JsonSyntax => Err(error),
            Err(error) if self.must_be_json(data) => Err(error),
            Err(_) => {
                self.settle_all(out, seen)?;
                if payload.name == b"error" {
                    self.texts.doubt();
                }
                self.plain(payload.data, seen)
            }
        };
        self.index = index;
        if judged.is_err() {
            self.mold.forget();
        }
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

    /// Bytes of text held back in all logical texts.
    pub(crate) fn held(&self) -> usize {
        self.texts.held()
    }

    /// Bytes of memory that what waits takes: those, events that are parked, and arguments of calls.
    pub(crate) fn weight(&self) -> usize {
        let calls = self.tools.as_ref().map_or(0, |tools| tools.weight());
        self.texts.held() + self.parked_bytes() + calls
    }

    /// Gives back what a large event has taken, once it has left.
    pub(crate) fn give_back(&mut self) {
        if self.index.is_large() || self.work.is_large() {
            (self.index, self.work) = (Index::default(), Work::default());
            // It is of what the index had.
            self.mold.forget();
        }
    }

    /// Ends the stream, which has said itself that it is whole: what is held is judged as final text and leaves in events
    /// of our own.
    pub(crate) fn complete(&mut self, out: &mut dyn Outlet, seen: &mut Inspection) -> Result<(), BodyError> {
        self.work.clear();
        self.end_all(out, seen)
    }

    /// Ends the stream, of which no more comes. Texts whose end has come leave; what is held of others never does.
    ///
    /// # Errors
    /// [`BodyErrorKind::Truncated`] where the stream breaks off within a text and the provider has not told of an error
    /// since: every protocol that is read here says where its texts end, but for what is known by its events' names alone.
    /// What [`Model::complete`] refuses.
    pub(crate) fn finish(&mut self, out: &mut dyn Outlet, seen: &mut Inspection) -> Result<(), BodyError> {
        self.work.clear();
        self.end_calls(seen)?;
        self.settle_all(out, seen)?;
        self.texts.lose_doubted();
        if self.texts.hold(|key| key.part.carrier() != Carrier::Grown) {
            self.texts.lose(|_| true);
            return Err(BodyErrorKind::Truncated.into());
        }
        self.end_all(out, seen)
    }

    /// Tells that the provider's error comes next. Texts whose end has come leave before it; the others wait until they go
    /// on, and never leave if they don't.
    pub(crate) fn fail(&mut self, out: &mut dyn Outlet, seen: &mut Inspection) -> Result<(), BodyError> {
        self.work.clear();
        self.settle_all(out, seen)?;
        self.texts.doubt();
        Ok(())
    }

    /// Whether data that does not parse is refused rather than scanned as plain text.
    fn must_be_json(&self, data: &[u8]) -> bool {
        match trim_start(data).first() {
            _ if self.strict => true,
            Some(b'{') => self.ended || self.dialect != Dialect::Plain,
            Some(b'[') => self.ended,
            _ => false,
        }
    }

    /// Data that is not JSON: scanned whole. A replacement never adds a line.
    fn plain(&mut self, data: &[u8], seen: &mut Inspection) -> Result<Judged, BodyError> {
        let actions = self.values.actions();
        let Some(new) = self.values.text(data, &actions, seen)? else { return Ok(Judged::Same) };
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
        Ok(Judged::Changed)
    }

    /// Data that is JSON.
    fn document(
        &mut self,
        index: &Index,
        payload: &Payload<'_>,
        out: &mut dyn Outlet,
        seen: &mut Inspection,
    ) -> Result<Judged, BodyError> {
        let event = Event { index, data: payload.data };
        let Some(root) = index.root() else { return Ok(Judged::Same) };
        if let Some(tools) = &mut self.tools {
            tools.event(event)?;
            tools.tell_held(seen);
        }
        let mut plan = std::mem::take(&mut self.plan);
        if !self.mold.stands() {
            self.read_plan(event, root, payload.name, &mut plan)?;
            plan.fails |= payload.name == b"error";
        }
        self.leave_words(event, &mut plan);
        self.begin_calls(event, &mut plan);
        if let Some(tools) = &mut self.opening {
            tools.forget(&plan);
            tools.learn(event, &plan);
        }
        let waits = self.waits(event, &plan);
        if !self.parked.is_empty() && !waits {
            self.settle(index, &plan, out, seen)?;
        }
        self.carry_out(event, payload, &mut plan, seen)?;
        if let Some(chunk) = plan.chunk.filter(|_| self.texts.held() > 0) {
            self.tails.keep_envelope(event, chunk, payload.name, &self.work)?;
        }
        self.tails.write(&self.work, |_| true, out);
        // The event itself comes next.
        self.tails.number += u64::from(plan.sequence.is_some());
        self.tails.keep_deltas(event, &plan, payload.name, &self.work, &self.texts);
        let judged = if waits { self.put_behind(event) } else { self.written(event, &plan) };
        self.plan = plan;
        Ok(judged)
    }

    /// Reads what the event of this name means.
    fn read_plan(&mut self, event: Event<'_>, root: Node, name: &[u8], plan: &mut Plan) -> Result<(), BodyError> {
        plan.clear();
        if event.index.kind(root) != Kind::Object {
            return Ok(());
        }
        openai::read(event, root, plan)?;
        anthropic::read(event, root, name, plan)?;
        responses::read(event, root, plan)?;
        gemini::read(event, root, plan)?;
        live::read(event, root, plan)?;
        grown::read(event, root, plan)?;
        cohere::read(event, root, plan)?;
        cohere_v1::read(event, root, plan)?;
        ollama::read(event, root, plan)?;
        bedrock::read(event, root, plan)?;
        others::read(event, root, plan)?;
        self.owners.tell(plan);
        // What follows walks these lists for each value.
        if plan.size() > self.limits.logical_texts.saturating_mul(4) {
            return Err(BodyErrorKind::TooManyTexts.into());
        }
        Ok(())
    }

    /// Takes words of the protocol from what the event adds to texts that have no name we know: a bare lower-case word
    /// before anything else is not held, as such a member may have it from first to last. It is remembered, for the case
    /// that it is the beginning of a text.
    fn leave_words(&self, event: Event<'_>, plan: &mut Plan) {
        let is_word = |(node, key): &(Node, TextKey)| {
            let letter = |byte: &u8| byte.is_ascii_lowercase() || *byte == b'_';
            key.part.is_named() && !self.texts.has_begun(*key) && event.word(*node).iter().all(letter)
        };
        plan.words.extend(plan.deltas.iter().filter(|delta| is_word(delta)));
        if !plan.words.is_empty() {
            plan.deltas.retain(|delta| !is_word(delta));
        }
    }

    /// Ends the arguments of a tool call where another call begins at its place ([`continues`]). Until they are whole it is
    /// unfinished: what is no JSON has no end. A custom tool's name begins another call whatever it is.
    fn begin_calls(&mut self, event: Event<'_>, plan: &mut Plan) {
        // What has another name from here on is another call's to some readers.
        for (name, key, _) in plan.names.iter().filter(|(.., begins)| !begins) {
            let of_place = |call: &&Begun| call.key.is_of_call(*key);
            let renamed = |call: &&Begun| !call.name.is_empty() && !event.word(*name).starts_with(&call.name);
            plan.before.extend(self.calls.iter().filter(of_place).filter(renamed).map(|call| End::One(call.key)));
        }
        for (id, key) in &plan.calls {
            let id = event.word(*id);
            let name = plan.names.iter().find(|(_, other, _)| other.is_of_call(*key));
            let name = name.map(|(name, ..)| event.word(*name));
            let name = name.map(|name| name.get(..NAME).unwrap_or(&name).to_vec());
            let known = self.calls.iter().position(|call| call.key == *key).map(|at| self.calls.remove(at));
            let goes_on = |call: &Begun| {
                let again = name.is_some() && matches!(key.part, Part::ToolInput(_));
                continues((&call.id, &call.name), &id, name.as_deref(), !call.arguments.is_whole() && !again)
            };
            let (arguments, before) = match known {
                Some(call) if goes_on(&call) => (call.arguments, call.name),
                known => {
                    plan.begun.push(*key);
                    plan.anew.push(End::One(*key));
                    if known.is_some() {
                        plan.before.push(End::One(*key));
                    }
                    Default::default()
                }
            };
            if self.calls.len() >= self.limits.logical_texts {
                self.calls.remove(0);
            }
            self.calls.push(Begun { key: *key, id: id.into_owned(), name: name.unwrap_or(before), arguments });
        }
    }

    /// Writes the data as it leaves, and makes out whether the event must wait.
    fn written(&mut self, event: Event<'_>, plan: &Plan) -> Judged {
        let holds = |of: &u64| self.texts.hold(|key| key.is_of_choice(*of));
        let ends: Vec<u64> = plan.finishes.iter().copied().filter(holds).collect();
        let pauses: Vec<u64> = plan.pauses.iter().copied().filter(holds).collect();
        for of in &plan.finishes {
            self.texts.rest(|key| key.is_of_choice(*of));
        }
        let goes = ends.is_empty() && pauses.is_empty();
        if goes && !self.work.has_edits() {
            return Judged::Same;
        }
        self.work.write_data(event.data);
        if goes {
            return Judged::Changed;
        }
        let mut places: Vec<(TextKey, usize)> = Vec::new();
        for (node, key) in &plan.deltas {
            // Before the closing quote of the last fragment.
            let place = self.work.moved(event.index.range(*node).end) - 1;
            places.retain(|(earlier, _)| earlier != key);
            places.push((*key, place));
        }
        let repeats = plan.repeats.iter().filter(|(_, key)| self.texts.hold(|held| held == *key));
        let repeats = repeats.map(|(node, key)| (*key, self.work.moved(event.index.range(*node).end) - 1)).collect();
        let patches = self.patches(event, plan);
        self.parking =
            Parked { bytes: Vec::new(), places, repeats, patches, mentions: plan.mentions.clone(), ends, pauses };
        Judged::Parked
    }

    /// What of the event is only known once the text that it holds is.
    fn patches(&self, event: Event<'_>, plan: &Plan) -> Vec<Patch> {
        let held = |key: &TextKey| self.texts.hold(|held| held == *key);
        let mut patches = Vec::new();
        for offset in &plan.offsets {
            let CountsIn::Growing(key) = offset.text else { continue };
            if let Some(number) = whole_number(event.index.literal(offset.node, event.data)).filter(|_| held(&key)) {
                let place = self.work.place(&event.index.range(offset.node));
                patches.push(Patch { key, place, what: Patched::Offset(number, offset.counts) });
            }
        }
        for (signature, _, key) in &plan.signed {
            let range = event.index.range(*signature);
            if let Some(key) = key.filter(held).filter(|_| !self.work.has_edit(&range)) {
                let literal = self.work.place(&range);
                let place = literal.start + 1..literal.end.saturating_sub(1);
                patches.push(Patch { key, place, what: Patched::Signature });
            }
        }
        patches
    }

    /// Whether the event tells of nothing that has to do with those that are parked: pings and the cost of an answer do not
    /// say that a choice is over which has finished. It waits behind them, as long as they fit one event.
    fn waits(&self, event: Event<'_>, plan: &Plan) -> bool {
        !self.parked.is_empty() && plan.is_silent() && self.parked_bytes() + event.data.len() <= self.limits.sse_event
    }

    /// Parks the event behind the last one that is parked, with which it leaves.
    fn put_behind(&mut self, event: Event<'_>) -> Judged {
        self.work.write_data(event.data);
        let mentions = self.parked.last().map(|last| last.mentions.clone()).unwrap_or_default();
        self.parking = Parked { mentions, ..Parked::default() };
        Judged::Parked
    }

    /// Lets those parked events go whose choices this event tells more of.
    fn settle(
        &mut self,
        index: &Index,
        plan: &Plan,
        out: &mut dyn Outlet,
        seen: &mut Inspection,
    ) -> Result<(), BodyError> {
        for parked in std::mem::take(&mut self.parked) {
            let about_others =
                !plan.mentions.is_empty() && !plan.mentions.iter().any(|of| parked.mentions.contains(of));
            if plan.chunk.is_some() && about_others {
                self.parked.push(parked);
            } else {
                self.let_go(&parked, |of| plan.speaks(index, of), out, seen)?;
            }
        }
        Ok(())
    }

    fn settle_all(&mut self, out: &mut dyn Outlet, seen: &mut Inspection) -> Result<(), BodyError> {
        for mut parked in std::mem::take(&mut self.parked) {
            parked.pauses.clear();
            self.let_go(&parked, |_| false, out, seen)?;
        }
        Ok(())
    }

    /// Lets a parked event go. The choices that it ends have ended, unless they go on.
    fn let_go(
        &mut self,
        parked: &Parked,
        goes_on: impl Fn(u64) -> bool,
        out: &mut dyn Outlet,
        seen: &mut Inspection,
    ) -> Result<(), BodyError> {
        for of in parked.ends.iter().chain(&parked.pauses).copied().filter(|of| !goes_on(*of)) {
            self.end(|key| key.is_of_choice(of), seen)?;
        }
        self.tails.write(&self.work, |key| !parked.takes(key), out);
        let tails: Vec<(TextKey, &[u8])> = self.work.tails().collect();
        let mut bytes = Vec::new();
        let patched = |patch: &Patch| match patch.what {
            Patched::Offset(number, counts) => {
                Some(self.texts.moved(patch.key, number, counts).to_string().into_bytes())
            }
            Patched::Signature => self.texts.has_changed(patch.key).then(Vec::new),
        };
        parked.write(&tails, patched, &mut bytes);
        out.parked(&bytes);
        self.work.clear_tails();
        Ok(())
    }

    /// Carries out a plan: fills `work` with edits and tails.
    fn carry_out(
        &mut self,
        event: Event<'_>,
        payload: &Payload<'_>,
        plan: &mut Plan,
        seen: &mut Inspection,
    ) -> Result<(), BodyError> {
        if plan.fails {
            self.texts.doubt();
        }
        if plan.before.contains(&End::All) && !plan.whole {
            self.texts.lose_doubted();
        }
        for end in &plan.before {
            self.end(|key| end.covers(key), seen)?;
        }
        for end in &plan.anew {
            self.texts.forget_past(|key| end.covers(key));
        }
        for (node, key) in &plan.words {
            let actions = || self.values.actions_at(event.index, *node);
            self.texts.push_ahead(*key, &event.word(*node), actions, &mut self.work.out)?;
        }
        plan.deltas.sort_unstable_by_key(|(node, _)| event.index.range(*node).start);
        for (at, (node, key)) in plan.deltas.iter().enumerate() {
            let last = !plan.deltas.iter().skip(at + 1).any(|(_, later)| later == key);
            let ends = last && plan.with.iter().any(|end| end.covers(*key));
            self.fragment(event, *node, *key, ends, seen)?;
        }
        if plan.fails {
            self.texts.doubt();
        }
        for end in &plan.lost {
            self.texts.lose(|key| end.covers(key));
        }
        if plan.with.iter().any(|end| matches!(end, End::All | End::Records)) {
            self.texts.lose_doubted();
        }
        for end in &plan.with {
            self.end(|key| end.covers(key), seen)?;
        }
        if plan.with.contains(&End::Turn) {
            self.texts.forget_past(|key| End::Turn.covers(key));
        }
        self.count_on(event, plan);
        self.judge_rest(event, payload, plan, seen)?;
        for end in &plan.before {
            self.texts.forget_changes(|key| end.covers(key));
        }
        // An answer that is over is added to no other.
        for end in plan.before.iter().chain(&plan.lost).filter(|end| matches!(end, End::Answer(_))) {
            self.texts.forget_ends(|key| end.covers(key));
            self.texts.forget_past(|key| end.covers(key));
        }
        self.work.sort_edits();
        seen.held_peak = seen.held_peak.max(self.texts.held());
        Ok(())
    }

    /// Makes room in the stream's numbers for the events of our own that come before this one.
    fn count_on(&mut self, event: Event<'_>, plan: &Plan) {
        let Some(number) = plan.sequence.and_then(|node| whole_number(&event.word(node))) else { return };
        self.tails.number = number.saturating_add(self.added);
        self.added += self.work.tails().filter(|(key, _)| self.tails.counts(*key)).count() as u64;
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
        if let Some(call) = self.calls.iter_mut().find(|call| call.key == key) {
            call.arguments.take(&work.decoded);
        }
        let opens = || self.opening.as_ref().map_or(Opens::No, |tools| tools.open_fragment(event, node, key));
        let actions = || (self.values.actions_at(event.index, node), opens());
        let held_nothing = self.texts.push(key, &work.decoded, actions, &mut work.out, seen)?;
        if ends {
            self.texts.end(key, &mut work.out, seen)?;
        }
        if !work.decoded.is_empty() {
            work.spoken.push(key.of);
        }
        let same = work.out.bytes == work.decoded;
        self.changed |= !work.out.is_verbatim();
        if !held_nothing || !same || !work.out.is_verbatim() {
            work.altered.push(key.of);
        }
        if !same {
            if work.out.is_verbatim() {
                work.note_move(event.index.range(node));
            }
            work.edit_out(event.index.range(node));
        }
        Ok(())
    }

    /// Ends the texts of these keys; what they held becomes a tail.
    fn end(&mut self, covers: impl Fn(TextKey) -> bool, seen: &mut Inspection) -> Result<(), BodyError> {
        while let Some(key) = self.texts.find(&covers) {
            self.work.out.clear();
            self.texts.end(key, &mut self.work.out, seen)?;
            self.changed |= !self.work.out.is_verbatim();
            self.work.add_tail(key);
            if !self.work.out.bytes.is_empty() {
                self.work.altered.push(key.of);
            }
        }
        Ok(())
    }

    /// Judges the calls of which no more comes.
    fn end_calls(&mut self, seen: &mut Inspection) -> Result<(), BodyError> {
        let Some(tools) = &mut self.tools else { return Ok(()) };
        tools.end()?;
        tools.tell_held(seen);
        Ok(())
    }

    /// Ends every text; what was held leaves, but of texts that have failed.
    fn end_all(&mut self, out: &mut dyn Outlet, seen: &mut Inspection) -> Result<(), BodyError> {
        self.end_calls(seen)?;
        for parked in std::mem::take(&mut self.parked) {
            self.let_go(&parked, |_| false, out, seen)?;
        }
        self.texts.lose_doubted();
        self.end(|_| true, seen)?;
        self.texts.forget_changes(|_| true);
        self.tails.write(&self.work, |_| true, out);
        self.work.clear_tails();
        Ok(())
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Model({:?}, {:?}, {} parked)", self.dialect, self.texts, self.parked.len())
    }
}
