//! JSON paths of scopes, and the place that a reader has reached.
//!
//! Enters: a path as the rules file writes it; steps from the outermost value. Leaves: whether the place is at or below
//! the path. Matching walks the steps once with a set of positions in the path, so `..` costs no backtracking.

use std::fmt;

use super::index::Step;
use crate::body::{JsonPath, PathStep};

/// The most steps of a path: one bit each in a position set, and one for its end.
const MAX_STEPS: usize = 60;

/// Bytes that the keys of most places have room in.
const KEYS: usize = 64;

/// Why a path does not parse.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct JsonPathError {
    /// Byte of the path at which reading stopped.
    pub at: usize,
    /// What was expected there.
    pub expected: &'static str,
}

impl fmt::Display for JsonPathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} expected at byte {} of the path", self.expected, self.at)
    }
}

impl std::error::Error for JsonPathError {}

impl JsonPath {
    /// Reads `$`, `.name`, `['name']`, `["name"]`, `[*]`, `[0]`, `.*`, `..name`, `..*` and `..[…]`.
    ///
    /// # Errors
    /// The first place at which the path is none of these.
    pub fn parse(text: &str) -> Result<Self, JsonPathError> {
        let mut cursor = Cursor { text, at: 0 };
        if !cursor.eat('$') {
            return Err(cursor.expected("$"));
        }
        let mut steps = Vec::new();
        while !cursor.rest().is_empty() {
            if cursor.eat('.') {
                if cursor.eat('.') {
                    steps.push(PathStep::Descend);
                    if cursor.eat('[') {
                        steps.push(cursor.bracket()?);
                        continue;
                    }
                }
                steps.push(if cursor.eat('*') { PathStep::Any } else { cursor.name()? });
            } else if cursor.eat('[') {
                steps.push(cursor.bracket()?);
            } else {
                return Err(cursor.expected(". or ["));
            }
            if steps.len() > MAX_STEPS {
                return Err(cursor.expected("the end (60 steps at most)"));
            }
        }
        Ok(Self { steps, also: None })
    }

    /// Whether the value at `place` (steps from the outermost value) is the one this path names, or stands in it.
    #[must_use]
    pub fn matches(&self, place: &[Step<'_>]) -> bool {
        self.walk(place.iter().copied()).covers
    }

    /// Walks to `place`, in one pass.
    pub(in crate::body) fn walk<'a>(&self, place: impl Iterator<Item = Step<'a>>) -> Walked {
        let (mut own, mut also) = (Reached::new(self), self.also.as_deref().map(Reached::new));
        for step in place {
            own.step(step);
            if let Some(also) = &mut also {
                also.step(step);
            }
            if own.at == 0 && also.as_ref().is_none_or(|also| also.at == 0) {
                break;
            }
        }
        let also = also.map_or((true, true), |also| (also.covers, also.is_at_end()));
        Walked { covers: own.covers && also.0, exact: own.is_at_end() && also.1 }
    }

    /// The positions behind one more step.
    fn advance(&self, reached: u64, step: Step<'_>) -> u64 {
        let mut next = 0;
        for (at, path_step) in self.steps.iter().enumerate().take(63) {
            if reached & (1 << at) == 0 {
                continue;
            }
            next |= match (path_step, step) {
                (PathStep::Descend, _) => 1 << at,
                (PathStep::Any, _) => 2 << at,
                (PathStep::Key(name), Step::Key(key)) if name.as_bytes() == key => 2 << at,
                (PathStep::Index(place), Step::Index(index)) if *place == index => 2 << at,
                (PathStep::Key(_) | PathStep::Index(_), _) => 0,
            };
        }
        next
    }

    /// Adds the positions that `..` reaches by taking no step.
    fn close(&self, reached: u64) -> u64 {
        self.steps.iter().enumerate().take(63).fold(reached, |reached, (at, step)| {
            if reached & (1 << at) != 0 && matches!(step, PathStep::Descend) { reached | 2 << at } else { reached }
        })
    }
}

/// How far a walk has come in a path.
struct Reached<'p> {
    path: &'p JsonPath,
    /// A bit for each position, and one for the end.
    at: u64,
    end: u64,
    covers: bool,
}

impl<'p> Reached<'p> {
    fn new(path: &'p JsonPath) -> Self {
        let (end, at) = (1_u64 << path.steps.len().min(63), path.close(1));
        Self { path, at, end, covers: at & end != 0 }
    }

    fn step(&mut self, step: Step<'_>) {
        self.at = self.path.close(self.path.advance(self.at, step));
        self.covers |= self.at & self.end != 0;
    }

    fn is_at_end(&self) -> bool {
        self.at & self.end != 0
    }
}

/// What [`JsonPath::walk`] found.
pub(in crate::body) struct Walked {
    /// The place is the path's or below it.
    pub(in crate::body) covers: bool,
    /// The place is the path's.
    pub(in crate::body) exact: bool,
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn eat(&mut self, wanted: char) -> bool {
        let found = self.rest().starts_with(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    fn expected(&self, expected: &'static str) -> JsonPathError {
        JsonPathError { at: self.at, expected }
    }

    fn take(&mut self, len: usize) -> &'a str {
        let taken = self.rest().get(..len).unwrap_or_default();
        self.at += taken.len();
        taken
    }

    fn name(&mut self) -> Result<PathStep, JsonPathError> {
        let rest = self.rest();
        let stops = |c: char| matches!(c, '.' | '[' | ']' | '*' | '\'' | '"') || c.is_whitespace();
        let len = rest.find(stops).unwrap_or(rest.len());
        if len == 0 {
            return Err(self.expected("a name"));
        }
        Ok(PathStep::Key(self.take(len).to_owned()))
    }

    fn bracket(&mut self) -> Result<PathStep, JsonPathError> {
        let step = if self.eat('*') {
            PathStep::Any
        } else if self.eat('\'') {
            self.quoted('\'')?
        } else if self.eat('"') {
            self.quoted('"')?
        } else {
            let rest = self.rest();
            let len = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let place = rest.get(..len).and_then(|digits| digits.parse().ok());
            let place = place.ok_or(self.expected("a number, a quoted name or *"))?;
            self.at += len;
            PathStep::Index(place)
        };
        if self.eat(']') { Ok(step) } else { Err(self.expected("]")) }
    }

    fn quoted(&mut self, quote: char) -> Result<PathStep, JsonPathError> {
        let mut name = String::new();
        loop {
            let Some(next) = self.rest().chars().next() else { return Err(self.expected("the closing quote")) };
            self.at += next.len_utf8();
            match next {
                '\\' => {
                    let Some(escaped) = self.rest().chars().next() else {
                        return Err(self.expected("the closing quote"));
                    };
                    self.at += escaped.len_utf8();
                    name.push(escaped);
                }
                _ if next == quote => return Ok(PathStep::Key(name)),
                _ => name.push(next),
            }
        }
    }
}

/// An object or array that is open, and where in it the reader stands.
struct Frame {
    /// Where this object's current key begins in the keys.
    key: usize,
    /// The current place in an array; `None` in an object.
    place: Option<usize>,
    /// What the caller keeps for it.
    scope: usize,
}

/// The place that a reader has reached.
#[derive(Default)]
pub(super) struct Place {
    frames: Vec<Frame>,
    /// The decoded current keys of all open objects, one behind the other.
    keys: Vec<u8>,
}

impl Place {
    /// Objects and arrays open.
    pub(super) fn depth(&self) -> usize {
        self.frames.len()
    }

    /// The scope of the innermost open object or array; 0 at the top.
    pub(super) fn scope(&self) -> usize {
        self.frames.last().map_or(0, |frame| frame.scope)
    }

    pub(super) fn open(&mut self, array: bool, scope: usize) {
        self.frames.push(Frame { key: self.keys.len(), place: array.then_some(0), scope });
    }

    pub(super) fn close(&mut self) {
        if let Some(frame) = self.frames.pop() {
            self.keys.truncate(frame.key);
        }
    }

    pub(super) fn comma(&mut self) {
        if let Some(place) = self.frames.last_mut().and_then(|frame| frame.place.as_mut()) {
            *place += 1;
        }
    }

    pub(super) fn key_begin(&mut self) {
        if let Some(frame) = self.frames.last() {
            self.keys.truncate(frame.key);
        }
    }

    /// Appends to the current key; how many bytes the keys of all open objects have.
    pub(super) fn key_part(&mut self, decoded: &[u8]) -> usize {
        self.keys.reserve(decoded.len().max(KEYS));
        self.keys.extend_from_slice(decoded);
        self.keys.len()
    }

    /// The innermost key, where the next value is a member.
    pub(super) fn key(&self) -> Option<&[u8]> {
        let frame = self.frames.last().filter(|frame| frame.place.is_none())?;
        self.keys.get(frame.key..)
    }

    /// Steps from the outermost value to the next one.
    pub(super) fn steps(&self) -> impl Iterator<Item = Step<'_>> {
        self.frames.iter().enumerate().map(|(at, frame)| match frame.place {
            Some(place) => Step::Index(place),
            None => {
                let end = self.frames.get(at + 1).map_or(self.keys.len(), |next| next.key);
                Step::Key(self.keys.get(frame.key..end).unwrap_or_default())
            }
        })
    }
}
