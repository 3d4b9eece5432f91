//! How much a workspace, or one of its keys, may ask: numbers as the configuration has them, counted elsewhere.

use std::time::Duration;

/// How much a workspace may ask.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Quota {
    /// Requests a second, in the mean; none: any.
    pub rate: Option<u32>,
    /// Requests at once above the mean. As many as `rate` unless told.
    pub burst: u32,
    /// Requests in flight; none: any.
    pub in_flight: Option<u32>,
    /// Models' tokens in a window of time; none: any.
    pub tokens: Option<TokenBudget>,
}

/// How many tokens models may be asked for and answer with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TokenBudget {
    /// Tokens in a window, as providers count them.
    pub tokens: u64,
    /// How long a window is. Windows follow each other from 1970 on, so that those of all replicas begin together. 24 h.
    pub per: Duration,
}
