//! The JSON grammar (RFC 8259) as a pull lexer that takes any chunking.
//!
//! Enters: the bytes of one value, or of a sequence of values, cut anywhere. Leaves: tokens that name how many of the
//! next bytes they cover; every byte belongs to exactly one token, so a caller can copy what it does not change. The
//! lexer keeps no text but an unfinished escape (at most 12 bytes). Strict: no comments, no trailing commas, no NaN. It
//! does not recurse, and does not judge UTF-8: bytes of a string pass as they are.

#![allow(clippy::indexing_slicing, reason = "the escape buffer is indexed by its own length, which stays below 12")]

use memchr::memchr2;

use super::string::{hex4, is_high_surrogate, is_low_surrogate};

/// How many values a text holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Framing {
    /// One value; only whitespace may follow it.
    Document,
    /// Any number of values with any whitespace, or none, between them: NDJSON and concatenated JSON. But a number does
    /// not follow a number on its line: to whoever reads the line as text, the two are one number in groups.
    Sequence,
}

/// An object or an array.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Container {
    Object,
    Array,
}

impl Container {
    pub(super) fn is_array(self) -> bool {
        self == Self::Array
    }
}

/// `true`, `false` or `null`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Literal {
    True,
    False,
    Null,
}

impl Literal {
    fn text(self) -> &'static [u8] {
        match self {
            Self::True => b"true",
            Self::False => b"false",
            Self::Null => b"null",
        }
    }
}

/// An escape sequence, complete: what stood in the text, and the character it denotes.
#[derive(Clone, Copy)]
pub(super) struct Escape {
    raw: [u8; 12],
    raw_len: u8,
    decoded: [u8; 4],
    decoded_len: u8,
}

impl Escape {
    pub(super) fn new(raw: &[u8], denoted: char) -> Self {
        let mut escape = Self { raw: [0; 12], raw_len: 0, decoded: [0; 4], decoded_len: 0 };
        for (slot, byte) in escape.raw.iter_mut().zip(raw) {
            *slot = *byte;
            escape.raw_len += 1;
        }
        escape.decoded_len = denoted.encode_utf8(&mut escape.decoded).len() as u8;
        escape
    }

    /// One of two bytes, which denotes an ASCII character.
    pub(super) fn short(byte: u8, denoted: u8) -> Self {
        let mut escape = Self { raw: [0; 12], raw_len: 2, decoded: [denoted, 0, 0, 0], decoded_len: 1 };
        (escape.raw[0], escape.raw[1]) = (b'\\', byte);
        escape
    }

    /// The sequence as it stood.
    pub(super) fn raw(&self) -> &[u8] {
        &self.raw[..usize::from(self.raw_len)]
    }

    /// Half a surrogate pair, where it denotes no more.
    pub(super) fn half(&self) -> Option<u16> {
        let digits = self.raw().strip_prefix(b"\\u").filter(|digits| digits.len() == 4)?;
        Some(hex4(digits)).filter(|unit| is_high_surrogate(*unit) || is_low_surrogate(*unit))
    }

    /// The character in UTF-8; U+FFFD for half of a surrogate pair.
    pub(super) fn decoded(&self) -> &[u8] {
        &self.decoded[..usize::from(self.decoded_len)]
    }
}

/// What the next bytes are.
#[derive(Clone, Copy)]
pub(super) enum Token {
    /// Whitespace, or the byte order mark.
    Space,
    Open(Container),
    Close,
    Comma,
    Colon,
    /// The opening quote.
    StringBegin {
        key: bool,
    },
    /// Bytes of a string that stand for themselves.
    Run,
    /// An escape; its bytes may have come in earlier chunks.
    Escape(Escape),
    /// The closing quote.
    StringEnd {
        key: bool,
    },
    /// Bytes of a number.
    Number,
    /// The number is over; covers no byte.
    NumberEnd,
    /// Bytes of a literal; `end` with its last one.
    Literal {
        literal: Literal,
        begin: bool,
        end: bool,
    },
}

/// Why a text is not JSON.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    Syntax,
    Depth,
}

/// Where in the grammar the next byte stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// At the beginning, after so many bytes of a byte order mark.
    ByteOrderMark(u8),
    /// Nothing but whitespace so far.
    Begin,
    Value,
    ArrayFirst,
    ObjectFirst,
    Key,
    Colon,
    /// Behind a value in a container.
    After,
    /// Behind a value at the top.
    Done,
    String {
        key: bool,
    },
    Escape {
        key: bool,
    },
    Number(Digits),
    Literal {
        literal: Literal,
        at: u8,
    },
}

/// Where in a number the next byte stands (RFC 8259 section 6), named after what came last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Digits {
    Minus,
    Zero,
    Int,
    Point,
    Frac,
    E,
    Sign,
    Exp,
}

impl Digits {
    fn step(self, byte: u8) -> Option<Self> {
        match (self, byte) {
            (Self::Minus, b'0') => Some(Self::Zero),
            (Self::Minus, b'1'..=b'9') | (Self::Int, b'0'..=b'9') => Some(Self::Int),
            (Self::Zero | Self::Int, b'.') => Some(Self::Point),
            (Self::Point | Self::Frac, b'0'..=b'9') => Some(Self::Frac),
            (Self::Zero | Self::Int | Self::Frac, b'e' | b'E') => Some(Self::E),
            (Self::E, b'+' | b'-') => Some(Self::Sign),
            (Self::E | Self::Sign | Self::Exp, b'0'..=b'9') => Some(Self::Exp),
            _ => None,
        }
    }

    fn may_end(self) -> bool {
        matches!(self, Self::Zero | Self::Int | Self::Frac | Self::Exp)
    }
}

const BYTE_ORDER_MARK: [u8; 3] = [0xEF, 0xBB, 0xBF];

/// The machine.
#[derive(Debug)]
pub(super) struct Lexer {
    state: State,
    framing: Framing,
    stack: Vec<Container>,
    depth_limit: usize,
    /// A number at the top ended on this line, and nothing but blanks came behind it.
    number_on_line: bool,
    /// An unfinished escape.
    pending: [u8; 12],
    pending_len: usize,
}

type Step = Result<Option<(usize, Token)>, Fault>;

impl Lexer {
    pub(super) fn new(framing: Framing, depth_limit: usize) -> Self {
        Self {
            state: State::ByteOrderMark(0),
            framing,
            stack: Vec::new(),
            depth_limit,
            number_on_line: false,
            pending: [0; 12],
            pending_len: 0,
        }
    }

    /// Back to the beginning; memory is kept.
    pub(super) fn restart(&mut self) {
        self.state = State::ByteOrderMark(0);
        self.stack.clear();
        self.number_on_line = false;
        self.pending_len = 0;
    }

    /// As [`Lexer::restart`], for a text that may be nested so deep.
    pub(super) fn again(mut self, depth_limit: usize) -> Self {
        self.depth_limit = depth_limit;
        self.restart();
        self
    }

    /// Bytes taken from earlier chunks that no token has covered yet.
    pub(super) fn pending(&self) -> usize {
        self.pending_len
    }

    /// Whether the next byte belongs to a key.
    pub(super) fn in_key(&self) -> bool {
        matches!(self.state, State::String { key: true } | State::Escape { key: true })
    }

    /// Whether the text may end here; a number at the top must have been ended first.
    pub(super) fn may_end(&self) -> bool {
        matches!(self.state, State::Done | State::Begin | State::ByteOrderMark(0))
    }

    /// Whether no object or array is open.
    pub(super) fn at_top(&self) -> bool {
        self.stack.is_empty()
    }

    /// Whether a value of a sequence may begin here.
    pub(super) fn begins_record(&self) -> bool {
        matches!(self.state, State::Begin | State::Done) && self.framing == Framing::Sequence
    }

    /// Takes a whole object or array of a sequence for read.
    pub(super) fn pass_record(&mut self) {
        self.state = State::Done;
        self.number_on_line = false;
    }

    /// Whether any value has begun.
    pub(super) fn has_begun(&self) -> bool {
        !matches!(self.state, State::Begin | State::ByteOrderMark(_))
    }

    /// Ends a number that only the end of the text ends.
    pub(super) fn end_number(&mut self) -> Option<Token> {
        match self.state {
            State::Number(digits) if digits.may_end() => {
                self.behind_number();
                Some(Token::NumberEnd)
            }
            _ => None,
        }
    }

    /// The next token and how many bytes of `input` it takes; `None` when more input is needed, and then all of
    /// `input` has been taken.
    pub(super) fn next(&mut self, input: &[u8]) -> Step {
        let Some(&byte) = input.first() else { return Ok(None) };
        match self.state {
            State::String { key } => self.string(key, byte, input),
            State::Escape { key } => self.escape(key, input),
            State::Number(digits) => self.number(digits, input),
            State::Literal { literal, at } => self.literal(literal, at, false, input),
            State::ByteOrderMark(seen) => self.byte_order_mark(seen, byte, input),
            _ if is_space(byte) => {
                let len = input.iter().position(|byte| !is_space(*byte)).unwrap_or(input.len());
                let blanks = input.get(..len).unwrap_or(input);
                self.number_on_line &= !blanks.iter().any(|byte| matches!(byte, b'\n' | b'\r'));
                Ok(Some((len, Token::Space)))
            }
            State::Begin | State::Value => self.value(byte, input),
            State::Done if self.framing == Framing::Sequence => {
                if std::mem::take(&mut self.number_on_line) && (byte == b'-' || byte.is_ascii_digit()) {
                    return Err(Fault::Syntax);
                }
                self.value(byte, input)
            }
            State::Done => Err(Fault::Syntax),
            State::ArrayFirst if byte == b']' => self.close(),
            State::ArrayFirst => self.value(byte, input),
            State::ObjectFirst if byte == b'}' => self.close(),
            State::ObjectFirst | State::Key if byte == b'"' => {
                self.state = State::String { key: true };
                Ok(Some((1, Token::StringBegin { key: true })))
            }
            State::Colon if byte == b':' => {
                self.state = State::Value;
                Ok(Some((1, Token::Colon)))
            }
            State::After => self.after(byte),
            State::ObjectFirst | State::Key | State::Colon => Err(Fault::Syntax),
        }
    }

    fn byte_order_mark(&mut self, seen: u8, byte: u8, input: &[u8]) -> Step {
        if seen == 0 && byte != BYTE_ORDER_MARK[0] {
            self.state = State::Begin;
            return self.next(input);
        }
        if BYTE_ORDER_MARK.get(usize::from(seen)) != Some(&byte) {
            return Err(Fault::Syntax);
        }
        self.state = if seen == 2 { State::Begin } else { State::ByteOrderMark(seen + 1) };
        Ok(Some((1, Token::Space)))
    }

    fn value(&mut self, byte: u8, input: &[u8]) -> Step {
        match byte {
            b'{' => self.open(Container::Object, State::ObjectFirst),
            b'[' => self.open(Container::Array, State::ArrayFirst),
            b'"' => {
                self.state = State::String { key: false };
                Ok(Some((1, Token::StringBegin { key: false })))
            }
            b'-' => self.number_begin(Digits::Minus, input),
            b'0' => self.number_begin(Digits::Zero, input),
            b'1'..=b'9' => self.number_begin(Digits::Int, input),
            b't' => self.literal(Literal::True, 0, true, input),
            b'f' => self.literal(Literal::False, 0, true, input),
            b'n' => self.literal(Literal::Null, 0, true, input),
            _ => Err(Fault::Syntax),
        }
    }

    fn open(&mut self, container: Container, state: State) -> Step {
        if self.stack.len() >= self.depth_limit {
            return Err(Fault::Depth);
        }
        self.stack.push(container);
        self.state = state;
        Ok(Some((1, Token::Open(container))))
    }

    fn close(&mut self) -> Step {
        self.stack.pop();
        self.behind_value();
        Ok(Some((1, Token::Close)))
    }

    fn behind_value(&mut self) {
        self.state = if self.stack.is_empty() { State::Done } else { State::After };
    }

    fn behind_number(&mut self) {
        self.behind_value();
        self.number_on_line = self.stack.is_empty();
    }

    fn after(&mut self, byte: u8) -> Step {
        match (self.stack.last(), byte) {
            (Some(Container::Array), b',') => {
                self.state = State::Value;
                Ok(Some((1, Token::Comma)))
            }
            (Some(Container::Object), b',') => {
                self.state = State::Key;
                Ok(Some((1, Token::Comma)))
            }
            (Some(Container::Array), b']') => self.close(),
            (Some(Container::Object), b'}') => self.close(),
            _ => Err(Fault::Syntax),
        }
    }

    fn string(&mut self, key: bool, byte: u8, input: &[u8]) -> Step {
        match byte {
            b'"' => {
                if key {
                    self.state = State::Colon;
                } else {
                    self.behind_value();
                }
                Ok(Some((1, Token::StringEnd { key })))
            }
            b'\\' => match input.get(1).and_then(|byte| Some((*byte, short_escape(*byte)?))) {
                Some((byte, denoted)) => Ok(Some((2, Token::Escape(Escape::short(byte, denoted))))),
                None => {
                    self.state = State::Escape { key };
                    self.pending_len = 0;
                    self.escape(key, input)
                }
            },
            _ => {
                let len = memchr2(b'"', b'\\', input).unwrap_or(input.len());
                let run = input.get(..len).unwrap_or(input);
                if !has_control(run) {
                    return Ok(Some((len, Token::Run)));
                }
                match run.iter().position(|byte| *byte < 0x20) {
                    Some(0) | None => Err(Fault::Syntax),
                    Some(clean) => Ok(Some((clean, Token::Run))),
                }
            }
        }
    }

    /// Collects an escape. Half a surrogate pair waits for what follows it, and stands alone where no other half does.
    fn escape(&mut self, key: bool, input: &[u8]) -> Step {
        let mut taken = 0;
        loop {
            if self.pending_len == 6 && !is_high_surrogate(hex4(&self.pending[2..6])) {
                let code = u32::from(hex4(&self.pending[2..6]));
                return Ok(Some((taken, self.escaped(key, 6, char::from_u32(code)))));
            }
            let Some(&byte) = input.get(taken) else { return Ok(None) };
            match self.pending_len {
                0 => {}
                1 | 7 if byte == b'u' => {}
                1 => {
                    let denoted = short_escape(byte).ok_or(Fault::Syntax)?;
                    self.pending[1] = byte;
                    self.pending_len = 2;
                    return Ok(Some((taken + 1, self.escaped(key, 2, Some(char::from(denoted))))));
                }
                6 if byte == b'\\' => {}
                6 | 7 => return Ok(Some((taken, self.escaped(key, 6, None)))),
                _ if byte.is_ascii_hexdigit() => {}
                _ => return Err(Fault::Syntax),
            }
            self.pending[self.pending_len] = byte;
            self.pending_len += 1;
            taken += 1;
            if self.pending_len == 12 {
                let (high, low) = (hex4(&self.pending[2..6]), hex4(&self.pending[8..12]));
                let denoted = char::decode_utf16([high, low]).next().and_then(Result::ok);
                let len = if is_low_surrogate(low) { 12 } else { 6 };
                return Ok(Some((taken, self.escaped(key, len, denoted))));
            }
        }
    }

    /// Takes the first `len` pending bytes as an escape; what is left begins the next one.
    fn escaped(&mut self, key: bool, len: usize, denoted: Option<char>) -> Token {
        let escape = Escape::new(&self.pending[..len], denoted.unwrap_or(char::REPLACEMENT_CHARACTER));
        self.pending.copy_within(len.., 0);
        self.pending_len -= len;
        if self.pending_len == 0 {
            self.state = State::String { key };
        }
        Token::Escape(escape)
    }

    fn number_begin(&mut self, digits: Digits, input: &[u8]) -> Step {
        let rest = input.get(1..).unwrap_or_default();
        let more = self.digits(digits, rest);
        Ok(Some((1 + more, Token::Number)))
    }

    fn number(&mut self, digits: Digits, input: &[u8]) -> Step {
        match self.digits(digits, input) {
            0 if !digits.may_end() => Err(Fault::Syntax),
            0 if input.first().is_some_and(|byte| byte.is_ascii_digit() || b"+-.eE".contains(byte)) => {
                Err(Fault::Syntax)
            }
            0 => {
                self.behind_number();
                Ok(Some((0, Token::NumberEnd)))
            }
            len => Ok(Some((len, Token::Number))),
        }
    }

    /// Walks as far as the number goes; how far.
    fn digits(&mut self, mut digits: Digits, input: &[u8]) -> usize {
        let mut len = 0;
        for byte in input {
            match digits.step(*byte) {
                Some(next) => digits = next,
                None => break,
            }
            len += 1;
        }
        self.state = State::Number(digits);
        len
    }

    fn literal(&mut self, literal: Literal, at: u8, begin: bool, input: &[u8]) -> Step {
        let rest = literal.text().get(usize::from(at)..).unwrap_or_default();
        let len = rest.iter().zip(input).take_while(|(expected, byte)| expected == byte).count();
        if len == 0 {
            return Err(Fault::Syntax);
        }
        let end = len == rest.len();
        if end {
            self.behind_value();
        } else {
            self.state = State::Literal { literal, at: at + len as u8 };
        }
        Ok(Some((len, Token::Literal { literal, begin, end })))
    }
}

/// The length of the number that `input` begins with, where one does and its end is there.
pub(super) fn number_len(input: &[u8]) -> Option<usize> {
    let (first, rest) = input.split_first()?;
    let mut digits = match first {
        b'-' => Digits::Minus,
        b'0' => Digits::Zero,
        b'1'..=b'9' => Digits::Int,
        _ => return None,
    };
    let mut len = 1;
    for byte in rest {
        let Some(next) = digits.step(*byte) else { break };
        digits = next;
        len += 1;
    }
    (digits.may_end() && len < input.len()).then_some(len)
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Written as a fold over blocks, without an early way out, so that it becomes vector code.
pub(super) fn has_control(run: &[u8]) -> bool {
    run.chunks(256).any(|block| block.iter().fold(false, |found, byte| found | (*byte < 0x20)))
}

pub(super) fn short_escape(byte: u8) -> Option<u8> {
    Some(match byte {
        b'"' | b'\\' | b'/' => byte,
        b'b' => 0x08,
        b'f' => 0x0C,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        _ => return None,
    })
}
