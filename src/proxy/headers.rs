//! Header and trailer sections on their way through: what is dropped, what passes unseen, what is scanned.
//!
//! Enters: a section as hyper parsed it. Leaves: the section for the next hop, with findings redacted. Hop-by-hop fields
//! and those that `Connection` names end here (RFC 9110 section 7.6.1), so does everything that describes the body's
//! old bytes. Credentials pass as they are, and so does a value that has the form of its field ([`is_in_form`]); every other value
//! is scanned, unless the same was before and nothing is in it ([`Cleared`]).

use std::sync::Arc;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::body::mcp::Mirrored;
use crate::body::{BodyError, BodyErrorKind, HeadField, Inspection, Scopes, mcp};
use crate::engine::{ActionTable, Output, RuleId, StreamRedactor};
use crate::policy::{Injected, Route};

use super::cleared::{Cleared, Mark};
use super::forms::is_in_form;
use super::reply::{ErrorKind, ProxyError};
use super::secret_names::is_called_secret;
use super::target;

/// Fields of one connection (RFC 9110 section 7.6.1), and those that ask for another protocol.
const HOP_BY_HOP: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-authentication-info",
    "te",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
    "alt-svc",
];

/// Fields that `Connection` may not take away: doing so would change the message's framing or its target.
const NOT_NOMINATED: &[&str] =
    &["host", "content-length", "transfer-encoding", "te", "content-type", "content-encoding"];

/// Fields that say who the client is: an upstream may believe them, so only a proxy may write them.
const IDENTITY: &[&str] =
    &["forwarded", "x-real-ip", "x-client-cert", "x-client-dn", "client-cert", "client-cert-chain"];
const IDENTITY_PREFIXES: &[&str] = &["x-forwarded-", "x-ssl-", "ssl-client-", "x-client-cert-", "x-blackbar-"];

/// Fields that hold a sum over the body's bytes, or a signature over such a sum.
const DIGESTS: &[&str] =
    &["content-md5", "digest", "content-digest", "repr-digest", "x-goog-hash", "signature", "signature-input"];
const DIGEST_PREFIXES: &[&str] = &["x-amz-checksum-"];

/// What the answers of a route say of themselves.
const AI_DISCLOSURE: HeaderName = HeaderName::from_static("ai-disclosure");

/// Credentials that the other side needs: never scanned, never logged.
const CREDENTIALS: &[&str] = &[
    "authorization",
    "cookie",
    "set-cookie",
    "www-authenticate",
    "x-api-key",
    "api-key",
    "apikey",
    "x-goog-api-key",
    "x-goog-iam-authorization-token",
    "x-amz-security-token",
    "x-amz-content-sha256",
    "x-amz-date",
    "dd-api-key",
    "dd-application-key",
    "x-auth-token",
    "x-access-token",
    "x-csrf-token",
    "x-insert-key",
    "x-license-key",
    "x-sf-token",
    "x-vault-token",
    "x-honeycomb-team",
    "private-token",
    // Browsers have no other place for a key.
    "sec-websocket-protocol",
];

/// Fields that servers go by: one whose name some of them take for such a one goes no further.
pub(super) const PROTOCOL: &[&str] = &[
    "accept-encoding",
    "access-control-max-age",
    "age",
    "content-encoding",
    "content-length",
    "date",
    "expires",
    "host",
    "if-modified-since",
    "if-unmodified-since",
    "last-modified",
    "retry-after",
    "sec-websocket-accept",
    "sec-websocket-key",
    "sec-websocket-version",
    "strict-transport-security",
    "traceparent",
    "trailer",
];

/// Fields that a trailer section may not hold (RFC 9110 section 6.5.1), besides those dropped anyway.
const NOT_IN_TRAILERS: &[&str] = &[
    "authorization",
    "cache-control",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "cookie",
    "expect",
    "host",
    "max-forwards",
    "pragma",
    "range",
    "set-cookie",
    "trailer",
];

/// The method of a message of the Model Context Protocol.
const MCP_METHOD: HeaderName = HeaderName::from_static("mcp-method");

/// The coding of a gRPC body's compressed messages.
pub(crate) const GRPC_ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
/// Those that a gRPC client can open.
pub(crate) const GRPC_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");
/// What of it is opened.
pub(crate) const GRPC_OPENED: HeaderValue = HeaderValue::from_static("identity, deflate, gzip");

/// Codings that can be opened and made again.
const CODINGS: &[&str] = &["gzip", "x-gzip", "deflate", "br", "zstd"];

/// Scans short texts (header values, query values, a path) with the rules of one direction.
pub(crate) struct TextScan<'a> {
    scopes: &'a Scopes,
    /// What need not be scanned again.
    cleared: Option<&'a Cleared>,
    /// Made for the first text that is scanned.
    redactor: Option<StreamRedactor>,
    /// The section is one of a WebSocket handshake.
    is_handshake: bool,
    /// A text since [`TextScan::mark`] has a finding.
    found: bool,
    /// What the next texts are called.
    label: Vec<u8>,
    /// The actions for what they have left of a text, where that is looked at again.
    again: Option<Arc<ActionTable>>,
    output: Output,
    /// What was found.
    seen: Inspection,
}

impl<'a> TextScan<'a> {
    pub(crate) fn new(scopes: &'a Scopes) -> Self {
        Self {
            scopes,
            cleared: None,
            redactor: None,
            is_handshake: false,
            found: false,
            label: Vec::new(),
            again: None,
            output: Output::default(),
            seen: Inspection::default(),
        }
    }

    /// The same, without what was found clean before.
    pub(crate) fn beside(scopes: &'a Scopes, cleared: &'a Cleared) -> Self {
        Self { cleared: Some(cleared), ..Self::new(scopes) }
    }

    /// The same, for a section of a WebSocket handshake, if it is one.
    pub(crate) fn of_handshake(self, is_handshake: bool) -> Self {
        Self { is_handshake, ..self }
    }

    /// The mark of a text of this name, where it may be remembered.
    pub(crate) fn mark(&mut self, name: &[u8], text: &[u8]) -> Option<Mark> {
        self.found = false;
        self.cleared?.mark(self.scopes, name, text)
    }

    /// Whether the text of this mark was found clean before.
    pub(crate) fn is_cleared(&self, mark: Option<Mark>) -> bool {
        self.cleared.zip(mark).is_some_and(|(cleared, mark)| cleared.has(mark))
    }

    /// All of this mark's text has been scanned and may leave as it is; remembers it, if nothing was found in it.
    pub(crate) fn clear(&self, mark: Option<Mark>) {
        if let Some((cleared, mark)) = self.cleared.zip(mark).filter(|_| !self.found) {
            cleared.keep(mark);
        }
    }

    /// Says what the texts from now on are called; nothing, where they have no name.
    pub(crate) fn call(&mut self, label: &[u8]) {
        self.label.clear();
        self.label.extend_from_slice(label);
    }

    /// Whether the texts from now on are what was left of texts: what stands there for a value stays.
    pub(crate) fn looks_again(&mut self, again: bool) {
        let stands = self.scopes.actions.stands_in();
        self.again = (again && stands).then(|| Arc::new(self.scopes.actions.again()));
    }

    /// The text as it may leave, or `None` where it may leave as it is.
    ///
    /// # Errors
    /// A blocking rule matched.
    pub(crate) fn redact(&mut self, text: &[u8]) -> Result<Option<&[u8]>, ProxyError> {
        Ok(self.redact_pieces(text)?.map(|output| output.bytes.as_slice()))
    }

    /// [`TextScan::redact`], with how the text came about.
    ///
    /// # Errors
    /// A blocking rule matched.
    pub(crate) fn redact_pieces(&mut self, text: &[u8]) -> Result<Option<&Output>, ProxyError> {
        self.output.clear();
        let Scopes { rules, actions, .. } = self.scopes;
        let redactor = self.redactor.get_or_insert_with(|| StreamRedactor::new(rules.clone(), actions.clone()));
        redactor.begin_labelled(self.again.as_ref().unwrap_or(actions), &self.label);
        let scanned = redactor.push_last(text, &mut self.output);
        self.found |= scanned.is_err() || !self.output.findings.is_empty() || !self.output.is_verbatim();
        let counted = self.seen.record(&self.output.findings, &self.scopes.actions);
        if let Err(blocked) = scanned {
            return Err(ProxyError::blocked(self.rule(blocked.rule)));
        }
        if let Err(BodyError { kind: BodyErrorKind::Blocked { rule } }) = counted {
            return Err(ProxyError::blocked(self.rule(rule)));
        }
        Ok(if self.output.is_verbatim() { None } else { Some(&self.output) })
    }

    /// A header's value that mirrors a member of the body, redacted as that member is; `None` where it may leave as it is.
    ///
    /// # Errors
    /// A blocking rule matched.
    fn redact_mirrored(&mut self, member: Mirrored<'_>, value: &[u8]) -> Result<Option<Vec<u8>>, ProxyError> {
        mcp::redact_mirrored(member, value, self.scopes, &mut self.seen).map_err(|error| match error.kind {
            BodyErrorKind::Blocked { rule } => ProxyError::blocked(self.rule(rule)),
            _ => ProxyError::client(ErrorKind::HeaderSyntax),
        })
    }

    /// What was found, for the account of the direction whose body these texts go beside.
    pub(crate) fn into_seen(self) -> Inspection {
        self.seen.beside_the_body()
    }

    /// The rule of the last text's first finding.
    pub(crate) fn last_rule(&self) -> Option<RuleId> {
        self.output.findings.first().and_then(|finding| self.rule(finding.rule))
    }

    fn rule(&self, index: usize) -> Option<RuleId> {
        self.scopes.rules.rules().get(index).map(|rule| rule.id.clone())
    }
}

/// What a request's head must satisfy whatever its route: one media type, no foreign transfer coding, no expectation
/// but the known one.
pub(crate) fn check_request(headers: &HeaderMap) -> Result<(), ProxyError> {
    if headers.get_all(header::CONTENT_TYPE).iter().nth(1).is_some() {
        return Err(ProxyError::client(ErrorKind::HeaderSyntax));
    }
    let chunked = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"chunked");
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    if codings.next().is_some_and(|first| !chunked(first)) || codings.next().is_some() {
        return Err(ProxyError::client(ErrorKind::TransferCoding));
    }
    let mut expectations = headers.get_all(header::EXPECT).iter();
    if expectations.any(|value| !value.as_bytes().eq_ignore_ascii_case(b"100-continue")) {
        return Err(ProxyError::client(ErrorKind::Expect));
    }
    Ok(())
}

/// Whether a request asks for a WebSocket connection, whatever else it asks for.
pub(crate) fn asks_for_websocket(headers: &HeaderMap) -> bool {
    let websocket = |value: &HeaderValue| value.as_bytes().to_ascii_lowercase().starts_with(b"websocket");
    headers.get_all(header::UPGRADE).iter().any(websocket)
}

/// What an answer's head must satisfy: a bounded section, one media type, and one framing that this side has undone.
pub(crate) fn check_response(headers: &HeaderMap, limit: usize) -> Result<(), ProxyError> {
    let chunked = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"chunked");
    let coded = headers.get_all(header::TRANSFER_ENCODING).iter().count();
    let framed = match coded {
        0 => true,
        1 => {
            headers.get(header::TRANSFER_ENCODING).is_some_and(chunked) && !headers.contains_key(header::CONTENT_LENGTH)
        }
        _ => false,
    };
    let typed = headers.get_all(header::CONTENT_TYPE).iter().nth(1).is_none();
    if framed && typed && section_bytes(headers) <= limit {
        Ok(())
    } else {
        Err(ProxyError::upstream(ErrorKind::UpstreamProtocol))
    }
}

/// Turns a request's header section into the one for the upstream.
pub(crate) fn forward_request(
    headers: &mut HeaderMap,
    may_change: bool,
    scan: &mut TextScan<'_>,
) -> Result<(), ProxyError> {
    let trailers = headers.get_all(header::TE).iter().any(|value| names(value, "trailers"));
    drop_hop_by_hop(headers);
    drop_named(headers, |name| {
        is_identity(name)
            || (may_change && is_digest(name))
            || matches!(name, "host" | "content-length" | "expect" | "range" | "if-range" | "max-forwards")
    });
    join_cookies(headers);
    let narrowed = narrow_codings(headers, &header::ACCEPT_ENCODING);
    headers.insert(header::ACCEPT_ENCODING, narrowed);
    if headers.contains_key(GRPC_ACCEPT_ENCODING) {
        let narrowed = narrow_codings(headers, &GRPC_ACCEPT_ENCODING);
        headers.insert(GRPC_ACCEPT_ENCODING, narrowed);
    }
    if trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
    scan_values(headers, scan)
}

/// Takes out what one upstream is shown and no other is to see: what is known for a credential, and what is called like one.
pub(super) fn drop_credentials(headers: &mut HeaderMap) {
    drop_named(headers, |name| CREDENTIALS.contains(&name.replace('_', "-").as_str()) || is_called_secret(name));
}

/// Says of an answer what its route has to say of its answers.
pub(crate) fn disclose(headers: &mut HeaderMap, route: &Route) {
    if let Some(value) = route.disclosure.as_deref().and_then(|said| HeaderValue::from_str(said).ok()) {
        headers.insert(AI_DISCLOSURE, value);
    }
}

/// Puts a route's own fields in place of the client's.
pub(crate) fn inject(headers: &mut HeaderMap, fields: &[Injected]) -> Result<(), ProxyError> {
    for field in fields {
        let name = HeaderName::from_bytes(field.name.as_bytes());
        let value = HeaderValue::from_str(&field.value);
        let (Ok(name), Ok(mut value)) = (name, value) else { return Err(ProxyError::internal(ErrorKind::Fault)) };
        value.set_sensitive(true);
        // Names that some servers take for this one go as well.
        drop_named(headers, |other| other.replace('_', "-") == field.name);
        headers.insert(name, value);
    }
    Ok(())
}

/// One `Cookie` field from the several that HTTP/2 may send: HTTP/1.1 knows only one (RFC 9113 section 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let crumbs: Vec<&[u8]> = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if crumbs.len() > 1
        && let Ok(joined) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..]))
    {
        headers.insert(header::COOKIE, joined);
    }
}

/// Turns an answer's header section into the one for the client.
pub(crate) fn forward_response(
    headers: &mut HeaderMap,
    may_change: bool,
    scan: &mut TextScan<'_>,
) -> Result<(), ProxyError> {
    drop_hop_by_hop(headers);
    drop_named(headers, |name| {
        (may_change && is_digest(name)) || matches!(name, "content-length" | "accept-ranges" | "content-range")
    });
    let strong = |tag: &HeaderValue| !tag.as_bytes().starts_with(b"W/");
    if may_change && headers.get(header::ETAG).is_some_and(strong) {
        headers.remove(header::ETAG);
    }
    scan_values(headers, scan)
}

/// Turns a trailer section into the one for the next hop.
pub(crate) fn forward_trailers(
    trailers: &mut HeaderMap,
    limit: usize,
    injected: &[Injected],
    scan: &mut TextScan<'_>,
) -> Result<(), ProxyError> {
    if section_bytes(trailers) > limit {
        return Err(ProxyError::client(ErrorKind::TrailerSize));
    }
    drop_hop_by_hop(trailers);
    drop_named(trailers, |name| {
        let folded = name.replace('_', "-");
        let taken = CREDENTIALS.contains(&folded.as_str()) || injected.iter().any(|field| field.name == folded);
        taken || is_identity(name) || is_digest(name) || name.starts_with("if-") || NOT_IN_TRAILERS.contains(&name)
    });
    scan_values(trailers, scan)
}

/// Bytes of a section as HTTP/1.1 writes it.
pub(crate) fn section_bytes(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum()
}

fn drop_hop_by_hop(headers: &mut HeaderMap) {
    let nominated: Vec<String> = headers
        .get_all(header::CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(|name| String::from_utf8_lossy(name.trim_ascii()).to_ascii_lowercase())
        .filter(|name| !NOT_NOMINATED.contains(&name.as_str()))
        .collect();
    drop_named(headers, |name| {
        HOP_BY_HOP.contains(&name) || is_alias(name) || nominated.iter().any(|nominated| nominated == name)
    });
}

fn drop_named(headers: &mut HeaderMap, unwanted: impl Fn(&str) -> bool) {
    let names: Vec<HeaderName> = headers.keys().filter(|name| unwanted(name.as_str())).cloned().collect();
    for name in names {
        while headers.remove(&name).is_some() {}
    }
}

/// A name that some servers take for another: CGI-like interfaces fold `_` and `-`.
fn is_alias(name: &str) -> bool {
    if !name.contains('_') {
        return false;
    }
    let folded = name.replace('_', "-");
    let known = |list: &[&str]| list.contains(&folded.as_str());
    is_identity(&folded)
        || is_digest(&folded)
        || known(HOP_BY_HOP)
        || known(CREDENTIALS)
        || known(PROTOCOL)
        || folded == "content-type"
}

fn is_identity(name: &str) -> bool {
    IDENTITY.contains(&name) || IDENTITY_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

fn is_digest(name: &str) -> bool {
    DIGESTS.contains(&name) || DIGEST_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Whether a list-valued field has this token.
pub(crate) fn names(value: &HeaderValue, token: &str) -> bool {
    value.as_bytes().split(|byte| *byte == b',').any(|item| item.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}

/// The client's `Accept-Encoding`, or gRPC's own, without what cannot be opened; `identity` where nothing is left or it sent none.
fn narrow_codings(headers: &HeaderMap, name: &HeaderName) -> HeaderValue {
    let mut kept = String::new();
    for value in headers.get_all(name) {
        for item in value.as_bytes().split(|byte| *byte == b',') {
            let Ok(item) = std::str::from_utf8(item.trim_ascii()) else { continue };
            let coding = item.split(';').next().unwrap_or_default().trim();
            if CODINGS.iter().any(|known| coding.eq_ignore_ascii_case(known)) {
                if !kept.is_empty() {
                    kept.push_str(", ");
                }
                kept.push_str(item);
            }
        }
    }
    HeaderValue::try_from(kept).ok().filter(|kept| !kept.is_empty()).unwrap_or(HeaderValue::from_static("identity"))
}

/// A value as it may leave, `None` where it may as it is: what stands in it plainly, and what a URL or a parameter of it
/// holds percent-encoded. Of a media type only the parameters have room for prose, and those that say how to read the
/// body stay.
fn redact_value(name: &HeaderName, value: &[u8], scan: &mut TextScan<'_>) -> Result<Option<Vec<u8>>, ProxyError> {
    if name == header::CONTENT_TYPE {
        return redact_parameters(value, scan);
    }
    if *name == header::CONTENT_DISPOSITION && has_sections(value) {
        return redact_sections(value, scan);
    }
    let plain = scan.redact(value)?.map(<[u8]>::to_vec);
    scan.looks_again(plain.is_some());
    let below = target::redact_encoded(plain.as_deref().unwrap_or(value), scan);
    scan.looks_again(false);
    Ok(below?.or(plain))
}

/// Whether parameters may stand there in sections (RFC 2231 section 3): `filename*0`.
fn has_sections(value: &[u8]) -> bool {
    value.windows(2).any(|pair| matches!(pair, [b'*', b'0'..=b'9']))
}

/// A disposition as its readers put it together; of one that they may put together in other ways no parameter goes on.
fn redact_sections(value: &[u8], scan: &mut TextScan<'_>) -> Result<Option<Vec<u8>>, ProxyError> {
    const NAME: &[u8] = b"content-disposition:";
    let line = [NAME, value].concat();
    let field = HeadField::new(&line);
    if field.is_disordered() {
        let plain = value.split(|byte| *byte == b';').next().unwrap_or_default();
        return Ok(Some(scan.redact(plain)?.unwrap_or(plain).to_vec()));
    }
    let shown = field.shown();
    let Some(output) = scan.redact_pieces(&shown)? else { return Ok(None) };
    let mut written = Vec::with_capacity(line.len());
    field.write(output, &mut written);
    Ok(Some(written.strip_prefix(NAME).unwrap_or_default().to_vec()))
}

fn redact_parameters(value: &[u8], scan: &mut TextScan<'_>) -> Result<Option<Vec<u8>>, ProxyError> {
    let mut redacted = Vec::with_capacity(value.len());
    let mut changed = false;
    for (index, part) in value.split(|byte| *byte == b';').enumerate() {
        if index > 0 {
            redacted.push(b';');
        }
        let name = part.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii();
        let read_by = [&b"charset"[..], b"boundary"].iter().any(|known| name.eq_ignore_ascii_case(known));
        let clean = if index == 0 || read_by { None } else { scan.redact(part)?.map(<[u8]>::to_vec) };
        changed |= clean.is_some();
        redacted.extend_from_slice(clean.as_deref().unwrap_or(part));
    }
    Ok(changed.then_some(redacted))
}

/// Refuses a text with a finding that no other text can stand for: a field's name.
fn refuse_finding(text: &[u8], scan: &mut TextScan<'_>) -> Result<(), ProxyError> {
    match scan.redact(text)? {
        Some(_) => Err(ProxyError::blocked(scan.last_rule())),
        None => Ok(()),
    }
}

fn scan_values(headers: &mut HeaderMap, scan: &mut TextScan<'_>) -> Result<(), ProxyError> {
    let mut changed = Vec::new();
    for (place, (name, value)) in headers.iter().enumerate() {
        // A handshake's have no form where there is no handshake.
        let of_handshake = matches!(name.as_str(), "sec-websocket-accept" | "sec-websocket-key");
        let has_form = !of_handshake || scan.is_handshake;
        if CREDENTIALS.contains(&name.as_str()) || has_form && is_in_form(name.as_str(), value.as_bytes()) {
            continue;
        }
        let (label, value) = (name.as_str().as_bytes(), value.as_bytes());
        let method = headers.get(MCP_METHOD).map_or(&[][..], HeaderValue::as_bytes);
        let redacted = match mcp::mirrored(name.as_str(), method) {
            Some(member) => {
                refuse_finding(label, scan)?;
                scan.redact_mirrored(member, value)?
            }
            None => {
                let mark = scan.mark(label, value);
                if scan.is_cleared(mark) {
                    continue;
                }
                refuse_finding(label, scan)?;
                scan.call(label);
                let redacted = redact_value(name, value, scan);
                scan.call(&[]);
                let redacted = redacted?;
                if redacted.is_none() {
                    scan.clear(mark);
                }
                redacted
            }
        };
        changed.extend(redacted.map(|redacted| (place, redacted)));
    }
    if changed.is_empty() {
        return Ok(());
    }
    let mut forwarded = HeaderMap::with_capacity(headers.len());
    let mut changed = changed.into_iter().peekable();
    for (place, (name, value)) in headers.iter().enumerate() {
        match changed.next_if(|(changed, _)| *changed == place) {
            None => {
                forwarded.append(name, value.clone());
            }
            Some((_, redacted)) => {
                // A replacement that no header may hold takes the field with it.
                if let Ok(redacted) = HeaderValue::from_bytes(&redacted) {
                    forwarded.append(name, redacted);
                }
            }
        }
    }
    *headers = forwarded;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(fields: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in fields {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a name of a fixture");
            map.append(name, HeaderValue::from_str(value).expect("a value of a fixture"));
        }
        map
    }

    fn scopes() -> Scopes {
        use crate::engine::{ActionTable, RuleSet};
        let rules = RuleSet::build(Vec::new()).expect("no rule cannot fail");
        Scopes {
            rules: rules.into(),
            actions: ActionTable::new(Vec::new(), None).into(),
            paths: Vec::new(),
            tools: None,
            restore: None,
        }
    }

    #[test]
    fn a_disposition_in_sections_is_read_as_one() {
        use crate::engine::{Action, ActionTable, Detector, EntityType, Pattern, RuleSet, RuleSpec};
        let rule = RuleSpec {
            id: RuleId::new("pci.card"),
            entity: EntityType::new("CREDIT_CARD"),
            pattern: Pattern::Detector(Detector::Card),
            validator: None,
            keywords: None,
            suppressions: Vec::new(),
            priority: 0,
            confidence: 80,
        };
        let rules = RuleSet::build(vec![rule]).expect("a rule of a fixture");
        let scopes =
            Scopes { rules: rules.into(), actions: ActionTable::new(vec![Action::Remove], None).into(), ..scopes() };
        for (value, expected) in [
            (
                "attachment; filename*0=\"4111 1111 \"; filename*1=\"1111 1111.txt\"",
                "attachment; filename*0=\"\"; filename*1=\".txt\"",
            ),
            (
                "attachment; filename*0*=UTF-8''a%204111; filename*1*=%201111%201111%201111",
                "attachment; filename*0*=UTF-8''a%20; filename*1*=",
            ),
            ("attachment; filename*1=\"1111 1111\"; filename*0=\"4111 1111 \"", "attachment"),
            ("attachment; filename*0=a; filename*1=b", "attachment; filename*0=a; filename*1=b"),
        ] {
            let mut headers = map(&[("content-disposition", value)]);
            forward_response(&mut headers, true, &mut TextScan::new(&scopes)).expect("nothing is blocked");
            assert_eq!(headers.get("content-disposition").and_then(|new| new.to_str().ok()), Some(expected), "{value}");
        }
    }

    #[test]
    fn hop_by_hop_and_nominated_fields_end_here() {
        let mut headers = map(&[
            ("connection", "close, X-Custom, Host, Content-Type"),
            ("x-custom", "1"),
            ("content-type", "text/plain"),
            ("te", "trailers, deflate"),
            ("upgrade", "h2c"),
            ("proxy-authorization", "Basic x"),
            ("x-forwarded-client-cert", "Hash=1"),
            ("content_length", "3"),
            ("x_kept", "1"),
        ]);
        let scopes = scopes();
        forward_request(&mut headers, true, &mut TextScan::new(&scopes)).expect("nothing is blocked");
        let mut names: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["accept-encoding", "content-type", "te", "x_kept"]);
        assert_eq!(headers["te"], "trailers");
    }

    #[test]
    fn what_describes_the_old_bytes_is_dropped_unless_they_stay() {
        let fields =
            [("content-md5", "x"), ("etag", "\"1\""), ("x-amz-checksum-crc32", "x"), ("accept-ranges", "bytes")];
        let scopes = scopes();
        let mut headers = map(&fields);
        forward_response(&mut headers, true, &mut TextScan::new(&scopes)).expect("nothing is blocked");
        assert!(headers.is_empty(), "{:?}", headers.keys().collect::<Vec<_>>());
        let mut headers = map(&fields);
        forward_response(&mut headers, false, &mut TextScan::new(&scopes)).expect("nothing is blocked");
        assert_eq!(headers.len(), 3);
    }

    #[test]
    fn codings_are_narrowed_to_what_can_be_opened() {
        let narrowed = |value: &str| narrow_codings(&map(&[("accept-encoding", value)]), &header::ACCEPT_ENCODING);
        assert_eq!(narrowed("gzip, deflate;q=0.5, exi, *"), "gzip, deflate;q=0.5");
        assert_eq!(narrowed("snappy"), "identity");
        assert_eq!(narrow_codings(&HeaderMap::new(), &header::ACCEPT_ENCODING), "identity");
    }

    #[test]
    fn a_request_has_one_media_type_and_one_known_transfer_coding() {
        assert!(check_request(&map(&[("transfer-encoding", "chunked"), ("expect", "100-Continue")])).is_ok());
        for bad in [
            &[("content-type", "a/b"), ("content-type", "a/b")][..],
            &[("transfer-encoding", "gzip, chunked")],
            &[("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")],
            &[("expect", "200-ok")],
        ] {
            assert!(check_request(&map(bad)).is_err(), "{bad:?}");
        }
        for (value, asks) in [("websocket", true), ("h2c, WebSocket/13", false), ("Websocket", true), ("h2c", false)] {
            assert_eq!(asks_for_websocket(&map(&[("upgrade", value)])), asks, "{value}");
        }
    }
}
