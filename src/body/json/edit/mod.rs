//! Members that are taken out of a JSON body, and members that it must have, before it is looked at.
//!
//! Enters: the bytes of a document or a sequence of documents, in any chunking. Leaves: the same bytes without the values
//! that a path names (each with its name and one comma, whichever of equal names it is), and with what a provider is to
//! be told; an answer leaves with what it is to say besides. A value that is taken out is read by the grammar alone:
//! whatever it holds, it goes nowhere. Kept: what stands between two values, a name among it, at most
//! [`BodyLimits::json_hold`].

mod model;
mod tell;

use std::fmt;

use self::tell::Telling;
use super::lexer::{Container, Fault, Framing, Lexer, Literal, Token};
use super::path::Place;
use crate::body::batch::Addition;
use crate::body::retention::{Forced, Setting};
use crate::body::{BodyError, BodyErrorKind, BodyLimits, Edits, Inspection, JsonPath, PathStep};

/// A value begins with this.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Begin {
    Object,
    Array,
    Literal(Literal),
    Other,
}

/// Takes out and puts in.
pub(super) struct Edit {
    edits: Edits,
    lexer: Lexer,
    place: Place,
    /// For every open object and array, outermost first, whether something of it has left.
    kept: Vec<bool>,
    /// What came since the last value, or the bracket, with the name of the next one.
    gap: Vec<u8>,
    /// How many objects and arrays were open where the value began that is being taken out.
    skipping: Option<usize>,
    /// The root has an object for each of the settings of this index.
    told: u64,
    in_number: bool,
    telling: Telling,
    limit: usize,
}

impl Edit {
    pub(super) fn new(edits: Edits, limits: &BodyLimits, framing: Framing) -> Self {
        Self {
            edits,
            lexer: Lexer::new(framing, limits.json_depth),
            place: Place::default(),
            kept: Vec::new(),
            gap: Vec::new(),
            skipping: None,
            told: 0,
            in_number: false,
            telling: Telling::default(),
            limit: limits.json_hold,
        }
    }

    /// Bytes held back now.
    pub(super) fn held(&self) -> usize {
        self.gap.len() + self.lexer.pending()
    }

    /// Takes bytes and appends what goes on.
    pub(super) fn push(&mut self, input: &[u8], out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        let mut rest = input;
        while let Some((len, token)) = self.lexer.next(rest).map_err(fault)? {
            let (bytes, after) = rest.split_at_checked(len).unwrap_or((rest, &[]));
            rest = after;
            self.take(token, bytes, out, seen)?;
        }
        Ok(())
    }

    /// Ends the body. Whether it may end here is for its reader to say.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        if let Some(token) = self.lexer.end_number() {
            self.take(token, &[], out, seen)?;
        }
        if let Some(told) = self.edits.told.clone()
            && let Addition::Texts(texts) = &told.addition
        {
            for (_, text) in texts.iter().skip(self.telling.given) {
                self.put_item(text, false, out);
            }
        }
        Ok(())
    }

    fn take(&mut self, token: Token, bytes: &[u8], out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        match token {
            Token::Space | Token::Colon | Token::StringEnd { key: true } => self.between(bytes, out)?,
            Token::Comma => {
                self.place.comma();
                self.between(bytes, out)?;
            }
            Token::StringBegin { key: true } => {
                self.place.key_begin();
                self.between(bytes, out)?;
            }
            Token::Run if self.lexer.in_key() => self.name(bytes, bytes, out)?,
            Token::Escape(escape) if self.lexer.in_key() => self.name(escape.decoded(), escape.raw(), out)?,
            Token::Run => self.write(bytes, out),
            Token::Escape(escape) if self.telling.digits.is_some() => self.write(escape.decoded(), out),
            Token::Escape(escape) => self.write(escape.raw(), out),
            Token::Open(container) => self.open(container, bytes, out, seen)?,
            Token::Close => self.close(bytes, out),
            Token::StringBegin { key: false } => {
                self.begin(Begin::Other, out, seen)?;
                self.write(bytes, out);
            }
            Token::StringEnd { key: false } => {
                self.write(bytes, out);
                self.end();
            }
            Token::Number => {
                if !std::mem::replace(&mut self.in_number, true) {
                    self.begin(Begin::Other, out, seen)?;
                }
                self.write(bytes, out);
            }
            Token::NumberEnd => {
                self.in_number = false;
                self.end();
            }
            Token::Literal { literal, begin, end } => {
                if begin {
                    self.begin(Begin::Literal(literal), out, seen)?;
                }
                self.write(bytes, out);
                if end {
                    self.end();
                }
            }
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        if self.skipping.is_none() {
            out.extend_from_slice(bytes);
        } else if let Some(digits) = &mut self.telling.digits {
            let digit = bytes.iter().filter(|byte| byte.is_ascii_digit());
            digits.extend(digit.take(tell::MOST_DIGITS.saturating_sub(digits.len())));
        }
    }

    /// What stands between values waits for the next one; outside of all values it does not.
    fn between(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), BodyError> {
        if self.kept.is_empty() {
            out.extend_from_slice(bytes);
        } else if self.skipping.is_none() {
            self.gap.extend_from_slice(bytes);
        }
        if self.gap.len() > self.limit { Err(BodyErrorKind::TooLarge.into()) } else { Ok(()) }
    }

    fn name(&mut self, decoded: &[u8], raw: &[u8], out: &mut Vec<u8>) -> Result<(), BodyError> {
        if self.place.key_part(decoded) > self.limit {
            return Err(BodyErrorKind::TooLarge.into());
        }
        self.between(raw, out)
    }

    /// A value begins: what stands before it leaves, or both are taken out.
    fn begin(&mut self, begin: Begin, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        if self.skipping.is_some() {
            return Ok(());
        }
        self.judge(begin)?;
        if self.tells(begin, out) || self.names_model(out) {
            self.skipping = Some(self.place.depth());
            return Ok(());
        }
        if self.is_dropped(begin) {
            seen.dropped_fields += u64::from(!self.is_set());
            self.skipping = Some(self.place.depth());
            self.gap.clear();
            return Ok(());
        }
        self.emit_gap(out);
        Ok(())
    }

    /// Lets what stands before a value leave, with the comma that it needs.
    fn emit_gap(&mut self, out: &mut Vec<u8>) {
        let Some(kept) = self.kept.last_mut() else { return };
        let blanks = self.gap.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let comma = self.gap.get(blanks) == Some(&b',');
        match (std::mem::replace(kept, true), comma) {
            (true, false) => out.push(b','),
            (false, true) => {
                out.extend_from_slice(self.gap.get(..blanks).unwrap_or_default());
                self.gap.drain(..=blanks);
            }
            (true, true) | (false, false) => {}
        }
        out.append(&mut self.gap);
    }

    /// Refuses a body that asks for something to be kept, or that cannot be told otherwise.
    fn judge(&self, begin: Begin) -> Result<(), BodyError> {
        let Some(terms) = self.edits.terms else { return Ok(()) };
        let asks = match self.place.depth() {
            0 => begin != Begin::Object,
            1 => {
                let name = self.place.key().unwrap_or_default();
                let empty = matches!(begin, Begin::Literal(Literal::Null | Literal::False));
                !empty && terms.refuse.iter().any(|refused| refused.as_bytes() == name)
            }
            _ => false,
        };
        if asks { Err(BodyErrorKind::Retention.into()) } else { Ok(()) }
    }

    fn is_dropped(&self, begin: Begin) -> bool {
        self.is_set() && !(begin == Begin::Object && self.setting().is_some_and(|(_, found)| found.is_object()))
            || self.edits.drop.iter().any(|path| names(path, &self.place))
    }

    /// Whether the member at hand is one that is set.
    fn is_set(&self) -> bool {
        self.setting().is_some() || self.inner_setting()
    }

    /// The setting of the root's member at hand.
    fn setting(&self) -> Option<(usize, &'static Setting)> {
        let name = (self.place.depth() == 1).then(|| self.place.key()).flatten()?;
        let settings = self.edits.terms?.set;
        settings.iter().enumerate().find(|(_, setting)| setting.name.as_bytes() == name)
    }

    /// Whether the member at hand is set within an object of the root.
    fn inner_setting(&self) -> bool {
        if self.place.depth() != 2 || self.told == 0 {
            return false;
        }
        let (Some(name), Some(terms)) = (self.place.key(), self.edits.terms) else { return false };
        let mut steps = self.place.steps();
        let around = steps.next();
        terms.set.iter().any(|setting| match setting.value {
            Forced::Members(members) => {
                around == Some(setting.name.into()) && members.iter().any(|(member, _)| member.as_bytes() == name)
            }
            Forced::Literal(_) => false,
        })
    }

    fn open(
        &mut self,
        container: Container,
        bytes: &[u8],
        out: &mut Vec<u8>,
        seen: &mut Inspection,
    ) -> Result<(), BodyError> {
        let is_object = container == Container::Object;
        self.begin(if is_object { Begin::Object } else { Begin::Array }, out, seen)?;
        self.write(bytes, out);
        let mut kept = false;
        if self.skipping.is_none()
            && let Some(terms) = self.edits.terms
        {
            if self.place.depth() == 0 {
                self.told = 0;
                for setting in terms.set {
                    if let Forced::Literal(value) = setting.value {
                        put(setting.name, value, &mut kept, out);
                    }
                }
            } else if let Some((at, Setting { value: Forced::Members(members), .. })) = self.setting() {
                self.told |= 1 << (at & 63);
                members.iter().for_each(|(name, value)| put(name, value, &mut kept, out));
            }
        }
        self.place.open(!is_object, 0);
        self.kept.push(kept);
        Ok(())
    }

    fn close(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let mut kept = self.kept.pop().unwrap_or_default();
        if self.skipping.is_none() {
            self.tells_last(&mut kept, out);
            if let (1, Some(terms)) = (self.place.depth(), self.edits.terms) {
                for (at, setting) in terms.set.iter().enumerate() {
                    if let (Forced::Members(members), 0) = (&setting.value, self.told & (1 << (at & 63))) {
                        let mut inner = b"{".to_vec();
                        let mut some = false;
                        members.iter().for_each(|(name, value)| put(name, value, &mut some, &mut inner));
                        inner.push(b'}');
                        put(setting.name, &String::from_utf8_lossy(&inner), &mut kept, out);
                    }
                }
            }
            out.append(&mut self.gap);
            out.extend_from_slice(bytes);
        }
        self.place.close();
        self.end();
    }

    /// A value is over.
    fn end(&mut self) {
        if self.skipping == Some(self.place.depth()) {
            self.skipping = None;
            if let Some(digits) = self.telling.digits.take() {
                let digits = String::from_utf8_lossy(&digits);
                self.telling.theirs = digits.parse().unwrap_or_default();
            }
        }
    }
}

impl Setting {
    fn is_object(&self) -> bool {
        matches!(self.value, Forced::Members(_))
    }
}

/// Writes a member.
fn put(name: &str, value: &str, kept: &mut bool, out: &mut Vec<u8>) {
    if std::mem::replace(kept, true) {
        out.push(b',');
    }
    for part in ["\"", name, "\":", value] {
        out.extend_from_slice(part.as_bytes());
    }
}

/// Whether the path leads to the value at this place.
fn names(path: &JsonPath, place: &Place) -> bool {
    let fixed = !path.steps.iter().any(|step| matches!(step, PathStep::Descend));
    !(fixed && path.steps.len() != place.depth()) && path.walk(place.steps()).exact
}

fn fault(fault: Fault) -> BodyError {
    match fault {
        Fault::Syntax => BodyErrorKind::JsonSyntax.into(),
        Fault::Depth => BodyErrorKind::JsonDepth.into(),
    }
}

impl fmt::Debug for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Edit({} bytes held)", self.held())
    }
}
