//! YAML: what enters are its bytes, what leaves are the same bytes, redacted, and YAML as before.
//!
//! It is scanned twice at once. As it stands, keys, comments, tags and all; and, beside that, scalar by scalar, as its
//! readers see them (`scalars`). What either finds is replaced, and what takes its place is written so that its scalar
//! stays one scalar: a plain scalar that would begin with an indicator (`*` is an alias, `[` a sequence) is put in single
//! quotes to its end, and in quotes the new text is escaped. Kept: what the rules hold back of either reading, a scalar
//! while it may be a key, and blanks behind a scalar that got quotes, up to [`BLANKS`].
//!
//! What blocks is only marked by the readings, and refuses the body where it would leave: until then it may prove to be
//! within an alias that stays, of which nothing is counted.

mod lexer;
mod names;
mod scalars;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use self::lexer::{Lexer, Place};
use self::scalars::{Raw, Scalars};
use super::{BodyError, BodyErrorKind, Inspection, Scopes, Transform};
use crate::engine::{Action, ActionTable, Blocked, Finding, Output, Piece, StreamRedactor};

/// The most blanks and line ends that are held behind a scalar that got quotes, and within one scalar.
const BLANKS: usize = 4096;

/// Bytes of the body that give way.
struct Edit {
    place: Range<u64>,
    given: Vec<u8>,
}

/// Redacts YAML.
pub(crate) struct YamlBody {
    actions: Arc<ActionTable>,
    /// The same, under which nothing blocks while it is read.
    reading: Arc<ActionTable>,
    whole: Whole,
    scalars: Scalars,
    /// What has not left; it begins at `start` of the body.
    raw: Vec<u8>,
    start: u64,
    writer: Writer,
    /// Places told of findings that may still meet one of the other reading.
    reach: u64,
}

/// The body as it stands.
struct Whole {
    redactor: StreamRedactor,
    output: Output,
    decided: u64,
    edits: VecDeque<Edit>,
    /// Not counted yet, and those that were, which only the other reading's are held against.
    findings: Vec<Finding>,
    counted: Vec<Finding>,
    /// What blocks, by where it stands or what hides it ends.
    blocking: Vec<Finding>,
}

/// Writes what is decided.
struct Writer {
    lexer: Lexer,
    /// The plain scalar at hand got quotes: which one it is.
    quoted: Option<u64>,
    /// What may stand behind the scalar that got quotes, or in it.
    behind: Vec<u8>,
}

impl YamlBody {
    pub(crate) fn new(scopes: &Scopes) -> Self {
        let actions = Arc::clone(&scopes.actions);
        let blocks = |rule| matches!(actions.action(rule), Action::Block);
        let reading = match (0..scopes.rules.rules().len()).any(blocks) {
            true => actions.per_record(),
            false => Arc::clone(&actions),
        };
        let redactor = || StreamRedactor::new(Arc::clone(&scopes.rules), Arc::clone(&reading));
        let whole = Whole {
            redactor: redactor(),
            output: Output::default(),
            decided: 0,
            edits: VecDeque::new(),
            findings: Vec::new(),
            counted: Vec::new(),
            blocking: Vec::new(),
        };
        Self {
            whole,
            scalars: Scalars::new(redactor()),
            raw: Vec::new(),
            start: 0,
            writer: Writer { lexer: Lexer::new(), quoted: None, behind: Vec::new() },
            reach: scopes.rules.holdback() as u64,
            reading,
            actions,
        }
    }

    /// Bytes held back now.
    pub(crate) fn held(&self) -> usize {
        self.raw.len() + self.writer.behind.len()
    }

    fn take(&mut self, input: Option<&[u8]>, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        self.raw.extend_from_slice(input.unwrap_or_default());
        seen.scanned += input.map_or(0, <[u8]>::len) as u64;
        let mut result = self.whole.read(input);
        if result.is_ok() {
            let raw = Raw { bytes: &self.raw, start: self.start };
            result = match input {
                Some(input) => self.scalars.push(input, raw, &self.reading),
                None => self.scalars.finish(raw, &self.reading),
            };
        }
        seen.held_peak = seen.held_peak.max(self.held());
        match result {
            Ok(()) => self.release(input.is_none(), out, seen),
            // A reading that refuses the body no longer tells where its text stood: nothing leaves, and what was found is
            // told of all the same.
            Err(blocked) => {
                let _ = self.count(u64::MAX, seen);
                Err(blocked.into())
            }
        }
    }

    /// Gives what both readings have decided.
    fn release(&mut self, last: bool, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        let mut limit = self.whole.decided.min(self.scalars.settled());
        loop {
            let edits = self.whole.edits.iter().chain(&self.scalars.edits).map(|edit| &edit.place);
            let cut = edits.clone().find(|place| place.start < limit && limit < place.end).map(|place| place.start);
            let Some(before) = cut.or_else(|| self.scalars.names.cut(limit, last)) else { break };
            limit = before;
        }
        let mut edits = Vec::new();
        for list in [&mut self.scalars.edits, &mut self.whole.edits] {
            while list.front().is_some_and(|edit| edit.place.end <= limit) {
                edits.extend(list.pop_front());
            }
        }
        let spared = self.scalars.names.spare(&mut edits, limit);
        let within = |place: &Range<u64>| spared.iter().any(|name| name.start <= place.start && place.end <= name.end);
        for findings in [&mut self.whole.findings, &mut self.scalars.findings] {
            findings.retain(|found| !within(&found.span));
        }
        for blocking in [&mut self.whole.blocking, &mut self.scalars.blocking] {
            blocking.retain(|found| !within(&found.span));
        }
        // Before anything is written: what is counted may refuse it.
        self.count(limit, seen)?;
        let raw = Raw { bytes: &self.raw, start: self.start };
        let mut at = self.start;
        for edit in union(edits) {
            self.writer.keep(raw.slice(at..edit.place.start), out);
            self.writer.replace(raw.slice(edit.place.clone()), &edit.given, out);
            at = edit.place.end;
        }
        self.writer.keep(raw.slice(at..limit), out);
        let len = usize::try_from(limit.saturating_sub(self.start)).unwrap_or(usize::MAX).min(self.raw.len());
        self.raw.drain(..len);
        self.start += len as u64;
        Ok(())
    }

    /// Counts what leaves, of the scalars what only they have shown.
    ///
    /// # Errors
    /// Something of it blocks, or all of it together.
    fn count(&mut self, limit: u64, seen: &mut Inspection) -> Result<(), BodyError> {
        let mut counted = Ok(());
        let actions = &self.actions;
        let mut tell = |found: &Finding| {
            let mut told = seen.record(std::slice::from_ref(found), actions);
            if matches!(actions.action(found.rule), Action::Block | Action::Drop) {
                told = Err(BodyErrorKind::Blocked { rule: found.rule }.into());
            }
            counted = std::mem::replace(&mut counted, Ok(())).and(told);
        };
        let Whole { findings, counted: before, .. } = &mut self.whole;
        before.extend(findings.extract_if(.., |found| found.span.end <= limit).inspect(&mut tell));
        self.scalars.findings.retain(|found| {
            let later = found.span.end > limit;
            let same = |other: &Finding| {
                other.rule == found.rule && other.span.start < found.span.end && found.span.start < other.span.end
            };
            if !later && !before.iter().chain(&*findings).any(same) {
                tell(found);
            }
            later
        });
        // Nothing that is found later begins before what may be held.
        let from = limit.saturating_sub(self.reach + BLANKS as u64);
        before.retain(|found| found.span.end > from);
        // What lies within something that gives way for another reason is no finding, and blocks all the same.
        for found in self.whole.blocking.iter().chain(&self.scalars.blocking).filter(|found| found.span.end <= limit) {
            if counted.is_ok() {
                counted = seen.record(std::slice::from_ref(found), actions);
                counted = counted.and(Err(BodyErrorKind::Blocked { rule: found.rule }.into()));
            }
        }
        counted
    }
}

impl Whole {
    fn read(&mut self, input: Option<&[u8]>) -> Result<(), Blocked> {
        self.output.clear();
        let result = match input {
            Some(input) => self.redactor.push(input, &mut self.output),
            None => self.redactor.finish(&mut self.output),
        };
        self.findings.append(&mut self.output.findings);
        self.blocking.extend(blocking(&self.output, self.decided));
        let mut rest = self.output.bytes.as_slice();
        for piece in &self.output.pieces {
            let (taken, given) = lengths(*piece);
            let (bytes, after) = rest.split_at(given.min(rest.len()));
            rest = after;
            let from = self.decided;
            self.decided += taken as u64;
            if let Piece::Replaced { .. } = piece {
                self.edits.push_back(Edit { place: from..self.decided, given: bytes.to_vec() });
            }
        }
        result
    }
}

/// What blocks in what a reading gave, which begins at this place.
fn blocking(output: &Output, start: u64) -> impl Iterator<Item = Finding> {
    output.drops.iter().map(move |dropped| {
        let before = output.pieces.iter().take(dropped.piece).map(|piece| lengths(*piece).0 as u64);
        let place = start + before.sum::<u64>();
        Finding { rule: dropped.rule, span: place..place, fingerprint: None }
    })
}

/// How much of the original a piece stands for, and how much it gives.
fn lengths(piece: Piece) -> (usize, usize) {
    match piece {
        Piece::Clear { len } => (len, len),
        Piece::Replaced { taken, given } => (taken, given),
    }
}

/// What both readings replace, in order: of what overlaps one, with the text of the one that covers all of it, or of each.
fn union(mut edits: Vec<Edit>) -> Vec<Edit> {
    // Of two in one place the scalar's comes first, and is written.
    edits.sort_by_key(|edit| (edit.place.start, std::cmp::Reverse(edit.place.end)));
    let mut all: Vec<Edit> = Vec::new();
    for edit in edits {
        match all.last_mut() {
            Some(last) if edit.place.start < last.place.end => {
                if edit.place.end > last.place.end {
                    last.place.end = edit.place.end;
                    last.given.extend_from_slice(&edit.given);
                }
            }
            _ => all.push(edit),
        }
    }
    all
}

impl Writer {
    /// What stays as it is.
    fn keep(&mut self, text: &[u8], out: &mut Vec<u8>) {
        for (at, byte) in text.iter().enumerate() {
            if self.quoted.is_none() {
                let rest = text.get(at..).unwrap_or_default();
                out.extend_from_slice(rest);
                rest.iter().for_each(|byte| self.lexer.take(*byte));
                return;
            }
            self.lexer.take(*byte);
            self.keep_quoted(*byte, out);
        }
    }

    /// A byte of, or behind, a scalar that got quotes.
    fn keep_quoted(&mut self, byte: u8, out: &mut Vec<u8>) {
        let goes_on = self.goes_on();
        let open =
            matches!(self.lexer.place, Place::Colon | Place::Indent(_, true)) || matches!(byte, b' ' | b'\t' | b'\r');
        if goes_on && open && self.behind.len() < BLANKS {
            self.behind.push(byte);
        } else if goes_on {
            for byte in self.behind.drain(..).chain([byte]) {
                quote(byte, out);
            }
        } else {
            self.close(out);
            out.push(byte);
        }
    }

    /// Whether the lexer stands in the scalar that got quotes, or may.
    fn goes_on(&self) -> bool {
        self.quoted == Some(self.lexer.scalars) && self.lexer.in_plain()
    }

    /// Ends the quotes before what stands behind the scalar.
    fn close(&mut self, out: &mut Vec<u8>) {
        if self.quoted.take().is_some() {
            out.push(b'\'');
            out.append(&mut self.behind);
        }
    }

    /// What gives way.
    fn replace(&mut self, old: &[u8], given: &[u8], out: &mut Vec<u8>) {
        let Some((first, later)) = old.split_first() else { return out.extend_from_slice(given) };
        let (before, flow, scalars) = (self.lexer.place, self.lexer.in_flow(), self.lexer.scalars);
        let plain = self.lexer.in_plain() || before == Place::Indicator;
        let blank = self.lexer.begins() && first.is_ascii_whitespace();
        let behind_blank = self.lexer.behind_blank();
        self.lexer.take(*first);
        let begins = blank || self.lexer.scalars != scalars;
        let in_property = self.lexer.place == Place::Property;
        if begins {
            self.close(out);
        }
        later.iter().for_each(|byte| self.lexer.take(*byte));
        let after = self.lexer.place;
        // In a tag, an anchor, or an alias behind its sign.
        let in_name = before == Place::Property || in_property || plain && !begins && self.lexer.alias;
        let kept = if begins || plain || self.quoted.is_some() { structure(old, flow) } else { Vec::new() };
        let fresh = Fresh { text: given, lines: old.contains(&b'\n'), behind_blank };
        match first {
            _ if self.quoted.is_some() => {
                self.behind.drain(..).for_each(|byte| quote(byte, out));
                fresh.in_quotes(b'\'', out);
                if !kept.is_empty() || !self.goes_on() {
                    self.close(out);
                    out.extend_from_slice(&kept);
                }
            }
            mark @ (b'"' | b'\'') if begins => {
                out.push(*mark);
                fresh.in_quotes(*mark, out);
                Self::end_quotes(*mark, after, out);
            }
            _ if before == Place::Double || before == Place::Escape => {
                fresh.in_quotes(b'"', out);
                Self::end_quotes(b'"', after, out);
            }
            _ if before == Place::Single => {
                fresh.in_quotes(b'\'', out);
                Self::end_quotes(b'\'', after, out);
            }
            _ if begins && must_be_quoted(given, flow) => {
                out.push(b'\'');
                fresh.in_quotes(b'\'', out);
                // Where more than one scalar has given way, the last one ends with them.
                self.quoted = Some(self.lexer.scalars);
                if !kept.is_empty() || !self.lexer.in_plain() && after != Place::Indicator {
                    self.close(out);
                    out.extend_from_slice(&kept);
                }
            }
            _ if in_name => {
                fresh.in_name(out);
                out.extend_from_slice(&behind_name(old, flow));
            }
            _ if begins || plain => {
                fresh.in_plain(flow, out);
                out.extend_from_slice(&kept);
            }
            _ => out.extend(given.iter().map(|byte| fresh.byte(*byte))),
        }
    }

    /// Writes the end of quotes that has given way, or the backslash at the end of what has.
    fn end_quotes(mark: u8, after: Place, out: &mut Vec<u8>) {
        match (mark, after) {
            (b'"', Place::Double) | (b'\'', Place::Single) => {}
            (b'"', Place::Escape) => out.push(b'\\'),
            (mark, _) => out.push(mark),
        }
    }
}

impl Transform for YamlBody {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        self.take(Some(input), out, seen)
    }

    fn finish(&mut self, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        self.take(None, out, seen)?;
        self.writer.close(out);
        Ok(())
    }
}

impl fmt::Debug for YamlBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "YamlBody({} bytes held)", self.held())
    }
}

/// Whether a plain scalar cannot be, or begin with, this text.
fn must_be_quoted(text: &[u8], flow: bool) -> bool {
    let Some(first) = text.first() else { return false };
    let blank = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_whitespace);
    let breaks = |pair: &[u8]| matches!(pair, [b':', next] if next.is_ascii_whitespace()) || pair == b" #";
    b"*&!|>%@`[]{},#'\"".contains(first)
        || b"-?:".contains(first) && blank(text.get(1))
        || blank(Some(first))
        || blank(text.last())
        || text.last() == Some(&b':')
        || text.windows(2).any(breaks)
        || text.iter().any(|byte| byte.is_ascii_control() || flow && b",[]{}".contains(byte))
}

/// What in a plain scalar that gives way was not its own: the signs that end it, and with them what it stands in.
fn structure(old: &[u8], flow: bool) -> Vec<u8> {
    let mut kept = Vec::new();
    for (at, byte) in old.iter().enumerate() {
        let next = old.get(at + 1);
        match byte {
            b',' | b']' | b'}' if flow => kept.push(*byte),
            b':' if next.is_none() => kept.push(b':'),
            b':' if next.is_some_and(|next| matches!(next, b' ' | b'\t' | b'\n' | b'\r')) => {
                kept.push(b':');
                kept.extend(next);
            }
            _ => {}
        }
    }
    kept
}

/// What in a name that gives way was not its own: what sets it off from what stands behind it, and the signs there.
fn behind_name(old: &[u8], flow: bool) -> Vec<u8> {
    let ends = |byte: &u8| byte.is_ascii_whitespace() || flow && b",[]{}".contains(byte);
    let rest = old.iter().position(ends).and_then(|at| old.get(at..)).unwrap_or_default();
    let behind = rest.trim_ascii_start();
    let (blanks, _) = rest.split_at(rest.len() - behind.len());
    let mut kept = blanks.to_vec();
    kept.extend(structure(behind, flow));
    kept
}

/// Writes a byte of single quotes.
fn quote(byte: u8, out: &mut Vec<u8>) {
    out.push(byte);
    if byte == b'\'' {
        out.push(b'\'');
    }
}

/// What takes the place of a finding.
struct Fresh<'a> {
    text: &'a [u8],
    /// Its line ends are those of what it stands for.
    lines: bool,
    /// It stands behind a blank.
    behind_blank: bool,
}

impl Fresh<'_> {
    fn byte(&self, byte: u8) -> u8 {
        let stays = !byte.is_ascii_control() || self.lines && matches!(byte, b'\n' | b'\r');
        if stays { byte } else { b' ' }
    }

    /// Writes it in quotes. A backslash with which the engine has spelled a character stays.
    fn in_quotes(&self, mark: u8, out: &mut Vec<u8>) {
        for (at, byte) in self.text.iter().enumerate() {
            match (mark, *byte) {
                (b'\'', byte) => quote(self.byte(byte), out),
                (_, b'"') => out.extend_from_slice(b"\\\""),
                (_, b'\\') if !matches!(self.text.get(at + 1), Some(b'x' | b'u' | b'U')) => {
                    out.extend_from_slice(b"\\\\");
                }
                (_, byte) => out.push(self.byte(byte)),
            }
        }
    }

    /// Writes it in a name, which readers take letters, digits, `-` and `_` for, and one of them at least.
    fn in_name(&self, out: &mut Vec<u8>) {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        out.extend(self.text.iter().map(|byte| if fits(*byte) { *byte } else { b'_' }));
        if self.text.is_empty() {
            out.push(b'_');
        }
    }

    /// Writes it in the midst of a plain scalar: what would end it is written as what looks like it.
    fn in_plain(&self, flow: bool, out: &mut Vec<u8>) {
        for (at, byte) in self.text.iter().enumerate() {
            let next = self.text.get(at + 1);
            let before = at.checked_sub(1).and_then(|before| self.text.get(before));
            let behind_blank = before.map_or(self.behind_blank, u8::is_ascii_whitespace);
            out.push(match byte {
                b':' if flow || next.is_none_or(u8::is_ascii_whitespace) => b'.',
                b'#' if behind_blank => b'*',
                b'[' | b'{' if flow => b'(',
                b']' | b'}' if flow => b')',
                b',' if flow => b';',
                byte => self.byte(*byte),
            });
        }
    }
}
