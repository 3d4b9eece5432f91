//! The logical texts that are open: fragments in, what may leave of them out.
//!
//! A text begins with its first fragment and is forgotten when it ends. A text whose choice says that it has finished
//! rests: some servers say so in every chunk, so it goes on where it stood if it is spoken to again, and makes room
//! for others where there is none.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use super::plan::{Reading, TextKey};
use crate::body::json::{Counts, LogicalText, Shifts, TextOut, close_half, take_open_half};
use crate::body::restore::Opens;
use crate::body::{BodyError, BodyErrorKind, BodyLimits, Inspection, Scopes};
use crate::engine::{ActionTable, Ends, Piece};

/// A logical text that has begun and not ended.
struct Text {
    key: TextKey,
    text: LogicalText,
    /// Beginning of a character whose rest is not decided yet; at most 3 bytes.
    split: Vec<u8>,
    /// The first half of a surrogate pair whose second half has not come yet.
    half: Option<u16>,
    resting: bool,
    /// When its last fragment came.
    turn: u64,
    /// The provider has told of an error since it last went on.
    doubted: bool,
    /// All of it so far may be words of the protocol, which have left as they came.
    only_words: bool,
    /// How much of those is not decided yet, and the last of them.
    ahead: usize,
    word: Vec<u8>,
    /// How much of what it was begun with has left before it was, and is not decided yet.
    left: usize,
    /// The last of what came.
    recent: Vec<u8>,
    /// Where its places are, where they are asked for.
    shifts: Option<Shifts>,
}

impl Text {
    fn held(&self) -> usize {
        if self.only_words { 0 } else { self.text.held() + self.split.len() + 3 * usize::from(self.half.is_some()) }
    }
}

impl Text {
    /// The fragment with the half of a character that the one before it has ended with, and without such a half at its own
    /// end; `None` where it stays as it is.
    fn join_halves(&mut self, fragment: &[u8]) -> Option<Vec<u8>> {
        if fragment.is_empty() || self.half.is_none() && !fragment.contains(&0xED) {
            return None;
        }
        let mut whole = Vec::with_capacity(fragment.len() + 4);
        match self.half.take() {
            Some(half) => close_half(half, fragment, &mut whole),
            None => whole.extend_from_slice(fragment),
        }
        self.half = take_open_half(&mut whole);
        Some(whole)
    }

    /// Takes from `out` what has left ahead of it: that of it which stands as it came. `out` is this text's alone.
    fn skip_ahead(&mut self, out: &mut TextOut) {
        if self.ahead == 0 {
            return;
        }
        let mut bytes = Vec::with_capacity(out.bytes.len());
        let mut at = 0;
        for piece in &out.pieces {
            let (taken, given) = match *piece {
                Piece::Clear { len } => (len, len),
                Piece::Replaced { taken, given } => (taken, given),
            };
            let ahead = self.ahead.min(taken);
            self.ahead -= ahead;
            let skipped = if matches!(piece, Piece::Clear { .. }) { ahead } else { 0 };
            bytes.extend_from_slice(out.bytes.get(at + skipped..at + given).unwrap_or_default());
            at += given;
        }
        out.bytes = bytes;
    }

    /// Remembers the last of what came.
    fn remember(&mut self, fragment: &[u8]) {
        let last = fragment.get(fragment.len().saturating_sub(RECENT)..).unwrap_or(fragment);
        if self.recent.len() + last.len() > 2 * RECENT {
            self.recent.drain(..self.recent.len().saturating_sub(RECENT));
        }
        self.recent.extend_from_slice(last);
    }

    /// Takes from `out` what left when the text ended that goes on in this one. Of a value that has begun there the rest is
    /// hidden, and nothing is shown that would complete it. `out` is this text's alone.
    fn skip_left(&mut self, out: &mut TextOut) {
        if self.left == 0 {
            return;
        }
        let (mut bytes, mut pieces) = (Vec::with_capacity(out.bytes.len()), Vec::with_capacity(out.pieces.len()));
        let mut at = 0;
        for piece in &out.pieces {
            let (taken, given) = match *piece {
                Piece::Clear { len } => (len, len),
                Piece::Replaced { taken, given } => (taken, given),
            };
            let left = self.left.min(taken);
            self.left -= left;
            let new = out.bytes.get(at..at + given).unwrap_or_default();
            at += given;
            match piece {
                Piece::Clear { .. } if left < taken => {
                    bytes.extend_from_slice(new.get(left..).unwrap_or_default());
                    pieces.push(Piece::Clear { len: taken - left });
                }
                Piece::Replaced { .. } if left == 0 => {
                    bytes.extend_from_slice(new);
                    pieces.push(*piece);
                }
                Piece::Replaced { .. } if left < taken => {
                    bytes.resize(bytes.len() + taken - left, b'*');
                    pieces.push(Piece::Replaced { taken: taken - left, given: taken - left });
                }
                Piece::Clear { .. } | Piece::Replaced { .. } => {}
            }
        }
        (out.bytes, out.pieces) = (bytes, pieces);
    }
}

/// How much of a text is remembered beyond its end: what a value has that goes on behind it.
const RECENT: usize = 512;

/// All texts of a stream.
pub(super) struct Texts {
    scopes: Arc<Scopes>,
    limits: BodyLimits,
    open: Vec<Text>,
    /// Fragments that came.
    turn: u64,
    /// Texts that have changed and may still be signed.
    changed: Vec<TextKey>,
    /// Places of texts that have ended, and changed: at most [`BodyLimits::logical_texts`].
    ended: VecDeque<(TextKey, Shifts)>,
    /// How texts have ended in which tokens were opened: at most [`BodyLimits::logical_texts`].
    ends: VecDeque<(TextKey, Ends)>,
    /// There were more.
    forgotten: bool,
    /// The last of texts that have ended in what may be the beginning of a value: at most [`BodyLimits::logical_texts`]. A
    /// provider may say that a text is over and go on with it all the same.
    past: VecDeque<(TextKey, Vec<u8>)>,
}

impl Texts {
    pub(super) fn new(scopes: Arc<Scopes>, limits: &BodyLimits) -> Self {
        Self {
            scopes,
            limits: limits.clone(),
            open: Vec::new(),
            turn: 0,
            changed: Vec::new(),
            ended: VecDeque::new(),
            ends: VecDeque::new(),
            forgotten: false,
            past: VecDeque::new(),
        }
    }

    /// Whether a text has begun with more than words.
    pub(super) fn has_begun(&self, key: TextKey) -> bool {
        self.open.iter().any(|text| text.key == key && !text.only_words)
    }

    /// Gives a word to its text that has left, or will leave, as it stands: what follows may be one value with it.
    pub(super) fn push_ahead(
        &mut self,
        key: TextKey,
        word: &[u8],
        actions: impl FnOnce() -> Arc<ActionTable>,
        out: &mut TextOut,
    ) -> Result<(), BodyError> {
        let at = match self.open.iter().position(|text| text.key == key) {
            Some(at) => at,
            None if word.is_empty() => return Ok(()),
            // Tokens are opened in texts that are known to be for a reader; this one is known by its name alone.
            None => self.begin(key, &actions(), Opens::No)?,
        };
        let Some(text) = self.open.get_mut(at) else { return Ok(()) };
        // What says the same again and again is no text that grows.
        if text.word == word {
            return Ok(());
        }
        out.clear();
        text.only_words = true;
        text.ahead += word.len();
        text.word.clear();
        text.word.extend_from_slice(word);
        // It is counted and judged where it stands; what words by themselves add up to is nothing that blocks.
        match text.text.push(word, out, &mut Inspection::default()) {
            Ok(()) => text.skip_ahead(out),
            Err(_) => drop(self.open.remove(at)),
        }
        Ok(())
    }

    /// Gives a fragment to its text; what may leave replaces what is in `out`. True where it held nothing before. `rules`
    /// are asked where the text begins: its actions, and whether tokens are opened in it.
    pub(super) fn push(
        &mut self,
        key: TextKey,
        fragment: &[u8],
        rules: impl FnOnce() -> (Arc<ActionTable>, Opens),
        out: &mut TextOut,
        seen: &mut Inspection,
    ) -> Result<bool, BodyError> {
        out.clear();
        let at = match self.open.iter().position(|text| text.key == key) {
            Some(at) => at,
            // An empty fragment begins nothing.
            None if fragment.is_empty() => return Ok(true),
            None => {
                let (actions, opening) = rules();
                let at = self.begin(key, &actions, opening)?;
                self.resume(at, out)?;
                at
            }
        };
        let Some(text) = self.open.get_mut(at) else { return Ok(true) };
        let held_nothing = text.held() == 0;
        text.only_words &= fragment.is_empty();
        text.resting &= fragment.is_empty();
        if !fragment.is_empty() {
            self.turn += 1;
            text.turn = self.turn;
        }
        text.doubted &= fragment.is_empty();
        out.bytes.append(&mut text.split);
        let begin = out.bytes.len();
        let whole = text.join_halves(fragment);
        let fragment = whole.as_deref().unwrap_or(fragment);
        if let Some(shifts) = &mut text.shifts {
            shifts.came(fragment);
        }
        text.remember(fragment);
        text.text.push(fragment, out, seen)?;
        if let Some(shifts) = &mut text.shifts {
            shifts.decided(out, begin);
        }
        text.skip_left(out);
        text.skip_ahead(out);
        keep_split_character(&mut out.bytes, &mut text.split);
        self.note_change(key, out)?;
        Ok(held_nothing)
    }

    /// Ends one text; what it held is added to `out`.
    pub(super) fn end(&mut self, key: TextKey, out: &mut TextOut, seen: &mut Inspection) -> Result<(), BodyError> {
        let Some(at) = self.open.iter().position(|text| text.key == key) else { return Ok(()) };
        let mut text = self.open.remove(at);
        self.keep_past(&mut text);
        out.bytes.append(&mut text.split);
        // What a fragment before the end gave is in it as well.
        let mut rest = TextOut::default();
        if let Some(half) = text.half.take() {
            let mut last = Vec::new();
            close_half(half, b"", &mut last);
            if let Some(shifts) = &mut text.shifts {
                shifts.came(&last);
            }
            text.text.push(&last, &mut rest, seen)?;
        }
        text.text.finish(&mut rest, seen)?;
        let shifts = text.shifts.take();
        if let Some(mut shifts) = shifts {
            shifts.decided(&rest, 0);
            self.keep_places(key, shifts);
        }
        if let Some(end) = text.text.take_ended().filter(|_| key.is_one_of_several()) {
            self.ends.retain(|(ended, _)| !key.replaces(*ended));
            if self.ends.len() >= self.limits.logical_texts {
                self.forgotten = true;
                self.ends.pop_front();
            }
            self.ends.push_back((key, end));
        }
        text.skip_left(&mut rest);
        text.skip_ahead(&mut rest);
        out.bytes.extend_from_slice(&rest.bytes);
        out.pieces.append(&mut rest.pieces);
        self.note_change(key, out)
    }

    /// How the texts ended that a reader may add this one to, the last of those before it, or would end that have not. If
    /// none is known where some were forgotten, it may follow any.
    pub(super) fn before(&self, key: TextKey) -> Ends {
        let place = |(ended, _): &&(TextKey, Ends)| key.follows(*ended);
        let mut before = match self.ends.iter().filter(|end| place(end).is_some()).max_by_key(place) {
            Some((_, end)) => end.clone(),
            None if self.forgotten && key.is_one_of_several() => Ends::unknown(),
            None => Ends::default(),
        };
        // The last of those before it, and the one that grew last.
        let open = || self.open.iter().filter(|text| text.key != key && key.follows(text.key).is_some());
        for text in [open().max_by_key(|text| key.follows(text.key)), open().max_by_key(|text| text.turn)] {
            before.add_all(&text.map(|text| text.text.ending()).unwrap_or_default());
        }
        before
    }

    /// Remembers what a text ends with that is not decided.
    fn keep_past(&mut self, text: &mut Text) {
        self.past.retain(|(past, _)| *past != text.key);
        if text.held() == 0 {
            return;
        }
        if self.past.len() >= self.limits.logical_texts {
            self.past.pop_front();
        }
        let mut recent = std::mem::take(&mut text.recent);
        recent.drain(..recent.len().saturating_sub(RECENT));
        self.past.push_back((text.key, recent));
    }

    /// Begins a text with what is remembered of the one that ended and goes on in it. That has left and been counted.
    fn resume(&mut self, at: usize, out: &mut TextOut) -> Result<(), BodyError> {
        let Some(text) = self.open.get_mut(at) else { return Ok(()) };
        let Some(past) = self.past.iter().position(|(key, _)| *key == text.key) else { return Ok(()) };
        let Some((_, recent)) = self.past.remove(past) else { return Ok(()) };
        text.left = recent.len();
        // Places count from where the text began.
        text.shifts = None;
        text.text.push(&recent, out, &mut Inspection::default())?;
        text.skip_left(out);
        text.remember(&recent);
        out.clear();
        Ok(())
    }

    /// Forgets what these texts ended with: others begin in their place.
    pub(super) fn forget_past(&mut self, covers: impl Fn(TextKey) -> bool) {
        self.past.retain(|(key, _)| !covers(*key));
    }

    /// Forgets how these texts ended.
    pub(super) fn forget_ends(&mut self, covers: impl Fn(TextKey) -> bool) {
        self.ends.retain(|(key, _)| !covers(*key));
    }

    fn keep_places(&mut self, key: TextKey, shifts: Shifts) {
        self.ended.retain(|(ended, _)| *ended != key);
        if shifts.is_empty() {
            return;
        }
        if self.ended.len() >= self.limits.logical_texts {
            self.ended.pop_front();
        }
        self.ended.push_back((key, shifts));
    }

    /// Where an offset into what came of a text is in what left of it. What is still held counts as if it were to leave
    /// as it is.
    pub(super) fn moved(&self, key: TextKey, offset: u64, counts: Counts) -> u64 {
        let open = self.open.iter().find(|text| text.key == key).and_then(|text| text.shifts.as_ref());
        let ended = || self.ended.iter().find(|(ended, _)| *ended == key).map(|(_, shifts)| shifts);
        open.or_else(ended).map_or(offset, |shifts| shifts.moved(offset, counts))
    }

    /// The first open text that this covers.
    pub(super) fn find(&self, covers: impl Fn(TextKey) -> bool) -> Option<TextKey> {
        self.open.iter().map(|text| text.key).find(|key| covers(*key))
    }

    /// Whether any text that this covers holds something.
    pub(super) fn hold(&self, covers: impl Fn(TextKey) -> bool) -> bool {
        self.open.iter().any(|text| covers(text.key) && text.held() > 0)
    }

    /// Bytes held in all.
    pub(super) fn held(&self) -> usize {
        self.open.iter().map(Text::held).sum()
    }

    /// Puts the texts that this covers to rest.
    pub(super) fn rest(&mut self, covers: impl Fn(TextKey) -> bool) {
        self.open.iter_mut().filter(|text| covers(text.key)).for_each(|text| text.resting = true);
    }

    /// Doubts every text that is open: unless it goes on, it has failed.
    pub(super) fn doubt(&mut self) {
        self.open.iter_mut().for_each(|text| text.doubted = true);
    }

    /// Forgets the texts that have failed, with what they hold.
    pub(super) fn lose_doubted(&mut self) {
        self.open.retain(|text| !text.doubted);
    }

    /// Forgets the texts that this covers, with what they hold.
    pub(super) fn lose(&mut self, covers: impl Fn(TextKey) -> bool) {
        self.open.retain(|text| !covers(text.key));
    }

    /// Whether a finding has changed a text that may be signed.
    pub(super) fn has_changed(&self, key: TextKey) -> bool {
        self.changed.contains(&key)
    }

    /// Forgets which of these texts have changed.
    pub(super) fn forget_changes(&mut self, covers: impl Fn(TextKey) -> bool) {
        self.changed.retain(|key| !covers(*key));
    }

    fn begin(&mut self, key: TextKey, actions: &Arc<ActionTable>, opening: Opens) -> Result<usize, BodyError> {
        if self.open.len() >= self.limits.logical_texts {
            let rests = |text: &Text| text.only_words || text.resting && text.held() == 0;
            let oldest = self.open.iter().position(rests).ok_or(BodyErrorKind::TooManyTexts)?;
            self.open.remove(oldest);
        }
        let rules = &self.scopes.rules;
        let mut text = match key.part.reading() {
            Reading::Plain => LogicalText::plain(rules, actions),
            Reading::Sniffing => LogicalText::sniffing(rules, actions, &self.limits),
            Reading::Arguments => LogicalText::arguments(rules, actions, &self.limits),
        };
        text.open_tokens(opening);
        if opening != Opens::No {
            text.follow(self.before(key));
        }
        let shifts = key.part.is_cited().then(Shifts::default);
        self.open.push(Text {
            key,
            text,
            split: Vec::new(),
            half: None,
            resting: false,
            turn: self.turn,
            doubted: false,
            only_words: false,
            ahead: 0,
            word: Vec::new(),
            left: 0,
            recent: Vec::new(),
            shifts,
        });
        Ok(self.open.len() - 1)
    }

    /// Remembers that a text has changed, for what signs it.
    fn note_change(&mut self, key: TextKey, out: &TextOut) -> Result<(), BodyError> {
        if out.is_verbatim() || !key.part.may_be_signed() || self.changed.contains(&key) {
            return Ok(());
        }
        if self.changed.len() >= self.limits.logical_texts {
            return Err(BodyErrorKind::TooManyTexts.into());
        }
        self.changed.push(key);
        Ok(())
    }
}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Texts({} open, {} bytes held)", self.open.len(), self.held())
    }
}

/// Moves the beginning of a character whose rest is still held from the end of `bytes` to `split`: half a character
/// is no text in an event of its own.
pub(super) fn keep_split_character(bytes: &mut Vec<u8>, split: &mut Vec<u8>) {
    let behind = bytes.iter().rev().take(3).position(|byte| byte & 0xC0 != 0x80);
    let Some(lead) = behind.and_then(|behind| bytes.len().checked_sub(behind + 1)) else { return };
    let wanted = match bytes.get(lead) {
        Some(0xC2..=0xDF) => 2,
        Some(0xE0..=0xEF) => 3,
        Some(0xF0..=0xF4) => 4,
        _ => 1,
    };
    if bytes.len() - lead < wanted {
        split.extend(bytes.drain(lead..));
    }
}
