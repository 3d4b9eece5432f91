//! `[[audit.export]]` and `[telemetry]` in, where the log and traces are sent besides out.

use std::net::IpAddr;

use crate::policy::credentials::{Inspector, Named};
use crate::policy::files::{Fields, Value};
use crate::policy::outbound::{injected, outbound};
use crate::policy::routing;
use crate::policy::rules::unknown_name;
use crate::policy::{Export, Format, Target, TraceExport, Upstream};

use super::apart::LogFolder;
use super::{Names, name};

/// Targets of a log.
const MOST: usize = 16;
const KINDS: [&str; 3] = ["http", "syslog", "file"];

/// Reads every `[[audit.export]]` of a log in this folder.
pub(super) fn exports(tables: Vec<Fields<'_>>, log: Option<&LogFolder>, inspector: &mut Inspector<'_>) -> Vec<Export> {
    let mut names = Names::new();
    if let Some(beyond) = tables.get(MOST) {
        let message = format!("more than {MOST} targets");
        inspector.report.error(&beyond.place(), "out-of-range", message).help("remove some");
    }
    tables.into_iter().take(MOST).filter_map(|table| export(table, &mut names, log, inspector)).collect()
}

fn export(
    mut fields: Fields<'_>,
    names: &mut Names,
    log: Option<&LogFolder>,
    inspector: &mut Inspector<'_>,
) -> Option<Export> {
    let name = name(&mut fields, "target", names, inspector.report);
    let help = "write kind = \"http\", \"syslog\" or \"file\"";
    let kind = fields.wanted("kind", help, inspector.report);
    let place = kind.map(|value| value.place());
    let target = match kind.and_then(|value| value.text(inspector.report)) {
        Some("http") => http(&mut fields, inspector),
        Some("syslog") => {
            let parse = routing::syslog_upstream;
            let upstream = upstream(&mut fields, "upstream", parse, "tls://siem.acme.example:6514", inspector);
            upstream.map(|upstream| Target::Syslog { upstream })
        }
        Some("file") => {
            let file = fields.source().path();
            let path = fields.wanted("path", "name the file: path = \"audit.ndjson\"", inspector.report);
            let named = path.and_then(|value| Named::read(&value, file, inspector.report));
            if let (Some(named), Some(log)) = (&named, log) {
                log.keeps_out(&named.path, true, &named.place, inspector.report);
            }
            named.map(|named| Target::File { path: named.path })
        }
        Some(other) => {
            if let Some(place) = place {
                unknown_name("kind", other, KINDS.into_iter(), &place, inspector.report);
            }
            return None;
        }
        None => return None,
    };
    fields.finish(inspector.report);
    Some(Export { name: name?, target: target? })
}

fn http(fields: &mut Fields<'_>, inspector: &mut Inspector<'_>) -> Option<Target> {
    let upstream = upstream(fields, "upstream", routing::upstream, "https://siem.acme.example/ingest", inspector);
    let format = fields.value("format").map_or(Some(Format::Ndjson), |value| format(&value, inspector));
    let inject = injected(fields, false, inspector);
    Some(Target::Http { upstream: upstream?, format: format?, inject })
}

/// Reads `[telemetry]`. A collector without a path has OTLP's usual one.
pub(super) fn traces(mut fields: Fields<'_>, inspector: &mut Inspector<'_>) -> Option<TraceExport> {
    let upstream = upstream(&mut fields, "otlp", routing::upstream, "https://collector.acme.example:4318", inspector);
    let inject = injected(&mut fields, false, inspector);
    fields.finish(inspector.report);
    let mut upstream = upstream?;
    if upstream.path.is_empty() {
        "/v1/traces".clone_into(&mut upstream.path);
    }
    Some(TraceExport { upstream, inject })
}

fn format(value: &Value<'_>, inspector: &mut Inspector<'_>) -> Option<Format> {
    let name = value.text(inspector.report)?;
    let known = Format::ALL.into_iter().find(|format| format.name() == name);
    if known.is_none() {
        unknown_name("format", name, Format::ALL.iter().map(|one| one.name()), &value.place(), inspector.report);
    }
    known
}

/// Where to, under this key, and what makes the connection to it sure.
fn upstream<E: Into<String>>(
    fields: &mut Fields<'_>,
    key: &'static str,
    parse: impl Fn(&str) -> Result<Upstream, E>,
    example: &str,
    inspector: &mut Inspector<'_>,
) -> Option<Upstream> {
    let help = format!("say where to, like {key} = \"{example}\"");
    let value = fields.wanted(key, &help, inspector.report);
    let parsed = value.and_then(|value| match parse(value.text(inspector.report)?) {
        Ok(upstream) => {
            let local = upstream.host == "localhost"
                || upstream.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
            if !upstream.tls && !local {
                let what = if key == "otlp" { "spans" } else { "records" };
                let message = format!("{what} to {} leave without TLS", upstream.host);
                let help = format!("have `{key}` begin with https:// or tls://");
                inspector.report.warning(&value.place(), "plain-upstream", message).help(help);
            }
            Some(upstream)
        }
        Err(reason) => {
            let help = format!("write it like \"{example}\"");
            inspector.report.error(&value.place(), "upstream", reason).help(help);
            None
        }
    });
    outbound(fields, parsed, inspector)
}
