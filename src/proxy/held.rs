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
use super::memory::Charge;
use super::reply::{ErrorKind, ProxyError, Side};

/// The rules whose findings a person has let pass, and how many of each.
#[derive(Debug)]
pub(crate) struct Approved {
    rules: Vec<RuleId>,
    counts: Vec<u64>,
}

impl Approved {
    /// What a person who releases an item with these findings has seen.
    pub(crate) fn of(findings: &[Found]) -> Self {
        let held = findings.iter().filter(|found| found.action == Action::Quarantine.name());
        let (rules, counts) = held.map(|found| (RuleId::new(&found.rule), found.count)).unzip();
        Self { rules, counts }
    }

    /// The rules.
    pub(crate) fn rules(&self) -> &[RuleId] {
        &self.rules
    }

    /// Whether a person has seen a rule hold this often.
    pub(crate) fn covers(&self, rule: &RuleId, count: u64) -> bool {
        self.rules.iter().zip(&self.counts).any(|(known, most)| known == rule && count <= *most)
    }

    pub(crate) fn is_nothing(&self) -> bool {
        self.rules.is_empty()
    }

    /// Nothing: what waits is shown masked.
    pub(crate) fn nothing() -> Self {
        Self { rules: Vec::new(), counts: Vec::new() }
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
    if !scopes.quarantines() && !scopes.holds_calls() {
        return scopes;
    }
    match approved {
        Some(Approved { rules, .. }) => {
            let known = workspace.rules.rules().iter().enumerate();
            let passed: Vec<usize> =
                known.filter(|(_, rule)| rules.contains(&rule.id)).map(|(index, _)| index).collect();
            Arc::new(scopes.approved(&passed).holding_calls(rules))
        }
        None if generation.quarantine.is_some() && matches!(route.request, Mode::Buffer { .. }) => {
            Arc::new(scopes.holding_calls(&[]))
        }
        None if scopes.quarantines() => Arc::new(scopes.refusing()),
        // Calls are refused until somebody says that they can be held.
        None => scopes,
    }
}

/// What holds for an answer, by what a person has let pass of it. Where it is not read whole, it cannot be held.
pub(super) fn judged_answer(
    scopes: Arc<Scopes>,
    approved: Option<&Approved>,
    route: &Route,
    generation: &Generation,
) -> Arc<Scopes> {
    let holds = generation.quarantine.is_some() && matches!(route.response, Mode::Buffer { .. });
    if !holds || !scopes.holds_calls() {
        return scopes;
    }
    Arc::new(scopes.holding_calls(approved.map_or(&[], Approved::rules)))
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
    body: Mutex<(Zeroizing<Vec<u8>>, Option<Charge>)>,
}

/// What stands before the body in an item's content.
#[derive(Serialize, Deserialize)]
pub(super) struct Head {
    /// Path and query; of an answer, what stands behind the path of its route.
    pub(super) target: String,
    /// Names and values, these in base64.
    headers: Vec<(String, String)>,
    /// Of an answer, its status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<u16>,
}

impl Head {
    pub(super) fn new(target: &str, headers: &HeaderMap, status: Option<u16>) -> Self {
        let headers = headers.iter();
        let headers = headers.map(|(name, value)| (name.as_str().to_owned(), STANDARD.encode(value.as_bytes())));
        Self { target: target.to_owned(), headers: headers.collect(), status }
    }

    /// The fields.
    pub(super) fn fields(&self) -> Option<HeaderMap> {
        let mut fields = HeaderMap::with_capacity(self.headers.len());
        for (name, value) in &self.headers {
            let value = HeaderValue::from_bytes(&STANDARD.decode(value).ok()?).ok()?;
            fields.append(HeaderName::from_bytes(name.as_bytes()).ok()?, value);
        }
        Some(fields)
    }

    /// The content of an item: the head's length in four bytes, the head in JSON, the body.
    pub(super) fn content(&self, body: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let head = Zeroizing::new(serde_json::to_vec(self).ok()?);
        let length = u32::try_from(head.len()).ok()?.to_be_bytes();
        // In one piece, so that no copy is left behind by one that grows.
        let mut content = Zeroizing::new(Vec::with_capacity(4 + head.len() + body.len()));
        content.extend_from_slice(&length);
        content.extend_from_slice(&head);
        content.extend_from_slice(body);
        Some(content)
    }

    /// The head and the body of such a content.
    pub(super) fn read(content: &[u8]) -> Option<(Self, Bytes)> {
        let (length, rest) = content.split_first_chunk::<4>()?;
        let (head, body) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        Some((serde_json::from_slice(head).ok()?, Bytes::copy_from_slice(body)))
    }
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
    pub(super) fn came(&self, (body, charge): (Zeroizing<Vec<u8>>, Charge)) {
        *self.body.lock().unwrap_or_else(PoisonError::into_inner) = (body, Some(charge));
    }

    /// The request as it came: its target, its head, and its body, which is taken.
    pub(super) fn take(&self) -> (&str, &HeaderMap, Bytes) {
        let (body, _charge) = std::mem::take(&mut *self.body.lock().unwrap_or_else(PoisonError::into_inner));
        (&self.target, &self.headers, Bytes::copy_from_slice(&body))
    }

    /// The content of an item, and the body's length.
    fn content(&self) -> Option<(Zeroizing<Vec<u8>>, u64)> {
        let body = self.body.lock().unwrap_or_else(PoisonError::into_inner);
        let (body, _) = &*body;
        let content = Head::new(&self.target, &self.headers, None).content(body)?;
        Some((content, body.len() as u64))
    }
}

/// The request that an item holds, and its body.
pub(super) fn request(method: &str, content: &[u8]) -> Option<(Request<()>, Bytes)> {
    let (head, body) = Head::read(content)?;
    if head.status.is_some() {
        return None;
    }
    let mut request =
        Request::builder().method(Method::from_bytes(method.as_bytes()).ok()?).uri(&head.target).body(()).ok()?;
    *request.headers_mut() = head.fields()?;
    Some((request, body))
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What is to be kept.
pub(super) struct Kept {
    pub(super) content: Option<Zeroizing<Vec<u8>>>,
    /// Of the body.
    pub(super) length: u64,
    pub(super) findings: Vec<Found>,
    pub(super) rule: RuleId,
    pub(super) answer: bool,
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
        let (content, length) = to.original.as_ref().and_then(Original::content).unzip();
        let length = length.unwrap_or_default();
        self.keep(to, method, Kept { content, length, findings, rule, answer: false }).await
    }

    /// Keeps a request or an answer, and gives what its client is told.
    pub(super) async fn keep(&self, to: &Destination, method: &Method, kept: Kept) -> ProxyError {
        let Kept { content, length, findings, rule, answer } = kept;
        let telemetry = &self.connection.shared.telemetry;
        let count = |result: &str| {
            telemetry.add("blackbar_quarantine_total", &[&to.workspace.name, &to.route.name, result], 1);
        };
        let unavailable = || ProxyError::internal(ErrorKind::QuarantineUnavailable);
        let Some((quarantine, content)) = self.generation.quarantine.as_ref().zip(content) else {
            return unavailable();
        };
        let mut bits = [0_u8; 16];
        if getrandom::fill(&mut bits).is_err() {
            return unavailable();
        }
        let id = crate::audit::chain::hex(&bits);
        let now = telemetry::unix_millis();
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
            sender: self.sender(),
            certificate: self.connection.sender().1,
            length,
            findings,
            answer,
        };
        match quarantine.hold(facts, content).await {
            Ok(()) => {
                count("held");
                tracing::info!(item = id, workspace = to.workspace.name, route = to.route.name, "held for a person");
                let kind = if answer { ErrorKind::AnswerHeld(id.into()) } else { ErrorKind::Quarantined(id.into()) };
                ProxyError { side: Side::Policy, kind, rule: Some(rule) }
            }
            Err(error) => {
                count(if matches!(error, Fault::Full) { "full" } else { "error" });
                let (workspace, route) = (&to.workspace.name, &to.route.name);
                tracing::error!(workspace, route, answer, %error, "not held");
                unavailable()
            }
        }
    }

    /// What a person has let pass is no more than they have seen held: under the rules of now the same rule may find more.
    ///
    /// # Errors
    /// It does.
    pub(super) fn passes_what_was_seen(&self) -> Result<(), ProxyError> {
        match self.approved.as_ref().and_then(|approved| self.ledger.passes_unseen(approved)) {
            Some(rule) => Err(ProxyError::blocked(Some(rule))),
            None => Ok(()),
        }
    }

    /// The names of who sends, and of the key that was shown.
    pub(super) fn sender(&self) -> Vec<String> {
        let (mut sender, _) = self.connection.sender();
        sender.extend(self.ledger.key().map(|id| format!("key:{id}")));
        sender
    }
}
