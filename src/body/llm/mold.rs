//! Events of one mold: a model's stream repeats one event hundreds of times, with other text in it.
//!
//! Enters: an event, once all is known of it. Leaves: whether the next one differs from it in nothing but what may differ:
//! the fragment of its text, its number, its padding and its time. Of such an event the index and the plan are those of the
//! event before, with their places moved, and of its values only those that may differ are looked at: the others are, byte
//! for byte, those in which nothing was found. All else is done for it as for any other.
//!
//! What is told apart are bytes, never a digest of them. A string with an escape, a number that is no plain one, and all
//! that is not UTF-8 fit no mold.

use std::ops::Range;

use super::Payload;
use super::plan::{Carrier, Copied, Event, Plan};
use crate::body::Inspection;
use crate::body::json::{Index, Kind, Node};

/// Members of an event that differ from one to the next and mean nothing: padding against the measuring of lengths
/// (OpenAI's, Bedrock's), and Ollama's time.
const VARYING: [&[u8]; 3] = [b"obfuscation", b"p", b"created_at"];
/// Digits of a number that fits.
const DIGITS: usize = 15;
/// What a mold may have: events of a stream are short, and each slot is looked up for each value.
const MOST_SLOTS: usize = 4;
const MOST_BYTES: usize = 16 << 10;

/// The last event, where another of its mold may follow.
#[derive(Default)]
pub(super) struct Mold {
    stands: bool,
    name: Vec<u8>,
    data: Vec<u8>,
    /// What may differ, in the order of the data.
    slots: Vec<Slot>,
    /// What all other values have added to what was counted.
    scanned: u64,
    exempt: Vec<(&'static str, u64)>,
    /// Where the contents of the slots are in the event at hand.
    places: Vec<Range<usize>>,
    /// How many events were of one.
    #[cfg(test)]
    pub(super) taken: usize,
}

/// A value that may differ.
struct Slot {
    node: Node,
    kind: SlotKind,
    /// Its content in the first event of the mold, without quotes.
    content: Range<usize>,
    /// Where that begins and ends as the index has it.
    now: Range<usize>,
}

/// What a slot is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SlotKind {
    Fragment,
    Number,
    Varying,
}

impl Mold {
    /// Whether the last event is one whose index and plan may be used again.
    pub(super) fn stands(&self) -> bool {
        self.stands
    }

    pub(super) fn forget(&mut self) {
        self.stands = false;
        self.slots.clear();
    }

    /// Whether this event is of the mold of the last one. Then the index, which is the last one's, is made its own.
    pub(super) fn takes(&mut self, payload: &Payload<'_>, index: &mut Index) -> bool {
        if !self.stands || payload.name != self.name || !self.find(payload.data) {
            return false;
        }
        // From the last to the first, so that what is before each is where it was.
        for (slot, place) in self.slots.iter_mut().zip(&self.places).rev() {
            index.shift(slot.now.start, place.len() as isize - slot.now.len() as isize);
        }
        for (slot, place) in self.slots.iter_mut().zip(&self.places) {
            slot.now = place.clone();
        }
        #[cfg(test)]
        {
            self.taken += 1;
        }
        true
    }

    /// Finds the contents of the slots in data that is of the mold.
    fn find(&mut self, data: &[u8]) -> bool {
        self.places.clear();
        let (mut at, mut literal) = (0, 0);
        for slot in &self.slots {
            let Some(rest) = same(&self.data, literal..slot.content.start, data, at) else { return false };
            literal = slot.content.end;
            let start = data.len() - rest.len();
            let len = match slot.kind {
                SlotKind::Number => number(rest),
                SlotKind::Fragment | SlotKind::Varying => string(rest),
            };
            let Some(len) = len else { return false };
            at = start + len;
            self.places.push(start..at);
        }
        same(&self.data, literal..self.data.len(), data, at).is_some_and(<[u8]>::is_empty)
    }

    /// Takes the measure of an event whose fragments have been judged: what of it may differ in the next, if it makes a mold
    /// at all.
    pub(super) fn measure(&mut self, event: Event<'_>, plan: &Plan) {
        self.forget();
        let [(fragment, _)] = plan.deltas.as_slice() else { return };
        if event.data.len() > MOST_BYTES || !is_plain(event.index, plan) {
            return;
        }
        let index = event.index;
        let varying = index.root().into_iter().flat_map(|root| index.children(root));
        let varying = varying.filter(|node| index.kind(*node) == Kind::String);
        let varying = varying.filter(|node| index.key(*node).is_some_and(|key| VARYING.contains(&key)));
        let slots = varying.map(|node| (node, SlotKind::Varying));
        let slots =
            slots.chain([(*fragment, SlotKind::Fragment)]).chain(plan.sequence.map(|node| (node, SlotKind::Number)));
        for (node, kind) in slots {
            let range = index.range(node);
            let content = if kind == SlotKind::Number { range } else { range.start + 1..range.end.saturating_sub(1) };
            let rest = event.data.get(content.start..).unwrap_or_default();
            let fits = if kind == SlotKind::Number { number(rest) == Some(content.len()) } else { !content.is_empty() };
            if !fits || self.slots.len() >= MOST_SLOTS {
                return self.slots.clear();
            }
            self.slots.push(Slot { node, kind, now: content.clone(), content });
        }
        self.slots.sort_unstable_by_key(|slot| slot.content.start);
    }

    /// Whether this value is one that may differ.
    pub(super) fn has(&self, node: Node) -> bool {
        self.slots.iter().any(|slot| slot.node == node)
    }

    /// The values that may differ, but for the fragment.
    pub(super) fn others(&self) -> impl Iterator<Item = (Node, Kind)> {
        let others = self.slots.iter().filter(|slot| slot.kind != SlotKind::Fragment);
        others.map(|slot| (slot.node, if slot.kind == SlotKind::Number { Kind::Number } else { Kind::String }))
    }

    pub(super) fn makes_one(&self) -> bool {
        !self.slots.is_empty()
    }

    /// Makes the event that was measured a mold, in whose other values nothing was found: they added so much to what was
    /// counted.
    pub(super) fn keep(&mut self, payload: &Payload<'_>, scanned: u64, exempt: Vec<(&'static str, u64)>) {
        self.name.clear();
        self.name.extend_from_slice(payload.name);
        self.data.clear();
        self.data.extend_from_slice(payload.data);
        (self.stands, self.scanned, self.exempt) = (true, scanned, exempt);
    }

    /// Counts the values that were not looked at again.
    pub(super) fn count(&self, seen: &mut Inspection) {
        seen.scanned += self.scanned;
        for (reason, bytes) in &self.exempt {
            seen.exempt(reason, *bytes);
        }
    }
}

/// Whether the event brings a fragment and nothing else that any text, call or answer depends on.
fn is_plain(index: &Index, plan: &Plan) -> bool {
    let Plan {
        deltas,
        words,
        before,
        anew,
        with,
        lost,
        fails,
        whole,
        calls,
        names,
        begun,
        // The same in each event of the mold.
        mentions: _,
        finishes,
        pauses,
        copies,
        repeats,
        instead,
        copied,
        twins,
        offsets,
        signatures,
        signed,
        chunk: _,
        // A slot.
        sequence: _,
        identifier,
        known,
    } = plan;
    let told = |(_, key): &(_, super::TextKey)| {
        !key.part.is_named() && !matches!(key.part.carrier(), Carrier::Grown | Carrier::Turn)
    };
    let is_empty = |copy: &Copied| index.children(copy.node).next().is_none();
    let is_list = |copy: &Copied| matches!(index.kind(copy.node), Kind::Array | Kind::Object);
    *known
        && deltas.iter().all(told)
        && copies.iter().all(|copy| is_list(copy) && is_empty(copy))
        && !(*fails || *whole || copied.is_some() || identifier.is_some())
        && words.is_empty()
        && before.is_empty()
        && anew.is_empty()
        && with.is_empty()
        && lost.is_empty()
        && calls.is_empty()
        && names.is_empty()
        && begun.is_empty()
        && finishes.is_empty()
        && pauses.is_empty()
        && repeats.is_empty()
        && instead.is_empty()
        && twins.is_empty()
        && offsets.is_empty()
        && signatures.is_empty()
        && signed.is_empty()
}

/// What is behind these bytes of the mold in data that has them at this place.
fn same<'a>(mold: &[u8], bytes: Range<usize>, data: &'a [u8], at: usize) -> Option<&'a [u8]> {
    data.get(at..)?.strip_prefix(mold.get(bytes)?)
}

/// The length of the content of a string that ends in `rest`: not empty, without escapes, and UTF-8.
fn string(rest: &[u8]) -> Option<usize> {
    let len = memchr::memchr2(b'"', b'\\', rest).filter(|len| *len > 0)?;
    let content = rest.get(..len).filter(|_| rest.get(len) == Some(&b'"'))?;
    let fits = content.iter().all(|byte| *byte >= b' ') && std::str::from_utf8(content).is_ok();
    fits.then_some(len)
}

/// The length of a whole number at the beginning of `rest`.
fn number(rest: &[u8]) -> Option<usize> {
    let len = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
    let fits = (1..=DIGITS).contains(&len) && (len == 1 || rest.first() != Some(&b'0'));
    fits.then_some(len)
}
