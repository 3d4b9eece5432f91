//! Paths and origins: a route's prefix, its upstream's URL, and which route a request's path takes.
//!
//! Prefixes are compared by whole segments as they stand on the wire. A path in which some reader could find a dot
//! segment, or the path of a narrower route, takes no route: what our prefix check saw would not be what the upstream
//! resolves.

use std::net::Ipv6Addr;

use super::segments::{behind, is_dots, leads_to, segments};
use super::{Policy, Upstream};

/// The port of syslog over TLS (RFC 5425 section 4.1).
const SYSLOG_TLS: u16 = 6514;

/// The ports of ICAP (RFC 3507 section 4.2), and of ICAP over TLS as its servers have it.
const ICAP: u16 = 1344;
const ICAPS: u16 = 11344;

/// The port of Redis, with TLS or without.
const REDIS: u16 = 6379;

/// Brings a route's `path` to the form of [`super::Route::path`].
pub(crate) fn route_path(text: &str) -> Result<String, &'static str> {
    let Some(inner) = text.strip_prefix('/') else {
        return Err("a route's path begins with `/`");
    };
    if inner.is_empty() {
        return Ok("/".to_owned());
    }
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    if !inner.bytes().all(path_byte) || inner.contains('%') {
        return Err("a route's path has letters, digits and -._~!$&'()*+,;=:@ only");
    }
    if inner.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
        return Err("a route's path has no empty segments and no dot segments");
    }
    Ok(format!("/{inner}"))
}

/// RFC 3986 `pchar`, `/` and `%`.
fn path_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/%".contains(&byte)
}

/// Parses an upstream's URL; the error never repeats it, since it may hold credentials.
pub(crate) fn upstream(url: &str) -> Result<Upstream, &'static str> {
    let (scheme, rest) = url.split_once("://").ok_or("an upstream is written https://host or http://host")?;
    let tls = match scheme.to_ascii_lowercase().as_str() {
        "https" => true,
        "http" => false,
        _ => return Err("an upstream's scheme is https or http"),
    };
    if rest.contains(['?', '#']) {
        return Err("an upstream has no query and no fragment");
    }
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).ok_or("not a URL")?;
    if authority.contains('@') {
        return Err("an upstream's URL must not hold credentials");
    }
    let (host, port) = authority_parts(authority)?;
    let port = match port {
        None if tls => 443,
        None => 80,
        Some(port) => port.parse().ok().filter(|port| *port != 0).ok_or("an upstream's port is 1 to 65535")?,
    };
    if !path.bytes().all(path_byte) || has_dot_segment(path) {
        return Err("an upstream's path has visible ASCII characters and no dot segments");
    }
    Ok(Upstream { tls, host, port, path: path.trim_end_matches('/').to_owned(), ..Upstream::default() })
}

/// Parses the URI of an ICAP service (RFC 3507 section 4.2; `icaps` over TLS); the error never repeats it.
pub(crate) fn icap_upstream(url: &str) -> Result<Upstream, &'static str> {
    let (scheme, rest) = url.split_once("://").ok_or("an ICAP service is written icap://host/service")?;
    let (scheme, default) = match scheme.to_ascii_lowercase().as_str() {
        "icap" => ("http", ICAP),
        "icaps" => ("https", ICAPS),
        _ => return Err("an ICAP service's scheme is icap or icaps"),
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let parsed = upstream(&format!("{scheme}://{rest}"))?;
    let port = authority_parts(authority)?.1.map_or(default, |_| parsed.port);
    Ok(Upstream { port, ..parsed })
}

/// Parses the upstream of a listener for syslog; the error never repeats it.
pub(crate) fn syslog_upstream(url: &str) -> Result<Upstream, &'static str> {
    let (scheme, authority) =
        url.split_once("://").ok_or("an upstream for syslog is written tls://host or tcp://host:port")?;
    let tls = match scheme.to_ascii_lowercase().as_str() {
        "tls" => true,
        "tcp" => false,
        _ => return Err("an upstream's scheme is tls or tcp here"),
    };
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    if authority.contains(['@', '/', '?', '#']) {
        return Err("an upstream for syslog is a host and a port, nothing more");
    }
    let (host, port) = authority_parts(authority)?;
    let port = match port {
        None if tls => SYSLOG_TLS,
        None => return Err("an upstream without TLS needs its port: none is everybody's"),
        Some(port) => port.parse().ok().filter(|port| *port != 0).ok_or("an upstream's port is 1 to 65535")?,
    };
    Ok(Upstream { tls, host, port, path: String::new(), ..Upstream::default() })
}

/// Parses the URL of a Redis server and the number of a database; the error never repeats it, since it may hold credentials.
pub(crate) fn redis_server(url: &str) -> Result<(Upstream, u32), &'static str> {
    let (scheme, rest) = url.split_once("://").ok_or("a Redis server is written rediss://host or redis://host")?;
    let tls = match scheme.to_ascii_lowercase().as_str() {
        "rediss" => true,
        "redis" => false,
        _ => return Err("a Redis server's scheme is rediss or redis"),
    };
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    if authority.contains('@') {
        return Err("the URL of a Redis server must not hold credentials");
    }
    let (host, port) = authority_parts(authority)?;
    let port = match port {
        None => REDIS,
        Some(port) => port.parse().ok().filter(|port| *port != 0).ok_or("a server's port is 1 to 65535")?,
    };
    let database = match database {
        "" => 0,
        number => {
            number.parse().ok().filter(|number| *number < 1 << 16).ok_or("behind the host is a database's number")?
        }
    };
    Ok((Upstream { tls, host, port, path: String::new(), ..Upstream::default() }, database))
}

fn authority_parts(authority: &str) -> Result<(String, Option<&str>), &'static str> {
    const HOST: &str = "an upstream's host is a DNS name in ASCII or an IP address";
    if let Some(inner) = authority.strip_prefix('[') {
        let (address, port) = inner.split_once(']').ok_or(HOST)?;
        let address: Ipv6Addr = address.parse().map_err(|_| HOST)?;
        let port = match port {
            "" => None,
            port => Some(port.strip_prefix(':').ok_or(HOST)?),
        };
        return Ok((address.to_string(), port));
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    if !host_name(host) {
        return Err(HOST);
    }
    Ok((host.to_ascii_lowercase(), port))
}

/// A DNS name or an IPv4 address.
pub(crate) fn host_name(host: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    host.len() <= 253 && host.split('.').all(label)
}

/// Whether some reader of `path` could find `.` or `..` in it: `%2e`, `%2f`, `%5c` and `\` count as what they mean, and
/// what follows a `;` as a parameter.
fn has_dot_segment(path: &str) -> bool {
    let mut rest = path.as_bytes();
    let mut dots = Some(0_usize);
    loop {
        let (byte, after) = match rest {
            [] => return matches!(dots, Some(1 | 2)),
            [b'%', b'2', b'e' | b'E', after @ ..] => (b'.', after),
            [b'%', b'2', b'f' | b'F', after @ ..] | [b'%', b'5', b'c' | b'C', after @ ..] => (b'/', after),
            [b'%', b'3', b'b' | b'B', after @ ..] => (b';', after),
            [byte, after @ ..] => (*byte, after),
        };
        rest = after;
        match byte {
            b'/' | b'\\' | b';' if matches!(dots, Some(1 | 2)) => return true,
            b'/' | b'\\' => dots = Some(0),
            b'.' => dots = dots.map(|dots| dots + 1),
            _ => dots = None,
        }
    }
}

impl Policy {
    /// The route that a request's path takes for a workspace, and what of the path remains (empty, or beginning with
    /// `/`). Whole segments, the longest prefix wins; a route that is not for this workspace is none, and a path that is
    /// not [`Policy::is_clear`] takes none.
    #[must_use]
    pub fn route_for<'a>(&self, workspace: usize, path: &'a str) -> Option<(usize, &'a str)> {
        if has_dot_segment(path) || !self.is_clear(path) {
            return None;
        }
        let (prefix, rest) = self.prefix_of(path)?;
        let takes = |route: &super::Route| route.path == prefix && route.workspaces.contains(&workspace);
        let index = self.routes.iter().position(|route| takes(route))?;
        Some((index, rest))
    }

    /// Whether whoever reads this path finds it below the same route. An upstream may take `%61` for `a`, pass over empty
    /// segments, parameters, the case of letters and a segment's final dots, blanks and controls, or decode twice; where it
    /// would then find what a narrower route is there for, the path is not clear. Other spellings, of which no route is told,
    /// are the upstream's to read.
    #[must_use]
    pub fn is_clear(&self, path: &str) -> bool {
        let Some((prefix, rest)) = self.prefix_of(path) else { return true };
        let below = |route| str::strip_prefix(route, prefix.trim_end_matches('/'));
        let narrower = || {
            let below = self.routes.iter().filter_map(|route| below(route.path.as_str()));
            below.filter(|below| below.len() > 1 && below.starts_with('/'))
        };
        if narrower().next().is_none() {
            return true;
        }
        let segments = segments(rest);
        let has_dots = segments.iter().any(|segment| is_dots(&segment.name));
        !has_dots && !narrower().any(|below| leads_to(&segments, below))
    }

    /// The longest path of a route that a path begins with, and what is behind it.
    fn prefix_of<'a>(&self, path: &'a str) -> Option<(&str, &'a str)> {
        let found = self.routes.iter().filter_map(|route| Some((route.path.as_str(), behind(&route.path, path)?)));
        found.min_by_key(|(_, rest)| rest.len()).filter(|_| path.starts_with('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_have_one_form() {
        let table =
            [("/", Ok("/")), ("/openai", Ok("/openai")), ("/openai/", Ok("/openai")), ("/a/b-c.d_e", Ok("/a/b-c.d_e"))];
        for (text, expected) in table {
            assert_eq!(route_path(text).as_deref(), expected, "{text}");
        }
        for bad in ["", "openai", "//", "/a//b", "/a/../b", "/a/.", "/a%2fb", "/a b", "/a?b", "/a#b", "/é", "/a\0"] {
            assert!(route_path(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn upstreams_are_origins_with_a_path() {
        let good = |url: &str| upstream(url).map(|to| (to.tls, to.host, to.port, to.path));
        let made = |tls, host: &str, port, path: &str| Ok((tls, host.to_owned(), port, path.to_owned()));
        assert_eq!(good("https://api.openai.com"), made(true, "api.openai.com", 443, ""));
        assert_eq!(good("HTTPS://API.openai.com:8443/"), made(true, "api.openai.com", 8443, ""));
        assert_eq!(good("http://127.0.0.1:80/v1/"), made(false, "127.0.0.1", 80, "/v1"));
        assert_eq!(good("https://[::1]:9/a/b"), made(true, "::1", 9, "/a/b"));
        let bad = [
            "api.openai.com",
            "ftp://a",
            "https://",
            "https://user:secret@a",
            "https://a:0",
            "https://a:65536",
            "https://a:",
            "https://a/?q",
            "https://a/#f",
            "https://a/../b",
            "https://a b",
            "https://é",
            "https://[::1",
            "https://::1",
        ];
        for url in bad {
            let error = good(url).expect_err(url);
            assert!(!error.contains("secret"));
        }
    }

    #[test]
    fn dot_segments_are_found_as_any_reader_would() {
        for path in [
            "/..",
            "/a/../b",
            "/a/./b",
            "/a/.",
            "/%2e%2E/a",
            "/a/.%2e",
            "/a%2f..%2fb",
            "/a/..%5cb",
            "/a\\..\\b",
            "/a/..;x/b",
            "/a/..%3bx/b",
        ] {
            assert!(has_dot_segment(path), "{path}");
        }
        for path in ["/", "/a", "/a/.../b", "/a/..b", "/a/b..", "/.well-known/x", "/v1.0/a%2fb", "/a/%2eb", "/a;.."] {
            assert!(!has_dot_segment(path), "{path}");
        }
    }
}
