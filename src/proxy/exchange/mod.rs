//! One request, told top to bottom.
//!
//! Enters: a request on a connection whose client is known. Leaves: the answer, inspected in both directions, or a
//! refusal. One snapshot of the configuration is taken at the start and holds to the end. What is refused before the
//! upstream is contacted never reached it; what is refused later ends both sides visibly.

mod inspector;
mod request;
mod response;

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::uri::{PathAndQuery, Scheme};
use http::{Method, Request, Response, StatusCode, Uri, Version};
use http_body::Body;
use hyper::body::Incoming;
use tokio::time::timeout;

use crate::body::retention::Endpoint;
use crate::body::{Beside, BodyErrorKind, BodySpec, Dialect, Direction, Edits, Scopes, llm};
use crate::policy::{Mode, OnFault, Policy, Route, Workspace};

pub(super) use inspector::media_type;

use super::Generation;
use super::answer::{AnswerBody, Content};
use super::batch::Batch;
use super::connection::Connection;
use super::handed::Claim;
use super::headers::{self, TextScan};
use super::held::{self, Approved, Original};
use super::inspect::Received;
use super::keys;
use super::ledger::Ledger;
use super::letters::Keeper;
use super::reply::{self, ErrorKind, Manner, ProxyError, REQUEST_ID, Side};
use super::residency;
use super::shadow;
use super::signature;
use super::target;
use super::tokens;
use super::traces;
use super::uploads;
use super::upstream::{self, Pool, UpstreamBody};
use super::websocket::{self, Session};

/// Serves one request. Whatever happens in it, there is an answer, and it ends this exchange alone.
pub(crate) async fn serve(connection: Arc<Connection>, request: Request<Incoming>) -> Response<AnswerBody> {
    let number = connection.activity.request();
    let http1 = request.version() < Version::HTTP_2;
    let permit = connection.shared.admission.request(&connection.activity);
    let admitted = permit.is_some();
    let generation = connection.shared.generation();
    let known = (Arc::clone(&generation.policy), Arc::clone(&connection.party));
    let ledger = Ledger::open(&connection.shared, permit, &connection.activity, known);
    if let Some(traces) = &generation.traces
        && let Some(context) = traces::Context::begin(request.headers())
    {
        ledger.traced(traces, context, request.method());
    }
    let audited = match &connection.shared.audit {
        None => true,
        Some(audit) => audit.slot().await.map(|slot| ledger.audited(slot, request.method())).is_ok(),
    };
    let whole = request.body().is_end_stream();
    let mut exchange = Exchange {
        policy: Arc::clone(&generation.policy),
        generation,
        connection: Arc::clone(&connection),
        ledger: Arc::clone(&ledger),
        dialect: Dialect::Plain,
        beside: Beside::Nothing,
        manner: Manner::of(request.headers()),
        version: request.version(),
        approved: None,
        key: None,
        claim: None,
    };
    let outcome = if !audited {
        Err(ProxyError::internal(ErrorKind::Audit))
    } else if admitted {
        Caught(pin!(exchange.run(request))).await
    } else {
        Err(ProxyError::internal(ErrorKind::Overload))
    };
    let refused = outcome.as_ref().err().map(ProxyError::status);
    let mut response = match outcome {
        Ok(response) => response,
        Err(error) => {
            ledger.refuses();
            exchange.refuse(&error, whole || ledger.upload.is_read())
        }
    };
    ledger.answered(response.status());
    let streams = response.body().streams();
    if let Err(error) = settled(response.status(), streams, &ledger, &connection).await {
        let switched = response.status() == StatusCode::SWITCHING_PROTOCOLS;
        response = exchange.refuse(&error, !switched && (whole || ledger.upload.is_read()));
    }
    let id = HeaderValue::try_from(ledger.request_id.as_str()).unwrap_or(HeaderValue::from_static("none"));
    response.headers_mut().insert(REQUEST_ID, id);
    // A drain is told of in the answer itself, and that memory is short: the connection may hear of it later.
    let last = number >= exchange.policy.limits.requests_per_connection
        || *connection.shared.drain.borrow()
        || connection.shared.admission.is_crowded();
    let switched = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    if http1 && last && !switched {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    if !http1 {
        response.headers_mut().remove(header::CONNECTION);
    }
    // gRPC's refusals are all 200 to HTTP.
    ledger.answered(refused.unwrap_or(response.status()));
    response
}

/// One request's way, with what it needs at every step.
pub(super) struct Exchange {
    pub(super) generation: Arc<Generation>,
    pub(super) policy: Arc<Policy>,
    pub(super) connection: Arc<Connection>,
    pub(super) ledger: Arc<Ledger>,
    pub(super) dialect: Dialect,
    /// What its path is known for besides.
    pub(super) beside: Beside,
    /// What the client reads a refusal in.
    pub(super) manner: Manner,
    pub(super) version: Version,
    /// What a person has let pass, where it was held.
    pub(super) approved: Option<Approved>,
    /// The key that was shown, by its index among its workspace's.
    pub(super) key: Option<usize>,
    /// The held answer that it asks for.
    pub(super) claim: Option<Claim>,
}

/// Who asks for what: known once the head has been judged.
pub(super) struct Destination {
    pub(super) workspace: Arc<Workspace>,
    pub(super) route: Arc<Route>,
    request: Arc<Scopes>,
    pub(super) response: Arc<Scopes>,
    pool: Arc<Pool>,
    pub(super) uri: Uri,
    /// What a body must say where the provider is to keep nothing.
    terms: Option<&'static Endpoint>,
    /// Whose batch it is, where a rule that blocks drops records and not the request.
    batch: Option<Batch>,
    /// Who keeps the records that are dropped.
    keeper: Option<Keeper>,
    /// The request as it came, where it may have to be held.
    pub(super) original: Option<Original>,
    /// The model that is asked in place of the client's.
    pub(super) model: Option<Arc<str>>,
    /// What stands behind the route's path.
    pub(super) rest: String,
    /// It brings a part of a file, which passes unread.
    is_part: bool,
}

impl Exchange {
    async fn run(&mut self, request: Request<Incoming>) -> Result<Response<AnswerBody>, ProxyError> {
        let (mut head, body) = request.into_parts();
        let body = Received::new(body, head.version >= Version::HTTP_2);
        let asks_for_websocket = headers::asks_for_websocket(&head.headers);
        let destination = self.judge(&mut head).await?;
        if asks_for_websocket {
            // A held answer is none of a connection's.
            if self.claim.is_some() {
                return Err(ProxyError::client(ErrorKind::ItemUnknown));
            }
            if !body.is_end_stream() {
                return Err(ProxyError::client(ErrorKind::Upgrade));
            }
            return self.connect(&destination, head).await;
        }
        let method = head.method.clone();
        let mut destination = destination;
        let mut body = self.request_body(&destination, &method, &head.headers, body).await?;
        if self.ledger.quarantined().is_none()
            && let Some(rule) = self.ledger.sends_elsewhere()
        {
            (destination, head.headers, body) = self.reroute(&destination, &method, rule).await?;
        }
        if let Some((findings, rule)) = self.ledger.quarantined() {
            return Err(self.hold(&destination, &method, findings, rule).await);
        }
        if let (UpstreamBody::Whole(_), Some(answer)) = (&body, self.nothing_left(&destination)) {
            return Ok(answer);
        }
        if self.claim.is_some() {
            return self.hand_over(&destination, &method, body).await;
        }
        if !matches!(body, UpstreamBody::Stream(_)) {
            // What was read whole goes without trailers.
            head.headers.remove(header::TRAILER);
        }
        self.sign(&destination, &method, &mut head.headers, &body)?;
        let response = self.send(&destination, method.clone(), head.headers, body).await?;
        self.answer(&destination, response.map(|body| Received::new(body, false)), &method).await
    }

    /// Who asks, for what, and with which head it goes on. Nothing has been read of the body.
    async fn judge(&mut self, head: &mut http::request::Parts) -> Result<Destination, ProxyError> {
        let caller = keys::caller(&self.connection, &self.generation, &mut head.headers)?;
        let index = caller.workspace;
        self.key = caller.key;
        let workspace = self.policy.workspaces.get(index).ok_or(ProxyError::client(ErrorKind::Identity))?;
        self.ledger.belongs_to(workspace);
        let shown = caller.shown(&self.policy);
        if let Some(key) = shown {
            self.connection.rests_on(key, &workspace.name, &self.ledger, &self.generation);
        }
        // What is refused for its number is refused in the provider's words.
        let route = self.policy.route_for(index, head.uri.path());
        if let Some((route, rest)) = route.and_then(|(at, rest)| Some((self.policy.routes.get(at)?, rest))) {
            self.dialect = Dialect::of(route.dialect, &format!("{}{rest}", route.upstream.path));
        }
        let quota = self.generation.quotas.get(index).ok_or(ProxyError::client(ErrorKind::Rate))?;
        let telemetry = &self.connection.shared.telemetry;
        let place = self.generation.place(quota, telemetry).await?;
        self.ledger.holds([Some(place), caller.place(&self.generation, telemetry).await?]);
        self.ledger.keyed(shown.map(|key| key.id.as_str()));
        self.check_head(head)?;
        self.ledger.name_span(&mut head.headers);
        let mut refused = Ok(());
        if self.generation.quarantine.is_some()
            && let Some(item) = head.headers.remove(reply::QUARANTINE_ITEM)
        {
            refused = match self.claimed(workspace, item.as_bytes()).await {
                Ok(claim) => {
                    self.claim = Some(claim);
                    Ok(())
                }
                Err(error) => Err(error),
            };
        }
        let policy = Arc::clone(&self.policy);
        // By its route the protocol is known that a refusal is told in.
        let to = self.direct(index, head, |route| caller.opens(&policy, route))?;
        refused?;
        self.spends(caller.budgets(&self.generation), &to.route, &head.method, &mut head.headers)?;
        Ok(to)
    }

    /// Where a request of this workspace goes, and with which head, on a route that is open to who asks.
    pub(super) fn direct(
        &mut self,
        index: usize,
        head: &mut http::request::Parts,
        opens: impl Fn(usize) -> bool,
    ) -> Result<Destination, ProxyError> {
        let policy = Arc::clone(&self.policy);
        let workspace = policy.workspaces.get(index).ok_or(ProxyError::client(ErrorKind::Identity))?;
        if self.connection.shared.frozen.has(&workspace.name) {
            return Err(ProxyError { side: Side::Policy, kind: ErrorKind::Frozen, rule: None });
        }
        let (route_index, rest) =
            policy.route_for(index, head.uri.path()).ok_or(ProxyError::client(ErrorKind::NoRoute))?;
        if !opens(route_index) {
            return Err(ProxyError::client(ErrorKind::NoRoute));
        }
        let rest = rest.to_owned();
        self.enter(index, route_index, &rest, head)
    }

    /// Where a request of this workspace goes by this route, and with which head. `rest` is what stands behind its path.
    pub(super) fn enter(
        &mut self,
        index: usize,
        route_index: usize,
        rest: &str,
        head: &mut http::request::Parts,
    ) -> Result<Destination, ProxyError> {
        let policy = Arc::clone(&self.policy);
        let workspace = policy.workspaces.get(index).ok_or(ProxyError::client(ErrorKind::Identity))?;
        let route = policy.routes.get(route_index).ok_or(ProxyError::client(ErrorKind::NoRoute))?;
        self.ledger.routed(route);
        // By the path at the upstream: it alone says who reads the body.
        let path = format!("{}{rest}", route.upstream.path);
        self.dialect = Dialect::of(route.dialect, &path);
        self.beside = Beside::of(route.dialect, &path);
        let live = Dialect::is_live_path(&path) && takes_connections(route);
        let asks = headers::asks_for_websocket(&head.headers);
        if asks && !(live && websocket::is_handshake(head)) {
            return Err(ProxyError::client(ErrorKind::Upgrade));
        }
        let terms = terms(route, &head.method, &path, &mut self.dialect)?;
        let is_part = uploads::passes(route, &head.method, (&path, &head.uri), &head.headers)?;
        let batch = Batch::of(self.dialect, route, head, &path, rest);
        if !residency::stays(&workspace.regions, &path) {
            return Err(ProxyError { side: Side::Policy, kind: ErrorKind::Residency, rule: None });
        }
        let scopes =
            |direction| workspace.scopes(route_index, direction).cloned().ok_or(ProxyError::internal(ErrorKind::Fault));
        let (mut request, mut response) = (scopes(Direction::Request)?, scopes(Direction::Response)?);
        if let Some(along) = shadow::along(workspace, route, route_index) {
            (request, response) = along.scopes;
            self.ledger.compares(along.comparisons);
        }
        request = held::judged(request, self.approved.as_ref(), workspace, route, &self.generation);
        let seen = self.claim.as_ref().map(|claim| &claim.approved);
        response = held::judged_answer(response, seen, route, &self.generation);
        let holds = request.quarantines() || request.tools.as_ref().is_some_and(|tools| tools.can_hold());
        let original = (holds || request.reroutes()).then(|| Original::new(head, route));
        let limits = &policy.limits;
        if let Some(shared) = tokens::share(workspace, route, self.dialect, limits, [&request, &response])? {
            self.ledger.mints(&shared.tokens);
            (request, response) = (shared.request, shared.response);
        }
        let pool = self.generation.upstreams.pool(index, route_index);
        let pool = Arc::clone(pool.ok_or(ProxyError::internal(ErrorKind::Fault))?);

        let mut scan = TextScan::beside(&request, &self.generation.cleared).of_handshake(asks);
        let rewritten =
            target::scan_path(rest, &mut scan).and_then(|()| rewrite(&head.uri, rest, route, &mut scan)).and_then(
                |uri| headers::forward_request(&mut head.headers, route.request != Mode::Off, &mut scan).map(|()| uri),
            );
        self.ledger.inspected(Direction::Request, scan.into_seen());
        self.passes_what_was_seen()?;
        // Behind the scan: what is injected is no client's text.
        headers::inject(&mut head.headers, &route.inject)?;
        let (workspace, route) = (Arc::clone(workspace), Arc::clone(route));
        let letters = self.generation.letters.get(&index).filter(|_| batch.is_some());
        let telemetry = &self.connection.shared.telemetry;
        let keeper = letters.map(|letters| Keeper::new(letters, telemetry, &workspace, &route.name));
        let (uri, model, rest) = (rewritten?, None, rest.to_owned());
        Ok(Destination {
            workspace,
            route,
            request,
            response,
            pool,
            uri,
            terms,
            batch,
            keeper,
            original,
            model,
            rest,
            is_part,
        })
    }

    fn check_head(&self, head: &http::request::Parts) -> Result<(), ProxyError> {
        let limits = &self.policy.limits;
        if !matches!(
            head.method,
            Method::GET | Method::HEAD | Method::POST | Method::PUT | Method::PATCH | Method::DELETE | Method::OPTIONS
        ) {
            return Err(ProxyError::client(ErrorKind::Method));
        }
        if head.uri.path_and_query().map_or(0, |target| target.as_str().len()) > limits.target_bytes {
            return Err(ProxyError::client(ErrorKind::TargetSize));
        }
        let section = headers::section_bytes(&head.headers);
        if head.headers.len() > limits.header_fields || section > limits.header_bytes {
            return Err(ProxyError::client(ErrorKind::HeaderSize));
        }
        self.ledger.has_head(section)?;
        headers::check_request(&head.headers)?;
        self.connection.check_host(&self.policy, head)?;
        target::check_path(head.uri.path())?;
        // What the upstream could read as another route's goes by neither.
        if self.policy.is_clear(head.uri.path()) { Ok(()) } else { Err(ProxyError::client(ErrorKind::TargetSyntax)) }
    }

    /// Opens a WebSocket connection (RFC 6455 section 4) at the upstream, and lets the client's become one. An upstream
    /// that answers otherwise is passed on as any answer.
    async fn connect(
        &mut self,
        to: &Destination,
        head: http::request::Parts,
    ) -> Result<Response<AnswerBody>, ProxyError> {
        self.ledger.upload.end();
        self.ledger.upload.read_whole();
        let mut request = Request::new(UpstreamBody::Empty);
        *request.uri_mut() = to.uri.clone();
        *request.headers_mut() = head.headers;
        websocket::ask(request.headers_mut());
        self.ledger.sent();
        self.ledger.given();
        let sending = timeout(self.policy.timeouts.first_byte, to.pool.upgrade(request));
        let response = sending.await.map_err(|_| ProxyError::upstream(ErrorKind::UpstreamTimeout))?;
        let mut response = response.map_err(|error| upstream::fault(&error))?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return self.answer(to, response.map(|body| Received::new(body, false)), &Method::GET).await;
        }
        if !websocket::is_agreed(response.headers()) {
            return Err(ProxyError::upstream(ErrorKind::UpstreamProtocol));
        }
        headers::check_response(response.headers(), self.policy.limits.header_bytes)?;
        let upgraded = timeout(self.policy.timeouts.connect, hyper::upgrade::on(&mut response)).await;
        let Ok(Ok(upgraded)) = upgraded else { return Err(ProxyError::upstream(ErrorKind::UpstreamProtocol)) };
        let mut scan = TextScan::beside(&to.response, &self.generation.cleared).of_handshake(true);
        let mut headers = std::mem::take(response.headers_mut());
        let scanned = headers::forward_response(&mut headers, to.route.response != Mode::Off, &mut scan);
        self.ledger.inspected(Direction::Response, scan.into_seen());
        scanned?;
        headers.remove(REQUEST_ID);
        headers::disclose(&mut headers, &to.route);
        websocket::agree(&mut headers);
        let half = |direction, scopes: &Arc<Scopes>| BodySpec {
            media_type: None,
            codings: Vec::new(),
            dialect: self.dialect,
            beside: self.beside,
            direction,
            scopes: Arc::clone(scopes),
            limits: self.policy.body_limits.clone(),
            on_fault_pass: to.workspace.on_fault == OnFault::Pass,
            opaque: Arc::clone(&to.route.opaque),
            edits: Edits::default(),
            batch: None,
            keep_dropped: false,
        };
        // Of a connection nothing can be held.
        let refusing = |scopes: &Arc<Scopes>| match scopes.quarantines() || scopes.holds_calls() {
            true => Arc::new(scopes.refusing()),
            false => Arc::clone(scopes),
        };
        let (request, response) = (refusing(&to.request), refusing(&to.response));
        let specs = [half(Direction::Request, &request), half(Direction::Response, &response)];
        let scanned = [to.route.request, to.route.response].map(|mode| mode != Mode::Off);
        let ledger = Arc::clone(&self.ledger);
        self.connection.becomes(Session::new(upgraded, specs, scanned, ledger, &self.policy.timeouts));
        let mut answer = Response::new(AnswerBody::new(Content::Whole(None), &self.ledger));
        *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        *answer.headers_mut() = headers;
        Ok(answer)
    }

    /// The answer to an error.
    fn refuse(&self, error: &ProxyError, request_read: bool) -> Response<AnswerBody> {
        self.ledger.failed(error);
        self.ledger.upload.stop();
        let (mut head, body) = reply::answer(error, self.dialect, self.manner, &self.ledger.request_id).into_parts();
        let body = Bytes::from(llm::addressed(body.into(), self.ledger.rpc_id().as_deref()));
        if !request_read {
            head.headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        let content = Content::Whole(Some(body).filter(|body| !body.is_empty()));
        Response::from_parts(head, AnswerBody::new(content, &self.ledger))
    }
}

/// Whether a route has WebSocket connections. What is signed, what is taken out or set, what has a bound and what others
/// judge is a body: a connection has none.
pub(super) fn takes_connections(route: &Route) -> bool {
    route.sign.is_none()
        && route.retention.is_none()
        && route.drop.is_empty()
        && route.max_bytes.is_none()
        && route.reroute.is_none()
        && route.external.iter().all(Vec::is_empty)
}

/// Waits for the record of an answer that is whole, or of a session that begins. An answer that streams waits at its end.
async fn settled(
    status: StatusCode,
    streams: bool,
    ledger: &Ledger,
    connection: &Connection,
) -> Result<(), ProxyError> {
    if status != StatusCode::SWITCHING_PROTOCOLS {
        return if streams { Ok(()) } else { ledger.settle().await };
    }
    let Some(audit) = &connection.shared.audit else { return Ok(()) };
    let opened = match audit.slot().await {
        Ok(slot) => ledger.opens_session(slot).await,
        Err(_) => Err(ProxyError::internal(ErrorKind::Audit)),
    };
    if opened.is_err() {
        connection.stays();
    }
    opened
}

/// Whether a request of this method sends something.
pub(super) fn sends(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::DELETE)
}

/// What the body must say on a route where the provider is to keep nothing. What sends nothing leaves nothing there. A
/// refusal is in the provider's words though no dialect is known for the path.
fn terms(
    route: &Route,
    method: &Method,
    path: &str,
    dialect: &mut Dialect,
) -> Result<Option<&'static Endpoint>, ProxyError> {
    let Some(provider) = route.retention.filter(|_| sends(method)) else { return Ok(None) };
    if *dialect == Dialect::Plain {
        *dialect = provider.dialect();
    }
    match provider.endpoint(path) {
        Some(endpoint) => Ok(Some(endpoint).filter(|endpoint| endpoint.reads_body())),
        None => Err(ProxyError { side: Side::Policy, kind: ErrorKind::Body(BodyErrorKind::Retention), rule: None }),
    }
}

/// The target at the upstream: its own path, what remains of the request's, and the redacted query.
fn rewrite(uri: &Uri, rest: &str, route: &Route, scan: &mut TextScan<'_>) -> Result<Uri, ProxyError> {
    let malformed = || ProxyError::client(ErrorKind::TargetSyntax);
    let mut path = format!("{}{rest}", route.upstream.path);
    if path.is_empty() {
        path.push('/');
    }
    // Some servers read `//name` at the start as an authority.
    if path.starts_with("//") {
        return Err(malformed());
    }
    let query = match (uri.query(), &route.sign) {
        (Some(query), Some(_)) => signature::unsigned_query(query),
        (query, _) => query.map(str::to_owned),
    };
    if let Some(query) = query {
        path.push('?');
        path.push_str(&target::redact_query(&query, scan)?);
    }
    Uri::builder()
        .scheme(if route.upstream.tls { Scheme::HTTPS } else { Scheme::HTTP })
        .authority(upstream::authority(&route.upstream))
        .path_and_query(PathAndQuery::try_from(path).map_err(|_| malformed())?)
        .build()
        .map_err(|_| malformed())
}

/// A future whose panic is an error of this exchange alone.
struct Caught<F>(F);

impl<F: Future<Output = Result<T, ProxyError>> + Unpin, T> Future for Caught<F> {
    type Output = Result<T, ProxyError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // The future is not polled again after a panic, so a state half-way is never seen.
        catch_unwind(AssertUnwindSafe(|| Pin::new(&mut self.0).poll(context)))
            .unwrap_or(Poll::Ready(Err(ProxyError::internal(ErrorKind::Fault))))
    }
}
