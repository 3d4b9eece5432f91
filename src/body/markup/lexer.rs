//! Tags, comments and text of XML and HTML, byte by byte.
//!
//! Enters: one byte after another. Leaves: whether it is text, and in what it stands. It is as tolerant as readers of HTML
//! are: a `<` that begins nothing is text, and what never ends goes on to the end. It decides nothing about what is
//! scanned, for all of it is.

/// Bytes of a tag's name that count.
const NAME: usize = 64;
/// What a marked section begins with (XML 1.0 section 2.7).
const CDATA: &[u8] = b"[CDATA[";

/// What a byte stands in, as far as it matters to what is written there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Context {
    /// Text, of elements or none.
    Text,
    /// A marked section.
    Cdata,
    /// A comment.
    Comment,
    /// A processing instruction or a declaration.
    Instruction,
    /// A tag, outside of quotes.
    Tag,
    /// A quoted value of an attribute.
    Value(u8),
    /// The text of a script or a style sheet of HTML.
    Script,
}

/// What a byte is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// The last so many bytes are text, this one included.
    Text(usize),
    /// It may be text or markup, which the next ones tell.
    Open,
    /// Markup.
    Markup,
    /// Markup, and the last byte of a tag. See [`Lexer::tag`].
    TagEnd,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Text,
    /// Behind `<`.
    Open,
    /// Behind `</`.
    Close,
    /// Behind `<!`, and so many bytes of what a marked section begins with.
    Bang(usize),
    /// Behind `<!-`.
    Dash,
    /// In a comment, behind so many hyphens.
    Comment(usize),
    /// In a processing instruction; behind a question mark where true.
    Instruction(bool),
    /// In a declaration, within so many brackets.
    Declaration(usize),
    Name,
    /// In a tag behind its name; behind `=` where true.
    Tag(bool),
    Value(u8),
    /// In a marked section, behind so many brackets.
    Cdata(usize),
    /// In a script, with so many bytes of its end tag.
    Script(usize),
}

/// A tag that has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Tag<'a> {
    /// Its name without a prefix, in lower case.
    pub(super) name: &'a [u8],
    /// Whether it ends an element.
    pub(super) closes: bool,
}

/// Reads markup.
pub(super) struct Lexer {
    html: bool,
    state: State,
    name: Vec<u8>,
    closes: bool,
}

impl Lexer {
    pub(super) fn new(html: bool) -> Self {
        Self { html, state: State::Text, name: Vec::new(), closes: false }
    }

    /// Whether the next byte that is not `<` is text.
    pub(super) fn in_text(&self) -> bool {
        self.state == State::Text
    }

    /// What the next byte stands in.
    pub(super) fn context(&self) -> Context {
        match self.state {
            State::Text | State::Open => Context::Text,
            State::Close | State::Name | State::Tag(_) => Context::Tag,
            State::Bang(_) | State::Dash | State::Instruction(_) | State::Declaration(_) => Context::Instruction,
            State::Comment(_) => Context::Comment,
            State::Value(quote) => Context::Value(quote),
            State::Cdata(_) => Context::Cdata,
            State::Script(_) => Context::Script,
        }
    }

    /// The tag that has ended last.
    pub(super) fn tag(&self) -> Tag<'_> {
        let local = self.name.iter().position(|byte| *byte == b':').map_or(0, |at| at + 1);
        Tag { name: self.name.get(local..).unwrap_or_default(), closes: self.closes }
    }

    pub(super) fn take(&mut self, byte: u8) -> Step {
        match self.state {
            State::Text if byte == b'<' => self.go(State::Open, Step::Open),
            State::Text => Step::Text(1),
            State::Open => self.open(byte),
            State::Close if begins_name(byte) => self.begin_name(byte, true),
            State::Close => self.go(State::Text, Step::Text(3)),
            State::Bang(0) if byte == b'-' => self.go(State::Dash, Step::Markup),
            State::Bang(at) if CDATA.get(at) == Some(&byte) => {
                let next = if at + 1 == CDATA.len() { State::Cdata(0) } else { State::Bang(at + 1) };
                self.go(next, Step::Markup)
            }
            State::Dash if byte == b'-' => self.go(State::Comment(0), Step::Markup),
            State::Bang(_) | State::Dash => {
                self.state = State::Declaration(0);
                self.declaration(0, byte)
            }
            State::Comment(2..) if byte == b'>' => self.go(State::Text, Step::Markup),
            State::Comment(hyphens) if byte == b'-' => self.go(State::Comment((hyphens + 1).min(2)), Step::Markup),
            State::Comment(_) => self.go(State::Comment(0), Step::Markup),
            State::Instruction(true) if byte == b'>' => self.go(State::Text, Step::Markup),
            // HTML has none: there it is a comment that ends with the first bracket.
            State::Instruction(_) if byte == b'>' && self.html => self.go(State::Text, Step::Markup),
            State::Instruction(_) => self.go(State::Instruction(byte == b'?'), Step::Markup),
            State::Declaration(depth) => self.declaration(depth, byte),
            State::Name | State::Tag(_) => self.in_tag(byte),
            State::Value(quote) => {
                let next = if byte == quote { State::Tag(false) } else { self.state };
                self.go(next, Step::Markup)
            }
            State::Cdata(2) if byte == b'>' => self.go(State::Text, Step::Markup),
            // Of more than two, the last two may be the end.
            State::Cdata(2) if byte == b']' => Step::Text(1),
            State::Cdata(brackets) if byte == b']' => self.go(State::Cdata(brackets + 1), Step::Open),
            State::Cdata(brackets) => self.go(State::Cdata(0), Step::Text(brackets + 1)),
            State::Script(at) => self.script(at, byte),
        }
    }

    fn go(&mut self, state: State, step: Step) -> Step {
        self.state = state;
        step
    }

    fn open(&mut self, byte: u8) -> Step {
        match byte {
            b'/' => self.go(State::Close, Step::Open),
            b'!' => self.go(State::Bang(0), Step::Markup),
            b'?' => self.go(State::Instruction(false), Step::Markup),
            byte if begins_name(byte) => self.begin_name(byte, false),
            b'<' => Step::Text(1),
            _ => self.go(State::Text, Step::Text(2)),
        }
    }

    fn begin_name(&mut self, byte: u8, closes: bool) -> Step {
        self.name.clear();
        self.closes = closes;
        self.name.push(byte.to_ascii_lowercase());
        self.go(State::Name, Step::Markup)
    }

    fn in_tag(&mut self, byte: u8) -> Step {
        let behind_equals = self.state == State::Tag(true);
        match byte {
            b'>' => {
                let script = self.html && !self.closes && matches!(self.name.as_slice(), b"script" | b"style");
                self.go(if script { State::Script(0) } else { State::Text }, Step::TagEnd)
            }
            b'"' | b'\'' if behind_equals => self.go(State::Value(byte), Step::Markup),
            byte if byte.is_ascii_whitespace() || byte == b'=' => {
                self.go(State::Tag(byte == b'=' || behind_equals), Step::Markup)
            }
            byte if self.state == State::Name && byte != b'/' => {
                if self.name.len() < NAME {
                    self.name.push(byte.to_ascii_lowercase());
                }
                Step::Markup
            }
            _ => self.go(State::Tag(false), Step::Markup),
        }
    }

    fn declaration(&mut self, depth: usize, byte: u8) -> Step {
        let next = match byte {
            b'[' => State::Declaration(depth.saturating_add(1)),
            b']' => State::Declaration(depth.saturating_sub(1)),
            b'>' if depth == 0 => State::Text,
            _ => self.state,
        };
        self.go(next, Step::Markup)
    }

    /// A script ends with its own end tag, whatever stands in it.
    fn script(&mut self, at: usize, byte: u8) -> Step {
        let end = b"</".iter().chain(self.name.iter());
        let len = 2 + self.name.len();
        if at == len {
            let ends = byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>');
            self.closes = ends;
            return match byte {
                b'>' => self.go(State::Text, Step::TagEnd),
                _ if ends => self.go(State::Tag(false), Step::Markup),
                _ => self.go(State::Script(0), Step::Markup),
            };
        }
        let fits = end.clone().nth(at) == Some(&byte.to_ascii_lowercase());
        let next = if fits { at + 1 } else { usize::from(byte == b'<') };
        self.go(State::Script(next), Step::Markup)
    }
}

fn begins_name(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || matches!(byte, b'_' | b':') || !byte.is_ascii()
}
