//! `[[route]]` in, prefix, origin and modes out.

use std::net::IpAddr;
use std::sync::Arc;

use crate::body::{Dialect, Direction, MediaRange};
use crate::policy::credentials::{Inspector, Named};
use crate::policy::diagnostic::{Place, Report};
use crate::policy::files::{Fields, Value};
use crate::policy::routing;
use crate::policy::rules::unknown_name;
use crate::policy::{Mode, Route, Signing, Upstream};

use super::{Names, name};

/// Largest body of buffer mode.
const LARGEST: u64 = 1 << 30;
/// The limits of buffer mode where the file says none.
const REQUEST_LIMIT: u64 = 8 << 20;
const RESPONSE_LIMIT: u64 = 32 << 20;

/// A route as it was read, before its workspaces are looked up.
#[derive(Debug)]
pub(super) struct RouteShape {
    /// The route, without workspaces.
    pub(super) route: Route,
    /// Where its path is written.
    pub(super) path: Place,
    /// The workspaces it names; none: all.
    pub(super) workspaces: Option<Vec<(String, Place)>>,
}

/// Reads one `[[route]]`. Its name is in `names` even if the rest has errors, so that scopes may refer to it.
pub(super) fn route(mut fields: Fields<'_>, names: &mut Names, inspector: &mut Inspector<'_>) -> Option<RouteShape> {
    let file = fields.source().path();
    let name = name(&mut fields, "route", names, inspector.report);
    let path_value = fields.wanted("path", "say which requests take it, like path = \"/openai\"", inspector.report);
    let path = path_value.and_then(|value| path(&value, inspector.report));
    let upstream_value =
        fields.wanted("upstream", "say where it leads, like \"https://api.openai.com\"", inspector.report);
    let upstream = upstream_value.and_then(|value| upstream(&value, inspector.report));
    let ca = fields.value("upstream_ca").and_then(|value| Named::read(&value, file, inspector.report));
    if let Some(ca) = &ca {
        inspector.roots(ca);
        if upstream.as_ref().is_some_and(|upstream| !upstream.tls) {
            let help = "write https:// in `upstream`, or remove `upstream_ca`";
            inspector.report.error(&ca.place, "contradiction", "`upstream_ca` for an upstream without TLS").help(help);
        }
    }
    let sign_place = fields.value_place("sign");
    let sign = fields.value("sign").map(|value| Signing::read(&value, file, inspector));
    let report = &mut *inspector.report;
    let workspaces = fields.value("workspaces").map(|value| {
        let names = value.texts(report);
        if names.is_empty() {
            let help = "name a workspace, or remove the key to mean all";
            report.error(&value.place(), "empty", "no workspace may use this route").help(help);
        }
        names.into_iter().map(|(name, place)| (name.to_owned(), place)).collect()
    });
    let dialect = fields.value("dialect").and_then(|value| dialect(&value, report));
    let opaque = fields.value("opaque").map(|value| opaque(&value, name.as_deref(), report)).unwrap_or_default();
    let unsaid = !fields.has("request") && sign.is_some();
    let mut request = mode(&mut fields, Direction::Request, name.as_deref(), report);
    if unsaid {
        request = Mode::Buffer { limit: REQUEST_LIMIT };
    } else if sign.is_some() && !matches!(request, Mode::Buffer { .. }) {
        let message = "a request is signed over its whole body, which only mode = \"buffer\" reads";
        let help = "remove `request`, or write request = { mode = \"buffer\", limit = \"8MiB\" }";
        report.error(&sign_place, "contradiction", message).help(help);
    }
    let response = mode(&mut fields, Direction::Response, name.as_deref(), report);
    fields.finish(report);
    let upstream = Upstream { ca: ca.map(|ca| ca.path), ..upstream? };
    let sign = match sign {
        Some(sign) => Some(Arc::new(sign?)),
        None => None,
    };
    let route =
        Route { name: name?, path: path?, upstream, workspaces: Vec::new(), dialect, sign, opaque, request, response };
    Some(RouteShape { route, path: path_value?.place(), workspaces })
}

fn path(value: &Value<'_>, report: &mut Report) -> Option<String> {
    match routing::route_path(value.text(report)?) {
        Ok(path) => Some(path),
        Err(reason) => {
            report.error(&value.place(), "route-path", reason).help("write it like \"/openai\" or \"/siem/splunk\"");
            None
        }
    }
}

fn upstream(value: &Value<'_>, report: &mut Report) -> Option<Upstream> {
    match routing::upstream(value.text(report)?) {
        Ok(upstream) => {
            let local = upstream.host == "localhost"
                || upstream.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
            if !upstream.tls && !local {
                let message = format!("bodies to {} leave without TLS", upstream.host);
                report
                    .warning(&value.place(), "plain-upstream", message)
                    .help("write https:// if the upstream speaks it");
            }
            Some(upstream)
        }
        Err(reason) => {
            let help = "write it like \"https://api.openai.com\"; credentials travel in the client's own headers";
            report.error(&value.place(), "upstream", reason).help(help);
            None
        }
    }
}

fn dialect(value: &Value<'_>, report: &mut Report) -> Option<Dialect> {
    let name = value.text(report)?;
    let known = Dialect::ALL.into_iter().find(|dialect| dialect.name() == name);
    if known.is_none() {
        unknown_name("dialect", name, Dialect::ALL.iter().map(|dialect| dialect.name()), &value.place(), report);
    }
    known
}

/// `"pass"` or `"block"` for every type, or a table of types.
fn opaque(value: &Value<'_>, route: Option<&str>, report: &mut Report) -> Arc<[MediaRange]> {
    let Some(table) = value.as_table("opaque") else {
        let all = passes(value, "bodies of every type", route, report);
        return if all { Arc::new([MediaRange::all()]) } else { Arc::default() };
    };
    let mut ranges = Vec::new();
    for (name, place, value) in table.entries() {
        match MediaRange::parse(name) {
            Some(range) if passes(&value, name, route, report) => ranges.push(range),
            Some(_) => {}
            None => {
                let help = "write a type like \"image/png\" or \"image/*\"";
                report.error(&place, "media-type", format!("{name} is no media type")).help(help);
            }
        }
    }
    ranges.into()
}

fn passes(value: &Value<'_>, what: &str, route: Option<&str>, report: &mut Report) -> bool {
    match value.text(report) {
        Some("pass") => {
            let route = route.unwrap_or("?");
            let message = format!("{what} on route {route} pass unscanned where they are no text");
            let help = "name no more types than must pass, like { \"image/*\" = \"pass\" }";
            report.warning(&value.place(), "unscanned", message).help(help);
            true
        }
        Some("block") | None => false,
        Some(name) => {
            unknown_name("opaque", name, ["block", "pass"].into_iter(), &value.place(), report);
            false
        }
    }
}

fn mode(fields: &mut Fields<'_>, direction: Direction, route: Option<&str>, report: &mut Report) -> Mode {
    let Some(value) = fields.value(direction.name()) else { return Mode::Stream };
    let Some(mut table) = value.table(direction.name(), report) else { return Mode::Stream };
    let kind = table.wanted("mode", "write { mode = \"stream\" }, \"buffer\" or \"off\"", report);
    let limit = table.value("limit");
    table.finish(report);
    let Some(kind) = kind else { return Mode::Stream };
    let bytes = limit.and_then(|limit| limit.size(LARGEST, report));
    let mode = match kind.text(report) {
        Some("stream") => Mode::Stream,
        Some("buffer") => {
            let default = match direction {
                Direction::Request => REQUEST_LIMIT,
                Direction::Response => RESPONSE_LIMIT,
            };
            return Mode::Buffer { limit: bytes.unwrap_or(default) };
        }
        Some("off") => {
            let message = format!("{} bodies of route {} are not scanned", direction.name(), route.unwrap_or("?"));
            report.warning(&kind.place(), "unscanned", message).help("use \"stream\" unless you mean it");
            Mode::Off
        }
        Some(name) => {
            unknown_name("mode", name, ["stream", "buffer", "off"].into_iter(), &kind.place(), report);
            return Mode::Stream;
        }
        None => return Mode::Stream,
    };
    if let Some(limit) = limit {
        let message = "`limit` belongs to mode = \"buffer\"";
        report.error(&limit.place(), "contradiction", message).help("remove it, or write mode = \"buffer\"");
    }
    mode
}
