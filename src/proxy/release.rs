//! What people decide about held requests: seen, released, rejected.
//!
//! Enters: a person, an item's id, and an order. Leaves: what the item has become, or why nothing has become of it. A release
//! looks at the request again under the rules of now: what the person has seen passes, everything else is judged as ever. It
//! is [`State::Releasing`] on the disk before the first byte leaves, and sent once. Every order that changes something has
//! its place in the audit before anything is done.

use std::sync::Arc;
use std::time::Duration;

use http::{Request, StatusCode};
use http_body::Body;
use hyper::body::Incoming;
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::audit::{Entry, Kind};
use crate::body::{Beside, BodyErrorKind, Dialect};
use crate::policy::{PeerIdentity, Person, Policy, Role};
use crate::quarantine::item::{Item, REASON, Refusal, State, Verdict};
use crate::quarantine::{Fault, Quarantine};
use crate::telemetry;

use super::connection::Connection;
use super::exchange::{Destination, Exchange};
use super::held::{self, Approved};
use super::inspect::Received;
use super::ledger::Ledger;
use super::reply::{ErrorKind, Manner, ProxyError};
use super::upstream::UpstreamBody;
use super::{Generation, Handle, Shared};

/// How long beyond its own bound a release may be under way before it counts as lost.
pub(super) const GRACE: Duration = Duration::from_secs(60);
/// How often an order is tried where others decide in the same moment.
pub(super) const TRIES: usize = 3;
/// How much of an answer nobody waits for is taken in, and for how long.
const ANSWER_BYTES: usize = 16 << 20;
const ANSWER_TIME: Duration = Duration::from_secs(30);
/// How much of a request is shown masked.
pub(super) const PREVIEW: usize = 64 << 10;

/// Who asks.
#[derive(Clone, Debug)]
pub struct Reviewer {
    /// The person.
    pub person: Person,
    /// The names of the certificate at hand, where one was presented.
    pub names: PeerIdentity,
    /// Its SHA-256 in hexadecimal.
    pub certificate: Option<String>,
}

/// What a person asks for.
#[derive(Clone, Debug)]
pub struct Order {
    /// Why; it is in the audit and in the item.
    pub reason: String,
    /// Send what may have been sent before.
    pub again: bool,
    /// SHA-256 of the sealed content that the person has seen; another one is not released.
    pub sealed_sha256: Option<String>,
}

/// Why an order is not carried out.
#[derive(Clone, Debug)]
pub struct Denied {
    /// The status for it.
    pub status: StatusCode,
    /// Of a closed set.
    pub code: &'static str,
    /// A sentence for people.
    pub message: &'static str,
    /// The item as it is.
    pub item: Option<Box<Item>>,
}

impl Denied {
    pub(super) fn new(status: StatusCode, code: &'static str, message: &'static str) -> Self {
        Self { status, code, message, item: None }
    }

    fn unknown() -> Self {
        Self::new(StatusCode::NOT_FOUND, "unknown_item", "There is no such item.")
    }

    pub(super) fn unavailable() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "store", "The store of held requests cannot be used.")
    }

    pub(super) fn no_workspace() -> Self {
        let message = "The configuration has no such workspace any more. The item waits as before.";
        Self::new(StatusCode::CONFLICT, "no_workspace", message)
    }

    /// What stands in the way now, and leaves the item what it was.
    pub(super) fn for_now(error: &ProxyError) -> Self {
        let (status, message) = match error.kind {
            ErrorKind::Frozen => (StatusCode::CONFLICT, "The workspace is stopped. The item waits as before."),
            ErrorKind::NoRoute => (StatusCode::CONFLICT, "The route is not there any more. The item waits as before."),
            ErrorKind::Residency => {
                (StatusCode::CONFLICT, "The workspace's data may not go to this region. The item waits as before.")
            }
            ErrorKind::Unjudged => (
                StatusCode::SERVICE_UNAVAILABLE,
                "A service that must judge the content gave no verdict. The item waits as before.",
            ),
            ErrorKind::Audit => (
                StatusCode::SERVICE_UNAVAILABLE,
                "No audit record can be written at the moment. The item waits as before.",
            ),
            _ if error.status().is_client_error() => {
                (StatusCode::CONFLICT, "The configuration of now does not let it be sent. The item waits as before.")
            }
            _ => (StatusCode::SERVICE_UNAVAILABLE, "It cannot be sent at the moment. The item waits as before."),
        };
        Self::new(status, error.code(), message)
    }

    /// What was held is whole, and says nothing to this program.
    pub(super) fn unreadable() -> Self {
        let message = "What is held was written by another version of the program. It waits as before.";
        Self::new(StatusCode::CONFLICT, "unreadable", message)
    }

    pub(super) fn with(self, item: Item) -> Self {
        Self { item: Some(Box::new(item)), ..self }
    }

    /// Why nothing becomes of an item in this state.
    fn by_state(item: Item) -> Self {
        let (code, message) = match item.state {
            State::Held => ("conflict", "The item has changed meanwhile."),
            State::Cleared => ("cleared", "The answer was released before, and waits for who asked for it."),
            State::Releasing { .. } => ("releasing", "The request is being sent."),
            State::Released { .. } => ("released", "The request was released before."),
            State::Uncertain => ("uncertain", "The request may have been sent. Say `again` to send it once more."),
            State::Failed { .. } => ("failed", "The request could not be released."),
            State::Rejected => ("rejected", "The request was rejected before."),
            State::Expired => ("expired", "Nobody decided in time: the request is erased."),
        };
        Self::new(StatusCode::CONFLICT, code, message).with(item)
    }
}

impl From<Fault> for Denied {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Unknown => Self::unknown(),
            Fault::Conflict => Self::new(StatusCode::CONFLICT, "conflict", "The item has changed meanwhile."),
            Fault::Tampered => {
                Self::new(StatusCode::CONFLICT, "tampered", "What was held is not as it was written. It is not sent.")
            }
            Fault::Full
            | Fault::Seal
            | Fault::Large
            | Fault::Locked
            | Fault::OtherKey
            | Fault::Away(_)
            | Fault::Io(_) => Self::unavailable(),
        }
    }
}

impl Reviewer {
    /// Whether this person sees the workspace's items.
    fn sees(&self, item: &Item) -> bool {
        let workspaces = self.person.workspaces.as_ref();
        workspaces.is_none_or(|names| names.contains(&item.facts.workspace))
    }

    /// Whether it is this person's own.
    fn sent(&self, item: &Item) -> bool {
        let facts = &item.facts;
        let sender = identity(&facts.sender);
        let own = self.person.clients.iter().any(|pattern| pattern.matches(&sender));
        let same = facts.certificate.is_some() && facts.certificate == self.certificate;
        let shared = super::audited::Party::all_names(&self.names).any(|name| facts.sender.contains(&name));
        let key = |name: &str| self.person.keys.iter().any(|key| key.is(&facts.workspace, name));
        let keyed = facts.sender.iter().filter_map(|name| name.strip_prefix("key:")).any(key);
        own || same || shared || keyed
    }

    fn reviews(&self) -> Result<(), Denied> {
        match self.person.role {
            Role::Reviewer => Ok(()),
            Role::Viewer => {
                Err(Denied::new(StatusCode::FORBIDDEN, "role", "Only a reviewer decides, and sees what is held."))
            }
        }
    }
}

/// Names as items have them.
fn identity(names: &[String]) -> PeerIdentity {
    let mut identity = PeerIdentity::default();
    for name in names {
        match name.split_once(':') {
            Some(("uri", name)) => identity.add_uri(name),
            Some(("dns", name)) => identity.add_dns(name),
            Some(("email", name)) => identity.add_email(name),
            Some(("ip", name)) => identity.ips.extend(name.parse::<std::net::IpAddr>()),
            _ => {}
        }
    }
    identity
}

/// What stands in the audit of something that was made of an item.
pub(super) fn entry(act: &'static str, item: &Item) -> Entry {
    let mut entry = Entry::new(Kind::Quarantine)
        .text("act", act)
        .text("item", &item.facts.id)
        .text("req", &item.facts.request_id)
        .text("ws", &item.facts.workspace)
        .text("route", &item.facts.route)
        .text("outcome", item.state.name());
    if let Some(verdict) = &item.verdict {
        entry = entry.text("by", &verdict.by).text("why", &verdict.reason);
    }
    match &item.state {
        State::Released { status } => entry.number("status", u64::from(*status)),
        State::Failed { code } => entry.text("reason", code),
        _ => entry,
    }
}

/// Counts what an item has come to.
pub(super) fn count(shared: &Shared, item: &Item) {
    let labels = [item.facts.workspace.as_str(), item.facts.route.as_str(), item.state.name()];
    shared.telemetry.add("blackbar_quarantine_total", &labels, 1);
}

impl Handle {
    /// The people that the configuration in force lets ask.
    #[must_use]
    pub fn people(&self) -> Vec<Person> {
        let generation = self.shared.generation();
        generation.policy.admin.as_ref().map(|admin| admin.people.clone()).unwrap_or_default()
    }

    fn quarantine(&self) -> Result<Arc<Quarantine>, Denied> {
        self.shared.generation().quarantine.clone().ok_or_else(|| {
            Denied::new(StatusCode::NOT_FOUND, "no_quarantine", "The configuration has no [quarantine].")
        })
    }

    /// What this person sees, the oldest first.
    ///
    /// # Errors
    /// There is no store, or it cannot be read.
    pub async fn held_items(&self, reviewer: &Reviewer) -> Result<Vec<Item>, Denied> {
        let mut items = self.quarantine()?.items().await?;
        items.retain(|item| reviewer.sees(item));
        Ok(items)
    }

    /// One item.
    ///
    /// # Errors
    /// This person sees none of this id.
    pub async fn held_item(&self, reviewer: &Reviewer, id: &str) -> Result<Item, Denied> {
        let item = self.quarantine()?.item(id).await?;
        if reviewer.sees(&item) { Ok(item) } else { Err(Denied::unknown()) }
    }

    /// The beginning of a held request's body as it would go on under the rules of now, with what holds it masked. That it was
    /// looked at is in the audit.
    ///
    /// # Errors
    /// The person may not, the item is erased, or its body may not be shown.
    pub async fn preview(&self, reviewer: &Reviewer, id: &str) -> Result<String, Denied> {
        reviewer.reviews()?;
        let item = self.held_item(reviewer, id).await?;
        if !item.has_content() {
            return Err(Denied::by_state(item));
        }
        let quarantine = self.quarantine()?;
        // Who looks now, and not who decided before.
        let looked_at = Item { verdict: None, ..item.clone() };
        self.record(entry("preview", &looked_at).text("by", &reviewer.person.name)).await?;
        let work = Release { shared: Arc::clone(&self.shared), quarantine, person: reviewer.person.name.clone() };
        let content = work.quarantine.content(&item).await?;
        if item.facts.answer {
            return work.answer_preview(item, &content).await;
        }
        let mut prepared = work.prepare(&item, &content, Approved::nothing()).await;
        let body = match &mut prepared {
            Ok(prepared) => match &mut prepared.body {
                UpstreamBody::Whole(body) | UpstreamBody::Told(body, _) => body.take().unwrap_or_default(),
                UpstreamBody::Empty | UpstreamBody::Stream(_) => bytes::Bytes::new(),
            },
            Err(Unfit::NotNow(denied)) => return Err(denied.clone()),
            Err(Unfit::Forbidden(_)) => {
                let message = "Under the rules of now the request may not pass, and is not shown.";
                return Err(Denied::new(StatusCode::CONFLICT, "policy_blocked", message).with(item));
            }
        };
        if let Ok(prepared) = &prepared {
            prepared.exchange.ledger.answered(StatusCode::OK);
        }
        let shown = body.get(..body.len().min(PREVIEW)).unwrap_or_default();
        Ok(String::from_utf8_lossy(shown).into_owned())
    }

    /// Rejects an item: its content is erased. Asked again, it says the same.
    ///
    /// # Errors
    /// It was decided otherwise, or the person may not.
    pub async fn reject(&self, reviewer: &Reviewer, id: &str, order: &Order) -> Result<Item, Denied> {
        let item = self.decidable(reviewer, id, order).await?;
        if item.state == State::Rejected {
            return Ok(item);
        }
        let quarantine = self.quarantine()?;
        let slot = self.slot().await?;
        let after = item.rejected(verdict(reviewer, order)).map_err(|_| Denied::by_state(item))?;
        let item = quarantine.change(after).await?;
        count(&self.shared, &item);
        written(slot.map(|slot| slot.record(entry("reject", &item)))).await?;
        Ok(item)
    }

    /// Releases an item: it is sent to its route's upstream, once. Asked again, it says what came of it.
    ///
    /// # Errors
    /// It was decided otherwise, may not pass under the rules of now, or the person may not.
    pub async fn release(&self, reviewer: &Reviewer, id: &str, order: &Order) -> Result<Item, Denied> {
        let handle = self.clone();
        let (reviewer, id, order) = (reviewer.clone(), id.to_owned(), order.clone());
        // A reviewer who hangs up must not leave a request half sent.
        let released = tokio::spawn(async move {
            for _ in 0..TRIES {
                match handle.release_once(&reviewer, &id, &order).await {
                    Err(Denied { code: "conflict", .. }) => {}
                    done => return done,
                }
            }
            Err(Fault::Conflict.into())
        });
        released.await.unwrap_or_else(|_| Err(Denied::unavailable()))
    }

    async fn release_once(&self, reviewer: &Reviewer, id: &str, order: &Order) -> Result<Item, Denied> {
        let quarantine = self.quarantine()?;
        let item = loop {
            let changing = quarantine.changing();
            let item = self.decidable(reviewer, id, order).await?;
            if !matches!(item.state, State::Releasing { .. }) {
                break item;
            }
            // Somebody asked before: what comes of it is the answer to both.
            let _ = timeout(Duration::from_secs(1), changing).await;
        };
        match item.state {
            State::Released { .. } | State::Cleared => return Ok(item),
            State::Held => {}
            State::Uncertain if order.again => {}
            _ => return Err(Denied::by_state(item)),
        }
        let slot = self.slot().await?;
        let work = Release { shared: Arc::clone(&self.shared), quarantine, person: reviewer.person.name.clone() };
        let verdict = verdict(reviewer, order);
        let outcome = match item.facts.answer {
            true => work.clear(item, verdict, order.again).await,
            false => work.run(item, verdict, order.again).await,
        };
        let item = match &outcome {
            Ok(item) => Some(item),
            Err(denied) => denied.item.as_deref(),
        };
        if let Some(item) = item {
            count(&self.shared, item);
            written(slot.map(|slot| slot.record(entry("release", item)))).await?;
        }
        outcome
    }

    /// An item about which this person may decide.
    async fn decidable(&self, reviewer: &Reviewer, id: &str, order: &Order) -> Result<Item, Denied> {
        reviewer.reviews()?;
        let item = self.held_item(reviewer, id).await?;
        if reviewer.sent(&item) {
            let message = "Nobody decides about a request of their own.";
            return Err(Denied::new(StatusCode::FORBIDDEN, "own_request", message));
        }
        if order.reason.trim().is_empty() || order.reason.len() > REASON {
            let message = "A reason is needed, of 1,024 bytes at most.";
            return Err(Denied::new(StatusCode::BAD_REQUEST, "reason", message));
        }
        if order.sealed_sha256.as_ref().is_some_and(|seen| *seen != item.sealed_sha256) {
            let message = "The item is not the one that was seen.";
            return Err(Denied::new(StatusCode::CONFLICT, "other_content", message).with(item));
        }
        Ok(item)
    }

    /// A place in the audit; none where there is no audit.
    async fn slot(&self) -> Result<Option<crate::audit::Slot>, Denied> {
        let Some(audit) = &self.shared.audit else { return Ok(None) };
        let message = "No audit record can be written at the moment.";
        let denied = |_| Denied::new(StatusCode::SERVICE_UNAVAILABLE, "audit_unavailable", message);
        audit.slot().await.map(Some).map_err(denied)
    }

    async fn record(&self, entry: Entry) -> Result<(), Denied> {
        let slot = self.slot().await?;
        written(slot.map(|slot| slot.record(entry))).await
    }
}

async fn written(ack: Option<crate::audit::Ack>) -> Result<(), Denied> {
    let Some(ack) = ack else { return Ok(()) };
    match timeout(GRACE, ack).await {
        Ok(Ok(())) => Ok(()),
        Ok(_) | Err(_) => {
            let message = "It is done, but no audit record could be written.";
            Err(Denied::new(StatusCode::SERVICE_UNAVAILABLE, "audit_unavailable", message))
        }
    }
}

fn verdict(reviewer: &Reviewer, order: &Order) -> Verdict {
    let (by, reason) = (reviewer.person.name.clone(), order.reason.trim().to_owned());
    Verdict { by, reason, time: telemetry::unix_millis() }
}

/// One release.
pub(super) struct Release {
    pub(super) shared: Arc<Shared>,
    quarantine: Arc<Quarantine>,
    person: String,
}

/// A request that may be sent as it stands.
struct Prepared {
    exchange: Exchange,
    to: Destination,
    head: http::request::Parts,
    body: UpstreamBody,
}

/// Why a request is not sent.
pub(super) enum Unfit {
    /// It may not pass, and will not.
    Forbidden(ProxyError),
    /// It does not pass now: it waits as before.
    NotNow(Denied),
}

impl From<ProxyError> for Unfit {
    fn from(error: ProxyError) -> Self {
        if is_final(&error) { Self::Forbidden(error) } else { Self::NotNow(Denied::for_now(&error)) }
    }
}

/// Whether what fails so fails however often it is tried, because of what it says. All else passes by itself, or with a
/// configuration that somebody mends: nothing that is held is erased on its account.
pub(super) fn is_final(error: &ProxyError) -> bool {
    match &error.kind {
        ErrorKind::Blocked | ErrorKind::External => true,
        ErrorKind::Body(kind) => !matches!(kind, BodyErrorKind::Truncated),
        _ => false,
    }
}

impl Release {
    /// An answer that its reader may fetch from now on: it is judged by the rules of then.
    async fn clear(&self, item: Item, verdict: Verdict, again: bool) -> Result<Item, Denied> {
        self.opened(&item, &verdict).await?;
        let cleared = item.cleared(verdict, again).map_err(|_| Denied::by_state(item))?;
        Ok(self.quarantine.change(cleared).await?)
    }

    /// What an item holds. One that is not as it was written fails.
    async fn opened(&self, item: &Item, verdict: &Verdict) -> Result<Zeroizing<Vec<u8>>, Denied> {
        match self.quarantine.content(item).await {
            Ok(content) => Ok(content),
            // Where it was decided meanwhile its content may be gone.
            Err(_) if self.quarantine.item(&item.facts.id).await.is_ok_and(|now| now.turn != item.turn) => {
                Err(Fault::Conflict.into())
            }
            Err(Fault::Tampered) => {
                let failed = self.failed(item, verdict.clone(), "tampered").await?;
                Err(Denied::from(Fault::Tampered).with(failed))
            }
            Err(fault) => Err(fault.into()),
        }
    }

    async fn run(&self, item: Item, verdict: Verdict, again: bool) -> Result<Item, Denied> {
        let content = self.opened(&item, &verdict).await?;
        let prepared = match self.prepare(&item, &content, Approved::of(&item.facts.findings)).await {
            Ok(prepared) => prepared,
            Err(Unfit::NotNow(denied)) => return Err(denied),
            Err(Unfit::Forbidden(error)) => {
                let failed = self.failed(&item, verdict, error.code()).await?;
                return Err(Denied::by_state(failed));
            }
        };
        drop(content);
        let total = prepared.exchange.policy.timeouts.total;
        let until = telemetry::unix_millis().saturating_add(held::millis(total + GRACE));
        let releasing = item.releasing(verdict, until, again).map_err(|refusal| match refusal {
            Refusal::Waits | Refusal::Underway | Refusal::Decided | Refusal::Uncertain => {
                Denied::by_state(item.clone())
            }
        })?;
        // From here on it may have been sent, whatever happens to this process.
        let releasing = self.quarantine.change(releasing).await?;
        let ledger = Arc::clone(&prepared.exchange.ledger);
        let sent =
            timeout(total, prepared.send()).await.unwrap_or(Err(ProxyError::upstream(ErrorKind::UpstreamTimeout)));
        match sent {
            Ok(status) => {
                let released = releasing.becoming(State::Released { status: status.as_u16() });
                Ok(self.quarantine.change(released).await?)
            }
            // Nothing was sent: there was no connection to send it on.
            Err(_) if ledger.is_unsent() => {
                // What may have been sent before may have been so still.
                let as_before = match item.state {
                    State::Uncertain => releasing.becoming(State::Uncertain),
                    _ => releasing.unsent(),
                };
                self.quarantine.change(as_before).await?;
                let message = "The upstream could not be reached. Nothing was sent; the item waits as before.";
                Err(Denied::new(StatusCode::BAD_GATEWAY, "upstream_connect", message))
            }
            Err(_) => {
                let uncertain = self.quarantine.change(releasing.becoming(State::Uncertain)).await?;
                let message = "The request was sent, and no answer came.";
                Err(Denied::new(StatusCode::BAD_GATEWAY, "uncertain", message).with(uncertain))
            }
        }
    }

    async fn failed(&self, item: &Item, verdict: Verdict, code: &str) -> Result<Item, Denied> {
        let failed = item.becoming(State::Failed { code: code.to_owned() });
        Ok(self.quarantine.change(Item { verdict: Some(verdict), ..failed }).await?)
    }

    /// The request as it may go on under the rules of now.
    async fn prepare(&self, item: &Item, content: &[u8], approved: Approved) -> Result<Prepared, Unfit> {
        let generation = self.shared.generation();
        let policy = Arc::clone(&generation.policy);
        let Some(index) = policy.workspace_named(&item.facts.workspace) else {
            return Err(Unfit::NotNow(Denied::no_workspace()));
        };
        let unreadable = || Unfit::NotNow(Denied::unreadable());
        let (request, body) = held::request(&item.facts.method, content).ok_or_else(unreadable)?;
        let mut exchange = self.exchange(generation, &policy, &request, approved).await?;
        let (mut head, ()) = request.into_parts();
        let path = head.uri.path().to_owned();
        let route = policy.route_for(index, &path).and_then(|(route, _)| policy.routes.get(route));
        if route.is_none_or(|route| route.name != item.facts.route) {
            let error = ProxyError::client(ErrorKind::NoRoute);
            exchange.ledger.failed(&error);
            exchange.ledger.answered(error.status());
            return Err(error.into());
        }
        let fit = async {
            if let Some(workspace) = policy.workspaces.get(index) {
                exchange.ledger.belongs_to(workspace);
                // The key that it came with bounds where it may be led now too.
                let mut keys = item.facts.sender.iter().filter_map(|name| name.strip_prefix("key:"));
                exchange.key = keys.find_map(|id| workspace.api_keys.iter().position(|key| key.id == id));
            }
            let mut to = exchange.direct(index, &mut head, |_| true)?;
            let mut body = exchange.request_body(&to, &head.method, &head.headers, Received::held(body)).await?;
            if let Some(rule) = exchange.ledger.sends_elsewhere() {
                (to, head.headers, body) = exchange.reroute(&to, &head.method, rule).await?;
            }
            // What a person has not seen is not let pass by what they have seen.
            if !exchange.approved.as_ref().is_some_and(Approved::is_nothing)
                && let Some((_, rule)) = exchange.ledger.quarantined()
            {
                return Err(ProxyError::blocked(Some(rule)));
            }
            exchange.sign(&to, &head.method, &mut head.headers, &body)?;
            Ok((to, body))
        };
        match fit.await {
            Ok((to, body)) => Ok(Prepared { exchange, to, head, body }),
            Err(error) => {
                exchange.ledger.failed(&error);
                exchange.ledger.answered(error.status());
                Err(error.into())
            }
        }
    }

    /// The exchange of a request that comes from the quarantine.
    pub(super) async fn exchange(
        &self,
        generation: Arc<Generation>,
        policy: &Arc<Policy>,
        request: &Request<()>,
        approved: Approved,
    ) -> Result<Exchange, Unfit> {
        let connection = Connection::inside(Arc::clone(&self.shared), &self.person);
        let known = (Arc::clone(policy), Arc::clone(&connection.party));
        let ledger = Ledger::open(&self.shared, None, &connection.activity, known);
        if let Some(audit) = &self.shared.audit {
            let missing = |_| Unfit::from(ProxyError::internal(ErrorKind::Audit));
            ledger.audited(audit.slot().await.map_err(missing)?, request.method());
        }
        Ok(Exchange {
            policy: Arc::clone(policy),
            generation,
            connection,
            ledger,
            dialect: Dialect::Plain,
            beside: Beside::Nothing,
            manner: Manner::Problem,
            version: http::Version::HTTP_11,
            approved: Some(approved),
            key: None,
            claim: None,
        })
    }
}

impl Prepared {
    /// Sends it. What the upstream answers is nobody's any more; it is taken in, so that the upstream can end in peace.
    async fn send(self) -> Result<StatusCode, ProxyError> {
        let Self { exchange, to, head, body } = self;
        let sent = exchange.send(&to, head.method, head.headers, body).await;
        match sent {
            Ok(response) => {
                exchange.ledger.answered(response.status());
                let (head, body) = response.into_parts();
                tokio::spawn(timeout(ANSWER_TIME, taken_in(body)));
                // The item's own record waits for the disk; this one tells how the request went.
                let _ = exchange.ledger.settle().await;
                Ok(head.status)
            }
            Err(error) => {
                exchange.ledger.failed(&error);
                exchange.ledger.answered(error.status());
                Err(error)
            }
        }
    }
}

async fn taken_in(mut body: Incoming) {
    let mut left = ANSWER_BYTES;
    while let Some(Ok(frame)) = std::future::poll_fn(|context| std::pin::Pin::new(&mut body).poll_frame(context)).await
    {
        let Some(less) = left.checked_sub(frame.data_ref().map_or(0, bytes::Bytes::len)) else { return };
        left = less;
    }
}
