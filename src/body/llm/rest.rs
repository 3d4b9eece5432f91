//! What of an event is no fragment of a growing text: whole values, copies of what was said, and places in it.
//!
//! Enters: one indexed event and its [`Plan`], once its fragments are judged. Leaves: edits in the work at hand. Every
//! key, string and number is scanned by itself; a copy that would tell what its text hides is taken out; a number that
//! counts in a text which became longer or shorter counts anew.

use std::ops::Range;

use super::plan::{CountsIn, Event, Plan, whole_number};
use super::{Model, Payload, opaque, responses};
use crate::body::json::{Index, Kind, Node, Sort, UNCHECKED, is_call, tells_sort, unescape};
use crate::body::restore::Opens;
use crate::body::typed::is_id;
use crate::body::{BodyError, Dialect, Inspection};
use crate::engine::Ends;

impl Model {
    /// Scans what is no fragment: all of it, or what of it may differ from the last event of the same mold.
    pub(super) fn judge_rest(
        &mut self,
        event: Event<'_>,
        payload: &Payload<'_>,
        plan: &Plan,
        seen: &mut Inspection,
    ) -> Result<(), BodyError> {
        if self.mold.stands() {
            self.mold.count(seen);
            return self.scan_slots(event, plan, seen);
        }
        self.mold.measure(event, plan);
        if !self.mold.makes_one() {
            return self.scan_rest(event, plan, seen);
        }
        let before = (self.work.edits(), seen.found(), seen.scanned, seen.unscanned.clone());
        self.scan_rest(event, plan, seen)?;
        let (edits, found, scanned, exempt) = before;
        if self.work.edits() == edits && seen.found() == found && seen.doomed.is_none() {
            self.mold.keep(payload, seen.scanned - scanned, added(&seen.unscanned, &exempt));
        }
        self.scan_slots(event, plan, seen)?;
        if !self.mold.stands() {
            self.mold.forget();
        }
        Ok(())
    }

    /// Scans what may differ from one event of a mold to the next.
    fn scan_slots(&mut self, event: Event<'_>, plan: &Plan, seen: &mut Inspection) -> Result<(), BodyError> {
        self.begin_rest();
        self.early.clear();
        for at in 0.. {
            let Some((node, kind)) = self.mold.others().nth(at) else { break };
            if kind == Kind::String {
                self.string(event, node, plan, seen)?;
            } else if !self.number(event, node, seen)? {
                self.renumber(event, node, plan);
            }
        }
        Ok(())
    }

    /// Forgets what was read of another event.
    fn begin_rest(&mut self) {
        self.joins.clear();
        self.said.clear();
        if let Some(tools) = &mut self.opening {
            tools.begin_event();
        }
    }

    /// Scans every key, and every string and number that the plan does not speak of.
    pub(super) fn scan_rest(&mut self, event: Event<'_>, plan: &Plan, seen: &mut Inspection) -> Result<(), BodyError> {
        let index = event.index;
        self.begin_rest();
        self.scan_early(event, plan, seen)?;
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
            if let Some(copy) = plan.copies.iter().find(|copy| copy.node == node)
                && (copy.hidden || !copy.of.map_or(!self.changed, |of| self.left_whole(of)))
                && has_values(index, &range)
            {
                skip_to = range.end;
                self.work.edit_raw(range, copy.without);
                continue;
            }
            if plan.twins.iter().any(|(copy, _)| *copy == node) && self.work.has_edit(&range) {
                skip_to = range.end;
                continue;
            }
            match index.kind(node) {
                Kind::String | Kind::Number if self.mold.has(node) => {}
                Kind::String if plan.deltas.iter().any(|(delta, _)| *delta == node) => {}
                Kind::String if plan.repeats.iter().any(|(repeat, _)| *repeat == node) => {
                    self.repeat(event, node, plan, seen)?;
                }
                Kind::String if self.is_early(index, node).is_some() => {}
                Kind::String => {
                    self.string(event, node, plan, seen)?;
                }
                Kind::Number => {
                    if !self.number(event, node, seen)? {
                        self.offset(event, node, plan);
                        self.renumber(event, node, plan);
                    }
                }
                Kind::Object | Kind::Array | Kind::True | Kind::False | Kind::Null => {}
            }
        }
        self.unsign(event, plan);
        Ok(())
    }

    /// Takes away what signs a part of the event that a finding has changed, or whose text one has until here. Of a text that is
    /// held it is not known yet.
    fn unsign(&mut self, event: Event<'_>, plan: &Plan) {
        for (signature, part, text) in &plan.signed {
            let signature = event.index.range(*signature);
            let text = text.is_some_and(|key| self.texts.has_changed(key));
            if text || self.work.has_change_in(&event.index.range(*part), &signature) {
                self.work.drop_edit(&signature);
                let mut members = event.index.children(*part).filter_map(|member| event.index.key(member));
                let instead: &[u8] = if members.any(is_call) { UNCHECKED } else { b"\"\"" };
                self.work.edit_raw(signature, instead);
            }
        }
    }

    /// Scans the whole texts that other values of the event are about, and takes their token details out where they
    /// changed; and with them, in their order, all that a reader may add them to.
    fn scan_early(&mut self, event: Event<'_>, plan: &Plan, seen: &mut Inspection) -> Result<(), BodyError> {
        self.early.clear();
        let cited = plan.offsets.iter().filter_map(|offset| match offset.text {
            CountsIn::Whole(text) => Some(text),
            CountsIn::Growing(_) => None,
        });
        let mut texts: Vec<Node> = plan.twins.iter().map(|(_, text)| *text).chain(cited).collect();
        if let Some(tools) = self.opening.as_mut().filter(|_| !texts.is_empty()) {
            let is_left = |node: &Node| {
                event.index.kind(*node) == Kind::String
                    && !plan.deltas.iter().any(|(delta, _)| delta == node)
                    && !plan.repeats.iter().any(|(repeat, _)| repeat == node)
            };
            let is_prose = |node: &Node| matches!(tools.open_value(event, *node, plan), Opens::Prose { .. });
            texts.extend(event.index.nodes().filter(is_left).filter(is_prose));
        }
        texts.sort_unstable_by_key(|text| event.index.range(*text).start);
        texts.dedup();
        for text in texts {
            let changed = self.string(event, text, plan, seen)?;
            let places = changed.then(|| self.values.places(&self.work.decoded));
            self.early.push((text, places));
            for (copy, _) in plan.twins.iter().filter(|_| changed).filter(|(_, of)| *of == text) {
                if has_values(event.index, &event.index.range(*copy)) {
                    self.work.edit_raw(event.index.range(*copy), b"[]");
                }
            }
        }
        Ok(())
    }

    /// Where among the texts that were scanned before all else this one is.
    fn is_early(&self, index: &Index, text: Node) -> Option<usize> {
        self.early.binary_search_by_key(&index.range(text).start, |(early, _)| index.range(*early).start).ok()
    }

    /// Counts the event on where events of our own came before it.
    fn renumber(&mut self, event: Event<'_>, node: Node, plan: &Plan) {
        if self.added == 0 || plan.sequence != Some(node) {
            return;
        }
        if let Some(number) = whole_number(&event.word(node)) {
            let number = number.saturating_add(self.added);
            self.work.edit_raw(event.index.range(node), number.to_string().as_bytes());
        }
    }

    /// Moves a number that counts in a text to where that is now.
    fn offset(&mut self, event: Event<'_>, node: Node, plan: &Plan) {
        let Some(offset) = plan.offsets.iter().find(|offset| offset.node == node) else { return };
        let literal = event.index.literal(node, event.data);
        let Some(count) = std::str::from_utf8(literal).ok().and_then(|count| count.parse().ok()) else { return };
        let moved = match offset.text {
            CountsIn::Growing(key) => self.texts.moved(key, count, offset.counts),
            CountsIn::Whole(text) => {
                let early = self.is_early(event.index, text).and_then(|at| self.early.get(at));
                let places = early.and_then(|(_, places)| places.as_ref());
                places.map_or(count, |places| places.moved(count, offset.counts))
            }
        };
        if moved != count {
            self.work.edit_raw(event.index.range(node), moved.to_string().as_bytes());
        }
    }

    /// Whether all text of a choice in this event left in it, unchanged and with nothing held before.
    fn left_whole(&self, of: u64) -> bool {
        self.work.spoken.contains(&of) && !self.work.altered.contains(&of)
    }

    /// Scans a string by itself; whether it has changed.
    fn string(&mut self, event: Event<'_>, node: Node, plan: &Plan, seen: &mut Inspection) -> Result<bool, BodyError> {
        let range = event.index.range(node);
        let mut decoded = std::mem::take(&mut self.work.decoded);
        decoded.clear();
        unescape(event.index.literal(node, event.data), &mut decoded)?;
        let signs = plan.signatures.iter().find(|(signature, _)| *signature == node);
        let model = plan.known || self.dialect != Dialect::Plain;
        let mut changed = false;
        if signs.is_some_and(|(_, key)| self.texts.has_changed(*key)) {
            self.work.edit_string(range, b"");
            changed = true;
        } else if let Some(reason) = opaque::reason(event, node, &decoded).filter(|_| model) {
            seen.exempt(reason, decoded.len() as u64);
        } else if model && event.index.key(node).is_some_and(|key| is_id(key, &decoded)) {
            seen.exempt("id", decoded.len() as u64);
        } else {
            let actions = self.values.actions_at(event.index, node);
            self.values.call(event.index, node);
            let opening = self.opening.as_mut().map_or(Opens::No, |tools| tools.open_value(event, node, plan));
            let before = match opening {
                Opens::Prose { kind } => {
                    self.joins.before(kind).unwrap_or_else(|| self.before_repeated(event, node, plan))
                }
                Opens::No | Opens::Value => Ends::default(),
            };
            self.values.open_tokens(opening, before);
            if let Some(new) = self.values.text(&decoded, &actions, seen)? {
                self.work.edit_string(range, new);
                changed = true;
            }
            if let (Opens::Prose { kind }, Some(ended)) = (opening, self.values.take_ended()) {
                let sort = self.said(event, node).sort;
                self.joins.end(kind, sort, ended);
            }
        }
        self.work.decoded = decoded;
        Ok(changed)
    }

    /// How the growing texts ended that a reader may add the first one of its kind in an event to.
    fn before_repeated(&mut self, event: Event<'_>, node: Node, plan: &Plan) -> Ends {
        let Some(copied) = plan.copied else { return Ends::default() };
        let repeated = responses::repeated(event.index.key(node), self.said(event, node).grown, copied);
        self.texts.before(repeated)
    }

    /// What the object of a text says of it.
    fn said(&mut self, event: Event<'_>, text: Node) -> Said {
        match event.index.parent(text) {
            Some(object) => self.said.of(event.index, object, || Said::read(event, object)),
            None => Said::default(),
        }
    }

    /// Scans a string that repeats all of a text so far: while that holds something, no more of it is shown.
    fn repeat(&mut self, event: Event<'_>, node: Node, plan: &Plan, seen: &mut Inspection) -> Result<(), BodyError> {
        let held = plan.repeats.iter().find(|(repeat, key)| *repeat == node && self.texts.hold(|held| held == *key));
        let Some((_, key)) = held else { return self.string(event, node, plan, seen).map(drop) };
        let mut decoded = std::mem::take(&mut self.work.decoded);
        decoded.clear();
        unescape(event.index.literal(node, event.data), &mut decoded)?;
        let opens = self.opening.as_ref().map_or(Opens::No, |tools| tools.open_fragment(event, node, *key));
        let begun = self.values.beginning(&decoded, &self.values.actions_at(event.index, node), opens)?;
        seen.scanned += decoded.len() as u64;
        if begun != decoded {
            self.work.edit_string(event.index.range(node), &begun);
        }
        self.work.decoded = decoded;
        Ok(())
    }

    /// Scans a number; whether it has changed.
    fn number(&mut self, event: Event<'_>, node: Node, seen: &mut Inspection) -> Result<bool, BodyError> {
        let literal = event.index.literal(node, event.data);
        let actions = self.values.actions_at(event.index, node);
        self.values.call(event.index, node);
        let new = self.values.number(literal, &actions, seen)?;
        if let Some(new) = new {
            self.work.edit_raw(event.index.range(node), new);
        }
        Ok(new.is_some())
    }
}

/// What was counted since, by reason.
fn added(now: &[(&'static str, u64)], before: &[(&'static str, u64)]) -> Vec<(&'static str, u64)> {
    let known = |reason| before.iter().find(|(known, _)| *known == reason).map_or(0, |(_, bytes)| *bytes);
    let added = now.iter().map(|(reason, bytes)| (*reason, bytes - known(*reason)));
    added.filter(|(_, bytes)| *bytes > 0).collect()
}

/// What an object says of its texts.
#[derive(Clone, Copy, Default)]
pub(super) struct Said {
    sort: Sort,
    /// The kind of growing texts that they repeat, where their names do not tell it.
    grown: u8,
}

impl Said {
    fn read(event: Event<'_>, object: Node) -> Self {
        let index = event.index;
        let mut sort = Sort::default();
        for member in index.children(object) {
            let kind = index.kind(member);
            let Some(key) = index.key(member).filter(|key| tells_sort(key, kind)) else { continue };
            sort.member(key, kind);
            if kind == Kind::String {
                sort.word(&event.word(member));
            }
        }
        Self { sort, grown: responses::grown(event, object) }
    }
}

/// Whether a stretch has strings or numbers.
fn has_values(index: &Index, range: &Range<usize>) -> bool {
    let inside = index.nodes().filter(|node| range.contains(&index.range(*node).start));
    inside.into_iter().any(|node| matches!(index.kind(node), Kind::String | Kind::Number))
}
