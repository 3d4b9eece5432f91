//! A request that goes to another upstream than it was sent for.
//!
//! Enters: a request that was read whole, and the rule that sends it elsewhere. Leaves: the same request as it came, judged
//! anew by what holds on the other route: its rules, its injected fields, its signature, its retention and limits, the
//! regions of its workspace. Nothing of it has reached the first upstream, and no credential that was meant for that one
//! reaches the other. Routes that take such requests send none on, so that it happens once.

use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Request, Uri};

use crate::body::Dialect;
use crate::engine::RuleId;

use super::exchange::{Destination, Exchange};
use super::headers;
use super::inspect::Received;
use super::keys::Caller;
use super::reply::{ErrorKind, ProxyError};
use super::target;
use super::upstream::UpstreamBody;

impl Exchange {
    /// Where the request goes instead, and with which head and body.
    pub(super) async fn reroute(
        &mut self,
        from: &Destination,
        method: &Method,
        rule: RuleId,
    ) -> Result<(Destination, HeaderMap, UpstreamBody), ProxyError> {
        let fault = || ProxyError::internal(ErrorKind::Fault);
        let Some(there) = from.route.reroute.as_ref() else { return Err(ProxyError::blocked(Some(rule))) };
        if self.connection.is_probe() {
            // To the upstream that is tested the value did not go.
            return Err(ProxyError::blocked(Some(rule)));
        }
        let policy = std::sync::Arc::clone(&self.policy);
        let route = policy.routes.get(there.route).ok_or_else(fault)?;
        let index = policy.workspace_named(&from.workspace.name).ok_or_else(fault)?;
        if !route.workspaces.contains(&index) {
            return Err(ProxyError::client(ErrorKind::NoRoute));
        }
        // A key that does not open the other route is not led there: what the rule keeps from the first goes nowhere.
        let key = self.key.map(|at| policy.workspaces.get(index).and_then(|workspace| workspace.api_keys.get(at)));
        if key.is_some_and(|key| key.is_none_or(|key| !key.opens(there.route))) {
            return Err(ProxyError::blocked(Some(rule)));
        }
        let (sent, fields, body) = from.original.as_ref().ok_or_else(fault)?.take();
        let (rest, query) = (from.rest.as_str(), sent.split_once('?').map(|(_, query)| query));
        let query = query.and_then(target::without_keys).map_or_else(String::new, |query| format!("?{query}"));
        let target = format!("{}{rest}{query}", route.path.trim_end_matches('/'));
        let target = if target.starts_with('/') { target } else { format!("/{target}") };
        let (mut head, ()) = Request::new(()).into_parts();
        head.method = method.clone();
        head.uri = Uri::from(PathAndQuery::try_from(target).map_err(|_| fault())?);
        head.headers = fields.clone();
        headers::drop_credentials(&mut head.headers);
        self.ledger.goes_elsewhere(&from.route, rule);
        let mut to = self.enter(index, there.route, rest, &mut head)?;
        let says_model =
            matches!(self.dialect, Dialect::OpenAi | Dialect::Anthropic | Dialect::Cohere | Dialect::Ollama);
        // By what answers there it counts, and not by what would have.
        let caller = Caller { workspace: index, key: self.key };
        self.spends(caller.budgets(&self.generation), route, method, &mut head.headers)?;
        to.model = there.model.clone().filter(|_| says_model);
        let body = self.request_body(&to, method, &head.headers, Received::held(body)).await?;
        Ok((to, head.headers, body))
    }
}
