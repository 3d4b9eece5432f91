//! An answer that calls a tool and must wait for a person: kept whole before its client has any of it, and handed over
//! once.
//!
//! Enters: an answer as its upstream gave it, in which rules of tools hold a call; later, a request that names the item it
//! is held as. Leaves: the refusal that names the item; later, the answer, as if the upstream had given it only now: under
//! the rules of then, for who asked for it, once a person has let it pass. It is [`State::Releasing`] in the store before
//! its first byte leaves, and [`State::Released`] once its last was given to the connection; what breaks off between is
//! uncertain, and only a person lets it go a second time. The upstream is not asked again.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};

use crate::body::{BodyLimits, Decoding, Direction, Scopes, parse_content_encoding};
use crate::engine::RuleId;
use crate::policy::Workspace;
use crate::quarantine::item::{Found, Item, Refusal, State};
use crate::quarantine::{Fault, Quarantine};
use crate::telemetry;

use super::Shared;
use super::answer::AnswerBody;
use super::exchange::{Destination, Exchange};
use super::held::{self, Approved, Head, Kept};
use super::inspect::Received;
use super::release::{Denied, GRACE, PREVIEW, Release, TRIES, Unfit, count, entry, is_final};
use super::reply::{ErrorKind, ProxyError, Side};
use super::upstream::UpstreamBody;

/// A held answer that a request asks for, and that a person has let pass.
pub(super) struct Claim {
    item: Item,
    pub(super) approved: Approved,
    quarantine: Arc<Quarantine>,
}

/// The request that a held answer was given to, as far as its route must know it, and the answer.
pub(super) fn answer(method: &str, content: &[u8]) -> Option<(Request<()>, Response<Bytes>)> {
    let (head, body) = Head::read(content)?;
    let target = if head.target.starts_with('/') { head.target.as_str() } else { "/" };
    let method = Method::from_bytes(method.as_bytes()).ok()?;
    let request = Request::builder().method(method).uri(target).body(()).ok()?;
    let mut answer = Response::new(body);
    *answer.status_mut() = StatusCode::from_u16(head.status?).ok()?;
    *answer.headers_mut() = head.fields()?;
    Some((request, answer))
}

impl Exchange {
    /// Keeps an answer, and gives what its client is told. One that a person has let pass already holds what they have
    /// not seen.
    pub(super) async fn hold_answer(
        &self,
        to: &Destination,
        (method, status): (&Method, StatusCode),
        headers: &HeaderMap,
        body: &[u8],
        (findings, rule): (Vec<Found>, RuleId),
    ) -> ProxyError {
        if self.claim.is_some() {
            return ProxyError::blocked(Some(rule));
        }
        let content = Head::new(&to.rest, headers, Some(status.as_u16())).content(body);
        self.keep(to, method, Kept { content, length: body.len() as u64, findings, rule, answer: true }).await
    }

    /// Whether a held answer is there for this request, which asks for it by the id of its item. Nothing of it is read yet.
    ///
    /// # Errors
    /// It is not there for who asks, not yet, or not any more.
    pub(super) async fn claimed(&self, workspace: &Workspace, id: &[u8]) -> Result<Claim, ProxyError> {
        let unknown = || ProxyError::client(ErrorKind::ItemUnknown);
        let unavailable = || ProxyError::internal(ErrorKind::QuarantineUnavailable);
        let quarantine = self.generation.quarantine.clone().ok_or_else(unknown)?;
        let id = std::str::from_utf8(id).map_err(|_| unknown())?;
        let item = match quarantine.item(id).await {
            Ok(item) => item,
            Err(Fault::Unknown) => return Err(unknown()),
            Err(_) => return Err(unavailable()),
        };
        let facts = &item.facts;
        if !facts.answer || facts.workspace != workspace.name || facts.sender != self.sender() {
            return Err(unknown());
        }
        item.fetching(0).map_err(refused)?;
        let approved = Approved::of(&facts.findings);
        Ok(Claim { item, approved, quarantine })
    }

    /// What was kept of a held answer.
    async fn kept(&self, claim: &Claim) -> Result<Response<Received>, ProxyError> {
        let Claim { item, quarantine, .. } = claim;
        let content = match quarantine.content(item).await {
            Ok(content) => content,
            Err(Fault::Tampered) => {
                self.gone(quarantine, item, "tampered").await;
                return Err(ProxyError::client(ErrorKind::ItemOver));
            }
            Err(_) => return Err(ProxyError::internal(ErrorKind::QuarantineUnavailable)),
        };
        let unreadable = ProxyError::internal(ErrorKind::QuarantineUnavailable);
        let (_, answer) = answer(&item.facts.method, &content).ok_or(unreadable)?;
        Ok(answer.map(Received::held))
    }

    /// The answer that was held, in the place of the upstream's.
    ///
    /// # Errors
    /// It may not pass under the rules of now, or somebody else has it.
    pub(super) async fn hand_over(
        &mut self,
        to: &Destination,
        method: &Method,
        request: UpstreamBody,
    ) -> Result<Response<AnswerBody>, ProxyError> {
        let claimed = self.claim.as_ref().map(|claim| claim.item.facts.route == to.route.name);
        if !claimed.ok_or(ProxyError::internal(ErrorKind::Fault))? || *method == Method::HEAD {
            return Err(ProxyError::client(ErrorKind::ItemUnknown));
        }
        // What its values are in tokens is known once it is read; it goes nowhere.
        if let UpstreamBody::Stream(mut body) = request {
            while let Some(frame) = body.next().await {
                frame?;
            }
        }
        // Only now is it read: a request that waits keeps none of it.
        let claim = self.claim.as_ref().ok_or(ProxyError::internal(ErrorKind::Fault))?;
        let answer = self.kept(claim).await?;
        let answered = self.answer(to, answer, method).await;
        let Some(Claim { item, quarantine, .. }) = self.claim.take() else {
            return Err(ProxyError::internal(ErrorKind::Fault));
        };
        let mut answered = match answered {
            Ok(answered) => answered,
            Err(error) => {
                if is_final(&error) {
                    self.gone(&quarantine, &item, error.code()).await;
                }
                return Err(error);
            }
        };
        let until = telemetry::unix_millis().saturating_add(held::millis(self.policy.timeouts.total + GRACE));
        let releasing = begin(&quarantine, item, until).await?;
        let status = answered.status();
        answered.body_mut().delivers(Delivery {
            item: Some(releasing),
            status,
            begun: false,
            quarantine,
            shared: Arc::clone(&self.connection.shared),
        });
        Ok(answered)
    }

    /// The item is at its end without having been handed over.
    async fn gone(&self, quarantine: &Arc<Quarantine>, item: &Item, code: &str) {
        let failed = item.becoming(State::Failed { code: code.to_owned() });
        end(&self.connection.shared, quarantine, failed).await;
    }

    /// The beginning of a held answer's body, as it would go on by this route.
    ///
    /// # Errors
    /// It may not go on.
    pub(super) fn shown(
        &mut self,
        workspace: usize,
        route: usize,
        request: Request<()>,
        answer: Response<Bytes>,
    ) -> Result<String, ProxyError> {
        let policy = Arc::clone(&self.policy);
        if let Some(workspace) = policy.workspaces.get(workspace) {
            self.ledger.belongs_to(workspace);
        }
        let (mut head, ()) = request.into_parts();
        let rest = head.uri.path().to_owned();
        let rest = if rest == "/" { "" } else { &rest };
        let mut to = self.enter(workspace, route, rest, &mut head)?;
        // Who reads it need not be one whom values are given back to.
        to.response = Arc::new(Scopes { restore: None, ..(*to.response).clone() });
        let (head, body) = answer.into_parts();
        let mut inspector = self.inspector(&to, Direction::Response, &head.headers, None)?;
        let mut out = Vec::new();
        let pushed = inspector.push(&body, &mut out).and_then(|()| inspector.finish(&mut out));
        self.ledger.inspected(Direction::Response, inspector.into_inspection());
        pushed.map_err(|error| ProxyError { side: Side::Upstream, kind: ErrorKind::Body(error.kind), rule: None })?;
        self.ledger.answered(StatusCode::OK);
        let shown = decoded(&head.headers, &out, &policy.body_limits);
        let shown = shown.get(..shown.len().min(PREVIEW)).unwrap_or_default();
        Ok(String::from_utf8_lossy(shown).into_owned())
    }
}

impl Release {
    /// The beginning of a held answer's body, as it would go on under the rules of now, its tokens closed.
    pub(super) async fn answer_preview(&self, item: Item, content: &[u8]) -> Result<String, Denied> {
        let generation = self.shared.generation();
        let policy = Arc::clone(&generation.policy);
        let refused = |item| {
            let message = "Under the rules of now the answer may not pass, and is not shown.";
            Denied::new(StatusCode::CONFLICT, "policy_blocked", message).with(item)
        };
        let Some(index) = policy.workspace_named(&item.facts.workspace) else {
            return Err(Denied::no_workspace().with(item));
        };
        let Some(route) = policy.routes.iter().position(|route| route.name == item.facts.route) else {
            return Err(Denied::for_now(&ProxyError::client(ErrorKind::NoRoute)).with(item));
        };
        let Some((request, answered)) = answer(&item.facts.method, content) else {
            return Err(Denied::unreadable().with(item));
        };
        let mut exchange = match self.exchange(generation, &policy, &request, Approved::nothing()).await {
            Ok(exchange) => exchange,
            Err(Unfit::NotNow(denied)) => return Err(denied.with(item)),
            Err(Unfit::Forbidden(_)) => return Err(refused(item)),
        };
        match exchange.shown(index, route, request, answered) {
            Ok(shown) => Ok(shown),
            Err(error) => {
                exchange.ledger.failed(&error);
                exchange.ledger.answered(error.status());
                Err(if is_final(&error) { refused(item) } else { Denied::for_now(&error).with(item) })
            }
        }
    }
}

/// The beginning of a body without its content codings; as it is where it has none that are known.
fn decoded<'b>(headers: &HeaderMap, body: &'b [u8], limits: &BodyLimits) -> Cow<'b, [u8]> {
    let codings = headers.get_all(header::CONTENT_ENCODING).iter().map(HeaderValue::as_bytes);
    let decoding =
        parse_content_encoding(codings, limits.coding_layers).and_then(|codings| Decoding::new(&codings, limits));
    let Ok(mut decoding) = decoding else { return Cow::Borrowed(body) };
    if decoding.is_identity() {
        return Cow::Borrowed(body);
    }
    let (mut rest, mut plain) = (body, Vec::new());
    while plain.len() < PREVIEW
        && let Ok(Some(piece)) = decoding.next_piece(&mut rest)
    {
        plain.extend_from_slice(piece);
    }
    Cow::Owned(plain)
}

fn refused(refusal: Refusal) -> ProxyError {
    ProxyError::client(match refusal {
        Refusal::Waits | Refusal::Underway | Refusal::Uncertain => ErrorKind::ItemWaits,
        Refusal::Decided => ErrorKind::ItemOver,
    })
}

/// The item is being handed over, in the store, from here on: by nobody but the caller.
async fn begin(quarantine: &Arc<Quarantine>, mut item: Item, until: u64) -> Result<Item, ProxyError> {
    for _ in 0..TRIES {
        match quarantine.change(item.fetching(until).map_err(refused)?).await {
            Ok(releasing) => return Ok(releasing),
            // Its verdict was told in this moment, or somebody else fetches it.
            Err(Fault::Conflict) => match quarantine.item(&item.facts.id).await {
                Ok(now) => item = now,
                Err(_) => break,
            },
            Err(_) => break,
        }
    }
    Err(ProxyError::internal(ErrorKind::QuarantineUnavailable))
}

/// Writes what has become of an item, counts it, and tells the audit.
async fn end(shared: &Shared, quarantine: &Arc<Quarantine>, after: Item) {
    match quarantine.change(after).await {
        Ok(item) => {
            count(shared, &item);
            if let Some(audit) = &shared.audit {
                audit.note(entry("deliver", &item));
            }
        }
        // Nobody has it a second time: what is being handed over becomes uncertain by itself.
        Err(error) => tracing::error!(%error, "what became of a held answer is not written"),
    }
}

/// An answer on its way to who asked for it, and the item that it was.
pub(super) struct Delivery {
    item: Option<Item>,
    status: StatusCode,
    /// Bytes of it have left.
    begun: bool,
    quarantine: Arc<Quarantine>,
    shared: Arc<Shared>,
}

impl Delivery {
    /// Bytes leave.
    pub(super) fn begins(&mut self) {
        self.begun = true;
    }

    /// The last byte has left.
    pub(super) fn ends(&mut self) {
        let status = self.status.as_u16();
        self.becomes(|item| item.becoming(State::Released { status }));
    }

    fn becomes(&mut self, next: impl FnOnce(&Item) -> Item) {
        let Some(item) = self.item.take() else { return };
        // Without a runtime the process ends: the next start makes it uncertain.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (shared, quarantine, after) = (Arc::clone(&self.shared), Arc::clone(&self.quarantine), next(&item));
        runtime.spawn(async move { end(&shared, &quarantine, after).await });
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        match self.begun {
            true => self.becomes(|item| item.becoming(State::Uncertain)),
            false => self.becomes(Item::unsent),
        }
    }
}

/// Whether an answer may have to be held: it is kept as it comes.
pub(super) fn may_hold(to: &Destination) -> bool {
    to.response.tools.as_ref().is_some_and(|tools| tools.can_hold())
}
