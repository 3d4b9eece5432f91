//! Plain text: what enters is one logical text as bytes, what leaves is the same text, redacted.
//!
//! The text is scanned in the encoding it came in, which must extend ASCII. A watch runs along: in what was announced
//! as text it finds UTF-16 and UTF-32 by their NULs; in what only looked like text it refuses the first byte that is
//! none. Memory: what the rules hold back, and one output buffer in proportion to the input of a push.

use std::fmt;
use std::sync::Arc;

use super::batch::Plan;
use super::lines::Lines;
use super::{BodyError, BodyErrorKind, Inspection, Scopes, Transform};
use crate::engine::{ActionTable, Blocked, Output, Restorer, StreamRedactor};

/// NULs at a distance of two, one after another, that make a text UTF-16 or UTF-32.
const WIDE_RUN: u8 = 4;

/// Redacts one text.
pub(crate) struct TextBody {
    redactor: StreamRedactor,
    actions: Arc<ActionTable>,
    output: Output,
    watch: Watch,
    /// Where each line has a verdict of its own.
    lines: Option<Box<Lines>>,
    /// Where tokens of the exchange are opened in it, and what came of that.
    restorer: Option<Box<(Restorer, Output)>>,
}

impl TextBody {
    /// A text that was announced as such: anything but wide character sets may be in it.
    #[must_use]
    pub(crate) fn announced(scopes: &Scopes) -> Self {
        Self::new(scopes, Watch::announced())
    }

    /// A text that is taken for one by its looks: it must be UTF-8 without control characters.
    #[must_use]
    pub(crate) fn sniffed(scopes: &Scopes) -> Self {
        Self::new(scopes, Watch::Utf8(Utf8::default()))
    }

    fn new(scopes: &Scopes, watch: Watch) -> Self {
        let actions = Arc::clone(&scopes.actions);
        let redactor = StreamRedactor::new(Arc::clone(&scopes.rules), Arc::clone(&actions));
        let opens = scopes.restore.as_ref().is_some_and(|restore| restore.texts);
        let tokens = actions.tokens().filter(|_| opens);
        let restorer = tokens.map(|tokens| Box::new((Restorer::new(Arc::clone(tokens)), Output::default())));
        Self { redactor, actions, output: Output::default(), watch, lines: None, restorer }
    }

    /// One whose lines each have a verdict; its actions are those of [`ActionTable::per_record`].
    pub(crate) fn in_lines(mut self, plan: Plan) -> Self {
        self.lines = Some(Box::new(Lines::new(plan)));
        self
    }

    /// Says what the text is called; nothing of it may have been pushed.
    pub(crate) fn call(&mut self, label: &[u8]) {
        if !label.is_empty() {
            self.redactor.begin_labelled(&self.actions, label);
        }
    }

    /// Takes text up to the first byte that is none; gives that byte's place and what is wrong with it.
    ///
    /// # Errors
    /// Where a rule blocks.
    pub(crate) fn take(
        &mut self,
        text: &[u8],
        out: &mut Vec<u8>,
        seen: &mut Inspection,
    ) -> Result<Option<(usize, BodyErrorKind)>, BodyError> {
        let fault = self.watch.look(text);
        let good = text.get(..fault.as_ref().map_or(text.len(), |(at, _)| *at)).unwrap_or(text);
        if let Some(lines) = &mut self.lines {
            lines.came(good);
        }
        let result = self.redactor.push(good, &mut self.output);
        seen.scanned += good.len() as u64;
        self.deliver(result, out, seen)?;
        Ok(fault)
    }

    /// Takes a whole text, and says how what may leave came about; `into` is empty before.
    ///
    /// # Errors
    /// Where a rule blocks, and where the text is none.
    pub(crate) fn whole(&mut self, text: &[u8], into: &mut Output, seen: &mut Inspection) -> Result<(), BodyError> {
        if let Some((_, kind)) = self.watch.look(text) {
            return Err(kind.into());
        }
        seen.scanned += text.len() as u64;
        self.redactor.begin_labelled(&self.actions, &[]);
        let result = self.redactor.push_last(text, &mut self.output);
        let counted = seen.record(&self.output.findings, &self.actions);
        match &mut self.restorer {
            Some(restorer) => {
                restorer.0.push(&self.output, into);
                restorer.0.finish(into);
            }
            None => std::mem::swap(into, &mut self.output),
        }
        self.output.clear();
        result?;
        counted
    }

    /// Bytes held back now.
    pub(crate) fn held(&self) -> usize {
        let lines = self.lines.as_ref().map_or(0, |lines| lines.held());
        self.redactor.held() + lines + self.restorer.as_ref().map_or(0, |restorer| restorer.0.held())
    }

    /// What was decided before a block may leave too.
    fn deliver(
        &mut self,
        result: Result<(), Blocked>,
        out: &mut Vec<u8>,
        seen: &mut Inspection,
    ) -> Result<(), BodyError> {
        let counted = seen.record(&self.output.findings, &self.actions);
        let taken = match (&mut self.lines, &mut self.restorer) {
            _ if counted.is_err() => Ok(()),
            (Some(lines), _) => lines.take(&self.output, out, seen),
            (None, Some(restorer)) => {
                let (restorer, opened) = &mut **restorer;
                restorer.push(&self.output, opened);
                out.extend_from_slice(&opened.bytes);
                opened.clear();
                Ok(())
            }
            (None, None) => {
                out.extend_from_slice(&self.output.bytes);
                Ok(())
            }
        };
        seen.held_peak = seen.held_peak.max(self.held());
        self.output.clear();
        result?;
        counted?;
        taken
    }
}

impl Transform for TextBody {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        match self.take(input, out, seen)? {
            None => Ok(()),
            Some((_, kind)) => Err(kind.into()),
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        let result = self.redactor.finish(&mut self.output);
        self.deliver(result, out, seen)?;
        if let Some(restorer) = &mut self.restorer {
            let (restorer, opened) = &mut **restorer;
            restorer.finish(opened);
            out.extend_from_slice(&opened.bytes);
            opened.clear();
        }
        match &mut self.lines {
            Some(lines) => lines.finish(out, seen),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for TextBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TextBody({} bytes held)", self.held())
    }
}

/// Looks along a text for what makes it none.
pub(super) enum Watch {
    /// For NULs as UTF-16 and UTF-32 have them: a run of single bytes between them.
    Wide { at: u64, last: Option<u64>, run: u8 },
    /// For anything but UTF-8 text.
    Utf8(Utf8),
}

impl Watch {
    /// For a text that was announced as such.
    pub(super) fn announced() -> Self {
        Self::Wide { at: 0, last: None, run: 0 }
    }

    /// The place of the first byte that makes the text none, and what is wrong with it.
    pub(super) fn look(&mut self, text: &[u8]) -> Option<(usize, BodyErrorKind)> {
        match self {
            Self::Wide { at, last, run } => {
                for nul in memchr::memchr_iter(0, text) {
                    let place = *at + nul as u64;
                    *run = match last.replace(place).map(|last| place - last) {
                        Some(2) => *run + 1,
                        Some(1) => *run,
                        _ => 0,
                    };
                    if *run == WIDE_RUN {
                        return Some((nul, BodyErrorKind::Charset));
                    }
                }
                *at += text.len() as u64;
                None
            }
            Self::Utf8(state) => {
                text.iter().position(|byte| !state.takes(*byte)).map(|at| (at, BodyErrorKind::MediaType))
            }
        }
    }
}

/// How far a UTF-8 sequence has come (RFC 3629 section 4): continuation bytes to come, and the range of the next one.
#[derive(Default)]
pub(super) struct Utf8 {
    left: u8,
    low: u8,
    high: u8,
}

impl Utf8 {
    fn takes(&mut self, byte: u8) -> bool {
        if self.left > 0 {
            let fits = self.low <= byte && byte <= self.high;
            *self = Self { left: self.left - 1, low: 0x80, high: 0xbf };
            return fits;
        }
        let (left, low, high) = match byte {
            b'\t' | b'\n' | b'\r' | 0x08 | 0x0c | 0x1b | 0x20..=0x7f => return true,
            0xc2..=0xdf => (1, 0x80, 0xbf),
            0xe0 => (2, 0xa0, 0xbf),
            0xed => (2, 0x80, 0x9f),
            0xe1..=0xef => (2, 0x80, 0xbf),
            0xf0 => (3, 0x90, 0xbf),
            0xf1..=0xf3 => (3, 0x80, 0xbf),
            0xf4 => (3, 0x80, 0x8f),
            _ => return false,
        };
        *self = Self { left, low, high };
        true
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic here is a failed test")]

    use super::*;
    use crate::engine::RuleSet;

    fn scopes() -> Scopes {
        let rules = RuleSet::build(Vec::new()).unwrap();
        Scopes {
            rules: Arc::new(rules),
            actions: Arc::new(ActionTable::new(Vec::new(), None)),
            paths: Vec::new(),
            tools: None,
            restore: None,
        }
    }

    /// Runs a text whole and at every split, which must agree but for what had left before a fault.
    fn run(make: fn(&Scopes) -> TextBody, text: &[u8]) -> Result<(), BodyErrorKind> {
        let whole = run_in(make, &[text]);
        for at in 0..=text.len() {
            let (left, right) = text.split_at(at);
            assert_eq!(run_in(make, &[left, right]), whole, "at {at}");
        }
        whole.1
    }

    fn run_in(make: fn(&Scopes) -> TextBody, chunks: &[&[u8]]) -> (Vec<u8>, Result<(), BodyErrorKind>) {
        let (mut body, mut out, mut seen) = (make(&scopes()), Vec::new(), Inspection::default());
        for chunk in chunks {
            if let Err(error) = body.push(chunk, &mut out, &mut seen) {
                return (out, Err(error.kind));
            }
        }
        body.finish(&mut out, &mut seen).unwrap();
        assert_eq!(out, chunks.concat());
        assert_eq!(seen.scanned, out.len() as u64);
        (out, Ok(()))
    }

    fn wide(text: &str, unit: fn(u16) -> Vec<u8>) -> Vec<u8> {
        text.encode_utf16().flat_map(unit).collect()
    }

    #[test]
    fn announced_text_may_hold_anything_but_wide_characters() {
        for fine in [&b""[..], b"plain", b"caf\xe9 \x80", b"log\0\0\0\0\0\0\0\0line", b"a\0b\0c\0d", b"\0\0\0\0\0\0"] {
            assert_eq!(run(TextBody::announced, fine), Ok(()), "{fine:?}");
        }
        for unit in [
            |unit: u16| unit.to_le_bytes().to_vec(),
            |unit: u16| unit.to_be_bytes().to_vec(),
            |unit: u16| u32::from(unit).to_le_bytes().to_vec(),
            |unit: u16| u32::from(unit).to_be_bytes().to_vec(),
        ] {
            let mut text = b"some ascii first ".to_vec();
            text.extend_from_slice(&wide("4111 1111", unit));
            assert_eq!(run(TextBody::announced, &text), Err(BodyErrorKind::Charset));
        }
    }

    #[test]
    fn sniffed_text_is_utf8_without_controls() {
        for fine in ["", "plain\r\n\ttext\x1b[0m", "\u{e9}\u{20ac}\u{1f600}\u{feff}\u{d7ff}\u{e000}\u{10ffff}\u{7f}"] {
            assert_eq!(run(TextBody::sniffed, fine.as_bytes()), Ok(()), "{fine:?}");
        }
        let bad: [&[u8]; 10] = [
            b"a\0",
            b"a\x01",
            b"\xe9 ",
            b"\xc0\x80",
            b"\xed\xa0\x80",
            b"\xf4\x90\x80\x80",
            b"\xf8",
            b"\x80",
            b"\xe2\x82a",
            b"\xff",
        ];
        for bad in bad {
            assert!(std::str::from_utf8(bad).is_err() || bad[1] < b' ');
            assert_eq!(run(TextBody::sniffed, bad), Err(BodyErrorKind::MediaType), "{bad:?}");
        }
    }

    #[test]
    fn the_watch_agrees_with_the_standard_library() {
        for value in 0..=0xffff_u32 {
            let bytes = [(value >> 8) as u8, value as u8, b'a', b'a'];
            if bytes.iter().all(|byte| *byte >= b' ') {
                let mut state = Utf8::default();
                let takes = bytes.iter().all(|byte| state.takes(*byte));
                assert_eq!(takes, std::str::from_utf8(&bytes).is_ok(), "{bytes:x?}");
            }
        }
    }
}
