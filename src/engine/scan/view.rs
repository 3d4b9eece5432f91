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

use std::collections::VecDeque;
use std::ops::Range;

use super::super::candidate::{Candidate, LaneId};
use super::super::vector::AHEAD;
use super::super::view::{
    Beginning, Blob, Element, Encoding, Group, LONGEST, NEAR, Parsed, may_begin, parse, write, write_blob,
};
use super::{Force, Lane};

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

/// How far before a number in a run is looked for the name that it has in JSON: no farther than is always kept.
const BEFORE_NUMBER: u64 = 36;

/// A view of the text at hand.
#[derive(Default)]
pub(super) struct View {
    pub(super) lane: Lane,
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

/// A stretch of the view and where it comes from.
#[derive(Clone, Copy, Debug)]
struct Segment {
    /// Where it begins in the view.
    view: u64,
    /// Where it begins in the text.
    text: u64,
    /// Its length in the view.
    view_len: u32,
    /// Its length in the text.
    text_len: u32,
    encoding: Encoding,
}

impl Segment {
    fn view_end(&self) -> u64 {
        self.view + u64::from(self.view_len)
    }

    fn text_end(&self) -> u64 {
        self.text + u64::from(self.text_len)
    }
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

impl Lane {
    /// The encoded character at an offset. What is withheld behind the text counts as well.
    fn element(&self, at: u64, last: bool) -> Option<Element> {
        let at = self.index(at);
        // The label is no part of the text's first line.
        let from = at.saturating_sub(NEAR).max(self.floor(self.origin).min(at));
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
            Parsed::Element(element) => Some(element),
            Parsed::None | Parsed::More => None,
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
    /// Begins a text whose own bytes begin at `origin`, behind its label.
    pub(super) fn begin(&mut self, origin: u64) {
        // Of most texts there is no view.
        if std::mem::take(&mut self.opened) {
            self.lane.begin();
            self.segments.clear();
            self.session = None;
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
                let safe = self.lane.safe(last);
                let safe = if safe >= self.lane.end() { session.fed } else { self.text_start(safe) };
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
            while triggers.get(next).is_some_and(|at| *at < self.done) {
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
            self.lane.advance(force, ends);
            self.collect(raw, LaneId::Unfolded);
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
    pub(super) fn decode(&mut self, force: Force<'_>, raw: &mut Lane, last: bool) -> u64 {
        let blobs = std::mem::take(&mut raw.blobs);
        let mut next = 0;
        let mut undecided = u64::MAX;
        loop {
            let Some(session) = self.session else {
                while blobs.get(next).is_some_and(|(at, _)| *at < self.done) {
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
                    undecided = at;
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
                Group::End => self.end_blob(force, raw),
                Group::More => {
                    self.lane.advance(force, false);
                    self.collect(raw, LaneId::Decoded);
                    break;
                }
            }
        }
        raw.blobs = blobs;
        raw.blobs.drain(..next.min(raw.blobs.len()));
        undecided
    }

    /// Whether a match that begins no later than the last encoded character has not come to its end.
    fn is_needed(&self, encoded: u64) -> bool {
        let live = self.lane.live.iter().map(|live| live.start);
        let waiting = self.lane.waiting.iter().map(|waiting| waiting.holds);
        live.chain(waiting).any(|start| self.text_start(start) < encoded)
    }

    fn end_blob(&mut self, force: Force<'_>, raw: &mut Lane) {
        self.lane.advance(force, true);
        self.collect(raw, LaneId::Decoded);
        self.close();
    }

    /// Begins a session whose lane looks from `start` on, with as much before it as rules look back at.
    fn open(&mut self, force: Force<'_>, raw: &Lane, trigger: u64, start: u64, blob: Option<Blob>) {
        let context = start.saturating_sub(force.rules.look_behind as u64).max(raw.base);
        self.opened = true;
        self.lane.restart();
        // Where the text begins, if that is part of the view.
        self.lane.origin = match raw.origin.checked_sub(context) {
            Some(label) if blob.is_none() => self.lane.end() + label,
            _ => u64::MAX,
        };
        self.lane.groups_from = None;
        let encoding = blob.map_or(Encoding::Plain, Blob::encoding);
        self.session =
            Some(Session { trigger, fed: context, until: trigger + ON, encoded: trigger, gone: 0, encoding, blob });
        let start = start.max(raw.base);
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
        self.lane.restart();
        self.lane.skip_to_end();
        self.closed = self.lane.end();
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
        let view = self.lane.end();
        self.lane.buffer.extend_from_slice(bytes);
        let view_len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        // A stretch that stands for nothing has no place in the view.
        if view_len > 0 {
            self.segments.push(Segment { view, view_len, ..segment });
        }
    }

    /// Hands the lane's matches on as places of the text.
    fn collect(&mut self, raw: &mut Lane, lane: LaneId) {
        let Some(session) = self.session else { return };
        let mut found = std::mem::take(&mut self.lane.found);
        // Where this session's text begins is not where the next one's does: what a match has of the label goes here.
        let label = self.lane.label_end();
        for candidate in found.drain(..) {
            let end = self.text_end(candidate.end);
            if end > session.trigger {
                let mut own = candidate.own;
                if label < own.end {
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
                    lane,
                    ..candidate
                });
            }
        }
        self.lane.found = found;
    }

    fn segment(&self, own: u64) -> Option<&Segment> {
        let after = self.segments.partition_point(|segment| segment.view <= own);
        after.checked_sub(1).and_then(|at| self.segments.get(at))
    }

    /// The place in the text of what begins at a place of the view.
    pub(super) fn text_start(&self, own: u64) -> u64 {
        match self.segment(own) {
            Some(segment) if own >= segment.view_end() => segment.text_end(),
            Some(segment) if segment.encoding == Encoding::Plain => segment.text + (own - segment.view),
            Some(segment) => segment.text,
            None => 0,
        }
    }

    /// The place in the text of what ends at a place of the view.
    pub(super) fn text_end(&self, own: u64) -> u64 {
        match own.checked_sub(1).and_then(|inside| self.segment(inside)) {
            Some(segment) if segment.encoding == Encoding::Plain => {
                (segment.text + (own - segment.view)).min(segment.text_end())
            }
            Some(segment) => segment.text_end(),
            None => 0,
        }
    }

    /// The place in the text where one part of a match ends and the next begins.
    fn seam(&self, own: u64) -> u64 {
        self.text_start(own).min(self.text_end(own))
    }

    /// The first place of the view, in `own`, that comes from `text` or later.
    pub(super) fn own_from(&self, own: Range<u64>, text: u64) -> u64 {
        let mut here = own.start;
        while here < own.end && self.text_start(here) < text {
            here += 1;
        }
        here
    }

    pub(super) fn bytes(&self, own: Range<u64>) -> &[u8] {
        self.lane.buffer.get(self.lane.floor(own.start)..self.lane.floor(own.end)).unwrap_or_default()
    }

    /// Where the group of base64 ends that a match ends within.
    pub(super) fn group_end(&self, own: u64) -> Option<u64> {
        let segment = own.checked_sub(1).and_then(|inside| self.segment(inside))?;
        let base64 = matches!(segment.encoding, Encoding::Base64 | Encoding::Base64Url);
        (base64 && own < segment.view_end()).then(|| segment.view_end())
    }

    /// Where the stretch ends that a place of the view lies in.
    pub(super) fn stretch_end(&self, own: u64) -> Option<u64> {
        self.segment(own).map(Segment::view_end).filter(|end| *end > own)
    }

    /// Appends what takes the place of a stretch of the view, as the text there is written. What shares its last group
    /// stays, up to a place where another finding begins. What is written `alone` is not asked what stands beside it.
    pub(super) fn write(&self, own: Range<u64>, replacement: &[u8], alone: bool, until: u64, out: &mut Vec<u8>) {
        // A sign of a query (`limit=20`) looks like an encoded blank: only what is inside tells of this encoding.
        let near = |segment: &&Segment| {
            segment.view <= own.end && segment.view_end() >= own.start && segment.encoding != Encoding::QuotedPrintable
        };
        let inside = |segment: &&Segment| segment.view < own.end && segment.view_end() > own.start;
        let telling = |segment: &&Segment| !matches!(segment.encoding, Encoding::Plain | Encoding::Folded);
        let from = self.segments.partition_point(|segment| segment.view_end() < own.start);
        let segments = self.segments.get(from..).unwrap_or_default();
        let segments = || segments.iter().take_while(|segment| segment.view <= own.end);
        let encoding = segments()
            .filter(inside)
            .find(telling)
            .or_else(|| segments().filter(|_| !alone).filter(near).find(telling))
            .map_or(Encoding::Plain, |segment| segment.encoding);
        if !matches!(encoding, Encoding::Base64 | Encoding::Base64Url | Encoding::HexLower | Encoding::HexUpper) {
            // A plus that a query's value begins with is no blank: it stays as it came, and so does how it is read.
            let plain = |segment: &Segment| segment.encoding == Encoding::Plain;
            let plus = encoding == Encoding::Query
                && self.bytes(own.clone()).first() == Some(&b'+')
                && segments().find(inside).is_some_and(plain);
            let rest = replacement.strip_prefix(b"+").filter(|_| plus);
            out.extend(rest.map(|_| b'+'));
            return write(rest.unwrap_or(replacement), encoding, out);
        }
        let (Some(first), Some(final_group)) = (segments().find(inside), segments().filter(inside).last()) else {
            return;
        };
        // What stands in plain text before a run stays as it is.
        let before = if first.encoding == Encoding::Plain { own.start } else { first.view };
        let mut bytes = self.bytes(before..own.start.max(before)).to_vec();
        let quote = if alone { Vec::new() } else { self.quote_for(&own) };
        bytes.extend_from_slice(&quote);
        bytes.extend_from_slice(replacement);
        let rest = self.bytes(own.end..final_group.view_end().min(until).max(own.end));
        // A run goes on behind a whole group, and its groups stay where they are. What fills up belongs to the
        // replacement: behind a quotation mark it would break what the run says.
        if final_group.view_len == 3 && matches!(encoding, Encoding::Base64 | Encoding::Base64Url) {
            let len = bytes.len() + quote.len() + rest.len();
            bytes.resize(bytes.len() + len.next_multiple_of(3) - len, b'*');
        }
        bytes.extend_from_slice(&quote);
        bytes.extend_from_slice(rest);
        write_blob(&bytes, encoding, final_group.text_len == 4, out);
    }

    /// What must stand round the text in the place of a number of JSON, so that a string stands there: a quotation mark as
    /// the name before it has, with its backslashes where the JSON is a string itself. What stands before the number
    /// decides alone, since what follows may not have come.
    fn quote_for(&self, own: &Range<u64>) -> Vec<u8> {
        let value = self.bytes(own.clone());
        let is_number = value.first().is_some_and(u8::is_ascii_digit)
            && value.iter().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(byte));
        let before = self.bytes(own.start.saturating_sub(BEFORE_NUMBER)..own.start).trim_ascii_end();
        // The first of a list, or one behind numbers alone.
        let list = before.iter().rposition(|byte| !(byte.is_ascii_digit() || b"-+.eE, \t\r\n".contains(byte)));
        let before = match list.map(|at| before.split_at(at)) {
            Some((name, [b'[', numbers @ ..])) if numbers.last().is_none_or(|last| *last == b',') => {
                name.trim_ascii_end()
            }
            _ => before,
        };
        let Some([name @ .., b'"']) = before.strip_suffix(b":").map(<[u8]>::trim_ascii_end).filter(|_| is_number)
        else {
            return Vec::new();
        };
        let backslashes = name.iter().rev().take_while(|byte| **byte == b'\\').count();
        let mut quote = vec![b'\\'; backslashes];
        quote.push(b'"');
        quote
    }

    /// Forgets what no match that waits to be judged needs.
    pub(super) fn compact(&mut self, force: Force<'_>, needed: Option<u64>) {
        if self.session.is_none() && needed.is_none() {
            self.lane.forget(self.lane.end());
            self.segments.clear();
        } else if self.lane.buffer.len() > KEPT {
            let keep = self.lane.safe(false).min(needed.unwrap_or(u64::MAX));
            let keep = keep.saturating_sub(force.rules.look_behind as u64).max(self.lane.base);
            self.lane.forget(keep);
            self.segments.retain(|segment| segment.view_end() > keep);
        }
    }
}

impl Segment {
    fn of(text: u64, len: usize, encoding: Encoding) -> Self {
        Self { view: 0, text, view_len: 0, text_len: u32::try_from(len).unwrap_or(u32::MAX), encoding }
    }
}
