//! Records of a batch in JSON, each with a verdict of its own.
//!
//! Enters: the turns of the walk. Leaves: the batch without the records in which a rule that blocks has matched: an element
//! with one comma, a text of a sequence with the end of its line, an action of `_bulk` with its source. A record is held
//! until its last byte, at most [`BodyLimits::record`](crate::body::BodyLimits::record) bytes of it as it came; a record
//! within a record makes the outer one none. What blocks outside of all records refuses the body.

use super::index::Kind;
use super::path::Place;
use super::walker::Spot;
use crate::body::batch::{Action, Plan};
use crate::body::{BodyError, BodyErrorKind, Inspection};

/// Actions after which a name stands as it was, or is another one that is its alone.
const STANDS: [&str; 4] = ["observe", "approved", "hash", "tokenize"];

/// How many times longer than a record may be what takes its place while it is held.
const GROWTH: usize = 16;

/// The records of one body.
pub(super) struct Records {
    plan: Plan,
    /// Bytes of the body before the chunk at hand.
    before: u64,
    /// From this byte on the output waits.
    hold: Option<usize>,
    /// The byte of the body that what waits begins with.
    since: u64,
    /// What waits, as it came in earlier chunks, where what is dropped is handed over.
    raw: Vec<u8>,
    /// Whether what waits begins with a comma.
    comma: bool,
    /// How many objects and arrays are open around the record at hand.
    record: Option<usize>,
    /// The arrays of records that are open.
    arrays: Vec<Array>,
    /// A text of the sequence is gone, and its line has not ended.
    after: bool,
    bulk: Option<Bulk>,
    named: Option<Named>,
}

/// What a record is called by, for sinks whose answers say it.
struct Named {
    member: &'static [u8],
    listening: bool,
    action: Action,
    /// Findings before the name.
    found: u64,
}

/// An array of records.
struct Array {
    /// Objects and arrays open around its elements.
    depth: usize,
    kept: bool,
    removed: bool,
}

/// What `_bulk` needs to know.
struct Bulk {
    /// The next text is the source of the action.
    source: bool,
    /// Line ends since the last text.
    lines: usize,
    /// Some text has come.
    begun: bool,
    action: Action,
    /// The member of the action whose text is read.
    member: Member,
    /// Findings before the action, by rule and what is done with them.
    found: Vec<(usize, &'static str, u64)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Member {
    Index,
    Id,
    Other,
}

impl Records {
    pub(super) fn new(plan: Plan) -> Self {
        let bulk = plan.sink.is_bulk().then(|| Bulk {
            source: false,
            lines: 0,
            begun: false,
            action: Action::default(),
            member: Member::Other,
            found: Vec::new(),
        });
        let named =
            plan.sink.names_by().map(|member| Named { member, listening: false, action: Action::default(), found: 0 });
        Self {
            plan,
            before: 0,
            hold: None,
            since: 0,
            raw: Vec::new(),
            comma: false,
            record: None,
            arrays: Vec::new(),
            after: false,
            bulk,
            named,
        }
    }

    pub(super) fn hold(&self) -> Option<usize> {
        self.hold
    }

    pub(super) fn held_at(&mut self, place: usize) {
        self.hold = self.hold.map(|_| place);
    }

    /// How many of these blanks are gone with the record before them.
    pub(super) fn space(&mut self, blanks: &[u8], depth: usize) -> Result<usize, BodyError> {
        if let Some(bulk) = &mut self.bulk {
            let lines = memchr::memchr_iter(b'\n', blanks).count();
            if depth > 0 && lines > 0 {
                // The sink reads line by line, whatever is open in one.
                return Err(BodyErrorKind::JsonSyntax.into());
            }
            bulk.lines = bulk.lines.saturating_add(lines);
        }
        if !self.after || depth > 0 {
            return Ok(0);
        }
        Ok(match memchr::memchr(b'\n', blanks) {
            Some(end) => {
                self.after = false;
                end + 1
            }
            None => blanks.len(),
        })
    }

    pub(super) fn comma(&mut self, depth: usize, spot: &mut Spot<'_, '_>) {
        if self.record.is_none() && self.arrays.last().is_some_and(|array| array.depth == depth) {
            self.since = self.before + spot.at() as u64;
            self.hold = Some(spot.bytes().len());
            self.comma = true;
        }
    }

    pub(super) fn value_begin(
        &mut self,
        kind: Kind,
        place: &Place,
        spot: &mut Spot<'_, '_>,
        seen: &mut Inspection,
    ) -> Result<(), BodyError> {
        let depth = place.depth();
        if let Some(bulk) = &mut self.bulk {
            bulk.value_begin(kind, depth)?;
            if depth == 0 && !bulk.source {
                bulk.found.clone_from(&seen.findings);
            }
        }
        if let Some(named) = &mut self.named {
            named.listening &= kind == Kind::String && self.record.is_some_and(|record| depth == record + 1);
            named.found = seen.found();
        }
        if self.bulk.as_ref().is_some_and(|bulk| depth == 0 && bulk.source) && self.hold.is_none() {
            // Its action has left, and no rule blocks.
            return Ok(());
        }
        // A record is a whole text or an element, never a member.
        let may_be = place.key().is_none() && self.record != Some(depth);
        if !may_be || !self.plan.sink.is_record(depth, || place.steps()) {
            return Ok(());
        }
        // Before the outer one's bytes go: what it holds that blocks is common to those within it, and refuses them all.
        seen.outside_of_records()?;
        if self.record.is_some() {
            self.keep(spot.bytes());
        }
        if self.hold.is_none() {
            self.since = self.before + spot.at() as u64;
            self.hold = Some(spot.bytes().len());
        }
        if depth > 0 && self.arrays.last().is_none_or(|array| array.depth != depth) {
            self.arrays.push(Array { depth, kept: false, removed: false });
        }
        self.after = false;
        self.record = Some(depth);
        if let Some(named) = &mut self.named {
            named.action = Action::default();
        }
        Ok(())
    }

    pub(super) fn value_end(
        &mut self,
        depth: usize,
        spot: &mut Spot<'_, '_>,
        seen: &mut Inspection,
    ) -> Result<(), BodyError> {
        if let Some(named) = self.named.as_mut().filter(|named| named.listening) {
            named.listening = false;
            if named.found != seen.found() {
                // What is found in a name is not repeated in the answer.
                named.action.forget_id();
            }
        }
        if let Some(bulk) = self.bulk.as_mut().filter(|bulk| depth == 0 && bulk.source)
            && self.record.is_none()
        {
            bulk.source = false;
            return seen.outside_of_records();
        }
        if self.record.is_none() {
            return seen.outside_of_records();
        }
        if self.record != Some(depth) {
            return Ok(());
        }
        self.fits(self.before + spot.at() as u64, spot.bytes(), seen)?;
        if self.record.is_none() {
            return Ok(());
        }
        if let Some(bulk) = &mut self.bulk {
            if !bulk.source && (seen.doomed.is_some() || seen.findings != bulk.found) {
                // What is found in a name is not repeated in the answer.
                bulk.action.forget_index();
                bulk.action.forget_id();
                // Another name would be another document's, and two of them might be one.
                seen.doomed = seen.doomed.or(bulk.renamed_by(&seen.findings));
            }
            let over = bulk.is_over()?;
            if !over && (self.plan.blocks || seen.doomed.is_some()) {
                return Ok(());
            }
            if !over {
                self.keep(spot.bytes());
                seen.records.keep();
                return Ok(());
            }
        }
        let Some(rule) = seen.doomed.take() else {
            self.keep(spot.bytes());
            seen.records.keep();
            return Ok(());
        };
        if let (Some(hold), bytes) = (self.hold.take(), spot.bytes()) {
            bytes.truncate(hold);
        }
        self.record = None;
        self.comma = false;
        self.after = depth == 0;
        if let Some(array) = self.arrays.last_mut().filter(|array| array.depth == depth) {
            array.removed = true;
        }
        if self.plan.keeps {
            let now = spot.since(usize::try_from(self.since.saturating_sub(self.before)).unwrap_or(usize::MAX));
            let before = if self.since < self.before { self.raw.as_slice() } else { &[] };
            seen.records.letter(rule, &self.plan, &[before, now]);
            if let Some(letter) = seen.records.letters.last_mut() {
                // The comma before an element waits with it.
                let blanks = |byte: &&u8| **byte == b',' || byte.is_ascii_whitespace();
                let lead = letter.content.iter().take_while(blanks).count();
                letter.content.drain(..lead);
            }
        }
        let action = self.bulk.as_mut().map(|bulk| &mut bulk.action);
        let action = action.or(self.named.as_mut().map(|named| &mut named.action)).map(std::mem::take);
        seen.records.drop(rule, action, &self.plan)
    }

    /// Lets what waits go.
    fn keep(&mut self, bytes: &mut Vec<u8>) {
        let depth = self.record.take();
        let Some(hold) = self.hold.take() else { return };
        let Some(array) = self.arrays.last_mut().filter(|array| Some(array.depth) == depth) else { return };
        if std::mem::take(&mut self.comma) && !array.kept && array.removed && hold < bytes.len() {
            bytes.remove(hold);
        }
        array.kept = true;
    }

    /// Refuses a record that is longer than may wait. Where faults pass it goes on as it comes, and is no record then.
    fn fits(&mut self, here: u64, bytes: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        let Some(hold) = self.hold else { return Ok(()) };
        if bytes.len().saturating_sub(hold) > self.plan.record.saturating_mul(GROWTH) {
            return Err(BodyErrorKind::TooLarge.into());
        }
        if here - self.since <= self.plan.record as u64 {
            return Ok(());
        }
        if !self.plan.lenient || self.record.is_none() || self.bulk.is_some() {
            return Err(BodyErrorKind::TooLarge.into());
        }
        seen.outside_of_records()?;
        self.keep(bytes);
        seen.records.keep();
        Ok(())
    }

    /// The chunk is over; `bytes` is the output.
    pub(super) fn came(&mut self, chunk: &[u8], bytes: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        if self.plan.keeps {
            if self.hold.is_none() || self.since >= self.before {
                self.raw.clear();
            }
            if self.hold.is_some() {
                let from = usize::try_from(self.since.saturating_sub(self.before)).unwrap_or(usize::MAX);
                self.raw.extend_from_slice(chunk.get(from..).unwrap_or_default());
            }
        }
        self.before += chunk.len() as u64;
        if self.hold.is_some() {
            self.fits(self.before, bytes, seen)?;
        }
        if self.record.is_none() { seen.outside_of_records() } else { Ok(()) }
    }

    /// The body is over.
    pub(super) fn finish(&self, seen: &mut Inspection) -> Result<(), BodyError> {
        match &self.bulk {
            Some(bulk) if bulk.source => Err(BodyErrorKind::Truncated.into()),
            Some(_) | None => seen.outside_of_records(),
        }
    }

    /// An array or object ends whose elements or members have so many around them.
    pub(super) fn close(&mut self, depth: usize) {
        self.arrays.pop_if(|array| array.depth == depth);
    }

    pub(super) fn key(&mut self, key: &[u8], depth: usize) -> Result<(), BodyError> {
        if let (Some(named), Some(record)) = (&mut self.named, self.record) {
            named.listening = depth == record + 1 && key == named.member;
            if named.listening {
                named.action.forget_id();
            }
        }
        match &mut self.bulk {
            Some(bulk) => bulk.key(key, depth),
            None => Ok(()),
        }
    }

    pub(super) fn text(&mut self, decoded: &[u8]) {
        if let Some(named) = self.named.as_mut().filter(|named| named.listening) {
            named.action.has_id(decoded);
        }
        if let Some(bulk) = &mut self.bulk {
            match bulk.member {
                Member::Index => bulk.action.in_index(decoded),
                Member::Id => bulk.action.has_id(decoded),
                Member::Other => {}
            }
        }
    }
}

impl Bulk {
    fn value_begin(&mut self, kind: Kind, depth: usize) -> Result<(), BodyError> {
        if depth == 0 {
            // As the sink counts them: a line for each, and the source right behind its action.
            let fits = match (self.begun, self.source) {
                (false, _) => kind == Kind::Object,
                (true, true) => self.lines == 1,
                (true, false) => kind == Kind::Object && self.lines > 0,
            };
            self.begun = true;
            self.lines = 0;
            self.member = Member::Other;
            if !self.source {
                self.action = Action::default();
            }
            return if fits { Ok(()) } else { Err(BodyErrorKind::JsonSyntax.into()) };
        }
        if self.member != Member::Other && (depth != 2 || kind != Kind::String) {
            self.member = Member::Other;
        }
        Ok(())
    }

    fn key(&mut self, key: &[u8], depth: usize) -> Result<(), BodyError> {
        self.member = Member::Other;
        match depth {
            1 if !self.source && (self.action.is_named() || !self.action.name(key)) => {
                return Err(BodyErrorKind::JsonSyntax.into());
            }
            2 if !self.source => {
                self.member = match key {
                    b"_index" => Member::Index,
                    b"_id" => Member::Id,
                    _ => Member::Other,
                };
                match self.member {
                    Member::Index => self.action.forget_index(),
                    Member::Id => self.action.forget_id(),
                    Member::Other => {}
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The rule by which an action's line would be another. What gets the same name wherever it stands, and no other value
    /// does, may be called so.
    fn renamed_by(&self, findings: &[(usize, &'static str, u64)]) -> Option<usize> {
        let is_new = |finding: &&(usize, &'static str, u64)| !self.found.contains(finding);
        let renames = |(_, action, _): &&(usize, &'static str, u64)| !STANDS.contains(action);
        findings.iter().filter(is_new).find(renames).map(|(rule, ..)| *rule)
    }

    /// Whether the record is over with this text.
    fn is_over(&mut self) -> Result<bool, BodyError> {
        if self.source {
            self.source = false;
            return Ok(true);
        }
        if !self.action.is_named() {
            return Err(BodyErrorKind::JsonSyntax.into());
        }
        self.source = self.action.has_source();
        Ok(!self.source)
    }
}
