//! Files that come in parts, each a request of its own, which the upstream joins: a value that lies over a cut would be in
//! neither part, and the sizes that were said before would no longer hold.
//!
//! Enters: the head of a request. Leaves: whether it is one part of a file, or says that some come. Such a request is refused
//! but where the route's `opaque` passes the type `application/x-upload-part`; then it goes unread, and is counted.

use http::header::{self, HeaderMap};
use http::{Method, Uri};

use super::exchange::sends;
use super::reply::{ErrorKind, ProxyError, Side};
use crate::body::{BodyErrorKind, Dialect, MediaType};
use crate::policy::{Mode, Route};

/// The type by which a route's `opaque` passes them.
const TYPE: &[u8] = b"application/x-upload-part";
/// What a client of Google's says that it does.
const COMMAND: &str = "x-goog-upload-command";

/// What a request is to a file that comes in parts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Role {
    /// It says that they come.
    Begins,
    /// It brings one of them.
    Part,
}

/// Whether a request of this head brings a part that passes unread.
///
/// # Errors
/// It belongs to a file in parts, and the route lets none pass.
pub(super) fn passes(
    route: &Route,
    method: &Method,
    (path, uri): (&str, &Uri),
    headers: &HeaderMap,
) -> Result<bool, ProxyError> {
    let Some(role) = role(path, uri.query().unwrap_or_default(), headers).filter(|_| sends(method)) else {
        return Ok(false);
    };
    // What is not read on the route at all is so by its policy, and counted by that name.
    if route.request == Mode::Off {
        return Ok(false);
    }
    if route.opaque.iter().any(|range| range.holds(MediaType::parse(TYPE).as_ref())) {
        return Ok(role == Role::Part);
    }
    Err(ProxyError { side: Side::Policy, kind: ErrorKind::Body(BodyErrorKind::UploadPart), rule: None })
}

fn role(path: &str, query: &str, headers: &HeaderMap) -> Option<Role> {
    let says = |name: &str, value: &str| {
        query.split('&').filter_map(|pair| pair.split_once('=')).any(|(key, said)| key == name && said.contains(value))
    };
    let commands = headers.get_all(COMMAND).iter().map(|value| value.as_bytes().to_ascii_lowercase());
    let commands: Vec<u8> = commands.flatten().collect();
    let commanded = |command: &[u8]| memchr::memmem::find(&commands, command).is_some();
    if Dialect::takes_parts(path) || headers.contains_key(header::CONTENT_RANGE) || commanded(b"upload") {
        return Some(Role::Part);
    }
    if commanded(b"start") || says("uploadType", "resumable") && !says("upload_id", "") {
        return Some(Role::Begins);
    }
    (commands.is_empty() && says("upload_id", "")).then_some(Role::Part)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn parts_are_told_by_their_heads() {
        for (path, query, command, expected) in [
            ("/v1/uploads/upload_1/parts", "", "", Some(Role::Part)),
            ("/v1/Uploads/upload_1/parts/", "", "", Some(Role::Part)),
            ("/v1/uploads", "", "", None),
            ("/v1/uploads/upload_1/complete", "", "", None),
            ("/v1/files", "", "", None),
            ("/upload/v1beta/files", "", "start", Some(Role::Begins)),
            ("/upload/v1beta/files", "uploadType=resumable", "", Some(Role::Begins)),
            ("/upload/v1beta/files", "uploadType=multipart", "", None),
            ("/upload/v1beta/files", "upload_id=a&upload_protocol=resumable", "upload, finalize", Some(Role::Part)),
            ("/upload/v1beta/files", "upload_id=a&upload_protocol=resumable", "Upload", Some(Role::Part)),
            ("/upload/v1beta/files", "upload_id=a", "query", None),
            ("/upload/v1beta/files", "upload_id=a", "finalize", None),
            ("/upload/storage/v1/b/x/o", "uploadType=resumable&upload_id=a", "", Some(Role::Part)),
        ] {
            let mut headers = HeaderMap::new();
            if !command.is_empty() {
                headers.insert(COMMAND, HeaderValue::from_static(command));
            }
            assert_eq!(role(path, query, &headers), expected, "{path} {query} {command}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_RANGE, HeaderValue::from_static("bytes 0-1/9"));
        assert_eq!(role("/x", "", &headers), Some(Role::Part));
    }
}
