//! What comes back when something is wrong: the one place that turns a [`ProxyError`] into a status and a body.
//!
//! Enters: the error, the request's id and the protocol that the route speaks. Leaves: `application/problem+json`
//! (RFC 9457), or a model provider's own error object, so that its SDK raises its usual exception, or gRPC's status.
//! Every text is fixed: nothing of the input is ever echoed.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use crate::body::{BodyErrorKind, Dialect, MediaType, llm};
use crate::engine::RuleId;

/// Carries the request's id on every answer.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Carries the id of the item that a request or its answer is held as; and of the answer that a request fetches.
pub(super) const QUARANTINE_ITEM: HeaderName = HeaderName::from_static("x-blackbar-item");

/// Carries it in AWS's protocols as well.
const AWS_REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// gRPC's status of a call, and its text.
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// Methods that may pass, as `Allow` lists them (RFC 9110 section 10.2.1).
const ALLOWED: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
/// Codings that are opened.
const OPENED: HeaderValue = HeaderValue::from_static("gzip, deflate, br, zstd");

/// Whose doing an error is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Side {
    /// The client's.
    Client,
    /// The upstream's.
    Upstream,
    /// A rule's.
    Policy,
    /// Our own.
    Internal,
}

impl Side {
    /// The word for the log.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Upstream => "upstream",
            Self::Policy => "policy",
            Self::Internal => "proxy",
        }
    }
}

/// Why an exchange does not go on.
#[derive(Clone, Debug)]
pub(crate) struct ProxyError {
    /// Whose doing it is.
    pub(crate) side: Side,
    /// The reason.
    pub(crate) kind: ErrorKind,
    /// The rule that fired.
    pub(crate) rule: Option<RuleId>,
}

/// The reasons of [`ProxyError`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum ErrorKind {
    /// The certificate's names belong to no workspace, or to more than one.
    Identity,
    /// A method that is not served.
    Method,
    /// A protocol change was asked for.
    Upgrade,
    /// The request target is too long.
    TargetSize,
    /// The request target has what it may not have.
    TargetSyntax,
    /// No `Host`, several, or an invalid one.
    Host,
    /// An authority that this connection does not serve.
    Misdirected,
    /// A header section with what it may not have.
    HeaderSyntax,
    /// A header section above the limits.
    HeaderSize,
    /// An expectation other than `100-continue`.
    Expect,
    /// A transfer coding other than `chunked`.
    TransferCoding,
    /// The message's framing is broken.
    Framing,
    /// No route has this path.
    NoRoute,
    /// A finding where it can only be refused: a blocking rule, or a path.
    Blocked,
    /// A body that may not pass.
    Body(BodyErrorKind),
    /// A body above the limit of its route, or of buffer mode.
    BodySize,
    /// A trailer section above the limit.
    TrailerSize,
    /// A body that did not go on in time.
    BodyTimeout,
    /// The peer went away in the middle.
    Gone,
    /// The client takes too little of an answer that is there.
    Stall,
    /// The upstream could not be reached, for a cause of a closed set.
    Connect(&'static str),
    /// The upstream did not answer or go on in time.
    UpstreamTimeout,
    /// The upstream did not speak HTTP as it must.
    UpstreamProtocol,
    /// The upstream answered a part that nobody asked for.
    UpstreamRange,
    /// What is sent may not go to where it would.
    Residency,
    /// More than the workspace may ask.
    Rate,
    /// The budget of tokens is used up, for so many seconds.
    Tokens(u64),
    /// Too much at once.
    Overload,
    /// What it holds back has no room beside what others do.
    Memory,
    /// No record can be written of it.
    Audit,
    /// A dropped record could not be kept.
    DeadLetter,
    /// It waits for a person, as the item of this id.
    Quarantined(Arc<str>),
    /// Its answer waits for a person, as the item of this id.
    AnswerHeld(Arc<str>),
    /// It must wait for a person, and there is no room or no store for it.
    QuarantineUnavailable,
    /// It asks for an answer that is not held for who asks.
    ItemUnknown,
    /// It asks for a held answer about which nobody has decided, or that is being handed over.
    ItemWaits,
    /// It asks for a held answer that was handed over, rejected or erased.
    ItemOver,
    /// No API key, or one that does not hold.
    Key,
    /// The workspace is stopped.
    Frozen,
    /// The client is trusted no more.
    Revoked,
    /// The proxy ends, and waits for it no longer.
    Drain,
    /// Another service refuses what is said; the rule names it.
    External,
    /// A service whose verdict is needed has none.
    Unjudged,
    /// A fault of the program.
    Fault,
}

impl ProxyError {
    pub(crate) fn client(kind: ErrorKind) -> Self {
        Self { side: Side::Client, kind, rule: None }
    }

    pub(crate) fn upstream(kind: ErrorKind) -> Self {
        Self { side: Side::Upstream, kind, rule: None }
    }

    pub(crate) fn internal(kind: ErrorKind) -> Self {
        Self { side: Side::Internal, kind, rule: None }
    }

    /// A rule refused it.
    pub(crate) fn blocked(rule: Option<RuleId>) -> Self {
        Self { side: Side::Policy, kind: ErrorKind::Blocked, rule }
    }

    /// Whether the client went away.
    pub(crate) fn is_client_gone(&self) -> bool {
        self.side == Side::Client && matches!(self.kind, ErrorKind::Gone)
    }

    /// The code in answers, metrics and logs: of a closed set.
    pub(crate) fn code(&self) -> &'static str {
        match &self.kind {
            ErrorKind::Identity => "san_denied",
            ErrorKind::Method => "method",
            ErrorKind::Upgrade => "upgrade",
            ErrorKind::TargetSize => "uri_size",
            ErrorKind::TargetSyntax => "uri_syntax",
            ErrorKind::Host => "host",
            ErrorKind::Misdirected => "misdirected",
            ErrorKind::HeaderSyntax => "header_syntax",
            ErrorKind::HeaderSize => "header_size",
            ErrorKind::Expect => "expect",
            ErrorKind::TransferCoding => "framing_te",
            ErrorKind::Framing => "framing",
            ErrorKind::NoRoute => "no_route",
            ErrorKind::Blocked | ErrorKind::Body(BodyErrorKind::Blocked { .. }) => "policy_blocked",
            ErrorKind::Body(kind) => kind.code(),
            ErrorKind::BodySize => "body_size",
            ErrorKind::TrailerSize => "trailer",
            ErrorKind::BodyTimeout => "body_timeout",
            ErrorKind::Gone if self.side == Side::Upstream => "upstream_reset",
            ErrorKind::Gone => "client_abort",
            ErrorKind::Stall => "client_stall",
            ErrorKind::Connect(_) => "upstream_connect",
            ErrorKind::UpstreamTimeout => "upstream_timeout",
            ErrorKind::UpstreamProtocol => "upstream_protocol",
            ErrorKind::UpstreamRange => "upstream_range",
            ErrorKind::Residency => "residency",
            ErrorKind::Rate => "rate",
            ErrorKind::Tokens(_) => "token_budget",
            ErrorKind::Overload | ErrorKind::Memory => "overloaded",
            ErrorKind::Audit => "audit_unavailable",
            ErrorKind::DeadLetter => "dead_letter",
            ErrorKind::Quarantined(_) | ErrorKind::AnswerHeld(_) => "quarantined",
            ErrorKind::ItemUnknown => "item_unknown",
            ErrorKind::ItemWaits => "item_waits",
            ErrorKind::ItemOver => "item_over",
            ErrorKind::QuarantineUnavailable => "quarantine_unavailable",
            ErrorKind::Key => "api_key",
            ErrorKind::Frozen => "workspace_frozen",
            ErrorKind::Revoked => "revoked",
            ErrorKind::Drain => "draining",
            ErrorKind::External => "external",
            ErrorKind::Unjudged => "external_unavailable",
            ErrorKind::Fault => "internal",
        }
    }

    /// Why the upstream could not be reached: of a closed set, for the log and the audit alone.
    pub(crate) fn cause(&self) -> Option<&'static str> {
        match &self.kind {
            ErrorKind::Connect(cause) => Some(cause),
            _ => None,
        }
    }

    /// The status, where none has been sent yet.
    pub(crate) fn status(&self) -> StatusCode {
        match &self.kind {
            ErrorKind::Key => StatusCode::UNAUTHORIZED,
            ErrorKind::Identity
            | ErrorKind::Frozen
            | ErrorKind::Revoked
            | ErrorKind::Residency
            | ErrorKind::Blocked
            | ErrorKind::Quarantined(_)
            | ErrorKind::AnswerHeld(_)
            | ErrorKind::External
            | ErrorKind::Body(BodyErrorKind::Blocked { .. } | BodyErrorKind::Tool) => StatusCode::FORBIDDEN,
            _ if self.side == Side::Upstream => match self.kind {
                ErrorKind::UpstreamTimeout | ErrorKind::BodyTimeout => StatusCode::GATEWAY_TIMEOUT,
                _ => StatusCode::BAD_GATEWAY,
            },
            ErrorKind::Method => StatusCode::METHOD_NOT_ALLOWED,
            ErrorKind::Upgrade | ErrorKind::TransferCoding => StatusCode::NOT_IMPLEMENTED,
            ErrorKind::TargetSize => StatusCode::URI_TOO_LONG,
            ErrorKind::TargetSyntax
            | ErrorKind::Host
            | ErrorKind::HeaderSyntax
            | ErrorKind::Framing
            | ErrorKind::TrailerSize
            | ErrorKind::Gone => StatusCode::BAD_REQUEST,
            ErrorKind::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            ErrorKind::HeaderSize => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            ErrorKind::Expect => StatusCode::EXPECTATION_FAILED,
            ErrorKind::NoRoute | ErrorKind::ItemUnknown => StatusCode::NOT_FOUND,
            ErrorKind::ItemWaits => StatusCode::CONFLICT,
            ErrorKind::ItemOver => StatusCode::GONE,
            ErrorKind::Body(kind) => body_status(kind),
            ErrorKind::BodySize => StatusCode::PAYLOAD_TOO_LARGE,
            ErrorKind::BodyTimeout | ErrorKind::Stall => StatusCode::REQUEST_TIMEOUT,
            ErrorKind::Connect(_) | ErrorKind::UpstreamProtocol | ErrorKind::UpstreamRange => StatusCode::BAD_GATEWAY,
            ErrorKind::UpstreamTimeout => StatusCode::GATEWAY_TIMEOUT,
            ErrorKind::Rate | ErrorKind::Tokens(_) => StatusCode::TOO_MANY_REQUESTS,
            ErrorKind::Overload
            | ErrorKind::Memory
            | ErrorKind::Audit
            | ErrorKind::DeadLetter
            | ErrorKind::QuarantineUnavailable
            | ErrorKind::Drain
            | ErrorKind::Unjudged => StatusCode::SERVICE_UNAVAILABLE,
            ErrorKind::Fault => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// gRPC's code for it ("Status codes and their use in gRPC"). Those that clients try again by themselves are only
    /// given where nothing of the call can have been done.
    fn grpc_code(&self) -> u16 {
        const INVALID_ARGUMENT: u16 = 3;
        const DEADLINE_EXCEEDED: u16 = 4;
        const PERMISSION_DENIED: u16 = 7;
        const RESOURCE_EXHAUSTED: u16 = 8;
        const UNIMPLEMENTED: u16 = 12;
        const INTERNAL: u16 = 13;
        const UNAVAILABLE: u16 = 14;
        const UNAUTHENTICATED: u16 = 16;
        match (&self.kind, self.status().as_u16()) {
            (ErrorKind::Connect(_) | ErrorKind::Gone, 502) => UNAVAILABLE,
            // It may have been done by then.
            (ErrorKind::Memory, _) => RESOURCE_EXHAUSTED,
            (_, 401) => UNAUTHENTICATED,
            (_, 403) => PERMISSION_DENIED,
            (_, 408 | 504) => DEADLINE_EXCEEDED,
            (_, 413 | 414 | 429 | 431) => RESOURCE_EXHAUSTED,
            // A service that is not known, or a coding that is not opened.
            (_, 404 | 405 | 415 | 417 | 501) => UNIMPLEMENTED,
            (_, 400..=499) => INVALID_ARGUMENT,
            (_, 503) => UNAVAILABLE,
            _ => INTERNAL,
        }
    }

    /// Whether the client's connection cannot be trusted to begin another message.
    pub(crate) fn closes(&self) -> bool {
        self.side == Side::Client
            && matches!(
                self.kind,
                ErrorKind::Identity
                    | ErrorKind::TargetSyntax
                    | ErrorKind::Host
                    | ErrorKind::Misdirected
                    | ErrorKind::HeaderSyntax
                    | ErrorKind::HeaderSize
                    | ErrorKind::Expect
                    | ErrorKind::TransferCoding
                    | ErrorKind::Framing
                    | ErrorKind::TrailerSize
                    | ErrorKind::BodyTimeout
                    | ErrorKind::Gone
                    | ErrorKind::Stall
            )
    }

    /// The item that the request is held as.
    pub(crate) fn item(&self) -> Option<&str> {
        match &self.kind {
            ErrorKind::Quarantined(item) | ErrorKind::AnswerHeld(item) => Some(item),
            _ => None,
        }
    }

    /// The sentence that clients read: those of providers show no other field.
    pub(crate) fn told(&self) -> Cow<'static, str> {
        match self.item() {
            Some(item) => format!("{} Item: {item}", self.message()).into(),
            None => self.message().into(),
        }
    }

    /// A sentence for people.
    pub(crate) fn message(&self) -> &'static str {
        match &self.kind {
            ErrorKind::Identity => "The client certificate belongs to no workspace.",
            ErrorKind::Method => "The method is not served.",
            ErrorKind::Upgrade => "Protocol upgrades are not served.",
            ErrorKind::TargetSize => "The request target is too long.",
            ErrorKind::TargetSyntax => "The request target is malformed.",
            ErrorKind::Host => "The request must name exactly one valid host.",
            ErrorKind::Misdirected => "This host is not served on this connection.",
            ErrorKind::HeaderSyntax => "A header field is malformed.",
            ErrorKind::HeaderSize => "The header section is too large.",
            ErrorKind::Expect => "The expectation cannot be met.",
            ErrorKind::TransferCoding => "The transfer coding is not served.",
            ErrorKind::Framing => "The message's framing is malformed.",
            ErrorKind::NoRoute => "No route has this path.",
            ErrorKind::Blocked | ErrorKind::Body(BodyErrorKind::Blocked { .. }) => {
                "The content was blocked by a redaction policy."
            }
            ErrorKind::Body(BodyErrorKind::Tool) => "A tool call was refused by a policy.",
            ErrorKind::Body(BodyErrorKind::Retention) => {
                "The provider would keep what is sent, and this route keeps nothing there."
            }
            ErrorKind::Body(BodyErrorKind::TokenIds) => {
                "Token ids cannot be scanned: send the text itself. LangChain does with check_embedding_ctx_length=False."
            }
            ErrorKind::Body(BodyErrorKind::UploadPart) => {
                "A file that is sent in parts cannot be scanned: send it in one request."
            }
            ErrorKind::Body(_) if self.side == Side::Upstream => "The upstream's answer cannot be inspected.",
            ErrorKind::Body(_) => "The body cannot be inspected.",
            ErrorKind::BodySize => "The body is too large.",
            ErrorKind::TrailerSize => "The trailer section is too large.",
            ErrorKind::BodyTimeout => "The body did not arrive in time.",
            ErrorKind::Gone if self.side == Side::Upstream => "The upstream ended its answer too early.",
            ErrorKind::Gone => "The request ended too early.",
            ErrorKind::Stall => "The answer was not taken in time.",
            ErrorKind::Connect(_) => "The upstream could not be reached.",
            ErrorKind::UpstreamTimeout => "The upstream did not answer in time.",
            ErrorKind::UpstreamProtocol | ErrorKind::UpstreamRange => "The upstream's answer is malformed.",
            ErrorKind::Residency => "The workspace's data may not go to this region.",
            ErrorKind::Rate => "The workspace asks more than it may.",
            ErrorKind::Tokens(_) => "The budget of tokens is used up for now.",
            ErrorKind::Audit => "No audit record can be written at the moment.",
            ErrorKind::Overload => "Too many requests are in flight.",
            ErrorKind::Memory => "Too much is held in memory at the moment.",
            ErrorKind::DeadLetter => "A record of the batch must not pass, and could not be kept.",
            ErrorKind::Quarantined(_) => "The request is held until a person has reviewed it.",
            ErrorKind::AnswerHeld(_) => {
                "The answer calls a tool and is held until a person has reviewed it. Ask again with x-blackbar-item then."
            }
            ErrorKind::ItemUnknown => "There is no such answer for who asks.",
            ErrorKind::ItemWaits => "The answer still waits for a person.",
            ErrorKind::ItemOver => "The answer was handed over before, or is not there any more.",
            ErrorKind::QuarantineUnavailable => "The request needs a review, and cannot be held at the moment.",
            ErrorKind::Key => "The request shows no API key that holds.",
            ErrorKind::Frozen => "The workspace is stopped.",
            ErrorKind::Revoked => "The client is trusted no more.",
            ErrorKind::Drain => "The proxy ends.",
            ErrorKind::External => "The content was blocked by another service that this route asks.",
            ErrorKind::Unjudged => "A service that must judge the content gave no verdict.",
            ErrorKind::Fault => "The proxy failed.",
        }
    }
}

/// Statuses of a request body that may not pass.
fn body_status(kind: &BodyErrorKind) -> StatusCode {
    match kind {
        BodyErrorKind::Blocked { .. } | BodyErrorKind::Tool | BodyErrorKind::Retention => StatusCode::FORBIDDEN,
        BodyErrorKind::CodingUnsupported
        | BodyErrorKind::MediaType
        | BodyErrorKind::Charset
        | BodyErrorKind::TokenIds
        | BodyErrorKind::UploadPart => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        BodyErrorKind::Expansion | BodyErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        BodyErrorKind::CodingInvalid
        | BodyErrorKind::JsonSyntax
        | BodyErrorKind::JsonDepth
        | BodyErrorKind::ProtobufSyntax
        | BodyErrorKind::ProtobufDepth
        | BodyErrorKind::FrameSyntax
        | BodyErrorKind::TooManyTexts
        | BodyErrorKind::Truncated
        | BodyErrorKind::WebSocket => StatusCode::BAD_REQUEST,
    }
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exchange ended: {}", self.code())
    }
}

impl std::error::Error for ProxyError {}

/// What a client reads a refusal in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Manner {
    /// Problem details (RFC 9457).
    Problem,
    /// The same object, for a client that would not take its media type.
    Json,
    /// A status of gRPC's.
    Grpc,
    /// The same for gRPC-Web, whose clients read it in a head and in no trailers of HTTP.
    GrpcWeb,
}

impl Manner {
    /// By what a request says that it is, and that it takes.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let media_type = headers.get(CONTENT_TYPE).and_then(|value| MediaType::parse(value.as_bytes()));
        if media_type.as_ref().is_some_and(MediaType::speaks_grpc) {
            Self::Grpc
        } else if media_type.is_some_and(|media_type| media_type.grpc_web().is_some()) {
            Self::GrpcWeb
        } else if takes_problem(headers) {
            Self::Problem
        } else {
            Self::Json
        }
    }
}

/// The status and its message as gRPC has them in headers or trailers ("gRPC over HTTP2", Responses).
pub(crate) fn grpc_status(error: &ProxyError, request_id: &str) -> HeaderMap {
    let rule = error.rule.as_ref().map_or_else(String::new, |rule| format!(", rule {}", rule.as_str()));
    let message = format!("{} ({}{rule}, request {request_id})", error.told(), error.code());
    let mut headers = HeaderMap::with_capacity(2);
    headers.insert(GRPC_STATUS, HeaderValue::from(error.grpc_code()));
    // Percent-encoded it is visible ASCII, which a header takes.
    if let Ok(message) = HeaderValue::try_from(percent_encoded(&message)) {
        headers.insert(GRPC_MESSAGE, message);
    }
    headers
}

/// As `grpc-message` has text: what is not printable ASCII, and `%`, in percent-encoding.
fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// The answer to an error whose head has not been sent, in gRPC's way: a head that is the trailers as well.
fn grpc_answer(error: &ProxyError, request_id: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    let headers = response.headers_mut();
    *headers = grpc_status(error, request_id);
    tell_item(error, headers);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    if error.side != Side::Upstream && error.kind == ErrorKind::Body(BodyErrorKind::CodingUnsupported) {
        headers.insert(super::headers::GRPC_ACCEPT_ENCODING, super::headers::GRPC_OPENED);
    }
    response
}

/// The answer to an error whose head has not been sent.
pub(crate) fn answer(error: &ProxyError, dialect: Dialect, manner: Manner, request_id: &str) -> Response<Bytes> {
    if matches!(manner, Manner::Grpc | Manner::GrpcWeb) {
        let mut response = grpc_answer(error, request_id);
        if manner == Manner::GrpcWeb {
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc-web+proto"));
        }
        return response;
    }
    let status = error.status();
    let (media_type, body) = match llm::error_body(dialect, status.as_u16(), error.code(), &error.told(), request_id) {
        Some(body) => ("application/json", body),
        None if manner == Manner::Json => ("application/json", problem(error, request_id).into_bytes()),
        None => ("application/problem+json", problem(error, request_id).into_bytes()),
    };
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some((name, value)) = llm::error_type(dialect, status.as_u16()) {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        if let Ok(id) = HeaderValue::try_from(request_id) {
            // Where AWS's SDKs look for it.
            headers.insert(AWS_REQUEST_ID, id);
        }
    }
    match error.kind {
        ErrorKind::Method => {
            headers.insert(ALLOW, ALLOWED);
        }
        ErrorKind::Body(BodyErrorKind::CodingUnsupported) if error.side != Side::Upstream => {
            headers.insert(ACCEPT_ENCODING, OPENED);
        }
        ErrorKind::Overload | ErrorKind::Memory | ErrorKind::Rate | ErrorKind::Audit | ErrorKind::Unjudged => {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        ErrorKind::Tokens(seconds) => {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        _ => {}
    }
    tell_item(error, headers);
    if error.closes() {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// What the client's people ask a reviewer about.
fn tell_item(error: &ProxyError, headers: &mut HeaderMap) {
    if let Some(item) = error.item().and_then(|item| HeaderValue::from_str(item).ok()) {
        headers.insert(QUARANTINE_ITEM, item);
    }
}

/// Whether a client that says what it takes would take problem details: some readers refuse a type that they do not know.
fn takes_problem(headers: &HeaderMap) -> bool {
    let takes = |range: &str| {
        let media_type = range.split(';').next().unwrap_or_default().trim();
        ["*/*", "application/*", "application/problem+json"].iter().any(|taken| media_type.eq_ignore_ascii_case(taken))
    };
    let mut said = headers.get_all(ACCEPT).iter().peekable();
    said.peek().is_none() || said.any(|value| value.to_str().is_ok_and(|ranges| ranges.split(',').any(takes)))
}

/// RFC 9457.
fn problem(error: &ProxyError, request_id: &str) -> String {
    let mut object = serde_json::Map::new();
    object.insert("type".into(), format!("urn:blackbar:problem:{}", error.code()).into());
    object.insert("title".into(), error.message().into());
    object.insert("status".into(), error.status().as_u16().into());
    object.insert("code".into(), error.code().into());
    if let Some(rule) = &error.rule {
        object.insert("rule".into(), rule.as_str().into());
    }
    if let Some(item) = error.item() {
        object.insert("item".into(), item.into());
    }
    object.insert("request_id".into(), request_id.into());
    serde_json::Value::Object(object).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_names_code_rule_and_request() {
        let error = ProxyError::blocked(Some(RuleId::new("pci.card")));
        let response = answer(&error, Dialect::Plain, Manner::Problem, "00ff");
        assert_eq!(response.status(), 403);
        let body: serde_json::Value = serde_json::from_slice(response.body()).expect("the body is JSON");
        assert_eq!(body["code"], "policy_blocked");
        assert_eq!(body["rule"], "pci.card");
        assert_eq!(body["request_id"], "00ff");
        assert_eq!(body["status"], 403);
    }

    #[test]
    fn a_client_that_takes_no_problem_details_gets_plain_json() {
        let error = ProxyError::blocked(None);
        for (accept, kind) in [
            (None, "application/problem+json"),
            (Some("*/*"), "application/problem+json"),
            (Some("text/html, application/*;q=0.5"), "application/problem+json"),
            (Some("application/json"), "application/json"),
            (Some("application/vnd.elasticsearch+json; compatible-with=9"), "application/json"),
        ] {
            let mut headers = HeaderMap::new();
            headers.extend(accept.map(|accept| (ACCEPT, HeaderValue::from_static(accept))));
            let response = answer(&error, Dialect::Plain, Manner::of(&headers), "00ff");
            assert_eq!(response.headers()[CONTENT_TYPE], kind, "{accept:?}");
        }
    }

    #[test]
    fn grpc_gets_a_status_of_its_own() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc+proto"));
        assert_eq!(Manner::of(&headers), Manner::Grpc);
        for (error, code) in [
            (ProxyError::blocked(None), 7),
            (ProxyError::client(ErrorKind::Identity), 7),
            (ProxyError::client(ErrorKind::NoRoute), 12),
            (ProxyError::client(ErrorKind::BodySize), 8),
            (ProxyError::client(ErrorKind::Rate), 8),
            (ProxyError::client(ErrorKind::Body(BodyErrorKind::TooLarge)), 8),
            (ProxyError::client(ErrorKind::Body(BodyErrorKind::MediaType)), 12),
            (ProxyError::client(ErrorKind::Body(BodyErrorKind::ProtobufSyntax)), 3),
            (ProxyError::client(ErrorKind::BodyTimeout), 4),
            (ProxyError::upstream(ErrorKind::UpstreamTimeout), 4),
            (ProxyError::upstream(ErrorKind::Connect("dns")), 14),
            (ProxyError::upstream(ErrorKind::Gone), 14),
            // It may have been done: nobody is to try again by himself.
            (ProxyError::upstream(ErrorKind::Body(BodyErrorKind::ProtobufSyntax)), 13),
            (ProxyError::internal(ErrorKind::Overload), 14),
            (ProxyError::internal(ErrorKind::Memory), 8),
            (ProxyError::internal(ErrorKind::Fault), 13),
        ] {
            let response = answer(&error, Dialect::OpenAi, Manner::Grpc, "00ff");
            assert_eq!(response.status(), 200);
            assert!(response.body().is_empty());
            assert_eq!(response.headers()[CONTENT_TYPE], "application/grpc");
            assert_eq!(response.headers()[GRPC_STATUS], code.to_string(), "{error:?}");
        }
        let status = grpc_status(&ProxyError::blocked(Some(RuleId::new("acme.100%"))), "00ff");
        let message = "The content was blocked by a redaction policy. (policy_blocked, rule acme.100%25, request 00ff)";
        assert_eq!(status[GRPC_MESSAGE], message);
        assert_eq!(percent_encoded("a\u{e9}\n~ b"), "a%C3%A9%0A~ b");
    }

    #[test]
    fn faults_of_an_upstream_are_never_the_clients() {
        for kind in [
            ErrorKind::Body(BodyErrorKind::JsonSyntax),
            ErrorKind::Body(BodyErrorKind::CodingUnsupported),
            ErrorKind::BodySize,
            ErrorKind::Gone,
            ErrorKind::TrailerSize,
        ] {
            assert_eq!(ProxyError::upstream(kind).status(), 502);
        }
        assert_eq!(ProxyError::upstream(ErrorKind::BodyTimeout).status(), 504);
        assert_eq!(ProxyError::upstream(ErrorKind::Body(BodyErrorKind::Blocked { rule: 0 })).status(), 403);
    }
}
