//! Failures in the words of the model providers, so that their SDKs raise their usual exceptions.
//!
//! Enters: a status, a code and a fixed message of ours. Leaves: the provider's JSON envelope, or the event that ends
//! a stream visibly. Messages never carry body text.

use crate::body::json::escape;
use crate::body::{Dialect, eventstream};

/// The event that ends a stream which has begun: `code` is the reason's code, `message` a fixed text.
#[must_use]
pub fn error_event(dialect: Dialect, code: &str, message: &str) -> Vec<u8> {
    let status = status_of(code);
    let (name, data) = match dialect {
        // openai-python raises `APIError` for any event whose data has an `error` member.
        Dialect::OpenAi => ("", openai(status, code, message)),
        Dialect::Anthropic => ("event: error\n", format!("{{\"type\":\"error\",{}}}", anthropic(status, message))),
        // google-genai raises for any message with an `error` member.
        Dialect::Gemini => ("", gemini(status, message)),
        Dialect::Cohere => {
            let delta = format!("{{\"error\":{},\"finish_reason\":\"ERROR\"}}", quoted(message));
            ("event: message-end\n", format!("{{\"type\":\"message-end\",\"delta\":{delta}}}"))
        }
        Dialect::Ollama => ("", ollama(message)),
        Dialect::Mcp => ("event: message\n", mcp(status, code, message)),
        Dialect::Plain | Dialect::Bedrock | Dialect::Otlp(_) | Dialect::Loki | Dialect::RemoteWrite => {
            let (title, code) = (quoted(message), quoted(code));
            let problem = format!("{{\"type\":\"about:blank\",\"title\":{title},\"status\":{status},\"code\":{code}}}");
            ("event: error\n", problem)
        }
    };
    format!("{name}data: {data}\n\n").into_bytes()
}

/// The record that ends an answer of one JSON record a line: `code` and `message` as in [`error_event`].
#[must_use]
pub fn error_record(dialect: Dialect, code: &str, message: &str) -> Vec<u8> {
    let record = match dialect {
        Dialect::Gemini => gemini(status_of(code), message),
        // Of version 1.
        Dialect::Cohere => format!(
            "{{\"is_finished\":true,\"event_type\":\"stream-end\",\"finish_reason\":\"ERROR\",\"error\":{}}}",
            quoted(message)
        ),
        _ => ollama(message),
    };
    format!("{record}\n").into_bytes()
}

/// The message that tells of a failure on a WebSocket connection, before it is closed: `code` and `message` as in
/// [`error_event`]; none where the dialect has no such message.
#[must_use]
pub fn error_message(dialect: Dialect, code: &str, message: &str) -> Option<Vec<u8>> {
    // Realtime's event is that of its streams, with a type and an identifier.
    let event = match dialect {
        Dialect::OpenAi => openai(status_of(code), code, message),
        _ => return None,
    };
    let event = event.strip_prefix('{').unwrap_or_default();
    Some(format!("{{\"type\":\"error\",\"event_id\":\"event_refused\",{event}").into_bytes())
}

/// The message that ends an AWS event stream: an exception of Bedrock's, whatever the dialect; `code` and `message` as in
/// [`error_event`].
#[must_use]
pub fn error_frame(_: Dialect, code: &str, message: &str) -> Vec<u8> {
    // Those that the streams' models name: SDKs raise their class for them.
    let name = match status_of(code) {
        403 | 413 => "validationException",
        _ => "modelStreamErrorException",
    };
    eventstream::exception(name, &bedrock(message))
}

/// What a header of an error answer calls the error, and that header's name; none where the body says all.
#[must_use]
pub fn error_type(dialect: Dialect, status: u16) -> Option<(&'static str, &'static str)> {
    (dialect == Dialect::Bedrock).then(|| ("x-amzn-errortype", bedrock_type(status)))
}

/// The body of an error answer; none where the dialect has no envelope of its own.
#[must_use]
pub fn error_body(dialect: Dialect, status: u16, code: &str, message: &str, request_id: &str) -> Option<Vec<u8>> {
    let body = match dialect {
        Dialect::OpenAi => openai(status, code, message),
        Dialect::Anthropic => {
            let (error, id) = (anthropic(status, message), quoted(request_id));
            format!("{{\"type\":\"error\",{error},\"request_id\":{id}}}")
        }
        Dialect::Gemini => gemini(status, message),
        Dialect::Cohere => {
            format!("{{\"id\":{},\"message\":{}}}", quoted(request_id), quoted(message))
        }
        Dialect::Ollama => ollama(message),
        Dialect::Bedrock => bedrock(message),
        Dialect::Mcp => mcp(status, code, message),
        Dialect::Plain | Dialect::Otlp(_) | Dialect::Loki | Dialect::RemoteWrite => return None,
    };
    Some(body.into_bytes())
}

fn quoted(text: &str) -> String {
    let mut inside = Vec::with_capacity(text.len());
    escape(text.as_bytes(), &mut inside);
    format!("\"{}\"", String::from_utf8_lossy(&inside))
}

fn openai(status: u16, code: &str, message: &str) -> String {
    let kind = match (status, code) {
        (_, "policy_blocked" | "tool_blocked") => "blackbar_policy",
        (401, _) => "authentication_error",
        (429, _) => "rate_limit_error",
        (500.., _) => "server_error",
        _ => "invalid_request_error",
    };
    let (message, code) = (quoted(message), quoted(code));
    format!("{{\"error\":{{\"message\":{message},\"type\":\"{kind}\",\"param\":null,\"code\":{code}}}}}")
}

fn anthropic(status: u16, message: &str) -> String {
    format!("\"error\":{{\"type\":\"{}\",\"message\":{}}}", anthropic_type(status), quoted(message))
}

fn gemini(status: u16, message: &str) -> String {
    let name = gemini_status(status);
    format!("{{\"error\":{{\"code\":{status},\"message\":{},\"status\":\"{name}\"}}}}", quoted(message))
}

fn ollama(message: &str) -> String {
    format!("{{\"error\":{}}}", quoted(message))
}

/// An error of JSON-RPC (version 2.0, section 5.1), which answers to nobody until [`addressed`].
fn mcp(status: u16, code: &str, message: &str) -> String {
    let number = match (status, code) {
        (_, "json_syntax" | "json_depth") => -32700,
        (400..=499, "policy_blocked" | "retention") => -32000,
        (400..=499, _) => -32600,
        (_, "policy_blocked") => -32000,
        _ => -32603,
    };
    let (message, code) = (quoted(message), quoted(code));
    format!("{NOBODYS},\"error\":{{\"code\":{number},\"message\":{message},\"data\":{{\"code\":{code}}}}}}}")
}

/// How an error of JSON-RPC begins that answers to nobody.
const NOBODYS: &str = "{\"jsonrpc\":\"2.0\",\"id\":null";

/// Says whom a failure in JSON-RPC answers to: `id` is a literal of JSON. Other failures stay.
#[must_use]
pub fn addressed(failure: Vec<u8>, id: Option<&str>) -> Vec<u8> {
    let at = memchr::memmem::find(&failure, NOBODYS.as_bytes());
    let (Some(at), Some(id)) = (at, id) else { return failure };
    let mut out = failure;
    let null = at + NOBODYS.len() - "null".len();
    out.splice(null..null + "null".len(), id.bytes());
    out
}

fn bedrock(message: &str) -> String {
    format!("{{\"message\":{}}}", quoted(message))
}

/// The exception of Bedrock's runtime for a status.
fn bedrock_type(status: u16) -> &'static str {
    match status {
        401 | 403 => "AccessDeniedException",
        404 => "ResourceNotFoundException",
        408 | 504 => "ModelTimeoutException",
        429 => "ThrottlingException",
        503 => "ServiceUnavailableException",
        500.. => "InternalServerException",
        _ => "ValidationException",
    }
}

/// The name of a status (google.rpc.Code).
fn gemini_status(status: u16) -> &'static str {
    match status {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        408 | 504 => "DEADLINE_EXCEEDED",
        502 | 503 => "UNAVAILABLE",
        500.. => "INTERNAL",
        _ => "INVALID_ARGUMENT",
    }
}

fn anthropic_type(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        503 | 529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    }
}

/// The status that a failure would have had before the stream began; SDKs read it off the error's type.
fn status_of(code: &str) -> u16 {
    match code {
        "policy_blocked" | "tool_blocked" | "retention" => 403,
        "value_size" | "texts_limit" | "inflate_limit" => 413,
        _ if code.ends_with("_timeout") => 504,
        _ => 502,
    }
}

#[cfg(test)]
mod tests {
    use super::{addressed, error_body, error_event, error_record, error_type};
    use crate::body::Dialect;

    #[test]
    fn every_form_is_the_providers_own() {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        assert_eq!(
            text(error_event(Dialect::OpenAi, "policy_blocked", "a \"rule\"")),
            "data: {\"error\":{\"message\":\"a \\\"rule\\\"\",\"type\":\"blackbar_policy\",\"param\":null,\
             \"code\":\"policy_blocked\"}}\n\n"
        );
        assert_eq!(
            text(error_event(Dialect::Anthropic, "value_size", "m")),
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"request_too_large\",\"message\":\"m\"}}\n\n"
        );
        assert_eq!(
            text(error_event(Dialect::Plain, "upstream_timeout", "m")),
            "event: error\ndata: {\"type\":\"about:blank\",\"title\":\"m\",\"status\":504,\"code\":\"upstream_timeout\"}\n\n"
        );
        let gemini = "{\"error\":{\"code\":403,\"message\":\"m\",\"status\":\"PERMISSION_DENIED\"}}";
        assert_eq!(text(error_event(Dialect::Gemini, "policy_blocked", "m")), format!("data: {gemini}\n\n"));
        assert_eq!(error_body(Dialect::Gemini, 403, "x", "m", "req").map(text).as_deref(), Some(gemini));
        assert_eq!(
            text(error_event(Dialect::Cohere, "policy_blocked", "m")),
            "event: message-end\ndata: {\"type\":\"message-end\",\"delta\":{\"error\":\"m\",\"finish_reason\":\"ERROR\"}}\n\n"
        );
        let cohere = error_body(Dialect::Cohere, 403, "x", "m", "req").map(text);
        assert_eq!(cohere.as_deref(), Some("{\"id\":\"req\",\"message\":\"m\"}"));
        let ollama = error_body(Dialect::Ollama, 403, "x", "m", "req").map(text);
        assert_eq!(ollama.as_deref(), Some("{\"error\":\"m\"}"));
        let mcp = "\"error\":{\"code\":-32000,\"message\":\"m\",\"data\":{\"code\":\"policy_blocked\"}}}";
        let nobodys = format!("{{\"jsonrpc\":\"2.0\",\"id\":null,{mcp}");
        let body = error_body(Dialect::Mcp, 403, "policy_blocked", "m", "req").expect("has one");
        assert_eq!(text(body.clone()), nobodys);
        assert_eq!(text(addressed(body.clone(), None)), nobodys);
        assert_eq!(text(addressed(body, Some("\"a\""))), format!("{{\"jsonrpc\":\"2.0\",\"id\":\"a\",{mcp}"));
        let event = addressed(error_event(Dialect::Mcp, "policy_blocked", "m"), Some("7"));
        assert_eq!(text(event), format!("event: message\ndata: {{\"jsonrpc\":\"2.0\",\"id\":7,{mcp}\n\n"));
        assert_eq!(addressed(b"x".to_vec(), Some("7")), b"x");
        assert_eq!(text(error_record(Dialect::Ollama, "policy_blocked", "m")), "{\"error\":\"m\"}\n");
        let bedrock = error_body(Dialect::Bedrock, 403, "x", "m", "req").map(text);
        assert_eq!(bedrock.as_deref(), Some("{\"message\":\"m\"}"));
        for (status, kind) in [
            (400, "ValidationException"),
            (403, "AccessDeniedException"),
            (404, "ResourceNotFoundException"),
            (413, "ValidationException"),
            (429, "ThrottlingException"),
            (500, "InternalServerException"),
            (502, "InternalServerException"),
            (503, "ServiceUnavailableException"),
            (504, "ModelTimeoutException"),
        ] {
            assert_eq!(error_type(Dialect::Bedrock, status), Some(("x-amzn-errortype", kind)));
            assert_eq!(error_type(Dialect::Anthropic, status), None);
        }
        for (status, kind) in [
            (400, "invalid_request_error"),
            (403, "permission_error"),
            (404, "not_found_error"),
            (413, "request_too_large"),
            (429, "rate_limit_error"),
            (500, "api_error"),
            (503, "overloaded_error"),
            (529, "overloaded_error"),
        ] {
            let body = error_body(Dialect::Anthropic, status, "x", "m", "req").map(text);
            let expected = format!(
                "{{\"type\":\"error\",\"error\":{{\"type\":\"{kind}\",\"message\":\"m\"}},\"request_id\":\"req\"}}"
            );
            assert_eq!(body, Some(expected));
        }
        assert_eq!(error_body(Dialect::Plain, 403, "x", "m", "req"), None);
    }
}
