//! Where in a streamed answer tokens are opened, and what the tools are called whose arguments grow in it.
//!
//! Enters: each event. Leaves: whether the tokens of a fragment, or of a value that stands by itself, are opened. The
//! arguments of a call are opened where the tool has been named before them, and is one that the workspace names.

use std::sync::Arc;

use super::once::Once;
use super::plan::{End, Event, Plan, TextKey};
use crate::body::json::{Index, Kind, Node};
use crate::body::restore::{Opens, Restore};

/// A call that has been named.
struct Call {
    of: u64,
    part: (u8, u64),
    name: Vec<u8>,
    opened: bool,
}

/// What is opened.
pub(super) struct Tools {
    restore: Arc<Restore>,
    calls: Vec<Call>,
    /// The most calls that are remembered.
    limit: usize,
    /// Whether arguments are opened of calls that stand whole in the event at hand.
    whole: Once<bool>,
}

impl Tools {
    pub(super) fn new(restore: Arc<Restore>, limit: usize) -> Self {
        Self { restore, calls: Vec::new(), limit, whole: Once::default() }
    }

    /// Where values are given back.
    pub(super) fn restore(&self) -> &Arc<Restore> {
        &self.restore
    }

    /// Forgets what the calls were named at whose places others begin.
    pub(super) fn forget(&mut self, plan: &Plan) {
        let begun = |call: &Call| plan.begun.iter().any(|key| (call.of, Some(call.part)) == (key.of, key.part.call()));
        self.calls.retain(|call| !begun(call));
    }

    /// Takes the names of tools from an event.
    pub(super) fn learn(&mut self, event: Event<'_>, plan: &Plan) {
        if self.restore.tools.is_empty() {
            return;
        }
        for (node, key, begins) in &plan.names {
            let Some(part) = key.part.call() else { continue };
            let name = event.word(*node);
            let known = self.calls.iter().position(|call| (call.of, call.part) == (key.of, part));
            if let Some(call) = known.and_then(|at| self.calls.get_mut(at)).filter(|_| !begins) {
                // A name that comes in pieces is none that we know.
                call.opened &= call.name == name.as_ref();
                continue;
            }
            match known {
                Some(at) => drop(self.calls.remove(at)),
                None if self.calls.len() >= self.limit => drop(self.calls.remove(0)),
                None => {}
            }
            let opened = self.restore.opens_tool(&name) && is_named_once(event, *node);
            self.calls.push(Call { of: key.of, part, name: name.into_owned(), opened });
        }
    }

    /// Whether the tokens of a text that begins with this fragment are opened.
    pub(super) fn open_fragment(&self, event: Event<'_>, node: Node, key: TextKey) -> Opens {
        if key.part.call().is_some() {
            return Opens::value(self.open_call(key));
        }
        let opens = match self.restore.fields.is_empty() {
            true => Opens::value(key.part.is_for_reader()),
            false => self.opens_place(event.index, node),
        };
        // What it goes on from is known where it begins.
        let prose = Opens::Prose { kind: 0 };
        if opens == Opens::No || !key.part.is_for_reader() { opens } else { prose }
    }

    /// Whether the tokens of a value that stands by itself are opened.
    pub(super) fn open_value(&mut self, event: Event<'_>, node: Node, plan: &Plan) -> Opens {
        let index = event.index;
        let mut at = Some(node);
        while let Some(inner) = at {
            at = index.parent(inner);
            let is_call = |key| Restore::is_call(key, || index.path(inner).into_iter());
            if !index.key(inner).is_some_and(is_call) {
                continue;
            }
            let Some(object) = at else { return Opens::No };
            let mut whole = std::mem::take(&mut self.whole);
            let opened = whole.of(index, object, || self.opens_whole(event, object, plan));
            self.whole = whole;
            return Opens::value(opened);
        }
        self.opens_place(index, node)
    }

    /// Whether the arguments of a call that stands there whole are opened.
    fn opens_whole(&self, event: Event<'_>, call: Node, plan: &Plan) -> bool {
        match event.of_kind(call, "name", Kind::String) {
            Ok(Some(name)) => self.restore.opens_tool(&event.word(name)) && is_named_once(event, name),
            Ok(None) => plan.before.iter().any(|end| matches!(end, End::One(key) if self.open_call(*key))),
            // Two names, of which readers take one or the other.
            Err(_) => false,
        }
    }

    /// Another event begins.
    pub(super) fn begin_event(&mut self) {
        self.whole.clear();
    }

    fn open_call(&self, key: TextKey) -> bool {
        self.calls.iter().any(|call| call.opened && (call.of, Some(call.part)) == (key.of, key.part.call()))
    }

    fn opens_place(&self, index: &Index, node: Node) -> Opens {
        self.restore.opens(index.key(node), || index.path(node).into_iter())
    }
}

/// Whether no member beside a tool's name is its name to another reader.
fn is_named_once(event: Event<'_>, name: Node) -> bool {
    event.index.parent(name).is_none_or(|object| event.spells(object, &["name"]).is_ok())
}
