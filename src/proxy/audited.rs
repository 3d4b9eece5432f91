//! What stands in the audit of an exchange: the one place that turns an account into an [`Entry`].
//!
//! Enters: who asked, what for, what was seen and what became of it. Leaves: an entry of configured names, codes of closed
//! sets, counts, and the names of a verified certificate. No part of a message, a path or a query is ever among them.

use std::borrow::Cow;
use std::time::Duration;

use http::{Method, StatusCode};
use serde::Serialize;
use serde_json::Value;

use crate::audit::record::{bounded, integer};
use crate::audit::{Entry, Kind, Moment, Receipt};
use crate::body::{Direction, FINGERPRINTS, Inspection};
use crate::engine::{Comparison, Rule, RuleId};
use crate::policy::{PeerIdentity, Policy, Route, Workspace};
use crate::telemetry;

use super::ledger::Consulted;
use super::shadow;

/// Names of a certificate that a record tells.
const NAMES: usize = 4;

/// The clocks, as the audit asks for them.
#[must_use]
pub fn moment() -> Moment {
    Moment { unix_ms: telemetry::unix_millis(), mono_ns: telemetry::uptime_nanos() }
}

/// Who is at the other end of a connection, as records tell it.
#[derive(Debug)]
pub(crate) struct Party {
    /// The connection's number since the start.
    pub(crate) connection: u64,
    /// The address that it comes from, without port.
    pub(crate) address: String,
    /// The names of its certificate.
    pub(crate) names: Vec<String>,
    /// SHA-256 of its certificate.
    pub(crate) certificate: Option<String>,
}

impl Party {
    /// The names of a certificate as the configuration writes them.
    pub(crate) fn names(peer: &PeerIdentity) -> Vec<String> {
        Self::all_names(peer).take(NAMES).map(|name| bounded(&name).into_owned()).collect()
    }

    /// All of them.
    pub(crate) fn all_names(peer: &PeerIdentity) -> impl Iterator<Item = String> {
        let kinds = [("uri", &peer.uris), ("dns", &peer.dns), ("email", &peer.emails)];
        let all = kinds.into_iter().flat_map(|(kind, names)| names.iter().map(move |name| format!("{kind}:{name}")));
        all.chain(peer.ips.iter().map(|address| format!("ip:{address}")))
    }
}

/// What an exchange came to.
pub(crate) struct Facts<'a> {
    pub(crate) request_id: &'a str,
    pub(crate) party: &'a Party,
    /// The name of the API key that was shown.
    pub(crate) key: Option<&'a str>,
    pub(crate) policy: &'a Policy,
    pub(crate) workspace: Option<&'a Workspace>,
    pub(crate) route: Option<&'a Route>,
    pub(crate) method: Option<&'a Method>,
    pub(crate) status: Option<StatusCode>,
    /// The code and the side of what ended it, and the rule that did.
    pub(crate) fault: Option<(&'static str, &'static str, Option<&'a RuleId>)>,
    /// Why the upstream could not be reached, where that ended it.
    pub(crate) cause: Option<&'static str>,
    /// The item that the request is held as.
    pub(crate) item: Option<&'a str>,
    /// What services said of its bodies.
    pub(crate) consulted: &'a [Consulted],
    /// What rules that read along find otherwise in each direction.
    pub(crate) compared: Option<&'a [std::sync::Arc<Comparison>; 2]>,
    /// Decoded bytes that the model is told of tokens: of no receipt's length.
    pub(crate) instructed: u64,
    /// The model's tokens that were counted against a budget.
    pub(crate) model_tokens: u64,
    /// The route that the request came by before it went elsewhere, and the rule that sent it there.
    pub(crate) elsewhere: Option<(&'a str, &'a RuleId)>,
    pub(crate) request: Option<&'a Inspection>,
    pub(crate) response: Option<&'a Inspection>,
    /// The request's body was still under way when the record was written.
    pub(crate) pending: bool,
    /// The request's body was looked at: it has a receipt, be it of nothing.
    pub(crate) looked_at: bool,
    /// Nothing of that direction's body was sent on: requests, answers.
    pub(crate) unsent: [bool; 2],
    pub(crate) took: Duration,
}

impl Facts<'_> {
    /// The record of its end, or of a session's beginning.
    pub(crate) fn entry(&self, kind: Kind) -> Entry {
        let mut entry = Entry::new(kind)
            .text("req", self.request_id)
            .number("conn", self.party.connection)
            .text("peer", &self.party.address)
            .text("policy", &self.policy.hash)
            .text("outcome", self.outcome())
            .number("dur_us", u64::try_from(self.took.as_micros()).unwrap_or(u64::MAX));
        if !self.party.names.is_empty() {
            entry = entry.value("actor", &self.party.names);
        }
        if let Some(certificate) = &self.party.certificate {
            entry = entry.text("cert", certificate);
        }
        if let Some(key) = self.key {
            entry = entry.text("key", key);
        }
        if let Some(workspace) = self.workspace {
            entry = entry.text("ws", &workspace.name);
        }
        if let Some(route) = self.route {
            let template = format!("{}/*", route.path.trim_end_matches('/'));
            entry = entry.text("route", &route.name).text("path", &template).text("upstream", &route.upstream.host);
        }
        if let Some(method) = self.method {
            // Others are not served: what they are called is the client's text.
            let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
            let name = known.iter().find(|name| **name == method.as_str()).copied().unwrap_or("OTHER");
            entry = entry.text("method", name);
        }
        if let Some(status) = self.status {
            entry = entry.number("status", u64::from(status.as_u16()));
        }
        if let Some((code, side, rule)) = self.fault {
            entry = entry.text("reason", code).text("side", side);
            if let Some(rule) = rule {
                entry = entry.text("rule", rule.as_str());
            }
        }
        if let Some(cause) = self.cause {
            entry = entry.text("cause", cause);
        }
        if let Some(item) = self.item {
            entry = entry.text("item", item);
        }
        if !self.consulted.is_empty() {
            let said = self.consulted.iter().map(|(direction, service, said)| Said {
                by: bounded(service),
                dir: direction.name(),
                said,
            });
            entry = entry.value("external", said.collect::<Vec<_>>());
        }
        if let (Some(compared), Some(workspace)) = (self.compared, self.workspace) {
            entry = shadow::noted(entry, workspace, compared);
        }
        if self.instructed > 0 {
            entry = entry.number("instruction_bytes", self.instructed);
        }
        if self.model_tokens > 0 {
            entry = entry.number("model_tokens", self.model_tokens);
        }
        if let Some((route, rule)) = self.elsewhere {
            entry = entry.text("rerouted_from", route).text("rerouted_by", rule.as_str());
        }
        if self.pending {
            entry = entry.text("request_pending", "body");
        }
        self.seen(entry)
    }

    fn outcome(&self) -> &'static str {
        match self.fault {
            Some(("policy_blocked" | "external", ..)) => "blocked",
            Some(("quarantined", ..)) => "held",
            Some(_) => "failed",
            None => {
                let changes = |action: &str| !matches!(action, "observe" | "approved");
                let changed = |seen: &Inspection| seen.findings.iter().any(|(_, action, _)| changes(action));
                let redacted = [self.request, self.response].into_iter().flatten().any(changed);
                if redacted { "redacted" } else { "forwarded" }
            }
        }
    }

    /// Receipts, findings and fingerprints of both directions.
    fn seen(&self, mut entry: Entry) -> Entry {
        let rules = self.workspace.map_or(&[][..], |workspace| workspace.rules.rules());
        let (mut findings, mut left) = (Vec::new(), FINGERPRINTS);
        let ways = [(Direction::Request, self.request), (Direction::Response, self.response)];
        for ((direction, seen), unsent) in ways.into_iter().zip(self.unsent) {
            let Some(seen) = seen else { continue };
            let looked_at = self.looked_at && direction == Direction::Request;
            if looked_at || seen.length > 0 || seen.bytes_in > 0 || seen.bytes_out > 0 {
                entry = entry.value(direction.name(), receipt(seen, unsent, self.fault.is_some()));
            }
            if seen.dropped_fields > 0 {
                entry = entry.number("dropped_fields", seen.dropped_fields);
            }
            if seen.records.dropped() > 0 {
                entry = entry.number("dropped_records", seen.records.dropped());
            }
            for (index, action, count) in &seen.findings {
                let Some(rule) = rules.get(*index) else { continue };
                let fingerprints = fingerprints(seen, *index, &mut left);
                findings.push(Finding::new(direction, rule, (action, *count), fingerprints));
            }
        }
        if !findings.is_empty() {
            entry = entry.value("findings", findings);
        }
        match self.workspace.and_then(|workspace| workspace.fingerprints.as_ref()) {
            Some(made) if left < FINGERPRINTS => entry.number("fp_epoch", made.epoch),
            Some(_) | None => entry,
        }
    }
}

/// What became of a body's bytes. One that was decided before any of it was sent, and refused, is withheld as a whole.
fn receipt(seen: &Inspection, unsent: bool, refused: bool) -> Receipt {
    let bytes_out = if unsent { 0 } else { seen.bytes_out };
    if unsent && refused {
        let (bytes_in, length) = (seen.bytes_in, seen.length);
        return Receipt { bytes_in, length, withheld: length, ..Receipt::default() };
    }
    Receipt {
        bytes_in: seen.bytes_in,
        bytes_out,
        length: seen.length,
        scanned: seen.scanned,
        unscanned: seen.unscanned.clone(),
        withheld: seen.withheld,
    }
}

/// The fingerprints of a rule's values, as many as there may still be.
fn fingerprints(seen: &Inspection, rule: usize, left: &mut usize) -> Vec<String> {
    let of_rule = seen.fingerprints.iter().filter(|(known, _)| *known == rule);
    let taken: Vec<String> = of_rule.take(*left).map(|(_, value)| crate::audit::chain::hex(value)).collect();
    *left -= taken.len();
    taken
}

/// What a rule found in a direction, as it stands in a record: its members in the order of their names.
#[derive(Serialize)]
struct Finding<'a> {
    action: &'a str,
    count: Value,
    dir: &'static str,
    entity: Cow<'a, str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fp: Vec<String>,
    rule: Cow<'a, str>,
}

impl<'a> Finding<'a> {
    fn new(direction: Direction, rule: &'a Rule, (action, count): (&'a str, u64), fp: Vec<String>) -> Self {
        let (entity, rule) = (bounded(rule.entity.as_str()), bounded(rule.id.as_str()));
        Self { action, count: integer(count), dir: direction.name(), entity, fp, rule }
    }
}

/// What a service said, as it stands in a record.
#[derive(Serialize)]
struct Said<'a> {
    by: Cow<'a, str>,
    dir: &'static str,
    said: &'static str,
}

/// The record of a configuration that took over.
pub(crate) fn loaded(kind: Kind, policy: &Policy) -> Entry {
    Entry::new(kind).text("policy", &policy.hash).text("program", env!("CARGO_PKG_VERSION"))
}
