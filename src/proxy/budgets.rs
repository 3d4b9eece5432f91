//! Budgets of models' tokens: what a request is counted against, and what it came to.
//!
//! Enters: the route that a request goes by, and what was seen of both directions. Leaves: a refusal where a budget is used
//! up, and tokens that are counted against the budgets, each once.

use std::sync::Arc;

use http::Method;
use http::header::{self, HeaderMap, HeaderValue};

use crate::body::{Dialect, Inspection, estimate};
use crate::policy::{Mode, Route};
use crate::telemetry;

use super::admission::WorkspaceQuota;
use super::exchange::{Exchange, sends};
use super::headers;
use super::reply::{ErrorKind, ProxyError};

impl Exchange {
    /// Refuses a request of a model whose budget is used up; what others cost is counted against theirs. The last route
    /// that a request goes by is the one that counts.
    pub(super) fn spends(
        &self,
        budgets: Vec<Arc<WorkspaceQuota>>,
        route: &Route,
        method: &Method,
        headers: &mut HeaderMap,
    ) -> Result<(), ProxyError> {
        // What a held answer cost was counted when it came, and what a person lets pass is nobody's request.
        let counts = self.claim.is_none() && self.approved.is_none();
        if budgets.is_empty() || !counts || !self.dialect.is_model() || self.dialect == Dialect::Mcp {
            self.ledger.spends(Vec::new());
            return Ok(());
        }
        let now = telemetry::unix_seconds();
        let asks = sends(method) || headers::asks_for_websocket(headers);
        if let Some(seconds) = budgets.iter().filter(|_| asks).filter_map(|quota| quota.used_up(now)).max() {
            return Err(ProxyError::client(ErrorKind::Tokens(seconds)));
        }
        // An answer that passes as it comes is read for what it cost only where it is not coded.
        if route.response == Mode::Off {
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        self.ledger.spends(budgets);
        Ok(())
    }
}

/// What one request is counted against, and how far it has been.
#[derive(Default)]
pub(crate) struct Bill {
    budgets: Vec<Arc<WorkspaceQuota>>,
    /// It went to an upstream.
    sent: bool,
    charged: u64,
}

impl Bill {
    /// These budgets pay, and no others.
    pub(crate) fn goes_to(&mut self, budgets: Vec<Arc<WorkspaceQuota>>) {
        self.budgets = budgets;
    }

    pub(crate) fn is_open(&self) -> bool {
        !self.budgets.is_empty()
    }

    /// It goes to an upstream, or could not be brought to it.
    pub(crate) fn is_sent(&mut self, sent: bool) {
        self.sent = sent;
    }

    /// The tokens that have been counted.
    pub(crate) fn charged(&self) -> u64 {
        self.charged
    }

    /// Counts what is not counted yet: that many tokens, and who says so. `whole` is a request of which all was read, and
    /// `failed` an exchange that ended early. An upstream that was given all of a request and never answered may have worked
    /// on it.
    pub(crate) fn charge(
        &mut self,
        request: Option<&Inspection>,
        response: Option<&Inspection>,
        whole: bool,
        failed: bool,
    ) -> Option<(u64, &'static str)> {
        if self.budgets.is_empty() {
            return None;
        }
        let asked = request.map_or(0, |seen| seen.length);
        let reached = self.sent && whole && failed;
        let (tokens, said) = match response {
            Some(seen) => seen.usage.charge(asked),
            None if reached => (estimate(asked), false),
            None => (0, true),
        };
        let more = tokens.saturating_sub(self.charged);
        if more == 0 {
            return None;
        }
        self.charged += more;
        let now = telemetry::unix_seconds();
        self.budgets.iter().for_each(|budget| budget.spend(more, now));
        Some((more, if said { "provider" } else { "estimate" }))
    }
}
