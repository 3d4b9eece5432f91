//! What a JSON text says of calls, without the rest of it.
//!
//! Enters: JSON in any chunking. Leaves: for each of its values a smaller one, with the strings that name a call, all of
//! its arguments, and the objects and arrays around them; what holds none of these is left out. Members are kept in every
//! spelling that some reader takes for theirs. A long answer without calls has an empty sketch, and the sketch is bounded.

use std::collections::HashSet;

use super::lexer::{Container, Framing, Lexer, Token};
use super::names::{folded, is_like};
use super::string::escape;
use crate::body::{BodyError, BodyErrorKind, BodyLimits, Direction, empty};

/// Longest key that is compared with others.
const KEY: usize = 64;
/// Members of answers that name a call, or say what a value is.
const NAMES: [&[u8]; 2] = [b"name", b"type"];
/// Members of answers that are arguments.
const ARGUMENTS: [&[u8]; 7] =
    [b"arguments", b"input", b"args", b"parameters", b"action", b"partialArgs", b"partial_args"];
/// The member of a message of MCP that has the call.
const PARAMS: &[u8] = b"params";

/// The sketch of the value at hand.
#[derive(Debug)]
pub(in crate::body) struct Sketch {
    lexer: Lexer,
    direction: Direction,
    most: usize,
    out: Vec<u8>,
    open: Vec<Open>,
    /// How many objects and arrays are open round arguments that are kept whole.
    whole: Option<usize>,
    key: Vec<u8>,
    string: Inside,
    in_number: bool,
}

/// An object or array that is open.
#[derive(Debug)]
struct Open {
    array: bool,
    /// Where it begins in the sketch, its comma and key included.
    begin: usize,
    /// Something in it is kept.
    kept: bool,
    /// It is the value of `params`.
    params: bool,
}

/// The string that the lexer is in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Inside {
    Nothing,
    Key,
    Kept,
    Left,
}

impl Sketch {
    /// A sketch of at most [`BodyLimits::tool_calls`] bytes.
    pub(in crate::body) fn new(direction: Direction, limits: &BodyLimits) -> Self {
        Self {
            lexer: Lexer::new(Framing::Sequence, limits.json_depth),
            direction,
            most: limits.tool_calls,
            out: Vec::new(),
            open: Vec::new(),
            whole: None,
            key: Vec::new(),
            string: Inside::Nothing,
            in_number: false,
        }
    }

    /// Takes bytes from the front of `input`, up to the end of a value; `true` where one has ended.
    ///
    /// # Errors
    /// Not JSON, too deep, or a sketch above its limit.
    pub(in crate::body) fn push(&mut self, input: &mut &[u8]) -> Result<bool, BodyError> {
        loop {
            let Some((len, token)) = self.lexer.next(input)? else {
                // What is left of it the lexer keeps: the beginning of an escape or a literal.
                *input = &[];
                return Ok(false);
            };
            let (covered, rest) = input.split_at_checked(len).unwrap_or((input, &[]));
            *input = rest;
            self.take(token, covered);
            if self.out.len() > self.most {
                return Err(BodyErrorKind::TooLarge.into());
            }
            if matches!(token, Token::Close) && self.open.is_empty() {
                return Ok(true);
            }
        }
    }

    /// The sketch of the value that has ended; empty where nothing in it is kept.
    pub(in crate::body) fn bytes(&self) -> &[u8] {
        &self.out
    }

    /// Makes room for the next value.
    pub(in crate::body) fn clear(&mut self) {
        empty(&mut self.out);
    }

    fn take(&mut self, token: Token, covered: &[u8]) {
        match token {
            Token::Space | Token::Comma | Token::Colon => {}
            Token::Open(container) => self.container(container),
            Token::Close => self.close(),
            Token::StringBegin { key: true } => {
                self.key.clear();
                self.string = Inside::Key;
            }
            Token::StringBegin { key: false } => {
                self.string = if self.keeps() { Inside::Kept } else { Inside::Left };
                if self.string == Inside::Kept {
                    self.begin_value();
                    self.out.push(b'"');
                }
            }
            Token::Run => self.text(covered, covered),
            Token::Escape(escape) => self.text(escape.decoded(), escape.raw()),
            Token::StringEnd { .. } => {
                if self.string == Inside::Kept {
                    self.out.push(b'"');
                    self.kept();
                }
                self.string = Inside::Nothing;
            }
            Token::Number if self.whole.is_some() => {
                if !self.in_number {
                    self.in_number = true;
                    self.begin_value();
                }
                self.out.extend_from_slice(covered);
            }
            Token::NumberEnd if self.in_number => {
                self.in_number = false;
                self.kept();
            }
            Token::Literal { begin, end, .. } if self.whole.is_some() => {
                if begin {
                    self.begin_value();
                }
                self.out.extend_from_slice(covered);
                if end {
                    self.kept();
                }
            }
            Token::Number | Token::NumberEnd | Token::Literal { .. } => {}
        }
    }

    fn text(&mut self, decoded: &[u8], raw: &[u8]) {
        match self.string {
            Inside::Key => {
                let room = if self.whole.is_some() { usize::MAX } else { KEY.saturating_sub(self.key.len()) };
                self.key.extend(decoded.iter().take(room));
            }
            Inside::Kept => self.out.extend_from_slice(raw),
            Inside::Nothing | Inside::Left => {}
        }
    }

    /// Whether the string that begins is kept.
    fn keeps(&self) -> bool {
        let Some(around) = self.open.last() else { return false };
        match self.direction {
            _ if self.whole.is_some() => true,
            _ if around.array => false,
            Direction::Response => self.is_one_of(&NAMES) || self.is_one_of(&ARGUMENTS),
            Direction::Request if around.params => self.is_one_of(&[b"name", b"arguments"]),
            Direction::Request => self.is_one_of(&[b"method"]) && self.is_message(1),
        }
    }

    /// Whether some reader takes the key for one of these.
    fn is_one_of(&self, names: &[&[u8]]) -> bool {
        names.iter().any(|name| is_like(&self.key, name))
    }

    /// Whether so many objects are open, and no array but that of a batch.
    fn is_message(&self, objects: usize) -> bool {
        let batch = usize::from(self.open.first().is_some_and(|open| open.array));
        self.open.len() == objects + batch && !self.open.iter().skip(batch).any(|open| open.array)
    }

    /// Whether the object or array that begins is all arguments.
    fn is_arguments(&self) -> bool {
        let Some(around) = self.open.last().filter(|open| !open.array) else { return false };
        match self.direction {
            Direction::Response => self.is_one_of(&ARGUMENTS),
            Direction::Request => around.params && self.is_one_of(&[b"arguments"]),
        }
    }

    fn container(&mut self, container: Container) {
        let asks = self.direction == Direction::Request && self.whole.is_none();
        let params = asks && self.is_one_of(&[PARAMS]) && self.is_message(1);
        let named = asks && self.open.last().is_some_and(|around| around.params) && self.is_one_of(&[b"name"]);
        let arguments = self.whole.is_none() && self.is_arguments();
        let begin = self.out.len();
        self.begin_value();
        let array = container == Container::Array;
        self.out.push(if array { b'[' } else { b'{' });
        if arguments {
            self.whole = Some(self.open.len());
        }
        // Whatever is in them, they may be the ones that count.
        let kept = arguments || params || named;
        self.open.push(Open { array, begin, kept, params });
        self.key.clear();
    }

    fn close(&mut self) {
        let Some(open) = self.open.pop() else { return };
        if !open.kept && self.whole.is_none() {
            self.out.truncate(open.begin);
            return;
        }
        self.out.push(if open.array { b']' } else { b'}' });
        if self.whole == Some(self.open.len()) {
            self.whole = None;
        }
        self.kept();
    }

    /// Writes what stands before a value: a comma, and a key.
    fn begin_value(&mut self) {
        let Some(around) = self.open.last() else { return };
        if !matches!(self.out.last(), Some(b'{' | b'[')) {
            self.out.push(b',');
        }
        if !around.array {
            self.out.push(b'"');
            escape(&self.key, &mut self.out);
            self.out.extend_from_slice(b"\":");
        }
    }

    fn kept(&mut self) {
        if let Some(around) = self.open.last_mut() {
            around.kept = true;
        }
    }
}

/// Appends a JSON text without its white space, and with no escape that need not be. `false`, and nothing is appended,
/// where it is not one object, array, number or literal within the depth limit, or a key stands twice in an object, be it
/// in letters of the other case: readers may see something else in it. So they may in a string, which can hold another JSON text. `open` has the last
/// word on each string.
pub(in crate::body) fn compact(
    text: &[u8],
    limits: &BodyLimits,
    out: &mut Vec<u8>,
    open: &mut dyn FnMut(&mut Vec<u8>),
) -> bool {
    let begin = out.len();
    let whole = compacted(text, limits, out, open).unwrap_or(false);
    if !whole {
        out.truncate(begin);
    }
    whole
}

fn compacted(
    text: &[u8],
    limits: &BodyLimits,
    out: &mut Vec<u8>,
    open: &mut dyn FnMut(&mut Vec<u8>),
) -> Result<bool, BodyError> {
    let mut lexer = Lexer::new(Framing::Document, limits.json_depth);
    let mut keys: Vec<HashSet<Vec<u8>>> = Vec::new();
    let mut string = Vec::new();
    let mut rest = text;
    while let Some((len, token)) = lexer.next(rest)? {
        let (covered, left) = rest.split_at_checked(len).unwrap_or((rest, &[]));
        rest = left;
        match token {
            Token::Space | Token::NumberEnd => {}
            Token::StringBegin { key: false } if keys.is_empty() => return Ok(false),
            Token::StringBegin { .. } => string.clear(),
            Token::Run => string.extend_from_slice(covered),
            Token::Escape(escaped) => string.extend_from_slice(escaped.decoded()),
            Token::StringEnd { key } => {
                open(&mut string);
                out.push(b'"');
                escape(&string, out);
                out.push(b'"');
                if key && !keys.last_mut().is_some_and(|keys| keys.insert(folded(&string))) {
                    return Ok(false);
                }
            }
            Token::Open(_) => {
                keys.push(HashSet::new());
                out.extend_from_slice(covered);
            }
            Token::Close => {
                keys.pop();
                out.extend_from_slice(covered);
            }
            Token::Comma | Token::Colon | Token::Number | Token::Literal { .. } => out.extend_from_slice(covered),
        }
    }
    lexer.end_number();
    Ok(lexer.may_end() && lexer.has_begun())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sketch(direction: Direction, text: &str, chunk: usize) -> String {
        let mut sketch = Sketch::new(direction, &BodyLimits::default());
        for part in text.as_bytes().chunks(chunk) {
            let mut part = part;
            while !part.is_empty() && !sketch.push(&mut part).expect("it is JSON") {}
        }
        String::from_utf8(sketch.bytes().to_vec()).expect("it is text")
    }

    #[test]
    fn only_calls_are_kept_at_any_chunking() {
        let answer = r#"{"id":"x","n":[1,null,{"a":{}}],"choices":[{"index":0,"message":{"role":"assistant","content":"long",
            "tool_calls":[{"id":"c","type":"function","function":{"na\u006de":"f","arguments":"{\"a\": 1}"}}]}}],"u":{"t":3}}"#;
        let kept = r#"{"choices":[{"message":{"tool_calls":[{"type":"function","function":{"name":"f","arguments":"{\"a\": 1}"}}]}}]}"#;
        let input = r#"{"content":[{"type":"tool_use","name":"f","input":{"a":[1.5,true,{}],"k":"v"}}, 7]}"#;
        let whole = r#"{"content":[{"type":"tool_use","name":"f","input":{"a":[1.5,true,{}],"k":"v"}}]}"#;
        let call =
            r#"[{"jsonrpc":"2.0","id":1,"method":"tools\/call","params":{"name":"f","arguments":{"a":1},"x":1}}]"#;
        let message = r#"[{"method":"tools\/call","params":{"name":"f","arguments":{"a":1}}}]"#;
        for chunk in [1, 2, 3, 7, 1000] {
            assert_eq!(sketch(Direction::Response, answer, chunk), kept);
            assert_eq!(sketch(Direction::Response, input, chunk), whole);
            assert_eq!(sketch(Direction::Request, call, chunk), message);
            assert_eq!(sketch(Direction::Request, answer, chunk), "");
        }
    }

    #[test]
    fn it_is_bounded() {
        let text = r#"{"input":"123456"}"#;
        let limits = |tool_calls| BodyLimits { tool_calls, ..BodyLimits::default() };
        let run = |most| Sketch::new(Direction::Response, &limits(most)).push(&mut text.as_bytes());
        assert_eq!(run(text.len()), Ok(true));
        assert_eq!(run(text.len() - 1), Err(BodyErrorKind::TooLarge.into()));
    }

    #[test]
    fn compact_json() {
        let limits = BodyLimits::default();
        let compacted = |text: &str| {
            let mut out = Vec::new();
            let whole = compact(text.as_bytes(), &limits, &mut out, &mut |_| ());
            whole.then(|| String::from_utf8(out).expect("it is text"))
        };
        let written = "{ \"t\\u006f\" : \"a\\u0040b\\n\" , \"n\" : [ 1, 2 ] }";
        assert_eq!(compacted(written).as_deref(), Some(r#"{"to":"a@b\n","n":[1,2]}"#));
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(compacted(&nested(limits.json_depth)).is_some());
        assert_eq!(compacted(&nested(limits.json_depth + 1)), None);
        for text in [
            "",
            "not { json",
            "{}{}",
            "[1,]",
            "[NaN]",
            "[\"\n\"]",
            "\"{}\"",
            r#"{"a":1,"b":{},"\u0061":2}"#,
            r#"{"a":1,"A":2}"#,
        ] {
            assert_eq!(compacted(text), None, "{text}");
        }
        assert!(compacted(r#"{"a":{"a":1},"b":[{"a":1},{"a":1}]}"#).is_some());
    }
}
