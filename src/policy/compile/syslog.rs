//! The keys of a `[[listener]]` that speaks syslog in, where its messages go out.

use std::net::IpAddr;

use crate::body::syslog::Framing;
use crate::policy::credentials::Inspector;
use crate::policy::diagnostic::{Place, Report};
use crate::policy::files::{Fields, Value};
use crate::policy::outbound::outbound;
use crate::policy::rules::unknown_name;
use crate::policy::{OnBlock, Syslog, Upstream, routing};

use super::routes::region;
use super::{Names, name_of};

/// Keys that belong to syslog alone.
const KEYS: [&str; 11] = [
    "name",
    "upstream",
    "upstream_ca",
    "upstream_certificate",
    "upstream_private_key",
    "upstream_pins",
    "upstream_proxy",
    "region",
    "workspaces",
    "framing",
    "on_block",
];

/// The name of a listener that gives none.
const NAME: &str = "syslog";

/// Says that these keys are for syslog, where the listener speaks HTTP.
pub(super) fn none(fields: &mut Fields<'_>, report: &mut Report) {
    for key in KEYS {
        if fields.has(key) {
            let value = fields.value(key);
            let Some(value) = value else { continue };
            let message = format!("`{key}` of a listener is for syslog");
            let help = "add protocol = \"syslog\", or write it in a [[route]]";
            report.error(&value.place(), "contradiction", message).help(help);
        }
    }
}

/// What a listener does with syslog, before its workspaces are looked up.
#[derive(Debug)]
pub(super) struct SyslogShape {
    /// What it does, without workspaces and scope.
    pub(super) syslog: Syslog,
    /// The workspaces it names; none: all.
    pub(super) workspaces: Option<Vec<(String, Place)>>,
    /// Where its upstream is written.
    pub(super) place: Place,
}

/// Reads what a listener for syslog does.
pub(super) fn syslog(fields: &mut Fields<'_>, names: &mut Names, inspector: &mut Inspector<'_>) -> Option<SyslogShape> {
    let place = fields.value_place("name");
    let name = match fields.value("name") {
        Some(value) => value.text(inspector.report),
        None => Some(NAME),
    };
    let name = name.and_then(|name| name_of(name, &place, "listener", names, inspector.report));
    let help = "say where messages go, like upstream = \"tls://siem.acme.example:6514\"";
    let upstream_value = fields.wanted("upstream", help, inspector.report);
    let upstream_place = upstream_value.as_ref().map(Value::place);
    let upstream = upstream_value.and_then(|value| upstream(&value, inspector.report));
    let upstream = outbound(fields, upstream, inspector);
    let report = &mut *inspector.report;
    let region = fields.value("region").and_then(|value| region(value.text(report)?, &value.place(), report));
    let report = &mut *inspector.report;
    let purpose = super::routes::purpose(fields, report);
    let workspaces = fields.value("workspaces").map(|value| {
        let names = value.texts(report);
        if names.is_empty() {
            let help = "name a workspace, or remove the key to mean all";
            report.error(&value.place(), "empty", "no workspace may use this listener").help(help);
        }
        names.into_iter().map(|(name, place)| (name.to_owned(), place)).collect()
    });
    let framing = fields.value("framing").and_then(|value| framing(&value, report)).unwrap_or_default();
    let on_block = fields.value("on_block").and_then(|value| on_block(&value, report)).unwrap_or(OnBlock::Record);
    let syslog = Syslog {
        name: name?,
        upstream: upstream?,
        region,
        purpose,
        workspaces: Vec::new(),
        framing,
        on_block,
        scope: usize::MAX,
    };
    Some(SyslogShape { syslog, workspaces, place: upstream_place? })
}

fn upstream(value: &Value<'_>, report: &mut Report) -> Option<Upstream> {
    match routing::syslog_upstream(value.text(report)?) {
        Ok(upstream) => {
            let local = upstream.host == "localhost"
                || upstream.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
            if !upstream.tls && !local {
                let message = format!("messages to {} leave without TLS", upstream.host);
                report
                    .warning(&value.place(), "plain-upstream", message)
                    .help("write tls:// if the upstream speaks it");
            }
            Some(upstream)
        }
        Err(reason) => {
            let help = "write it like \"tls://siem.acme.example:6514\"";
            report.error(&value.place(), "upstream", reason).help(help);
            None
        }
    }
}

fn framing(value: &Value<'_>, report: &mut Report) -> Option<Framing> {
    let name = value.text(report)?;
    let known = Framing::ALL.into_iter().find(|framing| framing.name() == name);
    if known.is_none() {
        unknown_name("framing", name, Framing::ALL.iter().map(|one| one.name()), &value.place(), report);
    }
    known
}

fn on_block(value: &Value<'_>, report: &mut Report) -> Option<OnBlock> {
    match value.text(report)? {
        "record" => Some(OnBlock::Record),
        "connection" => Some(OnBlock::Request),
        name => {
            unknown_name("on_block", name, ["record", "connection"].into_iter(), &value.place(), report);
            None
        }
    }
}
