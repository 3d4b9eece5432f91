//! Where in a text a token stands: in prose, or in an address that a reader's program may follow.
//!
//! Enters: the text as it leaves, byte by byte. Leaves: whether a value may be written at the next byte. Refused are
//! words that are or may become a link (`https://…`, `www.…`, `mailto:…`, `host.name/…`), destinations of Markdown links
//! and images, `url(…)`, addresses with blanks where quotes or brackets hold them together, and everything within an HTML
//! tag; an address counts however its signs are spelled. An injected prompt that makes a model write a token into such a
//! place would otherwise have us carry the value to whoever is named there. Constant memory.

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

/// How the signs of an address are written in programs, URLs and pages, in lower case, but for numbers of characters.
const SPELT: [&[u8]; 18] = [
    b"%2f",
    b"%3a",
    b"%3f",
    b"%5c",
    b"\\u002f",
    b"\\u003a",
    b"\\u003f",
    b"\\u005c",
    b"\\x2f",
    b"\\x3a",
    b"\\x3f",
    b"\\x5c",
    b"&sol;",
    b"&colon;",
    b"&bsol;",
    b"&quest;",
    b"&num;",
    b"&period;",
];
/// What holds an address together in a string of JSON, from its beginning to its end: no byte of a text.
const STRING: u8 = 0xff;

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
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Surroundings {
    /// What stood before is known; where it is not, it may be anything.
    known: bool,
    tail: Tail,
    /// The word is an address.
    address: bool,
    /// It is one for certain, and no label before a colon.
    certain: bool,
    /// A dot stood between letters or digits of the word.
    dotted: bool,
    scheme: Scheme,
    /// What ends the quotation that the word stands in since it began, and whether it was written with a backslash.
    quoted: Option<(u8, bool)>,
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
            certain: false,
            dotted: false,
            scheme: Scheme::No,
            quoted: None,
            links: Links::new(),
            tags: Tags::new(),
        }
    }

    /// The beginning of a string of JSON, which some program takes as it is: where it begins with an address it is one.
    pub(super) fn string() -> Self {
        Self { quoted: Some((STRING, false)), ..Self::new(true) }
    }

    /// The byte `back` bytes before, 0 for the last one; a blank where the word does not reach so far.
    pub(super) fn before(&self, back: usize) -> u8 {
        self.tail.before(back)
    }

    /// Whether no more of what stood before counts: prose goes on with another word, or nothing is known of it.
    pub(super) fn is_over(&self) -> bool {
        !self.known || self.before(0) == b' ' && self.quoted.is_none() && !self.refuse()
    }

    /// Whether a value must not be written here.
    pub(super) fn refuse(&self) -> bool {
        let word = self.address || self.scheme == Scheme::Colon { marked: true } || self.number().is_some();
        !self.known || word || self.links.refuse() || self.tags.refuse()
    }

    /// Whether a value must not be written behind this text.
    pub(super) fn refuse_behind(&self, text: &[u8]) -> bool {
        if text.is_empty() {
            return self.refuse();
        }
        let mut behind = self.clone();
        behind.pass(text);
        behind.refuse()
    }

    /// Goes over text that leaves.
    pub(super) fn pass(&mut self, text: &[u8]) {
        text.iter().for_each(|byte| self.step(*byte));
    }

    pub(super) fn step(&mut self, byte: u8) {
        let ends_paragraph = byte == b'\n' && self.links.is_blank();
        self.links.step(byte, self.tail);
        self.tags.step(byte, self.tail);
        if byte.is_ascii_whitespace() || byte == 0x0b {
            // `// …` is a remark in a program. Other blanks are taken out of an address by who follows it.
            let is_remark = byte == b' ' && self.tail.ends_with(b"//") && self.before(2) == b' ';
            let goes_on = match self.quoted {
                _ if is_remark => false,
                None => false,
                Some((STRING, _)) => self.certain || self.before(0) == b' ',
                Some(_) => self.certain && !ends_paragraph,
            };
            if !goes_on {
                (self.address, self.certain, self.quoted) = (false, false, None);
            }
            (self.tail, self.dotted, self.scheme) = (Tail::EMPTY, false, Scheme::No);
            return;
        }
        self.step_word(byte);
        self.step_quoted(byte);
        self.tail = self.tail.and(byte);
        if matches!(byte.to_ascii_lowercase(), b'a' | b'c' | b'f' | b';') {
            self.take_for_address(SPELT.iter().any(|sign| self.tail.ends_with(sign)));
        }
    }

    fn take_for_address(&mut self, certain: bool) {
        self.address |= certain;
        self.certain |= certain;
    }

    /// A quote or bracket that opens before an address holds it together, blanks and all, until it closes.
    fn step_quoted(&mut self, byte: u8) {
        let last = self.before(0);
        let is_escaped = last == b'\\';
        // One address after another, as in a list.
        let opens = !self.address || (self.quoted.is_none() && b",:=([{ ".contains(&last));
        match (self.quoted, byte) {
            (Some((end, escaped)), _) if end == byte && (escaped || !is_escaped) => self.quoted = None,
            (_, b'"' | b'\'' | b'`') if opens => self.quoted = Some((byte, is_escaped)),
            (_, b'{') if opens => self.quoted = Some((b'}', is_escaped)),
            (_, b'[') if opens => self.quoted = Some((b']', is_escaped)),
            _ => {}
        }
    }

    /// The sign of an address that is written as the number of a character, up to the word's end.
    fn number(&self) -> Option<u32> {
        self.tail.number().map(|(number, _)| number).filter(|number| is_sign(*number))
    }

    fn step_word(&mut self, byte: u8) {
        let last = self.before(0);
        let is_host = || self.dotted || self.tail.ends_with(b"localhost");
        let is_scheme = byte == b':'
            && SCHEMES.iter().any(|name| self.tail.ends_with(name) && !self.before(name.len()).is_ascii_alphanumeric());
        let is_address = match byte {
            b'/' | b'\\' => is_host() || matches!(last, b'/' | b'\\' | b':' | b']') || self.is_port(),
            b'?' | b'#' => is_host() || self.is_port(),
            b'.' => self.tail.ends_with(b"www") && !self.before(3).is_ascii_alphanumeric(),
            _ => false,
        };
        // The number of a character ends before what is no digit of it.
        let ended = |radix| !char::from(byte).is_digit(radix);
        let is_spelt = self.tail.number().is_some_and(|(number, radix)| ended(radix) && is_sign(number));
        // `scheme:` and `host:port`. Brackets, quotes and emphasis behind the colon are a label's.
        let is_opaque = is_letter(byte) || b"/\\?#%&=+-._~@".contains(&byte);
        let is_told = is_opaque && last == b':' && self.address;
        // `C:\…` is the path of a file.
        let is_drive = byte == b'\\' && last == b':' && is_letter(self.before(1)) && self.before(2) == b' ';
        self.take_for_address((is_address || is_told) && !is_drive || is_spelt);
        self.address |= is_drive || is_scheme || (is_opaque && matches!(self.scheme, Scheme::Colon { .. }));
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

/// Whether the character of this number makes an address of a word. A point does, where it is spelled.
fn is_sign(number: u32) -> bool {
    char::from_u32(number).is_some_and(|sign| matches!(sign, '/' | '\\' | ':' | '?' | '#' | '.'))
}

/// Whether a byte may stand in a host's name, in any script.
fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii()
}
