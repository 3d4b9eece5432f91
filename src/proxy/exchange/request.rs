//! What goes to the upstream: the body, decided whole or inspected in flight, its signature, and the wait for an answer.

use std::pin::pin;
use std::sync::Arc;

use http::header::{self, HeaderMap};
use http::{Method, Request, Response};
use hyper::body::Incoming;
use tokio::time::timeout;

use crate::body::{BodyErrorKind, Dialect, Direction};
use crate::policy::Mode;
use crate::telemetry;

use super::super::batch::Batch;
use super::super::external::{Case, Message};
use super::super::held;
use super::super::inspect::{Gathered, InspectedBody, Received, Terms};
use super::super::reply::{ErrorKind, ProxyError, Side};
use super::super::signature::{self, Unsigned};
use super::super::upstream::{self, UpstreamBody};
use super::{Destination, Exchange, media_type, sends};

impl Exchange {
    /// The body that goes upward: decided whole where it is small or the route says so, else inspected in flight.
    pub(in crate::proxy) async fn request_body(
        &self,
        to: &Destination,
        method: &Method,
        headers: &HeaderMap,
        body: Received,
    ) -> Result<UpstreamBody, ProxyError> {
        if body.is_end_stream() {
            self.ledger.upload.end();
            return Ok(UpstreamBody::Empty);
        }
        let declared = body.declared();
        // Some servers take it for another method's.
        if to.route.retention.is_some() && !sends(method) && declared != Some(0) {
            let kind = ErrorKind::Body(BodyErrorKind::Retention);
            return Err(ProxyError { side: Side::Policy, kind, rule: None });
        }
        let limits = &self.policy.limits;
        if declared.zip(to.route.max_bytes).is_some_and(|(declared, most)| declared > most) {
            return Err(ProxyError::client(ErrorKind::BodySize));
        }
        if let (Mode::Buffer { limit }, Some(declared)) = (to.route.request, declared)
            && declared > limit
        {
            return Err(ProxyError::client(ErrorKind::BodySize));
        }
        if to.route.sign.is_some() && media_type(headers).is_some_and(|media_type| media_type.is_aws_event_stream()) {
            // Each of its messages is signed for itself, over what the last one's signature was.
            return Err(ProxyError::client(ErrorKind::Body(BodyErrorKind::MediaType)));
        }
        let inspector = self.inspector(to, Direction::Request, headers, None)?;
        let terms = Terms {
            direction: Direction::Request,
            scopes: Arc::clone(&to.request),
            idle: self.policy.timeouts.body_idle,
            rate: Some(limits.body_rate),
            trailer_bytes: limits.trailer_bytes,
            route: Arc::clone(&to.route),
            declared: declared.filter(|_| to.route.request == Mode::Off),
            most: held::most(to),
            copies: to.original.is_some(),
            keeper: to.keeper.clone(),
        };
        // Elsewhere the records of a request that goes there are judged, and those that are dropped kept, anew.
        let keeper = to.keeper.clone().filter(|_| to.request.reroutes());
        let terms = Terms { keeper: terms.keeper.filter(|_| keeper.is_none()), ..terms };
        let mut body = Box::new(InspectedBody::new(body, inspector, terms, &self.ledger));
        if self.dialect == Dialect::Mcp && !headers.contains_key(header::CONTENT_ENCODING) {
            body.tells_identifier();
        }
        let limit = match to.route.request {
            Mode::Buffer { limit } => usize::try_from(limit).unwrap_or(usize::MAX),
            // Small, and bounded by its own length.
            Mode::Stream if declared.is_some_and(|length| length <= limits.decision_buffer as u64) => usize::MAX,
            // A sink is not asked about nothing: its head waits for a record that goes on.
            Mode::Stream
                if to.batch.as_ref().is_some_and(Batch::may_be_alone)
                    && to.original.is_none()
                    && !Case::is_for(&to.route, Direction::Request) =>
            {
                let ended = body.ends_without_record(limits.decision_buffer).await?;
                self.ledger.waited(body.waited());
                return Ok(match ended {
                    Some(whole) => UpstreamBody::Whole(Some(whole)),
                    None => UpstreamBody::Stream(body),
                });
            }
            Mode::Stream | Mode::Off => return Ok(UpstreamBody::Stream(body)),
        };
        if Case::wants_original(&to.route, Direction::Request, &self.policy.externals) {
            body.keeps_original(limit);
        }
        let mut gathered = Gathered::default();
        timeout(self.policy.timeouts.total, body.gather(&mut gathered, limit))
            .await
            .map_err(|_| ProxyError::client(ErrorKind::BodyTimeout))??;
        if gathered.length > limit {
            return Err(ProxyError::client(ErrorKind::BodySize));
        }
        self.ledger.waited(body.waited());
        self.passes_what_was_seen()?;
        if let Some(original) = &to.original {
            original.came(body.take_copy());
        }
        if let Some(keeper) = keeper.filter(|_| self.goes_on()) {
            let letters = body.take_letters();
            if !letters.is_empty() {
                let keeping = tokio::task::spawn_blocking(move || keeper.keep(&letters));
                keeping.await.unwrap_or(Err(ProxyError::internal(ErrorKind::Fault)))?;
            }
        }
        let whole = gathered.join();
        // What waits for a person, or goes elsewhere, is shown to nobody else before.
        let waits = self.ledger.quarantined().is_some() || self.ledger.sends_elsewhere().is_some();
        let asks = Case::is_for(&to.route, Direction::Request) && !waits;
        let whole = if asks {
            let message = Message::new(method, &to.uri, None, headers, &self.connection.party.address);
            self.consult(to, headers, message, (whole, body.take_original()?), None).await?
        } else {
            whole
        };
        let whole = self.instructed(to, headers, whole, limit)?;
        Ok(UpstreamBody::Whole(Some(gathered.charged(whole)?)))
    }

    /// Whether a request that was read whole goes by its own route, if it goes anywhere.
    fn goes_on(&self) -> bool {
        self.ledger.sends_elsewhere().is_none() || self.ledger.quarantined().is_some()
    }

    /// Signs a request whose route says so, with credentials of the proxy's own.
    pub(in crate::proxy) fn sign(
        &self,
        to: &Destination,
        method: &Method,
        headers: &mut HeaderMap,
        body: &UpstreamBody,
    ) -> Result<(), ProxyError> {
        let Some(signing) = &to.route.sign else { return Ok(()) };
        let body = match body {
            UpstreamBody::Empty | UpstreamBody::Whole(None) | UpstreamBody::Told(None, _) => &[][..],
            UpstreamBody::Whole(Some(body)) | UpstreamBody::Told(Some(body), _) => body,
            // The policy has such routes read bodies whole.
            UpstreamBody::Stream(_) => return Err(ProxyError::internal(ErrorKind::Fault)),
        };
        signature::sign(Unsigned { method, uri: &to.uri, body }, headers, signing, telemetry::unix_seconds())
    }

    /// Sends the request and waits for the head of the answer.
    pub(in crate::proxy) async fn send(
        &self,
        to: &Destination,
        method: Method,
        headers: HeaderMap,
        body: UpstreamBody,
    ) -> Result<Response<Incoming>, ProxyError> {
        let body = match body {
            UpstreamBody::Whole(bytes) => UpstreamBody::Told(bytes, Arc::clone(&self.ledger)),
            body => body,
        };
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = to.uri.clone();
        *request.headers_mut() = headers;
        let timeouts = &self.policy.timeouts;
        let upload = &self.ledger.upload;
        self.ledger.sent();
        if matches!(request.body(), UpstreamBody::Stream(_)) {
            // It is read as the upstream takes it.
            self.ledger.given();
        }
        let mut answer = pin!(to.pool.send(request));
        loop {
            let ending = upload.ending();
            let ended = upload.has_ended();
            let progress = upload.progress();
            // While the body is on its way, an upstream that takes none of it for longer than the client may pause has
            // stopped.
            let patience = if ended { timeouts.first_byte } else { timeouts.upstream_idle + timeouts.body_idle };
            tokio::select! {
                answer = &mut answer => {
                    return answer.map_err(|error| {
                        if error.is_connect() {
                            self.ledger.unsent();
                        }
                        // A body that may not pass broke the request: that is the reason, not the reset.
                        self.ledger.request_fault().unwrap_or_else(|| upstream::fault(&error))
                    });
                }
                () = ending, if !ended => {}
                () = tokio::time::sleep(patience) => {
                    if ended || (!upload.has_ended() && upload.progress() == progress) {
                        return Err(ProxyError::upstream(ErrorKind::UpstreamTimeout));
                    }
                }
            }
        }
    }
}
