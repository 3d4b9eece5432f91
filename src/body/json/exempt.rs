//! Values that pass unscanned because a provider made them and checks them: signatures, encrypted blocks, media.
//!
//! Enters: decoded text of a field that claims to be such a value. Leaves: how much of it passes, and whether the rest
//! must be scanned. A claim holds only as long as the value looks like base64 that hides no number: long enough, of
//! that alphabet alone, without nine digits between two letters, and if it does not begin as text does. The last
//! stretch is kept back, so that a scan that begins late still sees every match that begins in what has not left.

use std::fmt;

use crate::body::base64;

/// Shorter values are scanned as any other.
const MIN_LEN: usize = 64;
/// So many digits without a letter between them are no chance of base64 any more but may be a number.
const MAX_DIGITS: usize = 8;
/// The longest head of a `data:` URI (RFC 2397) up to its comma.
const MAX_URI_HEAD: usize = 100;

/// What the head of a `data:` URI with base64 ends with.
const BASE64: &[u8] = b";base64";

/// What an exempt field claims to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::body) enum Form {
    /// Base64 or base64url.
    Base64,
    /// A `data:` URI with base64.
    DataUri,
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
    /// Digits since the last letter.
    digits: usize,
    /// Bytes of the value that were checked.
    checked: usize,
    /// How much of [`BASE64`] the head ends with.
    marked: usize,
}

impl Exempt {
    /// `holdback` is what the rules can match over.
    pub(super) fn new(holdback: usize) -> Self {
        Self {
            state: State::Base64,
            start: Vec::new(),
            kept: Vec::new(),
            keep: holdback.max(MIN_LEN),
            digits: 0,
            checked: 0,
            marked: 0,
        }
    }

    pub(super) fn restart(&mut self, form: Form) {
        self.start.clear();
        self.state = match form {
            Form::Base64 => State::Base64,
            Form::DataUri => State::Head,
        };
        self.kept.clear();
        self.digits = 0;
        self.checked = 0;
        self.marked = 0;
    }

    /// Takes the next bytes; false when the claim has failed. Then [`Exempt::kept`] must be scanned, and all that
    /// follows.
    pub(super) fn push(&mut self, text: &[u8], passed: &mut impl FnMut(&[u8])) -> bool {
        let good = text.iter().position(|byte| !self.accepts(*byte)).unwrap_or(text.len());
        let (checked, rest) = text.split_at_checked(good).unwrap_or((text, &[]));
        let surplus = (self.kept.len() + checked.len()).saturating_sub(self.keep);
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
        self.state == State::Base64 && self.checked >= MIN_LEN
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
            if self.start.len() == MIN_LEN && holds_text(&self.start) {
                return false;
            }
        }
        match self.state {
            State::Base64 if byte.is_ascii_alphabetic() => {
                self.digits = 0;
                true
            }
            State::Base64 => {
                self.digits += usize::from(byte.is_ascii_digit());
                self.digits <= MAX_DIGITS && (byte.is_ascii_digit() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'='))
            }
            State::Head => {
                let expected = b"data:".get(self.checked - 1);
                if byte == b',' {
                    self.state = State::Base64;
                    self.digits = 0;
                    return self.marked == BASE64.len();
                }
                self.marked = match BASE64.get(self.marked) {
                    Some(next) if *next == byte => self.marked + 1,
                    _ => usize::from(byte == b';'),
                };
                self.digits += usize::from(byte.is_ascii_digit());
                self.checked <= MAX_URI_HEAD.min(self.keep)
                    && self.digits <= MAX_DIGITS
                    && expected.is_none_or(|expected| *expected == byte)
                    // As media types are written; a key has capitals.
                    && (byte.is_ascii_lowercase() || byte.is_ascii_digit() || b":/+-.;=".contains(&byte))
            }
        }
    }
}

/// Whether what base64 begins with reads as text: files of text may stand where pictures, sound and PDF do, and anything
/// where a member is only called as one that no one but its maker reads.
pub(in crate::body) fn holds_text(text: &[u8]) -> bool {
    let bytes = base64::beginning(text.get(..MIN_LEN).unwrap_or(text));
    let cut = |error: std::str::Utf8Error| error.error_len().is_none();
    let control = |byte: &u8| byte.is_ascii_control() && !matches!(byte, b'\t' | b'\n' | b'\r');
    std::str::from_utf8(&bytes).map_or_else(cut, |_| true) && !bytes.iter().any(control) && !bytes.starts_with(b"%PDF-")
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
        ] {
            let mut exempt = Exempt::new(1);
            exempt.restart(form);
            let mut passed = Vec::new();
            let bytes = [head.as_bytes(), value].concat();
            let holds = bytes.iter().all(|byte| exempt.push(&[*byte], &mut |some| passed.extend_from_slice(some)));
            assert_eq!(holds && exempt.finish(), passes, "{head}");
            assert!(passes || passed.len() <= head.len());
        }
    }
}
