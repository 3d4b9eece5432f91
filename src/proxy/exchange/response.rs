//! What goes to the client: the head of the upstream's answer, its body as much of it decided as its head waits for, and what a
//! batch's answer says of dropped records.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Response, StatusCode, Version};
use tokio::time::timeout;

use crate::body::batch::Told;
use crate::body::{Dialect, Direction};
use crate::policy::Mode;
use crate::telemetry;

use super::super::answer::{AnswerBody, Content};
use super::super::external::{Case, Message};
use super::super::handed;
use super::super::headers::{self, TextScan};
use super::super::inspect::{Gathered, InspectedBody, Received, Terms};
use super::super::reply::{ErrorKind, Manner, ProxyError, REQUEST_ID};
use super::{Destination, Exchange, media_type};

/// How long a head waits in all once something of its body is ready, where no rule of the answer blocks: long enough for
/// what is on its way to decide the status, short enough not to be felt.
const HEAD_GRACE: Duration = Duration::from_millis(20);
/// How much of an answer is read before its head is sent, where a rule of the answer blocks.
const BLOCK_BUFFER: usize = 256 << 10;

/// Where an answer of the upstream may keep its own request id, now that `x-request-id` is ours.
const UPSTREAM_REQUEST_ID: &str = "x-upstream-request-id";

/// Marks an answer that came before the request had been read.
#[derive(Clone)]
struct Unread;

impl Exchange {
    /// The answer that goes to the client.
    pub(in crate::proxy) async fn answer(
        &self,
        to: &Destination,
        response: Response<Received>,
        method: &Method,
    ) -> Result<Response<AnswerBody>, ProxyError> {
        let arrived = telemetry::now();
        let (mut head, body) = response.into_parts();
        match head.status {
            StatusCode::SWITCHING_PROTOCOLS => return Err(ProxyError::upstream(ErrorKind::UpstreamProtocol)),
            // Ranges are never asked for: a part of a text cannot be judged as a whole.
            StatusCode::PARTIAL_CONTENT => return Err(ProxyError::upstream(ErrorKind::UpstreamRange)),
            _ => {}
        }
        headers::check_response(&head.headers, self.policy.limits.header_bytes)?;
        if !self.ledger.upload.has_ended() && !head.status.is_success() {
            self.ledger.upload.pause();
            if self.version < Version::HTTP_2 {
                // Set below, once the upstream's own is dropped.
                head.extensions.insert(Unread);
            }
        }
        let mut scan = TextScan::beside(&to.response, &self.generation.cleared);
        let scanned = headers::forward_response(&mut head.headers, to.route.response != Mode::Off, &mut scan);
        self.ledger.inspected(Direction::Response, scan.into_seen());
        scanned?;
        headers::disclose(&mut head.headers, &to.route);
        if head.extensions.remove::<Unread>().is_some() {
            head.headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if let Some(id) = head.headers.remove(REQUEST_ID) {
            head.headers.insert(UPSTREAM_REQUEST_ID, id);
        }
        let bodiless = *method == Method::HEAD
            || matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED | StatusCode::RESET_CONTENT);
        let told = self.told(to, head.status).await;
        if matches!(head.status.as_u16(), 200..=299 | 400 | 422)
            && let Some(answer) = self.nothing_left(to)
        {
            // It is the answer to a batch of nothing, which no client has sent.
            return Ok(answer);
        }
        let content = if bodiless {
            Content::Whole(None)
        } else {
            let read = match body.is_end_stream() {
                true => Content::Whole(None),
                false => {
                    let asked = (method, head.status);
                    self.response_body(to, asked, &head.headers, body, arrived, told.clone()).await?
                }
            };
            match (read, told, &to.batch) {
                (Content::Whole(bytes), Some(told), Some(batch)) if bytes.as_ref().is_none_or(Bytes::is_empty) => {
                    Content::Whole(batch.by_itself(&told, &mut head.headers))
                }
                (read, ..) => read,
            }
        };
        // hyper writes its own version; the upstream's reason phrase and extensions stay behind.
        let mut answer = Response::new(AnswerBody::new(content, &self.ledger));
        *answer.status_mut() = head.status;
        *answer.headers_mut() = head.headers;
        Ok(answer)
    }

    /// What an answer is to say of the records that were dropped. One that is an error is about what was sent.
    async fn told(&self, to: &Destination, status: StatusCode) -> Option<Arc<Told>> {
        let batch = to.batch.as_ref().filter(|batch| status.is_success() && batch.sink.tells())?;
        // An answer to all of a batch whose end we have not seen is not known; one that comes early waits for it.
        let ending = self.ledger.upload.ending();
        if !self.ledger.upload.has_ended() {
            let _ = timeout(self.policy.timeouts.body_idle, ending).await;
        }
        let tally = self.ledger.dropped_records()?;
        batch.told(&tally).map(Arc::new)
    }

    /// The answer to a batch of which every record was dropped, in the sink's place.
    pub(super) fn nothing_left(&self, to: &Destination) -> Option<Response<AnswerBody>> {
        let (batch, tally) = (to.batch.as_ref()?, self.ledger.dropped_records()?);
        let (head, body) = batch.alone(&tally, &self.ledger.request_id)?.into_parts();
        let body = AnswerBody::new(Content::Whole(body), &self.ledger);
        Some(Response::from_parts(head, body))
    }

    /// The body that goes to the client, as much of it decided as its head waits for.
    async fn response_body(
        &self,
        to: &Destination,
        (method, status): (&Method, StatusCode),
        headers: &HeaderMap,
        body: Received,
        arrived: std::time::Instant,
        told: Option<Arc<Told>>,
    ) -> Result<Content, ProxyError> {
        let declared = body.declared();
        let events = media_type(headers).is_some_and(|media_type| media_type.is_event_stream());
        let messages = media_type(headers).is_some_and(|media_type| media_type.is_aws_event_stream());
        let records = matches!(self.dialect, Dialect::Ollama | Dialect::Cohere)
            && media_type(headers).is_some_and(|media_type| media_type.is_json_lines());
        let inspector = self.inspector(to, Direction::Response, headers, told.clone())?;
        let inspector = if self.ledger.is_metered() { inspector.counting() } else { inspector };
        let terms = Terms {
            direction: Direction::Response,
            scopes: Arc::clone(&to.response),
            idle: self.policy.timeouts.upstream_idle,
            rate: None,
            trailer_bytes: self.policy.limits.trailer_bytes,
            route: Arc::clone(&to.route),
            declared: declared.filter(|_| to.route.response == Mode::Off),
            most: match to.route.response {
                Mode::Buffer { limit } if handed::may_hold(to) => Some(limit),
                Mode::Buffer { .. } | Mode::Stream | Mode::Off => None,
            },
            copies: handed::may_hold(to),
            keeper: None,
        };
        let mut body = Box::new(InspectedBody::new(body, inspector, terms, &self.ledger));
        let mut gathered = Gathered::default();
        match to.route.response {
            Mode::Off => {}
            Mode::Buffer { limit } => {
                let limit = usize::try_from(limit).unwrap_or(usize::MAX);
                if Case::wants_original(&to.route, Direction::Response, &self.policy.externals) {
                    body.keeps_original(limit);
                }
                timeout(self.policy.timeouts.total, body.gather(&mut gathered, limit))
                    .await
                    .map_err(|_| ProxyError::upstream(ErrorKind::UpstreamTimeout))??;
                if gathered.length > limit {
                    return Err(ProxyError::upstream(ErrorKind::BodySize));
                }
                // What waits for a person is shown to nobody else before.
                if let Some(held) = self.ledger.answer_held() {
                    return Err(self.hold_answer(to, (method, status), headers, &body.take_copy().0, held).await);
                }
                if Case::is_for(&to.route, Direction::Response) {
                    let message = Message::new(method, &to.uri, Some(status), headers, &self.connection.party.address);
                    let came = (gathered.join(), body.take_original()?);
                    let whole = self.consult(to, headers, message, came, told).await?;
                    gathered.length = whole.len();
                    gathered.chunks = [whole].into();
                }
            }
            Mode::Stream if events => body.ends_with_event(self.dialect),
            Mode::Stream if messages => body.ends_with_message(self.dialect),
            Mode::Stream if records => body.ends_with_record(self.dialect),
            Mode::Stream if to.response.may_refuse() => body.gather(&mut gathered, BLOCK_BUFFER).await?,
            Mode::Stream => self.gather_ready(&mut body, &mut gathered).await?,
        }
        // Over HTTP/1.1 few read trailers, and gRPC has none of it.
        if self.manner == Manner::Grpc && self.version >= Version::HTTP_2 {
            body.ends_with_status();
        }
        let added = telemetry::now().saturating_duration_since(arrived).saturating_sub(body.waited());
        self.ledger.first_byte_added(Direction::Response, added);
        Ok(match gathered {
            Gathered { complete: true, trailers: None, .. } => {
                let whole = gathered.join();
                Content::Whole(Some(gathered.charged(whole)?))
            }
            _ => Content::Stream { gathered, body },
        })
    }

    /// Reads what is there of an answer, and a moment longer, so that most faults still find the head unsent. The moment
    /// is one for the whole answer: an upstream that writes word by word must not renew it with each.
    async fn gather_ready(&self, body: &mut InspectedBody, gathered: &mut Gathered) -> Result<(), ProxyError> {
        while gathered.length == 0 && !gathered.complete {
            gathered.take(body.next().await)?;
        }
        let more = body.gather(gathered, self.policy.limits.decision_buffer);
        timeout(HEAD_GRACE, more).await.unwrap_or(Ok(()))
    }
}
