//! One logical text, wherever its pieces come from: a string value, the deltas of a streamed answer, the arguments of
//! a tool call.
//!
//! Enters: decoded text in any chunking. Leaves: redacted text as early as it is known, and how it came from the
//! original, so that an outer layer can copy untouched stretches in their own encoding. A text that is itself JSON is
//! read as JSON: strings, keys and numbers in it are scanned decoded, and what has left is always the beginning of
//! valid JSON, never cut inside an escape. Text that turns out not to be JSON goes on as plain text.

use std::fmt;
use std::sync::Arc;

use super::brief::Brief;
use super::coded::Coded;
use super::exempt::{Exempt, Form, Reason};
use super::known::{Answer, Known};
use super::nested::Nested;
use super::out::TextOut;
use crate::body::charset::Named;
use crate::body::restore::Opens;
use crate::body::{BodyError, BodyErrorKind, BodyLimits, Inspection};
use crate::engine::{ActionTable, Ends, Output, Piece, Restorer, RuleSet, StreamRedactor};

/// How many texts are read as JSON within each other.
const MAX_NESTING: u8 = 4;
/// How far the beginning of a text is looked at.
const SNIFFED: usize = 64;

/// Bytes that most labels have room in.
const LABEL: usize = 64;

/// How a text is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reading {
    /// As it stands.
    Plain,
    /// As JSON where it looks like an object or an array.
    Sniffing,
    /// As JSON until it proves otherwise.
    Json,
    /// Not at all, as long as it is what it claims to be; what is said of its character set where it is called text.
    Exempt(Form, Reason, Option<Named>),
    /// Not at all, if the whole of it is what it claims to be.
    Brief(Brief),
}

/// Where in a text the next byte stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Plain,
    Sniffing,
    Json,
    Exempt(Reason),
    Brief(Brief),
    /// A file of text in another set than UTF-8.
    Coded(Reason),
}

/// What every text of one body shares.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) rules: Arc<RuleSet>,
    pub(super) depth: usize,
    pub(super) hold: usize,
}

impl Shared {
    pub(super) fn new(rules: &Arc<RuleSet>, limits: &BodyLimits) -> Self {
        Self { rules: Arc::clone(rules), depth: limits.json_depth, hold: limits.json_hold }
    }
}

/// A logical text being redacted.
pub struct LogicalText {
    shared: Shared,
    actions: Arc<ActionTable>,
    redactor: StreamRedactor,
    reading: Reading,
    state: State,
    /// The beginning of a text that is not decided yet.
    sniffed: Vec<u8>,
    nested: Option<Box<Nested>>,
    exempt: Option<Box<Exempt>>,
    coded: Option<Box<Coded>>,
    nesting: u8,
    /// What the text is called.
    label: Vec<u8>,
    /// The redactor has not been told yet that another text begins.
    fresh: bool,
    known: Known,
    /// Nothing was found in the last text that was taken whole.
    clean: bool,
    scratch: Output,
    /// Whether tokens of the exchange are opened in the text.
    opening: Opens,
    /// How the texts ended that a reader may add it to, until the restorer knows.
    before: Ends,
    /// Made when there is a token to open.
    restorer: Option<Box<Restorer>>,
    /// Some of the text has passed unseen by the restorer.
    unseen: bool,
    opened: Output,
    /// What the plain reading of a text had beyond its JSON.
    rest: TextOut,
}

impl LogicalText {
    /// A text that is never read as JSON: prose, a thought, a refusal.
    #[must_use]
    pub fn plain(rules: &Arc<RuleSet>, actions: &Arc<ActionTable>) -> Self {
        let shared = Shared::new(rules, &BodyLimits::default());
        Self::new(shared, actions, Reading::Plain, 0)
    }

    /// A text that is read as JSON where its beginning looks like an object or an array: any string value.
    #[must_use]
    pub fn sniffing(rules: &Arc<RuleSet>, actions: &Arc<ActionTable>, limits: &BodyLimits) -> Self {
        Self::new(Shared::new(rules, limits), actions, Reading::Sniffing, 0)
    }

    /// A text that is JSON until it proves otherwise: the arguments of a tool call.
    #[must_use]
    pub fn arguments(rules: &Arc<RuleSet>, actions: &Arc<ActionTable>, limits: &BodyLimits) -> Self {
        Self::new(Shared::new(rules, limits), actions, Reading::Json, 0)
    }

    pub(super) fn new(shared: Shared, actions: &Arc<ActionTable>, reading: Reading, nesting: u8) -> Self {
        let mut text = Self {
            redactor: StreamRedactor::new(Arc::clone(&shared.rules), Arc::clone(actions)),
            shared,
            actions: Arc::clone(actions),
            reading,
            state: State::Plain,
            sniffed: Vec::new(),
            nested: None,
            exempt: None,
            coded: None,
            nesting,
            label: Vec::new(),
            fresh: false,
            known: Known::default(),
            clean: false,
            scratch: Output::default(),
            opening: Opens::No,
            before: Ends::default(),
            restorer: None,
            unseen: false,
            opened: Output::default(),
            rest: TextOut::default(),
        };
        text.begin(reading);
        text
    }

    /// Takes the next decoded bytes and appends to `out` what is decided.
    ///
    /// # Errors
    /// A rule with the action block matched.
    pub fn push(&mut self, decoded: &[u8], out: &mut TextOut, seen: &mut Inspection) -> Result<(), BodyError> {
        match self.state {
            State::Plain => self.push_plain(decoded, out, seen),
            State::Sniffing => self.push_sniffing(decoded, out, seen),
            State::Json => self.push_json(decoded, out, seen),
            State::Exempt(reason) => self.push_exempt(reason, decoded, out, seen),
            State::Brief(_) => self.push_brief(decoded, out, seen),
            State::Coded(reason) => {
                let hold = self.shared.hold;
                self.coded.as_mut().map_or(Ok(()), |coded| coded.push(decoded, hold, reason, out, seen))
            }
        }?;
        seen.held_peak = seen.held_peak.max(self.held());
        Ok(())
    }

    /// Ends the text and appends what was held. A new text of the same kind may begin after it.
    ///
    /// # Errors
    /// As [`LogicalText::push`].
    pub fn finish(&mut self, out: &mut TextOut, seen: &mut Inspection) -> Result<(), BodyError> {
        match self.state {
            State::Plain => {}
            State::Sniffing => {
                self.state = State::Plain;
                let sniffed = std::mem::take(&mut self.sniffed);
                self.push_plain(&sniffed, out, seen)?;
                self.sniffed = sniffed;
            }
            State::Json => self.finish_json(out, seen)?,
            State::Exempt(reason) => self.finish_exempt(reason, out, seen)?,
            State::Brief(brief) => {
                let text = std::mem::take(&mut self.sniffed);
                if !text.is_empty() && !brief.accepts(&text) {
                    self.state = self.may_be_json();
                    self.push(&text, out, seen)?;
                    return self.finish(out, seen);
                }
                out.keep(&text);
                if !text.is_empty() {
                    seen.exempt(brief.reason(), text.len() as u64);
                }
            }
            State::Coded(reason) => self.finish_coded(reason, out, seen)?,
        }
        if self.state == State::Plain {
            self.tell_redactor();
            self.scratch.clear();
            let finished = self.redactor.finish(&mut self.scratch);
            let taken = self.take(out, seen);
            finished?;
            taken?;
            self.release(out);
        }
        self.label.clear();
        self.begin(self.reading);
        Ok(())
    }

    /// Takes a whole text, or the rest of one: [`LogicalText::push`] and [`LogicalText::finish`] with one look.
    ///
    /// # Errors
    /// As [`LogicalText::push`].
    pub fn push_last(&mut self, decoded: &[u8], out: &mut TextOut, seen: &mut Inspection) -> Result<(), BodyError> {
        if self.state == State::Sniffing && self.sniffed.is_empty() && sniff(decoded) != Some(true) {
            self.state = State::Plain;
        }
        if self.state != State::Plain {
            self.push(decoded, out, seen)?;
            return self.finish(out, seen);
        }
        seen.scanned += decoded.len() as u64;
        let known = self.ask(decoded);
        if matches!(known, Answer::Clean) {
            out.append_text(decoded, &[Piece::Clear { len: decoded.len() }]);
        } else {
            self.tell_redactor();
            self.scratch.clear();
            let scanned = self.redactor.push_last(decoded, &mut self.scratch);
            let clean = self.is_clean();
            let taken = self.take(out, seen);
            scanned?;
            taken?;
            if clean {
                self.known.keep(&known);
            }
            self.release(out);
        }
        self.label.clear();
        self.begin(self.reading);
        Ok(())
    }

    /// Bytes of the text held back now.
    #[must_use]
    pub fn held(&self) -> usize {
        match self.state {
            State::Plain | State::Json if self.fresh => 0,
            State::Plain => self.redactor.held() + self.restorer.as_ref().map_or(0, |restorer| restorer.held()),
            State::Sniffing | State::Brief(_) => self.sniffed.len(),
            State::Json => self.redactor.held().max(self.nested.as_ref().map_or(0, |nested| nested.held())),
            State::Exempt(_) => self.exempt.as_ref().map_or(0, |exempt| exempt.kept().len()),
            State::Coded(_) => self.coded.as_ref().map_or(0, |coded| coded.held()),
        }
    }

    /// Drops what is held and begins a text under these actions.
    pub(super) fn restart(&mut self, actions: &Arc<ActionTable>, reading: Reading) {
        self.fresh = true;
        self.label.clear();
        if !Arc::ptr_eq(&self.actions, actions) {
            self.actions = Arc::clone(actions);
        }
        self.begin(reading);
    }

    /// Chooses how the next text is read; nothing of it may have been pushed.
    pub(super) fn begin(&mut self, reading: Reading) {
        self.reading = reading;
        self.sniffed.clear();
        self.coded = None;
        self.unseen = false;
        if let Some(restorer) = &mut self.restorer {
            restorer.begin();
        }
        self.state = match reading {
            Reading::Sniffing => self.may_be_json(),
            Reading::Json if self.nesting < MAX_NESTING => {
                self.begin_json();
                State::Json
            }
            Reading::Plain | Reading::Json => State::Plain,
            Reading::Brief(brief) => State::Brief(brief),
            Reading::Exempt(form, reason, told) => {
                let holdback = self.shared.rules.holdback();
                self.exempt.get_or_insert_with(|| Box::new(Exempt::new(holdback))).restart(form, reason, told);
                State::Exempt(reason)
            }
        };
    }

    /// How a text begins that may be JSON.
    fn may_be_json(&self) -> State {
        if self.nesting < MAX_NESTING { State::Sniffing } else { State::Plain }
    }

    /// Says whether tokens are opened in the text that begins; nothing of it may have been pushed.
    pub(in crate::body) fn open_tokens(&mut self, opening: Opens) {
        self.opening = opening;
        self.before = Ends::default();
        if let Some(restorer) = &mut self.restorer {
            restorer.read_strings(self.nesting > 0 || opening == Opens::Value);
        }
        if let Some(nested) = &mut self.nested {
            nested.open_tokens(opening);
        }
    }

    /// Says that a reader may add the text that begins to those that ended so; nothing of it may have been pushed.
    pub(in crate::body) fn follow(&mut self, ended: Ends) {
        self.before = ended;
    }

    /// How the last text ended in which tokens were opened for a reader; once.
    pub(in crate::body) fn take_ended(&mut self) -> Option<Ends> {
        self.restorer.as_mut().and_then(|restorer| restorer.take_ended())
    }

    /// How the text would end if no more of it came; nothing where no token has been live since it began.
    pub(in crate::body) fn ending(&self) -> Ends {
        let Some(restorer) = self.restorer.as_ref().filter(|_| matches!(self.opening, Opens::Prose { .. })) else {
            return Ends::default();
        };
        let mut ends = match self.state {
            State::Plain => restorer.ending(&self.redactor.waiting()),
            State::Sniffing => restorer.ending(&self.sniffed),
            State::Json | State::Exempt(_) | State::Brief(_) | State::Coded(_) if self.held() == 0 => {
                restorer.ending(b"")
            }
            State::Json | State::Exempt(_) | State::Brief(_) | State::Coded(_) => Ends::unknown(),
        };
        ends.add_all(&self.before);
        ends
    }

    /// Says what the text that begins is called; nothing of it may have been pushed.
    pub(in crate::body) fn call(&mut self, label: &[u8]) {
        self.begin_labelled(self.reading, label);
    }

    /// Whether rules for fields take a text of this label whole.
    pub(in crate::body) fn takes_whole(&self, label: &[u8]) -> bool {
        self.redactor.takes_whole(label)
    }

    /// As [`LogicalText::begin`], for a text that is called so, or has no name where the label is empty.
    pub(super) fn begin_labelled(&mut self, reading: Reading, label: &[u8]) {
        self.label.clear();
        self.label.reserve(label.len().max(LABEL));
        self.label.extend_from_slice(label);
        self.fresh = true;
        self.begin(reading);
    }

    /// Has the redactor begin the text at hand, where it is not in it.
    fn tell_redactor(&mut self) {
        if std::mem::take(&mut self.fresh) {
            self.redactor.begin_labelled(&self.actions, &self.label);
        }
    }

    /// What is known of the text, where it begins here and is whole.
    fn ask(&mut self, text: &[u8]) -> Answer {
        let opening = self.opening != Opens::No && self.actions.tokens().is_some();
        if self.fresh && !opening { self.known.ask(&self.actions, &self.label, text) } else { Answer::Unfit }
    }

    /// Whether the engine gave back what it was given and had nothing to say of it.
    fn is_clean(&self) -> bool {
        let Output { findings, drops, .. } = &self.scratch;
        findings.is_empty() && drops.is_empty() && self.scratch.is_verbatim()
    }

    /// Whether nothing was found in the text that [`LogicalText::whole`] took last.
    pub(super) fn was_clean(&self) -> bool {
        self.clean
    }

    /// The actions in force.
    pub(super) fn actions(&self) -> &Arc<ActionTable> {
        &self.actions
    }

    /// Takes a whole text; true when it stands as it came, and then nothing is appended to `out`.
    pub(in crate::body) fn whole(
        &mut self,
        text: &[u8],
        out: &mut TextOut,
        seen: &mut Inspection,
    ) -> Result<bool, BodyError> {
        self.clean = false;
        if self.state == State::Sniffing && sniff(text) != Some(true) {
            self.state = State::Plain;
        }
        if self.state != State::Plain {
            out.clear();
            self.push(text, out, seen)?;
            self.finish(out, seen)?;
            return Ok(out.is_verbatim());
        }
        seen.scanned += text.len() as u64;
        let known = self.ask(text);
        if matches!(known, Answer::Clean) {
            self.clean = true;
            self.label.clear();
            self.begin(self.reading);
            return Ok(true);
        }
        self.tell_redactor();
        self.scratch.clear();
        let decided = self.redactor.push_last(text, &mut self.scratch);
        if decided.is_ok() && self.is_clean() {
            self.clean = true;
            self.known.keep(&known);
        }
        let counted = seen.record(&self.scratch.findings, &self.actions);
        seen.doom(&self.scratch);
        decided?;
        counted?;
        if let Some(restorer) = restorer(
            &mut self.restorer,
            self.opening,
            &self.actions,
            (&mut self.unseen, &mut self.before, self.nesting),
        ) {
            self.opened.clear();
            restorer.push(&self.scratch, &mut self.opened);
            restorer.finish(&mut self.opened);
            std::mem::swap(&mut self.scratch, &mut self.opened);
        }
        let verbatim = self.scratch.is_verbatim();
        if !verbatim {
            out.clear();
            out.append(&self.scratch);
        }
        self.label.clear();
        self.begin(self.reading);
        Ok(verbatim)
    }

    fn push_plain(&mut self, decoded: &[u8], out: &mut TextOut, seen: &mut Inspection) -> Result<(), BodyError> {
        seen.scanned += decoded.len() as u64;
        self.tell_redactor();
        self.scratch.clear();
        let pushed = self.redactor.push(decoded, &mut self.scratch);
        let taken = self.take(out, seen);
        pushed?;
        taken
    }

    fn push_sniffing(&mut self, decoded: &[u8], out: &mut TextOut, seen: &mut Inspection) -> Result<(), BodyError> {
        if self.sniffed.is_empty() {
            return match sniff(decoded) {
                None => {
                    self.sniffed.extend_from_slice(decoded);
                    Ok(())
                }
                Some(json) => self.sniffed_as(json, decoded, out, seen),
            };
        }
        self.sniffed.extend_from_slice(decoded);
        let Some(json) = sniff(&self.sniffed) else { return Ok(()) };
        let text = std::mem::take(&mut self.sniffed);
        let pushed = self.sniffed_as(json, &text, out, seen);
        self.sniffed = text;
        self.sniffed.clear();
        pushed
    }

    fn sniffed_as(
        &mut self,
        json: bool,
        text: &[u8],
        out: &mut TextOut,
        seen: &mut Inspection,
    ) -> Result<(), BodyError> {
        if json {
            self.begin_json();
            self.state = State::Json;
            self.push_json(text, out, seen)
        } else {
            self.state = State::Plain;
            self.push_plain(text, out, seen)
        }
    }

    fn begin_json(&mut self) {
        match &mut self.nested {
            Some(nested) => nested.restart(&self.actions, &self.label),
            None => {
                let mut nested = Nested::new(self.shared.clone(), &self.actions, self.nesting + 1);
                nested.open_tokens(self.opening);
                nested.restart(&self.actions, &self.label);
                self.nested = Some(Box::new(nested));
            }
        }
    }

    fn push_json(&mut self, text: &[u8], out: &mut TextOut, seen: &mut Inspection) -> Result<(), BodyError> {
        seen.scanned += text.len() as u64;
        self.tell_redactor();
        self.scratch.clear();
        let pushed = self.redactor.push(text, &mut self.scratch);
        seen.doom(&self.scratch);
        let Some(nested) = &mut self.nested else { return Ok(()) };
        let counted = if pushed.is_err() { seen.record(&self.scratch.findings, &self.actions) } else { Ok(()) };
        pushed?;
        counted?;
        let before = out.bytes.len();
        let ended = nested.push(text, &self.scratch, out, seen)?;
        if ended {
            self.rest.clear();
            nested.hand_over(out, &mut self.rest, seen, &self.actions)?;
            self.state = State::Plain;
        }
        self.go_over(before, out);
        Ok(())
    }

    fn finish_json(&mut self, out: &mut TextOut, seen: &mut Inspection) -> Result<(), BodyError> {
        let Some(nested) = &mut self.nested else { return Ok(()) };
        nested.finish(seen)?;
        self.tell_redactor();
        let Some(nested) = &mut self.nested else { return Ok(()) };
        self.scratch.clear();
        let finished = self.redactor.finish(&mut self.scratch);
        seen.doom(&self.scratch);
        let counted = if finished.is_err() { seen.record(&self.scratch.findings, &self.actions) } else { Ok(()) };
        finished?;
        counted?;
        nested.flat(&self.scratch);
        let before = out.bytes.len();
        self.rest.clear();
        nested.hand_over(out, &mut self.rest, seen, &self.actions)?;
        self.go_over(before, out);
        self.release(out);
        Ok(())
    }

    /// Gathers what may pass as a whole; what is too long is read as any other text.
    fn push_brief(&mut self, decoded: &[u8], out: &mut TextOut, seen: &mut Inspection) -> Result<(), BodyError> {
        self.sniffed.extend_from_slice(decoded);
        if self.sniffed.len() <= Brief::LONGEST {
            return Ok(());
        }
        let text = std::mem::take(&mut self.sniffed);
        self.state = self.may_be_json();
        self.push(&text, out, seen)
    }

    fn push_exempt(
        &mut self,
        reason: Reason,
        text: &[u8],
        out: &mut TextOut,
        seen: &mut Inspection,
    ) -> Result<(), BodyError> {
        let Some(mut exempt) = self.exempt.take() else { return Ok(()) };
        let good = exempt.push(text, &mut |passed: &[u8]| {
            out.keep(passed);
            seen.exempt(reason.name(), passed.len() as u64);
        });
        let scanned = if good { Ok(()) } else { self.end_exempt(&exempt, reason, out, seen) };
        self.exempt = Some(exempt);
        scanned
    }

    fn finish_exempt(&mut self, reason: Reason, out: &mut TextOut, seen: &mut Inspection) -> Result<(), BodyError> {
        let Some(mut exempt) = self.exempt.take() else { return Ok(()) };
        let scanned = if exempt.finish() {
            out.keep(exempt.kept());
            seen.exempt(reason.name(), exempt.kept().len() as u64);
            Ok(())
        } else {
            self.end_exempt(&exempt, reason, out, seen)
        };
        self.exempt = Some(exempt);
        scanned?;
        match self.state {
            State::Coded(_) => self.finish_coded(reason, out, seen),
            _ => Ok(()),
        }
    }

    /// Reads what is no media after all.
    fn end_exempt(
        &mut self,
        exempt: &Exempt,
        reason: Reason,
        out: &mut TextOut,
        seen: &mut Inspection,
    ) -> Result<(), BodyError> {
        let Some((charset, told, head, letters)) = exempt.coded() else {
            if exempt.is_unreadable() {
                return Err(BodyErrorKind::Charset.into());
            }
            self.state = State::Plain;
            return self.push_plain(exempt.kept(), out, seen);
        };
        if !head.is_empty() {
            self.pass_head(head, out, seen)?;
        }
        self.coded = Some(Box::new(Coded::new(charset, told)));
        self.state = State::Coded(reason);
        let hold = self.shared.hold;
        self.coded.as_mut().map_or(Ok(()), |coded| coded.push(letters, hold, reason, out, seen))
    }

    /// Scans the head of a file in another set: it may say more than what the file is.
    fn pass_head(&mut self, head: &[u8], out: &mut TextOut, seen: &mut Inspection) -> Result<(), BodyError> {
        let mut reader = Self::new(self.shared.clone(), &self.actions, Reading::Plain, self.nesting + 1);
        reader.call(&self.label);
        let mut new = TextOut::default();
        if reader.whole(head, &mut new, seen)? {
            out.keep(head);
        } else {
            out.append_text(&new.bytes, &new.pieces);
        }
        Ok(())
    }

    fn finish_coded(&mut self, reason: Reason, out: &mut TextOut, seen: &mut Inspection) -> Result<(), BodyError> {
        let Some(coded) = self.coded.take() else { return Ok(()) };
        let mut reader = Self::new(self.shared.clone(), &self.actions, Reading::Sniffing, self.nesting + 1);
        reader.call(&self.label);
        coded.finish(&mut reader, reason, out, seen)
    }

    fn take(&mut self, out: &mut TextOut, seen: &mut Inspection) -> Result<(), BodyError> {
        seen.doom(&self.scratch);
        seen.record(&self.scratch.findings, &self.actions)?;
        match restorer(
            &mut self.restorer,
            self.opening,
            &self.actions,
            (&mut self.unseen, &mut self.before, self.nesting),
        ) {
            Some(restorer) => {
                self.opened.clear();
                restorer.push(&self.scratch, &mut self.opened);
                out.append(&self.opened);
            }
            None => out.append(&self.scratch),
        }
        Ok(())
    }

    /// Adds what the plain reading had beyond the JSON that left, which is what `out` has from `before` on: its tokens are
    /// opened, and what stands before them is known.
    fn go_over(&mut self, before: usize, out: &mut TextOut) {
        let restorer = restorer(
            &mut self.restorer,
            self.opening,
            &self.actions,
            (&mut self.unseen, &mut self.before, self.nesting),
        );
        let Some(restorer) = restorer else {
            out.append_text(&self.rest.bytes, &self.rest.pieces);
            self.rest.clear();
            return;
        };
        restorer.pass(out.bytes.get(before..).unwrap_or_default());
        if !self.rest.bytes.is_empty() || !self.rest.pieces.is_empty() {
            self.scratch.clear();
            std::mem::swap(&mut self.scratch.bytes, &mut self.rest.bytes);
            std::mem::swap(&mut self.scratch.pieces, &mut self.rest.pieces);
            self.opened.clear();
            restorer.push(&self.scratch, &mut self.opened);
            out.append(&self.opened);
        }
    }

    /// Gives what the restorer holds: the text is over.
    fn release(&mut self, out: &mut TextOut) {
        if let Some(restorer) = self.restorer.as_mut().filter(|restorer| restorer.held() > 0) {
            self.opened.clear();
            restorer.finish(&mut self.opened);
            out.append(&self.opened);
        }
    }
}

/// What opens the tokens of a text, where they are to be opened and there is one; `unseen` tells of text that passed
/// before there was, `before` of what it goes on from, `nesting` in how many other texts of JSON it is a string.
fn restorer<'a>(
    made: &'a mut Option<Box<Restorer>>,
    opening: Opens,
    actions: &ActionTable,
    (unseen, before, nesting): (&mut bool, &mut Ends, u8),
) -> Option<&'a mut Restorer> {
    let tokens = actions.tokens().filter(|_| opening != Opens::No)?;
    if tokens.live() == 0 {
        *unseen = true;
        return None;
    }
    let restorer = made.get_or_insert_with(|| {
        let mut restorer = Restorer::new(Arc::clone(tokens));
        restorer.read_strings(nesting > 0 || opening == Opens::Value);
        Box::new(restorer)
    });
    if !before.is_over() {
        restorer.follow(std::mem::take(before));
    }
    if std::mem::take(unseen) {
        restorer.miss();
    }
    Some(restorer)
}

impl fmt::Debug for LogicalText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogicalText({} bytes held)", self.held())
    }
}

/// Whether a text that begins so looks like a JSON object or array; `None` while that is open.
fn sniff(text: &[u8]) -> Option<bool> {
    let mut bytes = text.iter().take(SNIFFED).filter(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
    let looks = match (bytes.next(), bytes.next()) {
        (Some(b'{'), Some(next)) => Some(matches!(next, b'"' | b'}')),
        (Some(b'['), Some(next)) => {
            Some(matches!(next, b'{' | b'[' | b'"' | b'-' | b't' | b'f' | b'n' | b']') || next.is_ascii_digit())
        }
        (Some(b'{' | b'['), None) | (None, _) => None,
        (Some(_), _) => Some(false),
    };
    looks.or_else(|| (text.len() >= SNIFFED).then_some(false))
}
