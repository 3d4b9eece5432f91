//! Calls of tools in models' answers and in MCP's requests: which may go on.
//!
//! Enters: indexed events of a stream, or the [`Sketch`] of a document. Leaves: [`BodyErrorKind::Tool`] before the bytes
//! that would make a refused call whole; and which rules hold calls that nobody has let pass, for whoever keeps the whole. A name is judged as soon as it stands there, in every protocol at the call's
//! beginning; where it takes the arguments, what completes them waits for no one: the event that would is refused. Calls
//! are known by their shape, whatever the route's dialect. A call of which something is missing is refused where any
//! rule could refuse it.

use std::ops::Range;
use std::sync::Arc;

use super::called::{Call, Stage, around, continues, end_of, is_one_call, read, respelled};
use super::depth::Depth;
use super::plan::Event;
use crate::body::json::{Index, Kind, Sketch, compact, is_like, unescape};
use crate::body::restore::Restore;
use crate::body::{BodyError, BodyErrorKind, BodyLimits, Direction, Inspection, Scopes};
use crate::engine::{ActionTable, Restorer, ToolDecision, ToolRules, ToolVerdict};

/// The calls of one stream.
#[derive(Debug)]
pub(in crate::body) struct Calls {
    rules: Arc<ToolRules>,
    limits: BodyLimits,
    /// The last call of each place, the longest unchanged first.
    open: Vec<Open>,
    /// Where a call goes on in pieces that its name allows, whatever they are.
    continued: Vec<u64>,
    compact: Vec<u8>,
    /// What gives values back in the arguments of calls, before they reach their reader.
    restored: Option<Restored>,
    /// Rules that held calls since this was last asked for, by their place, and how many.
    held: Vec<(usize, u64)>,
}

/// Gives values back as the answer will.
#[derive(Debug)]
struct Restored {
    restore: Arc<Restore>,
    restorer: Restorer,
}

/// Whether the arguments of a call get values back.
#[derive(Clone, Copy)]
enum Given {
    Never,
    Perhaps,
    Always,
}

impl Restored {
    fn given(&self, name: &[u8]) -> Given {
        match self.restore.opens_tool(name) {
            true => Given::Always,
            false if self.restore.fields.is_empty() => Given::Never,
            false => Given::Perhaps,
        }
    }
}

/// A call whose arguments come piece by piece.
struct Open {
    /// Its place, and the places around it, outermost first.
    around: Vec<u64>,
    id: Vec<u8>,
    name: Vec<u8>,
    /// The name is that of the call before, as long as there is no other.
    inherited: bool,
    arguments: Vec<u8>,
    depth: Depth,
    /// Where in its arguments those begin that came since its identifier last changed, which are a call's own to readers who
    /// tell calls apart by that; and where these stand.
    own: (usize, Depth),
    /// Its arguments are text, not JSON.
    plain: bool,
    /// It may go on, with these arguments.
    settled: bool,
    /// Arguments have passed that its name did not ask for.
    unread: bool,
    /// It is held, whatever its arguments say.
    held: bool,
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Open({} bytes of arguments)", self.arguments.len())
    }
}

impl Calls {
    /// No calls yet.
    pub(in crate::body) fn new(rules: &Arc<ToolRules>, limits: &BodyLimits) -> Self {
        let (rules, limits) = (Arc::clone(rules), limits.clone());
        let (open, continued, compact, held) = Default::default();
        Self { rules, limits, open, continued, compact, restored: None, held }
    }

    /// As it is, where values are given back: what is judged is what the calls' reader will have.
    pub(in crate::body) fn restoring(self, restore: Option<&Arc<Restore>>, actions: &ActionTable) -> Self {
        let restored = restore.zip(actions.tokens()).map(|(restore, tokens)| Restored {
            restore: Arc::clone(restore),
            restorer: Restorer::new(Arc::clone(tokens)).anywhere().uncounted(),
        });
        Self { restored, ..self }
    }

    /// Bytes of the calls that are open.
    pub(super) fn weight(&self) -> usize {
        self.open.iter().map(|open| open.arguments.len() + open.id.len() + open.name.len()).sum()
    }

    /// Tells which rules hold calls that were judged since this was last called.
    pub(super) fn tell_held(&mut self, seen: &mut Inspection) {
        for (rule, count) in self.held.drain(..) {
            if let Some(id) = self.rules.id(rule) {
                seen.hold_calls(id, count);
            }
        }
    }

    fn hold(&mut self, rule: usize) {
        match self.held.iter_mut().find(|(known, _)| *known == rule) {
            Some((_, count)) => *count += 1,
            None => self.held.push((rule, 1)),
        }
    }

    /// Judges what an event of an answer says of calls.
    ///
    /// # Errors
    /// A call is refused, or there are more of them, or longer ones, than the limits allow.
    pub(super) fn event(&mut self, event: Event<'_>) -> Result<(), BodyError> {
        let mut arguments = 0..0;
        let mut ends = Vec::new();
        let respelled = respelled(event);
        let other = respelled.as_ref().map(|index| Event { index, data: event.data });
        for node in event.index.nodes() {
            // What stands in arguments is no call.
            if arguments.contains(&event.index.range(node).start) {
                continue;
            }
            for event in [Some(event), other].into_iter().flatten() {
                if let Some(end) = end_of(event, node)?.filter(|end| ends.last() != Some(end)) {
                    ends.push(end);
                }
            }
            if event.index.kind(node) != Kind::Object {
                continue;
            }
            let call = read(event, node)?;
            if let Some(other) = other {
                is_one_call(event, call.as_ref(), other, node)?;
            }
            if let Some(call) = call {
                arguments = call.arguments.map_or(0..0, |node| event.index.range(node));
                self.call(event, &call)?;
            }
        }
        ends.into_iter().try_for_each(|end| self.end_at(Some(end)))
    }

    /// Judges the calls of which no more comes.
    ///
    /// # Errors
    /// A call is refused.
    pub(super) fn end(&mut self) -> Result<(), BodyError> {
        self.end_at(None)
    }

    /// As [`Calls::end`], for those at this place or within it. What they are called is still known: more may come.
    fn end_at(&mut self, place: Option<u64>) -> Result<(), BodyError> {
        let mut all = std::mem::take(&mut self.open);
        let ended = |open: &&mut Open| place.is_none_or(|place| open.around.contains(&place));
        for open in all.iter_mut().filter(ended) {
            self.settle(open)?;
            open.arguments = Vec::new();
        }
        self.open = all;
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
        if call.stage == Stage::Whole || call.pieces {
            return self.whole(event, call, &text);
        }
        let around = around(event, call.object)?;
        let id = call.id.map(|id| event.word(id).into_owned()).unwrap_or_default();
        let known = self.open.iter().position(|open| open.around.last() == around.last());
        let name = call.name.as_deref().filter(|name| !name.is_empty());
        // Text has no end to be seen, and what is no JSON is none: each piece of these is judged by itself.
        let goes_on = |open: &Open| {
            let unfinished = !call.plain && !open.plain && !open.settled && open.depth.is_unfinished();
            let unnamed = id.is_empty() || open.id.is_empty();
            call.stage != Stage::Begins && (unnamed || continues((&open.id, &open.name), &id, name, unfinished))
        };
        let mut open = match known.map(|at| self.open.remove(at)) {
            Some(mut open) if goes_on(&open) => {
                // A name that comes now is the whole of it to those who begin another call here.
                let is_other = !id.is_empty() && !open.id.is_empty() && open.id != id;
                open.inherited |= name.is_none() && is_other;
                if is_other {
                    open.own = (open.arguments.len(), Depth::default());
                }
                open
            }
            Some(mut before) => {
                self.settle(&mut before)?;
                Open { name: before.name, inherited: true, ..Open::at(around, call.plain) }
            }
            None => Open::at(around, call.plain),
        };
        if !id.is_empty() {
            open.id = id;
        }
        open.plain &= call.plain;
        let name = name.unwrap_or_default();
        if call.stage == Stage::Ends {
            self.finish(&mut open, name, &text)?;
        } else {
            let renamed = self.rename(&mut open, name)?;
            self.grow(&mut open, &text, renamed)?;
        }
        if self.open.len() >= self.limits.logical_texts {
            // What comes for a call that is forgotten has no name.
            let settled = self.open.iter().position(|open| open.settled || open.unread);
            let mut forgotten = self.open.remove(settled.ok_or(BodyErrorKind::TooManyTexts)?);
            self.settle(&mut forgotten)?;
        }
        self.open.push(open);
        Ok(())
    }

    /// Judges a call that is all there, or one whose arguments its name must allow, whatever they are.
    fn whole(&mut self, event: Event<'_>, call: &Call, text: &[u8]) -> Result<(), BodyError> {
        let around = around(event, call.object)?;
        // Of an answer's candidate: its parts have no index.
        let place = around.iter().rev().nth(2).copied().unwrap_or_default();
        let known = self.continued.iter().position(|continued| *continued == place);
        let Some(name) = call.name.as_deref().filter(|name| !name.is_empty()) else {
            return if call.pieces && text.is_empty() && known.is_some() { Ok(()) } else { self.nameless() };
        };
        if let Some(known) = known {
            self.continued.remove(known);
        }
        let verdict = self.rules.by_name(name);
        if !call.pieces {
            return self.decide(verdict, name, text, call.plain);
        }
        match verdict.map(|said| (said.verdict, said.rule)) {
            Some((ToolVerdict::Allow, _)) => {}
            Some((ToolVerdict::Hold, rule)) => self.hold(rule),
            Some((ToolVerdict::Block, _)) | None => return Err(BodyErrorKind::Tool.into()),
        }
        if self.continued.len() >= self.limits.logical_texts {
            self.continued.remove(0);
        }
        self.continued.push(place);
        Ok(())
    }

    /// Judges a call with arguments and without a name: it may be any.
    fn nameless(&self) -> Result<(), BodyError> {
        if self.rules.blocks() { Err(BodyErrorKind::Tool.into()) } else { Ok(()) }
    }

    /// Adds to a call's name; whether that has changed.
    fn rename(&self, open: &mut Open, name: &[u8]) -> Result<bool, BodyError> {
        // Some servers repeat the whole name in every delta.
        if name.is_empty() || name == open.name {
            open.inherited &= name.is_empty();
            return Ok(false);
        }
        if std::mem::take(&mut open.inherited) {
            open.name.clear();
        }
        open.name.extend_from_slice(name);
        open.settled = false;
        if open.name.len() > self.limits.tool_calls {
            return Err(BodyErrorKind::TooLarge.into());
        }
        Ok(true)
    }

    /// Adds to a call's arguments, and judges them where they are whole.
    fn grow(&mut self, open: &mut Open, text: &[u8], renamed: bool) -> Result<(), BodyError> {
        let closes = open.depth.take(text) && !open.plain;
        // Once: behind its end nothing makes it another.
        let own = open.own.1.take(text).then(|| std::mem::take(&mut open.own.0));
        let own = own.filter(|from| *from > 0 && !open.plain);
        if open.name.is_empty() && !text.is_empty() {
            return self.nameless();
        }
        match self.rules.by_name(&open.name).map(|said| (said.verdict, said.rule)) {
            // A name may come in pieces, and before the arguments no piece is known to be the last.
            Some((ToolVerdict::Block, _)) if text.is_empty() && self.rules.begins_allowed(&open.name) => return Ok(()),
            Some((ToolVerdict::Block, _)) => return Err(BodyErrorKind::Tool.into()),
            Some((verdict, rule)) => {
                // With arguments it is a call of this name to some readers, whatever name comes later.
                if verdict == ToolVerdict::Hold && !text.is_empty() && !std::mem::replace(&mut open.held, true) {
                    self.hold(rule);
                }
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
        let own = own.and_then(|from| open.arguments.get(from..)).filter(|own| self.is_one(own));
        if let Some(own) = own {
            self.decide(None, &open.name, own, false)?;
        }
        // What has arguments and another name may be whole already.
        let named_late = renamed && !open.arguments.is_empty() && text.is_empty();
        if closes || named_late { self.settle(open) } else { Ok(()) }
    }

    /// Ends a call whose arguments are told once more.
    fn finish(&mut self, open: &mut Open, name: &[u8], text: &[u8]) -> Result<(), BodyError> {
        if !open.arguments.is_empty() {
            self.settle(open)?;
        }
        if name.is_empty() && open.name.is_empty() {
            return self.nameless();
        }
        let grown = std::mem::take(&mut open.arguments);
        let arguments = if text.is_empty() { &grown } else { text };
        for name in [name, &open.name].into_iter().filter(|name| !name.is_empty()) {
            self.decide(self.rules.by_name(name), name, arguments, open.plain)?;
        }
        if open.name.is_empty() {
            open.name.extend_from_slice(name);
        }
        open.settled = true;
        Ok(())
    }

    fn settle(&mut self, open: &mut Open) -> Result<(), BodyError> {
        if open.settled {
            return Ok(());
        }
        open.settled = true;
        let said = self.rules.by_name(&open.name);
        if open.held && said.is_some_and(|said| said.verdict == ToolVerdict::Hold) {
            return Ok(());
        }
        self.decide(said, &open.name, &open.arguments, open.plain)
    }

    /// Judges a call of this name. Where that does not decide, arguments must be one JSON text that all readers read
    /// alike, or plain text by contract.
    fn decide(
        &mut self,
        said: Option<ToolDecision>,
        name: &[u8],
        arguments: &[u8],
        plain: bool,
    ) -> Result<(), BodyError> {
        let said = match said {
            Some(said) => said,
            None => {
                // What its reader has, or may have.
                let restored = self.restored.as_ref().map_or(Given::Never, |restored| restored.given(name));
                match restored {
                    Given::Never => self.judge(name, arguments, plain, false),
                    Given::Always => self.judge(name, arguments, plain, true),
                    Given::Perhaps => {
                        self.judge(name, arguments, plain, false).stricter(self.judge(name, arguments, plain, true))
                    }
                }
            }
        };
        match said.verdict {
            ToolVerdict::Allow => Ok(()),
            ToolVerdict::Hold => {
                self.hold(said.rule);
                Ok(())
            }
            ToolVerdict::Block => Err(BodyErrorKind::Tool.into()),
        }
    }
}

impl Calls {
    /// Whether it is one JSON text that all readers read alike.
    fn is_one(&mut self, text: &[u8]) -> bool {
        self.compact.clear();
        compact(text, &self.limits, &mut self.compact, &mut |_| {})
    }

    /// What the rules say of these arguments, with their tokens opened or as they stand.
    fn judge(&mut self, name: &[u8], arguments: &[u8], plain: bool, opened: bool) -> ToolDecision {
        if arguments.trim_ascii().is_empty() {
            return self.rules.judge(name, b"");
        }
        let mut restorer = self.restored.as_mut().filter(|_| opened).map(|restored| &mut restored.restorer);
        self.compact.clear();
        let one = compact(arguments, &self.limits, &mut self.compact, &mut |string| {
            if let Some(restorer) = &mut restorer {
                *string = restorer.whole(string);
            }
        });
        if !plain {
            return if one { self.rules.judge(name, &self.compact) } else { self.rules.unreadable() };
        }
        let text = restorer.map(|restorer| restorer.whole(arguments));
        let verdict = self.rules.judge(name, text.as_deref().unwrap_or(arguments));
        if one { verdict.stricter(self.rules.judge(name, &self.compact)) } else { verdict }
    }
}

impl Open {
    fn at(around: Vec<u64>, plain: bool) -> Self {
        let (id, name, arguments) = Default::default();
        let [inherited, settled, unread, held] = [false; 4];
        let (depth, own) = Default::default();
        Self { around, id, name, inherited, arguments, depth, own, plain, settled, unread, held }
    }
}

/// The calls in a document, or in a sequence of them.
#[derive(Debug)]
pub(in crate::body) struct DocumentCalls {
    calls: Calls,
    sketch: Sketch,
    direction: Direction,
    index: Index,
    /// A document was refused for what it says of calls, not for being none.
    refused: bool,
}

impl DocumentCalls {
    /// No calls yet.
    pub(in crate::body) fn new(
        rules: &Arc<ToolRules>,
        scopes: &Scopes,
        direction: Direction,
        limits: &BodyLimits,
    ) -> Self {
        let restore = scopes.restore.as_ref().filter(|_| direction == Direction::Response);
        let calls = Calls::new(rules, limits).restoring(restore, &scopes.actions);
        let sketch = Sketch::new(direction, limits);
        Self { calls, sketch, direction, index: Index::default(), refused: false }
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

    /// Whether [`DocumentCalls::push`] has failed for what is said of calls: what it took is JSON.
    pub(in crate::body) fn has_refused(&self) -> bool {
        self.refused
    }

    /// Bytes of memory that what is not judged yet takes.
    pub(in crate::body) fn weight(&self) -> usize {
        self.sketch.bytes().len() + self.calls.weight()
    }

    /// As [`Calls::tell_held`].
    pub(in crate::body) fn tell_held(&mut self, seen: &mut Inspection) {
        self.calls.tell_held(seen);
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
            self.refused |= judged.is_err();
            judged?;
        }
        self.sketch.clear();
        Ok(())
    }
}

/// Judges `tools/call` of the Model Context Protocol: a message, or a batch of them.
fn messages(calls: &mut Calls, event: Event<'_>) -> Result<(), BodyError> {
    let index = event.index;
    let mut inside: Range<usize> = 0..0;
    for message in index.nodes().filter(|node| index.kind(*node) == Kind::Object) {
        if inside.contains(&index.range(message).start) {
            continue;
        }
        let like =
            |name| index.children(message).filter(move |node| index.key(*node).is_some_and(|key| is_like(key, name)));
        let params = || like(b"params").map(|node| index.range(node));
        if let Some(first) = params().next() {
            inside = params().fold(first, |all, one| all.start..one.end);
        }
        let calls_tool = |method| index.kind(method) == Kind::String && event.word(method).as_ref() == b"tools/call";
        if !like(b"method").any(calls_tool) {
            continue;
        }
        event.spells(message, &["method", "params"])?;
        event.member(message, "method")?;
        let Some(params) = event.of_kind(message, "params", Kind::Object)? else {
            calls.nameless()?;
            continue;
        };
        event.spells(params, &["name", "arguments"])?;
        let name = event.of_kind(params, "name", Kind::String)?.map(|name| event.word(name).into_owned());
        let given = event.member(params, "arguments")?;
        let [pieces, plain] = [false; 2];
        let stage = Stage::Whole;
        calls.call(event, &Call { object: params, name, arguments: given, stage, pieces, plain, id: None })?;
    }
    Ok(())
}
