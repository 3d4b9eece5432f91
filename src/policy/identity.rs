//! Names of a client certificate in, its workspace out.
//!
//! Names are compared after parsing, byte for byte (RFC 5280 section 7.4): scheme, host and domain in lower case, no
//! substring, no common name, no wildcard but a final `/*` of a URI's path. A name that does not parse (empty, a NUL,
//! not ASCII, a `*`) is dropped here and can match nothing.

use std::fmt;
use std::net::IpAddr;

use super::{NoWorkspace, PeerIdentity, Policy, SanPattern};

/// Longest name that is looked at.
const LONGEST: usize = 2048;

/// Why the text of a pattern is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum PatternError {
    /// It does not begin with `uri:`, `dns:`, `email:` or `ip:`.
    Kind,
    /// A `*` elsewhere than as the last segment of a URI's path.
    Wildcard,
    /// Not an absolute URI of visible ASCII characters.
    Uri,
    /// Not a DNS name.
    Dns,
    /// Not an e-mail address.
    Email,
    /// Not an IP address.
    Ip,
}

impl PatternError {
    /// The way out.
    pub(crate) fn help(self) -> &'static str {
        match self {
            Self::Kind | Self::Uri => "write it like uri:spiffe://acme.example/agent",
            Self::Wildcard => "only uri:…/* is a pattern, for whole path segments; list other names one by one",
            Self::Dns => "write it like dns:agent.acme.internal",
            Self::Email => "write it like email:ops@acme.example",
            Self::Ip => "write it like ip:10.0.0.7 or ip:2001:db8::7, without a port or a range",
        }
    }
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kind => "a client's name begins with `uri:`, `dns:`, `email:` or `ip:`",
            Self::Wildcard => "a wildcard may only be the last segment of a URI's path",
            Self::Uri => "not an absolute URI in visible ASCII characters",
            Self::Dns => "not a DNS name",
            Self::Email => "not an e-mail address",
            Self::Ip => "not an IP address",
        })
    }
}

impl SanPattern {
    /// Parses what stands in `clients`.
    pub(crate) fn parse(text: &str) -> Result<Self, PatternError> {
        let (kind, name) = text.split_once(':').ok_or(PatternError::Kind)?;
        match kind {
            "uri" => match name.strip_suffix("/*") {
                Some(prefix) => uri_prefix(prefix),
                None if name.contains('*') => Err(PatternError::Wildcard),
                None => uri(name).map(Self::Uri).ok_or(PatternError::Uri),
            },
            "dns" | "email" | "ip" if name.contains('*') => Err(PatternError::Wildcard),
            "dns" => dns(name).map(Self::Dns).ok_or(PatternError::Dns),
            "email" => email(name).map(Self::Email).ok_or(PatternError::Email),
            "ip" => name.parse().map(Self::Ip).map_err(|_| PatternError::Ip),
            _ => Err(PatternError::Kind),
        }
    }

    /// Whether a certificate with these names is meant.
    #[must_use]
    pub fn matches(&self, peer: &PeerIdentity) -> bool {
        match self {
            Self::Uri(name) => peer.uris.contains(name),
            Self::UriPrefix(prefix) => {
                peer.uris.iter().any(|uri| uri.strip_prefix(prefix.as_str()).is_some_and(whole_segments))
            }
            Self::Dns(name) => peer.dns.contains(name),
            Self::Email(name) => peer.emails.contains(name),
            Self::Ip(address) => peer.ips.contains(address),
        }
    }

    /// Whether some one name would match both.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::UriPrefix(prefix), Self::Uri(name)) | (Self::Uri(name), Self::UriPrefix(prefix)) => {
                name.strip_prefix(prefix.as_str()).is_some_and(whole_segments)
            }
            (Self::UriPrefix(left), Self::UriPrefix(right)) => left.starts_with(right) || right.starts_with(left),
            _ => self == other,
        }
    }
}

/// The rest of a path after a prefix: segments that mean nothing but themselves. What a reader might resolve, decode or
/// cut off (dot segments, percent signs, queries) is none.
fn whole_segments(rest: &str) -> bool {
    let plain = |segment: &str| !matches!(segment, "" | "." | "..") && !segment.contains(['%', '?', '#', '\\', '*']);
    rest.split('/').all(plain)
}

fn uri_prefix(prefix: &str) -> Result<SanPattern, PatternError> {
    if prefix.contains('*') {
        return Err(PatternError::Wildcard);
    }
    if prefix.contains(['?', '#']) {
        return Err(PatternError::Wildcard);
    }
    let prefix = uri(prefix).ok_or(PatternError::Uri)?;
    let authority = prefix.split_once("://").map(|(_, rest)| rest).ok_or(PatternError::Wildcard)?;
    if authority.split('/').any(str::is_empty) {
        return Err(PatternError::Uri);
    }
    Ok(SanPattern::UriPrefix(format!("{prefix}/")))
}

/// RFC 3986: scheme and host in lower case, the rest as it stands.
fn uri(name: &str) -> Option<String> {
    if name.len() > LONGEST || !name.bytes().all(|byte| byte.is_ascii_graphic()) || name.contains('*') {
        return None;
    }
    let (scheme, rest) = name.split_once(':')?;
    let letters = scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    if !letters || !scheme.starts_with(|first: char| first.is_ascii_alphabetic()) || rest.is_empty() {
        return None;
    }
    let scheme = scheme.to_ascii_lowercase();
    let Some(hierarchy) = rest.strip_prefix("//") else {
        return Some(format!("{scheme}:{rest}"));
    };
    let end = hierarchy.find(['/', '?', '#']).unwrap_or(hierarchy.len());
    let (authority, path) = hierarchy.split_at_checked(end)?;
    // Whether a reader takes what stands before or after the `@` for the host is not worth finding out.
    if authority.is_empty() || authority.contains(['@', '\\', '%']) {
        return None;
    }
    Some(format!("{scheme}://{}{path}", authority.to_ascii_lowercase()))
}

/// RFC 1034 section 3.5 and `_`, in lower case; no wildcard, no final dot.
fn dns(name: &str) -> Option<String> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    (name.len() <= 253 && name.split('.').all(label)).then(|| name.to_ascii_lowercase())
}

/// RFC 5280 section 4.2.1.6: a dot-atom and a domain; the domain in lower case.
fn email(name: &str) -> Option<String> {
    let (local, domain) = name.split_once('@')?;
    let atom = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'+-/=?^_`{|}~.".contains(&byte);
    if local.is_empty() || local.len() > 64 || !local.bytes().all(atom) {
        return None;
    }
    Some(format!("{local}@{}", dns(domain)?))
}

impl PeerIdentity {
    /// Takes a URI name of a verified certificate, as it stands there. One that does not parse is dropped.
    pub fn add_uri(&mut self, name: &str) {
        self.uris.extend(uri(name));
    }

    /// Takes a DNS name; one that does not parse, or is a wildcard, is dropped.
    pub fn add_dns(&mut self, name: &str) {
        self.dns.extend(dns(name));
    }

    /// Takes an e-mail address (RFC 822 name); one that does not parse is dropped.
    pub fn add_email(&mut self, name: &str) {
        self.emails.extend(email(name));
    }

    /// Takes an IP address (RFC 5280 section 4.2.1.6: four bytes or sixteen); anything else is dropped.
    pub fn add_ip(&mut self, bytes: &[u8]) {
        let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
        self.ips.extend(v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)));
    }
}

impl Policy {
    /// The workspace whose list has a name of this certificate, by its index.
    ///
    /// # Errors
    /// No workspace has one, or more than one does: both are refused.
    pub fn workspace_for(&self, peer: &PeerIdentity) -> Result<usize, NoWorkspace> {
        let belongs = |clients: &[SanPattern]| clients.iter().any(|pattern| pattern.matches(peer));
        let mut found = self.workspaces.iter().enumerate().filter(|(_, workspace)| belongs(&workspace.clients));
        match (found.next(), found.next()) {
            (Some((index, _)), None) => Ok(index),
            (None, _) => Err(NoWorkspace::Unknown),
            (Some(_), Some(_)) => Err(NoWorkspace::Ambiguous),
        }
    }

    /// The workspace of this name, by its index.
    #[must_use]
    pub fn workspace_named(&self, name: &str) -> Option<usize> {
        self.workspaces.iter().position(|workspace| workspace.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, add: fn(&mut PeerIdentity, &str), name: &str) -> bool {
        let mut peer = PeerIdentity::default();
        add(&mut peer, name);
        SanPattern::parse(pattern).is_ok_and(|pattern| pattern.matches(&peer))
    }

    #[test]
    fn uris_match_exactly_after_parsing() {
        let uri = |pattern, name| matches(pattern, PeerIdentity::add_uri, name);
        let agent = "uri:spiffe://acme.example/agent/*";
        let table = [
            ("uri:spiffe://acme.example/a", "spiffe://acme.example/a", true),
            ("uri:SPIFFE://Acme.Example/a", "spiffe://ACME.example/a", true),
            ("uri:spiffe://acme.example/a", "spiffe://acme.example/A", false),
            ("uri:spiffe://acme.example/a", "spiffe://acme.example/a/", false),
            ("uri:spiffe://acme.example/a", "spiffe://acme.example/ab", false),
            ("uri:spiffe://acme.example/a", "spiffe://acme.example.evil/a", false),
            ("uri:spiffe://acme.example/a", "xspiffe://acme.example/a", false),
            ("uri:spiffe://acme.example/a", "spiffe://x@acme.example/a", false),
            ("uri:spiffe://acme.example/a", "spiffe://acme.example/a\0", false),
            ("uri:urn:acme:Agent", "URN:acme:Agent", true),
            ("uri:urn:acme:Agent", "urn:acme:agent", false),
            (agent, "spiffe://acme.example/agent/7", true),
            (agent, "spiffe://acme.example/agent/7/b", true),
            (agent, "spiffe://ACME.example/agent/7", true),
            (agent, "spiffe://acme.example/agent", false),
            (agent, "spiffe://acme.example/agent/", false),
            (agent, "spiffe://acme.example/agents/7", false),
            (agent, "spiffe://acme.example/agent/7/", false),
            (agent, "spiffe://acme.example/agent//7", false),
            (agent, "spiffe://acme.example/agent/../admin", false),
            (agent, "spiffe://acme.example/agent/.", false),
            (agent, "spiffe://acme.example/agent/%2e%2e", false),
            (agent, "spiffe://acme.example/agent/7?x", false),
            (agent, "spiffe://acme.example/agent/*", false),
            (agent, "spiffe://acme.example/agent/é", false),
            (agent, "spiffe://acme.example/agent/7\0", false),
            ("uri:spiffe://acme.example/*", "spiffe://acme.example.evil/x", false),
            ("uri:spiffe://acme.example/*", "spiffe://acme.example/x", true),
        ];
        for (pattern, name, expected) in table {
            assert_eq!(uri(pattern, name), expected, "{pattern} against {name:?}");
        }
    }

    #[test]
    fn dns_names_and_addresses_match_exactly() {
        let dns = |name| matches("dns:agent.acme.internal", PeerIdentity::add_dns, name);
        assert!(dns("agent.acme.internal") && dns("AGENT.Acme.internal"));
        for name in ["x.agent.acme.internal", "agent.acme.internal.", "agent.acme.internal\0", "*.acme.internal", ""] {
            assert!(!dns(name), "{name:?}");
        }
        let email = |name| matches("email:ops@acme.example", PeerIdentity::add_email, name);
        assert!(email("ops@acme.example") && email("ops@ACME.example"));
        for name in ["Ops@acme.example", "xops@acme.example", "ops@acme.example.evil", "ops@x@acme.example", "ops"] {
            assert!(!email(name), "{name:?}");
        }
        let kinds = matches("dns:acme.example", PeerIdentity::add_uri, "acme.example");
        assert!(!kinds, "a name of one kind is no name of another");
    }

    #[test]
    fn addresses_match_in_any_spelling_and_no_range_does() {
        let ip = |pattern: &str, bytes: &[u8]| {
            let mut peer = PeerIdentity::default();
            peer.add_ip(bytes);
            SanPattern::parse(pattern).is_ok_and(|pattern| pattern.matches(&peer))
        };
        assert!(ip("ip:10.0.0.7", &[10, 0, 0, 7]));
        let mut six = [0; 16];
        (six[0], six[1], six[2], six[3], six[15]) = (0x20, 0x01, 0x0d, 0xb8, 7);
        assert!(ip("ip:2001:db8::7", &six) && ip("ip:2001:DB8:0:0:0:0:0:7", &six));
        // A mapped address is another name, and an address with a mask (a name constraint's form) is none.
        assert!(!ip("ip:::ffff:10.0.0.7", &[10, 0, 0, 7]) && !ip("ip:10.0.0.7", &[10, 0, 0, 7, 255, 255, 255, 255]));
        assert!(!ip("ip:10.0.0.7", &[]) && !ip("dns:10.0.0.7", &[10, 0, 0, 7]));
    }

    #[test]
    fn patterns_refuse_what_could_match_by_accident() {
        use PatternError::{Dns, Email, Ip, Kind, Uri, Wildcard};
        let table = [
            ("spiffe://acme.example/a", Kind),
            ("", Kind),
            ("cn:agent", Kind),
            ("uri:spiffe://*", Wildcard),
            ("uri:spiffe:///*", Uri),
            ("uri:spiffe://*/a", Wildcard),
            ("uri:spiffe://acme.example/a*", Wildcard),
            ("uri:spiffe://acme.example/*/b", Wildcard),
            ("uri:spiffe://acme.example/*/*", Wildcard),
            ("uri:spiffe://acme.example/a?b/*", Wildcard),
            ("uri:spiffe://acme.example//*", Uri),
            ("uri:urn:acme/*", Wildcard),
            ("uri:", Uri),
            ("uri:/a", Uri),
            ("uri:spiffe://acmé/a", Uri),
            ("uri:spiffe://acme.example/a b", Uri),
            ("uri:spiffe://user@acme.example/a", Uri),
            ("dns:*.acme.internal", Wildcard),
            ("dns:", Dns),
            ("dns:a..b", Dns),
            ("dns:a\0.b", Dns),
            ("email:*@acme.example", Wildcard),
            ("email:acme.example", Email),
            ("email:@acme.example", Email),
            ("ip:10.0.0.0/8", Ip),
            ("ip:10.0.0.*", Wildcard),
            ("ip:010.0.0.1", Ip),
            ("ip:[::1]", Ip),
        ];
        for (text, expected) in table {
            assert_eq!(SanPattern::parse(text), Err(expected), "{text:?}");
        }
    }

    #[test]
    fn patterns_overlap_where_one_name_would_match_both() {
        let overlap = |left: &str, right: &str| match (SanPattern::parse(left), SanPattern::parse(right)) {
            (Ok(left), Ok(right)) => left.overlaps(&right) && right.overlaps(&left),
            _ => panic!("not patterns: {left} {right}"),
        };
        assert!(overlap("uri:spiffe://a/x/*", "uri:spiffe://a/x/y/*"));
        assert!(overlap("uri:spiffe://a/x/*", "uri:spiffe://A/x/*"));
        assert!(overlap("uri:spiffe://a/x/*", "uri:spiffe://a/x/y"));
        assert!(overlap("dns:A.b", "dns:a.b"));
        assert!(!overlap("uri:spiffe://a/x/*", "uri:spiffe://a/xy/*"));
        assert!(!overlap("uri:spiffe://a/x/*", "uri:spiffe://a/x"));
        assert!(!overlap("dns:a.b", "email:x@a.b"));
    }
}
