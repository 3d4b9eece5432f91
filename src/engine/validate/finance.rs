//! Account and wallet numbers.

use super::Family;

/// The checks of this family.
pub(super) const CHECKS: Family = &[];
