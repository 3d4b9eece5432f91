//! Walks JSON text, copies it, and redacts strings, keys and numbers on the way.
//!
//! Enters: JSON text in any chunking. Leaves: the same text; where a finding changed a string or a key, that stretch of
//! its literal is other, and where it changed a number, a string stands in the number's place. Everything else is
//! copied from the input in runs as long as possible. Kept: the hold-back of one text, one number, one key.

mod numbers;
mod repeats;

use std::sync::Arc;

use self::repeats::Repeats;
use super::guide::{Guide, Treatment};
use super::index::Kind;
use super::labels::Labels;
use super::lexer::{Escape, Fault, Framing, Lexer, Token};
use super::literal;
use super::out::TextOut;
use super::raw::RawMap;
use super::shifts::Counts;
use super::text::{LogicalText, Reading, Shared};
use crate::body::restore::Opens;
use crate::body::{BodyError, BodyErrorKind, Inspection};
use crate::engine::ActionTable;

/// Decoded text is gathered up to this many bytes before it is scanned, and longer runs are scanned where they stand.
const GATHERED: usize = 2 << 10;
const LONG_RUN: usize = 1 << 10;

/// Why a walk stops.
pub(super) enum Stop {
    /// The text is not JSON, or beyond the bounds of what is read as JSON.
    Grammar(BodyErrorKind),
    /// The text may not pass.
    Refused(BodyError),
}

impl From<Stop> for BodyError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Grammar(kind) => kind.into(),
            Stop::Refused(error) => error,
        }
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Grammar(match fault {
            Fault::Syntax => BodyErrorKind::JsonSyntax,
            Fault::Depth => BodyErrorKind::JsonDepth,
        })
    }
}

impl From<BodyError> for Stop {
    fn from(error: BodyError) -> Self {
        Self::Refused(error)
    }
}

/// What is known of the string that the lexer is in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    /// None.
    Nothing,
    /// Behind the opening quote.
    Fresh,
    /// Some of its text has been taken out of the run that is copied.
    Begun,
    /// Its whole text has been judged.
    Judged,
}

/// The walk.
pub(super) struct Walker {
    lexer: Lexer,
    shared: Shared,
    text: LogicalText,
    map: RawMap,
    inside: Inside,
    /// Decoded text that has not been scanned yet.
    gathered: Vec<u8>,
    in_number: bool,
    /// What earlier chunks held of the number that is not over yet.
    number: Vec<u8>,
    /// Whether the number stands in a vector that is exempt.
    vector: bool,
    /// It is one that its reader will have as a number.
    typed: bool,
    /// It is a token's, in place of a text.
    is_token_id: bool,
    /// What the number counts in a text.
    counts: Option<Counts>,
    digits: Vec<u8>,
    digit_text: TextOut,
    key_len: usize,
    redacted: TextOut,
    literal: Vec<u8>,
    guide: Option<Box<Guide>>,
    labels: Labels,
    /// Whether tokens are opened in strings, where no guide says so.
    opening: Opens,
    /// The shapes of records, where every place is alike and each value is judged by itself.
    repeats: Option<Box<Repeats>>,
}

/// The chunk being walked, and the run of it that is copied as it stands.
pub(super) struct Chunk<'a> {
    input: &'a [u8],
    /// Begin of the run.
    from: usize,
    /// End of the run: the next byte to read.
    at: usize,
    /// Where the number begins that is not over yet.
    number: usize,
}

impl<'a> Chunk<'a> {
    fn new(input: &'a [u8]) -> Self {
        Self { input, from: 0, at: 0, number: 0 }
    }

    fn rest(&self) -> &'a [u8] {
        self.input.get(self.at..).unwrap_or_default()
    }

    fn next(&self, len: usize) -> &'a [u8] {
        self.input.get(self.at..self.at + len).unwrap_or_default()
    }

    /// Copies the run up to `end`, so that what follows it can be other.
    fn copy(&mut self, end: usize, out: &mut TextOut) {
        out.keep(self.input.get(self.from..end).unwrap_or_default());
        self.from = end;
    }

    /// Passes over bytes that something else stands for.
    fn skip(&mut self, len: usize) {
        self.at += len;
        self.from = self.at;
    }
}

/// The output at the place of the next byte to read.
pub(super) struct Spot<'s, 'a> {
    chunk: &'s mut Chunk<'a>,
    out: &'s mut TextOut,
}

impl<'s, 'a> Spot<'s, 'a> {
    fn new(chunk: &'s mut Chunk<'a>, out: &'s mut TextOut) -> Self {
        Self { chunk, out }
    }

    /// The place in the chunk.
    pub(super) fn at(&self) -> usize {
        self.chunk.at
    }

    /// The chunk from a place up to here.
    pub(super) fn since(&self, from: usize) -> &'a [u8] {
        self.chunk.input.get(from..self.chunk.at).unwrap_or_default()
    }

    /// Everything up to here, in the output.
    pub(super) fn bytes(&mut self) -> &mut Vec<u8> {
        self.chunk.copy(self.chunk.at, self.out);
        &mut self.out.bytes
    }
}

impl Walker {
    pub(super) fn new(shared: Shared, actions: &Arc<ActionTable>, framing: Framing, nesting: u8) -> Self {
        let repeats = framing == Framing::Sequence && actions.judges_alone();
        Self {
            lexer: Lexer::new(framing, shared.depth),
            text: LogicalText::new(shared.clone(), actions, Reading::Plain, nesting),
            shared,
            map: RawMap::default(),
            inside: Inside::Nothing,
            gathered: Vec::new(),
            in_number: false,
            number: Vec::new(),
            vector: false,
            typed: false,
            is_token_id: false,
            counts: None,
            digits: Vec::new(),
            digit_text: TextOut::default(),
            key_len: 0,
            redacted: TextOut::default(),
            literal: Vec::new(),
            guide: None,
            labels: Labels::default(),
            opening: Opens::No,
            repeats: repeats.then(Box::default),
        }
    }

    /// Says whether tokens are opened in strings, where no guide says so.
    pub(super) fn open_tokens(&mut self, opening: Opens) {
        self.opening = opening;
    }

    /// A walk through Kafka's records in base64.
    pub(super) fn with_kafka_keys(mut self) -> Self {
        self.labels.with_kafka_keys();
        self
    }

    /// A walk that asks at every value what holds there.
    pub(super) fn guided(mut self, guide: Guide) -> Self {
        if guide.reads_model() {
            self.labels.of_model();
        }
        self.guide = Some(Box::new(guide));
        self.repeats = None;
        self
    }

    pub(super) fn guide(&mut self) -> Option<&mut Guide> {
        self.guide.as_deref_mut()
    }

    /// Begins a new text under these actions that is called so.
    pub(super) fn restart(&mut self, actions: &Arc<ActionTable>, label: &[u8]) {
        self.lexer.restart();
        self.labels.restart(label);
        self.text.restart(actions, Reading::Plain);
        self.map.restart();
        self.inside = Inside::Nothing;
        self.gathered.clear();
        self.in_number = false;
        self.number.clear();
    }

    /// Bytes held back now.
    pub(super) fn held(&self) -> usize {
        self.lexer.pending() + self.number.len() + self.text.held()
    }

    /// Takes the next bytes of the text and appends to `out` what is decided.
    pub(super) fn push(&mut self, input: &[u8], out: &mut TextOut, seen: &mut Inspection) -> Result<(), Stop> {
        let mut chunk = Chunk::new(input);
        if let Some(repeats) = &mut self.repeats {
            repeats.begun = None;
        }
        let walked = self.walk(&mut chunk, out, seen);
        if self.in_number {
            chunk.copy(chunk.number, out);
            self.number.extend_from_slice(chunk.input.get(chunk.number..chunk.at).unwrap_or_default());
        } else if matches!(self.inside, Inside::Nothing | Inside::Fresh) {
            chunk.copy(chunk.at, out);
        }
        walked?;
        self.scan_gathered(out, seen)?;
        if let Some(guide) = &mut self.guide {
            guide.came(input, &mut out.bytes, seen)?;
        }
        seen.held_peak = seen.held_peak.max(self.held());
        self.number_fits(self.number.len())
    }

    /// Ends the text where a value may end.
    pub(super) fn finish(&mut self, out: &mut TextOut, seen: &mut Inspection) -> Result<(), BodyError> {
        if self.lexer.at_top() && self.lexer.end_number().is_some() {
            self.number_end(&mut Chunk::new(&[]), out, seen)?;
        }
        if self.lexer.may_end() { Ok(()) } else { Err(BodyErrorKind::Truncated.into()) }
    }

    /// Ends the text wherever it stands: what is complete is decided, what is not is left to the caller.
    pub(super) fn finish_text(&mut self, out: &mut TextOut, seen: &mut Inspection) -> Result<(), BodyError> {
        if self.lexer.end_number().is_some() {
            match self.number_end(&mut Chunk::new(&[]), out, seen) {
                Ok(()) | Err(Stop::Grammar(_)) => {}
                Err(Stop::Refused(error)) => return Err(error),
            }
        }
        self.abandon(out, seen)
    }

    /// Decides what was read of an open string; an open number or escape is dropped.
    pub(super) fn abandon(&mut self, out: &mut TextOut, seen: &mut Inspection) -> Result<(), BodyError> {
        self.in_number = false;
        self.number.clear();
        if self.inside == Inside::Begun {
            self.end_text(out, seen)?;
        }
        self.inside = Inside::Nothing;
        Ok(())
    }

    fn walk(&mut self, chunk: &mut Chunk<'_>, out: &mut TextOut, seen: &mut Inspection) -> Result<(), Stop> {
        loop {
            if self.lexer.begins_record() && self.record(chunk, out, seen)? {
                continue;
            }
            let Some((len, token)) = self.lexer.next(chunk.rest())? else { break };
            match token {
                Token::Space => self.space(len, chunk, out)?,
                Token::Colon => chunk.at += len,
                Token::Comma => {
                    if let Some(guide) = &mut self.guide {
                        guide.comma(&mut Spot::new(chunk, out));
                    }
                    chunk.at += len;
                }
                Token::Open(container) => {
                    self.value_begin(container.into(), chunk, out, seen)?;
                    chunk.at += len;
                    self.labels.open(container.is_array());
                    if let Some(guide) = &mut self.guide {
                        guide.open(container, &mut Spot::new(chunk, out));
                    }
                }
                Token::Close => {
                    if let Some(guide) = &mut self.guide {
                        guide.close(&mut Spot::new(chunk, out));
                    }
                    chunk.at += len;
                    self.labels.close();
                    self.learn(chunk);
                    self.value_end(chunk, out, seen)?;
                }
                Token::StringBegin { key } => {
                    self.string_begin(key, chunk, out, seen)?;
                    chunk.at += len;
                    self.whole_string(key, chunk, out, seen)?;
                }
                Token::Run => self.run(len, chunk, out, seen)?,
                Token::Escape(escape) => self.escape(len, escape, chunk, out, seen)?,
                Token::StringEnd { key } => self.string_end(key, chunk, out, seen)?,
                Token::Number => self.number(len, chunk, out, seen)?,
                Token::NumberEnd => self.number_end(chunk, out, seen)?,
                Token::Literal { literal, begin, end } => {
                    if begin {
                        self.value_begin(literal.into(), chunk, out, seen)?;
                    }
                    chunk.at += len;
                    if end {
                        self.value_end(chunk, out, seen)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Blanks: those that follow a record that is gone go with it.
    fn space(&mut self, len: usize, chunk: &mut Chunk<'_>, out: &mut TextOut) -> Result<(), BodyError> {
        let gone = match &mut self.guide {
            Some(guide) => guide.space(chunk.next(len))?,
            None => 0,
        };
        if gone > 0 {
            chunk.copy(chunk.at, out);
            chunk.skip(gone);
        }
        chunk.at += len - gone;
        Ok(())
    }

    fn value_begin(
        &mut self,
        kind: Kind,
        chunk: &mut Chunk<'_>,
        out: &mut TextOut,
        seen: &mut Inspection,
    ) -> Result<Treatment, BodyError> {
        let Some(guide) = &mut self.guide else { return Ok(Treatment::Usual) };
        let treatment = guide.value_begin(kind, &mut Spot::new(chunk, out), seen)?;
        let actions = guide.actions();
        if matches!(kind, Kind::String | Kind::Number) && !Arc::ptr_eq(actions, self.text.actions()) {
            self.text.restart(actions, Reading::Plain);
        }
        Ok(treatment)
    }

    fn value_end(&mut self, chunk: &mut Chunk<'_>, out: &mut TextOut, seen: &mut Inspection) -> Result<(), BodyError> {
        match &mut self.guide {
            Some(guide) => guide.value_end(&mut Spot::new(chunk, out), seen),
            None => Ok(()),
        }
    }

    // Strings and keys.

    fn string_begin(
        &mut self,
        key: bool,
        chunk: &mut Chunk<'_>,
        out: &mut TextOut,
        seen: &mut Inspection,
    ) -> Result<(), BodyError> {
        let reading = if key {
            self.key_len = 0;
            self.labels.key_begin();
            if let Some(guide) = &mut self.guide {
                guide.key_begin(&mut Spot::new(chunk, out));
                let actions = guide.key_actions();
                if !Arc::ptr_eq(actions, self.text.actions()) {
                    self.text.restart(actions, Reading::Plain);
                }
            }
            Reading::Plain
        } else {
            match self.value_begin(Kind::String, chunk, out, seen)? {
                Treatment::Read(reading) => reading,
                Treatment::Usual | Treatment::Vector | Treatment::Typed | Treatment::TokenId | Treatment::Offset(_) => {
                    Reading::Sniffing
                }
            }
        };
        let label = if key {
            &[]
        } else {
            self.labels.text_begin();
            self.labels.label()
        };
        let opening = self.guide.as_ref().map_or(self.opening, |guide| guide.opens());
        self.text.open_tokens(if key { Opens::No } else { opening });
        if let (Some(guide), Opens::Prose { .. }, false) = (&mut self.guide, opening, key) {
            self.text.follow(guide.before());
        }
        self.text.begin_labelled(reading, label);
        self.map.restart();
        self.inside = Inside::Fresh;
        Ok(())
    }

    /// Reads a string that is whole in the chunk, up to its closing quote.
    fn whole_string(
        &mut self,
        key: bool,
        chunk: &mut Chunk<'_>,
        out: &mut TextOut,
        seen: &mut Inspection,
    ) -> Result<(), Stop> {
        let mut decoded = std::mem::take(&mut self.gathered);
        let rest = chunk.rest();
        // Where a key is too long depends on its bytes alone, not on how many of them came at once.
        let fits = |len: usize| len > 0 && !(key && len > self.shared.hold);
        let read = literal::whole(rest, &mut decoded).filter(|(len, _)| fits(*len));
        let judged = match read {
            Some((len, escaped)) => {
                let inside = rest.get(..len).unwrap_or_default();
                let text = if escaped { decoded.as_slice() } else { inside };
                self.judge_string(inside, text, chunk, out, seen)
            }
            None => Ok(()),
        };
        decoded.clear();
        self.gathered = decoded;
        judged
    }

    fn judge_string(
        &mut self,
        inside: &[u8],
        text: &[u8],
        chunk: &mut Chunk<'_>,
        out: &mut TextOut,
        seen: &mut Inspection,
    ) -> Result<(), Stop> {
        if self.tell(text)?.is_some() {
            return Err(Stop::Grammar(BodyErrorKind::TooLarge));
        }
        self.inside = Inside::Judged;
        let stands = self.text.whole(text, &mut self.redacted, seen)?;
        if self.lexer.in_key() && !self.text.was_clean() {
            self.forget_record();
        }
        if stands {
            chunk.at += inside.len();
            return Ok(());
        }
        chunk.copy(chunk.at, out);
        literal::map(inside, &mut self.map);
        self.cited(text);
        self.apply(out);
        chunk.skip(inside.len());
        Ok(())
    }

    fn run(&mut self, len: usize, chunk: &mut Chunk<'_>, out: &mut TextOut, seen: &mut Inspection) -> Result<(), Stop> {
        let len = self.tell(chunk.next(len))?.unwrap_or(len);
        let run = chunk.next(len);
        self.begin_text(chunk, out);
        chunk.skip(len);
        self.map.run(len);
        if len < LONG_RUN {
            self.gathered.extend_from_slice(run);
        } else {
            self.scan_gathered(out, seen)?;
            self.redacted.clear();
            self.cited(run);
            let pushed = self.text.push(run, &mut self.redacted, seen);
            self.apply(out);
            pushed?;
        }
        if self.gathered.len() >= GATHERED {
            self.scan_gathered(out, seen)?;
        }
        if self.lexer.in_key() && self.key_len > self.shared.hold {
            return Err(Stop::Grammar(BodyErrorKind::TooLarge));
        }
        Ok(())
    }

    fn escape(
        &mut self,
        len: usize,
        escape: Escape,
        chunk: &mut Chunk<'_>,
        out: &mut TextOut,
        seen: &mut Inspection,
    ) -> Result<(), Stop> {
        self.begin_text(chunk, out);
        if self.tell(escape.decoded())?.is_some() {
            return Err(Stop::Grammar(BodyErrorKind::TooLarge));
        }
        self.map.escape(escape);
        self.gathered.extend_from_slice(escape.decoded());
        chunk.skip(len);
        if self.gathered.len() >= GATHERED {
            self.scan_gathered(out, seen)?;
        }
        Ok(())
    }

    fn begin_text(&mut self, chunk: &mut Chunk<'_>, out: &mut TextOut) {
        if self.inside == Inside::Fresh {
            if self.lexer.in_key() {
                self.forget_record();
            }
            self.gathered.reserve(GATHERED);
            chunk.copy(chunk.at, out);
            self.inside = Inside::Begun;
        }
    }

    /// Counts a key's bytes and tells the guide what it listens to; how many bytes still fit where a key is too long.
    fn tell(&mut self, decoded: &[u8]) -> Result<Option<usize>, Stop> {
        if !self.lexer.in_key() {
            self.labels.text_part(decoded);
            if let Some(guide) = &mut self.guide {
                guide.text_part(decoded);
            }
            return Ok(None);
        }
        let room = self.shared.hold - self.key_len.min(self.shared.hold);
        self.key_len += decoded.len();
        self.labels.key_part(decoded);
        if let Some(guide) = &mut self.guide {
            guide.key_part(decoded)?;
        }
        Ok((decoded.len() > room).then_some(room))
    }

    fn string_end(
        &mut self,
        key: bool,
        chunk: &mut Chunk<'_>,
        out: &mut TextOut,
        seen: &mut Inspection,
    ) -> Result<(), Stop> {
        if self.inside == Inside::Begun {
            self.end_text(out, seen)?;
        }
        self.inside = Inside::Nothing;
        chunk.at += 1;
        if key {
            if let Some(guide) = &mut self.guide {
                guide.key_end(&mut Spot::new(chunk, out))?;
            }
            return Ok(());
        }
        self.labels.text_end();
        if let (Some(ended), Some(guide)) = (self.text.take_ended(), &mut self.guide) {
            guide.ended(ended);
        }
        Ok(self.value_end(chunk, out, seen)?)
    }

    fn end_text(&mut self, out: &mut TextOut, seen: &mut Inspection) -> Result<(), BodyError> {
        self.judge_gathered(true, out, seen)
    }

    fn scan_gathered(&mut self, out: &mut TextOut, seen: &mut Inspection) -> Result<(), BodyError> {
        if self.gathered.is_empty() { Ok(()) } else { self.judge_gathered(false, out, seen) }
    }

    fn judge_gathered(&mut self, last: bool, out: &mut TextOut, seen: &mut Inspection) -> Result<(), BodyError> {
        self.redacted.clear();
        if let Some(guide) = &mut self.guide {
            guide.cited(&self.gathered);
        }
        let judged = match last {
            true => self.text.push_last(&self.gathered, &mut self.redacted, seen),
            false => self.text.push(&self.gathered, &mut self.redacted, seen),
        };
        self.gathered.clear();
        self.apply(out);
        judged
    }

    /// Brings what was decided about the text back into its literal.
    fn apply(&mut self, out: &mut TextOut) {
        self.map.apply(&self.redacted, out);
        if let Some(guide) = &mut self.guide {
            guide.decided(&self.redacted);
        }
        if !self.redacted.is_verbatim() {
            self.changed();
        }
    }

    /// Part of a string's text, before it is judged.
    fn cited(&mut self, text: &[u8]) {
        if let Some(guide) = &mut self.guide {
            guide.cited(text);
        }
    }

    fn changed(&mut self) {
        if let Some(guide) = &mut self.guide {
            guide.changed();
        }
    }
}
