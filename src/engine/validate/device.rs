//! Numbers of devices: IMEI, MEID and the like.

use super::Family;

/// The checks of this family.
pub(super) const CHECKS: Family = &[];
