//! The streaming redactor: push text in any chunking, get redacted text out as early as it is known.
//!
//! The text at hand lives in `scan`; this is the door to it, and what comes out of it: bytes, how they came about, and
//! findings that name places and never values.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::keywords::folded_words;
use super::marks::Overlay;
use super::operator::{Action, Fingerprint};
use super::passed::PassedLabels;
use super::ruleset::{ActionTable, RuleSet};
use super::scan::{Enabled, Force, Text};
use super::shadow::{Beside, Live};

/// Pushes are taken in pieces of this size, so that the buffer's is bounded.
const PIECE: usize = 16 << 10;
/// Bytes of a label that count.
const LABEL: usize = 128;

/// Redacts one logical text after another.
pub struct StreamRedactor {
    rules: Arc<RuleSet>,
    actions: Arc<ActionTable>,
    enabled: Enabled,
    text: Text,
    /// Where another rule set reads along.
    beside: Option<Box<Beside>>,
    /// The label of the text at hand.
    label: Vec<u8>,
    /// The labels that came often, looked along.
    passed: PassedLabels,
    /// The text so far, where another service reads it or has read it: it is decided at its end.
    whole: Vec<u8>,
}

impl StreamRedactor {
    /// A redactor at the beginning of a text.
    #[must_use]
    pub fn new(rules: Arc<RuleSet>, actions: Arc<ActionTable>) -> Self {
        let enabled = Enabled::new(&rules, &actions);
        let beside = actions.shadow().map(|shadow| Box::new(Beside::new(shadow, &actions)));
        Self {
            rules,
            actions,
            enabled,
            text: Text::default(),
            beside,
            label: Vec::new(),
            passed: PassedLabels::default(),
            whole: Vec::new(),
        }
    }

    /// Takes the next bytes of the text and appends to `out` what is decided.
    ///
    /// # Errors
    /// [`Blocked`] when a rule whose action is block matched; nothing of its match is in `out`, and every later call
    /// gives the same error until [`StreamRedactor::restart`].
    pub fn push(&mut self, text: &[u8], out: &mut Output) -> Result<(), Blocked> {
        if self.actions.overlay().is_some() {
            self.whole.extend_from_slice(text);
            return self.text.stands();
        }
        for piece in text.chunks(PIECE) {
            self.step(piece, false, out)?;
        }
        Ok(())
    }

    fn step(&mut self, piece: &[u8], last: bool, out: &mut Output) -> Result<(), Blocked> {
        let (force, state) = self.parts();
        state.take(piece, last);
        let before = out.findings.len();
        let outcome = state.advance(force, last, out);
        if self.beside.is_some() {
            self.see(piece, last, out.findings.get(before..).unwrap_or_default(), outcome.is_err());
        }
        outcome
    }

    /// Has another rule set read what the rules in force have read.
    fn see(&mut self, piece: &[u8], last: bool, found: &[Finding], blocked: bool) {
        let Some(beside) = &mut self.beside else { return };
        let settled = if last { u64::MAX } else { self.text.settled() };
        beside.step(piece, last, &Live { rules: &self.rules, actions: &self.actions, found, settled, blocked });
    }

    /// Ends the text: decides and appends what was held. The redactor is then at the beginning of a new text.
    ///
    /// # Errors
    /// As [`StreamRedactor::push`].
    pub fn finish(&mut self, out: &mut Output) -> Result<(), Blocked> {
        self.end(&[], out)
    }

    fn end(&mut self, rest: &[u8], out: &mut Output) -> Result<(), Blocked> {
        if let Some(overlay) = self.actions.overlay().cloned() {
            return self.end_overlaid(&overlay, rest, out);
        }
        self.step(rest, true, out)?;
        self.text.begin(&[]);
        Ok(())
    }

    /// The end of a text that another service reads, or has read.
    fn end_overlaid(&mut self, overlay: &Overlay, rest: &[u8], out: &mut Output) -> Result<(), Blocked> {
        let mut whole = std::mem::take(&mut self.whole);
        whole.extend_from_slice(rest);
        let (force, state) = self.parts();
        match overlay {
            Overlay::Keep(texts) => {
                texts.add(&whole);
                out.clear_run(&whole);
            }
            Overlay::Apply(marks) => {
                state.take(&whole, true);
                state.mark(force, marks.of(&whole));
                let before = out.findings.len();
                let outcome = state.advance(force, true, out);
                self.see(&whole, true, out.findings.get(before..).unwrap_or_default(), outcome.is_err());
                outcome?;
            }
        }
        self.text.begin(&[]);
        Ok(())
    }

    /// Takes a whole text, or the rest of one: [`StreamRedactor::push`] and [`StreamRedactor::finish`] with one look.
    ///
    /// # Errors
    /// As [`StreamRedactor::push`].
    pub fn push_last(&mut self, text: &[u8], out: &mut Output) -> Result<(), Blocked> {
        let rest = text.len() - text.len() % PIECE;
        let (whole_pieces, rest) = text.split_at(rest);
        self.push(whole_pieces, out)?;
        self.end(rest, out)
    }

    /// Drops what is held and starts a new text, under these actions of the same rule set.
    pub fn restart(&mut self, actions: &Arc<ActionTable>) {
        self.set_actions(actions);
        self.whole.clear();
        self.text.begin(&[]);
        if let Some(beside) = &mut self.beside {
            beside.begin(&[], &[]);
        }
    }

    fn set_actions(&mut self, actions: &Arc<ActionTable>) {
        if Arc::ptr_eq(&self.actions, actions) {
            return;
        }
        self.actions = Arc::clone(actions);
        self.enabled = Enabled::new(&self.rules, &self.actions);
        self.passed.forget();
        match (&mut self.beside, actions.shadow()) {
            (Some(beside), Some(shadow)) => beside.under(shadow, actions),
            (beside, shadow) => *beside = shadow.map(|shadow| Box::new(Beside::new(shadow, actions))),
        }
    }

    /// As [`StreamRedactor::restart`], for a text that has a name: it is scanned as if `label: ` stood before it. Nothing
    /// of the label leaves, findings count from the text's first byte, and there a text begins for expressions too. Of
    /// a long label its last 128 bytes count; names such as `taxId` are read whole and as the words they have. What is called a token
    /// or a key and is no credential (`nextPageToken`, `public_key`) is scanned as if it had no name. Rules for fields that
    /// the label names take the text whole.
    pub fn begin_labelled(&mut self, actions: &Arc<ActionTable>, label: &[u8]) {
        self.set_actions(actions);
        self.whole.clear();
        let force = Force { rules: &self.rules, actions: &self.actions, enabled: self.enabled };
        self.passed.begin(force, label, &mut self.label, &mut self.text);
        if let Some(beside) = &mut self.beside {
            beside.begin(&self.label, label);
        }
    }

    /// As [`StreamRedactor::begin_labelled`], for a text that several names are given, the nearest one last, of which
    /// none takes anything from another: each by itself may name a field, as may all of them together, and `next` before
    /// `token` makes no place in a list of it.
    pub fn begin_called<'a>(&mut self, actions: &Arc<ActionTable>, names: impl Iterator<Item = &'a [u8]> + Clone) {
        let names = names.filter(|name| !name.is_empty());
        let mut rest = names.clone();
        let (first, second) = (rest.next().unwrap_or_default(), rest.next());
        if second.is_none() {
            return self.begin_labelled(actions, first);
        }
        let all = joined(names.clone());
        let telling = joined(names.clone().filter(|name| !is_no_credential(name)));
        self.set_actions(actions);
        self.whole.clear();
        self.label.clear();
        spell_out(&telling, &mut self.label);
        self.text.begin(&self.label);
        let force = Force { rules: &self.rules, actions: &self.actions, enabled: self.enabled };
        self.text.begin_field(force, &all);
        names.clone().for_each(|name| self.text.begin_field(force, name));
        if let Some(beside) = &mut self.beside {
            beside.begin(&self.label, &all);
            names.for_each(|name| beside.call(name));
        }
    }

    /// Whether rules for fields take a text of this label whole.
    #[must_use]
    pub fn takes_whole(&self, label: &[u8]) -> bool {
        let mut takes = false;
        self.rules.fields.named(label, |wanted| takes |= !matches!(self.actions.action(wanted.rule), Action::Off));
        takes
    }

    /// Bytes held back now.
    #[must_use]
    pub fn held(&self) -> usize {
        self.text.held() + self.whole.len()
    }

    /// What is held back now, as it came.
    pub(crate) fn waiting(&self) -> Vec<u8> {
        let [begin, end] = self.text.waiting();
        [self.whole.as_slice(), begin, end].concat()
    }

    /// The actions in force.
    #[must_use]
    pub fn actions(&self) -> &Arc<ActionTable> {
        &self.actions
    }

    fn parts(&mut self) -> (Force<'_>, &mut Text) {
        (Force { rules: &self.rules, actions: &self.actions, enabled: self.enabled }, &mut self.text)
    }
}

/// Names with blanks between them.
fn joined<'a>(names: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut all = Vec::new();
    for name in names {
        if !all.is_empty() {
            all.push(b' ');
        }
        all.extend_from_slice(name);
    }
    all
}

/// Whether a label names a place in a list or a repeated request, which is called a token and is no credential (whoever
/// pages on must send it back as it came), or a key that is public. What has a secret's shape is one all the same.
pub(super) fn is_no_credential(label: &[u8]) -> bool {
    const OF: [&[u8]; 13] = [
        b"page",
        b"pagination",
        b"next",
        b"prev",
        b"previous",
        b"continuation",
        b"continue",
        b"cursor",
        b"sync",
        b"resume",
        b"idempotency",
        b"marker",
        b"watermark",
    ];
    let ends = |word: &[u8]| {
        let end = label.len().checked_sub(word.len()).and_then(|at| label.get(at..));
        end.is_some_and(|end| end.eq_ignore_ascii_case(word))
    };
    if !ends(b"token") && !ends(b"key") {
        return false;
    }
    let words = folded_words(&String::from_utf8_lossy(label));
    match words.as_slice() {
        [.., of, key] if key == b"key" => matches!(of.as_slice(), b"public" | b"publishable"),
        [.., client, request, _] if client == b"client" && request == b"request" => true,
        [.., of, _] => OF.contains(&of.as_slice()),
        _ => false,
    }
}

impl fmt::Debug for StreamRedactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamRedactor({} bytes held)", self.held())
    }
}

/// Appends the end of a label with its words apart, and what sets it off from the text; nothing for an empty one. Where
/// words were put apart the label as it is written stands before it: `PhilHealth` is one word with a capital inside.
pub(super) fn spell_out(label: &[u8], out: &mut Vec<u8>) {
    let cut = label.len().saturating_sub(LABEL);
    let tail = label.get(cut..).unwrap_or_default();
    let broken = if cut > 0 { tail.iter().take_while(|byte| **byte & 0xC0 == 0x80).count() } else { 0 };
    let label = tail.get(broken..).unwrap_or_default().trim_ascii();
    let (begin, mut before) = (out.len(), b' ');
    for (at, byte) in label.iter().enumerate() {
        let small = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_lowercase);
        let begins = byte.is_ascii_uppercase()
            && (before.is_ascii_lowercase() || before.is_ascii_uppercase() && small(label.get(at + 1)));
        if begins {
            out.push(b' ');
        }
        out.push(*byte);
        before = *byte;
    }
    if out.len() - begin > label.len() {
        out.splice(begin..begin, label.iter().copied().chain([b' ']));
    }
    if !label.is_empty() {
        out.extend_from_slice(b": ");
    }
}

/// What a push or a finish gave. Reused from call to call; [`Output::clear`] empties it.
///
/// `bytes` is the redacted text; `pieces` says how it came from the original, in order, so that a caller that keeps
/// the original in another encoding (a JSON literal) can copy untouched stretches verbatim.
#[derive(Default)]
pub struct Output {
    /// Redacted text.
    pub bytes: Vec<u8>,
    /// How `bytes` came about; the lengths of the pieces sum to it.
    pub pieces: Vec<Piece>,
    /// Findings decided, in order.
    pub findings: Vec<Finding>,
    /// Where values stood whose record is to go with them, in order.
    pub drops: Vec<Dropped>,
}

/// A stretch of output.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Piece {
    /// The next `len` bytes of the original, unchanged.
    Clear {
        /// Length in bytes.
        len: usize,
    },
    /// `taken` bytes of the original gave way to `given` bytes of output.
    Replaced {
        /// Bytes of the original.
        taken: usize,
        /// Bytes of output.
        given: usize,
    },
}

/// A rule's match that passed its checks. It names a place, never the value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// Index into [`RuleSet::rules`].
    pub rule: usize,
    /// Where, in bytes of the text since its beginning.
    pub span: Range<u64>,
    /// A keyed hash of the value, where the actions have a key for that and the value was seen whole.
    pub fingerprint: Option<Fingerprint>,
}

/// A rule matched whose action is [`Action::Drop`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dropped {
    /// Index into [`RuleSet::rules`].
    pub rule: usize,
    /// How many of [`Output::pieces`] stand before it.
    pub piece: usize,
}

/// A rule with the action block matched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Blocked {
    /// Index into [`RuleSet::rules`].
    pub rule: usize,
}

impl Output {
    /// Empties it and keeps its memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.pieces.clear();
        self.findings.clear();
        self.drops.clear();
    }

    /// Whether every byte given so far stands as it came.
    #[must_use]
    pub fn is_verbatim(&self) -> bool {
        self.pieces.iter().all(|piece| matches!(piece, Piece::Clear { .. }))
    }

    pub(super) fn clear_run(&mut self, text: &[u8]) {
        if text.is_empty() {
            return;
        }
        self.bytes.extend_from_slice(text);
        match self.pieces.last_mut() {
            Some(Piece::Clear { len }) => *len += text.len(),
            Some(Piece::Replaced { .. }) | None => self.pieces.push(Piece::Clear { len: text.len() }),
        }
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Output({} bytes, {} pieces, {} findings)", self.bytes.len(), self.pieces.len(), self.findings.len())
    }
}

#[cfg(test)]
mod tests {
    use super::is_no_credential;

    #[test]
    fn tokens_that_page_and_public_keys_are_no_credentials() {
        for label in [
            "nextPageToken",
            "next_page_token",
            "NextToken",
            "NextContinuationToken",
            "pageToken",
            "syncToken",
            "public_key",
            "publishableKey",
            "clientRequestToken",
        ] {
            assert!(is_no_credential(label.as_bytes()), "{label}");
        }
        for label in [
            "token",
            "apiKey",
            "accessToken",
            "refresh_token",
            "requestToken",
            "client_token",
            "page",
            "nextToken2",
            "api_token",
        ] {
            assert!(!is_no_credential(label.as_bytes()), "{label}");
        }
    }
}
