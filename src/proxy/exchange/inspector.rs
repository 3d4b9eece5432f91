//! What inspects the bodies of an exchange, and who else is shown those that are decided.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};

use crate::body::batch::Told;
use crate::body::{BodyErrorKind, BodyInspector, BodySpec, Direction, Edits, MediaType, parse_content_encoding};
use crate::policy::{Mode, OnFault};

use super::super::external::{Case, Message};
use super::super::headers;
use super::super::reply::{ErrorKind, ProxyError, Side};
use super::super::tokens;
use super::{Destination, Exchange};

impl Exchange {
    /// Shows a body that is decided to the services that the route names.
    pub(super) async fn consult(
        &self,
        to: &Destination,
        headers: &HeaderMap,
        message: Message,
        (body, original): (Bytes, Option<Bytes>),
        told: Option<Arc<Told>>,
    ) -> Result<Bytes, ProxyError> {
        if body.is_empty() {
            return Ok(body);
        }
        let direction = message.direction();
        let case = Case {
            services: &self.generation.externals,
            ledger: &self.ledger,
            telemetry: &self.connection.shared.telemetry,
            workspace: &to.workspace,
            route: &to.route,
            spec: self.spec(to, direction, headers, told)?,
            message,
        };
        let judged = case.judge(body, original).await?;
        self.ledger.leaves_with(direction, judged.len());
        Ok(judged)
    }

    /// What inspects the body that goes with these headers.
    pub(in crate::proxy) fn inspector(
        &self,
        to: &Destination,
        direction: Direction,
        headers: &HeaderMap,
        told: Option<Arc<Told>>,
    ) -> Result<BodyInspector, ProxyError> {
        let mode = match direction {
            Direction::Request => to.route.request,
            Direction::Response => to.route.response,
        };
        if mode == Mode::Off {
            return Ok(BodyInspector::pass("mode_off"));
        }
        if to.is_part && direction == Direction::Request {
            return Ok(BodyInspector::pass("upload_part"));
        }
        let side = side_of(direction);
        BodyInspector::new(self.spec(to, direction, headers, told)?).map_err(|error| ProxyError {
            side,
            kind: ErrorKind::Body(error.kind),
            rule: None,
        })
    }

    /// What is known of the body that goes with these headers.
    fn spec(
        &self,
        to: &Destination,
        direction: Direction,
        headers: &HeaderMap,
        told: Option<Arc<Told>>,
    ) -> Result<BodySpec, ProxyError> {
        let (scopes, side) = match direction {
            Direction::Request => (&to.request, Side::Client),
            Direction::Response => (&to.response, Side::Upstream),
        };
        let edits = match direction {
            Direction::Request => {
                let (drop, model) = (Arc::clone(&to.route.drop), to.model.clone());
                Edits { drop, terms: to.terms, told, model }
            }
            Direction::Response => Edits { told, ..Edits::default() },
        };
        let limits = self.policy.body_limits.clone();
        let media_type = media_type(headers);
        // gRPC compresses its messages, never the body around them.
        let is_grpc = media_type.as_ref().is_some_and(MediaType::is_grpc);
        let coding = if is_grpc { headers::GRPC_ENCODING } else { header::CONTENT_ENCODING };
        if is_grpc && headers.contains_key(header::CONTENT_ENCODING) {
            let kind = ErrorKind::Body(BodyErrorKind::CodingUnsupported);
            return Err(ProxyError { side, kind, rule: None });
        }
        let codings = headers.get_all(coding).iter().map(HeaderValue::as_bytes);
        let scopes = match direction {
            Direction::Request => Arc::clone(scopes),
            Direction::Response => tokens::opened_in(scopes, media_type.as_ref()),
        };
        let codings = parse_content_encoding(codings, limits.coding_layers).map_err(|error| ProxyError {
            side,
            kind: ErrorKind::Body(error.kind),
            rule: None,
        })?;
        Ok(BodySpec {
            media_type,
            codings,
            dialect: self.dialect,
            beside: self.beside,
            direction,
            scopes,
            limits,
            on_fault_pass: to.workspace.on_fault == OnFault::Pass,
            opaque: Arc::clone(&to.route.opaque),
            edits,
            batch: to.batch.as_ref().filter(|_| direction == Direction::Request).map(|batch| batch.sink),
            keep_dropped: to.keeper.is_some(),
        })
    }
}

/// Whose body it is that may not pass.
fn side_of(direction: Direction) -> Side {
    match direction {
        Direction::Request => Side::Client,
        Direction::Response => Side::Upstream,
    }
}

pub(in crate::proxy) fn media_type(headers: &HeaderMap) -> Option<MediaType> {
    headers.get(header::CONTENT_TYPE).and_then(|value| MediaType::of(value.as_bytes()))
}
