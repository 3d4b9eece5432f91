//! Credentials that the proxy signs requests with, and what it signs them for.
//!
//! Enters: a route's `sign` table. Leaves: a [`Signing`], or diagnostics that repeat nothing of a secret. Secrets come from
//! files and the environment; they are wiped when they are dropped, and no debug output shows them.

use std::fmt;
use std::path::Path;

use zeroize::Zeroizing;

use super::credentials::{Inspector, Named};
use super::diagnostic::{Place, quote};
use super::files::{FILE_LIMIT, Value};
use super::rules::unknown_name;

/// The one scheme.
const SCHEME: &str = "aws-sigv4";
/// Longest of the names that are put into a signature.
const LONGEST_NAME: usize = 64;

/// How requests to an upstream are signed: AWS Signature Version 4, with credentials of the proxy's own in place of the
/// client's.
#[derive(Clone, PartialEq, Eq)]
pub struct Signing {
    /// The region that the upstream is in.
    pub region: String,
    /// The name that the service has in signatures.
    pub service: String,
    /// Whose requests they are.
    pub credentials: AwsCredentials,
}

/// An AWS access key.
#[derive(Clone, PartialEq, Eq)]
pub struct AwsCredentials {
    /// The name of the key.
    pub access_key_id: String,
    /// The key.
    pub secret_access_key: Zeroizing<String>,
    /// What goes with a key that is temporary.
    pub session_token: Option<Zeroizing<String>>,
}

impl fmt::Debug for Signing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signing({SCHEME}, {}, {})", self.region, self.service)
    }
}

impl fmt::Debug for AwsCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AwsCredentials")
    }
}

impl Signing {
    /// Reads a `sign` table that stands in `file`.
    pub(crate) fn read(value: &Value<'_>, file: &Path, inspector: &mut Inspector<'_>) -> Option<Self> {
        let report = &mut *inspector.report;
        let mut fields = value.table("sign", report)?;
        let scheme = fields.wanted("scheme", "write scheme = \"aws-sigv4\"", report);
        let region = fields.wanted("region", "say where the upstream is, like region = \"us-east-1\"", report);
        let service = fields.value("service");
        let help = "write credentials = { file = \"…\" }, or { access_key_id = …, secret_access_key = … }";
        let credentials = fields.wanted("credentials", help, report);
        fields.finish(report);
        let scheme = scheme.and_then(|scheme| {
            let name = scheme.text(report)?;
            if name != SCHEME {
                unknown_name("scheme", name, [SCHEME].into_iter(), &scheme.place(), report);
            }
            (name == SCHEME).then_some(())
        });
        let mut name = |value: Value<'_>| {
            let text = value.text(report)?;
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            let good = !text.is_empty() && text.len() <= LONGEST_NAME && text.bytes().all(plain);
            if !good {
                let message = format!("{} is no name of a region or a service", quote(text));
                report.error(&value.place(), "name-form", message).help("use small letters, digits and `-`");
            }
            good.then(|| text.to_owned())
        };
        let region = region.and_then(&mut name);
        let service_place = service.map(|value| value.place());
        let service = service.map_or_else(|| Some("bedrock".to_owned()), &mut name);
        if let (Some("s3"), Some(place)) = (service.as_deref(), service_place) {
            let message = "S3 has a form of signatures of its own, which is not built";
            report.error(&place, "not-built", message).help("sign for another service, or leave the route unsigned");
        }
        let credentials = credentials.and_then(|value| AwsCredentials::read(&value, file, inspector));
        scheme?;
        Some(Self { region: region?, service: service?, credentials: credentials? })
    }
}

impl AwsCredentials {
    /// Credentials from their parts; none where one of them has a character that no header may hold.
    #[must_use]
    pub fn new(access_key_id: &str, secret_access_key: &str, session_token: Option<&str>) -> Option<Self> {
        let graphic = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        let id = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let good = graphic(access_key_id)
            && access_key_id.bytes().all(id)
            && access_key_id.len() <= 128
            && graphic(secret_access_key)
            && session_token.is_none_or(graphic);
        good.then(|| Self {
            access_key_id: access_key_id.to_owned(),
            secret_access_key: Zeroizing::new(secret_access_key.to_owned()),
            session_token: session_token.map(|token| Zeroizing::new(token.to_owned())),
        })
    }

    fn read(value: &Value<'_>, file: &Path, inspector: &mut Inspector<'_>) -> Option<Self> {
        let mut fields = value.table("credentials", inspector.report)?;
        let place = fields.place();
        let (path, profile) = (fields.value("file"), fields.value("profile"));
        let (id, secret) = (fields.value("access_key_id"), fields.value("secret_access_key"));
        let token = fields.value("session_token");
        fields.finish(inspector.report);
        match (path, id, secret) {
            (Some(path), None, None) if token.is_none() => {
                let profile = match profile {
                    Some(profile) => profile.text(inspector.report)?,
                    None => "default",
                };
                Self::shared(&Named::read(&path, file, inspector.report)?, profile, inspector)
            }
            (None, Some(id), Some(secret)) if profile.is_none() => {
                let mut part = |value: Value<'_>| inspector.secret(&value, file).map(|(bytes, _)| bytes);
                let (id, secret) = (part(id), part(secret));
                let token = match token {
                    Some(token) => Some(part(token)?),
                    None => None,
                };
                let (id, secret) = (id?, secret?);
                let text = |bytes| std::str::from_utf8(bytes).ok().map(str::trim_ascii);
                let made = text(&id).zip(text(&secret)).and_then(|(id, secret)| match &token {
                    Some(token) => Self::new(id, secret, Some(text(token)?)),
                    None => Self::new(id, secret, None),
                });
                made.or_else(|| malformed("these are no AWS credentials", &place, inspector))
            }
            _ => {
                let message = "credentials are a `file` with its `profile`, or a key's parts";
                let help = "write { file = \"…\" }, or { access_key_id = …, secret_access_key = …, session_token = … }";
                inspector.report.error(&place, "contradiction", message).help(help);
                None
            }
        }
    }

    /// One profile of a file as AWS's own tools share it: sections in brackets, a name and a value a line.
    fn shared(named: &Named, profile: &str, inspector: &mut Inspector<'_>) -> Option<Self> {
        let contents = inspector.disk.wanted(&named.path, FILE_LIMIT, &named.place, inspector.report)?;
        inspector.permissions(named, &contents);
        let Ok(text) = std::str::from_utf8(&contents.bytes) else {
            return malformed("the file is not UTF-8", &named.place, inspector);
        };
        let (mut found, mut inside) = (false, false);
        let (mut id, mut secret, mut token) = (None, None, None);
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';'])) {
            if let Some(section) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                inside = section.trim() == profile;
                found |= inside;
            } else if let Some((key, value)) = line.split_once('=').filter(|_| inside) {
                match key.trim() {
                    "aws_access_key_id" => id = Some(value.trim()),
                    "aws_secret_access_key" => secret = Some(value.trim()),
                    "aws_session_token" => token = Some(value.trim()),
                    _ => {}
                }
            }
        }
        if !found {
            let message = format!("{} has no profile {}", named.path.display(), quote(profile));
            inspector.report.error(&named.place, "credentials", message).help("name one with `profile`");
            return None;
        }
        let made = id.zip(secret).and_then(|(id, secret)| Self::new(id, secret, token));
        made.or_else(|| malformed("the profile has no usable access key", &named.place, inspector))
    }
}

fn malformed<T>(message: &str, place: &Place, inspector: &mut Inspector<'_>) -> Option<T> {
    let help = "see that the key's name and the key are there, whole, and without blanks in them";
    inspector.report.error(place, "credentials", message).help(help);
    None
}
