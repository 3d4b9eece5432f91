//! Where in a text a token stands: in prose, or in an address that a reader's program may follow.
//!
//! Enters: the text as it leaves, byte by byte. Leaves: whether a value may be written at the next byte. Refused are
//! words that are or may become a link (`https://…`, `www.…`, `mailto:…`, `host.name/…`), destinations of Markdown links
//! and images, `url(…)`, and everything within an HTML tag. An injected prompt that makes a model write a token into such
//! a place would otherwise have us carry the value to whoever is named there. Constant memory.

use super::html::{Tags, Tail};
use super::markdown::Links;

/// Schemes that open something, and are no words that one writes before a value. Others count by what follows them.
const SCHEMES: [&[u8]; 50] = [
    b"mailto",
    b"data",
    b"javascript",
    b"vbscript",
    b"tel",
    b"sms",
    b"xmpp",
    b"http",
    b"https",
    b"ftp",
    b"file",
    b"ws",
    b"wss",
    b"blob",
    b"intent",
    b"slack",
    b"whatsapp",
    b"skype",
    b"callto",
    b"sip",
    b"sips",
    b"smsto",
    b"mms",
    b"mmsto",
    b"facetime",
    b"imessage",
    b"irc",
    b"ircs",
    b"magnet",
    b"itms",
    b"zoommtg",
    b"msteams",
    b"tg",
    b"viber",
    b"weixin",
    b"vscode",
    b"obsidian",
    b"smb",
    b"nfs",
    b"ssh",
    b"sftp",
    b"ftps",
    b"ldap",
    b"ldaps",
    b"rtsp",
    b"webcal",
    b"feed",
    b"gopher",
    b"jar",
    b"filesystem",
];
/// The one label that looks like a scheme with a mark in it.
const LABEL: &[u8] = b"e-mail";

/// What a word is to a reader who looks for `scheme:` (RFC 3986 section 3.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Scheme {
    No,
    /// So many letters (at most 255), and whether `+`, `.` or `-` is among them, which a label has not.
    Letters {
        count: u8,
        marked: bool,
    },
    /// Behind the colon.
    Colon {
        marked: bool,
    },
}

/// What stands before the next byte.
#[derive(Clone, Debug)]
pub(super) struct Surroundings {
    /// What stood before is known; where it is not, it may be anything.
    known: bool,
    tail: Tail,
    /// The word is an address.
    address: bool,
    /// A dot stood between letters or digits of the word.
    dotted: bool,
    scheme: Scheme,
    links: Links,
    tags: Tags,
}

impl Surroundings {
    /// The beginning of a text, or a place of which nothing is known.
    pub(super) fn new(known: bool) -> Self {
        Self {
            known,
            tail: Tail::EMPTY,
            address: false,
            dotted: false,
            scheme: Scheme::No,
            links: Links::new(),
            tags: Tags::new(),
        }
    }

    /// The byte `back` bytes before, 0 for the last one; a blank where the word does not reach so far.
    pub(super) fn before(&self, back: usize) -> u8 {
        self.tail.before(back)
    }

    /// Whether a value must not be written here.
    pub(super) fn refuse(&self) -> bool {
        let word = self.address || self.scheme == Scheme::Colon { marked: true };
        !self.known || word || self.links.refuse() || self.tags.refuse()
    }

    /// Goes over text that leaves.
    pub(super) fn pass(&mut self, text: &[u8]) {
        text.iter().for_each(|byte| self.step(*byte));
    }

    pub(super) fn step(&mut self, byte: u8) {
        self.links.step(byte, self.tail);
        self.tags.step(byte, self.tail);
        if byte.is_ascii_whitespace() || byte == 0x0b {
            (self.tail, self.address, self.dotted, self.scheme) = (Tail::EMPTY, false, false, Scheme::No);
            return;
        }
        self.step_word(byte);
        self.tail = self.tail.and(byte);
    }

    fn step_word(&mut self, byte: u8) {
        let last = self.before(0);
        let is_host = || self.dotted || self.tail.ends_with(b"localhost");
        let is_address = match byte {
            b':' => {
                SCHEMES.iter().any(|name| self.tail.ends_with(name) && !self.before(name.len()).is_ascii_alphanumeric())
            }
            b'/' | b'\\' => is_host() || matches!(last, b'/' | b'\\' | b':' | b']') || self.is_port(),
            b'?' | b'#' => is_host() || self.is_port(),
            b'.' => self.tail.ends_with(b"www") && !self.before(3).is_ascii_alphanumeric(),
            _ => false,
        };
        // `scheme:` and `host:port`. Brackets, quotes and emphasis behind the colon are a label's.
        let is_opaque = is_letter(byte) || b"/\\?#%&=+-._~@".contains(&byte);
        self.address |= is_address || (is_opaque && matches!(self.scheme, Scheme::Colon { .. }));
        if last == b'.' && is_letter(byte) {
            let other = self.before(1);
            self.dotted |= is_letter(other) || matches!(other, b'-' | b'_' | b'\\' | b']');
        }
        self.scheme = match (self.scheme, byte) {
            (Scheme::Letters { count, marked }, b'+' | b'.' | b'-' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z') => {
                Scheme::Letters { count: count.saturating_add(1), marked: marked || !byte.is_ascii_alphanumeric() }
            }
            (_, b'a'..=b'z' | b'A'..=b'Z') => Scheme::Letters { count: 1, marked: false },
            (Scheme::Letters { count: 2.., marked }, b':') => {
                let is_label = self.tail.ends_with(LABEL) && self.scheme == Scheme::Letters { count: 6, marked: true };
                Scheme::Colon { marked: marked && !is_label }
            }
            _ => Scheme::No,
        };
    }

    /// Whether the word ends with a colon and the digits of a port.
    fn is_port(&self) -> bool {
        let digits = (0..5).take_while(|back| self.before(*back).is_ascii_digit()).count();
        digits > 0 && self.before(digits) == b':' && self.before(digits + 1) != b' '
    }
}

/// Whether a byte may stand in a host's name, in any script.
fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii()
}
