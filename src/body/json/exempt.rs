//! Values that pass unscanned because a provider made them and checks them: signatures, encrypted blocks, media.
//!
//! Enters: decoded text of a field that claims to be such a value. Leaves: how much of it passes, and whether the rest
//! must be scanned. A claim holds only as long as the value looks like base64 that hides no number ([`super::letters`]):
//! long enough, of that alphabet alone, and if it does not begin as text does: a file of text
//! in another set than UTF-8 is told apart too, and which set it is. The last
//! stretch is kept back, so that a scan that begins late still sees every match that begins in what has not left.

use std::fmt;

use super::letters::Letters;
use super::told::{said_of_text, said_unread};
use crate::body::base64;
use crate::body::charset::{self, Charset, Named};
use crate::body::media::MediaType;

/// Shorter values are scanned as any other.
const MIN_LEN: usize = 64;
/// So many digits in what a `data:` URI says of itself may be a number.
const MAX_DIGITS: usize = 8;
/// The longest head of a `data:` URI (RFC 2397) up to its comma.
const MAX_URI_HEAD: usize = 100;
/// The longest one of which more is said than a type, names of files, percent-encoded; and the most with blanks before it.
const MAX_DOUBTED: usize = 2048;

/// Bytes by which the engine tells that base64 holds text, and how many of as many must be ASCII in a file of text in another
/// set of single bytes of which nothing is said.
const TELLING: usize = 9;
const MOSTLY: (usize, usize) = (3, 4);

/// What the head of a `data:` URI with base64 ends with, by readers that are exact and by those that are not, and what it
/// begins with.
const BASE64: &[u8] = b";base64";
const BASE64_ANYHOW: &[u8] = b"base64";
const DATA: &[u8] = b"data:";
/// Types that may be written in any case: others may be the name of something else.
const WRITTEN_ANYHOW: [(&str, &str); 8] = [
    ("text", "plain"),
    ("text", "csv"),
    ("text", "html"),
    ("text", "markdown"),
    ("text", "tab-separated-values"),
    ("text", "xml"),
    ("application", "json"),
    ("application", "xml"),
];

/// What an exempt field claims to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::body) enum Form {
    /// Base64 or base64url.
    Base64,
    /// A `data:` URI with base64.
    DataUri,
    /// Either of them.
    Either,
}

/// Why a value is not scanned: the reason under which its bytes are counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::body) enum Reason {
    /// Bound to other text by its maker.
    Signature,
    /// Readable by its maker only.
    Encrypted,
    /// Sound, pictures, files, vectors.
    Media,
}

impl Reason {
    /// The name in metrics.
    #[must_use]
    pub(in crate::body) fn name(self) -> &'static str {
        match self {
            Self::Signature => "signature",
            Self::Encrypted => "encrypted",
            Self::Media => "media",
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// In the head of a `data:` URI.
    Head,
    /// In a head that says more than a type, or in the first letters behind it: none of it passes, but of text in another
    /// set the set is told.
    Doubted,
    Base64,
}

/// Follows one such value.
pub(super) struct Exempt {
    state: State,
    /// The first letters of base64: a text may stand where its field promises none.
    start: Vec<u8>,
    /// What has not passed yet.
    kept: Vec<u8>,
    /// How much is always kept.
    keep: usize,
    /// The letters of base64 so far.
    letters: Letters,
    /// Digits in the head.
    digits: usize,
    /// What begins as no `data:` URI may be base64.
    either: bool,
    /// What the value is held to be.
    reason: Reason,
    /// The head of a `data:` URI.
    head: Vec<u8>,
    /// What is said of the character set, where the head says that it is text.
    told: Option<Named>,
    /// The set in which a file of text has turned out to be.
    coded: Option<Charset>,
    /// Bytes of the value that were checked.
    checked: usize,
    /// How much of [`BASE64`] the head ends with.
    marked: usize,
    /// Bytes of the value up to its base64, where it has begun, and how many have passed.
    begin: Option<usize>,
    passed: usize,
    /// It is called text in a set that nobody here can read.
    unreadable: bool,
}

impl Exempt {
    /// `holdback` is what the rules can match over.
    pub(super) fn new(holdback: usize) -> Self {
        Self {
            state: State::Base64,
            start: Vec::new(),
            kept: Vec::new(),
            keep: holdback.max(MIN_LEN),
            letters: Letters::default(),
            digits: 0,
            either: false,
            reason: Reason::Media,
            head: Vec::new(),
            told: None,
            coded: None,
            checked: 0,
            marked: 0,
            begin: None,
            passed: 0,
            unreadable: false,
        }
    }

    /// Begins a value; `told` is what is said beside it of its character set, where it is called text.
    pub(super) fn restart(&mut self, form: Form, reason: Reason, told: Option<Named>) {
        self.start.clear();
        self.head.clear();
        (self.reason, self.told, self.coded) = (reason, told, None);
        self.state = match form {
            Form::Base64 => State::Base64,
            Form::DataUri | Form::Either => State::Head,
        };
        self.either = form == Form::Either;
        self.kept.clear();
        self.letters.clear();
        self.digits = 0;
        self.checked = 0;
        self.marked = 0;
        (self.begin, self.passed, self.unreadable) = (None, 0, false);
    }

    /// Takes the next bytes; false when the claim has failed. Then [`Exempt::kept`] must be scanned, and all that
    /// follows.
    pub(super) fn push(&mut self, text: &[u8], passed: &mut impl FnMut(&[u8])) -> bool {
        let good = text.iter().position(|byte| !self.accepts(*byte)).unwrap_or(text.len());
        let (checked, rest) = text.split_at_checked(good).unwrap_or((text, &[]));
        let surplus = match self.state {
            State::Doubted => 0,
            // Until it is known what digits among the letters are.
            State::Head | State::Base64 if !self.letters.is_settled() => 0,
            State::Head | State::Base64 => (self.kept.len() + checked.len()).saturating_sub(self.keep),
        };
        self.passed += surplus;
        let from_kept = surplus.min(self.kept.len());
        passed(self.kept.get(..from_kept).unwrap_or_default());
        self.kept.drain(..from_kept);
        let (pass, keep) = checked.split_at_checked(surplus - from_kept).unwrap_or((checked, &[]));
        passed(pass);
        self.kept.extend_from_slice(keep);
        self.kept.extend_from_slice(rest);
        rest.is_empty()
    }

    /// Ends the value; false when it was too short for its claim.
    pub(super) fn finish(&mut self) -> bool {
        let long = self.state == State::Base64 && self.checked >= MIN_LEN && self.letters.may_end();
        // A short file of text is one as well.
        if self.state != State::Head && self.start.len() < MIN_LEN {
            return self.passes_start() && long;
        }
        long
    }

    /// Whether it is called text in a set that nobody here can read.
    pub(super) fn is_unreadable(&self) -> bool {
        self.unreadable
    }

    /// Where a file of text has turned out to be in another set than UTF-8: the set, whether it is called text, what of
    /// [`Exempt::kept`] stands before it, and the file.
    pub(super) fn coded(&self) -> Option<(Charset, bool, &[u8], &[u8])> {
        let charset = self.coded?;
        let begin = self.begin.unwrap_or(0).saturating_sub(self.passed);
        let (head, letters) = self.kept.split_at_checked(begin).unwrap_or((&self.kept, &[]));
        Some((charset, self.told.is_some(), head, letters))
    }

    /// Whether what the value begins with is no text.
    fn passes_start(&mut self) -> bool {
        match (self.reason, holds(&self.start, self.told)) {
            (_, Holds::Other) => true,
            (Reason::Media, Holds::Coded(charset)) => {
                self.coded = Some(charset);
                false
            }
            (Reason::Media, Holds::Unreadable) => {
                self.unreadable = true;
                false
            }
            (Reason::Media, _) | (_, Holds::Utf8) => false,
            (Reason::Signature | Reason::Encrypted, Holds::Coded(_) | Holds::Ascii | Holds::Unreadable) => true,
        }
    }

    /// What has not passed.
    pub(super) fn kept(&self) -> &[u8] {
        &self.kept
    }

    fn accepts(&mut self, byte: u8) -> bool {
        self.checked += 1;
        if self.state == State::Base64 && self.start.len() < MIN_LEN {
            self.start.push(byte);
            // Nothing of it has passed yet.
            if self.start.len() == MIN_LEN && !self.passes_start() {
                return false;
            }
        }
        match self.state {
            State::Base64 if byte.is_ascii_alphabetic() => self.letters.take(byte),
            // Some readers take the last mark of base64 for the end of the head.
            State::Base64 if !self.head.is_empty() && self.start.last() == Some(&b';') => {
                self.start.pop();
                self.head.push(b',');
                self.head.append(&mut self.start);
                (self.state, self.begin) = (State::Doubted, None);
                self.accepts_doubted(byte)
            }
            State::Base64 if byte.is_ascii_whitespace() => {
                // Lines may be shorter than what tells; where none does, it is scanned as it stands.
                if self.start.len() < MIN_LEN {
                    self.passes_start();
                }
                false
            }
            State::Base64 => self.letters.take(byte),
            State::Head | State::Doubted if self.head.len() < DATA.len() => self.accepts_scheme(byte),
            State::Head => self.accepts_head(byte),
            State::Doubted => self.accepts_doubted(byte),
        }
    }

    fn accepts_scheme(&mut self, byte: u8) -> bool {
        if self.checked > MAX_URI_HEAD.min(self.keep) {
            self.state = State::Doubted;
        }
        // Readers pass over blanks before it.
        if self.head.is_empty() && byte.is_ascii_whitespace() {
            return self.checked <= MAX_DOUBTED;
        }
        let expected = DATA.get(self.head.len());
        self.head.push(byte);
        let begins = expected == Some(&byte.to_ascii_lowercase());
        if !begins && std::mem::take(&mut self.either) && self.state == State::Head && self.checked == self.head.len() {
            // None of it has passed, so that it is taken again for what it else may be.
            self.state = State::Base64;
            self.checked = 0;
            return std::mem::take(&mut self.head).into_iter().all(|byte| self.accepts(byte));
        }
        begins
    }

    fn accepts_head(&mut self, byte: u8) -> bool {
        let small = byte.to_ascii_lowercase();
        let blanks = self.checked - 1 > self.head.len();
        if byte == b',' && !blanks && self.marked == BASE64.len() && says_a_type(&self.head) {
            self.state = State::Base64;
            self.letters.clear();
            self.told = said_by(&self.head);
            self.begin = Some(self.checked);
            return true;
        }
        self.marked = match BASE64.get(self.marked) {
            Some(next) if *next == small => self.marked + 1,
            _ => usize::from(byte == b';'),
        };
        self.digits += usize::from(byte.is_ascii_digit());
        let fits = self.checked <= MAX_URI_HEAD.min(self.keep)
            && self.digits <= MAX_DIGITS
            && !blanks
            && (is_plain(byte) || byte.is_ascii_uppercase() || b"_\" ".contains(&byte));
        if !fits {
            self.state = State::Doubted;
            return self.accepts_doubted(byte);
        }
        self.head.push(byte);
        true
    }

    /// Looks what the letters behind a head hold that says more than a type; false, since none of it passes.
    fn ends_doubt(&mut self) -> bool {
        self.passes_start();
        false
    }

    /// Takes a byte of a value whose head says more than a type. It is scanned as it stands, and false says so, once the
    /// letters behind the head have told whether they hold text in a set that is not seen so.
    fn accepts_doubted(&mut self, byte: u8) -> bool {
        if self.begin.is_some() {
            if byte.is_ascii_alphanumeric() || b"+/-_=".contains(&byte) {
                self.start.push(byte);
                self.head.push(byte);
                return self.start.len() < MIN_LEN || self.ends_doubt();
            }
            if byte.is_ascii_whitespace() {
                return self.start.is_empty() || self.ends_doubt();
            }
            // The name of a file may say the same as a head's end.
            self.begin = None;
            self.start.clear();
        }
        if self.head.len() >= MAX_DOUBTED {
            return false;
        }
        if byte == b',' {
            let head = self.head.trim_ascii_end();
            let end = head.len().checked_sub(BASE64_ANYHOW.len()).and_then(|at| head.get(at..));
            let is_base64 = end.is_some_and(|end| end.eq_ignore_ascii_case(BASE64_ANYHOW));
            // What is percent-encoded begins behind the first comma.
            let said = (is_base64 || !self.head.contains(&b',')).then(|| said_by(head)).flatten();
            if is_base64 {
                (self.begin, self.told) = (Some(self.checked), said);
            } else if matches!(said, Some(Named::Utf16(_) | Named::Utf32(_) | Named::Unknown)) {
                // What follows is percent-encoded, which is read as UTF-8 alone.
                self.unreadable = self.reason == Reason::Media;
                return !self.unreadable;
            }
        }
        self.head.push(byte);
        true
    }
}

/// What base64 begins with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    /// No text.
    Other,
    /// Text in UTF-8.
    Utf8,
    /// Text in another set, of which the engine sees what is ASCII.
    Ascii,
    /// Text in this set.
    Coded(Charset),
    /// Text in a set that is named and not known.
    Unreadable,
}

/// Whether what base64 begins with reads as text in UTF-8: files of text may stand where pictures, sound and PDF do, and
/// anything where a member is only called as one that no one but its maker reads.
pub(in crate::body) fn holds_text(text: &[u8]) -> bool {
    holds(text, None) == Holds::Utf8
}

/// Whether all of a text is a `data:` URI of what is no text.
pub(in crate::body) fn is_data_uri(text: &[u8]) -> bool {
    let mut uri = Exempt::new(0);
    uri.restart(Form::DataUri, Reason::Media, None);
    uri.push(text, &mut |_| ()) && uri.finish()
}

/// As [`holds_text`], also for text in other sets whose ASCII can be read where it stands.
pub(in crate::body) fn is_file_of_text(text: &[u8]) -> bool {
    matches!(holds(text, None), Holds::Utf8 | Holds::Ascii)
}

/// `told` is what is said of the character set, where it is said that it is text.
fn holds(text: &[u8], told: Option<Named>) -> Holds {
    let bytes = base64::beginning(text.get(..MIN_LEN).unwrap_or(text));
    if bytes.is_empty() {
        // Some readers pass over what is no letter at its beginning.
        return if text.is_empty() { Holds::Other } else { Holds::Utf8 };
    }
    if bytes.starts_with(b"%PDF-") {
        return Holds::Other;
    }
    let wide = charset::judge(Named::Nothing, true, &bytes, true).and_then(Result::ok).flatten();
    let wide = wide.filter(|_| is_wide_text(&bytes));
    if told == Some(Named::Unknown) {
        // Sets that switch between tables, and UTF-7, are ASCII to who does not know them.
        return wide.map_or(Holds::Unreadable, Holds::Coded);
    }
    let is_control = |byte: &u8| byte.is_ascii_control() && !matches!(byte, b'\t' | b'\n' | b'\r');
    let cut = |error: std::str::Utf8Error| error.error_len().is_none();
    let clean = !bytes.iter().any(is_control);
    if clean && std::str::from_utf8(&bytes).map_or_else(cut, |_| true) {
        return Holds::Utf8;
    }
    // Text that is called so is read in the set that it names, or else as browsers read what names none.
    let latin = Charset::Legacy(encoding_rs::WINDOWS_1252);
    let seen = clean && bytes.iter().take(TELLING).all(u8::is_ascii);
    if let Some(named) = told {
        return match (charset::judge(named, true, &bytes, true), wide) {
            (Some(Ok(Some(Charset::Legacy(_)) | None)), _) if seen => Holds::Ascii,
            (Some(Ok(Some(charset))), _) => Holds::Coded(charset),
            // What is named is not what it is.
            (_, Some(charset)) => Holds::Coded(charset),
            _ => Holds::Coded(latin),
        };
    }
    if let Some(charset) = wide {
        return Holds::Coded(charset);
    }
    let parts = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b',' | b';');
    let ascii = bytes.iter().filter(|byte| byte.is_ascii()).count();
    match clean {
        true if seen => Holds::Ascii,
        true if bytes.iter().any(parts) && ascii * MOSTLY.1 >= bytes.len() * MOSTLY.0 => Holds::Coded(latin),
        _ => Holds::Other,
    }
}

/// Whether bytes of which nothing is said are text in UTF-16 or UTF-32: they have a mark, or are characters of ASCII among
/// NULs. Sound may begin with some.
fn is_wide_text(bytes: &[u8]) -> bool {
    let is_text = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n');
    let marked = [&b"\xff\xfe"[..], b"\xfe\xff", b"\0\0\xfe\xff"].iter().any(|mark| bytes.starts_with(mark));
    marked || bytes.len() >= 2 * TELLING && bytes.iter().all(|byte| *byte == 0 || is_text(byte))
}

/// As media types are written; a key has capitals.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || b":/+-.;=".contains(&byte)
}

/// What it says of the character set, where it says that it is text, as one without a type does that names a set (RFC 2397
/// section 2).
fn said_by(head: &[u8]) -> Option<Named> {
    let said = head.get(DATA.len()..)?;
    if !said.trim_ascii_start().starts_with(b";") {
        return MediaType::parse(said).map_or_else(|| said_unread(said), |said| said_of_text(&said));
    }
    let said = [b"text/plain", said].concat();
    let named = MediaType::parse(&said).map_or_else(|| said_unread(&said), |said| said_of_text(&said));
    named.filter(|named| *named != Named::Nothing)
}

/// Whether a head says nothing but what its value is. Capitals, quotes, underscores and blanks stand in those alone that name
/// a known type and a known character set, so that nothing else hides there.
fn says_a_type(head: &[u8]) -> bool {
    if head.iter().copied().all(is_plain) {
        return true;
    }
    let said = head.get(DATA.len()..).unwrap_or_default();
    let Some(media_type) = MediaType::parse(said) else { return false };
    let plain = said.split(|byte| *byte == b';').next().is_some_and(|name| name.iter().copied().all(is_plain));
    // A value without a name is none of the type's parameters.
    let named = said.split(|byte| *byte == b';').all(|part| !part.trim_ascii_start().starts_with(b"="));
    let known = plain || WRITTEN_ANYHOW.contains(&(media_type.kind(), media_type.subtype()));
    named && known && media_type.says_only_a_charset()
}

impl fmt::Debug for Exempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Exempt({} bytes kept)", self.kept.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_text_is_no_media() {
        let text = b"Q2FyZCA0MTExIDExMTEgMTExMSAxMTExLCBudW1iZXIgMDc4LTA1LTExMjAsIHBo";
        let picture = b"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk-M9Q";
        let pdf = b"JVBERi0xLjQKMSAwIG9iago8PC9UeXBlL0NhdGFsb2cvUGFnZXMgMiAwIFI-Pgpl";
        assert!(holds_text(text) && !holds_text(picture) && !holds_text(pdf));
        for (form, head, value, passes) in [
            (Form::Base64, "", &text[..], false),
            (Form::DataUri, "data:text/csv;base64,", &text[..], false),
            (Form::DataUri, "data:image/png;base64,", &picture[..], true),
            (Form::Base64, "", &picture[..], true),
            (Form::DataUri, "data:image/AKIAQYLPMN5HFIQR7XYA;base64,", &picture[..], false),
            (Form::DataUri, "data:image/png;AKIAQYLPMN5HFIQR7XYA;base64,", &picture[..], false),
            (Form::DataUri, "data:image/png;charset=AKIAQYLPMN5HFIQR7XYA;base64,", &picture[..], false),
            (Form::DataUri, "data:image/png;charset=\"AKIA\";x=\"\";base64,", &picture[..], false),
            (Form::DataUri, "data:image/png;charset=utf-8;charset=AKIAQYLPMN5HFIQR7XYA;base64,", &picture[..], false),
            (Form::DataUri, "data:image/png;charset*=AKIAQYLPMN5HFIQR7XYA;base64,", &picture[..], false),
            (Form::DataUri, "data:image/png;=AKIAQYLPMN5HFIQR7XYA;base64,", &picture[..], false),
            (Form::DataUri, "data:IMAGE/png;base64,", &picture[..], false),
            (Form::DataUri, "data:image/png; CHARSET=\"utf_8\";BASE64,", &picture[..], true),
        ] {
            let mut exempt = Exempt::new(1);
            exempt.restart(form, Reason::Media, None);
            let mut passed = Vec::new();
            let bytes = [head.as_bytes(), value].concat();
            let holds = bytes.iter().all(|byte| exempt.push(&[*byte], &mut |some| passed.extend_from_slice(some)));
            assert_eq!(holds && exempt.finish(), passes, "{head}");
            assert!(passes || passed.len() <= head.len());
        }
    }

    #[test]
    fn files_in_other_sets_are_told_from_sound_and_pictures() {
        let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
        let latin = |text: &str| text.chars().map(|character| character as u8).collect::<Vec<_>>();
        let plain = "Name;Card;Mail\r\nJos\u{e9};4111 1111 1111 1111;x";
        let early = "Jos\u{e9};4111 1111 1111 1111;jane@example.com\r\n";
        let coded = |charset| Holds::Coded(charset);
        let (little, old) = (Charset::Utf16 { big: false }, Charset::Legacy(encoding_rs::WINDOWS_1252));
        let quiet: Vec<u8> = (0..48_u8).map(|at| if at % 3 == 0 { 0xff } else { 0x7b + at % 4 }).collect();
        for (bytes, told, wanted) in [
            (latin(plain), None, Holds::Ascii),
            (latin(plain), Some(Named::Nothing), Holds::Ascii),
            (latin(early), None, coded(old)),
            (utf16(&early.replace('\u{e9}', "e")), None, coded(little)),
            (utf16(&format!("\u{feff}{early}")), None, coded(little)),
            (utf16(early), Some(Named::Utf16(Some(false))), coded(little)),
            (utf16(&early.replace('\u{e9}', "e")), Some(Named::Unknown), coded(little)),
            (utf16(&early.replace('\u{e9}', "e")), Some(Named::Utf8), coded(little)),
            (
                vec![0xcf; 48],
                Some(Named::Legacy(encoding_rs::WINDOWS_1251)),
                coded(Charset::Legacy(encoding_rs::WINDOWS_1251)),
            ),
            (vec![0xcf; 48], None, Holds::Other),
            (b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec(), None, Holds::Other),
            (b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01".to_vec(), None, Holds::Other),
            (quiet, None, Holds::Other),
            (vec![0; 48], None, Holds::Other),
            (vec![0xff; 48], None, Holds::Other),
        ] {
            let mut letters = Vec::new();
            base64::encode(&bytes, &mut letters);
            assert!(holds(&letters, told) == wanted, "{bytes:?}");
        }
        for (head, told) in [
            ("data:text/csv;base64", Some(Named::Nothing)),
            ("data:text/csv;charset=utf-16le;base64", Some(Named::Utf16(Some(false)))),
            ("data:text/plain;CHARSET=\"utf-16le\";base64", Some(Named::Utf16(Some(false)))),
            ("data:text/plain;charset=UTF_16LE;base64", Some(Named::Utf16(Some(false)))),
            ("data:text/plain; charset=Shift_JIS;base64", Some(Named::Legacy(encoding_rs::SHIFT_JIS))),
            ("DATA:TEXT/PLAIN;charset=utf-16le;BASE64", Some(Named::Utf16(Some(false)))),
            ("data:text/csv;charset=x;base64", Some(Named::Unknown)),
            ("data:;charset=utf-16le;base64", Some(Named::Utf16(Some(false)))),
            ("data:;charset=utf-7;base64", Some(Named::Unknown)),
            ("data:application/json;base64", Some(Named::Nothing)),
            ("data:image/png;base64", None),
            ("data:;base64", None),
            ("data:text/plain;x=a\"b;charset=utf-16le;base64", Some(Named::Unknown)),
            ("data:Text/Plain;x=a\"b;CharSet=utf-16le;base64", Some(Named::Unknown)),
            ("data:te\"xt/plain;charset=utf-16le;base64", None),
            ("data:text/pl\"ain;charset=utf-16le;base64", Some(Named::Unknown)),
            ("data: ;x=a\"b;charset=utf-16le;base64", Some(Named::Unknown)),
            ("data:application/json;x=a\"b;charset=utf-16le;base64", Some(Named::Unknown)),
            (&format!("data:text/plain;charset=utf-7{};base64", ";a=b".repeat(33)), Some(Named::Unknown)),
            ("data:text/plain;x=a\"b;base64", None),
            ("data:image/png;x=a\"b;charset=utf-16le;base64", None),
        ] {
            assert_eq!(said_by(head.as_bytes()), told, "{head}");
        }
    }
}
