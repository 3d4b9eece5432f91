//! What a client of Gemini's live API says: a turn that goes on over several messages is judged as what it adds up to.
//!
//! Enters: one message of the client's after another. Leaves: the same messages, and one of our own where text is held that
//! has no other place. A text goes on from the last part of one `clientContent` to the first part of the next of the same
//! role, until the turn is complete or something is said as it happens; and from one `realtimeInput` to the next between the signals of an activity's start and
//! end. Without those signals each text typed is whole. All else in a message is read as in any body: the texts that go on
//! are left out of it, and put where they belong behind that.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::Outlet;
use super::plan::{Event, Part, TextKey};
use super::texts::Texts;
use super::values::Values;
use crate::body::json::{Index, Kind, Node, TextOut, escape, unescape};
use crate::body::restore::Opens;
use crate::body::{BodyError, BodyErrorKind, BodyLimits, Inspection, Scopes};

/// Rows of what a client says, beside those of what a model says.
const ASKED: u8 = 16;
const ANSWERED: u8 = 17;
const TYPED: u8 = 18;

fn key(row: u8) -> TextKey {
    TextKey { of: 0, part: Part::Live(row) }
}

/// Where in a message a text stands that may go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    /// The first part of all.
    First,
    /// The last one.
    Last,
    /// What was typed.
    Typed,
}

/// What a message says of texts that may go on.
#[derive(Default)]
struct Edges {
    first: Option<(Node, u8)>,
    last: Option<(Node, u8)>,
    typed: Option<Node>,
    /// It has turns.
    turns: bool,
    complete: bool,
    /// It has what is said as it happens.
    live: bool,
    starts: bool,
    ends: bool,
}

impl Edges {
    fn read(event: Event<'_>) -> Result<Self, BodyError> {
        let mut edges = Self::default();
        let Some(root) = event.index.root().filter(|root| event.index.kind(*root) == Kind::Object) else {
            return Ok(edges);
        };
        if let Some(content) = event.either(root, ["clientContent", "client_content"], Kind::Object)? {
            edges.complete = says(event, content, ["turnComplete", "turn_complete"])?;
            let turns: Vec<Node> = match event.of_kind(content, "turns", Kind::Array)? {
                Some(turns) => event.index.children(turns).collect(),
                None => Vec::new(),
            };
            edges.turns = !turns.is_empty();
            edges.first = turns.first().map(|turn| edge(event, *turn, false)).transpose()?.flatten();
            edges.last = turns.last().map(|turn| edge(event, *turn, true)).transpose()?.flatten();
        }
        if let Some(input) = event.either(root, ["realtimeInput", "realtime_input"], Kind::Object)? {
            edges.live = true;
            edges.typed = event.of_kind(input, "text", Kind::String)?;
            edges.starts = says(event, input, ["activityStart", "activity_start"])?;
            edges.ends = says(event, input, ["activityEnd", "activity_end"])?;
        }
        Ok(edges)
    }

    fn at(&self, place: Place) -> Option<Node> {
        match place {
            Place::First => self.first.map(|(node, _)| node),
            Place::Last => self.last.map(|(node, _)| node),
            Place::Typed => self.typed,
        }
    }
}

/// Whether a member of either name is there and says anything.
fn says(event: Event<'_>, object: Node, names: [&str; 2]) -> Result<bool, BodyError> {
    for name in names {
        let member = event.member(object, name)?;
        if member.is_some_and(|member| !matches!(event.index.kind(member), Kind::Null | Kind::False)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The text of a turn's first or last part, where that is one, and the row of the turn's role.
fn edge(event: Event<'_>, turn: Node, last: bool) -> Result<Option<(Node, u8)>, BodyError> {
    if event.index.kind(turn) != Kind::Object {
        return Ok(None);
    }
    let Some(parts) = event.of_kind(turn, "parts", Kind::Array)? else { return Ok(None) };
    let mut parts = event.index.children(parts);
    let part = if last { parts.last() } else { parts.next() };
    let Some(part) = part.filter(|part| event.index.kind(*part) == Kind::Object) else { return Ok(None) };
    let role = event.of_kind(turn, "role", Kind::String)?;
    let row = if role.is_some_and(|role| event.word(role).as_ref() == b"model") { ANSWERED } else { ASKED };
    Ok(event.of_kind(part, "text", Kind::String)?.map(|text| (text, row)))
}

/// A text of a message that goes on, or has gone on.
struct Fragment {
    place: Place,
    key: TextKey,
    /// Its literal.
    range: Range<usize>,
    /// It ends in this message.
    ends: bool,
}

/// A message that has such texts, or ends some.
pub(crate) struct Said {
    fragments: Vec<Fragment>,
    /// Texts that end before it.
    before: Vec<TextKey>,
    /// The message with nothing in the place of its fragments.
    pub(crate) rest: Vec<u8>,
}

/// Follows what a client says.
pub(crate) struct Turns {
    limits: BodyLimits,
    values: Values,
    texts: Texts,
    index: Index,
    /// An activity has begun and not ended.
    active: bool,
    out: TextOut,
}

impl Turns {
    pub(crate) fn new(scopes: Arc<Scopes>, limits: &BodyLimits) -> Self {
        Self {
            limits: limits.clone(),
            values: Values::new(Arc::clone(&scopes), limits),
            texts: Texts::new(scopes, limits),
            index: Index::default(),
            active: false,
            out: TextOut::default(),
        }
    }

    /// Reads a message; none where nothing of it goes on and it ends nothing.
    pub(crate) fn read(&mut self, message: &[u8]) -> Result<Option<Said>, BodyError> {
        let mut index = std::mem::take(&mut self.index);
        let read = match index.read(message, &self.limits) {
            Ok(()) => self.said(Event { index: &index, data: message }),
            // What it is instead is told where it is scanned.
            Err(error) if error.kind == BodyErrorKind::JsonSyntax => Ok(None),
            Err(error) => Err(error),
        };
        self.index = if index.is_large() { Index::default() } else { index };
        read
    }

    /// Bytes of text held back.
    pub(crate) fn held(&self) -> usize {
        self.texts.held()
    }

    fn said(&mut self, event: Event<'_>) -> Result<Option<Said>, BodyError> {
        let edges = Edges::read(event)?;
        let (mut fragments, mut before) = (Vec::new(), Vec::new());
        let mut add = |place, node: Node, key, ends| {
            fragments.push(Fragment { place, key, range: event.index.range(node), ends });
        };
        let turn = self.texts.find(|open| [ASKED, ANSWERED].map(key).contains(&open));
        let one = edges.at(Place::First) == edges.at(Place::Last);
        let mut taken = false;
        match (turn, edges.first) {
            (Some(open), Some((node, row))) if open == key(row) => {
                add(Place::First, node, open, edges.complete || !one);
                taken = one;
            }
            // What is said as it happens follows what stands in the turn.
            (Some(open), _) if edges.turns || edges.complete || edges.live => before.push(open),
            _ => {}
        }
        if let Some((node, row)) = edges.last.filter(|_| !edges.complete && !taken) {
            add(Place::Last, node, key(row), false);
        }
        if edges.starts {
            before.extend(self.texts.find(|open| open == key(TYPED)));
            self.active = true;
        }
        match edges.typed {
            Some(node) if self.active => add(Place::Typed, node, key(TYPED), edges.ends),
            None if edges.ends => before.extend(self.texts.find(|open| open == key(TYPED))),
            _ => {}
        }
        self.active &= !edges.ends;
        before.dedup();
        if fragments.is_empty() && before.is_empty() {
            return Ok(None);
        }
        fragments.sort_by_key(|fragment| fragment.range.start);
        let literals = fragments.iter().map(|fragment| (fragment.range.clone(), b"\"\"".to_vec())).collect::<Vec<_>>();
        Ok(Some(Said { fragments, before, rest: replaced(event.data, &literals) }))
    }

    /// Puts what may leave of a message's texts into `scanned`, which is what became of the rest of it. What ends before it
    /// goes to `others`. None where the message says nothing yet: services refuse empty texts.
    pub(crate) fn write(
        &mut self,
        message: &[u8],
        said: &Said,
        scanned: &[u8],
        others: &mut dyn Outlet,
        seen: &mut Inspection,
    ) -> Result<Option<Vec<u8>>, BodyError> {
        for open in &said.before {
            self.out.clear();
            self.texts.end(*open, &mut self.out, seen)?;
            if !self.out.bytes.is_empty() {
                others.own(b"", &message_of(*open, &self.out.bytes));
            }
        }
        // What comes next is said in another turn.
        self.texts.forget_past(|_| true);
        let mut index = Index::default();
        index.read(scanned, &self.limits)?;
        let edges = Edges::read(Event { index: &index, data: scanned })?;
        let places: Vec<Node> = said.fragments.iter().filter_map(|fragment| edges.at(fragment.place)).collect();
        if places.is_empty() {
            // The policy drops the field that they stand in.
            return Ok(Some(scanned.to_vec()));
        }
        let empty = |place: &Node| index.literal(*place, scanned) == b"\"\"";
        if places.len() != said.fragments.len() || !places.iter().all(empty) {
            return Err(BodyErrorKind::JsonSyntax.into());
        }
        let (mut literals, mut whole) = (Vec::new(), true);
        for (fragment, place) in said.fragments.iter().zip(places) {
            let literal = message.get(fragment.range.clone()).unwrap_or_default();
            let mut decoded = Vec::new();
            unescape(literal, &mut decoded)?;
            let actions = || (self.values.actions_at(&index, place), Opens::No);
            self.texts.push(fragment.key, &decoded, actions, &mut self.out, seen)?;
            if fragment.ends {
                self.texts.end(fragment.key, &mut self.out, seen)?;
            }
            let waits = self.out.bytes.is_empty() && !decoded.is_empty() && !fragment.ends;
            match if waits { around(&index, place) } else { Around::Nothing } {
                Around::Nothing if self.out.bytes == decoded => literals.push((index.range(place), literal.to_vec())),
                Around::Nothing => literals.push((index.range(place), quoted(&self.out.bytes))),
                Around::Element(range) => literals.push((range, Vec::new())),
                Around::Message => whole = false,
            }
        }
        self.texts.forget_past(|_| true);
        seen.held_peak = seen.held_peak.max(self.texts.held());
        Ok(whole.then(|| replaced(scanned, &literals)))
    }
}

/// What says nothing where a text says nothing.
enum Around {
    /// The text alone.
    Nothing,
    /// The part or the turn, with the comma before it.
    Element(Range<usize>),
    Message,
}

/// What is left out with a text that says nothing yet, which is the last one of its message.
fn around(index: &Index, text: Node) -> Around {
    let alone = |node: Node| index.parent(node).filter(|parent| index.children(*parent).count() == 1);
    let Some(object) = alone(text) else { return Around::Nothing };
    let mut at = object;
    // From the part to the list of turns.
    while let Some(list) = index.parent(at).filter(|list| index.kind(*list) == Kind::Array) {
        let mut others = index.children(list);
        if let Some(before) = others.by_ref().take_while(|other| *other != at).last() {
            return Around::Element(index.range(before).end..index.range(at).end);
        }
        let Some(turn) = index.parent(list) else { return Around::Nothing };
        at = turn;
    }
    let says_more = |member: Node| match index.key(member) {
        Some(b"turns" | b"text") => false,
        _ => !matches!(index.kind(member), Kind::False | Kind::Null),
    };
    if index.children(at).any(says_more) || alone(at).is_none() { Around::Nothing } else { Around::Message }
}

/// A text with these stretches, in order, replaced.
fn replaced(text: &[u8], stretches: &[(Range<usize>, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    for (range, new) in stretches {
        out.extend_from_slice(text.get(at..range.start).unwrap_or_default());
        out.extend_from_slice(new);
        at = range.end;
    }
    out.extend_from_slice(text.get(at..).unwrap_or_default());
    out
}

fn quoted(text: &[u8]) -> Vec<u8> {
    let mut literal = vec![b'"'];
    escape(text, &mut literal);
    literal.push(b'"');
    literal
}

/// A message of our own that says this text.
fn message_of(key: TextKey, text: &[u8]) -> Vec<u8> {
    let (before, after) = match key.part {
        Part::Live(TYPED) => ("{\"realtimeInput\":{\"text\":", "}}"),
        Part::Live(ANSWERED) => ("{\"clientContent\":{\"turns\":[{\"role\":\"model\",\"parts\":[{\"text\":", "}]}]}}"),
        _ => ("{\"clientContent\":{\"turns\":[{\"role\":\"user\",\"parts\":[{\"text\":", "}]}]}}"),
    };
    [before.as_bytes(), &quoted(text), after.as_bytes()].concat()
}

impl fmt::Debug for Turns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Turns({:?})", self.texts)
    }
}
