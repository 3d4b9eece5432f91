//! Failures in the words of the model providers, so that their SDKs raise their usual exceptions.
//!
//! Enters: a status, a code and a fixed message of ours. Leaves: the provider's JSON envelope, or the event that ends
//! a stream visibly. Messages never carry body text.

use serde_json::json;

use crate::body::Dialect;

/// The event that ends a stream which has begun: `code` is the reason's code, `message` a fixed text.
#[must_use]
pub fn error_event(dialect: Dialect, code: &str, message: &str) -> Vec<u8> {
    let status = status_of(code);
    match dialect {
        // openai-python raises `APIError` for any event whose data has an `error` member.
        Dialect::OpenAi => format!("data: {}\n\n", openai(status, code, message)),
        Dialect::Anthropic => {
            let error = json!({"type": anthropic_type(status), "message": message});
            format!("event: error\ndata: {}\n\n", json!({"type": "error", "error": error}))
        }
        Dialect::Plain => {
            let problem = json!({"type": "about:blank", "title": message, "status": status, "code": code});
            format!("event: error\ndata: {problem}\n\n")
        }
    }
    .into_bytes()
}

/// The body of an error answer; none where the dialect has no envelope of its own.
#[must_use]
pub fn error_body(dialect: Dialect, status: u16, code: &str, message: &str, request_id: &str) -> Option<Vec<u8>> {
    let body = match dialect {
        Dialect::OpenAi => openai(status, code, message),
        Dialect::Anthropic => {
            let error = json!({"type": anthropic_type(status), "message": message});
            json!({"type": "error", "error": error, "request_id": request_id})
        }
        Dialect::Plain => return None,
    };
    Some(body.to_string().into_bytes())
}

fn openai(status: u16, code: &str, message: &str) -> serde_json::Value {
    let kind = match (status, code) {
        (_, "policy_blocked") => "blackbar_policy",
        (401, _) => "authentication_error",
        (429, _) => "rate_limit_error",
        (500.., _) => "server_error",
        _ => "invalid_request_error",
    };
    json!({"error": {"message": message, "type": kind, "param": null, "code": code}})
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
        "policy_blocked" => 403,
        "value_size" | "texts_limit" | "inflate_limit" => 413,
        _ if code.ends_with("_timeout") => 504,
        _ => 502,
    }
}
