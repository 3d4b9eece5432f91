//! Reversible tokens: what stands in a value's place so that whoever has the value can have it back.
//!
//! Enters: a value, its entity, and a workspace's key. Leaves: `[EMAIL_7k3q…]`, and in an answer to the same exchange the
//! value again. The format and what it promises are in `README.md` beside this file. No store: what an exchange's
//! request minted lives in its own bounded [`TokenMap`]. Holds *Secrecy*: Debug shows counts.

mod base32;
mod beside;
mod ends;
mod html;
mod map;
mod markdown;
mod normal;
mod restore;
mod sealed;
mod stand_in;
mod surroundings;
#[cfg(test)]
mod tests;

pub(crate) use ends::Ends;
pub(super) use map::Kept;
pub use map::{MAX_TOKEN_BYTES, MAX_TOKENS, TokenMap, TokenSpec, TokenTally};
pub use restore::Restorer;
pub use sealed::{MAX_SEALED, Seal};

/// Letters of a tag: 80 bits in base32.
pub(super) const TAG: usize = 16;

/// Entities whose values are not given back unless a workspace spells them out.
pub const NEVER_RESTORED: [&str; 3] = ["CREDIT_CARD", "SECRET", "PASSWORD"];
