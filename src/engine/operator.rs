//! What replaces a finding: one function from an action and a value to the bytes that leave instead.

use std::fmt;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::rule::EntityType;

/// What is done with a finding.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// The rule is not applied.
    Off,
    /// Counted and audited; nothing changes.
    Observe,
    /// `[ENTITY]`.
    Redact,
    /// Every letter and digit becomes `*`; separators stay.
    Mask,
    /// As [`Action::Mask`], but the last four letters or digits stay.
    KeepLast4,
    /// The domain of an e-mail address becomes `***`; anything else is treated as [`Action::Mask`].
    MaskDomain,
    /// Nothing takes the value's place.
    Remove,
    /// This text takes the value's place.
    Replace(Arc<str>),
    /// `[ENTITY_` and 16 hexadecimal digits of a keyed hash `]`: equal values give equal text within a workspace.
    Hash,
    /// The value never leaves and the exchange is ended visibly.
    Block,
}

impl Action {
    /// What happens to an entity that the rules file gives no action.
    #[must_use]
    pub fn default_for(entity: &EntityType) -> Self {
        match entity.as_str() {
            "CREDIT_CARD" | "PHONE" => Self::KeepLast4,
            "US_SSN" | "US_ITIN" | "NATIONAL_ID" | "TAX_ID" | "PASSPORT" | "DRIVING_LICENCE" => Self::Mask,
            "EMAIL" => Self::MaskDomain,
            "PASSWORD" => Self::Replace(Arc::from("[SECRET]")),
            _ => Self::Redact,
        }
    }

    /// The action's name in files, metrics and reports.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Observe => "observe",
            Self::Redact => "redact",
            Self::Mask => "mask",
            Self::KeepLast4 => "keep-last-4",
            Self::MaskDomain => "mask-domain",
            Self::Remove => "remove",
            Self::Replace(_) => "replace",
            Self::Hash => "hash",
            Self::Block => "block",
        }
    }
}

/// A workspace's 32-byte key for [`Action::Hash`].
#[derive(Clone)]
pub struct HashKey(Arc<[u8; 32]>);

impl HashKey {
    /// Wraps 32 random bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Arc::new(bytes))
    }
}

impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashKey(32 bytes)")
    }
}
