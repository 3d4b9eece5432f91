//! A batch, and what its sender is to learn of it.
//!
//! Enters: the route and the head of a request, later the tally of its records. Leaves: which sink it is for, what the
//! sink's answer is to say besides, and the answer to a batch of which nothing is left.

use std::fmt;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::request::Parts;
use http::{Response, StatusCode};

use crate::body::batch::{Asked, Sink, Tally, Told};
use crate::body::{Dialect, MediaType};
use crate::policy::{OnBlock, Route};

use super::target;

/// A batch whose records each have a verdict.
pub(crate) struct Batch {
    pub(crate) sink: Sink,
    asked: Asked,
    /// The media types of Elasticsearch that the client takes, where it is one of its own clients.
    elastic: Option<HeaderValue>,
    /// The sender waits for an acknowledgement that only the sink can give (Splunk's channels).
    acknowledged: bool,
    /// What the batch calls itself.
    media_type: Option<MediaType>,
}

impl Batch {
    /// Whose batch a request is, if each of its records is to have a verdict of its own. `path` is the one at the upstream,
    /// `rest` what of it the client has written.
    pub(crate) fn of(dialect: Dialect, route: &Route, head: &Parts, path: &str, rest: &str) -> Option<Self> {
        let media_type = super::exchange::media_type(&head.headers);
        let sink = match route.on_block {
            Some(OnBlock::Request) => return None,
            Some(OnBlock::Record) | None if dialect.is_model() => return None,
            wanted => {
                let sink = Sink::of(dialect, path, media_type.as_ref());
                sink.or((wanted == Some(OnBlock::Record)).then_some(Sink::Unknown))?
            }
        };
        let query = |name: &str| {
            let mut pairs = head.uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
            pairs.rfind(|(known, _)| *known == name).map(|(_, value)| value)
        };
        let header = |name: &str| head.headers.get(name);
        let named = rest.trim_end_matches('/').strip_suffix("/_bulk").and_then(|before| before.rsplit('/').next());
        let is_elastic = |value: &&HeaderValue| value.to_str().is_ok_and(|text| text.contains("vnd.elasticsearch+"));
        Some(Self {
            sink,
            asked: Asked {
                index: named.filter(|name| !name.is_empty()).map(|name| target::decoded(name, false)),
                filter: query("filter_path").map(|filter| target::decoded(filter, true)),
            },
            elastic: header("accept").filter(is_elastic).cloned(),
            acknowledged: header("x-splunk-request-channel").is_some() || query("channel").is_some(),
            media_type,
        })
    }

    /// What the sink's answer is to say of what was dropped.
    pub(crate) fn told(&self, tally: &Tally) -> Option<Told> {
        self.sink.told(tally, &self.asked)
    }

    /// What an answer without a body is to say, in the form in which the batch came. In gRPC such an answer is an error.
    pub(crate) fn by_itself(&self, told: &Told, headers: &mut HeaderMap) -> Option<Bytes> {
        let said = self.media_type.as_ref().filter(|said| !said.is_grpc())?;
        let is_json = said.subtype() == "json";
        let body = told.by_itself(is_json)?;
        let kind = if is_json { "application/json" } else { "application/x-protobuf" };
        headers.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static(kind));
        Some(body.into())
    }

    /// Whether there may be an answer to a batch of which every record was dropped.
    pub(crate) fn may_be_alone(&self) -> bool {
        !self.acknowledged && self.sink.answers_alone()
    }

    /// The answer to a batch of which every record was dropped, in the sink's place; nothing where only the sink can give
    /// it, or where what is left is a batch all the same.
    pub(crate) fn alone(&self, tally: &Tally, request_id: &str) -> Option<Response<Option<Bytes>>> {
        if tally.kept > 0 || self.acknowledged {
            return None;
        }
        let (status, media_type, body) = self.sink.alone(tally, &self.asked, request_id)?;
        let mut answer = Response::new((!body.is_empty()).then(|| Bytes::from(body)));
        *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
        let headers = answer.headers_mut();
        if !media_type.is_empty() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        }
        if let (Sink::Bulk, Some(taken)) = (self.sink, &self.elastic) {
            // Elasticsearch's own clients look for both.
            headers.insert(header::CONTENT_TYPE, first_type(taken));
            headers.insert("x-elastic-product", HeaderValue::from_static("Elasticsearch"));
        }
        Some(answer)
    }
}

/// The first of the media types that a client takes.
fn first_type(taken: &HeaderValue) -> HeaderValue {
    let first = taken.to_str().ok().and_then(|text| text.split(',').next());
    let first = first.and_then(|text| HeaderValue::from_str(text.trim()).ok());
    first.unwrap_or(HeaderValue::from_static("application/json"))
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("sink", &self.sink).finish_non_exhaustive()
    }
}
