//! A file of text in base64 whose text is not in UTF-8.
//!
//! Enters: the base64, of which the beginning has told the character set. Leaves: the same, or what is written in its place
//! where something is found: redacted text in the same set, in base64 again. All of it is kept until its end, within bounds: a longer one is refused where
//! its field says that it is text, and passes, counted as media, where nothing does.

use super::exempt::Reason;
use super::out::TextOut;
use super::text::LogicalText;
use crate::body::charset::{Charset, Decoder, Encoder};
use crate::body::{BodyError, BodyErrorKind, Inspection, base64};

/// Such a file.
pub(super) struct Coded {
    charset: Charset,
    /// Whether its field says that it is text.
    told: bool,
    letters: Vec<u8>,
    /// It is longer than what is kept, and passes.
    passes: bool,
}

/// What was read.
struct Read {
    text: Vec<u8>,
    /// The bytes behind the last character.
    tail: Vec<u8>,
    /// How the last character would be written whole, and how many of its bytes are missing.
    cut: Option<(Vec<u8>, usize)>,
    is_utf8: bool,
}

impl Coded {
    pub(super) fn new(charset: Charset, told: bool) -> Self {
        Self { charset, told, letters: Vec::new(), passes: false }
    }

    /// Takes more of it, `limit` bytes in all. A longer one is refused where its field says that it is text; of others most
    /// are sounds and pictures whose beginning looks like some set, and it passes for that reason.
    pub(super) fn push(
        &mut self,
        letters: &[u8],
        limit: usize,
        reason: Reason,
        out: &mut TextOut,
        seen: &mut Inspection,
    ) -> Result<(), BodyError> {
        if !self.passes && self.letters.len() + letters.len() > limit {
            if self.told {
                return Err(BodyErrorKind::TooLarge.into());
            }
            self.passes = true;
            out.keep(&self.letters);
            seen.exempt(reason.name(), self.letters.len() as u64);
            self.letters = Vec::new();
        }
        if self.passes {
            out.keep(letters);
            seen.exempt(reason.name(), letters.len() as u64);
            return Ok(());
        }
        self.letters.extend_from_slice(letters);
        Ok(())
    }

    /// Bytes kept.
    pub(super) fn held(&self) -> usize {
        self.letters.len()
    }

    /// Reads it with `reader` and gives it back. What turns out to be no text is refused where its field says that it is
    /// some, and passes for that reason otherwise.
    pub(super) fn finish(
        self,
        reader: &mut LogicalText,
        reason: Reason,
        out: &mut TextOut,
        seen: &mut Inspection,
    ) -> Result<(), BodyError> {
        let count = self.letters.len();
        if self.passes {
            return Ok(());
        }
        let Some(read) = self.read() else {
            if self.told {
                return Err(BodyErrorKind::Charset.into());
            }
            out.keep(&self.letters);
            seen.exempt(reason.name(), count as u64);
            return Ok(());
        };
        let scanned = seen.scanned + count as u64;
        let mut new = TextOut::default();
        let verbatim = reader.whole(&read.text, &mut new, seen);
        seen.scanned = scanned;
        if verbatim? {
            out.keep(&self.letters);
        } else {
            out.replace(count, &self.written(&read, &new.bytes));
        }
        Ok(())
    }

    /// The text; `None` where it is no base64, or not in its set.
    fn read(&self) -> Option<Read> {
        let bytes = base64::lenient(&self.letters)?;
        let mut decoder = Decoder::new(self.charset);
        let mut text = Vec::new();
        if decoder.push(&bytes, &mut text).is_some() {
            return None;
        }
        let end = decoder.finish(&mut text)?;
        Some(Read { text, tail: end.tail, cut: end.cut, is_utf8: decoder.is_utf8() })
    }

    /// The base64 of another text in the place of what was read.
    fn written(&self, read: &Read, text: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        if read.is_utf8 {
            bytes.extend_from_slice(text);
        } else {
            let mut encoder = Encoder::new(self.charset);
            encoder.push(text, &mut bytes);
            encoder.finish(&mut bytes);
        }
        if let Some((whole, missing)) = &read.cut
            && bytes.ends_with(whole)
        {
            bytes.truncate(bytes.len() - missing);
        }
        bytes.extend_from_slice(&read.tail);
        let mut letters = Vec::new();
        base64::encode(&bytes, &mut letters);
        if self.letters.iter().any(|letter| matches!(letter, b'-' | b'_')) {
            for letter in &mut letters {
                *letter = match *letter {
                    b'+' => b'-',
                    b'/' => b'_',
                    other => other,
                };
            }
        }
        // Who leaves out what fills the last group up may not know what to do with it.
        let count = self.letters.iter().filter(|letter| !letter.is_ascii_whitespace()).count();
        if !self.letters.contains(&b'=') && !count.is_multiple_of(4) {
            letters.retain(|letter| *letter != b'=');
        }
        letters
    }
}
