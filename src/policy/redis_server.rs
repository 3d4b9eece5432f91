//! A Redis server that replicas share: where it is, and how the proxy shows who it is.
//!
//! Enters: a URL, or a table with one. Leaves: [`RedisSettings`], or diagnostics that repeat nothing of a secret.

use std::fmt;
use std::time::Duration;

use zeroize::Zeroizing;

use super::credentials::Inspector;
use super::diagnostic::Report;
use super::files::{Fields, Value};
use super::outbound::outbound;
use super::{Upstream, routing};

/// Longest time-out of a connection or a command.
const LONGEST: Duration = Duration::from_secs(60 * 60);
/// Longest prefix of keys, in bytes.
const PREFIX: usize = 128;

/// A Redis server, and how it is spoken to.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisSettings {
    /// Where it is; the path is empty.
    pub server: Upstream,
    /// The database's number. 0.
    pub database: u32,
    /// The user of its access list; none: `default`, where there is a password.
    pub user: Option<String>,
    /// That user's password.
    pub password: Option<Zeroizing<String>>,
    /// What the names of all keys begin with. `blackbar:`.
    pub prefix: String,
    /// How long a connection may take, with TLS and its first words. 2 s.
    pub connect_timeout: Duration,
    /// How long a command may take. 2 s.
    pub command_timeout: Duration,
}

impl fmt::Debug for RedisSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisSettings({}:{}/{})", self.server.host, self.server.port, self.database)
    }
}

/// Whether `text` is meant for a URL, and not for a path.
pub(super) fn is_url(text: &str) -> bool {
    text.contains("://")
}

/// The server that a value names: a URL alone, or a table whose other keys `more` reads.
pub(super) fn redis<T: Default>(
    value: &Value<'_>,
    what: &'static str,
    inspector: &mut Inspector<'_>,
    more: impl FnOnce(&mut Fields<'_>, &mut Report) -> Option<T>,
) -> Option<(RedisSettings, T)> {
    let Some(mut fields) = value.as_table(what) else {
        let (server, database) = address(value, inspector.report)?;
        return Some((bare(server, database), T::default()));
    };
    let help = "say where it is, like url = \"rediss://redis.acme.internal:6379\"";
    let url = fields.wanted("url", help, inspector.report);
    let named = url.and_then(|value| address(&value, inspector.report));
    let (server, database) = named.unzip();
    let server = outbound(&mut fields, server, inspector);
    let file = fields.source().path();
    let user = fields.text("user", inspector.report).map(str::to_owned);
    let user_place = fields.value_place("user");
    let password = fields.value("password").map(|value| password(&value, file, inspector));
    if let (Some(_), None) = (&user, &password) {
        let help = "add password = { file = \"…\" }, or { env = \"…\" }";
        inspector.report.error(&user_place, "missing-key", "`user` has no `password`").help(help);
    }
    let report = &mut *inspector.report;
    let prefix = fields.value("prefix").map(|value| prefix(&value, report));
    let mut time = |key, default| match fields.value(key) {
        None => Some(Duration::from_secs(default)),
        Some(value) => value.duration_up_to(LONGEST, report),
    };
    let (connect_timeout, command_timeout) = (time("connect_timeout", 2), time("command_timeout", 2));
    let more = more(&mut fields, report);
    fields.finish(report);
    let settings = RedisSettings {
        user,
        password: match password {
            Some(password) => Some(password?),
            None => None,
        },
        prefix: match prefix {
            Some(prefix) => prefix?,
            None => PREFIX_DEFAULT.to_owned(),
        },
        connect_timeout: connect_timeout?,
        command_timeout: command_timeout?,
        ..bare(server?, database?)
    };
    Some((settings, more?))
}

const PREFIX_DEFAULT: &str = "blackbar:";

fn bare(server: Upstream, database: u32) -> RedisSettings {
    RedisSettings {
        server,
        database,
        user: None,
        password: None,
        prefix: PREFIX_DEFAULT.to_owned(),
        connect_timeout: Duration::from_secs(2),
        command_timeout: Duration::from_secs(2),
    }
}

fn address(value: &Value<'_>, report: &mut Report) -> Option<(Upstream, u32)> {
    match routing::redis_server(value.text(report)?) {
        Ok((server, database)) => {
            let local = server.host == "localhost"
                || server.host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
            if !server.tls && !local {
                let message = format!("what goes to {} leaves without TLS, passwords among it", server.host);
                report.warning(&value.place(), "plain-redis", message).help("write rediss:// if it speaks it");
            }
            Some((server, database))
        }
        Err(reason) => {
            let help = "write it like \"rediss://redis.acme.internal:6379/0\"; a password stands beside it: \
                        { url = \"…\", user = \"…\", password = { file = \"…\" } }";
            report.error(&value.place(), "redis", reason).help(help);
            None
        }
    }
}

fn password(value: &Value<'_>, file: &std::path::Path, inspector: &mut Inspector<'_>) -> Option<Zeroizing<String>> {
    let (secret, place) = inspector.secret(value, file)?;
    let text = std::str::from_utf8(secret.trim_ascii()).ok().filter(|text| !text.is_empty());
    if text.is_none() {
        inspector.report.error(&place, "credentials", "no password").help("it is one line of UTF-8");
    }
    text.map(|text| Zeroizing::new(text.to_owned()))
}

fn prefix(value: &Value<'_>, report: &mut Report) -> Option<String> {
    let text = value.text(report)?;
    let good = (1..=PREFIX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if !good {
        let help = format!("use 1 to {PREFIX} visible ASCII characters, like \"blackbar:\"");
        report.error(&value.place(), "name-form", "no prefix of keys").help(help);
    }
    good.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_in_no_debug_output() {
        let password = Some(Zeroizing::new("canary".to_owned()));
        let settings = RedisSettings { password, ..bare(Upstream::default(), 0) };
        assert!(!format!("{settings:?}").contains("canary"));
    }
}
