//! What the actions of a body come to on other ways: where a request goes elsewhere, and where it cannot.
//!
//! Enters: scopes as rules have them. Leaves: the same with what `reroute` is there, and whether they have some kind of action.

use super::Scopes;
use crate::engine::Action;

impl Scopes {
    /// Whether any rule sends the exchange elsewhere.
    #[must_use]
    pub fn reroutes(&self) -> bool {
        self.actions.reroutes() || self.paths.iter().any(|(_, actions)| actions.reroutes())
    }

    /// The same where exchanges are sent to.
    #[must_use]
    pub fn elsewhere(&self) -> Self {
        self.with(|actions| actions.instead_of_reroute(Action::clone))
    }

    /// The same where there is no elsewhere: what would be sent there is blocked.
    #[must_use]
    pub fn staying(&self) -> Self {
        self.with(|actions| actions.instead_of_reroute(|_| Action::Block))
    }

    /// Whether any rule puts stand-ins in values' places.
    #[must_use]
    pub fn stands_in(&self) -> bool {
        self.actions.stands_in() || self.paths.iter().any(|(_, actions)| actions.stands_in())
    }
}
