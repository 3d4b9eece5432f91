//! Which region lies within which.
//!
//! Enters: the regions that a workspace names, and the one that a route or a request names. Leaves: a verdict, the same for both.

/// Whether the list has this region, or the geography that its name begins with: `eu` has `eu-central-1`, `us` has not
/// `us-gov-west-1`.
pub(crate) fn is_within(regions: &[String], region: &str) -> bool {
    let mut parts = region.rsplitn(3, '-');
    let geography = match (parts.next(), parts.next(), parts.next()) {
        (Some(number), Some(_), Some(geography)) if number.bytes().all(|byte| byte.is_ascii_digit()) => geography,
        _ => region,
    };
    regions.iter().any(|known| known == region || known == geography)
}
