//! XML and HTML: what enters are their bytes, what leaves are the same bytes, redacted, and as well-formed as before.
//!
//! They are scanned twice at once. As they stand, tags, attributes, comments, scripts and all; and, beside that, the text
//! of each element by itself, as its readers see it: without the tags that only mark up words, without comments, with
//! marked sections opened, and with the element's name and what its attributes, or the element before it, call it for a
//! label. The same of the
//! value of an attribute that a rule for fields names, or that its tag names, before it or behind it (`said`). What either finds is replaced, tags between its parts stay, and what is written is escaped as its
//! place asks for.
//!
//! ```text
//!     <p>4111 <b>1111</b><!-- x --> 1111 1111</p>      as it stands
//!        4111 1111 1111 1111                           the text of p
//! ```
//!
//! Kept: what the rules hold back of either, and what stands in between, of which there is at most [`BETWEEN`].

mod lexer;
mod names;
mod references;
mod said;
mod siblings;
#[cfg(test)]
mod tests;
mod write;

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use self::lexer::{Context, Lexer, Step};
use self::names::{BLOCKS, CAPTIONS, INLINE, VOID};
use self::references::Padding;
use self::said::Said;
use self::siblings::Siblings;
use super::json::{says, speaks_of};
use super::{BodyError, Inspection, Scopes, Transform};
use crate::engine::{ActionTable, Blocked, Finding, Output, Piece, StreamRedactor};

/// Bytes of markup that may stand within one text that is read as a whole.
const BETWEEN: usize = 16 << 10;
/// What stands between the names of a text.
const APART: u8 = 0;

/// Bytes of the body that give way.
struct Edit {
    /// Where, in bytes of the body: in several stretches where markup stands between them.
    parts: Vec<Range<u64>>,
    given: Vec<u8>,
}

/// A stretch of an element's text and where in the body it begins.
#[derive(Clone, Copy)]
struct Segment {
    text: u64,
    body: u64,
    len: u64,
    /// What stands in the body between it and the stretch before is part of a character.
    joined: bool,
}

/// Redacts XML and HTML.
pub(crate) struct MarkupBody {
    actions: Arc<ActionTable>,
    lexer: Lexer,
    /// What has not left; it begins at `start` of the body.
    raw: Vec<u8>,
    start: u64,
    /// The byte before that.
    before: u8,
    /// The sign of the reference whose name goes on there.
    refers: u8,
    /// In what the bytes of `raw` stand, from where on.
    contexts: VecDeque<(u64, Context)>,
    output: Output,
    whole: Whole,
    text: Text,
    attribute: Text,
    /// What the tag at hand says that its `value`, or the text of its element, is.
    said: Said,
    /// What the element before says that the next one is.
    siblings: Siblings,
    html: bool,
    /// Places told of findings that may still meet one of the other reading.
    reach: u64,
}

/// The body as it stands.
struct Whole {
    redactor: StreamRedactor,
    decided: u64,
    edits: VecDeque<Edit>,
    findings: Vec<Finding>,
}

/// The text of an element.
struct Text {
    redactor: StreamRedactor,
    /// What it is called, in names with [`APART`] between them, the nearest one last.
    names: Vec<u8>,
    /// Something of it has come.
    open: bool,
    segments: VecDeque<Segment>,
    /// Bytes of the text read and decided.
    read: u64,
    decided: u64,
    /// Bytes of markup within it.
    between: usize,
    padding: Padding,
    /// Zeros of it have been left out since the last text.
    joined: bool,
    edits: VecDeque<Edit>,
    /// In places of the body.
    findings: Vec<Finding>,
    /// Up to where the body is read.
    seen: u64,
    /// Bytes before that place that may be text or markup.
    doubtful: usize,
}

impl MarkupBody {
    /// `html` where it is that, in which scripts are no markup.
    pub(crate) fn new(scopes: &Scopes, html: bool) -> Self {
        let actions = Arc::clone(&scopes.actions);
        let redactor = || StreamRedactor::new(Arc::clone(&scopes.rules), Arc::clone(&actions));
        Self {
            lexer: Lexer::new(html),
            raw: Vec::new(),
            start: 0,
            before: 0,
            refers: 0,
            contexts: VecDeque::from([(0, Context::Text)]),
            output: Output::default(),
            whole: Whole { redactor: redactor(), decided: 0, edits: VecDeque::new(), findings: Vec::new() },
            text: Text::new(redactor()),
            attribute: Text::new(redactor()),
            said: Said::default(),
            siblings: Siblings::new(html),
            html,
            reach: scopes.rules.holdback() as u64,
            actions,
        }
    }

    /// Bytes held back now.
    pub(crate) fn held(&self) -> usize {
        self.raw.len()
    }

    /// Reads what has come as it stands.
    fn read_whole(&mut self, input: Option<&[u8]>, seen: &mut Inspection) -> Result<(), BodyError> {
        self.output.clear();
        let result = match input {
            Some(input) => self.whole.redactor.push(input, &mut self.output),
            None => self.whole.redactor.finish(&mut self.output),
        };
        // Where that refuses the body, none of this piece is decided.
        seen.record(&self.output.findings, &self.actions)?;
        self.whole.findings.append(&mut self.output.findings);
        let mut rest = self.output.bytes.as_slice();
        for piece in &self.output.pieces {
            let (taken, given) = lengths(*piece);
            let (bytes, after) = rest.split_at(given.min(rest.len()));
            rest = after;
            let from = self.whole.decided;
            self.whole.decided += taken as u64;
            if let Piece::Replaced { .. } = piece {
                let part = from..self.whole.decided;
                self.whole.edits.push_back(Edit { parts: Vec::from([part]), given: bytes.to_vec() });
            }
        }
        Ok(result?)
    }

    /// Reads the texts of elements in what has come.
    fn read_texts(&mut self, input: &[u8]) -> Result<(), Blocked> {
        let mut at = 0;
        while let Some(byte) = input.get(at) {
            let rest = input.get(at..).unwrap_or_default();
            if let Some(quote) = self.lexer.in_quotes() {
                let len = memchr::memchr(quote, rest).unwrap_or(rest.len());
                self.value(rest.get(..len).unwrap_or_default())?;
                at += len;
                if len > 0 {
                    continue;
                }
            }
            let plain = if self.lexer.in_text() { memchr::memchr(b'<', rest).unwrap_or(rest.len()) } else { 0 };
            if plain > 0 {
                self.text.seen += plain as u64;
                self.siblings.text(rest.get(..plain).unwrap_or_default());
                self.text.take(rest.get(..plain).unwrap_or_default(), &self.actions, &mut self.output)?;
                at += plain;
                continue;
            }
            let before = self.lexer.context();
            let step = self.lexer.take(*byte);
            let context = self.lexer.context();
            at += 1;
            self.text.seen += 1;
            if context != before {
                // A name begins with the byte that tells that it is one.
                let begun = matches!(context, Context::Name | Context::Attribute(_)) && *byte != b'?';
                self.contexts.push_back((self.text.seen - u64::from(begun), context));
            }
            match step {
                Step::Open => self.text.doubtful += 1,
                Step::Text(len) => {
                    self.text.doubtful = (self.text.doubtful + 1).saturating_sub(len);
                    // Bytes in doubt stay in doubt behind those that are text now.
                    let end = self.text.seen - self.text.doubtful as u64;
                    let from = usize::try_from(end - len as u64 - self.start).unwrap_or(usize::MAX);
                    let bytes: [u8; 4] = std::array::from_fn(|at| self.raw.get(from + at).copied().unwrap_or_default());
                    self.siblings.text(bytes.get(..len).unwrap_or_default());
                    let (seen, doubtful) = (self.text.seen, self.text.doubtful);
                    (self.text.seen, self.text.doubtful) = (end, 0);
                    let taken = self.text.take(bytes.get(..len).unwrap_or_default(), &self.actions, &mut self.output);
                    (self.text.seen, self.text.doubtful) = (seen, doubtful);
                    taken?;
                }
                Step::Value => {
                    self.text.seen -= 1;
                    self.value(std::slice::from_ref(byte))?;
                }
                Step::Markup | Step::ValueEnd | Step::TagEnd => {
                    let doubtful = std::mem::take(&mut self.text.doubtful);
                    self.between(1 + doubtful)?;
                }
            }
            if matches!(step, Step::ValueEnd | Step::TagEnd) {
                self.end_value()?;
            }
            if step == Step::TagEnd {
                self.tag()?;
            }
        }
        self.attribute.seen = self.text.seen;
        Ok(())
    }

    /// Markup stands within the text of an element.
    fn between(&mut self, len: usize) -> Result<(), Blocked> {
        self.text.between += len;
        (self.text.padding, self.text.joined) = (Padding::Text, false);
        if self.text.open && self.text.between > BETWEEN {
            self.text.end(&mut self.output)?;
        }
        Ok(())
    }

    /// Bytes of the value of an attribute.
    fn value(&mut self, bytes: &[u8]) -> Result<(), Blocked> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.text.seen += bytes.len() as u64;
        self.between(bytes.len())?;
        let name = self.lexer.attribute();
        let local = name.rsplit(|byte| *byte == b':').next().unwrap_or(name);
        if says(local) {
            self.said.listen(bytes);
        }
        if !self.attribute.open {
            let speaks = speaks_of(local);
            let said = self.said.names().filter(|_| speaks);
            self.attribute.call(said.chain([name]));
            // Where a name has been said that tells enough nothing waits.
            if self.attribute.names.is_empty() {
                if speaks {
                    self.said.wait(bytes, self.text.seen);
                }
                return Ok(());
            }
        }
        self.attribute.seen = self.text.seen;
        self.attribute.take(bytes, &self.actions, &mut self.output)
    }

    /// A value has ended.
    fn end_value(&mut self) -> Result<(), Blocked> {
        self.said.end_value();
        self.attribute.end(&mut self.output)
    }

    /// A tag has ended: its values are read by the names that it gives them. One that does more than mark up words ends the
    /// text, and may name the next one.
    fn tag(&mut self) -> Result<(), Blocked> {
        let mut names = self.read_values()?;
        let tag = self.lexer.tag();
        // In HTML a slash at a tag's end says nothing.
        let empty = if self.html { VOID.contains(&tag.name) } else { tag.empty };
        self.siblings.tag(&tag, empty);
        let sibling = self.siblings.name(&tag);
        if !sibling.is_empty() {
            names.push(sibling.to_vec());
        }
        // In XML `data` is no element of HTML: events of Windows have their fields in it. Nor is what is called a field.
        let is_field = || tag.name == b"data" || names.iter().any(|name| self.text.redactor.takes_whole(name));
        if INLINE.contains(&tag.name) && (self.html || !is_field()) {
            return Ok(());
        }
        let ends = !self.html || BLOCKS.contains(&tag.name);
        if ends || !self.text.open {
            self.text.names.clear();
            if !tag.closes {
                let caption = if self.html { CAPTIONS.contains(&tag.name) } else { tag.name == b"button" };
                let said = names.iter().filter(|_| !empty && !caption).map(Vec::as_slice);
                let taken = said.clone().find(|name| self.text.redactor.takes_whole(name));
                // What comes last is nearest: a name that a rule for fields takes, or the element's own.
                let others = said.filter(|name| Some(*name) != taken);
                others.chain([tag.written]).chain(taken).for_each(|name| self.text.add_name(name));
            }
        }
        if ends { self.text.end(&mut self.output) } else { Ok(()) }
    }

    /// Reads the values of the tag at hand that waited for their name; the names that it says.
    fn read_values(&mut self) -> Result<Vec<Vec<u8>>, Blocked> {
        let (names, values) = self.said.take(self.text.seen);
        let mut result = Ok(());
        for value in values {
            self.attribute.call(names.iter().map(Vec::as_slice));
            if self.attribute.names.is_empty() {
                continue;
            }
            self.attribute.seen = value.place.end;
            let taken = self.attribute.take(&value.text, &self.actions, &mut self.output);
            result = result.and(taken).and(self.attribute.end(&mut self.output));
            // What came behind it in the tag may have been read before it.
            self.attribute.edits.make_contiguous().sort_by_key(ends);
        }
        self.attribute.seen = self.text.seen;
        result.map(|()| names)
    }

    /// Gives what both readings have decided, if neither refuses the body: one that does no longer tells where its text
    /// stood.
    fn settle(
        &mut self,
        result: Result<(), BodyError>,
        out: &mut Vec<u8>,
        seen: &mut Inspection,
    ) -> Result<(), BodyError> {
        match result {
            Ok(()) => self.release(out, seen),
            Err(error) => {
                // What was found is told of all the same.
                let _ = self.count(u64::MAX, seen);
                Err(error)
            }
        }
    }

    /// Gives what both readings have decided.
    fn release(&mut self, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        let mut limit = self.whole.decided.min(self.text.settled()).min(self.attribute.settled());
        limit = self.said.holds(self.text.seen).map_or(limit, |from| limit.min(from));
        loop {
            let before = limit;
            for edit in self.whole.edits.iter().chain(&self.text.edits).chain(&self.attribute.edits) {
                let (from, to) = ends(edit);
                if from < limit && limit < to {
                    limit = from;
                }
            }
            if limit == before {
                break;
            }
        }
        // Before anything is written: what is counted may refuse it.
        self.count(limit, seen)?;
        let mut edits = take_until(limit, &mut self.whole.edits);
        let found = edits.len();
        edits.extend(take_until(limit, &mut self.text.edits));
        let read = edits.len();
        edits.extend(take_until(limit, &mut self.attribute.edits));
        let len = usize::try_from(limit.saturating_sub(self.start)).unwrap_or(usize::MAX).min(self.raw.len());
        if edits.is_empty() {
            out.extend_from_slice(self.raw.get(..len).unwrap_or_default());
        } else {
            let raw = |place: Range<u64>| {
                let [from, to] = [place.start, place.end].map(|at| usize::try_from(at.saturating_sub(self.start)));
                self.raw.get(from.unwrap_or(usize::MAX)..to.unwrap_or(usize::MAX)).unwrap_or_default()
            };
            let (whole, text) = edits.split_at_mut(found);
            write::keep_names(whole, text.get(read - found..).unwrap_or_default(), raw);
            self.write(&write::union(whole, text), limit, out);
        }
        let left = self.raw.get(..len).unwrap_or_default();
        (self.refers, self.before) = (write::refers(left, self.refers), left.last().copied().unwrap_or(self.before));
        self.raw.drain(..len);
        self.start += len as u64;
        while self.contexts.get(1).is_some_and(|(from, _)| *from <= self.start) {
            self.contexts.pop_front();
        }
        Ok(())
    }

    /// Writes what stands before `limit`, with what takes the place of parts of it.
    fn write(&self, edits: &[(Range<u64>, Vec<u8>)], limit: u64, out: &mut Vec<u8>) {
        let index = |place: u64| usize::try_from(place.saturating_sub(self.start)).unwrap_or(usize::MAX);
        let mut at = self.start;
        for (part, given) in edits {
            out.extend_from_slice(self.raw.get(index(at)..index(part.start)).unwrap_or_default());
            let known = self.contexts.partition_point(|(from, _)| *from <= part.start);
            let context = known.checked_sub(1).and_then(|known| self.contexts.get(known));
            let before = self.raw.get(..index(part.start)).unwrap_or_default();
            let last = before.last().copied().unwrap_or(self.before);
            match context.map_or(Context::Text, |(_, context)| *context) {
                context @ (Context::Declaration | Context::Name | Context::Attribute(_)) => {
                    write::name(given, context, last, out);
                }
                // An entity is called as where it is declared.
                context @ (Context::Text | Context::Value(_) | Context::Instruction)
                    if !self.html
                        && match write::refers(before, self.refers) {
                            // Those to parameters stand in declarations alone (XML 1.0 section 4.4).
                            b'%' => context == Context::Instruction,
                            sign => sign > 0,
                        } =>
                {
                    write::name(given, context, last, out);
                }
                context => write::escape(given, context, out),
            }
            at = part.end;
        }
        out.extend_from_slice(self.raw.get(index(at)..index(limit)).unwrap_or_default());
    }

    /// Counts what only the texts of elements have shown.
    fn count(&mut self, limit: u64, seen: &mut Inspection) -> Result<(), BodyError> {
        if self.whole.findings.is_empty() && self.text.findings.is_empty() && self.attribute.findings.is_empty() {
            return Ok(());
        }
        let mut counted = Ok(());
        let (whole, actions) = (&self.whole.findings, &self.actions);
        for findings in [&mut self.text.findings, &mut self.attribute.findings] {
            findings.retain(|found| {
                let later = found.span.end > limit;
                let same = |other: &Finding| {
                    other.rule == found.rule && other.span.start < found.span.end && found.span.start < other.span.end
                };
                if !later && !whole.iter().any(same) {
                    counted =
                        std::mem::replace(&mut counted, Ok(())).and(seen.record(std::slice::from_ref(found), actions));
                }
                later
            });
        }
        // Nothing that is found later begins before what may be held.
        let from = limit.saturating_sub(self.reach + BETWEEN as u64);
        self.whole.findings.retain(|found| found.span.end > from);
        counted
    }
}

impl Text {
    fn new(redactor: StreamRedactor) -> Self {
        Self {
            redactor,
            names: Vec::new(),
            open: false,
            segments: VecDeque::new(),
            read: 0,
            decided: 0,
            between: 0,
            padding: Padding::Text,
            joined: false,
            edits: VecDeque::new(),
            findings: Vec::new(),
            seen: 0,
            doubtful: 0,
        }
    }

    /// Calls it by those of these names by which a rule for fields takes it whole.
    fn call<'a>(&mut self, names: impl Iterator<Item = &'a [u8]>) {
        self.names.clear();
        for name in names {
            if self.redactor.takes_whole(name) {
                self.add_name(name);
            }
        }
    }

    fn add_name(&mut self, name: &[u8]) {
        if !self.names.is_empty() {
            self.names.push(APART);
        }
        self.names.extend_from_slice(name);
    }

    /// Takes text that ends at `seen`.
    fn take(&mut self, text: &[u8], actions: &Arc<ActionTable>, output: &mut Output) -> Result<(), Blocked> {
        let mut text = text;
        if !self.open {
            text = text.trim_ascii_start();
            if text.is_empty() {
                return Ok(());
            }
            self.redactor.begin_called(actions, self.names.split(|byte| *byte == APART));
            (self.open, self.read, self.decided, self.between) = (true, 0, 0, 0);
            (self.padding, self.joined) = (Padding::Text, false);
        }
        while !text.is_empty() {
            let (mut kept, mut gone) = self.padding.split(text);
            // Beyond that they are text, or nothing would bound what is held.
            match BETWEEN.saturating_sub(self.between) {
                0 => (kept, gone) = (kept + gone, 0),
                room => gone = gone.min(room),
            }
            let (given, rest) = text.split_at(kept);
            if kept > 0 {
                self.give(given, self.seen - text.len() as u64, output)?;
            }
            self.between += gone;
            self.joined |= gone > 0;
            text = rest.get(gone..).unwrap_or_default();
        }
        Ok(())
    }

    /// Gives the engine text that stands in one piece from a place of the body on.
    fn give(&mut self, text: &[u8], body: u64, output: &mut Output) -> Result<(), Blocked> {
        let len = text.len() as u64;
        let joined = std::mem::take(&mut self.joined);
        match self.segments.back_mut() {
            Some(last) if last.body + last.len == body && last.text + last.len == self.read => last.len += len,
            _ => self.segments.push_back(Segment { text: self.read, body, len, joined }),
        }
        self.read += len;
        output.clear();
        let result = self.redactor.push(text, output);
        self.decide(output);
        result
    }

    /// Ends the text.
    fn end(&mut self, output: &mut Output) -> Result<(), Blocked> {
        if !self.open {
            return Ok(());
        }
        output.clear();
        let result = self.redactor.finish(output);
        self.decide(output);
        self.open = false;
        self.segments.clear();
        result
    }

    fn decide(&mut self, output: &mut Output) {
        let mut rest = output.bytes.as_slice();
        for piece in &output.pieces {
            let (taken, given) = lengths(*piece);
            let (bytes, after) = rest.split_at(given.min(rest.len()));
            rest = after;
            let from = self.decided;
            self.decided += taken as u64;
            if let Piece::Replaced { .. } = piece {
                let parts = self.places(from..self.decided);
                if !parts.is_empty() {
                    self.edits.push_back(Edit { parts, given: bytes.to_vec() });
                }
            }
        }
        for finding in output.findings.drain(..) {
            let parts = self.places(finding.span.clone());
            if let (Some(first), Some(last)) = (parts.first(), parts.last()) {
                self.findings.push(Finding { span: first.start..last.end, ..finding });
            }
        }
        while self.segments.len() > 1
            && self.segments.front().is_some_and(|first| first.text + first.len <= self.decided)
        {
            self.segments.pop_front();
        }
    }

    /// Where in the body a stretch of the text stands.
    fn places(&self, text: Range<u64>) -> Vec<Range<u64>> {
        let mut parts: Vec<Range<u64>> = Vec::new();
        for segment in &self.segments {
            let from = text.start.max(segment.text);
            let to = text.end.min(segment.text + segment.len);
            if from >= to {
                continue;
            }
            let part = segment.body + (from - segment.text)..segment.body + (to - segment.text);
            match parts.last_mut().filter(|_| segment.joined) {
                Some(last) => last.end = part.end,
                None => parts.push(part),
            }
        }
        parts
    }

    /// Up to where the body has nothing that this reading may still change.
    fn settled(&self) -> u64 {
        let read = self.seen - self.doubtful as u64;
        if !self.open || self.decided == self.read {
            return read;
        }
        self.places(self.decided..self.read).first().map_or(read, |place| place.start)
    }
}

impl Transform for MarkupBody {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        self.raw.extend_from_slice(input);
        seen.scanned += input.len() as u64;
        let result = self.read_whole(Some(input), seen).and_then(|()| Ok(self.read_texts(input)?));
        seen.held_peak = seen.held_peak.max(self.held());
        self.settle(result, out, seen)
    }

    fn finish(&mut self, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        let result = self.read_whole(None, seen).and_then(|()| {
            self.end_value()?;
            self.read_values()?;
            Ok(self.text.end(&mut self.output)?)
        });
        if result.is_ok() {
            self.text.doubtful = 0;
        }
        self.settle(result, out, seen)
    }
}

impl fmt::Debug for MarkupBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MarkupBody({} bytes held)", self.held())
    }
}

/// How much of the original a piece stands for, and how much it gives.
fn lengths(piece: Piece) -> (usize, usize) {
    match piece {
        Piece::Clear { len } => (len, len),
        Piece::Replaced { taken, given } => (taken, given),
    }
}

/// Takes the edits that end before a place.
fn take_until(limit: u64, edits: &mut VecDeque<Edit>) -> Vec<Edit> {
    let count = edits.iter().take_while(|edit| ends(edit).1 <= limit).count();
    edits.drain(..count).collect()
}

/// Where an edit begins and ends.
fn ends(edit: &Edit) -> (u64, u64) {
    let from = edit.parts.first().map_or(0, |part| part.start);
    (from, edit.parts.last().map_or(from, |part| part.end))
}
