//! Sealed files in, their items out.
//!
//! Enters: the bytes of a file. Leaves: its items one by one; what a crash left behind the last whole one is said to be there,
//! and is no item.

use std::fmt;
use std::io::{self, Read};

use super::{ITEM, MAGIC, Sealed};

/// The items of a file.
#[derive(Debug)]
pub struct Items<R> {
    reader: R,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Begin,
    Within,
    Over,
}

/// Why there are no more items.
#[derive(Debug)]
pub enum ReadFault {
    /// The system's reason.
    Io(io::Error),
    /// The file is none of ours, or of a later version.
    Format,
    /// The last item is not whole: whoever wrote it was cut off.
    Torn,
}

impl fmt::Display for ReadFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "cannot be read: {error}"),
            Self::Format => f.write_str("is no file of sealed items in a format that is known"),
            Self::Torn => f.write_str("ends within an item"),
        }
    }
}

impl std::error::Error for ReadFault {}

impl<R: Read> Items<R> {
    /// Reads from the beginning of a file.
    pub fn new(reader: R) -> Self {
        Self { reader, state: State::Begin }
    }

    fn read(&mut self) -> Result<Option<Sealed>, ReadFault> {
        if self.state == State::Begin {
            let mut magic = Vec::new();
            self.take(MAGIC.len(), &mut magic)?;
            if magic != MAGIC {
                return Err(if MAGIC.starts_with(&magic) { ReadFault::Torn } else { ReadFault::Format });
            }
            self.state = State::Within;
        }
        let mut length = Vec::new();
        self.take(4, &mut length)?;
        if length.is_empty() {
            return Ok(None);
        }
        let length: [u8; 4] = length.try_into().map_err(|_| ReadFault::Torn)?;
        let length = usize::try_from(u32::from_be_bytes(length)).map_err(|_| ReadFault::Format)?;
        if length > ITEM {
            return Err(ReadFault::Format);
        }
        let mut bytes = Vec::new();
        self.take(length, &mut bytes)?;
        if bytes.len() < length {
            return Err(ReadFault::Torn);
        }
        Sealed::from_bytes(&bytes).map(Some).ok_or(ReadFault::Format)
    }

    /// Reads so many bytes, or what is left; memory grows with what is there, not with what is announced.
    fn take(&mut self, count: usize, into: &mut Vec<u8>) -> Result<(), ReadFault> {
        self.reader.by_ref().take(count as u64).read_to_end(into).map(|_| ()).map_err(ReadFault::Io)
    }
}

impl<R: Read> Iterator for Items<R> {
    type Item = Result<Sealed, ReadFault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.state == State::Over {
            return None;
        }
        let read = self.read();
        if !matches!(read, Ok(Some(_))) {
            self.state = State::Over;
        }
        read.transpose()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic here is a failed test")]

    use super::super::tests::{description, keys};
    use super::*;

    #[test]
    fn a_file_gives_its_items_and_says_where_it_is_torn() {
        let (private, public) = keys();
        let mut file = MAGIC.to_vec();
        assert!(Items::new(file.as_slice()).next().is_none());
        for content in ["one", "two"] {
            file.extend(Sealed::seal(&public, description(content), content.as_bytes()).unwrap().to_bytes());
        }
        let items: Vec<_> = Items::new(file.as_slice()).map(Result::unwrap).collect();
        let opened: Vec<_> = items.iter().map(|item| item.open(&private).unwrap().to_vec()).collect();
        assert_eq!(opened, [b"one", b"two"]);
        let first = MAGIC.len() + items[0].to_bytes().len();
        for end in 0..file.len() {
            let found: Vec<_> = Items::new(&file[..end]).collect();
            let whole = found.iter().filter(|item| item.is_ok()).count();
            assert_eq!(whole, usize::from(end >= first), "at {end}");
            let at_end = end == MAGIC.len() || end == first;
            assert_eq!(matches!(found.last(), Some(Err(ReadFault::Torn))), !at_end, "at {end}");
        }
        for wrong in [
            &b"x"[..],
            b"BLACKBAR SEALED 2\n",
            b"BLACKBAR SEALED 1\n\xff\xff\xff\xff",
            b"BLACKBAR SEALED 1\n\0\0\0\x01x",
        ] {
            let found: Vec<_> = Items::new(wrong).collect();
            assert!(matches!(found.as_slice(), [Err(ReadFault::Format)]), "{wrong:?}");
        }
    }
}
