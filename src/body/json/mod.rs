//! JSON: the one reader on the data path.
//!
//! Enters: the bytes of a JSON document or sequence, or a text that is itself JSON, in any chunking. Leaves: the same
//! bytes with every finding redacted in its own literal, and everything else byte for byte. Strings, keys and numbers
//! are scanned decoded; duplicate keys are all looked at. Iterative, strict (RFC 8259), and bounded by
//! [`crate::body::BodyLimits`]: a string may be as long as it likes, only the hold-back is kept.
//!
//! ```text
//! body, nested    what enters: a document; a string that is a document      edit   what is taken out before
//! records         a batch's, each with its own verdict
//! walker          copies it; guide says what holds at each place, thinking takes signed blocks out
//! lexer, literal  the grammar, any chunking      raw   decoded text back to its literal
//! shifts          where places of a text are once it is redacted
//! text, known     one logical text: plain, JSON, or exempt     out   what was decided, and how it came about
//! index           one whole value as spans, for events          sketch  what a document says of tool calls
//! names           what readers take for a member's name
//! ```

mod body;
mod brief;
mod coded;
mod edit;
mod exempt;
mod guide;
mod index;
mod joins;
mod known;
mod labels;
mod letters;
mod lexer;
mod literal;
mod names;
mod nested;
mod number;
mod opening;
mod out;
mod path;
mod raw;
mod records;
mod shifts;
mod signed;
mod sketch;
mod string;
mod text;
mod thinking;
mod told;
mod transcript;
mod walker;

pub use body::JsonBody;
pub(super) use brief::Brief;
pub(super) use exempt::{Form, Reason, holds_text, is_data_uri, is_file_of_text};
pub use index::{Index, Kind, MAX_NODES, Node, Step, index};
pub(super) use joins::{Joins, Sort, tells_sort};
pub(super) use labels::{label_of, says, speaks_of};
pub(super) use letters::Letters;
pub use lexer::Framing;
pub(super) use names::is_like;
pub use out::TextOut;
pub use path::JsonPathError;
pub(super) use shifts::{Counts, Shifts, Side, Unit};
pub(super) use signed::{UNCHECKED, is_call};
pub(super) use sketch::{Sketch, compact};
pub(super) use string::{close_half, take_open_half};
pub use string::{escape, unescape};
pub use text::LogicalText;

#[cfg(test)]
mod tests;
