//! What is known of a message: data, not code paths.
//!
//! A table names the fields that are to be read in a certain way. What no table names is read by its looks, so that a
//! field that is added tomorrow is covered today; see [`super::walk`].

/// A message type.
#[derive(Debug)]
pub(super) struct Message {
    /// What is known, by field number.
    pub(super) fields: &'static [(u32, Kind)],
}

/// How a field is read that has the wire type of its kind; one that has another is read by its looks.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// A string: scanned, and never taken for a message.
    Text,
    /// A string that says what the message's other fields are called; scanned too.
    Key,
    /// A message.
    Message(&'static Message),
    /// A message that is a record of a batch.
    Record(&'static Message),
    /// Bytes: scanned where they read as text.
    Bytes,
    /// Bytes of this length that say what belongs together. Of any other length they are read by their looks.
    Id(usize),
    /// Packed numbers, which no rule reads.
    Numbers,
    /// An integer that someone may have written a number of a rule into. With a finding, the text that takes its place
    /// becomes the string of this field number.
    Integer(u32),
    /// As [`Kind::Integer`], for a double.
    Double(u32),
    /// A string that passes, counted under this reason.
    Exempt(&'static str),
}

/// A message of which nothing is known.
pub(super) static UNKNOWN: Message = Message { fields: &[] };

impl Message {
    /// How a field is read.
    pub(super) fn kind(&self, number: u32) -> Option<Kind> {
        self.fields.iter().find(|(known, _)| *known == number).map(|(_, kind)| *kind)
    }

    /// The field that says what the others are called.
    pub(super) fn key(&self) -> Option<u32> {
        self.fields.iter().find(|(_, kind)| matches!(kind, Kind::Key)).map(|(number, _)| *number)
    }
}
