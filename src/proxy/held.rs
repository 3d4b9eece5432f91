//! A request that must wait for a person: kept whole before its client is told.
//!
//! Enters: a request as it came, and what was found in it. Leaves: an item of the quarantine, and the refusal that names it;
//! where it cannot be kept, a refusal that says so. Nothing of it has reached the upstream.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::body::Scopes;
use crate::engine::{Action, RuleId};
use crate::policy::{Mode, Route, Workspace};
use crate::quarantine::Fault;
use crate::quarantine::item::{Facts, Found, VERSION};
use crate::telemetry;

use super::Generation;
use super::exchange::{Destination, Exchange};
use super::reply::{ErrorKind, ProxyError, Side};

/// The rules whose findings a person has let pass.
#[derive(Debug)]
pub(crate) struct Approved(Vec<RuleId>);

impl Approved {
    /// What a person who releases an item with these findings has seen.
    pub(crate) fn of(findings: &[Found]) -> Self {
        let held = findings.iter().filter(|found| found.action == Action::Quarantine.name());
        Self(held.map(|found| RuleId::new(&found.rule)).collect())
    }

    pub(crate) fn is_nothing(&self) -> bool {
        self.0.is_empty()
    }

    /// Nothing: what waits is shown masked.
    pub(crate) fn nothing() -> Self {
        Self(Vec::new())
    }
}

/// What holds for a request, by what a person has let pass. Where it cannot be held, what would hold it blocks.
pub(super) fn judged(
    scopes: Arc<Scopes>,
    approved: Option<&Approved>,
    workspace: &Workspace,
    route: &Route,
    generation: &Generation,
) -> Arc<Scopes> {
    if !scopes.quarantines() {
        return scopes;
    }
    match approved {
        Some(Approved(rules)) => {
            let known = workspace.rules.rules().iter().enumerate();
            let passed: Vec<usize> =
                known.filter(|(_, rule)| rules.contains(&rule.id)).map(|(index, _)| index).collect();
            Arc::new(scopes.approved(&passed))
        }
        None if generation.quarantine.is_some() && matches!(route.request, Mode::Buffer { .. }) => scopes,
        None => Arc::new(scopes.refusing()),
    }
}

/// The most bytes that may come of a body: one that may have to be held is held as it comes.
pub(super) fn most(to: &Destination) -> Option<u64> {
    match to.route.request {
        Mode::Buffer { limit } if to.original.is_some() => {
            Some(to.route.max_bytes.map_or(limit, |most| most.min(limit)))
        }
        Mode::Buffer { .. } | Mode::Stream | Mode::Off => to.route.max_bytes,
    }
}

/// A request as it came.
pub(crate) struct Original {
    target: String,
    headers: HeaderMap,
    body: Mutex<Zeroizing<Vec<u8>>>,
}

/// What stands before the body in an item's content.
#[derive(Serialize, Deserialize)]
struct Head {
    /// Path and query.
    target: String,
    /// Names and values, these in base64.
    headers: Vec<(String, String)>,
}

impl Original {
    /// What is kept of a head: all of it, but what ends at this hop, and credentials that the route puts in anyway.
    pub(super) fn new(head: &http::request::Parts, route: &Route) -> Self {
        let mut headers = head.headers.clone();
        headers.remove(header::PROXY_AUTHORIZATION);
        for field in &route.inject {
            headers.remove(field.name.as_str());
        }
        if route.sign.is_some() {
            headers.remove(header::AUTHORIZATION);
        }
        let target = head.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str).to_owned();
        Self { target, headers, body: Mutex::default() }
    }

    /// The body, as it came.
    pub(super) fn came(&self, body: Zeroizing<Vec<u8>>) {
        *self.body.lock().unwrap_or_else(PoisonError::into_inner) = body;
    }

    /// The request as it came: its target, its head, and its body, which is taken.
    pub(super) fn take(&self) -> (&str, &HeaderMap, Bytes) {
        let body = std::mem::take(&mut *self.body.lock().unwrap_or_else(PoisonError::into_inner));
        (&self.target, &self.headers, Bytes::copy_from_slice(&body))
    }

    /// The content of an item: the head's length in four bytes, the head in JSON, the body. And the body's length.
    fn content(&self) -> Option<(Zeroizing<Vec<u8>>, u64)> {
        let headers = self.headers.iter();
        let headers = headers.map(|(name, value)| (name.as_str().to_owned(), STANDARD.encode(value.as_bytes())));
        let head = Head { target: self.target.clone(), headers: headers.collect() };
        let head = Zeroizing::new(serde_json::to_vec(&head).ok()?);
        let body = self.body.lock().unwrap_or_else(PoisonError::into_inner);
        let length = u32::try_from(head.len()).ok()?.to_be_bytes();
        // In one piece, so that no copy is left behind by one that grows.
        let mut content = Zeroizing::new(Vec::with_capacity(4 + head.len() + body.len()));
        content.extend_from_slice(&length);
        content.extend_from_slice(&head);
        content.extend_from_slice(&body);
        Some((content, body.len() as u64))
    }
}

/// The request that an item holds, and its body.
pub(super) fn request(method: &str, content: &[u8]) -> Option<(Request<()>, Bytes)> {
    let (length, rest) = content.split_first_chunk::<4>()?;
    let (head, body) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    let Head { target, headers } = serde_json::from_slice(head).ok()?;
    let mut request =
        Request::builder().method(Method::from_bytes(method.as_bytes()).ok()?).uri(target).body(()).ok()?;
    for (name, value) in headers {
        let value = HeaderValue::from_bytes(&STANDARD.decode(value).ok()?).ok()?;
        request.headers_mut().append(HeaderName::from_bytes(name.as_bytes()).ok()?, value);
    }
    Some((request, Bytes::copy_from_slice(body)))
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Exchange {
    /// Keeps the request, and gives what its client is told.
    pub(super) async fn hold(
        &self,
        to: &Destination,
        method: &Method,
        findings: Vec<Found>,
        rule: RuleId,
    ) -> ProxyError {
        let telemetry = &self.connection.shared.telemetry;
        let count = |result: &str| {
            telemetry.add("blackbar_quarantine_total", &[&to.workspace.name, &to.route.name, result], 1);
        };
        let unavailable = || ProxyError::internal(ErrorKind::QuarantineUnavailable);
        let kept = self.generation.quarantine.as_ref().zip(to.original.as_ref());
        let Some((quarantine, original)) = kept else { return unavailable() };
        let Some((content, length)) = original.content() else { return unavailable() };
        let mut bits = [0_u8; 16];
        if getrandom::fill(&mut bits).is_err() {
            return unavailable();
        }
        let id = crate::audit::chain::hex(&bits);
        let now = telemetry::unix_millis();
        let (mut sender, certificate) = self.connection.sender();
        sender.extend(self.ledger.key().map(|id| format!("key:{id}")));
        let facts = Facts {
            v: VERSION,
            id: id.clone(),
            time: now,
            expires: now.saturating_add(millis(quarantine.settings().ttl)),
            workspace: to.workspace.name.clone(),
            route: to.route.name.clone(),
            method: method.as_str().to_owned(),
            request_id: self.ledger.request_id.clone(),
            policy: self.policy.hash.clone(),
            address: self.connection.party.address.clone(),
            sender,
            certificate,
            length,
            findings,
        };
        match quarantine.hold(facts, content).await {
            Ok(()) => {
                count("held");
                tracing::info!(item = id, workspace = to.workspace.name, route = to.route.name, "held for a person");
                ProxyError { side: Side::Policy, kind: ErrorKind::Quarantined(id.into()), rule: Some(rule) }
            }
            Err(error) => {
                count(if matches!(error, Fault::Full) { "full" } else { "error" });
                tracing::error!(workspace = to.workspace.name, route = to.route.name, %error, "a request was not held");
                unavailable()
            }
        }
    }
}
