//! What counters start from.
//!
//! Enters: the configuration that comes into force. Leaves: counters that stand at 0 before anything has happened, where their
//! labels are of closed sets or names of that configuration. A counter that appears with its first event has not increased for
//! whoever asks by how much it has: an alarm would miss the first failed reload. Those that the shipped alarms ask are there
//! always; the others as long as there is room for their series. Counters with a rule's name come with their first event.

use crate::policy::{OnFault, Policy};
use crate::telemetry::{NO_WORKSPACE, Telemetry};

/// The most series that are begun for other readers than alarms.
const SERIES: usize = 1_500;

const DIRECTIONS: [&str; 2] = ["request", "response"];

/// Why a handshake fails.
const HANDSHAKE: [&str; 13] = [
    "tls_alpn",
    "tls_bad_cert",
    "tls_closed",
    "tls_crl_bad",
    "tls_crl_missing",
    "tls_crl_stale",
    "tls_expired",
    "tls_no_cert",
    "tls_protocol",
    "tls_revoked",
    "tls_server_distrusted",
    "tls_timeout",
    "tls_untrusted",
];
/// Why a connection, or a request of nobody yet, is refused.
const STRANGE: [&str; 23] = [
    "accept",
    "api_key",
    "audit_unavailable",
    "client_abort",
    "client_stall",
    "conn_limit",
    "framing_chunk",
    "framing_cl",
    "framing_cl_te",
    "framing_te",
    "h2_connection",
    "h2_flood",
    "h2_resets",
    "header_size",
    "header_syntax",
    "http_syntax",
    "internal",
    "method",
    "revoked",
    "san_denied",
    "trailer",
    "uri_syntax",
    "version",
];
/// Why a request or an answer of a workspace is refused, where an alarm asks for that reason.
const ALARMED: [&str; 6] =
    ["overloaded", "upstream_connect", "upstream_protocol", "upstream_range", "upstream_reset", "upstream_timeout"];
/// Why else.
const REFUSED: [&str; 54] = [
    "audit_unavailable",
    "body_size",
    "body_timeout",
    "charset",
    "client_abort",
    "client_stall",
    "coding",
    "coding_invalid",
    "dead_letter",
    "draining",
    "expect",
    "external",
    "external_unavailable",
    "frame_syntax",
    "framing",
    "framing_te",
    "header_size",
    "header_syntax",
    "host",
    "inflate_limit",
    "internal",
    "item_over",
    "item_unknown",
    "item_waits",
    "json_depth",
    "json_syntax",
    "media_type",
    "method",
    "misdirected",
    "no_route",
    "policy_blocked",
    "protobuf_depth",
    "protobuf_syntax",
    "quarantine_unavailable",
    "quarantined",
    "rate",
    "residency",
    "retention",
    "revoked",
    "san_denied",
    "texts_limit",
    "token_budget",
    "token_ids",
    "tool_blocked",
    "trailer",
    "truncated",
    "upgrade",
    "upload_part",
    "uri_size",
    "uri_syntax",
    "value_size",
    "websocket",
    "workspace_frozen",
    "api_key",
];
/// Faults that `on_fault = "pass"` lets through.
const FAULTS: [&str; 5] = ["charset", "coding", "media_type", "protobuf_syntax", "truncated"];
/// What else passes unscanned, by policy or by what it is.
const EXEMPT: [&str; 10] =
    ["bytes", "encrypted", "id", "labels", "media", "mode_off", "number", "signature", "token_ids", "upload_part"];

/// Begins the counters that `policy` may move.
pub(super) fn begin(telemetry: &Telemetry, policy: &Policy) {
    alarmed(telemetry, policy);
    shown(&mut Begun { telemetry, left: SERIES }, policy);
}

/// Those that alarms ask.
fn alarmed(telemetry: &Telemetry, policy: &Policy) {
    let zero = |name, labels: &[&str]| telemetry.add(name, labels, 0);
    for result in ["ok", "error", "weaker"] {
        zero("blackbar_config_reload_total", &[result]);
    }
    for reason in HANDSHAKE {
        zero("blackbar_tls_handshake_failures_total", &[reason]);
        zero("blackbar_rejected_total", &[NO_WORKSPACE, reason]);
    }
    for reason in STRANGE.into_iter().chain(ALARMED) {
        zero("blackbar_rejected_total", &[NO_WORKSPACE, reason]);
    }
    for export in policy.audit.iter().flat_map(|audit| &audit.exports) {
        for result in ["sent", "lost"] {
            zero("blackbar_audit_export_records_total", &[&export.name, result]);
        }
    }
    for (index, workspace) in policy.workspaces.iter().enumerate() {
        let name = workspace.name.as_str();
        for reason in ALARMED {
            zero("blackbar_rejected_total", &[name, reason]);
        }
        for reason in FAULTS.into_iter().filter(|_| workspace.on_fault == OnFault::Pass) {
            for direction in DIRECTIONS {
                zero("blackbar_unscanned_bytes_total", &[name, direction, reason]);
            }
        }
        let keeps = workspace.dead_letter.is_some();
        for route in ways(policy, index).into_iter().filter(|_| keeps) {
            for result in ["kept", "full", "error"] {
                zero("blackbar_dead_letters_total", &[name, route, result]);
            }
        }
    }
}

/// Those that have no labels or few, then those of each workspace.
fn shown(begun: &mut Begun<'_>, policy: &Policy) {
    begun.each("blackbar_connections_total", &[], &[]);
    begun.each("blackbar_quarantine_damaged_total", &[], &[]);
    if policy.traces.is_some() {
        begun.each("blackbar_spans_total", &[], &["sent", "dropped"]);
    }
    if policy.shared_limits.is_some() {
        begun.each("blackbar_shared_limits_total", &[], &["admitted", "refused", "local", "blocked"]);
    }
    if policy.quarantine.is_some() {
        begun.each("blackbar_quarantine_webhook_total", &[], &["ok", "error", "given_up"]);
    }
    for export in policy.audit.iter().flat_map(|audit| &audit.exports) {
        let reasons = ["connect", "broken", "refused", "slow", "disk"];
        begun.each("blackbar_audit_export_failures_total", &[&export.name], &reasons);
    }
    for external in &policy.externals {
        begun.each("blackbar_external_cache_hits_total", &[&external.name], &[]);
        for direction in DIRECTIONS {
            let said = ["allow", "redact", "change", "block"];
            begun.each("blackbar_external_requests_total", &[&external.name, direction], &said);
        }
    }
    for (index, workspace) in policy.workspaces.iter().enumerate() {
        let name = workspace.name.as_str();
        begun.each("blackbar_rejected_total", &[name], &REFUSED);
        for direction in DIRECTIONS {
            begun.each("blackbar_unscanned_bytes_total", &[name, direction], &EXEMPT);
        }
        for route in ways(policy, index) {
            begun.each("blackbar_requests_total", &[name, route], &["2xx", "3xx", "4xx", "5xx"]);
            begun.each("blackbar_request_bytes_total", &[name, route], &[]);
            begun.each("blackbar_response_bytes_total", &[name, route], &[]);
            if policy.quarantine.is_some() {
                let ends = ["held", "full", "error", "released", "failed", "rejected", "expired"];
                begun.each("blackbar_quarantine_total", &[name, route], &ends);
            }
        }
    }
}

/// The names of the routes and syslog listeners that a workspace may use.
fn ways(policy: &Policy, workspace: usize) -> Vec<&str> {
    let routes = policy.routes.iter().map(|route| (&route.name, &route.workspaces));
    let listeners = policy.listeners.iter().filter_map(|listener| listener.syslog.as_ref());
    let all = routes.chain(listeners.map(|syslog| (&syslog.name, &syslog.workspaces)));
    all.filter(|(_, open)| open.contains(&workspace)).map(|(name, _)| name.as_str()).collect()
}

/// Series that are begun while there is room.
struct Begun<'a> {
    telemetry: &'a Telemetry,
    left: usize,
}

impl Begun<'_> {
    /// One for each of `last`, or the one that these labels are.
    fn each(&mut self, name: &'static str, labels: &[&str], last: &[&str]) {
        let Some(left) = self.left.checked_sub(last.len().max(1)) else { return };
        self.left = left;
        if last.is_empty() {
            self.telemetry.add(name, labels, 0);
        }
        for value in last {
            self.telemetry.add(name, &[labels, &[*value]].concat(), 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The words between quotation marks in the text from `from` to `to`.
    fn words<'t>(text: &'t str, from: &str, to: &str) -> BTreeSet<&'t str> {
        let text = text.split_once(from).map_or("", |(_, rest)| rest);
        let text = text.split_once(to).map_or(text, |(before, _)| before);
        text.split('"').skip(1).step_by(2).collect()
    }

    #[test]
    fn every_reason_of_the_program_is_begun() {
        let mut codes = words(include_str!("reply.rs"), "fn code(&self)", "fn status(&self)");
        codes.extend(words(include_str!("../body/mod.rs"), "fn code(&self)", "impl fmt::Display for BodyError"));
        let known: BTreeSet<&str> = ALARMED.into_iter().chain(REFUSED).collect();
        assert_eq!(codes, known);
        let handshakes = words(include_str!("tls.rs"), "fn handshake_reason", "\n}\n");
        assert!(handshakes.len() > 10 && handshakes.iter().all(|reason| HANDSHAKE.contains(reason)), "{handshakes:?}");
        let guard = words(include_str!("guard.rs"), "fn too_large(&self)", "mod tests");
        let faults = guard.iter().filter(|word| word.starts_with("framing_") || word.ends_with("_syntax"));
        assert!(faults.clone().count() > 4 && faults.into_iter().all(|fault| STRANGE.contains(fault)), "{guard:?}");
    }

    #[test]
    fn what_is_begun_is_bounded() {
        let telemetry = Telemetry::new();
        let mut begun = Begun { telemetry: &telemetry, left: 5 };
        begun.each("blackbar_rejected_total", &["a"], &["host", "rate", "framing"]);
        begun.each("blackbar_rejected_total", &["b"], &["host", "rate", "framing"]);
        let text = telemetry.render();
        assert!(text.contains("workspace=\"a\"} 0") && !text.contains("workspace=\"b\""), "{text}");
    }
}
