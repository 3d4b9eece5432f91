//! Where in a text a token stands: in prose, or in an address that a reader's program may follow.
//!
//! Enters: the text as it leaves, byte by byte. Leaves: whether a value may be written at the next byte. Refused are
//! words that are or may become a link (`https://…`, `www.…`, `mailto:…`, `host.name/…`), destinations of Markdown links
//! and images, `url(…)`, and everything within an HTML tag. An injected prompt that makes a model write a token into such
//! a place would otherwise have us carry the value to whoever is named there. Constant memory.

/// Blanks, as many as are remembered of the current word.
const BLANKS: u128 = u128::from_be_bytes([b' '; 16]);
/// Schemes that open something without a slash.
const SCHEMES: [&[u8]; 11] =
    [b"mailto", b"data", b"javascript", b"vbscript", b"tel", b"sms", b"xmpp", b"http", b"https", b"ftp", b"file"];

/// Where a link's destination is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Link {
    Nowhere,
    /// Behind a `]`.
    Bracket,
    /// In parentheses, so many of them open; `blank` behind a line end.
    Inside {
        depth: u32,
        blank: bool,
    },
}

/// Where a tag is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Tag {
    Nowhere,
    /// Behind a `<`.
    Begun,
    /// In a tag, and within this quote. No length ends it: none is too long for a reader.
    Inside {
        quote: Option<u8>,
    },
}

/// What stands before the next byte.
#[derive(Clone, Debug)]
pub(super) struct Surroundings {
    /// The last 16 bytes of the current word, in lower case, the last one lowest; blanks before them.
    tail: u128,
    /// The word is an address.
    address: bool,
    /// A dot stood between letters or digits of the word.
    dotted: bool,
    link: Link,
    tag: Tag,
}

impl Surroundings {
    /// The beginning of a text, or a place of which nothing is known.
    pub(super) fn new(known: bool) -> Self {
        Self { tail: BLANKS, address: !known, dotted: false, link: Link::Nowhere, tag: Tag::Nowhere }
    }

    /// The byte `back` bytes before, 0 for the last one; a blank where the word does not reach so far.
    pub(super) fn before(&self, back: usize) -> u8 {
        if back < 16 { (self.tail >> (8 * back)) as u8 } else { b' ' }
    }

    /// Whether a value must not be written here.
    pub(super) fn refuse(&self) -> bool {
        self.address || matches!(self.link, Link::Inside { .. }) || matches!(self.tag, Tag::Inside { .. })
    }

    fn ends_with(&self, text: &[u8]) -> bool {
        text.iter().rev().enumerate().all(|(back, byte)| self.before(back) == *byte)
    }

    /// Goes over text that leaves.
    pub(super) fn pass(&mut self, text: &[u8]) {
        text.iter().for_each(|byte| self.step(*byte));
    }

    pub(super) fn step(&mut self, byte: u8) {
        self.step_link(byte);
        self.step_tag(byte);
        self.step_word(byte);
    }

    fn step_word(&mut self, byte: u8) {
        if byte.is_ascii_whitespace() || byte == 0x0b {
            (self.tail, self.address, self.dotted) = (BLANKS, false, false);
            return;
        }
        let last = self.before(0);
        let scheme = |name: &[u8]| {
            let (word, other) = (self.ends_with(name), self.before(name.len()));
            word && !other.is_ascii_alphanumeric()
        };
        self.address |= match byte {
            b':' => SCHEMES.iter().any(|name| scheme(name)),
            b'/' | b'\\' => self.dotted || matches!(last, b'/' | b'\\' | b':'),
            b'?' | b'#' => self.dotted,
            b'.' => self.ends_with(b"www") && !self.before(3).is_ascii_alphanumeric(),
            _ => false,
        };
        if last == b'.' && byte.is_ascii_alphanumeric() && self.before(1).is_ascii_alphanumeric() {
            self.dotted = true;
        }
        self.tail = self.tail << 8 | u128::from(byte.to_ascii_lowercase());
    }

    fn step_link(&mut self, byte: u8) {
        self.link = match (self.link, byte) {
            (Link::Nowhere | Link::Bracket, b']') => Link::Bracket,
            (Link::Bracket, b'(') => Link::Inside { depth: 1, blank: false },
            (Link::Nowhere, b'(') if self.ends_with(b"url") => Link::Inside { depth: 1, blank: false },
            (Link::Nowhere | Link::Bracket, _) => Link::Nowhere,
            (Link::Inside { .. }, _) if self.before(0) == b'\\' && matches!(byte, b'(' | b')') => self.link,
            (Link::Inside { depth, .. }, b'(') => Link::Inside { depth: depth.saturating_add(1), blank: false },
            (Link::Inside { depth: 1, .. }, b')') => Link::Nowhere,
            (Link::Inside { depth, .. }, b')') => Link::Inside { depth: depth - 1, blank: false },
            // No link goes over the end of a paragraph.
            (Link::Inside { blank: true, .. }, b'\n') => Link::Nowhere,
            (Link::Inside { depth, .. }, b'\n') => Link::Inside { depth, blank: true },
            (Link::Inside { blank: true, .. }, b' ' | b'\t' | b'\r') => self.link,
            (Link::Inside { depth, .. }, _) => Link::Inside { depth, blank: false },
        };
    }

    fn step_tag(&mut self, byte: u8) {
        self.tag = match (self.tag, byte) {
            (Tag::Nowhere | Tag::Begun, b'<') => Tag::Begun,
            (Tag::Begun, b'/' | b'!' | b'?') => Tag::Inside { quote: None },
            (Tag::Begun, _) if byte.is_ascii_alphabetic() => Tag::Inside { quote: None },
            (Tag::Nowhere | Tag::Begun, _) => Tag::Nowhere,
            (Tag::Inside { quote: None }, b'>') => Tag::Nowhere,
            (Tag::Inside { quote: None }, b'"' | b'\'') if matches!(self.before(0), b'=' | b' ') => {
                Tag::Inside { quote: Some(byte) }
            }
            (Tag::Inside { quote: Some(open) }, _) if open == byte => Tag::Inside { quote: None },
            (Tag::Inside { .. }, _) => self.tag,
        };
    }
}
