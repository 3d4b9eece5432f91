//! JSON: the one reader on the data path.
//!
//! Enters: the bytes of a JSON document or sequence, or a text that is itself JSON, in any chunking. Leaves: the same
//! bytes with every finding redacted in its own literal, and everything else byte for byte. Strings, keys and numbers
//! are scanned decoded; duplicate keys are all looked at. Iterative, strict (RFC 8259), and bounded by
//! [`crate::body::BodyLimits`]: a string may be as long as it likes, only the hold-back is kept.

mod index;
mod lexer;
mod string;
mod text;

pub use index::{Index, Kind, MAX_NODES, Node, Step, index};
pub use lexer::Framing;
pub use string::{escape, unescape};
pub use text::{LogicalText, TextOut};
