//! `[[route]]` in, prefix, origin and modes out.

use std::net::IpAddr;
use std::sync::Arc;

use crate::body::retention::Provider;
use crate::body::{Dialect, Direction, JsonPath, MediaRange, PathStep, TOKEN_INSTRUCTION};
use crate::policy::credentials::Inspector;
use crate::policy::diagnostic::{Place, Report, quote};
use crate::policy::files::{Fields, Value};
use crate::policy::outbound::{injected, outbound};
use crate::policy::routing;
use crate::policy::rules::unknown_name;
use crate::policy::{Mode, OnBlock, Route, Signing, Upstream};

use super::reroute::{self, RerouteShape};
use super::{Names, name};

/// Largest body of buffer mode.
const LARGEST: u64 = 1 << 30;
/// The limits of buffer mode where the file says none.
const REQUEST_LIMIT: u64 = 8 << 20;
const RESPONSE_LIMIT: u64 = 32 << 20;
/// Largest body that a route can be bound to.
const LARGEST_STREAM: u64 = 1 << 40;
/// Longest words for a model.
const LONGEST_INSTRUCTION: usize = 2048;
/// The longest text of `disclosure` in bytes.
const LONGEST_DISCLOSURE: usize = 256;
/// Most paths that a route can take out.
const MOST_PATHS: usize = 64;

/// A route as it was read, before its workspaces are looked up.
#[derive(Debug)]
pub(super) struct RouteShape {
    /// The route, without workspaces.
    pub(super) route: Route,
    /// Where its path is written.
    pub(super) path: Place,
    /// The workspaces it names; none: all.
    pub(super) workspaces: Option<Vec<(String, Place)>>,
    /// The services that it names, of requests and of responses.
    pub(super) external: [Vec<(String, Place)>; 2],
    /// Where it sends requests instead.
    pub(super) reroute: Option<RerouteShape>,
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
    let upstream = outbound(&mut fields, upstream, inspector);
    let sign_place = fields.value_place("sign");
    let sign = fields.value("sign").map(|value| Signing::read(&value, file, inspector));
    let inject = injected(&mut fields, sign.is_some(), inspector);
    let report = &mut *inspector.report;
    let region = fields.value("region").and_then(|value| region(value.text(report)?, &value.place(), report));
    let purpose = purpose(&mut fields, report);
    let disclosure = fields.value("disclosure").and_then(|value| disclosure(&value, report));
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
    let retention = fields.value("retention");
    let dropped = fields.value("drop");
    let max_bytes = fields.value("max_bytes").and_then(|value| value.size(LARGEST_STREAM, report));
    let on_block = fields.value("on_block").and_then(|value| on_block(&value, dialect, report));
    let reroute = fields.value("reroute").and_then(|value| reroute::reroute(&value, report));
    let instruction = fields.value("token_instruction");
    let token_instruction = instruction.and_then(|value| token_instruction(&value, report));
    let whole = sign.is_some() || reroute.is_some() || token_instruction.is_some();
    let unsaid = !fields.has("request") && whole;
    let (mut request, asked) = mode(&mut fields, Direction::Request, name.as_deref(), report);
    if unsaid {
        request = Mode::Buffer { limit: REQUEST_LIMIT };
    } else if sign.is_some() && !matches!(request, Mode::Buffer { .. }) {
        let message = "a request is signed over its whole body, which only mode = \"buffer\" reads";
        let help = "remove `request`, or write request = { mode = \"buffer\", limit = \"8MiB\" }";
        report.error(&sign_place, "contradiction", message).help(help);
    }
    if let (Some(reroute), false, Mode::Stream | Mode::Off) = (&reroute, unsaid, request) {
        reroute.needs_buffer(report);
    }
    if let (Some(value), Some(_), false, Mode::Stream | Mode::Off) = (instruction, &token_instruction, unsaid, request)
    {
        let message = "whether a request has tokens is known at its end, which only mode = \"buffer\" waits for";
        let help = "remove `request`, or write request = { mode = \"buffer\", limit = \"8MiB\" }";
        report.error(&value.place(), "contradiction", message).help(help);
    }
    if request == Mode::Off {
        for value in retention.iter().chain(&dropped) {
            let message = "requests that are not read cannot be changed";
            report.error(&value.place(), "contradiction", message).help("use request = { mode = \"stream\" }");
        }
    }
    let drop = dropped.map(|value| drop(&value, report)).unwrap_or_default();
    let retention = retention.and_then(|value| retains(&value, upstream.as_ref(), dialect, report));
    let shadow = fields.value("shadow").and_then(|value| value.flag(report)).unwrap_or(true);
    let (response, asked_back) = mode(&mut fields, Direction::Response, name.as_deref(), report);
    fields.finish(report);
    let upstream = upstream?;
    let sign = match sign {
        Some(sign) => Some(Arc::new(sign?)),
        None => None,
    };
    let route = Route {
        name: name?,
        path: path?,
        upstream,
        workspaces: Vec::new(),
        dialect,
        sign,
        inject,
        region,
        purpose,
        disclosure,
        opaque,
        retention,
        drop,
        max_bytes,
        on_block,
        request,
        response,
        external: [Vec::new(), Vec::new()],
        shadow,
        reroute: None,
        token_instruction,
    };
    Some(RouteShape { route, path: path_value?.place(), workspaces, external: [asked, asked_back], reroute })
}

/// `true` for the usual words, or others.
fn token_instruction(value: &Value<'_>, report: &mut Report) -> Option<Arc<str>> {
    if let Some(said) = value.as_flag() {
        return said.then(|| TOKEN_INSTRUCTION.into());
    }
    let text = value.text(report)?;
    if text.is_empty() || text.len() > LONGEST_INSTRUCTION || text.chars().any(|c| c.is_control() && c != '\n') {
        let help = "write true for the usual words, or 1 to 2048 bytes";
        report.error(&value.place(), "instruction", "no words that a model could be told").help(help);
        return None;
    }
    Some(text.into())
}

/// What answers say of themselves: a field's value (RFC 9110 section 5.5), of printable ASCII.
fn disclosure(value: &Value<'_>, report: &mut Report) -> Option<String> {
    let text = value.text(report)?;
    let printable = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if text.is_empty() || text.len() > LONGEST_DISCLOSURE || !printable || text.trim() != text {
        let help =
            "write 1 to 256 printable ASCII characters without blanks at either end, like \"mode=ai-originated\"";
        report.error(&value.place(), "disclosure", "no text that a header field can hold").help(help);
        return None;
    }
    Some(text.to_owned())
}

/// What a processor is for.
pub(super) fn purpose(fields: &mut Fields<'_>, report: &mut Report) -> Option<String> {
    let value = fields.value("purpose")?;
    let text = value.text(report)?;
    if text.is_empty() || text.len() > 256 || text.chars().any(char::is_control) {
        let help = "write 1 to 256 bytes on one line";
        report.error(&value.place(), "purpose", "no purpose that a register can hold").help(help);
        return None;
    }
    Some(text.to_owned())
}

/// A region's name: small letters, digits and `-`.
pub(super) fn region(name: &str, place: &Place, report: &mut Report) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let good = !name.is_empty() && name.len() <= 64 && name.bytes().all(plain);
    if !good {
        let help = "use small letters, digits and `-`, like \"eu\" or \"eu-central-1\"";
        report.error(place, "name-form", format!("{} is no name of a region", quote(name))).help(help);
    }
    good.then(|| name.to_owned())
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

/// `"none"`, or a table that names the provider too. Which one it is follows from the upstream's host, or from the dialect.
fn retains(
    value: &Value<'_>,
    upstream: Option<&Upstream>,
    dialect: Option<Dialect>,
    report: &mut Report,
) -> Option<Provider> {
    let (kind, named) = match value.as_table("retention") {
        None => (*value, None),
        Some(mut table) => {
            let kind = table.wanted("mode", "write { mode = \"none\", provider = \"openrouter\" }", report);
            let provider = table.value("provider");
            table.finish(report);
            (kind?, provider)
        }
    };
    match kind.text(report)? {
        "none" => {}
        name => {
            unknown_name("retention", name, ["none"].into_iter(), &kind.place(), report);
            return None;
        }
    }
    if let Some(named) = named {
        let name = named.text(report)?;
        let known = Provider::ALL.into_iter().find(|provider| provider.name() == name);
        if known.is_none() {
            unknown_name("provider", name, Provider::ALL.iter().map(|one| one.name()), &named.place(), report);
        }
        return known;
    }
    let provider = Provider::of_host(&upstream?.host).or_else(|| dialect.and_then(Provider::of_dialect));
    if provider.is_none() {
        let help = "name it, like retention = { mode = \"none\", provider = \"openai\" }";
        let message = "whose terms hold is not known from the upstream's host";
        report.error(&value.place(), "retention", message).help(help);
    }
    provider
}

fn on_block(value: &Value<'_>, dialect: Option<Dialect>, report: &mut Report) -> Option<OnBlock> {
    match value.text(report)? {
        "record" if dialect.is_some_and(Dialect::is_model) => {
            let message = "a model provider's requests are no batches of records";
            report.error(&value.place(), "contradiction", message).help("remove `on_block`, or `dialect`");
            None
        }
        "record" => Some(OnBlock::Record),
        "request" => Some(OnBlock::Request),
        name => {
            unknown_name("on_block", name, ["record", "request"].into_iter(), &value.place(), report);
            None
        }
    }
}

/// Paths of values that are taken out. The whole body is none.
fn drop(value: &Value<'_>, report: &mut Report) -> Arc<[JsonPath]> {
    let texts = value.texts(report);
    if texts.len() > MOST_PATHS {
        let message = format!("more than {MOST_PATHS} paths");
        report.error(&value.place(), "out-of-range", message).help("name what is around them");
    }
    let mut paths = Vec::new();
    for (text, place) in texts {
        match JsonPath::parse(text) {
            Ok(path) if path.steps.iter().all(|step| matches!(step, PathStep::Descend)) => {
                let message = "nothing would be left of the body";
                report.error(&place, "json-path", message).help("name a member, like \"$.metadata\"");
            }
            Ok(path) => paths.push(path),
            Err(reason) => {
                let message = format!("{} is no JSON path: {reason}", quote(text));
                report.error(&place, "json-path", message).help("write it like \"$.metadata\" or \"$..user\"");
            }
        }
    }
    paths.into()
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

/// The mode of a direction, and the services that are asked.
fn mode(
    fields: &mut Fields<'_>,
    direction: Direction,
    route: Option<&str>,
    report: &mut Report,
) -> (Mode, Vec<(String, Place)>) {
    let none = (Mode::Stream, Vec::new());
    let Some(value) = fields.value(direction.name()) else { return none };
    let Some(mut table) = value.table(direction.name(), report) else { return none };
    let kind = table.wanted("mode", "write { mode = \"stream\" }, \"buffer\" or \"off\"", report);
    let limit = table.value("limit");
    let external = table.value("external");
    table.finish(report);
    let asked = external.map(|value| value.texts(report)).unwrap_or_default();
    let asked = asked.into_iter().map(|(name, place)| (name.to_owned(), place)).collect();
    let Some(kind) = kind else { return (Mode::Stream, asked) };
    let mode = mode_of(&kind, limit, direction, route, report);
    if let (Mode::Stream | Mode::Off, Some(external)) = (mode, external) {
        let message = "another service judges whole bodies, which only mode = \"buffer\" reads";
        let help = format!("write {} = {{ mode = \"buffer\", external = […] }}", direction.name());
        report.error(&external.place(), "contradiction", message).help(help);
    }
    (mode, asked)
}

fn mode_of(
    kind: &Value<'_>,
    limit: Option<Value<'_>>,
    direction: Direction,
    route: Option<&str>,
    report: &mut Report,
) -> Mode {
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
