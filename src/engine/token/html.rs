//! Where in a text an HTML tag stands, under every reading of the text at once.
//!
//! Enters: the text byte by byte. Leaves: whether some reader may be within a tag, a comment or an element whose text is
//! no prose. Each `<` may begin a tag, whatever stands before it: one reader sees a quoted value or a script where another
//! sees text (a Markdown renderer that escapes what is no tag to it). So the states of the tokenizer (HTML standard,
//! 13.2.5) are kept as a set, and no trick can bring it out of step with a reader. Constant memory.

/// Elements whose text is read as something else than prose, or is sent with a form.
const CLOSED: [&[u8]; 10] =
    [b"script", b"style", b"textarea", b"select", b"title", b"iframe", b"noscript", b"noembed", b"noframes", b"xmp"];

/// A state of one reader's tokenizer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Behind `<`.
    Open,
    /// Behind `</`.
    EndOpen,
    Name,
    BeforeAttribute,
    Attribute,
    AfterAttribute,
    BeforeValue,
    Double,
    Single,
    Unquoted,
    /// To the next `>`.
    Bogus,
    /// Behind `<!`.
    Declaration,
    Comment,
}

impl State {
    const ALL: [Self; 13] = [
        Self::Open,
        Self::EndOpen,
        Self::Name,
        Self::BeforeAttribute,
        Self::Attribute,
        Self::AfterAttribute,
        Self::BeforeValue,
        Self::Double,
        Self::Single,
        Self::Unquoted,
        Self::Bogus,
        Self::Declaration,
        Self::Comment,
    ];

    const fn bit(self) -> u16 {
        1 << self as u16
    }

    /// The states behind this one and a byte; none: text again. `tail` is the word before the byte.
    fn behind(self, byte: u8, tail: Tail) -> u16 {
        let state = match (self, byte) {
            (Self::Open, b'/') => Self::EndOpen,
            (Self::Open, b'!') => Self::Declaration,
            (Self::Open, b'?') => Self::Bogus,
            (Self::Open | Self::EndOpen, b'a'..=b'z' | b'A'..=b'Z') => Self::Name,
            (Self::Open, _) => return 0,
            (Self::Comment, b'>') if !tail.ends_with(b"--") && !tail.ends_with(b"--!") => Self::Comment,
            (Self::Double, b'"') | (Self::Single, b'\'') => Self::BeforeAttribute,
            (Self::Double | Self::Single, _) => self,
            (_, b'>') => return 0,
            (Self::Declaration, b'-') if tail.ends_with(b"<!-") => Self::Comment,
            (Self::EndOpen, _) => Self::Bogus,
            (Self::Bogus | Self::Declaration | Self::Comment, _) => self,
            (Self::BeforeValue, b'"') => Self::Double,
            (Self::BeforeValue, b'\'') => Self::Single,
            (Self::BeforeValue, _) if byte.is_ascii_whitespace() => self,
            (Self::BeforeValue, _) => Self::Unquoted,
            (Self::Name | Self::Unquoted | Self::BeforeAttribute, _) if byte.is_ascii_whitespace() => {
                Self::BeforeAttribute
            }
            (Self::Name, b'/') => Self::BeforeAttribute,
            (Self::Name | Self::Unquoted, _) => self,
            (Self::Attribute | Self::AfterAttribute, b'=') => Self::BeforeValue,
            (Self::Attribute | Self::AfterAttribute, _) if byte.is_ascii_whitespace() => Self::AfterAttribute,
            (_, b'/') => Self::BeforeAttribute,
            // To the standard a quote here is a letter of a name; to some it opens one.
            (Self::BeforeAttribute | Self::AfterAttribute, b'"') => return Self::Attribute.bit() | Self::Double.bit(),
            (Self::BeforeAttribute | Self::AfterAttribute, b'\'') => return Self::Attribute.bit() | Self::Single.bit(),
            (Self::BeforeAttribute | Self::Attribute | Self::AfterAttribute, _) => Self::Attribute,
        };
        state.bit()
    }
}

/// The last 16 bytes of a word, in lower case, the last one lowest; blanks before them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Tail(u128);

impl Tail {
    /// At the beginning of a word.
    pub(super) const EMPTY: Self = Self(u128::from_be_bytes([b' '; 16]));

    /// The byte `back` bytes before, 0 for the last one; a blank where the word does not reach so far.
    pub(super) fn before(self, back: usize) -> u8 {
        if back < 16 { (self.0 >> (8 * back)) as u8 } else { b' ' }
    }

    pub(super) fn ends_with(self, text: &[u8]) -> bool {
        text.iter().rev().enumerate().all(|(back, byte)| self.before(back) == *byte)
    }

    /// The number of a character at the end, as HTML has it (HTML standard, 13.2.5.80), and its radix: `&#47`, `&#x2f`.
    pub(super) fn number(self) -> Option<(u32, u32)> {
        let digits = (0..10).take_while(|back| self.before(*back).is_ascii_hexdigit()).count();
        let radix = match (self.before(digits), self.before(digits + 1), self.before(digits + 2)) {
            (b'x', b'#', b'&') => 16,
            (b'#', b'&', _) => 10,
            _ => return None,
        };
        let digit = |back: usize| char::from(self.before(back)).to_digit(radix);
        let number = (0..digits).rev().try_fold(0_u32, |sum, back| sum.checked_mul(radix)?.checked_add(digit(back)?));
        number.filter(|_| digits > 0).map(|number| (number, radix))
    }

    /// The word and one byte more.
    pub(super) fn and(self, byte: u8) -> Self {
        Self(self.0 << 8 | u128::from(byte.to_ascii_lowercase()))
    }
}

/// The tags of a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Tags {
    /// States in which readers may be, a bit each.
    states: u16,
    /// How many of each of [`CLOSED`] are open: scripts may be within scripts. One that is full is never empty again.
    closed: [u8; CLOSED.len()],
}

impl Tags {
    pub(super) fn new() -> Self {
        Self { states: 0, closed: [0; CLOSED.len()] }
    }

    /// Whether a reader may be elsewhere than in the text between tags. Directly behind a `<` none is yet.
    pub(super) fn refuse(&self) -> bool {
        self.states & !State::Open.bit() != 0 || self.closed.iter().any(|open| *open > 0)
    }

    /// Goes over a byte; `tail` is the word before it.
    pub(super) fn step(&mut self, byte: u8, tail: Tail) {
        if self.states != 0 {
            let name_ends = matches!(byte, b'/' | b'>') || byte.is_ascii_whitespace();
            if name_ends && self.states & State::Name.bit() != 0 {
                self.name(tail);
            }
            let states = self.states;
            let held = State::ALL.into_iter().filter(|state| states & state.bit() != 0);
            self.states = held.fold(0, |set, state| set | state.behind(byte, tail));
        }
        if byte == b'<' {
            self.states |= State::Open.bit();
        }
    }

    /// Takes the name of a tag, which ends the word.
    fn name(&mut self, tail: Tail) {
        for (name, open) in CLOSED.iter().zip(&mut self.closed) {
            if !tail.ends_with(name) {
                continue;
            }
            match (tail.before(name.len()), tail.before(name.len() + 1)) {
                (b'<', _) => *open = open.saturating_add(1),
                (b'/', b'<') if *open < u8::MAX => *open = open.saturating_sub(1),
                _ => {}
            }
        }
    }
}
