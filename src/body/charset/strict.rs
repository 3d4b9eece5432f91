//! UTF-8, or ASCII, that must be such to its end: text which is called by other sets too, in all of which its bytes must
//! give the same reading. What enters leaves as it is, up to the first byte that is none of it.

/// Reads text strictly.
pub(in crate::body) struct Decoder {
    ascii: bool,
    /// A character that is not whole.
    open: Vec<u8>,
}

impl Decoder {
    pub(super) fn new(ascii: bool) -> Self {
        Self { ascii, open: Vec::new() }
    }

    /// Appends what is text; `Some` is the place in `input` from which on it is none.
    pub(super) fn push(&mut self, input: &[u8], text: &mut Vec<u8>) -> Option<usize> {
        if self.ascii {
            let len = input.iter().position(|byte| !byte.is_ascii()).unwrap_or(input.len());
            text.extend_from_slice(input.get(..len).unwrap_or_default());
            return (len < input.len()).then_some(len);
        }
        let before = self.open.len();
        let mut bytes = std::mem::take(&mut self.open);
        bytes.extend_from_slice(input);
        let Err(error) = std::str::from_utf8(&bytes) else {
            text.extend_from_slice(&bytes);
            return None;
        };
        let (whole, rest) = bytes.split_at(error.valid_up_to());
        text.extend_from_slice(whole);
        if error.error_len().is_none() {
            self.open.extend_from_slice(rest);
            return None;
        }
        let fault = whole.len().saturating_sub(before);
        if whole.is_empty() {
            self.open.extend_from_slice(bytes.get(..before).unwrap_or_default());
        }
        Some(fault)
    }

    /// Whether no character is open.
    pub(super) fn is_whole(&self) -> bool {
        self.open.is_empty()
    }

    /// The bytes of a character that is not whole.
    pub(super) fn give_up(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.open)
    }

    pub(super) fn held(&self) -> usize {
        self.open.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_chunking_ends_at_the_same_byte() {
        for (ascii, bytes, good) in [
            (false, &b"ab\xc3\xa9c"[..], None),
            (false, b"ab\xc3\xa9\xa0c", Some(4)),
            (false, b"ab\xe2\x82c", Some(2)),
            (false, b"\xe2\x82", Some(0)),
            (true, b"abc", None),
            (true, b"ab\xc3\xa9", Some(2)),
        ] {
            for size in 1..=bytes.len() {
                let (mut decoder, mut text, mut rest) = (Decoder::new(ascii), Vec::new(), Vec::new());
                for chunk in bytes.chunks(size) {
                    if rest.is_empty() {
                        if let Some(at) = decoder.push(chunk, &mut text) {
                            rest.extend(decoder.give_up());
                            rest.extend_from_slice(chunk.get(at..).unwrap_or_default());
                        }
                    } else {
                        rest.extend_from_slice(chunk);
                    }
                }
                let whole = rest.is_empty() && decoder.is_whole();
                rest.splice(0..0, decoder.give_up());
                assert_eq!((whole, text.len()), (good.is_none(), good.unwrap_or(bytes.len())), "{bytes:?} by {size}");
                assert_eq!([text, rest].concat(), bytes);
            }
        }
    }
}
