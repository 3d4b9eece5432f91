//! Numbers of health systems and their professionals.

use super::Family;

/// The checks of this family.
pub(super) const CHECKS: Family = &[];
