//! Views of a text: stretches of it as a reader of its encodings would see them, looked along by a lane of their own.
//!
//! ```text
//!   text   … call +1%20212%20555%2D0123 now …      trigger: the first encoded character
//!   view   … call +1 212 555-0123 now …            back, trigger … until: so far round encoded characters
//! ```
//!
//! A session begins some way before the first encoded character, so that a value which begins in plain text is seen
//! whole, and ends some way behind the last one. Both are places of the text, not of a push. Runs of base64 and
//! hexadecimal are sessions of the second view. Every stretch of a view knows where in the text it comes from, so a match
//! is told as a place of the text, and what takes its place is written as the text writes it.

mod places;
mod write;

use std::collections::VecDeque;

use self::places::Segment;
pub(super) use self::write::Manner;
use super::super::candidate::{Candidate, Kind, LaneId};
use super::super::vector::AHEAD;
use super::super::view::{Beginning, Blob, Element, Encoding, Fold, Group, LONGEST, NEAR, Parsed, may_begin, parse};
use super::views::Views;
use super::{DEPTH, Force, Lane};

/// How far before its first encoded character a session begins, in bytes.
pub(super) const BACK: u64 = 192;
// So much is there before every place that is looked at: what has left is kept that far.
const _: () = assert!(NEAR + AHEAD <= BACK as usize);
/// How far behind its last encoded character a session goes on, in bytes.
const ON: u64 = 256;
/// The most characters side by side that stand for nothing and part nothing. More are no typography, and would hold a
/// value open for as long as they go on.
const GONE: u32 = 256;
/// What a view keeps of what it is done with before it forgets it, in bytes.
const KEPT: usize = 8 << 10;

/// A view of the text at hand, or of a view of it.
#[derive(Default)]
pub(super) struct View {
    pub(super) lane: Lane,
    /// The views of this one.
    pub(super) inner: Views,
    segments: Vec<Segment>,
    session: Option<Session>,
    /// The encoded characters that no session is opened for, as far back as one would begin: places in the text, in order.
    quiet: VecDeque<(u64, Element)>,
    /// Whether a session has been opened in the text at hand.
    opened: bool,
    /// Offset in the text before which everything has been viewed.
    done: u64,
    /// Offset in the view of the end of the last session.
    closed: u64,
}

/// A stretch of the text that is being viewed.
#[derive(Clone, Copy, Debug)]
struct Session {
    /// The first encoded character: what ends before it is no business of this session.
    trigger: u64,
    /// Offset in the text up to which the view has been given.
    fed: u64,
    /// Offset in the text where the session ends, unless another encoded character comes before it.
    until: u64,
    /// The end of the last encoded character.
    encoded: u64,
    /// How many characters that stand for nothing end there, side by side.
    gone: u32,
    /// What a run has been seen to be written in.
    encoding: Encoding,
    blob: Option<Blob>,
}

/// Where, in the last bytes of a text that may go on, an encoded character begins that is not whole.
pub(super) fn withheld(text: &[u8]) -> usize {
    let from = text.len().saturating_sub(LONGEST);
    let cut =
        |at: &usize| text.get(*at).is_some_and(|byte| may_begin(*byte)) && parse(text, *at, false) == Parsed::More;
    (from..text.len()).find(cut).unwrap_or(text.len())
}

/// As [`withheld`], and what may be the beginning of a character whose rest is encoded: `&` before `&#35;x37;`.
pub(super) fn withheld_twice(text: &[u8]) -> usize {
    let kept = withheld(text);
    if kept == text.len() { kept } else { withheld(text.get(..kept).unwrap_or_default()) }
}

impl Lane {
    /// The encoded character at an offset. What is withheld behind the text counts as well.
    fn element(&self, at: u64, last: bool) -> Option<Element> {
        let at = self.index(at);
        let from = at.saturating_sub(NEAR).max(self.own_text().min(at));
        let bytes = self.buffer.get(from..).unwrap_or_default();
        let parsed = if at + LONGEST <= self.buffer.len() || self.withheld.is_empty() {
            parse(bytes, at - from, last)
        } else {
            let mut near = [0; NEAR + 2 * LONGEST];
            let bytes = bytes.iter().chain(&self.withheld);
            let len = near.iter_mut().zip(bytes).map(|(slot, byte)| *slot = *byte).count();
            parse(near.get(..len).unwrap_or_default(), at - from, last)
        };
        match parsed {
            Parsed::Element(element) if self.unfolded && element.encoding == Encoding::Query => None,
            Parsed::Element(element) => Some(element),
            Parsed::None | Parsed::More => None,
        }
    }

    /// Where the text begins that is looked at: the label is no part of its first line.
    fn own_text(&self) -> usize {
        self.floor(self.label_end()).max(self.floor(self.from))
    }

    /// Takes back the last bytes, where an encoded character may not be whole.
    fn withhold(&mut self) {
        let from = self.own_text().min(self.buffer.len());
        let kept = from + withheld(self.buffer.get(from..).unwrap_or_default());
        self.withheld.extend_from_slice(self.buffer.get(kept..).unwrap_or_default());
        self.buffer.truncate(kept);
    }

    /// Gives back what was withheld.
    fn give_back(&mut self) {
        if !self.withheld.is_empty() {
            self.buffer.append(&mut self.withheld);
        }
    }

    /// Notes the encoded characters too near the end for the prefilter to stop at.
    pub(super) fn note_last_triggers(&mut self, last: bool) {
        for at in self.index(self.seen)..self.buffer.len() {
            if self.buffer.get(at).is_some_and(|byte| may_begin(*byte))
                && self.element(self.base + at as u64, last).is_some()
            {
                self.triggers.push(self.base + at as u64);
            }
        }
    }
}

impl View {
    /// A view in which so many encodings are opened.
    pub(super) fn of(depth: u8) -> Box<Self> {
        let mut view = Box::<Self>::default();
        view.lane.depth = depth;
        view
    }

    /// Begins a text whose own bytes begin at `origin`, behind its label.
    pub(super) fn begin(&mut self, origin: u64) {
        // Of most texts there is no view.
        if std::mem::take(&mut self.opened) {
            self.lane.begin();
            self.segments.clear();
            self.session = None;
            self.inner.begin(0);
        }
        self.quiet.clear();
        (self.done, self.closed) = (origin, 0);
    }

    pub(super) fn is_active(&self) -> bool {
        self.session.is_some()
    }

    /// How far of the text every match that this view shows has been found.
    pub(super) fn safe(&self, last: bool) -> u64 {
        match &self.session {
            None => u64::MAX,
            Some(session) => {
                let safe = self.lane.safe(last).min(self.inner.safe(last));
                let end = self.lane.end() + self.lane.withheld.len() as u64;
                let safe = if safe >= end { session.fed } else { self.text_start(safe) };
                // What cannot be seen behind the part of a match that has been handed on may lie inside it.
                let handed = self.lane.live.iter().filter_map(|live| live.handed).map(|handed| self.seam(handed));
                handed.fold(safe, u64::min)
            }
        }
    }

    /// Whether text behind this place of the view may still come.
    pub(super) fn may_go_on(&self, own: u64) -> bool {
        self.session.is_some() && own > self.closed
    }

    /// Views encoded characters, from the places that the text's own lane has seen.
    pub(super) fn unfold(&mut self, force: Force<'_>, raw: &mut Lane, last: bool) {
        let triggers = std::mem::take(&mut raw.triggers);
        let mut next = 0;
        loop {
            // Nothing is opened in a label: the text would begin elsewhere then.
            while triggers.get(next).is_some_and(|at| *at < self.done.max(raw.label_end())) {
                next += 1;
            }
            let trigger = triggers.get(next).copied();
            let element = |at: u64| raw.element(at, last);
            let Some(session) = self.session else {
                let Some(at) = trigger else { break };
                next += 1;
                let Some(element) = element(at) else { continue };
                while self.quiet.front().is_some_and(|(place, _)| *place < at.saturating_sub(BACK)) {
                    self.quiet.pop_front();
                }
                // A term may be two words.
                if element.tells || force.enabled.terms {
                    self.open(force, raw, at, at.saturating_sub(BACK), None);
                    self.unfold_quiet(raw);
                    next -= 1;
                } else {
                    self.quiet.push_back((at, element));
                }
                continue;
            };
            let limit = raw.end().min(session.until);
            if let Some(at) = trigger.filter(|at| *at < limit) {
                next += 1;
                if let Some(element) = element(at) {
                    let adjacent = session.encoded == at;
                    self.plain(raw, at);
                    let end = at + element.len as u64;
                    let segment = Segment::of(at, element.len, element.encoding);
                    let gone = match element.bytes() {
                        [] if adjacent => session.gone + 1,
                        [] => 1,
                        _ => 0,
                    };
                    match gone {
                        // Ends what stands before it, in the view alone.
                        GONE => self.push(b"\0", segment),
                        _ => self.push(element.bytes(), segment),
                    }
                    self.fed_to(end, end + ON);
                    if let Some(session) = &mut self.session {
                        (session.encoded, session.gone) = (end, gone);
                    }
                }
                continue;
            }
            self.plain(raw, limit);
            self.fed_to(limit, session.until);
            let ends = last && limit == raw.end() && limit < session.until;
            self.advance(force, ends);
            self.collect(raw, Kind::Unfolded);
            if limit < session.until || ends {
                if ends {
                    self.close();
                }
                break;
            }
            if self.is_needed(session.encoded) {
                self.fed_to(limit, limit + ON);
                continue;
            }
            self.close();
        }
        raw.triggers = triggers;
        raw.triggers.clear();
    }

    /// Views the encoded characters between a session's beginning and the one that it is opened for.
    fn unfold_quiet(&mut self, raw: &Lane) {
        for (at, element) in std::mem::take(&mut self.quiet) {
            let Some(session) = self.session.filter(|session| session.fed <= at) else { continue };
            self.plain(raw, at);
            self.push(element.bytes(), Segment::of(at, element.len, element.encoding));
            self.fed_to(at + element.len as u64, session.until);
        }
    }

    /// Views runs of base64 and hexadecimal. Gives the first byte of one that is too short yet to tell.
    pub(super) fn decode(&mut self, force: Force<'_>, raw: &mut Lane, last: bool) -> Option<u64> {
        let blobs = std::mem::take(&mut raw.blobs);
        let mut next = 0;
        let mut undecided = None;
        loop {
            let Some(session) = self.session else {
                while blobs.get(next).is_some_and(|(at, _)| *at < self.done.max(raw.label_end())) {
                    next += 1;
                }
                let Some((at, _)) = blobs.get(next).copied() else { break };
                let here = blobs.iter().skip(next).take_while(|(other, _)| *other == at);
                // What reads as hexadecimal is that, though its digits may read as base64 as well.
                let kinds = [Blob::Hex, Blob::Base64].into_iter();
                let found = kinds
                    .filter(|blob| here.clone().any(|(_, known)| known == blob))
                    .map(|blob| (blob, blob.begins(&raw.buffer, raw.index(at), last)))
                    .find(|(_, begins)| *begins != Beginning::No);
                if let Some((_, Beginning::More)) = found {
                    undecided = Some(at);
                    break;
                }
                next += here.count();
                if let Some((blob, _)) = found {
                    self.open(force, raw, at, at, Some(blob));
                }
                continue;
            };
            let Some(blob) = session.blob else { break };
            let at = session.fed;
            match blob.group(&raw.buffer, raw.index(at), last) {
                Group::Bytes { len, bytes, width, encoding } => {
                    let encoding = encoding.unwrap_or(session.encoding);
                    self.push(bytes.get(..width).unwrap_or_default(), Segment::of(at, len, encoding));
                    self.fed_to(at + len as u64, u64::MAX);
                    if let Some(session) = &mut self.session {
                        session.encoding = encoding;
                    }
                    if blob == Blob::Base64 && width < 3 {
                        self.end_blob(force, raw);
                    }
                }
                Group::End => match blob.folds(&raw.buffer, raw.floor(session.trigger), raw.index(at), last) {
                    Fold::On(len) => self.fed_to(at + len as u64, u64::MAX),
                    Fold::End => self.end_blob(force, raw),
                    Fold::More => {
                        self.pause(force, raw);
                        break;
                    }
                },
                Group::More => {
                    self.pause(force, raw);
                    break;
                }
            }
        }
        raw.blobs = blobs;
        raw.blobs.drain(..next.min(raw.blobs.len()));
        undecided
    }

    /// Looks along what has come of a run.
    fn pause(&mut self, force: Force<'_>, raw: &mut Lane) {
        self.advance(force, false);
        self.collect(raw, Kind::Decoded);
    }

    /// Whether a match that begins no later than the last encoded character has not come to its end.
    fn is_needed(&self, encoded: u64) -> bool {
        let inner = self.inner.begun();
        self.followed().chain(inner).any(|start| self.text_start(start) < encoded)
    }

    /// Where what the lane follows begins in it.
    fn followed(&self) -> impl Iterator<Item = u64> + '_ {
        let live = self.lane.live.iter().map(|live| live.start);
        live.chain(self.lane.waiting.iter().map(|waiting| waiting.holds))
    }

    /// Where in the text begins what has not come to its end: a run that goes on, and what is followed.
    pub(super) fn begun(&self) -> impl Iterator<Item = u64> + '_ {
        let run = self.session.filter(|session| session.blob.is_some()).map(|session| session.trigger);
        let active = self.is_active();
        self.followed().filter(move |_| active).map(|start| self.text_start(start)).chain(run)
    }

    /// Looks along what the view has been given, and opens what is encoded in it.
    fn advance(&mut self, force: Force<'_>, last: bool) {
        let Self { lane, inner, .. } = self;
        lane.give_back();
        if lane.depth < DEPTH {
            if !last {
                lane.withhold();
            }
            lane.advance(force, last);
            lane.note_last_triggers(last);
            inner.look(force, lane, last);
        } else {
            lane.advance(force, last);
        }
        lane.triggers.clear();
        if lane.depth == DEPTH {
            lane.blobs.clear();
        }
    }

    fn end_blob(&mut self, force: Force<'_>, raw: &mut Lane) {
        self.advance(force, true);
        self.collect(raw, Kind::Decoded);
        self.close();
    }

    /// Begins a session whose lane looks from `start` on, with as much before it as rules look back at.
    fn open(&mut self, force: Force<'_>, raw: &Lane, trigger: u64, start: u64, blob: Option<Blob>) {
        let start = start.max(raw.base).max(raw.from);
        let context = start.saturating_sub(force.rules.look_behind as u64).max(raw.base).max(raw.begun);
        self.opened = true;
        self.lane.restart();
        (self.lane.begun, self.lane.unfolded) = (self.lane.end(), blob.is_none());
        // Where the text begins, if that is part of the view.
        self.lane.origin = match raw.origin.checked_sub(context) {
            Some(label) if blob.is_none() && raw.origin < u64::MAX => self.lane.end() + label,
            _ => u64::MAX,
        };
        self.lane.groups_from = None;
        let encoding = blob.map_or(Encoding::Plain, Blob::encoding);
        self.session =
            Some(Session { trigger, fed: context, until: trigger + ON, encoded: trigger, gone: 0, encoding, blob });
        // The sign before a number is no part of the text that the number stands for.
        let sign = start.saturating_sub(2).max(context);
        let signed = blob == Some(Blob::Hex)
            && raw.buffer.get(raw.index(sign)..raw.index(start)).is_some_and(|sign| sign.eq_ignore_ascii_case(b"0x"));
        self.plain(raw, if signed { sign } else { start });
        if let Some(session) = &mut self.session {
            session.fed = start;
        }
        if blob.is_some() {
            // A run is a text of its own: a number in it does not go on one before it (`base64,MDc4…`).
            self.push(b";", Segment::of(start, 0, Encoding::Plain));
        }
        self.lane.skip_to_end();
        self.lane.groups_from = (blob == Some(Blob::Base64)).then(|| self.lane.end());
    }

    fn close(&mut self) {
        if let Some(session) = self.session.take() {
            self.done = session.fed;
        }
        self.lane.give_back();
        self.lane.restart();
        self.lane.skip_to_end();
        self.closed = self.lane.end();
        self.inner.close(self.closed);
    }

    /// Ends what goes on: the text that this is a view of is another one from `end` on.
    pub(super) fn break_off(&mut self, end: u64) {
        if self.session.is_some() {
            self.close();
        }
        self.quiet.clear();
        self.done = self.done.max(end);
    }

    fn fed_to(&mut self, fed: u64, until: u64) {
        if let Some(session) = &mut self.session {
            (session.fed, session.until) = (fed, until);
        }
        self.done = self.done.max(fed);
    }

    /// Gives the lane the text up to `to` as it stands.
    fn plain(&mut self, raw: &Lane, to: u64) {
        let Some(from) = self.session.map(|session| session.fed).filter(|from| *from < to) else { return };
        let bytes = raw.buffer.get(raw.index(from)..raw.index(to)).unwrap_or_default();
        let segment = Segment::of(from, bytes.len(), Encoding::Plain);
        self.push(bytes, segment);
        if let Some(session) = &mut self.session {
            session.fed = to;
        }
    }

    fn push(&mut self, bytes: &[u8], segment: Segment) {
        self.lane.give_back();
        let view = self.lane.end();
        self.lane.buffer.extend_from_slice(bytes);
        let view_len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        // A stretch that stands for nothing has no place in the view.
        if view_len > 0 {
            self.segments.push(Segment { view, view_len, ..segment });
        }
    }

    /// Hands the lane's matches on as places of the text.
    fn collect(&mut self, raw: &mut Lane, kind: Kind) {
        let Some(session) = self.session else { return };
        let mut found = std::mem::take(&mut self.lane.found);
        // Where this session's text begins is not where the next one's does: what a match has of the label goes here.
        let label = self.lane.label_end();
        for candidate in found.drain(..) {
            let end = self.text_end(candidate.end);
            if end > session.trigger {
                let mut own = candidate.own;
                if candidate.lane == LaneId::Plain && label < own.end {
                    own.start = own.start.max(label);
                }
                raw.found.push(Candidate {
                    own,
                    start: self.text_start(candidate.start),
                    from: if candidate.from > candidate.start {
                        self.seam(candidate.from)
                    } else {
                        self.text_start(candidate.from)
                    },
                    end,
                    lane: candidate.lane.within(kind),
                    ..candidate
                });
            }
        }
        self.lane.found = found;
    }

    /// Forgets what no match that waits to be judged needs.
    pub(super) fn compact(&mut self, force: Force<'_>, needed: Option<u64>) {
        if self.session.is_none() && needed.is_none() {
            self.lane.forget(self.lane.end());
            self.segments.clear();
        } else if self.lane.buffer.len() > KEPT {
            let keep = self.lane.safe(false).min(self.inner.safe(false)).min(needed.unwrap_or(u64::MAX));
            // What is looked at before an encoded character, as of the text itself.
            let back = if self.lane.depth < DEPTH { BACK } else { 0 };
            let keep = keep.saturating_sub(force.rules.look_behind as u64 + back).max(self.lane.base);
            self.lane.forget(keep);
            self.segments.retain(|segment| segment.view_end() > keep);
        }
    }
}
