//! What holds where in a document: the actions of a place, and what a dialect says of it.
//!
//! Enters: each turn of the walk. Leaves: the actions and the treatment of each value. Some values cannot leave at once
//! (a content block until it is known not to be signed thinking, a copy of text that is being dropped, an offset into
//! a text that comes later): from
//! [`Guide::hold`] on the output stays in the body's hands.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::brief::Brief;
use super::exempt::{Form, Reason};
use super::index::Kind;
use super::lexer::Container;
use super::opening::Opening;
use super::out::TextOut;
use super::path::Place;
use super::records::Records;
use super::shifts::{Counts, Shifts};
use super::signed::Signed;
use super::text::Reading;
use super::thinking::Blocks;
use super::told::Told;
use super::transcript::Transcript;
use super::walker::Spot;
use crate::body::batch::Plan;
use crate::body::dialect::{Special, Tables};
use crate::body::restore::Opens;
use crate::body::{BodyError, BodyErrorKind, Direction, Inspection, Scopes};
use crate::engine::{ActionTable, Ends};

/// How a value is treated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Treatment {
    /// Scanned; a string is read as JSON where it looks like it.
    Usual,
    /// A string is read so.
    Read(Reading),
    /// A component of an exempt vector.
    Vector,
    /// A number that its reader will have as one.
    Typed,
    /// A token's number in place of a text.
    TokenId,
    /// A number that counts in a text.
    Offset(Counts),
}

/// A special value that is not over yet, and how many objects and arrays were open where it began.
struct Open {
    depth: usize,
    what: What,
}

#[derive(Clone, Copy)]
enum What {
    Vector,
    Numbers,
    /// What it is called where it is changed.
    Renamed {
        name: &'static str,
        changes: u64,
    },
    Choices,
    Spoken {
        changes: u64,
    },
    Cited,
    /// What leaves in its place.
    Dropped(&'static [u8]),
    /// A copy that waits for its text.
    Copied,
    Blocks,
    TokenIds {
        always: bool,
    },
    Transcript,
    Spelled,
    Parts,
    Signature,
}

/// The current choice of an answer.
#[derive(Default)]
struct Choice {
    /// Its text has come.
    spoken: bool,
    /// Its text was changed.
    changed: bool,
}

/// The text that offsets count in.
#[derive(Default)]
struct Cited {
    shifts: Shifts,
    /// It is being read.
    open: bool,
    /// It has come.
    whole: bool,
    /// Numbers that came before it.
    waiting: Option<Waiting>,
}

/// Offsets and copies whose text has not come: the output is held from the first of them on.
struct Waiting {
    from: usize,
    /// Each number's literal, counted from there, and what it counts.
    numbers: Vec<(Range<usize>, u64, Counts)>,
    copies: Vec<WaitingCopy>,
}

/// A copy of a text that has not come.
struct WaitingCopy {
    /// Its literal, counted from where the output is held.
    place: Range<usize>,
    /// How many objects and arrays are open around it: it waits until the innermost of them ends.
    depth: usize,
    /// How many changes there were before it.
    changes: u64,
    /// It is being read.
    open: bool,
    /// What takes its place unless the text comes and stays.
    instead: &'static [u8],
}

impl Waiting {
    fn new(from: usize) -> Self {
        Self { from, numbers: Vec::new(), copies: Vec::new() }
    }

    /// Puts this in the place of a stretch of what waits; where that ended in the output.
    fn splice(&mut self, place: Range<usize>, new: &[u8], bytes: &mut Vec<u8>) -> usize {
        let numbers = self.numbers.iter_mut().map(|(place, ..)| place);
        for other in numbers.chain(self.copies.iter_mut().map(|copy| &mut copy.place)) {
            for edge in [&mut other.start, &mut other.end].into_iter().filter(|edge| **edge >= place.end) {
                *edge = *edge - place.len() + new.len();
            }
        }
        let end = (self.from + place.end).min(bytes.len());
        bytes.splice((self.from + place.start).min(end)..end, new.iter().copied());
        end
    }
}

/// Follows a document.
pub(super) struct Guide {
    scopes: Arc<Scopes>,
    tables: Tables,
    direction: Direction,
    place: Place,
    /// Scope of the value that began last: 0, or one more than the index of its path.
    scope: usize,
    open: Vec<Open>,
    changes: u64,
    choice: Choice,
    cited: Cited,
    blocks: Option<Blocks>,
    /// The part of a message that is being read, of which something may be signed.
    part: Option<Signed>,
    /// What the file is called that may come next.
    told: Told,
    records: Option<Records>,
    /// Where tokens are opened.
    opening: Option<Opening>,
    dropping: Option<usize>,
    /// What is dropped is a list or an object, in which nothing has come: as it stands.
    empty: Option<&'static [u8]>,
    /// A transcript, and the piece of it that is read once more.
    transcript: Transcript,
    /// Token ids may stand in place of a text.
    token_ids_pass: bool,
    /// The byte of the output that the name of a member begins with, which may be changed with its value.
    member: Option<usize>,
    limit: usize,
}

impl Guide {
    /// `None` where every place is alike.
    pub(super) fn new(
        scopes: &Arc<Scopes>,
        tables: Tables,
        direction: Direction,
        limit: usize,
        batch: Option<Plan>,
    ) -> Option<Self> {
        let restore = scopes.restore.as_ref().filter(|_| direction == Direction::Response);
        if scopes.paths.is_empty() && tables.is_empty() && batch.is_none() && restore.is_none() {
            return None;
        }
        Some(Self {
            scopes: Arc::clone(scopes),
            tables,
            direction,
            place: Place::default(),
            scope: 0,
            open: Vec::new(),
            changes: 0,
            choice: Choice::default(),
            cited: Cited::default(),
            blocks: None,
            part: None,
            told: Told::default(),
            records: batch.map(Records::new),
            opening: restore.map(|restore| Opening::new(Arc::clone(restore))),
            dropping: None,
            empty: None,
            transcript: Transcript::default(),
            token_ids_pass: false,
            member: None,
            limit,
        })
    }

    /// Says whether token ids may stand in place of a text.
    pub(super) fn passes_token_ids(&mut self, may: bool) {
        self.token_ids_pass = may;
    }

    /// Whether the document is of a model's protocol.
    pub(super) fn reads_model(&self) -> bool {
        self.tables.is_model()
    }

    /// From which byte on the output may not leave until more is known.
    pub(super) fn hold(&self) -> Option<usize> {
        let block = self.blocks.as_ref().and_then(Blocks::hold);
        let record = self.records.as_ref().and_then(Records::hold);
        let waiting = self.cited.waiting.as_ref().map(|waiting| waiting.from);
        let part = self.part.as_ref().and_then(Signed::hold);
        waiting.or(block).or(record).or(part).or(self.transcript.hold()).or(self.member)
    }

    /// From which byte on the output will never leave.
    pub(super) fn dropping(&self) -> Option<usize> {
        self.dropping
    }

    /// Says that the held output, of this length, now begins at this byte.
    pub(super) fn held_at(&mut self, place: usize, len: usize) {
        if let (Some(from), Some(member)) = (self.hold(), self.member) {
            self.member = member.checked_sub(from).map(|behind| place + behind);
        }
        if let Some(dropping) = &mut self.dropping {
            *dropping = place + len;
        }
        if let Some(waiting) = &mut self.cited.waiting {
            waiting.from = place;
        } else if let Some(blocks) = &mut self.blocks {
            blocks.held_at(place);
        } else if let Some(records) = &mut self.records {
            records.held_at(place);
        } else if let Some(part) = self.part.as_mut().filter(|part| part.hold().is_some()) {
            part.held_at(place);
        } else {
            self.transcript.held_at(place);
        }
    }

    /// Whether tokens are opened in the string that began last.
    pub(super) fn opens(&self) -> Opens {
        self.opening.as_ref().map_or(Opens::No, Opening::opens)
    }

    /// How the texts ended that a reader may add the string to that began last.
    pub(super) fn before(&mut self) -> Ends {
        self.opening.as_mut().map(Opening::before).unwrap_or_default()
    }

    /// The string ended so, which began last.
    pub(super) fn ended(&mut self, ended: Ends) {
        let depth = self.place.depth();
        if let Some(opening) = &mut self.opening {
            opening.ended(depth, ended);
        }
    }

    /// The actions of the value that began last.
    pub(super) fn actions(&self) -> &Arc<ActionTable> {
        self.actions_of(self.scope)
    }

    /// The actions of the current object's keys.
    pub(super) fn key_actions(&self) -> &Arc<ActionTable> {
        self.actions_of(self.place.scope())
    }

    fn actions_of(&self, scope: usize) -> &Arc<ActionTable> {
        let path = scope.checked_sub(1).and_then(|index| self.scopes.paths.get(index));
        path.map_or(&self.scopes.actions, |(_, actions)| actions)
    }

    /// A finding changed something.
    pub(super) fn changed(&mut self) {
        self.changes += 1;
    }

    /// A key begins; the spot is before its quote.
    pub(super) fn key_begin(&mut self, spot: &mut Spot<'_, '_>) {
        self.place.key_begin();
        if self.tables.renames() {
            self.member = Some(spot.bytes().len());
        }
    }

    pub(super) fn key_part(&mut self, decoded: &[u8]) -> Result<(), BodyError> {
        bounded(self.place.key_part(decoded), self.limit)
    }

    pub(super) fn key_end(&mut self, spot: &mut Spot<'_, '_>) -> Result<(), BodyError> {
        let Some(key) = self.place.key() else { return Ok(()) };
        if let Some(records) = &mut self.records {
            records.key(key, self.place.depth())?;
        }
        if let Some(part) = &mut self.part {
            part.key(key, self.place.depth());
        }
        match &mut self.blocks {
            Some(blocks) => blocks.key(key, self.place.depth(), spot),
            None => Ok(()),
        }
    }

    /// Part of a string's text.
    pub(super) fn text_part(&mut self, decoded: &[u8]) {
        self.transcript.piece_came(decoded);
        self.told.text_part(decoded);
        if let Some(blocks) = &mut self.blocks {
            blocks.text(decoded);
        }
        if let Some(records) = &mut self.records {
            records.text(decoded);
        }
        if let Some(opening) = &mut self.opening {
            opening.text(decoded);
        }
    }

    /// Blanks; how many of them are to leave out.
    pub(super) fn space(&mut self, blanks: &[u8]) -> Result<usize, BodyError> {
        match &mut self.records {
            Some(records) => records.space(blanks, self.place.depth()),
            None => Ok(0),
        }
    }

    /// A chunk is over; `bytes` is the output.
    pub(super) fn came(&mut self, chunk: &[u8], bytes: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        // An offset that would keep too much waiting leaves as it is, a copy does not.
        let limit = self.limit;
        if self.cited.waiting.as_ref().is_some_and(|waiting| bytes.len().saturating_sub(waiting.from) > limit) {
            self.drop_copies(bytes);
            self.cited.waiting = None;
        }
        // A number is no longer than that.
        self.member.take_if(|member| bytes.len().saturating_sub(*member) > limit);
        let Some(records) = &mut self.records else { return Ok(()) };
        let len = bytes.len();
        let came = records.came(chunk, bytes, seen);
        self.member = self.member.map(|member| member.saturating_sub(len - bytes.len().min(len)));
        came
    }

    /// The body is over.
    pub(super) fn finish(&mut self, seen: &mut Inspection) -> Result<(), BodyError> {
        if self.cited.waiting.take().is_some_and(|waiting| !waiting.copies.is_empty()) {
            return Err(BodyErrorKind::Truncated.into());
        }
        match &self.records {
            Some(records) => records.finish(seen),
            None => Ok(()),
        }
    }

    pub(super) fn comma(&mut self, spot: &mut Spot<'_, '_>) {
        self.place.comma();
        if let Some(blocks) = &mut self.blocks {
            blocks.comma(self.place.depth(), spot);
        }
        if let Some(records) = &mut self.records {
            records.comma(self.place.depth(), spot);
        }
    }

    /// A value begins at this spot.
    pub(super) fn value_begin(
        &mut self,
        kind: Kind,
        spot: &mut Spot<'_, '_>,
        seen: &mut Inspection,
    ) -> Result<Treatment, BodyError> {
        self.scope = self.narrowed();
        // Of what is dropped something has come.
        self.empty = None;
        let member = self.member.take();
        if let Some(records) = &mut self.records {
            records.value_begin(kind, &self.place, spot, seen)?;
        }
        if let Some(opening) = &mut self.opening {
            opening.value_begin(kind, &self.place);
        }
        if self.tables.is_empty() {
            return Ok(Treatment::Usual);
        }
        let depth = self.place.depth();
        self.told.value_begin(self.place.key(), kind, depth);
        if let Some(blocks) = &mut self.blocks {
            blocks.value_begin(kind, depth, self.changes, spot)?;
        }
        match self.place.key() {
            Some(key) => match self.tables.special(key, || self.place.steps()) {
                Some(special) => {
                    self.member = member.filter(|_| matches!(special, Special::Renamed(_)));
                    Ok(self.special(special, kind, spot))
                }
                None => Ok(Treatment::Usual),
            },
            None => match self.element(kind) {
                Treatment::TokenId if !self.token_ids_pass && !self.always_passes() => {
                    Err(BodyErrorKind::TokenIds.into())
                }
                treatment => Ok(treatment),
            },
        }
    }

    /// Whether the token ids at hand are the provider's own.
    fn always_passes(&self) -> bool {
        matches!(self.open.last(), Some(Open { what: What::TokenIds { always: true }, .. }))
    }

    fn element(&mut self, kind: Kind) -> Treatment {
        let inside = self.open.last().filter(|open| open.depth + 1 == self.place.depth());
        match inside.map(|open| open.what) {
            Some(What::Vector) => match kind {
                Kind::Array => {
                    self.begin(What::Vector);
                    Treatment::Usual
                }
                Kind::String => Treatment::Read(Reading::Exempt(Form::Either, Reason::Media, None)),
                _ => Treatment::Vector,
            },
            Some(What::Numbers) => typed(kind),
            Some(what @ What::TokenIds { .. }) => match kind {
                Kind::Array => {
                    self.begin(what);
                    Treatment::Usual
                }
                Kind::Number => Treatment::TokenId,
                _ => Treatment::Usual,
            },
            Some(What::Parts) => {
                self.part = Some(Signed::new(self.place.depth(), self.changes));
                Treatment::Usual
            }
            Some(What::Choices) => {
                self.choice = Choice::default();
                self.cited.forget();
                Treatment::Usual
            }
            _ => Treatment::Usual,
        }
    }

    fn special(&mut self, special: Special, kind: Kind, spot: &mut Spot<'_, '_>) -> Treatment {
        let array = kind == Kind::Array;
        match special {
            Special::Arguments => return Treatment::Read(Reading::Json),
            Special::Prose => return Treatment::Read(Reading::Plain),
            Special::Exempt(form, reason) => {
                let told = self.told.charset(self.place.depth()).filter(|_| reason == Reason::Media);
                return Treatment::Read(Reading::Exempt(form, reason, told));
            }
            Special::Vector if kind == Kind::String => {
                return Treatment::Read(Reading::Exempt(Form::Base64, Reason::Media, None));
            }
            Special::Vector if array => self.begin(What::Vector),
            Special::Brief(brief) if kind == Kind::String => return Treatment::Read(Reading::Brief(brief)),
            Special::Numbers if array => self.begin(What::Numbers),
            Special::Numbers => return typed(kind),
            Special::Renamed(name) if matches!(kind, Kind::Number | Kind::String) => {
                self.begin(What::Renamed { name, changes: self.changes });
            }
            Special::Choices if array => self.begin(What::Choices),
            Special::Parts if array => self.begin(What::Parts),
            Special::Signed if kind == Kind::String => return self.signed(spot),
            Special::Blocks if array && self.blocks.is_none() => {
                self.drop_copies(spot.bytes());
                self.cited.forget();
                self.begin(What::Blocks);
            }
            Special::Choices | Special::Spoken if kind == Kind::String || matches!(special, Special::Spoken) => {
                self.begin(What::Spoken { changes: self.changes });
                self.begin_cited(kind);
            }
            Special::Cited => self.begin_cited(kind),
            Special::TokenIds { always } if array => self.begin(What::TokenIds { always }),
            Special::Transcript if kind == Kind::String => {
                self.drop_copies(spot.bytes());
                self.transcript.begin(self.limit);
                self.begin(What::Spoken { changes: self.changes });
                self.begin(What::Transcript);
            }
            Special::Spelled(pieces) if kind == Kind::String && self.transcript.begin_piece(pieces, spot) => {
                self.begin(What::Spelled);
            }
            Special::Offset(counts) if kind == Kind::Number => return Treatment::Offset(counts),
            Special::Spelling if array && !self.choice.spoken => self.begin(What::TokenIds { always: false }),
            Special::Hidden if kind != Kind::Null => self.drop_value(b"null", kind, spot),
            Special::Copied | Special::CopiedIds | Special::Spelling
                if kind != Kind::Null && (self.choice.changed || !self.choice.spoken) =>
            {
                let ids = matches!(special, Special::CopiedIds | Special::Spelling);
                let instead: &[u8] = if ids { b"[]" } else { b"null" };
                if matches!(special, Special::Spelling) || self.choice.changed || !self.wait(instead, spot) {
                    self.drop_value(instead, kind, spot);
                }
            }
            Special::Renamed(_) => self.member = None,
            Special::Vector
            | Special::Brief(_)
            | Special::Choices
            | Special::Blocks
            | Special::Copied
            | Special::CopiedIds
            | Special::Spelling
            | Special::Hidden
            | Special::Parts
            | Special::Signed
            | Special::Spoken
            | Special::Offset(_)
            | Special::TokenIds { .. }
            | Special::Transcript
            | Special::Spelled(_) => {}
        }
        Treatment::Usual
    }

    /// Lets the copy that begins wait for its text, where that can be.
    fn wait(&mut self, instead: &'static [u8], spot: &mut Spot<'_, '_>) -> bool {
        // What else is held has places of its own in the output.
        let held = self.part.as_ref().is_some_and(|part| part.hold().is_some()) || self.transcript.hold().is_some();
        if held || self.blocks.is_some() || self.records.is_some() || self.dropping.is_some() {
            return false;
        }
        let here = spot.bytes().len();
        let (depth, changes) = (self.place.depth(), self.changes);
        let waiting = self.cited.waiting.get_or_insert_with(|| Waiting::new(here));
        let at = here - waiting.from;
        waiting.copies.push(WaitingCopy { place: at..at, depth, changes, open: true, instead });
        self.begin(What::Copied);
        true
    }

    /// Drops the copies that wait inside of this depth, but for those whose text came and stayed.
    fn settle_copies(&mut self, depth: usize, bytes: &mut Vec<u8>) {
        while let Some(waiting) = &mut self.cited.waiting
            && let Some(copy) = waiting.copies.pop_if(|copy| copy.depth > depth)
        {
            let stays = self.choice.spoken && copy.changes == self.changes;
            if !stays {
                self.drop_copy(copy, bytes);
            }
        }
        self.cited.waiting.take_if(|waiting| waiting.copies.is_empty() && waiting.numbers.is_empty());
    }

    /// Drops all copies that wait, and the one that is being read.
    fn drop_copies(&mut self, bytes: &mut Vec<u8>) {
        while let Some(copy) = self.cited.waiting.as_mut().and_then(|waiting| waiting.copies.pop()) {
            self.drop_copy(copy, bytes);
        }
        self.cited.waiting.take_if(|waiting| waiting.numbers.is_empty());
    }

    fn drop_copy(&mut self, copy: WaitingCopy, bytes: &mut Vec<u8>) {
        let Some(waiting) = &mut self.cited.waiting else { return };
        if copy.open {
            let from = waiting.from + copy.place.start;
            bytes.truncate(from);
            self.dropping = Some(from);
            let open = self.open.iter_mut().rev().find(|open| matches!(open.what, What::Copied));
            open.into_iter().for_each(|open| open.what = What::Dropped(copy.instead));
            return;
        }
        let (taken, given) = (copy.place.len(), copy.instead.len());
        let end = waiting.splice(copy.place, copy.instead, bytes);
        for place in [&mut self.member, &mut self.dropping].into_iter().flatten().filter(|place| **place >= end) {
            *place = *place - taken + given;
        }
    }

    /// Leaves out the value that begins, and puts this in its place. A list or an object that has nothing in it stays.
    fn drop_value(&mut self, instead: &'static [u8], kind: Kind, spot: &mut Spot<'_, '_>) {
        // What is left out already goes with what is around it.
        if self.dropping.is_none() {
            self.dropping = Some(spot.bytes().len());
            self.empty = match kind {
                Kind::Array => Some(b"[]"),
                Kind::Object => Some(b"{}"),
                _ => None,
            };
            self.begin(What::Dropped(instead));
        }
    }

    /// What signs a part begins. Behind what it signs it is known whether it may stay; before that it waits, where that can be.
    fn signed(&mut self, spot: &mut Spot<'_, '_>) -> Treatment {
        let others = self.cited.waiting.is_some() || self.blocks.is_some() || self.transcript.hold().is_some();
        match self.part.as_mut().filter(|part| part.is_around(self.place.depth())) {
            Some(part) if part.has_changed(self.changes) => {
                let instead = part.instead();
                self.drop_value(instead, Kind::String, spot);
            }
            Some(part) if !part.has_said() => {
                if others || self.records.is_some() || self.dropping.is_some() {
                    let instead = part.instead();
                    self.drop_value(instead, Kind::String, spot);
                } else {
                    part.wait(spot);
                    self.begin(What::Signature);
                }
            }
            _ => {}
        }
        Treatment::Read(Reading::Exempt(Form::Base64, Reason::Signature, None))
    }

    /// A text begins that offsets may count in.
    fn begin_cited(&mut self, kind: Kind) {
        if kind == Kind::String {
            self.cited.shifts.restart();
            self.cited.open = true;
            self.begin(What::Cited);
        }
    }

    /// Where what this number counts is now; `None` where that is not known yet. Its literal, of this length, then
    /// comes next, at this byte of the output.
    pub(super) fn offset(&mut self, number: u64, counts: Counts, len: usize, here: usize) -> Option<u64> {
        if self.cited.whole {
            return Some(self.cited.shifts.moved(number, counts));
        }
        // What else is held has places of its own in the output.
        let held = self.part.as_ref().is_some_and(|part| part.hold().is_some());
        if self.blocks.is_none() && self.records.is_none() && self.dropping.is_none() && !held {
            let waiting = self.cited.waiting.get_or_insert_with(|| Waiting::new(here));
            let at = here - waiting.from;
            waiting.numbers.push((at..at + len, number, counts));
        }
        None
    }

    /// Part of a text as it came.
    pub(super) fn cited(&mut self, text: &[u8]) {
        if self.cited.open {
            self.cited.shifts.came(text);
        }
        self.transcript.came(text);
    }

    /// What was decided of it.
    pub(super) fn decided(&mut self, text: &TextOut) {
        if self.cited.open {
            self.cited.shifts.decided(text, 0);
        }
        self.transcript.decided(text);
    }

    fn begin(&mut self, what: What) {
        self.open.push(Open { depth: self.place.depth(), what });
    }

    /// An object or array was opened; the spot is behind its bracket.
    pub(super) fn open(&mut self, container: Container, spot: &mut Spot<'_, '_>) {
        let depth = self.place.depth();
        let begins = self.open.last().filter(|open| open.depth == depth);
        if matches!(begins.map(|open| open.what), Some(What::Blocks)) && self.blocks.is_none() {
            self.blocks = Some(Blocks::new(self.direction, depth + 1, self.limit, spot));
        }
        self.place.open(container == Container::Array, self.scope);
    }

    /// An object or array ends; the spot is before its bracket.
    pub(super) fn close(&mut self, spot: &mut Spot<'_, '_>) {
        self.told.forget(self.place.depth());
        if let Some(blocks) = &mut self.blocks {
            blocks.close(self.place.depth(), spot);
        }
        if let Some(records) = &mut self.records {
            records.close(self.place.depth());
        }
        if let Some(opening) = &mut self.opening {
            opening.close(self.place.depth());
        }
        self.place.close();
    }

    /// A value ended; the spot is behind it.
    pub(super) fn value_end(&mut self, spot: &mut Spot<'_, '_>, seen: &mut Inspection) -> Result<(), BodyError> {
        let depth = self.place.depth();
        self.told.value_end();
        if let Some(records) = &mut self.records {
            records.value_end(depth, spot, seen)?;
        }
        if let Some(opening) = &mut self.opening {
            opening.value_end(depth)?;
        }
        if let Some(blocks) = &mut self.blocks {
            blocks.value_end(depth, self.changes, spot)?;
        }
        while let Some(open) = self.open.pop_if(|open| open.depth == depth) {
            match open.what {
                What::Vector | What::Numbers | What::Choices | What::Parts | What::TokenIds { .. } => {}
                What::Renamed { name, changes } => {
                    if let Some(at) = self.member.take().filter(|_| changes != self.changes) {
                        rename(spot.bytes(), at, name);
                    }
                }
                What::Signature => {
                    if let Some(part) = &mut self.part {
                        part.signed(spot);
                    }
                }
                What::Transcript => self.transcript.end(),
                What::Spelled => self.transcript.end_piece(spot),
                What::Blocks => self.blocks = None,
                What::Spoken { changes } => {
                    self.choice.spoken = true;
                    self.choice.changed |= changes != self.changes;
                }
                What::Cited => self.cited.close(spot),
                What::Dropped(instead) => {
                    if let Some(from) = self.dropping.take() {
                        spot.bytes().truncate(from);
                        spot.bytes().extend_from_slice(self.empty.take().unwrap_or(instead));
                    }
                }
                What::Copied => {
                    let (waiting, end) = (self.cited.waiting.as_mut(), spot.bytes().len());
                    if let Some((from, copy)) =
                        waiting.and_then(|waiting| Some((waiting.from, waiting.copies.last_mut()?)))
                    {
                        copy.open = false;
                        copy.place.end = end - from;
                    }
                }
            }
        }
        self.settle_copies(depth, spot.bytes());
        if let Some(mut part) = self.part.take_if(|part| part.is_at(depth)) {
            part.end(self.changes, spot);
        }
        if depth == 0 {
            self.transcript.forget();
            self.cited.forget();
        }
        Ok(())
    }

    /// The scope of the value at the current place: its own, or that of the object or array around it.
    fn narrowed(&self) -> usize {
        let around = self.place.scope();
        let better = if around == 0 { self.scopes.paths.len() } else { around - 1 };
        let own = self.scopes.paths.iter().take(better).position(|(path, _)| path.walk(self.place.steps()).covers);
        own.map_or(around, |index| index + 1)
    }
}

impl Cited {
    /// Another choice or document begins: nothing counts in this one's text.
    fn forget(&mut self) {
        // A copy waits for what is around it to end.
        if let Some(waiting) = &mut self.waiting {
            waiting.numbers.clear();
        }
        self.waiting.take_if(|waiting| waiting.copies.is_empty());
        self.open = false;
        self.whole = false;
    }

    /// The text is over; the spot is behind it.
    fn close(&mut self, spot: &mut Spot<'_, '_>) {
        self.open = false;
        self.whole = true;
        let Some(waiting) = &mut self.waiting else { return };
        while let Some((place, number, counts)) = waiting.numbers.pop() {
            let moved = self.shifts.moved(number, counts);
            if moved != number {
                waiting.splice(place, moved.to_string().as_bytes(), spot.bytes());
            }
        }
        self.waiting.take_if(|waiting| waiting.copies.is_empty());
    }
}

/// How a value is treated that its reader will have as a number.
fn typed(kind: Kind) -> Treatment {
    match kind {
        Kind::Number => Treatment::Typed,
        Kind::String => Treatment::Read(Reading::Brief(Brief::Number)),
        _ => Treatment::Usual,
    }
}

/// Writes another name over the one whose literal begins at this byte.
fn rename(bytes: &mut Vec<u8>, at: usize, name: &str) {
    let literal = bytes.get(at..).unwrap_or_default();
    let mut escaped = false;
    let quotes = literal.iter().enumerate().skip(1).find(|(_, byte)| {
        let ends = **byte == b'"' && !escaped;
        escaped = **byte == b'\\' && !escaped;
        ends
    });
    if let (Some(b'"'), Some((len, _))) = (literal.first(), quotes) {
        bytes.splice(at + 1..at + len, name.bytes());
    }
}

/// Refuses more than may be held.
pub(super) fn bounded(held: usize, limit: usize) -> Result<(), BodyError> {
    if held > limit { Err(BodyErrorKind::TooLarge.into()) } else { Ok(()) }
}

impl fmt::Debug for Guide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Guide(depth {})", self.place.depth())
    }
}
