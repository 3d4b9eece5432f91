//! Tags, comments and text of XML and HTML, byte by byte.
//!
//! Enters: one byte after another. Leaves: whether it is text, and in what it stands. HTML is read as browsers mend it
//! (WHATWG HTML 13.2.5): comments that end early, comments that are none, elements whose text has no tags, quotes that are
//! only such behind `=`, marked sections only in foreign elements. In XML a `<` that begins nothing is text, and what
//! never ends goes on to the end. It decides nothing about what is scanned, for all of it is.

use super::names::{BREAKS_OUT, FOREIGN, INTEGRATION, RAW};

/// Bytes of a tag's name that count.
const NAME: usize = 64;
/// What a marked section begins with (XML 1.0 section 2.7).
const CDATA: &[u8] = b"[CDATA[";
/// Foreign elements within each other that are followed.
const FOREIGN_DEPTH: usize = 32;

/// What a byte stands in, as far as it matters to what is written there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Context {
    /// Text, of elements or none.
    Text,
    /// A marked section.
    Cdata,
    /// A comment.
    Comment,
    /// A processing instruction, or a declaration.
    Instruction,
    /// A declaration of XML outside of quotes, where names stand.
    Declaration,
    /// A tag, outside of quotes and names.
    Tag,
    /// The name of an element, or of whom a processing instruction is for.
    Name,
    /// The name of an attribute, before which so many others stand in its tag.
    Attribute(u32),
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
    /// Markup, and of the value of an attribute. See [`Lexer::attribute`].
    Value,
    /// Markup, and the end of such a value.
    ValueEnd,
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
    /// Behind `<!--` of HTML, or `<!---` where true.
    CommentStart(bool),
    /// In a comment, behind so many hyphens.
    Comment(usize),
    /// Behind `--!` in a comment of HTML.
    CommentBang,
    /// In what HTML takes for a comment, up to the first `>`.
    Bogus,
    /// In the name behind `<?` of XML.
    Target,
    /// In a processing instruction; behind a question mark where true.
    Instruction(bool),
    /// In a declaration, within so many brackets.
    Declaration(usize),
    Name,
    /// In a tag before an attribute; behind a slash where true.
    Before(bool),
    Attribute,
    /// Behind an attribute's name.
    Behind,
    /// Behind an attribute's `=`.
    Equals,
    /// In a value, up to this quote; in one without quotes where it is 0.
    Value(u8),
    /// In a marked section, behind so many brackets.
    Cdata(usize),
    /// In an element without tags, with so many bytes of its end tag.
    Raw(usize),
    /// Behind a tag after which all is text.
    Plain,
}

/// A tag that has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Tag<'a> {
    /// Its name in lower case, in XML without a prefix.
    pub(super) name: &'a [u8],
    /// The end of its name as it is written, without a prefix: capitals tell where its words begin.
    pub(super) written: &'a [u8],
    /// Whether it ends an element.
    pub(super) closes: bool,
    /// Whether it is written as an element without content.
    pub(super) empty: bool,
}

/// How far a script has been made a comment, within which its end tag may be none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Escaped {
    No,
    Once,
    /// Within it another script has begun.
    Twice,
}

/// Reads markup.
pub(super) struct Lexer {
    html: bool,
    state: State,
    name: Vec<u8>,
    written: Vec<u8>,
    closes: bool,
    empty: bool,
    attribute: Vec<u8>,
    /// Attributes that have begun in the tag at hand.
    attributes: u32,
    /// The quote that is open in the declaration at hand, else 0.
    quote: u8,
    escaped: Escaped,
    /// The last bytes of a script, in lower case.
    recent: [u8; 8],
    /// Elements of HTML that are no HTML, and false for those in them that are again.
    foreign: Vec<bool>,
}

impl Lexer {
    pub(super) fn new(html: bool) -> Self {
        Self {
            html,
            state: State::Text,
            name: Vec::new(),
            written: Vec::new(),
            closes: false,
            empty: false,
            attribute: Vec::new(),
            attributes: 0,
            quote: 0,
            escaped: Escaped::No,
            recent: [0; 8],
            foreign: Vec::new(),
        }
    }

    /// Whether the next byte that is not `<` is text.
    pub(super) fn in_text(&self) -> bool {
        self.state == State::Text
    }

    /// The quote of the value that the next byte stands in.
    pub(super) fn in_quotes(&self) -> Option<u8> {
        match self.state {
            State::Value(quote @ 1..) => Some(quote),
            _ => None,
        }
    }

    /// What the next byte stands in.
    pub(super) fn context(&self) -> Context {
        match self.state {
            State::Text | State::Open | State::Plain => Context::Text,
            State::Close | State::Before(_) | State::Behind | State::Equals | State::Value(0) => Context::Tag,
            State::Name | State::Target => Context::Name,
            State::Attribute => Context::Attribute(self.attributes.saturating_sub(1)),
            State::Declaration(_) if self.quote == 0 => Context::Declaration,
            State::Bang(_) | State::Dash | State::Bogus | State::Instruction(_) | State::Declaration(_) => {
                Context::Instruction
            }
            State::CommentStart(_) | State::Comment(_) | State::CommentBang => Context::Comment,
            State::Value(quote) => Context::Value(quote),
            State::Cdata(_) => Context::Cdata,
            State::Raw(_) if self.is_script() => Context::Script,
            State::Raw(_) => Context::Text,
        }
    }

    /// The tag that has ended last.
    pub(super) fn tag(&self) -> Tag<'_> {
        let prefix = self.name.iter().position(|byte| *byte == b':').filter(|_| !self.html);
        let local = prefix.map_or(0, |at| at + 1);
        let written = self.written.rsplit(|byte| *byte == b':').next().unwrap_or_default();
        Tag { name: self.name.get(local..).unwrap_or_default(), written, closes: self.closes, empty: self.empty }
    }

    /// The end of the name of the attribute at hand, as it is written.
    pub(super) fn attribute(&self) -> &[u8] {
        &self.attribute
    }

    pub(super) fn take(&mut self, byte: u8) -> Step {
        match self.state {
            State::Text if byte == b'<' => self.go(State::Open, Step::Open),
            State::Text | State::Plain => Step::Text(1),
            State::Open => self.open(byte),
            State::Close => self.close(byte),
            State::Bang(_) | State::Dash => self.bang(byte),
            State::CommentStart(_) | State::Comment(_) | State::CommentBang => self.comment(byte),
            State::Bogus if byte == b'>' => self.go(State::Text, Step::Markup),
            State::Bogus => Step::Markup,
            State::Instruction(true) if byte == b'>' => self.go(State::Text, Step::Markup),
            State::Instruction(_) => self.go(State::Instruction(byte == b'?'), Step::Markup),
            State::Target if byte == b'?' || byte.is_ascii_whitespace() => {
                self.go(State::Instruction(byte == b'?'), Step::Markup)
            }
            State::Target => Step::Markup,
            State::Declaration(depth) => self.declaration(depth, byte),
            State::Name | State::Before(_) | State::Attribute | State::Behind | State::Equals | State::Value(_) => {
                self.in_tag(byte)
            }
            State::Cdata(2) if byte == b'>' => self.go(State::Text, Step::Markup),
            // Of more than two, the last two may be the end.
            State::Cdata(2) if byte == b']' => Step::Text(1),
            State::Cdata(brackets) if byte == b']' => self.go(State::Cdata(brackets + 1), Step::Open),
            State::Cdata(brackets) => self.go(State::Cdata(0), Step::Text(brackets + 1)),
            State::Raw(at) => self.raw(at, byte),
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
            // HTML has none: there it is a comment that ends with the first bracket.
            b'?' => self.go(if self.html { State::Bogus } else { State::Target }, Step::Markup),
            byte if self.begins_name(byte) => self.begin_name(byte, false),
            b'<' => Step::Text(1),
            _ => self.go(State::Text, Step::Text(2)),
        }
    }

    fn close(&mut self, byte: u8) -> Step {
        match byte {
            byte if self.begins_name(byte) => self.begin_name(byte, true),
            _ if !self.html => self.go(State::Text, Step::Text(3)),
            b'>' => self.go(State::Text, Step::Markup),
            _ => self.go(State::Bogus, Step::Markup),
        }
    }

    fn begins_name(&self, byte: u8) -> bool {
        byte.is_ascii_alphabetic() || !self.html && (matches!(byte, b'_' | b':') || !byte.is_ascii())
    }

    fn begin_name(&mut self, byte: u8, closes: bool) -> Step {
        self.name.clear();
        self.closes = closes;
        self.attributes = 0;
        self.name.push(byte.to_ascii_lowercase());
        self.written.clear();
        self.written.push(byte);
        self.go(State::Name, Step::Markup)
    }

    /// Behind `<!`.
    fn bang(&mut self, byte: u8) -> Step {
        match self.state {
            State::Bang(0) if byte == b'-' => self.go(State::Dash, Step::Markup),
            State::Bang(at) if CDATA.get(at) == Some(&byte) && (!self.html || self.is_foreign()) => {
                let next = if at + 1 == CDATA.len() { State::Cdata(0) } else { State::Bang(at + 1) };
                self.go(next, Step::Markup)
            }
            State::Dash if byte == b'-' && self.html => self.go(State::CommentStart(false), Step::Markup),
            State::Dash if byte == b'-' => self.go(State::Comment(0), Step::Markup),
            _ if self.html => self.go(if byte == b'>' { State::Text } else { State::Bogus }, Step::Markup),
            _ => {
                (self.state, self.quote) = (State::Declaration(0), 0);
                self.declaration(0, byte)
            }
        }
    }

    fn comment(&mut self, byte: u8) -> Step {
        let next = match (self.state, byte) {
            (State::CommentStart(_) | State::Comment(2..) | State::CommentBang, b'>') => State::Text,
            (State::CommentStart(false), b'-') => State::CommentStart(true),
            (State::CommentStart(true), b'-') => State::Comment(2),
            (State::Comment(2..), b'!') if self.html => State::CommentBang,
            (State::Comment(hyphens), b'-') => State::Comment((hyphens + 1).min(2)),
            (State::CommentBang, b'-') => State::Comment(1),
            _ => State::Comment(0),
        };
        self.go(next, Step::Markup)
    }

    fn in_tag(&mut self, byte: u8) -> Step {
        let blank = byte.is_ascii_whitespace();
        match (self.state, byte) {
            (State::Value(quote @ 1..), byte) if byte == quote => self.go(State::Before(false), Step::ValueEnd),
            (State::Value(1..), _) => Step::Value,
            (State::Value(_), _) if blank => self.go(State::Before(false), Step::ValueEnd),
            (before, b'>') => self.end_tag(before == State::Before(true)),
            (State::Value(_), _) => Step::Value,
            (State::Equals, _) if blank => Step::Markup,
            (State::Equals, b'"' | b'\'') => self.go(State::Value(byte), Step::Markup),
            (State::Equals, _) => self.go(State::Value(0), Step::Value),
            (State::Name | State::Before(_) | State::Attribute | State::Behind, b'/') => {
                self.go(State::Before(true), Step::Markup)
            }
            (State::Name, _) if blank => self.go(State::Before(false), Step::Markup),
            (State::Attribute, _) if blank => self.go(State::Behind, Step::Markup),
            (State::Before(_) | State::Behind, _) if blank => Step::Markup,
            (State::Attribute | State::Behind, b'=') => self.go(State::Equals, Step::Markup),
            (State::Name, byte) => {
                if self.name.len() < NAME {
                    self.name.push(byte.to_ascii_lowercase());
                }
                push_last(byte, &mut self.written);
                Step::Markup
            }
            (state, byte) => {
                if state != State::Attribute {
                    self.attribute.clear();
                    self.attributes = self.attributes.saturating_add(1);
                }
                push_last(byte, &mut self.attribute);
                self.go(State::Attribute, Step::Markup)
            }
        }
    }

    fn end_tag(&mut self, empty: bool) -> Step {
        self.state = State::Text;
        self.empty = empty;
        if self.html {
            // The title of a picture is no title of a page.
            let foreign = self.is_foreign();
            self.follow_foreign(empty);
            if !self.closes && !self.is_foreign() && !foreign {
                if self.name == b"plaintext" {
                    self.state = State::Plain;
                } else if RAW.contains(&self.name.as_slice()) {
                    self.state = State::Raw(0);
                    (self.escaped, self.recent) = (Escaped::No, [0; 8]);
                }
            }
        }
        Step::TagEnd
    }

    fn is_foreign(&self) -> bool {
        self.foreign.last() == Some(&true)
    }

    /// Follows the elements of HTML in which marked sections are such and no text is without tags.
    fn follow_foreign(&mut self, empty: bool) {
        let name = self.name.as_slice();
        if self.closes {
            if FOREIGN.contains(&name) {
                let last = self.foreign.iter().rposition(|foreign| *foreign).unwrap_or(self.foreign.len());
                self.foreign.truncate(last);
            } else if INTEGRATION.contains(&name) && self.foreign.last() == Some(&false) {
                self.foreign.pop();
            }
            return;
        }
        if self.is_foreign() && BREAKS_OUT.contains(&name) {
            while self.is_foreign() {
                self.foreign.pop();
            }
        }
        let enters = FOREIGN.contains(&name);
        if !empty && (enters || self.is_foreign() && INTEGRATION.contains(&name)) && self.foreign.len() < FOREIGN_DEPTH
        {
            self.foreign.push(enters);
        }
    }

    fn declaration(&mut self, depth: usize, byte: u8) -> Step {
        // For what is written there alone: a comment in it may hold a quote that opens nothing.
        match (self.quote, byte) {
            (0, b'"' | b'\'') => self.quote = byte,
            (quote, _) if quote == byte => self.quote = 0,
            _ => {}
        }
        let next = match byte {
            b'[' => State::Declaration(depth.saturating_add(1)),
            b']' => State::Declaration(depth.saturating_sub(1)),
            b'>' if depth == 0 => State::Text,
            _ => self.state,
        };
        self.go(next, Step::Markup)
    }

    /// Whether the element without tags is one whose text is no text.
    fn is_script(&self) -> bool {
        matches!(self.name.as_slice(), b"script" | b"style")
    }

    /// An element without tags ends with its own end tag, whatever stands in it; a script that has made a comment of a
    /// script in it does not (WHATWG HTML 13.2.5.26).
    fn raw(&mut self, at: usize, byte: u8) -> Step {
        if self.name == b"script" {
            self.follow_script(byte);
        }
        let step = if self.is_script() { Step::Markup } else { Step::Text(1) };
        let end = b"</".iter().chain(self.name.iter());
        let len = 2 + self.name.len();
        let ends = byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>');
        if at == len && ends && self.escaped == Escaped::Twice {
            self.escaped = Escaped::Once;
            return self.go(State::Raw(0), step);
        }
        if at == len && ends {
            self.closes = true;
            return match byte {
                b'>' => {
                    self.empty = false;
                    self.go(State::Text, Step::TagEnd)
                }
                _ => self.go(State::Before(byte == b'/'), Step::Markup),
            };
        }
        let fits = end.clone().nth(at) == Some(&byte.to_ascii_lowercase());
        let next = if fits && at < len { at + 1 } else { usize::from(byte == b'<') };
        // What begins like the end tag is taken for markup: nothing reads on over it.
        let step = if next > 0 { Step::Markup } else { step };
        self.go(State::Raw(next), step)
    }

    fn follow_script(&mut self, byte: u8) {
        let ends = byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>');
        if self.escaped == Escaped::Once && ends && self.recent.ends_with(b"<script") {
            self.escaped = Escaped::Twice;
        }
        self.recent.rotate_left(1);
        if let Some(last) = self.recent.last_mut() {
            *last = byte.to_ascii_lowercase();
        }
        if self.escaped == Escaped::No && self.recent.ends_with(b"<!--") {
            self.escaped = Escaped::Once;
        } else if self.recent.ends_with(b"-->") {
            self.escaped = Escaped::No;
        }
    }
}

/// Adds a byte to a name, of which the last ones are kept.
fn push_last(byte: u8, name: &mut Vec<u8>) {
    if name.len() >= NAME {
        name.remove(0);
    }
    name.push(byte);
}
