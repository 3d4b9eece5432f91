//! Text in, findings and redacted text out.
//!
//! Enters: bytes of one logical text, in any chunking. Leaves: the redacted text as early as it can be known, and the
//! findings. Holds the invariants *Split*, *Coverage*, *Bound*, *Promptness*, *Verbatim* and *Secrecy* of the README.
//! Pure: no async, I/O, clock or logging, so it runs in a fuzzer as well as in the proxy.

mod automaton;
mod byte_set;
mod candidate;
mod detect;
mod field;
mod keywords;
mod marks;
mod minimal;
mod narrow;
pub mod operator;
mod passed;
mod prefilter;
pub mod proof;
mod regex;
pub mod rule;
pub mod ruleset;
mod scan;
mod shadow;
pub mod stream;
mod terms;
pub mod token;
mod tool;
pub mod validate;
mod vector;
mod view;

pub use detect::Regions;
pub use marks::{Layer, Mark, Marks, Overlay, Texts, spoken, unspoken};
pub use operator::{Action, Fingerprint, HashKey, fingerprint};
pub use rule::{Detector, EntityType, Keywords, Pattern, RuleId, RuleSpec, Suppression};
pub use ruleset::{ActionTable, BuildError, BuildErrorKind, CompiledRules, Cost, Rule, RuleSet, Scoring};
pub use shadow::{Comparison, Difference, Shadow};
pub use stream::{Blocked, Dropped, Finding, Output, Piece, StreamRedactor};
pub use terms::{HashedTerm, MAX_WORDS, TermList};
pub(crate) use token::Ends;
pub use token::{Restorer, TokenMap, TokenSpec};
pub use tool::{ToolDecision, ToolRule, ToolRules, ToolVerdict};
pub use validate::Validator;
