//! What the proxy shows and asks of an upstream: its own certificate, the upstream's pinned key, a proxy on the way, and
//! credentials that clients never hold.
//!
//! Enters: keys of a `[[route]]`. Leaves: the parts of an [`Upstream`] and the fields that are injected, or diagnostics that
//! repeat nothing of a secret.

use std::fmt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::body::base64;

use super::Upstream;
use super::credentials::{Inspector, Named};
use super::diagnostic::{Place, Report, quote};
use super::files::{Fields, Value};
use super::routing;

/// Most pins of a route, and most fields that are injected.
const MOST: usize = 16;
/// Longest value of an injected field.
const LONGEST: usize = 8 << 10;
/// Fields whose values the proxy itself, or the message's framing, decides.
const TAKEN: [&str; 19] = [
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "forwarded",
    "grpc-encoding",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-request-id",
];

/// The certificate that the proxy presents to an upstream. Paths are resolved against the file that named them.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct UpstreamIdentity {
    /// PEM chain, leaf first.
    pub certificate: PathBuf,
    /// PEM private key.
    pub private_key: PathBuf,
}

/// A proxy through which an upstream is reached, by CONNECT (RFC 9110 section 9.3.6).
#[derive(Clone, PartialEq, Eq)]
pub struct Egress {
    /// Host name or address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
    /// The value of `Proxy-Authorization`, if it asks for one.
    pub authorization: Option<Zeroizing<String>>,
}

impl fmt::Debug for Egress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Egress({}:{})", self.host, self.port)
    }
}

/// A header field that every request of a route is given, in place of the client's own of that name.
#[derive(Clone, PartialEq, Eq)]
pub struct Injected {
    /// The name, in lower case.
    pub name: String,
    /// The value: visible ASCII characters and blanks.
    pub value: Zeroizing<String>,
}

impl fmt::Debug for Injected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Injected({})", self.name)
    }
}

/// Reads `upstream_ca`, `upstream_certificate`, `upstream_private_key`, `upstream_pins` and `upstream_proxy` into `upstream`.
pub(super) fn outbound(
    fields: &mut Fields<'_>,
    upstream: Option<Upstream>,
    inspector: &mut Inspector<'_>,
) -> Option<Upstream> {
    let file = fields.source().path();
    let plain = upstream.as_ref().is_some_and(|upstream| !upstream.tls);
    let ca = fields.value("upstream_ca");
    let certificate = fields.value("upstream_certificate");
    let key = fields.value("upstream_private_key");
    let pins = fields.value("upstream_pins");
    for value in [ca, certificate, key, pins].into_iter().flatten().filter(|_| plain) {
        let message = "certificates or pins for an upstream without TLS";
        inspector
            .report
            .error(&value.place(), "contradiction", message)
            .help("have `upstream` begin with https:// or tls://, or remove it");
    }
    let ca = ca.and_then(|value| Named::read(&value, file, inspector.report));
    if let Some(ca) = &ca {
        inspector.roots(ca);
    }
    let identity = match (certificate, key) {
        (Some(certificate), Some(key)) => {
            let certificate = Named::read(&certificate, file, inspector.report);
            let key = Named::read(&key, file, inspector.report);
            certificate.zip(key).map(|(certificate, key)| {
                inspector.pair(&certificate, &key);
                UpstreamIdentity { certificate: certificate.path, private_key: key.path }
            })
        }
        (Some(lonely), None) | (None, Some(lonely)) => {
            let message = "`upstream_certificate` and `upstream_private_key` go together";
            inspector.report.error(&lonely.place(), "missing-key", message).help("name both, or neither");
            None
        }
        (None, None) => None,
    };
    let pins = pins.map(|value| read_pins(&value, inspector.report)).unwrap_or_default();
    let proxy = fields.value("upstream_proxy").map(|value| egress(&value, file, inspector));
    let proxy = match proxy {
        Some(proxy) => Some(proxy?),
        None => None,
    };
    Some(Upstream { ca: ca.map(|ca| ca.path), identity, pins, proxy, ..upstream? })
}

/// `sha256/` and the base64 of a key's SHA-256, as RFC 7469 section 2.4 counts it.
fn read_pins(value: &Value<'_>, report: &mut Report) -> Vec<[u8; 32]> {
    let texts = value.texts(report);
    if texts.is_empty() || texts.len() > MOST {
        let message = format!("1 to {MOST} pins are allowed");
        report.error(&value.place(), "out-of-range", message).help("remove the key to trust the roots alone");
    }
    let mut pins = Vec::new();
    for (text, place) in texts {
        let mut hash = Vec::new();
        let coded = text.strip_prefix("sha256/").is_some_and(|coded| base64::decode(coded.as_bytes(), &mut hash));
        match <[u8; 32]>::try_from(hash.as_slice()) {
            Ok(pin) if coded => pins.push(pin),
            Ok(_) | Err(_) => {
                let help = "write sha256/ and the base64 of the SHA-256 of the certificate's public key (SPKI in DER)";
                report.error(&place, "pin", format!("{} is no pin", quote(text))).help(help);
            }
        }
    }
    pins
}

/// A URL, or a table with what its proxy asks for.
fn egress(value: &Value<'_>, file: &Path, inspector: &mut Inspector<'_>) -> Option<Egress> {
    let (url, user, password) = match value.as_table("upstream_proxy") {
        None => (*value, None, None),
        Some(mut table) => {
            let url = table.wanted("url", "write { url = \"http://proxy.acme.internal:3128\" }", inspector.report);
            let (user, password) = (table.value("user"), table.value("password"));
            table.finish(inspector.report);
            (url?, user, password)
        }
    };
    let Ok(Upstream { tls: false, host, port, path, .. }) = routing::upstream(url.text(inspector.report)?) else {
        return wrong_proxy(&url.place(), inspector.report);
    };
    if !path.is_empty() {
        return wrong_proxy(&url.place(), inspector.report);
    }
    let authorization = match (user, password) {
        (None, None) => None,
        (Some(user), Some(password)) => {
            let name = user.text(inspector.report)?;
            let (secret, place) = inspector.secret(&password, file)?;
            let secret = secret.trim_ascii();
            if name.contains(':') || secret.is_empty() || secret.iter().any(u8::is_ascii_control) {
                let message = "no user name and password that a header can hold (RFC 7617)";
                inspector.report.error(&place, "credentials", message).help("a user name has no `:`");
                return None;
            }
            let pair = Zeroizing::new([name.as_bytes(), b":", secret].concat());
            let mut coded = b"Basic ".to_vec();
            base64::encode(&pair, &mut coded);
            Some(Zeroizing::new(String::from_utf8(coded).ok()?))
        }
        (Some(lonely), None) | (None, Some(lonely)) => {
            let message = "`user` and `password` go together";
            inspector.report.error(&lonely.place(), "missing-key", message).help("name both, or neither");
            return None;
        }
    };
    Some(Egress { host, port, authorization })
}

fn wrong_proxy(place: &Place, report: &mut Report) -> Option<Egress> {
    let message = "a proxy is written http://host:port; its password stands beside it, not in it";
    report.error(place, "upstream", message).help("write it like \"http://proxy.acme.internal:3128\"");
    None
}

/// Reads `inject`: names of header fields, each with a secret and what stands before it.
pub(super) fn injected(fields: &mut Fields<'_>, signed: bool, inspector: &mut Inspector<'_>) -> Vec<Injected> {
    let file = fields.source().path();
    let Some(value) = fields.value("inject") else { return Vec::new() };
    let Some(table) = value.table("inject", inspector.report) else { return Vec::new() };
    let mut injected: Vec<Injected> = Vec::new();
    for (name, place, value) in table.entries() {
        let lower = name.to_ascii_lowercase();
        let token = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let free =
            !TAKEN.contains(&lower.as_str()) && !(signed && (lower == "authorization" || lower.starts_with("x-amz-")));
        if lower.is_empty() || !lower.bytes().all(token) || !free || injected.iter().any(|other| other.name == lower) {
            let message = format!("{} is no header field that can be injected", quote(name));
            let help = "name a field for credentials once, like Authorization, x-api-key or x-goog-api-key";
            inspector.report.error(&place, "inject", message).help(help);
            continue;
        }
        injected.extend(field(&value, file, inspector).map(|value| Injected { name: lower, value }));
    }
    if injected.len() > MOST {
        let message = format!("more than {MOST} fields");
        inspector.report.error(&value.place(), "out-of-range", message).help("remove some");
    }
    injected
}

fn field(value: &Value<'_>, file: &Path, inspector: &mut Inspector<'_>) -> Option<Zeroizing<String>> {
    let (secret, place, prefix) = inspector.prefixed_secret(value, file)?;
    let secret = secret.trim_ascii();
    let whole = Zeroizing::new([prefix.as_bytes(), secret].concat());
    let good = !secret.is_empty() && whole.len() <= LONGEST && whole.iter().all(|byte| (0x20..0x7f).contains(byte));
    if !good {
        let message = "no value that a header field can hold";
        let help = "the secret is one line of visible ASCII characters";
        inspector.report.error(&place, "inject", message).help(help);
        return None;
    }
    String::from_utf8(whole.to_vec()).ok().map(Zeroizing::new)
}
