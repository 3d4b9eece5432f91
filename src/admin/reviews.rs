//! Held requests over HTTP: what enters are a person's questions and orders, what leaves are items and verdicts in JSON.
//!
//! ```text
//! GET  /quarantine                 items, the oldest first: ?state=held&workspace=acme&after=ID, 1,000 at a time
//! GET  /quarantine/ID              one item
//! GET  /quarantine/ID/preview      its body as it would go on, what holds it masked     (reviewers)
//! POST /quarantine/ID/release      {"reason": "…", "again": false, "sealed_sha256": "…"} (reviewers)
//! POST /quarantine/ID/reject       {"reason": "…"}                                       (reviewers)
//! ```
//!
//! Who asks is told by a certificate that the TLS of this listener has verified, or by a bearer token (RFC 6750), which is
//! only taken over TLS, loopback or a Unix socket. Nothing of a request's content is ever in an item.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::policy::PeerIdentity;
use crate::proxy::{self, Denied, Handle, Order, Reviewer};
use crate::quarantine::item::{Item, State};
use crate::telemetry::Telemetry;

use super::denials::{Denial, Denials};

/// Where all of it is.
const ROOT: &str = "/quarantine";
/// An order.
const ORDER: usize = 8 << 10;
/// Items of one answer.
const PAGE: usize = 1000;

/// Who is at the other end, as far as its connection tells.
#[derive(Clone, Default, Debug)]
pub(super) struct Caller {
    /// The names of its certificate.
    pub(super) names: PeerIdentity,
    /// The certificate's SHA-256.
    pub(super) certificate: Option<String>,
    /// Whether a token may come over it.
    pub(super) guarded: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    reason: String,
    #[serde(default)]
    again: bool,
    sealed_sha256: Option<String>,
}

/// Whether a path is one of these.
pub(super) fn concerns(path: &str) -> bool {
    path.strip_prefix(ROOT).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Answers.
pub(super) async fn answer(
    handle: &Handle,
    telemetry: &Telemetry,
    denials: &Denials,
    caller: &Caller,
    request: Request<Incoming>,
) -> Response<Full<Bytes>> {
    let reviewer = reviewer(handle, caller, request.headers());
    let person = reviewer.as_ref().ok().map(|reviewer| reviewer.person.name.clone());
    let answered = match reviewer {
        Ok(reviewer) => answered(handle, &reviewer, request).await,
        Err(denied) => Err(denied),
    };
    match answered {
        Ok(value) => json_response(StatusCode::OK, "application/json", &value),
        Err(denied) => {
            telemetry.add("blackbar_quarantine_refusals_total", &[denied.code], 1);
            let (status, certificate) = (denied.status.as_u16(), caller.certificate.as_deref());
            tracing::warn!(code = denied.code, status, certificate, "a call about held requests was refused");
            // What cannot be done at the moment is no refusal.
            if denied.status.is_client_error() {
                let (names, certificate) = (proxy::certificate_names(&caller.names), caller.certificate.clone());
                let first = denials.note(Denial { code: denied.code, status, person, names, certificate });
                first.into_iter().for_each(|entry| handle.note(entry));
            }
            problem(&denied)
        }
    }
}

async fn answered(handle: &Handle, reviewer: &Reviewer, request: Request<Incoming>) -> Result<Value, Denied> {
    let (head, body) = request.into_parts();
    let path = head.uri.path().strip_prefix(ROOT).unwrap_or_default().trim_start_matches('/').to_owned();
    let (id, act) = path.split_once('/').unwrap_or((&path, ""));
    match (&head.method, id, act) {
        (&Method::GET, "", "") => list(handle, reviewer, head.uri.query().unwrap_or_default()).await,
        (&Method::GET, id, "") => Ok(shown(&handle.held_item(reviewer, id).await?)),
        (&Method::GET, id, "preview") => Ok(json!({ "preview": handle.preview(reviewer, id).await? })),
        (&Method::POST, id, "release") => {
            let order = order(&head.headers, body).await?;
            Ok(shown(&handle.release(reviewer, id, &order).await?))
        }
        (&Method::POST, id, "reject") => {
            let order = order(&head.headers, body).await?;
            Ok(shown(&handle.reject(reviewer, id, &order).await?))
        }
        (_, _, "" | "preview" | "release" | "reject") => {
            Err(denied(StatusCode::METHOD_NOT_ALLOWED, "method", "The method is not served."))
        }
        _ => Err(denied(StatusCode::NOT_FOUND, "unknown_path", "There is no such thing.")),
    }
}

/// Who asks.
fn reviewer(handle: &Handle, caller: &Caller, headers: &HeaderMap) -> Result<Reviewer, Denied> {
    if !caller.guarded {
        let message = "Held requests are only told of over TLS, loopback or a Unix socket.";
        return Err(denied(StatusCode::FORBIDDEN, "unguarded", message));
    }
    let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = bearer.and_then(|value| value.split_once(' '));
    let bearer = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
    // A token is random: equal hashes tell nothing about a wrong one by the time that they take.
    let hash: Option<[u8; 32]> = bearer.map(|token| Sha256::digest(token.as_bytes()).into());
    let mut people = handle.people().into_iter().filter(|person| match hash {
        Some(hash) => person.token == Some(hash),
        None => person.clients.iter().any(|pattern| pattern.matches(&caller.names)),
    });
    // A certificate with the names of two people is nobody's.
    let person = people.next().filter(|_| people.next().is_none());
    let message = "Say who asks: with a certificate, or with a bearer token.";
    let person = person.ok_or_else(|| denied(StatusCode::UNAUTHORIZED, "unauthorized", message))?;
    Ok(Reviewer { person, names: caller.names.clone(), certificate: caller.certificate.clone() })
}

async fn list(handle: &Handle, reviewer: &Reviewer, query: &str) -> Result<Value, Denied> {
    let (mut state, mut workspace, mut after) = (None, None, None);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("state", value)) => state = Some(value),
            Some(("workspace", value)) => workspace = Some(value),
            Some(("after", value)) => after = Some(value),
            _ => return Err(denied(StatusCode::BAD_REQUEST, "query", "Known are state, workspace and after.")),
        }
    }
    let mut items = handle.held_items(reviewer).await?;
    if let Some(after) = after {
        let Some(place) = items.iter().position(|item| item.facts.id == after) else {
            return Err(denied(StatusCode::NOT_FOUND, "unknown_item", "There is no such item."));
        };
        items.drain(..=place);
    }
    items.retain(|item| {
        state.is_none_or(|state| item.state.name() == state)
            && workspace.is_none_or(|workspace| item.facts.workspace == workspace)
    });
    let more = items.len() > PAGE;
    items.truncate(PAGE);
    Ok(json!({ "items": items.iter().map(shown).collect::<Vec<_>>(), "more": more }))
}

async fn order(headers: &HeaderMap, body: Incoming) -> Result<Order, Denied> {
    let bad = |message| denied(StatusCode::BAD_REQUEST, "order", message);
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
        return Err(bad("An order is application/json."));
    }
    let body = Limited::new(body, ORDER).collect().await;
    let body = body.map_err(|_| bad("An order has 8 KiB at most."))?.to_bytes();
    let Asked { reason, again, sealed_sha256 } =
        serde_json::from_slice(&body).map_err(|_| bad("An order is an object with a reason."))?;
    Ok(Order { reason, again, sealed_sha256 })
}

/// An item, as people see it.
fn shown(item: &Item) -> Value {
    let facts = &item.facts;
    let (status, code) = match &item.state {
        State::Released { status } => (Some(*status), None),
        State::Failed { code } => (None, Some(code)),
        _ => (None, None),
    };
    json!({
        "id": facts.id,
        "state": item.state.name(),
        "workspace": facts.workspace,
        "route": facts.route,
        "method": facts.method,
        "time_ms": facts.time,
        "expires_ms": facts.expires,
        "request_id": facts.request_id,
        "policy": facts.policy,
        "address": facts.address,
        "sender": facts.sender,
        "certificate": facts.certificate,
        "length": facts.length,
        "findings": facts.findings,
        "answer": facts.answer,
        "sealed_sha256": item.sealed_sha256,
        "verdict": item.verdict,
        "upstream_status": status,
        "code": code,
        "delivery": item.delivery,
    })
}

fn denied(status: StatusCode, code: &'static str, message: &'static str) -> Denied {
    Denied { status, code, message, item: None }
}

/// RFC 9457.
fn problem(denied: &Denied) -> Response<Full<Bytes>> {
    let mut value = json!({
        "type": format!("urn:blackbar:problem:{}", denied.code),
        "title": denied.message,
        "status": denied.status.as_u16(),
        "code": denied.code,
    });
    if let (Some(item), Some(object)) = (&denied.item, value.as_object_mut()) {
        object.insert("item".to_owned(), shown(item));
    }
    let mut response = json_response(denied.status, "application/problem+json", &value);
    if denied.status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

fn json_response(status: StatusCode, kind: &'static str, value: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(format!("{value}\n"))));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
