//! Gives values back: the redacted text of an answer in, the same text with its live tokens opened out.
//!
//! Enters: what a redactor decided, in any chunking. Leaves: the same, each token of this exchange replaced by its value
//! where the surroundings allow it. What a finding changed is never looked at, so no value is opened that a rule hid.
//! Held is only what may still become a live token, and one that is whole until the next bytes tell whether it begins the name
//! of a host: by *Promptness* nothing else waits, and what is held is text that may leave anyway. Unknown, forged and foreign
//! tokens stay as they are.
//!
//! Models change tokens a little. Case does not count; `\_`, `\[` and `\]`, and the same in HTML (`&#95;` …), are read as
//! the letters they stand for; brackets may be missing or others. Square brackets are taken away as a pair only. The groups of
//! a stand-in may be set apart in any way.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::base32;
use super::beside::begins_host;
use super::ends::Ends;
use super::map::{Live, Opened, TokenMap};
use super::sealed::{LENGTH, letters_behind};
use super::stand_in::Standing;
use super::surroundings::Surroundings;
use crate::engine::stream::{Output, Piece};

/// What a bracket and an underscore may be written as.
const OPENING: [&[u8]; 6] = [b"[", b"\\[", b"&#91;", b"&#x5b;", b"&lsqb;", b"&lbrack;"];
const CLOSING: [&[u8]; 6] = [b"]", b"\\]", b"&#93;", b"&#x5d;", b"&rsqb;", b"&rbrack;"];
const UNDERSCORE: [&[u8]; 6] = [b"_", b"\\_", b"\\\\_", b"&#95;", b"&#x5f;", b"&lowbar;"];

/// Opens the tokens of one text after another.
pub struct Restorer {
    map: Arc<TokenMap>,
    live: Arc<Live>,
    surroundings: Surroundings,
    /// The same for readers who add the text to others, as long as that makes a difference.
    joined: Ends,
    /// Some of the text has passed.
    begun: bool,
    /// How the last text of prose ended, until somebody asks.
    ended: Option<Ends>,
    /// Text that may become a token.
    held: Vec<u8>,
    /// Text of this answer has passed while no token was live.
    missed: bool,
    /// Tokens are opened whatever stands around them.
    anywhere: bool,
    /// What it opens does not leave, and is not counted.
    uncounted: bool,
    /// Its texts are strings of a JSON text.
    strings: bool,
}

/// What a token is called: where it is in [`Live`], with so many letters; and what of the text it seals.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Name {
    range: (usize, usize),
    letters: usize,
    sealed: Range<usize>,
}

/// What text is, read from its first byte.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Reading {
    /// No token begins here.
    None,
    /// It may be the beginning of one.
    Open,
    /// A token of `len` bytes stands behind `before` others.
    Token { before: usize, len: usize, name: Name },
    /// The same, with the value that stands there in another's shape.
    StandIn { before: usize, len: usize, value: Arc<str> },
}

/// What has been read, as it is opened.
enum Found {
    Token(Name),
    StandIn(Arc<str>),
}

/// How a text begins with one of several spellings.
enum Spelt {
    No,
    /// It may still.
    Open,
    Yes(usize),
}

impl Restorer {
    /// At the beginning of a text.
    #[must_use]
    pub fn new(map: Arc<TokenMap>) -> Self {
        let live = Arc::default();
        let (held, [missed, anywhere, uncounted, strings]) = (Vec::new(), [false; 4]);
        let (surroundings, joined, begun, ended) = (Surroundings::new(true), Ends::default(), false, None);
        Self { map, live, surroundings, joined, begun, ended, held, missed, anywhere, uncounted, strings }
    }

    /// Says whether its texts are values that some program takes as they are, as strings of JSON are, and not what a person
    /// reads: addresses as a whole where they begin with one. For the text that begins; nothing of it may have been pushed.
    pub fn read_strings(&mut self, strings: bool) {
        self.strings = strings;
        self.surroundings = if strings { Surroundings::string() } else { Surroundings::new(true) };
    }

    /// One that opens tokens whatever stands around them, for readers who follow no links.
    #[must_use]
    pub fn anywhere(self) -> Self {
        Self { anywhere: true, ..self }
    }

    /// One whose text is only looked at.
    #[must_use]
    pub fn uncounted(self) -> Self {
        Self { uncounted: true, ..self }
    }

    /// The whole text with its tokens opened.
    #[must_use]
    pub fn whole(&mut self, text: &[u8]) -> Vec<u8> {
        let mut out = Output::default();
        self.begin();
        self.look_up();
        self.take(text, &mut out);
        self.finish(&mut out);
        out.bytes
    }

    /// Drops what is held and begins another text.
    pub fn begin(&mut self) {
        self.held.clear();
        let fresh = if self.strings { Surroundings::string() } else { Surroundings::new(true) };
        let last = std::mem::replace(&mut self.surroundings, fresh);
        let mut ended = std::mem::take(&mut self.joined);
        if std::mem::take(&mut self.begun) && !self.strings && !self.anywhere {
            ended.add(last);
            self.ended = Some(ended);
        }
        self.missed = false;
    }

    /// How the last text of prose ended, for those that a reader may add to it; once.
    pub(crate) fn take_ended(&mut self) -> Option<Ends> {
        self.ended.take()
    }

    /// Says that a reader may add the text that begins to those that ended so: an address may begin there and go on here.
    pub(crate) fn follow(&mut self, ended: Ends) {
        self.joined = ended;
    }

    /// How the text would end if this were the rest of it.
    pub(crate) fn ending(&self, rest: &[u8]) -> Ends {
        let (mut ends, mut own) = (self.joined.clone(), self.surroundings.clone());
        for text in [self.held.as_slice(), rest] {
            ends.pass(text);
            own.pass(text);
        }
        ends.add(own);
        ends
    }

    /// Goes over text that leaves.
    fn step_over(&mut self, text: &[u8]) {
        self.begun |= !text.is_empty();
        self.surroundings.pass(text);
        self.joined.pass(text);
    }

    /// Whether text may pass without being looked at.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.live.is_empty() && self.map.live() == 0
    }

    /// Says that text passes without being looked at.
    pub fn miss(&mut self) {
        self.missed = true;
    }

    /// Goes over text that leaves without being looked at, so that what stands before the next token is known.
    pub fn pass(&mut self, text: &[u8]) {
        if !text.is_empty() {
            self.look_up();
            self.step_over(text);
        }
    }

    /// Bytes held back now.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// Takes what a redactor gave and appends to `out` what may leave; findings and drops stay with the redactor.
    pub fn push(&mut self, from: &Output, out: &mut Output) {
        self.look_up();
        let mut rest = from.bytes.as_slice();
        for piece in &from.pieces {
            let given = match *piece {
                Piece::Clear { len } | Piece::Replaced { given: len, .. } => len,
            };
            let (bytes, tail) = rest.split_at_checked(given).unwrap_or((rest, &[]));
            rest = tail;
            match *piece {
                Piece::Clear { .. } => self.take(bytes, out),
                Piece::Replaced { taken, .. } => {
                    self.release(out);
                    self.step_over(bytes);
                    out.bytes.extend_from_slice(bytes);
                    out.pieces.push(Piece::Replaced { taken, given });
                }
            }
        }
    }

    /// Ends the text: what is held leaves. The restorer is then at the beginning of a new text.
    pub fn finish(&mut self, out: &mut Output) {
        self.release(out);
        self.begin();
    }

    fn look_up(&mut self) {
        if self.live.changes != self.map.changes() {
            self.live = self.map.snapshot();
        }
        if std::mem::take(&mut self.missed) {
            self.surroundings = Surroundings::new(false);
        }
    }

    /// Takes text that a redactor let through.
    fn take(&mut self, text: &[u8], out: &mut Output) {
        if self.held.is_empty() {
            let kept = self.scan(text, false, out);
            self.held.extend_from_slice(text.get(kept..).unwrap_or_default());
            return;
        }
        let mut held = std::mem::take(&mut self.held);
        held.extend_from_slice(text);
        let kept = self.scan(&held, false, out);
        held.drain(..kept);
        self.held = held;
    }

    /// Lets what is held go: nothing more comes behind it that could belong to it.
    fn release(&mut self, out: &mut Output) {
        if !self.held.is_empty() {
            let mut held = std::mem::take(&mut self.held);
            self.scan(&held, true, out);
            held.clear();
            self.held = held;
        }
    }

    /// Lets text go up to what may still become a token; the place of that.
    fn scan(&mut self, text: &[u8], last: bool, out: &mut Output) -> usize {
        let (mut from, mut at) = (0, 0);
        let live = Arc::clone(&self.live);
        while let Some(byte) = text.get(at) {
            let rest = text.get(at..).unwrap_or_default();
            let (before, len, found) = match self.reading(*byte, rest, last) {
                Reading::Open => break,
                Reading::None => {
                    self.step_over(std::slice::from_ref(byte));
                    at += 1;
                    continue;
                }
                Reading::StandIn { before, len, value } => (before, len, Found::StandIn(value)),
                Reading::Token { before, len, name } => (before, len, Found::Token(name)),
            };
            let begin = at + before;
            let behind = text.get(begin + len..).unwrap_or_default();
            let mut refused = false;
            if !self.anywhere {
                refused = self.refused(text.get(at..begin).unwrap_or_default());
                // What follows is looked at where the place itself does not decide; what stands in is read with it.
                if let (false, Found::Token(_)) = (refused, &found) {
                    let Some(goes_on) = begins_host(behind, last) else { break };
                    refused = goes_on;
                }
            }
            let value = match found {
                Found::StandIn(value) => Some(Cow::Owned((*value).to_owned())),
                Found::Token(name) => match live.value(name.range, name.letters) {
                    Some(Opened::Value(value)) => Some(Cow::Borrowed(&**value)),
                    Some(Opened::Sealed(entity)) => {
                        let sealed = rest.get(name.sealed.start..name.sealed.end);
                        self.map.open(entity, sealed.unwrap_or_default()).map(Cow::Owned)
                    }
                    None => None,
                },
            };
            self.step_over(text.get(at..begin).unwrap_or_default());
            let token = text.get(begin..begin + len).unwrap_or_default();
            at = begin + len;
            if refused && value.is_some() {
                self.map.withheld.fetch_add(1, Ordering::Relaxed);
            }
            let Some(value) = value.filter(|_| !refused) else {
                self.step_over(token);
                continue;
            };
            out.clear_run(text.get(from..begin).unwrap_or_default());
            out.bytes.extend_from_slice(value.as_bytes());
            out.pieces.push(Piece::Replaced { taken: len, given: value.len() });
            self.step_over(value.as_bytes());
            self.map.restored.fetch_add(u64::from(!self.uncounted), Ordering::Relaxed);
            from = at;
        }
        out.clear_run(text.get(from..at).unwrap_or_default());
        at
    }

    /// Whether a value must not be written behind this text.
    fn refused(&self, text: &[u8]) -> bool {
        self.surroundings.refuse_behind(text) || self.joined.refuse(text)
    }

    /// What text that begins with this byte is.
    fn reading(&self, byte: u8, text: &[u8], last: bool) -> Reading {
        let token = if self.may_begin(byte) { self.read(text, last) } else { Reading::None };
        if token != Reading::None || !self.live.standings.begins(byte) {
            return token;
        }
        match self.live.standings.read(text, |back| self.surroundings.before(back), last) {
            Standing::None => Reading::None,
            Standing::Open => Reading::Open,
            Standing::Here { before, len, value } => Reading::StandIn { before, len, value },
        }
    }

    /// Whether a token may begin with this byte here. One without brackets begins a word, and no escape of a URL stands
    /// before it.
    fn may_begin(&self, byte: u8) -> bool {
        match byte {
            b'[' | b'\\' | b'&' => true,
            _ if !self.live.begins(byte) => false,
            _ => {
                let last = self.surroundings.before(0);
                let joined = last == b'_' && self.surroundings.before(1).is_ascii_alphanumeric();
                !(last.is_ascii_alphanumeric() || last == b'%' || joined)
            }
        }
    }

    fn read(&self, text: &[u8], last: bool) -> Reading {
        let opened = match spelt(text, &OPENING) {
            Spelt::Open if !last => return Reading::Open,
            Spelt::Yes(len) => len,
            Spelt::Open | Spelt::No => 0,
        };
        let (mut at, mut letters, mut range) = (opened, 0, (0, self.live.len()));
        let sealed = loop {
            match self.live.value(range, letters) {
                Some(Opened::Value(_)) => break at..at,
                Some(Opened::Sealed(_)) => match sealed(text.get(at..).unwrap_or_default()) {
                    Spelt::Yes(len) => break at + LENGTH..at + len,
                    Spelt::Open if !last => return Reading::Open,
                    Spelt::Open | Spelt::No => return Reading::None,
                },
                None => {}
            }
            let rest = text.get(at..).unwrap_or_default();
            let Some(byte) = rest.first() else { return if last { Reading::None } else { Reading::Open } };
            let (letter, len) = match byte {
                b'_' | b'\\' | b'&' => match spelt(rest, &UNDERSCORE) {
                    // Only where an underscore may come is its beginning waited for.
                    Spelt::Yes(len) => (b'_', len),
                    Spelt::Open if !last => (b'_', rest.len()),
                    Spelt::Open | Spelt::No => return Reading::None,
                },
                byte => (byte.to_ascii_lowercase(), 1),
            };
            range = self.live.narrow(range, letters, letter);
            if range.0 == range.1 {
                return Reading::None;
            }
            at += len;
            if letter == b'_' && matches!(spelt(rest, &UNDERSCORE), Spelt::Open) {
                return Reading::Open;
            }
            letters += 1;
        };
        at = at.max(sealed.end);
        let name = Name { range, letters, sealed };
        if opened == 0 {
            return Reading::Token { before: 0, len: at, name };
        }
        match spelt(text.get(at..).unwrap_or_default(), &CLOSING) {
            Spelt::Yes(closed) => Reading::Token { before: 0, len: at + closed, name },
            Spelt::Open if !last => Reading::Open,
            Spelt::Open | Spelt::No => Reading::Token { before: opened, len: at - opened, name },
        }
    }
}

/// Whether text begins with the length and the letters of what is sealed.
fn sealed(text: &[u8]) -> Spelt {
    let whole = match text.first_chunk::<LENGTH>().map(|length| letters_behind(*length)) {
        Some(None) => return Spelt::No,
        Some(Some(letters)) => LENGTH + letters,
        None => LENGTH,
    };
    let here = text.get(..whole).unwrap_or(text);
    match here.iter().all(|letter| base32::value(*letter).is_some()) {
        false => Spelt::No,
        true if here.len() == whole && whole > LENGTH => Spelt::Yes(whole),
        true => Spelt::Open,
    }
}

/// Whether text begins with one of these spellings, in either case.
fn spelt(text: &[u8], spellings: &[&[u8]]) -> Spelt {
    let mut open = false;
    for spelling in spellings {
        let common = spelling.len().min(text.len());
        let same = text
            .get(..common)
            .is_some_and(|begin| spelling.get(..common).is_some_and(|want| begin.eq_ignore_ascii_case(want)));
        match same {
            true if common == spelling.len() => return Spelt::Yes(common),
            true => open = true,
            false => {}
        }
    }
    if open { Spelt::Open } else { Spelt::No }
}

impl fmt::Debug for Restorer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Restorer({} bytes held)", self.held.len())
    }
}
