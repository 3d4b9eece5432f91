//! A body in another character set than UTF-8: what enters are its bytes, what leaves are the bytes that may be sent, in
//! the same set. In between it is read in UTF-8 as any other body. Kept: a character that is not whole, and what the
//! reading holds back.

use super::content::Content;
use crate::body::charset::{Charset, Decoder, Encoder};
use crate::body::{BodyError, Inspection};

/// Transcodes around a reading.
pub(super) struct Transcoded {
    decoder: Decoder,
    content: Content,
    encoder: Encoder,
    text: Vec<u8>,
    redacted: Vec<u8>,
}

impl Transcoded {
    pub(super) fn new(charset: Charset, content: Content) -> Self {
        let (decoder, encoder) = (Decoder::new(charset), Encoder::new(charset));
        Self { decoder, content, encoder, text: Vec::new(), redacted: Vec::new() }
    }

    /// Takes bytes up to the first that is not in the set; gives that byte's place.
    pub(super) fn take(
        &mut self,
        input: &[u8],
        out: &mut Vec<u8>,
        seen: &mut Inspection,
    ) -> Result<Option<usize>, BodyError> {
        self.text.clear();
        let fault = self.decoder.push(input, &mut self.text);
        self.read(out, seen)?;
        seen.held_peak = seen.held_peak.max(self.held());
        Ok(fault)
    }

    /// Ends the body; `false` where its end is not in the set.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<bool, BodyError> {
        self.text.clear();
        let Some(end) = self.decoder.finish(&mut self.text) else { return Ok(false) };
        self.end(out, seen)?;
        if let Some((whole, missing)) = end.cut
            && out.ends_with(&whole)
        {
            out.truncate(out.len() - missing);
        }
        out.extend_from_slice(&end.tail);
        Ok(true)
    }

    /// Ends the text where its set ends; gives what is left of its last character.
    pub(super) fn give_up(&mut self, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<Vec<u8>, BodyError> {
        self.text.clear();
        let open = self.decoder.give_up(&mut self.text);
        self.end(out, seen)?;
        Ok(open)
    }

    /// As [`Content::is_live`].
    pub(super) fn is_live(&self) -> bool {
        self.content.is_live()
    }

    /// Bytes held back here.
    pub(super) fn held(&self) -> usize {
        self.decoder.held() + self.content.held()
    }

    /// As [`Content::weight`].
    pub(super) fn weight(&self) -> usize {
        self.decoder.held() + self.content.weight()
    }

    /// Reads what is decoded and writes what may leave, be it before a fault.
    fn read(&mut self, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        self.redacted.clear();
        let read = self.content.push(&self.text, &mut self.redacted, seen);
        self.write(out);
        read
    }

    fn end(&mut self, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        self.read(out, seen)?;
        self.redacted.clear();
        let ended = self.content.finish(&mut self.redacted, seen);
        self.write(out);
        self.encoder.finish(out);
        ended
    }

    fn write(&mut self, out: &mut Vec<u8>) {
        if self.decoder.is_utf8() {
            out.extend_from_slice(&self.redacted);
        } else {
            self.encoder.push(&self.redacted, out);
        }
    }
}
