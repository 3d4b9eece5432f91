//! The media type that stands before a file in base64, in the same object: `{"mimeType": "…", "data": "…"}`.
//!
//! Enters: members as they come. Leaves: the character set that is named for the file, where its type is one of text. A
//! type that comes behind its file is not waited for: then its first bytes tell, as they do where none is named.

use memchr::memmem;

use super::index::Kind;
use crate::body::charset::Named;
use crate::body::media::{MediaType, Promise};

/// What members with a media type are called by the protocols of models.
const NAMES: [&[u8]; 3] = [b"mimeType", b"mime_type", b"media_type"];
/// The longest type that is read, in bytes.
const LONGEST: usize = 512;

/// The media types of the objects that are open.
#[derive(Default)]
pub(super) struct Told {
    /// How many objects and arrays are open round each, and what it is. No more of them than the nesting is deep.
    types: Vec<(usize, Vec<u8>)>,
    reading: bool,
}

impl Told {
    pub(super) fn value_begin(&mut self, key: Option<&[u8]>, kind: Kind, depth: usize) {
        if kind == Kind::String && key.is_some_and(|key| NAMES.contains(&key)) {
            self.forget(depth);
            self.types.push((depth, Vec::new()));
            self.reading = true;
        }
    }

    pub(super) fn text_part(&mut self, decoded: &[u8]) {
        if let Some((_, text)) = self.types.last_mut().filter(|_| self.reading) {
            let room = (LONGEST + 1).saturating_sub(text.len());
            text.extend(decoded.iter().take(room));
        }
    }

    pub(super) fn value_end(&mut self) {
        self.reading = false;
    }

    /// An object or array ends in which so many are open, itself included: what was said in it was of its own.
    pub(super) fn forget(&mut self, depth: usize) {
        self.types.retain(|(of, _)| *of < depth);
    }

    /// The set that is named for a file that begins at this depth.
    pub(super) fn charset(&self, depth: usize) -> Option<Named> {
        let (_, text) = self.types.last().filter(|(of, text)| *of == depth && !text.is_empty())?;
        if text.len() > LONGEST {
            // What is not kept may name one.
            return is_called_text(text).then_some(Named::Unknown);
        }
        let named = MediaType::parse(text).map_or_else(|| said_unread(text), |said| said_of_text(&said));
        named.filter(|named| *named != Named::Nothing)
    }
}

/// What a media type says of the character set, where it says that it is text.
pub(super) fn said_of_text(said: &MediaType) -> Option<Named> {
    is_text(said).then(|| said.loosely_named_charset())
}

/// What a media type that cannot be parsed says of the character set, where it begins as one of text does: that there is
/// one, which others may read.
pub(super) fn said_unread(said: &[u8]) -> Option<Named> {
    let names = || memmem::find(&said.to_ascii_lowercase(), b"charset").is_some();
    (is_called_text(said) && names()).then_some(Named::Unknown)
}

fn is_text(said: &MediaType) -> bool {
    matches!(said.promise(), Promise::Json | Promise::JsonLines | Promise::Text | Promise::EventStream)
}

/// Whether it begins as a type of text does, whatever follows.
fn is_called_text(said: &[u8]) -> bool {
    let name = said.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    name.get(..4).is_some_and(|kind| kind.eq_ignore_ascii_case(b"text"))
        || MediaType::parse(name).as_ref().is_some_and(is_text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_before_a_file_in_its_object() {
        let little = Some(Named::Utf16(Some(false)));
        for (key, text, depth, wanted) in [
            ("mimeType", "text/plain; charset=utf-16le", 3, little),
            ("mime_type", "text/csv;CHARSET=\"UTF-16LE\"", 3, little),
            ("media_type", "application/json;charset=utf_16le", 3, little),
            ("mimeType", "text/plain; charset=utf-16le", 2, None),
            ("mimeType", "text/plain", 3, None),
            ("mimeType", "image/png; charset=utf-16le", 3, None),
            ("mimeType", "", 3, None),
            ("type", "text/plain; charset=utf-16le", 3, None),
            ("mimeType", "text/plain; x=a\"b; Charset=utf-16le", 3, Some(Named::Unknown)),
            ("mimeType", "text/plain; x=a\"b", 3, None),
            ("mimeType", "image/png; x=a\"b; charset=utf-16le", 3, None),
            ("mimeType", "charset", 3, None),
        ] {
            let mut told = Told::default();
            told.value_begin(Some(key.as_bytes()), Kind::String, depth);
            text.as_bytes().chunks(5).for_each(|part| told.text_part(part));
            told.value_end();
            told.text_part(b"another text");
            assert_eq!(told.charset(3), wanted, "{key} {text}");
            // Objects within this one are over.
            told.forget(5);
            told.forget(4);
            assert_eq!(told.charset(3), wanted, "{key} {text}");
            told.forget(3);
            assert_eq!(told.charset(3), None);
        }
        // What is longer than what is kept may name a set there.
        for (kind, wanted) in [("text/plain", Some(Named::Unknown)), ("image/png", None)] {
            let mut told = Told::default();
            told.value_begin(Some(b"mimeType"), Kind::String, 3);
            told.text_part(format!("{kind};x={};charset=utf-16le", "y".repeat(LONGEST)).as_bytes());
            assert_eq!(told.charset(3), wanted);
        }
    }
}
