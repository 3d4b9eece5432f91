//! Check sums and entropy of keys and tokens.

use super::Family;

/// The checks of this family.
pub(super) const CHECKS: Family = &[];
